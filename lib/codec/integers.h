/* integers.h - arrays of numbers in few bits: several encodings are tried, the smallest is taken.
 *
 *      constant          one value                                             received_at of a bulk load
 *      runs              value, length                                         a sorted or rarely changing column
 *      frames            1,024 at a time: least value, then the rest bit-packed   most numbers
 *      deltas            the same of the differences                           sorted times, counters
 *      second deltas     the same of the differences of the differences        samples on a clock
 *
 * (Lemire and Boytsov, "Decoding billions of integers per second through vectorization", for bit-packing in frames of reference;
 * Pelkonen et al., "Gorilla", for deltas of deltas.) Each array says its encoding itself, so it may change from one to the next.
 * Arithmetic wraps, so that every int64 comes back exactly. Unpacking: see tests/bench for bytes a second.
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
