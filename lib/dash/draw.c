#include "dash/draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/letter.h"
#include "base/mem.h"
#include "base/time.h"
#include "base/width.h"
#include "dash/chart.h"

#define DAY_MS 86400000LL
#define NARROWEST 20                    /* columns of a dashboard */
#define WIDEST 1000
#define LEAST  4                        /* columns in which a chart is worth drawing */

/* What a widget's own function draws in: the inside of its frame. */
struct field {
	struct canvas *c;
	const struct widget *w;
	const struct reading *v;
	const struct period *period;
	int x, y, width, height;
	int skip;                       /* rows above */
};

static enum canvas_role
curve_role(int i)
{
	return (enum canvas_role)(CANVAS_CURVE + i % CANVAS_CURVES);
}

static enum canvas_role
level_role(const struct widget *w, double v, enum canvas_role otherwise)
{
	switch (reading_level(w, v)) {
	case LEVEL_GOOD: return CANVAS_GOOD;
	case LEVEL_WARN: return (enum canvas_role)(CANVAS_CURVE + 1);
	case LEVEL_BAD: return CANVAS_BAD;
	default: return otherwise;
	}
}

/* What fills the parts of one picture, so that they are told apart without colours. */
static uint32_t
texture(int i, int ascii)
{
	static const uint32_t plain[] = { 0x2588, 0x2593, 0x2592, 0x2591 };
	static const char letters[] = "#=*+:-%o";

	return ascii ? (uint32_t)letters[i % 8] : plain[i % 4];
}

static void
put_number(struct field *f, int end, int y, int most, double v, enum canvas_role role)
{
	struct buf text = {0};

	reading_put_value(&text, v, f->w);
	if (width_of(buf_get(&text)) > most) {
		buf_clear(&text);
		reading_put_mark(&text, v, 0, v, f->w);
	}
	if (width_of(buf_get(&text)) > most) {
		buf_clear(&text);
		chart_number(&text, v);
	}
	canvas_right(f->c, end, y, most, buf_get(&text), role);
	buf_release(&text);
}

