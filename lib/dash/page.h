/* page.h - a dashboard as a page of HTML that needs nothing else: each widget a picture, and below it, to be opened, its table.
 *
 * No script, nothing loaded from anywhere; texts of others are text.
 */
#ifndef DASH_PAGE_H
#define DASH_PAGE_H

#include "dash/draw.h"

/* `more` goes in front of the widgets, as HTML; p NULL: nothing. */
void page_put(struct buf *, const struct drawing *, struct str more);

#define PAGE_ROWS 1000                  /* of a table at most */

#endif
