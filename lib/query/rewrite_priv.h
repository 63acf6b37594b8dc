/* rewrite_priv.h - the token list that both halves of the rewriter work on. */
#ifndef QUERY_REWRITE_PRIV_H
#define QUERY_REWRITE_PRIV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "query/rewrite.h"
#include "query/token.h"

enum rewrite_opened { OPENED_ROUND, OPENED_LIST, OPENED_INDEX, OPENED_STRUCT };         /* by ( by [ of a list, by [ behind a value, by { */

struct tok {
	struct tok *prev, *next;        /* a ring through work.head */
	struct tok *match;              /* of "(" and ")" */
	struct str text;
	uint32_t at, end;               /* where it, or what it stands for, was in the statement */
	uint8_t kind;                   /* enum token_kind; TOKEN_END: the head */
	uint8_t blank;                  /* white space stood before it */
	uint8_t made;                   /* by the rewriter */
	uint8_t alias;                  /* a name that rewrite_name_items gave */
	uint8_t is_time;                /* a text that was written TIMESTAMP '…' or DATE '…' */
	uint8_t opened;                 /* an open bracket: enum rewrite_opened */
	uint8_t is_span;                /* a text, or the name of a call, that was written INTERVAL … */
	uint8_t in_seconds;             /* the number, or the name of a call, that such a span became beside seconds */
};

struct work {
	struct tok head, spare;         /* spare: what is written to once memory is over its bound */
	struct arena *arena;
	struct str sql;
	const struct rewrite_host *host;
	struct map sources;             /* names that were looked for among tables and aliases: 1 found, 2 not */
	int asked;                      /* questions to the host */
	struct err *err;                /* set once something is wrong; work goes on harmlessly until looked at */
};

/* Tests. A word is compared in any case. */
int rewrite_is(const struct tok *, const char *text);
int rewrite_is_one_of(const struct tok *, const char *const *texts);    /* NULL at their end */
int rewrite_has_unit(const struct tok *number);         /* behind INTERVAL: the word after it is its unit, no name */
int rewrite_named(const struct tok *);                  /* a word or quoted name, reserved or not */
struct str rewrite_bare(struct work *, const struct tok *);     /* a name without its quotes, a string's text */
int rewrite_same_name(struct str, struct str);                  /* SQLite's knows no case of ASCII letters */

/* Changes. Snippets are SQL with balanced brackets; what is made counts as standing where `place` stood. */
struct tok *rewrite_put(struct work *, struct tok *before, const struct tok *place, const char *sql, ...) __attribute__((format(printf, 4, 5)));
void rewrite_cut(struct tok *first, struct tok *last);          /* take out, still linked among themselves */
void rewrite_move(struct tok *first, struct tok *last, struct tok *before);     /* nothing where last stands before first */
struct tok *rewrite_copy(struct work *, const struct tok *first, const struct tok *last, struct tok *before);     /* the first new one */
void rewrite_set(struct work *, struct tok *, const char *text);        /* another word in its place */
/* `first … last` becomes `head first … last tail`, head ending in an open bracket and tail in its close. Returns head's first. */
struct tok *rewrite_wrap(struct work *, struct tok *first, struct tok *last, const char *head, const char *tail);

/* The operand that ends, or begins, with this token: a name, literal, call, bracket, CASE … END. NULL when there is none. */
struct tok *rewrite_operand_start(struct tok *last);
struct tok *rewrite_operand_end(struct tok *first);

/* Is there a table of that name in the statement, or an alias of one? */
int rewrite_names_source(struct work *, struct str name);

/* As text, `after` being the token behind the last. */
void rewrite_text(const struct tok *first, const struct tok *after, struct buf *);
int rewrite_same(const struct tok *a, const struct tok *a_last, const struct tok *b, const struct tok *b_last);
char *rewrite_quote(struct work *, struct str name, char quote);        /* "name" or 'name' */

int rewrite_fail(struct work *, const struct tok *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* rewrite_exists.c, rewrite_expression.c, rewrite_match.c, rewrite_select.c */
void rewrite_standard(struct work *);          /* FETCH FIRST, OFFSET before LIMIT, = ANY (SELECT …): what SQLite writes otherwise */
void rewrite_exists(struct work *);
void rewrite_exists_at(struct work *, struct tok *exists);      /* this one, if it is of a form that can be */
void rewrite_matches(struct work *);
void rewrite_expressions(struct work *);
void rewrite_from_first(struct work *);
void rewrite_name_items(struct work *);
void rewrite_selects(struct work *);
void rewrite_drop_names(struct work *);

#endif
