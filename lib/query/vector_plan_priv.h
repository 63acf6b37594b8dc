/* vector_plan_priv.h - between the two halves of the planner: cores with their clauses, and the expressions in them. */
#ifndef QUERY_VECTOR_PLAN_PRIV_H
#define QUERY_VECTOR_PLAN_PRIV_H

#include "query/query_priv.h"
#include "query/select.h"
#include "query/tables.h"
#include "query/vector.h"

/* A parameter where it stands. A statement has either names or bare ?, which SQLite numbers in their order. */
struct plan_param { uint32_t at, n; int number; struct cell value; };

/* A subquery in a WHERE that is run first, or an expression of nothing else: its text is planned itself and stands alone. `of` is
 * its select_expr; of x IN (SELECT …) the select. */
enum plan_affinity { AFFINITY_NONE, AFFINITY_BLOB, AFFINITY_TEXT, AFFINITY_NUMERIC };  /* SQLite's: what an operand makes of the other one in a comparison */
struct plan_late { const void *of; struct str sql; enum plan_affinity affinity; };
#define LATE_MOST 16                    /* of one statement */
#define RELATIONS_MOST 32

struct plan_edit { uint32_t from, to; struct str text; };       /* what comes in place of these bytes */

/* A table that a plan gives, as SQL sees it. */
struct plan_relation {
	struct vector_plan *plan;       /* NULL: it cannot be had */
	int n;
	struct str *name;
	int *column;
	enum plan_affinity *affinity;
};

struct planner {
	struct query *q;
	struct arena *arena;            /* of the tree and of texts, until the statement is done */
	struct str sql;
	struct plan_param *param;       /* in order of place */
	int n_params;
	struct plan_edit *edit;         /* in order of place, none inside another */
	int n_edits, edits_cap;
	struct vector_plans *plans;
	struct str with;                /* the statement's WITH clause, for subqueries that read from it */
	const struct select *around[SELECT_NESTED];     /* SELECTs with a WITH that we are inside of */
	int n_around;
	struct plan_late late[LATE_MOST];
	int n_late;
	struct { const struct select *of; struct plan_relation is; } relation[RELATIONS_MOST]; /* SELECTs that are tables, or cannot be */
	int n_relations, depth;
	int givens, given_depth;        /* texts made of what SQLite gives; the one being made is inside of others */
	int literals;                   /* parameters are written as their values: in texts that are run apart */
	enum plan_affinity gives;       /* of the first column of the core that was planned last, and how many it has */
	int n_gives;
	int64_t budget;                 /* of looks at nodes: names that stand for names can make a short text long; below 0 nothing is planned */
};

/* An expression whose value is a column of what the plan reads: it was computed by the plan before. */
struct plan_known { const struct select_expr *expr; int column; enum plan_affinity affinity; };

struct plan_work;

/* A core over events that is being planned. It may read them through others that only pick and name columns and filter: FROM
 * (SELECT … FROM events WHERE …), or the same by a name of WITH. Then its names are items of the `inner` one. */
struct plan_scope {
	struct planner *w;
	const struct select_core *core;
	struct vector_plan *plan;
	struct str alias;               /* what stands before a dot; p NULL: nothing may */
	struct plan_scope *inner;       /* NULL: it reads events themselves … */
	const struct plan_relation *relation;   /* … or what another plan gives … */
	struct plan_work **input;       /* … or a join of several */
	int n_inputs;
	int staged;                     /* … or what the plan before gives for the same core: only what is known has a value, and what is constant inside */
	struct plan_known *known;
	int n_known;
	enum plan_affinity *affinity;   /* of the plan's fields, where they are columns of a table */
};

/* A core on its way to a plan: what it gives so far. */
#define COLUMNS_MOST 200                /* of one plan */
enum plan_place { OUTERMOST, IN_FROM, IN_EXPRESSION, IN_EXISTS, IN_LIST };      /* where a SELECT stands decides what is seen of it; IN_LIST: x IN (…), only its different values */
struct plan_key { struct vector_expr *value; enum plan_affinity affinity; };
struct plan_work {
	struct planner *w;
	struct plan_scope scope;
	const struct select *select;
	const struct select_core *core;
	enum plan_place place;
	int number, grouped, alone;     /* alone: the only core of its SELECT, whose ORDER BY and LIMIT are its own */
	struct plan_key key[COLUMNS_MOST];
	struct vector_aggregate aggregate[COLUMNS_MOST];
	int n_keys, n_aggregates;
	struct str *name;               /* of the columns of the answer */
	const struct select_expr **item;        /* and what they are, * taken apart; of a grouped core as they stand */
	int n_names;
	struct plan_known *found;       /* what the plan gives of expressions: known to the next one */
	int n_found;
	struct plan_work **input;       /* of a join, before it was staged perhaps: their plans are finished with this one */
	int n_inputs;
	int bad;                        /* something cannot be said */
};

/* ---- vector_plan.c */
struct vector_plan *vector_plan_new(struct planner *, int *number);     /* one more plan of the statement, which owns it */
void vector_plan_finish(struct plan_work *);                            /* its columns go into the plan */
int vector_plan_key(struct plan_work *, const struct select_expr *, int aliases);       /* the column of a value, a new one if it has none yet; -1 it cannot be said */
int vector_plan_key_of(struct plan_work *, struct vector_expr *, enum plan_affinity);
int vector_plan_aggregate(struct plan_work *, const struct select_expr *);              /* of keys: counted behind them */
void vector_plan_where(struct plan_work *, struct plan_scope *, const struct select_expr *, struct tables_range *);
int vector_plan_same(const struct vector_expr *, const struct vector_expr *);
const struct select_expr *vector_plan_meant(struct plan_work *, const struct select_expr *, int *aliases);      /* what is meant by a name of one of our own items */
int vector_plan_stored(struct str name);                                /* is it the table events, or metrics? */
int vector_plan_events(struct planner *, struct vector_plan *, const struct select_core *, int depth, struct plan_scope *);     /* reads it events alone? */
const struct select_with *vector_plan_with(const struct planner *, struct str name);
int vector_plan_relation(struct planner *, const struct select *, struct plan_relation *);      /* a SELECT as a table. 0 or -1 */
int vector_plan_ignores_doubles(const struct plan_work *);              /* rows that are the same make no difference, where FROM (SELECT DISTINCT …) is read through */
void vector_plan_range(struct plan_work *, const struct tables_range *);                /* of time, once WHERE is known */

