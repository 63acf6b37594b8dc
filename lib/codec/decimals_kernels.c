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

static const struct decimals_kernels portable = { "portable", scale, divide };

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

static const struct decimals_kernels avx2 = { "avx2", scale_avx2, divide_avx2 };

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
