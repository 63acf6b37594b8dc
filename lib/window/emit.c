#include <stdlib.h>

#include "base/mem.h"
#include "store/store.h"
#include "window/window_priv.h"

void
window_emission_add(struct emission *e, struct group *g, int64_t start_utc)
{
	if (e->n == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 64;
		e->group = mem_grow(e->group, e->cap, sizeof(*e->group));
		e->start = mem_grow(e->start, e->cap, sizeof(*e->start));
	}
	e->group[e->n] = g;
	e->start[e->n++] = start_utc;
}

/* The next label of a key; p NULL for null. */
static struct str
next_label(const char **p)
{
	uint32_t len;
	struct str label;

	memcpy(&len, *p, sizeof(len));
	*p += sizeof(len);
	if (len == NO_LABEL)
		return (struct str){ NULL, 0 };
	label = (struct str){ *p, len };
	*p += len;
	return label;
}

/* By the labels' texts, field by field; null comes last. Metric rows' groups by name and labels, behind those of events. */
static int
by_labels(const struct group *a, const struct group *b)
{
	const char *p = a->key, *q = b->key;

	if (a->source != b->source)
		return a->source - b->source;
	while (p < a->key + a->key_len && q < b->key + b->key_len) {
		struct str x, y;
		int c;

		if (a->source == FROM_METRICS && p > a->key) {
			x = (struct str){ p, (size_t)(a->key + a->key_len - p) };
			y = (struct str){ q, (size_t)(b->key + b->key_len - q) };
			return str_cmp(x, y);
		}
		x = next_label(&p), y = next_label(&q);
		c = !x.p || !y.p ? !x.p - !y.p : str_cmp(x, y);
		if (c)
			return c;
	}
	return 0;
}

struct item {
	int64_t start;
	struct group *group;
};

static int
by_start(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return by_labels(x->group, y->group);
}

static void
put_event_labels(const struct window *win, const struct group *g, struct buf *b)
{
	const char *p = g->key;

	buf_byte(b, '{');
	for (int i = 0; i < win->n_by; i++) {
		struct str label = next_label(&p);

		if (i)
			buf_byte(b, ',');
		json_put_key(b, win->by[i]);
		if (label.p)
			json_put_string(b, label);
		else
			buf_lit(b, "null");
	}
	buf_byte(b, '}');
}

/* Where a key of metric rows has its labels. */
static struct str
metric_labels(const struct group *g, struct str *name)
{
	const char *p = g->key;

	*name = next_label(&p);
	return (struct str){ p, (size_t)(g->key + g->key_len - p) };
}

/* A metric row's group knows only some outputs: those its rows had. */
static int
has_output(const struct group *g, int i)
{
	return g->source == FROM_EVENTS || (i < g->outputs && g->has[i]);
}

static int
wants_state(const struct aggregates *a, const struct group *g, int i)
{
	const struct aggregate_output *o = &a->output[i];

	return has_output(g, i) && (o->named || aggregate_needs_state(o, &a->slot[o->slot]));
}

/* Has an output before i a state under the same key (slot < 0), or that very state? */
static int
stated_before(const struct aggregates *a, const struct group *g, int i, int slot)
{
	for (int j = 0; j < i; j++)
		if (wants_state(a, g, j) && str_eq(a->output[j].key, a->output[i].key) && (slot < 0 || a->output[j].slot == slot))
			return 1;
	return 0;
}

/* "states":{"duration_ms":"dd1:… hll1:…"}: one text a key, a blank between the states of one key. */
static void
put_states(const struct aggregates *a, const struct group *g, struct buf *b)
{
	const char *between = "";

	buf_lit(b, ",\"states\":{");
	for (int i = 0; i < a->outputs; i++) {
		const char *blank = "";

		if (!wants_state(a, g, i) || stated_before(a, g, i, -1))
			continue;
		buf_lit(b, between);
		json_put_key(b, a->output[i].key);
		buf_byte(b, '"');
		for (int j = i; j < a->outputs; j++) {
			const struct aggregate_output *o = &a->output[j];

			if (!wants_state(a, g, j) || !str_eq(o->key, a->output[i].key) || stated_before(a, g, j, o->slot))
				continue;
			buf_lit(b, blank);
			aggregate_write(&a->slot[o->slot], &g->state[o->slot], b);
			blank = " ";
		}
		buf_byte(b, '"');
		between = ",";
	}
	buf_byte(b, '}');
}

