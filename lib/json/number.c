#include "json/json.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <locale.h>

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
	uint64_t digits;        /* the first 19 that count; zeros behind them are in the exponent */
	int64_t  exponent;
	int      minus;
	int      cut;           /* there are more digits than 19, some of them not 0 */
};

static int
take_apart(struct json v, struct decimal *d)
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

int
json_int64(struct json v, int64_t *out)
{
	struct decimal d;

	if (!take_apart(v, &d))
		return 0;
	if (d.digits == 0) {
		*out = 0;
		return 1;
	}
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

static locale_t c_locale;

__attribute__((constructor)) static void
make_c_locale(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static double
slow(struct json v)
{
	char small[256], *text = v.n < sizeof(small) ? small : malloc(v.n + 1);
	double d;

	if (!text)
		return 0;
	memcpy(text, v.p, v.n);
	text[v.n] = 0;
	d = strtod_l(text, NULL, c_locale);
	if (text != small)
		free(text);
	return d;
}

int
json_double(struct json v, double *out)
{
	static const double power[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	struct decimal d;
	double f;

	if (!take_apart(v, &d))
		return 0;
	if (!d.cut && d.digits <= 1ull << 53 && d.exponent >= -22 && d.exponent <= 22) {
		f = (double)d.digits;
		f = d.exponent < 0 ? f / power[-d.exponent] : f * power[d.exponent];
		*out = d.minus ? -f : f;
		return 1;
	}
	f = slow(v);
	*out = f > DBL_MAX ? DBL_MAX : f < -DBL_MAX ? -DBL_MAX : f;
	return 1;
}
