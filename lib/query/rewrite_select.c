/* The second half of the rewriter: what changes the shape of a SELECT, from the innermost outwards. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "expr/regex.h"
#include "query/functions.h"
#include "query/rewrite_priv.h"

#define is     rewrite_is
#define one_of rewrite_is_one_of
#define put    rewrite_put

#define ASK_MOST   200          /* questions to the host for one statement */
#define SETS_MOST  256          /* grouping sets of one SELECT */
#define ITEMS_MOST 2000         /* SQLite's own bound on columns */

enum clause { FROM, WHERE, GROUP, HAVING, WINDOW, QUALIFY, ORDER, LIMIT, CLAUSES };
static const char *const clause_words[CLAUSES] = { "from", "where", "group", "having", "window", "qualify", "order", "limit" };

struct select {
	struct tok *select;
	struct tok *list, *list_last;           /* behind SELECT [DISTINCT [ON (…)] | ALL] */
	struct tok *distinct, *on;              /* DISTINCT; the bracket of its ON */
	struct tok *clause[CLAUSES];            /* its first word, or NULL */
	struct tok *sample;                     /* USING of USING SAMPLE */
	struct tok *end;                        /* what stands behind it */
	int compound;                           /* one of several joined by UNION and its kin */
};

struct item {
	struct tok *first, *last;               /* the expression */
	struct tok *alias;                      /* its name, or NULL */
};
struct items { struct item *item; int n; };

/* ---- reading */

static int
is_set_operator(const struct tok *t)
{
	return is(t, "union") || is(t, "intersect") || (is(t, "except") && !(is(t->prev, "*") && is(t->next, "(") && !is(t->next->next, "select") &&
	    !is(t->next->next, "values") && !is(t->next->next, "with") && !is(t->next->next, "from")));
}

static struct tok *
clause_end(const struct select *s, enum clause c)       /* the last token of a clause */
{
	for (int i = c + 1; i < CLAUSES; i++)
		if (s->clause[i])
			return s->clause[i]->prev;
	return s->end->prev;
}

static void
parse(struct tok *select, struct select *s)
{
	struct tok *t = select->next;
	int at = -1;

	*s = (struct select){ .select = select };
	if (is(t, "distinct") || is(t, "all")) {
		s->distinct = is(t, "distinct") ? t : NULL;
		t = t->next;
		if (s->distinct && is(t, "on") && is(t->next, "(")) {
			s->on = t->next;
			t = t->next->match->next;
		}
	}
	s->list = t;
	for (; t->kind != TOKEN_END && !is(t, ")") && !is(t, ";"); t = t->next) {
		if (is(t, "("))
			t = t->match;
		if (t->kind != TOKEN_WORD || is(t->prev, ".") || is(t->next, "."))
			continue;
		if (is_set_operator(t))
			s->compound = 1;
		if (is_set_operator(t) || is(t, "select"))
			break;
		if (is(t, "using") && is(t->next, "sample") && at >= FROM)
			s->sample = t;
		for (int c = at + 1; c < CLAUSES; c++) {
			if (!is(t, clause_words[c]) || (c == FROM && is(t->prev, "distinct") && (is(t->prev->prev, "is") || is(t->prev->prev, "not"))))
				continue;
			if ((c == GROUP || c == ORDER) && !is(t->next, "by"))
				continue;
			if (c == WINDOW && !is(t->next->next, "as"))
				continue;
			s->clause[c] = t;
			at = c;
			break;
		}
	}
	s->end = t;
	for (struct tok *b = select->prev; is(b, "union") || is(b, "all") || is(b, "intersect") || is(b, "except"); b = b->prev)
		s->compound = 1;
	s->list_last = s->end->prev;
	for (int c = CLAUSES - 1; c >= 0; c--)
		if (s->clause[c])
			s->list_last = s->clause[c]->prev;
}

static int
ends_operand(const struct tok *t)
{
	return is(t, ")") || is(t, "end") || is(t, "null") || t->kind == TOKEN_STRING || t->kind == TOKEN_NUMBER || t->kind == TOKEN_PARAM ||
	       t->kind == TOKEN_QUOTED || (t->kind == TOKEN_WORD && !token_reserved(t->text));
}

static void
cut_alias(struct item *item)
{
	struct tok *last = item->last;

	item->alias = NULL;
	if (item->first == last || !(rewrite_named(last) || last->kind == TOKEN_STRING))
		return;
	if ((is(last, "precision") && is(last->prev, "double")) || (last->kind == TOKEN_STRING && last->prev->kind == TOKEN_WORD && !is(last->prev, "as")) ||
	    (last->prev->kind != TOKEN_OPERATOR && is(last->prev->prev, "interval") && rewrite_has_unit(last->prev)))
		return;         /* DATE '2026-11-23', INTERVAL 1 HOUR */
	if (is(last->prev, "as")) {
		item->alias = last;
		item->last = last->prev->prev;
	} else if (!(last->kind == TOKEN_WORD && token_reserved(last->text)) && ends_operand(last->prev) && !is(last->prev, ".")) {
		item->alias = last;
		item->last = last->prev;
	}
}

/* Cut at the commas of this level. */
static struct items
split(struct work *w, struct tok *first, struct tok *last)
{
	struct items items = {0};
	struct tok *start = first, *t;
	int n = 1;

	for (t = first; t != last->next && t->kind != TOKEN_END; t = t->next) {
		if (is(t, "("))
			t = t->match;
		n += is(t, ",");
	}
	if (n > ITEMS_MOST) {
		rewrite_fail(w, first, "more than %d columns", ITEMS_MOST);
		return items;
	}
	if (!(items.item = arena_get(w->arena, (size_t)n * sizeof(*items.item)))) {
		rewrite_fail(w, first, "the statement grows beyond bounds");
		return items;
	}
	for (t = first;; t = t->next) {
		if (is(t, "(") && t != last->next)
			t = t->match;
		if (t == last->next || is(t, ",") || t->kind == TOKEN_END) {
			if (t->prev != start->prev) {
				struct item *item = &items.item[items.n++];

				*item = (struct item){ .first = start, .last = t->prev };
				cut_alias(item);
			}
			if (t == last->next || t->kind == TOKEN_END)
				return items;
			start = t->next;
		}
	}
}

static int
is_star(const struct item *item)                        /* * or t.* */
{
	return is(item->last, "*") && (item->first == item->last || is(item->last->prev, "."));
}

/* The name of a column as a user would say it: alias, or last part of a plain name; {NULL} for an expression. */
static struct str
item_name(struct work *w, const struct item *item)
{
	if (item->alias)
		return rewrite_bare(w, item->alias);
	if (rewrite_named(item->last) && rewrite_operand_start(item->last) == item->first)
		return rewrite_bare(w, item->last);
	return (struct str){0};
}

/* Does an aggregate stand in first … last, outside of an OVER and of inner SELECTs? */
static int
aggregates(struct tok *first, struct tok *last)
{
	for (struct tok *t = first; t != last->next && t->kind != TOKEN_END; t = t->next) {
		if (is(t, "(") && is(t->next, "select"))
			t = t->match;
		if (rewrite_named(t) && is(t->next, "(") && functions_is_aggregate(t->text)) {
			struct tok *close = t->next->match;

			if (is(close->next, "filter") && is(close->next->next, "("))
				close = close->next->next->match;
			if (!is(close->next, "over"))
				return 1;
		}
	}
	return 0;
}

static int
windows(struct tok *first, struct tok *last)
{
	for (struct tok *t = first; t != last->next && t->kind != TOKEN_END; t = t->next) {
		if (is(t, "(") && is(t->next, "select"))
			t = t->match;
		if (is(t, "over"))
			return 1;
	}
	return 0;
}

/* ---- asking the host */

/* The WITH clauses that a SELECT sees, as text: outer ones first, and of one it stands in only the parts before. */
static void
scope(struct tok *at, struct buf *to)
{
	struct tok *open[64];
	struct tok *start[64];
	int n = 0, any = 0;

	for (struct tok *t = at->prev; n < 64; t = t->prev) {
		if (is(t, ")") && t->match != t) {
			t = t->match;
		} else if (is(t, "(") || t->kind == TOKEN_END) {
			start[n] = t->next;
			open[n++] = at;
			if (t->kind == TOKEN_END)
				break;
			at = t;
		}
	}
	while (n-- > 0) {
		struct tok *t = start[n], *last = NULL;

		if (is(t, "explain"))
			t = is(t->next, "query") ? t->next->next->next : t->next;
		if (!is(t, "with"))
			continue;
		t = is(t->next, "recursive") ? t->next->next : t->next;
		for (struct tok *i = t; i != open[n] && i->kind != TOKEN_END; i = i->next) {
			if (is(i, "(")) {
				if (i->match == i || i == open[n])
					break;
				i = i->match;
				if (is(i->match->prev, "as") || is(i->match->prev, "materialized"))
					last = i;
			}
			if (is(i, "select"))
				break;
		}
		if (!last)
			continue;
		buf_lit(to, any ? ", " : "WITH RECURSIVE ");
		rewrite_text(t, last->next, to);
		any = 1;
	}
	buf_lit(to, any ? " " : "");
}

struct names { struct work *w; struct str *name; int n, cap; };

static int
add_name(void *self, struct str name, struct err *err)
{
	struct names *names = self;
	struct str *more;
	char *copy = arena_dup(names->w->arena, name.p, name.n);

	if (names->n == names->cap) {
		names->cap = names->cap ? 2 * names->cap : 64;
		if (!(more = arena_get(names->w->arena, (size_t)names->cap * sizeof(*more))))
			return err_set(err, ERR_LIMIT, "the statement grows beyond bounds");
		if (names->n)
			memcpy(more, names->name, (size_t)names->n * sizeof(*more));
		names->name = more;
	}
	names->name[names->n++] = (struct str){ copy ? copy : "", copy ? name.n : 0 };
	return 0;
}

/* Without what SQLite tells the second of one name by: of id:1 the id. */
static struct str
plain_name(struct str name)
{
	const char *colon = name.n ? memrchr(name.p, ':', name.n) : NULL;
	size_t before = colon ? (size_t)(colon - name.p) : 0;

	if (before && before + 1 < name.n && strspn(colon + 1, "0123456789") >= name.n - before - 1)
		name.n = before;
	return name;
}

/* A name that was typed for one of these columns and is none is a mistake; what the rewriter wrote itself need not be among them. */
static void
want_name(struct work *w, const struct names *names, const struct tok *t)
{
	struct str name = rewrite_bare(w, t);
	char *typed = arena_dup(w->arena, name.p, name.n);
	const char *best = NULL;
	int most = name.n < 4 ? 1 : 2;

	if (t->made || !typed || w->err->code)
		return;
	for (int i = 0; i < names->n; i++) {
		struct str plain = plain_name(names->name[i]);
		const char *own = arena_dup(w->arena, plain.p, plain.n);

		if (rewrite_same_name(plain, name))
			return;
		if (own && str_nearer(typed, own, &most))
			best = own;
	}
	if (best)
		rewrite_fail(w, t, "no column '%.60s', did you mean '%.80s'?", typed, best);
	else
		rewrite_fail(w, t, "no column '%.60s' is among these", typed);
}

/* The columns of `SELECT list FROM …` (of a select's own clauses up to `last`). */
static struct names
ask_columns(struct work *w, const char *list, struct tok *from, struct tok *after)
{
	struct names names = { .w = w };
	struct buf sql = {0};

	if (w->err->code)
		return names;
	if (!w->host || !w->host->columns || w->asked++ > ASK_MOST) {
		rewrite_fail(w, from, "the columns of this are not known here");
		return names;
	}
	scope(from, &sql);
	buf_printf(&sql, "SELECT %s ", list);
	rewrite_text(from, after, &sql);
	if (w->host->columns(w->host->self, buf_text(&sql), add_name, &names, w->err) < 0 && !w->err->col && from)
		w->err->col = (long)from->at + 1;
	buf_release(&sql);
	return names;
}

/* ---- names for what loses its own: f(p)(x) is rewritten, but its column is still called "f(p)(x)" */

void
rewrite_name_items(struct work *w)
{
	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		struct select s;
		struct items items;

		if (!is(t, "select") || is(t->prev, "."))
			continue;
		parse(t, &s);
		if (s.end == s.list)
			continue;
		items = split(w, s.list, s.list_last);
		for (int i = 0; i < items.n; i++) {
			struct item *item = &items.item[i];
			int plain = item->alias || is_star(item) ||
			    (item->first == item->last && !is(item->first, "current_timestamp") && !is(item->first, "localtimestamp") && !is(item->first, "current_date"));
			struct buf name = {0};

			for (struct tok *k = item->first; !plain && k != item->last->next; k = k->next)
				if (is(k, "columns") || is(k, "exclude") || is(k, "except") || is(k, "replace") || is(k, "rename") || is(k, "*"))
					plain = is(k, "*") ? k->next->kind == TOKEN_END || is(k->prev, ".") : is(k->next, "(");
			if (plain)
				continue;
			if (is(item->last->prev, ".") && item->last->prev->prev == item->first && rewrite_named(item->first) && rewrite_named(item->last) &&
			    rewrite_names_source(w, rewrite_bare(w, item->first)))
				buf_str(&name, rewrite_bare(w, item->last));            /* e.id is called id */
			else for (uint32_t b = item->first->at; b < item->last->end; b++)
				buf_byte(&name, (unsigned char)w->sql.p[b] < ' ' ? ' ' : w->sql.p[b]);
			if (name.n > 200)
				name.n = 200;
			struct tok *as = put(w, item->last->next, item->last, "AS %s", rewrite_quote(w, buf_get(&name), '"'));

			as->alias = as->next->alias = 1;
			as->blank = 1;
			buf_release(&name);
		}
	}
}

void
rewrite_drop_names(struct work *w)
{
	for (struct tok *t = w->head.next; t != &w->head; t = t->next) {
		struct tok *i;
		int made = 0, depth = 0;

		if (!t->alias || !is(t, "as"))
			continue;
		for (i = t->prev; i->kind != TOKEN_END; i = i->prev) {
			if (is(i, ")"))
				depth++;
			else if (is(i, "(") && depth-- == 0)
				break;
			else if (depth == 0 && (is(i, ",") || is(i, "select") || is(i, "distinct") || is(i, "all")))
				break;
			if ((made = i->made))
				break;
		}
		if (!made) {
			t = t->next;
			rewrite_cut(t->prev, t);
		}
	}
}

/* ---- FROM t SELECT x */

static struct tok *
behind_with(struct tok *t)              /* behind WITH a AS (…), b AS (…) */
{
	if (!is(t, "with"))
		return t;
	for (t = t->next; t->kind != TOKEN_END; t = t->next) {
		if (is(t, "(")) {
			t = t->match;
			if ((is(t->match->prev, "as") || is(t->match->prev, "materialized")) && !is(t->next, ","))
				return t->next;
		} else if (is(t, ")")) {
			return t;
		}
	}
	return t;
}

/* What ends the number of rows that begins here: a number, a parameter or something in brackets; NULL: none does. */
static struct tok *
rows_end(struct tok *t)
{
	return t->kind == TOKEN_NUMBER || t->kind == TOKEN_PARAM ? t : is(t, "(") ? t->match : NULL;
}

/* FETCH FIRST 5 ROWS ONLY → LIMIT 5. */
static void
fetch(struct work *w, struct tok *t)
{
	struct tok *end = rows_end(t->next->next), *rows = end ? end->next : t->next->next;

	if ((!is(rows, "row") && !is(rows, "rows")) || (!is(rows->next, "only") && !(is(rows->next, "with") && is(rows->next->next, "ties"))))
		return;
	rewrite_cut(rows, is(rows->next, "only") ? rows->next : rows);
	rewrite_set(w, t, "LIMIT");
	rewrite_set(w, t->next, "1");
	if (end)
		rewrite_cut(t->next, t->next);
}

