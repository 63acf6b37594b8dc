#include "dash/data_priv.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "insight/metric_forecast.h"

/* ---- answers */

int
data_put_columns(struct answer_maker *m, const struct str *names, int n, struct err *err)
{
	m->answer->columns = n;
	m->answer->column = arena_get(m->arena, (size_t)n * sizeof(struct str) + 1);
	for (int i = 0; m->answer->column && i < n; i++) {
		m->answer->column[i] = (struct str){ arena_dup(m->arena, names[i].p, names[i].n), names[i].n };
		if (!m->answer->column[i].p)
			m->answer->column = NULL;
	}
	return m->answer->column ? 0 : err_set(err, ERR_LIMIT, "the answer has too many columns to be shown");
}

/* The cells grow on the heap and move into the arena at the end. */
int
data_put_row(struct answer_maker *m, const struct cell *cells, int n, struct err *err)
{
	struct answer *a = m->answer;
	struct cell *to;

	if (n != a->columns)
		return err_set(err, ERR_INPUT, "a row of the answer has %d columns instead of %d", n, a->columns);
	if (a->rows == DATA_ROWS) {
		a->more = 1;
		return 1;
	}
	if (!a->cell || ((size_t)a->rows + 1) * (size_t)n > m->cap) {
		m->cap = m->cap ? 2 * m->cap : 64 * (size_t)n;
		a->cell = mem_grow(a->cell, m->cap, sizeof(*a->cell));
	}
	to = a->cell + (size_t)a->rows * (size_t)n;
	for (int i = 0; i < n; i++) {
		to[i] = cells[i];
		if (cells[i].type == CELL_TEXT && !(to[i].text.p = arena_dup(m->arena, cells[i].text.p ? cells[i].text.p : "", cells[i].text.n)))
			return err_set(err, ERR_LIMIT, "the answer is too large to be shown, let it have fewer rows");
	}
	a->rows++;
	return 0;
}

void
data_put_end(struct answer_maker *m)
{
	struct answer *a = m->answer;
	size_t size = (size_t)a->rows * (size_t)a->columns * sizeof(*a->cell);
	struct cell *heap = a->cell;

	a->cell = heap && size ? arena_get(m->arena, size) : NULL;
	if (a->cell)
		memcpy(a->cell, heap, size);
	else
		a->rows = 0;
	free(heap);
}

int
data_ask(struct data *d, const char *sql, const struct query_param *params, int n_params, struct arena *arena, struct answer *answer, struct err *err)
{
	*answer = (struct answer){0};
	return d->ask(d, sql, params, n_params, arena, answer, err);
}

int
data_put_step(struct answer_maker *m, struct str time, double mean, double lower, double upper, struct err *err)
{
	static const struct str names[] = { { "timestamp", 9 }, { "mean", 4 }, { "lower", 5 }, { "upper", 5 } };

	if (!m->answer->columns && data_put_columns(m, names, 4, err))
		return err->code;
	return data_put_row(m, (struct cell[]){ cell_text(time), cell_real(mean), cell_real(lower), cell_real(upper) }, 4, err);
}

int
data_forecast(struct data *d, const struct data_ahead *ahead, struct arena *arena, struct answer *answer, struct err *err)
{
	struct answer_maker m = { answer, arena, 0 };

	*answer = (struct answer){0};
	d->forecast(d, ahead, &m, err);
	data_put_end(&m);
	return err->code;
}

int
data_dashboards(struct data *d, int (*each)(void *, struct json, struct err *), void *self, struct err *err)
{
	return d->dashboards(d, each, self, err);
}

int
data_watch(struct data *d, struct err *err)
{
	return d->watch ? d->watch(d, err) : ERR_IO;
}

uint64_t
data_version(struct data *d)
{
	return d->version ? d->version(d) : 0;
}

void
data_free(struct data *d)
{
	if (d)
		d->free(d);
}

/* ---- the store */

struct of_query { struct data data; struct query *query; };

static int
take_columns(void *self, const struct str *names, int n, struct err *err)
{
	return data_put_columns(self, names, n, err);
}

