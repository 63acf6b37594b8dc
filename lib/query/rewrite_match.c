/* rewrite_match.c - MATCH_RECOGNIZE as a subquery over match_rows('PROGRAM') (match.h).
 *
 *      FROM t AS x MATCH_RECOGNIZE (PARTITION BY u ORDER BY ts MEASURES FIRST(A.p) AS p PATTERN (A+) DEFINE A AS p > PREV(p)) AS m
 *      FROM (SELECT "00" AS u, "01" AS p FROM match_rows('{"sql":"SELECT u, ts, p FROM t AS x ORDER BY u, ts",…}')) AS m
 *
 * In a condition or measure each value of a row becomes ?1, ?2, …, with the way to its row beside it; what is left is SQL as ever and
 * rewritten as such. The rows' SELECT is rewritten by itself; common table expressions that it may name are put in front of it.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "json/json.h"
#include "pattern/recognize.h"
#include "query/functions.h"
#include "query/match.h"
#include "query/rewrite_priv.h"

#define INPUT_MOST 500          /* columns that are named */
#define SETS_MOST  20

struct set { struct str name; uint64_t bits; };

/* How the rows of an expression's values are found, from its place outwards: PREV(FIRST(A.x, 1), 2). */
struct way { int kind; int64_t logical, physical; int final, navigated; };

struct clause {
	struct work *w;
	struct tok *from, *to;          /* of the source: FROM … MATCH_RECOGNIZE */
	struct tok *body, *end;         /* ( … ) */
	struct tok *partition, *partition_end, *order, *order_end, *measures, *measures_end, *pattern, *define, *define_end;        /* ends are behind */
	struct recognize *recognize;
	struct set set[SETS_MOST];
	int sets;
	int rows, skip;
	uint64_t skip_to;
	int64_t within_ms;              /* -1: no bound */

	struct map known;               /* columns of the source, in small letters; n 0 when it is not known */
	struct str all[INPUT_MOST];     /* the same in their order */
	int n_all;
	struct buf input[INPUT_MOST];   /* what the rows' SELECT selects */
	int inputs;

	struct buf navs;                /* of the expression at hand, JSON */
	struct buf nav[200];
	int n_navs;
	struct buf program, select, with;
};

static int
fail(struct clause *c, const struct tok *at, const char *what)
{
	return rewrite_fail(c->w, at, "%s", what);
}

static int
bad(const struct clause *c)
{
	return c->w->err->code != 0;
}

/* Behind the token, and behind the bracket that it opens. */
static struct tok *
step(struct tok *t)
{
	return rewrite_is(t, "(") ? t->match->next : t->next;
}

static int
words(const struct tok *t, const char *a, const char *b)
{
	return rewrite_is(t, a) && rewrite_is(t->next, b);
}

/* ---- the clauses */

static int
begins_clause(const struct tok *t)
{
	return words(t, "partition", "by") || words(t, "order", "by") || (rewrite_is(t, "measures") && !rewrite_is(t->prev, ".")) ||
	    words(t, "one", "row") || words(t, "all", "rows") || words(t, "after", "match") || (rewrite_is(t, "pattern") && rewrite_is(t->next, "(")) ||
	    (rewrite_is(t, "initial") && rewrite_is(t->next, "pattern")) || (rewrite_is(t, "within") && !rewrite_is(t->next, "group")) ||
	    (rewrite_is(t, "subset") && rewrite_named(t->next)) || (rewrite_is(t, "define") && rewrite_named(t->next));
}

/* The token behind the clause whose first token behind its keywords is t. */
static struct tok *
clause_end(struct clause *c, struct tok *t)
{
	while (t != c->end && !begins_clause(t))
		t = step(t);
	return t;
}

static struct tok *
rows_per_match(struct clause *c, struct tok *t)
{
	int all = rewrite_is(t, "all");

	t = t->next->next;
	if (!words(t, "per", "match"))
		return fail(c, t, "ONE ROW PER MATCH or ALL ROWS PER MATCH"), t;
	t = t->next->next;
	c->rows = all ? MATCH_ALL_ROWS : MATCH_ONE_ROW;
	if (all && (words(t, "show", "empty") || words(t, "omit", "empty")) && rewrite_is(t->next->next, "matches")) {
		c->rows = rewrite_is(t, "omit") ? MATCH_OMIT_EMPTY : MATCH_ALL_ROWS;
		t = t->next->next->next;
	} else if (all && words(t, "with", "unmatched") && rewrite_is(t->next->next, "rows")) {
		c->rows = MATCH_WITH_UNMATCHED;
		t = t->next->next->next;
	}
	return t;
}

