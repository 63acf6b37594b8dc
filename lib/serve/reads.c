/* reads.c - questions: metrics, SQL, events, funnels, retention, paths, sessions, what detectors and rules found, the audit. */
#include <stdio.h>
#include <stdlib.h>

#include "auth/audit.h"
#include "query/metric_answer.h"
#include "query/output.h"
#include "query/sequences.h"
#include "query/verbs.h"
#include "serve/serve_priv.h"

#define ANSWER_MOST (64u << 20)         /* bytes of an answer that is made whole */
#define PAGE 100                        /* items of a page, when nothing else is asked */
#define PAGE_MOST 10000
#define PARAMS_MOST 200                 /* of a statement */

/* ---- rows as JSON objects */

struct rows {
	struct str *key;                /* column names, made unlike each other */
	int n;
	unsigned *types;                /* of each column, bits of what was seen */
	int n_json;                     /* the first so many columns whose texts are JSON already: none */
	struct buf data;
	int64_t count;
	size_t most;
};

enum { SAW_INTEGER = 1, SAW_REAL = 2, SAW_TEXT = 4 };

static void
release_rows(struct rows *r)
{
	for (int i = 0; i < r->n; i++)
		free((char *)r->key[i].p);
	free(r->key);
	free(r->types);
	buf_release(&r->data);
}

/* "n", "n_2", "n_3". */
static int
take_columns(void *self, const struct str *names, int n, struct err *err)
{
	struct rows *r = self;
	struct map taken = { 0 };

	(void)err;
	r->key = mem_new((size_t)n * sizeof(*r->key) + 1);
	r->types = mem_new((size_t)n * sizeof(*r->types) + 1);
	r->n = n;
	for (int i = 0; i < n; i++)
		map_put(&taken, names[i], NULL);
	for (int i = 0; i < n; i++) {
		struct buf key = { 0 };
		int is_new = map_find(&taken, names[i])->num++ == 0;

		buf_str(&key, names[i]);
		for (int k = 2; !is_new; k++) {
			buf_clear(&key);
			buf_str(&key, names[i]);
			buf_printf(&key, "_%d", k);
			map_put(&taken, buf_get(&key), &is_new)->num += is_new;
		}
		buf_text(&key);
		r->key[i] = buf_get(&key);
	}
	map_release(&taken);
	return 0;
}

static int
take_row(void *self, const struct cell *cells, int n, struct err *err)
{
	struct rows *r = self;

	if (r->data.n > r->most)
		return err_set(err, ERR_LIMIT, "the answer has more than %zu MiB, ask for format ndjson or csv, or LIMIT it", r->most >> 20);
	buf_lit(&r->data, r->count++ ? ",{" : "{");
	for (int i = 0; i < n && i < r->n; i++) {
		if (i)
			buf_byte(&r->data, ',');
		json_put_key(&r->data, r->key[i]);
		cell_put_json(&r->data, &cells[i]);
		r->types[i] |= cells[i].type == CELL_INTEGER ? SAW_INTEGER : cells[i].type == CELL_REAL ? SAW_REAL : cells[i].type == CELL_TEXT ? SAW_TEXT : 0;
	}
	buf_byte(&r->data, '}');
	return 0;
}

static const char *
type_name(unsigned saw)
{
	return saw & SAW_TEXT ? "string" : saw & SAW_REAL ? "number" : saw & SAW_INTEGER ? "integer" : "null";
}

static void
put_meta(struct buf *b, const struct rows *r)
{
	buf_lit(b, "\"meta\":[");
	for (int i = 0; i < r->n; i++) {
		buf_lit(b, i ? ",{\"name\":" : "{\"name\":");
		json_put_string(b, r->key[i]);
		buf_printf(b, ",\"type\":\"%s\"}", type_name(r->types[i]));
	}
	buf_byte(b, ']');
}

/* How long it took is no part of what is said: the same rows have the same ETag. */
static void
put_rows(struct exchange *ex, struct buf *b, const struct rows *r, double seconds, int64_t read)
{
	ex->rows = r->count;
	put_meta(b, r);
	buf_lit(b, ",\"data\":[");
	buf_str(b, buf_get(&r->data));
	buf_printf(b, "],\"rows\":%lld,", (long long)r->count);
	ex->said = b->n;
	buf_printf(b, "\"statistics\":{\"elapsed\":%.6f,\"rows_read\":%lld}", seconds, (long long)read);
}

