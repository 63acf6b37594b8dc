/* vector_group.c - keys become group numbers, aggregates arrays of state by group number.
 *
 * Each worker has its own groups; at the end they are merged, and come out in the order of their keys. Nothing that is kept
 * depends on the order of the rows: sums are exact, of equal values the same one stands for both, of rows that tie for arg_max
 * the first in the store is taken. So the answer is the same for any number of threads.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "query/functions_priv.h"
#include "query/query_priv.h"
#include "query/vector_priv.h"
#include "sketch/distinct.h"

#define ALONE 200000            /* numbers whose quantiles one thread finds: more are shared out */
#define COUNTED 4096            /* codes whose rows are counted in the cache */
#define COMBINATIONS 262144     /* of codes, that are looked up by an array of 1 MiB */

/* ---- state, one for each aggregate that is not the same as one before */

struct best { struct cell value; char *own; uint32_t cap; };            /* text lies in own */

struct input {                          /* what aggregates read: the same for those with equal argument and filter */
	const struct vector_expr *arg, *filter;
	struct vector_rows rows;
	struct column column;
};

struct state {
	const struct vector_aggregate *of;
	int input, by;                  /* index of inputs; -1 none (COUNT(*) without a filter) */
	int same_as;                    /* index of the state that keeps this one's values, or its own */
	int sign;                       /* 1 MAX, -1 MIN */
	int instant;                    /* what is kept are instants */
	int64_t *count;
	struct vector_sums sums;
	struct vector_moments moments;
	struct best *best, *best_by;
	const struct cell *values;      /* MIN and MAX of unique codes: of these, whose code is kept instead; 0 none */
	uint32_t n_values, *code;
	struct vector_place *place;     /* of the row, for ties */
	struct vector_list *list;
	struct cell *answer;            /* of quantiles, by group, where several threads have found them */
	struct distinct **sketch;
	struct vector_set *set;
	struct vector_ids ids;          /* of DISTINCT */
	size_t cap;
};

struct vector_groups {
	const struct vector_plan *plan;
	struct vector_ids *key;
	struct vector_pairs *pair;      /* [n_keys]: pair[k] joins the number of keys before k with key k; [0] is not used */
	struct input *input;
	int n_inputs;
	struct state *state;
	struct arena *pieces;
	size_t held;                    /* bytes of the arrays */
	int only_names;                 /* COUNT(*) by event and nothing else: a header's counts will do */
	int only_counts;                /* COUNT(*) and nothing else: the rows of each code will do */
	uint32_t part, parts;           /* parts > 1: only keys whose hash is in this one */
};

enum { COUNTS = 1, SUMS = 2, MOMENTS = 4, BEST = 8, BEST_BY = 16, LIST = 32, SKETCH = 64, SET = 128 };

static int
kept_by(const struct vector_aggregate *a)
{
	switch (a->of) {
	case AGGREGATE_ROWS:
	case AGGREGATE_COUNT_IF:
		return COUNTS;
	case AGGREGATE_COUNT:
		return a->distinct ? SET : COUNTS;
	case AGGREGATE_SUM:
	case AGGREGATE_TOTAL:
	case AGGREGATE_AVG:
		return a->distinct ? SET : COUNTS | SUMS;
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
		return BEST;
	case AGGREGATE_ARG_MIN:
	case AGGREGATE_ARG_MAX:
		return BEST | BEST_BY;
	case AGGREGATE_STDDEV_SAMP:
	case AGGREGATE_STDDEV_POP:
	case AGGREGATE_VAR_SAMP:
	case AGGREGATE_VAR_POP:
		return COUNTS | MOMENTS;
	case AGGREGATE_QUANTILE_CONT:
	case AGGREGATE_QUANTILE_DISC:
		return LIST;
	case AGGREGATE_APPROX_DISTINCT:
		return SKETCH;
	}
	return 0;
}

static int
is_field(const struct vector_plan *plan, const struct vector_expr *e, enum store_field_of of)
{
	return e->op == VECTOR_FIELD && plan->field[e->field].of == of;
}

static int
input_of(struct vector_groups *g, const struct vector_expr *arg, const struct vector_expr *filter)
{
	if (!arg && !filter)
		return -1;
	for (int i = 0; i < g->n_inputs; i++)
		if (vector_same(g->input[i].arg, arg) && vector_same(g->input[i].filter, filter))
			return i;
	g->input[g->n_inputs] = (struct input){ .arg = arg, .filter = filter };
	return g->n_inputs++;
}

/* Do two aggregates keep the same? Then only the first does: the quantiles of one column differ in their shares alone. */
static int
keeps_same(const struct state *a, const struct state *b)
{
	int what = kept_by(a->of);

	if (a->input != b->input || a->by != b->by || what != kept_by(b->of) || a->of->distinct != b->of->distinct || a->sign != b->sign)
		return 0;
	return a->of->of == b->of->of || what == LIST || what == SET || what == (COUNTS | SUMS) || what == (COUNTS | MOMENTS);
}

struct vector_groups *
vector_groups_new(const struct vector_plan *plan)
{
	struct vector_groups *g = mem_new(sizeof(*g));

	g->plan = plan;
	g->key = mem_new(((size_t)plan->n_keys + 1) * sizeof(*g->key));
	g->pair = mem_new(((size_t)plan->n_keys + 1) * sizeof(*g->pair));
	g->input = mem_new((2 * (size_t)plan->n_aggregates + 1) * sizeof(*g->input));
	g->state = mem_new(((size_t)plan->n_aggregates + 1) * sizeof(*g->state));
	g->pieces = arena_new(0);
	g->only_counts = plan->n_aggregates > 0;
	g->only_names = !plan->source && plan->n_keys == 1 && is_field(plan, plan->key[0], FIELD_EVENT) && !plan->where;
	for (int k = 0; k < plan->n_keys; k++)
		vector_ids_init(&g->key[k], 1);
	for (int i = 0; i < plan->n_aggregates; i++) {
		const struct vector_aggregate *a = &plan->aggregate[i];
		struct state *s = &g->state[i];

		*s = (struct state){ .of = a, .same_as = i, .sign = a->of == AGGREGATE_MAX || a->of == AGGREGATE_ARG_MAX ? 1 : -1 };
		s->input = input_of(g, a->of == AGGREGATE_ROWS ? NULL : a->arg, a->filter);
		s->by = a->by ? input_of(g, a->by, a->filter) : -1;
		g->only_names &= a->of == AGGREGATE_ROWS && !a->filter;
		g->only_counts &= a->of == AGGREGATE_ROWS && !a->filter;
		vector_ids_init(&s->ids, a->of != AGGREGATE_COUNT);
		for (int k = 0; k < i && s->same_as == i; k++)
			if (g->state[k].same_as == k && keeps_same(s, &g->state[k]))
				s->same_as = k;
		g->state[s->same_as].ids.keep |= s->ids.keep;
	}
	return g;
}

