/* store_priv.h - what the files of the store share: the environment, its tables, values with their check.
 *
 * Every value in every table begins with four bytes: the CRC32C (little-endian) of the table's number, the key and the rest
 * of the value. So a flipped bit in a key or a value is found when it is read, and a value under a wrong key too. All reading and
 * writing of LMDB goes through the functions below, which turn a fault of a damaged file (a wild pointer inside LMDB, a value
 * that reaches beyond the file, an assertion) into ERR_CORRUPT: env.c says how.
 */
#ifndef STORE_STORE_PRIV_H
#define STORE_STORE_PRIV_H

#include <lmdb.h>
#include <pthread.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/aside.h"
#include "base/map.h"
#include "store/batch.h"
#include "store/admin.h"
#include "store/chunk.h"
#include "store/dedupe.h"
#include "store/keys.h"
#include "store/store.h"
#include "store/tail.h"

#define STORE_FORMAT     2              /* of DIR/format and of each environment */
#define STORE_CHUNK_ROWS 65536          /* events of a full chunk */
#define STORE_CHUNK_RAW  (16 << 20)     /* bytes of rows that fill a chunk with fewer */
#define STORE_BATCH_RAW  (64 << 10)     /* bytes of rows after which a batch of the tail ends */
#define STORE_KEYS_MOST  100000         /* property keys the vocabulary holds */
#define STORE_KEY_MOST   400            /* bytes of the longest property key it holds */
#define STORE_COPY_MOST  ((size_t)128 << 20)     /* bytes of memory for the samples that a handle copies, where nobody says less; what is more lies in files */
#define STORE_VALUE_MOST (1u << 30)     /* bytes of a value: more is refused */
#define STORE_SERIES_MOST ((1ULL << 56) - 1)    /* the upper byte of a series' number is that of a rung */

/* The tables; their numbers are part of the format. */
enum store_table {
	STORE_META,     /* "format", "head", "hash" */
	STORE_TAIL,     /* first seq -> batch of rows (tail.h) */
	STORE_CHUNKS,   /* chunk -> header (chunk.h) */
	STORE_BLOCKS,   /* chunk, column, part -> packed column (chunk.h) */
	STORE_REMOVED,  /* version, chunk -> nothing: chunks no longer listed, kept for the scans that still read them */
	STORE_VOCAB,    /* 'n' name -> count, first, last;  'k' property key -> count */
	STORE_STATE,    /* kind 0 name -> name, value */
	STORE_ROWS,     /* kind 0 time number -> JSON */
	STORE_INDEX,    /* metric 0 hash -> series; 0xff …: postings (series_priv.h) */
	STORE_SERIES,   /* series -> metric, labels, field, window */
	STORE_SAMPLES,  /* series, first time -> samples (samples.h); 0, number -> batch of the tail (series.c) */
	STORE_RECENT,   /* number -> event ids seen lately (dedupe.h) */
	STORE_RUNS,     /* run, part -> event ids in order, or the filter in front of them (dedupe.h) */
	STORE_TABLES
};
extern const char *const store_table_names[STORE_TABLES];

/* The counters of an environment; "head" in STORE_META holds them as little-endian 64-bit numbers in this order. */
struct store_head {
	uint64_t version;       /* counts commits that changed something */
	uint64_t next_seq;      /* of the next event */
	uint64_t events;        /* in tail and chunks */
	uint64_t tail_rows, tail_bytes;
	uint64_t next_chunk, chunks;
	uint64_t keys;          /* property keys in the vocabulary */
	uint64_t next_series, series, samples;
	uint64_t next_row;
	uint64_t next_recent, recent;   /* dedupe: next number, entries in STORE_RECENT */
	uint64_t next_run;
	uint64_t dedupe;        /* version of the dedupe tables */
};
#define STORE_HEAD_N (sizeof(struct store_head) / sizeof(uint64_t))

struct store_pending;           /* samples not yet written (series.c) */

struct store {
	MDB_env *env;
	MDB_dbi table[STORE_TABLES];
	char *dir, *path;               /* of the store, of the tenant */
	int how;
	int format;                     /* of the environment; an older one becomes STORE_FORMAT with the next commit */
	int scans_fd;                   /* the file scans.lock, see snapshot.c and compact.c; -1 where it cannot be opened */
	struct store *of;               /* store_share: who has the environment; NULL: this one */
	pthread_rwlock_t *map_lock;     /* held for reading by every read transaction, for writing while the map grows */
	pthread_rwlock_t map_lock_own;
	const struct store_rights *rights;      /* NULL: all is read */
	struct store_vocabs *vocabs;    /* of who has the environment: rights.c */
	int shares;                     /* handles made of it */
	uint64_t page;                  /* bytes */
	const char *map;                /* where the file is mapped, of who has the environment; NULL: not known, or no more */

