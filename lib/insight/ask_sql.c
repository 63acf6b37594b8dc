/* ask_sql.c - a reading as one statement of SQL. What comes from the question is in it as quoted text and as numbers only. */
#include <math.h>
#include <stdio.h>

#include "insight/ask_priv.h"

static void
put_text(struct buf *b, struct str s)
{
	buf_byte(b, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\'')
			buf_byte(b, '\'');
		buf_byte(b, s.p[i]);
	}
	buf_byte(b, '\'');
}

static void
put_name(struct buf *b, const char *name)               /* of a column of the answer */
{
	buf_byte(b, '"');
	for (; *name; name++)
		buf_byte(b, *name == '"' ? '\'' : *name);
	buf_byte(b, '"');
}

static void
put_time(struct buf *b, int64_t t)
{
	char text[TIME_LEN];

	time_print(t, text);
	buf_printf(b, "'%.*s'", TIME_LEN, text);
}

static void
put_number(struct buf *b, double v)
{
	json_put_double(b, isfinite(v) ? v : 0);
}

static void
put_and(struct buf *b)
{
	if (b->n)
		buf_lit(b, " AND ");
}

static const char *const ops[] = { "=", ">", ">=", "<", "<=" };

/* ---- conditions; each is put behind what stands in b already, with AND between */

static void
put_events(const struct ask *ask, uint64_t events, struct buf *b)
{
	int n = 0;

	if (!events)
		return;
	put_and(b);
	for (int i = ask->n_events; i < ask->n_events + ask->n_stored; i++)
		if (events == 1ull << i) {
			buf_lit(b, "metric = ");
			put_text(b, ask->event[i].name);
			return;
		}
	buf_lit(b, (events & (events - 1)) ? "event IN (" : "event = ");
	for (int i = 0; i < ask->n_events; i++)
		if (events >> i & 1) {
			buf_lit(b, n++ ? ", " : "");
			put_text(b, ask->event[i].name);
		}
	buf_lit(b, (events & (events - 1)) ? ")" : "");
}

static struct str
field_sql(const struct ask *ask, int field)
{
	return field >= 0 ? ask->field[field].sql : field == -1 ? STR("user_id") : field == -2 ? STR("session_id") : field == -3 ?
	    STR("HOUR(timestamp)") :
	    field == -5 ? STR("event") : STR("DAYOFWEEK(timestamp)");
}

static void
put_filter(const struct ask *ask, const struct ask_filter *f, struct buf *b)
{
	struct str name = field_sql(ask, f->field);

	put_and(b);
	if (f->field == -4 && !f->n) {
		buf_printf(b, "%.*s %s (0, 6)", STR_FMT(name), f->not ? "NOT IN" : "IN");
	} else if (f->is_null) {
		buf_printf(b, "%.*s IS %sNULL", STR_FMT(name), f->not ? "NOT " : "");
	} else if (f->is_number) {
		buf_printf(b, "%.*s %s ", STR_FMT(name), ops[f->op]);
		put_number(b, f->number);
	} else if (f->prefix) {         /* from the beginning to what follows all that begin so */
		struct buf end = { 0 };

		buf_str(&end, f->value[0]);
		end.p[end.n - 1]++;
		buf_printf(b, "%.*s >= ", STR_FMT(name));
		put_text(b, f->value[0]);
		buf_printf(b, " AND %.*s < ", STR_FMT(name));
		put_text(b, buf_get(&end));
		buf_release(&end);
	} else {
		int flag = f->field >= 0 && ask->field[f->field].flag, label = f->field == -4 || (f->field >= 0 && ask->field[f->field].label);

		if (f->not)
			buf_byte(b, '(');
		buf_printf(b, "%.*s %s", STR_FMT(name), f->n > 1 ? f->not ? "NOT IN (" : "IN (" : f->not ? "<> " : "= ");
		for (int i = 0; i < f->n; i++) {
			buf_lit(b, i ? ", " : "");
			if (flag || label)
				buf_str(b, f->value[i]);        /* 1 or 0; digits */
			else
				put_text(b, f->value[i]);
		}
		buf_lit(b, f->n > 1 ? ")" : "");
		if (f->not)
			buf_printf(b, flag || f->field == -4 ? ")" : " OR %.*s IS NULL)", STR_FMT(name));
	}
}

