/* vector_sum.c - exact sums of doubles.
 *
 * A double is 53 bits somewhere. Nearly all that people sum lie between 2^-64 and 2^55 as a whole: these add up in 128 bits, where
 * 2^64 stands for 1. The others go to a wide one of 32-bit digits that reaches over all of a double's range (a small
 * superaccumulator: Neal, "Fast exact summation using small and large superaccumulators", 2015), made when a group first needs it.
 * The exact sum is rounded once, so it is the same in any order, over any number of threads.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "query/vector_priv.h"

#define LOWEST 1074             /* bits below the point: of the least double */
#define DIGITS 70               /* of 32 bits: 1074 below, 1024 above, and room for 2^63 summands */

struct vector_wide {
	int64_t digit[DIGITS];          /* signed, not carried */
	uint32_t added;                 /* since they were carried */
	int plus, minus;                /* infinities */
};

void
vector_sums_release(struct vector_sums *s)
{
	for (size_t i = 0; s->wide && i < s->cap; i++)
		free(s->wide[i]);
	free(s->whole), free(s->fixed), free(s->wide), free(s->real);
	*s = (struct vector_sums){ 0 };
}

static void *
room(void *array, size_t old, size_t n, size_t size, size_t *held)
{
	array = mem_grow(array, n, size);
	memset((char *)array + old * size, 0, (n - old) * size);
	*held += (n - old) * size;
	return array;
}

void
vector_sums_room(struct vector_sums *s, size_t n, int integers, int reals, size_t *held)
{
	if (n > s->cap) {
		size_t cap = n > 2 * s->cap ? n : 2 * s->cap;

		if (s->whole)
			s->whole = room(s->whole, s->cap, cap, sizeof(*s->whole), held);
		if (s->fixed) {
			s->fixed = room(s->fixed, s->cap, cap, sizeof(*s->fixed), held);
			s->wide = room(s->wide, s->cap, cap, sizeof(struct vector_wide *), held);
			s->real = room(s->real, s->cap, cap, 1, held);
		}
		s->cap = cap;
	}
	if (integers && !s->whole)
		s->whole = room(NULL, 0, s->cap, sizeof(*s->whole), held);
	if (reals && !s->fixed) {
		s->fixed = room(NULL, 0, s->cap, sizeof(*s->fixed), held);
		s->wide = room(NULL, 0, s->cap, sizeof(struct vector_wide *), held);
		s->real = room(NULL, 0, s->cap, 1, held);
	}
}

static void
carry(struct vector_wide *w)
{
	int64_t over = 0;

	for (int i = 0; i < DIGITS; i++) {
		int64_t v = w->digit[i] + over;

		over = i + 1 < DIGITS ? v >> 32 : 0;            /* downwards, also below zero: the digit left is not negative */
		w->digit[i] = v - over * (1LL << 32);
	}
	w->added = 0;
}

/* Add sign * bits * 2^place, place counted from the lowest bit. */
static void
add_bits(struct vector_wide *w, uint64_t bits, int place, int minus)
{
	__uint128_t v = (__uint128_t)bits << (place % 32);

	for (int i = place / 32; v && i < DIGITS; i++, v >>= 32)
		w->digit[i] += minus ? -(int64_t)(uint32_t)v : (int64_t)(uint32_t)v;
	if (++w->added == 1u << 30)
		carry(w);
}

static void
add_double(struct vector_wide *w, double x)
{
	uint64_t bits;
	int exponent;

	memcpy(&bits, &x, sizeof(bits));
	exponent = (int)(bits >> 52 & 0x7ff);
	if (exponent == 0x7ff) {
		w->plus |= x > 0 || isnan(x);
		w->minus |= x < 0 || isnan(x);
		return;
	}
	add_bits(w, (bits & ((1ULL << 52) - 1)) | (exponent ? 1ULL << 52 : 0), exponent ? exponent - 1 : 0, (int)(bits >> 63));
}

static void
add_int128(struct vector_wide *w, __int128 v, int place)
{
	int minus = v < 0;
	__uint128_t size = minus ? -(__uint128_t)v : (__uint128_t)v;

	add_bits(w, (uint64_t)size, place, minus);
	add_bits(w, (uint64_t)(size >> 64), place + 64, minus);
}

