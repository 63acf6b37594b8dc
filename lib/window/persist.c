#include <stdlib.h>

#include "base/mem.h"
#include "store/store.h"
#include "window/window_priv.h"

/* Open windows as text, one item a line, parts between tabs, each percent-encoded:
 *
 *      at-agg 1        SPAN BY AGGREGATES WHERE NAME            what they were opened with
 *      seen            GREATEST EMITTED ROWS
 *      columns         METRIC {NAMED NAME CALL}                in order; NAMED: 1 when the name is the user's (layout_column)
 *      layout          METRIC COLUMNS                          the same as it was written before: COLUMNS as -a takes them
 *      pane            START FIRST LAST ROWS                   (sessions have none)
 *      group           LAYOUT FIRST LAST LABELS KEY STATE      of the pane before it, or a session. LAYOUT: its number from 0;
 *                                                              LABELS: their length in the key; STATE: layout_save's
 */

static void
put_part(struct buf *b, struct str s)
{
	buf_byte(b, '\t');
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == '%' || (unsigned char)s.p[i] >= 0x7f)
			buf_printf(b, "%%%02X", (unsigned char)s.p[i]);
		else
			buf_byte(b, s.p[i]);
}

static void
put_number(struct buf *b, int64_t v)
{
	buf_byte(b, '\t');
	buf_int64(b, v);
}

static int
take_part(struct str *line, struct buf *part)
{
	struct str s;

	buf_clear(part);
	if (!str_cut(line, '\t', &s))
		return -1;
	return buf_percent(part, s);
}

static int
take_number(struct str *line, int64_t *v)
{
	struct str s;

	return str_cut(line, '\t', &s) ? str_int64(s, v) : -1;
}

static void
put_spec(const struct window *win, struct buf *b)
{
	put_part(b, str_of(win->span.label));
	put_part(b, str_of(!win->spec.by ? "" : *win->spec.by ? win->spec.by : ","));   /* of no fields: else than none */
	put_part(b, str_of(win->spec.aggregates ? win->spec.aggregates : ""));
	put_part(b, str_of(win->spec.where ? win->spec.where : ""));
	put_part(b, str_of(win->spec.name ? win->spec.name : ""));
}

struct writing {
	const struct window *win;
	struct buf *to;
};

static void
put_group(void *self, struct group *g)
{
	const struct writing *w = self;
	struct buf state = { 0 };
	int number = 0;

	while (w->win->layout[number] != g->layout)
		number++;
	layout_save(g->layout, window_group_state(g), &state);
	buf_lit(w->to, "group");
	put_number(w->to, number);
	put_number(w->to, g->first);
	put_number(w->to, g->last);
	put_number(w->to, g->labels_len);
	put_part(w->to, (struct str){ g->key, g->key_len });
	put_part(w->to, buf_get(&state));
	buf_byte(w->to, '\n');
	buf_release(&state);
}

static void
put_layout(const struct layout *layout, struct buf *to)
{
	struct buf call = { 0 };

	buf_lit(to, "columns");
	put_part(to, layout_metric(layout));
	for (int i = 0, named; i < layout_columns(layout); i++) {
		struct str name = layout_column(layout, i, &call, &named);

		put_number(to, named);
		put_part(to, name);
		put_part(to, buf_get(&call));
	}
	buf_byte(to, '\n');
	buf_release(&call);
}

void
window_save(const struct window *win, struct buf *to)
{
	struct writing w = { win, to };

	buf_lit(to, "at-agg 1");
	put_spec(win, to);
	buf_lit(to, "\nseen");
	put_number(to, win->greatest);
	put_number(to, win->emitted);
	put_number(to, win->arrived);
	buf_byte(to, '\n');
	for (int i = 0; i < win->layouts; i++)
		put_layout(win->layout[i], to);
	if (win->sessions)
		window_sessions_each(win, put_group, &w);
	for (int i = 0; i < win->panes; i++) {
		const struct pane *p = win->pane[i];

		buf_lit(to, "pane");
		put_number(to, p->start);
		put_number(to, p->first);
		put_number(to, p->last);
		put_number(to, (int64_t)p->rows);
		buf_byte(to, '\n');
		for (size_t j = 0; j < p->groups.cap; j++)
			if (p->groups.slot[j])
				put_group(&w, p->groups.slot[j]);
	}
}

