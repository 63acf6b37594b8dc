/* metric_answer.h - one metric over time as a JSON object: what GET /api/v1/metrics answers, and at_metrics.
 *
 *      {"metric":"…","from":"…","to":"…","interval":"1m","additive":true,"groupBy":["source"],"total":42,
 *       "series":[{"labels":{"source":"google"},"total":42,"points":[["2026-…Z",3],…]}],"note":"…"}
 *
 * With filters it is the metric of those events (or of those series) whose fields have these values.
 */
#ifndef QUERY_METRIC_ANSWER_H
#define QUERY_METRIC_ANSWER_H

#include "json/json.h"
#include "query/metric.h"

/* p NULL: not given. by: "source,country". interval: a span, "all" for one value, or not given: about a hundred buckets.
 * filters: an object, or JSON_NONE. */
struct metric_question { struct str name, by, interval; struct json filters; int64_t from, to; };

/* Appended to `json`. Of all time, from and to are those of the buckets that have something, whatever the filters.  A metric that is not there is no error, but an answer without series and with a note. ERR_INPUT: the question is
 * none. */
int metric_answer(struct query *, const struct metric_question *, struct buf *json, struct err *);

#endif
