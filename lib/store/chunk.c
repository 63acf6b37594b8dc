#include "store/chunk.h"

#include <stdlib.h>

#include "base/mem.h"
#include "codec/bitmap.h"
#include "codec/varint.h"
#include "store/chunk_priv.h"
#include "store/dedupe.h"

int
chunk_damaged(struct err *err, const char *what)
{
	return err_set(err, ERR_CORRUPT, "damaged chunk: %s", what);
}

int
chunk_info(struct str header, struct chunk_info *info, struct err *err)
{
	struct str rest = header;
	uint64_t n, span, seqs, raw, packed, parts, names, rows = 0, one;

	*info = (struct chunk_info){ 0 };
	if (rest.n == 0 || (rest.p[0] != 1 && rest.p[0] != 2))
		return chunk_damaged(err, "its header begins with another version");
	info->version = rest.p[0];
	rest.p++;
	rest.n--;
	if (varint_take(&rest, &n) || varint_take_signed(&rest, &info->min_time) || varint_take(&rest, &span) ||
	    varint_take(&rest, &info->min_seq) || varint_take(&rest, &seqs) || varint_take(&rest, &raw) ||
	    varint_take(&rest, &packed))
		return chunk_damaged(err, "its header ends early");
	if (n == 0 || n > CHUNK_ROWS_MOST || info->min_time < TIME_MIN || info->min_time > TIME_MAX ||
	    span > (uint64_t)(TIME_MAX - info->min_time) || info->min_seq > INT64_MAX || seqs > INT64_MAX || raw > INT64_MAX ||
	    packed > INT64_MAX)
		return chunk_damaged(err, "its header's numbers cannot be");
	info->n = n;
	info->max_time = info->min_time + (int64_t)span;
	info->max_seq = info->min_seq + seqs;
	info->raw_bytes = (int64_t)raw;
	info->packed_bytes = (int64_t)packed;
	if (info->version == 1) {
		if (varint_take(&rest, &parts) || parts == 0 || parts > n)
			return chunk_damaged(err, "its parts do not add up");
		info->n_parts = parts;
		info->parts = rest;
		for (uint64_t i = 0; i < parts; i++) {
			if (varint_take(&rest, &one) || one == 0 || one > n - rows)
				return chunk_damaged(err, "its parts do not add up");
			rows += one;
		}
		info->parts.n -= rest.n;
		if (rows != n)
			return chunk_damaged(err, "its parts do not add up");
	}
	if (varint_take(&rest, &names) || names == 0 || names > n)
		return chunk_damaged(err, "its names cannot be");
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
	free(c->time);
	free(c->received);
	free(c->seq);
	free(c->name);
	free(c->shape);
	free(c->by_shape.name);
	free(c->by_shape.has_several);
	free(c->by_shape.left);
	for (int i = 0; i < 3; i++) {
		buf_release(&c->texts[i].bytes);
		free(c->texts[i].text);
		free(c->texts[i].code);
		values_reader_release(&c->texts[i].values);
	}
	buf_release(&c->header);
	buf_release(&c->block);
	buf_release(&c->scratch);
	buf_release(&c->row);
	shapes_read_release(&c->shapes);
	for (size_t i = 0; i < c->leaf_cap; i++)
		values_reader_release(&c->leaf[i].values);
	free(c->leaf);
	for (size_t i = 0; i < c->blocks_cap; i++)
		buf_release(&c->part_bytes[i]);
	free(c->part_bytes);
	buf_release(&c->shape_bytes);
	chunk_rows_release(c);
	pack_release(&c->pack);
	*c = (struct chunk){ 0 };
}

