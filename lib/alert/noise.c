#include "alert/noise.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/time.h"

#define KIND    "noise"
#define DAY_MS  86400000LL
#define NOISY   10.0                    /* alerts a day */
#define MOST    (1LL << 40)             /* of any count that was saved */

struct day { int64_t day, firings, damped; };

struct counted {                        /* a rule */
	struct day day[NOISE_DAYS];     /* in order; n of them */
	int n;
	int64_t since, said;            /* said: a day; < 0: never */
	struct str record;              /* its name in the store */
	struct str alert, id;
	int dirty;
};

struct noise {
	struct counted *rule;
	int n;
	struct map by_key, by_record;   /* index + 1 */
	struct buf gone;                /* names of records whose rule is gone, a 0 behind each */
	struct arena *arena;
	struct str name;
};

int
noise_is_noisy(double days, double firings, double damped)
{
	return (days >= 1 && firings / days > NOISY) || 2 * damped > firings;
}

static int64_t
day_of(int64_t ms)
{
	return ms >= 0 ? ms / DAY_MS : -((DAY_MS - 1 - ms) / DAY_MS);
}

/* ---- reckoning */

static void
reckon(const struct counted *c, int64_t now, struct noise_of *of)
{
	int64_t first = day_of(now) - NOISE_DAYS + 1, from = first * DAY_MS > c->since ? first * DAY_MS : c->since;
	double days = (double)(now - from) / DAY_MS;

	of->firings = of->damped = 0;
	for (int i = 0; i < c->n; i++)
		if (c->day[i].day >= first)
			of->firings += c->day[i].firings, of->damped += c->day[i].damped;
	if (days < 1)
		days = 1;
	of->a_day = (double)of->firings / days;
	of->noisy = noise_is_noisy(days, (double)of->firings, (double)of->damped);
}

/* One more of that day, of the last ones only. */
static void
count(struct counted *c, int64_t day, int64_t today, int damped)
{
	int at = 0, old = 0;

	while (old < c->n && c->day[old].day <= today - NOISE_DAYS)
		old++;
	memmove(c->day, c->day + old, (size_t)(c->n - old) * sizeof(*c->day));
	c->n -= old;
	while (c->n && c->day[c->n - 1].day > today)    /* the clock was set back */
		c->n--;
	if (day <= today - NOISE_DAYS)
		return;
	while (at < c->n && c->day[at].day < day)
		at++;
	if (at == c->n || c->day[at].day != day) {
		memmove(c->day + at + 1, c->day + at, (size_t)(c->n - at) * sizeof(*c->day));   /* of NOISE_DAYS days, all different, one was missing */
		c->day[at] = (struct day){ day, 0, 0 };
		c->n++;
	}
	c->day[at].firings++;
	c->day[at].damped += damped;
}

int
noise_alert(struct noise *n, const struct evaluate_alert *a, int damped, int64_t now, struct buf *say)
{
	struct map_entry *e = map_find(&n->by_key, a->rule);
	struct counted *c = e ? &n->rule[e->num - 1] : NULL;
	int64_t today = day_of(now), time = a->time < now ? a->time : now;
	struct noise_of of = { 0 };

	if (!c || a->state != EVALUATE_FIRING)
		return 0;
	count(c, day_of(time), today, damped != 0);
	c->dirty = 1;
	reckon(c, now, &of);
	if (!of.noisy || c->said == today)
		return 0;
	c->said = today;
	buf_clear(say);
	buf_lit(say, "rule '");
	buf_str(say, c->alert);
	buf_printf(say, "' is noisy: %.1f alerts a day, %lld in the last %d days, of which %lld were damped because they flapped", of.a_day, (long long)of.firings, NOISE_DAYS,
	    (long long)of.damped);
	return 1;
}

/* ---- in the store */

static int64_t
number_of(struct json v, int64_t least, int64_t most, int64_t otherwise)
{
	int64_t n;

	return json_int64(v, &n) && n >= least && n <= most ? n : otherwise;
}

/* What was saved; of what is damaged, what is not. Days in order, of the last ones as of `now`. */
static void
take(struct counted *c, struct json v, int64_t now)
{
	int64_t today = day_of(now), last = today - NOISE_DAYS;
	struct json_iter it;

	c->since = number_of(json_get(v, STR("since")), TIME_MIN, now, now);
	c->said = number_of(json_get(v, STR("said")), 0, today, -1);
	for (it = json_iter(json_get(v, STR("days"))); c->n < NOISE_DAYS && json_next(&it); ) {
		struct day d = { number_of(json_index(it.value, 0), last + 1, today, last), number_of(json_index(it.value, 1), 0, MOST, 0), 0 };

		d.damped = number_of(json_index(it.value, 2), 0, d.firings, 0);
		if (d.day > last)
			c->day[c->n++] = d;
		last = d.day;
	}
}

static int
take_record(void *self, struct str record, struct str value)
{
	struct noise *n = self;
	struct buf name = { 0 };
	int is_ours = str_eq(json_text(json_index(json_value(record), 0), &name), n->name);
	struct map_entry *e = is_ours ? map_find(&n->by_record, record) : NULL;

	buf_release(&name);
	if (e) {
		int64_t now = n->rule[e->num - 1].since;

		take(&n->rule[e->num - 1], json_value(value), now);
		n->rule[e->num - 1].dirty = 0;
	} else if (is_ours) {
		buf_str(&n->gone, record);
		buf_byte(&n->gone, 0);
	}
	return 0;
}

