/* chart.h - curves in text: a line of dots in Braille characters (two across and four down in each), or bars of eighths.
 *
 * Everything is appended as UTF-8; in plain ASCII on request. Values that are NAN leave a gap.
 */
#ifndef DASH_CHART_H
#define DASH_CHART_H

#include <stdint.h>

#include "base/buf.h"

/* `width` characters of bars, one a value, the last at the right; from the least (or 0, if that is less) to the greatest. */
void chart_spark(struct buf *, const double *, int n, int width, int ascii);

/* A curve of width × height characters with a scale at its left (its SCALE columns come with the width), line by line, each with a
 * newline. `marks`: n flags, or NULL: where one is set the column has a '!' in the line below. */
#define CHART_SCALE 9
void chart_line(struct buf *, const double *, const char *marks, int n, int width, int height, int ascii);

/* A number in 7 characters at most: 12,345, 123.4k, 1.2M, 0.0012, 2e+308. */
/* The same at a scale whose marks are `step` apart: marks that say the same say nothing. */
void chart_mark(struct buf *, double, double step);
void chart_number(struct buf *, double);

/* ---- what curves are made of */

struct chart_dots { int width, height; uint8_t *cell; };        /* in characters; the bits of a Braille pattern in each */
void chart_dots_init(struct chart_dots *, int width, int height);       /* empty; chart_dots_release */
void chart_dots_release(struct chart_dots *);
void chart_stroke(struct chart_dots *, int x0, int y0, int x1, int y1); /* every dot from one to the other; those outside are left out */
uint32_t chart_dots_at(const struct chart_dots *, int x, int y, int ascii);     /* the character there; ' ' where there is no dot */

int chart_range(const double *, int n, double *low, double *high);      /* least and greatest of what is there; 0: nothing is */
double chart_part(double v, double low, double high);   /* how far v lies from the one to the other, 0 to 1; 0 where they are one */
double chart_round_up(double);          /* the next of 1, 2, 5, 10, 20, … that is not below; 1 for 0 and less */

#endif
