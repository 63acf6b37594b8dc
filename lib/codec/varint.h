/* varint.h - integers in as few bytes as they need: LEB128, as in protobuf; zigzag for signed ones. */
#ifndef CODEC_VARINT_H
#define CODEC_VARINT_H

#include <stdint.h>

#include "base/buf.h"

void varint_put(struct buf *, uint64_t);
void varint_put_signed(struct buf *, int64_t);

/* Take one off the front of *rest. 0, or -1 when it is cut short or longer than 10 bytes (rest is then unchanged). Most are one byte. */
int varint_take_long(struct str *rest, uint64_t *);
static inline int
varint_take(struct str *rest, uint64_t *v)
{
	if (rest->n == 0 || (unsigned char)*rest->p >= 0x80)
		return varint_take_long(rest, v);
	*v = (unsigned char)*rest->p++;
	rest->n--;
	return 0;
}
int varint_take_signed(struct str *rest, int64_t *);

/* A length-prefixed piece of bytes. */
void varint_put_str(struct buf *, struct str);
int varint_take_str(struct str *rest, struct str *);

#endif
