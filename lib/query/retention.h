/* retention.h - who comes back: users by the period of their first `start` event, and the share that did `back` later.
 *
 * Periods are calendar buckets of `every_ms` or `months` in the zone (days from local midnight, weeks from Monday). Period 0 is the
 * bucket of the cohort itself, from the start event on.
 */
#ifndef QUERY_RETENTION_H
#define QUERY_RETENTION_H

#include "json/cell.h"
#include "query/tracks.h"

#define RETENTION_EVERY   (24LL * 3600 * 1000)
#define RETENTION_PERIODS 8

extern const char *const retention_columns[];   /* cohort, size, period, users, rate, complete; NULL at the end */

struct retention_spec {
	struct str start, back; /* events; p NULL: any */
	int64_t every_ms;       /* whole seconds; a week or whole days follow the zone's calendar */
	int months;             /* instead, where it is not 0 */
	int periods;            /* 0 … periods - 1 */
	int64_t from, to;       /* cohorts: users whose first start event of all is in from <= time < to */
	const struct zone *zone;/* NULL: UTC */
};

/* Rows by cohort and period; periods that have not begun at the end of the data are left out. rate is users / size;
 * complete is 0 while the period still runs at the end of the data. 0 or < 0. */
int retention_run(const struct tracks *, const struct retention_spec *, struct cell_sink, struct err *);

/* The number of the bucket that holds the instant, and the instant at which a bucket begins. */
int64_t retention_bucket(const struct retention_spec *, int64_t ms);
int64_t retention_begin(const struct retention_spec *, int64_t bucket);

#endif