static void
note_slow(struct exchange *ex, struct str what, double seconds)
{
	struct serve_call *c = serve_call_of(ex);

	if (seconds * 1e3 < (double)c->setup->slow_ms)
		return;
	figures_add(&figures_part(ex->serve->figures, ex->serve->worker)->slow_queries, 1);
	what.n = what.n > sizeof(c->slow) - 1 ? sizeof(c->slow) - 1 : what.n;
	if (str_utf8_fault(what) >= 0)          /* cut within a character */
		what.n = (size_t)str_utf8_fault(what);
	snprintf(c->slow, sizeof(c->slow), "%.*s", STR_FMT(what));
}

/* ---- POST /query */

/* ndjson and csv go out as they come, once there is more than a block of them. */
struct flow {
	struct exchange *ex;
	struct out out;
	struct output *output;
	enum output_format format;
	int begun;
	int64_t count;
};

static const char *
type_of(enum output_format format)
{
	return format == OUTPUT_CSV ? "text/csv; charset=utf-8" : "application/x-ndjson";
}

static int
flow_give(void *self, struct str bytes)
{
	struct flow *f = self;

	if (!bytes.n)
		return 0;
	if (!f->begun && exchange_stream(f->ex, type_of(f->format)) < 0) {
		f->begun = 1;
		return -1;
	}
	f->begun = 1;
	return exchange_write(f->ex, bytes) < 0;
}

static int
flow_columns(void *self, const struct str *names, int n, struct err *err)
{
	struct flow *f = self;
	struct output_spec spec = { .format = f->format, .to = &f->out };

	(void)err;
	f->output = output_new(&spec, names, n);
	return 0;
}

static int
flow_row(void *self, const struct cell *cells, int n, struct err *err)
{
	struct flow *f = self;

	f->count++;
	return output_row(f->output, cells, n, err);
}

static void
flow_end(struct flow *f, struct err *err)
{
	struct err ignore = { 0 };

	serve_reword_err(err);
	f->ex->rows = f->count;
	serve_call_of(f->ex)->is_cut = err->code != 0;
	if (f->output && !err->code)
		output_end(f->output, &ignore);
	else if (f->output) {
		out_flush(&f->out);
		output_end(f->output, &ignore);
	}
	if (f->begun) {
		if (err->code && f->format == OUTPUT_NDJSON) {          /* too late for a status: the last line says it */
			buf_lit(&f->out.buf, "{\"error\":");
			json_put_string(&f->out.buf, str_of(err->text));
			buf_lit(&f->out.buf, "}\n");
		}
		out_flush(&f->out);
		if (err->code && f->format != OUTPUT_NDJSON)            /* no line of CSV could */
			exchange_stream_cut(f->ex);
		else
			exchange_stream_end(f->ex);
	} else if (err->code) {
		exchange_error(f->ex, err);
	} else {
		exchange_send(f->ex, 200, type_of(f->format), buf_get(&f->out.buf));
	}
	buf_release(&f->out.buf);
}

/* {"name":value} or [value, …]. */
static int
read_params(struct exchange *ex, struct json from, struct query_param *to, int *n)
{
	struct json_iter it;

	*n = 0;
	for (it = json_iter(from); (from.type == JSON_OBJECT || from.type == JSON_ARRAY) && json_next(&it); ) {
		struct query_param *p = &to[*n];

		if (*n == PARAMS_MOST) {
			exchange_problem(ex, 422, "parameters: more than %d", PARAMS_MOST);
			return -1;
		}
		*p = (struct query_param){ .name = from.type == JSON_OBJECT ? exchange_text(ex, it.key) : (struct str){ 0 } };
		if (p->name.n && strchr(":@$", p->name.p[0]))
			p->name.p++, p->name.n--;
		switch (it.value.type) {
		case JSON_STRING:
			p->value = exchange_text(ex, it.value);
			p->type = QUERY_PARAM_TEXT;
			break;
		case JSON_NUMBER:
			p->value = json_raw(it.value);
			p->type = QUERY_PARAM_NUMBER;
			break;
		case JSON_TRUE: case JSON_FALSE:
			p->value = it.value.type == JSON_TRUE ? STR("1") : STR("0");
			break;
		case JSON_NULL:                 /* as in ":country IS NULL OR country = :country" */
			p->type = QUERY_PARAM_NULL;
			break;
		default:
			p->value = json_raw(it.value);
		}
		++*n;
	}
	return 0;
}