/* OFFSET 2 [ROWS] [LIMIT 5] → LIMIT 5 OFFSET 2, as SQLite wants them; without a LIMIT all that come. */
static void
offset(struct work *w, struct tok *t)
{
	struct tok *end = rows_end(t->next), *limit_end = rewrite_operand_start(t->prev);

	if (!end || t->prev->kind == TOKEN_END || is(t->prev, "select") || is(t->prev, ","))
		return;
	if (is(end->next, "row") || is(end->next, "rows"))
		rewrite_cut(end->next, end->next);
	if (limit_end && (is(limit_end->prev, "limit") || (is(limit_end->prev, "-") && is(limit_end->prev->prev, "limit"))))
		return;
	if (is(end->next, "limit") && (limit_end = rewrite_operand_end(end->next->next)))
		rewrite_move(t, end, limit_end->next);
	else if (!is(t->next, "("))             /* else a function may be called so */
		put(w, t, t, "LIMIT -1");
}

/* What begins the side of a comparison that ends with `last`; NULL: no operand does. */
static struct tok *
side_start(struct tok *last)
{
	static const char *const binds[] = { "+", "-", "*", "/", "%", "||", "&", "|", "<<", ">>", "->", "->>", NULL };
	struct tok *a = rewrite_operand_start(last), *before;
	int bound;

	do {
		bound = 0;
		for (int i = 0; a && binds[i] && !bound; i++)
			bound = is(a->prev, binds[i]);
		before = bound ? rewrite_operand_start(a->prev->prev) : NULL;
		a = before ? before : bound ? a->prev : a;
	} while (before);
	return a;
}

static int
is_query(const struct tok *t)
{
	return is(t, "select") || is(t, "with") || is(t, "values");
}

/* What stands in the brackets of ANY and ALL, as a SELECT: a list as one of its items. */
static void
put_members(const struct tok *open, struct buf *to)
{
	const struct tok *first = open->next, *close = open->match, *end;
	int row = 0;

	if (is_query(first)) {
		rewrite_text(first, close, to);
	} else if (is(first, "json_array") && first->made && first->next->match == close->prev) {
		for (const struct tok *t = first->next->next; t != close->prev; t = is(end, ",") ? end->next : end) {
			for (end = t; end != close->prev && !is(end, ","); end = end->next)
				if (is(end, "("))
					end = end->match;
			buf_lit(to, row++ ? ", (" : "VALUES (");
			rewrite_text(t, end, to);
			buf_lit(to, ")");
		}
		buf_lit(to, row ? "" : "SELECT NULL WHERE 0");
	} else {
		buf_lit(to, "SELECT unnest_item FROM unnest_items(");      /* no name that one of the events has */
		rewrite_text(first, close, to);
		buf_lit(to, ")");
	}
}

/* x > ANY (SELECT …), x <= ALL ([1, 2]): beside the least or the greatest, unless there is none; a NULL among them leaves open what no
 * other decides. The token to go on from. */
static struct tok *
compared(struct work *w, struct tok *t, int all)
{
	struct tok *op = t->prev, *last = t->next->match, *first = side_start(op->prev), *behind = last->next;
	int equal = *op->text.p != '>' && !(*op->text.p == '<' && !is(op, "<>"));
	const char *pick = (*op->text.p == '>') == all ? "max" : "min";
	struct buf of = {0}, side = {0}, sql = {0};

	if (!first) {
		rewrite_fail(w, t, "%.*s wants a value and a comparison before it", STR_FMT(t->text));
		return t;
	}
	buf_lit(&of, "FROM (WITH any_members(any_member) AS (");         /* no names that the statement has for a column of its own */
	put_members(t->next, &of);
	buf_lit(&of, ") SELECT any_member FROM any_members))");
	rewrite_text(first, t, &side);
	buf_printf(&sql, "ifnull((SELECT CASE count(*) WHEN 0 THEN %d END %s, (%s ", all, buf_text(&of), buf_text(&side));
	buf_printf(&sql, "(SELECT %s(any_member) %s", equal ? "min" : pick, buf_text(&of));
	if (equal) {
		buf_printf(&sql, " %s %s ", all ? "AND" : "OR", buf_text(&side));
		buf_printf(&sql, "(SELECT max(any_member) %s", buf_text(&of));
	}
	buf_printf(&sql, ") %s (SELECT CASE count(*) WHEN count(any_member) THEN %d END %s)", all ? "AND" : "OR", all, buf_text(&of));
	t = put(w, behind, first, "%s", buf_text(&sql));
	t->blank = first->blank;
	behind->prev->end = last->end;          /* a column is called what stands here */
	rewrite_cut(first, last);
	buf_release(&of), buf_release(&side), buf_release(&sql);
	return t;
}

/* x [NOT] LIKE ANY ('a%', 'b%'): of a list, as OR of each; ALL as AND. The token to go on from. */
static struct tok *
any_pattern(struct work *w, struct tok *t, int all)
{
	struct tok *op = t->prev, *not = is(op->prev, "not") ? op->prev : NULL, *open = t->next, *first, *last = open->match, *behind = last->next;
	struct tok *member = open->next, *close = last, *end;
	struct buf side = {0}, sql = {0};

	first = side_start((not ? not : op)->prev);
	if (is(member, "json_array") && member->made && member->next->match == close->prev)
		close = close->prev, member = member->next->next;
	if (!first || is_query(member) || member == close) {
		rewrite_fail(w, t, "%.*s of patterns wants a value before it and a list, such as name LIKE ANY ('a%%', 'b%%')", STR_FMT(t->text));
		return t;
	}
	rewrite_text(first, t, &side);
	for (struct tok *m = member; m != close; m = is(end, ",") ? end->next : end) {
		for (end = m; end != close && !is(end, ","); end = end->next)
			if (is(end, "("))
				end = end->match;
		buf_printf(&sql, "%s%s ", m == member ? "(" : all ? " AND " : " OR ", buf_text(&side));
		rewrite_text(m, end, &sql);
	}
	t = put(w, behind, first, "%s)", buf_text(&sql));
	t->blank = first->blank;
	behind->prev->end = last->end;
	rewrite_cut(first, last);
	buf_release(&side), buf_release(&sql);
	return behind->prev;
}

/* x = ANY (SELECT …) → x IN (SELECT …), x <> ALL (SELECT …) → x NOT IN (SELECT …), also of a list. */
static struct tok *
quantified(struct work *w, struct tok *t)
{
	static const char *const comparisons[] = { "=", "==", "<>", "!=", "<", "<=", ">", ">=", NULL };
	static const char *const patterns[] = { "like", "ilike", "glob", "regexp", "rlike", "~~", "~~*", NULL };
	struct tok *op = t->prev, *open = t->next, *query = open->next, *close = open->match;
	int all = is(t, "all"), compares = 0;

	for (int i = 0; patterns[i]; i++)
		if (is(op, patterns[i]) && is(open, "(") && query != close)
			return any_pattern(w, t, all);
	for (int i = 0; comparisons[i] && !compares; i++)
		compares = is(op, comparisons[i]);
	if (!compares || !is(open, "(") || query == close || is(close->next, "over") || is(close->next, "filter"))
		return t;       /* any(x) is an aggregate, too */
	if (!(all ? is(op, "<>") || is(op, "!=") : is(op, "=") || is(op, "==")))
		return compared(w, t, all);
	if (!is_query(query)) {
		struct buf of = {0};

		if (is(query, "json_array") && query->made && query->next->match == close->prev) {
			rewrite_cut(close->prev, close->prev);
			rewrite_cut(query, query->next);
		} else {
			put_members(open, &of);
			put(w, query, query, "%s", buf_text(&of));
			rewrite_cut(query, close->prev);
		}
		buf_release(&of);
	}
	rewrite_set(w, t, "IN");
	t->blank = 1;
	if (all) {
		rewrite_set(w, op, "NOT");
		op->kind = TOKEN_WORD;
		op->blank = 1;
	} else {
		rewrite_cut(op, op);
	}
	return t;
}

/* lag(x, n) IGNORE NULLS OVER (…): of all rows before the one at hand, or behind it, the n-th value that is there. */
static void
lag_of_values(struct work *w, struct tok *call, struct tok *over)
{
	struct tok *close = call->next->match, *comma[2] = { NULL, NULL }, *end = over->next, *otherwise = NULL;
	int lag = is(call, "lag"), n = 0;

	for (struct tok *k = call->next->next; k != close && k->kind != TOKEN_END; k = k->next) {
		k = is(k, "(") ? k->match : k;
		if (is(k, ",") && n < 2)
			comma[n++] = k;
	}
	if (comma[1]) {         /* what is given where there is none: behind the call */
		otherwise = comma[1];
		rewrite_cut(comma[1], close->prev);
	}
	if (!comma[0])
		put(w, close, close, ", 1");
	rewrite_set(w, call, lag ? "nth_last_there" : "nth_there");
	if (!is(end, "(")) {    /* OVER w */
		rewrite_wrap(w, end, end, "(", ")");
		end = over->next;
	}
	end = end->match;
	for (struct tok *k = over->next->next; k != end; k = k->next) {
		k = is(k, "(") ? k->match : k;
		if (is(k, "rows") || is(k, "range") || is(k, "groups")) {
			rewrite_cut(k, end->prev);
			break;
		}
	}
	put(w, end, end, lag ? "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING" : "ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING")->blank = 1;
	if (otherwise) {
		struct tok *tail = rewrite_wrap(w, call, end, "coalesce(", ")")->next->match, *last = otherwise;

		while (last->next != close)
			last = last->next;
		otherwise->prev = tail->prev, tail->prev->next = otherwise;
		last->next = tail, tail->prev = last;
	}
}

/* f(x) IGNORE NULLS OVER …, f(x IGNORE NULLS): functions of a window that SQLite does not have, else only the rows that have a value. */
static void
ignore_nulls(struct work *w, struct tok *t)
{
	struct tok *open = is(t->prev, ")") ? t->prev->match : NULL, *call, *over, *end;
	int ignore = is(t, "ignore");

	if (is(t->next->next, ")") && t->next->next->match->next != t)
		open = t->next->next->match;
	else if (is(t->next->next, "order") && is(t->next->next->next, "by"))
		for (open = t; open->kind != TOKEN_END && !is(open, "("); )
			open = is(open->prev, ")") ? open->prev->match->prev : open->prev;
	if (!open || !rewrite_named(open->prev) || open->next == t)
		return;
	call = open->prev;
	rewrite_cut(t, t->next);
	over = open->match->next;
	if (!ignore)
		return;
	if (is(over, "over") && (is(call, "lag") || is(call, "lead"))) {
		lag_of_values(w, call, over);
	} else if (is(over, "over") && (is(call, "first_value") || is(call, "first") || is(call, "last_value") || is(call, "last"))) {
		rewrite_set(w, call, *call->text.p == 'f' || *call->text.p == 'F' ? "nth_there" : "nth_last_there");
		put(w, open->match, open->match, ", 1");
	} else if (is(over, "over") && is(call, "nth_value")) {
		rewrite_set(w, call, "nth_there");
	} else if (!is(over, "filter") && (end = rewrite_operand_end(open->next))) {
		struct tok *filter = put(w, over, call, "FILTER (WHERE NOT NULL)");     /* … IS NOT NULL */

		filter->blank = 1;
		rewrite_copy(w, open->next, end, filter->next->match->prev->prev)->blank = 1;
		put(w, filter->next->match->prev->prev, call, "IS")->blank = 1;
		filter->next->match->end = open->match->end;            /* a column is called what stands here */
	}
}

/* The begin of the SELECTs joined by UNION and its kin of which `t` is part, WITH not among them. */
static struct tok *
compound_start(struct tok *t)
{
	while (t->prev->kind != TOKEN_END && !is(t->prev, "("))
		t = is(t->prev, ")") ? t->prev->match : t->prev;
	if (is(t, "explain"))
		t = is(t->next, "analyze") ? t->next->next : is(t->next, "query") ? t->next->next->next : t->next;
	return behind_with(t);
}

/* LIMIT 10%: of as many rows as there are without it. */
static void
limit_share(struct work *w, struct tok *t)
{
	struct tok *number = t->next, *end = rows_end(number), *percent = end ? end->next : NULL, *first, *last, *open;

	if (!end || !(is(percent, "%") || is(percent, "percent")) || rewrite_operand_end(percent->next))
		return;
	first = compound_start(t);
	last = t->prev;
	for (struct tok *i = first; i != t; i = i->next) {
		if (is(i, "(")) {
			i = i->match;
		} else if (is(i, "order") && is(i->next, "by")) {
			last = i->prev;
			break;
		}
	}
	for (struct tok *i = first; i != last->next; i = i->next)
		if (i->kind == TOKEN_PARAM && str_eq(i->text, STR("?"))) {
			rewrite_fail(w, i, "LIMIT with a share wants parameters with names, :a instead of ?");
			return;
		}
	open = put(w, number, t, "CAST(0.01 * * (SELECT count(*) FROM ( )) AS INTEGER)");
	open->blank = 1;
	for (; !is(open, "*"); open = open->next)
		;
	rewrite_move(number, end, open->next);
	while (!is(open, "from"))
		open = open->next;
	rewrite_copy(w, first, last, open->next->match);
	rewrite_cut(percent, percent);
}

/* SELECT TOP 3 x …: … LIMIT 3. */
static void
top(struct work *w, struct tok *t)
{
	struct tok *end = rows_end(t->next), *behind;
	struct select s;

	if (!end || is(end->next, ",") || is(end->next, "from") || end->next->kind == TOKEN_END || is(end->next, ")") || (end->next->kind == TOKEN_OPERATOR && !is(end->next, "*")) ||
	    (is(end->next, "*") && !is(end->next->next, "from") && !is(end->next->next, ",") && !is(end->next->next, "exclude")))
		return;
	behind = end->next;
	rewrite_cut(t, end);
	parse(is(behind->prev, "select") ? behind->prev : behind->prev->prev, &s);
	if (s.clause[LIMIT]) {
		rewrite_fail(w, t, "TOP beside LIMIT");
		return;
	}
	struct tok *limit = put(w, s.end, t, "LIMIT");

	limit->blank = 1;
	rewrite_move(t->next, end, limit->next);
}

/* (SELECT …) UNION (SELECT …), each in brackets of its own, which SQLite wants to be SELECT * FROM (SELECT …). */
static void
bracketed(struct work *w, struct tok *t)
{
	struct tok *before = t->prev, *close = t->match;
	int member = is_set_operator(before) || (is(before, "all") && is_set_operator(before->prev)) || (is(before, "name") && is(before->prev, "by"));

	if (close == t || !(is_query(t->next) || is(t->next, "from") || (is(t->next, "(") && is_query(t->next->next))))
		return;
	if (!member && !is_set_operator(close->next) && !(before->kind == TOKEN_END || is(before, "explain") || is(before, "analyze")))
		return;
	if (!member && !(before->kind == TOKEN_END || is(before, "explain") || is(before, "analyze") || is(before, "(") ||
	    (is(before, ")") && is(before->match->prev, "as") && behind_with(compound_start(t)) == t)))
		return;
	put(w, t, t, "SELECT * FROM");
}

/* Words that others have between those that SQLite knows. */
static void
plain_words(struct work *w, struct tok *t)
{
	struct tok *a, *b, *first;

	if (is(t, "filter") && is(t->next, "(") && is(t->prev, ")") && !is(t->next->next, "where") && t->next->next != t->next->match) {
		put(w, t->next->next, t->next->next, "WHERE");
		t->next->next->next->blank = 1;
	} else if (is(t, "unknown") && (is(t->prev, "is") || (is(t->prev, "not") && is(t->prev->prev, "is")))) {
		rewrite_set(w, t, "NULL");
	} else if (is(t, "symmetric") && is(t->prev, "between") && (a = rewrite_operand_end(first = t->next)) && is(a->next, "and") && (b = rewrite_operand_end(a->next->next))) {
		struct buf low = {0}, high = {0};

		rewrite_text(first, a->next, &low);
		rewrite_text(a->next->next, b->next, &high);
		put(w, t, first, "least(%s, %s) AND", buf_text(&low), buf_text(&high))->blank = 1;
		put(w, t, first, "greatest(%s, %s)", buf_text(&low), buf_text(&high))->blank = 1;
		rewrite_cut(t, b);
		buf_release(&low), buf_release(&high);
	} else if (is(t, "distinct") && is_set_operator(t->prev)) {
		rewrite_cut(t, t);
	} else if (is(t, "top") && (is(t->prev, "select") || (is(t->prev, "distinct") && is(t->prev->prev, "select")))) {
		top(w, t);
	}
}

