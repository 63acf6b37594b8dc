/* entropy.h - codes and numbers in about as many bits as their entropy: for columns in which some values are far more frequent than others.
 *
 * Where one value of twelve makes 60 % of a column, bit-packing still gives each 3 or 4 bits. Here a value that makes the share p
 * takes log2(1 / p) bits, fractions too: asymmetric numeral systems with ranges (Duda, "Asymmetric numeral systems", 2013), 32 of
 * them side by side, so that instructions on vectors may decode 8 or more at a time (Giesen, "Interleaved entropy coders", 2014).
 *
 *      codes < 64         are coded as they are; those < 4 or < 16 four or two at once, which is faster and no larger
 *      more, and numbers  by their magnitude and the 2 bits behind the first; the bits below are kept as they are
 *
 * For the second, frequent values should have small codes: a dictionary in order of frequency. What these write is what integers.h
 * would have written, unless this is smaller by a sixteenth; so an array that has runs, or no skew, is taken as fast as there. Out
 * of damaged bytes comes an error or wrong numbers, but no code that is not < limit.
 *
 * The workload's million events (tests/bench/integers has the like) in chunks of 65,536, codes in order of frequency; zstd: the
 * smallest of levels 1 to 3 over packed codes, bytes or planes of bytes, and the time of the fastest of these within 2 % of it, with
 * making codes of it (Zen 4, AVX2; plain C takes 3 to 4 times as long as here):
 *
 *                      values    bytes an event            ns to take              ns to put
 *                                packed  zstd    this      packed  zstd    this    packed  this
 *      source            13      0.502   0.404   0.404     0.08    0.40    0.39    1.8     3.3
 *      country           40      0.708   0.590   0.587     0.25    0.52    0.56    2.7     5.7
 *      page            1977      1.361   1.227   1.104     0.22    1.18    1.23    2.9     8.6
 *      event             12      0.416   0.331   0.256     0.28    0.56    0.39    2.9     4.4
 *      device             3      0.210   0.203   0.160     0.25    0.34    0.26    2.7     3.5
 *      browser            6      0.346   0.272   0.218     0.24    0.48    0.38    2.7     4.1
 *      utm_campaign      61      0.665   0.391   0.315     0.37    0.92    0.55    3.4     6.2
 *      duration_ms       numbers 1.726   1.635   1.457     0.27    1.45    1.24    3.3     9.2
 *      all                       5.934   5.053   4.501     1.96    5.85    5.00    22.4    45.0
 */
#ifndef CODEC_ENTROPY_H
#define CODEC_ENTROPY_H

#include "base/buf.h"

/* Append n codes, all < limit; n numbers. */
void entropy_put_codes(struct buf *, const uint32_t *, size_t n, uint32_t limit);
void entropy_put(struct buf *, const int64_t *, size_t n);

/* Take n off the front of *rest. 0, or -1 when the bytes are no such array (rest is then unchanged). They take as well what
 * integers_put_codes and integers_put have put. */
int entropy_take_codes(struct str *rest, uint32_t *out, size_t n, uint32_t limit);
int entropy_take(struct str *rest, int64_t *out, size_t n);

#endif
