/* vector_nth.c - where in an order the rows from the n-th on lie, so that ORDER BY … LIMIT 10 OFFSET 5000000 keeps ten rows and not five million.
 *
 * The first value that is ordered by becomes a number, its key: of rows whose keys differ the keys tell which comes first. Rows are counted by
 * key in as many buckets as the cache holds; the bucket of the n-th row is looked at again, in finer ones, until few rows lie there or their
 * keys are the same. Then only those are rows to be kept and put in order, behind so many before them.
 *
 *      key     0 NULL, where it comes first · 2^62 + numbers, then texts · 2^64 - 1 NULL, where it comes last
 *      number  the upper 62 bits of a double, so turned that they have its order      text  62 bits of its beginning
 *
 * Costs the column for each look, two for times; but no column of a batch whose times lie in one bucket, or beside those looked at.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "query/vector_priv.h"

#define BITS    16
#define BUCKETS (1u << BITS)
#define ENOUGH  65536           /* rows that may be kept as well */

struct vector_nth {
	const struct vector_plan *plan;
	unsigned shift;                 /* of a key's distance from the least one, to its bucket */
	int64_t count[BUCKETS];
};

struct vector_nth *
vector_nth_new(const struct vector_plan *plan)
{
	struct vector_nth *t = mem_new(sizeof(*t));
	uint64_t width = plan->between.most - plan->between.least;

	t->plan = plan;
	while (width >> t->shift >= BUCKETS)
		t->shift++;
	return t;
}

void
vector_nth_free(struct vector_nth *t)
{
	free(t);
}

/* ---- keys */

static uint64_t
number_bits(double x)
{
	uint64_t bits;

	x = x == 0 ? 0 : x;             /* -0.0 is equal */
	memcpy(&bits, &x, sizeof(bits));
	return (bits >> 63 ? ~bits : bits | 1ULL << 63) >> 2;
}

static uint64_t
text_bits(struct str text)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < 8; i++)
		bits = bits << 8 | (i < text.n ? (unsigned char)text.p[i] : 0);
	return 1ULL << 62 | bits >> 2;
}

static uint64_t
key_of(const struct vector_order *o, const struct cell *c)
{
	uint64_t bits;

	if (c->type == CELL_NULL)
		return o->nulls_last ? UINT64_MAX : 0;
	bits = c->type == CELL_TEXT ? text_bits(c->text) : number_bits(c->type == CELL_REAL ? c->real : (double)c->integer);
	return (1ULL << 62) + (o->descending ? ~bits & INT64_MAX : bits);
}

/* key[k] of the k-th of the rows. */
static const uint64_t *
keys(struct vector_worker *w, const struct vector_order *o, const struct column *c, struct vector_rows rows)
{
	uint64_t *key = vector_array(w, 8), *of = NULL;
	struct column raw = *c;

	raw.instant = 0;                /* ordered as they are */
	if (c->form == COLUMN_CODES && c->n_values <= rows.n) {
		of = arena_get(w->arena, c->n_values * sizeof(*of));
		for (uint32_t v = 0; v < c->n_values; v++)
			of[v] = key_of(o, &c->value[v]);
	}
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		struct cell cell;

		if (of) {
			key[k] = of[c->code[i]];
			continue;
		}
		cell = vector_column_cell(&raw, i, NULL);
		key[k] = key_of(o, &cell);
	}
	return key;
}

/* The keys between which a batch lies, by its times. 0: not known. */
static int
bounds(const struct vector_plan *plan, const struct vector_worker *w, uint64_t *least, uint64_t *most)
{
	const struct vector_order *o = &plan->order[0];
	const struct cell first = cell_integer(o->descending ? w->max_time : w->min_time), last = cell_integer(o->descending ? w->min_time : w->max_time);

	if (!w->batch || o->expr->op != VECTOR_FIELD || plan->field[o->expr->field].of != FIELD_TIME)
		return 0;
	*least = key_of(o, &first);
	*most = key_of(o, &last);
	return 1;
}

int
vector_nth_beside(const struct vector_plan *plan, const struct vector_worker *w)
{
	uint64_t least, most;

	return bounds(plan, w, &least, &most) && (most < plan->between.least || least > plan->between.most);
}

struct vector_rows
vector_nth_within(const struct vector_plan *plan, struct vector_worker *w, const struct column *first, struct vector_rows rows)
{
	const uint64_t *key = keys(w, &plan->order[0], first, rows);
	uint32_t *row = vector_array(w, 4);
	size_t n = 0;

	for (size_t k = 0; k < rows.n; k++)
		if (key[k] >= plan->between.least && key[k] <= plan->between.most)
			row[n++] = (uint32_t)vector_row(rows, k);
	return (struct vector_rows){ row, n };
}

/* ---- counting */

int
vector_nth_batch(struct vector_nth *t, const struct vector_worker *w)
{
	const struct vector_plan *plan = t->plan;
	uint64_t least, most, from = plan->between.least;

	if (vector_nth_beside(plan, w))
		return 1;
	if (plan->where || !bounds(plan, w, &least, &most) || least < from || most > plan->between.most || (least - from) >> t->shift != (most - from) >> t->shift)
		return 0;
	t->count[(least - from) >> t->shift] += (int64_t)w->n;
	return 1;
}

int
vector_nth_add(struct vector_nth *t, struct vector_worker *w, struct vector_rows rows, struct err *err)
{
	const struct vector_plan *plan = t->plan;
	const uint64_t *key, from = plan->between.least, most = plan->between.most;
	struct column first;

	if (rows.n == 0)
		return 0;
	if (vector_eval(w, plan->order[0].expr, rows, &first, err) < 0)
		return err->code;
	key = keys(w, &plan->order[0], &first, rows);
	for (size_t k = 0; k < rows.n; k++)
		if (key[k] >= from && key[k] <= most)
			t->count[(key[k] - from) >> t->shift]++;
	return 0;
}

int
vector_nth_narrow(struct vector_nth *const *all, int n, struct vector_plan *plan)
{
	struct vector_between *b = &plan->between;
	struct vector_nth *t = all[0];
	uint64_t first = 0, last;
	int64_t in;

	for (int i = 1; i < n; i++)
		for (size_t k = 0; k < BUCKETS; k++)
			t->count[k] += all[i]->count[k];
	while (first < BUCKETS && b->before + t->count[first] <= plan->skip)
		b->before += t->count[first++];
	if (first == BUCKETS) {         /* there are not so many */
		plan->limit = plan->skip = b->before = 0;
		return 0;
	}
	for (last = first, in = t->count[first]; last < BUCKETS - 1 && b->before + in < plan->limit; )
		in += t->count[++last];
	if (last < BUCKETS - 1)
		b->most = b->least + ((last + 1) << t->shift) - 1;
	b->least += first << t->shift;
	return t->shift > 0 && in > ENOUGH;
}
