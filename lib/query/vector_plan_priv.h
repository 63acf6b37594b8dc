/* vector_plan_priv.h - between the two halves of the planner: cores with their clauses, and the expressions in them. */
#ifndef QUERY_VECTOR_PLAN_PRIV_H
#define QUERY_VECTOR_PLAN_PRIV_H

#include "query/query_priv.h"
#include "query/select.h"
#include "query/vector.h"

/* A parameter where it stands. A statement has either names or bare ?, which SQLite numbers in their order. */
struct plan_param { uint32_t at, n; int number; struct cell value; };

/* A subquery in a WHERE that is run first, or an expression of nothing else: its text is planned itself and stands alone. `of` is
 * its select_expr; of x IN (SELECT …) the select. */
enum plan_affinity { AFFINITY_NONE, AFFINITY_BLOB, AFFINITY_TEXT, AFFINITY_NUMERIC };  /* SQLite's: what an operand makes of the other one in a comparison */
struct plan_late { const void *of; struct str sql; enum plan_affinity affinity; };
#define LATE_MOST 16                    /* of one statement */

struct plan_edit { uint32_t from, to; struct str text; };       /* what comes in place of these bytes */

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
	int literals;                   /* parameters are written as their values: in texts that are run apart */
	enum plan_affinity gives;       /* of the first column of the core that was planned last, and how many it has */
	int n_gives;
	int64_t budget;                 /* of looks at nodes: names that stand for names can make a short text long; below 0 nothing is planned */
};

/* A core over events that is being planned. It may read them through others that only pick and name columns and filter: FROM
 * (SELECT … FROM events WHERE …), or the same by a name of WITH. Then its names are items of the `inner` one. */
struct plan_scope {
	struct planner *w;
	const struct select_core *core;
	struct vector_plan *plan;
	struct str alias;               /* what stands before a dot; p NULL: nothing may */
	struct plan_scope *inner;       /* NULL: it reads events themselves */
};

/* What a name in an expression means: a column of events; an item, whose names are those of the scope *in and none of items; a
 * word like TRUE. aliases: may it be an item of this scope? Not in the items themselves. */
enum plan_name { NAME_NONE, NAME_COLUMN, NAME_ITEM, NAME_WORD };
struct plan_item { struct plan_scope *in; const struct select_expr *expr; };
enum plan_name vector_plan_name(struct plan_scope *, const struct select_expr *, int aliases, struct store_field *, struct plan_item *);

enum plan_affinity vector_plan_affinity(struct plan_scope *, const struct select_expr *, int aliases);

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
struct vector_expr *vector_plan_field(struct plan_scope *, struct store_field);
struct vector_expr *vector_plan_node(struct plan_scope *, enum vector_op, int n_args);
struct vector_expr *vector_plan_cell(struct plan_scope *, struct cell);

int vector_plan_put_literal(struct buf *, const struct cell *);         /* as SQL; -1: none can say it */
void vector_plan_copy(const struct planner *, uint32_t from, uint32_t to, struct buf *);        /* text, each ? with its number */
void vector_plan_explain(struct vector_plan *, int number);

#endif
