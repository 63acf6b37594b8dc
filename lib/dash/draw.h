/* draw.h - widgets as characters: each type its own way, all from reading.h.
 *
 *      definition ─┐
 *      readings … ┴─► layout ─► draw ─► canvas ─► terminal, text
 */
#ifndef DASH_DRAW_H
#define DASH_DRAW_H

#include "dash/canvas.h"
#include "dash/layout.h"
#include "dash/reading.h"

struct drawing {
	const struct definition *definition;
	const struct reading *readings;    /* one for each widget */
	const char *asked;              /* a flag for each widget: 0, its values are still to come; NULL: all are there */
	struct period period;
	int chosen;                     /* the widget that the keys are at; -1: none */
	int skip;                       /* rows of its table or list that lie above what is seen */
	int is_plain;                   /* lines of text only, for who hears them: no frames, bars or curves */
};

/* One widget in its place. */
void draw_widget(struct canvas *, const struct drawing *, int widget, struct place);

/* All of it on a canvas of its own: a line with title and time, then the widgets. `height` that of the terminal, which rows of the grid
 * are fitted to; 0: as it comes. places: one for each widget, told; or NULL. canvas_release. */
void draw_dashboard(struct canvas *, const struct drawing *, int width, int height, int ascii, struct place *places);

/* The same in sentences, one fact a line. */
void draw_plain(const struct drawing *, struct buf *);

#endif
