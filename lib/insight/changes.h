/* changes.h - what changed against the period before, and what follows from it: the answer to POST /api/v1/insights, and of at_insights.
 *
 * The changes of the metrics that are named come first, in that order, each with what drove it where it is more than chance; then, of periods
 * of a week or more, what else is to be said of these metrics (or, where none is named, of all there is) over four such periods. Each is
 * a claim (claims.h) with its figures. Shares are compared by the test of two proportions, counts as Poisson counts, both as a normal deviate z.
 */
#ifndef INSIGHT_CHANGES_H
#define INSIGHT_CHANGES_H

#include "config/config.h"
#include "query/query.h"

#define CHANGES_METRICS_MOST 32

struct changes_spec {
	struct str source;              /* a data source of data-sources.json, or user_behavior; p NULL: all */
	const struct str *metrics;      /* none: conversion_rate and user_engagement */
	int n_metrics;
	int64_t from, to;               /* with a beginning: the period before is as long */
	int recommend;
	const struct config *config;
};

/* {"insights":[…],"recommendations":[…],"from":…,"to":…}, appended. Under the engine's policy, which is as it was afterwards. ERR_INPUT, and
 * ERR_USAGE where there is no such source. */
int changes_run(struct query *, const struct changes_spec *, struct buf *json, struct err *);

/* What a recommendation (action.h) is to change, between two times. 1; 0: there is nothing to measure; < 0. */
int changes_measure(struct query *, const struct config *, const char *rule, struct str key, int64_t from, int64_t to, double *measure, double *of, struct err *);

#endif
