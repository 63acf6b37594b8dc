#include "dash/picture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/letter.h"
#include "base/mem.h"
#include "base/time.h"
#include "base/width.h"
#include "dash/chart.h"

#define SIZE  11.0                      /* of ordinary words */
#define LINE  16.0
#define SCALE 46.0                      /* in front of a curve */
#define MOST  4000                      /* points of a curve: the others are between them */

double
pen_length(struct str text, double size)
{
	return width_of(text) * size * 0.56;
}

struct field {
	struct pen *pen;
	const struct widget *w;
	const struct reading *v;
	const struct period *period;
	double x, y, width, height;
};

static enum canvas_role
curve_role(int i)
{
	return (enum canvas_role)(CANVAS_CURVE + i % CANVAS_CURVES);
}

static enum canvas_role
level_role(const struct widget *w, double v, enum canvas_role otherwise)
{
	static const enum canvas_role roles[] = { [LEVEL_GOOD] = CANVAS_GOOD, [LEVEL_WARN] = CANVAS_CURVE + 1, [LEVEL_BAD] = CANVAS_BAD };
	int level = reading_level(w, v);

	return level ? roles[level] : otherwise;
}

/* As much of it as has room, then "…". */
static void
put_text(struct field *f, double x, double y, enum pen_anchor anchor, double room, double size, int bold, enum canvas_role role, struct str text)
{
	struct buf cut = {0};
	int columns = (int)(room / (size * 0.56));

	if (columns < 1 || !text.n)
		return;
	if (width_of(text) > columns)
		width_put(&cut, text, columns, 0, 0);
	f->pen->text(f->pen, x, y, anchor, size, bold, role, cut.n ? buf_get(&cut) : text);
	buf_release(&cut);
}

static void
put_words(struct field *f, double x, double y, enum pen_anchor anchor, double room, enum canvas_role role, struct str text)
{
	put_text(f, x, y, anchor, room, SIZE, 0, role, text);
}

static void
put_value(struct field *f, double x, double y, double room, double size, int bold, enum canvas_role role, double v)
{
	struct buf text = {0};

	reading_put_value(&text, v, f->w);
	put_text(f, x, y, PEN_RIGHT, room, size, bold, role, buf_get(&text));
	buf_release(&text);
}

static void
put_nothing(struct field *f)
{
	put_words(f, f->x, f->y + LINE, PEN_LEFT, f->width, CANVAS_FAINT, STR("no data"));
}

static void
put_line(struct field *f, double x0, double y0, double x1, double y1, double width, enum canvas_role role)
{
	const double xy[] = { x0, y0, x1, y1 };

	f->pen->line(f->pen, xy, 2, width, role);
}

/* ---- curves */

static double
across(const struct field *f, int64_t ms)
{
	const double step = f->w->type == WIDGET_BAR_CHART ? (double)reading_step(f->v) : 0;     /* a bar has its step's room */
	int64_t first = f->v->time[0], last = reading_end(f->v);

	if (step > 0)
		return f->x + ((double)(ms - first) + step / 2) / ((double)(last - first) + step) * f->width;
	return f->x + (last > first ? (double)(ms - first) / (double)(last - first) * f->width : f->width);
}

static double
up(const struct field *f, double v, double low, double high)
{
	return f->y + f->height - chart_part(v, low, high) * f->height;
}

static void
draw_curve(struct field *f, const struct curve *k, double low, double high, int filled, enum canvas_role role)
{
	double *xy = mem_new(((size_t)f->v->times + 2) * 2 * sizeof(*xy));
	int n = 0;

	for (int i = 0; i <= f->v->times; i++) {
		if (i < f->v->times && isfinite(k->value[i])) {
			xy[2 * n] = across(f, f->v->time[i]);
			xy[2 * n++ + 1] = up(f, k->value[i], low, high);
			continue;
		}
		if (n && filled) {
			double base = fmin(f->y + f->height, fmax(f->y, up(f, 0, low, high))), last = xy[2 * n - 2], first = xy[0];

			xy[2 * n] = last, xy[2 * n + 1] = base, xy[2 * n + 2] = first, xy[2 * n + 3] = base;
			f->pen->area(f->pen, xy, n + 2, role);
		}
		if (n == 1)
			f->pen->rect(f->pen, xy[0] - 1.5, xy[1] - 1.5, 3, 3, role);
		else if (n)
			f->pen->line(f->pen, xy, n, 1.6, role);
		n = 0;
	}
	free(xy);
}

