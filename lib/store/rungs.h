/* rungs.h - the ladder of roll-ups: what is kept of samples for longer than the samples themselves.
 *
 *      raw 7d, 1m 90d, 1h 2y
 *
 * A rung has for each series and each of its buckets (whole multiples of its width since 1970) how many samples there were, their
 * sum (of decimals, rounded once), least and greatest, and their merged sketch where they have states. Each of the four is a series of its own in the
 * table of samples, under the series' number with 4 × rung + 0 count, 1 sum, 2 least, 3 greatest in its highest byte; the sketch
 * is the state of the count.
 *
 * A bucket is made when the samples of the next one are sealed (and LAG buckets have come together, so that a seal does not write
 * four small pieces a series), and made anew when samples come late. The reader takes rungs as far as they go, and
 * the samples for what is still open, for the tail, and for edges that are no whole bucket. Before a rung's floor its buckets
 * (raw: its samples) are gone; samples that come even later are added to the buckets that are there.
 *
 * In STORE_META, "ladder" -> varint rungs, for each, raw (width 0) first: varint number, varint width, varint keep (0: for
 * ever), signed floor.
 */
#ifndef STORE_RUNGS_H
#define STORE_RUNGS_H

#include "store/series_priv.h"

/* After the samples `add` of a series were sealed. In the write transaction. */
int store_rungs_sealed(struct store *, const struct store_ladder *, uint64_t series, const struct samples *add, struct err *);

/* Make every bucket of a series that ends by `until`. */
int store_rungs_complete(struct store *, const struct store_ladder *, uint64_t series, int64_t until, struct err *);

/* What a rung's buckets [from, to) have to be by the samples: count, sum, least, greatest. */
int store_rungs_make(struct store *, struct store_reader *, const struct store_ladder *, int rung, uint64_t series, int64_t from, int64_t to,
    struct samples out[4], struct err *);

/* Where a rung of a series ends: behind its last bucket; INT64_MIN when it has none. */
int store_rungs_end(const struct store_view *, struct samples_coder *, const struct store_rung *, uint64_t series, int64_t *end, struct err *);

int store_ladder_put(struct store *, const struct store_ladder *, struct err *);        /* as it is, floors too */
int store_ladder_of(const struct store_view *, struct store_ladder *, struct err *);    /* store_ladder_get under a view */

static inline uint64_t
store_rung_series(const struct store_rung *r, uint64_t series, int part)
{
	return series | (uint64_t)(r->number * 4 + part) << 56;
}

static inline int64_t
store_rung_floor(int64_t time, int64_t width)
{
	int64_t rest = time % width, floor = time - rest;

	return rest >= 0 ? floor : floor >= INT64_MIN + width ? floor - width : INT64_MIN;
}

static inline int64_t
store_rung_next(int64_t bucket, int64_t width)          /* where the bucket ends */
{
	return bucket <= INT64_MAX - width ? bucket + width : INT64_MAX;
}

static inline uint64_t
store_rung_apart(int64_t earlier, int64_t later)
{
	return (uint64_t)later - (uint64_t)earlier;
}

#endif
