/* parse.c - the text of a pattern as steps. Every fault says the column. */
#include <ctype.h>
#include <limits.h>

#include "base/dur.h"
#include "event/field.h"
#include "json/json.h"
#include "pattern/pattern_priv.h"

#define MEMORY  (1u << 20)      /* of a parsed pattern */
#define TEXT_MOST 65536

struct in {
	const char *text;
	size_t n, at;
	struct program *p;
	struct err *err;
};

static int
fault(struct in *in, size_t at, const char *what)
{
	return err_col(in->err, (long)at + 1, ERR_USAGE, "column %zu of the pattern: %s", at + 1, what);
}

static void
blanks(struct in *in)
{
	while (in->at < in->n && isspace((unsigned char)in->text[in->at]))
		in->at++;
}

static int
peek(struct in *in)
{
	blanks(in);
	return in->at < in->n ? (unsigned char)in->text[in->at] : 0;
}

static int
take(struct in *in, const char *token)
{
	size_t n = strlen(token);

	blanks(in);
	if (in->n - in->at < n || memcmp(in->text + in->at, token, n) != 0)
		return 0;
	in->at += n;
	return 1;
}

/* What may stand in an event's name without quotes: "add-to-cart" may, "a->b" is two. */
static int
in_word(const struct in *in, size_t at)
{
	unsigned char c = (unsigned char)in->text[at];

	if (c == '-' && at + 1 < in->n && in->text[at + 1] == '>')
		return 0;
	return c > ' ' && c != 0x7f && !strchr("[](){}|?*+!>:,\"", c);
}

static struct str
word(struct in *in)
{
	size_t start;

	blanks(in);
	for (start = in->at; in->at < in->n && in_word(in, in->at); in->at++)
		;
	return (struct str){ in->text + start, in->at - start };
}

static int
keyword(struct in *in, const char *name)
{
	size_t back = in->at;
	struct str w = word(in);

	if (str_eq(w, str_of(name)))
		return 1;
	in->at = back;
	return 0;
}

static struct str
keep(struct in *in, struct str s)
{
	char *copy = arena_dup(in->p->arena, s.p, s.n);

	if (!copy)
		err_set(in->err, ERR_LIMIT, "the pattern is too large");
	return (struct str){ copy, copy ? s.n : 0 };
}

/* A name: a word, or a JSON string. */
static int
name(struct in *in, struct str *out)
{
	size_t start = (blanks(in), in->at);

	if (peek(in) == '"') {
		struct str rest = { in->text + in->at, in->n - in->at };
		struct json v = json_take(&rest);
		struct buf b = {0};
		struct err why = {0};

		if (!json_is(v, JSON_STRING) || json_check(json_raw(v), &why))
			return fault(in, start, "a text without its closing quote");
		in->at = (size_t)(rest.p - in->text);
		*out = keep(in, json_text(v, &b));
		buf_release(&b);
	} else {
		*out = keep(in, word(in));
	}
	if (in->err->code)
		return in->err->code;
	return out->n ? 0 : fault(in, start, in->at < in->n ? "an event's name is expected here, \"in quotes\" if it has other characters" :
	    "the pattern ends where an event's name is expected");
}

/* Up to the bracket that closes: jq has brackets of its own, and texts with brackets in them. */
static int
condition(struct in *in, struct atom *a)
{
	size_t start = in->at;
	int depth = 1, quoted = 0;

	for (; in->at < in->n && depth; in->at++) {
		char c = in->text[in->at];

		if (quoted && c == '\\')
			in->at++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted)
			depth += (c == '[') - (c == ']');
	}
	if (depth)
		return fault(in, start - 1, "a [ without its ]");
	a->where_at = start;
	a->where = str_trim((struct str){ in->text + start, in->at - 1 - start });
	return a->where.n ? 0 : fault(in, start, "an empty condition");
}

static int
atom(struct in *in, struct step *s)
{
	struct atom *a;

	if (s->atoms == ATOMS_MOST)
		return fault(in, in->at, "more than 32 alternatives");
	a = &s->atom[s->atoms++];
	if (name(in, &a->event))
		return in->err->code;
	return take(in, "[") ? condition(in, a) : 0;
}

