#include <stdlib.h>

#include "base/mem.h"
#include "window/window_priv.h"

/* Open windows as text, one item a line, parts between tabs, each percent-encoded:
 *
 *      at-agg 1        SPAN BY AGGREGATES WHERE NAME            what they were opened with
 *      seen            GREATEST EMITTED ROWS LATE OUT
 *      output          NAME                                    of metric rows, in order
 *      pane            START FIRST LAST ROWS                   (sessions have none)
 *      group           SOURCE FIRST LAST KEY HAS STATE…        of the pane before it, or a session
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
hex_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int
take_part(struct str *line, struct buf *part)
{
	struct str s;

	buf_clear(part);
	if (!str_cut(line, '\t', &s))
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%') {
			buf_byte(part, s.p[i]);
			continue;
		}
		if (s.n - i < 3 || hex_of(s.p[i + 1]) < 0 || hex_of(s.p[i + 2]) < 0)
			return -1;
		buf_byte(part, (char)(hex_of(s.p[i + 1]) * 16 + hex_of(s.p[i + 2])));
		i += 2;
	}
	return 0;
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
	put_part(b, str_of(win->spec.by));
	put_part(b, str_of(win->spec.aggregates));
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
	const struct aggregates *a = window_aggregates(w->win, g->source);
	struct buf state = { 0 };

	buf_lit(w->to, "group");
	put_number(w->to, g->source);
	put_number(w->to, g->first);
	put_number(w->to, g->last);
	put_part(w->to, (struct str){ g->key, g->key_len });
	put_part(w->to, (struct str){ (const char *)g->has, g->outputs });
	for (int i = 0; i < g->slots; i++) {
		buf_clear(&state);
		aggregate_write(&a->slot[i], &g->state[i], &state);
		put_part(w->to, buf_get(&state));
	}
	buf_byte(w->to, '\n');
	buf_release(&state);
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
	put_number(to, (int64_t)win->counts.rows);
	put_number(to, (int64_t)win->counts.late);
	put_number(to, (int64_t)win->counts.out);
	buf_byte(to, '\n');
	for (int i = 0; i < win->metrics.outputs; i++) {
		buf_lit(to, "output");
		put_part(to, win->metrics.output[i].name);
		buf_byte(to, '\n');
	}
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
		for (int source = 0; source < SOURCES; source++)
			for (size_t j = 0; j < p->groups[source].cap; j++)
				if (p->groups[source].slot[j])
					put_group(&w, p->groups[source].slot[j]);
	}
}

static int
load_group(struct window *win, struct pane *p, struct str line, struct buf *part)
{
	int64_t source, first, last;
	struct group *g;

	if (take_number(&line, &source) || source < 0 || source >= SOURCES || take_number(&line, &first) ||
	    take_number(&line, &last) || first > last || take_part(&line, part))
		return -1;
	if (p) {
		g = window_groups_get(win, &p->groups[source], p->arena, (int)source, buf_get(part), str_hash(buf_get(part)));
	} else if (win->sessions) {
		if (!(g = window_session_place(win, (int)source, buf_get(part), str_hash(buf_get(part)), first)) ||
		    !(g = window_session_place(win, (int)source, buf_get(part), str_hash(buf_get(part)), last)))
			return -1;
	} else {
		return -1;
	}
	g->first = first;
	g->last = last;
	if (take_part(&line, part) || part->n > g->outputs)
		return -1;
	for (size_t i = 0; i < part->n; i++)
		g->has[i] = part->p[i] != 0;
	for (int i = 0; line.p; i++)
		if (take_part(&line, part) || i >= g->slots ||
		    aggregate_read(&window_aggregates(win, (int)source)->slot[i], &g->state[i], buf_get(part)))
			return -1;
	return 0;
}

static int
load_pane(struct window *win, struct str line, struct pane **pane)
{
	int64_t start, first, last, rows;

	if (take_number(&line, &start) || take_number(&line, &first) || take_number(&line, &last) || take_number(&line, &rows) || rows < 0)
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
	int64_t rows, late, out;

	if (take_number(&line, &win->greatest) || take_number(&line, &win->emitted) || take_number(&line, &rows) ||
	    take_number(&line, &late) || take_number(&line, &out))
		return -1;
	win->counts = (struct window_counts){ 0, 0, 0 };        /* the closing line speaks of this run */
	return 0;
}

int
window_load(struct window *win, struct str text, struct err *err)
{
	struct buf spec = { 0 }, part = { 0 };
	struct pane *pane = NULL;
	struct str line, kind;
	int64_t greatest;
	int bad = 0;

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
		} else if (str_eq(kind, STR("output"))) {
			if (!(bad = take_part(&line, &part)))
				aggregates_by_name(&win->metrics, buf_get(&part));
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
