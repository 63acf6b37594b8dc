#include "insight/checked.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/err.h"
#include "http/client.h"
#include "json/json.h"

#define FIGURES_MOST 64
#define WORDS_MOST   400
#define LONGER       3                  /* times the sentence's length, and */
#define LONGER_BY    80                 /* bytes, is what other words may need */

enum unit { PLAIN, PERCENT, POINTS, TIMES };

struct figure { double value, within; enum unit unit; };        /* within: half of its last digit */

struct said {                           /* what a text says, as far as it is held against another */
	struct figure figure[FIGURES_MOST];
	int n_figures;
	signed char direction[FIGURES_MOST];    /* +1, -1, in order */
	int n_directions;
	int negations, hedges;
	struct str word[WORDS_MOST];
	int n_words;
	int behind[WORDS_MOST];         /* so many figures stand before the word */
	int foul;                       /* what no sentence of ours has: markup, addresses, control characters, too much */
};

static const char *const up[] = { "rose", "rise", "rises", "risen", "rising", "increase", "increased", "increases", "increasing", "grew", "grow", "grows", "grown", "growing",
	"growth", "gain", "gained", "gains", "climbed", "climb", "climbs", "climbing", "up", "upward", "upwards", "higher", "more", "jumped", "jump", "jumps", "surged", "surge", "surges",
	"soared", "soar", "doubled", "tripled", "improved", "improve", "highest", "peaked", "peak", "peaks", "above", "exceeded", "larger", "greater", "best", "most", "better", "strengthened", "expanded",
	"advanced", "boosted", "boost", "rebounded", "recovered", "spiked", "spike", "skyrocketed", "maximum", "max", "over", "faster", "positive", "uptick", "upturn", "upswing", "accelerated", "stepped-up", NULL };
static const char *const down[] = { "fell", "fall", "falls", "fallen", "falling", "decrease", "decreased", "decreases", "decreasing", "declined", "decline", "declines", "declining",
	"dropped", "drop", "drops", "dropping", "shrank", "shrink", "shrinks", "shrunk", "lost", "lose", "loses", "loss", "losses", "down", "downward", "downwards", "lower", "lowered", "less", "fewer",
	"plunged", "plunge", "sank", "sink", "halved", "worsened", "worse", "worst", "lowest", "below", "smaller", "least", "dipped", "dip", "dips", "reduced", "reduction", "reduce", "slid", "slide", "slumped",
	"slump", "tumbled", "weakened", "contracted", "collapsed", "minimum", "min", "under", "slower", "negative", "downturn", "downtick", "deteriorated", "cut", "crashed", "crash", "slipped", NULL };
static const char *const negations[] = { "not", "no", "never", "neither", "nor", "without", "hardly", "barely", "none", "nothing", "cannot", "instead", "rather", "despite", "unchanged",
	"steady", "stable", "flat", "stayed", "remained", "chance", "unlikely", NULL };
static const char *const hedges[] = { "may", "might", "could", "perhaps", "maybe", "possibly", "likely", "unlikely", "probably", NULL };    /* make a prospect of a fact */
static const char *const gone[] = { "last", "past", "previous", "previously", "prior", "preceding", "before", "earlier", "ago", NULL };
/* What other words for a sentence are made of: none of them names anything, a thing, a time or a unit. Whatever else a text has must stand in the
 * sentence, so that purchases do not become refunds, or a week a month. */
static const char common[] = " a an and or but so as at by for from in into of off on onto out per than that the their them then there these they this those through throughout to "
    "toward towards upon via was we were when where whereas which while who whose with within you your our us it its itself he she is are am be been being has have had having do does "
    "did done doing can could may might will would shall should must let lets just only also too very much many quite about around roughly approximately some somewhat "
    "slightly sharply steeply strongly significantly substantially considerably notably noticeably markedly clearly overall altogether total totalling totaling totaled totalled all both each "
    "every any such same similar compared comparing compare comparison versus vs against relative after since until during between among "
    "across along over recent recently latest again still further period time times stretch span frame ended ending end ends began begun beginning begin "
    "started start starting standing stood stand stands sat sitting sits came coming come comes went going go goes gone reached reach reaches reaching hit hits hitting saw see seen seeing show "
    "shows showed shown showing recorded recording registered registering logged counted counting count counts number numbers figure figures amount amounts amounting amounted "
    "value values level levels rate rates share shares part parts portion proportion accounted accounting account accounts represent represents represented representing contributed "
    "contributing contribution contributes makes make made making explained change changes changed changing difference differences shift "
    "shifts shifted move moves moved moving movement trend trends trending should likely probably "
    "happened happening happens happen occurred occurring took taking take takes place brought bringing bring brings got getting get gets gave given giving give gives put left leaving held "
    "holding hold holds kept keeping keep keeps remains remaining remain stays staying stay followed following follow follows how what here well looks look looking like whole other others "
    "one ones together apart respectively there's it's that's "
    "here's we've we're they're you've i me my up down more less both including included include includes itself themselves namely meaning means mean meanwhile however though although "
    "even yet exactly precisely around about seems seem seemed points point thing things case cases data say says said tell tells told note notice note noted worth interesting interestingly ";

