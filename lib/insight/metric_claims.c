#include "insight/metric_claims.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "insight/holidays.h"
#include "insight/target.h"
#include "query/metric.h"

#define DIMS_MOST    6                  /* that are taken by themselves */
#define COLUMNS_MOST 48                 /* that are looked at for that */
#define SAMPLE       "20000"            /* rows that they are looked at in */
#define VALUES_MOST  200
#define CELLS_MOST   50000              /* that the fields taken by themselves may make */
#define UNLIKE_MOST  2000               /* values in that sample of a field that is named */

/* ---- fields that tell parts apart */

struct columns { struct buf names; struct str name[COLUMNS_MOST]; int n; };

static int
add_column(void *self, struct str name, struct err *err)
{
	static const char *const known[] = { "event", "timestamp", "received_at", "id", "user_id", "session_id", "properties", "metric", "field", "value", "labels", "window", NULL };
	struct columns *c = self;

	(void)err;
	for (int i = 0; known[i]; i++)
		if (str_eq(name, str_of(known[i])))
			return 0;
	if (c->n < COLUMNS_MOST && name.n < 256 && !memchr(name.p, '"', name.n) && !memchr(name.p, ',', name.n)) {
		c->name[c->n++] = (struct str){ c->names.p + c->names.n, name.n };
		buf_str(&c->names, name);
	}
	return 0;
}

struct counts { double value[COLUMNS_MOST + 1]; };

static int
take_counts(void *self, const struct cell *cells, int n, struct err *err)
{
	struct counts *c = self;

	(void)err;
	for (int i = 0; i < n && i <= COLUMNS_MOST; i++)
		c->value[i] = cells[i].type == CELL_INTEGER ? (double)cells[i].integer : 0;
	return 0;
}

/* Of the table's columns those with a few values, the ones with fewest first. metric p NULL: of all its rows. */
static int
choose_from(struct query *q, const char *table, struct str metric, int64_t since, struct buf *by, struct err *err)
{
	struct columns columns = { .n = 0 };
	struct counts counts = { { 0 } };
	const struct query_sink sink = { NULL, take_counts, &counts };
	char from[TIME_LEN];
	const struct query_param params[] = { { STR("metric"), metric }, { STR("from"), { from, TIME_LEN } } };
	struct buf sql = {0};
	double cells = 1;
	size_t at = 0;
	int rc;

	time_print(since, from);
	buf_room(&columns.names, COLUMNS_MOST * 256);
	if ((rc = query_each_column(q, table, add_column, &columns, err)) || columns.n == 0)
		goto out;
	buf_lit(&sql, "SELECT COUNT(*)");
	for (int i = 0; i < columns.n; i++)
		buf_printf(&sql, ", COUNT(DISTINCT CASE WHEN substr(c%d, 1, 1) IN ('{', '[') THEN NULL ELSE c%d END)", i, i);         /* nested: none */
	buf_lit(&sql, " FROM (SELECT ");
	for (int i = 0; i < columns.n; i++)
		buf_printf(&sql, "%s\"%.*s\" AS c%d", i ? ", " : "", STR_FMT(columns.name[i]), i);
	buf_printf(&sql, " FROM %s WHERE ", table);
	if (metric.p)
		buf_printf(&sql, "%s IN (:metric, substr(:metric, 1, length(:metric) - 1)) AND ", strcmp(table, "events") == 0 ? "event" : "metric");
	buf_lit(&sql, "timestamp >= :from LIMIT " SAMPLE ")");
	if ((rc = query_run(q, buf_get(&sql), &at, params, 2, &sink, err)) < 0)
		goto out;
	rc = 0;
	for (int taken = 0; taken < DIMS_MOST; taken++) {
		int best = -1;

		for (int i = 0; i < columns.n; i++) {
			double n = counts.value[i + 1];

			if (n >= 2 && n <= VALUES_MOST && n <= counts.value[0] / 5 && cells * n <= CELLS_MOST && (best < 0 || n < counts.value[best + 1]))
				best = i;
		}
		if (best < 0)
			break;
		buf_lit(by, by->n ? "," : "");
		buf_str(by, columns.name[best]);
		cells *= counts.value[best + 1];
		counts.value[best + 1] = 0;
	}
out:
	buf_release(&sql);
	buf_release(&columns.names);
	return rc;
}

