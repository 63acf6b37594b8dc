/* board.h - rows as they come, drawn as text: metric rows as curves and sparklines, anomalies marked, events counted and told,
 * alerts listed. What is drawn follows from the rows; nothing is configured.
 */
#ifndef DASH_BOARD_H
#define DASH_BOARD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct board_spec {
	int ascii;
	int series;             /* lines of a metric at most, the largest first; 0: 8 */
	int points;             /* values of a series that are kept; 0: 1000 */
	int plain;              /* sentences, no pictures */
	struct str filter;      /* only series, events and alerts in which this text stands, in any case; p NULL: all */
};

struct board;
struct board *board_new(const struct board_spec *);
void board_free(struct board *);

/* A row of any of the kinds of at-rows(5). ERR_INPUT: it is none of them. */
int board_row(struct board *, struct str row, struct err *);

/* The whole, in lines of `width` columns at most, each with a newline; at most `height` of them (0: as many as it takes). A line that
 * begins with '!' is one that wants to be seen. */
void board_draw(struct board *, int width, int height, struct buf *);

#endif
