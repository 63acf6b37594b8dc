/* insights.c - what changed against the period before, what follows from it, and how a metric may go on.
 *
 * Each sentence is made of figures that stand beside it as evidence, and only of what the data bear: a change is told when it is
 * unlikely by chance. Shares are compared by the test of two proportions, counts as Poisson counts, both as a normal deviate z; the
 * score is 1 - p.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "insight/forecast.h"
#include "query/metric.h"
#include "query/verbs.h"
#include "serve/serve_priv.h"

#define NAMES_MOST 32                   /* metrics of a request */
#define EVENTS_MOST 256                 /* names of a data source */
#define STEPS_MOST 32
#define TOLD 1.96                       /* z from which a change is told: one of twenty comes by chance */
#define POINTS_MOST 20000
#define SERIES_MOST 200
#define HORIZON_MOST 1000

struct period { int64_t from, to; };

struct work {
	struct exchange *ex;
	struct query *query;
	struct period now, before;
	struct buf insights, recommendations;
	int n_insights, n_recommendations;
	struct str step[STEPS_MOST];
	int n_steps;
	struct err err;
};

/* ---- rows of figures */

struct figures_of { double value[8]; int n, rows; };

static int
take_figures(void *self, const struct cell *cells, int n, struct err *err)
{
	struct figures_of *f = self;

	(void)err;
	f->rows++;
	for (f->n = 0; f->n < n && f->n < 8; f->n++)
		f->value[f->n] = cells[f->n].type == CELL_REAL ? cells[f->n].real : cells[f->n].type == CELL_INTEGER ? (double)cells[f->n].integer : 0;
	return 0;
}

static int
ask(struct work *w, const char *sql, const struct query_param *params, int n, struct figures_of *to)
{
	const struct query_sink sink = { NULL, take_figures, to };
	size_t at = 0;

	*to = (struct figures_of){ .rows = 0 };
	return query_run(w->query, str_of(sql), &at, params, n, &sink, &w->err) < 0 ? w->err.code : 0;
}

static void
range_text(const struct period *p, char out[2 * TIME_LEN + 3])
{
	time_print(p->from, out);
	memcpy(out + TIME_LEN, "..", 2);
	time_print(p->to, out + TIME_LEN + 2);
	out[2 * TIME_LEN + 2] = 0;
}

/* ---- sentences */

static double
score_of(double z)
{
	return erf(fabs(z) / sqrt(2));          /* 1 - p, two-sided */
}

static void
put_number(struct buf *b, const char *key, double v)
{
	buf_byte(b, ',');
	json_put_key(b, str_of(key));
	json_put_double(b, v);
}

static void
put_head(struct buf *b, int *n, const char *text, const char *kind, double score, struct str metric)
{
	buf_lit(b, (*n)++ ? ",{\"insight\":" : "{\"insight\":");
	json_put_string(b, str_of(text));
	buf_printf(b, ",\"kind\":\"%s\",\"score\":%.4f", kind, score);
	if (metric.p) {
		buf_lit(b, ",\"metric\":");
		json_put_string(b, metric);
	}
}

static void
put_periods(struct buf *b, const struct work *w)
{
	buf_lit(b, ",\"from\":");
	json_put_time(b, w->now.from);
	buf_lit(b, ",\"to\":");
	json_put_time(b, w->now.to);
	buf_lit(b, ",\"previous_from\":");
	json_put_time(b, w->before.from);
	buf_lit(b, ",\"previous_to\":");
	json_put_time(b, w->before.to);
	buf_lit(b, "}}");
}