void
vector_sums_add_wide(struct vector_sums *s, size_t group, double x)
{
	if (x == 0)
		return;
	if (!s->wide[group])
		s->wide[group] = mem_new(sizeof(struct vector_wide));
	if (isfinite(x) && fabs(x) < 0x1p60) {          /* the 128 bits are full: their sum moves here */
		add_int128(s->wide[group], s->fixed[group], LOWEST - 64);
		s->fixed[group] = 0;
	}
	add_double(s->wide[group], x);
}

void
vector_sums_merge(struct vector_sums *s, size_t to, const struct vector_sums *other, size_t from)
{
	if (other->whole)
		s->whole[to] += other->whole[from];
	if (!other->fixed)
		return;
	s->real[to] |= other->real[from];
	if (other->wide[from] || __builtin_add_overflow(s->fixed[to], other->fixed[from], &s->fixed[to])) {
		struct vector_wide *w = s->wide[to] ? s->wide[to] : (s->wide[to] = mem_new(sizeof(*w)));

		if (!other->wide[from])         /* it wrapped around: back */
			s->fixed[to] = (__int128)((__uint128_t)s->fixed[to] - (__uint128_t)other->fixed[from]);
		add_int128(w, other->fixed[from], LOWEST - 64);
		if (other->wide[from]) {
			carry(w);
			for (int i = 0; i < DIGITS; i++)
				w->digit[i] += other->wide[from]->digit[i];
			carry(w);
			w->plus |= other->wide[from]->plus;
			w->minus |= other->wide[from]->minus;
		}
	}
}

int
vector_sums_is_real(const struct vector_sums *s, size_t group)
{
	return s->real && s->real[group];
}

int
vector_sums_integer(const struct vector_sums *s, size_t group, int64_t *sum)
{
	__int128 v = s->whole ? s->whole[group] : 0;

	*sum = (int64_t)v;
	return *sum == v ? 0 : -1;
}

/* The nearest double, ties to even. */
static double
rounded(struct vector_wide *w)
{
	int minus, top;
	__uint128_t v = 0;
	uint64_t first, rest = 0;
	int zeros;

	if (w->plus || w->minus)
		return w->plus && w->minus ? NAN : w->plus ? INFINITY : -INFINITY;
	carry(w);
	minus = w->digit[DIGITS - 1] < 0;
	if (minus) {
		for (int i = 0; i < DIGITS; i++)
			w->digit[i] = -w->digit[i];
		carry(w);
	}
	for (top = DIGITS - 1; top > 0 && !w->digit[top]; top--)
		;
	for (int i = top; i > top - 4; i--)
		v = v << 32 | (uint32_t)(i >= 0 ? w->digit[i] : 0);
	for (int i = top - 4; i >= 0; i--)
		rest |= (uint64_t)w->digit[i];
	if (minus) {
		for (int i = 0; i < DIGITS; i++)
			w->digit[i] = -w->digit[i];
	}
	if (!v)
		return 0;
	zeros = v >> 64 ? __builtin_clzll((uint64_t)(v >> 64)) : 64 + __builtin_clzll((uint64_t)v);
	v <<= zeros;
	first = (uint64_t)(v >> 64) | ((uint64_t)v || rest);    /* a bit that says there is more */
	return ldexp(minus ? -(double)first : (double)first, 32 * (top - 3) - zeros + 64 - LOWEST);
}

static struct vector_wide
all_of(const struct vector_sums *s, size_t group)
{
	struct vector_wide w = { 0 };

	if (s->fixed && s->wide[group])
		w = *s->wide[group];
	if (s->fixed)
		add_int128(&w, s->fixed[group], LOWEST - 64);
	if (s->whole)
		add_int128(&w, s->whole[group], LOWEST);
	return w;
}

/* As doubles, each the nearest to what those before it are off. */
static void
take_apart(struct vector_wide *w, double *part, int n)
{
	for (int i = 0; i < n; i++) {
		part[i] = i && !isfinite(part[0]) ? 0 : rounded(w);
		if (isfinite(part[i]))
			add_double(w, -part[i]);
	}
}

