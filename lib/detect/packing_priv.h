/* packing_priv.h - what a detector knows as bytes and back: one list of its fields serves both ways. The same bytes on every
 * machine: integers and doubles as eight, floats as four, all little-endian. */
#ifndef DETECT_PACKING_PRIV_H
#define DETECT_PACKING_PRIV_H

#include "base/buf.h"
#include "base/str.h"

#define PACKED_MOST 1e80        /* numbers, their squares and sums stay below this */

struct packing {
	struct buf *to;         /* this */
	struct str *from;       /* or that */
	int version, failed;
};

void detect_pack(struct packing *, void *field, size_t size);

/* Take the version, which all of them begin with: `oldest` to `newest`, or it has failed and nothing is taken. 1 when it is one. */
int detect_pack_version(struct packing *, int oldest, int newest);

/* A number that can be what was learned? Else it has failed. */
void detect_pack_expect(struct packing *, double value, double least);

#define PACK(p, field) detect_pack(p, &(field), sizeof(field))
#define PACK_ALL(p, array) \
	for (size_t i_ = 0; i_ < sizeof(array) / sizeof((array)[0]); i_++) \
		PACK(p, (array)[i_])

#endif
