/* ahead.h - lines made into events by any thread, before their turn: for filters that store nothing.
 *
 * A worker does the ordinary lines of a block: format, event, canonical form. All others - wrong ones, records of several
 * lines, what --lossy mends, metric rows - are odd: they are left, with their place, to the thread that reads, so that
 * nothing is decided in two places.
 *
 *      block   line line ODD line line …       batch   rows of 2 lines, odd, rows of 2 lines …
 */
#ifndef INGEST_AHEAD_H
#define INGEST_AHEAD_H

#include "event/event.h"
#include "formats/formats.h"

/* One a thread. `state`: of the format, opened and with records read; `name`: of events that have none. NULL: it cannot be. */
struct ahead;
struct ahead *ahead_new(const struct format *, void *state, struct str name);
void ahead_free(struct ahead *);

/* One a block. in_pages: its rows are never written again (base/pages.h) once they were given. */
struct ahead_batch;
struct ahead_batch *ahead_batch_new(int in_pages);
void ahead_batch_free(struct ahead_batch *);

/* Do what can be done of the lines of a block, which must stay until the batch was used. */
void ahead_look(struct ahead *, struct ahead_batch *, struct str block);

/* What came of it, in order: AHEAD_ROWS: *n lines are these rows. AHEAD_ODD: *text is from the next line, which is odd, to
 * the end of the block; *odd bytes of it are odd, *n lines or (at the end of the block) more. AHEAD_END. */
enum ahead_what { AHEAD_END, AHEAD_ROWS, AHEAD_ODD };
enum ahead_what ahead_next(struct ahead_batch *, struct str *text, size_t *odd, long *n);

#endif
