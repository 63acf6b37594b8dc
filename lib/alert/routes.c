/* What is saved lies in the tenant's state, kind "notify/NAME", a record an alert:
 *
 *      [rule, labels]  ─►  {"of":"rule","row":{…},"severity","firing","time","flapping","changes":[MS,…],
 *                           "notes":[{"route":HASH,"told","told_at","first_at","sent","escalated","silenced"},…]}
 *
 * Records without "of" are of versions that knew an alert by its name: what they tell as firing may be of any rule of that name.
 * A route is known by the hash of its text: one that was changed is another one, and begins anew with what fires. */
#include "alert/routes.h"

#include <stdio.h>
#include <stdlib.h>

#include "alert/deliver.h"
#include "alert/silences.h"
#include "base/mem.h"
#include "base/time.h"
#include "base/zone.h"

#define REPEAT_MS   (4 * 3600000LL)
#define SPAN_MOST   (100 * 366 * 86400000LL)
#define CHANGES     64                  /* remembered of an alert */
#define FLAP_CHANGES 10
#define FLAP_MS     3600000
#define ALERTS_MOST 500                 /* in one message */
#define LOOK_MS     15000               /* what is withheld is looked at again so often at least */
#define STEPS_MOST  16
#define DEAD_MOST   1000

enum { UNTOLD, TOLD_FIRING, TOLD_RESOLVED };

struct mute { struct str name; unsigned days; int from, to; const struct zone *zone; };    /* minutes of the day; days: a bit each, from Sunday */
struct inhibit { struct silences_matchers *source, *target; struct str *equal; int n_equal; struct told **by; int n_by, cap; };
struct step { int64_t after; struct str *to; int n; };

struct route {
	struct silences_matchers *match;
	struct str *to;                 /* names of receivers */
	int n_to;
	struct str *by;                 /* group_by */
	int n_by;
	int64_t wait, interval, repeat;
	int goes_on, resolved;
	struct mute **mute;
	int n_mutes;
	struct step step[STEPS_MOST];
	int n_steps;
	uint64_t hash;
};

struct told_event { struct note *note; int firing; char *row; size_t n; unsigned how; };
enum { ENTERS_FLAPPING = 1, DAMPED = 2, REPEATED = 4 };

struct group {
	struct route *route;
	struct str labels;              /* JSON: what its alerts have in common */
	struct told_event *event;            /* that wait, in order */
	int n, cap;
	int n_notes;                    /* of alerts that are not let go of */
	int64_t since, sent;            /* the clock's: of the oldest event; of the last message */
};

struct note {                           /* one alert on one route */
	struct told *told;
	struct route *route;
	struct group *group;
	int state, queued;
	int silenced;                   /* withheld by a silence: its end is told all the same */
	int withheld;
	int64_t told_at, first_at;
	unsigned escalated;             /* a bit a step */
};

struct told {                           /* an alert */
	struct str key, name, labels, severity;
	char *row;
	size_t n;
	int firing, flapping, dirty, saved;
	int by_name;                    /* it was told before alerts were known by their rules: of any rule of its name */
	int64_t time;                   /* its own, of the last change */
	int64_t change[CHANGES];
	int n_changes;
	struct note *note;
	int n_notes;
};

struct routes {
	const struct config *config;
	struct json receivers;
	struct arena *arena;
	struct route *route;
	int n_routes, n_receivers;
	struct inhibit *inhibit;
	int n_inhibits;
	struct mute *mute;
	int n_mutes;
	int changes;
	int64_t within;
	struct map told, groups;
	struct silences *silences;      /* while routes_flush runs */
	int64_t next, event_time;
	int64_t steady;                 /* event time at which the first alert that flaps may be steady; TIME_NONE */
	int fresh;                      /* something came since the last flush */
};

/* ---- configuration */

static int
span_of(struct json v, const char *key, int64_t otherwise, int64_t *ms, struct err *err)
{
	struct buf scratch = { 0 };
	struct json span = json_get(v, str_of(key));
	int rc = 0;

	*ms = otherwise;
	if (span.type == JSON_STRING && (dur_parse(json_text(span, &scratch), ms, err) || *ms > SPAN_MOST))
		rc = err_set(err, ERR_USAGE, "%s: is no span, try 5m", key);
	buf_release(&scratch);
	return rc;
}

/* A text or a list of texts. */
static int
texts_of(struct routes *r, struct json v, struct str **all)
{
	struct json_iter it;
	int n = 0;

	*all = NULL;
	if (v.type == JSON_STRING) {
		*all = arena_get(r->arena, sizeof(**all));
		**all = json_text_dup(v, r->arena);
		return 1;
	}
	for (it = json_iter(v); v.type == JSON_ARRAY && json_next(&it); )
		n++;
	if (n)
		*all = arena_get(r->arena, (size_t)n * sizeof(**all));
	n = 0;
	for (it = json_iter(v); v.type == JSON_ARRAY && json_next(&it); )
		(*all)[n++] = json_text_dup(it.value, r->arena);
	return n;
}

