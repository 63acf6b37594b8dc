/* Eight rows at a time: pdep and pext make of eight bits the order in which eight lanes are taken. */
#include <string.h>

#include "codec/bitmap_priv.h"

/* Each kernel ends with what is left of its rows, from row i on, which begins a byte. */

static void
of_from(const uint32_t *code, size_t n, const uint32_t *is, uint64_t *bits, size_t i)
{
	for (; i < n; i++)
		bits[i / 64] |= (uint64_t)(is[code[i]] & 1) << (i % 64);
}

static void
of(const uint32_t *code, size_t n, const uint32_t *is, size_t codes, uint64_t *bits)
{
	size_t i = 0;

	(void)codes;
	for (; i + 64 <= n; i += 64) {
		uint64_t word = 0;

		for (size_t k = 0; k < 64; k++)
			word |= (uint64_t)(is[code[i + k]] & 1) << k;
		bits[i / 64] = word;
	}
	if (i < n)
		bits[i / 64] = 0;
	of_from(code, n, is, bits, i);
}

static void
equal_from(const uint32_t *code, size_t n, uint32_t one, uint64_t *bits, size_t i)
{
	for (; i < n; i++)
		bits[i / 64] |= (uint64_t)(code[i] == one) << (i % 64);
}

static void
equal(const uint32_t *code, size_t n, uint32_t one, uint64_t *bits)
{
	size_t i = 0;

	for (; i + 64 <= n; i += 64) {
		uint64_t word = 0;

		for (size_t k = 0; k < 64; k++)
			word |= (uint64_t)(code[i + k] == one) << k;
		bits[i / 64] = word;
	}
	if (i < n)
		bits[i / 64] = 0;
	equal_from(code, n, one, bits, i);
}

/* Inlined where there is an instruction for it too. */
static inline __attribute__((always_inline)) size_t
count(const uint64_t *bits, size_t n)
{
	size_t many = 0;

	for (size_t i = 0; i < n / 64; i++)
		many += (size_t)__builtin_popcountll(bits[i]);
	if (n % 64)
		many += (size_t)__builtin_popcountll(bits[n / 64] & ((1ULL << n % 64) - 1));
	return many;
}

static size_t
rows_from(const uint64_t *bits, size_t n, uint32_t first, uint32_t *row, size_t i, size_t to)
{
	for (; i < n; i++) {
		row[to] = first + (uint32_t)i;  /* to < n here, as to <= i */
		to += bits[i / 64] >> (i % 64) & 1;
	}
	return to;
}

static size_t
rows(const uint64_t *bits, size_t n, uint32_t first, uint32_t *row)
{
	size_t to = 0, i = 0;

	for (; i + 64 <= n; i += 64)
		for (uint64_t word = bits[i / 64]; word; word &= word - 1)
			row[to++] = first + (uint32_t)i + (uint32_t)__builtin_ctzll(word);
	return rows_from(bits, n, first, row, i, to);
}

static void
spread32_from(const uint64_t *bits, size_t n, const uint32_t *value, uint32_t more, uint32_t *out, size_t i, size_t k)
{
	for (; i < n; i++) {
		uint32_t is = bits[i / 64] >> (i % 64) & 1;

		out[i] = (value[k] + more) & (0 - is);
		k += is;
	}
}

static void
spread32(const uint64_t *bits, size_t n, const uint32_t *value, uint32_t more, uint32_t *out)
{
	spread32_from(bits, n, value, more, out, 0, 0);
}

static void
spread64_from(const uint64_t *bits, size_t n, const int64_t *value, int64_t *out, size_t i, size_t k)
{
	for (; i < n; i++) {
		int64_t is = bits[i / 64] >> (i % 64) & 1;

		out[i] = value[k] & (0 - is);
		k += (size_t)is;
	}
}

static void
spread64(const uint64_t *bits, size_t n, const int64_t *value, int64_t *out)
{
	spread64_from(bits, n, value, out, 0, 0);
}