/* What lies ahead: the interval, and in it the mean, in dashes. */
static void
draw_ahead(struct field *f, double low, double high)
{
	const struct ahead *a = f->v->ahead;
	const size_t n = (size_t)f->v->aheads;
	double *xy = mem_new((4 * n + 1) * sizeof(*xy));

	for (size_t k = 0; k < n; k++) {
		xy[2 * k] = xy[2 * (2 * n - 1 - k)] = across(f, a[k].time);
		xy[2 * k + 1] = up(f, a[k].upper, low, high);
		xy[2 * (2 * n - 1 - k) + 1] = up(f, a[k].lower, low, high);
	}
	if (n > 1)
		f->pen->area(f->pen, xy, 2 * (int)n, CANVAS_CURVE);
	for (size_t k = 0; k + 1 < n; k++) {
		double x = xy[2 * k], y = up(f, a[k].mean, low, high), dx = xy[2 * k + 2] - x, dy = up(f, a[k + 1].mean, low, high) - y;
		int dashes = (int)fmin(hypot(dx, dy) / 8, 1000) + 1;

		for (int i = 0; i < dashes; i++)
			put_line(f, x + dx * i / dashes, y + dy * i / dashes, x + dx * (i + 0.6) / dashes, y + dy * (i + 0.6) / dashes, 1.6, CANVAS_CURVE);
	}
	if (n == 1)
		put_line(f, xy[0], xy[1], xy[2], xy[3], 1.6, CANVAS_CURVE);
	free(xy);
}

/* Bars over time: of each curve one beside the other, or on it. */
static void
draw_upright(struct field *f, double low, double high)
{
	const struct reading *v = f->v;
	const int n = v->curves < READING_CURVES ? v->curves : READING_CURVES, stacked = reading_is_stacked(v, f->w);
	double step = (double)reading_step(v), span = (double)(v->time[v->times - 1] - v->time[0]) + step, slot = step / span * f->width;
	double wide = fmax(slot * 0.8 / (stacked ? 1 : n), 0.5), value[READING_CURVES], from[READING_CURVES] = { 0 }, to[READING_CURVES];

	for (int t = 0, end = 1; t < v->times; t = end++) {
		double x = f->x + (double)(v->time[t] - v->time[0]) / span * f->width;

		while (end < v->times && (double)(v->time[end] - v->time[t]) / span * f->width < 0.5)
			end++;
		reading_farthest(v, f->w, t, end, value);
		if (stacked)
			reading_stack(value, n, from, to);
		for (int i = 0; i < n; i++) {
			double foot = up(f, from[i], low, high), head = isfinite(value[i]) ? up(f, stacked ? to[i] : value[i], low, high) : foot;

			if (head != foot)
				f->pen->rect(f->pen, x + slot * 0.1 + (stacked ? 0 : i * wide), fmin(head, foot), fmax(wide - (stacked || slot < 4 ? 0 : 0.5), 0.5), fabs(head - foot), curve_role(i));
		}
	}
}

/* Areas one on the other; what has no value at a time is nothing there. */
static void
draw_stack(struct field *f, double low, double high)
{
	const struct reading *v = f->v;
	const size_t times = (size_t)v->times;
	double *xy = mem_new(4 * times * sizeof(*xy)), value[READING_CURVES], from[READING_CURVES], to[READING_CURVES];

	for (int i = 0; i < v->curves; i++) {
		for (size_t t = 0; t < times; t++) {
			for (int k = 0; k <= i; k++)
				value[k] = v->curve[k].value[t];
			reading_stack(value, i + 1, from, to);
			xy[2 * t] = xy[2 * (2 * times - 1 - t)] = across(f, v->time[t]);
			xy[2 * t + 1] = up(f, to[i], low, high);
			xy[2 * (2 * times - 1 - t) + 1] = up(f, from[i], low, high);
		}
		f->pen->area(f->pen, xy, 2 * v->times, curve_role(i));
		f->pen->line(f->pen, xy, v->times, 1.3, curve_role(i));
	}
	free(xy);
}

#define MARKS 4

