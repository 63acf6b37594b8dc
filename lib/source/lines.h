/* lines.h - the lines of an input, looked at by several threads before their turn comes.
 *
 * For formats where a line is a record as a rule (format.plain). Blocks of whole lines go to any thread, which notes in a batch
 * what it can know of each line alone; then one thread uses what was noted, in the order of the blocks. All other lines - wrong
 * ones, records of several lines, the first block of the input - are odd: they go to the format as ever, record by record, in
 * that one thread, so that nothing is decided in two places. So does small input, and what trickles in.
 *
 *      block   line line ODD line line …       batch   what 2 lines say, odd, what 2 lines say …
 */
#ifndef SOURCE_LINES_H
#define SOURCE_LINES_H

#include "formats/formats.h"

/* What the caller does with them; self is what lines_read was given. */
struct lines_use {
	/* A worker for each thread, from a state of the format that has read records and outlives it; NULL: it cannot be done by
	 * several after all. A batch for each block in flight. look: the block stays until its batch was used; does not touch self. */
	void *(*worker_new)(void *self, void *state);
	void (*worker_free)(void *worker);
	void *(*batch_new)(void);
	void (*batch_free)(void *batch);
	void (*look)(void *worker, void *batch, struct str block);

	/* Use what was noted of the next lines up to an odd one: LINES_ODD, *text is from there to the end of the block, *odd bytes
	 * of it are odd. LINES_END: all is used. < 0 ends the reading. *line lines came before, and is moved on. */
	int (*use)(void *self, void *batch, long *line, struct str *text, size_t *odd, struct err *);
	/* A record of the format, or one that is bad (got < 0; its line counts from the beginning of the input). 0, or < 0. */
	int (*record)(void *self, struct record *, int got, struct err *);
	int (*is_over)(void *self);     /* 1: nothing more is to be read */
	void (*rest)(void *self);       /* between blocks; may be NULL */
};
enum { LINES_END = 0, LINES_ODD = 1 };

/* Read all. 0 at the end or when it is over, < 0 what `use` or `record` failed with. What the input itself failed with is in
 * *fault. */
int lines_read(struct in *, const struct format *, const struct lines_use *, void *self, struct err *fault, struct err *);

#endif
