/* aggregate.h - what can be computed over the rows of a group, behind one table; every state merges and has a text form.
 *
 * A *slot* is one state to keep (the sketch of duration_ms); an *output* is one field to print (duration_ms_p95 and
 * duration_ms_p50 read the same slot).
 */
#ifndef WINDOW_AGGREGATE_H
#define WINDOW_AGGREGATE_H

#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"
#include "sketch/distinct.h"
#include "sketch/quantile.h"
#include "sketch/topk.h"
#include "window/total.h"

enum aggregate_kind {
	AGGREGATE_COUNT,        /* rows */
	AGGREGATE_SUM,          /* also avg, by its count */
	AGGREGATE_MIN, AGGREGATE_MAX,
	AGGREGATE_MOMENTS,      /* stddev, var */
	AGGREGATE_QUANTILE, AGGREGATE_DISTINCT, AGGREGATE_TOPK,
	AGGREGATE_FIRST, AGGREGATE_LAST,
	AGGREGATE_KINDS
};

/* Sums in twice a double's precision, so that merged variances equal those of the whole to every digit that is shown. */
struct moments {
	double sum, sum_low, square, square_low;
	uint64_t n;
};

struct extreme {
	struct number x;
	int is_set;
};

/* A value as JSON text, with the time it is of. */
struct moment {
	char *text;
	size_t n;
	int64_t time;
};

/* The state of a slot; zeros are the empty one. */
union aggregate_state {
	uint64_t count;
	struct total total;
	struct extreme extreme;
	struct moments moments;
	struct quantile *quantile;
	struct distinct *distinct;
	struct topk *topk;
	struct moment moment;
};

struct aggregate_slot {
	enum aggregate_kind kind;
	struct str field;       /* p NULL for count */
	int field_index;        /* of the caller's values */
	int top;                /* topk: how many */
};

struct aggregate_output {
	struct str name;        /* "duration_ms_p95" */
	struct str key;         /* of its state: the field, or the name where it was given by x=… */
	int slot;
	int what;               /* an index of the table in aggregate.c: count, sum, avg, … */
	int named;              /* x=… */
	double share;           /* a percentile's, 0 to 1 */
};

struct aggregates {
	struct aggregate_slot *slot;
	struct aggregate_output *output;
	int slots, outputs;
	struct arena *text;     /* of the names */
};

/* "count,sum(revenue),p95(duration_ms),x=max(price)" into slots and outputs. 0, or ERR_USAGE with a mend. */
int aggregates_parse(struct aggregates *, struct str list, struct err *);

/* One output more by the name a metric row has it under ("revenue_sum", "count", "duration_ms_p95"; any other name is a
 * last value). The index of the output, the same for the same name. */
int aggregates_by_name(struct aggregates *, struct str name);
void aggregates_release(struct aggregates *);

/* A row's value into the state: v is the field's value, number what number_read made of it (NULL: none), time the row's. */
void aggregate_add(const struct aggregate_slot *, union aggregate_state *, struct json v, const struct number *, int64_t time,
    struct buf *scratch);
void aggregate_merge(const struct aggregate_slot *, union aggregate_state *, const union aggregate_state *from);
void aggregate_clear(const struct aggregate_slot *, union aggregate_state *);   /* frees what it holds; empty again */

/* The output's value as JSON. seconds: the length of the window, 0 when it has none (rate is then null). */
void aggregate_put(const struct aggregate_output *, const struct aggregate_slot *, const union aggregate_state *,
    double seconds, struct buf *);

/* Text of the state: sketches as their rooms write them, "n1:", "sum1:", "min1:", "max1:", "var1:", "first1:", "last1:" for
 * the rest. Reading merges into the state. 0, or -1 when the text is none of this slot's kind. */
void aggregate_write(const struct aggregate_slot *, const union aggregate_state *, struct buf *);
int aggregate_read(const struct aggregate_slot *, union aggregate_state *, struct str text);

/* Take the value that a metric row has for the output, without a state of its own: counts and sums add, extremes compare,
 * averages weigh by `count` (the row's; 0 when it has none). 0, or -1 when such a value cannot be merged (percentiles and
 * distinct counts). */
int aggregate_take(const struct aggregate_output *, const struct aggregate_slot *, union aggregate_state *, struct json v,
    uint64_t count, int64_t time);

/* Does this output need its state for a merge? */
int aggregate_needs_state(const struct aggregate_output *, const struct aggregate_slot *);

#endif
