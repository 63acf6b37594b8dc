/* An array of n doubles, as bytes. n is not in it; 0 doubles are 0 bytes.
 *
 *      decimals  0…18    misses digits [places doubles]        value = digits / 10^kind
 *      near      32…50   digits off                            value = digits / 10^(kind - 32), and `off` doubles up from there
 *      doubles   64…127  numbers                               the bits of a double = number << (kind - 64)
 *      split     128     shift low m highs codes lows          the bits of a double = (highs[code] << low | lows) << shift
 *
 * misses and m are varints, shift and low bytes; digits, off, numbers and lows are arrays of n numbers, codes of n codes < m, places and
 * doubles arrays of `misses` numbers, highs one of m (integers.h; digits maybe of entropy.h): what is no such decimal has its place and
 * its bits there. The shift takes away the zeros that all doubles end with: those that were once floats have 29. `off` and `numbers`
 * count doubles in their order: the bits without the sign, and where that is set, all of them turned.
 */
#include "codec/decimals.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/decimals_priv.h"
#include "codec/entropy.h"
#include "codec/integers.h"
#include "codec/varint.h"

#define NEAR    32
#define DOUBLES 64
#define SPLIT   128
#define SAMPLE  256                     /* of an array, to find the exponent */
#define PART    512                     /* of an array, twice, to find the form: neighbours, as differences are among them */
#define HIGHS   1024                    /* different ones of a split array, at most */
#define FRACTION 52                     /* bits of a double behind its exponent */
#define MISS    80                      /* bits: about what a double costs aside */
#define LIMIT   9007199254740992        /* 2^53 */
#define SHORT   (1ull << 44)            /* between digits of an array that are taken for short */

static const double power[DECIMALS_DIGITS + 1] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    1e16, 1e17, 1e18 };

static uint64_t
bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

int
decimals_split(double value, int64_t *digits)
{
	for (int e = 0; e <= DECIMALS_DIGITS; e++) {
		double scaled = value * power[e];
		int64_t near;

		if (!(fabs(scaled) < LIMIT + 4.0))      /* NaN too */
			return -1;
		near = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
		/* towards 2^53 the product may be off by 2, and its rounding by 1 */
		for (int64_t off = 0, most = fabs(scaled) < LIMIT / 16 ? 0 : 3; off <= most; off++)
			for (int sign = -1; sign <= 1; sign += 2) {
				int64_t d = near + sign * off;

				if (d > -LIMIT && d < LIMIT && bits_of((double)d / power[e]) == bits_of(value)) {
					*digits = d;
					return e;
				}
			}
	}
	return -1;
}

/* The exponent that makes the fewest bits of a sample; -1: few of it are decimals of less digits than a double. */
static int
exponent_of(const double *v, size_t n)
{
	int64_t least[DECIMALS_DIGITS + 1], most[DECIMALS_DIGITS + 1];
	size_t held[DECIMALS_DIGITS + 1] = { 0 }, step = n / SAMPLE + 1, seen = 0, best_cost;
	int best = -1;

	for (size_t i = 0; i < n; i += step, seen++) {
		int64_t digits;
		int e = decimals_split(v[i], &digits);

		for (; e >= 0 && e <= DECIMALS_DIGITS && digits > -LIMIT && digits < LIMIT; e++, digits *= 10) {
			least[e] = held[e] && least[e] < digits ? least[e] : digits;
			most[e] = held[e] && most[e] > digits ? most[e] : digits;
			held[e]++;
		}
	}
	best_cost = seen * 64;
	for (int e = 0; e <= DECIMALS_DIGITS; e++) {
		uint64_t range = held[e] ? (uint64_t)most[e] - (uint64_t)least[e] : 0;
		size_t cost = held[e] * (range ? 64 - (size_t)__builtin_clzll(range) : 0) + (seen - held[e]) * MISS;

		if (cost < best_cost)
			best_cost = cost, best = e;
	}
	return best >= 0 && held[best] * 4 >= seen * 3 && (uint64_t)most[best] - (uint64_t)least[best] < SHORT ? best : -1;
}

