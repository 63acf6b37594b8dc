#include "insight/holidays.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/in.h"
#include "base/mem.h"
#include "base/order.h"
#include "base/time.h"

#define DAYS_MOST  100000
#define NAME_MOST  200
#define DAY        86400000LL
#define WEEKS      4            /* around a day, before and behind, that say what is usual */
#define RUN_MOST   31           /* days of one name in a row that are told apart */

struct day {
	int64_t date;           /* days since 1970; of each year: month * 32 + day */
	int name;
};
struct days { struct day *day; size_t n, cap; };

struct holidays {
	struct days dated, yearly;
	struct map names;               /* name -> its number + 1 */
	struct str *name;
	int n_names, cap_names;
};

/* ---- reading */

static int
number(struct holidays *h, struct str name)
{
	struct map_entry *e = map_put(&h->names, name, NULL);

	if (!e->num) {
		if (h->n_names == h->cap_names)
			h->name = mem_grow(h->name, (size_t)(h->cap_names = h->cap_names ? 2 * h->cap_names : 16), sizeof(*h->name));
		h->name[h->n_names++] = e->key;
		e->num = h->n_names;
	}
	return (int)e->num - 1;
}

static int
two_digits(struct str s, size_t at)
{
	return s.p[at] >= '0' && s.p[at] <= '9' && s.p[at + 1] >= '0' && s.p[at + 1] <= '9' ? (s.p[at] - '0') * 10 + s.p[at + 1] - '0' : -1;
}

/* "2026-12-25" or "12-25". 0 or -1. */
static int
add(struct holidays *h, struct str date, struct str name)
{
	struct days *to = date.n == 5 ? &h->yearly : &h->dated;
	struct day d = { 0 };
	int64_t ms;
	int month;

	if (date.n == 5) {
		month = date.p[2] == '-' ? two_digits(date, 0) : -1;
		d.date = month >= 1 && month <= 12 ? two_digits(date, 3) : -1;
		if (d.date < 1 || d.date > time_days_in(2024, month))           /* a leap year */
			return -1;
		d.date += month * 32;
	} else {
		if (date.n != 10 || time_parse_rfc3339(date, &ms))
			return -1;
		d.date = time_floor_div(ms, DAY);
	}
	d.name = number(h, name);
	if (to->n == to->cap)
		to->day = mem_grow(to->day, to->cap = to->cap ? 2 * to->cap : 32, sizeof(*to->day));
	to->day[to->n++] = d;
	return 0;
}

static int
by_date(const void *a, const void *b)
{
	const struct day *x = a, *y = b;

	return x->date != y->date ? (x->date > y->date) - (x->date < y->date) : (x->name > y->name) - (x->name < y->name);
}

/* In order, each date once. */
static void
put_in_order(struct days *of)
{
	size_t n = 0;

	if (of->n)
		qsort(of->day, of->n, sizeof(*of->day), by_date);
	for (size_t i = 0; i < of->n; i++)
		if (!n || of->day[n - 1].date != of->day[i].date)
			of->day[n++] = of->day[i];
	of->n = n;
}

static struct holidays *
ready(struct holidays *h)
{
	put_in_order(&h->dated);
	put_in_order(&h->yearly);
	return h;
}

/* A line in its two parts. */
static void
cut_line(struct str line, struct str *date, struct str *name)
{
	size_t n = 0;

	line = str_trim(line);
	while (n < line.n && line.p[n] != ',' && line.p[n] != ' ' && line.p[n] != '\t')
		n++;
	*date = (struct str){ line.p, n };
	*name = str_trim((struct str){ line.p + n, line.n - n });
	if (name->n && *name->p == ',')
		*name = str_trim((struct str){ name->p + 1, name->n - 1 });
	if (name->n > 1 && name->p[0] == '"' && name->p[name->n - 1] == '"')
		*name = (struct str){ name->p + 1, name->n - 2 };
}

static int
add_line(struct holidays *h, struct in *in, struct str line, struct err *err)
{
	struct str date, name;

	cut_line(line, &date, &name);
	if (!date.n || *date.p == '#' || (h->dated.n + h->yearly.n == 0 && (str_eq(date, STR("date")) || str_eq(date, STR("ds")))))
		return 0;
	if (h->dated.n + h->yearly.n >= DAYS_MOST)
		return err_set(err, ERR_LIMIT, "%s:%ld: more than %d days", in_name(in), in_lineno(in), DAYS_MOST);
	if (!name.n || name.n > NAME_MOST || str_utf8_fault(name) >= 0)
		return err_set(err, ERR_INPUT, "%s:%ld: wants a date and a name of at most %d bytes, 2026-12-25 Christmas", in_name(in), in_lineno(in), NAME_MOST);
	if (add(h, date, name))
		return err_set(err, ERR_INPUT, "%s:%ld: '%.*s' is no date, try 2026-12-25, or 12-25 for each year's", in_name(in), in_lineno(in), (int)(date.n > 40 ? 40 : date.n), date.p);
	return 0;
}

