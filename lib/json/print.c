#include "json/json.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/time.h"
#if defined(__SSE2__)
#define SIMD_SSE2
#elif defined(__aarch64__)
#define SIMD_NEON
#endif
#include "json/json_priv.h"
#include "json/simd_priv.h"

static const char hex[] = "0123456789abcdef";

FN INLINE uint64_t
to_escape(simd_block v)
{
	return simd_mask(simd_or(simd_or(simd_eq(v, simd_all('"')), simd_eq(v, simd_all('\\'))),
	    simd_or(simd_most(v, 0x1f), simd_eq(v, simd_all(0x7f)))));
}

static void
put_escaped(struct buf *b, unsigned char c)
{
	char code[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
	size_t n = 2;

	switch (c) {
	case '"': case '\\': code[1] = (char)c; break;
	case '\b': code[1] = 'b'; break;
	case '\t': code[1] = 't'; break;
	case '\n': code[1] = 'n'; break;
	case '\f': code[1] = 'f'; break;
	case '\r': code[1] = 'r'; break;
	default: n = 6;
	}
	buf_add(b, code, n);
}

static void
put_text(struct buf *b, struct str text)
{
	const char *p = text.p, *end = text.p + text.n, *from = p;

	while (p < end) {
		uint64_t mask = simd_at(to_escape, p, text.p, end);

		if (LIKELY(!mask)) {
			if (end - p <= W)
				break;
			p += W;
			continue;
		}
		p += simd_first(mask);
		buf_add(b, from, (size_t)(p - from));
		put_escaped(b, (unsigned char)*p);
		from = ++p;
	}
	if (from < end)
		buf_add(b, from, (size_t)(end - from));
}

void
json_put_string(struct buf *b, struct str text)
{
	buf_byte(b, '"');
	put_text(b, text);
	buf_byte(b, '"');
}

void
json_put_as_typed(struct buf *b, struct str text)
{
	const char *delete;

	buf_byte(b, '"');
	while (text.n && (delete = memchr(text.p, 0x7f, text.n))) {
		size_t n = (size_t)(delete - text.p);

		put_text(b, (struct str){ text.p, n });
		buf_byte(b, 0x7f);
		text = (struct str){ delete + 1, text.n - n - 1 };
	}
	put_text(b, text);
	buf_byte(b, '"');
}

void
json_put_key(struct buf *b, struct str text)
{
	json_put_string(b, text);
	buf_byte(b, ':');
}

void
json_put_int64(struct buf *b, int64_t v)
{
	buf_int64(b, v);
}

/* g * by, the upper 64 bits of 192; its last bit is also set when any bit below is. */
static uint64_t
round_to_odd(struct json_power g, uint64_t by)
{
	unsigned __int128 low = (unsigned __int128)g.low * by, high = (unsigned __int128)g.high * by + (uint64_t)(low >> 64);

	return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* After R. Giulietti, "The Schubfach way to render doubles" (2020): between the middles to the two neighbours lies at least one number of the
 * grid 10^k and at most one of the grid 10^(k+1), which is taken if it is there. All is in quarters of the grid. */
static uint64_t
shortest(double d, int *exponent)
{
	uint64_t bits, c, low, middle, high, s;
	int q, k, h, odd, uneven;
	struct json_power g;

	memcpy(&bits, &d, 8);
	c = bits & 0xfffffffffffff;
	q = (int)(bits >> 52 & 0x7ff);
	uneven = c == 0 && q > 1;       /* a power of two: the neighbour below is nearer */
	if (q)
		c |= (uint64_t)1 << 52;
	q = (q ? q : 1) - 1075;
	odd = (int)(c & 1);
	k = (q * 1262611 - (uneven ? 524031 : 0)) >> 22;        /* floor(log10(2^q or 3/4 2^q)) */
	h = q + ((-k * 1741647) >> 19) + 1;                     /* floor(log2(10^-k)) */
	g = json_power(-k);
	if (-k > 55 && ++g.low == 0)
		g.high++;
	low = round_to_odd(g, (4 * c - 2 + (uint64_t)uneven) << h) + (uint64_t)odd;
	middle = round_to_odd(g, 4 * c << h);
	high = round_to_odd(g, (4 * c + 2) << h) - (uint64_t)odd;
	s = middle / 4;
	if (s >= 10) {
		uint64_t tens = s / 10;
		int below = low <= 40 * tens, above = 40 * tens + 40 <= high;

		if (below != above) {
			*exponent = k + 1;
			return tens + (uint64_t)above;
		}
	}
	*exponent = k;
	if ((low <= 4 * s) != (4 * s + 4 <= high))
		return s + (4 * s + 4 <= high);
	return s + (middle > 4 * s + 2 || (middle == 4 * s + 2 && (s & 1)));
}

uint64_t
json_shortest(double d, int *exponent)
{
	uint64_t decimal = shortest(d, exponent);

	for (; decimal % 10 == 0; decimal /= 10)
		++*exponent;
	return decimal;
}

/* Digits in front of `end`; where they begin. Eight at a time, in pairs, which do not wait for each other. */
static char *
put_digits(char *end, uint64_t v)
{
	static const char pair[] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
	    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

	for (; v >= 100000000; v /= 100000000) {
		uint32_t eight = (uint32_t)(v % 100000000), high = eight / 10000, low = eight % 10000;

		end -= 8;
		memcpy(end, pair + high / 100 * 2, 2);
		memcpy(end + 2, pair + high % 100 * 2, 2);
		memcpy(end + 4, pair + low / 100 * 2, 2);
		memcpy(end + 6, pair + low % 100 * 2, 2);
	}
	for (uint32_t left = (uint32_t)v; left; left /= 10)
		*--end = (char)('0' + left % 10);
	return end;
}

static void
put_exponent(struct buf *b, int exponent, int wide)
{
	buf_lit(b, exponent < 0 ? "e-" : "e+");
	exponent = abs(exponent);
	if (wide && exponent < 10)
		buf_byte(b, '0');
	buf_int64(b, exponent);
}

void
json_put_double_as(struct buf *b, double d, unsigned how)
{
	char digits[24], *last = digits + sizeof(digits), *p;
	int n, point, exponent, ecma = (how & JSON_DOUBLE_ECMA) != 0;

	if (isnan(d)) {
		buf_lit(b, "null");
		return;
	}
	if (signbit(d)) {
		buf_byte(b, '-');
		d = -d;
	}
	if (d < 9007199254740992 && d == (double)(int64_t)d) {
		buf_int64(b, (int64_t)d);
		if (how & JSON_DOUBLE_POINT)
			buf_lit(b, ".0");
		return;
	}
	if (d > DBL_MAX)
		d = DBL_MAX;
	p = put_digits(last, json_shortest(d, &exponent));
	n = (int)(last - p);
	point = n + exponent;           /* it stands behind that many digits */
	if (point <= (ecma ? -6 : -4) || point > (ecma ? 21 : n + 15)) {
		buf_byte(b, *p);
		if (n > 1) {
			buf_byte(b, '.');
			buf_add(b, p + 1, (size_t)n - 1);
		}
		put_exponent(b, point - 1, !ecma);
	} else if (point <= 0) {
		buf_lit(b, "0.");
		buf_add(b, "00000", (size_t)-point);
		buf_add(b, p, (size_t)n);
	} else if (point >= n) {
		buf_add(b, p, (size_t)n);
		buf_add(b, "00000000000000000000", (size_t)(point - n));
	} else {
		buf_add(b, p, (size_t)point);
		buf_byte(b, '.');
		buf_add(b, p + point, (size_t)(n - point));
	}
}

void
json_put_double(struct buf *b, double d)
{
	json_put_double_as(b, d, 0);
}

void
json_put_compact(struct buf *b, struct json v)
{
	const char *p = v.p, *end = v.p + v.n, *from = p, *last;
	uint8_t escaped;

	while (p < end) {
		if (*p == '"') {
			if (!(last = json_string_end(p + 1, v.p, end, &escaped)))
				break;
			p = last + 1;
		} else if (json_is_blank(*p)) {
			buf_add(b, from, (size_t)(p - from));
			p = from = json_skip_blank(p, end);
		} else {
			p++;
		}
	}
	if (from < end)
		buf_add(b, from, (size_t)(end - from));
}

static int
by_key(const void *a, const void *b)
{
	return str_cmp(json_raw(((const struct json *)a)[0]), json_raw(((const struct json *)b)[0]));
}

void
json_put_members(struct buf *b, struct json (*member)[2], int n)
{
	qsort(member, (size_t)n, sizeof(member[0]), by_key);
	buf_byte(b, '{');
	for (int i = 0; i < n; i++) {
		if (i)
			buf_byte(b, ',');
		buf_str(b, json_raw(member[i][0]));
		buf_byte(b, ':');
		json_put_compact(b, member[i][1]);
	}
	buf_byte(b, '}');
}

void
json_put_time(struct buf *b, int64_t ms)
{
	char *p = buf_room(b, TIME_LEN + 2);

	p[0] = '"';
	time_print(ms, p + 1);
	p[TIME_LEN + 1] = '"';
	b->n += TIME_LEN + 2;
}

static void
put_more(struct buf *b, const char *key)
{
	buf_byte(b, ',');
	json_put_key(b, str_of(key));
}

void
json_put_more_text(struct buf *b, const char *key, struct str text)
{
	put_more(b, key);
	json_put_string(b, text);
}

void
json_put_more_double(struct buf *b, const char *key, double v)
{
	put_more(b, key);
	json_put_double(b, v);
}

void
json_put_more_time(struct buf *b, const char *key, int64_t ms)
{
	put_more(b, key);
	json_put_time(b, ms);
}
