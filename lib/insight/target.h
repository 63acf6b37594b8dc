/* target.h - where a metric stands against the target that analytics.json sets for it: metrics.NAME.target.
 *
 *      {"value":1000,"per":"month"}                                    in each calendar month (day, week, quarter, year), the one that runs is told of
 *      {"value":5000,"from":"2026-10-01","by":"2026-12-31"}            from one day to another, both included
 *      {"value":50,"per":"week","direction":"down"}                    at most: 50 are no longer good
 *
 *      |<-- the period ------------------------------>|        expected = what is there + the forecast of the steps that are left
 *      |## so far ##########|... forecast of the rest |        interval: how far off the same forecast was, of as many steps together, before
 *
 * Counts and sums add up that way. A mean is weighted by the time that it stands for. What neither adds up nor averages (a number of different
 * users, a maximum) grows as it grew in the periods before, from the same share of them to their ends.
 */
#ifndef INSIGHT_TARGET_H
#define INSIGHT_TARGET_H

#include "insight/claims.h"
#include "query/query.h"

/* The claim of the metric's target at that time, at the latest now, added; none when it has no target, or one whose time has not come or is over for
 * longer than it lasted, or there are no data. 0; ERR_INPUT: the target is none. Under the query's policy. */
int target_claim(struct query *, struct str metric, int64_t at, struct claims *, struct err *);

/* Those of all metrics of the configuration. */
int target_claims(struct query *, int64_t at, struct claims *, struct err *);

#endif
