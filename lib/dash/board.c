#include "dash/board_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/dur.h"
#include "base/mem.h"
#include "base/period.h"
#include "base/time.h"
#include "base/width.h"
#include "dash/chart.h"
#include "event/when.h"
#include "json/json.h"

#define SERIES     8
#define POINTS     1000
#define TOLD       8            /* lines of a list that are drawn */
#define SERIES_MOST 10000       /* of all panels; further ones are counted, not kept */
#define LEAST_CURVE 40          /* columns */
#define CURVE_HEIGHT 6

struct board *
board_new(const struct board_spec *spec)
{
	struct board *b = mem_new(sizeof(*b));

	b->spec = *spec;
	b->spec.series = spec->series > 0 ? spec->series : SERIES;
	b->spec.points = spec->points > 0 ? spec->points : POINTS;
	b->last = &b->first;
	b->newest = TIME_MIN;
	b->until = TIME_NONE;
	b->from = TIME_MIN, b->to = INT64_MAX;
	return b;
}

void
board_free(struct board *b)
{
	if (!b)
		return;
	for (struct panel *p = b->first, *next; p; p = next) {
		next = p->next;
		for (struct map_entry *e = map_first(&p->lines); e; e = map_next(&p->lines, e)) {
			struct line *l = e->ptr;

			free(l->time);
			free(l->value);
			free(l->mark);
			free(l);
		}
		map_release(&p->lines);
		free(p);
	}
	map_release(&b->panels);
	free(b->part);
	buf_release(&b->filter);
	buf_release(&b->range);
	buf_release(&b->key);
	buf_release(&b->text);
	buf_release(&b->scratch);
	free(b);
}

/* ---- rows */

static int
is_wanted(const struct board *b, struct str text)
{
	return !b->filter.n || reading_holds(text, buf_get(&b->filter));
}

static int
is_shown(struct board *b, struct str metric, struct str field, struct str labels)
{
	if (is_wanted(b, metric) || is_wanted(b, field))
		return 1;
	buf_clear(&b->scratch);
	reading_put_labels(&b->scratch, labels);
	return is_wanted(b, buf_get(&b->scratch));
}

int
board_shows(struct board *b, const struct panel *p, struct str labels)
{
	return is_shown(b, p->metric, p->field, labels);
}

/* For one more series, else its value is counted. Half of the room is for those that the filter lets through. */
static int
has_room(struct board *b, struct str metric, struct str field, struct str labels)
{
	int shown;

	if (b->series < SERIES_MOST / 2)
		return 1;
	shown = is_shown(b, metric, field, labels);
	if (shown && b->series < SERIES_MOST)
		return 1;
	b->left_out += shown;
	return 0;
}

/* NULL: there is no room for a series of a new one. */
static struct panel *
panel_of(struct board *b, struct str metric, struct str field, struct str labels)
{
	struct map_entry *e;
	struct panel *p;

	buf_clear(&b->key);
	buf_str(&b->key, metric);
	buf_byte(&b->key, 0);
	buf_str(&b->key, field);
	if ((e = map_find(&b->panels, buf_get(&b->key))))
		return e->ptr;
	if (!has_room(b, metric, field, labels))
		return NULL;
	e = map_put(&b->panels, buf_get(&b->key), NULL);
	p = e->ptr = mem_new(sizeof(*p));
	p->metric = (struct str){ e->key.p, metric.n };
	p->field = (struct str){ e->key.p + metric.n + 1, field.n };
	p->adds = str_eq(field, STR("count")) || str_eq(field, STR("rate")) || (field.n > 4 && memcmp(field.p + field.n - 4, "_sum", 4) == 0);
	*b->last = p;
	b->last = &p->next;
	return p;
}

static int
is_within(const struct board *b, int64_t time)
{
	return time >= b->from && time < b->to;
}

