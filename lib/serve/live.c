/* live.c - followers: who reads what came, once for all, and tells who wished for it. */
#include "serve/live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/time.h"
#include "serve/live_priv.h"

#define LOOK_MS     20          /* where nothing can be watched: look so often */
#define SAFE_MS     1000        /* and so often where something can */
#define SPARE       1000        /* names of shapes that are no more */
#define REPLAY_MOST 100000      /* events behind which a subscription goes on; more is a gap */

static const char *const kinds[] = { "anomaly", "alert", NULL };

/* A file is written to before its commit can be seen, by what fsync takes, and the last write comes some µs before, or, where the writer is
 * held up, as much as he is. So after each sign it is looked at some times more, ever more seldom. */
static const int again_ms[] = { 1, 2, 4, 10, 40, 100, 200, 400 };
#define AGAIN (int)(sizeof(again_ms) / sizeof(*again_ms))

/* ---- shapes */

static void
add_to(struct live_shape ***list, size_t *n, size_t *cap, struct live_shape *shape)
{
	if (*n == *cap)
		*list = mem_grow(*list, *cap = *cap ? 2 * *cap : 16, sizeof(**list));
	(*list)[(*n)++] = shape;
}

static void
take_from(struct live_shape **list, size_t *n, const struct live_shape *shape)
{
	for (size_t i = 0; i < *n; i++)
		if (list[i] == shape)
			list[i--] = list[--*n];
}

static struct str
keep(struct arena *a, struct str s)
{
	return (struct str){ s.p ? arena_dup(a, s.p, s.n) : NULL, s.n };
}

static void
copy_wish(struct arena *a, struct live_wish *to, const struct live_wish *from)
{
	*to = *from;
	to->name = keep(a, from->name);
	to->by = keep(a, from->by);
	to->id = keep(a, from->id);
	to->resume = keep(a, from->resume);
	for (int i = 0; i < from->n_filters; i++)
		to->filter[i] = (struct metric_filter){ keep(a, from->filter[i].field), keep(a, from->filter[i].value), keep(a, from->filter[i].number) };
}

static void
put_text(struct buf *b, struct str s)
{
	buf_printf(b, "%zu:", s.n);
	buf_str(b, s);
}

static void
put_key(struct buf *key, const struct live_subscription *sub)
{
	const struct live_wish *w = &sub->wish;

	buf_printf(key, "%d %llx %lld %lld %d ", w->kind, (unsigned long long)policy_hash(sub->policy), (long long)w->range_ms, (long long)w->every_ms, w->months);
	put_text(key, w->name);
	put_text(key, w->by);
	for (int i = 0; i < w->n_filters; i++)
		put_text(key, w->filter[i].field), put_text(key, w->filter[i].value), put_text(key, w->filter[i].number);
}

static int
is_pattern(struct str name)
{
	return memchr(name.p, '*', name.n) || memchr(name.p, '?', name.n);
}

static void
list_shape(struct live_follower *f, struct live_shape *shape)
{
	if (shape->wish.kind != LIVE_EVENTS) {
		add_to(&f->other, &f->n_others, &f->others_cap, shape);
	} else if (is_pattern(shape->wish.name)) {
		add_to(&f->pattern, &f->n_patterns, &f->patterns_cap, shape);
	} else {
		struct map_entry *e = map_put(&f->names, shape->wish.name, NULL);

		shape->next = e->ptr;
		e->ptr = shape;
	}
}

static void
unlist_shape(struct live_follower *f, struct live_shape *shape)
{
	struct map_entry *e = shape->wish.kind == LIVE_EVENTS ? map_find(&f->names, shape->wish.name) : NULL;

	take_from(f->pattern, &f->n_patterns, shape);
	take_from(f->other, &f->n_others, shape);
	for (struct live_shape *s = e ? e->ptr : NULL, *before = NULL; s; before = s, s = s->next)
		if (s == shape) {
			*(before ? &before->next : (struct live_shape **)&e->ptr) = s->next;
			break;
		}
	map_find(&f->shapes, shape->key)->ptr = NULL;
}

void
live_shape_let_go(struct live_shape *shape)
{
	if (!shape || --shape->users)
		return;
	policy_reader_free(shape->reader);
	policy_free(shape->policy);
	live_metric_release(shape);
	free(shape->one);
	arena_free(shape->arena);
	free(shape);
}