int
chunk_open(struct chunk *c, struct str header, chunk_fetch *fetch, void *self, struct err *err)
{
	struct chunk_info names;
	size_t n = 0;
	int rc;

	buf_clear(&c->header);
	buf_str(&c->header, header);
	c->loaded = 0;
	if ((rc = chunk_info(buf_get(&c->header), &c->info, err)))
		return rc;
	c->fetch = fetch;
	c->self = self;
	CHUNK_ROOM(c->names, c->names_cap, c->info.n_names);
	names = c->info;
	while (n < c->info.n_names && chunk_next_name(&names, &c->names[n]) == 1)
		n++;
	if (n != c->info.n_names || names.names.n)
		return chunk_damaged(err, "its names cannot be");
	if (c->info.version == 1)
		chunk_rows_open(c);
	/* Columns are kept as memory, but not as loaded. */
	c->by_shape.open = 0;
	for (int i = 0; i < 3; i++)
		c->texts[i].open = 0;
	if (c->info.n > c->cap) {
		free(c->time), free(c->received), free(c->seq), free(c->name), free(c->shape);
		c->time = c->received = NULL;
		c->seq = NULL;
		c->name = c->shape = NULL;
		c->cap = c->info.n;
	}
	return 0;
}

int
chunk_fetch_block(struct chunk *c, int column, int part, struct buf *out, struct err *err)
{
	buf_clear(out);
	return c->fetch(c->self, column, part, out, err);
}

/* ---- properties: shapes and leaves */

static int
take_double(struct str *rest, double *d)
{
	uint64_t bits = 0;

	if (rest->n < 8)
		return -1;
	for (int i = 7; i >= 0; i--)
		bits = bits << 8 | (unsigned char)rest->p[i];
	memcpy(d, &bits, 8);
	rest->p += 8;
	rest->n -= 8;
	return 0;
}

static int
take_leaves(struct chunk *c, struct str *rest, struct err *err)
{
	size_t n = c->shapes.n_leaves, at = 0;
	int part = -1;

	if (n > c->leaf_cap) {
		c->leaf = mem_grow(c->leaf, n, sizeof(*c->leaf));
		memset(c->leaf + c->leaf_cap, 0, (n - c->leaf_cap) * sizeof(*c->leaf));
		c->leaf_cap = n;
	}
	for (size_t i = 0; i < n; i++) {
		struct chunk_leaf *leaf = &c->leaf[i];
		uint64_t next, len;

		if (varint_take(rest, &next) || next > 1 || (i == 0 && !next) || varint_take(rest, &len) || len > CHUNK_BLOCK_MOST ||
		    at > CHUNK_BLOCK_MOST || rest->n == 0)
			return chunk_damaged(err, "its leaves cannot be");
		part += (int)next;
		at = next ? 0 : at;
		leaf->part = part;
		leaf->at = at;
		leaf->len = len;
		at += len;
		leaf->kinds = (unsigned char)*rest->p++;
		rest->n--;
		if (varint_take(rest, &leaf->nulls) || varint_take(rest, &leaf->distinct) ||
		    (leaf->kinds & VALUES_HAS_NUMBERS && (take_double(rest, &leaf->least) || take_double(rest, &leaf->greatest))))
			return chunk_damaged(err, "its leaves cannot be");
		leaf->open = 0;
		leaf->next = 0;
	}
	if (rest->n)
		return chunk_damaged(err, "its leaves cannot be");
	c->n_blocks = (size_t)(part + 1);
	if (c->n_blocks > c->blocks_cap) {
		c->part_bytes = mem_grow(c->part_bytes, c->n_blocks, sizeof(*c->part_bytes));
		memset(c->part_bytes + c->blocks_cap, 0, (c->n_blocks - c->blocks_cap) * sizeof(*c->part_bytes));
		c->blocks_cap = c->n_blocks;
	}
	for (size_t i = 0; i < c->n_blocks; i++)
		buf_clear(&c->part_bytes[i]);           /* empty: not fetched */
	return 0;
}

