/* jq's grammar by recursive descent. What yacc's precedences do in jq's own parser is done here by levels:
 *
 *      |  (right)   ,   //  (right)   = |= += … (none)   or   and   == != < … (none)   + -   * / %
 *
 * `try E`, unary minus, `?`, `def`, `as`, reduce and foreach bind as they do there, oddities included: `-1 * 2` is
 * -(1 * 2), the values of an object take no operator but `|`, a chain of comparisons is refused.
 */
#include "expr/expr_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/letter.h"

#define NESTED     500          /* nesting of a program */
#define MOST_NODES 100000       /* with macros expanded */

enum tok {
	T_END, T_IDENT, T_FIELD, T_NUMBER, T_QUOTE, T_FORMAT, T_BAD,
	T_REC, T_EQ, T_NE, T_LE, T_GE, T_ALT, T_ASSIGN, T_ALTPAT,       /* T_ASSIGN: = |= += … */
	T_AS, T_DEF, T_MODULE, T_IMPORT, T_INCLUDE, T_IF, T_THEN, T_ELSE, T_ELIF, T_AND, T_OR, T_END_WORD, T_REDUCE,
	T_FOREACH, T_TRY, T_CATCH, T_LABEL, T_BREAK, T_LOC,             /* keywords, in the order of keywords[] */
	T_CHARS = 128,                                                  /* single characters: T_CHARS + c */
};

static const char *const keywords[] = {
	"as", "def", "module", "import", "include", "if", "then", "else", "elif", "and", "or", "end", "reduce", "foreach",
	"try", "catch", "label", "break", "__loc__",
};

/* Functions that are said in terms of others; their own variables and labels cannot be met by a program's, nor theirs by
 * them (see `hidden`). */
static const struct macro {
	const char *name;
	int n;
	const char *params[2], *body;
} macros[] = {
	{ "recurse",     0, { 0 },   ".." },
	{ "values",      0, { 0 },   "select(. != null)" },
	{ "nulls",       0, { 0 },   "select(. == null)" },
	{ "booleans",    0, { 0 },   "select(type == \"boolean\")" },
	{ "numbers",     0, { 0 },   "select(type == \"number\")" },
	{ "strings",     0, { 0 },   "select(type == \"string\")" },
	{ "arrays",      0, { 0 },   "select(type == \"array\")" },
	{ "objects",     0, { 0 },   "select(type == \"object\")" },
	{ "iterables",   0, { 0 },   "select(type == \"array\"), select(type == \"object\")" },
	{ "scalars",     0, { 0 },   "select(type | . != \"array\" and . != \"object\")" },
	{ "any",         0, { 0 },   "any(.[]; .)" },
	{ "all",         0, { 0 },   "all(.[]; .)" },
	{ "any",         1, { "f" }, "any(.[]; f)" },
	{ "all",         1, { "f" }, "all(.[]; f)" },
	{ "any",         2, { "g", "c" }, "[label $out | foreach g as $i (false; if . then break $out elif $i | c then true else . end;"
	                                  " if . then . else empty end)] | length == 1" },
	{ "all",         2, { "g", "c" }, "[label $out | foreach g as $i (true; if . | not then break $out elif $i | c then . else false end;"
	                                  " if . | not then . else empty end)] | length == 0" },
	{ "first",       0, { 0 },   ".[0]" },
	{ "last",        0, { 0 },   ".[-1]" },
	{ "nth",         1, { "i" }, "i as $i | .[$i]" },
	{ "first",       1, { "g" }, "label $out | g | ., break $out" },
	{ "last",        1, { "g" }, "reduce g as $i (null; $i)" },
	{ "limit",       2, { "n", "g" }, "n as $n | if $n < 0 then g else label $out | foreach g as $i ($n; . - 1; $i,"
	                                  " if . <= 0 then break $out else empty end) end" },
	{ "isempty",     1, { "g" }, "0 == ((label $out | g | (1, break $out)) // 0)" },
	{ "in",          1, { "x" }, ". as $v | x | has($v)" },
	{ "inside",      1, { "x" }, ". as $v | x | contains($v)" },
	{ "index",       1, { "i" }, "i as $i | indices($i) | .[0]" },
	{ "IN",          1, { "s" }, "reduce (first(select(. == s)) | true) as $v (false; if . or $v then true else false end)" },
	{ "add",         0, { 0 },   "reduce .[] as $v (null; . + $v)" },
	{ "to_entries",  0, { 0 },   "[keys_unsorted[] as $k | {key: $k, value: .[$k]}]" },
	{ "with_entries", 1, { "f" }, "to_entries | map(f) | from_entries" },
	{ "map_values",  1, { "f" }, ".[] |= f" },
	{ "unique",      0, { 0 },   "group_by(.) | map(.[0])" },
	{ "unique_by",   1, { "f" }, "group_by(f) | map(.[0])" },
};

struct var { struct str name; int slot, hidden; };

/* What the arguments of a macro stand for while its body is read. */
struct params {
	const struct macro *macro;
	struct expr_node **args;
};

struct parser {
	struct expr_program *prog;
	struct arena *arena;
	struct str text;
	size_t at;              /* of the next token */
	size_t start;           /* of this token */
	enum tok tok;
	struct str word;        /* its text: an identifier, a field without the dot, a number, a format without the @ */
	int depth, nodes;
	struct var *vars;
	int nvars, capvars;
	const struct params *params;
	int hidden;             /* number of the macro expansion being read, 0 outside */
	int expansions;
	long macro_col;         /* the column of the call, while in a macro */
	struct err *err;
	int failed;
	/* expr_where */
	const char *find;
	int find_arity;
	long found;
};

static struct expr_node *pipe_of(struct parser *);
static struct expr_node *operand(struct parser *, int question);
static struct expr_node *binary(struct parser *, int least);
static struct expr_node *term(struct parser *);

static long
column(const struct parser *p, size_t at)
{
	return p->macro_col ? p->macro_col : (long)at + 1;
}

static void
fail(struct parser *p, size_t at, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	if (p->failed)
		return;
	p->failed = 1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_col(p->err, column(p, at), ERR_USAGE, "column %ld: %s", column(p, at), text);
	p->tok = T_END;
}

static void
other(struct parser *p, size_t at, struct str what)
{
	struct expr_program *prog = p->prog;

	if (prog->other_col)
		return;
	prog->other_col = column(p, at);
	snprintf(prog->other, sizeof(prog->other), "%.*s", (int)(what.n < 40 ? what.n : 40), what.p);
}

/* ---- words */