static void
query(struct exchange *ex)
{
	struct query_param *params = arena_get(ex->arena, PARAMS_MOST * sizeof(*params));
	struct str sql = exchange_text(ex, json_get(ex->body, STR("query"))), format = exchange_text(ex, json_get(ex->body, STR("format"))), rest;
	struct flow flow = { .ex = ex, .format = str_eq(format, STR("csv")) ? OUTPUT_CSV : OUTPUT_NDJSON };
	struct rows rows = { .most = ANSWER_MOST };
	struct query_sink to_json = { take_columns, take_row, &rows }, to_flow = { flow_columns, flow_row, &flow };
	int is_json = !format.n || str_eq(format, STR("json")), n = 0, rc;
	struct err err = { 0 };
	struct query *q;
	size_t at = 0;
	int64_t began = time_mono_ns();
	double seconds;

	flow.out = (struct out){ .fd = -1, .name = "the answer", .give = flow_give, .self = &flow };
	if (!params || read_params(ex, json_get(ex->body, STR("parameters")), params, &n) || !(q = exchange_query(ex)))
		return;
	ex->asked = sql;
	rc = query_run(q, sql, &at, params, n, is_json ? &to_json : &to_flow, &err);
	seconds = (double)(time_mono_ns() - began) / 1e9;
	note_slow(ex, sql, seconds);
	rest = query_behind((struct str){ sql.p + at, sql.n - at });
	if (rc > 0 && rest.n)
		err_set(&err, ERR_USAGE, "one statement at a time, '%.*s' is a second one", rest.n > 40 ? 40 : (int)rest.n, rest.p);
	else if (rc == 0)
		err_set(&err, ERR_USAGE, "query: there is no statement in it");
	if (!is_json) {
		flow_end(&flow, &err);
	} else if (err.code) {
		exchange_error(ex, &err);
	} else {
		struct buf json = { 0 };

		buf_byte(&json, '{');
		put_rows(ex, &json, &rows, seconds, query_read(q));
		buf_byte(&json, '}');
		exchange_json(ex, 200, &json);
		buf_release(&json);
	}
	release_rows(&rows);
}

/* ---- GET /metrics */

static int64_t
count_points(struct json answer)
{
	struct json_iter series = json_iter(json_get(answer, STR("series"))), points;
	int64_t n = 0;

	while (json_next(&series))
		for (points = json_iter(json_get(series.value, STR("points"))); json_next(&points); )
			n++;
	return n;
}

static void
metrics(struct exchange *ex)
{
	struct metric_question question = { .name = exchange_param(ex, "metric"), .by = exchange_param(ex, "groupBy"), .interval = exchange_param(ex, "interval") };
	struct err err = { 0 };
	struct buf json = { 0 };
	struct query *q;
	struct str filters = exchange_param(ex, "filters");
	int64_t began = time_mono_ns();

	if (filters.n && json_check(filters, &err)) {
		exchange_problem(ex, 400, "filters: a JSON object, {\"country\":\"DE\"}");
		return;
	}
	question.filters = filters.n ? json_checked(filters) : JSON_ABSENT;
	if (exchange_range(ex, 3600000, &question.from, &question.to) || !(q = exchange_query(ex)))
		return;
	metric_answer(q, &question, &json, &err);
	note_slow(ex, question.name, (double)(time_mono_ns() - began) / 1e9);
	if (!err.code && serve_call_of(ex)->setup->audit_queries)
		ex->rows = count_points(json_value(buf_get(&json)));
	if (err.code)
		exchange_error(ex, &err);
	else
		exchange_json(ex, 200, &json);
	buf_release(&json);
}

/* ---- pages of rows by time, newest first
 *
 * A cursor is TIME.SKIP: the time of the last item given, and how many of that time were given. */

struct page { int64_t most, until, skip; int has_cursor; };

static int
read_page(struct exchange *ex, struct page *p)
{
	struct str limit = exchange_param(ex, "limit"), cursor = exchange_param(ex, "cursor");
	const char *dot = cursor.n ? memrchr(cursor.p, '.', cursor.n) : NULL;

	*p = (struct page){ .most = PAGE };
	if (limit.n && (str_int64(limit, &p->most) || p->most < 1 || p->most > PAGE_MOST)) {
		exchange_problem(ex, 400, "limit: wants 1 to %d", PAGE_MOST);
		return -1;
	}
	if (!cursor.n)
		return 0;
	p->has_cursor = 1;
	if (!dot || str_int64((struct str){ cursor.p, (size_t)(dot - cursor.p) }, &p->until) ||
	    str_int64((struct str){ dot + 1, cursor.n - (size_t)(dot + 1 - cursor.p) }, &p->skip) || p->skip < 0 || p->skip > 10000000 ||
	    p->until < TIME_MIN || p->until > TIME_MAX) {
		exchange_problem(ex, 400, "cursor: is none that an answer's \"next\" gave");
		return -1;
	}
	return 0;
}

struct page_rows {
	const struct page *page;
	void (*put)(struct buf *, const struct cell *);         /* an item, from its row; the time is the first column */
	struct buf data;
	int64_t n, last, at_last;       /* items; the last one's time, and how many have it */
};

