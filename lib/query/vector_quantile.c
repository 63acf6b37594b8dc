/* vector_quantile.c - exact quantiles of a group's numbers.
 *
 * Most of what is measured is whole, or nearly all of it, and does not spread over more than its number: then one pass counts
 * how often each whole part occurs, and every quantile of the group is found in these counts; the numbers with a fraction are
 * looked through where one falls among them. Else it is quickselect, as for the function in SQL (functions_aggregate.c).
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/order.h"
#include "query/functions_priv.h"
#include "query/vector_priv.h"

#define FIRST_ITEMS 4           /* of a group's list; each next piece is twice as long */
#define MOST_ITEMS  2048
#define FEWEST      64          /* numbers for which it is worth counting */
#define WIDEST      (1 << 22)   /* whole parts that are counted */

struct vector_piece *
vector_list_room(struct arena *arena, struct vector_piece *before, size_t size)
{
	uint32_t cap = before ? before->cap < MOST_ITEMS ? 2 * before->cap : MOST_ITEMS : FIRST_ITEMS;
	struct vector_piece *p = arena_get(arena, offsetof(struct vector_piece, small) + cap * size);

	p->next = before;
	p->n = 0;
	p->cap = cap;
	return p;
}

static void
join(struct vector_piece **to, struct vector_piece *from)       /* the piece at the front is the one being filled */
{
	struct vector_piece *last = from;

	if (!from)
		return;
	while (last->next)
		last = last->next;
	last->next = *to;
	*to = from;
}

void
vector_list_join(struct vector_list *to, const struct vector_list *from)
{
	join(&to->small, from->small);
	join(&to->number, from->number);
	to->n += from->n;
	to->real |= from->real;
}

void
vector_chooser_release(struct vector_chooser *c)
{
	free(c->x), free(c->count), free(c->few);
	*c = (struct vector_chooser){ 0 };
}

/* Count whole parts. 0 when they are too many for that, or too few. */
static int
count(struct vector_chooser *c, const struct vector_list *l)
{
	int64_t least = INT64_MAX, most = INT64_MIN;
	size_t n_few = 0;

	for (struct vector_piece *p = l->number; p; p = p->next)
		n_few += p->n;
	if (l->n < FEWEST || n_few > (size_t)l->n / 8)
		return 0;
	for (struct vector_piece *p = l->small; p; p = p->next)
		for (uint32_t i = 0; i < p->n; i++) {
			least = p->small[i] < least ? p->small[i] : least;
			most = p->small[i] > most ? p->small[i] : most;
		}
	for (struct vector_piece *p = l->number; p; p = p->next)
		for (uint32_t i = 0; i < p->n; i++) {
			double whole = floor(p->number[i]);

			if (!(fabs(whole) < 0x1p31))
				return 0;
			least = (int64_t)whole < least ? (int64_t)whole : least;
			most = (int64_t)whole > most ? (int64_t)whole : most;
		}
	if (most - least >= WIDEST || most - least > 4 * l->n + 65536)
		return 0;
	c->least = least;
	c->width = (size_t)(most - least) + 1;
	if (c->width > c->count_cap)
		c->count = mem_grow(c->count, c->count_cap = c->width, sizeof(*c->count));
	memset(c->count, 0, c->width * sizeof(*c->count));
	for (struct vector_piece *p = l->small; p; p = p->next)
		for (uint32_t i = 0; i < p->n; i++)
			c->count[p->small[i] - least]++;
	if (n_few > c->few_cap)
		c->few = mem_grow(c->few, c->few_cap = n_few, sizeof(*c->few));
	c->n_few = 0;
	for (struct vector_piece *p = l->number; p; p = p->next)
		for (uint32_t i = 0; i < p->n; i++) {
			c->few[c->n_few++] = p->number[i];
			c->count[(int64_t)floor(p->number[i]) - least]++;
		}
	if (c->n_few)
		qsort(c->few, c->n_few, sizeof(*c->few), order_doubles);
	return 1;
}

/* The k-th in order, from 0: of those with one whole part, the whole ones come before those with a fraction. */
static double
nth(const struct vector_chooser *c, int64_t k)
{
	int64_t before = 0, whole;
	size_t v = 0, first, last;

	while (before + c->count[v] <= k)
		before += c->count[v++];
	for (first = 0, last = c->n_few; first < last; ) {      /* the first that has this whole part */
		size_t middle = first + (last - first) / 2;

		if (floor(c->few[middle]) < (double)(c->least + (int64_t)v))
			first = middle + 1;
		else
			last = middle;
	}
	while (last < c->n_few && floor(c->few[last]) == (double)(c->least + (int64_t)v))
		last++;
	whole = c->count[v] - (int64_t)(last - first);
	return k - before < whole ? (double)(c->least + (int64_t)v) : c->few[first + (size_t)(k - before - whole)];
}

static void
gather(struct vector_chooser *c, const struct vector_list *l)
{
	size_t n = 0;

	if ((size_t)l->n > c->cap)
		c->x = mem_grow(c->x, c->cap = (size_t)l->n, sizeof(*c->x));
	for (struct vector_piece *p = l->small; p; p = p->next)
		for (uint32_t i = 0; i < p->n; i++)
			c->x[n++] = p->small[i];
	for (struct vector_piece *p = l->number; p; p = p->next) {
		memcpy(c->x + n, p->number, p->n * sizeof(double));
		n += p->n;
	}
}

struct cell
vector_list_quantile(struct vector_chooser *c, const struct vector_list *l, double share, int disc)
{
	double part;
	int64_t k;

	if (!l->n)
		return cell_null();
	if (c->of != l && !(c->counted = count(c, l)))
		gather(c, l);
	c->of = l;
	if (!c->counted)
		return functions_quantile(c->x, l->n, share, disc, l->real);
	k = functions_quantile_rank(l->n, share, disc, &part);
	return functions_quantile_between(nth(c, k), part > 0 ? nth(c, k + 1) : 0, part, disc, l->real);
}