/* Marks from above to below. */
static int
marks_of(double height)
{
	return height > 120 ? MARKS : 2;
}

static void
put_mark(const struct field *f, double low, double high, int i, int lines, struct buf *to)
{
	reading_put_mark(to, i == lines ? low : high - (high - low) * i / lines, (high - low) / lines, fmax(fabs(low), fabs(high)), f->w);
}

/* What is left of a field behind its scale, which is as wide as its marks want it; a unit too long to stand at each stands above them. */
static struct field
plot_of(struct field *f, double low, double high, double below)
{
	struct field plot = *f;
	double scale = SCALE, above = 6;
	int lines = marks_of(f->height - below - above);

	for (int i = 0; i <= lines; i++) {
		struct buf text = {0};

		put_mark(f, low, high, i, lines, &text);
		scale = fmax(scale, pen_length(buf_get(&text), 10) + 12);
		buf_release(&text);
	}
	if (width_of(f->w->unit) > READING_UNIT && f->height > 60) {
		put_text(f, f->x, f->y + 6, PEN_LEFT, f->width, 10, 0, CANVAS_FAINT, f->w->unit);
		above += LINE - 2;
	}
	scale = fmin(scale, f->width / 3);
	plot.x += scale, plot.width -= scale, plot.y += above, plot.height -= above + below;
	return plot;
}

static void
draw_scale(struct field *f, double low, double high, double room)
{
	int lines = marks_of(f->height);

	for (int i = 0; i <= lines; i++) {
		double y = f->y + f->height * i / lines;
		struct buf text = {0};

		put_mark(f, low, high, i, lines, &text);
		put_line(f, f->x, y, f->x + f->width, y, 0.5, CANVAS_FRAME);
		put_text(f, f->x - 6, y + 3.5, PEN_RIGHT, room - 6, 10, 0, CANVAS_FAINT, buf_get(&text));
		buf_release(&text);
	}
}

static void
draw_times(struct field *f)
{
	struct buf text = {0};
	double end = -1;                /* of the words before */
	int shown = (int)(f->width / 110), all = f->v->times + f->v->aheads;

	shown = shown < 1 ? 1 : shown > 7 ? 7 : shown;
	for (int i = 0; i <= shown && f->v->times && f->v->time[f->v->times - 1] > 100000; i++) {
		int at = i * (all - 1) / shown;
		int64_t ms = at < f->v->times ? f->v->time[at] : f->v->ahead[at - f->v->times].time;
		double wide, from;

		buf_clear(&text);
		reading_put_time(&text, ms, f->v->span_ms, f->v->every_ms, f->period->zone);
		wide = fmin(pen_length(buf_get(&text), 10), 110) + 6;
		from = across(f, ms) - (i == 0 ? 0 : i == shown ? wide : wide / 2);
		if (i && (from < end || (i < shown && from + wide > f->x + f->width - wide)))
			continue;                       /* times that lie close together have no room for each */
		end = from + wide;
		put_text(f, across(f, ms), f->y + f->height + 13, i == 0 && all > 1 ? PEN_LEFT : i == shown || all == 1 ? PEN_RIGHT : PEN_MIDDLE, 110, 10, 0, CANVAS_FAINT, buf_get(&text));
	}
	buf_release(&text);
}

#define MORE_WIDE 90.0                  /* "and 12345 more" */

/* The names of the curves in a line, and how many more there are. */
static void
draw_legend(struct field *f, double y)
{
	double x = f->x;
	struct buf text = {0};
	int i;

	for (i = 0; i < f->v->curves; i++) {
		double length = pen_length(f->v->curve[i].label, SIZE), room = f->x + f->width - x - 14 - (f->v->curves - i - 1 + f->v->left_out ? MORE_WIDE : 0);

		if (room < fmin(length, 60))
			break;
		f->pen->rect(f->pen, x, y - 8, 9, 9, curve_role(i));
		put_words(f, x + 13, y, PEN_LEFT, room, CANVAS_PLAIN, f->v->curve[i].label);
		x += 13 + fmin(length, room) + 16;
	}
	if (f->v->aheads && f->x + f->width - x > 70) {
		const double square[] = { x, y - 8, x + 9, y - 8, x + 9, y + 1, x, y + 1 };

		f->pen->area(f->pen, square, 4, CANVAS_CURVE);
		put_words(f, x + 13, y, PEN_LEFT, 60, CANVAS_PLAIN, STR("forecast"));
		x += 80;
	}
	if (f->v->curves - i + f->v->left_out > 0) {
		buf_printf(&text, "and %d more", f->v->curves - i + f->v->left_out);
		put_words(f, x, y, PEN_LEFT, f->x + f->width - x, CANVAS_FAINT, buf_get(&text));
	}
	buf_release(&text);
}

