#include "query/metric.h"

#include <fnmatch.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/dur.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/time.h"
#include "codec/decimals.h"
#include "json/cell.h"
#include "query/kept.h"
#include "query/metric_built_in.h"
#include "query/query_priv.h"
#include "query/table_function.h"
#include "sketch/distinct.h"
#include "sketch/quantile.h"
#include "window/number.h"
#include "window/window.h"

#define BY_MOST     METRIC_BY_MOST
_Static_assert(BY_MOST <= KEPT_BY_MOST, "what is kept has as many fields");
#define BUCKETS_MOST 100000     /* filled with zeros */

const char *const metric_columns[] = { "timestamp", "value", NULL };

/* STATES: a percentile or a number of different values, of merged sketches where every sample has one; else the mean. */
enum fold { SUM, MIN, MAX, MEAN, STATES };

struct point {
	int64_t time, n;
	__int128 exact;                 /* of sums and means: what is a decimal, in 10^-9 … */
	double value;                   /* … and the rest; of others the value */
	struct sketch { struct quantile *quantile; struct distinct *distinct; int64_t n; } *sketch;     /* of n of the samples; NULL: of none */
};
struct series {
	struct cell *label;
	struct str key;                 /* labels as text, in the map */
	struct point *point;
	size_t n, cap, at;              /* at: the point that was looked for last */
};

/* One value for each series and bucket. Those of stored samples are made in parts, by several threads, and put together. */
struct groups {
	struct map series;              /* labels as text to number */
	struct series *list;
	size_t n, cap;
	struct arena *arena;
	struct buf key, scratch;
	size_t run;                     /* number of the run that came last, and its series */
	int64_t of_run;                 /* -1: filters leave it out */
	int64_t least, greatest;
	int64_t first, last;            /* times that came; of what is kept or rolled up they are the beginning of an hour, or of a day */
};

struct gather {
	struct query *query;
	const struct metric_spec *spec;
	const struct zone *zone;
	struct str by[BY_MOST];
	int n_by, n_all;                /* what groups; and behind that what only filters look at */
	int filter_at[METRIC_FILTERS_MOST];     /* which of `by` */
	enum fold fold;
	int exact;                      /* what is kept of events are sums */
	double share;                   /* of STATES that are quantiles */
	struct groups all, *part;
	pthread_mutex_t lock;
	struct err *err;
};

static void
begin_groups(struct groups *x)
{
	*x = (struct groups){ .arena = arena_new(0), .run = SIZE_MAX, .least = INT64_MAX, .first = INT64_MAX, .last = INT64_MIN, .greatest = INT64_MIN };
}

static void
free_sketch(struct sketch *k)
{
	if (!k)
		return;
	quantile_free(k->quantile);
	distinct_free(k->distinct);
	free(k);
}

static void
release_groups(struct groups *x)
{
	for (size_t i = 0; i < x->n; i++) {
		for (size_t p = 0; p < x->list[i].n; p++)
			free_sketch(x->list[i].point[p].sketch);
		free(x->list[i].point);
	}
	free(x->list);
	map_release(&x->series);
	arena_free(x->arena);
	buf_release(&x->key), buf_release(&x->scratch);
}

/* Buckets of several hours, or of days, are of the zone's clock, so that a day of 23 or 25 hours is one. Those of an hour, of which a day
 * may have one twice, only begin where its clock has them begin. */
static const struct zone *
clock_of(const struct gather *g)
{
	return g->spec->every_ms > 3600000 && g->spec->every_ms % 3600000 == 0 ? g->zone : NULL;
}

/* Where the bucket begins that is n after the one of this time. */
static int64_t
bucket_after(const struct gather *g, int64_t time, int n)
{
	int64_t every = g->spec->every_ms, shift = 0, weeks = every % (7 * 86400000LL) == 0 ? 4 * 86400000LL : 0;        /* from Monday */

	if (!every)
		return g->spec->from > TIME_MIN ? g->spec->from : TIME_NONE;
	if (g->zone && every % 3600000 == 0)
		shift = zone_offset(g->zone, time);
	if (g->spec->months) {
		int64_t month = (time_floor_div(time_month(time + shift), g->spec->months) + n) * g->spec->months;

		time = time_of_civil(&(struct civil){ .month = (int)month + 1, .day = 1 });
		return g->zone ? zone_to_utc(g->zone, time) : time;
	}
	time += shift - weeks;
	time = time_floor_div(time, every) * every + n * every + weeks;
	return clock_of(g) ? zone_to_utc(g->zone, time) : time - shift;
}

static int64_t
bucket(const struct gather *g, int64_t time)
{
	return bucket_after(g, time, 0);
}

int64_t
metric_bucket(const struct query *q, const struct metric_spec *spec, int64_t time)
{
	return bucket(&(struct gather){ .spec = spec, .zone = query_zone(q) }, time);
}

/* Until when times surely fall into the bucket of this one. Zones change at quarters of an hour, since 1973. */
static int64_t
bucket_end(const struct gather *g, int64_t begin, int64_t time)
{
	int64_t every = g->spec->every_ms;

	if (!every)
		return INT64_MAX;
	if (g->zone && every % 3600000 == 0)
		return time < 94694400000 ? time + 1 : time - time % 900000 + 900000;
	return g->spec->months ? bucket_after(g, time, 1) : begin + every;
}