	MDB_txn *txn;                   /* the write transaction, or NULL */
	pthread_t writer;               /* who has it */
	struct store_head head;         /* as the write transaction leaves it */
	int changed;                    /* something was written since store_begin */
	int pieces_changed;             /* pieces of samples were, or the ladder, which the commit counts (store_seals) */
	uint64_t hash_key[2];           /* of the store's own 128-bit hashes */

	struct tail_rows pending;       /* events added and not yet put into tail or chunk */
	uint64_t pending_seq;           /* seq of the first of them */
	struct keys keys;               /* property keys of the transaction's events */
	struct map names;               /* names of the transaction's events -> index into name_counts */
	struct store_name_count { int64_t count, first, last; } *name_counts;
	size_t n_names, cap_names;
	struct store_pending *samples;
	uint64_t series_most, samples_refused;
	struct aside_bound copies;      /* of samples that readers copy (series_copy.c) */
	int64_t view_ns;                /* how long one of their transactions is kept; 0: STORE_VIEW_NS */
	struct dedupe *dedupe;
	struct chunk_packed packed;
	struct store_sealer *sealer;    /* gather.c; NULL until it is wanted */
	struct store_state *held;       /* what readers see between store_hold and store_let_go (snapshot.c); NULL: each the newest */
	struct pack pack;               /* of the writer */
	struct buf value;               /* scratch */
};

/* A read transaction for the length of one call; inside a write transaction of the same thread, that one. */
struct store_view {
	struct store *s;
	MDB_txn *txn;
	int own;
};
int store_view_open(struct store_view *, struct store *, struct err *);
void store_view_close(struct store_view *);
int store_view_head(const struct store_view *, struct store_head *, struct err *);

/* Say an LMDB code in words. Returns the ERR_ code. */
int store_fail(const struct store *, int rc, const char *doing, struct err *);

/* Reading. 1 and the value without its check, 0 not there, < 0. Values are borrowed from the map until the view or the write
 * transaction ends or writes. */
int store_fetch(const struct store_view *, enum store_table, struct str key, struct str *value, struct err *);

/* The same, appended: for what is copied anyway, which need not be mapped then. */
int store_fetch_copy(const struct store_view *, enum store_table, struct str key, struct buf *out, struct err *);
#define STORE_PAGE_HEAD 16      /* bytes before the value that has pages of its own */

/* Check and value as they lie, whatever they are, in the write transaction; appended. */
int store_fetch_raw(struct store *, enum store_table, struct str key, struct buf *out, struct err *);

/* As store_fetch without computing the check: for what this process has checked before. */
int store_fetch_again(const struct store_view *, enum store_table, struct str key, struct str *value, struct err *);

/* Walk a table from the first key >= from. 1, 0 at the end, < 0. When a value fails its check, *value is {NULL,0}, the code is
 * ERR_CORRUPT and the walk may go on. store_walk_next with a `cur` that is zero but for `view` and `table` begins. */
struct store_cursor {
	const struct store_view *view;
	enum store_table table;
	MDB_cursor *cur;
	uint64_t left;                  /* entries that can still come: a damaged tree may have loops */
	int ended;
	int keys_only;                  /* the values are not read, but for store_walk_value and store_walk_mark */
	struct str raw;                 /* the value at hand as it lies, with its check, which nobody touched */
	struct str prefix;              /* p not NULL: the values under keys that do not begin so are not read, nor is it told that they are damaged */
};
int store_walk(struct store_cursor *, struct str from, struct str *key, struct str *value, struct err *);
int store_walk_next(struct store_cursor *, struct str *key, struct str *value, struct err *);
int store_walk_before(struct store_cursor *, struct str at, struct str *key, struct str *value, struct err *);   /* the last key <= at */
int store_walk_prev(struct store_cursor *, struct str *key, struct str *value, struct err *);   /* the one before, after a walk found one */
void store_walk_end(struct store_cursor *);

/* The value at hand of a walk over keys: checked; or what it is known by without reading it, which costs a line of memory. 0, < 0. */
struct store_mark { uint64_t len; char begins[24]; };   /* check, and of a piece of samples how many and from when to when */
int store_walk_value(const struct store_cursor *, struct str key, struct str *value, struct err *);
int store_walk_mark(const struct store_cursor *, struct store_mark *);
int store_count(const struct store_view *, enum store_table, uint64_t *, struct err *);

