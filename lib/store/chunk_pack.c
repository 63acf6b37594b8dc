/* chunk_pack.c - writing a chunk. chunk.h has the format.
 *
 * Bound by the processor: taking 250 bytes of properties apart and looking thirteen texts up is a third of a microsecond an event,
 * zstd over the distinct texts and measuring the encodings the rest.
 */
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "codec/varint.h"
#include "store/chunk.h"
#include "store/dedupe.h"
#include "store/store_priv.h"

#define SMALL (4 << 10)         /* bytes of a leaf that shares its block with others: a block has pages of its own */
#define BLOCK (12 << 10)        /* bytes from which such a block is full */

struct chunk_packer {
	struct pack pack;
	struct shapes shapes;
	uint32_t *shape;                /* of each row */
	int64_t *number;
	size_t cap;                     /* rows in both */
	struct values texts[3], *leaf;  /* ids, users, sessions; each leaf */
	size_t leaf_cap;
	struct buf column, list;        /* a column; the list of leaves */
	struct map names;
	size_t names_cap;
	struct chunk_info info;         /* what the header tells */
	uint64_t raw;
};

void
chunk_packed_release(struct chunk_packed *c)
{
	struct chunk_packer *k = c->packer;

	buf_release(&c->header);
	buf_release(&c->bytes);
	free(c->block);
	free(c->name);
	keys_release(&c->keys);
	if (k) {
		pack_release(&k->pack);
		shapes_release(&k->shapes);
		free(k->shape);
		free(k->number);
		for (int i = 0; i < 3; i++)
			values_release(&k->texts[i]);
		for (size_t i = 0; i < k->leaf_cap; i++)
			values_release(&k->leaf[i]);
		free(k->leaf);
		buf_release(&k->column);
		buf_release(&k->list);
		map_release(&k->names);
		free(k);
	}
	*c = (struct chunk_packed){ 0 };
}

/* Everything appended to the bytes since the last block is one. */
static void
end_block(struct chunk_packed *c, int column, int part)
{
	size_t at = c->n ? c->block[c->n - 1].at + c->block[c->n - 1].len : 0;

	if (c->n == c->cap)
		c->block = mem_grow(c->block, c->cap = c->cap ? c->cap * 2 : 64, sizeof(*c->block));
	c->block[c->n++] = (struct chunk_block){ .column = column, .part = part, .at = at, .len = c->bytes.n - at };
}

/* The filter over the distinct users. */
static void
pack_filter(struct chunk_packed *c, const struct values *users)
{
	size_t lines = users->n_texts > 1 ? dedupe_filter_lines(users->n_texts - 1) : 0;
	unsigned char *filter = mem_new(lines * 64 + 1);

	for (size_t i = 0; i < users->n_texts; i++)
		if (users->text[i].n) {
			uint64_t h = str_hash_stable((struct str){ users->bytes.p + users->text[i].at, users->text[i].n - 1 });

			dedupe_filter_add(filter, lines, h, h * 0x9e3779b97f4a7c15);
		}
	buf_add(&c->bytes, filter, lines * 64);
	end_block(c, CHUNK_USERS, 0);
	free(filter);
}

static void
pack_texts(struct chunk_packed *c, int column)
{
	struct values *v = &c->packer->texts[column - CHUNK_ID];

	if (column == CHUNK_USER)
		pack_filter(c, v);
	values_put(v, &c->packer->pack, &c->bytes);
	end_block(c, column, 0);
}

/* Which name each row has: mostly its shape says it. */
static void
put_name_codes(struct chunk_packed *c, const uint32_t *code, size_t n, uint32_t names)
{
	const struct chunk_packer *k = c->packer;
	uint32_t *of_shape = mem_new((k->shapes.n_shapes + 1) * sizeof(*of_shape)), *left = mem_grow(NULL, n, sizeof(*left));
	struct buf by_shape = { 0 }, by_row = { 0 };
	size_t several = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t *name = &of_shape[k->shape[i]];

		*name = *name == 0 || *name == code[i] + 1 ? code[i] + 1 : UINT32_MAX;
	}
	for (size_t i = 0; i < n; i++)
		if (of_shape[k->shape[i]] == UINT32_MAX)
			left[several++] = code[i];
	buf_byte(&by_shape, 1);
	for (size_t i = 0; i < k->shapes.n_shapes; i++)
		varint_put(&by_shape, of_shape[i] == UINT32_MAX ? 0 : of_shape[i]);
	values_put_codes(&by_shape, left, several, names);
	buf_byte(&by_row, 0);
	values_put_codes(&by_row, code, n, names);
	buf_str(&c->bytes, buf_get(by_shape.n < by_row.n ? &by_shape : &by_row));
	end_block(c, CHUNK_NAME, 0);
	buf_release(&by_shape);
	buf_release(&by_row);
	free(of_shape);
	free(left);
}

