/* history.h - the events themselves, in order: what was, and with follow what comes. */
#ifndef QUERY_HISTORY_H
#define QUERY_HISTORY_H

#include "query/query.h"

#define HISTORY_POLL_MS 100             /* how often a follower looks for a new commit */

struct history_spec {
	struct str user, name;  /* only this user's, only of this name; p NULL: all */
	int64_t from, to;
	int64_t limit;          /* the last so many; -1: all, of a follower ten */
	int follow;             /* go on until query_stopped */
	void (*skipped)(const struct err *);    /* told once of each damaged chunk that is passed over; NULL: the end tells of the first */
};

/* Each event in order of (time, arrival); with follow new ones in order of arrival. `idle` (may be NULL) is called before
 * each wait. What is new is known by its arrival, so a clock that jumps hides nothing. Stopping a follower is no failure.
 * What a damaged chunk does not let be read is passed over: ERR_CORRUPT at the end, when all that could be read was given, or
 * `skipped`, and on. */
int history_run(struct query *, const struct history_spec *, int (*each)(void *, const struct event *, struct err *),
    void (*idle)(void *), void *, struct err *);

#endif