/* Which value makes room for one at that time: the oldest, but of a range that is over one behind it. -1: the new one itself. */
static int
oldest(const struct board *b, const struct line *l, int64_t time)
{
	int i = l->n;

	if (b->to == INT64_MAX || !is_within(b, l->time[0]))
		return time < l->time[0] ? -1 : 0;
	while (i > 0 && l->time[i - 1] >= b->to)
		i--;
	if (i < l->n)
		return time < b->from ? -1 : i;
	return time < l->time[0] || time >= b->to ? -1 : 0;
}

/* Of a panel, or none (NULL). A value at a time that is there already takes its place: a window that is told again while it is open. Late ones are put in order. */
static void
add(struct board *b, struct panel *p, struct str labels, int64_t time, double value, int adds, int mark)
{
	int is_new, i;
	struct map_entry *e = p ? map_find(&p->lines, labels) : NULL;
	struct line *l;

	if (!p || (!e && !has_room(b, p->metric, p->field, labels)))
		return;
	e = map_put(&p->lines, labels, &is_new);
	if (is_new) {
		e->ptr = mem_new(sizeof(*l));
		((struct line *)e->ptr)->labels = e->key;
		b->series++;
	}
	l = e->ptr;
	for (i = l->n; i > 0 && l->time[i - 1] > time; i--)
		;
	if (i > 0 && l->time[i - 1] == time) {
		l->value[i - 1] = adds ? l->value[i - 1] + value : value;
		l->mark[i - 1] = (char)(l->mark[i - 1] | mark);
		return;
	}
	if (l->n == b->spec.points) {
		int gone = oldest(b, l, time), behind = l->n - gone - 1;

		if (gone < 0)
			return;
		memmove(l->time + gone, l->time + gone + 1, (size_t)behind * sizeof(*l->time));
		memmove(l->value + gone, l->value + gone + 1, (size_t)behind * sizeof(*l->value));
		memmove(l->mark + gone, l->mark + gone + 1, (size_t)behind);
		l->n--;
		i -= i > gone;
	}
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->time = mem_grow(l->time, (size_t)l->cap, sizeof(*l->time));
		l->value = mem_grow(l->value, (size_t)l->cap, sizeof(*l->value));
		l->mark = mem_grow(l->mark, (size_t)l->cap, 1);
	}
	memmove(l->time + i + 1, l->time + i, (size_t)(l->n - i) * sizeof(*l->time));
	memmove(l->value + i + 1, l->value + i, (size_t)(l->n - i) * sizeof(*l->value));
	memmove(l->mark + i + 1, l->mark + i, (size_t)(l->n - i));
	l->time[i] = time, l->value[i] = value, l->mark[i] = (char)mark;
	l->n++;
}

static struct told *
place_in(struct ring *r)
{
	struct told *told = &r->told[r->at];

	r->at = (r->at + 1) % KEPT;
	r->n += r->n < KEPT;
	return told;
}

/* The nth of a ring, the newest first. */
static const struct told *
told_at(const struct ring *r, int n)
{
	return &r->told[(r->at + KEPT - 1 - n) % KEPT];
}

static int
is_told(const struct board *b, const struct told *t)
{
	return is_within(b, t->time) && is_wanted(b, str_of(t->text));
}

static void
tell(struct board *b, struct list *list, int64_t time, struct buf *text)
{
	struct told *told = place_in(&list->all);
	struct str s = buf_get(text);

	if (s.n >= LINE)                        /* cut between characters */
		for (s.n = LINE - 1; s.n && ((unsigned char)s.p[s.n] & 0xc0) == 0x80; )
			s.n--;
	told->time = time;
	snprintf(told->text, LINE, "%.*s", STR_FMT(s));
	if (is_told(b, told))
		*place_in(&list->shown) = *told;
}

/* What is shown is another part than before. */
static void
tell_again(const struct board *b, struct list *list)
{
	list->shown.n = list->shown.at = 0;
	for (int i = list->all.n; i-- > 0; )
		if (is_told(b, told_at(&list->all, i)))
			*place_in(&list->shown) = *told_at(&list->all, i);
}

