/* store.h - a tenant's events, metrics and state, in one memory-mapped LMDB file.
 *
 *      DIR/format                  "at-store 2\n"
 *      DIR/tenants/NAME/data.mdb   one environment a tenant
 *      DIR/system/                 tenants, users, keys, audit
 *
 * Events live in a tail (row by row, visible the moment the commit returns) and in sealed chunks:
 *
 *      store_add ──► tail ──(65,536 rows or 16 MiB)──► chunk: sorted by time, column by column, packed
 *
 * Many processes write and read at once. One tenant is opened once in a process, after any fork. No read transaction outlives
 * one call here, so a slow reader costs the file nothing. Reading may be done by several threads at once (each scan by one);
 * a transaction belongs to the thread that began it, and reading inside it sees what it wrote, but for its events.
 * at-store(5) has the format byte by byte.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "event/event.h"

struct store;

enum { STORE_READ = 0, STORE_WRITE = 1, STORE_CREATE = 2,       /* CREATE: the folders too; implies WRITE */
    STORE_ASIDE = 4 };          /* with READ: and where the file may be written, to keep what was made of it (store_kept_put in batch.h) */

/* Open tenant `tenant` of the store at `dir`. NULL and the reason: not there (the mend: at-admin init or at-ingest), a newer
 * format, a foreign file, a network file system. Tenant NULL: DIR/system, an environment like a tenant's, of which users, keys and
 * audit (lib/auth) use state and rows. */
struct store *store_open(const char *dir, const char *tenant, int how, struct err *);

void store_close(struct store *);               /* NULL is fine; an open write is abandoned */
struct str store_path(const struct store *);    /* DIR/tenants/NAME */

/* The same tenant once more, for reading, in the same process: what it holds (store_hold) is its own, so that each thread of a
 * server has one. Closed before the one it was made of. */
struct store *store_share(struct store *);
struct store *store_share_write(struct store *, struct err *);  /* and for writing, in transactions that wait for those of the others */

/* ---- rights: what the holder of a handle may read. Whatever reads through it asks them for each event, series and row, below all
 * that is made of them; so what is counted, and which names and properties there are, is as in a store that has nothing else.
 * What is kept of whole chunks (counts in headers, zone maps, batch ids) is not given out then. */
struct store_rights {
	void *(*open)(const void *self, const struct store *, struct err *);    /* what one reader needs, of one thread */
	void (*close)(void *reader);                                            /* NULL is fine */
	/* 1 and it as it may be seen, new texts borrowed until the next call; 0 it is not seen; < 0. */
	int (*event)(void *reader, struct event *, struct err *);
	int (*series)(void *reader, struct str metric, struct str *labels, struct err *);
	int (*row)(void *reader, const char *kind, struct str *json, struct err *);
	int (*event_name)(const void *self, struct str name);   /* 0: no event of that name is seen; for skipping */
	unsigned needs;                                         /* STORE_SKIP_ bits of what event() reads for itself */

	/* Where an event is seen or not by its name alone (by_name) the names that there are need no look at the events, and where all names are
	 * seen (all_names) nor do the keys of properties: key() says which of them are seen, the same in every event. */
	int by_name, all_names;
	int (*key)(const void *self, struct str key);
	uint64_t hash;                                          /* of equal rights equal: what is kept between calls is kept under it */
	const void *self;
};
void store_restrict(struct store *, const struct store_rights *);       /* borrowed as long as the handle reads; NULL: all */
const struct store_rights *store_rights(const struct store *);

/* What stands for a value that is not to be seen: the same for the same value in this tenant, and not to be turned back without
 * the store. */
#define STORE_MASK_LEN 32
void store_mask(const struct store *, struct str value, char out[STORE_MASK_LEN]);

/* ---- writing: one transaction at a time; what belongs together goes into one */
int store_begin(struct store *, struct err *);          /* waits for the tenant's writer lock */
int store_commit(struct store *, struct err *);         /* durable when it returns 0 */
int store_commit_soon(struct store *, struct err *);    /* others see it at once; a power cut may undo it. For the last of a process alone */
void store_abort(struct store *);

/* After a load of many events: make a chunk of what is left in the tail, since readers look at a tail row by row. A transaction of
 * its own; nothing is done for a few rows. */
int store_seal(struct store *, struct err *);

/* Add events; copied. Within a transaction they keep their order; event.seq is given here (ignored on input). */
int store_add(struct store *, const struct event *, struct err *);

