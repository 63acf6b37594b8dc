/* Any text as rows for a window, and as windows saved by an earlier run. Rows are refused or counted, and what comes out is
 * JSON; saved windows are refused or go on, and saved again they are read again, as the same. */
#include <fcntl.h>
#include <stdlib.h>

#include "json/json.h"
#include "window/window.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

/* Where rows go: into memory, until it is looked at. */
static struct out sink = { .fd = -1, .name = "sink" };

static struct window *
window_of(int kind)
{
	static const char *const spans[] = { "1m", "5m/1m", "session:1m", "count:2", "all" };
	static const char aggregates[] = "count,sum(v),avg(v),var(v),min(v),max(v),p50(v),distinct(v),topk(v,2),first(v),last(v),rate,x=max(w)";
	struct window_spec spec = { .span = spans[kind % 5], .by = kind & 8 ? "k,v" : "", .aggregates = kind & 16 ? aggregates : NULL,
		.states = !!(kind & 32), .lateness_ms = 1000, .updates_ms = kind & 64 ? 60000 : 0, .out = &sink };
	struct err err = { 0 };
	struct window *win = window_new(&spec, &err);

	if (!win)
		abort();
	return win;
}

static void
check_rows(void)
{
	struct str rest = buf_get(&sink.buf), row;
	struct err err = { 0 };

	while (rest.n && str_cut(&rest, '\n', &row) && row.n)
		if (json_check(row, &err))
			abort();
	buf_clear(&sink.buf);
}

static void
as_saved(int kind, struct str text)
{
	struct window *win = window_of(kind), *again;
	struct buf whole = { 0 }, one = { 0 }, two = { 0 };
	struct err err = { 0 };

	/* the first line is what the window was opened with: it is ours, else nothing would ever be read */
	window_save(win, &whole);
	whole.n = (size_t)((char *)memchr(whole.p, '\n', whole.n) + 1 - whole.p);
	buf_str(&whole, text);
	if (window_load(win, buf_get(&whole), &err) == 0) {
		window_save(win, &one);
		again = window_of(kind);
		if (window_load(again, buf_get(&one), &err))
			abort();
		window_save(again, &two);
		if (one.n != two.n)
			abort();
		if (window_finish(again, &err))
			abort();
		check_rows();
		window_free(again);
	}
	window_free(win);
	buf_release(&whole), buf_release(&one), buf_release(&two);
}

static void
as_rows(int kind, struct str text)
{
	struct window *win = window_of(kind);
	struct str row;

	while (str_cut(&text, '\n', &row)) {
		struct err err = { 0 };

		if (row.n && window_row(win, row, &err) && err.code != ERR_INPUT && err.code != ERR_LIMIT)
			abort();
	}
	if (window_finish(win, &(struct err){ 0 }))
		abort();
	check_rows();
	window_free(win);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str text = { (const char *)data + 1, size - 1 };

	if (!size)
		return 0;
	if (size > 1 && data[0] & 128)
		as_saved(data[0], text);
	else
		as_rows(data[0], text);
	return 0;
}