void
vector_groups_part(struct vector_groups *g, uint32_t part, uint32_t parts)
{
	g->part = part, g->parts = parts;
	g->only_names = 0;
}

static void
free_best(struct best *best, size_t n)
{
	for (size_t i = 0; best && i < n; i++)
		free(best[i].own);
	free(best);
}

void
vector_groups_free(struct vector_groups *g)
{
	if (!g)
		return;
	for (int k = 0; k < g->plan->n_keys; k++) {
		vector_ids_release(&g->key[k]);
		vector_pairs_release(&g->pair[k]);
	}
	for (int i = 0; i < g->plan->n_aggregates; i++) {
		struct state *s = &g->state[i];

		vector_sums_release(&s->sums), vector_moments_release(&s->moments);
		free_best(s->best, s->cap), free_best(s->best_by, s->cap);
		for (size_t k = 0; k < s->cap; k++) {
			if (s->sketch)
				distinct_free(s->sketch[k]);
			if (s->set)
				vector_set_release(&s->set[k]);
		}
		vector_ids_release(&s->ids);
		free(s->code);
		free(s->count), free(s->place), free(s->list), free(s->answer), free(s->sketch), free(s->set);
	}
	arena_free(g->pieces);
	free(g->key), free(g->pair), free(g->input), free(g->state);
	free(g);
}

size_t
vector_groups_held(const struct vector_groups *g)
{
	size_t held = g->held + arena_used(g->pieces);

	for (int k = 0; k < g->plan->n_keys; k++)
		held += vector_ids_held(&g->key[k]) + vector_pairs_held(&g->pair[k]);
	for (int i = 0; i < g->plan->n_aggregates; i++)
		held += vector_ids_held(&g->state[i].ids);
	return held;
}

size_t
vector_groups_ahead(struct vector_groups *g)
{
	size_t ahead = 0;

	for (int k = 0; k < g->plan->n_keys; k++)
		ahead += vector_ids_ahead(&g->key[k]);
	for (int i = 0; i < g->plan->n_aggregates; i++)
		ahead += vector_ids_ahead(&g->state[i].ids);
	return ahead;
}

/* How many numbers the first `keys` keys have together. */
static uint32_t
n_numbers(const struct vector_groups *g, int keys)
{
	return keys == 0 ? 1 : keys == 1 ? g->key[0].n : g->pair[keys - 1].n;
}

static uint32_t
n_groups(const struct vector_groups *g)
{
	return n_numbers(g, g->plan->n_keys);
}

static void *
more(struct vector_groups *g, void *array, size_t old, size_t n, size_t size)
{
	array = mem_grow(array, n, size);
	memset((char *)array + old * size, 0, (n - old) * size);
	g->held += (n - old) * size;
	return array;
}

/* Arrays for n groups. */
static void
room(struct vector_groups *g, struct state *s, size_t n)
{
	int what = kept_by(s->of);
	size_t cap = n > 2 * s->cap ? n : 2 * s->cap;

	if (n <= s->cap)
		return;
	if (what & COUNTS)
		s->count = more(g, s->count, s->cap, cap, sizeof(*s->count));
	if (what & SUMS)
		vector_sums_room(&s->sums, cap, 0, 0, &g->held);
	if (what & MOMENTS)
		vector_moments_room(&s->moments, cap, 0, &g->held);
	if (what & BEST_BY || s->best)
		s->best = more(g, s->best, s->cap, cap, sizeof(*s->best));
	if (s->code)
		s->code = more(g, s->code, s->cap, cap, sizeof(*s->code));
	if (what & BEST_BY) {
		s->best_by = more(g, s->best_by, s->cap, cap, sizeof(*s->best_by));
		s->place = more(g, s->place, s->cap, cap, sizeof(*s->place));
	}
	if (what & LIST)
		s->list = more(g, s->list, s->cap, cap, sizeof(*s->list));
	if (what & SKETCH)
		s->sketch = more(g, s->sketch, s->cap, cap, sizeof(struct distinct *));
	if (what & SET)
		s->set = more(g, s->set, s->cap, cap, sizeof(*s->set));
	s->cap = cap;
}

/* ---- rows into states */

static void
count_rows(struct state *s, struct vector_rows rows, const uint32_t *group)
{
	if (!group)
		s->count[0] += (int64_t)rows.n;
	else
		for (size_t k = 0; k < rows.n; k++)
			s->count[group[vector_row(rows, k)]]++;
}

static inline size_t
group_of(const uint32_t *group, size_t i)
{
	return group ? group[i] : 0;
}

static void
count_values(struct vector_groups *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group)
{
	const struct column *c = &in->column;
	unsigned char *there;

	(void)g;
	switch (c->form) {
	case COLUMN_NULL:
		return;
	case COLUMN_CODES:
		if (c->n_values > in->rows.n) {
			for (size_t k = 0; k < in->rows.n; k++) {
				size_t i = vector_row(in->rows, k);

				s->count[group_of(group, i)] += c->value[c->code[i]].type != CELL_NULL;
			}
			return;
		}
		there = vector_array(w, 1);
		for (size_t v = 0; v < c->n_values; v++)
			there[v] = c->value[v].type != CELL_NULL;
		for (size_t k = 0; k < in->rows.n; k++) {
			size_t i = vector_row(in->rows, k);

			s->count[group_of(group, i)] += there[c->code[i]];
		}
		return;
	default:
		if (!c->valid)
			count_rows(s, in->rows, group);
		else
			for (size_t k = 0; k < in->rows.n; k++) {
				size_t i = vector_row(in->rows, k);

				s->count[group_of(group, i)] += vector_valid(c->valid, i);
			}
	}
}

