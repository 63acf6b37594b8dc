/* token.h - SQL text cut into tokens: for the rewriter, the shell's completion and its sense of a finished statement. */
#ifndef QUERY_TOKEN_H
#define QUERY_TOKEN_H

#include "base/err.h"
#include "base/str.h"

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,             /* a bare name or keyword */
	TOKEN_QUOTED,           /* "name", `name`, [name]; before what is a list, ['a', 2] or [:a], the bracket alone is an operator */
	TOKEN_STRING,           /* 'text', x'00' */
	TOKEN_NUMBER,
	TOKEN_PARAM,            /* :name @name $name ?1 ? */
	TOKEN_OPERATOR,         /* the longest that fits: ->> :: ( … */
};

struct token {
	enum token_kind kind;
	struct str text;        /* as it stands, quotes and all; borrowed from the statement */
	size_t at;              /* its byte offset */
};

/* The next token at or behind *at, blanks and comments passed over; *at moves behind it. 1, 0 at the end (TOKEN_END), or
 * ERR_INPUT with err->col for a text, name or comment without its end or a byte that no token begins with. */
int token_next(struct str sql, size_t *at, struct token *, struct err *);

/* Is it this word (any case) or operator? */
int token_is(const struct token *, const char *text);

/* Is the name one that SQL gives a meaning, so that it can stand neither as a column nor in front of one? */
int token_reserved(struct str word);

#endif
