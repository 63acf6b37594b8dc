#include "insight/changes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/time.h"
#include "insight/action.h"
#include "insight/claims.h"
#include "insight/metric_claims.h"
#include "insight/target.h"
#include "insight/words.h"
#include "query/metric.h"
#include "query/metric_built_in.h"

#define EVENTS_MOST 256                 /* names of a data source */
#define FOUND_MOST 12                   /* insights beside the changes that were asked for */
#define LOOKED_BACK 4                   /* periods that trends and seasons are looked for in */
#define DAY 86400000LL
#define TOLD 1.96                       /* z from which a change is told: one of twenty comes by chance */

struct span { int64_t from, to; };

struct work {
	const struct changes_spec *spec;
	struct arena *arena;
	struct query *query;
	struct span now, before;
	struct claims changes, found;   /* what was asked for, in that order; what else is to be said */
	struct buf recommendations;
	int n_recommendations;
	struct funnel_spec funnel;      /* the default one */
	struct err err;
};

/* ---- sentences */

/* A figure and what it was, both given; told as a change when z says so. share: as percent. */
static void
tell_change(struct work *w, struct str metric, const char *title, double now, double before, double z, int share, const char *more, double more_now, double more_before)
{
	double error = z != 0 ? fabs((now - before) / z) : NAN;
	struct claim x = { .kind = CLAIM_CHANGE, .metric = metric, .title = str_of(title), .value = now, .before = before, .z = z, .p = erfc(fabs(z) / M_SQRT2), .is_rate = share,
		.relative = !share, .more = more, .more_now = more_now, .more_before = more_before, .coverage = 1, .share = NAN, .from = w->now.from, .to = w->now.to,
		.before_from = w->before.from, .before_to = w->before.to, .step_ms = (w->now.to - w->now.from) % DAY ? 1 : DAY,
		.test = share ? "two proportions" : more ? "two means of counts" : "two counts" };

	if (before == 0 && now == 0)
		return;
	x.effect = share ? now - before : before != 0 ? (now - before) / fabs(before) : INFINITY;
	x.lower = x.effect - 1.96 * error / (share ? 1 : fabs(before)), x.upper = x.effect + 1.96 * error / (share ? 1 : fabs(before));
	claims_add(&w->changes, &x);
}

/* ---- conversion_rate: the share of those who entered the default funnel that came to its end */

/* Users who reached each step of the default funnel in a period. n 0: there is no such funnel. */
struct funnel_figures { double users[FUNNEL_STEPS]; int n; };

static int
run_funnel(struct work *w, const struct span *p, struct funnel_figures *to)
{
	int64_t users[FUNNEL_STEPS];

	*to = (struct funnel_figures){ .n = w->funnel.steps };
	w->funnel.from = p->from, w->funnel.to = p->to;
	if (query_begin(w->query, &w->err) == 0)
		metric_funnel_users(w->query, &w->funnel, users, &w->err);
	query_end(w->query);
	for (int i = 0; i < to->n && !w->err.code; i++)
		to->users[i] = (double)users[i];
	return w->err.code;
}

static void
recommend(struct work *w, struct action *a)
{
	a->from = w->now.from, a->to = w->now.to, a->before_from = w->before.from, a->before_to = w->before.to;
	buf_lit(&w->recommendations, w->n_recommendations++ ? "," : "");
	action_put(a, &w->recommendations);
}

