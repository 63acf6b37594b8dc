#include "alert/stored.h"

#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/time.h"
#include "query/funnel.h"
#include "query/metric.h"
#include "query/verbs.h"
#include "store/admin.h"

#define COLUMNS_MOST 256
#define SLICE_MS     86400000LL         /* of history that is put in order at once */
#define ROWS_MOST    100000             /* of an answer */
#define LABELS_BYTES (16u << 10)         /* of a row */
#define ANSWER_BYTES (16u << 20)        /* of all of its labels: each is kept, stored and told */

/* ---- asking */

struct asking {
	struct evaluate *evaluate;
	const struct rule *rule;
	int index;
	int64_t now;
	char *name[COLUMNS_MOST];       /* of the answer's columns */
	int n_names, at_value;          /* the column that is the value; -1: the first number */
	int skip;                       /* columns that are neither label nor value */
	long rows;
	size_t bytes;                   /* of labels */
	int last_only;                  /* a funnel: each series' last row counts */
	struct buf labels, row;
};

static void
put_label(struct asking *a, const char *name, const struct cell *c)
{
	buf_byte(&a->labels, a->labels.n > 1 ? ',' : ' ');
	json_put_key(&a->labels, str_of(name));
	if (c->type == CELL_TEXT)
		cell_put_json(&a->labels, c);
	else
		json_put_string(&a->labels, STR(""));
}

/* One set of labels and its value. The row is what conditions in jq see. */
static int
answer(struct asking *a, double value, struct err *err)
{
	struct buf *b = &a->row;

	a->bytes += a->labels.n;
	if (a->labels.n > LABELS_BYTES || a->bytes > ANSWER_BYTES)
		return err_set(err, ERR_LIMIT, "%s", a->labels.n > LABELS_BYTES ? "labels of more than 16 KiB" : "an answer with more than 16 MiB of labels");
	buf_byte(&a->labels, '}');
	buf_clear(b);
	buf_lit(b, "{\"metric\":");
	json_put_string(b, a->rule->metric.p ? a->rule->metric : a->rule->name);
	buf_lit(b, ",\"timestamp\":");
	json_put_time(b, a->now);
	buf_lit(b, ",\"labels\":");
	buf_str(b, buf_get(&a->labels));
	buf_lit(b, ",\"value\":");
	json_put_double(b, value);
	if (a->rule->kind == RULES_ROW) {
		buf_lit(b, ",\"count\":");
		json_put_double(b, value);
	}
	if (a->rule->n_path == 1 && !str_eq(a->rule->path[0], STR("value")) && !str_eq(a->rule->path[0], STR("count"))) {
		buf_byte(b, ',');
		json_put_key(b, a->rule->path[0]);
		json_put_double(b, value);
	}
	buf_byte(b, '}');
	return evaluate_value(a->evaluate, a->index, a->now, buf_get(&a->labels), value, buf_get(b), err);
}

/* The values of `by` stand in front, timestamp and value behind them. */
static int
metric_row(void *self, const struct cell *cells, int n, struct err *err)
{
	struct asking *a = self;
	struct str rest = a->rule->by, name;
	struct buf text = { 0 };

	buf_clear(&a->labels);
	buf_byte(&a->labels, '{');
	for (int i = 0; i < n - 2 && rest.p && str_cut(&rest, ',', &name); i++) {
		buf_clear(&text);
		buf_str(&text, str_trim(name));
		put_label(a, buf_text(&text), &cells[i]);
	}
	buf_release(&text);
	return answer(a, cell_number(&cells[n - 1]), err);
}

static int
ask_metric(struct asking *a, struct query *q, struct err *err)
{
	struct buf name = { 0 };
	struct metric_spec spec = { .by = a->rule->by, .from = a->now - a->rule->every_ms, .to = a->now };
	int rc;

	buf_str(&name, a->rule->metric);
	if (a->rule->field.p && !str_eq(a->rule->field, STR("count")) && !str_eq(a->rule->field, STR("value"))) {
		buf_byte(&name, '.');
		buf_str(&name, a->rule->field);
	}
	spec.name = buf_get(&name);
	if ((rc = query_begin(q, err)) == 0) {
		rc = metric_run(q, &spec, (struct cell_sink){ metric_row, a }, err);
		query_end(q);
	}
	buf_release(&name);
	return rc;
}