void
vector_sums_get(const struct vector_sums *s, size_t group, double *sum, double *rest)
{
	struct vector_wide w = all_of(s, group);
	double part[2] = { 0 };

	take_apart(&w, part, rest ? 2 : 1);
	*sum = part[0];
	if (rest)
		*rest = part[1];
}

/* ---- moments */

#define DOWN 0x1p-600           /* brings large numbers, and their squares, into the midst of what a double can be */

void
vector_moments_release(struct vector_moments *m)
{
	vector_sums_release(&m->sums), vector_sums_release(&m->squares), vector_sums_release(&m->large), vector_sums_release(&m->large_squares);
}

void
vector_moments_room(struct vector_moments *m, size_t n, int reals, size_t *held)
{
	vector_sums_room(&m->sums, n, 0, reals, held), vector_sums_room(&m->squares, n, 0, reals, held);
	vector_sums_room(&m->large, n, 0, 0, held), vector_sums_room(&m->large_squares, n, 0, 0, held);
}

void
vector_moments_add_large(struct vector_moments *m, size_t group, double x, int sign, size_t *held)
{
	double square;

	vector_sums_room(&m->large, m->sums.cap, 0, 1, held), vector_sums_room(&m->large_squares, m->sums.cap, 0, 1, held);
	x *= DOWN;
	square = x * x;
	vector_sums_add_real(&m->large, group, sign * x);
	vector_sums_add_real(&m->large_squares, group, sign * square);
	vector_sums_add_real(&m->large_squares, group, sign * fma(x, x, -square));
}

void
vector_moments_merge(struct vector_moments *m, size_t to, const struct vector_moments *other, size_t from)
{
	vector_sums_merge(&m->sums, to, &other->sums, from), vector_sums_merge(&m->squares, to, &other->squares, from);
	if (other->large.fixed)
		vector_sums_merge(&m->large, to, &other->large, from), vector_sums_merge(&m->large_squares, to, &other->large_squares, from);
}

/* Sums in three times the digits of a double: the square of one that has n digits has 2 n, and a sum of many squares some more. */
#define PARTS 3
struct parts { double of[PARTS]; };

static struct parts
parts_of(const struct vector_sums *s, size_t group)
{
	struct vector_wide w = all_of(s, group);
	struct parts p;

	take_apart(&w, p.of, PARTS);
	return p;
}

static void
add_product_of(struct vector_wide *w, double a, double b)
{
	double product = a * b;

	add_double(w, product);
	if (isfinite(product))
		add_double(w, fma(a, b, -product));
}

/* n * a - b * c, to the last digit: of numbers that are all the same it is 0, not what rounding leaves of nearly equal ones, and what is
 * divided by that. NAN: beyond a double. */
static double
apart(double n, const struct parts *a, const struct parts *b, const struct parts *c)
{
	struct vector_wide w = { 0 };
	double d;

	for (int i = 0; i < PARTS; i++) {
		add_product_of(&w, n, a->of[i]);
		for (int k = 0; k < PARTS; k++)
			add_product_of(&w, -b->of[i], c->of[k]);
	}
	d = rounded(&w);
	return isfinite(d) ? d : NAN;
}

double
vector_moments_get(const struct vector_moments *m, size_t group, int64_t count, int pop, int root)
{
	double n = (double)count, var, up = 1;
	struct parts sum, square, large;

	if (count < (pop ? 1 : 2))
		return NAN;
	sum = parts_of(&m->sums, group);
	square = parts_of(&m->squares, group);
	if (m->large.fixed && vector_sums_is_real(&m->large, group)) {  /* the others are hardly more beside them than what they are off */
		large = parts_of(&m->large_squares, group);
		if (large.of[0] != 0) {
			up = 1 / DOWN;
			large.of[PARTS - 1] += square.of[0] * DOWN * DOWN;
			square = large;
			large = parts_of(&m->large, group);
			large.of[PARTS - 1] += sum.of[0] * DOWN;
			sum = large;
		}
	}
	var = apart(n, &square, &sum, &sum) / n / (pop ? n : n - 1);
	if (var < 0)
		var = 0;
	return root ? sqrt(var) * up : var * up * up;
}

