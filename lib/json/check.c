#include "json/json.h"

#include "json/json_priv.h"

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

	*why = "an escape is wrong";
	if (end - p < 2)
		return NULL;
	if (p[1] != 'u')
		return p[1] && strchr("\"\\/bfnrt", p[1]) ? p + 2 : NULL;
	if (!hex4(p + 2, end, &c))
		return NULL;
	if (c < 0xd800 || c > 0xdfff)
		return p + 6;
	*why = "half a surrogate pair stands alone";
	if (c > 0xdbff || end - p < 12 || p[6] != '\\' || p[7] != 'u' || !hex4(p + 8, end, &low) || low < 0xdc00 || low > 0xdfff)
		return NULL;
	return p + 12;
}

const char *
json_check_special(const char *p, const char *end, const char **at, const char **why)
{
	size_t n;

	*at = p;
	if (*p == '\\')
		return escape_end(p, end, why);
	if ((unsigned char)*p < 0x20) {
		*why = "a control character stands in a string";
		return NULL;
	}
	*why = "a byte is not UTF-8";
	do {
		*at = p;
		if (!(n = utf8_len(p, end)))
			return NULL;
		p += n;
	} while (p < end && (unsigned char)*p >= 0x80);
	return p;
}

int
json_check(struct str text, struct err *err)
{
	const char *why, *wrong;
	long col;

	if (text.n == 0)
		return err_col(err, 1, ERR_INPUT, "not valid JSON: it is empty");
	if (!(wrong = json_used->check(text, &why)))
		return 0;
	col = (long)(wrong - text.p) + 1;
	if (wrong == text.p + text.n)
		return err_col(err, col, ERR_INPUT, "not valid JSON: %s at its end", why);
	return err_col(err, col, ERR_INPUT, "not valid JSON: %s at column %ld", why, col);
}