/* Words that claim something, too, each for the others of its line: taken where the sentence has one of them. */
static const char *const claims[][12] = { { "expected", "expect", "expects", "expecting", "forecast", "forecasts", "predicted", "projected", "likely", "probably" },
	{ "average", "mean", "typical", "typically" }, { "usual", "normal", "usually" }, { "due", "thanks", "drove", "drives", "driven", "driving", "explains", "explain" },
	{ "pattern", "rhythm", "cycle", "season", "seasonal" }, { "correlation", "correlate", "correlated", "related", "together" } };
/* Words of time of which a sentence has one for each of its figures. */
static const char *const times[] = { "today", "yesterday", "this", "last", "previous", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", NULL };

static const struct { const char *word; double value; enum unit unit; } numbers[] = {
	{ "zero", 0, PLAIN }, { "two", 2, PLAIN }, { "three", 3, PLAIN }, { "four", 4, PLAIN }, { "five", 5, PLAIN }, { "six", 6, PLAIN }, { "seven", 7, PLAIN },
	{ "eight", 8, PLAIN }, { "nine", 9, PLAIN }, { "ten", 10, PLAIN }, { "eleven", 11, PLAIN }, { "twelve", 12, PLAIN }, { "dozen", 12, PLAIN }, { "twenty", 20, PLAIN }, { "thirty", 30, PLAIN },
	{ "forty", 40, PLAIN }, { "fifty", 50, PLAIN }, { "sixty", 60, PLAIN }, { "seventy", 70, PLAIN }, { "eighty", 80, PLAIN }, { "ninety", 90, PLAIN }, { "hundred", 100, PLAIN },
	{ "thousand", 1e3, PLAIN }, { "million", 1e6, PLAIN }, { "billion", 1e9, PLAIN }, { "hundreds", 100, PLAIN }, { "thousands", 1e3, PLAIN }, { "millions", 1e6, PLAIN },
	{ "half", 0.5, PLAIN }, { "halved", 0.5, PLAIN }, { "third", 1.0 / 3, PLAIN }, { "quarter", 0.25, PLAIN }, { "twice", 2, TIMES }, { "double", 2, TIMES }, { "doubled", 2, TIMES },
	{ "triple", 3, TIMES }, { "tripled", 3, TIMES }, { "quadrupled", 4, TIMES }, { "twofold", 2, TIMES }, { "threefold", 3, TIMES }, { "tenfold", 10, TIMES } };

static int
is_in(const char *const *list, struct str w)
{
	for (int i = 0; list[i]; i++)
		if (strlen(list[i]) == w.n && strncasecmp(list[i], w.p, w.n) == 0)
			return 1;
	return 0;
}

static int
is_word(struct str w, const char *text)
{
	return strlen(text) == w.n && strncasecmp(text, w.p, w.n) == 0;
}

/* A number at p: digits, commas between threes, a point. Bytes of it. */
static size_t
take_number(const char *p, const char *end, struct figure *f)
{
	char digits[64];
	size_t n = 0, i = 0, decimals = 0;
	int point = 0;

	for (; p + i < end && n < sizeof(digits) - 1; i++) {
		if (isdigit((unsigned char)p[i]))
			digits[n++] = p[i], decimals += (size_t)point;
		else if (p[i] == ',' && !point && i && end - p - (long)i > 3 && isdigit((unsigned char)p[i + 1]) && isdigit((unsigned char)p[i + 2]) && isdigit((unsigned char)p[i + 3]))
			continue;
		else if (p[i] == '.' && !point && i && p + i + 1 < end && isdigit((unsigned char)p[i + 1]))
			digits[n++] = '.', point = 1;
		else
			break;
	}
	digits[n] = 0;
	f->value = strtod(digits, NULL);
	f->within = 0.5 * pow(10, -(double)decimals);
	f->unit = PLAIN;
	return i;
}

static void
add_figure(struct said *s, struct figure f)
{
	if (s->n_figures == FIGURES_MOST)
		s->foul = 1;
	else
		s->figure[s->n_figures++] = f;
}

/* What follows a number says what it is: %, points, thousands. */
static void
add_unit(struct said *s, struct str w)
{
	struct figure *f = s->n_figures ? &s->figure[s->n_figures - 1] : NULL;

	if (!f || f->unit != PLAIN)
		return;
	if (is_word(w, "percent") || is_word(w, "pct"))
		f->unit = PERCENT;
	else if (is_word(w, "point") || is_word(w, "points") || is_word(w, "pp"))
		f->unit = POINTS;
	else if (is_word(w, "times") || is_word(w, "x") || is_word(w, "fold"))
		f->unit = TIMES;
	else if (is_word(w, "k") || is_word(w, "thousand"))
		f->value *= 1e3, f->within *= 1e3;
	else if (is_word(w, "m") || is_word(w, "million"))
		f->value *= 1e6, f->within *= 1e6;
	else if (is_word(w, "bn") || is_word(w, "billion"))
		f->value *= 1e9, f->within *= 1e9;
}

static int
is_unit(struct str w)
{
	static const char *const units[] = { "percent", "pct", "point", "points", "pp", "times", "x", "fold", "k", "thousand", "m", "million", "bn", "billion", NULL };

	return is_in(units, w);
}

static int
letter(char c)
{
	return isalpha((unsigned char)c) || (unsigned char)c >= 128;
}

static void
add_word(struct said *s, struct str w, int after_number)
{
	if (s->n_words == WORDS_MOST) {
		s->foul = 1;
		return;
	}
	s->behind[s->n_words] = s->n_figures;
	s->word[s->n_words++] = w;
	if (after_number && is_unit(w)) {
		add_unit(s, w);
		return;
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (is_word(w, numbers[i].word))
			add_figure(s, (struct figure){ numbers[i].value, 0, numbers[i].unit });
	s->hedges += is_in(hedges, w);
	s->negations += is_in(negations, w) || (w.n > 3 && strncasecmp(w.p + w.n - 3, "n't", 3) == 0);
	if (is_in(up, w) || is_in(down, w)) {
		if (s->n_directions == FIGURES_MOST)
			s->foul = 1;
		else
			s->direction[s->n_directions++] = is_in(up, w) ? 1 : -1;
	}
}

static void
read_text(struct str text, struct said *s)
{
	const char *p = text.p, *end = text.p + text.n;
	int after_number = 0;

	*s = (struct said){ .n_figures = 0 };
	s->foul = str_utf8_fault(text) >= 0;
	while (p < end && !s->foul) {
		const char *from = p;

		if (isdigit((unsigned char)*p)) {
			struct figure f;

			p += take_number(p, end, &f);
			if (from > text.p && from[-1] == '-' && (from - 1 == text.p || !letter(from[-2])))
				f.value = -f.value;
			add_figure(s, f);
			after_number = 1;
		} else if (letter(*p)) {
			while (p < end && (letter(*p) || *p == '\'' || *p == '_' || (*p == '-' && p + 1 < end && letter(p[1])) || (p > from && isdigit((unsigned char)*p))))
				p++;
			add_word(s, (struct str){ from, (size_t)(p - from) }, after_number);
			after_number = 0;
		} else if (*p == '%') {
			add_unit(s, STR("percent"));
			p++;
		} else {
			after_number &= *p == ' ' || *p == '-';
			s->foul |= (unsigned char)*p < 32 || *p == 127 || *p == '<' || *p == '>' || *p == '`' || *p == '{' || (*p == ':' && end - p > 2 && p[1] == '/' && p[2] == '/') || (*p == ']' && p + 1 < end && p[1] == '(');
			p++;
		}
	}
}

/* As written: 66 % of 66.3 % is the same, 21,800 of 21,798 is not unless written as 21.8 thousand. */
static int
same_figure(const struct figure *text, const struct figure *own)
{
	return text->unit == own->unit && fabs(text->value - own->value) <= fmax(text->within, 1e-9) && (text->within > 0 ? text->within <= fmax(fabs(own->value) * 0.051, own->within) : 1);
}

/* A name that the sentence has not: a word with a capital or a digit inside, not at the start, or in quotes. */
static int
new_name(const struct said *text, const struct said *own)
{
	for (int i = 0; i < text->n_words; i++) {
		struct str w = text->word[i];
		int name = i > 0 && isupper((unsigned char)w.p[0]), found = 0;

		for (size_t k = 1; k < w.n; k++)
			name |= isdigit((unsigned char)w.p[k]) || w.p[k] == '_' || (isupper((unsigned char)w.p[k]) && w.n > 1);
		for (size_t k = 0; k < w.n; k++)
			name |= (unsigned char)w.p[k] >= 128;
		for (int k = 0; name && k < own->n_words && !found; k++)
			found = own->word[k].n == w.n && strncasecmp(own->word[k].p, w.p, w.n) == 0;
		if (name && !found && !is_word(w, "I"))
			return 1;
	}
	return 0;
}

static size_t
root(struct str w)                                      /* without the endings of plurals and verbs */
{
	static const char *const ends[] = { "ing", "ies", "ed", "es", "'s", "s", "e", "y", "d" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t n = strlen(ends[i]);

		if (w.n > n + 2 && strncasecmp(w.p + w.n - n, ends[i], n) == 0)
			return w.n - n;
	}
	return w.n;
}

/* The same word in another form, or another name of the same span of time. */
static int
same_word(struct str a, struct str b)
{
	static const char *const spans[][4] = { { "day", "days", "daily", "" }, { "hour", "hours", "hourly", "" }, { "week", "weeks", "weekly", "" }, { "month", "months", "monthly", "" },
		{ "year", "years", "yearly", "annual" }, { "s", "sec", "second", "seconds" }, { "user", "users", "people", "person" } };
	static const char *const months[] = { "january", "february", "march", "april", "june", "july", "august", "september", "october", "november", "december" };
	size_t n = root(a), m = root(b);

	if (n == m && strncasecmp(a.p, b.p, n) == 0)
		return 1;
	for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
		int has_a = 0, has_b = 0;

		for (int k = 0; k < 4; k++)
			has_a |= is_word(a, spans[i][k]), has_b |= is_word(b, spans[i][k]);
		if (has_a && has_b)
			return 1;
	}
	for (size_t i = 0; i < sizeof(months) / sizeof(*months); i++)
		if (is_word(a, months[i]) && b.n == 3 && strncasecmp(b.p, months[i], 3) == 0)
			return 1;
	return 0;
}

/* Last week, this month: which one it is has to be said there, too. */
static int
new_deixis(const struct said *text, const struct said *own)
{
	static const char *const here[] = { "this", "current", "currently", "now", NULL };
	static const char *const spans[] = { "hour", "day", "week", "weekend", "month", "quarter", "year", "morning", "evening", NULL };

	for (int i = 0; i < text->n_words; i++) {
		int is_gone = is_in(gone, text->word[i]), is_here = is_in(here, text->word[i]) && i + 1 < text->n_words && is_in(spans, text->word[i + 1]), found = 0;

		for (int k = 0; k < own->n_words; k++)
			found |= (is_gone && is_in(gone, own->word[k])) || (is_here && is_in(here, own->word[k]));
		if ((is_gone || is_here) && !found)
			return 1;
	}
	return 0;
}

static int
is_common(struct str w)
{
	char word[40];

	if (w.n > sizeof(word) - 3)
		return 0;
	word[0] = word[w.n + 1] = ' ', word[w.n + 2] = 0;
	for (size_t i = 0; i < w.n; i++)
		word[i + 1] = (char)tolower((unsigned char)w.p[i]);
	return strstr(common, word) != NULL;
}

static int
claims_alike(struct str a, struct str b)
{
	for (size_t i = 0; i < sizeof(claims) / sizeof(*claims); i++) {
		int has_a = 0, has_b = 0;

		for (int k = 0; k < 12 && claims[i][k]; k++)
			has_a |= is_word(a, claims[i][k]), has_b |= is_word(b, claims[i][k]);
		if (has_a && has_b)
			return 1;
	}
	return 0;
}

/* A word that means something, and that the sentence has not. */
static int
new_word(const struct said *text, const struct said *own)
{
	for (int i = 0; i < text->n_words; i++) {
		struct str w = text->word[i];
		int known = is_common(w) || is_in(gone, w) || is_in(up, w) || is_in(down, w) || is_in(negations, w) || is_unit(w);

		for (size_t k = 0; k < sizeof(numbers) / sizeof(*numbers) && !known; k++)
			known = is_word(w, numbers[k].word);
		for (int k = 0; k < own->n_words && !known; k++)
			known = same_word(w, own->word[k]) || claims_alike(w, own->word[k]);
		if (!known)
			return 1;
	}
	return 0;
}

static int
only(const struct said *s, struct str w)                /* its place, where the text has the word once; -1 */
{
	int at = -1;

	for (int i = 0; i < s->n_words; i++)
		if (same_word(s->word[i], w)) {
			if (at >= 0)
				return -1;
			at = i;
		}
	return at;
}

/* What a figure is of: 0 no such word, 1 a time, 2 a thing or a name. */
static int
kind_of(struct str w)
{
	return is_in(times, w) ? 1 : is_common(w) || is_in(gone, w) || is_in(up, w) || is_in(down, w) || is_in(negations, w) || is_unit(w) ? 0 : 2;
}

/* 35 yesterday and 10 today, of 35 today and 10 yesterday: two words of a kind have changed places over a figure. */
static int
changed_places(const struct said *text, const struct said *own)
{
	for (int i = 0; i < own->n_words; i++)
		for (int k = i + 1; k < own->n_words; k++) {
			int kind = kind_of(own->word[i]), a, b;

			if (!kind || kind_of(own->word[k]) != kind || own->behind[i] == own->behind[k] || only(own, own->word[i]) < 0 || only(own, own->word[k]) < 0 ||
			    (a = only(text, own->word[i])) < 0 || (b = only(text, own->word[k])) < 0)
				continue;
			if (a > b && text->behind[a] != text->behind[b])
				return 1;
		}
	return 0;
}

/* 35 yesterday, of 35 today and 10 yesterday: a figure and a time are left out, not those of each other. */
static int
half_told(const struct said *text, const struct said *own)
{
	int kept = 0, left_out = 0;

	for (int i = 0; i < own->n_words; i++) {
		int found = 0;

		if (kind_of(own->word[i]) != 1)
			continue;
		for (int k = 0; k < text->n_words; k++)
			found |= same_word(text->word[k], own->word[i]);
		kept |= found;
		left_out |= !found;
	}
	return text->n_figures < own->n_figures && kept && left_out;
}

/* Money, by its sign. */
static int
new_sign(struct str text, struct str own)
{
	static const char *const signs[] = { "$", "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5" };

	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (memmem(text.p, text.n, signs[i], strlen(signs[i])) && !memmem(own.p, own.n, signs[i], strlen(signs[i])))
			return 1;
	return 0;
}

int
checked_against(struct str text, struct str own)
{
	struct said *said = malloc(2 * sizeof(*said)), *is = said + 1;
	int at = 0, ok;

	if (!said)
		return 0;
	read_text(text, said);
	read_text(own, is);
	ok = text.n > 0 && !said->foul && !is->foul && text.n <= LONGER * own.n + LONGER_BY;
	ok = ok && said->n_figures <= is->n_figures && said->negations == is->negations && !said->hedges == !is->hedges && !new_name(said, is) && !new_word(said, is) && !new_deixis(said, is) && !new_sign(text, own) &&
	    !changed_places(said, is) && !half_told(said, is);
	for (int i = 0; ok && i < said->n_figures; i++) {       /* in order: "from 5 to 3" is not "from 3 to 5" */
		while (at < is->n_figures && !same_figure(&said->figure[i], &is->figure[at]))
			at++;
		ok = at++ < is->n_figures;
	}
	/* Directions: each that the sentence has, and no other; where it has one, any words for it. */
	for (int i = 0, k = 0; ok && (i < said->n_directions || k < is->n_directions); ) {
		int d;

		ok = i < said->n_directions && k < is->n_directions && (d = said->direction[i]) == is->direction[k];
		while (ok && i < said->n_directions && said->direction[i] == d)
			i++;
		while (ok && k < is->n_directions && is->direction[k] == d)
			k++;
	}
	free(said);
	return ok;
}

/* ---- the model */

int
checked_model(void)
{
	const char *url = getenv("AT_LLM_URL");

	return url && *url;
}

int
checked_ask(struct str system, struct str user, struct buf *answer, struct buf *why)
{
	const char *url = getenv("AT_LLM_URL"), *model = getenv("AT_LLM_MODEL"), *key = getenv("AT_LLM_KEY");
	struct buf where = {0}, body = {0}, bearer = {0}, scratch = {0};
	struct http_head heads[2] = { { "Content-Type", STR("application/json") } };
	struct http_result result = {0};
	struct err err = {0};
	struct json content;
	int rc = -1;

	buf_clear(why);
	if (!url || !*url) {
		buf_lit(why, "AT_LLM_URL is not set");
		return -1;
	}
	buf_lit(&where, url);
	while (where.n && where.p[where.n - 1] == '/')
		where.n--;
	if (where.n < 17 || memcmp(where.p + where.n - 17, "/chat/completions", 17))
		buf_lit(&where, "/chat/completions");
	buf_lit(&body, "{\"model\":");
	json_put_string(&body, str_of(model && *model ? model : "default"));
	buf_lit(&body, ",\"temperature\":0,\"messages\":[{\"role\":\"system\",\"content\":");
	json_put_string(&body, system);
	buf_lit(&body, "},{\"role\":\"user\",\"content\":");
	json_put_string(&body, user);
	buf_lit(&body, "}]}");
	if (key && *key) {
		buf_printf(&bearer, "Bearer %s", key);
		heads[1] = (struct http_head){ "Authorization", buf_get(&bearer) };
	}
	const struct http_call call = { .method = "POST", .url = buf_text(&where), .heads = heads, .n_heads = key && *key ? 2 : 1, .body = buf_get(&body), .timeout_ms = 20000,
		.most = 256 << 10, .private_too = 1 };  /* the user's own setting: mostly a server on this machine */

	if (http_fetch(&call, &result, &err)) {
		buf_lit(why, err.text);
	} else if (result.status != 200) {
		buf_printf(why, "the model's server answered %d", result.status);
	} else if (json_check(buf_get(&result.body), &err)) {
		buf_lit(why, "the model's server answered no JSON");
	} else {
		content = json_get(json_get(json_index(json_get(json_checked(buf_get(&result.body)), STR("choices")), 0), STR("message")), STR("content"));
		if (json_is(content, JSON_STRING) && content.n <= 64 << 10) {
			buf_str(answer, json_text(content, &scratch));
			rc = 0;
		} else {
			buf_lit(why, "the model's server answered without a text");
		}
	}
	http_result_release(&result);
	buf_release(&where), buf_release(&body), buf_release(&bearer), buf_release(&scratch);
	return rc;
}

int
checked_phrase(const struct str *own, int n, struct buf *to, struct buf *why)
{
	static const char system[] = "You are given numbered sentences about figures. Write each again in plain, friendly English, one a line, with its number and a full stop "
		"in front as given. Keep every figure, name and direction exactly; add nothing, explain nothing, leave none out.";
	struct buf user = {0}, answer = {0};
	struct str rest, line;
	int passed = 0;

	buf_clear(why);
	for (int i = 0; i < n; i++) {
		buf_printf(&user, "%d. ", i + 1);
		buf_str(&user, own[i]);
		buf_byte(&user, '\n');
		buf_clear(&to[i]);
	}
	if (n && checked_ask(str_of(system), buf_get(&user), &answer, why) == 0) {
		for (rest = buf_get(&answer); rest.n && str_cut(&rest, '\n', &line); ) {
			struct str piece = str_trim(line), number;
			int64_t i;

			if (!str_cut(&piece, '.', &number) || str_int64(str_trim(number), &i) || i < 1 || i > n || to[i - 1].n)
				continue;
			piece = str_trim(piece);
			if (checked_against(piece, own[i - 1])) {
				buf_str(&to[i - 1], piece);
				passed++;
			}
		}
	}
	for (int i = 0; i < n; i++)
		if (!to[i].n)
			buf_str(&to[i], own[i]);
	buf_release(&user);
	buf_release(&answer);
	return passed;
}
