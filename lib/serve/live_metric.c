/* live_metric.c - the counter: metrics computed anew where events touched them, and what changed of them told.
 *
 * What was touched comes as a span of times; the buckets it lies in are counted whole, by the same metric_run that answers
 * everybody else, so live figures are never others than those that are asked for. What a shape has told last is kept, and only what
 * differs from it is sent. */
#include <stdlib.h>

#include "base/time.h"
#include "query/metric.h"
#include "query/metric_built_in.h"
#include "serve/live_priv.h"

#define LEAST_NS    50000000LL  /* between two countings of one shape: 20 a second */
#define SHARE       9           /* a counting that took t of processor time is followed by 9 t of rest */
#define AGES        100             /* a value of a whole range is counted anew when so many parts of the range went by, */
#define AGE_LEAST   5000            /* ms, at the least */
#define MONTH_MOST  (31 * 86400000LL)
#define POINTS_MOST 200000      /* kept of one shape; beyond them its subscribers get snapshots only */

struct engine { struct query *query; void *held; };

/* ---- by the follower */

void
live_metric_init(struct live_shape *shape)
{
	shape->metric.touched = shape->metric.span = (struct live_span){ INT64_MAX, INT64_MIN };
	shape->metric.next_ns = time_mono_ns();         /* behind those that wait already */
	shape->metric.asked_ms = shape->metric.next_ns / 1000000;
}

void
live_metric_release(struct live_shape *shape)
{
	struct live_names *names = shape->metric.names, *before;

	for (; names; names = before) {
		before = names->before;
		free(names);
	}
	map_release(&shape->metric.points);
	arena_free(shape->metric.texts);
}

static int
counts(const struct live_names *names, struct str event)
{
	if (!names || !names->n)
		return 1;
	for (int i = 0; i < names->n; i++)
		if (str_eq(names->name[i], event))
			return 1;
	return 0;
}

void
live_metric_touch(struct live_shape *shape, const struct event *ev)
{
	struct live_span *t = &shape->metric.touched;

	if (!counts(shape->metric.names, ev->name))
		return;
	t->first = ev->time < t->first ? ev->time : t->first;
	t->last = ev->time > t->last ? ev->time : t->last;
}

static void
enqueue(struct live_shape *shape, const struct live_span *span)
{
	struct live *live = shape->follower->live;
	struct live_metric *m = &shape->metric;

	pthread_mutex_lock(&live->lock);
	if (span) {
		m->span.first = span->first < m->span.first ? span->first : m->span.first;
		m->span.last = span->last > m->span.last ? span->last : m->span.last;
	} else {
		m->whole = 1;
	}
	if (!m->queued) {
		m->queued = 1;
		m->after = live->queue;
		live->queue = shape;
		shape->users++;
		pthread_cond_signal(&live->work);
	}
	pthread_mutex_unlock(&live->lock);
}

void
live_metric_flush(struct live_shape *shape, int samples)
{
	struct live_span *t = &shape->metric.touched;
	const struct live_names *names = shape->metric.names;
	int64_t now_ms = time_mono_ms(), age = shape->wish.range_ms / AGES;

	if (samples && !(names && names->is_config))
		enqueue(shape, NULL);
	else if (t->first <= t->last)
		enqueue(shape, shape->wish.every_ms && !(names && names->is_whole) ? t : NULL);
	else if (!shape->wish.every_ms && now_ms - shape->metric.asked_ms >= (age > AGE_LEAST ? age : AGE_LEAST))
		enqueue(shape, NULL);           /* what is too old by now no longer counts */
	else
		return;
	shape->metric.asked_ms = now_ms;
	*t = (struct live_span){ INT64_MAX, INT64_MIN };
}

void
live_metric_whole(struct live_shape *shape)
{
	enqueue(shape, NULL);
}

/* ---- counting */

struct point { struct str labels, time, value; };       /* JSON each */

struct counting {
	struct live_shape *shape;
	struct arena *texts;
	struct point *point;
	size_t n, cap;
	struct str by[METRIC_BY_MOST];
	int n_by;                       /* labels asked for */
	int64_t first, last;            /* buckets that begin before or behind are not whole */
	int adds;                       /* nothing is 0 */
	struct buf scratch;
};

static struct str
keep(struct arena *a, const struct buf *b)
{
	return (struct str){ arena_dup(a, b->p ? b->p : "", b->n), b->n };
}

static struct point *
add_point(struct counting *c)
{
	if (c->n == c->cap)
		c->point = mem_grow(c->point, c->cap = c->cap ? 2 * c->cap : 256, sizeof(*c->point));
	return &c->point[c->n++];
}