/* The series of a key; the labels of a new one are still to be set. */
static struct series *
series_put(const struct gather *g, struct groups *x, struct str key, int *is_new)
{
	struct map_entry *e = map_put(&x->series, key, is_new);

	if (!*is_new)
		return &x->list[e->num];
	e->num = (int64_t)x->n;
	if (x->n == x->cap) {
		x->cap = x->cap ? 2 * x->cap : 16;
		x->list = mem_grow(x->list, x->cap, sizeof(*x->list));
	}
	x->list[x->n] = (struct series){ .key = e->key, .label = arena_get(x->arena, (size_t)(g->n_by + 1) * sizeof(struct cell)) };
	return &x->list[x->n++];
}

static void
set_label(struct groups *x, struct series *s, int i, struct cell v)
{
	s->label[i] = v;
	if (v.type == CELL_TEXT)
		s->label[i].text.p = arena_dup(x->arena, v.text.p, v.text.n);
}

/* NULL: filters leave it out. */
static struct series *
series_of(const struct gather *g, struct groups *x, struct json labels, struct str metric)
{
	struct series *s;
	int is_new;

	for (int i = 0; i < g->spec->n_filters; i++) {
		struct json v = json_get(labels, g->by[g->filter_at[i]]);

		struct str text = v.type == JSON_STRING ? json_text(v, &x->scratch) : v.type != JSON_NONE ? json_raw(v) :
		    metric.p && str_eq(g->by[g->filter_at[i]], STR("metric")) ? metric : STR("null");

		if (!str_eq(text, g->spec->filter[i].value))
			return NULL;
	}
	buf_clear(&x->key);
	for (int i = 0; i < g->n_by; i++) {
		struct json v = json_get(labels, g->by[i]);

		if (v.type == JSON_NONE && metric.p && str_eq(g->by[i], STR("metric")))
			json_put_string(&x->key, metric);
		else
			buf_str(&x->key, v.type == JSON_NONE ? STR("null") : json_raw(v));
		buf_byte(&x->key, '\n');
	}
	s = series_put(g, x, buf_get(&x->key), &is_new);
	for (int i = 0; is_new && i < g->n_by; i++) {
		struct json v = json_get(labels, g->by[i]);

		set_label(x, s, i, v.type == JSON_NONE && metric.p && str_eq(g->by[i], STR("metric")) ? cell_text(metric) : cell_of_json(v, &x->scratch));
	}
	return s;
}

static void
reach(struct groups *x, int64_t least, int64_t greatest)
{
	if (least < x->least)
		x->least = least;
	if (greatest > x->greatest)
		x->greatest = greatest;
}

/* The point of a bucket, made with n 0 when there is none. Mostly it is the one after the last. */
static struct point *
point_of(struct groups *x, struct series *s, int64_t time)
{
	size_t low = 0, high = s->n;

	for (size_t next = s->at; next < s->n && next < s->at + 2; next++)
		if (s->point[next].time == time) {
			s->at = next;
			return &s->point[next];
		}
	if (s->n && s->point[s->n - 1].time < time)
		low = s->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->point[mid].time < time)
			low = mid + 1;
		else
			high = mid;
	}
	s->at = low;
	if (low < s->n && s->point[low].time == time)
		return &s->point[low];
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 16;
		s->point = mem_grow(s->point, s->cap, sizeof(*s->point));
	}
	memmove(s->point + low + 1, s->point + low, (s->n++ - low) * sizeof(*s->point));
	s->point[low] = (struct point){ .time = time };
	reach(x, time, time);
	return &s->point[low];
}

static void
fold(struct point *p, enum fold how, double value, int64_t n)
{
	p->value = p->n == 0 ? value : how == MIN ? fmin(p->value, value) : how == MAX ? fmax(p->value, value) : p->value + value;
	p->n += n;
}

/* What `from` has becomes part of *to. */
static void
join_sketch(struct sketch **to, struct sketch *from)
{
	if (!*to) {
		*to = from;
		return;
	}
	(*to)->n += from->n;
	if (from->quantile && (*to)->quantile)
		quantile_merge((*to)->quantile, from->quantile);
	else if (from->distinct && (*to)->distinct)
		distinct_merge((*to)->distinct, from->distinct);
	else
		(*to)->n = -1;                  /* not of one kind: none will do */
	free_sketch(from);
}

/* A sample's state, which stands for n samples. Windows without a value have none, and so many different ones: 0. */
static void
add_state(const struct gather *g, struct point *p, struct str state, double value, int64_t n)
{
	struct sketch *k = mem_new(sizeof(*k));

	k->n = n;
	if (g->share < 0)
		k->distinct = state.p ? distinct_read(state) : value == 0 ? distinct_new() : NULL;
	else if (state.p)
		k->quantile = quantile_read(state);
	if (k->quantile || k->distinct)
		join_sketch(&p->sketch, k);
	else
		free(k);
}

/* All times between these. */
static void
came(struct groups *x, int64_t first, int64_t last)
{
	if (first < x->first)
		x->first = first;
	if (last > x->last)
		x->last = last;
}

/* It came, in these buckets, though filters leave it out. */
static void
pass_over(const struct gather *g, struct groups *x, int64_t first, int64_t last)
{
	reach(x, bucket(g, first), bucket(g, last));
}