/* A variable, or a name for several: its bits; 0 and an error. */
static uint64_t
bits_of(struct clause *c, const struct tok *t, int must)
{
	struct str name = rewrite_bare(c->w, t);
	int found = c->recognize && rewrite_named(t) ? recognize_find(c->recognize, t->text) : -1;

	if (found >= 0)
		return 1ull << found;
	for (int i = 0; i < c->sets; i++)
		if (c->set[i].name.n == name.n && strncasecmp(c->set[i].name.p, name.p, name.n) == 0)
			return c->set[i].bits;
	if (must)
		rewrite_fail(c->w, t, "'%.*s' is no variable of the pattern", (int)(t->text.n < 60 ? t->text.n : 60), t->text.p);
	return 0;
}

/* Behind "AFTER MATCH": the variable is looked up once the pattern is known. */
static struct tok *
skip_clause(struct clause *c, struct tok *t, struct tok **variable)
{
	if (!rewrite_is(t, "skip"))
		return fail(c, t, "AFTER MATCH SKIP PAST LAST ROW, TO NEXT ROW, TO FIRST variable or TO LAST variable"), t;
	t = t->next;
	if (words(t, "past", "last") && rewrite_is(t->next->next, "row")) {
		c->skip = MATCH_PAST_LAST;
		return t->next->next->next;
	}
	if (!rewrite_is(t, "to"))
		return fail(c, t, "AFTER MATCH SKIP PAST LAST ROW, TO NEXT ROW, TO FIRST variable or TO LAST variable"), t;
	t = t->next;
	if (words(t, "next", "row")) {
		c->skip = MATCH_TO_NEXT;
		return t->next->next;
	}
	c->skip = MATCH_TO_LAST;
	if ((rewrite_is(t, "first") || rewrite_is(t, "last")) && rewrite_named(t->next) && t->next != c->end && !begins_clause(t->next)) {
		c->skip = rewrite_is(t, "first") ? MATCH_TO_FIRST : MATCH_TO_LAST;
		t = t->next;
	}
	*variable = t;
	return t->next;
}

/* INTERVAL '1' HOUR, INTERVAL 1 HOUR, INTERVAL '1 hour', '1 hour' */
static struct tok *
within(struct clause *c, struct tok *t)
{
	struct tok *start = t;
	struct buf text = {0};
	int64_t months = 0;

	if (rewrite_is(t, "interval"))
		t = t->next;
	for (; t != c->end && !begins_clause(t) && t->kind != TOKEN_OPERATOR; t = t->next) {
		buf_str(&text, rewrite_bare(c->w, t));
		buf_byte(&text, ' ');
	}
	if (functions_interval(str_trim(buf_get(&text)), &c->within_ms, &months) < 0 || months || c->within_ms < 0)
		fail(c, start, "WITHIN wants a span, like INTERVAL '1' HOUR");
	buf_release(&text);
	return t;
}

static void
pattern(struct clause *c, struct tok *open)
{
	struct buf text = {0};
	struct { size_t at; struct tok *tok; } *place = NULL;
	size_t n = 0, cap = 0;
	struct err err = {0};

	for (struct tok *t = open->next; t != open->match; t = t->next) {
		if (n == cap)
			place = mem_grow(place, cap = cap ? 2 * cap : 32, sizeof(*place));
		if (t->blank)
			buf_byte(&text, ' ');
		place[n].at = text.n, place[n++].tok = t;
		buf_str(&text, t->text);
	}
	if (!(c->recognize = recognize_new(buf_get(&text), &err))) {
		struct tok *at = open;

		for (size_t i = 0; i < n && err.col > 0 && place[i].at < (size_t)err.col; i++)
			at = place[i].tok;
		if (err.col > (long)text.n)
			at = open->match;
		rewrite_fail(c->w, at, "PATTERN: %s", err.text);
	}
	free(place);
	buf_release(&text);
}

static void
subset(struct clause *c, struct tok *t, const struct tok *end)
{
	while (t != end && !bad(c)) {
		struct set *s = &c->set[c->sets];

		if (c->sets == SETS_MOST || !rewrite_named(t) || !words(t->next, "=", "(")) {
			fail(c, t, c->sets == SETS_MOST ? "more than 20 subsets" : "SUBSET NAME = (VARIABLE, …)");
			return;
		}
		*s = (struct set){ .name = rewrite_bare(c->w, t) };
		t = t->next->next;
		for (struct tok *v = t->next; v != t->match && !bad(c); v = v->next)
			if (!rewrite_is(v, ","))
				s->bits |= bits_of(c, v, 1);
		c->sets++;
		t = t->match->next;
		if (t != end && !rewrite_is(t, ","))
			fail(c, t, "SUBSET NAME = (VARIABLE, …), …");
		else if (t != end)
			t = t->next;
	}
}

