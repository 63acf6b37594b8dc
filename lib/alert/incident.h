/* incident.h - one rule on one series: from true to firing to resolved, on the time of the rows.
 *
 *                 true                    for long enough                not true, or `resolve` holds,
 *      QUIET ───────────────► PENDING ───────────────────────► FIRING ── for keep_firing_for ──► resolved: QUIET
 *        ▲                       │ not true                       ▲ │
 *        └───────────────────────┘ (nothing is said)              └─┘ true again in time
 *
 * What is known is the last observation and when it was; between two it holds. Instants at which something is due (`for` is over,
 * keep_firing_for is over, there are no data any more) are asked for by incident_next, and passed by incident_due: when a row of
 * any series is later, or by the clock. The same observations in the same order give the same changes, whatever the clock was.
 * Times are ms since 1970; TIME_NONE: none.
 */
#ifndef ALERT_INCIDENT_H
#define ALERT_INCIDENT_H

#include "alert/rules.h"

enum incident_state { INCIDENT_QUIET, INCIDENT_PENDING, INCIDENT_FIRING };
enum incident_change { INCIDENT_SAME, INCIDENT_BEGAN, INCIDENT_FIRED, INCIDENT_RESOLVED, INCIDENT_CALMED };     /* CALMED: pending ended, nothing is said */

struct incident {
	enum incident_state state;
	int64_t since;          /* the condition has held since */
	int64_t fired;          /* it has been firing since */
	int64_t clear;          /* while firing: since when it would be resolved but for keep_firing_for */
	int64_t last;           /* of the last data */
	int64_t stale_ms;       /* so long after `last` there are no data */
	int absent;             /* that was noticed already */
	double value;           /* of the last data; NAN: none */
};
#define INCIDENT_NEW { .since = TIME_NONE, .fired = TIME_NONE, .clear = TIME_NONE, .last = TIME_NONE, .value = NAN }

enum incident_truth { INCIDENT_FALSE, INCIDENT_TRUE, INCIDENT_BETWEEN };        /* BETWEEN: not true, and what resolves it is not either */

/* Data came. A condition that is true with `for` 0 gives FIRED at once, without BEGAN. */
enum incident_change incident_see(struct incident *, const struct rule *, int64_t time, enum incident_truth, double value);

/* When something is due, TIME_NONE: never. */
int64_t incident_next(const struct incident *, const struct rule *);

/* The time `at` that incident_next gave has passed. Call again until it is later than now. */
enum incident_change incident_due(struct incident *, const struct rule *, int64_t at);

#endif
