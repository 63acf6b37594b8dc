#include "window/window.h"

#include <stdlib.h>

#include "base/mem.h"
#include "event/field.h"
#include "event/when.h"
#include "store/store.h"
#include "window/window_priv.h"

#define DAY      86400000LL
#define MONDAY   (4 * DAY)      /* 1970-01-05: windows of whole weeks begin on Mondays */
#define LIVE_MS  60000          /* input whose newest row is no older than this is live */
#define AHEAD_MS DAY            /* a time farther ahead of the clock than this does not move live input's windows */
#define HELD_MOST (1u << 20)    /* groups that wait for the end of a replay; with more, time goes on */
#define STEADY_NS 2000000000LL  /* metric rows that are live for so long are no end of a replay */
#define FAR_MS   (366 * DAY)    /* a time farther ahead of all before it is believed when a second row bears it out */

/* Windows have a time of their own in which they are all alike: UTC, or, for windows of whole days in a zone, that zone's
 * local time, whose days have 24 hours; or, for buckets, where these begin, so that each is 1 ms long. */
static int
is_local(const struct window *win)
{
	return win->spec.zone && win->span.kind == SPAN_TIME && win->span.size_ms % DAY == 0 && win->span.slide_ms % DAY == 0;
}

static int64_t
own_time(const struct window *win, int64_t utc)
{
	if (win->spec.buckets)
		return win->spec.buckets->begin(win->spec.buckets->self, utc);
	return is_local(win) ? utc + zone_offset(win->spec.zone, utc) : utc;
}

static int64_t
utc_of(const struct window *win, int64_t own)
{
	return is_local(win) ? zone_to_utc(win->spec.zone, own) : own;
}

/* The greatest multiple of `step` (from the origin) that is not above t. */
static int64_t
floor_to(const struct window *win, int64_t t, int64_t step)
{
	int64_t origin = win->span.slide_ms % (7 * DAY) == 0 ? MONDAY : 0, rest = (t - origin) % step;

	return t - rest - (rest < 0 ? step : 0);
}

int
window_has(const struct window *win, int64_t utc)
{
	int64_t own = own_time(win, utc);

	return floor_to(win, own, win->span.slide_ms) == own;
}

int
window_begins(const struct window *win, int64_t utc, int64_t size_ms, int64_t slide_ms)
{
	int64_t own = slide_ms % DAY == 0 && win->spec.zone ? utc + zone_offset(win->spec.zone, utc) : utc;

	return (own - (slide_ms % (7 * DAY) == 0 ? MONDAY : 0)) % size_ms == 0;
}

/* ---- setting up */

static int
parse_by(struct window_fields *f, const char *by, struct project *project, struct err *err)
{
	struct str list = str_of(by), name;

	while (list.n && str_cut(&list, ',', &name)) {
		if (field_name(&name, err))
			return err_at(err, "-b");
		if (!name.n)
			return err_set(err, ERR_USAGE, "-b: an empty field name, give them as source,country");
		if (f->n_by == BY_MOST)
			return err_set(err, ERR_USAGE, "-b: more than %d fields", BY_MOST);
		for (int i = 0; i < f->n_by; i++)
			if (str_eq(f->by[i], name))
				return err_set(err, ERR_USAGE, "-b: '%.*s' twice", STR_FMT(name));
		if ((f->by_index[f->n_by] = field_project(project, name, err)) < 0)
			return err->code;
		f->by[f->n_by++] = name;
	}
	return 0;
}

int
window_project(const struct window_spec *spec, struct window_fields *f, struct project *project, struct err *err)
{
	int bound;

	f->at_event = project_path(project, &STR("event"), 1, err);
	f->at_time = project_path(project, &STR("timestamp"), 1, err);
	f->at_metric = project_path(project, &STR("metric"), 1, err);
	if (parse_by(f, spec->by, project, err))
		return err->code;
	if (!spec->where)
		return 0;
	if (!(f->where = expr_new(spec->where, 0, err)) || (bound = expr_bind(f->where, project, err)) < 0)
		return err_at(err, "-W");
	f->where_bound = bound == 0;
	return 0;
}

