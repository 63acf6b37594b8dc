/* vector_call.c - functions over columns of numbers and of times, in loops.
 *
 * Each gives what SQL's function of that name gives (functions_*.c, SQLite's own) of what it takes: numbers; instants, and texts that are
 * times as a whole. Of anything else (0 here) SQL is asked, value by value. One line in `calls` adds another.
 */
#include <math.h>

#include "query/functions_priv.h"
#include "query/query_priv.h"
#include "query/vector_priv.h"

#define ARGS_MOST 3

struct call {
	struct vector_worker *w;
	const struct vector_expr *expr;
	struct vector_rows rows;
	struct column arg[ARGS_MOST], *out;
};

/* An argument, of row i: at [i * step], where it is valid. */
struct numbers { const double *x; size_t step; const uint64_t *valid; };
struct times { const int64_t *ms; size_t step; const uint64_t *valid; enum functions_form form; };

static const uint64_t nowhere[VECTOR_ROWS / 64 + 1];    /* no row has a value */

static size_t
words(const struct call *c)     /* of a bitmap of the batch: a column's has no more */
{
	return (c->w->n + 63) / 64;
}

static const uint64_t *
both_valid(struct call *c, const uint64_t *a, const uint64_t *b)
{
	uint64_t *valid;

	if (!a || !b)
		return a ? a : b;
	valid = vector_array(c->w, 8);
	for (size_t i = 0; i < words(c); i++)
		valid[i] = a[i] & b[i];
	return valid;
}

/* Which rows have a code whose value is there; NULL: all. */
static const uint64_t *
valid_codes(struct call *c, const struct column *codes, const unsigned char *there)
{
	uint64_t *valid = vector_array(c->w, 8), gaps = 0;

	memset(valid, 0, VECTOR_ROWS / 8);
	for (size_t k = 0; k < c->rows.n; k++) {
		size_t i = vector_row(c->rows, k);

		valid[i / 64] |= (uint64_t)there[codes->code[i]] << (i % 64);
		gaps |= !there[codes->code[i]];
	}
	return gaps ? valid : NULL;
}

static const unsigned char *
used_codes(struct call *c, const struct column *codes)
{
	unsigned char *used = arena_get(c->w->arena, codes->n_values);

	memset(used, 0, codes->n_values);
	for (size_t k = 0; k < c->rows.n; k++)
		used[codes->code[vector_row(c->rows, k)]] = 1;
	return used;
}

static int
number_codes(struct call *c, const struct column *codes, struct numbers *out)
{
	const unsigned char *used = used_codes(c, codes);
	unsigned char *there = arena_get(c->w->arena, codes->n_values);
	double *of = arena_get(c->w->arena, codes->n_values * sizeof(*of)), *x = vector_array(c->w, 8);

	for (uint32_t v = 0; v < codes->n_values; v++) {
		const struct cell *cell = &codes->value[v];

		if (used[v] && cell->type == CELL_TEXT)
			return 0;
		there[v] = cell->type == CELL_INTEGER || cell->type == CELL_REAL;
		of[v] = cell->type == CELL_INTEGER ? (double)cell->integer : cell->type == CELL_REAL ? cell->real : 0;
	}
	for (size_t k = 0; k < c->rows.n; k++)
		x[vector_row(c->rows, k)] = of[codes->code[vector_row(c->rows, k)]];
	*out = (struct numbers){ x, 1, valid_codes(c, codes, there) };
	return 1;
}

static int
numbers_of(struct call *c, int i, struct numbers *out)
{
	static const double zero;
	const struct column *a = &c->arg[i];
	double *x;

	switch (a->form) {
	case COLUMN_REAL:
		*out = (struct numbers){ a->real, 1, a->valid };
		return 1;
	case COLUMN_INTEGER:
		if (a->instant)
			return 0;
		x = vector_array(c->w, 8);
		for (size_t k = 0; k < c->rows.n; k++)
			x[vector_row(c->rows, k)] = (double)a->integer[vector_row(c->rows, k)];
		*out = (struct numbers){ x, 1, a->valid };
		return 1;
	case COLUMN_CODES:
		return number_codes(c, a, out);
	default:
		*out = (struct numbers){ &zero, 0, nowhere };
		return 1;
	}
}

/* All written in one form. A text that is no time is none here: it may mean something else. */
static int
time_codes(struct call *c, const struct column *codes, struct times *out)
{
	const unsigned char *used = used_codes(c, codes);
	unsigned char *there = arena_get(c->w->arena, codes->n_values);
	int64_t *of = arena_get(c->w->arena, codes->n_values * sizeof(*of)), *ms = vector_array(c->w, 8);
	int seen = 0;

	out->form = FORM_INSTANT;
	for (uint32_t v = 0; v < codes->n_values; v++) {
		const struct cell *cell = &codes->value[v];
		enum functions_form form;

		there[v] = 0, of[v] = 0;
		if (!used[v] || cell->type == CELL_NULL)
			continue;
		if (cell->type != CELL_TEXT || functions_time_of_text(cell->text, &of[v], &form) < 0 || (seen++ && form != out->form))
			return 0;
		there[v] = 1;
		out->form = form;
	}
	for (size_t k = 0; k < c->rows.n; k++)
		ms[vector_row(c->rows, k)] = of[codes->code[vector_row(c->rows, k)]];
	out->ms = ms, out->step = 1, out->valid = valid_codes(c, codes, there);
	return 1;
}

