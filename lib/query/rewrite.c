#include "query/rewrite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "query/rewrite_priv.h"

#define MEMORY     (64u << 20)          /* of all tokens of one statement: forms that copy may grow, not explode */
#define DEPTH_MOST 1000                 /* brackets in brackets; SQLite's own bound on expressions is the same */

int
rewrite_fail(struct work *w, const struct tok *at, const char *fmt, ...)
{
	va_list args;
	char text[300];

	if (w->err->code)
		return w->err->code;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return err_col(w->err, at ? (long)at->at + 1 : 0, ERR_INPUT, "%s", text);
}

int
rewrite_is(const struct tok *t, const char *text)
{
	return (t->kind == TOKEN_WORD || t->kind == TOKEN_OPERATOR) && strlen(text) == t->text.n &&
	       strncasecmp(t->text.p, text, t->text.n) == 0;
}

int
rewrite_is_one_of(const struct tok *t, const char *const *texts)
{
	for (; *texts; texts++)
		if (rewrite_is(t, *texts))
			return 1;
	return 0;
}

int
rewrite_named(const struct tok *t)
{
	return t->kind == TOKEN_WORD || t->kind == TOKEN_QUOTED;
}

int
rewrite_same_name(struct str a, struct str b)
{
	return a.n == b.n && a.p && b.p && strncasecmp(a.p, b.p, a.n) == 0;
}

struct str
rewrite_bare(struct work *w, const struct tok *t)
{
	struct str s = t->text;
	char quote, *out;
	size_t n = 0;

	if ((t->kind != TOKEN_QUOTED && t->kind != TOKEN_STRING) || s.n < 2)
		return s;
	if (t->kind == TOKEN_STRING && *s.p != '\'')
		return s;       /* a blob */
	quote = s.p[s.n - 1];
	s.p++, s.n -= 2;
	if (!memchr(s.p, quote, s.n) || !(out = arena_get(w->arena, s.n + 1)))
		return s;
	for (size_t i = 0; i < s.n; i++) {
		out[n++] = s.p[i];
		i += s.p[i] == quote;
	}
	return (struct str){ out, n };
}

char *
rewrite_quote(struct work *w, struct str name, char quote)
{
	char *out = arena_get(w->arena, 2 * name.n + 3);
	size_t n = 0;

	if (!out) {
		rewrite_fail(w, NULL, "the statement grows beyond bounds");
		return quote == '\'' ? "''" : "\"\"";
	}
	out[n++] = quote;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == quote)
			out[n++] = quote;
		out[n++] = name.p[i];
	}
	out[n++] = quote;
	out[n] = 0;
	return out;
}

/* ---- the list */

static struct tok *
insert(struct work *w, struct tok *before, const struct token *token)
{
	struct tok *t = arena_get(w->arena, sizeof(*t));

	if (!t) {
		if (!w->err->code)
			err_set(w->err, ERR_LIMIT, "the statement grows beyond bounds, make it shorter");
		w->spare.prev = w->spare.next = w->spare.match = &w->spare;
		return &w->spare;
	}
	*t = (struct tok){ .prev = before->prev, .next = before, .text = token->text, .kind = token->kind };
	t->prev->next = t;
	before->prev = t;
	return t;
}

/* Open brackets that wait for their close. */
struct open { struct tok *tok[DEPTH_MOST]; int n; };

static void
bracket(struct work *w, struct open *open, struct tok *t)
{
	if (rewrite_is(t, "(")) {
		if (open->n == DEPTH_MOST)
			rewrite_fail(w, t, "brackets deeper than %d", DEPTH_MOST);
		else
			open->tok[open->n++] = t;
		t->match = t;
	} else if (rewrite_is(t, ")")) {
		t->match = t;
		if (open->n == 0) {
			rewrite_fail(w, t, "a ) without its (");
		} else {
			t->match = open->tok[--open->n];
			t->match->match = t;
		}
	}
}