static void
add(const struct gather *g, struct groups *x, struct series *s, int64_t time, double value)
{
	came(x, time, time);
	if (s)
		fold(point_of(x, s, bucket(g, time)), g->fold, value, 1);
	else
		pass_over(g, x, time, time);
}

/* n values in order of time, each of one sample or of `count` of them. Bound by decoding them (series_read.c), 4 ns each; this is 1 ns. */
static void
add_run(const struct gather *g, struct groups *x, struct series *s, const int64_t *time, const double *value, const double *count, size_t n)
{
	for (size_t i = 0, k; i < n; i = k) {
		int64_t begin = bucket(g, time[i]), end = bucket_end(g, begin, time[i]), samples = 0;
		struct point *p = point_of(x, s, begin);
		double most = value[i];

		for (k = i + 1; k < n && time[k] < end; k++)
			;
		for (size_t at = i; count && at < k; at++)
			samples += (int64_t)count[at];
		samples = count ? samples : (int64_t)(k - i);
		if (g->fold == MIN || g->fold == MAX) {
			for (size_t at = i + 1; at < k; at++)
				most = g->fold == MIN ? fmin(most, value[at]) : fmax(most, value[at]);
			fold(p, g->fold, most, samples);
		} else {
			decimals_sum(value + i, k - i, &p->exact, &p->value);
			p->n += samples;
		}
	}
}

/* What a part found, on top of the parts before it. */
static void
add_part(const struct gather *g, struct groups *x, struct groups *part)
{
	came(x, part->first, part->last);
	reach(x, part->least, part->greatest);
	for (size_t i = 0; i < part->n; i++) {
		struct series *from = &part->list[i];
		int is_new;
		struct series *s = series_put(g, x, from->key, &is_new);

		for (int k = 0; is_new && k < g->n_by; k++)
			set_label(x, s, k, from->label[k]);
		for (size_t k = 0; k < from->n; k++) {
			struct point *p = point_of(x, s, from->point[k].time);

			fold(p, g->fold, from->point[k].value, from->point[k].n);
			p->exact += from->point[k].exact;
			if (from->point[k].sketch)
				join_sketch(&p->sketch, from->point[k].sketch);
			from->point[k].sketch = NULL;
		}
	}
}

static int
by_labels(const void *a, const void *b, void *self)
{
	const struct series *x = a, *y = b;
	const struct gather *g = self;

	for (int i = 0; i < g->n_by; i++) {
		const struct cell *p = &x->label[i], *q = &y->label[i];
		double m = p->type == CELL_REAL ? p->real : (double)p->integer, n = q->type == CELL_REAL ? q->real : (double)q->integer;
		int order = p->type == CELL_TEXT && q->type == CELL_TEXT ? str_cmp(p->text, q->text) :
		    (p->type == CELL_TEXT) != (q->type == CELL_TEXT) ? (p->type == CELL_TEXT) - (q->type == CELL_TEXT) : (m > n) - (m < n);

		if (order)
			return order;
	}
	return 0;
}

int
metric_by_read(struct str text, struct str by[METRIC_BY_MOST], struct err *err)
{
	struct str rest = text.n ? text : (struct str){ 0 }, piece;
	int n = 0;

	while (rest.p && str_cut(&rest, ',', &piece)) {
		int at = 0;

		piece = str_trim(piece);
		while (at < n && !str_eq(by[at], piece))
			at++;
		if (at == METRIC_BY_MOST || !piece.n)
			return err_set(err, ERR_INPUT, "groupBy: wants 1 to %d names, separated by commas", METRIC_BY_MOST);
		if (at == n)            /* a label is there once */
			by[n++] = piece;
	}
	return n;
}

int
metric_filters_read(struct json object, struct metric_filter to[METRIC_FILTERS_MOST], struct arena *a, struct err *err)
{
	struct json_iter it = json_iter(object);
	int n = 0;

	if (object.type == JSON_NONE)
		return 0;
	if (object.type != JSON_OBJECT)
		return err_set(err, ERR_INPUT, "filters: an object, {\"country\":\"DE\"}");
	while (json_next(&it)) {
		struct str field = json_text_dup(it.key, a), raw = json_raw(it.value);

		if (it.value.type == JSON_ARRAY || it.value.type == JSON_OBJECT || !field.n || memchr(field.p, ',', field.n))
			return err_set(err, ERR_INPUT, "filters: each is a field with a text or a number");
		if (n == METRIC_FILTERS_MOST)
			return err_set(err, ERR_INPUT, "filters: at most %d, and with groupBy %d", METRIC_FILTERS_MOST, METRIC_BY_MOST);
		to[n++] = (struct metric_filter){ field, it.value.type == JSON_STRING ? json_text_dup(it.value, a) : (struct str){ arena_dup(a, raw.p, raw.n), raw.n },
			it.value.type == JSON_TRUE ? STR("1") : it.value.type == JSON_FALSE ? STR("0") : (struct str){ 0 } };
	}
	return n;
}

void
metric_by_print(const struct str *by, int n, struct buf *to)
{
	for (int i = 0; i < n; i++) {
		buf_lit(to, i ? "," : "");
		buf_str(to, by[i]);
	}
}

