#include "window/total.h"

#include <math.h>
#include <stdio.h>

#define PLACES 9
#define DIGITS 18               /* a mantissa of so many fits an int64 */

static const int64_t ten_to[DIGITS + 1] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
	10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000,
	100000000000000000, 1000000000000000000 };

/* Plain decimals, "-12.50": what nearly every number is. 0 for anything else. */
static int
read_plain(struct str s, struct number *out)
{
	const char *p = s.p, *end = p + s.n;
	int minus = p < end && *p == '-', digits = 0, places = -1;
	int64_t mantissa = 0;

	for (p += minus; p < end; p++) {
		unsigned d = (unsigned char)*p - '0';

		if (d <= 9) {
			if (++digits > DIGITS)
				return 0;
			mantissa = mantissa * 10 + d;
			places += places >= 0;
		} else if (*p == '.' && places < 0 && digits) {
			places = 0;
		} else {
			return 0;
		}
	}
	if (!digits || places == 0)
		return 0;
	places = places < 0 ? 0 : places;
	if (minus)
		mantissa = -mantissa;
	out->exact = places <= PLACES;
	if (out->exact)
		out->nano = (__int128)mantissa * ten_to[PLACES - places];
	if (mantissa > (1LL << 53) || mantissa < -(1LL << 53))
		return out->exact && !places ? (out->value = (double)mantissa, 1) : 0;
	out->value = (double)mantissa / (double)ten_to[places];         /* both exact, so the quotient is rounded once */
	return 1;
}

/* An integer of 19 digits, or a decimal with more than 53 bits: exact still, but its double needs the careful way. */
static void
read_careful(struct json v, struct number *out)
{
	int64_t whole;

	out->exact = json_int64(v, &whole);
	if (out->exact)
		out->nano = (__int128)whole * ten_to[PLACES];
}

int
number_read(struct json v, struct number *out)
{
	struct str text;

	if (v.type == JSON_STRING && !v.escaped) {
		text = str_trim((struct str){ v.p + 1, v.n - 2 });
		if (!text.n)
			return 0;
		v = (struct json){ text.p, text.n, JSON_NUMBER, 0 };
		if (read_plain(text, out))
			return 1;
		if (str_double(text, &out->value))
			return 0;
		out->exact = 0;
		return 1;
	}
	if (v.type != JSON_NUMBER)
		return 0;
	if (read_plain(json_raw(v), out))
		return 1;
	if (!json_double(v, &out->value))
		return 0;
	read_careful(v, out);
	return 1;
}

void
total_add(struct total *t, const struct number *x)
{
	double sum;

	t->n++;
	if (x->exact && !__builtin_add_overflow(t->nano, x->nano, &t->nano))
		return;
	sum = t->rest + x->value;
	t->lost += fabs(t->rest) >= fabs(x->value) ? t->rest - sum + x->value : x->value - sum + t->rest;
	t->rest = sum;
}

void
total_merge(struct total *t, const struct total *from)
{
	struct number rest = { .value = from->rest }, lost = { .value = from->lost };
	uint64_t n = t->n + from->n;

	t->nano += from->nano;
	if (from->rest != 0)
		total_add(t, &rest);
	if (from->lost != 0)
		total_add(t, &lost);
	t->n = n;
}

double
total_get(const struct total *t)
{
	return (double)((long double)t->nano / 1e9L + (long double)t->rest + (long double)t->lost);
}

void
total_put_nano(__int128 nano, struct buf *b)
{
	unsigned __int128 u = nano < 0 ? -(unsigned __int128)nano : (unsigned __int128)nano;
	uint64_t part = (uint64_t)(u % 1000000000u);
	unsigned __int128 whole = u / 1000000000u;
	char text[48], *end = text + sizeof(text), *p = end;

	if (part) {
		int places = PLACES;

		for (; part % 10 == 0; places--)
			part /= 10;
		for (; places > 0; places--, part /= 10)
			*--p = (char)('0' + part % 10);
		*--p = '.';
	}
	do {
		*--p = (char)('0' + (int)(whole % 10));
	} while (whole /= 10);
	if (nano < 0)
		*--p = '-';
	buf_add(b, p, (size_t)(end - p));
}

void
total_put(const struct total *t, struct buf *b)
{
	if (t->rest == 0 && t->lost == 0)
		total_put_nano(t->nano, b);
	else
		json_put_double(b, total_get(t));
}

void
total_write(const struct total *t, struct buf *b)
{
	total_put_nano(t->nano, b);
	buf_printf(b, ";%.17g;%lu", t->rest + t->lost, (unsigned long)t->n);
}

int
total_read(struct str text, struct total *t)
{
	struct str nano, rest;
	struct number exact;
	int64_t n;

	*t = (struct total){ 0 };
	if (!str_cut(&text, ';', &nano) || !str_cut(&text, ';', &rest) || !text.p || str_int64(text, &n) || n < 0 ||
	    str_double(rest, &t->rest) || !nano.n)
		return -1;
	if (!read_plain(nano, &exact)) {        /* more than 18 digits: taken apart here, since only we write them */
		__int128 whole = 0, part = 0;
		int minus = nano.p[0] == '-', places = -1, digits = 0;

		for (size_t i = (size_t)minus; i < nano.n; i++) {
			if (nano.p[i] == '.' && places < 0) {
				places = 0;
				continue;
			}
			if (nano.p[i] < '0' || nano.p[i] > '9' || ++digits > 36 || places == PLACES)
				return -1;
			if (places >= 0)
				part = part * 10 + (nano.p[i] - '0'), places++;
			else
				whole = whole * 10 + (nano.p[i] - '0');
		}
		if (whole >= (__int128)1 << 90)         /* times 1e9 it must stay within 128 bits */
			return -1;
		exact.nano = whole * ten_to[PLACES] + part * ten_to[PLACES - (places < 0 ? 0 : places)];
		if (minus)
			exact.nano = -exact.nano;
	}
	t->nano = exact.nano;
	t->n = (uint64_t)n;
	return 0;
}
