#include "insight/target.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "insight/holidays.h"
#include "insight/metric_claims.h"
#include "insight/series.h"
#include "insight/words.h"
#include "query/metric.h"

#define DAY       86400000LL
#define HOUR      3600000LL
#define LEFT_MOST 1000                  /* steps that are forecast */
#define LONG_MOST 3700                  /* steps that are looked at: ten years of days */
#define ORIGINS   8                     /* times before that the forecast is tried at */
#define BEFORE    6                     /* periods before that growth is taken from */
#define LEARNT    14                    /* steps that a trial has at least to learn from */

struct target {
	struct str metric;
	double value;
	int at_most;
	struct str per;                 /* p NULL: from one day to another */
	int64_t from, to;               /* the period */
	char name[40];                  /* "for November 2026" */
};

struct standing { double so_far, expected, half; int certain; };        /* half: of the 95 % interval; NAN: nothing is known of the rest */

/* Student's t, 97.5 %, by degrees of freedom. */
static double
student(int n)
{
	static const double t[] = { 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31 };

	return n < 1 ? INFINITY : t[n > 8 ? 7 : n - 1];
}

/* ---- what is to be reached, and when */

static int64_t
day_after(int64_t start, const struct zone *zone, int days)
{
	int64_t next;

	if (time_trunc(STR("day"), zone, start + days * DAY + DAY / 2, &next))         /* half a day: over a change of the clock */
		return start + days * DAY;
	return next;
}

static int64_t
period_after(struct str per, const struct zone *zone, int64_t start)
{
	static const struct { const char *unit; int days; } longest[] = { { "day", 1 }, { "week", 7 }, { "month", 31 }, { "quarter", 92 }, { "year", 366 } };
	int64_t next = start;

	for (size_t i = 0; i < sizeof(longest) / sizeof(*longest); i++)
		if (str_eq(per, str_of(longest[i].unit)))
			time_trunc(per, zone, day_after(start, zone, longest[i].days), &next);
	return next;
}

static void
name_period(struct target *t, const struct zone *zone)
{
	static const char *const months[] = { "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December" };
	int64_t day = t->per.p ? t->from : day_after(t->to, zone, -1);
	struct buf text = {0};
	struct civil c;

	time_civil(day + (zone ? zone_offset(zone, day) : 0), &c);
	if (str_eq(t->per, STR("month"))) {
		buf_printf(&text, "for %s %d", months[c.month - 1], c.year);
	} else if (str_eq(t->per, STR("quarter"))) {
		buf_printf(&text, "for Q%d %d", (c.month + 2) / 3, c.year);
	} else if (str_eq(t->per, STR("year"))) {
		buf_printf(&text, "for %d", c.year);
	} else {
		buf_lit(&text, !t->per.p ? "by " : str_eq(t->per, STR("week")) ? "for the week of " : "for ");
		words_time(&text, day, DAY, zone);
	}
	snprintf(t->name, sizeof(t->name), "%.*s", STR_FMT(buf_get(&text)));
	buf_release(&text);
}

/* What is wrong with a member of the metric's target. */
static int
no_target(struct str metric, const char *member, const char *why, struct err *err)
{
	return err_set(err, ERR_INPUT, "config/analytics.json: metrics.%.*s.target.%s: %s", metric.n > 60 ? 60 : (int)metric.n, metric.p, member, why);
}

static int
read_day(struct json target, const char *key, struct str metric, const struct zone *zone, int64_t *day, struct err *err)
{
	struct buf scratch = {0};
	struct str text = json_text(json_get(target, str_of(key)), &scratch);
	char why[80];
	int rc = 0;

	if (text.p && time_parse(text, zone, day, err)) {
		snprintf(why, sizeof(why), "'%.*s' is no day, try 2026-12-31", text.n > 40 ? 40 : (int)text.n, text.p);
		rc = no_target(metric, key, why, err);
	}
	buf_release(&scratch);
	return rc;
}