int
metric_every_read(struct str text, int64_t *every_ms, int *months)
{
	int64_t many = 0;
	int rc = dur_parse(text, every_ms, &(struct err){ 0 }) && table_function_read_every(text, every_ms, &many) ? -1 : 0;

	*months = (int)many;
	if (many)
		*every_ms = 86400000;
	return rc;
}

void
metric_every_print(int64_t every_ms, int months, char out[32])
{
	if (months)
		snprintf(out, 32, "%dmo", months);
	else
		dur_print(every_ms, out);
}

int64_t
metric_whole_time(const struct metric_spec *spec, int64_t first)
{
	int64_t now = time_now();

	if (spec->from > TIME_MIN)
		return spec->from;
	if (first == INT64_MAX)
		first = spec->to < now ? spec->to : now;
	return time_floor_div(first, 86400000) * 86400000;
}

/* The whole buckets that have something; of one value for all, days of UTC. */
static struct metric_reach
reach_of(const struct gather *g)
{
	const struct groups *x = &g->all;
	const int64_t day = 86400000;

	if (x->first > x->last)
		return (struct metric_reach){ INT64_MAX, INT64_MIN };
	if (!g->spec->every_ms)
		return (struct metric_reach){ time_floor_div(x->first, day) * day, time_floor_div(x->last, day) * day + day };
	return (struct metric_reach){ x->least, bucket_after(g, x->greatest, 1) };
}

static int
put_point(struct gather *g, const struct series *s, int64_t time, double value, struct cell_sink sink, struct err *err)
{
	struct cell cells[BY_MOST + 2];
	char out[TIME_LEN];
	int n = 0;

	for (; n < g->n_by; n++)
		cells[n] = s->label[n];
	time_print(time == TIME_NONE ? metric_whole_time(g->spec, g->all.n ? g->all.first : INT64_MAX) : time, out);
	cells[n++] = cell_text((struct str){ out, TIME_LEN });
	cells[n++] = value == floor(value) && fabs(value) < 9e15 ? cell_integer((int64_t)value) : cell_real(value);
	return sink.row(sink.self, cells, n, err);
}

static double
value_of(const struct gather *g, const struct point *p)
{
	double sum = p->exact ? number_double(&(struct number){ p->exact, -9 }) + p->value : p->value;

	if (g->fold != MEAN && g->fold != STATES)
		return sum;
	if (p->sketch && p->sketch->n == p->n && p->sketch->distinct)
		return (double)distinct_get(p->sketch->distinct);
	if (p->sketch && p->sketch->n == p->n && p->sketch->quantile)
		return quantile_get(p->sketch->quantile, g->share);
	return p->value == 0 ? number_mean(&(struct number_sum){ .near = p->exact }, p->n) : sum / (double)p->n;
}

static int
emit(struct gather *g, struct cell_sink sink, struct err *err)
{
	struct groups *x = &g->all;
	int64_t every = g->spec->every_ms, from = x->least, to = x->greatest;
	int rc = 0, fill = every && g->fold == SUM;

	if (x->n == 0 && g->n_by == 0 && !every && g->fold == SUM) {    /* nothing: a count of 0 */
		struct series none = {0};

		return put_point(g, &none, TIME_NONE, 0, sink, err);
	}
	if (x->n)
		qsort_r(x->list, x->n, sizeof(*x->list), by_labels, g);
	if (fill && g->spec->from > TIME_MIN)
		from = bucket(g, g->spec->from);
	if (fill && g->spec->to <= TIME_MAX) {
		to = bucket(g, g->spec->to - 1);
		if (to == g->spec->to - 1 && to > from && x->greatest < to)     /* up to now, and now it begins: there is nothing of it yet */
			to = bucket(g, to - 1);
	}
	fill = fill && x->n && (to - from) / every < BUCKETS_MOST;
	for (size_t i = 0; rc == 0 && i < x->n; i++) {
		struct series *s = &x->list[i];
		int64_t next = from;

		for (size_t k = 0; rc == 0 && k < s->n; k++) {
			for (; rc == 0 && fill && next < s->point[k].time; next = bucket_after(g, next, 1))
				rc = put_point(g, s, next, 0, sink, err);
			if (rc == 0)
				rc = put_point(g, s, s->point[k].time, value_of(g, &s->point[k]), sink, err);
			if (fill)
				next = bucket_after(g, s->point[k].time, 1);
		}
		for (; rc == 0 && fill && next <= to; next = bucket_after(g, next, 1))
			rc = put_point(g, s, next, 0, sink, err);
	}
	return rc;
}

/* ---- from events */

static int
ends(struct str s, const char *with)
{
	size_t n = strlen(with);

	return s.n > n && memcmp(s.p + s.n - n, with, n) == 0;
}

static int
passes(const struct metric_filter *f, const struct cell *v, struct buf *scratch)
{
	if (v->type == CELL_TEXT)
		return str_eq(v->text, f->value);
	buf_clear(scratch);
	cell_put_json(scratch, v);
	return str_eq(buf_get(scratch), f->value) || (f->number.p && str_eq(buf_get(scratch), f->number));
}