static void
draw_curves(struct field *f)
{
	struct field plot;
	double low, high;
	int legend = f->v->curves > 1 || f->v->aheads;

	if (!f->v->curves || !f->v->times) {
		put_nothing(f);
		return;
	}
	reading_scale(f->v, f->w, &low, &high);
	plot = plot_of(f, low, high, 18 + (legend ? LINE : 0));
	if (plot.width < 20 || plot.height < 10)
		return;
	draw_scale(&plot, low, high, plot.x - f->x);
	draw_ahead(&plot, low, high);
	if (f->w->type == WIDGET_BAR_CHART)
		draw_upright(&plot, low, high);
	else if (reading_is_stacked(f->v, f->w))
		draw_stack(&plot, low, high);
	else
		for (int i = 0; i < f->v->curves; i++)
			draw_curve(&plot, &f->v->curve[i], low, high, f->w->type == WIDGET_AREA_CHART, curve_role(i));
	for (int i = 0; i < f->v->times; i++)
		if (f->v->mark[i])
			put_line(&plot, across(&plot, f->v->time[i]), plot.y, across(&plot, f->v->time[i]), plot.y + plot.height, 1, f->v->mark[i] & READING_ANOMALY ? CANVAS_BAD : CANVAS_FAINT);
	draw_times(&plot);
	if (legend)
		draw_legend(f, f->y + f->height - 2);
}

/* ---- numbers */

static void
draw_card(struct field *f)
{
	struct field plot = *f;
	struct buf text = {0};
	double low, high, change = f->v->now - f->v->before;

	reading_put_now(&text, f->v, f->w);
	put_text(f, f->x, f->y + 24, PEN_LEFT, f->width, 24, 1, level_role(f->w, f->v->now, CANVAS_TITLE), buf_get(&text));
	buf_clear(&text);
	if (isfinite(change) && f->v->before != 0) {
		reading_put_change(&text, f->v);
		buf_lit(&text, " from ");
		reading_put_value(&text, f->v->before, f->w);
	} else if (isfinite(change)) {
		buf_lit(&text, change ? "nothing before" : "as before");
	}
	put_words(f, f->x, f->y + 41, PEN_LEFT, f->width, f->v->before == 0 ? CANVAS_FAINT : change > 0 ? CANVAS_GOOD : change < 0 ? CANVAS_BAD : CANVAS_FAINT,
	    buf_get(&text));
	buf_release(&text);
	plot.y += 48, plot.height -= 48;
	if (f->v->curves && f->v->times && plot.height > 10) {
		reading_scale(f->v, f->w, &low, &high);
		draw_curve(&plot, f->v->curve, low, high, 1, CANVAS_CURVE);
	}
}

static void
draw_gauge(struct field *f)
{
	const struct reading *v = f->v;
	double share = (v->now - v->low) / (v->high - v->low), y = f->y + f->height / 2;
	struct buf text = {0};

	if (isnan(v->now)) {
		put_nothing(f);
		return;
	}
	reading_put_value(&text, v->now, f->w);
	put_text(f, f->x, y - 6, PEN_LEFT, f->width, 20, 1, level_role(f->w, v->now, CANVAS_TITLE), buf_get(&text));
	buf_release(&text);
	f->pen->rect(f->pen, f->x, y, f->width, 12, CANVAS_FRAME);
	f->pen->rect(f->pen, f->x, y, f->width * fmax(0, fmin(1, share)), 12, level_role(f->w, v->now, share > 1 ? CANVAS_BAD : CANVAS_CURVE));
	buf_printf(&text, "%.0f%%", share * 100);
	put_words(f, f->x, y + 26, PEN_LEFT, f->width / 2, CANVAS_FAINT, buf_get(&text));
	put_value(f, f->x + f->width, y + 26, f->width / 2, SIZE, 0, CANVAS_FAINT, v->high);
	buf_release(&text);
}

