/* Saved models are pieces "NAME/0", "NAME/1", … of kind "detect" in the store's states, PIECE bytes or a little more each:
 *
 *      count:4 bytes           pieces there are, in each of them, and the top bit: it is a list (store/admin.h)
 *      then series:            length of the key:4, the key, length of what follows:4, the model (model.c), the counter (counter.c)
 *
 * A key is metric, labels and field as they stand in a row, with a byte 0 between. Numbers are little-endian. Before there were lists
 * a model had no length, and before there were counters it stood alone. Beside them stand the sources
 * whose absence is told (KIND_ABSENT) and the columns of plain rows (KIND_COLUMNS). */
#include "detect/detect.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/time.h"
#include "detect/absent.h"
#include "detect/change.h"
#include "detect/counter.h"
#include "detect/feedback.h"
#include "detect/model.h"
#include "event/when.h"
#include "json/json.h"

#define KIND        "detect"
#define KIND_CHANGE "detect-change"
#define KIND_ABSENT "detect-absent"
#define KIND_COLUMNS "detect-columns"
#define PIECE       (1u << 20)
#define LIST        (1u << 31)
#define SAVED_AT_ONCE (64u << 10)       /* bytes of alarms that wait for the store at most */
#define COLUMNS     256                 /* of a CSV row */
#define LABELS_MOST (64u << 10)         /* bytes of a series' key */
#define SORTED_MOST 64                  /* labels of a series that are the same in whatever order they come */
#define WITH_MOST   (64u << 10)         /* bytes of the names of series that an alarm is told with; more are counted */
#define LIVE_MS     60000               /* input whose newest row is at most so old is live (twice the span of absence, if that is longer) */

enum column { SKIPPED, TIME, METRIC, DATA, NUMBER, LABEL };      /* DATA: the first value will tell which it is */

/* What was learned lies behind it: a struct model, or a struct change. Rows come in about the same order of series each time, so the one that
 * came after this one is looked at first. */
struct series {
	struct series *after;           /* who came next the last time; NULL */
	struct str key;                 /* the map's */
	struct counter counter;
	_Alignas(16) char learned[];
};

#define FETCH   3                       /* so many rows before its turn a model is asked for: more have no place in the nearest cache */
#define NUMBERS 16                      /* of a row that are remembered from then on; those behind are looked for in their turn */

/* A metric row taken apart, and whose model it will ask for: that is on its way from memory meanwhile, since of 10,000 series nothing is in the
 * caches. */
struct parted {
	struct str row, head;           /* head: without its closing brace */
	struct json metric, labels, when;
	int64_t time;
	int is_partial, is_window;
	int n;
	struct number { struct json name; double value; struct series *series; size_t key, key_n; uint64_t hash; } number[NUMBERS];
	struct buf keys;                /* of the series, where `key` of each says */
};

struct detect {
	struct detect_spec spec;
	struct str only[COLUMNS];       /* of spec.fields */
	int     n_only;
	struct out *out;
	struct map series;              /* key to struct series; labels in another order, or with blanks, lead to the same one by a further key */
	struct pool pool;               /* of which each is a piece */
	struct series *latest;          /* whose row came last; NULL */
	struct parted part[ROWS_AHEAD];      /* a ring, in order of their turns */
	unsigned first, n_parted;
	struct map heeded;              /* key, its labels sorted, to odds (bits of a double), of series that were marked */
	long    alarms;
	struct buf key, name, text, made, sorted;
	/* the alarm that waits for others of its time */
	struct buf held, with;          /* its row without the two last braces; names of the others */
	int64_t held_time;
	double  held_score;
	long    more;                   /* others that have no place in `with` */
	/* absence */
	struct absent *absent;
	int64_t newest, leap;           /* times of rows, the second of one that is further ahead than the span; TIME_NONE */
	int     is_fresh, is_live;      /* rows came since the last silence began */
	int64_t silent_ns;              /* when that was, by the steady clock */
	struct buf unsaved;             /* alarms for the store: time:8, length:8, the row, in this machine's order */
	/* plain rows */
	int     plain;                  /* of this file: the first row was no JSON */
	const char *file;
	struct buf header;              /* its names, each with a 0 behind */
	struct str column[COLUMNS];
	enum column what[COLUMNS];
	int     columns;
	int     resumed;                /* these were loaded: a file may go on behind its header */
};

struct detect *
detect_new(const struct detect_spec *spec, struct out *out, struct err *err)
{
	struct detect *d = mem_new(sizeof(*d));
	struct str rest = str_of(spec->fields), one;

	d->spec = *spec;
	d->out = out;
	d->newest = d->leap = TIME_NONE;
	if (spec->absent_ms)
		d->absent = absent_new(spec->absent_ms);
	if (!(spec->sensitivity >= 0 && spec->sensitivity <= 1)) {
		err_set(err, ERR_USAGE, "--sensitivity: %g is not between 0 and 1, 0.5 is the default", spec->sensitivity);
		goto wrong;
	}
	while (rest.n && str_cut(&rest, ',', &one)) {
		one = str_trim(one);
		if (!one.n || d->n_only == COLUMNS) {
			err_set(err, ERR_USAGE, "--fields: '%s' is no list of fields, try count,revenue_sum", spec->fields);
			goto wrong;
		}
		d->only[d->n_only++] = one;
	}
	return d;
wrong:
	detect_free(d);
	return NULL;
}

/* Whole cache lines. */
static size_t
series_size(const struct detect *d)
{
	return (sizeof(struct series) + (d->spec.changes ? change_size() : model_size()) + 63) / 64 * 64;
}

static struct model *
model_of(struct series *s)
{
	return (struct model *)(void *)s->learned;
}

static struct change *
change_of(struct series *s)
{
	return (struct change *)(void *)s->learned;
}

/* The entry of a further key? */
static int
is_other_key(const struct map_entry *e)
{
	return ((const struct series *)e->ptr)->key.p != e->key.p;
}

void
detect_free(struct detect *d)
{
	if (!d)
		return;
	for (struct map_entry *e = map_first(&d->series); e; e = map_next(&d->series, e))
		if (is_other_key(e))
			e->ptr = NULL;
	for (struct map_entry *e = map_first(&d->series); e; e = map_next(&d->series, e))
		if (e->ptr)
			pool_put(&d->pool, e->ptr, series_size(d));
	pool_release(&d->pool);
	map_release(&d->series);
	map_release(&d->heeded);
	absent_free(d->absent);
	buf_release(&d->held);
	buf_release(&d->with);
	buf_release(&d->key);
	buf_release(&d->name);
	buf_release(&d->text);
	buf_release(&d->made);
	buf_release(&d->sorted);
	buf_release(&d->unsaved);
	buf_release(&d->header);
	for (int i = 0; i < ROWS_AHEAD; i++)
		buf_release(&d->part[i].keys);
	free(d);
}

