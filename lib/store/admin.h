/* admin.h - what at-admin does to a store: figures, checks, mending, making room. */
#ifndef STORE_ADMIN_H
#define STORE_ADMIN_H

#include "store/store.h"

struct store_stats {
	int64_t events, tail_events, chunks, series, samples, bytes_file, bytes_used, bytes_free, first, last;
	int64_t chunk_fill_pct;         /* mean events a chunk of the 65,536 it may hold, percent */
	int format, readers;
	int64_t reader_behind;          /* commits since the oldest read transaction that is open now began; 0: none */
};
int store_stats(struct store *, struct store_stats *, struct err *);

/* Read everything back: chunk CRCs, counts, order, index against data. Each finding is told; their number, or < 0. */
int store_verify(struct store *, void (*tell)(void *, const char *what), void *, struct err *);

/* Seal the tail, merge small chunks, and write the file anew without its free pages where that is worth it. 0; 1 when it
 * could not be made smaller because another process has the tenant open (free pages are used again all the same); < 0. */
int store_compact(struct store *, struct err *);

/* Drop events older than `events`, samples and rows of anomalies, alerts and insights older than `metrics` (TIME_NONE: none).
 * dry: only count. The pages are free for what comes next; store_compact makes the file smaller. */
struct store_dropped { int64_t events, samples; };
int store_retain(struct store *, int64_t events, int64_t metrics, int dry, struct store_dropped *, struct err *);

/* Samples and roll-ups, by the ladder of the tenant (store_ladder_set) and the time that it counts from: a roll-up's buckets are
 * made before their samples go. */
int store_retain_ladder(struct store *, int64_t now, int dry, struct store_dropped *, struct err *);

int store_init(const char *dir, struct err *);                                          /* an empty store */
int store_tenant_add(const char *dir, const char *name, struct err *);                  /* names: [a-z0-9_-]{1,63} */
int store_tenant_remove(const char *dir, const char *name, struct err *);               /* its folder and all in it */
int store_tenants(const char *dir, int (*each)(void *, const char *name), void *, struct err *);

#endif
