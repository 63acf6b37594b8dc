/* stored.h - rules over the store: what is asked of it, and what lies in it as rows.
 *
 * A rule with sql, a funnel, or a metric and `every` is asked: its answer is what it says at that moment, each set of labels
 * an incident of its own. Metric: its value over the last `every`, as at-query metric gives it, of config/analytics.json, stored, or the
 * count of an event. Funnel: the share of users who reached the last step, of those who entered within `range`. SQL: each row of the answer
 * holds, or, with a condition, is judged by it; texts are labels, the column `value` or the first number is the value.
 *
 * History is metric samples put together as at-agg wrote them, and events, in order of time.
 */
#ifndef ALERT_STORED_H
#define ALERT_STORED_H

#include "alert/evaluate.h"
#include "query/query.h"

/* Ask one rule (its index) as of `now`. 0, or what is wrong with its question: the rule says nothing then. */
int stored_ask(struct evaluate *, const struct rules *, int rule, struct query *, int64_t now, struct err *);

/* A metric that the store has samples of is judged by rows, any other is asked: 1 when it is to be asked. */
int stored_is_asked(const struct rule *, struct store *, struct err *);

/* The samples of [from, to) as metric rows, by time, then metric and labels. row gives 0, or what ends it. */
int stored_samples(struct store *, int64_t from, int64_t to, int (*row)(void *, int64_t time, struct str row, struct err *), void *, struct err *);

/* The first and last time of anything there. 1; 0: there is nothing. */
int stored_range(struct store *, int64_t *first, int64_t *last, struct err *);

#endif
