/* canvas.h - a picture of characters: cells that the drawing fills, whatever shows them in the end (a terminal, a text, an image).
 *
 * What is drawn outside is left out. Texts of others are harmless here: control characters, marks that turn the direction of writing and
 * invisible ones are shown as \x1b, \u202e; bytes that are no UTF-8 as U+FFFD; at most two marks stay on a letter; a wide character at
 * the edge is a blank.
 */
#ifndef DASH_CANVAS_H
#define DASH_CANVAS_H

#include "base/buf.h"

#define CANVAS_CURVES 8
#define CANVAS_HEATS  16

/* What a cell means; its colour follows. Without colours nothing that matters is lost. */
enum canvas_role { CANVAS_PLAIN, CANVAS_FAINT, CANVAS_FRAME, CANVAS_TITLE, CANVAS_GOOD, CANVAS_BAD, CANVAS_FOCUS, CANVAS_CHOSEN,
    CANVAS_CURVE, CANVAS_HEAT = CANVAS_CURVE + CANVAS_CURVES,           /* HEAT … HEAT + 15: the background, from cold to hot */
    CANVAS_ROLES = CANVAS_HEAT + CANVAS_HEATS };

struct canvas_cell {
	uint32_t c[3];                  /* the character and its marks; c[0] 0: the right half of a wide one, or nothing was drawn */
	uint8_t role, wide;
};

struct canvas {
	int width, height, ascii;
	struct canvas_cell *cell;
};

void canvas_init(struct canvas *, int width, int height, int ascii);
void canvas_release(struct canvas *);
static inline struct canvas_cell *
canvas_at(const struct canvas *c, int x, int y)         /* within the canvas */
{
	return &c->cell[(size_t)y * (size_t)c->width + (size_t)x];
}

void canvas_put(struct canvas *, int x, int y, uint32_t character, enum canvas_role);
/* Text in at most `most` columns, cut with "…"; the columns that it took. canvas_right: so that it ends in front of column x. */
int canvas_text(struct canvas *, int x, int y, int most, struct str, enum canvas_role);
int canvas_right(struct canvas *, int x, int y, int most, struct str, enum canvas_role);
int canvas_lit(struct canvas *, int x, int y, int most, const char *, enum canvas_role);
void canvas_box(struct canvas *, int x, int y, int width, int height, enum canvas_role);
/* A bar of eighths to the right, of so many columns, in ASCII of whole ones; or one upwards, whose foot is at y. */
void canvas_bar(struct canvas *, int x, int y, double columns, int most, enum canvas_role);
void canvas_column(struct canvas *, int x, int y, double lines, int most, enum canvas_role);
/* A cell of a heat map: 0 cold … 1 hot. Where there are no colours the character tells it. */
void canvas_heat(struct canvas *, int x, int y, double heat);
char canvas_shade(double heat);                 /* the character of ASCII for it, ' ' to '@' */

/* As lines of text without blanks at their ends. colors: 0 none, 256, or 1 << 24 for the exact ones. */
void canvas_print(const struct canvas *, int colors, struct buf *);

/* The colour of a role: of 256 of a terminal (-1: its own), and exactly, 0xrrggbb, on a light page and on a dark one. */
int canvas_256(enum canvas_role);
uint32_t canvas_rgb(enum canvas_role, int dark);

#endif
