#include "query/metric_built_in.h"

#include <stdlib.h>

#include "base/mem.h"
#include "query/query_priv.h"
#include "query/sessions.h"
#include "query/table_function.h"

#define BUCKETS_MOST 20000              /* of conversion_rate: users are walked anew for each */

enum metric_built_in
metric_built_in(struct str name)
{
	return str_eq(name, STR("conversion_rate")) ? METRIC_CONVERSION :
	    str_eq(name, STR("user_engagement")) || str_eq(name, STR("user_engagement.sessions")) ? METRIC_SESSIONS :
	    str_eq(name, STR("user_engagement.events")) ? METRIC_EVENTS : METRIC_OTHER;
}

/* ---- the default funnel */

static void
add_steps(struct funnel_spec *f, struct json list, struct arena *a)
{
	struct json_iter it;

	for (it = json_iter(list); list.type == JSON_ARRAY && f->steps < FUNNEL_STEPS && json_next(&it); )
		f->step[f->steps++] = json_text_dup(it.value, a);
}

static struct json
funnel_of(struct json dashboard)
{
	struct json widgets = json_get(dashboard, STR("widgets"));
	struct json_iter it;

	for (it = json_iter(widgets); widgets.type == JSON_ARRAY && json_next(&it); )
		if (json_text_eq(json_get(it.value, STR("type")), STR("funnel_chart")) && json_get(it.value, STR("steps")).type == JSON_ARRAY)
			return json_get(it.value, STR("steps"));
	return JSON_ABSENT;
}

/* Steps that templates know, in the order in which they are taken. */
static const char *const usual[] = { "page_view", "signup_start", "signup_complete", "user_signup", "purchase", NULL };
enum { SIGNUP_START = 2, SIGNUP_COMPLETE = 4, USER_SIGNUP = 8 };

static int
see_name(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	unsigned *seen = self;

	(void)count, (void)first, (void)last;
	for (int i = 0; usual[i]; i++)
		if (str_eq(name, str_of(usual[i])))
			*seen |= 1u << i;
	return 0;
}

int
metric_funnel(struct query *q, struct funnel_spec *f, struct arena *a, struct err *err)
{
	const struct config *config = query_config(q);
	struct str within;
	struct json all;
	struct store *store;
	struct json_iter it;
	unsigned seen = 0;

	*f = (struct funnel_spec){ .within_ms = FUNNEL_WITHIN };
	if (config) {
		within = json_text_dup(config_get(config, "analytics", "funnels.default.within"), a);
		if (within.p && table_function_read_span(within, &f->within_ms))
			return err_set(err, ERR_USAGE, "funnels.default.within: '%.*s' is no span, try 30m, 1h or 7d", within.n > 40 ? 40 : (int)within.n, within.p);
		add_steps(f, config_get(config, "analytics", "funnels.default.steps"), a);
		if (!f->steps)
			add_steps(f, funnel_of(config_get(config, "dashboards", "")), a);
		all = config_get(config, "dashboards", "dashboards");
		for (it = json_iter(all); !f->steps && all.type == JSON_ARRAY && json_next(&it); )
			add_steps(f, funnel_of(it.value), a);
	}
	if (f->steps)
		return 0;
	if (!(store = query_store(q, err)) || store_each_name(store, see_name, &seen, err))
		return err->code;
	seen &= (seen & (SIGNUP_COMPLETE | USER_SIGNUP)) == USER_SIGNUP ? ~(unsigned)(SIGNUP_START | SIGNUP_COMPLETE) : ~(unsigned)USER_SIGNUP;
	for (int i = 0; usual[i]; i++)
		if (seen & 1u << i)
			f->step[f->steps++] = str_of(usual[i]);
	return 0;
}

/* ---- walking through the users */

static int
load_funnel(struct query *q, const struct funnel_spec *f, struct tracks *t, struct str keep[FUNNEL_STEPS], struct err *err)
{
	memcpy(keep, f->step, sizeof(f->step));
	t->keep = keep;
	t->n_keep = f->steps;
	return query_tracks(q, t, err);
}

static int
take_users(void *self, const struct cell *cells, int n, struct err *err)
{
	int64_t *users = self;

	(void)n, (void)err;
	if (cells[0].integer >= 1 && cells[0].integer <= FUNNEL_STEPS)
		users[cells[0].integer - 1] = cells[2].integer;
	return 0;
}

int
metric_funnel_users(struct query *q, const struct funnel_spec *f, int64_t users[FUNNEL_STEPS], struct err *err)
{
	struct str keep[FUNNEL_STEPS];
	struct tracks t = { 0 };
	int rc;

	memset(users, 0, FUNNEL_STEPS * sizeof(*users));
	if ((rc = load_funnel(q, f, &t, keep, err)) == 0)
		rc = funnel_run(&t, f, (struct cell_sink){ take_users, users }, err);
	tracks_release(&t);
	return rc;
}

int
metric_engagement(struct query *q, int64_t from, int64_t to, struct metric_engagement *e, struct err *err)
{
	struct tracks t = { 0 };
	int rc = query_tracks(q, &t, err);

	*e = (struct metric_engagement){ 0 };
	for (size_t u = 0; rc == 0 && u < t.users.n; u++) {
		int64_t sessions = 0;

		for (size_t i = t.first[u], next; i < t.first[u + 1]; i = next) {
			next = sessions_end(&t, i, t.first[u + 1], SESSIONS_GAP_MS);
			if (t.event[i].time < from || t.event[i].time >= to)
				continue;
			sessions++;
			e->events += (int64_t)(next - i);
		}
		e->sessions += sessions;
		e->users += sessions > 0;
		e->single += sessions == 1;
	}
	tracks_release(&t);
	return rc;
}

