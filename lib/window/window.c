#include "window/window.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/store.h"
#include "window/window_priv.h"

#define DAY      86400000LL
#define MONDAY   (4 * DAY)      /* 1970-01-05: windows of whole weeks begin on Mondays */
#define LIVE_MS  60000          /* input whose newest row is no older than this is live */

/* Windows have a time of their own in which they are all alike: UTC, or, for windows of whole days in a zone, that zone's
 * local time, whose days have 24 hours. */
static int
is_local(const struct window *win)
{
	return win->spec.zone && win->span.kind == SPAN_TIME && win->span.size_ms % DAY == 0 && win->span.slide_ms % DAY == 0;
}

static int64_t
own_time(const struct window *win, int64_t utc)
{
	return is_local(win) ? utc + zone_offset(win->spec.zone, utc) : utc;
}

int64_t
window_utc(const struct window *win, int64_t own)
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

/* ---- setting up */

static int
parse_by(struct window *win, struct err *err)
{
	struct str list = str_of(win->spec.by), name;

	while (list.n && str_cut(&list, ',', &name)) {
		name = str_trim(name);
		if (!name.n)
			return err_set(err, ERR_USAGE, "-b: an empty field name, give them as source,country");
		if (win->n_by == BY_MOST)
			return err_set(err, ERR_USAGE, "-b: more than %d fields", BY_MOST);
		for (int i = 0; i < win->n_by; i++)
			if (str_eq(win->by[i], name))
				return err_set(err, ERR_USAGE, "-b: '%.*s' twice", STR_FMT(name));
		if ((win->by_index[win->n_by] = project_field(win->project, name, err)) < 0)
			return err->code;
		win->by[win->n_by++] = name;
	}
	return 0;
}

static int
project_all(struct window *win, struct err *err)
{
	win->project = project_new();
	win->at_metric = project_path(win->project, &STR("metric"), 1, err);
	win->at_event = project_path(win->project, &STR("event"), 1, err);
	win->at_time = project_path(win->project, &STR("timestamp"), 1, err);
	if (parse_by(win, err))
		return err->code;
	for (int i = 0; i < win->events.slots; i++) {
		struct aggregate_slot *slot = &win->events.slot[i];

		if (slot->field.p && (slot->field_index = project_field(win->project, slot->field, err)) < 0)
			return err->code;
	}
	if (win->spec.where) {
		if (!(win->where = expr_new(win->spec.where, 0, err)))
			return err_at(err, "-W");
		int bound = expr_bind(win->where, win->project, err);

		if (bound < 0)
			return err_at(err, "-W");
		win->where_bound = bound == 0;
	}
	win->value = mem_new((size_t)project_count(win->project) * sizeof(*win->value));
	win->number = mem_new((size_t)project_count(win->project) * sizeof(*win->number));
	win->is_number = mem_new((size_t)project_count(win->project));
	for (int i = 0; i < win->events.slots; i++) {
		const struct aggregate_slot *slot = &win->events.slot[i];

		if (slot->kind >= AGGREGATE_SUM && slot->kind <= AGGREGATE_QUANTILE && !win->is_number[slot->field_index]) {
			win->is_number[slot->field_index] = 1;
			win->numeric[win->n_numeric++] = slot->field_index;
		}
	}
	return 0;
}

struct window *
window_new(const struct window_spec *spec, struct err *err)
{
	struct window *win = mem_new(sizeof(*win));

	win->spec = *spec;
	win->greatest = TIME_NONE;
	win->due = win->next_update = INT64_MAX;
	win->emitted = INT64_MIN;
	if (window_span_parse(&win->span, str_of(spec->span), err))
		err_at(err, "-w");
	else if (aggregates_parse(&win->events, str_of(spec->aggregates), err))
		err_at(err, "-a");
	else
		project_all(win, err);
	if (err->code) {
		window_free(win);
		return NULL;
	}
	if (win->span.kind == SPAN_SESSION)
		win->sessions = window_sessions_new();
	return win;
}

static void
pane_free(const struct window *win, struct pane *p)
{
	for (int i = 0; i < SOURCES; i++)
		window_groups_release(win, &p->groups[i]);
	arena_free(p->arena);
	free(p);
}

void
window_free(struct window *win)
{
	if (!win)
		return;
	for (int i = 0; i < win->panes; i++)
		pane_free(win, win->pane[i]);
	free(win->pane);
	window_sessions_free(win, win->sessions);
	if (win->saving)
		store_abort(win->spec.save);
	expr_free(win->where);
	project_free(win->project);
	aggregates_release(&win->events);
	aggregates_release(&win->metrics);
	free(win->value);
	free(win->number);
	free(win->is_number);
	buf_release(&win->key);
	buf_release(&win->scratch);
	free(win);
}