static void
clauses(struct clause *c)
{
	struct tok *skip_variable = NULL, *sets = NULL, *sets_end = NULL, *t = c->body->next;

	c->within_ms = -1;
	while (t != c->end && !bad(c)) {
		struct tok *start = t;

		if (words(t, "partition", "by"))
			c->partition = t->next->next, t = c->partition_end = clause_end(c, t->next->next);
		else if (words(t, "order", "by"))
			c->order = t->next->next, t = c->order_end = clause_end(c, t->next->next);
		else if (rewrite_is(t, "measures"))
			c->measures = t->next, t = c->measures_end = clause_end(c, t->next);
		else if (words(t, "one", "row") || words(t, "all", "rows"))
			t = rows_per_match(c, t);
		else if (words(t, "after", "match"))
			t = skip_clause(c, t->next->next, &skip_variable);
		else if (rewrite_is(t, "initial"))
			t = t->next;
		else if (rewrite_is(t, "pattern") && rewrite_is(t->next, "("))
			c->pattern = t->next, t = t->next->match->next;
		else if (rewrite_is(t, "within"))
			t = within(c, t->next);
		else if (rewrite_is(t, "subset"))
			sets = t->next, t = sets_end = clause_end(c, t->next);
		else if (rewrite_is(t, "define"))
			c->define = t->next, t = c->define_end = clause_end(c, t->next);
		else
			fail(c, t, "PARTITION BY, ORDER BY, MEASURES, ONE ROW PER MATCH, AFTER MATCH SKIP, PATTERN, WITHIN, SUBSET or DEFINE is expected here");
		if (t == start)
			break;
	}
	if (!c->pattern)
		fail(c, c->end, "MATCH_RECOGNIZE wants a PATTERN (…)");
	if (!bad(c))
		pattern(c, c->pattern);
	if (sets && !bad(c))
		subset(c, sets, sets_end);
	if (skip_variable && !bad(c))
		c->skip_to = bits_of(c, skip_variable, 1);
	if (c->within_ms >= 0 && !c->order)
		fail(c, c->end, "WITHIN counts from the first column of ORDER BY: there is none");
}

/* ---- columns of the rows */

/* The place of an expression among what the rows' SELECT selects. */
static int
input_of(struct clause *c, const struct tok *at, struct str text)
{
	for (int i = 0; i < c->inputs; i++)
		if (str_eq(buf_get(&c->input[i]), text))
			return i;
	if (c->inputs == INPUT_MOST) {
		fail(c, at, "MATCH_RECOGNIZE over more than 500 columns");
		return 0;
	}
	buf_str(&c->input[c->inputs], text);
	return c->inputs++;
}

static int
input_of_tokens(struct clause *c, const struct tok *first, const struct tok *after)
{
	struct buf text = {0};
	int i;

	rewrite_text(first, after, &text);
	i = input_of(c, first, buf_get(&text));
	buf_release(&text);
	return i;
}

static int
know(void *self, struct str name, struct err *err)
{
	struct clause *c = self;
	struct buf small = {0};

	(void)err;
	for (size_t i = 0; i < name.n; i++)
		buf_byte(&small, (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 32 : name.p[i]));
	map_put(&c->known, buf_get(&small), NULL);
	if (c->n_all < INPUT_MOST)
		c->all[c->n_all++] = (struct str){ arena_dup(c->w->arena, name.p, name.n), name.n };
	buf_release(&small);
	return 0;
}

static int
is_known(struct clause *c, struct str name)
{
	struct buf small = {0};
	int found;

	for (size_t i = 0; i < name.n; i++)
		buf_byte(&small, (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 32 : name.p[i]));
	found = map_find(&c->known, buf_get(&small)) != NULL;
	buf_release(&small);
	return found;
}

/* A statement of ours as SQLite is to have it. 0, or its error, at the token. */
static int
rewritten(struct clause *c, const struct tok *at, struct str sql, struct buf *to)
{
	struct rewrite r = {0};
	struct err err = {0};
	struct str rest = sql;

	if (rewrite_next(&rest, c->w->host, &r, &err) == 1)
		buf_str(to, buf_get(&r.text));
	else
		rewrite_fail(c->w, at, "%s", err.code ? err.text : "nothing is selected");
	rewrite_release(&r);
	return c->w->err->code;
}

