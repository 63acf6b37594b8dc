/* kept_priv.h - counts of events by labels and time: made of a batch, as bytes, and back. */
#ifndef QUERY_KEPT_PRIV_H
#define QUERY_KEPT_PRIV_H

#include "base/map.h"
#include "query/kept.h"
#include "store/batch.h"

#define KEPT_MINUTE 60000LL
#define KEPT_HOUR   3600000LL

static inline int64_t
kept_floor(int64_t t, int64_t step)
{
	int64_t rest = t % step;

	return t - rest - (rest < 0 ? step : 0);
}

/* Series by series, each in order of time. */
struct kept_cells {
	int n_by;
	int64_t step;
	struct cell *label;             /* [n_series * n_by] */
	size_t n_series, label_cap;
	size_t *start;                  /* [n_series + 1] */
	size_t start_cap;
	int64_t *time;
	uint32_t *count;
	size_t n, cap;
};

/* What makes them: memory to use again, of one thread. */
struct kept_counter {
	struct kept_cells cells;
	struct values {                 /* of one label, in the batch */
		struct map map;         /* a value -> its number */
		struct cell *cell;
		size_t n, cap;
		uint32_t *of_code;      /* number + 1 of a code */
		size_t codes_cap;
	} by[KEPT_BY_MOST];
	struct map series;              /* the numbers of its labels -> its own */
	struct met { uint32_t series, count; int64_t time; } *met;     /* as they were found, by time */
	size_t met_n, met_cap;
	uint32_t *now, *touched;        /* of the step at hand: how many of each series, and of which any */
	size_t now_cap;
	unsigned char *wanted;          /* by code: is it a name that is asked for */
	size_t wanted_cap;
	struct buf key;
};
void kept_counter_release(struct kept_counter *);

/* Count the rows of the batch with from <= time < to into steps of `step` ms. Fields of the batches: 0 the name, 1 the time, then the
 * labels. The labels' texts live as long as the counter's batch. */
int kept_count(struct kept_counter *, struct store_batch *, const struct kept_question *, const struct store_field *, int64_t from, int64_t to, int64_t step, struct err *);

void kept_want_names(struct kept_counter *, const struct kept_question *, const struct column *names);  /* into wanted */
void kept_coarsen(struct kept_cells *, int64_t step);           /* put together by a longer step */
int kept_give(const struct kept_cells *, int64_t from, int64_t to, int part, int (*each)(void *, int part, const struct kept_counts *), void *self);

/* As bytes, and back: 0, or -1 for what is no state of so many labels. Texts are borrowed from the state. */
void kept_encode(const struct kept_cells *, struct buf *);
int kept_decode(struct kept_cells *, struct str state, int n_by);

#endif
