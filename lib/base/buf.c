#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void
buf_release(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

char *
buf_room(struct buf *b, size_t more)
{
	if (b->cap - b->n < more) {
		size_t cap = b->cap * 2 > b->n + more ? b->cap * 2 : b->n + more;

		b->cap = cap < 64 ? 64 : cap;
		b->p = mem_grow(b->p, b->cap, 1);
	}
	return b->n ? b->p + b->n : b->p;
}

void
buf_add_slow(struct buf *b, const void *p, size_t n)
{
	memcpy(buf_room(b, n), p, n);
	b->n += n;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		vsnprintf(buf_room(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void
buf_int64(struct buf *b, int64_t v)
{
	char digits[20], *end = digits + sizeof(digits), *p = end;
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		*--p = (char)('0' + u % 10);
	} while (u /= 10);
	if (v < 0)
		buf_byte(b, '-');
	buf_add(b, p, (size_t)(end - p));
}

void
buf_small(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_byte(b, s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 32) : s.p[i]);
}

const char *
buf_text(struct buf *b)
{
	*buf_room(b, 1) = 0;
	return b->p;
}

int
buf_percent(struct buf *b, struct str s)
{
	uint32_t byte;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%') {
			buf_byte(b, s.p[i]);
			continue;
		}
		if (!str_hex(s.p + i + 1, s.p + s.n, 2, &byte))
			return -1;
		buf_byte(b, (char)byte);
		i += 2;
	}
	return 0;
}
