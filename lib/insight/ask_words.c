/* ask_words.c - a question as words: lower case, without apostrophes' endings and inflection, numbers and dates read. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "insight/ask_priv.h"

static int
is_letter(unsigned char c)
{
	return isalnum(c) || c >= 0x80 || c == '_';
}

static int
ends(const char *w, size_t n, const char *with)
{
	size_t k = strlen(with);

	return n > k && memcmp(w + n - k, with, k) == 0;
}

/* Light stemming, the same for the words of a question and of the vocabulary: plurals and the endings of verbs go, so does an e
 * at the end. It need not be right English, only the same for what is the same word. */
struct str
ask_stem(struct arena *arena, struct str word)
{
	char *w = arena_dup(arena, word.p, word.n);
	size_t n = word.n;

	if (!w)
		return word;
	if (n > 4 && ends(w, n, "ies"))
		w[n - 3] = 'y', n -= 2;
	else if (n > 6 && ends(w, n, "zzes"))
		n -= 3;                         /* quizzes */
	else if (n > 4 && (ends(w, n, "sses") || ends(w, n, "shes") || ends(w, n, "ches") || ends(w, n, "xes")))
		n -= 2;
	else if (n > 2 && w[n - 1] == 's' && !strchr("siu", w[n - 2]))
		n--;
	if (n == 6 && memcmp(w, "rating", 6) == 0)
		return (struct str){ w, n };    /* no rate */
	if (n > 5 && ends(w, n, "ing"))
		n -= 3;
	else if (n > 4 && ends(w, n, "ed"))
		n -= 2;
	else
		goto e;
	if (n > 3 && w[n - 1] == w[n - 2] && !strchr("lsz", w[n - 1]))
		n--;
e:
	if (n > 3 && w[n - 1] == 'e')
		n--;
	return (struct str){ w, n };
}

int
ask_word_is(const struct ask_word *w, int n, int i, const char *words)
{
	struct str rest = str_of(words), one;

	if (i < 0 || i >= n || w[i].verbatim)
		return 0;
	while (str_cut(&rest, ' ', &one))
		if (str_eq(one, w[i].text))
			return 1;
	return 0;
}

/* One slip of a finger between words of five letters or more, two between long ones; the first letter is right. */
int
ask_near(struct str typed, struct str word)
{
	char a[40], b[40];
	size_t most = typed.n > word.n ? typed.n : word.n;

	if (typed.n < 5 || word.n < 5 || most >= sizeof(a) || typed.p[0] != word.p[0])
		return 0;
	memcpy(a, typed.p, typed.n), a[typed.n] = 0;
	memcpy(b, word.p, word.n), b[word.n] = 0;
	return str_near(a, b, typed.n >= 9 && word.n >= 9 ? 2 : 1);
}

static int
take_date(struct ask_word *w, const char *p, size_t n)          /* 2026-11-05, 2026-11: bytes, 0 when it is none */
{
	struct civil c = { .month = 1, .day = 1 };
	int k = 0, len = 0;

	if (n < 7)
		return 0;
	for (int i = 0; i < 4; i++)
		if (!isdigit((unsigned char)p[i]))
			return 0;
	if (p[4] != '-' || !isdigit((unsigned char)p[5]) || !isdigit((unsigned char)p[6]))
		return 0;
	c.year = atoi((char[5]){ p[0], p[1], p[2], p[3], 0 });
	c.month = (p[5] - '0') * 10 + p[6] - '0';
	len = 7;
	if (n >= 10 && p[7] == '-' && isdigit((unsigned char)p[8]) && isdigit((unsigned char)p[9]))
		c.day = (p[8] - '0') * 10 + p[9] - '0', len = 10, k = 1;
	if (c.month < 1 || c.month > 12 || c.day < 1 || c.day > 31 || (n > (size_t)len && is_letter((unsigned char)p[len])))
		return 0;
	w->date_from = time_of_civil(&c);
	if (k)
		c.day++;
	else
		c.month++;
	w->date_to = time_of_civil(&c);
	return len;
}

/* 12.06.2026, 5.11.2026. Bytes; 0: it is none. */
static int
take_dotted_date(struct ask_word *w, const char *p, size_t n)
{
	struct civil c = { 0 };
	int *const part[] = { &c.day, &c.month, NULL };
	int year = 0;
	size_t i = 0, digits;

	for (int k = 0; k < 3; k++, i += k < 3) {
		int v = 0;

		for (digits = 0; i < n && digits < 5 && isdigit((unsigned char)p[i]); digits++)
			v = v * 10 + p[i++] - '0';
		if (k < 2 ? digits < 1 || digits > 2 || i >= n || p[i] != '.' : digits != 4)
			return 0;
		if (part[k])
			*part[k] = v;
		else
			year = v;
	}
	c.year = year;
	if (c.month < 1 || c.month > 12 || c.day < 1 || c.day > 31 || (i < n && (is_letter((unsigned char)p[i]) || (p[i] == '.' && i + 1 < n && isdigit((unsigned char)p[i + 1])))))
		return 0;
	w->date_from = time_of_civil(&c);
	c.day++;
	w->date_to = time_of_civil(&c);
	return (int)i;
}

