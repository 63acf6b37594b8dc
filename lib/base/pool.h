/* pool.h - memory for many small things of a few sizes that come and go all the time.
 *
 * A piece goes back to the list of its size and is the next one given, still in the caches; the neighbours are not looked at, as
 * free() does. Nothing goes back to the system before pool_release. Under AddressSanitizer each piece is malloc's own.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

#define POOL_UNIT    32
#define POOL_CLASSES 128                /* larger pieces than POOL_UNIT * POOL_CLASSES are malloc's */

struct pool_block;
struct pool {                           /* zero-initialised is empty */
	void *back[POOL_CLASSES];       /* pieces of (i + 1) units that came back, each with the next in its first bytes */
	char *fresh, *end;              /* of the newest block */
	struct pool_block *blocks;           /* the newest first */
	size_t block;                   /* bytes of the newest */
};

void *pool_get(struct pool *, size_t size);             /* not zeroed; aligned to 16; never NULL */
void pool_put(struct pool *, void *, size_t size);      /* the same size */
void pool_release(struct pool *);       /* all pieces up to the largest class go; larger ones must have come back */

#endif
