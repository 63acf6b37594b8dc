/* claims_series.c - what can be said of series of values: tests on the values without their season, widened for values that hang together. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/order.h"
#include "base/time.h"
#include "insight/claims.h"
#include "insight/holidays.h"
#include "json/json.h"

#define LEAST        8                  /* values that more than a change is said of */
#define PAIRS_MOST   24                 /* series that are related to each other */
#define LAGS_MOST    24
#define RECORD_LEAST 30
#define SAME        0.9999             /* correlation of what is one thing under two names, or a fixed share of it */
#define SMOOTH       0.99               /* correlation of neighbours beyond which nothing is widened further */

struct line {                           /* one series while it is looked at */
	const struct series *series;
	struct claim claim;             /* what all its claims share */
	size_t n;
	double *x, *flat;               /* values, gaps filled; the same without seasons */
	double *rest;                   /* of flat without trend or shift */
	double mean, sd, wide;          /* of x; of rest; by how much errors are wider than of independent values */
	double coverage;
	int season;                     /* the longest one found, in steps; 0: none */
	size_t missing;
};

static double
two_sided(double z)
{
	return erfc(fabs(z) / M_SQRT2);
}

static double
mean_of(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return n ? sum / (double)n : 0;
}

static double
variance_of(const double *x, size_t n)
{
	double mean = mean_of(x, n), sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (x[i] - mean) * (x[i] - mean);
	return n > 1 ? sum / (double)(n - 1) : 0;
}

/* The normal deviate of an F, by Paulson's approximation, Annals of Mathematical Statistics 13, 1942. */
static double
z_of_f(double f, double a, double b)
{
	double r = cbrt(f), x = 2 / (9 * a), y = 2 / (9 * b);

	return (r * (1 - y) - (1 - x)) / sqrt(r * r * y + x);
}

/* Gaps by the line between their neighbours. */
static void
fill(struct line *l)
{
	const struct series *s = l->series;
	size_t last = SIZE_MAX;

	for (size_t i = 0; i < s->n; i++) {
		l->x[i] = s->value[i];
		if (isnan(s->value[i])) {
			l->missing++;
			continue;
		}
		for (size_t k = last == SIZE_MAX ? 0 : last + 1; k < i; k++)
			l->x[k] = last == SIZE_MAX ? s->value[i] : l->x[last] + (s->value[i] - l->x[last]) * (double)(k - last) / (double)(i - last);
		last = i;
	}
	for (size_t k = last + 1; last != SIZE_MAX && k < s->n; k++)
		l->x[k] = l->x[last];
}

/* How the errors of a mean are wider because neighbours are alike. */
static double
widening(const double *rest, size_t n)
{
	double same = 0, all = 0, r;

	for (size_t i = 0; i + 1 < n; i++)
		same += rest[i] * rest[i + 1], all += rest[i] * rest[i];
	r = all > 0 ? fmin(fmax(same / all, 0), SMOOTH) : 0;
	return sqrt((1 + r) / (1 - r));
}

/* ---- seasons: is there more between the places of a season than within them? */

static void
look_for_season(struct claims *c, struct line *l, int period)
{
	size_t n = l->n, p = (size_t)period, best = 0;
	double *sum = mem_new(2 * p * sizeof(*sum)), *count = sum + p, *centred = mem_new(n * sizeof(*centred)), within = 0, between = 0, window = mean_of(l->flat, p) * (double)p, z;
	size_t running = 0;

	for (size_t i = 0; i < n; i++) {                /* off the moving mean of a season, so that a trend is no season */
		size_t from = i > p / 2 ? i - p / 2 : 0;

		from = from + p > n ? n - p : from;
		while (running < from)
			window += l->flat[running + p] - l->flat[running], running++;
		centred[i] = l->flat[i] - window / (double)p;
		sum[i % p] += centred[i];
		count[i % p]++;
	}
	for (size_t k = 0; k < p; k++)
		sum[k] /= count[k];
	for (size_t i = 0; i < n; i++) {
		within += (centred[i] - sum[i % p]) * (centred[i] - sum[i % p]);
		between += sum[i % p] * sum[i % p];
	}
	z = within > 0 ? z_of_f(between / (double)(p - 1) / (within / (double)(n - p)), (double)(p - 1), (double)(n - p)) : between > 0 ? 30 : 0;
	c->tests++;
	if (z > 3.3) {
		struct claim x = l->claim;

		for (size_t k = 0; k < p; k++)
			best = sum[k] > sum[best] ? k : best;
		for (size_t i = 0; i < n; i++)
			l->flat[i] -= sum[i % p];
		l->season = period;
		x.kind = CLAIM_SEASON;
		x.test = "analysis of variance over the places of the season";
		x.value = x.effect = between / (between + within);
		x.relative = 1;
		x.lower = x.upper = NAN, x.before = NAN;
		x.z = z, x.p = two_sided(z);
		x.n = period, x.lag = (int)best;
		x.coverage = l->coverage * 0.5;         /* worth knowing, and seldom news */
		if (x.value > 0.2)
			claims_add(c, &x);
	}
	free(sum);
	free(centred);
}