long
detect_alarms(const struct detect *d)
{
	return d->alarms;
}

long
detect_series(const struct detect *d)
{
	return (long)d->series.n;
}

static int
is_asked(const struct detect *d, struct str field)
{
	for (int i = 0; i < d->n_only; i++)
		if (str_eq(d->only[i], field))
			return 1;
	return d->n_only == 0;
}

/* Six digits that matter of `size`, as a number. */
static void
put_rounded_as(struct buf *to, double v, double size)
{
	double unit;

	if (size != 0 && fabs(v) < 1e15 && fabs(size) < 1e15 && fabs(size) > 1e-15) {
		unit = pow(10, 5 - floor(log10(fabs(size))));
		v = unit >= 1 ? round(v * unit) / unit : round(v / (1 / unit)) * (1 / unit);
	}
	json_put_double(to, v);
}

static void
put_rounded(struct buf *to, double v)
{
	put_rounded_as(to, v, v);
}

/* In a transaction. */
static int
put_alarms(struct detect *d, struct err *err)
{
	struct str rest = buf_get(&d->unsaved);
	int rc = 0;

	while (rest.n && rc >= 0) {
		int64_t head[2];

		memcpy(head, rest.p, sizeof(head));
		rc = store_add_row(d->spec.save, "anomaly", head[0], (struct str){ rest.p + sizeof(head), (size_t)head[1] }, err);
		rest.p += sizeof(head) + (size_t)head[1];
		rest.n -= sizeof(head) + (size_t)head[1];
	}
	buf_clear(&d->unsaved);
	return rc < 0 ? rc : 0;
}

static int
store_alarms(struct detect *d, struct err *err)
{
	int rc;

	if (!d->unsaved.n || d->spec.save_with_models)
		return 0;
	if ((rc = store_begin(d->spec.save, err)) < 0)
		return rc;
	if ((rc = put_alarms(d, err)) < 0) {
		store_abort(d->spec.save);
		return rc;
	}
	return store_commit(d->spec.save, err);
}

static int
save_alarm(struct detect *d, int64_t time, struct str row, struct err *err)
{
	int64_t head[2] = { time, (int64_t)row.n };

	if (!d->spec.save)
		return 0;
	buf_add(&d->unsaved, head, sizeof(head));
	buf_str(&d->unsaved, row);
	return d->unsaved.n >= SAVED_AT_ONCE ? store_alarms(d, err) : 0;
}

/* A row is complete in the output from there on. */
static int
put_alarm(struct detect *d, int64_t time, size_t from, struct err *err)
{
	struct buf *to = &d->out->buf;
	int rc = save_alarm(d, time, (struct str){ to->p + from, to->n - from - 1 }, err);

	out_row(d->out);
	return rc;
}

/* ---- alarms of one time */

/* {"metric":…,"labels":…,"field":…} of a row that misses its closing braces. */
static void
put_name(struct buf *to, struct str row)
{
	struct buf whole = { 0 };
	struct json v, part;

	buf_str(&whole, row);
	buf_lit(&whole, "}}");
	v = json_value(buf_get(&whole));
	buf_lit(to, "{\"metric\":");
	part = json_get(v, STR("metric"));
	buf_str(to, json_is(part, JSON_NONE) ? STR("null") : json_raw(part));
	part = json_get(v, STR("labels"));
	if (!json_is(part, JSON_NONE)) {
		buf_lit(to, ",\"labels\":");
		buf_str(to, json_raw(part));
	}
	buf_lit(to, ",\"field\":");
	part = json_get(json_get(v, STR("anomaly")), STR("field"));
	buf_str(to, json_raw(part));
	buf_byte(to, '}');
	buf_release(&whole);
}

static int
let_go(struct detect *d, struct err *err)
{
	struct buf *to = &d->out->buf;
	size_t from = to->n;

	if (!d->held.n)
		return 0;
	buf_str(to, buf_get(&d->held));
	if (d->with.n) {
		buf_lit(to, ",\"with\":[");
		buf_str(to, buf_get(&d->with));
		buf_byte(to, ']');
	}
	if (d->more)
		buf_printf(to, ",\"more\":%ld", d->more);
	buf_lit(to, "}}\n");
	buf_clear(&d->held);
	buf_clear(&d->with);
	d->more = 0;
	return put_alarm(d, d->held_time, from, err);
}

/* The row stands in the output from there on, without its two last braces: it goes to the others of its time. */
static void
hold(struct detect *d, int64_t time, double score, size_t from)
{
	struct buf *to = &d->out->buf;
	struct str row = { to->p + from, to->n - from };

	if (!d->held.n) {
		buf_str(&d->held, row);
		d->held_time = time;
		d->held_score = score;
		to->n = from;
		return;
	}
	if (d->with.n >= WITH_MOST)
		d->more++;
	else {
		if (d->with.n)
			buf_byte(&d->with, ',');
		put_name(&d->with, score > d->held_score ? buf_get(&d->held) : row);
	}
	if (score > d->held_score) {
		buf_clear(&d->held);
		buf_str(&d->held, row);
		d->held_score = score;
	}
	to->n = from;
}

int
detect_flush(struct detect *d, struct err *err)
{
	int rc = let_go(d, err);

	return rc < 0 ? rc : store_alarms(d, err);
}

/* ---- one number of a row */

/* `head` is the row without its closing brace. */
static int
judge_change(struct detect *d, struct change *change, struct str field, const struct counted *counted, int64_t time, struct str head, struct err *err)
{
	static const char *const kinds[] = { [CHANGE_LEVEL] = "level", [CHANGE_TREND] = "trend", [CHANGE_VARIANCE] = "variance" };
	struct buf *to = &d->out->buf;
	size_t from = to->n;
	struct change_found found;

	if (counted->as == COUNTED_UNKNOWN || counted->as == COUNTED_AT_LEAST ||
	    !change_push(change, time, zone_offset(d->spec.zone, time), counted->judged, &found))
		return 0;
	d->alarms++;
	buf_str(to, head);
	buf_lit(to, ",\"change\":{\"field\":");
	json_put_string(to, field);
	buf_printf(to, ",\"kind\":\"%s\",\"since\":", kinds[found.kind]);
	json_put_time(to, found.since_ms);
	buf_lit(to, ",\"before\":");
	put_rounded(to, found.before);
	buf_lit(to, ",\"after\":");
	put_rounded(to, found.after);
	buf_lit(to, ",\"size\":");
	put_rounded(to, found.after - found.before);
	buf_lit(to, "}}\n");
	return put_alarm(d, time, from, err);
}

