#include "dash/reading.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/letter.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/period.h"
#include "base/time.h"
#include "base/width.h"
#include "dash/chart.h"
#include "insight/metric_forecast.h"

#define ARENA_MOST (256u << 20)         /* bytes of one widget's answers */
#define POINTS     100
#define LISTED     100                  /* events and alerts of a list, the newest, where no limit is given */
#define PERIODS    8                    /* of retention */
#define GRID_MOST  400                  /* rows, columns */
#define DAY_MS     86400000LL

/* ---- time */

static int
has_two_ends(struct str range)
{
	return memchr(range.p, '/', range.n) || memmem(range.p, range.n, "..", 2);
}

int
reading_range(struct str range, const struct period *p, int64_t *from, int64_t *to, struct err *err)
{
	const struct period_text text = { .range = range };
	int64_t until_now = time_now() + 1;
	int n = range.n > 40 ? 40 : (int)range.n;

	if (period_read(&text, 0, p->zone, from, to, err) < 0) {
		err_clear(err);
		return err_set(err, ERR_USAGE, "'%.*s' is no time, try 1h, 7d, today, yesterday, all or 2026-11-01/2026-11-08", n, range.p);
	}
	if (!period_is_fixed(range)) {
		*from += p->at - until_now;
		*to = p->at;
	}
	return *from < *to ? 0 : err_set(err, ERR_USAGE, "'%.*s' has not begun yet, or ends before it begins", n, range.p);
}

