#include "insight/series.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "event/when.h"
#include "json/json.h"

#define MINUTE 60000LL
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

void
series_add(struct series_set *set, struct str metric, struct str labels, struct str field, int64_t time, double value)
{
	struct map_entry *e;
	struct series *s;
	int is_new;

	buf_clear(&set->key);
	buf_str(&set->key, metric);
	buf_byte(&set->key, 0);
	buf_str(&set->key, labels);
	buf_byte(&set->key, 0);
	buf_str(&set->key, field);
	e = map_put(&set->by_key, buf_get(&set->key), &is_new);
	if (is_new) {
		s = e->ptr = mem_new(sizeof(*s));
		s->metric = (struct str){ e->key.p, metric.n };
		s->labels = (struct str){ e->key.p + metric.n + 1, labels.n };
		s->field = (struct str){ e->key.p + metric.n + labels.n + 2, field.n };
	}
	s = e->ptr;
	if (s->n_seen == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->time = mem_grow(s->time, s->cap, sizeof(*s->time));
		s->seen = mem_grow(s->seen, s->cap, sizeof(*s->seen));
	}
	s->time[s->n_seen] = time;
	s->seen[s->n_seen++] = value;
}

int
series_add_row(struct series_set *set, struct str row, struct err *err)
{
	struct json v, metric, labels;
	struct buf name = {0}, object = {0};
	int64_t time;
	int n = 0;

	if (json_check(row, err))
		return err->code;
	v = json_value(row);
	metric = json_get(v, STR("metric"));
	labels = json_get(v, STR("labels"));
	if (!json_is(v, JSON_OBJECT) || json_is(json_get(v, STR("event")), JSON_STRING))
		return err_set(err, ERR_INPUT, "no metric row: events are counted first, by at-agg");
	if (when_row(json_get(v, STR("timestamp")), row, &set->scratch, &time, err))
		return err->code;
	if (json_is(labels, JSON_OBJECT))
		json_put_compact(&object, labels);
	else
		buf_lit(&object, "{}");
	if (json_is(metric, JSON_STRING))
		buf_str(&name, json_raw(metric));
	else
		buf_lit(&name, "\"value\"");
	for (struct json_iter it = json_iter(v); json_next(&it); ) {
		double d;

		if (!json_is(it.value, JSON_NUMBER) || json_text_eq(it.key, STR("timestamp")) || json_text_eq(it.key, STR("ts")) || json_text_eq(it.key, STR("time")) ||
		    !json_double(it.value, &d))
			continue;
		series_add(set, buf_get(&name), buf_get(&object), json_text(it.key, &set->scratch), time, d);
		n++;
	}
	buf_release(&name);
	buf_release(&object);
	return n ? 0 : err_set(err, ERR_INPUT, "no metric row: it has no number");
}

/* ---- the grid */

struct at { int64_t time; double value; size_t order; };

static int
by_time(const void *a, const void *b)
{
	const struct at *x = a, *y = b;

	return x->time != y->time ? (x->time < y->time ? -1 : 1) : x->order < y->order ? -1 : 1;
}

static int
by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int64_t
month_of(int64_t time)
{
	struct civil c;

	time_civil(time, &c);
	return 12 * (int64_t)c.year + c.month - 1;
}

/* The day of the first value; where that is a month's last day, the latest that any has: 28 February is followed by 31 March, or by the 28th. */
static int
day_of(const struct series *s, const struct at *at, size_t n)
{
	struct civil c, other;
	int day;

	time_civil(s->first, &c);
	day = c.day;
	for (size_t i = 0; i < n && c.day == time_days_in(c.year, c.month); i++) {
		time_civil(at[i].time, &other);
		day = other.day > day ? other.day : day;
	}
	return day;
}

/* The zone whose clock its steps keep, where days have 23 and 25 hours; NULL: none. */
static const struct zone *
clock_of(const struct series *s)
{
	return s->step_ms > HOUR && s->step_ms % HOUR == 0 ? s->zone : NULL;
}

int64_t
series_time(const struct series *s, size_t i)
{
	struct civil c;
	int days;

	if (clock_of(s))
		return zone_to_utc(s->zone, s->first + zone_offset(s->zone, s->first) + (int64_t)i * s->step_ms);
	if (s->step_ms)
		return s->first + (int64_t)i * s->step_ms;
	time_civil(s->first, &c);
	c.month += (int)i * s->months;
	c.year += (c.month - 1) / 12;
	c.month = (c.month - 1) % 12 + 1;
	days = time_days_in(c.year, c.month);
	c.day = s->day < days ? s->day : days;
	return time_of_civil(&c);
}