typedef void put_numbers(struct buf *, const int64_t *, size_t n);

/* How many zeros all end with. */
static unsigned
shift_of(const double *v, size_t n)
{
	uint64_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= bits_of(v[i]);
	any &= INT64_MAX;
	return any ? (unsigned)__builtin_ctzll(any) : 0;
}

static void
put_in_order(const double *v, size_t n, unsigned shift, int64_t *number)
{
	for (size_t i = 0; i < n; i++)
		number[i] = decimals_priv_order(bits_of(v[i]), shift);
}

/* ---- decimals that calculations have moved by a few doubles, like 0.1 + 0.2 */

static void
part_near(const double *v, size_t n, double by, int64_t *digits, int64_t *off)
{
	for (size_t i = 0; i < n; i++) {
		double scaled = v[i] * by;

		digits[i] = fabs(scaled) < (double)LIMIT / 4 ? (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5) : 0;
		off[i] = (int64_t)((uint64_t)decimals_priv_order(bits_of(v[i]), 0) -
		    (uint64_t)decimals_priv_order(bits_of((double)digits[i] / by), 0));
	}
}

static unsigned
width_of(uint64_t u)
{
	return u ? 64 - (unsigned)__builtin_clzll(u) : 0;
}

/* About how many bits that many numbers take, of which count[w] are w bits wide: those that would widen all others are patched. */
static size_t
patched_cost(const size_t count[65], size_t n)
{
	size_t above = 0, best = SIZE_MAX;
	unsigned widest = 64;

	while (widest && !count[widest])
		widest--;
	for (unsigned w = widest + 1; w-- > 0 && above <= n / 8; above += count[w]) {
		size_t cost = n * w + above * (widest - w + 10);

		best = cost < best ? cost : best;
	}
	return best;
}

/* The exponent for which a sample has the fewest bits. */
static int
near_exponent(const double *v, size_t n)
{
	size_t step = n / SAMPLE + 1, best_cost = SIZE_MAX;
	int best = 0;

	for (int e = 0; e <= 15; e++) {
		size_t count[65] = { 0 }, seen = 0, cost;
		int64_t least = INT64_MAX, most = INT64_MIN;

		for (size_t i = 0; i < n; i += step, seen++) {
			int64_t digits, off;

			part_near(v + i, 1, power[e], &digits, &off);
			least = digits < least ? digits : least;
			most = digits > most ? digits : most;
			count[width_of((uint64_t)off << 1 ^ (uint64_t)(off >> 63))]++;
		}
		cost = patched_cost(count, seen) + seen * width_of((uint64_t)most - (uint64_t)least);
		if (cost < best_cost)
			best_cost = cost, best = e;
	}
	return best;
}

/* ---- split: exponents are few, so their few bits are looked up; what is behind them is random
 *
 * (ALP for real doubles, Afroozeh and others as above; here what is frequent has a small code, and the patches of integers.h take the
 * place of its exceptions.) */

struct highs {
	uint64_t high[HIGHS];           /* different ones, as they come; then the frequent first */
	uint32_t count[HIGHS], place[HIGHS];
	uint16_t slot[4 * HIGHS];       /* hash table: number + 1 */
	size_t n;
};

/* Its number, HIGHS when there are too many. */
static inline size_t
look_up(struct highs *h, uint64_t high)
{
	size_t at = high * 0x9e3779b97f4a7c15 >> 52;

	while (h->slot[at &= 4 * HIGHS - 1]) {
		size_t k = h->slot[at] - 1u;

		if (h->high[k] == high) {
			h->count[k]++;
			return k;
		}
		at++;
	}
	if (h->n == HIGHS)
		return HIGHS;
	h->high[h->n] = high;
	h->count[h->n] = 1;
	h->slot[at] = (uint16_t)++h->n;
	return h->n - 1;
}