static void
put_filters(const struct ask *ask, const struct ask_filters *fs, struct buf *b)
{
	for (int i = 0; i < fs->n; i++) {
		struct buf either = { 0 };

		if (i + 1 == fs->n || !fs->f[i + 1].or) {
			put_filter(ask, &fs->f[i], b);
			continue;
		}
		put_and(b);
		buf_byte(b, '(');
		for (int first = i; i < fs->n && (i == first || fs->f[i].or); i++) {
			buf_clear(&either);
			put_filter(ask, &fs->f[i], &either);
			buf_printf(b, "%s%.*s", i > first ? " OR " : "", STR_FMT(buf_get(&either)));
		}
		buf_byte(b, ')');
		buf_release(&either);
		i--;
	}
}

static void
put_period(const struct ask_period *p, int64_t now, struct buf *b)
{
	if (p->from != TIME_NONE) {
		put_and(b);
		buf_lit(b, "timestamp >= ");
		put_time(b, p->from);
	}
	if (p->to != TIME_NONE) {
		put_and(b);
		buf_lit(b, p->to > now ? "timestamp <= " : "timestamp < ");
		put_time(b, p->to > now ? now : p->to);
	}
}

/* The same as it was said, whatever the time is now. */
static void
put_between(const struct ask_period *p, const char *what, struct buf *b)
{
	for (int i = 0; i < 2; i++) {
		int64_t t = i ? p->to : p->from;

		if (t == TIME_NONE)
			continue;
		put_and(b);
		buf_printf(b, "%s %s ", what, i ? "<" : ">=");
		put_time(b, t);
	}
}

static void
put_where(struct buf *sql, const struct buf *cond)
{
	if (cond->n) {
		buf_lit(sql, " WHERE ");
		buf_str(sql, buf_get(cond));
	}
}

/* ---- measures */

static void
put_measure(const struct ask *ask, const struct ask_measure *m, const struct buf *cond, struct buf *b)
{
	static const char *const aggs[] = { "", "SUM", "AVG", "MIN", "MAX", "MEDIAN", "QUANTILE" };

	switch (m->of) {
	case ASK_DISTINCT_USERS:
		buf_lit(b, "COUNT(DISTINCT user_id)");
		break;
	case ASK_DISTINCT_SESSIONS:
		buf_lit(b, "COUNT(DISTINCT session_id)");
		break;
	case ASK_DISTINCT_FIELD:
		buf_printf(b, "COUNT(DISTINCT %.*s)", STR_FMT(ask->field[m->field].sql));
		break;
	case ASK_OF_FIELD:
		buf_printf(b, "%s(%.*s", aggs[m->agg], STR_FMT(ask->field[m->field].sql));
		if (m->agg == ASK_QUANTILE) {
			buf_lit(b, ", ");
			put_number(b, m->q);
		}
		buf_byte(b, ')');
		break;
	default:
		buf_lit(b, "COUNT(*)");
	}
	if (cond && cond->n) {
		buf_lit(b, " FILTER (WHERE ");
		buf_str(b, buf_get(cond));
		buf_byte(b, ')');
	}
}

/* The measure of a reading, or the ratio of both, where `more` holds too (what is in WHERE already need not). */
static void
put_value(const struct ask *ask, const struct ask_reading *r, const struct buf *more, int where_has_events, struct buf *b)
{
	struct buf c = { 0 }, d = { 0 };

	if (more && more->n)
		buf_str(&c, buf_get(more)), buf_str(&d, buf_get(more));
	if (!where_has_events)
		put_events(ask, r->m.events, &c);
	if (r->ratio == 1) {
		put_filters(ask, &r->m.where, &c);
		put_events(ask, r->base.events, &d);
		put_filters(ask, &r->base.where, &d);
		buf_lit(b, "1.0 * ");
		put_measure(ask, &r->m, &c, b);
		buf_lit(b, " / ");
		put_measure(ask, &r->base, &d, b);
	} else {
		put_measure(ask, &r->m, &c, b);
	}
	buf_release(&c);
	buf_release(&d);
}

