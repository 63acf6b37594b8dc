#include "json/json.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "json/json_priv.h"

static const char hex[] = "0123456789abcdef";

void
json_put_string(struct buf *b, struct str text)
{
	const char *p = text.p, *end = text.p + text.n, *from;

	buf_byte(b, '"');
	for (from = p; p < end; p++) {
		unsigned char c = (unsigned char)*p;
		char code[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
		size_t n = 2;

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		switch (c) {
		case '"': case '\\': code[1] = (char)c; break;
		case '\b': code[1] = 'b'; break;
		case '\t': code[1] = 't'; break;
		case '\n': code[1] = 'n'; break;
		case '\f': code[1] = 'f'; break;
		case '\r': code[1] = 'r'; break;
		default: n = 6;
		}
		buf_add(b, from, (size_t)(p - from));
		buf_add(b, code, n);
		from = p + 1;
	}
	if (from < end)
		buf_add(b, from, (size_t)(end - from));
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

/* The fewest digits that read back as d > 0: their text without the point, which stands behind the first *point. */
static int
shortest(double d, char digits[24], int *point)
{
	char text[40], *e;
	int n = 0;

	for (int precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision - 1, d);
		if (strtod(text, NULL) == d)
			break;
	}
	e = strchr(text, 'e');
	*point = atoi(e + 1) + 1;
	for (char *p = text; p < e; p++)
		if (*p >= '0' && *p <= '9')
			digits[n++] = *p;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	return n;
}

void
json_put_double(struct buf *b, double d)
{
	char digits[24];
	int n, point;

	if (isnan(d)) {
		buf_lit(b, "null");
		return;
	}
	if (signbit(d)) {
		buf_byte(b, '-');
		d = -d;
	}
	if (d == 0) {
		buf_byte(b, '0');
		return;
	}
	if (d > DBL_MAX)
		d = DBL_MAX;
	n = shortest(d, digits, &point);
	if (point <= -4 || point > n + 15) {
		int e = point - 1;

		buf_byte(b, digits[0]);
		if (n > 1) {
			buf_byte(b, '.');
			buf_add(b, digits + 1, (size_t)n - 1);
		}
		buf_printf(b, "e%c%02d", e < 0 ? '-' : '+', abs(e));
	} else if (point <= 0) {
		buf_lit(b, "0.");
		buf_add(b, "00000", (size_t)-point);
		buf_add(b, digits, (size_t)n);
	} else if (point >= n) {
		buf_add(b, digits, (size_t)n);
		buf_add(b, "0000000000000000", (size_t)(point - n));
	} else {
		buf_add(b, digits, (size_t)point);
		buf_byte(b, '.');
		buf_add(b, digits + point, (size_t)(n - point));
	}
}

void
json_put_compact(struct buf *b, struct json v)
{
	const char *p = v.p, *end = v.p + v.n, *from = p, *last;
	uint8_t escaped;

	while (p < end) {
		if (*p == '"') {
			if (!(last = json_string_end(p + 1, end, &escaped)))
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

void
json_put_time(struct buf *b, int64_t ms)
{
	char *p = buf_room(b, TIME_LEN + 2);

	p[0] = '"';
	time_print(ms, p + 1);
	p[TIME_LEN + 1] = '"';
	b->n += TIME_LEN + 2;
}