static int
page_row(void *self, const struct cell *cells, int n, struct err *err)
{
	struct page_rows *r = self;
	int64_t time = r->last;

	(void)n;
	if (r->n == r->page->most) {            /* one more: there is a next page */
		r->n++;
		return 0;
	}
	if (cells[0].type == CELL_TEXT)
		time_parse_rfc3339(cells[0].text, &time);
	r->at_last = time == r->last ? r->at_last + 1 : 1;
	r->last = time;
	buf_lit(&r->data, r->n++ ? "," : "");
	r->put(&r->data, cells);
	return r->data.n > ANSWER_MOST ? err_set(err, ERR_LIMIT, "the page is too large, ask for a smaller limit") : 0;
}

/* table: and its columns; more: conditions beside the time's, with their parameters; ties: what stands first of one time. */
static void
answer_page(struct exchange *ex, const char *name, const char *columns, const char *table, const char *more, const char *ties, struct query_param *params, int n,
    void (*put)(struct buf *, const struct cell *))
{
	struct page page;
	struct page_rows rows = { .page = &page, .put = put, .last = TIME_NONE };
	const struct query_sink sink = { NULL, page_row, &rows };
	struct buf sql = { 0 }, json = { 0 };
	char low[TIME_LEN], high[TIME_LEN], skip[24], most[24];
	struct err err = { 0 };
	struct query *q;
	int64_t from, to, began = time_mono_ns();
	size_t at = 0;

	if (read_page(ex, &page) || exchange_range(ex, 0, &from, &to))
		return;
	if (page.has_cursor && page.until < to)
		to = page.until + 1;
	rows.last = page.has_cursor ? page.until : TIME_NONE;
	rows.at_last = page.skip;
	time_print(from, low);
	time_print(to - 1, high);
	snprintf(most, sizeof(most), "%lld", (long long)page.most + 1);
	snprintf(skip, sizeof(skip), "%lld", (long long)page.skip);
	buf_printf(&sql, "SELECT timestamp, %s FROM %s WHERE timestamp >= :at_low AND timestamp <= :at_high%s ORDER BY timestamp DESC%s LIMIT :at_most", columns, table, more, ties);
	if (page.skip)
		buf_lit(&sql, " OFFSET :at_skip");
	params[n++] = (struct query_param){ STR("at_low"), { low, TIME_LEN } };
	params[n++] = (struct query_param){ STR("at_high"), { high, TIME_LEN } };
	params[n++] = (struct query_param){ STR("at_most"), str_of(most) };
	params[n++] = (struct query_param){ STR("at_skip"), str_of(skip) };
	if ((q = exchange_query(ex))) {
		query_run(q, buf_get(&sql), &at, params, n, &sink, &err);
		note_slow(ex, buf_get(&sql), (double)(time_mono_ns() - began) / 1e9);
		if (err.code) {
			exchange_error(ex, &err);
		} else {
			ex->rows = rows.n > page.most ? page.most : rows.n;
			buf_printf(&json, "{\"%s\":[", name);
			buf_str(&json, buf_get(&rows.data));
			buf_lit(&json, "],\"next\":");
			if (rows.n > page.most)
				buf_printf(&json, "\"%lld.%lld\"}", (long long)rows.last, (long long)rows.at_last);
			else
				buf_lit(&json, "null}");
			exchange_json(ex, 200, &json);
		}
	}
	buf_release(&rows.data);
	buf_release(&sql);
	buf_release(&json);
}

static void
put_event_row(struct buf *b, const struct cell *c)
{
	static const char *const names[] = { "timestamp", "event", "id", "user_id", "session_id" };
	static const int order[] = { 1, 0, 2, 3, 4 };

	buf_byte(b, '{');
	for (int k = 0; k < 5; k++) {
		int i = order[k];

		if (c[i].type == CELL_NULL)
			continue;
		buf_lit(b, k ? "," : "");
		json_put_key(b, str_of(names[i]));
		if (c[i].type == CELL_TEXT)
			json_put_string(b, c[i].text);
		else
			cell_put_json(b, &c[i]);
	}
	buf_lit(b, ",\"properties\":");
	buf_str(b, c[5].type == CELL_TEXT ? c[5].text : STR("{}"));
	buf_byte(b, '}');
}

