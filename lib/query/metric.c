#include "query/metric.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/time.h"
#include "json/cell.h"
#include "window/window.h"

#define BY_MOST     16
#define BUCKETS_MOST 100000     /* filled with zeros */

const char *const metric_columns[] = { "timestamp", "value", NULL };

enum fold { SUM, MIN, MAX, MEAN };

struct point { int64_t time; double value; int64_t n; };
struct series { struct cell *label; struct point *point; size_t n, cap; };

struct gather {
	const struct metric_spec *spec;
	const struct zone *zone;
	struct str by[BY_MOST];
	int n_by;
	struct map series;      /* labels as text to number */
	struct series *list;
	size_t n, cap;
	enum fold fold;
	struct arena *arena;
	struct buf key, scratch;
	struct str field;       /* of stored samples: the one that is taken */
	int64_t least, greatest;
};

static int64_t
bucket(const struct gather *g, int64_t time)
{
	int64_t every = g->spec->every_ms, shift = 0;

	if (!every)
		return g->spec->from > TIME_MIN ? g->spec->from : TIME_NONE;
	if (g->zone && every % 3600000 == 0)
		shift = zone_offset(g->zone, time);
	if (every % (7 * 86400000LL) == 0)
		shift -= 4 * 86400000LL;        /* weeks from Monday */
	time += shift;
	time -= ((time % every) + every) % every;
	return time - shift;
}

static struct series *
series_of(struct gather *g, struct json labels)
{
	struct map_entry *e;
	struct series *s;
	int is_new;

	buf_clear(&g->key);
	for (int i = 0; i < g->n_by; i++) {
		struct json v = json_get(labels, g->by[i]);

		buf_str(&g->key, v.type == JSON_NONE ? STR("null") : json_raw(v));
		buf_byte(&g->key, '\n');
	}
	e = map_put(&g->series, buf_get(&g->key), &is_new);
	if (!is_new)
		return &g->list[e->num];
	e->num = (int64_t)g->n;
	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 16;
		g->list = mem_grow(g->list, g->cap, sizeof(*g->list));
	}
	s = &g->list[g->n++];
	*s = (struct series){ .label = arena_get(g->arena, (size_t)(g->n_by + 1) * sizeof(*s->label)) };
	for (int i = 0; i < g->n_by; i++) {
		s->label[i] = cell_of_json(json_get(labels, g->by[i]), &g->scratch);
		if (s->label[i].type == CELL_TEXT)
			s->label[i].text.p = arena_dup(g->arena, s->label[i].text.p, s->label[i].text.n);
	}
	return s;
}

