/* Rows as they come: what is drawn follows from them. */
#include "at-dash.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "base/cmd.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/time.h"
#include "base/width.h"
#include "dash/prompt.h"
#include "dash/screen.h"
#include "event/rows.h"

#define FRAME_NS  50000000LL            /* between two pictures */
#define KEYS_MS   50                    /* between two looks at the keys */

enum asking { NOTHING, FILTER, RANGE, FILE_NAME };

struct job {
	const struct rows_spec *spec;
	struct board *board;
	struct rows rows;
	struct buf picture;
	struct buf filter, range;       /* that hold */
	enum asking asking;
	struct prompt prompt;           /* of what is asked */
	struct buf message;
	int helps, is_other;            /* is_other: another picture is wanted, be it held or not */
	long count;
	long rejected;                  /* as the status line says it */
	int is_live, is_paused, is_new, is_at_end, from;
	const void *part;               /* of the picture that the keys are at; NULL: none */
	int from_all;                   /* `from` of all of them, while it is alone */
	int is_alone, follows;          /* it alone is shown; the picture is moved to where it is seen */
	int64_t drawn_ns;
	int is_plain;                   /* live, without the screen: sentences, then those that changed */
	struct buf said;
};

#define SAID_NS 5000000000LL            /* between two times that what changed is said */

/* The lines that were not there the last time. */
static void
say(struct job *job)
{
	struct str rest, line;

	buf_clear(&job->picture);
	board_draw(job->board, 0, 0, &job->picture);
	for (rest = buf_get(&job->picture); rest.n && str_cut(&rest, '\n', &line); )
		if (line.n && !(job->said.n && memmem(job->said.p, job->said.n, line.p, line.n + 1))) {
			buf_str(&out_stdout()->buf, line);
			buf_byte(&out_stdout()->buf, '\n');
		}
	buf_clear(&job->said);
	buf_str(&job->said, buf_get(&job->picture));
	job->drawn_ns = time_mono_ns();
	job->is_new = 0;
	out_flush(out_stdout());
}

static const char help[] =
	"  up, down, j k       scroll\n"
	"  page up, page down  by a screen\n"
	"  g G, home, end      to the top, to the last line\n"
	"  left, right, h l    to the part before, to the next one; tab, shift tab too\n"
	"  enter, escape       that part alone, and back; a double click too\n"
	"  /                   only series, events and alerts with a text; an empty one: all\n"
	"  t                   only of a range: 15m before the newest row, 2026-11-01/2026-11-08; tab offers some, empty: all\n"
	"  [ ]                 back and forth in time; ] at the end goes on with what comes\n"
	"  space               hold the picture, rows are taken all the while; and go on\n"
	"  e                   write it to a file: .txt .svg .html .json .csv\n"
	"  q                   leave\n";

static void
put_status(struct job *job, int width, struct buf *to)
{
	struct buf line = {0};

	buf_printf(&line, " %ld rows", job->count);
	if (job->rows.rejects.count)
		buf_printf(&line, ", %ld rejected", job->rows.rejects.count);
	buf_printf(&line, "%s%s%s", board_is_back(job->board) ? ", at an earlier time" : "", job->is_paused ? ", paused" : "", job->is_at_end ? ", the input is at its end" : "");
	prompt_put_state(&line, &job->message, &job->range, &job->filter, width >= 72 ? "? help  q quit  space pause  / filter  t range  e write" : "? help  q quit");
	width_put(to, buf_get(&line), width, 0, 1);
	buf_release(&line);
}

/* The text from a line on, in front of another. */
static struct str
lines_of(struct str text, int from, int end)
{
	struct str line;
	const char *begin = text.p;

	for (int n = 0; n < end && text.n && str_cut(&text, '\n', &line); n++)
		if (n + 1 == from)
			begin = text.p;
	return (struct str){ begin, (size_t)(text.p - begin) };
}

/* So that the part that was gone to is seen, its top first. */
static void
follow(struct job *job, int line, int end, int height)
{
	if (line >= 0 && end > job->from + height)
		job->from = end - height;
	if (line >= 0 && line < job->from)
		job->from = line;
	job->follows = 0;
}