/* What a role hides is absent, as it is of each event in other answers; and nothing has it. */
static void
events(struct exchange *ex)
{
	static const struct { const char *param, *column; } filters[] = { { "event", "event" }, { "user", "user_id" }, { "session", "session_id" } };
	static const char *const columns[] = { "event", "id", "user_id", "session_id", "properties" };
	struct query_param params[10];
	char more[160] = "", shown[160] = "";
	int n = 0;

	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		strcat(shown, i ? ", " : "");
		strcat(shown, policy_column(ex->who->policy, str_of(columns[i])) == POLICY_HIDDEN ? "NULL" : columns[i]);
	}
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		struct str value = exchange_param(ex, filters[i].param);

		if (!value.n)
			continue;
		if (policy_column(ex->who->policy, str_of(filters[i].column)) == POLICY_HIDDEN) {
			strcat(more, " AND 0");
			continue;
		}
		snprintf(more + strlen(more), sizeof(more) - strlen(more), " AND %s = :%s", filters[i].column, filters[i].param);
		params[n++] = (struct query_param){ str_of(filters[i].param), value, QUERY_PARAM_TEXT };
	}
	answer_page(ex, "events", shown, "events", more, "", params, n, put_event_row);
}

static void
put_whole_row(struct buf *b, const struct cell *c)
{
	buf_str(b, c[1].type == CELL_TEXT ? c[1].text : STR("null"));
}

/* What a rule that was changed says of a row stands before what it said of it first. */
#define LATEST ", rowid DESC"

static void
anomalies(struct exchange *ex)
{
	struct query_param params[6] = { { STR("metric"), exchange_param(ex, "metric"), QUERY_PARAM_TEXT } };
	int has = params[0].value.n > 0;

	answer_page(ex, "anomalies", "\"row\"", "anomalies", has ? " AND metric = :metric" : "", LATEST, params, has, put_whole_row);
}

static void
alerts(struct exchange *ex)
{
	struct query_param params[6] = { { STR("state"), exchange_param(ex, "state") } };
	struct str state = params[0].value;
	int has = state.n > 0;

	if (has && !str_eq(state, STR("pending")) && !str_eq(state, STR("firing")) && !str_eq(state, STR("resolved"))) {
		exchange_problem(ex, 400, "state: pending, firing or resolved");
		return;
	}
	answer_page(ex, "alerts", "\"row\"", "alerts", has ? " AND state = :state" : "", LATEST, params, has, put_whole_row);
}

/* ---- verbs */

/* What the API calls a parameter, and what the verb does. */
struct named { const char *ours, *theirs; };

/* Ends of a period that nobody named: those of the events, as the caller sees them; now where there are none. */
struct ends { int64_t first, last; };

static int
take_ends(void *self, const struct cell *cells, int n, struct err *err)
{
	struct ends *e = self;

	(void)err;
	if (n == 2 && cells[0].type == CELL_INTEGER && cells[1].type == CELL_INTEGER)
		*e = (struct ends){ cells[0].integer, cells[1].integer };
	return 0;
}

static void
own_range(struct query *q, int64_t *from, int64_t *to)
{
	struct ends ends = { time_now(), time_now() - 1 };
	const struct query_sink sink = { NULL, take_ends, &ends };
	size_t at = 0;
	struct err ignore = { 0 };              /* who may not ask for events is told what he asked for */

	if (query_run(q, STR("SELECT EPOCH_MS(MIN(timestamp)), EPOCH_MS(MAX(timestamp)) FROM events"), &at, NULL, 0, &sink, &ignore) < 0)
		return;
	if (*from == TIME_MIN)
		*from = ends.first < *to ? ends.first : *to;
	if (*to > TIME_MAX)
		*to = ends.last + 1 > *from ? ends.last + 1 : *from;
}

/* What is wrong with a parameter, under the name that it has here. */
static void
rename_fault(struct err *err, const struct named *names)
{
	for (; names->ours; names++) {
		size_t n = strlen(names->theirs);
		char rest[sizeof(err->text)];

		if (strncmp(err->text, names->theirs, n) || err->text[n] != ':')
			continue;
		snprintf(rest, sizeof(rest), "%s", err->text + n);
		snprintf(err->text, sizeof(err->text), "%s%.*s", names->ours, (int)(sizeof(err->text) - 1 - strlen(names->ours)), rest);
		return;
	}
}