static int
ignore(void *self, struct str name, struct err *err)
{
	(void)self, (void)name, (void)err;
	return 0;
}

/* Would SQLite take it? Else its words, at the token. */
static void
try_it(struct clause *c, const struct tok *at, struct buf *sql)
{
	struct err err = {0};

	if (!bad(c) && c->w->host && c->w->host->columns && c->w->host->columns(c->w->host->self, buf_text(sql), ignore, NULL, &err) < 0)
		rewrite_fail(c->w, at, "%s", err.text);
}

/* WITH a AS (…), b AS (…): those in front of the clause, of the statement and of the brackets around it. */
static void
common_tables(struct clause *c)
{
	struct tok *at[64];
	int n = 0, recursive = 0;

	at[n++] = c->w->head.next;
	for (struct tok *t = c->w->head.next; t != c->from && n < 64; t = t->next)
		if (rewrite_is(t, "(")) {
			int inside = 0;

			for (struct tok *i = t; i != t->match && !inside; i = i->next)
				inside = i == c->from;
			if (inside)
				at[n++] = t->next;
			else
				t = t->match;
		}
	for (int i = 0; i < n; i++) {
		struct tok *t = at[i];

		if (!rewrite_is(t, "with"))
			continue;
		t = t->next;
		if (rewrite_is(t, "recursive"))
			recursive = 1, t = t->next;
		for (;;) {
			struct tok *name = t, *open = t->next;
			int inside = 0;

			if (rewrite_is(open, "("))      /* its columns */
				open = open->match->next;
			if (rewrite_is(open, "as"))
				open = open->next;
			while (rewrite_is(open, "not") || rewrite_is(open, "materialized"))
				open = open->next;
			if (!rewrite_named(name) || !rewrite_is(open, "("))
				break;
			for (struct tok *k = open; k != open->match && !inside; k = k->next)
				inside = k == c->from;
			if (inside)
				break;
			buf_lit(&c->with, c->with.n ? ", " : "");
			rewrite_text(name, open->match->next, &c->with);
			t = open->match->next;
			if (!rewrite_is(t, ","))
				break;
			t = t->next;
		}
	}
	if (c->with.n) {
		struct buf all = {0};

		buf_printf(&all, "WITH %s%.*s ", recursive ? "RECURSIVE " : "", STR_FMT(buf_get(&c->with)));
		buf_release(&c->with);
		c->with = all;
	}
}

static void
know_columns(struct clause *c)
{
	struct buf sql = {0}, out = {0};
	struct err err = {0};

	buf_str(&sql, buf_get(&c->with));
	buf_lit(&sql, "SELECT * FROM ");
	rewrite_text(c->from, c->to, &sql);
	if (rewritten(c, c->from, buf_get(&sql), &out) == 0 && c->w->host && c->w->host->columns &&
	    c->w->host->columns(c->w->host->self, buf_text(&out), know, c, &err) < 0)
		rewrite_fail(c->w, c->from, "%s", err.text);
	buf_release(&sql);
	buf_release(&out);
}

/* ---- expressions */

static void
put_nav(struct clause *c, struct buf *to, const struct tok *at, const struct way *way, int column, uint64_t set)
{
	struct buf nav = {0};
	int i = 0;

	buf_printf(&nav, "[%d,%d,%lld,%lld,%lld,%d]", way->kind, column, (long long)set, (long long)way->logical, (long long)way->physical, way->final);
	while (i < c->n_navs && !str_eq(buf_get(&c->nav[i]), buf_get(&nav)))
		i++;
	if (i == (int)(sizeof(c->nav) / sizeof(*c->nav))) {
		fail(c, at, "more than 200 values in one expression");
	} else if (i == c->n_navs) {
		c->n_navs++;
		buf_clear(&c->nav[i]);
		buf_str(&c->nav[i], buf_get(&nav));
	}
	buf_printf(to, " ?%d ", i + 1);
	buf_release(&nav);
}

/* "a.b.c" from t on; returns the token behind. */
static struct tok *
chain_end(struct tok *t)
{
	while (rewrite_is(t->next, ".") && rewrite_named(t->next->next))
		t = t->next->next;
	return t->next;
}

