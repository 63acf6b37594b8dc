#include "event/rows.h"

#include <unistd.h>

#include "base/cmd.h"
#include "base/in.h"
#include "base/out.h"

struct reading {
	struct rows *rows;
	struct err *err;
	int failed;             /* what the wait hook failed with */
};

/* Before a read that would block: everything that is due goes out. */
static int
on_wait(void *self)
{
	struct reading *now = self;
	int ms = -1;

	if (now->rows->wait && (ms = now->rows->wait(now->rows->self, now->err)) < -1) {
		now->failed = now->err->code ? now->err->code : ms;
		return 0;
	}
	out_flush(out_stdout());
	if (now->rows->rejects.to)
		out_flush(now->rows->rejects.to);
	return ms;
}

static int
is_blank_row(struct str row)
{
	for (size_t i = 0; i < row.n; i++)
		if (row.p[i] != ' ' && row.p[i] != '\t' && row.p[i] != '\r')
			return 0;
	return 1;
}

/* A fault of one row, after which the rest may be read? */
static int
is_rows_fault(int rc)
{
	return rc == ERR_INPUT || rc == ERR_LIMIT;
}

static int
read_file(struct rows *r, const char *path, struct err *err)
{
	struct reading now = { r, err, 0 };
	struct in *in = in_open(path, err);
	int rc = 0, unreadable = !in;

	r->file = strcmp(path, "-") ? path : "stdin";
	r->line = 0;
	if (in)
		in_on_wait(in, on_wait, &now);
	while (!unreadable && !rc && !now.failed && !cmd_stopping() && !out_stdout()->failed) {
		struct str row = STR("");
		int got;

		if ((got = in_line(in, &row, err)) == IN_END)
			break;
		r->line = in_lineno(in);
		if (got == IN_LINE && !is_blank_row(row))
			rc = r->row(r->self, row, err);
		else if (is_rows_fault(got))
			rc = got;
		else
			unreadable = got < 0;
		if (rc < 0 && is_rows_fault(rc)) {
			reject_row(&r->rejects, r->file, r->line, row, err);
			err_clear(err);
		}
		if (rc > 0 || is_rows_fault(rc))
			rc = 0;
	}
	if (unreadable) {
		cmd_fail(err);
		err_clear(err);
	}
	in_close(in);
	return now.failed ? now.failed : rc;
}

int
rows_read(struct rows *r, char **files, struct err *err)
{
	static char *const standard[] = { "-", NULL };
	char *const *file = files && *files ? files : standard;
	int rc = 0;

	if (file == standard && isatty(0) && !cmd_settings()->quiet)
		cmd_say("reading rows from the terminal, end with Ctrl-D; --help tells more");
	for (; *file && rc == 0 && !cmd_stopping() && !out_stdout()->failed; file++)
		rc = read_file(r, *file, err);
	if (r->rejects.to)
		out_flush(r->rejects.to);
	return rc;
}
