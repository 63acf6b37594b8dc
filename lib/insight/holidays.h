/* holidays.h - days with a name on which a series is not as usual, and what that does to its forecast.
 *
 * A holiday that the series has been through moves its next one as far: the values of its day, over (or, where some lie below zero, less) what the
 * same hour of the same weekday had in the weeks around. Days of one name in a row (24, 25, 26 December) are each their own. A day that the
 * series has not seen under this name is forecast as any other: nothing is known of it. The values of all these days are left out where the usual
 * course is learnt, so that neither the week after Christmas nor the level looks like it. It is what Taylor and Letham (Forecasting at scale,
 * The American Statistician 72, 2018) add to a series for holidays, with ratios for counts, around the mixture of forecast.h.
 */
#ifndef INSIGHT_HOLIDAYS_H
#define INSIGHT_HOLIDAYS_H

#include "insight/forecast.h"
#include "insight/series.h"
#include "json/json.h"

struct holidays;

/* A file of lines "2026-12-25 Christmas", or CSV with date and name; a date without a year (12-25) is each year's. Blank lines, those that begin
 * with #, and the names of CSV in front are passed over. NULL and "FILE:LINE: reason". */
struct holidays *holidays_read(const char *path, struct err *);
/* The same of analytics.json: {"Christmas": ["2026-12-25", "12-26"]}; not there: none. NULL on a fault. */
struct holidays *holidays_of_json(struct json, struct err *);
void holidays_free(struct holidays *);

/* Can values of such a series stand on a day? Where a step is longer than that, or no part of it, holidays change nothing. */
int holidays_fit(const struct series *);

/* The holiday on whose day, in this zone, value i of the series stands, also beyond the last. p NULL: none. The holidays' own. */
struct str holidays_at(const struct holidays *, const struct series *, size_t i, const struct zone *);

/* As forecast_run. The spec's values are those of the series from `begins` on. */
int holidays_forecast(const struct holidays *, const struct series *, size_t begins, const struct zone *, const struct forecast_spec *, double *mean, double *lower,
    double *upper, struct err *);

#endif