/* A figure and what it was: always given, told as a change when z says so. share: as percent. */
static void
tell_change(struct work *w, struct str metric, const char *what, double now, double before, double z, int share, const char *more, double more_now, double more_before)
{
	struct buf *b = &w->insights;
	double change = before != 0 ? (now - before) / fabs(before) : 0;
	char text[300], is[40], was[40];

	snprintf(is, sizeof(is), share ? "%.1f %%" : "%.4g", share ? now * 100 : now);
	snprintf(was, sizeof(was), share ? "%.1f %%" : "%.4g", share ? before * 100 : before);
	if (before == 0 && now == 0)
		return;
	if (before == 0)
		snprintf(text, sizeof(text), "%s is %s; in the period before there was nothing to compare with", what, is);
	else if (fabs(z) < TOLD)
		snprintf(text, sizeof(text), "%s is %s, as before (%s): the difference may be chance", what, is, was);
	else
		snprintf(text, sizeof(text), "%s %s from %s to %s (%+.1f %%)", what, now > before ? "rose" : "fell", was, is, change * 100);
	put_head(b, &w->n_insights, text, "change", before == 0 ? 0 : score_of(z), metric);
	buf_lit(b, ",\"labels\":{},\"timestamp\":");
	json_put_time(b, w->now.to);
	buf_lit(b, ",\"evidence\":{\"current\":");
	json_put_double(b, now);
	put_number(b, "previous", before);
	if (before != 0)
		put_number(b, "change", change);
	put_number(b, "z", z);
	if (more) {
		char previous[60];

		snprintf(previous, sizeof(previous), "previous_%s", more);
		put_number(b, more, more_now);
		put_number(b, previous, more_before);
	}
	put_periods(b, w);
}

/* ---- conversion_rate: the share of those who entered the default funnel that came to its end */

/* The default funnel: `funnels.default` of analytics.json, else the first funnel of a dashboard, else what of these is seen. */
static void
add_steps(struct work *w, struct json list)
{
	struct json_iter it;

	for (it = json_iter(list); list.type == JSON_ARRAY && w->n_steps < STEPS_MOST && json_next(&it); )
		w->step[w->n_steps++] = exchange_text(w->ex, it.value);
}

static struct json
funnel_of(struct json dashboard)
{
	struct json widgets = json_get(dashboard, STR("widgets"));
	struct json_iter it;

	for (it = json_iter(widgets); widgets.type == JSON_ARRAY && json_next(&it); )
		if (json_text_eq(json_get(it.value, STR("type")), STR("funnel_chart")) && json_get(it.value, STR("steps")).type == JSON_ARRAY)
			return json_get(it.value, STR("steps"));
	return JSON_ABSENT;
}

struct seen_names { const char *const *names; unsigned seen; };

static int
see_name(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	struct seen_names *s = self;

	(void)count, (void)first, (void)last;
	for (int i = 0; s->names[i]; i++)
		if (str_eq(name, str_of(s->names[i])))
			s->seen |= 1u << i;
	return 0;
}

static void
find_steps(struct work *w)
{
	static const char *const names[] = { "page_view", "signup_start", "signup_complete", "user_signup", "purchase", NULL };
	struct json config = config_get(w->ex->config, "analytics", "funnels.default.steps"), all = config_get(w->ex->config, "dashboards", "dashboards"), found;
	struct seen_names seen = { .names = names };
	struct store *store;
	struct json_iter it;

	add_steps(w, config);
	if (!w->n_steps)
		add_steps(w, funnel_of(config_get(w->ex->config, "dashboards", "")));
	for (it = json_iter(all); !w->n_steps && all.type == JSON_ARRAY && json_next(&it); )
		if ((found = funnel_of(it.value)).type == JSON_ARRAY)
			add_steps(w, found);
	if (w->n_steps || !(store = query_store(w->query, &w->err)) || store_each_name(store, see_name, &seen, &w->err))
		return;
	if ((seen.seen & 12) == 8)              /* user_signup, and no signup_complete */
		seen.seen &= ~6u;
	else
		seen.seen &= ~8u;
	for (int i = 0; names[i]; i++)
		if (seen.seen & 1u << i)
			w->step[w->n_steps++] = str_of(names[i]);
}

struct funnel_figures { double users[STEPS_MOST]; int n; };

static int
take_step(void *self, const struct cell *cells, int n, struct err *err)
{
	struct funnel_figures *f = self;

	(void)n, (void)err;
	if (f->n < STEPS_MOST)
		f->users[f->n++] = (double)cells[2].integer;
	return 0;
}

static int
no_columns(void *self, const struct str *names, int n, struct err *err)
{
	(void)self, (void)names, (void)n, (void)err;
	return 0;
}

