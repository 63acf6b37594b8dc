/* explain.h - which values of which dimensions drove a change of a sum, a count or a ratio between two periods.
 *
 * The metric comes as cells: one for each combination of values, with what it was before and after. A cause is an element, a value for
 * some of the dimensions ("country=NL", "device=mobile, browser=safari"), whose cells moved together while the rest did not:
 *
 *      a cell's deviation   u = after / (before + after) - 1/2         of a ratio: rate after - rate before
 *      as it is by chance   V = f A + s^2 B + C                        A: counting noise, B: noise in proportion, C: rounding
 *      under a cause        u ~ Normal(t, V + (k t)^2)                 t its effect, k how unlike its cells may be
 *
 * f and s are fitted to the cells themselves, with room for those that did move. Then, greedily, the element is taken that says the cells
 * in the fewest bits (a description length: what it costs to name the element is taken off; a cell that moved alone costs no more than
 * to be named itself). So an element with cells that stayed loses to the one without them, and one that is too narrow to the one that
 * says more. What it costs to name an element is the logarithm of how many were looked at, and 3 (e^-3 is 0.05): in data where nothing
 * happened something is named in one of twenty. What then is much weaker than the strongest cause, in effect and in what it amounts to, is
 * the drift that everything real has, and is left out.
 *
 * Where elements spread more than their cells say (visits of many page views each), a cause must stand out from that spread, too.
 *
 * A change that all cells share is none of the dimensions' doing: it is told apart (shared), and causes are against it.
 * A number of different things (users) is not the sum of its parts, and is not explained here: explain_bounds says how far one part can
 * matter.
 */
#ifndef INSIGHT_EXPLAIN_H
#define INSIGHT_EXPLAIN_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define EXPLAIN_DIMS   8
#define EXPLAIN_CAUSES 20

enum explain_kind { EXPLAIN_COUNT, EXPLAIN_SUM, EXPLAIN_RATIO };

struct explain_part { double num, den; };               /* of a sum den is 1 where there was anything */

struct explain_cause {
	int n;
	int dim[EXPLAIN_DIMS];                          /* numbers of dimensions, ascending */
	struct str value[EXPLAIN_DIMS];                 /* as they were added */
	struct explain_part before, after;
	double change;                                  /* what of the metric's change came from here; of a ratio from its rate here */
	double mix;                                     /* of a ratio: what came from its share of the whole alone */
	double effect, lower, upper;                    /* after / before - 1, against the size of what was below 0; of a ratio the difference of rates; 95 % interval */
	double z, p, q;                                 /* against the rest; p for all elements that were looked at; q: false discovery rate */
	size_t cells;
};

/* Of a ratio: the parts of its change along one dimension. They add up to the change. */
struct explain_along { double rate, mix; int reversed; };   /* reversed: most of the values went the other way than the whole (Simpson) */

struct explain_answer {
	enum explain_kind kind;
	struct explain_part before, after;
	double change, z;                               /* of the whole: after - before, of a ratio of rates */
	double shared;                                  /* the change that all cells have in common, as an effect; 0: none to speak of */
	double noise, spread;                           /* f and s */
	size_t cells;
	int n;
	struct explain_cause cause[EXPLAIN_CAUSES];     /* the one that amounts to most first */
	double explained;                               /* share of the change that the causes amount to */
	struct explain_along along[EXPLAIN_DIMS];       /* of a ratio */
};

struct explain;

struct explain *explain_new(enum explain_kind, int n_dims);
void explain_free(struct explain *);

/* Add to a cell, before (0) or after (1); values are copied. den: of a ratio. ERR_INPUT: no finite number, or a negative one where none can be;
 * ERR_LIMIT: more than 4 M cells. */
int explain_add(struct explain *, const struct str *values, int after, double num, double den, struct err *);

/* Find the causes. Of a dimension with very many values the rarest are taken together, and never named. The answer is borrowed. */
const struct explain_answer *explain_run(struct explain *);

/* Of a number of different things: the whole and one part before and after, and the sum of the other parts. How much of the change of the
 * whole can be the part's: not less than *least, not more than *most. */
void explain_bounds(const double whole[2], const double part[2], const double others[2], double *least, double *most);

#endif
