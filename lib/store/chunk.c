#include "store/chunk.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/cmd.h"
#include "base/map.h"
#include "base/mem.h"
#include "codec/varint.h"
#include "store/dedupe.h"
#include "store/keys.h"

CMD_LIBRARY("zstd", ZSTD_versionString())

#define PART_RAW   (128 << 10)  /* bytes of properties after which a part ends: small enough to unpack for one row */
#define LEVEL      1            /* of zstd: 650 MB/s, ratio 5.8 on the bench's properties; -1 saves 0.1 s of 1 M events and costs 40 % size */
#define TOO_SMALL  64           /* bytes not worth packing */
#define BLOCK_HEAD 5

enum { TEXTS_NONE, TEXTS_CODES, TEXTS_PLAIN };

/* ---- writing */

void
chunk_packed_release(struct chunk_packed *c)
{
	buf_release(&c->header);
	buf_release(&c->bytes);
	free(c->block);
	keys_release(&c->keys);
	ZSTD_freeCCtx(c->zstd);
	*c = (struct chunk_packed){ 0 };
}

static void
add_block(struct chunk_packed *c, int column, int part, struct str raw)
{
	struct chunk_block *b;
	size_t room = ZSTD_compressBound(raw.n) + BLOCK_HEAD, packed = 0;
	char *p;

	if (c->n == c->cap)
		c->block = mem_grow(c->block, c->cap = c->cap ? c->cap * 2 : 64, sizeof(*c->block));
	b = &c->block[c->n++];
	*b = (struct chunk_block){ .column = column, .part = part, .at = c->bytes.n };
	p = buf_room(&c->bytes, room);
	for (int i = 0; i < 4; i++)
		p[1 + i] = (char)(raw.n >> (8 * i));
	if (raw.n >= TOO_SMALL) {
		packed = ZSTD_compressCCtx(c->zstd, p + BLOCK_HEAD, room - BLOCK_HEAD, raw.p, raw.n, LEVEL);
		if (ZSTD_isError(packed) || packed >= raw.n)
			packed = 0;
	}
	p[0] = packed > 0;
	if (!packed) {
		memcpy(p + BLOCK_HEAD, raw.p, raw.n);
		packed = raw.n;
	}
	b->len = packed + BLOCK_HEAD;
	c->bytes.n += b->len;
}

static int
code_width(size_t most)
{
	return most < 256 ? 1 : most < 65536 ? 2 : 4;
}

static void
put_code(struct buf *b, int width, size_t code)
{
	for (int i = 0; i < width; i++)
		buf_byte(b, (char)(code >> (8 * i)));
}

static struct str
column_text(const struct event *ev, int column)
{
	return column == CHUNK_ID ? ev->id : column == CHUNK_USER ? ev->user_id : ev->session_id;
}

/* Texts that repeat become codes; what hardly repeats (ids) stays plain: decided once half of it has been seen new. */
static void
pack_texts(struct chunk_packed *c, const struct event *ev, size_t n, int column, struct buf *b)
{
	struct map map = { 0 };
	struct buf texts = { 0 };
	uint32_t *code = mem_grow(NULL, n, sizeof(*code));
	size_t some = 0;
	int plain = 0;

	for (size_t i = 0; i < n && !plain; i++) {
		struct str s = column_text(&ev[i], column);
		struct map_entry *e;
		int is_new;

		code[i] = 0;
		if (!s.p)
			continue;
		some++;
		e = map_put(&map, s, &is_new);
		if (is_new) {
			e->bits = map.n;
			varint_put_str(&texts, s);
		}
		code[i] = (uint32_t)e->bits;
		plain = some >= 256 && map.n > some / 2;
	}
	buf_clear(b);
	if (some == 0) {
		buf_byte(b, TEXTS_NONE);
	} else if (plain) {
		buf_byte(b, TEXTS_PLAIN);
		for (size_t i = 0; i < n; i++) {
			struct str s = column_text(&ev[i], column);

			varint_put(b, s.p ? s.n + 1 : 0);
		}
		for (size_t i = 0; i < n; i++)
			buf_str(b, column_text(&ev[i], column));
	} else {
		int width = code_width(map.n);

		buf_byte(b, TEXTS_CODES);
		varint_put(b, map.n);
		buf_str(b, buf_get(&texts));
		for (size_t i = 0; i < n; i++)
			put_code(b, width, code[i]);
	}
	add_block(c, column, 0, buf_get(b));
	if (column == CHUNK_USER) {     /* the filter; from the codes where there are any */
		size_t lines = some ? dedupe_filter_lines(plain ? some : map.n) : 0;
		unsigned char *filter = mem_new(lines * 64);

		if (plain) {
			for (size_t i = 0; i < n; i++)
				if (ev[i].user_id.p) {
					uint64_t h = str_hash_stable(ev[i].user_id);

					dedupe_filter_add(filter, lines, h, h * 0x9e3779b97f4a7c15);
				}
		} else {
			for (struct map_entry *e = map_first(&map); e; e = map_next(&map, e)) {
				uint64_t h = str_hash_stable(e->key);

				dedupe_filter_add(filter, lines, h, h * 0x9e3779b97f4a7c15);
			}
		}
		add_block(c, CHUNK_USERS, 0, (struct str){ (char *)filter, lines * 64 });
		free(filter);
	}
	free(code);
	buf_release(&texts);
	map_release(&map);
}