/* A field with a value of its own for nearly every row (a referrer, an id) tells no parts apart, and would make a cell of each. */
static int
refuse_unlike(struct query *q, struct str event, int64_t since, const struct str *name, int n, struct err *err)
{
	struct counts counts = { { 0 } };
	const struct query_sink sink = { NULL, take_counts, &counts };
	char from[TIME_LEN];
	const struct query_param params[] = { { STR("event"), event }, { STR("from"), { from, TIME_LEN } } };
	struct buf sql = {0};
	size_t at = 0;
	int rc;

	time_print(since, from);
	buf_lit(&sql, "SELECT COUNT(*)");
	for (int i = 0; i < n; i++)
		buf_printf(&sql, ", COUNT(DISTINCT c%d)", i);
	buf_lit(&sql, " FROM (SELECT ");
	for (int i = 0; i < n; i++)
		buf_printf(&sql, "%s\"%.*s\" AS c%d", i ? ", " : "", STR_FMT(name[i]), i);
	buf_lit(&sql, " FROM events WHERE event = :event AND timestamp >= :from LIMIT " SAMPLE ")");
	rc = query_run(q, buf_get(&sql), &at, params, 2, &sink, err);
	buf_release(&sql);
	if (rc < 0)
		return rc;
	for (int i = 0; i < n; i++)
		if (counts.value[i + 1] > UNLIKE_MOST)
			return err_set(err, ERR_USAGE, "--by: %.*s has more than %.0f values in %.0f rows, which are too many to tell parts by", name[i].n > 80 ? 80 : (int)name[i].n,
			    name[i].p, counts.value[i + 1] - 1, counts.value[0]);
	return 0;
}

/* Events of a metric of the configuration may be any: all events are looked at then. */
static int
choose_dims(struct query *q, struct str metric, int64_t since, struct buf *by, struct err *err)
{
	struct json own = metric_definition(q, metric), event = json_get(own, STR("event"));
	struct buf scratch = {0};
	int rc;

	if (json_is(event, JSON_ARRAY))
		event = json_index(event, 0);
	if (json_is(event, JSON_STRING))
		metric = json_text(event, &scratch);
	else if (json_is(own, JSON_OBJECT))
		metric = (struct str){ 0 };
	if ((rc = choose_from(q, "events", metric, since, by, err)) == 0 && by->n == 0)
		rc = choose_from(q, "metrics", metric, since, by, err);
	buf_release(&scratch);
	return rc;
}

/* ---- values by labels, in two periods */

struct value { struct map_entry *key; double of[2][2]; unsigned char told[2][2]; };     /* [num, den][before, after]; told: there was a value */

struct table {
	struct map rows;                /* labels as text, a line each */
	struct value *value;
	size_t n, cap;
	struct buf key;
	int n_dims, part, after;        /* what comes now */
	int64_t seen;
};

static int
take_value(void *self, const struct cell *cells, int n, struct err *err)
{
	struct table *t = self;
	const struct cell *c = &cells[n - 1];
	struct map_entry *e;
	int is_new;

	(void)err;
	buf_clear(&t->key);
	for (int i = 0; i < t->n_dims; i++) {
		cell_put_json(&t->key, &cells[i]);
		buf_byte(&t->key, '\n');
	}
	e = map_put(&t->rows, buf_get(&t->key), &is_new);
	if (is_new) {
		if (t->n == t->cap)
			t->value = mem_grow(t->value, t->cap = t->cap ? 2 * t->cap : 256, sizeof(*t->value));
		t->value[t->n] = (struct value){ .key = e };
		e->num = (int64_t)t->n++;
	}
	t->value[e->num].of[t->part][t->after] = c->type == CELL_REAL ? c->real : c->type == CELL_INTEGER ? (double)c->integer : 0;
	t->value[e->num].told[t->part][t->after] = c->type != CELL_NULL;
	t->seen++;
	return 0;
}

static int
run_part(struct query *q, const struct metric_ask *ask, struct str metric, const char *value, struct str by, int part, struct table *t, int *adds, struct err *err)
{
	int rc = 0;

	t->part = part;
	t->n_dims = 0;
	for (struct str rest = by, piece; by.p && str_cut(&rest, ',', &piece); )
		t->n_dims++;
	for (t->after = 0; rc == 0 && t->after < 2; t->after++) {
		struct metric_spec spec = { .name = metric, .by = by, .value = value, .adds = adds, .from = t->after ? ask->from : ask->from - (ask->to - ask->from),
			.to = t->after ? ask->to : ask->from };

		if ((rc = query_begin(q, err)) == 0)
			rc = metric_run(q, &spec, (struct cell_sink){ take_value, t }, err);
		query_end(q);
	}
	return rc;
}