/* Unpack what is stored as a length and a piece. */
static int
unpack(struct chunk *c, struct str block, struct buf *out, struct err *err)
{
	uint64_t n;
	struct str piece;

	if (varint_take(&block, &n) || n > CHUNK_BLOCK_MOST)
		return chunk_damaged(err, "a block's length cannot be");
	piece = block;
	buf_clear(out);
	if (pack_skip(&piece, n, &(struct str){ 0 }) || piece.n)
		return chunk_damaged(err, "a block's length cannot be");
	buf_room(out, n + VALUES_SLACK);
	if (pack_take(&c->pack, &block, out->p, n))
		return chunk_damaged(err, "a block does not unpack");
	out->n = n;
	return 0;
}

static int
load_shapes(struct chunk *c, struct err *err)
{
	struct str rest;
	int rc;

	if ((rc = chunk_fetch_block(c, CHUNK_SHAPES, 0, &c->block, err)) || (rc = unpack(c, buf_get(&c->block), &c->shape_bytes, err)))
		return rc;
	rest = buf_get(&c->shape_bytes);
	if ((rc = shapes_take(&c->shapes, &rest, c->info.n, err)))
		return rc;
	return take_leaves(c, &rest, err);
}

static int
load_rows(struct chunk *c, struct err *err)
{
	int rc;

	if ((rc = chunk_load(c, CHUNK_SHAPES, err)) || (rc = chunk_fetch_block(c, CHUNK_ROWS, 0, &c->block, err)))
		return rc;
	if (!c->shape)
		c->shape = mem_grow(NULL, c->cap, sizeof(*c->shape));
	if (values_take_codes(buf_get(&c->block), c->shape, c->info.n, (uint32_t)c->shapes.n_shapes))
		return chunk_damaged(err, "its rows' shapes cannot be");
	c->at_row = 0;
	c->counted = 0;
	return 0;
}

/* Each shape has the rows that are said of it. Asked for where values are taken by that: a column of one leaf counts what it has itself. */
static int
count_shapes(struct chunk *c, struct err *err)
{
	size_t n = c->shapes.n_shapes + 1, i = 0;
	uint32_t *count;
	int wrong = 0;

	if (c->counted)
		return 0;
	count = mem_new(4 * n * sizeof(*count));        /* four times, as rows of one shape often follow each other and an addition waits for the last */
	for (; i + 4 <= c->info.n; i += 4) {
		count[c->shape[i]]++;
		count[n + c->shape[i + 1]]++;
		count[2 * n + c->shape[i + 2]]++;
		count[3 * n + c->shape[i + 3]]++;
	}
	for (; i < c->info.n; i++)
		count[c->shape[i]]++;
	for (size_t k = 0; k < c->shapes.n_shapes; k++)
		wrong |= (uint64_t)count[k] + count[n + k] + count[2 * n + k] + count[3 * n + k] != c->shapes.shape[k].rows;
	free(count);
	c->counted = !wrong;
	return wrong ? chunk_damaged(err, "its rows have other shapes than it says") : 0;
}

int
chunk_open_leaf(struct chunk *c, size_t i, struct err *err)
{
	struct chunk_leaf *leaf = &c->leaf[i];
	struct buf *bytes = &c->part_bytes[leaf->part];
	int rc;

	if (bytes->n == 0 && (rc = chunk_fetch_block(c, CHUNK_PROPERTIES, leaf->part, bytes, err)))
		return rc;
	if (leaf->at > bytes->n || leaf->len > bytes->n - leaf->at)
		return chunk_damaged(err, "a leaf lies beyond its block");
	rc = values_open(&leaf->values, &c->pack, (struct str){ bytes->p + leaf->at, leaf->len },
	    c->shapes.leaf_rows[i], err);
	leaf->open = rc == 0;
	return rc;
}

