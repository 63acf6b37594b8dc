/* pool.c - the threads that answer what takes time, each with engines of its own.
 *
 *      loop ──► queue (bounded) ──► thread: engine of (tenant, configuration) ──► answer
 *
 * An engine is a database in memory with a few compiled functions, 1 MB or so, and 10 ms to make; a thread keeps ENGINES of them
 * and closes the one not used for longest.
 */
#include <signal.h>
#include <stdlib.h>

#include "auth/audit.h"
#include "base/cmd.h"
#include "insight/ask.h"
#include "serve/serve_priv.h"

#define ENGINES 8

struct engine {
	char *tenant;
	uint64_t setup;                 /* number of the configuration it was opened with */
	struct serve_setup *uses;
	struct query *query;
	struct ask_kept *words;         /* what questions in English may name */
	struct store *store;            /* of its own */
	uint64_t used;
};

struct serve_pool {
	struct serve *serve;
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct serve_call *first, **last;
	int waiting, most, ending;
	int threads;
	pthread_t *thread;
};

/* Of this thread. */
static _Thread_local struct {
	struct engine engine[ENGINES];
	uint64_t clock;
	struct accept accept;
	struct serve_setup *accept_uses;
	struct serve_call *call;        /* at hand */
} mine;

atomic_int serve_halting;

static int
stopping(void)
{
	return atomic_load_explicit(&serve_halting, memory_order_relaxed) || (mine.call && http_gone(mine.call->ex.request));
}

static void
close_engine(struct serve *s, struct engine *e)
{
	if (!e->tenant)
		return;
	ask_kept_free(e->words);
	query_close(e->query);
	store_close(e->store);
	serve_setup_free(e->uses);
	free(e->tenant);
	*e = (struct engine){ 0 };
	figures_add(&figures_part(s->figures, s->worker)->engines, -1);
}

static struct engine *
engine_for(struct serve_call *c, struct err *err)
{
	struct serve *s = c->ex.serve;
	struct str tenant = c->ex.who->tenant;
	struct engine *e = NULL;
	struct query_spec spec;
	struct store *store;

	for (int i = 0; i < ENGINES; i++)
		if (mine.engine[i].tenant && str_eq(str_of(mine.engine[i].tenant), tenant) && mine.engine[i].setup == c->setup->number)
			e = &mine.engine[i];
	if (!e) {
		e = &mine.engine[0];
		for (int i = 1; i < ENGINES; i++)
			if (mine.engine[i].used < e->used)
				e = &mine.engine[i];
		close_engine(s, e);
		if (!(store = serve_store(s, tenant, err)))
			return NULL;
		e->tenant = mem_dup(tenant.p, tenant.n);
		e->setup = c->setup->number;
		e->uses = serve_setup_use(c->setup);
		e->store = store_share(store);
		spec = (struct query_spec){ .store = s->spec.store, .tenant = e->tenant, .opened = store, .config = c->setup->config, .zone = s->spec.zone,
			.timeout_ms = c->setup->query_ms, .memory = c->setup->query_bytes, .keep_answers = 1, .stopping = stopping };
		figures_add(&figures_part(s->figures, s->worker)->engines, 1);
		if (!(e->query = query_open(&spec, err))) {
			close_engine(s, e);
			return NULL;
		}
	}
	e->used = ++mine.clock;
	return e;
}

/* An engine of the caller's tenant, asked as this caller may ask; NULL: answered. */
static struct engine *
engine_of(struct exchange *ex)
{
	struct serve_call *c = serve_call_of(ex);
	struct err err = { 0 };
	struct engine *e = engine_for(c, &err);

	if (!e) {
		exchange_error(ex, &err);
		return NULL;
	}
	figures_add(&figures_part(ex->serve->figures, ex->serve->worker)->queries, 1);
	query_set_policy(e->query, ex->who->policy);
	query_set_until(e->query, c->setup->query_ms > 0 ? time_mono_ns() + c->setup->query_ms * 1000000 : 0);
	query_set_audit(e->query, principal_may(ex->who, AUTH_READ, "audit", (struct str){ 0 }) ? audit_trail(ex->serve->auth) : NULL);
	c->version = store_version(e->store);   /* before it is asked: had there been a commit since then, the answer is not given again */
	return e;
}

