/* tail.h - events as compact rows, one behind another: the store's tail and what a transaction has not yet written.
 *
 * A batch is a run of rows; times are kept as differences to the row before, so it is read from its front. Format of a row
 * (varints as in codec/varint.h, "signed" zigzag):
 *
 *      byte    1: has id, 2: has user_id, 4: has session_id
 *      signed  time - time of the row before (first: the time)
 *      signed  received - received of the row before (first: received)
 *      text    name, then id, user_id, session_id as far as they are there, then properties: length and bytes each
 *
 * The seq of a row is the seq of the batch's first row and its place in the batch.
 */
#ifndef STORE_TAIL_H
#define STORE_TAIL_H

#include "base/buf.h"
#include "event/event.h"
#include "store/pack.h"

struct tail_batch {
	size_t at, len, n;              /* bytes in tail_rows.bytes; rows */
};

/* Rows gathered in memory, cut into batches. Zero-initialised is empty and ready. */
struct tail_rows {
	struct buf bytes;
	struct tail_batch *batch;
	size_t n_batches, cap;
	size_t n;                       /* rows in all */
	int64_t time, received;         /* of the last row */
};

void tail_rows_release(struct tail_rows *);
void tail_rows_clear(struct tail_rows *);
void tail_rows_add(struct tail_rows *, const struct event *);

/* Reading a batch: begin with rest, n and seq set, the others 0. */
struct tail_iter {
	struct str rest;
	size_t n;                       /* rows that still come */
	uint64_t seq;                   /* of the next row */
	int64_t time, received;
};
int tail_next(struct tail_iter *, struct event *);      /* 1, 0 at the end, -1 when the bytes are no rows */

/* All rows, with their seqs from `seq` on, into ev[rows.n]; how many could be read. Borrowed from the rows. */
size_t tail_rows_events(const struct tail_rows *, uint64_t seq, struct event *ev);

/* A batch as the value of a table: varint number of rows, rows. One of 4 KiB or more, if that is worth it: 0, varint length, and a piece
 * (pack.h) of such a value. */
void tail_put_value(struct buf *, const struct tail_rows *, const struct tail_batch *, struct pack *);

/* Begin with a value: first made plain, borrowed from itself or from scratch; then its rows, borrowed from that. 0, or -1. */
int tail_plain(struct str value, struct pack *, struct buf *scratch, struct str *plain);
int tail_value(struct str plain, uint64_t seq, struct tail_iter *);

#endif
