#include "source/lines.h"

#include <string.h>

#include "base/task.h"

#define SMALL (64u << 10)       /* bytes of a block that one thread does in less time than it takes to wake another */

struct piece {
	struct in_block block;
	void *batch;
};

struct lines {
	struct in *in;
	const struct format *format;
	const struct lines_use *use;
	void *self;
	void *state;                    /* of the format, which reads the odd lines */
	struct in *odd;                 /* and nothing else: */
	struct str rest;                /* those */
	int odd_end;                    /* there will be no more */
	long line;                      /* lines behind which all is done */
	struct in_block block;          /* read by this thread alone */
	int begun;                      /* the first block was read */
	struct task_queue *queue;       /* NULL until there is enough for it */
	void *worker[TASK_MOST];
	struct piece piece[TASK_SLOTS(TASK_MOST)];
	void *slot[TASK_SLOTS(TASK_MOST)];
};

/* ---- odd lines, the ordinary way */

static int
read_odd(void *self, char *to, size_t n, size_t *got, struct err *err)
{
	struct lines *l = self;

	(void)err;
	if (!l->rest.n)
		return l->odd_end ? IN_END : IN_IDLE;
	*got = l->rest.n < n ? l->rest.n : n;
	memcpy(to, l->rest.p, *got);
	l->rest.p += *got;
	l->rest.n -= *got;
	return IN_LINE;
}

/* One record. IN_LINE, IN_IDLE, IN_END, or < 0, which ends the reading. */
static int
step(struct lines *l, long before, struct err *fault, struct err *err)
{
	struct record record = { .input = STR("") };
	int got = l->format->next(l->state, &record, err), rc;

	if (got == IN_END || got == IN_IDLE)
		return got;
	if (got < 0 && got != ERR_INPUT && got != ERR_LIMIT) {
		*fault = *err;
		err_clear(err);
		return IN_END;
	}
	record.line += before;
	rc = l->use->record(l->self, &record, got, err);
	return rc < 0 ? rc : IN_LINE;
}

#define NO_MORE 1               /* the format will have no record more */

/* 0, NO_MORE, < 0. */
static int
take_odd(struct lines *l, struct str text, struct err *fault, struct err *err)
{
	long before = in_lineno(l->odd);
	int rc;

	l->rest = text;
	do
		rc = l->use->is_over(l->self) ? IN_END : step(l, l->line - before, fault, err);
	while (rc == IN_LINE || (rc == IN_IDLE && l->rest.n));
	l->line += in_lineno(l->odd) - before;
	return rc == IN_IDLE ? 0 : rc == IN_END ? NO_MORE : rc;
}

/* ---- blocks */

static void
look(void *self, int thread, void *slot)
{
	struct lines *l = self;
	struct piece *piece = slot;

	l->use->look(l->worker[thread], piece->batch, piece->block.text);
}

/* The block's turn has come. */
static int
use_piece(struct lines *l, struct piece *piece, struct err *fault, struct err *err)
{
	struct str text;
	size_t odd;
	int rc;

	if (l->format->inside(l->state))        /* what it begins with belongs to a record that began before */
		return take_odd(l, piece->block.text, fault, err);
	while (!l->use->is_over(l->self)) {
		if ((rc = l->use->use(l->self, piece->batch, &l->line, &text, &odd, err)) != LINES_ODD)
			return rc;
		if ((rc = take_odd(l, (struct str){ text.p, odd }, fault, err)))
			return rc;
		if (l->format->inside(l->state))
			return take_odd(l, (struct str){ text.p + odd, text.n - odd }, fault, err);
	}
	return 0;
}

static int
use_done(struct lines *l, struct err *fault, struct err *err)
{
	struct piece *piece;
	int rc = 0;

	while (!rc && l->queue && (piece = task_done(l->queue))) {
		rc = use_piece(l, piece, fault, err);
		task_back(l->queue);
		if (l->use->rest)
			l->use->rest(l->self);
	}
	return rc;
}

