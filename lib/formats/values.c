/* The window holds the unread bytes in [at, n). A value is scanned where it lies; the scan remembers where it was when the
 * bytes end in the middle of it, so no byte is looked at twice. */
#include "formats/values.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/json.h"

#define INPUT_MOST (64u << 10)          /* bytes of damaged input that are shown to who asks */

enum where {
	TOP,            /* between values */
	ARRAY,          /* in the array of the top */
	ENVELOPE,       /* in the array of the envelope */
	TAIL,           /* behind it, up to the envelope's } */
};

/* record.inside: where, and what values_go_on must know besides. */
enum { INSIDE_WHERE = 3, INSIDE_COMMA = 4, INSIDE_SKIPPING = 8 };

struct scan {
	size_t pos;                     /* next byte to look at, from the value's start */
	int    depth, in_string, escaped, in_key, after_colon, event_seen, key_is_envelope;
	size_t string;                  /* where the last string began */
	uint8_t kind[JSON_DEPTH];       /* { or [ of each level */
};

struct values {
	struct in *in;
	struct str envelope;
	struct buf window;
	size_t at;
	enum where where;
	int    comma;                   /* in an array: a value stands before */
	int    over;                    /* the end was told */
	int    skipping;                /* up to a newline, after damage */
	long   line;
	struct scan scan;
};

struct values *
values_new(struct in *in, struct str envelope)
{
	struct values *v = mem_new(sizeof(*v));

	v->in = in;
	v->envelope = envelope;
	v->line = 1;
	return v;
}

void
values_free(struct values *v)
{
	if (v)
		buf_release(&v->window);
	free(v);
}

/* More bytes behind the window: IN_LINE, IN_END, IN_IDLE, < 0. */
static int
fill(struct values *v, struct err *err)
{
	struct str bytes;
	int rc = in_bytes(v->in, &bytes, err);

	if (rc != IN_LINE)
		return rc;
	if (v->at) {
		memmove(v->window.p, v->window.p + v->at, v->window.n - v->at);
		v->window.n -= v->at;
		v->at = 0;
	}
	buf_str(&v->window, bytes);
	return IN_LINE;
}

static void
skip(struct values *v, size_t n)
{
	const char *p = v->window.p + v->at, *end = p + n;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))))
		v->line++, p++;
	v->at += n;
}

static int
blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == 0x1e;   /* 0x1e: RFC 7464 */
}

enum found { MORE, WHOLE, OPENED, DAMAGED };

/* Go on with the value that begins at the window's `at`: WHOLE when scan.pos is behind it, OPENED when it is the envelope
 * and scan.pos behind the bracket of its array. */
static enum found
walk(struct values *v, const char **what)
{
	struct scan *s = &v->scan;
	const char *p = v->window.p + v->at;
	size_t n = v->window.n - v->at;

	for (; s->pos < n; s->pos++) {
		char c = p[s->pos];

		if (s->in_string) {
			if (s->escaped)
				s->escaped = 0;
			else if (c == '\\')
				s->escaped = 1;
			else if (c == '"') {
				s->in_string = 0;
				if (s->depth == 1 && s->in_key) {
					struct str key = { p + s->string + 1, s->pos - s->string - 1 };

					s->key_is_envelope = v->where == TOP && v->envelope.p && str_eq(key, v->envelope) && !s->event_seen;
					s->event_seen |= str_eq(key, STR("event"));
				}
				if (!s->depth)
					return s->pos++, WHOLE;
			} else if (c == '\n') {
				*what = "a string that its line does not end";
				return DAMAGED;
			}
			continue;
		}
		switch (c) {
		case '"':
			s->in_string = 1;
			s->string = s->pos;
			continue;
		case '{':
		case '[':
			if (s->depth == JSON_DEPTH) {
				*what = "nested too deeply";
				return DAMAGED;
			}
			if (c == '[' && s->depth == 1 && s->key_is_envelope && !s->in_key)
				return s->pos++, OPENED;
			s->kind[s->depth++] = (uint8_t)c;
			s->in_key = c == '{';
			continue;
		case '}':
		case ']':
			if (!s->depth || s->kind[s->depth - 1] != (c == '}' ? '{' : '[')) {
				*what = c == '}' ? "'}' closes nothing" : "']' closes nothing";
				return DAMAGED;
			}
			if (!--s->depth)
				return s->pos++, WHOLE;
			continue;
		case ':':
			if (s->depth == 1)
				s->in_key = 0;
			continue;
		case ',':
			if (s->depth == 1)
				s->in_key = s->kind[0] == '{', s->key_is_envelope = 0;
			continue;
		}
	}
	return MORE;
}

/* A number or word: up to what may stand behind it. */
static enum found
walk_word(struct values *v)
{
	struct scan *s = &v->scan;
	const char *p = v->window.p + v->at;
	size_t n = v->window.n - v->at;

	while (s->pos < n && !blank(p[s->pos]) && (!p[s->pos] || !strchr(",]}[{\"", p[s->pos])))
		s->pos++;
	return s->pos < n ? WHOLE : MORE;
}