static int
are_receivers(const struct routes *r, const struct str *to, int n, struct err *err)
{
	for (int i = 0; i < n; i++)
		if (!receivers_has(r->receivers, to[i]))
			return err_set(err, ERR_USAGE, "receiver: there is none of the name '%.60s' that is enabled", to[i].p);
	return 0;
}

static int
day_of(struct str s)
{
	static const char *const days[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

	for (int i = 0; i < 7; i++)
		if (s.n >= 3 && strncasecmp(s.p, days[i], 3) == 0)
			return i;
	return -1;
}

static int
days_of(struct routes *r, struct json v, unsigned *bits, struct err *err)
{
	struct str *all;
	int n = texts_of(r, v, &all);

	*bits = n ? 0 : 127;
	for (int i = 0; i < n; i++) {
		struct str rest = all[i], piece;

		while (rest.n && str_cut(&rest, ',', &piece)) {
			struct str from = str_trim(piece), to = from;
			const char *dash = memchr(from.p, '-', from.n);
			int a, b;

			if (dash)
				to = str_trim((struct str){ dash + 1, from.n - (size_t)(dash - from.p) - 1 }), from.n = (size_t)(dash - from.p);
			a = day_of(from), b = day_of(to);
			if (a < 0 || b < 0)
				return err_set(err, ERR_USAGE, "days: '%.40s' is none, mon-fri is", all[i].p);
			for (int d = a; ; d = (d + 1) % 7) {
				*bits |= 1u << d;
				if (d == b)
					break;
			}
		}
	}
	return 0;
}

static int
minute_of(struct json v, int otherwise, int *minute, struct err *err)
{
	struct buf scratch = { 0 };
	struct str s = json_text(v, &scratch);
	int ok = s.n == 5 && s.p[2] == ':';

	*minute = otherwise;
	for (size_t i = 0; ok && i < 5; i++)
		ok = i == 2 || (s.p[i] >= '0' && s.p[i] <= '9');
	if (ok)
		*minute = ((s.p[0] - '0') * 10 + s.p[1] - '0') * 60 + (s.p[3] - '0') * 10 + s.p[4] - '0';
	buf_release(&scratch);
	return (v.type == JSON_NONE || ok) && *minute <= 1440 ? 0 : err_set(err, ERR_USAGE, "is no time of the day, 22:00 is");
}

static int
read_mutes(struct routes *r, struct json all, struct err *err)
{
	struct json_iter it;
	int n = 0;

	for (it = json_iter(all); json_next(&it); )
		n++;
	r->mute = arena_get(r->arena, (size_t)(n + 1) * sizeof(*r->mute));
	for (it = json_iter(all); json_next(&it); r->n_mutes++) {
		struct mute *m = &r->mute[r->n_mutes];
		struct buf scratch = { 0 };
		struct json tz = json_get(it.value, STR("tz"));

		*m = (struct mute){ .name = json_text_dup(it.key, r->arena) };
		if (tz.type == JSON_STRING && !(m->zone = zone_get(json_text(tz, &scratch), err)))
			err->code = ERR_USAGE;
		buf_release(&scratch);
		if (err->code || days_of(r, json_get(it.value, STR("days")), &m->days, err) || minute_of(json_get(it.value, STR("from")), 0, &m->from, err) ||
		    minute_of(json_get(it.value, STR("to")), 1440, &m->to, err))
			return err_at(err, "alerts.mute_times.%.60s", m->name.p);
	}
	return 0;
}

static int
read_steps(struct routes *r, struct route *route, struct json v, struct err *err)
{
	struct json_iter it;

	for (it = json_iter(v); route->n_steps < STEPS_MOST && json_next(&it); route->n_steps++) {
		struct step *s = &route->step[route->n_steps];

		s->n = texts_of(r, json_get(it.value, STR("receiver")), &s->to);
		if (span_of(it.value, "after", 0, &s->after, err) || are_receivers(r, s->to, s->n, err))
			return err_at(err, "escalate[%d]", route->n_steps);
	}
	return 0;
}

static int
read_mute_names(struct routes *r, struct route *route, struct json v, struct err *err)
{
	struct str *names;
	int n = texts_of(r, v, &names);

	route->mute = arena_get(r->arena, (size_t)(n + 1) * sizeof(*route->mute));
	for (int i = 0; i < n; i++) {
		struct mute *found = NULL;

		for (int k = 0; k < r->n_mutes; k++)
			if (str_eq(r->mute[k].name, names[i]))
				found = &r->mute[k];
		if (!found)
			return err_set(err, ERR_USAGE, "mute: there is no '%.60s' under mute_times", names[i].p);
		route->mute[route->n_mutes++] = found;
	}
	return 0;
}

static int
read_route(struct routes *r, struct route *route, struct json v, struct err *err)
{
	static const struct str alert = { "alert", 5 };
	struct json to = json_get(v, STR("receiver")), by = json_get(v, STR("group_by"));

	*route = (struct route){ .resolved = json_get(v, STR("resolved")).type != JSON_FALSE, .goes_on = json_get(v, STR("continue")).type == JSON_TRUE };
	route->hash = str_hash_stable(v.type ? json_raw(v) : STR("{}"));
	route->n_to = texts_of(r, to.type ? to : json_get(v, STR("receivers")), &route->to);
	route->n_by = texts_of(r, by, &route->by);
	if (!by.type) {
		route->by = arena_get(r->arena, sizeof(alert));
		route->by[route->n_by++] = alert;
	}
	if (!(route->match = silences_matchers_new(json_get(v, STR("match")), err))) {
		err->code = ERR_USAGE;
		return ERR_USAGE;
	}
	if (span_of(v, "group_wait", 0, &route->wait, err) || span_of(v, "group_interval", 0, &route->interval, err) || span_of(v, "repeat", REPEAT_MS, &route->repeat, err) ||
	    read_mute_names(r, route, json_get(v, STR("mute")), err))
		return err->code;
	if (v.type && !route->n_to)
		return err_set(err, ERR_USAGE, "receiver: is missing");
	return are_receivers(r, route->to, route->n_to, err) ? err->code : read_steps(r, route, json_get(v, STR("escalate")), err);
}

static int
read_inhibits(struct routes *r, struct json v, struct err *err)
{
	struct json_iter it;
	int n = 0;

	for (it = json_iter(v); json_next(&it); )
		n++;
	r->inhibit = mem_new((size_t)(n + 1) * sizeof(*r->inhibit));
	for (it = json_iter(v); json_next(&it); r->n_inhibits++) {
		struct inhibit *i = &r->inhibit[r->n_inhibits];

		i->n_equal = texts_of(r, json_get(it.value, STR("equal")), &i->equal);
		if (!(i->source = silences_matchers_new(json_get(it.value, STR("source")), err)) || !(i->target = silences_matchers_new(json_get(it.value, STR("target")), err))) {
			err->code = ERR_USAGE;
			return err_at(err, "alerts.inhibit[%d]", r->n_inhibits++);
		}
	}
	return 0;
}

static int
take_name(void *self, struct str name, struct json receiver)
{
	struct routes *r = self;
	struct route *route = &r->route[0];

	(void)receiver;
	route->to[route->n_to++] = (struct str){ arena_dup(r->arena, name.p, name.n), name.n };
	return 0;
}

static int
count_name(void *self, struct str name, struct json receiver)
{
	(void)name, (void)receiver;
	++*(int *)self;
	return 0;
}

static int
read_routes(struct routes *r, struct json v, struct err *err)
{
	struct json_iter it;
	int n = 0;

	for (it = json_iter(v); json_next(&it); )
		n++;
	r->route = mem_new((size_t)(n + 1) * sizeof(*r->route));
	for (it = json_iter(v); json_next(&it); )
		if (read_route(r, &r->route[r->n_routes++], it.value, err))
			return err_at(err, "alerts.routes[%d]", r->n_routes - 1);
	if (r->n_routes || !r->n_receivers)
		return 0;
	r->n_routes = 1;                /* none is given: everything to everybody */
	if (read_route(r, &r->route[0], JSON_ABSENT, err))
		return err->code;
	r->route[0].to = arena_get(r->arena, (size_t)r->n_receivers * sizeof(*r->route[0].to));
	receivers_each(r->receivers, take_name, r);
	return 0;
}

struct routes *
routes_new(const struct config *config, struct err *err)
{
	struct routes *r = mem_new(sizeof(*r));
	struct json alerts = config_get(config, "analytics", "alerts"), flapping = json_get(alerts, STR("flapping"));
	int64_t changes = FLAP_CHANGES;

	r->config = config;
	r->receivers = config_get(config, "analytics", "receivers");
	r->arena = arena_new(0);
	r->next = r->event_time = r->steady = TIME_NONE;
	json_int64(json_get(flapping, STR("changes")), &changes);
	r->changes = (int)(changes > CHANGES ? CHANGES : changes);
	receivers_each(r->receivers, count_name, &r->n_receivers);
	if (receivers_check(r->receivers, err) || span_of(flapping, "within", FLAP_MS, &r->within, err) || read_mutes(r, json_get(alerts, STR("mute_times")), err) ||
	    read_inhibits(r, json_get(alerts, STR("inhibit")), err) || read_routes(r, json_get(alerts, STR("routes")), err)) {
		err->code = ERR_USAGE;
		err_at(err, "config/analytics.json");
		routes_free(r);
		return NULL;
	}
	return r;
}

static void
free_told(struct told *t)
{
	for (int i = 0; i < t->n_notes; i++)
		t->note[i].group->n_notes--;
	free((char *)t->key.p);
	free(t->row);
	free(t->note);
	free(t);
}

static void
free_group(struct group *g)
{
	for (int i = 0; i < g->n; i++)
		free(g->event[i].row);
	free(g->event);
	free((char *)g->labels.p);
	free(g);
}

void
routes_free(struct routes *r)
{
	if (!r)
		return;
	for (int i = 0; i < r->n_routes; i++)
		silences_matchers_free(r->route[i].match);
	for (int i = 0; r->inhibit && i < r->n_inhibits; i++) {
		silences_matchers_free(r->inhibit[i].source);
		silences_matchers_free(r->inhibit[i].target);
		free(r->inhibit[i].by);
	}
	for (struct map_entry *m = map_first(&r->told); m; m = map_next(&r->told, m))
		if (m->ptr)
			free_told(m->ptr);
	for (struct map_entry *m = map_first(&r->groups); m; m = map_next(&r->groups, m))
		if (m->ptr)
			free_group(m->ptr);
	map_release(&r->told);
	map_release(&r->groups);
	free(r->route);
	free(r->inhibit);
	arena_free(r->arena);
	free(r);
}

int
routes_receivers(const struct routes *r)
{
	return r->n_receivers;
}

/* ---- alerts, their routes and groups */

static struct group *
group_of(struct routes *r, struct route *route, const struct told *t)
{
	struct buf key = { 0 }, labels = { 0 }, scratch = { 0 };
	struct map_entry *e;
	struct group *g;

	buf_byte(&labels, '{');
	for (int i = 0; i < route->n_by; i++) {
		if (i)
			buf_byte(&labels, ',');
		json_put_key(&labels, route->by[i]);
		json_put_string(&labels, silences_part(route->by[i], t->name, t->severity, json_value(t->labels), &scratch));
	}
	buf_byte(&labels, '}');
	buf_printf(&key, "%td", route - r->route);
	buf_byte(&key, 0);
	buf_str(&key, buf_get(&labels));
	e = map_put(&r->groups, buf_get(&key), NULL);
	if (!e->ptr) {
		g = e->ptr = mem_new(sizeof(*g));
		g->route = route;
		g->labels = (struct str){ mem_dup(labels.p, labels.n), labels.n };
		g->since = g->sent = TIME_NONE;
	}
	buf_release(&key);
	buf_release(&labels);
	buf_release(&scratch);
	return e->ptr;
}

static void
find_routes(struct routes *r, struct told *t)
{
	for (int i = 0; i < r->n_routes; i++) {
		if (!silences_match(r->route[i].match, t->name, t->severity, json_value(t->labels)))
			continue;
		t->note = mem_grow(t->note, (size_t)t->n_notes + 1, sizeof(*t->note));
		t->note[t->n_notes] = (struct note){ .told = t, .route = &r->route[i], .group = group_of(r, &r->route[i], t), .told_at = TIME_NONE, .first_at = TIME_NONE };
		t->note[t->n_notes++].group->n_notes++;
		if (!r->route[i].goes_on)
			return;
	}
}

/* It is over, and nobody is to be told of that any more. */
static int
is_over(const struct told *t)
{
	if (t->firing)
		return 0;
	for (int i = 0; i < t->n_notes; i++)
		if (t->note[i].queued || t->note[i].state == TOLD_FIRING)
			return 0;
	return 1;
}

/* The alert's record, of the rule's key and its labels: rules of one name (a warning, and a page further up) are alerts of their own. It is made,
 * with its routes, when it is new. Its texts lie one behind the other in key. */
static struct told *
told_of(struct routes *r, struct str rule, struct str name, struct str labels, struct str severity, int make)
{
	struct buf key = { 0 };
	struct map_entry *e;
	struct told *t;
	int saved = 0;

	buf_byte(&key, '[');
	json_put_string(&key, rule);
	buf_byte(&key, ',');
	buf_str(&key, labels);
	buf_byte(&key, ']');
	e = make ? map_put(&r->told, buf_get(&key), NULL) : map_find(&r->told, buf_get(&key));
	if (e && e->ptr && make && !str_eq(((struct told *)e->ptr)->severity, severity) && is_over(e->ptr)) {   /* its rule was edited: other routes */
		saved = ((struct told *)e->ptr)->saved;
		free_told(e->ptr);
		e->ptr = NULL;
	}
	if (e && !e->ptr && make) {
		size_t n = key.n;
		char *text;

		t = e->ptr = mem_new(sizeof(*t));
		buf_str(&key, name);
		buf_str(&key, labels);
		buf_str(&key, severity);
		text = mem_dup(key.p, key.n);
		t->key = (struct str){ text, n };
		t->name = (struct str){ text + n, name.n };
		t->labels = (struct str){ text + n + name.n, labels.n };
		t->severity = (struct str){ text + n + name.n + labels.n, severity.n };
		t->time = TIME_NONE;
		t->saved = saved;
		find_routes(r, t);
	}
	buf_release(&key);
	return e ? e->ptr : NULL;
}

static void
enqueue(struct note *note, unsigned how)
{
	struct group *g = note->group;
	int k = 0;

	if (g->route->wait || g->route->interval) {             /* only how it is at last */
		for (int i = 0; i < g->n; i++) {
			if (g->event[i].note == note)
				free(g->event[i].row), note->queued--;
			else
				g->event[k++] = g->event[i];
		}
		g->n = k;
	}
	if (g->n == g->cap)
		g->event = mem_grow(g->event, (size_t)(g->cap = g->cap ? 2 * g->cap : 4), sizeof(*g->event));
	g->event[g->n++] = (struct told_event){ note, note->told->firing, mem_dup(note->told->row, note->told->n), note->told->n, how };
	note->queued++;
}

/* How often it changed of late, this one counted. */
static unsigned
count_change(struct routes *r, struct told *t, int64_t time)
{
	int recent = 0;

	if (t->n_changes == CHANGES)
		memmove(t->change, t->change + 1, sizeof(t->change) - sizeof(t->change[0])), t->n_changes--;
	t->change[t->n_changes++] = time;
	for (int i = 0; i < t->n_changes; i++)
		recent += t->change[i] > time - r->within;
	if (!r->changes || t->flapping)
		return t->flapping ? DAMPED : 0;
	t->flapping = recent >= r->changes;
	return t->flapping ? ENTERS_FLAPPING : 0;
}

/* What is over was told as firing under this record; NULL: it was not told. */
static struct told *
told_before(struct routes *r, const struct evaluate_alert *a)
{
	struct told *t = told_of(r, a->rule, a->name, a->labels, a->severity, 0);

	if (t || !(t = told_of(r, a->name, a->name, a->labels, a->severity, 0)))
		return t;
	return t->by_name && str_eq(t->severity, a->severity) ? t : NULL;
}

int
routes_alert(struct routes *r, const struct evaluate_alert *a)
{
	struct told *t;
	unsigned how;

	if (a->state == EVALUATE_PENDING)
		return 0;
	t = a->state == EVALUATE_FIRING ? told_of(r, a->rule, a->name, a->labels, a->severity, 1) : told_before(r, a);
	if (!t || t->firing == (a->state == EVALUATE_FIRING))
		return 0;               /* it is known */
	t->by_name = 0;
	t->firing = a->state == EVALUATE_FIRING;
	free(t->row);
	t->row = mem_dup(a->json.p, a->json.n);
	t->n = a->json.n;
	t->time = a->time;
	t->dirty = 1;
	r->fresh = 1;
	how = count_change(r, t, a->time);
	for (int i = 0; i < t->n_notes; i++)
		enqueue(&t->note[i], how);
	return (how & DAMPED) != 0;
}

/* ---- what is withheld */

static int
is_muted(const struct mute *m, int64_t now)
{
	struct civil c;
	int minute, yesterday;

	time_civil(now + zone_offset(m->zone, now), &c);
	minute = c.hour * 60 + c.minute;
	yesterday = (c.weekday + 6) % 7;
	if (m->from < m->to)
		return (m->days >> c.weekday & 1) && minute >= m->from && minute < m->to;
	return ((m->days >> c.weekday & 1) && minute >= m->from) || ((m->days >> yesterday & 1) && minute < m->to);
}

static int
are_equal(const struct inhibit *in, const struct told *a, const struct told *b)
{
	struct buf x = { 0 }, y = { 0 };
	int yes = 1;

	for (int i = 0; i < in->n_equal && yes; i++)
		yes = str_eq(silences_part(in->equal[i], a->name, a->severity, json_value(a->labels), &x), silences_part(in->equal[i], b->name, b->severity, json_value(b->labels), &y));
	buf_release(&x);
	buf_release(&y);
	return yes;
}

static int
is_inhibited(const struct routes *r, const struct told *t)
{
	for (int i = 0; i < r->n_inhibits; i++) {
		const struct inhibit *in = &r->inhibit[i];

		if (!in->n_by || !silences_match(in->target, t->name, t->severity, json_value(t->labels)))
			continue;
		for (int k = 0; k < in->n_by; k++)
			if (in->by[k] != t && are_equal(in, in->by[k], t))
				return 1;
	}
	return 0;
}

static void
find_inhibitors(struct routes *r)
{
	for (int i = 0; i < r->n_inhibits; i++) {
		struct inhibit *in = &r->inhibit[i];

		in->n_by = 0;
		for (struct map_entry *m = map_first(&r->told); m; m = map_next(&r->told, m)) {
			struct told *t = m->ptr;

			if (!t || !t->firing || !silences_match(in->source, t->name, t->severity, json_value(t->labels)))
				continue;
			if (in->n_by == in->cap)
				in->by = mem_grow(in->by, (size_t)(in->cap = in->cap ? 2 * in->cap : 8), sizeof(*in->by));
			in->by[in->n_by++] = t;
		}
	}
}

/* Why a firing alert is not told now: 0 it is. */
static int
is_withheld(struct routes *r, struct note *note, int64_t now)
{
	const struct told *t = note->told;

	if (silences_hold(r->silences, now, t->name, t->severity, json_value(t->labels)))
		return note->silenced = 1;
	for (int i = 0; i < note->route->n_mutes; i++)
		if (is_muted(note->route->mute[i], now))
			return 1;
	return is_inhibited(r, t);
}

/* ---- messages */

struct flush { struct routes *routes; struct store *store; int64_t now; int sent; struct err *err; };

static int
count_firing(const struct routes *r, const struct group *g)
{
	int n = 0;

	for (const struct map_entry *m = map_first(&r->told); m; m = map_next(&r->told, m)) {
		const struct told *t = m->ptr;

		for (int i = 0; t && t->firing && i < t->n_notes; i++)
			n += t->note[i].group == g;
	}
	return n;
}

/* Alerts of one group and one state, to each of the receivers. */
static int
put_message(struct flush *f, const struct group *g, const struct told_event *e, int n, const struct str *to, int n_to, const char *also)
{
	struct buf body = { 0 }, id = { 0 };
	const char *status = e->firing ? "firing" : "resolved";
	int rc = 0;

	for (int i = 0; i < n_to && rc == 0; i++) {
		buf_clear(&body);
		buf_lit(&body, "{\"receiver\":");
		json_put_string(&body, to[i]);
		buf_printf(&body, ",\"status\":\"%s\",\"group\":", status);
		buf_str(&body, g->labels);
		buf_printf(&body, ",\"key\":\"%016llx%016llx\",\"firing\":%d", (unsigned long long)g->route->hash, (unsigned long long)str_hash_stable(g->labels),
		    e->firing ? n : count_firing(f->routes, g));
		if (e->how & ENTERS_FLAPPING)
			buf_lit(&body, ",\"flapping\":true");
		if (e->how & REPEATED)
			buf_lit(&body, ",\"repeated\":true");
		buf_lit(&body, also);
		buf_lit(&body, ",\"alerts\":[");
		for (int k = 0; k < n; k++) {
			buf_lit(&body, k ? "," : "");
			buf_add(&body, e[k].row, e[k].n);
		}
		buf_lit(&body, "]}");
		buf_clear(&id);
		buf_byte(&id, ':');
		buf_str(&id, to[i]);
		rc = deliver_put(f->store, buf_get(&id), e->firing ? STR("alert.firing") : STR("alert.resolved"), f->now, buf_get(&body), f->err);
		f->sent += rc == 0;
	}
	buf_release(&body);
	buf_release(&id);
	return rc;
}

/* Who heard that it fires by escalation hears that it is over. */
static int
tell_escalated(struct flush *f, const struct group *g, const struct told_event *e)
{
	int rc = 0;

	for (int s = 0; s < g->route->n_steps && rc == 0; s++)
		if (e->note->escalated >> s & 1)
			rc = put_message(f, g, e, 1, g->route->step[s].to, g->route->step[s].n, ",\"escalated\":true");
	e->note->escalated = 0;
	return rc;
}

static void
note_told(struct flush *f, struct note *note, int firing)
{
	if (firing && note->state != TOLD_FIRING) {
		note->first_at = f->now;
		note->escalated = 0;
	}
	note->state = firing ? TOLD_FIRING : TOLD_RESOLVED;
	note->told_at = f->now;
	note->silenced = note->withheld = 0;
	note->told->dirty = 1;
}

/* Is this event to be told? */
static int
is_told(struct flush *f, const struct told_event *e)
{
	struct note *note = e->note;
	int was_silenced = note->silenced;

	if (e->how & DAMPED)
		return 0;
	if (e->firing) {
		note->withheld = is_withheld(f->routes, note, f->now);
		note->told->dirty |= note->withheld;
		return !note->withheld && (note->state != TOLD_FIRING || e->how & REPEATED);
	}
	if (note->state != TOLD_FIRING && !was_silenced)
		return 0;
	if (!note->route->resolved) {
		note->state = TOLD_RESOLVED;
		note->silenced = note->withheld = 0;
		return 0;
	}
	return 1;
}

/* The events of a group in their order, those that stand together and say the same in one message. */
static int
flush_group(struct flush *f, struct group *g)
{
	struct told_event *batch = NULL;
	int n = 0, rc = 0;

	if (g->n)
		batch = mem_new((size_t)g->n * sizeof(*batch));
	for (int i = 0; i < g->n && rc == 0; i++) {
		struct told_event *e = &g->event[i];

		e->note->queued--;
		if (!is_told(f, e))
			continue;
		if (n && (batch[0].firing != e->firing || batch[0].how != e->how || n == ALERTS_MOST)) {
			rc = put_message(f, g, batch, n, g->route->to, g->route->n_to, "");
			n = 0;
		}
		batch[n++] = *e;
		if (!e->firing && rc == 0)
			rc = tell_escalated(f, g, e);
		note_told(f, e->note, e->firing);
		g->sent = f->now;
	}
	if (n && rc == 0)
		rc = put_message(f, g, batch, n, g->route->to, g->route->n_to, "");
	for (int i = 0; i < g->n; i++)
		free(g->event[i].row);
	g->n = 0;
	g->since = TIME_NONE;
	free(batch);
	return rc;
}

static int64_t
group_due(struct group *g, int64_t now)
{
	if (g->since == TIME_NONE)
		g->since = now;
	if (g->sent == TIME_NONE)
		return g->since + g->route->wait;
	return g->sent + g->route->interval;
}

/* ---- by the clock */

static void
sooner(struct routes *r, int64_t at)
{
	if (r->next == TIME_NONE || at < r->next)
		r->next = at;
}

/* When what is withheld may be told: at the latest LOOK_MS from now, and as soon as a silence ends or begins. */
static void
look_again(struct flush *f)
{
	int64_t next = silences_next(f->routes->silences, f->now);

	sooner(f->routes, f->now + LOOK_MS);
	if (next != TIME_NONE)
		sooner(f->routes, next);
}

static int
escalate(struct flush *f, struct note *note)
{
	struct told *t = note->told;
	int rc = 0;

	for (int s = 0; s < note->route->n_steps && rc == 0; s++) {
		const struct step *step = &note->route->step[s];
		struct told_event e = { note, 1, t->row, t->n, 0 };

		if (note->escalated >> s & 1)
			continue;
		if (f->now < note->first_at + step->after) {
			sooner(f->routes, note->first_at + step->after);
			continue;
		}
		if (is_withheld(f->routes, note, f->now)) {     /* somebody knows of it */
			look_again(f);
			return 0;
		}
		note->escalated |= 1u << s;
		t->dirty = 1;
		rc = put_message(f, note->group, &e, 1, step->to, step->n, ",\"escalated\":true");
	}
	return rc;
}

/* What a note is due without an event. */
static int
look_at(struct flush *f, struct note *note)
{
	struct told *t = note->told;
	struct routes *r = f->routes;

	if (note->queued || t->flapping) {
		if (t->flapping)
			sooner(r, f->now + LOOK_MS);
		return 0;
	}
	if (!t->firing) {
		if (note->state == TOLD_FIRING || note->silenced)
			enqueue(note, 0);               /* it was damped when it ended */
		return 0;
	}
	if (note->state != TOLD_FIRING) {
		enqueue(note, 0);                       /* asked again whether it is withheld */
		look_again(f);
		return 0;
	}
	if (note->route->repeat && f->now >= note->told_at + note->route->repeat) {
		if (!is_withheld(r, note, f->now))
			enqueue(note, REPEATED);
		else
			look_again(f);
	} else if (note->route->repeat) {
		sooner(r, note->told_at + note->route->repeat);
	}
	return escalate(f, note);
}

static int
is_dead(const struct routes *r, const struct told *t)
{
	return is_over(t) && !t->flapping && (r->event_time == TIME_NONE || t->time <= r->event_time - r->within);
}

static int
kind_of(char kind[64], const char *name, struct err *err)
{
	if (!*name || strlen(name) > EVALUATE_NAME)
		return err_set(err, ERR_USAGE, "a name for the state of rules has 1 to %d bytes", EVALUATE_NAME);
	snprintf(kind, 64, "notify/%s", name);
	return 0;
}

/* What came to its end is let go of. */
static int
bury(struct flush *f, const char *kind)
{
	struct routes *r = f->routes;
	int rc = 0;

	for (struct map_entry *m = map_first(&r->told); m && rc == 0; m = map_next(&r->told, m)) {
		struct told *t = m->ptr;

		if (!t || !is_dead(r, t))
			continue;
		if (kind && t->saved)
			rc = store_drop_state(f->store, kind, t->key, f->err);
		free_told(t);
		m->ptr = NULL;
	}
	for (struct map_entry *m = map_first(&r->groups); m; m = map_next(&r->groups, m)) {
		struct group *g = m->ptr;

		if (!g || g->n || g->n_notes || (g->sent != TIME_NONE && f->now < g->sent + g->route->interval))
			continue;
		free_group(g);
		m->ptr = NULL;
	}
	map_tidy(&r->told, DEAD_MOST);
	map_tidy(&r->groups, DEAD_MOST);
	return rc;
}

/* ---- saved and loaded */

static int
save_told(struct flush *f, const char *kind, struct told *t)
{
	struct buf b = { 0 };
	int rc;

	buf_lit(&b, t->by_name ? "{\"row\":" : "{\"of\":\"rule\",\"row\":");
	buf_add(&b, t->row, t->n);
	buf_lit(&b, ",\"severity\":");
	json_put_string(&b, t->severity);
	buf_printf(&b, ",\"firing\":%d,\"flapping\":%d,\"time\":%lld,\"changes\":[", t->firing, t->flapping, (long long)t->time);
	for (int i = 0; i < t->n_changes; i++)
		buf_printf(&b, i ? ",%lld" : "%lld", (long long)t->change[i]);
	buf_lit(&b, "],\"notes\":[");
	for (int i = 0; i < t->n_notes; i++) {
		const struct note *n = &t->note[i];

		buf_printf(&b, "%s{\"route\":\"%016llx\",\"told\":%d,\"told_at\":%lld,\"first_at\":%lld,\"sent\":%lld,\"escalated\":%u,\"silenced\":%d}", i ? "," : "",
		    (unsigned long long)n->route->hash, n->state, (long long)n->told_at, (long long)n->first_at, (long long)n->group->sent, n->escalated, n->silenced);
	}
	buf_lit(&b, "]}");
	rc = store_put_state(f->store, kind, t->key, buf_get(&b), f->err);
	t->dirty = 0;
	t->saved = 1;
	buf_release(&b);
	return rc;
}

static int64_t
number_of(struct json v, const char *key)
{
	int64_t n = 0;

	json_int64(json_get(v, str_of(key)), &n);
	return n;
}

static void
load_notes(struct told *t, struct json notes)
{
	struct json_iter it;
	char hash[17];

	for (int i = 0; i < t->n_notes; i++) {
		struct note *n = &t->note[i];
		int known = 0;

		snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)n->route->hash);
		for (it = json_iter(notes); json_next(&it); ) {
			if (!json_text_eq(json_get(it.value, STR("route")), str_of(hash)))
				continue;
			n->state = (int)number_of(it.value, "told");
			n->told_at = number_of(it.value, "told_at");
			n->first_at = number_of(it.value, "first_at");
			n->escalated = (unsigned)number_of(it.value, "escalated");
			n->silenced = (int)number_of(it.value, "silenced");
			if (number_of(it.value, "sent") > n->group->sent)
				n->group->sent = number_of(it.value, "sent");
			known = 1;
		}
		if (!known && !t->firing)
			n->state = TOLD_RESOLVED;
	}
}