void
rewrite_standard(struct work *w)
{
	for (struct tok *t = w->head.next, *next; t != &w->head && !w->err->code; t = next) {
		next = t->next;
		plain_words(w, t);
	}
	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next)
		if (is(t, "("))
			bracketed(w, t);
	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next)
		if ((is(t, "ignore") || is(t, "respect")) && is(t->next, "nulls")) {
			struct tok *behind = t->next->next;

			ignore_nulls(w, t);
			t = behind->prev;
		}
	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next)
		if (is(t, "any") || is(t, "some") || is(t, "all"))
			t = quantified(w, t);
	for (struct tok *t = w->head.next; t != &w->head; t = t->next)
		if (is(t, "fetch") && (is(t->next, "first") || is(t->next, "next")) && !is(t->prev, "."))
			fetch(w, t);
	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next)
		if (is(t, "limit") && !is(t->prev, "."))
			limit_share(w, t);
	for (struct tok *t = w->head.next; t != &w->head; t = t->next)
		if (is(t, "limit") && is(t->next, "all") && !is(t->prev, "."))
			rewrite_set(w, t->next, "-1"), t->next->kind = TOKEN_NUMBER;
		else if (is(t, "offset") && !is(t->prev, "."))
			offset(w, t);
}

void
rewrite_from_first(struct work *w)
{
	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		struct tok *start = NULL, *select = NULL, *i;

		if (t == w->head.next || is(t->prev, "(") || is(t->prev, "explain"))
			start = behind_with(t);
		else if (is_set_operator(t->prev) || (is(t->prev, "all") && is(t->prev->prev, "union")))
			start = t;
		if (!start || !is(start, "from"))
			continue;
		for (i = start->next; i->kind != TOKEN_END && !is(i, ")") && !is(i, ";"); i = i->next) {
			if (is(i, "(")) {
				i = i->match;
			} else if (is(i, "select")) {
				select = i;
				break;
			} else if (is_set_operator(i)) {
				break;
			}
		}
		if (!select) {
			put(w, start, start, "SELECT *");
			start->blank = 1;
			continue;
		}
		struct select s;

		parse(select, &s);
		if (s.clause[FROM]) {
			rewrite_fail(w, s.clause[FROM], "a second FROM");
			return;
		}
		if (s.list_last->next == s.list) {
			rewrite_fail(w, select, "SELECT wants columns");
			return;
		}
		for (i = s.list; i != s.list_last->next; i = i->next) {
			if (is(i, "("))
				i = i->match;
			if (is(i, "using") && is(i->next, "sample")) {
				s.list_last = i->prev;
				break;
			}
		}
		rewrite_move(select, s.list_last, start);
		start->blank = 1;
	}
}

/* ---- the sources */

static void
column_names(struct work *w, struct tok *first, struct tok *last, struct tok *alias)    /* source AS x(a, b) */
{
	struct tok *open = alias->next, *close = open->match, *as = alias->prev;
	struct tok *start = is(first, "(") && (is(first->next, "select") || is(first->next, "values") || is(first->next, "with")) ? first : NULL;

	if (is(as, "as") && as != last)
		rewrite_cut(as, as);
	rewrite_cut(alias, alias);
	/* (WITH x(a, b) AS (source) SELECT * FROM x) AS x */
	if (!start) {
		start = rewrite_wrap(w, first, last, "(SELECT * FROM", ")");
		last = start->match;
	}
	struct buf name = {0};

	buf_str(&name, alias->text);
	start = rewrite_wrap(w, start, last, "(", ")");
	last = start->match;
	struct tok *inner = start->next;

	put(w, inner, alias, "WITH %s", buf_text(&name));
	rewrite_move(open, close, inner);
	put(w, inner, alias, "AS");
	put(w, last, alias, "SELECT * FROM %s", buf_text(&name));
	put(w, last->next, alias, "AS %s", buf_text(&name));
	buf_release(&name);
}

/* A condition that keeps a share of the rows, or an order that picks a number of them. */
static void
sample(struct work *w, struct select *s)
{
	struct tok *t = s->sample->next->next, *last;
	struct str amount;
	int share = 0;
	char text[64];

	if (t->kind == TOKEN_WORD && is(t->next, "(")) {        /* SAMPLE bernoulli(10%) */
		last = t->next->match;
		t = t->next->next;
	} else if (is(t, "(")) {
		last = t->match;
		t = t->next;
	} else {
		last = t;
		if (is(t->next, "%") || is(t->next, "percent") || is(t->next, "rows"))
			last = t->next;
	}
	if (is(last->next, "repeatable") && is(last->next->next, "("))
		last = last->next->next->match;
	else if (is(last->next, "(") && rewrite_named(last->next->next))        /* 10% (bernoulli) */
		last = last->next->match;
	if (t->kind != TOKEN_NUMBER) {
		rewrite_fail(w, t, "USING SAMPLE wants a share or a number of rows, such as 10%% or 100 ROWS");
		return;
	}
	amount = t->text;
	share = is(t->next, "%") || is(t->next, "percent") || (t->prev->kind == TOKEN_OPERATOR && rewrite_named(t->prev->prev) && !is(t->next, "rows"));
	rewrite_cut(s->sample, last);
	parse(s->select, s);
	if (!s->clause[FROM] || clause_end(s, FROM) == s->clause[FROM]) {
		rewrite_fail(w, s->select, "USING SAMPLE wants a table behind FROM");
		return;
	}
	snprintf(text, sizeof(text), "%.*s", (int)(amount.n < 40 ? amount.n : 40), amount.p);
	if (share) {
		if (s->clause[WHERE]) {
			rewrite_wrap(w, s->clause[WHERE]->next, clause_end(s, WHERE), "(", ")");
			put(w, clause_end(s, WHERE)->next, t, "AND sample_share(%s)", text);
		} else {
			struct tok *where = put(w, clause_end(s, FROM)->next, t, "WHERE sample_share(%s)", text);

			where->blank = 1;
		}
	} else {
		/* rows are picked before anything is made of them, where there is one source to pick from */
		struct tok *first = s->clause[FROM]->next, *from_last = clause_end(s, FROM), *src = first;

		if (is(src, "("))
			src = src->match;
		else if (is(src->next, "("))
			src = src->next->match;
		struct tok *alias = src == from_last ? NULL : is(src->next, "as") ? src->next->next : src->next;

		if (!alias || (alias == from_last && rewrite_named(alias))) {
			struct tok *open = rewrite_wrap(w, first, src, "(SELECT * FROM", ")"), *close = open->match;

			open->next->next->next->next->blank = 1;
			put(w, close, t, "ORDER BY sample_key() LIMIT %s", text)->blank = 1;
			if (!alias && first == src && rewrite_named(src)) {
				char *name = rewrite_quote(w, rewrite_bare(w, src), '"');

				put(w, close->next, src, "AS %s", name);
			}
			parse(s->select, s);
			return;
		}
		rewrite_wrap(w, s->select, s->end->prev, "(", ")");
		struct tok *open = s->select->prev, *close = open->match;

		put(w, open, open, "SELECT * FROM");
		put(w, close->next, close, "ORDER BY sample_key() LIMIT %s", text);
	}
	parse(s->select, s);
}

static int
is_stored(const struct tok *t)
{
	static const char *const tables[] = { "events", "input", "metrics", "anomalies", "alerts", "insights", NULL };

	return one_of(t, tables);
}

static int
names_table(struct work *w, const struct tok *first, const struct tok *end, struct str alias)
{
	for (const struct tok *t = first; t != end; t = t->next)
		if (rewrite_named(t) && is(t->next, ".") && !is(t->prev, ".") && rewrite_same_name(rewrite_bare(w, t), alias))
			return 1;
	return 0;
}

/* Into out: what stands there, the table's columns being those of asof_near. */
static void
of_nearest(struct work *w, struct tok *first, struct tok *last, struct str alias, struct buf *out)
{
	struct tok *copy = rewrite_copy(w, first, last, first), *copy_last = first->prev;

	for (struct tok *i = copy; i != first && !w->err->code; i = i->next)
		if (names_table(w, i, i->next, alias))
			rewrite_set(w, i, "asof_near"), i->kind = TOKEN_WORD;
	rewrite_text(copy, first, out);
	rewrite_cut(copy, copy_last);
}

/* a ASOF JOIN b ON a.k = b.k AND a.t >= b.t: of b's rows that fit, the nearest. */
/* Where the SELECT says `name` alone, outside of FROM and of inner SELECTs, it is the column of that table. */
static void
call_qualified(struct work *w, struct select *s, const char *table, struct str name)
{
	for (struct tok *t = s->list; t != s->end && t->kind != TOKEN_END && !w->err->code; t = t->next) {
		if (t == s->clause[FROM])
			t = clause_end(s, FROM);
		if (is(t, "(") && is_query(t->next))
			t = t->match;
		if (!rewrite_named(t) || is(t->next, "(") || is(t->next, ".") || is(t->prev, ".") || is(t->prev, "as") || ends_operand(t->prev) ||
		    !rewrite_same_name(rewrite_bare(w, t), name))
			continue;
		put(w, t, t, "%s.", table);
	}
}

/* a ASOF JOIN b USING (k, t): ON a.k = b.k AND a.t >= b.t; k and t are those of a, and * has them once. */
static void
asof_using(struct work *w, struct select *s, struct tok *t, struct tok *alias)
{
	struct tok *using = alias->next, *open = using->next, *left = t->prev;
	struct items by = split(w, open->next, open->match->prev), items;
	struct buf on = {0}, once = {0};

	if (!rewrite_named(left) || !rewrite_named(alias) || !by.n) {
		rewrite_fail(w, using, "ASOF JOIN … USING (…) wants names for both tables");
		return;
	}
	const char *a = rewrite_quote(w, rewrite_bare(w, left), '"'), *b = rewrite_quote(w, rewrite_bare(w, alias), '"');

	for (int i = 0; i < by.n; i++) {
		const char *column = rewrite_quote(w, rewrite_bare(w, by.item[i].first), '"');

		buf_printf(&on, "%s%s.%s", i ? " AND " : "", a, column);
		buf_printf(&on, " %s %s.%s", i + 1 < by.n ? "=" : ">=", b, column);
		buf_printf(&once, "%s%s", i ? ", " : "", column);
	}
	put(w, open->match->next, using, "ON %s", buf_text(&on));
	rewrite_cut(using, open->match);
	items = split(w, s->list, s->list_last);
	for (int i = 0; i < items.n; i++)
		if (is_star(&items.item[i]) && items.item[i].first == items.item[i].last) {
			struct tok *star = items.item[i].first;

			put(w, star, star, "%s.*, %s.* EXCLUDE (%s)", a, b, buf_text(&once))->blank = 1;
			rewrite_cut(star, star);
		}
	parse(s->select, s);
	for (int i = 0; i < by.n; i++) {
		call_qualified(w, s, a, rewrite_bare(w, by.item[i].first));
		parse(s->select, s);
	}
	buf_release(&on), buf_release(&once);
}

enum { OF_NEAR = 1, OF_OTHERS = 2, OF_UNKNOWN = 4 };    /* whose columns an expression names */

static int
whose(struct work *w, const struct tok *first, const struct tok *after, struct str near)
{
	int of = 0;

	for (const struct tok *t = first; t != after; t = t->next) {
		if (is_query(t))
			return OF_UNKNOWN;
		if (!rewrite_named(t) || is(t->prev, ".") || is(t->next, "(") || (t->kind == TOKEN_WORD && (token_reserved(t->text) || is(t, "true") || is(t, "false"))))
			continue;
		of |= !is(t->next, ".") ? OF_UNKNOWN : rewrite_same_name(rewrite_bare(w, t), near) ? OF_NEAR : OF_OTHERS;
	}
	return of;
}

/* As text, what is called `near` being called asof_near. */
static void
put_near(struct work *w, const struct tok *first, const struct tok *after, struct str near, struct buf *to)
{
	for (const struct tok *t = first, *end; t != after; t = end) {
		end = t->next;
		buf_lit(to, t == first || !t->blank ? "" : " ");
		if (rewrite_named(t) && is(t->next, ".") && !is(t->prev, ".") && rewrite_same_name(rewrite_bare(w, t), near))
			buf_lit(to, "asof_near");
		else
			buf_str(to, t->text);
		buf_lit(to, end != after && t->kind != TOKEN_OPERATOR && end->kind != TOKEN_OPERATOR && !end->blank ? " " : "");
	}
}

struct nearest { struct tok *cond, *after, *op, *source, *source_last, *alias; int down, strict, stored; };

/* The conditions as they are said over rows of b that know the next time of their key. 0 where they cannot: with OR, or a term of both that is
 * no equality. near: b's own terms; keys: what is equal; time and other: both sides of the nearest. */
static int
asof_terms(struct work *w, const struct nearest *n, struct str b, struct buf *on, struct buf *near, struct buf *keys, struct buf *time, struct buf *other)
{
	struct tok *next;

	for (struct tok *first = n->cond; first != n->after; first = next == n->after ? next : next->next) {
		struct tok *equal = NULL;
		int of;

		for (next = first; next != n->after && !is(next, "and"); next = next->next) {
			if (is(next, "or") || is(next, "between") || is(next, "case") || is(next, "not"))
				return 0;
			if (is(next, "("))
				next = next->match;
			if (is(next, "=") || is(next, "=="))
				equal = next;
		}
		of = whose(w, first, next, b);
		if (of & OF_UNKNOWN)
			return 0;
		if (first->prev == n->op || next->prev == n->op)
			return 0;
		int is_nearest = 0;

		for (struct tok *t = first; t != next; t = t->next)
			is_nearest |= t == n->op;
		if (is_nearest || (of == (OF_NEAR | OF_OTHERS) && equal)) {
			struct tok *op = is_nearest ? n->op : equal;
			int left = whose(w, first, op, b), right = whose(w, op->next, next, b);

			if (left + right != (OF_NEAR | OF_OTHERS) || (left && right && left == right))
				return 0;
			if (!is_nearest)
				buf_lit(keys, keys->n ? ", " : "");
			put_near(w, left == OF_NEAR ? first : op->next, left == OF_NEAR ? op : next, b, is_nearest ? time : keys);
			if (is_nearest)
				rewrite_text(left == OF_NEAR ? op->next : first, left == OF_NEAR ? next : op, other);
		} else if (of == OF_NEAR) {
			buf_lit(near, " AND ");
			put_near(w, first, next, b, near);
			continue;
		} else if (of & OF_NEAR) {
			return 0;
		}
		buf_lit(on, on->n ? " AND " : "");
		rewrite_text(first, next, on);
	}
	return time->n && other->n;
}

/* `*` without the columns that only the join needs: `a.*, b.* EXCLUDE (…)`. 0 where it cannot be said so. */
static int
asof_stars(struct work *w, struct select *s, struct str b)
{
	struct items items = split(w, s->list, s->list_last);
	struct tok *first = s->clause[FROM]->next, *behind = clause_end(s, FROM)->next;
	struct buf all = {0};
	int ok = 1;

	for (struct tok *t = first; t != behind && ok; t = is(t, "(") ? t->match->next : t->next) {
		struct tok *source = t == first ? t : is(t, ",") || is(t, "join") ? t->next : NULL, *named;

		ok = !is(t, "using") && !is(t, "natural") && !is(t, "lateral") && !is(t, "unnest");
		if (!source || !ok)
			continue;
		named = is(source, "(") ? source->match->next : is(source->next, "(") ? source->next->match->next : source->next;
		named = is(named, "as") ? named->next : named;
		if (named == behind || !rewrite_named(named) || is(named, "asof") || (named->kind == TOKEN_WORD && token_reserved(named->text)))
			named = rewrite_named(source) && !is(source->next, "(") ? source : NULL;
		if (!(ok = named != NULL))
			break;
		buf_printf(&all, "%s%s.*", all.n ? ", " : "", rewrite_quote(w, rewrite_bare(w, named), '"'));
		if (rewrite_same_name(rewrite_bare(w, named), b))
			buf_lit(&all, " EXCLUDE (asof_next)");
	}
	for (int i = 0; i < items.n && ok; i++) {
		struct tok *star = items.item[i].last, *own = items.item[i].first;

		if (rewrite_named(own) && rewrite_same_name(rewrite_bare(w, own), b) && is(own->next, ".") && is(own->next->next, "*") &&
		    (is(own->next->next->next, "exclude") || is(own->next->next->next, "except")) && is(own->next->next->next->next, "("))
			put(w, own->next->next->next->next->next, star, "asof_next,");
		if (!is_star(&items.item[i]))
			continue;
		if (items.item[i].first == star) {
			put(w, star, star, "%s", buf_text(&all))->blank = 1;
			rewrite_cut(star, star);
		} else if (rewrite_same_name(rewrite_bare(w, items.item[i].first), b)) {
			put(w, star->next, star, "EXCLUDE (asof_next)")->blank = 1;
		}
	}
	buf_release(&all);
	parse(s->select, s);
	return ok;
}