/* A column of codes as numbers, one by one: number[row] and type[row] (CELL_NULL: none). loose: texts by their beginnings. */
struct numbers { const unsigned char *type; const int64_t *integer; const double *real; };
static int
numbers_of(struct vector_worker *w, const struct column *c, struct vector_rows rows, int loose, struct numbers *out, struct err *err)
{
	unsigned char *type = vector_array(w, 1), *done = c->n_values <= VECTOR_ROWS ? vector_array(w, 1) : arena_get(w->arena, c->n_values);
	int64_t *integer = vector_array(w, 8);
	double *real = vector_array(w, 8);
	struct cell *value = arena_get(w->arena, c->n_values * sizeof(*value));

	memset(done, 0, c->n_values);
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		uint32_t code = c->code[i];

		if (!done[code]) {
			done[code] = 1;
			if ((loose ? vector_summand(w, c->value[code], &value[code], err) : vector_number(w, c->value[code], 0, &value[code], err)) < 0)
				return err->code;
			if (value[code].type == CELL_INTEGER)
				value[code].real = (double)value[code].integer;
		}
		type[i] = (unsigned char)value[code].type;
		integer[i] = value[code].integer;
		real[i] = value[code].real;
	}
	*out = (struct numbers){ type, integer, real };
	return 0;
}

/* Each kind of column, cut down to integers and reals: calls `integer(i, x)` or `real(i, x)` for each row that has one. */
#define EACH_NUMBER(w, in, loose, err, integer_, real_) do { \
	const struct column *c_ = &(in)->column; \
	struct column text_; \
	struct numbers n_; \
	if (c_->instant && instant_texts(w, c_, (in)->rows, &text_)) \
		c_ = &text_; \
	switch (c_->form) { \
	case COLUMN_INTEGER: \
		for (size_t k = 0; k < (in)->rows.n; k++) { \
			size_t i = vector_row((in)->rows, k); \
			int64_t x = c_->integer[i]; \
			if (vector_valid(c_->valid, i)) { integer_; } \
		} \
		break; \
	case COLUMN_REAL: \
		for (size_t k = 0; k < (in)->rows.n; k++) { \
			size_t i = vector_row((in)->rows, k); \
			double r = c_->real[i]; \
			if (!vector_valid(c_->valid, i)) \
				continue; \
			if (c_->whole && r == floor(r)) { int64_t x = (int64_t)r; integer_; } else { real_; } \
		} \
		break; \
	case COLUMN_CODES: \
		if (numbers_of(w, c_, (in)->rows, loose, &n_, err) < 0) \
			return (err)->code; \
		for (size_t k = 0; k < (in)->rows.n; k++) { \
			size_t i = vector_row((in)->rows, k); \
			if (n_.type[i] == CELL_INTEGER) { int64_t x = n_.integer[i]; integer_; } \
			else if (n_.type[i] == CELL_REAL) { double r = n_.real[i]; real_; } \
		} \
		break; \
	default: \
		break; \
	} \
} while (0)

/* Instants where their texts are wanted. */
static int
instant_texts(struct vector_worker *w, const struct column *c, struct vector_rows rows, struct column *out)
{
	struct cell *value = arena_get(w->arena, (rows.n + 1) * sizeof(*value));
	uint32_t *code = vector_array(w, 4);

	value[0] = cell_null();
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		value[k + 1] = vector_cell(w, c, i);
		code[i] = (uint32_t)k + 1;
	}
	*out = (struct column){ .form = COLUMN_CODES, .code = code, .value = value, .n_values = (uint32_t)rows.n + 1 };
	return 1;
}

static int
add_sums(struct vector_groups *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	vector_sums_room(&s->sums, s->cap, 1, in->column.form != COLUMN_INTEGER || in->column.instant, &g->held);
	EACH_NUMBER(w, in, 1, err,
		s->count[group_of(group, i)]++; vector_sums_add_integer(&s->sums, group_of(group, i), x),
		s->count[group_of(group, i)]++; vector_sums_add_real(&s->sums, group_of(group, i), r));
	return 0;
}

static int
add_moments(struct vector_groups *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	vector_moments_room(&s->moments, s->cap, 1, &g->held);
	EACH_NUMBER(w, in, 0, err,
		s->count[group_of(group, i)]++; vector_moments_add(&s->moments, group_of(group, i), (double)x, 1, &g->held),
		if (!isnan(r)) { s->count[group_of(group, i)]++; vector_moments_add(&s->moments, group_of(group, i), r, 1, &g->held); });
	return 0;
}

static int
count_true(struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	EACH_NUMBER(w, in, 1, err, s->count[group_of(group, i)] += x != 0, s->count[group_of(group, i)] += r != 0);
	return 0;
}

static inline void
list_real(struct vector_groups *g, struct vector_list *l, double x)
{
	if (isnan(x))
		return;
	l->real = 1;
	vector_list_real(g->pieces, l, x);
}

static int
add_list(struct vector_groups *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	EACH_NUMBER(w, in, 0, err, vector_list_integer(g->pieces, &s->list[group_of(group, i)], x), list_real(g, &s->list[group_of(group, i)], r));
	return 0;
}

static void
set_best(struct vector_groups *g, struct best *b, const struct cell *c)
{
	b->value = *c;
	if (c->type != CELL_TEXT)
		return;
	if (!b->own || c->text.n > b->cap) {
		uint32_t cap = (uint32_t)c->text.n + 16;

		b->own = mem_grow(b->own, cap, 1);
		g->held += cap - b->cap;
		b->cap = cap;
	}
	memcpy(b->own, c->text.p, c->text.n);
	b->value.text.p = b->own;
}

/* A cell of a column of which instants stay numbers. */
static inline struct cell
raw_cell(struct vector_worker *w, const struct column *c, size_t i)
{
	if (c->form == COLUMN_INTEGER && vector_valid(c->valid, i))
		return cell_integer(c->integer[i]);
	return vector_cell(w, c, i);
}

static int
beats(const struct cell *c, const struct cell *best, int sign)
{
	int order;

	if (best->type == CELL_NULL)
		return 1;
	order = vector_compare(c, best) * sign;
	return order > 0 || (order == 0 && vector_stands_for(c, best));
}

/* The best are kept as cells, whatever was known of them. */
static void
keep_cells(struct vector_groups *g, struct state *s)
{
	if (!s->best)
		s->best = more(g, NULL, 0, s->cap, sizeof(*s->best));
	for (size_t i = 0; s->code && i < s->cap; i++)
		if (s->code[i])
			set_best(g, &s->best[i], &s->values[s->code[i]]);
	free(s->code);
	s->code = NULL, s->values = NULL;
}

/* As codes, as long as all are of the same values. 0: they are not. */
static int
keep_codes(struct vector_groups *g, struct state *s, const struct cell *values, uint32_t n)
{
	if (s->best || (s->code && s->values != values))
		return 0;
	if (!s->code)
		s->code = more(g, NULL, 0, s->cap, sizeof(*s->code));
	s->values = values, s->n_values = n;
	return 1;
}