static void
put_printf(struct field *f, int x, int y, int most, enum canvas_role role, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
static void
put_printf(struct field *f, int x, int y, int most, enum canvas_role role, const char *fmt, ...)
{
	char text[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	canvas_lit(f->c, x, y, most, text, role);
}

static void
put_nothing(struct field *f)
{
	canvas_lit(f->c, f->x, f->y, f->width, "no data", CANVAS_FAINT);
}

/* Words of a text in as many lines as there are. */
static void
put_words(struct field *f, struct str text, enum canvas_role role)
{
	struct str line, word;
	int y = f->y;

	while (text.n && str_cut(&text, '\n', &line)) {
		enum canvas_role here = role;
		int x = 0;

		if (line.n && *line.p == '#') {
			while (line.n && (*line.p == '#' || *line.p == ' '))
				line.p++, line.n--;
			here = CANVAS_TITLE;
		}
		while (line.n && str_cut(&line, ' ', &word)) {
			int wide = width_of(word);

			if (x && x + 1 + wide > f->width)
				x = 0, y++;
			if (y >= f->y + f->height)
				return;
			x += x > 0;
			x += canvas_text(f->c, f->x + x, y, f->width - x, word, here);
		}
		y++;
	}
}

/* ---- curves */

struct scale { double low, high; };

static struct scale
scale_of(const struct field *f)
{
	struct scale s;

	reading_scale(f->v, f->w, &s.low, &s.high);
	return s;
}

/* Where an instant lies, of `width` dots. */
static int
across(const struct reading *v, int64_t ms, int width)
{
	int64_t first = v->time[0], last = reading_end(v);

	return last > first ? (int)((double)(ms - first) / (double)(last - first) * (width - 1)) : width - 1;
}

/* The column of a plot at which a time stands: a bar has its step's room. */
static int
column_of_time(const struct field *f, int64_t ms)
{
	const struct reading *v = f->v;
	double step = (double)reading_step(v);

	if (f->w->type != WIDGET_BAR_CHART)
		return across(v, ms, f->width);
	return (int)(((double)(ms - v->time[0]) + step / 2) / ((double)(v->time[v->times - 1] - v->time[0]) + step) * f->width);
}

/* The dots are let go of. */
static void
put_dots(struct field *f, struct chart_dots *d, enum canvas_role role)
{
	for (int y = 0; y < f->height; y++)
		for (int x = 0; x < f->width; x++) {
			uint32_t c = chart_dots_at(d, x, y, f->c->ascii);

			if (c != ' ')
				canvas_put(f->c, f->x + x, f->y + y, c, role);
		}
	chart_dots_release(d);
}

static void
draw_curve(struct field *f, const struct curve *curve, struct scale s, int filled, enum canvas_role role)
{
	struct chart_dots d;
	int last_x = 0, last_y = 0, drawn = 0, bottom = 4 * f->height - 1;
	const int nothing = (int)lround((1 - fmax(0, fmin(1, chart_part(0, s.low, s.high)))) * bottom);        /* where areas stand */

	chart_dots_init(&d, f->width, f->height);
	for (int i = 0; i < f->v->times; i++) {
		int x = across(f->v, f->v->time[i], 2 * f->width), y;

		if (!isfinite(curve->value[i])) {
			drawn = 0;
			continue;
		}
		y = (int)lround((1 - chart_part(curve->value[i], s.low, s.high)) * bottom);
		chart_stroke(&d, drawn ? last_x : x, drawn ? last_y : y, x, y);
		for (int k = drawn ? last_x : x; filled && k <= x; k++)
			chart_stroke(&d, k, x > last_x && drawn ? last_y + (y - last_y) * (k - last_x) / (x - last_x) : y, k, nothing);
		last_x = x, last_y = y, drawn = 1;
	}
	put_dots(f, &d, role);
}

#define SCALE_MOST 16                   /* columns in front of a plot */

/* Does this line of a plot have a mark, and what does it say? */
static int
put_mark(const struct field *f, struct scale s, int y, int height, struct buf *to)
{
	if (y && y != height - 1 && !(height >= 7 && 2 * y == height - 1))
		return 0;
	reading_put_mark(to, y && y == height - 1 ? s.low : s.high - (s.high - s.low) * y / (height > 1 ? height - 1 : 1), (s.high - s.low) / 2,
	    fmax(fabs(s.low), fabs(s.high)), f->w);
	return 1;
}

/* What is left of a field behind its scale, which is as wide as its marks want it. */
static struct field
plot_of(const struct field *f, struct scale s, int height)
{
	struct field plot = *f;
	int wide = CHART_SCALE;

	for (int y = 0; y < height; y++) {
		struct buf text = {0};

		if (put_mark(f, s, y, height, &text) && width_of(buf_get(&text)) + 2 > wide)
			wide = width_of(buf_get(&text)) + 2;
		buf_release(&text);
	}
	wide = wide > SCALE_MOST ? SCALE_MOST : wide;
	plot.x += wide, plot.width -= wide, plot.height = height;
	return plot;
}

/* A unit that is too long to stand at each mark stands above them; the lines that it takes. */
static int
draw_unit(struct field *f)
{
	if (width_of(f->w->unit) <= READING_UNIT || str_eq(f->w->unit, STR("bytes")) || f->height < 6)
		return 0;
	canvas_text(f->c, f->x, f->y, f->width, f->w->unit, CANVAS_FAINT);
	return 1;
}

static void
draw_scale(struct field *f, struct scale s, int room)
{
	for (int y = 0; y < f->height; y++) {
		struct buf text = {0};
		int marked = put_mark(f, s, y, f->height, &text);

		canvas_right(f->c, f->x - 2, f->y + y, room - 2, buf_get(&text), CANVAS_FAINT);
		canvas_put(f->c, f->x - 1, f->y + y, f->c->ascii ? '|' : marked ? 0x2524 : 0x2502, CANVAS_FRAME);
		buf_release(&text);
	}
}

/* As many times as have room between them: the first, the last, those in the middle. */
static void
draw_times(struct field *f, int y)
{
	const struct reading *v = f->v;
	struct buf text = {0};
	int shown = 1, end = 0, all = v->times + v->aheads;

	if (!v->times || v->time[v->times - 1] < 100000)        /* numbers of rows */
		return;
	reading_put_time(&text, reading_end(v), v->span_ms, v->every_ms, f->period->zone);
	shown = f->width / ((int)text.n + 3);
	shown = shown < 1 || all == 1 ? 1 : shown > 4 ? 4 : shown;
	for (int i = 0; i < shown; i++) {
		int at = shown > 1 ? i * (all - 1) / (shown - 1) : all - 1, n;
		int64_t ms = at < v->times ? v->time[at] : v->ahead[at - v->times].time;
		int x = column_of_time(f, ms);

		buf_clear(&text);
		reading_put_time(&text, ms, v->span_ms, v->every_ms, f->period->zone);
		n = (int)text.n;
		x = i == 0 && shown > 1 ? 0 : i == shown - 1 ? f->width - n : x - n / 2;
		if (i && i < shown - 1 && (x <= end || x + n >= f->width - n))
			continue;               /* times that lie close together have no room for each */
		end = x + n;
		canvas_text(f->c, f->x + (x < 0 ? 0 : x), y, f->width, buf_get(&text), CANVAS_FAINT);
	}
	buf_release(&text);
}

static void
put_last(struct buf *to, const struct field *f, const struct curve *k)
{
	double last = NAN;

	for (int t = f->v->times; t-- > 0 && isnan(last); )
		last = k->value[t];
	buf_str(to, k->label);
	buf_byte(to, ' ');
	reading_put_mark(to, last, 0, last, f->w);
}

/* Bars over time, and areas that stand one on the other, are made of parts of columns. */
static int
has_parts(const struct field *f)
{
	return f->w->type == WIDGET_BAR_CHART || reading_is_stacked(f->v, f->w);
}

static uint32_t
shade_of(const struct canvas *c)
{
	return c->ascii ? ':' : 0x2591;
}

#define MORE_WIDE 14                    /* "and 12345 more" */
#define NAME_WIDE 10                    /* of a name that is cut */

/* The names of the curves with their last values, in as many lines as may be taken; behind them how many more there are. */
static void
draw_legend(struct field *f, int y, int lines)
{
	int x = 0, end = y + lines, i;

	for (i = 0; i < f->v->curves && y < end; i++) {
		struct buf text = {0};
		int wide, rest = f->v->curves - i - 1 + f->v->left_out, room;

		put_last(&text, f, &f->v->curve[i]);
		wide = width_of(buf_get(&text)) + 2;
		if (x && x + wide > f->width && y + 1 < end)
			x = 0, y++;
		room = f->width - x - (y + 1 == end && rest ? MORE_WIDE + 2 : 0);
		if (wide > room && room < NAME_WIDE) {
			buf_release(&text);
			break;
		}
		wide = wide > room ? room : wide;
		canvas_put(f->c, f->x + x, y, has_parts(f) ? texture(i, f->c->ascii) : f->c->ascii ? '*' : 0x25cf, curve_role(i));
		canvas_text(f->c, f->x + x + 2, y, wide - 2, buf_get(&text), CANVAS_PLAIN);
		x += wide + 2;
		buf_release(&text);
	}
	if (f->v->aheads && y < end && x + 10 <= f->width) {
		canvas_put(f->c, f->x + x, y, shade_of(f->c), CANVAS_CURVE);
		canvas_lit(f->c, f->x + x + 2, y, 8, "forecast", CANVAS_PLAIN);
	}
	if (f->v->curves - i + f->v->left_out > 0 && y < end)
		put_printf(f, f->x + x, y, f->width - x, CANVAS_FAINT, "and %d more", f->v->curves - i + f->v->left_out);
}

/* ---- what lies ahead */

/* A shade from the lower end of the interval to the upper one. */
static void
draw_interval(struct field *f, struct scale s)
{
	const struct reading *v = f->v;
	int k = 0;

	for (int x = v->aheads ? across(v, v->ahead[0].time, f->width) : f->width; x < f->width; x++) {
		const struct ahead *a, *b;
		double share, top, bottom;

		while (k + 1 < v->aheads && across(v, v->ahead[k + 1].time, f->width) <= x)
			k++;
		a = &v->ahead[k], b = k + 1 < v->aheads ? a + 1 : a;
		share = b > a ? (double)(x - across(v, a->time, f->width)) / (across(v, b->time, f->width) - across(v, a->time, f->width)) : 0;
		top = (1 - chart_part(a->upper + (b->upper - a->upper) * share, s.low, s.high)) * f->height;
		bottom = (1 - chart_part(a->lower + (b->lower - a->lower) * share, s.low, s.high)) * f->height;
		for (int y = 0; y < f->height; y++)
			if (y + 0.5 >= top && y + 0.5 <= bottom)
				canvas_put(f->c, f->x + x, f->y + y, shade_of(f->c), CANVAS_FAINT);
	}
}

static void
draw_mean(struct field *f, struct scale s)
{
	const struct reading *v = f->v;
	struct chart_dots d;
	int last_x = 0, last_y = 0, bottom = 4 * f->height - 1;

	chart_dots_init(&d, f->width, f->height);
	for (int k = 0; k < v->aheads; k++) {
		int x = across(v, v->ahead[k].time, 2 * f->width), y = (int)lround((1 - chart_part(v->ahead[k].mean, s.low, s.high)) * bottom);

		chart_stroke(&d, k ? last_x : x, k ? last_y : y, x, y);
		last_x = x, last_y = y;
	}
	put_dots(f, &d, CANVAS_CURVE);
}

/* ---- parts of columns, upwards and downwards from nothing */

/* So many of a plot's lines are above nothing. */
static int
lines_above(struct scale s, int height)
{
	int up = s.low < 0 ? (int)lround(chart_part(0, s.low, s.high) * -height + height) : height;

	return s.low < 0 && up == height && height > 1 ? up - 1 : s.high > 0 && up < 1 ? 1 : up;
}

/* The part of curve i between two values of one sign. What it ends in, where nothing stands on it (`ends`), is as exact as characters are. */
static void
put_part(struct field *f, int x, struct scale s, double from, double to, int i, int ends)
{
	const int up = lines_above(s, f->height), below = to < 0 || from < 0, most = below ? f->height - up : up;

	from = below ? from / s.low * most : s.high > 0 ? from / s.high * most : 0;
	to = fmin(most, below ? to / s.low * most : s.high > 0 ? to / s.high * most : 0);
	for (int line = (int)from; line < to; line++) {
		int y = f->y + (below ? up + line : up - 1 - line), eighths = (int)lround((to - line) * 8);
		double part = fmin(to, line + 1) - fmax(from, line);
		struct canvas_cell *there = canvas_at(f->c, f->x + x, y);
		enum canvas_role role = part * 2 >= fmin(to, line + 1) - line || !there->c[0] ? curve_role(i) : (enum canvas_role)there->role;

		if (!ends || eighths >= 8 || f->c->ascii) {
			if (part >= 0.5 || (ends && line == 0 && !there->c[0]))
				canvas_put(f->c, f->x + x, y, texture(i, f->c->ascii), curve_role(i));
		} else if (below && eighths >= 2) {
			canvas_put(f->c, f->x + x, y, eighths >= 6 ? texture(i, 0) : 0x2580, role);
		} else if (!below && (eighths || line == 0)) {
			canvas_put(f->c, f->x + x, y, 0x2580 + (uint32_t)(eighths ? eighths : 1), role);
		}
	}
}

/* The values of one time, one on the other. */
static void
put_stack(struct field *f, int x, struct scale s, const double *value, int n)
{
	double from[READING_CURVES], to[READING_CURVES];
	int last[2] = { -1, -1 };

	reading_stack(value, n, from, to);
	for (int i = 0; i < n; i++)
		last[value[i] < 0] = i;
	for (int i = 0; i < n; i++)
		put_part(f, x, s, from[i], to[i], i, i == last[value[i] < 0]);
}

/* Side by side, `each` columns wide; without room one in front of the other, the smallest last. */
static void
put_bars(struct field *f, int x, int wide, struct scale s, const double *value, int n)
{
	int each = wide / n, behind[READING_CURVES];

	for (int i = 0; i < n; i++) {
		int k = i;

		for (; k > 0 && fabs(value[behind[k - 1]]) < fabs(value[i]); k--)
			behind[k] = behind[k - 1];
		behind[k] = i;
	}
	for (int k = 0; k < n; k++) {
		int i = each ? k : behind[k];

		for (int column = 0; column < (each ? each : wide) && isfinite(value[i]); column++)
			put_part(f, x + (each ? i * each : 0) + column, s, 0, value[i], i, each || k == 0);
	}
}

static void
draw_upright(struct field *f, struct scale s)
{
	const struct reading *v = f->v;
	double step = (double)reading_step(v), span = (double)(v->time[v->times - 1] - v->time[0]) + step, slot = step / span * f->width, value[READING_CURVES];
	int wide = slot > 1 ? (int)slot : 1, n = v->curves < READING_CURVES ? v->curves : READING_CURVES, x, next;

	wide -= wide > 2;
	for (int t = 0, end = 1; t < v->times; t = end++) {
		x = (int)((double)(v->time[t] - v->time[0]) / span * f->width);
		for (; end < v->times && (next = (int)((double)(v->time[end] - v->time[0]) / span * f->width)) == x; end++)
			;
		reading_farthest(v, f->w, t, end, value);
		if (!reading_is_stacked(v, f->w))
			put_bars(f, x, wide, s, value, n);
		for (int k = 0; k < wide && reading_is_stacked(v, f->w); k++)
			put_stack(f, x + k, s, value, n);
	}
}

/* Areas one on the other: a column of their values at each place, straight on between two times. */
static void
draw_stack(struct field *f, struct scale s)
{
	const struct reading *v = f->v;
	double value[READING_CURVES];
	int t = 0;                              /* the first time at this place or behind it */

	for (int x = 0; x < f->width && t < v->times; x++) {
		int end = t;

		while (end < v->times && across(v, v->time[end], f->width) <= x)
			end++;
		if (end > t)
			reading_farthest(v, f->w, t, end, value);
		else if (t == 0)
			continue;
		for (int i = 0; i < v->curves && end == t; i++) {
			double before = v->curve[i].value[t - 1], then = v->curve[i].value[t];
			int from = across(v, v->time[t - 1], f->width), to = across(v, v->time[t], f->width);

			before = isfinite(before) ? before : 0, then = isfinite(then) ? then : 0;
			value[i] = before + (then - before) * (x - from) / (to - from);
		}
		put_stack(f, x, s, value, v->curves);
		t = end;
	}
}

static void
draw_curves(struct field *f)
{
	struct field plot;
	struct scale s = scale_of(f);
	int above, legend = f->v->curves > 1 || f->v->left_out || f->v->aheads ? (f->height >= 12 ? 2 : 1) : 0, marked = 0;

	if (!f->v->curves || !f->v->times) {
		put_nothing(f);
		return;
	}
	for (int i = 0; i < f->v->times; i++)
		marked |= f->v->mark[i];
	above = draw_unit(f);
	plot = plot_of(f, s, f->height - 1 - legend - marked - above);
	plot.y += above;
	if (plot.width < LEAST || plot.height < 1) {
		draw_legend(f, f->y, f->height);
		return;
	}
	draw_scale(&plot, s, plot.x - f->x);
	draw_interval(&plot, s);
	if (f->w->type == WIDGET_BAR_CHART)
		draw_upright(&plot, s);
	else if (has_parts(f))
		draw_stack(&plot, s);
	for (int i = 0; i < f->v->curves && !has_parts(f); i++)
		draw_curve(&plot, &f->v->curve[i], s, f->w->type == WIDGET_AREA_CHART, curve_role(i));
	draw_mean(&plot, s);
	for (int i = 0; i < f->v->times && marked; i++)
		if (f->v->mark[i])
			canvas_put(f->c, plot.x + across(f->v, f->v->time[i], plot.width), plot.y + plot.height, f->v->mark[i] & READING_ANOMALY ? '!' : '^',
			    f->v->mark[i] & READING_ANOMALY ? CANVAS_BAD : CANVAS_FAINT);
	draw_times(&plot, plot.y + plot.height + marked);
	if (legend)
		draw_legend(f, plot.y + plot.height + marked + 1, legend);
}

/* ---- numbers */

/* "+12.3% against 1,234" */
static enum canvas_role
put_change(struct buf *b, const struct reading *v, const struct widget *w, int ascii)
{
	double change = v->now - v->before;

	if (!isfinite(v->now) || !isfinite(v->before))
		return CANVAS_FAINT;
	if (change == 0)
		buf_lit(b, "as before");
	else if (v->before == 0)
		buf_lit(b, "nothing before");
	else {
		buf_lit(b, ascii ? "" : change > 0 ? "▲ " : "▼ ");
		reading_put_change(b, v);
		buf_lit(b, " from ");
		reading_put_value(b, v->before, w);
	}
	return v->before == 0 ? CANVAS_FAINT : change > 0 ? CANVAS_GOOD : change < 0 ? CANVAS_BAD : CANVAS_FAINT;
}

static void
draw_card(struct field *f)
{
	struct field plot = *f;
	struct buf text = {0};
	enum canvas_role role;

	reading_put_now(&text, f->v, f->w);
	if (width_of(buf_get(&text)) > f->width && isfinite(f->v->now)) {
		buf_clear(&text);
		reading_put_mark(&text, f->v->now, 0, f->v->now, f->w);
	}
	canvas_text(f->c, f->x, f->y, f->width, buf_get(&text), level_role(f->w, f->v->now, CANVAS_TITLE));
	buf_clear(&text);
	role = put_change(&text, f->v, f->w, f->c->ascii);
	canvas_text(f->c, f->x, f->y + 1, f->width, buf_get(&text), role);
	buf_clear(&text);
	plot.y += 2, plot.height -= 2;
	if (f->v->curves && plot.height > 1) {
		draw_curve(&plot, f->v->curve, scale_of(f), 1, CANVAS_CURVE);
	} else if (f->v->curves && plot.height == 1) {
		int n = f->v->times < f->width ? f->v->times : f->width;

		chart_spark(&text, f->v->curve->value + f->v->times - n, n, n, f->c->ascii);
		canvas_text(f->c, f->x, plot.y, f->width, buf_get(&text), CANVAS_CURVE);
	}
	buf_release(&text);
}

static void
draw_gauge(struct field *f)
{
	const struct reading *v = f->v;
	double share = (v->now - v->low) / (v->high - v->low);
	char percent[400];
	int room, y = f->y + (f->height > 3 ? (f->height - 3) / 2 : 0);

	if (isnan(v->now)) {
		put_nothing(f);
		return;
	}
	snprintf(percent, sizeof(percent), "%.0f%%", share * 100);
	room = f->width - 1 - (int)strlen(percent) > f->width / 2 ? f->width - 1 - (int)strlen(percent) : f->width / 2;
	put_number(f, f->x + f->width, y, room, v->now, CANVAS_TITLE);
	canvas_lit(f->c, f->x, y, f->width - room, percent, CANVAS_FAINT);
	for (int i = 0; i < f->width; i++)
		canvas_put(f->c, f->x + i, y + 1, f->c->ascii ? '-' : 0x2500, CANVAS_FRAME);
	canvas_bar(f->c, f->x, y + 1, fmax(0, fmin(1, share)) * f->width, f->width, level_role(f->w, v->now, share > 1 ? CANVAS_BAD : CANVAS_CURVE));
	if (f->height > 2) {
		struct buf text = {0};

		reading_put_mark(&text, v->low, 0, v->high, f->w);
		room = f->width - 1 - canvas_text(f->c, f->x, y + 2, f->width / 2, buf_get(&text), CANVAS_FAINT);
		put_number(f, f->x + f->width, y + 2, room, v->high, CANVAS_FAINT);
		buf_release(&text);
	}
}

/* ---- shares */

static int
widest_label(const struct reading *v, int most)
{
	int widest = 0;

	for (int i = 0; i < v->shares; i++) {
		int w = width_of(v->share[i].label);

		widest = w > widest ? w : widest;
	}
	return widest > most ? most : widest;
}

static double
most_of(const struct reading *v)
{
	double most = 0;

	for (int i = 0; i < v->shares; i++)
		most = fmax(most, fabs(v->share[i].value));
	return most;
}

static void
draw_more(struct field *f, int y, int more)
{
	if (more > 0)
		put_printf(f, f->x, y, f->width, CANVAS_FAINT, "and %d more", more);
}

/* The value farthest from nothing of several buckets: a peak is not lost where they share a column. */
static double
farthest(const struct reading *v, int from, int to)
{
	double far = 0;

	for (int i = from; i < to && i < v->shares; i++)
		if (isfinite(v->share[i].value) && fabs(v->share[i].value) > fabs(far))
			far = v->share[i].value;
	return far;
}

/* Below nothing: from there down, in whole and half lines. */
static void
put_downwards(struct canvas *c, int x, int y, double lines, int most)
{
	int halves = (int)lround(fmin(lines, most) * 2);

	if (halves < 1 && lines > 0)
		halves = 1;
	for (int i = 0; i < most && 2 * i < halves; i++)
		canvas_put(c, x, y + i, c->ascii ? '#' : halves - 2 * i > 1 ? 0x2588 : 0x2580, CANVAS_BAD);
}

/* Buckets of time, one beside the other: several to a column where there are more than columns. */
static void
draw_columns(struct field *f)
{
	const struct reading *v = f->v;
	struct field plot;
	double low = 0, high = 0;
	int wide, up, above;

	for (int i = 0; i < v->shares; i++)
		if (isfinite(v->share[i].value))
			low = fmin(low, v->share[i].value), high = fmax(high, v->share[i].value);
	if (high > low)
		reading_round(f->w, &low, &high);
	above = draw_unit(f);
	plot = plot_of(f, (struct scale){ low, high }, f->height - 1 - above);
	plot.y += above;
	if (plot.width < LEAST || plot.height < 1)
		return;
	draw_scale(&plot, (struct scale){ low, high }, plot.x - f->x);
	up = lines_above((struct scale){ low, high }, plot.height);
	wide = plot.width / (v->shares ? v->shares : 1);
	for (int x = 0; x < plot.width && high > low; x++) {
		int i = wide ? x / wide : (int)((int64_t)x * v->shares / plot.width);
		double value = wide ? farthest(v, i, i + 1) : farthest(v, i, (int)((int64_t)(x + 1) * v->shares / plot.width));

		if (wide > 2 && x % wide == wide - 1)
			continue;
		if (value > 0)
			canvas_column(f->c, plot.x + x, plot.y + up - 1, value / high * up, up, CANVAS_CURVE);
		else if (value < 0)
			put_downwards(f->c, plot.x + x, plot.y + up, value / low * (plot.height - up), plot.height - up);
	}
	if (v->shares) {
		canvas_text(f->c, plot.x, plot.y + plot.height, plot.width / 2, v->share[0].label, CANVAS_FAINT);
		canvas_right(f->c, plot.x + plot.width, plot.y + plot.height, plot.width / 2, v->share[v->shares - 1].label, CANVAS_FAINT);
	}
}

static void
draw_bars(struct field *f)
{
	const struct reading *v = f->v;
	int name = widest_label(v, f->width / 3), bar = f->width - name - 1 - 9, lines = v->shares < f->height ? v->shares : f->height;
	double most = most_of(v);

	if (v->curves) {
		draw_curves(f);
		return;
	}
	if (!v->shares) {
		put_nothing(f);
		return;
	}
	if (v->over_time) {
		draw_columns(f);
		return;
	}
	if (v->shares + (v->left_out > 0) > f->height)
		lines = f->height - 1;
	for (int i = 0; i < lines; i++) {
		canvas_text(f->c, f->x, f->y + i, name, v->share[i].label, CANVAS_PLAIN);
		if (bar >= LEAST && most > 0)
			canvas_bar(f->c, f->x + name + 1, f->y + i, fabs(v->share[i].value) / most * bar, bar, v->share[i].value < 0 ? CANVAS_BAD : CANVAS_CURVE);
		put_number(f, f->x + f->width, f->y + i, 8, v->share[i].value, CANVAS_PLAIN);
	}
	draw_more(f, f->y + lines, v->shares - lines + v->left_out);
}

/* Behind so many parts that are named: how many others there are, and what they come to. */
static void
draw_others(struct field *f, int named, int is_wide, double sum)
{
	double others = 0;
	int y = f->y + 2 + named;

	if (named < 0)
		return;
	for (int i = named; i < f->v->shares; i++)
		others += fmax(0, f->v->share[i].value);
	draw_more(f, y, f->v->shares - named + f->v->left_out);
	if (is_wide)
		put_number(f, f->x + f->width - 7, y, 8, others, CANVAS_FAINT);
	put_printf(f, f->x + f->width - 6, y, 6, CANVAS_FAINT, "%5.1f%%", others / sum * 100);
}

/* A bar cut into parts, and below it what they are. */
static void
draw_pie(struct field *f)
{
	const struct reading *v = f->v;
	double sum = 0, before = 0;
	int shown = v->shares < CANVAS_CURVES ? v->shares : CANVAS_CURVES, from = 0, is_wide = f->width >= 26;    /* else names rather than values */

	for (int i = 0; i < v->shares; i++)
		sum += fmax(0, v->share[i].value);
	if (sum <= 0) {
		put_nothing(f);
		return;
	}
	for (int i = 0; i < shown; i++) {
		int to = (int)lround((before += fmax(0, v->share[i].value)) / sum * f->width), y = f->y + 2 + i;
		uint32_t c = texture(i, f->c->ascii);

		for (; from < to; from++)
			canvas_put(f->c, f->x + from, f->y, c, curve_role(i));
		if (2 + i >= f->height || (2 + i == f->height - 1 && v->shares > i + 1))
			continue;
		canvas_put(f->c, f->x, y, c, curve_role(i));
		canvas_text(f->c, f->x + 2, y, f->width - 2 - (is_wide ? 16 : 7), v->share[i].label, CANVAS_PLAIN);
		if (is_wide)
			put_number(f, f->x + f->width - 7, y, 8, v->share[i].value, CANVAS_FAINT);
		put_printf(f, f->x + f->width - 6, y, 6, CANVAS_PLAIN, "%5.1f%%", fmax(0, v->share[i].value) / sum * 100);
	}
	if (v->shares + 2 > f->height || v->shares > shown)
		draw_others(f, f->height - 3 < shown ? f->height - 3 : shown, is_wide, sum);
	for (; from < f->width && v->shares > shown; from++)
		canvas_put(f->c, f->x + from, f->y, f->c->ascii ? '.' : 0x2591, CANVAS_FRAME);
}

static void
draw_funnel(struct field *f)
{
	const struct reading *v = f->v;
	int name = widest_label(v, f->width / 3), figures = f->width >= 40 ? 24 : 16, bar = f->width - name - 1 - figures, each = v->shares * 2 <= f->height ? 2 : 1;
	double first = v->shares ? v->share[0].value : 0;

	if (!v->shares) {
		put_nothing(f);
		return;
	}
	for (int i = 0; i < v->shares && i * each < f->height; i++) {
		double users = v->share[i].value, before = i ? v->share[i - 1].value : users;
		int y = f->y + i * each;

		canvas_text(f->c, f->x, y, name, v->share[i].label, CANVAS_PLAIN);
		if (bar >= LEAST && first > 0)
			canvas_bar(f->c, f->x + name + 1, y, users / first * bar, bar, CANVAS_CURVE);
		put_number(f, f->x + f->width - figures + 9, y, 8, users, CANVAS_TITLE);
		put_printf(f, f->x + f->width - figures + 10, y, 6, CANVAS_PLAIN, "%5.1f%%", first > 0 ? users / first * 100 : 0);
		if (figures > 16 && i)
			put_printf(f, f->x + f->width - 7, y, 7, before > 0 && users < before / 2 ? CANVAS_BAD : CANVAS_FAINT, "%s%5.1f%%", f->c->ascii ? ">" : "↳",
			    before > 0 ? users / before * 100 : 0);
	}
}

/* ---- grids */

static void
draw_grid(struct field *f)
{
	const struct grid *g = &f->v->grid;
	int is_share = f->w->type == WIDGET_RETENTION, name = 0, side = g->side ? 8 : 0, wide, columns, rows, from;
	double low = 0, high = 0;

	if (!g->rows || !g->columns || !chart_range(g->value, g->rows * g->columns, &low, &high)) {
		put_nothing(f);
		return;
	}
	for (int i = 0; i < g->rows; i++)
		name = width_of(g->row[i]) > name ? width_of(g->row[i]) : name;
	name = name > f->width / 3 ? f->width / 3 : name;
	wide = (f->width - name - 1 - side) / g->columns;
	wide = wide < 1 ? 1 : wide > 6 ? 6 : wide;
	columns = (f->width - name - 1 - side) / wide;
	columns = columns < 0 ? 0 : columns > g->columns ? g->columns : columns;
	from = is_share ? 0 : g->columns - columns;     /* the newest; of a triangle the first */
	rows = g->rows < f->height - 2 ? g->rows : f->height - 2;
	low = is_share ? 0 : fmin(low, 0), high = is_share ? 1 : high;
	for (int i = 0; i < rows; i++) {
		int row = f->w->by.n || f->w->query.p || is_share ? i : g->rows - rows + i, y = f->y + 1 + i;   /* of days the newest */

		canvas_text(f->c, f->x, y, name, g->row[row], CANVAS_PLAIN);
		if (side)
			canvas_right(f->c, f->x + name + 1 + side - 2, y, side - 2, g->side[row], CANVAS_FAINT);
		for (int k = 0; k < columns; k++) {
			double v = g->value[row * g->columns + from + k], heat = chart_part(v, low, high);
			int x = f->x + name + 1 + side + k * wide;

			if (isnan(v))
				continue;
			for (int p = 0; p < wide; p++)
				canvas_heat(f->c, x + p, y, heat);
			if (is_share && wide >= 4)
				put_printf(f, x, y, wide, (enum canvas_role)(CANVAS_HEAT + (int)fmax(0, fmin(heat * CANVAS_HEATS, CANVAS_HEATS - 1))), "%*.0f%%%*s", wide > 4 ? 4 : 3, v * 100,
				    wide > 5, "");
		}
	}
	for (int k = 0, end = 0; k < columns; k++) {
		int x = name + 1 + side + k * wide, room = f->width - x;         /* behind the last column too */

		if (x >= end && (k == 0 || width_of(g->column[from + k]) <= room))      /* whole, or not at all */
			end = x + canvas_text(f->c, f->x + x, f->y, room < 11 ? room : 11, g->column[from + k], CANVAS_FAINT) + 1;
	}
	if (!is_share && f->height > 3) {
		struct buf text = {0};
		int x = f->x + name + 1, y = f->y + rows + 1;

		reading_put_mark(&text, low, 0, high, f->w);
		x += canvas_text(f->c, x, y, 12, buf_get(&text), CANVAS_FAINT) + 1;
		for (int i = 0; i < 8; i++)
			canvas_heat(f->c, x++, y, i / 7.0);
		buf_clear(&text);
		reading_put_mark(&text, high, 0, high, f->w);
		x += 1 + canvas_text(f->c, x + 1, y, 12, buf_get(&text), CANVAS_FAINT) + 1;
		if (columns < g->columns || rows < g->rows)
			put_printf(f, x + 1, y, f->x + f->width - x - 1, CANVAS_FAINT, "%d of %d columns, %d of %d rows", columns, g->columns, rows, g->rows);
		buf_release(&text);
	} else if (rows < g->rows) {
		draw_more(f, f->y + rows + 1, g->rows - rows);
	}
}

/* ---- tables and lists */

static void
cell_text_of(struct buf *b, const struct cell *c, const struct zone *zone)
{
	buf_clear(b);
	reading_put_cell(b, c, zone);
}

/* Has a column numbers alone in these rows? */
static int
is_of_numbers(const struct answer *a, int column, int from, int rows)
{
	int number = rows > 0;

	for (int i = 0; i < rows && number; i++)
		number = answer_cell(a, from + i, column)->type != CELL_TEXT;
	return number;
}

/* Of a number's text what stands from its decimal point on. */
static int
behind_point(struct str number)
{
	size_t at = 0;

	while (at < number.n && number.p[at] != '.' && number.p[at] != 'e')
		at++;
	return (int)(number.n - at);
}

/* The last row stays to be seen. */
static int
limited_skip(const struct field *f, int rows)
{
	return f->skip < rows ? f->skip : rows > 0 ? rows - 1 : 0;
}

static void
draw_table(struct field *f)
{
	const struct answer *a = &f->v->table;
	int *wide = mem_new(2 * (size_t)a->columns * sizeof(*wide) + 1), *behind = wide + a->columns, x = f->x;     /* the point: so that one stands below another */
	int skip = limited_skip(f, a->rows), rows = a->rows - skip, lines = rows < f->height - 1 ? rows : f->height - 1;
	struct buf text = {0};

	if (!a->columns || !a->rows) {
		put_nothing(f);
		free(wide);
		return;
	}
	if (rows > lines)
		lines--;
	for (int k = 0; k < a->columns; k++) {
		int number = is_of_numbers(a, k, skip, lines), most = 0;

		for (int i = 0; i < lines; i++) {
			int after;

			cell_text_of(&text, answer_cell(a, skip + i, k), f->period->zone);
			after = number ? behind_point(buf_get(&text)) : 0;
			most = width_of(buf_get(&text)) - after > most ? width_of(buf_get(&text)) - after : most;
			behind[k] = after > behind[k] ? after : behind[k];
		}
		wide[k] = width_of(a->column[k]) > most + behind[k] ? width_of(a->column[k]) : most + behind[k];
	}
	for (int k = 0; k < a->columns && x < f->x + f->width; k++) {
		int room = f->x + f->width - x, w = wide[k] < room ? wide[k] : room, number = is_of_numbers(a, k, skip, lines);

		if (k == 0 && a->columns > 1 && w > f->width * 2 / 3)
			w = f->width * 2 / 3;
		if (number)
			canvas_right(f->c, x + w, f->y, w, a->column[k], CANVAS_FAINT);
		else
			canvas_text(f->c, x, f->y, w, a->column[k], CANVAS_FAINT);
		for (int i = 0; i < lines; i++) {
			cell_text_of(&text, answer_cell(a, skip + i, k), f->period->zone);
			if (number) {
				int short_of = w == wide[k] ? behind[k] - behind_point(buf_get(&text)) : 0;     /* cut there is no such place */

				canvas_right(f->c, x + w - short_of, f->y + 1 + i, w - short_of, buf_get(&text), CANVAS_PLAIN);
			} else {
				canvas_text(f->c, x, f->y + 1 + i, w, buf_get(&text), CANVAS_PLAIN);
			}
		}
		x += w + 2;
	}
	if (a->more)
		put_printf(f, f->x, f->y + 1 + lines, f->width, CANVAS_FAINT, "and more than %d more", rows - lines);
	else
		draw_more(f, f->y + 1 + lines, rows - lines);
	buf_release(&text);
	free(wide);
}

/* event and user, or state and alert: the first columns side by side, the rest behind them. */
static void
draw_list(struct field *f)
{
	const struct answer *a = &f->v->table;
	struct buf text = {0};

	if (!a->rows)
		canvas_lit(f->c, f->x, f->y, f->width, f->w->type == WIDGET_ALERT_LIST ? "no alerts" : "no events", CANVAS_FAINT);
	for (int i = 0, skip = limited_skip(f, a->rows); skip + i < a->rows && i < f->height; i++) {
		int x = 0, fires = 0;

		for (int k = 0; k < a->columns && x < f->width; k++) {
			const struct cell *c = answer_cell(a, skip + i, k);

			cell_text_of(&text, c, f->period->zone);
			if (text.n > 1 && text.p[0] == '{' && c->type == CELL_TEXT) {
				buf_clear(&text);
				reading_put_labels(&text, c->text);
			}
			if (!text.n)
				continue;
			fires |= f->w->type == WIDGET_ALERT_LIST && str_eq(buf_get(&text), STR("firing"));
			if (k == 0 && text.n == 19 && f->v->to - f->v->from <= DAY_MS + 1000) {        /* the day is known */
				memmove(text.p, text.p + 11, 8);
				text.n = 8;
			}
			x += canvas_text(f->c, f->x + x, f->y + i, f->width - x, buf_get(&text), k == 0 ? CANVAS_FAINT : fires ? CANVAS_BAD :
			    k == 1 ? CANVAS_TITLE : CANVAS_PLAIN) + 2;
		}
	}
	buf_release(&text);
}

static void
draw_text(struct field *f)
{
	struct buf text = {0};

	reading_put_prose(&text, f->w->type == WIDGET_CUSTOM ? STR("This widget is a module of the page in the browser.") : f->w->text);
	put_words(f, buf_get(&text), CANVAS_PLAIN);
	buf_release(&text);
}

/* ---- */

static void (*const drawers[WIDGET_TYPES])(struct field *) = {
	[WIDGET_METRIC_CARD] = draw_card, [WIDGET_LINE_CHART] = draw_curves, [WIDGET_AREA_CHART] = draw_curves, [WIDGET_BAR_CHART] = draw_bars,
	[WIDGET_PIE_CHART] = draw_pie, [WIDGET_TABLE] = draw_table, [WIDGET_FUNNEL_CHART] = draw_funnel, [WIDGET_HEATMAP] = draw_grid,
	[WIDGET_RETENTION] = draw_grid, [WIDGET_GAUGE] = draw_gauge, [WIDGET_EVENT_FEED] = draw_list, [WIDGET_ALERT_LIST] = draw_list, [WIDGET_TEXT] = draw_text, [WIDGET_CUSTOM] = draw_text,
};

static int
is_words(const struct widget *w)
{
	return w->type == WIDGET_TEXT || w->type == WIDGET_CUSTOM;
}

void
draw_widget(struct canvas *c, const struct drawing *d, int i, struct place p)
{
	const struct widget *w = &d->definition->widget[i];
	struct field f = { c, w, &d->readings[i], &d->period, p.x + 2, p.y + 1, p.w - 4, p.h - 2, i == d->chosen ? d->skip : 0 };
	struct buf range = {0};
	int title, n;

	canvas_box(c, p.x, p.y, p.w, p.h, i == d->chosen ? CANVAS_FOCUS : CANVAS_FRAME);
	canvas_put(c, p.x + 1, p.y, ' ', CANVAS_PLAIN);
	title = canvas_text(c, p.x + 2, p.y, p.w - 4, w->title, i == d->chosen ? CANVAS_CHOSEN : CANVAS_TITLE);
	canvas_put(c, p.x + 2 + title, p.y, ' ', CANVAS_PLAIN);
	reading_put_range(&range, f.v, w, &d->period);
	if (!is_words(w) && (n = width_of(buf_get(&range))) > 0 && n + title + 8 < p.w) {
		canvas_put(c, p.x + p.w - 3 - n, p.y, ' ', CANVAS_PLAIN);
		canvas_right(c, p.x + p.w - 2, p.y, n, buf_get(&range), CANVAS_FAINT);
		canvas_put(c, p.x + p.w - 2, p.y, ' ', CANVAS_PLAIN);
	}
	buf_release(&range);
	if (f.width < 1 || f.height < 1)
		return;
	if (d->asked && !d->asked[i])
		canvas_lit(c, f.x, f.y, f.width, c->ascii ? "..." : "…", CANVAS_FAINT);
	else if (f.v->err.code)
		put_words(&f, str_of(f.v->err.text), CANVAS_BAD);
	else
		drawers[w->type](&f);
}

void
draw_dashboard(struct canvas *c, const struct drawing *d, int width, int height, int ascii, struct place *places)
{
	const struct definition *def = d->definition;
	struct place *own = places ? places : mem_new((size_t)def->n * sizeof(*own) + 1);
	struct buf when = {0};
	struct civil t;
	int lines, taken;

	width = width < NARROWEST ? NARROWEST : width > WIDEST ? WIDEST : width;
	lines = layout_cells(def, width, height > 0 ? layout_unit(def, width, height - 1) : 3, own);
	canvas_init(c, width, lines + 1, ascii);
	time_civil(d->period.at + (d->period.zone ? zone_offset(d->period.zone, d->period.at) : 0), &t);
	buf_printf(&when, "%04d-%02d-%02d %02d:%02d:%02d", t.year, t.month, t.day, t.hour, t.minute, t.second);
	if (d->period.filter.n) {
		buf_lit(&when, "  /");
		buf_str(&when, d->period.filter);
	}
	taken = canvas_text(c, 0, 0, width, def->title, CANVAS_TITLE);
	if (taken + 2 + width_of(buf_get(&when)) <= width)
		canvas_right(c, width, 0, width - taken - 2, buf_get(&when), CANVAS_FAINT);
	for (int i = 0; i < def->n; i++) {
		own[i].y++;
		draw_widget(c, d, i, own[i]);
	}
	if (!def->n)
		canvas_lit(c, 0, 1, width, "this dashboard has no widgets", CANVAS_FAINT);
	buf_release(&when);
	if (!places)
		free(own);
}

/* ---- for who hears it */

static void
say(struct buf *to, struct str text)
{
	struct canvas line;
	struct buf out = {0};

	if (!text.n)
		return;
	canvas_init(&line, 2000, 1, 0);
	canvas_text(&line, 0, 0, 2000, text, CANVAS_PLAIN);
	canvas_print(&line, 0, &out);
	buf_add(to, out.p, out.n - 1);
	canvas_release(&line);
	buf_release(&out);
}

static void
say_curves(const struct reading *v, const struct widget *w, const struct period *p, struct buf *to)
{
	for (int i = 0; i < v->curves; i++) {
		const struct curve *k = &v->curve[i];
		int first = -1, last = -1, low = -1, high = -1;

		for (int t = 0; t < v->times; t++) {
			if (!isfinite(k->value[t]))
				continue;
			first = first < 0 ? t : first, last = t;
			low = low < 0 || k->value[t] < k->value[low] ? t : low;
			high = high < 0 || k->value[t] > k->value[high] ? t : high;
		}
		if (first < 0)
			continue;
		buf_lit(to, "  ");
		say(to, k->label);
		buf_lit(to, ": from ");
		reading_put_value(to, k->value[first], w);
		buf_lit(to, " at ");
		reading_put_time(to, v->time[first], v->span_ms, v->every_ms, p->zone);
		buf_lit(to, " to ");
		reading_put_value(to, k->value[last], w);
		buf_lit(to, " at ");
		reading_put_time(to, v->time[last], v->span_ms, v->every_ms, p->zone);
		buf_lit(to, "; lowest ");
		reading_put_value(to, k->value[low], w);
		buf_lit(to, ", highest ");
		reading_put_value(to, k->value[high], w);
		buf_lit(to, " at ");
		reading_put_time(to, v->time[high], v->span_ms, v->every_ms, p->zone);
		buf_byte(to, '\n');
	}
}

static void
say_ahead(const struct reading *v, const struct widget *w, const struct period *p, struct buf *to)
{
	const struct ahead *last = v->aheads ? &v->ahead[v->aheads - 1] : NULL;

	if (!last)
		return;
	buf_lit(to, "  forecast: ");
	reading_put_value(to, last->mean, w);
	buf_lit(to, " at ");
	reading_put_time(to, last->time, v->span_ms, v->every_ms, p->zone);
	buf_lit(to, ", between ");
	reading_put_value(to, last->lower, w);
	buf_lit(to, " and ");
	reading_put_value(to, last->upper, w);
	buf_byte(to, '\n');
}

static void
say_table(const struct reading *v, const struct period *p, struct buf *to)
{
	const struct answer *a = &v->table;
	struct buf text = {0};

	for (int i = 0; i < a->rows && i < 20; i++) {
		int said = 0;

		buf_lit(to, "  ");
		for (int k = 0; k < a->columns; k++) {
			if (answer_cell(a, i, k)->type == CELL_NULL)
				continue;
			buf_lit(to, said++ ? ", " : "");
			say(to, a->column[k]);
			buf_byte(to, ' ');
			cell_text_of(&text, answer_cell(a, i, k), p->zone);
			say(to, buf_get(&text));
		}
		buf_byte(to, '\n');
	}
	if (a->rows > 20)
		buf_printf(to, "  and %d more\n", a->rows - 20);
	if (!a->rows)
		buf_lit(to, "  nothing\n");
	buf_release(&text);
}

void
draw_plain(const struct drawing *d, struct buf *to)
{
	say(to, d->definition->title);
	buf_byte(to, '\n');
	for (int i = 0; i < d->definition->n; i++) {
		const struct widget *w = &d->definition->widget[i];
		const struct reading *v = &d->readings[i];

		say(to, w->title);
		if (!is_words(w) && reading_is_of_range(w)) {
			buf_lit(to, ", ");
			say(to, reading_range_of(w, &d->period));
		}
		buf_lit(to, ":");
		if (d->asked && !d->asked[i]) {
			buf_lit(to, " not known yet\n");
		} else if (v->err.code) {
			buf_lit(to, " failed: ");
			say(to, str_of(v->err.text));
			buf_byte(to, '\n');
		} else if (is_words(w)) {
			buf_byte(to, ' ');
			say(to, w->text);
			buf_byte(to, '\n');
		} else if (w->type == WIDGET_METRIC_CARD || w->type == WIDGET_GAUGE) {
			struct buf now = {0};

			reading_put_now(&now, v, w);
			buf_byte(to, ' ');
			say(to, buf_get(&now));         /* it may be a text of the data */
			buf_release(&now);
			if (isfinite(v->now) && isfinite(v->before)) {
				buf_lit(to, ", ");
				put_change(to, v, w, 1);
			}
			buf_byte(to, '\n');
		} else {
			buf_byte(to, '\n');
			if (v->curves)
				say_curves(v, w, &d->period, to), say_ahead(v, w, &d->period, to);
			else
				say_table(v, &d->period, to);
		}
	}
}
