/* vector_state.c - what aggregates keep for each group, how rows come into it, how two become one, and what comes out.
 *
 * What is kept is told by bits (COUNTS, SUMS …): an array by group number for each. Nothing that is kept depends on the order in which
 * rows come: sums are exact, of equal values the same one stands for both, and where the order of rows matters to SQL (FIRST; rows that tie
 * for ARG_MAX) each has its place, for events its time and number. So the answer is the same for any number of threads.
 */
#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/time.h"
#include "query/functions_priv.h"
#include "query/query_priv.h"
#include "query/vector_priv.h"
#include "sketch/distinct.h"
#include "sketch/quantile.h"

#define ALONE 200000            /* numbers whose quantiles one thread finds: more are shared out */

/* ---- state, one for each aggregate that is not the same as one before */

enum { COUNTS = 1, SUMS = 2, MOMENTS = 4, BEST = 8, BEST_BY = 16, PLACE = 32, LIST = 64, SKETCH = 128, DIGEST = 256, SET = 512, BITS = 1024, TALLY = 2048, GATHER = 4096, REGRESSION = 8192 };

struct best { struct cell value; char *own; uint32_t cap; };            /* text lies in own */
union number { int64_t integer; double real; };

struct input {                          /* what aggregates read: the same for those with equal argument and filter */
	const struct vector_expr *arg, *filter;
	struct vector_rows rows;
	struct column column;
};

struct state {
	const struct vector_aggregate *of;
	const struct kind *kind;
	int input, by;                  /* index of inputs; -1 none (COUNT(*) without a filter) */
	int same_as;                    /* index of the state that keeps this one's values, or its own */
	int sign;                       /* of BEST: 1 the greatest, -1 the least */
	int instant;                    /* what is kept are instants */
	int64_t *count;
	struct vector_sums sums;
	struct vector_moments moments;
	struct vector_regression regression;
	struct best *best, *best_by;
	const struct cell *values;      /* MIN and MAX of unique codes: of these, whose code is kept instead; 0 none */
	uint32_t n_values, *code;
	union number *number;           /* MIN and MAX of columns that have numbers of one form: these instead, where they are there */
	struct column form;             /* that form */
	struct vector_place *place;     /* of the row, where it is there */
	unsigned char *there;
	struct vector_list *list;
	struct cell *answer;            /* of quantiles, by group, where several threads have found them */
	struct distinct **sketch;
	struct quantile **digest;
	int64_t *bits;                  /* or how many are true */
	struct vector_set *set;
	struct vector_ids ids;          /* of SET */
	int whole;                      /* they count alone, of the one group there is: that needs no set, and no merging of the workers' */
	const struct vector_ids **other;        /* those of the others, where that is so */
	int n_others;
	int64_t different;              /* in the end: in all of them */
	struct vector_tally *tally;
	struct vector_gather *gather;
	size_t cap;
};

struct vector_states {
	const struct vector_plan *plan;
	struct input *input, all;       /* all: every row, of nothing */
	int n_inputs;
	struct state *state;
	struct arena *pieces;
	size_t held;                    /* bytes of the arrays */
	uint32_t n_groups;
	int ordered;                    /* places are wanted */
	struct vector_part part;        /* of values */
};

/* What is told of each aggregate: all there is to know about one stands in its row. */
struct giving { struct vector_states *all; struct vector_worker *w; struct vector_chooser chooser; char text[TIME_LEN]; struct buf out; struct functions_count *item; size_t cap; };
typedef int kind_add(struct vector_states *, struct state *, struct vector_worker *, const struct input *, const uint32_t *group, struct err *);
typedef int kind_give(struct giving *, const struct state *, struct state *kept, uint32_t group, struct cell *, struct err *);
enum { ORDERED = 1, DOUBLES = 2 };      /* the order of rows matters; rows that are the same make no difference */
struct kind {
	const char *name;               /* in EXPLAIN */
	unsigned keeps;
	int sign;                       /* as in the state */
	unsigned is;
	kind_add *add;
	kind_give *give;
};
static const struct kind kinds[];

/* Texts and lists of each value once, as they came or by themselves: no other rows need to be known. */
static int
is_of_values(const struct vector_aggregate *a)
{
	return a->once && (!a->by || vector_same(a->by, a->arg));
}

static unsigned
kept_by(const struct vector_aggregate *a)
{
	return a->distinct ? SET : is_of_values(a) ? TALLY : kinds[a->of].keeps;
}

static int
input_of(struct vector_states *g, const struct vector_expr *arg, const struct vector_expr *filter)
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
	unsigned what = kept_by(a->of);

	if (a->input != b->input || a->by != b->by || what != kept_by(b->of) || a->of->distinct != b->of->distinct || a->sign != b->sign)
		return 0;
	if (what == GATHER)
		return a->of->descending == b->of->descending && a->of->once == b->of->once && a->of->of == b->of->of;
	return a->of->of == b->of->of || what == LIST || what == DIGEST || what == SET || what == (COUNTS | REGRESSION) || (what == TALLY && a->kind->is == b->kind->is) || (what == (COUNTS | SUMS) && a->kind->add == b->kind->add) ||
	    what == (COUNTS | MOMENTS);
}

struct vector_states *
vector_states_new(const struct vector_plan *plan)
{
	struct vector_states *g = mem_new(sizeof(*g));

	g->plan = plan;
	g->input = mem_new((2 * (size_t)plan->n_aggregates + 1) * sizeof(*g->input));
	g->state = mem_new(((size_t)plan->n_aggregates + 1) * sizeof(*g->state));
	g->pieces = arena_new(0);
	for (int i = 0; i < plan->n_aggregates; i++) {
		const struct vector_aggregate *a = &plan->aggregate[i];
		struct state *s = &g->state[i];

		*s = (struct state){ .of = a, .kind = &kinds[a->of], .same_as = i, .sign = a->descending ? -kinds[a->of].sign : kinds[a->of].sign };
		s->input = input_of(g, a->of == AGGREGATE_ROWS ? NULL : a->arg, a->filter);
		s->by = a->by ? input_of(g, a->by, a->filter) : -1;
		g->ordered |= (s->kind->is & ORDERED) != 0;
		if (kept_by(a) & TALLY)
			s->tally = vector_tally_new(plan->n_keys > 0, (s->kind->is & ORDERED) != 0);
		if (kept_by(a) & GATHER)
			s->gather = vector_gather_new(a);
		vector_ids_init(&s->ids, a->of != AGGREGATE_COUNT);
		for (int k = 0; k < i && s->same_as == i; k++)
			if (g->state[k].same_as == k && keeps_same(s, &g->state[k]))
				s->same_as = k;
		g->state[s->same_as].ids.keep |= s->ids.keep;
	}
	for (int i = 0; i < plan->n_aggregates; i++)
		g->state[i].whole = !plan->n_keys && plan->aggregate[i].distinct && !g->state[i].ids.keep;
	return g;
}

