/* expr_priv.h - the program as a tree, the values it works on, and the libjq child.
 *
 * parse.c reads the whole grammar of jq 1.6 (so that a fault has a column) and notes the first thing in it that the native
 * evaluator does not know; eval.c evaluates trees without such a thing; value.c has jq's order, equality and text of
 * values; jq.c runs any program in libjq, in a process of its own.
 */
#ifndef EXPR_EXPR_PRIV_H
#define EXPR_EXPR_PRIV_H

#include "base/mem.h"
#include "expr/expr.h"
#include "expr/regex.h"

/* A value. What comes from the row stays as its bytes; what the program makes lives in the arena of the row. */
enum expr_form {
	EXPR_RAW,               /* JSON text as it stands: p, n, escaped */
	EXPR_NUM,               /* a computed number: num */
	EXPR_STR,               /* decoded text: p, n */
	EXPR_LIST,              /* n items */
	EXPR_MAP,               /* n members, no key twice */
	EXPR_ROW,               /* the row itself where only its fields are at hand: an object nobody looks into */
};

struct expr_value {
	uint8_t type;           /* enum json_type */
	uint8_t form;           /* of numbers, strings, arrays and objects */
	uint8_t escaped;        /* a raw string with a backslash */
	size_t  n;
	union {
		const char *p;
		double num;
		struct expr_value *items;
		struct expr_member *members;
	};
};

struct expr_member { struct expr_value key, value; };   /* key: a string */

enum expr_op {
	EXPR_DOT, EXPR_CONST, EXPR_PATH, EXPR_INDEX, EXPR_SLICE, EXPR_EACH, EXPR_RECURSE, EXPR_PIPE, EXPR_COMMA, EXPR_NEG,
	EXPR_ADD, EXPR_SUB, EXPR_MUL, EXPR_DIV, EXPR_MOD, EXPR_EQ, EXPR_NE, EXPR_LT, EXPR_GT, EXPR_LE, EXPR_GE,
	EXPR_AND, EXPR_OR, EXPR_ALT, EXPR_IF, EXPR_TRY, EXPR_COLLECT, EXPR_OBJECT, EXPR_FORMAT, EXPR_CALL,
	EXPR_UPDATE, EXPR_DELETE, EXPR_SELECT, EXPR_MAPF, EXPR_SORTF, EXPR_VAR, EXPR_AS, EXPR_REDUCE, EXPR_FOREACH, EXPR_LABEL, EXPR_BREAK,
	EXPR_OTHER,             /* known to the grammar, not to the evaluator */
};

struct expr_node {
	uint8_t  op;            /* enum expr_op */
	uint8_t  many;          /* may give more than one result, or catches errors of what comes after it */
	uint8_t  optional;      /* `?` on an index: no result instead of an error */
	uint16_t which;         /* EXPR_CALL: index in the table; EXPR_SORTF, EXPR_FORMAT: which of them; variables: the slot;
	                         * EXPR_UPDATE: EXPR_CONST for =, EXPR_PIPE for |=, EXPR_ALT for //=, else the operator */
	uint32_t col;           /* 1-based byte in the program */
	int      n;             /* operands, in the order in which they are evaluated (the last varies fastest) */
	struct expr_node **kid;
	struct expr_value value;/* EXPR_CONST */
	struct str *keys;       /* EXPR_PATH: nkeys decoded keys */
	int     *slots;         /* EXPR_PATH on the row: the projection's index of each prefix, of the whole path last; or NULL */
	int      nkeys;
	struct regex *regex;    /* EXPR_CALL of test with constant pattern and flags */
};

struct expr_program {
	struct arena *arena;    /* the tree and its texts */
	struct str text;
	struct expr_node *top;
	int nvars;
	long other_col;         /* where the first thing stands that is not of the native subset; 0: all is native */
	char other[48];         /* its name */
	int wrong;              /* libjq would take it, but it cannot work: a pattern of test that is none */
	struct regex **regex;   /* owned */
	int nregex;
};

/* Parse. 0, or ERR_USAGE with err->col, the column also in the text. */
int expr_parse(struct expr_program *, struct str text, struct err *);
void expr_unparse(struct expr_program *);
/* Where the program calls name/arity or names the variable "$x"; 0 when it does not. */
long expr_where(struct str text, const char *name, int arity);

/* The state of one evaluation, kept from row to row. */
struct expr_run {
	struct arena *arena;
	const struct json *fields;      /* of the projection, or NULL */
	struct expr_value root;
	struct expr_value *vars;
	uint64_t steps, labels, breaking;
	struct buf scratch;
	struct err *err;
};

#define EXPR_STEPS  5000000u            /* of one row: a fraction of a second */
#define EXPR_MEMORY (256u << 20)        /* bytes of values that one row may make */
#define EXPR_DEEP   10000               /* nesting of values */

