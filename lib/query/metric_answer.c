#include "query/metric_answer.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/time.h"
#include "codec/decimals.h"
#include "query/metric_built_in.h"
#include "window/number.h"

#define ANSWER_MOST (64u << 20)         /* bytes of an answer, about */
#define BUCKETS 100                     /* about so many where no interval is given */

/* Of values, which are decimals mostly (codec/decimals.h). */
struct total { __int128 nano; double rest; };

struct line { struct str labels; struct buf points; struct total total; size_t n; };

struct answer {
	struct str by[METRIC_BY_MOST];
	int n_by;
	struct metric_filter filter[METRIC_FILTERS_MOST];
	struct line *series;
	size_t n, cap, bytes;
	struct total total;
	int totals;                     /* the second round: values are totals */
	struct buf labels;
};

static struct str
labels_of(struct answer *m, const struct cell *cells)
{
	buf_clear(&m->labels);
	cell_put_object(&m->labels, m->by, cells, m->n_by);
	return buf_get(&m->labels);
}

static double
figure_of(const struct cell *c)
{
	return c->type == CELL_INTEGER ? (double)c->integer : c->type == CELL_REAL ? c->real : 0;
}

static int
metric_row(void *self, const struct cell *cells, int n, struct err *err)
{
	struct answer *m = self;
	const struct cell *time = &cells[n - 2], *value = &cells[n - 1];
	struct line *s = m->n ? &m->series[m->n - 1] : NULL;
	struct str labels;

	labels = labels_of(m, cells);
	if (m->totals) {
		for (size_t i = 0; i < m->n; i++)
			if (str_eq(m->series[i].labels, labels))
				m->series[i].total = (struct total){ .rest = figure_of(value) };
		return 0;
	}
	if (!s || !str_eq(s->labels, labels)) {
		if (m->n == m->cap)
			m->series = mem_grow(m->series, m->cap = m->cap ? m->cap * 2 : 16, sizeof(*m->series));
		s = &m->series[m->n++];
		*s = (struct line){ .labels = { mem_dup(labels.p, labels.n), labels.n } };
	}
	buf_lit(&s->points, s->n++ ? ",[" : "[");
	cell_put_json(&s->points, time);
	buf_byte(&s->points, ',');
	cell_put_json(&s->points, value);
	buf_byte(&s->points, ']');
	decimals_sum_one(figure_of(value), &s->total.nano, &s->total.rest);
	decimals_sum_one(figure_of(value), &m->total.nano, &m->total.rest);
	m->bytes += 40;
	return m->bytes > ANSWER_MOST ? err_set(err, ERR_LIMIT, "too many points, ask for a longer interval or fewer labels") : 0;
}

static int
metric_total(void *self, const struct cell *cells, int n, struct err *err)
{
	struct answer *m = self;

	(void)err;
	m->total = (struct total){ .rest = figure_of(&cells[n - 1]) };
	return 0;
}

/* Where no interval is asked for: the first of these that gives about a hundred buckets. */
static int64_t
choose_interval(int64_t from, int64_t to)
{
	static const int64_t spans[] = { 1000, 10000, 60000, 300000, 900000, 3600000, 6 * 3600000LL, 86400000LL, 7 * 86400000LL };
	const int n = sizeof(spans) / sizeof(*spans);

	if (from <= TIME_MIN || to > TIME_MAX)
		return 86400000LL;
	for (int i = 0; i < n; i++)
		if ((to - from) / spans[i] <= BUCKETS)
			return spans[i];
	return spans[n - 1];
}

static void
put_list(struct buf *b, const struct str *list, int n)
{
	buf_byte(b, '[');
	for (int i = 0; i < n; i++) {
		buf_lit(b, i ? "," : "");
		json_put_string(b, list[i]);
	}
	buf_byte(b, ']');
}

/* The period that is told: an end that nobody named is that of what there is; now where there is nothing. */
static struct metric_reach
period_of(const struct metric_spec *spec, const struct metric_reach *there)
{
	struct metric_reach told = { spec->from, spec->to };
	int64_t now = time_now();
	int any = there->from < there->to;

	if (told.to > TIME_MAX)
		told.to = any ? there->to : told.from > now ? told.from : now;
	if (told.from == TIME_MIN)
		told.from = any ? there->from : told.to;
	return told;
}

static void
put_total(struct buf *b, const struct total *t)
{
	json_put_double(b, t->nano ? number_double(&(struct number){ t->nano, -9 }) + t->rest : t->rest);
}