/* A number with what clings to it: 1,000 10k 2.5m 50% 3rd. Bytes. */
static size_t
take_number(struct ask_word *w, const char *p, size_t n)
{
	size_t i = 0, j = 0;
	char digits[40];

	while (i < n && (isdigit((unsigned char)p[i]) ||
	    (p[i] == ',' && i + 3 < n && isdigit((unsigned char)p[i + 1]) && isdigit((unsigned char)p[i + 2]) &&
	    isdigit((unsigned char)p[i + 3])) || (p[i] == '.' && i + 1 < n && isdigit((unsigned char)p[i + 1])))) {
		if (p[i] != ',' && j < sizeof(digits) - 1)
			digits[j++] = p[i];
		i++;
	}
	digits[j] = 0;
	if (str_double((struct str){ digits, j }, &w->number))
		w->number = NAN;
	w->is_number = 1;
	if (i < n && (p[i] == 'k' || p[i] == 'K') && (i + 1 == n || !is_letter((unsigned char)p[i + 1])))
		w->number *= 1000, i++;
	else if (i + 1 < n && (strncasecmp(p + i, "st", 2) == 0 || strncasecmp(p + i, "nd", 2) == 0 || strncasecmp(p + i, "rd", 2) == 0 ||
	    strncasecmp(p + i, "th", 2) == 0) && (i + 2 == n || !is_letter((unsigned char)p[i + 2])))
		w->ordinal = 1, i += 2;
	if (i < n && p[i] == '%')
		w->percent = 1, i++;
	return i;
}

/* A question as it is cut into words, of which p is the next byte. */
struct cutter {
	struct arena *arena;
	struct ask_word *words;
	int n, most;                    /* n: one more than most where there are too many */
	const char *begin, *p, *end;
	int comma, money;               /* a comma, a sign of money stands before the next word */
};

/* The next word. NULL: it is empty, or there are too many. */
static struct ask_word *
add(struct cutter *c, struct str typed)
{
	struct ask_word *w = &c->words[c->n];
	char *low;

	if (c->n >= c->most || !typed.n) {
		c->n += c->n == c->most;
		return NULL;
	}
	*w = (struct ask_word){ .as_typed = typed, .comma = c->comma, .date_from = TIME_NONE, .upper = 1 };
	low = arena_dup(c->arena, typed.p, typed.n);
	for (size_t i = 0; i < typed.n; i++) {
		w->upper &= !islower((unsigned char)low[i]);
		low[i] = (char)tolower((unsigned char)low[i]);
	}
	w->text = (struct str){ low, typed.n };
	w->stem = ask_stem(c->arena, w->text);
	c->n++;
	c->comma = 0;
	return w;
}

/* Abbreviations that stand for several words. 1: done. */
static int
expanded(struct cutter *c, struct str typed)
{
	static const struct { const char *word, *every; } active[] = { { "dau", "daily" }, { "wau", "weekly" }, { "mau", "monthly" } };
	struct ask_word *w, number = { .date_from = TIME_NONE };

	for (size_t k = 0; k < sizeof(active) / sizeof(*active); k++)
		if (typed.n == 3 && strncasecmp(typed.p, active[k].word, 3) == 0) {
			add(c, str_of(active[k].every));
			add(c, STR("active"));
			add(c, STR("users"));
			return 1;
		}
	if (typed.n > 3 && typed.n < 6 && strncasecmp(typed.p, "top", 3) == 0 && isdigit((unsigned char)typed.p[3])) {        /* top3 */
		add(c, (struct str){ typed.p, 3 });
		w = add(c, (struct str){ typed.p + 3, typed.n - 3 });
		if (w && take_number(&number, typed.p + 3, typed.n - 3) == typed.n - 3)
			w->is_number = 1, w->number = number.number;
		return 1;
	}
	return 0;
}

static int
at_begin(const struct cutter *c)                /* nothing but a blank stands before it */
{
	return c->p == c->begin || isspace((unsigned char)c->p[-1]);
}

static int
next_is_digit(const struct cutter *c)
{
	return c->p + 1 < c->end && isdigit((unsigned char)c->p[1]);
}

/* "Checkout page", a name in quotes. 1; 0: none. */
static int
quoted(struct cutter *c)
{
	const char mark = *c->p, *p = c->p, *close;
	struct ask_word *w;

	if (!memchr("\"`'", mark, 3) || (mark == '\'' && p > c->begin && is_letter((unsigned char)p[-1])) ||
	    !(close = memchr(p + 1, mark, (size_t)(c->end - p - 1))))
		return 0;
	if ((w = add(c, (struct str){ p + 1, (size_t)(close - p - 1) })))
		w->verbatim = 1;
	c->p = close + 1, c->comma = 0;
	return 1;
}