static void
put_measure_name(const struct ask *ask, const struct ask_reading *r, struct buf *b)
{
	static const char *const aggs[] = { "", "total_", "average_", "least_", "greatest_", "median_", "" };
	const struct ask_measure *m = &r->m;

	if (r->ratio)
		buf_lit(b, r->per ? "ratio" : r->m.events && r->m.of != ASK_COUNT ? "rate" : "share");
	else if (m->of == ASK_DISTINCT_USERS)
		buf_lit(b, "users");
	else if (m->of == ASK_DISTINCT_SESSIONS)
		buf_lit(b, "sessions");
	else if (m->of == ASK_OF_FIELD && m->agg == ASK_QUANTILE)
		buf_printf(b, "\"p%g_%.*s\"", m->q * 100, (int)(ask->field[m->field].name.n < 60 ? ask->field[m->field].name.n : 60),
		    ask->field[m->field].name.p);
	else if (m->of == ASK_OF_FIELD) {
		char name[100];

		snprintf(name, sizeof(name), "%s%.*s", aggs[m->agg],
		    (int)(ask->field[m->field].name.n < 60 ? ask->field[m->field].name.n : 60), ask->field[m->field].name.p);
		put_name(b, name);
	} else {
		buf_lit(b, "events");
	}
}

/* ---- groups */

static const char *const units[] = { "", "minute", "hour", "day", "week", "month", "quarter", "year" };

static int
put_keys(const struct ask *ask, const struct ask_reading *r, struct buf *b, int for_group)      /* how many columns to group by */
{
	int n = 0;

	if (r->unit) {
		buf_printf(b, "DATE_TRUNC('%s', timestamp)", units[r->unit]);
		if (!for_group)
			buf_printf(b, " AS %s", units[r->unit]);
		n++;
	}
	if (r->part) {
		buf_lit(b, n++ ? ", " : "");
		buf_printf(b, "%s(timestamp)", r->part == 1 ? "HOUR" : "DAYOFWEEK");
		if (!for_group)
			buf_lit(b, r->part == 1 ? " AS hour" : " AS day_number");
	}
	for (int i = 0; i < r->n_groups; i++) {
		buf_lit(b, n++ ? ", " : "");
		buf_str(b, field_sql(ask, r->group[i]));
	}
	return n;
}

static void
put_group_by(int n, struct buf *b)
{
	for (int i = 1; i <= n; i++)
		buf_printf(b, "%s%d", i == 1 ? " GROUP BY " : ", ", i);
}

/* ---- what users did */

static void
condition_where(const struct ask *ask, const struct ask_condition *c, int64_t now, struct buf *b)
{
	if (c->event >= 0)
		put_events(ask, 1ull << c->event, b);
	put_filters(ask, &c->where, b);
	if (c->has_period)
		put_period(&c->period, now, b);
}

static void
put_did(const struct ask *ask, const struct ask_condition *c, int64_t now, struct buf *b)
{
	struct buf w = { 0 };

	condition_where(ask, c, now, &w);
	if (c->sum && ask->money >= 0)
		buf_printf(b, "SUM(%.*s)", STR_FMT(ask->field[ask->money].sql));
	else
		buf_lit(b, "COUNT(*)");
	if (w.n) {
		buf_lit(b, " FILTER (WHERE ");
		buf_str(b, buf_get(&w));
		buf_byte(b, ')');
	}
	if (c->has_count) {
		buf_printf(b, " %s ", ops[c->op]);
		put_number(b, c->count);
	} else {
		buf_lit(b, c->not ? " = 0" : " > 0");
	}
	buf_release(&w);
}

static void
put_all_did(const struct ask *ask, const struct ask_reading *r, int64_t now, struct buf *b)
{
	for (int i = 0; i < r->n_conditions; i++) {
		if (i)
			buf_lit(b, " AND ");
		put_did(ask, &r->condition[i], now, b);
	}
}

static void
common_where(const struct ask *ask, const struct ask_reading *r, int period, int64_t now, struct buf *b)
{
	put_filters(ask, &r->where, b);
	if (period < r->n_periods)
		put_period(&r->period[period], now, b);
}