/* The rows of b each know the next time of their key, so that of those that fit only the nearest does: an equality and two bounds, which are
 * joined over columns. 0: that cannot be said of these conditions, and nothing is changed. */
static int
asof_window(struct work *w, struct select *s, const struct nearest *n)
{
	struct str b = rewrite_bare(w, n->alias);
	struct buf on = {0}, near = {0}, keys = {0}, time = {0}, other = {0}, columns = {0}, text = {0};
	struct tok *from, *made;
	struct names names;
	int star = 0, ok;

	for (struct tok *t = s->list; t != s->list_last->next; t = t->next)
		star |= is(t, "*") && (t == s->list || is(t->prev, ",") || is(t->prev, "."));
	ok = asof_terms(w, n, b, &on, &near, &keys, &time, &other) && (!star || asof_stars(w, s, b));
	if (ok) {
		rewrite_text(n->source, n->source_last->next, &text);
		from = put(w, n->source, n->source, "FROM %s", buf_text(&text));
		names = ask_columns(w, "*", from, n->source);
		rewrite_cut(from, n->source->prev);
		for (int i = 0; i < names.n; i++) {
			int used = star;

			for (struct tok *t = s->select; t != s->end && !used; t = t == n->source ? n->source_last->next : t->next)
				used = rewrite_named(t) && rewrite_same_name(rewrite_bare(w, t), names.name[i]);
			if (used)
				buf_printf(&columns, "asof_near.%s, ", rewrite_quote(w, names.name[i], '"'));
		}
	}
	if (ok && !w->err->code) {
		const char *order = n->down ? "" : " DESC";

		made = put(w, n->source, n->source, "(SELECT %slead(%s) OVER (%s%s ORDER BY %s%s%s%s) AS asof_next FROM AS asof_near WHERE %s IS NOT NULL%s)", buf_text(&columns), buf_text(&time),
		    keys.n ? "PARTITION BY " : "", keys.n ? buf_text(&keys) : "", buf_text(&time), order, n->stored ? ", asof_near.rowid" : "", n->stored ? order : "", buf_text(&time), near.n ? buf_text(&near) : "");
		while (!is(made, "from") || !is(made->next, "as"))
			made = made->next;
		rewrite_move(n->source, n->source_last, made->next);
		n->source->blank = 1;
		if (n->alias == n->source_last || n->alias == n->source)
			put(w, n->cond->prev, n->cond, "AS %s", rewrite_quote(w, b, '"'))->blank = 1;
		char *quoted = rewrite_quote(w, b, '"');

		put(w, n->cond, n->cond, "%s AND (%s.asof_next IS NULL OR %s %s %s.asof_next)", buf_text(&on), quoted, buf_text(&other),
		    n->down ? n->strict ? "<=" : "<" : n->strict ? ">=" : ">", quoted)->blank = 1;
		rewrite_cut(n->cond, n->after->prev);
	}
	buf_release(&on), buf_release(&near), buf_release(&keys), buf_release(&time), buf_release(&other), buf_release(&columns), buf_release(&text);
	return ok;
}

static void
asof(struct work *w, struct select *s, struct tok *t, struct tok *end)
{
	static const char *const behind[] = { ")", ",", "join", "left", "inner", "cross", "asof", "natural", "full", NULL };
	struct tok *join = t->next, *source, *alias, *cond, *cond_last, *nearest = NULL, *op;
	struct buf name = {0}, b = {0}, near = {0}, conds = {0};
	int down = 1, plain, ends = 0;

	if (is(join, "left"))
		join = join->next;
	if (is(join, "outer") || is(join, "inner"))
		join = join->next;
	if (!is(join, "join")) {
		rewrite_fail(w, t, "ASOF wants JOIN behind it");
		return;
	}
	source = join->next;
	alias = is(source, "(") ? source->match : source;
	plain = alias == source;
	struct tok *called = is(alias->next, "as") ? alias->next->next : alias->next;

	if (rewrite_named(called) && !(called->kind == TOKEN_WORD && token_reserved(called->text)) && is(called->next, "(")) {     /* b(k, t) */
		column_names(w, source, alias, called);
		source = join->next, alias = source->match, plain = 0;
	}
	if (is(alias->next, "as"))
		alias = alias->next->next;
	else if (rewrite_named(alias->next) && !token_reserved(alias->next->text))
		alias = alias->next;
	if (is(alias->next, "using") && is(alias->next->next, "("))
		asof_using(w, s, t, alias);
	cond = alias->next;
	for (struct tok *i = t; i != cond->next; i = i->next)
		ends |= i->next == end;
	if (ends || !is(cond, "on") || !rewrite_named(alias)) {
		rewrite_fail(w, ends ? t : cond, "ASOF JOIN wants a named table and ON …");
		return;
	}
	cond = cond->next;
	for (cond_last = cond; ; cond_last = cond_last->next) {
		if (is(cond_last, "("))
			cond_last = cond_last->match;
		if (cond_last->next == end || cond_last->next->kind == TOKEN_END || one_of(cond_last->next, behind))
			break;
	}
	for (op = cond; op != cond_last->next; op = op->next) {
		if (is(op, "("))
			op = op->match;
		if (is(op, ">=") || is(op, ">") || is(op, "<") || is(op, "<="))
			nearest = op;
	}
	if (!nearest) {
		rewrite_fail(w, cond, "ASOF JOIN wants one condition with >=, >, <= or <");
		return;
	}
	/* which side is b's, and which way is near */
	struct str alias_name = rewrite_bare(w, alias);
	struct tok *first = rewrite_operand_start(nearest->prev), *last = rewrite_operand_end(nearest->next);

	if (!first || !last) {
		rewrite_fail(w, nearest, "ASOF JOIN compares two columns");
		return;
	}
	down = *nearest->text.p == '>';
	if (names_table(w, first, nearest, alias_name))
		down = !down, last = nearest->prev;
	else
		first = nearest->next;
	struct nearest n = { .cond = cond, .after = cond_last->next, .op = nearest, .source = source, .source_last = plain ? source : source->match, .alias = alias, .down = down,
		.strict = nearest->text.n == 1, .stored = plain && is_stored(source) };

	if (w->host && w->host->columns && asof_window(w, s, &n)) {
		rewrite_cut(t, t);
		return;
	}
	if (names_table(w, first, last->next, alias_name)) {
		char *a = rewrite_quote(w, alias_name, '"');

		rewrite_text(first, last->next, &b);
		of_nearest(w, first, last, alias_name, &near);
		of_nearest(w, cond, cond_last, alias_name, &conds);     /* the same conditions again, of an inner b */
		rewrite_text(source, (plain ? source : source->match)->next, &name);
		if (plain && is_stored(source))         /* it has a rowid */
			put(w, cond, cond, "%s.rowid = (SELECT asof_near.rowid FROM %s AS asof_near WHERE %s ORDER BY %s %s, asof_near.rowid %s LIMIT 1) AND",
			    a, buf_text(&name), buf_text(&conds), buf_text(&near), down ? "DESC" : "ASC", down ? "DESC" : "ASC");
		else
			put(w, cond, cond, "%s = (SELECT %s(%s) FROM %s AS asof_near WHERE %s) AND",
			    buf_text(&b), down ? "max" : "min", buf_text(&near), buf_text(&name), buf_text(&conds));
	} else {
		rewrite_fail(w, nearest, "ASOF JOIN wants the columns with their table in front, such as a.timestamp >= b.timestamp");
	}
	rewrite_cut(t, t);
	buf_release(&name), buf_release(&b), buf_release(&near), buf_release(&conds);
}

static void mend_select(struct work *, struct tok *);

/* ---- lists as rows, rows as lists */

/* Has an inner SELECT a column of that name from a source of its own, as far as the text says so: `AS name`, or `v(name)`? */
static int
gives_column(struct work *w, struct tok *select, struct str name)
{
	struct tok *after, *open = NULL;
	struct select s;

	if (!is(select, "select"))
		return 0;
	parse(select, &s);
	if (!s.clause[FROM])
		return 0;
	after = clause_end(&s, FROM)->next;
	for (struct tok *t = s.clause[FROM]; t != after && t->kind != TOKEN_END; t = t->next) {
		if (is(t, "("))
			open = t;
		else if (is(t, ")"))
			open = NULL;    /* what stands behind it is in no list of names */
		if (!rewrite_named(t) || !rewrite_same_name(rewrite_bare(w, t), name))
			continue;
		if (is(t->prev, "as") || (open && rewrite_named(open->prev) && (is(open->prev->prev, "with") || is(open->prev->prev, ",") || is(open->prev->prev, "as") || ends_operand(open->prev->prev))))
			return 1;
	}
	return 0;
}

/* Where the SELECT says `alias.name`, or `name` alone, `sql` is said instead, but not between `first` and `last`, nor `name` alone in an
 * inner SELECT that has its own. */
static void
call_column(struct work *w, struct select *s, struct str alias, struct str name, int bare, const char *sql, const struct tok *first, const struct tok *last)
{
	struct items items = split(w, s->list, s->list_last);
	struct tok *hidden = NULL;      /* the end of such an inner SELECT */

	for (int i = 0; i < items.n && !w->err->code; i++)
		if (!items.item[i].alias && rewrite_same_name(item_name(w, &items.item[i]), name))
			put(w, items.item[i].last->next, items.item[i].last, "AS %s", rewrite_quote(w, name, '"'));
	for (struct tok *t = s->select->next; t != s->end && !w->err->code; t = t->next) {
		struct tok *start = is(t->prev, ".") ? t->prev->prev : t;

		if (t == first) {
			for (; t != last; t = t->next)
				;
			continue;
		}
		if (t == hidden)
			hidden = NULL;
		if (bare && !hidden && is(t, "(") && gives_column(w, t->next, name))
			hidden = t->match;
		if (!rewrite_named(t) || is(t->next, "(") || is(t->next, ".") || is(t->prev, "as") || !rewrite_same_name(rewrite_bare(w, t), name))
			continue;
		if (is(t->prev, "(") && is(t->next, ")") && rewrite_named(t->prev->prev) && !(t->prev->prev->kind == TOKEN_WORD && token_reserved(t->prev->prev->text)) &&
		    (is(t->prev->prev->prev, "as") || ends_operand(t->prev->prev->prev)))
			continue;       /* what another source calls its column */
		if (start == t ? !bare || hidden || ends_operand(t->prev) : is(start->prev, ".") || !rewrite_same_name(rewrite_bare(w, start), alias))
			continue;       /* another alias of that name; a column of another table */
		put(w, start, start, "%s", sql);
		rewrite_cut(start, t);
	}
}

/* What stands in FROM before a source that begins with `first`: the token behind its last one. */
static struct tok *
sources_before(struct tok *first)
{
	struct tok *before = first->prev;

	while (is(before, ",") || is(before, "join") || is(before, "cross") || is(before, "left") || is(before, "inner") || is(before, "outer"))
		before = before->prev;
	return before->next;
}

/* What `*` means of the sources behind this one, `, b.*` of each; 0 where it cannot be said so: where one has no name, or columns meet in one. */
static int
later_stars(struct work *w, const struct select *s, const struct tok *alias, struct buf *to)
{
	const struct tok *behind = clause_end(s, FROM)->next;

	for (struct tok *t = alias->next; t != behind; t = is(t, "(") ? t->match->next : t->next) {
		struct tok *source, *named;

		if (is(t, "using") || is(t, "natural") || is(t, "lateral") || is(t, "unnest"))
			return 0;
		if (!is(t, ",") && !is(t, "join"))
			continue;
		source = is(t->next, "lateral") || is(t->next, "unnest") ? NULL : t->next;
		if (!source)
			return 0;
		named = is(source, "(") ? source->match->next : is(source->next, "(") ? source->next->match->next : source->next;
		named = is(named, "as") ? named->next : named;
		if (named == behind || !rewrite_named(named) || (named->kind == TOKEN_WORD && token_reserved(named->text)))
			named = rewrite_named(source) && !is(source->next, "(") ? source : NULL;
		if (!named)
			return 0;
		buf_printf(to, ", %s.*", rewrite_quote(w, rewrite_bare(w, named), '"'));
	}
	return 1;
}

/* Where the SELECT says `alias.*` or `*`, what the columns are called and mean is said instead: `own`, between those of the other sources. */
static void
call_star(struct work *w, struct select *s, struct tok *alias, const struct names *outside, const char *own)
{
	struct items items = split(w, s->list, s->list_last);
	struct buf later = {0};

	for (int i = 0; i < items.n && !w->err->code; i++) {
		struct tok *first = items.item[i].first, *last = items.item[i].last;

		if (!is_star(&items.item[i]) || (first != last && !rewrite_same_name(rewrite_bare(w, first), rewrite_bare(w, alias))))
			continue;
		buf_clear(&later);
		if (first == last && !later_stars(w, s, alias, &later)) {
			rewrite_fail(w, first, "* is not known where LATERAL stands before such another source, name the columns");
			break;
		}
		for (int k = 0; k < outside->n && first == last; k++)
			put(w, first, first, "%s,", rewrite_quote(w, outside->name[k], '"'));
		put(w, first, first, "%s%s", own, later.n ? buf_text(&later) : "");
		rewrite_cut(first, last);
	}
	buf_release(&later);
	if (items.n)
		parse(s->select, s);
}

/* Does the SELECT say `*`, and is this its last source? */
static int
ends_star(struct work *w, struct select *s, const struct tok *alias)
{
	const struct tok *behind = clause_end(s, FROM)->next, *t = alias->next;
	struct items items = split(w, s->list, s->list_last);
	int star = 0;

	for (int i = 0; i < items.n; i++)
		star |= items.item[i].first == items.item[i].last && is_star(&items.item[i]);
	while (t != behind && !is(t, ",") && !is(t, "join"))
		t = is(t, "(") ? t->match->next : t->next;
	return star && t == behind;
}

/* The column of a list's items is `column`: where the statement calls it `name`, that is said instead. */
static void
call_unnest(struct work *w, struct select *s, struct tok *alias, const char *column, struct str name)
{
	struct str table = rewrite_bare(w, alias);
	struct buf sql = {0};

	buf_printf(&sql, "%s.%s", rewrite_quote(w, table, '"'), column);
	call_column(w, s, table, name, 1, buf_text(&sql), alias, alias);
	buf_release(&sql);
}

/* LATERAL (SELECT …) AS t, which names what stands before it: SQLite has it as a value only, so its rows are one list, and unnest() gives
 * them again; t.a is an item of such a row then. */
static struct tok *
lateral(struct work *w, struct select *s, struct tok *t)
{
	struct tok *open = t->next, *close = open->match, *alias = is(close->next, "as") ? close->next->next : close->next, *columns = NULL;
	struct names outside;
	struct items items, called = {0};
	struct buf list = {0}, own_columns = {0};
	struct select inner;
	struct str table;

	if (!rewrite_named(alias) || (alias->kind == TOKEN_WORD && token_reserved(alias->text))) {
		rewrite_fail(w, close, "LATERAL (SELECT …) wants a name behind it");
		return close;
	}
	outside = ask_columns(w, "*", s->clause[FROM], sources_before(t));
	table = rewrite_bare(w, alias);
	if (is(alias->next, "(")) {
		columns = alias->next;
		called = split(w, columns->next, columns->match->prev);
		rewrite_cut(columns, columns->match);
	}
	parse(open->next, &inner);
	items = split(w, inner.list, inner.list_last);
	for (int i = 0; i < items.n && !w->err->code; i++) {
		struct str own = item_name(w, &items.item[i]), name = i < called.n ? rewrite_bare(w, called.item[i].first) : own;
		char sql[300];
		int bare = 1;

		if (is_star(&items.item[i]) || !own.p || name.n > 200) {
			rewrite_fail(w, items.item[i].first, "the columns of LATERAL (SELECT …) want names, with AS where they are no plain ones");
			break;
		}
		for (int k = 0; k < outside.n; k++)
			bare &= !rewrite_same_name(outside.name[k], name);
		if (items.item[i].alias)
			items.item[i].alias->alias = items.item[i].alias->prev->alias = 0;      /* it is needed now */
		buf_printf(&list, "%s%s", i ? ", " : "", rewrite_quote(w, own, '"'));
		snprintf(sql, sizeof(sql), "list_at(%s.unnest_item, %d)", rewrite_quote(w, table, '"'), i + 1);
		call_column(w, s, table, name, bare, sql, open, close);
		buf_printf(&own_columns, "%s%s AS %s", i ? ", " : "", sql, rewrite_quote(w, name, '"'));
	}
	if (!w->err->code)
		call_star(w, s, alias, &outside, buf_text(&own_columns));
	buf_release(&own_columns);
	rewrite_cut(t, t);
	rewrite_wrap(w, open, close, "unnest_items((SELECT rows_as_list() FROM", "))");
	for (t = open->prev; !is(t, ")"); t = t->prev)
		;
	put(w, t, t, "%s", list.n ? buf_text(&list) : "NULL");
	buf_release(&list);
	return alias;
}

