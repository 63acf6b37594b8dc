#include <endian.h>
#include <string.h>

#include "codec/integers_priv.h"

static inline uint64_t
eight_bytes(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return le64toh(v);
}

static inline void
put_eight_bytes(unsigned char *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, 8);
}

static inline uint64_t
mask_of(unsigned width)
{
	return width >= 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
}

/* The numbers from..n of those packed at p. */
static inline void
unpack_from(const unsigned char *p, unsigned width, uint64_t base, uint64_t *out, size_t from, size_t n)
{
	uint64_t mask = mask_of(width);
	size_t bit = from * width;

	if (width == 64) {
		for (size_t i = from; i < n; i++)
			out[i] = eight_bytes(p + 8 * i) + base;
		return;
	}
	for (size_t i = from; i < n; i++, bit += width)
		out[i] = (eight_bytes(p + (bit >> 3)) >> (bit & 7) & mask) + base;
}

static inline uint32_t
unpack_codes_from(const unsigned char *p, unsigned width, uint32_t base, uint32_t *out, size_t from, size_t n)
{
	uint32_t mask = (uint32_t)mask_of(width), most = 0;
	size_t bit = from * width;

	for (size_t i = from; i < n; i++, bit += width) {
		out[i] = ((uint32_t)(eight_bytes(p + (bit >> 3)) >> (bit & 7)) & mask) + base;
		most = out[i] > most ? out[i] : most;
	}
	return most;
}

static void
unpack(const unsigned char *p, unsigned width, uint64_t base, uint64_t *out, size_t n)
{
	unpack_from(p, width, base, out, 0, n);
}

static uint32_t
unpack_codes(const unsigned char *p, unsigned width, uint32_t base, uint32_t *out, size_t n)
{
	return unpack_codes_from(p, width, base, out, 0, n);
}

static inline void
widen(struct integers_measure *m, int order, uint64_t v)
{
	m->least[order] = (int64_t)v < m->least[order] ? (int64_t)v : m->least[order];
	m->most[order] = (int64_t)v > m->most[order] ? (int64_t)v : m->most[order];
}

static inline void
measure_from(const uint64_t *v, size_t n, uint64_t *difference[2], struct integers_measure *m, size_t from)
{
	for (size_t i = from; i < n; i++) {
		widen(m, 0, v[i]);
		if (i + 1 >= n)
			break;
		difference[0][i] = v[i + 1] - v[i];
		m->repeats += difference[0][i] == 0;
		widen(m, 1, difference[0][i]);
		if (i + 2 >= n)
			continue;
		difference[1][i] = v[i + 2] - v[i + 1] - difference[0][i];
		widen(m, 2, difference[1][i]);
	}
}

static const struct integers_measure nothing = { { INT64_MAX, INT64_MAX, INT64_MAX }, { INT64_MIN, INT64_MIN, INT64_MIN }, 0 };

static void
measure(const uint64_t *v, size_t n, uint64_t *difference[2], struct integers_measure *m)
{
	*m = nothing;
	measure_from(v, n, difference, m, 0);
}

/* Neighbours are often as wide: their counts must not wait for each other. */
static inline __attribute__((always_inline)) void
count_parts(const uint64_t *v, size_t n, size_t every, uint64_t base, uint32_t count[65])
{
	uint32_t part[4][65] = { 0 };
	size_t i = 0;

#define WIDE(v) ((v) ? 64 - __builtin_clzll(v) : 0)
	for (; i + 3 * every < n; i += 4 * every) {
		uint64_t a = v[i] - base, b = v[i + every] - base, c = v[i + 2 * every] - base, d = v[i + 3 * every] - base;

		part[0][WIDE(a)]++, part[1][WIDE(b)]++, part[2][WIDE(c)]++, part[3][WIDE(d)]++;
	}
	for (; i < n; i += every)
		part[0][WIDE(v[i] - base)]++;
	for (int k = 0; k < 65; k++)
		count[k] = part[0][k] + part[1][k] + part[2][k] + part[3][k];
#undef WIDE
}

static void
count(const uint64_t *v, size_t n, size_t every, uint64_t base, uint32_t counts[65])
{
	count_parts(v, n, every, base, counts);
}

static inline size_t
part_from(const uint64_t *v, size_t n, unsigned width, uint64_t base, uint64_t *index, uint64_t *above, size_t i, size_t k)
{
	for (; i < n; i++) {
		index[k] = i;
		above[k] = (v[i] - base) >> width;
		k += above[k] != 0;
	}
	return k;
}