/* Users who came along the conditions in order: the earliest time at which each step can have been done. */
static void
put_chain(const struct ask *ask, const struct ask_reading *r, int64_t now, struct buf *b)
{
	const char *key = r->by_session ? "session_id" : "user_id";

	for (int i = 0; i < r->n_conditions; i++) {
		struct buf w = { 0 };

		if (i == 0 || r->by_session)
			common_where(ask, r, 0, now, &w);
		else
			put_filters(ask, &r->where, &w);
		condition_where(ask, &r->condition[i], now, &w);
		buf_printf(b, "%sstep_%d AS (SELECT %s, MIN(%stimestamp) AS t FROM events", i ? ", " : "WITH ", i + 1, i ? r->by_session ?
		    "e.session_id AS session_id" : "e.user_id AS user_id" : key, i ? "e." : "");
		if (i)
			buf_printf(b, " e JOIN step_%d s ON e.%s = s.%s AND e.timestamp > s.t", i, key, key);
		put_where(b, &w);
		buf_lit(b, " GROUP BY 1)");
		buf_release(&w);
	}
}

static void
sql_funnel(const struct ask *ask, const struct ask_reading *r, int64_t now, struct buf *b)
{
	put_chain(ask, r, now, b);
	for (int i = 0; i < r->n_conditions; i++) {
		buf_lit(b, i ? " UNION ALL SELECT " : " SELECT ");
		buf_printf(b, "%d%s, ", i + 1, i ? "" : " AS step");
		put_text(b, r->condition[i].event < 0 ? STR("anything") : ask->event[r->condition[i].event].name);
		buf_printf(b, "%s, COUNT(*)%s FROM step_%d", i ? "" : " AS event", i ? "" : " AS users", i + 1);
	}
}

/* Users by what they did; groups, and a ratio, over them. */
static void
sql_users(const struct ask *ask, const struct ask_reading *r, int64_t now, struct buf *b)
{
	const char *key = r->by_session ? "session_id" : "user_id";
	struct buf keys = { 0 }, w = { 0 };
	int n;

	if (r->ordered && !r->n_groups && !r->unit && !r->ratio) {
		put_chain(ask, r, now, b);
		buf_printf(b, " SELECT COUNT(*) AS users FROM step_%d", r->n_conditions);
		return;
	}
	n = put_keys(ask, r, &keys, 0);
	common_where(ask, r, 0, now, &w);
	put_and(&w);
	buf_printf(&w, "%s IS NOT NULL", key);
	if (r->ratio) {
		buf_lit(b, "SELECT ");
		for (int i = 0; i < n; i++)
			buf_printf(b, "k%d, ", i + 1);
		buf_lit(b, "1.0 * SUM(");
		for (int i = 0; i < r->n_conditions; i++)
			buf_printf(b, "%sc%d", i ? " AND " : "", i + 1);
		buf_lit(b, r->base.events || r->base.where.n ? ") / SUM(c1" : ") / COUNT(*");
		buf_lit(b, ") AS rate FROM (SELECT ");
	} else {
		buf_lit(b, "SELECT ");
		for (int i = 0; i < n; i++)
			buf_printf(b, "k%d, ", i + 1);
		buf_printf(b, "COUNT(*) AS %s FROM (SELECT ", r->by_session ? "sessions" : "users");
	}
	if (r->unit)
		buf_printf(b, "DATE_TRUNC('%s', timestamp) AS k1, ", units[r->unit]);
	for (int i = 0; i < r->n_groups; i++)
		buf_printf(b, "%.*s AS k%d, ", STR_FMT(field_sql(ask, r->group[i])), i + 1 + (r->unit > 0) + (r->part > 0));
	buf_lit(b, key);
	if (r->ratio) {
		for (int i = 0; i < r->n_conditions; i++) {
			buf_lit(b, ", ");
			put_did(ask, &r->condition[i], now, b);
			buf_printf(b, " AS c%d", i + 1);
		}
	}
	buf_lit(b, " FROM events");
	put_where(b, &w);
	put_group_by(n + 1, b);
	if (!r->ratio) {
		buf_lit(b, " HAVING ");
		put_all_did(ask, r, now, b);
	}
	buf_lit(b, ")");
	if (n) {
		put_group_by(n, b);
		if (r->rank)
			buf_printf(b, " ORDER BY %d %s, 1", n + 1, r->rank < 0 ? "ASC" : "DESC");
		else
			buf_lit(b, " ORDER BY 1");
		if (r->limit)
			buf_printf(b, " LIMIT %d OFFSET %d", r->limit, r->offset);
	}
	buf_release(&keys);
	buf_release(&w);
}