static void
put_forecast(struct buf *to, double forecast, const struct counted *counted)
{
	put_rounded_as(to, counted->base + forecast * counted->times, counted->as == COUNTED_VALUE ? forecast : forecast * counted->times);
}

static int
judge_anomaly(struct detect *d, struct model *model, struct str field, const struct counted *counted, int64_t time, struct str head, struct err *err)
{
	int64_t local_ms = time + zone_offset(d->spec.zone, time);
	double threshold = 1 - d->spec.sensitivity, judged = counted->judged;
	struct verdict v = { .expected = judged, .lower = judged, .upper = judged };
	struct buf *to = &d->out->buf;
	size_t from = to->n;

	if (counted->as == COUNTED_AT_LEAST)
		model_push_least(model, local_ms, judged, threshold, &v);
	else if (counted->as != COUNTED_UNKNOWN)
		model_push(model, local_ms, judged, threshold, &v);
	d->alarms += v.alarm;
	if (!v.alarm && !d->spec.all)
		return 0;
	buf_str(to, head);
	buf_lit(to, ",\"anomaly\":{\"field\":");
	json_put_string(to, field);
	buf_lit(to, ",\"score\":");
	json_put_double(to, round(v.score * 1e6) / 1e6);
	buf_lit(to, v.alarm ? ",\"alarm\":true,\"expected\":" : ",\"alarm\":false,\"expected\":");
	put_forecast(to, v.expected, counted);
	buf_lit(to, ",\"lower\":");
	put_forecast(to, v.lower, counted);
	buf_lit(to, ",\"upper\":");
	put_forecast(to, v.upper, counted);
	buf_lit(to, judged >= v.expected ? ",\"direction\":\"high\"" : ",\"direction\":\"low\"");
	if (v.alarm && !d->spec.all && !d->spec.each) {
		hold(d, time, v.score, from);
		return 0;
	}
	buf_lit(to, "}}\n");
	if (v.alarm)
		return put_alarm(d, time, from, err);
	out_row(d->out);
	return 0;
}

/* The same labels in one form: keys in byte order, without blanks. Of more than are sorted as they stand. */
static void
put_sorted(struct buf *to, struct str labels)
{
	struct json member[SORTED_MOST][2];
	struct json_iter it = json_iter(json_value(labels));
	int n = 0;

	for (; n < SORTED_MOST && json_next(&it); n++)
		member[n][0] = it.key, member[n][1] = it.value;
	if (n && n < SORTED_MOST && *labels.p == '{')
		json_put_members(to, member, n);
	else
		buf_str(to, labels);
}

/* A series' key with its labels in that form, until the next call. */
static struct str
sorted_key(struct detect *d, struct str key)
{
	struct str metric, labels;

	str_cut(&key, 0, &metric);
	str_cut(&key, 0, &labels);
	buf_clear(&d->sorted);
	buf_str(&d->sorted, metric);
	buf_byte(&d->sorted, 0);
	put_sorted(&d->sorted, labels);
	buf_byte(&d->sorted, 0);
	buf_str(&d->sorted, key);
	return buf_get(&d->sorted);
}

/* What was said of the series' anomalies moves where it alarms. */
static void
lean(struct detect *d, struct series *series)
{
	const struct map_entry *marked = d->heeded.n && !d->spec.changes ? map_find(&d->heeded, sorted_key(d, series->key)) : NULL;
	double odds;

	if (!marked)
		return;
	memcpy(&odds, &marked->bits, sizeof(odds));
	model_lean(model_of(series), odds);
}

/* Is this series known under another form of its labels? Then it is that one, and this form is known from now on. */
static struct series *
known_series(struct detect *d, struct map_entry *entry)
{
	struct str sorted = sorted_key(d, entry->key);
	struct map_entry *first;
	int is_new;

	if (str_eq(sorted, entry->key))
		return NULL;
	first = map_put(&d->series, sorted, &is_new);
	if (is_new)
		first->ptr = entry->ptr;
	return is_new ? NULL : first->ptr;
}

static void
begin(struct detect *d, struct series *s)
{
	if (d->spec.changes)
		change_init(s->learned);
	else
		model_init(s->learned);
	lean(d, s);
}

/* Found or made, then without anything learned. */
static struct series *
series_of(struct detect *d, struct str key)
{
	int is_new;
	struct map_entry *entry = map_put(&d->series, key, &is_new);
	struct series *s = entry->ptr, *known;

	if (is_new) {
		s = entry->ptr = pool_get(&d->pool, series_size(d));
		*s = (struct series){ .key = entry->key };
		if ((known = known_series(d, entry))) {
			pool_put(&d->pool, s, series_size(d));
			return entry->ptr = known;
		}
		begin(d, s);
	}
	return s;
}

/* metric, labels and field as they stand in a row. */
static void
put_key(struct buf *to, struct str metric, struct str labels, struct str field)
{
	buf_str(to, metric);
	buf_byte(to, 0);
	buf_str(to, labels);
	buf_byte(to, 0);
	buf_str(to, field);
}

/* The series of which a value came; known: it may be this one. */
static struct series *
next_series(struct detect *d, struct str key, struct series *known)
{
	struct series *s = known ? known : d->latest ? d->latest->after : NULL;

	if (!s || !str_eq(s->key, key))
		s = series_of(d, key);
	if (d->latest)
		d->latest->after = s;
	return d->latest = s;
}

/* Is what comes of this series a counter by name? No name says it of a window's figures: orders_total=sum(n) begins anew in each; those that go on
 * from window to window show it. */
static int
is_named(const struct series *s, struct str field, int is_window)
{
	struct str rest = s->key, metric;

	if (is_window || s->counter.began || s->counter.kind == COUNTER_NOT)
		return 0;               /* or that was asked before */
	str_cut(&rest, 0, &metric);
	return counter_name(field) || counter_name(metric);
}

/* is_window: of a row that at-agg made of a window's. */
static int
judge(struct detect *d, struct str key, struct series *known, struct str field, double value, int64_t time, int is_window, struct str head,
    struct err *err)
{
	struct counted counted;
	struct series *s;

