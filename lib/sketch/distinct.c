#include "sketch/distinct.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* The text form:
 *
 *      hll1:e…         up to 4,096 hashes: ascending, each as its distance from the one before, LEB128, all in base64url
 *      hll1:r…         65,536 registers of 6 bits, in base64url: one character each, its value the register's
 *
 * An empty one is "hll1:e". */

#define EXACT     4096
#define BITS      16                    /* of the hash that choose the register */
#define REGISTERS (1 << BITS)
#define MOST_RANK (64 - BITS + 1)       /* a register's greatest value: 49 */

struct distinct {
	uint64_t *set;                  /* open addressing; 0 is an empty slot and the hash 0 is kept as 1 */
	size_t n, cap;
	uint8_t *rank;                  /* REGISTERS of them once there are more than EXACT */
};

struct distinct *
distinct_new(void)
{
	return mem_new(sizeof(struct distinct));
}

void
distinct_free(struct distinct *d)
{
	if (!d)
		return;
	free(d->rank);
	free(d->set);
	free(d);
}

size_t
distinct_held(const struct distinct *d)
{
	return sizeof(*d) + d->cap * sizeof(*d->set) + (d->rank ? REGISTERS : 0);
}

/* The register is chosen by the high bits; its value is the place of the first 1 in the rest. */
static void
register_add(struct distinct *d, uint64_t hash)
{
	uint64_t rest = hash << BITS | 1u << (BITS - 1);
	uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1), *at = &d->rank[hash >> (64 - BITS)];

	if (rank > *at)
		*at = rank;
}

static uint64_t *
place_of(uint64_t *set, size_t cap, uint64_t hash)
{
	size_t i = hash & (cap - 1);

	while (set[i] && set[i] != hash)
		i = (i + 1) & (cap - 1);
	return &set[i];
}

static void
grow(struct distinct *d)
{
	size_t cap = d->cap ? d->cap * 2 : 8;
	uint64_t *set = mem_new(cap * sizeof(*set));

	for (size_t i = 0; i < d->cap; i++)
		if (d->set[i])
			*place_of(set, cap, d->set[i]) = d->set[i];
	free(d->set);
	d->set = set;
	d->cap = cap;
}

static void
to_registers(struct distinct *d)
{
	d->rank = mem_new(REGISTERS);
	for (size_t i = 0; i < d->cap; i++)
		if (d->set[i])
			register_add(d, d->set[i]);
	free(d->set);
	d->set = NULL;
	d->n = d->cap = 0;
}

void
distinct_add_hash(struct distinct *d, uint64_t hash)
{
	uint64_t *at;

	hash += hash == 0;
	if (d->rank) {
		register_add(d, hash);
		return;
	}
	if ((d->n + 1) * 3 > d->cap * 2)
		grow(d);
	at = place_of(d->set, d->cap, hash);
	if (*at)
		return;
	*at = hash;
	if (++d->n > EXACT)
		to_registers(d);
}

void
distinct_add(struct distinct *d, struct str value)
{
	distinct_add_hash(d, str_hash_stable(value));
}

void
distinct_merge(struct distinct *d, const struct distinct *from)
{
	if (!from->rank) {
		for (size_t i = 0; i < from->cap; i++)
			if (from->set[i])
				distinct_add_hash(d, from->set[i]);
		return;
	}
	if (!d->rank)
		to_registers(d);
	for (int i = 0; i < REGISTERS; i++)
		if (from->rank[i] > d->rank[i])
			d->rank[i] = from->rank[i];
}

/* Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), section 4: no thresholds, no bias
 * tables; sigma and tau correct for registers at their least and greatest. */
