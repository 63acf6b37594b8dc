#include "query/verbs.h"

#include "query/match.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "query/funnel.h"
#include "query/history.h"
#include "query/metric.h"
#include "query/paths.h"
#include "query/query_priv.h"
#include "query/retention.h"
#include "query/sequences.h"
#include "query/sessions.h"

#define call_text(param) table_function_text(call, param, &scratch)

/* ---- metric */

static const struct table_function_param metric_params[] = {
	{ "name", "NAME", "a metric of config/analytics.json, a stored one, or an event", 1 },
	{ "range", "RANGE", "what is looked at: 7d, 2026-11-01..2026-11-08; all when not given" },
	{ "by", "FIELDS", "one series for each value of these fields" },
	{ "every", "DUR", "one value for each span of time: 1h, 1d, month" },
	{ "from", "TIME", "only from then on", 0 },
	{ "to", "TIME", "and before this", 0 },
	{ "filters", "JSON", "only where these fields have these values: {\"country\":\"DE\"}" },
	{ 0 } };

static int
run_filtered(struct query *q, struct metric_spec *spec, struct str filters, struct cell_sink sink, struct err *err)
{
	struct metric_filter filter[METRIC_FILTERS_MOST];
	struct arena *arena = arena_new(0);
	int rc = json_check(filters, err) ? err_at(err, "filters") : metric_filters_read(json_value(filters), filter, arena, err);

	spec->filter = filter;
	spec->n_filters = rc;
	if (rc < 0)
		rc = err_at(err, "metric"), err->code = ERR_USAGE;
	else
		rc = metric_run(q, spec, sink, err);
	arena_free(arena);
	return rc;
}

static int
metric(const struct table_function_call *call, struct cell_sink sink, struct err *err)
{
	struct buf name = {0}, by = {0}, filters = {0};
	struct str filter = table_function_text(call, "filters", &filters);
	struct metric_spec spec = { .name = table_function_text(call, "name", &name), .by = table_function_text(call, "by", &by) };
	int rc;

	if (!spec.name.p)
		return err_set(err, ERR_USAGE, "metric wants a NAME, such as metric signup --every 1d");
	if ((rc = table_function_range(call, "range", &spec.from, &spec.to, err)) == 0 &&
	    (rc = table_function_every(call, "every", -1, &spec.every_ms, &spec.months, err)) == 0 && spec.every_ms == 0 && !spec.months)
		rc = err_set(err, ERR_USAGE, "metric: every wants more than nothing, try 1h");
	if (spec.months)
		spec.every_ms = 86400000;       /* they are made of days */
	if (spec.every_ms < 0)
		spec.every_ms = 0;
	if (rc == 0)
		rc = filter.n ? run_filtered(call->query, &spec, filter, sink, err) : metric_run(call->query, &spec, sink, err);
	buf_release(&name), buf_release(&by), buf_release(&filters);
	return rc;
}

static const struct table_function metric_verb = { "metric", "one metric over time, by fields", metric_columns, metric_params, metric };

/* ---- funnel */

static const struct table_function_param funnel_params[] = {
	{ "steps", "'A,B,C'", "events, in this order", 1 },
	{ "within", "DUR", "from the first step to the last, at most (7d)" },
	{ "by", "FIELD", "one funnel for each value of this field" },
	{ "range", "RANGE", "when users entered: 7d, 2026-11-01..2026-11-08" },
	{ "from", "TIME", "users who entered from then on", 0 },
	{ "to", "TIME", "and before this", 0 },
	{ "each", "DUR", "from one step to the next, at most" },
	{ "without", "EVENT", "an event that ends the attempt" },
	{ "strict", NULL, "steps at strictly later times" },
	{ 0 } };

