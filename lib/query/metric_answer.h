/* metric_answer.h - one metric over time as a JSON object: what GET /api/v1/metrics answers, and at_metrics.
 *
 *      {"metric":"…","from":"…","to":"…","interval":"1m","groupBy":["source"],"total":42,
 *       "series":[{"labels":{"source":"google"},"total":42,"points":[["2026-…Z",3],…]}],"note":"…"}
 */
#ifndef QUERY_METRIC_ANSWER_H
#define QUERY_METRIC_ANSWER_H

#include "query/metric.h"

/* p NULL: not given. by: "source,country". interval: a span, "all" for one value, or not given: about a hundred buckets. */
struct metric_question { struct str name, by, interval; int64_t from, to; };

/* Appended to `json`. A metric that is not there is no error, but an answer without series and with a note. ERR_INPUT: the question is
 * none. */
int metric_answer(struct query *, const struct metric_question *, struct buf *json, struct err *);

#endif