int
vector_states_add_up(const struct vector_plan *plan)
{
	int counts = 0;

	for (int i = 0; i < plan->n_aggregates; i++) {
		if (plan->aggregate[i].distinct && plan->aggregate[i].of != AGGREGATE_COUNT)
			return 0;
		counts |= plan->aggregate[i].distinct;
	}
	return counts;
}

void
vector_states_part(struct vector_states *g, const struct vector_part *part)
{
	if (part->of == PART_VALUES)
		g->part = *part;
}

static void
free_best(struct best *best, size_t n)
{
	for (size_t i = 0; best && i < n; i++)
		free(best[i].own);
	free(best);
}

void
vector_states_free(struct vector_states *g)
{
	if (!g)
		return;
	for (int i = 0; i < g->plan->n_aggregates; i++) {
		struct state *s = &g->state[i];

		vector_sums_release(&s->sums), vector_moments_release(&s->moments), vector_regression_release(&s->regression);
		free_best(s->best, s->cap), free_best(s->best_by, s->cap);
		for (size_t k = 0; k < s->cap; k++) {
			if (s->sketch)
				distinct_free(s->sketch[k]);
			if (s->digest)
				quantile_free(s->digest[k]);
			if (s->set)
				vector_set_release(&s->set[k]);
		}
		vector_ids_release(&s->ids);
		vector_tally_free(s->tally);
		vector_gather_free(s->gather);
		free(s->code), free(s->number), free(s->other);
		free(s->count), free(s->place), free(s->there), free(s->list), free(s->answer), free(s->sketch), free(s->digest), free(s->bits), free(s->set);
	}
	arena_free(g->pieces);
	free(g->input), free(g->state);
	free(g);
}

size_t
vector_states_held(const struct vector_states *g)
{
	size_t held = g->held + arena_used(g->pieces);

	for (int i = 0; i < g->plan->n_aggregates; i++)
		held += vector_ids_held(&g->state[i].ids) + (g->state[i].tally ? vector_tally_held(g->state[i].tally) : 0) + vector_gather_held(g->state[i].gather);
	return held;
}

size_t
vector_states_ahead(struct vector_states *g)
{
	size_t ahead = 0;

	for (int i = 0; i < g->plan->n_aggregates; i++)
		ahead += vector_ids_ahead(&g->state[i].ids) + (g->state[i].tally ? vector_tally_ahead(g->state[i].tally) : 0);
	return ahead;
}

static void *
more(struct vector_states *g, void *array, size_t old, size_t n, size_t size)
{
	array = mem_grow(array, n, size);
	memset((char *)array + old * size, 0, (n - old) * size);
	g->held += (n - old) * size;
	return array;
}