/* /pricing. 1; 0: none. */
static int
path(struct cutter *c)
{
	const char *p = c->p;
	struct ask_word *w;
	size_t len = 0;

	if (*p != '/' || !at_begin(c) || !(p + 1 == c->end || is_letter((unsigned char)p[1]) || isspace((unsigned char)p[1])))
		return 0;
	while (p + len < c->end && !isspace((unsigned char)p[len]) && !strchr("?,;!", p[len]))
		len++;
	if ((w = add(c, (struct str){ p, len })))
		w->verbatim = 1;
	c->p += len;
	return 1;
}

/* A number or a date. 1; 0: none. */
static int
number(struct cutter *c)
{
	const char *p = c->p;
	size_t n = (size_t)(c->end - p), len = 0, minus = *p == '-';
	struct ask_word *w, found = { .date_from = TIME_NONE };

	if (!isdigit((unsigned char)*p) && !(minus && next_is_digit(c) && at_begin(c)))
		return 0;
	if (minus || ((len = (size_t)take_date(&found, p, n)) == 0 && (len = (size_t)take_dotted_date(&found, p, n)) == 0))
		len = minus + take_number(&found, p + minus, n - minus);
	if (minus)
		found.number = -found.number;
	if (n >= 4 && strncasecmp(p, "2day", 4) == 0)
		len = 4, found.is_number = 0;
	if ((w = add(c, (struct str){ p, len }))) {
		w->is_number = found.is_number, w->number = found.number, w->ordinal = found.ordinal, w->percent = found.percent;
		w->date_from = found.date_from, w->date_to = found.date_to;
		w->money = c->money;
	}
	c->p += len, c->money = 0;
	return 1;
}

/* Letters, with what an apostrophe adds: what's, users', didn't, we'll. 1; 0: none. */
static int
word(struct cutter *c)
{
	const char *p = c->p, *end = c->end, *last;
	size_t len = 0, mark = 0, tail = 0;

	if (!is_letter((unsigned char)*p) || *p == '_')
		return 0;
	/* order_placed is two words, cust_5 is one */
	while (p + len < end && is_letter((unsigned char)p[len]) && (p[len] != '_' || (p + len + 1 < end && isdigit((unsigned char)p[len + 1]))) &&
	    !(len + 2 < (size_t)(end - p) && (unsigned char)p[len] == 0xe2 && (unsigned char)p[len + 1] == 0x80))
		len++;
	if (len == 0) {                         /* typographic quotes and dashes */
		c->comma |= (unsigned char)p[2] >= 0x93 && (unsigned char)p[2] <= 0x94;
		c->p += 3;
		return 1;
	}
	if (p + len < end && p[len] == '\'')
		mark = 1;
	else if ((size_t)(end - p) > len + 2 && memcmp(p + len, "\xe2\x80\x99", 3) == 0)
		mark = 3;
	last = p + len + mark;
	while (mark && last + tail < end && isalpha((unsigned char)last[tail]))
		tail++;
	if (mark && tail == 1 && p[len - 1] == 'n' && (*last == 't' || *last == 'T')) {
		int keep = len > 3 || strncasecmp(p, "don", 3) == 0;

		add(c, (struct str){ p, keep ? len - 1 : len });
		add(c, STR("not"));
	} else {
		if (!expanded(c, (struct str){ p, len }))
			add(c, (struct str){ p, len });
		if (mark && tail == 2 && strncasecmp(last, "ll", 2) == 0)
			add(c, STR("will"));
		if (!tail && mark == 3)
			mark = 0;
	}
	c->p += len + (mark ? mark + tail : 0), c->comma = 0;
	return 1;
}

/* A sign, and the words that some stand for. */
static void
sign(struct cutter *c)
{
	const char *p = c->p, *end = c->end;
	const int equal = p + 1 < end && p[1] == '=', arrow = *p == '>' && p > c->begin && p[-1] == '-';

	if (*p == '$' && p + 1 < end && !isdigit((unsigned char)p[1]) && (p == c->begin || p[-1] != '$') &&
	    !(p[1] == ' ' && p + 2 < end && isdigit((unsigned char)p[2])))
		add(c, STR("money"));
	c->money = *p == '$' || (c->money && isspace((unsigned char)*p));
	c->comma |= memchr(",;:?!(", *p, 6) != NULL;
	if (arrow || (*p == '-' && p > c->begin && at_begin(c) && p + 1 < end && isspace((unsigned char)p[1])))       /* a -> b, a - b */
		add(c, STR("to"));
	else if (*p == '>')
		add(c, equal ? STR("gte") : STR("gt"));
	else if (*p == '<')
		add(c, equal ? STR("lte") : STR("lt"));
	else if (*p == '%')
		add(c, STR("percent"));
	else if (*p == '&')
		add(c, STR("and"));
	c->p += (*p == '>' || *p == '<') && !arrow && equal ? 2 : 1;
}

int
ask_words(struct arena *arena, struct str question, struct ask_word *words, int most)
{
	struct cutter c = { .arena = arena, .words = words, .most = most, .begin = question.p, .p = question.p, .end = question.p + question.n };

	while (c.p < c.end && c.n <= most)
		if (!quoted(&c) && !path(&c) && !number(&c) && !word(&c))
			sign(&c);
	return c.n > most ? -1 : c.n;
}