static int
ident_first(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int
ident_more(char c)
{
	return ident_first(c) || (c >= '0' && c <= '9');
}

static char
char_at(const struct parser *p, size_t i)
{
	return i < p->text.n ? p->text.p[i] : 0;
}

static size_t
ident_end(const struct parser *p, size_t i)
{
	while (i < p->text.n && ident_more(p->text.p[i]))
		i++;
	return i;
}

static size_t
number_end(const struct parser *p, size_t i)
{
	size_t e;

	while ((char_at(p, i) >= '0' && char_at(p, i) <= '9') || char_at(p, i) == '.')
		i++;
	e = i;
	if (char_at(p, e) == 'e' || char_at(p, e) == 'E') {
		e++;
		if (char_at(p, e) == '+' || char_at(p, e) == '-')
			e++;
		if (char_at(p, e) >= '0' && char_at(p, e) <= '9') {
			while (char_at(p, e) >= '0' && char_at(p, e) <= '9')
				e++;
			return e;
		}
	}
	return i;
}

static void
next(struct parser *p)
{
	static const struct { const char *text; enum tok tok; } signs[] = {
		{ "?//", T_ALTPAT }, { "//=", T_ASSIGN }, { "!=", T_NE }, { "==", T_EQ }, { "//", T_ALT }, { "|=", T_ASSIGN },
		{ "+=", T_ASSIGN }, { "-=", T_ASSIGN }, { "*=", T_ASSIGN }, { "/=", T_ASSIGN }, { "%=", T_ASSIGN },
		{ "<=", T_LE }, { ">=", T_GE }, { "..", T_REC }, { "=", T_ASSIGN },
	};
	size_t i = p->at, e;
	char c;

	if (p->failed)
		return;
	while (i < p->text.n) {
		c = p->text.p[i];
		if (c == '#')
			while (i < p->text.n && p->text.p[i] != '\n' && p->text.p[i] != '\r')
				i++;
		else if (c == ' ' || c == '\t' || c == '\n')
			i++;
		else
			break;
	}
	p->start = i;
	if (i >= p->text.n) {
		p->at = i;
		p->tok = T_END;
		return;
	}
	c = p->text.p[i];
	if (c == '.' && ident_first(char_at(p, i + 1))) {
		e = ident_end(p, i + 1);
		p->word = (struct str){ p->text.p + i + 1, e - i - 1 };
		p->at = e;
		p->tok = T_FIELD;
		return;
	}
	if ((c >= '0' && c <= '9') || c == '.') {
		e = number_end(p, i);
		if (!(e == i + 1 && c == '.') && !(e == i + 2 && p->text.p[i + 1] == '.' && c == '.')) {
			p->word = (struct str){ p->text.p + i, e - i };
			p->at = e;
			p->tok = T_NUMBER;
			return;
		}
	}
	if (ident_first(c)) {
		e = ident_end(p, i);
		while (char_at(p, e) == ':' && char_at(p, e + 1) == ':' && ident_first(char_at(p, e + 2)))
			e = ident_end(p, e + 2);
		p->word = (struct str){ p->text.p + i, e - i };
		p->at = e;
		p->tok = T_IDENT;
		for (size_t k = 0; k < sizeof(keywords) / sizeof(*keywords); k++)
			if (str_eq(p->word, str_of(keywords[k])))
				p->tok = T_AS + (enum tok)k;
		return;
	}
	if (c == '@' && ident_more(char_at(p, i + 1))) {
		e = ident_end(p, i + 1);
		p->word = (struct str){ p->text.p + i + 1, e - i - 1 };
		p->at = e;
		p->tok = T_FORMAT;
		return;
	}
	if (c == '"') {
		p->at = i + 1;
		p->tok = T_QUOTE;
		return;
	}
	for (size_t k = 0; k < sizeof(signs) / sizeof(*signs); k++) {
		size_t n = strlen(signs[k].text);

		if (p->text.n - i >= n && memcmp(p->text.p + i, signs[k].text, n) == 0) {
			p->word = (struct str){ p->text.p + i, n };
			p->at = i + n;
			p->tok = signs[k].tok;
			return;
		}
	}
	p->word = (struct str){ p->text.p + i, 1 };
	p->at = i + 1;
	p->tok = strchr(".?;,:|+-*/%$<>[]{}()", c) && c ? (enum tok)(T_CHARS + c) : T_BAD;
}

static int
is(const struct parser *p, char c)
{
	return p->tok == (enum tok)(T_CHARS + (unsigned char)c);
}

/* What people write who come from another language. */
static const char *
instead(const struct parser *p)
{
	char c = char_at(p, p->start), before = p->start ? p->text.p[p->start - 1] : 0;

	if (c == '&')
		return "write and";
	if (c == '|' && before == '|')
		return "write or";
	if (c == '!')
		return "write (…) | not";
	if (c == '\'')
		return "write strings in double quotes";
	if (c == '~')
		return "write | test(\"…\")";
	if (c == '=' && before == '=')
		return "write ==";
	return NULL;
}

static void
unexpected(struct parser *p, const char *wanted)
{
	if (instead(p))
		wanted = instead(p);
	if (p->tok == T_END)
		fail(p, p->start, "the expression ends too early, %s", wanted);
	else if (p->tok == T_BAD && (unsigned char)p->text.p[p->start] < 0x20)
		fail(p, p->start, "control character 0x%02x, write blanks only", (unsigned char)p->text.p[p->start]);
	else if (p->tok == T_BAD)
		fail(p, p->start, "'%.*s' means nothing here, %s", (unsigned char)p->text.p[p->start] < 0x80 ? 1 : 4,
		    p->text.p + p->start, wanted);
	else
		fail(p, p->start, "unexpected '%.*s', %s",
		    (int)(p->at - p->start < 40 ? p->at - p->start : 40), p->text.p + p->start, wanted);
}

static int
expect(struct parser *p, char c, const char *wanted)
{
	if (!is(p, c)) {
		unexpected(p, wanted);
		return 0;
	}
	next(p);
	return 1;
}

/* ---- nodes */

static void *
get(struct parser *p, size_t size)
{
	void *q = arena_get(p->arena, size ? size : 1);

	memset(q, 0, size ? size : 1);
	return q;
}

static struct expr_node *
node(struct parser *p, enum expr_op op, size_t at, int n, ...)
{
	struct expr_node *x = get(p, sizeof(*x));
	va_list ap;

	if (++p->nodes > MOST_NODES)
		fail(p, at, "too long a program, write it in steps");
	x->op = op;
	x->col = (uint32_t)column(p, at);
	x->n = n;
	x->kid = get(p, sizeof(*x->kid) * (size_t)n);
	va_start(ap, n);
	for (int i = 0; i < n; i++)
		x->kid[i] = va_arg(ap, struct expr_node *);
	va_end(ap);
	return x;
}

static struct expr_node *
constant(struct parser *p, size_t at, struct expr_value v)
{
	struct expr_node *x = node(p, EXPR_CONST, at, 0);

	x->value = v;
	return x;
}

static struct expr_node *
none(struct parser *p)                  /* for what only libjq can run: the tree is not used */
{
	return node(p, EXPR_OTHER, p->start, 0);
}

static struct expr_node *
copy(struct parser *p, const struct expr_node *from)
{
	struct expr_node *x = get(p, sizeof(*x));

	*x = *from;
	if (++p->nodes > MOST_NODES)
		fail(p, p->start, "too long a program, write it in steps");
	if (p->failed)
		return x;
	x->kid = get(p, sizeof(*x->kid) * (size_t)x->n);
	for (int i = 0; i < x->n; i++)
		x->kid[i] = copy(p, from->kid[i]);
	return x;
}

static int
is_number(const struct expr_node *x)
{
	return x->op == EXPR_CONST && x->value.type == JSON_NUMBER;
}

static int
is_string(const struct expr_node *x)
{
	return x->op == EXPR_CONST && x->value.type == JSON_STRING;
}

static int
is_constant(const struct expr_node *x)
{
	if (x->op != EXPR_CONST && x->op != EXPR_OBJECT && x->op != EXPR_COLLECT && (x->op != EXPR_COMMA || !x->n))
		return 0;
	for (int i = 0; i < x->n; i++)
		if (!is_constant(x->kid[i]))
			return 0;
	return 1;
}

/* jq folds operators on two constants while it compiles, which shows: 1/0 is refused, 0/0 is null. */
static struct expr_node *
fold(struct parser *p, struct expr_node *x, size_t at)
{
	struct expr_node *b = x->kid[0], *a = x->kid[1];
	double l, r;

	if (x->op == EXPR_ADD && a->op == EXPR_CONST && b->op == EXPR_CONST) {
		if (a->value.type == JSON_NULL)
			return b;
		if (b->value.type == JSON_NULL)
			return a;
		if (is_string(a) && is_string(b)) {
			char *text = get(p, a->value.n + b->value.n);

			memcpy(text, a->value.p, a->value.n);
			memcpy(text + a->value.n, b->value.p, b->value.n);
			return constant(p, at, expr_of_text((struct str){ text, a->value.n + b->value.n }));
		}
	}
	if (!is_number(a) || !is_number(b))
		return x;
	switch (x->op) {
	case EXPR_ADD: r = expr_number(&a->value) + expr_number(&b->value); break;
	case EXPR_SUB: r = expr_number(&a->value) - expr_number(&b->value); break;
	case EXPR_MUL: r = expr_number(&a->value) * expr_number(&b->value); break;
	case EXPR_DIV: r = expr_number(&a->value) / expr_number(&b->value); break;
	default:
		if ((a->value.form == EXPR_RAW && a->value.n > 15) || (b->value.form == EXPR_RAW && b->value.n > 15) || x->op == EXPR_MOD)
			return x;               /* integers beyond 2^53 are compared exactly, later */
		l = expr_number(&a->value), r = expr_number(&b->value);
		return constant(p, at, expr_of_type((x->op == EXPR_EQ ? l == r : x->op == EXPR_NE ? l != r : x->op == EXPR_LT ? l < r
		    : x->op == EXPR_GT ? l > r : x->op == EXPR_LE ? l <= r : l >= r) ? JSON_TRUE : JSON_FALSE));
	}
	if (x->op == EXPR_DIV && isinf(r))
		fail(p, at, "division by zero, write another divisor");
	return constant(p, at, expr_of_number(r));
}

/* ---- strings */

/* One escape at p->at (on the backslash) into b. */
static void
escape(struct parser *p, struct buf *b)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	size_t at = p->at;
	char c = char_at(p, at + 1);
	const char *known = c ? strchr(from, c) : NULL;
	const char *text = p->text.p, *end = text + p->text.n;
	uint32_t u, low = 0;

	if (known) {
		buf_byte(b, to[known - from]);
		p->at += 2;
		return;
	}
	if (c != 'u') {
		fail(p, at, "'\\%c' is no escape, write \\\\ for a backslash", c >= ' ' && c < 127 ? c : '?');
		return;
	}
	if (!str_hex(text + at + 2, end, 4, &u)) {
		fail(p, at, "\\u needs four hexadecimal digits, write \\u00e9");
		return;
	}
	p->at += 6;
	if (u >= 0xd800 && u <= 0xdbff) {
		if (char_at(p, p->at) != '\\' || char_at(p, p->at + 1) != 'u' || !str_hex(text + p->at + 2, end, 4, &low) ||
		    low < 0xdc00 || low > 0xdfff) {
			fail(p, at, "half a surrogate pair, write both halves");
			return;
		}
		p->at += 6;
		u = 0x10000 + ((u - 0xd800) << 10 | (low - 0xdc00));
	} else if (u >= 0xdc00 && u <= 0xdfff) {
		u = 0xfffd;
	}
	letter_put(b, u);
}

