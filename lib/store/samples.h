/* samples.h - a piece of a series: samples in order of time, packed.
 *
 *      varint n · byte form · signed first time · for each further one: signed (step - step before) ·
 *      values · byte 1 when there are states, then for each sample 0 or length + 1 and the bytes
 *
 * Form 0: 8 bytes a value (little-endian IEEE 754). Form 1 + k: value × 10^k as an integer, signed difference to the one
 * before; taken when every value comes back the same, bit for bit.
 */
#ifndef STORE_SAMPLES_H
#define STORE_SAMPLES_H

#include "base/buf.h"
#include "base/err.h"

#define SAMPLES_MOST 4096               /* of a piece that is read */

struct samples_point { int64_t time; double value; struct str state; };

void samples_pack(struct buf *, const struct samples_point *, size_t n);

/* At most SAMPLES_MOST points in rising order; states borrow. Their number, or -1 when the bytes are none. */
int samples_unpack(struct str, struct samples_point *out);

#endif