/* ---- shares */

static double
label_room(const struct field *f)
{
	double most = 0;

	for (int i = 0; i < f->v->shares && i < 100; i++)
		most = fmax(most, pen_length(f->v->share[i].label, SIZE));
	return fmin(most + 8, f->width / 3);
}

static double
most_of(const struct reading *v)
{
	double most = 0;

	for (int i = 0; i < v->shares; i++)
		most = fmax(most, fabs(v->share[i].value));
	return most > 0 ? most : 1;
}

static void
put_more(struct field *f, double y, int more)
{
	struct buf text = {0};

	if (more > 0) {
		buf_printf(&text, "and %d more", more);
		put_words(f, f->x, y, PEN_LEFT, f->width, CANVAS_FAINT, buf_get(&text));
	}
	buf_release(&text);
}

static void
draw_columns(struct field *f)
{
	struct field plot;
	double low = 0, high = 0, zero, wide;

	for (int i = 0; i < f->v->shares; i++)
		if (isfinite(f->v->share[i].value))
			low = fmin(low, f->v->share[i].value), high = fmax(high, f->v->share[i].value);
	if (high <= low)
		high = low + 1;
	reading_round(f->w, &low, &high);
	plot = plot_of(f, low, high, 18);
	draw_scale(&plot, low, high, plot.x - f->x);
	zero = plot.y + (1 - chart_part(0, low, high)) * plot.height;
	wide = plot.width / f->v->shares;
	for (int i = 0; i < f->v->shares; i++) {
		double value = isfinite(f->v->share[i].value) ? f->v->share[i].value : 0, end = plot.y + (1 - chart_part(value, low, high)) * plot.height;

		plot.pen->rect(plot.pen, plot.x + i * wide, fmin(zero, end), fmax(wide * 0.85, 0.5), fabs(end - zero), value < 0 ? CANVAS_BAD : CANVAS_CURVE);
	}
	put_text(f, plot.x, plot.y + plot.height + 13, PEN_LEFT, 110, 10, 0, CANVAS_FAINT, f->v->share[0].label);
	put_text(f, plot.x + plot.width, plot.y + plot.height + 13, PEN_RIGHT, 110, 10, 0, CANVAS_FAINT, f->v->share[f->v->shares - 1].label);
}

/* Rows with a name, a bar, a value and, of a funnel, the shares behind it. */
static void
draw_bars(struct field *f)
{
	const struct reading *v = f->v;
	int is_funnel = f->w->type == WIDGET_FUNNEL_CHART, rows = (int)(f->height / LINE);
	double name = label_room(f), figures = is_funnel ? 172 : 76, bar = f->width - name - figures, most = is_funnel && v->shares ? fmax(v->share[0].value, 1) : most_of(v);
	double each = LINE;

	if (v->curves) {
		draw_curves(f);
		return;
	}
	if (!v->shares) {
		put_nothing(f);
		return;
	}
	if (v->over_time && !is_funnel) {
		draw_columns(f);
		return;
	}
	if (v->shares < rows)
		each = fmin(f->height / v->shares, 44);
	rows = v->shares + (v->left_out > 0) > rows ? rows - 1 : v->shares;
	for (int i = 0; i < rows; i++) {
		double y = f->y + i * each, value = v->share[i].value;
		struct buf text = {0};

		put_words(f, f->x, y + each / 2 + 4, PEN_LEFT, name, CANVAS_PLAIN, v->share[i].label);
		if (bar > 10)
			f->pen->rect(f->pen, f->x + name, y + 2, fabs(value) / most * bar, each - 4, value < 0 ? CANVAS_BAD : CANVAS_CURVE);
		put_value(f, f->x + f->width - (is_funnel ? 98 : 0), y + each / 2 + 4, 74, SIZE, 1, CANVAS_PLAIN, value);
		if (is_funnel) {
			double before = i ? v->share[i - 1].value : value;

			buf_printf(&text, "%.1f%%", v->share[0].value > 0 ? value / v->share[0].value * 100 : 0);
			put_words(f, f->x + f->width - 48, y + each / 2 + 4, PEN_RIGHT, 46, CANVAS_PLAIN, buf_get(&text));
			buf_clear(&text);
			buf_printf(&text, "%.1f%%", before > 0 ? value / before * 100 : 0);
			if (i)
				put_words(f, f->x + f->width, y + each / 2 + 4, PEN_RIGHT, 46, CANVAS_FAINT, buf_get(&text));
		}
		buf_release(&text);
	}
	put_more(f, f->y + rows * each + 12, v->shares - rows + v->left_out);
}

