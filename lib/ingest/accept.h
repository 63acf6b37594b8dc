/* accept.h - one JSON object on its way to a clean event: reading, cleansing, plan. The same for at-ingest's rows and for what
 * an API is sent, so that a rule holds wherever an event comes in.
 */
#ifndef INGEST_ACCEPT_H
#define INGEST_ACCEPT_H

#include "config/config.h"
#include "event/clean.h"
#include "event/event.h"
#include "event/plan.h"
#include "formats/formats.h"
#include "ingest/metrics.h"

struct accept {                         /* for one thread at a time */
	struct event_reader reader;     /* now and default_name are the caller's to set */
	struct clean *clean;            /* NULL: no rules */
	struct plan *plan;              /* NULL: none */
	struct buf salt;
	struct metrics *metrics;        /* made for the first metric row */
	struct metrics_row metric;      /* the one at hand: here, since locals are filled with zeros for each row */
	struct accept_series { struct store_sample *one; uint32_t n, cap; struct arena *texts; } series;
};

/* By the config, and the tracking plan in the file `plan` (NULL: none). 0, or ERR_USAGE and the reason. */
int accept_open(struct accept *, const struct config *, const char *plan, struct err *);
void accept_release(struct accept *);

/* 1 an event, 0 a rule drops it, ERR_INPUT. The event borrows from the row and from here until the next call. */
int accept_checked(struct accept *, struct str row, struct event *, struct err *);     /* the text is known to be valid JSON */
int accept_own(struct accept *, const struct record *, struct event *, struct err *);    /* one with properties, as event_read_own */
int accept_row(struct accept *, struct str row, struct event *, struct err *);          /* any bytes */

/* Of any bytes, or (checked) of valid JSON: 1 it is a metric row (metrics.h), and these are its samples, borrowed until the next call; 0 it is
 * none; ERR_INPUT a wrong one. */
int accept_samples(struct accept *, struct str row, int checked, struct store_sample out[METRICS_FIELDS], int *n, struct err *);

#endif
