/* json_scan_priv.h - to the end of a string, a container, a scalar or of blanks, compiled once for each instruction set
 * (simd_priv.h). Nothing outside start…end is read; the more of the text before p belongs to it, the faster its end is. */
#ifndef JSON_JSON_SCAN_PRIV_H
#define JSON_JSON_SCAN_PRIV_H

#include "json/json_priv.h"
#include "json/simd_priv.h"

FN INLINE const char *
skip_blank(const char *p, const char *end)
{
	while (p < end && UNLIKELY((unsigned char)*p <= ' ') && json_is_blank(*p))
		p++;
	return p;
}

/* From behind the opening quote to the closing one, or NULL. */
FN INLINE const char *
string_end(const char *p, const char *start, const char *end, uint8_t *escaped)
{
	for (;;) {
		uint64_t mask = simd_at(simd_quotes, p, start, end);

		if (UNLIKELY(!mask)) {
			if (end - p <= W)
				return NULL;
			p += W;
			continue;
		}
		p += simd_first(mask);
		if (LIKELY(*p == '"'))
			return p;
		*escaped = 1;
		if (end - p < 2)
			return NULL;
		p += 2;
	}
}

/* From behind the opening bracket to behind the one that closes it, or NULL: 64 bytes at a time, the brackets outside
 * strings counted as bits. */
FN inline const char *
container_end(const char *p, const char *end)
{
	uint64_t depth = 1, in_string = 0, carry = 0;

	while (p < end) {
		char copy[64] RAW;
		const char *from = p;
		struct simd_masks m;
		uint64_t inside;

		if (end - p < 64) {
			memset(copy, 0, sizeof(copy));
			memcpy(copy, p, (size_t)(end - p));
			from = copy;
		}
		m = simd_64(from);
		if (m.backslash | carry)
			m.quote &= ~simd_escaped(m.backslash, &carry);
		inside = simd_inside(m.quote) ^ in_string;
		in_string = 0 - (inside >> 63);
		m.open &= ~inside;
		m.close &= ~inside;
		if ((uint64_t)__builtin_popcountll(m.close) >= depth)
			for (uint64_t rest = m.close, n = 1; rest; rest &= rest - 1, n++) {
				uint64_t below = (rest & -rest) - 1;

				if (depth + (uint64_t)__builtin_popcountll(m.open & below) == n)
					return p + __builtin_ctzll(rest) + 1;
			}
		depth += (uint64_t)__builtin_popcountll(m.open) - (uint64_t)__builtin_popcountll(m.close);
		p += 64;
	}
	return NULL;
}

/* From a scalar's first byte to behind its last: p itself when none stands there. */
FN INLINE const char *
scalar_end(const char *p, const char *start, const char *end)
{
	for (;;) {
		uint64_t mask = simd_at(simd_no_scalar, p, start, end);

		if (LIKELY(mask))
			return p + simd_first(mask);
		if (end - p <= W)
			return end;
		p += W;
	}
}

#endif
