/* alerts.h - the rules of each tenant, judged while the server runs: what changes is stored, told live, and to the receivers.
 *
 *      rules of the API and of config/analytics.json ─► threads of the first worker ─► what is new in the store, or asked of it
 *                                                                                     ─► alerts: stored (live.c, hooks.c see them), receivers' queues
 *
 * A tenant's rules are judged by one process at a time, whoever holds alerts.lock in its folder, under the state name ALERTS_STATE: another
 * server, or the next one, goes on where it stopped. At-detect's runs have states of their own.
 *
 * Tenants do not wait for each other: each has a thread of its own, the 65th and more share them and have turns. A question has ten seconds,
 * a rule a millisecond of processor time for an event; what takes longer waits 20 times as long before it is asked again. Threads of rules
 * stand behind those of requests. What is wrong with a rule lies in the tenant's state, kind ALERTS_TROUBLE, under the rule's id:
 * {"error":…,"since":…}, until it is over.
 */
#ifndef SERVE_ALERTS_H
#define SERVE_ALERTS_H

#include "json/json.h"

#define ALERTS_TROUBLE "rule-state"
#define ALERTS_STATE   ":serve"         /* no name that is given to at-detect --state by chance */

struct serve;
struct alerts;

struct alerts *alerts_new(struct serve *, struct err *);
void alerts_free(struct alerts *);              /* NULL is fine */

/* Is it a rule that can be judged? 0, or ERR_INPUT with what is wrong. */
int alerts_check_rule(struct json, struct err *);

#endif