/* Where most are lost, when enough came to say so. */
static void
recommend_step(struct work *w, const struct funnel_figures *f)
{
	double worst = 0, lost;
	struct buf text = {0}, key = {0}, expected = {0}, check = {0};
	int at = 0;

	for (int i = 1; i < f->n; i++)
		if (f->users[i - 1] >= 10 && (lost = f->users[i - 1] - f->users[i]) > worst)
			worst = lost, at = i;
	if (!at)
		return;
	buf_printf(&key, "%.*s > %.*s", STR_FMT(w->funnel.step[at - 1]), STR_FMT(w->funnel.step[at]));
	buf_printf(&text, "Look at the way from %.*s to %.*s first: %.0f of %.0f users (%.0f %%) end there, more than at any other step",
	    (int)(w->funnel.step[at - 1].n > 80 ? 80 : w->funnel.step[at - 1].n), w->funnel.step[at - 1].p, (int)(w->funnel.step[at].n > 80 ? 80 : w->funnel.step[at].n), w->funnel.step[at].p, worst,
	    f->users[at - 1], worst / f->users[at - 1] * 100);
	buf_printf(&expected, "with a tenth of them kept, %.0f users more reach the step", worst / 10);
	buf_lit(&check, "at-query funnel '");
	for (int i = 0; i < w->funnel.steps; i++)
		buf_printf(&check, "%s%.*s", i ? "," : "", STR_FMT(w->funnel.step[i]));
	buf_byte(&check, '\'');
	recommend(w, &(struct action){ .rule = "funnel step", .metric = STR("conversion_rate"), .key = buf_get(&key), .text = buf_get(&text),
		.precondition = "at least 10 users before the step, and it loses more of them than any other", .expected = buf_get(&expected), .check = buf_get(&check),
		.score = worst / f->users[0], .measure = f->users[at] / f->users[at - 1], .of = f->users[at - 1], .fields = { "users", "lost" }, .figures = { f->users[at - 1], worst },
		.text_fields = { { STR("from_step"), w->funnel.step[at - 1] }, { STR("to_step"), w->funnel.step[at] } } });
	buf_release(&text), buf_release(&key), buf_release(&expected), buf_release(&check);
}

static int
conversion_rate(struct work *w)
{
	struct funnel_figures now, before;
	double a, b, p, q, z = 0;

	if (metric_funnel(w->query, &w->funnel, w->arena, &w->err) || w->funnel.steps < 2)
		return w->err.code;
	if (run_funnel(w, &w->now, &now) || run_funnel(w, &w->before, &before) || !now.n || now.users[0] == 0)
		return w->err.code;
	a = now.users[0], b = before.n ? before.users[0] : 0;
	p = now.users[now.n - 1] / a;
	q = b > 0 ? before.users[before.n - 1] / b : 0;
	if (b > 0) {
		double pooled = (now.users[now.n - 1] + before.users[before.n - 1]) / (a + b), sd = sqrt(pooled * (1 - pooled) * (1 / a + 1 / b));

		z = sd > 0 ? (p - q) / sd : 0;
	}
	tell_change(w, STR("conversion_rate"), NULL, p, q, z, 1, "users", a, b);
	if (w->spec->recommend)
		recommend_step(w, &now);
	return 0;
}

/* ---- user_engagement: sessions and events of an active user */

struct engagement { double sessions, users, events, single; };

static int
engagement_of(struct work *w, const struct span *p, struct engagement *e)
{
	struct metric_engagement of = { 0 };

	if (query_begin(w->query, &w->err) == 0)
		metric_engagement(w->query, p->from, p->to, &of, &w->err);
	query_end(w->query);
	*e = (struct engagement){ (double)of.sessions, (double)of.users, (double)of.events, (double)of.single };
	return w->err.code;
}

static int
user_engagement(struct work *w)
{
	struct engagement now, before;
	double x, y, z;

	if (engagement_of(w, &w->now, &now) || engagement_of(w, &w->before, &before) || now.users == 0)
		return w->err.code;
	x = now.sessions / now.users;
	y = before.users > 0 ? before.sessions / before.users : 0;
	z = before.users > 0 ? (x - y) / sqrt(now.sessions / (now.users * now.users) + before.sessions / (before.users * before.users)) : 0;
	tell_change(w, STR("user_engagement"), "Sessions of an active user", x, y, z, 0, "users", now.users, before.users);
	x = now.events / now.users;
	y = before.users > 0 ? before.events / before.users : 0;
	z = before.users > 0 ? (x - y) / sqrt(now.events / (now.users * now.users) + before.events / (before.users * before.users)) : 0;
	tell_change(w, STR("user_engagement"), "Events of an active user", x, y, z, 0, "users", now.users, before.users);
	if (w->spec->recommend && now.users >= 10 && now.single / now.users > 0.5) {
		struct buf text = {0}, expected = {0};

		buf_printf(&text, "Give users a reason to come back: %.0f of %.0f (%.0f %%) had one session only", now.single, now.users, now.single / now.users * 100);
		buf_printf(&expected, "with one of ten of them coming back, %.0f sessions more", now.single / 10);
		recommend(w, &(struct action){ .rule = "one session", .metric = STR("user_engagement"), .key = STR("share of users with one session"), .text = buf_get(&text),
			.precondition = "at least 10 users, more than half of them with one session", .expected = buf_get(&expected),
			.check = STR("at-query sessions"), .score = now.single / now.users, .measure = now.single / now.users, .of = now.users,
			.fields = { "users", "single_session" }, .figures = { now.users, now.single } });
		buf_release(&text), buf_release(&expected);
	}
	return 0;
}