/* 1 a target whose time has come, 0 none, < 0. */
static int
read_target(struct query *q, struct str metric, int64_t at, struct target *t, struct err *err)
{
	static const struct str units[] = { { "month", 5 }, { "day", 3 }, { "week", 4 }, { "quarter", 7 }, { "year", 4 } };
	const struct zone *zone = query_zone(q);
	struct json target = policy_metric_name(query_policy(q), metric) ?
	    json_get(json_get(config_get(query_config(q), "analytics", "metrics"), metric), STR("target")) : JSON_ABSENT;
	int64_t by = TIME_NONE;
	int rc;

	if (!json_is(target, JSON_OBJECT))
		return 0;
	*t = (struct target){ .metric = metric, .at_most = json_text_eq(json_get(target, STR("direction")), STR("down")), .from = TIME_NONE };
	if (!json_double(json_get(target, STR("value")), &t->value) || !isfinite(t->value))
		return no_target(metric, "value", "wants a number", err);
	if ((rc = read_day(target, "by", metric, zone, &by, err)) || (rc = read_day(target, "from", metric, zone, &t->from, err)))
		return rc;
	if (by != TIME_NONE) {
		t->to = day_after(by, zone, 1);
		if (t->from == TIME_NONE)
			time_trunc(STR("year"), zone, by, &t->from);
		if (t->from >= t->to)
			return no_target(metric, "by", "lies before its beginning", err);
	} else {
		t->per = units[0];
		for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
			if (json_text_eq(json_get(target, STR("per")), units[i]))
				t->per = units[i];
		if (time_trunc(t->per, zone, at, &t->from))
			return 0;
		t->to = period_after(t->per, zone, t->from);
	}
	name_period(t, zone);
	return at > t->from && at - t->to <= t->to - t->from;           /* what is over for longer than it lasted is no news */
}

/* ---- the metric's values by steps */

struct history {
	int64_t from, every;
	int64_t counted_from;           /* values from here on are of the period */
	double *value;                  /* NAN: none */
	size_t n, counted;              /* whole steps; how many of them are of the period */
	double running;                 /* of the step that is not over */
	struct holidays *holidays;
};

static int
take_step(void *self, const struct cell *cells, int n, struct err *err)
{
	struct history *h = self;
	int64_t time;
	size_t i;

	(void)err;
	if (cells[n - 2].type != CELL_TEXT || time_parse_rfc3339(cells[n - 2].text, &time))
		return 0;
	i = (size_t)((time - h->from + h->every / 2) / h->every);       /* days of 23 and 25 hours, too */
	if (time < h->from || i > h->n)
		return 0;
	if (i == h->n)
		h->running = cell_number(&cells[n - 1]);
	else
		h->value[i] = cell_number(&cells[n - 1]);
	return 0;
}

struct one { double value; int rows; };

static int
take_one(void *self, const struct cell *cells, int n, struct err *err)
{
	struct one *one = self;

	(void)err;
	one->value = cell_number(&cells[n - 1]);
	one->rows++;
	return 0;
}

static int
run(struct query *q, struct str metric, int64_t from, int64_t to, int64_t every, int *adds, struct cell_sink sink, struct err *err)
{
	struct metric_spec spec = { .name = metric, .from = from, .to = to, .every_ms = every, .adds = adds };
	int rc = query_begin(q, err);

	if (rc == 0)
		rc = metric_run(q, &spec, sink, err);
	query_end(q);
	return rc;
}

/* The value over a time; NAN when there is none. */
static int
value_between(struct query *q, struct str metric, int64_t from, int64_t to, double *value, struct err *err)
{
	struct one one = { .value = NAN };
	int rc = run(q, metric, from, to, 0, NULL, (struct cell_sink){ take_one, &one }, err);

	*value = one.value;
	return rc;
}

static double
sum_of(const double *value, size_t n, size_t *there)
{
	double sum = 0;

	*there = 0;
	for (size_t i = 0; i < n; i++)
		if (!isnan(value[i]))
			sum += value[i], ++*there;
	return sum;
}

/* ---- what the rest of the period may bring */

/* The sum of the forecast of `left` steps, and half of the 95 % interval of that sum. Errors of neighbouring steps go together, so that of the sum is
 * taken from how far off such sums were before; where too little is there to try that, as if all were off to the same side. 0, or < 0: too few. */
static int
forecast_sum(struct query *q, const struct history *h, size_t begins, int left, int counts, double *sum, double *half)
{
	const struct series grid = { .first = h->from, .step_ms = h->every, .zone = query_zone(q) };
	const double *value = h->value + begins;
	size_t n = h->n - begins;
	struct forecast_spec spec = { .value = value, .n = n, .horizon = left, .level = 0.95, .counts = counts };
	double *mean = mem_new(3 * (size_t)left * sizeof(*mean)), *lower = mean + left, *upper = lower + left, apart = 0, together = 0, off = 0;
	size_t room, stride;
	struct err err = {0};
	int tried = 0, rc;

	series_periods(h->every, 0, n, spec.periods);
	if ((rc = n < FORECAST_LEAST ? ERR_INPUT : holidays_forecast(h->holidays, &grid, begins, grid.zone, &spec, mean, lower, upper, &err)))
		goto out;
	*sum = 0;
	for (int i = 0; i < left; i++) {
		*sum += mean[i];
		apart += pow((upper[i] - lower[i]) / 2, 2), together += (upper[i] - lower[i]) / 2;
	}
	room = n > (size_t)left + LEARNT ? n - (size_t)left - LEARNT : 0;
	stride = (size_t)left * ORIGINS <= room ? (size_t)left : room / ORIGINS;
	for (int k = 0; k < ORIGINS && stride; k++) {
		size_t origin = n - (size_t)left - (size_t)k * stride, there;
		double expected = 0, came = sum_of(value + origin, (size_t)left, &there);

		spec.n = origin;
		series_periods(h->every, 0, origin, spec.periods);
		if (there < (size_t)left || holidays_forecast(h->holidays, &grid, begins, grid.zone, &spec, mean, lower, upper, &err))
			continue;
		for (int i = 0; i < left; i++)
			expected += mean[i];
		off += pow(came - expected, 2);
		tried++;
	}
	*half = tried >= 3 ? fmax(sqrt(apart), student(tried) * sqrt(off / tried)) : together;
out:
	free(mean);
	return rc;
}

