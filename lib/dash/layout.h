/* layout.h - where each widget stands: its position on the grid of 12 columns, in the cells of a terminal or the points of a page.
 *
 * As in the browser, widgets fall upwards until they lie on another, so that positions that overlap or leave holes are no matter.
 * Where there is room for one column only, they stand one below the other in the order of reading.
 */
#ifndef DASH_LAYOUT_H
#define DASH_LAYOUT_H

#include "dash/definition.h"

struct place { int x, y, w, h; };

#define LAYOUT_NARROW 64                /* columns of a terminal below which there is one column */

/* Of a terminal `width` columns wide, `unit` lines for a row of the grid. One place for each widget; the height of all is returned. */
int layout_cells(const struct definition *, int width, int unit, struct place *);

/* The lines for a row of the grid with which the whole is about as high as asked for; at least 3. */
int layout_unit(const struct definition *, int width, int height);

/* Of a page: points for a column and for a row. */
int layout_page(const struct definition *, int column, int row, struct place *);

#endif
