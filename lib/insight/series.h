/* series.h - metric rows gathered as series of evenly spaced values, which is what is forecast and explained. */
#ifndef INSIGHT_SERIES_H
#define INSIGHT_SERIES_H

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "base/zone.h"
#include "insight/forecast.h"

#define SERIES_VALUES_MOST 20000        /* of one: the newest count */

/* One series of a set: metric, labels (a JSON object) and field. */
struct series {
	struct str metric, labels, field;       /* the set's; metric and labels as they stood in the rows */
	int64_t *time;                  /* as they came */
	double *seen;
	size_t n_seen, cap;
	/* after series_space: value i belongs to series_time(…, i) */
	int64_t first, step_ms;         /* step_ms 0: calendar months */
	int months;                     /* of a step: 1, 3, 12 */
	int day;                        /* of a month, in which each value stands, or at the end of a shorter one */
	double *value;                  /* NAN: missing; a count or a sum that is missing is 0 */
	size_t n;
	int periods[FORECAST_PERIODS];  /* of the seasons that such a step may have */
	int is_count;
	int is_sum;                     /* it is one, though its field's name does not say so */
	int counted;                    /* metric names an event, whose number this is */
	int64_t every_ms;               /* the step, where it is known; 0: what most times are apart */
	const struct zone *zone;        /* on whose clock steps of several hours are, as those of a metric of the store; NULL: UTC */
	int adds;                       /* of several values at one time: their sum; 0: the last */
};

struct series_set { struct map by_key; struct buf key, scratch; };

/* Add a metric row: each number beside metric, timestamp, window and labels is a value of a series. ERR_INPUT: no such row. */
int series_add_row(struct series_set *, struct str row, struct err *);
void series_add(struct series_set *, struct str metric, struct str labels, struct str field, int64_t time, double value);

/* Put the values in order on a grid whose step is what most neighbours are apart. ERR_INPUT: fewer than two times. */
int series_space(struct series *, struct err *);
int64_t series_time(const struct series *, size_t i);           /* also beyond the last */
/* The seasons that n values in steps of step_ms (0: of so many months) may have: an hour, a day, a week, a year, that go round three times. */
void series_periods(int64_t step_ms, int months, size_t n, int periods[FORECAST_PERIODS]);
void series_set_release(struct series_set *);

#endif
