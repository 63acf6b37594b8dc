/* board.h - rows as they come, drawn as text: metric rows as curves and sparklines, anomalies marked, events counted and told,
 * alerts listed. What is drawn follows from the rows; nothing is configured.
 *
 *      row ─► board_row ─► lines, lists ─┬─► board_draw ─► text
 *                 board_show: which part ┴─► board_render ─► a file, of any kind that dashboards have
 */
#ifndef DASH_BOARD_H
#define DASH_BOARD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "dash/reading.h"
#include "dash/render.h"

struct board_spec {
	int ascii;
	int series;             /* lines of a metric at most, the largest first; 0: 8 */
	int points;             /* values of a series that are kept; 0: 1000 */
	int plain;              /* sentences, no pictures */
	const struct zone *zone;        /* of the times that are shown; NULL: UTC */
};

struct board;
struct board *board_new(const struct board_spec *);
void board_free(struct board *);

/* A row of any of the kinds of at-rows(5). ERR_INPUT: it is none of them. */
int board_row(struct board *, struct str row, struct err *);

/* From now on only series, events and alerts in which the filter's text stands, in any case, and of these what lies within the range: one that
 * counts back does so from the newest row. Both may be empty: all. What is not shown is kept, but for series that there is no room for: those of
 * the filter come first. ERR_USAGE: it is no range. */
int board_show(struct board *, struct str filter, struct str range, struct err *);

/* Back (< 0) or forth by eighths of the time that is shown: only what lies until then is shown, and a range that counts back does so from there. At
 * the newest row it goes on with what comes. board_is_back: it does not. */
void board_scrub(struct board *, int eighths);
int board_is_back(const struct board *);

/* The whole, in lines of `width` columns at most, each with a newline; at most `height` of them (0: as many as it takes). A line that
 * begins with '!' is one that wants to be seen. */
void board_draw(struct board *, int width, int height, struct buf *);

/* Parts of what board_draw drew last: alerts, anomalies, each metric's field, events. They stay the same from one picture to the next. The one at a
 * line; the next one (1) or the one before (-1), round at the ends, of NULL the first. NULL: there is none. */
const void *board_part_at(const struct board *, int line);
const void *board_part_next(const struct board *, const void *part, int by);
int board_part_line(const struct board *, const void *part, int *end);  /* its first line, and the first behind it; -1: it is not there */

/* The same as a file: as text what board_draw draws, else a dashboard with a chart for each metric and field, and tables of all values. */
int board_render(struct board *, const struct render_format *, const struct rendering *, struct buf *, struct err *);

#endif