static int
number(struct in *in, int *n)
{
	size_t start = (blanks(in), in->at);
	long v = 0;

	for (; in->at < in->n && isdigit((unsigned char)in->text[in->at]) && v <= COUNT_MOST; in->at++)
		v = 10 * v + in->text[in->at] - '0';
	*n = (int)v;
	if (in->at == start)
		return fault(in, start, "a count is expected here");
	return v > COUNT_MOST ? fault(in, start, "a count is 10000 at most") : 0;
}

static int
count(struct in *in, struct step *s)
{
	size_t start = (blanks(in), in->at);

	s->min = s->max = 1;
	if (take(in, "?")) {
		s->min = 0;
	} else if (take(in, "*")) {
		s->min = 0, s->max = ENDLESS;
	} else if (take(in, "+")) {
		s->max = ENDLESS;
	} else if (take(in, "{")) {
		if (number(in, &s->min))
			return in->err->code;
		s->max = s->min;
		if (take(in, ",")) {
			s->max = ENDLESS;
			if (peek(in) != '}' && number(in, &s->max))
				return in->err->code;
		}
		if (!take(in, "}"))
			return fault(in, in->at, "a count ends with }");
		if (s->max < s->min || s->max == 0)
			return fault(in, start, "a count from more to less, or of nothing");
	} else {
		return 0;
	}
	if (s->absent)
		return fault(in, start, "what must not come has no count");
	s->reluctant = take(in, "?");
	return 0;
}

/* `within DUR` behind a join; an event that is called "within" has something else behind it. */
static void
gap(struct in *in, struct step *s)
{
	size_t back = in->at;
	struct err why = {0};

	s->gap_ms = -1;
	if (!keyword(in, "within") || dur_parse(word(in), &s->gap_ms, &why) || s->gap_ms <= 0) {
		in->at = back;
		s->gap_ms = -1;
	}
}

static int
step(struct in *in, int strict)
{
	struct step *s = &in->p->step[in->p->steps];
	size_t start, back;
	struct str label;

	if (in->p->steps == STEPS_MOST)
		return fault(in, in->at, "more than 64 steps");
	s->strict = strict;
	start = (blanks(in), in->at);
	gap(in, s);
	in->p->any_gap |= s->gap_ms >= 0;
	s->absent = take(in, "!");
	if (s->gap_ms >= 0 && (s->absent || !in->p->steps))
		return fault(in, start, s->absent ? "what must not come has no bound of its own: put within at the end" : "nothing is before the first step: put within at the end");
	start = (blanks(in), in->at);
	if (!(s->atom = arena_get(in->p->arena, ATOMS_MOST * sizeof(*s->atom))))
		return err_set(in->err, ERR_LIMIT, "the pattern is too large");
	memset(s->atom, 0, ATOMS_MOST * sizeof(*s->atom));
	back = in->at;
	label = word(in);
	if (label.n && take(in, ":")) {
		s->name = keep(in, label), s->named = 1;
		for (int i = 0; i < in->p->steps; i++)
			if (in->p->step[i].named && str_eq(in->p->step[i].name, s->name))
				return fault(in, start, "two steps of one name");
	} else {
		in->at = back;
	}
	if (take(in, "(")) {
		do {
			if (atom(in, s))
				return in->err->code;
		} while (take(in, "|"));
		if (!take(in, ")"))
			return fault(in, in->at, "alternatives end with )");
	} else if (atom(in, s)) {
		return in->err->code;
	}
	if (!s->named && s->atoms == 1)
		s->name = s->atom[0].event;
	in->p->steps++;
	return in->err->code ? in->err->code : count(in, s);
}

static int
by(struct in *in)
{
	struct str all[16];
	size_t start;
	int n = 0;

	do {
		if (n == 16)
			return fault(in, in->at, "more than 16 fields");
		start = (blanks(in), in->at);
		if (name(in, &all[n]))
			return in->err->code;
		if (in->text[start] != '"' && field_name(&all[n], in->err))
			return err_at(in->err, "column %zu of the pattern", start + 1);
		n++;
	} while (take(in, ","));
	if (!(in->p->by = arena_get(in->p->arena, sizeof(all))))
		return err_set(in->err, ERR_LIMIT, "the pattern is too large");
	memcpy(in->p->by, all, sizeof(all));
	in->p->n_by = n;
	return 0;
}