static struct expr_node *
text_node(struct parser *p, size_t at, const struct buf *b)
{
	char *text = get(p, b->n);

	if (b->n)
		memcpy(text, b->p, b->n);
	return constant(p, at, expr_of_text((struct str){ text, b->n }));
}

static struct expr_node *
format(struct parser *p, size_t at, struct str name, struct expr_node *of)
{
	struct expr_node *x = node(p, EXPR_FORMAT, at, 1, of);
	int which = expr_format(name);

	if (which < 0)
		other(p, at, (struct str){ name.p - 1, name.n + 1 });
	else
		x->which = (uint16_t)which;
	return x;
}

static struct expr_node *
join(struct parser *p, size_t at, struct expr_node *a, struct expr_node *b)
{
	return fold(p, node(p, EXPR_ADD, at, 2, b, a), at);
}

/* A string behind its opening quote; the format is "text" or that of @format"…". */
static struct expr_node *
string(struct parser *p, struct str fmt)
{
	struct buf b = {0};
	size_t open = p->start;
	struct expr_node *x = constant(p, open, expr_of_text(STR("")));

	for (;;) {
		size_t i = p->at;

		if (p->failed)
			break;
		if (i >= p->text.n) {
			fail(p, open, "the string that begins here does not end, write a closing \"");
			break;
		}
		if (p->text.p[i] == '"') {
			p->at++;
			break;
		}
		if (p->text.p[i] == '\\' && char_at(p, i + 1) == '(') {
			struct expr_node *inner;

			if (b.n) {
				x = join(p, open, x, text_node(p, open, &b));
				buf_clear(&b);
			}
			p->at = i + 2;
			next(p);
			inner = pipe_of(p);
			if (!is(p, ')'))
				unexpected(p, "close the \\( with )");
			x = join(p, i, x, format(p, i, fmt, inner));
		} else if (p->text.p[i] == '\\') {
			escape(p, &b);
		} else {
			buf_byte(&b, p->text.p[i]);
			p->at++;
		}
	}
	if (b.n)
		x = join(p, open, x, text_node(p, open, &b));
	buf_release(&b);
	next(p);
	return x;
}