static size_t
place(const struct series *s, int64_t time)
{
	if (clock_of(s))
		time += zone_offset(s->zone, time) - zone_offset(s->zone, s->first);
	return s->step_ms ? (size_t)((time - s->first + s->step_ms / 2) / s->step_ms) : (size_t)((month_of(time) - month_of(s->first)) / s->months);
}

void
series_periods(int64_t step_ms, int months, size_t values, int periods[FORECAST_PERIODS])
{
	static const int64_t lengths[] = { HOUR, DAY, 7 * DAY };
	int n = 0;

	memset(periods, 0, FORECAST_PERIODS * sizeof(*periods));
	if (months) {
		periods[0] = months < 12 ? 12 / months : 0;
	} else if (step_ms == 7 * DAY) {
		periods[0] = 52;
	} else {
		for (int i = step_ms > MINUTE / 4; i < 3; i++)
			if (lengths[i] >= 2 * step_ms && lengths[i] % step_ms == 0 && n < FORECAST_PERIODS && (size_t)(lengths[i] / step_ms) * 3 <= values)
				periods[n++] = (int)(lengths[i] / step_ms);
	}
}

static int
find_step(struct series *s, const struct at *at, size_t n)
{
	int64_t *gap = mem_new(n * sizeof(*gap)), most;
	size_t gaps = 0;

	for (size_t i = 1; i < n; i++)
		if (at[i].time > at[i - 1].time)
			gap[gaps++] = at[i].time - at[i - 1].time;
	if (gaps) {
		qsort(gap, gaps, sizeof(*gap), by_number);
		most = s->every_ms ? s->every_ms : gap[gaps / 2];
		s->months = s->every_ms ? 0 : most >= 28 * DAY && most <= 31 * DAY ? 1 : most >= 89 * DAY && most <= 92 * DAY ? 3 : most >= 365 * DAY && most <= 366 * DAY ? 12 : 0;
		s->step_ms = s->months ? 0 : most;
	}
	free(gap);
	return gaps ? 0 : -1;
}

int
series_space(struct series *s, struct err *err)
{
	struct at *at = mem_new(s->n_seen * sizeof(*at));
	size_t last, from = 0;

	for (size_t i = 0; i < s->n_seen; i++)
		at[i] = (struct at){ s->time[i], s->seen[i], i };
	qsort(at, s->n_seen, sizeof(*at), by_time);
	if (find_step(s, at, s->n_seen)) {
		free(at);
		return err_set(err, ERR_INPUT, "one time is no series");
	}
	s->first = at[0].time;
	last = place(s, at[s->n_seen - 1].time);
	if (last >= SERIES_VALUES_MOST) {       /* the newest count; a series with a hole of years is one of what came behind it */
		while (from < s->n_seen && last - place(s, at[from].time) >= SERIES_VALUES_MOST)
			from++;
		s->first = at[from].time;
		last = place(s, at[s->n_seen - 1].time);
	}
	s->n = last + 1;
	s->day = s->months ? day_of(s, at + from, s->n_seen - from) : 0;
	s->is_count = s->is_sum || str_eq(s->field, STR("count")) || (s->field.n > 4 && memcmp(s->field.p + s->field.n - 4, "_sum", 4) == 0);
	free(s->value);
	s->value = mem_new(s->n * sizeof(*s->value));
	for (size_t i = 0; i < s->n; i++)
		s->value[i] = s->is_count ? 0 : NAN;
	for (size_t i = from; i < s->n_seen; i++) {
		double *v = &s->value[place(s, at[i].time)];

		*v = s->adds && !isnan(*v) ? *v + at[i].value : at[i].value;
	}
	free(at);
	series_periods(s->step_ms, s->months, s->n, s->periods);
	return 0;
}

void
series_set_release(struct series_set *set)
{
	for (struct map_entry *e = map_first(&set->by_key); e; e = map_next(&set->by_key, e)) {
		struct series *s = e->ptr;

		free(s->time);
		free(s->seen);
		free(s->value);
		free(s);
	}
	map_release(&set->by_key);
	buf_release(&set->key);
	buf_release(&set->scratch);
}