/* ---- a trend, or one step? */

static void
look_for_drift(struct claims *c, struct line *l)
{
	size_t n = l->n, best = 0, margin = n / 20 > 3 ? n / 20 : 3;
	double mid = ((double)n - 1) / 2, sxy = 0, sxx = 0, mean = mean_of(l->flat, n), total = 0, slope, by_line, by_step = 0, sum = 0, left = 0, right = 0;
	struct claim x = l->claim;

	for (size_t i = 0; i < n; i++) {
		sxy += ((double)i - mid) * (l->flat[i] - mean), sxx += ((double)i - mid) * ((double)i - mid);
		total += (l->flat[i] - mean) * (l->flat[i] - mean);
	}
	slope = sxy / sxx;
	by_line = slope * sxy;
	for (size_t k = 1; k < n; k++) {
		double a, b, gain;

		sum += l->flat[k - 1];
		a = sum / (double)k, b = (mean * (double)n - sum) / (double)(n - k);
		gain = (a - b) * (a - b) * (double)k * (double)(n - k) / (double)n;
		if (k >= margin && n - k >= margin && gain > by_step)
			by_step = gain, best = k, left = a, right = b;
	}
	for (size_t i = 0; i < n; i++)
		l->rest[i] = by_step > by_line ? l->flat[i] - (i < best ? left : right) : l->flat[i] - mean - slope * ((double)i - mid);
	l->sd = sqrt(variance_of(l->rest, n));
	l->wide = widening(l->rest, n);
	x.relative = 1;
	x.n = (int)n;
	c->tests += 2;
	if (!(total > 0) || l->mean == 0)
		return;
	if (by_step > by_line) {
		double error = l->sd * l->wide * sqrt(1 / (double)best + 1 / (double)(n - best));

		x.kind = CLAIM_SHIFT;
		x.test = "greatest split of the means, over all places";
		x.before = left, x.value = right;
		x.effect = left != 0 ? (right - left) / fabs(left) : INFINITY;
		x.lower = left != 0 ? (right - left - 1.96 * error) / fabs(left) : NAN, x.upper = left != 0 ? (right - left + 1.96 * error) / fabs(left) : NAN;
		x.z = error > 0 ? (right - left) / error : 30;
		x.p = fmin(1, two_sided(x.z) * (double)n);
		x.from = series_time(l->series, best);
		x.coverage = l->coverage;
		if (fabs(x.effect) > 0.02)
			claims_add(c, &x);
	} else {
		double error = l->sd * l->wide / sqrt(sxx), whole = (double)n - 1;

		x.kind = CLAIM_TREND;
		x.test = "slope of the least squares line, errors widened for correlation";
		x.value = slope, x.before = NAN;
		x.effect = slope * whole / fabs(mean - slope * mid);
		x.lower = (slope - 1.96 * error) * whole / fabs(mean - slope * mid), x.upper = (slope + 1.96 * error) * whole / fabs(mean - slope * mid);
		x.z = error > 0 ? slope / error : 30;
		x.p = two_sided(x.z);
		x.coverage = l->coverage;
		if (fabs(x.effect) > 0.02)
			claims_add(c, &x);
	}
}

/* ---- the newest season against the one before; the newest value against all */