static inline void
take_code(struct state *s, size_t group, uint32_t code)
{
	uint32_t *best = &s->code[group];

	if (code && *best != code && (!*best || vector_compare(&s->values[code], &s->values[*best]) * s->sign > 0))
		*best = code;
}

static void
add_best(struct vector_groups *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group)
{
	const struct column *c = &in->column;

	if (c->form == COLUMN_CODES && c->unique && keep_codes(g, s, c->value, c->n_values)) {
		for (size_t k = 0; k < in->rows.n; k++) {
			size_t i = vector_row(in->rows, k);

			take_code(s, group_of(group, i), c->code[i]);
		}
		return;
	}
	keep_cells(g, s);
	s->instant |= c->form == COLUMN_INTEGER && c->instant;
	if (c->form == COLUMN_INTEGER) {
		for (size_t k = 0; k < in->rows.n; k++) {
			size_t i = vector_row(in->rows, k);
			struct cell *best = &s->best[group_of(group, i)].value;
			int64_t x = c->integer[i];

			if (!vector_valid(c->valid, i))
				continue;
			if (best->type == CELL_INTEGER) {
				if (s->sign > 0 ? x > best->integer : x < best->integer)
					best->integer = x;
			} else {
				struct cell v = cell_integer(x);

				if (beats(&v, best, s->sign))
					set_best(g, &s->best[group_of(group, i)], &v);
			}
		}
		return;
	}
	if (c->form == COLUMN_NULL)
		return;
	for (size_t k = 0; k < in->rows.n; k++) {
		size_t i = vector_row(in->rows, k);
		struct best *best = &s->best[group_of(group, i)];
		struct cell v = vector_cell(w, c, i);

		if (v.type != CELL_NULL && beats(&v, &best->value, s->sign))
			set_best(g, best, &v);
	}
}

static void
add_best_by(struct vector_groups *g, struct state *s, struct vector_worker *w, const struct input *in, const struct input *by, const uint32_t *group)
{
	struct vector_place place = w->place;

	s->instant |= in->column.form == COLUMN_INTEGER && in->column.instant;
	for (size_t k = 0; k < in->rows.n; k++) {
		size_t i = vector_row(in->rows, k), to = group_of(group, i);
		struct best *best = &s->best_by[to];
		struct cell key = raw_cell(w, &by->column, i), value;
		int order;

		if (key.type == CELL_NULL)
			continue;
		order = best->value.type == CELL_NULL ? 1 : vector_compare(&key, &best->value) * s->sign;
		place.row = (uint32_t)i;
		if (order < 0 || (order == 0 && vector_place_order(&place, &s->place[to]) >= 0))
			continue;
		value = raw_cell(w, &in->column, i);
		if (value.type == CELL_NULL)
			continue;
		set_best(g, best, &key);
		set_best(g, &s->best[to], &value);
		s->place[to] = place;
	}
}

/* What approx_count_distinct counts as one value (functions_aggregate.c). */
static uint64_t
sketch_hash(struct vector_worker *w, const struct cell *c)
{
	struct cell whole = *c;
	struct err ignore = { 0 };
	struct str text;

	if (c->type == CELL_REAL && c->real == floor(c->real) && fabs(c->real) < 9e15)
		whole = cell_integer((int64_t)c->real);
	vector_text(w, whole, &text, &ignore);
	return str_hash_stable(text);
}

static void
add_sketch(struct vector_groups *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group)
{
	const struct column *c = &in->column;
	uint64_t *hash = NULL;
	unsigned char *done = NULL;

	if (c->form == COLUMN_NULL)
		return;
	if (c->form == COLUMN_CODES) {
		hash = arena_get(w->arena, c->n_values * sizeof(*hash));
		done = arena_get(w->arena, c->n_values);
		memset(done, 0, c->n_values);
	}
	for (size_t k = 0; k < in->rows.n; k++) {
		size_t i = vector_row(in->rows, k);
		struct distinct **to = &s->sketch[group_of(group, i)];
		struct cell v = vector_cell(w, c, i);
		uint64_t h;

		if (v.type == CELL_NULL)
			continue;
		if (!hash) {
			h = sketch_hash(w, &v);
		} else {
			if (!done[c->code[i]])
				hash[c->code[i]] = sketch_hash(w, &v), done[c->code[i]] = 1;
			h = hash[c->code[i]];
		}
		if (!*to)
			*to = distinct_new();
		else
			g->held -= distinct_held(*to);
		distinct_add_hash(*to, h);
		g->held += distinct_held(*to);
	}
}

static void
add_set(struct vector_groups *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group)
{
	uint32_t *id = vector_array(w, 4), n;

	vector_ids_map(&s->ids, w, &in->column, in->rows, id);
	n = s->ids.n;
	for (size_t k = 0; k < in->rows.n; k++) {
		size_t i = vector_row(in->rows, k);

		if (id[i])
			vector_set_add(&s->set[group_of(group, i)], id[i], n, &g->held);
	}
}

static int
add_to(struct vector_groups *g, struct state *s, struct vector_worker *w, struct vector_rows rows, const uint32_t *group, struct err *err)
{
	const struct input *in = s->input >= 0 ? &g->input[s->input] : NULL;

	switch (s->of->of) {
	case AGGREGATE_ROWS:
		count_rows(s, in ? in->rows : rows, group);
		return 0;
	case AGGREGATE_COUNT:
		if (s->of->distinct)
			add_set(g, s, w, in, group);
		else
			count_values(g, s, w, in, group);
		return 0;
	case AGGREGATE_SUM:
	case AGGREGATE_TOTAL:
	case AGGREGATE_AVG:
		if (!s->of->distinct)
			return add_sums(g, s, w, in, group, err);
		add_set(g, s, w, in, group);
		return 0;
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
		add_best(g, s, w, in, group);
		return 0;
	case AGGREGATE_ARG_MIN:
	case AGGREGATE_ARG_MAX:
		add_best_by(g, s, w, in, &g->input[s->by], group);
		return 0;
	case AGGREGATE_COUNT_IF:
		return count_true(s, w, in, group, err);
	case AGGREGATE_STDDEV_SAMP:
	case AGGREGATE_STDDEV_POP:
	case AGGREGATE_VAR_SAMP:
	case AGGREGATE_VAR_POP:
		return add_moments(g, s, w, in, group, err);
	case AGGREGATE_QUANTILE_CONT:
	case AGGREGATE_QUANTILE_DISC:
		return add_list(g, s, w, in, group, err);
	case AGGREGATE_APPROX_DISTINCT:
		add_sketch(g, s, w, in, group);
		return 0;
	}
	return 0;
}

