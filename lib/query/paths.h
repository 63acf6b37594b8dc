/* paths.h - where users go next: the steps of their sessions, counted.
 *
 * A path begins at the first event of a session, or at its first `from` event, and goes on with each next event of the same
 * session. Depth 1 is the step from that event to the one after it.
 */
#ifndef QUERY_PATHS_H
#define QUERY_PATHS_H

#include "json/cell.h"
#include "query/tracks.h"

#define PATHS_DEPTH 5

extern const char *const paths_columns[];       /* depth, from, to, users, count; NULL at the end */

struct paths_spec {
	struct str from;        /* the event paths begin at; p NULL: the session's first */
	int depth;              /* steps of a path that are counted, 1 or more */
	int64_t gap_ms;         /* what ends a session */
	int64_t since, until;   /* only paths that begin in since <= time < until */
};

/* Rows by depth, then count from high to low, then from and to in byte order. 0 or < 0. */
int paths_run(const struct tracks *, const struct paths_spec *, struct cell_sink, struct err *);

#endif
