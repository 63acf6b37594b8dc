#include <stdlib.h>

#include "base/cmd.h"
#include "base/mem.h"
#include "window/window_priv.h"

/* ---- the labels that a row has
 *
 * Labels in another order are the same series. They come out in the order of the first row that had these names, so that rows
 * of at-agg keep that of -b. */

#define ORDERS_MOST 4096        /* sets of names whose order is known; the bound is on memory, nobody has so many */

static void
orders_forget(struct window_labels *l)
{
	for (struct map_entry *e = map_first(&l->order); e; e = map_next(&l->order, e))
		free(e->ptr);
	map_clear(&l->order);
	buf_clear(&l->last);
}

void
window_labels_release(struct window_labels *l)
{
	orders_forget(l);
	map_release(&l->order);
	buf_release(&l->own);
	buf_release(&l->names);
	buf_release(&l->sorted);
	buf_release(&l->last);
	buf_release(&l->scratch);
	free(l->member);
}

static int
by_name(const void *a, const void *b)
{
	const struct window_label *x = a, *y = b;

	return str_cmp(json_raw(x->name), json_raw(y->name));
}

/* The members of `own` by their names, and these as `sorted`. */
static int
labels_sort(struct window_labels *l, struct err *err)
{
	l->n = 0;
	for (struct json_iter it = json_iter(json_checked(buf_get(&l->own))); json_next(&it); ) {
		if (l->n == l->cap) {
			l->cap = l->cap ? 2 * l->cap : 16;
			l->member = mem_grow(l->member, l->cap, sizeof(*l->member));
		}
		l->member[l->n++] = (struct window_label){ it.key, it.value };
	}
	qsort(l->member, l->n, sizeof(*l->member), by_name);
	buf_clear(&l->sorted);
	for (size_t i = 0; i < l->n; i++) {
		struct str name = json_raw(l->member[i].name);

		if (i && str_eq(name, json_raw(l->member[i - 1].name)))
			return err_set(err, ERR_INPUT, "the label %.*s is there twice", name.n > 60 ? 60 : STR_FMT(name));
		buf_str(&l->sorted, name);
	}
	return 0;
}

/* Append the labels of `own` in the order of these names, each in quotes. */
static void
labels_put_as(struct window_labels *l, struct str names, struct buf *to)
{
	char before = '{';

	while (names.n) {
		struct window_label wanted = { .name = json_take(&names) }, *is;

		is = bsearch(&wanted, l->member, l->n, sizeof(*l->member), by_name);
		buf_byte(to, before);
		buf_str(to, json_raw(wanted.name));
		buf_byte(to, ':');
		buf_str(to, json_raw(is->value));
		before = ',';
	}
	buf_byte(to, '}');
}

int
window_labels_put(struct window_labels *l, struct json labels, struct buf *to, struct err *err)
{
	struct map_entry *known;
	int is_new, n = 0;

	buf_clear(&l->own);
	buf_clear(&l->names);
	for (struct json_iter it = json_iter(labels); json_next(&it); n++) {
		size_t at = l->own.n + 1;

		buf_byte(&l->own, n ? ',' : '{');
		json_put_as_typed(&l->own, json_text(it.key, &l->scratch));
		buf_add(&l->names, l->own.p + at, l->own.n - at);
		buf_byte(&l->own, ':');
		if (it.value.type == JSON_STRING)
			json_put_as_typed(&l->own, json_text(it.value, &l->scratch));
		else
			json_put_compact(&l->own, it.value);
	}
	buf_str(&l->own, n ? STR("}") : STR("{}"));
	if (n == 0 || (l->last.n && str_eq(buf_get(&l->names), buf_get(&l->last)))) {   /* nearly all */
		buf_str(to, buf_get(&l->own));
		return 0;
	}
	if (labels_sort(l, err))
		return err->code;
	if (l->order.n == ORDERS_MOST)
		orders_forget(l);
	known = map_put(&l->order, buf_get(&l->sorted), &is_new);
	if (is_new)
		known->ptr = mem_dup(l->names.p, l->names.n);
	labels_put_as(l, (struct str){ known->ptr, l->names.n }, to);
	buf_clear(&l->last);
	buf_add(&l->last, known->ptr, l->names.n);
	return 0;
}

/* The group's key: with -b those labels, without it all that the row has, none with one of no fields; behind them the metric's name. */
static int
metric_key(struct window *win, struct json labels, const struct layout *layout, size_t *labels_len, struct err *err)
{
	struct buf *key = &win->key;

	buf_clear(key);
	for (int i = 0; i < win->fields.n_by; i++) {
		if (i)
			buf_byte(key, ',');
		if (window_put_label(key, json_get(labels, win->fields.by[i]), err))
			return err->code;
	}
	if (!win->fields.n_by && !win->spec.by && labels.type == JSON_OBJECT) {
		if (window_labels_put(&win->labels, labels, key, err))
			return err->code;
	} else if (!win->fields.n_by)
		buf_lit(key, "{}");
	*labels_len = key->n;
	if (layout != win->layout[0]) {
		buf_byte(key, 0);
		buf_str(key, layout_metric(layout));
	}
	return 0;
}