/* … SEMI JOIN b ON c, ANTI JOIN b USING (c): WHERE [NOT] EXISTS (SELECT 1 FROM b WHERE c). The token to go on from. */
static struct tok *
semi_join(struct work *w, struct select *s, struct tok *t, struct tok *after)
{
	static const char *const joins[] = { "join", "left", "inner", "cross", "asof", "natural", "full", "right", "semi", "anti", ",", NULL };
	struct tok *first = is(t->prev, "left") ? t->prev : t, *source = t->next->next, *left = first->prev, *on = source, *last, *made, *where, *select, *exists = NULL;
	int anti = is(t, "anti"), ends = 0;
	struct buf conds = {0};

	while (on != after && !is(on, "on") && !is(on, "using"))
		on = is(on, "(") ? on->match->next : on->next;
	if (on == after || on == source || (is(on, "using") && (!is(on->next, "(") || on->next->next == on->next->match))) {
		rewrite_fail(w, t, "%s JOIN wants a table and ON or USING behind it", anti ? "ANTI" : "SEMI");
		return t;
	}
	for (last = on; last->next != after && !ends; last = ends ? last : last->next) {
		for (int i = 0; joins[i] && !ends; i++)
			ends = is(last->next, joins[i]) && !(is(last->next, "left") && is(last->next->next, "("));
		if (is(last, "("))
			last = last->match->prev;
	}
	if (is(on, "using")) {
		struct tok *right = on->prev;
		struct items by = split(w, on->next->next, on->next->match->prev);

		if (!rewrite_named(left) || !rewrite_named(right) || !by.n) {
			rewrite_fail(w, on, "USING (…) wants names for both tables here");
			return t;
		}
		for (int i = 0; i < by.n; i++) {
			const char *column = rewrite_quote(w, rewrite_bare(w, by.item[i].first), '"');

			buf_printf(&conds, "%s%s.%s", i ? " AND " : "", rewrite_quote(w, rewrite_bare(w, left), '"'), column);
			buf_printf(&conds, " = %s.%s", rewrite_quote(w, rewrite_bare(w, right), '"'), column);
		}
	} else {
		rewrite_text(on->next, last->next, &conds);
	}
	if (s->clause[WHERE]) {
		rewrite_wrap(w, s->clause[WHERE]->next, clause_end(s, WHERE), "(", ")");
		where = clause_end(s, WHERE)->next;
	} else {
		where = after;
	}
	made = put(w, where, t, "%s %s EXISTS (SELECT 1 FROM WHERE %s)", s->clause[WHERE] ? "AND" : "WHERE", anti ? "NOT" : "", buf_text(&conds));
	made->blank = 1;
	for (select = made; !is(select, "select"); select = select->next)
		exists = is(select, "exists") ? select : exists;
	rewrite_move(source, on->prev, select->next->next->next);
	rewrite_cut(first, last);
	buf_release(&conds);
	parse(s->select, s);
	if (!w->err->code)
		mend_select(w, select);
	if (!w->err->code && exists)
		rewrite_exists_at(w, exists);
	parse(s->select, s);
	return left;
}

/* … UNNEST(list) AS t(x), of each row before it; t and x may be one name. The token to go on from. */
static struct tok *
unnest(struct work *w, struct select *s, struct tok *t)
{
	struct tok *close = t->next->match, *alias = is(close->next, "as") ? close->next->next : close->next, *columns = alias->next;
	int alone = is(t->prev, "from");        /* then it may stand in brackets of its own, where its columns get their names */
	struct str name;

	if (!rewrite_named(alias) || (alias->kind == TOKEN_WORD && token_reserved(alias->text)))
		return close;
	if (!is(columns, "(")) {
		call_unnest(w, s, alias, "value", rewrite_bare(w, alias));
		return alias;
	}
	if (alone)
		return NULL;
	if (!rewrite_named(columns->next) || columns->next->next != columns->match) {
		rewrite_fail(w, columns, "UNNEST has one column");
		return close;
	}
	name = rewrite_bare(w, columns->next);
	rewrite_cut(columns, columns->match);
	rewrite_set(w, t, "unnest_items");
	if (ends_star(w, s, alias)) {
		struct names outside = ask_columns(w, "*", s->clause[FROM], sources_before(t));
		struct buf own = {0};

		buf_printf(&own, "%s.unnest_item AS ", rewrite_quote(w, rewrite_bare(w, alias), '"'));
		buf_printf(&own, "%s", rewrite_quote(w, name, '"'));
		call_star(w, s, alias, &outside, buf_text(&own));
		buf_release(&own);
	}
	call_unnest(w, s, alias, "unnest_item", name);
	return alias;
}

/* SELECT unnest(list) FROM t is a SELECT FROM t, unnest(list). */
static void
unnest_items(struct work *w, struct select *s)
{
	int n = 0;

	for (struct tok *t = s->list; t != s->list_last->next && t->kind != TOKEN_END && !w->err->code; t = t->next) {
		struct tok *open = t->next, *close = open->match, *behind, *from;

		if (is(t, "(") && is_query(t->next)) {
			t = t->match;
			continue;
		}
		if ((!is(t, "unnest") && !is(t, "arrayjoin") && !is(t, "explode")) || !is(open, "(") || close == open || is(t->prev, "."))
			continue;
		if (n++) {
			rewrite_fail(w, t, "a second unnest() in one SELECT: put it behind FROM");
			return;
		}
		behind = s->clause[FROM] ? clause_end(s, FROM)->next : s->list_last->next;
		from = put(w, behind, t, s->clause[FROM] ? ", unnest_items( ) AS unnested" : "FROM unnest_items( ) AS unnested");
		from->blank = !is(from, ",");
		while (!is(from, "("))
			from = from->next;
		int series = (is(open->next, "generate_series") || is(open->next, "range")) && is(open->next->next, "(") && open->next->next->match == close->prev;

		if (series) {           /* a table itself, of one column */
			rewrite_cut(from->prev, from->match);
			rewrite_move(open->next, close->prev, from->match->next);
		} else if (open->next != close) {
			rewrite_move(open->next, close->prev, from->match);
		}
		t = put(w, t, t, series ? "unnested.value" : "unnested.unnest_item");
		rewrite_cut(t->next->next->next, close);
		t = t->next->next;
		if (!s->clause[FROM])
			s->list_last = t;
	}
	if (n)
		parse(s->select, s);
}

static void
sources(struct work *w, struct select *s)
{
	struct tok *from = s->clause[FROM], *after;

	if (!from)
		return;
	after = clause_end(s, FROM)->next;
	for (struct tok *t = from->next; t != after && t->kind != TOKEN_END && !w->err->code; t = t->next) {
		struct tok *first = t, *alias;
		int starts = is(t->prev, "from") || is(t->prev, ",") || is(t->prev, "join") || is(t->prev, "lateral");

		if ((is(t, "semi") || is(t, "anti")) && is(t->next, "join") && !starts && !is(t->prev, "as")) {
			t = semi_join(w, s, t, after);
			after = clause_end(s, FROM)->next;
			continue;
		}
		if (is(t, "lateral") && is(t->next, "(") && is(t->next->next, "select") && !is(t->prev, "from")) {
			t = lateral(w, s, t);
			continue;
		}
		if (is(t, "lateral") && (is(t->next, "(") || rewrite_named(t->next))) {
			t = t->next;
			rewrite_cut(t->prev, t->prev);
			first = t;
			starts = 1;
		}
		if (is(t, "asof") && (is(t->next, "join") || is(t->next, "left") || is(t->next, "inner"))) {
			t = t->next;
			asof(w, s, t->prev, after);
			after = clause_end(s, FROM)->next;
			continue;
		}
		if (starts && is(t, "unnest") && is(t->next, "(") && (alias = unnest(w, s, t))) {
			t = alias;
			continue;
		}
		if (is(t, "tablesample") || (is(t, "using") && is(t->next, "sample"))) {
			s->sample = t;
			if (is(t, "tablesample")) {
				put(w, t, t, "USING SAMPLE");
				s->sample = t->prev->prev;
				rewrite_cut(t, t);
			}
			sample(w, s);
			return;
		}
		if (is(t, "("))
			t = t->match;
		else if (starts && rewrite_named(t) && is(t->next, "("))        /* else JOIN (SELECT …) */
			t = t->next->match;
		if (!starts)
			continue;
		if (t->kind == TOKEN_WORD && token_reserved(t->text))
			continue;
		alias = is(t->next, "as") ? t->next->next : t->next;
		if (rewrite_named(alias) && !(alias->kind == TOKEN_WORD && token_reserved(alias->text)) && is(alias->next, "(") && alias != after) {
			struct tok *next = alias->next->match->next;

			column_names(w, first, t, alias);
			t = next->prev;
			after = clause_end(s, FROM)->next;
		}
	}
	parse(s->select, s);
}

/* ---- the list */

/* EXCLUDE, REPLACE and RENAME name columns that are there. */
static void
want_names(struct work *w, const struct names *names, struct tok *exclude, struct tok *replace, struct tok *rename)
{
	struct tok *last = exclude ? is(exclude, "(") ? exclude->match : exclude->next : NULL;
	struct items with = {0};

	for (struct tok *t = exclude; t != last; t = t->next)
		if (rewrite_named(t) && !is(t->next, "."))
			want_name(w, names, t);
	if (replace)
		with = split(w, replace->next, replace->match->prev);
	for (int i = 0; i < with.n; i++)
		if (with.item[i].alias)
			want_name(w, names, with.item[i].alias);
	last = rename && is(rename, "(") ? rename->match : NULL;
	for (struct tok *t = last ? rename : NULL; t != last; t = t->next)
		if (rewrite_named(t) && is(t->next, "as"))
			want_name(w, names, t);
}

/* `*` and `t.*` with EXCLUDE or REPLACE, and COLUMNS('…'), become the columns they mean. */
static void
stars(struct work *w, struct select *s)
{
	struct items items;

	if (s->list == s->end)
		return;
	items = split(w, s->list, s->list_last);
	for (int i = 0; i < items.n && !w->err->code; i++) {
		struct item *item = &items.item[i];
		struct tok *star = NULL, *columns = NULL, *exclude = NULL, *replace = NULL, *rename = NULL, *t;
		struct buf list = {0};
		struct names names;
		struct regex *regex = NULL;
		int any = 0;

		for (t = item->first; t != item->last->next; t = t->next) {
			if (is(t, "columns") && is(t->next, "(") && !columns) {
				struct tok *inner = t->next->next;

				columns = t;
				if (is(inner, "*") && (is(inner->next, "exclude") || is(inner->next, "except")))
					exclude = inner->next->next;
				else if (!is(inner, "*") && inner->kind != TOKEN_STRING && !(is(inner, "json_array") && inner->made)) {
					rewrite_fail(w, inner, "COLUMNS wants a regular expression, COLUMNS('_ms$'), a list of names or *");
					return;
				}
				t = t->next->match;
			}
			if (is(t, "("))
				continue;
			if (is(t, "*") && (t == item->first || is(t->prev, ".")) && !star)
				star = t;
			if ((is(t, "exclude") || is(t, "except")) && star)
				exclude = t->next;
			if (is(t, "rename") && star)
				rename = t->next;
			if (is(t, "replace") && star && is(t->next, "("))
				replace = t->next;
		}
		if (!columns && !(star && (exclude || replace || rename)))
			continue;
		if (!s->clause[FROM]) {
			rewrite_fail(w, item->first, "there are no columns without FROM");
			return;
		}
		rewrite_text(item->first, star && star != item->first ? star->next : item->first, &list);
		names = ask_columns(w, list.n ? buf_text(&list) : "*", s->clause[FROM], clause_end(s, FROM)->next);
		if (!w->err->code)
			want_names(w, &names, exclude, replace, rename);
		if (columns && columns->next->next->kind == TOKEN_STRING && !w->err->code) {
			regex = regex_new(rewrite_bare(w, columns->next->next), NULL, w->err);
			if (!regex)
				w->err->col = (long)columns->next->next->at + 1;
		}
		for (int k = 0; k < names.n && !w->err->code; k++) {
			struct str name = plain_name(names.name[k]);
			char *quoted = rewrite_quote(w, name, '"');
			int skip = 0;

			if (exclude) {
				struct tok *e = is(exclude, "(") ? exclude->next : exclude, *e_last = is(exclude, "(") ? exclude->match : exclude->next;

				for (; e != e_last; e = e->next)
					skip |= rewrite_named(e) && rewrite_same_name(rewrite_bare(w, e), name);
			}
			if (columns && is(columns->next->next, "json_array")) {
				skip = 1;
				for (t = columns->next->next->next; t != columns->next->match && skip; t = t->next)
					skip = t->kind != TOKEN_STRING || !rewrite_same_name(rewrite_bare(w, t), name);
			}
			if (regex && !skip)
				skip = regex_find(regex, name, 0, NULL, 0, w->err) != 1;
			if (skip || w->err->code)
				continue;
			if (any++)
				put(w, item->first, item->first, ",");
			if (columns) {
				struct tok *c = rewrite_copy(w, item->first, item->last, item->first);

				for (; c != item->first; c = c->next)
					if (is(c, "columns") && is(c->next, "(")) {
						struct tok *made = put(w, c, c, "%s", quoted);

						rewrite_cut(c, c->next->match);
						c = made;
					}
				continue;
			}
			if (replace) {
				struct items with = split(w, replace->next, replace->match->prev);
				int r;

				for (r = 0; r < with.n && !(with.item[r].alias && rewrite_same_name(rewrite_bare(w, with.item[r].alias), name)); r++)
					;
				if (r < with.n) {
					rewrite_copy(w, with.item[r].first, with.item[r].last, item->first);
					put(w, item->first, item->first, "AS %s", quoted);
					continue;
				}
			}
			if (star != item->first)
				rewrite_copy(w, item->first, star->prev, item->first);
			put(w, item->first, item->first, "%s", quoted);
			for (t = rename; t && t != item->last && !is(t, ")"); t = t->next)      /* (a AS b, …) */
				if (is(t->next, "as") && rewrite_named(t) && rewrite_same_name(rewrite_bare(w, t), name))
					put(w, item->first, t, "AS %s", rewrite_quote(w, rewrite_bare(w, t->next->next), '"'));
		}
		regex_free(regex);
		if (!w->err->code && !any)
			rewrite_fail(w, item->first, "no column is left of this");
		t = item->alias ? item->alias : item->last;
		rewrite_cut(item->first, t);
		buf_release(&list);
	}
	parse(s->select, s);
}

/* Words that stand in expressions and are no columns there, though an item may be called so. */
static int
is_word_of_window(const struct tok *t)
{
	return is(t->prev, "over") || is(t->prev, "nulls") || is(t->prev, "current") || is(t, "desc") || is(t, "asc") || is(t, "current") || is(t, "unbounded") ||
	       is(t->next, "preceding") || is(t->next, "following");
}