static int
skip_to(struct in *in)
{
	size_t start;
	struct str to;

	if (keyword(in, "past-last"))
		return 0;
	if (keyword(in, "to-next")) {
		in->p->skip = SKIP_TO_NEXT;
		return 0;
	}
	if (!keyword(in, "to-last"))
		return fault(in, in->at, "skip is past-last, to-next or to-last NAME");
	start = (blanks(in), in->at);
	if (name(in, &to))
		return in->err->code;
	in->p->skip = SKIP_TO_LAST;
	for (in->p->skip_to = in->p->steps; in->p->skip_to-- > 0; )
		if (str_eq(in->p->step[in->p->skip_to].name, to) && !in->p->step[in->p->skip_to].absent)
			return 0;
	return fault(in, start, "no step has this name");
}

static int
within(struct in *in)
{
	size_t start = (blanks(in), in->at);
	struct err why = {0};

	if (dur_parse(word(in), &in->p->within_ms, &why) || in->p->within_ms <= 0)
		return fault(in, start, "within wants a span, like 30m or 7d");
	return 0;
}

/* Does the condition name an event taken before, "$NAME"? */
static uint64_t
looks_at(const struct program *p, int self, struct str where)
{
	uint64_t set = 0;

	for (size_t i = 0; i + 1 < where.n; i++) {
		size_t end = i + 1;

		if (where.p[i] != '$')
			continue;
		while (end < where.n && (isalnum((unsigned char)where.p[end]) || where.p[end] == '_'))
			end++;
		for (int s = 0; s < self; s++)
			if (!p->step[s].absent && str_eq(p->step[s].name, (struct str){ where.p + i + 1, end - i - 1 }))
				set |= 1ull << s;
	}
	return set;
}

static int
whole(struct in *in)
{
	struct program *p = in->p;
	int positive = 0;

	if (step(in, 0))
		return in->err->code;
	while (peek(in) == '-' || peek(in) == '>') {
		int strict = take(in, ">>");

		if (!strict && !take(in, "->"))
			return fault(in, in->at, "steps are joined by -> or >>");
		if (step(in, strict))
			return in->err->code;
		p->any_strict |= strict;
	}
	while (peek(in)) {
		int rc = keyword(in, "within") ? within(in) : keyword(in, "by") ? by(in) : keyword(in, "skip") ? skip_to(in) :
		    fault(in, in->at, "-> STEP, >> STEP, within, by or skip is expected here");
		if (rc)
			return rc;
	}
	for (int s = 0; s < p->steps; s++) {
		positive += !p->step[s].absent && p->step[s].min > 0;
		for (int a = 0; a < p->step[s].atoms; a++) {
			struct atom *at = &p->step[s].atom[a];

			if (at->where.p)
				p->looks_back |= (at->looks_at = looks_at(p, s, at->where)) != 0;
		}
	}
	if (p->step[0].absent)
		return fault(in, 0, "a pattern begins with what comes, not with what does not");
	if (!positive)
		return fault(in, 0, "every step may be missing: nothing would be a match");
	if (p->step[p->steps - 1].absent && p->within_ms < 0)
		return fault(in, in->n, "what must not come at the end wants a bound: add within, like 'within 1h'");
	return 0;
}

int
pattern_parse(struct program *p, const char *text, struct err *err)
{
	struct in in = { .text = text, .n = strlen(text), .p = p, .err = err };

	*p = (struct program){ .arena = arena_new(MEMORY), .within_ms = -1 };
	p->text = arena_dup(p->arena, text, in.n < TEXT_MOST ? in.n : TEXT_MOST);
	if (in.n > TEXT_MOST)
		return err_set(err, ERR_LIMIT, "a pattern of %zu bytes, %d at most", in.n, TEXT_MOST);
	if (str_utf8_fault(str_of(text)) >= 0)
		return fault(&in, (size_t)str_utf8_fault(str_of(text)), "it is not UTF-8");
	if (!(p->step = arena_get(p->arena, STEPS_MOST * sizeof(*p->step))))
		return err_set(err, ERR_LIMIT, "the pattern is too large");
	memset(p->step, 0, STEPS_MOST * sizeof(*p->step));
	return whole(&in);
}

void
pattern_release(struct program *p)
{
	for (int s = 0; s < p->steps; s++)
		for (int a = 0; a < p->step[s].atoms; a++)
			expr_free(p->step[s].atom[a].expr);
	arena_free(p->arena);
}