static void
pack_names(struct chunk_packed *c, const struct event *ev, size_t n)
{
	struct chunk_packer *k = c->packer;
	struct map *map = &k->names;
	uint32_t *code = mem_grow(NULL, n, sizeof(*code)), *last = mem_new((k->shapes.n_shapes + 1) * sizeof(*last));

	map_clear(map);
	for (size_t i = 0; i < n; i++) {
		uint32_t *guess = &last[k->shape[i]];   /* the name that came with this shape before, + 1 */
		struct chunk_name *one;
		int is_new;
		struct map_entry *e;

		if (*guess && str_eq(ev[i].name, c->name[*guess - 1].name)) {
			code[i] = *guess - 1;
		} else {
			e = map_put(map, ev[i].name, &is_new);
			if (is_new) {
				if (map->n > k->names_cap)
					c->name = mem_grow(c->name, k->names_cap = k->names_cap ? k->names_cap * 2 : 64, sizeof(*c->name));
				c->name[map->n - 1] = (struct chunk_name){ .name = e->key, .first = ev[i].time };
				e->bits = map->n - 1;
			}
			code[i] = (uint32_t)e->bits;
			*guess = code[i] + 1;
		}
		one = &c->name[code[i]];
		one->count++;
		one->last = ev[i].time;         /* rows are in order of time */
	}
	c->n_names = map->n;
	put_name_codes(c, code, n, (uint32_t)map->n);
	free(code);
	free(last);
}

static void
put_header(struct chunk_packed *c)
{
	const struct chunk_packer *k = c->packer;

	buf_clear(&c->header);
	buf_byte(&c->header, CHUNK_VERSION);
	varint_put(&c->header, k->info.n);
	varint_put_signed(&c->header, k->info.min_time);
	varint_put(&c->header, (uint64_t)(k->info.max_time - k->info.min_time));
	varint_put(&c->header, k->info.min_seq);
	varint_put(&c->header, k->info.max_seq - k->info.min_seq);
	varint_put(&c->header, k->raw);
	varint_put(&c->header, c->bytes.n);
	varint_put(&c->header, c->n_names);
	for (size_t i = 0; i < c->n_names; i++) {
		varint_put_str(&c->header, c->name[i].name);
		varint_put(&c->header, (uint64_t)c->name[i].count);
		varint_put(&c->header, (uint64_t)(c->name[i].first - k->info.min_time));
		varint_put(&c->header, (uint64_t)(c->name[i].last - c->name[i].first));
	}
}

void
chunk_packed_follow(struct chunk_packed *c, uint64_t seq)
{
	c->packer->info.min_seq += seq;
	c->packer->info.max_seq += seq;
	put_header(c);
}

static void
pack_numbers(struct chunk_packed *c, const struct event *ev, size_t n, uint64_t min_seq)
{
	struct chunk_packer *k = c->packer;

	for (size_t i = 0; i < n; i++)
		k->number[i] = ev[i].time - ev[0].time;
	values_put_integers(&k->pack, &c->bytes, k->number, n);
	end_block(c, CHUNK_TIME, 0);
	for (size_t i = 0; i < n; i++)
		k->number[i] = (int64_t)(ev[i].seq - min_seq);
	values_put_integers(&k->pack, &c->bytes, k->number, n);
	end_block(c, CHUNK_SEQ, 0);
	for (size_t i = 0; i < n; i++)
		k->number[i] = ev[i].received;
	values_put_integers(&k->pack, &c->bytes, k->number, n);
	end_block(c, CHUNK_RECEIVED, 0);
}

static void
need_leaves(struct chunk_packer *k, size_t n)
{
	size_t was = k->leaf_cap;

	if (n <= was)
		return;
	k->leaf = mem_grow(k->leaf, k->leaf_cap = n < 2 * was ? 2 * was : n + 64, sizeof(*k->leaf));
	memset(k->leaf + was, 0, (k->leaf_cap - was) * sizeof(*k->leaf));
}

/* All texts of a row while its bytes are near. */
static void
take_apart(struct chunk_packer *k, const struct event *ev, size_t n)
{
	shapes_clear(&k->shapes);
	for (int i = 0; i < 3; i++) {
		values_clear(&k->texts[i]);
		values_with_none(&k->texts[i]);
	}
	for (size_t i = 0; i < n; i++) {
		values_add(&k->texts[0], ev[i].id);
		values_add(&k->texts[1], ev[i].user_id);
		values_add(&k->texts[2], ev[i].session_id);
		k->shape[i] = shapes_row(&k->shapes, ev[i].properties);
		need_leaves(k, k->shapes.n_leaves);
		values_add_json(k->leaf, k->shapes.found, k->shapes.n_found);
	}
}

