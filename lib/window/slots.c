/* The kinds of slots. A new one is a struct in layout_priv.h, five functions and a line of the table at the end. */
#include "window/layout_priv.h"

#include <stdlib.h>

#include "base/mem.h"
#include "json/json.h"

int
layout_cut_int64(struct str *text, int64_t *to)
{
	struct str piece;

	return str_cut(text, ';', &piece) && str_int64(piece, to) == 0 ? 0 : -1;
}

static void
put_mark(const struct slot *slot, struct buf *to)
{
	buf_lit(to, layout_slot_types[slot->kind].mark);
}

static struct str
behind_mark(const struct slot *slot, struct str text)
{
	size_t n = strlen(layout_slot_types[slot->kind].mark);

	return (struct str){ text.p + n, text.n - n };
}

/* ---- n1:N, the rows */

static int
rows_is_empty(const void *state)
{
	return ((const struct rows_state *)state)->n == 0;
}

static void
rows_merge(const struct slot *slot, void *state, const void *from)
{
	(void)slot;
	rows_more(&((struct rows_state *)state)->n, ((const struct rows_state *)from)->n);
}

static void
rows_put(const struct slot *slot, const void *state, struct buf *to)
{
	put_mark(slot, to);
	buf_int64(to, ((const struct rows_state *)state)->n);
}

static int
rows_take(const struct slot *slot, void *state, struct str text)
{
	struct str rest = behind_mark(slot, text);
	int64_t n;

	if (layout_cut_int64(&rest, &n) || rest.p || n < 0 || n > ROWS_MOST)
		return -1;
	rows_more(&((struct rows_state *)state)->n, n);
	return 0;
}

/* ---- span1:T;T, the first and the last time */

static int
span_is_empty(const void *state)
{
	return !((const struct span_state *)state)->set;
}

static void
span_merge(const struct slot *slot, void *state, const void *from)
{
	const struct span_state *more = from;

	(void)slot;
	if (more->set)
		span_add(state, more->from, more->to);
}

static void
span_put(const struct slot *slot, const void *state, struct buf *to)
{
	const struct span_state *s = state;

	put_mark(slot, to);
	buf_int64(to, s->from);
	buf_byte(to, ';');
	buf_int64(to, s->to);
}

static int
span_take(const struct slot *slot, void *state, struct str text)
{
	struct str rest = behind_mark(slot, text);
	int64_t from, to;

	if (layout_cut_int64(&rest, &from) || layout_cut_int64(&rest, &to) || rest.p || from > to)
		return -1;
	span_add(state, from, to);
	return 0;
}

/* ---- sum1:N;SUM and sq1:N;SUM, numbers and their sum, or that of their squares; N is -1 where it is not known of how many, -2 where
 * the sum is not either */

static int
sum_is_empty(const void *state)
{
	const struct sum_state *s = state;

	return s->n == 0 && !s->lost;
}

static void
sum_merge(const struct slot *slot, void *state, const void *from)
{
	struct sum_state *s = state;
	const struct sum_state *more = from;

	(void)slot;
	number_sum_merge(&s->sum, &more->sum);
	rows_more(&s->n, more->n);
	s->lost |= more->lost;
}

static void
sum_put(const struct slot *slot, const void *state, struct buf *to)
{
	const struct sum_state *s = state;

	put_mark(slot, to);
	buf_int64(to, s->lost == SUM_ALL ? -2 : s->lost ? -1 : s->n);
	buf_byte(to, ';');
	number_sum_text(&s->sum, to);
}

static int
sum_take(const struct slot *slot, void *state, struct str text)
{
	struct str rest = behind_mark(slot, text);
	struct sum_state *s = state;
	int64_t n;

	if (layout_cut_int64(&rest, &n) || !rest.p || n < -2 || n > ROWS_MOST || number_sum_read(&s->sum, rest))
		return -1;
	s->lost |= n == -2 ? SUM_ALL : n < 0 ? SUM_N : 0;
	rows_more(&s->n, n < 0 ? 0 : n);
	return 0;
}

static void
sum_release(void *state)
{
	number_sum_release(&((struct sum_state *)state)->sum);
}

/* ---- min1:NUMBER, max1:NUMBER */