static void
tell_all_again(struct board *b)
{
	tell_again(b, &b->events);
	tell_again(b, &b->anomalies);
	tell_again(b, &b->alerts);
}

/* 11-23 10:15:30 */
static void
put_time(struct buf *b, int64_t time, const struct zone *zone)
{
	struct civil t;

	time_civil(time + (zone ? zone_offset(zone, time) : 0), &t);
	buf_printf(b, "%02d-%02d %02d:%02d:%02d", t.month, t.day, t.hour, t.minute, t.second);
}

static void
event_row(struct board *b, struct json v, struct str name, int64_t time)
{
	struct buf labels = {0};
	struct json properties = json_get(v, STR("properties")), user = json_get(v, STR("user_id"));

	buf_lit(&labels, "{\"event\":");
	json_put_string(&labels, name);
	buf_byte(&labels, '}');
	add(b, panel_of(b, STR("events a second"), STR("count"), buf_get(&labels)), buf_get(&labels), time - ((time % 1000) + 1000) % 1000, 1, 1, 0);
	buf_release(&labels);
	buf_clear(&b->text);
	width_put_shown(&b->text, name);
	if (json_is(user, JSON_STRING)) {
		buf_lit(&b->text, "  ");
		width_put_shown(&b->text, json_text(user, &b->scratch));
	}
	buf_lit(&b->text, "  ");
	reading_put_labels(&b->text, json_raw(properties));
	tell(b, &b->events, time, &b->text);
}

static void
alert_row(struct board *b, struct json v, int64_t time)
{
	static const char *const keys[] = { "alert", "state", "severity", "message" };

	buf_clear(&b->text);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct json t = json_get(v, str_of(keys[i]));

		if (json_is(t, JSON_STRING)) {
			buf_lit(&b->text, b->text.n ? "  " : "");
			width_put_shown(&b->text, json_text(t, &b->scratch));
		}
	}
	tell(b, &b->alerts, time, &b->text);
}

static void
anomaly(struct board *b, struct json a, struct str metric, struct str labels, struct str field, double value, int64_t time)
{
	double expected;

	buf_clear(&b->text);
	width_put_shown(&b->text, metric);
	buf_byte(&b->text, ' ');
	width_put_shown(&b->text, field);
	buf_byte(&b->text, ' ');
	chart_number(&b->text, value);
	if (json_double(json_get(a, STR("expected")), &expected)) {
		buf_lit(&b->text, " instead of ");
		chart_number(&b->text, expected);
	}
	buf_lit(&b->text, "  ");
	reading_put_labels(&b->text, labels);
	tell(b, &b->anomalies, time, &b->text);
}

/* The numbers of a row; how many. */
static int
number_row(struct board *b, struct json v, int64_t time)
{
	const struct json name = json_get(v, STR("metric")), labels = json_get(v, STR("labels")), a = json_get(v, STR("anomaly"));
	struct buf metric = {0}, field = {0}, object = {0};
	int n = 0;

	buf_str(&metric, json_is(name, JSON_STRING) ? json_text(name, &b->scratch) : STR("value"));
	if (json_is(labels, JSON_OBJECT))
		json_put_compact(&object, labels);
	else
		buf_lit(&object, "{}");
	for (struct json_iter it = json_iter(v); json_next(&it); ) {
		int alarm;
		double value;

		if (!json_is(it.value, JSON_NUMBER) || !json_double(it.value, &value) || json_text_eq(it.key, STR("timestamp")))
			continue;
		n++;
		buf_clear(&field);
		buf_str(&field, json_text(it.key, &b->scratch));
		alarm = json_is(json_get(a, STR("alarm")), JSON_TRUE) && json_text_eq(json_get(a, STR("field")), buf_get(&field));
		add(b, panel_of(b, buf_get(&metric), buf_get(&field), buf_get(&object)), buf_get(&object), time, value, 0, alarm);
		if (alarm)
			anomaly(b, a, buf_get(&metric), buf_get(&object), buf_get(&field), value, time);
	}
	buf_release(&metric);
	buf_release(&field);
	buf_release(&object);
	return n;
}