	if (key.n > LABELS_MOST)
		return err_set(err, ERR_INPUT, "the labels are longer than %u KiB", LABELS_MOST >> 10);
	s = next_series(d, key, known);
	counter_push(&s->counter, is_named(s, field, is_window), time, value, &counted);
	if (counted.is_other)
		begin(d, s);
	return d->spec.changes ? judge_change(d, change_of(s), field, &counted, time, head, err) :
	    judge_anomaly(d, model_of(s), field, &counted, time, head, err);
}

/* ---- absence */

static int
tell_absent(struct detect *d, int64_t clock, struct err *err)
{
	struct absent_found found;
	struct buf *to = &d->out->buf;
	int rc = 0;

	while (rc >= 0 && absent_next(d->absent, clock, &found)) {
		struct str labels = found.name, metric;
		size_t from = to->n;

		str_cut(&labels, 0, &metric);
		d->alarms++;
		buf_lit(to, "{\"metric\":");
		buf_str(to, metric.n ? metric : STR("null"));
		buf_lit(to, ",\"timestamp\":");
		json_put_time(to, found.since_ms + d->spec.absent_ms);
		if (labels.n) {
			buf_lit(to, ",\"labels\":");
			buf_str(to, labels);
		}
		buf_lit(to, ",\"anomaly\":{\"score\":1,\"alarm\":true,\"direction\":\"absent\",\"since\":");
		json_put_time(to, found.since_ms);
		buf_printf(to, ",\"usual_ms\":%lld}}\n", (long long)found.usual_ms);
		rc = put_alarm(d, found.since_ms + d->spec.absent_ms, from, err);
	}
	return rc;
}

/* A row of this time is about to be judged: what waited for others of another time goes, and who is absent by now is told. */
static int
clock_moves(struct detect *d, struct str metric, struct str labels, int64_t time, struct err *err)
{
	if (d->held.n && time != d->held_time && let_go(d, err) < 0)
		return err->code;
	if (!d->absent)
		return 0;
	buf_clear(&d->key);
	buf_str(&d->key, metric);
	buf_byte(&d->key, 0);
	buf_str(&d->key, labels);
	if (d->key.n > LABELS_MOST)
		return err_set(err, ERR_INPUT, "the labels are longer than %u KiB", LABELS_MOST >> 10);
	if (!absent_knows(d->absent, buf_get(&d->key))) {       /* its labels in one form, but where it was saved by another */
		d->key.n -= labels.n;
		put_sorted(&d->key, labels);
	}
	d->is_fresh = 1;
	if (d->newest == TIME_NONE || (time > d->newest && time - d->newest <= d->spec.absent_ms))
		d->newest = time;
	else if (time > d->newest) {            /* a leap: one row from the future must not make everybody absent, two are believed */
		if (d->leap != TIME_NONE)
			d->newest = time < d->leap ? time : d->leap;
		d->leap = d->leap == TIME_NONE ? time : TIME_NONE;
	} else
		d->leap = TIME_NONE;
	/* of the past, as those of a second file may be, or of a future that is not believed: no sign of life */
	if (time > d->newest || d->newest - time > d->spec.absent_ms)
		return 0;
	absent_came(d->absent, buf_get(&d->key), time);
	return tell_absent(d, d->newest, err) < 0 ? err->code : 0;
}

int
detect_silence(struct detect *d, struct err *err)
{
	int64_t now = time_mono_ns(), clock, due, late = 2 * d->spec.absent_ms > LIVE_MS ? 2 * d->spec.absent_ms : LIVE_MS;

	if (detect_flush(d, err) < 0)
		return err->code - 1;
	if (!d->absent || d->newest == TIME_NONE)
		return -1;
	if (d->is_fresh) {
		d->is_fresh = 0;
		d->silent_ns = now;
		d->is_live = time_wall() - d->newest >= -LIVE_MS && time_wall() - d->newest <= late;
	}
	if (!d->is_live)
		return -1;
	clock = d->newest + (now - d->silent_ns) / 1000000;     /* rows are as late as they are: only the silence counts */
	if (tell_absent(d, clock, err) < 0 || store_alarms(d, err) < 0)
		return err->code - 1;
	if ((due = absent_due(d->absent)) == INT64_MAX)
		return -1;
	due -= clock;
	return due < 1 ? 1 : due < 60000 ? (int)due : 60000;
}

static int
read_time(struct json v, struct buf *scratch, int64_t *time)
{
	int64_t whole;
	double number;

	if (json_is(v, JSON_STRING))
		return time_parse_rfc3339(json_text(v, scratch), time);
	if (json_int64(v, &whole))
		return time_of_epoch_int(whole, time);
	return json_double(v, &number) ? time_of_epoch(number, time) : -1;
}

/* A number of a row that is to be judged? */
static int
is_judged(const struct detect *d, struct json name, struct json value, struct buf *scratch, struct str *field)
{
	static const struct str not[] = { { "timestamp", 9 }, { "metric", 6 }, { "window", 6 }, { "labels", 6 } };

	if (!json_is(value, JSON_NUMBER))
		return 0;
	*field = json_text(name, scratch);
	for (size_t i = 0; i < sizeof(not) / sizeof(not[0]); i++)
		if (str_eq(*field, not[i]))
			return 0;
	return is_asked(d, *field);
}

/* Bytes of a text that are said. */
static int
shown(struct str text)
{
	return text.n < 40 ? (int)text.n : 40;
}

/* A number that is to be judged; beyond what a double holds it is none. */
static int
read_number(struct json v, struct str field, double *value, struct err *err)
{
	if (json_double(v, value) && fabs(*value) < DBL_MAX)
		return 0;
	return err_set(err, ERR_INPUT, "%.*s in the field '%.*s' is no finite number", shown(json_raw(v)), json_raw(v).p, shown(field), field.p);
}

