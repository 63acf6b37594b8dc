#include "codec/entropy_priv.h"

#include <endian.h>
#include <string.h>

#define SLOTS (1u << ENTROPY_BITS)

/* bound by about 15 instructions a symbol; no branch depends on what comes */
static size_t
symbols(struct entropy_decoder *d, uint32_t *out, size_t n)
{
	const unsigned char *word = d->word;
	size_t i = 0;

	for (; i + ENTROPY_STATES <= n && d->words_end - word > 2 * ENTROPY_STATES; i += ENTROPY_STATES)
		for (unsigned k = 0; k < ENTROPY_STATES; k++) {
			uint32_t x = d->state[k], found = d->table[x % SLOTS], more, small;

			x = (found >> 8 & (SLOTS - 1)) * (x >> ENTROPY_BITS) + (found >> 20);
			more = x << 16 | word[0] | (uint32_t)word[1] << 8;
			small = x < 1u << 16;
			d->state[k] = x ^ ((x ^ more) & (0 - small));
			word += 2 * small;
			out[i + k] = found & 255;
		}
	d->word = word;
	return i;
}

static size_t
numbers(struct entropy_decoder *d, uint32_t *classes, size_t n, uint32_t *most)
{
	const unsigned char *p = d->bits;
	unsigned bit = d->bit;
	uint32_t greatest = *most;
	size_t i = 0;

	for (; i < n && d->bits_end - p >= 8; i++) {
		uint32_t class = classes[i], wide = class >= 4, width = class / 4 - wide, v = (wide << 2 | (class & 3)) << width;
		uint64_t word;

		memcpy(&word, p, 8);
		v |= (uint32_t)(le64toh(word) >> bit) & ((1u << width) - 1);
		greatest = v > greatest ? v : greatest;
		classes[i] = v;
		bit += width;
		p += bit >> 3;
		bit &= 7;
	}
	*most = greatest;
	d->bits = p;
	d->bit = bit;
	return i;
}

static size_t
spread(const uint32_t *from, uint32_t *out, size_t n, unsigned each)
{
	size_t i = 0;

	if (each == 2)
		for (; i + 2 <= n; i += 2, from++)
			out[i] = *from & 15, out[i + 1] = *from >> 4;
	else
		for (; i + 4 <= n; i += 4, from++)
			out[i] = *from & 3, out[i + 1] = *from >> 2 & 3, out[i + 2] = *from >> 4 & 3, out[i + 3] = *from >> 6;
	return i;
}

static const struct entropy_kernels portable = { "portable", symbols, numbers, spread };

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,popcnt"))) static
#define INLINE __attribute__((target("avx2,popcnt"), always_inline)) static inline
#define load(p)  _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define store(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), v)

/* For each set of lanes: which of the next words belongs to each lane, as far as it is in the set. */
static unsigned char word_of[256][8];

__attribute__((constructor)) static void
fill(void)
{
	for (unsigned set = 0; set < 256; set++)
		for (unsigned lane = 0, word = 0; lane < 8; lane++)
			word_of[set][lane] = set >> lane & 1 ? (unsigned char)word++ : 0;
}

/* One symbol of each of 8 states; then a word more for those that have become small. */
INLINE __m256i
eight_symbols(const uint32_t *table, __m256i *state, const unsigned char **word)
{
	__m256i slots = _mm256_and_si256(*state, _mm256_set1_epi32(SLOTS - 1));
	__m256i found = _mm256_i32gather_epi32((const int *)(const void *)table, slots, 4);
	__m256i frequency = _mm256_and_si256(_mm256_srli_epi32(found, 8), _mm256_set1_epi32(SLOTS - 1));
	__m256i x = _mm256_add_epi32(_mm256_mullo_epi32(frequency, _mm256_srli_epi32(*state, ENTROPY_BITS)), _mm256_srli_epi32(found, 20));
	__m256i small = _mm256_cmpeq_epi32(_mm256_srli_epi32(x, 16), _mm256_setzero_si256());
	unsigned set = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(small));
	__m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)*word));

	words = _mm256_permutevar8x32_epi32(words, _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)word_of[set])));
	*state = _mm256_blendv_epi8(x, _mm256_or_si256(_mm256_slli_epi32(x, 16), words), small);
	*word += 2 * _mm_popcnt_u32(set);
	return _mm256_and_si256(found, _mm256_set1_epi32(255));
}

