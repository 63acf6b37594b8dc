#include "window/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

typedef unsigned __int128 wide_digits;

#define LEAST_EXP (-400)                /* nearer to zero is zero */
#define BASE      1000000000            /* a limb holds nine digits */

/* The sum of limb[i] * BASE^(low + i). Limbs may be of either sign and larger than the base until they are settled. */
struct number_wide {
	int64_t *limb;
	int low, n;
	unsigned added;                 /* since they were settled: each adds less than 2 * BASE to a limb */
};

/* ---- one number */

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits from p on, as many as are kept; *exp is what the point and the digits cut off make of them. */
static const char *
read_digits(const char *p, const char *end, wide_digits *u, int *kept, int64_t *exp)
{
	int point = 0;

	for (*u = 0, *kept = 0, *exp = 0; p < end; p++) {
		if (*p == '.' && !point) {
			point = 1;
			continue;
		}
		if (!is_digit(*p))
			break;
		if (*kept == NUMBER_DIGITS) {
			*exp += !point;
			continue;
		}
		*exp -= point;
		*u = *u * 10 + (unsigned)(*p - '0');
		*kept += *kept || *p != '0';
	}
	return p;
}

/* "e-7" behind the digits. NULL when it is none. */
static const char *
read_exp(const char *p, const char *end, int64_t *exp)
{
	int64_t more = 0;
	int down = 0;

	if (++p < end && (*p == '-' || *p == '+'))
		down = *p++ == '-';
	if (p == end)
		return NULL;
	for (; p < end && is_digit(*p); p++)
		if (more < 1000000000)
			more = more * 10 + (*p - '0');
	*exp += down ? -more : more;
	return p;
}

/* What is out of the ordinary: one form for one value (as few digits as do, no exponent where it can be without), and
 * the ends of the range. */
static void
settle_number(wide_digits u, int minus, int kept, int64_t exp, struct number *to)
{
	while (u && u % 10 == 0)
		u /= 10, exp++, kept--;
	while (u && exp > 0 && kept < 18)
		u *= 10, exp--, kept++;
	if (!u || exp + kept < LEAST_EXP)
		u = 0, exp = 0;
	else if (exp + kept > 309)
		u = 17976931348623157u, exp = 292;
	*to = (struct number){ minus ? -(__int128)u : (__int128)u, (int)exp };
	if (u && exp + kept == 309 && fabs(number_double(to)) == DBL_MAX)
		*to = (struct number){ minus ? -17976931348623157 : 17976931348623157, 292 };
}

int
number_read(struct str s, struct number *to)
{
	const char *p = s.p, *end = s.p + s.n, *digits, *point = NULL;
	wide_digits u;
	uint64_t few = 0;
	int minus = 0, kept;
	int64_t exp;

	if (p < end && (*p == '-' || *p == '+'))
		minus = *p++ == '-';
	for (digits = p; p < end; p++)
		if (is_digit(*p))
			few = few * 10 + (unsigned)(*p - '0');
		else if (*p == '.' && !point)
			point = p;
		else
			break;
	if (p - digits - !!point <= 0)
		return 0;
	exp = point ? -(p - point - 1) : 0;
	if (p == end && p - digits < 19 && exp >= -9) {         /* nearly all */
		*to = (struct number){ minus ? -(int64_t)few : (int64_t)few, few ? (int)exp : 0 };
		return 1;
	}
	p = read_digits(digits, end, &u, &kept, &exp);
	if (p < end && ((*p != 'e' && *p != 'E') || !(p = read_exp(p, end, &exp)) || p < end))
		return 0;
	settle_number(u, minus, kept, exp, to);
	return 1;
}

int
number_of(struct json v, struct number *to)
{
	if (v.type == JSON_NUMBER)
		return number_read(json_raw(v), to);
	if (v.type != JSON_STRING || v.n == 2)
		return 0;
	if (v.escaped) {
		struct buf text = { 0 };
		int is = number_read(json_text(v, &text), to);

		buf_release(&text);
		return is;
	}
	return number_read((struct str){ v.p + 1, v.n - 2 }, to);
}

static wide_digits
size_of(__int128 digits)
{
	return digits < 0 ? -(wide_digits)digits : (wide_digits)digits;
}

