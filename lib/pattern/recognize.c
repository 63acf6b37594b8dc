/* recognize.c - a pattern as a small program, run by going back.
 *
 *      A B*? | C      0 SPLIT 1 6    1 A    2 SPLIT 5 3    3 B    4 JUMP 2    5 JUMP 7    6 C    7 MATCH        (a SPLIT tries its first way first)
 *
 * Jumps are relative, so that what is counted is copied. A body of a loop that can be empty remembers the row at which it began, and
 * ends the loop when it took none.
 */
#include "pattern/recognize.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"

#define SIZE_MOST   20000       /* instructions */
#define DEPTH_MOST  200         /* brackets in brackets */
#define COUNT_MOST  10000
#define PERMUTE_MOST 6
#define STEPS_MOST  50000000    /* of the search at one row */
#define STACK_MOST  (1u << 22)
#define LOOPS_MOST  1000
#define FAILED_MOST (1u << 24)  /* words of bits that failed states take: 128 MiB */
#define ASK_EVERY   4096

enum op { TAKE, SPLIT, JUMP, FIRST, LAST, MARK, MOVED, MATCH };

struct code { enum op op; int a, b; };  /* TAKE variable, left out; SPLIT a b, JUMP a relative; MARK loop; MOVED loop, else to b */

struct variable { char *name; size_t n; int quoted; };

/* Where to go on when the way at hand failed; or (pc < 0) what loop ~pc remembered before. */
struct back { int pc; size_t row; };

struct recognize {
	struct code *code;
	int size, cap, loops, depth;
	int leaves_out;         /* while it is read: in so many {- -} */
	int empties;            /* some loop's body may take no row: where such a loop ends depends on how its state was come to */
	struct variable variable[RECOGNIZE_VARIABLES];
	int variables;

	uint8_t *taken, *left_out;      /* of each row: its variable; is it in {- -} */
	size_t cap_taken;
	struct back *stack;
	size_t deep, cap_stack;
	size_t *mark;           /* of each loop: the row at which its body began */
	uint64_t *failed;       /* a bit for each instruction of each row from `base` on */
	size_t base, rows, words, cap_failed;

	struct str text;        /* while it is read */
	size_t at;
	struct err *err;
};

/* ---- reading */

static int
fault(struct recognize *r, size_t at, const char *what)
{
	return r->err->code ? r->err->code : err_col(r->err, (long)at + 1, ERR_INPUT, "%s", what);
}

static int
peek(struct recognize *r)
{
	while (r->at < r->text.n && isspace((unsigned char)r->text.p[r->at]))
		r->at++;
	return r->at < r->text.n ? (unsigned char)r->text.p[r->at] : 0;
}

static int
take(struct recognize *r, char c)
{
	if (peek(r) != c)
		return 0;
	r->at++;
	return 1;
}

static int
is_next(struct recognize *r, const char *two)
{
	peek(r);
	return r->text.n - r->at >= 2 && memcmp(r->text.p + r->at, two, 2) == 0;
}

static int
emit(struct recognize *r, enum op op, int a, int b)
{
	if (r->size == SIZE_MOST) {
		fault(r, r->at, "the pattern is too large");
		return 0;
	}
	if (r->size == r->cap)
		r->code = mem_grow(r->code, (size_t)(r->cap *= 2), sizeof(*r->code));
	r->code[r->size] = (struct code){ op, a, b };
	return r->size++;
}

/* Room of n instructions in front of `at`. */
static void
open_up(struct recognize *r, int at, int n)
{
	for (int i = 0; i < n; i++)
		emit(r, JUMP, 1, 0);
	if (!r->err->code) {
		memmove(r->code + at + n, r->code + at, (size_t)(r->size - n - at) * sizeof(*r->code));
		for (int i = 0; i < n; i++)
			r->code[at + i] = (struct code){ JUMP, 1, 0 };
	}
}

static void
copy(struct recognize *r, const struct code *from, int n)
{
	for (int i = 0; i < n && !r->err->code; i++)
		emit(r, from[i].op, from[i].a, from[i].b);
}

static int
is_word(int c)
{
	return isalnum(c) || c == '_' || c == '$' || c >= 0x80;
}

static int
same(const struct variable *v, const char *name, size_t n, int quoted)
{
	return v->n == n && (quoted || v->quoted ? memcmp(v->name, name, n) == 0 : strncasecmp(v->name, name, n) == 0);
}