/* A string token or @format"…" at the current token; NULL when there is none. */
static struct expr_node *
maybe_string(struct parser *p)
{
	if (p->tok == T_QUOTE)
		return string(p, STR("text"));
	if (p->tok == T_FORMAT) {
		struct parser was = *p;

		next(p);
		if (p->tok == T_QUOTE)
			return string(p, was.word);
		*p = was;
	}
	return NULL;
}

/* ---- variables */

static void
bind_var(struct parser *p, struct str name, int slot)
{
	if (p->nvars == p->capvars)
		p->vars = mem_grow(p->vars, (size_t)(p->capvars = p->capvars * 2 + 8), sizeof(*p->vars));
	p->vars[p->nvars++] = (struct var){ name, slot, p->hidden };
}

static int
new_slot(struct parser *p)
{
	if (p->prog->nvars >= 65535)
		fail(p, p->start, "too many variables, write it in steps");
	return p->prog->nvars++;
}

static int
find_var(const struct parser *p, struct str name)
{
	for (int i = p->nvars; i-- > 0; )
		if (p->vars[i].hidden == p->hidden && str_eq(p->vars[i].name, name))
			return p->vars[i].slot;
	return -1;
}

static int
plain_ident(struct parser *p, const char *wanted, struct str *name)
{
	if (p->tok != T_IDENT) {
		unexpected(p, wanted);
		return 0;
	}
	*name = p->word;
	next(p);
	return 1;
}

/* A pattern behind `as`. The slot of a plain variable; -1 for what only libjq takes apart. */
static int
pattern(struct parser *p, int top)
{
	size_t at = p->start;
	struct str name;
	int slot = -1;

	if (++p->depth > NESTED)
		fail(p, at, "nested too deep, write it in steps");
	if (is(p, '$')) {
		next(p);
		if (plain_ident(p, "write a variable: $name", &name))
			bind_var(p, name, slot = new_slot(p));
	} else if (is(p, '[')) {
		other(p, at, STR("as [...]"));
		next(p);
		for (;;) {
			pattern(p, 0);
			if (!is(p, ','))
				break;
			next(p);
		}
		expect(p, ']', "close the pattern with ]");
	} else if (is(p, '{')) {
		other(p, at, STR("as {...}"));
		next(p);
		for (;;) {
			int done = 0;

			if (is(p, '$')) {
				next(p);
				if (plain_ident(p, "write a variable: $name", &name))
					bind_var(p, name, new_slot(p));
				done = !is(p, ':');
			} else if (is(p, '(')) {
				next(p);
				pipe_of(p);
				expect(p, ')', "close the key with )");
			} else if (p->tok == T_IDENT || (p->tok >= T_AS && p->tok <= T_LOC)) {
				next(p);
			} else if (!maybe_string(p)) {
				unexpected(p, "write $name, a key or (expression)");
			}
			if (!done && expect(p, ':', "write : and a pattern behind the key"))
				pattern(p, 0);
			if (p->failed || !is(p, ','))
				break;
			next(p);
		}
		expect(p, '}', "close the pattern with }");
	} else {
		unexpected(p, "write a variable: as $name");
	}
	if (top)
		while (p->tok == T_ALTPAT) {
			other(p, p->start, STR("?//"));
			next(p);
			pattern(p, 0);
			slot = -1;
		}
	p->depth--;
	return slot;
}

/* ---- calls */

static struct expr_node *
expand(struct parser *p, size_t at, const struct macro *m, struct expr_node **args)
{
	struct params params = { m, args };
	struct parser was = *p;
	struct expr_node *x;

	p->text = str_of(m->body);
	p->at = 0;
	p->params = &params;
	p->hidden = ++p->expansions;
	p->macro_col = column(&was, at);
	p->find = NULL;
	if (++p->depth > NESTED)
		fail(p, 0, "nested too deep, write it in steps");
	next(p);
	x = pipe_of(p);
	p->text = was.text, p->at = was.at, p->start = was.start, p->tok = p->failed ? T_END : was.tok, p->word = was.word;
	p->params = was.params, p->hidden = was.hidden, p->macro_col = was.macro_col, p->depth = was.depth, p->find = was.find;
	return x;
}

/* Names that stand for a function with its own evaluation: closures over each item. */
static struct expr_node *
special(struct parser *p, size_t at, struct str name, struct expr_node **args, int n)
{
	static const char *const by[] = { "sort_by", "group_by", "min_by", "max_by" };
	struct expr_node *x;

	if (n == 0 && str_eq(name, STR("empty")))
		return node(p, EXPR_COMMA, at, 0);
	if (n != 1)
		return NULL;
	if (str_eq(name, STR("select")))
		return node(p, EXPR_SELECT, at, 1, args[0]);
	if (str_eq(name, STR("map")))
		return node(p, EXPR_MAPF, at, 1, args[0]);
	if (str_eq(name, STR("del")))
		return node(p, EXPR_DELETE, at, 1, args[0]);
	for (int i = 0; i < 4; i++)
		if (str_eq(name, str_of(by[i]))) {
			x = node(p, EXPR_SORTF, at, 1, node(p, EXPR_MAPF, at, 1, node(p, EXPR_COLLECT, at, 1, args[0])));
			x->which = (uint16_t)i;
			return x;
		}
	return NULL;
}

static int
is_constant_text(const struct expr_node *x)
{
	return x->op == EXPR_CONST && (x->value.type == JSON_STRING || x->value.type == JSON_NULL);
}

/* test("…") and test("…"; "i") get their pattern compiled once, and a wrong one is told before any row is read. */
static void
compile_test(struct parser *p, struct expr_node *x)
{
	struct expr_node *re = x->kid[x->n - 1], *flags = x->n == 2 ? x->kid[0] : NULL;
	struct expr_program *prog = p->prog;
	char text[32] = "";
	struct err err = {0};

	if (re->op != EXPR_CONST || re->value.type != JSON_STRING || (flags && !is_constant_text(flags)))
		return;
	if (flags && flags->value.type == JSON_STRING) {
		if (flags->value.n >= sizeof(text) || memchr(flags->value.p, 0, flags->value.n))
			return;
		memcpy(text, flags->value.p, flags->value.n);
	}
	x->regex = regex_new((struct str){ re->value.p, re->value.n }, text, &err);
	if (!x->regex) {
		p->prog->wrong = 1;
		fail(p, re->col - 1, "%s, mend the pattern", err.text);
		return;
	}
	prog->regex = mem_grow(prog->regex, (size_t)prog->nregex + 1, sizeof(*prog->regex));
	prog->regex[prog->nregex++] = x->regex;
}