static void
here(const struct values *v, struct record *r)
{
	r->end = in_offset(v->in) - (int64_t)(v->window.n - v->at);
	r->more = 0;
	r->inside = (uint8_t)((int)v->where | (v->comma ? INSIDE_COMMA : 0) | (v->skipping ? INSIDE_SKIPPING : 0));
}

void
values_go_on(struct values *v, int inside)
{
	v->where = (enum where)(inside & INSIDE_WHERE);
	v->comma = (inside & INSIDE_COMMA) != 0;
	v->skipping = (inside & INSIDE_SKIPPING) != 0;
}

/* Bad are n bytes from `at`, or, for 0, those to the end of the line at scan.pos. */
static int
damaged(struct values *v, struct record *r, size_t n, const char *what, struct err *err)
{
	size_t there = v->window.n - v->at, pos = v->scan.pos;
	const char *p = v->window.p + v->at, *nl = n || pos >= there ? NULL : memchr(p + pos, '\n', there - pos);

	if (!n)
		n = nl ? (size_t)(nl - p) : there;
	r->line = v->line;
	r->input = (struct str){ p, n < INPUT_MOST ? n : INPUT_MOST };
	v->skipping = !nl;
	v->comma = 0;
	memset(&v->scan, 0, offsetof(struct scan, kind));
	skip(v, n);
	here(v, r);
	return err_col(err, (long)pos + 1, ERR_INPUT, "%s", what);
}

static int
over(struct values *v, struct record *r, struct err *err)
{
	const char *what = v->at < v->window.n ? "the input ends in the middle of a value" :
	    v->where == ARRAY || v->where == ENVELOPE ? "the input ends before the array's ]" :
	    v->where == TAIL ? "the input ends before the envelope's }" : NULL;

	if (v->over || !what)
		return IN_END;
	v->over = 1;
	r->cut = 1;
	return damaged(v, r, v->window.n - v->at, what, err);   /* all of it: to try again at each line would take for ever */
}

int
values_next(struct values *v, struct record *r, struct err *err)
{
	const char *what = NULL;
	enum found found;
	struct str text;
	char c;
	int rc;

	r->checked = r->cut = 0;
	r->properties = (struct str){ NULL, 0 };
	for (;;) {
		if (v->at == v->window.n) {
			if ((rc = fill(v, err)) == IN_END)
				return over(v, r, err);
			if (rc != IN_LINE)
				return rc;
		}
		if (v->skipping) {
			const char *nl = memchr(v->window.p + v->at, '\n', v->window.n - v->at);

			skip(v, nl ? (size_t)(nl - v->window.p) - v->at : v->window.n - v->at);
			v->skipping = !nl;
			continue;
		}
		c = v->window.p[v->at];
		if (!v->scan.pos) {             /* nothing begun */
			if (blank(c)) {
				skip(v, 1);
				continue;
			}
			if (v->where == TAIL && !v->scan.depth) {
				v->scan.depth = 1;
				v->scan.kind[0] = '{';
			} else if ((v->where == ARRAY || v->where == ENVELOPE) && (c == ']' || (c == ',' && v->comma))) {
				v->at++;
				v->comma = 0;
				if (c == ']')
					v->where = v->where == ARRAY ? TOP : TAIL;
				continue;
			} else if (v->where == TOP && c == '[') {
				v->at++;
				v->where = ARRAY;
				v->comma = 0;
				continue;
			} else if ((v->where == ARRAY || v->where == ENVELOPE) && v->comma)
				return damaged(v, r, 0, "a comma is missing between two values", err);
		}
		if (c == '{' || c == '[' || c == '"' || v->where == TAIL)
			found = walk(v, &what);
		else {
			if (c == ',' || c == ']' || c == '}' || c == ':')
				return damaged(v, r, 0, "here a value must begin", err);
			found = walk_word(v);
		}
		if (found == MORE) {
			if (v->window.n - v->at > IN_LINE_MOST) {
				return damaged(v, r, v->window.n - v->at, "the value is larger than 64 MiB, skipped", err);
			}
			if ((rc = fill(v, err)) == IN_LINE)
				continue;
			if (rc != IN_END)
				return rc;
			if (c == '{' || c == '[' || c == '"' || v->where == TAIL)
				return over(v, r, err);
			found = WHOLE;          /* a word at the very end */
		}
		if (found == DAMAGED)
			return damaged(v, r, 0, what, err);
		text = (struct str){ v->window.p + v->at, v->scan.pos };
		r->line = v->line;
		skip(v, v->scan.pos);
		memset(&v->scan, 0, offsetof(struct scan, kind));
		if (found == OPENED) {
			v->where = ENVELOPE;
			v->comma = 0;
			continue;
		}
		if (v->where == TAIL) {
			v->where = TOP;
			continue;
		}
		v->comma = 1;
		r->json = r->input = text;
		here(v, r);
		if (text.p[0] != '{')
			return err_col(err, 1, ERR_INPUT, "an event is an object, this is %s", text.p[0] == '[' ? "an array" :
			    text.p[0] == '"' ? "a string" : text.p[0] == '-' || (text.p[0] >= '0' && text.p[0] <= '9') ? "a number" :
			    "a word");
		return IN_LINE;
	}
}
