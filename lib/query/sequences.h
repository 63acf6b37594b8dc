/* sequences.h - patterns over stored events: what at-detect -p says of the same events as they pass (pattern/pattern.h).
 *
 * Events are taken in order of time, under the rights of the query; time is then as far as the range reaches, but no later than now, so that
 * what did not come by then did not come. Conditions are of the native subset of jq, whoever asks.
 */
#ifndef QUERY_SEQUENCES_H
#define QUERY_SEQUENCES_H

#include "query/query.h"

struct sequences_spec {
	struct str pattern;
	int64_t from, to;       /* of the events */
	int timeouts;           /* what began and ran out of time comes too */
};

/* Each match row as JSON, without a newline, until `each` says other than 0, which is returned. ERR_USAGE: of the pattern, with its column;
 * ERR_LIMIT: more open matches than fit into memory. */
int sequences_run(struct query *, const struct sequences_spec *, int (*each)(void *, struct str row, struct err *), void *, struct err *);

#endif