struct holidays *
holidays_read(const char *path, struct err *err)
{
	struct holidays *h = mem_new(sizeof(*h));
	struct in *in = in_open(path, err);
	struct str line;
	int rc = in ? IN_LINE : err->code;

	while (in && ((rc = in_line(in, &line, err)) == IN_LINE || rc == IN_IDLE))
		if (rc == IN_LINE && add_line(h, in, line, err)) {
			rc = err->code;
			break;
		}
	if (in)
		in_close(in);
	if (rc < 0) {
		holidays_free(h);
		return NULL;
	}
	return ready(h);
}

struct holidays *
holidays_of_json(struct json all, struct err *err)
{
	struct holidays *h = mem_new(sizeof(*h));
	struct buf of_name = { 0 }, of_date = { 0 };
	struct json_iter it, days;

	for (it = json_iter(all); err->code == 0 && json_next(&it);) {
		struct str name = json_text(it.key, &of_name);

		for (days = json_iter(it.value); err->code == 0 && json_next(&days);) {
			struct str date = json_text(days.value, &of_date);

			if (h->dated.n + h->yearly.n >= DAYS_MOST)
				err_set(err, ERR_LIMIT, "analytics.json: holidays: more than %d days", DAYS_MOST);
			else if (add(h, date, name))
				err_set(err, ERR_INPUT, "analytics.json: holidays.%.*s: '%.*s' is no date, try 2026-12-25, or 12-25 for each year's", STR_FMT(name), STR_FMT(date));
		}
	}
	buf_release(&of_name);
	buf_release(&of_date);
	if (err->code) {
		holidays_free(h);
		return NULL;
	}
	return ready(h);
}

void
holidays_free(struct holidays *h)
{
	if (!h)
		return;
	map_release(&h->names);
	free(h->name);
	free(h->dated.day);
	free(h->yearly.day);
	free(h);
}

/* ---- which day it is */

int
holidays_fit(const struct series *s)
{
	return s->step_ms > 0 && s->step_ms <= DAY && DAY % s->step_ms == 0;
}

static const struct day *
find(const struct days *of, int64_t date)
{
	size_t low = 0, high = of->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (of->day[mid].date < date)
			low = mid + 1;
		else
			high = mid;
	}
	return low < of->n && of->day[low].date == date ? &of->day[low] : NULL;
}

/* The number of the name that the day (since 1970) has, or -1. */
static int
name_on(const struct holidays *h, int64_t date)
{
	const struct day *d = find(&h->dated, date);
	struct civil c;

	if (!d && h->yearly.n) {
		time_civil(date * DAY, &c);
		d = find(&h->yearly, c.month * 32 + c.day);
	}
	return d ? d->name : -1;
}

/* By the middle of the step: a day of another zone than the reader's, too, lies mostly on its own date. */
static int64_t
date_of(const struct series *s, size_t i, const struct zone *zone)
{
	int64_t at = series_time(s, i) + s->step_ms / 2;

	at += zone_offset(zone, at);
	return time_floor_div(at, DAY);
}

/* The name and how manieth of it in a row, which is what is learnt from one another; -1: a day like any other. */
static int
kind_at(const struct holidays *h, const struct series *s, size_t i, const struct zone *zone)
{
	int64_t date = date_of(s, i, zone);
	int name = name_on(h, date), row = 0;

	while (name >= 0 && row < RUN_MOST && name_on(h, date - row - 1) == name)
		row++;
	return name < 0 ? -1 : name * (RUN_MOST + 1) + row;
}

struct str
holidays_at(const struct holidays *h, const struct series *s, size_t i, const struct zone *zone)
{
	int name = h && holidays_fit(s) ? name_on(h, date_of(s, i, zone)) : -1;

	return name >= 0 ? h->name[name] : (struct str){ 0 };
}

/* ---- what a holiday did, and will do */

/* What the days of one kind had, and what would have been usual there. */
struct effect {
	double had, usual;              /* sums of all its values */
	double day_had, day_usual;      /* of the one that is being added */
	double sum, squares;            /* of the days' ratios, or differences */
	int values, day_values, days, last;     /* last: the value that was added, + 1 */
};

