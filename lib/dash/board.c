#include "dash/board.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/time.h"
#include "base/width.h"
#include "dash/chart.h"
#include "dash/reading.h"
#include "event/when.h"
#include "json/json.h"

#define SERIES     8
#define POINTS     1000
#define SERIES_MOST 10000       /* of all panels; further ones are counted, not kept */
#define TOLD       8            /* lines of the lists: events, anomalies, alerts */
#define LINE       400          /* bytes of one */
#define LEAST_CURVE 40          /* columns */
#define CURVE_HEIGHT 6

struct line {                           /* one series */
	struct str labels;              /* the key's */
	int64_t *time;
	double *value;
	char *mark;
	int n, cap;
};

struct panel {                          /* a metric and a field */
	struct panel *next;
	struct str metric, field;
	struct map lines;
	int adds;                       /* values of its lines may be summed */
};

struct list { char text[TOLD][LINE]; int n; };  /* the newest */

struct board {
	struct board_spec spec;
	struct map panels;
	struct panel *first, **last;
	size_t series;
	int64_t left_out;
	struct list events, anomalies, alerts;
	struct buf key, text, scratch;
};

struct board *
board_new(const struct board_spec *spec)
{
	struct board *b = mem_new(sizeof(*b));

	b->spec = *spec;
	b->spec.series = spec->series > 0 ? spec->series : SERIES;
	b->spec.points = spec->points > 0 ? spec->points : POINTS;
	b->last = &b->first;
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
	buf_release(&b->key);
	buf_release(&b->text);
	buf_release(&b->scratch);
	free(b);
}

/* ---- rows */