static int
columns(void *self, const struct str *names, int n, struct err *err)
{
	struct asking *a = self;

	if (n > COLUMNS_MOST)
		return err_set(err, ERR_LIMIT, "sql: more than %d columns", COLUMNS_MOST);
	a->at_value = -1;
	for (int i = 0; i < n; i++) {
		a->name[a->n_names++] = mem_dup(names[i].p, names[i].n);
		if (str_eq(names[i], STR("value")))
			a->at_value = i;
	}
	return 0;
}

static int
sql_row(void *self, const struct cell *cells, int n, struct err *err)
{
	struct asking *a = self;
	int at = a->at_value;

	if (++a->rows > ROWS_MOST)
		return err_set(err, ERR_LIMIT, "sql: more than %d rows", ROWS_MOST);
	for (int i = 0; i < n && at < 0; i++)
		if (cells[i].type == CELL_INTEGER || cells[i].type == CELL_REAL)
			at = i;
	buf_clear(&a->labels);
	buf_byte(&a->labels, '{');
	for (int i = 0; i < n; i++)
		if (i != at && cells[i].type == CELL_TEXT && strcmp(a->name[i], "timestamp"))
			put_label(a, a->name[i], &cells[i]);
	return answer(a, at < 0 ? NAN : cell_number(&cells[at]), err);
}

static int
ask_sql(struct asking *a, struct query *q, struct err *err)
{
	const struct query_sink sink = { columns, sql_row, a };
	size_t at = 0;
	int rc = query_run(q, a->rule->sql, &at, NULL, 0, &sink, err);

	return rc < 0 ? rc : rc == 0 ? err_set(err, ERR_INPUT, "sql: is empty") : 0;
}

/* Rows of the steps; the share that is judged is the last one's. A series (a value of `by`) has its steps one behind the other. */
static int
funnel_row(void *self, const struct cell *cells, int n, struct err *err)
{
	struct asking *a = self;
	int first = n - 7, steps = 1;

	for (size_t i = 0; i < a->rule->funnel.n; i++)
		steps += a->rule->funnel.p[i] == ',';
	if (cells[first].type != CELL_INTEGER || cells[first].integer != steps)
		return 0;
	buf_clear(&a->labels);
	buf_byte(&a->labels, '{');
	for (int i = 0; i < first; i++)
		put_label(a, a->rule->by.p, &cells[i]);
	return answer(a, cell_number(&cells[first + 3]), err);
}

static int
ask_funnel(struct asking *a, struct query *q, struct err *err)
{
	const struct table_function *funnel = verbs_find("funnel");
	const struct query_sink sink = { NULL, funnel_row, a };
	struct cell args[TABLE_FUNCTION_PARAMS] = { 0 };
	char within[32], from[TIME_LEN + 1] = "", to[TIME_LEN + 1] = "";

	dur_print(a->rule->within_ms, within);
	time_print(a->now - a->rule->range_ms, from);
	time_print(a->now, to);
	for (int i = 0; funnel->params[i].name; i++) {
		const char *name = funnel->params[i].name;

		if (strcmp(name, "steps") == 0)
			args[i] = cell_text(a->rule->funnel);
		else if (strcmp(name, "within") == 0 && a->rule->within_ms)
			args[i] = cell_text(str_of(within));
		else if (strcmp(name, "by") == 0)
			args[i] = cell_text(a->rule->by);
		else if (strcmp(name, "from") == 0)
			args[i] = cell_text(str_of(from));
		else if (strcmp(name, "to") == 0)
			args[i] = cell_text(str_of(to));
	}
	return query_call(q, funnel, args, &sink, err);
}