static void
draw_pie(struct field *f)
{
	const struct reading *v = f->v;
	double sum = 0, x = f->x;
	int shown = v->shares < CANVAS_CURVES ? v->shares : CANVAS_CURVES;

	for (int i = 0; i < v->shares; i++)
		sum += fmax(0, v->share[i].value);
	if (sum <= 0) {
		put_nothing(f);
		return;
	}
	for (int i = 0; i < shown; i++) {
		double share = fmax(0, v->share[i].value) / sum, y = f->y + 24 + (i + 1) * LINE;
		struct buf text = {0};

		f->pen->rect(f->pen, x, f->y + 2, share * f->width, 18, curve_role(i));
		x += share * f->width;
		if (y > f->y + f->height)
			continue;
		f->pen->rect(f->pen, f->x, y - 9, 9, 9, curve_role(i));
		put_words(f, f->x + 14, y, PEN_LEFT, f->width - 130, CANVAS_PLAIN, v->share[i].label);
		put_value(f, f->x + f->width - 46, y, 70, SIZE, 0, CANVAS_FAINT, v->share[i].value);
		buf_printf(&text, "%.1f%%", share * 100);
		put_words(f, f->x + f->width, y, PEN_RIGHT, 44, CANVAS_PLAIN, buf_get(&text));
		buf_release(&text);
	}
	if (v->shares > shown) {
		double y = f->y + 24 + (shown + 1) * LINE, others = 0;
		struct buf text = {0};

		for (int i = shown; i < v->shares; i++)
			others += fmax(0, v->share[i].value);
		f->pen->rect(f->pen, x, f->y + 2, f->x + f->width - x, 18, CANVAS_FRAME);
		if (y <= f->y + f->height) {
			put_more(f, y, v->shares - shown + v->left_out);
			put_value(f, f->x + f->width - 46, y, 70, SIZE, 0, CANVAS_FAINT, others);
			buf_printf(&text, "%.1f%%", others / sum * 100);
			put_words(f, f->x + f->width, y, PEN_RIGHT, 44, CANVAS_FAINT, buf_get(&text));
		}
		buf_release(&text);
	}
}

/* ---- grids */

static void
draw_grid(struct field *f)
{
	const struct grid *g = &f->v->grid;
	int is_share = f->w->type == WIDGET_RETENTION, rows, every;
	double low = 0, high = 0, name = 0, longest = 0, side = g->side ? 52 : 0, wide, tall;

	if (!g->rows || !g->columns || !chart_range(g->value, g->rows * g->columns, &low, &high)) {
		put_nothing(f);
		return;
	}
	for (int i = 0; i < g->rows; i++)
		name = fmax(name, pen_length(g->row[i], 10));
	name = fmin(name + 8, f->width / 3);
	wide = (f->width - name - side) / g->columns;
	rows = (int)((f->height - LINE) / 12) < g->rows ? (int)((f->height - LINE) / 12) : g->rows;
	tall = rows > 0 ? fmin((f->height - LINE) / rows, 40) : 0;
	low = is_share ? 0 : fmin(low, 0), high = is_share ? 1 : high;
	for (int i = 0; i < rows; i++) {
		int row = f->w->by.n || f->w->query.p || is_share ? i : g->rows - rows + i;
		double y = f->y + LINE + i * tall;

		put_text(f, f->x, y + tall / 2 + 4, PEN_LEFT, name, 10, 0, CANVAS_PLAIN, g->row[row]);
		if (side)
			put_text(f, f->x + name + side - 8, y + tall / 2 + 4, PEN_RIGHT, side, 10, 0, CANVAS_FAINT, g->side[row]);
		for (int k = 0; k < g->columns; k++) {
			double v = g->value[row * g->columns + k], heat = fmax(0, fmin(1, chart_part(v, low, high))), x = f->x + name + side + k * wide;
			struct buf text = {0};

			if (isnan(v))
				continue;
			f->pen->rect(f->pen, x, y, wide - (wide > 3), tall - 1, (enum canvas_role)(CANVAS_HEAT + (int)fmin(heat * CANVAS_HEATS, CANVAS_HEATS - 1)));
			if (is_share && wide > 30)
				buf_printf(&text, "%.0f%%", v * 100);
			else if (wide > 34)
				reading_put_mark(&text, v, 0, v, f->w);
			/* white on dark cells; on light ones the darkest of the cells' colours */
			put_text(f, x + wide / 2, y + tall / 2 + 4, PEN_MIDDLE, wide, 10, 0, heat > 0.6 ? CANVAS_HEAT : CANVAS_ROLES, buf_get(&text));
			buf_release(&text);
		}
	}
	for (int k = 0; k < g->columns; k++)
		longest = fmax(longest, pen_length(g->column[k], 10) + 8);
	every = wide > 0 ? (int)(fmin(longest, 120) / wide) + 1 : 1;
	for (int k = 0; k < g->columns && (k == 0 || (k + 0.5) * wide + longest / 2 <= g->columns * wide + 8); k += every)
		put_text(f, f->x + name + side + k * wide + wide / 2, f->y + 10, PEN_MIDDLE, wide * every, 10, 0, CANVAS_FAINT, g->column[k]);
}

