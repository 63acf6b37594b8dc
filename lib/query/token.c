#include "query/token.h"

#include <strings.h>

static int
is_alpha(unsigned char c)
{
	return ((c | 32) >= 0x61 && (c | 32) <= 0x7a) || c == 0x5f || c >= 0x80;
}

static int
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static int
is_name(unsigned char c)
{
	return is_alpha(c) || is_digit(c) || c == '$';
}

/* Behind the closing quote, a doubled one being part of the text; 0 when there is none. */
static size_t
quoted_end(struct str sql, size_t at, char close)
{
	for (at++; at < sql.n; at++) {
		if (sql.p[at] != close)
			continue;
		if (close != ']' && at + 1 < sql.n && sql.p[at + 1] == close)
			at++;
		else
			return at + 1;
	}
	return 0;
}

static int
is_hex(char c)
{
	return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

static size_t
number_end(struct str sql, size_t at)
{
	size_t i = at;

	if (sql.n - i > 2 && sql.p[i] == '0' && (sql.p[i + 1] | 32) == 'x' && is_hex(sql.p[i + 2])) {
		for (i += 2; i < sql.n && is_hex(sql.p[i]); i++)
			;
		return i;
	}
	while (i < sql.n && (is_digit(sql.p[i]) || (i > at && sql.p[i] == '_' && i + 1 < sql.n && is_digit(sql.p[i + 1]))))
		i++;
	if (i < sql.n && sql.p[i] == '.')
		for (i++; i < sql.n && is_digit(sql.p[i]); i++)
			;
	if (i < sql.n && (sql.p[i] | 32) == 'e') {
		size_t e = i + 1;

		if (e < sql.n && (sql.p[e] == '+' || sql.p[e] == '-'))
			e++;
		if (e < sql.n && is_digit(sql.p[e]))
			for (i = e; i < sql.n && is_digit(sql.p[i]); i++)
				;
	}
	return i;
}

/* Longest first. */
static const char *const operators[] = {
	"!~~*", "->>", "!~*", "!~~", "~~*", "<=>", "::", "->", "||", "<=", ">=", "<>", "!=", "==", "<<", ">>", "!~", "~~", "~*", "//", "=>",
	"(", ")", ",", ".", ";", "+", "-", "*", "/", "%", "=", "<", ">", "~", "&", "|", "^", "{", "}", "[", "]", ":", "$", NULL
};

static size_t
blanks_end(struct str sql, size_t i)
{
	while (i < sql.n && (sql.p[i] == ' ' || sql.p[i] == '\t' || sql.p[i] == '\n' || sql.p[i] == '\r'))
		i++;
	return i;
}

/* Is this [ the beginning of a list, ['a', 'b'], [1] or [f(x)], not of a name, [a], [2nd], [7 days] or [price (USD)]? */
static int
begins_list(struct str sql, size_t at)
{
	size_t i = blanks_end(sql, at + 1), end;

	if (i == sql.n)
		return 0;
	if (strchr("'\"[]?", sql.p[i]) || (sql.p[i] == ':' && i + 1 < sql.n && is_name(sql.p[i + 1])))
		return sql.p[i] != 0;
	if (is_digit(sql.p[i]) || (strchr("-+.", sql.p[i]) && i + 1 < sql.n && is_digit(sql.p[i + 1]))) {
		end = blanks_end(sql, number_end(sql, i + (sql.p[i] == '-' || sql.p[i] == '+')));
		return end == sql.n || !is_name(sql.p[end]);
	}
	for (size_t first = i; i < sql.n && sql.p[i] != ']'; i++)
		if (sql.p[i] == ',' || sql.p[i] == '[' || (sql.p[i] == '(' && (i < first + 2 || sql.p[i - 1] != ' ' || !is_name(sql.p[i - 2]))))
			return 1;
	return 0;
}

static size_t
operator_end(struct str sql, size_t at)
{
	for (const char *const *o = operators; *o; o++)
		if (strlen(*o) <= sql.n - at && memcmp(sql.p + at, *o, strlen(*o)) == 0)
			return at + strlen(*o);
	return at;
}

int
token_next(struct str sql, size_t *at, struct token *token, struct err *err)
{
	size_t i = *at, end = 0;
	char c;

	while (i < sql.n) {
		c = sql.p[i];
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
			i++;
		} else if (c == '-' && i + 1 < sql.n && sql.p[i + 1] == '-') {
			while (i < sql.n && sql.p[i] != '\n')
				i++;
		} else if (c == '/' && i + 1 < sql.n && sql.p[i + 1] == '*') {
			size_t start = i;

			for (i += 2; i + 1 < sql.n && (sql.p[i] != '*' || sql.p[i + 1] != '/'); i++)
				;
			if (i + 1 >= sql.n)
				return err_col(err, (long)start + 1, ERR_INPUT, "a comment without its end, add */");
			i += 2;
		} else {
			break;
		}
	}
	*token = (struct token){ .at = i };
	if (i >= sql.n) {
		*at = sql.n;
		return 0;
	}
	c = sql.p[i];
	if (c == '\'' || ((c | 32) == 'x' && i + 1 < sql.n && sql.p[i + 1] == '\'')) {
		token->kind = TOKEN_STRING;
		if (!(end = quoted_end(sql, i + (c != '\''), '\'')))
			return err_col(err, (long)i + 1, ERR_INPUT, "a text without its end, add '");
	} else if (c == '"' || c == '`' || (c == '[' && !begins_list(sql, i))) {
		token->kind = TOKEN_QUOTED;
		if (!(end = quoted_end(sql, i, c == '[' ? ']' : c)))
			return err_col(err, (long)i + 1, ERR_INPUT, "a quoted name without its end, add %c", c == '[' ? ']' : c);
	} else if (is_digit(c) || (c == '.' && i + 1 < sql.n && is_digit(sql.p[i + 1]))) {
		token->kind = TOKEN_NUMBER;
		end = number_end(sql, i);
		if (end < sql.n && is_name(sql.p[end]))         /* as SQLite has it */
			return err_col(err, (long)i + 1, ERR_INPUT, "a number that goes on with letters, put a blank between");
	} else if (is_alpha(c)) {
		token->kind = TOKEN_WORD;
		for (end = i; end < sql.n && is_name(sql.p[end]); end++)
			;
	} else if (c == '?' || ((c == ':' || c == '@' || c == '$') && i + 1 < sql.n && is_name(sql.p[i + 1]))) {
		token->kind = TOKEN_PARAM;
		for (end = i + 1; end < sql.n && (c == '?' ? is_digit(sql.p[end]) : is_name(sql.p[end])); end++)
			;
	} else {
		token->kind = TOKEN_OPERATOR;
		if ((end = operator_end(sql, i)) == i)
			return err_col(err, (long)i + 1, ERR_INPUT, (unsigned char)c >= 0x20 && c != 0x7f ? "'%c' has no meaning here" :
			    "byte 0x%02x has no meaning here", (unsigned char)c);
	}
	token->text = (struct str){ sql.p + i, end - i };
	if (memchr(token->text.p, 0, token->text.n))
		return err_col(err, (long)i + 1, ERR_INPUT, "a byte 0x00");
	*at = end;
	return 1;
}

int
token_is(const struct token *token, const char *text)
{
	return (token->kind == TOKEN_WORD || token->kind == TOKEN_OPERATOR) && strlen(text) == token->text.n &&
	       strncasecmp(token->text.p, text, token->text.n) == 0;
}

int
token_reserved(struct str word)
{
	static const char *const reserved[] = {
		"all", "and", "as", "between", "by", "case", "collate", "distinct", "else", "end", "escape", "except", "exists", "from",
		"glob", "group", "having", "ilike", "in", "intersect", "is", "isnull", "join", "like", "limit", "match", "not",
		"notnull", "null", "on", "or", "order", "over", "partition", "preceding", "qualify", "regexp", "rows", "select", "set", "then", "union",
		"using", "values", "when", "where", "window", "with", "offset", "asof", "inner", "outer", "cross", "natural", "full",
		"lateral", "pivot", "unpivot", "range", "filter", "interval", "left", "right", "positional", "tablesample", "union", NULL
	};

	for (const char *const *r = reserved; *r; r++)
		if (strlen(*r) == word.n && strncasecmp(*r, word.p, word.n) == 0)
			return 1;
	return 0;
}