static void
frequent_first(struct highs *h)
{
	uint16_t order[HIGHS];
	uint64_t high[HIGHS];

	for (size_t i = 0; i < h->n; i++) {             /* mostly a dozen, and the frequent come first */
		size_t k = i;

		for (; k && h->count[order[k - 1]] < h->count[i]; k--)
			order[k] = order[k - 1];
		order[k] = (uint16_t)i;
	}
	for (size_t i = 0; i < h->n; i++) {
		high[i] = h->high[order[i]];
		h->place[order[i]] = (uint32_t)i;
	}
	memcpy(h->high, high, h->n * sizeof(*high));
}

/* Of how many bits below the high ones does a sample take the least? 0: of none. */
static unsigned
choose_low(struct highs *h, const double *v, size_t n, unsigned shift)
{
	size_t step = n / SAMPLE + 1, best_cost = SIZE_MAX;
	unsigned best = 0;

	for (unsigned more = 0; more <= 8 && shift + more < FRACTION; more += 4) {
		size_t count[65] = { 0 }, seen = 0, cost;
		unsigned low = FRACTION - shift - more;

		memset(h->slot, 0, sizeof(h->slot));
		h->n = 0;
		for (size_t i = 0; i < n; i += step, seen++)
			look_up(h, bits_of(v[i]) >> (shift + low));
		frequent_first(h);
		for (size_t k = 0; k < h->n; k++)
			count[width_of(h->place[k])] += h->count[k];
		cost = patched_cost(count, seen) + seen * low + h->n * 16;
		if (cost < best_cost)
			best_cost = cost, best = low;
	}
	return best;
}

/* Append it as split, if it has so few high bits. */
static void
put_split(struct buf *b, const double *v, size_t n, int64_t *lows)
{
	uint32_t *code = (uint32_t *)(void *)(lows + n);
	struct highs *h = mem_new(sizeof(*h));
	unsigned shift = shift_of(v, n), low = choose_low(h, v, n, shift);

	if (low == 0)
		goto out;
	memset(h->slot, 0, sizeof(h->slot));
	h->n = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t bits = bits_of(v[i]) >> shift;
		size_t k = look_up(h, bits >> low);

		if (k == HIGHS)
			goto out;
		code[i] = (uint32_t)k;
		lows[i] = (int64_t)(bits & (((uint64_t)1 << low) - 1));
	}
	frequent_first(h);
	for (size_t i = 0; i < n; i++)
		code[i] = h->place[code[i]];
	buf_byte(b, (char)SPLIT);
	buf_byte(b, (char)shift);
	buf_byte(b, (char)low);
	varint_put(b, h->n);
	integers_put(b, (const int64_t *)h->high, h->n);
	integers_put_codes(b, code, n, (uint32_t)h->n);
	integers_put(b, lows, n);
out:
	free(h);
}

/* ---- putting. `number` has room for 2 n of them. */

static void
put_near(struct buf *b, const double *v, size_t n, int64_t *number)
{
	int e = near_exponent(v, n);

	part_near(v, n, power[e], number, number + n);
	buf_byte(b, (char)(NEAR + e));
	integers_put(b, number, n);
	integers_put(b, number + n, n);
}

/* Those that are no such decimals aside. How many. */
static size_t
put_decimals(struct buf *b, const double *v, size_t n, int e, int64_t *number, put_numbers *put_digits)
{
	int64_t *missed = number + n;
	size_t misses = decimals_priv_used->scale(v, n, power[e], number, missed);

	for (size_t i = 0, usual = 0; i < misses; i++) {        /* the number before it costs least in its place */
		while (usual < misses && missed[usual] == (int64_t)usual)
			usual++;                                /* the first that is none of them */
		number[missed[i]] = misses == n ? 0 : number[missed[i] ? missed[i] - 1 : (int64_t)usual];
	}
	buf_byte(b, (char)e);
	varint_put(b, misses);
	put_digits(b, number, n);
	if (misses) {
		integers_put(b, missed, misses);
		for (size_t i = 0; i < misses; i++)
			missed[i] = (int64_t)bits_of(v[missed[i]]);
		integers_put(b, missed, misses);
	}
	return misses;
}

static void
put_doubles(struct buf *b, const double *v, size_t n, int64_t *number)
{
	unsigned shift = shift_of(v, n);

	put_in_order(v, n, shift, number);
	buf_byte(b, (char)(DOUBLES + shift));
	integers_put(b, number, n);
}