/* NULL: there are as many series as may be. */
static struct panel *
panel_of(struct board *b, struct str metric, struct str field)
{
	struct map_entry *e;
	struct panel *p;

	buf_clear(&b->key);
	buf_str(&b->key, metric);
	buf_byte(&b->key, 0);
	buf_str(&b->key, field);
	if ((e = map_find(&b->panels, buf_get(&b->key))))
		return e->ptr;
	if (b->series >= SERIES_MOST)
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

/* Of a panel, or none (NULL). A value at a time that is there already takes its place: a window that is told again while it is open. Late ones are put in order. */
static void
add(struct board *b, struct panel *p, struct str labels, int64_t time, double value, int adds, int mark)
{
	int is_new, i;
	struct map_entry *e = p ? map_find(&p->lines, labels) : NULL;
	struct line *l;

	if (!e && b->series >= SERIES_MOST) {
		b->left_out++;
		return;
	}
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
	if (l->n == b->spec.points) {           /* the oldest goes */
		if (i == 0)
			return;
		memmove(l->time, l->time + 1, (size_t)(l->n - 1) * sizeof(*l->time));
		memmove(l->value, l->value + 1, (size_t)(l->n - 1) * sizeof(*l->value));
		memmove(l->mark, l->mark + 1, (size_t)(l->n - 1));
		l->n--, i--;
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

static int
is_wanted(const struct board *b, struct str text)
{
	return !b->spec.filter.n || reading_holds(text, b->spec.filter);
}

static void
tell(const struct board *b, struct list *list, struct buf *text)
{
	struct str s = buf_get(text);

	if (!is_wanted(b, s))
		return;
	if (s.n >= LINE)                        /* cut between characters */
		for (s.n = LINE - 1; s.n && ((unsigned char)s.p[s.n] & 0xc0) == 0x80; )
			s.n--;
	memmove(list->text[1], list->text[0], sizeof(list->text) - sizeof(list->text[0]));
	snprintf(list->text[0], LINE, "%.*s", STR_FMT(s));
	list->n += list->n < TOLD;
}

static void
put_time(struct buf *b, int64_t time)
{
	char text[TIME_LEN];

	time_print(time, text);
	buf_add(b, text + 5, 14);               /* 11-23T10:15:30 */
	b->p[b->n - 9] = ' ';
}

static void
event_row(struct board *b, struct json v, struct str name, int64_t time)
{
	struct buf labels = {0};
	struct json properties = json_get(v, STR("properties")), user = json_get(v, STR("user_id"));

	buf_lit(&labels, "{\"event\":");
	json_put_string(&labels, name);
	buf_byte(&labels, '}');
	if (is_wanted(b, name))
		add(b, panel_of(b, STR("events a second"), STR("count")), buf_get(&labels), time - ((time % 1000) + 1000) % 1000, 1, 1, 0);
	buf_release(&labels);
	buf_clear(&b->text);
	put_time(&b->text, time);
	buf_byte(&b->text, ' ');
	width_put_shown(&b->text, name);
	if (json_is(user, JSON_STRING)) {
		buf_lit(&b->text, "  ");
		width_put_shown(&b->text, json_text(user, &b->scratch));
	}
	buf_lit(&b->text, "  ");
	reading_put_labels(&b->text, json_raw(properties));
	tell(b, &b->events, &b->text);
}

static void
alert_row(struct board *b, struct json v, int64_t time)
{
	static const char *const keys[] = { "alert", "state", "severity", "message" };

	buf_clear(&b->text);
	put_time(&b->text, time);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct json t = json_get(v, str_of(keys[i]));

		if (json_is(t, JSON_STRING)) {
			buf_lit(&b->text, "  ");
			width_put_shown(&b->text, json_text(t, &b->scratch));
		}
	}
	tell(b, &b->alerts, &b->text);
}

static void
anomaly(struct board *b, struct json a, struct str metric, struct str labels, struct str field, double value, int64_t time)
{
	double expected;

	buf_clear(&b->text);
	put_time(&b->text, time);
	buf_lit(&b->text, "  ");
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
	tell(b, &b->anomalies, &b->text);
}

int
board_row(struct board *b, struct str row, struct err *err)
{
	struct json v, event, name, labels, a;
	struct buf metric = {0}, field = {0}, object = {0};
	int64_t time;
	int n = 0;

	if (json_check(row, err))
		return err->code;
	v = json_value(row);
	if (when_row(json_get(v, STR("timestamp")), row, &b->scratch, &time, err))
		return err->code;
	event = json_get(v, STR("event")), name = json_get(v, STR("metric")), labels = json_get(v, STR("labels")), a = json_get(v, STR("anomaly"));
	if (json_is(json_get(v, STR("alert")), JSON_STRING)) {
		alert_row(b, v, time);
		return 0;
	}
	if (json_is(event, JSON_STRING)) {
		buf_str(&metric, json_text(event, &b->scratch));
		event_row(b, v, buf_get(&metric), time);
		buf_release(&metric);
		return 0;
	}
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
		buf_clear(&b->text);
		reading_put_labels(&b->text, buf_get(&object));
		if (b->spec.filter.n && !is_wanted(b, buf_get(&metric)) && !is_wanted(b, buf_get(&field)) && !is_wanted(b, buf_get(&b->text)))
			continue;
		alarm = json_is(json_get(a, STR("alarm")), JSON_TRUE) && json_text_eq(json_get(a, STR("field")), buf_get(&field));
		add(b, panel_of(b, buf_get(&metric), buf_get(&field)), buf_get(&object), time, value, 0, alarm);
		if (alarm)
			anomaly(b, a, buf_get(&metric), buf_get(&object), buf_get(&field), value, time);
	}
	buf_release(&metric);
	buf_release(&field);
	buf_release(&object);
	return n ? 0 : err_set(err, ERR_INPUT, "no row that can be drawn: neither a number, an event nor an alert");
}

/* ---- drawing */

static double
size_of(const struct line *l)
{
	double sum = 0;

	for (int i = 0; i < l->n; i++)
		sum += fabs(l->value[i]);
	return sum;
}

static int
by_size(const void *a, const void *b)
{
	const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;
	double p = size_of(x), q = size_of(y);

	return p != q ? (p < q ? 1 : -1) : str_cmp(x->labels, y->labels);
}

static int
by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* The curve of a panel: its one line, the sum of all lines where they may be summed, else the largest. 1: the arrays are its own. */
static int
curve(const struct panel *p, struct line **line, int lines, struct line *sum)
{
	int total = 0, n = 0;

	*sum = *line[0];
	if (lines == 1 || !p->adds)
		return 0;
	*sum = (struct line){0};
	for (int i = 0; i < lines; i++)
		total += line[i]->n;
	sum->time = mem_new((size_t)total * sizeof(*sum->time));
	for (int i = 0; i < lines; i++)
		for (int k = 0; k < line[i]->n; k++)
			sum->time[n++] = line[i]->time[k];
	qsort(sum->time, (size_t)n, sizeof(*sum->time), by_time);
	for (int i = 0; i < n; i++)
		if (!i || sum->time[i] != sum->time[i - 1])
			sum->time[sum->n++] = sum->time[i];
	sum->value = mem_new((size_t)sum->n * sizeof(*sum->value) + 1);
	sum->mark = mem_new((size_t)sum->n + 1);
	for (int i = 0; i < lines; i++)
		for (int k = 0, at = 0; k < line[i]->n; k++) {
			while (sum->time[at] < line[i]->time[k])
				at++;
			sum->value[at] += line[i]->value[k];
			sum->mark[at] = (char)(sum->mark[at] | line[i]->mark[k]);
		}
	return 1;
}

static void
put_times(struct buf *out, const struct line *l, int width)
{
	struct buf left = {0}, right = {0};
	int shown = 2 * (width - CHART_SCALE), from = l->n > shown ? l->n - shown : 0;

	put_time(&left, l->time[from]);
	put_time(&right, l->time[l->n - 1]);
	width_repeat(out, " ", CHART_SCALE);
	buf_str(out, buf_get(&left));
	width_repeat(out, " ", width - CHART_SCALE - (int)left.n - (int)right.n);
	buf_str(out, buf_get(&right));
	buf_byte(out, '\n');
	buf_release(&left);
	buf_release(&right);
}

static void
put_lines(const struct board *b, struct line **line, int lines, int width, struct buf *out)
{
	int name = width / 3, spark = width - name - 2 - 8 - 2;

	for (int i = 0; i < lines && i < b->spec.series; i++) {
		struct buf text = {0}, number = {0};
		int alarm = line[i]->mark[line[i]->n - 1];

		buf_lit(out, alarm ? "! " : "  ");
		reading_put_labels(&text, line[i]->labels);
		width_put(out, buf_get(&text), name, 0, b->spec.ascii);
		buf_byte(out, ' ');
		chart_spark(out, line[i]->value, line[i]->n, spark, b->spec.ascii);
		chart_number(&number, line[i]->value[line[i]->n - 1]);
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
say_line(const struct line *l, struct buf *out)
{
	double low = l->value[0], high = low;

	for (int i = 1; i < l->n; i++)
		low = fmin(low, l->value[i]), high = fmax(high, l->value[i]);
	buf_lit(out, ": ");
	chart_number(out, l->value[l->n - 1]);
	buf_lit(out, l->mark[l->n - 1] ? ", an alarm, at " : ", at ");
	put_time(out, l->time[l->n - 1]);
	if (l->n > 1) {
		buf_lit(out, "; from ");
		chart_number(out, low);
		buf_lit(out, " to ");
		chart_number(out, high);
		buf_lit(out, " since ");
		put_time(out, l->time[0]);
	}
	buf_lit(out, ".\n");
}

static void
say_panel(const struct board *b, struct line **line, int lines, const struct line *sum, struct str title, struct buf *out)
{
	buf_str(out, title);
	say_line(sum, out);
	for (int i = 0; lines > 1 && i < lines && i < b->spec.series; i++) {
		buf_lit(out, "  ");
		reading_put_labels(out, line[i]->labels);
		say_line(line[i], out);
	}
	if (lines > b->spec.series)
		buf_printf(out, "  and %d more\n", lines - b->spec.series);
}

static void
draw_panel(const struct board *b, struct panel *p, int width, struct buf *out)
{
	struct line **line = mem_new(p->lines.n * sizeof(*line)), sum;
	struct buf title = {0}, last = {0};
	int lines = 0, own;

	for (struct map_entry *e = map_first(&p->lines); e; e = map_next(&p->lines, e))
		line[lines++] = e->ptr;
	qsort(line, (size_t)lines, sizeof(*line), by_size);
	own = curve(p, line, lines, &sum);
	width_put_shown(&title, p->metric);
	if (!str_eq(p->field, STR("count")) && !str_eq(p->field, STR("value"))) {
		buf_byte(&title, ' ');
		width_put_shown(&title, p->field);
	}
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
		put_times(out, &sum, width);
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
draw_list(const struct board *b, const char *title, const struct list *list, int alarm, int width, struct buf *out)
{
	if (!list->n)
		return;
	buf_printf(out, "%s\n", title);
	for (int i = 0; i < list->n; i++) {
		struct buf line = {0};

		width_put(&line, str_of(list->text[i]), b->spec.plain ? LINE : width - 2, 0, b->spec.ascii);
		while (line.n && line.p[line.n - 1] == ' ')
			line.n--;
		buf_lit(out, alarm && !b->spec.plain ? "! " : "  ");
		buf_str(out, buf_get(&line));
		buf_byte(out, '\n');
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

void
board_draw(struct board *b, int width, int height, struct buf *out)
{
	size_t start = out->n;
	int lines = 0;

	width = width < 20 ? 20 : width > 1000 ? 1000 : width;
	draw_list(b, "alerts", &b->alerts, 1, width, out);
	draw_list(b, "anomalies", &b->anomalies, 1, width, out);
	for (struct panel *p = b->first; p; p = p->next)
		draw_panel(b, p, width, out);
	draw_list(b, "events", &b->events, 0, width, out);
	if (b->left_out)
		buf_printf(out, "%lld values of further series are not shown\n", (long long)b->left_out);
	if (out->n == start)
		buf_lit(out, "no rows yet\n");
	out->n = start + without_blanks(out->p + start, out->n - start);
	for (size_t i = start; height > 0 && i < out->n; i++)
		if (out->p[i] == '\n' && ++lines == height)
			out->n = i + 1;
}
