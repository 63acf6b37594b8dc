/* rows.h - how every filter reads its rows: FILEs or stdin, line by line, bad ones rejected, never held up.
 *
 * What waits in stdout goes out before a read that would block. A file that cannot be read is said and passed over.
 *
 * With `look` several threads share the work: the input is cut at row ends into blocks, any thread looks at a block and
 * notes what it can know without the rows before it, and then `use` takes the blocks one by one, in order, in the thread
 * that reads. Small input, and what trickles in, goes row by row in that thread alone. Both ways must come to the same.
 */
#ifndef EVENT_ROWS_H
#define EVENT_ROWS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/in.h"
#include "base/str.h"
#include "event/place.h"
#include "event/reject.h"

/* The row for --lossy in a filter's option table: text that is no UTF-8 is mended (event_put_lossy) before the row is given; `ahead` is not told then.
 * Records of other formats: formats_settings.lossy. */
extern int rows_lossy;
#define ROWS_OPT_LOSSY { 0, "lossy", NULL, "mend text that is no UTF-8 instead of refusing the row", opt_flag, &rows_lossy }

struct rows {
	/* One row: not empty, without its newline; lasts until it returns. ERR_INPUT and ERR_LIMIT reject the row and go on;
	 * any other error ends the reading. */
	int (*row)(void *self, struct str row, struct err *);
	/* May be NULL. A row that will come to `row` after those that were told of before, ROWS_AHEAD at most; its text stays until then. */
#define ROWS_AHEAD 16
	void (*ahead)(void *self, struct str row);
	/* May be NULL. Called before a read that would block, after that with the time: what is due (idle windows, deadlines)
	 * may be written. Returns ms until it wants to be called again though nothing came, -1 for never, < -1 for an error. */
	int (*wait)(void *self, struct err *);

	/* All or none. A reader for each thread (NULL from reader_new: it cannot be done by several after all), a batch for each
	 * block in flight. look: does not touch `self`, and may run in several threads. use: what `row` would do for each line
	 * of the block, which is told to one of the three below. */
	void *(*reader_new)(void *self);
	void (*reader_free)(void *reader);
	void *(*batch_new)(void *self);
	void (*batch_free)(void *batch);
	void (*look)(void *reader, void *batch, struct str block);
	int (*use)(void *self, void *batch, struct rows *, struct err *);

	/* May be NULL. Asked for each file, before anything is read of it: 1, all was read, by the same rules, as it is of another
	 * form than rows; 0, nothing was taken; < 0 ends the reading. What the file itself failed with is said by it. */
	int (*other)(void *self, struct rows *, struct in *, struct err *);

	/* May be NULL; not with `look`. How far the input was read: what was read of it by a run before is passed over. */
	struct place *place;

	void *self;
	struct rejects rejects;
	const char *file;       /* of the row at hand, for messages: set by rows_read */
	long line;
	int failed;             /* what the wait hook failed with */
	struct buf mended;      /* the row at hand, with --lossy */
};

/* Read all. 0 at the end of the input or after SIGINT/SIGTERM, else the error that ended it. */
int rows_read(struct rows *, char **files, struct err *);

/* Cut the next line, without its "\n" or "\r\n", off the front of a block. 0 at the end. */
int rows_cut(struct str *block, struct str *line);

/* A signal came, nobody reads stdout any more, or the wait hook failed. */
int rows_over(const struct rows *);

/* The block's next n lines were used. */
static inline void
rows_used(struct rows *r, long n)
{
	r->line += n;
}

/* The next is to go to `row`, unless it is blank. It came of `row` or so. 0, or what ends the reading. */
int rows_give(struct rows *, struct str line, struct err *);
int rows_came(struct rows *, struct str line, int rc, struct err *);

#endif