/* What stands in the row, in one walk over its members. */
static int
take_apart(struct detect *d, struct parted *p, struct str row, struct err *err)
{
	struct json all;
	struct json_iter it;
	struct str field;

	p->row = row;
	p->metric = p->labels = p->when = JSON_ABSENT;
	p->n = p->is_partial = p->is_window = 0;
	if (json_check(row, err) < 0)
		return err->code;
	all = json_checked(row);
	if (!json_is(all, JSON_OBJECT))
		return err_set(err, ERR_INPUT, "not a metric row: an object or a row of CSV is due");
	for (it = json_iter(all); json_next(&it); ) {
		struct str key = json_text(it.key, &d->name);

		if (str_eq(key, STR("metric")))
			p->metric = it.value;
		else if (str_eq(key, STR("labels")))
			p->labels = it.value;
		else if (str_eq(key, STR("timestamp")))
			p->when = it.value;
		else if (str_eq(key, STR("partial")) && json_is(it.value, JSON_TRUE))
			return p->is_partial = 1, 0;
		else if (str_eq(key, STR("anomaly")) || str_eq(key, STR("change")))
			return err_set(err, ERR_INPUT, "the row has an anomaly already");
		else if (is_judged(d, it.key, it.value, &d->name, &field)) {
			double value;

			if (read_number(it.value, field, &value, err) < 0)
				return err->code;
			if (p->n < NUMBERS)
				p->number[p->n++] = (struct number){ .name = it.key, .value = value };
		} else
			p->is_window |= str_eq(key, STR("window"));
	}
	if (json_is(p->metric, JSON_NONE) && !json_is(json_get(all, STR("event")), JSON_NONE))
		return err_set(err, ERR_USAGE, "these are events, not metric rows: count them first, … | at-agg -w 1m | at-detect");
	if (json_is(p->when, JSON_NONE))
		return err_set(err, ERR_INPUT, "the row has no timestamp");
	if (read_time(p->when, &d->text, &p->time) < 0)
		return err_set(err, ERR_INPUT, "the timestamp is no time, 2026-11-23T10:15:30Z is one");
	p->head = (struct str){ all.p, all.n - 1 };
	while (p->head.n && (p->head.p[p->head.n - 1] == ' ' || p->head.p[p->head.n - 1] == '\t'))
		p->head.n--;
	buf_clear(&p->keys);
	for (int i = 0; i < p->n; i++) {
		p->number[i].key = p->keys.n;
		put_key(&p->keys, json_raw(p->metric), json_raw(p->labels), json_text(p->number[i].name, &d->name));
		p->number[i].key_n = p->keys.n - p->number[i].key;
	}
	return 0;
}

static struct str
key_of(const struct parted *p, const struct number *number)
{
	return (struct str){ p->keys.p + number->key, number->key_n };
}

/* So many rows before its turn each is looked for a step further, then found and its model asked for. */
static void
fetch(struct detect *d)
{
	static const unsigned before[] = { ROWS_AHEAD - 1, 11, 7, FETCH };

	for (int step = 0; step < 4; step++) {
		struct parted *p = &d->part[(d->first + before[step]) % ROWS_AHEAD];

		for (int i = 0; d->n_parted > before[step] && i < p->n; i++) {
			struct number *number = &p->number[i];
			const struct map_entry *e;

			if (step < 3) {
				map_fetch(&d->series, number->hash, step);
			} else if ((e = map_find_hash(&d->series, key_of(p, number), number->hash))) {
				number->series = e->ptr;
				if (!d->spec.changes)
					model_fetch(model_of(number->series), p->time);
			}
		}
	}
}

void
detect_ahead(struct detect *d, struct str row)
{
	struct parted *p = &d->part[(d->first + d->n_parted) % ROWS_AHEAD];
	struct err ignored = { 0 };

	row = str_trim(row);
	if (d->n_parted == ROWS_AHEAD || !row.n || *row.p != '{')
		return;
	if (take_apart(d, p, row, &ignored) == 0) {     /* what is wrong with it is told in its turn */
		for (int i = 0; i < p->n; i++)
			p->number[i].hash = str_hash(key_of(p, &p->number[i]));
		d->n_parted++;
		fetch(d);
	}
}

static struct parted *
parted(struct detect *d, struct str row, struct err *err)
{
	struct parted *p = NULL;

	while (d->n_parted && !p) {
		if (d->part[d->first].row.p == row.p && d->part[d->first].row.n == row.n)
			p = &d->part[d->first];
		d->first = (d->first + 1) % ROWS_AHEAD;
		d->n_parted--;
	}
	if (!p && take_apart(d, &d->part[d->first], row, err) == 0)
		p = &d->part[d->first];
	return p;
}

/* Those of a row that has more numbers than are remembered. */
static int
judge_rest(struct detect *d, const struct parted *p, struct err *err)
{
	struct json_iter it = json_iter(json_checked(p->row));
	struct str field;
	int n = 0;

	while (json_next(&it)) {
		double value;

		if (!is_judged(d, it.key, it.value, &d->name, &field) || n++ < NUMBERS || !json_double(it.value, &value))
			continue;
		buf_clear(&d->key);
		put_key(&d->key, json_raw(p->metric), json_raw(p->labels), field);
		if (judge(d, buf_get(&d->key), NULL, field, value, p->time, p->is_window, p->head, err) < 0)
			return err->code;
	}
	return 0;
}

/* As it comes out: what came, with the time in the form that all rows have. */
static struct str
head_of(struct detect *d, const struct parted *p)
{
	struct str when = json_raw(p->when);

	if (when.n == TIME_LEN + 2 && time_is_printed(when.p + 1))
		return p->head;
	buf_clear(&d->made);
	buf_add(&d->made, p->head.p, (size_t)(when.p - p->head.p));
	json_put_time(&d->made, p->time);
	buf_add(&d->made, when.p + when.n, (size_t)(p->head.p + p->head.n - when.p) - when.n);
	return buf_get(&d->made);
}

static int
metric_row(struct detect *d, struct str row, struct err *err)
{
	struct parted *p = parted(d, row, err);

	if (!p)
		return err->code;
	if (p->is_partial)
		return 0;               /* the whole row of this window is still to come */
	if (clock_moves(d, json_raw(p->metric), json_raw(p->labels), p->time, err) < 0)
		return err->code;
	p->head = head_of(d, p);
	for (int i = 0; i < p->n; i++) {
		const struct number *number = &p->number[i];

		if (judge(d, key_of(p, number), number->series, json_text(number->name, &d->name), number->value, p->time, p->is_window, p->head, err) < 0)
			return err->code;
	}
	if (!p->n && !d->n_only)
		return err_set(err, ERR_INPUT, "the row has no number to judge");
	return p->n == NUMBERS ? judge_rest(d, p, err) : 0;
}

/* ---- plain rows */

