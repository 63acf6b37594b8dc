/* Rows in two steps: what a row says can be known by any thread (window_look), what it does to the groups depends on those
 * before it (window_count).
 *
 * Only ordinary event rows are taken apart here. All others - wrong ones, metric rows, those without a time, those whose
 * filter fails - are odd: window_row does them when their turn comes, so that nothing is decided in two places.
 *
 * Looking is bound by the projection (project.h). Counting, which one thread does, reads nothing but what is noted, and is
 * a tenth of the work for a count of each event, a quarter for sums, percentiles and distinct users by minute and source.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "event/rows.h"
#include "window/window_priv.h"

#define BATCH_BYTES (1u << 20)          /* of what is noted: lines beyond it are odd */

enum { ODD, EVENT };

struct noted {
	struct str line, row;           /* row: that it is, or was made of it, in the batch's arena */
	uint32_t key_at, key_n;         /* in the batch's keys: the row's own bytes are cold by then, 40 ns away */
	uint64_t hash;
	int64_t time;
	uint32_t passed;                /* lines before it that the filter did not want */
	uint8_t what;
};

struct window_reader {
	struct project *project;
	struct json *value;
	struct window_fields fields;
	struct layout_eye eye;
	int checks;
	struct window_maker maker;      /* of rows, where the lines are those of a format */
};

struct window_batch {
	struct noted *noted;
	struct layout_cell *cell;       /* `cells` for each event noted */
	size_t n, cap;
	int cells, cells_cap;
	struct buf keys;
	struct arena *rows;             /* made of lines; NULL: lines are rows */
	struct str block, rest;         /* what was not looked at */
	uint32_t passed;                /* lines behind the last noted that the filter did not want */
	size_t at;                      /* the next to be counted */
};

struct window_reader *
window_reader_new(struct window *win)
{
	struct window_reader *r = mem_new(sizeof(*r));
	struct err err = { 0 };

	r->project = project_new();
	if (window_project(&win->spec, &r->fields, r->project, &err) || layout_bind(win->layout[0], r->project, &err) ||
	    (r->fields.where && !r->fields.where_bound)) {
		window_reader_free(r);
		return NULL;
	}
	r->value = mem_new((size_t)project_count(r->project) * sizeof(*r->value));
	r->eye = layout_eye(win->layout[0]);
	r->checks = layout_checks(win->layout[0]);
	return r;
}

void
window_reader_free(struct window_reader *r)
{
	if (!r)
		return;
	window_fields_release(&r->fields);
	window_maker_release(&r->maker);
	project_free(r->project);
	layout_eye_release(&r->eye);
	free(r->value);
	free(r);
}

static int
is_wanted(void *project, struct str key)
{
	return project_wants(project, key);
}

struct window_reader *
window_reader_of(struct window *win, const struct format *format, void *state)
{
	struct window_reader *r = window_reader_new(win);

	if (r)          /* a late row is written whole */
		r->maker = (struct window_maker){ .format = format, .state = format->fork(state, win->spec.late ? NULL : is_wanted, r->project) };
	return r;
}

struct window_batch *
window_batch_new(void)
{
	return mem_new(sizeof(struct window_batch));
}

void
window_batch_free(struct window_batch *b)
{
	if (!b)
		return;
	free(b->noted);
	free(b->cell);
	buf_release(&b->keys);
	arena_free(b->rows);
	free(b);
}

/* ---- looking */

/* Room for one line more; 0 when there is to be none. */
static int
room(struct window_batch *b)
{
	size_t one = sizeof(*b->noted) + (size_t)b->cells * sizeof(*b->cell);

	if (b->n < b->cap)
		return 1;
	if (b->cap && 2 * b->cap * one > BATCH_BYTES)
		return 0;
	b->cap = b->cap ? 2 * b->cap : BATCH_BYTES / 2 / one + 1;
	b->noted = mem_grow(b->noted, b->cap, sizeof(*b->noted));
	b->cell = mem_grow(b->cell, b->cap * (size_t)b->cells + 1, sizeof(*b->cell));
	return 1;
}

static int
time_of(struct json v, int64_t *time)
{
	int64_t epoch;

	if (v.type == JSON_STRING && !v.escaped)
		return time_parse_rfc3339((struct str){ v.p + 1, v.n - 2 }, time);
	return v.type == JSON_NUMBER && json_int64(v, &epoch) ? time_of_epoch_int(epoch, time) : -1;
}

