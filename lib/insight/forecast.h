/* forecast.h - the next values of a series, with the interval they are likely to lie in.
 *
 * Several simple methods, each fitted to the series, and their mean: a mean of unlike methods is better than the best of them chosen
 * by its fit (Makridakis, Spiliotis, Assimakopoulos, The M4 Competition, Int. J. of Forecasting 36, 2020). What is mixed:
 *
 *      theta           the dynamic optimised theta model (Fiorucci, Pellegrini, Louzada, Petropoulos, IJF 32, 2016)
 *      damped          exponential smoothing with a damped trend (Gardner, McKenzie, Management Science 31, 1985)
 *      seasonal        the same with a season that is smoothed, too (Holt, Winters 1960; Gardner 1985)
 *      two seasons     Taylor's double seasonal smoothing with an autoregressive rest (J. of the Oper. Res. Society 54, 2003)
 *      sparse          Teunter, Syntetos and Babai's (EJOR 214, 2011) for counts that are mostly nothing
 *
 * Seasons are those of `periods` that the autocorrelation shows with 90 % certainty (the M4 competition's test); they are taken off
 * by classical decomposition before theta and damped. The interval is that of the errors that the same methods made on the series
 * so many steps ahead, widened for what a fit flatters itself by. Same values, same forecast: nothing is drawn by lot.
 */
#ifndef INSIGHT_FORECAST_H
#define INSIGHT_FORECAST_H

#include <stddef.h>

#include "base/err.h"

#define FORECAST_PERIODS 3
#define FORECAST_LEAST   3              /* values of a series that can be forecast */

struct forecast_spec {
	const double *value;            /* evenly spaced, NAN where one is missing */
	size_t n;
	int periods[FORECAST_PERIODS];  /* values in a season, ascending: 24 and 168 for hours; 0 behind the last */
	int horizon;
	double level;                   /* of the interval: 0.95 */
	int counts;                     /* values cannot be negative, where none was */
};

/* Where the values begin that there is something to learn from: behind the zeros in front of the first other value. A metric of the store is 0 in
 * all steps before its first event, and a thousand of them say how little it varies. 0 when all are zeros. */
size_t forecast_begins(const double *value, size_t n);

/* mean, lower, upper: horizon values each. 0, or ERR_INPUT: too few values. */
int forecast_run(const struct forecast_spec *, double *mean, double *lower, double *upper, struct err *);

/* How many standard deviations around the mean of a normal distribution hold the share `level` of it: 0.95 is 1.96. */
double forecast_deviations(double level);

/* The first step at which the forecast reaches a bound (from where the series stands), from 1; 0: not within the horizon. */
int forecast_reaches(const double *mean, int horizon, double last, double bound);

#endif