static void
sql_session_length(const struct ask *ask, const struct ask_reading *r, int64_t now, struct buf *b)
{
	static const char *const aggs[] = { "", "SUM", "AVG", "MIN", "MAX", "MEDIAN", "QUANTILE" };
	struct buf w = { 0 };
	int n = r->n_groups;

	common_where(ask, r, 0, now, &w);
	put_and(&w);
	buf_lit(&w, "session_id IS NOT NULL");
	buf_lit(b, "SELECT ");
	for (int i = 0; i < n; i++)
		buf_printf(b, "k%d, ", i + 1);
	buf_printf(b, "%s(seconds", aggs[r->m.agg]);
	if (r->m.agg == ASK_QUANTILE) {
		buf_lit(b, ", ");
		put_number(b, r->m.q);
	}
	buf_lit(b, ") AS seconds FROM (SELECT ");
	for (int i = 0; i < n; i++)
		buf_printf(b, "MIN(%.*s) AS k%d, ", STR_FMT(field_sql(ask, r->group[i])), i + 1);
	buf_lit(b, "(EPOCH_MS(MAX(timestamp)) - EPOCH_MS(MIN(timestamp))) / 1000.0 AS seconds FROM events");
	put_where(b, &w);
	buf_lit(b, " GROUP BY session_id)");
	put_group_by(n, b);
	if (n)
		buf_printf(b, " ORDER BY %d %s", n + 1, r->rank < 0 ? "ASC" : "DESC");
	if (n && r->limit)
		buf_printf(b, " LIMIT %d OFFSET %d", r->limit, r->offset);
	buf_release(&w);
}

/* ---- all others: one pass over the events */

/* Which events: filters, times, users who did something. users: the rows are users. */
static void
put_which(const struct ask *ask, const struct ask_reading *r, int64_t now, int with_events, int users, struct buf *w)
{
	if (r->m.of == ASK_OF_FIELD && ask->field[r->m.field].part.p) {
		put_and(w);
		buf_lit(w, "field = ");
		put_text(w, ask->field[r->m.field].part);
	}
	put_filters(ask, &r->where, w);
	if (with_events) {
		put_events(ask, r->m.events, w);
		put_filters(ask, &r->m.where, w);
	}
	if (r->n_periods == 1) {
		put_period(&r->period[0], now, w);
	} else if (r->n_periods == 2) {
		struct buf p = { 0 }, q = { 0 };

		put_period(&r->period[0], now, &p);
		put_period(&r->period[1], now, &q);
		put_and(w);
		buf_byte(w, '(');
		buf_str(w, buf_get(&p));
		buf_lit(w, " OR ");
		buf_str(w, buf_get(&q));
		buf_byte(w, ')');
		buf_release(&p);
		buf_release(&q);
	}
	for (int i = 0; i < r->n_groups; i++) {
		if (r->rank || r->group[i] < 0) {
			put_and(w);
			buf_printf(w, "%.*s IS NOT NULL", STR_FMT(field_sql(ask, r->group[i])));
		}
	}
	if (r->n_conditions && !users) {        /* of users who did something */
		struct buf h = { 0 };

		put_all_did(ask, r, now, &h);
		put_and(w);
		buf_printf(w, "user_id IN (SELECT user_id FROM events WHERE user_id IS NOT NULL");
		if (r->n_periods == 1) {
			struct buf p = { 0 };

			put_period(&r->period[0], now, &p);
			if (p.n)
				buf_printf(w, " AND %.*s", STR_FMT(buf_get(&p)));
			buf_release(&p);
		}
		buf_printf(w, " GROUP BY user_id HAVING %.*s)", STR_FMT(buf_get(&h)));
		buf_release(&h);
	}
}