int
board_row(struct board *b, struct str row, struct err *err)
{
	struct json v, event;
	struct buf name = {0};
	int64_t time;

	if (json_check(row, err))
		return err->code;
	v = json_value(row), event = json_get(v, STR("event"));
	if (when_row(json_get(v, STR("timestamp")), row, &b->scratch, &time, err))
		return err->code;
	if (json_is(json_get(v, STR("alert")), JSON_STRING)) {
		alert_row(b, v, time);
	} else if (json_is(event, JSON_STRING)) {
		buf_str(&name, json_text(event, &b->scratch));
		event_row(b, v, buf_get(&name), time);
		buf_release(&name);
	} else if (!json_is(v, JSON_OBJECT) || !number_row(b, v, time)) {
		return err_set(err, ERR_INPUT, "no row that can be drawn: neither a number, an event nor an alert");
	}
	b->newest = time > b->newest ? time : b->newest;
	return 0;
}

/* ---- drawing */

static int
by_size(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return x->size != y->size ? (x->size < y->size ? 1 : -1) : str_cmp(x->labels, y->labels);
}

/* What lies within the range. */
static struct line
part_of(const struct board *b, const struct line *l)
{
	struct line part = *l;
	int from = 0, to = l->n;

	while (from < to && l->time[from] < b->from)
		from++;
	while (to > from && l->time[to - 1] >= b->to)
		to--;
	part.time += from, part.value += from, part.mark += from, part.n = to - from;
	part.size = 0;
	for (int i = 0; i < part.n; i++)
		part.size += fabs(part.value[i]);
	return part;
}

struct line *
board_lines(struct board *b, const struct panel *p, int *n)
{
	struct line *line = mem_new(p->lines.n * sizeof(*line) + 1);

	*n = 0;
	for (struct map_entry *e = map_first(&p->lines); e; e = map_next(&p->lines, e)) {
		const struct line *l = e->ptr;

		if (board_shows(b, p, l->labels) && (line[*n] = part_of(b, l)).n)
			++*n;
	}
	if (*n)
		qsort(line, (size_t)*n, sizeof(*line), by_size);
	return line;
}

const struct told *
board_told(struct board *b, const struct list *list, int *at)
{
	while (*at < list->shown.n) {
		const struct told *t = told_at(&list->shown, (*at)++);

		if (is_told(b, t))
			return t;
	}
	return NULL;
}

int
board_show(struct board *b, struct str filter, struct str range, struct err *err)
{
	const struct period now = { .at = time_now() + 1, .zone = b->spec.zone };
	int64_t from, to;

	if (range.n && reading_range(range, &now, &from, &to, err) < 0)
		return err->code;
	buf_clear(&b->filter), buf_clear(&b->range);
	buf_str(&b->filter, filter);
	buf_str(&b->range, range);
	board_period(b);
	tell_all_again(b);
	return 0;
}

void
board_period(struct board *b)
{
	struct period period = { .at = time_now() + 1, .zone = b->spec.zone };
	struct str range = buf_get(&b->range);
	struct err ignore = {0};
	int64_t span, newest = board_is_back(b) ? b->until : b->newest;
	int counts_back = range.n && dur_parse(range, &span, &ignore) == 0;

	b->from = TIME_MIN, b->to = board_is_back(b) ? b->until + 1 : INT64_MAX;
	if (counts_back && b->newest == TIME_MIN)
		return;
	if (counts_back)
		period.at = newest + 1;
	if (range.n && reading_range(range, &period, &b->from, &b->to, &ignore) < 0)
		b->from = b->to;                /* it has not begun yet */
	if (range.n && !period_is_fixed(range))
		b->to = INT64_MAX;              /* from a time on */
	if (board_is_back(b) && b->to > b->until)
		b->to = b->until + 1;
}