static void
pack_names(struct chunk_packed *c, const struct event *ev, size_t n, struct buf *b)
{
	struct map map = { 0 };
	struct chunk_name *name = NULL;
	uint32_t *code = mem_grow(NULL, n, sizeof(*code));
	size_t cap = 0;
	int width;

	for (size_t i = 0; i < n; i++) {
		struct chunk_name *one;
		int is_new;
		struct map_entry *e;

		if (i && str_eq(ev[i].name, ev[i - 1].name)) {
			code[i] = code[i - 1];
		} else {
			e = map_put(&map, ev[i].name, &is_new);
			if (is_new) {
				if (map.n > cap)
					name = mem_grow(name, cap = cap ? cap * 2 : 64, sizeof(*name));
				name[map.n - 1] = (struct chunk_name){ .name = e->key, .first = ev[i].time };
				e->bits = map.n - 1;
			}
			code[i] = (uint32_t)e->bits;
		}
		one = &name[code[i]];
		one->count++;
		one->last = ev[i].time;         /* rows are in order of time */
	}
	varint_put(&c->header, map.n);
	for (size_t i = 0; i < map.n; i++) {
		varint_put_str(&c->header, name[i].name);
		varint_put(&c->header, (uint64_t)name[i].count);
		varint_put(&c->header, (uint64_t)(name[i].first - ev[0].time));
		varint_put(&c->header, (uint64_t)(name[i].last - name[i].first));
	}
	buf_clear(b);
	width = code_width(map.n - 1);
	for (size_t i = 0; i < n; i++)
		put_code(b, width, code[i]);
	add_block(c, CHUNK_NAME, 0, buf_get(b));
	free(code);
	free(name);
	map_release(&map);
}

static void
pack_numbers(struct chunk_packed *c, const struct event *ev, size_t n, uint64_t min_seq, struct buf *b)
{
	uint64_t seq = min_seq - 1;

	buf_clear(b);
	for (size_t i = 0; i < n; i++)
		varint_put(b, (uint64_t)(ev[i].time - ev[i ? i - 1 : 0].time));
	add_block(c, CHUNK_TIME, 0, buf_get(b));
	buf_clear(b);
	for (size_t i = 0; i < n; seq = ev[i++].seq)
		varint_put_signed(b, (int64_t)(ev[i].seq - seq - 1));
	add_block(c, CHUNK_SEQ, 0, buf_get(b));
	buf_clear(b);
	for (size_t i = 0; i < n; i++)
		varint_put_signed(b, (int64_t)((uint64_t)ev[i].received - (i ? (uint64_t)ev[i - 1].received : 0)));
	add_block(c, CHUNK_RECEIVED, 0, buf_get(b));
}

/* Properties in parts; the rows of each part go to the header. */
static void
pack_properties(struct chunk_packed *c, const struct event *ev, size_t n, struct buf *b)
{
	struct buf rows = { 0 };
	size_t parts = 0;

	for (size_t from = 0, to; from < n; from = to, parts++) {
		size_t raw = 0;

		buf_clear(b);
		for (to = from; to < n && raw < PART_RAW; to++) {
			raw += ev[to].properties.n;
			varint_put(b, ev[to].properties.n);
		}
		for (size_t i = from; i < to; i++)
			buf_str(b, ev[i].properties);
		add_block(c, CHUNK_PROPERTIES, (int)parts, buf_get(b));
		varint_put(&rows, to - from);
	}
	varint_put(&c->header, parts);
	buf_str(&c->header, buf_get(&rows));
	buf_release(&rows);
}