/* What was appended from `at` on takes the place of what stands before it, from `start` on, or goes. */
static void
keep_smaller(struct buf *b, size_t start, size_t at)
{
	size_t n = b->n - at;

	if (n && (at == start || n < at - start)) {
		memmove(b->p + start, b->p + at, n);
		b->n = start + n;
	} else {
		b->n = at;
	}
}

/* The smallest of the forms for what are no short decimals. Those that two parts of them say to be far from it are not tried. */
static void
put_long(struct buf *b, size_t start, const double *v, size_t n, int64_t *number)
{
	static void (*const put_as[])(struct buf *, const double *, size_t, int64_t *) = { put_near, put_doubles, put_split };
	size_t size[3] = { 0 }, least = SIZE_MAX, at = b->n, m = n < 8 * PART ? 0 : PART;

	for (int i = 0; m && i < 3; i++, b->n = at) {
		put_as[i](b, v + n / 4, m, number);
		put_as[i](b, v + n / 4 * 3, m, number);
		size[i] = b->n > at ? b->n - at : SIZE_MAX / 8;
		least = size[i] < least ? size[i] : least;
	}
	for (int i = 0; i < 3; i++, at = b->n) {
		if (m && size[i] > least + least / 16)
			continue;
		put_as[i](b, v, n, number);
		keep_smaller(b, start, at);
	}
}

static void
put(struct buf *b, const double *v, size_t n, put_numbers *put_digits)
{
	size_t start = b->n, misses = n;
	int64_t *number;
	int e;

	if (n == 0)
		return;
	number = mem_grow(NULL, n, 2 * sizeof(*number));
	if ((e = exponent_of(v, n)) >= 0)
		misses = put_decimals(b, v, n, e, number, put_digits);
	if (misses)
		put_long(b, start, v, n, number);
	free(number);
}

void
decimals_put(struct buf *b, const double *v, size_t n)
{
	put(b, v, n, integers_put);
}

void
decimals_put_entropy(struct buf *b, const double *v, size_t n)
{
	put(b, v, n, entropy_put);
}

static int
take_misses(struct str *rest, double *out, size_t n, size_t misses)
{
	int64_t *place = mem_grow(NULL, misses, 2 * sizeof(*place)), *bits = place + misses;
	int rc = -1;

	if (integers_take(rest, place, misses) < 0 || integers_take(rest, bits, misses) < 0)
		goto out;
	for (size_t i = 0; i < misses; i++) {
		if ((uint64_t)place[i] >= n)
			goto out;
		memcpy(&out[place[i]], &bits[i], sizeof(*out));
	}
	rc = 0;
out:
	free(place);
	return rc;
}

static int
take_near(struct str *rest, double *out, size_t n, double by)
{
	int64_t *off = mem_grow(NULL, n, sizeof(*off));
	int rc = -1;

	if (integers_take(rest, (int64_t *)(void *)out, n) == 0 && integers_take(rest, off, n) == 0) {
		decimals_priv_used->divide(out, n, by);
		decimals_priv_used->move(out, off, n);
		rc = 0;
	}
	free(off);
	return rc;
}

static int
take_split(struct str *rest, double *out, size_t n)
{
	uint32_t *code = NULL;
	int64_t *high = NULL;
	unsigned shift, low;
	uint64_t m;
	int rc = -1;

	if (rest->n < 2)
		return -1;
	shift = (unsigned char)rest->p[0];
	low = (unsigned char)rest->p[1];
	rest->p += 2, rest->n -= 2;
	if (low == 0 || low > 63 || shift > 63 || varint_take(rest, &m) < 0 || m == 0 || m > n)
		return -1;
	code = mem_grow(NULL, n, sizeof(*code));
	high = mem_grow(NULL, m, sizeof(*high));
	if (integers_take(rest, high, m) == 0 && integers_take_codes(rest, code, n, (uint32_t)m) == 0 &&
	    integers_take(rest, (int64_t *)(void *)out, n) == 0) {
		for (size_t k = 0; k < m; k++)
			high[k] = (int64_t)((uint64_t)high[k] << low << shift);
		decimals_priv_used->join(out, code, high, shift, n);
		rc = 0;
	}
	free(code);
	free(high);
	return rc;
}

