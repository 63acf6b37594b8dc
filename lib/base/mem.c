#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE_PAGE (2u << 20)

static _Noreturn void
mem_gone(void)
{
	static const char text[] = "out of memory\n";

	if (write(2, text, sizeof(text) - 1) < 0)
		_exit(1);
	_exit(1);
}

void *
mem_new(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		mem_gone();
	return p;
}

void *
mem_table(size_t size)
{
	size_t bytes = (size + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
	void *p;

	if (size < 2 * (size_t)LARGE_PAGE)
		return mem_new(size);
	if (bytes < size || !(p = aligned_alloc(LARGE_PAGE, bytes)))
		mem_gone();
	madvise(p, bytes, MADV_HUGEPAGE);       /* where there are none, small ones do */
	memset(p, 0, size);
	return p;
}

void *
mem_grow(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		mem_gone();
	p = realloc(p, bytes ? bytes : 1);
	if (!p)
		mem_gone();
	return p;
}

void *
mem_dup(const void *from, size_t n)
{
	char *p = mem_grow(NULL, n + 1, 1);

	if (n)
		memcpy(p, from, n);
	p[n] = 0;
	return p;
}

char *
mem_text(const char *text)
{
	return text ? mem_dup(text, strlen(text)) : NULL;
}
