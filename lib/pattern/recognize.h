/* recognize.h - rows in a row: the patterns of SQL's MATCH_RECOGNIZE (ISO/IEC 9075-2:2016, "row pattern recognition").
 *
 *      'STRT DOWN+ (UP | FLAT){2,}? LAST'
 *
 *      PATTERN = TERMS { "|" TERMS }       TERMS = { TERM [ "?" | "*" | "+" | "{n}" | "{n,}" | "{,m}" | "{n,m}" ] ["?"] }
 *      TERM    = VARIABLE | "(" PATTERN ")" | "()" | "^" | "$" | PERMUTE(PATTERN, …) | "{-" PATTERN "-}"
 *
 * Beside pattern.h, which decides at each event of a stream and never goes back, a match here is found by looking back: it is the first in
 * the order of preference (left alternatives first, greedy counts as long as can be, reluctant ones as short) in which each row fits its
 * variable, row for row without gaps. Which rows fit is asked of the caller, who may look at the rows taken before.
 *
 * Where that is not so (`forgets`), a state that failed once at a row is not tried again, so that a search costs rows × size of the pattern;
 * else, and where what is repeated without end may be empty, `(A*)*`, it may take as many steps as there are ways, up to a bound.
 */
#ifndef PATTERN_RECOGNIZE_H
#define PATTERN_RECOGNIZE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define RECOGNIZE_VARIABLES 60

struct recognize;
struct recognize *recognize_new(struct str pattern, struct err *);      /* ERR_INPUT with err->col in the pattern */
void recognize_free(struct recognize *);

/* Variables in the order in which they first stand there; names compare in any case, "quoted" ones as they stand. */
int recognize_variables(const struct recognize *);
struct str recognize_variable(const struct recognize *, int);           /* in capitals, unless quoted */
int recognize_find(const struct recognize *, struct str name);          /* name as in SQL, with its quotes; -1: none */

struct recognize_ask {
	/* Does the last of the n rows from `start` on fit its variable? taken: those of all n. 1, 0, or < 0 ends it. */
	int (*fits)(void *self, size_t start, const uint8_t *taken, size_t n, struct err *);
	int (*stopped)(void *self, struct err *);       /* asked now and then: < 0 ends it */
	void *self;
	size_t rows;
	int forgets;            /* `fits` looks at nothing but the row and its neighbours */
};

/* The search at one row: 1 and the variable of each of *n rows, borrowed until the next call (0 rows: an empty match); 0 none; < 0. */
int recognize_at(struct recognize *, const struct recognize_ask *, size_t start, const uint8_t **taken, size_t *n, struct err *);

/* Of each row of the match that was found: does it stand in {- -}, and so not come out? */
const uint8_t *recognize_left_out(const struct recognize *);

/* Other rows, or the search goes on at a row before the last one. */
void recognize_forget(struct recognize *);

#endif