static void
count_group(struct vector_groups *g, uint32_t group, size_t rows)
{
	for (int k = 0; k < g->plan->n_aggregates; k++)
		if (g->state[k].same_as == k) {
			room(g, &g->state[k], n_groups(g));
			g->state[k].count[group] += (int64_t)rows;
		}
}

/* Whole chunks have their names counted in their headers. */
static void
add_names(struct vector_groups *g, const struct store_batch *batch)
{
	for (size_t i = 0; i < batch->n_names; i++) {
		struct cell name = cell_text(batch->names[i].name);

		count_group(g, vector_ids_put(&g->key[0], &name), (size_t)batch->names[i].count);
	}
}

/* COUNT(*) by one key of few codes: rows of each code are counted first, in four arrays as an addition waits for the last to the same one. */
static void
count_codes(struct vector_groups *g, struct vector_worker *w, const struct column *key, struct vector_rows rows)
{
	const uint32_t *code = key->code;
	uint32_t n = key->n_values, *many = memset(arena_get(w->arena, 4 * n * sizeof(*many)), 0, 4 * n * sizeof(*many));
	size_t k = 0;

	for (; k + 4 <= rows.n; k += 4) {
		many[code[vector_row(rows, k)]]++;
		many[n + code[vector_row(rows, k + 1)]]++;
		many[2 * n + code[vector_row(rows, k + 2)]]++;
		many[3 * n + code[vector_row(rows, k + 3)]]++;
	}
	for (; k < rows.n; k++)
		many[code[vector_row(rows, k)]]++;
	for (uint32_t v = 0; v < n; v++) {
		size_t all = (size_t)many[v] + many[n + v] + many[2 * n + v] + many[3 * n + v];

		if (all)
			count_group(g, vector_ids_put(&g->key[0], &key->value[v]), all);
	}
}

/* The group of each row. */
static uint32_t *
map_keys(struct vector_groups *g, struct vector_worker *w, const struct column *key, struct vector_rows rows)
{
	uint32_t *group = NULL;

	for (int k = 0; k < g->plan->n_keys; k++) {
		uint32_t *id = vector_array(w, 4);

		vector_ids_map(&g->key[k], w, &key[k], rows, id);
		if (k)
			vector_pairs_map(&g->pair[k], group, n_numbers(g, k), id, g->key[k].n, rows, id);
		group = id;
	}
	return group;
}

/* The same where the keys' codes in this batch have few combinations: the first row of each is looked up in the large tables, the
 * others by an array that stays in the cache. NULL: they have too many. */
static uint32_t *
map_combined(struct vector_groups *g, struct vector_worker *w, const struct column *key, struct vector_rows rows)
{
	int n_keys = g->plan->n_keys;
	uint32_t *number, *first, *group, *own, n = 0;
	const uint32_t *at = NULL;      /* the combination of each row */
	size_t all = 1;

	for (int k = 0; k < n_keys; k++) {
		if ((key[k].form != COLUMN_CODES && key[k].form != COLUMN_NULL) || (key[k].form == COLUMN_CODES && key[k].n_values > VECTOR_ROWS))
			return NULL;
		all *= key[k].form == COLUMN_CODES ? key[k].n_values : 1;
		if (all > COMBINATIONS || all > 4 * rows.n)
			return NULL;
	}
	number = arena_get(w->arena, all * sizeof(*number));    /* + 1; 0 none yet */
	memset(number, 0, all * sizeof(*number));
	first = vector_array(w, 4);
	own = vector_array(w, 4);
	for (int c = 0; c < n_keys; c++) {
		if (key[c].form != COLUMN_CODES || key[c].n_values == 1)
			continue;
		if (!at) {
			at = key[c].code;
			continue;
		}
		for (size_t k = 0; k < rows.n; k++) {
			size_t i = vector_row(rows, k);

			own[i] = at[i] * key[c].n_values + key[c].code[i];
		}
		at = own;
	}
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		uint32_t *to = &number[at ? at[i] : 0];

		if (!*to) {
			first[n] = (uint32_t)i;
			*to = ++n;
		}
	}
	group = map_keys(g, w, key, (struct vector_rows){ first, n });
	if (!g->plan->n_aggregates)
		return group;           /* nobody asks for those of the others */
	for (uint32_t f = 0; f < n; f++)
		number[at ? at[first[f]] : 0] = group[first[f]];
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		own[i] = number[at ? at[i] : 0];
	}
	return own;
}

/* The rows whose keys are of the part that is counted. */
static struct vector_rows
rows_of_part(const struct vector_groups *g, struct vector_worker *w, const struct column *key, struct vector_rows rows)
{
	uint64_t *hash = vector_array(w, 8);
	uint32_t *row = vector_array(w, 4);
	size_t n = 0;

	for (size_t k = 0; k < rows.n; k++)
		hash[vector_row(rows, k)] = 0;
	for (int k = 0; k < g->plan->n_keys; k++)
		vector_ids_hash(w, &key[k], rows, hash);
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		if ((hash[i] >> 32) * g->parts >> 32 == g->part)
			row[n++] = (uint32_t)i;
	}
	return (struct vector_rows){ row, n };
}

int
vector_groups_add(struct vector_groups *g, struct vector_worker *w, struct vector_rows rows, struct err *err)
{
	const struct vector_plan *plan = g->plan;
	struct column *key = arena_get(w->arena, ((size_t)plan->n_keys + 1) * sizeof(*key));
	uint32_t *group = NULL;

	if (g->only_names && w->batch && w->batch->names) {
		add_names(g, w->batch);
		return 0;
	}
	if (rows.n == 0)
		return 0;
	/* all that can fail comes before anything is changed */
	for (int k = 0; k < plan->n_keys; k++)
		if (vector_eval(w, plan->key[k], rows, &key[k], err) < 0)
			return err->code;
	if (g->parts > 1 && (rows = rows_of_part(g, w, key, rows)).n == 0)
		return 0;
	for (int i = 0; i < g->n_inputs; i++) {
		struct input *in = &g->input[i];

		in->rows = rows;
		if ((in->filter && vector_filter(w, in->filter, rows, 1, &in->rows, err) < 0) ||
		    (in->arg && vector_eval(w, in->arg, in->rows, &in->column, err) < 0))
			return err->code;
	}
	if (g->only_counts && plan->n_keys == 1 && key[0].form == COLUMN_CODES && !key[0].unique && !key[0].instant && key[0].n_values <= COUNTED) {
		count_codes(g, w, &key[0], rows);
		return 0;
	}
	if (plan->n_keys > 1 && (group = map_combined(g, w, key, rows)) == NULL)
		group = map_keys(g, w, key, rows);
	else if (plan->n_keys == 1)
		group = map_keys(g, w, key, rows);
	for (int i = 0; i < plan->n_aggregates; i++)
		if (g->state[i].same_as == i) {
			room(g, &g->state[i], n_groups(g));
			if (add_to(g, &g->state[i], w, rows, group, err) < 0)
				return err->code;
		}
	return 0;
}