/* ---- two variables */

void
vector_regression_release(struct vector_regression *r)
{
	vector_sums_release(&r->x), vector_sums_release(&r->y), vector_sums_release(&r->xx), vector_sums_release(&r->yy), vector_sums_release(&r->xy);
}

void
vector_regression_room(struct vector_regression *r, size_t n, size_t *held)
{
	vector_sums_room(&r->x, n, 0, 1, held), vector_sums_room(&r->y, n, 0, 1, held);
	vector_sums_room(&r->xx, n, 0, 1, held), vector_sums_room(&r->yy, n, 0, 1, held), vector_sums_room(&r->xy, n, 0, 1, held);
}

static void
add_product(struct vector_sums *to, size_t group, double a, double b, int sign)
{
	double product = a * b, rest = fma(a, b, -product);

	vector_sums_add_real(to, group, sign * product);
	if (rest != 0)
		vector_sums_add_real(to, group, sign * rest);
}

void
vector_regression_add(struct vector_regression *r, size_t group, double x, double y, int sign)
{
	vector_sums_add_real(&r->x, group, sign * x), vector_sums_add_real(&r->y, group, sign * y);
	add_product(&r->xx, group, x, x, sign), add_product(&r->yy, group, y, y, sign), add_product(&r->xy, group, x, y, sign);
}

void
vector_regression_merge(struct vector_regression *r, size_t to, const struct vector_regression *other, size_t from)
{
	vector_sums_merge(&r->x, to, &other->x, from), vector_sums_merge(&r->y, to, &other->y, from);
	vector_sums_merge(&r->xx, to, &other->xx, from), vector_sums_merge(&r->yy, to, &other->yy, from), vector_sums_merge(&r->xy, to, &other->xy, from);
}

static double
within(double x, double most)
{
	return x > most ? most : x < -most ? -most : x;         /* NAN stays */
}

double
vector_regression_get(const struct vector_regression *r, size_t group, int64_t count, enum vector_aggregate_of of)
{
	double n = (double)count, xx, yy, xy, squares, out;
	struct parts x, y, sum;

	if (of == AGGREGATE_REGR_COUNT)
		return n;
	if (count < 1)
		return NAN;
	x = parts_of(&r->x, group), y = parts_of(&r->y, group);
	sum = parts_of(&r->xx, group), xx = apart(n, &sum, &x, &x) / n;
	sum = parts_of(&r->yy, group), yy = apart(n, &sum, &y, &y) / n;
	sum = parts_of(&r->xy, group), xy = apart(n, &sum, &x, &y) / n;
	switch (of) {
	case AGGREGATE_CORR:
		squares = xx * yy;      /* its root is that of both, exactly where they are the same; or it is beyond a double */
		out = within(xy / (isnormal(squares) ? sqrt(squares) : sqrt(xx) * sqrt(yy)), 1);
		break;
	case AGGREGATE_COVAR_POP:
		out = xy / n;
		break;
	case AGGREGATE_COVAR_SAMP:
		out = count < 2 ? NAN : xy / (n - 1);
		break;
	case AGGREGATE_REGR_SLOPE:
		out = xy / xx;
		break;
	case AGGREGATE_REGR_INTERCEPT:
		out = y.of[0] / n - xy / xx * (x.of[0] / n);
		break;
	case AGGREGATE_REGR_R2:
		out = xx == 0 ? NAN : yy == 0 ? 1 : within(xy / xx * (xy / yy), 1);
		break;
	case AGGREGATE_REGR_SXX:
		out = xx;
		break;
	case AGGREGATE_REGR_SYY:
		out = yy;
		break;
	case AGGREGATE_REGR_SXY:
		out = xy;
		break;
	default:
		out = (of == AGGREGATE_REGR_AVGX ? x : y).of[0] / n;
	}
	return isinf(out) ? NAN : out;
}