/* Cut a row at its commas (semicolons, tabs); "a,b" is one piece, "" in it a quote. Pieces lie in d->text, each with a 0. How many; -1: too many. */
static int
cut_row(struct detect *d, struct str row, struct str *piece)
{
	size_t start[COLUMNS], len[COLUMNS];
	char sep = memchr(row.p, '\t', row.n) ? '\t' : memchr(row.p, ',', row.n) ? ',' : ';';
	size_t i = 0;
	int n = 0;

	buf_clear(&d->text);
	for (; n < COLUMNS; i++) {
		start[n] = d->text.n;
		while (i < row.n && row.p[i] == ' ')
			i++;
		if (i < row.n && row.p[i] == '"') {
			for (i++; i < row.n && !(row.p[i] == '"' && !(i + 1 < row.n && row.p[i + 1] == '"')); i++) {
				i += row.p[i] == '"';
				buf_byte(&d->text, row.p[i]);
			}
			while (i < row.n && row.p[i] != sep)
				i++;
		} else {
			for (; i < row.n && row.p[i] != sep; i++)
				buf_byte(&d->text, row.p[i]);
			while (d->text.n > start[n] && d->text.p[d->text.n - 1] == ' ')
				d->text.n--;
		}
		len[n] = d->text.n - start[n];
		buf_byte(&d->text, 0);
		n++;
		if (i >= row.n)
			break;
		if (n == COLUMNS)
			return -1;
	}
	for (int k = 0; k < n; k++)
		piece[k] = (struct str){ d->text.p + start[k], len[k] };
	return n;
}

/* What tools write for no value. */
static int
is_missing(struct str text)
{
	static const char *const words[] = { "", "NaN", "nan", "NA", "N/A", "null", "NULL", "-" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(text, str_of(words[i])))
			return 1;
	return 0;
}

/* "cpu.csv.gz" in "/var/data" names the metric cpu. */
static struct str
name_of(const char *file)
{
	const char *base = strrchr(file, '/');
	struct str name = str_of(base ? base + 1 : file);
	const char *dot;

	if (str_eq(name, STR("stdin")))
		return STR("value");
	if ((dot = memchr(name.p, '.', name.n)) && dot > name.p)
		name.n = (size_t)(dot - name.p);
	return name;
}

/* The first row of a file: 1 when it is a header, 0 when it is data already. */
static int
read_header(struct detect *d, const struct str *piece, int n, struct err *err)
{
	static const char *const times[] = { "timestamp", "time", "@timestamp", "ts", "date", "datetime", "t" };
	int64_t time;
	double value;
	int is_data = 0, at = -1;

	if (n < 2)
		return err_set(err, ERR_INPUT, "neither a metric row nor a row of CSV with a time and a value");
	if (when_text(piece[0], &time) == 0)
		for (int i = 1; i < n; i++)
			is_data |= str_double(piece[i], &value) == 0;
	buf_clear(&d->header);
	d->columns = n;
	for (int i = 0; i < n; i++) {
		if (!is_data)
			buf_str(&d->header, piece[i]);
		else if (i == 1)
			buf_lit(&d->header, "value");
		else
			buf_printf(&d->header, "value%d", i);
		buf_byte(&d->header, 0);
	}
	for (int i = 0, from = 0; i < n; i++) {
		d->column[i] = str_of(d->header.p + from);
		from += (int)d->column[i].n + 1;
		d->what[i] = !is_data && str_eq(d->column[i], STR("metric")) ? METRIC :
		    !is_data && str_eq(d->column[i], STR("value")) ? NUMBER : d->column[i].n ? DATA : SKIPPED;
	}
	for (size_t k = 0; k < sizeof(times) / sizeof(times[0]) && at < 0 && !is_data; k++)
		for (int i = 0; i < n && at < 0; i++)
			if (d->column[i].n == strlen(times[k]) && strncasecmp(d->column[i].p, times[k], d->column[i].n) == 0)
				at = i;
	d->what[at < 0 ? 0 : at] = TIME;
	for (int i = 0; i < n; i++)
		if (str_utf8_fault(d->column[i]) >= 0)
			return err_set(err, ERR_INPUT, "the header is not UTF-8");
	return !is_data;
}

/* A plain row as a metric row in d->made, without its closing brace: what of it is what. */
struct plain {
	struct str piece[COLUMNS];
	double value[COLUMNS];
	char is_number[COLUMNS], is_label[COLUMNS];
	int n;
	int64_t time;
	struct str metric, labels;      /* as they stand in d->made: the parts of the series' key */
};

/* The values, by what their columns hold. */
static int
read_values(struct detect *d, struct plain *p, struct str *metric, struct err *err)
{
	for (int i = 0; i < p->n; i++) {
		if (d->what[i] >= DATA && !is_missing(p->piece[i])) {
			int number = str_double(p->piece[i], &p->value[i]) == 0;

			if (d->what[i] == DATA)
				d->what[i] = number ? NUMBER : LABEL;
			p->is_number[i] = d->what[i] == NUMBER;
			p->is_label[i] = d->what[i] == LABEL;
			if (p->is_number[i] && !number)
				return err_set(err, ERR_INPUT, "'%.40s' in the column '%.40s' is no number", p->piece[i].p, d->column[i].p);
		}
		if (d->what[i] == METRIC)
			*metric = p->piece[i];
		else if (d->what[i] == TIME && when_text(p->piece[i], &p->time) < 0)
			return err_set(err, ERR_INPUT, "'%.40s' is no time, 2026-11-23T10:15:30Z is one", p->piece[i].p);
	}
	return 0;
}

/* 1; 0: it was a header. */
static int
make_metric_row(struct detect *d, struct plain *p, struct str row, const char *file, long line, struct err *err)
{
	struct str metric = name_of(file);
	size_t at, len, metric_len;
	int rc;

	if (str_utf8_fault(row) >= 0)
		return err_set(err, ERR_INPUT, "the row is not UTF-8");
	if ((p->n = cut_row(d, row, p->piece)) < 0)
		return err_set(err, ERR_INPUT, "the row has more than %d columns", COLUMNS);
	if (line == 1 || d->columns == 0) {
		if ((rc = read_header(d, p->piece, p->n, err)) != 0) {
			if (rc < 0)
				d->columns = 0;
			return rc < 0 ? rc : 0;
		}
	}
	if (p->n != d->columns)
		return err_set(err, ERR_INPUT, "the row has %d columns, %d are due", p->n, d->columns);
	if ((rc = read_values(d, p, &metric, err)))
		return rc;
	buf_clear(&d->made);
	buf_lit(&d->made, "{\"metric\":");
	json_put_string(&d->made, metric);
	metric_len = d->made.n - strlen("{\"metric\":");
	buf_lit(&d->made, ",\"timestamp\":");
	json_put_time(&d->made, p->time);
	at = d->made.n;
	for (int i = 0; i < p->n; i++)
		if (p->is_label[i]) {
			buf_lit(&d->made, d->made.n == at ? ",\"labels\":{" : ",");
			json_put_key(&d->made, d->column[i]);
			json_put_string(&d->made, p->piece[i]);
		}
	if (d->made.n > at)
		buf_byte(&d->made, '}');
	len = d->made.n - at;
	for (int i = 0; i < p->n; i++)
		if (p->is_number[i]) {
			buf_byte(&d->made, ',');
			json_put_key(&d->made, d->column[i]);
			json_put_double(&d->made, p->value[i]);
			rc = 1;
		}
	if (!rc)
		return err_set(err, ERR_INPUT, "the row has no number to judge");
	p->metric = (struct str){ d->made.p + strlen("{\"metric\":"), metric_len };
	p->labels = len ? (struct str){ d->made.p + at + strlen(",\"labels\":"), len - strlen(",\"labels\":") } : STR("");
	return 1;
}

