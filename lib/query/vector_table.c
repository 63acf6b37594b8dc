/* vector_table.c - tables of columns: made of what workers found, shared and gathered by those who read them. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "query/vector_priv.h"

#define EXACT (1LL << 53)               /* up to here every integer is a double */

/* ---- memory */

struct vector_memory { int holders; size_t bytes; void *array; struct arena *texts; };

struct vector_memory *
vector_memory_new(void *array, size_t bytes, struct arena *texts)
{
	struct vector_memory *m;

	if (!array && !texts)
		return NULL;
	m = mem_new(sizeof(*m));
	*m = (struct vector_memory){ 1, bytes + (texts ? arena_used(texts) : 0), array, texts };
	return m;
}

struct vector_memory *
vector_memory_hold(struct vector_memory *m)
{
	if (m)
		m->holders++;
	return m;
}

void
vector_memory_free(struct vector_memory *m)
{
	if (!m || --m->holders)
		return;
	free(m->array);
	arena_free(m->texts);
	free(m);
}

/* ---- tables */

struct vector_table *
vector_table_new(size_t n, int n_columns)
{
	struct vector_table *t = mem_new(sizeof(*t));

	t->n = n;
	t->n_columns = n_columns;
	t->column = mem_new(((size_t)n_columns + 1) * sizeof(*t->column));
	return t;
}

void
vector_table_free(struct vector_table *t)
{
	if (!t)
		return;
	for (int i = 0; i < t->n_columns; i++) {
		vector_memory_free(t->column[i].rows);
		vector_memory_free(t->column[i].valid);
		vector_memory_free(t->column[i].values);
	}
	free(t->column);
	free(t);
}

size_t
vector_table_held(const struct vector_table *t)
{
	size_t held = 0;

	for (int i = 0; i < t->n_columns; i++) {
		const struct vector_memory *m[] = { t->column[i].rows, t->column[i].valid, t->column[i].values };

		for (int k = 0; k < 3; k++)
			held += m[k] ? m[k]->bytes / (size_t)m[k]->holders : 0;
	}
	return held;
}

void
vector_table_share(struct vector_held *to, const struct vector_held *from)
{
	*to = (struct vector_held){ from->column, vector_memory_hold(from->rows), vector_memory_hold(from->valid), vector_memory_hold(from->values) };
}

static void
set(uint64_t *bits, size_t i)
{
	bits[i / 64] |= 1ULL << (i % 64);
}

static size_t
words(size_t n)
{
	return n / 64 + 1;
}

void
vector_table_gather(struct vector_held *to, const struct vector_held *from, const uint32_t *row, size_t n)
{
	const struct column *c = &from->column;
	size_t size = c->form == COLUMN_CODES ? sizeof(uint32_t) : sizeof(int64_t), bytes = (n + 1) * size;
	void *array = c->form == COLUMN_NULL ? NULL : mem_grow(NULL, n + 1, size);
	int gaps = c->valid != NULL && c->form != COLUMN_CODES;
	uint64_t *valid = NULL;

	*to = (struct vector_held){ .column = *c };
	to->column.valid = NULL;
	if (c->form == COLUMN_CODES) {
		uint32_t *code = array;

		for (size_t i = 0; i < n; i++)
			code[i] = row[i] == VECTOR_NO_ROW ? 0 : c->code[row[i]];
		to->column.code = code;
	} else if (c->form != COLUMN_NULL) {
		const uint64_t *x = c->form == COLUMN_REAL ? (const uint64_t *)(const void *)c->real : (const uint64_t *)(const void *)c->integer;
		uint64_t *y = array;

		for (size_t i = 0; i < n; i++) {
			gaps |= row[i] == VECTOR_NO_ROW;
			y[i] = row[i] == VECTOR_NO_ROW ? 0 : x[row[i]];
		}
		to->column.integer = array, to->column.real = array;
	}
	if (gaps) {
		valid = mem_new(words(n) * sizeof(*valid));
		for (size_t i = 0; i < n; i++)
			if (row[i] != VECTOR_NO_ROW && vector_valid(c->valid, row[i]))
				set(valid, i);
		to->column.valid = valid;
	}
	to->rows = vector_memory_new(array, bytes, NULL);
	to->valid = vector_memory_new(valid, words(n) * sizeof(*valid), NULL);
	to->values = vector_memory_hold(from->values);
}

static struct vector_memory *
values_in(const struct vector_table *t, const struct cell *value)
{
	for (int i = 0; i < t->n_columns; i++)
		if (t->column[i].column.form == COLUMN_CODES && t->column[i].column.value == value)
			return t->column[i].values;
	return NULL;
}

