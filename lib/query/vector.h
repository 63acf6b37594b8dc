/* vector.h - the part of a statement that is counted over columns, on all cores, instead of row by row.
 *
 *      SELECT upper(source), 2 * COUNT(*) FROM events WHERE page LIKE '/a%' GROUP BY source HAVING COUNT(*) > 9 ORDER BY 2 LIMIT 3
 *
 *      vector_plan   cuts out what needs the table: the fields it reads, the filter, the keys, the aggregates
 *      vector_run    runs that over the store's batches: a table of (source, COUNT(*))
 *      SQLite        does the rest over this small table, as if it had been stored:
 *                    SELECT upper(k0), 2 * a0 FROM vector(1) WHERE a0 > 9 ORDER BY 2 LIMIT 3
 *
 * Every SELECT over `events` alone, or over `metrics` alone, is looked at: the outermost, in a WITH, a subquery, a side of a join or of UNION. One that has
 * no aggregate is taken too where that pays (DISTINCT; ORDER BY with LIMIT, of which only the first rows are kept). What cannot be
 * said with the nodes below stays with SQLite over the virtual table; both must give the same answer (tests/peers/differ.py).
 *
 * A plan may read other plans instead of events: their rows as a table of columns, with windows over them, or a join of several.
 *
 *      events ─► plan (groups or rows) ─► table ─┬─► windows ─► table ─► plan ─► …
 *      events ─► plan ──────────────────► table ─┴─► join, batch by batch ─► plan ─► …
 *
 * An expression is a tree. Whatever has no node of its own is a VECTOR_SQL: the text of it, run by SQLite itself on values, once
 * for each value of its field where that has codes (a dictionary), so that its meaning is SQLite's by construction.
 */
#ifndef QUERY_VECTOR_H
#define QUERY_VECTOR_H

#include "base/arena.h"
#include "query/query.h"
#include "store/batch.h"

enum vector_op {
	VECTOR_FIELD,                   /* .field */
	VECTOR_CONSTANT,                /* .constant */
	VECTOR_AND, VECTOR_OR, VECTOR_NOT,
	VECTOR_EQ, VECTOR_NE, VECTOR_LT, VECTOR_LE, VECTOR_GT, VECTOR_GE,       /* SQLite's order of types: NULL, numbers, texts; affinity is applied by the planner */
	VECTOR_IS, VECTOR_IS_NOT,       /* like EQ and NE, where NULL is a value: IS NULL too */
	VECTOR_IN,                      /* arg[0] in arg[1] …, all constants */
	VECTOR_LIKE, VECTOR_ILIKE,      /* arg[0] like the constant arg[1] (arg[2]: the escape); LIKE folds ASCII only */
	VECTOR_ADD, VECTOR_SUB, VECTOR_MUL, VECTOR_DIV, VECTOR_MOD, VECTOR_NEG, /* SQLite's: integer overflow gives a real, x / 0 NULL */
	VECTOR_CASE,                    /* arg: condition, value, condition, value, …, [otherwise] */
	VECTOR_COALESCE,
	VECTOR_EPOCH,                   /* whole `every_ms` from 1970 to arg[0], a field of instants: unixepoch(…) where that is a second */
	VECTOR_JULIAN,                  /* julianday(arg[0]), a field of instants */
	VECTOR_ROUND,                   /* round(arg[0]): a real */
	VECTOR_INTEGER,                 /* CAST(arg[0] AS INTEGER) */
	VECTOR_REAL,                    /* CAST(arg[0] AS REAL); with .sql, a text ?1 is what that says */
	VECTOR_FLOOR, VECTOR_CEIL, VECTOR_ABS,  /* SQLite's: an integer stays one */
	VECTOR_TIME,                    /* .sql of .field, TIME or RECEIVED (?1 its text), the same within each `every_ms` of the clock */
	VECTOR_CALL,                    /* .call of its arguments, of any kind: a function with a loop of its own (vector_call.c); .sql says the same */
	VECTOR_SQL,                     /* .sql of its arguments, all VECTOR_FIELD: ?1 is arg[0], ?2 arg[1], … */
};