struct window_counts
window_counts(const struct window *win)
{
	return win->counts;
}

/* ---- panes */

/* When the window that is the first to hold the pane ends, as a time that a row must reach. */
static int64_t
pane_due(const struct window *win, const struct pane *p)
{
	int64_t first = floor_to(win, p->start + win->span.pane_ms - win->span.size_ms, win->span.slide_ms);

	if (first < p->start + win->span.pane_ms - win->span.size_ms)
		first += win->span.slide_ms;
	if (win->emitted != INT64_MIN && first <= win->emitted)
		first = win->emitted + win->span.slide_ms;
	return window_utc(win, first + win->span.size_ms) + win->spec.lateness_ms;
}

struct pane *
window_pane(struct window *win, int64_t start)
{
	struct pane *p;
	int i = win->panes;

	if (win->recent && win->recent->start == start)
		return win->recent;
	while (i > 0 && win->pane[i - 1]->start > start)
		i--;
	if (i > 0 && win->pane[i - 1]->start == start)
		return win->recent = win->pane[i - 1];
	if (win->panes == win->panes_cap)
		win->pane = mem_grow(win->pane, (size_t)(win->panes_cap = win->panes_cap ? win->panes_cap * 2 : 16), sizeof(*win->pane));
	memmove(win->pane + i + 1, win->pane + i, (size_t)(win->panes - i) * sizeof(*win->pane));
	p = win->pane[i] = mem_new(sizeof(*p));
	win->panes++;
	*p = (struct pane){ .start = start, .first = INT64_MAX, .last = INT64_MIN, .arena = arena_new(0) };
	if (win->span.kind == SPAN_TIME && pane_due(win, p) < win->due)
		win->due = pane_due(win, p);
	return win->recent = p;
}

/* Has every window that holds this (own) time come out, or would it have? */
static int
is_late(const struct window *win, int64_t own)
{
	int64_t last = floor_to(win, own, win->span.slide_ms);

	if (win->greatest == TIME_NONE)
		return 0;
	return (win->emitted != INT64_MIN && last <= win->emitted) ||
	    window_utc(win, last + win->span.size_ms) + win->spec.lateness_ms <= win->greatest;
}

struct group *
window_place(struct window *win, int source, struct str key, int64_t time)
{
	uint64_t hash = str_hash(key);
	struct pane *p;
	struct group *g;
	int64_t own;

	if (win->span.kind == SPAN_SESSION) {
		g = window_session_place(win, source, key, hash, time);
		win->counts.late += !g;
		return g;
	}
	if (win->span.kind == SPAN_TIME) {
		own = own_time(win, time);
		if (win->greatest != TIME_NONE && time < win->greatest && is_late(win, own)) {
			win->counts.late++;
			return NULL;
		}
		p = window_pane(win, floor_to(win, own, win->span.pane_ms));
	} else {
		p = window_pane(win, 0);
	}
	g = window_groups_get(win, &p->groups[source], p->arena, source, key, hash);
	p->rows++;
	if (time < p->first)
		p->first = time;
	if (time > p->last)
		p->last = time;
	if (time < g->first)
		g->first = time;
	if (time > g->last)
		g->last = time;
	return g;
}

/* ---- coming out */

/* The groups of the panes from `from` to `to` (own time), merged where there are several panes. The merged ones live in
 * `merged`, which the caller frees after they were printed. */
static void
gather(struct window *win, int64_t from, int64_t to, int64_t start_utc, struct emission *out, struct pane **merged)
{
	int first = 0, end;

	while (first < win->panes && win->pane[first]->start < from)
		first++;
	for (end = first; end < win->panes && win->pane[end]->start < to; end++)
		;
	if (end - first > 1) {
		*merged = mem_new(sizeof(**merged));
		(*merged)->arena = arena_new(0);
	}
	for (int i = first; i < end; i++)
		for (int source = 0; source < SOURCES; source++) {
			struct groups *groups = &win->pane[i]->groups[source];

			for (size_t j = 0; j < groups->cap; j++) {
				struct group *g = groups->slot[j];

				if (g && *merged)
					window_group_merge(win, window_groups_get(win, &(*merged)->groups[source], (*merged)->arena, source,
					    (struct str){ g->key, g->key_len }, g->hash), g);
				else if (g)
					window_emission_add(out, g, start_utc);
			}
		}
	for (int source = 0; *merged && source < SOURCES; source++)
		for (size_t j = 0; j < (*merged)->groups[source].cap; j++)
			if ((*merged)->groups[source].slot[j])
				window_emission_add(out, (*merged)->groups[source].slot[j], start_utc);
}

