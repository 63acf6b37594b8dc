/* picture.h - widgets as lines, areas and words: what draw.h does in characters, from the same readings. */
#ifndef DASH_PICTURE_H
#define DASH_PICTURE_H

#include "dash/draw.h"
#include "dash/pen.h"

#define PICTURE_COLUMN 100              /* points for a column of the grid, for a row */
#define PICTURE_ROW    60

/* The frame, the title and what is in it. */
void picture_widget(struct pen *, const struct drawing *, int widget, struct place);

/* Title, time and all widgets on a page of 12 columns; its height is layout_page's and PICTURE_TOP more. */
#define PICTURE_TOP 44
void picture_dashboard(struct pen *, const struct drawing *);

#endif
