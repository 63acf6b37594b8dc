#include "store/tail.h"

#include <stdlib.h>

#include "base/mem.h"
#include "codec/varint.h"
#include "store/store_priv.h"

#define WORTH 4096      /* bytes of a batch that is packed: a fifth of them is left */

enum { HAS_ID = 1, HAS_USER = 2, HAS_SESSION = 4, HAS_ALL = 7 };

void
tail_rows_release(struct tail_rows *rows)
{
	buf_release(&rows->bytes);
	free(rows->batch);
	*rows = (struct tail_rows){ 0 };
}

void
tail_rows_clear(struct tail_rows *rows)
{
	buf_clear(&rows->bytes);
	rows->n = rows->n_batches = 0;
}

/* The same bytes as varint_put, without a call: each event is four to eight of them. */
static char *
put(char *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (char)(v | 0x80);
	*p++ = (char)v;
	return p;
}

static char *
put_signed(char *p, int64_t v)
{
	return put(p, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

static char *
put_text(char *p, struct str s)
{
	p = put(p, s.n);
	if (s.n)
		memcpy(p, s.p, s.n);
	return p + s.n;
}

void
tail_rows_add(struct tail_rows *rows, const struct event *ev)
{
	struct tail_batch *b = rows->n_batches ? &rows->batch[rows->n_batches - 1] : NULL;
	char *p;

	if (!b || b->len >= STORE_BATCH_RAW) {
		if (rows->n_batches == rows->cap)
			rows->batch = mem_grow(rows->batch, rows->cap = rows->cap ? rows->cap * 2 : 16, sizeof(*rows->batch));
		b = &rows->batch[rows->n_batches++];
		*b = (struct tail_batch){ .at = rows->bytes.n };
		rows->time = rows->received = 0;
	}
	p = buf_room(&rows->bytes, ev->name.n + ev->id.n + ev->user_id.n + ev->session_id.n + ev->properties.n + 80);
	*p++ = (char)((ev->id.p ? HAS_ID : 0) | (ev->user_id.p ? HAS_USER : 0) | (ev->session_id.p ? HAS_SESSION : 0));
	p = put_signed(p, (int64_t)((uint64_t)ev->time - (uint64_t)rows->time));
	p = put_signed(p, (int64_t)((uint64_t)ev->received - (uint64_t)rows->received));
	p = put_text(p, ev->name);
	if (ev->id.p)
		p = put_text(p, ev->id);
	if (ev->user_id.p)
		p = put_text(p, ev->user_id);
	if (ev->session_id.p)
		p = put_text(p, ev->session_id);
	p = put_text(p, ev->properties);
	rows->time = ev->time;
	rows->received = ev->received;
	rows->bytes.n = (size_t)(p - rows->bytes.p);
	b->len = rows->bytes.n - b->at;
	b->n++;
	rows->n++;
}

static int
take_text(struct str *rest, int there, struct str *s)
{
	*s = (struct str){ 0 };
	if (!there)
		return 0;
	return varint_take_str(rest, s);
}

int
tail_next(struct tail_iter *it, struct event *ev)
{
	int64_t time, received;
	int has;

	if (it->n == 0)
		return it->rest.n ? -1 : 0;
	if (it->rest.n == 0)
		return -1;
	has = (unsigned char)it->rest.p[0];
	it->rest.p++;
	it->rest.n--;
	if (has & ~HAS_ALL || varint_take_signed(&it->rest, &time) || varint_take_signed(&it->rest, &received) ||
	    take_text(&it->rest, 1, &ev->name) || take_text(&it->rest, has & HAS_ID, &ev->id) ||
	    take_text(&it->rest, has & HAS_USER, &ev->user_id) || take_text(&it->rest, has & HAS_SESSION, &ev->session_id) ||
	    take_text(&it->rest, 1, &ev->properties))
		return -1;
	it->time = ev->time = (int64_t)((uint64_t)it->time + (uint64_t)time);
	it->received = ev->received = (int64_t)((uint64_t)it->received + (uint64_t)received);
	ev->seq = it->seq++;
	it->n--;
	return 1;
}

size_t
tail_rows_events(const struct tail_rows *rows, uint64_t seq, struct event *ev)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n_batches; i++) {
		struct tail_iter it = { .rest = { rows->bytes.p + rows->batch[i].at, rows->batch[i].len }, .n = rows->batch[i].n, .seq = seq + n };

		while (tail_next(&it, &ev[n]) == 1)
			n++;
	}
	return n;
}

void
tail_put_value(struct buf *out, const struct tail_rows *rows, const struct tail_batch *b, struct pack *pack)
{
	size_t from = out->n;
	struct buf packed = { 0 };

	varint_put(out, b->n);
	buf_add(out, rows->bytes.p + b->at, b->len);
	if (b->len < WORTH)
		return;
	buf_byte(&packed, 0);
	varint_put(&packed, out->n - from);
	pack_put(pack, &packed, (struct str){ out->p + from, out->n - from });
	if (packed.n < out->n - from) {
		out->n = from;
		buf_str(out, buf_get(&packed));
	}
	buf_release(&packed);
}

int
tail_plain(struct str value, struct pack *pack, struct buf *scratch, struct str *plain)
{
	uint64_t n;
	struct str piece, rest;

	*plain = value;
	if (value.n == 0 || value.p[0])
		return 0;
	rest = (struct str){ value.p + 1, value.n - 1 };
	if (varint_take(&rest, &n) || n > STORE_VALUE_MOST)
		return -1;
	piece = rest;
	if (pack_skip(&piece, n, &(struct str){ 0 }) || piece.n)
		return -1;
	buf_clear(scratch);
	buf_room(scratch, n + 1);
	if (pack_take(pack, &rest, scratch->p, n))
		return -1;
	scratch->n = n;
	*plain = buf_get(scratch);
	return 0;
}

int
tail_value(struct str value, uint64_t seq, struct tail_iter *it)
{
	uint64_t n;

	if (varint_take(&value, &n) || n == 0 || n > value.n)
		return -1;
	*it = (struct tail_iter){ .rest = value, .n = n, .seq = seq };
	return 0;
}