static struct expr_node *
call(struct parser *p, size_t at, struct str name, struct expr_node **args, int n)
{
	struct expr_node *x;
	int fn;

	if (p->params && n == 0)
		for (int i = 0; i < p->params->macro->n; i++)
			if (str_eq(name, str_of(p->params->macro->params[i])))
				return copy(p, p->params->args[i]);
	if (p->find && !p->found && p->find_arity == n && str_eq(name, str_of(p->find)))
		p->found = column(p, at);
	if (n == 0 && str_eq(name, STR("true")))
		return constant(p, at, expr_of_type(JSON_TRUE));
	if (n == 0 && str_eq(name, STR("false")))
		return constant(p, at, expr_of_type(JSON_FALSE));
	if (n == 0 && str_eq(name, STR("null")))
		return constant(p, at, expr_of_type(JSON_NULL));
	if (p->prog->other_col)         /* a `def` may have given the name another meaning; libjq runs it in any case */
		return none(p);
	if ((x = special(p, at, name, args, n)))
		return x;
	for (size_t i = 0; i < sizeof(macros) / sizeof(*macros); i++)
		if (macros[i].n == n && str_eq(name, str_of(macros[i].name)))
			return expand(p, at, &macros[i], args);
	fn = expr_builtin(name, n);
	if (fn < 0) {
		char text[80];

		snprintf(text, sizeof(text), "%.*s/%d", (int)(name.n < 60 ? name.n : 60), name.p, n);
		other(p, at, str_of(text));
		return none(p);
	}
	x = node(p, EXPR_CALL, at, 0);
	x->which = (uint16_t)fn;
	x->n = n;
	x->kid = get(p, sizeof(*x->kid) * (size_t)n);
	for (int i = 0; i < n; i++)     /* jq evaluates the arguments from the last to the first */
		x->kid[i] = args[n - 1 - i];
	if (expr_builtin_is_test(fn))
		compile_test(p, x);
	return x;
}

/* ---- terms */

static struct expr_node *
object(struct parser *p)
{
	struct expr_node **all = NULL, *x;
	size_t at = p->start;
	int n = 0;

	next(p);
	while (!is(p, '}') && !p->failed) {
		size_t key_at = p->start;
		struct str name = p->word;
		struct expr_node *key, *value = NULL;

		if (is(p, '$')) {
			int slot;

			next(p);
			if (!plain_ident(p, "write a variable: $name", &name))
				break;
			if (p->find && !p->found && p->find_arity < 0 && str_eq(name, str_of(p->find)))
				p->found = column(p, key_at);
			slot = find_var(p, name);
			if (slot < 0)
				other(p, key_at, (struct str){ name.p - 1, name.n + 1 });
			key = constant(p, key_at, expr_of_text(name));
			value = node(p, EXPR_VAR, key_at, 0);
			value->which = (uint16_t)(slot < 0 ? 0 : slot);
		} else if (p->tok == T_IDENT || (p->tok >= T_AS && p->tok <= T_LOC)) {
			int word = p->tok == T_IDENT;

			key = constant(p, key_at, expr_of_text(name));
			next(p);
			if (!is(p, ':') && !word)
				unexpected(p, "write : and a value behind a key that is a word of the language");
			if (!is(p, ':'))
				value = node(p, EXPR_INDEX, key_at, 2, key, node(p, EXPR_DOT, key_at, 0));
		} else if (is(p, '(')) {
			next(p);
			key = pipe_of(p);
			expect(p, ')', "close the key with )");
			if (is_constant(key) && !is_string(key) && key->op != EXPR_COMMA)
				fail(p, key_at, "a key must be a string, write \"…\" or .field in the parentheses");
			if (!is(p, ':'))
				unexpected(p, "write : and a value behind the key");
		} else if ((key = maybe_string(p))) {
			if (!is(p, ':')) {
				if (key->op != EXPR_CONST)      /* its value is taken once for both */
					other(p, key_at, STR("a computed key without a value"));
				value = node(p, EXPR_INDEX, key_at, 2, key, node(p, EXPR_DOT, key_at, 0));
			}
		} else {
			unexpected(p, "write a key: name, \"text\", $variable or (expression)");
			break;
		}
		if (!value) {           /* a value: terms, minus and | only */
			if (!expect(p, ':', "write : and a value behind the key"))
				break;
			for (;;) {
				size_t pipe_at = p->start;
				struct expr_node *v;
				int minus = 0;

				while (is(p, '-'))
					minus++, next(p);
				for (v = term(p); minus; minus--)
					v = node(p, EXPR_NEG, pipe_at, 1, v);
				value = value ? node(p, EXPR_PIPE, pipe_at, 2, value, v) : v;
				if (!is(p, '|') || p->failed)
					break;
				next(p);
			}
		}
		all = mem_grow(all, (size_t)n + 2, sizeof(*all));
		all[n++] = key;
		all[n++] = value;
		if (!is(p, ','))
			break;
		next(p);
	}
	expect(p, '}', "write , and the next key, or close the object with } (an operator needs parentheses here)");
	x = node(p, EXPR_OBJECT, at, 0);
	x->n = n;
	x->kid = get(p, sizeof(*x->kid) * (size_t)n);
	if (n)
		memcpy(x->kid, all, sizeof(*x->kid) * (size_t)n);
	free(all);
	return x;
}

static struct expr_node *
number(struct parser *p)
{
	struct str w = p->word;
	struct expr_value v;
	size_t digits = 0, dots = 0, mantissa = w.n;
	size_t at = p->start;

	for (size_t i = 0; i < w.n; i++)
		if ((w.p[i] | 32) == 'e') {
			mantissa = i;
			break;
		}
	for (size_t i = 0; i < mantissa; i++)
		w.p[i] == '.' ? dots++ : digits++;
	if (dots > 1 || !digits) {
		fail(p, at, "'%.*s' is no number, write digits and one point", (int)(w.n < 40 ? w.n : 40), w.p);
		return none(p);
	}
	v = (struct expr_value){ .type = JSON_NUMBER, .form = EXPR_RAW, .n = w.n, .p = w.p };
	if (dots || mantissa < w.n || w.p[0] == '0') {  /* as a double: nothing to keep of its text */
		char *text = get(p, w.n + 2);

		text[0] = '0';                  /* ".5" is a number here */
		memcpy(text + 1, w.p, w.n);
		v.p = text, v.n = w.n + 1;
		v = expr_of_number(expr_number(&v));
	}
	next(p);
	return constant(p, at, v);
}

static struct expr_node *
index_of(struct parser *p, struct expr_node *of, size_t at)
{
	struct expr_node *from = NULL, *to = NULL, *x;
	int slice = 0;

	next(p);                                /* behind [ */
	if (is(p, ']')) {
		next(p);
		x = node(p, EXPR_EACH, at, 1, of);
	} else {
		if (!is(p, ':'))
			from = pipe_of(p);
		if (is(p, ':')) {
			slice = 1;
			next(p);
			if (!is(p, ']') || !from)
				to = pipe_of(p);
		}
		expect(p, ']', "close the [ with ]");
		if (!slice) {
			x = node(p, EXPR_INDEX, at, 2, from, of);
		} else {
			if (!from)
				from = constant(p, at, expr_of_type(JSON_NULL));
			if (!to)
				to = constant(p, at, expr_of_type(JSON_NULL));
			x = node(p, EXPR_SLICE, at, 3, from, to, of);
		}
	}
	if (is(p, '?')) {
		x->optional = 1;
		next(p);
	}
	return x;
}