enum { EXPR_BREAKING = -100, EXPR_STOP = -101 };        /* beside the ERR_ codes: unwinding to a label, to the caller */

typedef int (*expr_emit)(void *to, struct expr_run *, const struct expr_value *);

/* eval.c. Every result goes to emit, which returns 0 to go on. 0, ERR_INPUT, ERR_LIMIT, EXPR_BREAKING or EXPR_STOP. */
int expr_eval(struct expr_run *, const struct expr_node *, const struct expr_value *in, expr_emit emit, void *to);
/* One result of a node that is not `many`: 1, 0 for none, < 0. */
int expr_eval_one(struct expr_run *, const struct expr_node *, const struct expr_value *in, struct expr_value *out);
int expr_index(struct expr_run *, const struct expr_value *of, const struct expr_value *key, struct expr_value *out);
int expr_iterate(struct expr_run *, const struct expr_value *, struct expr_value **items, size_t *n);
int expr_binary(struct expr_run *, enum expr_op, const struct expr_value *a, const struct expr_value *b, struct expr_value *out);
int expr_sorted(struct expr_run *, const struct expr_value *list, struct expr_value **items);
int expr_builtin(struct str name, int arity);           /* index in the table of native functions, -1 when there is none */
int expr_builtin_is_test(int index);
int expr_format(struct str name);                       /* of "@csv" without the @; -1 */

/* update.c */
int expr_is_path(const struct expr_node *);             /* can it stand on the left of = natively? */
int expr_update(struct expr_run *, const struct expr_node *, const struct expr_value *in, const struct expr_value *value,
    struct expr_value *out);
int expr_delete(struct expr_run *, const struct expr_node *, const struct expr_value *in, struct expr_value *out);

/* value.c. Those that can fail return ERR_INPUT or ERR_LIMIT with run->err set. */
void *expr_get(struct expr_run *, size_t size);         /* of the arena; NULL and run->err set when over its bound */
/* Room for twice as many items as the full list of *cap has, 8 at first: the list, moved there; as expr_get. */
void *expr_more(struct expr_run *, const void *items, size_t *cap, size_t size);
int  expr_raise(struct expr_run *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int  expr_limit(struct expr_run *, const char *what);
int  expr_charge(struct expr_run *, size_t steps);
struct expr_value expr_raw(struct json);
double expr_number(const struct expr_value *);
int  expr_text(struct expr_run *, const struct expr_value *, struct str *text);
int  expr_equal(struct expr_run *, const struct expr_value *, const struct expr_value *, int *is);
int  expr_compare(struct expr_run *, const struct expr_value *, const struct expr_value *, int *order);
int  expr_contains(struct expr_run *, const struct expr_value *, const struct expr_value *, int *is);
int  expr_items(struct expr_run *, const struct expr_value *, struct expr_value **items, size_t *n);
int  expr_members(struct expr_run *, const struct expr_value *, struct expr_member **members, size_t *n);
int  expr_member(struct expr_run *, const struct expr_value *, struct str key, struct expr_value *);  /* 1, 0: not there */
int  expr_put(struct expr_run *, struct buf *, const struct expr_value *, int depth);  /* compact JSON as jq prints it */
void expr_put_number(struct buf *, double);             /* as jq 1.6 prints it */
const char *expr_kind(const struct expr_value *);       /* "number", "boolean", … */

static inline int
expr_true(const struct expr_value *v)
{
	return v->type != JSON_NULL && v->type != JSON_FALSE;
}

static inline struct expr_value
expr_of_type(enum json_type type)               /* null, false, true */
{
	return (struct expr_value){ .type = type };
}

static inline struct expr_value
expr_of_number(double num)
{
	return (struct expr_value){ .type = JSON_NUMBER, .form = EXPR_NUM, .num = num };
}

static inline struct expr_value
expr_of_text(struct str s)
{
	return (struct expr_value){ .type = JSON_STRING, .form = EXPR_STR, .n = s.n, .p = s.p };
}

static inline struct expr_value
expr_of_items(struct expr_value *items, size_t n)
{
	return (struct expr_value){ .type = JSON_ARRAY, .form = EXPR_LIST, .n = n, .items = items };
}

static inline struct expr_value
expr_of_members(struct expr_member *members, size_t n)
{
	return (struct expr_value){ .type = JSON_OBJECT, .form = EXPR_MAP, .n = n, .members = members };
}

/* jq.c: one program in a child process. */
struct expr_child;
struct expr_child *expr_child_new(struct str program, struct err *);    /* compiles; NULL and the error of the compiler */
void expr_child_free(struct expr_child *);
void expr_child_limits(struct expr_child *, int row_ms, size_t memory);
/* Run over a row: its results, each with a newline behind it, appended to out; their number. With `test` nothing is
 * appended: 1 when the first result is true, else 0. < 0 for an error. */
int expr_child_run(struct expr_child *, struct str row, int test, struct buf *out, struct err *);

#endif
