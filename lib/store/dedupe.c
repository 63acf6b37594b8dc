#include "store/dedupe.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ENTRY 24
#define BITS  6                 /* of a filter's line for one entry; with 10 bits an entry about 1 % false alarms */

static void
put64(unsigned char *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t
get64(const unsigned char *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

size_t
dedupe_filter_lines(size_t n)
{
	return (n * 10 + 511) / 512 + 1;
}

static const unsigned char *
line_of(const unsigned char *lines, size_t n_lines, uint64_t low)
{
	return lines + ((low >> 32) * n_lines >> 32) * 64;
}

void
dedupe_filter_add(unsigned char *lines, size_t n_lines, uint64_t low, uint64_t high)
{
	unsigned char *line = (unsigned char *)line_of(lines, n_lines, low);

	for (int i = 0; i < BITS; i++, high >>= 9)
		line[(high & 511) >> 3] |= (unsigned char)(1 << (high & 7));
}

int
dedupe_filter_has(const unsigned char *lines, size_t n_lines, uint64_t low, uint64_t high)
{
	const unsigned char *line = line_of(lines, n_lines, low);

	for (int i = 0; i < BITS; i++, high >>= 9)
		if (!(line[(high & 511) >> 3] & 1 << (high & 7)))
			return 0;
	return 1;
}

void
dedupe_put(struct buf *b, const struct dedupe_entry *e, size_t n)
{
	unsigned char *p = (unsigned char *)buf_room(b, n * ENTRY);

	for (size_t i = 0; i < n; i++, p += ENTRY) {
		put64(p, e[i].low);
		put64(p + 8, e[i].high);
		put64(p + 16, (uint64_t)e[i].time);
	}
	b->n += n * ENTRY;
}

void
dedupe_get(const char *p, struct dedupe_entry *e)
{
	e->low = get64((const unsigned char *)p);
	e->high = get64((const unsigned char *)p + 8);
	e->time = (int64_t)get64((const unsigned char *)p + 16);
}

static int
in_order(const void *x, const void *y)
{
	const struct dedupe_entry *a = x, *b = y;

	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	return (a->time > b->time) - (a->time < b->time);
}

void
dedupe_sort(struct dedupe_entry *e, size_t n)
{
	qsort(e, n, sizeof(*e), in_order);
}

void
dedupe_put_head(struct buf *b, uint64_t n, int64_t least, int64_t greatest, const uint64_t *first, size_t n_parts,
    const unsigned char *lines, size_t n_lines)
{
	unsigned char *p = (unsigned char *)buf_room(b, DEDUPE_HEAD + n_parts * 8);

	put64(p, n);
	put64(p + 8, (uint64_t)least);
	put64(p + 16, (uint64_t)greatest);
	for (size_t i = 0; i < n_parts; i++)
		put64(p + DEDUPE_HEAD + 8 * i, first[i]);
	b->n += DEDUPE_HEAD + n_parts * 8;
	buf_add(b, lines, n_lines * 64);
}

int
dedupe_run_head(struct str value, struct dedupe_run *run)
{
	const unsigned char *p = (const unsigned char *)value.p;
	size_t filter;

	if (value.n < DEDUPE_HEAD)
		return -1;
	run->n = get64(p);
	run->least = (int64_t)get64(p + 8);
	run->greatest = (int64_t)get64(p + 16);
	if (run->n == 0 || run->n > DEDUPE_MOST || run->least > run->greatest)
		return -1;
	run->n_parts = (run->n + DEDUPE_PART - 1) / DEDUPE_PART;
	if (run->n_parts > (value.n - DEDUPE_HEAD) / 8)
		return -1;
	run->firsts = value.p + DEDUPE_HEAD;
	run->lines = p + DEDUPE_HEAD + run->n_parts * 8;
	filter = value.n - DEDUPE_HEAD - run->n_parts * 8;
	run->n_lines = filter / 64;
	return filter == 0 || filter % 64 || run->n / 64 > run->n_lines ? -1 : 0;       /* a line is for about 50 */
}

static uint64_t
apart(int64_t a, int64_t b)
{
	return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

/* Hashes are spread evenly, so the first guess is where the share of the range says; three such steps leave few entries. */
int
dedupe_find(struct str part, uint64_t low, uint64_t high, int64_t time, int64_t *found)
{
	size_t n = part.n / ENTRY, from = 0, to = n;
	const char *p = part.p;
	struct dedupe_entry e;
	int any = 0;

	if (part.n % ENTRY)
		return -1;
	if (n) {
		struct dedupe_entry last;

		dedupe_get(p, &e);
		dedupe_get(p + (n - 1) * ENTRY, &last);
		if (low < e.low || low > last.low)
			return 0;
		if (last.low > e.low) {
			size_t guess = (size_t)((double)(low - e.low) / (double)(last.low - e.low) * (double)(n - 1)), step = 64;
			size_t a, b;

			/* Widen around the guess until the bounds hold. */
			for (a = guess; a > 0; step *= 4) {
				a = a > step ? a - step : 0;
				dedupe_get(p + a * ENTRY, &e);
				if (e.low < low)
					break;
			}
			for (b = guess, step = 64; b < n; step *= 4) {
				b = n - b > step ? b + step : n;
				if (b == n)
					break;
				dedupe_get(p + b * ENTRY, &e);
				if (e.low > low)
					break;
			}
			from = a;
			to = b;
		}
	}
	while (from < to) {             /* the first with this low or a greater one */
		size_t middle = from + (to - from) / 2;

		if (get64((const unsigned char *)p + middle * ENTRY) < low)
			from = middle + 1;
		else
			to = middle;
	}
	for (; from < n; from++) {
		dedupe_get(p + from * ENTRY, &e);
		if (e.low != low)
			break;
		if (e.high != high)
			continue;
		if (!any || apart(e.time, time) < apart(*found, time))
			*found = e.time;
		any = 1;
	}
	return any;
}