static struct tok *
put(struct work *w, struct open *open, struct tok *before, const struct tok *place, const char *sql)
{
	struct str text = str_of(sql);
	struct tok *first = NULL;
	struct token token;
	size_t at = 0;

	while (token_next(text, &at, &token, w->err) == 1) {
		struct tok *t = insert(w, before, &token);

		t->at = place->at, t->end = place->end, t->made = 1;
		t->blank = token.at > 0 && sql[token.at - 1] == ' ';
		bracket(w, open, t);
		if (!first) {
			first = t;
			t->blank = place->blank;
		}
	}
	return first ? first : before;
}

struct tok *
rewrite_put(struct work *w, struct tok *before, const struct tok *place, const char *fmt, ...)
{
	struct open open = { .n = 0 };
	va_list args;
	char small[256], *sql = small;
	int n;

	va_start(args, fmt);
	n = vsnprintf(small, sizeof(small), fmt, args);
	va_end(args);
	if (n >= (int)sizeof(small) || n < 0)
		sql = arena_get(w->arena, (size_t)n + 1);
	else
		sql = arena_dup(w->arena, small, (size_t)n);
	if (!sql) {
		rewrite_fail(w, place, "the statement grows beyond bounds");
		return before;
	}
	if (n >= (int)sizeof(small)) {
		va_start(args, fmt);
		vsnprintf(sql, (size_t)n + 1, fmt, args);
		va_end(args);
	}
	return put(w, &open, before, place, sql);
}

struct tok *
rewrite_wrap(struct work *w, struct tok *first, struct tok *last, const char *head, const char *tail)
{
	struct open open = { .n = 0 };
	struct tok *start = put(w, &open, first, first, head);

	put(w, &open, last->next, last, tail);
	return start;
}

void
rewrite_cut(struct tok *first, struct tok *last)
{
	first->prev->next = last->next;
	last->next->prev = first->prev;
}

void
rewrite_move(struct tok *first, struct tok *last, struct tok *before)
{
	if (first->prev == last)
		return;         /* nothing: what stands between a comma and its bracket, f(x, ) */
	rewrite_cut(first, last);
	first->prev = before->prev;
	last->next = before;
	first->prev->next = first;
	before->prev = last;
}

struct tok *
rewrite_copy(struct work *w, const struct tok *first, const struct tok *last, struct tok *before)
{
	struct open open = { .n = 0 };
	struct tok *start = NULL;

	for (const struct tok *t = first;; t = t->next) {
		struct token token = { .kind = t->kind, .text = t->text };
		struct tok *c = insert(w, before, &token);

		c->at = t->at, c->end = t->end, c->blank = t->blank, c->made = t->made;
		bracket(w, &open, c);
		start = start ? start : c;
		if (t == last || w->err->code)
			return start;
	}
}

void
rewrite_set(struct work *w, struct tok *t, const char *text)
{
	size_t n = strlen(text);

	t->text = (struct str){ arena_dup(w->arena, text, n), n };
	t->made = 1;
	if (!t->text.p)
		rewrite_fail(w, t, "the statement grows beyond bounds"), t->text = STR("?");
}

/* ---- operands */

/* Back over CASE … END, from the END. */
static struct tok *
case_start(struct tok *end)
{
	int depth = 0, far = 10000;

	for (struct tok *t = end; t->kind != TOKEN_END && far--; t = t->prev) {
		if (rewrite_is(t, ")"))
			t = t->match;
		else if (rewrite_is(t, "end"))
			depth++;
		else if (rewrite_is(t, "case") && --depth == 0)
			return t;
		else if (rewrite_is(t, "("))
			return NULL;
	}
	return NULL;
}

