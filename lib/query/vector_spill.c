/* vector_spill.c - rows that do not fit in memory, in a temporary file, part by part; each part is in the order of its keys, and so is
 * what comes out of all of them.
 *
 *      file   row row row … row row …          parts one behind the other
 *      row    length (u32), cell, cell, …
 *      cell   0                NULL
 *             1 zigzag         integer         (LEB128)
 *             2 8 bytes        real
 *             3 length bytes   text
 *             4 zigzag         instant, ms: a text to SQL, but ordered as a number
 *
 * The file is one of base/aside.h. A reader holds one piece of each part, and takes the least of their first rows by a heap: n rows of p
 * parts cost n log p comparisons.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/aside.h"
#include "base/io.h"
#include "base/mem.h"
#include "codec/varint.h"
#include "query/query_priv.h"
#include "query/vector_priv.h"

#define PIECE   (64u << 10)             /* bytes read at once; longer rows have more */
#define WRITTEN (1u << 20)              /* and written */
#define LONGEST (1u << 30)              /* a row */

enum cell_tag { TAG_NULL, TAG_INTEGER, TAG_REAL, TAG_TEXT, TAG_INSTANT };

struct part { int64_t from, to; };      /* bytes of the file */

struct vector_spill {
	int fd, n_keys, n_columns, ordered;
	int64_t rows, bytes;
	struct part *part;
	int n_parts;
	struct buf out;                 /* not written yet: behind `bytes` */
};

struct value { struct cell cell; unsigned char is_instant; };

struct front {                          /* of a part: its piece, and the row at its beginning */
	struct buf piece;
	size_t at, row_end;             /* in the piece */
	int64_t next, to;               /* in the file: not read yet */
	struct value *value;
};

struct vector_spill_reader {
	const struct vector_spill *of;
	struct front *front;
	int *heap, n;                   /* parts that have a row, the least first */
	int begun;
	char (*time)[TIME_LEN];         /* of columns of instants, of the row at hand */
};

struct vector_spill *
vector_spill_new(const struct vector_plan *plan, struct err *err)
{
	struct vector_spill *s = mem_new(sizeof(*s));

	s->n_keys = plan->n_keys;
	s->n_columns = plan->n_keys + plan->n_aggregates;
	s->ordered = !plan->unordered;
	s->fd = aside_file();
	if (s->fd < 0) {
		err_set(err, ERR_IO, "no temporary file in %s: %s; set TMPDIR, or allow more memory", aside_directory(), strerror(errno));
		vector_spill_free(s);
		s = NULL;
	}
	return s;
}

void
vector_spill_free(struct vector_spill *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->part);
	buf_release(&s->out);
	free(s);
}

int64_t
vector_spill_rows(const struct vector_spill *s)
{
	return s->rows;
}

int64_t
vector_spill_bytes(const struct vector_spill *s)
{
	return s->bytes;
}

int
vector_spill_columns(const struct vector_spill *s)
{
	return s->n_columns;
}

/* ---- writing */

static int
write_out(struct vector_spill *s, struct err *err)
{
	if (io_write(s->fd, s->out.p, s->out.n) < 0)
		return err_set(err, ERR_IO, "cannot write groups to a temporary file in %s, behind %lld KiB: %s; set TMPDIR, or allow more memory", aside_directory(),
		    (long long)(s->bytes >> 10), strerror(errno));
	s->bytes += (int64_t)s->out.n;
	buf_clear(&s->out);
	return 0;
}

static void
put_cell(struct buf *to, const struct column *c, size_t row)
{
	char text[TIME_LEN];
	struct cell v;

	if (c->form == COLUMN_INTEGER && c->instant && vector_valid(c->valid, row)) {
		buf_byte(to, TAG_INSTANT);
		varint_put_signed(to, c->integer[row]);
		return;
	}
	v = vector_column_cell(c, row, text);
	switch (v.type) {
	case CELL_INTEGER:
		buf_byte(to, TAG_INTEGER);
		varint_put_signed(to, v.integer);
		break;
	case CELL_REAL:
		buf_byte(to, TAG_REAL);
		buf_add(to, (const char *)&v.real, sizeof(v.real));
		break;
	case CELL_TEXT:
		buf_byte(to, TAG_TEXT);
		varint_put_str(to, v.text);
		break;
	default:
		buf_byte(to, TAG_NULL);
	}
}

