/* simd_priv.h - which of the next W bytes are what, for the one instruction set that the including file names.
 *
 * A file defines SIMD_AVX512, SIMD_AVX2, SIMD_SSE2 or SIMD_NEON before it includes this, or nothing for plain C, and marks its functions
 * with FN. The steps below look the same on all of them: a mask has STEP bits for each byte, the first byte lowest.
 *
 *      bytes    "  a  \  "  ,  1            W = 16 (SSE2), 32 (AVX2), 16 (NEON, 4 bits a byte), 8 (plain C, 8 bits a byte)
 *      quotes   1  0  1  1  0  0            simd_first(mask): the index of the first one
 */
#ifndef JSON_SIMD_PRIV_H
#define JSON_SIMD_PRIV_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Each byte 32 times: taken from memory it is an operand; made from a constant it costs two more instructions, each time. */
extern unsigned char simd_priv_bytes[256][32];

#if defined(SIMD_AVX512)
#define SIMD_AVX2               /* in steps of 32 bytes where a step ends a search; of 64 where all of them are looked at */
#endif
#if defined(SIMD_AVX2)

#include <immintrin.h>
#if defined(SIMD_AVX512)
#define FN   __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,bmi,bmi2,lzcnt,popcnt,pclmul"))) static
#else
#define FN   __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt,pclmul"))) static
#endif
#define W    32
#define STEP 1
typedef __m256i simd_block;
#define simd_load(p)      _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define simd_all(c)       simd_load(simd_priv_bytes[(unsigned char)(c)])
#define simd_eq(a, b)     _mm256_cmpeq_epi8(a, b)
#define simd_or(a, b)     _mm256_or_si256(a, b)
#define simd_most(v, c)   simd_eq(_mm256_min_epu8(v, simd_all(c)), v)           /* v <= c */
#define simd_minus(v, c)  _mm256_sub_epi8(v, simd_all(c))
#define simd_odd(v)       _mm256_cmpgt_epi8(simd_all(0x20), v)                  /* signed: controls and beyond ASCII */
#define simd_mask(v)      ((uint64_t)(uint32_t)_mm256_movemask_epi8(v))

#elif defined(SIMD_SSE2)

#include <emmintrin.h>
#define FN   static
#define W    16
#define STEP 1
typedef __m128i simd_block;
#define simd_load(p)      _mm_loadu_si128((const __m128i *)(const void *)(p))
#define simd_all(c)       simd_load(simd_priv_bytes[(unsigned char)(c)])
#define simd_eq(a, b)     _mm_cmpeq_epi8(a, b)
#define simd_or(a, b)     _mm_or_si128(a, b)
#define simd_most(v, c)   simd_eq(_mm_min_epu8(v, simd_all(c)), v)
#define simd_minus(v, c)  _mm_sub_epi8(v, simd_all(c))
#define simd_odd(v)       _mm_cmplt_epi8(v, simd_all(0x20))
#define simd_mask(v)      ((uint64_t)(uint32_t)_mm_movemask_epi8(v))

#elif defined(SIMD_NEON)

#include <arm_neon.h>
#define FN   static
#define W    16
#define STEP 4
typedef uint8x16_t simd_block;
#define simd_load(p)      vld1q_u8((const uint8_t *)(p))
#define simd_all(c)       vdupq_n_u8((uint8_t)(c))
#define simd_eq(a, b)     vceqq_u8(a, b)
#define simd_or(a, b)     vorrq_u8(a, b)
#define simd_most(v, c)   vcleq_u8(v, simd_all(c))
#define simd_minus(v, c)  vsubq_u8(v, simd_all(c))
#define simd_odd(v)       vcltq_s8(vreinterpretq_s8_u8(v), vdupq_n_s8(0x20))
/* narrowing each 16 bits to the middle 8 leaves 4 bits of each byte */
#define simd_mask(v)      vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(v), 4)), 0)

#else

#include <endian.h>
#define FN   static
#define W    8
#define STEP 8
typedef uint64_t simd_block;
#define LOW7 0x7f7f7f7f7f7f7f7fu
static inline uint64_t
simd_load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return le64toh(v);
}
#define simd_all(c)       ((uint64_t)(uint8_t)(c) * 0x0101010101010101u)
#define simd_or(a, b)     ((a) | (b))
/* a byte of a result is 0xff or 0, as in the instruction sets; no carry passes from one byte to the next */
static inline uint64_t
simd_spread(uint64_t high)
{
	high &= ~LOW7;
	return (high - (high >> 7)) | high;
}
static inline uint64_t
simd_eq(uint64_t a, uint64_t b)
{
	uint64_t v = a ^ b;

	return simd_spread(~(((v & LOW7) + LOW7) | v));
}
static inline uint64_t
simd_least(uint64_t v, unsigned char c)         /* v >= c, for c up to 0x7f */
{
	return simd_spread(v | ((v & LOW7) + simd_all(0x80 - c)));
}
#define simd_most(v, c)   (~simd_least(v, (c) + 1))
static inline uint64_t
simd_minus(uint64_t v, unsigned char c)
{
	return ((v | ~LOW7) - (simd_all(c) & LOW7)) ^ ((v ^ ~simd_all(c)) & ~LOW7);
}
#define simd_odd(v)       simd_spread((v) | ~(((v) & LOW7) + simd_all(0x60)))
#define simd_mask(v)      (v)