static void
look_for_change(struct claims *c, struct line *l)
{
	const struct series *s = l->series;
	size_t n = l->n, block = l->season && 2 * (size_t)l->season <= n ? (size_t)l->season : s->step_ms == 86400000 && n >= 14 ? 7 : n >= 2 * LEAST ? n / 4 : 1;
	const double *new = l->x + n - block, *old = new - block;
	double a = mean_of(old, block) * (double)block, b = mean_of(new, block) * (double)block, error;
	struct claim x = l->claim;

	if (s->is_count)
		error = sqrt(fmax(fmax(a, 0) + fmax(b, 0), 2 * (double)block * (n >= LEAST ? l->sd * l->sd * l->wide * l->wide : 0)));
	else if (n >= LEAST)
		error = sqrt(2 * (double)block) * l->sd * l->wide;
	else
		return;
	c->tests++;
	if (!s->is_count)
		a /= (double)block, b /= (double)block, error /= (double)block;
	if (a == 0 && b == 0)
		return;
	x.kind = CLAIM_CHANGE;
	x.test = s->is_count ? "two counts, dispersion of the series" : "two means, dispersion of the series";
	x.before = a, x.value = b;
	x.relative = 1;
	x.effect = a != 0 ? (b - a) / fabs(a) : INFINITY;
	x.lower = a != 0 ? (b - a - 1.96 * error) / fabs(a) : NAN, x.upper = a != 0 ? (b - a + 1.96 * error) / fabs(a) : NAN;
	x.z = error > 0 ? (b - a) / error : b != a ? 30 : 0;
	x.p = two_sided(x.z);
	x.n = (int)(2 * block);
	x.from = series_time(s, n - block), x.to = series_time(s, n);
	x.before_from = series_time(s, n - 2 * block), x.before_to = x.from;
	x.coverage = l->coverage;
	if (fabs(x.effect) > 0.01 || !isfinite(x.effect))
		claims_add(c, &x);
}

#define FEW 10                          /* counts that vary as Poisson's at least */

static void
look_at_newest(struct claims *c, struct line *l)
{
	size_t n = l->n;
	double *far = mem_new(n * sizeof(*far)), most = -INFINITY, least = INFINITY, sd, z, last = l->rest[n - 1];
	struct claim x = l->claim;

	for (size_t i = 0; i + 1 < n; i++) {
		most = fmax(most, l->x[i]), least = fmin(least, l->x[i]);
		far[i] = fabs(l->rest[i]);
	}
	qsort(far, n - 1, sizeof(*far), order_doubles);
	sd = 1.4826 * far[(n - 1) / 2];                 /* by the median: outliers do not hide each other */
	if (l->series->is_count && l->x[n - 1] - last < FEW)    /* one more or less of few is no news, whatever the median says of a series that is mostly 0 */
		sd = fmax(sd, sqrt(fmax(l->x[n - 1] - last, 1)));
	z = sd > 0 ? last / sd : 0;
	x.from = series_time(l->series, n - 1);
	x.relative = 1;
	x.n = (int)n;
	x.lower = x.upper = NAN;
	c->tests += 2;
	x.value = l->x[n - 1], x.before = l->x[n - 1] - last;
	x.kind = CLAIM_OUTLIER;
	x.test = "distance from what season and trend say, in median deviations, tails taken fat";
	x.effect = x.before != 0 ? last / fabs(x.before) : 1;
	x.z = z, x.p = two_sided(0.7 * z);
	x.coverage = l->coverage;
	if (n >= 2 * LEAST && fabs(z) > 4)
		claims_add(c, &x);
	if (n >= RECORD_LEAST && (l->x[n - 1] > most || l->x[n - 1] < least)) {
		x.kind = CLAIM_RECORD;
		x.test = "one of n is the greatest, one the least";
		x.before = l->x[n - 1] > most ? most : least;
		x.effect = x.before != 0 ? (x.value - x.before) / fabs(x.before) : x.value > x.before ? 1 : -1;
		x.z = NAN, x.p = 2 / (double)n;
		claims_add(c, &x);
	}
	free(far);
}