/* ---- merging */

struct remap { struct vector_set *to; const uint32_t *id; uint32_t n; size_t *held; };

static void
add_remapped(void *self, uint32_t id)
{
	const struct remap *r = self;

	vector_set_add(r->to, r->id[id], r->n, r->held);
}

static void
merge_state(struct vector_groups *g, struct state *s, struct state *from, const uint32_t *group, uint32_t n)
{
	int what = kept_by(s->of);
	uint32_t *id = what & SET ? vector_ids_merge(&s->ids, &from->ids) : NULL;

	s->instant |= from->instant;
	room(g, s, n_groups(g));
	if (what & SUMS)
		vector_sums_room(&s->sums, s->cap, from->sums.whole != NULL, from->sums.fixed != NULL, &g->held);
	if (what & MOMENTS) {
		vector_moments_room(&s->moments, s->cap, from->moments.sums.fixed != NULL, &g->held);
		vector_sums_room(&s->moments.large, s->cap, 0, from->moments.large.fixed != NULL, &g->held);
		vector_sums_room(&s->moments.large_squares, s->cap, 0, from->moments.large.fixed != NULL, &g->held);
	}
	if (what & BEST && !(what & BEST_BY) && from->code && keep_codes(g, s, from->values, from->n_values)) {
		for (uint32_t i = 0; i < n && i < from->cap; i++)
			take_code(s, group ? group[i] : i, from->code[i]);
		return;
	}
	if (what & BEST && !(what & BEST_BY))
		keep_cells(g, from), keep_cells(g, s);
	for (uint32_t i = 0; i < n && i < from->cap; i++) {
		uint32_t to = group ? group[i] : i;

		if (what & COUNTS)
			s->count[to] += from->count[i];
		if (what & SUMS)
			vector_sums_merge(&s->sums, to, &from->sums, i);
		if (what & MOMENTS)
			vector_moments_merge(&s->moments, to, &from->moments, i);
		if (what & BEST_BY) {
			struct cell *mine = &s->best_by[to].value, *other = &from->best_by[i].value;
			int order = other->type == CELL_NULL ? -1 : mine->type == CELL_NULL ? 1 : vector_compare(other, mine) * s->sign;

			if (order > 0 || (order == 0 && vector_place_order(&from->place[i], &s->place[to]) < 0)) {
				set_best(g, &s->best_by[to], other);
				set_best(g, &s->best[to], &from->best[i].value);
				s->place[to] = from->place[i];
			}
		} else if (what & BEST && from->best[i].value.type != CELL_NULL && beats(&from->best[i].value, &s->best[to].value, s->sign)) {
			set_best(g, &s->best[to], &from->best[i].value);
		}
		if (what & LIST)
			vector_list_join(&s->list[to], &from->list[i]);
		if (what & SKETCH && from->sketch[i]) {
			if (!s->sketch[to])
				s->sketch[to] = distinct_new();
			distinct_merge(s->sketch[to], from->sketch[i]);
		}
		if (what & SET) {
			struct remap r = { &s->set[to], id, s->ids.n, &g->held };

			vector_set_each(&from->set[i], add_remapped, &r);
		}
	}
	free(id);
}

/* What the pairs of key k are here. group: what the numbers of the level before are, id: those of the key; both are freed. */
static uint32_t *
merge_pairs(struct vector_groups *g, const struct vector_groups *from, int k, uint32_t *group, uint32_t *id)
{
	const struct vector_pairs *p = &from->pair[k];
	struct vector_rows all = { NULL, p->n };
	uint32_t *left = mem_grow(NULL, (size_t)p->n + 1, sizeof(*left)), *right = mem_grow(NULL, (size_t)p->n + 1, sizeof(*right));

	for (uint32_t i = 0; i < p->n; i++) {
		left[i] = group[p->pair[i].left];
		right[i] = id[p->pair[i].right];
	}
	free(id);
	group = mem_grow(group, (size_t)p->n + 1, sizeof(*group));
	vector_pairs_map(&g->pair[k], left, n_numbers(g, k), right, g->key[k].n, all, group);
	free(left), free(right);
	return group;
}

int
vector_groups_merge(struct vector_groups *g, struct vector_groups *from, struct err *err)
{
	uint32_t *group = NULL, n = n_groups(from);

	(void)err;
	for (int k = 0; k < g->plan->n_keys; k++) {
		uint32_t *id = vector_ids_merge(&g->key[k], &from->key[k]);

		if (k == 0) {
			group = id;
			continue;
		}
		group = merge_pairs(g, from, k, group, id);
	}
	for (int i = 0; i < g->plan->n_aggregates; i++)
		if (g->state[i].same_as == i)
			merge_state(g, &g->state[i], &from->state[i], group, n);
	free(group);
	return 0;
}

/* ---- the end */

static struct cell
moments_cell(const struct state *s, const struct state *kept, uint32_t group)
{
	int pop = s->of->of == AGGREGATE_STDDEV_POP || s->of->of == AGGREGATE_VAR_POP, root = s->of->of == AGGREGATE_STDDEV_POP || s->of->of == AGGREGATE_STDDEV_SAMP;
	double x = vector_moments_get(&kept->moments, group, kept->count[group], pop, root);

	return isnan(x) ? cell_null() : cell_real(x);
}

static int
sum_cell(const struct state *s, const struct vector_sums *sums, uint32_t group, int64_t count, struct cell *out, struct err *err)
{
	double sum = 0;
	int64_t whole;

	*out = cell_null();
	if (s->of->of == AGGREGATE_SUM && count && !vector_sums_is_real(sums, group)) {
		if (vector_sums_integer(sums, group, &whole) < 0)
			return err_set(err, ERR_USAGE, "integer overflow");
		*out = cell_integer(whole);
		return 0;
	}
	if (!count && s->of->of != AGGREGATE_TOTAL)
		return 0;
	vector_sums_get(sums, group, &sum, NULL);
	if (s->of->of == AGGREGATE_AVG)
		sum /= (double)count;
	if (!isnan(sum))
		*out = cell_real(sum);
	return 0;
}

