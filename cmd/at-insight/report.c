/* report.c - the verb report: a dashboard as text, Markdown, HTML or PDF, with what is worth saying of its metrics in front. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/task.h"
#include "base/time.h"
#include "dash/find.h"
#include "dash/reading.h"
#include "dash/report.h"
#include "insight/claims.h"
#include "insight/metric_claims.h"
#include "insight/target.h"

#include "at-insight.h"

#define WIDTH        100                /* of text */
#define METRICS_MOST 6                  /* that are explained: the first of the dashboard */
#define FIELDS_MOST  4                  /* that they are explained by */
#define SAID_MOST    12                 /* sentences */

static struct definition *
find_definition(struct data *data, struct err *err)
{
	const char *name = want.dashboard;
	struct definition *d = NULL;
	struct buf ids = {0};

	if (name && access(name, R_OK) == 0 && ((d = definition_open(name, err)) || err->code))
		return d;
	if (name && ((d = find_dashboard(data, str_of(name), err)) || err->code))
		return d;
	if (!name || strcmp(name, "overview") == 0)
		return find_made(data, err);
	if (find_ids(data, &ids, err) == 0)
		err_set(err, ERR_INPUT, "--dashboard: '%.64s' is none and no file; there are: overview%s%.200s", name, ids.n ? ", " : "", buf_text(&ids));
	buf_release(&ids);
	return NULL;
}

/* A metric's curve as a series to be looked at; its first and its last bucket are cut by the period's ends. */
static void
add_series(struct query *q, struct series_set *set, const struct widget *w, const struct reading *v)
{
	const struct map_entry *e;

	for (int i = 1; v->curves == 1 && !v->left_out && i < v->times - 1; i++)
		if (v->curve[0].value[i] == v->curve[0].value[i])
			series_add(set, w->metric, STR("{}"), STR("value"), v->time[i], v->curve[0].value[i]);
	for (e = map_first(&set->by_key); e; e = map_next(&set->by_key, e))
		if (str_eq(((struct series *)e->ptr)->metric, w->metric)) {
			((struct series *)e->ptr)->counted = metric_claims_counted(q, w->metric);
			((struct series *)e->ptr)->is_sum = ((struct series *)e->ptr)->counted;         /* nothing before it begins, which is no step up */
		}
}

/* What the dashboard tells parts by, anywhere: few fields, whose counts are kept. All that events have would be a minute's work for 10 M of
 * them, where some field is nearly as many values. */
static void
put_fields(const struct definition *d, struct buf *by)
{
	struct str known[FIELDS_MOST], rest, field;
	int n = 0;

	for (int i = 0; i < d->n; i++)
		for (rest = d->widget[i].query.p ? STR("") : d->widget[i].by; n < FIELDS_MOST && rest.n && str_cut(&rest, ',', &field); ) {
			int is_new = (field = str_trim(field)).n > 0;

			for (int k = 0; k < n; k++)
				is_new &= !str_eq(known[k], field);
			if (!is_new)
				continue;
			known[n++] = field;
			buf_lit(by, by->n ? "," : "");
			buf_str(by, field);
		}
}

/* What its metrics did over the periods that the dashboard shows them for, and what drove that. What cannot be explained is not said. */
static void
explain_metrics(struct query *q, const struct definition *d, const struct reading *readings, struct claims *claims)
{
	struct str known[METRICS_MOST];
	struct series_set set = {0};
	struct buf by = {0};
	int n = 0;

	put_fields(d, &by);
	for (int i = 0; i < d->n && n < METRICS_MOST; i++) {
		const struct widget *w = &d->widget[i];
		struct metric_ask ask = { .metric = w->metric, .by = buf_get(&by), .from = readings[i].from, .to = readings[i].to };
		struct err ignore = {0}, why = {0};
		int is_new = w->metric.n && !w->query.p && !w->filters.n && !readings[i].err.code && readings[i].from > TIME_MIN;

		for (int k = 0; k < n && is_new; k++)
			is_new = !str_eq(known[k], w->metric);
		if (!is_new)
			continue;
		known[n++] = w->metric;
		if (by.n)
			metric_claims(q, &ask, claims, &ignore);
		if (target_claim(q, w->metric, time_now(), claims, &why))
			cmd_fail(&why);
		if (!w->by.n && readings[i].curves)
			add_series(q, &set, w, &readings[i]);
	}
	claims_of_series(claims, &set, 0, NULL);
	series_set_release(&set);
	buf_release(&by);
	claims_rank(claims, SAID_MOST);
}

/* ---- the widgets' questions: by two at once, each with an engine of its own, the long ones first */

#define READERS 2                       /* a funnel takes longer than all others together; each engine's scans take all processors anyhow */

struct asking {
	const struct definition *d;
	struct reading *readings;
	const struct period *period;
	struct data *data[READERS];
};