static int
digits_put(char *out, wide_digits u)            /* at most 39 bytes; how many */
{
	char text[40], *p = text + sizeof(text);

	do
		*--p = (char)('0' + (int)(u % 10));
	while (u /= 10);
	memcpy(out, p, (size_t)(text + sizeof(text) - p));
	return (int)(text + sizeof(text) - p);
}

static double
double_of_text(struct str text)
{
	double d;

	if (str_double(text, &d) == 0)
		return d;
	return text.p[0] == '-' ? -DBL_MAX : DBL_MAX;
}

double
number_double(const struct number *v)
{
	static const double ten[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
	    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	char text[64];
	int n;
	double d;

	/* Clinger 1990: one operation on two doubles that are exact is correctly rounded */
	if (v->digits <= (int64_t)1 << 53 && v->digits >= -((int64_t)1 << 53) && v->exp >= -22 && v->exp <= 22)
		return v->exp < 0 ? (double)(int64_t)v->digits / ten[-v->exp] : (double)(int64_t)v->digits * ten[v->exp];
	n = digits_put(text, size_of(v->digits));
	n += snprintf(text + n, 16, "e%d", v->exp);
	d = double_of_text((struct str){ text, (size_t)n });
	return v->digits < 0 ? -d : d;
}

/* The digits as they are with an exponent that is so much less. What has no place then is greater than any digits. */
static __int128
digits_down(__int128 digits, int by)
{
	const __int128 most = (__int128)(~(wide_digits)0 >> 1), whole = digits;

	for (; digits && by > 0; by--)
		if (__builtin_mul_overflow(digits, 10, &digits))
			return whole < 0 ? -most : most;
	return digits;
}

int
number_cmp(const struct number *a, const struct number *b)
{
	__int128 u = a->digits, v = b->digits;
	double x, y;

	if (a->exp != b->exp && (x = number_double(a), y = number_double(b), x != y))
		return x > y ? 1 : -1;
	if (a->exp != b->exp)           /* 2^53 + 1 and 2^53 + 0.5 are one double, and two numbers */
		u = digits_down(u, a->exp - b->exp), v = digits_down(v, b->exp - a->exp);
	return (u > v) - (u < v);
}

/* u * 10^exp as a JSON number; `to` may be NULL. 1 when nothing is lost. */
static int
put_decimal(wide_digits u, int minus, int exp, struct buf *to)
{
	char text[64];
	int n, digits;
	double d;

	for (; u && u % 10 == 0 && exp < 0; exp++)
		u /= 10;
	if (!u)
		exp = 0;
	digits = n = digits_put(text, u);
	if (exp >= 0 && digits + exp <= NUMBER_DIGITS) {
		if (!to)
			return 1;
		if (minus && u)
			buf_byte(to, '-');
		buf_add(to, text, (size_t)n);
		for (; exp > 0; exp--)
			buf_byte(to, '0');
		return 1;
	}
	n += snprintf(text + n, 16, "e%d", exp);
	d = double_of_text((struct str){ text, (size_t)n });
	if (to)
		json_put_double(to, minus ? -d : d);
	return digits <= 15 && d > 1e-300 && d < 1e300;         /* so many digits come back from every double */
}

void
number_put(const struct number *v, struct buf *to)
{
	put_decimal(size_of(v->digits), v->digits < 0, v->exp, to);
}

int
number_is_put_whole(const struct number *v)
{
	return put_decimal(size_of(v->digits), v->digits < 0, v->exp, NULL);
}

/* ---- wide numbers */

static void
wide_free(struct number_wide *w)
{
	if (w)
		free(w->limb);
	free(w);
}

/* Make sure that limbs low … high are there. */
static void
wide_reach(struct number_wide *w, int low, int high)
{
	int new_low = w->n && w->low < low ? w->low : low, new_high = w->n && w->low + w->n - 1 > high ? w->low + w->n - 1 : high;
	int64_t *limb;

	if (w->n && new_low == w->low && new_high == w->low + w->n - 1)
		return;
	limb = mem_new((size_t)(new_high - new_low + 1) * sizeof(*limb));
	if (w->n)
		memcpy(limb + (w->low - new_low), w->limb, (size_t)w->n * sizeof(*limb));
	free(w->limb);
	w->limb = limb;
	w->low = new_low;
	w->n = new_high - new_low + 1;
}

/* Bring each limb but the highest, which has the sign, to 0 … BASE - 1. */
static void
wide_settle(struct number_wide *w)
{
	if (!w->n)
		return;
	wide_reach(w, w->low, w->low + w->n);
	for (int i = 0; i + 1 < w->n; i++) {
		int64_t carry = w->limb[i] / BASE - (w->limb[i] % BASE < 0);

		w->limb[i] -= carry * BASE;
		w->limb[i + 1] += carry;
	}
	for (; w->n > 1 && (w->limb[w->n - 1] == 0 || w->limb[w->n - 1] == -1); w->n--)
		if (w->limb[w->n - 1])
			w->limb[w->n - 2] -= BASE;
	w->added = 0;
}

static void
wide_add(struct number_wide *w, wide_digits u, int minus, int exp)
{
	static const int64_t ten[] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000 };
	int k = exp >= 0 ? exp / 9 : -((8 - exp) / 9), r = exp - 9 * k, n = 0;
	uint64_t part[6];

	for (; u; u /= BASE)
		part[n++] = (uint64_t)(u % BASE) * (uint64_t)ten[r];
	wide_reach(w, k, k + n);
	for (int i = 0; i < n; i++) {
		int64_t low = (int64_t)(part[i] % BASE), high = (int64_t)(part[i] / BASE);

		w->limb[k - w->low + i] += minus ? -low : low;
		w->limb[k - w->low + i + 1] += minus ? -high : high;
	}
	if (++w->added > 1u << 30)
		wide_settle(w);
}