/* bound by gathering: 8 loads for 8 symbols */
AVX2 size_t
symbols_avx2(struct entropy_decoder *d, uint32_t *out, size_t n)
{
	__m256i state[4];
	const unsigned char *word = d->word;
	size_t i = 0;

	for (int k = 0; k < 4; k++)
		state[k] = load(d->state + 8 * k);
	for (; i + 32 <= n && d->words_end - word >= 2 * (32 + 8); i += 32) {   /* 8 are read where fewer are taken */
		store(out + i, eight_symbols(d->table, &state[0], &word));
		store(out + i + 8, eight_symbols(d->table, &state[1], &word));
		store(out + i + 16, eight_symbols(d->table, &state[2], &word));
		store(out + i + 24, eight_symbols(d->table, &state[3], &word));
	}
	for (int k = 0; k < 4; k++)
		store(d->state + 8 * k, state[k]);
	d->word = word;
	return i;
}

AVX2 size_t
numbers_avx2(struct entropy_decoder *d, uint32_t *classes, size_t n, uint32_t *most)
{
	__m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi32(1), three = _mm256_set1_epi32(3), four = _mm256_set1_epi32(4);
	__m256i greatest = zero;
	const unsigned char *p = d->bits;
	unsigned bit = d->bit;
	uint32_t each[8];
	size_t i = 0;

	for (; i + 8 <= n && d->bits_end - p >= 64; i += 8) {
		__m256i class = load(classes + i), wide = _mm256_cmpgt_epi32(class, three);
		__m256i width = _mm256_max_epi32(_mm256_sub_epi32(_mm256_srli_epi32(class, 2), one), zero);
		__m256i high = _mm256_blendv_epi8(class, _mm256_sllv_epi32(_mm256_or_si256(_mm256_and_si256(class, three), four), width), wide);
		__m256i sum = _mm256_add_epi32(width, _mm256_slli_si256(width, 4)), from, low;

		sum = _mm256_add_epi32(sum, _mm256_slli_si256(sum, 8));
		sum = _mm256_add_epi32(sum, _mm256_blend_epi32(zero, _mm256_permutevar8x32_epi32(sum, three), 0xf0));
		from = _mm256_add_epi32(_mm256_sub_epi32(sum, width), _mm256_set1_epi32((int)bit));
		low = _mm256_i32gather_epi32((const int *)(const void *)p, _mm256_srli_epi32(from, 3), 1);
		low = _mm256_srlv_epi32(low, _mm256_and_si256(from, _mm256_set1_epi32(7)));
		low = _mm256_and_si256(low, _mm256_sub_epi32(_mm256_sllv_epi32(one, width), one));
		high = _mm256_or_si256(high, low);
		greatest = _mm256_max_epu32(greatest, high);
		store(classes + i, high);
		bit += (unsigned)_mm256_extract_epi32(sum, 7);
		p += bit >> 3;
		bit &= 7;
	}
	store(each, greatest);
	for (int k = 0; k < 8; k++)
		*most = each[k] > *most ? each[k] : *most;
	d->bits = p;
	d->bit = bit;
	return i;
}

AVX2 size_t
spread_avx2(const uint32_t *from, uint32_t *out, size_t n, unsigned each)
{
	__m256i mask = _mm256_set1_epi32(each == 2 ? 15 : 3);
	__m256i lane = each == 2 ? _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3) : _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
	__m256i shift = each == 2 ? _mm256_setr_epi32(0, 4, 0, 4, 0, 4, 0, 4) : _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
	size_t i = 0;

	for (; i + 8 <= n; i += 8, from += 8 / each) {
		__m128i four = each == 2 ? _mm_loadu_si128((const __m128i *)(const void *)from) : _mm_loadl_epi64((const __m128i *)(const void *)from);
		__m256i v = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(four), lane);

		store(out + i, _mm256_and_si256(_mm256_srlv_epi32(v, shift), mask));
	}
	return i;
}

static const struct entropy_kernels avx2 = { "avx2", symbols_avx2, numbers_avx2, spread_avx2 };

#endif

static const struct entropy_kernels *kernels[3] = { &portable };
const struct entropy_kernels *entropy_priv_used = &portable;

__attribute__((constructor)) static void
choose(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt")) {
		kernels[0] = entropy_priv_used = &avx2;
		kernels[1] = &portable;
	}
#endif
}

const struct entropy_kernels *const *
entropy_priv_kernels(void)
{
	return kernels;
}