static int
take_row(void *self, const struct cell *cells, int n, struct err *err)
{
	struct counting *c = self;
	const struct live_wish *w = &c->shape->wish;
	struct point *p;
	int64_t time = 0;

	(void)err;
	if (n < c->n_by + 2 || (w->every_ms && (cells[c->n_by].type != CELL_TEXT || time_parse_rfc3339(cells[c->n_by].text, &time) < 0 || time < c->first || time > c->last)))
		return 0;
	p = add_point(c);
	buf_clear(&c->scratch);
	cell_put_object(&c->scratch, c->by, cells, c->n_by);
	p->labels = keep(c->texts, &c->scratch);
	buf_clear(&c->scratch);
	cell_put_json(&c->scratch, &cells[c->n_by]);
	p->time = keep(c->texts, &c->scratch);
	buf_clear(&c->scratch);
	cell_put_json(&c->scratch, &cells[c->n_by + 1]);
	p->value = keep(c->texts, &c->scratch);
	return 0;
}

/* Which events it counts, for the follower: a metric of the configuration names them, a built-in one counts any, else it is the name itself, or its
 * singular. */
static void
learn_names(struct live_shape *shape, struct query *q)
{
	struct str name = shape->wish.name;
	struct json metric = metric_definition(q, name), event = json_get(metric, STR("event"));
	struct live_names *to, *was = shape->metric.names;
	struct buf scratch = { 0 };
	struct json_iter it;
	size_t room = sizeof(*to) + 64 * sizeof(struct str) + event.n + 2 * name.n + 2;
	char *at;

	to = mem_grow(NULL, room, 1);
	*to = (struct live_names){ .before = was, .is_config = metric.type == JSON_OBJECT, .is_whole = metric.type != JSON_OBJECT && metric_built_in(name) };
	at = (char *)to + sizeof(*to) + 64 * sizeof(struct str);
#define ADD(text) do { struct str s_ = (text); if (s_.p && to->n < 64) { memcpy(at, s_.p, s_.n); to->name[to->n++] = (struct str){ at, s_.n }; at += s_.n; } } while (0)
	if (event.type == JSON_STRING)
		ADD(json_text(event, &scratch));
	for (it = json_iter(event); event.type == JSON_ARRAY && json_next(&it); )
		ADD(json_text(it.value, &scratch));
	if (!to->is_config && !to->is_whole) {
		ADD(name);
		if (name.n > 1 && name.p[name.n - 1] == 's')
			ADD(((struct str){ name.p, name.n - 1 }));
	}
#undef ADD
	buf_release(&scratch);
	if (was && was->n == to->n && was->is_config == to->is_config && was->is_whole == to->is_whole) {
		int same = 1;

		for (int i = 0; i < to->n; i++)
			same &= str_eq(to->name[i], was->name[i]);
		if (same) {
			free(to);
			return;
		}
	}
	shape->metric.names = to;
}

/* ---- telling */

/* The points that are chosen, as "series":[{"labels":{},"points":[[time,value],…]},…]. */
static void
put_series(struct buf *to, const struct counting *c, const unsigned char *chosen)
{
	struct str labels = { 0 };
	int open = 0;

	buf_lit(to, "\"series\":[");
	for (size_t i = 0; i < c->n; i++) {
		if (chosen && !chosen[i])
			continue;
		if (!open || !str_eq(labels, c->point[i].labels)) {
			buf_lit(to, open ? "]},{\"labels\":" : "{\"labels\":");
			buf_str(to, labels = c->point[i].labels);
			buf_lit(to, ",\"points\":[");
			open = 1;
		} else {
			buf_byte(to, ',');
		}
		buf_byte(to, '[');
		buf_str(to, c->point[i].time);
		buf_byte(to, ',');
		buf_str(to, c->point[i].value);
		buf_byte(to, ']');
	}
	buf_lit(to, open ? "]}]" : "]");
}

static void
put_head(struct buf *to, const char *type, const struct live_wish *w)
{
	char span[32];
	struct str rest = w->by, piece;

	buf_printf(to, "{\"type\":\"%s\",\"metric\":", type);
	json_put_string(to, w->name);
	if (w->every_ms) {
		metric_every_print(w->every_ms, w->months, span);
		buf_printf(to, ",\"interval\":\"%s\"", span);
	}
	buf_lit(to, ",\"groupBy\":[");
	for (int n = 0; rest.p && str_cut(&rest, ',', &piece); n++) {
		if (n)
			buf_byte(to, ',');
		json_put_string(to, str_trim(piece));
	}
	buf_lit(to, "],");
}

/* Those who have it, so that they may be sent to without a lock. */
static struct live_subscription **
subscribers(struct live_shape *shape, size_t *n)
{
	struct live_subscription **all;

	pthread_mutex_lock(&shape->follower->lock);
	all = mem_grow(NULL, shape->n + 1, sizeof(struct live_subscription *));
	for (*n = 0; *n < shape->n; ++*n) {
		all[*n] = shape->one[*n];
		all[*n]->users++;
	}
	pthread_mutex_unlock(&shape->follower->lock);
	return all;
}