/* SUM and so on of the different values. */
struct distinct_sum { struct vector_worker *w; const struct vector_ids *ids; struct vector_sums sums; int64_t count; struct err *err; };

static void
sum_one(void *self, uint32_t id)
{
	struct distinct_sum *d = self;
	struct cell c = d->ids->cell[id];
	char text[TIME_LEN];

	if (d->ids->instant && c.type == CELL_INTEGER) {
		time_print(c.integer, text);
		c = cell_text((struct str){ text, TIME_LEN });
	}
	if (d->err->code || vector_summand(d->w, c, &c, d->err) < 0)
		return;
	d->count++;
	if (c.type == CELL_INTEGER)
		vector_sums_add_integer(&d->sums, 0, c.integer);
	else
		vector_sums_add_real(&d->sums, 0, c.real);
}

static int
distinct_sum_cell(const struct state *s, const struct state *kept, struct vector_worker *w, uint32_t group, struct cell *out, struct err *err)
{
	struct distinct_sum d = { .w = w, .ids = &kept->ids, .err = err };
	size_t held = 0;

	vector_sums_room(&d.sums, 1, 1, 1, &held);
	vector_set_each(&kept->set[group], sum_one, &d);
	if (!err->code)
		sum_cell(s, &d.sums, group = 0, d.count, out, err);
	vector_sums_release(&d.sums);
	return err->code;
}

/* Quantiles are most of the work at the end: several threads take groups, and each gives its chooser's answers. */
struct quantiles { struct vector_groups *g; uint32_t next, n; };

static struct cell
quantile_cell(const struct vector_groups *g, const struct state *s, uint32_t group, struct vector_chooser *chooser)
{
	return vector_list_quantile(chooser, &g->state[s->same_as].list[group], s->of->share, s->of->of == AGGREGATE_QUANTILE_DISC);
}

static void *
find_quantiles(void *self)
{
	struct quantiles *q = self;
	struct vector_chooser chooser = { 0 };
	uint32_t group;

	while ((group = __atomic_fetch_add(&q->next, 1, __ATOMIC_RELAXED)) < q->n)
		for (int i = 0; i < q->g->plan->n_aggregates; i++)
			if (q->g->state[i].answer)
				q->g->state[i].answer[group] = quantile_cell(q->g, &q->g->state[i], group, &chooser);
	vector_chooser_release(&chooser);
	return NULL;
}

static void
share_quantiles(struct vector_groups *g, int threads)
{
	struct quantiles q = { .g = g, .n = n_groups(g) };
	int64_t numbers = 0;

	for (int i = 0; i < g->plan->n_aggregates; i++)
		for (uint32_t k = 0; g->state[i].list && k < q.n; k++)
			numbers += g->state[i].list[k].n;
	if (threads < 2 || numbers < ALONE || q.n < 2)
		return;
	for (int i = 0; i < g->plan->n_aggregates; i++)
		if (kept_by(g->state[i].of) & LIST)
			g->state[i].answer = mem_grow(NULL, q.n, sizeof(struct cell));
	vector_share(threads, find_quantiles, &q);
}

static int
aggregate_cell(struct vector_groups *g, struct state *s, struct vector_worker *w, uint32_t group, struct vector_chooser *chooser, struct cell *out,
    char text[TIME_LEN], struct err *err)
{
	struct state *kept = &g->state[s->same_as];

	switch (s->of->of) {
	case AGGREGATE_ROWS:
	case AGGREGATE_COUNT_IF:
		*out = cell_integer(kept->count[group]);
		return 0;
	case AGGREGATE_COUNT:
		*out = cell_integer(s->of->distinct ? (int64_t)kept->set[group].n : kept->count[group]);
		return 0;
	case AGGREGATE_SUM:
	case AGGREGATE_TOTAL:
	case AGGREGATE_AVG:
		return s->of->distinct ? distinct_sum_cell(s, kept, w, group, out, err) : sum_cell(s, &kept->sums, group, kept->count[group], out, err);
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
	case AGGREGATE_ARG_MIN:
	case AGGREGATE_ARG_MAX:
		*out = kept->code ? kept->values[kept->code[group]] : kept->best ? kept->best[group].value : cell_null();
		if (kept->instant && out->type == CELL_INTEGER) {
			time_print(out->integer, text);
			*out = cell_text((struct str){ text, TIME_LEN });
		}
		return 0;
	case AGGREGATE_STDDEV_SAMP:
	case AGGREGATE_STDDEV_POP:
	case AGGREGATE_VAR_SAMP:
	case AGGREGATE_VAR_POP:
		*out = moments_cell(s, kept, group);
		return 0;
	case AGGREGATE_QUANTILE_CONT:
	case AGGREGATE_QUANTILE_DISC:
		*out = s->answer ? s->answer[group] : quantile_cell(g, s, group, chooser);
		return 0;
	case AGGREGATE_APPROX_DISTINCT:
		*out = cell_integer(kept->sketch[group] ? (int64_t)distinct_get(kept->sketch[group]) : 0);
		return 0;
	}
	return 0;
}

/* The key numbers of a group. */
static void
unfold(const struct vector_groups *g, uint32_t group, uint32_t *id)
{
	int n = g->plan->n_keys;

	for (int k = n - 1; k > 0; k--) {
		id[k] = g->pair[k].pair[group].right;
		group = g->pair[k].pair[group].left;
	}
	if (n)
		id[0] = group;
}

/* Groups in the order of their keys: each key's values get their rank, then groups are put in order by one key after the other, the
 * last first, by counting. */

static uint32_t *
ranks(struct vector_ids *ids)
{
	if (!ids->cell)
		return mem_new(sizeof(uint32_t));
	if (!ids->adopted)
		ids->cell[0] = cell_null();
	return vector_ranks(ids->cell, ids->n);
}

/* Stable: the groups of `from` to `to`, by the rank of one key of each. */
static void
sort_by(const uint32_t *rank, uint32_t n_ranks, const uint32_t *id, uint32_t n, const uint32_t *from, uint32_t *to)
{
	uint32_t *place = mem_new(((size_t)n_ranks + 1) * sizeof(*place));

	for (uint32_t i = 0; i < n; i++)
		place[rank[id[from[i]]] + 1]++;
	for (uint32_t r = 0; r < n_ranks; r++)
		place[r + 1] += place[r];
	for (uint32_t i = 0; i < n; i++)
		to[place[rank[id[from[i]]]]++] = from[i];
	free(place);
}

