/* periods.h - metric rows of two times, or of more, cut in a before and an after, as cells to be explained.
 *
 * Which number of a row counts: num and den (a ratio), else count, else value, else a sum, else the only one; "NAME.FIELD" names one. A mean
 * beside its count is a ratio. A number of different things cannot be explained from rows: its parts have things in common.
 */
#ifndef INSIGHT_PERIODS_H
#define INSIGHT_PERIODS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "insight/explain.h"

struct period_row;

struct periods {
	struct str by;                  /* "country,device"; p NULL: all labels of the first row */
	struct str field;               /* p NULL: see above */
	int64_t range;                  /* the last so many ms against as many before them; 0: the later half of the times */
	/* found */
	struct buf metric;              /* its name */
	struct str name[EXPLAIN_DIMS];
	int n;                          /* dimensions */
	unsigned labelled;              /* bit d: some row has the label of dimension d */
	enum explain_kind kind;
	int64_t from, to, before_from, before_to, step_ms;
	/* its own */
	struct buf names, scratch, key;
	struct map values;              /* combinations of values, as they stand in the rows */
	struct period_row *row;
	size_t n_rows, cap;
};

int periods_add(struct periods *, struct str row, struct err *);        /* a metric row */
/* The cells of both periods. NULL: fewer than two times, or nothing to tell parts by, as where no row has a label that `by` names. */
struct explain *periods_explain(struct periods *, struct err *);
void periods_release(struct periods *);

#endif
