/* insights.c - what changed against the period before, and how a metric may go on. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "insight/changes.h"
#include "insight/forecast.h"
#include "insight/series.h"
#include "query/metric.h"
#include "serve/serve_priv.h"

#define POINTS_MOST 20000
#define SERIES_MOST 200
#define HORIZON_MOST 1000

/* ---- POST /insights */

static void
insights(struct exchange *ex)
{
	struct json list = json_get(ex->body, STR("metrics"));
	const struct period_text period = { exchange_text(ex, json_get(ex->body, STR("timeRange"))), exchange_text(ex, json_get(ex->body, STR("from"))),
		exchange_text(ex, json_get(ex->body, STR("to"))) };
	struct str name[CHANGES_METRICS_MOST];
	struct changes_spec spec = { .source = exchange_text(ex, json_get(ex->body, STR("dataSource"))), .metrics = name, .config = ex->config,
		.recommend = json_get(ex->body, STR("includeRecommendations")).type == JSON_TRUE };
	struct json_iter it;
	struct buf json = { 0 };
	struct err err = { 0 };
	struct query *query;

	for (it = json_iter(list); list.type == JSON_ARRAY && spec.n_metrics < CHANGES_METRICS_MOST && json_next(&it); )
		name[spec.n_metrics++] = exchange_text(ex, it.value);
	if (exchange_period(ex, period, 7 * 86400000LL, &spec.from, &spec.to) || !(query = exchange_query(ex)))
		return;
	ex->asked = list.type == JSON_ARRAY ? json_raw(list) : (struct str){ 0 };
	if (changes_run(query, &spec, &json, &err) == 0) {
		for (it = json_iter(json_get(json_value(buf_get(&json)), STR("insights"))); json_next(&it); )
			ex->rows++;
		exchange_json(ex, 200, &json);
	} else if (err.code == ERR_USAGE && strncmp(err.text, "no data source '", 16) == 0)
		exchange_problem(ex, 404, "%s", err.text);
	else if (strncmp(err.text, "data source '", 13) == 0)
		exchange_problem(ex, 422, "%s", err.text);
	else
		exchange_error(ex, &err);
	buf_release(&json);
}

/* ---- GET /forecast: insight/forecast.h over the metric's buckets */

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
	buf_byte(&h->labels, '{');
	for (int i = 0; i < h->n_by; i++) {
		buf_lit(&h->labels, i ? "," : "");
		json_put_key(&h->labels, h->by[i]);
		cell_put_json(&h->labels, &cells[i]);
	}
	buf_byte(&h->labels, '}');
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
		if (++h->points > POINTS_MOST)
			return err_set(err, ERR_LIMIT, "more than %d points, ask for a longer interval", POINTS_MOST);
		if (s->n == s->cap)
			s->y = mem_grow(s->y, (size_t)(s->cap = s->cap ? s->cap * 2 : 64), sizeof(*s->y));
		s->y[s->n++] = NAN;
	} while (time > s->first + (s->n - 1) * h->every + h->every / 2);       /* a day of a zone may end an hour later */
	s->y[s->n - 1] = value->type == CELL_REAL ? value->real : (double)value->integer;
	return 0;
}

static int
forecast_series(const struct history *s, struct str metric, int64_t every, const struct zone *zone, const struct holidays *holidays, int horizon, double level, const double *reach, int counts,
    struct buf *out, int *told, struct err *err)
{
	size_t begins = counts ? forecast_begins(s->y, (size_t)s->n) : 0;
	struct forecast_spec spec = { .value = s->y + begins, .n = (size_t)s->n - begins, .horizon = horizon, .level = level, .counts = counts };
	const struct series grid = { .first = s->first, .step_ms = every, .zone = zone };
	double *mean = mem_new(3 * (size_t)horizon * sizeof(*mean)), *lower = mean + horizon, *upper = lower + horizon;
	int first = 0, rc;

	series_periods(every, 0, spec.n, spec.periods);
	rc = spec.n < FORECAST_LEAST ? 0 : holidays_forecast(holidays, &grid, begins, zone, &spec, mean, lower, upper, err);
	if (rc == 0 && spec.n >= FORECAST_LEAST && reach) {
		horizon = forecast_reaches(mean, horizon, s->y[s->n - 1], *reach);
		first = horizon ? horizon - 1 : 0;
	}
	for (int k = first; rc == 0 && spec.n >= FORECAST_LEAST && k < horizon; k++) {
		struct str holiday = holidays_at(holidays, &grid, (size_t)(s->n + k), zone);

		buf_lit(out, (*told)++ ? ",{\"metric\":" : "{\"metric\":");
		json_put_string(out, metric);
		buf_lit(out, ",\"timestamp\":");
		json_put_time(out, series_time(&grid, (size_t)(s->n + k)));
		buf_lit(out, ",\"labels\":");
		buf_str(out, s->labels);
		if (holiday.p) {
			buf_lit(out, ",\"holiday\":");
			json_put_string(out, holiday);
		}
		json_put_more_double(out, "mean", mean[k]);
		json_put_more_double(out, "lower", lower[k]);
		json_put_more_double(out, "upper", upper[k]);
		buf_byte(out, '}');
	}
	free(mean);
	return rc;
}