/* The numbers are taken into the very memory of the doubles and made doubles there, read and written as bytes. */
int
decimals_take(struct str *rest, double *out, size_t n)
{
	struct str r = *rest;
	uint64_t misses = 0;
	unsigned kind;

	if (n == 0)
		return 0;
	if (r.n == 0)
		return -1;
	kind = (unsigned char)*r.p;
	r.p++, r.n--;
	if (kind <= DECIMALS_DIGITS) {
		if (varint_take(&r, &misses) < 0 || misses > n || entropy_take(&r, (int64_t *)(void *)out, n) < 0)   /* takes those of integers.h too */
			return -1;
		decimals_priv_used->divide(out, n, power[kind]);
		if (misses && take_misses(&r, out, n, (size_t)misses) < 0)
			return -1;
	} else if (kind >= NEAR && kind <= NEAR + DECIMALS_DIGITS) {
		if (take_near(&r, out, n, power[kind - NEAR]) < 0)
			return -1;
	} else if (kind >= DOUBLES && kind < SPLIT) {
		if (integers_take(&r, (int64_t *)(void *)out, n) < 0)
			return -1;
		decimals_priv_used->of_order(out, n, kind - DOUBLES);
	} else if (kind != SPLIT || take_split(&r, out, n) < 0) {
		return -1;
	}
	*rest = r;
	return 0;
}

/* ---- sums */

#define NANO 1000000000
#define BLOCK 256                       /* of 2^51 each: their sum is an int64 */
#define EXACT 2251799813685248.0        /* 2^51: below it a product is off by less than a half */

/* What is too great for the places of its block, has more of them, or is no decimal. */
static void
sum_other(double v, __int128 *nano, double *rest)
{
	if (v > -0x1p63 && v < 0x1p63 && v == (double)(int64_t)v) {
		*nano += (__int128)(int64_t)v * NANO;
		return;
	}
	for (int places = 9; places > 0; places--) {
		double scaled = v * power[places];
		int64_t digits;

		if (!(scaled > -EXACT && scaled < EXACT))
			continue;
		digits = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
		if ((double)digits / power[places] != v)
			break;
		*nano += (__int128)digits * (int64_t)power[9 - places];
		return;
	}
	*rest += v;
}

/* The most places that leave room for values some times as great. */
static int
places_for(double v)
{
	const double most = EXACT / 8;

	v = fabs(v);
	return v < most / 1e9 ? 9 : v < most / 1e6 ? 6 : v < most / 1e3 ? 3 : 0;
}

void
decimals_sum_one(double v, __int128 *nano, double *rest)
{
	int64_t digits, missed;

	if (decimals_priv_used->scale(&v, 1, NANO, &digits, &missed) == 0)
		*nano += digits;
	else
		sum_other(v, nano, rest);
}

void
decimals_sum(const double *v, size_t n, __int128 *nano, double *rest)
{
	int64_t digits[BLOCK] MEM_RAW, missed[BLOCK + 4] MEM_RAW;

	for (size_t i = 0, many; i < n; i += many) {
		int places = places_for(v[i]);
		size_t misses;
		int64_t sum = 0;

		many = n - i < BLOCK ? n - i : BLOCK;
		misses = decimals_priv_used->scale(v + i, many, power[places], digits, missed);
		for (size_t k = 0; k < misses; k++) {
			digits[missed[k]] = 0;
			sum_other(v[i + (size_t)missed[k]], nano, rest);
		}
		for (size_t k = 0; k < many; k++)
			sum += digits[k];
		*nano += (__int128)sum * (int64_t)power[9 - places];
	}
}

double
decimals_of_nano(__int128 nano)
{
	int places = 9;

	for (; places && (nano > LIMIT || nano < -LIMIT) && nano % 10 == 0; places--)
		nano /= 10;
	return (double)nano / power[places];
}