/* Of labels that are cells. NULL: filters leave it out. */
static struct series *
series_of_cells(const struct gather *g, struct groups *x, const struct cell *label)
{
	struct series *s;
	int is_new;

	for (int i = 0; i < g->spec->n_filters; i++)
		if (!passes(&g->spec->filter[i], &label[g->filter_at[i]], &x->scratch))
			return NULL;
	buf_clear(&x->key);
	for (int i = 0; i < g->n_by; i++) {
		cell_put_json(&x->key, &label[i]);
		buf_byte(&x->key, '\n');
	}
	s = series_put(g, x, buf_get(&x->key), &is_new);
	for (int i = 0; is_new && i < g->n_by; i++)
		set_label(x, s, i, label[i]);
	return s;
}

static int
add_counts(void *self, int part, const struct kept_counts *k)
{
	struct gather *g = self;
	struct groups *x = &g->part[part];
	struct series *s = series_of_cells(g, x, k->label);

	if (k->n)
		came(x, k->time[0], k->time[k->n - 1]);
	if (!s && k->n)
		pass_over(g, x, k->time[0], k->time[k->n - 1]);
	for (size_t i = 0, to; s && i < k->n; i = to) {
		int64_t begin = bucket(g, k->time[i]), end = bucket_end(g, begin, k->time[i]), n = 0;
		double value = 0;
		__int128 exact = 0;
		struct point *p;

		for (to = i; to < k->n && (to == i || k->time[to] < end); to++) {
			n += k->count[to];
			if (g->exact)
				exact += k->sum[to];
			else if (g->fold != SUM)
				value = to == i ? kept_double(k->sum[to]) : g->fold == MIN ? fmin(value, kept_double(k->sum[to])) : fmax(value, kept_double(k->sum[to]));
		}
		p = point_of(x, s, begin);
		fold(p, g->fold, g->exact ? 0 : g->fold == SUM ? (double)n : value, n);
		p->exact += exact;
	}
	return 0;
}

/* 1; 0: numbers do not say it. */
static int
from_counts(struct gather *g, const struct kept_question *ask, struct err *err)
{
	struct groups part[KEPT_PARTS];
	enum kept_kind kind = kept_kind(ask);
	int rc;

	for (int i = 0; i < KEPT_PARTS; i++)
		begin_groups(&part[i]);
	g->part = part;
	g->exact = kind == KEPT_SUM || kind == KEPT_MEAN;
	rc = kept_counts(g->query, ask, add_counts, g, err);
	for (int i = 0; i < KEPT_PARTS; i++) {
		if (rc > 0)
			add_part(g, &g->all, &part[i]);
		release_groups(&part[i]);
	}
	g->part = NULL;
	return rc;
}

static int
from_rows(struct gather *g, const struct kept_question *ask, struct err *err)
{
	struct buf rows = {0}, scratch = {0};
	struct str rest, line;
	int rc = kept_rows(g->query, ask, &rows, err);

	for (rest = buf_get(&rows); rc == 0 && rest.n && str_cut(&rest, '\n', &line); ) {
		struct json r = json_value(line);
		struct json_iter it;
		int64_t time;
		double x = NAN;

		if (r.type != JSON_OBJECT || time_parse_rfc3339(json_text(json_get(r, STR("timestamp")), &scratch), &time) < 0)
			continue;
		for (it = json_iter(r); json_next(&it); )       /* the last number is the aggregate */
			if (it.value.type == JSON_NUMBER)
				json_double(it.value, &x);
		if (!isnan(x))
			add(g, &g->all, series_of(g, &g->all, json_get(r, STR("labels")), (struct str){ 0 }), time, x);
	}
	buf_release(&rows), buf_release(&scratch);
	return rc;
}

static int64_t
this_bucket(void *self, int64_t time)
{
	return bucket(self, time);
}

static int64_t
next_bucket(void *self, int64_t time)
{
	return bucket_after(self, time, 1);
}

static int
from_events(struct gather *g, const struct str *names, int n_names, const char *where, const char *value, struct err *err)
{
	const struct window_buckets buckets = { this_bucket, next_bucket, g };
	const struct kept_question ask = { .names = names, .n_names = n_names, .by = g->by, .n_by = g->n_all, .from = g->spec->from,
		.to = g->spec->to, .every_ms = g->spec->every_ms, .buckets = &buckets, .where = where, .value = value };

	static const enum fold folds[] = { [KEPT_COUNT] = SUM, [KEPT_SUM] = SUM, [KEPT_MEAN] = MEAN, [KEPT_LEAST] = MIN, [KEPT_GREATEST] = MAX };
	enum kept_kind kind = kept_kind(&ask);
	int rc;

	g->fold = kind != KEPT_ROWS ? folds[kind] : ends(str_of(value), ")") ? MEAN : SUM;      /* rate is 0 where nothing was */
	rc = from_counts(g, &ask, err);
	return rc < 0 ? rc : rc ? 0 : from_rows(g, &ask, err);
}

/* ---- from stored samples */

/* Of a stored metric: which field and window is meant. */
struct kind { struct str text; int64_t rank; };

struct kinds {
	struct str pattern;             /* of names; p NULL: the one name */
	struct map field;               /* metric -> struct kind *, the field it is about */
	struct map window;              /* metric, labels -> struct kind *, the shortest window */
	struct arena *arena;
	struct buf key;
	int any;
};

static int
matches(struct str pattern, struct str name)
{
	char *p = mem_dup(pattern.p, pattern.n), *n = mem_dup(name.p, name.n);
	int rc = fnmatch(p, n, 0) == 0;

	free(p);
	free(n);
	return rc;
}