void
window_fields_release(struct window_fields *f)
{
	expr_free(f->where);
	f->where = NULL;
}

int
window_bind(struct window *win, struct err *err)
{
	int rc = layout_bind(win->layout[0], win->project, err);

	win->value = mem_grow(win->value, (size_t)project_count(win->project), sizeof(*win->value));
	return rc;
}

struct layout *
window_layout(struct window *win, struct str metric)
{
	for (int i = 0; i < win->layouts; i++)
		if (win->spec.name || str_eq(layout_metric(win->layout[i]), metric))
			return win->layout[i];
	win->layout = mem_grow(win->layout, (size_t)win->layouts + 1, sizeof(struct layout *));
	win->layout[win->layouts] = layout_new(metric);
	if (win->sessions && win->spec.states)
		layout_tell_span(win->layout[win->layouts]);
	if (!win->learns)       /* cannot fail: the list was taken before */
		layout_parse(win->layout[win->layouts], str_of(win->spec.aggregates), &(struct err){ 0 });
	return win->layout[win->layouts++];
}

/* Names that are written into rows. */
static int
are_texts(const struct window_spec *spec, struct err *err)
{
	const struct { const char *option, *text; } each[] = { { "-b", spec->by }, { "-a", spec->aggregates }, { "-M", spec->name } };

	for (int i = 0; i < (int)(sizeof(each) / sizeof(*each)); i++)
		if (each[i].text && str_utf8_fault(str_of(each[i].text)) >= 0)
			return err_set(err, ERR_USAGE, "%s: '%s' is not UTF-8", each[i].option, each[i].text);
	return spec->name && !*spec->name ? err_set(err, ERR_USAGE, "-M: wants a name") : 0;
}

struct window *
window_new(const struct window_spec *spec, struct err *err)
{
	struct window *win = mem_new(sizeof(*win));

	win->spec = *spec;
	win->greatest = win->stray = TIME_NONE;
	win->due = win->next_update = INT64_MAX;
	win->emitted = INT64_MIN;
	win->learns = !spec->aggregates;
	win->layout = mem_new(sizeof(struct layout *));
	win->layout[win->layouts++] = layout_new(str_of(spec->name ? spec->name : "events"));
	if (are_texts(spec, err))
		;
	else if (window_span_parse(&win->span, str_of(spec->span), err))
		err_at(err, "-w");
	else if (spec->aggregates && layout_parse(win->layout[0], str_of(spec->aggregates), err))
		err_at(err, "-a");
	else if (win->project = project_new(), !window_project(spec, &win->fields, win->project, err))
		window_bind(win, err);
	if (err->code) {
		window_free(win);
		return NULL;
	}
	if (win->span.kind == SPAN_SESSION)
		win->sessions = window_sessions_new();
	if (win->sessions && spec->states)
		layout_tell_span(win->layout[0]);
	win->sums = window_sums_new(&win->span);
	return win;
}

static void
pane_free(struct pane *p)
{
	window_groups_release(&p->groups);
	free(p);
}

void
window_free(struct window *win)
{
	if (!win)
		return;
	for (int i = 0; i < win->panes; i++)
		pane_free(win->pane[i]);
	free(win->panes_all);
	window_sessions_free(win->sessions);
	window_sums_free(win->sums);
	if (win->saving)
		store_abort(win->spec.save);
	window_fields_release(&win->fields);
	project_free(win->project);
	for (int i = 0; i < win->layouts; i++)
		layout_free(win->layout[i]);
	free(win->layout);
	free(win->value);
	buf_release(&win->key);
	window_labels_release(&win->labels);
	buf_release(&win->scratch);
	free(win);
}

struct window_counts
window_counts(const struct window *win)
{
	return win->counts;
}

/* ---- panes */

/* The start of the earliest window not yet out that holds the pane. */
static int64_t
next_window(const struct window *win, const struct pane *p)
{
	int64_t due = win->whole ? p->start : p->start + win->span.pane_ms - win->span.size_ms, start = floor_to(win, due, win->span.slide_ms);

	if (start < due)
		start += win->span.slide_ms;
	return win->emitted != INT64_MIN && start <= win->emitted ? win->emitted + win->span.slide_ms : start;
}