struct vector_expr {
	enum vector_op op;
	int field;                      /* index in vector_plan.field; FIELD_TIME and FIELD_RECEIVED are TEXT to SQL, in the canonical form */
	struct cell constant;
	struct str sql;
	int call;
	int64_t every_ms;               /* 1, 1000, 60000 … Of VECTOR_TIME, for times before 1973 a reader takes 1000 at most: zones had odd seconds */
	struct vector_expr **arg;
	int n_args;
};

enum vector_aggregate_of {
	AGGREGATE_ROWS,                 /* COUNT(*) */
	AGGREGATE_COUNT, AGGREGATE_SUM, AGGREGATE_TOTAL, AGGREGATE_AVG, AGGREGATE_MIN, AGGREGATE_MAX, AGGREGATE_COUNT_IF,
	AGGREGATE_STDDEV_SAMP, AGGREGATE_STDDEV_POP, AGGREGATE_VAR_SAMP, AGGREGATE_VAR_POP, AGGREGATE_SEM, AGGREGATE_GEOMEAN,
	AGGREGATE_CORR, AGGREGATE_COVAR_POP, AGGREGATE_COVAR_SAMP, AGGREGATE_REGR_SLOPE, AGGREGATE_REGR_INTERCEPT, AGGREGATE_REGR_R2, AGGREGATE_REGR_COUNT,
	AGGREGATE_REGR_AVGX, AGGREGATE_REGR_AVGY, AGGREGATE_REGR_SXX, AGGREGATE_REGR_SYY, AGGREGATE_REGR_SXY,   /* of (y, x): .arg and .by */
	AGGREGATE_QUANTILE_CONT, AGGREGATE_QUANTILE_DISC,       /* exact; .share */
	AGGREGATE_QUANTILES_CONT, AGGREGATE_QUANTILES_DISC,     /* a list of them, by .shares */
	AGGREGATE_APPROX_QUANTILE, AGGREGATE_APPROX_DISTINCT,   /* the sketches of SQL's functions, with their very results */
	AGGREGATE_ARG_MIN, AGGREGATE_ARG_MAX,   /* .arg is the value given, .by what is compared */
	AGGREGATE_FIRST, AGGREGATE_LAST, AGGREGATE_ANY,         /* in the order of rows, events by (time, seq); ANY: the first that is not NULL */
	AGGREGATE_ORDERED_FIRST, AGGREGATE_ORDERED_LAST,        /* in that of .by, .descending */
	AGGREGATE_MODE, AGGREGATE_TOPK, AGGREGATE_HISTOGRAM, AGGREGATE_ENTROPY, /* TOPK: the .share most frequent */
	AGGREGATE_TEXT, AGGREGATE_LIST, /* STRING_AGG with .separator, ARRAY_AGG: in the order of rows, or of .by, .descending */
	AGGREGATE_BOOL_OR, AGGREGATE_BOOL_AND, AGGREGATE_BIT_OR, AGGREGATE_BIT_AND, AGGREGATE_BIT_XOR,  /* bits: of INTEGERs */
};
struct vector_aggregate {
	enum vector_aggregate_of of;
	struct vector_expr *arg, *by, *filter;  /* filter: FILTER (WHERE …); NULL: none */
	int distinct;                   /* COUNT, SUM, AVG, TOTAL of the different values */
	int descending;
	int once;                       /* TEXT and LIST: each value once; how they are told apart (functions_priv.h) */
	struct str separator;
	double share, *shares;
	int n_shares;
};
const char *vector_aggregate_name(enum vector_aggregate_of);            /* for EXPLAIN */
int vector_aggregate_is_ordered(enum vector_aggregate_of);              /* does the order of rows matter to it? */
int vector_aggregate_ignores_doubles(const struct vector_aggregate *);  /* do rows that are the same make no difference? */

/* A subquery that a plan waits for: `into` is a CONSTANT that gets its value, or an IN that gets all of them behind arg[0].
 * as_text: numbers become texts, beside a column of texts. */