static int
load_told(void *self, struct str name, struct str value)
{
	struct routes *r = self;
	struct json key = json_value(name), v = json_value(value), row = json_get(v, STR("row"));
	struct buf rule = { 0 }, alert = { 0 }, severity = { 0 };
	struct json_iter it;
	struct told *t;

	if (key.type == JSON_ARRAY && row.type == JSON_OBJECT) {
		t = told_of(r, json_text(json_index(key, 0), &rule), json_text(json_get(row, STR("alert")), &alert), json_raw(json_index(key, 1)), json_text(json_get(v, STR("severity")), &severity), 1);
		t->firing = number_of(v, "firing") != 0;
		t->by_name = t->firing && json_get(v, STR("of")).type == JSON_NONE;
		t->flapping = number_of(v, "flapping") != 0;
		t->time = number_of(v, "time");
		t->row = mem_dup(row.p, row.n);
		t->n = row.n;
		t->saved = 1;
		for (it = json_iter(json_get(v, STR("changes"))); t->n_changes < CHANGES && json_next(&it); )
			json_int64(it.value, &t->change[t->n_changes++]);
		load_notes(t, json_get(v, STR("notes")));
		r->fresh = 1;
	}
	buf_release(&rule);
	buf_release(&alert);
	buf_release(&severity);
	return 0;
}

