/* forecast.c - the verb forecast: the next values of metric rows, or of a metric of the store. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cmd.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/time.h"
#include "config/config.h"
#include "event/rows.h"
#include "insight/holidays.h"
#include "insight/series.h"
#include "query/metric.h"

#include "at-insight.h"

#define HORIZON_MOST 10000
#define LEVEL_USUAL  95
#define RANGE_STEPS  2000               /* of a stored metric, looked back */

static int
add_row(void *self, struct str row, struct err *err)
{
	return series_add_row(self, row, err);
}

/* ---- a metric of the store as series */

struct from_store { struct series_set *set; struct str metric, by; struct buf labels; };

static int
add_cells(void *self, const struct cell *cells, int n, struct err *err)
{
	struct from_store *from = self;
	struct str rest = from->by, name;
	int64_t time;
	double v;

	(void)err;
	buf_clear(&from->labels);
	buf_byte(&from->labels, '{');
	for (int i = 0; i < n - 2 && str_cut(&rest, ',', &name); i++) {
		if (i)
			buf_byte(&from->labels, ',');
		json_put_key(&from->labels, str_trim(name));
		cell_put_json(&from->labels, &cells[i]);
	}
	buf_byte(&from->labels, '}');
	if (cells[n - 1].type == CELL_NULL || time_parse_rfc3339(cells[n - 2].text, &time))
		return 0;
	v = cells[n - 1].type == CELL_INTEGER ? (double)cells[n - 1].integer : cells[n - 1].real;
	series_add(from->set, from->metric, buf_get(&from->labels), STR("value"), time, v);
	return 0;
}

static int
read_store(struct series_set *set, const char *metric, struct err *err)
{
	const struct cmd_settings *settings = cmd_settings();
	struct config *config = config_open(settings->config, err);
	struct query_spec spec = { .store = settings->store, .tenant = settings->tenant, .config = config, .zone = settings->zone, .stopping = cmd_stopping };
	struct metric_spec ask = { .name = str_of(metric), .by = str_of(want.by), .to = time_now() };
	struct from_store from = { .set = set, .by = str_of(want.by) };
	struct buf quoted = {0};
	struct query *query = NULL;
	int64_t range = 0;
	int adds = 0, rc;

	json_put_string(&quoted, str_of(metric));
	from.metric = buf_get(&quoted);
	ask.every_ms = 3600000;
	ask.adds = &adds;
	rc = config ? 0 : err->code;
	if (rc == 0 && want.every && dur_parse(str_of(want.every), &ask.every_ms, err))
		rc = err_at(err, "--every");
	if (rc == 0 && (ask.every_ms < 1 || ask.every_ms > INT64_MAX / RANGE_STEPS))
		rc = err_set(err, ERR_USAGE, "--every: '%s' is no length of a step, try 1h", want.every);
	if (rc == 0 && want.range && dur_parse(str_of(want.range), &range, err))
		rc = err_at(err, "--range");
	if (rc == 0 && !(query = query_open(&spec, err)))
		rc = err->code;
	if (rc == 0) {
		ask.to = metric_bucket(query, &ask, ask.to);    /* the bucket that is still open would look like a fall, as one would that is cut at its beginning */
		ask.from = metric_bucket(query, &ask, ask.to - (range ? range : RANGE_STEPS * ask.every_ms));
		rc = metric_run(query, &ask, (struct cell_sink){ add_cells, &from }, err);
	}
	for (struct map_entry *e = map_first(&set->by_key); e; e = map_next(&set->by_key, e)) {
		struct series *s = e->ptr;

		s->is_sum = adds;
		s->every_ms = ask.every_ms;
		s->zone = settings->zone;
	}
	query_close(query);
	config_close(config);
	buf_release(&quoted);
	buf_release(&from.labels);
	return rc;
}

/* ---- forecast */

static int
horizon_of(const struct series *s, int *steps, struct err *err)
{
	int64_t n, ms;

	if (!want.horizon) {
		int longest = 0;

		for (int i = 0; i < FORECAST_PERIODS && s->periods[i]; i++)
			longest = s->periods[i];
		*steps = longest > 1 && longest <= 200 ? longest : 14;
		return 0;
	}
	if (str_int64(str_of(want.horizon), &n) == 0) {
		ms = n;
	} else {
		if (dur_parse(str_of(want.horizon), &ms, err))
			return err_at(err, "--horizon");
		n = s->step_ms ? ms / s->step_ms : ms / ((int64_t)s->months * 30 * 86400000);
		n = n ? n : 1;
	}
	if (n < 1 || n > HORIZON_MOST)
		return err_set(err, ERR_USAGE, "--horizon: '%s' is no number of steps from 1 to %d and no such span", want.horizon, HORIZON_MOST);
	*steps = (int)n;
	return 0;
}

