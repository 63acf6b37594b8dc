#include "base/pool.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/mem.h"

#define FIRST_BLOCK (64u << 10)
#define MOST_BLOCK  (4u << 20)          /* of large pages: pieces are met at random */
#define HEAD  64                        /* bytes of a block before its pieces: those of whole cache lines lie in whole ones */

#if defined(__SANITIZE_ADDRESS__)
#define ALONE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ALONE 1
#endif
#endif
#ifndef ALONE
#define ALONE 0
#endif

struct pool_block { struct pool_block *next; size_t size; };

static size_t
class_of(size_t size)
{
	return size ? (size - 1) / POOL_UNIT : 0;
}

void *
pool_get(struct pool *p, size_t size)
{
	size_t class = class_of(size), n = (class + 1) * POOL_UNIT;
	void *piece;
	struct pool_block *block;

	if (ALONE || class >= POOL_CLASSES)
		return mem_grow(NULL, size ? size : 1, 1);
	if ((piece = p->back[class])) {
		p->back[class] = *(void **)piece;
		return piece;
	}
	if ((size_t)(p->end - p->fresh) < n) {
		p->block = p->block ? p->block < MOST_BLOCK ? 2 * p->block : MOST_BLOCK : FIRST_BLOCK;
		block = p->block < MOST_BLOCK ? mem_new(p->block) : mem_region(p->block);
		*block = (struct pool_block){ p->blocks, p->block };
		p->blocks = block;
		p->fresh = (char *)block + HEAD, p->end = (char *)block + p->block;
	}
	piece = p->fresh;
	p->fresh += n;
	return piece;
}

void
pool_put(struct pool *p, void *piece, size_t size)
{
	size_t class = class_of(size);

	if (ALONE || class >= POOL_CLASSES) {
		free(piece);
		return;
	}
	*(void **)piece = p->back[class];
	p->back[class] = piece;
}

void
pool_release(struct pool *p)
{
	for (struct pool_block *block = p->blocks, *next; block; block = next) {
		next = block->next;
		if (block->size < MOST_BLOCK)
			free(block);
		else
			munmap(block, block->size);
	}
	*p = (struct pool){ 0 };
}
