/* vector_kernels.c - two inner loops, 16 rows or bytes at a time where the processor can (SSE2, which every x86-64 has). */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "query/vector_priv.h"

#define BLOCK 16

static inline unsigned char
fold(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c | 32 : c;
}

#ifdef __SSE2__
/* A bit for each of 16 codes that is `one`. */
static inline unsigned
same_codes(const uint32_t *code, __m128i one)
{
	__m128i x[4];

	for (int i = 0; i < 4; i++)
		x[i] = _mm_cmpeq_epi32(_mm_loadu_si128((const __m128i *)(const void *)(code + 4 * i)), one);
	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(x[0], x[1]), _mm_packs_epi32(x[2], x[3])));
}
#endif

size_t
vector_rows_with(const uint32_t *code, size_t n, uint32_t one, int equal, uint32_t *row)
{
	size_t i = 0, to = 0;

#ifdef __SSE2__
	const __m128i all = _mm_set1_epi32((int)one);
	const unsigned turn = equal ? 0 : 0xffff;

	for (; i + BLOCK <= n; i += BLOCK) {
		unsigned bits = same_codes(code + i, all) ^ turn;

		if (bits == 0xffff)
			for (unsigned k = 0; k < BLOCK; k++)
				row[to++] = (uint32_t)i + k;
		else
			for (; bits; bits &= bits - 1)
				row[to++] = (uint32_t)i + (uint32_t)__builtin_ctz(bits);
	}
#endif
	for (; i < n; i++) {
		row[to] = (uint32_t)i;
		to += (code[i] == one) == equal;
	}
	return to;
}

static int
same_folded(const char *text, const char *folded, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fold((unsigned char)text[i]) != (unsigned char)folded[i])
			return 0;
	return 1;
}

/* Where first and last byte fit, the rest is looked at. */
ptrdiff_t
vector_find_folded(struct str text, struct str folded)
{
	size_t m = folded.n, at = 0;

	if (m == 0 || m > text.n)
		return m ? -1 : 0;
#ifdef __SSE2__
	const unsigned char first = (unsigned char)folded.p[0], last = (unsigned char)folded.p[m - 1];
	const __m128i a = _mm_set1_epi8((char)first), b = _mm_set1_epi8((char)last);
	const __m128i a_case = _mm_set1_epi8(first >= 'a' && first <= 'z' ? 32 : 0), b_case = _mm_set1_epi8(last >= 'a' && last <= 'z' ? 32 : 0);

	for (; at + m - 1 + BLOCK <= text.n; at += BLOCK) {
		__m128i x = _mm_or_si128(_mm_loadu_si128((const __m128i *)(const void *)(text.p + at)), a_case);
		__m128i y = _mm_or_si128(_mm_loadu_si128((const __m128i *)(const void *)(text.p + at + m - 1)), b_case);
		unsigned bits = (unsigned)_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(x, a), _mm_cmpeq_epi8(y, b)));

		for (; bits; bits &= bits - 1) {
			size_t k = at + (size_t)__builtin_ctz(bits);

			if (same_folded(text.p + k, folded.p, m))
				return (ptrdiff_t)k;
		}
	}
#endif
	for (; at + m <= text.n; at++)
		if (fold((unsigned char)text.p[at]) == (unsigned char)folded.p[0] && same_folded(text.p + at, folded.p, m))
			return (ptrdiff_t)at;
	return -1;
}