int
stored_ask(struct evaluate *e, const struct rules *rules, int rule, struct query *q, int64_t now, struct err *err)
{
	struct asking a = { .evaluate = e, .rule = &rules->rule[rule], .index = rule, .now = now };
	int rc;

	switch (a.rule->kind) {
	case RULES_SQL: rc = ask_sql(&a, q, err); break;
	case RULES_FUNNEL: rc = ask_funnel(&a, q, err); break;
	default: rc = ask_metric(&a, q, err);
	}
	for (int i = 0; i < a.n_names; i++)
		free(a.name[i]);
	buf_release(&a.labels);
	buf_release(&a.row);
	if (rc == 0)
		return evaluate_answered(e, rule, now, err);
	return err_at(err, "%.80s", a.rule->key.p);
}

static int
see_series(void *self, const struct store_sample *sample)
{
	(void)sample;
	*(int *)self = 1;
	return 1;
}

int
stored_is_asked(const struct rule *rule, struct store *store, struct err *err)
{
	struct store_match match = { .metric = rule->metric, .from = TIME_MIN, .to = TIME_MAX };
	int any = 0, rc;

	if (rule->from_store || rule->kind != RULES_ROW || !rule->metric.p)
		return rule->from_store;
	rc = store_each_series(store, &match, see_series, &any, err);
	return rc < 0 ? rc : !any;
}

/* ---- history */

struct sample { int64_t time; uint32_t group, field; double value; };
struct group { struct str metric, labels, window; uint32_t rank; };

struct slice {
	struct sample *sample;
	size_t n, cap;
	struct group *group;
	uint32_t n_groups, cap_groups;
	struct map groups, fields;      /* what a series says of itself → its number */
	struct str *field;
	uint32_t n_fields, cap_fields;
	struct arena *arena;
	struct buf key;
};

static struct str
kept(struct slice *s, struct str t)
{
	return (struct str){ arena_dup(s->arena, t.p ? t.p : "", t.n), t.n };
}

static uint32_t
group_of(struct slice *s, const struct store_sample *series)
{
	struct map_entry *e;
	int is_new;

	buf_clear(&s->key);
	buf_str(&s->key, series->metric);
	buf_byte(&s->key, 0);
	buf_str(&s->key, series->labels);
	buf_byte(&s->key, 0);
	buf_str(&s->key, series->window);
	e = map_put(&s->groups, buf_get(&s->key), &is_new);
	if (is_new) {
		if (s->n_groups == s->cap_groups)
			s->group = mem_grow(s->group, s->cap_groups = s->cap_groups ? 2 * s->cap_groups : 64, sizeof(*s->group));
		s->group[s->n_groups] = (struct group){ kept(s, series->metric), kept(s, series->labels), kept(s, series->window), 0 };
		e->num = s->n_groups++;
	}
	return (uint32_t)e->num;
}

static uint32_t
field_of(struct slice *s, struct str name)
{
	int is_new;
	struct map_entry *e = map_put(&s->fields, name, &is_new);

	if (is_new) {
		if (s->n_fields == s->cap_fields)
			s->field = mem_grow(s->field, s->cap_fields = s->cap_fields ? 2 * s->cap_fields : 16, sizeof(*s->field));
		s->field[s->n_fields] = kept(s, name);
		e->num = s->n_fields++;
	}
	return (uint32_t)e->num;
}

static void
take_run(struct slice *s, const struct store_run *run)
{
	uint32_t group = group_of(s, run->series), field = field_of(s, run->series->field);

	while (s->cap < s->n + run->n)
		s->sample = mem_grow(s->sample, s->cap = s->cap ? 2 * s->cap : 4096, sizeof(*s->sample));
	for (size_t i = 0; i < run->n; i++)
		s->sample[s->n++] = (struct sample){ run->time[i], group, field, run->value[i] };
}

static int
by_name(const void *a, const void *b, void *self)
{
	const struct group *all = self, *x = &all[*(const uint32_t *)a], *y = &all[*(const uint32_t *)b];
	int c = str_cmp(x->metric, y->metric);

	c = c ? c : str_cmp(x->labels, y->labels);
	return c ? c : str_cmp(x->window, y->window);
}

static void
rank_groups(struct slice *s)
{
	uint32_t *order = mem_new((s->n_groups + 1) * sizeof(*order));

	for (uint32_t i = 0; i < s->n_groups; i++)
		order[i] = i;
	qsort_r(order, s->n_groups, sizeof(*order), by_name, s->group);
	for (uint32_t i = 0; i < s->n_groups; i++)
		s->group[order[i]].rank = i;
	free(order);
}