static struct live_shape *
shape_for(struct live_follower *f, struct live_subscription *sub, struct err *err)
{
	struct buf key = { 0 };
	struct map_entry *e;
	struct live_shape *shape;

	put_key(&key, sub);
	e = map_put(&f->shapes, buf_get(&key), NULL);
	buf_release(&key);
	if (e->ptr)
		return e->ptr;
	shape = mem_new(sizeof(*shape));
	shape->users = 1;
	shape->follower = f;
	shape->arena = arena_new(0);
	shape->key = keep(shape->arena, e->key);
	copy_wish(shape->arena, &shape->wish, &sub->wish);
	shape->policy = policy_hold(sub->policy);
	if (shape->policy && !(shape->reader = policy_reader_new(shape->policy, f->store, err))) {
		live_shape_let_go(shape);
		return NULL;
	}
	live_metric_init(shape);
	e->ptr = shape;
	list_shape(f, shape);
	return shape;
}

/* ---- what came */

static void
send_to_all(struct live_shape *shape, struct live_message *m, uint64_t seq, uint64_t row)
{
	const struct live_follower *f = shape->follower;
	struct live_shared shared = { 0 };

	m->shared = shape->n > 1 ? &shared : NULL;
	for (size_t i = 0; i < shape->n; i++) {
		struct live_subscription *sub = shape->one[i];

		if ((f->replay && f->replay != sub) || (seq && seq <= sub->after) || (row && row < sub->after_row))
			continue;
		live_send(sub, m);
	}
	live_shared_release(&shared);
}

static void
tell_event(struct live_shape *shape, const struct event *ev, struct err *err)
{
	struct live_follower *f = shape->follower;
	struct event seen = *ev;
	struct live_message m = { .type = "event" };
	size_t at;

	if (shape->reader && policy_see(shape->reader, &seen, err) <= 0)
		return;
	buf_clear(&f->row);
	buf_lit(&f->row, "{\"type\":\"event\",\"event\":");
	at = f->row.n;
	event_put(&f->row, &seen);
	if (!live_filters_fit(&shape->wish, json_checked((struct str){ f->row.p + at, f->row.n - at }), &f->text))
		return;
	buf_lit(&f->row, ",\"resume\":\"");
	at = f->row.n;
	live_put_resume(f, &f->row, ev->seq, f->place.row);
	m.resume = (struct str){ f->row.p + at, f->row.n - at };
	buf_lit(&f->row, "\"}");
	m.json = buf_get(&f->row);
	m.resume.p = f->row.p + at;
	send_to_all(shape, &m, ev->seq, 0);
}

static int
hear_event(void *self, const struct event *ev, struct err *err)
{
	struct live_follower *f = self;
	struct map_entry *e = map_find(&f->names, ev->name);

	for (struct live_shape *s = e ? e->ptr : NULL; s; s = s->next)
		if (!f->replay || f->replay->shape == s)
			tell_event(s, ev, err);
	for (size_t i = 0; i < f->n_patterns; i++)
		if ((!f->replay || f->replay->shape == f->pattern[i]) && policy_name_fits(f->pattern[i]->wish.name, ev->name))
			tell_event(f->pattern[i], ev, err);
	for (size_t i = 0; i < f->n_others && !f->replay; i++)
		if (f->other[i]->wish.kind == LIVE_METRIC)
			live_metric_touch(f->other[i], ev);
		else if (f->other[i]->wish.kind == LIVE_CHANGES && f->other[i]->reader && !f->other[i]->changed) {
			struct event seen = *ev;

			f->other[i]->changed = policy_see(f->other[i]->reader, &seen, err) > 0;
		}
	err_clear(err);
	return 0;
}

static int
hear_row(void *self, const char *kind, uint64_t number, struct str json, struct err *err)
{
	struct live_follower *f = self;
	enum live_kind of = strcmp(kind, "alert") == 0 ? LIVE_ALERTS : LIVE_ANOMALIES;

	for (size_t i = 0; i < f->n_others; i++) {
		struct live_shape *s = f->other[i];
		struct live_message m = { .type = kind };
		struct str seen = json;
		size_t at;

		if (s->wish.kind == LIVE_CHANGES && s->reader && !f->replay)
			s->changed |= policy_see_row(s->reader, kind, &seen, err) > 0;
		if (s->wish.kind != of || (f->replay && f->replay->shape != s) || (s->reader && policy_see_row(s->reader, kind, &seen, err) <= 0) ||
		    !live_filters_fit(&s->wish, json_value(seen), &f->text))
			continue;
		buf_clear(&f->row);
		buf_printf(&f->row, "{\"type\":\"%s\",\"%s\":", kind, kind);
		buf_str(&f->row, seen);
		buf_lit(&f->row, ",\"resume\":\"");
		at = f->row.n;
		live_put_resume(f, &f->row, f->place.seq, number + 1);
		buf_lit(&f->row, "\"}");
		m.json = buf_get(&f->row);
		m.resume = (struct str){ f->row.p + at, 32 };
		send_to_all(s, &m, 0, number);
	}
	err_clear(err);
	return 0;
}