static void
look_at_quality(struct claims *c, const struct line *l)
{
	struct claim x = l->claim;
	struct buf note = {0};
	size_t negative = 0, same = 1;

	for (size_t i = 0; i < l->n; i++) {
		negative += l->series->is_count && l->series->value[i] < 0;
		same += i && l->x[i] == l->x[0];
	}
	if (l->missing)
		buf_printf(&note, "has no value for %zu of %zu steps", l->missing, l->n);
	else if (negative)
		buf_printf(&note, "is below 0 in %zu of %zu steps, which a count cannot be", negative, l->n);
	else if (same == l->n && l->n >= RECORD_LEAST && l->x[0] != 0)
		buf_printf(&note, "has been the same for all of %zu steps", l->n);
	x.kind = CLAIM_QUALITY;
	x.note = buf_get(&note);
	x.test = "none: it is so";
	x.value = (double)(l->missing ? l->missing : negative ? negative : l->n), x.before = NAN;
	x.effect = (double)(l->missing + negative) / (double)l->n + (!l->missing && !negative ? 0.2 : 0);
	x.relative = 1;
	x.lower = x.upper = x.z = NAN;
	x.p = 1e-6;
	x.n = (int)l->n;
	x.coverage = l->coverage;
	if (note.n && x.effect >= 0.02)
		claims_add(c, &x);
	buf_release(&note);
}

static void
look_ahead(struct claims *c, const struct line *l, const struct holidays *holidays)
{
	const struct series *s = l->series;
	int steps = l->season ? l->season : 1;
	double *mean = mem_new(3 * (size_t)steps * sizeof(*mean)), a = 0, b = 0, spread = 0;
	struct forecast_spec spec = { .value = s->value, .n = s->n, .horizon = steps, .level = 0.95, .counts = s->is_count };
	struct claim x = l->claim;
	struct err err = {0};

	memcpy(spec.periods, s->periods, sizeof(spec.periods));
	if ((size_t)steps <= l->n && holidays_forecast(holidays, s, 0, c->zone, &spec, mean, mean + steps, mean + 2 * steps, &err) == 0) {
		for (int i = 0; i < steps; i++) {
			a += l->x[l->n - (size_t)(steps - i)], b += mean[i];
			spread += pow(mean[2 * steps + i] - mean[steps + i], 2);
		}
		spread = sqrt(spread) / 2;
		if (!s->is_count)
			a /= steps, b /= steps, spread /= steps;
		x.kind = CLAIM_FORECAST;
		x.test = "forecast against the newest of the same length";
		x.before = a, x.value = b;
		x.lower = b - spread, x.upper = b + spread;
		if (s->is_count && x.lower < 0)
			x.lower = 0;
		x.relative = 1;
		x.effect = a != 0 ? (b - a) / fabs(a) : 0;
		x.z = spread > 0 ? (b - a) / (spread / 1.96) : 0;
		x.p = two_sided(x.z);
		x.n = steps;
		x.from = series_time(s, s->n), x.to = series_time(s, s->n + (size_t)steps);
		x.coverage = l->coverage;
		c->tests++;
		claims_add(c, &x);
	}
	free(mean);
}

/* ---- pairs: which moves before which */

/* Without what its own past says. */
static void
whiten(struct line *l)
{
	double same = 0, all = 0, r;

	for (size_t i = 0; i + 1 < l->n; i++)
		same += l->rest[i] * l->rest[i + 1], all += l->rest[i] * l->rest[i];
	r = all > 0 ? same / all : 0;
	for (size_t i = l->n; i-- > 1; )
		l->rest[i] -= r * l->rest[i - 1];
}