struct tok *
rewrite_operand_start(struct tok *t)
{
	for (int links = 0; links < 64; links++) {
		if (rewrite_is(t, ")")) {
			struct tok *o = t->match, *before = o->prev;

			if (o == t)
				return NULL;
			if (rewrite_is(before, "over") || rewrite_is(before, "filter")) {
				t = before->prev;
				continue;
			}
			if (rewrite_is(before, ")"))    /* f(p)(x) */
				return rewrite_operand_start(before);
			if (!rewrite_named(before) || (before->kind == TOKEN_WORD && token_reserved(before->text) &&
			    !rewrite_is(before, "left") && !rewrite_is(before, "right") && !rewrite_is(before, "glob") && !rewrite_is(before, "like")))
				return o;
			t = before;
		} else if (rewrite_named(t)) {
			if (rewrite_is(t, "end"))
				return case_start(t);
			if (rewrite_is(t->prev, "over")) {
				t = t->prev->prev;
				continue;
			}
			if (t->kind == TOKEN_WORD && token_reserved(t->text) && !rewrite_is(t, "null") && !rewrite_is(t->prev, ".") && !rewrite_is(t->next, "("))
				return NULL;
		} else if (t->kind == TOKEN_STRING || t->kind == TOKEN_NUMBER || t->kind == TOKEN_PARAM) {
			return t;
		} else {
			return NULL;
		}
		while (rewrite_is(t->prev, ".") && rewrite_named(t->prev->prev))
			t = t->prev->prev;
		return t;
	}
	return NULL;
}

struct tok *
rewrite_operand_end(struct tok *t)
{
	while (rewrite_is(t, "-") || rewrite_is(t, "+") || rewrite_is(t, "~"))
		t = t->next;
	if (rewrite_is(t, "(")) {
		return t->match == t ? NULL : t->match;
	} else if (rewrite_is(t, "case")) {
		int depth = 0;

		for (; t->kind != TOKEN_END; t = t->next)
			if (rewrite_is(t, "("))
				t = t->match == t ? t : t->match;
			else if (rewrite_is(t, "case"))
				depth++;
			else if (rewrite_is(t, "end") && --depth == 0)
				return t;
		return NULL;
	} else if (rewrite_named(t)) {
		while (rewrite_is(t->next, ".") && rewrite_named(t->next->next))
			t = t->next->next;
		if (!rewrite_is(t->next, "("))
			return t->kind == TOKEN_WORD && token_reserved(t->text) && !rewrite_is(t, "null") ? NULL : t;
		for (t = t->next->match; rewrite_is(t->next, "(") || ((rewrite_is(t->next, "over") || rewrite_is(t->next, "filter")) && rewrite_is(t->next->next, "(")); )
			t = rewrite_is(t->next, "(") ? t->next->match : t->next->next->match;
		if (rewrite_is(t->next, "over") && rewrite_named(t->next->next))        /* OVER w */
			t = t->next->next;
		return t;
	}
	return t->kind == TOKEN_STRING || t->kind == TOKEN_NUMBER || t->kind == TOKEN_PARAM ? t : NULL;
}

/* ---- text */

static int
wordy(const struct tok *t)
{
	return t->kind != TOKEN_OPERATOR;
}

static int
apart(const struct tok *a, const struct tok *b)         /* would the two run together? */
{
	if (a->kind == TOKEN_END)
		return 0;
	if (b->blank || (wordy(a) && wordy(b)))
		return 1;
	if (!wordy(a) && !wordy(b))
		return !strchr("(),;.", *a->text.p) && !strchr("(),;.", *b->text.p);
	if (wordy(b) && strchr("(,;", *a->text.p))
		return 0;
	return (a->kind == TOKEN_NUMBER && *b->text.p == '.') || (b->kind == TOKEN_NUMBER && *b->text.p == '.') ||
	       (a->kind == TOKEN_OPERATOR && b->kind == TOKEN_PARAM);
}

static void
add_text(const struct tok *first, const struct tok *after, struct buf *to, struct rewrite *places)
{
	size_t cap = 0;

	for (const struct tok *t = first; t != after; t = t->next) {
		if (t != first && apart(t->prev, t))
			buf_byte(to, ' ');
		if (places) {
			if (places->n_places == cap) {
				cap = cap ? 2 * cap : 256;
				places->place = mem_grow(places->place, cap, sizeof(*places->place));
			}
			places->place[places->n_places++] = (struct rewrite_place){ (uint32_t)to->n, t->at };
		}
		buf_str(to, t->text);
	}
}

void
rewrite_text(const struct tok *first, const struct tok *after, struct buf *to)
{
	add_text(first, after, to, NULL);
}

