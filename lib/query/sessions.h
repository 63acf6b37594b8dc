/* sessions.h - visits: a user's events with no gap longer than `gap_ms` between two of them, midnight or not. */
#ifndef QUERY_SESSIONS_H
#define QUERY_SESSIONS_H

#include "json/cell.h"
#include "query/tracks.h"

#define SESSIONS_GAP_MS (30 * 60 * 1000)

/* user_id, start, end, seconds, events, entry, exit: entry and exit are the first and the last event's name. */
extern const char *const sessions_columns[];    /* NULL at the end */

/* Where the session that begins at event i (of a user whose events end before `end`) ends: the index behind it. */
size_t sessions_end(const struct tracks *, size_t i, size_t end, int64_t gap_ms);

/* All sessions that begin in from <= start < to, by start and then user in byte order. 0 or < 0. */
int sessions_run(const struct tracks *, int64_t from, int64_t to, int64_t gap_ms, struct cell_sink, struct err *);

#endif