static size_t
part(const uint64_t *v, size_t n, unsigned width, uint64_t base, uint64_t *index, uint64_t *above)
{
	return part_from(v, n, width, base, index, above, 0, 0);
}

static void
sum(uint64_t *v, size_t n, uint64_t before)
{
	for (size_t i = 0; i < n; i++)
		v[i] = before += v[i];
}

static uint64_t
narrow(const uint64_t *v, size_t n, uint32_t *out, uint32_t *most)
{
	uint64_t all = 0;
	uint32_t greatest = 0;

	for (size_t i = 0; i < n; i++) {
		all |= v[i];
		out[i] = (uint32_t)v[i];
		greatest = out[i] > greatest ? out[i] : greatest;
	}
	*most = greatest;
	return all;
}

/* Up to 8 bits bound by reading, else by the chain of shifts: about 2 cycles a number. */
unsigned char *
integers_priv_pack(unsigned char *p, unsigned width, uint64_t base, const uint64_t *v, size_t n)
{
	uint64_t word = 0, mask = mask_of(width);
	unsigned fill = 0;
	unsigned char *end = p + integers_priv_bytes(n, width);
	size_t i = 0;

#define LOW(k) ((v[i + (k)] - base) & mask)
	if (width == 0)
		return p;
	if (width == 64) {
		for (; i < n; i++)
			put_eight_bytes(p + 8 * i, LOW(0));
		return end;
	}
	if (width <= 8)                 /* a group of 8 at once: no chain */
		for (; i + 8 <= n; i += 8, p += width) {
			uint64_t a = LOW(0) | LOW(1) << width, b = LOW(2) | LOW(3) << width;
			uint64_t c = LOW(4) | LOW(5) << width, d = LOW(6) | LOW(7) << width;

			put_eight_bytes(p, (a | b << 2 * width) | (c | d << 2 * width) << 4 * width);
		}
	for (; i < n; i++) {
		uint64_t low = LOW(0);

		word |= low << fill;
		fill += width;
		if (fill >= 64) {
			put_eight_bytes(p, word);
			p += 8;
			fill -= 64;
			word = fill ? low >> (width - fill) : 0;
		}
	}
	if (fill)
		put_eight_bytes(p, word);
	return end;
#undef LOW
}

static const struct integers_kernels portable = { "portable", unpack, unpack_codes, measure, count, part, sum, narrow };

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2   __attribute__((target("avx2"))) static
#define load(p)  _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define half(p)  _mm_loadu_si128((const __m128i *)(const void *)(p))
#define two(a, b) _mm256_inserti128_si256(_mm256_castsi128_si256(half(a)), half(b), 1)
#define store(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), v)

/* For each width where the bytes of 8 numbers lie. Up to 25 bits each goes to 4 bytes: numbers 0…3 out of the 16 bytes from
 * at[0] on, 4…7 from at[1] on. Else to 8 bytes, two numbers from each at[]. */
static struct layout {
	_Alignas(32) unsigned char shuffle[2][32];
	_Alignas(32) unsigned char shift[2][32];        /* as 8 or 4 numbers */
	unsigned at[4];
} layouts[INTEGERS_WIDEST + 1];

__attribute__((constructor)) static void
fill(void)
{
	for (unsigned width = 1; width <= INTEGERS_WIDEST; width++) {
		struct layout *l = &layouts[width];
		unsigned size = width <= INTEGERS_NARROW ? 4 : 8, each = 16 / size;

		for (unsigned i = 0; i < 8; i++) {
			unsigned bit = i * width, at = i / each * each * width / 8, place = i * size;

			l->at[i / each] = at;
			for (unsigned b = 0; b < size; b++)
				l->shuffle[place / 32][place % 32 + b] = (unsigned char)(bit / 8 - at + b);
			l->shift[place / 32][place % 32] = bit % 8;
		}
	}
}

/* 8 numbers of up to 25 bits */
__attribute__((target("avx2"), always_inline)) static inline __m256i
narrow_eight(const unsigned char *p, unsigned second, __m256i shuffle, __m256i shift, __m256i mask)
{
	return _mm256_and_si256(_mm256_srlv_epi32(_mm256_shuffle_epi8(two(p, p + second), shuffle), shift), mask);
}