static void
read_widget(void *self, int thread, void *slot)
{
	struct asking *a = self;
	int i = *(const int *)slot;

	if (!cmd_stopping())
		reading_get(&a->readings[i], a->data[thread], a->d, &a->d->widget[i], a->period);
}

static int
is_long(const struct widget *w)
{
	return w->type == WIDGET_FUNNEL_CHART || w->type == WIDGET_RETENTION || w->query.p != NULL;
}

static void
read_widgets(struct query *q, struct data *data, const struct query_spec *spec, struct asking *a)
{
	int n = a->d->n, *order = mem_new(((size_t)n + 1) * sizeof(*order)), k = 0, threads = task_processors() > 1 && n > 1 ? READERS : 1;
	void **slot = mem_new(((size_t)n + 1) * sizeof(*slot));
	struct query_spec more = *spec;
	struct query *second = NULL;
	struct task_queue *queue;
	struct err err = {0};

	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < n; i++)
			if (is_long(&a->d->widget[i]) == !pass)
				order[k] = i, slot[k] = &order[k], k++;
	a->data[0] = data;
	more.opened = query_store(q, &err);
	if (threads > 1 && more.opened && (second = query_open(&more, &err)))
		a->data[1] = data_of_query(second);
	queue = task_queue_new(a->data[1] ? 2 : 1, slot, n, read_widget, a);
	while (n && task_slot(queue))
		task_give(queue);
	while (task_flying(queue)) {
		task_help(queue);
		while (task_done(queue))
			task_back(queue);
	}
	task_queue_free(queue);
	data_free(a->data[1]);
	query_close(second);
	free(slot), free(order);
}

static int
put(struct query *q, const struct query_spec *spec, struct data *data, const struct definition *d, struct err *err)
{
	struct reading *readings = mem_new((size_t)d->n * sizeof(*readings) + 1);
	struct report r = { .width = WIDTH, .drawing = { .definition = d, .readings = readings, .chosen = -1,
		.period = { .at = time_now() + 1, .range = str_of(want.range), .zone = cmd_settings()->zone } } };
	struct str words[SAID_MOST], rest, line;
	struct claims claims;
	struct buf text = {0}, prose = {0}, own = {0};
	struct out *out = NULL;
	int64_t from, to;
	int format = want.format ? report_find(want.format, err) : want.output ? report_find(want.output, err) : REPORT_TEXT;

	if (format >= 0 && want.range && reading_range(r.drawing.period.range, &r.drawing.period, &from, &to, err))
		format = err_at(err, "--range");
	claims_begin(&claims, cmd_settings()->zone);
	for (int i = 0; i < d->n; i++)
		reading_init(&readings[i]);
	if (format >= 0)
		read_widgets(q, data, spec, &(struct asking){ .d = d, .readings = readings, .period = &r.drawing.period });
	for (int i = 0; i < d->n && format >= 0; i++)
		if (readings[i].err.code) {
			struct err why = readings[i].err;

			err_at(&why, "%.*s", d->widget[i].id.n > 64 ? 64 : (int)d->widget[i].id.n, d->widget[i].id.p);
			cmd_fail(&why);
		}
	if (format >= 0)
		explain_metrics(q, d, readings, &claims);
	if (claims.n)
		claims_put_prose(&claims, &prose, &own);
	if (own.n && cmd_settings()->verbose)
		cmd_say("in its own words: %s", buf_text(&own));
	for (rest = buf_get(&prose); r.n_words < SAID_MOST && rest.n && str_cut(&rest, '\n', &line); )
		if (line.n)
			words[r.n_words++] = line;
	r.words = words;
	if (format >= 0 && !cmd_stopping() && report_put(&r, (enum report_format)format, &text, err) == 0 &&
	    (out = want.output && strcmp(want.output, "-") ? out_replace(want.output, err) : out_stdout())) {
		buf_str(&out->buf, buf_get(&text));
		if (out != out_stdout())
			out_close(out, err);
	}
	for (int i = 0; i < d->n; i++)
		reading_release(&readings[i]);
	free(readings);
	claims_release(&claims);
	buf_release(&text);
	buf_release(&prose);
	buf_release(&own);
	return err->code;
}

int
report(char **words, int n, struct err *err)
{
	const struct cmd_settings *settings = cmd_settings();
	struct config *config = NULL;
	struct query_spec spec = { .store = settings->store, .tenant = settings->tenant, .zone = settings->zone, .stopping = cmd_stopping };
	struct query *query = NULL;
	struct data *data = NULL;
	struct definition *definition = NULL;

	if (n)
		return err_set(err, ERR_USAGE, "report: '%s' is too much, the dashboard is named by --dashboard", words[0]);
	if ((config = config_open(settings->config, err))) {
		spec.config = config;
		query = query_open(&spec, err);
	}
	if (query && (data = data_of_query(query)) && (definition = find_definition(data, err)))
		put(query, &spec, data, definition, err);
	definition_free(definition);
	data_free(data);
	query_close(query);
	config_close(config);
	return err->code;
}