int vector_plan_given_text(struct planner *, const struct select_source *, struct buf *);       /* a statement of its own that gives its rows. 0 or -1 */
int vector_plan_is_given(const struct plan_work *);                     /* does it read what SQLite gives? */

/* ---- vector_plan_given.c: what SQLite gives an input of a join */
int vector_plan_given(struct plan_work *in, const struct select_source *);              /* the scope over it. 1, 0 not so */

/* ---- vector_plan_table.c: what is read besides events */
int vector_plan_add_column(struct plan_scope *, int time, enum plan_affinity);          /* one more of the table that its plan reads. Its index, -1 too many */
int vector_plan_from(struct plan_work *);                               /* FROM of tables and joins: the scope. 1, 0 not so */
int vector_plan_join_where(struct plan_work *);                         /* ON, USING and WHERE of a join: keys, filters of its inputs, the rest. 0 or -1 */
int vector_plan_star(struct plan_work *);                               /* the items, * taken apart. 0 or -1 */
void vector_plan_stage(struct plan_work *);                             /* what there is becomes the source of a further plan */
void vector_plan_lower(struct plan_work *, const struct select_expr *, int aliases);    /* finds what this plan can give of an expression: known from then on */
int vector_plan_windows(struct plan_work *);                            /* window functions, if all of them can be run here. 1, 0 no, -1 bad */
int vector_plan_join_column(struct plan_scope *, const struct select_expr *, struct store_field *);     /* 1: a column of an input */
int vector_plan_join_value(struct plan_scope *, const struct select_expr *, int as_text, struct store_field *);         /* 1: the value is of one input, which has it as a column now */
void vector_plan_orders(struct vector_plans *);                         /* where does the order of rows not matter? */
void vector_plan_columns(struct vector_plans *);                        /* which columns of each are read? */
const struct plan_known *vector_plan_known(const struct plan_scope *, const struct select_expr *);
struct store_field vector_plan_column(struct plan_scope *, int column);         /* of a table that is read */

/* What a name in an expression means: a column of events; an item, whose names are those of the scope *in and none of items; a
 * word like TRUE. aliases: may it be an item of this scope? Not in the items themselves. */
enum plan_name { NAME_NONE, NAME_COLUMN, NAME_ITEM, NAME_WORD };
struct plan_item { struct plan_scope *in; const struct select_expr *expr; };
enum plan_name vector_plan_name(struct plan_scope *, const struct select_expr *, int aliases, struct store_field *, struct plan_item *);

enum plan_affinity vector_plan_affinity(struct plan_scope *, const struct select_expr *, int aliases);
enum plan_affinity vector_plan_affinity_of(struct str type);            /* of a column declared so, of a CAST */

/* The i-th child of an expression, NULL behind the last: arguments, filter, window; in the order of the text. Subqueries are none. */
const struct select_expr *vector_plan_child(const struct select_expr *, int i);

/* What is in an expression, all its children included. */
enum { HAS_COLUMN = 1, HAS_AGGREGATE = 2, HAS_WINDOW = 4, HAS_SUBQUERY = 8, HAS_VOLATILE = 16, HAS_BLOB = 32, HAS_COLLATE = 64, HAS_UNKNOWN = 128,
	HAS_LATE = 256 };               /* a subquery that is run first */
unsigned vector_plan_has(struct plan_scope *, const struct select_expr *, int aliases);
const struct plan_late *vector_plan_late(const struct planner *, const void *of);        /* NULL: it is none */
int vector_plan_is_aggregate(const struct select_expr *);

/* The value of an expression without columns, found by SQLite; its text lives as long as the plan. 0, or -1: it has none. */
int vector_plan_constant(struct plan_scope *, const struct select_expr *, struct cell *);

/* The expression as a tree for vector_run: a value, or the condition of a filter (1, 0 or NULL). NULL: it cannot be said. */
struct vector_expr *vector_plan_value(struct plan_scope *, const struct select_expr *, int aliases);
struct vector_expr *vector_plan_condition(struct plan_scope *, const struct select_expr *, int aliases);
struct vector_expr *vector_plan_sort_key(struct plan_scope *, const struct select_expr *);         /* of an aggregate in an order */
int vector_plan_is_sort_key(const struct select_expr *);                /* of several values: order_key(…) */
struct vector_expr *vector_plan_text(struct plan_scope *, const struct select_expr *);  /* its value cast to TEXT */
struct vector_expr *vector_plan_field(struct plan_scope *, struct store_field);
struct vector_expr *vector_plan_node(struct plan_scope *, enum vector_op, int n_args);
struct vector_expr *vector_plan_cell(struct plan_scope *, struct cell);

int vector_plan_put_literal(struct buf *, const struct cell *);         /* as SQL; -1: none can say it */
void vector_plan_copy(const struct planner *, uint32_t from, uint32_t to, struct buf *);        /* text, each ? with its number */
void vector_plan_explain(struct vector_plan *, int number);

#endif