/* A column at t, of a variable or none? Then its place and *set, and the token behind; NULL: none. */
static struct tok *
column_at(struct clause *c, struct tok *t, int *column, uint64_t *set)
{
	struct tok *end;

	*set = UINT64_MAX;
	if (!rewrite_named(t) || rewrite_is(t->prev, ".") || rewrite_is(t->next, "("))
		return NULL;
	if (rewrite_is(t->next, ".") && (rewrite_named(t->next->next) || rewrite_is(t->next->next, "*")) && (*set = bits_of(c, t, 0)) != 0) {
		t = t->next->next;
		if (rewrite_is(t, "*")) {
			*column = -1;
			return t->next;
		}
		if (c->known.n && !is_known(c, rewrite_bare(c->w, t)))
			rewrite_fail(c->w, t, "no such column: %.*s", (int)(t->text.n < 60 ? t->text.n : 60), t->text.p);
		end = chain_end(t);
		*column = input_of_tokens(c, t, end);
		return end;
	}
	*set = UINT64_MAX;
	if (t->kind == TOKEN_WORD && token_reserved(t->text))
		return NULL;
	end = chain_end(t);
	if (end == t->next && !is_known(c, rewrite_bare(c->w, t)))
		return NULL;            /* a word of SQL, or a fault that SQLite tells */
	*column = input_of_tokens(c, t, end);
	return end;
}

static void expression(struct clause *, struct tok *, const struct tok *end, struct way, struct buf *);

/* The comma of "(a, b)", or its end. */
static struct tok *
comma(struct tok *open)
{
	struct tok *t = open->next;

	while (t != open->match && !rewrite_is(t, ","))
		t = step(t);
	return t;
}

/* PREV, NEXT, FIRST, LAST (expression [, n]). */
static void
navigation(struct clause *c, struct tok *name, struct way way, struct buf *to)
{
	struct tok *open = name->next, *end = comma(open);
	int physical = rewrite_is(name, "prev") || rewrite_is(name, "next");
	int64_t n = physical;

	if (end != open->match) {
		struct tok *number = end->next;

		if (number->kind != TOKEN_NUMBER || number->next != open->match || str_int64(number->text, &n) || n > INT32_MAX) {
			fail(c, number, "how many rows: a whole number");
			return;
		}
	}
	if (physical) {
		if (way.navigated & 3)
			fail(c, name, "PREV and NEXT stand around FIRST and LAST, not in them, and not in each other");
		way.physical += rewrite_is(name, "prev") ? -n : n;
		way.navigated |= 1;
	} else {
		if (way.navigated & 2)
			fail(c, name, "FIRST and LAST stand not in each other");
		way.kind = rewrite_is(name, "first") ? MATCH_FIRST : MATCH_LAST;
		way.logical = n;
		way.navigated |= 2;
	}
	buf_lit(to, " (");
	expression(c, open->next, end, way, to);
	buf_lit(to, ") ");
}

static const struct { const char *name; int kind; } aggregates[] = {
	{ "count", MATCH_COUNT }, { "sum", MATCH_SUM }, { "avg", MATCH_AVG }, { "min", MATCH_MIN }, { "max", MATCH_MAX },
};

/* An aggregate over one column at t? 1 when it was one. */
static int
aggregate(struct clause *c, struct tok *t, struct way way, struct buf *to)
{
	struct tok *open = t->next, *end;
	uint64_t set = UINT64_MAX;
	int kind = -1, column = -1;

	for (size_t i = 0; i < sizeof(aggregates) / sizeof(*aggregates); i++)
		if (rewrite_is(t, aggregates[i].name))
			kind = aggregates[i].kind;
	if (kind < 0 || comma(open) != open->match)
		return 0;
	if (way.navigated)
		fail(c, t, "an aggregate of a match stands in no PREV, NEXT, FIRST or LAST");
	way.kind = kind;
	if (kind == MATCH_COUNT && (open->next == open->match || rewrite_is(open->next, "*")))
		end = open->match;
	else
		end = column_at(c, open->next, &column, &set);
	if (end != open->match || (column < 0 && kind != MATCH_COUNT))
		fail(c, t, "an aggregate in MATCH_RECOGNIZE is of one column, SUM(A.x): compute others in a subquery");
	else
		put_nav(c, to, t, &way, column, set);
	return 1;
}