static int
funnel(const struct table_function_call *call, struct cell_sink sink, struct err *err)
{
	struct buf steps = {0}, without = {0}, by = {0};
	struct funnel_spec spec = { .without = table_function_text(call, "without", &without), .strict = table_function_flag(call, "strict") };
	struct tracks tracks = { .by = table_function_text(call, "by", &by) };
	struct str list = table_function_text(call, "steps", &steps), keep[FUNNEL_STEPS + 1];
	int rc;

	if (!list.p)
		return err_set(err, ERR_USAGE, "funnel wants its steps, such as funnel 'page_view,signup,purchase'");
	if ((rc = funnel_steps(&spec, list, err)) == 0 && (rc = table_function_dur(call, "within", FUNNEL_WITHIN, &spec.within_ms, err)) == 0 &&
	    (rc = table_function_dur(call, "each", 0, &spec.each_ms, err)) == 0 && (rc = table_function_range(call, "range", &spec.from, &spec.to, err)) == 0) {
		memcpy(keep, spec.step, sizeof(spec.step));
		keep[spec.steps] = spec.without;
		tracks.keep = keep;
		tracks.n_keep = spec.steps + (spec.without.p != NULL);
		if ((rc = query_tracks(call->query, &tracks, err)) == 0)
			rc = funnel_run(&tracks, &spec, sink, err);
	}
	tracks_release(&tracks);
	buf_release(&steps), buf_release(&without), buf_release(&by);
	return rc;
}

static const struct table_function funnel_verb = { "funnel", "how far users come along a sequence of events", funnel_columns, funnel_params, funnel };

/* ---- retention */

static const struct table_function_param retention_params[] = {
	{ "start", "EVENT", "the event that begins; any when not given" },
	{ "return", "EVENT", "the event that counts as coming back; any when not given" },
	{ "every", "DUR", "the length of a period: 1d, 1w, month (1d)" },
	{ "n", "N", "periods (8)" },
	{ "range", "RANGE", "when users began: 30d, 2026-11-01..2026-11-08" },
	{ "from", "TIME", "users whose first was from then on", 0 },
	{ "to", "TIME", "and before this", 0 },
	{ 0 } };

static int
retention(const struct table_function_call *call, struct cell_sink sink, struct err *err)
{
	struct buf start = {0}, back = {0};
	struct retention_spec spec = { .start = table_function_text(call, "start", &start), .back = table_function_text(call, "return", &back),
		.zone = query_zone(call->query) };
	struct tracks tracks = {0};
	struct str keep[2];
	int64_t n;
	int rc;

	if ((rc = table_function_every(call, "every", RETENTION_EVERY, &spec.every_ms, &spec.months, err)) == 0 &&
	    (rc = table_function_count(call, "n", RETENTION_PERIODS, &n, err)) == 0 &&
	    (rc = table_function_range(call, "range", &spec.from, &spec.to, err)) == 0) {
		if (!spec.months && (spec.every_ms < 1000 || spec.every_ms % 1000))
			rc = err_set(err, ERR_USAGE, "every: wants whole seconds, try 1d");
		else if (n < 1 || n > 10000)
			rc = err_set(err, ERR_USAGE, "n: wants 1 to 10000");
		spec.periods = (int)n;
		keep[0] = spec.start;
		keep[1] = spec.back;
		tracks.keep = keep;
		tracks.n_keep = spec.start.p && spec.back.p ? 2 : 0;
		if (rc == 0 && (rc = query_tracks(call->query, &tracks, err)) == 0)
			rc = retention_run(&tracks, &spec, sink, err);
	}
	tracks_release(&tracks);
	buf_release(&start), buf_release(&back);
	return rc;
}

static const struct table_function retention_verb = { "retention", "who comes back, by the period of their first event", retention_columns, retention_params, retention };

/* ---- paths */

static const struct table_function_param paths_params[] = {
	{ "from", "EVENT", "where paths begin; the first event of a session when not given" },
	{ "depth", "N", "steps that are counted (5)" },
	{ "gap", "DUR", "what ends a session (30m)" },
	{ "range", "RANGE", "when paths began: 7d, 2026-11-01..2026-11-08" },
	{ 0 } };

static int
paths(const struct table_function_call *call, struct cell_sink sink, struct err *err)
{
	struct buf from = {0};
	struct paths_spec spec = { .from = table_function_text(call, "from", &from) };
	struct tracks tracks = {0};
	int64_t depth;
	int rc;

	if ((rc = table_function_count(call, "depth", PATHS_DEPTH, &depth, err)) == 0 &&
	    (rc = table_function_dur(call, "gap", SESSIONS_GAP_MS, &spec.gap_ms, err)) == 0 &&
	    (rc = table_function_range(call, "range", &spec.since, &spec.until, err)) == 0) {
		if (depth < 1 || depth > 1000)
			rc = err_set(err, ERR_USAGE, "paths: depth is 1 to 1000");
		spec.depth = (int)depth;
		if (rc == 0 && (rc = query_tracks(call->query, &tracks, err)) == 0)
			rc = paths_run(&tracks, &spec, sink, err);
	}
	tracks_release(&tracks);
	buf_release(&from);
	return rc;
}