#define KEEP_NS    1000000000ll         /* so long between two times, */
#define KEEP_SHARE 20                   /* and so many times as long as it takes */

int
window_keep(struct window *win, struct err *err)
{
	struct buf text = { 0 };
	struct store *store = win->spec.keep;
	int64_t began = time_mono_ns(), cost;
	int rc;

	if (win->spec.late)
		out_flush(win->spec.late);
	out_flush(win->spec.out);
	window_save(win, &text);
	rc = win->saving ? 0 : store_begin(store, err);
	if (rc == 0 && (rc = out_failed(win->spec.out, err)) == 0 && (!win->spec.late || (rc = out_failed(win->spec.late, err)) == 0) &&
	    (rc = store_put_state(store, "window", str_of(win->spec.state), buf_get(&text), err)) == 0)
		rc = store_commit(store, err);
	if (rc)
		store_abort(store);
	buf_release(&text);
	win->saving = win->saved = 0;
	win->kept_rows = win->counts.rows;
	win->kept_out = win->counts.out;
	cost = (time_mono_ns() - began) * KEEP_SHARE;
	win->keep_dear = cost > KEEP_NS;
	win->keep_ns = began + (win->keep_dear ? cost : KEEP_NS);
	return rc;
}

/* Are the first n bytes of the key labels, as they may be printed? */
static int
is_key(const struct window *win, struct str key, size_t n)
{
	struct str rest = { key.p, n };

	if (str_utf8_fault(key) >= 0)
		return 0;
	if (!win->fields.n_by)
		return n && *key.p == '{' && json_check(rest, &(struct err){ 0 }) == 0;
	for (int i = 0; i < win->fields.n_by; i++) {
		struct json label = json_take(&rest);

		if ((label.type != JSON_STRING && label.type != JSON_NULL) || json_check(json_raw(label), &(struct err){ 0 }))
			return 0;
		if (i + 1 < win->fields.n_by && (!rest.n || *rest.p != ','))
			return 0;
		rest.p += i + 1 < win->fields.n_by;
		rest.n -= i + 1 < win->fields.n_by;
	}
	return rest.n == 0;
}

static int
take_text(struct str *line, struct buf *part)
{
	return take_part(line, part) || str_utf8_fault(buf_get(part)) >= 0 ? -1 : 0;
}

static int
load_columns(struct layout *layout, struct str line, struct buf *part)
{
	struct buf name = { 0 };
	int64_t named;
	int rc = 0;

	while (rc == 0 && line.p)
		rc = take_number(&line, &named) || take_text(&line, &name) || take_text(&line, part) ||
		    layout_add_column(layout, buf_get(&name), buf_get(part), named != 0, &(struct err){ 0 }) ? -1 : 0;
	buf_release(&name);
	return rc;
}

/* is_list: as -a takes them. With -a the columns are there already. */
static int
load_layout(struct window *win, struct str line, struct buf *part, int number, int is_list)
{
	struct layout *layout;
	int rc = 0;

	if (take_text(&line, part))
		return -1;
	layout = window_layout(win, buf_get(part));
	if (number >= win->layouts || layout != win->layout[number] || (is_list && take_text(&line, part)))
		return -1;
	if (win->learns && layout_columns(layout) == 0)
		rc = !is_list ? load_columns(layout, line, part) : part->n ? layout_parse(layout, buf_get(part), &(struct err){ 0 }) : 0;
	return rc || window_bind(win, &(struct err){ 0 }) ? -1 : 0;
}