/* Bring the leaves' values to the row. */
static void
seek(struct chunk *c, size_t row)
{
	uint32_t *count;

	if (row < c->at_row) {
		for (size_t i = 0; i < c->shapes.n_leaves; i++)
			c->leaf[i].next = 0;
		c->at_row = 0;
	}
	if (row - c->at_row < c->shapes.n_shapes / 4 + 1) {
		for (; c->at_row < row; c->at_row++) {
			const struct shape *s = &c->shapes.shape[c->shape[c->at_row]];

			for (size_t i = 0; i < s->n; i++)
				c->leaf[c->shapes.piece[s->first + i].leaf].next++;
		}
		return;
	}
	count = mem_new(c->shapes.n_shapes * sizeof(*count));
	for (; c->at_row < row; c->at_row++)
		count[c->shape[c->at_row]]++;
	for (size_t k = 0; k < c->shapes.n_shapes; k++) {
		const struct shape *s = &c->shapes.shape[k];

		for (size_t i = 0; count[k] && i < s->n; i++)
			c->leaf[c->shapes.piece[s->first + i].leaf].next += count[k];
	}
	free(count);
}

static int
append_properties(struct chunk *c, size_t row, struct buf *b, struct err *err)
{
	const struct shape *s;
	int rc;

	if ((rc = chunk_load(c, CHUNK_ROWS, err)) || (rc = count_shapes(c, err)))
		return rc;
	if (row != c->at_row)
		seek(c, row);
	s = &c->shapes.shape[c->shape[row]];
	for (size_t i = 0; i < s->n; i++) {
		const struct shapes_piece *piece = &c->shapes.piece[s->first + i];
		struct chunk_leaf *leaf = &c->leaf[piece->leaf];

		values_put_short(b, piece->literal.p, piece->literal.n);
		if ((!leaf->open && (rc = chunk_open_leaf(c, piece->leaf, err))) || (rc = values_append(&leaf->values, leaf->next, b, err))) {
			c->at_row = c->info.n;          /* some leaves are further than others: begin anew */
			return rc;
		}
		leaf->next++;
	}
	values_put_short(b, s->end.p, s->end.n);
	if (b->n > CHUNK_BLOCK_MOST)
		return chunk_damaged(err, "a row is longer than one can be");
	c->at_row = row + 1;
	return 0;
}

/* ---- the other columns */

static int
open_texts(struct chunk *c, int column, struct err *err)
{
	struct chunk_texts *t = &c->texts[column - CHUNK_ID];
	struct values_reader *v = &t->values;
	int rc;

	if (t->open)
		return 0;
	if ((rc = chunk_fetch_block(c, column, 0, &t->bytes, err)) || (rc = values_open(v, &c->pack, buf_get(&t->bytes), c->info.n, err)))
		return rc;
	if (v->n_numbers || (v->form != VALUES_DICTIONARY && v->form != VALUES_PLAIN))
		return chunk_damaged(err, "a column of texts has other values");
	t->open = 1;
	return 0;
}

static int
load_texts(struct chunk *c, int column, struct err *err)
{
	struct chunk_texts *t = &c->texts[column - CHUNK_ID];
	struct values_reader *v = &t->values;
	int rc;

	if ((rc = open_texts(c, column, err)) || (rc = values_all_texts(v, err)))
		return rc;
	CHUNK_ROOM(t->text, t->n_cap, v->n_texts);
	for (size_t i = 0; i < v->n_texts; i++)
		t->text[i] = (struct str){ v->none[i] ? NULL : v->bytes + v->end[i], v->end[i + 1] - v->end[i] };
	t->n = v->form == VALUES_DICTIONARY ? v->n_texts : 0;
	if (t->n == 0)
		return 0;
	if (t->text[0].p)
		return chunk_damaged(err, "a column of texts does not begin with none");
	CHUNK_ROOM(t->code, t->code_cap, c->info.n);
	return values_codes(v, t->code, err);
}