/* The same of the number of an event, as one GROUP BY for each period: a tenth of the time. 1; 0: the metric is something else. */
static int
count_events(struct query *q, const struct metric_ask *ask, struct str event, struct str by, struct table *t, struct err *err)
{
	const struct query_sink sink = { NULL, take_value, t };
	struct counts stored = { { 0 } };
	const struct query_sink is_stored = { NULL, take_counts, &stored };
	const struct query_param name = { STR("event"), event };
	struct buf sql = {0};
	size_t at = 0;
	int rc;

	buf_lit(&sql, "SELECT COUNT(*) FROM (SELECT 1 FROM metrics WHERE metric = :event LIMIT 1)");
	if ((rc = query_run(q, buf_get(&sql), &at, &name, 1, &is_stored, err)) < 0 || stored.value[0] > 0)
		goto out;
	t->part = t->n_dims = 0;
	for (t->after = 0; rc >= 0 && t->after < 2; t->after++) {
		char from[TIME_LEN], to[TIME_LEN];
		const struct query_param params[] = { name, { STR("from"), { from, TIME_LEN } }, { STR("to"), { to, TIME_LEN } } };

		time_print(t->after ? ask->from : ask->from - (ask->to - ask->from), from);
		time_print(t->after ? ask->to : ask->from, to);
		buf_clear(&sql);
		buf_lit(&sql, "SELECT ");
		t->n_dims = 0;
		for (struct str rest = by, piece; str_cut(&rest, ',', &piece); t->n_dims++)
			buf_printf(&sql, "\"%.*s\", ", STR_FMT(str_trim(piece)));
		buf_lit(&sql, "COUNT(*) FROM events WHERE event = :event AND timestamp >= :from AND timestamp < :to GROUP BY ");
		for (int i = 1; i <= t->n_dims; i++)
			buf_printf(&sql, "%s%d", i > 1 ? ", " : "", i);
		at = 0;
		rc = query_run(q, buf_get(&sql), &at, params, 3, &sink, err);
	}
out:
	buf_release(&sql);
	return rc < 0 ? rc : t->n > 0;
}

static void
release_table(struct table *t)
{
	map_release(&t->rows);
	free(t->value);
	buf_release(&t->key);
}

static struct explain *
explain_of(const struct table *t, enum explain_kind kind, int n_dims, struct err *err)
{
	struct explain *e = explain_new(kind, n_dims);

	for (size_t i = 0; i < t->n; i++) {
		struct str values[EXPLAIN_DIMS], rest = t->value[i].key->key;

		for (int d = 0; d < n_dims; d++)
			str_cut(&rest, '\n', &values[d]);
		for (int k = 0; k < 2; k++)
			if (explain_add(e, values, k, t->value[i].of[0][k], kind == EXPLAIN_RATIO ? t->value[i].of[1][k] : 1, err)) {
				explain_free(e);
				return NULL;
			}
	}
	return e;
}

/* ---- numbers of different things: each value of each dimension by itself */

static void
bounded_claim(struct claims *c, const struct claim *periods, const double whole[2], const struct value *v, double others0, double others1, struct str dim)
{
	struct claim x = *periods;
	const double others[2] = { others0, others1 };
	struct buf labels = {0};
	double z = (v->of[0][1] - v->of[0][0]) / sqrt(fmax(1, v->of[0][1] + v->of[0][0])), error;

	buf_byte(&labels, '{');
	json_put_key(&labels, dim);
	buf_add(&labels, v->key->key.p, v->key->key.n - 1);
	buf_byte(&labels, '}');
	x.kind = CLAIM_CONTRIBUTION;
	x.labels = buf_get(&labels);
	x.test = "two counts; parts of a number of different things do not add up";
	x.before = v->of[0][0], x.value = v->of[0][1];
	x.relative = 1;
	x.effect = x.before > 0 ? x.value / x.before - 1 : INFINITY;
	error = x.before > 0 && x.value > 0 ? 1.96 * sqrt(1 / x.before + 1 / x.value) : INFINITY;
	x.lower = (x.effect + 1) * exp(-error) - 1, x.upper = (x.effect + 1) * exp(error) - 1;
	x.z = z, x.p = erfc(fabs(z) / M_SQRT2);
	x.share = NAN;
	x.bounded = 1;
	explain_bounds(whole, v->of[0], others, &x.least, &x.most);
	x.coverage = fmax(whole[0] > 0 ? x.before / whole[0] : 0, whole[1] > 0 ? x.value / whole[1] : 0);
	if (fabs(x.effect - (whole[0] > 0 ? whole[1] / whole[0] - 1 : 0)) > 1e-12 && fabs(z) > 2)
		claims_add(c, &x);
	buf_release(&labels);
}