static double
sigma(double x)
{
	double y = 1, z = x, before;

	if (x == 1)
		return INFINITY;
	do {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

static double
tau(double x)
{
	double y = 1, z = 1 - x, before;

	if (x == 0 || x == 1)
		return 0;
	do {
		x = sqrt(x);
		before = z;
		y /= 2;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

uint64_t
distinct_get(const struct distinct *d)
{
	int count[MOST_RANK + 1] = { 0 };
	double m = REGISTERS, z;

	if (!d->rank)
		return d->n;
	for (int i = 0; i < REGISTERS; i++)
		count[d->rank[i]]++;
	z = m * tau(1 - count[MOST_RANK] / m);
	for (int k = MOST_RANK - 1; k >= 1; k--)
		z = (z + count[k]) / 2;
	z += m * sigma(count[0] / m);
	return (uint64_t)llround(m * m / (2 * M_LN2) / z);
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int
digit_of(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* base64url (RFC 4648, section 5) without padding, a byte at a time. */
struct sixes {
	struct buf *to;
	unsigned bits, n;
};

static void
six_put(struct sixes *s, unsigned char byte)
{
	s->bits = s->bits << 8 | byte;
	for (s->n += 8; s->n >= 6; s->n -= 6)
		buf_byte(s->to, digits[s->bits >> (s->n - 6) & 63]);
}

static int
ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
put_exact(const struct distinct *d, struct buf *to)
{
	uint64_t *sorted = mem_new((d->n + 1) * sizeof(*sorted)), before = 0;
	struct sixes six = { .to = to };
	size_t n = 0;

	for (size_t i = 0; i < d->cap; i++)
		if (d->set[i])
			sorted[n++] = d->set[i];
	qsort(sorted, n, sizeof(*sorted), ascending);
	for (size_t i = 0; i < n; i++) {
		uint64_t step = sorted[i] - before;

		for (; step >= 0x80; step >>= 7)
			six_put(&six, (unsigned char)(step | 0x80));
		six_put(&six, (unsigned char)step);
		before = sorted[i];
	}
	if (six.n)
		buf_byte(to, digits[six.bits << (6 - six.n) & 63]);
	free(sorted);
}

void
distinct_put(const struct distinct *d, struct buf *to)
{
	buf_lit(to, d->rank ? "hll1:r" : "hll1:e");
	if (!d->rank)
		put_exact(d, to);
	else
		for (int i = 0; i < REGISTERS; i++)
			buf_byte(to, digits[d->rank[i]]);
}

static int
read_exact(struct distinct *d, struct str text)
{
	uint64_t step = 0, hash = 0;
	unsigned bits = 0, n = 0, shift = 0, count = 0;

	for (size_t i = 0; i < text.n; i++) {
		int six = digit_of(text.p[i]);
		unsigned byte;

		if (six < 0)
			return -1;
		bits = bits << 6 | (unsigned)six;
		if ((n += 6) < 8)
			continue;
		byte = bits >> (n -= 8) & 0xff;
		if (shift > 63 || (shift == 63 && (byte & 0x7e)))
			return -1;
		step |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
		if (byte & 0x80)
			continue;
		if (step == 0 || hash + step < hash || ++count > EXACT)
			return -1;
		distinct_add_hash(d, hash += step);
		step = shift = 0;
	}
	return shift ? -1 : 0;
}

static int
read_registers(struct distinct *d, struct str text)
{
	if (text.n != REGISTERS)
		return -1;
	d->rank = mem_new(REGISTERS);
	for (int i = 0; i < REGISTERS; i++) {
		int rank = digit_of(text.p[i]);

		if (rank < 0 || rank > MOST_RANK)
			return -1;
		d->rank[i] = (uint8_t)rank;
	}
	return 0;
}

struct distinct *
distinct_read(struct str text)
{
	struct distinct *d = distinct_new();
	struct str rest = { text.p + 6, text.n - 6 };

	if (text.n >= 6 && ((str_starts(text, STR("hll1:e")) && read_exact(d, rest) == 0) ||
	    (str_starts(text, STR("hll1:r")) && read_registers(d, rest) == 0)))
		return d;
	distinct_free(d);
	return NULL;
}
