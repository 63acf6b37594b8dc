/* The bytes of a WebSocket: the same messages, answers and end wherever they are cut; texts are UTF-8; the last answer is a close and
 * nothing comes behind it; no message is beyond the bound. */
#include <assert.h>

#include "base/buf.h"
#include "http/messages.h"

#define MOST 5000

struct seen { struct buf log; int closed; };

static void
message(void *self, struct str text, int binary)
{
	struct seen *s = self;

	assert(!s->closed && text.n <= MOST && (binary || str_utf8_fault(text) < 0));
	buf_printf(&s->log, "%c %zu ", binary ? 'b' : 't', text.n);
	buf_str(&s->log, text);
}

static void
say(void *self, struct str frames, int closes)
{
	struct seen *s = self;

	assert(!s->closed && frames.n >= 2);
	s->closed = closes;
	buf_str(&s->log, frames);
}

static int
feed(struct str wire, size_t step, int packs, struct seen *s)
{
	struct messages *m = messages_new(MOST, packs, message, say, s);
	int code = 0;

	for (size_t at = 0; at < wire.n && !code; at += step)
		code = messages_feed(m, (struct str){ wire.p + at, wire.n - at < step ? wire.n - at : step });
	assert((code != 0) == s->closed);
	assert(!code || messages_feed(m, STR("\x81\x80....")) == code);
	messages_free(m);
	return code;
}

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);
int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str wire = { (const char *)data, size };

	if (size < 2)
		return 0;
	wire.p++, wire.n--;
	struct seen whole = { 0 }, cut = { 0 };
	int code = feed(wire, wire.n, data[0] & 1, &whole);

	assert(feed(wire, 1 + data[0] / 2 % 9, data[0] & 1, &cut) == code);
	assert(str_eq(buf_get(&whole.log), buf_get(&cut.log)));
	buf_release(&whole.log);
	buf_release(&cut.log);
	return 0;
}