/* SELECT x * 2 AS y, y + 1 AS z: a name that an item before it was given, and that is no column of the sources, stands for what it names. */
static void
earlier_names(struct work *w, struct select *s)
{
	struct items items = split(w, s->list, s->list_last);
	struct names columns = { .w = w };
	int asked = 0;

	for (int i = 1; i < items.n && !w->err->code; i++) {
		struct item *item = &items.item[i];

		for (struct tok *t = item->first; t != item->last->next && t->kind != TOKEN_END && !w->err->code; t = t->next) {
			struct item *of = NULL;
			int is_column = 0;

			if (is(t, "(") && (is_query(t->next) || is(t->prev, "grouping") || is(t->prev, "grouping_id")))
				t = t->match;
			if (!rewrite_named(t) || is(t->next, "(") || is(t->next, ".") || is(t->prev, ".") || is(t->prev, "as") ||
			    (t->kind == TOKEN_WORD && token_reserved(t->text)) || is_word_of_window(t))
				continue;
			for (int k = 0; k < i; k++)
				if (items.item[k].alias && !items.item[k].alias->alias && rewrite_same_name(rewrite_bare(w, items.item[k].alias), rewrite_bare(w, t)))
					of = &items.item[k];
			if (!of)
				continue;
			if (!asked++ && s->clause[FROM]) {
				struct err unsaid = {0}, *err = w->err;

				w->err = &unsaid;       /* what is wrong with the sources is told where the statement is */
				columns = ask_columns(w, "*", s->clause[FROM], clause_end(s, FROM)->next);
				w->err = err;
				if (unsaid.code)
					return;
			}
			for (int k = 0; k < columns.n && !is_column; k++)
				is_column = rewrite_same_name(columns.name[k], rewrite_bare(w, t));
			if (is_column)
				continue;
			struct tok *open = put(w, t, t, "( )");

			rewrite_copy(w, of->first, of->last, open->match);
			open->blank = t->blank;
			item->first = t == item->first ? open : item->first;
			item->last = t == item->last ? open->match : item->last;
			rewrite_cut(t, t);
			t = open->match;
		}
	}
	parse(s->select, s);
}

/* ---- GROUP BY ALL, ORDER BY ALL */

static void
group_all(struct work *w, struct select *s)
{
	struct tok *group = s->clause[GROUP], *order = s->clause[ORDER];
	struct buf list = {0};

	if (group && is(group->next->next, "all") && clause_end(s, GROUP) == group->next->next) {
		struct items items = split(w, s->list, s->list_last);

		for (int i = 0; i < items.n; i++) {
			if (is_star(&items.item[i])) {
				rewrite_fail(w, group, "GROUP BY ALL wants the columns by name, not *");
				break;
			}
			if (!aggregates(items.item[i].first, items.item[i].last) && !windows(items.item[i].first, items.item[i].last))
				buf_printf(&list, "%s%d", list.n ? ", " : "", i + 1);
		}
		if (list.n) {
			put(w, group->next->next, group->next->next, "%s", buf_text(&list));
			rewrite_cut(clause_end(s, GROUP), clause_end(s, GROUP));
		} else {
			rewrite_cut(group, group->next->next);
		}
	}
	if (order && is(order->next->next, "all")) {
		struct tok *all = order->next->next;
		int n = split(w, s->list, s->list_last).n;
		struct buf down = {0};

		for (struct tok *t = all->next; t != clause_end(s, ORDER)->next; t = t->next) {
			buf_lit(&down, " ");
			buf_str(&down, t->text);
		}
		buf_clear(&list);
		for (int i = 0; i < n; i++)
			buf_printf(&list, "%s%d%s", i ? ", " : "", i + 1, down.n ? buf_text(&down) : "");
		put(w, all, all, "%s", buf_text(&list));
		rewrite_cut(all, clause_end(s, ORDER));
		buf_release(&down);
	}
	buf_release(&list);
	parse(s->select, s);
}

/* ---- grouping sets */

struct sets { struct item *by; int n_by; uint64_t set[SETS_MOST]; int n; struct items items; };     /* items: of the SELECT, by whose names it may group */

static int
set_of(struct work *w, struct sets *sets, struct tok *first, struct tok *last)   /* the bit of one expression */
{
	for (int i = 0; i < sets->n_by; i++)
		if (rewrite_same(sets->by[i].first, sets->by[i].last, first, last))
			return i;
	if (sets->n_by == 64) {
		rewrite_fail(w, first, "more than 64 columns to group by");
		return 0;
	}
	sets->by[sets->n_by] = (struct item){ .first = first, .last = last };
	return sets->n_by++;
}

static uint64_t
bits_of(struct work *w, struct sets *sets, struct tok *first, struct tok *last)  /* of "a", "(a, b)" or "()" */
{
	uint64_t bits = 0;

	if (is(first, "(") && first->match == last) {
		if (first->next == last)
			return 0;
		struct items items = split(w, first->next, last->prev);

		for (int i = 0; i < items.n; i++)
			bits |= 1ull << set_of(w, sets, items.item[i].first, items.item[i].last);
		return bits;
	}
	return 1ull << set_of(w, sets, first, last);
}

/* One element of GROUP BY as the sets it stands for. */
static int
element(struct work *w, struct sets *sets, struct tok *first, struct tok *last, uint64_t *out)
{
	struct tok *open = is(first, "grouping") ? first->next->next : first->next;
	int n = 0;

	if (is(first, "rollup") || is(first, "cube") || (is(first, "grouping") && is(first->next, "sets"))) {
		if (!is(open, "(") || open->match != last || open->next == last) {
			rewrite_fail(w, first, "%.*s wants a list in brackets", (int)first->text.n, first->text.p);
			return 0;
		}
		struct items items = split(w, open->next, last->prev);

		if (is(first, "grouping")) {
			for (int i = 0; i < items.n && !w->err->code; i++) {
				struct tok *a = items.item[i].first, *b = items.item[i].last;

				if (is(a, "rollup") || is(a, "cube") || is(a, "grouping"))
					n += n < SETS_MOST ? element(w, sets, a, b, out + n) : 0;
				else if (n < SETS_MOST)
					out[n++] = bits_of(w, sets, a, b);
			}
			return n;
		}
		uint64_t bits[64];

		if (items.n > (is(first, "cube") ? 7 : 64)) {
			rewrite_fail(w, first, "too many columns in %.*s", (int)first->text.n, first->text.p);
			return 0;
		}
		for (int i = 0; i < items.n; i++)
			bits[i] = bits_of(w, sets, items.item[i].first, items.item[i].last);
		if (is(first, "rollup")) {
			for (int k = items.n; k >= 0; k--) {
				out[n] = 0;
				for (int i = 0; i < k; i++)
					out[n] |= bits[i];
				n++;
			}
		} else {
			for (int mask = (1 << items.n) - 1; mask >= 0; mask--) {
				out[n] = 0;
				for (int i = 0; i < items.n; i++)
					if (mask & 1 << (items.n - 1 - i))
						out[n] |= bits[i];
				n++;
			}
		}
		return n;
	}
	out[0] = bits_of(w, sets, first, last);
	return 1;
}

/* In a copied list: what the set leaves out is NULL, GROUPING(x) is known. */
static void
leave_out(struct work *w, const struct sets *sets, uint64_t set, struct tok *first, struct tok *after)
{
	for (struct tok *t = first; t != after && t->kind != TOKEN_END && !w->err->code; t = t->next) {
		if ((is(t, "grouping") || is(t, "grouping_id")) && is(t->next, "(")) {
			struct items items = split(w, t->next->next, t->next->match->prev);
			long value = 0;

			for (int i = 0; i < items.n; i++) {
				struct item of = items.item[i];
				int out = 1;

				for (int k = 0; k < sets->items.n && of.first == of.last; k++)
					if (sets->items.item[k].alias && rewrite_same_name(rewrite_bare(w, sets->items.item[k].alias), rewrite_bare(w, of.first)))
						of = sets->items.item[k];
				for (int k = 0; k < sets->n_by; k++)
					if ((set >> k & 1) && (rewrite_same(sets->by[k].first, sets->by[k].last, of.first, of.last) ||
					    rewrite_same(sets->by[k].first, sets->by[k].last, items.item[i].first, items.item[i].last)))
						out = 0;
				value = 2 * value + out;
			}
			struct tok *made = put(w, t, t, "%ld", value);

			rewrite_cut(t, t->next->match);
			t = made;
			continue;
		}
		if (rewrite_named(t) && is(t->next, "(") && functions_is_aggregate(t->text)) {
			t = t->next->match;
			continue;
		}
		if (is(t->prev, ".") || is(t->prev, "as"))
			continue;
		for (int k = 0; k < sets->n_by; k++) {
			struct tok *a = sets->by[k].first, *b = t;

			if (set >> k & 1)
				continue;
			for (; a != sets->by[k].last && rewrite_same(a, a, b, b); a = a->next, b = b->next)
				;
			if (a != sets->by[k].last || !rewrite_same(a, a, b, b) || is(b->next, "(") || is(b->next, "."))
				continue;
			struct tok *made = put(w, t, t, "NULL");

			rewrite_cut(t, b);
			t = made;
			break;
		}
	}
}

/* Does GROUP BY speak of sets? WITH ROLLUP behind it is said as ROLLUP (…) then. */
static int
has_sets(struct work *w, const struct select *s)
{
	struct tok *group = s->clause[GROUP];
	int any = 0;

	for (struct tok *t = group->next->next; t != clause_end(s, GROUP)->next; t = t->next) {
		if (is(t, "("))
			t = t->match;
		else if (((is(t, "rollup") || is(t, "cube")) && is(t->next, "(")) || (is(t, "grouping") && is(t->next, "sets")))
			any = 1;
		else if (is(t, "with") && is(t->next, "rollup")) {      /* GROUP BY a, b WITH ROLLUP */
			struct tok *last = t->prev;

			rewrite_cut(t, t->next);
			rewrite_wrap(w, group->next->next, last, "ROLLUP (", ")");
			any = 1;
			break;
		}
	}
	return any;
}

/* Each element of GROUP BY gives some sets; the whole is every one of each beside every one of the others. NULL: it has failed. */
static struct sets *
gather_sets(struct work *w, const struct select *s)
{
	struct tok *group = s->clause[GROUP];
	struct sets *sets = arena_get(w->arena, sizeof(*sets));
	struct items elements;

	if (!sets || !(sets->by = arena_get(w->arena, 64 * sizeof(*sets->by)))) {
		rewrite_fail(w, group, "the statement grows beyond bounds");
		return NULL;
	}
	sets->n_by = 0, sets->n = 1, sets->set[0] = 0;
	elements = split(w, group->next->next, clause_end(s, GROUP));
	for (int i = 0; i < elements.n && !w->err->code; i++) {
		uint64_t with[SETS_MOST + 64], product[SETS_MOST];
		struct item *e = &elements.item[i];
		int n = element(w, sets, e->first, e->alias ? e->alias : e->last, with), total = 0;

		if ((long)n * sets->n > SETS_MOST) {
			rewrite_fail(w, e->first, "more than %d grouping sets", SETS_MOST);
			return NULL;
		}
		for (int a = 0; a < sets->n; a++)
			for (int b = 0; b < n; b++)
				product[total++] = sets->set[a] | with[b];
		memcpy(sets->set, product, (size_t)total * sizeof(*product));
		sets->n = total;
	}
	return sets;
}

/* A number or an alias stands for its item. */
static void
find_items(struct work *w, struct sets *sets)
{
	const struct items *items = &sets->items;

	for (int k = 0; k < sets->n_by; k++) {
		struct item *by = &sets->by[k];
		int n = by->first->kind == TOKEN_NUMBER ? atoi(by->first->text.p) : 0;

		if (by->first != by->last)
			continue;
		if (n >= 1 && n <= items->n)
			*by = (struct item){ .first = items->item[n - 1].first, .last = items->item[n - 1].last };
		else
			for (int i = 0; i < items->n; i++)
				if (items->item[i].alias && !items->item[i].alias->alias && rewrite_same_name(rewrite_bare(w, items->item[i].alias), rewrite_bare(w, by->first)))
					*by = (struct item){ .first = items->item[i].first, .last = items->item[i].last };
	}
}

/* The SELECT of one set, in front of `close`. */
static void
put_set(struct work *w, const struct select *s, struct sets *sets, uint64_t set, struct tok *close)
{
	struct tok *place = s->select, *group = s->clause[GROUP], *list_from = s->clause[FROM] ? s->clause[FROM] : group;
	int has = 0, some = 0;

	put(w, close, place, s->distinct ? "SELECT DISTINCT" : "SELECT");
	for (int i = 0; i < sets->items.n; i++) {
		struct item *item = &sets->items.item[i];
		struct str name = item_name(w, item);
		struct tok *first;

		if (i)
			put(w, close, place, ",");
		first = rewrite_copy(w, item->first, item->last, close);
		first->blank = 1;
		leave_out(w, sets, set, first, close);
		some |= aggregates(item->first, item->last);
		if (name.p)
			put(w, close, item->first, "AS %s", rewrite_quote(w, name, '"'));
	}
	if (list_from != group)
		rewrite_copy(w, list_from, group->prev, close)->blank = 1;
	for (int k = 0; k < sets->n_by; k++)
		if (set >> k & 1) {
			put(w, close, place, has++ ? "," : "GROUP BY");
			rewrite_copy(w, sets->by[k].first, sets->by[k].last, close)->blank = 1;
		}
	if (!has && !some && !s->clause[HAVING])
		put(w, close, place, "HAVING count(*) >= 0");
	if (s->clause[HAVING]) {
		struct tok *having = rewrite_copy(w, s->clause[HAVING], clause_end(s, HAVING), close);

		having->blank = 1;
		leave_out(w, sets, set, having, close);
	}
	if (s->clause[WINDOW] && !s->clause[QUALIFY])
		rewrite_copy(w, s->clause[WINDOW], clause_end(s, WINDOW), close)->blank = 1;
}

/* An ORDER BY that repeats an item's expression means that column. */
static void
order_by_items(struct work *w, const struct select *s, const struct items *items)
{
	struct items order = split(w, s->clause[ORDER]->next->next, clause_end(s, ORDER));

	for (int i = 0; i < order.n; i++) {
		struct tok *first = order.item[i].first, *last = order.item[i].alias ? order.item[i].alias : order.item[i].last;

		while (last != first && (is(last, "desc") || is(last, "asc") || is(last, "first") || is(last, "last") || is(last, "nulls")))
			last = last->prev;
		for (int k = 0; k < items->n; k++)
			if (rewrite_same(first, last, items->item[k].first, items->item[k].last)) {
				put(w, first, first, "%d", k + 1);
				rewrite_cut(first, last);
				break;
			}
	}
}

static void
grouping_sets(struct work *w, struct select *s)
{
	struct sets *sets;
	int all_star = 0;

	if (!s->clause[GROUP] || !has_sets(w, s))
		return;
	if (s->clause[QUALIFY])
		rewrite_fail(w, s->clause[QUALIFY], "QUALIFY beside ROLLUP, CUBE or GROUPING SETS, put them into a subquery");
	if (!(sets = gather_sets(w, s)))
		return;
	sets->items = split(w, s->list, s->list_last);
	find_items(w, sets);
	for (int i = 0; i < sets->items.n; i++)
		all_star |= is_star(&sets->items.item[i]);
	if (all_star)
		rewrite_fail(w, s->list, "ROLLUP, CUBE and GROUPING SETS want the columns by name, not *");
	if (w->err->code)
		return;
	/* SELECT * FROM (SELECT … UNION ALL SELECT …) ORDER BY … LIMIT … */
	struct tok *place = s->select, *tail = s->clause[ORDER] && !s->compound ? s->clause[ORDER] : s->clause[LIMIT] && !s->compound ? s->clause[LIMIT] : s->end;
	struct tok *body_last = tail->prev, *open = put(w, place, place, "SELECT * FROM ( )")->next->next->next, *close = open->match;

	for (int n = 0; n < sets->n && !w->err->code; n++) {
		if (n)
			put(w, close, place, "UNION ALL");
		put_set(w, s, sets, sets->set[n], close);
	}
	if (w->err->code)
		return;
	if (s->clause[ORDER] && tail == s->clause[ORDER])
		order_by_items(w, s, &sets->items);
	rewrite_cut(place, body_last);
	parse(open->prev->prev->prev, s);
}

/* ---- DISTINCT ON, QUALIFY */

