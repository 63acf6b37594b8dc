/* total.h - numbers as they are written, and sums of them that come out as a person would add them.
 *
 * A decimal with up to nine places and below 1e18 is added in units of 1e-9 in 128 bits: exactly, so that 0.1 + 0.2 is
 * 0.3, the order of rows does not matter, and sums of sums equal the sum. What does not fit (1e300, twelve places) goes
 * into a second, compensated sum of doubles (Neumaier 1974), added at the end.
 */
#ifndef WINDOW_TOTAL_H
#define WINDOW_TOTAL_H

#include "base/buf.h"
#include "json/json.h"

struct number {
	double   value;
	__int128 nano;          /* value * 1e9, where `exact` */
	int      exact;
};

/* A JSON number, or a string that holds one (as CSV gives it). 1, or 0 when it is none. */
int number_read(struct json, struct number *);

struct total {
	__int128 nano;
	double   rest, lost;    /* the compensated sum of what is not exact */
	uint64_t n;             /* numbers added */
};

void total_add(struct total *, const struct number *);
void total_merge(struct total *, const struct total *from);
double total_get(const struct total *);
void total_put(const struct total *, struct buf *);     /* as a JSON number: all its digits where exact */

/* Text for states: "NANO;REST;N". 0, or -1 when it is none. */
void total_write(const struct total *, struct buf *);
int total_read(struct str text, struct total *);

/* Nano units as a decimal: 1500000000 is 1.5. */
void total_put_nano(__int128 nano, struct buf *);

#endif