int
rewrite_same(const struct tok *a, const struct tok *a_last, const struct tok *b, const struct tok *b_last)
{
	for (;; a = a->next, b = b->next) {
		if (a->text.n != b->text.n || (a->kind == TOKEN_STRING ? memcmp(a->text.p, b->text.p, a->text.n) :
		    strncasecmp(a->text.p, b->text.p, a->text.n)) != 0)
			return 0;
		if (a == a_last || b == b_last)
			return a == a_last && b == b_last;
	}
}

/* ---- the door */

void
rewrite_release(struct rewrite *r)
{
	buf_release(&r->text);
	free(r->place);
	r->place = NULL;
	r->n_places = 0;
}

size_t
rewrite_origin(const struct rewrite *r, size_t to)
{
	size_t low = 0, high = r->n_places;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (r->place[middle].to <= to)
			low = middle;
		else
			high = middle;
	}
	return r->n_places ? r->place[low].from : 0;
}

int
rewrite_complete(struct str text)
{
	struct err err = {0};
	struct token token;
	size_t at = 0;
	int depth = 0, done = 1;

	while (token_next(text, &at, &token, &err) == 1) {
		depth += token_is(&token, "(") - token_is(&token, ")");
		done = token_is(&token, ";") && depth <= 0;
	}
	return done && !err.code;
}

/* [1, 2] and ARRAY[1, 2] are json_array(1, 2), x[1] is list_at(x, 1): what is in brackets goes between these. 1 when it is so, with the place
 * behind the bracket in *at. */
static int
list(struct work *w, struct open *open, const struct token *token, int blank, size_t *at)
{
	struct tok *before = w->head.prev, *first = NULL;
	int named = token->kind == TOKEN_QUOTED && *token->text.p == '[', array = rewrite_is(before, "array"), index = !array && !blank && !rewrite_is(before, "any") &&
	    (rewrite_is(before, ")") || before->kind == TOKEN_QUOTED || before->kind == TOKEN_STRING || (before->kind == TOKEN_WORD && !token_reserved(before->text)));
	size_t behind = token->at + 1;

	while (behind < w->sql.n && w->sql.p[behind] == ' ')
		behind++;
	if (index && behind < w->sql.n && w->sql.p[behind] == ']')
		return 0;       /* of a type, int[] */
	struct tok place = { .at = (uint32_t)token->at, .end = (uint32_t)*at, .blank = (uint8_t)blank };

	if ((!named && !token_is(token, "[")) || (named && !array && !index))
		return 0;
	if (index && !(first = rewrite_operand_start(before)))
		return named ? 0 : (rewrite_fail(w, &place, "no value stands before this ["), 0);
	*at = token->at + 1;
	if (open->n == DEPTH_MOST) {
		rewrite_fail(w, before, "brackets deeper than %d", DEPTH_MOST);
	} else if (index) {
		put(w, open, first, first, "list_at(");
		put(w, open, &w->head, &place, ",");
	} else {
		int among = rewrite_is(before, "in");   /* x IN [1, 2] */

		if (array) {
			place.at = before->at, place.blank = before->blank;
			rewrite_cut(before, before);
		}
		put(w, open, &w->head, &place, among ? "(" : "json_array(");
	}
	if (open->n)
		open->tok[open->n - 1]->opened = index ? OPENED_INDEX : OPENED_LIST;
	return 1;
}

static int
opened(const struct open *open)         /* how the innermost bracket was: enum rewrite_opened */
{
	return open->n ? open->tok[open->n - 1]->opened : OPENED_ROUND;
}

/* Behind the blanks from here: how far a : stands that is none of ::, or 0. */
static size_t
colon_at(struct str sql, size_t at)
{
	while (at < sql.n && (sql.p[at] == ' ' || sql.p[at] == '\t' || sql.p[at] == '\n' || sql.p[at] == '\r'))
		at++;
	return at + 1 < sql.n && sql.p[at] == ':' && sql.p[at + 1] != ':' ? at : 0;
}

