/* integers_priv.h - the loops of integers.c, once in plain C and once for AVX2, with identical results; chosen when the program starts.
 *
 * Numbers are packed one behind the other, the lowest bit first, `width` bits each: 8 numbers take `width` bytes, so that each
 * group of 8 begins with a byte of its own, and any count of numbers ends without padding but for the bits of its last byte.
 *
 *      width 3    byte 0: c1 c0 b2 b1 b0 a2 a1 a0    byte 1: f0 e2 e1 e0 d2 d1 d0 c2    byte 2: h2 h1 h0 g2 g1 g0 f2 f1
 *
 * A number of 57 bits or less lies in the 8 bytes that begin with its first one: read, shift, mask. AVX2 does this for 8 numbers
 * at a time with a table of shuffles for each width. 58…63 bits are stored as 64.
 */
#ifndef CODEC_INTEGERS_PRIV_H
#define CODEC_INTEGERS_PRIV_H

#include <stddef.h>
#include <stdint.h>

#define INTEGERS_WIDEST 57              /* bits of a number that may be packed; else 64 */
#define INTEGERS_NARROW 25              /* for codes: 7 bits of shift and these fit 32 */
#define INTEGERS_SLACK  16              /* bytes behind packed numbers that must be readable, whatever is in them */

/* Of the numbers, their differences and the differences of these: least and greatest, as signed; and how many differences are 0. */
struct integers_measure {
	int64_t least[3], most[3];
	size_t repeats;
};

struct integers_kernels {
	const char *name;
	/* out[i] = number i + base, wrapping. width 0…57, 64 */
	void (*unpack)(const unsigned char *, unsigned width, uint64_t base, uint64_t *out, size_t n);
	/* The same for codes, width 0…25. Gives the greatest. */
	uint32_t (*unpack_codes)(const unsigned char *, unsigned width, uint32_t base, uint32_t *out, size_t n);
	/* difference[0][i] = v[i + 1] - v[i], n - 1 of them; difference[1] of difference[0], n - 2. */
	void (*measure)(const uint64_t *v, size_t n, uint64_t *difference[2], struct integers_measure *);
	/* count[b] of v[0], v[every] … take b bits above base */
	void (*count)(const uint64_t *v, size_t n, size_t every, uint64_t base, uint32_t count[65]);
	/* The indexes of those numbers that take more than `width` bits above base, and what is above, v - base >> width. Gives how many,
	 * which must not be more than 255; there is room for 4 more. */
	size_t (*part)(const uint64_t *v, size_t n, unsigned width, uint64_t base, uint64_t *index, uint64_t *above);
	/* v[i] += v[i - 1], from v[0] + before on */
	void (*sum)(uint64_t *v, size_t n, uint64_t before);
	/* out[i] = low half of v[i]; gives all of them in one OR: a bit of a wide one is there, and in *most the greatest. */
	uint64_t (*narrow)(const uint64_t *v, size_t n, uint32_t *out, uint32_t *most);
};

extern const struct integers_kernels *integers_priv_used;
const struct integers_kernels *const *integers_priv_kernels(void);     /* those of this machine, the best first; NULL ends */

/* Put the low `width` bits of v[i] - base. Room for n * width / 8 + 16 bytes must be there; gives the end. */
unsigned char *integers_priv_pack(unsigned char *, unsigned width, uint64_t base, const uint64_t *, size_t n);

static inline size_t
integers_priv_bytes(size_t n, unsigned width)           /* packed */
{
	return n / 8 * width + (n % 8 * width + 7) / 8;
}

#endif
