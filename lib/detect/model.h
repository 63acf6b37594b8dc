/* model.h - what is usual for one series, learned as it goes: no training step, no look ahead, constant memory and time.
 *
 * Two views of every value:
 *
 *   novelty   Is it where no value was before? Seven streams drawn from the series - the value; what is left of it behind
 *             the usual for this hour of the week; a short mean of what is left behind the usual for this quarter of the
 *             day, in units of what is usual then; a short mean; how much it varies; a long mean together with its
 *             variation, and together with that short mean of what is left - each counted in 16 to 32 bins of the range
 *             seen so far. Few counts in the bin and the nearer neighbour: novel. A stream that is novel all the time is
 *             believed less (it calibrates itself). The streams have equal or half weights, not tuned ones.
 *   surprise  How far is it from what was expected, measured by how far values usually are? Expected is the best of three
 *             forecasts by their recent errors (the last values, the hour of the week, the quarter of the day); the far
 *             end of usual distances is a generalised Pareto tail fitted by its moments, so heavy-tailed noise has a wide
 *             band and steady series a narrow one.
 *
 * Novelty decides, and is worth four fifths of itself where no tail agrees; the further out in the tail, the more of what
 * is left to 1 is added, half of it at most. Surprise without novelty adds up to 0.3 at most. What comes of it is printed on
 * a scale on which one half is the best place to decide: about one false alarm in some weeks of clean seasonal data.
 *
 * An alarm is a score at or above the threshold and above what the last alarm left: 1.5 times its score, sinking to 0
 * over 150 values (more when they are nearer together than five minutes), held up by an incident that goes on. So one
 * incident has one alarm, unless it becomes much worse. Each alarm raises the bar by a twentieth (a quarter at a row a minute), forgotten over 5000 values:
 * a series that cries wolf is believed less. A level that stays becomes usual.
 *
 * What it is made of, where it has a source:
 *
 *      counts in bins      the mean over histograms of one dimension each, kept online, of how rare their bins are: LODA (Pevny, Machine
 *                          Learning 102, 2016), with streams in the place of random projections, 1 / (1 + count) in that of a logarithm,
 *                          and bins that double in width as the range grows
 *      forecasts           exponential smoothing (Brown 1959; Winters, Management Science 6, 1960, for each hour and quarter) of values that
 *                          are cut to some deviations from what was forecast (Gelper, Fried, Croux, J. of Forecasting 29, 2010)
 *      signed distances    their exponentially weighted means of 6 and 24, as another thing to be far out (Roberts, Technometrics 1, 1959)
 *      their scale         the smoothed mean absolute deviation (Trigg, Operational Research Quarterly 15, 1964)
 *      the tail's edge     a quantile by stochastic approximation (Robbins, Monro, Annals of Math. Statistics 22, 1951)
 *      the tail            excesses over it are generalised Pareto (Pickands, Annals of Statistics 3, 1975), fitted by moments (Hosking,
 *                          Wallis, Technometrics 29, 1987); such tails on streams: Siffer et al., KDD 2017, who fit by likelihood
 *
 * How they are put together, that a novel stream is believed less, and when an alarm is told again, are of this place.
 */
#ifndef DETECT_MODEL_H
#define DETECT_MODEL_H

#include "base/buf.h"
#include "base/err.h"

struct model;

struct verdict {
	double score;           /* 0 to 1, before the alarm's refractory time */
	int    alarm;
	double expected, lower, upper;  /* the band that about one usual value in 1000 leaves */
};

/* In memory of the caller's: model_size bytes, aligned to 16. There is nothing to release. */
size_t model_size(void);
struct model *model_init(void *);

/* Judge the next value by those before it, then learn from it. `local_ms` is its time on the wall clock that the series
 * lives by; an alarm needs a score of `threshold`. Not-a-number is not for this: leave such a value out. */
void model_push(struct model *, int64_t local_ms, double value, double threshold, struct verdict *);

/* The same for a value that may have been more than this, of which only so much is known: that it is low is no news, and nothing is learned of it. */
void model_push_least(struct model *, int64_t local_ms, double value, double threshold, struct verdict *);

/* A value of about this time will come soon: what will be needed is on its way from memory. */
void model_fetch(const struct model *, int64_t local_ms);

/* Alarm as if the odds of the threshold, threshold / (1 - threshold), were so many times what they are. Not of the bytes below. */
void model_lean(struct model *, double times);

/* All it knows as bytes, the same on every machine, and back into memory as of model_init: 0, or ERR_CORRUPT when they are none. What
 * comes back judges exactly as what was put. */
void model_put(const struct model *, struct buf *);
int model_read(struct model *, struct str *bytes, struct err *);

#endif