/* Who sees a part hears of what he sees: when others are at work is not his to know. Whose samples came is not told here, so of those he hears. */
static void
tell_changed(struct live_shape *shape, int came, int samples, int damaged)
{
	if (damaged || (came && (!shape->reader || shape->changed || samples)))
		send_to_all(shape, &(struct live_message){ .type = "changed", .json = STR("{\"type\":\"changed\"}") }, 0, 0);
	shape->changed = 0;
}

static void
look(struct live_follower *f)
{
	const struct store_news news = { hear_event, hear_row, kinds, f };
	struct err err = { 0 };
	int samples = 0, rc = store_each_new(f->store, &f->place, &news, &samples, &err);

	if (rc == ERR_CORRUPT) {                /* what is damaged is told by whoever reads it; go on behind it */
		err_clear(&err);
		store_place_now(f->store, &f->place, &err);
	}
	for (size_t i = 0; i < f->n_others; i++)
		if (f->other[i]->wish.kind == LIVE_METRIC)
			live_metric_flush(f->other[i], rc > 0 && samples);
		else if (f->other[i]->wish.kind == LIVE_CHANGES)
			tell_changed(f->other[i], rc > 0, samples, rc == ERR_CORRUPT);
}

/* ---- who comes and goes */

static void
tell_begun(struct live_follower *f, struct live_subscription *sub, const char *type)
{
	struct live_message m = { .type = type };
	size_t at;

	buf_clear(&f->row);
	buf_printf(&f->row, "{\"type\":\"%s\",\"resume\":\"", type);
	at = f->row.n;
	live_put_resume(f, &f->row, sub->after, sub->after_row);
	buf_lit(&f->row, "\"}");
	m.json = buf_get(&f->row);
	m.resume = (struct str){ f->row.p + at, 32 };
	live_send(sub, &m);
}

static void
tell_error(struct live_subscription *sub, const struct err *err)
{
	struct buf text = { 0 };
	struct live_message m = { .type = "error" };

	buf_lit(&text, "{\"type\":\"error\",\"error\":");
	json_put_string(&text, str_of(err->text));
	buf_byte(&text, '}');
	m.json = buf_get(&text);
	live_send(sub, &m);
	buf_release(&text);
}

/* What it has not heard since it was here last, up to where the others are. */
static void
catch_up(struct live_follower *f, struct live_subscription *sub)
{
	const struct store_news news = { hear_event, hear_row, kinds, f };
	struct store_place now = f->place, place = { .seq = 0 };
	struct err err = { 0 };
	int samples;

	if (live_read_resume(f, sub->wish.resume, &place.seq, &place.row) || place.seq > now.seq || place.row > now.row || now.seq - place.seq > REPLAY_MOST) {
		tell_begun(f, sub, "gap");
		return;
	}
	sub->after = place.seq;
	sub->after_row = place.row;
	f->replay = sub;
	f->place.row = place.row;               /* so that the texts it could go on from again say so */
	if (store_each_new(f->store, &place, &news, &samples, &err) > 0) {
		sub->after = place.seq;         /* perhaps further than the others */
		sub->after_row = place.row;
	}
	f->replay = NULL;
	f->place.row = now.row;
}

static void
come(struct live_follower *f, struct live_subscription *sub)
{
	struct err err = { 0 };
	struct live_shape *shape;

	if (f->n++ == 0 && (f->watch = store_watch(f->store, &err)) < 0)
		err_clear(&err);
	if (!f->placed)
		f->placed = store_place_now(f->store, &f->place, &err) == 0;
	if (!err.code && (shape = shape_for(f, sub, &err))) {
		pthread_mutex_lock(&f->lock);
		if (shape->n == shape->cap)
			shape->one = mem_grow(shape->one, shape->cap = shape->cap ? 2 * shape->cap : 4, sizeof(*shape->one));
		shape->one[shape->n++] = sub;
		sub->shape = shape;
		pthread_mutex_unlock(&f->lock);
		sub->after = f->place.seq;
		sub->after_row = f->place.row;
		tell_begun(f, sub, "subscribed");
		if (shape->wish.kind == LIVE_METRIC)
			live_metric_whole(shape);
		else if (sub->wish.resume.p)
			catch_up(f, sub);
	} else {
		tell_error(sub, &err);
	}
}