struct vector_memory *
vector_table_values(const struct vector_input *in, const struct cell *value)
{
	const struct vector_table *t;
	struct vector_memory *m = in->table ? values_in(in->table, value) : NULL;

	for (int i = 0; in->join && !m && (t = vector_join_table(in->join, i)); i++)
		m = values_in(t, value);
	return m;
}

/* ---- columns that grow */

void
vector_builder_init(struct vector_builder *b)
{
	*b = (struct vector_builder){ .form = COLUMN_NULL };
	vector_ids_init(&b->ids, 1);
	b->ids.exact = 1;
}

void
vector_builder_release(struct vector_builder *b)
{
	free(b->valid), free(b->row);
	vector_ids_release(&b->ids);
	*b = (struct vector_builder){ .form = COLUMN_NULL };
}

size_t
vector_builder_held(const struct vector_builder *b)
{
	return b->cap / 8 + b->cap * (b->form == COLUMN_CODES ? sizeof(*b->code) : sizeof(*b->integer)) + vector_ids_held(&b->ids);
}

static void
room(struct vector_builder *b, size_t more)
{
	size_t cap = b->cap ? 2 * b->cap : 1024;

	if (b->n + more <= b->cap)
		return;
	while (cap < b->n + more)
		cap *= 2;
	b->valid = mem_grow(b->valid, words(cap), sizeof(*b->valid));
	memset(b->valid + (b->cap ? words(b->cap) : 0), 0, (words(cap) - (b->cap ? words(b->cap) : 0)) * sizeof(*b->valid));
	b->row = mem_grow(b->row, cap, b->form == COLUMN_CODES ? sizeof(*b->code) : sizeof(*b->integer));
	b->cap = cap;
}

static void
to_codes(struct vector_builder *b)
{
	struct column c = { .form = b->form, .whole = b->whole, .instant = b->instant, .valid = b->valid, .integer = b->integer, .real = b->real };
	uint32_t *code;
	char text[TIME_LEN];

	if (b->form == COLUMN_CODES)
		return;
	code = mem_grow(NULL, b->cap + 1, sizeof(*code));
	for (size_t i = 0; i < b->n; i++) {
		struct cell v = vector_column_cell(&c, i, text);

		code[i] = vector_ids_put(&b->ids, &v);
	}
	free(b->row);
	b->code = code;
	b->form = COLUMN_CODES;
	b->whole = b->instant = 0;
}

static int
is_small(const struct column *c, struct vector_rows rows)
{
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		if (vector_valid(c->valid, i) && (c->integer[i] > EXACT || c->integer[i] < -EXACT))
			return 0;
	}
	return 1;
}

/* Makes the builder one that takes the column's numbers as they are. 0: there is none but codes. */
static int
fit(struct vector_builder *b, const struct column *c, struct vector_rows rows)
{
	struct column own = { .integer = b->integer, .valid = b->valid };

	if (c->point)
		return 0;
	if (b->form == COLUMN_NULL) {
		b->form = c->form, b->whole = c->whole, b->instant = c->instant;
		return 1;
	}
	if (b->form == COLUMN_CODES)
		return 0;
	if (b->form == c->form)
		return b->form == COLUMN_REAL ? b->whole == c->whole : b->instant == c->instant;
	if (b->form == COLUMN_REAL)             /* integers among numbers whose form tells their type */
		return b->whole && !c->instant && is_small(c, rows);
	if (!c->whole || b->instant || !is_small(&own, (struct vector_rows){ NULL, b->n }))
		return 0;
	for (size_t i = 0; i < b->n; i++)
		b->real[i] = (double)b->integer[i];
	b->form = COLUMN_REAL, b->whole = 1;
	return 1;
}

static void
add_numbers(struct vector_builder *b, const struct column *c, struct vector_rows rows)
{
	if (b->form == COLUMN_INTEGER)
		for (size_t k = 0; k < rows.n; k++)
			b->integer[b->n + k] = c->integer[vector_row(rows, k)];
	else if (c->form == COLUMN_REAL)
		for (size_t k = 0; k < rows.n; k++)
			b->real[b->n + k] = c->real[vector_row(rows, k)];
	else
		for (size_t k = 0; k < rows.n; k++)
			b->real[b->n + k] = (double)c->integer[vector_row(rows, k)];
	for (size_t k = 0; k < rows.n; k++) {
		if (vector_valid(c->valid, vector_row(rows, k)))
			set(b->valid, b->n + k);
		else
			b->nulls++;
	}
}

