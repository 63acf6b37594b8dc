/* metric.h - one metric over time: defined in config/analytics.json, stored by at-agg -s, or the count of an event.
 *
 * conversion_rate and user_engagement are built in (metric_built_in.h) where a name is none of these.
 * A name that is none of these is tried in the singular: `user_signups` counts the event `user_signup`. A pattern, `http_*`, is of
 * stored metrics, put together or told apart by the field `metric`. Of a stored metric with several numbers its count is meant,
 * else its value, else a sum; of one saved over several windows the shortest. `NAME.FIELD` names one of its numbers.
 *
 * Stored samples are put together as at-agg puts metric rows together: counts and sums add, least and greatest compare, percentiles and
 * numbers of different values come of the merged sketches that at-agg -s stores with them, also of roll-ups. What has no sketch, and all
 * else, is averaged over the samples. Sums and means are of decimals, without rounding (codec/decimals.h): neither order nor parts show.
 */
#ifndef QUERY_METRIC_H
#define QUERY_METRIC_H

#include "base/arena.h"
#include "query/query.h"

extern const char *const metric_columns[];      /* timestamp, value; the values of `by` come in front */

/* Of all that a metric has, whatever the filters, from the beginning of the first bucket with something in it to the end of the last; of one value for all the
 * days (of UTC), for the same reason as metric_whole_time. Nothing at all: it ends before it begins. */
struct metric_reach { int64_t from, to; };

/* A field that must have this value, as it is printed. Where true and false are known as 1 and 0 alone they are told as `number`; its p is NULL
 * for all other values. */
struct metric_filter { struct str field, value, number; };
#define METRIC_FILTERS_MOST 8

struct metric_spec {
	struct str name;
	struct str by;          /* "source,country"; p NULL: one series */
	const struct metric_filter *filter;     /* only events (or series) that have these */
	int n_filters;
	int64_t from, to;
	int64_t every_ms;       /* length of a bucket; 0: one value for all */
	int months;             /* not 0: of the calendar, every_ms is a day */
	const char *value;      /* of a metric of the configuration: instead of its own, "sum(revenue)"; NULL: its own */
	int *adds;              /* told: 1 when values may be added up (a count, a sum), 0 when a total is a value of its own; or NULL */
	struct metric_reach *reach;     /* told; or NULL */
};

/* What analytics.json says that the metric counts; JSON_ABSENT where it says nothing, or no more than its target: that is of the stored metric or the
 * event of that name. Whether the caller may see it is asked elsewhere. */
struct json metric_definition(const struct query *, struct str name);

/* Names of fields, "source,country", each once: how many, or ERR_INPUT; and back. */
#define METRIC_BY_MOST 16
int metric_by_read(struct str text, struct str by[METRIC_BY_MOST], struct err *);
void metric_by_print(const struct str *by, int n, struct buf *to);

/* {"country":"DE","new":true} into filters, their texts the arena's: how many, or ERR_INPUT. JSON_ABSENT: none. */
int metric_filters_read(struct json, struct metric_filter to[METRIC_FILTERS_MOST], struct arena *, struct err *);

/* The length of a bucket, "1m", "1h30m", "1 month", "quarter", and as rows have it as their window ("1m", "1mo"). 0; -1: it is none. */
int metric_every_read(struct str, int64_t *every_ms, int *months);
void metric_every_print(int64_t every_ms, int months, char out[32]);

/* The time of the one value for all: where its range begins; without one where the day (of UTC) begins that the first of it fell in, which is
 * what is surely known of numbers that are kept or rolled up. first INT64_MAX: there is nothing, up to now. */
int64_t metric_whole_time(const struct metric_spec *, int64_t first);

/* Where the bucket of these begins that this time falls into: on the clock of the query's zone, weeks on Monday. */
int64_t metric_bucket(const struct query *, const struct metric_spec *, int64_t time);

/* Rows by the values of `by`, then time. A bucket without data is 0 for a count or sum, and left out for the rest. */
int metric_run(struct query *, const struct metric_spec *, struct cell_sink, struct err *);

#endif