/* Which name all rows of a shape have, and the names of rows whose shapes have several. 1; 0 each row says its own; < 0. */
static int
open_names(struct chunk *c, struct err *err)
{
	uint32_t names = (uint32_t)c->info.n_names;
	struct chunk_names *k = &c->by_shape;
	struct str rest;
	uint64_t name;
	int rc, any = 0;

	if (k->open)
		return 1;
	if ((rc = chunk_fetch_block(c, CHUNK_NAME, 0, &c->scratch, err)))
		return rc;
	rest = buf_get(&c->scratch);
	if (rest.n == 0 || (rest.p[0] != 0 && rest.p[0] != 1))
		return chunk_damaged(err, "its names' form is not known");
	rest.p++;
	rest.n--;
	if (rest.p[-1] == 0)
		return 0;
	/* rows first: they take the shapes in, and use other memory */
	if ((rc = chunk_load(c, CHUNK_ROWS, err)))
		return rc;
	CHUNK_ROOM(k->name, k->name_cap, c->shapes.n_shapes + 1);
	CHUNK_ROOM(k->has_several, k->several_cap, c->shapes.n_shapes + 1);
	k->several = 0;
	for (size_t i = 0; i < c->shapes.n_shapes; i++) {
		if (varint_take(&rest, &name) || name > names)
			return chunk_damaged(err, "a shape's name cannot be");
		k->name[i] = (uint32_t)name;
		k->has_several[i] = name ? 0 : UINT32_MAX;
		k->several += name ? 0 : c->shapes.shape[i].rows;
		any |= name == 0;
	}
	CHUNK_ROOM(k->left, k->left_cap, k->several + 1);
	if (values_take_codes(rest, k->left, k->several, names))
		return chunk_damaged(err, "a name's code cannot be");
	if (any && (rc = count_shapes(c, err)))
		return rc;
	k->open = 1;
	return 1;
}

static int
load_names(struct chunk *c, struct err *err)
{
	struct chunk_names *k = &c->by_shape;
	size_t at = 0;
	int rc = open_names(c, err);

	if (rc < 0)
		return rc;
	if (rc == 0) {
		if (values_take_codes((struct str){ c->scratch.p + 1, c->scratch.n - 1 }, c->name, c->info.n, (uint32_t)c->info.n_names))
			return chunk_damaged(err, "a name's code cannot be");
		for (size_t i = 0; i < c->info.n; i++)
			c->name[i]++;
		return 0;
	}
	bitmap_map(c->shape, c->info.n, k->name, c->name);
	for (size_t i = 0; at < k->several && i < c->info.n; i++)
		if (c->name[i] == 0)
			c->name[i] = k->left[at++] + 1;
	return 0;
}

static int
load_integers(struct chunk *c, int column, struct err *err)
{
	int64_t *out = column == CHUNK_TIME ? c->time : column == CHUNK_RECEIVED ? c->received : (int64_t *)c->seq;
	uint64_t span = (uint64_t)(c->info.max_time - c->info.min_time), last = 0;
	int rc, back = 0;

	if ((rc = chunk_fetch_block(c, column, 0, &c->scratch, err)))
		return rc;
	if (values_take_integers(&c->pack, buf_get(&c->scratch), out, c->info.n))
		return chunk_damaged(err, "a column of numbers does not unpack");
	if (column == CHUNK_SEQ) {
		uint64_t most = c->info.max_seq - c->info.min_seq;

		for (size_t i = 0; i < c->info.n; i++) {
			if (c->seq[i] > most)
				return chunk_damaged(err, "a seq is beyond its header's");
			c->seq[i] += c->info.min_seq;
		}
	} else if (column == CHUNK_TIME) {
		for (size_t i = 0; i < c->info.n; i++) {        /* without a branch a row: they rise to the last one, which is the span */
			uint64_t t = (uint64_t)c->time[i];

			back |= t < last;
			last = t;
			c->time[i] = (int64_t)((uint64_t)c->info.min_time + t);
		}
		if (back || last != span)
			return chunk_damaged(err, "its times do not rise to its header's last");
	}
	return 0;
}