static void
pack_keys(struct chunk_packed *c, const struct event *ev, size_t n, struct buf *b)
{
	keys_clear(&c->keys);
	for (size_t i = 0; i < n; i++)
		keys_count(&c->keys, ev[i].properties);
	buf_clear(b);
	varint_put(b, c->keys.n);
	for (size_t i = 0; i < c->keys.n; i++) {
		varint_put_str(b, c->keys.one[i].raw);
		varint_put(b, (uint64_t)c->keys.one[i].count);
	}
	add_block(c, CHUNK_KEYS, 0, buf_get(b));
}

void
chunk_pack(struct chunk_packed *c, const struct event *ev, size_t n)
{
	struct buf b = { 0 }, rest = { 0 };
	uint64_t min_seq = UINT64_MAX, max_seq = 0, raw = 0;

	if (!c->zstd)
		c->zstd = ZSTD_createCCtx();
	buf_clear(&c->header);
	buf_clear(&c->bytes);
	c->n = 0;
	for (size_t i = 0; i < n; i++) {
		min_seq = ev[i].seq < min_seq ? ev[i].seq : min_seq;
		max_seq = ev[i].seq > max_seq ? ev[i].seq : max_seq;
		raw += ev[i].name.n + ev[i].id.n + ev[i].user_id.n + ev[i].session_id.n + ev[i].properties.n + 16;
	}
	pack_numbers(c, ev, n, min_seq, &b);
	for (int column = CHUNK_ID; column <= CHUNK_SESSION; column++)
		pack_texts(c, ev, n, column, &b);
	pack_keys(c, ev, n, &b);
	pack_properties(c, ev, n, &b);          /* header: parts */
	pack_names(c, ev, n, &b);               /* header: names */
	rest = c->header;
	c->header = (struct buf){ 0 };
	buf_byte(&c->header, 1);
	varint_put(&c->header, n);
	varint_put_signed(&c->header, ev[0].time);
	varint_put(&c->header, (uint64_t)(ev[n - 1].time - ev[0].time));
	varint_put(&c->header, min_seq);
	varint_put(&c->header, max_seq - min_seq);
	varint_put(&c->header, raw);
	varint_put(&c->header, c->bytes.n);
	buf_str(&c->header, buf_get(&rest));
	buf_release(&rest);
	buf_release(&b);
}

/* ---- reading */

static int
damaged(struct err *err, const char *what)
{
	return err_set(err, ERR_CORRUPT, "damaged chunk: %s", what);
}

int
chunk_info(struct str header, struct chunk_info *info, struct err *err)
{
	struct str rest = header;
	uint64_t n, span, seqs, raw, packed, parts, names, rows = 0, one;

	*info = (struct chunk_info){ 0 };
	if (rest.n == 0 || rest.p[0] != 1)
		return damaged(err, "its header begins with another version");
	rest.p++;
	rest.n--;
	if (varint_take(&rest, &n) || varint_take_signed(&rest, &info->min_time) || varint_take(&rest, &span) ||
	    varint_take(&rest, &info->min_seq) || varint_take(&rest, &seqs) || varint_take(&rest, &raw) ||
	    varint_take(&rest, &packed) || varint_take(&rest, &parts))
		return damaged(err, "its header ends early");
	if (n == 0 || n > CHUNK_ROWS_MOST || parts == 0 || parts > n || info->min_time < TIME_MIN || info->min_time > TIME_MAX ||
	    span > (uint64_t)(TIME_MAX - info->min_time) || info->min_seq > INT64_MAX || seqs > INT64_MAX || raw > INT64_MAX ||
	    packed > INT64_MAX)
		return damaged(err, "its header's numbers cannot be");
	info->n = n;
	info->max_time = info->min_time + (int64_t)span;
	info->max_seq = info->min_seq + seqs;
	info->raw_bytes = (int64_t)raw;
	info->packed_bytes = (int64_t)packed;
	info->n_parts = parts;
	info->parts = rest;
	for (uint64_t i = 0; i < parts; i++) {
		if (varint_take(&rest, &one) || one == 0 || one > n - rows)
			return damaged(err, "its parts do not add up");
		rows += one;
	}
	info->parts.n -= rest.n;
	if (rows != n)
		return damaged(err, "its parts do not add up");
	if (varint_take(&rest, &names) || names == 0 || names > n)
		return damaged(err, "its names cannot be");
	info->n_names = names;
	info->names = rest;
	return 0;
}