/* The time that a row must have for the window to come out. */
static int64_t
due_of(const struct window *win, int64_t start)
{
	return utc_of(win, start + win->span.size_ms) + win->spec.lateness_ms;
}

int
window_pane_index(const struct window *win, int64_t start)
{
	int low = 0, high = win->panes;

	if (high && win->pane[high - 1]->start < start)         /* as a rule time goes on */
		return high;
	while (low < high) {
		int middle = low + (high - low) / 2;

		if (win->pane[middle]->start < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Room for one pane more. */
static void
pane_room(struct window *win)
{
	int gone = (int)(win->pane - win->panes_all);

	if (gone + win->panes < win->panes_cap)
		return;
	if (gone > win->panes_cap / 2) {
		memmove(win->panes_all, win->pane, (size_t)win->panes * sizeof(*win->pane));
		gone = 0;
	} else {
		win->panes_cap = win->panes_cap ? win->panes_cap * 2 : 16;
		win->panes_all = mem_grow(win->panes_all, (size_t)win->panes_cap, sizeof(*win->pane));
	}
	win->pane = win->panes_all + gone;
}

struct pane *
window_pane(struct window *win, int64_t start)
{
	struct pane *p;
	int i;

	if (win->recent && win->recent->start == start)
		return win->recent;
	i = window_pane_index(win, start);
	if (i < win->panes && win->pane[i]->start == start)
		return win->recent = win->pane[i];
	pane_room(win);
	memmove(win->pane + i + 1, win->pane + i, (size_t)(win->panes - i) * sizeof(*win->pane));
	p = win->pane[i] = mem_new(sizeof(*p));
	win->panes++;
	*p = (struct pane){ .start = start, .first = INT64_MAX, .last = INT64_MIN };
	if (win->sums)
		window_sums_spoil(win, start);
	if (win->span.kind == SPAN_TIME && due_of(win, next_window(win, p)) < win->due)
		win->due = due_of(win, next_window(win, p));
	return win->recent = p;
}

/* Windows that ended with nothing in them have come out too, in a way: a late row does not bring them back. */
static void
pass_empty(struct window *win)
{
	int64_t last;

	if (win->greatest == TIME_NONE || win->holds)
		return;
	last = floor_to(win, own_time(win, win->greatest - win->spec.lateness_ms) - win->span.size_ms, win->span.slide_ms);
	if (last > win->emitted)
		win->emitted = last;
}

/* Has every window that holds this (own) time come out? */
static int
is_late(const struct window *win, int64_t own)
{
	return win->emitted != INT64_MIN && floor_to(win, own, win->span.slide_ms) <= win->emitted;
}

struct group *
window_place(struct window *win, struct str key, uint64_t hash, size_t labels_len, struct layout *layout, int64_t time, int64_t last)
{
	struct pane *p = win->recent;
	struct group *g;
	int64_t own;

	if (win->alone && time < win->greatest - FAR_MS)        /* see is_wild */
		win->greatest = time;
	if (win->span.kind == SPAN_SESSION) {
		g = window_session_place(win, key, hash, labels_len, layout, time, last);
		win->counts.late += !g;
		return g;
	}
	if (win->span.kind == SPAN_TIME) {
		own = own_time(win, time);
		if (!p || own < p->start || own - p->start >= win->span.pane_ms) {
			pass_empty(win);
			if (is_late(win, own)) {
				win->counts.late++;
				return NULL;
			}
			p = window_pane(win, floor_to(win, own, win->span.pane_ms));
		}
	} else if (!p) {
		p = window_pane(win, 0);
	}
	if (p->summed) {
		window_sums_spoil(win, p->start);
		p->summed = 0;
	}
	g = window_groups_get(&p->groups, key, hash, labels_len, layout);
	p->rows++;
	if (time < p->first)
		p->first = time;
	if (time > p->last)
		p->last = time;
	return g;
}

/* ---- coming out */

/* The groups of the panes from `from` to `to` (own time), merged where there are several panes. The merged ones live in
 * `merged`, which the caller releases after they were printed. */
static void
gather(struct window *win, int64_t from, int64_t to, int64_t start_utc, struct emission *out, struct groups *merged)
{
	struct groups *groups;
	int first = window_pane_index(win, from), end;

	for (end = first; end < win->panes && win->pane[end]->start < to; end++)
		;
	if (win->sums && end - first > 1)
		window_sums_merge(win, from, to, merged);
	for (int i = first; i < end && end - first > 1 && !win->sums; i++) {
		groups = &win->pane[i]->groups;
		for (size_t j = 0; j < groups->cap; j++) {
			struct group *g = groups->slot[j];

			if (g && g->state)
				window_group_merge(window_groups_get(merged, (struct str){ g->key, g->key_len }, g->hash, g->labels_len,
				    g->layout), g);
		}
	}
	groups = end - first == 1 ? &win->pane[first]->groups : merged;
	for (size_t j = 0; j < groups->cap; j++)
		if (groups->slot[j])
			window_emission_add(out, groups->slot[j], start_utc);
}

static int64_t
length_ms(const struct window *win, int64_t start)
{
	if (win->spec.buckets)
		return win->spec.buckets->after(win->spec.buckets->self, start) - start;
	return utc_of(win, start + win->span.size_ms) - utc_of(win, start);
}

static int
emit_time_window(struct window *win, int64_t start, int partial, struct err *err)
{
	struct emission out = { 0 };
	struct groups merged = { 0 };
	int rc;

	gather(win, start, start + (win->whole ? win->span.pane_ms : win->span.size_ms), utc_of(win, start), &out, &merged);
	rc = window_emit(win, &out, (double)length_ms(win, start) / 1000, partial, err);
	window_groups_release(&merged);
	return rc;
}

/* All and count: one pane, whose start is the least time in it. */
static int
emit_pane(struct window *win, int partial, struct err *err)
{
	struct emission out = { 0 };
	const struct pane *p;

	if (!win->panes)
		return 0;
	p = win->pane[0];
	gather(win, p->start, p->start + 1, p->first, &out, NULL);
	return window_emit(win, &out, 0, partial, err);
}

static void
drop_panes(struct window *win, int64_t before)
{
	int n = 0;

	while (n < win->panes && win->pane[n]->start < before)
		pane_free(win->pane[n++]);
	if (win->sums)
		window_sums_drop(win, before);
	win->pane += n;
	win->panes -= n;
	win->recent = NULL;
}

/* Every window that ended comes out. greatest INT64_MAX: all of them. */
static int
close_time_windows(struct window *win, int64_t greatest, struct err *err)
{
	int rc = 0;

	while (win->panes && rc == 0) {
		int64_t start = next_window(win, win->pane[0]), end;

		if (start > win->pane[0]->start) {              /* no window left that wants the pane: hopping, at a gap */
			drop_panes(win, start);
			continue;
		}
		end = due_of(win, start);
		if (greatest != INT64_MAX && end > greatest) {
			win->due = end;
			return 0;
		}
		rc = emit_time_window(win, start, 0, err);
		win->emitted = start;
		drop_panes(win, start + win->span.slide_ms);
	}
	win->due = INT64_MAX;
	return rc;
}

static int
close_due(struct window *win, int64_t greatest, struct err *err)
{
	if (win->span.kind == SPAN_TIME)
		return close_time_windows(win, greatest, err);
	if (win->span.kind == SPAN_SESSION)
		return window_sessions_close(win, greatest, err);
	return 0;
}

/* -u: every open window as it stands. */
static int
show_open(struct window *win, struct err *err)
{
	int64_t start = INT64_MIN, first;
	int rc = 0;

	if (win->span.kind == SPAN_SESSION)
		return window_sessions_show(win, err);
	if (win->span.kind != SPAN_TIME)
		return emit_pane(win, 1, err);
	for (int i = 0; i < win->panes && rc == 0; i++) {       /* each pane's windows that were not those of one before */
		first = next_window(win, win->pane[i]);
		for (start = first > start ? first : start; start <= win->pane[i]->start && rc == 0; start += win->span.slide_ms)
			rc = emit_time_window(win, start, 1, err);
	}
	return rc;
}

static int
advance_to(struct window *win, int64_t time, struct err *err)
{
	int64_t updates = win->spec.updates_ms;
	int rc = 0;

	if (win->greatest == TIME_NONE && updates)
		win->next_update = time - time % updates + updates;
	if (win->greatest == TIME_NONE || time > win->greatest)
		win->greatest = time;
	if (time >= win->due && !win->holds)
		rc = close_due(win, win->greatest, err);
	if (rc == 0 && time >= win->next_update) {
		win->next_update = time - time % updates + updates;
		rc = show_open(win, err);
	}
	return rc;
}

/* One row with a wrong clock must not close every window, so that all the true ones after it are late. Two rules say that
 * a time, though greater than all before, does not move the windows on (its row is counted in its own window all the same):
 * in live input a time more than a day ahead of the clock; and anywhere a time more than a year ahead of all before it,
 * until a second such row comes. The first row of all may itself be the wrong one: a second, more than a year before it,
 * takes its place. */
static int
is_wild(struct window *win, int64_t time)
{
	int64_t now;

	if (time - win->greatest < AHEAD_MS - LIVE_MS)
		return 0;
	now = time_now();
	if (win->greatest >= now - LIVE_MS && win->greatest <= now + LIVE_MS && time > now + AHEAD_MS)
		return 1;
	if (time - win->greatest <= FAR_MS)
		return 0;
	if (win->stray != TIME_NONE && time - win->stray <= FAR_MS && win->stray - time <= FAR_MS) {
		win->stray = TIME_NONE;
		return 0;
	}
	win->stray = time;
	return 1;
}

static int
note_time(struct window *win, int64_t time, struct err *err)
{
	if (win->greatest == TIME_NONE) {
		win->alone = 1;
		return advance_to(win, time, err);
	}
	win->alone = 0;
	if (time > win->greatest && is_wild(win, time))
		return 0;
	return advance_to(win, time, err);
}

int
window_advance(struct window *win, int64_t time, struct err *err)
{
	int rc = note_time(win, time, err);

	if (rc == 0 && win->span.kind == SPAN_COUNT && win->panes && win->pane[0]->rows == win->span.rows) {
		rc = emit_pane(win, 0, err);
		drop_panes(win, INT64_MAX);
	}
	return rc;
}

/* What was held comes out, by time as ever from now on. */
static int
let_go(struct window *win, struct err *err)
{
	win->holds = win->spec.hold = 0;
	return win->greatest != TIME_NONE && win->greatest >= win->due ? close_due(win, win->greatest, err) : 0;
}

/* (ssh a at-agg --states …; ssh b at-agg --states …) | at-agg: the rows of b begin where those of a began. */
int
window_hold(struct window *win, int64_t time, struct err *err)
{
	int64_t behind;

	if (!win->spec.hold)
		return 0;
	win->holds = 1;
	behind = time_now() - time - win->metric_ms;
	if (behind > LIVE_MS || behind < -LIVE_MS)
		win->live_ns = 0;
	else if (!win->live_ns)
		win->live_ns = time_mono_ns();
	else if (time_mono_ns() - win->live_ns > STEADY_NS)
		return let_go(win, err);
	return win->held > HELD_MOST ? let_go(win, err) : 0;
}

/* ---- rows */

static int
is_null(struct json v)
{
	return v.type == JSON_NONE || v.type == JSON_NULL;
}

/* The time of the row at hand; one without any has that of its arrival. */
int
window_row_time(struct window *win, struct str row, int64_t *time, struct err *err)
{
	return when_row(win->value[win->fields.at_time], row, &win->scratch, time, err);
}

int
window_put_label(struct buf *key, struct json v, struct err *err)
{
	struct buf text = { 0 }, scratch = { 0 };

	if (is_null(v)) {
		buf_lit(key, "null");
		return 0;
	}
	if (v.type == JSON_NUMBER) {
		buf_byte(key, '"');
		buf_str(key, json_raw(v));
		buf_byte(key, '"');
	} else if (v.type == JSON_STRING) {
		struct str plain = json_text(v, &scratch);

		if (str_utf8_fault(plain) < 0)
			json_put_as_typed(key, plain);  /* one group with the rows where nothing is escaped */
		else
			err_set(err, ERR_INPUT, "a label that is not UTF-8");
	} else {                                /* a label is a text: 200 and "200" are one */
		json_put_compact(&text, v);
		json_put_as_typed(key, buf_get(&text));
	}
	buf_release(&text);
	buf_release(&scratch);
	return err->code;
}

/* Where -b names one field and its text stands in the row as we would print it, the row's own bytes are the key. */
int
window_key(const struct window_fields *f, const struct json *value, struct buf *room, struct str *key, struct err *err)
{
	size_t from = room->n;
	struct json v;

	if (f->n_by == 0) {
		*key = STR("{}");
		return 0;
	}
	v = value[f->by_index[0]];
	if (f->n_by == 1 && v.type == JSON_STRING && !v.escaped) {
		*key = json_raw(v);
		return 0;
	}
	for (int i = 0; i < f->n_by; i++) {
		v = value[f->by_index[i]];
		if (i)
			buf_byte(room, ',');
		if (v.type == JSON_STRING && !v.escaped)
			buf_str(room, json_raw(v));
		else if (window_put_label(room, v, err))
			return err->code;
	}
	*key = (struct str){ room->p + from, room->n - from };
	return 0;
}

void
window_first_event(struct window *win)
{
	if (win->counts_events)
		return;
	win->counts_events = 1;
	if (win->learns)                /* refused when metric rows brought a count already */
		layout_parse(win->layout[0], STR("count"), &(struct err){ 0 });
}

/* Bytes that came from the row and will be printed: nothing but UTF-8 and no control characters. Looked at once a group. */
static int
is_clean(struct str key)
{
	for (size_t i = 0; i < key.n; i++)
		if ((unsigned char)key.p[i] < 0x20)
			return 0;
	return str_utf8_fault(key) < 0;
}

int
window_count_event(struct window *win, struct str key, uint64_t hash, int64_t time,
    void (*add)(const void *of, struct layout *, void *state, int64_t time, int64_t seq), const void *of, struct err *err)
{
	struct layout *layout = win->layout[0];
	struct group *g;

	if (win->whole)
		return err_set(err, ERR_INPUT, "an event does not go with rows of the overlapping windows %s", win->span.label);
	if (!(g = window_place(win, key, hash, key.n, layout, time, time)))
		return 0;
	if (!g->state && !is_clean(key))        /* an empty group is left: it has no state and is not printed */
		return err_set(err, ERR_INPUT, "a label with control characters or bytes that are not UTF-8");
	add(of, layout, window_group_state(g), time, win->arrived++);
	if (time > win->greatest || win->greatest == TIME_NONE || win->alone || win->span.kind != SPAN_TIME)
		return window_advance(win, time, err);
	return 0;
}

static void
add_values(const void *values, struct layout *l, void *state, int64_t time, int64_t seq)
{
	layout_add(l, state, values, time, seq);
}

static int
event_row(struct window *win, struct str row, struct err *err)
{
	struct str key;
	int64_t time;

	window_first_event(win);
	if (layout_checks(win->layout[0]) && json_check(row, err))
		return err->code;
	buf_clear(&win->key);
	if (window_row_time(win, row, &time, err) || window_key(&win->fields, win->value, &win->key, &key, err))
		return err->code;
	return window_count_event(win, key, str_hash(key), time, add_values, win->value, err);
}

static int
is_wanted(struct window *win, struct str row, struct err *err)
{
	if (!win->fields.where)
		return 1;
	return win->fields.where_bound ? expr_test_fields(win->fields.where, win->value, err) : expr_test(win->fields.where, row, err);
}

/* {"metric":…} without an event, and with a window or labels. */
static int
is_metric_row(const struct window *win, struct str row)
{
	struct json whole;

	if (win->value[win->fields.at_event].type != JSON_NONE || win->value[win->fields.at_metric].type != JSON_STRING)
		return 0;
	whole = json_value(row);
	return json_get(whole, STR("labels")).type != JSON_NONE || json_get(whole, STR("window")).type != JSON_NONE;
}

void
window_put_late(struct window *win, struct str row)
{
	if (!win->spec.late)
		return;
	buf_str(&win->spec.late->buf, row);
	buf_byte(&win->spec.late->buf, '\n');
	out_row(win->spec.late);
}

#define KEEP_ROWS 256           /* the clock is asked after so many, when input does not wait */

/* While a row may be at fault its words are in `err`. */
int
window_keep_in_time(struct window *win, struct err *err)
{
	struct err failed = { 0 };

	if (!win->spec.state || (win->saved < WINDOW_SAVED_MOST && time_mono_ns() < win->keep_ns) || window_keep(win, &failed) == 0)
		return 0;
	*err = failed;
	return err->code;
}

int
window_row(struct window *win, struct str row, struct err *err)
{
	uint64_t late = win->counts.late;
	int rc;

	win->is_live = -1;              /* judged when input waits: a look at the clock a row would cost more than the row */
	if ((rc = project_row(win->project, row, win->value, err)) || (rc = is_wanted(win, row, err)) < 0)
		return rc;
	if (!rc && win->fields.where)
		return win->counts.rows++, 0;
	rc = is_metric_row(win, row) ? window_metric_row(win, row, err) : event_row(win, row, err);
	if (rc != ERR_INPUT)
		win->counts.rows++;
	if (win->counts.late > late)
		window_put_late(win, row);
	if (win->spec.state && (win->counts.rows % KEEP_ROWS == 0 || win->saved >= WINDOW_SAVED_MOST) && (rc == 0 || rc == ERR_INPUT))
		rc = window_keep_in_time(win, err) ? err->code : rc;
	return rc;
}

/* ---- the clock, for live input that has fallen silent */

/* Rows came since the last wait: is their newest of this minute? Metric rows bear the start of their window and come at
 * its end, so they are of the minute when their window's end is. */
static void
fall_silent(struct window *win)
{
	int64_t newest = win->greatest + win->metric_ms;

	win->silent_ns = time_mono_ns();
	win->silent_wall = time_now();
	win->is_live = win->greatest != TIME_NONE && newest >= win->silent_wall - LIVE_MS && newest <= win->silent_wall + LIVE_MS;
}

/* What comes out by the clock; ms until more may. */
static int
wait_by_clock(struct window *win, struct err *err)
{
	int64_t silent_ms, now, next;

	if (win->is_live < 0)
		fall_silent(win);
	if (!win->is_live || (win->due == INT64_MAX && win->next_update == INT64_MAX))
		return -1;
	silent_ms = (time_mono_ns() - win->silent_ns) / 1000000;
	if (silent_ms < win->spec.idle_ms)
		return (int)(win->spec.idle_ms - silent_ms < 60000 ? win->spec.idle_ms - silent_ms : 60000);
	/* by the steady clock: one that is set back or forth in between changes nothing. Metric rows are as late as their
	 * windows are long, and may have waited for a silence themselves. */
	now = win->silent_wall + silent_ms - (win->metric_ms ? win->metric_ms + win->spec.idle_ms : 0);
	if (win->holds && let_go(win, err))
		return -2;
	if (now > win->greatest && advance_to(win, now, err))
		return -2;
	next = win->due < win->next_update ? win->due : win->next_update;
	if (next == INT64_MAX)
		return -1;
	next -= now;
	return next < 1 ? 1 : next > 60000 ? 60000 : (int)next;
}

int
window_wait(struct window *win, struct err *err)
{
	int64_t left;
	int ms = wait_by_clock(win, err);

	/* no transaction stays open over the wait: others have something to write too */
	if (ms < -1 || window_emit_commit(win, err))
		return -2;
	if (win->spec.late)
		out_flush(win->spec.late);
	if (!win->spec.state || (win->kept_rows == win->counts.rows && win->kept_out == win->counts.out))
		return ms;
	if ((left = (win->keep_ns - time_mono_ns()) / 1000000 + 1) > 0)
		return ms < 0 || left < ms ? (int)left : ms;
	return window_keep(win, err) ? -2 : ms;
}

int
window_finish(struct window *win, struct err *err)
{
	int rc = win->span.kind == SPAN_TIME || win->span.kind == SPAN_SESSION ? close_due(win, INT64_MAX, err)
	                                                                        : emit_pane(win, 0, err);

	if (rc == 0)
		rc = window_emit_commit(win, err);
	return rc;
}
