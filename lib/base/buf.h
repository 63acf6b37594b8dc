/* buf.h - bytes that grow at the end. Zero-initialised is empty and ready. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/str.h"

struct buf {
	char  *p;
	size_t n, cap;          /* bytes in use, bytes there */
};

void buf_release(struct buf *);                 /* free the bytes; empty and ready again */
char *buf_room(struct buf *, size_t more);      /* room for `more` bytes behind the end; returns the end */
void buf_add_slow(struct buf *, const void *, size_t n);
void buf_printf(struct buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_int64(struct buf *, int64_t);          /* decimal */
int buf_percent(struct buf *, struct str);      /* append the text with each %41 as its byte; -1 at a wrong one */
void buf_small(struct buf *, struct str);       /* append the text with its ASCII letters small */
const char *buf_text(struct buf *);             /* with a 0 behind the end, which does not count */

static inline void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (b->cap - b->n < n)
		buf_add_slow(b, p, n);
	else if (n)
		memcpy(b->p + b->n, p, n), b->n += n;
}

static inline void
buf_byte(struct buf *b, char c)
{
	if (b->n == b->cap)
		buf_room(b, 1);
	b->p[b->n++] = c;
}

static inline void
buf_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

static inline void
buf_lit(struct buf *b, const char *text)        /* a C string */
{
	buf_add(b, text, strlen(text));
}

static inline struct str
buf_get(const struct buf *b)                    /* what is in it, borrowed until the next change */
{
	return (struct str){ b->p ? b->p : "", b->n };
}

static inline void
buf_clear(struct buf *b)                        /* empty, keep the memory */
{
	b->n = 0;
}

#endif
