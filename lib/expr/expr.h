/* expr.h - jq programs over rows: the common subset natively, the rest in libjq behind a wall.
 *
 * The native subset works on the row's own bytes through a projection: no document, integers beyond 2^53 exact. Anything
 * outside the subset runs in libjq 1.6 in a child process with an empty environment and limits on memory and time
 * (expr/jq.c): libjq aborts and loops, our process must not. Both give the same answer on the same input, but that the
 * native subset keeps integers beyond 2^53. A struct expr belongs to one thread at a time.
 */
#ifndef EXPR_EXPR_H
#define EXPR_EXPR_H

#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"
#include "json/project.h"

struct expr;

enum {
	EXPR_NATIVE_ONLY = 1,   /* refuse what is not in the native subset (HTTP callers) */
	EXPR_LIBJQ_ONLY = 2,    /* run in libjq even what the subset knows (tests) */
};

/* Compile a program. NULL and an error ("column 14: what, mend") with err->col pointing into the text. A program outside
 * the native subset starts its child here, in some 20 ms: before threads are made is the best time. */
struct expr *expr_new(const char *program, int flags, struct err *);
void expr_free(struct expr *);
int expr_is_native(const struct expr *);
int expr_reads_clock(const struct expr *);      /* it says `now`: each result of it was asked of time_now (time_asked) */

/* Let the paths that a native program reads be taken by the caller's own projection, so that the row is walked once; after
 * this, expr_test_fields works. 0, or 1 when the program is not of that kind (use the row calls), or < 0. */
int expr_bind(struct expr *, struct project *, struct err *);

/* Is the (first) result true, as jq's `select` would take it? 1, 0, or ERR_INPUT when the program raises an error on this
 * row (ERR_LIMIT: it went over time or memory). A program without a result is false. The row is checked whole; with
 * expr_test_fields only as far as the projection did. */
int expr_test(struct expr *, struct str row, struct err *);
int expr_test_fields(struct expr *, const struct json *fields, struct err *);   /* fields: of the bound projection */

/* All results, each compact JSON and a newline behind it, appended to out. The number of results, or < 0, and then nothing
 * is appended. */
int expr_run(struct expr *, struct str row, struct buf *out, struct err *);

/* Other limits for the libjq child than 2 s of processor time for a row and 512 MiB; no effect on the native subset, whose
 * bounds are fixed (a fraction of a second, 256 MiB). */
void expr_limits(struct expr *, int row_ms, size_t memory);

#endif
