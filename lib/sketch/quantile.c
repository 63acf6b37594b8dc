#include "sketch/quantile.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* The text form, of what was added alone and not of the order it came in:
 *
 *      dd1:MIN;MAX;ZERO;ABOVE;BELOW
 *
 * MIN and MAX are the least and greatest value, ZERO the number of values nearer to zero than the least normal double.
 * ABOVE holds the buckets of positive values, BELOW those of negative ones by their size: items between commas in
 * ascending order, each the distance of its index from the item before (the first from 0), and "*COUNT" where that is not
 * 1. Bucket i holds the values v with ratio^(i-1) < |v| ≤ ratio^i, ratio = 1.0094 / 0.9906. An empty sketch is "dd1:". */

#define RATIO   (1.0094 / 0.9906)       /* neighbouring bounds: 0.94 % of error, and 0.05 % for rounding to four digits */
#define LOG     0.01880055375202462    /* log(RATIO) */
#define INDEXES 38000                   /* no normal double's index is farther from 0: 1.8e308 is at 37,753 */
#define FEW     64                      /* values kept as they came before they fall into buckets */

/* Buckets `from` … from + n - 1. */
struct buckets {
	uint32_t *count;                /* saturates rather than wraps */
	int from, n;
};

struct quantile {
	double *few;                    /* values not yet in buckets */
	int few_n, few_cap;
	uint64_t count, zero;
	double least, greatest;
	struct buckets above, below;
};

struct quantile *
quantile_new(void)
{
	return mem_new(sizeof(struct quantile));
}

void
quantile_free(struct quantile *q)
{
	if (!q)
		return;
	free(q->above.count);
	free(q->below.count);
	free(q->few);
	free(q);
}

static int
index_of(double size)
{
	return (int)ceil(log(size) * (1 / LOG));
}

/* The value in the middle of a bucket, in the sense that its relative distance to both bounds is the same; in four digits,
 * more would be noise. */
static double
middle_of(int index)
{
	double middle = exp(index * LOG) * 2 / (RATIO + 1), four;
	char text[32];

	snprintf(text, sizeof(text), "%.3e", middle);
	return str_double(str_of(text), &four) ? middle : four;
}

static void
bucket_add(struct buckets *b, int index, uint64_t times)
{
	uint32_t *count;

	if (index < b->from || index >= b->from + b->n) {
		int from = b->n && b->from < index ? b->from : index;
		int end = b->n && b->from + b->n > index + 1 ? b->from + b->n : index + 1;
		int room = (end - from) / 4 + 8;        /* so that a growing range is not moved for every bucket */

		if (b->n && index < b->from)
			from = from - room < -INDEXES ? -INDEXES : from - room;
		else if (b->n)
			end = end + room > INDEXES ? INDEXES : end + room;
		count = mem_new((size_t)(end - from) * sizeof(*count));
		if (b->n)
			memcpy(count + (b->from - from), b->count, (size_t)b->n * sizeof(*count));
		free(b->count);
		*b = (struct buckets){ count, from, end - from };
	}
	count = &b->count[index - b->from];
	*count = times > UINT32_MAX - *count ? UINT32_MAX : *count + (uint32_t)times;
}

static void
settle(struct quantile *q)
{
	for (int i = 0; i < q->few_n; i++) {
		double v = q->few[i];

		if (fabs(v) < DBL_MIN)
			q->zero++;
		else
			bucket_add(v > 0 ? &q->above : &q->below, index_of(fabs(v)), 1);
	}
	q->few_n = 0;
}

void
quantile_add(struct quantile *q, double value)
{
	if (isnan(value))
		return;
	if (isinf(value))
		value = value > 0 ? DBL_MAX : -DBL_MAX;
	if (q->few_n == q->few_cap) {
		if (q->few_cap == FEW)
			settle(q);
		else
			q->few = mem_grow(q->few, (size_t)(q->few_cap = q->few_cap ? q->few_cap * 2 : 4), sizeof(*q->few));
	}
	q->few[q->few_n++] = value;
	if (!q->count || value < q->least)
		q->least = value;
	if (!q->count || value > q->greatest)
		q->greatest = value;
	q->count++;
}