static int
run_funnel(struct work *w, const struct period *p, struct funnel_figures *to)
{
	const struct table_function *f = verbs_find("funnel");
	const struct query_sink sink = { no_columns, take_step, to };
	struct cell args[TABLE_FUNCTION_PARAMS];
	struct str within = exchange_text(w->ex, config_get(w->ex->config, "analytics", "funnels.default.within"));
	char range[2 * TIME_LEN + 3];
	struct buf steps = { 0 };

	*to = (struct funnel_figures){ .n = 0 };
	range_text(p, range);
	for (int i = 0; i < w->n_steps; i++) {
		buf_lit(&steps, i ? "," : "");
		buf_str(&steps, w->step[i]);
	}
	for (int i = 0; f->params[i].name; i++)
		args[i] = strcmp(f->params[i].name, "steps") == 0 ? cell_text(buf_get(&steps)) : strcmp(f->params[i].name, "range") == 0 ? cell_text(str_of(range)) :
		    strcmp(f->params[i].name, "within") == 0 && within.n ? cell_text(within) : cell_null();
	query_call(w->query, f, args, &sink, &w->err);
	buf_release(&steps);
	return w->err.code;
}

/* Where most are lost, when enough came to say so. */
static void
recommend_step(struct work *w, const struct funnel_figures *f)
{
	struct buf *b = &w->recommendations;
	double worst = 0, lost;
	char text[400];
	int at = 0;

	for (int i = 1; i < f->n; i++)
		if (f->users[i - 1] >= 10 && (lost = f->users[i - 1] - f->users[i]) > worst)
			worst = lost, at = i;
	if (!at)
		return;
	snprintf(text, sizeof(text), "Look at the way from %.*s to %.*s first: %.0f of %.0f users (%.0f %%) end there, more than at any other step",
	    (int)(w->step[at - 1].n > 80 ? 80 : w->step[at - 1].n), w->step[at - 1].p, (int)(w->step[at].n > 80 ? 80 : w->step[at].n), w->step[at].p, worst,
	    f->users[at - 1], worst / f->users[at - 1] * 100);
	put_head(b, &w->n_recommendations, text, "recommendation", worst / f->users[0], STR("conversion_rate"));
	buf_lit(b, ",\"labels\":{},\"timestamp\":");
	json_put_time(b, w->now.to);
	buf_lit(b, ",\"evidence\":{\"from_step\":");
	json_put_string(b, w->step[at - 1]);
	buf_lit(b, ",\"to_step\":");
	json_put_string(b, w->step[at]);
	put_number(b, "users", f->users[at - 1]);
	put_number(b, "lost", worst);
	put_periods(b, w);
}

static int
conversion_rate(struct work *w, int recommend)
{
	struct funnel_figures now, before;
	double a, b, p, q, z = 0;

	find_steps(w);
	if (w->err.code || w->n_steps < 2)
		return w->err.code;
	if (run_funnel(w, &w->now, &now) || run_funnel(w, &w->before, &before) || !now.n || now.users[0] == 0)
		return w->err.code;
	a = now.users[0], b = before.n ? before.users[0] : 0;
	p = now.users[now.n - 1] / a;
	q = b > 0 ? before.users[before.n - 1] / b : 0;
	if (b > 0) {
		double pooled = (now.users[now.n - 1] + before.users[before.n - 1]) / (a + b), sd = sqrt(pooled * (1 - pooled) * (1 / a + 1 / b));

		z = sd > 0 ? (p - q) / sd : 0;
	}
	tell_change(w, STR("conversion_rate"), "conversion_rate", p, q, z, 1, "users", a, b);
	if (recommend)
		recommend_step(w, &now);
	return 0;
}

/* ---- user_engagement: sessions and events of an active user */

struct engagement { double sessions, users, events, single; };

static int
engagement_of(struct work *w, const struct period *p, struct engagement *e)
{
	char range[2 * TIME_LEN + 3];
	struct figures_of f;
	const struct query_param params[] = { { STR("range"), { range, 2 * TIME_LEN + 2 } } };

	range_text(p, range);
	if (ask(w, "SELECT SUM(s), COUNT(*), SUM(e), SUM(s = 1) FROM (SELECT COUNT(*) AS s, SUM(events) AS e FROM sessions('30m', :range) GROUP BY user_id)", params, 1, &f))
		return w->err.code;
	*e = (struct engagement){ f.value[0], f.value[1], f.value[2], f.value[3] };
	return 0;
}