static int
stand_of_steps(struct query *q, const struct target *t, int64_t at, struct history *h, int adds, struct standing *s, struct err *err)
{
	int64_t whole = h->from + (int64_t)h->n * h->every;
	int left = (int)((t->to - whole + h->every / 2) / h->every);
	size_t begins = forecast_begins(h->value, h->n), there;
	double done = sum_of(h->value + h->n - h->counted, h->counted, &there), sum = 0, half = NAN;
	int counts = adds, rc = 0;

	if (adds)
		s->so_far = done + (isnan(h->running) ? 0 : h->running);
	else
		rc = value_between(q, t->metric, t->from, at < t->to ? at : t->to, &s->so_far, err);
	if (rc || isnan(s->so_far) || at >= t->to) {
		s->expected = s->so_far, s->half = 0, s->certain = 1;
		return rc;
	}
	for (size_t i = 0; i < h->n; i++)
		counts &= !(h->value[i] < 0);
	begins = adds && begins + 1 < h->n && begins > 0 ? begins + 1 : begins;         /* the first step is a part of one */
	if (left < 1 || left > LEFT_MOST || forecast_sum(q, h, begins, left, counts, &sum, &half))
		s->expected = s->half = NAN;
	else if (adds)
		s->expected = done + sum, s->half = half;
	else if (there)                 /* each step stands for as much time */
		s->expected = (done + sum) / (double)((int)there + left), s->half = half / (double)((int)there + left);
	else
		s->expected = sum / left, s->half = half / left;
	if (adds && counts && s->expected < s->so_far)          /* it cannot become less */
		s->expected = s->so_far;
	s->certain = adds && counts && s->so_far > t->value;
	s->certain |= adds && counts && !t->at_most && s->so_far >= t->value;
	return 0;
}

/* From the same share of the periods before to their ends. */
static int
stand_by_growth(struct query *q, const struct target *t, int64_t at, struct standing *s, struct err *err)
{
	const struct zone *zone = query_zone(q);
	int64_t start = t->from, elapsed = at - t->from;
	double grown[BEFORE], mean = 0, spread = 0;
	int n = 0, rc = value_between(q, t->metric, t->from, at < t->to ? at : t->to, &s->so_far, err);

	s->expected = s->half = NAN;
	if (rc || isnan(s->so_far) || at >= t->to) {
		s->expected = s->so_far, s->half = 0, s->certain = 1;
		return rc;
	}
	for (int k = 0; t->per.p && k < BEFORE && rc == 0; k++) {
		int64_t end = start;
		double part, all;

		time_trunc(t->per, zone, end - 1, &start);
		if ((rc = value_between(q, t->metric, start, start + elapsed < end ? start + elapsed : end, &part, err)) ||
		    (rc = value_between(q, t->metric, start, end, &all, err)) || !(part > 0) || !(all > 0))
			break;
		grown[n++] = all / part;
	}
	for (int k = 0; k < n; k++)
		mean += grown[k] / n;
	for (int k = 0; k < n; k++)
		spread += pow(grown[k] - mean, 2) / fmax(1, n - 1);
	if (n >= 3) {
		s->expected = s->so_far * mean;
		s->half = student(n - 1) * sqrt(spread * (1 + 1.0 / n)) * fabs(s->so_far);
	}
	return rc;
}

/* Values that neither add up nor are means: of different things, and extremes. */
static int
grows(struct query *q, struct str metric)
{
	static const char *const calls[] = { "distinct(", "min(", "max(", "first(", "last(" };
	struct buf scratch = {0};
	struct str value = json_text(json_get(metric_definition(q, metric), STR("value")), &scratch);
	int found = 0;

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		found |= value.p && str_starts(value, str_of(calls[i]));
	buf_release(&scratch);
	return found;
}