static const struct bitmap_kernels portable = { "portable", of, equal, count, rows, spread32, spread64 };

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2   __attribute__((target("avx2,bmi2,popcnt"))) static
#define INLINE __attribute__((target("avx2,bmi2,popcnt"), always_inline)) static inline
#define LANES  0x0706050403020100ULL

INLINE __m256i
load(const uint32_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

INLINE void
store(void *p, __m256i v)
{
	_mm256_storeu_si256((__m256i *)p, v);
}

INLINE unsigned
byte_of(const uint64_t *bits, size_t i)
{
	return (unsigned)(bits[i / 64] >> (i % 64) & 255);
}

/* All bits of byte k where bit k of eight is set. */
INLINE uint64_t
bytes_of(unsigned eight)
{
	return _pdep_u64(eight, 0x0101010101010101ULL) * 255;
}

INLINE __m128i
eight_bytes(uint64_t b)
{
	return _mm_cvtsi64_si128((long long)b);
}

INLINE unsigned
signs(__m256i v)
{
	return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(v));
}

AVX2 void
of_avx2(const uint32_t *code, size_t n, const uint32_t *is, size_t codes, uint64_t *bits)
{
	size_t i = 0;

	(void)codes;
	for (; i + 64 <= n; i += 64) {
		uint64_t word = 0;

		for (unsigned k = 0; k < 64; k += 8)
			word |= (uint64_t)signs(_mm256_i32gather_epi32((const int *)is, load(code + i + k), 4)) << k;
		bits[i / 64] = word;
	}
	if (i < n)
		bits[i / 64] = 0;
	of_from(code, n, is, bits, i);
}

AVX2 void
equal_avx2(const uint32_t *code, size_t n, uint32_t one, uint64_t *bits)
{
	const __m256i all = _mm256_set1_epi32((int)one);
	size_t i = 0;

	for (; i + 64 <= n; i += 64) {
		uint64_t word = 0;

		for (unsigned k = 0; k < 64; k += 8)
			word |= (uint64_t)signs(_mm256_cmpeq_epi32(load(code + i + k), all)) << k;
		bits[i / 64] = word;
	}
	if (i < n)
		bits[i / 64] = 0;
	equal_from(code, n, one, bits, i);
}

AVX2 size_t
count_avx2(const uint64_t *bits, size_t n)      /* the same by an instruction */
{
	return count(bits, n);
}

AVX2 size_t
rows_avx2(const uint64_t *bits, size_t n, uint32_t first, uint32_t *row)
{
	size_t i = 0, to = 0;

	for (; i + 64 <= n; i += 64) {
		uint64_t word = bits[i / 64];

		for (size_t k = i; word; k += 8, word >>= 8) {         /* to + 8 <= k + 8 <= n */
			unsigned eight = (unsigned)(word & 255);
			__m256i lane = _mm256_cvtepu8_epi32(eight_bytes(_pext_u64(LANES, bytes_of(eight))));

			store(row + to, _mm256_add_epi32(lane, _mm256_set1_epi32((int)(first + (uint32_t)k))));
			to += (size_t)__builtin_popcount(eight);
		}
	}
	return rows_from(bits, n, first, row, i, to);
}

AVX2 void
spread32_avx2(const uint64_t *bits, size_t n, const uint32_t *value, uint32_t more, uint32_t *out)
{
	const __m256i adds = _mm256_set1_epi32((int)more);
	size_t i = 0, k = 0;

	for (; i + 8 <= n; i += 8) {
		unsigned eight = byte_of(bits, i);
		uint64_t bytes = bytes_of(eight);
		__m256i lane = _mm256_cvtepu8_epi32(eight_bytes(_pdep_u64(LANES, bytes)));
		__m256i there = _mm256_cvtepi8_epi32(eight_bytes(bytes));

		store(out + i, _mm256_and_si256(_mm256_permutevar8x32_epi32(_mm256_add_epi32(load(value + k), adds), lane), there));
		k += (size_t)__builtin_popcount(eight);
	}
	spread32_from(bits, n, value, more, out, i, k);
}