/* ---- tables and lists */

static void
cell_text_of(struct buf *b, const struct cell *c, const struct zone *zone, int is_list)
{
	buf_clear(b);
	if (is_list && c->type == CELL_TEXT && c->text.n && c->text.p[0] == '{')
		reading_put_labels(b, c->text);
	else
		reading_put_cell(b, c, zone);
}

static void
draw_table(struct field *f)
{
	const struct answer *a = &f->v->table;
	int is_list = f->w->type == WIDGET_EVENT_FEED || f->w->type == WIDGET_ALERT_LIST, rows = (int)(f->height / LINE) - !is_list;
	double x = f->x;
	struct buf text = {0};

	if (!a->rows || !a->columns) {
		put_words(f, f->x, f->y + LINE, PEN_LEFT, f->width, CANVAS_FAINT, f->w->type == WIDGET_ALERT_LIST ? STR("no alerts") : is_list ? STR("no events") : STR("no data"));
		return;
	}
	rows = a->rows > rows ? rows - !is_list : a->rows;
	for (int k = 0; k < a->columns && x < f->x + f->width - 20; k++) {
		double wide = is_list ? 0 : pen_length(a->column[k], SIZE), room;
		int number = rows > 0;

		for (int i = 0; i < rows; i++) {
			cell_text_of(&text, answer_cell(a, i, k), f->period->zone, is_list);
			wide = fmax(wide, pen_length(buf_get(&text), SIZE));
			number &= answer_cell(a, i, k)->type != CELL_TEXT;
		}
		if (wide == 0)
			continue;
		room = fmin(wide, f->x + f->width - x);
		if (k == 0 && a->columns > 1 && !is_list)
			room = fmin(room, f->width * 2 / 3);    /* and what it is about is seen too */
		if (!is_list)
			put_words(f, number ? x + room : x, f->y + 12, number ? PEN_RIGHT : PEN_LEFT, room + SIZE, CANVAS_FAINT, a->column[k]);
		for (int i = 0; i < rows; i++) {
			cell_text_of(&text, answer_cell(a, i, k), f->period->zone, is_list);
			put_words(f, number ? x + room : x, f->y + 12 + (i + !is_list) * LINE, number ? PEN_RIGHT : PEN_LEFT, room + 1,
			    f->w->type == WIDGET_ALERT_LIST && str_eq(buf_get(&text), STR("firing")) ? CANVAS_BAD : CANVAS_PLAIN, buf_get(&text));
		}
		x += room + 16;
	}
	if (!is_list)
		put_more(f, f->y + 12 + (rows + 1) * LINE, a->rows - rows);
	buf_release(&text);
}

