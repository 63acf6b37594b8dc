#include "codec/varint.h"

#define LONGEST 10      /* bytes of a 64-bit integer, 7 bits in each */

void
varint_put(struct buf *b, uint64_t v)
{
	unsigned char *p = (unsigned char *)buf_room(b, LONGEST);
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		p[n++] = (unsigned char)(v | 0x80);
	p[n++] = (unsigned char)v;
	b->n += n;
}

void
varint_put_signed(struct buf *b, int64_t v)
{
	varint_put(b, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

int
varint_take_long(struct str *rest, uint64_t *v)
{
	uint64_t u = 0;

	for (size_t i = 0; i < rest->n && i < LONGEST; i++) {
		uint64_t byte = (unsigned char)rest->p[i];

		if (i == LONGEST - 1 && byte > 1)       /* bits beyond the 64th */
			return -1;
		u |= (byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			rest->p += i + 1;
			rest->n -= i + 1;
			*v = u;
			return 0;
		}
	}
	return -1;
}

int
varint_take_signed(struct str *rest, int64_t *v)
{
	uint64_t u;

	if (varint_take(rest, &u) < 0)
		return -1;
	*v = (int64_t)(u >> 1 ^ (0 - (u & 1)));
	return 0;
}

void
varint_put_str(struct buf *b, struct str s)
{
	varint_put(b, s.n);
	buf_str(b, s);
}

int
varint_take_str(struct str *rest, struct str *s)
{
	struct str r = *rest;
	uint64_t n;

	if (varint_take(&r, &n) < 0 || n > r.n)
		return -1;
	*s = (struct str){ r.p, (size_t)n };
	*rest = (struct str){ r.p + n, r.n - (size_t)n };
	return 0;
}
