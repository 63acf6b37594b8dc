/* plan.h - a tracking plan: which events there are and what each must look like, as JSON Schema.
 *
 *      {"events":{"purchase":{"required":["revenue"],"properties":{"revenue":{"type":"number","minimum":0}}}},"unknown":"reject"}
 *
 * A schema speaks of the event's properties; `event`, `timestamp`, `id`, `user_id` and `session_id` may be named as if they
 * were there. One that names `properties` itself speaks of the whole canonical event. The short form {"purchase":{…}}, and
 * one schema for all events, are understood too. at-config(5) has the keywords.
 */
#ifndef EVENT_PLAN_H
#define EVENT_PLAN_H

#include "event/event.h"

struct plan;

/* Compile the plan. name is what messages call it. NULL and the reason with its path. */
struct plan *plan_open(const char *path, struct err *);
struct plan *plan_new(struct str text, const char *name, struct err *);
void plan_free(struct plan *);

/* 1: the event holds to the plan, or it is unknown and may pass; 0: unknown and to be dropped; ERR_INPUT: it breaks the
 * plan, "purchase: revenue: wants a number, has \"abc\"". */
int plan_check(struct plan *, const struct event *, struct err *);

#endif