/* "…_p95": 0.95; -1 when it is none. */
static double
share_of(struct str field)
{
	const char *p = field.p + field.n;
	double percent;

	while (p > field.p && ((p[-1] >= '0' && p[-1] <= '9') || p[-1] == '.'))
		p--;
	if (p - field.p < 3 || p[-1] != 'p' || p[-2] != '_' || str_double((struct str){ p, (size_t)(field.p + field.n - p) }, &percent) < 0 || percent > 100)
		return -1;
	return percent / 100;
}

static enum fold
fold_of(struct str field)
{
	if (ends(field, "_distinct") || share_of(field) >= 0)
		return STATES;
	return str_eq(field, STR("count")) || ends(field, "_sum") ? SUM : ends(field, "_min") ? MIN : ends(field, "_max") ? MAX : MEAN;
}

static void
keep_best(struct kinds *f, struct map *map, struct str key, struct str text, int64_t rank)
{
	int is_new;
	struct map_entry *e = map_put(map, key, &is_new);
	struct kind *kind = is_new ? e->ptr = arena_get(f->arena, sizeof(*kind)) : e->ptr;

	if (is_new || rank > kind->rank)
		*kind = (struct kind){ { arena_dup(f->arena, text.p, text.n), text.n }, rank };
}

static struct str
window_key(struct kinds *f, const struct store_sample *x)
{
	buf_clear(&f->key);
	buf_str(&f->key, x->metric);
	buf_byte(&f->key, 0);
	buf_str(&f->key, x->labels);
	return buf_get(&f->key);
}

/* What a metric row is mostly about: its count, else its one value, else a sum, else what comes first. Of rows by the minute and
 * by the hour, which tell the same twice, those by the minute. */
static int
see_series(void *self, const struct store_sample *x)
{
	struct kinds *f = self;
	int64_t rank = str_eq(x->field, STR("count")) ? 4 : str_eq(x->field, STR("value")) ? 3 :
	    x->field.n > 4 && memcmp(x->field.p + x->field.n - 4, "_sum", 4) == 0 ? 2 : 1, span = 0;
	struct str window = x->window, size;

	if (f->pattern.p && !matches(f->pattern, x->metric))
		return 0;
	f->any = 1;
	if (window.n && (!str_cut(&window, '/', &size) || dur_parse(size, &span, &(struct err){ 0 })))
		span = INT64_MAX;
	keep_best(f, &f->field, x->metric, x->field, rank);
	keep_best(f, &f->window, window_key(f, x), x->window, -span);
	return 0;
}

static int
is_meant(void *self, const struct store_sample *x)
{
	struct kinds *f = self;
	const struct map_entry *field = map_find(&f->field, x->metric), *window = map_find(&f->window, window_key(f, x));

	return field && window && str_eq(((struct kind *)field->ptr)->text, x->field) && str_eq(((struct kind *)window->ptr)->text, x->window);
}

static int
add_samples(void *self, int part, const struct store_run *run)
{
	struct gather *g = self;
	struct groups *x = &g->part[part];
	int rc = 0;

	pthread_mutex_lock(&g->lock);
	if (query_stopped(g->query, g->err) < 0)
		rc = ERR_CANCEL;
	pthread_mutex_unlock(&g->lock);
	if (run->number != x->run) {
		struct series *s = series_of(g, x, json_value(run->series->labels), run->series->metric);

		x->run = run->number;
		x->of_run = s ? s - x->list : -1;
	}
	if (run->n)
		came(x, run->time[0], run->time[run->n - 1]);
	if (x->of_run < 0) {
		if (run->n)
			pass_over(g, x, run->time[0], run->time[run->n - 1]);
		return rc;
	}
	if (rc == 0)
		add_run(g, x, &x->list[x->of_run], run->time, run->value, run->count, run->n);
	for (size_t i = 0; rc == 0 && g->fold == STATES && i < run->n; i++)
		add_state(g, point_of(x, &x->list[x->of_run], bucket(g, run->time[i])), run->state ? run->state[i] : (struct str){ 0 }, run->value[i],
		    run->count ? (int64_t)run->count[i] : 1);
	return rc;
}

#define PARTS 16                /* fixed, so that sums do not depend on the number of cores */

static void
forget_samples(void *self)
{
	struct gather *g = self;

	for (int i = 0; i < PARTS; i++) {
		release_groups(&g->part[i]);
		begin_groups(&g->part[i]);
	}
}

static int
from_samples(struct gather *g, struct kinds *f, struct store_match *match, struct err *err)
{
	struct groups part[PARTS];
	int rc = 0, first = 1;

	for (struct map_entry *e = map_first(&f->field); e; e = map_next(&f->field, e), first = 0) {
		enum fold fold = fold_of(((struct kind *)e->ptr)->text);
		double share = share_of(((struct kind *)e->ptr)->text);

		if (!first && (fold != g->fold || share != g->share))
			return err_set(err, ERR_USAGE, "metric '%.*s': metrics of different kinds, such as '%.*s', cannot be put together",
			    STR_FMT(f->pattern), (int)(e->key.n < 80 ? e->key.n : 80), e->key.p);
		g->fold = fold;
		g->share = share;
	}
	for (int i = 0; i < PARTS; i++)
		begin_groups(&part[i]);
	g->part = part;
	/* Roll-ups whose buckets are whole parts of ours, also where a zone's offset is not of whole hours. */
	match->rung = g->spec->every_ms && g->zone && !zone_is_utc(g->zone) && g->spec->every_ms % 900000 == 0 ? 900000 :
	    g->spec->every_ms % (7 * 86400000LL) == 0 ? 86400000 : g->spec->every_ms;
	match->of = g->fold == MIN ? STORE_LEAST : g->fold == MAX ? STORE_GREATEST : g->fold == STATES ? STORE_STATES : STORE_SUM;
	match->wants = is_meant;
	match->self = f;
	if ((rc = query_hold_samples(g->query, err)) == 0)
		rc = store_each_run(query_store(g->query, err), match, PARTS, add_samples, forget_samples, g, err);
	for (int i = 0; i < PARTS; i++) {
		if (rc == 0)
			add_part(g, &g->all, &part[i]);
		release_groups(&part[i]);
	}
	g->part = NULL;
	return rc;
}

