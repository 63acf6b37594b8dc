#include "ingest/ahead.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/pages.h"

#define ROWS_MOST (4u << 20)            /* bytes of rows that a block may become: what is beyond is odd */

struct ahead {
	const struct format *format;
	void *state;
	struct event_reader reader;
	struct buf text;                /* of a row that is written anew */
};

/* Odd lines that follow each other. */
struct odd {
	size_t from, to;                /* in the block */
	size_t rows;                    /* bytes of rows before them */
	long lines;                     /* of those rows */
};

struct ahead_batch {
	struct str block;
	struct pages rows;
	long lines;                     /* of them all */
	struct odd *odd;
	size_t n, cap;
	size_t at, given;               /* the next odd one; bytes of rows that were given */
	long given_lines;
};

struct ahead *
ahead_new(const struct format *format, void *state, struct str name)
{
	struct ahead *a = mem_new(sizeof(*a));

	a->format = format;
	a->reader.default_name = name;
	if (!(a->state = format->fork(state, NULL, NULL))) {
		ahead_free(a);
		return NULL;
	}
	return a;
}

void
ahead_free(struct ahead *a)
{
	if (!a)
		return;
	if (a->state)
		a->format->close(a->state);
	event_reader_release(&a->reader);
	buf_release(&a->text);
	free(a);
}

struct ahead_batch *
ahead_batch_new(int in_pages)
{
	struct ahead_batch *b = mem_new(sizeof(*b));

	b->rows.wanted = in_pages;
	return b;
}

void
ahead_batch_free(struct ahead_batch *b)
{
	if (!b)
		return;
	pages_release(&b->rows);
	free(b->odd);
	free(b);
}

/* May the row be a metric row, which is passed on in its own form? */
static int
may_be_metrics(struct str row)
{
	return memmem(row.p, row.n, "\"metric\"", 8) != NULL || memchr(row.p, '\\', row.n) != NULL;
}

/* 1 when the line's row was appended. */
static int
make_row(struct ahead *a, struct str line, struct pages *rows, struct err *err)
{
	struct str row;
	struct record r = { .room = rows };
	struct event e;

	if (!a->format->plain(a->state, line, &r))
		return 0;
	if (r.properties.p) {
		if (event_read_own(&a->reader, r.json, r.properties, r.event, &e, err))
			return 0;
	} else if (may_be_metrics(r.json) || (!r.checked && json_check(r.json, err)) || event_read_checked(&a->reader, r.json, &e, err)) {
		return 0;
	}
	row = a->reader.canonical;
	if (!row.p) {
		buf_clear(&a->text);
		event_put(&a->text, &e);
		row = buf_get(&a->text);
	}
	if (row.p != rows->buf.p + rows->buf.n) {
		pages_room(rows, row.n + 1);
		memcpy(rows->buf.p + rows->buf.n, row.p, row.n);
	}
	rows->buf.n += row.n;
	pages_room(rows, 1);
	rows->buf.p[rows->buf.n++] = '\n';
	return 1;
}

static void
add_odd(struct ahead_batch *b, size_t from, size_t to)
{
	struct odd *last = b->n ? &b->odd[b->n - 1] : NULL;

	if (last && last->to == from) {
		last->to = to;
		return;
	}
	if (b->n == b->cap)
		b->odd = mem_grow(b->odd, b->cap = b->cap ? 2 * b->cap : 256, sizeof(*b->odd));
	b->odd[b->n++] = (struct odd){ from, to, b->rows.buf.n, b->lines };
}

void
ahead_look(struct ahead *a, struct ahead_batch *b, struct str block)
{
	struct err err = { 0 };
	size_t from = 0;

	b->block = block;
	b->lines = b->given_lines = 0;
	b->n = b->at = b->given = 0;
	if (b->rows.buf.cap > 2 * ROWS_MOST)
		pages_release(&b->rows);
	pages_begin(&b->rows);
	a->reader.now = time_now();
	while (from < block.n) {
		const char *p = block.p + from, *nl = memchr(p, '\n', block.n - from);
		size_t n = nl ? (size_t)(nl - p) : block.n - from, to = from + n + (nl != NULL);

		if (b->rows.buf.n > ROWS_MOST) {
			add_odd(b, from, block.n);
			break;
		}
		if (make_row(a, (struct str){ p, n - (nl && n && nl[-1] == '\r') }, &b->rows, &err))
			b->lines++;
		else
			add_odd(b, from, to);
		if (err.code)
			err_clear(&err);
		from = to;
	}
}

enum ahead_what
ahead_next(struct ahead_batch *b, struct str *text, size_t *odd, long *n)
{
	const struct odd *o = b->at < b->n ? &b->odd[b->at] : NULL;
	size_t to = o ? o->rows : b->rows.buf.n;

	if (b->given < to) {
		*text = (struct str){ b->rows.buf.p + b->given, to - b->given };
		*n = (o ? o->lines : b->lines) - b->given_lines;
		b->given = to;
		b->given_lines += *n;
		return AHEAD_ROWS;
	}
	if (!o)
		return AHEAD_END;
	*text = (struct str){ b->block.p + o->from, b->block.n - o->from };
	*odd = o->to - o->from;
	b->at++;
	return AHEAD_ODD;
}