AVX2 void
unpack_avx2(const unsigned char *p, unsigned width, uint64_t base, uint64_t *out, size_t n)
{
	const struct layout *l = &layouts[width <= INTEGERS_WIDEST ? width : 0];
	__m256i add = _mm256_set1_epi64x((int64_t)base);
	size_t i = 0;

	if (width == 0) {
		for (; i + 4 <= n; i += 4)
			store(out + i, add);
	} else if (width <= INTEGERS_NARROW) {
		__m256i shuffle = load(l->shuffle), shift = load(l->shift), mask = _mm256_set1_epi32((int)mask_of(width));
		unsigned second = l->at[1];

		for (const unsigned char *q = p; i + 8 <= n; i += 8, q += width) {
			__m256i v = narrow_eight(q, second, shuffle, shift, mask);

			store(out + i, _mm256_add_epi64(_mm256_cvtepu32_epi64(_mm256_castsi256_si128(v)), add));
			store(out + i + 4, _mm256_add_epi64(_mm256_cvtepu32_epi64(_mm256_extracti128_si256(v, 1)), add));
		}
	} else if (width <= INTEGERS_WIDEST) {
		__m256i mask = _mm256_set1_epi64x((int64_t)mask_of(width));
		__m256i shuffle[2] = { load(l->shuffle[0]), load(l->shuffle[1]) };
		__m256i shift[2] = { load(l->shift[0]), load(l->shift[1]) };

		for (const unsigned char *q = p; i + 8 <= n; i += 8, q += width)
			for (int k = 0; k < 2; k++) {
				__m256i v = _mm256_shuffle_epi8(two(q + l->at[2 * k], q + l->at[2 * k + 1]), shuffle[k]);

				v = _mm256_and_si256(_mm256_srlv_epi64(v, shift[k]), mask);
				store(out + i + 4 * k, _mm256_add_epi64(v, add));
			}
	} else {
		for (; i + 4 <= n; i += 4)
			store(out + i, _mm256_add_epi64(load(p + 8 * i), add));
	}
	unpack_from(p, width, base, out, i, n);
}

AVX2 uint32_t
unpack_codes_avx2(const unsigned char *p, unsigned width, uint32_t base, uint32_t *out, size_t n)
{
	const struct layout *l = &layouts[width];
	__m256i shuffle = load(l->shuffle), shift = load(l->shift), mask = _mm256_set1_epi32((int)mask_of(width));
	__m256i add = _mm256_set1_epi32((int)base), most = _mm256_setzero_si256();
	unsigned second = l->at[1];
	uint32_t each[8], rest;
	size_t i = 0;

	for (const unsigned char *q = p; i + 8 <= n; i += 8, q += width) {
		__m256i v = _mm256_add_epi32(narrow_eight(q, second, shuffle, shift, mask), add);

		most = _mm256_max_epu32(most, v);
		store(out + i, v);
	}
	rest = unpack_codes_from(p, width, base, out, i, n);
	store(each, most);
	for (int k = 0; k < 8; k++)
		rest = each[k] > rest ? each[k] : rest;
	return rest;
}

#define LESSER(a, b)  _mm256_blendv_epi8(a, b, _mm256_cmpgt_epi64(a, b))
#define GREATER(a, b) _mm256_blendv_epi8(a, b, _mm256_cmpgt_epi64(b, a))

/* bound by 12 compares and blends for 4 numbers: about a cycle a number */
AVX2 void
measure_avx2(const uint64_t *v, size_t n, uint64_t *difference[2], struct integers_measure *m)
{
	__m256i least[3], most[3], repeats = _mm256_setzero_si256();
	int64_t each[4];
	size_t i = 0;

	for (int k = 0; k < 3; k++)
		least[k] = _mm256_set1_epi64x(INT64_MAX), most[k] = _mm256_set1_epi64x(INT64_MIN);
	for (; i + 6 <= n; i += 4) {
		__m256i a = load(v + i), b = load(v + i + 1), c = load(v + i + 2);
		__m256i d = _mm256_sub_epi64(b, a), e = _mm256_sub_epi64(_mm256_sub_epi64(c, b), d);

		store(difference[0] + i, d);
		store(difference[1] + i, e);
		least[0] = LESSER(least[0], a), most[0] = GREATER(most[0], a);
		least[1] = LESSER(least[1], d), most[1] = GREATER(most[1], d);
		least[2] = LESSER(least[2], e), most[2] = GREATER(most[2], e);
		repeats = _mm256_sub_epi64(repeats, _mm256_cmpeq_epi64(d, _mm256_setzero_si256()));
	}
	*m = nothing;
	measure_from(v, n, difference, m, i);
	for (int k = 0; k < 3; k++) {
		store(each, least[k]);
		for (int j = 0; j < 4; j++)
			m->least[k] = each[j] < m->least[k] ? each[j] : m->least[k];
		store(each, most[k]);
		for (int j = 0; j < 4; j++)
			m->most[k] = each[j] > m->most[k] ? each[j] : m->most[k];
	}
	store(each, repeats);
	m->repeats += (size_t)(each[0] + each[1] + each[2] + each[3]);
}