static void
answer_verb(struct exchange *ex, const char *verb, const struct named *names, int64_t default_ms)
{
	const struct table_function *f = verbs_find(verb);
	struct cell args[TABLE_FUNCTION_PARAMS];
	struct rows rows = { .most = ANSWER_MOST };
	const struct query_sink sink = { take_columns, take_row, &rows };
	char range[2 * TIME_LEN + 3], text[TIME_LEN];
	struct buf json = { 0 };
	struct err err = { 0 };
	struct query *q;
	int64_t from, to, read, began = time_mono_ns();
	double seconds;

	if (exchange_range(ex, default_ms, &from, &to))
		return;
	time_print(from, text);
	memcpy(range, text, TIME_LEN);
	strcpy(range + TIME_LEN, "..");
	if (to <= TIME_MAX) {
		time_print(to, text);
		memcpy(range + TIME_LEN + 2, text, TIME_LEN);
		range[2 * TIME_LEN + 2] = 0;
	}
	for (int i = 0; f->params[i].name; i++) {
		args[i] = cell_null();
		if (strcmp(f->params[i].name, "range") == 0)
			args[i] = cell_text(str_of(range));
		for (const struct named *m = names; m->ours; m++) {
			struct str value = exchange_param(ex, m->ours);

			if (strcmp(m->theirs, f->params[i].name) == 0 && value.n)
				args[i] = f->params[i].value ? cell_text(value) : cell_integer(str_eq(value, STR("true")) || str_eq(value, STR("1")));
		}
	}
	if (!(q = exchange_query(ex)))
		return;
	query_call(q, f, args, &sink, &err);
	read = query_read(q);
	if (!err.code && (from == TIME_MIN || to > TIME_MAX))
		own_range(q, &from, &to);
	seconds = (double)(time_mono_ns() - began) / 1e9;
	note_slow(ex, str_of(verb), seconds);
	rename_fault(&err, names);
	if (err.code) {
		exchange_error(ex, &err);
	} else {
		buf_lit(&json, "{\"from\":");
		json_put_time(&json, from);
		buf_lit(&json, ",\"to\":");
		json_put_time(&json, to > TIME_MAX ? TIME_MAX : to);
		buf_byte(&json, ',');
		put_rows(ex, &json, &rows, seconds, read);
		buf_byte(&json, '}');
		exchange_json(ex, 200, &json);
	}
	release_rows(&rows);
	buf_release(&json);
}

/* ---- patterns */

struct matches { struct buf json; int64_t n, most; int more; };

static int
put_match(void *self, struct str row, struct err *err)
{
	struct matches *m = self;

	if (m->n == m->most) {
		m->more = 1;
		return 1;               /* enough */
	}
	if (m->json.n + row.n > ANSWER_MOST)
		return err_set(err, ERR_LIMIT, "the answer is larger than %u MiB, a smaller limit or range makes it less", (unsigned)(ANSWER_MOST >> 20));
	if (m->n++)
		buf_byte(&m->json, ',');
	buf_str(&m->json, row);
	return 0;
}

static void
matches(struct exchange *ex)
{
	struct str timeouts = exchange_param(ex, "timeouts");
	struct sequences_spec spec = { .pattern = exchange_param(ex, "pattern"), .timeouts = str_eq(timeouts, STR("true")) || str_eq(timeouts, STR("1")) };
	struct matches m = { .most = PAGE };
	struct str limit = exchange_param(ex, "limit");
	int64_t began = time_mono_ns(), from, to;
	struct buf json = { 0 };
	struct err err = { 0 };
	struct query *q;

	if (limit.n && (str_int64(limit, &m.most) || m.most < 1 || m.most > PAGE_MOST)) {
		exchange_problem(ex, 400, "limit: wants 1 to %d", PAGE_MOST);
		return;
	}
	if (exchange_range(ex, 0, &spec.from, &spec.to) || !(q = exchange_query(ex)))
		return;
	if (query_begin(q, &err) == 0)
		sequences_run(q, &spec, put_match, &m, &err);
	query_end(q);
	from = spec.from, to = spec.to;
	if (!err.code && (from == TIME_MIN || to > TIME_MAX))
		own_range(q, &from, &to);
	note_slow(ex, STR("match"), (double)(time_mono_ns() - began) / 1e9);
	if (err.code) {
		exchange_error(ex, &err);
	} else {
		buf_lit(&json, "{\"from\":");
		json_put_time(&json, from);
		buf_lit(&json, ",\"to\":");
		json_put_time(&json, to > TIME_MAX ? TIME_MAX : to);
		ex->rows = m.n;
		buf_printf(&json, ",\"matches\":[%.*s],\"more\":%s}", STR_FMT(buf_get(&m.json)), m.more ? "true" : "false");
		exchange_json(ex, 200, &json);
	}
	buf_release(&m.json);
	buf_release(&json);
}

static void
funnels(struct exchange *ex)
{
	static const struct named names[] = { { "steps", "steps" }, { "within", "within" }, { "groupBy", "by" }, { "each", "each" }, { "without", "without" },
		{ "strict", "strict" }, { 0 } };

	answer_verb(ex, "funnel", names, 0);
}

static void
retention(struct exchange *ex)
{
	static const struct named names[] = { { "start", "start" }, { "return", "return" }, { "interval", "every" }, { "periods", "n" }, { 0 } };

	answer_verb(ex, "retention", names, 0);
}

static void
paths(struct exchange *ex)
{
	static const struct named names[] = { { "start", "from" }, { "depth", "depth" }, { "gap", "gap" }, { 0 } };

	answer_verb(ex, "paths", names, 0);
}