/* ---- by bucket */

struct share { const struct metric_built_in_spec *spec; int steps; int64_t bucket, entered; };

/* The rows of one funnel: a step each, the value of the field in front where there is one. */
static int
take_share(void *self, const struct cell *cells, int n, struct err *err)
{
	struct share *s = self;
	int at = s->spec->by.p != NULL;

	(void)n, (void)err;
	if (cells[at].integer == 1)
		s->entered = cells[at + 2].integer;
	if (cells[at].integer == s->steps && s->entered)
		s->spec->add(s->spec->self, at ? cells[0] : cell_null(), s->bucket, cells[at + 2].integer, s->entered);
	return 0;
}

static int
by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The buckets in which somebody entered, in their order. */
static int64_t *
entered(const struct metric_built_in_spec *spec, const struct tracks *t, struct str first_step, size_t *n)
{
	int64_t *list = NULL, last = 0;
	size_t cap = 0;
	struct map known = { 0 };

	*n = 0;
	for (size_t i = 0; i < t->n; i++) {
		const struct track_event *e = &t->event[i];
		int64_t begin;
		int is_new;

		if (e->time < spec->from || e->time >= spec->to || !str_eq(t->name[e->name], first_step))
			continue;
		spec->came(spec->self, e->time, e->time);
		begin = spec->bucket(spec->self, e->time);
		if (*n && begin == last)
			continue;
		last = begin;
		map_put(&known, (struct str){ (const char *)&begin, sizeof(begin) }, &is_new);
		if (!is_new)
			continue;
		if (*n == cap)
			list = mem_grow(list, cap = cap ? 2 * cap : 64, sizeof(*list));
		list[(*n)++] = begin;
	}
	map_release(&known);
	if (*n)
		qsort(list, *n, sizeof(*list), by_time);
	return list;
}

static int
conversion(struct query *q, const struct metric_built_in_spec *spec, struct err *err)
{
	struct tracks t = { .by = spec->by };
	struct arena *texts = arena_new(0);
	struct str keep[FUNNEL_STEPS];
	int64_t *bucket = NULL;
	struct funnel_spec f;
	size_t n = 0;
	int rc = metric_funnel(q, &f, texts, err);

	if (rc == 0 && f.steps < 2)
		rc = err_set(err, ERR_USAGE, "no metric 'conversion_rate': there is no funnel it could be of, name one in funnels.default of config/analytics.json");
	if (rc == 0 && (rc = load_funnel(q, &f, &t, keep, err)) == 0)
		bucket = entered(spec, &t, f.step[0], &n);
	if (n > BUCKETS_MOST)
		rc = err_set(err, ERR_LIMIT, "conversion_rate: more than %d intervals, ask for a longer one or a shorter range", BUCKETS_MOST);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct share s = { spec, f.steps, bucket[i], 0 };
		int64_t next;

		f.from = spec->from, f.to = spec->to;
		if (bucket[i] != TIME_NONE) {
			next = spec->next(spec->self, bucket[i]);
			f.from = bucket[i] > f.from ? bucket[i] : f.from;
			f.to = next > bucket[i] && next < f.to ? next : f.to;
		}
		if ((rc = query_stopped(q, err)) == 0)
			rc = funnel_run(&t, &f, (struct cell_sink){ take_share, &s }, err);
	}
	free(bucket);
	tracks_release(&t);
	arena_free(texts);
	return rc;
}

/* Of one bucket and group; user: the last that was counted, from 1. */
struct active { int64_t bucket, users, sessions, events; size_t user; uint32_t group; };

static int
engagement(struct query *q, const struct metric_built_in_spec *spec, struct err *err)
{
	struct tracks t = { .by = spec->by };
	struct active *list = NULL;
	size_t n = 0, cap = 0;
	struct map known = { 0 };
	int rc = query_tracks(q, &t, err);

	for (size_t u = 0; rc == 0 && u < t.users.n; u++)
		for (size_t i = t.first[u], next; i < t.first[u + 1]; i = next) {
			const struct track_event *e = &t.event[i];
			struct { int64_t bucket; uint64_t group; } key;
			struct map_entry *entry;
			struct active *a;
			int is_new;

			next = sessions_end(&t, i, t.first[u + 1], SESSIONS_GAP_MS);
			if (e->time < spec->from || e->time >= spec->to)
				continue;
			spec->came(spec->self, e->time, e->time);
			key.bucket = spec->bucket(spec->self, e->time), key.group = e->group;
			entry = map_put(&known, (struct str){ (const char *)&key, sizeof(key) }, &is_new);
			if (is_new && n == cap)
				list = mem_grow(list, cap = cap ? 2 * cap : 64, sizeof(*list));
			if (is_new)
				list[entry->num = (int64_t)n++] = (struct active){ .bucket = key.bucket, .group = e->group };
			a = &list[entry->num];
			a->users += a->user != u + 1;
			a->user = u + 1;
			a->sessions++;
			a->events += (int64_t)(next - i);
		}
	for (size_t i = 0; rc == 0 && i < n; i++)
		spec->add(spec->self, list[i].group ? cell_text(t.group[list[i].group - 1]) : cell_null(), list[i].bucket,
		    spec->which == METRIC_EVENTS ? list[i].events : list[i].sessions, list[i].users);
	free(list);
	map_release(&known);
	tracks_release(&t);
	return rc;
}

int
metric_built_in_run(struct query *q, const struct metric_built_in_spec *spec, struct err *err)
{
	return spec->which == METRIC_CONVERSION ? conversion(q, spec, err) : engagement(q, spec, err);
}
