/* select.h - a SELECT of SQLite's as a tree, each node with the bytes of the text that it came from.
 *
 *      SELECT source, 2 * COUNT(*) FROM events WHERE x > 1 GROUP BY source
 *             ──────  ────────────                 ─────            ──────
 *              item    item: BINARY *               where: BINARY >  group[0]
 *                      (2, CALL count)              (COLUMN, NUMBER)
 *
 * It is read by the grammar and the precedence of SQLite 3.40. What is not in it (and what nobody types) makes the parser give up:
 * then nobody can say anything about the text, and SQLite gets it as it is. Nothing here resolves a name: a COLUMN is a name,
 * TRUE and CURRENT_DATE are such names too.
 *
 * Spans nest: a child lies within its parent, children of one parent do not overlap and stand in the order of the text, but for
 * brackets and blanks between them which belong to the parent. So a changed text is made by copying and replacing spans.
 */
#ifndef QUERY_SELECT_H
#define QUERY_SELECT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define SELECT_DEPTH 1000               /* of an expression, as SQLite has it */
#define SELECT_NESTED 100               /* SELECTs in SELECTs */

enum select_of {
	SELECT_NUMBER, SELECT_TEXT, SELECT_BLOB, SELECT_NULL,
	SELECT_PARAM,                   /* name: as it stands, `?` or `:x` */
	SELECT_COLUMN,                  /* name; table and schema where they stand in front of it */
	SELECT_UNARY,                   /* - + ~ NOT */
	SELECT_BINARY,                  /* OR AND = == <> != < <= > >= IS, IS NOT, & | << >> + - * / % || -> ->> ; op is in upper case */
	SELECT_LIKE,                    /* op: LIKE GLOB REGEXP MATCH; arg[2]: the escape */
	SELECT_BETWEEN,                 /* arg[0] between arg[1] and arg[2] */
	SELECT_IN,                      /* arg[0] in arg[1] …, or in `select` */
	SELECT_IS_NULL,
	SELECT_CASE,                    /* [base], condition, value, …, [otherwise] */
	SELECT_CAST,                    /* name: the type */
	SELECT_COLLATE,                 /* name */
	SELECT_CALL,                    /* name; filter and over belong to it */
	SELECT_SUBQUERY, SELECT_EXISTS, /* select */
	SELECT_ROW,                     /* (a, b) */
};

struct select_expr {
	enum select_of of;
	uint32_t from, to;              /* its bytes in the text, without brackets around all of it */
	int height;                     /* 1: no child */
	struct str name, table, schema; /* without quotes */
	const char *op;
	int negated;                    /* NOT LIKE, NOT IN, NOT BETWEEN, NOTNULL */
	int has_base, has_else;         /* CASE */
	int star, distinct;             /* CALL: f(*), f(DISTINCT x) */
	struct select_expr **arg;
	int n_args;
	struct select_expr *filter;
	struct select_window *over;
	struct select *select;
};

struct select_term { uint32_t from, to; struct select_expr *expr; int descending, nulls; };     /* of ORDER BY; nulls: 0, 1 FIRST, 2 LAST */

enum select_bound { SELECT_FIRST, SELECT_PRECEDING, SELECT_CURRENT, SELECT_FOLLOWING, SELECT_LAST };
struct select_window {
	uint32_t from, to;
	struct str name, base;          /* OVER name; of a WINDOW clause its own; the window it begins with. p NULL: none */
	struct select_expr **arg;       /* its expressions: partition, order, the frame's bounds */
	int n_args, n_partition;
	struct select_term *order;
	int n_order;
	const char *frame;              /* RANGE, ROWS or GROUPS; NULL: not said */
	struct { enum select_bound of; struct select_expr *by; } bound[2];
	int excludes;
};

struct select_item {
	uint32_t from, to;              /* of the expression, brackets and all, without AS */
	struct select_expr *expr;       /* NULL: * or table.* */
	struct str table, alias;        /* p NULL: none */
};

enum select_join { SELECT_INNER, SELECT_LEFT, SELECT_OTHER };           /* a comma, CROSS: INNER; NATURAL, RIGHT, FULL: OTHER */
struct select_source {
	uint32_t from, to;
	struct str schema, name, alias; /* p NULL: none */
	int plain;                      /* just a name, with an alias or none */
	struct select *select;          /* (SELECT …) */
	struct select_source *inner;    /* (a JOIN b) */
	int n_inner;
	struct select_expr **arg;       /* of a table function */
	int n_args;
	enum select_join join;          /* to what stands before it */
	struct select_expr *on;
	struct str *shared;             /* USING (…) */
	int n_shared;
};

struct select_core {
	uint32_t from, to;
	int distinct;
	struct select_item *item;
	int n_items;
	uint32_t items_from, items_to;
	struct select_source *source;
	int n_sources;
	struct select_expr *where, *having;
	struct select_expr **group;
	int n_group;
	struct select_window *window;   /* WINDOW name AS (…), … */
	int n_windows;
	uint32_t windows_from, windows_to;
	struct select_expr **value;     /* VALUES (…), …: all their expressions; no item then */
	int n_values;
};

struct select_with { uint32_t from, to; struct str name, *column; int n_columns; struct select *select; };  /* name(columns) AS (select) */

struct select {
	uint32_t from, to;
	struct select_with *with;
	int n_with;
	struct select_core *core;       /* more than one: UNION and its kin between them */
	int n_cores;
	struct select_term *order;
	int n_order;
	uint32_t limit_from;            /* of the word, when there is one */
	struct select_expr *limit, *offset;
};

/* The statement as a tree in the arena; names are borrowed from the text where they need no change. NULL with a reason when the
 * text is no SELECT that this understands. */
struct select *select_parse(struct str sql, struct arena *, struct err *);

/* Are these two the same expression, apart from upper and lower case of names? */
int select_same(const struct select_expr *, const struct select_expr *);

#endif