/* The middle of what stands whole weeks from value i; NAN: too little does. */
static double
usual(const double *value, size_t n, size_t i, size_t week)
{
	double around[2 * WEEKS];
	size_t found = 0;

	for (size_t k = 1; k <= WEEKS; k++) {
		if (i >= k * week && isfinite(value[i - k * week]))
			around[found++] = value[i - k * week];
		if (i + k * week < n && isfinite(value[i + k * week]))
			around[found++] = value[i + k * week];
	}
	if (found < 2)
		return NAN;
	qsort(around, found, sizeof(*around), order_doubles);
	return (around[(found - 1) / 2] + around[found / 2]) / 2;
}

static void
end_day(struct effect *e, int is_ratio)
{
	double by;

	if (!e->day_values || (is_ratio && !(e->day_usual > 0))) {
		e->day_had = e->day_usual = e->day_values = 0;
		return;
	}
	by = is_ratio ? e->day_had / e->day_usual : (e->day_had - e->day_usual) / e->day_values;
	e->sum += by, e->squares += by * by, e->days++;
	e->had += e->day_had, e->usual += e->day_usual, e->values += e->day_values;
	e->day_had = e->day_usual = e->day_values = 0;
}

/* How far such a day goes, and how sure that is. One day alone tells no spread: half of what it did is taken. */
static double
size_of(const struct effect *e, int is_ratio, double *spread)
{
	double size = is_ratio ? e->had / e->usual : (e->had - e->usual) / e->values, mean = e->sum / e->days;

	*spread = e->days > 1 ? sqrt(fmax(0, (e->squares - e->days * mean * mean) / (e->days - 1)) * (1 + 1.0 / e->days)) : fabs(size - is_ratio) / 2;
	return size;
}

static void
move(const struct effect *e, int is_ratio, double z, double *mean, double *lower, double *upper)
{
	double spread, size = size_of(e, is_ratio, &spread), wider = is_ratio ? size > 1 ? size : sqrt(size) : 1;
	double below = (*mean - *lower) * wider, above = (*upper - *mean) * wider, unsure = z * spread * (is_ratio ? fabs(*mean) : 1);
	int is_positive = *lower >= 0;

	*mean = is_ratio ? *mean * size : *mean + size;
	*lower = *mean - hypot(below, unsure);
	*upper = *mean + hypot(above, unsure);
	if (is_ratio && is_positive && *lower < 0)
		*lower = 0;
}

int
holidays_forecast(const struct holidays *h, const struct series *s, size_t begins, const struct zone *zone, const struct forecast_spec *spec, double *mean, double *lower,
    double *upper, struct err *err)
{
	struct forecast_spec plain = *spec;
	size_t n = spec->n, left = 0, week;
	int is_ratio = 1, rc, *kind;
	struct effect *effect;
	double *value;

	if (!h || !holidays_fit(s) || h->n_names == 0)
		return forecast_run(spec, mean, lower, upper, err);
	value = mem_new((n + 1) * sizeof(*value));
	kind = mem_new((n + (size_t)spec->horizon) * sizeof(*kind));
	effect = mem_new((size_t)h->n_names * (RUN_MOST + 1) * sizeof(*effect));
	week = (size_t)(7 * DAY / s->step_ms);
	for (size_t i = 0; i < n + (size_t)spec->horizon; i++) {
		kind[i] = kind_at(h, s, begins + i, zone);
		if (i < n) {
			value[i] = kind[i] >= 0 ? NAN : spec->value[i];
			left += isfinite(value[i]) != 0;
			is_ratio &= !(spec->value[i] < 0);
		}
	}
	if (left >= FORECAST_LEAST)
		plain.value = value;
	rc = forecast_run(&plain, mean, lower, upper, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct effect *e = kind[i] >= 0 ? &effect[kind[i]] : NULL;
		double by = e && isfinite(spec->value[i]) ? usual(value, n, i, week) : NAN;

		if (!e || isnan(by))
			continue;
		if (e->last && (size_t)e->last < i)             /* another year's */
			end_day(e, is_ratio);
		e->day_had += spec->value[i], e->day_usual += by, e->day_values++, e->last = (int)i + 1;
	}
	for (int k = 0; k < h->n_names * (RUN_MOST + 1); k++)
		end_day(&effect[k], is_ratio);
	for (int k = 0; rc == 0 && k < spec->horizon; k++) {
		int of = kind[n + (size_t)k];

		if (of >= 0 && effect[of].days)
			move(&effect[of], is_ratio, forecast_deviations(spec->level), &mean[k], &lower[k], &upper[k]);
	}
	free(value);
	free(kind);
	free(effect);
	return rc;
}