static void
put_double(struct buf *b, double d)
{
	uint64_t bits;

	memcpy(&bits, &d, 8);
	for (int i = 0; i < 8; i++)
		buf_byte(b, (char)(bits >> (8 * i)));
}

/* The leaves, and the list of them behind the shapes. */
static void
pack_leaves(struct chunk_packed *c)
{
	struct chunk_packer *k = c->packer;
	size_t gathered = 0;
	int part = -1, is_open = 0;             /* part: the block that the last leaf went to */

	buf_clear(&k->list);
	shapes_put(&k->shapes, &k->list);
	for (size_t i = 0; i < k->shapes.n_leaves; i++) {
		struct values_facts *f = &k->leaf[i].facts;
		int next;

		buf_clear(&k->column);
		values_put(&k->leaf[i], &k->pack, &k->column);
		next = !is_open || k->column.n >= SMALL;
		if (next) {
			if (is_open)
				end_block(c, CHUNK_PROPERTIES, part);
			part++;
			gathered = 0;
		}
		buf_str(&c->bytes, buf_get(&k->column));
		gathered += k->column.n;
		is_open = 1;
		if (k->column.n >= SMALL || gathered >= BLOCK) {
			end_block(c, CHUNK_PROPERTIES, part);
			is_open = 0;
		}
		varint_put(&k->list, (uint64_t)next);
		varint_put(&k->list, k->column.n);
		buf_byte(&k->list, (char)f->kinds);
		varint_put(&k->list, f->nulls);
		varint_put(&k->list, f->distinct);
		if (f->kinds & VALUES_HAS_NUMBERS) {
			put_double(&k->list, f->least);
			put_double(&k->list, f->greatest);
		}
		values_clear(&k->leaf[i]);
	}
	if (is_open)
		end_block(c, CHUNK_PROPERTIES, part);
	varint_put(&c->bytes, k->list.n);
	pack_put(&k->pack, &c->bytes, buf_get(&k->list));
	end_block(c, CHUNK_SHAPES, 0);
}

/* Rows of a shape have the same keys: one of them is looked at. */
static void
pack_keys(struct chunk_packed *c, const struct event *ev, size_t n)
{
	struct chunk_packer *k = c->packer;

	keys_clear(&c->keys);
	for (size_t i = 0; i < k->shapes.n_shapes; i++)
		if (i != k->shapes.raw)
			keys_count_times(&c->keys, k->shapes.shape[i].sample, k->shapes.shape[i].rows);
	for (size_t i = 0; i < n && k->shapes.raw != SHAPES_NONE; i++)
		if (k->shape[i] == k->shapes.raw)
			keys_count(&c->keys, ev[i].properties);
	buf_clear(&k->column);
	varint_put(&k->column, c->keys.n);
	for (size_t i = 0; i < c->keys.n; i++) {
		varint_put_str(&k->column, c->keys.one[i].raw);
		varint_put(&k->column, (uint64_t)c->keys.one[i].count);
	}
	varint_put(&c->bytes, k->column.n);
	pack_put(&k->pack, &c->bytes, buf_get(&k->column));
	end_block(c, CHUNK_KEYS, 0);
}

void
chunk_pack(struct chunk_packed *c, const struct event *ev, size_t n)
{
	struct chunk_packer *k = c->packer ? c->packer : (c->packer = mem_new(sizeof(*k)));
	uint64_t min_seq = UINT64_MAX, max_seq = 0, raw = 0;

	if (n > k->cap) {
		k->cap = n;
		k->shape = mem_grow(k->shape, n, sizeof(*k->shape));
		k->number = mem_grow(k->number, n, sizeof(*k->number));
	}
	buf_clear(&c->bytes);
	c->n = 0;
	for (size_t i = 0; i < n; i++) {
		min_seq = ev[i].seq < min_seq ? ev[i].seq : min_seq;
		max_seq = ev[i].seq > max_seq ? ev[i].seq : max_seq;
		raw += ev[i].name.n + ev[i].id.n + ev[i].user_id.n + ev[i].session_id.n + ev[i].properties.n + 16;
	}
	take_apart(k, ev, n);
	pack_numbers(c, ev, n, min_seq);
	for (int column = CHUNK_ID; column <= CHUNK_SESSION; column++)
		pack_texts(c, column);
	pack_keys(c, ev, n);
	pack_leaves(c);
	values_put_codes(&c->bytes, k->shape, n, (uint32_t)k->shapes.n_shapes);
	end_block(c, CHUNK_ROWS, 0);
	pack_names(c, ev, n);
	k->info = (struct chunk_info){ .n = n, .min_time = ev[0].time, .max_time = ev[n - 1].time, .min_seq = min_seq, .max_seq = max_seq };
	k->raw = raw;
	put_header(c);
}