static void
draw(struct job *job)
{
	struct buf status = {0};
	struct str shown;
	int width, height, lines = 0, cursor = -1, line, end;

	screen_size(&width, &height);
	if (!job->is_paused || job->is_other) {
		buf_clear(&job->picture);
		board_draw(job->board, width, 0, &job->picture);
	}
	shown = buf_get(&job->picture);
	line = board_part_line(job->board, job->part, &end);
	if (line >= 0 && job->is_alone)
		shown = lines_of(shown, line, end), line = 0;
	else
		job->is_alone = 0;
	for (size_t i = 0; i < shown.n; i++)
		lines += shown.p[i] == '\n';
	if (job->follows && !job->is_alone)
		follow(job, line, end, height > 1 ? height - 1 : 1);
	if (job->from > lines - 1)      /* no further than to its last line */
		job->from = lines > 1 ? lines - 1 : 0;
	if (job->asking)
		cursor = prompt_put(&job->prompt, width, &status);
	else
		put_status(job, width, &status);
	if (job->helps) {
		struct canvas keys;

		prompt_help(&keys, width, height > 1 ? height - 1 : 1, job->spec->board.ascii || screen_is_ascii(), help);
		screen_draw(&keys, 0, buf_get(&status), cursor);
		canvas_release(&keys);
	} else {
		screen_show(shown, job->from, line, buf_get(&status), cursor);
	}
	job->drawn_ns = time_mono_ns();
	job->rejected = job->rows.rejects.count;
	job->is_new = job->is_other = 0;
	buf_release(&status);
}

/* ---- what keys ask for */

static void
message(struct job *job, const char *text, const char *more)
{
	buf_clear(&job->message);
	buf_lit(&job->message, text);
	buf_lit(&job->message, more);
}

static void
export(struct job *job, const char *path)
{
	struct err err = {0};
	const struct render_format *format = render_find(path, &err);
	struct rendering r = job->spec->rendering;
	struct buf text = {0};
	int height;

	screen_size(&r.width, &height);
	if (format && board_render(job->board, format, &r, &text, &err) == 0)
		write_file(path, &text, &err);
	message(job, err.code ? err.text : "written to ", err.code ? "" : path);
	buf_release(&text);
}

static void
begin_asking(struct job *job, enum asking what)
{
	static const char *const labels[] = { NULL, "filter", "range", "write to" };

	job->asking = what;
	prompt_begin(&job->prompt, labels[what], what == FILTER ? buf_get(&job->filter) : what == RANGE ? buf_get(&job->range) : STR("rows.html"),
	    what == RANGE ? prompt_ranges : NULL);
}

/* Taken as the answer to what was asked. */
static void
end_asking(struct job *job)
{
	struct str text = str_trim(buf_get(&job->prompt.typed));
	struct buf *to_set = job->asking == RANGE ? &job->range : &job->filter;
	struct err err = {0};

	if (job->asking == FILE_NAME && text.n) {
		char *path = mem_dup(text.p, text.n);

		export(job, path);
		free(path);
	} else if (job->asking != FILE_NAME) {
		if (board_show(job->board, job->asking == FILTER ? text : buf_get(&job->filter), job->asking == RANGE ? text : buf_get(&job->range), &err) < 0) {
			message(job, err.text, "");
		} else {
			buf_clear(to_set);
			buf_str(to_set, text);
			job->is_other = 1;
		}
	}
	job->asking = NOTHING;
}

static void
go(struct job *job, int by)
{
	job->part = board_part_next(job->board, job->part, by);
	if (job->is_alone)
		job->from = 0;
	job->follows = 1;
}

/* The part alone, and all of them again, where they were. */
static void
alone(struct job *job, int is_alone)
{
	int line, end;

	if (is_alone && !job->part)
		job->part = board_part_at(job->board, job->from);
	line = board_part_line(job->board, job->part, &end);
	if (is_alone == job->is_alone || line < 0)
		return;
	job->is_alone = is_alone;
	if (is_alone)
		job->from_all = job->from;
	job->from = is_alone ? 0 : job->from_all;
	job->follows = 1;
}

static void
click(struct job *job, int opens)
{
	const void *part;
	int x, y;

	screen_mouse(&x, &y);
	if (!job->is_alone && (part = board_part_at(job->board, y + job->from)))
		job->part = part;
	if (opens)
		alone(job, !job->is_alone);
}