static const struct table_function paths_verb = { "paths", "where users go next within a session", paths_columns, paths_params, paths };

/* ---- sessions */

static const struct table_function_param sessions_params[] = {
	{ "gap", "DUR", "what ends a session (30m)" },
	{ "range", "RANGE", "when sessions began: 7d, 2026-11-01..2026-11-08" },
	{ "from", "TIME", "sessions that began from then on", 0 },
	{ "to", "TIME", "and before this", 0 },
	{ 0 } };

static int
sessions(const struct table_function_call *call, struct cell_sink sink, struct err *err)
{
	struct tracks tracks = {0};
	int64_t gap, from, to;
	int rc;

	if ((rc = table_function_dur(call, "gap", SESSIONS_GAP_MS, &gap, err)) == 0 && (rc = table_function_range(call, "range", &from, &to, err)) == 0 &&
	    (rc = query_tracks(call->query, &tracks, err)) == 0)
		rc = sessions_run(&tracks, from, to, gap, sink, err);
	tracks_release(&tracks);
	return rc;
}

static const struct table_function sessions_verb = { "sessions", "visits: events of a user without a long gap", sessions_columns, sessions_params, sessions };

/* ---- match */

static const char *const match_columns[] = { "timestamp", "key", "count", "events", "bindings", NULL };
static const struct table_function_param match_params[] = {
	{ "pattern", "PATTERN", "'a -> b within 1h by user_id', as of at-detect -p", 1 },
	{ "range", "RANGE", "7d, 2026-11-01..2026-11-08" },
	{ "from", "TIME", "only from then on", 0 },
	{ "to", "TIME", "and before this", 0 },
	{ 0 } };

static int
put_match(void *self, struct str row, struct err *err)
{
	struct cell_sink *sink = self;
	struct json all = json_checked(row), events = json_get(all, STR("events")), bindings = json_get(all, STR("bindings"));
	struct buf scratch = {0};
	int64_t n = 0;
	int rc;

	for (struct json_iter it = json_iter(events); json_next(&it); n++)
		;
	rc = sink->row(sink->self, (struct cell[]){ cell_text(json_text(json_get(all, STR("timestamp")), &scratch)), cell_text(json_raw(json_get(all, STR("key")))),
	    cell_integer(n), cell_text(json_raw(events)), cell_text(json_raw(bindings)) }, 5, err);
	buf_release(&scratch);
	return rc;
}

static int
match(const struct table_function_call *call, struct cell_sink sink, struct err *err)
{
	struct sequences_spec spec = { 0 };
	struct buf scratch = {0};
	int rc;

	spec.pattern = table_function_text(call, "pattern", &scratch);
	if (!spec.pattern.p)
		rc = err_set(err, ERR_USAGE, "match wants a pattern: match 'signup -> purchase within 1d by user_id'");
	else if ((rc = table_function_range(call, "range", &spec.from, &spec.to, err)) == 0)
		rc = sequences_run(call->query, &spec, put_match, &sink, err);
	buf_release(&scratch);
	return rc;
}

static const struct table_function match_verb = { "match", "sequences of events: who did this, then that, in time", match_columns, match_params, match };

/* ---- events */

static const char *const events_columns[] = { "event", "timestamp", "id", "user_id", "session_id", "properties", NULL };
static const struct table_function_param events_params[] = {
	{ "user", "USER", "only this user's" },
	{ "event", "NAME", "only those of this name" },
	{ "range", "RANGE", "7d, 2026-11-01..2026-11-08" },
	{ "from", "TIME", "only from then on", 0 },
	{ "to", "TIME", "and before this", 0 },
	{ "last", "N", "only the last N" },
	{ "follow", NULL, "the last ten, then what comes" },
	{ 0 } };