/* In a copy: an alias stands for its expression, a lone number for the item of that place. */
static void
substitute(struct work *w, const struct items *items, struct tok *first, struct tok *after, int numbers)
{
	for (struct tok *t = first; t != after && !w->err->code; t = t->next) {
		if (is(t->prev, ".") || is(t->next, ".") || is(t->next, "("))
			continue;
		int n = numbers && t->kind == TOKEN_NUMBER && (is(t->prev, ",") || is(t->prev, "by")) ? atoi(t->text.p) : 0;

		for (int i = 0; i < items->n; i++) {
			const struct item *item = &items->item[i];

			if (i + 1 != n && !(rewrite_named(t) && item->alias && !item->alias->alias && rewrite_same_name(rewrite_bare(w, item->alias), rewrite_bare(w, t))))
				continue;
			if (item->first == item->last && item->first->text.n == t->text.n && rewrite_named(t))
				break;
			struct tok *open = put(w, t, t, "( )");

			rewrite_copy(w, item->first, item->last, open->match);
			rewrite_cut(t, t);
			t = open->match;
			break;
		}
	}
}

static void
distinct_on(struct work *w, struct select *s)
{
	struct items items;
	struct tok *last;

	if (!s->on)
		return;
	if (s->clause[QUALIFY]) {
		rewrite_fail(w, s->on, "DISTINCT ON beside QUALIFY");
		return;
	}
	items = split(w, s->list, s->list_last);
	last = (s->clause[ORDER] ? s->clause[ORDER] : s->clause[LIMIT] ? s->clause[LIMIT] : s->end)->prev;
	struct tok *after = last->next;
	struct tok *close = put(w, after, s->distinct, "QUALIFY row_number() OVER (PARTITION BY ) = 1");

	while (!is(close, "over"))
		close = close->next;
	close = close->next->match;
	if (s->on->next != s->on->match) {
		struct tok *c = rewrite_copy(w, s->on->next, s->on->match->prev, close);

		c->blank = 1;
		substitute(w, &items, c, close, 1);
	}
	if (s->clause[ORDER]) {
		struct tok *c = rewrite_copy(w, s->clause[ORDER], clause_end(s, ORDER), close);

		c->blank = 1;
		substitute(w, &items, c, close, 1);
	}
	rewrite_cut(s->distinct, s->on->match);
	parse(s->select, s);
}

/* LIMIT 3 WITH TIES, LIMIT 3 BY a, b: QUALIFY on the place among all rows, or among those of the same a and b. */
static void
limit_by_place(struct work *w, struct select *s)
{
	struct tok *limit = s->clause[LIMIT], *last, *end = NULL, *by = NULL, *more = NULL, *close, *offset = NULL;
	struct items items;

	if (!limit || !(end = rows_end(limit->next)))
		return;
	last = clause_end(s, LIMIT);
	for (struct tok *t = end->next; t != last->next; t = t->next) {
		if (is(t, "("))
			t = t->match;
		by = !by && is(t, "by") ? t : by;
		more = by && is(t, "limit") ? t : more;
		offset = !by && is(t, "offset") ? t : offset;
	}
	int ties = is(last, "ties") && is(last->prev, "with");

	if (!by && !ties)
		return;
	if (s->clause[QUALIFY] || s->compound || s->distinct || (ties && (offset || !s->clause[ORDER])) || by == last || (offset && !rows_end(offset->next))) {
		rewrite_fail(w, limit, ties && !s->clause[ORDER] ? "WITH TIES wants an ORDER BY" : "LIMIT %s beside QUALIFY, DISTINCT, UNION or OFFSET: put the SELECT into a subquery",
		    ties ? "… WITH TIES" : "… BY");
		return;
	}
	items = split(w, s->list, s->list_last);
	struct tok *before = s->clause[ORDER] ? s->clause[ORDER] : limit, *q = put(w, before, limit, "QUALIFY %s() OVER ( )", ties ? "rank" : "row_number");

	q->blank = 1;
	close = q->next->next->next->next->next->match;
	if (by) {
		put(w, close, by, "PARTITION BY");
		struct tok *c = rewrite_copy(w, by->next, (more ? more : last->next)->prev, close);

		c->blank = 1;
		substitute(w, &items, c, close, 0);
	}
	if (s->clause[ORDER]) {
		struct tok *c = rewrite_copy(w, s->clause[ORDER], clause_end(s, ORDER), close);

		c->blank = 1;
		substitute(w, &items, c, close, 1);
	}
	if (offset) {
		struct buf skip = {0}, rows = {0};

		rewrite_text(offset->next, rows_end(offset->next)->next, &skip);
		rewrite_text(limit->next, end->next, &rows);
		put(w, close->next, limit, "BETWEEN %s + 1 AND %s + %s", buf_text(&skip), buf_text(&skip), buf_text(&rows))->blank = 1;
		buf_release(&skip), buf_release(&rows);
	} else {
		rewrite_move(limit->next, end, close->next);
		put(w, close->next, limit, "<=");
	}
	rewrite_cut(limit, more ? more->prev : last);
	parse(s->select, s);
}

/* QUALIFY … WINDOW … as others write it: WINDOW comes first. */
static void
window_first(struct select *s)
{
	struct tok *q = s->clause[QUALIFY], *window = NULL;

	if (!q || s->clause[WINDOW])
		return;
	for (struct tok *t = q->next; t != clause_end(s, QUALIFY)->next; t = t->next) {
		if (is(t, "("))
			t = t->match;
		else if (is(t, "window") && is(t->next->next, "as"))
			window = t;
	}
	if (!window)
		return;
	rewrite_move(window, clause_end(s, QUALIFY), q);
	q->blank = 1;
	parse(s->select, s);
}

static void
qualify(struct work *w, struct select *s)
{
	struct tok *q = s->clause[QUALIFY], *limit = s->clause[LIMIT], *limit_last, *inner, *close, *open, *cond, *cond_last, *at;
	struct buf list = {0};
	struct items items;
	int star = 0;

	if (!q)
		return;
	items = split(w, s->list, s->list_last);
	for (int i = 0; i < items.n; i++)
		star |= is_star(&items.item[i]);
	substitute(w, &items, q->next, clause_end(s, QUALIFY)->next, 0);
	limit_last = limit ? clause_end(s, LIMIT) : NULL;
	if (s->compound)
		limit = NULL;
	if (star) {
		struct names names;
		struct buf sql = {0};

		/* SQLite tells columns of one name apart once they come out of a bracket */
		rewrite_text(s->list, s->list_last->next, &sql);
		struct tok *made = put(w, s->clause[FROM] ? s->clause[FROM] : q, q, "FROM (SELECT %s )", buf_text(&sql));

		if (s->clause[FROM])
			rewrite_copy(w, s->clause[FROM], clause_end(s, FROM), made->next->match);
		names = ask_columns(w, "*", made, made->next->match->next);
		rewrite_cut(made, made->next->match);
		for (int i = 0; i < names.n; i++) {
			buf_printf(&list, "%s%s AS ", i ? ", " : "", rewrite_quote(w, names.name[i], '"'));
			buf_lit(&list, rewrite_quote(w, plain_name(names.name[i]), '"'));
		}
		buf_release(&sql);
	} else {
		for (int i = 0; i < items.n; i++) {
			struct item *item = &items.item[i];
			struct str name = item_name(w, item);
			char inner_name[32];

			if (name.p) {
				char *quoted = rewrite_quote(w, name, '"');

				buf_printf(&list, "%s%s", i ? ", " : "", quoted);
				if (item->alias)
					item->alias->prev->alias = 0;   /* it is needed now */
				else
					put(w, item->last->next, item->last, "AS %s", quoted);
				continue;
			}
			snprintf(inner_name, sizeof(inner_name), "expression %d", i + 1);
			buf_printf(&list, "%s\"%s\"", i ? ", " : "", inner_name);
			put(w, item->last->next, item->last, "AS \"%s\"", inner_name);
		}
	}
	if (w->err->code) {
		buf_release(&list);
		return;
	}
	parse(s->select, s);
	q = s->clause[QUALIFY];
	cond = q->next, cond_last = clause_end(s, QUALIFY), at = s->list_last->next;
	if (cond_last == q)
		rewrite_fail(w, q, "QUALIFY wants a condition");
	if (w->err->code) {
		buf_release(&list);
		return;
	}
	/* SELECT list FROM (SELECT items, cond AS " qualify" FROM … ORDER BY …) WHERE " qualify" LIMIT … */
	inner = put(w, s->select, s->select, "SELECT");
	if (s->distinct)
		rewrite_move(s->distinct, s->distinct, s->select);
	put(w, s->select, s->select, "%s FROM", buf_text(&list));
	open = rewrite_wrap(w, s->select, s->end->prev, "(", ")");
	close = open->match;
	buf_release(&list);
	rewrite_move(cond, cond_last, put(w, at, q, ", ( ) AS \" qualify\"")->next->match);
	rewrite_cut(q, q);
	struct tok *behind = close->next;

	put(w, behind, q, "WHERE \" qualify\"")->blank = 1;
	if (limit)
		rewrite_move(limit, limit_last, behind);
	parse(inner, s);
}

/* ---- PIVOT */

struct pivot { struct work *w; struct buf *list; struct items *uses; struct str on; int n; };

static int
pivot_value(void *self, struct str text, struct str literal, struct err *err)
{
	struct pivot *p = self;

	if (++p->n > 500)
		return err_set(err, ERR_LIMIT, "PIVOT on more than 500 values");
	for (int i = 0; i < p->uses->n; i++) {
		struct item *use = &p->uses->item[i];
		struct str name = text;
		struct buf full = {0};

		if (p->uses->n > 1) {
			buf_str(&full, text);
			buf_lit(&full, "_");
			if (use->alias)
				buf_str(&full, rewrite_bare(p->w, use->alias));
			else
				rewrite_text(use->first, use->last->next, &full);
			name = buf_get(&full);
		}
		buf_lit(p->list, p->list->n ? ", " : "");
		rewrite_text(use->first, use->last->next, p->list);
		buf_printf(p->list, " FILTER (WHERE %.*s = ", STR_FMT(p->on));
		buf_str(p->list, literal);
		buf_lit(p->list, ") AS ");
		buf_lit(p->list, rewrite_quote(p->w, name, '"'));
		buf_release(&full);
	}
	return 0;
}

static int
bracket_depth_zero(struct tok *t, const char *word, struct tok **at)    /* find a word at this level from t on */
{
	for (; t->kind != TOKEN_END && !is(t, ")") && !is(t, ";"); t = t->next) {
		if (is(t, "("))
			t = t->match;
		else if (is(t, word)) {
			*at = t;
			return 1;
		}
	}
	return 0;
}

/* PIVOT source ON column [IN (…)] USING aggregate, … [GROUP BY …] [ORDER BY …] [LIMIT …] */
static void
pivot(struct work *w, struct tok *t)
{
	struct tok *on = NULL, *using = NULL, *group = NULL, *in = NULL, *end, *source = t->next, *source_last, *on_last, *group_last = NULL;
	struct buf source_text = {0}, on_text = {0}, list = {0}, by = {0}, sql = {0};
	struct items uses = {0};
	struct item count = {0};

	for (end = t; end->kind != TOKEN_END && !is(end, ")") && !is(end, ";"); end = end->next)
		if (is(end, "("))
			end = end->match;
	if (!bracket_depth_zero(t, "on", &on)) {
		rewrite_fail(w, t, "PIVOT wants ON a column, such as PIVOT events ON source USING count(*)");
		return;
	}
	bracket_depth_zero(on, "using", &using);
	bracket_depth_zero(on, "group", &group);
	bracket_depth_zero(on, "in", &in);
	source_last = on->prev;
	struct tok *tail = end;

	for (struct tok *i = on; i != end; i = i->next) {
		if (is(i, "("))
			i = i->match;
		else if (is(i, "order") || is(i, "limit")) {
			tail = i;
			break;
		}
	}
	on_last = (in ? in : using ? using : group ? group : tail)->prev;
	if (group)
		group_last = tail->prev;
	if (using)
		uses = split(w, using->next, (group ? group : tail)->prev);
	if (!uses.n) {
		count.first = put(w, end, t, "count(*)");
		count.last = count.first->next->match;
		uses = (struct items){ .item = &count, .n = 1 };
	}
	rewrite_text(source, on, &source_text);
	rewrite_text(on->next, on_last->next, &on_text);
	if (is(source, "select") || (is(source, "(") && source->match == source_last)) {
		buf_clear(&source_text);
		buf_lit(&source_text, is(source, "(") ? "" : "(");
		rewrite_text(source, on, &source_text);
		buf_lit(&source_text, is(source, "(") ? "" : ")");
	}
	struct pivot p = { .w = w, .list = &list, .uses = &uses, .on = buf_get(&on_text) };

	if (in && is(in->next, "(")) {
		struct items values = split(w, in->next->next, in->next->match->prev);

		for (int i = 0; i < values.n && !w->err->code; i++) {
			struct buf literal = {0};
			struct tok *v = values.item[i].first, *name = values.item[i].alias ? values.item[i].alias : v;

			rewrite_text(v, values.item[i].last->next, &literal);
			pivot_value(&p, rewrite_bare(w, name), buf_get(&literal), w->err);
			buf_release(&literal);
		}
	} else if (w->host && w->host->values && w->asked++ < ASK_MOST) {
		scope(t, &sql);
		buf_printf(&sql, "SELECT DISTINCT %s FROM %s WHERE ", buf_text(&on_text), buf_text(&source_text));
		buf_printf(&sql, "%s IS NOT NULL ORDER BY 1", buf_text(&on_text));
		if (w->host->values(w->host->self, buf_text(&sql), pivot_value, &p, w->err) < 0 && !w->err->col)
			w->err->col = (long)on->at + 1;
	} else {
		rewrite_fail(w, t, "PIVOT wants IN (…) here");
	}
	if (group) {
		rewrite_text(group->next->next, group_last->next, &by);
	} else if (!w->err->code) {     /* by every column that neither ON nor USING names */
		struct tok *from = put(w, t, t, "FROM %s", buf_text(&source_text));
		struct names names = ask_columns(w, "*", from, t);

		rewrite_cut(from, t->prev);
		for (int i = 0; i < names.n; i++) {
			int used = 0;

			for (struct tok *k = on; k != tail; k = k->next)
				used |= rewrite_named(k) && rewrite_same_name(rewrite_bare(w, k), names.name[i]);
			if (!used)
				buf_printf(&by, "%s%s", by.n ? ", " : "", rewrite_quote(w, names.name[i], '"'));
		}
	}
	if (!w->err->code) {
		struct tok *select = put(w, t, t, "SELECT %s", by.n ? buf_text(&by) : "");

		select->blank = t->blank;
		put(w, t, t, "%s%s FROM", by.n && list.n ? ", " : "", list.n ? buf_text(&list) : by.n ? "" : "NULL");
		if (is(source, "select"))
			put(w, t, t, "%s", buf_text(&source_text));
		else
			rewrite_copy(w, source, source_last, t);
		if (by.n)
			put(w, t, t, "GROUP BY %s", buf_text(&by));
		rewrite_cut(t, (tail == end ? (count.first ? count.last : end->prev) : tail->prev));
		if (count.first && tail != end)
			rewrite_cut(count.first, count.last);
	}
	buf_release(&source_text), buf_release(&on_text), buf_release(&list), buf_release(&by), buf_release(&sql);
}

/* FROM source PIVOT (aggregate FOR column IN (a, b)) is (PIVOT source ON column IN (a, b) USING aggregate) */
static void
pivot_in_from(struct work *w, struct tok *t)
{
	struct tok *open = t->next, *close = open->match, *source = t->prev, *for_ = NULL, *in = NULL;

	for (;; source = source->prev) {        /* a table, a call or a SELECT in brackets, with its name */
		source = is(source, ")") ? source->match : source;
		if (is(source->prev, "from") || is(source->prev, "join") || is(source->prev, ",") || is(source->prev, "(") || source->prev->kind == TOKEN_END)
			break;
	}
	bracket_depth_zero(open->next, "for", &for_);
	if (for_)
		bracket_depth_zero(for_, "in", &in);
	if (!for_ || !in || !is(in->next, "(") || for_ == open->next) {
		rewrite_fail(w, t, "PIVOT (…) wants an aggregate, FOR a column and IN (…)");
		return;
	}
	struct tok *use = open->next, *use_last = for_->prev, *rest = in->next->match->next;
	struct tok *start = put(w, source, source, "(PIVOT ON USING )");
	struct tok *stop = start->match, *on = start->next->next, *using = on->next;

	rewrite_move(source, t->prev, on);
	rewrite_move(for_->next, in->next->match, using);
	rewrite_move(use, use_last, stop);
	if (rest != close)
		rewrite_move(rest, close->prev, stop);
	rewrite_cut(t, close);
	pivot(w, start->next);
}

