/* query.h - SQL over a store, or over rows that are not stored.
 *
 * A statement is rewritten (rewrite.h) and run by SQLite over virtual tables (tables.h). The database is in memory, defensive,
 * and read only by authorizer: SELECT and nothing else. Time and memory can be bounded, and a signal can end a statement.
 */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "auth/trail.h"
#include "auth/policy.h"
#include "config/config.h"
#include "json/cell.h"
#include "store/store.h"

struct query_spec {
	const char *store, *tenant;     /* opened when a statement first reads it */
	struct store *opened;           /* this process has the tenant open already: shared (store_share); NULL: it has not */
	struct store *trail;            /* (auth/trail.h) what the table audit shows, of the tenant; NULL: where the store is not `opened`, its own, else nothing */
	struct policy *policy;          /* all that is read is read under it, names in messages too; held here. NULL: everything */
	const char *input, *input_format;       /* the table `input`: a FILE or "-"; its format, or NULL to detect it */
	const struct config *config;    /* own functions; NULL: none */
	const struct zone *zone;        /* days, weeks and hours of the day; NULL: UTC */
	int64_t timeout_ms;             /* of one statement; 0: none */
	int64_t memory;                 /* bytes that SQLite and tables of groups and rows may take in this process; 0: no bound */
	int keep_answers;               /* an answer is given again while nothing has changed (cache.h): for shells and servers */
	int large_heap;                 /* mem_large_heap() once a statement takes long: for a process that ends after it */
	int (*stopping)(void);          /* asked now and then: other than 0 ends the statement */
};

struct query;
struct query *query_open(const struct query_spec *, struct err *);
void query_close(struct query *);

/* From the next statement on the table audit shows this; NULL: nothing, for who may not read it. */
void query_set_audit(struct query *, struct store *trail);

/* From the next statement on another policy. What is known of the store under the old one is forgotten, unless both are equal. */
void query_set_policy(struct query *, struct policy *);
struct policy *query_policy(const struct query *);      /* borrowed; NULL: none */

/* Statements end by then in any case (monotonic ns, 0: never), so that many of them for one answer have one deadline. */
void query_set_until(struct query *, int64_t until);

/* Where an answer goes: first its columns, then each row. Other than 0 ends the statement. */
struct query_sink {
	int (*columns)(void *self, const struct str *names, int n, struct err *);        /* NULL: nobody asks for their names */
	int (*row)(void *self, const struct cell *, int n, struct err *);
	void *self;
};

/* :name, @name, $name; the n-th for the n-th ?. Who has no types says a number as it is printed. */
enum query_param_type { QUERY_PARAM_SAID, QUERY_PARAM_TEXT, QUERY_PARAM_NUMBER, QUERY_PARAM_NULL };
struct query_param { struct str name, value; enum query_param_type type; };
struct cell query_param_cell(const struct query_param *);       /* what it is bound as; borrowed */

/* Run the statement of sql at byte *at, which moves behind it. 1; 0 when there is no further statement; < 0 with "LINE:COL: "
 * in front of what is wrong. After ERR_CORRUPT, of a statement that only picks rows of a table, those that could be read have been
 * given; of any other none, for they would be wrong. */
int query_run(struct query *, struct str sql, size_t *at, const struct query_param *, int n_params, const struct query_sink *, struct err *);

/* The same for a table function called as a verb: its rows without SQL. */
struct table_function;
int query_call(struct query *, const struct table_function *, const struct cell *args, const struct query_sink *, struct err *);

/* Around what is asked of the store without a statement or a verb, metric_run for one: the clock of timeout_ms starts. 0 or < 0. */
int query_begin(struct query *, struct err *);
void query_end(struct query *);

/* How a statement would be run: what it was rewritten to, then SQLite's plan, each line a row of one cell. */
int query_plan(struct query *, struct str sql, struct cell_sink, struct err *);

int64_t query_read(const struct query *);               /* rows that the last statement looked at */
struct str query_behind(struct str);                    /* of what is left behind a statement: without blanks, semicolons and comments in front */
struct store *query_store(struct query *, struct err *);        /* opened on the first call */
const struct zone *query_zone(const struct query *);
const struct config *query_config(const struct query *);
int query_stopped(struct query *, struct err *);        /* in long loops: 0, or ERR_CANCEL with the reason */

/* Names for completion, messages and .schema: tables with what they hold, and the columns of one. */
int query_each_table(struct query *, void (*each)(void *, const char *name, const char *does), void *, struct err *);
int query_each_column(struct query *, const char *table, int (*each)(void *, struct str name, struct err *), void *, struct err *);

#endif