AVX2 void
spread64_avx2(const uint64_t *bits, size_t n, const int64_t *value, int64_t *out)
{
	size_t i = 0, k = 0;

	for (; i + 8 <= n; i += 8) {
		unsigned eight = byte_of(bits, i);
		uint64_t bytes = bytes_of(eight), lane = _pdep_u64(LANES, bytes);

		for (unsigned half = 0; half < 2; half++) {
			__m128i four = _mm_cvtepu8_epi32(eight_bytes(lane >> 32 * half));
			__m256i there = _mm256_cvtepi8_epi64(eight_bytes(bytes >> 32 * half));

			store(out + i + 4 * half, _mm256_and_si256(_mm256_i32gather_epi64((const long long *)(const void *)(value + k), four, 8), there));
		}
		k += (size_t)__builtin_popcount(eight);
	}
	spread64_from(bits, n, value, out, i, k);
}

static const struct bitmap_kernels avx2 = { "avx2", of_avx2, equal_avx2, count_avx2, rows_avx2, spread32_avx2, spread64_avx2 };

/* A table of bytes in registers, in which 64 rows are looked up at once: a gather takes more than a cycle a row on Zen 4, this a tenth of one. */
#define OF_CODES 256
#define AVX512   __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx2,bmi2,popcnt"))) static

AVX512 inline __attribute__((always_inline)) __m512i
codes_of(const uint32_t *code)          /* 64 of them, each below OF_CODES, as bytes */
{
	const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
	__m512i low = _mm512_packus_epi32(_mm512_loadu_si512(code), _mm512_loadu_si512(code + 16));
	__m512i high = _mm512_packus_epi32(_mm512_loadu_si512(code + 32), _mm512_loadu_si512(code + 48));

	return _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high));         /* packing is within quarters */
}

AVX512 void
of_avx512(const uint32_t *code, size_t n, const uint32_t *is, size_t codes, uint64_t *bits)
{
	unsigned char table[OF_CODES] = { 0 };
	__m512i part[4];
	size_t i = 0;

	if (codes > OF_CODES || n < OF_CODES) {
		of_avx2(code, n, is, codes, bits);
		return;
	}
	for (size_t k = 0; k < codes; k++)
		table[k] = (unsigned char)is[k];
	for (size_t k = 0; k < 4; k++)
		part[k] = _mm512_loadu_si512(table + 64 * k);
	for (; i + 64 <= n; i += 64) {
		__m512i at = codes_of(code + i), low = _mm512_permutex2var_epi8(part[0], at, part[1]);

		if (codes > 128)
			low = _mm512_mask_blend_epi8(_mm512_movepi8_mask(at), low, _mm512_permutex2var_epi8(part[2], at, part[3]));
		bits[i / 64] = _mm512_movepi8_mask(low);
	}
	if (i < n)
		bits[i / 64] = 0;
	of_from(code, n, is, bits, i);
}

static const struct bitmap_kernels avx512 = { "avx512", of_avx512, equal_avx2, count_avx2, rows_avx2, spread32_avx2, spread64_avx2 };

#endif

static const struct bitmap_kernels *kernels[4] = { &portable };
const struct bitmap_kernels *bitmap_priv_used = &portable;

__attribute__((constructor)) static void
choose(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt")) {
		int wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
		    __builtin_cpu_supports("avx512vbmi");

		if (wide)
			kernels[0] = &avx512;
		kernels[wide] = &avx2;
		kernels[wide + 1] = &portable;
		bitmap_priv_used = kernels[0];
	}
#endif
}

const struct bitmap_kernels *const *
bitmap_priv_kernels(void)
{
	return kernels;
}