static int
distinct_claims(struct query *q, const struct metric_ask *ask, struct str by, const struct claim *periods, struct claims *c, struct err *err)
{
	struct table whole = { .n = 0 };
	struct claims parts;
	struct claim x = *periods;
	struct str rest = by, dim;
	double all[2] = { 0, 0 }, error;
	int rc = run_part(q, ask, ask->metric, NULL, (struct str){ 0 }, 0, &whole, NULL, err);

	for (int k = 0; k < 2 && whole.n; k++)
		all[k] = whole.value[0].of[0][k];
	release_table(&whole);
	claims_begin(&parts, c->zone);
	x.kind = CLAIM_CHANGE, x.test = "two counts", x.relative = 1, x.coverage = 1, x.share = NAN;
	x.before = all[0], x.value = all[1];
	x.effect = all[0] > 0 ? all[1] / all[0] - 1 : INFINITY;
	error = sqrt(fmax(1, all[0] + all[1]));
	x.z = (all[1] - all[0]) / error, x.p = erfc(fabs(x.z) / M_SQRT2);
	x.lower = x.effect - 1.96 * error / all[0], x.upper = x.effect + 1.96 * error / all[0];
	claims_add(c, &x);
	while (rc == 0 && str_cut(&rest, ',', &dim)) {
		struct table t = { .n = 0 };
		double sum[2] = { 0, 0 };

		dim = str_trim(dim);
		rc = run_part(q, ask, ask->metric, NULL, dim, 0, &t, NULL, err);
		for (size_t i = 0; i < t.n; i++)
			sum[0] += t.value[i].of[0][0], sum[1] += t.value[i].of[0][1];
		parts.tests += t.n;
		for (size_t i = 0; rc == 0 && i < t.n; i++)
			bounded_claim(&parts, periods, all, &t.value[i], sum[0] - t.value[i].of[0][0], sum[1] - t.value[i].of[0][1], dim);
		release_table(&t);
	}
	claims_rank(&parts, EXPLAIN_CAUSES);
	for (size_t i = 0; i < parts.n; i++)
		claims_add(c, &parts.list[i]);
	claims_release(&parts);
	return rc;
}

/* ---- which it is */

/* "avg(x)": the inside, or what is no such call */
static int
call_of(struct str text, const char *name, struct str *inside)
{
	size_t n = strlen(name);

	if (text.n < n + 2 || memcmp(text.p, name, n) || text.p[n] != '(' || text.p[text.n - 1] != ')')
		return 0;
	*inside = (struct str){ text.p + n + 1, text.n - n - 2 };
	return 1;
}

/* How many values each mean is of: sum / mean. Of a mean of 0 that says nothing: it counts for as many as there are events. */
static int
mean_table(struct query *q, const struct metric_ask *ask, struct str inside, struct str by, struct table *t, struct err *err)
{
	struct table events = { .n = 0 };
	char sum[300];
	int rc, zeros = 0;

	if (inside.n > 250)
		return err_set(err, ERR_USAGE, "%.*s: a name that long", 60, inside.p);
	snprintf(sum, sizeof(sum), "sum(%.*s)", STR_FMT(inside));
	if ((rc = run_part(q, ask, ask->metric, sum, by, 0, t, NULL, err)) || (rc = run_part(q, ask, ask->metric, NULL, by, 1, t, NULL, err)))
		return rc;
	for (size_t i = 0; i < t->n; i++)
		for (int k = 0; k < 2; k++)
			zeros |= t->value[i].told[1][k] && t->value[i].of[1][k] == 0;
	if (zeros)
		rc = run_part(q, ask, ask->metric, "count", by, 0, &events, NULL, err);
	for (size_t i = 0; i < t->n; i++) {
		const struct map_entry *e = zeros ? map_find(&events.rows, t->value[i].key->key) : NULL;

		for (int k = 0; k < 2; k++) {
			double *of = &t->value[i].of[1][k];

			*of = *of != 0 ? nearbyint(t->value[i].of[0][k] / *of) : e && t->value[i].told[1][k] ? events.value[e->num].of[0][k] : 0;
		}
	}
	release_table(&events);
	return rc;
}