static int
user_engagement(struct work *w, int recommend)
{
	struct engagement now, before;
	double x, y, z;

	if (engagement_of(w, &w->now, &now) || engagement_of(w, &w->before, &before) || now.users == 0)
		return w->err.code;
	x = now.sessions / now.users;
	y = before.users > 0 ? before.sessions / before.users : 0;
	z = before.users > 0 ? (x - y) / sqrt(now.sessions / (now.users * now.users) + before.sessions / (before.users * before.users)) : 0;
	tell_change(w, STR("user_engagement"), "Sessions of an active user", x, y, z, 0, "users", now.users, before.users);
	x = now.events / now.users;
	y = before.users > 0 ? before.events / before.users : 0;
	z = before.users > 0 ? (x - y) / sqrt(now.events / (now.users * now.users) + before.events / (before.users * before.users)) : 0;
	tell_change(w, STR("user_engagement"), "Events of an active user", x, y, z, 0, "users", now.users, before.users);
	if (recommend && now.users >= 10 && now.single / now.users > 0.5) {
		struct buf *b = &w->recommendations;
		char text[300];

		snprintf(text, sizeof(text), "Give users a reason to come back: %.0f of %.0f (%.0f %%) had one session only", now.single, now.users,
		    now.single / now.users * 100);
		put_head(b, &w->n_recommendations, text, "recommendation", now.single / now.users, STR("user_engagement"));
		buf_lit(b, ",\"labels\":{},\"timestamp\":");
		json_put_time(b, w->now.to);
		buf_lit(b, ",\"evidence\":{\"users\":");
		json_put_double(b, now.users);
		put_number(b, "single_session", now.single);
		put_periods(b, w);
	}
	return 0;
}

/* ---- any other metric */

struct value_of { double value; int rows; };

static int
take_value(void *self, const struct cell *cells, int n, struct err *err)
{
	struct value_of *v = self;
	const struct cell *c = &cells[n - 1];

	(void)err;
	v->rows++;
	v->value = c->type == CELL_REAL ? c->real : c->type == CELL_INTEGER ? (double)c->integer : 0;
	return 0;
}

static int
value_in(struct work *w, struct str metric, const struct period *p, struct value_of *v, int *adds)
{
	struct metric_spec spec = { .name = metric, .from = p->from, .to = p->to, .adds = adds };

	*v = (struct value_of){ .rows = 0 };
	if (query_begin(w->query, &w->err) == 0)
		metric_run(w->query, &spec, (struct cell_sink){ take_value, v }, &w->err);
	query_end(w->query);
	if (w->err.code == ERR_USAGE && strncmp(w->err.text, "no metric '", 11) == 0)
		err_clear(&w->err);
	return w->err.code;
}

static int
other_metric(struct work *w, struct str metric)
{
	struct value_of now, before;
	char name[100];
	int adds = 1;

	if (value_in(w, metric, &w->now, &now, &adds) || value_in(w, metric, &w->before, &before, &adds) || !now.rows)
		return w->err.code;
	snprintf(name, sizeof(name), "%.*s", metric.n > 80 ? 80 : (int)metric.n, metric.p);
	/* Poisson counts; of a mean nothing is known here that says how much chance there is in it */
	tell_change(w, metric, name, now.value, before.value, adds && now.value + before.value > 0 ? (now.value - before.value) / sqrt(fabs(now.value) + fabs(before.value)) : 0,
	    0, NULL, 0, 0);
	return 0;
}

/* ---- POST /insights */

/* The view of the data source: of the events only those of it; what is no event, such as a stored metric, is not narrowed. 0, or
 * answered. *narrow NULL: all of them; to be freed. *users: what users do, so that what is counted by user anyhow needs no view. */
static int
find_source(struct exchange *ex, struct str name, struct policy **narrow, int *users)
{
	struct json source = name.n ? json_get(config_get(ex->config, "data-sources", "sources"), name) : JSON_ABSENT, events = json_get(source, STR("events"));
	struct str list[EVENTS_MOST], where = exchange_text(ex, json_get(source, STR("where")));
	struct err err = { 0 };
	struct json_iter it;
	int n = 0;

	*narrow = NULL;
	*users = source.type != JSON_OBJECT && str_eq(name, STR("user_behavior"));
	if (source.type != JSON_OBJECT && name.n && !*users) {
		exchange_problem(ex, 404, "no data source '%.*s': user_behavior, or one of config/data-sources.json", name.n > 60 ? 60 : (int)name.n, name.p);
		return -1;
	}
	if (*users)
		where = STR(".user_id != null");
	if (events.type == JSON_STRING)
		list[n++] = exchange_text(ex, events);
	for (it = json_iter(events); events.type == JSON_ARRAY && n < EVENTS_MOST && json_next(&it); )
		list[n++] = exchange_text(ex, it.value);
	if ((n || where.p) && !(*narrow = policy_narrow(ex->who->policy, list, n, where, &err))) {
		exchange_problem(ex, 422, "data source '%.*s': %s", name.n > 60 ? 60 : (int)name.n, name.p, err.text);
		return -1;
	}
	return 0;
}

