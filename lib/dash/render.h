/* render.h - a dashboard as a file: what the name ends with says what kind.
 *
 *      .txt    as it stands in a terminal          .json   the values, widget by widget
 *      .svg    a picture                           .csv    widget, row, column, value: one line a value
 *      .term.svg  a picture of the terminal
 *      .html   a page with pictures and their tables, which needs nothing else
 */
#ifndef DASH_RENDER_H
#define DASH_RENDER_H

#include "dash/draw.h"

struct rendering {
	int width, ascii, colors;       /* of texts: columns; colors as canvas_print has them */
	int safe_csv;                   /* put ' in front of texts that a spreadsheet would take for a formula */
};

struct render_format { const char *name; void (*put)(const struct drawing *, const struct rendering *, struct buf *); };
extern const struct render_format render_formats[];             /* NULL name at the end */

/* By the end of a file's name, or the name of the format. NULL with ERR_USAGE. */
const struct render_format *render_find(const char *file, struct err *);

#endif