static int
emit_time_window(struct window *win, int64_t start, int partial, struct err *err)
{
	struct emission out = { 0 };
	struct pane *merged = NULL;
	int rc;

	gather(win, start, start + win->span.size_ms, window_utc(win, start), &out, &merged);
	rc = window_emit(win, &out, (double)(window_utc(win, start + win->span.size_ms) - window_utc(win, start)) / 1000, partial, err);
	if (merged)
		pane_free(win, merged);
	return rc;
}

/* All and count: one pane, whose start is the least time in it. */
static int
emit_pane(struct window *win, int partial, struct err *err)
{
	struct emission out = { 0 };
	struct pane *none = NULL;
	const struct pane *p;

	if (!win->panes)
		return 0;
	p = win->pane[0];
	gather(win, p->start, p->start + 1, p->first, &out, &none);
	return window_emit(win, &out, (double)(p->last - p->first) / 1000, partial, err);
}

static void
drop_panes(struct window *win, int64_t before)
{
	int n = 0;

	while (n < win->panes && win->pane[n]->start < before)
		pane_free(win, win->pane[n++]);
	memmove(win->pane, win->pane + n, (size_t)(win->panes - n) * sizeof(*win->pane));
	win->panes -= n;
	win->recent = NULL;
}

/* The start of the earliest window not yet out that holds the first pane. */
static int64_t
next_window(const struct window *win)
{
	int64_t due = win->pane[0]->start + win->span.pane_ms - win->span.size_ms, start = floor_to(win, due, win->span.slide_ms);

	if (start < due)
		start += win->span.slide_ms;
	return win->emitted != INT64_MIN && start <= win->emitted ? win->emitted + win->span.slide_ms : start;
}

/* Every window that ended comes out. greatest INT64_MAX: all of them. */
static int
close_time_windows(struct window *win, int64_t greatest, struct err *err)
{
	int rc = 0;

	while (win->panes && rc == 0) {
		int64_t start = next_window(win), end;

		if (start > win->pane[0]->start) {              /* no window left that wants the pane: hopping, at a gap */
			drop_panes(win, start);
			continue;
		}
		end = window_utc(win, start + win->span.size_ms) + win->spec.lateness_ms;
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
	int64_t from, to;
	int rc = 0;

	if (win->span.kind == SPAN_SESSION)
		return window_sessions_show(win, err);
	if (win->span.kind != SPAN_TIME)
		return emit_pane(win, 1, err);
	if (!win->panes)
		return 0;
	from = next_window(win);
	to = floor_to(win, win->pane[win->panes - 1]->start, win->span.slide_ms);
	for (int64_t start = from; start <= to && rc == 0; start += win->span.slide_ms)
		rc = emit_time_window(win, start, 1, err);
	return rc;
}

static int
advance_to(struct window *win, int64_t time, struct err *err)
{
	int rc = 0;

	if (win->greatest == TIME_NONE && win->spec.updates_ms)
		win->next_update = time - time % win->spec.updates_ms + win->spec.updates_ms;
	if (win->greatest == TIME_NONE || time > win->greatest)
		win->greatest = time;
	if (time >= win->due)
		rc = close_due(win, win->greatest, err);
	if (rc == 0 && time >= win->next_update) {
		win->next_update = time - time % win->spec.updates_ms + win->spec.updates_ms;
		rc = show_open(win, err);
	}
	return rc;
}

int
window_advance(struct window *win, int64_t time, struct err *err)
{
	int rc = advance_to(win, time, err);

	if (rc == 0 && win->span.kind == SPAN_COUNT && win->panes && win->pane[0]->rows == win->span.rows) {
		rc = emit_pane(win, 0, err);
		drop_panes(win, INT64_MAX);
	}
	return rc;
}

/* ---- rows */

/* Rows that did not come through at-ingest may name their time otherwise; one without any has the time of its arrival. */
static int
other_time(struct str row, int64_t *time, struct err *err)
{
	static const char *const names[] = { "ts", "time", "@timestamp", "originalTimestamp" };
	struct json v = JSON_ABSENT, whole = json_value(row);
	struct buf scratch = { 0 };
	struct str text;
	double d;
	int rc = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && (v.type == JSON_NONE || v.type == JSON_NULL); i++)
		v = json_get(whole, str_of(names[i]));
	if (v.type == JSON_NONE || v.type == JSON_NULL)
		*time = time_now();
	else if (v.type == JSON_NUMBER)
		rc = json_double(v, &d) ? time_of_epoch(d, time) : -1;
	else
		rc = (text = json_text(v, &scratch)).p ? time_parse_rfc3339(text, time) : -1;
	buf_release(&scratch);
	return rc ? err_set(err, ERR_INPUT, "the time is none that can be read, give RFC 3339 or an epoch") : 0;
}