/* ---- any other metric */

struct value_of { double value; int rows; };

static int
take_value(void *self, const struct cell *cells, int n, struct err *err)
{
	struct value_of *v = self;
	const struct cell *c = &cells[n - 1];

	(void)err;
	v->rows++;
	v->value = c->type == CELL_REAL ? c->real : c->type == CELL_INTEGER ? (double)c->integer : 0;
	return 0;
}

static int
value_in(struct work *w, struct str metric, const struct span *p, struct value_of *v, int *adds)
{
	struct metric_spec spec = { .name = metric, .from = p->from, .to = p->to, .adds = adds };

	*v = (struct value_of){ .rows = 0 };
	if (query_begin(w->query, &w->err) == 0)
		metric_run(w->query, &spec, (struct cell_sink){ take_value, v }, &w->err);
	query_end(w->query);
	if (w->err.code == ERR_USAGE && strncmp(w->err.text, "no metric '", 11) == 0)
		err_clear(&w->err);
	return w->err.code;
}

/* A value that a count lost by: look at what happened there. */
static void
recommend_part(struct work *w, const struct claim *x)
{
	struct buf text = {0}, key = {0}, expected = {0}, check = {0}, labels = {0}, sentence = {0};
	struct json_iter it = json_iter(json_value(x->labels));

	if (x->kind != CLAIM_CONTRIBUTION || !x->relative || x->bounded || !(x->share > 0.2) || x->value >= x->before || !json_next(&it))
		return;
	words_labels(&labels, x->labels);
	claims_write(&w->changes, x, 0, &sentence);
	buf_printf(&text, "Find out what happened to %.*s: ", STR_FMT(buf_get(&labels)));
	buf_str(&text, buf_get(&sentence));
	buf_str(&key, x->metric);
	buf_byte(&key, ' ');
	buf_str(&key, x->labels);
	buf_lit(&expected, "back where it was, it would add ");
	words_number(&expected, x->before - x->value);
	buf_printf(&check, "at-insight explain %.*s", STR_FMT(x->metric));
	recommend(w, &(struct action){ .rule = "lost part", .metric = x->metric, .labels = x->labels, .key = buf_get(&key), .text = buf_get(&text),
		.precondition = "a count fell by more than chance, and one part drove more than a fifth of that", .expected = buf_get(&expected), .check = buf_get(&check),
		.score = fmin(1, x->share), .measure = x->value, .fields = { "lost" }, .figures = { x->before - x->value } });
	buf_release(&text), buf_release(&key), buf_release(&expected), buf_release(&check), buf_release(&labels), buf_release(&sentence);
}

/* Which values drove it; a metric without parts has none. */
static int
tell_reasons(struct work *w, struct str metric)
{
	const struct metric_ask ask = { .metric = metric, .from = w->now.from, .to = w->now.to };
	struct claims reasons;

	claims_begin(&reasons, query_zone(w->query));
	if (metric_claims(w->query, &ask, &reasons, &w->err) == ERR_USAGE)
		err_clear(&w->err);
	for (size_t i = 0; i < reasons.n; i++)
		if (reasons.list[i].kind != CLAIM_CHANGE) {
			claims_add(&w->changes, &reasons.list[i]);
			if (w->spec->recommend)
				recommend_part(w, &reasons.list[i]);
		}
	claims_release(&reasons);
	return w->err.code;
}

static int
other_metric(struct work *w, struct str metric)
{
	struct value_of now, before;
	int adds = 1;
	double z;

	if (value_in(w, metric, &w->now, &now, &adds) || value_in(w, metric, &w->before, &before, &adds) || !now.rows)
		return w->err.code;
	/* Poisson counts; of a mean nothing is known here that says how much chance there is in it */
	z = adds && now.value + before.value > 0 ? (now.value - before.value) / sqrt(fabs(now.value) + fabs(before.value)) : 0;
	tell_change(w, metric, NULL, now.value, before.value, z, 0, NULL, 0, 0);
	if (fabs(z) > TOLD && tell_reasons(w, metric))
		return w->err.code;
	if (target_claim(w->query, metric, w->now.to, &w->changes, &w->err))
		return w->err.code;
	return w->now.to - w->now.from >= 7 * DAY ? metric_claims_course(w->query, metric, w->now.to - LOOKED_BACK * (w->now.to - w->now.from), w->now.to, &w->found, &w->err) : 0;
}