int
metric_claims(struct query *q, const struct metric_ask *ask, struct claims *c, struct err *err)
{
	struct json own = metric_definition(q, ask->metric);
	struct buf scratch = {0}, chosen = {0}, query = {0};
	struct str value = json_text(json_get(own, STR("value")), &scratch), inside, by = ask->by, num = ask->metric, den = { 0 };
	struct claim periods = { .from = ask->from, .to = ask->to, .before_from = ask->from - (ask->to - ask->from), .before_to = ask->from, .metric = ask->metric,
		.step_ms = (ask->to - ask->from) % 86400000 ? 1 : 86400000 };
	struct str name[EXPLAIN_DIMS];
	struct table t = { .n = 0 };
	struct explain *e = NULL;
	enum explain_kind kind = EXPLAIN_SUM;
	const char *slash = memchr(ask->metric.p, '/', ask->metric.n);
	int rc = 0, adds = 1, n_dims = 0, distinct = 0, plain = 1;

	if (slash && !json_is(own, JSON_OBJECT)) {
		num.n = (size_t)(slash - num.p);
		den = (struct str){ slash + 1, ask->metric.n - num.n - 1 };
	}
	if (!by.p && (rc = choose_dims(q, num, ask->from, &chosen, err)))
		goto out;
	by = by.p || chosen.n == 0 ? by : buf_get(&chosen);
	for (struct str rest = by, piece; by.n && str_cut(&rest, ',', &piece); ) {
		if (n_dims == EXPLAIN_DIMS) {
			rc = err_set(err, ERR_USAGE, "--by: more than %d fields", EXPLAIN_DIMS);
			goto out;
		}
		name[n_dims] = str_trim(piece);
		plain &= name[n_dims].n > 0 && !memchr(name[n_dims].p, '"', name[n_dims].n);
		n_dims++;
	}
	if (plain && n_dims && ask->by.p && !json_is(own, JSON_OBJECT) && (rc = refuse_unlike(q, num, ask->from, name, n_dims, err)) < 0 && rc != ERR_USAGE)
		goto out;
	if (rc == ERR_USAGE && strncmp(err->text, "--by: ", 6) == 0)
		goto out;
	err_clear(err);                                 /* no such event or column: it may be a stored metric with labels */
	rc = 0;
	buf_printf(&query, "at-query metric %.*s --by %.*s", STR_FMT(num), STR_FMT(by));
	periods.query = buf_get(&query);
	if (n_dims == 0) {              /* is there such a metric at all? */
		if ((rc = run_part(q, ask, num, NULL, (struct str){ 0 }, 0, &t, &adds, err)) == 0)
			rc = err_set(err, ERR_USAGE, "%.*s: no field tells parts of it apart, name some by --by", num.n > 80 ? 80 : (int)num.n, num.p);
	} else if (call_of(value, "avg", &inside)) {
		kind = EXPLAIN_RATIO;
		rc = mean_table(q, ask, inside, by, &t, err);
	} else if (call_of(value, "distinct", &inside)) {
		distinct = 1;
		rc = distinct_claims(q, ask, by, &periods, c, err);
	} else if (!json_is(own, JSON_OBJECT) && !den.n && plain && (rc = count_events(q, ask, num, by, &t, err))) {
		kind = EXPLAIN_COUNT;
		rc = rc > 0 ? 0 : rc;
	} else if ((rc = run_part(q, ask, num, NULL, by, 0, &t, &adds, err)) == 0 && den.n) {
		kind = EXPLAIN_RATIO;
		rc = run_part(q, ask, den, NULL, by, 1, &t, &adds, err);
	} else if (rc == 0) {
		kind = value.n == 0 || str_eq(value, STR("count")) ? EXPLAIN_COUNT : EXPLAIN_SUM;
	}
	if (rc == 0 && !adds)
		rc = err_set(err, ERR_USAGE, "%.*s: values that do not add up have no parts; explain a count, a sum, or a ratio of two, A/B",
		    ask->metric.n > 80 ? 80 : (int)ask->metric.n, ask->metric.p);
	if (rc || distinct)
		goto out;
	periods.counted = kind == EXPLAIN_COUNT && !json_is(own, JSON_OBJECT);
	if (!(e = explain_of(&t, kind, n_dims, err)))
		rc = err->code;
	else
		claims_of_explain(c, explain_run(e), ask->metric, name, &periods);
out:
	explain_free(e);
	release_table(&t);
	buf_release(&scratch);
	buf_release(&chosen);
	buf_release(&query);
	return rc;
}