/* A name as SQL writes it: what it means, in memory of its own; quoted ones keep their letters. */
static char *
name_of(struct str text, size_t *n, int *quoted)
{
	char *out = mem_new(text.n + 1), quote = 0;
	size_t len = 0;

	if (text.n >= 2 && (text.p[0] == '"' || text.p[0] == '`')) {
		quote = text.p[0];
		text = (struct str){ text.p + 1, text.n - 2 };
	}
	for (size_t i = 0; i < text.n; i++) {
		out[len++] = quote ? text.p[i] : (char)toupper((unsigned char)text.p[i]);
		i += quote && text.p[i] == quote;
	}
	*n = len;
	*quoted = quote != 0;
	return out;
}

int
recognize_find(const struct recognize *r, struct str text)
{
	size_t n;
	int quoted, found = -1;
	char *name = name_of(text, &n, &quoted);

	for (int i = 0; i < r->variables && found < 0; i++)
		if (same(&r->variable[i], name, n, quoted))
			found = i;
	free(name);
	return found;
}

/* The name at hand, with its quotes. */
static struct str
word(struct recognize *r)
{
	size_t start = (peek(r), r->at);
	char quote = r->at < r->text.n && (r->text.p[r->at] == '"' || r->text.p[r->at] == '`') ? r->text.p[r->at] : 0;

	if (quote) {
		for (r->at++; r->at < r->text.n && r->text.p[r->at] != quote; r->at++)
			;
		if (r->at == r->text.n)
			fault(r, start, "a quoted name without its end");
		else
			r->at++;
	} else {
		while (r->at < r->text.n && is_word((unsigned char)r->text.p[r->at]))
			r->at++;
	}
	return (struct str){ r->text.p + start, r->at - start };
}

static int pattern(struct recognize *);

static int
variable(struct recognize *r, struct str text, size_t at)
{
	int found = recognize_find(r, text);
	struct variable *v;

	if (found < 0) {
		if (r->variables == RECOGNIZE_VARIABLES)
			return fault(r, at, "more than 60 variables");
		v = &r->variable[found = r->variables++];
		v->name = name_of(text, &v->n, &v->quoted);
	}
	emit(r, TAKE, found, r->leaves_out > 0);
	return r->err->code;
}

/* PERMUTE(A, B): A B | B A, in the order of the list. */
struct pieces { struct code *code[PERMUTE_MOST]; int size[PERMUTE_MOST], n, ways; int *end; };

static void
permute(struct recognize *r, struct pieces *p, int *order, int n, unsigned used)
{
	for (int i = 0; i < p->n && !r->err->code; i++) {
		if (used >> i & 1)
			continue;
		order[n] = i;
		if (n + 1 < p->n) {
			permute(r, p, order, n + 1, used | 1u << i);
			continue;
		}
		/* SPLIT here, to the next way; the ways' ends are joined later */
		int split = emit(r, SPLIT, 1, 0);

		for (int k = 0; k < p->n; k++)
			copy(r, p->code[order[k]], p->size[order[k]]);
		p->end[p->ways++] = emit(r, JUMP, 0, 0);
		if (!r->err->code)
			r->code[split].b = r->size - split;
	}
}

static int
permutation(struct recognize *r)
{
	struct pieces p = {0};
	int ends[720], order[PERMUTE_MOST], start = r->size;

	p.end = ends;
	do {
		int from = r->size;

		if (p.n == PERMUTE_MOST)
			fault(r, r->at, "PERMUTE of more than 6");
		if (r->err->code || pattern(r))
			break;
		p.size[p.n] = r->size - from;
		p.code[p.n] = mem_dup(r->code + from, (size_t)p.size[p.n] * sizeof(struct code));
		p.n++;
		r->size = start;
	} while (take(r, ','));
	if (!r->err->code && !take(r, ')'))
		fault(r, r->at, "PERMUTE ends with )");
	if (!r->err->code) {
		permute(r, &p, order, 0, 0);
		emit(r, TAKE, -1, 0);           /* behind the last way there is none: no row fits that */
		if (!r->err->code) {
			for (int i = 0; i < p.ways; i++)
				r->code[ends[i]].a = r->size - ends[i];
		}
	}
	for (int i = 0; i < p.n; i++)
		free(p.code[i]);
	return r->err->code;
}

