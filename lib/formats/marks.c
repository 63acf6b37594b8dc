#include "formats/marks_priv.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* ---- without any instruction set */

static int
marks_plain(struct str line, char mark, uint16_t at[static MARKS_ROOM], unsigned *n)
{
	int what = 0;

	*n = 0;
	if (line.n > MARKS_LINE)
		return FORMATS_ESCAPE;
	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];

		if (line.p[i] == mark)
			at[(*n)++] = (uint16_t)i;
		else
			what |= c >= 0x80 ? FORMATS_HIGH : c == '"' ? FORMATS_QUOTE : c < 0x20 || c == '\\' || c == 0x7f ? FORMATS_ESCAPE : 0;
	}
	return what;
}

#if defined(__x86_64__)

/* What is in 64 bytes: a bit each. */
struct bits { uint64_t mark, quote, odd, high; };

static inline int
what_of(uint64_t odd, uint64_t quote, uint64_t high)
{
	return (odd ? FORMATS_ESCAPE : 0) | (quote ? FORMATS_QUOTE : 0) | (high ? FORMATS_HIGH : 0);
}

/* The places of the ones, eight at a time, wanted or not, so that no branch depends on where they are. */
#define PUT(w, base, at, n) \
	do { \
		uint64_t left = (w); \
		unsigned end = (n) + (unsigned)__builtin_popcountll(left); \
		\
		do { \
			for (int k = 0; k < 8; k++, left &= left - 1) \
				(at)[(n) + (unsigned)k] = (uint16_t)((base) + (unsigned)__builtin_ctzll(left | (uint64_t)1 << 63)); \
			(n) += 8; \
		} while ((n) < end); \
		(n) = end; \
	} while (0)

#define LINE_BY_64(bits_of, put) \
	uint64_t odd = 0, quote = 0, high = 0; \
	unsigned many = 0; \
	\
	*n = 0; \
	if (line.n > MARKS_LINE) \
		return FORMATS_ESCAPE; \
	for (size_t i = 0; i < line.n; i += 64) { \
		uint64_t in = line.n - i < 64 ? ((uint64_t)1 << (line.n - i)) - 1 : ~(uint64_t)0; \
		struct bits b = bits_of(line.p + i, mark); \
		\
		odd |= b.odd & ~b.mark & in; \
		quote |= b.quote & ~b.mark & in; \
		high |= b.high & in; \
		put(b.mark & in, (unsigned)i, at, many); \
	} \
	*n = many; \
	return what_of(odd, quote, high)

/* ---- SSE2 */

static inline uint64_t
mask16(const __m128i v[4])
{
	return (uint64_t)(unsigned)_mm_movemask_epi8(v[0]) | (uint64_t)(unsigned)_mm_movemask_epi8(v[1]) << 16 |
	    (uint64_t)(unsigned)_mm_movemask_epi8(v[2]) << 32 | (uint64_t)(unsigned)_mm_movemask_epi8(v[3]) << 48;
}

static inline struct bits
bits_sse2(const char *p, char mark)
{
	__m128i v[4], marks[4], quotes[4], odd[4];

	for (int i = 0; i < 4; i++) {
		v[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
		marks[i] = _mm_cmpeq_epi8(v[i], _mm_set1_epi8(mark));
		quotes[i] = _mm_cmpeq_epi8(v[i], _mm_set1_epi8('"'));
		odd[i] = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(v[i], _mm_set1_epi8(0x1f)), v[i]),
		    _mm_or_si128(_mm_cmpeq_epi8(v[i], _mm_set1_epi8('\\')), _mm_cmpeq_epi8(v[i], _mm_set1_epi8(0x7f))));
	}
	return (struct bits){ mask16(marks), mask16(quotes), mask16(odd), mask16(v) };
}

static int
marks_sse2(struct str line, char mark, uint16_t at[static MARKS_ROOM], unsigned *n)
{
	LINE_BY_64(bits_sse2, PUT);
}

/* ---- AVX2 */

#define AVX2 __attribute__((target("avx2,bmi,popcnt")))

AVX2 static inline uint64_t
mask32(__m256i a, __m256i b)
{
	return (uint64_t)(uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

AVX2 static inline __m256i
odd32(__m256i v)
{
	return _mm256_or_si256(_mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1f)), v),
	    _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')), _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7f))));
}

AVX2 static inline struct bits
bits_avx2(const char *p, char mark)
{
	__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p), b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
	__m256i marks = _mm256_set1_epi8(mark), quotes = _mm256_set1_epi8('"');

	return (struct bits){ mask32(_mm256_cmpeq_epi8(a, marks), _mm256_cmpeq_epi8(b, marks)),
	    mask32(_mm256_cmpeq_epi8(a, quotes), _mm256_cmpeq_epi8(b, quotes)), mask32(odd32(a), odd32(b)), mask32(a, b) };
}

AVX2 static int
marks_avx2(struct str line, char mark, uint16_t at[static MARKS_ROOM], unsigned *n)
{
	LINE_BY_64(bits_avx2, PUT);
}

/* ---- AVX-512: the places come in one step */

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,bmi,bmi2,popcnt")))

AVX512 static inline struct bits
bits_avx512(const char *p, char mark)
{
	__m512i v = _mm512_loadu_si512(p);

	return (struct bits){ _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(mark)), _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"')),
	    _mm512_cmplt_epu8_mask(v, _mm512_set1_epi8(0x20)) | _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\')) |
	    _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(0x7f)), _mm512_movepi8_mask(v) };
}

static const uint8_t steps[64] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
	27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58,
	59, 60, 61, 62, 63 };

#define PUT_512(w, base, at, n) \
	do { \
		uint64_t bits = (w); \
		__m512i add = _mm512_set1_epi16((short)(base)), places = _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(steps)); \
		\
		_mm512_storeu_si512((at) + (n), _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_castsi512_si256(places)), add)); \
		if (__builtin_expect(__builtin_popcountll(bits) > 32, 0)) \
			_mm512_storeu_si512((at) + (n) + 32, \
			    _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(places, 1)), add)); \
		(n) += (unsigned)__builtin_popcountll(bits); \
	} while (0)

AVX512 static int
marks_avx512(struct str line, char mark, uint16_t at[static MARKS_ROOM], unsigned *n)
{
	LINE_BY_64(bits_avx512, PUT_512);
}

#endif

/* ---- the one that is used */

static marks_find *variant[5];
marks_find *formats_marks = marks_plain;

__attribute__((constructor)) static void
choose(void)
{
	int n = 0;

#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt")) {
		if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
		    __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2"))
			variant[n++] = marks_avx512;
		variant[n++] = marks_avx2;
	}
	variant[n++] = marks_sse2;
#endif
	variant[n] = marks_plain;
	formats_marks = variant[0];
}

marks_find *const *
formats_marks_variants(void)
{
	return variant;
}