static void
go(struct live_follower *f, struct live_subscription *sub)
{
	struct live_shape *shape = sub->shape;

	sub->over = 1;
	if (shape) {
		pthread_mutex_lock(&f->lock);
		for (size_t i = 0; i < shape->n; i++)
			if (shape->one[i] == sub) {
				memmove(&shape->one[i], &shape->one[i + 1], (shape->n - i - 1) * sizeof(*shape->one));
				shape->n--;
				break;
			}
		pthread_mutex_unlock(&f->lock);
		if (shape->n == 0) {
			unlist_shape(f, shape);
			live_shape_let_go(shape);
			map_tidy(&f->shapes, SPARE);
			map_tidy(&f->names, SPARE);
		}
	}
	if (--f->n == 0) {                      /* nobody listens: sleep for good */
		if (f->watch >= 0)
			close(f->watch);
		f->watch = -1;
		f->placed = 0;
	}
	f->live->subscriptions--;
	live_let_go(sub);
}

static struct live_command *
next_command(struct live_follower *f)
{
	struct live_command *c;

	pthread_mutex_lock(&f->lock);
	if ((c = f->first) && !(f->first = c->next))
		f->last = &f->first;
	pthread_mutex_unlock(&f->lock);
	return c;
}

/* 1: it is over. */
static int
obey(struct live_follower *f)
{
	struct live_command *c;
	int quit = 0;

	while ((c = next_command(f))) {
		switch (c->what) {
		case LIVE_COME:
			come(f, c->sub);
			break;
		case LIVE_GO:
			go(f, c->sub);
			break;
		default:
			quit = 1;
		}
		free(c);
	}
	return quit;
}

static void
end_all(struct live_follower *f)
{
	for (struct map_entry *e = map_first(&f->shapes); e; e = map_next(&f->shapes, e)) {
		struct live_shape *shape = e->ptr;

		for (size_t i = 0; shape && i < shape->n; i++)
			live_end(shape->one[i], "going away");
	}
}

static void
drain(int fd)
{
	char bytes[4096];

	while (fd >= 0 && read(fd, bytes, sizeof(bytes)) == sizeof(bytes))
		;
}

static void *
follow(void *self)
{
	struct live_follower *f = self;
	int again = AGAIN;

	for (;;) {
		struct pollfd fd[2] = { { .fd = f->wake, .events = POLLIN }, { .fd = f->watch, .events = POLLIN } };
		int wait = !f->n ? -1 : again < AGAIN ? again_ms[again++] : f->watch < 0 ? LOOK_MS : SAFE_MS;

		poll(fd, 2, wait);
		if (fd[1].revents) {
			drain(f->watch);
			again = 0;
		}
		if (fd[0].revents)
			drain(f->wake);
		if (f->placed)
			look(f);
		if (obey(f))
			break;
	}
	end_all(f);
	return NULL;
}

/* ---- from outside */

static void
give(struct live_follower *f, int what, struct live_subscription *sub)
{
	struct live_command *c = mem_new(sizeof(*c));
	const uint64_t one = 1;

	*c = (struct live_command){ .what = what, .sub = sub };
	pthread_mutex_lock(&f->lock);
	*f->last = c;
	f->last = &c->next;
	pthread_mutex_unlock(&f->lock);
	if (write(f->wake, &one, sizeof(one)) < 0)
		return;                 /* it is full: it wakes all the same */
}

static int
start(pthread_t *thread, void *(*run)(void *), void *self)
{
	sigset_t all, was;
	int rc;

	sigfillset(&all);               /* signals are for the threads of the program */
	pthread_sigmask(SIG_SETMASK, &all, &was);
	rc = pthread_create(thread, NULL, run, self);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return rc;
}

static void
free_follower(struct live_follower *f)
{
	close(f->wake);
	if (f->watch >= 0)
		close(f->watch);
	store_close(f->store);
	pthread_mutex_destroy(&f->lock);
	map_release(&f->shapes), map_release(&f->names);
	buf_release(&f->text), buf_release(&f->row);
	free(f->pattern), free(f->other), free(f->tenant);
	free(f);
}