struct vector_late { struct str sql; struct vector_expr *into; int as_text; };

/* What a plan reads where that is not the store: columns of what other plans gave, in the order told here. */
enum vector_source_of {
	SOURCE_PLAN,                    /* the columns of input[0].plan */
	SOURCE_WINDOWS,                 /* those of input[0], then one for each window: rows in the order of partition and order */
	SOURCE_JOIN,                    /* `give` of the inputs, whose rows meet where their keys are equal */
	SOURCE_SQL,                     /* the rows that SQLite gives for `sql`: VALUES, functions that give rows, other tables */
};
enum vector_window_of { WINDOW_ROW_NUMBER, WINDOW_RANK, WINDOW_DENSE_RANK, WINDOW_PERCENT_RANK, WINDOW_CUME_DIST, WINDOW_NTILE, WINDOW_LAG, WINDOW_LEAD,
	WINDOW_FIRST_VALUE, WINDOW_LAST_VALUE, WINDOW_NTH_VALUE, WINDOW_ROWS, WINDOW_COUNT, WINDOW_SUM, WINDOW_TOTAL, WINDOW_AVG, WINDOW_MIN, WINDOW_MAX };
enum vector_frame_of { FRAME_RANGE, FRAME_ROWS, FRAME_GROUPS };
struct vector_bound { enum { BOUND_FIRST, BOUND_BEFORE, BOUND_CURRENT, BOUND_AFTER, BOUND_LAST } of; struct cell by; };  /* by: a number, not negative */
struct vector_window {
	enum vector_window_of of;
	int arg;                        /* column of the input; -1 none */
	int otherwise;                  /* of lag and lead: the column for rows that are not there; -1 NULL */
	int64_t n;                      /* of lag and lead: rows away; ntile: parts; nth_value: which */
	enum vector_frame_of frame;
	struct vector_bound from, to;
};
struct vector_by { int column, descending, nulls_last; };
struct vector_key { int table, left, right; };  /* column `left` of the earlier input `table` = column `right` of this one */
struct vector_join_step { int outer; struct vector_key *key; int n_keys; };     /* outer: a row without a match comes with NULLs */
struct vector_give { int table, column; };

struct vector_source {
	enum vector_source_of of;
	struct vector_plan *plan;
	struct vector_source **input;
	int n_inputs;
	int *partition, n_partition;    /* WINDOWS: columns */
	struct vector_by *order;
	int n_order;
	struct vector_window *window;
	int n_windows;
	int unordered;                  /* partitions may come in any order */
	unsigned char *wanted;          /* WINDOWS: which of its columns are read; NULL: all */
	struct vector_join_step *step;  /* JOIN: of each input but the first, step[0] is not used */
	struct vector_give *give;
	int n_gives;
	struct str sql;                 /* SQL, which gives n_columns */
	int n_columns;
};

struct vector_order { struct vector_expr *expr; int descending, nulls_last; };          /* nulls_last 0: NULLs come first, whichever the direction */

struct vector_between { uint64_t least, most; int64_t before; };        /* keys of the order (vector_nth.c); rows before the least */

