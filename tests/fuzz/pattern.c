/* Any text as a pattern, as rows for one, and as what one saved: refused or taken, never a crash, and what comes out is JSON. What is
 * saved is read again, as the same. */
#include <stdlib.h>

#include "json/json.h"
#include "pattern/pattern.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static struct out sink = { .fd = -1, .name = "sink" };

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

/* The first line is the pattern (without conditions: those are the expressions' own target), the second a state, the rest rows. */
int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str rest = { (const char *)data, size }, line;
	struct buf text = {0}, saved = {0}, again = {0};
	struct err err = { 0 };
	struct pattern *p, *other;

	str_cut(&rest, '\n', &line);
	for (size_t i = 0; i < line.n; i++)
		buf_byte(&text, line.p[i] == '[' || !line.p[i] ? ' ' : line.p[i]);
	p = pattern_new(&(struct pattern_spec){ .text = buf_text(&text), .name = "m", .timeouts = 1, .late_ms = size & 1 ? 1000 : 0, .memory = 1 << 16 }, &sink, &err);
	if (p) {
		if (str_cut(&rest, '\n', &line) && line.n && pattern_load(p, line, &err)) {
			pattern_free(p);
			goto out;
		}
		while (rest.n && str_cut(&rest, '\n', &line)) {
			err_clear(&err);
			pattern_row(p, line, &err);
		}
		check_rows();
		pattern_save(p, &saved);
		err_clear(&err);
		other = pattern_new(&(struct pattern_spec){ .text = buf_text(&text), .name = "m" }, &sink, &err);
		if (!other || pattern_load(other, buf_get(&saved), &err))
			abort();
		pattern_save(other, &again);
		if (again.n != saved.n)
			abort();
		pattern_free(other);
		err_clear(&err);
		pattern_finish(p, &err);
		check_rows();
		pattern_free(p);
	}
out:
	buf_release(&text);
	buf_release(&saved);
	buf_release(&again);
	return 0;
}