int
vector_spill_add(struct vector_spill *s, struct query *q, const struct vector_table *t, struct err *err)
{
	struct part part = { .from = s->bytes };

	for (size_t row = 0; row < t->n; row++) {
		size_t start = s->out.n;
		uint32_t length = 0;

		buf_add(&s->out, (const char *)&length, sizeof(length));
		for (int i = 0; i < t->n_columns; i++)
			put_cell(&s->out, &t->column[i].column, row);
		if (s->out.n - start > LONGEST)
			return err_set(err, ERR_LIMIT, "a row of more than %u MiB", LONGEST >> 20);
		length = (uint32_t)(s->out.n - start - sizeof(length));
		memcpy(s->out.p + start, &length, sizeof(length));
		if ((s->out.n > WRITTEN && write_out(s, err) < 0) || ((row & 4095) == 0 && query_stopped(q, err) < 0))
			return err->code;
	}
	if (write_out(s, err) < 0)
		return err->code;
	part.to = s->bytes;
	s->rows += (int64_t)t->n;
	s->part = mem_grow(s->part, (size_t)s->n_parts + 1, sizeof(*s->part));
	s->part[s->n_parts++] = part;
	return 0;
}

/* ---- reading */

struct vector_spill_reader *
vector_spill_read(const struct vector_spill *s)
{
	struct vector_spill_reader *r = mem_new(sizeof(*r));

	r->of = s;
	r->front = mem_new(((size_t)s->n_parts + 1) * sizeof(*r->front));
	r->heap = mem_new(((size_t)s->n_parts + 1) * sizeof(*r->heap));
	r->time = mem_new(((size_t)s->n_columns + 1) * sizeof(*r->time));
	for (int i = 0; i < s->n_parts; i++) {
		r->front[i].next = s->part[i].from, r->front[i].to = s->part[i].to;
		r->front[i].value = mem_new(((size_t)s->n_columns + 1) * sizeof(*r->front[i].value));
	}
	return r;
}

void
vector_spill_close(struct vector_spill_reader *r)
{
	if (!r)
		return;
	for (int i = 0; i < r->of->n_parts; i++) {
		buf_release(&r->front[i].piece);
		free(r->front[i].value);
	}
	free(r->front), free(r->heap), free(r->time);
	free(r);
}

/* At least n bytes from `at` on. 0 or < 0. */
static int
fill(const struct vector_spill *s, struct front *f, size_t n, struct err *err)
{
	size_t want = n > PIECE ? n : PIECE, left = (size_t)(f->to - f->next);
	ssize_t got;

	if (f->piece.n - f->at >= n)
		return 0;
	if (f->at)
		memmove(f->piece.p, f->piece.p + f->at, f->piece.n - f->at);
	f->piece.n -= f->at;
	f->at = 0;
	want -= f->piece.n;
	want = want > left ? left : want;
	got = io_read_at(s->fd, buf_room(&f->piece, want), want, f->next);
	if (got < 0)
		return err_set(err, ERR_IO, "cannot read a temporary file in %s: %s", aside_directory(), strerror(errno));
	f->piece.n += (size_t)got;
	f->next += got;
	return f->piece.n >= n ? 0 : err_set(err, ERR_IO, "a temporary file in %s is damaged", aside_directory());
}

