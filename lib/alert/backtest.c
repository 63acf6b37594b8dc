#include "alert/backtest.h"

#include <math.h>
#include <stdlib.h>

#include "alert/noise.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/order.h"
#include "base/time.h"

#define CHANGES 10                      /* as routes.h damps where nothing else is configured */
#define WITHIN  3600000

struct firing { int64_t from, to; struct str labels; int right; };      /* to: TIME_NONE while it fires */
struct incident_label { int64_t from, to; struct str alert, labels; };

struct of_series { int64_t change[CHANGES]; int n; size_t open; };     /* open: its firing + 1; 0: none */

struct of_rule {
	struct str key, name;
	struct firing *firing;
	size_t n, cap;
	long damped;
	struct map series;
};

struct backtest {
	struct of_rule *rule;
	int n;
	struct map by_key;
	struct incident_label *label;
	size_t n_labels, cap_labels;
	struct arena *arena;
};

struct backtest *
backtest_new(const struct rules *rules)
{
	struct backtest *b = mem_new(sizeof(*b));

	b->arena = arena_new(0);
	b->n = rules->n;
	b->rule = mem_new((size_t)(b->n + 1) * sizeof(*b->rule));
	for (int i = 0; i < b->n; i++) {
		b->rule[i].key = rules->rule[i].key, b->rule[i].name = rules->rule[i].name;
		map_put(&b->by_key, b->rule[i].key, NULL)->num = i + 1;
	}
	return b;
}

void
backtest_free(struct backtest *b)
{
	if (!b)
		return;
	for (int i = 0; i < b->n; i++) {
		map_release(&b->rule[i].series);
		free(b->rule[i].firing);
	}
	map_release(&b->by_key);
	free(b->rule);
	free(b->label);
	arena_free(b->arena);
	free(b);
}

static struct str
kept(struct backtest *b, struct str s)
{
	return (struct str){ arena_dup(b->arena, s.p ? s.p : "", s.n), s.n };
}

int
backtest_label(struct backtest *b, struct str row, struct err *err)
{
	struct incident_label l = { 0 };
	struct json v, labels;
	struct buf from = { 0 }, to = { 0 };

	if (json_check(row, err))
		return ERR_INPUT;
	v = json_value(row);
	labels = json_get(v, STR("labels"));
	if (time_parse_rfc3339(json_text(json_get(v, STR("from")), &from), &l.from) || time_parse_rfc3339(json_text(json_get(v, STR("to")), &to), &l.to) || l.to < l.from)
		err_set(err, ERR_INPUT, "an incident is {\"from\":TIME,\"to\":TIME}");
	buf_release(&from);
	buf_release(&to);
	if (err->code)
		return err->code;
	l.alert = json_text_dup(json_get(v, STR("alert")), b->arena);
	if (labels.type == JSON_OBJECT)
		l.labels = kept(b, json_raw(labels));
	if (b->n_labels == b->cap_labels)
		b->label = mem_grow(b->label, b->cap_labels = b->cap_labels ? 2 * b->cap_labels : 64, sizeof(*b->label));
	b->label[b->n_labels++] = l;
	return 0;
}

/* Would it have been told? The same count as routes.c has. */
static int
is_damped(struct of_series *s, int64_t time)
{
	int recent = 0;

	if (s->n == CHANGES) {
		memmove(s->change, s->change + 1, sizeof(s->change) - sizeof(s->change[0]));
		s->n--;
	}
	for (int i = 0; i < s->n; i++)
		recent += s->change[i] > time - WITHIN;
	s->change[s->n++] = time;
	return recent >= CHANGES - 1;
}

void
backtest_alert(struct backtest *b, const struct evaluate_alert *a)
{
	struct map_entry *e = map_find(&b->by_key, a->rule), *at;
	struct of_series *s;
	struct of_rule *r;
	struct buf key = { 0 };
	int damped;

	if (!e || a->state == EVALUATE_PENDING)
		return;
	r = &b->rule[e->num - 1];
	buf_str(&key, a->labels);
	buf_str(&key, json_raw(json_get(json_value(a->json), STR("metric"))));
	at = map_put(&r->series, buf_get(&key), NULL);
	buf_release(&key);
	if (!at->ptr)
		at->ptr = memset(arena_get(b->arena, sizeof(*s)), 0, sizeof(*s));
	s = at->ptr;
	damped = is_damped(s, a->time);
	if (a->state == EVALUATE_RESOLVED) {
		if (s->open)
			r->firing[s->open - 1].to = a->time;
		s->open = 0;
		return;
	}
	r->damped += damped;
	if (r->n == r->cap)
		r->firing = mem_grow(r->firing, r->cap = r->cap ? 2 * r->cap : 16, sizeof(*r->firing));
	r->firing[r->n++] = (struct firing){ a->time, TIME_NONE, kept(b, a->labels), 0 };
	s->open = r->n;
}