static int
by_time(const void *a, const void *b, void *self)
{
	const struct sample *x = a, *y = b;
	const struct group *all = self;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->group != y->group)
		return all[x->group].rank < all[y->group].rank ? -1 : 1;
	return (x->field > y->field) - (x->field < y->field);
}

static int
give_rows(struct slice *s, int (*row)(void *, int64_t, struct str, struct err *), void *self, struct err *err)
{
	struct buf b = { 0 };
	int rc = 0;

	for (size_t i = 0; i < s->n && rc == 0; ) {
		const struct sample *first = &s->sample[i];
		const struct group *g = &s->group[first->group];

		buf_clear(&b);
		buf_lit(&b, "{\"metric\":");
		json_put_string(&b, g->metric);
		buf_lit(&b, ",\"timestamp\":");
		json_put_time(&b, first->time);
		if (g->window.n) {
			buf_lit(&b, ",\"window\":");
			json_put_string(&b, g->window);
		}
		buf_lit(&b, ",\"labels\":");
		buf_str(&b, g->labels.n ? g->labels : STR("{}"));
		for (; i < s->n && s->sample[i].time == first->time && s->sample[i].group == first->group; i++) {
			buf_byte(&b, ',');
			json_put_key(&b, s->field[s->sample[i].field]);
			json_put_double(&b, s->sample[i].value);
		}
		buf_byte(&b, '}');
		rc = row(self, first->time, buf_get(&b), err);
	}
	buf_release(&b);
	return rc;
}

static int
give_slice(struct store *store, int64_t from, int64_t to, int (*row)(void *, int64_t, struct str, struct err *), void *self, struct err *err)
{
	struct store_match match = { .from = from, .to = to };
	struct slice s = { .arena = arena_new(0) };
	struct store_samples *samples = store_samples_open(store, &match, err);
	struct store_run run;
	int rc = samples ? 0 : err->code;

	while (samples && (rc = store_samples_next(samples, &run, err)) > 0)
		take_run(&s, &run);
	store_samples_close(samples);
	if (rc == 0) {
		rank_groups(&s);
		if (s.n)
			qsort_r(s.sample, s.n, sizeof(*s.sample), by_time, s.group);
		rc = give_rows(&s, row, self, err);
	}
	free(s.sample);
	free(s.group);
	free(s.field);
	map_release(&s.groups);
	map_release(&s.fields);
	arena_free(s.arena);
	buf_release(&s.key);
	return rc;
}

int
stored_samples(struct store *store, int64_t from, int64_t to, int (*row)(void *, int64_t, struct str, struct err *), void *self, struct err *err)
{
	int rc = 0;

	for (int64_t at = from; at < to && rc == 0; at += SLICE_MS)
		rc = give_slice(store, at, at + SLICE_MS < to ? at + SLICE_MS : to, row, self, err);
	return rc;
}

struct ends { int64_t first, last; };

static void
widen(struct ends *e, int64_t first, int64_t last)
{
	if (e->first == TIME_NONE || first < e->first)
		e->first = first;
	if (e->last == TIME_NONE || last > e->last)
		e->last = last;
}

static int
event_ends(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	(void)name;
	if (count > 0)
		widen(self, first, last);
	return 0;
}

int
stored_range(struct store *store, int64_t *first, int64_t *last, struct err *err)
{
	struct store_match match = { .from = TIME_MIN, .to = TIME_MAX + 1 };
	struct ends e = { TIME_NONE, TIME_NONE };
	struct store_samples *samples;
	struct store_run run;
	int rc;

	if ((rc = store_each_name(store, event_ends, &e, err)) < 0)
		return rc;
	if (!(samples = store_samples_open(store, &match, err)))
		return err->code;
	while ((rc = store_samples_next(samples, &run, err)) > 0)
		if (run.n)
			widen(&e, run.time[0], run.time[run.n - 1]);
	store_samples_close(samples);
	*first = e.first, *last = e.last;
	return rc < 0 ? rc : e.first != TIME_NONE;
}
