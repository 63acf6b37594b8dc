/* clean.h - what config/analytics.json says must be done to events as they come in.
 *
 *      {"events":{"purchase":{"clean":{"email":{"trim":true,"case":"lower","pii":"hash"},"amount":{"coerce":"number","range":[0,null]}}}}}
 *
 * The rules of "*" are applied first, then those of the event's name. Compiled once; an event without rules costs one
 * look-up. at-config(5) says what each rule does.
 */
#ifndef EVENT_CLEAN_H
#define EVENT_CLEAN_H

#include "event/event.h"

struct clean;

/* events: the object `events` of analytics.json (JSON_NONE: nothing to do); salt: the key of `"pii":"hash"`. The JSON
 * must stay as long as the rules do. NULL and the reason, with its path. */
struct clean *clean_new(struct json events, struct str salt, struct err *);
void clean_free(struct clean *);

/* Apply the rules. 1: the event goes on, changed (it borrows from the rules' memory until the next call); 0: it is not
 * wanted; ERR_INPUT: it breaks a rule, "amount: wants at most 100, has 101". */
int clean_event(struct clean *, struct event *, struct err *);

#endif
