#include "dash/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/letter.h"
#include "base/mem.h"

#define DOTS_MOST 2000                  /* columns of dots */

int
chart_range(const double *v, int n, double *low, double *high)
{
	int some = 0;

	for (int i = 0; i < n; i++) {
		if (!isfinite(v[i]))
			continue;
		*low = some ? fmin(*low, v[i]) : v[i];
		*high = some ? fmax(*high, v[i]) : v[i];
		some = 1;
	}
	return some;
}

double
chart_part(double v, double low, double high)
{
	return high != low ? (v / 2 - low / 2) / (high / 2 - low / 2) : 0;      /* by halves: the ends of all doubles are too far apart for one */
}

void
chart_spark(struct buf *b, const double *v, int n, int width, int ascii)
{
	static const char levels[] = "_.:-=+*#";
	double low = 0, high = 0;
	int from = n > width ? n - width : 0;

	chart_range(v + from, n - from, &low, &high);
	low = fmin(low, 0);
	for (int i = n - from; i < width; i++)
		buf_byte(b, ' ');
	for (int i = from; i < n; i++) {
		int level = isfinite(v[i]) ? (int)(chart_part(v[i], low, high) * 7.999) : 0;

		if (!isfinite(v[i]))
			buf_byte(b, ' ');
		else if (ascii)
			buf_byte(b, levels[level]);
		else
			letter_put(b, 0x2581 + (unsigned)level);
	}
}

void
chart_number(struct buf *b, double v)
{
	static const char units[] = " kMGTP";
	int unit = 0;

	if (!isfinite(v)) {
		buf_byte(b, '-');
		return;
	}
	if (fabs(v) >= 999.95e15 || (v != 0 && fabs(v) < 0.00005)) {
		buf_printf(b, "%.0e", v);
		return;
	}
	if (fabs(v) < 100000 && v == floor(v)) {
		if (fabs(v) < 1000)
			buf_printf(b, "%.0f", v);
		else
			buf_printf(b, "%s%d,%03d", v < 0 ? "-" : "", (int)fabs(v) / 1000, (int)fabs(v) % 1000);
		return;
	}
	for (; fabs(v) >= 999.95 && unit < 5; unit++)
		v /= 1000;
	if (unit)
		buf_printf(b, "%.*f%c", fabs(v) < 9.9995 ? 2 : 1, v, units[unit]);
	else
		buf_printf(b, "%.*f", fabs(v) < 0.0995 ? 4 : fabs(v) < 9.995 ? 2 : 1, v);
}

void
chart_mark(struct buf *b, double v, double step)
{
	int digits = step >= 2 ? 0 : step >= 0.2 ? 1 : step >= 0.02 ? 2 : 3, room = fabs(v) < 1e4 ? 3 : fabs(v) < 1e5 ? 1 : 0;

	if (fabs(v) >= 1 && fabs(v) < 1e7 && fabs(step) < fabs(v) / 50) /* beyond the three digits of the above */
		buf_printf(b, "%.*f", digits < room ? digits : room, v);
	else
		chart_number(b, v);
}

/* ---- a curve */

void
chart_dots_init(struct chart_dots *d, int width, int height)
{
	*d = (struct chart_dots){ width > 0 ? width : 0, height > 0 ? height : 0, NULL };
	d->cell = mem_new((size_t)d->width * (size_t)d->height + 1);
}

void
chart_dots_release(struct chart_dots *d)
{
	free(d->cell);
	d->cell = NULL;
}

static void
dot(struct chart_dots *d, int x, int y)
{
	static const uint8_t bit[4][2] = { { 1, 8 }, { 2, 16 }, { 4, 32 }, { 64, 128 } };

	if (x >= 0 && x < 2 * d->width && y >= 0 && y < 4 * d->height)
		d->cell[y / 4 * d->width + x / 2] |= bit[y % 4][x % 2];
}

/* From one value to the next: every dot between, so that a jump is a line. */
void
chart_stroke(struct chart_dots *d, int x0, int y0, int x1, int y1)
{
	int steps = abs(x1 - x0) > abs(y1 - y0) ? abs(x1 - x0) : abs(y1 - y0);

	for (int i = 0; i <= steps; i++)
		dot(d, x0 + (x1 - x0) * i / (steps ? steps : 1), y0 + (y1 - y0) * i / (steps ? steps : 1));
}

uint32_t
chart_dots_at(const struct chart_dots *d, int x, int y, int ascii)
{
	uint8_t c = d->cell[y * d->width + x];

	return !c ? ' ' : !ascii ? 0x2800u + c : c & 0x1b ? (c & 0xe4 ? '|' : '\'') : '.';
}

double
chart_round_up(double v)
{
	double unit = v > 0 && isfinite(v) ? pow(10, floor(log10(v))) : 1;

	return v <= unit ? unit : v <= 2 * unit ? 2 * unit : v <= 5 * unit ? 5 * unit : 10 * unit;
}

static void
put_scale(struct buf *b, int line, int height, double low, double high, int ascii)
{
	struct buf number = {0};

	if (line == 0 || line == height - 1)
		chart_number(&number, line ? low : high);
	for (size_t i = number.n; i < CHART_SCALE - 2; i++)
		buf_byte(b, ' ');
	buf_str(b, buf_get(&number));
	if (ascii)
		buf_lit(b, " |");
	else
		buf_lit(b, number.n ? " ┤" : " │");
	buf_release(&number);
}

void
chart_line(struct buf *b, const double *v, const char *marks, int n, int width, int height, int ascii)
{
	struct chart_dots d;
	double low = 0, high = 0;
	int from, across, last_x = 0, last_y = 0, drawn = 0, marked = 0;

	if (width - CHART_SCALE < 2 || height < 1 || width - CHART_SCALE > DOTS_MOST)
		return;
	chart_dots_init(&d, width - CHART_SCALE, height);
	from = n > 2 * d.width ? n - 2 * d.width : 0;
	across = n - from;
	chart_range(v + from, across, &low, &high);
	if (low > 0 && low < high / 2)          /* from nothing, unless that would flatten the curve */
		low = 0;
	for (int i = 0; i < across; i++) {
		int x = across > 1 ? i * (2 * d.width - 1) / (across - 1) : 2 * d.width - 1, y;

		if (!isfinite(v[from + i])) {
			drawn = 0;
			continue;
		}
		y = (int)lround((1 - chart_part(v[from + i], low, high)) * (4 * height - 1));
		chart_stroke(&d, drawn ? last_x : x, drawn ? last_y : y, x, y);
		last_x = x, last_y = y, drawn = 1;
	}
	for (int line = 0; line < height; line++) {
		put_scale(b, line, height, low, high, ascii);
		for (int x = 0; x < d.width; x++)
			letter_put(b, chart_dots_at(&d, x, line, ascii));
		buf_byte(b, '\n');
	}
	for (int i = 0; marks && i < across; i++)
		marked |= marks[from + i];
	if (marked) {
		char *line = mem_new((size_t)d.width + 1);

		memset(line, ' ', (size_t)d.width);
		for (int i = 0; i < across; i++)
			if (marks[from + i])
				line[(across > 1 ? i * (2 * d.width - 1) / (across - 1) : 2 * d.width - 1) / 2] = '!';
		for (int i = 0; i < CHART_SCALE; i++)
			buf_byte(b, ' ');
		buf_lit(b, line);
		buf_byte(b, '\n');
		free(line);
	}
	chart_dots_release(&d);
}
