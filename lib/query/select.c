#include "query/select.h"

#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "query/token.h"

#define TOKENS_MOST (1 << 20)

struct parser {
	struct arena *arena;
	struct str sql;
	struct token *token;            /* ends with two TOKEN_END */
	size_t n, at;
	int depth, nested;
	struct err *err;
};

/* ---- tokens */

static int
fail(struct parser *p, const char *what)
{
	if (!p->err->code)
		err_col(p->err, (long)p->token[p->at].at + 1, ERR_INPUT, "%s", what);
	return p->err->code;
}

static int
same_name(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static const struct token *
here(const struct parser *p)
{
	return &p->token[p->at];
}

static int
is(const struct parser *p, const char *text)
{
	return token_is(&p->token[p->at], text);
}

static int
is_next(const struct parser *p, const char *text)       /* the one behind */
{
	return p->at + 1 < p->n && token_is(&p->token[p->at + 1], text);
}

static int
take(struct parser *p, const char *text)
{
	if (!is(p, text))
		return 0;
	p->at++;
	return 1;
}

static void
want(struct parser *p, const char *text)
{
	if (!take(p, text))
		fail(p, "not what the grammar wants here");
}

static uint32_t
start(const struct parser *p)
{
	return (uint32_t)here(p)->at;
}

static uint32_t
end(const struct parser *p)             /* of the token before */
{
	const struct token *t = p->at ? &p->token[p->at - 1] : NULL;

	return t ? (uint32_t)(t->at + t->text.n) : 0;
}

/* Room for one more in an array of the arena: doubled at each power of two. */
static void *
grow(struct parser *p, void *old, int n, size_t size)
{
	void *more;

	if (n && (n & (n - 1)))
		return old;
	if (!(more = arena_get(p->arena, (size_t)(n ? 2 * n : 1) * size))) {
		err_set(p->err, ERR_LIMIT, "the statement grows beyond bounds");
		return NULL;
	}
	if (n)
		memcpy(more, old, (size_t)n * size);
	return more;
}

/* SQLite's words that are no name by themselves. */
static int
reserved(struct str word)
{
	static const char *const words[] = { "add", "all", "alter", "and", "as", "autoincrement", "between", "case", "check", "collate", "commit", "constraint",
		"create", "cross", "default", "deferrable", "delete", "distinct", "drop", "else", "escape", "except", "exists", "foreign", "from", "full", "group",
		"having", "in", "index", "indexed", "inner", "insert", "intersect", "into", "is", "isnull", "join", "left", "limit", "natural", "not", "nothing",
		"notnull", "null", "on", "or", "order", "outer", "primary", "references", "returning", "right", "select", "set", "table", "then", "to",
		"transaction", "union", "unique", "update", "using", "values", "when", "where", NULL };

	for (const char *const *w = words; *w; w++)
		if (strlen(*w) == word.n && strncasecmp(*w, word.p, word.n) == 0)
			return 1;
	return 0;
}

/* Words that begin something else where a name could stand too: not taken for an alias that has no AS. */
static int
begins_clause(struct str word)
{
	static const char *const words[] = { "window", "over", "filter", "like", "glob", "regexp", "match", "offset", "not", "asc", "desc", "nulls", NULL };

	for (const char *const *w = words; *w; w++)
		if (strlen(*w) == word.n && strncasecmp(*w, word.p, word.n) == 0)
			return 1;
	return 0;
}

static int
is_name(const struct token *t)
{
	return t->kind == TOKEN_QUOTED || (t->kind == TOKEN_WORD && !reserved(t->text));
}

/* Without its quotes. */
static struct str
bare(struct parser *p, const struct token *t)
{
	struct str s = t->text;
	char quote, *out;
	size_t n = 0;

	if ((t->kind != TOKEN_QUOTED && t->kind != TOKEN_STRING) || s.n < 2)
		return s;
	quote = s.p[s.n - 1];
	s.p++, s.n -= 2;
	if (quote == ']' || !memchr(s.p, quote, s.n))
		return s;
	if (!(out = arena_get(p->arena, s.n + 1))) {
		err_set(p->err, ERR_LIMIT, "the statement grows beyond bounds");
		return STR("");
	}
	for (size_t i = 0; i < s.n; i++) {
		out[n++] = s.p[i];
		i += s.p[i] == quote;
	}
	return (struct str){ out, n };
}

static struct str
name(struct parser *p)
{
	if (!is_name(here(p))) {
		fail(p, "no name");
		return STR("");
	}
	return bare(p, &p->token[p->at++]);
}

/* [AS] alias; p NULL: none. */
static struct str
alias(struct parser *p)
{
	const struct token *t = here(p);

	if (take(p, "as")) {
		t = here(p);
		if (t->kind == TOKEN_STRING && *t->text.p == '\'')
			return bare(p, &p->token[p->at++]);
		return name(p);
	}
	if (t->kind == TOKEN_QUOTED || (t->kind == TOKEN_WORD && !reserved(t->text) && !begins_clause(t->text)))
		return bare(p, &p->token[p->at++]);
	return (struct str){ NULL, 0 };
}

/* ---- expressions */

static struct select_expr *expression(struct parser *, int least);
static struct select *subselect(struct parser *);
static void order_terms(struct parser *, struct select_term **, int *n);

static struct select_expr *
node(struct parser *p, enum select_of of, uint32_t from)
{
	static struct select_expr nowhere;      /* what failure gives: never kept, the tree is given up */
	struct select_expr *e = arena_get(p->arena, sizeof(*e));

	if (!e) {
		err_set(p->err, ERR_LIMIT, "the statement grows beyond bounds");
		return &nowhere;
	}
	*e = (struct select_expr){ .of = of, .from = from, .to = end(p), .height = 1 };
	return e;
}

static void
rise(struct parser *p, struct select_expr *e, const struct select_expr *child)
{
	if (child && child->height >= e->height)
		e->height = child->height + 1;
	if (e->height > SELECT_DEPTH)
		fail(p, "an expression too deep");
}

static void
add(struct parser *p, struct select_expr *e, struct select_expr *child)
{
	struct select_expr **more;

	if (p->err->code || !child || !(more = grow(p, e->arg, e->n_args, sizeof(*more))))
		return;
	e->arg = more;
	e->arg[e->n_args++] = child;
	rise(p, e, child);
}

/* Expressions up to a closing bracket, which is taken. */
static void
list(struct parser *p, struct select_expr ***arg, int *n, int *height)
{
	struct select_expr **more, *e;

	do {
		if (!(e = expression(p, 0)) || p->err->code || !(more = grow(p, *arg, *n, sizeof(*more))))
			return;
		*arg = more;
		(*arg)[(*n)++] = e;
		*height = e->height > *height ? e->height : *height;
	} while (take(p, ","));
	want(p, ")");
}

static void
window_arg(struct parser *p, struct select_window *w, struct select_expr *e)
{
	struct select_expr **more;

	if (p->err->code || !e || !(more = grow(p, w->arg, w->n_args, sizeof(*more))))
		return;
	w->arg = more;
	w->arg[w->n_args++] = e;
}

static void
frame(struct parser *p, struct select_window *w)        /* behind ROWS, RANGE or GROUPS */
{
	int bounds = take(p, "between") ? 2 : 1;

	w->bound[1].of = SELECT_CURRENT;
	for (int i = 0; i < bounds && !p->err->code; i++) {
		if (i)
			want(p, "and");
		if (take(p, "unbounded")) {
			w->bound[i].of = take(p, "preceding") ? SELECT_FIRST : SELECT_LAST;
			if (w->bound[i].of == SELECT_LAST)
				want(p, "following");
		} else if (is(p, "current") && is_next(p, "row")) {
			p->at += 2;
			w->bound[i].of = SELECT_CURRENT;
		} else {
			w->bound[i].by = expression(p, 0);
			window_arg(p, w, w->bound[i].by);
			w->bound[i].of = take(p, "preceding") ? SELECT_PRECEDING : SELECT_FOLLOWING;
			if (w->bound[i].of == SELECT_FOLLOWING)
				want(p, "following");
		}
	}
	if (!take(p, "exclude"))
		return;
	w->excludes = 1;
	if (take(p, "no")) {
		want(p, "others");
		w->excludes = 0;
	} else if (take(p, "current")) {
		want(p, "row");
	} else if (!take(p, "group")) {
		want(p, "ties");
	}
}

static void
window_body(struct parser *p, struct select_window *w)  /* behind the opening bracket */
{
	static const char *const frames[] = { "RANGE", "ROWS", "GROUPS", NULL };

	if (is_name(here(p)) && !is(p, "partition") && !is(p, "rows") && !is(p, "range") && !is(p, "groups"))
		w->base = name(p);
	if (take(p, "partition")) {
		want(p, "by");
		do
			window_arg(p, w, expression(p, 0));
		while (!p->err->code && take(p, ","));
		w->n_partition = w->n_args;
	}
	if (is(p, "order"))
		order_terms(p, &w->order, &w->n_order);
	for (int i = 0; i < w->n_order && !p->err->code; i++)
		window_arg(p, w, w->order[i].expr);
	for (int i = 0; frames[i] && !w->frame; i++)
		if (take(p, frames[i]))
			w->frame = frames[i];
	if (w->frame)
		frame(p, w);
	want(p, ")");
}

/* f( … ) behind its name and bracket */
static struct select_expr *
call(struct parser *p, struct str function, uint32_t from)
{
	struct select_expr *e = node(p, SELECT_CALL, from);
	int height = 0;

	e->name = function;
	if (take(p, "*")) {
		e->star = 1;
		want(p, ")");
	} else if (!take(p, ")")) {
		if (take(p, "distinct"))
			e->distinct = 1;
		else
			take(p, "all");
		list(p, &e->arg, &e->n_args, &height);
	}
	if (is(p, "filter") && is_next(p, "(")) {
		p->at += 2;
		want(p, "where");
		e->filter = expression(p, 0);
		want(p, ")");
		height = e->filter && e->filter->height > height ? e->filter->height : height;
	}
	if (is(p, "over") && (is_next(p, "(") || is_name(&p->token[p->at + 1]))) {
		struct select_window *w = arena_get(p->arena, sizeof(*w));

		if (!w) {
			err_set(p->err, ERR_LIMIT, "the statement grows beyond bounds");
			return e;
		}
		p->at++;
		*w = (struct select_window){ .from = start(p) };
		if (take(p, "("))
			window_body(p, w);
		else
			w->name = name(p);
		w->to = end(p);
		for (int i = 0; i < w->n_args; i++)
			height = w->arg[i]->height > height ? w->arg[i]->height : height;
		e->over = w;
	}
	e->height = height + 1;
	e->to = end(p);
	rise(p, e, NULL);
	return e;
}

static struct select_expr *
case_of(struct parser *p, uint32_t from)
{
	struct select_expr *e = node(p, SELECT_CASE, from);

	if (!is(p, "when")) {
		e->has_base = 1;
		add(p, e, expression(p, 0));
	}
	if (!is(p, "when"))
		fail(p, "CASE without WHEN");
	while (!p->err->code && take(p, "when")) {
		add(p, e, expression(p, 0));
		want(p, "then");
		add(p, e, expression(p, 0));
	}
	if (take(p, "else")) {
		e->has_else = 1;
		add(p, e, expression(p, 0));
	}
	want(p, "end");
	e->to = end(p);
	return e;
}

static struct select_expr *
cast_of(struct parser *p, uint32_t from)
{
	struct select_expr *e = node(p, SELECT_CAST, from);
	uint32_t type;

	add(p, e, expression(p, 0));
	want(p, "as");
	type = start(p);
	while (here(p)->kind == TOKEN_WORD || here(p)->kind == TOKEN_QUOTED || here(p)->kind == TOKEN_STRING)
		p->at++;
	if (take(p, "(")) {
		while (here(p)->kind == TOKEN_NUMBER || is(p, ",") || is(p, "+") || is(p, "-") || here(p)->kind == TOKEN_WORD)
			p->at++;
		want(p, ")");
	}
	e->name = end(p) > type ? (struct str){ p->sql.p + type, end(p) - type } : STR("");
	want(p, ")");
	e->to = end(p);
	return e;
}

/* (…): an expression, a row of them, a subquery */
static struct select_expr *
bracket(struct parser *p, uint32_t from)
{
	struct select_expr *e, *row;

	if (is(p, "select") || is(p, "with") || is(p, "values")) {
		e = node(p, SELECT_SUBQUERY, from);
		e->select = subselect(p);
		want(p, ")");
		e->to = end(p);
		return e;
	}
	e = expression(p, 0);
	if (p->err->code || !is(p, ",")) {
		want(p, ")");
		return e;
	}
	row = node(p, SELECT_ROW, from);
	add(p, row, e);
	while (!p->err->code && take(p, ","))
		add(p, row, expression(p, 0));
	want(p, ")");
	row->to = end(p);
	return row;
}

static struct select_expr *
primary(struct parser *p)
{
	const struct token *t = here(p);
	uint32_t from = start(p);
	struct select_expr *e;

	switch (t->kind) {
	case TOKEN_NUMBER:
		p->at++;
		e = node(p, SELECT_NUMBER, from);
		e->name = t->text;
		return e;
	case TOKEN_STRING:
		p->at++;
		e = node(p, *t->text.p == '\'' ? SELECT_TEXT : SELECT_BLOB, from);
		e->name = *t->text.p == '\'' ? bare(p, t) : t->text;
		return e;
	case TOKEN_PARAM:
		p->at++;
		e = node(p, SELECT_PARAM, from);
		e->name = t->text;
		return e;
	case TOKEN_OPERATOR:
		if (take(p, "("))
			return bracket(p, from);
		break;
	case TOKEN_WORD:
		if (take(p, "null"))
			return node(p, SELECT_NULL, from);
		if (take(p, "case"))
			return case_of(p, from);
		if (is(p, "exists") && is_next(p, "(")) {
			p->at += 2;
			e = node(p, SELECT_EXISTS, from);
			e->select = subselect(p);
			want(p, ")");
			e->to = end(p);
			return e;
		}
		if (is(p, "cast") && is_next(p, "(")) {
			p->at += 2;
			return cast_of(p, from);
		}
		/* fallthrough */
	case TOKEN_QUOTED:
		if (!is_name(t) && !(is_next(p, "(") && (is(p, "left") || is(p, "right"))))
			break;
		p->at++;
		if (take(p, "("))
			return call(p, bare(p, t), from);
		e = node(p, SELECT_COLUMN, from);
		e->name = bare(p, t);
		for (int i = 0; i < 2 && is(p, "."); i++) {
			p->at++;
			e->schema = e->table, e->table = e->name;
			e->name = name(p);
		}
		e->to = end(p);
		return e;
	default:
		break;
	}
	fail(p, "no expression");
	return node(p, SELECT_NULL, from);
}

/* How firmly operators bind, from loose to firm. All are read from left to right. */
enum { OR = 1, AND, NOT, EQUAL, ORDER, ESCAPE, BITS, SUM, PRODUCT, CONCAT, COLLATE, UNARY };

static const struct { const char *text, *op; int binds; } binary[] = {
	{ "or", "OR", OR }, { "and", "AND", AND }, { "=", "=", EQUAL }, { "==", "=", EQUAL }, { "<>", "<>", EQUAL }, { "!=", "<>", EQUAL },
	{ "<", "<", ORDER }, { "<=", "<=", ORDER }, { ">", ">", ORDER }, { ">=", ">=", ORDER }, { "&", "&", BITS }, { "|", "|", BITS }, { "<<", "<<", BITS },
	{ ">>", ">>", BITS }, { "+", "+", SUM }, { "-", "-", SUM }, { "*", "*", PRODUCT }, { "/", "/", PRODUCT }, { "%", "%", PRODUCT }, { "||", "||", CONCAT },
	{ "->", "->", CONCAT }, { "->>", "->>", CONCAT }, { NULL, NULL, 0 } };

static const struct { const char *text, *op; } likes[] = { { "like", "LIKE" }, { "glob", "GLOB" }, { "regexp", "REGEXP" }, { "match", "MATCH" }, { NULL, NULL } };

static struct select_expr *
unary(struct parser *p, int least)
{
	static const struct { const char *text, *op; } signs[] = { { "-", "-" }, { "+", "+" }, { "~", "~" }, { NULL, NULL } };
	uint32_t from = start(p);
	struct select_expr *e;

	if (is(p, "not") && !is_next(p, "null")) {
		if (least > NOT)
			fail(p, "NOT inside an operand");
		p->at++;
		e = node(p, SELECT_UNARY, from);
		e->op = "NOT";
		add(p, e, expression(p, NOT));
		e->to = end(p);
		return e;
	}
	for (int i = 0; signs[i].text; i++)
		if (take(p, signs[i].text)) {
			e = node(p, SELECT_UNARY, from);
			e->op = signs[i].op;
			add(p, e, expression(p, UNARY));
			e->to = end(p);
			return e;
		}
	return primary(p);
}

static struct select_expr *
in_list(struct parser *p, struct select_expr *left, uint32_t from)
{
	struct select_expr *e = node(p, SELECT_IN, from);
	int height = 0;

	add(p, e, left);
	if (!take(p, "(")) {
		fail(p, "IN of a table");
	} else if (is(p, "select") || is(p, "with") || is(p, "values")) {
		e->select = subselect(p);
		want(p, ")");
	} else if (!take(p, ")")) {
		list(p, &e->arg, &e->n_args, &height);
		e->height = height >= e->height ? height + 1 : e->height;
		rise(p, e, NULL);
	}
	return e;
}

/* What may stand behind an operand at the level of =: IS, IN, BETWEEN, LIKE, ISNULL. NULL: nothing of it. */
static struct select_expr *
behind(struct parser *p, struct select_expr *left, uint32_t from)
{
	struct select_expr *e = NULL;
	int negated = 0;

	if (take(p, "isnull") || (negated = take(p, "notnull"))) {
		e = node(p, SELECT_IS_NULL, from);
		add(p, e, left);
		e->negated = negated;
		return e;
	}
	if (take(p, "is")) {
		e = node(p, SELECT_BINARY, from);
		negated = take(p, "not");
		if (is(p, "distinct") && is_next(p, "from"))
			p->at += 2, negated = !negated;
		e->op = negated ? "IS NOT" : "IS";
		add(p, e, left);
		add(p, e, expression(p, EQUAL + 1));
		return e;
	}
	if (is(p, "not")) {
		if (is_next(p, "null")) {
			p->at += 2;
			e = node(p, SELECT_IS_NULL, from);
			add(p, e, left);
			e->negated = 1;
			return e;
		}
		p->at++;
		negated = 1;
	}
	if (take(p, "in")) {
		e = in_list(p, left, from);
	} else if (take(p, "between")) {
		e = node(p, SELECT_BETWEEN, from);
		add(p, e, left);
		add(p, e, expression(p, EQUAL));
		want(p, "and");
		add(p, e, expression(p, EQUAL + 1));
	} else {
		for (int i = 0; likes[i].text && !e; i++)
			if (take(p, likes[i].text)) {
				e = node(p, SELECT_LIKE, from);
				e->op = likes[i].op;
				add(p, e, left);
				add(p, e, expression(p, EQUAL + 1));
				if (take(p, "escape"))
					add(p, e, expression(p, ESCAPE + 1));
			}
	}
	if (e)
		e->negated = negated;
	else if (negated)
		fail(p, "NOT of nothing");
	return e;
}

static struct select_expr *
expression(struct parser *p, int least)
{
	uint32_t from = start(p);
	struct select_expr *left, *e;

	if (p->err->code || ++p->depth > SELECT_DEPTH) {
		fail(p, "an expression too deep");
		return NULL;
	}
	left = unary(p, least);
	while (!p->err->code) {
		int i;

		if (is(p, "collate")) {
			if (least > COLLATE)
				break;
			p->at++;
			e = node(p, SELECT_COLLATE, from);
			add(p, e, left);
			e->name = name(p);
		} else {
			for (i = 0; binary[i].text && !is(p, binary[i].text); i++)
				;
			if (binary[i].text) {
				if (binary[i].binds < least)
					break;
				p->at++;
				e = node(p, SELECT_BINARY, from);
				e->op = binary[i].op;
				add(p, e, left);
				add(p, e, expression(p, binary[i].binds + 1));
			} else if (least > EQUAL || !(e = behind(p, left, from))) {
				break;
			}
		}
		e->to = end(p);
		left = e;
	}
	p->depth--;
	return left;
}

/* ---- clauses */

static void
order_terms(struct parser *p, struct select_term **order, int *n)      /* ORDER BY … */
{
	struct select_term *more;

	want(p, "order");
	want(p, "by");
	do {
		struct select_term t = { .from = start(p) };

		t.expr = expression(p, 0);
		if (!take(p, "asc"))
			t.descending = take(p, "desc");
		if (take(p, "nulls"))
			t.nulls = take(p, "first") ? 1 : take(p, "last") ? 2 : fail(p, "NULLS what");
		t.to = end(p);
		if (p->err->code || !(more = grow(p, *order, *n, sizeof(*more))))
			return;
		*order = more;
		(*order)[(*n)++] = t;
	} while (take(p, ","));
}

static void sources(struct parser *, struct select_source **, int *n);

static void
source(struct parser *p, struct select_source *s)
{
	int height = 0;

	*s = (struct select_source){ .from = start(p) };
	if (take(p, "(")) {
		if (is(p, "select") || is(p, "with") || is(p, "values")) {
			s->select = subselect(p);
		} else {
			if (++p->nested > SELECT_NESTED)
				fail(p, "too deep");
			else
				sources(p, &s->inner, &s->n_inner);
			p->nested--;
		}
		want(p, ")");
	} else {
		s->name = name(p);
		if (take(p, "."))
			s->schema = s->name, s->name = name(p);
		s->plain = 1;
		if (take(p, "(")) {
			s->plain = 0;
			if (!take(p, ")"))
				list(p, &s->arg, &s->n_args, &height);
		}
	}
	s->alias = alias(p);
	if (is(p, "indexed") || (is(p, "not") && is_next(p, "indexed")))
		fail(p, "INDEXED BY");
	s->to = end(p);
}

static int
joins(struct parser *p, enum select_join *how)  /* a comma or JOIN and the words before it */
{
	size_t at = p->at;

	*how = SELECT_INNER;
	if (take(p, ","))
		return 1;
	for (;;) {
		if (take(p, "natural") || take(p, "right") || take(p, "full"))
			*how = SELECT_OTHER;
		else if (take(p, "left"))
			*how = *how == SELECT_INNER ? SELECT_LEFT : *how;
		else if (!take(p, "outer") && !take(p, "inner") && !take(p, "cross"))
			break;
	}
	if (take(p, "join"))
		return 1;
	p->at = at;
	return 0;
}

static void
sources(struct parser *p, struct select_source **source_, int *n)
{
	struct select_source *more, s;
	enum select_join how = SELECT_INNER;
	struct str *names;

	do {
		source(p, &s);
		s.join = how;
		if (take(p, "on")) {
			s.on = expression(p, 0);
		} else if (take(p, "using")) {
			want(p, "(");
			do {
				struct str one = name(p);

				if (p->err->code || !(names = grow(p, s.shared, s.n_shared, sizeof(*names))))
					return;
				s.shared = names;
				s.shared[s.n_shared++] = one;
			} while (take(p, ","));
			want(p, ")");
		}
		s.to = end(p);
		if (p->err->code || !(more = grow(p, *source_, *n, sizeof(*more))))
			return;
		*source_ = more;
		(*source_)[(*n)++] = s;
	} while (joins(p, &how));
}

static void
items(struct parser *p, struct select_core *c)
{
	struct select_item *more;

	c->items_from = start(p);
	do {
		struct select_item item = { .from = start(p) };

		if (take(p, "*")) {
			item.to = end(p);
		} else if (is_name(here(p)) && is_next(p, ".") && token_is(&p->token[p->at + 2], "*")) {
			item.table = name(p);
			p->at += 2;
			item.to = end(p);
		} else {
			item.expr = expression(p, 0);
			item.to = end(p);
			item.alias = alias(p);
		}
		if (p->err->code || !(more = grow(p, c->item, c->n_items, sizeof(*more))))
			return;
		c->item = more;
		c->item[c->n_items++] = item;
	} while (take(p, ","));
	c->items_to = end(p);
}

static void
windows(struct parser *p, struct select_core *c)
{
	struct select_window *more;

	c->windows_from = start(p);
	p->at++;
	do {
		struct select_window w = { .from = start(p) };
		struct str own = name(p);

		want(p, "as");
		want(p, "(");
		if (!p->err->code)
			window_body(p, &w);
		w.name = own;
		w.to = end(p);
		if (p->err->code || !(more = grow(p, c->window, c->n_windows, sizeof(*more))))
			return;
		c->window = more;
		c->window[c->n_windows++] = w;
	} while (take(p, ","));
	c->windows_to = end(p);
}

static void
core(struct parser *p, struct select_core *c)
{
	struct select_expr **more;
	int height = 0;

	*c = (struct select_core){ .from = start(p) };
	if (take(p, "values")) {
		do {
			want(p, "(");
			if (!p->err->code)
				list(p, &c->value, &c->n_values, &height);
		} while (!p->err->code && take(p, ","));
		c->to = end(p);
		return;
	}
	want(p, "select");
	c->distinct = take(p, "distinct");
	if (!c->distinct)
		take(p, "all");
	items(p, c);
	if (take(p, "from"))
		sources(p, &c->source, &c->n_sources);
	if (take(p, "where"))
		c->where = expression(p, 0);
	if (take(p, "group")) {
		want(p, "by");
		do {
			struct select_expr *e = expression(p, 0);

			if (p->err->code || !(more = grow(p, c->group, c->n_group, sizeof(*more))))
				return;
			c->group = more;
			c->group[c->n_group++] = e;
		} while (take(p, ","));
	}
	if (take(p, "having"))
		c->having = expression(p, 0);
	if (is(p, "window") && is_name(&p->token[p->at + 1]))
		windows(p, c);
	c->to = end(p);
}

static void
with(struct parser *p, struct select *s)
{
	struct select_with *more;

	take(p, "recursive");
	do {
		struct select_with w = { .from = start(p) };

		w.name = name(p);
		for (int i = 0; i < s->n_with; i++)
			if (same_name(s->with[i].name, w.name))
				fail(p, "a name that WITH has twice");
		if (take(p, "(")) {
			do {
				struct str *names = grow(p, w.column, w.n_columns, sizeof(*names));

				if (!names)
					return;
				w.column = names;
				w.column[w.n_columns++] = name(p);
			} while (!p->err->code && take(p, ","));
			want(p, ")");
		}
		want(p, "as");
		if (take(p, "not"))
			want(p, "materialized");
		else
			take(p, "materialized");
		want(p, "(");
		w.select = subselect(p);
		want(p, ")");
		w.to = end(p);
		if (p->err->code || !(more = grow(p, s->with, s->n_with, sizeof(*more))))
			return;
		s->with = more;
		s->with[s->n_with++] = w;
	} while (take(p, ","));
}

static struct select *
subselect(struct parser *p)
{
	struct select *s = arena_get(p->arena, sizeof(*s));
	struct select_core *more, c;

	if (!s || p->err->code || ++p->nested > SELECT_NESTED) {
		fail(p, "SELECTs too deep");
		return NULL;
	}
	*s = (struct select){ .from = start(p) };
	if (take(p, "with"))
		with(p, s);
	do {
		take(p, "all");
		core(p, &c);
		if (p->err->code || !(more = grow(p, s->core, s->n_cores, sizeof(*more))))
			return NULL;
		s->core = more;
		s->core[s->n_cores++] = c;
	} while (take(p, "union") || take(p, "except") || take(p, "intersect"));
	if (is(p, "order"))
		order_terms(p, &s->order, &s->n_order);
	s->limit_from = start(p);
	if (take(p, "limit")) {
		s->limit = expression(p, 0);
		if (take(p, "offset"))
			s->offset = expression(p, 0);
		else if (take(p, ",")) {        /* the other way round */
			s->offset = s->limit;
			s->limit = expression(p, 0);
		}
	}
	s->to = end(p);
	p->nested--;
	return p->err->code ? NULL : s;
}

struct select *
select_parse(struct str sql, struct arena *arena, struct err *err)
{
	struct parser p = { .arena = arena, .sql = sql, .err = err };
	struct select *s = NULL;
	size_t at = 0, cap = 0;
	int rc = 1;

	while (rc == 1) {
		if (p.n + 2 >= cap) {
			cap = cap ? 2 * cap : 256;
			p.token = mem_grow(p.token, cap, sizeof(*p.token));
		}
		rc = p.n < TOKENS_MOST ? token_next(sql, &at, &p.token[p.n++], err) : err_set(err, ERR_LIMIT, "too many tokens");
	}
	p.token[p.n] = p.token[p.n - 1];        /* so that a look ahead needs no care */
	p.token[p.n + 1] = p.token[p.n - 1];
	if (rc == 0) {
		s = subselect(&p);
		take(&p, ";");
		if (here(&p)->kind != TOKEN_END)
			fail(&p, "more than a SELECT");
	}
	free(p.token);
	return err->code ? NULL : s;
}

/* ---- comparing */

int
select_same(const struct select_expr *a, const struct select_expr *b)
{
	int exact = a->of == SELECT_TEXT || a->of == SELECT_PARAM;

	if (a->of != b->of || a->op != b->op || a->negated != b->negated || a->has_base != b->has_base || a->has_else != b->has_else || a->star != b->star ||
	    a->distinct != b->distinct || a->n_args != b->n_args || !!a->filter != !!b->filter || a->over || b->over || a->select || b->select)
		return 0;
	if (!(exact ? str_eq(a->name, b->name) : same_name(a->name, b->name)) || !same_name(a->table, b->table))
		return 0;
	if (a->filter && !select_same(a->filter, b->filter))
		return 0;
	for (int i = 0; i < a->n_args; i++)
		if (!select_same(a->arg[i], b->arg[i]))
			return 0;
	return 1;
}
