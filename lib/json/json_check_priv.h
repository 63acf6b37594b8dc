/* json_check_priv.h - json_check, compiled once for each instruction set (simd_priv.h). */
#ifndef JSON_JSON_CHECK_PRIV_H
#define JSON_JSON_CHECK_PRIV_H

#include "json/json_scan_priv.h"

#define MISSING " is missing"

/* From behind the opening quote to behind the closing one. NULL with *at and *why when the string is wrong. */
FN INLINE const char *
check_string(const char *p, const char *start, const char *end, const char **at, const char **why)
{
	for (;;) {
		uint64_t mask = simd_at(simd_special, p, start, end);

		if (!mask) {
			if (end - p > W) {
				p += W;
				continue;
			}
			*at = end;
			*why = "the closing quote" MISSING;
			return NULL;
		}
		p += simd_first(mask);
		if (*p == '"')
			return p + 1;
		if (!(p = json_check_special(p, end, at, why)))
			return NULL;
	}
}

FN inline const char *
check(struct str text, const char **why)
{
	const char *p = text.p, *const start = text.p, *const end = text.p + text.n, *at, *next;
	uint8_t stack[JSON_DEPTH + 1] RAW;  /* the closing brackets we wait for, the innermost last */
	uint8_t *innermost = stack;

	*innermost = 0;
value:
	p = skip_blank(p, end);
	*why = "a value" MISSING;
	if (p == end)
		return p;
	switch (*p) {
	case '"':
		if (!(p = check_string(p + 1, start, end, &at, why)))
			return at;
		break;
	case '{':
		if (innermost == stack + JSON_DEPTH)
			goto deep;
		*++innermost = '}';
		p = skip_blank(p + 1, end);
		if (p < end && *p == '}')
			goto close;
		goto key;
	case '[':
		if (innermost == stack + JSON_DEPTH)
			goto deep;
		*++innermost = ']';
		p = skip_blank(p + 1, end);
		if (p < end && *p == ']')
			goto close;
		goto value;
	case 't':
		if (end - p < 4 || memcmp(p, "true", 4) != 0)
			return p;
		p += 4;
		break;
	case 'f':
		if (end - p < 5 || memcmp(p, "false", 5) != 0)
			return p;
		p += 5;
		break;
	case 'n':
		if (end - p < 4 || memcmp(p, "null", 4) != 0)
			return p;
		p += 4;
		break;
	default:
		if (!(next = json_number_end(p, end)))
			return p;
		p = next;
	}
behind:
	p = skip_blank(p, end);
	if (p < end && *p == ',' && innermost > stack) {
		p++;
		if (*innermost == ']')
			goto value;
		p = skip_blank(p, end);
		goto key;
	}
	if (innermost == stack) {
		*why = "there is more behind the value";
		return p == end ? NULL : p;
	}
	if (p == end || *p != *innermost) {
		*why = *innermost == ']' ? "a comma or ]" MISSING : "a comma or }" MISSING;
		return p;
	}
close:
	p++;
	innermost--;
	goto behind;
key:
	if (p == end || *p != '"') {
		*why = "a key" MISSING;
		return p;
	}
	if (!(p = check_string(p + 1, start, end, &at, why)))
		return at;
	p = skip_blank(p, end);
	if (p == end || *p != ':') {
		*why = "a colon" MISSING;
		return p;
	}
	p++;
	goto value;
deep:
	*why = "it is nested too deep";
	return p;
}

#endif