static int
save_row(struct window *win, const struct group *g, int64_t start, struct str name, struct str labels, double seconds, struct err *err)
{
	const struct aggregates *a = window_aggregates(win, g->source);
	struct buf value = { 0 }, state = { 0 };
	int rc = 0;

	for (int i = 0; i < a->outputs && rc == 0; i++) {
		const struct aggregate_output *o = &a->output[i];
		struct store_sample s = { .metric = name, .labels = labels, .field = o->name, .time = start, .window = str_of(win->span.label) };
		struct json v;

		if (!has_output(g, i))
			continue;
		buf_clear(&value), buf_clear(&state);
		aggregate_put(o, &a->slot[o->slot], &g->state[o->slot], seconds, &value);
		v = json_value(buf_get(&value));
		if (!json_double(v, &s.value))
			continue;
		if (aggregate_needs_state(o, &a->slot[o->slot])) {
			aggregate_write(&a->slot[o->slot], &g->state[o->slot], &state);
			s.state = buf_get(&state);
		}
		rc = store_add_sample(win->spec.save, &s, err);
		win->saved++;
	}
	buf_release(&value), buf_release(&state);
	return rc;
}

static int
put_row(struct window *win, const struct group *g, int64_t start, double seconds, int partial, struct err *err)
{
	const struct aggregates *a = window_aggregates(win, g->source);
	struct buf *b = &win->spec.out->buf;
	struct str name = str_of(win->spec.name ? win->spec.name : "events"), labels;
	size_t from, end;

	if (g->source == FROM_METRICS) {
		struct str own;

		labels = metric_labels(g, &own);
		name = win->spec.name ? name : own;
	}
	buf_lit(b, "{\"metric\":");
	json_put_string(b, name);
	buf_lit(b, ",\"timestamp\":");
	json_put_time(b, start);
	buf_lit(b, ",\"window\":\"");
	buf_lit(b, win->span.label);
	buf_lit(b, "\",\"labels\":");
	from = b->n;
	if (g->source == FROM_METRICS)
		buf_str(b, labels);
	else
		put_event_labels(win, g, b);
	end = b->n;
	for (int i = 0; i < a->outputs; i++) {
		const struct aggregate_output *o = &a->output[i];

		if (!has_output(g, i))
			continue;
		buf_byte(b, ',');
		json_put_key(b, o->name);
		aggregate_put(o, &a->slot[o->slot], &g->state[o->slot], seconds, b);
	}
	if (partial)
		buf_lit(b, ",\"partial\":true");
	if (win->spec.states)
		put_states(a, g, b);
	buf_lit(b, "}\n");
	win->counts.out++;
	if (win->spec.save && !partial) {
		struct buf kept = { 0 };
		int rc;

		buf_add(&kept, b->p + from, end - from);
		rc = save_row(win, g, start, name, buf_get(&kept), seconds, err);
		buf_release(&kept);
		if (rc)
			return rc;
	}
	out_row(win->spec.out);
	return win->spec.out->failed ? err_set(err, ERR_IO, "cannot write") : 0;
}

#define SAVED_MOST 8192         /* samples of one transaction, when windows come out faster than input waits */

int
window_emit_commit(struct window *win, struct err *err)
{
	if (!win->saving)
		return 0;
	win->saving = 0;
	win->saved = 0;
	return store_commit(win->spec.save, err);
}

int
window_emit(struct window *win, struct emission *e, double seconds, int partial, struct err *err)
{
	struct item *item = mem_new(e->n * sizeof(*item));
	int rc = 0;

	for (size_t i = 0; i < e->n; i++)
		item[i] = (struct item){ e->start[i], e->group[i] };
	if (e->n)
		qsort(item, e->n, sizeof(*item), by_start);
	if (win->spec.save && !partial && e->n && !win->saving) {
		rc = store_begin(win->spec.save, err);
		win->saving = rc == 0;
	}
	for (size_t i = 0; i < e->n && rc == 0; i++) {
		const struct group *g = item[i].group;

		rc = put_row(win, g, item[i].start, seconds < 0 ? (double)(g->last - g->first) / 1000 : seconds, partial, err);
	}
	if (rc == 0 && win->saved >= SAVED_MOST)
		rc = window_emit_commit(win, err);
	free(item);
	free(e->group);
	free(e->start);
	*e = (struct emission){ 0 };
	return rc;
}
