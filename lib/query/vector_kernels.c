/* vector_kernels.c - two inner loops: rows by bits, bytes 16 at a time where the processor can (SSE2, which every x86-64 has). */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "codec/bitmap.h"
#include "query/vector_priv.h"

#define BLOCK 16
#define ROWS  4096              /* whose bits are made at a time */

static inline unsigned char
fold(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c | 32 : c;
}

size_t
vector_rows_with(const uint32_t *code, size_t n, uint32_t one, int equal, uint32_t *row)
{
	uint64_t bits[BITMAP_WORDS(ROWS)];
	size_t to = 0;

	for (size_t i = 0; i < n; i += ROWS) {
		size_t many = n - i < ROWS ? n - i : ROWS;

		bitmap_equal(code + i, many, one, bits);
		for (size_t k = 0; !equal && k < BITMAP_WORDS(many); k++)
			bits[k] = ~bits[k];
		to += bitmap_rows(bits, many, (uint32_t)i, row + to);
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
