/* chunk_rows.c - chunks of format 1, whose properties lie row by row: read only, compact makes new ones of them.
 *
 * Header: byte 1, then as in chunk.h, but before the names: parts, rows in each part.
 * Block: byte 0 plain, 1 zstd, 4 bytes little-endian length unpacked, the bytes. Unpacked:
 *      TIME      for each row: time - time of the row before (first: least time)
 *      SEQ       for each row: signed seq - seq of the row before - 1 (first: least seq - 1)
 *      RECEIVED  for each row: signed received - received of the row before (first: 0)
 *      NAME      for each row: which of the header's names, from 0; 1, 2 or 4 bytes little-endian as their number asks
 *      ID USER SESSION
 *                byte 0: no row has one. byte 1: number of texts, the texts, for each row 1, 2 or 4 bytes: 0 none, k the k-th text.
 *                byte 2: for each row 0 for none or length + 1, then all bytes
 *      PROPERTIES for each row its length, then all bytes; in parts of about 128 KiB
 *      KEYS      number of keys, for each: text as it stands between the quotes, count
 *      USERS     the filter's 64-byte lines (dedupe.h)
 */
#include <stdlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "codec/varint.h"
#include "store/chunk_priv.h"

#define BLOCK_HEAD 5

enum { TEXTS_NONE, TEXTS_CODES, TEXTS_PLAIN };

static int
code_width(size_t most)
{
	return most < 256 ? 1 : most < 65536 ? 2 : 4;
}

static int
unpack(struct pack *pack, struct str block, struct buf *out, struct err *err)
{
	size_t n = 0;

	if (block.n < BLOCK_HEAD || (block.p[0] != 0 && block.p[0] != 1))
		return chunk_damaged(err, "a block has no head");
	for (int i = 0; i < 4; i++)
		n |= (size_t)(unsigned char)block.p[1 + i] << (8 * i);
	if (n > CHUNK_BLOCK_MOST || (block.p[0] == 0 && n != block.n - BLOCK_HEAD))
		return chunk_damaged(err, "a block's length cannot be");
	block.p += BLOCK_HEAD;
	block.n -= BLOCK_HEAD;
	buf_clear(out);
	if (block.p[-BLOCK_HEAD] == 0) {
		buf_str(out, block);
		return 0;
	}
	/* A block of nonsense must not cost a gigabyte: zstd packs at most about 1 : 2^17 (a block of one byte repeated). */
	if (n / (1u << 18) > block.n)
		return chunk_damaged(err, "a block's length cannot be");
	if (!pack->out && !(pack->out = ZSTD_createDCtx()))
		return err_set(err, ERR_LIMIT, "out of memory");
	if (ZSTD_decompressDCtx(pack->out, buf_room(out, n + 1), n, block.p, block.n) != n)
		return chunk_damaged(err, "a block does not unpack");
	out->n = n;
	return 0;
}

int
chunk_rows_block(struct chunk *c, int column, int part, struct buf *out, struct err *err)
{
	int rc;

	if ((rc = chunk_fetch_block(c, column, part, &c->block, err)))
		return rc;
	return unpack(&c->pack, buf_get(&c->block), out, err);
}

