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
 * Counts, sums, averages, least and greatest are numbers by minute (by hour where minutes would be too many). Everything else that
 * at-agg can merge without a loss (stddev, var, percentiles, distinct) is kept as its metric rows with --states, of each minute and of
 * each hour, and merged by at-agg's own rules (window.h). Sums are decimals, so the answer is the same to the digit in whatever parts it
 * is made.
 * Environment: AT_KEPT=0 keeps and takes nothing; the answer is the same.
 */
#ifndef QUERY_KEPT_H
#define QUERY_KEPT_H

#include "query/query.h"

struct window_buckets;

#define KEPT_BY_MOST  16
#define KEPT_PARTS    64                /* threads at most */

struct kept_question {
	const struct str *names;        /* of the events; n_names 0: all */
	int n_names;
	const struct str *by;           /* labels */
	int n_by;
	int64_t from, to;
	int64_t every_ms;               /* of the buckets that the caller makes; 0: one. Times come as fine as these need them */
	const struct window_buckets *buckets;   /* these, for what only whole buckets can say (kept_rows); not where every_ms is 0 */
	const char *where, *value;      /* a jq condition or NULL; the aggregate as at-agg -a has it */
};

/* What there is with these labels at each of these times, in order. */
enum kept_kind {
	KEPT_COUNT,                     /* so many events */
	KEPT_SUM, KEPT_MEAN,            /* `sum` in 10^-9, exact; of `count` numbers (only of means) */
	KEPT_LEAST, KEPT_GREATEST,      /* kept_double of `sum` */
	KEPT_ROWS                       /* no number says it: kept_rows */
};
struct kept_counts {
	const struct cell *label;       /* [n_by] */
	const int64_t *time;
	const uint32_t *count;
	const __int128 *sum;            /* not of counts */
	size_t n;
};
enum kept_kind kept_kind(const struct kept_question *);         /* of the aggregate */

static inline double
kept_double(__int128 sum)
{
	uint64_t bits = (uint64_t)sum;
	double x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* Count events, or what else is a number. `each` is called by several threads at once, each with a part of its own, 0 <= part <
 * KEPT_PARTS; other than 0 ends it. The same labels and time come any number of times. 1; 0 where numbers came that these cannot hold:
 * what was given is void, kept_rows can; < 0. */
int kept_counts(struct query *, const struct kept_question *, int (*each)(void *self, int part, const struct kept_counts *), void *self, struct err *);

/* An aggregate: metric rows as at-agg gives them, one of each bucket, one after the other in *rows. What cannot be put together without a loss
 * (first, last, topk, rate; conditions that run in libjq; buckets of no whole minutes) is made of all rows each time. 0 or < 0. */
int kept_rows(struct query *, const struct kept_question *, struct buf *rows, struct err *);

#endif