static int
number(struct recognize *r, int *n)
{
	size_t start = (peek(r), r->at);
	long v = 0;

	for (; r->at < r->text.n && isdigit((unsigned char)r->text.p[r->at]) && v <= COUNT_MOST; r->at++)
		v = 10 * v + r->text.p[r->at] - '0';
	*n = (int)v;
	return r->at == start ? -1 : v > COUNT_MOST ? fault(r, start, "a count is 10000 at most") : 0;
}

/* How often: 0 when nothing is said. most < 0: without end. */
static int
counted(struct recognize *r, int *least, int *most, int *reluctant)
{
	size_t start = (peek(r), r->at);

	*least = *most = 1;
	if (is_next(r, "{-"))
		return 0;
	if (take(r, '?')) {
		*least = 0;
	} else if (take(r, '*')) {
		*least = 0, *most = -1;
	} else if (take(r, '+')) {
		*most = -1;
	} else if (take(r, '{')) {
		int has_least, has_most = 0;

		has_least = number(r, least) == 0;
		if (!has_least)
			*least = 0;
		*most = *least;
		if (take(r, ',')) {
			has_most = number(r, most) == 0;
			if (!has_most)
				*most = -1;
		} else if (!has_least) {
			return fault(r, start, "a count is {n}, {n,}, {,m} or {n,m}"), 0;
		}
		if (!take(r, '}'))
			return fault(r, r->at, "a count ends with }"), 0;
		if ((has_most && *most < *least) || *most == 0)
			return fault(r, start, "a count from more to less, or of nothing"), 0;
	} else {
		return 0;
	}
	*reluctant = take(r, '?');
	return 1;
}

static void
split(struct recognize *r, int at, int into, int past, int reluctant)
{
	if (!r->err->code)
		r->code[at] = (struct code){ SPLIT, reluctant ? past : into, reluctant ? into : past };
}

/* May the code be gone through without a row? */
static int
may_be_empty(const struct code *code, int n)
{
	char *met = mem_new((size_t)n + 1);
	int *stack = mem_new((2 * (size_t)n + 2) * sizeof(*stack)), deep = 0, empty = 0;

	stack[deep++] = 0;
	while (deep && !empty) {
		int pc = stack[--deep];

		if (pc >= n)
			empty = 1;
		else if (!met[pc]) {
			const struct code *c = &code[pc];

			met[pc] = 1;
			if (c->op != TAKE)
				stack[deep++] = pc + (c->op == SPLIT || c->op == JUMP ? c->a : 1);
			if (c->op == SPLIT || c->op == MOVED)
				stack[deep++] = pc + c->b;
		}
	}
	free(met);
	free(stack);
	return empty;
}

/* The code from `from` on, as often as is said. */
static void
repeat(struct recognize *r, int from, int least, int most, int reluctant)
{
	int n = r->size - from, loop = r->loops;
	struct code *body = mem_dup(r->code + from, (size_t)n * sizeof(*body));
	int optional[2] = { 0, 0 };

	r->size = from;
	for (int i = 0; i < least && !r->err->code; i++)
		copy(r, body, n);
	if (most < 0) {
		int at = r->size, empty = may_be_empty(body, n);

		if (loop == LOOPS_MOST)
			fault(r, r->at, "the pattern is too large");
		r->loops += empty, r->empties |= empty;
		emit(r, SPLIT, 0, 0);
		if (empty)
			emit(r, MARK, loop, 0);
		copy(r, body, n);
		if (empty)
			emit(r, MOVED, loop, 2);
		emit(r, JUMP, at - r->size, 0);
		split(r, at, 1, r->size - at, reluctant);
	}
	/* {n,m}: each of the others may end it; the distance to the end is known, as all are alike */
	for (int i = least; most >= 0 && i < most && !r->err->code; i++) {
		optional[0] = emit(r, SPLIT, 0, 0);
		split(r, optional[0], 1, (most - i) * (n + 1), reluctant);
		copy(r, body, n);
	}
	free(body);
}