static void
put_metric(struct buf *b, const struct answer *m, const struct metric_spec *spec, const struct metric_reach *period, int has_every, int adds, const char *note)
{
	char interval[32];

	metric_every_print(spec->every_ms, spec->months, interval);
	buf_lit(b, "{\"metric\":");
	json_put_string(b, spec->name);
	buf_lit(b, ",\"from\":");
	json_put_time(b, period->from);
	buf_lit(b, ",\"to\":");
	json_put_time(b, period->to > TIME_MAX ? TIME_MAX : period->to);
	if (has_every)
		buf_printf(b, ",\"interval\":\"%s\"", interval);
	else
		buf_lit(b, ",\"interval\":null");
	buf_printf(b, ",\"additive\":%s,\"groupBy\":", adds ? "true" : "false");
	put_list(b, m->by, m->n_by);
	buf_lit(b, ",\"total\":");
	put_total(b, &m->total);
	buf_lit(b, ",\"series\":[");
	for (size_t i = 0; i < m->n; i++) {
		buf_lit(b, i ? ",{\"labels\":" : "{\"labels\":");
		buf_str(b, m->series[i].labels);
		buf_lit(b, ",\"total\":");
		put_total(b, &m->series[i].total);
		buf_lit(b, ",\"points\":[");
		buf_str(b, buf_get(&m->series[i].points));
		buf_lit(b, "]}");
	}
	buf_byte(b, ']');
	if (note) {
		buf_lit(b, ",\"note\":");
		json_put_string(b, str_of(note));
	}
	buf_byte(b, '}');
}

static int
read_question(struct answer *m, const struct metric_question *question, struct metric_spec *spec, struct err *err)
{
	struct str every = question->interval;

	*spec = (struct metric_spec){ .name = question->name, .from = question->from, .to = question->to };
	if (!every.n)
		spec->every_ms = choose_interval(spec->from, spec->to);
	else if (!str_eq(every, STR("all")) && (metric_every_read(every, &spec->every_ms, &spec->months) || spec->every_ms < 1))
		return err_set(err, ERR_INPUT, "interval: '%.*s' is no span, try 1m, 1h or 1 month", every.n > 40 ? 40 : (int)every.n, every.p);
	return (m->n_by = metric_by_read(question->by, m->by, err)) < 0 ? m->n_by : 0;
}

static struct str
joined(struct buf *b, const struct str *names, int n)
{
	buf_clear(b);
	metric_by_print(names, n, b);
	return n ? buf_get(b) : (struct str){ 0 };
}

int
metric_answer(struct query *q, const struct metric_question *question, struct buf *json, struct err *err)
{
	struct answer m = { .n_by = 0 };
	struct metric_reach there = { INT64_MAX, INT64_MIN }, period;
	struct metric_spec spec;
	struct arena *texts = arena_new(0);
	struct buf by = { 0 };
	const char *note = NULL;
	int adds = 1;

	if (read_question(&m, question, &spec, err) || (spec.n_filters = metric_filters_read(question->filters, m.filter, texts, err)) < 0)
		goto out;
	spec.filter = m.filter;
	spec.by = joined(&by, m.by, m.n_by);
	spec.adds = &adds;
	spec.reach = &there;
	if (query_begin(q, err) == 0)
		metric_run(q, &spec, (struct cell_sink){ metric_row, &m }, err);
	if (err->code == ERR_USAGE && strncmp(err->text, "no metric '", 11) == 0) {
		note = metric_built_in(spec.name) ? "there is nothing yet that it could be told of: no funnel is named in funnels.default of config/analytics.json, and none is known of the events that came" :
		    "there is no such metric yet: it is not in config/analytics.json, not stored, and no event of that name came";
		err_clear(err);
	}
	adds &= !note || !metric_built_in(spec.name);
	period = period_of(&spec, &there);
	if (!err->code && !adds && !note && (spec.every_ms || m.n_by)) {      /* a total is a value of its own, also where no bucket has any */
		struct metric_spec whole = spec;

		whole.every_ms = whole.months = 0;
		m.totals = 1;
		for (size_t i = 0; i < m.n; i++)
			m.series[i].total = (struct total){ 0 };
		metric_run(q, &whole, (struct cell_sink){ metric_row, &m }, err);
		whole.by = (struct str){ 0 };
		m.total = (struct total){ 0 };
		if (!err->code)
			metric_run(q, &whole, (struct cell_sink){ metric_total, &m }, err);
	}
	query_end(q);
	if (!err->code)
		put_metric(json, &m, &spec, &period, spec.every_ms != 0, adds, note);
out:
	for (size_t i = 0; i < m.n; i++) {
		free((char *)m.series[i].labels.p);
		buf_release(&m.series[i].points);
	}
	free(m.series);
	buf_release(&m.labels);
	buf_release(&by);
	arena_free(texts);
	return err->code;
}