static int
row_time(struct window *win, struct str row, int64_t *time, struct err *err)
{
	struct json v = win->value[win->at_time];
	struct str text;
	int64_t epoch;
	double d;
	int rc;

	if (v.type == JSON_STRING) {
		text = json_text(v, &win->scratch);
		rc = time_parse_rfc3339(text, time);
	} else if (v.type == JSON_NUMBER) {
		rc = json_int64(v, &epoch) ? time_of_epoch_int(epoch, time) : json_double(v, &d) ? time_of_epoch(d, time) : -1;
	} else if (v.type == JSON_NONE || v.type == JSON_NULL) {
		return other_time(row, time, err);
	} else {
		rc = -1;
	}
	if (rc)
		return err_col(err, v.p - row.p + 1, ERR_INPUT, "timestamp %.*s is no time that can be read, give RFC 3339 or an epoch",
		    v.n > 60 ? 60 : (int)v.n, v.p);
	return 0;
}

/* The key of the row's group: its labels as text. */
static struct str
row_key(struct window *win)
{
	struct buf *key = &win->key;

	buf_clear(key);
	for (int i = 0; i < win->n_by; i++) {
		struct json v = win->value[win->by_index[i]];
		struct str text = json_raw(v);
		uint32_t len;

		if (v.type == JSON_STRING)
			text = v.escaped ? json_text(v, &win->scratch) : (struct str){ v.p + 1, v.n - 2 };
		len = v.type == JSON_NONE || v.type == JSON_NULL ? NO_LABEL : (uint32_t)text.n;
		buf_add(key, &len, sizeof(len));
		if (len != NO_LABEL)
			buf_str(key, text);
	}
	return buf_get(key);
}

static void
row_add(struct window *win, struct group *g, int64_t time)
{
	for (int i = 0; i < win->n_numeric; i++) {
		int at = win->numeric[i];

		win->is_number[at] = (uint8_t)number_read(win->value[at], &win->number[at]);
	}
	for (int i = 0; i < win->events.slots; i++) {
		const struct aggregate_slot *slot = &win->events.slot[i];
		int at = slot->field_index;

		if (at < 0)
			g->state[i].count++;
		else
			aggregate_add(slot, &g->state[i], win->value[at], win->is_number[at] ? &win->number[at] : NULL, time, &win->scratch);
	}
}

static int
is_wanted(struct window *win, struct str row, struct err *err)
{
	if (!win->where)
		return 1;
	return win->where_bound ? expr_test_fields(win->where, win->value, err) : expr_test(win->where, row, err);
}

int
window_row(struct window *win, struct str row, struct err *err)
{
	uint64_t late = win->counts.late;
	struct group *g;
	int64_t time;
	int wanted;

	win->is_live = -1;              /* judged when input waits: a look at the clock a row would cost more than the row */
	if (project_row(win->project, row, win->value, err))
		return err->code;
	if ((wanted = is_wanted(win, row, err)) < 0)
		return err->code;
	win->counts.rows++;
	if (!wanted)
		return 0;
	if (win->value[win->at_metric].type == JSON_STRING && win->value[win->at_event].type == JSON_NONE) {
		if (window_metric_row(win, row, err))
			return err->code;
	} else {
		if (row_time(win, row, &time, err))
			return err->code;
		if ((g = window_place(win, FROM_EVENTS, row_key(win), time))) {
			row_add(win, g, time);
			if (time >= win->due || time > win->greatest || win->greatest == TIME_NONE || win->span.kind != SPAN_TIME)
				return window_advance(win, time, err);
		}
	}
	if (win->counts.late > late && win->spec.late) {
		buf_str(&win->spec.late->buf, row);
		buf_byte(&win->spec.late->buf, '\n');
		out_row(win->spec.late);
	}
	return 0;
}

/* ---- the clock, for live input that has fallen silent */

int
window_wait(struct window *win, struct err *err)
{
	int64_t now_ns = time_mono_ns(), now, silent_ms;

	if (window_emit_commit(win, err))
		return -2;
	if (win->spec.late)
		out_flush(win->spec.late);
	if (win->is_live < 0) {                         /* rows came since the last wait */
		win->row_at_ns = now_ns;
		now = time_now();
		win->is_live = win->greatest >= now - LIVE_MS && win->greatest <= now + LIVE_MS;
	}
	if (!win->is_live || win->due == INT64_MAX)
		return -1;
	silent_ms = (now_ns - win->row_at_ns) / 1000000;
	if (silent_ms < win->spec.idle_ms)
		return (int)(win->spec.idle_ms - silent_ms);
	now = time_now();
	if (now > win->greatest && advance_to(win, now, err))
		return -2;
	if (win->due == INT64_MAX)
		return -1;
	now = win->due - time_now();
	return now < 1 ? 1 : now > 60000 ? 60000 : (int)now;
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