void
vector_builder_add(struct vector_builder *b, struct vector_worker *w, const struct column *c, struct vector_rows rows)
{
	uint32_t *id;

	if (c->form == COLUMN_CODES && b->form == COLUMN_NULL) {
		free(b->row);
		b->row = mem_new((b->cap + 1) * sizeof(*b->code));
		b->form = COLUMN_CODES;
	}
	room(b, rows.n);
	if (c->form == COLUMN_NULL) {
		memset((char *)b->row + b->n * (b->form == COLUMN_CODES ? 4 : 8), 0, rows.n * (b->form == COLUMN_CODES ? 4 : 8));
		b->nulls += rows.n;
	} else if (c->form != COLUMN_CODES && fit(b, c, rows)) {
		add_numbers(b, c, rows);
	} else if (c->form != COLUMN_CODES) {
		char text[TIME_LEN];

		to_codes(b);
		for (size_t k = 0; k < rows.n; k++) {
			struct cell v = vector_column_cell(c, vector_row(rows, k), text);

			b->code[b->n + k] = vector_ids_put(&b->ids, &v);
		}
	} else {
		to_codes(b);
		id = vector_array(w, 4);
		vector_ids_map(&b->ids, w, c, rows, id);
		for (size_t k = 0; k < rows.n; k++)
			b->code[b->n + k] = id[vector_row(rows, k)];
	}
	b->n += rows.n;
}

void
vector_builder_put(struct vector_builder *b, const struct cell *v)
{
	const struct vector_rows one = { NULL, 1 };
	struct column c = { .form = v->type == CELL_REAL ? COLUMN_REAL : v->type == CELL_INTEGER ? COLUMN_INTEGER : COLUMN_NULL, .integer = &v->integer,
		.real = &v->real };

	if (v->type == CELL_TEXT && b->form == COLUMN_NULL) {
		free(b->row);
		b->row = mem_new((b->cap + 1) * sizeof(*b->code));
		b->form = COLUMN_CODES;
	}
	room(b, 1);
	if (b->form != COLUMN_CODES && v->type != CELL_TEXT && (v->type == CELL_NULL || fit(b, &c, one))) {
		b->integer[b->n] = 0;
		if (v->type != CELL_NULL)
			add_numbers(b, &c, one);
		else
			b->nulls++;
	} else {
		to_codes(b);
		b->code[b->n] = vector_ids_put(&b->ids, v);
	}
	b->n++;
}

/* Codes that are all numbers of one type become such a column. */
static void
to_numbers(struct vector_held *h, size_t n)
{
	struct column *c = &h->column;
	enum cell_type type = c->n_values > 1 ? c->value[1].type : CELL_NULL;
	int64_t *integer;
	uint64_t *valid;

	if (c->form != COLUMN_CODES || type == CELL_TEXT || type == CELL_NULL)
		return;
	for (uint32_t v = 1; v < c->n_values; v++)
		if (c->value[v].type != type)
			return;
	integer = mem_grow(NULL, n + 1, sizeof(*integer));
	valid = mem_new(words(n) * sizeof(*valid));
	for (size_t i = 0; i < n; i++) {
		const struct cell *v = &c->value[c->code[i]];

		if (type == CELL_INTEGER)
			integer[i] = v->integer;
		else
			memcpy(&integer[i], &v->real, sizeof(*integer));
		if (c->code[i])
			set(valid, i);
	}
	vector_memory_free(h->rows), vector_memory_free(h->values);
	*h = (struct vector_held){ .rows = vector_memory_new(integer, (n + 1) * sizeof(*integer), NULL), .valid = vector_memory_new(valid, words(n) * sizeof(*valid), NULL) };
	h->column = (struct column){ .form = type == CELL_INTEGER ? COLUMN_INTEGER : COLUMN_REAL, .valid = valid, .integer = integer };
	h->column.real = h->rows ? (const double *)(const void *)integer : NULL;
}

static int
is_unique(const struct cell *value, uint32_t n)         /* of values of which no two are the same: none is equal to another */
{
	for (uint32_t i = 1; i < n; i++)
		if (value[i].type == CELL_REAL)
			return 0;
	return 1;
}

