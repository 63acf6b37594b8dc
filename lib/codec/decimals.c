/* An array of n doubles, as bytes. n is not in it; 0 doubles are 0 bytes.
 *
 *      decimals  0…18    misses digits [places doubles]        value = digits / 10^kind
 *      doubles   64…127  numbers                               the bits of a double = number << (kind - 64)
 *
 * misses is a varint; digits and numbers are arrays of n numbers, places and doubles arrays of `misses` numbers (integers.h; digits
 * maybe of entropy.h): what is no such decimal has its place and its bits there. The shift takes away the zeros that all doubles end
 * with: those that were once floats have 29.
 */
#include "codec/decimals.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/decimals_priv.h"
#include "codec/entropy.h"
#include "codec/integers.h"
#include "codec/varint.h"

#define DOUBLES 64
#define SAMPLE  1024                    /* of an array, to find the exponent */
#define MISS    80                      /* bits: about what a double costs aside */
#define LIMIT   9007199254740992        /* 2^53 */

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

/* The exponent that makes the fewest bits of a sample; -1: none is better than doubles. */
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
	return best;
}

/* The bits of all, shifted as far as they have zeros: gives the shift. */
static unsigned
shift_bits(const double *v, size_t n, int64_t *number)
{
	uint64_t any = 0;
	unsigned shift;

	for (size_t i = 0; i < n; i++)
		any |= bits_of(v[i]);
	shift = any ? (unsigned)__builtin_ctzll(any) : 0;
	for (size_t i = 0; i < n; i++)
		number[i] = (int64_t)(bits_of(v[i]) >> shift);
	return shift;
}

typedef void put_numbers(struct buf *, const int64_t *, size_t n);

static void
put_doubles(struct buf *b, const double *v, size_t n, int64_t *number)
{
	buf_byte(b, (char)(DOUBLES + shift_bits(v, n, number)));
	integers_put(b, number, n);
}

static void
put(struct buf *b, const double *v, size_t n, put_numbers *put_digits)
{
	int64_t *number, *missed;
	size_t misses = 0, start = b->n, size;
	int e;

	if (n == 0)
		return;
	number = mem_grow(NULL, n, 2 * sizeof(*number));
	missed = number + n;
	if ((e = exponent_of(v, n)) < 0) {
		put_doubles(b, v, n, number);
		goto out;
	}
	misses = decimals_priv_used->scale(v, n, power[e], number, missed);
	if (misses == n) {
		put_doubles(b, v, n, number);
		goto out;
	}
	for (size_t i = 0, usual = 0; i < misses; i++) {        /* the number before it costs least in its place */
		while (usual < misses && missed[usual] == (int64_t)usual)
			usual++;                                /* the first that is none of them */
		number[missed[i]] = number[missed[i] ? missed[i] - 1 : (int64_t)usual];
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
	size = b->n - start;
	if (misses > n / 16 && (shift_bits(v, n, number), 1 + integers_size(number, n)) < size) {
		b->n = start;
		put_doubles(b, v, n, number);
	}
out:
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

/* The numbers are taken into the very memory of the doubles and made doubles there, read and written as bytes. */
int
decimals_take(struct str *rest, double *out, size_t n)
{
	struct str r = *rest;
	uint64_t misses = 0, bits;
	unsigned kind;

	if (n == 0)
		return 0;
	if (r.n == 0)
		return -1;
	kind = (unsigned char)*r.p;
	r.p++, r.n--;
	if ((kind > DECIMALS_DIGITS && kind < DOUBLES) || kind >= 2 * DOUBLES)
		return -1;
	if (kind < DOUBLES && (varint_take(&r, &misses) < 0 || misses >= n))
		return -1;
	if (entropy_take(&r, (int64_t *)(void *)out, n) < 0)           /* takes those of integers.h too */
		return -1;
	if (kind < DOUBLES)
		decimals_priv_used->divide(out, n, power[kind]);
	else
		for (size_t i = 0; i < n && kind > DOUBLES; i++) {
			memcpy(&bits, &out[i], sizeof(bits));
			bits <<= kind - DOUBLES;
			memcpy(&out[i], &bits, sizeof(bits));
		}
	if (misses && take_misses(&r, out, n, (size_t)misses) < 0)
		return -1;
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