static void
put_prose(struct field *f, struct str text, enum canvas_role role)
{
	struct str line, word;
	struct buf row = {0};
	double y = f->y + 12;

	while (text.n && y <= f->y + f->height + 4 && str_cut(&text, '\n', &line)) {
		int bold = line.n && *line.p == '#';

		while (bold && line.n && (*line.p == '#' || *line.p == ' '))
			line.p++, line.n--;
		while (line.n && str_cut(&line, ' ', &word)) {
			if (row.n && pen_length(buf_get(&row), SIZE) + pen_length(word, SIZE) > f->width) {
				put_text(f, f->x, y, PEN_LEFT, f->width, SIZE, bold, role, buf_get(&row));
				buf_clear(&row);
				y += LINE;
			}
			buf_lit(&row, row.n ? " " : "");
			buf_str(&row, word);
		}
		put_text(f, f->x, y, PEN_LEFT, f->width, SIZE, bold, role, buf_get(&row));
		buf_clear(&row);
		y += LINE;
	}
	buf_release(&row);
}

static void
draw_text(struct field *f)
{
	struct buf text = {0};

	reading_put_prose(&text, f->w->type == WIDGET_CUSTOM ? STR("This widget is a module of the page in the browser.") : f->w->text);
	put_prose(f, buf_get(&text), CANVAS_PLAIN);
	buf_release(&text);
}

static void (*const drawers[WIDGET_TYPES])(struct field *) = {
	[WIDGET_METRIC_CARD] = draw_card, [WIDGET_LINE_CHART] = draw_curves, [WIDGET_AREA_CHART] = draw_curves, [WIDGET_BAR_CHART] = draw_bars,
	[WIDGET_PIE_CHART] = draw_pie, [WIDGET_TABLE] = draw_table, [WIDGET_FUNNEL_CHART] = draw_bars, [WIDGET_HEATMAP] = draw_grid,
	[WIDGET_RETENTION] = draw_grid, [WIDGET_GAUGE] = draw_gauge, [WIDGET_EVENT_FEED] = draw_table, [WIDGET_ALERT_LIST] = draw_table,
	[WIDGET_TEXT] = draw_text, [WIDGET_CUSTOM] = draw_text,
};

void
picture_widget(struct pen *pen, const struct drawing *d, int i, struct place p)
{
	const struct widget *w = &d->definition->widget[i];
	struct field f = { pen, w, &d->readings[i], &d->period, p.x + 14, p.y + 32, p.w - 28, p.h - 44 };
	struct buf range = {0};
	int is_words = w->type == WIDGET_TEXT || w->type == WIDGET_CUSTOM;

	pen->frame(pen, p.x + 4, p.y + 4, p.w - 8, p.h - 8, CANVAS_FRAME);
	put_text(&f, f.x, p.y + 22, PEN_LEFT, f.width - (is_words ? 0 : 50), 12, 1, CANVAS_TITLE, w->title);
	reading_put_range(&range, f.v, w, &d->period);
	if (!is_words)
		put_text(&f, f.x + f.width, p.y + 22, PEN_RIGHT, f.width - pen_length(w->title, 12), 10, 0, CANVAS_FAINT, buf_get(&range));
	buf_release(&range);
	if (f.v->err.code)
		put_prose(&f, str_of(f.v->err.text), CANVAS_BAD);
	else
		drawers[w->type](&f);
}

void
picture_dashboard(struct pen *pen, const struct drawing *d)
{
	struct place *place = mem_new((size_t)d->definition->n * sizeof(*place) + 1);
	struct field head = { .pen = pen };
	struct buf when = {0};
	struct civil t;

	time_civil(d->period.at + (d->period.zone ? zone_offset(d->period.zone, d->period.at) : 0), &t);
	buf_printf(&when, "%04d-%02d-%02d %02d:%02d:%02d", t.year, t.month, t.day, t.hour, t.minute, t.second);
	put_text(&head, 8, 28, PEN_LEFT, 900, 18, 1, CANVAS_TITLE, d->definition->title);
	put_text(&head, 12 * PICTURE_COLUMN - 8, 28, PEN_RIGHT, 250, SIZE, 0, CANVAS_FAINT, buf_get(&when));
	layout_page(d->definition, PICTURE_COLUMN, PICTURE_ROW, place);
	for (int i = 0; i < d->definition->n; i++) {
		place[i].y += PICTURE_TOP;
		picture_widget(pen, d, i, place[i]);
	}
	buf_release(&when);
	free(place);
}
