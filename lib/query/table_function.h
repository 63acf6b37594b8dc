/* table_function.h - functions that give rows: called in SQL as FROM name(a, b, …), and on the command line as verbs.
 *
 * One says its columns, its parameters and a function that produces the rows; SQL sees the parameters as hidden columns, so
 * both `FROM funnel('a,b', '7d')` and `FROM funnel('a,b') WHERE within = '7d'` work, and the command line as options of that
 * name, `at-query funnel a,b --within 7d`. Adding one is one file and one line in verbs.c.
 */
#ifndef QUERY_TABLE_FUNCTION_H
#define QUERY_TABLE_FUNCTION_H

#include "base/time.h"
#include "json/cell.h"
#include "query/query.h"

#define TABLE_FUNCTION_PARAMS 16

struct table_function_param {
	const char *name;       /* "within"; in SQL a hidden column, on the command line --within */
	const char *value;      /* "DUR", for the help; NULL: a flag */
	const char *does;
	int operand;            /* 1: on the command line an operand, not an option */
};

struct table_function_call {
	struct query *query;
	const struct cell *args;        /* one for each parameter, NULL where not given */
	const struct table_function *function;
};

#define TABLE_FUNCTION_STATE 96

struct table_function {
	const char *name, *does;
	const char *const *columns;     /* NULL at the end */
	const struct table_function_param *params;      /* a row of zeros at the end */
	/* Produce the rows. When a parameter named "by" is given, each row has the values of those fields in front. */
	int (*run)(const struct table_function_call *, struct cell_sink, struct err *);
	/* Where rows of one cell follow from their number, from 0: SQL asks for each then, and keeps none. The state is of TABLE_FUNCTION_STATE
	 * bytes; a text may stand in `text`. 1, 0 there is no such row. NULL: they are kept as they are made. */
	int (*begin)(const struct table_function_call *, void *state, struct err *);
	int (*at)(const void *state, int64_t n, char text[TIME_LEN], struct cell *);
	int sql_only;           /* no verb */
	int ragged;             /* a row may have fewer cells than there are columns: then those are NULL */
};

/* The value of a parameter: p NULL when it was not given. A number is taken as its text, kept in scratch. */
struct str table_function_text(const struct table_function_call *, const char *param, struct buf *scratch);
/* A span, a count, a flag: `otherwise` when not given. 0 or ERR_USAGE, which names the parameter. */
int table_function_dur(const struct table_function_call *, const char *param, int64_t otherwise, int64_t *ms, struct err *);
/* The length of a bucket: a span, or so many months ("1 month", "3M", "quarter", "year"), then *ms is 0. */
int table_function_every(const struct table_function_call *, const char *param, int64_t otherwise, int64_t *ms, int *months, struct err *);
int table_function_read_span(struct str text, int64_t *ms);              /* "30m", "7 days": 0, or -1 when it is none */
int table_function_read_every(struct str text, int64_t *ms, int64_t *months);          /* 0, or -1 when it is none */
int table_function_count(const struct table_function_call *, const char *param, int64_t otherwise, int64_t *n, struct err *);
int table_function_flag(const struct table_function_call *, const char *param);
/* "7d" (the last seven days), "2026-11-01..2026-11-08", "2026-11-01/", "yesterday" as from <= t < to; when it is not given, the parameters
 * `from` and `to`, where the function has them. */
int table_function_range(const struct table_function_call *, const char *param, int64_t *from, int64_t *to, struct err *);

/* Such a text by itself; days, and times that name no offset, are those of the zone. 0 or ERR_USAGE. */
int table_function_read_range(struct str text, const struct zone *, int64_t *from, int64_t *to, struct err *);

/* Make it readable in SQL. */
int table_function_add(struct query *, const struct table_function *, struct err *);

#endif