/* *id gets the number of each key for each group, key by key. */
static uint32_t *
sort_groups(struct vector_groups *g, uint32_t *n, uint32_t **id)
{
	int n_keys = g->plan->n_keys;
	uint32_t all = n_groups(g), *one = mem_grow(NULL, n_keys ? (size_t)n_keys : 1, sizeof(*one));
	uint32_t *order = mem_grow(NULL, (size_t)all + 1, sizeof(*order)), *next = mem_grow(NULL, (size_t)all + 1, sizeof(*next));

	*n = 0;
	*id = mem_grow(NULL, (size_t)all * (size_t)n_keys + 1, sizeof(**id));
	for (uint32_t i = 0; i < all; i++) {
		unfold(g, i, one);
		for (int k = 0; k < n_keys; k++)
			(*id)[(size_t)k * all + i] = one[k];
		if (n_keys != 1 || vector_ids_has(&g->key[0], i))
			order[(*n)++] = i;
	}
	for (int k = g->plan->unordered ? 0 : n_keys; k-- > 0; ) {
		uint32_t *rank = ranks(&g->key[k]), *was = order;

		sort_by(rank, g->key[k].n, *id + (size_t)k * all, *n, order, next);
		order = next;
		next = was;
		free(rank);
	}
	free(one), free(next);
	return order;
}

/* A key of the groups in this order as a column. */
static void
key_column(struct vector_groups *g, int key, const uint32_t *id, const uint32_t *order, uint32_t n, const struct vector_input *in, struct vector_held *to)
{
	struct vector_ids *ids = &g->key[key];
	enum cell_type type = ids->n > 1 && ids->cell ? ids->cell[1].type : CELL_NULL;
	uint64_t *valid;
	int64_t *number;
	uint32_t *code;
	int gaps = 0;

	for (uint32_t i = 1; ids->n > 1 && i < ids->n; i++)
		type = ids->cell[i].type == type ? type : CELL_TEXT;
	if (type == CELL_NULL)
		return;
	if (type == CELL_TEXT) {
		code = mem_grow(NULL, (size_t)n + 1, sizeof(*code));
		for (uint32_t i = 0; i < n; i++)
			code[i] = id[order[i]];
		vector_table_take(to, ids, in);
		to->column.code = code;
		to->rows = vector_memory_new(code, ((size_t)n + 1) * sizeof(*code), NULL);
		return;
	}
	number = mem_grow(NULL, (size_t)n + 1, sizeof(*number));
	valid = mem_new(((size_t)n / 64 + 1) * sizeof(*valid));
	for (uint32_t i = 0; i < n; i++) {
		const struct cell *v = &ids->cell[id[order[i]]];

		number[i] = 0;
		gaps |= !id[order[i]];
		if (!id[order[i]])
			continue;
		valid[i / 64] |= 1ULL << (i % 64);
		if (type == CELL_INTEGER)
			number[i] = v->integer;
		else
			memcpy(&number[i], &v->real, sizeof(*number));
	}
	to->column = (struct column){ .form = type == CELL_INTEGER ? COLUMN_INTEGER : COLUMN_REAL, .instant = type == CELL_INTEGER && ids->instant,
		.valid = gaps ? valid : NULL, .integer = number, .real = (const double *)(const void *)number };
	to->rows = vector_memory_new(number, ((size_t)n + 1) * sizeof(*number), NULL);
	to->valid = vector_memory_new(valid, ((size_t)n / 64 + 1) * sizeof(*valid), NULL);
}

static int
is_count(const struct vector_aggregate *of)
{
	return of->of == AGGREGATE_ROWS || of->of == AGGREGATE_COUNT_IF || (of->of == AGGREGATE_COUNT && !of->distinct);
}

static int
aggregate_column(struct vector_groups *g, int aggregate, struct vector_worker *w, const uint32_t *order, uint32_t n, struct vector_held *to, struct err *err)
{
	const struct vector_piece_of all = { 0, 0, n };
	struct vector_chooser chooser = { 0 };
	const struct state *kept = &g->state[g->state[aggregate].same_as];
	struct vector_builder b;
	char text[TIME_LEN];

	if (kept->code) {
		uint32_t *code = mem_grow(NULL, (size_t)n + 1, sizeof(*code));

		for (uint32_t i = 0; i < n; i++)
			code[i] = kept->code[order[i]];
		*to = (struct vector_held){ { .form = COLUMN_CODES, .code = code, .value = kept->values, .n_values = kept->n_values, .unique = 1 },
			vector_memory_new(code, ((size_t)n + 1) * sizeof(*code), NULL), NULL, vector_memory_hold(vector_table_values(w->input, kept->values)) };
		return 0;
	}
	if (is_count(g->state[aggregate].of)) {
		int64_t *number = mem_grow(NULL, (size_t)n + 1, sizeof(*number));

		for (uint32_t i = 0; i < n; i++)
			number[i] = kept->count[order[i]];
		*to = (struct vector_held){ { .form = COLUMN_INTEGER, .integer = number },
			vector_memory_new(number, ((size_t)n + 1) * sizeof(*number), NULL), NULL, NULL };
		return 0;
	}
	vector_builder_init(&b);
	for (uint32_t i = 0; i < n && !err->code; i++) {
		struct cell c;

		if (aggregate_cell(g, &g->state[aggregate], w, order[i], &chooser, &c, text, err) == 0)
			vector_builder_put(&b, &c);
		if ((i & 255) == 255)
			query_stopped(w->q, err);
	}
	vector_chooser_release(&chooser);
	if (!err->code)
		vector_builder_end(&(struct vector_builder *){ &b }, 1, &all, 1, w->input, to);
	vector_builder_release(&b);
	return err->code;
}

struct vector_table *
vector_groups_end(struct vector_groups *g, struct vector_worker *w, int threads, struct err *err)
{
	int n_keys = g->plan->n_keys;
	uint32_t n, all = n_groups(g), *id, *order = sort_groups(g, &n, &id);
	struct vector_table *t = vector_table_new(n, n_keys + g->plan->n_aggregates);

	for (int i = 0; i < g->plan->n_aggregates; i++)
		if (g->state[i].same_as == i)
			room(g, &g->state[i], n_groups(g));
	share_quantiles(g, threads);
	for (int k = 0; k < g->plan->n_aggregates && !err->code; k++)
		aggregate_column(g, k, w, order, n, &t->column[n_keys + k], err);
	for (int k = 0; k < n_keys && !err->code; k++)
		key_column(g, k, id + (size_t)k * all, order, n, w->input, &t->column[k]);
	free(order), free(id);
	if (err->code) {
		vector_table_free(t);
		t = NULL;
	}
	return t;
}
