/* metric_claims.h - a metric of the store explained: its cells are asked of the engine for two periods, grouped by all dimensions at once. */
#ifndef INSIGHT_METRIC_CLAIMS_H
#define INSIGHT_METRIC_CLAIMS_H

#include "insight/claims.h"
#include "query/query.h"

struct metric_ask {
	struct str metric;              /* as metric.h knows it, or "A/B", the ratio of two: purchases/page_view */
	struct str by;                  /* "country,device"; p NULL: up to six fields whose values tell parts apart */
	int64_t from, to;               /* against the period of the same length before it */
};

/* The change and what drove it, as claims. Of a mean the mix and the rates apart; of a number of different things each dimension by itself, and
 * how far a value can matter at least and at most. ERR_USAGE: no such metric, or one whose parts cannot be told apart. */
int metric_claims(struct query *, const struct metric_ask *, struct claims *, struct err *);

/* What can be told of a metric whose parts cannot be told apart: its change by itself, and of its course over both periods and two before them a
 * level shift, a trend and so on, as far as they hold. `by` is not looked at. ERR_USAGE: no such metric. */
int metric_claims_whole(struct query *, const struct metric_ask *, struct claims *, struct err *);

/* Is it the count of an event by its own name, which is told in the plural? 1, 0. */
int metric_claims_counted(struct query *, struct str metric);

/* What can be said of the course of one metric: trends, seasons and so on, in steps of a day (an hour below 14 days). Not ranked yet. */
int metric_claims_course(struct query *, struct str metric, int64_t from, int64_t to, struct claims *, struct err *);

/* What is worth saying of the store: its events, the metrics of the configuration and those that are stored, over the period, in steps of a day
 * (an hour below 14 days), and what drove the changes that stand out. Not ranked yet. */
int metric_claims_overview(struct query *, int64_t from, int64_t to, struct claims *, struct err *);

#endif
