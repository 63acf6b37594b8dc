/* query_priv.h - what the tables see of an open query. */
#ifndef QUERY_QUERY_PRIV_H
#define QUERY_QUERY_PRIV_H

#include <sqlite3.h>

#include "base/map.h"
#include "query/functions.h"
#include "query/query.h"
#include "query/tracks.h"
#include "query/vector.h"

struct query {
	struct query_spec spec;
	sqlite3 *db;
	struct functions *functions;
	struct store *store;
	struct store_rights rights;     /* by the policy, for the store */
	int names_rowid;                /* the statement at hand says rowid or oid somewhere; 2: of events, under a policy */
	int apart;                      /* no plan reads what another one gives: its groups, which are many, go into a file then */
	int by_time;                    /* the statement at hand has an aggregate to which the order of rows matters: events come by (time, seq) */
	int declaring;                  /* a table tells its columns: what SQLite does for that is not the user's */
	uint64_t version;               /* of the store when its columns were read */
	int64_t deadline, until, read;  /* of the statement, of all of them: monotonic ns, 0 none; rows looked at */
	int cancelled;                  /* 1 stopped, 2 over time */
	int cancel_told;
	struct err failure;             /* what a table said: SQLite passes on only its text */
	struct err damage;              /* the first damaged chunk of the statement */
	struct map properties;          /* of the store's events, as they are spelled */
	int know_properties;
	struct map input_columns;       /* of the rows of -i, likewise; they do not change */
	int know_input;
	void *events, *samples;         /* the tables', while they are known: tables_events.c, tables_samples.c */
	struct buf input;               /* rows of -i */
	struct cache *cache;            /* NULL: answers are not kept */
	int held;                       /* the store is held as the statement first saw it, */
	int samples_too;                /* its samples too: the statement reads them and more, or more than once */
	int changing;                   /* the statement at hand reads what the tenant's version does not count: random numbers, the audit, the clock in other threads */
	struct store *own_trail;        /* opened for the table audit, when nobody gave one */
	struct table_rows *input_rows;
	uint64_t statement;             /* counts them */
	struct vector_plans plans;      /* of the statement at hand: what vector(N) reads */
};

/* Is there a store to read? */
static inline int
query_has_store(const struct query *q)
{
	return q->spec.store || q->spec.opened;
}

/* Before events are read for a statement: all that it reads is of one state of the store. 0 or < 0. Let go when it ends. Before
 * samples are: likewise, where the statement reads more than them once. */
int query_hold(struct query *, struct err *);
int query_hold_samples(struct query *, struct err *);

/* The events that users are followed through, all of them: what bounds an answer is a range of beginnings. 0 or < 0. */
int query_tracks(struct query *, struct tracks *, struct err *);

/* Before a statement that stands inside the user's own is prepared: what is forbidden there is forbidden in it. */
void query_within(struct query *, struct str sql);
/* The i-th parameter is the cell. lasts: SQLITE_STATIC when its text does until the statement ends, else SQLITE_TRANSIENT. */
void query_bind_cell(sqlite3_stmt *, int i, const struct cell *, sqlite3_destructor_type lasts);
int query_is_property(struct query *, struct str name); /* of any event in the store, as it is spelled */

/* A database in memory with SQLite made safe, our functions, and reading only; no tables. Close it, then free the functions; also
 * when it failed. For one thread at a time. */
int query_connect(struct query *, sqlite3 **, struct functions **, struct err *);

/* ---- memory: what is held beside SQLite's heap counts as what is in it does */
void query_heap_beside(int64_t by);             /* so many bytes more, of any query of the process; or less */
int64_t query_heap_left(const struct query *);  /* of spec.memory, which is not 0: what a plan may hold now */

#endif
