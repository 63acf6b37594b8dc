/* seen.h - which ids came lately, in memory: for filters that store nothing (the store has its own, store_seen).
 *
 * Time is cut into slices as long as the span; a slice is a table of 64-bit hashes with their times. An id is looked for in
 * the slice of its time and its two neighbours, so order does not matter. What lies two spans and more before the newest is
 * forgotten once there are more than a million ids in all: memory follows what the span holds, not how long the input is.
 * 32 to 64 bytes an id. Two ids are taken for one with a chance of 1 in 10^7 among a million.
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
