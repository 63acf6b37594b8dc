/* serve_priv.h - what the files of the service share. */
#ifndef SERVE_SERVE_PRIV_H
#define SERVE_SERVE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/time.h"
#include "ingest/accept.h"
#include "insight/holidays.h"
#include "serve/figures.h"
#include "serve/alerts.h"
#include "serve/hooks.h"
#include "serve/rates.h"
#include "serve/route.h"
#include "serve/serve.h"

/* ---- setup.c: what the configuration says, read once and given up by whoever used it last */
#define SERVE_ORIGINS 64
struct serve_setup {
	atomic_int users;
	uint64_t number;                /* no two have the same */
	struct config *config;
	struct arena *texts;
	struct str origin[SERVE_ORIGINS], host[SERVE_ORIGINS];
	int n_origins, n_hosts, any_origin;
	double rate, burst;             /* requests a second of one key, and at once; 0: no bound */
	double link_rate, link_burst;   /* of one shared link */
	int64_t query_ms, query_bytes, slow_ms;
	int64_t body_bytes, drain_ms;
	int threads, queue;             /* of the pool; read at the start only */
	int connections, each_address;
	int audit_queries;              /* what is read is in the audit */
	int log_all;                    /* 0: only what failed or was slow */
	struct accept accept;           /* the loop's */
	struct holidays *holidays;      /* for forecasts; any thread reads them */
};
/* Takes the configuration over, also where it fails; NULL: what it failed of is told already. */
struct serve_setup *serve_setup_new(struct config *, const struct serve_spec *, struct err *);
struct serve_setup *serve_setup_use(struct serve_setup *);
void serve_setup_free(struct serve_setup *);    /* by one user */

/* ---- one request (exchange.c). `ex` is the first member: what a route has is what this file's casts find. */
#define CALL_HEADS 24
struct serve_call {
	struct exchange ex;
	struct serve_setup *setup;
	struct serve_call *next;        /* in the pool's queue; among those that wait for a commit */
	int64_t began_ns, queued_ns;
	int n_heads;
	struct buf answer;              /* of intake.c: what one event is answered with when it is durable */
	struct str origin;              /* p NULL: none, or not one of the configured */
	char trace[33];                 /* of the caller's traceparent; "" */
	char etag[40];
	int status;
	int64_t bytes;                  /* of the answer */
	int streaming;
	int is_cut;                     /* the answer ended before its end */
	int is_refused;                 /* by the route's permission, which the audit has as a denial */
	int is_page;                    /* has set its own Content-Security-Policy */
	char slow[160];                 /* what took long, for the log: the beginning of a statement */

	void (*run)(struct serve_call *);       /* in a thread of the pool */
	void *load;                     /* of intake.c: what a batch has come to so far */
	int conflict;                   /* its Idempotency-Key came with another body: nothing of it was stored; known when committed() is called */
	int64_t refused;                /* of its samples, so many were of a series too many: known when committed() is called */
	void (*committed)(struct serve_call *, const struct err *);     /* on the loop, when the commit it waited for is done */
	void (*ended)(struct serve_call *);     /* ROUTE_HEAD: on the loop, the body is whole; or NULL */
	void (*drop)(struct serve_call *);      /* ROUTE_HEAD: its body was refused before ended() could come: let go of load; or NULL */
	uint64_t version;               /* of the store before it was asked; 0: it was not */
	int who_later;                  /* only a thread that may wait can tell who it is */
	struct http_head heads[CALL_HEADS];     /* last: the n_heads first have been written, the others never */
};

/* Was it asked for in vain? Whoever asks whether all is well and hears that it is not was not. */
static inline int
serve_call_failed(const struct serve_call *c)
{
	return c->status >= 500 && !(c->ex.route && c->ex.route->tells);
}

static inline struct serve_call *
serve_call_of(struct exchange *ex)
{
	return (struct serve_call *)(void *)ex;
}

/* ---- the pool (pool.c) */
struct serve_pool;
struct serve_pool *serve_pool_new(struct serve *, int threads, int most, struct err *);
int serve_pool_give(struct serve_pool *, struct serve_call *);  /* 0; -1: too much waits already */
int serve_pool_waiting(struct serve_pool *);
void serve_pool_free(struct serve_pool *);                      /* when the loop is over: what runs is ended, what waits is let go of, since nobody could be told */
struct accept *serve_pool_accept(struct serve_call *, struct err *);    /* this thread's, by the call's setup */