/* Values of a whole range that were told and are no longer there: nothing of theirs is in the range now. */
static void
add_gone(struct counting *c)
{
	const char *nothing = c->adds ? "0" : "null";
	struct map here = { 0 };

	for (size_t i = 0; i < c->n; i++)
		map_put(&here, c->point[i].labels, NULL);
	buf_clear(&c->scratch);
	json_put_time(&c->scratch, time_now());
	for (struct map_entry *e = map_first(&c->shape->metric.points); e; e = map_next(&c->shape->metric.points, e)) {
		struct point *p;

		if (map_find(&here, e->key) || strcmp(e->ptr, nothing) == 0)    /* told already: forgotten from now on */
			continue;
		p = add_point(c);
		p->labels = (struct str){ arena_dup(c->texts, e->key.p, e->key.n), e->key.n };
		p->time = keep(c->texts, &c->scratch);
		p->value = str_of(nothing);
	}
	map_release(&here);
}

/* Mark what differs from what was told last, and keep it. The number of them. */
static size_t
find_changes(struct counting *c, int whole, unsigned char *changed)
{
	struct live_metric *m = &c->shape->metric;
	struct map before = m->points;
	struct arena *texts = m->texts;
	size_t n = 0;
	int anew = whole || before.n > POINTS_MOST;

	if (anew || !texts) {
		m->points = (struct map){ 0 };
		m->texts = arena_new(0);
	}
	for (size_t i = 0; i < c->n; i++) {
		struct map_entry *was, *e;
		int is_new;

		buf_clear(&c->scratch);
		buf_str(&c->scratch, c->point[i].labels);
		if (c->shape->wish.every_ms)
			buf_str(&c->scratch, c->point[i].time);
		was = map_find(anew ? &before : &m->points, buf_get(&c->scratch));
		changed[i] = !was || strcmp(was->ptr, c->point[i].value.p) != 0;
		n += changed[i];
		if (!changed[i] && !anew)
			continue;
		e = map_put(&m->points, buf_get(&c->scratch), &is_new);
		e->ptr = arena_dup(m->texts, c->point[i].value.p, c->point[i].value.n);
	}
	if (m->texts != texts) {
		map_release(&before);
		arena_free(texts);
	}
	return n;
}

static void
tell(struct counting *c, int whole, int64_t from, int64_t to, const struct err *err)
{
	struct live_shape *shape = c->shape;
	unsigned char *changed;
	size_t n_changed, n;
	struct live_subscription **all = subscribers(shape, &n);
	struct buf snapshot = { 0 }, delta = { 0 };
	struct live_shared shared[2] = { { 0 } };
	char a[TIME_LEN], b[TIME_LEN];

	if (!shape->wish.every_ms && !err->code)
		add_gone(c);
	changed = mem_grow(NULL, c->n + 1, 1);
	n_changed = err->code ? 0 : find_changes(c, whole, changed);
	for (size_t i = 0; i < n; i++) {
		struct live_subscription *sub = all[i];

		if (err->code && !sub->started) {
			if (!snapshot.n) {
				buf_lit(&snapshot, "{\"type\":\"error\",\"error\":");
				json_put_string(&snapshot, str_of(err->text));
				buf_byte(&snapshot, '}');
			}
			live_send(sub, &(struct live_message){ .type = "error", .json = buf_get(&snapshot) });
		} else if (!err->code && whole && !sub->started) {
			if (!snapshot.n) {
				put_head(&snapshot, "snapshot", &shape->wish);
				time_print(from, a), time_print(to, b);
				buf_printf(&snapshot, "\"from\":\"%.*s\",\"to\":\"%.*s\",", TIME_LEN, a, TIME_LEN, b);
				put_series(&snapshot, c, NULL);
				buf_byte(&snapshot, '}');
			}
			sub->started = 1;
			live_send(sub, &(struct live_message){ .type = "snapshot", .json = buf_get(&snapshot), .shared = &shared[0] });
		} else if (n_changed && sub->started) {
			if (!delta.n) {
				put_head(&delta, "delta", &shape->wish);
				put_series(&delta, c, changed);
				buf_byte(&delta, '}');
			}
			live_send(sub, &(struct live_message){ .type = "delta", .json = buf_get(&delta), .shared = &shared[1] });
		}
		live_let_go(sub);
	}
	live_shared_release(&shared[0]), live_shared_release(&shared[1]);
	buf_release(&snapshot), buf_release(&delta);
	free(all);
	free(changed);
}

/* ---- the thread */