/* Under the lock of `live`. */
static struct live_follower *
follower_of(struct live *live, struct str tenant, struct err *err)
{
	struct map_entry *e = map_put(&live->followers, tenant, NULL);
	struct live_follower *f;
	struct store *store;
	int rc = 0;

	if (e->ptr)
		return e->ptr;
	if (!(store = live->spec.store(live->spec.self, tenant, err)))
		return NULL;
	f = mem_new(sizeof(*f));
	f->live = live;
	f->tenant = mem_dup(tenant.p, tenant.n);
	f->store = store_share(store);
	f->last = &f->first;
	f->watch = -1;
	pthread_mutex_init(&f->lock, NULL);
	if ((f->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0 || (rc = start(&f->thread, follow, f))) {
		err_set(err, ERR_LIMIT, "cannot follow tenant %s: %s", f->tenant, strerror(f->wake < 0 ? errno : rc));
		free_follower(f);
		return NULL;
	}
	return e->ptr = f;
}

struct live_subscription *
live_subscribe(struct live *live, struct str tenant, struct policy *policy, const struct live_wish *wish, const struct live_sink *sink, struct err *err)
{
	struct live_subscription *sub;
	struct live_follower *f;

	if (live->subscriptions >= LIVE_MOST) {
		err_set(err, ERR_LIMIT, "more than %d subscriptions", LIVE_MOST);
		return NULL;
	}
	pthread_mutex_lock(&live->lock);
	f = follower_of(live, tenant, err);
	pthread_mutex_unlock(&live->lock);
	if (!f)
		return NULL;
	live->subscriptions++;
	sub = mem_new(sizeof(*sub));
	sub->users = 2;                 /* the caller's and the follower's */
	sub->follower = f;
	sub->sink = *sink;
	sub->arena = arena_new(0);
	copy_wish(sub->arena, &sub->wish, wish);
	sub->policy = policy_hold(policy);
	give(f, LIVE_COME, sub);
	return sub;
}

void
live_unsubscribe(struct live_subscription *sub)
{
	if (!sub)
		return;
	sub->over = 1;
	give(sub->follower, LIVE_GO, sub);
	live_let_go(sub);
}

struct live *
live_new(const struct live_spec *spec)
{
	struct live *live = mem_new(sizeof(*live));
	pthread_condattr_t clock;

	live->spec = *spec;
	pthread_mutex_init(&live->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&live->work, &clock);
	pthread_condattr_destroy(&clock);
	live->counting = start(&live->counter, live_count, live) == 0;
	return live;
}

void
live_free(struct live *live)
{
	if (!live)
		return;
	for (struct map_entry *e = map_first(&live->followers); e; e = map_next(&live->followers, e)) {
		struct live_follower *f = e->ptr;

		if (f) {
			give(f, LIVE_QUIT, NULL);
			pthread_join(f->thread, NULL);
		}
	}
	pthread_mutex_lock(&live->lock);
	live->ending = 1;
	pthread_cond_signal(&live->work);
	pthread_mutex_unlock(&live->lock);
	if (live->counting)
		pthread_join(live->counter, NULL);
	for (struct map_entry *e = map_first(&live->followers); e; e = map_next(&live->followers, e)) {
		struct live_follower *f = e->ptr;

		if (!f)
			continue;
		obey(f);                        /* who was on his way */
		for (struct map_entry *s = map_first(&f->shapes); s; s = map_next(&f->shapes, s)) {
			struct live_shape *shape = s->ptr;

			for (size_t i = 0; shape && i < shape->n; i++)
				live_let_go(shape->one[i]);
			live_shape_let_go(shape);
		}
		free_follower(f);
	}
	live_engines_shut(live);
	map_release(&live->followers);
	pthread_cond_destroy(&live->work);
	pthread_mutex_destroy(&live->lock);
	free(live);
}

void
live_reload(struct live *live)
{
	pthread_mutex_lock(&live->lock);
	live->reload = 1;
	pthread_mutex_unlock(&live->lock);
}

void
live_figures(struct live *live, struct live_figures *to)
{
	*to = (struct live_figures){ .subscriptions = live->subscriptions, .messages = live->messages, .slow = live->slow };
	pthread_mutex_lock(&live->lock);
	for (struct map_entry *e = map_first(&live->followers); e; e = map_next(&live->followers, e))
		to->followers += e->ptr != NULL;
	pthread_mutex_unlock(&live->lock);
}