/* The values of ids as those of a column; the ids are used up. */
void
vector_table_take(struct vector_held *to, struct vector_ids *ids, const struct vector_input *in)
{
	struct column *c = &to->column;

	c->form = COLUMN_CODES;
	c->n_values = ids->n;
	if (ids->adopted) {
		c->value = ids->adopted;
		c->unique = 1;
		to->values = vector_memory_hold(vector_table_values(in, ids->adopted));
	} else {
		struct cell *value = ids->cell ? ids->cell : mem_grow(NULL, 1, sizeof(*value));

		value[0] = cell_null();
		c->value = value;
		c->unique = !ids->exact || is_unique(value, ids->n);
		to->values = vector_memory_new(value, ids->n * sizeof(*value), ids->texts);
		ids->cell = NULL, ids->texts = NULL;
	}
	vector_ids_release(ids);
}

/* All of one kind, if there is one for all; else codes. */
static void
unify(struct vector_builder *const *b, int n)
{
	int integers = 0, instants = 0, reals = 0, wholes = 0, codes = 0, small = 1;

	for (int i = 0; i < n; i++) {
		const struct column own = { .integer = b[i]->integer, .valid = b[i]->valid };

		codes |= b[i]->form == COLUMN_CODES;
		instants |= b[i]->form == COLUMN_INTEGER && b[i]->instant;
		integers |= b[i]->form == COLUMN_INTEGER && !b[i]->instant;
		reals |= b[i]->form == COLUMN_REAL && !b[i]->whole;
		wholes |= b[i]->form == COLUMN_REAL && b[i]->whole;
		small = small && (b[i]->form != COLUMN_INTEGER || is_small(&own, (struct vector_rows){ NULL, b[i]->n }));
	}
	if (codes + integers + instants + reals + wholes <= 1)
		return;
	for (int i = 0; i < n; i++) {
		if (integers && wholes && !codes && !instants && !reals && small) {
			for (size_t k = 0; b[i]->form == COLUMN_INTEGER && k < b[i]->n; k++)
				b[i]->real[k] = (double)b[i]->integer[k];
			if (b[i]->form == COLUMN_INTEGER)
				b[i]->form = COLUMN_REAL, b[i]->whole = 1;
		} else if (b[i]->form != COLUMN_NULL) {
			to_codes(b[i]);
		}
	}
}

void
vector_builder_end(struct vector_builder *const *b, int n, const struct vector_piece_of *piece, size_t n_pieces, const struct vector_input *in, struct vector_held *to)
{
	const struct vector_builder *kind = b[0];
	size_t rows = 0, at = 0, nulls = 0;
	uint64_t *valid = NULL, *number;
	uint32_t **id = mem_new((size_t)n * sizeof(*id)), *code;

	unify(b, n);
	*to = (struct vector_held){ .column = { .form = COLUMN_NULL } };
	for (int i = 0; i < n; i++) {
		rows += b[i]->n, nulls += b[i]->nulls;
		kind = kind->form == COLUMN_NULL ? b[i] : kind;
	}
	if (kind->form == COLUMN_CODES) {
		struct vector_ids ids;

		vector_ids_init(&ids, 1);
		ids.exact = 1;
		for (int i = 0; i < n; i++) {
			if (n == 1 || (i == 0 && !b[0]->ids.adopted && b[0]->form == COLUMN_CODES))
				ids = b[i]->ids, vector_ids_init(&b[i]->ids, 1);
			else
				id[i] = vector_ids_merge(&ids, &b[i]->ids);
		}
		code = mem_grow(NULL, rows + 1, sizeof(*code));
		for (size_t p = 0; p < n_pieces; p++) {
			const struct vector_builder *from = b[piece[p].builder];
			const uint32_t *map = id[piece[p].builder];

			for (size_t k = 0; k < piece[p].n; k++) {
				uint32_t own = from->form == COLUMN_CODES ? from->code[piece[p].from + k] : 0;

				code[at++] = map && own ? map[own] : own;
			}
		}
		vector_table_take(to, &ids, in);
		to->column.code = code;
		to->rows = vector_memory_new(code, (rows + 1) * sizeof(*code), NULL);
		to_numbers(to, rows);
	} else if (kind->form != COLUMN_NULL) {
		number = mem_grow(NULL, rows + 1, sizeof(*number));
		valid = nulls ? mem_new(words(rows) * sizeof(*valid)) : NULL;
		for (size_t p = 0; p < n_pieces; p++) {
			const struct vector_builder *from = b[piece[p].builder];

			if (from->form == COLUMN_NULL)
				memset(number + at, 0, piece[p].n * sizeof(*number));
			else
				memcpy(number + at, from->integer + piece[p].from, piece[p].n * sizeof(*number));
			for (size_t k = 0; valid && k < piece[p].n; k++)
				if (from->valid[(piece[p].from + k) / 64] >> ((piece[p].from + k) % 64) & 1)
					set(valid, at + k);
			at += piece[p].n;
		}
		to->column = (struct column){ .form = kind->form, .whole = kind->whole, .instant = kind->instant, .valid = valid,
			.integer = (const int64_t *)(const void *)number, .real = (const double *)(const void *)number };
		to->rows = vector_memory_new(number, (rows + 1) * sizeof(*number), NULL);
		to->valid = vector_memory_new(valid, words(rows) * sizeof(*valid), NULL);
	}
	for (int i = 0; i < n; i++) {
		free(id[i]);
		vector_builder_release(b[i]);
	}
	free(id);
}

