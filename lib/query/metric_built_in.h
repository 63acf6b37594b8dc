/* metric_built_in.h - conversion_rate and user_engagement: what they are where nobody defined metrics of these names.
 *
 *      conversion_rate           the share of those who entered the default funnel that came to its end, by when they entered
 *      user_engagement           sessions of a user who was active at all, by when they began; also as user_engagement.sessions
 *      user_engagement.events    events of those sessions, likewise
 *
 * Both are ratios of numbers of users, so that a value for a longer span is counted anew and never made of the shorter ones.
 */
#ifndef QUERY_METRIC_BUILT_IN_H
#define QUERY_METRIC_BUILT_IN_H

#include "base/arena.h"
#include "query/funnel.h"
#include "query/query.h"

enum metric_built_in { METRIC_OTHER, METRIC_CONVERSION, METRIC_SESSIONS, METRIC_EVENTS };
enum metric_built_in metric_built_in(struct str name);

/* The default funnel: `funnels.default` of analytics.json, else the first of dashboards.json, else those of page_view, signup_start,
 * signup_complete (or user_signup) and purchase that came. Fewer than two steps: there is none. Its texts are the arena's. 0 or < 0. */
int metric_funnel(struct query *, struct funnel_spec *, struct arena *, struct err *);

/* Users who reached each of its steps, of those who entered in spec->from <= t < spec->to. */
int metric_funnel_users(struct query *, const struct funnel_spec *, int64_t users[FUNNEL_STEPS], struct err *);

/* What active users did: in sessions that began in from <= t < to; single: users with one of them. */
struct metric_engagement { int64_t users, sessions, events, single; };
int metric_engagement(struct query *, int64_t from, int64_t to, struct metric_engagement *, struct err *);

/* Either of them by bucket, and by the values of one field (p NULL: no groups). add() gets each bucket with something in it once for each
 * group, in no order: sum / n is the value. bucket(): where the one of a time begins; next(): where the one after it does. 0 or < 0; ERR_USAGE
 * where there is no funnel. */
struct metric_built_in_spec {
	enum metric_built_in which;
	struct str by;
	int64_t from, to;
	int64_t (*bucket)(void *self, int64_t time), (*next)(void *self, int64_t time);
	void (*came)(void *self, int64_t first, int64_t last);          /* all times that count are between these */
	void (*add)(void *self, struct cell label, int64_t bucket, int64_t sum, int64_t n);
	void *self;
};
int metric_built_in_run(struct query *, const struct metric_built_in_spec *, struct err *);

#endif