/* Arrays for n groups. */
static void
room(struct vector_states *g, struct state *s, size_t n)
{
	unsigned what = kept_by(s->of);
	size_t cap = n > 2 * s->cap ? n : 2 * s->cap;

	if (n <= s->cap)
		return;
	if (what & COUNTS)
		s->count = more(g, s->count, s->cap, cap, sizeof(*s->count));
	if (what & SUMS)
		vector_sums_room(&s->sums, cap, 0, 0, &g->held);
	if (what & MOMENTS)
		vector_moments_room(&s->moments, cap, 0, &g->held);
	if (what & REGRESSION)
		vector_regression_room(&s->regression, cap, &g->held);
	if (what & PLACE || s->best)
		s->best = more(g, s->best, s->cap, cap, sizeof(*s->best));
	if (s->code)
		s->code = more(g, s->code, s->cap, cap, sizeof(*s->code));
	if (s->number)
		s->number = more(g, s->number, s->cap, cap, sizeof(*s->number));
	if (what & BEST_BY)
		s->best_by = more(g, s->best_by, s->cap, cap, sizeof(*s->best_by));
	if (what & PLACE)
		s->place = more(g, s->place, s->cap, cap, sizeof(*s->place));
	if (what & PLACE || s->number)
		s->there = more(g, s->there, s->cap, cap, 1);
	if (what & LIST)
		s->list = more(g, s->list, s->cap, cap, sizeof(*s->list));
	if (what & SKETCH)
		s->sketch = more(g, s->sketch, s->cap, cap, sizeof(struct distinct *));
	if (what & DIGEST)
		s->digest = more(g, s->digest, s->cap, cap, sizeof(struct quantile *));
	if (what & BITS)
		s->bits = more(g, s->bits, s->cap, cap, sizeof(*s->bits));
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

static int
add_rows(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	(void)g, (void)w, (void)err;
	count_rows(s, in->rows, group);
	return 0;
}

static inline size_t
group_of(const uint32_t *group, size_t i)
{
	return group ? group[i] : 0;
}

static int
count_values(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	const struct column *c = &in->column;
	unsigned char *there;

	(void)g, (void)err;
	switch (c->form) {
	case COLUMN_NULL:
		return 0;
	case COLUMN_CODES:
		if (c->n_values > in->rows.n) {
			for (size_t k = 0; k < in->rows.n; k++) {
				size_t i = vector_row(in->rows, k);

				s->count[group_of(group, i)] += c->value[c->code[i]].type != CELL_NULL;
			}
			return 0;
		}
		there = vector_array(w, 1);
		for (size_t v = 0; v < c->n_values; v++)
			there[v] = c->value[v].type != CELL_NULL;
		for (size_t k = 0; k < in->rows.n; k++) {
			size_t i = vector_row(in->rows, k);

			s->count[group_of(group, i)] += there[c->code[i]];
		}
		return 0;
	default:
		if (!c->valid)
			count_rows(s, in->rows, group);
		else
			for (size_t k = 0; k < in->rows.n; k++) {
				size_t i = vector_row(in->rows, k);

				s->count[group_of(group, i)] += vector_valid(c->valid, i);
			}
	}
	return 0;
}

/* A column of codes as numbers, one by one: number[row] and type[row] (CELL_NULL: none), each value once where there are fewer than rows. loose:
 * texts by their beginnings. */
struct numbers { const unsigned char *type; const int64_t *integer; const double *real; };
static int
numbers_of(struct vector_worker *w, const struct column *c, struct vector_rows rows, int loose, struct numbers *out, struct err *err)
{
	size_t known = c->n_values <= rows.n ? c->n_values : 0;
	unsigned char *type = vector_array(w, 1), *done = memset(vector_array(w, 1), 0, known);
	int64_t *integer = vector_array(w, 8);
	double *real = vector_array(w, 8);
	struct cell *value = arena_get(w->arena, (known + 1) * sizeof(*value));

	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		uint32_t code = c->code[i];
		struct cell *v = &value[known ? code : 0];

		if (!known || !done[code]) {
			if ((loose ? vector_summand(w, c->value[code], v, err) : vector_number(w, c->value[code], 0, v, err)) < 0)
				return err->code;
			if (v->type == CELL_INTEGER)
				v->real = (double)v->integer;
			if (known)
				done[code] = 1;
		}
		type[i] = (unsigned char)v->type;
		integer[i] = v->integer;
		real[i] = v->real;
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
			if (vector_is_integer(c_, i)) { int64_t x = (int64_t)r; integer_; } else { real_; } \
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
add_sums(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	vector_sums_room(&s->sums, s->cap, 1, in->column.form != COLUMN_INTEGER || in->column.instant, &g->held);
	EACH_NUMBER(w, in, 1, err,
		s->count[group_of(group, i)]++; vector_sums_add_integer(&s->sums, group_of(group, i), x),
		s->count[group_of(group, i)]++; vector_sums_add_real(&s->sums, group_of(group, i), r));
	return 0;
}

static int
add_moments(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	vector_moments_room(&s->moments, s->cap, 1, &g->held);
	EACH_NUMBER(w, in, 0, err,
		s->count[group_of(group, i)]++; vector_moments_add(&s->moments, group_of(group, i), (double)x, 1, &g->held),
		if (!isnan(r)) { s->count[group_of(group, i)]++; vector_moments_add(&s->moments, group_of(group, i), r, 1, &g->held); });
	return 0;
}

/* Rows of which both arguments are numbers. */
static int
add_regression(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	const struct input *by = &g->input[s->by];
	double *y = vector_array(w, 8);
	unsigned char *there = vector_array(w, 1);

	for (size_t k = 0; k < in->rows.n; k++)
		there[vector_row(in->rows, k)] = 0;
	EACH_NUMBER(w, in, 0, err, y[i] = (double)x; there[i] = 1, y[i] = r; there[i] = !isnan(r));
	EACH_NUMBER(w, by, 0, err,
		if (there[i]) { s->count[group_of(group, i)]++; vector_regression_add(&s->regression, group_of(group, i), (double)x, y[i], 1); },
		if (there[i] && !isnan(r)) { s->count[group_of(group, i)]++; vector_regression_add(&s->regression, group_of(group, i), r, y[i], 1); });
	return 0;
}

static int
add_logarithms(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	vector_sums_room(&s->sums, s->cap, 0, 1, &g->held);
	EACH_NUMBER(w, in, 0, err,
		s->count[group_of(group, i)]++; vector_sums_add_real(&s->sums, group_of(group, i), log((double)x)),
		if (!isnan(r)) { s->count[group_of(group, i)]++; vector_sums_add_real(&s->sums, group_of(group, i), log(r)); });
	return 0;
}

static int
count_true(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	(void)g;
	EACH_NUMBER(w, in, 1, err, s->count[group_of(group, i)] += x != 0, s->count[group_of(group, i)] += r != 0);
	return 0;
}

static inline void
list_real(struct vector_states *g, struct vector_list *l, double x)
{
	if (isnan(x))
		return;
	l->real = 1;
	vector_list_real(g->pieces, l, x);
}

static int
add_list(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	EACH_NUMBER(w, in, 0, err, vector_list_integer(g->pieces, &s->list[group_of(group, i)], x), list_real(g, &s->list[group_of(group, i)], r));
	return 0;
}

static void
set_best(struct vector_states *g, struct best *b, const struct cell *c)
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

/* Told by doubles, so that of an integer that is none it is not known. */
static inline int
is_worse(double x, const struct cell *best, int sign)
{
	double least = best->type == CELL_REAL ? best->real : (double)best->integer;

	return (best->type == CELL_REAL || best->type == CELL_INTEGER) && (sign > 0 ? x < least : x > least);
}

/* The best are kept as cells, whatever was known of them. */
static void
keep_cells(struct vector_states *g, struct state *s)
{
	if (!s->best)
		s->best = more(g, NULL, 0, s->cap, sizeof(*s->best));
	for (size_t i = 0; s->code && i < s->cap; i++)
		if (s->code[i])
			set_best(g, &s->best[i], &s->values[s->code[i]]);
	for (size_t i = 0; s->number && i < s->cap; i++) {
		const struct column c = { .form = s->form.form, .whole = s->form.whole, .integer = &s->number[i].integer, .real = &s->number[i].real };

		s->best[i].value = s->there[i] ? vector_column_cell(&c, 0, NULL) : cell_null();
	}
	free(s->code);
	s->code = NULL, s->values = NULL;
	if (s->number) {
		s->instant |= s->form.instant;
		g->held -= s->cap * (sizeof(*s->number) + 1);
		free(s->number), free(s->there);
		s->number = NULL, s->there = NULL;
	}
}

/* As codes, as long as all are of the same values. 0: they are not. */
static int
keep_codes(struct vector_states *g, struct state *s, const struct cell *values, uint32_t n)
{
	if (s->best || s->number || (s->code && s->values != values))
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

/* As numbers, as long as all are of one form. 0: they are not. */
static int
keep_numbers(struct vector_states *g, struct state *s, const struct column *form)
{
	if ((form->form != COLUMN_INTEGER && form->form != COLUMN_REAL) || form->point || s->best || s->code)
		return 0;
	if (!s->number) {
		s->form = (struct column){ .form = form->form, .whole = form->whole, .instant = form->instant };
		s->number = more(g, NULL, 0, s->cap, sizeof(*s->number));
		s->there = more(g, NULL, 0, s->cap, 1);
	}
	return s->form.form == form->form && s->form.whole == form->whole && s->form.instant == form->instant;
}

static inline void
take_number(struct state *s, size_t group, union number x)
{
	union number *best = &s->number[group];
	int better;

	if (s->form.form == COLUMN_INTEGER)
		better = s->sign > 0 ? x.integer > best->integer : x.integer < best->integer;
	else
		better = (s->sign > 0 ? x.real > best->real : x.real < best->real) || (x.real == best->real && signbit(best->real));   /* 0.0 stands for -0.0 too */
	if (better || !s->there[group])
		*best = x;
	s->there[group] = 1;
}

static void
add_numbers(struct state *s, const struct column *c, struct vector_rows rows, const uint32_t *group)
{
	const union number *number = c->form == COLUMN_INTEGER ? (const void *)c->integer : (const void *)c->real;

	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		if (vector_valid(c->valid, i))
			take_number(s, group_of(group, i), number[i]);
	}
}

static int
add_best(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	const struct column *c = &in->column;

	(void)err;
	if (c->form == COLUMN_NULL)
		return 0;
	if (keep_numbers(g, s, c)) {
		add_numbers(s, c, in->rows, group);
		return 0;
	}
	if (c->form == COLUMN_CODES && c->unique && keep_codes(g, s, c->value, c->n_values)) {
		for (size_t k = 0; k < in->rows.n; k++) {
			size_t i = vector_row(in->rows, k);

			take_code(s, group_of(group, i), c->code[i]);
		}
		return 0;
	}
	keep_cells(g, s);
	s->instant |= c->form == COLUMN_INTEGER && c->instant;
	for (size_t k = 0; k < in->rows.n; k++) {
		size_t i = vector_row(in->rows, k);
		struct best *best = &s->best[group_of(group, i)];
		struct cell v;

		if (c->form == COLUMN_REAL && is_worse(c->real[i], &best->value, s->sign))
			continue;       /* nearly all */
		v = raw_cell(w, c, i);
		if (v.type != CELL_NULL && beats(&v, &best->value, s->sign))
			set_best(g, best, &v);
	}
	return 0;
}

/* Is a row with this key (NULL: there are none) and place to be taken rather than the one that was? */
static int
takes(const struct state *s, size_t to, const struct cell *key, const struct vector_place *place)
{
	int order = 0;

	if (!s->there[to])
		return 1;
	if (key && (order = vector_compare(key, &s->best_by[to].value) * s->sign))
		return order > 0;
	order = vector_place_order(place, &s->place[to]);
	return s->of->of == AGGREGATE_LAST || s->of->of == AGGREGATE_ORDERED_LAST ? order > 0 : order < 0;
}

static void
take(struct vector_states *g, struct state *s, size_t to, const struct cell *value, const struct cell *key, const struct vector_place *place)
{
	if (key)
		set_best(g, &s->best_by[to], key);
	set_best(g, &s->best[to], value);
	s->place[to] = *place;
	s->there[to] = 1;
}

/* One row of each group: the first, the last, or that beside the least or greatest key. */
static int
add_pick(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	const struct input *by = s->by >= 0 ? &g->input[s->by] : NULL;
	int nulls = s->of->of != AGGREGATE_ARG_MIN && s->of->of != AGGREGATE_ARG_MAX && s->of->of != AGGREGATE_ANY;     /* they count as well */
	int backwards = s->of->of == AGGREGATE_LAST;            /* then most rows come before one that was taken */

	(void)err;
	s->instant |= in->column.form == COLUMN_INTEGER && in->column.instant;
	for (size_t n = 0; n < in->rows.n; n++) {
		size_t i = vector_row(in->rows, backwards ? in->rows.n - 1 - n : n), to = group_of(group, i);
		struct vector_place place;
		struct cell key, value;

		if (!by && w->times && s->there[to] && (backwards ? w->times[i] < s->place[to].time : w->times[i] > s->place[to].time))
			continue;       /* nearly all */
		place = vector_place_of(w, i);
		if (by) {
			key = raw_cell(w, &by->column, i);
			if (key.type == CELL_NULL && !nulls)
				continue;
		}
		if (!takes(s, to, by ? &key : NULL, &place))
			continue;
		value = raw_cell(w, &in->column, i);
		if (value.type != CELL_NULL || nulls)
			take(g, s, to, &value, by ? &key : NULL, &place);
	}
	return 0;
}

/* ---- bits */

static int
add_truths(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	(void)g;
	EACH_NUMBER(w, in, 1, err,
		s->count[group_of(group, i)]++; s->bits[group_of(group, i)] += x != 0,
		s->count[group_of(group, i)]++; s->bits[group_of(group, i)] += r != 0);
	return 0;
}

static inline void
join_bits(struct state *s, size_t to, int64_t bits, int64_t count)
{
	if (!s->count[to])
		s->bits[to] = bits;
	else if (s->of->of == AGGREGATE_BIT_OR)
		s->bits[to] |= bits;
	else if (s->of->of == AGGREGATE_BIT_AND)
		s->bits[to] &= bits;
	else if (s->of->of == AGGREGATE_BIT_XOR)
		s->bits[to] ^= bits;
	else
		s->bits[to] += bits;
	s->count[to] += count;
}

static int
add_bits(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	(void)g;
	EACH_NUMBER(w, in, 0, err, join_bits(s, group_of(group, i), x, 1), join_bits(s, group_of(group, i), (int64_t)r, 1));     /* integers all: the planner saw to it */
	return 0;
}

static int
add_tally(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	(void)err;
	vector_tally_add(s->tally, w, &in->column, in->rows, group, g->n_groups);
	return 0;
}

static int
add_gather(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	(void)err;
	vector_gather_add(s->gather, w, &in->column, s->by >= 0 ? &g->input[s->by].column : NULL, in->rows, group);
	return 0;
}

/* ---- sketches */

static inline void
digest_add(struct vector_states *g, struct quantile **to, double x)
{
	if (!*to)
		*to = quantile_new();
	g->held -= quantile_held(*to);
	quantile_add(*to, x);
	g->held += quantile_held(*to);
}

static int
add_digest(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	EACH_NUMBER(w, in, 0, err, digest_add(g, &s->digest[group_of(group, i)], (double)x), digest_add(g, &s->digest[group_of(group, i)], r));
	return 0;
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

static int
add_sketch(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	const struct column *c = &in->column;
	uint64_t *hash = NULL;
	unsigned char *done = NULL;

	(void)err;
	if (c->form == COLUMN_NULL)
		return 0;
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
	return 0;
}

static int
add_set(struct vector_states *g, struct state *s, struct vector_worker *w, const struct input *in, const uint32_t *group, struct err *err)
{
	struct vector_rows rows = in->rows;
	uint32_t *id = vector_array(w, 4), n;

	(void)err;
	if (g->part.n > 1)
		rows = vector_ids_part(w, &g->part, &in->column, 1, rows);
	vector_ids_map(&s->ids, w, &in->column, rows, id);
	n = s->ids.n;
	for (size_t k = 0; !s->whole && k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		if (id[i])
			vector_set_add(&s->set[group_of(group, i)], id[i], n, &g->held);
	}
	return 0;
}

int
vector_states_read(struct vector_states *g, struct vector_worker *w, struct vector_rows rows, struct err *err)
{
	struct column column;

	g->all.rows = rows;
	w->times = w->numbers = NULL;
	if (g->ordered && g->plan->placed) {
		if (vector_field(w, g->plan->place_time, &column, err) < 0)
			return err->code;
		w->times = column.integer;
		if (vector_field(w, g->plan->place_seq, &column, err) < 0)
			return err->code;
		w->numbers = column.integer;
	}
	for (int i = 0; i < g->n_inputs; i++) {
		struct input *in = &g->input[i];

		in->rows = rows;
		if ((in->filter && vector_filter(w, in->filter, rows, 1, &in->rows, err) < 0) ||
		    (in->arg && vector_eval(w, in->arg, in->rows, &in->column, err) < 0))
			return err->code;
	}
	return 0;
}

int
vector_states_add(struct vector_states *g, struct vector_worker *w, const uint32_t *group, uint32_t n_groups, struct err *err)
{
	g->n_groups = n_groups;
	for (int i = 0; i < g->plan->n_aggregates; i++) {
		struct state *s = &g->state[i];

		if (s->same_as != i)
			continue;
		room(g, s, n_groups);
		if (g->part.at && !s->of->distinct)
			continue;
		if ((s->of->distinct ? add_set : s->tally ? add_tally : s->kind->add)(g, s, w, s->input >= 0 ? &g->input[s->input] : &g->all, group, err) < 0)
			return err->code;
	}
	return 0;
}

void
vector_states_count(struct vector_states *g, const uint32_t *group, const int64_t *rows, size_t n, uint32_t n_groups)
{
	for (int k = 0; k < g->plan->n_aggregates; k++)
		if (g->state[k].same_as == k) {
			room(g, &g->state[k], n_groups);
			for (size_t i = 0; i < n; i++)
				g->state[k].count[group[i]] += rows[i];
		}
}

/* ---- merging */

struct remap { struct vector_set *to; const uint32_t *id; uint32_t n; size_t *held; };

static void
add_remapped(void *self, uint32_t id)
{
	const struct remap *r = self;

	vector_set_add(r->to, r->id[id], r->n, r->held);
}

/* The values of the one group, which need no numbers in common where they are not those of another table. */
static void
merge_whole(struct state *s, const struct state *from)
{
	if (!s->ids.used && !from->ids.used) {
		s->other = mem_grow(s->other, (size_t)s->n_others + 1, sizeof(*s->other));
		s->other[s->n_others++] = &from->ids;
		return;
	}
	while (s->n_others)
		free(vector_ids_merge(&s->ids, s->other[--s->n_others]));
	free(vector_ids_merge(&s->ids, &from->ids));
}

static int64_t
count_whole(const struct state *s)
{
	const struct vector_ids **all = mem_new(((size_t)s->n_others + 1) * sizeof(*all));
	int64_t many = 0;

	for (uint32_t i = 1; i < s->ids.n; i++)
		many += vector_ids_has(&s->ids, i);
	all[0] = &s->ids;
	for (int k = 0; k < s->n_others; k++) {
		all[k + 1] = s->other[k];
		many += (int64_t)vector_ids_different(all, k + 2);
	}
	free(all);
	return many;
}

static void
merge(struct vector_states *g, struct state *s, struct state *from, const uint32_t *group, uint32_t n, uint32_t n_groups)
{
	unsigned what = kept_by(s->of);
	uint32_t *id;

	if (s->whole) {
		merge_whole(s, from);
		return;
	}
	id = what & SET ? vector_ids_merge(&s->ids, &from->ids) : NULL;
	s->instant |= from->instant;
	room(g, s, n_groups);
	if (what & TALLY)
		vector_tally_merge(s->tally, from->tally, group, n_groups);
	if (what & GATHER) {
		vector_gather_merge(s->gather, from->gather, group);
		from->gather = NULL;
	}
	if (what & SUMS)
		vector_sums_room(&s->sums, s->cap, from->sums.whole != NULL, from->sums.fixed != NULL, &g->held);
	if (what & MOMENTS) {
		vector_moments_room(&s->moments, s->cap, from->moments.sums.fixed != NULL, &g->held);
		vector_sums_room(&s->moments.large, s->cap, 0, from->moments.large.fixed != NULL, &g->held);
		vector_sums_room(&s->moments.large_squares, s->cap, 0, from->moments.large.fixed != NULL, &g->held);
	}
	if (what & REGRESSION)
		vector_regression_room(&s->regression, s->cap, &g->held);
	if (what & BEST && !(what & PLACE) && from->code && keep_codes(g, s, from->values, from->n_values)) {
		for (uint32_t i = 0; i < n && i < from->cap; i++)
			take_code(s, group ? group[i] : i, from->code[i]);
		return;
	}
	if (what & BEST && !(what & PLACE) && from->number && keep_numbers(g, s, &from->form)) {
		for (uint32_t i = 0; i < n && i < from->cap; i++)
			if (from->there[i])
				take_number(s, group ? group[i] : i, from->number[i]);
		return;
	}
	if (what & BEST && !(what & PLACE)) {
		if (!from->code && !from->number && !from->best)        /* it had no value */
			return;
		keep_cells(g, from), keep_cells(g, s);
		s->instant |= from->instant;
	}
	for (uint32_t i = 0; i < n && i < from->cap; i++) {
		uint32_t to = group ? group[i] : i;

		if (what & BITS && from->count[i])
			join_bits(s, to, from->bits[i], from->count[i]);
		else if (what & COUNTS)
			s->count[to] += from->count[i];
		if (what & SUMS)
			vector_sums_merge(&s->sums, to, &from->sums, i);
		if (what & REGRESSION)
			vector_regression_merge(&s->regression, to, &from->regression, i);
		if (what & MOMENTS)
			vector_moments_merge(&s->moments, to, &from->moments, i);
		if (what & PLACE) {
			struct cell *key = what & BEST_BY ? &from->best_by[i].value : NULL;

			if (from->there[i] && takes(s, to, key, &from->place[i]))
				take(g, s, to, &from->best[i].value, key, &from->place[i]);
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
		if (what & DIGEST && from->digest[i]) {
			if (!s->digest[to])
				s->digest[to] = quantile_new();
			quantile_merge(s->digest[to], from->digest[i]);
		}
		if (what & SET) {
			struct remap r = { &s->set[to], id, s->ids.n, &g->held };

			vector_set_each(&from->set[i], add_remapped, &r);
		}
	}
	free(id);
}

int
vector_states_merge(struct vector_states *g, struct vector_states *from, const uint32_t *group, uint32_t n, uint32_t n_groups, size_t room_left)
{
	int over = 0;

	for (int i = 0; i < g->plan->n_aggregates && !over; i++)
		if (g->state[i].same_as == i) {
			g->state[i].ids.room = room_left;
			merge(g, &g->state[i], &from->state[i], group, n, n_groups);
			over = g->state[i].ids.over;
		}
	return over ? -1 : 0;
}

/* ---- what comes out */

static int
give_count(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	(void)to, (void)s, (void)err;
	*out = cell_integer(kept->count[group]);
	return 0;
}

static int
give_moments(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	enum vector_aggregate_of of = s->of->of;
	double x = vector_moments_get(&kept->moments, group, kept->count[group], of == AGGREGATE_STDDEV_POP || of == AGGREGATE_VAR_POP,
	    of != AGGREGATE_VAR_POP && of != AGGREGATE_VAR_SAMP);

	(void)to, (void)err;
	if (!isnan(x))
		*out = cell_real(of == AGGREGATE_SEM ? x / sqrt((double)kept->count[group]) : x);
	return 0;
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

static int
give_sum(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	(void)to;
	return sum_cell(s, &kept->sums, group, kept->count[group], out, err);
}

static int
give_regression(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	double x = vector_regression_get(&kept->regression, group, kept->count[group], s->of->of);

	(void)to, (void)err;
	if (!isnan(x))
		*out = s->of->of == AGGREGATE_REGR_COUNT ? cell_integer(kept->count[group]) : cell_real(x);
	return 0;
}

static int
give_geomean(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	double sum = 0;

	(void)to, (void)s, (void)err;
	if (!kept->count[group])
		return 0;
	vector_sums_get(&kept->sums, group, &sum, NULL);
	if (!isnan(sum))
		*out = cell_real(exp(sum / (double)kept->count[group]));
	return 0;
}

/* SUM and so on of the different values; COUNT is given as a whole column. */
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
give_distinct(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	struct distinct_sum d = { .w = to->w, .ids = &kept->ids, .err = err };
	size_t held = 0;

	vector_sums_room(&d.sums, 1, 1, 1, &held);
	vector_set_each(&kept->set[group], sum_one, &d);
	if (!err->code)
		sum_cell(s, &d.sums, group = 0, d.count, out, err);
	vector_sums_release(&d.sums);
	return err->code;
}

/* Quantiles are most of the work at the end: several threads take groups, and each gives its chooser's answers. */
struct quantiles { struct vector_states *g; uint32_t next, n; };

static struct cell
quantile_cell(const struct vector_states *g, const struct state *s, uint32_t group, struct vector_chooser *chooser)
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
share_quantiles(struct vector_states *g, uint32_t n_groups, int threads)
{
	struct quantiles q = { .g = g, .n = n_groups };
	int64_t numbers = 0;

	for (int i = 0; i < g->plan->n_aggregates; i++)
		for (uint32_t k = 0; g->state[i].list && k < q.n; k++)
			numbers += g->state[i].list[k].n;
	if (threads < 2 || numbers < ALONE || q.n < 2)
		return;
	for (int i = 0; i < g->plan->n_aggregates; i++)
		if (kept_by(g->state[i].of) == LIST && !g->state[i].of->n_shares)
			g->state[i].answer = mem_grow(NULL, q.n, sizeof(struct cell));
	vector_share(threads, find_quantiles, &q);
}

static int
give_quantile(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	(void)kept, (void)err;
	*out = s->answer ? s->answer[group] : quantile_cell(to->all, s, group, &to->chooser);
	return 0;
}

static int
give_quantiles(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	const struct vector_list *list = &kept->list[group];

	(void)err;
	if (!list->n)
		return 0;
	buf_clear(&to->out);
	for (int i = 0; i < s->of->n_shares; i++) {
		struct cell one = vector_list_quantile(&to->chooser, list, s->of->shares[i], s->of->of == AGGREGATE_QUANTILES_DISC);

		buf_byte(&to->out, i ? ',' : '[');
		cell_put_json(&to->out, &one);
	}
	buf_byte(&to->out, ']');
	*out = cell_text(buf_get(&to->out));
	return 0;
}

static int
give_best(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	(void)s, (void)err;
	*out = kept->code ? kept->values[kept->code[group]] : kept->best ? kept->best[group].value : cell_null();
	if (kept->instant && out->type == CELL_INTEGER) {
		time_print(out->integer, to->text);
		*out = cell_text((struct str){ to->text, TIME_LEN });
	}
	return 0;
}

static int
give_distinct_about(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	(void)to, (void)s, (void)err;
	*out = cell_integer(kept->sketch[group] ? (int64_t)distinct_get(kept->sketch[group]) : 0);
	return 0;
}

static int
give_quantile_about(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	double x = kept->digest[group] ? quantile_get(kept->digest[group], s->of->share) : NAN;

	(void)to, (void)err;
	if (!isnan(x))
		*out = cell_real(x);
	return 0;
}

static int
give_bits(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	int64_t bits = kept->bits[group];

	(void)to, (void)err;
	if (kept->count[group])
		*out = cell_integer(s->of->of == AGGREGATE_BOOL_OR ? bits > 0 : s->of->of == AGGREGATE_BOOL_AND ? bits == kept->count[group] : bits);
	return 0;
}

/* Instants as their texts. */
static void
as_times(struct functions_count *item, size_t n, struct arena *arena)
{
	for (size_t i = 0; i < n; i++)
		if (item[i].value.type == CELL_INTEGER) {
			char *text = arena_get(arena, TIME_LEN);

			time_print(item[i].value.integer, text);
			item[i].value = cell_text((struct str){ text, TIME_LEN });
		}
}

/* The values of a group in to->item; their number. */
static size_t
values_of(struct giving *to, const struct state *kept, uint32_t group, int nulls)
{
	size_t n = vector_tally_most(kept->tally, group);

	if (n > to->cap)
		to->item = mem_grow(to->item, to->cap = 2 * n, sizeof(*to->item));
	n = vector_tally_get(kept->tally, group, nulls, to->item);
	if (vector_tally_instant(kept->tally))
		as_times(to->item, n, to->w->arena);
	return n;
}

/* Those that did not come before, in other words: 1 and 1.0, or 1 and '1'. */
static size_t
first_ones(struct functions_count *item, size_t n, enum functions_once once)
{
	struct map seen = {0};
	struct buf key = {0};
	size_t kept = 0, reals = 0;
	int is_new;

	for (size_t i = 0; i < n; i++)
		reals += item[i].value.type == CELL_REAL;
	if (once == ONCE_VALUE && !reals)
		return n;
	for (size_t i = 0; i < n; i++) {
		buf_clear(&key);
		functions_put_once(&key, &item[i].value, once);
		map_put(&seen, buf_get(&key), &is_new);
		if (is_new)
			item[kept++] = item[i];
	}
	map_release(&seen);
	buf_release(&key);
	return kept;
}

static int
by_value(const void *a, const void *b)
{
	return vector_compare(&((const struct functions_count *)a)->value, &((const struct functions_count *)b)->value);
}

static int
give_once(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	const struct vector_aggregate *a = s->of;
	int list = a->of == AGGREGATE_LIST;
	size_t n = values_of(to, kept, group, list && a->once != ONCE_TEXT);

	n = first_ones(to->item, n, (enum functions_once)a->once);
	if (!n)
		return 0;
	if (a->by && n > 1)
		qsort(to->item, n, sizeof(*to->item), by_value);
	buf_clear(&to->out);
	for (size_t i = 0; i < n; i++)
		vector_gather_put(&to->out, a, &to->item[a->by && a->descending ? n - 1 - i : i].value, i == 0);
	if (list)
		buf_byte(&to->out, ']');
	*out = cell_text(to->out.n ? buf_get(&to->out) : STR(""));
	return to->out.n > VECTOR_TEXT_MOST ? err_set(err, ERR_LIMIT, "a %s of more than 500 MiB", list ? "list" : "text") : 0;
}

static int
give_counted(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	size_t n = values_of(to, kept, group, 0);

	(void)err;
	buf_clear(&to->out);
	if (s->of->of == AGGREGATE_MODE)
		*out = functions_mode(to->item, n);
	else if (s->of->of == AGGREGATE_ENTROPY)
		*out = cell_real(functions_entropy(to->item, n));
	else if (s->of->of == AGGREGATE_TOPK)
		functions_topk(to->item, n, (int64_t)s->of->share, &to->out);
	else if (n)
		functions_histogram(to->item, n, &to->out);
	if (to->out.n)
		*out = cell_text(buf_get(&to->out));
	return 0;
}

static int
give_gathered(struct giving *to, const struct state *s, struct state *kept, uint32_t group, struct cell *out, struct err *err)
{
	int rc = vector_gather_get(kept->gather, s->of, group, &to->out, err);

	if (rc > 0)
		*out = cell_text(to->out.n ? buf_get(&to->out) : STR(""));
	return rc < 0 ? rc : 0;
}

static const struct kind kinds[] = {
	[AGGREGATE_ROWS] = { "count(*)", COUNTS, 0, 0, add_rows, give_count },
	[AGGREGATE_COUNT] = { "count", COUNTS, 0, 0, count_values, give_count },
	[AGGREGATE_SUM] = { "sum", COUNTS | SUMS, 0, 0, add_sums, give_sum },
	[AGGREGATE_TOTAL] = { "total", COUNTS | SUMS, 0, 0, add_sums, give_sum },
	[AGGREGATE_AVG] = { "avg", COUNTS | SUMS, 0, 0, add_sums, give_sum },
	[AGGREGATE_MIN] = { "min", BEST, -1, DOUBLES, add_best, give_best },
	[AGGREGATE_MAX] = { "max", BEST, 1, DOUBLES, add_best, give_best },
	[AGGREGATE_COUNT_IF] = { "count_if", COUNTS, 0, 0, count_true, give_count },
	[AGGREGATE_STDDEV_SAMP] = { "stddev_samp", COUNTS | MOMENTS, 0, 0, add_moments, give_moments },
	[AGGREGATE_STDDEV_POP] = { "stddev_pop", COUNTS | MOMENTS, 0, 0, add_moments, give_moments },
	[AGGREGATE_VAR_SAMP] = { "var_samp", COUNTS | MOMENTS, 0, 0, add_moments, give_moments },
	[AGGREGATE_VAR_POP] = { "var_pop", COUNTS | MOMENTS, 0, 0, add_moments, give_moments },
	[AGGREGATE_SEM] = { "sem", COUNTS | MOMENTS, 0, 0, add_moments, give_moments },
	[AGGREGATE_GEOMEAN] = { "geomean", COUNTS | SUMS, 0, 0, add_logarithms, give_geomean },
	[AGGREGATE_CORR] = { "corr", COUNTS | REGRESSION, 0, 0, add_regression, give_regression },
	[AGGREGATE_COVAR_POP] = { "covar_pop", COUNTS | REGRESSION, 0, 0, add_regression, give_regression },
	[AGGREGATE_COVAR_SAMP] = { "covar_samp", COUNTS | REGRESSION, 0, 0, add_regression, give_regression },
	[AGGREGATE_REGR_SLOPE] = { "regr_slope", COUNTS | REGRESSION, 0, 0, add_regression, give_regression },
	[AGGREGATE_REGR_INTERCEPT] = { "regr_intercept", COUNTS | REGRESSION, 0, 0, add_regression, give_regression },
	[AGGREGATE_REGR_R2] = { "regr_r2", COUNTS | REGRESSION, 0, 0, add_regression, give_regression },
	[AGGREGATE_REGR_COUNT] = { "regr_count", COUNTS | REGRESSION, 0, 0, add_regression, give_regression },
	[AGGREGATE_REGR_AVGX] = { "regr_avgx", COUNTS | REGRESSION, 0, 0, add_regression, give_regression },
	[AGGREGATE_REGR_AVGY] = { "regr_avgy", COUNTS | REGRESSION, 0, 0, add_regression, give_regression },
	[AGGREGATE_REGR_SXX] = { "regr_sxx", COUNTS | REGRESSION, 0, 0, add_regression, give_regression },
	[AGGREGATE_REGR_SYY] = { "regr_syy", COUNTS | REGRESSION, 0, 0, add_regression, give_regression },
	[AGGREGATE_REGR_SXY] = { "regr_sxy", COUNTS | REGRESSION, 0, 0, add_regression, give_regression },
	[AGGREGATE_QUANTILE_CONT] = { "quantile_cont", LIST, 0, 0, add_list, give_quantile },
	[AGGREGATE_QUANTILE_DISC] = { "quantile_disc", LIST, 0, 0, add_list, give_quantile },
	[AGGREGATE_QUANTILES_CONT] = { "quantiles", LIST, 0, 0, add_list, give_quantiles },
	[AGGREGATE_QUANTILES_DISC] = { "quantiles_disc", LIST, 0, 0, add_list, give_quantiles },
	[AGGREGATE_APPROX_QUANTILE] = { "approx_quantile", DIGEST, 0, 0, add_digest, give_quantile_about },
	[AGGREGATE_APPROX_DISTINCT] = { "approx_count_distinct", SKETCH, 0, DOUBLES, add_sketch, give_distinct_about },
	[AGGREGATE_ARG_MIN] = { "arg_min", BEST | BEST_BY | PLACE, -1, ORDERED, add_pick, give_best },
	[AGGREGATE_ARG_MAX] = { "arg_max", BEST | BEST_BY | PLACE, 1, ORDERED, add_pick, give_best },
	[AGGREGATE_FIRST] = { "first", BEST | PLACE, 0, ORDERED, add_pick, give_best },
	[AGGREGATE_LAST] = { "last", BEST | PLACE, 0, ORDERED, add_pick, give_best },
	[AGGREGATE_ANY] = { "any_value", BEST | PLACE, 0, ORDERED, add_pick, give_best },
	[AGGREGATE_ORDERED_FIRST] = { "first", BEST | BEST_BY | PLACE, -1, ORDERED, add_pick, give_best },
	[AGGREGATE_ORDERED_LAST] = { "last", BEST | BEST_BY | PLACE, 1, ORDERED, add_pick, give_best },
	[AGGREGATE_BOOL_OR] = { "bool_or", COUNTS | BITS, 0, DOUBLES, add_truths, give_bits },
	[AGGREGATE_BOOL_AND] = { "bool_and", COUNTS | BITS, 0, DOUBLES, add_truths, give_bits },
	[AGGREGATE_BIT_OR] = { "bit_or", COUNTS | BITS, 0, DOUBLES, add_bits, give_bits },
	[AGGREGATE_BIT_AND] = { "bit_and", COUNTS | BITS, 0, DOUBLES, add_bits, give_bits },
	[AGGREGATE_BIT_XOR] = { "bit_xor", COUNTS | BITS, 0, 0, add_bits, give_bits },
	[AGGREGATE_MODE] = { "mode", TALLY, 0, ORDERED, add_tally, give_counted },
	[AGGREGATE_TOPK] = { "topk", TALLY, 0, 0, add_tally, give_counted },
	[AGGREGATE_HISTOGRAM] = { "histogram", TALLY, 0, 0, add_tally, give_counted },
	[AGGREGATE_TEXT] = { "string_agg", GATHER, 0, ORDERED, add_gather, give_gathered },
	[AGGREGATE_LIST] = { "array_agg", GATHER, 0, ORDERED, add_gather, give_gathered },
	[AGGREGATE_ENTROPY] = { "entropy", TALLY, 0, 0, add_tally, give_counted },
};

const char *
vector_aggregate_name(enum vector_aggregate_of of)
{
	return kinds[of].name;
}

int
vector_aggregate_is_ordered(enum vector_aggregate_of of)
{
	return (kinds[of].is & ORDERED) != 0;
}

int
vector_aggregate_ignores_doubles(const struct vector_aggregate *a)
{
	return a->distinct || kinds[a->of].is & DOUBLES;
}

/* Numbers that are counts are a column already. */
static int
is_count(const struct vector_aggregate *of)
{
	return kinds[of->of].give == give_count;
}

static int64_t
counted(const struct state *s, const struct state *kept, uint32_t group)
{
	return kept->whole ? kept->different : s->of->distinct ? (int64_t)kept->set[group].n : kept->count[group];
}

/* Texts and lists, of which hardly two are the same: none is looked for among the others. */
static int
put_texts(struct vector_states *g, const struct state *s, struct state *kept, struct vector_worker *w, const uint32_t *order, uint32_t n, struct vector_held *to,
    struct err *err)
{
	struct giving giving = { .all = g, .w = w };
	struct cell *value = mem_grow(NULL, (size_t)n + 1, sizeof(*value));
	uint32_t *code = mem_grow(NULL, (size_t)n + 1, sizeof(*code)), n_values = 1;
	struct arena *texts = arena_new(0);

	value[0] = cell_null();
	for (uint32_t i = 0; i < n && !err->code; i++) {
		struct cell c = cell_null();

		code[i] = 0;
		if (s->kind->give(&giving, s, kept, order[i], &c, err) == 0 && c.type == CELL_TEXT) {
			value[n_values] = cell_text((struct str){ arena_dup(texts, c.text.p, c.text.n), c.text.n });
			code[i] = n_values++;
		}
		if ((i & 255) == 255)
			query_stopped(w->q, err);
	}
	buf_release(&giving.out);
	*to = (struct vector_held){ { .form = COLUMN_CODES, .code = code, .value = value, .n_values = n_values }, vector_memory_new(code, ((size_t)n + 1) * sizeof(*code), NULL),
		NULL, vector_memory_new(value, n_values * sizeof(*value), texts) };
	return err->code;
}

static void
give_numbers(const struct state *kept, const uint32_t *order, uint32_t n, struct vector_held *to)
{
	union number *number = mem_grow(NULL, (size_t)n + 1, sizeof(*number));
	uint64_t *valid = mem_new(((size_t)n / 64 + 1) * sizeof(*valid));
	int gaps = 0;

	for (uint32_t i = 0; i < n; i++) {
		number[i] = kept->number[order[i]];
		valid[i / 64] |= (uint64_t)kept->there[order[i]] << (i % 64);
		gaps |= !kept->there[order[i]];
	}
	*to = (struct vector_held){ kept->form, vector_memory_new(number, ((size_t)n + 1) * sizeof(*number), NULL), vector_memory_new(valid, ((size_t)n / 64 + 1) * sizeof(*valid), NULL), NULL };
	to->column.valid = gaps ? valid : NULL;
	to->column.integer = &number->integer;
	to->column.real = &number->real;
}

static int
put_column(struct vector_states *g, int aggregate, struct vector_worker *w, uint32_t n_groups, const uint32_t *order, uint32_t n, struct vector_held *to, struct err *err)
{
	const struct vector_piece_of all = { 0, 0, n };
	struct giving giving = { .all = g, .w = w };
	const struct state *s = &g->state[aggregate];
	struct state *kept = &g->state[s->same_as];
	kind_give *give = s->of->distinct ? give_distinct : is_of_values(s->of) ? give_once : s->kind->give;
	struct vector_builder b;

	if (kept->code) {
		uint32_t *code = mem_grow(NULL, (size_t)n + 1, sizeof(*code));

		for (uint32_t i = 0; i < n; i++)
			code[i] = kept->code[order[i]];
		*to = (struct vector_held){ { .form = COLUMN_CODES, .code = code, .value = kept->values, .n_values = kept->n_values, .unique = 1 },
			vector_memory_new(code, ((size_t)n + 1) * sizeof(*code), NULL), NULL, vector_memory_hold(vector_table_values(w->input, kept->values)) };
		return 0;
	}
	if (kept->number) {
		give_numbers(kept, order, n, to);
		return 0;
	}
	if (is_count(s->of)) {
		int64_t *number = mem_grow(NULL, (size_t)n + 1, sizeof(*number));

		for (uint32_t i = 0; i < n; i++)
			number[i] = counted(s, kept, order[i]);
		*to = (struct vector_held){ { .form = COLUMN_INTEGER, .integer = number },
			vector_memory_new(number, ((size_t)n + 1) * sizeof(*number), NULL), NULL, NULL };
		return 0;
	}
	if (kept->tally)
		vector_tally_end(kept->tally, n_groups);
	if (kept->gather)
		return vector_gather_end(kept->gather, w->input, n_groups, err) < 0 ? err->code : put_texts(g, s, kept, w, order, n, to, err);
	vector_builder_init(&b);
	for (uint32_t i = 0; i < n && !err->code; i++) {
		struct cell c = cell_null();

		if (give(&giving, s, kept, order[i], &c, err) == 0)
			vector_builder_put(&b, &c);
		if ((i & 255) == 255)
			query_stopped(w->q, err);
	}
	vector_chooser_release(&giving.chooser);
	buf_release(&giving.out);
	free(giving.item);
	if (!err->code)
		vector_builder_end(&(struct vector_builder *){ &b }, 1, &all, 1, w->input, to);
	vector_builder_release(&b);
	return err->code;
}

int
vector_states_end(struct vector_states *g, struct vector_worker *w, int threads, uint32_t n_groups, const uint32_t *order, uint32_t n, struct vector_held *column,
    struct err *err)
{
	for (int i = 0; i < g->plan->n_aggregates; i++)
		if (g->state[i].same_as == i) {
			room(g, &g->state[i], n_groups);
			if (g->state[i].whole)
				g->state[i].different = count_whole(&g->state[i]);
		}
	share_quantiles(g, n_groups, threads);
	for (int k = 0; k < g->plan->n_aggregates && !err->code; k++)
		put_column(g, k, w, n_groups, order, n, &column[k], err);
	return err->code;
}
