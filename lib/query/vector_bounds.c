/* vector_bounds.c - batches in which no row can pass the filter, by what the chunk says of a property's values: which kinds there are and
 * between what the numbers lie (a zone map). What is known costs the chunk's shapes, which whoever reads the property needs as well.
 *
 * SQLite's order: numbers (true is 1, false 0) are before texts, a comparison with NULL is not true. Bounds are doubles; beyond 2^53 integers
 * are finer, so there both sides are taken a step wider. */
#include <math.h>

#include "query/vector_priv.h"

#define TEXTS (STORE_BOUNDS_TEXTS | STORE_BOUNDS_NESTED)

#define EXACT 9007199254740992.0        /* 2^53 */
#define IN_MOST 1000                    /* constants of an IN that are compared with the bounds of a batch, each */

static double
of_number(const struct cell *c)
{
	return c->type == CELL_INTEGER ? (double)c->integer : c->real;
}

static double
wider(double x, double towards)
{
	return fabs(x) < EXACT ? x : nextafter(x, towards);
}

/* Can `value op constant` be true of no value within the bounds? */
static int
none_compares(const struct store_bounds *b, enum vector_op op, const struct cell *constant)
{
	double least = INFINITY, greatest = -INFINITY, low, high;

	if (constant->type == CELL_NULL)
		return 1;
	if (constant->type == CELL_TEXT)        /* all numbers are before it */
		return (op == VECTOR_EQ || op == VECTOR_GT || op == VECTOR_GE) && !(b->kinds & TEXTS);
	if (b->kinds & STORE_BOUNDS_NUMBERS)
		least = wider(b->least, -INFINITY), greatest = wider(b->greatest, INFINITY);
	if (b->kinds & STORE_BOUNDS_BOOLEANS)
		least = fmin(least, 0), greatest = fmax(greatest, 1);
	low = wider(of_number(constant), -INFINITY);
	high = wider(of_number(constant), INFINITY);
	switch (op) {
	case VECTOR_EQ:
		return high < least || low > greatest;
	case VECTOR_LT:
		return high < least || (high == least && fabs(high) < EXACT);
	case VECTOR_LE:
		return high < least;
	case VECTOR_GT:
		return (low > greatest || (low == greatest && fabs(low) < EXACT)) && !(b->kinds & TEXTS);
	default:
		return low > greatest && !(b->kinds & TEXTS);
	}
}

static int
is_constant_number_or_text(const struct vector_expr *e)
{
	return e->op == VECTOR_CONSTANT && !(e->constant.type == CELL_REAL && isnan(e->constant.real));
}

/* The bounds of what is a property. 1 known. */
static int
bounds_of(struct vector_worker *w, const struct vector_expr *e, struct store_bounds *b)
{
	struct err ignore = { 0 };      /* who reads it tells */

	return e->op == VECTOR_FIELD && store_batch_bounds(w->batch, e->field, b, &ignore) > 0;
}

int
vector_none_passes(struct vector_worker *w, const struct vector_expr *e)
{
	static const enum vector_op turned[] = { [VECTOR_EQ] = VECTOR_EQ, [VECTOR_LT] = VECTOR_GT, [VECTOR_LE] = VECTOR_GE, [VECTOR_GT] = VECTOR_LT,
		[VECTOR_GE] = VECTOR_LE };
	struct store_bounds b;
	int none = 0;

	if (!w->batch)
		return 0;
	switch (e->op) {
	case VECTOR_AND:
		for (int i = 0; i < e->n_args && !none; i++)
			none = vector_none_passes(w, e->arg[i]);
		return none;
	case VECTOR_OR:
		for (int i = 0; i < e->n_args; i++)
			if (!vector_none_passes(w, e->arg[i]))
				return 0;
		return e->n_args > 0;
	case VECTOR_EQ:
	case VECTOR_LT:
	case VECTOR_LE:
	case VECTOR_GT:
	case VECTOR_GE:
		if (is_constant_number_or_text(e->arg[1]) && bounds_of(w, e->arg[0], &b))
			return none_compares(&b, e->op, &e->arg[1]->constant);
		return is_constant_number_or_text(e->arg[0]) && bounds_of(w, e->arg[1], &b) && none_compares(&b, turned[e->op], &e->arg[0]->constant);
	case VECTOR_IN:
		if (e->n_args > IN_MOST || !bounds_of(w, e->arg[0], &b))
			return 0;
		for (int i = 1; i < e->n_args; i++)
			if (!is_constant_number_or_text(e->arg[i]))
				return 0;
		for (int i = 1; i < e->n_args; i++)
			if (!none_compares(&b, VECTOR_EQ, &e->arg[i]->constant))
				return 0;
		return 1;
	case VECTOR_IS_NOT:
		return e->arg[1]->op == VECTOR_CONSTANT && e->arg[1]->constant.type == CELL_NULL && bounds_of(w, e->arg[0], &b) && !b.kinds;
	default:
		return 0;
	}
}
