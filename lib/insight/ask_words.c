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

static void
add(struct arena *arena, struct ask_word *words, int *n, int most, struct str typed, int comma)
{
	struct ask_word *w = &words[*n];
	char *low;

	if (*n >= most || !typed.n) {
		*n += *n >= most;
		return;
	}
	*w = (struct ask_word){ .as_typed = typed, .comma = comma, .date_from = TIME_NONE, .upper = 1 };
	low = arena_dup(arena, typed.p, typed.n);
	if (!low)
		return;
	for (size_t i = 0; i < typed.n; i++) {
		w->upper &= !islower((unsigned char)low[i]);
		low[i] = (char)tolower((unsigned char)low[i]);
	}
	w->text = (struct str){ low, typed.n };
	w->stem = ask_stem(arena, w->text);
	(*n)++;
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

/* Abbreviations that stand for several words. 1: done. */
static int
expanded(struct arena *arena, struct ask_word *words, int *n, int most, struct str typed, int comma)
{
	static const struct { const char *word, *every; } active[] = { { "dau", "daily" }, { "wau", "weekly" }, { "mau", "monthly" } };

	for (size_t k = 0; k < sizeof(active) / sizeof(*active); k++)
		if (typed.n == 3 && strncasecmp(typed.p, active[k].word, 3) == 0) {
			add(arena, words, n, most, str_of(active[k].every), comma);
			add(arena, words, n, most, STR("active"), 0);
			add(arena, words, n, most, STR("users"), 0);
			return 1;
		}
	if (typed.n > 3 && typed.n < 6 && strncasecmp(typed.p, "top", 3) == 0 && isdigit((unsigned char)typed.p[3])) {        /* top3 */
		struct ask_word w = { .date_from = TIME_NONE };

		add(arena, words, n, most, (struct str){ typed.p, 3 }, comma);
		add(arena, words, n, most, (struct str){ typed.p + 3, typed.n - 3 }, 0);
		if (take_number(&w, typed.p + 3, typed.n - 3) == typed.n - 3 && *n && *n <= most)
			words[*n - 1].is_number = 1, words[*n - 1].number = w.number;
		return 1;
	}
	return 0;
}

int
ask_words(struct arena *arena, struct str question, struct ask_word *words, int most)
{
	const char *p = question.p, *end = p + question.n;
	int n = 0, comma = 0, money = 0;

	while (p < end && n <= most) {
		unsigned char c = (unsigned char)*p;
		size_t len = 0;

		if ((c == '"' || c == '`' || (c == '\'' && (p == question.p || !is_letter((unsigned char)p[-1])))) &&
		    memchr(p + 1, c, (size_t)(end - p - 1))) {
			const char *close = memchr(p + 1, c, (size_t)(end - p - 1));

			add(arena, words, &n, most, (struct str){ p + 1, (size_t)(close - p - 1) }, comma);
			if (n && n <= most && close > p + 1)
				words[n - 1].verbatim = 1;
			p = close + 1, comma = 0;
			continue;
		}
		if (c == '/' && (p + 1 == end || is_letter((unsigned char)p[1]) || isspace((unsigned char)p[1])) &&
		    (p == question.p || isspace((unsigned char)p[-1]))) {
			while (p + len < end && !isspace((unsigned char)p[len]) && !strchr("?,;!", p[len]))
				len++;
			add(arena, words, &n, most, (struct str){ p, len }, comma);
			if (n && n <= most)
				words[n - 1].verbatim = 1;
			p += len, comma = 0;
			continue;
		}
		if (isdigit(c) || (c == '-' && p + 1 < end && isdigit((unsigned char)p[1]) && (p == question.p || isspace((unsigned char)p[-1])))) {
			struct ask_word w = { .date_from = TIME_NONE };
			size_t minus = c == '-';

			if (minus || ((len = (size_t)take_date(&w, p, (size_t)(end - p))) == 0 && (len = (size_t)take_dotted_date(&w, p, (size_t)(end - p))) == 0))
				len = minus + take_number(&w, p + minus, (size_t)(end - p) - minus);
			if (minus)
				w.number = -w.number;
			if (end - p >= 4 && strncasecmp(p, "2day", 4) == 0)
				len = 4, w.is_number = 0;
			add(arena, words, &n, most, (struct str){ p, len }, comma);
			if (n && n <= most) {
				words[n - 1].is_number = w.is_number, words[n - 1].number = w.number, words[n - 1].ordinal = w.ordinal;
				words[n - 1].percent = w.percent, words[n - 1].date_from = w.date_from, words[n - 1].date_to = w.date_to;
				words[n - 1].money = money;
			}
			p += len, comma = money = 0;
			continue;
		}
		if (is_letter(c) && c != '_') {
			size_t to;

			/* order_placed is two words, cust_5 is one */
			while (p + len < end && is_letter((unsigned char)p[len]) && (p[len] != '_' || (p + len + 1 < end && isdigit((unsigned char)p[len + 1]))) &&
			    !(len + 2 < (size_t)(end - p) && (unsigned char)p[len] == 0xe2 && (unsigned char)p[len + 1] == 0x80))
				len++;
			to = len;
			if (len == 0) {         /* typographic quotes and dashes */
				comma |= (unsigned char)p[2] >= 0x93 && (unsigned char)p[2] <= 0x94;
				p += 3;
				continue;
			}
			/* what's, users', didn't, with either apostrophe */
			size_t mark = p + len < end && p[len] == '\'' ? 1 : (size_t)(end - p) > len + 2 &&
			    memcmp(p + len, "\xe2\x80\x99", 3) == 0 ? 3 : 0;
			size_t tail = 0;

			while (mark && p + len + mark + tail < end && isalpha((unsigned char)p[len + mark + tail]))
				tail++;
			if (mark && tail == 1 && p[len - 1] == 'n' && (p[len + mark] == 't' || p[len + mark] == 'T')) {
				int keep = len > 3 || strncasecmp(p, "don", 3) == 0;

				add(arena, words, &n, most, (struct str){ p, keep ? len - 1 : len }, comma);
				add(arena, words, &n, most, STR("not"), 0);
				p += len + mark + tail, comma = 0;
				continue;
			}
			if (!expanded(arena, words, &n, most, (struct str){ p, to }, comma))
				add(arena, words, &n, most, (struct str){ p, to }, comma);
			if (mark && tail == 2 && (strncasecmp(p + len + mark, "ll", 2) == 0))
				add(arena, words, &n, most, STR("will"), 0);
			p += len + (mark && (tail || mark == 1) ? mark + tail : 0), comma = 0;
			continue;
		}
		if (c == '$' && p + 1 < end && !isdigit((unsigned char)p[1]) && (p == question.p || p[-1] != '$') &&
		    !(p[1] == ' ' && p + 2 < end && isdigit((unsigned char)p[2])))
			add(arena, words, &n, most, STR("money"), comma);
		money = c == '$' || (money && isspace(c));
		comma |= c == ',' || c == ';' || c == ':' || c == '?' || c == '!' || c == '(';
		if (c == '-' && p > question.p && isspace((unsigned char)p[-1]) && p + 1 < end && isspace((unsigned char)p[1])) {
			add(arena, words, &n, most, STR("to"), comma);
			comma = 0;
		}
		if (c == '%' )
			add(arena, words, &n, most, STR("percent"), comma);
		if (c == '>' && p > question.p && p[-1] == '-') {       /* a -> b */
			add(arena, words, &n, most, STR("to"), comma);
		} else if (c == '>' || c == '<') {
			int equal = p + 1 < end && p[1] == '=';

			add(arena, words, &n, most, c == '>' ? equal ? STR("gte") : STR("gt") : equal ? STR("lte") : STR("lt"), comma);
			p += equal;
		}
		if (c == '&')
			add(arena, words, &n, most, STR("and"), comma);
		p++;
	}
	return n > most ? -1 : n;
}