static void
add(struct gather *g, struct series *s, int64_t time, double value)
{
	struct point *p = s->n ? &s->point[s->n - 1] : NULL;

	time = bucket(g, time);
	for (size_t i = s->n; p && p->time != time && i-- > 0; )        /* mostly the last one */
		p = s->point[i].time <= time ? &s->point[i] : i ? &s->point[i - 1] : p;
	if (!p || p->time != time) {
		size_t at = s->n;

		if (s->n == s->cap) {
			s->cap = s->cap ? 2 * s->cap : 16;
			s->point = mem_grow(s->point, s->cap, sizeof(*s->point));
		}
		while (at > 0 && s->point[at - 1].time > time)
			at--;
		memmove(s->point + at + 1, s->point + at, (s->n++ - at) * sizeof(*s->point));
		p = &s->point[at];
		*p = (struct point){ .time = time };
	}
	p->value = p->n == 0 ? value : g->fold == MIN ? fmin(p->value, value) : g->fold == MAX ? fmax(p->value, value) : p->value + value;
	p->n++;
	if (time < g->least)
		g->least = time;
	if (time > g->greatest)
		g->greatest = time;
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

static int
put_point(struct gather *g, const struct series *s, int64_t time, double value, struct cell_sink sink, struct err *err)
{
	struct cell cells[BY_MOST + 2];
	char out[TIME_LEN];
	int n = 0;

	for (; n < g->n_by; n++)
		cells[n] = s->label[n];
	if (time == TIME_NONE) {
		cells[n++] = cell_null();
	} else {
		time_print(time, out);
		cells[n++] = cell_text((struct str){ out, TIME_LEN });
	}
	cells[n++] = value == floor(value) && fabs(value) < 9e15 ? cell_integer((int64_t)value) : cell_real(value);
	return sink.row(sink.self, cells, n, err);
}

static int
emit(struct gather *g, struct cell_sink sink, struct err *err)
{
	int64_t every = g->spec->every_ms, from = g->least, to = g->greatest;
	int rc = 0, fill = every && g->fold == SUM;

	if (g->n == 0 && g->n_by == 0 && !every && g->fold == SUM) {    /* nothing: a count of 0 */
		struct series none = {0};

		return put_point(g, &none, g->spec->from > TIME_MIN ? g->spec->from : TIME_NONE, 0, sink, err);
	}
	if (g->n)
		qsort_r(g->list, g->n, sizeof(*g->list), by_labels, g);
	if (fill && g->spec->from > TIME_MIN)
		from = bucket(g, g->spec->from);
	if (fill && g->spec->to <= TIME_MAX)
		to = bucket(g, g->spec->to - 1);
	fill = fill && g->n && (to - from) / every < BUCKETS_MOST;
	for (size_t i = 0; rc == 0 && i < g->n; i++) {
		struct series *s = &g->list[i];
		int64_t next = from;

		for (size_t k = 0; rc == 0 && k < s->n; k++) {
			for (; rc == 0 && fill && next < s->point[k].time; next += every)
				rc = put_point(g, s, next, 0, sink, err);
			if (rc == 0)
				rc = put_point(g, s, s->point[k].time, g->fold == MEAN ? s->point[k].value / (double)s->point[k].n : s->point[k].value, sink, err);
			next = bucket(g, s->point[k].time + every);
			if (next <= s->point[k].time)
				next = s->point[k].time + every;
		}
		for (; rc == 0 && fill && next <= to; next += every)
			rc = put_point(g, s, next, 0, sink, err);
	}
	return rc;
}

/* ---- from events, as at-agg does it */

static int
from_events(struct query *q, struct gather *g, const struct str *names, int n_names, const char *where, const char *value, struct err *err)
{
	const struct store_range range = { .from = g->spec->from, .to = g->spec->to, .names = names, .n_names = n_names };
	char span[40] = "all", *by = g->spec->by.p ? mem_dup(g->spec->by.p, g->spec->by.n) : mem_text("");
	struct out out = { .fd = memfd_create("metric", MFD_CLOEXEC), .name = "memory" };
	struct window_spec spec = WINDOW_DEFAULTS;
	struct store *store = query_store(q, err);
	struct window *window = NULL;
	struct store_scan *scan = NULL;
	struct buf row = {0};
	struct event e;
	int rc = 0, looked = 0;

	if (g->spec->every_ms)
		dur_print(g->spec->every_ms, span);
	spec.span = span, spec.by = by, spec.aggregates = value, spec.where = where, spec.name = "metric", spec.zone = query_zone(q), spec.out = &out;
	spec.lateness_ms = TIME_MAX;
	if (out.fd < 0)
		err_set(err, ERR_IO, "no memory file");
	else if (store && (window = window_new(&spec, err)))
		scan = store_scan_open(store, &range, err);
	while (scan && (rc = store_scan_next(scan, &e, err)) > 0) {
		if ((++looked & 0xfff) == 0 && query_stopped(q, err) < 0)
			break;
		buf_clear(&row);
		event_put(&row, &e);
		if (window_row(window, buf_get(&row), err) < 0) {
			if (err->code != ERR_INPUT)
				break;
			err_clear(err);
		}
	}
	if (scan && !err->code)
		window_finish(window, err);
	store_scan_close(scan);
	window_free(window);
	if (!err->code) {
		out_flush(&out);
		off_t size = lseek(out.fd, 0, SEEK_END);
		char *text = size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, out.fd, 0) : NULL;
		struct str rest = { text, size > 0 ? (size_t)size : 0 }, line;

		while (text && text != MAP_FAILED && rest.n && str_cut(&rest, '\n', &line)) {
			struct json r = json_value(line);
			struct json_iter it;
			struct buf scratch = {0};
			int64_t time;
			double x = NAN;

			if (r.type != JSON_OBJECT || time_parse_rfc3339(json_text(json_get(r, STR("timestamp")), &scratch), &time) < 0) {
				buf_release(&scratch);
				continue;
			}
			for (it = json_iter(r); json_next(&it); )       /* the last number is the aggregate */
				if (it.value.type == JSON_NUMBER)
					json_double(it.value, &x);
			if (!isnan(x))
				add(g, series_of(g, json_get(r, STR("labels"))), time, x);
			buf_release(&scratch);
		}
		if (text && text != MAP_FAILED)
			munmap(text, (size_t)size);
	}
	if (out.fd >= 0)
		close(out.fd);
	buf_release(&out.buf), buf_release(&row);
	free(by);
	return err->code;
}

