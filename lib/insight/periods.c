#include "insight/periods.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "event/when.h"
#include "json/json.h"

#define ROWS_MOST (16u << 20)           /* 40 bytes each */

struct period_row { int64_t time; const struct map_entry *values; double num, den; };

static int
ends(struct str s, struct str with)
{
	return s.n > with.n && memcmp(s.p + s.n - with.n, with.p, with.n) == 0;
}

static int
number(struct json v, struct str key, double *to)
{
	return json_double(json_get(v, key), to);
}

/* Which number counts, of the first row. */
static int
choose_field(struct periods *p, struct json v, struct err *err)
{
	struct str best = { 0 };
	double x;
	int rank = -1;

	if (number(v, STR("num"), &x) && number(v, STR("den"), &x)) {
		p->kind = EXPLAIN_RATIO;
		return 0;
	}
	for (struct json_iter it = json_iter(v); json_next(&it); ) {
		struct str key = json_text(it.key, &p->scratch);
		int is = str_eq(key, STR("count")) ? 4 : str_eq(key, STR("value")) ? 3 : ends(key, STR("_sum")) ? 2 : ends(key, STR("_distinct")) ? 0 : 1;

		if (p->field.p ? str_eq(key, p->field) : !json_is(it.value, JSON_NUMBER) || str_eq(key, STR("timestamp")) || is <= rank)
			continue;
		if (!p->field.p)
			rank = is, best = (struct str){ it.key.p + 1, it.key.n - 2 };
	}
	if (!p->field.p && rank < 0)
		return err_set(err, ERR_INPUT, "no metric row: it has no number");
	if (!p->field.p) {
		size_t at = p->names.n;

		buf_str(&p->names, best);
		p->field = (struct str){ p->names.p + at, best.n };
	}
	if (ends(p->field, STR("_distinct")))
		return err_set(err, ERR_USAGE, "%.*s is a number of different things, whose parts do not add up: explain a count or a sum, or the metric of the store", STR_FMT(p->field));
	p->kind = str_eq(p->field, STR("count")) ? EXPLAIN_COUNT : ends(p->field, STR("_avg")) ? EXPLAIN_RATIO : EXPLAIN_SUM;
	return 0;
}

static int
begin(struct periods *p, struct json v, struct err *err)
{
	struct json labels = json_get(v, STR("labels")), metric = json_get(v, STR("metric"));
	struct str rest = p->by, piece;

	buf_room(&p->names, 65536);                     /* so that the names in it stay where they are */
	buf_str(&p->metric, json_is(metric, JSON_STRING) ? json_text(metric, &p->scratch) : STR("value"));
	if (p->by.p) {
		while (str_cut(&rest, ',', &piece)) {
			if (p->n == EXPLAIN_DIMS)
				return err_set(err, ERR_USAGE, "--by: more than %d dimensions", EXPLAIN_DIMS);
			p->name[p->n++] = str_trim(piece);
		}
	} else {
		for (struct json_iter it = json_iter(labels); json_is(labels, JSON_OBJECT) && json_next(&it); ) {
			struct str key = json_text(it.key, &p->scratch);

			if (p->n == EXPLAIN_DIMS || key.n > 255)
				return err_set(err, ERR_USAGE, "more than %d labels, choose by --by", EXPLAIN_DIMS);
			p->name[p->n++] = (struct str){ p->names.p + p->names.n, key.n };
			buf_str(&p->names, key);
		}
	}
	if (p->n == 0)
		return err_set(err, ERR_INPUT, "the row has no labels, there is nothing to tell parts by");
	return choose_field(p, v, err);
}

