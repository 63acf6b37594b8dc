/* What is saved lies in the tenant's state, kind "alert/NAME", a record a series that something was said of:
 *
 *      [metric, labels, rule]  ─►  {"last":MS,"on":[{"rule","sign","alert","severity","labels","state","since","fired","clear","last","stale","absent","value","reads"},…]}
 *      "clock"                 ─►  {"greatest":MS,"lag":MS}
 *
 * with null for TIME_NONE; reads: a mark of what the rule read then; rule: of series that belong to one rule (patterns, sql, funnels), else "". */
#include "alert/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/time.h"
#include "detect/detect.h"
#include "event/event.h"
#include "event/field.h"
#include "event/when.h"
#include "pattern/pattern.h"

#define LIVE_MS     60000               /* input whose newest row is no older than its window and this is live */
#define DAY_MS      86400000LL
#define STALE_MS    300000              /* no data, where a row says no window */
#define SERIES_MOST 2000000
#define SERIES_BYTES (512u << 20)       /* of their labels */
#define LABELS_MOST 64                  /* labels of a series */
#define MODELS_MS   60000               /* models are saved so often: they forget slowly, and cost 3.3 KB a series */
#define WATCHED     1000                /* rows behind a slow one whose rules are measured one by one */
#define SLOW_ROWS   200                 /* times row_ns: so much a rule may take in slow rows before it is left out */
#define CARRY_MS    3600000             /* the most that the clock is waited for at once */

struct active {
	struct incident incident;
	struct active *next;            /* of the series, by rule */
	struct series *series;
	int rule;
	int64_t due;                    /* when it is passed, by the clock of all series; TIME_NONE: not in the heap */
	size_t place;                   /* in the heap, from 1 */
	int foreign;                    /* what is known of it was read by the rule as it once was: whatever it read then */
	char *told;                     /* the last alert row of it; NULL */
	size_t told_n;
	char *labels;                   /* of its alerts, the same from its beginning to its end, whatever {{value}} in them was since; NULL: it is quiet */
	size_t labels_n;
};

struct series {
	struct series *dirty_next;
	struct str metric, labels;      /* labels: JSON, keys in order */
	int own;                        /* of this rule only; -1: of rows */
	uint32_t *rules;                /* that pin down this series, in order */
	uint32_t n_rules;
	struct active *first;
	int64_t last, window;
	int64_t lag;                    /* how far behind the latest row of all its last one was */
	uint8_t dirty, spoken;          /* changed since it was saved; an incident was there once */
};

struct slot { int value; uint8_t bound; };      /* of a rule: where its value is in a projection, -1: not; its tests read from there */

struct sub { struct pattern *pattern; struct detect *detect; struct out out; int rule; double sensitivity; };

struct evaluate {
	struct evaluate_spec spec;
	struct rules *rules;
	struct arena *arena;
	struct project *project;
	struct json *value;
	int at_metric, at_time, at_labels, at_window, at_partial, at_anomaly, at_event, at_key, at_match, at_count, at_value, at_name;
	struct slot *slot;
	struct map pins;                /* label 0 value → struct pinned */
	struct map labels;              /* names of labels that rules pin down */
	uint32_t *loose, n_loose;       /* rules that pin down nothing */
	struct map by_key;              /* rule's key → index + 1 */
	size_t bytes;                   /* of labels */
	struct map raw, series;         /* as a row says it → series; in canonical form → series */
	struct active **heap;
	size_t n_heap, cap_heap;
	struct series *dirty;
	struct sub *sub;
	int n_subs;
	struct detect *plain;           /* makes metric rows of CSV */
	int anomalies, rows;            /* rules of these kinds */
	int64_t greatest, suspect;
	int64_t newest_window;          /* of the row with the greatest time */
	int live;                       /* -1 not judged since the last row */
	int64_t live_event, live_mono, lag;
	int64_t n_rows, late, pending, firing;
	int64_t models_saved;           /* by the steady clock */
	/* Rules with no_data "alert" that name a metric or a label await a series of it, until one has come (as absent() of Prometheus). */
	struct active **awaited;        /* of each rule; NULL: none, or it came */
	int n_awaited, awaits;          /* awaits: it was looked which are to be */
	int assumed;                    /* no row came yet: the time is the clock's */
	struct buf key, canonical, scratch, text, out, message, own_labels, keep, amount;
	int64_t *rest;                  /* of each rule: when its slow rows are paid for at its share, steady ns; NULL: there is no bound */
	int64_t now_ns;                 /* of the row at hand, when somebody rests */
	int watched, resting;           /* rows still to be measured; 1: some rule may be left out */
	struct buf gone;                /* names of saved records whose rule is gone, a 0 behind each */
};

struct pinned { uint32_t *rules, n, cap; };

/* ---- which rules are about a series */

static void
pin_key(struct buf *b, struct str label, struct str value)
{
	buf_clear(b);
	buf_str(b, label);
	buf_byte(b, 0);
	buf_str(b, value);
}

static void
index_rule(struct evaluate *e, int i)
{
	const struct rule *rule = &e->rules->rule[i];
	const struct rules_pin *best = NULL;
	struct map_entry *entry;
	struct pinned *p;

	for (int k = 0; k < rule->n_pins; k++)
		if (!best || !best->label.p)
			best = &rule->pin[k];
	if (!best) {
		e->loose = mem_grow(e->loose, e->n_loose + 1, sizeof(*e->loose));
		e->loose[e->n_loose++] = (uint32_t)i;
		return;
	}
	if (best->label.p)
		map_put(&e->labels, best->label, NULL);
	pin_key(&e->key, best->label, best->value);
	entry = map_put(&e->pins, buf_get(&e->key), NULL);
	if (!entry->ptr)
		entry->ptr = mem_new(sizeof(*p));
	p = entry->ptr;
	if (p->n == p->cap)
		p->rules = mem_grow(p->rules, p->cap = p->cap ? 2 * p->cap : 2, sizeof(*p->rules));
	p->rules[p->n++] = (uint32_t)i;
}

