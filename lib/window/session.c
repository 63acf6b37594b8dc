#include <stdlib.h>

#include "base/mem.h"
#include "window/window_priv.h"

/* Open sessions by key. A key has one or, with late rows, a few sessions, which never touch: a row that falls into the gap
 * between two joins them. Closing goes by a heap of deadlines; one that has grown since it was put there goes back. */
struct session {
	struct group group;             /* first, so that one is the other */
	struct session *next;           /* of the same key */
	int is_dead;                    /* joined to another, or out: freed when the heap gives it up */
};

struct visitor {
	struct session *sessions;       /* one at least */
	uint64_t hash;
};

struct deadline {
	int64_t at;
	struct session *session;
};

struct session_table {
	struct visitor *visitor;        /* open addressing; sessions NULL: empty */
	size_t n, cap;
	struct deadline *heap;
	size_t heap_n, heap_cap;
};

struct session_table *
window_sessions_new(void)
{
	return mem_new(sizeof(struct session_table));
}

static void
session_free(struct session *s)
{
	window_group_release(&s->group);
	free(s);
}

void
window_sessions_free(struct session_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->heap_n; i++)
		session_free(t->heap[i].session);
	free(t->heap);
	free(t->visitor);
	free(t);
}

static struct visitor *
visitor_of(const struct session_table *t, struct str key, uint64_t hash)
{
	size_t i = hash & (t->cap - 1);

	for (; t->visitor[i].sessions; i = (i + 1) & (t->cap - 1)) {
		const struct group *g = &t->visitor[i].sessions->group;

		if (t->visitor[i].hash == hash && g->key_len == key.n && !memcmp(g->key, key.p, key.n))
			break;
	}
	return &t->visitor[i];
}

static void
grow(struct session_table *t)
{
	struct session_table bigger = *t;

	bigger.cap = t->cap ? t->cap * 2 : 64;
	bigger.visitor = mem_new(bigger.cap * sizeof(*bigger.visitor));
	for (size_t i = 0; i < t->cap; i++)
		if (t->visitor[i].sessions) {
			size_t j = t->visitor[i].hash & (bigger.cap - 1);

			while (bigger.visitor[j].sessions)
				j = (j + 1) & (bigger.cap - 1);
			bigger.visitor[j] = t->visitor[i];
		}
	free(t->visitor);
	*t = bigger;
}

/* Knuth 6.4, algorithm R: fill the hole so that probing finds what lies behind it. */
static void
visitor_drop(struct session_table *t, struct visitor *v)
{
	size_t hole = (size_t)(v - t->visitor), mask = t->cap - 1;

	for (size_t i = (hole + 1) & mask; t->visitor[i].sessions; i = (i + 1) & mask)
		if (((i - t->visitor[i].hash) & mask) >= ((i - hole) & mask)) {
			t->visitor[hole] = t->visitor[i];
			hole = i;
		}
	t->visitor[hole] = (struct visitor){ 0 };
	t->n--;
}

static void
heap_push(struct session_table *t, int64_t at, struct session *s)
{
	size_t i = t->heap_n++;

	if (t->heap_n > t->heap_cap)
		t->heap = mem_grow(t->heap, t->heap_cap = t->heap_cap ? t->heap_cap * 2 : 64, sizeof(*t->heap));
	for (; i && t->heap[(i - 1) / 2].at > at; i = (i - 1) / 2)
		t->heap[i] = t->heap[(i - 1) / 2];
	t->heap[i] = (struct deadline){ at, s };
}

static struct session *
heap_pop(struct session_table *t)
{
	struct session *top = t->heap[0].session;
	struct deadline moving = t->heap[--t->heap_n];
	size_t i = 0;

	for (size_t child; (child = i * 2 + 1) < t->heap_n; i = child) {
		if (child + 1 < t->heap_n && t->heap[child + 1].at < t->heap[child].at)
			child++;
		if (t->heap[child].at >= moving.at)
			break;
		t->heap[i] = t->heap[child];
	}
	if (t->heap_n)
		t->heap[i] = moving;
	return top;
}

/* A session is over once a row comes that is more than the gap and the lateness behind its last one. */
static int64_t
deadline_of(const struct window *win, const struct session *s)
{
	return s->group.last + win->span.size_ms + win->spec.lateness_ms + 1;
}