static void
insights(struct exchange *ex)
{
	static const struct str usual[] = { { "conversion_rate", 15 }, { "user_engagement", 15 } };
	struct json list = json_get(ex->body, STR("metrics"));
	int recommend = json_get(ex->body, STR("includeRecommendations")).type == JSON_TRUE, n = 0;
	struct str name[NAMES_MOST], range = exchange_text(ex, json_get(ex->body, STR("timeRange")));
	struct work w = { .ex = ex };
	struct policy *narrow;
	struct json_iter it;
	struct buf json = { 0 }, both = { 0 };
	int users;

	if (!range.p && json_get(ex->body, STR("from")).type == JSON_STRING) {
		buf_str(&both, exchange_text(ex, json_get(ex->body, STR("from"))));
		buf_byte(&both, '/');
		buf_str(&both, exchange_text(ex, json_get(ex->body, STR("to"))));
		range = (struct str){ arena_dup(ex->arena, both.p, both.n), both.n };
		buf_release(&both);
	}
	for (it = json_iter(list); list.type == JSON_ARRAY && n < NAMES_MOST && json_next(&it); )
		name[n++] = exchange_text(ex, it.value);
	for (int i = 0; !n && i < 2; i++)
		name[i] = usual[i];
	n = n ? n : 2;
	if (exchange_range(ex, range.p ? range : STR("7d"), 0, &w.now.from, &w.now.to))
		return;
	if (w.now.from <= TIME_MIN) {           /* no beginning: nothing lies before it */
		exchange_problem(ex, 400, "timeRange: wants a beginning, so that there is a period before it");
		return;
	}
	if (w.now.to > TIME_MAX)
		w.now.to = time_now() + 1;
	w.before = (struct period){ w.now.from - (w.now.to - w.now.from), w.now.from };
	if (w.before.from < TIME_MIN)
		w.before.from = TIME_MIN;
	if (find_source(ex, exchange_text(ex, json_get(ex->body, STR("dataSource"))), &narrow, &users) || !(w.query = exchange_query(ex))) {
		policy_free(narrow);
		return;
	}
	for (int i = 0; i < n && !w.err.code; i++) {
		struct json own = json_get(config_get(ex->config, "analytics", "metrics"), name[i]);
		int built_in = own.type == JSON_OBJECT ? 0 : str_eq(name[i], usual[0]) ? 1 : str_eq(name[i], usual[1]) ? 2 : 0;

		query_set_policy(w.query, narrow && !(users && built_in) ? narrow : ex->who->policy);
		w.n_steps = 0;
		if (built_in == 1)
			conversion_rate(&w, recommend);
		else if (built_in == 2)
			user_engagement(&w, recommend);
		else
			other_metric(&w, name[i]);
	}
	query_set_policy(w.query, ex->who->policy);
	policy_free(narrow);
	if (w.err.code) {
		exchange_error(ex, &w.err);
	} else {
		buf_lit(&json, "{\"insights\":[");
		buf_str(&json, buf_get(&w.insights));
		buf_lit(&json, "],\"recommendations\":[");
		buf_str(&json, buf_get(&w.recommendations));
		buf_lit(&json, "],\"from\":");
		json_put_time(&json, w.now.from);
		buf_lit(&json, ",\"to\":");
		json_put_time(&json, w.now.to);
		buf_byte(&json, '}');
		exchange_json(ex, 200, &json);
	}
	buf_release(&w.insights);
	buf_release(&w.recommendations);
	buf_release(&json);
}

/* ---- GET /forecast: insight/forecast.h over the metric's buckets */

struct history { struct str labels; double *y; int64_t first; int n, cap; };