/* Writing, inside the write transaction. */
int store_put(struct store *, enum store_table, struct str key, struct str value, struct err *);
int store_put_last(struct store *, enum store_table, struct str key, struct str value, struct err *); /* key is beyond all there */
int store_guarded_get(MDB_cursor *, MDB_val *key, MDB_val *data, MDB_cursor_op);
int store_delete(struct store *, enum store_table, struct str key, struct err *);      /* fine when it is not there */
int store_empty(struct store *, enum store_table, struct err *);
void store_view_of_txn(struct store *, struct store_view *);

/* Keys: numbers big-endian, times shifted to be unsigned, so that byte order is their order. */
void store_key64(char out[8], uint64_t);
uint64_t store_key64_get(const char *);
static inline uint64_t
store_key_time(int64_t t)
{
	return (uint64_t)t ^ (1ULL << 63);
}
static inline int64_t
store_key_time_get(uint64_t k)
{
	return (int64_t)(k ^ (1ULL << 63));
}

/* 128-bit hash of the store (SipHash-2-4 with a key drawn when the tenant was made). */
void store_hash(const struct store *, struct str, uint64_t out[2]);

/* Folders and files, never through a symbolic link. */
int store_make_dir(const char *path, struct err *);             /* 0700; fine when it is there; the parent is synced */
int store_sync_dir(const char *path, struct err *);
#define STORE_ANYWHERE 8        /* beside STORE_CREATE or alone: nobody opens it, so that it may be on a network's file system */
int store_check_format(const char *dir, int how, struct err *);
int store_tenant_name_ok(const char *name);
char *store_tenant_path(const char *dir, const char *tenant);   /* NULL: the system's; the caller frees */
int store_damaged(struct err *, const struct store *, const char *what);

/* retain.c: what there is of users for whom `is` gives 1, in the write transaction; came: when an event came in, TIME_NONE of what is made
 * of events. user: there is only this one, p NULL: any. */
struct store_dropped;
int store_erase(struct store *, struct str user, int (*is)(const void *, struct str user, int64_t came), const void *self, int dry,
    struct store_dropped *, struct err *);

/* compact.c: a copy of this moment without free pages, as a new file; durable. On failure a part of it may lie there. */
int store_copy(struct store *, const char *path, struct err *);

/* The environment closed and opened again around what `between` does to its files; nobody else has it open then. */
int store_reopen(struct store *, int (*between)(struct store *, struct err *), struct err *);

/* For an environment that has nothing yet, in its write transaction: hashes as in the other, so that masks are the same. */
int store_hash_as(struct store *, const struct store *other, struct err *);
int store_lock_open(struct store *, int alone, struct err *);  /* 0; 1 when alone and others have it open; < 0 */
void store_mark_made(struct store *);           /* in scans.lock: that something was stored. For want of it nothing is lost */

/* A write transaction for what may as well be left: a handle of its own, only while nobody else writes. NULL, mostly without an
 * error, when somebody does or the file cannot be written. It does not count as a change of the store (store_version). */
struct store *store_begin_aside(struct store *, struct err *);
int store_end_aside(struct store *, int keep, struct err *);   /* committed, or dropped; the handle is gone */

/* What cannot be read and is left as it is: how many things, and the first of them in words. */
struct store_damage { int64_t n; struct err first; };
void store_damage_note(struct store_damage *, struct err *);    /* takes the error, which is then cleared */

/* Parts of a commit. */
int store_flush_events(struct store *, struct err *);
int store_flush_vocab(struct store *, struct err *);
int store_flush_samples(struct store *, struct err *);
int store_count_seal(struct store *, struct err *);     /* pieces_changed: for store_seals */
int store_flush_dedupe(struct store *, struct err *);
void store_forget_events(struct store *);

/* ---- gather.c: pending rows become chunks */
int store_sealer_seal(struct store *, struct err *);            /* all pending rows are to be one, of this transaction */
int store_sealer_put(struct store *, int all, struct err *);    /* put those that are packed, or all, into it */
void store_sealer_forget(struct store *);                       /* those of this transaction */
void store_sealer_free(struct store *);
void store_forget_samples(struct store *);
void store_free_samples(struct store *);
void store_forget_dedupe(struct store *, int committed);

/* events.c: chunks */
int store_put_chunk(struct store *, const struct event *sorted, size_t n, struct err *);
int store_seal_tail(struct store *, int all, struct err *);
int store_remove_chunk(struct store *, uint64_t chunk, struct err *);   /* off the list; its blocks go when no scan needs them */
int store_purge(struct store *, struct err *);                          /* blocks of removed chunks that nobody reads */
int store_vocab_take(struct store *, char what, struct str name, int64_t count, int64_t not_before, struct err *);
int store_fetch_block(void *view_and_chunk, int column, int part, struct buf *, struct err *);
struct store_block_source { const struct store_view *view; uint64_t chunk; };
void store_sort_events(struct event *, size_t n);
int store_event_fault(const struct event *, struct err *);      /* what no store takes: ERR_INPUT, ERR_LIMIT; else 0 */
int store_put_packed(struct store *, const struct chunk_packed *, struct err *);
void store_count_name(struct store *, const struct chunk_name *);       /* so many events more of that name */

