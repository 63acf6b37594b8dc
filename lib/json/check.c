#include "json/json.h"

#include "base/letter.h"
#include "json/json_priv.h"

/* Check an escape at p. Returns its end, NULL with *why when it is wrong. */
static const char *
escape_end(const char *p, const char *end, const char **why)
{
	uint32_t c, low;

	*why = "an escape is wrong";
	if (end - p < 2)
		return NULL;
	if (p[1] != 'u')
		return p[1] && strchr("\"\\/bfnrt", p[1]) ? p + 2 : NULL;
	if (!str_hex(p + 2, end, 4, &c))
		return NULL;
	if (c < 0xd800 || c > 0xdfff)
		return p + 6;
	*why = "half a surrogate pair stands alone";
	if (c > 0xdbff || end - p < 12 || p[6] != '\\' || p[7] != 'u' || !str_hex(p + 8, end, 4, &low) || low < 0xdc00 || low > 0xdfff)
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
		if (!(n = letter_len(p, end)))
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
