/* Any lines: looked at by a reader and counted, they come to what they come to one by one, down to the reasons of those
 * that are refused, the state that is saved, and the bytes that come out. */
#include <stdlib.h>

#include "event/rows.h"
#include "window/window.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static struct out out[2] = { { .fd = -1, .name = "one by one" }, { .fd = -1, .name = "looked at" } };
static struct out late[2] = { { .fd = -1, .name = "late" }, { .fd = -1, .name = "late" } };

static struct window *
window_of(int kind, int which)
{
	static const char *const spans[] = { "1m", "5m/1m", "session:1m", "count:2", "all" };
	static const char *const lists[] = { NULL, "count,sum(v),var(v),p50(v),distinct(v)", "distinct(k),sum(w),max(w),rate",
		"first(v),last(v),topk(v,2),distinct(v)" };
	static const char *const wheres[] = { NULL, ".v > 1", ".event == \"e\" and .properties.v < 3", ".v + .k == 2" };
	static const char *const bys[] = { "", "k", "k,v", "event" };
	struct window_spec spec = { .span = spans[kind % 5], .by = bys[kind / 5 % 4], .aggregates = lists[kind / 20 % 4],
		.where = wheres[kind / 80 % 4], .lateness_ms = 1000, .out = &out[which], .late = &late[which] };
	struct err err = { 0 };
	struct window *win = window_new(&spec, &err);

	if (!win)
		abort();
	return win;
}

/* What is written for a person: rows refused and why. */
static struct buf refused[2];

static void
give(struct window *win, struct str line, long at, int which)
{
	struct err err = { 0 };
	int rc = window_row(win, line, &err);

	if (rc)
		buf_printf(&refused[which], "%ld:%ld: %d %s\n", at, err.col, rc, err.text);
}

static void
one_by_one(struct window *win, struct str text)
{
	struct str line;

	for (long at = 1; rows_cut(&text, &line); at++)
		if (line.n)
			give(win, line, at, 0);
}

static void
looked_at(struct window *win, struct str text, size_t piece)
{
	struct window_reader *r = window_reader_new(win);
	struct window_batch *b = window_batch_new();
	long at = 1, lines;

	while (text.n) {
		size_t n = text.n < piece ? text.n : piece;
		const char *nl = memchr(text.p + n - 1, '\n', text.n - n + 1);
		struct str line;
		int rc;

		n = nl ? (size_t)(nl + 1 - text.p) : text.n;
		window_look(r, b, (struct str){ text.p, n });
		do {
			struct err err = { 0 };

			rc = window_count(win, b, &line, &lines, &err);
			at += lines;
			if (rc == WINDOW_ODD && line.n)
				give(win, line, at, 1);
			else if (rc < 0)
				buf_printf(&refused[1], "%ld:%ld: %d %s\n", at, err.col, rc, err.text);
			at++;
		} while (rc != WINDOW_END);
		at--;
		text.p += n;
		text.n -= n;
	}
	window_reader_free(r);
	window_batch_free(b);
}

static void
must_be_same(const struct buf *a, const struct buf *b)
{
	if (!str_eq(buf_get(a), buf_get(b)))
		abort();
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	int kind = size < 3 ? 0 : data[0] + 256 * (data[1] & 1);
	struct str text = { (const char *)data + 3, size < 3 ? 0 : size - 3 };
	struct window *win[2] = { window_of(kind, 0), window_of(kind, 1) };
	struct buf saved[2] = { { 0 } };
	struct err err = { 0 };

	time_set_now(1764000000000);
	one_by_one(win[0], text);
	looked_at(win[1], text, size < 3 ? 1 : 1 + data[2]);
	for (int i = 0; i < 2; i++) {
		window_save(win[i], &saved[i]);
		if (window_finish(win[i], &err))
			abort();
	}
	must_be_same(&saved[0], &saved[1]);
	must_be_same(&refused[0], &refused[1]);
	must_be_same(&late[0].buf, &late[1].buf);
	must_be_same(&out[0].buf, &out[1].buf);
	if (window_counts(win[0]).rows != window_counts(win[1]).rows)
		abort();
	for (int i = 0; i < 2; i++) {
		window_free(win[i]);
		buf_release(&saved[i]);
		buf_clear(&refused[i]);
		buf_clear(&late[i].buf);
		buf_clear(&out[i].buf);
	}
	return 0;
}
