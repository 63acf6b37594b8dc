/* functions.h - the SQL functions beyond SQLite's own, in one table: time, text, aggregates.
 *
 * They do what DuckDB, PostgreSQL or ClickHouse users expect under the name. A NULL argument gives NULL where nothing else is
 * said; a value that is no time where one is wanted gives NULL too. Times come out in the canonical form (or, for a local time
 * that AT TIME ZONE made, the same without Z), so they compare as text.
 */
#ifndef QUERY_FUNCTIONS_H
#define QUERY_FUNCTIONS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/zone.h"
#include "config/config.h"

struct sqlite3;
struct functions;               /* what they need while the database is open */

/* Add all functions, and those of `functions` in config/analytics.json (NULL: none), to a database. Free after closing it. */
struct functions *functions_add(struct sqlite3 *, const struct zone *, const struct config *, struct err *);
void functions_free(struct functions *);

/* A span as SQL has it: "1 hour", "1 day 2 hours", "-3 months", "5m", "01:30:00", a bare number is seconds. 0 or -1. */
int functions_interval(struct str, int64_t *ms, int64_t *months);
double functions_span_seconds(int64_t ms, int64_t months);      /* beside what lies between two times; months of 30 days */

int functions_is_aggregate(struct str name);            /* of ours or of SQLite's */
int functions_is_ordered(struct str name);              /* one to which the order of rows matters: they come to it by their time then, and number */

/* Has it another value at each call (random numbers)? Of ours or of SQLite's. What reads the clock is another matter: time_asked. */
int functions_is_volatile(struct str name);

/* Does CAST(x AS type) mean something else to analysts than SQLite makes of it? (TIMESTAMP, DATE, BOOLEAN, STRING …) */
int functions_type_differs(struct str type);

/* The names, for completion and the page: each once, in byte order. */
void functions_each(void (*each)(void *, const char *name), void *);

#endif