/* t … end with ways in the place of columns, into `to`. */
static void
expression(struct clause *c, struct tok *t, const struct tok *end, struct way way, struct buf *to)
{
	while (t != end && !bad(c)) {
		int call = rewrite_named(t) && rewrite_is(t->next, "(") && t->kind == TOKEN_WORD;
		struct way final = way;
		int column;
		uint64_t set;
		struct tok *behind;

		if ((rewrite_is(t, "final") || rewrite_is(t, "running")) && rewrite_named(t->next) && rewrite_is(t->next->next, "(")) {
			final.final = rewrite_is(t, "final");
			expression(c, t->next, t->next->next->match->next, final, to);
			t = t->next->next->match->next;
		} else if (t->kind == TOKEN_PARAM) {
			fail(c, t, "a parameter has no place in MATCH_RECOGNIZE");
		} else if (rewrite_is(t, "select") || rewrite_is(t, "over")) {
			fail(c, t, "a SELECT or OVER has no place in MATCH_RECOGNIZE: compute it in a subquery in front");
		} else if (call && (rewrite_is(t, "prev") || rewrite_is(t, "next") || rewrite_is(t, "first") || rewrite_is(t, "last"))) {
			navigation(c, t, way, to);
			t = t->next->match->next;
		} else if (call && rewrite_is(t, "classifier")) {
			set = t->next->next == t->next->match ? UINT64_MAX : bits_of(c, t->next->next, 1);
			column = final.kind == MATCH_FIRST ? 0 : -1;
			final.kind = MATCH_CLASSIFIER;
			put_nav(c, to, t, &final, column, set);
			t = t->next->match->next;
		} else if (call && rewrite_is(t, "match_number")) {
			put_nav(c, to, t, &(struct way){ .kind = MATCH_NUMBER }, -1, 0);
			t = t->next->match->next;
		} else if (call && aggregate(c, t, way, to)) {
			t = t->next->match->next;
		} else if ((behind = column_at(c, t, &column, &set))) {
			if (column < 0)
				fail(c, t, "A.* stands in COUNT only");
			put_nav(c, to, t, &way, column, set);
			t = behind;
		} else {
			if (t->blank || to->n == 0)
				buf_byte(to, ' ');
			rewrite_text(t, t->next, to);
			if (t->kind != TOKEN_OPERATOR)
				buf_byte(to, rewrite_is(t->next, "(") || rewrite_is(t->next, ".") ? 0 : ' '), to->n -= to->p[to->n - 1] == 0;
			t = t->next;
		}
	}
}

/* [SQL,[NAV,…]] of an expression, as the rest of a JSON list. */
static void
put_expression(struct clause *c, struct tok *first, const struct tok *end, struct buf *to)
{
	struct buf text = {0}, sql = {0};

	for (int i = 0; i < c->n_navs; i++)
		buf_clear(&c->nav[i]);
	c->n_navs = 0;
	buf_lit(&text, "SELECT (");
	if (first == end)
		fail(c, first, "an expression is missing");
	expression(c, first, end, (struct way){ .kind = MATCH_LAST }, &text);
	buf_lit(&text, ")");
	if (!bad(c) && rewritten(c, first, buf_get(&text), &sql) == 0)
		try_it(c, first, &sql);
	json_put_string(to, buf_get(&sql));
	buf_lit(to, ",[");
	for (int i = 0; i < c->n_navs; i++) {
		if (i)
			buf_byte(to, ',');
		buf_str(to, buf_get(&c->nav[i]));
	}
	buf_byte(to, ']');
	buf_release(&text);
	buf_release(&sql);
}

static struct tok *
item_end(struct tok *t, const struct tok *end)
{
	while (t != end && !rewrite_is(t, ","))
		t = step(t);
	return t;
}

static void
defines(struct clause *c, struct buf *to)
{
	uint64_t seen = 0;

	for (struct tok *t = c->define, *end; t && t != c->define_end && !bad(c); t = end == c->define_end ? end : end->next) {
		uint64_t bits = bits_of(c, t, 1);

		end = item_end(t, c->define_end);
		if (bad(c))
			return;
		if (!rewrite_is(t->next, "as") || (bits & (bits - 1)) || (seen & bits)) {
			fail(c, t, "DEFINE VARIABLE AS condition, each variable once");
			return;
		}
		seen |= bits;
		buf_printf(to, "%s[%d,", to->p[to->n - 1] == '[' ? "" : ",", __builtin_ctzll(bits));
		put_expression(c, t->next->next, end, to);
		buf_byte(to, ']');
	}
}

/* One column of what comes out: how it is made is in `to` already. */
static void
put_out(struct clause *c, struct str name, int *n)
{
	if (*n == MATCH_COLUMNS) {
		rewrite_fail(c->w, c->body, "more than %d columns come out of MATCH_RECOGNIZE", MATCH_COLUMNS);
		return;
	}
	buf_printf(&c->select, "%s\"%02d\" AS %s", *n ? ", " : "", *n, rewrite_quote(c->w, name, '"'));
	++*n;
}

static void
separate(struct buf *to)
{
	if (to->p[to->n - 1] != '[')
		buf_byte(to, ',');
}