static int
term(struct recognize *r)
{
	size_t start = (peek(r), r->at);
	int from = r->size, least, most, reluctant = 0;

	if (take(r, '(')) {
		if (r->depth++ == DEPTH_MOST)
			return fault(r, start, "brackets deeper than 200");
		if (!take(r, ')') && (pattern(r) || (!take(r, ')') && fault(r, r->at, "a ( without its )"))))
			return r->err->code;
		r->depth--;
	} else if (is_next(r, "{-")) {
		if (r->depth++ == DEPTH_MOST)
			return fault(r, start, "brackets deeper than 200");
		r->at += 2;
		r->leaves_out++;
		if (pattern(r) || (!is_next(r, "-}") && fault(r, r->at, "a {- without its -}")))
			return r->err->code;
		r->at += 2;
		r->leaves_out--;
		r->depth--;
	} else if (take(r, '^')) {
		emit(r, FIRST, 0, 0);
	} else if (take(r, '$')) {
		emit(r, LAST, 0, 0);
	} else {
		struct str name = word(r);

		if (!name.n || isdigit((unsigned char)name.p[0]))
			return fault(r, start, "a variable is expected here, or ( ) | ^ $");
		if (name.n == 7 && strncasecmp(name.p, "permute", 7) == 0 && take(r, '(')) {
			if (r->depth++ == DEPTH_MOST)
				return fault(r, start, "brackets deeper than 200");
			if (permutation(r))
				return r->err->code;
			r->depth--;
		} else if (variable(r, name, start)) {
			return r->err->code;
		}
	}
	while (!r->err->code && counted(r, &least, &most, &reluctant)) {
		repeat(r, from, least, most, reluctant);
		if (peek(r) && strchr("?*+{", peek(r)) && !is_next(r, "{-"))
			return fault(r, r->at, "a count of a count: put brackets around the first");
	}
	return r->err->code;
}

/* Alternatives: what stands on the left is tried first. */
static int
pattern(struct recognize *r)
{
	int *end = NULL, ends = 0;

	for (;;) {
		int start = r->size, bar;

		while (!r->err->code && peek(r) && !strchr("|),", peek(r)) && !(r->leaves_out && is_next(r, "-}")))
			term(r);
		if (r->err->code || peek(r) != '|')
			break;
		r->at++;
		open_up(r, start, 1);
		bar = emit(r, JUMP, 0, 0);
		end = mem_grow(end, (size_t)ends + 1, sizeof(*end));
		end[ends++] = bar;
		split(r, start, 1, r->size - start, 0);
	}
	for (int i = 0; i < ends && !r->err->code; i++)
		r->code[end[i]].a = r->size - end[i];
	free(end);
	return r->err->code;
}

struct recognize *
recognize_new(struct str text, struct err *err)
{
	struct recognize *r = mem_new(sizeof(*r));

	r->text = text, r->err = err;
	r->cap = 64;
	r->code = mem_new((size_t)r->cap * sizeof(*r->code));
	if (!peek(r))
		fault(r, 0, "an empty pattern");
	else if (pattern(r) == 0 && peek(r))
		fault(r, r->at, peek(r) == ')' ? "a ) without its (" : "this has no place in a pattern");
	emit(r, MATCH, 0, 0);
	if (err->code) {
		recognize_free(r);
		return NULL;
	}
	r->mark = mem_new(((size_t)r->loops + 1) * sizeof(*r->mark));
	r->words = ((size_t)r->size + 63) / 64;
	return r;
}

void
recognize_free(struct recognize *r)
{
	if (!r)
		return;
	for (int i = 0; i < r->variables; i++)
		free(r->variable[i].name);
	free(r->code);
	free(r->taken);
	free(r->left_out);
	free(r->stack);
	free(r->mark);
	free(r->failed);
	free(r);
}

int
recognize_variables(const struct recognize *r)
{
	return r->variables;
}

struct str
recognize_variable(const struct recognize *r, int i)
{
	return (struct str){ r->variable[i].name, r->variable[i].n };
}

/* ---- the search */

const uint8_t *
recognize_left_out(const struct recognize *r)
{
	return r->left_out;
}

void
recognize_forget(struct recognize *r)
{
	r->rows = 0;
}

