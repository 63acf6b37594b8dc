#include "window/records.h"

#include <stdlib.h>

#include "base/cmd.h"
#include "source/lines.h"
#include "window/window_priv.h"

/* ---- a row of a record */

void
window_maker_now(struct window_maker *m)
{
	m->event.now = time_now();
}

void
window_maker_release(struct window_maker *m)
{
	if (m->state)
		m->format->close(m->state);
	event_reader_release(&m->event);
	buf_release(&m->row);
}

static int
is_metrics(struct str json)
{
	struct json row = json_value(json);

	return json_get(row, STR("metric")).type == JSON_STRING && json_get(row, STR("event")).type == JSON_NONE;
}

int
window_make_row(struct window_maker *m, const struct record *r, struct str *row, int64_t *time, struct err *err)
{
	static const char nameless[] = "-";     /* known by its place */
	struct event e;
	int rc;

	if (!r->properties.p && !r->checked && (rc = json_check(r->json, err)))
		return rc;
	if (!r->properties.p && is_metrics(r->json)) {
		*row = r->json;
		*time = TIME_NONE;
		return 0;
	}
	m->event.default_name = (struct str){ nameless, 1 };
	rc = r->properties.p ? event_read_own(&m->event, r->json, r->properties, r->event, &e, err) :
	    event_read_checked(&m->event, r->json, &e, err);
	if (rc)
		return rc;
	*time = e.time;
	if ((*row = m->event.canonical).p)
		return 0;
	if (e.name.p == nameless)
		e.name.p = NULL;
	buf_clear(&m->row);
	event_put(&m->row, &e);
	*row = buf_get(&m->row);
	return 0;
}

/* ---- a file */

struct reading {
	struct window *win;
	struct rows *rows;
	struct window_maker maker;      /* of odd lines: its format's state is the reading's own */
};

static int
take_record(void *self, struct record *record, int got, struct err *err)
{
	struct reading *now = self;
	struct str row;
	int64_t time;

	if (got == IN_LINE) {
		window_maker_now(&now->maker);
		if ((got = window_make_row(&now->maker, record, &row, &time, err)) == 0)
			got = window_row(now->win, row, err);
		if (row.p != record->input.p)
			err->col = 0;           /* it counts in text that the user never saw */
	}
	now->rows->line = record->line - 1;
	now->rows->rejects.header = record->header;
	got = rows_came(now->rows, record->input, got, err);
	now->rows->rejects.header = (struct str){ NULL, 0 };
	return got;
}

static void *
worker_new(void *self, void *state)
{
	struct reading *now = self;

	return window_reader_of(now->win, now->maker.format, state);
}

static void
worker_free(void *worker)
{
	window_reader_free(worker);
}

static void *
batch_new(void)
{
	return window_batch_new();
}

static void
batch_free(void *batch)
{
	window_batch_free(batch);
}

static void
look(void *worker, void *batch, struct str block)
{
	window_look(worker, batch, block);
}

static int
use(void *self, void *batch, long *line, struct str *text, size_t *odd, struct err *err)
{
	struct reading *now = self;
	struct str at;
	long lines;
	int rc, what;

	do {
		what = window_count(now->win, batch, &at, &lines, err);
		*line += lines;
		if (what == WINDOW_END)
			return LINES_END;
		*text = window_count_rest(batch, at);
		*odd = window_line_bytes(*text);
		if (what == WINDOW_ODD)
			return LINES_ODD;
		now->rows->line = (*line)++;
		rc = rows_came(now->rows, at, what, err);
	} while (!rc);
	return rc;
}

static int
is_over(void *self)
{
	return rows_over(((struct reading *)self)->rows);
}

/* The formats in which a line is not a record. */
static int
read_records(struct reading *now, struct in *in, struct err *fault, struct err *err)
{
	const struct format *format = now->maker.format;
	void *state = format->open(in, fault);
	int rc = 0;

	while (state && !rc && !is_over(now)) {
		struct record record = { .input = STR("") };
		int got = format->next(state, &record, err);

		if (got == IN_END)
			break;
		if (got < 0 && got != ERR_INPUT && got != ERR_LIMIT) {
			*fault = *err;
			err_clear(err);
			break;
		}
		if (got != IN_IDLE)
			rc = take_record(now, &record, got, err);
	}
	if (state)
		format->close(state);
	return rc;
}

int
window_records(struct window *win, const struct format *format, struct in *in, struct rows *rows, struct err *err)
{
	static const struct lines_use lines = { .worker_new = worker_new, .worker_free = worker_free, .batch_new = batch_new,
	    .batch_free = batch_free, .look = look, .use = use, .record = take_record, .is_over = is_over };
	struct reading now = { .win = win, .rows = rows, .maker.format = format };
	struct err fault = { 0 };
	int rc = format->plain ? lines_read(in, format, &lines, &now, &fault, err) : read_records(&now, in, &fault, err);

	if (!rc && fault.code)
		cmd_fail(&fault);
	window_maker_release(&now.maker);
	return rc;
}

const struct format *
window_records_format(const struct format *format, struct in *in, const char *file)
{
	struct str head, line;
	struct err passed = { 0 };      /* it is told when the file is read */

	if (!format) {
		head = in_peek(in, &passed);
		for (struct str rest = head; rows_cut(&rest, &line); )
			if ((line = str_trim(line)).n && line.p[0] == '{')
				return NULL;
			else if (line.n && line.p[0] == '[')
				break;                  /* an array of objects */
		format = formats_detect(head, file);
	}
	return strcmp(format->name, "ndjson") ? format : NULL;
}
