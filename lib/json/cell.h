/* cell.h - one value of a row, and rows of them: what a column of the store holds, what an answer gives, whoever asked (a verb,
 * a table function in SQL, an API).
 *
 * Of JSON: int64 stays exact, true and false are 1 and 0, nested values their JSON text.
 */
#ifndef JSON_CELL_H
#define JSON_CELL_H

#include <math.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "json/json.h"

enum cell_type { CELL_NULL, CELL_INTEGER, CELL_REAL, CELL_TEXT };

struct cell {
	enum cell_type type;
	int64_t integer;
	double real;
	struct str text;        /* UTF-8; borrowed; in a row until the row function returns */
};

/* Where rows go: called once a row with as many cells as the answer has columns. A result other than 0 ends it. */
struct cell_sink {
	int (*row)(void *self, const struct cell *cells, int n, struct err *);
	void *self;
};

static inline struct cell
cell_null(void)
{
	return (struct cell){ .type = CELL_NULL };
}

static inline struct cell
cell_integer(int64_t v)
{
	return (struct cell){ .type = CELL_INTEGER, .integer = v };
}

static inline struct cell
cell_real(double v)
{
	return (struct cell){ .type = CELL_REAL, .real = v };
}

static inline struct cell
cell_text(struct str s)                         /* a text that is not there (p NULL) is NULL */
{
	return (struct cell){ .type = s.p ? CELL_TEXT : CELL_NULL, .text = s };
}

/* Its number; NAN: it is none. */
static inline double
cell_number(const struct cell *c)
{
	return c->type == CELL_INTEGER ? (double)c->integer : c->type == CELL_REAL ? c->real : NAN;
}

/* A JSON value as a cell. Text is borrowed from the JSON or from scratch (cleared first). What is not there is NULL. */
struct cell cell_of_json(struct json, struct buf *scratch);

/* The other way: appended as JSON. Text that is UTF-8 only. */
void cell_put_json(struct buf *, const struct cell *);
void cell_put_object(struct buf *, const struct str *names, const struct cell *, int n);       /* {"name":value,…} of n of them */

#endif
