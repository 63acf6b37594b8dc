/* live.h - what is committed, pushed to who subscribed to it, whichever process wrote it.
 *
 *      a commit ──► follower, a thread a tenant: what came ──► wanted by whom? ──► message, built once ──► every subscriber of it
 *                        └──► counter, a thread: metrics that it touches ──► what changed of them ──► message ──┘
 *
 * Subscriptions to the same thing under equal policies are one *shape*: it is looked at, masked and written once, however many have
 * it. Shapes of events are found by the event's name. A follower sleeps until the tenant's file is written to (store_watch), and
 * without a subscriber for good. Metrics are computed anew where events touched them, not more than 20 times a second each and never
 * for more than a tenth of a core each: slower ones come less often.
 *
 * Messages are JSON objects, told apart by "type" (at-serve(1), LIVE): subscribed, event, anomaly, alert, snapshot, delta, changed, gap,
 * error. Most have "resume", a text that says up to where one has heard: a subscription that gives it back goes on behind it. Who
 * takes too long to read is ended, and slows nobody: sinks do not wait.
 */
#ifndef SERVE_LIVE_H
#define SERVE_LIVE_H

#include "auth/policy.h"
#include "base/arena.h"
#include "query/metric.h"

struct live;
struct live_spec {
	/* The tenant's store, open as long as `live` is; and an engine over it, of one thread, given back by shut. */
	struct store *(*store)(void *self, struct str tenant, struct err *);
	struct query *(*open)(void *self, struct str tenant, void **held, struct err *);
	void (*shut)(void *self, struct query *, void *held);
	const struct zone *zone;
	void *self;
};
struct live *live_new(const struct live_spec *);
void live_free(struct live *);                  /* ends every subscription */
void live_reload(struct live *);                /* engines are shut, and opened again when they are next needed */

struct live_figures { int64_t subscriptions, messages, slow, followers; };      /* now; sent, ended for slowness, since live_new */
void live_figures(struct live *, struct live_figures *);

/* ---- what is wished for */
enum live_kind { LIVE_EVENTS, LIVE_METRIC, LIVE_ANOMALIES, LIVE_ALERTS, LIVE_CHANGES };       /* the last: that something came, whatever it is */
struct live_wish {
	enum live_kind kind;
	struct str name;                /* an event's, or a pattern ("page_*"); a metric's */
	struct str by;                  /* metric: "source,country"; p NULL: one series */
	int64_t range_ms, every_ms;     /* metric: how far back, 1 h; the length of a bucket, 0: one value of it all */
	int months;                     /* of a bucket; then every_ms is a day */
	struct metric_filter filter[METRIC_FILTERS_MOST];       /* fields of the row, labels; all of them equal */
	int n_filters;
	struct str id;                  /* the subscriber's word for it, which its messages have; p NULL: none */
	struct str resume;              /* p NULL: from now on */
};

/* Of {"event":"signup","filters":{"country":"DE"}}, {"metric":"signups","timeRange":"1h","interval":"1m","groupBy":"source"},
 * {"anomalies":true}, "anomalies", "alerts", "changes"; also "id" and "resume". Texts are put into the arena where they are not borrowed. 0 or
 * ERR_INPUT with what is wrong. */
int live_wish_read(struct json, struct arena *, struct live_wish *, struct err *);

/* ---- where it goes: called by threads of `live`, in order for one subscription */
struct live_message {
	const char *type;
	struct str json, resume;        /* resume: also in json; p NULL: none */
	/* What the first sink of a kind makes of a message that goes to many (a frame), for the others of its kind; NULL: it goes to one. */
	struct live_shared { void *made; void (*free)(void *made); } *shared;
};
struct live_sink {
	int (*send)(void *self, const struct live_message *);   /* 0; 1: too much waits, nothing was taken; < 0: gone */
	void (*end)(void *self, const char *reason);            /* no more comes: "slow reader", "going away". Not after < 0 */
	void (*free)(void *self);                               /* the last call */
	void *self;
};

/* Copies the wish, holds the policy. The sink is told what came from now on, or since `resume`; first "subscribed". Never waits for the
 * store. NULL: too many, and the reason; then nothing is called. */
#define LIVE_MOST 100000
struct live_subscription;
struct live_subscription *live_subscribe(struct live *, struct str tenant, struct policy *, const struct live_wish *, const struct live_sink *, struct err *);
void live_unsubscribe(struct live_subscription *);      /* once for each, also when it was ended; messages on their way may still come */

#endif