/* The whole tail, in the write transaction; released also when it failed. Batches that cannot be read are counted, and lost is how many rows
 * they have; store_put_tail puts others in the place of those that could be read, and leaves them. */
struct store_tail {
	struct event *ev;               /* in order of seq, with room for `more`; their texts lie in batches */
	size_t n, unread, lost;
	struct buf batches;             /* key (0: cannot be read), value as a text */
};
int store_read_tail(struct store *, struct store_tail *, size_t more, struct err *);
void store_tail_release(struct store_tail *);
int store_put_tail(struct store *, const struct store_tail *was, const struct event *in_order_of_seq, size_t n, struct err *);
int store_read_chunk(struct store *, uint64_t id, struct arena *, struct event **, size_t *n, struct err *);    /* in the write transaction; appended */
int store_put_events(struct store *, struct event *, size_t n, struct err *);   /* sorted here, as full chunks and a rest */

/* snapshot.c: of what is held. The vocabulary, key and value as texts; NULL when it is not. No row has a number as great as that. */
const struct buf *store_held_vocab(const struct store *);
uint64_t store_held_next_row(const struct store *);

/* kept.c: states of a chunk lie among its blocks, as this column */
#define STORE_KEPT_COLUMN 255

/* snapshot.c: what a reader sees, shared by scans and batches. Nothing in it changes but where the tail is being read. */
struct store_state;                     /* all chunks and the tail of one moment */
struct store_source {                   /* a chunk of the list */
	uint64_t id;
	int64_t min_time, max_time;
	size_t rows;
	size_t at, len;                 /* its header in store_snapshot.headers */
};
struct store_snapshot {
	struct store *s;
	struct store_range range;       /* names are in the map, the user is a copy */
	struct map names;
	char *user;
	struct store_state *state;
	struct store_source *source;    /* that may have rows in the range */
	size_t n_sources, n_listed;     /* n_listed: chunks there are */
	struct str headers, batches;    /* of the state: packed headers; the tail: seq, length, value … */
	size_t batch_at;                /* reading `batches` */
	struct tail_iter rows;
	struct err damage;              /* chunks and batches that are missing, until that is told */
};
int store_snapshot_take(struct store_snapshot *, struct store *, const struct store_range *, struct err *);     /* released also when it failed */
void store_snapshot_release(struct store_snapshot *);
int store_snapshot_name_wanted(const struct store_snapshot *, struct str name);
/* The next row of the tail, wanted or not: 1, 0 at the end, < 0; what is damaged is told once, behind all that can be read. */
int store_snapshot_tail(struct store_snapshot *, struct event *, struct err *);
int store_snapshot_fetch(const struct store_snapshot *, uint64_t chunk, int column, int part, struct buf *, struct err *);

/* rights.c: each row of a chunk in the range of time that rights let through, with a name that is wanted, in order. What is wanted
 * (bits 1 << column) is there. */
struct store_seer {                     /* zeros are ready; one a thread */
	const struct store_snapshot *snap;
	void *reader;                   /* of the rights */
	struct chunk chunk;
	uint64_t id;
};
void store_seer_release(struct store_seer *, const struct store *);
int store_seer_chunk(struct store_seer *, const struct store_snapshot *, const struct store_source *, unsigned want,
    int (*each)(void *, const struct event *, struct err *), void *, struct err *);
int store_seer_event(struct store_seer *, const struct store *, struct event *, struct err *);     /* 1, 0, < 0 */
unsigned store_columns(unsigned skip);  /* what chunk_row is asked for when STORE_SKIP_ bits say what not */

/* The vocabulary of what rights let through, as copy_vocab of events.c has it. */
int store_rights_vocab(struct store *, char what, struct buf *, struct err *);
void store_vocabs_free(struct store_vocabs *);

/* Is a scan open that may read what version `version` removed? */
int store_lock_version(const struct store *, uint64_t version);         /* what is listed then stays until the fd is closed; -1 none */
int store_scans_before(const struct store *, uint64_t version);

/* series.c */
int store_seal_samples(struct store *, struct err *);           /* their tail into pieces, in the write transaction; */
int store_samples_sealed(struct store *, struct err *);         /* 0, or ERR_CORRUPT: some of it cannot be read, and is left */
/* Small pieces of this and further series; 1 there are more. A series with what cannot be read is noted and passed over. */
int store_merge_samples(struct store *, uint64_t *series, struct store_damage *, struct err *);

#endif