/* The row of a line, kept, and its time. */
static int
make_row(struct window_reader *r, struct window_batch *b, struct noted *to, struct err *err)
{
	struct record record = { 0 };

	if (!r->maker.format->plain(r->maker.state, to->line, &record) || window_make_row(&r->maker, &record, &to->row, &to->time, err))
		return ERR_INPUT;
	to->row.p = arena_dup(b->rows, to->row.p, to->row.n);
	return 0;
}

/* 1: noted; 0: the filter does not want it. */
static int
look_at(struct window_reader *r, struct window_batch *b, struct str line, struct noted *to, struct err *err)
{
	const struct window_fields *f = &r->fields;
	const struct json *value = r->value;
	struct str key;
	size_t before = b->keys.n;
	int wanted = 1;

	to->line = to->row = line;
	to->what = ODD;
	if (!line.n || (b->rows && make_row(r, b, to, err)) || project_row(r->project, to->row, r->value, err) ||
	    (f->where && (wanted = expr_test_fields(f->where, value, err)) < 0))
		return 1;
	if (!wanted)
		return 0;
	if (value[f->at_event].type == JSON_NONE && value[f->at_metric].type == JSON_STRING)
		return 1;
	if ((r->checks && json_check(to->row, err)) || (!b->rows && time_of(value[f->at_time], &to->time)) ||
	    window_key(f, value, &b->keys, &key, err))
		return 1;
	to->what = EVENT;
	if (b->keys.n == before)
		buf_str(&b->keys, key);
	to->key_at = (uint32_t)before;
	to->key_n = (uint32_t)key.n;
	to->hash = str_hash(key);
	layout_look(&r->eye, value, b->cell + b->n * (size_t)b->cells);
	return 1;
}

void
window_look(struct window_reader *r, struct window_batch *b, struct str block)
{
	struct err err = { 0 };
	struct str line;
	uint32_t passed = 0;

	b->n = b->at = 0;
	b->block = block;
	if (r->maker.format && !b->rows)
		b->rows = arena_new(0);
	if (b->rows)
		arena_reset(b->rows), window_maker_now(&r->maker);
	if (b->cells != r->eye.n)
		b->cells = r->eye.n, b->cap = 0;
	buf_clear(&b->keys);
	while (room(b) && b->keys.n < BATCH_BYTES && rows_cut(&block, &line)) {
		struct noted *to = &b->noted[b->n];

		if (!look_at(r, b, line, to, &err)) {
			passed++;
			continue;
		}
		to->passed = passed;
		passed = 0;
		b->n++;
		if (err.code)
			err_clear(&err);
	}
	b->rest = block;
	b->passed = passed;
}

/* ---- counting */

static void
add_cells(const void *cells, struct layout *l, void *state, int64_t time, int64_t seq)
{
	layout_add_cells(l, state, cells, time, seq);
}

int
window_count(struct window *win, struct window_batch *b, struct str *line, long *lines, struct err *err)
{
	int same = b->cells == layout_fields(win->layout[0]);   /* else metric rows brought fields since */

	*lines = 0;
	win->is_live = -1;
	while (b->at < b->n) {
		const struct noted *it = &b->noted[b->at++];
		uint64_t late = win->counts.late;
		struct str key;
		int rc;

		*lines += it->passed;
		win->counts.rows += it->passed;
		*line = it->line;
		if (it->what == ODD || !same)
			return WINDOW_ODD;
		key = it->key_n ? (struct str){ b->keys.p + it->key_at, it->key_n } : STR("");
		window_first_event(win);
		rc = window_count_event(win, key, it->hash, it->time, add_cells, b->cell + (b->at - 1) * (size_t)b->cells, err);
		if (rc != ERR_INPUT)
			win->counts.rows++;
		if (win->counts.late > late)
			window_put_late(win, it->row);
		if (rc)
			return rc;
		++*lines;
	}
	*lines += b->passed;
	win->counts.rows += b->passed;
	b->passed = 0;
	if (window_keep_in_time(win, err))
		return err->code;
	return rows_cut(&b->rest, line) ? WINDOW_ODD : WINDOW_END;
}

struct str
window_count_rest(const struct window_batch *b, struct str line)
{
	return (struct str){ line.p, (size_t)(b->block.p + b->block.n - line.p) };
}

size_t
window_line_bytes(struct str rest)
{
	const char *nl = memchr(rest.p, '\n', rest.n);

	return nl ? (size_t)(nl + 1 - rest.p) : rest.n;
}