/* ---- from stored samples */

struct fields { int any, rank; struct buf best; };

/* What a metric row is mostly about: its count, else its one value, else a sum, else what comes first. */
static int
see_field(void *self, const struct store_sample *x)
{
	struct fields *f = self;
	int rank = str_eq(x->field, STR("count")) ? 4 : str_eq(x->field, STR("value")) ? 3 :
	    x->field.n > 4 && memcmp(x->field.p + x->field.n - 4, "_sum", 4) == 0 ? 2 : 1;

	f->any = 1;
	if (rank > f->rank) {
		f->rank = rank;
		buf_clear(&f->best);
		buf_str(&f->best, x->field);
	}
	return 0;
}

static int
add_sample(void *self, const struct store_sample *x)
{
	struct gather *g = self;

	if (str_eq(x->field, g->field))
		add(g, series_of(g, json_value(x->labels)), x->time, x->value);
	return 0;
}

static int
ends(struct str s, const char *with)
{
	size_t n = strlen(with);

	return s.n > n && memcmp(s.p + s.n - n, with, n) == 0;
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

static int
from_config(struct query *q, struct gather *g, struct json metric, struct err *err)
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
	value_text = v.p ? mem_dup(v.p, v.n) : mem_text("count");
	g->fold = ends(str_of(value_text), ")") && strncmp(value_text, "sum", 3) != 0 ? strncmp(value_text, "min", 3) == 0 ? MIN :
	    strncmp(value_text, "max", 3) == 0 ? MAX : MEAN : SUM;
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
	rc = from_events(q, g, name, n, where_text, value_text, err);
	free(where_text), free(value_text);
	buf_release(&where), buf_release(&value), buf_release(&text), buf_release(&names);
	return rc;
}

int
metric_run(struct query *q, const struct metric_spec *spec, struct cell_sink sink, struct err *err)
{
	struct gather g = { .spec = spec, .zone = query_zone(q), .arena = arena_new(0), .least = INT64_MAX, .greatest = INT64_MIN };
	struct find find = { .name = spec->name };
	struct fields fields = {0};
	struct json metric = JSON_ABSENT;
	struct str rest = spec->by, piece;
	int rc = 0;

	while (rest.p && g.n_by < BY_MOST && str_cut(&rest, ',', &piece))
		g.by[g.n_by++] = str_trim(piece);
	if (spec->name.n > 1 && spec->name.p[spec->name.n - 1] == 's')
		find.singular = (struct str){ spec->name.p, spec->name.n - 1 };
	if (query_config(q)) {
		metric = json_get(config_get(query_config(q), "analytics", "metrics"), spec->name);
	}
	if (metric.type == JSON_OBJECT) {
		rc = from_config(q, &g, metric, err);
	} else if (!query_store(q, err)) {
		rc = err->code;
	} else if ((rc = store_each_sample(query_store(q, err), spec->name, spec->from, spec->to, see_field, &fields, err)) == 0 && fields.any) {
		g.field = buf_get(&fields.best);
		g.fold = str_eq(g.field, STR("count")) || ends(g.field, "_sum") ? SUM : ends(g.field, "_min") ? MIN : ends(g.field, "_max") ? MAX : MEAN;
		rc = store_each_sample(query_store(q, err), spec->name, spec->from, spec->to, add_sample, &g, err);
	} else if (rc == 0 && (rc = store_each_name(query_store(q, err), find_event, &find, err)) == 0) {
		if (find.found)
			rc = from_events(q, &g, find.found & 1 ? &find.name : &find.singular, 1, NULL, "count", err);
		else
			rc = err_set(err, ERR_USAGE, "no metric '%.*s': it is not in config/analytics.json, not stored, and no event; at-query schema shows what there is",
			    (int)(spec->name.n < 80 ? spec->name.n : 80), spec->name.p);
	}
	if (rc == 0)
		rc = emit(&g, sink, err);
	for (size_t i = 0; i < g.n; i++)
		free(g.list[i].point);
	free(g.list);
	map_release(&g.series);
	arena_free(g.arena);
	buf_release(&g.key), buf_release(&g.scratch), buf_release(&fields.best);
	return rc;
}