/* The columns of PARTITION BY or ORDER BY among the rows' columns, in their order. */
static void
key_columns(struct clause *c, struct tok *t, struct tok *end, int *place, int *n, struct str *name)
{
	while (t && t != end && !bad(c)) {
		struct tok *item = item_end(t, end), *behind = rewrite_named(t) ? chain_end(t) : t;

		if (behind == t || (behind != item && !(rewrite_is(behind, "asc") || rewrite_is(behind, "desc") || rewrite_is(behind, "nulls"))) || *n == 64) {
			fail(c, t, "PARTITION BY and ORDER BY take columns: compute others in a subquery in front");
			return;
		}
		if (behind == t->next && c->known.n && !is_known(c, rewrite_bare(c->w, t)))
			rewrite_fail(c->w, t, "no such column: %.*s", (int)(t->text.n < 60 ? t->text.n : 60), t->text.p);
		place[*n] = input_of_tokens(c, t, behind);
		name[(*n)++] = rewrite_bare(c->w, behind->prev);
		t = item == end ? end : item->next;
	}
}

static void
measures(struct clause *c, struct buf *to, int *n)
{
	for (struct tok *t = c->measures, *end; t && t != c->measures_end && !bad(c); t = end == c->measures_end ? end : end->next) {
		struct tok *name, *last;

		end = item_end(t, c->measures_end);
		name = end->prev;
		last = rewrite_is(name->prev, "as") ? name->prev : name;
		if (end == t || last == t || !rewrite_named(name) || (last == name && (rewrite_is(name->prev, ".") || name->prev->kind == TOKEN_OPERATOR) &&
		    !rewrite_is(name->prev, ")"))) {
			fail(c, t, "a measure wants a name: expression AS name");
			return;
		}
		separate(to);
		buf_byte(to, '[');
		put_expression(c, t, last, to);
		buf_byte(to, ']');
		put_out(c, rewrite_bare(c->w, name), n);
	}
}

static int
is_key(const struct str *name, int n, struct str which)
{
	for (int i = 0; i < n; i++)
		if (name[i].n == which.n && strncasecmp(name[i].p, which.p, which.n) == 0)
			return 1;
	return 0;
}

/* What comes out: the keys, the measures and, of all rows, the other columns. */
static void
outs(struct clause *c, struct buf *to, const int *place, const struct str *name, int partitions, int keys)
{
	int n = 0, all = c->rows != MATCH_ONE_ROW;

	for (int i = 0; i < (all ? keys : partitions); i++) {
		separate(to);
		buf_int64(to, place[i]);
		put_out(c, name[i], &n);
	}
	measures(c, to, &n);
	for (int i = 0; all && i < c->n_all && !bad(c); i++) {
		if (is_key(name, keys, c->all[i]))
			continue;
		separate(to);
		buf_int64(to, input_of(c, c->body, str_of(rewrite_quote(c->w, c->all[i], '"'))));
		put_out(c, c->all[i], &n);
	}
	if (!n)
		fail(c, c->end, "nothing comes out: add MEASURES, PARTITION BY or ALL ROWS PER MATCH");
}

/* SELECT what is named FROM the source ORDER BY partition, order. */
static void
rows_select(struct clause *c, struct buf *to)
{
	struct buf sql = {0};

	buf_str(&sql, buf_get(&c->with));
	for (int i = 0; i < c->inputs; i++) {
		buf_lit(&sql, i ? ", " : "SELECT ");
		buf_str(&sql, buf_get(&c->input[i]));
	}
	if (!c->inputs)
		buf_lit(&sql, "SELECT 1");
	buf_lit(&sql, " FROM ");
	rewrite_text(c->from, c->to, &sql);
	if (c->partition || c->order)
		buf_lit(&sql, " ORDER BY ");
	if (c->partition)
		rewrite_text(c->partition, c->partition_end, &sql);
	if (c->order) {
		buf_lit(&sql, c->partition ? ", " : "");
		rewrite_text(c->order, c->order_end, &sql);
	}
	if (!bad(c) && rewritten(c, c->from, buf_get(&sql), to) == 0)
		try_it(c, c->from, to);
	buf_release(&sql);
}

