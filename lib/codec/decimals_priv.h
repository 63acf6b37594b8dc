/* decimals_priv.h - the loops of decimals.c, once in plain C and once for AVX2, with identical results. */
#ifndef CODEC_DECIMALS_PRIV_H
#define CODEC_DECIMALS_PRIV_H

#include <stddef.h>
#include <stdint.h>

struct decimals_kernels {
	const char *name;
	/* digits[i] = round(v[i] * scale), and those that do not give v[i] back when divided: their indexes, as many as are returned */
	size_t (*scale)(const double *v, size_t n, double scale, int64_t *digits, int64_t *missed);
	/* Each of the int64 that lie in v, divided by scale, in its place. */
	void (*divide)(double *v, size_t n, double scale);
};

extern const struct decimals_kernels *decimals_priv_used;
const struct decimals_kernels *const *decimals_priv_kernels(void);     /* those of this machine, the best first; NULL ends */

#endif
