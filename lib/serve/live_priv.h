/* live_priv.h - what follower, counter and messages share.
 *
 * Who owns what: a follower's shapes, places and readers of policies are its thread's. Lists of subscribers are changed by that thread
 * alone, under the follower's lock, so that the counter may copy them. What a metric last said is the counter's. */
#ifndef SERVE_LIVE_PRIV_H
#define SERVE_LIVE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "serve/live.h"

struct live_shape;
struct live_follower;

struct live_subscription {
	atomic_int users;               /* its subscriber, the follower, whoever sends to it */
	atomic_int over;                /* ended, or nobody listens any more: nothing is sent */
	struct live_follower *follower;
	struct live_sink sink;
	struct arena *arena;
	struct live_wish wish;
	struct policy *policy;
	struct live_shape *shape;
	uint64_t after, after_row;      /* what it has heard of */
	int started;                    /* metric: it has its snapshot; the counter's */
};

struct live_shape {
	atomic_int users;               /* the follower, the counter */
	struct live_follower *follower;
	struct arena *arena;
	struct str key;
	struct live_wish wish;
	struct policy *policy;
	struct policy_reader *reader;   /* NULL: all is seen */
	struct live_subscription **one;
	size_t n, cap;
	struct live_shape *next;        /* of the same event's name */
	int changed;                    /* LIVE_CHANGES under a policy: something that it shows came, since the last look */

	struct live_metric {
		struct live_span { int64_t first, last; } touched;      /* times of events since the last look; the follower's. first > last: none */
		_Atomic(struct live_names *) names;                     /* whose events count; NULL: not known yet, any */
		int64_t asked_ms;               /* when it was last to be counted; the follower's */
		/* under the live's lock: */
		int queued, whole;              /* to be counted; the whole range, else: */
		struct live_span span;
		int64_t next_ns;                /* not before */
		struct live_shape *after;       /* in the queue */
		/* the counter's: */
		int known;                      /* it was counted */
		struct map points;              /* labels, time -> the value as JSON, of the arena */
		struct arena *texts;
	} metric;
};

/* Names of events; n 0: all. is_whole: an event may change any value, also of another time. Older ones stay until the shape goes, for who may still look at them. */
struct live_names { struct live_names *before; int n, is_config, is_whole; struct str name[]; };

struct live_follower {
	struct live *live;
	char *tenant;
	struct store *store;
	pthread_t thread;
	int wake, watch;                /* eventfd; store_watch, -1 none */
	pthread_mutex_t lock;
	struct live_command { enum { LIVE_COME, LIVE_GO, LIVE_QUIT } what; struct live_subscription *sub; struct live_command *next; } *first, **last;
	struct store_place place;
	int placed;                     /* it is known */
	struct map shapes;              /* key -> struct live_shape * */
	struct map names;               /* event -> its shapes */
	struct live_shape **pattern;    /* shapes of patterns */
	struct live_shape **other;      /* of metrics, anomalies, alerts */
	size_t n_patterns, n_others, patterns_cap, others_cap, n;      /* n: subscriptions */
	struct buf text, row;
	const struct live_subscription *replay;         /* while one catches up: nobody else is meant */
};

struct live {
	struct live_spec spec;
	pthread_mutex_t lock;
	struct map followers;           /* tenant -> struct live_follower * */
	atomic_long subscriptions, messages, slow;
	pthread_t counter;
	pthread_cond_t work;
	struct live_shape *queue;
	struct map engines;             /* tenant -> struct engine * of live_metric.c; the counter's */
	int counting, ending, reload;
};

/* messages (live_message.c): each begins at {"type": and is sent to those of a shape that want it */
void live_send(struct live_subscription *, const struct live_message *);
void live_shared_release(struct live_shared *);
void live_put_resume(const struct live_follower *, struct buf *, uint64_t seq, uint64_t row);         /* 32 letters */
int live_read_resume(const struct live_follower *, struct str, uint64_t *seq, uint64_t *row);
void live_end(struct live_subscription *, const char *reason);
void live_let_go(struct live_subscription *);
int live_filters_fit(const struct live_wish *, struct json row, struct buf *scratch);

/* the counter (live_metric.c) */
void live_metric_init(struct live_shape *);
void live_metric_release(struct live_shape *);
void live_metric_touch(struct live_shape *, const struct event *);      /* by the follower: it came; and at the end of a look: */
void live_metric_flush(struct live_shape *, int samples);
void live_metric_whole(struct live_shape *);    /* somebody waits for a snapshot */
void *live_count(void *live);
void live_shape_let_go(struct live_shape *);
void live_engines_shut(struct live *);

#endif
