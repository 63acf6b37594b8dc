/* rows.h - how every filter reads its rows: FILEs or stdin, line by line, bad ones rejected, never held up.
 *
 * What waits in stdout goes out before a read that would block. A file that cannot be read is said and passed over.
 */
#ifndef EVENT_ROWS_H
#define EVENT_ROWS_H

#include "base/err.h"
#include "base/str.h"
#include "event/reject.h"

struct rows {
	/* One row: not empty, without its newline; lasts until it returns. ERR_INPUT and ERR_LIMIT reject the row and go on;
	 * any other error ends the reading. */
	int (*row)(void *self, struct str row, struct err *);
	/* May be NULL. Called before a read that would block, after that with the time: what is due (idle windows, deadlines)
	 * may be written. Returns ms until it wants to be called again though nothing came, -1 for never, < -1 for an error. */
	int (*wait)(void *self, struct err *);
	void *self;
	struct rejects rejects;
	const char *file;       /* of the row at hand, for messages: set by rows_read */
	long line;
};

/* Read all. 0 at the end of the input or after SIGINT/SIGTERM, else the error that ended it. */
int rows_read(struct rows *, char **files, struct err *);

#endif