static inline uint32_t
get_code(const char *p, int width)
{
	const unsigned char *u = (const unsigned char *)p;

	return width == 1 ? u[0] : width == 2 ? (uint32_t)(u[0] | u[1] << 8) : (uint32_t)u[0] | (uint32_t)u[1] << 8 |
	    (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

static int
unpack_codes(struct str s, size_t n, size_t most, uint32_t *code, struct err *err)
{
	int width = code_width(most);

	if (s.n != n * (size_t)width)
		return chunk_damaged(err, "a column has another length");
	for (size_t i = 0; i < n; i++)
		if ((code[i] = get_code(s.p + i * (size_t)width, width)) > most)
			return chunk_damaged(err, "a code has no text");
	return 0;
}

static int
unpack_texts(struct chunk_texts *t, size_t n, struct err *err)
{
	struct str rest = buf_get(&t->bytes);
	uint64_t many, len;
	char form;
	size_t room;

	if (rest.n == 0)
		return chunk_damaged(err, "a column is empty");
	form = rest.p[0];
	rest.p++;
	rest.n--;
	if (form == TEXTS_CODES && (varint_take(&rest, &many) || many > n))
		return chunk_damaged(err, "a dictionary's size cannot be");
	room = form == TEXTS_PLAIN ? n : form == TEXTS_CODES ? many + 1 : 1;
	if (room > t->n_cap)
		t->text = mem_grow(t->text, t->n_cap = room, sizeof(*t->text));
	if (form == TEXTS_PLAIN) {
		size_t at = 0;

		t->n = 0;
		for (size_t i = 0; i < n; i++) {
			if (varint_take(&rest, &len) || len > t->bytes.n)
				return chunk_damaged(err, "a column ends early");
			t->text[i] = (struct str){ len ? "" : NULL, len ? len - 1 : 0 };
		}
		for (size_t i = 0; i < n; i++)
			if (t->text[i].p) {
				if (t->text[i].n > rest.n - at)
					return chunk_damaged(err, "a column ends early");
				t->text[i].p = rest.p + at;
				at += t->text[i].n;
			}
		return at == rest.n ? 0 : chunk_damaged(err, "a column has more than its rows");
	}
	if (n > t->code_cap)
		t->code = mem_grow(t->code, t->code_cap = n, sizeof(*t->code));
	t->text[0] = (struct str){ 0 };
	t->n = room;
	if (form == TEXTS_NONE) {
		memset(t->code, 0, n * sizeof(*t->code));
		return rest.n ? chunk_damaged(err, "a column has more than its rows") : 0;
	}
	if (form != TEXTS_CODES)
		return chunk_damaged(err, "a column's form is not known");
	for (size_t i = 1; i <= many; i++)
		if (varint_take_str(&rest, &t->text[i]))
			return chunk_damaged(err, "a dictionary ends early");
	return unpack_codes(rest, n, many, t->code, err);
}

static int
unpack_numbers(struct chunk *c, int column, struct err *err)
{
	struct str rest = buf_get(&c->scratch);
	uint64_t u = 0;
	int64_t d = 0, time = c->info.min_time;
	uint64_t seq = c->info.min_seq - 1, received = 0;

	for (size_t i = 0; i < c->info.n; i++) {
		if (column == CHUNK_TIME ? varint_take(&rest, &u) : varint_take_signed(&rest, &d))
			return chunk_damaged(err, "a column ends early");
		if (column == CHUNK_TIME) {
			if (u > (uint64_t)(c->info.max_time - time))
				return chunk_damaged(err, "a time is beyond its header's");
			c->time[i] = time += (int64_t)u;
		} else if (column == CHUNK_SEQ) {
			c->seq[i] = seq += (uint64_t)d + 1;
			if (seq - c->info.min_seq > c->info.max_seq - c->info.min_seq)
				return chunk_damaged(err, "a seq is beyond its header's");
		} else {
			c->received[i] = (int64_t)(received += (uint64_t)d);
		}
	}
	if (rest.n)
		return chunk_damaged(err, "a column has more than its rows");
	if (column == CHUNK_TIME && time != c->info.max_time)
		return chunk_damaged(err, "its last time is not its header's");
	return 0;
}

int
chunk_rows_load(struct chunk *c, int column, struct err *err)
{
	int rc;

	if (column >= CHUNK_ID && column <= CHUNK_SESSION) {
		struct chunk_texts *t = &c->texts[column - CHUNK_ID];

		if ((rc = chunk_rows_block(c, column, 0, &t->bytes, err)))
			return rc;
		return unpack_texts(t, c->info.n, err);
	}
	if ((rc = chunk_rows_block(c, column, 0, &c->scratch, err)))
		return rc;
	if (column == CHUNK_NAME) {
		rc = unpack_codes(buf_get(&c->scratch), c->info.n, c->info.n_names - 1, c->name, err);
		for (size_t i = 0; rc == 0 && i < c->info.n; i++)
			c->name[i]++;
		return rc;
	}
	return unpack_numbers(c, column, err);
}

void
chunk_rows_open(struct chunk *c)
{
	struct chunk_rows *k = &c->rows;
	struct str parts = c->info.parts;
	size_t row = 0;

	if (c->info.n_parts > k->end_cap)
		k->end = mem_grow(k->end, k->end_cap = c->info.n_parts, sizeof(*k->end));
	for (size_t i = 0; i < c->info.n_parts; i++) {
		uint64_t rows = 0;

		varint_take(&parts, &rows);
		k->end[i] = row += rows;
	}
	k->part = c->info.n_parts;
}

/* Unpack the part that holds the row. */
static int
load_part(struct chunk *c, size_t row, struct err *err)
{
	struct chunk_rows *k = &c->rows;
	size_t low = 0, high = c->info.n_parts, from, n, at = 0;
	struct str rest;
	int rc;

	if (k->part + 1 < c->info.n_parts && row == k->end[k->part])
		low = k->part + 1;              /* the usual step: to the next */
	else
		while (high - low > 1) {
			size_t middle = (low + high) / 2;

			if (k->end[middle - 1] <= row)
				low = middle;
			else
				high = middle;
		}
	from = low ? k->end[low - 1] : 0;
	n = k->end[low] - from;
	k->part = c->info.n_parts;              /* none, should this fail */
	if ((rc = chunk_rows_block(c, CHUNK_PROPERTIES, (int)low, &k->bytes, err)))
		return rc;
	if (n > k->property_cap)
		k->property = mem_grow(k->property, k->property_cap = n, sizeof(*k->property));
	rest = buf_get(&k->bytes);
	for (size_t i = 0; i < n; i++) {
		uint64_t len;

		if (varint_take(&rest, &len) || len > k->bytes.n)
			return chunk_damaged(err, "a column ends early");
		k->property[i].n = len;
	}
	for (size_t i = 0; i < n; i++) {
		if (k->property[i].n > rest.n - at)
			return chunk_damaged(err, "a column ends early");
		k->property[i].p = rest.p + at;
		at += k->property[i].n;
	}
	if (at != rest.n)
		return chunk_damaged(err, "a column has more than its rows");
	k->part = low;
	k->from = from;
	return 0;
}

int
chunk_rows_properties(struct chunk *c, size_t row, struct str *s, struct err *err)
{
	struct chunk_rows *k = &c->rows;
	int rc;

	if ((k->part == c->info.n_parts || row < k->from || row >= k->end[k->part]) && (rc = load_part(c, row, err)))
		return rc;
	*s = k->property[row - k->from];
	return 0;
}

void
chunk_rows_release(struct chunk *c)
{
	free(c->rows.end);
	free(c->rows.property);
	buf_release(&c->rows.bytes);
}
