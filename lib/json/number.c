#include "json/json.h"

#include <float.h>
#include <math.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/json_priv.h"

static int
digit(char c)
{
	return c >= '0' && c <= '9';
}

const char *
json_number_end(const char *p, const char *end)
{
	const char *from;

	if (p < end && *p == '-')
		p++;
	if (p == end || !digit(*p))
		return NULL;
	if (*p++ != '0')
		while (p < end && digit(*p))
			p++;
	if (p < end && *p == '.') {
		for (from = ++p; p < end && digit(*p); p++)
			;
		if (p == from)
			return NULL;
	}
	if (p < end && (*p | 0x20) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		for (from = p; p < end && digit(*p); p++)
			;
		if (p == from)
			return NULL;
	}
	return p;
}

/* A literal taken apart: (minus ? -1 : 1) * digits * 10^exponent. */
struct decimal {
	uint64_t digits;        /* the first 19 that count */
	int64_t  exponent;
	int      minus;
	int      cut;           /* there are more digits than 19, some of them not 0 */
};

/* Any literal; the long way. */
static int
take_any_apart(struct json v, struct decimal *d)
{
	const char *p = v.p, *end = v.p + v.n;
	int n = 0, point = 0;
	int64_t zeros = 0;      /* seen since the last digit that is none */

	*d = (struct decimal){ 0 };
	if (v.type != JSON_NUMBER || json_number_end(p, end) != end)
		return 0;
	if (*p == '-')
		d->minus = 1, p++;
	for (; p < end && (digit(*p) || *p == '.'); p++) {
		if (*p == '.') {
			point = 1;
			continue;
		}
		d->exponent -= point;
		if (*p == '0') {
			zeros += n > 0;
			continue;
		}
		if (n + zeros >= 19) {
			/* no room: from here on digits only count by their place */
			d->cut = 1;
			n = 19;
			zeros++;
			continue;
		}
		for (; zeros; zeros--, n++)
			d->digits *= 10;
		d->digits = d->digits * 10 + (uint64_t)(*p - '0');
		n++;
	}
	d->exponent += zeros;
	if (p < end) {
		int64_t e = 0;
		int minus = 0;

		p++;
		if (*p == '+' || *p == '-')
			minus = *p++ == '-';
		for (; p < end; p++)
			if (e < 1000000000000)
				e = e * 10 + (*p - '0');
		d->exponent += minus ? -e : e;
	}
	return 1;
}

/* Nearly all numbers: no exponent and so few digits that none is lost. */
static int
take_apart(struct json v, struct decimal *d)
{
	const char *p = v.p, *end = v.p + v.n, *first, *point = NULL;
	uint64_t digits = 0;
	int minus;

	if (v.type != JSON_NUMBER || v.n == 0 || v.n > 20)
		return take_any_apart(v, d);
	minus = *p == '-';
	for (first = p += minus; p < end && digit(*p); p++)
		digits = digits * 10 + (uint64_t)(*p - '0');
	if (p == first || p - first > 18 || (*first == '0' && p - first > 1))
		return take_any_apart(v, d);
	if (p < end && *p == '.')
		for (point = ++p; p < end && digit(*p); p++)
			digits = digits * 10 + (uint64_t)(*p - '0');
	if (p < end || p == point)
		return take_any_apart(v, d);
	*d = (struct decimal){ digits, point ? point - end : 0, minus, 0 };
	return 1;
}

int
json_int64(struct json v, int64_t *out)
{
	struct decimal d;

	if (!v.n || !take_apart(v, &d))
		return 0;
	if (d.digits == 0) {
		*out = 0;
		return 1;
	}
	for (; d.exponent < 0 && d.digits % 10 == 0; d.exponent++)
		d.digits /= 10;
	if (d.cut || d.exponent < 0 || d.exponent > 18)
		return 0;
	for (; d.exponent; d.exponent--)
		if (__builtin_mul_overflow(d.digits, 10, &d.digits))
			return 0;
	if (d.digits > (uint64_t)INT64_MAX + (unsigned)d.minus)
		return 0;
	*out = d.minus ? (int64_t)(0 - d.digits) : (int64_t)d.digits;
	return 1;
}

/* Powers of ten as 128 bits: 10^k = bits * 2^(floor(log2(10^k)) - 127), rounded down for k >= 0 and up below. They are
 * worked out once, when the first number needs them (70 µs), by long multiplication and division by five. */
static struct json_power powers[JSON_POWER_MOST - JSON_POWER_LEAST + 1];
static pthread_once_t powers_once = PTHREAD_ONCE_INIT;

#define LIMBS 40        /* of 32 bits: 2^1279 / 5^342 has 485 bits left */