/* ---- the order of values */

struct ranked { const struct cell *cell; uint64_t front; uint32_t id; };

static int
by_cell(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->front != y->front)
		return x->front < y->front ? -1 : 1;
	return vector_compare(x->cell, y->cell);
}

static uint64_t
front_of(const struct cell *c)                  /* orders as the cells do, or is the same: numbers 0, texts by their beginning */
{
	unsigned char bytes[8] = { 0 };
	uint64_t front = 0;

	if (c->type != CELL_TEXT)
		return 0;
	memcpy(bytes, c->text.p, c->text.n < 8 ? c->text.n : 8);
	for (int i = 0; i < 8; i++)
		front = front << 8 | bytes[i];
	return (front >> 1) + 1;
}

uint32_t *
vector_ranks(const struct cell *cell, uint32_t n)
{
	uint32_t *rank = mem_new(((size_t)n + 1) * sizeof(*rank)), last = 0;
	struct ranked *all = mem_grow(NULL, (size_t)n + 1, sizeof(*all));
	size_t there = 0;

	for (uint32_t i = 0; i < n; i++)
		if (cell[i].type != CELL_NULL)
			all[there++] = (struct ranked){ &cell[i], front_of(&cell[i]), i };
	if (there)
		qsort(all, there, sizeof(*all), by_cell);
	for (size_t i = 0; i < there; i++) {
		last += i == 0 || by_cell(&all[i - 1], &all[i]) != 0;
		rank[all[i].id] = last;
	}
	free(all);
	return rank;
}

static int
by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Beside NULLs the least integer, whose number is 0 too, needs other numbers: their places in order. */
static void
renumber(const struct column *c, uint64_t *order, size_t n)
{
	uint64_t *sorted = mem_grow(NULL, n + 1, sizeof(*sorted));
	size_t there = 0;

	for (size_t i = 0; i < n; i++)
		if (vector_valid(c->valid, i))
			sorted[there++] = order[i];
	qsort(sorted, there, sizeof(*sorted), by_number);
	for (size_t i = 0; i < n; i++) {
		size_t low = 0, high = there;

		while (low < high && vector_valid(c->valid, i)) {
			size_t middle = low + (high - low) / 2;

			if (sorted[middle] < order[i])
				low = middle + 1;
			else
				high = middle;
		}
		order[i] = vector_valid(c->valid, i) ? low + 1 : 0;
	}
	free(sorted);
}

uint64_t *
vector_table_order(const struct column *c, size_t n, int *nulls)
{
	uint64_t *order = mem_grow(NULL, n + 1, sizeof(*order));
	uint32_t *rank;
	int least = 0;

	*nulls = 0;
	switch (c->form) {
	case COLUMN_CODES:
		rank = vector_ranks(c->value, c->n_values);
		for (size_t i = 0; i < n; i++) {
			order[i] = rank[c->code[i]];
			*nulls |= order[i] == 0;
		}
		free(rank);
		break;
	case COLUMN_NULL:
		memset(order, 0, n * sizeof(*order));
		*nulls = n > 0;
		break;
	default:
		for (size_t i = 0; i < n; i++) {
			if (!vector_valid(c->valid, i)) {
				order[i] = 0;
				*nulls = 1;
			} else if (c->form == COLUMN_INTEGER) {
				order[i] = (uint64_t)c->integer[i] ^ 1ULL << 63;
				least |= order[i] == 0;
			} else {
				double r = c->real[i] == 0 ? 0 : c->real[i];    /* -0.0 is 0.0 */
				uint64_t bits;

				memcpy(&bits, &r, sizeof(bits));
				order[i] = bits >> 63 ? ~bits : bits | 1ULL << 63;
			}
		}
		if (least && *nulls)
			renumber(c, order, n);
	}
	return order;
}