int
board_is_back(const struct board *b)
{
	return b->until != TIME_NONE;
}

/* The first time that is kept. */
static int64_t
first_time(const struct board *b)
{
	const struct list *lists[] = { &b->events, &b->anomalies, &b->alerts };
	int64_t first = b->newest;

	for (const struct panel *p = b->first; p; p = p->next)
		for (struct map_entry *e = map_first(&p->lines); e; e = map_next(&p->lines, e)) {
			const struct line *l = e->ptr;

			if (l->n && l->time[0] < first)
				first = l->time[0];
		}
	for (size_t k = 0; k < sizeof(lists) / sizeof(*lists); k++)
		for (int i = 0; i < lists[k]->all.n; i++)
			if (lists[k]->all.told[i].time < first)
				first = lists[k]->all.told[i].time;
	return first;
}

void
board_scrub(struct board *b, int eighths)
{
	int64_t first = first_time(b), at = board_is_back(b) ? b->until : b->newest, span;

	if (b->newest == TIME_MIN)
		return;
	board_period(b);
	span = (b->from > first ? at - b->from : b->newest - first) / 8;
	at += eighths * (span < 1000 ? 1000 : span);
	b->until = at >= b->newest ? TIME_NONE : at < first ? first : at;
	board_period(b);
	tell_all_again(b);
}

static int
by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

size_t
board_values(const struct line *line, int lines)
{
	size_t n = 0;

	for (int i = 0; i < lines; i++)
		n += (size_t)line[i].n;
	return n;
}

int
board_times(const struct line *line, int lines, int64_t *to)
{
	size_t all = 0;
	int n = 0;

	for (int i = 0; i < lines; i++)
		for (int k = 0; k < line[i].n; k++)
			to[all++] = line[i].time[k];
	if (all)
		qsort(to, all, sizeof(*to), by_time);
	for (size_t i = 0; i < all; i++)
		if (!i || to[i] != to[n - 1])
			to[n++] = to[i];
	return n;
}

/* The curve of a panel: its one line, the sum of all lines where they may be summed, else the largest. 1: the arrays are its own. */
static int
curve(const struct panel *p, const struct line *line, int lines, struct line *sum)
{
	*sum = line[0];
	if (lines == 1 || !p->adds)
		return 0;
	*sum = (struct line){0};
	sum->time = mem_new(board_values(line, lines) * sizeof(*sum->time) + 1);
	sum->n = board_times(line, lines, sum->time);
	sum->value = mem_new((size_t)sum->n * sizeof(*sum->value) + 1);
	sum->mark = mem_new((size_t)sum->n + 1);
	for (int i = 0; i < lines; i++)
		for (int k = 0, at = 0; k < line[i].n; k++) {
			while (sum->time[at] < line[i].time[k])
				at++;
			sum->value[at] += line[i].value[k];
			sum->mark[at] = (char)(sum->mark[at] | line[i].mark[k]);
		}
	return 1;
}

static void
put_times(const struct board *b, struct buf *out, const struct line *l, int width)
{
	struct buf left = {0}, right = {0};
	int shown = 2 * (width - CHART_SCALE), from = l->n > shown ? l->n - shown : 0;

	put_time(&left, l->time[from], b->spec.zone);
	put_time(&right, l->time[l->n - 1], b->spec.zone);
	width_repeat(out, " ", CHART_SCALE);
	buf_str(out, buf_get(&left));
	width_repeat(out, " ", width - CHART_SCALE - (int)left.n - (int)right.n);
	buf_str(out, buf_get(&right));
	buf_byte(out, '\n');
	buf_release(&left);
	buf_release(&right);
}

