/* tenant.c - the stores that are open, and how requests share their commits.
 *
 *      loop:    add, add, wait │ add, wait │ add, wait          (the load being filled)
 *      commit:  ─── begin, add …, commit ─────────┤ answers ──► loop
 *                                                 └ takes the load that was filled meanwhile
 *
 * Alone a request pays one commit, and many pay a small part of one. Who gets an answer mostly asks again at once, and would find
 * the next commit just begun: half of the callers would share each commit, and everybody would wait for two. So a small load is
 * given until a quarter of what the last commit took to become as many calls as were there then; and up to all of that while the loop
 * has not slept, since what it reads then may be them. (64 callers: 62 a commit instead of 43, and 1.1 µs of CPU less for each.)
 * Bound by the commit itself: two times fsync (0.1 to 4 ms each), and 40 µs of LMDB's pages however few the events are.
 */
#include <signal.h>
#include <stdlib.h>

#include "serve/serve_priv.h"
#include "store/admin.h"

#define DAY_MS 86400000LL
#define KEEP_BYTES (4u << 20)           /* of a load's memory between two uses */
#define FULL_BYTES (256u << 10)         /* of a load that is not given time to become more: writing it takes as long as syncing */
#define PATIENT_NS 2000000              /* a load is given at most */

struct loaded { struct event event; int fresh; size_t keyed; };         /* texts are offsets into bytes + 1 until it is taken */

struct sampled { struct store_sample sample; struct serve_call *call; size_t keyed; };  /* texts likewise */

/* An Idempotency-Key. What belongs to it has its number in `keyed`, counted from 1. */
struct keyed { struct str key, body; struct serve_call *call; };

struct load {
	struct serve_tenant *tenant;
	struct buf bytes;
	struct loaded *event;
	size_t n, cap;
	struct sampled *sample;
	size_t n_samples, cap_samples;
	struct keyed *keyed;
	size_t n_keyed, cap_keyed;
	size_t key;                     /* of what is added now; 0: none */
	struct serve_call *first, **last;       /* that wait for it */
	size_t calls;                   /* how many */
	struct serve_job *jobs, **last_job;
	int64_t since;                  /* when its first event came, ns */
	int busy;                       /* being committed, or its answers given */
	struct err err;
};

struct serve_tenant {
	struct serve *serve;
	char *name;
	struct store *store;            /* the commit's thread's alone */
	struct store *reader;           /* shared, for all who read or share on */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t filled, done, gathered;
	struct load loads[3];           /* one filled, one committed, one whose answers are given */
	struct load *open;
	size_t together;                /* calls there were when the last commit was done: answered, and already waiting */
	int64_t took_ns;                /* the last commit */
	struct serve_call *orphans;     /* whose commit was done when the loop was over */
	int gathering;                  /* the commit's thread waits for `gathered` */
	int ending;
};

/* ---- the commit's thread */

static struct str
found(const struct buf *b, struct str at)
{
	return at.p ? (struct str){ b->p + ((uintptr_t)at.p - 1), at.n } : at;
}

static int
add_sample(struct serve_tenant *t, const struct load *l, const struct sampled *one, struct err *err)
{
	struct figures_part *f = figures_part(t->serve->figures, t->serve->worker);
	struct store_sample x = one->sample;
	struct store_series *series;
	int fits;

	x.metric = found(&l->bytes, x.metric);
	x.labels = found(&l->bytes, x.labels);
	x.field = found(&l->bytes, x.field);
	x.window = found(&l->bytes, x.window);
	if (!(series = store_series(t->store, &x, err)) && err->code != ERR_INPUT)
		return err->code;
	if (!series)
		err_clear(err);         /* a name that no store takes is nobody else's failure */
	fits = series ? store_series_fits(t->store, series, err) : 0;
	if (fits)
		return fits < 0 ? fits : store_add_point(t->store, series, x.time, x.value, err);
	one->call->refused++;                   /* it is told behind the commit */
	figures_add(&f->samples_refused, 1);
	return 0;
}