static void
sessions(struct exchange *ex)
{
	static const struct named names[] = { { "gap", "gap" }, { 0 } };

	answer_verb(ex, "sessions", names, 7 * 86400000LL);
}

static void
schema(struct exchange *ex)
{
	static const struct named names[] = { { 0 } };

	answer_verb(ex, "schema", names, 0);
}

/* ---- audit: the last so many, newest first */

struct audit_ring { struct str *json; int64_t *seq; int64_t n, most, before; struct str tenant; };

/* A tenant that was made or removed: it stands in the trail of that one, where nobody would look for it, or can any more. */
static int
is_of_tenants(struct json entry)
{
	return json_text_eq(json_get(entry, STR("action")), STR("tenant.create")) || json_text_eq(json_get(entry, STR("action")), STR("tenant.remove"));
}

static int
audit_row(void *self, struct str json)
{
	struct audit_ring *r = self;
	int64_t seq = 0, at;

	json_int64(json_get(json_value(json), STR("seq")), &seq);
	if (r->before && seq >= r->before)
		return 0;
	if (r->tenant.p && !json_text_eq(json_get(json_value(json), STR("tenant")), r->tenant) && !is_of_tenants(json_value(json)))
		return 0;
	at = r->n++ % r->most;
	free((char *)r->json[at].p);
	r->json[at] = (struct str){ mem_dup(json.p, json.n), json.n };
	r->seq[at] = seq;
	return 0;
}

static void
audit(struct exchange *ex)
{
	struct audit_ring ring = { .most = PAGE };
	struct str limit = exchange_param(ex, "limit"), cursor = exchange_param(ex, "cursor");
	struct err err = { 0 };
	struct buf json = { 0 };
	int64_t from, to, given;

	if ((limit.n && (str_int64(limit, &ring.most) || ring.most < 1 || ring.most > PAGE_MOST)) ||
	    (cursor.n && (str_int64(cursor, &ring.before) || ring.before < 1))) {
		exchange_problem(ex, 400, "limit wants 1 to %d, cursor what an answer's \"next\" gave", PAGE_MOST);
		return;
	}
	if (exchange_range(ex, 0, &from, &to))
		return;
	ring.json = mem_new((size_t)ring.most * sizeof(*ring.json));
	ring.seq = mem_new((size_t)ring.most * sizeof(*ring.seq));
	if (ex->who->system)                    /* whoever may make tenants sees that they were made */
		ring.tenant = ex->who->tenant;
	audit_each(ex->serve->auth, ex->who->system ? (struct str){ 0 } : ex->who->tenant, from, to, audit_row, &ring, &err);
	given = ring.n < ring.most ? ring.n : ring.most;
	if (err.code) {
		exchange_error(ex, &err);
	} else {
		buf_lit(&json, "{\"audit\":[");
		for (int64_t i = 1; i <= given; i++) {
			buf_lit(&json, i > 1 ? "," : "");
			buf_str(&json, ring.json[(ring.n - i) % ring.most]);
		}
		if (ring.n > ring.most)
			buf_printf(&json, "],\"next\":\"%lld\"}", (long long)ring.seq[(ring.n - given) % ring.most]);
		else
			buf_lit(&json, "],\"next\":null}");
		exchange_json(ex, 200, &json);
	}
	for (int64_t i = 0; i < given; i++)
		free((char *)ring.json[i].p);
	free(ring.json);
	free(ring.seq);
	buf_release(&json);
}

/* ---- the table */

#define RANGE \
	{ "timeRange", "string", 0, "1h, 7d, today, yesterday, all, or 2026-11-01/2026-11-08" }, \
	{ "from", "time", 0, "the beginning, where there is no timeRange" }, \
	{ "to", "time", 0, "the end, exclusive" }
#define PAGES \
	{ "limit", "integer", 0, "items of a page, 1 to 10000 (100)" }, \
	{ "cursor", "string", 0, "the \"next\" of the page before" }

static const struct route_param metrics_params[] = { { "metric", "string", 1, "a metric of config/analytics.json, a stored one, or an event" }, RANGE,
	{ "interval", "string", 0, "length of a bucket, 1m, 1 month; all: one value (about a hundred buckets)" }, { "groupBy", "list", 0, "a series for each value of these fields" },
	{ "filters", "string", 0, "only where these fields have these values, a JSON object" }, { 0 } };
static const struct route_param events_params[] = { RANGE, { "event", "string", 0, "only of this name" }, { "user", "string", 0, "only of this user" },
	{ "session", "string", 0, "only of this session" }, PAGES, { 0 } };