/* {'a': 1, b: 2} and MAP {'a': 1} are json_object('a', 1, 'b', 2). 1 when the token was taken, with the place to go on from in *at. */
static int
structure(struct work *w, struct open *open, const struct token *token, int blank, size_t *at)
{
	struct tok place = { .at = (uint32_t)token->at, .end = (uint32_t)*at, .blank = (uint8_t)blank }, *before = w->head.prev;
	struct tok key = { .kind = token->kind, .text = token->text };
	struct token next;
	struct err unsaid = {0};
	size_t behind = *at;

	if (token_is(token, "{") && token_next(w->sql, &behind, &next, &unsaid) == 1 &&
	    (token_is(&next, "}") || ((next.kind == TOKEN_STRING || next.kind == TOKEN_QUOTED || next.kind == TOKEN_WORD || next.kind == TOKEN_NUMBER) && colon_at(w->sql, behind)))) {
		if (open->n == DEPTH_MOST)
			return 0;
		if (rewrite_is(before, "map")) {
			place.at = before->at, place.blank = before->blank;
			rewrite_cut(before, before);
		}
		put(w, open, &w->head, &place, "json_object(");
		open->tok[open->n - 1]->opened = OPENED_STRUCT;
		return 1;
	}
	if (opened(open) != OPENED_STRUCT)
		return 0;
	if (token_is(token, "}")) {
		put(w, open, &w->head, &place, ")");
		return 1;
	}
	if ((!rewrite_is(before, ",") && before != open->tok[open->n - 1]) || token->kind == TOKEN_OPERATOR || token->kind == TOKEN_PARAM || !(behind = colon_at(w->sql, *at)))
		return 0;
	put(w, open, &w->head, &place, rewrite_quote(w, rewrite_bare(w, &key), '\''));
	place.blank = 0;
	put(w, open, &w->head, &place, ",");
	*at = behind + 1;
	return 1;
}

/* x[2:3] is list_slice(x, 2, 3); properties:page, right behind a name, is properties.page. 1 when the token, a : or what looks like a
 * parameter, was taken so far, with the place to go on from in *at. */
static int
colon(struct work *w, struct open *open, const struct token *token, int blank, size_t *at)
{
	struct tok place = { .at = (uint32_t)token->at, .end = (uint32_t)*at }, *before = w->head.prev;
	int value = rewrite_is(before, ")") || before->kind == TOKEN_QUOTED || before->kind == TOKEN_STRING || before->kind == TOKEN_NUMBER ||
	    (before->kind == TOKEN_WORD && !token_reserved(before->text)), word = token->kind == TOKEN_PARAM && token->text.n > 1 && (token->text.p[1] < '0' || token->text.p[1] > '9');

	if (*token->text.p != ':' || token_is(token, "::"))
		return 0;
	if (opened(open) == OPENED_INDEX && (value || !word)) {
		struct tok *bracket = open->tok[open->n - 1];

		if (!rewrite_is(bracket->prev, "list_at"))
			return 0;
		rewrite_set(w, bracket->prev, "list_slice");
		*at = token->at + 1;
		put(w, open, &w->head, &place, value ? "," : "1,");
		for (size_t behind = *at; behind < w->sql.n && (w->sql.p[behind] == ' ' || w->sql.p[behind] == ']'); behind++)
			if (w->sql.p[behind] == ']') {
				put(w, open, &w->head, &place, "-1");
				break;
			}
		return 1;
	}
	if (!value || blank || !word || before->kind == TOKEN_NUMBER || before->kind == TOKEN_STRING)
		return 0;
	*at = token->at + 1;
	put(w, open, &w->head, &place, ".");
	return 1;
}

/* 1_000_000 as SQLite writes it. */
static void
plain_number(struct work *w, struct token *token)
{
	char *out = memchr(token->text.p, '_', token->text.n) ? arena_get(w->arena, token->text.n) : NULL;
	size_t n = 0;

	if (!out)
		return;
	for (size_t i = 0; i < token->text.n; i++)
		if (token->text.p[i] != '_')
			out[n++] = token->text.p[i];
	token->text = (struct str){ out, n };
}