static struct engine *
engine_of(struct live *live, const char *tenant, struct err *err)
{
	struct map_entry *e = map_put(&live->engines, str_of(tenant), NULL);
	struct engine *engine = e->ptr;

	if (engine)
		return engine;
	engine = mem_new(sizeof(*engine));
	if (!(engine->query = live->spec.open(live->spec.self, str_of(tenant), &engine->held, err))) {
		free(engine);
		return NULL;
	}
	return e->ptr = engine;
}

void
live_engines_shut(struct live *live)
{
	for (struct map_entry *e = map_first(&live->engines); e; e = map_next(&live->engines, e)) {
		struct engine *engine = e->ptr;

		if (engine)
			live->spec.shut(live->spec.self, engine->query, engine->held);
		free(engine);
	}
	map_release(&live->engines);
	live->engines = (struct map){ 0 };
}

static void
count(struct live *live, struct live_shape *shape, int whole, struct live_span span)
{
	const struct live_wish *w = &shape->wish;
	struct counting c = { .shape = shape, .first = INT64_MIN, .last = INT64_MAX };
	struct err err = { 0 };
	struct engine *engine = engine_of(live, shape->follower->tenant, &err);
	struct str rest = w->by, piece;
	int64_t now = time_now(), from = now - w->range_ms, to = now + 1;
	struct metric_spec spec = { .name = w->name, .by = w->by, .filter = w->filter, .n_filters = w->n_filters, .every_ms = w->every_ms, .months = w->months };
	int64_t bucket_ms = w->months ? w->months * MONTH_MOST : w->every_ms;

	whole |= !shape->metric.known;
	if (!whole) {                           /* buckets on both sides, so that those in between are whole */
		if (span.last < from)
			return;
		from = span.first < from ? from : span.first;
		c.first = from - bucket_ms;
		c.last = span.last;
		from -= 2 * bucket_ms;
		to = span.last + 2 * bucket_ms;
	}
	c.texts = arena_new(0);
	while (rest.p && c.n_by < METRIC_BY_MOST && str_cut(&rest, ',', &piece))
		c.by[c.n_by++] = str_trim(piece);
	spec.from = from, spec.to = to, spec.adds = &c.adds;
	if (engine) {
		query_set_policy(engine->query, shape->policy);
		learn_names(shape, engine->query);
		if (query_begin(engine->query, &err) == 0)
			metric_run(engine->query, &spec, (struct cell_sink){ take_row, &c }, &err);
		query_end(engine->query);
		if (err.code == ERR_USAGE)      /* there is no such metric yet */
			err_clear(&err);
	}
	tell(&c, whole, from, to, &err);
	shape->metric.known |= !err.code;
	arena_free(c.texts);
	buf_release(&c.scratch);
	free(c.point);
}

/* The next that is due, off the queue; or none, and when one will be. */
static struct live_shape *
next_due(struct live *live, int64_t *due)
{
	struct live_shape **at = &live->queue, **best = NULL;
	int64_t now = time_mono_ns();

	*due = INT64_MAX;
	for (; *at; at = &(*at)->metric.after)
		if ((*at)->metric.next_ns < *due) {
			*due = (*at)->metric.next_ns;
			best = at;
		}
	if (best && *due <= now) {
		struct live_shape *shape = *best;

		*best = shape->metric.after;
		return shape;
	}
	return NULL;
}

void *
live_count(void *self)
{
	struct live *live = self;
	struct live_shape *shape;
	int64_t due;

	pthread_mutex_lock(&live->lock);
	while (!live->ending) {
		if (!(shape = next_due(live, &due))) {
			struct timespec until = { due / 1000000000, due % 1000000000 };

			if (due == INT64_MAX)
				pthread_cond_wait(&live->work, &live->lock);
			else
				pthread_cond_timedwait(&live->work, &live->lock, &until);
			continue;
		}
		struct live_metric *m = &shape->metric;
		struct live_span span = m->span;
		int whole = m->whole, reload = live->reload;
		int64_t cpu = time_cpu_ns(), rest;

		m->queued = m->whole = live->reload = 0;
		m->span = (struct live_span){ INT64_MAX, INT64_MIN };
		pthread_mutex_unlock(&live->lock);
		if (reload)
			live_engines_shut(live);
		count(live, shape, whole, span);
		pthread_mutex_lock(&live->lock);
		rest = SHARE * (time_cpu_ns() - cpu);
		m->next_ns = time_mono_ns() + (rest > LEAST_NS ? rest : LEAST_NS);
		pthread_mutex_unlock(&live->lock);
		live_shape_let_go(shape);
		pthread_mutex_lock(&live->lock);
	}
	while ((shape = live->queue)) {
		live->queue = shape->metric.after;
		pthread_mutex_unlock(&live->lock);
		live_shape_let_go(shape);
		pthread_mutex_lock(&live->lock);
	}
	pthread_mutex_unlock(&live->lock);
	return NULL;
}