/* ---- the whole */

/* The view of the data source: of the events only those of it; what is no event, such as a stored metric, is not narrowed.
 * *narrow NULL: all of them; to be freed. *users: what users do, so that what is counted by user anyhow needs no view. */
static int
find_source(struct work *w, struct policy **narrow, int *users)
{
	struct str name = w->spec->source, list[EVENTS_MOST], where;
	struct json source = name.n ? json_get(config_get(w->spec->config, "data-sources", "sources"), name) : JSON_ABSENT, events = json_get(source, STR("events"));
	struct json_iter it;
	int n = 0;

	where = json_text_dup(json_get(source, STR("where")), w->arena);
	*narrow = NULL;
	*users = source.type != JSON_OBJECT && str_eq(name, STR("user_behavior"));
	if (source.type != JSON_OBJECT && name.n && !*users)
		return err_set(&w->err, ERR_USAGE, "no data source '%.*s': user_behavior, or one of config/data-sources.json",
		    name.n > 60 ? 60 : (int)name.n, name.p);
	if (*users)
		where = STR(".user_id != null");
	if (events.type == JSON_STRING)
		list[n++] = json_text_dup(events, w->arena);
	for (it = json_iter(events); events.type == JSON_ARRAY && n < EVENTS_MOST && json_next(&it); )
		list[n++] = json_text_dup(it.value, w->arena);
	if ((n || where.p) && !(*narrow = policy_narrow(query_policy(w->query), list, n, where, &w->err)))
		return err_at(&w->err, "data source '%.*s'", name.n > 60 ? 60 : (int)name.n, name.p);
	return 0;
}

/* "page_view {\"country\":\"NL\"}": its count, by the first of its labels. */
struct part { struct str value; double sum; };

static int
take_part(void *self, const struct cell *cells, int n, struct err *err)
{
	struct part *p = self;
	struct buf text = {0};

	(void)err;
	cell_put_json(&text, &cells[0]);
	if (str_eq(buf_get(&text), p->value))
		p->sum += cells[n - 1].type == CELL_REAL ? cells[n - 1].real : (double)cells[n - 1].integer;
	buf_release(&text);
	return 0;
}

static int
measure_part(struct work *w, struct str key, const struct span *p, double *measure)
{
	const char *brace = memchr(key.p, '{', key.n);
	struct json labels = brace ? json_value((struct str){ brace, (size_t)(key.p + key.n - brace) }) : JSON_ABSENT;
	struct json_iter it = json_iter(labels);
	struct part part = { .sum = 0 };
	struct buf scratch = {0};
	int one = json_is(labels, JSON_OBJECT) && json_next(&it), rc;
	struct metric_spec spec = { .name = { key.p, brace ? (size_t)(brace - key.p) - 1 : 0 }, .from = p->from, .to = p->to };

	if (!one)
		return 0;
	part.value = json_raw(it.value);
	spec.by = json_text(it.key, &scratch);
	if (json_next(&it)) {                           /* of several labels a statement would be needed: not measured */
		buf_release(&scratch);
		return 0;
	}
	if ((rc = query_begin(w->query, &w->err)) == 0)
		rc = metric_run(w->query, &spec, (struct cell_sink){ take_part, &part }, &w->err);
	query_end(w->query);
	*measure = part.sum;
	buf_release(&scratch);
	return rc < 0 ? rc : 1;
}