static void
press(struct job *job, int key, int height)
{
	buf_clear(&job->message);
	switch (key) {
	case ' ':
		job->is_paused = !job->is_paused;
		break;
	case SCREEN_UP: case SCREEN_WHEEL_UP: case 'k':
		job->from -= job->from > 0;
		break;
	case SCREEN_DOWN: case SCREEN_WHEEL_DOWN: case 'j':
		job->from += job->from < INT_MAX;
		break;
	case SCREEN_PAGE_UP:
		job->from = job->from > height - 2 ? job->from - (height - 2) : 0;
		break;
	case SCREEN_PAGE_DOWN:
		job->from += job->from < INT_MAX - height ? height - 2 : 0;
		break;
	case SCREEN_HOME: case 'g':
		job->from = 0;
		break;
	case SCREEN_END: case 'G':
		job->from = INT_MAX;
		break;
	case '?':
		job->helps = !job->helps;
		break;
	case SCREEN_ESCAPE:
		alone(job, 0);
		job->helps = 0;
		break;
	case SCREEN_ENTER:
		alone(job, job->helps ? job->is_alone : !job->is_alone);
		job->helps = 0;
		break;
	case SCREEN_LEFT: case SCREEN_BACK_TAB: case 'h': go(job, -1); break;
	case SCREEN_RIGHT: case SCREEN_TAB: case 'l': go(job, 1); break;
	case SCREEN_CLICK: click(job, 0); break;
	case SCREEN_DOUBLE_CLICK: click(job, 1); break;
	case '[': case ']':
		board_scrub(job->board, key == '[' ? -1 : 1);
		job->is_other = 1;
		break;
	case SCREEN_RESIZED:
		job->is_other = 1;
		break;
	case '/': begin_asking(job, FILTER); break;
	case 't': begin_asking(job, RANGE); break;
	case 'e': begin_asking(job, FILE_NAME); break;
	}
}

static void
keys(struct job *job)
{
	int key, width, height;

	screen_size(&width, &height);
	while ((key = screen_key()) != SCREEN_NONE) {
		job->is_new = 1;
		if (job->asking && key != SCREEN_RESIZED) {
			if (prompt_key(&job->prompt, key))
				end_asking(job);
			else if (!job->prompt.label)
				job->asking = NOTHING;
		} else if (key == 'q') {
			raise(SIGTERM);
			return;
		} else {
			press(job, key, height);
		}
	}
}

static int
take(void *self, struct str row, struct err *err)
{
	struct job *job = self;
	int rc = board_row(job->board, row, err);

	if (rc == 0)
		job->count++, job->is_new = 1;
	if (rc == 0 && job->is_plain && time_mono_ns() - job->drawn_ns >= SAID_NS)
		say(job);
	if (job->is_live && time_mono_ns() - job->drawn_ns >= FRAME_NS) {
		keys(job);
		draw(job);
	}
	return rc;
}

static int
silence(void *self, struct err *err)
{
	struct job *job = self;
	const int64_t left = SAID_NS - (time_mono_ns() - job->drawn_ns);

	(void)err;
	if (job->is_plain && job->is_new && left > 0)
		return (int)(left / 1000000) + 1;
	if (job->is_plain && job->is_new)
		say(job);
	if (!job->is_live)
		return -1;
	keys(job);
	if (job->is_new || job->rejected != job->rows.rejects.count)
		draw(job);
	return KEYS_MS;
}

/* The picture stays until it is left. */
static void
stay(struct job *job)
{
	job->is_at_end = 1;
	draw(job);
	while (!cmd_stopping()) {
		poll(NULL, 0, KEYS_MS);
		keys(job);
		if (job->is_new && !cmd_stopping())
			draw(job);
	}
}

int
rows_run(const struct rows_spec *spec, char **files, struct err *err)
{
	struct job job = { .spec = spec, .rows = { .row = take, .wait = silence, .self = &job }, .is_live = spec->is_live && !spec->board.plain,
		.is_plain = spec->is_live && spec->board.plain };
	struct board_spec board = spec->board;
	const struct render_format *format = spec->file ? render_find(spec->file, err) : &render_formats[0];

	board.ascii |= spec->is_live && screen_is_ascii();
	job.board = board_new(&board);
	buf_str(&job.filter, spec->filter), buf_str(&job.range, spec->range);
	if (!format || board_show(job.board, spec->filter, spec->range, err) < 0) {
		;                               /* it is said */
	} else if (job.is_plain) {
		if (rows_read(&job.rows, files, err) == 0)
			say(&job);
	} else if (!job.is_live || screen_open(cmd_settings()->color, err) == 0) {
		if (job.is_live)
			draw(&job);
		if (rows_read(&job.rows, files, err) == 0 && job.is_live && !cmd_stopping())
			stay(&job);
		else if (!job.is_live && board_render(job.board, format, &spec->rendering, &job.picture, err) == 0)
			write_file(spec->file ? spec->file : "-", &job.picture, err);
	}
	screen_close();
	reject_close(&job.rows.rejects);
	board_free(job.board);
	buf_release(&job.picture), buf_release(&job.said), buf_release(&job.filter), buf_release(&job.range), buf_release(&job.message);
	prompt_release(&job.prompt);
	return err->code;
}