struct named { struct str name; int found; };

static int
see_named(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	struct named *n = self;

	(void)count, (void)first, (void)last;
	n->found |= str_eq(name, n->name);
	return 0;
}

int
metric_claims_counted(struct query *q, struct str metric)
{
	struct named named = { .name = metric };
	struct err err = {0};
	struct store *store = json_is(metric_definition(q, metric), JSON_OBJECT) ? NULL : query_store(q, &err);

	return store && store_each_name(store, see_named, &named, &err) == 0 && named.found;
}

/* ---- the store as a whole */

#define METRICS_MOST 40
#define EXPLAINED    4                  /* changes that reasons are looked for */
#define DAY          86400000LL

struct names { struct str name[METRICS_MOST]; int64_t count[METRICS_MOST]; int event[METRICS_MOST], n; struct arena *arena; };

static void
add_name(struct names *x, struct str name, int64_t count, int event)
{
	int at = x->n;

	for (int i = 0; i < x->n; i++)
		if (str_eq(x->name[i], name))
			return;
	if (x->n == METRICS_MOST) {             /* the rarest makes room */
		at = 0;
		for (int i = 1; i < x->n; i++)
			at = x->count[i] < x->count[at] ? i : at;
		if (x->count[at] >= count)
			return;
	} else {
		x->n++;
	}
	x->name[at] = (struct str){ arena_dup(x->arena, name.p, name.n), name.n };
	x->count[at] = count;
	x->event[at] = event;
}

static int
see_event(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	(void)first, (void)last;
	add_name(self, name, count, 1);
	return 0;
}

static int
see_stored(void *self, const struct cell *cells, int n, struct err *err)
{
	(void)n, (void)err;
	if (cells[0].type == CELL_TEXT)
		add_name(self, cells[0].text, INT64_MAX - 1, 0);
	return 0;
}

struct points { struct series_set *set; struct str metric; int adds, counted; };

static int
take_point(void *self, const struct cell *cells, int n, struct err *err)
{
	struct points *p = self;
	const struct cell *c = &cells[n - 1];
	int64_t time;

	(void)err;
	if (cells[n - 2].type == CELL_TEXT && time_parse_rfc3339(cells[n - 2].text, &time) == 0 && c->type != CELL_NULL)
		series_add(p->set, p->metric, STR("{}"), STR("value"), time, c->type == CELL_REAL ? c->real : (double)c->integer);
	return 0;
}

/* Values by steps; a sum is one only where there was something, so what was missing is nothing. */
static int
read_metric(struct query *q, struct str name, int event, int64_t from, int64_t to, int64_t every, struct series_set *set, struct err *err)
{
	struct metric_spec spec = { .name = name, .from = from, .to = to, .every_ms = every };
	struct points points = { .set = set };
	struct buf quoted = {0};
	size_t before = set->by_key.n;
	int rc, adds = 0;

	json_put_string(&quoted, name);
	points.metric = buf_get(&quoted);
	spec.adds = &adds;
	if ((rc = query_begin(q, err)) == 0)
		rc = metric_run(q, &spec, (struct cell_sink){ take_point, &points }, err);
	query_end(q);
	for (struct map_entry *e = map_first(&set->by_key); rc == 0 && e && set->by_key.n > before; e = map_next(&set->by_key, e)) {
		struct series *s = e->ptr;

		if (str_eq(s->metric, points.metric)) {
			s->counted = event;
			s->is_sum = adds;
			s->zone = query_zone(q);
		}
	}
	buf_release(&quoted);
	if (rc == ERR_USAGE) {                  /* a pattern of unlike metrics, or so: the others go on */
		err_clear(err);
		rc = 0;
	}
	return rc;
}

static int64_t
step_of(int64_t span)
{
	return span >= 14 * DAY ? DAY : span >= DAY ? DAY / 24 : 60000;
}