struct vector_plan {
	struct arena *arena;            /* holds all of it */
	struct store_field field[STORE_BATCH_FIELDS];
	int n_fields;
	struct store_range range;       /* bounds of time are exact and taken out of `where`; names and user_id as well, when they stand alone */
	struct vector_source *source;   /* NULL: events, in `range`. Else field i is column i of it */
	int samples;                    /* no events but stored samples: FIELD_EVENT is the metric, FIELD_PROPERTY a label, FIELD_PROPERTIES all of them */
	struct vector_expr *where;      /* NULL: every row */
	int grouped;                    /* keys and aggregates (no key: one row, always); else rows of `key` as they are found */
	struct vector_expr **key;       /* not grouped: the columns of a row */
	int n_keys;
	struct vector_aggregate *aggregate;
	int n_aggregates;
	struct vector_order *order;     /* not grouped, with `limit`: only the first `limit` rows in this order are kept */
	int n_order;
	int64_t limit;                  /* -1: all */
	int64_t skip;                   /* of those so many are not given: a deep OFFSET, of rows of events that are read once */
	struct vector_between between;  /* with skip and an order, where the others lie; 0 to the greatest until that is looked for */
	int total;                      /* the order tells any two rows apart */
	int unordered;                  /* grouped: groups may come in any order */
	int placed, place_time, place_seq;      /* of events, once it is run: fields that tell where a row stands, for aggregates to which the order matters */
	int overlaps;                   /* placed, and batches do not lie one behind the other in time */
	unsigned char *wanted;          /* rows: which of its columns are read; NULL: all */
	int readers;                    /* sources that read it */
	int number;                     /* in its statement */
	struct vector_late *late;       /* run before it, by vector_plan_wait */
	int n_late;
	struct buf explain;             /* a line for EXPLAIN: what runs here */
	struct buf ran;                 /* and once it has run: what that took (vector_result_explain) */
};

/* Look for SELECTs in a statement in SQLite's own words (rewrite.h has been over it) that can be run here, and put in their place
 * what reads their results: `(SELECT … FROM vector(N) …)`. Appends the new text to *out, and a plan for each N, from 0, to *plans.
 * Parameters have their values already (a plan holds constants only). A statement with nothing for us comes out as it went in.
 * 0, or < 0 when it is no SQL at all: then SQLite may tell. */
struct vector_plans { struct vector_plan **plan; int n; };
int vector_plan(struct query *, struct str sql, const struct query_param *, int n_params, struct buf *out, struct vector_plans *, struct err *);
void vector_plans_release(struct vector_plans *);

/* Run what the plan waits for. 0 or < 0. */
int vector_plan_wait(struct query *, struct vector_plan *, struct err *);

/* The rows of a plan: keys, then aggregates, in no order (not grouped with order: in that order). */
struct vector_result;
struct vector_result *vector_run(struct query *, const struct vector_plan *, struct err *);
void vector_result_free(struct vector_result *);
int64_t vector_result_rows(const struct vector_result *);
int vector_result_columns(const struct vector_result *);
struct cell vector_result_cell(struct vector_result *, int64_t row, int column);        /* borrowed */

/* Groups that were too many for the memory there is are in a temporary file: each who reads them has a reader, and no _cell above. NULL:
 * they are not. */
struct vector_spill;
struct vector_spill_reader;
const struct vector_spill *vector_result_spill(const struct vector_result *);
struct vector_spill_reader *vector_spill_read(const struct vector_spill *);
int vector_spill_next(struct vector_spill_reader *, struct err *);      /* 1, 0 at the end, < 0 */
struct cell vector_spill_cell(const struct vector_spill_reader *, int column);  /* of the row at hand; borrowed until the next */
void vector_spill_close(struct vector_spill_reader *);
void vector_result_explain(const struct vector_result *, struct buf *);         /* chunks read and skipped, rows, columns, threads */

/* Rows one after the other, for a plan over events without groups and without `order`, in the order of the store: memory for a few batches,
 * however many rows there are. The plan must live as long. */
struct vector_stream;
struct vector_stream *vector_open(struct query *, const struct vector_plan *, struct err *);
int vector_next(struct vector_stream *, struct err *);          /* 1, 0 at the end, < 0 */
struct cell vector_column(const struct vector_stream *, int column);    /* of the row at hand; borrowed until the next */
void vector_explain(const struct vector_stream *, struct buf *);        /* as vector_result_explain, so far */
void vector_close(struct vector_stream *);

/* The table-valued function `vector(N)` with hidden columns for the plan and c0, c1, … for its columns; run when it is first read.
 * It has VECTOR_NARROW of them; a plan with more is read as `vector_wide(N) AS vector`. */
#define VECTOR_NARROW 16
#define VECTOR_WIDE   "vector_wide"
int vector_add(struct query *, struct err *);

#endif
