/* functions_priv.h - the row of the function table, and what the files behind it share. */
#ifndef QUERY_FUNCTIONS_PRIV_H
#define QUERY_FUNCTIONS_PRIV_H

#include <sqlite3.h>

#include "json/cell.h"
#include "query/functions.h"

typedef void functions_call(sqlite3_context *, int n, sqlite3_value **);
typedef void functions_end(sqlite3_context *);

enum { FUNCTIONS_VOLATILE = 1,          /* another value at each call */
	FUNCTIONS_ORDERED = 2 };        /* an aggregate to which the order of rows matters */

struct function {
	const char *name;
	int args, most;                 /* as few and as many arguments; most < 0: any number */
	int which;                      /* for functions that share their code */
	functions_call *call;           /* a scalar function … */
	functions_call *step, *inverse; /* … or an aggregate; with inverse it serves as a window function */
	functions_end *value, *final;
	int flags;
};

struct functions_bound { const struct function *row; struct functions *all; };

#define FUNCTIONS_PATTERNS 32           /* regular expressions that are kept */

struct functions {
	const struct zone *zone;
	struct functions_bound *bound;
	struct jq_function { struct expr *expr; struct buf args, out; char *name; } *jq;
	int n_jq;
	struct functions_pattern { struct str text; char *flags; struct regex *regex; } pattern[FUNCTIONS_PATTERNS];    /* of functions_text.c, the first ones first */
	unsigned next_pattern;
	uint64_t random;                /* of SAMPLE: the same at each run */
	sqlite3 *plain;                 /* of functions_bounded.c: without functions of ours; NULL until it is wanted */
	sqlite3_stmt *printer;
	int printer_args;
};

extern const struct function functions_time[], functions_text[], functions_list[], functions_bounded[], functions_aggregate[], functions_window[];        /* each with a row of zeros at its end */

static inline struct functions_bound *
functions_self(sqlite3_context *c)
{
	return sqlite3_user_data(c);
}

/* The row's `which`. */
static inline int
functions_which(sqlite3_context *c)
{
	return functions_self(c)->row->which;
}

static inline int
functions_is_null(sqlite3_value *v)
{
	return sqlite3_value_type(v) == SQLITE_NULL;
}

static inline int
functions_any_null(int n, sqlite3_value **v)
{
	for (int i = 0; i < n; i++)
		if (functions_is_null(v[i]))
			return 1;
	return 0;
}

static inline struct str
functions_text_of(sqlite3_value *v)     /* p NULL for NULL */
{
	const char *p = (const char *)sqlite3_value_text(v);

	return (struct str){ p, p ? (size_t)sqlite3_value_bytes(v) : 0 };
}

static inline void
functions_give_text(sqlite3_context *c, struct str s)
{
	if (s.p)
		sqlite3_result_text64(c, s.p, s.n, SQLITE_TRANSIENT, SQLITE_UTF8);
	else
		sqlite3_result_null(c);
}

void functions_pattern_release(struct functions_pattern *);
void functions_bounded_close(struct functions *);
void functions_give(sqlite3_context *, const struct cell *);
struct cell functions_cell(sqlite3_value *);
void functions_error(sqlite3_context *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The quantile of n > 0 numbers, which are put in another order: between two of them, or (disc) one of them, which is an integer
 * where none of them was real. */
struct cell functions_quantile(double *x, int64_t n, double share, int disc, int real);

/* The same in two steps: which of the n numbers in order, from 0, and how much of the way to the next one; then the value. */
int64_t functions_quantile_rank(int64_t n, double share, int disc, double *part);
struct cell functions_quantile_between(double below, double above, double part, int disc, int real);

/* Values and how often each is there, in the order in which they came first: put in another one. The most frequent, of several the first; the k most frequent as a list of texts, ties in the order of their
 * bytes; a JSON object of all, in the order of the values; what they tell, in bits. */
struct functions_count { struct cell value; int64_t times; size_t first; };      /* first: for these functions' own use */
struct cell functions_mode(struct functions_count *, size_t n);
void functions_topk(struct functions_count *, size_t n, int64_t k, struct buf *out);
void functions_histogram(struct functions_count *, size_t n, struct buf *out);
double functions_entropy(struct functions_count *, size_t n);

/* A value as a text, as SQLite has it; and what it is told from others by, where each is taken once. */
void functions_put_text(struct buf *, const struct cell *);
enum functions_once { ONCE_NOT, ONCE_VALUE, ONCE_TYPED, ONCE_TEXT };    /* those that are equal to SQL; 1 and 1.0 are two; 1 and '1' are one */
void functions_put_once(struct buf *, const struct cell *, enum functions_once);

/* A time value: how it was written decides how results are. */
enum functions_form { FORM_INSTANT, FORM_LOCAL, FORM_DATE };
int functions_time_of(sqlite3_value *, int64_t *ms, enum functions_form *);     /* 0, or -1 when it is none */
int functions_time_of_text(struct str, int64_t *ms, enum functions_form *);
void functions_give_time(sqlite3_context *, int64_t ms, enum functions_form);
double functions_round(double, int64_t places);
int functions_unit(struct str name);    /* of date_diff; -1 there is none */
int64_t functions_date_diff(const struct zone *, int unit, int64_t a, enum functions_form, int64_t b, enum functions_form);

#endif