/* ---- conversion_rate and its kin */

static void
came_there(void *self, int64_t first, int64_t last)
{
	came(&((struct gather *)self)->all, first, last);
}

static void
add_share(void *self, struct cell label, int64_t time, int64_t sum, int64_t n)
{
	struct gather *g = self;

	struct series *s = series_of_cells(g, &g->all, &label);

	if (s)
		fold(point_of(&g->all, s, time), MEAN, (double)sum, n);
	else
		pass_over(g, &g->all, time, time);
}

static int
from_built_in(struct gather *g, enum metric_built_in which, struct err *err)
{
	const struct metric_built_in_spec spec = { .which = which, .by = g->n_all ? g->by[0] : (struct str){ 0 }, .from = g->spec->from, .to = g->spec->to,
		.bucket = this_bucket, .next = next_bucket, .came = came_there, .add = add_share, .self = g };

	g->fold = MEAN;
	if (g->n_all > 1)
		return err_set(err, ERR_USAGE, "%.*s: takes one field, to group by or to filter", STR_FMT(g->spec->name));
	return metric_built_in_run(g->query, &spec, err);
}

/* ---- which metric it is */

struct find { struct str name, singular; int found; };

static int
find_event(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	struct find *f = self;

	(void)count, (void)first, (void)last;
	if (str_eq(name, f->name))
		f->found |= 1;
	else if (f->singular.p && str_eq(name, f->singular))
		f->found |= 2;
	return 0;
}

/* The nearest of the names that the caller sees, for who mistyped one. */
struct near { const char *name; char best[EVENT_NAME_MOST + 1]; int most; };

static int
consider(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	struct near *near = self;
	char text[EVENT_NAME_MOST + 1];

	(void)count, (void)first, (void)last;
	if (name.n > EVENT_NAME_MOST)
		return 0;
	memcpy(text, name.p, name.n);
	text[name.n] = 0;
	if (near->most > 0 && str_nearer(near->name, text, &near->most))
		memcpy(near->best, text, name.n + 1);
	return 0;
}

/* Of metrics of the configuration and events; not of stored series, of which there may be a million. */
static int
no_metric(struct query *q, struct str name, struct err *err)
{
	char *typed = mem_dup(name.p, name.n < EVENT_NAME_MOST ? name.n : EVENT_NAME_MOST);
	struct near near = { .name = typed, .most = name.n < 4 ? 1 : 2 };
	struct json metrics = config_get(query_config(q), "analytics", "metrics");
	struct json_iter it = json_iter(metrics);
	struct buf scratch = { 0 };
	struct err ignore = { 0 };
	int n = (int)(name.n < 80 ? name.n : 80);

	while (json_is(metrics, JSON_OBJECT) && json_next(&it)) {
		struct str own = json_text(it.key, &scratch);

		if (policy_metric_name(query_policy(q), own) && metric_definition(q, own).type == JSON_OBJECT)
			consider(&near, own, 0, 0, 0);
	}
	store_each_name(query_store(q, &ignore), consider, &near, &ignore);
	if (near.best[0])
		err_set(err, ERR_USAGE, "no metric '%.*s', did you mean '%.80s'?", n, name.p, near.best);
	else
		err_set(err, ERR_USAGE, "no metric '%.*s': it is not in config/analytics.json, not stored, and no event; at-query schema shows what there is", n, name.p);
	buf_release(&scratch);
	free(typed);
	return err->code;
}

static int
from_config(struct gather *g, struct json metric, struct err *err)
{
	struct buf where = {0}, value = {0}, text = {0}, names = {0};
	struct str name[64], w, v;
	struct json event = json_get(metric, STR("event"));
	struct json_iter it;
	char *where_text = NULL, *value_text;
	int n = 0, rc;

	w = json_text(json_get(metric, STR("where")), &where);
	v = json_text(json_get(metric, STR("value")), &value);
	if (w.p)
		where_text = mem_dup(w.p, w.n);
	value_text = g->spec->value ? mem_text(g->spec->value) : v.p ? mem_dup(v.p, v.n) : mem_text("count");
	buf_room(&names, 64 * (EVENT_NAME_MOST + 1));           /* so that it does not move */
	if (event.type == JSON_STRING) {
		struct str s = json_text(event, &text);

		name[n++] = (struct str){ names.p, s.n < EVENT_NAME_MOST ? s.n : EVENT_NAME_MOST };
		buf_add(&names, s.p, name[0].n);
	}
	for (it = json_iter(event); event.type == JSON_ARRAY && n < 64 && json_next(&it); ) {
		struct str s = json_text(it.value, &text);

		if (!s.p || s.n > EVENT_NAME_MOST)
			continue;
		name[n++] = (struct str){ names.p + names.n, s.n };
		buf_str(&names, s);
	}
	rc = from_events(g, name, n, where_text, value_text, err);
	free(where_text), free(value_text);
	buf_release(&where), buf_release(&value), buf_release(&text), buf_release(&names);
	return rc;
}

