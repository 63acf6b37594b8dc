#include "dash/layout.h"

#include <stdlib.h>

#include "base/mem.h"

#define UNIT_LEAST 3
#define UNIT_MOST  8

/* What a widget takes where nothing else is said: columns and rows of the grid; and the fewest lines that show something of it. */
static const struct { int w, h, lines; } sizes[WIDGET_TYPES] = {
	[WIDGET_METRIC_CARD] = { 3, 2, 5 }, [WIDGET_LINE_CHART] = { 6, 4, 8 }, [WIDGET_AREA_CHART] = { 6, 4, 8 }, [WIDGET_BAR_CHART] = { 6, 4, 6 },
	[WIDGET_PIE_CHART] = { 4, 4, 6 }, [WIDGET_TABLE] = { 6, 4, 6 }, [WIDGET_FUNNEL_CHART] = { 6, 4, 6 }, [WIDGET_HEATMAP] = { 6, 4, 8 },
	[WIDGET_RETENTION] = { 6, 4, 8 }, [WIDGET_GAUGE] = { 3, 2, 5 }, [WIDGET_EVENT_FEED] = { 6, 4, 6 }, [WIDGET_ALERT_LIST] = { 6, 4, 5 },
	[WIDGET_TEXT] = { 12, 1, 3 }, [WIDGET_CUSTOM] = { 4, 2, 3 },
};

struct item { const struct widget *widget; int number; };

/* As they are read: by rows, then from left to right; those without a position last, as they came. */
static int
by_reading(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (!x->widget->w != !y->widget->w)
		return !x->widget->w - !y->widget->w;
	if (x->widget->w && x->widget->y != y->widget->y)
		return x->widget->y - y->widget->y;
	if (x->widget->w && x->widget->x != y->widget->x)
		return x->widget->x - y->widget->x;
	return x->number - y->number;
}

static struct item *
in_order(const struct definition *d)
{
	struct item *item = mem_new((size_t)d->n * sizeof(*item) + 1);

	for (int i = 0; i < d->n; i++)
		item[i] = (struct item){ &d->widget[i], i };
	if (d->n)
		qsort(item, (size_t)d->n, sizeof(*item), by_reading);
	return item;
}

static int
limited(int v, int least, int most)
{
	return v < least ? least : v > most ? most : v;
}

/* Where it comes to lie: from column x on, or, x < 0, where it is highest. */
static int
drop(int floor[DEFINITION_COLUMNS], int *x, int w, int height)
{
	int best = -1, y = 0;

	for (int at = *x < 0 ? 0 : *x; at <= (*x < 0 ? DEFINITION_COLUMNS - w : *x); at++) {
		int top = 0;

		for (int i = at; i < at + w; i++)
			if (floor[i] > top)
				top = floor[i];
		if (best < 0 || top < y)
			best = at, y = top;
	}
	for (int i = best; i < best + w; i++)
		floor[i] = y + height;
	*x = best;
	return y;
}

/* Rows of a widget without a position: a text has those that its lines take. */
static int
rows_of(const struct widget *w)
{
	int lines = 1;

	for (size_t i = 0; w->type == WIDGET_TEXT && i < w->text.n; i++)
		lines += w->text.p[i] == '\n';
	return w->h && w->w ? w->h : sizes[w->type].h + limited(lines / 2, 0, 10);
}

/* Rows of the grid become lines; a column of the grid is `width` / 12. */
static int
place(const struct definition *d, int width, int unit, int is_page, struct place *out)
{
	struct item *item = in_order(d);
	int floor[DEFINITION_COLUMNS] = {0}, total = 0, narrow = !is_page && width < LAYOUT_NARROW;

	for (int i = 0; i < d->n; i++) {
		const struct widget *w = item[i].widget;
		struct place *p = &out[item[i].number];
		int columns = narrow ? DEFINITION_COLUMNS : limited(w->w ? w->w : sizes[w->type].w, 1, DEFINITION_COLUMNS);
		int x = narrow ? 0 : w->w ? limited(w->x, 0, DEFINITION_COLUMNS - columns) : -1, least = is_page ? 0 : sizes[w->type].lines;

		p->h = limited(rows_of(w), 1, 50) * unit;
		p->h = p->h < least ? least : p->h;
		if (narrow && p->h > 12)
			p->h = 12;
		p->y = drop(floor, &x, columns, p->h);
		p->x = x * width / DEFINITION_COLUMNS;
		p->w = (x + columns) * width / DEFINITION_COLUMNS - p->x;
		total = p->y + p->h > total ? p->y + p->h : total;
	}
	free(item);
	return total;
}

int
layout_cells(const struct definition *d, int width, int unit, struct place *out)
{
	return place(d, width, unit, 0, out);
}

int
layout_unit(const struct definition *d, int width, int height)
{
	struct place *out = mem_new((size_t)d->n * sizeof(*out) + 1);
	int unit = UNIT_MOST;

	while (unit > UNIT_LEAST && place(d, width, unit, 0, out) > height)
		unit--;
	free(out);
	return unit;
}

int
layout_page(const struct definition *d, int column, int row, struct place *out)
{
	return place(d, column * DEFINITION_COLUMNS, row, 1, out);
}
