/* kept_priv.h - numbers of events by labels and time: made of a batch or of metric rows, as bytes, and back. */
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
	enum kept_kind kind;
	int n_by;
	int64_t step;
	struct cell *label;             /* [n_series * n_by] */
	size_t n_series, label_cap;
	size_t *start;                  /* [n_series + 1] */
	size_t start_cap;
	int64_t *time;
	uint32_t *count;
	__int128 *sum;                  /* of sums and means in 10^-9; of least and greatest the bits of a double; of counts not used */
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
	struct met { uint32_t series, count; int64_t time; __int128 sum; } *met;       /* as they were found, by time */
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


/* The cells of metric rows (kept.c) of an aggregate of that kind, in order of time. 0, or -1 when a row is none that cells can say. */
int kept_take_rows(struct kept_counter *, enum kept_kind, const struct kept_question *, struct str rows, int64_t step);
void kept_begin_cells(struct kept_counter *, enum kept_kind, int n_by, int64_t step);           /* none yet */
struct cell kept_label(struct kept_counter *, int by, struct cell);     /* its text kept for as long as the cells */
uint32_t kept_new_series(struct kept_counter *, const struct cell *label);
void kept_met(struct kept_counter *, struct met);               /* one more, not before those met */
void kept_sort_met(struct kept_counter *);                      /* and they are the cells */
void kept_fold(enum kept_kind, __int128 *to, __int128 from);    /* two values as one; not of counts */
void kept_want_names(struct kept_counter *, const struct kept_question *, const struct column *names);  /* into wanted */
void kept_coarsen(struct kept_cells *, int64_t step);           /* put together by a longer step */
int kept_give(const struct kept_cells *, int64_t from, int64_t to, int part, int (*each)(void *, int part, const struct kept_counts *), void *self);

/* As bytes, and back: 0, or -1 for what is no state of that kind and so many labels. Texts are borrowed from the state. Sums beyond 2^63
 * times 10^-9 in a single step are not encoded. */
int kept_can_encode(const struct kept_cells *);
void kept_encode(const struct kept_cells *, struct buf *);
int kept_decode(struct kept_cells *, struct str state, enum kept_kind, int n_by);

#endif