int
chunk_load(struct chunk *c, int column, struct err *err)
{
	int rc;

	if (c->loaded & 1u << column)
		return 0;
	if (column == CHUNK_TIME && !c->time)
		c->time = mem_grow(NULL, c->cap, sizeof(*c->time));
	if (column == CHUNK_RECEIVED && !c->received)
		c->received = mem_grow(NULL, c->cap, sizeof(*c->received));
	if (column == CHUNK_SEQ && !c->seq)
		c->seq = mem_grow(NULL, c->cap, sizeof(*c->seq));
	if (column == CHUNK_NAME && !c->name)
		c->name = mem_grow(NULL, c->cap, sizeof(*c->name));
	if (c->info.version == 1)
		rc = chunk_rows_load(c, column, err);
	else
		switch (column) {
		case CHUNK_SHAPES: rc = load_shapes(c, err); break;
		case CHUNK_ROWS: rc = load_rows(c, err); break;
		case CHUNK_NAME: rc = load_names(c, err); break;
		case CHUNK_ID: case CHUNK_USER: case CHUNK_SESSION: rc = load_texts(c, column, err); break;
		default: rc = load_integers(c, column, err);
		}
	if (rc == 0)
		c->loaded |= 1u << column;
	return rc;
}

int
chunk_rows_with(struct chunk *c, int column, struct str text, size_t from, size_t n, uint32_t *row, size_t *many, struct err *err)
{
	struct chunk_texts *t = &c->texts[column - CHUNK_ID];
	uint64_t bits[BITMAP_WORDS(VALUES_SEGMENT)];
	uint32_t code;
	int rc;

	*many = 0;
	if (c->info.version == 1 || c->loaded & 1u << column)
		return 0;
	if ((rc = open_texts(c, column, err)))
		return rc;
	if (t->values.form != VALUES_DICTIONARY)
		return 0;
	if ((rc = values_find(&t->values, text, &code, err)))
		return rc;
	if (code == t->values.n_texts)
		return 1;
	CHUNK_ROOM(t->code, t->code_cap, c->info.n);
	if ((rc = values_codes(&t->values, t->code, err)))
		return rc;
	for (size_t i = 0; i < n; i += VALUES_SEGMENT) {
		size_t some = n - i < VALUES_SEGMENT ? n - i : VALUES_SEGMENT;

		bitmap_equal(t->code + from + i, some, code, bits);
		*many += bitmap_rows(bits, some, (uint32_t)i, row + *many);
	}
	return 1;
}

int
chunk_some_names(struct chunk *c, size_t from, const uint32_t *row, size_t many, uint32_t *name, struct err *err)
{
	struct chunk_names *k = &c->by_shape;
	uint64_t bits[BITMAP_WORDS(VALUES_SEGMENT)];
	size_t at = 0, end = 0, rank = 0;       /* bits are those of rows at … end; rank rows of several names are before them */
	int rc;

	if (c->info.version == 1 || c->loaded & 1u << CHUNK_NAME)
		return 0;
	if ((rc = open_names(c, err)) <= 0)
		return rc;
	for (size_t i = 0; i < many; i++) {
		size_t one = from + row[i];
		uint32_t said = k->name[c->shape[one]];

		for (; !said && one >= end; end += VALUES_SEGMENT) {
			rank += bitmap_count(bits, end - at);
			at = end;
			bitmap_of(c->shape + at, c->info.n - at < VALUES_SEGMENT ? c->info.n - at : VALUES_SEGMENT, k->has_several, c->shapes.n_shapes, bits);
		}
		name[row[i]] = said ? said : k->left[rank + bitmap_count(bits, one - at)] + 1;
	}
	return 1;
}

