/* distinct.h - how many different values: exact to 4,096, then HyperLogLog within 2 %.
 *
 * HyperLogLog (Flajolet et al. 2007) with the estimator of Ertl (arXiv:1702.01284), 2^16 registers: standard error 0.4 %,
 * so that 2 % is five times that; 64 KiB, no more than the hashes they take the place of. Up to 4,096 different values
 * their 64-bit hashes are kept, so the count is exact. Merging two gives the one of the whole.
 */
#ifndef SKETCH_DISTINCT_H
#define SKETCH_DISTINCT_H

#include "base/buf.h"

struct distinct;
struct distinct *distinct_new(void);
void distinct_free(struct distinct *);

void distinct_add(struct distinct *, struct str value);         /* by str_hash_stable */
void distinct_add_hash(struct distinct *, uint64_t hash);
void distinct_merge(struct distinct *, const struct distinct *from);
uint64_t distinct_get(const struct distinct *);
size_t distinct_held(const struct distinct *);                  /* bytes of memory */

/* Text form "hll1:…": printable, the same for the same content whatever the order it came in. */
void distinct_put(const struct distinct *, struct buf *);
struct distinct *distinct_read(struct str text);                /* NULL when it is none */

#endif
