/* seen.h - which ids came lately, in memory: for filters that store nothing (the store has its own, store_seen).
 *
 * Time is cut into slices of a quarter of the span; a slice is a table of 64-bit hashes. An id is looked for in the slices
 * within the span of its time, so order hardly matters; slices further back than two spans from the newest are forgotten.
 * 16 to 32 bytes an id. Two ids are taken for one with a chance of 1 in 10^7 among a million.
 */
#ifndef INGEST_SEEN_H
#define INGEST_SEEN_H

#include <stdint.h>

#include "base/str.h"

struct seen;
struct seen *seen_new(int64_t span_ms);
void seen_free(struct seen *);

int seen_before(struct seen *, struct str id, int64_t time);    /* 1: within the span; 0: not yet, and it is remembered */

#endif