static struct expr_node *
field_of(struct parser *p, struct expr_node *of, struct expr_node *key, size_t at)
{
	struct expr_node *x = node(p, EXPR_INDEX, at, 2, key, of);

	if (is(p, '?')) {
		x->optional = 1;
		next(p);
	}
	return x;
}

/* .  .name  ."any text" */
static struct expr_node *
dot(struct parser *p)
{
	size_t at = p->start;
	struct expr_node *x = node(p, EXPR_DOT, at, 0), *key;

	next(p);
	if ((key = maybe_string(p)))
		return field_of(p, x, key, at);
	if (p->tok == T_IDENT)
		fail(p, p->start, "a blank behind the dot, write .%.*s", STR_FMT(p->word));
	return x;
}

static struct expr_node *
collect(struct parser *p)
{
	size_t at = p->start;
	struct expr_node *x;

	next(p);
	if (is(p, ']')) {
		next(p);
		return constant(p, at, expr_of_items(NULL, 0));
	}
	x = node(p, EXPR_COLLECT, at, 1, pipe_of(p));
	expect(p, ']', "close the [ with ]");
	return x;
}

static struct expr_node *
variable(struct parser *p)
{
	size_t at = p->start;
	struct expr_node *x;
	struct str name;
	char text[80];
	int slot;

	next(p);
	if (p->tok == T_LOC) {
		other(p, at, STR("$__loc__"));
		next(p);
		return none(p);
	}
	if (!plain_ident(p, "write a variable: $name", &name))
		return none(p);
	if (p->find && !p->found && p->find_arity < 0 && str_eq(name, str_of(p->find)))
		p->found = column(p, at);
	x = node(p, EXPR_VAR, at, 0);
	if ((slot = find_var(p, name)) >= 0) {
		x->which = (uint16_t)slot;
	} else {
		snprintf(text, sizeof(text), "$%.*s", (int)(name.n < 60 ? name.n : 60), name.p);
		other(p, at, str_of(text));
	}
	return x;
}

static struct expr_node *
break_to(struct parser *p)
{
	size_t at = p->start;
	struct expr_node *x = node(p, EXPR_BREAK, at, 0);
	struct str name;
	char text[80];
	int slot;

	next(p);
	if (!expect(p, '$', "break needs a label: break $name") || !plain_ident(p, "break needs a label: break $name", &name))
		return x;
	snprintf(text, sizeof(text), "*%.*s", (int)(name.n < 60 ? name.n : 60), name.p);
	if ((slot = find_var(p, str_of(text))) >= 0)
		x->which = (uint16_t)slot;
	else
		fail(p, at, "$%.*s is no label around this break, write label $%.*s | … before it", STR_FMT(name), STR_FMT(name));
	return x;
}

/* name  name(a; b) */
static struct expr_node *
called(struct parser *p)
{
	size_t at = p->start;
	struct str name = p->word;
	struct expr_node *args[8];
	int n = 0;

	next(p);
	if (is(p, '(')) {
		do {
			next(p);
			if (n == 8)
				fail(p, p->start, "too many arguments, no function takes more than 8");
			else
				args[n++] = pipe_of(p);
		} while (!p->failed && is(p, ';'));
		expect(p, ')', "write ; and the next argument, or close the ( with )");
	}
	return p->failed ? none(p) : call(p, at, name, args, n);
}

/* What stands for itself, without what follows it. */
static struct expr_node *
primary(struct parser *p)
{
	size_t at = p->start;
	struct str name = p->word;
	struct expr_node *x;

	if (is(p, '.'))
		return dot(p);
	if (is(p, '['))
		return collect(p);
	if (is(p, '{'))
		return object(p);
	if (is(p, '$'))
		return variable(p);
	if (is(p, '(')) {
		next(p);
		x = pipe_of(p);
		expect(p, ')', "close the ( with )");
		return x;
	}
	switch (p->tok) {
	case T_REC:
		next(p);
		return node(p, EXPR_RECURSE, at, 0);
	case T_FIELD:
		next(p);
		return field_of(p, node(p, EXPR_DOT, at, 0), constant(p, at, expr_of_text(name)), at);
	case T_FORMAT:
		if ((x = maybe_string(p)))
			return x;
		next(p);
		return format(p, at, name, node(p, EXPR_DOT, at, 0));
	case T_NUMBER: return number(p);
	case T_BREAK:  return break_to(p);
	case T_IDENT:  return called(p);
	default:
		if ((x = maybe_string(p)))
			return x;
		unexpected(p, "write a value: .field, a literal, a function, (…), […] or {…}");
		return none(p);
	}
}

/* The fields and indexes behind it. */
static struct expr_node *
reached_from(struct parser *p, struct expr_node *x)
{
	struct expr_node *key;
	struct str name;

	while (!p->failed) {
		size_t at = p->start;

		if (p->tok == T_FIELD) {
			name = p->word;
			next(p);
			x = field_of(p, x, constant(p, at, expr_of_text(name)), at);
		} else if (is(p, '[')) {
			x = index_of(p, x, at);
		} else if (is(p, '.')) {
			next(p);
			if (!(key = maybe_string(p))) {
				unexpected(p, "write .name, .\"any text\" or [\"any text\"] behind the dot");
				break;
			}
			x = field_of(p, x, key, at);
		} else {
			break;
		}
	}
	return x;
}

static struct expr_node *
term(struct parser *p)
{
	struct expr_node *x;

	if (++p->depth > NESTED)
		fail(p, p->start, "nested too deep, write it in steps");
	x = p->failed ? none(p) : reached_from(p, primary(p));
	p->depth--;
	return x;
}

static void
function(struct parser *p)
{
	int vars = p->nvars;
	struct str name;

	other(p, p->start, STR("def"));
	next(p);
	if (!plain_ident(p, "write the function's name behind def", &name))
		return;
	if (is(p, '(')) {
		next(p);
		for (;;) {
			if (is(p, '$')) {
				next(p);
				if (plain_ident(p, "write a parameter", &name))
					bind_var(p, name, new_slot(p));
			} else {
				plain_ident(p, "write a parameter: name or $name", &name);
			}
			if (p->failed || !is(p, ';'))
				break;
			next(p);
		}
		expect(p, ')', "write ; and the next parameter, or close the ( with )");
	}
	if (expect(p, ':', "write : and the body behind the name"))
		pipe_of(p);
	expect(p, ';', "end the function with ;");
	p->nvars = vars;
}