/* Each key with its body, once: who sends the key again with another body meant something else. */
static int
check_keys(struct serve_tenant *t, const struct load *l, struct err *err)
{
	int64_t now = time_now();
	int rc = 0;

	for (size_t i = 0; i < l->n_keyed; i++) {
		const struct keyed *k = &l->keyed[i];
		struct str key = found(&l->bytes, k->key), body = found(&l->bytes, k->body);

		if ((rc = store_seen(t->store, key, now, DAY_MS, err)) == 0)
			rc = store_seen(t->store, body, now, DAY_MS, err);
		else if (rc > 0 && (rc = store_was_seen(t->store, body, now, DAY_MS, err)) == 0)
			k->call->conflict = 1;
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
is_conflict(const struct load *l, size_t keyed)
{
	return keyed && l->keyed[keyed - 1].call->conflict;
}

static int
add_all(struct serve_tenant *t, struct load *l, int64_t *stored, int64_t *duplicates, struct err *err)
{
	int rc = check_keys(t, l, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < l->n; i++) {
		struct event e = l->event[i].event;

		if (is_conflict(l, l->event[i].keyed))
			continue;
		e.name = found(&l->bytes, e.name);
		e.id = found(&l->bytes, e.id);
		e.user_id = found(&l->bytes, e.user_id);
		e.session_id = found(&l->bytes, e.session_id);
		e.properties = found(&l->bytes, e.properties);
		if (!l->event[i].fresh && e.id.p) {
			if ((rc = store_seen(t->store, e.id, e.time, DAY_MS, err)) < 0)
				return rc;
			if (rc) {
				++*duplicates;
				continue;
			}
		}
		if ((rc = store_add(t->store, &e, err)))
			return rc;
		++*stored;
	}
	for (size_t i = 0; i < l->n_samples; i++)
		if (!is_conflict(l, l->sample[i].keyed) && (rc = add_sample(t, l, &l->sample[i], err)))
			return rc;
	for (struct serve_job *j = l->jobs; j; j = j->next)
		if ((j->rc = j->run(j, t->store, &j->err)) < 0) {
			*err = j->err;
			return j->rc;
		}
	return 0;
}

static void
empty(struct load *l)
{
	struct serve_tenant *t = l->tenant;

	pthread_mutex_lock(&t->lock);
	if (l->bytes.cap > KEEP_BYTES)
		buf_release(&l->bytes);
	buf_clear(&l->bytes);
	l->n = l->n_samples = l->n_keyed = l->calls = 0;
	l->first = NULL;
	l->last = &l->first;
	l->jobs = NULL;
	l->last_job = &l->jobs;
	err_clear(&l->err);
	l->busy = 0;
	pthread_cond_signal(&t->filled);
	pthread_mutex_unlock(&t->lock);
}

/* On the loop: those who waited get their answers. */
static void
answer_all(void *self)
{
	struct load *l = self;
	struct serve_call *next;

	for (struct serve_call *c = l->first; c; c = next) {
		next = c->next;
		c->committed(c, &l->err);       /* the call may be gone behind it */
	}
	empty(l);
}

static void
commit(struct serve_tenant *t, struct load *l)
{
	static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;    /* other tenants have commits of their own */
	struct figures_part *f = figures_part(t->serve->figures, t->serve->worker);
	int64_t began = time_mono_ns(), stored = 0, duplicates = 0, end;
	double lag;
	int rc = store_begin(t->store, &l->err);

	if (rc == 0 && (rc = add_all(t, l, &stored, &duplicates, &l->err)))
		store_abort(t->store);
	else if (rc == 0)
		rc = store_commit(t->store, &l->err);
	end = time_mono_ns();
	lag = (double)(end - l->since) / 1e9;
	if (rc && !l->err.code)
		err_set(&l->err, ERR_IO, "the commit failed");
	pthread_mutex_lock(&counting);
	if (rc) {
		figures_add(&f->commit_failures, 1);
	} else {
		figures_add(&f->commits, 1);
		figures_add(&f->commit_events, stored);
		figures_add(&f->duplicates, duplicates);
		__atomic_store(&f->lag_seconds, &lag, __ATOMIC_RELAXED);
		figures_observe(&f->commit_seconds, (double)(end - began) / 1e9);
	}
	pthread_mutex_unlock(&counting);
	t->took_ns = end - began;
}

static int
complete(const struct serve_tenant *t)
{
	return t->ending || t->open->calls >= t->together || t->open->bytes.n >= FULL_BYTES;
}

/* Under the lock: give those who were answered just now time to be in this load too. */
static void
gather(struct serve_tenant *t)
{
	int64_t part = (t->took_ns < PATIENT_NS ? t->took_ns : PATIENT_NS) / 4, until = time_mono_ns();

	t->gathering = 1;
	for (int i = 0; i < 4 && !complete(t) && (i == 0 || http_server_busy(t->serve->http)); i++) {
		struct timespec at;

		until += part;
		at = (struct timespec){ until / 1000000000, until % 1000000000 };
		while (!complete(t) && pthread_cond_timedwait(&t->gathered, &t->lock, &at) == 0)
			;
	}
	t->gathering = 0;
}

static struct load *
spare(struct serve_tenant *t)
{
	for (int i = 0; i < 3; i++)
		if (&t->loads[i] != t->open && !t->loads[i].busy)
			return &t->loads[i];
	return NULL;
}

/* Who waits is answered on the loop, which may have emptied the load before this returns: it is the loop's from the call on. */
static void
hand_over(struct serve_tenant *t, struct load *l)
{
	if (l->first) {
		if (http_server_call(t->serve->http, answer_all, l) == 0)
			return;
		*l->last = t->orphans;          /* the loop is over: their clients are gone */
		t->orphans = l->first;
	}
	empty(l);
}

static void *
run(void *self)
{
	struct serve_tenant *t = self;

	pthread_mutex_lock(&t->lock);
	for (;;) {
		struct load *l = t->open, *next = NULL;

		while (((!l->first && !l->jobs && !l->n) || !(next = spare(t))) && !(t->ending && !l->first && !l->jobs && !l->n))
			pthread_cond_wait(&t->filled, &t->lock);
		if (!next && !l->first && !l->jobs && !l->n)
			break;
		gather(t);
		l->busy = 1;
		t->open = next;
		figures_set(&figures_part(t->serve->figures, t->serve->worker)->pending_bytes, 0);
		pthread_mutex_unlock(&t->lock);

		commit(t, l);

		pthread_mutex_lock(&t->lock);
		for (struct serve_job *j = l->jobs, *after; j; j = after) {
			after = j->next;
			if (l->err.code) {
				j->rc = l->err.code;
				j->err = l->err;
			}
			j->done = 1;
		}
		if (l->jobs)
			pthread_cond_broadcast(&t->done);
		t->together = l->calls + t->open->calls;
		pthread_mutex_unlock(&t->lock);
		hand_over(t, l);
		pthread_mutex_lock(&t->lock);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* ---- what is filled */

int
serve_tenant_full(struct serve_tenant *t)
{
	int full;

	pthread_mutex_lock(&t->lock);
	full = t->open->bytes.n > TENANT_PENDING;
	pthread_mutex_unlock(&t->lock);
	return full;
}

void
serve_tenant_lock(struct serve_tenant *t)
{
	pthread_mutex_lock(&t->lock);
}

static struct str
keep(struct buf *b, struct str text)
{
	struct str at = { text.p ? (const char *)(b->n + 1) : NULL, text.n };   /* + 1: an offset of 0 is no NULL */

	buf_str(b, text);
	return at;
}

void
serve_tenant_add(struct serve_tenant *t, const struct event *e, int fresh)
{
	struct load *l = t->open;
	struct event *copy;

	if (l->n == l->cap)
		l->event = mem_grow(l->event, l->cap = l->cap ? l->cap * 2 : 256, sizeof(*l->event));
	if (!l->n && !l->n_samples)
		l->since = time_mono_ns();
	l->event[l->n].fresh = fresh;
	l->event[l->n].keyed = l->key;
	copy = &l->event[l->n++].event;
	*copy = *e;
	buf_room(&l->bytes, e->name.n + e->id.n + e->user_id.n + e->session_id.n + e->properties.n + 1);
	copy->name = keep(&l->bytes, e->name);
	copy->id = keep(&l->bytes, e->id);
	copy->user_id = keep(&l->bytes, e->user_id);
	copy->session_id = keep(&l->bytes, e->session_id);
	copy->properties = keep(&l->bytes, e->properties);
}

void
serve_tenant_add_sample(struct serve_tenant *t, const struct store_sample *x, struct serve_call *call)
{
	struct load *l = t->open;
	struct store_sample *copy;

	if (l->n_samples == l->cap_samples)
		l->sample = mem_grow(l->sample, l->cap_samples = l->cap_samples ? l->cap_samples * 2 : 256, sizeof(*l->sample));
	if (!l->n && !l->n_samples)
		l->since = time_mono_ns();
	l->sample[l->n_samples].call = call;
	l->sample[l->n_samples].keyed = l->key;
	copy = &l->sample[l->n_samples++].sample;
	*copy = *x;
	copy->metric = keep(&l->bytes, x->metric);
	copy->labels = keep(&l->bytes, x->labels);
	copy->field = keep(&l->bytes, x->field);
	copy->window = keep(&l->bytes, x->window);
	copy->state = (struct str){ 0 };
}

void
serve_tenant_key(struct serve_tenant *t, struct str key, struct str body, struct serve_call *call)
{
	struct load *l = t->open;

	if (!l->n && !l->n_samples)             /* there may be no more than the key */
		l->since = time_mono_ns();
	if (l->n_keyed == l->cap_keyed)
		l->keyed = mem_grow(l->keyed, l->cap_keyed = l->cap_keyed ? l->cap_keyed * 2 : 64, sizeof(*l->keyed));
	l->keyed[l->n_keyed++] = (struct keyed){ keep(&l->bytes, key), keep(&l->bytes, body), call };
	l->key = l->n_keyed;
}

void
serve_tenant_wait(struct serve_tenant *t, struct serve_call *c)
{
	struct load *l = t->open;

	c->next = NULL;
	*l->last = c;
	l->last = &c->next;
	l->calls++;
}

void
serve_tenant_unlock(struct serve_tenant *t)
{
	t->open->key = 0;
	figures_set(&figures_part(t->serve->figures, t->serve->worker)->pending_bytes, (int64_t)t->open->bytes.n);
	if (!t->gathering)
		pthread_cond_signal(&t->filled);
	else if (complete(t))
		pthread_cond_signal(&t->gathered);
	pthread_mutex_unlock(&t->lock);
}

int
serve_tenant_write(struct serve_tenant *t, struct serve_job *job, struct err *err)
{
	pthread_mutex_lock(&t->lock);
	job->next = NULL;
	job->done = 0;
	if (!t->open->n && !t->open->jobs)
		t->open->since = time_mono_ns();
	*t->open->last_job = job;
	t->open->last_job = &job->next;
	pthread_cond_signal(&t->filled);
	while (!job->done)
		pthread_cond_wait(&t->done, &t->lock);
	pthread_mutex_unlock(&t->lock);
	if (job->rc < 0)
		*err = job->err;
	return job->rc;
}

/* ---- which are open */

static void
free_tenant(struct serve_tenant *t)
{
	if (!t)
		return;
	store_close(t->reader);
	store_close(t->store);
	for (int i = 0; i < 3; i++) {
		buf_release(&t->loads[i].bytes);
		free(t->loads[i].event);
		free(t->loads[i].sample);
		free(t->loads[i].keyed);
	}
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->filled);
	pthread_cond_destroy(&t->done);
	pthread_cond_destroy(&t->gathered);
	free(t->name);
	free(t);
}

static struct serve_tenant *
open_tenant(struct serve *s, struct str name, struct err *err)
{
	struct serve_tenant *t = mem_new(sizeof(*t));
	struct serve_setup *setup = serve_setup_now(s);
	pthread_condattr_t mono;
	int rc;

	t->serve = s;
	t->name = mem_dup(name.p, name.n);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->filled, NULL);
	pthread_cond_init(&t->done, NULL);
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&t->gathered, &mono);
	pthread_condattr_destroy(&mono);
	for (int i = 0; i < 3; i++) {
		t->loads[i].tenant = t;
		t->loads[i].last = &t->loads[i].first;
		t->loads[i].last_job = &t->loads[i].jobs;
	}
	t->open = &t->loads[0];
	if (!(t->store = store_open(s->spec.store, t->name, STORE_CREATE, err)) || store_ladder_follow(t->store, setup->config, err))
		goto fail;
	t->reader = store_share(t->store);
	if ((rc = pthread_create(&t->thread, NULL, run, t))) {
		err_set(err, ERR_LIMIT, "cannot start a thread: %s", strerror(rc));
		goto fail;
	}
	serve_setup_free(setup);
	return t;
fail:
	serve_setup_free(setup);
	free_tenant(t);
	return NULL;
}

struct serve_tenant *
serve_tenant(struct serve *s, struct str name, struct err *err)
{
	struct map_entry *e;
	struct serve_tenant *t;

	pthread_mutex_lock(&s->tenants_lock);
	e = map_find(&s->tenants, name);
	t = e ? e->ptr : NULL;
	if (!t && !str_eq(name, STR("default")) && !store_has_tenant(s->spec.store, name))      /* what makes one is POST /api/v1/tenants, not its name */
		err_set(err, ERR_INPUT, "there is no such tenant");
	else if (!t && (t = open_tenant(s, name, err)))
		map_put(&s->tenants, name, NULL)->ptr = t;
	pthread_mutex_unlock(&s->tenants_lock);
	return t;
}

struct store *
serve_tenant_store(struct serve_tenant *t)
{
	return t->reader;
}

struct store *
serve_store(struct serve *s, struct str name, struct err *err)
{
	struct serve_tenant *t = serve_tenant(s, name, err);

	return t ? t->reader : NULL;
}

int
serve_tenant_is_open(struct serve *s, struct str name)
{
	struct map_entry *e;

	pthread_mutex_lock(&s->tenants_lock);
	e = map_find(&s->tenants, name);
	pthread_mutex_unlock(&s->tenants_lock);
	return e && e->ptr;
}

int
serve_tenant_is_there(struct serve *s, struct str name)
{
	return serve_tenant_is_open(s, name) || store_has_tenant(s->spec.store, name);
}

int
serve_tenant_look(struct serve *s, struct str name, int (*look)(void *, struct store *, struct err *), void *self, struct err *err)
{
	struct map_entry *e;
	struct serve_tenant *t;
	struct store *store = NULL;
	char *text = mem_dup(name.p, name.n);
	int rc;

	pthread_mutex_lock(&s->tenants_lock);           /* nobody opens it meanwhile: once in a process */
	e = map_find(&s->tenants, name);
	t = e ? e->ptr : NULL;
	if (!t)
		store = store_open(s->spec.store, text, STORE_READ, err);
	rc = t || store ? look(self, t ? t->reader : store, err) : err->code;
	store_close(store);
	pthread_mutex_unlock(&s->tenants_lock);
	free(text);
	return rc;
}

void
serve_tenants_each(struct serve *s, void (*each)(void *, struct serve_tenant *), void *self)
{
	pthread_mutex_lock(&s->tenants_lock);
	for (struct map_entry *e = map_first(&s->tenants); e; e = map_next(&s->tenants, e))
		if (e->ptr)
			each(self, e->ptr);
	pthread_mutex_unlock(&s->tenants_lock);
}

void
serve_tenants_open(struct serve *s, int (*each)(void *, const char *name), void *self)
{
	struct buf names = { 0 };

	pthread_mutex_lock(&s->tenants_lock);
	for (struct map_entry *e = map_first(&s->tenants); e; e = map_next(&s->tenants, e))
		if (e->ptr) {
			buf_str(&names, e->key);
			buf_byte(&names, 0);
		}
	pthread_mutex_unlock(&s->tenants_lock);
	for (size_t i = 0; i < names.n && each(self, names.p + i) == 0; i += strlen(names.p + i) + 1)
		;
	buf_release(&names);
}

void
serve_tenants_free(struct serve *s)
{
	for (struct map_entry *e = map_first(&s->tenants); e; e = map_next(&s->tenants, e)) {
		struct serve_tenant *t = e->ptr;

		if (!t)
			continue;
		pthread_mutex_lock(&t->lock);
		t->ending = 1;
		pthread_cond_signal(&t->filled);
		pthread_cond_signal(&t->gathered);
		pthread_mutex_unlock(&t->lock);
		pthread_join(t->thread, NULL);
		for (struct serve_call *c = t->orphans, *next; c; c = next) {   /* for who frees them */
			next = c->next;
			exchange_stopping(&c->ex);
		}
		free_tenant(t);
	}
	map_release(&s->tenants);
}
