/* width.h - text in the cells of a terminal: how many it takes, cut or filled to so many, and harmless to it. */
#ifndef BASE_WIDTH_H
#define BASE_WIDTH_H

#include "base/buf.h"

/* Cells that the text takes: wide characters two, combining ones none (Unicode's East Asian Width, the ranges that matter;
 * wcwidth would depend on the locale). */
int width_of(struct str);

/* The text within `width` cells: filled with blanks at one side, or cut with "…" ("~" where only ASCII is wanted). */
void width_put(struct buf *, struct str, int width, int right, int ascii);

/* Control characters are shown, as \n, \t and \x1b: those of C1 too, which some terminals obey; so are bytes that are no UTF-8. */
void width_put_shown(struct buf *, struct str);

void width_repeat(struct buf *, const char *text, int times);

#endif
