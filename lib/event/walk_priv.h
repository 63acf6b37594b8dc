/* walk_priv.h - to the end of a string or value inside text that is valid JSON: by quotes and brackets alone. */
#ifndef EVENT_WALK_PRIV_H
#define EVENT_WALK_PRIV_H

#include "json/json.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The closing quote of the string whose first byte is p. */
static inline const char *
walk_string(const char *p, const char *end, uint8_t *escaped)
{
	for (;;) {
#ifdef __SSE2__
		const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');

		while (end - p >= 16) {
			__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
			unsigned hit = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)));

			if (hit) {
				p += __builtin_ctz(hit);
				break;
			}
			p += 16;
		}
#endif
		while (p < end && *p != '"' && *p != '\\')
			p++;
		if (p >= end || *p == '"')
			return p < end ? p : end;
		*escaped = 1;
		p += 2;
	}
}

static inline int
walk_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static inline const char *
walk_blanks(const char *p, const char *end, int *blanks)
{
	while (p < end && walk_is_blank(*p))
		p++, *blanks = 1;
	return p;
}

/* Behind the value that begins at p; sets *blanks when there are any between its tokens. */
static inline const char *
walk_value(const char *p, const char *end, struct json *v, int *blanks)
{
	long depth = 0;
	uint8_t escaped = 0;

	v->p = p;
	switch (*p) {
	case '"':
		p = walk_string(p + 1, end, &escaped) + 1;
		v->type = JSON_STRING;
		break;
	case '{': case '[':
		v->type = *p == '{' ? JSON_OBJECT : JSON_ARRAY;
		while (p < end) {
			char c = *p++;

			if (c == '"')
				p = walk_string(p, end, &escaped) + 1;
			else if (c == '{' || c == '[')
				depth++;
			else if (c == '}' || c == ']') {
				if (--depth == 0)
					break;
			} else if (walk_is_blank(c))
				*blanks = 1;
		}
		escaped = 0;
		break;
	default:
		v->type = *p == 't' ? JSON_TRUE : *p == 'f' ? JSON_FALSE : *p == 'n' ? JSON_NULL : JSON_NUMBER;
		while (p < end && *p != ',' && *p != '}' && *p != ']' && !walk_is_blank(*p))
			p++;
	}
	if (p > end)
		p = end;
	v->n = (size_t)(p - v->p);
	v->escaped = escaped;
	return p;
}

#endif