/* The columns that the row has and the layout has not: without -a they are what is computed. */
static int
learn(struct window *win, struct layout *layout, struct json row, struct err *err)
{
	int columns = layout_columns(layout);
	struct str which;

	if (layout_learn(layout, row, &which) && !win->told_unknown && (win->told_unknown = 1) && !cmd_settings()->quiet)
		cmd_say("the field '%.*s' of metric rows does not say how it merges, it is left out; write the rows with --states, "
		    "or say it: -a '%.*s=sum(%.*s)'", STR_FMT(which), STR_FMT(which), STR_FMT(which));
	return layout == win->layout[0] && layout_columns(layout) != columns ? window_bind(win, err) : 0;
}

/* Between the quotes; p NULL when it is no text, or an escaped one, which is no length of a window. */
static struct str
inside(struct json text)
{
	return text.type == JSON_STRING && !text.escaped ? (struct str){ text.p + 1, text.n - 2 } : (struct str){ 0 };
}

static int64_t
length_of(struct json window)
{
	struct str text = inside(window), size;
	int64_t ms;

	if (!text.p || !str_cut(&text, '/', &size) || dur_parse(size, &ms, &(struct err){ 0 }))
		return 0;
	return ms;
}

/* Rows of the overlapping windows that are wanted, as from another machine, are merged each in its window. Panes are too small for that
 * unless they hold nothing else, so the first row decides; and a run before, whose panes --state kept, may have decided otherwise. */
static int
is_of_these(struct window *win, struct json window, int64_t time)
{
	struct str text = inside(window);

	if (win->span.kind != SPAN_TIME || win->span.slide_ms == win->span.size_ms || !text.p || !str_eq(text, str_of(win->span.label)) ||
	    !window_has(win, time) || win->spec.keep)
		return 0;
	if (!win->arrived && !win->panes)
		win->whole = 1;
	return win->whole;
}

/* Rows of hopping windows tell each event several times: those windows that lie side by side tell it once, they are taken.
 * 1, 0 for one that is not, < 0 with err when none do or windows that overlap are wanted of them. */
static int
is_told_once(struct window *win, struct json window, int64_t time, struct err *err)
{
	struct str text = inside(window), size;
	int64_t size_ms, slide_ms;

	if (is_of_these(win, window, time))
		return 1;
	if (win->whole) {
		err_set(err, ERR_INPUT, "only rows of the same windows go with rows of the overlapping windows %s", win->span.label);
		return -1;
	}
	if (!text.p || !str_cut(&text, '/', &size) || !text.n ||
	    dur_parse(size, &size_ms, &(struct err){ 0 }) || dur_parse(text, &slide_ms, &(struct err){ 0 }) || slide_ms <= 0 ||
	    slide_ms >= size_ms)
		return 1;
	if (size_ms % slide_ms || (win->span.kind == SPAN_TIME && win->span.slide_ms < win->span.size_ms)) {
		err_set(err, ERR_INPUT, "rows of the overlapping windows %.*s tell each event several times, make them with at-agg -w %.*s --states",
		    (int)(window.n - 2), window.p + 1, STR_FMT(text));
		return -1;
	}
	return window_begins(win, time, size_ms, slide_ms);
}

/* A session says when it ended in its states; by its start alone two that touch could not be told to. */
static void
session_end(struct window *win, struct layout *layout, struct json row, int64_t *time, int64_t *last)
{
	struct json window = json_get(row, STR("window"));

	if (!win->sessions || layout_row_span(layout, row, time, last))
		return;
	if (window.type == JSON_STRING && window.n > 9 && !memcmp(window.p, "\"session:", 9) && !win->told_endless && (win->told_endless = 1) &&
	    !cmd_settings()->quiet)
		cmd_say("rows of sessions without states do not say when they ended, so some may stay apart; write them with at-agg --states");
}

int
window_metric_row(struct window *win, struct str text, struct err *err)
{
	struct json row, labels;
	struct layout *layout;
	struct group *g;
	struct str name, which;
	int64_t time, last;
	size_t labels_len = 0;
	int once;

	if (json_check(text, err))
		return err->code;
	row = json_value(text);
	if (json_is(json_get(row, STR("partial")), JSON_TRUE))
		return 0;                       /* its window will come whole */
	if (window_row_time(win, text, &time, err))
		return err->code;
	if ((once = is_told_once(win, json_get(row, STR("window")), time, err)) <= 0)
		return once ? err->code : 0;
	name = json_text(json_get(row, STR("metric")), &win->scratch);
	labels = json_get(row, STR("labels"));
	layout = window_layout(win, name);
	if (win->learns && learn(win, layout, row, err))
		return err->code;
	if (layout_rows_wrong(layout, row))
		return err_set(err, ERR_INPUT, "count: wants a number of rows, 0 or more, whole");
	if (metric_key(win, labels, layout, &labels_len, err))
		return err->code;
	win->metric_ms = length_of(json_get(row, STR("window")));
	last = time;
	session_end(win, layout, row, &time, &last);
	if (window_hold(win, last, err))
		return err->code;
	if (!(g = window_place(win, buf_get(&win->key), str_hash(buf_get(&win->key)), labels_len, layout, time, last)))
		return 0;
	win->held += !g->state;
	if (layout_take(layout, window_group_state(g), row, time, win->arrived++, &which) && !win->told_unmergeable &&
	    (win->told_unmergeable = 1) && !cmd_settings()->quiet)
		cmd_say("'%.*s' cannot be merged from metric rows without states, write them with at-agg --states", STR_FMT(which));
	return window_advance(win, last, err);
}
