/* sink.h - where events end: the store, stdout, or both; committed in groups.
 *
 *      reading ──► batch ──► queue ──► a thread of its own: gather … ──► chunks, packed by others ──► begin, put, place, commit
 *                                                       └── or, of what needs a transaction: begin, add …, place, commit ──► rows on stdout
 *
 * Events are copied into a batch; a batch is handed over when it is full (1 MiB), or when the oldest event in it has waited
 * GROUP_MS, only between input rows. The thread gathers batches until they fill a chunk, their oldest row has waited as long, or
 * the input is idle; chunks are committed when they are packed, a few milliseconds each time. With each batch goes the place in
 * the input behind its last row; it is committed with its rows. Where ids are looked up (dedupe), rows are passed on, or there
 * are metric samples, batches go into one transaction for as long. A row on stdout is one that is stored: it is written after
 * the commit. Without a store everything happens in the caller's thread at once.
 */
#ifndef INGEST_SINK_H
#define INGEST_SINK_H

#include "event/event.h"
#include "store/store.h"

#define SINK_GROUP_MS 150                       /* with the commit itself: at the latest 200 ms after a row came, as long as the processors keep up */

struct sink;

struct sink_spec {
	struct store *store;    /* NULL: nothing is stored */
	int tee;                /* write events to stdout */
	int64_t dedupe_ms;      /* drop ids seen within so long; -1: none */
	struct str name;        /* --resume: the state that keeps the place; p NULL: none */
	struct str kept;        /* and what it holds now: when it is another at a commit, somebody else goes on under the name */
	void (*place)(void *self, struct buf *);        /* append the place in the input behind the last row */
	void *self;
};

struct sink *sink_new(const struct sink_spec *, struct err *);

/* Add one event; copied. canonical: what event_put would write of it; p NULL when that is not known. */
void sink_add(struct sink *, const struct event *, struct str canonical);

/* Metric samples: the number of a series, and a sample of it. When there are too many series the numbers begin anew, at a
 * row's end: then sink_series_age is another. `row` is the text that -t passes on. Only with a store. */
uint32_t sink_series(struct sink *, const struct store_sample *);
unsigned sink_series_age(const struct sink *);
void sink_add_sample(struct sink *, uint32_t series, int64_t time, double value);
void sink_add_row(struct sink *, struct str row);       /* its samples are added: it counts, and goes out; also without a store */

/* Without a store and without dedupe: n events in canonical form, a line each, ready to go out. Their bytes are never written again
 * if out_pays says so. */
void sink_pass(struct sink *, struct str lines, long n);

/* An input row is done, with or without events. Hands over when it is time to. 0, or what the store failed with. */
int sink_row_end(struct sink *, struct err *);

/* The input has nothing to read: hand over what is due. Returns ms until it wants to be called again, -1 for never, < -1
 * for an error. */
int sink_idle(struct sink *, struct err *);

/* Everything is handed over, committed and written. Then the figures are final. */
int sink_finish(struct sink *, struct err *);
long sink_stored(const struct sink *);          /* committed; without a store: passed on */
long sink_duplicates(const struct sink *);
void sink_free(struct sink *);                  /* what was not finished is abandoned */

#endif
