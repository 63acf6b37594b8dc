#include "insight/metric_forecast.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "json/json.h"

#define SERIES_MOST 200

struct history { struct str labels; double *y; int64_t first; int n, cap; };

struct histories {
	struct history *series;
	int n, cap;
	struct str by[METRIC_BY_MOST];
	int n_by, points;
	int64_t every;
	struct buf labels;
};

static int
take_point(void *self, const struct cell *cells, int n, struct err *err)
{
	struct histories *h = self;
	struct history *s = h->n ? &h->series[h->n - 1] : NULL;
	const struct cell *value = &cells[n - 1];
	int64_t time;

	buf_clear(&h->labels);
	cell_put_object(&h->labels, h->by, cells, h->n_by);
	if (cells[n - 2].type != CELL_TEXT || time_parse_rfc3339(cells[n - 2].text, &time))
		return 0;
	if (!s || !str_eq(s->labels, buf_get(&h->labels))) {
		if (h->n == SERIES_MOST)
			return err_set(err, ERR_LIMIT, "more than %d series, forecast fewer", SERIES_MOST);
		if (h->n == h->cap)
			h->series = mem_grow(h->series, (size_t)(h->cap = h->cap ? h->cap * 2 : 8), sizeof(*h->series));
		s = &h->series[h->n++];
		*s = (struct history){ .labels = { mem_dup(h->labels.p, h->labels.n), h->labels.n }, .first = time };
	}
	do {                            /* buckets without data stand between those of a mean */
		if (++h->points > METRIC_FORECAST_POINTS)
			return err_set(err, ERR_LIMIT, "more than %d points, ask for a longer interval", METRIC_FORECAST_POINTS);
		if (s->n == s->cap)
			s->y = mem_grow(s->y, (size_t)(s->cap = s->cap ? s->cap * 2 : 64), sizeof(*s->y));
		s->y[s->n++] = NAN;
	} while (time > s->first + (s->n - 1) * h->every + h->every / 2);       /* a day of a zone may end an hour later */
	s->y[s->n - 1] = value->type == CELL_REAL ? value->real : (double)value->integer;
	return 0;
}

static int
run_one(const struct history *s, const struct metric_forecast *f, const struct zone *zone, int counts, int (*each)(void *, const struct metric_forecast_step *), void *self, struct err *err)
{
	size_t begins = counts ? forecast_begins(s->y, (size_t)s->n) : 0;
	int horizon = f->steps, first = 0, rc;
	struct forecast_spec spec = { .value = s->y + begins, .n = (size_t)s->n - begins, .horizon = horizon, .level = f->level, .counts = counts };
	const struct series grid = { .first = s->first, .step_ms = f->every_ms, .zone = zone };
	double *mean, *lower, *upper;

	if (spec.n < FORECAST_LEAST)
		return 0;
	mean = mem_new(3 * (size_t)horizon * sizeof(*mean)), lower = mean + horizon, upper = lower + horizon;
	series_periods(f->every_ms, 0, spec.n, spec.periods);
	rc = holidays_forecast(f->holidays, &grid, begins, zone, &spec, mean, lower, upper, err);
	if (rc == 0 && f->reach) {
		horizon = forecast_reaches(mean, horizon, s->y[s->n - 1], *f->reach);
		first = horizon ? horizon - 1 : 0;
	}
	for (int k = first; rc == 0 && k < horizon; k++)
		rc = each(self, &(struct metric_forecast_step){ .labels = s->labels, .holiday = holidays_at(f->holidays, &grid, (size_t)(s->n + k), zone),
		    .time = series_time(&grid, (size_t)(s->n + k)), .mean = mean[k], .lower = lower[k], .upper = upper[k] });
	free(mean);
	return rc;
}

int
metric_forecast_run(struct query *q, const struct metric_forecast *f, int (*each)(void *, const struct metric_forecast_step *), void *self, struct err *err)
{
	int adds = 1, rc;
	struct metric_spec spec = { .name = f->metric, .by = f->by, .from = f->from, .to = f->to, .every_ms = f->every_ms, .adds = &adds };
	struct histories h = { .every = f->every_ms };

	if ((h.n_by = metric_by_read(f->by, h.by, err)) < 0)
		return err->code;
	spec.to = metric_bucket(q, &spec, spec.to < time_now() ? spec.to : time_now());
	if (spec.from > TIME_MIN)
		spec.from = metric_bucket(q, &spec, spec.from);
	if (spec.to <= spec.from)
		return err_set(err, ERR_INPUT, "the timeRange has no whole interval in it");
	if ((rc = query_begin(q, err)) == 0)
		rc = metric_run(q, &spec, (struct cell_sink){ take_point, &h }, err);
	query_end(q);
	for (int i = 0; i < h.n && rc == 0; i++)
		rc = run_one(&h.series[i], f, query_zone(q), adds, each, self, err);
	for (int i = 0; i < h.n; i++) {
		free((char *)h.series[i].labels.p);
		free(h.series[i].y);
	}
	free(h.series);
	buf_release(&h.labels);
	return rc;
}
