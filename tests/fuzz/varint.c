/* What is taken off any bytes and put again is taken again; nothing is read beyond the end. */
#include <stdlib.h>

#include "codec/varint.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str rest = { (const char *)data, size }, piece, again;
	struct buf b = { 0 };
	uint64_t v, w;
	int64_t s, t;

	while (rest.n) {
		struct str before = rest;

		buf_clear(&b);
		if (varint_take(&rest, &v) == 0) {
			varint_put(&b, v);
			again = buf_get(&b);
			if (varint_take(&again, &w) < 0 || w != v || again.n || b.n > before.n - rest.n)
				abort();
			again = before;
			if (varint_take_signed(&again, &s) < 0 || again.n != rest.n)
				abort();
			buf_clear(&b);
			varint_put_signed(&b, s);
			again = buf_get(&b);
			if (varint_take_signed(&again, &t) < 0 || t != s)
				abort();
		}
		again = before;
		if (varint_take_str(&again, &piece) == 0) {
			if (piece.p + piece.n != again.p || again.p + again.n != before.p + before.n)
				abort();
		} else if (again.p != before.p || again.n != before.n) {
			abort();
		}
		rest = (struct str){ before.p + 1, before.n - 1 };
	}
	buf_release(&b);
	return 0;
}