int
chunk_next_name(struct chunk_info *info, struct chunk_name *name)
{
	uint64_t count, first, last, span = (uint64_t)(info->max_time - info->min_time);

	if (info->names.n == 0)
		return 0;
	if (varint_take_str(&info->names, &name->name) || varint_take(&info->names, &count) || varint_take(&info->names, &first) ||
	    varint_take(&info->names, &last) || count == 0 || count > info->n || first > span || last > span - first)
		return -1;
	name->count = (int64_t)count;
	name->first = info->min_time + (int64_t)first;
	name->last = name->first + (int64_t)last;
	return 1;
}

void
chunk_release(struct chunk *c)
{
	free(c->names);
	free(c->part_end);
	free(c->time);
	free(c->received);
	free(c->seq);
	free(c->name);
	for (int i = 0; i < 3; i++) {
		buf_release(&c->texts[i].bytes);
		free(c->texts[i].text);
		free(c->texts[i].code);
	}
	buf_release(&c->properties);
	buf_release(&c->block);
	buf_release(&c->scratch);
	buf_release(&c->header);
	free(c->property);
	ZSTD_freeDCtx(c->zstd);
	*c = (struct chunk){ 0 };
}

int
chunk_open(struct chunk *c, struct str header, chunk_fetch *fetch, void *self, struct err *err)
{
	struct chunk_info names;
	size_t n = 0, row = 0;
	int rc;

	buf_clear(&c->header);
	buf_str(&c->header, header);
	if ((rc = chunk_info(buf_get(&c->header), &c->info, err)))
		return rc;
	c->fetch = fetch;
	c->self = self;
	if (c->info.n_names > c->names_cap)
		c->names = mem_grow(c->names, c->names_cap = c->info.n_names, sizeof(*c->names));
	names = c->info;
	while (n < c->info.n_names && chunk_next_name(&names, &c->names[n]) == 1)
		n++;
	if (n != c->info.n_names || names.names.n)
		return damaged(err, "its names cannot be");
	if (c->info.n_parts > c->parts_cap)
		c->part_end = mem_grow(c->part_end, c->parts_cap = c->info.n_parts, sizeof(*c->part_end));
	for (size_t i = 0; i < c->info.n_parts; i++) {
		uint64_t rows = 0;

		varint_take(&names.parts, &rows);
		c->part_end[i] = row += rows;
	}
	c->part = c->info.n_parts;
	/* Columns are kept as memory, but not as loaded. */
	if (c->info.n > c->cap) {
		free(c->time), free(c->received), free(c->seq), free(c->name);
		c->time = c->received = NULL;
		c->seq = NULL;
		c->name = NULL;
		c->cap = c->info.n;
	}
	c->loaded = 0;
	return 0;
}

int
chunk_unpack(void **zstd, struct str block, struct buf *out, struct err *err)
{
	size_t n = 0;

	if (block.n < BLOCK_HEAD || (block.p[0] != 0 && block.p[0] != 1))
		return damaged(err, "a block has no head");
	for (int i = 0; i < 4; i++)
		n |= (size_t)(unsigned char)block.p[1 + i] << (8 * i);
	if (n > CHUNK_BLOCK_MOST || (block.p[0] == 0 && n != block.n - BLOCK_HEAD))
		return damaged(err, "a block's length cannot be");
	block.p += BLOCK_HEAD;
	block.n -= BLOCK_HEAD;
	buf_clear(out);
	if (block.p[-BLOCK_HEAD] == 0) {
		buf_str(out, block);
		return 0;
	}
	/* A block of nonsense must not cost a gigabyte: zstd packs at most about 1 : 2^17 (a block of one byte repeated). */
	if (n / (1u << 18) > block.n)
		return damaged(err, "a block's length cannot be");
	if (!*zstd && !(*zstd = ZSTD_createDCtx()))
		return err_set(err, ERR_LIMIT, "out of memory");
	if (ZSTD_decompressDCtx(*zstd, buf_room(out, n + 1), n, block.p, block.n) != n)
		return damaged(err, "a block does not unpack");
	out->n = n;
	return 0;
}