static void
wide_merge(struct number_wide *w, const struct number_wide *from)
{
	if (!from || !from->n)
		return;
	wide_settle(w);
	wide_reach(w, from->low, from->low + from->n - 1);
	for (int i = 0; i < from->n; i++)
		w->limb[from->low - w->low + i] += from->limb[i];
	wide_settle(w);
}

/* The whole sum as one wide number, to be released by the caller. */
static struct number_wide
whole_of(const struct number_sum *s)
{
	struct number_wide w = { 0 };

	wide_add(&w, size_of(s->near), s->near < 0, -9);
	wide_merge(&w, s->far);
	wide_settle(&w);
	return w;
}

/* Its decimal digits, no zeros at either end ("" for zero), appended to `to`; *exp belongs to the last. 1 when negative. */
static int
wide_digits_of(struct number_wide *w, struct buf *to, int *exp)
{
	int minus = w->n && w->limb[w->n - 1] < 0;
	size_t from = to->n, zeros = 0;

	if (minus) {
		for (int i = 0; i < w->n; i++)
			w->limb[i] = -w->limb[i];
		wide_settle(w);
	}
	for (int i = w->n - 1; i >= 0; i--)
		buf_printf(to, i == w->n - 1 ? "%ld" : "%09ld", (long)w->limb[i]);
	*exp = 9 * w->low;
	for (; to->n > from && to->p[to->n - 1] == '0'; to->n--)
		++*exp;
	while (from + zeros < to->n && to->p[from + zeros] == '0')
		zeros++;
	if (zeros)
		memmove(to->p + from, to->p + from + zeros, to->n - from - zeros);
	to->n -= zeros;
	if (to->n == from)
		*exp = 0;
	return minus;
}

/* Correctly rounded, also for more digits than the reader takes: what is cut off is told by one digit more. */
static double
double_of_digits(struct str digits, int minus, int exp)
{
	char text[160];
	int n = 0;

	if (!digits.n)
		return 0;
	if (minus)
		text[n++] = '-';
	memcpy(text + n, digits.p, digits.n < 100 ? digits.n : 100);
	n += (int)(digits.n < 100 ? digits.n : 100);
	if (digits.n > 100) {
		text[n++] = '1';
		exp += (int)digits.n - 101;
	}
	n += snprintf(text + n, 16, "e%d", exp);
	return double_of_text((struct str){ text, (size_t)n });
}

static void
wide_multiply(const struct number_wide *a, const struct number_wide *b, struct number_wide *to)  /* both settled */
{
	for (int i = 0; i < a->n; i++)
		for (int j = 0; j < b->n; j++) {
			__int128 p = (__int128)a->limb[i] * b->limb[j];

			if (p)
				wide_add(to, size_of(p), p < 0, 9 * (a->low + i + b->low + j));
		}
	wide_settle(to);
}

