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
	/* The off[i]-th double after v[i] in the order of decimals_priv_order. */
	void (*move)(double *v, const int64_t *off, size_t n);
	/* The doubles whose numbers in that order lie in v. */
	void (*of_order)(double *v, size_t n, unsigned shift);
	/* The bits of v[i], of the int64 that lies there and what goes in front of it. */
	void (*join)(double *v, const uint32_t *code, const int64_t *high, unsigned shift, size_t n);
};

/* The number of a double among all, its lowest `shift` bits being 0: numbers rise as doubles do, with -0 before 0 and NaN at the ends. */
static inline int64_t
decimals_priv_order(uint64_t bits, unsigned shift)
{
	return (int64_t)((bits & INT64_MAX) >> shift ^ (uint64_t)((int64_t)bits >> 63));
}

static inline uint64_t
decimals_priv_bits(int64_t order, unsigned shift)
{
	uint64_t sign = (uint64_t)(order >> 63);

	return (((uint64_t)order ^ sign) << shift & INT64_MAX) | (sign & (uint64_t)1 << 63);
}

extern const struct decimals_kernels *decimals_priv_used;
const struct decimals_kernels *const *decimals_priv_kernels(void);     /* those of this machine, the best first; NULL ends */

#endif