/* What is made of the groups, where there is a statement around theirs; its beginning, up to theirs. */
static void
put_outside(const struct ask_reading *r, int n, struct buf *b)
{
	if (r->count_groups) {
		buf_lit(b, "SELECT COUNT(*) AS ");
		buf_lit(b, r->unit ? units[r->unit] : "groups");
		buf_lit(b, r->unit ? "s" : "");
		buf_lit(b, " FROM (SELECT ");
	} else if (r->average_over) {
		static const char *const aggs[] = { "", "SUM", "AVG", "MIN", "MAX", "MEDIAN", "QUANTILE" };

		if (r->steps > 0) {             /* steps in which nothing was count, too */
			buf_printf(b, "SELECT COALESCE(SUM(v), 0) / %d.0", r->steps);
		} else {
			buf_printf(b, "SELECT %s(v", aggs[r->average_over]);
			if (r->average_over == ASK_QUANTILE)
				buf_printf(b, ", %g", r->m.q);
			buf_byte(b, ')');
		}
		buf_printf(b, " AS \"per %s\" FROM (SELECT ", units[r->unit]);
	} else if (r->n_periods == 2 && !n) {
		buf_lit(b, "SELECT a AS ");
		put_name(b, r->period[0].label);
		buf_lit(b, ", b AS ");
		put_name(b, r->period[1].label);
		buf_lit(b, ", a - b AS difference, 1.0 * (a - b) / b AS change FROM (SELECT ");
	} else if (r->ratio == 2) {
		buf_lit(b, "SELECT ");
		for (int i = 0; i < n; i++)
			buf_printf(b, "k%d, ", i + 1);
		buf_lit(b, "1.0 * v / SUM(v) OVER () AS share, v FROM (SELECT ");
	} else {
		buf_lit(b, "SELECT ");
	}
}

static void
put_order(const struct ask_reading *r, int n, struct buf *b)
{
	int by_time = (r->unit || r->part) && !r->rank;

	if (by_time) {
		buf_lit(b, " ORDER BY 1");
		for (int i = 2; i <= n; i++)
			buf_printf(b, ", %d", i);
	} else if (r->n_periods == 2 && r->want_change && r->rank) {
		buf_printf(b, " ORDER BY ");
		put_name(b, r->period[0].label);
		buf_lit(b, " - ");
		put_name(b, r->period[1].label);
		buf_printf(b, " %s, 1", r->rank < 0 ? "ASC" : "DESC");
	} else {
		buf_printf(b, " ORDER BY %d %s", n + 1, r->rank < 0 ? "ASC" : "DESC");
		for (int i = 1; i <= n; i++)
			buf_printf(b, ", %d", i);
	}
	if (r->limit) {
		buf_printf(b, " LIMIT %d", r->limit);
		if (r->offset)
			buf_printf(b, " OFFSET %d", r->offset);
	}
}