struct query *
exchange_query(struct exchange *ex)
{
	struct engine *e = engine_of(ex);

	return e ? e->query : NULL;
}

struct ask *
exchange_ask(struct exchange *ex)
{
	struct engine *e = engine_of(ex);
	struct err err = { 0 };
	struct ask *ask = e ? ask_keep(&e->words, e->query, ex->config, &err) : NULL;

	if (e && !ask)
		exchange_error(ex, &err);
	return ask;
}

struct store *
exchange_store(struct exchange *ex)
{
	struct err err = { 0 };
	struct engine *e = engine_for(serve_call_of(ex), &err);

	if (!e)
		exchange_error(ex, &err);
	return e ? e->store : NULL;
}

struct accept *
serve_pool_accept(struct serve_call *c, struct err *err)
{
	if (mine.accept_uses != c->setup) {
		accept_release(&mine.accept);
		serve_setup_free(mine.accept_uses);
		mine.accept_uses = NULL;
		if (accept_open(&mine.accept, c->setup->config, NULL, err))
			return NULL;
		mine.accept_uses = serve_setup_use(c->setup);
	}
	mine.accept.reader.now = time_now();
	return &mine.accept;
}

static void *
run(void *self)
{
	struct serve_pool *p = self;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct serve_call *c;

		while (!p->first && !p->ending)
			pthread_cond_wait(&p->filled, &p->lock);
		if (p->ending)
			break;
		c = p->first;
		if (!(p->first = c->next))
			p->last = &p->first;
		p->waiting--;
		figures_set(&figures_part(p->serve->figures, p->serve->worker)->pool_waiting, p->waiting);
		pthread_mutex_unlock(&p->lock);
		mine.call = c;
		c->run(c);
		mine.call = NULL;
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < ENGINES; i++)
		close_engine(p->serve, &mine.engine[i]);
	accept_release(&mine.accept);
	serve_setup_free(mine.accept_uses);
	return NULL;
}

struct serve_pool *
serve_pool_new(struct serve *s, int threads, int most, struct err *err)
{
	struct serve_pool *p = mem_new(sizeof(*p));
	int rc;

	p->serve = s;
	p->most = most;
	p->last = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->filled, NULL);
	p->thread = mem_new((size_t)threads * sizeof(*p->thread));
	for (; p->threads < threads; p->threads++)
		if ((rc = pthread_create(&p->thread[p->threads], NULL, run, p))) {
			err_set(err, ERR_LIMIT, "cannot start a thread: %s", strerror(rc));
			serve_pool_free(p);
			return NULL;
		}
	return p;
}

int
serve_pool_give(struct serve_pool *p, struct serve_call *c)
{
	int rc = -1;

	pthread_mutex_lock(&p->lock);
	if (p->waiting < p->most && !p->ending) {
		c->next = NULL;
		*p->last = c;
		p->last = &c->next;
		figures_set(&figures_part(p->serve->figures, p->serve->worker)->pool_waiting, ++p->waiting);
		pthread_cond_signal(&p->filled);
		rc = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

void
serve_pool_free(struct serve_pool *p)
{
	if (!p)
		return;
	atomic_store(&serve_halting, 1);
	pthread_mutex_lock(&p->lock);
	p->ending = 1;
	pthread_cond_broadcast(&p->filled);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->threads; i++)
		pthread_join(p->thread[i], NULL);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->filled);
	free(p->thread);
	free(p);
}

int
serve_pool_waiting(struct serve_pool *p)
{
	int n;

	pthread_mutex_lock(&p->lock);
	n = p->waiting;
	pthread_mutex_unlock(&p->lock);
	return n;
}
