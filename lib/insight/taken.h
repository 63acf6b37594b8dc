/* taken.h - which users took which items, out of the events of a store. */
#ifndef INSIGHT_TAKEN_H
#define INSIGHT_TAKEN_H

#include "base/buf.h"
#include "insight/recommend.h"
#include "query/query.h"

/* The property that holds the item: `field`, else the first of the usual ones (item_id, product_id, …) that events have; appended to *name.
 * ERR_USAGE: none. */
int taken_field(struct query *, struct str field, struct buf *name, struct err *);

/* All pairs of users and items between two times; an order or a purchase counts for four views. */
int taken_add(struct query *, struct str field, int64_t from, int64_t to, struct recommend *, struct err *);

#endif