static void
sql_plain(const struct ask *ask, const struct ask_reading *r, int64_t now, struct buf *b)
{
	struct buf w = { 0 }, keys = { 0 };
	int n = put_keys(ask, r, &keys, 0), where_has_events = !r->ratio || r->ratio == 2, two = r->n_periods == 2, users = 0, havings = 0;

	for (int i = 0; i < r->n_groups; i++)
		users |= r->group[i] == -1;
	put_which(ask, r, now, where_has_events, users, &w);
	if (r->edge) {
		buf_lit(b, r->edge == 1 ? "SELECT MIN(timestamp) AS first FROM events" : r->edge == 2 ?
		    "SELECT MAX(timestamp) AS last FROM events" :
		    "SELECT MIN(timestamp) AS first, MAX(timestamp) AS last, COUNT(*) AS events FROM events");
		put_where(b, &w);
		goto out;
	}
	put_outside(r, n, b);
	if (r->ratio == 2) {
		int k = 0;

		if (r->unit)
			buf_printf(b, "DATE_TRUNC('%s', timestamp) AS k%d, ", units[r->unit], ++k);
		if (r->part)
			buf_printf(b, "%s(timestamp) AS k%d, ", r->part == 1 ? "HOUR" : "DAYOFWEEK", ++k);
		for (int i = 0; i < r->n_groups; i++)
			buf_printf(b, "%.*s AS k%d, ", STR_FMT(field_sql(ask, r->group[i])), ++k);
	} else if (n) {
		buf_str(b, buf_get(&keys));
		buf_lit(b, ", ");
	}
	if (two) {
		for (int p = 0; p < 2; p++) {
			struct buf only = { 0 };

			put_period(&r->period[p], now, &only);
			if (p)
				buf_lit(b, ", ");
			put_value(ask, r, &only, where_has_events, b);
			buf_lit(b, " AS ");
			if (n)
				put_name(b, r->period[p].label);
			else
				buf_lit(b, p ? "b" : "a");
			buf_release(&only);
		}
	} else {
		put_value(ask, r, NULL, where_has_events, b);
		buf_lit(b, " AS ");
		if (r->ratio == 2 || r->average_over)
			buf_lit(b, "v");
		else
			put_measure_name(ask, r, b);
	}
	buf_lit(b, ask_is_stored(ask, &r->m) ? " FROM metrics" : " FROM events");
	put_where(b, &w);
	put_group_by(n, b);
	if (r->n_conditions && users) {
		buf_lit(b, " HAVING ");
		put_all_did(ask, r, now, b);
	}
	if (r->n_conditions && users)
		havings = 1;
	if (r->ratio == 1 && n && !two && (r->base.events || r->base.where.n)) {        /* of nothing there is no share */
		struct buf d = { 0 };

		put_events(ask, r->base.events, &d);
		put_filters(ask, &r->base.where, &d);
		buf_lit(b, havings++ ? " AND " : " HAVING ");
		put_measure(ask, &r->base, &d, b);
		buf_lit(b, " > 0");
		buf_release(&d);
	}
	if (r->having) {
		buf_lit(b, havings ? " AND " : " HAVING ");
		put_value(ask, r, NULL, where_has_events, b);
		buf_printf(b, " %s ", ops[r->having_op]);
		put_number(b, r->having_number);
	}
	if (r->count_groups || r->average_over || (two && !n)) {
		buf_lit(b, ")");
		goto out;
	}
	if (r->ratio == 2)
		buf_lit(b, ")");
	if (n)
		put_order(r, n, b);
out:
	buf_release(&w);
	buf_release(&keys);
}

void
ask_sql(const struct ask *ask, const struct ask_reading *r, int64_t now, struct buf *sql)
{
	if (r->funnel)
		sql_funnel(ask, r, now, sql);
	else if (r->m.of == ASK_OF_SESSION_LENGTH)
		sql_session_length(ask, r, now, sql);
	else if (r->n_conditions && (r->m.of == ASK_DISTINCT_USERS || r->m.of == ASK_DISTINCT_SESSIONS) &&
	    !(r->n_groups && r->group[0] == -1) && !r->per)
		sql_users(ask, r, now, sql);
	else
		sql_plain(ask, r, now, sql);
}

/* ---- who comes back */

#define DAY_MS 86400000LL

/* Users who began, as of the verb of that name: the first start event of each in the range. Of any event the first that is known at all
 * begins, so the range can only say which whole periods are looked at. */
static void
put_retention(const struct ask *ask, const struct ask_retention *r, struct buf *b)
{
	const int events[] = { r->start, r->back };
	int in_call = r->has_range && r->start >= 0;

	buf_lit(b, "retention(");
	for (int i = 0; i < 2; i++) {
		if (events[i] >= 0)
			put_text(b, ask->event[events[i]].name);
		else
			buf_lit(b, "NULL");
		buf_lit(b, ", ");
	}
	buf_printf(b, "'1 %s', %d", units[r->unit], r->period ? r->period + 1 : 8);
	for (int i = 0; in_call && i < 2; i++) {
		int64_t t = i ? r->range.to : r->range.from;

		buf_lit(b, i ? ", " : ", NULL, ");
		if (t != TIME_NONE)
			put_time(b, t);
		else
			buf_lit(b, "NULL");
	}
	buf_byte(b, ')');
	if (r->has_range && !in_call) {
		struct buf w = { 0 };

		put_between(&r->range, "cohort", &w);
		put_where(b, &w);
		buf_release(&w);
	}
}