static int
look_back(struct query *q, const struct target *t, int64_t at, struct history *h, int *adds, struct err *err)
{
	const struct zone *zone = query_zone(q);
	int64_t length = t->to - t->from, end = at < t->to ? at : t->to, last;

	h->every = length <= 2 * DAY ? HOUR : DAY;
	time_trunc(h->every == DAY ? STR("day") : STR("hour"), zone, end, &last);
	if (h->every == DAY)
		h->from = day_after(last, zone, length > 100 * DAY ? -400 : -120);
	else
		h->from = last - 28 * 24 * HOUR;
	h->from = t->from < h->from ? t->from : h->from;
	h->n = (size_t)((last - h->from + h->every / 2) / h->every);
	if (h->n > LONG_MOST)
		return no_target(t->metric, "from", "lies more than ten years back", err);
	h->counted = last > t->from ? (size_t)((last - t->from + h->every / 2) / h->every) : 0;
	h->value = mem_new((h->n + 1) * sizeof(*h->value));
	h->running = NAN;
	for (size_t i = 0; i < h->n; i++)
		h->value[i] = NAN;
	if (!(h->holidays = holidays_of_json(config_get(query_config(q), "analytics", "holidays"), err)))
		return err->code;
	return run(q, t->metric, h->from, end, h->every, adds, (struct cell_sink){ take_step, h }, err);
}

/* ---- the claim */

static void
add_claim(struct claims *c, const struct target *t, const struct standing *s, int adds, int counted, const char *test, int64_t step)
{
	const double error = s->half / 1.96, apart = s->expected - t->value;
	struct buf query = {0};
	struct claim x = { .kind = CLAIM_TARGET, .metric = t->metric, .note = str_of(t->name), .from = t->from, .to = t->to, .step_ms = step, .value = s->expected, .before = NAN,
		.so_far = s->so_far, .target = t->value, .at_most = t->at_most, .certain = s->certain, .relative = 1, .counted = counted, .share = NAN, .coverage = 1, .test = test };
	char from[TIME_LEN], to[TIME_LEN];

	time_print(t->from, from), time_print(t->to, to);
	buf_printf(&query, "at-query metric %.*s --range %.*s..%.*s", STR_FMT(t->metric), TIME_LEN, from, TIME_LEN, to);
	x.query = buf_get(&query);
	x.effect = t->value != 0 ? apart / fabs(t->value) : apart;
	x.lower = s->expected - s->half, x.upper = s->expected + s->half;
	if (adds && s->so_far >= 0 && x.lower < s->so_far)
		x.lower = s->so_far;
	x.z = s->certain ? (apart >= 0 ? 30 : -30) : error > 0 ? apart / error : apart == 0 ? 0 : apart > 0 ? 30 : -30;
	x.chance = 0.5 * erfc((t->at_most ? x.z : -x.z) / M_SQRT2);
	x.p = isnan(x.z) ? 1 : erfc(fabs(x.z) / M_SQRT2);
	if (isnan(s->expected))
		x.effect = x.chance = NAN;
	x.group = adds ? fmax(1, fabs(s->so_far)) : 0;
	claims_add(c, &x);
	buf_release(&query);
}

int
target_claim(struct query *q, struct str metric, int64_t at, struct claims *c, struct err *err)
{
	struct target t;
	struct standing s = { .so_far = NAN };
	struct history h = { .n = 0 };
	int adds = 0, growing, rc;

	at = at < time_now() ? at : time_now();
	rc = read_target(q, metric, at, &t, err);
	if (rc <= 0)
		return rc;
	if ((growing = grows(q, metric)))
		rc = stand_by_growth(q, &t, at, &s, err);
	else if ((rc = look_back(q, &t, at, &h, &adds, err)) == 0)
		rc = stand_of_steps(q, &t, at, &h, adds, &s, err);
	if (rc == 0 && !isnan(s.so_far))
		add_claim(c, &t, &s, adds, metric_claims_counted(q, metric), growing ? "growth of the periods before, from the same share of them" : adds ? "what is there and the forecast of the rest, errors of such sums" :
		    "mean of what is there and of the forecast of the rest", h.every ? h.every : DAY);
	holidays_free(h.holidays);
	free(h.value);
	return rc;
}

int
target_claims(struct query *q, int64_t at, struct claims *c, struct err *err)
{
	struct json own = config_get(query_config(q), "analytics", "metrics");
	struct buf name = {0};
	int rc = 0;

	for (struct json_iter it = json_iter(own); json_is(own, JSON_OBJECT) && rc == 0 && json_next(&it); )
		if ((rc = target_claim(q, json_text(it.key, &name), at, c, err)) == ERR_USAGE) {        /* nothing stored of that name yet: the others are told */
			err_clear(err);
			rc = 0;
		}
	buf_release(&name);
	return rc;
}
