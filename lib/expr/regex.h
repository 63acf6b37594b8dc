/* regex.h - regular expressions as jq has them (Oniguruma, Perl syntax with named groups, UTF-8), bounded in time.
 *
 * The only door to Oniguruma, shared by `test` and SQL's REGEXP, so that both mean the same. A pattern that backtracks
 * without end (ReDoS) gives ERR_LIMIT within some milliseconds instead of an answer.
 */
#ifndef EXPR_REGEX_H
#define EXPR_REGEX_H

#include "base/err.h"
#include "base/str.h"

struct regex;

/* flags, each a letter: i ignore case, x extended, s single line, m (jq: also n of Perl's s) dot takes newlines,
 * p both, l longest, n no empty match, g (no meaning here). NULL is none. ERR_USAGE with the reason. */
struct regex *regex_new(struct str pattern, const char *flags, struct err *);
void regex_free(struct regex *);

#define REGEX_GROUPS 32                 /* groups that are told, the whole match being group 0 */

struct regex_group { long from, to; };  /* bytes; -1: not part of the match */

/* The first match at or behind byte `from`. 1, 0 for none, ERR_LIMIT, ERR_INPUT for text that is not UTF-8. `groups` may be
 * NULL; at most n are filled, those that the pattern does not have with -1. One regex may be used by one thread at a time. */
int regex_find(struct regex *, struct str text, size_t from, struct regex_group *groups, int n, struct err *);

int regex_count(const struct regex *);  /* groups of the pattern, without the whole */
/* The number of a named group, -1 when there is none. */
int regex_name(const struct regex *, struct str name);

/* Load Oniguruma and let every use of it in this process be bounded, also libjq's: 0 or < 0. regex_new does it; who begins a
 * libjq child must. */
int regex_bounded(struct err *);

#endif