static int
use_all(struct lines *l, struct err *fault, struct err *err)
{
	int rc = use_done(l, fault, err);

	while (!rc && l->queue && task_flying(l->queue)) {
		task_help(l->queue);
		rc = use_done(l, fault, err);
	}
	return rc;
}

/* The input turned out to be large. */
static void
begin_threads(struct lines *l)
{
	int threads = task_threads(), slots = TASK_SLOTS(threads);

	if (threads == 1)
		return;
	for (int i = 0; i < threads; i++)
		if (!(l->worker[i] = l->use->worker_new(l->self, l->state)))
			return;
	for (int i = 0; i < slots; i++) {
		l->piece[i].batch = l->use->batch_new();
		l->slot[i] = &l->piece[i];
	}
	l->queue = task_queue_new(threads, l->slot, slots, look, l);
}

static void
end_threads(struct lines *l)
{
	task_queue_free(l->queue);
	for (int i = 0; i < TASK_MOST; i++)
		if (l->worker[i])
			l->use->worker_free(l->worker[i]);
	for (int i = 0; i < TASK_SLOTS(TASK_MOST); i++) {
		if (l->piece[i].batch)
			l->use->batch_free(l->piece[i].batch);
		in_block_release(&l->piece[i].block);
	}
	in_block_release(&l->block);
}

/* A block was read: into `piece`'s memory, or, NULL, into that of this thread alone. */
static int
take_block(struct lines *l, struct piece *piece, struct err *fault, struct err *err)
{
	struct in_block other;

	if (!piece && l->begun && l->block.text.n >= SMALL) {
		if (!l->queue && !l->worker[0])
			begin_threads(l);
		if (l->queue) {                 /* nothing is in flight */
			piece = task_slot(l->queue);
			other = piece->block;
			piece->block = l->block;
			l->block = other;
		}
	}
	l->begun = 1;
	if (!piece)
		return take_odd(l, l->block.text, fault, err);
	task_give(l->queue);
	return 0;
}

/* A line too long for any format, which then forgets the record that it is in, as when it meets such a line itself. */
static int
lose_line(struct lines *l, struct err *fault, struct err *err)
{
	struct record record = { .input = STR(""), .line = ++l->line };

	l->format->forget(l->state);
	*err = *fault;
	err_clear(fault);
	return l->use->record(l->self, &record, ERR_LIMIT, err);
}

static int
read_blocks(struct lines *l, struct err *fault, struct err *err)
{
	int rc = 0, got = IN_LINE;

	while (!rc && got != IN_END && !l->use->is_over(l->self)) {
		struct piece *piece = NULL;
		int flying = l->queue && task_flying(l->queue);

		if (!flying)
			got = in_block(l->in, &l->block, 1, fault);
		else if ((piece = task_slot(l->queue)))
			got = in_block(l->in, &piece->block, 0, fault);
		else
			got = IN_IDLE;
		if (got == IN_LINE)
			rc = take_block(l, piece, fault, err);
		else if (got < 0 && !(rc = use_all(l, fault, err))) {
			if (got != ERR_LIMIT)
				return 0;
			rc = lose_line(l, fault, err);
		}
		if (!rc)
			rc = use_done(l, fault, err);
		if (!rc && got == IN_IDLE && flying)
			task_help(l->queue);
	}
	if (!rc)
		rc = use_all(l, fault, err);
	return rc;
}

int
lines_read(struct in *in, const struct format *format, const struct lines_use *use, void *self, struct err *fault, struct err *err)
{
	struct lines l = { .in = in, .format = format, .use = use, .self = self };
	int rc = 0;

	l.odd = in_open_read(read_odd, &l, in_name(in));
	if ((l.state = format->open(l.odd, fault))) {
		if ((rc = read_blocks(&l, fault, err)) == 0 && !fault->code) {
			l.odd_end = 1;
			rc = take_odd(&l, STR(""), fault, err);
		}
	}
	end_threads(&l);
	if (l.state)
		format->close(l.state);
	in_close(l.odd);
	return rc < 0 ? rc : 0;
}
