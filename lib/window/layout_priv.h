/* layout_priv.h - what a slot keeps: a kind of state is a struct here and a row in the table of slots.c.
 *
 * A state is all zeros when it is empty, and every kind merges. As text it begins with its mark (layout.h has the forms).
 */
#ifndef WINDOW_LAYOUT_PRIV_H
#define WINDOW_LAYOUT_PRIV_H

#include "base/buf.h"
#include "sketch/distinct.h"
#include "sketch/quantile.h"
#include "sketch/topk.h"
#include "window/number.h"

enum slot_kind { SLOT_ROWS, SLOT_SPAN, SLOT_SUM, SLOT_SQUARES, SLOT_MIN, SLOT_MAX, SLOT_QUANTILE, SLOT_DISTINCT, SLOT_TOPK,
    SLOT_FIRST, SLOT_LAST, SLOT_KINDS, SLOT_NONE = -1 };

enum { SUM_N = 1, SUM_ALL = 3 };

struct rows_state  { int64_t n; };
struct span_state  { int64_t from, to, set; };
struct sum_state   { struct number_sum sum; int64_t n; int64_t lost; }; /* lost: rows did not tell it, SUM_N: n, SUM_ALL: the sum neither */
struct edge_state  { struct number value; int64_t set; };               /* min, max */
struct quantile_state { struct quantile *q; int64_t lost; };            /* lost: rows had values and no state of them */
struct distinct_state { struct distinct *d; int64_t lost; };             /* lost: likewise */
struct topk_state  { struct topk *t; };
struct value_state { int64_t time, seq; char *p; uint32_t n, cap; };    /* first, last; p NULL: none yet */

struct slot {
	enum slot_kind kind;
	int field;                      /* -1: of the row itself */
	int n;                          /* of topk */
	int next;                       /* the field's next slot, -1 at the end */
	size_t at;                      /* in the state */
};

struct slot_type {
	const char *mark;
	size_t size;
	int numeric;                    /* takes numbers alone */
	int  (*is_empty)(const void *state);
	void (*merge)(const struct slot *, void *state, const void *from);
	void (*put)(const struct slot *, const void *state, struct buf *);      /* as text, with its mark; not of an empty one, topk apart */
	int  (*take)(const struct slot *, void *state, struct str text);        /* merge such a text: 0, or -1 when it is none */
	void (*release)(void *state);           /* what it points at; NULL: nothing */
};
extern const struct slot_type layout_slot_types[SLOT_KINDS];

#define ROWS_MOST (INT64_MAX / 2)               /* rows that one state stands for; who counts on from there meets no end */

/* Numbers of rows come from outside, too: beyond the most they stay the most. */
static inline void
rows_more(int64_t *n, int64_t more)
{
	if (__builtin_add_overflow(*n, more, n) || *n > ROWS_MOST)
		*n = ROWS_MOST;
}

static inline void
span_add(struct span_state *s, int64_t from, int64_t to)
{
	if (!s->set || from < s->from)
		s->from = from;
	if (!s->set || to > s->to)
		s->to = to;
	s->set = 1;
}

static inline void
edge_offer(enum slot_kind kind, struct edge_state *s, const struct number *v)
{
	int c;

	if (s->set && (c = number_cmp(v, &s->value), kind == SLOT_MIN ? c >= 0 : c <= 0))
		return;
	s->value = *v;
	s->set = 1;
}

/* Does a value of that time and place of arrival become the first, or the last? */
static inline int
value_counts(enum slot_kind kind, const struct value_state *s, int64_t time, int64_t seq)
{
	int is_before = time < s->time || (time == s->time && seq < s->seq);

	return !s->p || (kind == SLOT_FIRST) == is_before;
}

void layout_value_set(struct value_state *, struct str json, int64_t time, int64_t seq);

/* A number in front of the next ';', cut off. 0 or -1. */
int layout_cut_int64(struct str *text, int64_t *to);

#endif