int
periods_add(struct periods *p, struct str row, struct err *err)
{
	struct json v, labels;
	struct map_entry *e;
	double num, den = 1;
	int64_t time;

	if (json_check(row, err))
		return err->code;
	v = json_checked(row);
	if (!json_is(v, JSON_OBJECT) || json_is(json_get(v, STR("event")), JSON_STRING))
		return err_set(err, ERR_INPUT, "no metric row: events are counted first, by at-agg -b");
	if (!p->n && begin(p, v, err)) {
		p->n = 0;
		buf_clear(&p->metric);
		buf_clear(&p->names);
		return err->code;
	}
	if (when_row(json_get(v, STR("timestamp")), row, &p->scratch, &time, err))
		return err->code;
	if (p->kind == EXPLAIN_RATIO && !p->field.p) {
		if (!number(v, STR("num"), &num) || !number(v, STR("den"), &den))
			return err_set(err, ERR_INPUT, "num or den is missing");
	} else if (!number(v, p->field, &num)) {
		if (json_is(json_get(v, p->field), JSON_NULL))          /* nothing was there */
			return 0;
		return err_set(err, ERR_INPUT, "%.*s is missing", p->field.n > 60 ? 60 : (int)p->field.n, p->field.p);
	}
	if (p->kind == EXPLAIN_RATIO && p->field.p) {
		if (!number(v, STR("count"), &den))
			return err_set(err, ERR_USAGE, "%.*s: a mean is explained together with its count, which is missing", STR_FMT(p->field));
		num *= den;
	}
	if (fabs(num) > 1e100 || fabs(den) > 1e100 || den < 0 || (p->kind == EXPLAIN_COUNT && num < 0))
		return err_set(err, ERR_INPUT, num < 0 || den < 0 ? "a count below 0" : "a number beyond 1e100");
	labels = json_get(v, STR("labels"));
	buf_clear(&p->key);
	for (int d = 0; d < p->n; d++) {
		struct json value = json_get(labels, p->name[d]);

		if (json_is(value, JSON_NONE))
			buf_lit(&p->key, "null");
		else
			json_put_compact(&p->key, value), p->labelled |= 1u << d;
		buf_byte(&p->key, '\n');
	}
	e = map_put(&p->values, buf_get(&p->key), NULL);
	if (p->n_rows == p->cap) {
		if (p->cap >= ROWS_MOST)
			return err_set(err, ERR_USAGE, "more than %u rows, put them together with at-agg first", ROWS_MOST);
		p->row = mem_grow(p->row, p->cap = p->cap ? 2 * p->cap : 1024, sizeof(*p->row));
	}
	p->row[p->n_rows++] = (struct period_row){ time, e, num, den };
	return 0;
}

static int
by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* The two periods, of the times that are there. */
static int
cut(struct periods *p, struct err *err)
{
	int64_t *time = mem_new((p->n_rows + 1) * sizeof(*time)), last;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < p->n_rows; i++)
		time[i] = p->row[i].time;
	qsort(time, p->n_rows, sizeof(*time), by_time);
	for (size_t i = 0; i < p->n_rows; i++)
		if (i == 0 || time[i] != time[i - 1])
			time[n++] = time[i];
	if (n < 2) {
		rc = err_set(err, ERR_INPUT, "rows of one time only: two are compared");
		goto out;
	}
	last = time[n - 1];
	p->step_ms = INT64_MAX;
	for (size_t i = 1; i < n; i++)
		p->step_ms = time[i] - time[i - 1] < p->step_ms ? time[i] - time[i - 1] : p->step_ms;
	if (p->range) {
		p->to = last + p->step_ms;
		p->from = p->to - p->range;
		p->before_to = p->from;
		p->before_from = p->from - p->range;
	} else {
		p->from = time[n - n / 2];
		p->to = last + p->step_ms;
		p->before_from = time[n % 2];
		p->before_to = p->from;
	}
out:
	free(time);
	return rc;
}

struct explain *
periods_explain(struct periods *p, struct err *err)
{
	struct explain *e = NULL;
	int rc;

	for (int d = 0; d < p->n; d++)
		if (!(p->labelled >> d & 1)) {
			err_set(err, ERR_USAGE, "--by: no row has a label '%.*s'", (int)(p->name[d].n < 100 ? p->name[d].n : 100), p->name[d].p);
			return NULL;
		}
	if (cut(p, err))
		return NULL;
	e = explain_new(p->kind, p->n);
	for (size_t i = 0; i < p->n_rows; i++) {
		const struct period_row *r = &p->row[i];
		struct str values[EXPLAIN_DIMS], rest = r->values->key;
		int after = r->time >= p->from;

		if (r->time < p->before_from || r->time >= p->to || (!after && r->time >= p->before_to))
			continue;
		for (int d = 0; d < p->n; d++)
			str_cut(&rest, '\n', &values[d]);
		if ((rc = explain_add(e, values, after, r->num, r->den, err))) {
			explain_free(e);
			return NULL;
		}
	}
	return e;
}

void
periods_release(struct periods *p)
{
	buf_release(&p->metric);
	buf_release(&p->names);
	buf_release(&p->scratch);
	buf_release(&p->key);
	map_release(&p->values);
	free(p->row);
}