/* How many of the transaction's events are in no chunk yet. To commit when they are few spares them the way through the tail. */
size_t store_pending(const struct store *);

/* Many events, ahead of the transaction: gathered without one, packed into chunks by other threads while more are gathered and
 * others may write, and then put into a short one. They count from then on, and in the order in which they were gathered; until
 * then they are in memory only. While there are sealed ones, no others are added with store_add. */
#define STORE_SEALED_MOST 5                     /* chunks at once */
int store_gather(struct store *, const struct event *, struct err *);   /* copied */
size_t store_gathered(const struct store *);                            /* and not sealed */
int store_gather_takes(const struct store *, size_t n, size_t bytes);   /* 1: so many more belong into the same chunk */
int store_gather_seal(struct store *);          /* what is gathered is to be a chunk; 0: one has to be put first */
int store_sealed(const struct store *);         /* chunks not put yet */
int store_sealed_packed(const struct store *);  /* 1: the oldest of them is packed */
int store_put_sealed(struct store *, struct err *);     /* put the oldest, which may have to be waited for */
int store_put_gathered(struct store *, struct err *);   /* add what is gathered and not sealed, as store_add does */
void store_gather_forget(struct store *);       /* what was not put is dropped */

/* Metric samples: one row of metric fields. labels is a compact JSON object with keys in byte order. A series is (metric,
 * labels, field, window); adding one at the same time again replaces. */
struct store_sample { struct str metric, labels, field; int64_t time; double value; struct str window; struct str state; };
int store_add_sample(struct store *, const struct store_sample *, struct err *);

/* The same in two steps, for many samples of the same series: the series (time, value and state are not looked at), which
 * stays valid until store_series_age gives another number (that may change with a commit) or the store is closed; and a sample of it. */
struct store_series;
struct store_series *store_series(struct store *, const struct store_sample *, struct err *);

/* How many series the tenant may have before new ones are refused; 0 (at first): any number. Samples of those that are there are taken as
 * before; those of further ones are left out when they are written, and counted, as a label with a value of its own for each request
 * would else fill the index. store_series_fits says it at once, in the transaction: 1, 0 it is one too many, < 0. */
void store_limit_series(struct store *, uint64_t most);
int store_series_fits(struct store *, struct store_series *, struct err *);
uint64_t store_samples_refused(const struct store *);           /* since the handle was opened */
uint64_t store_series_age(struct store *);
int store_add_point(struct store *, struct store_series *, int64_t time, double value, struct err *);

/* Whole rows of the kinds alert, anomaly, match, insight: kept as JSON text by time. */
int store_add_row(struct store *, const char *kind, int64_t time, struct str json, struct err *);

/* Small named state (offsets of files, open windows, detector models); kind and name together are the key. */
int store_put_state(struct store *, const char *kind, struct str name, struct str value, struct err *);
int store_get_state(struct store *, const char *kind, struct str name, struct buf *value, struct err *);  /* 1, 0 none, < 0 */
int store_each_state(struct store *, const char *kind, int (*each)(void *, struct str name, struct str value), void *, struct err *);
int store_has_state(struct store *, const char *kind, struct err *);    /* 1 when there is one of that kind, 0, < 0 */
int store_drop_state(struct store *, const char *kind, struct str name, struct err *);

/* Was the event id seen with a time less than `span_ms` from this one, before or after? 1 seen; 0 new, and from now on remembered with
 * this time; < 0. In a write transaction: what it remembers is committed with it. Ids are compared by a keyed 128-bit hash, so
 * two different ones are never taken for the same in practice. dedupe.h says why this is no B-tree. */
int store_seen(struct store *, struct str id, int64_t time, int64_t span_ms, struct err *);
int store_was_seen(struct store *, struct str id, int64_t time, int64_t span_ms, struct err *);         /* the same, and remembers nothing */

