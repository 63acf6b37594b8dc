/* prompt.h - what lies over and below a picture on the screen: a line that is typed where the status stands, and the keys that there are.
 *
 * For both of at-dash's pictures, dashboards (live.h) and rows (cmd/at-dash/rows.c): the same keys ask for the same things in the same words.
 */
#ifndef DASH_PROMPT_H
#define DASH_PROMPT_H

#include "base/buf.h"
#include "dash/canvas.h"

struct prompt {
	const char *label;              /* of what is typed, "filter"; NULL: nothing is */
	const char *const *offers;      /* what tab goes through, NULL at their end; or NULL */
	struct buf typed;
};

extern const char *const prompt_ranges[];       /* offers: 15m, 1h, … */

/* Begin with a text that may be changed. The label and the offers are borrowed. */
void prompt_begin(struct prompt *, const char *label, struct str text, const char *const *offers);
void prompt_release(struct prompt *);

/* A key of screen.h. 1: it was the last one, `typed` has the answer; 0: it goes on, or it was given up. */
int prompt_key(struct prompt *, int key);

/* The line, of so many columns, of a long one its end; the column where the next letter comes is returned. */
int prompt_put(const struct prompt *, int width, struct buf *);

/* What else stands in the status: a message, or the range and the filter that hold, and some keys. */
void prompt_put_state(struct buf *, const struct buf *message, const struct buf *range, const struct buf *filter, const char *keys);

/* A file's name to offer: of the letters, digits, - and _ of an id. */
void prompt_put_file(struct buf *, struct str id);

/* Lines of keys on a canvas of its own, framed. canvas_release. */
void prompt_help(struct canvas *, int width, int height, int ascii, const char *keys);

#endif