/* The question that gives each value again, where none is there. */
static void
name_queries(struct claims *c, size_t from, int64_t every)
{
	struct buf text = {0};
	char step[32];

	dur_print(every, step);
	for (size_t i = from; i < c->n; i++)
		if (!c->list[i].query.n) {
			buf_clear(&text);
			buf_printf(&text, "at-query metric %.*s --every %s", STR_FMT(c->list[i].metric), step);
			c->list[i].query = (struct str){ arena_dup(c->arena, text.p, text.n), text.n };
		}
	buf_release(&text);
}

int
metric_claims_course(struct query *q, struct str metric, int64_t from, int64_t to, struct claims *c, struct err *err)
{
	int64_t every = step_of(to - from);
	struct series_set set = {0};
	size_t n = c->n;
	struct holidays *holidays = holidays_of_json(config_get(query_config(q), "analytics", "holidays"), err);
	int rc = holidays ? 0 : err->code;

	to = metric_bucket(q, &(struct metric_spec){ .every_ms = every }, to);          /* the step that still runs would look like a fall */
	from = metric_bucket(q, &(struct metric_spec){ .every_ms = every }, from);
	if (rc == 0 && (rc = read_metric(q, metric, 0, from, to, every, &set, err)) == 0)
		claims_of_series(c, &set, 1, holidays);
	name_queries(c, n, every);
	holidays_free(holidays);
	series_set_release(&set);
	return rc;
}

/* How far the values of one period are off those of the other by chance, from how unlike their steps are pair by pair, so that a season within the period
 * is no chance: of the sum of all pairs, or of their mean. NAN: too few pairs to say. */
static double
chance_of_pairs(const struct series_set *set, const struct metric_ask *ask, int64_t every, int adds)
{
	const struct map_entry *e = map_first(&set->by_key);
	const struct series *s = e ? e->ptr : NULL;
	int64_t span = ask->to - ask->from;
	double sum = 0, squares = 0, var;
	size_t n = 0;

	for (int64_t t = ask->from; s && s->n && t + every <= ask->to; t += every) {
		int64_t i = (t - span - s->first + every / 2) / every, k = (t - s->first + every / 2) / every;
		double d;

		if (t - span < s->first || k >= (int64_t)s->n || isnan(d = s->value[k] - s->value[i]))
			continue;
		sum += d, squares += d * d, n++;
	}
	if (n < 4)
		return NAN;
	var = fmax(0, squares - sum * sum / (double)n) / (double)(n - 1);
	return adds ? sqrt(var * (double)n) : sqrt(var / (double)n);
}

static int
add_whole(struct query *q, const struct metric_ask *ask, int64_t every, struct claims *c, struct err *err)
{
	struct claim x = { .kind = CLAIM_CHANGE, .metric = ask->metric, .from = ask->from, .to = ask->to, .before_from = ask->from - (ask->to - ask->from), .before_to = ask->from,
		.step_ms = (ask->to - ask->from) % DAY ? 1 : DAY, .relative = 1, .coverage = 1, .share = NAN };
	struct series_set set = {0};
	struct table t = { .n = 0 };
	struct err few = {0};
	double error;
	int adds = 0, rc = run_part(q, ask, ask->metric, NULL, (struct str){ 0 }, 0, &t, &adds, err);

	if (rc == 0 && t.n)
		rc = read_metric(q, ask->metric, 0, x.before_from, metric_bucket(q, &(struct metric_spec){ .every_ms = every }, ask->to), every, &set, err);
	if (rc || !t.n)
		goto out;
	for (struct map_entry *e = map_first(&set.by_key); e; e = map_next(&set.by_key, e))
		if (series_space(e->ptr, &few))
			((struct series *)e->ptr)->n = 0;
	x.before = t.value[0].of[0][0], x.value = t.value[0].of[0][1];
	error = chance_of_pairs(&set, ask, every, adds);
	if (adds && x.before >= 0 && x.value >= 0)      /* counts vary as Poisson's at least */
		error = fmax(error, sqrt(x.before + x.value));
	x.test = adds ? "two counts, dispersion of their steps pair by pair" : "two means, dispersion of their steps pair by pair";
	x.counted = adds && !json_is(metric_definition(q, ask->metric), JSON_OBJECT);
	x.effect = x.before != 0 ? (x.value - x.before) / fabs(x.before) : INFINITY;
	x.lower = x.effect - 1.96 * error / fabs(x.before), x.upper = x.effect + 1.96 * error / fabs(x.before);
	x.z = error > 0 ? (x.value - x.before) / error : x.value == x.before ? 0 : x.value > x.before ? 30 : -30;
	x.p = isnan(x.z) ? 1 : erfc(fabs(x.z) / M_SQRT2);
	x.group = adds ? fmax(1, fmin(x.before, x.value)) : 0;
	if (x.before != 0 || x.value != 0)
		claims_add(c, &x);
out:
	series_set_release(&set);
	release_table(&t);
	return rc;
}