int64_t
reading_every(int64_t span)
{
	static const int64_t steps[] = { 1, 5, 10, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, 86400, 604800 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (span / (steps[i] * 1000) <= POINTS)
			return steps[i] * 1000;
	return (span / POINTS / (7 * DAY_MS) + 1) * 7 * DAY_MS;
}

void
reading_put_time(struct buf *b, int64_t ms, int64_t span, int64_t every, const struct zone *zone)
{
	struct civil c;

	time_civil(ms + (zone ? zone_offset(zone, ms) : 0), &c);
	if (span > 360 * DAY_MS)
		buf_printf(b, "%04d-%02d-%02d", c.year, c.month, c.day);
	else if (every >= DAY_MS || span > 14 * DAY_MS)
		buf_printf(b, "%02d-%02d", c.month, c.day);
	else if (span > 2 * DAY_MS)
		buf_printf(b, "%02d-%02d %02d:%02d", c.month, c.day, c.hour, c.minute);
	else if (every && every < 60000)
		buf_printf(b, "%02d:%02d:%02d", c.hour, c.minute, c.second);
	else
		buf_printf(b, "%02d:%02d", c.hour, c.minute);
}

/* ---- numbers */

/* With so many decimals; < 0: as many as say something. */
static void
put_digits(struct buf *b, double v, int decimals)
{
	char digits[400];
	int n, whole;

	if (!isfinite(v)) {
		buf_lit(b, "-");
		return;
	}
	if (decimals >= 0 && fabs(v) < 1e15)
		n = snprintf(digits, sizeof(digits), "%.*f", decimals > 10 ? 10 : decimals, v);
	else if (v == floor(v) && fabs(v) < 1e15)
		n = snprintf(digits, sizeof(digits), "%.0f", v);
	else if (fabs(v) >= 1e15 || fabs(v) < 1e-4)
		n = snprintf(digits, sizeof(digits), "%.3g", v);
	else
		n = snprintf(digits, sizeof(digits), "%.*f", fabs(v) >= 100 ? 1 : fabs(v) >= 1 ? 2 : fabs(v) >= 0.01 ? 4 : 6, v);
	whole = (int)strcspn(digits, ".e");
	for (int i = 0; i < n; i++) {
		buf_byte(b, digits[i]);
		if (i < whole - 1 && (whole - i - 1) % 3 == 0 && digits[i] != '-' && fabs(v) < 1e15)
			buf_byte(b, ',');
	}
}

void
reading_put_number(struct buf *b, double v)
{
	put_digits(b, v, -1);
}

static int
is_before(struct str unit)                      /* a currency stands before the figure */
{
	return str_eq(unit, STR("$")) || str_eq(unit, STR("€")) || str_eq(unit, STR("£")) || str_eq(unit, STR("¥"));
}

/* Digits with their unit. -€5: the sign stands before all. */
static void
put_with_unit(struct buf *b, struct str digits, struct str unit)
{
	if (is_before(unit)) {
		if (digits.n && digits.p[0] == '-') {
			buf_byte(b, '-');
			digits = (struct str){ digits.p + 1, digits.n - 1 };
		}
		buf_str(b, unit);
	}
	buf_str(b, digits);
	if (unit.n && !is_before(unit)) {
		buf_byte(b, ' ');
		buf_str(b, unit);
	}
}

/* The unit in which so many bytes are said, and its size. */
static const char *
size_of_bytes(double v, double *size)
{
	static const char *const sizes[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	int i = 0;

	for (*size = 1; fabs(v) >= 1024 * *size && i < 6; i++)
		*size *= 1024;
	return sizes[i];
}

/* The unit of a scale that goes so far, ms or a longer one, and its size: two of those below are the least. */
static const char *
size_of_spans(double most, double *size)
{
	static const struct { const char *name; double from, size; } spans[] = { { "d", 172800000, 86400000 }, { "h", 7200000, 3600000 }, { "min", 120000, 60000 },
		{ "s", 1000, 1000 }, { "ms", 0, 1 } };
	size_t i = 0;

	while (fabs(most) < spans[i].from)
		i++;
	*size = spans[i].size;
	return spans[i].name;
}

/* A second or more: 1.5 s · 12 min 34 s · 2 h 30 min · 4.63 d. */
static void
put_span(struct buf *b, double ms)
{
	double s = fabs(ms) / 1000, days;
	long long seconds = (long long)fmin(s + 0.5, 1e15), minutes = (long long)fmin(s / 60 + 0.5, 1e15);
	char text[32];

	buf_lit(b, ms < 0 ? "-" : "");
	if (s < 59.95)
		buf_printf(b, "%.3g s", s);
	else if (s < 3599.5)
		buf_printf(b, "%lld min %lld s", seconds / 60, seconds % 60);
	else if (minutes < 1440)
		buf_printf(b, "%lld h %lld min", minutes / 60, minutes % 60);
	else {
		snprintf(text, sizeof(text), "%.3g", s / 86400);
		days = strtod(text, NULL);
		if (days < 1000)
			buf_lit(b, text);
		else
			put_digits(b, days, -1);
		buf_lit(b, " d");
	}
}

/* As the page in the browser has them. */
void
reading_put_value(struct buf *b, double v, const struct widget *w)
{
	struct buf digits = {0};
	char text[64];
	double size;

	if (!isfinite(v)) {
		buf_lit(b, "-");
		return;
	}
	if (str_eq(w->unit, STR("%"))) {
		put_digits(b, v * 100, w->decimals < 0 ? 1 : w->decimals);
		buf_lit(b, " %");
		return;
	}
	if (str_eq(w->unit, STR("bytes"))) {
		const char *unit = size_of_bytes(v, &size);

		snprintf(text, sizeof(text), "%.*g %s", fabs(v / size) >= 999.5 ? 4 : 3, v / size, unit);
		buf_lit(b, text);
		return;
	}
	if (str_eq(w->unit, STR("ms")) && fabs(v) >= 1000) {
		put_span(b, v);
		return;
	}
	put_digits(&digits, v, w->decimals);
	put_with_unit(b, buf_get(&digits), w->unit);
	buf_release(&digits);
}

/* 0.07 · 100 is 7, and no 7.000000000000001. */
static double
without_noise(double v)
{
	char text[32];

	snprintf(text, sizeof(text), "%.12g", v);
	return isfinite(v) ? strtod(text, NULL) : v;
}

void
reading_put_mark(struct buf *b, double v, double step, double most, const struct widget *w)
{
	struct buf digits = {0};
	struct str unit = w->unit;
	double size = 1, times = 1, shown;

	if (str_eq(unit, STR("bytes")))
		unit = str_of(size_of_bytes(most, &size));
	else if (str_eq(unit, STR("%")))
		times = 100;
	else if (str_eq(unit, STR("ms")) && isfinite(most))
		unit = str_of(size_of_spans(most, &size));
	shown = fabs(v) < step * 1e-9 ? 0 : without_noise(v * times / size);
	if (step > 0) {
		chart_mark(&digits, shown, step * times / size);
		if (memchr(digits.p, '.', digits.n) && digits.p[digits.n - 1] <= '9') {         /* 7.5 beside 6, not 7.50 */
			while (digits.p[digits.n - 1] == '0')
				digits.n--;
			digits.n -= digits.p[digits.n - 1] == '.';
		}
	} else if (size > 1 && str_eq(w->unit, STR("ms")) && fabs(shown) < 999.5)
		buf_printf(&digits, "%.3g", shown);
	else
		chart_number(&digits, shown);
	put_with_unit(b, buf_get(&digits), isfinite(v) && width_of(unit) <= READING_UNIT ? unit : STR(""));
	buf_release(&digits);
}

void
reading_put_now(struct buf *b, const struct reading *v, const struct widget *w)
{
	const struct cell *first = w->query.p && v->table.rows && v->table.columns ? answer_cell(&v->table, 0, 0) : NULL;

	if (!isfinite(v->now) && first && first->type == CELL_TEXT)
		buf_str(b, first->text);
	else
		reading_put_value(b, v->now, w);
}

void
reading_put_change(struct buf *b, const struct reading *v)
{
	double percent = (v->now - v->before) / fabs(v->before) * 100;

	if (fabs(percent) < 100000) {
		buf_printf(b, "%+.1f%%", percent);
		return;
	}
	if (percent > 0)
		buf_byte(b, '+');
	put_digits(b, percent, 0);
	buf_byte(b, '%');
}

int
reading_level(const struct widget *w, double v)
{
	int level = LEVEL_NONE;

	for (int i = 0; i < w->n_thresholds; i++)
		if (v >= w->threshold[i].value)
			level = w->threshold[i].level;
	return level;
}

void
reading_put_cell(struct buf *b, const struct cell *c, const struct zone *zone)
{
	int64_t ms;
	struct civil t;

	if (c->type == CELL_TEXT && c->text.n == TIME_LEN && time_parse_rfc3339(c->text, &ms) == 0) {
		time_civil(ms + (zone ? zone_offset(zone, ms) : 0), &t);
		buf_printf(b, "%04d-%02d-%02d %02d:%02d:%02d", t.year, t.month, t.day, t.hour, t.minute, t.second);
	} else if (c->type == CELL_TEXT) {
		buf_str(b, c->text);
	} else if (c->type != CELL_NULL) {
		reading_put_number(b, cell_number(c));
	}
}

struct str
reading_range_of(const struct widget *w, const struct period *p)
{
	return p->range.n ? p->range : w->range.n ? w->range : STR(READING_RANGE);
}

static void
put_instant(struct buf *b, int64_t ms, int days, int with_date, const struct zone *zone)
{
	if (ms > TIME_MIN && ms <= TIME_MAX)    /* else it is open there */
		reading_put_time(b, ms, days > 360 ? days * DAY_MS : with_date ? 3 * DAY_MS : DAY_MS, days > 1 ? DAY_MS : 60000, zone);
}

int
reading_is_of_range(const struct widget *w)
{
	return !w->query.p || memmem(w->query.p, w->query.n, ":from", 5) || memmem(w->query.p, w->query.n, ":to", 3) || memmem(w->query.p, w->query.n, ":before", 7);
}

void
reading_put_range(struct buf *b, const struct reading *v, const struct widget *w, const struct period *p)
{
	struct str range = reading_range_of(w, p);
	struct civil from, to;
	int days;

	if (!reading_is_of_range(w))
		return;
	if (v->err.code || v->from >= v->to || !has_two_ends(range)) {
		width_put_shown(b, range);
		return;
	}
	days = v->from > TIME_MIN && v->to <= TIME_MAX ? (int)((v->to - v->from) / DAY_MS) : 361;
	time_civil(v->from + (p->zone ? zone_offset(p->zone, v->from) : 0), &from);
	time_civil(v->to + (p->zone ? zone_offset(p->zone, v->to) : 0), &to);
	put_instant(b, v->from, days, 1, p->zone);
	buf_lit(b, "..");
	put_instant(b, v->to, days, from.day != to.day || from.month != to.month, p->zone);
}

/* To four steps of a round number: 1, 2, 2.5 and 5, and the others where they are whole, so that there is less room above. */
static void
round_ends(double *low, double *high)
{
	static const struct { double times; int is_round; } steps[] = { { 1, 1 }, { 1.5, 0 }, { 2, 1 }, { 2.5, 1 }, { 3, 0 }, { 4, 0 }, { 5, 1 }, { 6, 0 }, { 8, 0 },
		{ 10, 1 }, { 20, 1 } };
	double power = pow(10, floor(log10((*high - *low) / 4)));

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		double step = steps[i].times * power, from = floor(*low / step) * step;

		if (!isfinite(from) || step <= 0)
			return;
		if (from + 4 * step >= *high && (steps[i].is_round || step == floor(step))) {
			*low = from, *high = from + 4 * step;
			return;
		}
	}
}

void
reading_round(const struct widget *w, double *low, double *high)
{
	double size = 1;

	if (str_eq(w->unit, STR("bytes")))      /* round in the unit that they are said in */
		size_of_bytes(fmax(fabs(*low), fabs(*high)), &size);
	else if (str_eq(w->unit, STR("ms")))
		size_of_spans(fmax(fabs(*low), fabs(*high)), &size);
	*low /= size, *high /= size;
	round_ends(low, high);
	*low = fmax(-DBL_MAX, *low * size), *high = fmin(DBL_MAX, *high * size);
}

int
reading_is_stacked(const struct reading *v, const struct widget *w)
{
	return w->stacked && v->curves > 1 && v->curves <= READING_CURVES && (w->type == WIDGET_AREA_CHART || w->type == WIDGET_BAR_CHART);
}

void
reading_stack(const double *value, int n, double *from, double *to)
{
	double above = 0, below = 0;

	for (int i = 0; i < n; i++) {
		double v = isfinite(value[i]) ? value[i] : 0, *on = v < 0 ? &below : &above;

		from[i] = *on;
		to[i] = *on = fmax(-DBL_MAX, fmin(DBL_MAX, *on + v));
	}
}

int64_t
reading_step(const struct reading *v)
{
	int64_t step = 0;

	for (int i = 1; i < v->times; i++)
		if (!step || v->time[i] - v->time[i - 1] < step)
			step = v->time[i] - v->time[i - 1];
	return step > 0 ? step : 1;
}

void
reading_farthest(const struct reading *v, const struct widget *w, int from, int to, double *value)
{
	double most = -1;

	for (int i = 0; i < v->curves && i < READING_CURVES; i++)
		value[i] = NAN;
	for (int t = from; t < to; t++) {
		double all = 0;

		for (int i = 0; i < v->curves && i < READING_CURVES; i++)
			all += isfinite(v->curve[i].value[t]) ? fabs(v->curve[i].value[t]) : 0;
		for (int i = 0; i < v->curves && i < READING_CURVES; i++) {
			double x = v->curve[i].value[t];

			if (reading_is_stacked(v, w) ? all > most : isfinite(x) && !(fabs(x) <= fabs(value[i])))
				value[i] = x;
		}
		most = fmax(most, all);
	}
}

int64_t
reading_end(const struct reading *v)
{
	return v->aheads ? v->ahead[v->aheads - 1].time : v->times ? v->time[v->times - 1] : 0;
}

/* The ends of all stacks. */
static void
stack_range(const struct reading *v, double *low, double *high)
{
	double value[READING_CURVES], from[READING_CURVES], to[READING_CURVES];

	for (int t = 0; t < v->times; t++) {
		for (int i = 0; i < v->curves; i++)
			value[i] = v->curve[i].value[t];
		reading_stack(value, v->curves, from, to);
		for (int i = 0; i < v->curves; i++)
			*low = fmin(*low, to[i]), *high = fmax(*high, to[i]);
	}
}

void
reading_scale(const struct reading *v, const struct widget *w, double *low, double *high)
{
	double l, h;
	int some = 0;

	*low = *high = 0;
	if (reading_is_stacked(v, w))
		stack_range(v, low, high);
	for (int i = 0; i < v->curves && !reading_is_stacked(v, w); i++)
		if (chart_range(v->curve[i].value, v->times, &l, &h)) {
			*low = some ? fmin(*low, l) : l;
			*high = some ? fmax(*high, h) : h;
			some = 1;
		}
	for (int i = 0; i < v->aheads; i++)
		*low = fmin(*low, v->ahead[i].lower), *high = fmax(*high, v->ahead[i].upper);
	if (*low > 0 && (w->type == WIDGET_AREA_CHART || w->type == WIDGET_BAR_CHART || w->type == WIDGET_METRIC_CARD || *low < *high / 2))
		*low = 0;
	if (w->type == WIDGET_BAR_CHART && *high < 0)
		*high = 0;
	if (w->type == WIDGET_METRIC_CARD)
		return;
	if (*high == *low) {                    /* always the same: as far from nothing as it is */
		*low = fmin(*low, 0);
		*high = *high > 0 ? *high : *low < 0 ? 0 : 1;
	}
	reading_round(w, low, high);
}

void
reading_put_prose(struct buf *b, struct str text)
{
	while (text.n) {
		const char *middle = *text.p == '[' ? memmem(text.p, text.n, "](", 2) : NULL;
		const char *end = middle ? memchr(middle, ')', text.n - (size_t)(middle - text.p)) : NULL;

		if (end && !memchr(text.p, '\n', (size_t)(end - text.p))) {
			buf_add(b, text.p + 1, (size_t)(middle - text.p) - 1);
			text = (struct str){ end + 1, text.n - (size_t)(end + 1 - text.p) };
			continue;
		}
		if (text.n > 1 && text.p[0] == '*' && text.p[1] == '*')
			text.p++, text.n--;
		else if (*text.p != '`')
			buf_byte(b, *text.p);
		text.p++, text.n--;
	}
}

void
reading_put_labels(struct buf *b, struct str labels)
{
	struct buf scratch = {0};
	int n = 0;

	for (struct json_iter it = json_iter(json_value(labels)); json_next(&it); n++) {
		if (n)
			buf_byte(b, ' ');
		width_put_shown(b, json_text(it.key, &scratch));
		buf_byte(b, '=');
		if (json_is(it.value, JSON_STRING))
			width_put_shown(b, json_text(it.value, &scratch));
		else
			width_put_shown(b, json_raw(it.value));
	}
	buf_release(&scratch);
}

/* ---- helpers of all that follows */

struct get {
	struct reading *v;
	struct data *data;
	const struct definition *d;
	const struct widget *w;
	const struct period *period;
	char from[TIME_LEN], to[TIME_LEN], before[TIME_LEN];
	char every[32];
	int has_before;                 /* the range has a beginning and an end, and so a period before it */
};

void
reading_init(struct reading *v)
{
	*v = (struct reading){ .now = NAN, .before = NAN, .low = NAN, .high = NAN };
}

void
reading_release(struct reading *v)
{
	arena_free(v->arena);
	reading_init(v);
}

/* The arena has a bound; beyond it the widget says so. */
static void *
room(struct reading *v, size_t n, size_t size)
{
	void *p = arena_get(v->arena, n * size + 1);

	if (p)
		memset(p, 0, n * size + 1);
	else
		err_set(&v->err, ERR_LIMIT, "the answer is too large to be shown, let it have fewer rows");
	return p;
}

/* A text of its own; empty where the arena is full. */
static struct str
dup_of(struct reading *v, struct str s)
{
	char *p = arena_dup(v->arena, s.p, s.n);

	return p ? (struct str){ p, s.n } : STR("");
}

static struct str
keep(struct reading *v, struct buf *b)
{
	struct str s = dup_of(v, buf_get(b));

	buf_clear(b);
	return s;
}

/* The statement with :from, :to, :before, :metric, :by, :every, :filters, … and the dashboard's variables. */
static int
ask(struct get *g, const char *sql, struct str by, struct str every, struct answer *to)
{
	const struct widget *w = g->w;
	struct buf steps = {0}, limit = {0}, periods = {0};
	struct query_param params[16 + DEFINITION_VARIABLES] = { { STR("from"), { g->from, TIME_LEN } }, { STR("to"), { g->to, TIME_LEN } },
		{ STR("before"), { g->before, TIME_LEN } }, { STR("metric"), w->metric.p ? w->metric : STR("") }, { STR("by"), by.p ? by : STR("") },
		{ STR("every"), every.p ? every : STR("") }, { STR("start"), w->start.p ? w->start : STR("") }, { STR("back"), w->back.p ? w->back : STR("") },
		{ STR("within"), w->within.p ? w->within : STR("") }, { STR("filters"), w->filters.p ? w->filters : STR("") },
		{ STR("event"), w->event.p ? w->event : w->metric.p ? w->metric : STR("") } };
	int n = 11;

	for (int i = 0; i < w->n_steps; i++) {
		buf_lit(&steps, i ? "," : "");
		buf_str(&steps, w->steps[i]);
	}
	params[n++] = (struct query_param){ STR("steps"), buf_get(&steps) };
	buf_int64(&limit, w->limit ? w->limit : LISTED);
	params[n++] = (struct query_param){ STR("limit"), buf_get(&limit) };
	buf_int64(&periods, w->periods ? w->periods : PERIODS);
	params[n++] = (struct query_param){ STR("periods"), buf_get(&periods) };
	for (int i = 0; i < g->d->n_variables; i++)
		params[n++] = (struct query_param){ g->d->variable[i].name, g->d->variable[i].value };
	data_ask(g->data, sql, params, n, g->v->arena, to, &g->v->err);
	buf_release(&steps);
	buf_release(&limit);
	buf_release(&periods);
	return g->v->err.code;
}

static int
take_every(struct get *g)
{
	int64_t ms = 0;

	if (g->w->every.n && (dur_parse(g->w->every, &ms, &g->v->err) < 0 || ms < 1))
		return g->v->err.code ? err_at(&g->v->err, "interval") : err_set(&g->v->err, ERR_INPUT, "interval: wants more than nothing, try 1h");
	g->v->every_ms = ms ? ms : reading_every(g->v->to - g->v->from);
	dur_print(g->v->every_ms, g->every);
	return 0;
}

static int
ask_own(struct get *g)
{
	char *sql = mem_dup(g->w->query.p, g->w->query.n);
	int rc = take_every(g);

	if (rc == 0)
		rc = ask(g, sql, g->w->by, str_of(g->every), &g->v->table);
	free(sql);
	return rc;
}

/* Does the text begin with, does it hold another, in any case of letters? */
static int
begins(struct str text, struct str part)
{
	while (part.n)
		if (!text.n || letter_fold(letter_take(&text)) != letter_fold(letter_take(&part)))
			return 0;
	return 1;
}

int
reading_holds(struct str text, struct str part)
{
	for (; !begins(text, part); letter_take(&text))
		if (!text.n)
			return 0;
	return 1;
}

static int
passes(const struct get *g, struct str text)
{
	return !g->period->filter.n || reading_holds(text, g->period->filter);
}

/* Rows in which the filter's text stands stay. */
static void
filter_rows(struct get *g)
{
	struct answer *a = &g->v->table;
	int n = 0;

	if (!g->period->filter.n)
		return;
	for (int i = 0; i < a->rows; i++) {
		int found = 0;

		for (int k = 0; k < a->columns && !found; k++)
			found = answer_cell(a, i, k)->type == CELL_TEXT && reading_holds(answer_cell(a, i, k)->text, g->period->filter);
		if (found)
			memmove(&a->cell[(size_t)n++ * (size_t)a->columns], answer_cell(a, i, 0), (size_t)a->columns * sizeof(*a->cell));
	}
	a->rows = n;
}

/* No more rows than the widget wants. */
static void
limit_rows(struct get *g)
{
	if (g->w->limit && g->v->table.rows > g->w->limit)
		g->v->table.rows = g->w->limit;
}

static int
is_time(const struct cell *c, int64_t *ms)
{
	return c->type == CELL_TEXT && c->text.n >= 10 && time_parse_rfc3339(c->text, ms) == 0;
}

/* What a column holds in its first row that has something: 't' times, 'n' numbers, 's' other text, 0 nothing. */
static char
kind_of(const struct answer *a, int column)
{
	int64_t ms;

	for (int i = 0; i < a->rows; i++) {
		const struct cell *c = answer_cell(a, i, column);

		if (c->type != CELL_NULL)
			return c->type == CELL_TEXT ? (is_time(c, &ms) ? 't' : 's') : 'n';
	}
	return 0;
}

static int
column_of(const struct answer *a, char kind, int not)
{
	for (int i = 0; i < a->columns; i++)
		if (i != not && kind_of(a, i) == kind)
			return i;
	return -1;
}

static struct str
label_of(struct reading *v, const struct cell *c)
{
	struct buf text = {0};
	struct str s;

	if (c->type == CELL_TEXT)
		return c->text;
	if (c->type == CELL_NULL)
		return STR("none");
	cell_put_json(&text, c);                /* a label is a name: 404 is not 4.0e2, nor 2,026 */
	s = keep(v, &text);
	buf_release(&text);
	return s;
}

/* ---- curves */

static int
by_ms(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int
by_total(const void *a, const void *b)
{
	const struct curve *x = a, *y = b;

	return x->total != y->total ? (x->total < y->total ? 1 : -1) : str_cmp(x->label, y->label);
}

/* The times that the column has, each once. Where it has none, the rows' numbers. */
static int
take_times(struct reading *v, const struct answer *a, int column)
{
	if (!(v->time = room(v, (size_t)a->rows, sizeof(*v->time))))
		return v->err.code;
	for (int i = 0; i < a->rows; i++)
		if (column < 0)
			v->time[v->times++] = i;
		else if (is_time(answer_cell(a, i, column), &v->time[v->times]))
			v->times++;
	if (v->times > 1) {
		int n = 1;

		qsort(v->time, (size_t)v->times, sizeof(*v->time), by_ms);
		for (int i = 1; i < v->times; i++)
			if (v->time[i] != v->time[n - 1])
				v->time[n++] = v->time[i];
		v->times = n;
	}
	return (v->mark = room(v, (size_t)v->times, 1)) ? 0 : v->err.code;
}

static int
time_index(const struct reading *v, int64_t ms)
{
	int low = 0, high = v->times;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (v->time[mid] < ms)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct curve *
curve_of(struct get *g, struct map *known, int *cap, struct str label)
{
	struct reading *v = g->v;
	int is_new;
	struct map_entry *e = map_put(known, label, &is_new);
	struct curve *c;

	if (is_new)
		e->num = -1;
	if (is_new && passes(g, label)) {
		if (v->curves == *cap) {
			struct curve *more = room(v, (size_t)(*cap = *cap ? 2 * *cap : 16), sizeof(*c));

			if (!more)
				return NULL;
			if (v->curves)
				memcpy(more, v->curve, (size_t)v->curves * sizeof(*c));
			v->curve = more;
		}
		c = &v->curve[v->curves];
		if (!(c->value = room(v, (size_t)v->times, sizeof(*c->value))))
			return NULL;
		c->label = dup_of(v, label);
		for (int i = 0; i < v->times; i++)
			c->value[i] = NAN;
		e->num = v->curves++;
	}
	return e->num < 0 ? NULL : &v->curve[e->num];
}

/* What the times of a query that asks for no range stretch over: their words are as long as that wants them. */
static void
take_span(struct get *g, const struct answer *a, int time)
{
	int64_t ms, low = INT64_MAX, high = INT64_MIN;

	if (time < 0 || reading_is_of_range(g->w))
		return;
	for (int i = 0; i < a->rows; i++)
		if (is_time(answer_cell(a, i, time), &ms)) {
			low = ms < low ? ms : low;
			high = ms > high ? ms : high;
		}
	if (low < high)
		g->v->span_ms = high - low;
	if (low < high && low / DAY_MS != high / DAY_MS && g->v->span_ms <= 2 * DAY_MS)
		g->v->span_ms = 2 * DAY_MS + 1;         /* nobody else says on which days */
}

/* Each column of numbers, of each label, is a curve. */
static int
take_curves(struct get *g, const struct answer *a, int time, int label)
{
	struct reading *v = g->v;
	struct map known = {0};
	struct buf name = {0};
	int cap = 0, numbers = 0;
	int64_t ms;

	if (take_times(v, a, time))
		return v->err.code;
	take_span(g, a, time);
	for (int k = 0; k < a->columns; k++)
		numbers += k != time && k != label && kind_of(a, k) == 'n';
	for (int k = 0; k < a->columns && !v->err.code; k++) {
		if (k == time || k == label || kind_of(a, k) != 'n')
			continue;
		for (int i = 0; i < a->rows && !v->err.code; i++) {
			double x = cell_number(answer_cell(a, i, k));
			struct curve *c;

			if (isnan(x) || (time >= 0 && !is_time(answer_cell(a, i, time), &ms)))
				continue;
			buf_clear(&name);
			if (label >= 0)
				buf_str(&name, label_of(v, answer_cell(a, i, label)));
			if (label < 0 || numbers > 1) {
				buf_lit(&name, label < 0 ? "" : " ");
				buf_str(&name, a->column[k]);
			}
			if (!(c = curve_of(g, &known, &cap, buf_get(&name))))
				continue;
			c->value[time < 0 ? i : time_index(v, ms)] = x;
			c->total += fabs(x);
		}
	}
	map_release(&known);
	buf_release(&name);
	if (v->curves)
		qsort(v->curve, (size_t)v->curves, sizeof(*v->curve), by_total);
	v->left_out = v->curves > READING_CURVES ? v->curves - READING_CURVES : 0;
	v->curves -= v->left_out;
	return v->err.code;
}

/* Where annotations stand, and where at-detect found something about the metric. */
static void
take_marks(struct get *g)
{
	static const char sql[] = "SELECT timestamp FROM anomalies WHERE alarm AND timestamp >= :from AND timestamp < :to AND "
	    "(metric = :metric OR json_extract(labels, '$.event') = :metric) ORDER BY timestamp DESC LIMIT 1000";
	struct reading *v = g->v;
	struct answer found;
	int64_t ms;

	for (int i = 0; i < g->d->n_notes && v->times; i++) {
		int at = time_index(v, g->d->note[i].time + 1) - 1;

		if (at >= 0 && g->d->note[i].time < v->to)
			v->mark[at] |= READING_NOTE;
	}
	if (!v->times || ask(g, sql, STR(""), STR(""), &found)) {
		err_clear(&v->err);             /* a picture without marks is a picture */
		return;
	}
	for (int i = 0; i < found.rows; i++)
		if (is_time(answer_cell(&found, i, 0), &ms)) {
			int at = time_index(v, ms + 1) - 1;

			if (at >= 0)
				v->mark[at] |= READING_ANOMALY;
		}
}

#define LEARNT_LEAST (15 * DAY_MS)      /* so that days and weeks may be seen */
#define LEARNT_MOST  19000              /* steps */

/* How it may go on, as in the browser: of one metric as it is, up to now, learnt from twice the time that is shown. A chart without it is a chart. */
static void
take_ahead(struct get *g)
{
	struct reading *v = g->v;
	struct data_ahead ask = { .metric = g->w->metric, .to = v->to, .every_ms = v->every_ms };
	struct answer a;
	struct err ignore = {0};
	int64_t steps, span, learnt = 2 * (v->to - v->from), ms;

	if (!g->w->ahead.n || g->w->by.n || g->w->filters.n || !v->curves || v->every_ms < 1000 || v->from <= TIME_MIN || period_is_fixed(reading_range_of(g->w, g->period)))
		return;
	if (str_int64(g->w->ahead, &steps))
		steps = dur_parse(g->w->ahead, &span, &ignore) == 0 ? (span + v->every_ms - 1) / v->every_ms : 0;
	if (steps < 1 || steps > METRIC_FORECAST_STEPS)
		return;
	learnt = learnt < LEARNT_LEAST ? LEARNT_LEAST : learnt;
	learnt = learnt / v->every_ms > LEARNT_MOST ? LEARNT_MOST * v->every_ms : learnt;
	ask.from = v->to - learnt;
	ask.steps = (int)steps;
	err_clear(&ignore);
	if (data_forecast(g->data, &ask, v->arena, &a, &ignore) || !(v->ahead = arena_get(v->arena, (size_t)a.rows * sizeof(*v->ahead) + 1)))
		return;
	for (int i = 0; i < a.rows; i++) {
		const struct ahead x = { is_time(answer_cell(&a, i, 0), &ms) ? ms : INT64_MIN, cell_number(answer_cell(&a, i, 1)), cell_number(answer_cell(&a, i, 2)), cell_number(answer_cell(&a, i, 3)) };

		if (x.time + v->every_ms > v->to - v->every_ms && x.time >= reading_end(v) && isfinite(x.mean) && isfinite(x.lower) && isfinite(x.upper))
			v->ahead[v->aheads++] = x;
	}
}

static int
ask_over_time(struct get *g, struct str by, struct answer *to)
{
	if (take_every(g))
		return g->v->err.code;
	if (by.n)
		return ask(g, "SELECT \"by\", timestamp, value FROM metric(:metric, NULL, :by, :every, :from, :to, NULLIF(:filters, ''))", by, str_of(g->every), to);
	return ask(g, "SELECT timestamp, value FROM metric(:metric, NULL, NULL, :every, :from, :to, NULLIF(:filters, ''))", by, str_of(g->every), to);
}

static int
get_curves(struct get *g)
{
	struct answer *a = &g->v->table;
	int time;

	if (g->w->query.p ? ask_own(g) : ask_over_time(g, g->w->by, a))
		return g->v->err.code;
	time = column_of(a, 't', -1);
	if (take_curves(g, a, time, g->w->query.p ? column_of(a, 's', time) : g->w->by.n ? 0 : -1) == 0 && g->w->metric.p && !g->w->query.p) {
		take_marks(g);
		take_ahead(g);
	}
	return g->v->err.code;
}

/* ---- a number */

static double
first_number(const struct answer *a, int nth)
{
	for (int i = 0; a->rows && i < a->columns; i++)
		if (answer_cell(a, 0, i)->type != CELL_TEXT && nth-- == 0)
			return cell_number(answer_cell(a, 0, i));       /* a NULL is no number, and yet the one that stands there */
	return NAN;
}

/* value, previous: one row. */
static int
get_number(struct get *g)
{
	static const char total[] = "SELECT (SELECT value FROM metric(:metric, NULL, NULL, NULL, :from, :to, NULLIF(:filters, ''))) AS value, "
	    "(SELECT value FROM metric(:metric, NULL, NULL, NULL, :before, :from, NULLIF(:filters, ''))) AS previous";
	static const char alone[] = "SELECT (SELECT value FROM metric(:metric, NULL, NULL, NULL, :from, :to, NULLIF(:filters, ''))) AS value, NULL AS previous";
	struct reading *v = g->v;
	struct answer points;

	if (g->w->query.p ? ask_own(g) : ask(g, g->has_before ? total : alone, STR(""), STR(""), &v->table))
		return v->err.code;
	v->now = first_number(&v->table, 0);
	v->before = g->w->query.p ? first_number(&v->table, 1) : v->table.rows ? cell_number(answer_cell(&v->table, 0, 1)) : NAN;
	if (g->w->query.p)
		return 0;
	return ask_over_time(g, STR(""), &points) ? v->err.code : take_curves(g, &points, 0, -1);
}

/* Its ends: of a query the second and third number, else 0 and 1 for a share, else 0 and the next round number above value and previous. */
static int
get_gauge(struct get *g)
{
	struct reading *v = g->v;
	double most;

	if (get_number(g))
		return v->err.code;
	v->low = g->w->query.p ? first_number(&v->table, 1) : NAN;
	v->high = g->w->query.p ? first_number(&v->table, 2) : NAN;
	if (g->w->query.p)
		v->before = NAN;
	if (g->w->query.p && isnan(v->high))            /* value, most */
		v->high = v->low, v->low = 0;
	if (!isnan(g->w->min))
		v->low = g->w->min;
	if (!isnan(g->w->max))
		v->high = g->w->max;
	if (isnan(v->low))
		v->low = fmin(0, isnan(v->now) ? 0 : v->now);
	most = fmax(isnan(v->now) ? 0 : v->now, isnan(v->before) ? 0 : v->before);
	if (isnan(v->high))
		v->high = most <= 1 && most != floor(most) ? 1 : chart_round_up(most);
	if (v->high <= v->low)
		v->high = v->low + 1;
	return 0;
}

/* ---- shares */

static int
by_value(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	return x->value != y->value ? (x->value < y->value ? 1 : -1) : str_cmp(x->label, y->label);
}

/* Do bars of a query stand over time, several at each? As in the browser: its first column is a time, and it has a label, or numbers of several kinds. */
static int
has_bars_over_time(const struct get *g, const struct answer *a, int time, int label)
{
	int64_t ms, first = 0;
	int some = 0;

	if (g->w->type != WIDGET_BAR_CHART || !g->w->query.p || time != 0 || (label < 0 && column_of(a, 'n', column_of(a, 'n', -1)) < 0))
		return 0;
	for (int i = 0; i < a->rows; i++)
		if (is_time(answer_cell(a, i, time), &ms)) {
			if (some++ && ms != first)
				return 1;
			first = ms;
		}
	return 0;                               /* a single time: bars of what there is at it */
}

static int
get_shares(struct get *g)
{
	struct reading *v = g->v;
	struct answer *a = &v->table;
	struct buf text = {0};
	int label, number, time;
	int64_t ms;

	if (g->w->query.p ? ask_own(g) : g->w->by.n ?
	    ask(g, "SELECT \"by\" AS label, value FROM metric(:metric, NULL, :by, NULL, :from, :to, NULLIF(:filters, '')) ORDER BY 2 DESC, 1", g->w->by, STR(""), a) :
	    ask_over_time(g, STR(""), a))
		return v->err.code;
	filter_rows(g);
	limit_rows(g);
	time = column_of(a, 't', -1);
	label = g->w->query.p ? column_of(a, 's', -1) : 0;
	if (has_bars_over_time(g, a, time, label))
		return take_curves(g, a, time, label);
	if (label < 0)
		label = time >= 0 ? time : a->columns > 1 ? 0 : -1;
	number = column_of(a, 'n', label);
	v->over_time = label >= 0 && label == time;
	if (v->over_time)
		take_span(g, a, time);
	if (!(v->share = room(v, (size_t)(a->rows < READING_SHARES ? a->rows : READING_SHARES), sizeof(*v->share))))
		return v->err.code;
	for (int i = 0; i < a->rows && number >= 0; i++) {
		double x = cell_number(answer_cell(a, i, number));
		struct share *s = &v->share[v->shares];

		if (isnan(x))
			continue;
		if (v->shares == READING_SHARES) {
			v->left_out = a->rows - i;
			break;
		}
		s->value = x;
		if (v->over_time && is_time(answer_cell(a, i, label), &ms)) {
			reading_put_time(&text, ms, v->span_ms, v->every_ms, g->period->zone);
			s->label = keep(v, &text);
		} else {
			s->label = label >= 0 ? label_of(v, answer_cell(a, i, label)) : a->column[number];
		}
		v->shares++;
	}
	if (!g->w->query.p && g->w->by.n && v->shares)
		qsort(v->share, (size_t)v->shares, sizeof(*v->share), by_value);
	buf_release(&text);
	return 0;
}

static int
get_table(struct get *g)
{
	int rc;

	if (g->w->query.p || !g->w->metric.p)
		rc = g->w->query.p ? ask_own(g) : err_set(&g->v->err, ERR_INPUT, "a table wants a query or a metric");
	else
		return get_shares(g);
	if (rc == 0) {
		filter_rows(g);
		limit_rows(g);
	}
	return rc;
}

static int
get_funnel(struct get *g)
{
	static const char sql[] = "SELECT step, event, users, from_start, from_previous, median_seconds, open FROM funnel(:steps, NULLIF(:within, ''), NULL, NULL, :from, :to)";

	if (!g->w->query.p && !g->w->n_steps)
		return err_set(&g->v->err, ERR_INPUT, "a funnel wants its steps");
	if (g->w->query.p)
		return get_shares(g);
	if (ask(g, sql, STR(""), STR(""), &g->v->table))
		return g->v->err.code;
	if (!(g->v->share = room(g->v, (size_t)g->v->table.rows, sizeof(*g->v->share))))
		return g->v->err.code;
	for (int i = 0; i < g->v->table.rows; i++)
		g->v->share[g->v->shares++] = (struct share){ label_of(g->v, answer_cell(&g->v->table, i, 1)), cell_number(answer_cell(&g->v->table, i, 2)) };
	return 0;
}

/* ---- grids */

static int
grid_name(struct reading *v, struct map *known, struct str **names, int *n, struct str name)
{
	int is_new;
	struct map_entry *e;

	if (!(e = map_find(known, name))) {
		if (*n == GRID_MOST) {
			v->left_out++;
			return -1;
		}
		e = map_put(known, name, &is_new);
		e->num = *n;
		(*names)[(*n)++] = dup_of(v, name);
	}
	return (int)e->num;
}

static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

/* Row names, column names and values of an answer, each named by a function of its row; twice, for the sizes must be known. */
struct gridding { int row, column, value; int is_clock; };

static void
cell_names(struct get *g, const struct gridding *how, int i, struct buf *row, struct buf *column)
{
	const struct answer *a = &g->v->table;
	int64_t ms;

	buf_clear(row), buf_clear(column);
	if (how->is_clock && is_time(answer_cell(a, i, how->column), &ms)) {
		struct civil c, monday;
		int64_t local = ms + (g->period->zone ? zone_offset(g->period->zone, ms) : 0);

		time_civil(local, &c);
		time_civil(local - (c.weekday + 6) % 7 * DAY_MS, &monday);
		if (g->v->every_ms < DAY_MS) {
			buf_printf(row, "%02d-%02d %s", c.month, c.day, days[c.weekday]);
			buf_printf(column, "%02d", c.hour);
		} else {
			buf_printf(row, "%04d-%02d-%02d", monday.year, monday.month, monday.day);
			buf_lit(column, days[c.weekday]);
		}
		return;
	}
	if (is_time(answer_cell(a, i, how->column), &ms))
		reading_put_time(column, ms, g->v->to - g->v->from, g->v->every_ms, g->period->zone);
	else
		buf_str(column, label_of(g->v, answer_cell(a, i, how->column)));
	buf_str(row, label_of(g->v, answer_cell(a, i, how->row)));
}

static int
take_grid(struct get *g, const struct gridding *how)
{
	struct reading *v = g->v;
	struct grid *grid = &v->grid;
	struct map rows = {0}, columns = {0};
	struct buf row = {0}, column = {0};

	grid->row = room(v, GRID_MOST, sizeof(struct str));
	grid->column = room(v, GRID_MOST, sizeof(struct str));
	for (int i = 0; how->is_clock && i < (v->every_ms < DAY_MS ? 24 : 7) && !v->err.code; i++) {     /* in their own order */
		if (v->every_ms < DAY_MS)
			buf_printf(&column, "%02d", i);
		else
			buf_lit(&column, days[(i + 1) % 7]);
		grid_name(v, &columns, &grid->column, &grid->columns, buf_get(&column));
		buf_clear(&column);
	}
	for (int i = 0; i < v->table.rows && !v->err.code; i++) {
		cell_names(g, how, i, &row, &column);
		if (passes(g, buf_get(&row))) {
			grid_name(v, &rows, &grid->row, &grid->rows, buf_get(&row));
			grid_name(v, &columns, &grid->column, &grid->columns, buf_get(&column));
		}
	}
	grid->value = v->err.code ? NULL : room(v, (size_t)grid->rows * (size_t)grid->columns, sizeof(double));
	for (int i = 0; grid->value && i < grid->rows * grid->columns; i++)
		grid->value[i] = NAN;
	for (int i = 0; i < v->table.rows && grid->value; i++) {
		struct map_entry *r, *c;

		cell_names(g, how, i, &row, &column);
		if ((r = map_find(&rows, buf_get(&row))) && (c = map_find(&columns, buf_get(&column))))
			grid->value[r->num * grid->columns + c->num] = cell_number(answer_cell(&v->table, i, how->value));
	}
	map_release(&rows), map_release(&columns);
	buf_release(&row), buf_release(&column);
	return v->err.code;
}

/* A metric by a field: fields down, time across. Without one: days down and hours across, or, of more than a month, weeks and days.
 * Of a query: across, down, value. */
static int
get_heatmap(struct get *g)
{
	struct reading *v = g->v;
	struct gridding how = { 0, 1, 2, 0 };

	if (g->w->query.p) {
		how = (struct gridding){ 1, 0, 2, 0 };
		if (ask_own(g))
			return v->err.code;
		if (v->table.columns < 3)
			return err_set(&v->err, ERR_INPUT, "the query of a heat map has three columns: across, down, value");
		return take_grid(g, &how);
	}
	if (g->w->by.n)
		return ask_over_time(g, g->w->by, &v->table) ? v->err.code : take_grid(g, &how);
	v->every_ms = v->to - v->from > 32 * DAY_MS ? DAY_MS : 3600000;
	dur_print(v->every_ms, g->every);
	if (ask(g, "SELECT timestamp, value FROM metric(:metric, NULL, NULL, :every, :from, :to, NULLIF(:filters, ''))", STR(""), str_of(g->every), &v->table))
		return v->err.code;
	how = (struct gridding){ 0, 0, 1, 1 };
	return take_grid(g, &how);
}

static int
get_retention(struct get *g)
{
	static const char sql[] = "SELECT cohort, period, rate, size, users, complete FROM "
	    "retention(NULLIF(:start, ''), NULLIF(:back, ''), :every, CAST(:periods AS INTEGER), NULL, :from, :to)";
	struct reading *v = g->v;
	struct buf text = {0};
	const struct gridding how = { 0, 1, 2, 0 };
	int64_t ms, every = DAY_MS;

	if (g->w->query.p ? ask_own(g) : ask(g, sql, STR(""), g->w->every.n ? g->w->every : STR("1d"), &v->table))
		return v->err.code;
	if (v->table.columns < 3)
		return err_set(&v->err, ERR_INPUT, "the query of a retention triangle has three columns: cohort, period, rate");
	if (take_grid(g, &how))
		return v->err.code;
	if (g->w->every.n)
		dur_parse(g->w->every, &every, &(struct err){ 0 });
	v->grid.side = room(v, (size_t)v->grid.rows, sizeof(struct str));
	for (int i = 0, r = 0; v->grid.side && r < v->grid.rows && i < v->table.rows; i++) {
		if (v->table.columns > 3 && str_eq(label_of(v, answer_cell(&v->table, i, 0)), v->grid.row[r])) {
			reading_put_cell(&text, answer_cell(&v->table, i, 3), g->period->zone);
			v->grid.side[r++] = keep(v, &text);
			i--;
		}
	}
	for (int r = 0; r < v->grid.rows; r++)
		if (time_parse_rfc3339(v->grid.row[r], &ms) == 0) {
			reading_put_time(&text, ms, every >= DAY_MS ? 30 * DAY_MS : v->to - v->from, every, g->period->zone);
			v->grid.row[r] = keep(v, &text);
		}
	buf_release(&text);
	return v->err.code;
}

/* ---- lists */

#define FEED(user)   "SELECT timestamp, event, " user " AS user_id, properties FROM events WHERE timestamp >= :from AND timestamp < :to "
#define NEWEST       "ORDER BY timestamp DESC LIMIT :limit"

static int
get_list(struct get *g)
{
	static const char *const feeds[2][2] = { { FEED("user_id") NEWEST, FEED("user_id") "AND event = :event " NEWEST },
		{ FEED("NULL") NEWEST, FEED("NULL") "AND event = :event " NEWEST } };
	static const char alerts[] = "SELECT timestamp, state, alert, severity, message, labels FROM alerts "
	    "WHERE timestamp >= :from AND timestamp < :to ORDER BY timestamp DESC, rowid DESC LIMIT :limit";
	int of_name = g->w->event.n || g->w->metric.n, is_feed = !g->w->query.p && g->w->type != WIDGET_ALERT_LIST;

	if (g->w->query.p ? ask_own(g) : ask(g, is_feed ? feeds[0][of_name] : alerts, STR(""), STR(""), &g->v->table)) {
		if (!is_feed || !strstr(g->v->err.text, "no column 'user_id'"))         /* who may not see users sees what happened */
			return g->v->err.code;
		err_clear(&g->v->err);
		if (ask(g, feeds[1][of_name], STR(""), STR(""), &g->v->table))
			return g->v->err.code;
	}
	filter_rows(g);
	return 0;
}

/* ---- */

static int
get_nothing(struct get *g)
{
	(void)g;
	return 0;
}

static int (*const getters[WIDGET_TYPES])(struct get *) = {
	[WIDGET_METRIC_CARD] = get_number, [WIDGET_LINE_CHART] = get_curves, [WIDGET_AREA_CHART] = get_curves, [WIDGET_BAR_CHART] = get_shares,
	[WIDGET_PIE_CHART] = get_shares, [WIDGET_TABLE] = get_table, [WIDGET_FUNNEL_CHART] = get_funnel, [WIDGET_HEATMAP] = get_heatmap,
	[WIDGET_RETENTION] = get_retention, [WIDGET_GAUGE] = get_gauge, [WIDGET_EVENT_FEED] = get_list, [WIDGET_ALERT_LIST] = get_list, [WIDGET_TEXT] = get_nothing, [WIDGET_CUSTOM] = get_nothing,
};

static int
wants_metric(const struct widget *w)
{
	return w->type == WIDGET_METRIC_CARD || w->type == WIDGET_LINE_CHART || w->type == WIDGET_AREA_CHART || w->type == WIDGET_BAR_CHART ||
	    w->type == WIDGET_PIE_CHART || w->type == WIDGET_HEATMAP || w->type == WIDGET_GAUGE;
}

int
reading_get(struct reading *v, struct data *data, const struct definition *d, const struct widget *w, const struct period *period)
{
	struct get g = { .v = v, .data = data, .d = d, .w = w, .period = period };
	struct str range = reading_range_of(w, period);
	int64_t before;

	reading_release(v);
	v->arena = arena_new(ARENA_MOST);
	if (reading_range(range, period, &v->from, &v->to, &v->err) < 0)
		return err_at(&v->err, "timeRange");
	v->span_ms = v->to - v->from;
	g.has_before = v->from > TIME_MIN && v->to <= TIME_MAX && v->from - (v->to - v->from) >= TIME_MIN;
	before = g.has_before ? v->from - (v->to - v->from) : v->from;
	time_print(v->from, g.from);
	time_print(v->to, g.to);
	time_print(before, g.before);
	if (wants_metric(w) && !w->metric.p && !w->query.p)
		return err_set(&v->err, ERR_INPUT, "a %s wants a metric or a query", definition_types[w->type]);
	if (getters[w->type](&g) == 0 && v->table.more && w->type != WIDGET_TABLE)      /* part of a picture would be a wrong one */
		err_set(&v->err, ERR_LIMIT, "more than %d values, let there be fewer: a longer interval, a shorter range", DATA_ROWS);
	return v->err.code;
}