/* ---- reading: a scan sees the store as it was when it was opened */
struct store_range {
	int64_t from, to;       /* from <= time < to, none where to is before from; TIME_MIN and TIME_MAX + 1 for all */
	const struct str *names;/* only events with one of these names; n_names 0: all */
	int n_names;
	struct str user_id;     /* only this user's; p NULL: all. May let others through: a hint for skipping */
	const struct str *users;/* batches: only those of these, borrowed; n_users 0: all. Likewise */
	int n_users;
	uint64_t after;         /* only what came after the event with this seq; 0: all. May let others through: a hint for skipping */
	uint64_t until;         /* only what came up to the event with this seq; 0: all. Likewise */
	int whole;              /* batches: all rows of the chunks that may have rows in the range, also those outside it */
	size_t newest;          /* > 0, batches: the tail first, then the chunks that end last, of each at most so many rows, its newest (of the tail those
				 * that came last): for who looks at some of the newest rows only */
	int by_time;            /* 1: in order of (time, seq); 0: as they lie, which is faster */
	unsigned skip;          /* STORE_SKIP_ bits of what the caller does not read: it may be missing in the events, and costs nothing */
};
enum {
	STORE_SKIP_RECEIVED = 1, STORE_SKIP_ID = 2, STORE_SKIP_USER = 4, STORE_SKIP_SESSION = 8,
	STORE_SKIP_PROPERTIES = 16,     /* the dearest: properties are then "{}" */
};
/* Until store_let_go every scan and every store_batches (batch.h) opened here sees the events as they were now, and no row that came later,
 * so that an answer that reads them more than once never mixes two states. samples: and whatever reads series, samples and the
 * vocabulary sees them as they were now too, which costs a copy of all of them, packed, in memory or in a temporary file; without it each read of samples is of one moment, but not
 * all of the same. Not for several threads at once. */
int store_hold(struct store *, int samples, struct err *);
void store_let_go(struct store *);              /* fine when nothing is held; what is open stays as it is */
void store_limit_copies(struct store *, size_t most);   /* bytes of memory that samples copied by all reads at once, and by store_hold, may take; 128 MiB at
				 * first. What is more lies in temporary files, in $TMPDIR. */

struct store_scan;
struct store_scan *store_scan_open(struct store *, const struct store_range *, struct err *);
/* 1, 0 at the end, < 0; borrowed until the next call. After ERR_CORRUPT the damaged chunk is passed over: calling again goes on
 * with the rest. */
int store_scan_next(struct store_scan *, struct event *, struct err *);
void store_scan_close(struct store_scan *);
int64_t store_scan_read(const struct store_scan *);     /* rows looked at so far */

/* The events' vocabulary: names with counts, and property keys. Kept in the store as events come. */
int store_each_name(struct store *, int (*each)(void *, struct str name, int64_t count, int64_t first, int64_t last), void *, struct err *);
int store_each_property(struct store *, int (*each)(void *, struct str key, int64_t count), void *, struct err *);

/* Metrics: which series match, and their samples in runs, series by series, each in order of time. An index from metric, field
 * and label to series finds them, so it costs what it gives. */
struct store_label { struct str key, value; };          /* a label that is a text, unquoted */
struct store_match {
	struct str metric, field;       /* p NULL: any */
	const struct store_label *labels;
	int n_labels;
	int64_t from, to;               /* from <= time < to; of the samples */
	int64_t rung;                   /* > 0: roll-ups of at most this width may stand for samples, where there are some */
	enum { STORE_SUM, STORE_LEAST, STORE_GREATEST, STORE_STATES } of;       /* what the value of a roll-up is; STATES: its sum, with its merged state */
	int (*wants)(void *self, const struct store_sample *);  /* asked for each that matches so far; NULL: all */
	void *self;
};
struct store_run {
	const struct store_sample *series;      /* its texts */
	size_t number;                          /* of the series among those that match, from 0 */
	const int64_t *time;
	const double *value;
	const struct str *state;                /* NULL: none has one; of roll-ups only with STORE_STATES */
	const double *count;                    /* of roll-ups: of how many samples each is; NULL: these are samples */
	size_t n;
};
int store_each_series(struct store *, const struct store_match *, int (*each)(void *, const struct store_sample *), void *, struct err *);

/* The series are cut into `parts`, always the same way; each part is read in order by one thread, several of them by as many threads as
 * there are cores (AT_THREADS says otherwise), and `each` gets its number. So what is summed up part by part is the same on
 * every machine. A transaction is open meanwhile: `each` waits for nobody, and begins none. 0, < 0, or what `each` gave, which ends it.
 * What is given is of one moment. It may take so long that samples are written differently meanwhile: then all that was given is
 * to be forgotten, which is what `anew` is called for, once, by the caller's thread, and comes anew. In a write transaction that is never so. */
