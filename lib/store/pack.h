/* pack.h - bytes packed by zstd where that is worth it: where it saves an eighth and more.
 *
 * A piece: varint packed length, or 0 when it is plain; the bytes. Its length unpacked is known to who reads it.
 */
#ifndef STORE_PACK_H
#define STORE_PACK_H

#include "base/buf.h"

struct pack { void *in, *out; };                /* zero-initialised is ready; one for each thread */
void pack_release(struct pack *);

void pack_put(struct pack *, struct buf *, struct str raw);

/* Take a piece of raw_n bytes off the front of *rest. 0, or -1 when it is damaged. pack_skip: without unpacking it; its place. */
int pack_take(struct pack *, struct str *rest, char *raw, size_t raw_n);
int pack_skip(struct str *rest, size_t raw_n, struct str *piece);

#endif
