/* funnel.h - how far users come along a sequence of events.
 *
 * A user's attempt begins at a first step within the range and goes on with the further steps in order of (time, arrival),
 * whatever lies between; all of it within `within_ms` of its first step. A conversion after the range but within the window
 * counts. The best attempt of a user counts: the one that reached most steps, the first of several.
 */
#ifndef QUERY_FUNNEL_H
#define QUERY_FUNNEL_H

#include "json/cell.h"
#include "query/tracks.h"

#define FUNNEL_STEPS  64                        /* steps at most */
#define FUNNEL_WITHIN (7LL * 24 * 3600 * 1000)

struct funnel_spec {
	struct str step[FUNNEL_STEPS];  /* event names; the same may come twice */
	int steps;
	int64_t within_ms;      /* from the first step to the last, at most */
	int64_t each_ms;        /* from one step to the next, at most; 0: no bound of its own */
	struct str without;     /* an event that ends every attempt; p NULL: none */
	int strict;             /* each step strictly later than the one before, not only after it in arrival */
	int64_t from, to;       /* entries: from <= time of the first step < to */
};

/* "a,b,c" into steps. 0, or ERR_USAGE. The text must last as long as the spec. */
int funnel_steps(struct funnel_spec *, struct str list, struct err *);

/* step, event, users, from_start, from_previous, median_seconds, open; NULL at the end. With tracks.by set, the value of
 * that field at the attempt's first step comes in front.
 *
 * from_start and from_previous are shares from 0 to 1; median_seconds is the time from the step before, of those who
 * reached this one (NULL at the first step); open: users whose best attempt stands at this step, could still go on, and
 * whose window is not over at the end of the data. */
extern const char *const funnel_columns[];

int funnel_run(const struct tracks *, const struct funnel_spec *, struct cell_sink, struct err *);

#endif