static int
take_value(struct str *rest, struct value *to)
{
	struct str text;
	int64_t integer = 0;
	double real;
	unsigned char tag;

	if (!rest->n)
		return -1;
	tag = (unsigned char)*rest->p;
	rest->p++, rest->n--;
	*to = (struct value){ .cell = cell_null(), .is_instant = tag == TAG_INSTANT };
	switch (tag) {
	case TAG_NULL:
		return 0;
	case TAG_INTEGER:
	case TAG_INSTANT:
		if (varint_take_signed(rest, &integer) < 0)
			return -1;
		to->cell = cell_integer(integer);
		return 0;
	case TAG_REAL:
		if (rest->n < sizeof(real))
			return -1;
		memcpy(&real, rest->p, sizeof(real));
		rest->p += sizeof(real), rest->n -= sizeof(real);
		to->cell = cell_real(real);
		return 0;
	case TAG_TEXT:
		if (varint_take_str(rest, &text) < 0)
			return -1;
		to->cell = cell_text(text);
		return 0;
	default:
		return -1;
	}
}

/* The next row of a part. 1, 0 at its end, < 0. */
static int
advance(const struct vector_spill *s, struct front *f, struct err *err)
{
	uint32_t length;
	struct str rest;

	f->at = f->row_end;
	if (f->at == f->piece.n && f->next == f->to)
		return 0;
	if (fill(s, f, sizeof(length), err) < 0)
		return err->code;
	memcpy(&length, f->piece.p + f->at, sizeof(length));
	if (length > LONGEST || fill(s, f, sizeof(length) + length, err) < 0)
		return err->code ? err->code : err_set(err, ERR_IO, "a temporary file in %s is damaged", aside_directory());
	rest = (struct str){ f->piece.p + f->at + sizeof(length), length };
	f->row_end = f->at + sizeof(length) + length;
	for (int i = 0; i < s->n_columns; i++)
		if (take_value(&rest, &f->value[i]) < 0)
			return err_set(err, ERR_IO, "a temporary file in %s is damaged", aside_directory());
	return 1;
}

static int
comes_before(const struct vector_spill_reader *r, int a, int b)
{
	int order = 0;

	for (int k = 0; k < r->of->n_keys && !order && r->of->ordered; k++)
		order = vector_compare(&r->front[a].value[k].cell, &r->front[b].value[k].cell);
	return order ? order < 0 : a < b;
}

/* The first of the heap to where it belongs. */
static void
sink(struct vector_spill_reader *r)
{
	for (int at = 0, child; (child = 2 * at + 1) < r->n; at = child) {
		int moved = r->heap[at];

		if (child + 1 < r->n && comes_before(r, r->heap[child + 1], r->heap[child]))
			child++;
		if (!comes_before(r, r->heap[child], moved))
			return;
		r->heap[at] = r->heap[child];
		r->heap[child] = moved;
	}
}

static void
rise(struct vector_spill_reader *r, int at)
{
	while (at && comes_before(r, r->heap[at], r->heap[(at - 1) / 2])) {
		int moved = r->heap[at];

		r->heap[at] = r->heap[(at - 1) / 2];
		r->heap[(at - 1) / 2] = moved;
		at = (at - 1) / 2;
	}
}

int
vector_spill_next(struct vector_spill_reader *r, struct err *err)
{
	int rc;

	if (!r->begun) {
		r->begun = 1;
		for (int i = 0; i < r->of->n_parts; i++) {
			if ((rc = advance(r->of, &r->front[i], err)) < 0)
				return rc;
			if (rc) {
				r->heap[r->n] = i;
				rise(r, r->n++);
			}
		}
	} else if (r->n) {
		if ((rc = advance(r->of, &r->front[r->heap[0]], err)) < 0)
			return rc;
		if (!rc)
			r->heap[0] = r->heap[--r->n];
		sink(r);
	}
	return r->n > 0;
}

struct cell
vector_spill_cell(const struct vector_spill_reader *r, int column)
{
	const struct value *v = &r->front[r->heap[0]].value[column];

	if (!v->is_instant)
		return v->cell;
	time_print(v->cell.integer, r->time[column]);
	return cell_text((struct str){ r->time[column], TIME_LEN });
}
