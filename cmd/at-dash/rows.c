/* Rows as they come: what is drawn follows from them. */
#include "at-dash.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "base/cmd.h"
#include "base/out.h"
#include "base/time.h"
#include "base/width.h"
#include "dash/screen.h"
#include "event/rows.h"

#define FRAME_NS  50000000LL            /* between two pictures */
#define KEYS_MS   50                    /* between two looks at the keys */

struct job {
	struct board *board;
	struct rows rows;
	struct buf picture;
	long count;
	long rejected;                  /* as the status line says it */
	int is_live, is_paused, is_new, is_at_end, from;
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

static void
draw(struct job *job)
{
	struct buf status = {0}, line = {0};
	int width, height, lines = 0;

	screen_size(&width, &height);
	if (!job->is_paused) {
		buf_clear(&job->picture);
		board_draw(job->board, width, 0, &job->picture);
	}
	for (size_t i = 0; i < job->picture.n; i++)
		lines += job->picture.p[i] == '\n';
	if (job->from > lines - 1)      /* no further than to its last line */
		job->from = lines > 1 ? lines - 1 : 0;
	buf_printf(&line, " %ld rows", job->count);
	if (job->rows.rejects.count)
		buf_printf(&line, ", %ld rejected", job->rows.rejects.count);
	buf_printf(&line, "%s%s   q quit  space pause  arrows scroll", job->is_paused ? ", paused" : "",
	    job->is_at_end ? ", the input is at its end" : "");
	width_put(&status, buf_get(&line), width, 0, 1);
	screen_show(buf_get(&job->picture), job->from, buf_get(&status));
	job->drawn_ns = time_mono_ns();
	job->rejected = job->rows.rejects.count;
	job->is_new = 0;
	buf_release(&line);
	buf_release(&status);
}

static void
keys(struct job *job)
{
	int key, width, height;

	screen_size(&width, &height);
	while ((key = screen_key()) != SCREEN_NONE) {
		job->is_new = 1;
		switch (key) {
		case 'q':
			raise(SIGTERM);
			return;
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
rows_run(const struct board_spec *given, char **files, int is_live, int width, const char *file, struct err *err)
{
	struct job job = { .rows = { .row = take, .wait = silence, .self = &job }, .is_live = is_live && !given->plain, .is_plain = is_live && given->plain };
	struct board_spec spec = *given;

	spec.ascii |= is_live && screen_is_ascii();
	job.board = board_new(&spec);
	is_live = job.is_live;
	if (job.is_plain) {
		if (rows_read(&job.rows, files, err) == 0)
			say(&job);
	} else if (!is_live || screen_open(cmd_settings()->color, err) == 0) {
		if (is_live)
			draw(&job);
		if (rows_read(&job.rows, files, err) == 0 && is_live && !cmd_stopping())
			stay(&job);
		else if (!is_live) {
			board_draw(job.board, width, 0, &job.picture);
			write_file(file ? file : "-", &job.picture, err);
		}
	}
	screen_close();
	reject_close(&job.rows.rejects);
	board_free(job.board);
	buf_release(&job.picture);
	buf_release(&job.said);
	return err->code;
}
