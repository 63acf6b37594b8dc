#include "ingest/accept.h"

#include <stdlib.h>

#include "base/cmd.h"
#include "base/mem.h"

#define SERIES_KEPT 10000       /* series remembered; beyond them all are forgotten */

int
accept_open(struct accept *a, const struct config *config, const char *plan, struct err *err)
{
	struct json events = config_get(config, "analytics", "events");
	struct buf scratch = { 0 };

	*a = (struct accept){ 0 };
	if (plan && !(a->plan = plan_open(plan, err)))
		return err->code;
	if (events.type != JSON_OBJECT)
		return 0;
	buf_str(&a->salt, json_text(config_get(config, "analytics", "governance.salt"), &scratch));
	buf_release(&scratch);
	if (!(a->clean = clean_new(events, buf_get(&a->salt), err))) {
		accept_release(a);
		return err->code = ERR_USAGE, err_at(err, "%s/analytics.json", cmd_settings()->config);
	}
	return 0;
}

void
accept_release(struct accept *a)
{
	event_reader_release(&a->reader);
	clean_free(a->clean);
	plan_free(a->plan);
	buf_release(&a->salt);
	metrics_free(a->metrics);
	arena_free(a->series.texts);
	free(a->series.one);
	*a = (struct accept){ 0 };
}

static int
by_rules(struct accept *a, struct event *e, struct err *err)
{
	int keep = 1;

	if (a->clean && (keep = clean_event(a->clean, e, err)) <= 0)
		return keep;
	return a->plan ? plan_check(a->plan, e, err) : 1;
}

int
accept_checked(struct accept *a, struct str row, struct event *e, struct err *err)
{
	int rc = event_read_checked(&a->reader, row, e, err);

	return rc ? rc : by_rules(a, e, err);
}

int
accept_own(struct accept *a, const struct record *r, struct event *e, struct err *err)
{
	int rc = event_read_own(&a->reader, r->json, r->properties, r->event, e, err);

	return rc ? rc : by_rules(a, e, err);
}

int
accept_row(struct accept *a, struct str row, struct event *e, struct err *err)
{
	int rc = json_check(row, err);

	return rc ? rc : accept_checked(a, row, e, err);
}

/* ---- metric rows */

static struct str
keep(struct arena *arena, struct str s)
{
	return (struct str){ s.p ? arena_dup(arena, s.p, s.n) : NULL, s.n };
}

static uint32_t
number_series(void *self, const struct store_sample *x)
{
	struct accept_series *all = self;

	if (all->n == all->cap)
		all->one = mem_grow(all->one, all->cap = all->cap ? all->cap * 2 : 64, sizeof(*all->one));
	all->one[all->n] = (struct store_sample){ .metric = keep(all->texts, x->metric), .labels = keep(all->texts, x->labels),
		.field = keep(all->texts, x->field), .window = keep(all->texts, x->window) };
	return all->n++;
}

int
accept_samples(struct accept *a, struct str row, int checked, struct store_sample out[METRICS_FIELDS], int *n, struct err *err)
{
	struct metrics_row *m = &a->metric;
	int rc;

	if (!a->metrics) {
		a->series.texts = arena_new(0);
		a->metrics = metrics_new(number_series, &a->series);
	} else if (a->series.n > SERIES_KEPT) {
		metrics_forget(a->metrics);
		arena_reset(a->series.texts);
		a->series.n = 0;
	}
	*n = 0;
	if (!metrics_quick(a->metrics, row, m) &&
	    ((!checked && (rc = json_check(row, err))) || (rc = metrics_read(a->metrics, row, a->reader.now, m, err)) <= 0))
		return rc;
	for (; *n < m->n; ++*n) {
		out[*n] = a->series.one[m->series[*n]];
		out[*n].time = m->time;
		out[*n].value = m->value[*n];
	}
	return 1;
}