static int
times_of(struct call *c, int i, struct times *out)
{
	static const int64_t zero;
	const struct column *a = &c->arg[i];

	switch (a->form) {
	case COLUMN_INTEGER:
		*out = (struct times){ a->integer, 1, a->valid, FORM_INSTANT };
		return a->instant;
	case COLUMN_CODES:
		return time_codes(c, a, out);
	case COLUMN_NULL:
		*out = (struct times){ &zero, 0, nowhere, FORM_INSTANT };
		return 1;
	default:
		return 0;
	}
}

/* To SQL what is not a number is NULL. */
static int
give_reals(struct call *c, const double *real, const uint64_t *valid)
{
	uint64_t *there;
	int nan = 0;

	for (size_t k = 0; k < c->rows.n; k++)
		nan |= isnan(real[vector_row(c->rows, k)]);
	if (nan) {
		there = vector_array(c->w, 8);
		for (size_t i = 0; i < words(c); i++)
			there[i] = valid ? valid[i] : ~0ULL;
		for (size_t k = 0; k < c->rows.n; k++) {
			size_t i = vector_row(c->rows, k);

			there[i / 64] &= ~((uint64_t)isnan(real[i]) << (i % 64));
		}
		valid = there;
	}
	*c->out = (struct column){ .form = COLUMN_REAL, .real = real, .valid = valid };
	return 1;
}

static int
give_integers(struct call *c, const int64_t *integer, const uint64_t *valid)
{
	*c->out = (struct column){ .form = COLUMN_INTEGER, .integer = integer, .valid = valid };
	return 1;
}

/* ---- of numbers */

static double
logarithm(double x)
{
	return x > 0 ? log(x) : NAN;
}

static int
of_number(struct call *c, double (*f)(double))
{
	double *to = vector_array(c->w, 8);
	struct numbers a;

	if (!numbers_of(c, 0, &a))
		return 0;
	for (size_t k = 0; k < c->rows.n; k++) {
		size_t i = vector_row(c->rows, k);

		to[i] = vector_valid(a.valid, i) ? f(a.x[i * a.step]) : 0;
	}
	return give_reals(c, to, a.valid);
}

static int root(struct call *c) { return of_number(c, sqrt); }
static int exponential(struct call *c) { return of_number(c, exp); }
static int natural(struct call *c) { return of_number(c, logarithm); }

static int
to_the_power(struct call *c)
{
	double *to = vector_array(c->w, 8);
	struct numbers a, b;

	if (!numbers_of(c, 0, &a) || !numbers_of(c, 1, &b))
		return 0;
	for (size_t k = 0; k < c->rows.n; k++) {
		size_t i = vector_row(c->rows, k);

		to[i] = pow(a.x[i * a.step], b.x[i * b.step]);
	}
	return give_reals(c, to, both_valid(c, a.valid, b.valid));
}

static int
round_places(struct call *c)
{
	const struct vector_expr *places = c->expr->arg[1];
	double *to = vector_array(c->w, 8);
	struct numbers a;

	if (places->op != VECTOR_CONSTANT || places->constant.type != CELL_INTEGER || !numbers_of(c, 0, &a))
		return 0;
	for (size_t k = 0; k < c->rows.n; k++) {
		size_t i = vector_row(c->rows, k);

		to[i] = vector_valid(a.valid, i) ? functions_round(a.x[i * a.step], places->constant.integer) : 0;
	}
	return give_reals(c, to, a.valid);
}

/* What stands in a column of numbers in row i: 1 an integer to SQL, 0 a real. */
static inline int
integer_at(const struct column *a, size_t i)
{
	return a->form == COLUMN_CODES ? a->value[0].type == CELL_INTEGER : a->form == COLUMN_INTEGER || vector_is_integer(a, i);
}

/* Integers must be doubles too, and of codes there must be one. */
static int
comparable(struct call *c, int i, struct numbers *out)
{
	const struct column *a = &c->arg[i];
	double most = 0;

	if (a->form == COLUMN_NULL || (a->form == COLUMN_CODES && a->n_values > 1) || !numbers_of(c, i, out))
		return 0;
	for (size_t k = 0; k < c->rows.n && a->form != COLUMN_REAL; k++) {
		double x = fabs(out->x[vector_row(c->rows, k)]);

		most = x > most ? x : most;
	}
	return most < 0x1p53;
}