static int
put_event(void *self, const struct event *e, struct err *err)
{
	struct cell_sink *sink = self;
	char time[TIME_LEN];

	time_print(e->time, time);
	return sink->row(sink->self, (struct cell[]){ cell_text(e->name), cell_text((struct str){ time, TIME_LEN }), cell_text(e->id), cell_text(e->user_id),
	    cell_text(e->session_id), cell_text(e->properties) }, 6, err);
}

int
verbs_events(const struct table_function_call *call, struct history_spec *spec, struct err *err)
{
	*spec = (struct history_spec){ .follow = table_function_flag(call, "follow") };
	if (call->args[0].type == CELL_TEXT)
		spec->user = call->args[0].text;
	if (call->args[1].type == CELL_TEXT)
		spec->name = call->args[1].text;
	if (table_function_range(call, "range", &spec->from, &spec->to, err) < 0 || table_function_count(call, "last", -1, &spec->limit, err) < 0)
		return err->code;
	if (spec->follow)
		spec->to = TIME_MAX + 1;
	return 0;
}

static int
events(const struct table_function_call *call, struct cell_sink sink, struct err *err)
{
	struct history_spec spec;

	if (verbs_events(call, &spec, err) < 0)
		return err->code;
	return history_run(call->query, &spec, put_event, NULL, &sink, err);
}

static const struct table_function events_verb = { "events", "the events themselves, in order; --follow waits for more", events_columns, events_params, events };

/* ---- schema */

static const char *const schema_columns[] = { "kind", "name", "count", "first", "last", NULL };
static const struct table_function_param no_params[] = { { 0 } };

struct schema { struct cell_sink sink; struct err *err; struct map metrics; };

static int
schema_name(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	struct schema *s = self;
	char a[TIME_LEN], b[TIME_LEN];

	time_print(first, a);
	time_print(last, b);
	return s->sink.row(s->sink.self, (struct cell[]){ cell_text(STR("event")), cell_text(name), cell_integer(count), cell_text((struct str){ a, TIME_LEN }),
	    cell_text((struct str){ b, TIME_LEN }) }, 5, s->err);
}

static int
schema_property(void *self, struct str key, int64_t count)
{
	struct schema *s = self;

	return s->sink.row(s->sink.self, (struct cell[]){ cell_text(STR("property")), cell_text(key), cell_integer(count), cell_null(), cell_null() }, 5, s->err);
}

struct seen { int64_t n, first, last; };

static int
schema_samples(void *self, int part, const struct store_run *run)
{
	struct schema *s = self;
	struct map_entry *e = map_put(&s->metrics, run->series->metric, NULL);
	struct seen *seen = e->ptr;

	(void)part;
	if (!seen) {
		e->ptr = seen = mem_new(sizeof(*seen));
		seen->first = seen->last = run->time[0];
	}
	seen->n += (int64_t)run->n;
	if (run->time[0] < seen->first)
		seen->first = run->time[0];
	if (run->time[run->n - 1] > seen->last)
		seen->last = run->time[run->n - 1];
	return 0;
}

static void
schema_anew(void *self)
{
	struct schema *s = self;

	for (struct map_entry *e = map_first(&s->metrics); e; e = map_next(&s->metrics, e))
		free(e->ptr);
	map_clear(&s->metrics);
}

static int
schema(const struct table_function_call *call, struct cell_sink sink, struct err *err)
{
	static const struct store_match all = { .from = TIME_MIN, .to = TIME_MAX + 1 };
	struct schema s = { .sink = sink, .err = err };
	struct store *store = query_store(call->query, err);
	int rc;

	if (!store)
		return err->code;
	call->query->samples_too = 1;   /* with them the vocabulary is of their state */
	if (query_hold(call->query, err) < 0)
		return err->code;
	if ((rc = store_each_name(store, schema_name, &s, err)) == 0 && (rc = store_each_property(store, schema_property, &s, err)) == 0)
		rc = store_each_run(store, &all, 1, schema_samples, schema_anew, &s, err);
	for (struct map_entry *e = map_first(&s.metrics); e; e = map_next(&s.metrics, e)) {
		struct seen *seen = e->ptr;
		char a[TIME_LEN], b[TIME_LEN];

		time_print(seen->first, a);
		time_print(seen->last, b);
		if (rc == 0)
			rc = sink.row(sink.self, (struct cell[]){ cell_text(STR("metric")), cell_text(e->key), cell_integer(seen->n), cell_text((struct str){ a, TIME_LEN }),
			    cell_text((struct str){ b, TIME_LEN }) }, 5, err);
	}
	schema_anew(&s);
	map_release(&s.metrics);
	return rc;
}

