#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BLOCK 65536     /* bytes of an arena's usual block; a larger request gets a block of its own */
#define FIRST 2048      /* bytes of its first: many arenas, as a request's, never hold more */
#define ALIGN 16

struct block {
	struct block *next;
	size_t size;            /* bytes behind this header */
	_Alignas(ALIGN) char bytes[];
};

struct arena {
	struct block *first, *now;      /* blocks in the order they are filled; `now` is the one being filled */
	size_t at;                      /* bytes used of `now` */
	size_t used, most;
};

struct arena *
arena_new(size_t most)
{
	struct arena *a = mem_new(sizeof(*a));

	a->most = most;
	return a;
}

void
arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->first, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

/* Make a block with room for `size` the one being filled: the next one kept by a reset if it is large enough. */
static void
next_block(struct arena *a, size_t size)
{
	struct block *after = a->now ? a->now->next : a->first;

	if (!after || after->size < size) {
		size_t usual = a->first ? BLOCK : FIRST, room = size > usual ? size : usual;
		struct block *b = mem_grow(NULL, 1, sizeof(*b) + room);

		b->size = room;
		b->next = after;
		*(a->now ? &a->now->next : &a->first) = b;
		after = b;
	}
	a->now = after;
	a->at = 0;
}

void *
arena_get(struct arena *a, size_t size)
{
	char *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (a->most && a->used + size > a->most)
		return NULL;
	if (!a->now || a->now->size - a->at < size)
		next_block(a, size);
	p = a->now->bytes + a->at;
	a->at += size;
	a->used += size;
	return p;
}

char *
arena_dup(struct arena *a, const void *from, size_t n)
{
	char *p = arena_get(a, n + 1);

	if (!p)
		return NULL;
	if (n)
		memcpy(p, from, n);
	p[n] = 0;
	return p;
}

void
arena_reset(struct arena *a)
{
	a->now = a->first;
	a->at = 0;
	a->used = 0;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}