/* ---- sums */

void
number_sum_release(struct number_sum *s)
{
	wide_free(s->far);
	s->far = NULL;
}

static struct number_wide *
far_of(struct number_sum *s)
{
	return s->far ? s->far : (s->far = mem_new(sizeof(*s->far)));
}

void
number_sum_far(struct number_sum *s, const struct number *v)
{
	if (v->digits)
		wide_add(far_of(s), size_of(v->digits), v->digits < 0, v->exp);
}

void
number_sum_square(struct number_sum *s, const struct number *v)
{
	static const uint64_t half = 10000000000000000000u;     /* of the digits, nineteen: products of halves fit, and twice one */
	wide_digits u = size_of(v->digits), high = u / half, low = u % half;

	if (v->exp == 0 && u < (uint64_t)1 << 30 && s->near < (__int128)1 << 120) {
		s->near += (__int128)(u * u) * BASE;
		return;
	}
	if (low)
		wide_add(far_of(s), low * low, 0, 2 * v->exp);
	if (high) {
		wide_add(far_of(s), 2 * high * low, 0, 2 * v->exp + 19);
		wide_add(far_of(s), high * high, 0, 2 * v->exp + 38);
	}
}

void
number_sum_merge(struct number_sum *s, const struct number_sum *from)
{
	const __int128 most = (__int128)1 << 125;

	if (from->far)
		wide_merge(far_of(s), from->far);
	if (s->near < most && s->near > -most && from->near < most && from->near > -most)
		s->near += from->near;
	else
		wide_add(far_of(s), size_of(from->near), from->near < 0, -9);
}

int
number_sum_is_whole(const struct number_sum *s)
{
	struct number near = { s->near, -9 };
	struct number_wide w;
	struct buf digits = { 0 };
	int exp, whole;

	if (!s->far)
		return number_is_put_whole(&near);
	w = whole_of(s);
	wide_digits_of(&w, &digits, &exp);
	whole = exp >= 0 ? (int)digits.n + exp <= NUMBER_DIGITS : digits.n <= 15 && exp > -300;
	free(w.limb);
	buf_release(&digits);
	return whole;
}

void
number_sum_put(const struct number_sum *s, struct buf *to)
{
	struct number near = { s->near, -9 };
	struct number_wide w;
	struct buf digits = { 0 };
	int exp, minus;

	if (!s->far) {
		number_put(&near, to);
		return;
	}
	w = whole_of(s);
	minus = wide_digits_of(&w, &digits, &exp);
	if (!digits.n) {
		buf_byte(to, '0');
	} else if (exp >= 0 && (int)digits.n + exp <= NUMBER_DIGITS) {
		if (minus)
			buf_byte(to, '-');
		buf_str(to, buf_get(&digits));
		for (; exp; exp--)
			buf_byte(to, '0');
	} else {
		json_put_double(to, double_of_digits(buf_get(&digits), minus, exp));
	}
	free(w.limb);
	buf_release(&digits);
}

void
number_sum_text(const struct number_sum *s, struct buf *to)
{
	struct number_wide w = whole_of(s);
	struct buf digits = { 0 };
	int exp, minus = wide_digits_of(&w, &digits, &exp);

	if (minus)
		buf_byte(to, '-');
	buf_str(to, digits.n ? buf_get(&digits) : STR("0"));
	if (exp)
		buf_printf(to, "e%d", exp);
	free(w.limb);
	buf_release(&digits);
}

int
number_sum_read(struct number_sum *s, struct str text)
{
	struct str digits, rest = text;
	int64_t exp = 0;
	int minus;

	if (text.n > 4096 || !str_cut(&rest, 'e', &digits) || (rest.p && str_int64(rest, &exp)) || exp > 2000 || exp < -2000)
		return -1;
	minus = digits.n && digits.p[0] == '-';
	digits.p += minus, digits.n -= (size_t)minus;
	if (!digits.n)
		return -1;
	for (size_t i = 0; i < digits.n; i++)
		if (!is_digit(digits.p[i]))
			return -1;
	for (size_t end = digits.n; end; ) {    /* 18 digits a step, from the last */
		size_t n = end < 18 ? end : 18;
		struct number part;

		number_read((struct str){ digits.p + end - n, n }, &part);
		part.digits = minus ? -part.digits : part.digits;
		part.exp = (int)exp + (int)(digits.n - end);
		number_sum_add(s, &part);
		end -= n;
	}
	return 0;
}

