/* pattern_priv.h - a pattern as steps, between parser and matcher. */
#ifndef PATTERN_PRIV_H
#define PATTERN_PRIV_H

#include "base/buf.h"
#include "base/mem.h"
#include "expr/expr.h"
#include "pattern/pattern.h"

#define STEPS_MOST 64           /* a set of steps is a word's bits */
#define ATOMS_MOST 32           /* alternatives of a step */
#define COUNT_MOST 10000
#define ENDLESS    INT_MAX      /* {n,} */

struct atom {
	struct str event;       /* decoded */
	struct str where;       /* jq text; p NULL: none */
	size_t where_at;        /* its byte in the pattern, from 0 */
	uint64_t looks_at;      /* the steps whose events it names */
	struct expr *expr;
	int fields;             /* expr is bound to the projection */
	int flat;               /* what it looks back at are members of the row */
};

struct step {
	struct str name;        /* NAME, or its one event's */
	int named;              /* by the user */
	int strict;             /* joined by >> */
	int absent;
	int64_t gap_ms;         /* since the event before it; -1: no bound */
	int min, max, reluctant;
	struct atom *atom;
	int atoms;
};

enum skip { SKIP_PAST_LAST, SKIP_TO_NEXT, SKIP_TO_LAST };

struct program {
	struct arena *arena;
	const char *text;       /* as it was given */
	struct step *step;
	int steps;
	int64_t within_ms;      /* -1: no bound */
	struct str *by;
	int n_by;
	enum skip skip;
	int skip_to;            /* a step */
	int any_strict, any_gap, looks_back;
};

int pattern_parse(struct program *, const char *text, struct err *);
void pattern_release(struct program *);

#endif
