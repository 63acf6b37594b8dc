/* receivers.h - where notifications go: each type a way to send one message, in one table.
 *
 *      webhook     POST, signed by Standard Webhooks (deliver.h)
 *      slack       POST {"text"} to an incoming webhook
 *      pagerduty   Events API v2: trigger and resolve, a dedup_key for each group, so what comes twice is one incident
 *      email       SMTP; the Message-ID is the message's id
 *      command     a program, execve without a shell, the message on its standard input, its id in AT_MESSAGE
 *      file        a line at the end of a file, synced; a line that is there already (by its id) is not written again
 *
 * A message is {"type":"alert.firing"|"alert.resolved","timestamp":…,"data":{"receiver","status","group":{…},"alerts":[row,…]}} (routes.h), made
 * when it was queued, so each try sends the same. Receivers are those of config/analytics.json, by name or as a list.
 */
#ifndef ALERT_RECEIVERS_H
#define ALERT_RECEIVERS_H

#include "config/config.h"
#include "http/client.h"

#define RECEIVERS_NAME 40               /* bytes of a name */

/* Check what the schema cannot: names, and what each type must have. ERR_USAGE with the path. */
int receivers_check(struct json receivers, struct err *);

/* Each enabled one; `each` gives other than 0 to end it, which is then given. */
int receivers_each(struct json receivers, int (*each)(void *, struct str name, struct json receiver), void *);

/* 1: one of that name is enabled. */
int receivers_has(struct json receivers, struct str name);

/* Is it a type that is sent by receivers_send? (A webhook is deliver.h's.) */
int receivers_is_other(struct json receiver);

struct receivers_message { struct str id, payload; };

/* One try. 0: taken; 1: may be tried again, *wait_ms what it asked for (else 0); why says what was wrong, *status the answer's, if there was one. */
int receivers_send(struct json receiver, const struct receivers_message *, int64_t timeout_ms, struct buf *why, int *status, int64_t *wait_ms);

/* May it be at an address that is not public? Who writes the configuration may run programs here, so yes, unless "private":false. */
int receivers_private(struct json receiver);

/* The receiver's own timeout, else that. */
int64_t receivers_timeout(struct json receiver, int64_t otherwise);

#endif