int
changes_measure(struct query *query, const struct config *config, const char *rule, struct str key, int64_t from, int64_t to, double *measure, double *of, struct err *err)
{
	const struct changes_spec spec = { .config = config };
	struct work w = { .spec = &spec, .query = query, .arena = arena_new(0), .now = { from, to } };
	struct funnel_figures f;
	struct engagement e;
	struct buf name = {0};
	int rc = 0;

	if (strcmp(rule, "funnel step") == 0) {
		if (metric_funnel(query, &w.funnel, w.arena, &w.err) == 0 && w.funnel.steps >= 2)
			run_funnel(&w, &w.now, &f);
		for (int i = 1; !w.err.code && w.funnel.steps >= 2 && i < f.n && !rc; i++) {
			buf_clear(&name);
			buf_printf(&name, "%.*s > %.*s", STR_FMT(w.funnel.step[i - 1]), STR_FMT(w.funnel.step[i]));
			if ((rc = str_eq(buf_get(&name), key) && f.users[i - 1] > 0))
				*measure = f.users[i] / f.users[i - 1], *of = f.users[i - 1];
		}
	} else if (strcmp(rule, "one session") == 0) {
		if (engagement_of(&w, &w.now, &e) == 0 && (rc = e.users > 0))
			*measure = e.single / e.users, *of = e.users;
	} else if (strcmp(rule, "lost part") == 0) {
		rc = measure_part(&w, key, &w.now, measure);
	}
	if (w.err.code)
		*err = w.err;
	buf_release(&name);
	arena_free(w.arena);
	return w.err.code ? w.err.code : rc;
}

static void
put_answer(struct buf *json, struct work *w)
{
	claims_rank(&w->found, FOUND_MOST);
	buf_lit(json, "{\"insights\":[");
	claims_put_rows(&w->changes, json);
	if (w->changes.n && w->found.n)
		buf_byte(json, ',');
	claims_put_rows(&w->found, json);
	buf_lit(json, "],\"recommendations\":[");
	buf_str(json, buf_get(&w->recommendations));
	buf_lit(json, "],\"from\":");
	json_put_time(json, w->now.from);
	buf_lit(json, ",\"to\":");
	json_put_time(json, w->now.to);
	buf_byte(json, '}');
}

int
changes_run(struct query *query, const struct changes_spec *spec, struct buf *json, struct err *err)
{
	static const struct str usual[] = { { "conversion_rate", 15 }, { "user_engagement", 15 } };
	const struct str *name = spec->n_metrics ? spec->metrics : usual;
	struct work w = { .spec = spec, .query = query, .now = { spec->from, spec->to > TIME_MAX ? time_now() + 1 : spec->to } };
	struct policy *whole = policy_hold(query_policy(query)), *narrow = NULL;
	int users = 0;

	w.arena = arena_new(0);
	claims_begin(&w.changes, query_zone(query));
	claims_begin(&w.found, query_zone(query));
	w.before = (struct span){ w.now.from - (w.now.to - w.now.from), w.now.from };
	if (w.before.from < TIME_MIN)
		w.before.from = TIME_MIN;
	if (w.now.from <= TIME_MIN)
		err_set(&w.err, ERR_INPUT, "timeRange: wants a beginning, so that there is a period before it");
	else
		find_source(&w, &narrow, &users);
	for (int i = 0; i < (spec->n_metrics ? spec->n_metrics : 2) && !w.err.code; i++) {
		struct json own = json_get(config_get(spec->config, "analytics", "metrics"), name[i]);
		int built_in = own.type == JSON_OBJECT ? 0 : str_eq(name[i], usual[0]) ? 1 : str_eq(name[i], usual[1]) ? 2 : 0;

		query_set_policy(query, narrow && !(users && built_in) ? narrow : whole);
		if (built_in == 1)
			conversion_rate(&w);
		else if (built_in == 2)
			user_engagement(&w);
		else
			other_metric(&w, name[i]);
	}
	if (!w.err.code && !spec->n_metrics && w.now.to - w.now.from >= 7 * DAY) {      /* nothing named: all there is */
		query_set_policy(query, narrow ? narrow : whole);
		metric_claims_overview(query, w.now.to - LOOKED_BACK * (w.now.to - w.now.from), w.now.to, &w.found, &w.err);
		for (size_t i = 0; spec->recommend && i < w.found.n; i++)
			recommend_part(&w, &w.found.list[i]);
	}
	query_set_policy(query, whole);
	if (!w.err.code)
		put_answer(json, &w);
	*err = w.err;
	policy_free(narrow), policy_free(whole);
	claims_release(&w.changes);
	claims_release(&w.found);
	buf_release(&w.recommendations);
	arena_free(w.arena);
	return err->code;
}
