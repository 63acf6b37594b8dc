/* rewrite.h - what analysts type elsewhere, said in SQLite's own words.
 *
 *      timestamp > NOW() - INTERVAL 1 HOUR        timestamp > time_add(NOW(), -1, '1 HOUR')
 *      percentile_cont(0.9) WITHIN GROUP (ORDER BY x)      percentile_cont(x, 0.9)
 *      … QUALIFY row_number() OVER (…) = 1        SELECT … FROM (SELECT …, row_number() … ) WHERE …
 *
 * A statement is cut into tokens and rewritten token by token: first what an expression needs (casts, intervals, literals,
 * operators), then, from the innermost SELECT outwards, what changes its shape (QUALIFY, ROLLUP, PIVOT, …). What SQLite
 * understands by itself keeps SQLite's meaning and passes untouched. Each token remembers where it stood, so that an error in
 * the rewritten text points into what the user typed.
 */
#ifndef QUERY_REWRITE_H
#define QUERY_REWRITE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define REWRITE_MOST (256u << 10)               /* bytes of one statement */

/* Some forms need to know the data: `* EXCLUDE (a)` which columns there are, PIVOT which values. */
struct rewrite_host {
	void *self;
	/* Tell the names of the columns of a rewritten SELECT. 0 or < 0. */
	int (*columns)(void *self, const char *sql, int (*each)(void *, struct str name, struct err *), void *to, struct err *);
	/* Tell the rows of a rewritten SELECT of one column: each value as text and as a literal. 0 or < 0. */
	int (*values)(void *self, const char *sql, int (*each)(void *, struct str text, struct str literal, struct err *), void *to, struct err *);
	/* Is it a property of events? (May be NULL, as the host itself.) */
	int (*is_property)(void *self, struct str name);
};

struct rewrite_place { uint32_t to, from; };    /* byte `to` of the text came from byte `from` of the statement */

struct rewrite {
	struct buf text;        /* the statement for SQLite */
	struct rewrite_place *place;
	size_t n_places;
};
void rewrite_release(struct rewrite *);         /* zero-initialised is empty and ready */

/* Take the next statement off *rest (behind its semicolon) and rewrite it. 1; 0 when nothing but blanks is left; or < 0 with
 * err->col, *rest being moved all the same. */
int rewrite_next(struct str *rest, const struct rewrite_host *, struct rewrite *, struct err *);

/* Where in the statement byte `to` of the rewritten text came from, from 0. */
size_t rewrite_origin(const struct rewrite *, size_t to);

/* Does the text hold a whole statement, with its semicolon, and nothing open? For a shell that asks for more lines. */
int rewrite_complete(struct str text);

#endif
