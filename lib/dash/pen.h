/* pen.h - lines, areas and words on a page, whatever the page is: SVG (svg.c), PDF (pdf.c).
 *
 * Points, x to the right and y down. Colours are the roles of canvas.h. Words of others come as they are: a pen makes them harmless.
 */
#ifndef DASH_PEN_H
#define DASH_PEN_H

#include "base/str.h"
#include "dash/canvas.h"

enum pen_anchor { PEN_LEFT, PEN_MIDDLE, PEN_RIGHT };

struct pen {
	void (*rect)(struct pen *, double x, double y, double w, double h, enum canvas_role);                   /* filled */
	void (*frame)(struct pen *, double x, double y, double w, double h, enum canvas_role);
	void (*line)(struct pen *, const double *xy, int n, double width, enum canvas_role);                    /* through n points */
	void (*area)(struct pen *, const double *xy, int n, enum canvas_role);                                  /* within n points, lightly */
	void (*text)(struct pen *, double x, double y, enum pen_anchor, double size, int bold, enum canvas_role, struct str);
};

/* The length of a text in points, about: that of Helvetica. */
double pen_length(struct str, double size);

#endif