static double
correlation(const struct line *a, const struct line *b, long shift, size_t *n)
{
	/* value i of a stands at the time of value i + shift of b */
	double xy = 0, xx = 0, yy = 0;

	*n = 0;
	for (size_t i = 1; i < a->n; i++) {
		long k = (long)i + shift;

		if (k < 1 || k >= (long)b->n)
			continue;
		xy += a->rest[i] * b->rest[k], xx += a->rest[i] * a->rest[i], yy += b->rest[k] * b->rest[k];
		(*n)++;
	}
	return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

static void
relate(struct claims *c, struct line *a, struct line *b)
{
	long offset, most = 0, lags = (long)(a->n < b->n ? a->n : b->n) / 6;
	double best = 0;
	size_t at = 0, n;
	struct buf other = {0};
	struct claim x = a->claim;

	if (a->series->step_ms != b->series->step_ms || !a->series->step_ms || lags < 3 || str_eq(a->series->metric, b->series->metric))
		return;
	lags = lags < LAGS_MOST ? lags : LAGS_MOST;
	offset = (long)((a->series->first - b->series->first) / a->series->step_ms);
	for (long lag = -lags; lag <= lags; lag++) {
		double r = correlation(a, b, offset - lag, &n);

		if (n > 20 && fabs(r) > fabs(best))
			best = r, most = lag, at = n;
	}
	c->tests++;
	if (at <= 20)
		return;
	if (most == 0 && fabs(best) > SAME)             /* one thing under two names */
		return;
	buf_str(&other, b->claim.metric);
	x.kind = CLAIM_CORRELATION;
	x.other = buf_get(&other);
	x.other_labels = b->claim.labels;
	x.other_counted = b->claim.counted;
	x.test = "correlation of what their own past does not say, over all lags";
	x.value = x.effect = best, x.before = NAN;
	x.lower = tanh(atanh(fmin(fmax(best, -0.999999), 0.999999)) - 1.96 / sqrt((double)at - 3)), x.upper = tanh(atanh(fmin(fmax(best, -0.999999), 0.999999)) + 1.96 / sqrt((double)at - 3));
	x.z = atanh(fmin(fmax(best, -0.999999), 0.999999)) * sqrt((double)at - 3);
	x.p = fmin(1, two_sided(x.z) * (double)(2 * lags + 1));
	x.lag = (int)most;
	x.n = (int)at;
	x.coverage = fmin(a->coverage, b->coverage);
	if (fabs(best) > 0.3)
		claims_add(c, &x);
	buf_release(&other);
}

/* ---- all of a set */

static void
look(struct claims *c, struct line *l, int forecast, const struct holidays *holidays)
{
	const struct series *s = l->series;

	l->n = s->n;
	l->x = mem_new(3 * (l->n + 1) * sizeof(*l->x)), l->flat = l->x + l->n, l->rest = l->flat + l->n;
	fill(l);
	memcpy(l->flat, l->x, l->n * sizeof(*l->x));
	l->mean = mean_of(l->x, l->n);
	if (l->n < LEAST) {
		if (l->n >= 2)
			look_for_change(c, l);
		return;
	}
	for (int k = 0; k < FORECAST_PERIODS && s->periods[k]; k++)
		if (s->periods[k] > 1 && (size_t)s->periods[k] * 3 <= l->n)
			look_for_season(c, l, s->periods[k]);
	look_for_drift(c, l);
	look_for_change(c, l);
	look_at_newest(c, l);
	look_at_quality(c, l);
	if (forecast)
		look_ahead(c, l, holidays);
	whiten(l);
}

static double
sum_of(const struct series *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += isnan(s->value[i]) ? 0 : fabs(s->value[i]);
	return sum;
}

/* The series of the same metric and field that has no labels (by the key of series_add). */
static struct series *
without_labels(const struct series_set *set, const struct series *s, struct buf *key)
{
	const struct map_entry *e;

	buf_clear(key);
	buf_str(key, s->metric);
	buf_add(key, "\0{}\0", 4);
	buf_str(key, s->field);
	e = map_find(&set->by_key, buf_get(key));
	return e ? e->ptr : NULL;
}

/* Of counts and sums that come by labels only, the whole. */
static void
add_wholes(const struct series_set *set, struct series_set *wholes)
{
	struct buf key = {0};

	for (struct map_entry *e = map_first(&set->by_key); e; e = map_next(&set->by_key, e)) {
		struct series *s = e->ptr, *whole;

		if (!s->n || !s->is_count || without_labels(set, s, &key))
			continue;
		for (size_t i = 0; i < s->n; i++)
			if (!isnan(s->value[i]))
				series_add(wholes, s->metric, STR("{}"), s->field, series_time(s, i), s->value[i]);
		whole = without_labels(wholes, s, &key);
		whole->adds = 1;
		whole->counted = s->counted, whole->is_sum = s->is_sum;
	}
	buf_release(&key);
}

static void
begin_line(struct line *l, const struct series *s, double coverage, struct arena *arena)
{
	struct buf name = {0}, scratch = {0};
	struct str text = json_text(json_value(s->metric), &scratch);

	buf_str(&name, text.p ? text : s->metric);
	*l = (struct line){ .series = s, .coverage = coverage };
	l->claim = (struct claim){ .metric = { arena_dup(arena, name.p, name.n), name.n }, .labels = s->labels, .step_ms = s->step_ms ? s->step_ms : s->months * 30 * 86400000LL,
		.share = NAN, .from = s->first, .to = series_time(s, s->n) };
	l->claim.counted = s->counted;
	l->claim.group = s->counted || str_eq(s->field, STR("count")) ? sum_of(s) : 0;
	if (!str_eq(s->field, STR("count")) && !str_eq(s->field, STR("value")))
		l->claim.field = s->field;
	buf_release(&name);
	buf_release(&scratch);
}

/* A metric of the store is nothing before it begins, and its first step is a part of one. */
static void
cut_beginning(struct series *s)
{
	size_t from = 0;

	while (from < s->n && s->value[from] == 0)
		from++;
	if (!s->is_sum || from == 0 || from == s->n)
		return;
	if (from + 1 == s->n) {                         /* it has just begun: nothing can be said of its course */
		s->n = 0;
		return;
	}
	from++;
	s->first = series_time(s, from);
	s->n -= from;
	memmove(s->value, s->value + from, s->n * sizeof(*s->value));
	series_periods(s->step_ms, s->months, s->n, s->periods);
}

/* A metric of the configuration that counts all of an event says nothing that the event does not. */
static int
same_values(const struct series *a, const struct series *b)
{
	if (a->n != b->n || a->first != b->first || a->step_ms != b->step_ms || str_eq(a->metric, b->metric))
		return 0;
	for (size_t i = 0; i < a->n; i++)
		if (a->value[i] != b->value[i])
			return 0;
	return a->n >= LEAST;
}

void
claims_of_series(struct claims *c, struct series_set *set, int forecast, const struct holidays *holidays)
{
	struct series_set wholes = {0};
	size_t n = 0, cap = set->by_key.n;
	struct line *line;
	struct buf key = {0};
	struct err err = {0};

	for (struct map_entry *e = map_first(&set->by_key); e; e = map_next(&set->by_key, e))
		if (series_space(e->ptr, &err)) {
			((struct series *)e->ptr)->n = 0;
			err_clear(&err);
		} else {
			cut_beginning(e->ptr);
		}
	add_wholes(set, &wholes);
	for (struct map_entry *e = map_first(&wholes.by_key); e; e = map_next(&wholes.by_key, e))
		if (series_space(e->ptr, &err))
			((struct series *)e->ptr)->n = 0;
	cap += wholes.by_key.n;
	line = mem_new((cap + 1) * sizeof(*line));
	for (int k = 0; k < 2; k++)
		for (struct map_entry *e = map_first(k ? &set->by_key : &wholes.by_key); e; e = map_next(k ? &set->by_key : &wholes.by_key, e)) {
			struct series *s = e->ptr, *whole = without_labels(&wholes, s, &key);
			double share;
			int known = 0;

			whole = whole ? whole : without_labels(set, s, &key);
			share = whole && whole != s && sum_of(whole) > 0 ? sum_of(s) / sum_of(whole) : 1;

			for (size_t i = 0; i < n && !known; i++)
				known = same_values(line[i].series, s);
			if (known || s->n < 2 || (whole && whole != s && share > 0.999))  /* one series is its own whole */
				continue;
			begin_line(&line[n], s, share, c->arena);
			look(c, &line[n], forecast, holidays);
			if (n >= PAIRS_MOST) {          /* only the first are related to each other */
				free(line[n].x);
				line[n].x = NULL;
			}
			n++;
		}
	for (size_t i = 0; i < n && i < PAIRS_MOST; i++)
		for (size_t k = i + 1; k < n && k < PAIRS_MOST; k++)
			if (line[i].n >= 3 * LEAST && line[k].n >= 3 * LEAST)
				relate(c, &line[i], &line[k]);
	for (size_t i = 0; i < n; i++)
		free(line[i].x);
	free(line);
	series_set_release(&wholes);
	buf_release(&key);
}
