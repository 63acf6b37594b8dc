/* metric_forecast.h - how a metric may go on: its buckets up to now, and what forecast.h makes of them.
 *
 * The bucket that still runs, or that the period cuts at its end, is no point of the past; the one that it cuts at its beginning is whole. Of
 * counts and sums a bucket without data is nothing, and what lies before the first of them is not there; of other numbers it is a gap.
 */
#ifndef INSIGHT_METRIC_FORECAST_H
#define INSIGHT_METRIC_FORECAST_H

#include "insight/holidays.h"
#include "query/metric.h"

#define METRIC_FORECAST_STEPS  1000
#define METRIC_FORECAST_POINTS 20000

struct metric_forecast {
	struct str metric, by;          /* by: "country,device", a series for each value; n 0: one */
	int64_t from, to, every_ms;     /* the past to learn from */
	int steps;                      /* 1 to METRIC_FORECAST_STEPS */
	double level;                   /* of the interval: 0.95 */
	const double *reach;            /* only the step at which a series reaches this, if it does; NULL: all */
	const struct holidays *holidays;        /* NULL: none */
};

struct metric_forecast_step {
	struct str labels, holiday;     /* a JSON object; p NULL: a day like any other */
	int64_t time;
	double mean, lower, upper;
};

/* Step by step, series by series; one of too few points has none. Other than 0 of `each` ends it, and is given. ERR_INPUT: no whole bucket is in
 * the period; ERR_LIMIT: too many points or series; ERR_USAGE: no such metric. */
int metric_forecast_run(struct query *, const struct metric_forecast *, int (*each)(void *self, const struct metric_forecast_step *), void *self, struct err *);

#endif
