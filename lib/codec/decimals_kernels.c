#include <string.h>

#include "codec/decimals_priv.h"

/* Added to a number below 2^51 it moves the point behind the last bit: what is rounded off is rounded to the nearest. */
#define ROUNDER 6755399441055744.0      /* 1.5 * 2^52 */
#define MOST    2251799813685248.0      /* 2^51 */

static inline uint64_t
bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static size_t
scale_from(const double *v, size_t n, double by, int64_t *digits, int64_t *missed, size_t misses, size_t i)
{
	for (; i < n; i++) {
		double scaled = v[i] * by, back;

		missed[misses] = (int64_t)i;
		if (scaled > -MOST && scaled < MOST) {
			digits[i] = (int64_t)(bits_of(scaled + ROUNDER) - bits_of(ROUNDER));
			back = (double)digits[i] / by;
			misses += bits_of(back) != bits_of(v[i]);
		} else {
			misses++;
		}
	}
	return misses;
}

static size_t
scale(const double *v, size_t n, double by, int64_t *digits, int64_t *missed)
{
	return scale_from(v, n, by, digits, missed, 0, 0);
}

static void
divide(double *v, size_t n, double by)
{
	for (size_t i = 0; i < n; i++) {
		int64_t digits;

		memcpy(&digits, &v[i], sizeof(digits));
		v[i] = (double)digits / by;
	}
}

static void
move(double *v, const int64_t *off, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t bits = decimals_priv_bits((int64_t)((uint64_t)decimals_priv_order(bits_of(v[i]), 0) + (uint64_t)off[i]), 0);

		memcpy(&v[i], &bits, sizeof(bits));
	}
}

static void
of_order(double *v, size_t n, unsigned shift)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t bits = decimals_priv_bits((int64_t)bits_of(v[i]), shift);

		memcpy(&v[i], &bits, sizeof(bits));
	}
}

static void
join(double *v, const uint32_t *code, const int64_t *high, unsigned shift, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t bits = bits_of(v[i]) << shift | (uint64_t)high[code[i]];

		memcpy(&v[i], &bits, sizeof(bits));
	}
}

static const struct decimals_kernels portable = { "portable", scale, divide, move, of_order, join };

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2"))) static

/* The nearest double of each int64, as (double) gives it: the high 16 bits and the low 48 are made doubles by putting them below
 * the exponents of 2^68 and 2^52; taking the exponents away leaves both exact, and only their addition rounds. */
__attribute__((target("avx2"), always_inline)) static inline __m256d
doubles_of(__m256i v)
{
	__m256i high = _mm256_blend_epi16(_mm256_srai_epi32(v, 16), _mm256_setzero_si256(), 0x33);
	__m256i low = _mm256_blend_epi16(v, _mm256_castpd_si256(_mm256_set1_pd(0x1p52)), 0x88);

	high = _mm256_add_epi64(high, _mm256_castpd_si256(_mm256_set1_pd(0x1.8p68)));
	return _mm256_add_pd(_mm256_sub_pd(_mm256_castsi256_pd(high), _mm256_set1_pd(0x1.8001p68)), _mm256_castsi256_pd(low));
}

/* bound by the division: 4 numbers in 5 to 8 cycles */
AVX2 size_t
scale_avx2(const double *v, size_t n, double by, int64_t *digits, int64_t *missed)
{
	__m256d scales = _mm256_set1_pd(by), rounder = _mm256_set1_pd(ROUNDER), most = _mm256_set1_pd(MOST);
	__m256d unsign = _mm256_castsi256_pd(_mm256_set1_epi64x(INT64_MAX));
	size_t misses = 0, i = 0;

	for (; i + 4 <= n; i += 4) {
		__m256d value = _mm256_loadu_pd(v + i), scaled = _mm256_mul_pd(value, scales), round = _mm256_add_pd(scaled, rounder);
		__m256d back = _mm256_div_pd(_mm256_sub_pd(round, rounder), scales);
		__m256i same = _mm256_cmpeq_epi64(_mm256_castpd_si256(back), _mm256_castpd_si256(value));
		int right = _mm256_movemask_pd(_mm256_and_pd(_mm256_castsi256_pd(same),
		    _mm256_cmp_pd(_mm256_and_pd(scaled, unsign), most, _CMP_LT_OQ)));

		_mm256_storeu_si256((__m256i *)(void *)(digits + i),
		    _mm256_sub_epi64(_mm256_castpd_si256(round), _mm256_castpd_si256(rounder)));
		for (int wrong = ~right & 15; wrong; wrong &= wrong - 1)
			missed[misses++] = (int64_t)i + __builtin_ctz((unsigned)wrong);
	}
	return scale_from(v, n, by, digits, missed, misses, i);
}

AVX2 void
divide_avx2(double *v, size_t n, double by)
{
	__m256d scales = _mm256_set1_pd(by);
	size_t i = 0;

	for (; i + 4 <= n; i += 4)
		_mm256_storeu_pd(v + i, _mm256_div_pd(doubles_of(_mm256_loadu_si256((const __m256i *)(const void *)(v + i))), scales));
	divide(v + i, n - i, by);
}

__attribute__((target("avx2"), always_inline)) static inline __m256i
negative(__m256i v)                             /* all bits set where it is */
{
	return _mm256_cmpgt_epi64(_mm256_setzero_si256(), v);
}

AVX2 void
move_avx2(double *v, const int64_t *off, size_t n)
{
	__m256i unsign = _mm256_set1_epi64x(INT64_MAX);
	size_t i = 0;

	for (; i + 4 <= n; i += 4) {
		__m256i bits = _mm256_loadu_si256((const __m256i *)(const void *)(v + i)), order, sign;

		order = _mm256_xor_si256(_mm256_and_si256(bits, unsign), negative(bits));
		order = _mm256_add_epi64(order, _mm256_loadu_si256((const __m256i *)(const void *)(off + i)));
		sign = negative(order);
		bits = _mm256_xor_si256(order, _mm256_and_si256(sign, unsign));
		_mm256_storeu_si256((__m256i *)(void *)(v + i), bits);
	}
	move(v + i, off + i, n - i);
}

AVX2 void
of_order_avx2(double *v, size_t n, unsigned shift)
{
	__m256i unsign = _mm256_set1_epi64x(INT64_MAX);
	__m128i by = _mm_cvtsi32_si128((int)shift);
	size_t i = 0;

	for (; i + 4 <= n; i += 4) {
		__m256i order = _mm256_loadu_si256((const __m256i *)(const void *)(v + i)), sign = negative(order), bits;

		bits = _mm256_and_si256(_mm256_sll_epi64(_mm256_xor_si256(order, sign), by), unsign);
		_mm256_storeu_si256((__m256i *)(void *)(v + i), _mm256_or_si256(bits, _mm256_andnot_si256(unsign, sign)));
	}
	of_order(v + i, n - i, shift);
}

static const struct decimals_kernels avx2 = { "avx2", scale_avx2, divide_avx2, move_avx2, of_order_avx2, join };

#endif

static const struct decimals_kernels *kernels[3] = { &portable };
const struct decimals_kernels *decimals_priv_used = &portable;

__attribute__((constructor)) static void
choose(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2")) {
		kernels[0] = decimals_priv_used = &avx2;
		kernels[1] = &portable;
	}
#endif
}

const struct decimals_kernels *const *
decimals_priv_kernels(void)
{
	return kernels;
}