static int
plain_row(struct detect *d, struct str row, const char *file, long line, struct err *err)
{
	struct plain p = { .time = TIME_NONE };
	int rc = make_metric_row(d, &p, row, file, line, err);

	if (rc <= 0)
		return rc;
	if (clock_moves(d, p.metric, p.labels, p.time, err) < 0)
		return err->code;
	for (int i = 0; i < p.n; i++) {
		if (!p.is_number[i] || !is_asked(d, d->column[i]))
			continue;
		buf_clear(&d->key);
		put_key(&d->key, p.metric, p.labels, d->column[i]);
		if (judge(d, buf_get(&d->key), NULL, d->column[i], p.value[i], p.time, 0, buf_get(&d->made), err) < 0)
			return err->code;
	}
	return 0;
}

/* Which kind of rows are these? It shows in a file's first. */
static int
is_plain(struct detect *d, struct str row, const char *file, long line)
{
	if (line == 1 || (file != d->file && !d->resumed)) {
		d->columns = 0;
		d->plain = row.n && row.p[0] != '{' && row.p[0] != '[';
	}
	d->file = file;
	d->resumed = 0;
	return d->plain;
}

int
detect_plain(struct detect *d, struct str *row, const char *file, long line, struct err *err)
{
	struct plain p = { .time = TIME_NONE };
	int rc;

	*row = str_trim(*row);
	if (!is_plain(d, *row, file, line))
		return 1;
	if ((rc = make_metric_row(d, &p, *row, file, line, err)) > 0) {
		buf_byte(&d->made, '}');
		*row = buf_get(&d->made);
	}
	return rc;
}

int
detect_row(struct detect *d, struct str row, const char *file, long line, struct err *err)
{
	row = str_trim(row);
	return is_plain(d, row, file, line) ? plain_row(d, row, file, line, err) : metric_row(d, row, err);
}

/* ---- feedback */

static void
heed(void *self, struct str key, struct str time, int is_true)
{
	struct detect *d = self;
	int is_new;
	struct map_entry *e = map_put(&d->heeded, sorted_key(d, key), &is_new);
	double odds = 1;

	(void)time;
	if (!is_new)
		memcpy(&odds, &e->bits, sizeof(odds));
	odds = feedback_odds(odds, is_true);
	memcpy(&e->bits, &odds, sizeof(odds));
}

int
detect_heed(struct detect *d, struct store *store, struct err *err)
{
	int rc = feedback_each(store, heed, d, err);

	for (struct map_entry *e = rc ? NULL : map_first(&d->series); e; e = map_next(&d->series, e))
		if (!is_other_key(e))
			lean(d, e->ptr);
	return rc;
}

/* ---- saved models */

static void
set32(char *to, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		to[i] = (char)(n >> 8 * i);
}

static void
put32(struct buf *to, uint32_t n)
{
	char bytes[4];

	set32(bytes, n);
	buf_add(to, bytes, sizeof(bytes));
}

static int
take32(struct str *from, uint32_t *n)
{
	if (from->n < 4)
		return -1;
	*n = 0;
	for (int i = 0; i < 4; i++)
		*n |= (uint32_t)(unsigned char)from->p[i] << 8 * i;
	from->p += 4, from->n -= 4;
	return 0;
}

/* Saved with models of the first version, the key of a series of plain rows is "name\0,"labels":{…}\0field": as it is made today. */
static struct str
as_key(struct detect *d, struct str key, int version)
{
	struct str rest = key, part;

	if (version > 1 || !key.n || key.p[0] == '"' || key.p[0] == 0)
		return key;
	buf_clear(&d->key);
	str_cut(&rest, 0, &part);
	json_put_string(&d->key, part);
	buf_byte(&d->key, 0);
	str_cut(&rest, 0, &part);
	if (part.n > strlen(",\"labels\":"))
		buf_add(&d->key, part.p + strlen(",\"labels\":"), part.n - strlen(",\"labels\":"));
	buf_byte(&d->key, 0);
	buf_str(&d->key, rest);
	return buf_get(&d->key);
}

static int
take_piece(struct detect *d, struct str bytes, uint32_t *pieces, struct err *err)
{
	uint32_t len;
	int is_list;

	if (take32(&bytes, pieces) < 0)
		return err_set(err, ERR_CORRUPT, "the saved models are damaged");
	is_list = (*pieces & LIST) != 0;
	*pieces &= ~LIST;
	while (bytes.n) {
		struct series *s;
		struct str key, learned;
		int version;

		if (take32(&bytes, &len) < 0 || len > bytes.n || len > LABELS_MOST)
			return err_set(err, ERR_CORRUPT, "the saved models are damaged");
		key = (struct str){ bytes.p, len };
		bytes.p += len, bytes.n -= len;
		if (is_list && (take32(&bytes, &len) < 0 || len > bytes.n))
			return err_set(err, ERR_CORRUPT, "the saved models are damaged");
		learned = (struct str){ bytes.p, is_list ? len : bytes.n };
		version = learned.n ? (unsigned char)*learned.p : 0;
		s = series_of(d, as_key(d, key, version));
		if ((d->spec.changes ? change_read(change_of(s), &learned, err) : model_read(model_of(s), &learned, err)) < 0)
			return err->code;
		if (is_list && learned.n && counter_read(&s->counter, &learned, err) < 0)
			return err->code;
		if (is_list && learned.n)
			return err_set(err, ERR_CORRUPT, "the saved models are damaged");
		bytes.n -= (size_t)(learned.p - bytes.p), bytes.p = learned.p;
	}
	return 0;
}