int
routes_load(struct routes *r, struct store *store, const char *name, struct err *err)
{
	char kind[64];
	int rc = kind_of(kind, name, err);

	return rc ? rc : store_each_state(store, kind, load_told, r, err);
}

/* ---- the whole */

static void
steady(struct routes *r, struct told *t)
{
	if (t->flapping && r->event_time != TIME_NONE && r->event_time >= t->time + r->within) {
		t->flapping = 0;
		t->n_changes = 0;
		t->dirty = 1;
	} else if (t->flapping && (r->steady == TIME_NONE || t->time + r->within < r->steady)) {
		r->steady = t->time + r->within;
	}
}

static int
flush_groups(struct flush *f)
{
	int rc = 0;

	for (struct map_entry *m = map_first(&f->routes->groups); m && rc == 0; m = map_next(&f->routes->groups, m)) {
		struct group *g = m->ptr;

		if (!g || !g->n)
			continue;
		if (f->now >= group_due(g, f->now))
			rc = flush_group(f, g);
		else
			sooner(f->routes, group_due(g, f->now));
	}
	return rc;
}

int
routes_flush(struct routes *r, struct store *store, const char *name, int64_t now, int64_t event_time, struct err *err)
{
	struct flush f = { r, store, now, 0, err };
	char kind[64];
	int rc = 0;

	if (event_time != TIME_NONE && (r->event_time == TIME_NONE || event_time > r->event_time))
		r->event_time = event_time;
	if (name && (rc = kind_of(kind, name, err)))
		return rc;
	if (!r->fresh && (r->next == TIME_NONE || now < r->next) && (r->steady == TIME_NONE || r->event_time < r->steady))
		return 0;
	if (!(r->silences = silences_load(store, err)))
		return err->code;
	r->next = r->steady = TIME_NONE;
	r->fresh = 0;
	find_inhibitors(r);
	rc = flush_groups(&f);
	for (struct map_entry *m = map_first(&r->told); m && rc == 0; m = map_next(&r->told, m)) {
		struct told *t = m->ptr;

		if (!t)
			continue;
		steady(r, t);
		for (int i = 0; i < t->n_notes && rc == 0; i++)
			rc = look_at(&f, &t->note[i]);
	}
	if (rc == 0)
		rc = flush_groups(&f);
	for (struct map_entry *m = map_first(&r->told); m && name && rc == 0; m = map_next(&r->told, m))
		if (m->ptr && ((struct told *)m->ptr)->dirty)
			rc = save_told(&f, kind, m->ptr);
	if (rc == 0)
		rc = bury(&f, name ? kind : NULL);
	silences_free(r->silences);
	r->silences = NULL;
	return rc < 0 ? rc : f.sent;
}

int64_t
routes_next(const struct routes *r, int64_t now)
{
	return r->fresh ? now : r->next;
}

void
routes_look(struct routes *r)
{
	r->fresh = 1;
}
