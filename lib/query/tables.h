/* tables.h - what SQL can read: the store's events, metrics and rows, the rows of -i, and functions that give rows.
 *
 *      events(event, timestamp, received_at, id, user_id, session_id, properties, <every property seen>)
 *      metrics(metric, timestamp, field, value, labels, <every label seen>)
 *      anomalies, alerts, insights, audit, input
 *
 * Each is a virtual table that takes what it can of the WHERE clause: a range of time, an event's name, a user, a metric.
 * SQLite's names of columns know no upper and lower case: of two properties that differ in nothing else the second one's column
 * ends in _2, and both are there by their exact names as properties.Page and properties.page.
 */
#ifndef QUERY_TABLES_H
#define QUERY_TABLES_H

#include "query/query.h"

struct tables_entry { const char *name, *does; };
extern const struct tables_entry tables_all[];          /* a row of zeros at the end */

struct sqlite3;
int tables_add(struct query *, struct err *);           /* all tables and table functions to query's database */
void tables_release(struct query *);                    /* what they kept, once the database is closed */

/* A way into the rows of one table for each kind; tables.c has the list. */
int tables_add_events(struct query *);
int tables_add_samples(struct query *);
int tables_add_rows(struct query *);

/* Column names for a CREATE TABLE: each new one made unlike those before, whatever the case. */
struct tables_names { struct buf sql; struct map *seen; int n; };
struct str tables_name(struct tables_names *, struct str name, const char *type);       /* as it is now called */

int tables_declare(struct query *, const char *sql);   /* sqlite3_declare_vtab, past the authorizer */

/* What a column of events is in the store, by its name in any case. 1, or 0 when there is none of that name; known once a
 * statement over events has been prepared. The name in the field is borrowed until the store has changed. */
struct store_field;
int tables_events_column(struct query *, struct str name, struct store_field *);
int tables_samples_column(struct query *, struct str name, struct store_field *);      /* the same of metrics */

/* A bound of time in a WHERE clause, `timestamp OP text`, exact: what no canonical time can be equal to bounds all the same. */
struct tables_range { int64_t from, to; };
void tables_bound(struct tables_range *, int op, struct str text);
#define TABLES_ALL ((struct tables_range){ INT64_MIN, INT64_MAX })

#endif