void
quantile_merge(struct quantile *q, const struct quantile *from)
{
	settle(q);
	if (!from->count)
		return;
	if (!q->count || from->least < q->least)
		q->least = from->least;
	if (!q->count || from->greatest > q->greatest)
		q->greatest = from->greatest;
	q->count += from->count;
	q->zero += from->zero;
	for (int i = 0; i < from->above.n; i++)
		if (from->above.count[i])
			bucket_add(&q->above, from->above.from + i, from->above.count[i]);
	for (int i = 0; i < from->below.n; i++)
		if (from->below.count[i])
			bucket_add(&q->below, from->below.from + i, from->below.count[i]);
	for (int i = 0; i < from->few_n; i++)
		if (fabs(from->few[i]) < DBL_MIN)
			q->zero++;
		else
			bucket_add(from->few[i] > 0 ? &q->above : &q->below, index_of(fabs(from->few[i])), 1);
}

/* The middle of the bucket that holds rank `left`. */
static double
find(const struct quantile *q, uint64_t left)
{
	for (int i = q->below.n - 1; i >= 0; i--) {
		if (left < q->below.count[i])
			return -middle_of(q->below.from + i);
		left -= q->below.count[i];
	}
	if (left < q->zero)
		return 0;
	left -= q->zero;
	for (int i = 0; i < q->above.n; i++) {
		if (left < q->above.count[i])
			return middle_of(q->above.from + i);
		left -= q->above.count[i];
	}
	return q->greatest;
}

double
quantile_get(const struct quantile *q, double share)
{
	uint64_t rank;
	double value;

	if (q->count == 0)
		return NAN;
	settle((struct quantile *)q);           /* changes where values lie, not what they are */
	share = share < 0 ? 0 : share > 1 ? 1 : share;
	rank = (uint64_t)(share * (double)q->count + 1e-9);             /* 0.29 * 100 is to be 29 */
	if (rank == 0)
		return q->least;
	if (rank >= q->count - 1)
		return q->greatest;
	value = find(q, rank);
	return value < q->least ? q->least : value > q->greatest ? q->greatest : value;
}

size_t
quantile_held(const struct quantile *q)
{
	return sizeof(*q) + (size_t)q->few_cap * sizeof(*q->few) + ((size_t)q->above.n + (size_t)q->below.n) * sizeof(*q->above.count);
}

uint64_t
quantile_count(const struct quantile *q)
{
	return q->count;
}

static void
put_buckets(const struct buckets *b, struct buf *to)
{
	const char *between = "";
	int before = 0;

	for (int i = 0; i < b->n; i++) {
		if (!b->count[i])
			continue;
		buf_lit(to, between);
		buf_int64(to, b->from + i - before);
		if (b->count[i] > 1) {
			buf_byte(to, '*');
			buf_int64(to, b->count[i]);
		}
		before = b->from + i;
		between = ",";
	}
}

void
quantile_put(const struct quantile *q, struct buf *to)
{
	buf_lit(to, "dd1:");
	if (!q->count)
		return;
	settle((struct quantile *)q);
	buf_printf(to, "%.17g;%.17g;%lu;", q->least, q->greatest, (unsigned long)q->zero);
	put_buckets(&q->above, to);
	buf_byte(to, ';');
	put_buckets(&q->below, to);
}

static int
read_buckets(struct str list, struct buckets *b, uint64_t *count)
{
	struct str item, index;
	int64_t at = 0, step, times;

	if (!list.n)
		return 0;
	while (str_cut(&list, ',', &item)) {
		int first = b->n == 0;

		if (!str_cut(&item, '*', &index) || str_int64(index, &step) || (!first && step <= 0) ||
		    step > 2 * INDEXES || step < -INDEXES)
			return -1;
		at += step;
		times = 1;
		if (at <= -INDEXES || at >= INDEXES ||
		    (item.p && (str_int64(item, &times) || times < 1 || times > UINT32_MAX)))
			return -1;
		bucket_add(b, (int)at, (uint64_t)times);
		*count += (uint64_t)times;
	}
	return 0;
}

struct quantile *
quantile_read(struct str text)
{
	struct quantile *q = quantile_new();
	struct str part[5];
	int64_t zero;

	if (!str_starts(text, STR("dd1:")))
		goto bad;
	text.p += 4, text.n -= 4;
	if (!text.n)
		return q;
	for (int i = 0; i < 5; i++)
		if (!str_cut(&text, ';', &part[i]))
			goto bad;
	if (text.p || str_double(part[0], &q->least) || str_double(part[1], &q->greatest) || q->least > q->greatest ||
	    str_int64(part[2], &zero) || zero < 0)
		goto bad;
	q->zero = q->count = (uint64_t)zero;
	if (read_buckets(part[3], &q->above, &q->count) || read_buckets(part[4], &q->below, &q->count) || !q->count)
		goto bad;
	return q;
bad:
	quantile_free(q);
	return NULL;
}
