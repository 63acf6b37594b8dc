/* decimals.h - arrays of doubles that are mostly short decimals, as whole numbers: 12.34, 0.5, 7 become 1234, 50, 700 and "/ 100".
 *
 * As VictoriaMetrics does, and ALP (Afroozeh, Kuffo, Boncz, "ALP: Adaptive lossless floating-point compression", 2023): what people
 * and programs measure has few digits, and integers pack better than the bits of doubles. Exact: each value is checked to come
 * back bit by bit; those that do not (NaN, infinities, -0, long fractions) are kept aside with their places; where these are too
 * many the whole array is kept as the bits of doubles, as numbers again (integers.h): near each other they have near bits. That is
 * smaller than planes of bytes or differences by XOR are behind zstd (a sine: 4.7 bytes a value, not 5.4), but for 3 % where
 * doubles are random. A value costs 2 to 5 ns to put and 0.5 to 0.7 to take (tests/bench/integers), bound by the division.
 */
#ifndef CODEC_DECIMALS_H
#define CODEC_DECIMALS_H

#include "base/buf.h"

#define DECIMALS_DIGITS 18      /* places behind the point, at most */

/* The least e, 0 <= e <= DECIMALS_DIGITS, with value = *digits / 10^e exactly (as the nearest double); -1: none with |digits| < 2^53. */
int decimals_split(double value, int64_t *digits);

/* Append n doubles; take n (as many as were put) off the front of *rest. */
void decimals_put(struct buf *, const double *, size_t n);
void decimals_put_entropy(struct buf *, const double *, size_t n);      /* the digits by entropy.h, where that is smaller: see there */
int decimals_take(struct str *rest, double *out, size_t n);     /* 0, or -1 when the bytes are no such array */

#endif