/* ---- tenants (tenant.c): their stores, and the commits that requests share */
struct serve_tenant;
struct serve_tenant *serve_tenant(struct serve *, struct str name, struct err *);        /* opened; ERR_INPUT: there is none */
struct store *serve_tenant_store(struct serve_tenant *);
void serve_tenants_each(struct serve *, void (*each)(void *, struct serve_tenant *), void *);
/* The names of those that are open, without looking into the folder of all; each may open others. Ends where it gives other than 0. */
void serve_tenants_open(struct serve *, int (*each)(void *, const char *name), void *);
void serve_tenants_free(struct serve *);                        /* what waits is committed first */
int serve_tenant_is_open(struct serve *, struct str name);
int serve_tenant_is_there(struct serve *, struct str name);     /* open or not; some µs */

/* Look into a tenant, also into one that is not open and is not to stay open for that. What `look` gives, or < 0. */
int serve_tenant_look(struct serve *, struct str name, int (*look)(void *self, struct store *, struct err *), void *self, struct err *);

#define TENANT_PENDING (64u << 20)      /* bytes that wait for a commit; beyond it requests are told to come later */

/* Add events to what the next commit takes; copied. fresh: the id is ours, nobody can have sent it before. */
int serve_tenant_full(struct serve_tenant *);
void serve_tenant_lock(struct serve_tenant *);
void serve_tenant_add(struct serve_tenant *, const struct event *, int fresh);
void serve_tenant_add_sample(struct serve_tenant *, const struct store_sample *, struct serve_call *);      /* that will wait for it */
void serve_tenant_key(struct serve_tenant *, struct str key, struct str body, struct serve_call *);      /* what is added from here to the unlock is under an Idempotency-Key:
	* its name, which nobody else's is, and what tells one body from another. Within 24 hours the same key has the same body, else call->conflict */
void serve_tenant_wait(struct serve_tenant *, struct serve_call *);     /* call->committed when what was added is durable */
void serve_tenant_unlock(struct serve_tenant *);

/* Something else in the same transaction, such as changing a dashboard: run() in the commit's thread; waits until it is durable.
 * run gives 0, > 0 when it refuses and wrote nothing, < 0 with the reason. Not from the loop. */
struct serve_job {
	int (*run)(struct serve_job *, struct store *, struct err *);
	struct serve_job *next;
	int rc, done;
	struct err err;
};
int serve_tenant_write(struct serve_tenant *, struct serve_job *, struct err *);

/* ---- the whole (serve.c) */
struct serve {
	struct serve_spec spec;
	int worker;                     /* number of this process among the workers, from 0 */
	struct serve_crew *crew;        /* NULL: it is the only one */
	struct http_server *http;
	struct auth *auth;
	struct serve_pool *pool;
	struct serve_kept *kept;
	struct live *live;
	struct hooks *hooks;            /* of the first worker; NULL in the others */
	struct alerts *alerts;          /* likewise */
	struct figures *figures;        /* shared by the workers, as are: */
	struct rates *rates;
	struct status_keeper *keeper;   /* of the first worker */
	int is_loopback, is_tls;
	atomic_int is_over;             /* the run is: the thread of signals ends */
	int64_t began_ms, drain_ms;

	pthread_mutex_t setup_lock;
	struct serve_setup *setup;

	pthread_mutex_t tenants_lock;
	struct map tenants;             /* name -> struct serve_tenant */

	pthread_mutex_t log_lock;
	struct buf log;                 /* lines that are not written yet */
	uint64_t id_seed, id_next;      /* of request ids; the loop's, as are: */
	struct serve_call *spare;       /* calls to be used again */
	int n_spare;
};
extern atomic_int serve_halting;        /* statements end */
struct serve_setup *serve_setup_now(struct serve *);    /* used by the caller too */

int serve_worker_run(struct serve *, struct err *);     /* one worker, from its stores to its end */
int64_t serve_end_ms(const struct serve *);             /* a process that is to stop has ended so much later, whatever hangs */
void serve_say_error(struct serve *, const char *what, const struct err *);     /* into the log */
void serve_notify(const char *state);                   /* to the manager above us, sd_notify(3); where there is none, nothing */
void serve_notify_reloading(void);