static int
holds(const struct rule *rule, const struct series *s, struct json labels, struct buf *scratch)
{
	for (int i = 0; i < rule->n_pins; i++) {
		const struct rules_pin *pin = &rule->pin[i];

		if (!pin->label.p ? !str_eq(s->metric, pin->value) : !str_eq(json_text(json_get(labels, pin->label), scratch), pin->value))
			return 0;
	}
	return 1;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
take_pinned(struct evaluate *e, struct series *s, struct json labels, struct str label, struct str value, uint32_t **all, uint32_t *n)
{
	struct map_entry *entry;
	const struct pinned *p;

	pin_key(&e->key, label, value);
	if (!(entry = map_find(&e->pins, buf_get(&e->key))))
		return;
	p = entry->ptr;
	*all = mem_grow(*all, *n + p->n, sizeof(**all));
	for (uint32_t i = 0; i < p->n; i++)
		if (holds(&e->rules->rule[p->rules[i]], s, labels, &e->text))
			(*all)[(*n)++] = p->rules[i];
}

static void
find_rules(struct evaluate *e, struct series *s)
{
	struct json labels = json_value(s->labels);
	uint32_t *all = NULL, n = 0;
	struct json_iter it;

	take_pinned(e, s, labels, (struct str){ "", 0 }, s->metric, &all, &n);
	for (it = json_iter(labels); e->labels.n && json_next(&it); ) {
		struct buf key = { 0 }, value = { 0 };
		struct str name = json_text(it.key, &key);

		if (map_find(&e->labels, name) && it.value.type == JSON_STRING)
			take_pinned(e, s, labels, name, json_text(it.value, &value), &all, &n);
		buf_release(&key);
		buf_release(&value);
	}
	if (n) {
		qsort(all, n, sizeof(*all), by_number);
		s->rules = arena_get(e->arena, n * sizeof(*all));
		memcpy(s->rules, all, n * sizeof(*all));
		s->n_rules = n;
	}
	free(all);
}

/* ---- series */

/* The labels' object with its keys in byte order, without blanks. */
static int
put_labels(struct buf *b, struct json labels, struct err *err)
{
	struct json pair[LABELS_MOST][2];
	struct json_iter it;
	int n = 0;

	for (it = json_iter(labels); labels.type == JSON_OBJECT && json_next(&it); n++) {
		if (n == LABELS_MOST)
			return err_set(err, ERR_INPUT, "the row has more than %d labels", LABELS_MOST);
		pair[n][0] = it.key;
		pair[n][1] = it.value;
	}
	json_put_members(b, pair, n);
	return 0;
}

static void
series_key(struct buf *b, struct str metric, struct str labels, int own)
{
	buf_clear(b);
	buf_printf(b, "%d", own);
	buf_byte(b, 0);
	buf_str(b, metric);
	buf_byte(b, 0);
	buf_str(b, labels);
}

/* The series of that name, made when it is new. labels: in any form. */
static struct series *
series_of(struct evaluate *e, struct str metric, struct json labels, int own, struct err *err)
{
	struct map_entry *raw, *entry;
	struct series *s;
	int is_new;

	series_key(&e->key, metric, json_raw(labels), own);
	if ((raw = map_find(&e->raw, buf_get(&e->key))))
		return raw->ptr;
	/* Rows are walked, not checked: what is kept of one is. */
	if (str_utf8_fault(metric) >= 0 || (labels.p && json_check(json_raw(labels), err))) {
		err_set(err, ERR_INPUT, "metric and labels are no JSON");
		return NULL;
	}
	if (e->raw.n >= SERIES_MOST || e->bytes >= SERIES_BYTES) {
		err_set(err, ERR_LIMIT, "more than %d series, or than %u MiB of their labels", SERIES_MOST, SERIES_BYTES >> 20);
		return NULL;
	}
	buf_clear(&e->canonical);
	if (put_labels(&e->canonical, labels, err))
		return NULL;
	e->bytes += e->key.n;
	raw = map_put(&e->raw, buf_get(&e->key), NULL);
	series_key(&e->scratch, metric, buf_get(&e->canonical), own);
	entry = map_put(&e->series, buf_get(&e->scratch), &is_new);
	if (is_new) {
		s = entry->ptr = arena_get(e->arena, sizeof(*s));
		*s = (struct series){ .own = own, .last = TIME_NONE };
		s->metric = (struct str){ arena_dup(e->arena, metric.p ? metric.p : "", metric.n), metric.n };
		s->labels = (struct str){ arena_dup(e->arena, e->canonical.p, e->canonical.n), e->canonical.n };
		if (own < 0)
			find_rules(e, s);
	}
	return raw->ptr = entry->ptr;
}

static void
mark(struct evaluate *e, struct series *s)
{
	if (s->dirty)
		return;
	s->dirty = 1;
	s->dirty_next = e->dirty;
	e->dirty = s;
}

/* ---- deadlines: a heap by (due, labels, metric, rule), so that the order is the same after a restart, too */

static int
is_before(const struct active *a, const struct active *b)
{
	int order;

	if (a->due != b->due)
		return a->due < b->due;
	if (a->series == b->series)
		return a->rule < b->rule;
	if ((order = str_cmp(a->series->labels, b->series->labels)) || (order = str_cmp(a->series->metric, b->series->metric)))
		return order < 0;
	return a->series->own < b->series->own;
}

static void
put_at(struct evaluate *e, struct active *a, size_t place)
{
	e->heap[place - 1] = a;
	a->place = place;
}

static void
sift(struct evaluate *e, struct active *a, size_t place)
{
	while (place > 1 && is_before(a, e->heap[place / 2 - 1])) {
		put_at(e, e->heap[place / 2 - 1], place);
		place /= 2;
	}
	for (size_t child; (child = 2 * place) <= e->n_heap; place = child) {
		if (child < e->n_heap && is_before(e->heap[child], e->heap[child - 1]))
			child++;
		if (!is_before(e->heap[child - 1], a))
			break;
		put_at(e, e->heap[child - 1], place);
	}
	put_at(e, a, place);
}

static void
out_of_heap(struct evaluate *e, struct active *a)
{
	struct active *last;
	size_t place = a->place;

	if (!place)
		return;
	a->place = 0;
	last = e->heap[--e->n_heap];
	if (last != a)
		sift(e, last, place);
}

static void
schedule(struct evaluate *e, struct active *a)
{
	int64_t next = incident_next(&a->incident, &e->rules->rule[a->rule]);

	if (next == TIME_NONE) {
		out_of_heap(e, a);
		return;
	}
	next += a->series->lag;
	if (a->place && a->due == next)
		return;
	a->due = next;
	if (!a->place) {
		if (e->n_heap == e->cap_heap)
			e->heap = mem_grow(e->heap, e->cap_heap = e->cap_heap ? 2 * e->cap_heap : 64, sizeof(*e->heap));
		a->place = ++e->n_heap;
	}
	sift(e, a, a->place);
}

/* ---- alerts */

static void
put_instant(struct buf *b, int64_t time)
{
	char text[TIME_LEN];

	time_print(time, text);
	buf_add(b, text, TIME_LEN);
}

/* The labels of the series, and those of the rule in their place or beside them. */
static void
merge_labels(struct buf *b, struct str labels, const struct rule *rule, const struct rules_words *w)
{
	struct json pair[LABELS_MOST * 2][2];
	struct buf made = { 0 }, scratch = { 0 };
	size_t at[LABELS_MOST][2];
	struct json_iter it;
	struct str all;
	int n = 0, n_own = rule->n_labels < LABELS_MOST ? rule->n_labels : LABELS_MOST;

	if (!n_own) {
		buf_str(b, labels);
		return;
	}
	for (int i = 0; i < n_own; i++) {
		struct buf text = { 0 }, whole = { 0 };

		rules_fill(&text, rule->labels[i].text, w);
		event_put_lossy(&whole, buf_get(&text));
		at[i][0] = made.n;
		json_put_string(&made, rule->labels[i].key);
		at[i][1] = made.n;
		json_put_string(&made, buf_get(&whole));
		buf_release(&text);
		buf_release(&whole);
	}
	all = buf_get(&made);
	for (it = json_iter(json_value(labels)); json_next(&it); ) {
		struct str key = json_text(it.key, &scratch);
		int ours = 0;

		for (int i = 0; i < n_own; i++)
			ours |= str_eq(rule->labels[i].key, key);
		if (!ours && n < LABELS_MOST)
			pair[n][0] = it.key, pair[n++][1] = it.value;
	}
	for (int i = 0; i < n_own; i++) {
		size_t end = i + 1 < n_own ? at[i + 1][0] : all.n;

		pair[n][0] = (struct json){ all.p + at[i][0], at[i][1] - at[i][0], JSON_STRING, 0 };
		pair[n++][1] = (struct json){ all.p + at[i][1], end - at[i][1], JSON_STRING, 0 };
	}
	json_put_members(b, pair, n);
	buf_release(&made);
	buf_release(&scratch);
}

static const char *const states[] = { "pending", "firing", "resolved" };

/* The alert row of an incident into e->out, its labels into e->own_labels. */
static void
make_alert(struct evaluate *e, const struct active *a, enum evaluate_state state, int64_t time, struct json row, struct evaluate_alert *alert)
{
	const struct rule *rule = &e->rules->rule[a->rule];
	const struct incident *i = &a->incident;
	struct buf value = { 0 }, when = { 0 };
	struct rules_words w = { .alert = rule->name, .metric = a->series->metric, .severity = rule->severity, .state = str_of(states[state]), .row = row,
		.labels = json_value(a->series->labels) };

	if (!isnan(i->value))
		json_put_double(&value, i->value);
	w.value = value.n ? buf_get(&value) : STR("no data");
	put_instant(&when, i->since);
	put_instant(&when, time);
	w.since = (struct str){ when.p, TIME_LEN };
	w.timestamp = (struct str){ when.p + TIME_LEN, TIME_LEN };
	buf_clear(&e->own_labels);
	if (a->labels)
		buf_add(&e->own_labels, a->labels, a->labels_n);
	else
		merge_labels(&e->own_labels, a->series->labels, rule, &w);
	w.labels = json_value(buf_get(&e->own_labels));
	buf_clear(&e->scratch);
	buf_clear(&e->message);
	rules_fill(&e->scratch, rule->message.p ? rule->message : STR("{{alert}} is {{state}}: {{value}}"), &w);
	event_put_lossy(&e->message, buf_get(&e->scratch));

	buf_clear(&e->out);
	buf_lit(&e->out, "{\"alert\":");
	json_put_string(&e->out, rule->name);
	buf_printf(&e->out, ",\"state\":\"%s\",\"timestamp\":\"%.*s\",\"since\":\"%.*s\",\"labels\":", states[state], STR_FMT(w.timestamp), STR_FMT(w.since));
	buf_str(&e->out, buf_get(&e->own_labels));
	buf_lit(&e->out, ",\"value\":");
	buf_str(&e->out, value.n ? buf_get(&value) : STR("null"));
	buf_lit(&e->out, ",\"severity\":");
	json_put_string(&e->out, rule->severity);
	buf_lit(&e->out, ",\"message\":");
	json_put_string(&e->out, buf_get(&e->message));
	if (a->series->metric.n) {
		buf_lit(&e->out, ",\"metric\":");
		json_put_string(&e->out, a->series->metric);
	}
	if (i->absent && rule->no_data == RULES_ALERT && state != EVALUATE_RESOLVED)
		buf_lit(&e->out, ",\"no_data\":true");
	buf_byte(&e->out, '}');
	*alert = (struct evaluate_alert){ state, time, i->since, rule->key, rule->name, rule->severity, buf_get(&e->own_labels), buf_get(&e->out), a->foreign ? (struct str){ 0 } : rule->reads };
	buf_release(&value);
	buf_release(&when);
}

static void
keep_labels(struct active *a, struct str labels)
{
	free(a->labels);
	a->labels = labels.p ? mem_dup(labels.p, labels.n) : NULL;
	a->labels_n = labels.n;
}

static int
tell(struct evaluate *e, struct active *a, enum incident_change change, int64_t time, struct json row, struct err *err)
{
	struct evaluate_alert alert;

	mark(e, a->series);
	a->series->spoken = 1;
	e->pending += (change == INCIDENT_BEGAN) - (change == INCIDENT_CALMED);
	if (change == INCIDENT_FIRED) {
		e->firing++;
		e->pending -= e->rules->rule[a->rule].for_ms > 0;
	}
	e->firing -= change == INCIDENT_RESOLVED;
	if (change == INCIDENT_CALMED) {
		keep_labels(a, (struct str){ 0 });
		return 0;
	}
	make_alert(e, a, change == INCIDENT_BEGAN ? EVALUATE_PENDING : change == INCIDENT_FIRED ? EVALUATE_FIRING : EVALUATE_RESOLVED, time, row, &alert);
	keep_labels(a, change == INCIDENT_RESOLVED ? (struct str){ 0 } : alert.labels);
	free(a->told);
	a->told = mem_dup(alert.json.p, alert.json.n);
	a->told_n = alert.json.n;
	return e->spec.alert(e->spec.self, &alert, err);
}

/* It is quiet, and nobody waits for it. */
static int
is_over(const struct evaluate *e, const struct active *a)
{
	return a->incident.state == INCIDENT_QUIET && (e->rules->rule[a->rule].no_data != RULES_ALERT || a->series->own >= 0);
}

static void
forget(struct evaluate *e, struct active *a)
{
	struct active **link = &a->series->first;

	out_of_heap(e, a);
	while (*link != a)
		link = &(*link)->next;
	*link = a->next;
	free(a->told);
	free(a->labels);
	free(a);
}

static int
settle(struct evaluate *e, struct active *a, enum incident_change change, int64_t time, struct json row, struct err *err)
{
	int rc = change == INCIDENT_SAME ? 0 : tell(e, a, change, time, row, err);

	if (is_over(e, a))
		forget(e, a);
	else
		schedule(e, a);
	return rc;
}

/* Deadlines before the instant. */
static int
pass(struct evaluate *e, int64_t until, struct err *err)
{
	int rc = 0;

	while (rc == 0 && e->n_heap && e->heap[0]->due < until) {
		struct active *a = e->heap[0];
		int64_t at = a->due - a->series->lag;

		mark(e, a->series);
		rc = settle(e, a, incident_due(&a->incident, &e->rules->rule[a->rule], at), at, JSON_ABSENT, err);
	}
	return rc;
}

int
evaluate_until(struct evaluate *e, int64_t time, struct err *err)
{
	if (e->greatest == TIME_NONE || time > e->greatest)
		e->greatest = time;
	return pass(e, e->greatest, err);
}

static int64_t
stale_of(const struct rule *rule, const struct series *s)
{
	if (rule->stale_ms)
		return rule->stale_ms;
	return s->window > 0 ? 3 * s->window : STALE_MS;
}

static struct active *
activate(struct active **link, struct series *s, int rule)
{
	struct active *a = mem_new(sizeof(*a));

	a->incident = (struct incident)INCIDENT_NEW;
	a->series = s;
	a->rule = rule;
	a->next = *link;
	return *link = a;
}

/* What a rule says of a series now. *link: where its incident stands in the series' list, or would. */
static int
observe(struct evaluate *e, struct series *s, struct active **link, int rule, int64_t time, enum incident_truth truth, double value, struct json row, struct err *err)
{
	const struct rule *r = &e->rules->rule[rule];
	struct active *a = *link && (*link)->rule == rule ? *link : NULL;
	struct incident before;
	enum incident_change change;

	if (!a && truth != INCIDENT_TRUE && (r->no_data != RULES_ALERT || s->own >= 0))
		return 0;
	if (!a)
		a = activate(link, s, rule);
	before = a->incident;
	a->incident.stale_ms = r->kind == RULES_PATTERN ? 0 : stale_of(r, s);
	change = incident_see(&a->incident, r, time, truth, value);
	if (memcmp(&before, &a->incident, sizeof(before)) && (before.state != INCIDENT_QUIET || a->incident.state != INCIDENT_QUIET || r->no_data == RULES_ALERT))
		mark(e, s);
	return settle(e, a, change, time, row, err);
}

static struct active **
link_of(struct series *s, int rule)
{
	struct active **link = &s->first;

	while (*link && (*link)->rule < rule)
		link = &(*link)->next;
	return link;
}

/* ---- series that are awaited */

static int
is_awaiting(const struct rule *rule)
{
	return rule->no_data == RULES_ALERT && rule->n_pins && (rule->kind == RULES_ROW || rule->kind == RULES_ANOMALY);
}

/* The metric and the label that the rule pins down, as a series. */
static struct series *
awaited_series(struct evaluate *e, const struct rule *rule, struct err *err)
{
	struct buf labels = { 0 };
	struct str metric = { "", 0 };
	struct series *s;

	buf_byte(&labels, '{');
	for (int k = 0; k < rule->n_pins; k++) {
		const struct rules_pin *pin = &rule->pin[k];

		if (!pin->label.p) {
			metric = pin->value;
			continue;
		}
		buf_lit(&labels, labels.n > 1 ? "," : "");
		json_put_key(&labels, pin->label);
		json_put_string(&labels, pin->value);
	}
	buf_byte(&labels, '}');
	s = series_of(e, metric, json_value(buf_get(&labels)), -1, err);
	buf_release(&labels);
	return s;
}

/* From this time on: what a rule is about and no row was of, nor is known from before. */
static int
await_all(struct evaluate *e, int64_t time, struct err *err)
{
	unsigned char *known;

	e->awaits = 1;
	if (!e->awaited)
		return 0;
	known = mem_new((size_t)e->rules->n + 1);
	for (struct map_entry *m = map_first(&e->series); m; m = map_next(&e->series, m)) {
		const struct series *s = m->ptr;

		for (uint32_t i = 0; i < s->n_rules; i++)
			known[s->rules[i]] = 1;
	}
	for (int i = 0; i < e->rules->n && !err->code; i++) {
		struct series *s;

		if (known[i] || !is_awaiting(&e->rules->rule[i]) || !(s = awaited_series(e, &e->rules->rule[i], err)))
			continue;
		e->awaited[i] = activate(link_of(s, i), s, i);
		e->awaited[i]->incident.last = time;
		e->awaited[i]->incident.stale_ms = stale_of(&e->rules->rule[i], s);
		e->n_awaited++;
		mark(e, s);             /* a restart does not begin to wait anew */
		schedule(e, e->awaited[i]);
	}
	free(known);
	return err->code;
}

/* The first row came, of another time than the clock's: what has not begun yet is counted from there. */
static void
await_from(struct evaluate *e, int64_t time)
{
	for (int i = 0; i < e->rules->n; i++)
		if (e->awaited[i] && e->awaited[i]->incident.state == INCIDENT_QUIET) {
			e->awaited[i]->incident.last = time;
			mark(e, e->awaited[i]->series);
			schedule(e, e->awaited[i]);
		}
	e->assumed = 0;
	e->greatest = TIME_NONE;
}

/* A row came of a series that the rule is about. Where it is the awaited one the row itself tells how it is. */
static int
came(struct evaluate *e, int rule, const struct series *s, int64_t time, struct err *err)
{
	struct active *a = e->awaited[rule];

	e->awaited[rule] = NULL;
	e->n_awaited--;
	mark(e, a->series);
	if (a->series == s)
		return 0;
	a->incident.stale_ms = 0;
	a->incident.absent = 0;
	return settle(e, a, incident_see(&a->incident, &e->rules->rule[rule], time, INCIDENT_FALSE, NAN), time, JSON_ABSENT, err);
}

/* ---- the rules that are about a row */

static double
number_at(struct json v)
{
	double d;

	if (v.type == JSON_NUMBER && json_double(v, &d))
		return d;
	return v.type == JSON_TRUE ? 1 : v.type == JSON_FALSE ? 0 : NAN;
}

static int
is_named(struct json key)
{
	static const char *const names[] = { "metric", "timestamp", "window", "labels", "partial", "states", "anomaly", NULL };

	for (int i = 0; names[i]; i++)
		if (json_text_eq(key, str_of(names[i])))
			return 1;
	return 0;
}

/* The row's number: its count, else its value, else the first. */
static double
usual_value(struct evaluate *e, struct str row)
{
	struct json_iter it;
	double v = number_at(e->value[e->at_count]);

	if (isnan(v))
		v = number_at(e->value[e->at_value]);
	for (it = json_iter(json_checked(row)); isnan(v) && json_next(&it); )
		if (it.value.type == JSON_NUMBER && !is_named(it.key))
			v = number_at(it.value);
	return v;
}

/* What the rule's comparison reckons of the row; where that is no number but something, the row's. */
static double
reckoned(struct evaluate *e, struct expr *amount, struct str row)
{
	struct err ignored = { 0 };
	struct json v;

	buf_clear(&e->amount);
	if (expr_run(amount, row, &e->amount, &ignored) <= 0)
		return NAN;
	v = json_value(buf_get(&e->amount));
	return v.type == JSON_NUMBER || v.type == JSON_NULL ? number_at(v) : usual_value(e, row);
}

static double
value_of(struct evaluate *e, int i, struct str row)
{
	const struct rule *rule = &e->rules->rule[i];
	struct json v;

	if (rule->amount)
		return reckoned(e, rule->amount, row);
	if (e->slot[i].value >= 0)
		return number_at(e->value[e->slot[i].value]);
	if (!rule->n_path && !rule->field.p)
		return usual_value(e, row);
	v = json_checked(row);
	for (int k = 0; k < rule->n_path; k++)
		v = json_get(v, rule->path[k]);
	return number_at(rule->n_path ? v : json_get(v, rule->field));
}

static int
test(struct evaluate *e, int i, const struct rules_test *t, double value, struct str row, struct err *err)
{
	if (t->how == RULES_COMPARE)
		return !isnan(value) && rules_compare(t, value);
	return e->slot[i].bound ? expr_test_fields(t->expr, e->value, err) : expr_test(t->expr, row, err);
}

/* Of a rule with `resolve`, what is not true is only over when that holds. */
static int
truth_of(struct evaluate *e, int i, double value, struct str row, enum incident_truth *truth, struct err *err)
{
	const struct rule *rule = &e->rules->rule[i];
	int rc = test(e, i, &rule->when, value, row, err);

	*truth = rc > 0 ? INCIDENT_TRUE : INCIDENT_FALSE;
	if (rc == 0 && rule->resolve.how) {
		rc = test(e, i, &rule->resolve, value, row, err);
		*truth = rc > 0 ? INCIDENT_FALSE : INCIDENT_BETWEEN;
	}
	return rc < 0 ? rc : 0;
}

/* The detector's alarm is said once an incident, so what comes behind it and scores as high belongs to it. */
static enum incident_truth
truth_of_anomaly(const struct rule *rule, struct json anomaly)
{
	double score = number_at(json_get(anomaly, STR("score")));

	if (rule->direction && !json_text_eq(json_get(anomaly, STR("direction")), rule->direction > 0 ? STR("high") : STR("low")))
		return INCIDENT_FALSE;
	if (json_get(anomaly, STR("alarm")).type == JSON_TRUE)
		return INCIDENT_TRUE;
	return score >= 1 - rule->sensitivity ? INCIDENT_BETWEEN : INCIDENT_FALSE;
}

static int
ask_rule(struct evaluate *e, struct series *s, struct active **link, int i, int64_t time, struct str row, struct err *err)
{
	const struct rule *rule = &e->rules->rule[i];
	enum incident_truth truth;
	struct json anomaly = e->value[e->at_anomaly], field;
	double value;

	if (e->n_awaited && e->awaited[i] && came(e, i, s, time, err))
		return err->code;
	if (rule->kind == RULES_ROW) {
		value = value_of(e, i, row);
		if (truth_of(e, i, value, row, &truth, err))
			return err->code;
		if (isnan(value) && truth != INCIDENT_TRUE && (rule->when.how == RULES_COMPARE || rule->n_path || rule->amount))
			return 0;       /* the row says nothing of it: no data */
	} else if (rule->kind == RULES_ANOMALY && anomaly.type == JSON_OBJECT) {
		field = json_get(anomaly, STR("field"));
		if (rule->field.p && !json_text_eq(field, rule->field))
			return 0;
		value = number_at(json_get(json_checked(row), json_text(field, &e->text)));
		truth = truth_of_anomaly(rule, anomaly);
		if (rule->when.how && truth == INCIDENT_TRUE) {
			int rc = test(e, i, &rule->when, value, row, err);

			if (rc < 0)
				return rc;
			truth = rc ? INCIDENT_TRUE : INCIDENT_FALSE;
		}
	} else {
		return 0;
	}
	return observe(e, s, link, i, time, truth, value, json_checked(row), err);
}

static void
move_clock(struct evaluate *e, int64_t time)
{
	e->live = -1;
	if (e->assumed)
		await_from(e, time);
	/* One row that is days ahead of all others is not believed until a second one is. */
	if (e->greatest != TIME_NONE && time > e->greatest + DAY_MS + 2 * e->newest_window && !(e->suspect != TIME_NONE && time >= e->suspect - DAY_MS)) {
		e->suspect = time;
		return;
	}
	e->suspect = TIME_NONE;
	if (e->greatest == TIME_NONE || time > e->greatest)
		e->greatest = time;
}

/* A row that is read again does not come later than it came. */
static void
see_time(struct evaluate *e, struct series *s, int64_t time)
{
	int64_t lag = e->greatest != TIME_NONE && e->greatest > time ? e->greatest - time : 0;

	s->lag = s->last == time && s->lag < lag ? s->lag : lag;
	s->last = time;
	if (!lag)
		e->newest_window = s->window;
}

/* ---- bounds on rules */

static void
tell_trouble(struct evaluate *e, int rule, const struct err *err)
{
	if (e->spec.trouble)
		e->spec.trouble(e->spec.self, rule, err);
}

/* A few slow rows are nobody's trouble, and no reason to miss any. */
static int64_t
may_owe(const struct evaluate *e)
{
	return e->spec.row_ns * SLOW_ROWS * EVALUATE_REST;
}

static int
rests(const struct evaluate *e, int rule)
{
	return e->resting && e->rest[rule] - may_owe(e) > e->now_ns;
}

/* The rule took that long for one row. */
static void
account(struct evaluate *e, int rule, int64_t took)
{
	struct err why = { 0 };
	int64_t now;

	if (took <= e->spec.row_ns)
		return;
	now = time_mono_ns();
	e->rest[rule] = (e->rest[rule] > now ? e->rest[rule] : now) + took * EVALUATE_REST;
	if (e->rest[rule] - may_owe(e) <= now)
		return;
	e->resting = 1;
	e->now_ns = now;
	err_set(&why, ERR_LIMIT, "takes %.1f ms for a row, %.1f are allowed: it is left out for %.2f s", (double)took / 1e6, (double)e->spec.row_ns / 1e6,
	    (double)(e->rest[rule] - may_owe(e) - now) / 1e9);
	tell_trouble(e, rule, &why);
}

/* Before a row: is somebody still left out? */
static void
see_rests(struct evaluate *e)
{
	int still = 0;

	e->now_ns = time_mono_ns();
	for (int i = 0; i < e->rules->n && !still; i++)
		still = e->rest[i] - may_owe(e) > e->now_ns;
	e->resting = still;
}

/* All rules that are about the series, in order: those that pin it down and those that pin down nothing. */
static int
ask_rules(struct evaluate *e, struct series *s, int64_t time, struct str row, struct err *err)
{
	uint32_t a = 0, b = 0;
	struct err first = { 0 };
	int64_t began = 0;
	int rc = 0;

	for (struct active **link = &s->first; (a < s->n_rules || b < e->n_loose) && rc == 0; ) {
		int i = (int)(b == e->n_loose || (a < s->n_rules && s->rules[a] < e->loose[b]) ? s->rules[a++] : e->loose[b++]);

		while (*link && (*link)->rule < i)
			link = &(*link)->next;
		if (rests(e, i))
			continue;
		if (e->watched)
			began = time_cpu_ns();
		/* A condition that fails on this row says nothing of it; the others are asked all the same. */
		if ((rc = ask_rule(e, s, link, i, time, row, err)) == ERR_INPUT || rc == ERR_LIMIT) {
			if (rc == ERR_LIMIT)
				tell_trouble(e, i, err);
			err_at(err, "%.80s", e->rules->rule[i].key.p);
			if (!first.code)
				first = *err;
			err_clear(err);
			rc = 0;
		}
		if (e->watched)
			account(e, i, time_cpu_ns() - began);
	}
	if (rc == 0 && first.code)
		*err = first, rc = first.code;
	return rc;
}

static int
judge_series(struct evaluate *e, struct str row, int64_t time, struct err *err)
{
	struct json metric = e->value[e->at_metric], labels = e->value[e->at_labels];
	struct series *s;
	int64_t window = 0;

	if (labels.type != JSON_OBJECT)
		labels = e->value[e->at_key].type == JSON_OBJECT ? e->value[e->at_key] : JSON_ABSENT;
	if (metric.type != JSON_STRING)
		metric = e->value[e->at_match].type == JSON_STRING ? e->value[e->at_match] : JSON_ABSENT;
	if (!(s = series_of(e, json_text(metric, &e->text), labels, -1, err)))
		return err->code;
	/* A last row that is a day ahead of everybody else's was none. */
	if (s->last != TIME_NONE && time < s->last && s->last <= e->greatest + DAY_MS) {
		e->late++;
		return 0;
	}
	if (s->spoken && time != s->last)
		mark(e, s);
	if (e->value[e->at_window].type == JSON_STRING && dur_parse(json_text(e->value[e->at_window], &e->text), &window, err))
		err_clear(err);
	s->window = window;
	see_time(e, s, time);
	return ask_rules(e, s, time, row, err);
}

/* The row's members are in e->value. */
static int
judge_row(struct evaluate *e, struct str row, struct err *err)
{
	int64_t time;
	int rc;

	if ((rc = when_row(e->value[e->at_time], row, &e->scratch, &time, err)))
		return rc;
	if (e->value[e->at_partial].type == JSON_TRUE)
		return 0;
	move_clock(e, time);
	if ((!e->awaits && (rc = await_all(e, e->greatest, err))) || (rc = pass(e, e->greatest, err)))
		return rc;
	return judge_series(e, row, time, err);
}

/* ---- patterns and detectors, whose rows come back in */

static int
take_matches(struct evaluate *e, struct sub *sub, struct err *err)
{
	struct str rest = buf_get(&sub->out.buf), line;
	int rc = 0;

	while (rc == 0 && rest.n && str_cut(&rest, '\n', &line)) {
		struct json v = json_value(line);
		int64_t time;
		struct series *s;

		if (v.type != JSON_OBJECT || json_get(v, STR("timeout")).type || when_row(json_get(v, STR("timestamp")), line, &e->scratch, &time, err))
			continue;
		if (!(s = series_of(e, (struct str){ "", 0 }, json_get(v, STR("key")), sub->rule, err))) {
			rc = err->code;
			break;
		}
		see_time(e, s, time);
		/* An instant: it holds and is over, and keep_firing_for says how long it is seen. */
		if ((rc = observe(e, s, link_of(s, sub->rule), sub->rule, time, INCIDENT_TRUE, 1, v, err)) == 0)
			rc = observe(e, s, link_of(s, sub->rule), sub->rule, time, INCIDENT_FALSE, 1, v, err);
	}
	buf_clear(&sub->out.buf);
	return rc;
}

static int
take_judged(struct evaluate *e, struct sub *sub, struct err *err)
{
	struct str rest, line;
	int rc = 0;

	buf_clear(&e->keep);
	buf_str(&e->keep, buf_get(&sub->out.buf));
	buf_clear(&sub->out.buf);
	rest = buf_get(&e->keep);
	while (rc == 0 && rest.n && str_cut(&rest, '\n', &line)) {
		int64_t time;
		struct series *s;

		if (!line.n || (rc = project_row(e->project, line, e->value, err)) || (rc = when_row(e->value[e->at_time], line, &e->scratch, &time, err)))
			break;
		move_clock(e, time);
		if ((rc = pass(e, e->greatest, err)))
			break;
		if (!(s = series_of(e, json_text(e->value[e->at_metric], &e->text), e->value[e->at_labels], -1, err)))
			return err->code;
		if (s->last != TIME_NONE && time < s->last)
			continue;
		see_time(e, s, time);
		for (uint32_t a = 0, b = 0; (a < s->n_rules || b < e->n_loose) && rc == 0; ) {
			int i = (int)(b == e->n_loose || (a < s->n_rules && s->rules[a] < e->loose[b]) ? s->rules[a++] : e->loose[b++]);

			if (e->rules->rule[i].kind == RULES_ANOMALY && e->rules->rule[i].sensitivity == sub->sensitivity)
				rc = ask_rule(e, s, link_of(s, i), i, time, line, err);
		}
	}
	return rc;
}

static int
sub_new(struct evaluate *e, int i, struct err *err)
{
	const struct rule *rule = &e->rules->rule[i];
	struct sub *sub;

	if (rule->kind == RULES_ANOMALY)
		for (int k = 0; k < e->n_subs; k++)
			if (e->sub[k].detect && e->sub[k].sensitivity == rule->sensitivity)
				return 0;
	sub = &e->sub[e->n_subs++];
	*sub = (struct sub){ .out = { .fd = -1, .name = "rules" }, .rule = i, .sensitivity = rule->sensitivity };
	if (rule->kind == RULES_PATTERN)
		sub->pattern = pattern_new(&(struct pattern_spec){ .text = rule->pattern.p, .name = rule->name.p, .late_ms = e->spec.late_ms,
		    .row_ns = 10 * e->spec.row_ns, .memory = e->spec.pattern_bytes }, &sub->out, err);
	else
		sub->detect = detect_new(&(struct detect_spec){ .sensitivity = rule->sensitivity, .all = 1, .zone = e->spec.zone }, &sub->out, err);
	return sub->pattern || sub->detect ? 0 : err->code;
}

/* ---- the whole */

static int
take(struct evaluate *e, const char *name, int *at, struct err *err)
{
	struct str key = str_of(name);

	*at = project_path(e->project, &key, 1, err);
	return *at < 0 ? *at : 0;
}

/* Where each rule's value and conditions find what they read; beyond what one projection holds they look into the row by themselves. */
static void
bind_rule(struct evaluate *e, int i)
{
	struct rule *rule = &e->rules->rule[i];
	struct err ignored = { 0 };
	int a = 1, b = 1;

	e->slot[i] = (struct slot){ -1, 0 };
	if (rule->n_path)
		e->slot[i].value = project_path(e->project, rule->path, rule->n_path, &ignored);
	else if (rule->field.p)
		e->slot[i].value = project_path(e->project, &rule->field, 1, &ignored);
	if (rule->when.expr)
		a = expr_bind(rule->when.expr, e->project, &ignored) == 0;
	if (rule->resolve.expr)
		b = expr_bind(rule->resolve.expr, e->project, &ignored) == 0;
	e->slot[i].bound = a && b;
}

struct evaluate *
evaluate_new(const struct evaluate_spec *spec, struct err *err)
{
	struct evaluate *e = mem_new(sizeof(*e));
	struct rules *rules = spec->rules;

	e->spec = *spec;
	e->rules = rules;
	e->arena = arena_new(0);
	e->project = project_new();
	e->greatest = e->suspect = TIME_NONE;
	e->live = e->lag = -1;
	e->slot = mem_new((size_t)(rules->n + 1) * sizeof(*e->slot));
	e->sub = mem_new((size_t)(rules->n + 1) * sizeof(*e->sub));
	e->rest = spec->row_ns ? mem_new((size_t)(rules->n + 1) * sizeof(*e->rest)) : NULL;
	if (take(e, "metric", &e->at_metric, err) || take(e, "timestamp", &e->at_time, err) || take(e, "labels", &e->at_labels, err) ||
	    take(e, "window", &e->at_window, err) || take(e, "partial", &e->at_partial, err) || take(e, "anomaly", &e->at_anomaly, err) ||
	    take(e, "event", &e->at_event, err) || take(e, "key", &e->at_key, err) || take(e, "match", &e->at_match, err) ||
	    take(e, "count", &e->at_count, err) || take(e, "value", &e->at_value, err) || (e->at_name = field_project(e->project, STR("event"), err)) < 0)
		goto fail;
	for (int i = 0; i < rules->n; i++) {
		const struct rule *rule = &rules->rule[i];

		map_put(&e->by_key, rule->key, NULL)->num = i + 1;
		if (is_awaiting(rule) && !e->awaited)
			e->awaited = mem_new((size_t)rules->n * sizeof(*e->awaited));
		bind_rule(e, i);
		if (rule->kind == RULES_ROW || rule->kind == RULES_ANOMALY)
			index_rule(e, i);
		e->rows += rule->kind == RULES_ROW;
		e->anomalies += rule->kind == RULES_ANOMALY;
		if ((rule->kind == RULES_PATTERN || rule->kind == RULES_ANOMALY) && sub_new(e, i, err))
			goto fail;
	}
	e->value = mem_new((size_t)project_count(e->project) * sizeof(*e->value));
	if (!(e->plain = detect_new(&(struct detect_spec)DETECT_DEFAULTS, NULL, err)))
		goto fail;
	return e;
fail:
	evaluate_free(e);
	return NULL;
}

void
evaluate_free(struct evaluate *e)
{
	if (!e)
		return;
	for (struct map_entry *m = map_first(&e->series); m; m = map_next(&e->series, m))
		for (struct active *a = ((struct series *)m->ptr)->first, *next; a; a = next) {
			next = a->next;
			free(a->told);
			free(a->labels);
			free(a);
		}
	for (struct map_entry *m = map_first(&e->pins); m; m = map_next(&e->pins, m)) {
		free(((struct pinned *)m->ptr)->rules);
		free(m->ptr);
	}
	for (int i = 0; i < e->n_subs; i++) {
		pattern_free(e->sub[i].pattern);
		detect_free(e->sub[i].detect);
		buf_release(&e->sub[i].out.buf);
	}
	detect_free(e->plain);
	map_release(&e->series);
	map_release(&e->raw);
	map_release(&e->pins);
	map_release(&e->labels);
	map_release(&e->by_key);
	project_free(e->project);
	arena_free(e->arena);
	free(e->value);
	free(e->slot);
	free(e->rest);
	free(e->sub);
	free(e->loose);
	free(e->awaited);
	free(e->heap);
	buf_release(&e->key);
	buf_release(&e->canonical);
	buf_release(&e->scratch);
	buf_release(&e->text);
	buf_release(&e->out);
	buf_release(&e->message);
	buf_release(&e->own_labels);
	buf_release(&e->keep);
	buf_release(&e->amount);
	buf_release(&e->gone);
	free(e);
}

/* A pattern of those that take events. */
static int
match_row(struct evaluate *e, struct sub *sub, struct str row, struct err *err)
{
	int64_t began = e->watched ? time_cpu_ns() : 0;
	int rc;

	if (rests(e, sub->rule))
		return 0;
	if ((rc = pattern_row(sub->pattern, row, err)) == 0)
		rc = take_matches(e, sub, err);
	if (e->watched)
		account(e, sub->rule, time_cpu_ns() - began);
	return rc;
}

static int
take_row(struct evaluate *e, struct str row, const char *file, long line, struct err *err)
{
	struct err first = { 0 };
	int is_event, is_judged, rc;

	e->n_rows++;
	if ((rc = detect_plain(e->plain, &row, file, line, err)) <= 0)
		return rc;
	if (!row.n || row.p[0] != '{')
		return err_set(err, ERR_INPUT, "no row of JSON, {\"metric\":…}");
	if ((rc = project_row(e->project, row, e->value, err)))
		return rc;
	/* that a condition has an error on this row is no reason for patterns and detectors not to see it */
	if ((rc = judge_row(e, row, &first)) && rc != ERR_INPUT && rc != ERR_LIMIT) {
		*err = first;
		return rc;
	}
	is_event = e->value[e->at_event].type == JSON_STRING || (e->value[e->at_metric].type != JSON_STRING && e->value[e->at_name].type == JSON_STRING);
	is_judged = e->value[e->at_anomaly].type == JSON_OBJECT || e->value[e->at_metric].type != JSON_STRING;
	for (int i = 0; i < e->n_subs; i++) {
		struct sub *sub = &e->sub[i];

		if (sub->pattern && is_event && (rc = match_row(e, sub, row, err)))
			return rc;
		if (sub->detect && !is_judged && ((rc = detect_row(sub->detect, row, file, line, err)) || (rc = take_judged(e, sub, err))))
			return rc;
	}
	if (first.code)
		*err = first;
	return first.code;
}

int
evaluate_row(struct evaluate *e, struct str row, const char *file, long line, struct err *err)
{
	int64_t began;
	int rc;

	if (!e->rest)
		return take_row(e, row, file, line, err);
	if (e->resting)
		see_rests(e);
	began = time_cpu_ns();
	rc = take_row(e, row, file, line, err);
	if (time_cpu_ns() - began > e->spec.row_ns)
		e->watched = WATCHED;
	else if (e->watched)
		e->watched--;
	return rc;
}

int
evaluate_finish(struct evaluate *e, struct err *err)
{
	int rc = 0;

	for (int i = 0; i < e->n_subs && rc == 0; i++)
		if (e->sub[i].pattern && (rc = pattern_finish(e->sub[i].pattern, err)) == 0)
			rc = take_matches(e, &e->sub[i], err);
	return rc;
}

/* ---- silence */

static void
judge_live(struct evaluate *e)
{
	int64_t now = time_now(), lag;

	e->live_mono = time_mono_ms();
	if (e->lag >= 0 && e->live < 0 && e->n_rows == 0) {     /* it was live when it was saved, and nothing came since */
		e->live_event = now - e->lag;
		e->live = 1;
		return;
	}
	lag = now - e->greatest;
	e->live = lag >= -LIVE_MS && lag <= e->newest_window + LIVE_MS;
	e->lag = e->live ? (lag > 0 ? lag : 0) : -1;
	e->live_event = e->greatest;
}

int
evaluate_silence(struct evaluate *e, struct err *err)
{
	int next = -1, ms;
	int64_t event, wait;

	if (e->spec.no_clock)
		return -1;
	for (int i = 0; i < e->n_subs; i++)
		if (e->sub[i].pattern) {
			ms = pattern_silence(e->sub[i].pattern);
			if (take_matches(e, &e->sub[i], err))
				return err->code - 1;
			next = ms >= 0 && (next < 0 || ms < next) ? ms : next;
		}
	if (e->greatest == TIME_NONE && e->awaited) {
		e->live_event = e->greatest = time_now();
		e->live_mono = time_mono_ms();
		e->live = e->assumed = 1;
		if (await_all(e, e->greatest, err))
			return err->code - 1;
	}
	if (e->greatest == TIME_NONE)
		return next;
	if (e->live < 0)
		judge_live(e);
	if (!e->live)
		return next;
	event = e->live_event + (time_mono_ms() - e->live_mono);
	if (pass(e, event, err))
		return err->code - 1;
	if (e->n_heap) {
		wait = e->heap[0]->due + 1 - event;
		wait = wait < 1 ? 1 : wait < CARRY_MS ? wait : CARRY_MS;
		next = next < 0 || wait < next ? (int)wait : next;
	}
	return next;
}

/* ---- rules that are asked elsewhere */

int
evaluate_value(struct evaluate *e, int rule, int64_t time, struct str labels, double value, struct str row, struct err *err)
{
	const struct rule *r = &e->rules->rule[rule];
	struct series *s = series_of(e, r->metric.p ? r->metric : (struct str){ "", 0 }, json_value(labels), rule, err);
	enum incident_truth truth = INCIDENT_TRUE;
	int rc = 0;

	if (!s)
		return err->code;
	if (s->last != TIME_NONE && time < s->last)
		return 0;
	s->last = time;
	s->window = r->every_ms;
	if (r->when.how == RULES_COMPARE)
		truth = !isnan(value) && rules_compare(&r->when, value) ? INCIDENT_TRUE : INCIDENT_FALSE;
	else if (r->when.how == RULES_EXPR && (rc = expr_test(r->when.expr, row, err)) >= 0)
		truth = rc ? INCIDENT_TRUE : INCIDENT_FALSE;
	if (truth == INCIDENT_FALSE && r->resolve.how == RULES_COMPARE)
		truth = rules_compare(&r->resolve, value) ? INCIDENT_FALSE : INCIDENT_BETWEEN;
	else if (truth == INCIDENT_FALSE && r->resolve.how == RULES_EXPR && rc >= 0 && (rc = expr_test(r->resolve.expr, row, err)) >= 0)
		truth = rc ? INCIDENT_FALSE : INCIDENT_BETWEEN;
	if (rc < 0)
		return rc;
	if (isnan(value) && r->when.how == RULES_COMPARE)
		return 0;
	return observe(e, s, link_of(s, rule), rule, time, truth, value, json_value(row), err);
}

int
evaluate_answered(struct evaluate *e, int rule, int64_t time, struct err *err)
{
	const struct rule *r = &e->rules->rule[rule];
	int rc = 0;

	/* Only series with an incident of the rule matter, but they may be anywhere. */
	for (struct map_entry *m = map_first(&e->series); m && rc == 0; m = map_next(&e->series, m)) {
		struct series *s = m->ptr;

		if (s->own == rule && s->first && s->last < time && (!r->when.how || r->no_data != RULES_KEEP || !r->no_data_given))
			rc = observe(e, s, &s->first, rule, time, r->when.how && r->no_data == RULES_ALERT ? INCIDENT_TRUE : INCIDENT_FALSE, NAN, JSON_ABSENT, err);
	}
	return rc ? rc : evaluate_until(e, time, err);
}

/* ---- looking */

void
evaluate_figures(const struct evaluate *e, struct evaluate_figures *f)
{
	*f = (struct evaluate_figures){ e->n_rows, e->late, (int64_t)e->series.n, e->pending, e->firing };
}

int
evaluate_is_dirty(const struct evaluate *e)
{
	return e->dirty || e->gone.n;
}

int64_t
evaluate_time(const struct evaluate *e)
{
	return e->greatest;
}

int
evaluate_each(struct evaluate *e, int (*each)(void *, const struct evaluate_alert *, struct err *), void *self, struct err *err)
{
	int rc = 0;

	for (struct map_entry *m = map_first(&e->series); m && rc == 0; m = map_next(&e->series, m))
		for (struct active *a = ((struct series *)m->ptr)->first; a && rc == 0; a = a->next) {
			struct evaluate_alert alert;

			if (a->incident.state == INCIDENT_QUIET)
				continue;
			make_alert(e, a, a->incident.state == INCIDENT_FIRING ? EVALUATE_FIRING : EVALUATE_PENDING,
			    a->incident.state == INCIDENT_FIRING ? a->incident.fired : a->incident.since, JSON_ABSENT, &alert);
			if (a->told)
				alert.json = (struct str){ a->told, a->told_n };
			rc = each(self, &alert, err);
		}
	return rc;
}

/* ---- saved and loaded */

static int
kind_of(char kind[64], const char *name, struct err *err)
{
	if (!*name || strlen(name) > EVALUATE_NAME)
		return err_set(err, ERR_USAGE, "a name for the state of rules has 1 to %d bytes", EVALUATE_NAME);
	snprintf(kind, 64, "alert/%s", name);
	return 0;
}

static void
put_ms(struct buf *b, const char *key, int64_t ms)
{
	if (ms == TIME_NONE)
		buf_printf(b, ",\"%s\":null", key);
	else
		buf_printf(b, ",\"%s\":%lld", key, (long long)ms);
}

/* Of what a rule reads, for telling whether it is still the same; 0: not known. */
static unsigned
mark_of(struct str reads)
{
	unsigned mark = reads.p ? (unsigned)str_hash_stable(reads) : 0;

	return mark ? mark : reads.p != NULL;
}

static void
put_active(struct evaluate *e, struct buf *b, const struct active *a)
{
	const struct rule *rule = &e->rules->rule[a->rule];
	const struct incident *i = &a->incident;
	struct evaluate_alert alert;

	make_alert(e, a, EVALUATE_FIRING, i->since, JSON_ABSENT, &alert);
	buf_lit(b, "{\"rule\":");
	json_put_string(b, rule->key);
	buf_printf(b, ",\"sign\":\"%08x\",\"alert\":", rule->sign);
	json_put_string(b, rule->name);
	buf_lit(b, ",\"severity\":");
	json_put_string(b, rule->severity);
	buf_lit(b, ",\"labels\":");
	buf_str(b, alert.labels);
	buf_printf(b, ",\"state\":%d,\"absent\":%d", (int)i->state, i->absent);
	if (e->awaited && e->awaited[a->rule] == a)
		buf_lit(b, ",\"awaited\":true");
	put_ms(b, "since", i->since);
	put_ms(b, "fired", i->fired);
	put_ms(b, "clear", i->clear);
	put_ms(b, "last", i->last);
	put_ms(b, "stale", i->stale_ms);
	buf_lit(b, ",\"value\":");
	json_put_double(b, i->value);
	buf_printf(b, ",\"reads\":\"%08x\"}", a->foreign ? 0 : mark_of(rule->reads));
}

static int
save_series(struct evaluate *e, struct store *store, const char *kind, struct series *s, struct err *err)
{
	struct buf name = { 0 }, value = { 0 };
	int rc;

	buf_byte(&name, '[');
	json_put_string(&name, s->metric);
	buf_byte(&name, ',');
	buf_str(&name, s->labels);
	buf_byte(&name, ',');
	json_put_string(&name, s->own < 0 ? (struct str){ "", 0 } : e->rules->rule[s->own].key);
	buf_byte(&name, ']');
	buf_lit(&value, "{\"window\":");
	buf_int64(&value, s->window);
	put_ms(&value, "last", s->last);
	buf_lit(&value, ",\"on\":[");
	for (struct active *a = s->first; a; a = a->next) {
		put_active(e, &value, a);
		buf_lit(&value, a->next ? "," : "");
	}
	buf_lit(&value, "]}");
	rc = store_put_state(store, kind, buf_get(&name), buf_get(&value), err);
	buf_release(&name);
	buf_release(&value);
	return rc;
}

/* A pattern is saved under its rule's key, a detector under its sensitivity, which all rules of it share. */
static void
name_sub(struct evaluate *e, struct buf *name, const char *kind, const struct sub *sub)
{
	buf_clear(name);
	if (sub->detect) {
		buf_printf(name, "%s/%.6f", kind, sub->sensitivity);
		return;
	}
	buf_printf(name, "%s/", kind);
	buf_str(name, e->rules->rule[sub->rule].key);
}

static int
save_subs(struct evaluate *e, struct store *store, const char *kind, struct err *err)
{
	int models = e->spec.exact || time_mono_ms() >= e->models_saved + MODELS_MS, rc = 0;
	struct buf name = { 0 }, value = { 0 };

	for (int i = 0; i < e->n_subs && rc == 0; i++) {
		name_sub(e, &name, kind, &e->sub[i]);
		if (e->sub[i].detect) {
			rc = models ? detect_save(e->sub[i].detect, store, buf_text(&name), err) : 0;
			continue;
		}
		buf_clear(&value);
		pattern_save(e->sub[i].pattern, &value);
		rc = store_put_state(store, "pattern", buf_get(&name), buf_get(&value), err);
	}
	if (models) {
		buf_clear(&name);
		buf_printf(&name, "%s/", kind);
		rc = rc ? rc : detect_save(e->plain, store, buf_text(&name), err);      /* its columns */
		e->models_saved = time_mono_ms();
	}
	buf_release(&name);
	buf_release(&value);
	return rc;
}

/* What belongs to another pattern, or is damaged, begins anew. */
static int
load_subs(struct evaluate *e, struct store *store, const char *kind, struct err *err)
{
	struct buf name = { 0 }, value = { 0 };
	int rc = 0;

	e->models_saved = time_mono_ms();
	for (int i = 0; i < e->n_subs && rc >= 0; i++) {
		name_sub(e, &name, kind, &e->sub[i]);
		if (e->sub[i].detect)
			rc = detect_load(e->sub[i].detect, store, buf_text(&name), err);
		else if ((rc = store_get_state(store, "pattern", buf_get(&name), &value, err)) > 0)
			rc = pattern_load(e->sub[i].pattern, buf_get(&value), err);
		if (rc == ERR_INPUT || rc == ERR_CORRUPT) {
			err_clear(err);
			rc = 0;
		}
	}
	buf_clear(&name);
	buf_printf(&name, "%s/", kind);
	if (rc >= 0 && (rc = detect_load(e->plain, store, buf_text(&name), err)) == ERR_CORRUPT) {
		err_clear(err);
		rc = 0;
	}
	buf_release(&name);
	buf_release(&value);
	return rc < 0 ? rc : 0;
}

int
evaluate_save(struct evaluate *e, struct store *store, const char *name, struct err *err)
{
	struct buf clock = { 0 };
	char kind[64];
	struct str rest = buf_get(&e->gone), record;
	int rc = kind_of(kind, name, err);

	while (rc == 0 && rest.n && str_cut(&rest, 0, &record) && record.n)
		rc = store_drop_state(store, kind, record, err);
	buf_clear(&e->gone);
	for (; rc == 0 && e->dirty; e->dirty = e->dirty->dirty_next) {
		e->dirty->dirty = 0;
		rc = save_series(e, store, kind, e->dirty, err);
	}
	if (rc == 0 && e->greatest != TIME_NONE && !e->assumed) {
		if (e->live < 0 && !e->spec.no_clock)
			judge_live(e);
		buf_printf(&clock, "{\"greatest\":%lld,\"lag\":%lld}", (long long)e->greatest, (long long)e->lag);
		rc = store_put_state(store, kind, STR("clock"), buf_get(&clock), err);
	}
	buf_release(&clock);
	return rc ? rc : save_subs(e, store, kind, err);
}

static int64_t
get_ms(struct json v, const char *key)
{
	int64_t ms;

	return json_int64(json_get(v, str_of(key)), &ms) && ms > -(1LL << 60) && ms < (1LL << 60) ? ms : TIME_NONE;
}

/* The rule of that key; -1: there is none. */
static int
rule_of(const struct evaluate *e, struct str key)
{
	const struct map_entry *entry = map_find(&e->by_key, key);

	return entry ? (int)entry->num - 1 : -1;
}

/* Rules of one name have their keys by their order, which changes when one of them comes or goes: who has something saved under a key gets
 * that key again, before anything is read under it. */
struct recalling { struct evaluate *e; struct map by_sign; unsigned char *settled; };

static void
put_sign(struct buf *b, struct str name, struct str sign)
{
	buf_clear(b);
	buf_str(b, name);
	buf_byte(b, 0);
	buf_str(b, sign);
}

static void
give_key(struct evaluate *e, int to, struct str key, int from)
{
	struct rule *rule = e->rules->rule;
	struct str was = rule[to].key;

	rule[to].key = from >= 0 ? rule[from].key : (struct str){ arena_dup(e->rules->arena, key.p, key.n), key.n };
	if (from >= 0)
		rule[from].key = was;
	map_put(&e->by_key, was, NULL)->num = from + 1;
	map_put(&e->by_key, rule[to].key, NULL)->num = to + 1;
}

static int
recall_one(void *self, struct str name, struct str value)
{
	struct recalling *r = self;
	struct evaluate *e = r->e;
	struct buf named = { 0 }, sign = { 0 };
	struct json_iter it;

	(void)name;
	for (it = json_iter(json_get(json_value(value), STR("on"))); json_next(&it); ) {
		struct str key = json_text(json_get(it.value, STR("rule")), &e->text), alert = json_text(json_get(it.value, STR("alert")), &named);
		int holder = rule_of(e, key), own;
		struct map_entry *entry;

		put_sign(&e->key, alert, json_text(json_get(it.value, STR("sign")), &sign));
		if (!(entry = map_find(&r->by_sign, buf_get(&e->key))))
			continue;
		own = (int)entry->num - 1;
		if (holder >= 0 && str_eq(e->rules->rule[holder].name, alert) && e->rules->rule[holder].sign == e->rules->rule[own].sign)
			own = holder;
		if (r->settled[own] || (holder >= 0 && (r->settled[holder] || !str_eq(e->rules->rule[holder].name, alert))))
			continue;
		if (own != holder)
			give_key(e, own, key, holder);
		r->settled[own] = 1;
	}
	buf_release(&named);
	buf_release(&sign);
	return 0;
}

static int
recall_keys(struct evaluate *e, struct store *store, const char *kind, struct err *err)
{
	struct recalling r = { .e = e, .settled = mem_new((size_t)e->rules->n + 1) };
	char sign[9];
	int rc;

	for (int i = e->rules->n - 1; i >= 0; i--) {
		snprintf(sign, sizeof(sign), "%08x", e->rules->rule[i].sign);
		put_sign(&e->key, e->rules->rule[i].name, str_of(sign));
		map_put(&r.by_sign, buf_get(&e->key), NULL)->num = i + 1;
	}
	rc = store_each_state(store, kind, recall_one, &r, err);
	map_release(&r.by_sign);
	free(r.settled);
	return rc;
}

/* The rule is not there any more, so neither is what it said. */
static int
orphan(struct evaluate *e, struct json v, int64_t last, struct err *err)
{
	struct buf name = { 0 }, severity = { 0 };
	struct evaluate_alert alert = { .state = EVALUATE_RESOLVED, .time = last, .since = get_ms(v, "since") };
	int64_t state = 0;
	int rc = 0;

	json_int64(json_get(v, STR("state")), &state);
	if (state == INCIDENT_FIRING && alert.since != TIME_NONE && last != TIME_NONE) {
		alert.name = json_text(json_get(v, STR("alert")), &name);
		alert.rule = json_text(json_get(v, STR("rule")), &e->text);
		alert.severity = json_text(json_get(v, STR("severity")), &severity);
		alert.labels = json_raw(json_get(v, STR("labels")));
		buf_clear(&e->out);
		buf_lit(&e->out, "{\"alert\":");
		json_put_string(&e->out, alert.name);
		buf_lit(&e->out, ",\"state\":\"resolved\",\"timestamp\":");
		json_put_time(&e->out, alert.time);
		buf_lit(&e->out, ",\"since\":");
		json_put_time(&e->out, alert.since);
		buf_lit(&e->out, ",\"labels\":");
		buf_str(&e->out, alert.labels.n ? alert.labels : STR("{}"));
		buf_lit(&e->out, ",\"value\":null,\"severity\":");
		json_put_string(&e->out, alert.severity);
		buf_lit(&e->out, ",\"message\":\"its rule is gone\"}");
		alert.json = buf_get(&e->out);
		rc = e->spec.alert(e->spec.self, &alert, err);
	}
	buf_release(&name);
	buf_release(&severity);
	return rc;
}

static void
load_active(struct evaluate *e, struct series *s, int rule, struct json v)
{
	struct active *a;
	int64_t state = 0, absent = 0;
	char mark[9];

	json_int64(json_get(v, STR("state")), &state);
	json_int64(json_get(v, STR("absent")), &absent);
	if (state < INCIDENT_QUIET || state > INCIDENT_FIRING || (state != INCIDENT_QUIET && get_ms(v, "since") == TIME_NONE))
		return;
	a = activate(link_of(s, rule), s, rule);
	a->incident = (struct incident){ .state = (enum incident_state)state, .since = get_ms(v, "since"), .fired = get_ms(v, "fired"), .clear = get_ms(v, "clear"),
		.last = get_ms(v, "last"), .stale_ms = get_ms(v, "stale"), .absent = absent != 0, .value = number_at(json_get(v, STR("value"))) };
	if (a->incident.stale_ms < 0)
		a->incident.stale_ms = 0;
	snprintf(mark, sizeof(mark), "%08x", mark_of(e->rules->rule[rule].reads));
	a->foreign = !e->rules->rule[rule].reads.p || !json_text_eq(json_get(v, STR("reads")), str_of(mark));
	s->spoken = 1;
	if (state != INCIDENT_QUIET && json_get(v, STR("labels")).type == JSON_OBJECT)
		keep_labels(a, json_raw(json_get(v, STR("labels"))));
	if (e->awaited && !e->awaited[rule] && is_awaiting(&e->rules->rule[rule]) && json_get(v, STR("awaited")).type == JSON_TRUE) {
		e->awaited[rule] = a;
		e->n_awaited++;
	}
	e->pending += state == INCIDENT_PENDING;
	e->firing += state == INCIDENT_FIRING;
	if (is_over(e, a))
		forget(e, a);
	else
		schedule(e, a);
}

struct loading { struct evaluate *e; struct store *store; struct err *err; };

static int
load_one(void *self, struct str name, struct str value)
{
	struct loading *l = self;
	struct evaluate *e = l->e;
	struct json key = json_value(name), v = json_value(value);
	struct buf metric = { 0 }, rule = { 0 };
	struct json_iter it;
	struct series *s;
	struct str own;
	int rc = 0, i;

	if (str_eq(name, STR("clock"))) {
		e->greatest = get_ms(v, "greatest");
		e->lag = get_ms(v, "lag");
		return 0;
	}
	if (key.type != JSON_ARRAY || v.type != JSON_OBJECT)
		return err_set(l->err, ERR_CORRUPT, "the saved alerts are damaged");
	own = json_text(json_index(key, 2), &rule);
	i = own.n ? rule_of(e, own) : -1;
	s = own.n && i < 0 ? NULL : series_of(e, json_text(json_index(key, 0), &metric), json_index(key, 1), i, l->err);
	if (!s && !l->err->code) {
		buf_str(&e->gone, name);
		buf_byte(&e->gone, 0);
	} else if (s) {
		s->last = get_ms(v, "last");
		json_int64(json_get(v, STR("window")), &s->window);
		s->spoken = 1;
	}
	rc = l->err->code;
	for (it = json_iter(json_get(v, STR("on"))); rc == 0 && json_next(&it); ) {
		i = rule_of(e, json_text(json_get(it.value, STR("rule")), &rule));
		if (i >= 0 && s) {
			load_active(e, s, i, it.value);
		} else {
			rc = orphan(e, it.value, get_ms(v, "last"), l->err);
			if (s)
				mark(e, s);
		}
	}
	buf_release(&metric);
	buf_release(&rule);
	return rc;
}

int
evaluate_load(struct evaluate *e, struct store *store, const char *name, struct err *err)
{
	struct loading l = { e, store, err };
	char kind[64];
	int rc = kind_of(kind, name, err);

	if (rc == 0 && (rc = recall_keys(e, store, kind, err)) == 0)
		rc = store_each_state(store, kind, load_one, &l, err);
	if (rc == 0)
		rc = load_subs(e, store, kind, err);
	return rc < 0 ? err_at(err, "--state %.80s", name) : 0;
}