static const struct route_param anomalies_params[] = { RANGE, { "metric", "string", 0, "only of this metric" }, PAGES, { 0 } };
static const struct route_param alerts_params[] = { RANGE, { "state", "string", 0, "pending, firing or resolved" }, PAGES, { 0 } };
static const struct route_param audit_params[] = { RANGE, PAGES, { 0 } };
static const struct route_param funnels_params[] = { { "steps", "list", 1, "events in this order: page_view,signup,purchase" }, RANGE,
	{ "within", "duration", 0, "from the first step to the last, at most (7d)" }, { "groupBy", "string", 0, "a funnel for each value of this field" },
	{ "each", "duration", 0, "from one step to the next, at most" }, { "without", "string", 0, "an event that ends an attempt" },
	{ "strict", "boolean", 0, "steps at strictly later times" }, { 0 } };
static const struct route_param matches_params[] = { { "pattern", "string", 1, "events in this order: cart -> !buy within 30m by user_id" }, RANGE,
	{ "limit", "integer", 0, "the first so many matches, 1 to 10000 (100)" }, { "timeouts", "boolean", 0, "what began and ran out of time, too" }, { 0 } };
static const struct route_param retention_params[] = { RANGE, { "start", "string", 0, "the event that begins; any when not given" },
	{ "return", "string", 0, "the event that counts as coming back; any when not given" }, { "interval", "string", 0, "length of a period, 1w, 1 month (1d)" },
	{ "periods", "integer", 0, "how many (8)" }, { 0 } };
static const struct route_param paths_params[] = { RANGE, { "start", "string", 0, "the event paths begin at; a session's first when not given" },
	{ "depth", "integer", 0, "steps that are counted (5)" }, { "gap", "duration", 0, "what ends a session (30m)" }, { 0 } };
static const struct route_param sessions_params[] = { RANGE, { "gap", "duration", 0, "what ends a session (30m)" }, { 0 } };

const struct route route_reads[] = {
	{ "GET", "/api/v1/metrics", "One metric over time, by fields.", AUTH_READ, "metrics", metrics_params, NULL, "Metric", 200, ROUTE_POOL, 0, metrics, .keeps = 1, .reads = 1 },
	{ "POST", "/api/v1/query", "Run one SQL statement; it only reads.", AUTH_READ, "query", NULL, "Query", "QueryAnswer", 200, ROUTE_POOL, 1 << 20, query, .reads = 1 },
	{ "GET", "/api/v1/events", "The events themselves, newest first.", AUTH_READ, "events", events_params, NULL, "Events", 200, ROUTE_POOL, 0, events, .keeps = 1, .reads = 1 },
	{ "GET", "/api/v1/funnels", "How far users come along a sequence of events.", AUTH_READ, "funnels", funnels_params, NULL, "Rows", 200, ROUTE_POOL, 0, funnels, .keeps = 1, .reads = 1 },
	{ "GET", "/api/v1/matches", "Sequences of events: who did this, then that, in time, and what did not happen.", AUTH_READ, "matches", matches_params, NULL, "Matches", 200, ROUTE_POOL, 0, matches, .reads = 1 },
	{ "GET", "/api/v1/retention", "Who comes back, by the period of their first event.", AUTH_READ, "retention", retention_params, NULL, "Rows", 200, ROUTE_POOL, 0, retention, .keeps = 1, .reads = 1 },
	{ "GET", "/api/v1/paths", "Where users go next within a session.", AUTH_READ, "paths", paths_params, NULL, "Rows", 200, ROUTE_POOL, 0, paths, .keeps = 1, .reads = 1 },
	{ "GET", "/api/v1/sessions", "Visits: events of a user without a long gap.", AUTH_READ, "sessions", sessions_params, NULL, "Rows", 200, ROUTE_POOL, 0, sessions, .keeps = 1, .reads = 1 },
	{ "GET", "/api/v1/schema", "Which events, properties and metrics there are.", AUTH_READ, "schema", NULL, NULL, "Rows", 200, ROUTE_POOL, 0, schema, .keeps = 1, .reads = 1 },
	{ "GET", "/api/v1/anomalies", "What the detectors found, newest first.", AUTH_READ, "anomalies", anomalies_params, NULL, "Anomalies", 200, ROUTE_POOL, 0, anomalies, .keeps = 1, .reads = 1 },
	{ "GET", "/api/v1/alerts", "Alerts by time, newest first.", AUTH_READ, "alerts", alerts_params, NULL, "Alerts", 200, ROUTE_POOL, 0, alerts, .keeps = 1, .reads = 1 },
	{ "GET", "/api/v1/audit", "Who did what, newest first.", AUTH_READ, "audit", audit_params, NULL, "Audit", 200, ROUTE_POOL, 0, audit },
	{ 0 }
};