static void
put_forecast(const struct series *s, int one_field, int h, struct str holiday, const double *mean, const double *lower, const double *upper)
{
	struct buf *b = &out_stdout()->buf;

	buf_lit(b, "{\"metric\":");
	buf_str(b, s->metric);
	buf_lit(b, ",\"timestamp\":");
	json_put_time(b, series_time(s, s->n + (size_t)h));
	buf_lit(b, ",\"labels\":");
	buf_str(b, s->labels);
	if (!one_field) {
		buf_lit(b, ",\"field\":");
		json_put_string(b, s->field);
	}
	if (holiday.p) {
		buf_lit(b, ",\"holiday\":");
		json_put_string(b, holiday);
	}
	buf_lit(b, ",\"mean\":");
	json_put_double(b, mean[h]);
	buf_lit(b, ",\"lower\":");
	json_put_double(b, lower[h]);
	buf_lit(b, ",\"upper\":");
	json_put_double(b, upper[h]);
	buf_lit(b, "}\n");
	out_row(out_stdout());
}

static int
forecast_series(struct series *s, int one_field, int stored, const struct holidays *holidays, struct err *err)
{
	const struct zone *zone = cmd_settings()->zone;
	double *mean = NULL;
	size_t begins;
	int steps = 0, rc;

	if ((rc = series_space(s, err)) || (rc = horizon_of(s, &steps, err)))
		return rc;
	mean = mem_new(3 * (size_t)steps * sizeof(*mean));
	begins = stored && s->is_count ? forecast_begins(s->value, s->n) : 0;
	struct forecast_spec spec = { .value = s->value + begins, .n = s->n - begins, .horizon = steps, .level = (isnan(want.level) ? LEVEL_USUAL : want.level) / 100, .counts = s->is_count };

	memcpy(spec.periods, s->periods, sizeof(spec.periods));
	if ((rc = holidays_forecast(holidays, s, begins, zone, &spec, mean, mean + steps, mean + 2 * steps, err)) == 0) {
		int at = want.reaches ? forecast_reaches(mean, steps, s->value[s->n - 1], want.reach) : 0;

		for (int h = want.reaches ? at - 1 : 0; h >= 0 && h < (want.reaches ? at : steps); h++)
			put_forecast(s, one_field, h, holidays_at(holidays, s, s->n + (size_t)h, zone), mean, mean + steps, mean + 2 * steps);
	}
	free(mean);
	return rc;
}

static struct holidays *
find_holidays(struct err *err)
{
	struct config *config;
	struct holidays *holidays;

	if (want.holidays)
		return holidays_read(want.holidays, err);
	if (!(config = config_open(cmd_settings()->config, err)))
		return NULL;
	holidays = holidays_of_json(config_get(config, "analytics", "holidays"), err);
	config_close(config);
	return holidays;
}

int
forecast(char **words, int n, struct err *err)
{
	struct series_set set = {0};
	struct rows rows = { .row = add_row, .self = &set };
	int rc, one_field = 1, made = 0, stored = n > 0 && strcmp(words[0], "-");
	struct holidays *holidays;
	struct str field = {0};

	if (want.format && strcmp(want.format, "ndjson"))
		return err_set(err, ERR_USAGE, "--format: a forecast is rows, ndjson, not '%s'", want.format);
	if (!stored && (want.by || want.every || want.range))
		return err_set(err, ERR_USAGE, "--%s goes with a metric of the store, rows have theirs", want.by ? "by" : want.every ? "every" : "range");
	if (!(holidays = find_holidays(err)))
		return err->code;
	if (!stored)
		rc = rows_read(&rows, words + (n > 0), err);
	else if (n > 1)
		rc = err_set(err, ERR_USAGE, "forecast: one metric is forecast, '%s' is more; rows from files come behind '-'", words[1]);
	else
		rc = read_store(&set, words[0], err);
	for (struct map_entry *e = map_first(&set.by_key); e; e = map_next(&set.by_key, e)) {
		const struct series *s = e->ptr;

		one_field &= !field.p || str_eq(field, s->field);
		field = s->field;
	}
	for (struct map_entry *e = map_first(&set.by_key); e && rc == 0 && !cmd_stopping(); e = map_next(&set.by_key, e)) {
		const struct series *s = e->ptr;

		if ((rc = forecast_series(e->ptr, one_field, stored, holidays, err)) == ERR_INPUT) {      /* too short: said, the others go on */
			cmd_say("%.*s %.*s: %s", STR_FMT(s->metric), STR_FMT(s->labels), err->text);
			err_clear(err);
			rc = 0;
		} else {
			made++;
			if (want.holidays && !holidays_fit(s))
				cmd_say("%.*s %.*s: steps that are no part of a day have no holidays", STR_FMT(s->metric), STR_FMT(s->labels));
		}
	}
	reject_close(&rows.rejects);
	if (rc == 0 && !made && (set.by_key.n || rows.rejects.count) && !cmd_stopping())
		rc = err_set(err, ERR_INPUT, "nothing could be forecast");
	if (rc == 0 && !made && set.by_key.n == 0 && n > 0 && strcmp(words[0], "-"))
		rc = err_set(err, ERR_IO, "%s: nothing in the store to forecast from, see at-query schema", words[0]);
	series_set_release(&set);
	holidays_free(holidays);
	return rc;
}
