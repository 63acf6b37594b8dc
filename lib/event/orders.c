#include "event/orders_priv.h"

#include <stdlib.h>

#include "base/mem.h"
#include "event/walk_priv.h"

#define STEPS_MOST  1024        /* that are remembered; a few hundred do for a dozen kinds of events */
#define SEEN        256         /* orders seen once: one is remembered when it comes again, so that chance ones are not */
#define TRIES       8           /* steps of one parent that are looked at */
#define TEXT        32          /* bytes of a step: longer ones are not remembered */

struct step {
	char text[TEXT];        /* `{"key":`, `,"key":`, `}` or `{}` */
	uint32_t mask;          /* a bit for each byte of it */
	uint32_t n;
	uint32_t child, next;   /* 0: none; the child that came last is the first */
};

struct event_orders {
	struct step *step;              /* 0 is the root */
	uint32_t n, cap;
	uint64_t seen[SEEN];            /* by hash */
};

struct event_orders *
event_orders_new(void)
{
	struct event_orders *o = mem_new(sizeof(*o));

	o->step = mem_new((o->cap = 32) * sizeof(*o->step));
	o->n = 1;
	return o;
}

void
event_orders_free(struct event_orders *o)
{
	if (o)
		free(o->step);
	free(o);
}

static inline int
stands(const struct step *s, const char *p, const char *end)
{
#ifdef __SSE2__
	if (end - p >= TEXT) {
		__m128i a = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), _mm_loadu_si128((const __m128i *)(const void *)s->text));
		__m128i b = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16)),
		    _mm_loadu_si128((const __m128i *)(const void *)(s->text + 16)));
		uint32_t same = (uint32_t)_mm_movemask_epi8(a) | (uint32_t)_mm_movemask_epi8(b) << 16;

		return (same & s->mask) == s->mask;
	}
#endif
	return (size_t)(end - p) >= s->n && memcmp(p, s->text, s->n) == 0;
}

/* The step that stands at p behind `at`, or 0. */
static inline uint32_t
find(struct event_orders *o, uint32_t at, const char *p, const char *end)
{
	uint32_t child = o->step[at].child, before = 0;

	for (int tries = TRIES; child && tries; tries--) {
		if (stands(&o->step[child], p, end)) {
			if (before) {
				o->step[before].next = o->step[child].next;
				o->step[child].next = o->step[at].child;
				o->step[at].child = child;
			}
			return child;
		}
		before = child;
		child = o->step[child].next;
	}
	return 0;
}

const char *
event_orders_follow(struct event_orders *o, const char *p, const char *end)
{
	uint32_t at = 0;
	int blanks = 0;
	struct json v;

	while (p < end && (at = find(o, at, p, end))) {
		p += o->step[at].n;
		if (p[-1] == '}')
			return p;
		p = walk_value(p, end, &v, &blanks);
		if (blanks)
			return NULL;
	}
	return NULL;
}

static uint32_t
add(struct event_orders *o, uint32_t at, const char *p, size_t n)
{
	struct step *s;

	if (o->n == o->cap)
		o->step = mem_grow(o->step, o->cap *= 2, sizeof(*o->step));
	s = &o->step[o->n];
	*s = (struct step){ .mask = n == TEXT ? UINT32_MAX : ((uint32_t)1 << n) - 1, .n = (uint32_t)n, .next = o->step[at].child };
	memcpy(s->text, p, n);
	o->step[at].child = o->n;
	return o->n++;
}

/* The step at p; n 0 when it is too long. */
static struct str
step_at(const char *p, const char *end)
{
	const char *to = p + (*p != '}');
	uint8_t escaped = 0;

	to = *to == '}' ? to + 1 : walk_string(to + 1, end, &escaped) + 2;
	return (struct str){ p, to > end || escaped || to - p > TEXT ? 0 : (size_t)(to - p) };
}

static int
is_last(struct str step)
{
	return step.p[step.n - 1] == '}';
}

static const char *
behind_value(struct str step, const char *end)
{
	struct json v;
	int blanks = 0;

	return walk_value(step.p + step.n, end, &v, &blanks);
}

/* Has this order not come lately? */
static int
is_new(struct event_orders *o, struct str object)
{
	const char *end = object.p + object.n;
	struct str step;
	uint64_t hash = 0, was;

	for (step = step_at(object.p, end); step.n && !is_last(step); step = step_at(behind_value(step, end), end))
		hash = hash * 31 + str_hash(step);
	was = o->seen[hash % SEEN];
	o->seen[hash % SEEN] = hash;
	return !step.n || was != hash;
}

void
event_orders_learn(struct event_orders *o, struct str object)
{
	const char *end = object.p + object.n;
	uint32_t at = 0, next;
	struct str step;

	if (is_new(o, object))
		return;
	for (step = step_at(object.p, end); ; step = step_at(behind_value(step, end), end)) {
		if (o->n == STEPS_MOST) {
			o->step[0].child = 0;
			o->n = 1;
			return;
		}
		next = find(o, at, step.p, end);
		at = next ? next : add(o, at, step.p, step.n);
		if (is_last(step))
			return;
	}
}