struct histories {
	struct history *series;
	int n, cap;
	struct str by[8];
	int n_by, points;
	int64_t every;
	struct buf labels;
};

static int
take_point(void *self, const struct cell *cells, int n, struct err *err)
{
	struct histories *h = self;
	struct history *s = h->n ? &h->series[h->n - 1] : NULL;
	const struct cell *value = &cells[n - 1];
	int64_t time;

	buf_clear(&h->labels);
	buf_byte(&h->labels, '{');
	for (int i = 0; i < h->n_by; i++) {
		buf_lit(&h->labels, i ? "," : "");
		json_put_key(&h->labels, h->by[i]);
		cell_put_json(&h->labels, &cells[i]);
	}
	buf_byte(&h->labels, '}');
	if (cells[n - 2].type != CELL_TEXT || time_parse_rfc3339(cells[n - 2].text, &time))
		return 0;
	if (!s || !str_eq(s->labels, buf_get(&h->labels))) {
		if (h->n == SERIES_MOST)
			return err_set(err, ERR_LIMIT, "more than %d series, forecast fewer", SERIES_MOST);
		if (h->n == h->cap)
			h->series = mem_grow(h->series, (size_t)(h->cap = h->cap ? h->cap * 2 : 8), sizeof(*h->series));
		s = &h->series[h->n++];
		*s = (struct history){ .labels = { mem_dup(h->labels.p, h->labels.n), h->labels.n }, .first = time };
	}
	if (++h->points > POINTS_MOST)
		return err_set(err, ERR_LIMIT, "more than %d points, ask for a longer interval", POINTS_MOST);
	if (s->n == s->cap)
		s->y = mem_grow(s->y, (size_t)(s->cap = s->cap ? s->cap * 2 : 64), sizeof(*s->y));
	s->y[s->n++] = value->type == CELL_REAL ? value->real : (double)value->integer;
	return 0;
}

/* Values in a day and in a week, where the step divides them. */
static void
find_periods(int64_t every, size_t n, int *periods)
{
	static const int64_t spans[] = { 3600000, 86400000, 7 * 86400000LL };
	int k = 0;

	for (size_t i = 0; i < sizeof(spans) / sizeof(*spans) && k < FORECAST_PERIODS; i++)
		if (spans[i] > every && spans[i] % every == 0 && (size_t)(spans[i] / every) * 2 <= n)
			periods[k++] = (int)(spans[i] / every);
}

static int
forecast_series(const struct history *s, struct str metric, int64_t every, int horizon, double level, int counts, struct buf *out, int *told, struct err *err)
{
	struct forecast_spec spec = { .value = s->y, .n = (size_t)s->n, .horizon = horizon, .level = level, .counts = counts };
	double *mean = mem_new(3 * (size_t)horizon * sizeof(*mean)), *lower = mean + horizon, *upper = lower + horizon;
	int rc;

	find_periods(every, spec.n, spec.periods);
	rc = forecast_run(&spec, mean, lower, upper, err);
	for (int k = 0; rc == 0 && k < horizon; k++) {
		buf_lit(out, (*told)++ ? ",{\"metric\":" : "{\"metric\":");
		json_put_string(out, metric);
		buf_lit(out, ",\"timestamp\":");
		json_put_time(out, s->first + (s->n + k) * every);
		buf_lit(out, ",\"labels\":");
		buf_str(out, s->labels);
		put_number(out, "mean", mean[k]);
		put_number(out, "lower", lower[k]);
		put_number(out, "upper", upper[k]);
		buf_byte(out, '}');
	}
	free(mean);
	return rc;
}