int
chunk_some_times(struct chunk *c, size_t from, const uint32_t *row, size_t many, int64_t *out, struct err *err)
{
	uint64_t span = (uint64_t)(c->info.max_time - c->info.min_time);
	uint32_t *at;
	int rc;

	if (c->info.version == 1 || c->loaded & 1u << CHUNK_TIME)
		return 0;
	if ((rc = chunk_fetch_block(c, CHUNK_TIME, 0, &c->scratch, err)))
		return rc;
	at = mem_grow(NULL, many + 1, sizeof(*at));
	for (size_t k = 0; k < many; k++)
		at[k] = (uint32_t)from + row[k];
	rc = values_some_integers(buf_get(&c->scratch), c->info.n, at, many, out);
	free(at);
	for (size_t k = 0; rc > 0 && k < many; k++) {
		if ((uint64_t)out[k] > span)
			rc = -1;
		out[k] = (int64_t)((uint64_t)c->info.min_time + (uint64_t)out[k]);
	}
	return rc < 0 ? chunk_damaged(err, "a column of numbers does not unpack") : rc;
}

int
chunk_some_texts(struct chunk *c, int column, size_t from, const uint32_t *row, size_t many, struct str *value, struct err *err)
{
	struct values_reader *v = &c->texts[column - CHUNK_ID].values;
	int rc;

	if (c->info.version == 1 || c->loaded & 1u << column)
		return 0;
	if ((rc = open_texts(c, column, err)))
		return rc;
	for (size_t k = 0; k < many; k++)       /* texts alone: no scratch is needed */
		if ((rc = values_at(v, from + row[k], NULL, &value[k], err)))
			return rc;
	return 1;
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
	*ev = (struct event){ .name = c->names[c->name[row] - 1].name, .time = c->time[row], .seq = c->seq[row] };
	if (want & 1u << CHUNK_RECEIVED)
		ev->received = c->received[row];
	for (int i = 0; i < 3; i++)
		if (want & 1u << (CHUNK_ID + i)) {
			const struct chunk_texts *t = &c->texts[i];
			struct str s = t->n ? t->text[t->code[row]] : t->text[row];

			*(i == 0 ? &ev->id : i == 1 ? &ev->user_id : &ev->session_id) = s;
		}
	ev->properties = (struct str){ "{}", 2 };
	if (!(want & 1u << CHUNK_PROPERTIES))
		return 0;
	if (c->info.version == 1)
		return chunk_rows_properties(c, row, &ev->properties, err);
	buf_clear(&c->row);
	rc = append_properties(c, row, &c->row, err);
	ev->properties = buf_get(&c->row);
	return rc;
}

/* Fetch a block, unpacked, to scratch. */
static int
fetch_whole(struct chunk *c, int column, struct err *err)
{
	int rc;

	if (c->info.version == 1)
		return chunk_rows_block(c, column, 0, &c->scratch, err);
	if (column == CHUNK_USERS)
		return chunk_fetch_block(c, column, 0, &c->scratch, err);
	rc = chunk_fetch_block(c, column, 0, &c->block, err);
	return rc ? rc : unpack(c, buf_get(&c->block), &c->scratch, err);
}

int
chunk_has_user(struct chunk *c, struct str user, struct err *err)
{
	uint64_t h = str_hash_stable(user);
	size_t n;
	int rc;

	if ((rc = fetch_whole(c, CHUNK_USERS, err)))
		return rc;
	n = c->scratch.n;
	if (n % 64)
		return chunk_damaged(err, "its users' filter has another length");
	return n && dedupe_filter_has((unsigned char *)c->scratch.p, n / 64, h, h * 0x9e3779b97f4a7c15);
}

int
chunk_each_key(struct chunk *c, int (*each)(void *, struct str raw, int64_t count), void *self, struct err *err)
{
	struct str rest, key;
	uint64_t n, count;
	int rc;

	if ((rc = fetch_whole(c, CHUNK_KEYS, err)))
		return rc;
	rest = buf_get(&c->scratch);
	if (varint_take(&rest, &n))
		return chunk_damaged(err, "its keys end early");
	for (; n; n--) {
		if (varint_take_str(&rest, &key) || varint_take(&rest, &count) || count > INT64_MAX)
			return chunk_damaged(err, "its keys end early");
		if ((rc = each(self, key, (int64_t)count)))
			return rc;
	}
	return rest.n ? chunk_damaged(err, "its keys have more than their number") : 0;
}