static int
edge_is_empty(const void *state)
{
	return !((const struct edge_state *)state)->set;
}

static void
edge_merge(const struct slot *slot, void *state, const void *from)
{
	const struct edge_state *more = from;

	if (more->set)
		edge_offer(slot->kind, state, &more->value);
}

static void
edge_put(const struct slot *slot, const void *state, struct buf *to)
{
	struct number_sum one = { 0 };

	put_mark(slot, to);
	number_sum_far(&one, &((const struct edge_state *)state)->value);
	number_sum_text(&one, to);
	number_sum_release(&one);
}

static int
edge_take(const struct slot *slot, void *state, struct str text)
{
	struct number n;

	if (!number_read(behind_mark(slot, text), &n))
		return -1;
	edge_offer(slot->kind, state, &n);
	return 0;
}

/* ---- dd1: hll1: ss1:, the sketches, which have their marks themselves; of values that were not all told, dd1:? and hll1:? */

static int
is_lost_text(const struct slot *slot, struct str text)
{
	return str_eq(behind_mark(slot, text), STR("?"));
}

static void
put_lost(const struct slot *slot, struct buf *to)
{
	put_mark(slot, to);
	buf_byte(to, '?');
}

static int
quantile_is_empty(const void *state)
{
	const struct quantile_state *s = state;

	return !s->q && !s->lost;
}

static void
merge_quantile(const struct slot *slot, void *state, const void *from)
{
	struct quantile_state *s = state;
	const struct quantile_state *more = from;

	(void)slot;
	s->lost |= more->lost;
	if (more->q && !s->q)
		s->q = quantile_new();
	if (more->q)
		quantile_merge(s->q, more->q);
}

static void
put_quantile(const struct slot *slot, const void *state, struct buf *to)
{
	const struct quantile_state *s = state;

	if (s->lost)
		put_lost(slot, to);
	else
		quantile_put(s->q, to);
}

static int
take_quantile(const struct slot *slot, void *state, struct str text)
{
	struct quantile_state *s = state, more = { quantile_read(text), 0 };

	if (is_lost_text(slot, text))
		return s->lost = 1, 0;
	if (!more.q)
		return -1;
	if (!s->q)
		return s->q = more.q, 0;
	merge_quantile(slot, s, &more);
	quantile_free(more.q);
	return 0;
}

static void
release_quantile(void *state)
{
	quantile_free(((struct quantile_state *)state)->q);
}

static int
distinct_is_empty(const void *state)
{
	const struct distinct_state *s = state;

	return !s->d && !s->lost;
}

static void
merge_distinct(const struct slot *slot, void *state, const void *from)
{
	struct distinct_state *s = state;
	const struct distinct_state *more = from;

	(void)slot;
	s->lost |= more->lost;
	if (more->d && !s->d)
		s->d = distinct_new();
	if (more->d)
		distinct_merge(s->d, more->d);
}

static void
put_distinct(const struct slot *slot, const void *state, struct buf *to)
{
	const struct distinct_state *s = state;

	if (s->lost)
		put_lost(slot, to);
	else
		distinct_put(s->d, to);
}

static int
take_distinct(const struct slot *slot, void *state, struct str text)
{
	struct distinct_state *s = state, more = { distinct_read(text), 0 };

	if (is_lost_text(slot, text))
		return s->lost = 1, 0;
	if (!more.d)
		return -1;
	if (!s->d)
		return s->d = more.d, 0;
	merge_distinct(slot, s, &more);
	distinct_free(more.d);
	return 0;
}

static void
release_distinct(void *state)
{
	distinct_free(((struct distinct_state *)state)->d);
}

static int
topk_is_empty(const void *state)
{
	return !((const struct topk_state *)state)->t;
}

static void
merge_topk(const struct slot *slot, void *state, const void *from)
{
	struct topk_state *s = state;
	const struct topk_state *more = from;

	if (more->t && !s->t)
		s->t = topk_new(slot->n);
	if (more->t)
		topk_merge(s->t, more->t);
}

