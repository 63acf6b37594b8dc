/* mem.h - memory that is there or the program ends; and bounded arenas, which may refuse. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_new(size_t size);                     /* zeroed; never NULL */
void *mem_grow(void *, size_t n, size_t size);  /* realloc to n items; checks n * size; never NULL */
void *mem_dup(const void *, size_t n);          /* n bytes and a 0 behind them; never NULL */
char *mem_text(const char *);                   /* strdup; NULL gives NULL */

/* An arena: many small allocations, released together. */
struct arena;
struct arena *arena_new(size_t most);           /* may hold `most` bytes; 0 is no bound */
void arena_free(struct arena *);
void *arena_get(struct arena *, size_t size);   /* not zeroed, aligned to 16; NULL when over the bound */
char *arena_dup(struct arena *, const void *, size_t n);   /* n bytes and a 0; NULL when over the bound */
void arena_reset(struct arena *);               /* forget all, keep the memory */
size_t arena_used(const struct arena *);

#endif
