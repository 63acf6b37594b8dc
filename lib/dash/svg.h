/* svg.h - a pen that writes SVG, with the page's colours by class, light and dark. */
#ifndef DASH_SVG_H
#define DASH_SVG_H

#include "base/buf.h"
#include "dash/pen.h"

struct svg_pen { struct pen pen; struct buf *to; };
struct svg_pen svg_pen(struct buf *);

/* Around what the pen draws: of so many points, with a text that says what it shows (p NULL: none). `is_alone`: as a file of its own, with the
 * style that otherwise the page has. */
void svg_begin(struct buf *, double width, double height, struct str title, int is_alone);
void svg_end(struct buf *);
void svg_put_style(struct buf *);

/* A picture of a terminal that shows the canvas, on black. */
void svg_put_canvas(struct buf *, const struct canvas *, struct str title);

#endif
