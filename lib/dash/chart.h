/* chart.h - curves in text: a line of dots in Braille characters (two across and four down in each), or bars of eighths.
 *
 * Everything is appended as UTF-8; in plain ASCII on request. Values that are NAN leave a gap.
 */
#ifndef DASH_CHART_H
#define DASH_CHART_H

#include "base/buf.h"

/* `width` characters of bars, one a value, the last at the right; from the least (or 0, if that is less) to the greatest. */
void chart_spark(struct buf *, const double *, int n, int width, int ascii);

/* A curve of width × height characters with a scale at its left (its SCALE columns come with the width), line by line, each with a
 * newline. `marks`: n flags, or NULL: where one is set the column has a '!' in the line below. */
#define CHART_SCALE 9
void chart_line(struct buf *, const double *, const char *marks, int n, int width, int height, int ascii);

/* A number in 7 characters at most: 12345, 123.4k, 1.2M, 0.0012. */
void chart_number(struct buf *, double);

#endif