/* `reduce` and `foreach`. */
static struct expr_node *
fold_loop(struct parser *p)
{
	int each = p->tok == T_FOREACH, vars = p->nvars, slot;
	size_t at = p->start;
	struct expr_node *source, *init, *update, *extract, *x;

	next(p);
	source = term(p);
	if (p->tok != T_AS)
		unexpected(p, "write as $name behind the source");
	next(p);
	/* the start value does not see the variable: jq binds it in the body only, but reads the pattern first */
	slot = pattern(p, 1);
	if (!expect(p, '(', "write (start; update)"))
		return none(p);
	{
		int bound = p->nvars - vars;
		struct var *own = get(p, sizeof(*own) * (size_t)bound);

		memcpy(own, p->vars + vars, sizeof(*own) * (size_t)bound);
		p->nvars = vars;
		init = pipe_of(p);
		p->nvars = vars;
		for (int i = 0; i < bound; i++)
			bind_var(p, own[i].name, own[i].slot);
	}
	if (!expect(p, ';', "write ; and the update behind the start value"))
		return none(p);
	update = pipe_of(p);
	extract = node(p, EXPR_DOT, at, 0);
	if (each && is(p, ';')) {
		next(p);
		extract = pipe_of(p);
	}
	expect(p, ')', "close the ( with )");
	p->nvars = vars;
	x = each ? node(p, EXPR_FOREACH, at, 4, source, init, update, extract) : node(p, EXPR_REDUCE, at, 3, source, init, update);
	x->which = (uint16_t)(slot < 0 ? 0 : slot);
	return x;
}

static struct expr_node *
condition(struct parser *p)
{
	size_t at = p->start;
	struct expr_node *cond, *yes, *no;

	if (++p->depth > NESTED)
		fail(p, at, "nested too deep, write it in steps");
	next(p);
	cond = pipe_of(p);
	if (p->tok != T_THEN)
		unexpected(p, "write then behind the condition");
	next(p);
	yes = pipe_of(p);
	if (p->tok == T_ELIF) {
		no = condition(p);
	} else if (p->tok == T_ELSE) {
		next(p);
		no = pipe_of(p);
		if (p->tok != T_END_WORD)
			unexpected(p, "close the if with end");
		next(p);
	} else {
		unexpected(p, "an if needs else … end");
		no = none(p);
	}
	p->depth--;
	return node(p, EXPR_IF, at, 3, cond, yes, no);
}

/* One operand with what stands before it. question: 1 takes `?` behind it, 0 leaves it (the body of try). */
static struct expr_node *
operand(struct parser *p, int question)
{
	size_t at = p->start;
	struct expr_node *x;
	struct str name;
	int vars;

	if (++p->depth > NESTED)
		fail(p, at, "nested too deep, write it in steps");
	switch (p->tok) {
	case T_DEF:
		function(p);
		x = pipe_of(p);
		break;
	case T_REDUCE:
	case T_FOREACH:
		x = fold_loop(p);
		break;
	case T_IF:
		x = condition(p);
		break;
	case T_TRY:
		next(p);
		x = node(p, EXPR_TRY, at, 1, operand(p, 0));
		if (p->tok == T_CATCH) {
			other(p, p->start, STR("catch"));
			next(p);
			operand(p, 0);
		}
		break;
	case T_LABEL:
		next(p);
		vars = p->nvars;
		x = node(p, EXPR_LABEL, at, 0);
		if (expect(p, '$', "write label $name | …") && plain_ident(p, "write label $name | …", &name)) {
			char *text = get(p, name.n + 1);

			text[0] = '*';
			memcpy(text + 1, name.p, name.n);
			x->which = (uint16_t)new_slot(p);
			bind_var(p, (struct str){ text, name.n + 1 }, x->which);
			if (expect(p, '|', "write label $name | …")) {
				x->n = 1;
				x->kid = get(p, sizeof(*x->kid));
				x->kid[0] = pipe_of(p);
			}
		}
		p->nvars = vars;
		break;
	default:
		if (is(p, '-')) {
			next(p);
			x = node(p, EXPR_NEG, at, 1, binary(p, 8));
			break;
		}
		x = term(p);
		if (p->tok == T_AS) {
			struct expr_node *body;
			int slot;

			next(p);
			vars = p->nvars;
			slot = pattern(p, 1);
			if (!expect(p, '|', "write | behind the variable"))
				break;
			body = pipe_of(p);
			p->nvars = vars;
			x = node(p, EXPR_AS, at, 2, x, body);
			x->which = (uint16_t)(slot < 0 ? 0 : slot);
		}
	}
	while (question && is(p, '?') && !p->failed) {
		next(p);
		x = node(p, EXPR_TRY, at, 1, x);
	}
	p->depth--;
	return x;
}

/* The level of the operator at hand, 0 when it is none; its node's op. */
static int
level(const struct parser *p, enum expr_op *op)
{
	if (is(p, ','))
		return *op = EXPR_COMMA, 1;
	switch (p->tok) {
	case T_ALT:    return *op = EXPR_ALT, 2;
	case T_ASSIGN: return *op = EXPR_UPDATE, 3;
	case T_OR:     return *op = EXPR_OR, 4;
	case T_AND:    return *op = EXPR_AND, 5;
	case T_EQ:     return *op = EXPR_EQ, 6;
	case T_NE:     return *op = EXPR_NE, 6;
	case T_LE:     return *op = EXPR_LE, 6;
	case T_GE:     return *op = EXPR_GE, 6;
	default:       break;
	}
	if (is(p, '<'))
		return *op = EXPR_LT, 6;
	if (is(p, '>'))
		return *op = EXPR_GT, 6;
	if (is(p, '+'))
		return *op = EXPR_ADD, 7;
	if (is(p, '-'))
		return *op = EXPR_SUB, 7;
	if (is(p, '*'))
		return *op = EXPR_MUL, 8;
	if (is(p, '/'))
		return *op = EXPR_DIV, 8;
	if (is(p, '%'))
		return *op = EXPR_MOD, 8;
	return 0;
}

static struct expr_node *
update(struct parser *p, size_t at, struct str sign, struct expr_node *path, struct expr_node *value)
{
	static const struct { const char *sign; enum expr_op op; } kinds[] = {
		{ "=", EXPR_CONST }, { "|=", EXPR_PIPE }, { "//=", EXPR_ALT }, { "+=", EXPR_ADD }, { "-=", EXPR_SUB }, { "*=", EXPR_MUL },
		{ "/=", EXPR_DIV }, { "%=", EXPR_MOD },
	};
	struct expr_node *x = node(p, EXPR_UPDATE, at, 2, value, path);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (str_eq(sign, str_of(kinds[i].sign)))
			x->which = kinds[i].op;
	return x;
}