static const struct table_function schema_verb = { "schema", "which events, properties and metrics there are", schema_columns, no_params, schema };

/* ---- explain */

static const char *const explain_columns[] = { "plan", NULL };
static const struct table_function_param explain_params[] = { { "sql", "SQL", "a statement", 1 }, { 0 } };

static int
explain(const struct table_function_call *call, struct cell_sink sink, struct err *err)
{
	struct buf scratch = {0};
	struct str sql = table_function_text(call, "sql", &scratch);
	int rc = sql.p ? query_plan(call->query, sql, sink, err) : err_set(err, ERR_USAGE, "explain wants a statement");

	buf_release(&scratch);
	return rc;
}

static const struct table_function explain_verb = { "explain", "how a statement is run", explain_columns, explain_params, explain };

/* ---- generate_series */

static const char *const series_columns[] = { "value", NULL };
static const struct table_function_param series_params[] = { { "start", "N", "the first", 1 }, { "stop", "N", "the last", 1 }, { "step", "N", "from one to the next", 1 }, { 0 } };

/* From the start to the stop in steps, without what is the stop itself where `open`: numbers, or times by ms or months. */
struct steps { enum { WHOLE, REAL, TIMES } of; int open; int64_t from, to, by, months; double first, last, step; };

static int
steps_begin(const struct table_function_call *call, int open, struct steps *x, struct err *err)
{
	const struct cell zero = cell_integer(0), *start = &call->args[0], *stop = &call->args[1], *step = &call->args[2];
	const char *name = call->function->name;
	struct buf scratch = {0};
	int rc = 0;

	*x = (struct steps){ .open = open, .by = 1 };
	if (open && stop->type == CELL_NULL)
		stop = start, start = &zero;
	if (start->type == CELL_NULL || stop->type == CELL_NULL)
		return err_set(err, ERR_USAGE, "%s wants where it starts and stops", name);
	if (start->type == CELL_TEXT && time_parse_rfc3339(start->text, &x->from) == 0 && stop->type == CELL_TEXT && time_parse_rfc3339(stop->text, &x->to) == 0) {
		x->of = TIMES;
		x->by = 86400000;
		if (step->type != CELL_NULL && functions_interval(table_function_text(call, "step", &scratch), &x->by, &x->months) < 0)
			rc = err_set(err, ERR_USAGE, "%s: the step is no span, try INTERVAL 1 DAY", name);
		else if ((x->by == 0 && x->months == 0) || (x->by && x->months))
			rc = err_set(err, ERR_USAGE, "%s: the step must be a span of days or less, or of months, that is not 0", name);
	} else if (start->type == CELL_REAL || stop->type == CELL_REAL || step->type == CELL_REAL) {
		x->of = REAL;
		x->first = start->type == CELL_REAL ? start->real : (double)start->integer;
		x->last = stop->type == CELL_REAL ? stop->real : (double)stop->integer;
		x->step = step->type == CELL_REAL ? step->real : step->type == CELL_INTEGER ? (double)step->integer : 1;
		if (x->step == 0 || !isfinite(x->first) || !isfinite(x->last) || !isfinite(x->step))
			rc = err_set(err, ERR_USAGE, "%s: the step must not be 0", name);
	} else if ((start == &zero ? (x->from = 0) : str_int64(table_function_text(call, "start", &scratch), &x->from)) < 0 ||
	    str_int64(table_function_text(call, stop == &call->args[0] ? "start" : "stop", &scratch), &x->to) < 0 ||
	    (step->type != CELL_NULL && str_int64(table_function_text(call, "step", &scratch), &x->by) < 0) || x->by == 0) {
		rc = err_set(err, ERR_USAGE, "%s wants two numbers or times, and a step that is not 0", name);
	}
	buf_release(&scratch);
	return rc;
}

