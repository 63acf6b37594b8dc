/* kept.h - metrics over events that are kept, not recomputed: states by minute beside the chunks they were made of.
 *
 *      chunk ──► state: for each combination of labels and each minute of the chunk, what the events there come to
 *                  │     made by the first who asks, and kept among the chunk's blocks (store_kept_put)
 *                  ├──► state of another chunk …
 *                  ▼
 *      answer  =  the states of all chunks that touch the range, merged
 *               + the rows of the minutes at its edges that lie in it in part
 *               + the rows of the tail, which is in no chunk yet
 *
 * Right by construction, whatever happens to the events: a state depends on nothing but the rows of one chunk, a chunk never changes,
 * and what removes it (merging, retention, erasure) removes its states. Late events lie in the tail and then in chunks of their own.
 * The definition (names, condition, aggregate, labels) is part of the state's name, so that a changed one is another.
 *
 * Who writes: whoever has answered with states that were not there, for a moment and only while nobody else writes; a reader who may
 * not write computes the same each time. Only whole chunks are kept, and only where that has far fewer numbers than the chunk rows:
 * of metrics by a property with thousands of values none are, and they cost what a query over the columns costs.
 *
 * Who sees only a part of the events (store_restrict) gets batches that are no chunks, so for him nothing is taken and nothing kept.
 *
 * Counts are numbers by minute (by hour where minutes would be too many). Everything else that at-agg can merge without a loss (sum,
 * avg, min, max, stddev, var, percentiles, distinct) is kept as its metric rows with --states, of each minute and of each hour, and
 * merged by at-agg's own rules (window.h): sums are decimals, so the answer is the same to the digit in whatever parts it is made.
 * Environment: AT_KEPT=0 keeps and takes nothing; the answer is the same.
 */
#ifndef QUERY_KEPT_H
#define QUERY_KEPT_H

#include "query/query.h"

#define KEPT_BY_MOST  16
#define KEPT_PARTS    64                /* threads at most */

struct kept_question {
	const struct str *names;        /* of the events; n_names 0: all */
	int n_names;
	const struct str *by;           /* labels */
	int n_by;
	int64_t from, to;
	int64_t every_ms;               /* of the buckets that the caller makes; 0: one. Times come as fine as these need them */
	const char *where, *value;      /* of kept_rows: a jq condition or NULL; the aggregate as at-agg -a has it */
};

/* So many events with these labels at each of these times, in order. */
struct kept_counts {
	const struct cell *label;       /* [n_by] */
	const int64_t *time;
	const uint32_t *count;
	size_t n;
};

/* Count events. `each` is called by several threads at once, each with a part of its own, 0 <= part < KEPT_PARTS; other than 0 ends it.
 * The same labels and time come any number of times. 0 or < 0. */
int kept_counts(struct query *, const struct kept_question *, int (*each)(void *self, int part, const struct kept_counts *), void *self, struct err *);

/* An aggregate: metric rows as at-agg -w EVERY gives them, one after the other in *rows. What cannot be put together without a loss
 * (first, last, topk, rate; conditions that run in libjq; buckets of no whole minutes) is made of all rows each time. 0 or < 0. */
int kept_rows(struct query *, const struct kept_question *, struct buf *rows, struct err *);

#endif