static int
load_group(struct window *win, struct pane *p, struct str line, struct buf *part)
{
	int64_t number, first, last, labels;
	struct layout *layout;
	struct group *g;
	struct str key;

	if (take_number(&line, &number) || number < 0 || number >= win->layouts || take_number(&line, &first) ||
	    take_number(&line, &last) || take_number(&line, &labels) || labels < 0 || take_part(&line, part) || (size_t)labels > part->n ||
	    !is_key(win, buf_get(part), (size_t)labels) ||
	    (!p && (!win->sessions || first > last || first < TIME_MIN || last > TIME_MAX)))
		return -1;
	layout = win->layout[number];
	key = buf_get(part);
	if (!win->fields.n_by) {        /* the order of names that comes out stays */
		buf_clear(&win->key);
		window_labels_put(&win->labels, json_checked((struct str){ key.p, (size_t)labels }), &win->key, &(struct err){ 0 });
	}
	g = p ? window_groups_get(&p->groups, key, str_hash(key), (size_t)labels, layout)
	      : window_session_put(win, key, str_hash(key), (size_t)labels, layout, first, last);
	if (take_part(&line, part))
		return -1;
	return layout_load(layout, window_group_state(g), json_value(buf_get(part)));
}

static int
load_pane(struct window *win, struct str line, struct pane **pane)
{
	int64_t start, first, last, rows;

	if (win->sessions || take_number(&line, &start) || start < 2 * TIME_MIN || start > 2 * TIME_MAX || take_number(&line, &first) ||
	    take_number(&line, &last) || take_number(&line, &rows) || rows < 0)
		return -1;
	*pane = window_pane(win, start);
	(*pane)->first = first;
	(*pane)->last = last;
	(*pane)->rows = (uint64_t)rows;
	return 0;
}

static int
load_seen(struct window *win, struct str line)
{
	int64_t rows;

	if (take_number(&line, &win->greatest) || take_number(&line, &win->emitted) || take_number(&line, &rows) || rows < 0 ||
	    (win->greatest != TIME_NONE && (win->greatest < TIME_MIN || win->greatest > TIME_MAX)) ||
	    (win->emitted != INT64_MIN && (win->emitted < 2 * TIME_MIN || win->emitted > 2 * TIME_MAX)))
		return -1;
	win->arrived = rows;
	return 0;
}

int
window_load(struct window *win, struct str text, struct err *err)
{
	struct buf spec = { 0 }, part = { 0 };
	struct pane *pane = NULL;
	struct str line, kind;
	int64_t greatest;
	int bad = 0, layouts = 0;

	put_spec(win, &spec);
	if (!str_cut(&text, '\n', &line) || !str_starts(line, STR("at-agg 1\t")) ||
	    !str_eq((struct str){ line.p + 8, line.n - 8 }, buf_get(&spec))) {
		buf_release(&spec);
		return err_set(err, ERR_USAGE, "the state was saved with other -w, -b, -a, -W or -M; give those, or another name");
	}
	greatest = win->greatest;
	while (!bad && str_cut(&text, '\n', &line) && line.n) {
		str_cut(&line, '\t', &kind);
		if (str_eq(kind, STR("seen"))) {
			bad = load_seen(win, line);
			greatest = win->greatest;
			win->greatest = TIME_NONE;      /* so that no group that is put back counts as late */
		} else if (str_eq(kind, STR("columns")) || str_eq(kind, STR("layout"))) {
			bad = load_layout(win, line, &part, layouts++, *kind.p == 'l');
		} else if (str_eq(kind, STR("pane"))) {
			bad = load_pane(win, line, &pane);
		} else {
			bad = !str_eq(kind, STR("group")) || load_group(win, pane, line, &part);
		}
	}
	win->greatest = greatest;
	buf_release(&spec);
	buf_release(&part);
	return bad ? err_set(err, ERR_CORRUPT, "the saved state is damaged") : 0;
}