static int
is_about(const struct incident_label *l, const struct of_rule *r, struct str labels)
{
	struct json_iter it;
	struct buf key = { 0 };
	int yes = !l->alert.p || str_eq(l->alert, r->name);

	for (it = json_iter(json_value(l->labels)); yes && l->labels.n && json_next(&it); )
		yes = str_eq(json_raw(json_get(json_value(labels), json_text(it.key, &key))), json_raw(it.value));
	buf_release(&key);
	return yes;
}

static void
put_scores(struct buf *out, struct backtest *b, struct of_rule *r, int64_t end)
{
	double *lead = mem_new((b->n_labels + 1) * sizeof(*lead));
	size_t found = 0, right = 0, of = 0;

	for (size_t i = 0; i < b->n_labels; i++) {
		const struct incident_label *l = &b->label[i];
		int64_t first = TIME_NONE;

		if (l->alert.p && !str_eq(l->alert, r->name))
			continue;
		of++;
		for (size_t k = 0; k < r->n; k++) {
			struct firing *f = &r->firing[k];
			int64_t to = f->to == TIME_NONE ? end : f->to;

			if (f->from > l->to || to < l->from || !is_about(l, r, f->labels))
				continue;
			f->right = 1;
			first = first == TIME_NONE || f->from < first ? f->from : first;
		}
		if (first != TIME_NONE)
			lead[found++] = (double)(l->from - first) / 1000;
	}
	for (size_t k = 0; k < r->n; k++)
		right += r->firing[k].right != 0;
	qsort(lead, found, sizeof(*lead), order_doubles);
	buf_lit(out, ",\"precision\":");
	json_put_double(out, r->n ? round(1e4 * (double)right / (double)r->n) / 1e4 : NAN);
	buf_lit(out, ",\"recall\":");
	json_put_double(out, of ? round(1e4 * (double)found / (double)of) / 1e4 : NAN);
	buf_lit(out, ",\"lead_seconds\":");
	json_put_double(out, found ? (lead[(found - 1) / 2] + lead[found / 2]) / 2 : NAN);
	free(lead);
}

static int
by_noise(const void *a, const void *b)
{
	const struct of_rule *x = *(const struct of_rule *const *)a, *y = *(const struct of_rule *const *)b;

	return x->n != y->n ? (x->n > y->n ? -1 : 1) : (x > y) - (x < y);
}

void
backtest_report(struct backtest *b, int64_t from, int64_t to, void (*row)(void *, struct str), void *self)
{
	struct of_rule **order = mem_new((size_t)(b->n + 1) * sizeof(*order));
	double days = from != TIME_NONE && to > from ? (double)(to - from) / 86400000 : 0;
	struct buf out = { 0 };

	for (int i = 0; i < b->n; i++)
		order[i] = &b->rule[i];
	qsort(order, (size_t)b->n, sizeof(*order), by_noise);
	for (int i = 0; i < b->n; i++) {
		struct of_rule *r = order[i];
		double ms = 0, a_day = days > 0 ? (double)r->n / days : NAN;
		size_t open = 0;

		for (size_t k = 0; k < r->n; k++) {
			ms += (double)((r->firing[k].to == TIME_NONE ? to : r->firing[k].to) - r->firing[k].from);
			open += r->firing[k].to == TIME_NONE;
		}
		buf_clear(&out);
		buf_lit(&out, "{\"backtest\":");
		json_put_string(&out, r->key);
		buf_printf(&out, ",\"firings\":%zu,\"minutes\":", r->n);
		json_put_double(&out, round(ms / 600) / 100);
		buf_printf(&out, ",\"series\":%zu,\"alerts_per_day\":", r->series.n);
		json_put_double(&out, round(1e3 * a_day) / 1e3);
		buf_printf(&out, ",\"damped\":%ld,\"open\":%zu,\"first\":", r->damped, open);
		if (r->n)
			json_put_time(&out, r->firing[0].from);
		else
			buf_lit(&out, "null");
		buf_lit(&out, ",\"last\":");
		if (r->n)
			json_put_time(&out, r->firing[r->n - 1].from);
		else
			buf_lit(&out, "null");
		buf_printf(&out, ",\"noisy\":%s", noise_is_noisy(days, (double)r->n, (double)r->damped) ? "true" : "false");
		if (b->n_labels)
			put_scores(&out, b, r, to);
		buf_byte(&out, '}');
		row(self, buf_get(&out));
	}
	free(order);
	buf_release(&out);
}
