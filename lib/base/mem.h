/* mem.h - memory that is there or the program ends. Arenas (arena.h) come with it. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/arena.h"

#define MEM_LARGE ((size_t)2 << 20)             /* bytes of a large page */

void *mem_new(size_t size);                     /* zeroed; never NULL */
void *mem_table(size_t size);                   /* the same for a table that is looked into at random: from half a MEM_LARGE on in large pages */
void *mem_large(size_t size);                   /* not zeroed, for what is written to whole: in large pages as those, which come 512 times as much at once */
void *mem_region(size_t size);                  /* the same outside of the heap, in large pages if it can be: munmap it. size: of so many MEM_LARGE */
void mem_large_heap(void);                      /* what the rest of the process takes lies in large pages, and stays the process's: for work that takes much and then ends */
void mem_small_heap(void);                      /* the contrary: what is large goes back to the system when it is freed, and leaves no gap. For who is told how much to take */
void *mem_grow(void *, size_t n, size_t size);  /* realloc to n items; checks n * size; never NULL */
void *mem_dup(const void *, size_t n);          /* n bytes and a 0 behind them; never NULL */
char *mem_text(const char *);                   /* strdup; NULL gives NULL */

/* Behind the name of a large local: it is not filled with zeros first, as the compiler is told to do elsewhere. */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define MEM_RAW __attribute__((uninitialized))
#endif
#endif
#ifndef MEM_RAW
#define MEM_RAW
#endif

#endif