#endif

/* Not filled with zeros first, as the compiler is told to do elsewhere. */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define RAW __attribute__((uninitialized))
#endif
#endif
#ifndef RAW
#define RAW
#endif

#define INLINE inline __attribute__((always_inline))

FN INLINE size_t
simd_first(uint64_t mask)
{
	return (size_t)__builtin_ctzll(mask) / STEP;
}

/* The mask that `kind` gives for the bytes from p on, 0 for those from `end` on. Nothing outside start…end is read: near
 * the end the last W bytes of the text are taken instead, and moved. */
typedef uint64_t simd_kind(simd_block);
FN INLINE uint64_t
simd_at(simd_kind *kind, const char *p, const char *start, const char *end)
{
	size_t n = (size_t)(end - p);
	char copy[W] RAW;

	if (LIKELY(n >= W))
		return kind(simd_load(p));
	if (n == 0)
		return 0;
	if (LIKELY(end - start >= W))
		return kind(simd_load(end - W)) >> (W - n) * STEP;
	memset(copy, 0, W);
	memcpy(copy, p, n);
	return kind(simd_load(copy)) & (((uint64_t)1 << n * STEP) - 1);
}

FN INLINE uint64_t
simd_quotes(simd_block v)                       /* " and \ */
{
	return simd_mask(simd_or(simd_eq(v, simd_all('"')), simd_eq(v, simd_all('\\'))));
}

FN INLINE uint64_t
simd_no_scalar(simd_block v)                    /* all but what numbers and literals are made of, as json_is_scalar */
{
	simd_block letter = simd_most(simd_minus(simd_or(v, simd_all(0x20)), 'a'), 'z' - 'a');
	simd_block number = simd_most(simd_minus(v, '-'), '9' - '-');

	return ~simd_mask(simd_or(simd_or(letter, number), simd_eq(v, simd_all('+')))) & (~(uint64_t)0 >> (64 - W * STEP));
}

FN INLINE uint64_t
simd_special(simd_block v)                      /* what a plain string has not: " \ controls, beyond ASCII */
{
	return simd_mask(simd_or(simd_or(simd_eq(v, simd_all('"')), simd_eq(v, simd_all('\\'))), simd_odd(v)));
}

/* One bit a byte of 64, whatever STEP is. */
FN INLINE uint64_t
simd_bits(const simd_block *v, unsigned char c, unsigned char fold)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < 64 / W; i++) {
		simd_block is = simd_eq(fold ? simd_or(v[i], simd_all(fold)) : v[i], simd_all(c));
#if STEP == 1
		bits |= simd_mask(is) << i * W;
#elif STEP == 4
		static const uint8_t place[16] = { 1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128 };
		uint8x16_t b = vandq_u8(is, vld1q_u8(place));

		bits |= ((uint64_t)vaddv_u8(vget_low_u8(b)) | (uint64_t)vaddv_u8(vget_high_u8(b)) << 8) << i * W;
#else
		bits |= ((is & simd_all(1)) * 0x0102040810204080u >> 56) << i * W;
#endif
	}
	return bits;
}

struct simd_masks { uint64_t quote, backslash, open, close; };

FN INLINE struct simd_masks
simd_64(const char *p)
{
#if defined(SIMD_AVX512)
	__m512i all = _mm512_loadu_si512(p), folded = _mm512_or_si512(all, _mm512_set1_epi8(0x20));

	return (struct simd_masks){ _mm512_cmpeq_epi8_mask(all, _mm512_set1_epi8('"')), _mm512_cmpeq_epi8_mask(all, _mm512_set1_epi8('\\')),
	    _mm512_cmpeq_epi8_mask(folded, _mm512_set1_epi8('{')), _mm512_cmpeq_epi8_mask(folded, _mm512_set1_epi8('}')) };
#else
	simd_block v[64 / W] RAW;

	for (size_t i = 0; i < 64 / W; i++)
		v[i] = simd_load(p + i * W);
	return (struct simd_masks){ simd_bits(v, '"', 0), simd_bits(v, '\\', 0), simd_bits(v, '{', 0x20), simd_bits(v, '}', 0x20) };
#endif
}

/* Bit i of the result is the parity of bits 0…i: between the quotes, from the opening one on. */
FN INLINE uint64_t
simd_inside(uint64_t quotes)
{
#ifdef SIMD_AVX2
	return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)quotes), _mm_set1_epi8(-1), 0));
#else
	for (int by = 1; by < 64; by *= 2)
		quotes ^= quotes << by;
	return quotes;
#endif
}

/* The bytes that a backslash before them escapes. *carry: the first byte is escaped; then: the byte behind the 64th is. */
FN INLINE uint64_t
simd_escaped(uint64_t backslash, uint64_t *carry)
{
	uint64_t escaped = *carry;

	backslash &= ~escaped;
	*carry = 0;
	while (backslash) {             /* one round for each escape: they are rare */
		uint64_t first = backslash & -backslash, next = first << 1;

		escaped |= next;
		*carry |= next == 0;
		backslash &= ~(first | next);
	}
	return escaped;
}

#endif