/* ---- UNPIVOT */

/* From `source … source_last` the columns `first … last` become rows: their names in `name`, what they hold in `value … value_last`, several
 * where columns are taken by twos. As a SELECT: each row once for each, without those that hold NULL unless nulls. */
static void
put_unpivoted(struct work *w, struct tok *before, struct tok *place, struct tok *source, struct tok *source_last, struct tok *first, struct tok *last,
    struct str name, struct tok *value, struct tok *value_last, int nulls)
{
	struct tok *asked = put(w, before, place, "(SELECT FROM )"), *from = asked->next->next, *close = asked->match;
	struct items items, values = {0};
	struct names names;
	struct buf list = {0}, numbers = {0};
	struct select s;

	rewrite_copy(w, first, last, from)->blank = 1;
	rewrite_copy(w, source, source_last, close)->blank = 1;
	parse(asked->next, &s);
	stars(w, &s);
	names = ask_columns(w, "*", from, close);
	if (w->err->code)
		return;
	items = split(w, s.list, s.list_last);
	if (value)
		values = split(w, value, value_last);
	if (items.n == 1 && is_star(&items.item[0])) {
		rewrite_fail(w, first, "UNPIVOT of all columns leaves none beside them: name them, or COLUMNS(* EXCLUDE (a))");
		return;
	}
	for (int i = 0; i < names.n; i++) {
		int used = 0;

		for (struct tok *t = s.list; t != s.list_last->next; t = t->next)
			used |= rewrite_named(t) && !is(t->prev, "as") && rewrite_same_name(rewrite_bare(w, t), names.name[i]);
		if (!used)
			buf_printf(&list, "%s, ", rewrite_quote(w, names.name[i], '"'));
	}
	struct buf inner = {0}, outer = {0}, there = {0};
	char *name_quoted = rewrite_quote(w, name, '"');
	int n_values = values.n ? values.n : 1;

	buf_printf(&inner, "%sCASE \" n\"", buf_text(&list));
	buf_printf(&outer, "%s%s", list.n ? buf_text(&list) : "", name_quoted);
	for (int i = 0; i < items.n; i++) {
		struct item *item = &items.item[i];
		struct buf said = {0};

		if (item->alias)
			buf_str(&said, rewrite_bare(w, item->alias));
		else if (is(item->first, "("))          /* (a, b) is called a_b */
			for (struct tok *t = item->first->next; t != item->last; t = t->next)
				is(t, ",") ? buf_lit(&said, "_") : buf_str(&said, rewrite_bare(w, t));
		else
			buf_str(&said, rewrite_bare(w, item->last));
		buf_printf(&inner, " WHEN %d THEN %s", i + 1, rewrite_quote(w, buf_get(&said), '\''));
		buf_printf(&numbers, "%sSELECT %d AS \" n\"", i ? " UNION ALL " : "", i + 1);
		buf_release(&said);
	}
	buf_printf(&inner, " END AS %s", name_quoted);
	for (int v = 0; v < n_values; v++) {
		char *value_quoted = rewrite_quote(w, values.n ? rewrite_bare(w, values.item[v].first) : STR("value"), '"');

		buf_lit(&inner, ", CASE \" n\"");
		for (int i = 0; i < items.n && !w->err->code; i++) {
			struct item *item = &items.item[i];
			struct items of = is(item->first, "(") && item->first->match == item->last ? split(w, item->first->next, item->last->prev) : (struct items){ .item = item, .n = 1 };

			if (of.n != n_values) {
				rewrite_fail(w, item->first, "UNPIVOT into %d columns wants %d names here", n_values, n_values);
				break;
			}
			buf_printf(&inner, " WHEN %d THEN ", i + 1);
			rewrite_text(of.item[v].first, of.item[v].last->next, &inner);
		}
		buf_printf(&inner, " END AS %s", value_quoted);
		buf_printf(&outer, ", %s", value_quoted);
		buf_printf(&there, "%s%s IS NOT NULL", v ? " OR " : "", value_quoted);
	}
	rewrite_cut(asked, close);
	if (!w->err->code) {
		put(w, before, place, "SELECT %s FROM", buf_text(&outer));
		struct tok *open = put(w, before, place, "(SELECT %s FROM )", buf_text(&inner));

		open->blank = 1;
		rewrite_copy(w, source, source_last, open->match)->blank = 1;
		put(w, open->match, place, "CROSS JOIN (%s)", buf_text(&numbers))->blank = 1;
		if (!nulls)
			put(w, before, place, "WHERE %s", buf_text(&there))->blank = 1;
	}
	buf_release(&list), buf_release(&numbers), buf_release(&inner), buf_release(&outer), buf_release(&there);
}

/* UNPIVOT source ON a, b [INTO NAME n VALUE v], as DuckDB has it. */
static void
unpivot(struct work *w, struct tok *t)
{
	struct tok *source = t->next, *on = NULL, *into = NULL, *end, *value = NULL, *last;
	int nulls = is(source, "include") && is(source->next, "nulls");
	struct str name = STR("name");

	if (nulls || (is(source, "exclude") && is(source->next, "nulls")))
		source = source->next->next;
	for (end = t; end->kind != TOKEN_END && !is(end, ")") && !is(end, ";") && !is(end, "order") && !is(end, "limit"); end = end->next)
		if (is(end, "("))
			end = end->match;
	if (!bracket_depth_zero(source, "on", &on) || on->next == end || on == source) {
		rewrite_fail(w, t, "UNPIVOT wants ON the columns, such as UNPIVOT t ON a, b INTO NAME name VALUE value");
		return;
	}
	last = end->prev;
	if (bracket_depth_zero(on, "into", &into)) {
		if (!is(into->next, "name") || !rewrite_named(into->next->next) || !is(into->next->next->next, "value") || into->next->next->next->next == end) {
			rewrite_fail(w, into, "INTO wants NAME and VALUE, such as INTO NAME metric VALUE amount");
			return;
		}
		name = rewrite_bare(w, into->next->next);
		value = into->next->next->next->next;
		last = into->prev;
	}
	put_unpivoted(w, t, t, source, on->prev, on->next, last, name, value, end->prev, nulls);
	rewrite_cut(t, end->prev);
}

/* FROM source UNPIVOT (v FOR n IN (a, b)), as the standard has it. */
static void
unpivot_in_from(struct work *w, struct tok *t)
{
	struct tok *open = t->next, *close, *source = t->prev, *for_ = NULL, *in, *value, *value_last, *box;
	int nulls = is(open, "include");

	open = is(open, "(") ? open : open->next->next;
	close = open->match;
	for (;; source = source->prev) {
		source = is(source, ")") ? source->match : source;
		if (is(source->prev, "from") || is(source->prev, "join") || is(source->prev, ",") || is(source->prev, "(") || source->prev->kind == TOKEN_END)
			break;
	}
	if (!bracket_depth_zero(open->next, "for", &for_) || !rewrite_named(for_->next) || !is(in = for_->next->next, "in") || !is(in->next, "(") || in->next->match->next != close || for_ == open->next) {
		rewrite_fail(w, t, "UNPIVOT (…) wants a name for the values, FOR one for the columns and IN (…)");
		return;
	}
	value = open->next, value_last = for_->prev;
	if (is(value, "(") && value->match == value_last)
		value = value->next, value_last = value_last->prev;
	box = put(w, source, source, "( )");
	put_unpivoted(w, box->match, t, source, t->prev, in->next->next, in->next->match->prev, rewrite_bare(w, for_->next), value, value_last, nulls);
	rewrite_cut(source, close);
}

/* ---- EXCEPT ALL, INTERSECT ALL, UNION BY NAME */

static struct names
ask_query(struct work *w, struct tok *first, struct tok *after)         /* what its columns are called */
{
	struct names names = { .w = w };
	struct buf sql = {0};

	if (!w->host || !w->host->columns || w->asked++ > ASK_MOST) {
		rewrite_fail(w, first, "the columns of this are not known here");
		return names;
	}
	scope(first, &sql);
	rewrite_text(first, after, &sql);
	if (w->host->columns(w->host->self, buf_text(&sql), add_name, &names, w->err) < 0 && !w->err->col)
		w->err->col = (long)first->at + 1;
	buf_release(&sql);
	return names;
}

static void
put_names(struct work *w, const struct names *names, struct buf *to)
{
	for (int i = 0; i < names->n; i++)
		buf_printf(to, "%s%s", i ? ", " : "", rewrite_quote(w, names->name[i], '"'));
}

static int
has_name(const struct names *names, struct str name)
{
	for (int i = 0; i < names->n; i++)
		if (rewrite_same_name(names->name[i], name))
			return 1;
	return 0;
}

/* `first … last` becomes SELECT list FROM (first … last). Its first token. */
static struct tok *
put_around(struct work *w, struct tok *first, struct tok *last, const char *list)
{
	struct tok *open = rewrite_wrap(w, first, last, "(", ")"), *select = put(w, open, first, "SELECT %s FROM", list);

	select->blank = open->blank = 1;
	return select;
}

/* Where a row is there several times, each is numbered, so that they are different rows. */
static void
count_copies(struct work *w, struct tok *op, struct tok *first, struct tok *right, struct tok *last, const struct names *left, const struct names *others)
{
	struct buf own = {0}, numbered = {0}, list = {0};
	struct tok *open;

	put_names(w, left, &own);
	buf_printf(&numbered, "%s, row_number() OVER (PARTITION BY %s) AS \" copy\"", buf_text(&own), buf_text(&own));
	open = rewrite_wrap(w, first = put_around(w, first, op->prev, buf_text(&numbered)), last, "(", ")");
	buf_clear(&numbered);
	put_names(w, others, &list);
	buf_printf(&numbered, "%s, row_number() OVER (PARTITION BY %s)", buf_text(&list), buf_text(&list));
	put_around(w, right, last, buf_text(&numbered));
	buf_clear(&list);
	for (int i = 0; i < left->n; i++) {
		buf_printf(&list, "%s%s", i ? ", " : "", rewrite_quote(w, left->name[i], '"'));
		buf_printf(&list, " AS %s", rewrite_quote(w, plain_name(left->name[i]), '"'));
	}
	put(w, open, open, "SELECT %s FROM", buf_text(&list))->blank = 1;
	rewrite_cut(op->next, op->next);
	buf_release(&own), buf_release(&numbered), buf_release(&list);
}

/* Columns of one name come together, and what one side does not have is NULL there. */
static void
match_names(struct work *w, struct tok *op, struct tok *by, struct tok *first, struct tok *right, struct tok *last, const struct names *left, const struct names *others)
{
	struct buf list[2] = {{0}, {0}};
	const struct names *sides[2] = { left, others };

	for (int of = 0; of < 2; of++)
		for (int i = 0; i < sides[of]->n; i++) {
			struct str name = sides[of]->name[i];
			char *quoted = rewrite_quote(w, name, '"');

			for (int side = 0; side < 2 && !(of && has_name(left, name)); side++)
				buf_printf(&list[side], "%s%s%s", list[side].n ? ", " : "", has_name(sides[side], name) ? "" : "NULL AS ", quoted);
		}
	put_around(w, first, op->prev, buf_text(&list[0]));
	put_around(w, right, last, buf_text(&list[1]));
	rewrite_cut(by, by->next);
	buf_release(&list[0]), buf_release(&list[1]);
}

static void
set_operator(struct work *w, struct tok *op)
{
	struct tok *by = is(op->next, "all") ? op->next->next : op->next, *first = compound_start(op), *last, *right;
	struct names left, others;

	by = is(by, "by") && is(by->next, "name") ? by : NULL;
	right = by ? by->next->next : op->next->next;
	for (last = right; last->next->kind != TOKEN_END && !is(last->next, ")") && !is(last->next, ";") && !is_set_operator(last->next) &&
	     !is(last->next, "order") && !is(last->next, "limit"); last = last->next)
		if (is(last->next, "("))
			last = last->next->match->prev;
	left = ask_query(w, first, op);
	if (!w->err->code)
		others = ask_query(w, right, last->next);
	if (!w->err->code && !by && left.n != others.n)
		rewrite_fail(w, op, "%.*s ALL of %d columns and %d", STR_FMT(op->text), left.n, others.n);
	if (w->err->code)
		return;
	if (by)
		match_names(w, op, by, first, right, last, &left, &others);
	else
		count_copies(w, op, first, right, last, &left, &others);
}

/* ---- all together */

enum { PIVOTED, SELECTED, COMBINED };           /* what is mended at one place, in this order among those of one depth */

struct place { struct tok *tok; int depth, select, order; };

static int
place_of(const struct tok *t)
{
	if (is(t, "pivot") || is(t, "unpivot"))
		return PIVOTED;
	if (is(t, "select"))
		return SELECTED;
	if (is_set_operator(t) && ((!is(t, "union") && is(t->next, "all")) || (is(t, "union") && (is(t->next, "by") || (is(t->next, "all") && is(t->next->next, "by"))))))
		return COMBINED;
	return -1;
}

static int
by_depth(const void *a, const void *b)          /* the deepest first; PIVOT before the SELECT it stands in; then as they stand */
{
	const struct place *x = a, *y = b;

	if (x->depth != y->depth)
		return x->depth < y->depth ? 1 : -1;
	return x->select != y->select ? x->select - y->select : (x->order > y->order) - (x->order < y->order);
}

static void mend_pivot(struct work *, struct tok *);

void
rewrite_selects(struct work *w)
{
	static void (*const mend[])(struct work *, struct tok *) = { mend_pivot, mend_select, set_operator };
	struct place *places = NULL;
	size_t n = 0, cap = 0;
	int depth = 0;

	for (struct tok *t = w->head.next; t != &w->head; t = t->next) {
		depth += is(t, "(") - is(t, ")");
		if (place_of(t) < 0 || is(t->prev, ".") || is(t->next, ".") || is(t->next, ","))
			continue;
		if (n == cap) {
			cap = cap ? 2 * cap : 64;
			places = mem_grow(places, cap, sizeof(*places));
		}
		places[n] = (struct place){ t, depth, place_of(t), (int)n };
		n++;
	}
	if (n)
		qsort(places, n, sizeof(*places), by_depth);
	for (size_t i = 0; i < n && !w->err->code; i++)
		mend[places[i].select](w, places[i].tok);
	free(places);
	struct tok *first = w->head.next;

	if (is(first, "explain") && !is(first->next, "query") && (is(first->next, "select") || is(first->next, "with") || is(first->next, "values")))
		put(w, first->next, first, "QUERY PLAN");
}

static void
mend_pivot(struct work *w, struct tok *t)
{
	if (is(t, "unpivot")) {
		if (t->prev->kind == TOKEN_END || is(t->prev, "(") || is(t->prev, "explain") || (is(t->prev, ")") && compound_start(t) == t))
			unpivot(w, t);
		else if (is(t->next, "(") || ((is(t->next, "include") || is(t->next, "exclude")) && is(t->next->next, "nulls") && is(t->next->next->next, "(")))
			unpivot_in_from(w, t);
		return;
	}
	if (is(t->next, "(") && !is(t->next->next, "select") && t->prev->kind != TOKEN_END && !is(t->prev, "("))
		pivot_in_from(w, t);
	else if (t == w->head.next || is(t->prev, "(") || is(t->prev, "explain") || is(t->prev, ")"))
		pivot(w, t);
}

static void
mend_select(struct work *w, struct tok *t)
{
	struct select s;

	parse(t, &s);
	if (s.end == s.list)
		return;
	unnest_items(w, &s);
	if (!w->err->code)
		sources(w, &s);
	if (!w->err->code && s.sample)
		sample(w, &s);
	if (!w->err->code)
		stars(w, &s);
	window_first(&s);
	if (!w->err->code && w->host && w->host->columns)
		earlier_names(w, &s);
	if (!w->err->code)
		group_all(w, &s);
	if (!w->err->code)
		limit_by_place(w, &s);
	if (!w->err->code)
		grouping_sets(w, &s);
	if (!w->err->code)
		distinct_on(w, &s);
	if (!w->err->code)
		qualify(w, &s);
}