/* Sources, and the time of the newest row before them: 8 bytes. */
static int
take_absent(struct detect *d, struct str bytes, struct err *err)
{
	uint32_t half[2];

	if (take32(&bytes, &half[0]) < 0 || take32(&bytes, &half[1]) < 0)
		return err_set(err, ERR_CORRUPT, "the saved sources are damaged");
	d->newest = (int64_t)((uint64_t)half[1] << 32 | half[0]);
	if (d->newest != TIME_NONE && (d->newest > TIME_MAX || d->newest < TIME_MIN))
		return err_set(err, ERR_CORRUPT, "the saved sources are damaged");
	d->is_fresh = 1;
	return absent_take(d->absent, bytes, err);
}

/* ["NAME",WHAT,…] of the columns, where rows are plain ones. */
static int
put_columns(const struct detect *d, struct store *store, const char *name, struct err *err)
{
	struct buf text = {0};
	int rc;

	buf_byte(&text, '[');
	for (int i = 0; d->plain && i < d->columns; i++) {
		if (i)
			buf_byte(&text, ',');
		json_put_string(&text, d->column[i]);
		buf_printf(&text, ",%d", d->what[i]);
	}
	buf_byte(&text, ']');
	rc = d->plain ? store_put_state(store, KIND_COLUMNS, str_of(name), buf_get(&text), err) : store_drop_state(store, KIND_COLUMNS, str_of(name), err);
	buf_release(&text);
	return rc < 0 ? rc : 0;
}

/* One that is damaged is none: the header, or the first row, will tell. */
static void
take_columns(struct detect *d, struct str text)
{
	struct json_iter it = json_iter(json_value(text));
	size_t at[COLUMNS], n[COLUMNS];
	int64_t what[COLUMNS];
	int columns = 0;

	buf_clear(&d->header);
	for (; columns < COLUMNS && json_next(&it); columns++) {
		struct str column = json_text(it.value, &d->text);

		at[columns] = d->header.n, n[columns] = column.n;
		buf_str(&d->header, column);
		buf_byte(&d->header, 0);
		if (!json_next(&it) || !json_int64(it.value, &what[columns]) || what[columns] < SKIPPED || what[columns] > LABEL)
			return;
	}
	for (int i = 0; i < columns; i++) {
		d->column[i] = (struct str){ d->header.p + at[i], n[i] };
		d->what[i] = (enum column)what[i];
	}
	d->columns = columns;
	d->plain = d->resumed = columns > 0;
}

int
detect_load(struct detect *d, struct store *store, const char *name, struct err *err)
{
	struct buf bytes = {0};
	char piece[400];
	uint32_t pieces = 1;
	int rc = 0;

	for (uint32_t i = 0; i < pieces; i++) {
		snprintf(piece, sizeof(piece), "%.300s/%u", name, i);
		buf_clear(&bytes);
		if ((rc = store_get_state(store, d->spec.changes ? KIND_CHANGE : KIND, str_of(piece), &bytes, err)) < 0)
			break;
		if (rc == 0) {
			if (i)
				rc = err_set(err, ERR_CORRUPT, "the saved models are not whole");
			break;
		}
		if ((rc = take_piece(d, buf_get(&bytes), &pieces, err)) < 0)
			break;
	}
	buf_clear(&bytes);
	if (rc >= 0 && d->absent && (rc = store_get_state(store, KIND_ABSENT, str_of(name), &bytes, err)) == 1)
		rc = take_absent(d, buf_get(&bytes), err);
	if (rc >= 0 && (rc = store_get_state(store, KIND_COLUMNS, str_of(name), &bytes, err)) == 1)
		take_columns(d, buf_get(&bytes));
	buf_release(&bytes);
	if (rc < 0)
		return err_at(err, "--state %.100s", name);
	return 0;
}

/* Series from *e on until a piece is full; *e is then the first that is not in it. */
static void
put_piece(const struct detect *d, struct map_entry **e, struct buf *to)
{
	for (; *e && to->n < PIECE; *e = map_next(&d->series, *e)) {
		size_t at;

		if (is_other_key(*e))
			continue;
		put32(to, (uint32_t)(*e)->key.n);
		buf_str(to, (*e)->key);
		put32(to, 0);
		at = to->n;
		if (d->spec.changes)
			change_put(change_of((*e)->ptr), to);
		else
			model_put(model_of((*e)->ptr), to);
		counter_put(&((const struct series *)(*e)->ptr)->counter, to);
		set32(to->p + at - 4, (uint32_t)(to->n - at));
	}
}

int
detect_is_even(const struct detect *d)
{
	return d->held.n == 0;
}

int
detect_save(struct detect *d, struct store *store, const char *name, struct err *err)
{
	struct buf bytes = {0}, old = {0};
	char piece[400];
	uint32_t pieces = 0, was = 0, i = 0;
	struct map_entry *e = map_first(&d->series);
	const char *kind = d->spec.changes ? KIND_CHANGE : KIND;
	int rc = put_alarms(d, err);

	for (struct map_entry *count = e; count || !pieces; pieces++) {
		buf_clear(&bytes);
		put32(&bytes, 0);
		put_piece(d, &count, &bytes);
	}
	snprintf(piece, sizeof(piece), "%.300s/0", name);
	if (rc == 0 && (rc = store_get_state(store, kind, str_of(piece), &old, err)) == 1) {
		struct str front = buf_get(&old);

		take32(&front, &was);
		was &= ~LIST;
	}
	for (rc = rc < 0 ? rc : 0; i < pieces && rc >= 0; i++) {
		buf_clear(&bytes);
		put32(&bytes, pieces | LIST);
		put_piece(d, &e, &bytes);
		snprintf(piece, sizeof(piece), "%.300s/%u", name, i);
		rc = store_put_state(store, kind, str_of(piece), buf_get(&bytes), err);
	}
	for (; i < was && rc >= 0; i++) {       /* there were more */
		snprintf(piece, sizeof(piece), "%.300s/%u", name, i);
		rc = store_drop_state(store, kind, str_of(piece), err);
	}
	if (rc >= 0 && d->absent) {
		buf_clear(&bytes);
		put32(&bytes, (uint32_t)d->newest);
		put32(&bytes, (uint32_t)((uint64_t)d->newest >> 32));
		absent_put(d->absent, &bytes);
		rc = store_put_state(store, KIND_ABSENT, str_of(name), buf_get(&bytes), err);
	}
	if (rc >= 0)
		rc = put_columns(d, store, name, err);
	buf_release(&bytes);
	buf_release(&old);
	return rc < 0 ? err_at(err, "--state %.100s", name) : 0;
}
