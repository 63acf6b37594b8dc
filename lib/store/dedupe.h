/* dedupe.h - runs of event ids: sorted arrays behind filters, the bytes of them.
 *
 * A B-tree of ids sinks to 40 k/s once it outgrows the cache: each id lands on another page. Here ids are compared by a
 * 128-bit hash (SipHash with the tenant's own key: two ids that share one are not to be expected before the sun burns out,
 * and nobody can make them) and gathered into sorted runs that are written once; an id is looked for in a filter first, and
 * only what the filter lets through is searched in the run, so that no false alarm of a filter ever drops an event.
 *
 *      store_seen ──► table in memory (entries of STORE_RECENT) ──► run 16 k ──► 8 runs make one of 128 k ──► 1 M …
 *
 * Entry of 24 bytes: hash low, hash high, time: 8 bytes each, little-endian. A run is sorted by (low, high, time) and cut into parts
 * of 43,008 entries. Part 0 is the head: 8 bytes each, little-endian: entries, least time, greatest time, and `low` of the first
 * entry of each part; then the 64-byte lines of the filter. Parts 1, 2, …: entries. Filter (a blocked Bloom): line = high 32 bits of `low` × lines >> 32, in it 6 bits chosen by `high`.
 */
#ifndef STORE_DEDUPE_H
#define STORE_DEDUPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define DEDUPE_PART 43008               /* entries of a part: 1,032,192 bytes */
#define DEDUPE_HEAD 24                  /* bytes in front of the parts' beginnings */
#define DEDUPE_MOST (1ULL << 40)        /* entries of a run that is read */

struct dedupe_entry { uint64_t low, high; int64_t time; };

struct dedupe;                          /* what a writer knows of the runs (seen.c) */
void dedupe_free(struct dedupe *);

/* The filter. */
size_t dedupe_filter_lines(size_t n);   /* 64-byte lines for n entries: 10 bits an entry */
void dedupe_filter_add(unsigned char *lines, size_t n_lines, uint64_t low, uint64_t high);
int dedupe_filter_has(const unsigned char *lines, size_t n_lines, uint64_t low, uint64_t high);

/* Entries as bytes. */
void dedupe_put(struct buf *, const struct dedupe_entry *, size_t n);
void dedupe_get(const char *, struct dedupe_entry *);
void dedupe_sort(struct dedupe_entry *, size_t n);

/* The head of a run. 0, or -1 when the bytes are none. */
struct dedupe_run { uint64_t n; int64_t least, greatest; const char *firsts; size_t n_parts; const unsigned char *lines; size_t n_lines; };
void dedupe_put_head(struct buf *, uint64_t n, int64_t least, int64_t greatest, const uint64_t *first, size_t n_parts,
    const unsigned char *lines, size_t n_lines);
int dedupe_run_head(struct str value, struct dedupe_run *);

/* The time nearest to `time` with which the id stands in a sorted part of entries. 1 found, 0 not, -1 when the bytes are none. */
int dedupe_find(struct str part, uint64_t low, uint64_t high, int64_t time, int64_t *found);

#endif
