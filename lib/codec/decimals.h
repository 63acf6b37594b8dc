/* decimals.h - arrays of doubles that are mostly short decimals, as whole numbers: 12.34, 0.5, 7 become 1234, 50, 700 and "/ 100".
 *
 * As VictoriaMetrics does, and ALP (Afroozeh, Kuffo, Boncz, "ALP: Adaptive lossless floating-point compression", 2023): what people
 * and programs measure has few digits, and integers pack better than the bits of doubles. Exact: each value is checked to come
 * back bit by bit; those that do not (NaN, infinities, -0, long fractions) are kept aside with their places. Where these are many,
 * the smallest of these is taken:
 *
 *      near      decimals, and how many doubles a calculation moved each by: 19.99 * 1.19 is one below 23.7881
 *      doubles   the bits of doubles, as numbers again (integers.h): near each other they have near bits
 *      split     the few different exponents through a table, the random bits behind them as they are
 *
 * (ALP for real doubles is split with other exceptions; near is what it has not.) These are smaller than planes of bytes or differences
 * by XOR are behind zstd. 65,536 doubles by tests/bench/integers and tests/bench/chunk on one core of an EPYC (Zen 4), beside 2,000,000
 * of the same in DuckDB 2.0 and in Parquet with zstd, which it wrote:
 *                              bytes a value                   ns to put       ns to take
 *                              here    Parquet DuckDB
 *      prices                  1.88                            2.2             0.45
 *      1 of 20 times 1.19      2.35    3.45    3.41            16              0.55
 *      prices times 1.19       3.04    3.89    6.56            8               0.8
 *      floats, with noise      3.00    3.95    6.95            11              0.8
 *      a sine                  4.62    7.40    6.82            16              1.4
 *      latitudes               5.78    6.97    6.56            20              1.0
 *      a random walk           5.85    7.37    7.22            27              0.6
 *      noise                   7.04    7.67    7.61            8               1.0
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

/* ---- sums of doubles that were written as decimals, without rounding: three times 0.1 is 0.3, and neither order nor parts show
 *
 * Whole numbers below 2^63, and what is the double nearest to a decimal of at most 9 places and 15 digits or so, is added to *nano in
 * units of 10^-9, of which there is room for 2^33 values; what is none to *rest. About 0.6 ns a value. */
void decimals_sum(const double *, size_t n, __int128 *nano, double *rest);
void decimals_sum_one(double, __int128 *nano, double *rest);

/* nano * 10^-9 as a double, the nearest up to 15 digits. */
double decimals_of_nano(__int128 nano);

#endif