static void
put_topk(const struct slot *slot, const void *state, struct buf *to)
{
	const struct topk_state *s = state;

	if (s->t)
		topk_put(s->t, to);
	else {                                  /* also tells how many are wanted */
		put_mark(slot, to);
		buf_int64(to, slot->n);
		buf_byte(to, ';');
	}
}

static int
take_topk(const struct slot *slot, void *state, struct str text)
{
	struct topk_state more = { topk_read(text) };

	if (!more.t)
		return -1;
	merge_topk(slot, state, &more);
	topk_free(more.t);
	return 0;
}

static void
release_topk(void *state)
{
	topk_free(((struct topk_state *)state)->t);
}

/* ---- fst1:T;A;JSON, lst1:T;A;JSON, a value with its time and place of arrival */

static int
value_is_empty(const void *state)
{
	return !((const struct value_state *)state)->p;
}

void
layout_value_set(struct value_state *s, struct str json, int64_t time, int64_t seq)
{
	if (json.n > s->cap || !s->p) {
		s->cap = (uint32_t)(json.n + json.n / 2 + 16);
		s->p = mem_grow(s->p, s->cap, 1);
	}
	memcpy(s->p, json.p, json.n);
	s->n = (uint32_t)json.n;
	s->time = time;
	s->seq = seq;
}

static void
value_merge(const struct slot *slot, void *state, const void *from)
{
	const struct value_state *v = from;

	if (v->p && value_counts(slot->kind, state, v->time, v->seq))
		layout_value_set(state, (struct str){ v->p, v->n }, v->time, v->seq);
}

static void
value_put(const struct slot *slot, const void *state, struct buf *to)
{
	const struct value_state *v = state;

	put_mark(slot, to);
	buf_int64(to, v->time);
	buf_byte(to, ';');
	buf_int64(to, v->seq);
	buf_byte(to, ';');
	buf_add(to, v->p, v->n);
}

static int
value_take(const struct slot *slot, void *state, struct str text)
{
	struct str rest = behind_mark(slot, text);
	int64_t time, seq;

	if (layout_cut_int64(&rest, &time) || layout_cut_int64(&rest, &seq) || !rest.p || json_check(rest, &(struct err){ 0 }))
		return -1;
	if (value_counts(slot->kind, state, time, seq))
		layout_value_set(state, rest, time, seq);
	return 0;
}

static void
value_release(void *state)
{
	free(((struct value_state *)state)->p);
}

const struct slot_type layout_slot_types[SLOT_KINDS] = {
	[SLOT_ROWS]     = { "n1:",    sizeof(struct rows_state),     0, rows_is_empty, rows_merge, rows_put, rows_take, NULL },
	[SLOT_SPAN]     = { "span1:", sizeof(struct span_state),     0, span_is_empty, span_merge, span_put, span_take, NULL },
	[SLOT_SUM]      = { "sum1:",  sizeof(struct sum_state),      1, sum_is_empty, sum_merge, sum_put, sum_take, sum_release },
	[SLOT_SQUARES]  = { "sq1:",   sizeof(struct sum_state),      1, sum_is_empty, sum_merge, sum_put, sum_take, sum_release },
	[SLOT_MIN]      = { "min1:",  sizeof(struct edge_state),     1, edge_is_empty, edge_merge, edge_put, edge_take, NULL },
	[SLOT_MAX]      = { "max1:",  sizeof(struct edge_state),     1, edge_is_empty, edge_merge, edge_put, edge_take, NULL },
	[SLOT_QUANTILE] = { "dd1:",   sizeof(struct quantile_state), 1, quantile_is_empty, merge_quantile, put_quantile, take_quantile, release_quantile },
	[SLOT_DISTINCT] = { "hll1:",  sizeof(struct distinct_state), 0, distinct_is_empty, merge_distinct, put_distinct, take_distinct, release_distinct },
	[SLOT_TOPK]     = { "ss1:",   sizeof(struct topk_state),     0, topk_is_empty, merge_topk, put_topk, take_topk, release_topk },
	[SLOT_FIRST]    = { "fst1:",  sizeof(struct value_state),    0, value_is_empty, value_merge, value_put, value_take, value_release },
	[SLOT_LAST]     = { "lst1:",  sizeof(struct value_state),    0, value_is_empty, value_merge, value_put, value_take, value_release },
};
