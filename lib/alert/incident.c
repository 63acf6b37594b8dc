#include "alert/incident.h"

#include <math.h>

#include "base/time.h"

static enum incident_change
fire(struct incident *i, int64_t time)
{
	i->state = INCIDENT_FIRING;
	i->fired = time;
	i->clear = TIME_NONE;
	return INCIDENT_FIRED;
}

static enum incident_change
calm(struct incident *i, enum incident_change how)
{
	i->state = INCIDENT_QUIET;
	i->clear = TIME_NONE;
	return how;             /* since and fired stay until the next time, for who tells of it */
}

static enum incident_change
hold(struct incident *i, const struct rule *rule, int64_t time)
{
	i->clear = TIME_NONE;
	if (i->state == INCIDENT_FIRING)
		return INCIDENT_SAME;
	if (i->state == INCIDENT_QUIET)
		i->since = time;
	if (time - i->since >= rule->for_ms)
		return fire(i, time);
	if (i->state == INCIDENT_PENDING)
		return INCIDENT_SAME;
	i->state = INCIDENT_PENDING;
	return INCIDENT_BEGAN;
}

static enum incident_change
let_go(struct incident *i, const struct rule *rule, int64_t time)
{
	if (i->state == INCIDENT_PENDING)
		return calm(i, INCIDENT_CALMED);
	if (i->state == INCIDENT_QUIET)
		return INCIDENT_SAME;
	if (i->clear == TIME_NONE)
		i->clear = time;
	return time - i->clear >= rule->keep_ms ? calm(i, INCIDENT_RESOLVED) : INCIDENT_SAME;
}

enum incident_change
incident_see(struct incident *i, const struct rule *rule, int64_t time, enum incident_truth truth, double value)
{
	if (i->absent && time <= i->last)
		return INCIDENT_SAME;   /* read again: it is known what came of it */
	i->last = time;
	i->absent = 0;
	i->value = value;
	if (truth == INCIDENT_TRUE)
		return hold(i, rule, time);
	if (truth == INCIDENT_BETWEEN && i->state == INCIDENT_FIRING) {
		i->clear = TIME_NONE;
		return INCIDENT_SAME;
	}
	return let_go(i, rule, time);
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a == TIME_NONE || (b != TIME_NONE && b < a) ? b : a;
}

/* Data that are not there any more say nothing of what lies behind. */
static int64_t
absent_at(const struct incident *i, const struct rule *rule)
{
	if (i->absent || i->last == TIME_NONE || i->stale_ms <= 0)
		return TIME_NONE;
	return i->state != INCIDENT_QUIET || rule->no_data == RULES_ALERT ? i->last + i->stale_ms : TIME_NONE;
}

int64_t
incident_next(const struct incident *i, const struct rule *rule)
{
	int64_t next = absent_at(i, rule);

	if (i->state == INCIDENT_PENDING && !(i->absent && rule->no_data == RULES_KEEP))
		next = sooner(next, i->since + rule->for_ms);
	if (i->state == INCIDENT_FIRING && i->clear != TIME_NONE)
		next = sooner(next, i->clear + rule->keep_ms);
	return next;
}

enum incident_change
incident_due(struct incident *i, const struct rule *rule, int64_t at)
{
	if (i->state == INCIDENT_PENDING && at >= i->since + rule->for_ms && !(i->absent && rule->no_data == RULES_KEEP))
		return fire(i, at);
	if (i->state == INCIDENT_FIRING && i->clear != TIME_NONE && at >= i->clear + rule->keep_ms)
		return calm(i, INCIDENT_RESOLVED);
	i->absent = 1;
	switch (rule->no_data) {
	case RULES_OK:
		return let_go(i, rule, at);
	case RULES_ALERT:
		i->value = NAN;
		return hold(i, rule, at);
	default:
		return INCIDENT_SAME;
	}
}