static struct expr_node *
binary(struct parser *p, int least)
{
	struct expr_node *a = operand(p, 1), *b;
	enum expr_op op, again;
	struct str sign;
	int l;

	while (!p->failed && (l = level(p, &op)) >= least && l) {
		size_t at = p->start;

		sign = p->word;
		next(p);
		if (l == 2) {           /* to the right */
			if (++p->depth > NESTED)
				fail(p, at, "nested too deep, write it in steps");
			b = binary(p, 2);
			p->depth--;
		} else {
			b = binary(p, l + 1);
		}
		if ((l == 3 || l == 6) && !p->failed && level(p, &again) == l) {
			fail(p, p->start, "a second '%.*s' in a row, put one of the two in parentheses", (int)(p->at - p->start),
			    p->text.p + p->start);
			break;
		}
		if (l == 3)
			a = update(p, at, sign, a, b);
		else if (op >= EXPR_ADD && op <= EXPR_GE)
			a = fold(p, node(p, op, at, 2, b, a), at);      /* jq evaluates the right side first */
		else
			a = node(p, op, at, 2, a, b);
	}
	return a;
}

static struct expr_node *
pipe_of(struct parser *p)
{
	struct expr_node *a, *b;
	size_t at;

	if (++p->depth > NESTED)
		fail(p, p->start, "nested too deep, write it in steps");
	if (p->failed) {
		p->depth--;
		return none(p);
	}
	a = binary(p, 1);
	at = p->start;
	if (is(p, '|')) {
		next(p);
		b = pipe_of(p);
		a = node(p, EXPR_PIPE, at, 2, a, b);
	}
	p->depth--;
	return a;
}

/* ---- after reading */

/* .a.b.c from the input, as one node. */
static void
gather_paths(struct parser *p, struct expr_node *x)
{
	const struct expr_node *from;

	for (int i = 0; i < x->n; i++)
		gather_paths(p, x->kid[i]);
	if (x->op != EXPR_INDEX || x->optional || !is_string(x->kid[0]))
		return;
	from = x->kid[1];
	if (from->op != EXPR_DOT && from->op != EXPR_PATH)
		return;
	x->keys = get(p, sizeof(*x->keys) * (size_t)(from->nkeys + 1));
	if (from->nkeys)
		memcpy(x->keys, from->keys, sizeof(*x->keys) * (size_t)from->nkeys);
	x->keys[from->nkeys] = (struct str){ x->kid[0]->value.p, x->kid[0]->value.n };
	x->nkeys = from->nkeys + 1;
	x->op = EXPR_PATH;
	x->n = 0;
}

static int
has(const struct expr_node *x, enum expr_op op)
{
	if (x->op == op)
		return 1;
	for (int i = 0; i < x->n; i++)
		if (has(x->kid[i], op))
			return 1;
	return 0;
}

static void
not_native(struct expr_program *prog, const struct expr_node *x, const char *what)
{
	if (prog->other_col)
		return;
	prog->other_col = x->col;
	snprintf(prog->other, sizeof(prog->other), "%s", what);
}

static void
mark_many(struct expr_program *prog, struct expr_node *x)
{
	int any = 0;

	for (int i = 0; i < x->n; i++) {
		mark_many(prog, x->kid[i]);
		any |= x->kid[i]->many;
	}
	switch (x->op) {
	case EXPR_COMMA:
		x->many = x->n > 0;
		break;
	case EXPR_EACH:
	case EXPR_RECURSE:
	case EXPR_TRY:
	case EXPR_LABEL:
		x->many = 1;
		break;
	case EXPR_REDUCE:
	case EXPR_FOREACH:
		/* jq 1.6 has an oddity here (the source sees null from the second start value on); it may keep it */
		if (x->kid[1]->many)
			not_native(prog, x, "several start values");
		x->many = x->op == EXPR_FOREACH;
		break;
	case EXPR_UPDATE:
		if (!expr_is_path(x->kid[1]))
			not_native(prog, x, "an update of this path");
		/* in jq 1.6 a `try` in the update swallows the end of the update too */
		if (x->which == EXPR_PIPE && has(x->kid[0], EXPR_TRY))
			not_native(prog, x, "try in an update");
		x->many = x->which != EXPR_PIPE && x->kid[0]->many;
		break;
	case EXPR_DELETE:
		if (!expr_is_path(x->kid[0]))
			not_native(prog, x, "del of this path");
		x->many = 0;
		break;
	case EXPR_COLLECT:
	case EXPR_MAPF:
	case EXPR_SORTF:
		x->many = 0;
		break;
	default:
		x->many = (uint8_t)any;
	}
}

static int
parse(struct parser *p)
{
	next(p);
	if (p->tok == T_MODULE || p->tok == T_IMPORT || p->tok == T_INCLUDE) {
		other(p, p->start, p->word);
		while (p->tok == T_MODULE || p->tok == T_IMPORT || p->tok == T_INCLUDE) {
			while (!is(p, ';') && p->tok != T_END) {
				if (p->tok == T_QUOTE)
					string(p, STR("text"));
				else
					next(p);
			}
			expect(p, ';', "end the directive with ;");
		}
	}
	while (p->tok == T_DEF)
		function(p);
	if (p->tok == T_END) {
		if (!p->prog->other_col)
			p->prog->top = node(p, EXPR_DOT, 0, 0);
	} else {
		p->prog->top = pipe_of(p);
	}
	if (!p->failed && p->tok != T_END)
		unexpected(p, "write an operator, | or the end of the expression before it");
	return p->failed ? ERR_USAGE : 0;
}

int
expr_parse(struct expr_program *prog, struct str text, struct err *err)
{
	struct parser p = { .prog = prog, .err = err };
	long fault = str_utf8_fault(text);
	const char *nul = text.n ? memchr(text.p, 0, text.n) : NULL;
	int rc;

	if (nul && (fault < 0 || nul - text.p < fault))
		fault = nul - text.p;
	prog->arena = p.arena = arena_new(0);
	prog->text = text;
	p.text = text;
	if (fault >= 0)
		return err_col(err, fault + 1, ERR_USAGE, "column %ld: not UTF-8 text, save the expression as UTF-8", fault + 1);
	rc = parse(&p);
	free(p.vars);
	if (rc < 0)
		return rc;
	if (!prog->top)                         /* definitions only: jq takes `.` for the program */
		prog->top = none(&p);
	if (!prog->other_col) {
		gather_paths(&p, prog->top);
		mark_many(prog, prog->top);
	}
	return 0;
}

void
expr_unparse(struct expr_program *prog)
{
	for (int i = 0; i < prog->nregex; i++)
		regex_free(prog->regex[i]);
	free(prog->regex);
	arena_free(prog->arena);
}

long
expr_where(struct str text, const char *name, int arity)
{
	struct expr_program prog = {0};
	struct err err = {0};
	struct parser p = { .prog = &prog, .err = &err, .text = text, .find = name, .find_arity = arity };

	prog.arena = p.arena = arena_new(0);
	parse(&p);
	free(p.vars);
	expr_unparse(&prog);
	return p.found;
}