static struct session *
session_new(struct window *win, struct str key, uint64_t hash, size_t labels_len, struct layout *layout, int64_t first, int64_t last)
{
	struct session_table *t = win->sessions;
	struct session *s = mem_new(sizeof(*s));
	struct visitor *v;

	window_group_init(&s->group, key, hash, labels_len, layout);
	s->group.first = first;
	s->group.last = last;
	heap_push(t, deadline_of(win, s), s);
	if (deadline_of(win, s) < win->due)
		win->due = deadline_of(win, s);
	if ((t->n + 1) * 3 > t->cap * 2)
		grow(t);
	v = visitor_of(t, key, hash);
	t->n += !v->sessions;
	s->next = v->sessions;
	*v = (struct visitor){ s, hash };
	return s;
}

/* Join to `s` every other session of the visitor that it now touches. */
static void
join(struct window *win, struct visitor *v, struct session *s)
{
	for (struct session **at = &v->sessions, *other; (other = *at); ) {
		if (other == s || other->group.first - s->group.last > win->span.size_ms ||
		    s->group.first - other->group.last > win->span.size_ms) {
			at = &other->next;
			continue;
		}
		*at = other->next;
		window_group_merge(&s->group, &other->group);
		other->is_dead = 1;
	}
}

struct group *
window_session_place(struct window *win, struct str key, uint64_t hash, size_t labels_len, struct layout *layout,
    int64_t first, int64_t last)
{
	struct session_table *t = win->sessions;
	struct visitor *v = t->cap ? visitor_of(t, key, hash) : NULL;
	struct session *s = v ? v->sessions : NULL;
	int64_t gap = win->span.size_ms;

	while (s && (first - s->group.last > gap || s->group.first - last > gap))
		s = s->next;
	if (!s) {
		if (win->greatest != TIME_NONE && last + gap + win->spec.lateness_ms < win->greatest && !win->holds)
			return NULL;
		s = session_new(win, key, hash, labels_len, layout, first, last);
	} else if (first < s->group.first || last > s->group.last) {
		s->group.first = first < s->group.first ? first : s->group.first;
		s->group.last = last > s->group.last ? last : s->group.last;
		join(win, v, s);
	}
	return &s->group;
}

struct group *
window_session_put(struct window *win, struct str key, uint64_t hash, size_t labels_len, struct layout *layout, int64_t first, int64_t last)
{
	return &session_new(win, key, hash, labels_len, layout, first, last)->group;
}

/* Take a session off its visitor's list. */
static void
unlink_session(struct session_table *t, struct session *s)
{
	struct visitor *v = visitor_of(t, (struct str){ s->group.key, s->group.key_len }, s->group.hash);

	for (struct session **at = &v->sessions; *at; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			break;
		}
	if (!v->sessions)
		visitor_drop(t, v);
}

int
window_sessions_close(struct window *win, int64_t greatest, struct err *err)
{
	struct session_table *t = win->sessions;
	struct session **closed = NULL;
	struct emission out = { 0 };
	size_t n = 0, cap = 0;
	int rc;

	while (t->heap_n && t->heap[0].at <= greatest) {
		struct session *s = heap_pop(t);

		if (s->is_dead) {
			session_free(s);
			continue;
		}
		if (deadline_of(win, s) > greatest) {
			heap_push(t, deadline_of(win, s), s);
			continue;
		}
		unlink_session(t, s);
		if (n == cap)
			closed = mem_grow(closed, cap = cap ? cap * 2 : 64, sizeof(*closed));
		closed[n++] = s;
		window_emission_add(&out, &s->group, s->group.first);
	}
	win->due = t->heap_n ? t->heap[0].at : INT64_MAX;
	rc = window_emit(win, &out, 0, 0, err);
	for (size_t i = 0; i < n; i++)
		session_free(closed[i]);
	free(closed);
	return rc;
}

void
window_sessions_each(const struct window *win, void (*each)(void *, struct group *), void *self)
{
	for (size_t i = 0; i < win->sessions->heap_n; i++)
		if (!win->sessions->heap[i].session->is_dead)
			each(self, &win->sessions->heap[i].session->group);
}

static void
show(void *self, struct group *g)
{
	window_emission_add(self, g, g->first);
}

int
window_sessions_show(struct window *win, struct err *err)
{
	struct emission out = { 0 };

	window_sessions_each(win, show, &out);
	return window_emit(win, &out, 0, 1, err);
}