static int
take_row(void *self, const struct cell *cells, int n, struct err *err)
{
	return data_put_row(self, cells, n, err);
}

static int
query_ask(struct data *d, const char *sql, const struct query_param *params, int n_params, struct arena *arena, struct answer *answer, struct err *err)
{
	struct answer_maker m = { answer, arena, 0 };
	const struct query_sink sink = { take_columns, take_row, &m };
	size_t at = 0;
	struct str all = str_of(sql), rest;
	int rc = query_run(((struct of_query *)d)->query, all, &at, params, n_params, &sink, err);

	data_put_end(&m);
	rest = str_trim((struct str){ all.p + at, all.n - at });
	while (rest.n && *rest.p == ';')
		rest = str_trim((struct str){ rest.p + 1, rest.n - 1 });
	if (answer->more)                       /* ended by us */
		err_clear(err);
	else if (rc == 0 && !err->code)
		err_set(err, ERR_USAGE, "there is no statement in the query");
	else if (rc > 0 && rest.n)              /* as at-serve has it */
		err_set(err, ERR_USAGE, "one statement at a time, '%.*s' is a second one", rest.n > 40 ? 40 : (int)rest.n, rest.p);
	return err->code;
}

struct stepping { struct answer_maker *maker; struct err *err; };

static int
take_step(void *self, const struct metric_forecast_step *step)
{
	struct stepping *s = self;
	char time[TIME_LEN];

	time_print(step->time, time);
	return data_put_step(s->maker, (struct str){ time, TIME_LEN }, step->mean, step->lower, step->upper, s->err);
}

static int
query_forecast(struct data *d, const struct data_ahead *ahead, struct answer_maker *m, struct err *err)
{
	struct query *q = ((struct of_query *)d)->query;
	struct holidays *holidays = query_config(q) ? holidays_of_json(config_get(query_config(q), "analytics", "holidays"), err) : NULL;
	const struct metric_forecast f = { .metric = ahead->metric, .from = ahead->from, .to = ahead->to, .every_ms = ahead->every_ms, .steps = ahead->steps, .level = 0.95,
		.holidays = holidays };
	struct stepping s = { m, err };

	if (!err->code)
		metric_forecast_run(q, &f, take_step, &s, err);
	holidays_free(holidays);
	return err->code;
}

struct records { int (*each)(void *, struct json, struct err *); void *self; struct err *err; };

static int
each_record(void *self, struct str name, struct str value)
{
	struct records *r = self;

	(void)name;
	return r->each(r->self, json_value(value), r->err);
}

static int
query_dashboards(struct data *d, int (*each)(void *, struct json, struct err *), void *self, struct err *err)
{
	struct query *q = ((struct of_query *)d)->query;
	struct records records = { each, self, err };
	struct json one = JSON_ABSENT, all = JSON_ABSENT;
	struct store *store;
	int rc = 0;

	if (query_config(q)) {
		one = config_get(query_config(q), "dashboards", "");
		all = config_get(query_config(q), "dashboards", "dashboards");
	}
	if (json_is(json_get(one, STR("widgets")), JSON_ARRAY))
		rc = each(self, one, err);
	for (struct json_iter it = json_iter(all); rc == 0 && json_is(all, JSON_ARRAY) && json_next(&it); )
		rc = each(self, it.value, err);
	if (rc == 0)
		rc = (store = query_store(q, err)) ? store_each_state(store, "dashboard", each_record, &records, err) : err->code;
	return rc;
}

static int
query_watch(struct data *d, struct err *err)
{
	struct store *store = query_store(((struct of_query *)d)->query, err);

	return store ? store_watch(store, err) : err->code;
}

static uint64_t
query_version(struct data *d)
{
	struct err ignore = {0};
	struct store *store = query_store(((struct of_query *)d)->query, &ignore);

	return store ? store_version(store) : 0;
}

static void
query_data_free(struct data *d)
{
	free(d);
}

struct data *
data_of_query(struct query *q)
{
	struct of_query *d = mem_new(sizeof(*d));

	*d = (struct of_query){ { query_ask, query_forecast, query_dashboards, query_watch, query_version, query_data_free }, q };
	return &d->data;
}