#define MEAN_DIGITS 30          /* of a longer sum: the rest can only tell on which side of the middle it lies */

/* Correctly rounded, so that it is the same however the sum came about. */
double
number_mean(const struct number_sum *s, int64_t n)
{
	wide_digits u = size_of(s->near), rest;
	int exp = -9, minus = s->near < 0, cut = 0, len;
	char text[64];
	double d;

	if (s->far) {
		struct number_wide w = whole_of(s);
		struct buf digits = { 0 };

		minus = wide_digits_of(&w, &digits, &exp);
		u = 0;
		for (size_t i = 0; i < digits.n && i < MEAN_DIGITS; i++)
			u = u * 10 + (unsigned)(digits.p[i] - '0');
		if (digits.n > MEAN_DIGITS)
			cut = 1, exp += (int)digits.n - MEAN_DIGITS;
		free(w.limb);
		buf_release(&digits);
	}
	/* long division to more digits than a double has; one more tells of a rest */
	rest = u % (uint64_t)n;
	u /= (uint64_t)n;
	for (; rest && u < (wide_digits)1 << 90; exp--) {
		rest *= 10;
		u = u * 10 + rest / (uint64_t)n;
		rest %= (uint64_t)n;
	}
	len = digits_put(text, u);
	if (rest || cut) {
		text[len++] = '1';
		exp--;
	}
	len += snprintf(text + len, 16, "e%d", exp);
	d = double_of_text((struct str){ text, (size_t)len });
	return minus ? -d : d;
}

/* n times the sum of the squares, less the square of the sum: n (n - 1) times the variance. To be released by the caller. */
static struct number_wide
spread_of(const struct number_sum *sum, const struct number_sum *squares, int64_t n)
{
	struct number_wide s = whole_of(sum), q = whole_of(squares), many = { 0 }, top = { 0 }, below = { 0 };

	wide_add(&many, (wide_digits)n, 0, 0);
	wide_settle(&many);
	wide_multiply(&q, &many, &top);
	wide_multiply(&s, &s, &below);
	for (int i = 0; i < below.n; i++)
		below.limb[i] = -below.limb[i];
	wide_merge(&top, &below);
	free(s.limb), free(q.limb), free(many.limb), free(below.limb);
	return top;
}

/* m * 10^exp; NAN beyond the range of a double. */
static double
unscaled(double m, int exp)
{
	char text[64];
	double d;

	snprintf(text, sizeof(text), "%.17ge%d", m, exp);
	return str_double(str_of(text), &d) == 0 ? d : NAN;
}

/* The spread divided, and its root where that is wanted. Squares of what a double holds may be beyond all doubles: then with the
 * exponent aside. */
static double
variance(const struct number_sum *sum, const struct number_sum *squares, int64_t n, int root)
{
	struct number_wide spread = spread_of(sum, squares, n);
	struct buf digits = { 0 };
	double pairs = (double)n * (double)(n - 1), d;
	int exp, minus = wide_digits_of(&spread, &digits, &exp);

	d = double_of_digits(buf_get(&digits), minus, exp);
	if (minus || !digits.n) {
		d = 0;
	} else if (d < DBL_MAX && d / pairs >= DBL_MIN) {
		d /= pairs;
		d = root ? sqrt(d) : d;
	} else {
		d = double_of_digits(buf_get(&digits), 0, 1 - (int)digits.n) / pairs;
		exp += (int)digits.n - 1;
		if (root && exp & 1)
			d *= 10, exp--;
		d = root ? unscaled(sqrt(d), exp / 2) : unscaled(d, exp);
	}
	free(spread.limb);
	buf_release(&digits);
	return d;
}

double
number_variance(const struct number_sum *sum, const struct number_sum *squares, int64_t n)
{
	return variance(sum, squares, n, 0);
}

double
number_deviation(const struct number_sum *sum, const struct number_sum *squares, int64_t n)
{
	return variance(sum, squares, n, 1);
}
