/* absent.h - who fell silent: sources of rows that came regularly and then stopped.
 *
 * A source is regular after REGULAR rows whose usual distance (a mean that forgets) is at most half of the span that is
 * waited. What stays away longer than the span is told once, until it comes again. Time is the caller's: that of the rows,
 * or a clock that goes on when the input is silent. O(1) a row: sources stand in a queue by when they last came.
 */
#ifndef DETECT_ABSENT_H
#define DETECT_ABSENT_H

#include "base/buf.h"
#include "base/err.h"

struct absent;

struct absent *absent_new(int64_t span_ms);
void absent_free(struct absent *);

/* Did a row of this source ever come? */
int absent_knows(const struct absent *, struct str name);

/* A row of the source `name` came, of that time. */
void absent_came(struct absent *, struct str name, int64_t time_ms);

struct absent_found { struct str name; int64_t since_ms, usual_ms; };   /* name: borrowed for ever; the last row's time; usual distance */

/* 1: one that is absent at this time, each once; 0: no (more). */
int absent_next(struct absent *, int64_t time_ms, struct absent_found *);

/* The time at which the next one may be absent; INT64_MAX when there is none. */
int64_t absent_due(const struct absent *);

/* All sources as bytes, and back: ERR_CORRUPT when they are none. */
void absent_put(const struct absent *, struct buf *);
int absent_take(struct absent *, struct str bytes, struct err *);

#endif