static void
forecast(struct exchange *ex)
{
	struct metric_spec spec = { .name = exchange_param(ex, "metric"), .by = exchange_param(ex, "groupBy") };
	struct str horizon = exchange_param(ex, "horizon"), level_text = exchange_param(ex, "level"), every = exchange_param(ex, "interval"), rest, piece;
	struct histories h = { .n = 0 };
	struct buf json = { 0 }, rows = { 0 };
	struct err err = { 0 };
	struct query *q;
	int64_t span, steps = 14, level = 95;
	int adds = 1, told = 0, least = 1;
	char interval[32];

	spec.every_ms = 86400000;
	if (exchange_range(ex, (struct str){ 0 }, 90 * 86400000LL, &spec.from, &spec.to))
		return;
	if (every.n && (dur_parse(every, &spec.every_ms, &err) || spec.every_ms < 1000)) {
		exchange_problem(ex, 400, "interval: wants a span of a second or more, 1h or 1d");
		return;
	}
	if (horizon.n && str_int64(horizon, &steps) && dur_parse(horizon, &span, &err) == 0)
		steps = (span + spec.every_ms - 1) / spec.every_ms;
	if (level_text.n)
		str_int64(level_text, &level);
	if (steps < 1 || steps > HORIZON_MOST || level < 1 || level > 99) {
		exchange_problem(ex, 400, "horizon wants a span or a number of steps, 1 to %d of them; level 1 to 99", HORIZON_MOST);
		return;
	}
	if (spec.from > TIME_MIN && (spec.to > TIME_MAX ? time_now() : spec.to) / spec.every_ms - spec.from / spec.every_ms > POINTS_MOST) {
		exchange_problem(ex, 422, "more than %d points, ask for a longer interval or a shorter timeRange", POINTS_MOST);
		return;
	}
	for (rest = spec.by.n ? spec.by : (struct str){ 0 }; rest.p && h.n_by < 8 && str_cut(&rest, ',', &piece); )
		h.by[h.n_by++] = str_trim(piece);
	if (!spec.by.n)
		spec.by = (struct str){ 0 };
	spec.adds = &adds;
	h.every = spec.every_ms;
	/* the bucket that still runs is no point of the past */
	if (spec.to > time_now())
		spec.to = time_now() - time_now() % spec.every_ms;
	if (spec.to <= spec.from || !(q = exchange_query(ex))) {
		if (spec.to <= spec.from)
			exchange_problem(ex, 422, "the timeRange has no whole interval in it");
		return;
	}
	if (query_begin(q, &err) == 0)
		metric_run(q, &spec, (struct cell_sink){ take_point, &h }, &err);
	query_end(q);
	if (!err.code) {
		for (int i = 0; i < h.n; i++)
			for (int k = 0; k < h.series[i].n; k++)
				least &= h.series[i].y[k] >= 0;
		for (int i = 0; i < h.n && !err.code; i++)
			if (h.series[i].n >= FORECAST_LEAST)
				forecast_series(&h.series[i], spec.name, spec.every_ms, (int)steps, (double)level / 100, least, &rows, &told, &err);
	}
	if (!err.code) {
		dur_print(spec.every_ms, interval);
		buf_lit(&json, "{\"metric\":");
		json_put_string(&json, spec.name);
		buf_printf(&json, ",\"interval\":\"%s\",\"level\":%lld,\"forecast\":[", interval, (long long)level);
		buf_str(&json, buf_get(&rows));
		buf_lit(&json, "]}");
		exchange_json(ex, 200, &json);
	} else if (err.code == ERR_USAGE && strncmp(err.text, "no metric '", 11) == 0) {
		exchange_problem(ex, 404, "%s", err.text);
	} else {
		exchange_error(ex, &err);
	}
	for (int i = 0; i < h.n; i++) {
		free((char *)h.series[i].labels.p);
		free(h.series[i].y);
	}
	free(h.series);
	buf_release(&h.labels);
	buf_release(&json);
	buf_release(&rows);
}

static const struct route_param forecast_params[] = { { "metric", "string", 1, "a metric of config/analytics.json, a stored one, or an event" },
	{ "timeRange", "string", 0, "the past to learn from (90d)" }, { "from", "time", 0, "its beginning, where there is no timeRange" }, { "to", "time", 0, "its end" },
	{ "interval", "duration", 0, "length of a step (1d)" }, { "horizon", "string", 0, "how far: a span, 14d, or a number of steps (14)" },
	{ "level", "integer", 0, "percent that the interval is to hold (95)" }, { "groupBy", "list", 0, "a series for each value of these fields" }, { 0 } };

const struct route route_insights[] = {
	{ "POST", "/api/v1/insights", "What changed against the period before, with the evidence.", AUTH_READ, "insights", NULL, "Insights", "InsightsAnswer", 200, ROUTE_POOL, 65536, insights },
	{ "GET", "/api/v1/forecast", "How a metric may go on.", AUTH_READ, "forecast", forecast_params, NULL, "Forecast", 200, ROUTE_POOL, 0, forecast },
	{ 0 }
};
