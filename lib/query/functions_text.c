/* Functions of text, numbers, JSON and types. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>

#include "codec/sha256.h"
#include "expr/regex.h"
#include "base/letter.h"
#include "base/mem.h"
#include "base/time.h"
#include "query/functions_priv.h"
#include "json/cell.h"

#define TEXT_MOST (16u << 20)           /* bytes that repeat and pad may make */

/* ---- UTF-8 */

static size_t
characters(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static size_t
offset_of(struct str s, size_t chars)           /* bytes of the first so many characters */
{
	size_t i = 0;

	for (; i < s.n; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80 && chars-- == 0)
			break;
	return i;
}

/* ---- text */

static void
concat(sqlite3_context *c, int n, sqlite3_value **v)            /* which 1: with a separator in front */
{
	struct buf out = {0};
	int ws = functions_which(c), any = 0;

	if (ws && sqlite3_value_type(v[0]) == SQLITE_NULL)
		return;
	for (int i = ws; i < n; i++) {
		if (sqlite3_value_type(v[i]) == SQLITE_NULL)
			continue;
		if (ws && any++)
			buf_str(&out, functions_text_of(v[0]));
		buf_str(&out, functions_text_of(v[i]));
	}
	functions_give_text(c, buf_get(&out));
	buf_release(&out);
}

static void
side(sqlite3_context *c, int n, sqlite3_value **v)              /* left(s, n), right(s, n); a negative n leaves so many out */
{
	struct str s = functions_text_of(v[0]);
	int64_t want = sqlite3_value_int64(v[1]), have;
	size_t cut;

	if (functions_any_null(n, v))
		return;
	have = (int64_t)characters(s);
	if (want < 0)
		want = want < -have ? 0 : have + want;
	if (want > have)
		want = have;
	if (functions_which(c) == 0) {
		s.n = offset_of(s, (size_t)want);
	} else {
		cut = offset_of(s, (size_t)(have - want));
		s = (struct str){ s.p + cut, s.n - cut };
	}
	functions_give_text(c, s);
}

static void
pad(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct str s = functions_text_of(v[0]), with = n == 3 ? functions_text_of(v[2]) : STR(" ");
	int64_t want = sqlite3_value_int64(v[1]), have;
	struct buf out = {0};

	if (functions_any_null(n, v))
		return;
	if (want < 0)
		want = 0;
	if (want > TEXT_MOST) {
		functions_error(c, "a text of more than %u MiB", TEXT_MOST >> 20);
		return;
	}
	have = (int64_t)characters(s);
	if (have >= want || with.n == 0) {
		s.n = offset_of(s, (size_t)(want < have ? want : have));
		functions_give_text(c, s);
		return;
	}
	if (functions_which(c))
		buf_str(&out, s);
	for (int64_t fill = want - have, per = (int64_t)characters(with); fill > 0; fill -= per)
		buf_add(&out, with.p, fill >= per ? with.n : offset_of(with, (size_t)fill));
	if (!functions_which(c))
		buf_str(&out, s);
	functions_give_text(c, buf_get(&out));
	buf_release(&out);
}

static void
repeat(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct str s = functions_text_of(v[0]);
	int64_t times = sqlite3_value_int64(v[1]);
	struct buf out = {0};

	if (functions_any_null(n, v))
		return;
	if (times > 0 && s.n && (size_t)times > TEXT_MOST / s.n) {
		functions_error(c, "a text of more than %u MiB", TEXT_MOST >> 20);
		return;
	}
	for (; times > 0 && s.n; times--)
		buf_str(&out, s);
	functions_give_text(c, buf_get(&out));
	buf_release(&out);
}

static void
reverse(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct str s = functions_text_of(v[0]);
	struct buf out = {0};

	if (functions_any_null(n, v))
		return;
	for (size_t end = s.n; end > 0; ) {
		size_t i = end - 1;

		while (i > 0 && ((unsigned char)s.p[i] & 0xc0) == 0x80)
			i--;
		buf_add(&out, s.p + i, end - i);
		end = i;
	}
	functions_give_text(c, buf_get(&out));
	buf_release(&out);
}

static void
split_part(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct str s = functions_text_of(v[0]), by = functions_text_of(v[1]), rest, found = STR("");
	int64_t want = sqlite3_value_int64(v[2]), at = 1, parts = 1;

	if (functions_any_null(n, v))
		return;
	if (want == 0)
		want = 1;
	if (want < 0) {         /* from the end */
		for (rest = s; by.n && rest.n >= by.n; ) {
			const char *hit = memmem(rest.p, rest.n, by.p, by.n);

			if (!hit)
				break;
			parts++;
			rest = (struct str){ hit + by.n, rest.n - (size_t)(hit + by.n - rest.p) };
		}
		want = parts + want + 1;
	}
	for (rest = s; want >= 1; at++) {
		const char *hit = by.n ? memmem(rest.p, rest.n, by.p, by.n) : NULL;
		struct str piece = { rest.p, hit ? (size_t)(hit - rest.p) : rest.n };

		if (at == want)
			found = piece;
		if (at == want || !hit)
			break;
		rest = (struct str){ hit + by.n, rest.n - piece.n - by.n };
	}
	functions_give_text(c, found);
}

static void
find_text(sqlite3_context *c, int n, sqlite3_value **v)         /* which 0 starts, 1 ends, 2 contains, 3 position */
{
	struct str s = functions_text_of(v[0]), x = functions_text_of(v[1]);
	const char *hit;

	if (functions_any_null(n, v))
		return;
	switch (functions_which(c)) {
	case 0:
		sqlite3_result_int(c, str_starts(s, x));
		break;
	case 1:
		sqlite3_result_int(c, s.n >= x.n && (x.n == 0 || memcmp(s.p + s.n - x.n, x.p, x.n) == 0));
		break;
	case 2:
		sqlite3_result_int(c, x.n == 0 || memmem(s.p, s.n, x.p, x.n) != NULL);
		break;
	default:
		hit = x.n ? memmem(s.p, s.n, x.p, x.n) : s.p;
		sqlite3_result_int64(c, hit ? (int64_t)characters((struct str){ s.p, (size_t)(hit - s.p) }) + 1 : 0);
	}
}

static void
text_length(sqlite3_context *c, int n, sqlite3_value **v)       /* which 0: characters, 1: bytes */
{
	struct str s = functions_text_of(v[0]);

	(void)n;
	if (s.p)
		sqlite3_result_int64(c, (int64_t)(functions_which(c) ? s.n : characters(s)));
}

static void
letter_case(sqlite3_context *c, int n, sqlite3_value **v)       /* which 0: lower, 1: upper */
{
	struct str s = functions_text_of(v[0]);
	uint32_t (*map)(uint32_t) = functions_which(c) ? letter_upper : letter_lower;
	struct buf out = {0};

	if (functions_any_null(n, v))
		return;
	buf_room(&out, s.n);
	while (s.n)
		letter_put(&out, map(letter_take(&s)));
	functions_give_text(c, buf_get(&out));
	buf_release(&out);
}

static void
initcap(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct str s = functions_text_of(v[0]);
	struct buf out = {0};
	int start = 1;

	if (functions_any_null(n, v))
		return;
	while (s.n) {
		uint32_t ch = letter_take(&s);

		letter_put(&out, start ? letter_upper(ch) : letter_lower(ch));
		start = ch < 0x80 && !((ch | 32) >= 'a' && (ch | 32) <= 'z') && !(ch >= '0' && ch <= '9');
	}
	functions_give_text(c, buf_get(&out));
	buf_release(&out);
}

#define LIKE_MOST 10000         /* bytes of a pattern, as SQLite's LIKE */
#define NO_ESCAPE UINT32_MAX
#define NO_LETTER UINT32_MAX
#define TRANSLATE_MOST 1000     /* different characters: each of the text is compared with all of them */

/* Does the text fit the pattern? One step back is enough: to the last %, with one character more taken by it. */
static int
fits(struct str pattern, struct str s, uint32_t escape)
{
	struct str again = { 0 }, from = s;

	for (;;) {
		struct str rest = pattern, left = s;
		uint32_t p;

		if (!rest.n) {
			if (!left.n)
				return 1;
		} else if ((p = letter_take(&rest)) == escape && rest.n) {
			p = letter_take(&rest);
			if (left.n && letter_fold(p) == letter_fold(letter_take(&left))) {
				pattern = rest, s = left;
				continue;
			}
		} else if (p == '%') {
			again = pattern = rest;
			from = s;
			if (!rest.n)
				return 1;
			continue;
		} else if (left.n) {
			uint32_t ch = letter_take(&left);

			if (p == '_' || letter_fold(p) == letter_fold(ch)) {
				pattern = rest, s = left;
				continue;
			}
		}
		if (!again.p || !from.n)
			return 0;
		letter_take(&from);
		pattern = again, s = from;
	}
}

/* x ILIKE y [ESCAPE z], said as MATCH, which SQLite has no meaning for: (pattern, text[, escape]) */
static void
ilike(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct str pattern = functions_text_of(v[0]), with;
	uint32_t escape = NO_ESCAPE;

	if (functions_any_null(n, v))
		return;
	if (n == 3) {
		with = functions_text_of(v[2]);
		escape = with.n ? letter_take(&with) : NO_ESCAPE;
		if (escape == NO_ESCAPE || with.n) {
			functions_error(c, "ESCAPE wants one character");
			return;
		}
	}
	if (pattern.n > LIKE_MOST)
		functions_error(c, "a pattern of more than %d bytes", LIKE_MOST);
	else
		sqlite3_result_int(c, fits(pattern, functions_text_of(v[1]), escape));
}

static void
translate(sqlite3_context *c, int n, sqlite3_value **v)         /* each character of `from` becomes that at its place in `to`, or goes */
{
	struct str s = functions_text_of(v[0]), from = functions_text_of(v[1]), to = functions_text_of(v[2]);
	struct { uint32_t from, to; } letter[TRANSLATE_MOST];
	struct buf out = {0};
	size_t letters = 0, i;

	if (functions_any_null(n, v))
		return;
	while (from.n) {
		uint32_t one = letter_take(&from), other = to.n ? letter_take(&to) : NO_LETTER;

		for (i = 0; i < letters && letter[i].from != one; i++)
			;
		if (i == TRANSLATE_MOST) {
			functions_error(c, "translate: more than %d different characters to look for", TRANSLATE_MOST);
			return;
		}
		if (i == letters) {             /* of a character given twice the first holds */
			letter[letters].from = one;
			letter[letters++].to = other;
		}
	}
	while (s.n) {
		uint32_t one = letter_take(&s);

		for (i = 0; i < letters && letter[i].from != one; i++)
			;
		if (i == letters || letter[i].to != NO_LETTER)
			letter_put(&out, i == letters ? one : letter[i].to);
	}
	functions_give_text(c, buf_get(&out));
	buf_release(&out);
}

static void
ascii(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct str s = functions_text_of(v[0]);

	(void)n;
	if (s.p)
		sqlite3_result_int(c, s.n ? (unsigned char)s.p[0] : 0);
}

static void
url_part(sqlite3_context *c, int n, sqlite3_value **v)          /* which 0: host without www., 1: path */
{
	struct str s = functions_text_of(v[0]);
	const char *slashes;
	size_t i = 0;

	if (functions_any_null(n, v))
		return;
	if ((slashes = memmem(s.p, s.n < 16 ? s.n : 16, "://", 3)))
		s = (struct str){ slashes + 3, s.n - (size_t)(slashes + 3 - s.p) };
	else if (functions_which(c) == 0 && s.n && *s.p == '/')
		s.n = 0;
	while (i < s.n && !strchr("/?#", s.p[i]))
		i++;
	if (functions_which(c) == 0) {
		struct str host = { s.p, i };
		const char *at = memrchr(host.p, '@', host.n), *colon;

		if (at)
			host = (struct str){ at + 1, host.n - (size_t)(at + 1 - host.p) };
		if ((colon = memchr(host.p, ':', host.n)))
			host.n = (size_t)(colon - host.p);
		if (str_starts(host, STR("www.")))
			host = (struct str){ host.p + 4, host.n - 4 };
		functions_give_text(c, host);
	} else {
		s = (struct str){ s.p + i, s.n - i };
		for (i = 0; i < s.n && s.p[i] != '?' && s.p[i] != '#'; i++)
			;
		functions_give_text(c, (struct str){ s.p, i });
	}
}

/* ---- regular expressions */

/* The compiled pattern, kept for the next calls: SQLite's own place for that is emptied after each row of a statement that is run anew for
 * each value. Good until as many others have come as are kept. NULL, and the error is told. */
static struct regex *
pattern_of(sqlite3_context *c, sqlite3_value *v, const char *flags)
{
	struct functions *all = functions_self(c)->all;
	struct str text = functions_text_of(v);
	struct functions_pattern *p;
	struct err err = {0};

	flags = flags ? flags : "";
	for (int i = 0; i < FUNCTIONS_PATTERNS && all->pattern[i].regex; i++)
		if (str_eq(all->pattern[i].text, text) && strcmp(all->pattern[i].flags, flags) == 0)
			return all->pattern[i].regex;
	p = &all->pattern[all->next_pattern++ % FUNCTIONS_PATTERNS];
	functions_pattern_release(p);
	if (!(p->regex = regex_new(text, flags, &err))) {
		functions_error(c, "%s", err.text);
		all->next_pattern--;
		return NULL;
	}
	p->text = (struct str){ mem_dup(text.p, text.n), text.n };
	p->flags = mem_dup(flags, strlen(flags) + 1);
	return p->regex;
}

void
functions_pattern_release(struct functions_pattern *p)
{
	regex_free(p->regex);
	free((char *)p->text.p);
	free(p->flags);
	*p = (struct functions_pattern){ 0 };
}

static int
find(sqlite3_context *c, struct regex *regex, struct str s, size_t from, struct regex_group *groups, int n)
{
	struct err err = {0};
	int found = regex_find(regex, s, from, groups, n, &err);

	if (found < 0)
		functions_error(c, "%s", err.text);
	return found;
}

static void
regexp(sqlite3_context *c, int n, sqlite3_value **v)            /* regexp(pattern, text): x REGEXP y; which 1: (text, pattern[, flags]) */
{
	int at = functions_which(c);
	struct regex *regex;
	int found;

	if (functions_any_null(n, v) || !(regex = pattern_of(c, v[at], n == 3 ? (const char *)sqlite3_value_text(v[2]) : NULL)))
		return;
	found = find(c, regex, functions_text_of(v[1 - at]), 0, NULL, 0);
	if (found >= 0)
		sqlite3_result_int(c, found);
}

static void
regexp_extract(sqlite3_context *c, int n, sqlite3_value **v)    /* (text, pattern[, group]); '' where nothing fits */
{
	struct regex_group groups[REGEX_GROUPS];
	struct regex *regex;
	struct str s = functions_text_of(v[0]);
	int64_t group = 0;
	int found;

	if (functions_any_null(n, v) || !(regex = pattern_of(c, v[1], NULL)))
		return;
	if (n == 3)
		group = sqlite3_value_type(v[2]) == SQLITE_TEXT ? regex_name(regex, functions_text_of(v[2])) : sqlite3_value_int64(v[2]);
	else if (functions_which(c))
		group = regex_count(regex) > 0;
	found = find(c, regex, s, 0, groups, REGEX_GROUPS);
	if (found == 0 || (found == 1 && (group < 0 || group >= REGEX_GROUPS || groups[group].from < 0)))
		functions_give_text(c, STR(""));
	else if (found == 1)
		functions_give_text(c, (struct str){ s.p + groups[group].from, (size_t)(groups[group].to - groups[group].from) });
}

static void
regexp_replace(sqlite3_context *c, int n, sqlite3_value **v)    /* (text, pattern, by[, 'g']): the first, with g each */
{
	struct regex_group groups[REGEX_GROUPS];
	struct regex *regex;
	struct str s = functions_text_of(v[0]), by = functions_text_of(v[2]);
	const char *flags = n == 4 ? (const char *)sqlite3_value_text(v[3]) : "";
	int all = functions_which(c), found = 0;
	struct buf out = {0};
	size_t from = 0;
	char kind[8] = "", *k = kind;

	if (functions_any_null(n, v))
		return;
	for (; *flags && k < kind + 6; flags++)
		if (*flags == 'g')
			all = 1;
		else
			*k++ = *flags;
	*k = 0;
	if (!(regex = pattern_of(c, v[1], kind)))
		return;
	while (from <= s.n && (found = find(c, regex, s, from, groups, REGEX_GROUPS)) == 1) {
		buf_add(&out, s.p + from, (size_t)groups[0].from - from);
		for (size_t i = 0; i < by.n; i++) {
			if (by.p[i] == '\\' && i + 1 < by.n && by.p[i + 1] >= '0' && by.p[i + 1] <= '9') {
				struct regex_group *g = &groups[by.p[++i] - '0'];

				if (g->from >= 0)
					buf_add(&out, s.p + g->from, (size_t)(g->to - g->from));
			} else if (by.p[i] == '\\' && i + 1 < by.n && by.p[i + 1] == '\\') {
				buf_byte(&out, by.p[++i]);
			} else {
				buf_byte(&out, by.p[i]);
			}
		}
		from = (size_t)groups[0].to;
		if (groups[0].to == groups[0].from) {   /* an empty match moves on by a character */
			do {
				if (from < s.n)
					buf_byte(&out, s.p[from]);
				from++;
			} while (from < s.n && ((unsigned char)s.p[from] & 0xc0) == 0x80);
		}
		if (!all || out.n > TEXT_MOST)
			break;
	}
	if (from < s.n)
		buf_add(&out, s.p + from, s.n - from);
	if (found >= 0)
		functions_give_text(c, buf_get(&out));
	buf_release(&out);
}

static void
regexp_all(sqlite3_context *c, int n, sqlite3_value **v)        /* which 0: how many, 1: as a JSON array, 2: what lies between them */
{
	struct regex_group groups[REGEX_GROUPS];
	struct regex *regex;
	struct str s = functions_text_of(v[0]);
	struct buf out = {0};
	int64_t count = 0, group = n == 3 ? sqlite3_value_int64(v[2]) : 0;
	size_t from = 0, behind = 0;
	int found = 0, which = functions_which(c);

	if (functions_any_null(n, v) || !(regex = pattern_of(c, v[1], NULL)))
		return;
	if (group < 0 || group >= REGEX_GROUPS)
		group = 0;
	buf_byte(&out, '[');
	while (from <= s.n && (found = find(c, regex, s, from, groups, REGEX_GROUPS)) == 1) {
		buf_lit(&out, count++ ? "," : "");
		if (which == 2)
			json_put_string(&out, (struct str){ s.p + behind, (size_t)groups[0].from - behind });
		else if (groups[group].from >= 0)
			json_put_string(&out, (struct str){ s.p + groups[group].from, (size_t)(groups[group].to - groups[group].from) });
		else
			buf_lit(&out, "null");
		behind = (size_t)groups[0].to;
		from = behind + (groups[0].to == groups[0].from);
		while (from < s.n && ((unsigned char)s.p[from] & 0xc0) == 0x80)
			from++;
	}
	if (which == 2) {
		buf_lit(&out, count ? "," : "");
		json_put_string(&out, (struct str){ s.p + behind, s.n - behind });
	}
	buf_byte(&out, ']');
	if (found >= 0 && which)
		functions_give_text(c, buf_get(&out));
	else if (found >= 0)
		sqlite3_result_int64(c, count);
	buf_release(&out);
}

/* ---- numbers */

static int
compare(sqlite3_value *a, sqlite3_value *b)             /* SQLite's order of values: numbers before texts */
{
	int ta = sqlite3_value_type(a), tb = sqlite3_value_type(b), na = ta == SQLITE_INTEGER || ta == SQLITE_FLOAT, nb = tb == SQLITE_INTEGER || tb == SQLITE_FLOAT;

	if (ta == SQLITE_INTEGER && tb == SQLITE_INTEGER)
		return (sqlite3_value_int64(a) > sqlite3_value_int64(b)) - (sqlite3_value_int64(a) < sqlite3_value_int64(b));
	if (na && nb)
		return (sqlite3_value_double(a) > sqlite3_value_double(b)) - (sqlite3_value_double(a) < sqlite3_value_double(b));
	if (na != nb)
		return na ? -1 : 1;
	return str_cmp(functions_text_of(a), functions_text_of(b));
}

static void
extreme(sqlite3_context *c, int n, sqlite3_value **v)           /* greatest, least: NULLs are passed over */
{
	int want = functions_which(c);
	sqlite3_value *best = NULL;

	for (int i = 0; i < n; i++)
		if (sqlite3_value_type(v[i]) != SQLITE_NULL && (!best || compare(v[i], best) * want > 0))
			best = v[i];
	if (best)
		sqlite3_result_value(c, best);
}

static void
iff(sqlite3_context *c, int n, sqlite3_value **v)
{
	int i;

	for (i = 0; i + 1 < n; i += 2)  /* if(a, x, b, y, …, else) */
		if (sqlite3_value_type(v[i]) != SQLITE_NULL && (sqlite3_value_numeric_type(v[i]) == SQLITE_INTEGER ?
		    sqlite3_value_int64(v[i]) != 0 : sqlite3_value_double(v[i]) != 0)) {
			sqlite3_result_value(c, v[i + 1]);
			return;
		}
	if (i < n)
		sqlite3_result_value(c, v[i]);
}

/* To so many places, as SQLite's round(x, n). What is not near the midst between two is the nearest digits, divided; the few that are
 * are what printf makes of them. */
double
functions_round(double x, int64_t places)
{
	static const double power[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9 };
	int n = places < 0 ? 0 : places > 30 ? 30 : (int)places;
	double scaled, digits;
	char *text;

	if (!(fabs(x) <= 0x1p52))
		return x;
	if (n == 0)
		return (double)(int64_t)(x < 0 ? x - 0.5 : x + 0.5);
	if (n < (int)(sizeof(power) / sizeof(*power)) && (scaled = fabs(x) * power[n]) < 0x1p40) {
		digits = floor(scaled);
		if (fabs(scaled - digits - 0.5) > 0x1p-10) {
			digits = (digits + (scaled - digits > 0.5)) / power[n];
			return x < 0 ? -digits : digits;
		}
	}
	text = sqlite3_mprintf("%!.*f", n, x);
	x = text ? strtod(text, NULL) : x;
	sqlite3_free(text);
	return x;
}

static void
round_places(sqlite3_context *c, int n, sqlite3_value **v)
{
	if (!functions_any_null(n, v))
		sqlite3_result_double(c, functions_round(sqlite3_value_double(v[0]), sqlite3_value_int(v[1])));
}

static void
width_bucket(sqlite3_context *c, int n, sqlite3_value **v)
{
	double x = sqlite3_value_double(v[0]), low = sqlite3_value_double(v[1]), high = sqlite3_value_double(v[2]);
	int64_t count = sqlite3_value_int64(v[3]);

	if (functions_any_null(n, v))
		return;
	if (count <= 0 || count == INT64_MAX || low == high) {
		functions_error(c, "width_bucket(x, low, high, n) wants n above 0 and low unlike high");
		return;
	}
	if (low < high ? x < low : x > low)
		sqlite3_result_int64(c, 0);
	else if (low < high ? x >= high : x <= high)
		sqlite3_result_int64(c, count + 1);
	else
		sqlite3_result_int64(c, (int64_t)floor((x - low) / (high - low) * (double)count) + 1);
}

static void
bit_count(sqlite3_context *c, int n, sqlite3_value **v)
{
	if (!functions_any_null(n, v))
		sqlite3_result_int(c, __builtin_popcountll((unsigned long long)sqlite3_value_int64(v[0])));
}

static void
cube_root(sqlite3_context *c, int n, sqlite3_value **v)
{
	if (!functions_any_null(n, v))
		sqlite3_result_double(c, cbrt(sqlite3_value_double(v[0])));
}

static void
divide(sqlite3_context *c, int n, sqlite3_value **v)            /* safe_divide(a, b): NULL for b = 0 */
{
	if (!functions_any_null(n, v) && sqlite3_value_double(v[1]) != 0)
		sqlite3_result_double(c, sqlite3_value_double(v[0]) / sqlite3_value_double(v[1]));
}

/* ---- digests and ids */

static uint32_t
turn(uint32_t x, int n)
{
	return x << n | x >> (32 - n);
}

static void
md5_block(uint32_t h[4], const unsigned char *p)        /* RFC 1321 */
{
	static const unsigned char shift[16] = { 7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21 };
	uint32_t a = h[0], b = h[1], c = h[2], d = h[3], w[16], f, t;

	for (int i = 0; i < 16; i++)
		w[i] = p[4 * i] | (uint32_t)p[4 * i + 1] << 8 | (uint32_t)p[4 * i + 2] << 16 | (uint32_t)p[4 * i + 3] << 24;
	for (int i = 0; i < 64; i++) {
		int g;

		if (i < 16)
			f = (b & c) | (~b & d), g = i;
		else if (i < 32)
			f = (d & b) | (~d & c), g = (5 * i + 1) & 15;
		else if (i < 48)
			f = b ^ c ^ d, g = (3 * i + 5) & 15;
		else
			f = c ^ (b | ~d), g = (7 * i) & 15;
		t = d, d = c, c = b;
		b += turn(a + f + (uint32_t)floor(fabs(sin(i + 1)) * 4294967296.0) + w[g], shift[(i / 16) * 4 + i % 4]);
		a = t;
	}
	h[0] += a, h[1] += b, h[2] += c, h[3] += d;
}

static void
md5(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct str s = functions_text_of(v[0]);
	uint32_t h[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };
	unsigned char last[128] = {0};
	char hex[33];
	size_t i, rest, blocks;

	if (functions_any_null(n, v))
		return;
	for (i = 0; i + 64 <= s.n; i += 64)
		md5_block(h, (const unsigned char *)s.p + i);
	rest = s.n - i;
	memcpy(last, s.p + i, rest);
	last[rest] = 0x80;
	blocks = rest < 56 ? 1 : 2;
	for (int k = 0; k < 8; k++)
		last[blocks * 64 - 8 + (size_t)k] = (unsigned char)((uint64_t)s.n * 8 >> 8 * k);
	for (size_t k = 0; k < blocks; k++)
		md5_block(h, last + 64 * k);
	for (int k = 0; k < 16; k++)
		snprintf(hex + 2 * k, 3, "%02x", h[k / 4] >> 8 * (k % 4) & 0xff);
	sqlite3_result_text(c, hex, 32, SQLITE_TRANSIENT);
}

static void
sha256_hex(sqlite3_context *c, int n, sqlite3_value **v)
{
	uint8_t digest[SHA256_LEN];
	char hex[2 * SHA256_LEN + 1];

	if (functions_any_null(n, v))
		return;
	sha256(functions_text_of(v[0]), digest);
	for (int i = 0; i < SHA256_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	sqlite3_result_text(c, hex, 2 * SHA256_LEN, SQLITE_TRANSIENT);
}

static void
hash(sqlite3_context *c, int n, sqlite3_value **v)              /* the same on every machine; not for secrets */
{
	if (!functions_any_null(n, v))
		sqlite3_result_int64(c, (int64_t)str_hash_stable(functions_text_of(v[0])));
}

static void
uuid(sqlite3_context *c, int n, sqlite3_value **v)
{
	unsigned char r[16];
	char out[37], *o = out;

	(void)n, (void)v;
	if (getrandom(r, sizeof(r), 0) != sizeof(r)) {
		functions_error(c, "no random numbers from the system");
		return;
	}
	r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
	r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++)
		o += snprintf(o, (size_t)(out + sizeof(out) - o), i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", r[i]);
	sqlite3_result_text(c, out, 36, SQLITE_TRANSIENT);
}

/* SAMPLE: pseudo-random, but the same at each run. */
static uint64_t
next_random(sqlite3_context *c)
{
	uint64_t x = functions_self(c)->all->random += 0x9e3779b97f4a7c15ULL;  /* splitmix64 */

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static void
sample_share(sqlite3_context *c, int n, sqlite3_value **v)      /* percent */
{
	(void)n;
	sqlite3_result_int(c, (double)(next_random(c) >> 11) / 9007199254740992.0 * 100 < sqlite3_value_double(v[0]));
}

static void
sample_key(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n, (void)v;
	sqlite3_result_int64(c, (int64_t)(next_random(c) >> 1));
}

/* ---- JSON */

static void
property(sqlite3_context *c, int n, sqlite3_value **v)          /* property(json, key, key …): numbers index arrays */
{
	struct str s = functions_text_of(v[0]);
	struct buf scratch = {0};
	struct json j;

	if (!s.p)
		return;
	j = json_value(s);
	for (int i = 1; i < n; i++) {
		struct str key = functions_text_of(v[i]);
		int64_t at;

		if (!key.p)
			return;
		if (j.type == JSON_ARRAY && str_int64(key, &at) == 0)
			j = json_index(j, at);
		else
			j = json_get(j, key);
	}
	struct cell cell = cell_of_json(j, &scratch);

	functions_give(c, &cell);
	buf_release(&scratch);
}

static void
json_size(sqlite3_context *c, int n, sqlite3_value **v)         /* len(x): of a JSON array its items, of a text its characters */
{
	struct str s = functions_text_of(v[0]);
	struct err err = {0};

	(void)n;
	if (!s.p)
		return;
	if (s.n && *s.p == '[' && json_check(s, &err) == 0) {
		struct json_iter it;
		int64_t count = 0;

		for (it = json_iter(json_value(s)); json_next(&it); )
			count++;
		sqlite3_result_int64(c, count);
	} else {
		sqlite3_result_int64(c, (int64_t)characters(s));
	}
}

static void
array_contains(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct str s = functions_text_of(v[0]);
	struct buf scratch = {0};
	struct err err = {0};
	struct json_iter it;
	int found = 0;

	if (functions_any_null(n, v) || json_check(s, &err) < 0)
		return;
	for (it = json_iter(json_value(s)); !found && json_next(&it); ) {
		struct cell x = cell_of_json(it.value, &scratch);

		if (x.type == CELL_TEXT)
			found = sqlite3_value_type(v[1]) == SQLITE_TEXT && str_eq(x.text, functions_text_of(v[1]));
		else if (x.type == CELL_INTEGER && sqlite3_value_type(v[1]) == SQLITE_INTEGER)
			found = x.integer == sqlite3_value_int64(v[1]);
		else if (x.type != CELL_NULL && sqlite3_value_type(v[1]) != SQLITE_TEXT)
			found = (x.type == CELL_INTEGER ? (double)x.integer : x.real) == sqlite3_value_double(v[1]);
	}
	sqlite3_result_int(c, found);
	buf_release(&scratch);
}

/* ---- types */

int
functions_type_differs(struct str type)
{
	static const char *const differ[] = { "timestamp", "timestamptz", "date", "datetime", "time", "bool", "boolean", "string", "json", "uuid", "interval", "variant", NULL };
	size_t n = 0;

	while (n < type.n && ((type.p[n] | 32) >= 'a' && (type.p[n] | 32) <= 'z'))
		n++;
	for (const char *const *d = differ; *d; d++)
		if (strlen(*d) == n && strncasecmp(*d, type.p, n) == 0)
			return 1;
	return 0;
}

enum type { INTEGER, REAL, DECIMAL, TEXT, BOOLEAN, TIMESTAMP, DATE, TIME, JSON, BLOB, UNKNOWN };

static enum type
type_of(struct str s, int *scale)
{
	static const struct { const char *name; enum type type; } names[] = {
		{ "int", INTEGER }, { "integer", INTEGER }, { "bigint", INTEGER }, { "smallint", INTEGER }, { "tinyint", INTEGER }, { "hugeint", INTEGER },
		{ "int8", INTEGER }, { "int4", INTEGER }, { "int2", INTEGER }, { "int16", INTEGER }, { "int32", INTEGER }, { "int64", INTEGER },
		{ "ubigint", INTEGER }, { "uinteger", INTEGER }, { "usmallint", INTEGER }, { "utinyint", INTEGER }, { "uint8", INTEGER }, { "uint16", INTEGER },
		{ "uint32", INTEGER }, { "uint64", INTEGER }, { "long", INTEGER }, { "signed", INTEGER }, { "unsigned", INTEGER },
		{ "real", REAL }, { "float", REAL }, { "double", REAL }, { "float4", REAL }, { "float8", REAL }, { "float32", REAL }, { "float64", REAL },
		{ "decimal", DECIMAL }, { "numeric", DECIMAL }, { "dec", DECIMAL }, { "number", DECIMAL },
		{ "text", TEXT }, { "varchar", TEXT }, { "char", TEXT }, { "character", TEXT }, { "bpchar", TEXT }, { "string", TEXT }, { "nvarchar", TEXT }, { "uuid", TEXT }, { "interval", TEXT }, { "variant", TEXT },
		{ "bool", BOOLEAN }, { "boolean", BOOLEAN }, { "logical", BOOLEAN },
		{ "timestamp", TIMESTAMP }, { "timestamptz", TIMESTAMP }, { "datetime", TIMESTAMP }, { "date", DATE }, { "time", TIME },
		{ "json", JSON }, { "jsonb", JSON }, { "blob", BLOB }, { "bytea", BLOB }, { NULL } };
	size_t n = 0;
	const char *comma;

	while (n < s.n && (((s.p[n] | 32) >= 'a' && (s.p[n] | 32) <= 'z') || (s.p[n] >= '0' && s.p[n] <= '9')))
		n++;
	*scale = -1;
	if ((comma = memchr(s.p, ',', s.n))) {
		*scale = atoi(comma + 1);
		if (*scale > 15)
			*scale = 15;
	} else if (n < s.n && s.p[n] == '(') {
		*scale = 0;
	}
	for (int i = 0; names[i].name; i++)
		if (strlen(names[i].name) == n && strncasecmp(names[i].name, s.p, n) == 0)
			return names[i].type;
	return UNKNOWN;
}

/* A text as a boolean: 1, 0, or -1. */
static int
truth(struct str s)
{
	static const char *const yes[] = { "true", "t", "yes", "y", "1", "on", NULL }, *const no[] = { "false", "f", "no", "n", "0", "off", NULL };

	for (int i = 0; yes[i]; i++)
		if (strlen(yes[i]) == s.n && strncasecmp(yes[i], s.p, s.n) == 0)
			return 1;
	for (int i = 0; no[i]; i++)
		if (strlen(no[i]) == s.n && strncasecmp(no[i], s.p, s.n) == 0)
			return 0;
	return -1;
}

static void
cast_to(sqlite3_context *c, int n, sqlite3_value **v)           /* which 1: NULL instead of an error */
{
	struct str type = functions_text_of(v[1]), s;
	enum functions_form form;
	int soft = functions_which(c), scale, kind = sqlite3_value_type(v[0]), b;
	int64_t i, ms;
	double d;

	(void)n;
	if (kind == SQLITE_NULL || !type.p)
		return;
	switch (type_of(type, &scale)) {
	case INTEGER:
		if (kind == SQLITE_INTEGER) {
			sqlite3_result_value(c, v[0]);
			return;
		}
		s = str_trim(functions_text_of(v[0]));
		if (kind == SQLITE_TEXT && str_int64(s, &i) == 0) {
			sqlite3_result_int64(c, i);
			return;
		}
		if (kind == SQLITE_TEXT && str_double(s, &d) < 0) {
			if ((b = truth(s)) >= 0 && s.n > 1) {
				sqlite3_result_int(c, b);
				return;
			}
			break;
		}
		if (kind != SQLITE_TEXT)
			d = sqlite3_value_double(v[0]);
		if (!(fabs(d) < 9.2233720368547758e18))
			break;
		sqlite3_result_int64(c, (int64_t)nearbyint(d));
		return;
	case REAL:
	case DECIMAL:
		if (kind == SQLITE_INTEGER || kind == SQLITE_FLOAT)
			d = sqlite3_value_double(v[0]);
		else if (str_double(str_trim(functions_text_of(v[0])), &d) < 0)
			break;
		if (type_of(type, &scale) == DECIMAL) {
			double unit = pow(10, scale < 0 ? 3 : scale);

			if (fabs(d) < 9e15 / unit)
				d = round(d * unit) / unit;
		}
		sqlite3_result_double(c, d);
		return;
	case BOOLEAN:
		if (kind == SQLITE_INTEGER || kind == SQLITE_FLOAT) {
			sqlite3_result_int(c, sqlite3_value_double(v[0]) != 0);
			return;
		}
		if ((b = truth(str_trim(functions_text_of(v[0])))) < 0)
			break;
		sqlite3_result_int(c, b);
		return;
	case TIMESTAMP:
		if (functions_time_of(v[0], &ms, &form) < 0)
			break;
		functions_give_time(c, ms, FORM_INSTANT);
		return;
	case DATE:
		if (functions_time_of(v[0], &ms, &form) < 0)
			break;
		if (form == FORM_INSTANT && functions_self(c)->all->zone)
			ms += zone_offset(functions_self(c)->all->zone, ms);
		functions_give_time(c, ms, FORM_DATE);
		return;
	case TIME:
		if (functions_time_of(v[0], &ms, &form) < 0) {
			functions_give_text(c, functions_text_of(v[0]));
		} else {
			char out[TIME_LEN];

			time_print(ms, out);
			sqlite3_result_text(c, out + 11, 12, SQLITE_TRANSIENT);
		}
		return;
	case TEXT:
	case JSON:
		functions_give_text(c, functions_text_of(v[0]));
		return;
	case BLOB:
		sqlite3_result_blob64(c, sqlite3_value_blob(v[0]), (sqlite3_uint64)sqlite3_value_bytes(v[0]), SQLITE_TRANSIENT);
		return;
	case UNKNOWN:
		functions_error(c, "'%.*s' is no type, try int, double, text, boolean, timestamp, date", (int)(type.n < 40 ? type.n : 40), type.p);
		return;
	}
	if (!soft)
		functions_error(c, "'%.40s' is no %.*s, TRY_CAST gives NULL", (const char *)sqlite3_value_text(v[0]), (int)(type.n < 40 ? type.n : 40), type.p);
}

/* ---- what sorts as several values do */

enum { DOWN = 1, NULLS_FIRST = 2, NULLS_LAST = 4 };     /* how, beside each value of order_key() */

/* Bytes that compare as the number does: its double, then what a whole number has beyond that. */
static void
put_number_key(struct buf *to, sqlite3_value *v)
{
	double x = sqlite3_value_double(v) + 0.0;       /* -0.0 is 0.0 */
	int64_t rest = 0;
	uint64_t bits[2];

	if (sqlite3_value_type(v) == SQLITE_INTEGER)
		rest = x >= 9223372036854775808.0 ? sqlite3_value_int64(v) - INT64_MAX - 1 : sqlite3_value_int64(v) - (int64_t)x;
	memcpy(bits, &x, sizeof(x));
	bits[0] = bits[0] >> 63 ? ~bits[0] : bits[0] | 1ULL << 63;
	bits[1] = (uint64_t)rest ^ 1ULL << 63;
	for (int i = 0; i < 16; i++)
		buf_byte(to, (char)(bits[i / 8] >> (56 - 8 * (i % 8))));
}

static void
order_key(sqlite3_context *c, int n, sqlite3_value **v)         /* (a, how, b, how …): a blob, NULLs first where nothing else is said of them, as in SQLite */
{
	struct buf key = {0};

	for (int i = 0; i + 1 < n; i += 2) {
		int how = sqlite3_value_int(v[i + 1]), type = sqlite3_value_type(v[i]), down = how & DOWN;
		int first = how & NULLS_FIRST || (!(how & NULLS_LAST) && !down);
		size_t from;

		buf_byte(&key, type != SQLITE_NULL ? 1 : first ? 0 : 2);
		from = key.n;
		if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) {
			buf_byte(&key, 0);
			put_number_key(&key, v[i]);
		} else if (type != SQLITE_NULL) {
			struct str text = functions_text_of(v[i]);

			buf_byte(&key, type == SQLITE_TEXT ? 1 : 2);
			for (size_t k = 0; k < text.n; k++) {
				buf_byte(&key, text.p[k]);
				if (!text.p[k])         /* 0 0 is the end */
					buf_byte(&key, (char)0xff);
			}
			buf_byte(&key, 0), buf_byte(&key, 0);
		}
		for (size_t k = from; down && k < key.n; k++)
			key.p[k] = (char)~key.p[k];
	}
	sqlite3_result_blob64(c, key.n ? key.p : "", key.n, SQLITE_TRANSIENT);
	buf_release(&key);
}

/* ---- numbers */

static void
divided(sqlite3_context *c, int n, sqlite3_value **v)           /* a // b of whole numbers, without the rest; which 1: of any */
{
	(void)n;
	if (functions_any_null(n, v) || sqlite3_value_double(v[1]) == 0)
		return;
	if (sqlite3_value_numeric_type(v[0]) == SQLITE_INTEGER && sqlite3_value_numeric_type(v[1]) == SQLITE_INTEGER) {
		int64_t a = sqlite3_value_int64(v[0]), b = sqlite3_value_int64(v[1]);

		if (b != -1)
			sqlite3_result_int64(c, a / b);
		else if (a == INT64_MIN)
			sqlite3_result_double(c, 9223372036854775808.0);
		else
			sqlite3_result_int64(c, -a);
		return;
	}
	double x = sqlite3_value_double(v[0]) / sqlite3_value_double(v[1]);

	sqlite3_result_double(c, functions_which(c) ? trunc(x) : x);
}

enum { GCD, LCM, XOR };

static void
whole_pair(sqlite3_context *c, int n, sqlite3_value **v)
{
	uint64_t a, b, x, y;
	int64_t p = sqlite3_value_int64(v[0]), q = sqlite3_value_int64(v[1]), out = 0;

	if (functions_any_null(n, v))
		return;
	if (functions_which(c) == XOR) {
		sqlite3_result_int64(c, p ^ q);
		return;
	}
	x = a = p < 0 ? -(uint64_t)p : (uint64_t)p, y = b = q < 0 ? -(uint64_t)q : (uint64_t)q;
	while (y) {
		uint64_t rest = x % y;

		x = y, y = rest;
	}
	if (functions_which(c) == LCM && (!x || __builtin_mul_overflow((int64_t)(a / x), (int64_t)b, &out)))
		sqlite3_result_int64(c, 0), x ? functions_error(c, "integer overflow") : (void)0;
	else
		sqlite3_result_int64(c, functions_which(c) == LCM ? out : (int64_t)x);
}

#define LETTERS_MOST 2000       /* bytes of texts between which steps are counted: their product is the time */

static void
levenshtein(sqlite3_context *c, int n, sqlite3_value **v)       /* letters to change, add or take out to come from one text to the other */
{
	struct str a = functions_text_of(v[0]), b = functions_text_of(v[1]);
	size_t *row, m = 0;

	if (functions_any_null(n, v))
		return;
	if (a.n > LETTERS_MOST || b.n > LETTERS_MOST) {
		functions_error(c, "levenshtein: a text of more than %d bytes", LETTERS_MOST);
		return;
	}
	row = mem_new((b.n + 2) * 2 * sizeof(*row));
	size_t *at = row + b.n + 2;             /* where each letter of b begins */

	for (size_t k = 0; k < b.n; k++)
		if (((unsigned char)b.p[k] & 0xc0) != 0x80)
			at[m++] = k;
	at[m] = b.n;
	for (size_t k = 0; k <= m; k++)
		row[k] = k;
	for (size_t i = 0, from = 0, to; from < a.n; from = to, i++) {
		size_t before = row[0];

		for (to = from + 1; to < a.n && ((unsigned char)a.p[to] & 0xc0) == 0x80; )
			to++;
		row[0] = i + 1;
		for (size_t k = 0; k < m; k++) {
			int same = to - from == at[k + 1] - at[k] && memcmp(a.p + from, b.p + at[k], to - from) == 0;
			size_t left = row[k] + 1, up = row[k + 1] + 1, over = before + !same;

			before = row[k + 1];
			row[k + 1] = left < up ? left < over ? left : over : up < over ? up : over;
		}
	}
	sqlite3_result_int64(c, (int64_t)row[m]);
	free(row);
}

static void
url_code(sqlite3_context *c, int n, sqlite3_value **v)          /* which 0: %20 for a blank, 1: back */
{
	struct str s = functions_text_of(v[0]);
	struct buf out = {0};
	int back = functions_which(c);

	if (functions_any_null(n, v))
		return;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char b = (unsigned char)s.p[i];
		char hex[3] = { 0 }, *end;

		if (back && b == '%' && i + 2 < s.n) {
			hex[0] = s.p[i + 1], hex[1] = s.p[i + 2];
			long byte = strtol(hex, &end, 16);

			if (end == hex + 2 && hex[0] != '+' && hex[0] != '-' && hex[0] != ' ' && byte) {
				buf_byte(&out, (char)byte);
				i += 2;
				continue;
			}
		}
		if (back || (b >= '0' && b <= '9') || ((b | 32) >= 'a' && (b | 32) <= 'z') || (b && strchr("-_.~", b)))
			buf_byte(&out, (char)b);
		else
			buf_printf(&out, "%%%02X", b);
	}
	if (str_utf8_fault(buf_get(&out)) < 0)
		functions_give_text(c, out.n ? buf_get(&out) : STR(""));
	buf_release(&out);
}

static void
is_empty(sqlite3_context *c, int n, sqlite3_value **v)          /* which 1: is it not */
{
	struct str s = functions_text_of(v[0]);

	if (!functions_any_null(n, v))
		sqlite3_result_int(c, (s.n == 0 || str_eq(s, STR("[]"))) != functions_which(c));
}

const struct function functions_text[] = {
	{ "divided", 2, 2, 0, divided }, { "div", 2, 2, 1, divided }, { "intdiv", 2, 2, 1, divided }, { "gcd", 2, 2, GCD, whole_pair }, { "lcm", 2, 2, LCM, whole_pair }, { "xor", 2, 2, XOR, whole_pair },
	{ "bitxor", 2, 2, XOR, whole_pair }, { "levenshtein", 2, 2, 0, levenshtein }, { "editdist", 2, 2, 0, levenshtein },
	{ "url_encode", 1, 1, 0, url_code }, { "encodeurlcomponent", 1, 1, 0, url_code }, { "url_decode", 1, 1, 1, url_code }, { "decodeurlcomponent", 1, 1, 1, url_code },
	{ "empty", 1, 1, 0, is_empty }, { "notempty", 1, 1, 1, is_empty },
	{ "order_key", 2, -1, 0, order_key },
	{ "concat", 0, -1, 0, concat }, { "concat_ws", 1, -1, 1, concat }, { "str_left", 2, 2, 0, side }, { "str_right", 2, 2, 1, side },
	{ "lpad", 2, 3, 0, pad }, { "rpad", 2, 3, 1, pad }, { "repeat", 2, 2, 0, repeat }, { "reverse", 1, 1, 0, reverse },
	{ "split_part", 3, 3, 0, split_part }, { "starts_with", 2, 2, 0, find_text }, { "startswith", 2, 2, 0, find_text }, { "prefix", 2, 2, 0, find_text },
	{ "ends_with", 2, 2, 1, find_text }, { "endswith", 2, 2, 1, find_text }, { "suffix", 2, 2, 1, find_text }, { "contains", 2, 2, 2, find_text },
	{ "strpos", 2, 2, 3, find_text }, { "position", 2, 2, 3, find_text }, { "char_length", 1, 1, 0, text_length }, { "character_length", 1, 1, 0, text_length },
	{ "octet_length", 1, 1, 1, text_length }, { "strlen", 1, 1, 1, text_length }, { "initcap", 1, 1, 0, initcap },
	{ "lower", 1, 1, 0, letter_case }, { "upper", 1, 1, 1, letter_case }, { "lcase", 1, 1, 0, letter_case }, { "ucase", 1, 1, 1, letter_case }, { "match", 2, 3, 0, ilike },
	 { "translate", 3, 3, 0, translate },
	{ "ascii", 1, 1, 0, ascii }, { "domain", 1, 1, 0, url_part }, { "url_path", 1, 1, 1, url_part },
	{ "regexp", 2, 2, 0, regexp }, { "regexp_matches", 2, 3, 1, regexp }, { "regexp_like", 2, 3, 1, regexp }, { "regexp_contains", 2, 2, 1, regexp },
	{ "regexp_extract", 2, 3, 0, regexp_extract }, { "regexp_substr", 2, 3, 0, regexp_extract }, { "extractgroup", 2, 2, 1, regexp_extract },
	{ "regexp_replace", 3, 4, 0, regexp_replace }, { "replaceregexpone", 3, 3, 0, regexp_replace }, { "replaceregexpall", 3, 3, 1, regexp_replace },
	{ "regexp_count", 2, 2, 0, regexp_all }, { "regexp_extract_all", 2, 3, 1, regexp_all }, { "regexp_split_to_array", 2, 2, 2, regexp_all }, { "string_split_regex", 2, 2, 2, regexp_all },
	{ "round", 2, 2, 0, round_places }, { "greatest", 1, -1, 1, extreme }, { "least", 1, -1, -1, extreme }, { "if", 2, -1, 0, iff }, { "multiif", 3, -1, 0, iff },
	{ "width_bucket", 4, 4, 0, width_bucket }, { "bit_count", 1, 1, 0, bit_count }, { "cbrt", 1, 1, 0, cube_root }, { "safe_divide", 2, 2, 0, divide },
	{ "md5", 1, 1, 0, md5 }, { "sha256", 1, 1, 0, sha256_hex }, { "hash", 1, 1, 0, hash },
	{ "uuid", 0, 0, 0, uuid, .flags = FUNCTIONS_VOLATILE }, { "gen_random_uuid", 0, 0, 0, uuid, .flags = FUNCTIONS_VOLATILE },
	{ "generateuuidv4", 0, 0, 0, uuid, .flags = FUNCTIONS_VOLATILE },
	{ "sample_share", 1, 1, 0, sample_share, .flags = FUNCTIONS_VOLATILE }, { "sample_key", 0, 0, 0, sample_key, .flags = FUNCTIONS_VOLATILE },
	{ "property", 2, -1, 0, property }, { "len", 1, 1, 0, json_size }, { "array_length", 1, 1, 0, json_size }, { "cardinality", 1, 1, 0, json_size },
	{ "array_contains", 2, 2, 0, array_contains }, { "list_contains", 2, 2, 0, array_contains }, { "has", 2, 2, 0, array_contains },
	{ "cast_to", 2, 2, 0, cast_to }, { "try_cast_to", 2, 2, 1, cast_to },
	{ 0 }
};
