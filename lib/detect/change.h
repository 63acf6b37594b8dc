/* change.h - change points of one series: when its level, its trend or its variation became another, and by how much.
 *
 * What is usual is a slow profile: means for each hour of the week (of the day before a week was seen, of the last 64 values
 * before a day was), a drift once a trend was found, and mean distances for each hour of the day. A value's distance from
 * it, in units of those, goes into cumulative sums (Page, Biometrika 41, 1954):
 *
 *      level, trend     sum of distances beyond half a unit, one for each side. Neighbours that go together (autocorrelation)
 *                       make the unit longer (their effect: Johnson, Bagshaw, Technometrics 16, 1974). When it passes LEVEL_BAR
 *                       something changed where the sum last was 0; whether a step or a ramp from there fits the distances better,
 *                       by least squares, says which.
 *      variation        log likelihood ratio of twice, or half, the standard deviation (optimal were they independent: Lorden,
 *                       Annals of Math. Statistics 42, 1971; Moustakides, Annals of Statistics 14, 1986), of second differences: they know
 *                       next to nothing of level, trend and season.
 *
 * Distances are cut to four units, so a single monster is no change. A change is told once, when it is sure; then what was
 * found is usual. An incident of more than ten values or so is two changes, there and back.
 *
 * The first Saturday is like no day before it, so it is not told what changes on it (as on the first weekday, of a series that begins on a
 * weekend). It is what the next days are held against: a level that began in the midst of it is told on Sunday, one that began with it on
 * Monday, both with their time. About 1.5 KB a series.
 */
#ifndef DETECT_CHANGE_H
#define DETECT_CHANGE_H

#include "base/buf.h"
#include "base/err.h"

struct change;

enum change_kind { CHANGE_LEVEL, CHANGE_TREND, CHANGE_VARIANCE };

struct change_found {
	enum change_kind kind;
	int64_t since_ms;       /* the time of the first value of the new kind, as was given */
	double  before, after;  /* level; trend: per hour; variation: standard deviation */
};

/* In memory of the caller's, as a model is (model.h). */
size_t change_size(void);
struct change *change_init(void *);

/* Take the next value: 1 when with it a change is sure. zone_ms is what local time is ahead. */
int change_push(struct change *, int64_t time_ms, int64_t zone_ms, double value, struct change_found *);

/* All it knows as bytes and back, as of a model (model.h). */
void change_put(const struct change *, struct buf *);
int change_read(struct change *, struct str *bytes, struct err *);

#endif