static int
steps_at(const void *state, int64_t n, char text[TIME_LEN], struct cell *out)
{
	const struct steps *x = state;
	double real = x->first + (double)n * x->step;
	int64_t v;

	switch (x->of) {
	case REAL:
		*out = cell_real(real);
		return (x->step > 0 ? real <= x->last : real >= x->last) && !(x->open && real == x->last);
	case TIMES:
		if (x->months)
			v = time_add_months(x->from, n * x->months);
		else if (__builtin_mul_overflow(n, x->by, &v) || __builtin_add_overflow(x->from, v, &v))
			return 0;
		if (x->by > 0 || x->months > 0 ? v > x->to - x->open : v < x->to + x->open)
			return 0;
		time_print(v, text);
		*out = cell_text((struct str){ text, TIME_LEN });
		return 1;
	default:
		if (__builtin_mul_overflow(n, x->by, &v) || __builtin_add_overflow(x->from, v, &v))
			return 0;
		*out = cell_integer(v);
		return (x->by > 0 ? v <= x->to : v >= x->to) && !(x->open && v == x->to);
	}
}

static int
steps(const struct table_function_call *call, int open, struct cell_sink sink, struct err *err)
{
	struct steps x;
	struct cell cell;
	char text[TIME_LEN];
	int rc = steps_begin(call, open, &x, err);

	for (int64_t n = 0; rc == 0 && steps_at(&x, n, text, &cell); n++)
		rc = sink.row(sink.self, &cell, 1, err);
	return rc;
}

static int
series(const struct table_function_call *call, struct cell_sink sink, struct err *err)
{
	return steps(call, 0, sink, err);
}

static int
series_begin(const struct table_function_call *call, void *state, struct err *err)
{
	return steps_begin(call, 0, state, err);
}

static int
range_begin(const struct table_function_call *call, void *state, struct err *err)
{
	return steps_begin(call, 1, state, err);
}

static const struct table_function series_verb = { "generate_series", "numbers or times in steps", series_columns, series_params, series, .begin = series_begin, .at = steps_at, .sql_only = 1 };

/* ---- range: as generate_series, but without what it ends at, and from 0 */

static const char *const range_columns[] = { "range", NULL };

static int
range(const struct table_function_call *call, struct cell_sink sink, struct err *err)
{
	return steps(call, 1, sink, err);
}

static const struct table_function range_verb = { "range", "numbers or times in steps, without the last", range_columns, series_params, range, .begin = range_begin, .at = steps_at, .sql_only = 1 };

/* ---- unnest: a list as rows */

static const char *const unnest_columns[] = { "value", NULL };
static const struct table_function_param unnest_params[] = { { "unnest_list", "LIST", "a JSON array", 1 }, { 0 } };        /* a property may be called list */

static int
unnest(const struct table_function_call *call, struct cell_sink sink, struct err *err)
{
	const struct cell *list = &call->args[0];
	struct buf scratch = {0};
	struct err ignore = {0};
	struct json_iter it;
	int rc = 0;

	if (list->type == CELL_NULL)
		return 0;
	if (list->type != CELL_TEXT || !list->text.n || *list->text.p != '[' || json_check(list->text, &ignore) < 0)
		return sink.row(sink.self, list, 1, err);       /* one value is a list of it */
	for (it = json_iter(json_value(list->text)); rc == 0 && json_next(&it); ) {
		struct cell cell = cell_of_json(it.value, &scratch);

		rc = sink.row(sink.self, &cell, 1, err);
	}
	buf_release(&scratch);
	return rc;
}

static const struct table_function unnest_verb = { "unnest", "the items of a list", unnest_columns, unnest_params, unnest, .sql_only = 1 };

/* What the rewriter makes of it where the statement has a name for the items: beside it nothing else may be meant. */
static const char *const unnest_items_columns[] = { "unnest_item", NULL };
static const struct table_function unnest_items_verb = { "unnest_items", "what unnest is under another name", unnest_items_columns, unnest_params, unnest, .sql_only = 1 };

/* ---- */

const struct table_function *const verbs_all[] = {
	&metric_verb, &funnel_verb, &retention_verb, &paths_verb, &sessions_verb, &match_verb, &events_verb, &schema_verb, &explain_verb, &series_verb, &range_verb, &unnest_verb, &unnest_items_verb, &match_rows_function, NULL
};

const struct table_function *
verbs_find(const char *name)
{
	for (const struct table_function *const *f = verbs_all; *f; f++)
		if (strcmp((*f)->name, name) == 0)
			return *f;
	return NULL;
}