static void
forecast(struct exchange *ex)
{
	struct metric_spec spec = { .name = exchange_param(ex, "metric"), .by = exchange_param(ex, "groupBy") };
	struct str horizon = exchange_param(ex, "horizon"), level_text = exchange_param(ex, "level"), every = exchange_param(ex, "interval"), reach = exchange_param(ex, "reach");
	struct histories h = { .n = 0 };
	struct buf json = { 0 }, rows = { 0 }, by = { 0 };
	struct err err = { 0 };
	struct query *q;
	int64_t span, steps = 14, level = 95;
	int adds = 1, told = 0;
	double bound = 0;
	char interval[32];

	str_double(reach, &bound);
	spec.every_ms = 86400000;
	if (exchange_range(ex, 90 * 86400000LL, &spec.from, &spec.to))
		return;
	if (every.n && (dur_parse(every, &spec.every_ms, &err) || spec.every_ms < 1000)) {
		exchange_problem(ex, 400, "interval: wants a span of a second or more, 1h or 1d");
		return;
	}
	if (horizon.n && str_int64(horizon, &steps))
		steps = dur_parse(horizon, &span, &err) == 0 ? (span + spec.every_ms - 1) / spec.every_ms : 0;
	if (level_text.n && str_int64(level_text, &level))
		level = 0;
	if (steps < 1 || steps > HORIZON_MOST || level < 1 || level > 99) {
		exchange_problem(ex, 400, "horizon wants a span or a number of steps, 1 to %d of them; level 1 to 99", HORIZON_MOST);
		return;
	}
	if (spec.from > TIME_MIN && (spec.to > TIME_MAX ? time_now() : spec.to) / spec.every_ms - spec.from / spec.every_ms > POINTS_MOST) {
		exchange_problem(ex, 422, "more than %d points, ask for a longer interval or a shorter timeRange", POINTS_MOST);
		return;
	}
	if ((h.n_by = metric_by_read(spec.by, h.by, &err)) < 0) {
		exchange_problem(ex, 400, "%s", err.text);
		return;
	}
	metric_by_print(h.by, h.n_by, &by);
	spec.by = h.n_by ? (struct str){ arena_dup(ex->arena, by.p, by.n), by.n } : (struct str){ 0 };
	buf_release(&by);
	spec.adds = &adds;
	h.every = spec.every_ms;
	if (!(q = exchange_query(ex)))
		return;
	/* the bucket that still runs, or that the period cuts at its end, is no point of the past; the one that it cuts at its beginning is whole */
	spec.to = metric_bucket(q, &spec, spec.to < time_now() ? spec.to : time_now());
	if (spec.from > TIME_MIN)
		spec.from = metric_bucket(q, &spec, spec.from);
	if (spec.to <= spec.from) {
		exchange_problem(ex, 422, "the timeRange has no whole interval in it");
		return;
	}
	if (query_begin(q, &err) == 0)
		metric_run(q, &spec, (struct cell_sink){ take_point, &h }, &err);
	query_end(q);
	if (!err.code) {
		for (int i = 0; i < h.n && !err.code; i++)
			if (h.series[i].n >= FORECAST_LEAST)
				forecast_series(&h.series[i], spec.name, spec.every_ms, query_zone(q), serve_call_of(ex)->setup->holidays, (int)steps, (double)level / 100, reach.n ? &bound : NULL, adds, &rows, &told, &err);
	}
	if (!err.code) {
		ex->rows = told;
		dur_print(spec.every_ms, interval);
		buf_lit(&json, "{\"metric\":");
		json_put_string(&json, spec.name);
		buf_printf(&json, ",\"interval\":\"%s\",\"level\":%lld,\"forecast\":[", interval, (long long)level);
		buf_str(&json, buf_get(&rows));
		buf_lit(&json, "]}");
		exchange_json(ex, 200, &json);
	} else if (err.code == ERR_USAGE && strncmp(err.text, "no metric '", 11) == 0) {
		serve_reword_err(&err);
		exchange_problem(ex, 404, "%s", err.text);
	} else {
		exchange_error(ex, &err);
	}
	for (int i = 0; i < h.n; i++) {
		free((char *)h.series[i].labels.p);
		free(h.series[i].y);
	}
	free(h.series);
	buf_release(&h.labels);
	buf_release(&json);
	buf_release(&rows);
}

static const struct route_param forecast_params[] = { { "metric", "string", 1, "a metric of config/analytics.json, a stored one, or an event" },
	{ "timeRange", "string", 0, "the past to learn from (90d)" }, { "from", "time", 0, "its beginning, where there is no timeRange" }, { "to", "time", 0, "its end" },
	{ "interval", "duration", 0, "length of a step (1d)" }, { "horizon", "string", 0, "how far: a span, 14d, or a number of steps (14)" },
	{ "reach", "number", 0, "only the step at which the forecast reaches this value, if it does" },
	{ "level", "integer", 0, "percent that the interval is to hold (95)" }, { "groupBy", "list", 0, "a series for each value of these fields" }, { 0 } };

const struct route route_insights[] = {
	{ "POST", "/api/v1/insights", "What changed against the period before, with the evidence.", AUTH_READ, "insights", NULL, "Insights", "InsightsAnswer", 200, ROUTE_POOL, 65536, insights, .reads = 1 },
	{ "GET", "/api/v1/forecast", "How a metric may go on.", AUTH_READ, "forecast", forecast_params, NULL, "Forecast", 200, ROUTE_POOL, 0, forecast, .reads = 1 },
	{ 0 }
};