/* Within a span of each user's own first event; any event counts from the next day on, or the first visit itself would be coming back. So
 * the first event of each day is enough of them: of 10 M events those of 0.4 M days are joined. */
static void
put_within(const struct ask *ask, const struct ask_retention *r, struct buf *b)
{
	static const int days[] = { 1, 7, 30, 91, 365 };
	long long ms = days[r->unit - ASK_UNIT_DAY] * DAY_MS * r->period;
	struct buf w = { 0 };

	buf_lit(&w, "user_id IS NOT NULL");
	if (r->start >= 0)
		put_events(ask, 1ull << r->start, &w);
	put_filters(ask, &r->where, &w);
	if (r->start >= 0 && r->has_range)
		put_between(&r->range, "timestamp", &w);
	buf_lit(b, "WITH began AS (SELECT user_id, MIN(timestamp) AS t FROM events");
	put_where(b, &w);
	buf_lit(b, " GROUP BY 1");
	buf_clear(&w);
	if (r->start < 0 && r->has_range)
		put_between(&r->range, "MIN(timestamp)", &w);
	if (w.n)
		buf_printf(b, " HAVING %.*s", STR_FMT(buf_get(&w)));
	if (r->back < 0)
		buf_lit(b, "), later AS (SELECT user_id, DATE_TRUNC('day', timestamp) AS day, MIN(timestamp) AS at FROM events WHERE user_id IS NOT NULL GROUP BY 1, 2");
	buf_lit(b, "), back AS (SELECT DISTINCT e.user_id AS user_id FROM ");
	if (r->back < 0) {
		buf_printf(b, "later e JOIN began s ON e.user_id = s.user_id AND e.day > DATE_TRUNC('day', s.t) AND EPOCH_MS(e.at) - EPOCH_MS(s.t) <= %lld", ms);
	} else {
		buf_lit(b, "events e JOIN began s ON e.user_id = s.user_id AND e.timestamp > s.t WHERE e.event = ");
		put_text(b, ask->event[r->back].name);
		buf_printf(b, " AND EPOCH_MS(e.timestamp) - EPOCH_MS(s.t) <= %lld", ms);
	}
	buf_printf(b, "), told AS (SELECT EPOCH_MS(t) + %lld <= EPOCH_MS((SELECT MAX(timestamp) FROM events)) AS complete, "
	    "user_id IN (SELECT user_id FROM back) AS came FROM began) ", ms);
	buf_release(&w);
}

void
ask_retention_sql(const struct ask *ask, const struct ask_retention *r, struct buf *b)
{
	if (!r->period) {
		buf_lit(b, "SELECT cohort, size, period, users, rate, complete FROM ");
		put_retention(ask, r, b);
		buf_lit(b, " ORDER BY 1, 3");
		return;
	}
	if (r->within)
		put_within(ask, r, b);
	buf_lit(b, r->count_first ? "SELECT users, size, 1.0 * users / NULLIF(size, 0) AS share" : "SELECT 1.0 * users / NULLIF(size, 0) AS share, users, size");
	buf_lit(b, ", began - size AS too_young FROM (SELECT ");
	if (r->within) {
		buf_lit(b, "COUNT(*) FILTER (WHERE complete AND came) AS users, COUNT(*) FILTER (WHERE complete) AS size, COUNT(*) AS began FROM told");
	} else {
		for (int i = 0; i < 2; i++)
			buf_printf(b, "COALESCE(SUM(%s) FILTER (WHERE period = %d AND complete), 0) AS %s, ", i ? "size" : "users", r->period, i ? "size" : "users");
		buf_lit(b, "COALESCE(SUM(size) FILTER (WHERE period = 0), 0) AS began FROM ");
		put_retention(ask, r, b);
	}
	buf_byte(b, ')');
}
