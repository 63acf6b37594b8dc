/* planes.h - a column of 64-bit integers, packed by what lies between them.
 *
 *      byte how · the first `order` values, as they begin · varint divisor · bases · low bits · planes
 *
 * how: bits 0-1 order: 0 the values, 1 their steps, 2 the steps of the steps; bit 2: by bases; bit 3: low bits; bits 4-7: planes.
 * Order 1 and 2 have the first value in front (signed), order 2 the first step too (signed). What is left, n - order numbers
 * modulo 2^64, is divided by the divisor (only there with planes), their greatest common one: memory in whole pages, times
 * in whole seconds. By bases: each 128 of them are stored less their least one, a base (signed, less the base before); else
 * each is zigzagged. Low bits: byte 1 to 7, how many; these of each number, one behind the other from the lowest bit of the first
 * byte on, and are shifted out. The bytes of like weight then lie together, the lowest first, as a plane:
 *
 *      byte 0, n - order bytes  ·  byte 1, varint length, zstd  ·  byte 2, the byte that all of them are
 *
 * Noise on a trend costs its entropy this way, not a whole byte more: low bits and planes stay as they are, and the highest plane
 * tells what is likely. Which way is taken is what the entropy of a part of the numbers says is least.
 */
#ifndef STORE_PLANES_H
#define STORE_PLANES_H

#include <stdint.h>

#include "base/buf.h"

#define PLANES_MOST  16384        /* of a column */
#define PLANES_BLOCK 128          /* that share a base */

struct planes_coder {             /* zero-initialised is ready; one a thread */
	void *pack, *unpack;    /* of zstd */
	uint64_t *left;         /* PLANES_MOST numbers, three times */
	unsigned char *plane;   /* PLANES_MOST bytes, eight times */
};
void planes_release(struct planes_coder *);

void planes_pack(struct planes_coder *, struct buf *, const int64_t *, size_t n);

/* Take n <= PLANES_MOST integers off the front of *rest. 0, or -1 when the bytes are none. */
int planes_unpack(struct planes_coder *, struct str *rest, int64_t *, size_t n);

/* Bytes by zstd, where that is shorter: byte 0, varint length, the bytes, or byte 1, varint length, varint packed length. */
void planes_pack_bytes(struct planes_coder *, struct buf *, struct str);
/* The reverse, appended; more than `most` bytes are refused. */
int planes_unpack_bytes(struct planes_coder *, struct str *rest, struct buf *, size_t most);

#endif