int store_each_run(struct store *, const struct store_match *, int parts, int (*each)(void *, int part, const struct store_run *),
    void (*anew)(void *), void *, struct err *err);

/* The same one after the other, when the caller asks. The texts of the match must last as long; a run until the next call. */
struct store_samples;
struct store_samples *store_samples_open(struct store *, const struct store_match *, struct err *);
int store_samples_next(struct store_samples *, struct store_run *, struct err *);       /* 1, 0 at the end, < 0 */
void store_samples_close(struct store_samples *);

/* A further reader of the same, for another thread: each takes series that nobody has taken, some at once that follow on each other; the
 * number behind the last of them. Closed before the first. How many series there are. */
struct store_samples *store_samples_share(struct store_samples *);
size_t store_samples_taken(const struct store_samples *);
size_t store_samples_series(const struct store_samples *);

/* The ladder: how long samples are kept, and which roll-ups of them for how long. One is kept with the tenant, so that all who
 * write make the same; to set it again changes what is made and kept from then on. */
#define STORE_RUNGS 8
struct store_rung { int64_t width_ms, keep_ms, floor; int number; };    /* raw: width 0; keep 0: for ever; nothing before floor is there */
struct store_ladder { struct store_rung rung[STORE_RUNGS]; int n; };    /* raw, then by width */
int store_ladder_parse(struct str, struct store_ladder *, struct err *);        /* "raw 7d, 1m 90d, 1h 2y", or "90d" for raw alone */
struct config;
int store_ladder_config(const struct config *, struct store_ladder *, struct err *);    /* retention.metrics; n 0 when it is not there */
int store_ladder_follow(struct store *, const struct config *, struct err *);           /* set it, when there are roll-ups in it; and limits.series */
int store_ladder_set(struct store *, const struct store_ladder *, struct err *);        /* a transaction of its own, when it is another */
int store_ladder_get(struct store *, struct store_ladder *, struct err *);              /* 1, 0 none was set, < 0 */

/* The labels there are, each once, and how many series have it. */
int store_each_label(struct store *, int (*each)(void *, struct str label, uint64_t series), void *, struct err *);

/* Samples of each series of a metric (p NULL: of all), series by series, each in order of time. */
int store_each_sample(struct store *, struct str metric, int64_t from, int64_t to,
    int (*each)(void *, const struct store_sample *), void *, struct err *);

extern const char *const store_row_kinds[];     /* those there are; behind the last one NULL */

/* Does a row, or a series' labels, name somebody for whom is() says so: a user_id anywhere in it, as of the events of a match; numbers by
 * their digits, as events have them. */
int store_row_names(struct json row, int (*is)(void *self, struct str user), void *self);

/* Rows of a kind in order of time. After ERR_CORRUPT those in front of the damaged one have been given. */
int store_each_row(struct store *, const char *kind, int64_t from, int64_t to, int (*each)(void *, int64_t time, struct str json), void *, struct err *);

/* The number of the last committed transaction that changed this tenant: caches and followers compare it. */
uint64_t store_version(struct store *);

/* ---- following: what came since a place, whichever process wrote it, at the cost of what came (and of a chunk, where one was made of
 * it meanwhile). A place goes into any store of this tenant, now or later; zeros are the beginning. Not under rights. */
struct store_place { uint64_t version, seq, chunk, row, samples; };
int store_place_now(struct store *, struct store_place *, struct err *);
struct store_news {
	int (*event)(void *self, const struct event *, struct err *);   /* in the order in which they came */
	/* Of the kinds that are asked for, in that order too: which it is of all rows, as store_place.row counts them. */
	int (*row)(void *self, const char *kind, uint64_t number, struct str json, struct err *);
	const char *const *kinds;                                       /* behind the last one NULL */
	void *self;
};
/* 1 and the place moved behind all that was told, 0 nothing is new, < 0. *samples: 1 when metric samples came too, or may have. A result of a
 * callback other than 0 ends it; the place stays before what it was given, or, of very many events, before these and some others. */
int store_each_new(struct store *, struct store_place *, const struct store_news *, int *samples, struct err *);

/* A descriptor that can be read whenever somebody writes to the tenant's file, in any process: for poll. Often before the commit is
 * to be seen: what comes of it is known by store_each_new, soon after. What it gives is read and thrown away; closed by the
 * caller. < 0 where there is none: look every now and then. */
int store_watch(const struct store *, struct err *);

#endif