/* What has AVX2 has lzcnt, which is several times as fast as bsr on some. */
__attribute__((target("avx2,lzcnt"))) static void
count_avx2(const uint64_t *v, size_t n, size_t every, uint64_t base, uint32_t counts[65])
{
	count_parts(v, n, every, base, counts);
}

AVX2 size_t
part_avx2(const uint64_t *v, size_t n, unsigned width, uint64_t base, uint64_t *index, uint64_t *above)
{
	__m256i bases = _mm256_set1_epi64x((int64_t)base);
	__m128i by = _mm_cvtsi32_si128((int)width);
	size_t i = 0, k = 0;

	for (; i + 4 <= n; i += 4) {
		__m256i high = _mm256_srl_epi64(_mm256_sub_epi64(load(v + i), bases), by);

		if (!_mm256_testz_si256(high, high))
			k = part_from(v, i + 4, width, base, index, above, i, k);
	}
	return part_from(v, n, width, base, index, above, i, k);
}

/* The sums within 4 hang together through one addition only: about 2 cycles for 4. */
AVX2 void
sum_avx2(uint64_t *v, size_t n, uint64_t before)
{
	__m256i all = _mm256_set1_epi64x((int64_t)before);
	size_t i = 0;

	for (; i + 4 <= n; i += 4) {
		__m256i x = load(v + i);
		__m256i low;

		x = _mm256_add_epi64(x, _mm256_slli_si256(x, 8));                       /* a, a+b | c, c+d */
		low = _mm256_permute4x64_epi64(x, 0x55);                                /* a+b everywhere */
		x = _mm256_add_epi64(x, _mm256_blend_epi32(_mm256_setzero_si256(), low, 0xf0));
		store(v + i, _mm256_add_epi64(x, all));
		all = _mm256_add_epi64(all, _mm256_permute4x64_epi64(x, 0xff));
	}
	sum(v + i, n - i, (uint64_t)_mm_cvtsi128_si64(_mm256_castsi256_si128(all)));
}

AVX2 uint64_t
narrow_avx2(const uint64_t *v, size_t n, uint32_t *out, uint32_t *most)
{
	__m256i all = _mm256_setzero_si256(), greatest = all, order = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
	uint32_t each[8];
	uint64_t any[4], wide;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		__m256i a = load(v + i), b = load(v + i + 4), low;

		all = _mm256_or_si256(all, _mm256_or_si256(a, b));
		low = _mm256_permute2x128_si256(_mm256_permutevar8x32_epi32(a, order), _mm256_permutevar8x32_epi32(b, order), 0x20);
		greatest = _mm256_max_epu32(greatest, low);
		store(out + i, low);
	}
	wide = narrow(v + i, n - i, out + i, most);
	store(each, greatest);
	store(any, all);
	for (int k = 0; k < 8; k++)
		*most = each[k] > *most ? each[k] : *most;
	return wide | any[0] | any[1] | any[2] | any[3];
}

static const struct integers_kernels avx2 = { "avx2", unpack_avx2, unpack_codes_avx2, measure_avx2, count_avx2, part_avx2, sum_avx2,
    narrow_avx2 };

#endif

static const struct integers_kernels *kernels[3] = { &portable };
const struct integers_kernels *integers_priv_used = &portable;

__attribute__((constructor)) static void
choose(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2")) {
		kernels[0] = integers_priv_used = &avx2;
		kernels[1] = &portable;
	}
#endif
}

const struct integers_kernels *const *
integers_priv_kernels(void)
{
	return kernels;
}
