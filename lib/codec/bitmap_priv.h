/* bitmap_priv.h - the loops of bitmap.c, in plain C and for AVX2, one of them for AVX-512 too, with identical results. */
#ifndef CODEC_BITMAP_PRIV_H
#define CODEC_BITMAP_PRIV_H

#include <stddef.h>
#include <stdint.h>

struct bitmap_kernels {
	const char *name;
	void (*of)(const uint32_t *code, size_t n, const uint32_t *is, size_t codes, uint64_t *bits);
	void (*equal)(const uint32_t *code, size_t n, uint32_t one, uint64_t *bits);
	size_t (*count)(const uint64_t *bits, size_t n);
	size_t (*rows)(const uint64_t *bits, size_t n, uint32_t first, uint32_t *row);
	void (*spread32)(const uint64_t *bits, size_t n, const uint32_t *value, uint32_t more, uint32_t *out);
	void (*spread64)(const uint64_t *bits, size_t n, const int64_t *value, int64_t *out);
};

extern const struct bitmap_kernels *bitmap_priv_used;
const struct bitmap_kernels *const *bitmap_priv_kernels(void);         /* those of this machine, the best first; NULL ends */

#endif
