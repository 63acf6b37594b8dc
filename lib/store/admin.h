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
 * could not be made smaller because another process has the tenant open (free pages are used again all the same); < 0. What cannot
 * be read stays as it is: then all else is done, and the error (ERR_CORRUPT) says how much that is and how to go on. */
int store_compact(struct store *, struct err *);

/* Take out what cannot be read of the events, batches of the tail and chunks, so that all else answers again: each into a file in the folder
 * `into`, as it lies (mend.c has the form). `events` are gone with them; of `again` chunks the rows were whole, and they were made anew. dry:
 * only count. What is damaged of samples, or of LMDB's own pages, stays, and is an error. A transaction of its own. */
struct store_mended { int64_t pieces, events, again; };
int store_mend(struct store *, const char *into, int dry, struct store_mended *, struct err *);

/* Drop events older than `events`, samples and rows of anomalies, alerts and insights older than `metrics` (TIME_NONE: none).
 * dry: only count. The pages are free for what comes next; store_compact makes the file smaller. Chunks of which a part would go and
 * that cannot be read stay: so many of them, of which `left` tells the first; the rest is done all the same. */
struct store_dropped { int64_t events, samples, unread; struct err left; };
int store_retain(struct store *, int64_t events, int64_t metrics, int dry, struct store_dropped *, struct err *);

/* Samples and roll-ups, by the ladder of the tenant (store_ladder_set) and the time that it counts from: a roll-up's buckets are
 * made before their samples go. */
int store_retain_ladder(struct store *, int64_t now, int dry, struct store_dropped *, struct err *);

/* What there is of a user: events, series with the label user_id, anomalies, alerts, matches and insights that name it, what was said
 * of such anomalies, what is known of such alerts, and what was learned of such series. That the user was erased at `now` is kept (by
 * store_mask, not the name), so that store_restore does not bring the user back. What is open in saved states of windows and patterns
 * ends by itself. store_shred makes it unreadable in the file too. dry: only count, events alone.
 *
 * What was learned stands in states that are lists (their kinds: `lists` in retain.c): a head, whose last byte has its top bit set,
 * then items, each length:4, its name, length:4, what is known of it, lengths little-endian; the name begins with a metric and its
 * labels, a byte 0 behind each. One that is no list, as they were once, or is damaged, goes whole. */
#define STORE_ERASED "erased"
int store_erase_user(struct store *, struct str user, int64_t now, int dry, struct store_dropped *, struct err *);

/* Drop each event for which `which` gives 1. user: all of them are this one's; p NULL: of anybody. A transaction of its own. */
int store_drop_events(struct store *, struct str user, int (*which)(const void *, const struct event *), const void *self, int64_t *dropped,
    struct err *);

/* Write the file anew, so that what was deleted is in none of its free pages. 1: another process has the tenant open, so that they
 * stay until they are used again. */
int store_shred(struct store *, struct err *);

/* ---- backups. One is a store of its own (with all that reads stores), made of one moment of each tenant; a folder holds them by the
 * time they were made:
 *
 *      DIR/20261128T204500.123Z/{format,tenants/NAME/data.mdb,system/data.mdb}
 */

/* The tenant (NULL: DIR/system) as it is now, without free pages, into the store at `into`, which is made when it is not there; durable. */
int store_backup(struct store *, const char *tenant, const char *into, struct err *);

/* A whole backup into the folder `dir`, which is made; *path, to be freed, is the new one. It has its name only when it is complete. keep > 0: older ones
 * than so many go. */
int store_backup_all(const char *store, const char *dir, int64_t now, long keep, char **path, struct err *);

/* The tenant of the store at `dir` as it was at `until` (TIME_NONE: as in the newest backup), out of `backups`: such a folder, or one backup.
 *
 * The newest backup made by then is taken; what came after it is added from the next one, or from the store itself as far as it can be read:
 * events in their order of arrival, by the time they were received, samples and rows by their own time. State (offsets, open windows)
 * is that of the backup. Users erased since stay erased: the tenant tells who they are, or, where it cannot be read, the
 * caller, who calls `one` with each mask (store_mask) and when it was; nothing is changed where that fails or is NULL. A tenant whose
 * data.mdb is lost is restored all the same, and one without a folder is not asked about. All is made and
 * verified beside the tenant, and takes its place in one step, while nobody has it open (ERR_IO else). */
struct store_restored { char *from, *next; int64_t events, added, erased; };    /* from, next: paths, to be freed; next NULL: none was needed */
typedef int store_erasures(void *self, const char *tenant, int (*one)(void *, struct str mask, int64_t when), void *, struct err *);
int store_restore(const char *dir, const char *tenant, const char *backups, int64_t until, store_erasures *, void *self, struct store_restored *,
    struct err *);

/* 0: the tenant that would be replaced tells itself who was erased, or is not there; < 0. */
int store_restore_ready(const char *dir, const char *tenant, struct err *);

/* Only say which backups it would take: from NULL when none is so old, next NULL when there is none after it. */
int store_restore_plan(const char *backups, int64_t until, struct store_restored *, struct err *);

/* Users, keys and audit of a backup, into a store that has none. */
int store_restore_system(const char *dir, const char *backup, struct err *);

int store_init(const char *dir, struct err *);                                          /* an empty store */
int store_tenant_name(const char *name, struct err *);                                  /* 0, or ERR_USAGE: it can be none's */
int store_tenant_add(const char *dir, const char *name, struct err *);                  /* names: [a-z0-9_-]{1,63} */
int store_tenant_remove(const char *dir, const char *name, struct err *);               /* its folder and all in it */
int store_has_tenant(const char *dir, struct str name);         /* a name that is none: 0; nor is one that was not made whole, here and in store_tenants */
int store_is_made(const char *dir, const char *tenant);         /* 0: not there, or its making was not finished (a full disk, a kill), so that it has nothing */
int store_has_system(const char *dir);                          /* the same of users, keys and audit */
int store_tenants(const char *dir, int (*each)(void *, const char *name), void *, struct err *);

#endif