/* The least (sign -1) or greatest of two. nulls: with one of them it is NULL; last: of equal ones it is the second. */
static int
extreme(struct call *c, int sign, int nulls, int last)
{
	double *to = vector_array(c->w, 8);
	uint64_t *valid = vector_array(c->w, 8), *point = vector_array(c->w, 8);
	struct numbers a, b;

	if (!comparable(c, 0, &a) || !comparable(c, 1, &b))
		return 0;
	memset(valid, 0, VECTOR_ROWS / 8);
	memset(point, 0, VECTOR_ROWS / 8);
	for (size_t k = 0; k < c->rows.n; k++) {
		size_t i = vector_row(c->rows, k);
		int p = vector_valid(a.valid, i), q = vector_valid(b.valid, i);
		double x = a.x[i], y = b.x[i];
		int second = p && q ? (y - x) * sign > 0 || (last && x == y) : q;

		to[i] = second ? y : x;
		valid[i / 64] |= (uint64_t)(nulls ? p && q : p || q) << (i % 64);
		point[i / 64] |= (uint64_t)!integer_at(&c->arg[second], i) << (i % 64);
	}
	*c->out = (struct column){ .form = COLUMN_REAL, .whole = 1, .real = to, .valid = valid, .point = point };
	return 1;
}

static int least(struct call *c) { return extreme(c, -1, 0, 0); }
static int greatest(struct call *c) { return extreme(c, 1, 0, 0); }
static int min_of_two(struct call *c) { return extreme(c, -1, 1, 1); }
static int max_of_two(struct call *c) { return extreme(c, 1, 1, 0); }

/* ---- of times */

static int
epoch(struct call *c)
{
	double *to = vector_array(c->w, 8);
	struct times a;

	if (!times_of(c, 0, &a))
		return 0;
	for (size_t k = 0; k < c->rows.n; k++) {
		size_t i = vector_row(c->rows, k);

		to[i] = (double)a.ms[i * a.step] / 1000;
	}
	return give_reals(c, to, a.valid);
}

static int
julian_day(struct call *c)
{
	double *to = vector_array(c->w, 8);
	struct times a;

	if (!times_of(c, 0, &a))
		return 0;
	for (size_t k = 0; k < c->rows.n; k++) {
		size_t i = vector_row(c->rows, k);

		to[i] = vector_julian_day(a.ms[i * a.step]);
	}
	return give_reals(c, to, a.valid);
}

static int
epoch_ms(struct call *c)
{
	int64_t *to = vector_array(c->w, 8);
	struct times a;

	if (!times_of(c, 0, &a))
		return 0;
	for (size_t k = 0; k < c->rows.n; k++) {
		size_t i = vector_row(c->rows, k);

		to[i] = a.ms[i * a.step];
	}
	return give_integers(c, to, a.valid);
}

static int
seconds_between(struct call *c)
{
	double *to = vector_array(c->w, 8);
	struct times a, b;

	if (!times_of(c, 0, &a) || !times_of(c, 1, &b) || (a.form == FORM_DATE && b.form == FORM_DATE))
		return 0;               /* between days it is days */
	for (size_t k = 0; k < c->rows.n; k++) {
		size_t i = vector_row(c->rows, k);

		to[i] = (double)(a.ms[i * a.step] - b.ms[i * b.step]) / 1000;
	}
	return give_reals(c, to, both_valid(c, a.valid, b.valid));
}

static int
date_diff(struct call *c)
{
	const struct vector_expr *name = c->expr->arg[0];
	const struct zone *zone = query_zone(c->w->q);
	int64_t *to = vector_array(c->w, 8);
	struct times a, b;
	int unit;

	if (name->op != VECTOR_CONSTANT || name->constant.type != CELL_TEXT || (unit = functions_unit(name->constant.text)) < 0 || !times_of(c, 1, &a) ||
	    !times_of(c, 2, &b))
		return 0;
	for (size_t k = 0; k < c->rows.n; k++) {
		size_t i = vector_row(c->rows, k);

		to[i] = functions_date_diff(zone, unit, a.ms[i * a.step], a.form, b.ms[i * b.step], b.form);
	}
	return give_integers(c, to, both_valid(c, a.valid, b.valid));
}

/* ---- the table */

static const struct { const char *name; int n_args; int (*column)(struct call *); } calls[] = {
	{ "sqrt", 1, root }, { "exp", 1, exponential }, { "ln", 1, natural }, { "pow", 2, to_the_power }, { "power", 2, to_the_power }, { "round", 2, round_places },
	{ "least", 2, least }, { "greatest", 2, greatest }, { "min", 2, min_of_two }, { "max", 2, max_of_two },
	{ "epoch", 1, epoch }, { "tounixtimestamp", 1, epoch }, { "epoch_ms", 1, epoch_ms }, { "julianday", 1, julian_day },
	{ "time_minus", 2, seconds_between }, { "seconds_between", 2, seconds_between }, { "date_diff", 3, date_diff }, { "datediff", 3, date_diff } };

int
vector_call_find(struct str name, int n_args)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i].n_args == n_args && strlen(calls[i].name) == name.n && strncasecmp(calls[i].name, name.p, name.n) == 0)
			return (int)i;
	return -1;
}

const char *
vector_call_name(int call)
{
	return calls[call].name;
}

int
vector_call(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, struct column *out, struct err *err)
{
	struct call c = { .w = w, .expr = e, .rows = rows, .out = out };

	for (int i = 0; i < e->n_args; i++)
		if (vector_eval(w, e->arg[i], rows, &c.arg[i], err) < 0)
			return err->code;
	return calls[e->call].column(&c);
}