/* [a, b] and [f(x)] look like lists, and are names behind AS and where events have such a property. */
static void
name_in_brackets(struct work *w, struct token *token, size_t *at)
{
	const char *begin = w->sql.p + token->at + 1, *end;
	struct str name;

	if (!token_is(token, "[") || !(end = memchr(begin, ']', w->sql.n - token->at - 1)))
		return;
	name = (struct str){ begin, (size_t)(end - begin) };
	if (!name.n || memchr(name.p, '\'', name.n) || (!rewrite_is(w->head.prev, "as") && (!w->host || !w->host->is_property || !w->host->is_property(w->host->self, name))))
		return;
	token->kind = TOKEN_QUOTED;
	token->text = str_of(rewrite_quote(w, name, '"'));
	*at = (size_t)(end + 1 - w->sql.p);
}

/* The tokens of the next statement, without its semicolon. */
static int
read(struct work *w, struct str *rest)
{
	struct open open = { .n = 0 };
	struct token token;
	size_t at = 0, end = 0;
	int rc, n = 0;

	w->sql = *rest;
	while ((rc = token_next(*rest, &at, &token, w->err)) == 1) {
		struct tok *t, place;

		if (token_is(&token, ";")) {
			if (n)
				break;
			end = at;
			continue;
		}
		if (token.at > REWRITE_MOST) {
			rc = err_set(w->err, ERR_LIMIT, "a statement longer than %u KiB", REWRITE_MOST >> 10);
			break;
		}
		n++;
		name_in_brackets(w, &token, &at);
		if (list(w, &open, &token, token.at > end, &at) || structure(w, &open, &token, token.at > end, &at) || colon(w, &open, &token, token.at > end, &at)) {
			end = at;
			continue;
		}
		if (token.kind == TOKEN_NUMBER)
			plain_number(w, &token);
		place = (struct tok){ .at = (uint32_t)token.at, .end = (uint32_t)at, .blank = token.at > end };
		end = at;
		if (token_is(&token, "]") && !rewrite_is(w->head.prev, "[") && (opened(&open) == OPENED_LIST || opened(&open) == OPENED_INDEX)) {
			put(w, &open, &w->head, &place, ")");
			continue;
		}
		t = insert(w, &w->head, &token);
		t->at = place.at, t->end = place.end, t->blank = place.blank;
		if (((token_is(&token, "]") && !rewrite_is(t->prev, "[")) || (token_is(&token, ")") && opened(&open))))
			rewrite_fail(w, t, "a %c without its %c", *token.text.p, *token.text.p == ']' ? '[' : '(');
		bracket(w, &open, t);
	}
	if (rc < 0 || w->err->code)
		at = rest->n;
	*rest = (struct str){ rest->p + at, rest->n - at };
	if (!w->err->code && open.n)
		rewrite_fail(w, open.tok[open.n - 1], opened(&open) == OPENED_STRUCT ? "a { without its }" : opened(&open) ? "a [ without its ]" : "a ( without its )");
	return w->err->code ? w->err->code : n > 0;
}

int
rewrite_next(struct str *rest, const struct rewrite_host *host, struct rewrite *out, struct err *err)
{
	struct work w = { .arena = arena_new(MEMORY), .host = host, .err = err };
	int rc;

	buf_clear(&out->text);
	free(out->place);
	out->place = NULL;
	out->n_places = 0;
	w.head = (struct tok){ .prev = &w.head, .next = &w.head, .match = &w.head };
	rc = read(&w, rest);
	if (rc == 1) {
		rewrite_standard(&w);
		rewrite_matches(&w);
		rewrite_name_items(&w);
		if (!err->code)
			rewrite_exists(&w);
		rewrite_expressions(&w);
		if (!err->code)
			rewrite_from_first(&w);
		if (!err->code)
			rewrite_selects(&w);
		if (!err->code)
			rewrite_drop_names(&w);
		if (!err->code)
			add_text(w.head.next, &w.head, &out->text, out);
		rc = err->code ? err->code : 1;
	}
	map_release(&w.sources);
	arena_free(w.arena);
	return rc;
}
