#include <stdlib.h>

#include "base/mem.h"
#include "store/store.h"
#include "window/window_priv.h"

void
window_emission_add(struct emission *e, struct group *g, int64_t start_utc)
{
	if (!g->state)          /* made for a row that was refused */
		return;
	if (e->n == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 64;
		e->group = mem_grow(e->group, e->cap, sizeof(*e->group));
		e->start = mem_grow(e->start, e->cap, sizeof(*e->start));
	}
	e->group[e->n] = g;
	e->start[e->n++] = start_utc;
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
	return str_cmp((struct str){ x->group->key, x->group->key_len }, (struct str){ y->group->key, y->group->key_len });
}

/* Behind the JSON text of the label at p. */
static const char *
label_end(const char *p, const char *end)
{
	if (*p != '"')
		return p + 4;           /* null */
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p + 1;
}

static void
put_sorted(struct str labels, struct buf *b)
{
	struct json object = json_checked(labels), (*member)[2] = NULL;
	int n = 0;

	for (struct json_iter it = json_iter(object); json_next(&it); n++)
		;
	member = mem_grow(NULL, (size_t)n + 1, sizeof(*member));
	n = 0;
	for (struct json_iter it = json_iter(object); json_next(&it); n++)
		member[n][0] = it.key, member[n][1] = it.value;
	json_put_members(b, member, n);
	free(member);
}

/* The labels as an object; with `sorted`, the keys in byte order, as the store wants them. */
static void
put_labels(const struct window *win, const struct group *g, int sorted, struct buf *b)
{
	const char *p = g->key, *end = g->key + g->labels_len;
	struct str value[BY_MOST];
	int order[BY_MOST];

	if (!win->fields.n_by) {
		if (sorted)
			put_sorted((struct str){ p, g->labels_len }, b);
		else
			buf_add(b, p, g->labels_len);
		return;
	}
	for (int i = 0, j; i < win->fields.n_by; i++) {
		const char *behind = label_end(p, end);

		value[i] = (struct str){ p, (size_t)(behind - p) };
		p = behind + 1;
		for (j = i; sorted && j > 0 && str_cmp(win->fields.by[order[j - 1]], win->fields.by[i]) > 0; j--)
			order[j] = order[j - 1];
		order[j] = i;
	}
	for (int i = 0; i < win->fields.n_by; i++) {
		buf_byte(b, i ? ',' : '{');
		json_put_key(b, win->fields.by[order[i]]);
		buf_str(b, value[order[i]]);
	}
	buf_byte(b, '}');
}

struct saving {
	struct window *win;
	struct store_sample sample;
};

static int
save_field(void *self, struct str name, double value, struct str state, struct err *err)
{
	struct saving *s = self;

	s->sample.field = name;
	s->sample.value = value;
	s->sample.state = state;
	s->win->saved++;
	return store_add_sample(s->win->spec.save, &s->sample, err);
}

static int
save_row(struct window *win, const struct group *g, int64_t start, double seconds, struct err *err)
{
	struct buf labels = { 0 };
	struct saving s = { win, { .metric = layout_metric(g->layout), .time = start, .window = str_of(win->span.label) } };
	int rc;

	put_labels(win, g, 1, &labels);
	s.sample.labels = buf_get(&labels);
	rc = layout_each(g->layout, g->state, seconds, save_field, &s, err);
	buf_release(&labels);
	return rc;
}

static int
put_row(struct window *win, struct group *g, int64_t start, double seconds, int partial, struct err *err)
{
	struct buf *b = &win->spec.out->buf;

	window_group_state(g);
	buf_lit(b, "{\"metric\":");
	json_put_string(b, layout_metric(g->layout));
	buf_lit(b, ",\"timestamp\":");
	json_put_time(b, start);
	buf_lit(b, ",\"window\":\"");
	buf_lit(b, win->span.label);
	buf_lit(b, "\",\"labels\":");
	put_labels(win, g, 0, b);
	if (partial)
		buf_lit(b, ",\"partial\":true");
	layout_put(g->layout, g->state, seconds, win->spec.states, b);
	buf_lit(b, "}\n");
	win->counts.out++;
	out_row(win->spec.out);
	if (win->spec.out->failed)
		return out_failed(win->spec.out, err);
	return win->spec.save && !partial ? save_row(win, g, start, seconds, err) : 0;
}

int
window_emit_commit(struct window *win, struct err *err)
{
	if (win->spec.state && (win->saving || (win->counts.out != win->kept_out && !win->keep_dear)))
		return window_keep(win, err);
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
	for (size_t i = 0; i < e->n && rc == 0; i++)
		rc = put_row(win, item[i].group, item[i].start, seconds, partial, err);
	/* The state of open windows is kept with them, but here some are on their way out: window_row does it. */
	if (rc == 0 && win->saved >= WINDOW_SAVED_MOST && !win->spec.state)
		rc = window_emit_commit(win, err);
	free(item);
	free(e->group);
	free(e->start);
	*e = (struct emission){ 0 };
	return rc;
}
