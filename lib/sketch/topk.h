/* topk.h - the most frequent values: space-saving (Metwally, Agrawal, El Abbadi 2005).
 *
 * Holds at most max(8 * n, 1024) values; exact while no more different ones came. Ties are ordered by bytes.
 */
#ifndef SKETCH_TOPK_H
#define SKETCH_TOPK_H

#include "base/buf.h"

struct topk;
struct topk_item { struct str value; uint64_t count, error; };  /* true count is in [count - error, count] */

struct topk *topk_new(int n);
void topk_free(struct topk *);
void topk_add(struct topk *, struct str value, uint64_t times);
void topk_merge(struct topk *, const struct topk *from);
int topk_get(const struct topk *, struct topk_item *items);     /* items[n], most frequent first; how many; borrowed */
void topk_put(const struct topk *, struct buf *);               /* text form "ss1:…" */
struct topk *topk_read(struct str text);

#endif
