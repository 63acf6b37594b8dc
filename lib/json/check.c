#include "json/json.h"

#include "json/json_priv.h"

static int
wrong(struct err *err, struct str text, const char *p, const char *what)
{
	long col = (long)(p - text.p) + 1;

	if ((size_t)(p - text.p) >= text.n)
		return err_col(err, col, ERR_INPUT, "not valid JSON: %s at the end", what);
	return err_col(err, col, ERR_INPUT, "not valid JSON: %s at column %ld", what, col);
}

static int
hex4(const char *p, const char *end, unsigned *out)
{
	unsigned u = 0;

	for (int i = 0; i < 4; i++) {
		unsigned c, low;

		if (p + i == end)
			return 0;
		c = (unsigned char)p[i], low = c | 0x20;
		if (c - '0' < 10)
			u = u << 4 | (c - '0');
		else if (low - 'a' < 6)
			u = u << 4 | (low - 'a' + 10);
		else
			return 0;
	}
	*out = u;
	return 1;
}

/* The bytes of one character beyond ASCII, by RFC 3629; 0 when it is none. */
static size_t
utf8_len(const char *at, const char *end)
{
	const unsigned char *p = (const unsigned char *)at;
	size_t n = (size_t)(end - at);
	unsigned char a = p[0], low = 0x80, high = 0xbf;
	size_t len;

	if (a >= 0xc2 && a <= 0xdf)
		len = 2;
	else if (a >= 0xe0 && a <= 0xef)
		len = 3, low = a == 0xe0 ? 0xa0 : 0x80, high = a == 0xed ? 0x9f : 0xbf;
	else if (a >= 0xf0 && a <= 0xf4)
		len = 4, low = a == 0xf0 ? 0x90 : 0x80, high = a == 0xf4 ? 0x8f : 0xbf;
	else
		return 0;
	if (n < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* Check an escape at p. Returns its end, NULL with *why when it is wrong. */
static const char *
escape_end(const char *p, const char *end, const char **why)
{
	unsigned c, low;

	*why = "a wrong escape";
	if (end - p < 2)
		return NULL;
	if (p[1] != 'u')
		return p[1] && strchr("\"\\/bfnrt", p[1]) ? p + 2 : NULL;
	if (!hex4(p + 2, end, &c))
		return NULL;
	if (c < 0xd800 || c > 0xdfff)
		return p + 6;
	*why = "a lone surrogate";
	if (c > 0xdbff || end - p < 12 || p[6] != '\\' || p[7] != 'u' || !hex4(p + 8, end, &low) || low < 0xdc00 || low > 0xdfff)
		return NULL;
	return p + 12;
}

/* From behind the opening quote to behind the closing one. NULL with *at and *why when the string is wrong. */
static const char *
string(const char *p, const char *end, const char **at, const char **why)
{
	while (p < end) {
		unsigned char c = (unsigned char)*p;
		const char *next;

		if (c == '"')
			return p + 1;
		if (c >= 0x20 && c < 0x80 && c != '\\') {
			p++;
			continue;
		}
		*at = p;
		if (c == '\\') {
			if (!(next = escape_end(p, end, why)))
				return NULL;
			p = next;
		} else if (c < 0x20) {
			*why = "a control character in a string";
			return NULL;
		} else {
			size_t n = utf8_len(p, end);

			if (n == 0) {
				*why = "a byte that is not UTF-8";
				return NULL;
			}
			p += n;
		}
	}
	*at = end;
	*why = "a string without its closing quote";
	return NULL;
}

int
json_check(struct str text, struct err *err)
{
	const char *p = text.p, *end = text.p + text.n, *at, *why, *next;
	uint8_t array[JSON_DEPTH + 1];  /* of the containers we are in: 1 for an array */
	int depth = 0;

	if (text.n == 0)
		return wrong(err, text, p, "a value is missing");
value:
	p = json_skip_blank(p, end);
	if (p == end)
		return wrong(err, text, p, "a value is missing");
	switch (*p) {
	case '{':
		if (depth == JSON_DEPTH)
			return wrong(err, text, p, "nested too deep");
		array[depth++] = 0;
		p = json_skip_blank(p + 1, end);
		if (p < end && *p == '}')
			goto close;
		goto key;
	case '[':
		if (depth == JSON_DEPTH)
			return wrong(err, text, p, "nested too deep");
		array[depth++] = 1;
		p = json_skip_blank(p + 1, end);
		if (p < end && *p == ']')
			goto close;
		goto value;
	case '"':
		if (!(p = string(p + 1, end, &at, &why)))
			return wrong(err, text, at, why);
		goto behind;
	case 't':
		if (end - p < 4 || memcmp(p, "true", 4) != 0)
			return wrong(err, text, p, "no value");
		p += 4;
		goto behind;
	case 'f':
		if (end - p < 5 || memcmp(p, "false", 5) != 0)
			return wrong(err, text, p, "no value");
		p += 5;
		goto behind;
	case 'n':
		if (end - p < 4 || memcmp(p, "null", 4) != 0)
			return wrong(err, text, p, "no value");
		p += 4;
		goto behind;
	default:
		if (!(next = json_number_end(p, end)))
			return wrong(err, text, p, "no value");
		p = next;
		goto behind;
	}
key:
	if (p == end || *p != '"')
		return wrong(err, text, p, "a key is missing");
	if (!(p = string(p + 1, end, &at, &why)))
		return wrong(err, text, at, why);
	p = json_skip_blank(p, end);
	if (p == end || *p != ':')
		return wrong(err, text, p, "a colon is missing");
	p++;
	goto value;
close:
	p++, depth--;
behind:
	p = json_skip_blank(p, end);
	if (depth == 0)
		return p == end ? 0 : wrong(err, text, p, "something behind the value");
	if (p == end)
		return wrong(err, text, p, array[depth - 1] ? "a ] is missing" : "a } is missing");
	if (*p == ',') {
		p++;
		if (array[depth - 1])
			goto value;
		p = json_skip_blank(p, end);
		goto key;
	}
	if (*p == (array[depth - 1] ? ']' : '}'))
		goto close;
	return wrong(err, text, p, array[depth - 1] ? "a comma or ] is missing" : "a comma or } is missing");
}
