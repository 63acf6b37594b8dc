/* insights.c - what changed against the period before, and how a metric may go on. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "insight/changes.h"
#include "insight/metric_forecast.h"
#include "serve/serve_priv.h"


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

/* ---- GET /forecast */

struct told { struct buf rows; struct str metric; int n; };

static int
tell_step(void *self, const struct metric_forecast_step *step)
{
	struct told *t = self;
	struct buf *b = &t->rows;

	buf_lit(b, t->n++ ? ",{\"metric\":" : "{\"metric\":");
	json_put_string(b, t->metric);
	buf_lit(b, ",\"timestamp\":");
	json_put_time(b, step->time);
	buf_lit(b, ",\"labels\":");
	buf_str(b, step->labels);
	if (step->holiday.p)
		json_put_more_text(b, "holiday", step->holiday);
	json_put_more_double(b, "mean", step->mean);
	json_put_more_double(b, "lower", step->lower);
	json_put_more_double(b, "upper", step->upper);
	buf_byte(b, '}');
	return 0;
}

static void
forecast(struct exchange *ex)
{
	struct metric_forecast spec = { .metric = exchange_param(ex, "metric"), .every_ms = 86400000, .holidays = serve_call_of(ex)->setup->holidays };
	struct str horizon = exchange_param(ex, "horizon"), level_text = exchange_param(ex, "level"), every = exchange_param(ex, "interval"), reach = exchange_param(ex, "reach");
	struct told told = { .metric = spec.metric };
	struct str fields[METRIC_BY_MOST];
	struct buf json = { 0 }, by = { 0 };
	struct err err = { 0 };
	struct query *q;
	int64_t span, steps = 14, level = 95;
	int n_by;
	double bound = 0;
	char interval[32];

	str_double(reach, &bound);
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
	if (steps < 1 || steps > METRIC_FORECAST_STEPS || level < 1 || level > 99) {
		exchange_problem(ex, 400, "horizon wants a span or a number of steps, 1 to %d of them; level 1 to 99", METRIC_FORECAST_STEPS);
		return;
	}
	if (spec.from > TIME_MIN && (spec.to > TIME_MAX ? time_now() : spec.to) / spec.every_ms - spec.from / spec.every_ms > METRIC_FORECAST_POINTS) {
		exchange_problem(ex, 422, "more than %d points, ask for a longer interval or a shorter timeRange", METRIC_FORECAST_POINTS);
		return;
	}
	if ((n_by = metric_by_read(exchange_param(ex, "groupBy"), fields, &err)) < 0) {
		exchange_problem(ex, 400, "%s", err.text);
		return;
	}
	metric_by_print(fields, n_by, &by);
	spec.by = buf_get(&by);
	spec.steps = (int)steps, spec.level = (double)level / 100, spec.reach = reach.n ? &bound : NULL;
	if (!(q = exchange_query(ex))) {
		buf_release(&by);
		return;
	}
	if (metric_forecast_run(q, &spec, tell_step, &told, &err) == 0) {
		ex->rows = told.n;
		dur_print(spec.every_ms, interval);
		buf_lit(&json, "{\"metric\":");
		json_put_string(&json, spec.metric);
		buf_printf(&json, ",\"interval\":\"%s\",\"level\":%lld,\"forecast\":[", interval, (long long)level);
		buf_str(&json, buf_get(&told.rows));
		buf_lit(&json, "]}");
		exchange_json(ex, 200, &json);
	} else if (err.code == ERR_USAGE && strncmp(err.text, "no metric '", 11) == 0) {
		serve_reword_err(&err);
		exchange_problem(ex, 404, "%s", err.text);
	} else if (err.code == ERR_INPUT && strncmp(err.text, "the timeRange ", 14) == 0) {
		exchange_problem(ex, 422, "%s", err.text);
	} else {
		exchange_error(ex, &err);
	}
	buf_release(&json);
	buf_release(&told.rows);
	buf_release(&by);
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