/* The fields of the filters, behind those that group where they are none of them. */
static int
place_filters(struct gather *g, struct err *err)
{
	g->n_all = g->n_by;
	for (int i = 0; i < g->spec->n_filters; i++) {
		int at = 0;

		while (at < g->n_all && !str_eq(g->by[at], g->spec->filter[i].field))
			at++;
		if (at == BY_MOST)
			return err_set(err, ERR_INPUT, "filters: at most %d, and with groupBy %d", METRIC_FILTERS_MOST, BY_MOST);
		if (at == g->n_all)
			g->by[g->n_all++] = g->spec->filter[i].field;
		g->filter_at[i] = at;
	}
	return 0;
}

/* NAME.FIELD, either of which may have dots itself: the longest name that is there. */
static int
find_field(struct query *q, struct store_match *match, struct kinds *kinds, struct err *err)
{
	struct str all = match->metric;
	int rc = 0;

	for (const char *dot = all.p + all.n; rc == 0 && !kinds->any && (dot = memrchr(all.p, '.', (size_t)(dot - all.p))); ) {
		match->metric.n = (size_t)(dot - all.p);
		match->field = (struct str){ dot + 1, all.n - match->metric.n - 1 };
		rc = store_each_series(query_store(q, err), match, see_series, kinds, err);
	}
	return rc;
}

struct json
metric_definition(const struct query *q, struct str name)
{
	static const struct str counted[] = { { "event", 5 }, { "where", 5 }, { "value", 5 } };
	struct json own = json_get(config_get(query_config(q), "analytics", "metrics"), name);
	int says = !json_is(json_get(own, STR("target")), JSON_OBJECT);

	for (size_t i = 0; i < sizeof(counted) / sizeof(*counted); i++)
		says |= json_get(own, counted[i]).type != JSON_NONE;
	return own.type == JSON_OBJECT && says ? own : JSON_ABSENT;
}

int
metric_run(struct query *q, const struct metric_spec *spec, struct cell_sink sink, struct err *err)
{
	struct gather g = { .query = q, .spec = spec, .zone = query_zone(q), .lock = PTHREAD_MUTEX_INITIALIZER, .err = err };
	struct find find = { .name = spec->name };
	struct kinds kinds = { .arena = NULL };
	struct store_match match = { .from = spec->from, .to = spec->to };
	struct json metric = JSON_ABSENT;
	struct str rest = spec->by, piece;
	enum metric_built_in built_in = policy_metric_name(query_policy(q), spec->name) ? metric_built_in(spec->name) : METRIC_OTHER;
	int rc = 0;

	while (rest.p && g.n_by < BY_MOST && str_cut(&rest, ',', &piece))
		g.by[g.n_by++] = str_trim(piece);
	if (place_filters(&g, err) < 0)
		return err->code;
	begin_groups(&g.all);
	kinds.arena = arena_new(0);
	if (spec->name.n > 1 && spec->name.p[spec->name.n - 1] == 's')
		find.singular = (struct str){ spec->name.p, spec->name.n - 1 };
	if (memchr(spec->name.p, '*', spec->name.n) || memchr(spec->name.p, '?', spec->name.n))
		kinds.pattern = spec->name;
	else
		match.metric = spec->name;
	if (query_config(q) && policy_metric_name(query_policy(q), spec->name))
		metric = metric_definition(q, spec->name);
	if (metric.type == JSON_OBJECT) {
		rc = from_config(&g, metric, err);
	} else if (!query_store(q, err)) {
		rc = err->code;
	} else if ((rc = store_each_series(query_store(q, err), &match, see_series, &kinds, err)) == 0 && kinds.any) {
		rc = from_samples(&g, &kinds, &match, err);
	} else if (rc == 0 && (rc = store_each_name(query_store(q, err), find_event, &find, err)) == 0) {
		if (find.found)
			rc = from_events(&g, find.found & 1 ? &find.name : &find.singular, 1, NULL, "count", err);
		else if (!kinds.pattern.p)
			rc = find_field(q, &match, &kinds, err);
		if (rc == 0 && kinds.any)
			rc = from_samples(&g, &kinds, &match, err);
		else if (rc == 0 && !find.found && built_in)
			rc = from_built_in(&g, built_in, err);
		else if (rc == 0 && !find.found)
			rc = no_metric(q, spec->name, err);
	}
	if (rc == 0 && spec->adds)
		*spec->adds = g.fold == SUM;
	if (rc == 0 && spec->reach)
		*spec->reach = reach_of(&g);
	if (rc == 0)
		rc = emit(&g, sink, err);
	release_groups(&g.all);
	map_release(&kinds.field), map_release(&kinds.window);
	arena_free(kinds.arena);
	buf_release(&kinds.key);
	return rc;
}
