/* A body in chunks: the same bytes come out wherever the wire is cut and however little the reader takes at once; written anew in
 * chunks of its own it is read as what it was. */
#include <assert.h>

#include "base/buf.h"
#include "http/frame.h"

static int
decode(struct str wire, size_t step, size_t bite, struct buf *body, size_t *used)
{
	struct frame f;
	struct str part, piece;
	int rc = 2;

	frame_init(&f, 1, -1);
	*used = 0;
	while (rc == 2 && *used < wire.n) {
		piece = (struct str){ wire.p + *used, wire.n - *used < step ? wire.n - *used : step };
		while ((rc = frame_next(&f, &piece, &part)) == 1) {
			size_t n = part.n < bite ? part.n : bite;

			assert(part.n && part.p >= wire.p && part.p + part.n <= wire.p + wire.n);
			buf_add(body, part.p, n);
			frame_take(&f, &piece, n);
		}
		assert(rc != 2 || !piece.n);
		*used = (size_t)(piece.p - wire.p);
	}
	assert(frame_ended(&f) == (rc == 0));
	return rc;
}

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);
int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const struct { size_t step, bite; } ways[] = { { 1, 1 }, { 3, 1000 }, { 1000, 2 }, { 7, 5 } };
	struct str wire = { (const char *)data, size };
	struct buf whole = { 0 }, other = { 0 };
	size_t used, also;
	int rc = decode(wire, size + 1, size + 1, &whole, &used);

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		buf_clear(&other);
		assert(decode(wire, ways[i].step, ways[i].bite, &other, &also) == rc && str_eq(buf_get(&other), buf_get(&whole)));
		assert(rc || also == used);
	}
	if (rc == 0) {
		struct buf anew = { 0 };

		if (whole.n)
			buf_printf(&anew, "%zX;q=\"x\"\r\n", whole.n);
		if (whole.n)
			buf_str(&anew, buf_get(&whole));
		buf_lit(&anew, whole.n ? "\r\n0\r\n\r\n" : "0\r\n\r\n");
		buf_clear(&other);
		assert(decode(buf_get(&anew), 11, 1000, &other, &also) == 0 && str_eq(buf_get(&other), buf_get(&whole)) && also == anew.n);
		buf_release(&anew);
	}
	buf_release(&whole);
	buf_release(&other);
	return 0;
}