/* ---- several workers (crew.c): a parent that starts them, and again who died, passes signals on, and reads the configuration for all */
#define SERVE_WORKERS_MOST 64
struct serve_crew;
int serve_crew_run(struct serve *, struct err *);
struct config *serve_crew_config(const struct serve_crew *, struct err *);      /* as the parent read it last; the caller's. NULL: wrong */

/* privilege.c: be that user from here on, NULL: who it is; before any thread. 0 or < 0 */
int serve_become(const char *user, struct err *);

/* kept.c */
struct serve_kept;
struct serve_kept *serve_kept_new(void);
void serve_kept_free(struct serve_kept *);
int serve_kept_answer(struct serve_call *);             /* on the loop: 1 answered */
void serve_kept_put(struct serve_call *, struct str body);

/* pages.c: a page without a script, from its head to </head><body><main>, and on its way; the text is released */
void serve_page_begin(struct buf *, const char *title);
void serve_page_send(struct exchange *, struct buf *html);

/* status.c: what was counted is kept in the store, so that it is there after a start; NULL is fine for free, which keeps it once more */
struct status_keeper;
struct status_keeper *serve_status_keep(struct serve *, struct err *);
void serve_status_free(struct status_keeper *);

/* live_routes.c */
struct live;
struct live *serve_live_new(struct serve *);
void serve_live_stop(void *serve);                      /* on the loop: streams end */

/* What the rooms below say of command lines, in words of the API. */
void serve_reword(struct buf *);
void serve_reword_err(struct err *);

/* exchange.c */
void serve_exchange_begin(void *serve, struct http_request *);
void serve_exchange_ready(void *serve, struct http_request *);
void serve_exchange_refuse(void *serve, struct http_request *, int status, const char *why);
void serve_exchange_done(void *serve, struct http_request *);
void serve_exchange_spares_free(struct serve *);        /* when the loop is over */
void serve_exchange_run(struct serve_call *);           /* body, then call(): in a thread of the pool */
int serve_exchange_rate(struct exchange *, struct str who, double per_second, double burst, const char *what);     /* 0, or answered 429 */
void serve_exchange_caller(const struct exchange *, struct buf *to);     /* what tells who it is from all others, over sessions and tokens */
int serve_exchange_may(struct exchange *, struct str name);             /* may he do the route's to what has this name (p NULL: to any)? 0, or answered 403 */
int serve_exchange_schema(const char *name, struct json, struct err *);  /* does it hold to that schema? */
struct str serve_exchange_cookie(struct exchange *, struct str name);   /* its value; p NULL: none */
struct str serve_exchange_session(struct exchange *);                   /* that of the session's */
void serve_exchange_set_session(struct exchange *, struct str secret);  /* the cookie of the answer: __Host-at_session over TLS, which no other host and no page
                                                                         * without TLS can set, else at_session. Empty: it is taken away */
struct auth_credentials serve_exchange_credentials(struct exchange *);  /* all that it says of who it is and which tenant is meant; borrowed */
int serve_exchange_body(struct serve_call *, struct str body);   /* checks it by the route's schema; < 0: answered */

/* cloudevents.c */
enum cloud { CLOUD_NONE, CLOUD_ONE, CLOUD_MANY, CLOUD_HEADERS };
enum cloud serve_cloudevent_kind(const struct exchange *);
int serve_cloudevent_row(const struct exchange *, struct str body, struct buf *row, struct err *);      /* of one; the body is JSON, but of headers any bytes */

/* asked.c: into the audit, where serve.audit.queries is true: what a request read, when it is over; a subscription, and its end with the rows that were sent (else < 0). 1: told */
void serve_asked_tell(const struct serve_call *);
int serve_asked_live(struct serve *, const struct principal *, const char *from, const char *action, const char *kind, struct str name, int rc, int64_t rows);

/* log.c */
void serve_log_request(struct serve *, const struct serve_call *, int64_t us);
void serve_log_flush(struct serve *);

/* Work of a tenant that a thread does again and again, when it fails: it is told once, or when the reason is another, tried again after half a
 * second and then ever later, 10 seconds at most, and told when it wrote something again. All zero at first. */
struct serve_again { int64_t next; int failures; uint64_t reason; };
int serve_again_is_due(const struct serve_again *);
void serve_again_failed(struct serve *, struct serve_again *, const char *what, struct str tenant, struct err *);       /* err is cleared */
void serve_again_well(struct serve *, struct serve_again *, const char *what, struct str tenant);

#endif
