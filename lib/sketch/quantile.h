/* quantile.h - percentiles of a stream in constant memory.
 *
 * A DDSketch (Masson, Rim, Lee: PVLDB 12(12), 2019): values fall into buckets whose bounds grow by a fixed ratio, so an
 * answer is within 1 % of the true value, whatever the distribution. Two sketches of the same stream cut in two merge to
 * the sketch of the whole, bucket by bucket; that is what makes a roll-up of roll-ups right. Memory follows the range of
 * the values: a small sketch is small.
 */
#ifndef SKETCH_QUANTILE_H
#define SKETCH_QUANTILE_H

#include "base/buf.h"

struct quantile;

struct quantile *quantile_new(void);
void quantile_free(struct quantile *);          /* NULL is fine, as in every _free */

void quantile_add(struct quantile *, double value);     /* not-a-number is passed over; ±inf counts as ±DBL_MAX */
void quantile_merge(struct quantile *, const struct quantile *from);

/* The value at rank floor(q * count), at most count - 1, in ascending order from 0, within 1 %, and never outside what was
 * added; 0 ≤ q ≤ 1; NAN when empty. */
double quantile_get(const struct quantile *, double q);
uint64_t quantile_count(const struct quantile *);
size_t quantile_held(const struct quantile *);          /* bytes of memory */

/* Text form "dd1:…" (documented at its writer): printable, no blanks or quotes, the same for the same content. */
void quantile_put(const struct quantile *, struct buf *);
struct quantile *quantile_read(struct str text);        /* NULL when it is none */

#endif
