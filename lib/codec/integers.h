/* integers.h - arrays of numbers in few bits: several encodings are tried, the smallest is taken.
 *
 *      linear            first, step                                           a constant; numbers that count
 *      runs              values, lengths                                       a sorted or rarely changing column
 *      frames            1,024 at a time: least value, then the rest bit-packed   most numbers
 *      deltas            the same of the differences                           sorted times, counters
 *      second deltas     the same of the differences of the differences        samples on a clock
 *      patched           any of these three with a few numbers aside           where outliers would widen all others
 *
 * (Lemire and Boytsov, "Decoding billions of integers per second through vectorization", for bit-packing in frames of reference;
 * Zukowski and others, "Super-scalar RAM-CPU cache compression", for patches; Pelkonen and others, "Gorilla", for deltas of deltas.)
 * Each array says its encoding itself, and each frame its own, so it may change from one to the next.
 * Arithmetic wraps, so that every int64 comes back exactly. Where some codes are much more frequent than others, see entropy.h.
 *
 * 65,536 numbers by tests/bench/integers on one core of an EPYC (Zen 4); plain C in brackets:
 *                              bytes a number      ns to put           ns to take
 *      4 bits                  0.50                1.5  (3.4)          0.13 (0.6)
 *      40 bits                 5.01                2.0  (3.9)          0.20 (0.6)
 *      sorted times            1.50                1.8  (3.7)          0.36 (0.9)
 *      on a clock              0.02                1.8  (4.1)          0.33 (0.9)
 *      a clock with jitter     0.76                2.1  (4.0)          0.36 (0.9)
 *      1 outlier in 200        0.91                2.5  (4.9)          0.15 (0.6)
 *      runs of 50              0.05                5.2  (7.6)          0.38 (0.4)
 *      codes < 12              0.50                2.0  (4.0)          0.08 (0.8)
 */
#ifndef CODEC_INTEGERS_H
#define CODEC_INTEGERS_H

#include "base/buf.h"

/* Append n numbers. */
void integers_put(struct buf *, const int64_t *, size_t n);

/* Take n numbers (as many as were put) off the front of *rest. 0, or -1 when the bytes are no such array. */
int integers_take(struct str *rest, int64_t *out, size_t n);

/* The same for codes, all < limit: out of a damaged array none that is not comes back. limit 1: nothing is written at all. */
void integers_put_codes(struct buf *, const uint32_t *, size_t n, uint32_t limit);
int integers_take_codes(struct str *rest, uint32_t *out, size_t n, uint32_t limit);

/* How many bytes would integers_put take? For choosing between forms of the same data. */
size_t integers_size(const int64_t *, size_t n);

#endif
