#include "event/rows.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/task.h"
#include "event/event.h"

#define SMALL (64u << 10)       /* bytes of a block that one thread does in less time than it takes to wake another */

int rows_lossy;

struct piece {
	struct in_block block;
	void *batch;
};

struct reading {
	struct rows *rows;
	struct err *err;
	struct in_block block;  /* read by this thread alone */
	int threads;            /* 0: not asked yet; 1: row by row */
	struct task_queue *queue;       /* NULL until there is enough for it */
	void *reader[TASK_MOST];
	struct piece piece[TASK_SLOTS(TASK_MOST)];
	void *slot[TASK_SLOTS(TASK_MOST)];
};

/* Before a read that would block: everything that is due goes out. */
static int
on_wait(void *self)
{
	struct reading *now = self;
	int ms = -1;

	if (now->rows->wait && (ms = now->rows->wait(now->rows->self, now->err)) < -1) {
		now->rows->failed = now->err->code ? now->err->code : ms;
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

int
rows_over(const struct rows *r)
{
	return r->failed || cmd_stopping() || out_stdout()->failed;
}

/* ---- one row */

/* What came of the row at hand: 0, or what ends the reading. */
static int
settle(struct rows *r, struct str line, int rc, struct err *err)
{
	if (is_rows_fault(rc)) {
		reject_row(&r->rejects, r->file, r->line, line, err);
		err_clear(err);
		return 0;
	}
	return rc < 0 ? rc : 0;
}

int
rows_came(struct rows *r, struct str line, int rc, struct err *err)
{
	r->line++;
	return settle(r, line, rc, err);
}

int
rows_give(struct rows *r, struct str line, struct err *err)
{
	struct str row = line;

	r->line++;
	if (is_blank_row(line))
		return 0;
	if (rows_lossy) {
		buf_clear(&r->mended);
		event_put_lossy(&r->mended, line);
		row = buf_get(&r->mended);
	}
	return settle(r, line, r->row(r->self, row, err), err);
}

int
rows_cut(struct str *block, struct str *line)
{
	const char *nl;
	size_t n;

	if (!block->n)
		return 0;
	nl = memchr(block->p, '\n', block->n);
	n = nl ? (size_t)(nl - block->p) : block->n;
	*line = (struct str){ block->p, n - (nl && n && nl[-1] == '\r') };
	block->p += n + (nl != NULL);
	block->n -= n + (nl != NULL);
	return 1;
}

/* ---- blocks */

static void
look(void *self, int thread, void *slot)
{
	struct reading *now = self;
	struct piece *piece = slot;

	now->rows->look(now->reader[thread], piece->batch, piece->block.text);
}

/* Readers and batches, when the input turns out to be large. */
static void
begin_threads(struct reading *now)
{
	struct rows *r = now->rows;
	int slots;

	now->threads = r->look ? task_threads() : 1;
	for (int i = 0; now->threads > 1 && i < now->threads; i++)
		if (!(now->reader[i] = r->reader_new(r->self)))
			now->threads = 1;
	if (now->threads == 1)
		return;
	slots = TASK_SLOTS(now->threads);
	for (int i = 0; i < slots; i++) {
		now->piece[i].batch = r->batch_new(r->self);
		now->slot[i] = &now->piece[i];
	}
	now->queue = task_queue_new(now->threads, now->slot, slots, look, now);
}

static void
end_threads(struct reading *now)
{
	task_queue_free(now->queue);
	for (int i = 0; i < TASK_MOST; i++)
		if (now->reader[i])
			now->rows->reader_free(now->reader[i]);
	for (int i = 0; i < TASK_SLOTS(TASK_MOST); i++) {
		if (now->piece[i].batch)
			now->rows->batch_free(now->piece[i].batch);
		in_block_release(&now->piece[i].block);
	}
	in_block_release(&now->block);
}

/* What was looked at is used, as far as its turn has come. */
static int
use_done(struct reading *now, struct err *err)
{
	struct piece *piece;
	int rc = 0;

	while (!rc && now->queue && (piece = task_done(now->queue))) {
		rc = now->rows->use(now->rows->self, piece->batch, now->rows, err);
		task_back(now->queue);
	}
	return rc;
}

static int
use_all(struct reading *now, struct err *err)
{
	int rc = use_done(now, err);

	while (!rc && now->queue && task_flying(now->queue)) {
		task_help(now->queue);
		rc = use_done(now, err);
	}
	return rc;
}

/* Lines of a block, those that were cut ahead in a ring. */
struct lines {
	struct str rest;
	struct { struct str line; size_t whole; } ring[ROWS_AHEAD];
	unsigned first, n;
	struct str line;                /* at hand, and its bytes with the end */
	size_t whole;
};

static int
next_line(struct rows *r, struct lines *l)
{
	const int tells = r->ahead && !rows_lossy;

	while (l->n < (tells ? ROWS_AHEAD : 1) && l->rest.n) {
		unsigned at = (l->first + l->n++) % ROWS_AHEAD;
		size_t before = l->rest.n;

		rows_cut(&l->rest, &l->ring[at].line);
		l->ring[at].whole = before - l->rest.n;
		if (tells)
			r->ahead(r->self, l->ring[at].line);
	}
	if (!l->n)
		return 0;
	l->line = l->ring[l->first].line, l->whole = l->ring[l->first].whole;
	l->first = (l->first + 1) % ROWS_AHEAD;
	l->n--;
	return 1;
}

static int
row_by_row(struct reading *now, struct str block, struct err *err)
{
	struct place *place = now->rows->place;
	struct lines lines = { .rest = block };
	long passed;
	int rc = 0;

	if (place && (rc = place_come(place, &lines.rest, &passed, err)) == 0)
		now->rows->line += passed;
	while (!rc && !rows_over(now->rows) && next_line(now->rows, &lines)) {
		if (place)
			place_used(place, lines.line, lines.whole);
		rc = rows_give(now->rows, lines.line, err);
	}
	return rc;
}

/* A block was read: into `piece`'s memory, or, NULL, into that of this thread alone. */
static int
take(struct reading *now, struct piece *piece, struct err *err)
{
	struct in_block other;

	if (!piece && now->block.text.n >= SMALL) {
		if (!now->threads)
			begin_threads(now);
		if (now->queue) {               /* nothing is in flight */
			piece = task_slot(now->queue);
			other = piece->block;
			piece->block = now->block;
			now->block = other;
		}
	}
	if (!piece)
		return row_by_row(now, now->block.text, err);
	task_give(now->queue);
	return 0;
}

/* The next block, read while others are in flight or not. in_block's codes; IN_IDLE too when there was no room for one. */
static int
read_block(struct reading *now, struct in *in, struct piece **piece, struct err *err)
{
	*piece = NULL;
	if (!now->queue || !task_flying(now->queue))
		return in_block(in, &now->block, 1, err);
	if (!(*piece = task_slot(now->queue)))
		return IN_IDLE;
	return in_block(in, &(*piece)->block, 0, err);
}

static int
read_file(struct reading *now, const char *path, struct err *err)
{
	struct rows *r = now->rows;
	struct err fault = { 0 };
	struct in *in = in_open(path, &fault);
	struct piece *piece;
	int rc = 0, got = IN_LINE;

	r->file = strcmp(path, "-") ? path : "stdin";
	r->line = 0;
	if (r->place)
		place_begin(r->place);
	if (in)
		in_on_wait(in, on_wait, now);
	if (in && r->other && (rc = r->other(r->self, r, in, err)) > 0)
		rc = 0, got = IN_END;
	while (in && !rc && !rows_over(r) && got != IN_END) {
		got = read_block(now, in, &piece, &fault);
		if (got == IN_LINE)
			rc = take(now, piece, err);
		else if (got < 0 && !(rc = use_all(now, err))) {
			if (!is_rows_fault(got))
				break;
			rc = rows_came(r, STR(""), got, &fault);
		}
		if (!rc)
			rc = use_done(now, err);
		if (!rc && got == IN_IDLE && now->queue && task_flying(now->queue))
			task_help(now->queue);
	}
	if (!rc)
		rc = use_all(now, err);
	if (!rc && fault.code)
		cmd_fail(&fault);
	in_close(in);
	return r->failed ? r->failed : rc;
}

int
rows_read(struct rows *r, char **files, struct err *err)
{
	static char *const standard[] = { "-", NULL };
	char *const *file = files && *files ? files : standard;
	struct reading now = { .rows = r, .err = err };
	int rc = 0;

	if (out_apart(NULL, NULL, file, err))
		return err->code;
	if (file == standard && isatty(0) && !cmd_settings()->quiet)
		cmd_say("reading rows from the terminal, end with Ctrl-D; --help tells more");
	for (; *file && rc == 0 && !rows_over(r); file++)
		rc = read_file(&now, *file, err);
	if (r->rejects.to)
		out_flush(r->rejects.to);
	if (r->place)
		place_rest(r->place);
	end_threads(&now);
	buf_release(&r->mended);
	return rc;
}