static void
put_record(struct buf *b, const char *name, struct str id, const struct rule *rule)
{
	buf_clear(b);
	buf_byte(b, '[');
	json_put_string(b, str_of(name));
	buf_byte(b, ',');
	json_put_string(b, id);
	if (rule) {
		buf_byte(b, ',');
		json_put_string(b, rule->name);
		buf_printf(b, ",\"%08x\"", rule->sign);
	}
	buf_byte(b, ']');
}

struct noise *
noise_open(const struct rules *rules, struct store *store, const char *name, int64_t now, struct err *err)
{
	struct noise *n = mem_new(sizeof(*n));
	struct buf record = { 0 };

	n->arena = arena_new(0);
	n->n = rules->n;
	n->rule = mem_new((size_t)(n->n + 1) * sizeof(*n->rule));
	n->name = (struct str){ arena_dup(n->arena, name, strlen(name)), strlen(name) };
	for (int i = n->n - 1; i >= 0; i--) {   /* rules of the API stand last: theirs is the id, also beside one of the configuration that has it, too */
		const struct rule *rule = &rules->rule[i];
		struct counted *c = &n->rule[i];
		const struct map_entry *same;

		put_record(&record, name, rule->id, rule->id.n ? NULL : rule);
		if (map_find(&n->by_record, buf_get(&record)))
			put_record(&record, name, rule->id, rule);
		if ((same = map_find(&n->by_record, buf_get(&record)))) {       /* word for word: they are counted as one */
			map_put(&n->by_key, rule->key, NULL)->num = same->num;
			continue;
		}
		*c = (struct counted){ .since = now, .said = -1, .alert = rule->name, .id = rule->id, .dirty = 1 };
		c->record = (struct str){ arena_dup(n->arena, record.p, record.n), record.n };
		map_put(&n->by_record, c->record, NULL)->num = i + 1;
		map_put(&n->by_key, rule->key, NULL)->num = i + 1;
	}
	buf_release(&record);
	if (store_each_state(store, KIND, take_record, n, err) < 0) {
		noise_free(n);
		return NULL;
	}
	return n;
}

void
noise_free(struct noise *n)
{
	if (!n)
		return;
	map_release(&n->by_key);
	map_release(&n->by_record);
	buf_release(&n->gone);
	arena_free(n->arena);
	free(n->rule);
	free(n);
}

static void
put_value(struct buf *b, const struct counted *c)
{
	buf_clear(b);
	buf_lit(b, "{\"alert\":");
	json_put_string(b, c->alert);
	buf_lit(b, ",\"id\":");
	json_put_string(b, c->id);
	buf_printf(b, ",\"since\":%lld,\"said\":%lld,\"days\":[", (long long)c->since, (long long)c->said);
	for (int i = 0; i < c->n; i++)
		buf_printf(b, "%s[%lld,%lld,%lld]", i ? "," : "", (long long)c->day[i].day, (long long)c->day[i].firings, (long long)c->day[i].damped);
	buf_lit(b, "]}");
}

int
noise_save(struct noise *n, struct store *store, struct err *err)
{
	struct str rest = buf_get(&n->gone), record;
	struct buf value = { 0 };
	int rc = 0;

	while (rc >= 0 && rest.n && str_cut(&rest, 0, &record) && record.n)
		rc = store_drop_state(store, KIND, record, err);
	for (int i = 0; i < n->n && rc >= 0; i++) {
		if (!n->rule[i].dirty)
			continue;
		put_value(&value, &n->rule[i]);
		rc = store_put_state(store, KIND, n->rule[i].record, buf_get(&value), err);
		n->rule[i].dirty = 0;
	}
	buf_clear(&n->gone);
	buf_release(&value);
	return rc < 0 ? rc : 0;
}

/* ---- looking */

struct looking { int64_t now; int (*each)(void *, const struct noise_of *); void *self; };

static int
look_at(void *self, struct str record, struct str value)
{
	const struct looking *l = self;
	struct buf state = { 0 }, alert = { 0 }, id = { 0 };
	struct json v = json_value(value);
	struct counted c = { 0 };
	struct noise_of of = { 0 };
	int rc;

	take(&c, v, l->now);
	reckon(&c, l->now, &of);
	of.state = json_text(json_index(json_value(record), 0), &state);
	of.alert = json_text(json_get(v, STR("alert")), &alert);
	of.id = json_text(json_get(v, STR("id")), &id);
	rc = l->each(l->self, &of);
	buf_release(&state);
	buf_release(&alert);
	buf_release(&id);
	return rc;
}

int
noise_each(struct store *store, int64_t now, int (*each)(void *, const struct noise_of *), void *self, struct err *err)
{
	return store_each_state(store, KIND, look_at, &(struct looking){ now, each, self }, err);
}

int
noise_find(struct store *store, const char *name, struct str id, int64_t now, struct noise_of *of, struct err *err)
{
	struct buf record = { 0 }, value = { 0 };
	struct counted c = { .since = now };
	int rc;

	*of = (struct noise_of){ 0 };
	put_record(&record, name, id, NULL);
	if ((rc = store_get_state(store, KIND, buf_get(&record), &value, err)) > 0) {
		take(&c, json_value(buf_get(&value)), now);
		reckon(&c, now, of);
	}
	buf_release(&record);
	buf_release(&value);
	return rc < 0 ? rc : 0;
}

void
noise_put(struct buf *b, const struct noise_of *of)
{
	buf_lit(b, "\"alerts_per_day\":");
	json_put_double(b, round(1e3 * of->a_day) / 1e3);
	buf_printf(b, ",\"firings\":%lld,\"damped\":%lld,\"noisy\":%s", (long long)of->firings, (long long)of->damped, of->noisy ? "true" : "false");
}
