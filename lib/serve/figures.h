/* figures.h - what the service counts of itself, in memory that all workers share; GET /metrics shows the sum of them.
 *
 * Each worker has a part of its own, so the words that it counts in are nobody else's.
 */
#ifndef SERVE_FIGURES_H
#define SERVE_FIGURES_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define FIGURES_ROUTES 192              /* rows of the route table at most; one more stands for what matches none */
#define FIGURES_BOUNDS 13               /* of a histogram; one more for all above */

#define FIGURES_SLOTS 288               /* of five minutes: the last 24 hours */
#define FIGURES_SLOT_MS 300000

struct figures_histogram { int64_t bucket[FIGURES_BOUNDS + 1]; double sum; };

struct figures_slot { int64_t number, requests, failed; };      /* number: of the time, in slots since 1970; failed: answered 5xx */

struct figures_part {
	int64_t status[FIGURES_ROUTES][6];      /* by the first digit of the status */
	struct figures_histogram seconds[FIGURES_ROUTES];
	int64_t accepted, rejected, duplicates, commits, commit_failures, commit_events, samples, samples_refused;
	struct figures_histogram commit_seconds;
	double lag_seconds;                     /* from the first event of a commit to its end, the last time */
	int64_t limited, overloaded, unauthorized, forbidden, audit_lost, queries, slow_queries, answers_kept, engines;
	int64_t pool_waiting, pending_bytes, connections, sockets, bytes_in, bytes_out;
	int64_t hooks_sent, hooks_failed, hooks_dead;
	int64_t live_subscriptions, live_messages, live_slow;
	int64_t restarts;
	int64_t first_ms, starts, before_requests, before_failed;       /* of the first part alone: what the store knew when it began (status.c) */
	struct figures_slot slot[FIGURES_SLOTS];        /* by number % FIGURES_SLOTS; written by one thread */
};

struct figures;
struct figures *figures_new(int workers, struct err *);         /* before the fork */
void figures_free(struct figures *);
struct figures_part *figures_part(struct figures *, int worker);

/* Any thread counts, one may read meanwhile. */
static inline void
figures_add(int64_t *figure, int64_t n)
{
	__atomic_fetch_add(figure, n, __ATOMIC_RELAXED);
}

static inline void
figures_set(int64_t *figure, int64_t n)
{
	__atomic_store_n(figure, n, __ATOMIC_RELAXED);
}

/* For one thread at a time, or under a lock of the caller. */
void figures_observe(struct figures_histogram *, double seconds);

/* One more request of the time at hand. By one thread of the worker. */
void figures_count_slot(struct figures_part *, int64_t now_ms, int failed);

/* The sum of all workers: counters, and those slots that lie in the last 24 hours, the rest zeros. To be freed. */
struct figures_part *figures_sum(const struct figures *, int64_t now_ms);
int figures_workers(const struct figures *);

/* The sum of all, without the end of the text; `route` names a row. open: OpenMetrics; else Prometheus' text format 0.0.4. */
struct figures_text { struct buf text; int open; };
void figures_put(const struct figures *, const char *(*route)(int row, const char **method), struct figures_text *);

/* A family of one number, for what is counted elsewhere. type: "gauge" or "counter". */
void figures_put_one(struct figures_text *, const char *name, const char *type, const char *help, double value);

#endif