/* Was the state met before? Then it failed: 1. Rows in front of `start` are let go of when there are many; < 0: there are too many all the same. */
static int
met(struct recognize *r, int pc, size_t row, size_t start)
{
	size_t at;

	if (r->rows == 0)
		r->base = start;
	at = row - r->base;
	if (at >= r->rows) {
		size_t keep_from = start - r->base, gone = keep_from > r->rows ? r->rows : keep_from;

		if (r->rows && (gone > 4096 || gone == r->rows)) {
			memmove(r->failed, r->failed + gone * r->words, (r->rows - gone) * r->words * sizeof(*r->failed));
			r->base += gone;
			r->rows -= gone;
			if (r->rows == 0)
				r->base = start;
			at = row - r->base;
		}
		if ((at + 1) * r->words > FAILED_MOST)
			return -1;
		if ((at + 1) * r->words > r->cap_failed) {
			r->cap_failed = 2 * (at + 1) * r->words < FAILED_MOST ? 2 * (at + 1) * r->words : FAILED_MOST;
			r->failed = mem_grow(r->failed, r->cap_failed, sizeof(*r->failed));
		}
		memset(r->failed + r->rows * r->words, 0, (at + 1 - r->rows) * r->words * sizeof(*r->failed));
		r->rows = at + 1;
	}
	uint64_t *word_at = &r->failed[at * r->words + (size_t)pc / 64], bit = 1ull << pc % 64;

	if (*word_at & bit)
		return 1;
	*word_at |= bit;
	return 0;
}

static int
push(struct recognize *r, int pc, size_t row)
{
	if (r->deep == STACK_MOST)
		return -1;
	if (r->deep == r->cap_stack)
		r->stack = mem_grow(r->stack, r->cap_stack = r->cap_stack ? 2 * r->cap_stack : 256, sizeof(*r->stack));
	r->stack[r->deep++] = (struct back){ pc, row };
	return 0;
}

/* The next way to try; 0 when there is none. */
static int
go_back(struct recognize *r, int *pc, size_t *row)
{
	while (r->deep) {
		struct back b = r->stack[--r->deep];

		if (b.pc >= 0) {
			*pc = b.pc, *row = b.row;
			return 1;
		}
		r->mark[~b.pc] = b.row;
	}
	return 0;
}

int
recognize_at(struct recognize *r, const struct recognize_ask *ask, size_t start, const uint8_t **taken, size_t *n, struct err *err)
{
	size_t row = start, steps = 0;
	int pc = 0, rc;

	r->deep = 0;
	for (;;) {
		const struct code *c = &r->code[pc];
		int fails = 0;

		if (++steps % ASK_EVERY == 0 && ask->stopped && (rc = ask->stopped(ask->self, err)) < 0)
			return rc;
		if (steps > STEPS_MOST)
			return err_set(err, ERR_LIMIT, "the pattern has too many ways to match: WITHIN, or conditions that exclude each other, make them fewer");
		if (ask->forgets && !r->empties && (c->op == TAKE || c->op == SPLIT) && (rc = met(r, pc, row, start))) {
			if (rc < 0)
				return err_set(err, ERR_LIMIT, "the pattern has too many steps for a match of so many rows: smaller counts, or WITHIN, make them fewer");
			if (!go_back(r, &pc, &row))
				return 0;
			continue;
		}
		switch (c->op) {
		case TAKE:
			if ((fails = row >= ask->rows || c->a < 0))
				break;
			if (row - start == r->cap_taken) {
				r->taken = mem_grow(r->taken, r->cap_taken = r->cap_taken ? 2 * r->cap_taken : 256, 1);
				r->left_out = mem_grow(r->left_out, r->cap_taken, 1);
			}
			r->taken[row - start] = (uint8_t)c->a;
			r->left_out[row - start] = (uint8_t)c->b;
			if ((rc = ask->fits(ask->self, start, r->taken, row - start + 1, err)) < 0)
				return rc;
			fails = !rc;
			row++, pc++;
			break;
		case SPLIT:
			if (push(r, pc + c->b, row) < 0)
				return err_set(err, ERR_LIMIT, "a match of too many rows: WITHIN bounds it");
			pc += c->a;
			break;
		case JUMP:
			pc += c->a;
			break;
		case FIRST:
			fails = row != 0;
			pc++;
			break;
		case LAST:
			fails = row != ask->rows;
			pc++;
			break;
		case MARK:
			if (push(r, ~c->a, r->mark[c->a]) < 0)
				return err_set(err, ERR_LIMIT, "a match of too many rows: WITHIN bounds it");
			r->mark[c->a] = row;
			pc++;
			break;
		case MOVED:
			pc += r->mark[c->a] == row ? c->b : 1;
			break;
		case MATCH:
			*taken = r->taken, *n = row - start;
			return 1;
		}
		if (fails && !go_back(r, &pc, &row))
			return 0;
	}
}