int
metric_claims_whole(struct query *q, const struct metric_ask *ask, struct claims *c, struct err *err)
{
	int64_t span = ask->to - ask->from, every = step_of(2 * span);
	struct claims course;
	size_t n = c->n;
	int rc = add_whole(q, ask, every, c, err);

	claims_begin(&course, c->zone);
	if (rc == 0 && c->n > n && (rc = metric_claims_course(q, ask->metric, ask->to - 4 * span, ask->to, &course, err)) == 0) {
		claims_rank(&course, EXPLAIN_CAUSES);
		for (size_t i = 0; i < course.n; i++) {
			course.list[i].counted |= c->list[n].counted;
			if (course.list[i].kind != CLAIM_CHANGE && course.list[i].kind != CLAIM_FORECAST && course.list[i].kind != CLAIM_TREND)
				claims_add(c, &course.list[i]);
		}
	}
	name_queries(c, n, every);
	claims_release(&course);
	return rc;
}

static int
explain_changes(struct query *q, struct claims *c, struct err *err)
{
	size_t n = c->n;
	int done = 0, rc = 0;

	for (size_t i = 0; i < n && rc == 0 && done < EXPLAINED; i++) {
		struct claim x = c->list[i];
		struct metric_ask ask = { .metric = x.metric, .from = x.from, .to = x.to };
		struct claims reasons;

		if (x.kind != CLAIM_CHANGE || x.p > 0.01 || x.labels.n > 2)
			continue;
		claims_begin(&reasons, c->zone);
		if ((rc = metric_claims(q, &ask, &reasons, err)) == ERR_USAGE) {
			err_clear(err);                 /* it has no parts */
			rc = 0;
		}
		for (size_t k = 0; k < reasons.n; k++)
			if (reasons.list[k].kind != CLAIM_CHANGE)
				claims_add(c, &reasons.list[k]);
		claims_release(&reasons);
		done++;
	}
	return rc;
}

int
metric_claims_overview(struct query *q, int64_t from, int64_t to, struct claims *c, struct err *err)
{
	struct names names = { .arena = arena_new(0) };
	const struct query_sink sink = { NULL, see_stored, &names };
	struct store *store = query_store(q, err);
	struct series_set set = {0};
	int64_t every = step_of(to - from);
	struct json own = config_get(query_config(q), "analytics", "metrics");
	struct buf scratch = {0};
	int64_t at_end = to;
	size_t at = 0, n = c->n;
	struct holidays *holidays = holidays_of_json(config_get(query_config(q), "analytics", "holidays"), err);
	int rc = store && holidays ? store_each_name(store, see_event, &names, err) : err->code;

	if (rc == 0 && (rc = query_run(q, STR("SELECT DISTINCT metric FROM metrics LIMIT 40"), &at, NULL, 0, &sink, err)) > 0)
		rc = 0;
	for (struct json_iter it = json_iter(own); json_is(own, JSON_OBJECT) && json_next(&it); )
		add_name(&names, json_text(it.key, &scratch), INT64_MAX, 0);
	to = metric_bucket(q, &(struct metric_spec){ .every_ms = every }, to);          /* the step that still runs would look like a fall */
	from = metric_bucket(q, &(struct metric_spec){ .every_ms = every }, from);
	for (int i = 0; rc == 0 && i < names.n; i++)
		rc = read_metric(q, names.name[i], names.event[i], from, to, every, &set, err);
	if (rc == 0) {
		claims_of_series(c, &set, 1, holidays);
		rc = explain_changes(q, c, err);
	}
	if (rc == 0)
		rc = target_claims(q, at_end, c, err);
	name_queries(c, n, every);
	series_set_release(&set);
	holidays_free(holidays);
	arena_free(names.arena);
	buf_release(&scratch);
	return rc;
}