static int
fetch(struct chunk *c, int column, int part, struct buf *out, struct err *err)
{
	int rc = 0;

	buf_clear(&c->block);
	if ((rc = c->fetch(c->self, column, part, &c->block, err)))
		return rc;
	return chunk_unpack(&c->zstd, buf_get(&c->block), out, err);
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
		return damaged(err, "a column has another length");
	for (size_t i = 0; i < n; i++)
		if ((code[i] = get_code(s.p + i * (size_t)width, width)) > most)
			return damaged(err, "a code has no text");
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
		return damaged(err, "a column is empty");
	form = rest.p[0];
	rest.p++;
	rest.n--;
	if (form == TEXTS_CODES && (varint_take(&rest, &many) || many > n))
		return damaged(err, "a dictionary's size cannot be");
	room = form == TEXTS_PLAIN ? n : form == TEXTS_CODES ? many + 1 : 1;
	if (room > t->n_cap)
		t->text = mem_grow(t->text, t->n_cap = room, sizeof(*t->text));
	if (form == TEXTS_PLAIN) {
		size_t at = 0;

		t->n = 0;
		for (size_t i = 0; i < n; i++) {
			if (varint_take(&rest, &len) || len > t->bytes.n)
				return damaged(err, "a column ends early");
			t->text[i] = (struct str){ len ? "" : NULL, len ? len - 1 : 0 };
		}
		for (size_t i = 0; i < n; i++)
			if (t->text[i].p) {
				if (t->text[i].n > rest.n - at)
					return damaged(err, "a column ends early");
				t->text[i].p = rest.p + at;
				at += t->text[i].n;
			}
		return at == rest.n ? 0 : damaged(err, "a column has more than its rows");
	}
	if (n > t->code_cap)
		t->code = mem_grow(t->code, t->code_cap = n, sizeof(*t->code));
	t->text[0] = (struct str){ 0 };
	t->n = room;
	if (form == TEXTS_NONE) {
		memset(t->code, 0, n * sizeof(*t->code));
		return rest.n ? damaged(err, "a column has more than its rows") : 0;
	}
	if (form != TEXTS_CODES)
		return damaged(err, "a column's form is not known");
	for (size_t i = 1; i <= many; i++)
		if (varint_take_str(&rest, &t->text[i]))
			return damaged(err, "a dictionary ends early");
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
			return damaged(err, "a column ends early");
		if (column == CHUNK_TIME) {
			if (u > (uint64_t)(c->info.max_time - time))
				return damaged(err, "a time is beyond its header's");
			c->time[i] = time += (int64_t)u;
		} else if (column == CHUNK_SEQ) {
			c->seq[i] = seq += (uint64_t)d + 1;
			if (seq - c->info.min_seq > c->info.max_seq - c->info.min_seq)
				return damaged(err, "a seq is beyond its header's");
		} else {
			c->received[i] = (int64_t)(received += (uint64_t)d);
		}
	}
	if (rest.n)
		return damaged(err, "a column has more than its rows");
	if (column == CHUNK_TIME && time != c->info.max_time)
		return damaged(err, "its last time is not its header's");
	return 0;
}

int
chunk_load(struct chunk *c, int column, struct err *err)
{
	int rc;

	if (c->loaded & 1u << column)
		return 0;
	if (column >= CHUNK_ID && column <= CHUNK_SESSION) {
		struct chunk_texts *t = &c->texts[column - CHUNK_ID];

		if ((rc = fetch(c, column, 0, &t->bytes, err)) || (rc = unpack_texts(t, c->info.n, err)))
			return rc;
		c->loaded |= 1u << column;
		return 0;
	}
	if ((rc = fetch(c, column, 0, &c->scratch, err)))
		return rc;
	if (column == CHUNK_TIME && !c->time)
		c->time = mem_grow(NULL, c->cap, sizeof(*c->time));
	if (column == CHUNK_RECEIVED && !c->received)
		c->received = mem_grow(NULL, c->cap, sizeof(*c->received));
	if (column == CHUNK_SEQ && !c->seq)
		c->seq = mem_grow(NULL, c->cap, sizeof(*c->seq));
	if (column == CHUNK_NAME && !c->name)
		c->name = mem_grow(NULL, c->cap, sizeof(*c->name));
	if (column == CHUNK_NAME)
		rc = unpack_codes(buf_get(&c->scratch), c->info.n, c->info.n_names - 1, c->name, err);
	else
		rc = unpack_numbers(c, column, err);
	if (rc == 0)
		c->loaded |= 1u << column;
	return rc;
}