static void
put_lines(const struct board *b, const struct line *line, int lines, int width, struct buf *out)
{
	int name = width / 3, spark = width - name - 2 - 8 - 2;

	for (int i = 0; i < lines && i < b->spec.series; i++) {
		struct buf text = {0}, number = {0};
		int alarm = line[i].mark[line[i].n - 1];

		buf_lit(out, alarm ? "! " : "  ");
		reading_put_labels(&text, line[i].labels);
		width_put(out, buf_get(&text), name, 0, b->spec.ascii);
		buf_byte(out, ' ');
		chart_spark(out, line[i].value, line[i].n, spark, b->spec.ascii);
		chart_number(&number, line[i].value[line[i].n - 1]);
		buf_byte(out, ' ');
		width_put(out, buf_get(&number), 8, 1, b->spec.ascii);
		buf_byte(out, '\n');
		buf_release(&text);
		buf_release(&number);
	}
	if (lines > b->spec.series)
		buf_printf(out, "  and %d more\n", lines - b->spec.series);
}

/* "hits: 66, at 11-18 10:00:00; from 60 to 96 since 11-18 09:00:00." and a sentence for each series. */
static void
say_line(const struct board *b, const struct line *l, struct buf *out)
{
	double low = l->value[0], high = low;

	for (int i = 1; i < l->n; i++)
		low = fmin(low, l->value[i]), high = fmax(high, l->value[i]);
	buf_lit(out, ": ");
	chart_number(out, l->value[l->n - 1]);
	buf_lit(out, l->mark[l->n - 1] ? ", an alarm, at " : ", at ");
	put_time(out, l->time[l->n - 1], b->spec.zone);
	if (l->n > 1) {
		buf_lit(out, "; from ");
		chart_number(out, low);
		buf_lit(out, " to ");
		chart_number(out, high);
		buf_lit(out, " since ");
		put_time(out, l->time[0], b->spec.zone);
	}
	buf_lit(out, ".\n");
}

static void
say_panel(const struct board *b, const struct line *line, int lines, const struct line *sum, struct str title, struct buf *out)
{
	buf_str(out, title);
	say_line(b, sum, out);
	for (int i = 0; lines > 1 && i < lines && i < b->spec.series; i++) {
		buf_lit(out, "  ");
		reading_put_labels(out, line[i].labels);
		say_line(b, &line[i], out);
	}
	if (lines > b->spec.series)
		buf_printf(out, "  and %d more\n", lines - b->spec.series);
}

void
board_put_title(struct buf *b, const struct panel *p)
{
	width_put_shown(b, p->metric);
	if (!str_eq(p->field, STR("count")) && !str_eq(p->field, STR("value"))) {
		buf_byte(b, ' ');
		width_put_shown(b, p->field);
	}
}

static void
draw_panel(struct board *b, struct panel *p, int width, struct buf *out)
{
	struct line *line, sum;
	struct buf title = {0}, last = {0};
	int lines, own;

	line = board_lines(b, p, &lines);
	if (!lines) {
		free(line);
		return;
	}
	own = curve(p, line, lines, &sum);
	board_put_title(&title, p);
	if (b->spec.plain) {
		say_panel(b, line, lines, &sum, buf_get(&title), out);
		goto out;
	}
	chart_number(&last, sum.value[sum.n - 1]);
	width_put(out, buf_get(&title), width - 9, 0, b->spec.ascii);
	buf_byte(out, ' ');
	width_put(out, buf_get(&last), 8, 1, b->spec.ascii);
	buf_byte(out, '\n');
	if (width >= LEAST_CURVE && sum.n > 1) {
		chart_line(out, sum.value, sum.mark, sum.n, width, CURVE_HEIGHT, b->spec.ascii);
		put_times(b, out, &sum, width);
	}
	if (lines > 1 || width < LEAST_CURVE)
		put_lines(b, line, lines, width, out);
out:
	if (own) {
		free(sum.time);
		free(sum.value);
		free(sum.mark);
	}
	free(line);
	buf_release(&title);
	buf_release(&last);
}

