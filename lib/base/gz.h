/* gz.h - gzip (RFC 1952) unpacked piece by piece: concatenated members are one stream.
 *
 * Limits: a member may unpack to 1000 times its size plus 64 MiB; what is larger is a bomb.
 */
#ifndef BASE_GZ_H
#define BASE_GZ_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct gz;

struct gz *gz_new(void);
void gz_free(struct gz *);

/* Unpack what can be from *packed, which is cut off, into `to`; *got says how much came out. More packed bytes are
 * needed when *packed is empty and *got < room. 0, ERR_IO for bytes that are not gzip, ERR_LIMIT for a bomb; what came
 * out before stays good. */
int gz_unpack(struct gz *, struct str *packed, char *to, size_t room, size_t *got, struct err *);

/* 1 between members: the input may end here. */
int gz_whole(const struct gz *);

/* Pack a whole text and append it: as gzip; or `raw`, the deflate data alone, flushed and without the four bytes 00 00 ff ff that each
 * flush ends with (what permessage-deflate sends, RFC 7692). Quick rather than small: zlib's level 1. Any thread. */
void gz_pack(struct str, int raw, struct buf *);

/* Unpack such raw data whole and append it: 0, ERR_LIMIT when there would be more than `most` bytes, ERR_IO for bytes that are none. */
int gz_unpack_raw(struct str, struct buf *, size_t most, struct err *);

#endif