/* Unpack the part that holds the row. */
static int
load_part(struct chunk *c, size_t row, struct err *err)
{
	size_t low = 0, high = c->info.n_parts, from, n, at = 0;
	struct str rest;
	int rc;

	if (c->part + 1 < c->info.n_parts && row == c->part_end[c->part])
		low = c->part + 1;              /* the usual step: to the next */
	else
		while (high - low > 1) {
			size_t middle = (low + high) / 2;

			if (c->part_end[middle - 1] <= row)
				low = middle;
			else
				high = middle;
		}
	from = low ? c->part_end[low - 1] : 0;
	n = c->part_end[low] - from;
	c->part = c->info.n_parts;              /* none, should this fail */
	if ((rc = fetch(c, CHUNK_PROPERTIES, (int)low, &c->properties, err)))
		return rc;
	if (n > c->property_cap)
		c->property = mem_grow(c->property, c->property_cap = n, sizeof(*c->property));
	rest = buf_get(&c->properties);
	for (size_t i = 0; i < n; i++) {
		uint64_t len;

		if (varint_take(&rest, &len) || len > c->properties.n)
			return damaged(err, "a column ends early");
		c->property[i].n = len;
	}
	for (size_t i = 0; i < n; i++) {
		if (c->property[i].n > rest.n - at)
			return damaged(err, "a column ends early");
		c->property[i].p = rest.p + at;
		at += c->property[i].n;
	}
	if (at != rest.n)
		return damaged(err, "a column has more than its rows");
	c->part = low;
	c->part_from = from;
	return 0;
}

int
chunk_row(struct chunk *c, size_t row, unsigned want, struct event *ev, struct err *err)
{
	unsigned missing = (want | 1u << CHUNK_TIME | 1u << CHUNK_SEQ | 1u << CHUNK_NAME) & ~(c->loaded | 1u << CHUNK_PROPERTIES);
	int rc;

	if (missing)
		for (int column = 0; column <= CHUNK_SESSION; column++)
			if (missing & 1u << column && (rc = chunk_load(c, column, err)))
				return rc;
	*ev = (struct event){ .name = c->names[c->name[row]].name, .time = c->time[row], .seq = c->seq[row] };
	if (want & 1u << CHUNK_RECEIVED)
		ev->received = c->received[row];
	for (int i = 0; i < 3; i++)
		if (want & 1u << (CHUNK_ID + i)) {
			const struct chunk_texts *t = &c->texts[i];
			struct str s = t->n ? t->text[t->code[row]] : t->text[row];

			*(i == 0 ? &ev->id : i == 1 ? &ev->user_id : &ev->session_id) = s;
		}
	ev->properties = (struct str){ "{}", 2 };
	if (want & 1u << CHUNK_PROPERTIES) {
		if ((c->part == c->info.n_parts || row < c->part_from || row >= c->part_end[c->part]) && (rc = load_part(c, row, err)))
			return rc;
		ev->properties = c->property[row - c->part_from];
	}
	return 0;
}

int
chunk_has_user(struct chunk *c, struct str user, struct err *err)
{
	uint64_t h = str_hash_stable(user);
	size_t n;
	int rc;

	if ((rc = fetch(c, CHUNK_USERS, 0, &c->scratch, err)))
		return rc;
	n = c->scratch.n;
	if (n % 64)
		return damaged(err, "its users' filter has another length");
	return n && dedupe_filter_has((unsigned char *)c->scratch.p, n / 64, h, h * 0x9e3779b97f4a7c15);
}

int
chunk_each_key(struct chunk *c, int (*each)(void *, struct str raw, int64_t count), void *self, struct err *err)
{
	struct str rest, key;
	uint64_t n, count;
	int rc;

	if ((rc = fetch(c, CHUNK_KEYS, 0, &c->scratch, err)))
		return rc;
	rest = buf_get(&c->scratch);
	if (varint_take(&rest, &n))
		return damaged(err, "its keys end early");
	for (; n; n--) {
		if (varint_take_str(&rest, &key) || varint_take(&rest, &count) || count > INT64_MAX)
			return damaged(err, "its keys end early");
		if ((rc = each(self, key, (int64_t)count)))
			return rc;
	}
	return rest.n ? damaged(err, "its keys have more than their number") : 0;
}
