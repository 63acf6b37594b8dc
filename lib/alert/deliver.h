/* deliver.h - messages to the outside: kept in the store until they are taken, each receiver's in order.
 *
 *      deliver_put (in the transaction that made the message) ──► queue ──► deliver_due ──► POST, signed ──► taken: gone
 *                                                                   ▲                          │
 *                                                                   └── later, and later still ┴── too often: put aside, dead
 *
 * Webhooks by Standard Webhooks (standardwebhooks.com, 1.0): webhook-id, webhook-timestamp and webhook-signature "v1,…", the HMAC-SHA256
 * of "id.timestamp.body" under the receiver's secret. A message keeps its id however often it is tried, so that a receiver that
 * took it and whose answer was lost counts it once. While the first message of a receiver waits, those behind it wait too. A receiver
 * that says 410 wants no more and is switched off. One process at a time delivers for a tenant; another goes on when it ends.
 */
#ifndef ALERT_DELIVER_H
#define ALERT_DELIVER_H

#include "alert/receivers.h"
#include "http/client.h"
#include "store/store.h"

/* A receiver, as the API takes it and the store keeps it:
 *      {"id":"…","url":"https://…","secret":"whsec_…","events":["alert.firing","user_signup"],"enabled":true,"headers":{…}} */
#define DELIVER_RECEIVERS "webhook"             /* the state's kind; its name is the id */
#define DELIVER_CONFIGURED ":"                  /* in front of the name of a receiver of config/analytics.json: its id */

/* Draw a secret: "whsec_" and 32 random bytes in base64. */
int deliver_secret(struct buf *out, struct err *);

/* The signature header's value for a body: "v1,BASE64". ERR_INPUT: the secret is none. */
int deliver_sign(struct str secret, struct str id, int64_t seconds, struct str body, struct buf *out, struct err *);

/* Queue a message for one receiver. In a write transaction. body: JSON. type: "alert.firing". */
int deliver_put(struct store *, struct str receiver, struct str type, int64_t now, struct str body, struct err *);

/* Queue it for every enabled receiver whose `events` has the type (or "*", or "alert.*"). The number of receivers, or < 0. */
int deliver_publish(struct store *, struct str type, int64_t now, struct str body, struct err *);

struct deliver_spec {
	int private_too;                /* addresses that are not public are allowed: serve.webhooks.private */
	int64_t first_ms, most_ms;      /* to the first new try, doubled up to the greatest; 0: 5 s, 6 h */
	int tries;                      /* then it is dead; 0: 12, which is about two days */
	int64_t timeout_ms;             /* of one try; 0: 10 s */
	struct json receivers;          /* of config/analytics.json (receivers.h), beside those of the store; their ids begin with ":" */
	int (*stopping)(void *);        /* asked between messages; NULL: never */
	void *self;
};
struct deliver_figures { int64_t delivered, failed, dead, waiting; };

/* Send what is due. Returns ms until the next is (-1: nothing waits), or < -1 when the store fails. Opens no transaction while it
 * waits for a receiver. figures may be NULL; delivered, failed and dead are added to. */
int64_t deliver_due(struct store *, const struct deliver_spec *, struct deliver_figures *, struct err *);

/* How many messages wait for receivers of the configuration, or < 0. */
int64_t deliver_waiting(struct store *, struct json receivers, struct err *);

/* What is queued (dead 0) or put aside (dead 1) for a receiver (p NULL: all of the store), also one that is no longer there, oldest first, as JSON:
 * {"id","webhook","type","created","attempts","next"|"failed","status","error","payload"}. */
int deliver_each(struct store *, struct str receiver, int dead, int (*each)(void *, struct str id, struct str json), void *, struct err *);

/* Dead ones back into the queue (id p NULL: all of the receiver). How many, or < 0. A transaction of its own. */
int deliver_replay(struct store *, struct str receiver, struct str id, int64_t now, struct err *);

/* Dead ones away (id p NULL: all of the receiver). How many, or < 0. A transaction of its own. */
int deliver_drop(struct store *, struct str receiver, struct str id, struct err *);

/* The receiver is gone: so is what waits for it. In a write transaction. */
int deliver_forget(struct store *, struct str receiver, struct err *);

#endif