static void
first_128(const uint32_t *limb, struct json_power *power)
{
	int top = LIMBS - 1, shift;
	uint32_t w[5];

	while (!limb[top])
		top--;
	for (int i = 0; i < 5; i++)
		w[i] = top - i < 0 ? 0 : limb[top - i];
	shift = __builtin_clz(w[0]);
	for (int i = 0; shift && i < 4; i++)
		w[i] = w[i] << shift | w[i + 1] >> (32 - shift);
	power->high = (uint64_t)w[0] << 32 | w[1];
	power->low = (uint64_t)w[2] << 32 | w[3];
}

static void
make_powers(void)
{
	uint32_t limb[LIMBS] = { 1 };

	for (int k = 0; k <= JSON_POWER_MOST; k++) {
		uint64_t carry = 0;

		first_128(limb, &powers[k - JSON_POWER_LEAST]);
		for (int i = 0; i < LIMBS; i++) {
			carry += (uint64_t)limb[i] * 5;
			limb[i] = (uint32_t)carry;
			carry >>= 32;
		}
	}
	memset(limb, 0, sizeof(limb));
	limb[LIMBS - 1] = 0x80000000;
	for (int k = -1; k >= JSON_POWER_LEAST; k--) {
		struct json_power *power = &powers[k - JSON_POWER_LEAST];
		uint64_t rest = 0;

		for (int i = LIMBS - 1; i >= 0; i--) {
			rest = rest << 32 | limb[i];
			limb[i] = (uint32_t)(rest / 5);
			rest %= 5;
		}
		first_128(limb, power);
		if (++power->low == 0)
			power->high++;
	}
}

struct json_power
json_power(int k)
{
	pthread_once(&powers_once, make_powers);
	return powers[k - JSON_POWER_LEAST];
}

static double
of_bits(uint64_t bits)
{
	double d;

	memcpy(&d, &bits, 8);
	return d;
}

/* digits * 10^k correctly rounded, after D. Lemire, "Number Parsing at a Gigabyte per Second" (2021): the product with 128
 * bits of the power is exact enough to round by, but for ties, which only occur for small k. */
static double
multiply(uint64_t digits, int64_t k)
{
	struct json_power power;
	unsigned __int128 product;
	uint64_t high, low, mantissa;
	int zeros, top, exponent;

	if (digits == 0 || k < JSON_POWER_LEAST)
		return 0;
	if (k > 308)
		return INFINITY;
	power = json_power((int)k);
	zeros = __builtin_clzll(digits);
	digits <<= zeros;
	product = (unsigned __int128)digits * power.high;
	high = (uint64_t)(product >> 64), low = (uint64_t)product;
	if ((high & 0x1ff) == 0x1ff) {
		uint64_t more = (uint64_t)((unsigned __int128)digits * power.low >> 64);

		low += more;
		high += low < more;
	}
	top = (int)(high >> 63);
	mantissa = high >> (top + 9);
	exponent = (int)((217706 * k) >> 16) + 63 + top - zeros + 1023;
	if (exponent <= 0) {            /* subnormal */
		if (exponent <= -63)
			return 0;
		mantissa >>= 1 - exponent;
		mantissa += mantissa & 1;
		return of_bits(mantissa >> 1);  /* the carry into the exponent is right */
	}
	if (low <= 1 && k >= -4 && k <= 23 && (mantissa & 3) == 1 && mantissa << (top + 9) == high)
		mantissa &= ~(uint64_t)1;       /* a tie goes to the even one */
	mantissa += mantissa & 1;
	mantissa >>= 1;
	if (mantissa >> 53) {
		mantissa >>= 1;
		exponent++;
	}
	if (exponent >= 0x7ff)
		return INFINITY;
	return of_bits((mantissa & ~((uint64_t)1 << 52)) | (uint64_t)exponent << 52);
}

/* What has more digits than 19, and those that are cut off decide. */
static double
by_the_c_library(struct json v)
{
	char small[256], *text = v.n < sizeof(small) ? small : mem_new(v.n + 1);
	locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	double d;

	memcpy(text, v.p, v.n);
	text[v.n] = 0;
	d = strtod_l(text, NULL, c_locale);
	freelocale(c_locale);
	if (text != small)
		free(text);
	return fabs(d);
}

double
json_decimal(uint64_t digits, int64_t exponent)
{
	static const double power[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	double f = (double)digits;

	if (digits <= 1ull << 53 && exponent >= -22 && exponent <= 22)  /* both are exact, so the one operation rounds correctly */
		return exponent < 0 ? f / power[-exponent] : f * power[exponent];
	return multiply(digits, exponent);
}

int
json_double(struct json v, double *out)
{
	struct decimal d;
	double f;

	if (!v.n || !take_apart(v, &d))
		return 0;
	f = json_decimal(d.digits, d.exponent);
	if (d.cut && f != json_decimal(d.digits + 1, d.exponent))
		f = by_the_c_library(v);
	if (f > DBL_MAX)
		f = DBL_MAX;
	*out = d.minus ? -f : f;
	return 1;
}
