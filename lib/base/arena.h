/* arena.h - many small allocations, released together; with a bound it may refuse. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena;
struct arena *arena_new(size_t most);           /* may hold `most` bytes; 0 is no bound */
void arena_free(struct arena *);
void *arena_get(struct arena *, size_t size);   /* not zeroed, aligned to 16; NULL when over the bound */
char *arena_dup(struct arena *, const void *, size_t n);   /* n bytes and a 0; NULL when over the bound */
void arena_reset(struct arena *);               /* forget all, keep the memory */
size_t arena_used(const struct arena *);

#endif
