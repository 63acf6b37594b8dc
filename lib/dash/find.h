/* find.h - which dashboard is meant: one that is stored, or one made from what the store holds. */
#ifndef DASH_FIND_H
#define DASH_FIND_H

#include "dash/data.h"
#include "dash/definition.h"

/* The dashboard of that id, of config/dashboards.json or of the store's records. NULL with err->code 0: there is none. */
struct definition *find_dashboard(struct data *, struct str id, struct err *);

/* The ids there are, with ", " between. */
int find_ids(struct data *, struct buf *, struct err *);

/* Without a definition: the events by name, their curve, the newest, alerts; the stored metrics. The range is
 * the shortest of 24h, 7d, 30d that reaches the newest event, else all there is. NULL only with an error; for an empty store a text. */
struct definition *find_made(struct data *, struct err *);

#endif
