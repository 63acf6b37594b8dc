/* entropy_priv.h - the loops of entropy.c, once in plain C and once for AVX2, with identical results. */
#ifndef CODEC_ENTROPY_PRIV_H
#define CODEC_ENTROPY_PRIV_H

#include <stddef.h>
#include <stdint.h>

#define ENTROPY_STATES 32               /* decoders side by side: symbol i belongs to number i % 32 */
#define ENTROPY_BITS   12               /* frequencies add up to 2^12 */
#define ENTROPY_WIDEST 25               /* bits kept as they are of a number, at most: 7 bits of shift and these fit 32 */

/* What is being decoded. A slot of the table: the symbol | its frequency << 8 | the place among the slots of this symbol << 20. */
struct entropy_decoder {
	uint32_t table[1 << ENTROPY_BITS];
	uint32_t state[ENTROPY_STATES];
	const unsigned char *word, *words_end;          /* of 2 bytes each */
	const unsigned char *bits, *bits_end;           /* kept as they are, the lowest first */
	unsigned bit;                                   /* those of *bits that are taken, 0…7 */
};

struct entropy_kernels {
	const char *name;
	/* Symbols in whole rounds of 32, n at most; gives how many: fewer where the words come to an end. */
	size_t (*symbols)(struct entropy_decoder *, uint32_t *out, size_t n);
	/* The numbers of these classes, in their place; how many: fewer where the bits come to an end. *most: the greatest is put there if greater. */
	size_t (*numbers)(struct entropy_decoder *, uint32_t *classes, size_t n, uint32_t *most);
	/* n codes out of symbols that hold each of them, 2 or 4; how many: not those of a last symbol that is not full, or some more */
	size_t (*spread)(const uint32_t *symbols, uint32_t *out, size_t n, unsigned each);
};

extern const struct entropy_kernels *entropy_priv_used;
const struct entropy_kernels *const *entropy_priv_kernels(void);       /* those of this machine, the best first; NULL ends */

/* The class of a number: up to 3 itself, then magnitude and two bits. Gives how many bits are below. */
static inline unsigned
entropy_priv_class(uint32_t v, uint32_t *class)
{
	unsigned below = 29 - (unsigned)__builtin_clz(v | 4);           /* without a branch: nobody can foretell it */

	*class = ((below + 1) << 2 | (v >> below & 3)) - ((uint32_t)(v < 4) << 2);
	return below;
}

#endif