static void
program(struct clause *c)
{
	struct buf define = {0}, out = {0}, sql = {0}, text = {0}, *to = &c->program;
	struct str name[64];
	int place[64], keys = 0, partitions;

	key_columns(c, c->partition, c->partition_end, place, &keys, name);
	partitions = keys;
	key_columns(c, c->order, c->order_end, place, &keys, name);
	for (int i = 0; i < partitions; i++)
		if (place[i] != i)
			fail(c, c->partition, "PARTITION BY names a column twice");
	buf_byte(&define, '[');
	defines(c, &define);
	buf_byte(&out, '[');
	if (!bad(c))
		outs(c, &out, place, name, partitions, keys);
	if (!bad(c))
		rows_select(c, &sql);
	for (struct tok *t = c->pattern->next; t != c->pattern->match; t = t->next) {
		buf_str(&text, t->text);
		if (rewrite_named(t) || t->kind == TOKEN_NUMBER)
			buf_byte(&text, ' ');
	}
	buf_lit(to, "{\"sql\":");
	json_put_string(to, buf_get(&sql));
	buf_printf(to, ",\"partition\":%d,\"order\":%d,\"within\":%lld,\"rows\":%d,\"skip\":%d,\"to\":%lld,\"pattern\":", partitions,
	    keys > partitions ? place[partitions] : -1, (long long)c->within_ms, c->rows, c->skip, (long long)c->skip_to);
	json_put_string(to, buf_get(&text));
	buf_printf(to, ",\"define\":%.*s],\"out\":%.*s]}", STR_FMT(buf_get(&define)), STR_FMT(buf_get(&out)));
	buf_release(&define);
	buf_release(&out);
	buf_release(&sql);
	buf_release(&text);
}

/* ---- the place in the statement */

static int
is_source_end(const struct tok *t)
{
	return rewrite_is(t, ")") || (rewrite_named(t) && !(t->kind == TOKEN_WORD && token_reserved(t->text)));
}

static int
is_name(const struct tok *t)
{
	return rewrite_named(t) && !(t->kind == TOKEN_WORD && (token_reserved(t->text) || rewrite_is(t, "from") || rewrite_is(t, "join")));
}

/* The first token of the name, call or subquery that ends with `t`; NULL when that is none. */
static struct tok *
table_start(struct tok *t)
{
	if (rewrite_is(t, ")"))
		return is_name(t->match->prev) ? t->match->prev : t->match;
	while (rewrite_is(t->prev, ".") && rewrite_named(t->prev->prev))
		t = t->prev->prev;
	return rewrite_named(t) ? t : NULL;
}

/* The first token of the table in front of MATCH_RECOGNIZE: a name, a call or a subquery, with its alias, AS v or AS v(a, b). */
static struct tok *
source(struct tok *match)
{
	struct tok *t = match->prev, *name;

	if (!is_source_end(t))
		return NULL;
	name = rewrite_is(t, ")") && is_name(t->match->prev) ? t->match->prev : t;
	if (rewrite_named(name) && rewrite_is(name->prev, "as"))
		t = name->prev->prev;
	else if (rewrite_named(name) && (name == t ? is_source_end(name->prev) : rewrite_is(name->prev, ")")))
		t = name->prev;
	return table_start(t);
}

static void
one(struct work *w, struct tok *match)
{
	struct clause *c = mem_new(sizeof(*c));
	struct tok *behind = match->next->match->next;

	c->w = w, c->to = match, c->body = match->next, c->end = match->next->match;
	c->from = source(match);
	if (!c->from)
		fail(c, match, "MATCH_RECOGNIZE stands behind a table or a subquery");
	else
		clauses(c);
	if (!bad(c))
		common_tables(c);
	if (!bad(c))
		know_columns(c);
	if (!bad(c))
		program(c);
	if (!bad(c)) {
		char *literal = rewrite_quote(w, buf_get(&c->program), '\'');
		struct tok place = *match;

		place.blank = 1;
		rewrite_cut(c->from, c->end);
		rewrite_put(w, behind, &place, "(SELECT %.*s FROM match_rows(%s))", STR_FMT(buf_get(&c->select)), literal);
	}
	recognize_free(c->recognize);
	map_release(&c->known);
	for (int i = 0; i < INPUT_MOST; i++)
		buf_release(&c->input[i]);
	for (size_t i = 0; i < sizeof(c->nav) / sizeof(*c->nav); i++)
		buf_release(&c->nav[i]);
	buf_release(&c->program);
	buf_release(&c->select);
	buf_release(&c->with);
	free(c);
}

void
rewrite_matches(struct work *w)
{
	for (struct tok *t = w->head.next, *behind; t->kind != TOKEN_END && !w->err->code; t = behind) {
		behind = t->next;
		if (!rewrite_is(t, "match_recognize") || !rewrite_is(t->next, "(") || t->next->match == t->next)
			continue;
		behind = t->next->match->next;
		one(w, t);
	}
}