static void
draw_list(struct board *b, const char *title, const struct list *list, int alarm, int width, struct buf *out)
{
	const struct told *told;
	int at = 0;

	for (int i = 0; i < TOLD && (told = board_told(b, list, &at)); i++) {
		struct buf text = {0}, line = {0};

		if (i == 0)
			buf_printf(out, "%s\n", title);
		put_time(&text, told->time, b->spec.zone);
		buf_lit(&text, "  ");
		buf_lit(&text, told->text);
		width_put(&line, buf_get(&text), b->spec.plain ? LINE : width - 2, 0, b->spec.ascii);
		while (line.n && line.p[line.n - 1] == ' ')
			line.n--;
		buf_lit(out, alarm && !b->spec.plain ? "! " : "  ");
		buf_str(out, buf_get(&line));
		buf_byte(out, '\n');
		buf_release(&text);
		buf_release(&line);
	}
}

/* No line ends with blanks. Returns the new length. */
static size_t
without_blanks(char *p, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		while (p[i] == '\n' && to && p[to - 1] == ' ')
			to--;
		p[to++] = p[i];
	}
	return to;
}

/* What was drawn behind byte `from` is a part, where it is anything. */
static void
end_part(struct board *b, const void *what, const struct buf *out, size_t from)
{
	if (out->n == from)
		return;
	if (b->parts == b->part_cap)
		b->part = mem_grow(b->part, (size_t)(b->part_cap = b->part_cap ? 2 * b->part_cap : 16), sizeof(*b->part));
	b->part[b->parts++] = (struct part){ what, b->drawn_lines };
	for (size_t i = from; i < out->n; i++)
		b->drawn_lines += out->p[i] == '\n';
}

const void *
board_part_at(const struct board *b, int line)
{
	const void *found = NULL;

	for (int i = 0; i < b->parts && b->part[i].line <= line && line < b->drawn_lines; i++)
		found = b->part[i].what;
	return found;
}

static int
number_of(const struct board *b, const void *part)
{
	for (int i = 0; i < b->parts && part; i++)
		if (b->part[i].what == part)
			return i;
	return -1;
}

const void *
board_part_next(const struct board *b, const void *part, int by)
{
	int i = number_of(b, part);

	if (!b->parts)
		return NULL;
	return b->part[i < 0 ? (by < 0 ? b->parts - 1 : 0) : (i + by + b->parts) % b->parts].what;
}

int
board_part_line(const struct board *b, const void *part, int *end)
{
	int i = number_of(b, part);

	*end = i < 0 ? 0 : i + 1 < b->parts ? b->part[i + 1].line : b->drawn_lines;
	return i < 0 ? -1 : b->part[i].line;
}

void
board_draw(struct board *b, int width, int height, struct buf *out)
{
	size_t start = out->n, from;
	int lines = 0;

	width = width < 20 ? 20 : width > 1000 ? 1000 : width;
	board_period(b);
	b->parts = b->drawn_lines = 0;
	draw_list(b, "alerts", &b->alerts, 1, width, out);
	end_part(b, &b->alerts, out, start);
	from = out->n;
	draw_list(b, "anomalies", &b->anomalies, 1, width, out);
	end_part(b, &b->anomalies, out, from);
	for (struct panel *p = b->first; p; p = p->next) {
		from = out->n;
		draw_panel(b, p, width, out);
		end_part(b, p, out, from);
	}
	from = out->n;
	draw_list(b, "events", &b->events, 0, width, out);
	end_part(b, &b->events, out, from);
	if (b->left_out)
		buf_printf(out, "%lld values of further series are not shown\n", (long long)b->left_out);
	if (out->n == start)
		buf_lit(out, b->newest == TIME_MIN ? "no rows yet\n" : "no rows with this filter and range\n");
	out->n = start + without_blanks(out->p + start, out->n - start);
	for (size_t i = start; height > 0 && i < out->n; i++)
		if (out->p[i] == '\n' && ++lines == height)
			out->n = i + 1;
}
