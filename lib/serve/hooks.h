/* hooks.h - webhooks out: what a tenant's webhooks ask for is queued as it comes and sent until it is taken (alert/deliver.h).
 *
 *      commit, of any process ──► what is new? ──► queued, with the place behind it, in one transaction ──► POST … until taken
 *
 * Types of messages: the name of an event; alert.firing, alert.resolved, alert.pending; anomaly; match; insight. What came before a
 * webhook was made is not sent to it. One worker of the server does it, for all tenants.
 */
#ifndef SERVE_HOOKS_H
#define SERVE_HOOKS_H

#include "serve/serve.h"

struct hooks;
struct hooks *hooks_new(struct serve *, struct err *);
void hooks_free(struct hooks *);                /* ends behind the message it is at, or http_client_end */
void hooks_wake(struct hooks *);                /* a webhook was made, or messages queued; NULL is fine */

/* In the transaction that makes a webhook, before it is put: what comes from here on is looked at for it, however late the thread gets there. 0 or < 0. */
int hooks_begin(struct store *, struct err *);

#endif
