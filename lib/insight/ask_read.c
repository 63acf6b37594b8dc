/* ask_read.c - items to a reading: which of them is what is measured, which the groups, the filters, the order, the periods.
 *
 * Passes over the items in turn, each taking what it knows: values with the field they are of, numbers with what they bound, groups (by,
 * each, which, top), periods, then the measure from what is left. Where two readings are as likely it asks back and names both.
 */
#include <stdio.h>
#include <stdlib.h>

#include "insight/ask_priv.h"

struct reader {
	struct ask *ask;
	struct ask_item *it;
	int n;
	int64_t now;
	const struct zone *zone;
	struct ask_reading *r;
	struct buf *why;
	int failed;
	int ranking_at;                 /* item behind which the measure of an order stands; -1 */
	int average, agg_at;
	double q;
	int per;                        /* item that the measure is divided by; -1 */
	int of_each;                    /* the greatest or least of each group: no order of the groups */
	int base_event;                 /* item of the event that a share's whole did; 0: none */
};

static int
fail(struct reader *rd, const char *fmt, ...)
{
	va_list ap;
	char text[600];

	if (!rd->failed) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		buf_clear(rd->why);
		buf_lit(rd->why, text);
	}
	rd->failed = 1;
	return 0;
}

static int
is(const struct reader *rd, int i, enum ask_is what)
{
	return i >= 0 && i < rd->n && rd->it[i].is == what;
}

static int
find(const struct reader *rd, enum ask_is what, int from)       /* its place, used or not; -1 */
{
	for (int i = from; i < rd->n; i++)
		if (rd->it[i].is == what)
			return i;
	return -1;
}

static int
find_new(const struct reader *rd, enum ask_is what, int from)
{
	for (int i = from < 0 ? 0 : from; i < rd->n; i++)
		if (rd->it[i].is == what && !rd->it[i].used)
			return i;
	return -1;
}

static int
has(const struct reader *rd, enum ask_is what)
{
	return find(rd, what, 0) >= 0;
}

static int
is_people(const struct reader *rd, int i)
{
	return is(rd, i, ASK_USERS) || is(rd, i, ASK_BUYERS) || is(rd, i, ASK_WHO);
}

static int
is_text_field(const struct reader *rd, int i)
{
	return is(rd, i, ASK_FIELD) && !rd->ask->field[rd->it[i].arg].number;
}

static int
is_number_field(const struct reader *rd, int i)
{
	return is(rd, i, ASK_FIELD) && rd->ask->field[rd->it[i].arg].number;
}

static int
is_event_word(const struct reader *rd, int i)
{
	return is(rd, i, ASK_EVENT) || is(rd, i, ASK_ANY);
}

/* The number that an event carries, where it is one. */
static int
field_of_event(const struct ask *ask, int event)
{
	int found = -1;

	if (event == ask->purchase && ask->money >= 0 && ask->field[ask->money].events >> event & 1)
		return ask->money;
	for (int i = 0; i < ask->n_fields; i++)
		if (ask->field[i].number && ask->field[i].events >> event & 1) {
			if (found >= 0)
				return -1;
			found = i;
		}
	return found;
}

/* The only duration that an event carries; -1. */
static int
span_of_event(const struct ask *ask, int event)
{
	int found = -1;

	for (int f = 0; f < ask->n_fields; f++)
		if (ask->field[f].role == ASK_SPAN && ask->field[f].events >> event & 1) {
			if (found >= 0)
				return -1;
			found = f;
		}
	return found;
}

static int
measure_noun(const struct reader *rd, int i)
{
	if (rd->it[i].used)
		return 0;
	switch (rd->it[i].is) {
	case ASK_EVENT: case ASK_USERS: case ASK_BUYERS: case ASK_SESSIONS: case ASK_VISIT: case ASK_ALL_EVENTS: case ASK_TRAFFIC: case ASK_MONEY: case ASK_ORDER_VALUE: case ASK_SPEND:
	case ASK_METRIC:
		return 1;
	case ASK_LENGTH:
		return rd->it[i].arg != 2;
	case ASK_FIELD:
		return rd->ask->field[rd->it[i].arg].number;
	default:
		return 0;
	}
}

static int
is_plural(const struct ask_item *it)
{
	return it->text.n > 2 &&
	    (it->text.p[it->text.n - 1] == 's' || it->text.p[it->text.n - 1] == 'S' || str_eq(it->text, STR("people")) ||
	    str_eq(it->text, STR("ppl")));
}

/* Does an event of these have that word, singular or plural, in front of its name: its number; -1. */
static int
event_begins(const struct ask *ask, uint64_t events, struct str word)
{
	word.n -= word.n > 3 && (word.p[word.n - 1] == 's' || word.p[word.n - 1] == 'S');
	for (int e = 0; e < ask->n_events; e++) {
		struct str name = ask->event[e].name;

		if (events >> e & 1 && name.n > word.n && strncasecmp(name.p, word.p, word.n) == 0 && strchr("_- .", name.p[word.n]))
			return e;
	}
	return -1;
}

static void
drop(struct reader *rd, int i)
{
	memmove(&rd->it[i], &rd->it[i + 1], (size_t)(rd->n - i - 1) * sizeof(*rd->it));
	rd->n--;
}

/* ---- filters */

static struct ask_filter *
add_filter(struct ask_filters *fs, struct ask_filter f)
{
	if (f.n == 1 && !f.is_number)   /* another value of the same field */
		for (int i = 0; i < fs->n; i++)
			if (fs->f[i].field == f.field && fs->f[i].not == f.not && !fs->f[i].prefix && !f.prefix && !fs->f[i].is_null &&
			    !fs->f[i].is_number && fs->f[i].n < ASK_LIST) {
				for (int k = 0; k < fs->f[i].n; k++)
					if (str_eq(fs->f[i].value[k], f.value[0]))
						return &fs->f[i];
				fs->f[i].value[fs->f[i].n++] = f.value[0];
				return &fs->f[i];
			}
	if (fs->n < ASK_LIST)
		fs->f[fs->n++] = f;
	return &fs->f[fs->n - 1];
}

static void
add_value(struct ask_filters *fs, int field, struct str value, int not, int prefix)
{
	add_filter(fs, (struct ask_filter){ .field = field, .value = { value }, .n = 1, .not = not, .prefix = prefix });
}

/* ---- pass: values with the fields beside them; a page named like an event */

static int
sense_of_field(const struct ask_item *it, int field, struct ask_sense *to)
{
	for (const struct ask_sense *s = it->sense; s; s = s->next)
		if (s->is == ASK_VALUE && s->arg == field) {
			*to = *s;
			return 1;
		}
	if (it->is == ASK_VALUE && it->arg == field && !it->sense) {
		*to = (struct ask_sense){ .is = ASK_VALUE, .arg = field, .value = it->value, .events = it->events };
		return 1;
	}
	return 0;
}

static void
become_value(struct ask_item *it, const struct ask_sense *s)
{
	it->is = ASK_VALUE, it->arg = s->arg, it->value = s->value, it->events = s->events;
}

static void
join_values(struct reader *rd)
{
	for (int i = 0; i < rd->n; i++) {
		struct ask_sense s;

		if (!is_text_field(rd, i) || rd->it[i].value.p)
			continue;
		if (is(rd, i + 1, ASK_NUMBER) && ask_value_of(rd->ask, rd->it[i].arg, rd->it[i + 1].text, &s)) {       /* firmware 1.2 */
			become_value(&rd->it[i + 1], &s);
			drop(rd, i--);
			continue;
		}
		if (i > 0 && rd->it[i - 1].is != ASK_FIELD && sense_of_field(&rd->it[i - 1], rd->it[i].arg, &s)) {
			become_value(&rd->it[i - 1], &s);
			drop(rd, i--);
		} else if (i + 1 < rd->n && !rd->it[i + 1].comma && rd->it[i + 1].is != ASK_FIELD &&
		    !(i > 0 && (rd->it[i - 1].is == ASK_BY || rd->it[i - 1].is == ASK_WHICH || rd->it[i - 1].is == ASK_PER)) &&
		    (rd->it[i + 1].is == ASK_VALUE || rd->it[i + 1].is == ASK_NOTHING) && sense_of_field(&rd->it[i + 1], rd->it[i].arg, &s)) {
			become_value(&rd->it[i + 1], &s);
			drop(rd, i--);
		} else if (i > 0 && rd->it[i - 1].is == ASK_FIELD && rd->it[i - 1].value.p && rd->it[i - 1].arg == rd->it[i].arg) {
			/* product pages */
			rd->it[i - 1].text = rd->it[i].text;
			drop(rd, i--);
		}
	}
}

/* "user u17": a name that only the store knows. */
static void
join_names(struct reader *rd)
{
	for (int i = 0; i + 1 < rd->n; i++) {
		struct ask_item *it = &rd->it[i + 1];
		int digit = 0;

		if ((!is_people(rd, i) && !is(rd, i, ASK_SESSIONS)) || is(rd, i, ASK_WHO) || it->comma ||
		    (it->is != ASK_UNKNOWN && it->is != ASK_NUMBER))
			continue;
		for (size_t k = 0; k < it->text.n; k++)
			digit |= it->text.p[k] >= '0' && it->text.p[k] <= '9';
		if (!digit)
			continue;
		it->is = ASK_VALUE;
		it->arg = is(rd, i, ASK_SESSIONS) ? -2 : -1;
		it->value = it->text;
		drop(rd, i);
	}
}

/* A property that is true or false, named for itself: those of which it is true. */
static void
flags(struct reader *rd)
{
	struct ask_sense s;

	for (int i = 0; i < rd->n; i++)
		if (is(rd, i, ASK_FIELD) && rd->ask->field[rd->it[i].arg].flag && !is(rd, i - 1, ASK_BY) && !is(rd, i - 1, ASK_WHICH) && !is(rd, i - 1, ASK_PER) &&
		    sense_of_field(&rd->it[i], rd->it[i].arg, &s))
			become_value(&rd->it[i], &s);
}

/* ---- pass: words of the grammar that are words of the store, too */

static int
other_sense(const struct ask_item *it, enum ask_is what, struct ask_sense *to)
{
	for (const struct ask_sense *s = it->sense; s; s = s->next)
		if (s->is == what && s != it->sense) {
			*to = *s;
			return 1;
		}
	return 0;
}

/* "total" in front of what is added up, where a property is called so. */
static void
totals(struct reader *rd)
{
	struct ask_sense s;

	for (int i = 0; i + 1 < rd->n; i++)
		if (is(rd, i, ASK_FIELD) && other_sense(&rd->it[i], ASK_AGG, &s) && !rd->it[i + 1].comma &&
		    (is_number_field(rd, i + 1) || is(rd, i + 1, ASK_EVENT) || is(rd, i + 1, ASK_USERS) || is(rd, i + 1, ASK_SESSIONS) || is(rd, i + 1, ASK_MONEY)))
			rd->it[i].is = ASK_AGG, rd->it[i].arg = s.arg;
}

/* Yearly subscriptions: of a plan called so, or for each year? By what the rest allows, or it is asked back. */
static void
values_of_time(struct reader *rd)
{
	static const int64_t span[] = { 60000, 3600000, 86400000, 7 * 86400000LL, 28 * 86400000LL, 90 * 86400000LL, 365 * 86400000LL };

	for (int i = 0; i + 1 < rd->n; i++) {
		int period = find(rd, ASK_PERIOD, 0);
		const struct ask_period *p = period >= 0 ? &rd->it[period].period : NULL;
		struct ask_sense s;

		if (!is(rd, i, ASK_EVERY) || rd->it[i].n_words > 1 || !is(rd, i + 1, ASK_EVENT) || rd->it[i + 1].comma || !other_sense(&rd->it[i], ASK_VALUE, &s))
			continue;
		if (has(rd, ASK_TREND) || find(rd, ASK_EVERY, i + 1) >= 0 || has(rd, ASK_UNIT) || has(rd, ASK_BY) ||
		    (p && p->from != TIME_NONE && p->to != TIME_NONE && rd->it[i].arg >= 0 && rd->it[i].arg < 7 && p->to - p->from < 2 * span[rd->it[i].arg]))
			become_value(&rd->it[i], &s);
		else
			fail(rd, "\"%.*s\" can be read in two ways: step by step in time, or %.*s %.*s; say which.", (int)(rd->it[i].text.n < 60 ? rd->it[i].text.n : 60),
			    rd->it[i].text.p, STR_FMT(rd->ask->field[s.arg].name), STR_FMT(s.value));
	}
}

static uint64_t
events_meant(const struct ask_item *it)
{
	uint64_t all = 0;

	for (const struct ask_sense *s = it->sense; s; s = s->next)
		if (s->is == ASK_EVENT)
			all |= 1ull << s->arg;
	return it->sense && it->sense->is == ASK_EVENT && it->sense->part == 1 ? all : 1ull << it->arg;
}

/* ---- pass: values of the store that are words of the grammar, or words that carry no meaning elsewhere: "cash", "app", "new", "cancelled"
 *
 * Beside what they can be said of they are values: app orders, via app, orders that were cancelled, app or website. Else both readings
 * stand, and it is asked back; passed over they would be answers of all values. */

/* "Cancelled", "Apps" of app; no "shopped" of shop. */
static int
is_as_stored(struct str text, struct str value)
{
	return (text.n == value.n || (text.n == value.n + 1 && (text.p[value.n] == 's' || text.p[value.n] == 'S'))) && strncasecmp(text.p, value.p, value.n) == 0;
}

/* An event by another word than its own: paid, of order_placed. */
static int
is_synonym(const struct reader *rd, int i)
{
	const struct str name = rd->ask->event[rd->it[i].arg].name, text = rd->it[i].text;

	for (size_t k = 0; k + text.n <= name.n; k++)
		if (strncasecmp(name.p + k, text.p, text.n) == 0)
			return 0;
	return rd->it[i].n_words == 1 && rd->it[i].sense && !rd->it[i].sense->part;
}

/* Words that no value is meant by unless its property stands beside it. */
static int
is_grammar_only(const struct reader *rd, int i)
{
	const struct ask_item *it = &rd->it[i];
	static const char *const function_words[] = { "a", "an", "the", "our", "we", "us", "my", "i", "you", "your", "he", "she", "it", "its", "they", "them", "their", "there",
		"here", "these", "those", "this", "that", "please", "so", "is", "are", "am", "was", "were", "be", "been", "being", "do", "does", "did", "has", "have", "had", "having",
		"can", "could", "would", "get", "got", "give", "gave", "show", "tell", "list", "find", "see", "saw", "seen", "want", "need", "know", "let", "me", "all", "any", "some",
		"many", "much", "number", "value", "amount", "as", "if", "at", "about", "too", "when", "while", "make", "made", "take", "took", "come", "came", "user", "users", "go",
		"going", "s", "d", "m", "t", "u", "r", "id", "re", "ve", "to", "on", "during", "within", "total" };

	switch (it->is) {
	case ASK_EVENT:
		return rd->it[i].arg >= rd->ask->n_events || !is_synonym(rd, i);
	case ASK_MONEY: case ASK_SPEND: case ASK_ACTIVE: case ASK_NEW: case ASK_RETURNING: case ASK_ANY: case ASK_VISIT: case ASK_PART: case ASK_USED: case ASK_TRAFFIC:
	case ASK_USERS: case ASK_BUYERS: case ASK_CONVERSION: case ASK_DROP: case ASK_CHANGE: case ASK_WRITE: case ASK_FUTURE: case ASK_NOW: case ASK_UNIQUE:
	case ASK_MONEY_UNIT: case ASK_MOST: case ASK_BEST: case ASK_TREND: case ASK_UNKNOWN: case ASK_NOTHING: case ASK_LENGTH: case ASK_RETENTION:
		break;
	default:
		return 1;
	}
	for (size_t k = 0; k < sizeof(function_words) / sizeof(*function_words); k++)
		if (it->text.n == strlen(function_words[k]) && strncasecmp(it->text.p, function_words[k], it->text.n) == 0)
			return 1;
	return it->n_words > 1;
}

static int
carries_nothing(const struct reader *rd, int i)
{
	struct ask_sense s;

	return is(rd, i, ASK_NOTHING) && !other_sense(&rd->it[i], ASK_VALUE, &s);
}

/* Via, through, at: words that carry nothing but say that what follows is a place or a way. */
static int
is_preposition(const struct reader *rd, int i)
{
	static const char *const words[] = { "via", "through", "using", "at", "onto", "into", "on" };

	if (is(rd, i, ASK_IN) || is(rd, i, ASK_OF) || is(rd, i, ASK_BY) || is(rd, i, ASK_FROM) || is(rd, i, ASK_WITH) || is(rd, i, ASK_TO) || is(rd, i, ASK_NOT) || is(rd, i, ASK_WITHOUT))
		return 1;
	for (size_t k = 0; i >= 0 && is(rd, i, ASK_NOTHING) && k < sizeof(words) / sizeof(*words); k++)
		if (str_eq(rd->it[i].text, str_of(words[k])))
			return 1;
	return 0;
}

/* A value of that property, by its first or another meaning. */
static int
has_value_of(const struct reader *rd, int i, int field)
{
	struct ask_sense s;

	return i >= 0 && i < rd->n && sense_of_field(&rd->it[i], field, &s);
}

static int
is_joint(const struct reader *rd, int i)
{
	return is(rd, i, ASK_OR) || is(rd, i, ASK_AND) || is(rd, i, ASK_VERSUS) || is(rd, i, ASK_NOT);
}

/* What such a word is here: 1 the value, 0 the word of the grammar, -1 either. */
static int
stands_for_value(const struct reader *rd, int i, int field)
{
	const struct ask_item *it = &rd->it[i];
	int before = i - 1, behind = i + 1, place = 0;

	if (it->is == ASK_MONEY_UNIT && is(rd, before, ASK_NUMBER))
		return 0;
	while (behind < rd->n && carries_nothing(rd, behind) && !is_preposition(rd, behind))
		behind++;
	while (before >= 0 && carries_nothing(rd, before) && !is_preposition(rd, before))
		before--;
	for (int k = i - 1; k > before; k--)
		place |= str_eq(rd->it[k].text, STR("our")) || str_eq(rd->it[k].text, STR("my"));
	if (is(rd, before, ASK_WE) || place)                    /* our app */
		return it->is == ASK_NOTHING ? 0 : -1;
	if ((is_joint(rd, before) && has_value_of(rd, before - 1, field)) || (is_joint(rd, behind) && has_value_of(rd, behind + 1, field)))
		return 1;
	if (it->is == ASK_PART || it->is == ASK_TREND || (it->is == ASK_ACTIVE && is_people(rd, behind)))
		return -1;
	if (it->is == ASK_MOST || it->is == ASK_BEST || it->is == ASK_LENGTH)
		return is_preposition(rd, before) && (behind == rd->n || !measure_noun(rd, behind)) ? 1 : 0;
	if (behind < rd->n && !rd->it[behind].comma && (measure_noun(rd, behind) || is_text_field(rd, behind)) && !rd->it[behind].verb)
		return 1;               /* app orders */
	if (is_preposition(rd, before))                         /* via app */
		return 1;
	if (is(rd, before, ASK_THAT) || (before >= 0 && measure_noun(rd, before) && !rd->it[before].verb && before < i - 1))
		return 1;               /* orders that were cancelled */
	return -1;
}

/* How many members, who have the role of that name: the people are counted, too. */
static int
is_counted(const struct reader *rd, int i)
{
	int before = i - 1;

	while (before >= 0 && (carries_nothing(rd, before) || is(rd, before, ASK_UNIQUE) || is(rd, before, ASK_ACTIVE) || is(rd, before, ASK_OF)))
		before--;
	return before < 0 || is(rd, before, ASK_HOW_MANY) || is(rd, before, ASK_SHARE) || is(rd, before, ASK_WHICH);
}

/* The events that are named beside it never have that value. */
static int
is_of_others(const struct reader *rd, int i, uint64_t events)
{
	uint64_t named = 0;

	for (int k = 0; k < rd->n; k++)
		if (k != i && is(rd, k, ASK_EVENT))
			named |= events_meant(&rd->it[k]);
	return named && events && !(named & events);
}

static void
add_people(struct reader *rd, int i)                    /* behind the value */
{
	memmove(&rd->it[i + 2], &rd->it[i + 1], (size_t)(rd->n - i - 1) * sizeof(*rd->it));
	rd->it[i + 1] = rd->it[i];
	rd->it[i + 1].comma = 0;
	rd->n++;
}

static void
values_of_grammar(struct reader *rd)
{
	int added = 0;                  /* of which there is room for ASK_LIST, ask_items made it */

	for (int i = 0; i < rd->n; i++) {
		struct ask_sense s;
		char word[80];
		int what;

		if (!other_sense(&rd->it[i], ASK_VALUE, &s) || s.arg < 0 || !is_as_stored(rd->it[i].text, s.value) || is_grammar_only(rd, i) || is_of_others(rd, i, s.events))
			continue;
		what = is_people(rd, i) && is_counted(rd, i) ? 1 : stands_for_value(rd, i, s.arg);
		if (what > 0) {
			int counted = is_people(rd, i) && is_counted(rd, i) && added++ < ASK_LIST;

			if (counted)
				add_people(rd, i);
			become_value(&rd->it[i], &s);
			i += counted;
		} else if (what < 0) {
			ask_item_text(&rd->it[i], word);
			fail(rd, "\"%s\" can be read in two ways: as %.*s %.*s, or not; say %.*s %.*s, or put it in other words.", word, STR_FMT(rd->ask->field[s.arg].name),
			    STR_FMT(s.value), STR_FMT(rd->ask->field[s.arg].name), STR_FMT(s.value));
			return;
		}
	}
}

/* Guests who booked are users, where these are called so; how many guests booked may be the number of them that a booking has, too. */
static void
people_or_numbers(struct reader *rd)
{
	for (int i = 0; i < rd->n; i++) {
		if (!is_number_field(rd, i) || !rd->it[i].also_users)
			continue;
		if (is(rd, i + 1, ASK_THAT) || is(rd, i + 1, ASK_WITHOUT))
			rd->it[i].is = ASK_USERS, rd->it[i].sense = NULL;
		else if (is(rd, i - 1, ASK_HOW_MANY) || is(rd, i - 1, ASK_WHICH))
			fail(rd, "\"%.*s\" can be read in two ways: users, or what the property of that name adds up to; say users, or total %.*s.", (int)(rd->it[i].text.n < 60 ? rd->it[i].text.n : 60),
			    rd->it[i].text.p, STR_FMT(rd->ask->field[rd->it[i].arg].name));
	}
}

/* In spanish: a language, where the country is meant by "from spain" and "spanish users". */
static void
languages(struct reader *rd)
{
	static const struct { const char *name, *code; } known[] = { { "spanish", "es" }, { "german", "de" }, { "french", "fr" }, { "italian", "it" }, { "portuguese", "pt" },
		{ "dutch", "nl" }, { "swedish", "sv" }, { "norwegian", "no" }, { "danish", "da" }, { "finnish", "fi" }, { "polish", "pl" }, { "czech", "cs" }, { "japanese", "ja" },
		{ "chinese", "zh" }, { "russian", "ru" }, { "ukrainian", "uk" }, { "turkish", "tr" }, { "greek", "el" }, { "korean", "ko" }, { "thai", "th" }, { "indian", "hi" } };

	for (int i = 1; i < rd->n; i++)
		for (size_t k = 0; is(rd, i, ASK_VALUE) && rd->it[i].arg >= 0 && rd->ask->field[rd->it[i].arg].country && k < sizeof(known) / sizeof(*known); k++) {
			int behind = i + 1 < rd->n && !rd->it[i + 1].comma && (measure_noun(rd, i + 1) || is_text_field(rd, i + 1));
			struct ask_sense s = { .is = ASK_NOTHING };

			if (!is(rd, i - 1, ASK_IN) || !str_eq(rd->it[i - 1].text, STR("in")) || behind || rd->it[i].text.n != strlen(known[k].name) || strncasecmp(rd->it[i].text.p, known[k].name, rd->it[i].text.n))
				continue;
			for (int f = 0; f < rd->ask->n_fields && s.is == ASK_NOTHING; f++)
				if (str_eq(rd->ask->field[f].name, STR("language")) || str_eq(rd->ask->field[f].name, STR("lang")) || str_eq(rd->ask->field[f].name, STR("locale")))
					ask_value_of(rd->ask, f, str_of(known[k].code), &s);
			if (s.is == ASK_VALUE)
				become_value(&rd->it[i], &s);
			else
				rd->it[i].is = ASK_UNKNOWN;
			break;
		}
}

/* ---- pass: parts of an event's name, "alarms" and "raised", which stand apart or are shared */

static int
is_part(const struct reader *rd, int i)
{
	return is(rd, i, ASK_EVENT) && rd->it[i].sense && rd->it[i].sense->is == ASK_EVENT && rd->it[i].sense->part == 1;
}

/* What the properties that are named can be of. */
static uint64_t
events_with_fields(const struct reader *rd)
{
	uint64_t all = ~0ull;

	for (int i = 0; i < rd->n; i++) {
		int field = is(rd, i, ASK_FIELD) || is(rd, i, ASK_VALUE) ? rd->it[i].arg : is(rd, i, ASK_MONEY) || is(rd, i, ASK_ORDER_VALUE) || is(rd, i, ASK_SPEND) ? rd->ask->money : -1;

		if (field >= 0 && (all & rd->ask->field[field].events))
			all &= rd->ask->field[field].events;
	}
	return all;
}

/* Rooms, of room_type: a part of the property's name, which is asked for by more of it. */
static int
is_short(const struct reader *rd, int i)
{
	return rd->it[i].n_words == 1 && rd->ask->field[rd->it[i].arg].name.n > rd->it[i].text.n;
}

/* Dashboards … opened: not the property of that name, unless it is asked for. */
static int
join_field(struct reader *rd, int i)
{
	uint64_t mine = events_meant(&rd->it[i]);

	for (int k = 0; k < i; k++) {
		int e;

		if (!is_text_field(rd, k) || rd->it[k].value.p || is(rd, k - 1, ASK_BY) || is(rd, k - 1, ASK_WHICH) || is(rd, k - 1, ASK_PER) || is(rd, k - 1, ASK_TOP) ||
		    is(rd, k - 1, ASK_MOST) || is(rd, k - 1, ASK_LEAST) || is(rd, k - 1, ASK_UNIQUE) || (is(rd, k - 1, ASK_HOW_MANY) && !is_short(rd, k)))
			continue;
		if ((e = event_begins(rd->ask, mine, rd->it[k].text)) >= 0) {
			rd->it[k].is = ASK_EVENT, rd->it[k].arg = e, rd->it[k].verb = 0, rd->it[k].sense = NULL;
			drop(rd, i);
			return 1;
		}
	}
	return 0;
}

/* Average load time of dashboards: of dashboard_opened, which has the time, and not for each dashboard. */
static void
fields_as_events(struct reader *rd)
{
	for (int i = 2; i < rd->n; i++) {
		int e;

		if (is_text_field(rd, i) && !rd->it[i].value.p && is(rd, i - 1, ASK_OF) && is_number_field(rd, i - 2) && has(rd, ASK_AGG) && is_plural(&rd->it[i]) &&
		    (e = event_begins(rd->ask, rd->ask->field[rd->it[i - 2].arg].events, rd->it[i].text)) >= 0)
			rd->it[i].is = ASK_EVENT, rd->it[i].arg = e, rd->it[i].verb = 0, rd->it[i].sense = NULL;
	}
}

/* Delivered the most orders: both words are of order_delivered, although orders alone are order_placed. */
static int
join_noun(struct reader *rd, int i)
{
	for (int k = 0; k < rd->n; k++) {
		int e;

		if (k != i && is(rd, k, ASK_EVENT) && rd->it[k].sense && !rd->it[k].verb && rd->it[k].n_words == 1 && (e = event_begins(rd->ask, events_meant(&rd->it[i]), rd->it[k].text)) >= 0) {
			rd->it[k].arg = e, rd->it[k].sense = NULL;
			drop(rd, i);
			return 1;
		}
	}
	return 0;
}

static int
is_done(struct str text)
{
	return text.n > 3 && strncasecmp(text.p + text.n - 2, "ed", 2) == 0;
}

/* Booked, of room_booked and booking_cancelled, which have one stem: those whose name has the word as it is, where it is something done. */
static uint64_t
events_done(const struct reader *rd, uint64_t events, struct str text)
{
	uint64_t own = 0;

	if (!is_done(text))
		return events;
	for (int e = 0; e < rd->ask->n_events; e++) {
		struct str name = rd->ask->event[e].name;

		for (size_t k = 0; events >> e & 1 && k + text.n <= name.n; k++)
			if (strncasecmp(name.p + k, text.p, text.n) == 0 && (k == 0 || strchr("_- .", name.p[k - 1])) && (k + text.n == name.n || strchr("_- .", name.p[k + text.n])))
				own |= 1ull << e;
	}
	return own ? own : events;
}

static void
join_events(struct reader *rd)
{
	fields_as_events(rd);
	/* paid the most invoices, of invoice_paid: no other spending is meant */
	for (int i = 0; i < rd->n; i++)
		for (int k = 0; is(rd, i, ASK_SPEND) && k < rd->n; k++) {
			const struct str name = is_part(rd, k) ? rd->ask->event[rd->it[k].arg].name : (struct str){ 0 };

			if (name.n > rd->it[i].text.n && strncasecmp(name.p + name.n - rd->it[i].text.n, rd->it[i].text.p, rd->it[i].text.n) == 0) {
				drop(rd, i--);
				break;
			}
		}
	for (int i = 0; i < rd->n; i++) {
		uint64_t mine;
		int near = -1;

		if (!is_part(rd, i))
			continue;
		mine = events_meant(&rd->it[i]);
		for (int k = 0; k < rd->n; k++)         /* the other part, the nearest first */
			if (k != i && is(rd, k, ASK_EVENT) && (mine & events_meant(&rd->it[k])) && (near < 0 || abs(k - i) < abs(near - i)))
				near = k;
		if (near >= 0) {
			int first = i < near ? i : near, second = i < near ? near : i;

			mine &= events_meant(&rd->it[near]);
			if (mine & (mine - 1))
				continue;               /* both words are shared by the same events */
			for (int k = first + 1; k < second; k++)        /* raised no alarm: what is denied stands behind the no */
				if (is(rd, k, ASK_NOT) || is(rd, k, ASK_WITHOUT)) {
					second = first, first = i < near ? near : i;
					break;
				}
			rd->it[first].arg = __builtin_ctzll(mine);
			rd->it[first].sense = NULL;
			drop(rd, second);
			i = -1;                         /* from the beginning: places have moved */
			continue;
		}
		if ((rd->it[i].verb || is_done(rd->it[i].text)) && (join_field(rd, i) || join_noun(rd, i)))
			i = -1;
	}
	for (int i = 0; i < rd->n; i++) {
		uint64_t mine;
		struct buf names = {0};

		if (!is_part(rd, i))
			continue;
		for (int k = 0; k < rd->n && rd->it[i].also_users; k++)
			if (k != i && is_event_word(rd, k)) {   /* accounts that logged in */
				rd->it[i].is = ASK_USERS, rd->it[i].sense = NULL;
				break;
			}
		if (!is_part(rd, i))
			continue;
		mine = events_meant(&rd->it[i]);
		if ((mine & (mine - 1)) && (mine & events_with_fields(rd)))
			mine &= events_with_fields(rd);
		if (mine & (mine - 1))
			mine = events_done(rd, mine, rd->it[i].text);
		if (!(mine & (mine - 1))) {
			rd->it[i].arg = __builtin_ctzll(mine);
			rd->it[i].sense = NULL;
			continue;
		}
		for (int e = 0, n = 0; e < rd->ask->n_events && n < 4; e++)
			if (mine >> e & 1)
				buf_printf(&names, "%s%.*s", n++ ? ", " : "", (int)(rd->ask->event[e].name.n < 60 ? rd->ask->event[e].name.n : 60), rd->ask->event[e].name.p);
		fail(rd, "\"%.*s\" can be read in several ways: %.*s; say which.", (int)(rd->it[i].text.n < 60 ? rd->it[i].text.n : 60), rd->it[i].text.p, STR_FMT(buf_get(&names)));
		buf_release(&names);
		return;
	}
}

/* firmware version, ticket type: the second word says only that the first is a property. */
static void
join_kinds(struct reader *rd)
{
	static const struct str kinds[] = { { "version", 7 }, { "versions", 8 }, { "type", 4 }, { "types", 5 }, { "name", 4 }, { "names", 5 }, { "category", 8 }, { "class", 5 },
		{ "code", 4 }, { "codes", 5 }, { "status", 6 }, { "level", 5 }, { "levels", 6 } };

	for (int i = 0; i + 1 < rd->n; i++)
		for (size_t k = 0; is(rd, i, ASK_FIELD) && !rd->it[i].value.p && is(rd, i + 1, ASK_UNKNOWN) && k < sizeof(kinds) / sizeof(*kinds); k++)
			if (str_eq(rd->it[i + 1].text, kinds[k])) {
				drop(rd, i + 1);
				break;
			}
}

/* ---- pass: what cannot be asked */

void
ask_item_text(const struct ask_item *it, char to[80])
{
	size_t n = it->text.n < 60 ? it->text.n : 60;

	while (n && n < it->text.n && ((unsigned char)it->text.p[n] & 0xc0) == 0x80)
		n--;
	memcpy(to, it->text.p, n);
	to[n] = 0;
	for (size_t k = 0; k < n; k++)
		if ((unsigned char)to[k] < ' ' || to[k] == '"')
			to[k] = ' ';
}

static int
is_too_much(const struct reader *rd)            /* more than a reading holds, of which none may be left out */
{
	int values = 0, did = 0;

	for (int i = 0; i < rd->n; i++) {
		values += rd->it[i].is == ASK_VALUE;
		did += rd->it[i].is == ASK_EVENT || rd->it[i].is == ASK_ANY || rd->it[i].is == ASK_OVER;
	}
	return values > ASK_LIST || did > ASK_LIST;
}

int
ask_say_unknown(const struct ask_item *it, struct buf *why)
{
	char word[80];

	ask_item_text(it, word);
	buf_clear(why);
	buf_printf(why, "I do not know what \"%s\" is: no event, property or value in the store is called so (at-query schema lists them; \"synonyms\" in "
	    "config/analytics.json adds words).", word);
	return 0;
}

/* 1: go on; 0: a word is not known; ASK_NEVER. */
static int
refuse(struct reader *rd)
{
	char word[80];
	int i;

	if (is_too_much(rd)) {
		fail(rd, "That names more than %d values or events; ask about fewer at a time.", ASK_LIST);
	} else if (find(rd, ASK_WHY, 0) >= 0) {
		fail(rd, "I count what happened, I cannot tell reasons. What a change came from: at-insight explain METRIC.");
	} else if (find(rd, ASK_FUTURE, 0) >= 0) {
		fail(rd, "The store holds what has been, not what will be. What comes next: at-insight forecast METRIC.");
	} else if ((i = find(rd, ASK_WRITE, 0)) >= 0) {
		ask_item_text(&rd->it[i], word);
		fail(rd, "I only read: \"%s\" is nothing I can do, or it is nothing that an event here tells of.", word);
	} else if ((i = find(rd, ASK_OPINION, 0)) >= 0) {
		ask_item_text(&rd->it[i], word);
		fail(rd, "\"%s\": the events say what was done, not what anybody thinks of it.", word);
	} else if ((i = find(rd, ASK_UNKNOWN, 0)) >= 0) {
		rd->failed = 1;
		return ask_say_unknown(&rd->it[i], rd->why);
	} else {
		return 1;
	}
	return ASK_NEVER;
}

/* ---- pass: bounds, "more than 3 purchases", "orders over $50", "longer than 10 seconds" */

static int
condition_of_event(struct reader *rd, int at)           /* the condition made of the event item; made when there is none */
{
	struct ask_reading *r = rd->r;

	if (r->n_conditions == ASK_LIST)
		return -1;
	r->condition[r->n_conditions] = (struct ask_condition){ .event = at < 0 ? -1 : rd->it[at].arg };
	if (at >= 0)
		rd->it[at].used = 1;
	return r->n_conditions++;
}

static int
near_before(const struct reader *rd, int i, enum ask_is what, int back)
{
	for (int k = i - 1; k >= 0 && k >= i - back; k--)
		if (rd->it[k].is == what)
			return k;
	return -1;
}

static int
people_before(const struct reader *rd, int i)
{
	for (int k = 0; k < i; k++)
		if (is_people(rd, k) || is(rd, k, ASK_SESSIONS) || is(rd, k, ASK_VISIT))
			return 1;
	return 0;
}

static int
groups_before(const struct reader *rd, int i)
{
	for (int k = 0; k < i; k++)
		if (is_text_field(rd, k) || is(rd, k, ASK_UNIT))
			return 1;
	return 0;
}

/* The duration that is meant: that of the event that is named, where it has one. */
static int
span_of(const struct reader *rd)
{
	const struct ask *ask = rd->ask;

	for (int i = 0; i < rd->n; i++)
		for (int f = 0; is(rd, i, ASK_EVENT) && f < ask->n_fields; f++)
			if (ask->field[f].role == ASK_SPAN && (ask->field[f].events >> rd->it[i].arg & 1) &&
			    !(ask->span >= 0 && (ask->field[ask->span].events >> rd->it[i].arg & 1)))
				return f;
	return ask->span;
}

/* The same where a number stands in front of it that has a duration's unit, or events that are called so: deliveries that took longer than
 * 45 minutes are of delivery_minutes. */
static int
span_named(struct reader *rd, int before)
{
	const struct ask *ask = rd->ask;
	int only = -1, n = 0;

	for (int k = before - 1; k >= 0; k--)
		if (is_number_field(rd, k) && ask->field[rd->it[k].arg].unit_ms > 0) {
			rd->it[k].used = 1;
			return rd->it[k].arg;
		}
	for (int i = 0; i < rd->n; i++)         /* the only one that its events have */
		for (int f = 0; is(rd, i, ASK_EVENT) && f < ask->n_fields; f++)
			if (ask->field[f].role == ASK_SPAN && ask->field[f].events >> rd->it[i].arg & 1)
				only = f, n++;
	return n == 1 ? only : span_of(rd);
}

/* The amount that the event at i carries, where it is one; -1. */
static int
is_amount_of(const struct reader *rd, int i)
{
	int field = field_of_event(rd->ask, rd->it[i].arg);

	return field >= 0 && rd->ask->field[field].role == ASK_AMOUNT ? field : -1;
}

/* So often, the condition c. */
static void
bound_count(struct reader *rd, int c, enum ask_op op, double v)
{
	if (c >= 0)
		rd->r->condition[c].has_count = 1, rd->r->condition[c].op = op, rd->r->condition[c].count = v;
}

/* More than twice, at i. 1; 0: who did what is not said. */
static int
more_than_times(struct reader *rd, int i)
{
	int event = near_before(rd, i, ASK_EVENT, 4);

	if (!people_before(rd, rd->n) || event < 0)
		return fail(rd, "Who did what so often? Say users who bought more than twice.");
	bound_count(rd, condition_of_event(rd, event), (enum ask_op)rd->it[i].arg, -rd->it[i + 1].arg);
	drop(rd, i + 1);
	drop(rd, i);
	return 1;
}

/* The number at i is what a property is, without a word that compares. 1, and it is done with. */
static int
exact_number(struct reader *rd, int i)
{
	int field;

	if (!is(rd, i, ASK_NUMBER) || rd->it[i].ordinal)
		return 0;
	if (is(rd, i - 1, ASK_OF) && is(rd, i - 2, ASK_EVENT) && (field = is_amount_of(rd, i - 2)) >= 0 && (i + 1 == rd->n || !measure_noun(rd, i + 1))) {
		if (is(rd, i + 1, ASK_MONEY_UNIT))      /* invoices of 999 */
			drop(rd, i + 1);
	} else if (is_number_field(rd, i + 1) && !is_plural(&rd->it[i + 1]) && is(rd, i + 2, ASK_EVENT) && rd->ask->field[rd->it[i + 1].arg].role == ASK_PLAIN &&
	    !is(rd, i - 1, ASK_TOP)) {
		field = rd->it[i + 1].arg;              /* 5 star ratings */
		drop(rd, i + 1);
	} else if (!rd->it[i].money && is_number_field(rd, i - 1) && !rd->it[i].comma && !is(rd, i + 1, ASK_EVENT) &&
	    rd->ask->field[rd->it[i - 1].arg].role == ASK_PLAIN) {
		field = rd->it[i - 1].arg;              /* with status 500 */
		rd->it[i - 1].used = 1;
	} else {
		return 0;
	}
	add_filter(&rd->r->where, (struct ask_filter){ .field = field, .is_number = 1, .op = ASK_EQ, .number = rd->it[i].number });
	drop(rd, i);
	return 1;
}

static void
bounds(struct reader *rd)
{
	struct ask_reading *r = rd->r;

	for (int i = 0; i < rd->n; i++) {
		enum ask_op op;
		double v;
		int end, unit = 0, money = 0, event, c, start = i;

		if (is(rd, i, ASK_TIMES)) {             /* more than once, twice: of the event beside it */
			if ((event = near_before(rd, i, ASK_EVENT, 6)) < 0)
				event = is(rd, i + 1, ASK_EVENT) ? i + 1 : -1;
			if (!people_before(rd, i) || rd->it[i].arg == 1) {
				drop(rd, i--);
				continue;
			}
			bound_count(rd, condition_of_event(rd, event), rd->it[i].arg < 0 ? ASK_EQ : ASK_GE, rd->it[i].arg < 0 ? -rd->it[i].arg : rd->it[i].arg);
			drop(rd, i--);
			continue;
		}
		if (is(rd, i, ASK_OVER) && (((is(rd, i + 1, ASK_UNIT) || is(rd, i + 1, ASK_EVERY)) && rd->it[i + 1].arg <= 1) || is(rd, i + 1, ASK_DURATION_UNIT))) {
			op = (enum ask_op)rd->it[i].arg;        /* less than a minute, than an hour */
			v = 1;
			end = i + 1;
		} else if (is(rd, i, ASK_OVER) && is(rd, i + 1, ASK_TIMES) && rd->it[i + 1].arg < 0) {  /* more than twice */
			if (!more_than_times(rd, i--))
				return;
			continue;
		} else if (is(rd, i, ASK_OVER) && is(rd, i + 1, ASK_NUMBER)) {
			op = (enum ask_op)rd->it[i].arg;
			v = rd->it[i + 1].number;
			money = rd->it[i + 1].money;
			end = i + 2;
		} else if (is(rd, i, ASK_NUMBER) &&
		    (is(rd, i + 1, ASK_OR_MORE) ||
		    ((is(rd, i + 1, ASK_DURATION_UNIT) || is(rd, i + 1, ASK_MONEY_UNIT)) && is(rd, i + 2, ASK_OR_MORE)))) {
			end = is(rd, i + 1, ASK_OR_MORE) ? i + 2 : i + 3;
			op = (enum ask_op)rd->it[end - 1].arg;
			v = rd->it[i].number;
			money = rd->it[i].money || is(rd, i + 1, ASK_MONEY_UNIT);
			unit = is(rd, i + 1, ASK_DURATION_UNIT) ? rd->it[i + 1].arg : 0;
		} else if (is(rd, i, ASK_NUMBER) && !rd->it[i].ordinal && is(rd, i + 1, ASK_EVENT) && people_before(rd, i) &&
		    near_before(rd, i, ASK_TOP, 2) < 0) {
			op = ASK_EQ, v = rd->it[i].number, end = i + 1;         /* users with 3 purchases */
		} else {
			i -= exact_number(rd, i);
			continue;
		}
		if (is(rd, end, ASK_DURATION_UNIT))
			unit = rd->it[end++].arg;
		else if ((is(rd, end, ASK_UNIT) || (is(rd, end, ASK_EVERY) && end == i + 1)) && rd->it[end].arg <= 1)
			unit = rd->it[end++].arg ? 3600000 : 60000;
		else if (is(rd, end, ASK_MONEY_UNIT))
			money = 1, end++;
		else if (is(rd, end, ASK_HOW_MANY) && rd->it[end].arg == 1)     /* 3 times */
			end++;
		if (is(rd, end, ASK_OR_MORE))
			op = (enum ask_op)rd->it[end++].arg;
		event = is(rd, end, ASK_EVENT) ? end : -1;
		if (unit) {
			int field = span_named(rd, start);

			if (is(rd, 0, ASK_SESSIONS) || (near_before(rd, start, ASK_SESSIONS, 4) >= 0 && near_before(rd, start, ASK_EVENT, 4) < 0)) {
				fail(rd, "I cannot bound the length of a session; ask for its average, or for events longer than that.");
				return;
			}
			if (field < 0) {
				fail(rd, "No event here has a duration.");
				return;
			}
			add_filter(&r->where, (struct ask_filter){ .field = field, .is_number = 1, .op = op,
			    .number = v * unit / (rd->ask->field[field].unit_ms > 0 ? rd->ask->field[field].unit_ms : 1) });
		} else if (is_number_field(rd, end) && !(rd->it[end].arg == rd->ask->money && people_before(rd, start))) {       /* of more than 5 items */
			add_filter(&r->where, (struct ask_filter){ .field = rd->it[end].arg, .is_number = 1, .op = op, .number = v });
			if (is(rd, start - 1, ASK_OF))
				drop(rd, --start), end--;
			end++;
		} else if ((near_before(rd, start, ASK_SPEND, 3) >= 0 && people_before(rd, start)) ||
		    (near_before(rd, start, ASK_MONEY, 3) >= 0 && people_before(rd, start))) {
			int k = near_before(rd, start, ASK_SPEND, 3);

			if ((c = condition_of_event(rd, -1)) >= 0)
				r->condition[c].sum = 1;
			bound_count(rd, c, op, v);
			rd->it[k >= 0 ? k : near_before(rd, start, ASK_MONEY, 3)].used = 1;
		} else if (event >= 0 && people_before(rd, start)) {
			bound_count(rd, condition_of_event(rd, event), op, v);
		} else if (is(rd, end, ASK_SESSIONS) && people_before(rd, start)) {
			fail(rd, "I cannot bound the sessions of a user; ask for sessions per user.");
			return;
		} else if ((event >= 0 || is_people(rd, end) || is(rd, end, ASK_SESSIONS) || is(rd, end, ASK_MONEY)) && groups_before(rd, start)) {
			r->having = 1, r->having_op = op, r->having_number = v;
		} else if (near_before(rd, start, ASK_EVENT, 4) >= 0 && people_before(rd, start) && !money &&
		    near_before(rd, start, ASK_ORDER_VALUE, 3) < 0 && !is_number_field(rd, start - 1)) {
			bound_count(rd, condition_of_event(rd, near_before(rd, start, ASK_EVENT, 4)), op, v);     /* bought more than 3 times */
		} else if (near_before(rd, start, ASK_FIELD, 3) >= 0 && is_number_field(rd, near_before(rd, start, ASK_FIELD, 3))) {
			int k = near_before(rd, start, ASK_FIELD, 3);

			if (rd->average && rd->agg_at == k && groups_before(rd, k)) {
				fail(rd, "I bound what an event has, and how many of them a group has, no average of a group; ask for the average of each.");
				return;
			}

			add_filter(&r->where, (struct ask_filter){ .field = rd->it[k].arg, .is_number = 1, .op = op, .number = v });
			rd->it[k].used = 1;
		} else if (rd->ask->money >= 0 &&
		    (money || near_before(rd, start, ASK_ORDER_VALUE, 3) >= 0 || (near_before(rd, start, ASK_EVENT, 4) >= 0 &&
		    rd->it[near_before(rd, start, ASK_EVENT, 4)].arg == rd->ask->purchase))) {
			add_filter(&r->where, (struct ask_filter){ .field = rd->ask->money, .is_number = 1, .op = op, .number = v });
			if (near_before(rd, start, ASK_ORDER_VALUE, 1) >= 0)
				rd->it[start - 1].used = 1;
		} else {
			fail(rd, "I do not see what is to be compared with %g.", v);
			return;
		}
		/* the words of the bound are done with; the event stays to be seen */
		if (event >= 0 && !rd->it[event].used)
			event = -1;
		for (int k = end; k > start; k--)
			drop(rd, start);
		i = start - 1;
	}
}

/* ---- pass: periods */

static int
is_compare(const struct reader *rd)
{
	return has(rd, ASK_VERSUS) || has(rd, ASK_COMPARE) || has(rd, ASK_THAN) || has(rd, ASK_CHANGE);
}

static void
shift_on(const struct reader *rd, const struct ask_period *p, struct ask_period *to)    /* the one that follows */
{
	struct ask_period half = *p;

	*to = *p;
	half.step_ms = -p->step_ms, half.months = -p->months;
	ask_period_before(&half, rd->zone, to);
	to->step_ms = p->step_ms, to->months = p->months;
	snprintf(to->label, sizeof(to->label), "%s", to->to > rd->now ? "since then" : "the period after");
}

static void
this_unit(struct reader *rd, int unit, struct ask_period *to)
{
	static const char *const names[] = { "", "today", "this week", "this month" };
	struct ask_word w[2] = { { .text = STR("this"), .date_from = TIME_NONE }, { .date_from = TIME_NONE } };

	w[1].text = unit == 1 ? STR("day") : unit == 2 ? STR("week") : STR("month");
	ask_time(w, 2, 0, rd->now, rd->zone, 0, to);
	snprintf(to->label, sizeof(to->label), "%s", names[unit]);
}

static int
is_weekends(const struct ask_item *it)
{
	static const char *const words[] = { "on the weekend", "the weekend", "on weekend", "weekend" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (it->text.n == strlen(words[i]) && strncasecmp(it->text.p, words[i], it->text.n) == 0)
			return 1;
	return 0;
}

/* This week against the same period last week: as far as this one has come. */
static void
same_part(struct reader *rd, const int *at, int n, int previous)
{
	struct ask_reading *r = rd->r;
	const struct ask_period *reference = n && at[n - 1] > previous ? &rd->it[at[n - 1]].period : NULL;
	struct ask_period so_far;
	int unit = reference && reference->months == 1 ? 3 : reference && reference->months ? 0 : reference && reference->step_ms == 86400000 ? 1 : 2;

	if (!reference || reference->from == TIME_NONE || n > 2 || (n == 1 && !unit)) {
		fail(rd, "The same period of which week or month? Say this week against the same period last week.");
		return;
	}
	if (n == 2)
		r->period[0] = rd->it[at[0]].period;
	else
		this_unit(rd, unit, &r->period[0]);
	if (r->period[0].from == TIME_NONE || r->period[0].to == TIME_NONE) {
		fail(rd, "A period without a beginning or an end is compared with none.");
		return;
	}
	so_far = r->period[0];
	if (so_far.to > rd->now)
		so_far.to = rd->now + 1;
	so_far.months = reference->months, so_far.step_ms = reference->step_ms;
	ask_period_before(&so_far, rd->zone, &r->period[1]);
	snprintf(r->period[1].label, sizeof(r->period[1].label), "the same period before");
	r->n_periods = 2;
	r->want_change = 1;
}

/* How many we lost: of those who are gone, where "how much did they change" was not asked. */
static int
is_lost(const struct ask_item *it)
{
	return it->arg < 0 && it->text.n > 2 && strncasecmp(it->text.p, "los", 3) == 0;
}

static void
periods(struct reader *rd)
{
	struct ask_reading *r = rd->r;
	int at[ASK_LIST], n = 0, previous = find(rd, ASK_PREVIOUS, 0), series = has(rd, ASK_EVERY) || has(rd, ASK_TREND);

	for (int i = 0; i < rd->n; i++)
		if (is(rd, i, ASK_PERIOD) && n < ASK_LIST)
			at[n++] = i;
	for (int k = 0; n == 2 && k < n && !is_compare(rd) && !has(rd, ASK_OR); k++)
		if (is_weekends(&rd->it[at[k]])) {      /* on the weekend, last month: on weekends */
			rd->it[at[k]].is = ASK_PART, rd->it[at[k]].arg = 3;
			at[0] = at[!k], n = 1;
		}
	if (n > 2) {
		fail(rd, "That names more than two periods; ask about two at a time.");
		return;
	}
	for (int k = 0; k < n; k++) {
		r->period[k] = rd->it[at[k]].period;
		rd->it[at[k]].used = 1;
	}
	r->n_periods = n;
	if (n == 2 && r->period[0].from == r->period[1].from && r->period[0].to == r->period[1].to)     /* last week and the previous week */
		ask_period_before(&r->period[0], rd->zone, &r->period[1]);
	if (n == 2 && r->period[0].from < r->period[1].from) {  /* the later one is what is compared with the other */
		struct ask_period first = r->period[0];

		r->period[0] = r->period[1];
		r->period[1] = first;
	}
	if (n == 2 && !is_compare(rd) && !has(rd, ASK_OR)) {
		const struct ask_period *a = &r->period[0], *b = &r->period[1];

		/* one within the other: Monday last week, mornings apart */
		if (a->from != TIME_NONE && b->from != TIME_NONE && a->from < b->to && b->from < a->to && (a->from != b->from || a->to != b->to)) {
			r->period[0].from = a->from > b->from ? a->from : b->from;
			r->period[0].to = a->to < b->to ? a->to : b->to;
			r->n_periods = 1;
		}
	}
	if (previous >= 0 && rd->it[previous].arg == 4) {
		rd->it[previous].used = 1;
		same_part(rd, at, n, previous);
		return;
	}
	if (previous >= 0) {
		rd->it[previous].used = 1;
		if (n == 0 && rd->it[previous].arg > 0) {
			this_unit(rd, rd->it[previous].arg, &r->period[0]);
			n = r->n_periods = 1;
		}
		if (n == 1 && rd->it[previous].number && rd->it[previous].number != (r->period[0].months ? -r->period[0].months : (double)r->period[0].step_ms)) {
			fail(rd, "The two periods are not as long; ask for as many days before as there are in the first.");
			return;
		}
		if (n == 1 && r->period[0].from != TIME_NONE) {
			ask_period_before(&r->period[0], rd->zone, &r->period[1]);
			r->n_periods = 2;
			r->want_change = 1;
		} else if (n == 0) {
			fail(rd, "Compared with which period? Say this week and last week, or today and yesterday.");
		}
		return;
	}
	if (n == 1 && !series && r->period[0].from != TIME_NONE) {
		int before = at[0] - 1;

		while (before >= 0 && (rd->it[before].is == ASK_TO || rd->it[before].is == ASK_WITH || rd->it[before].is == ASK_NOTHING ||
		    rd->it[before].is == ASK_IN || rd->it[before].is == ASK_WE))
			before--;
		if (r->period[0].reference ||
		    ((is(rd, before, ASK_THAN) || (is(rd, before, ASK_COMPARE) && rd->it[before].n_words > 1) ||
		    is(rd, before, ASK_VERSUS)) && r->period[0].to <= rd->now)) {
			r->period[1] = r->period[0];
			shift_on(rd, &r->period[1], &r->period[0]);
			r->n_periods = 2;
			r->want_change = 1;
		} else if (has(rd, ASK_CHANGE)) {
			ask_period_before(&r->period[0], rd->zone, &r->period[1]);
			r->n_periods = 2;
		}
	}
	if (has(rd, ASK_CHANGE) && has(rd, ASK_HOW_MANY) && is_lost(&rd->it[find(rd, ASK_CHANGE, 0)]))
		fail(rd, "How many were lost is told by no event here; ask how many there were, against the period before.");
	if (r->n_periods == 0 && has(rd, ASK_CHANGE) && !series)
		fail(rd, "Over which period? It can be read as this week against last week, or as this month against last month.");
	if (has(rd, ASK_CHANGE) && r->n_periods == 2)
		r->want_change = 1;
}

/* ---- pass: groups */

static int
has_group(const struct ask_reading *r, int g)
{
	for (int i = 0; i < r->n_groups; i++)
		if (r->group[i] == g)
			return 1;
	return 0;
}

static void
add_group(struct reader *rd, int i)
{
	struct ask_reading *r = rd->r;
	const struct ask_item *it = &rd->it[i];
	int g = it->is == ASK_FIELD ? it->arg : it->is == ASK_SESSIONS ? -2 : it->is == ASK_ALL_EVENTS || it->is == ASK_EVENT ? -5 : -1;

	rd->it[i].used = 1;
	if (it->is == ASK_FIELD && it->value.p)
		add_value(&r->where, it->arg, it->value, 0, 1);
	if (it->is == ASK_BUYERS && r->n_conditions < ASK_LIST && rd->ask->purchase >= 0)
		r->m.events |= 1ull << rd->ask->purchase;
	if (!has_group(r, g) && r->n_groups == 4)
		fail(rd, "That asks for more than 4 groups within each other; ask for fewer.");
	else if (!has_group(r, g))
		r->group[r->n_groups++] = g;
}

static void
set_unit(struct reader *rd, int i)
{
	rd->r->unit = rd->it[i].arg + 1;
	rd->it[i].used = 1;
}

static int
is_skipped(const struct reader *rd, int i)              /* between which and what it asks for */
{
	return is(rd, i, ASK_NOTHING) || is(rd, i, ASK_OF) || is(rd, i, ASK_IN) || is(rd, i, ASK_WE) || is(rd, i, ASK_UNIQUE) ||
	    is(rd, i, ASK_NUMBER) || is(rd, i, ASK_TOP) ||
	    is(rd, i, ASK_BOTTOM) || is(rd, i, ASK_MOST) || is(rd, i, ASK_LEAST) || is(rd, i, ASK_BEST) || is(rd, i, ASK_FIRST) ||
	    is(rd, i, ASK_ACTIVE) || is(rd, i, ASK_USED);
}

static int
is_superlative(struct reader *rd)
{
	return has(rd, ASK_MOST) || has(rd, ASK_LEAST);
}

static int
is_ranked(struct reader *rd)
{
	return has(rd, ASK_TOP) || has(rd, ASK_BOTTOM) || is_superlative(rd) || has(rd, ASK_BEST) || has(rd, ASK_RANKED);
}

/* Order, and how many rows. */
static void
rank_words(struct reader *rd)
{
	struct ask_reading *r = rd->r;
	int ranked = is_ranked(rd);

	for (int i = 0; i < rd->n; i++) {
		struct ask_item *it = &rd->it[i];

		if (it->is == ASK_TOP || it->is == ASK_MOST)
			r->rank = r->rank ? r->rank : 1;
		if (it->is == ASK_BOTTOM || it->is == ASK_LEAST)
			r->rank = r->rank ? r->rank : -1;
		if (it->is == ASK_RANKED && !r->rank)
			r->rank = it->arg;
		if (it->is == ASK_BEST && !r->rank)
			r->rank = it->arg;
		if (it->is == ASK_RANKED)
			rd->ranking_at = i;
		if (it->is == ASK_NUMBER && !it->ordinal && !it->money && it->number >= 1 && it->number <= 1000 &&
		    it->number == (int)it->number && ranked &&
		    (is(rd, i - 1, ASK_TOP) || is(rd, i - 1, ASK_BOTTOM) || is(rd, i - 1, ASK_MOST) || is(rd, i - 1, ASK_LEAST) ||
		    is(rd, i - 1, ASK_BEST) || is_text_field(rd, i + 1) || is_people(rd, i + 1) ||
		    is(rd, i + 1, ASK_UNIT) || is(rd, i + 1, ASK_MOST) || is(rd, i + 1, ASK_LEAST) || is(rd, i + 1, ASK_BEST) ||
		    is(rd, i + 1, ASK_SESSIONS) || is(rd, i + 1, ASK_ACTIVE))) {
			r->limit = (int)it->number;
			r->plural = r->limit > 1;
			it->used = 1;
		}
		if (it->is == ASK_NUMBER && it->ordinal && it->number >= 2 && it->number <= 100 &&
		    (is(rd, i + 1, ASK_MOST) || is(rd, i + 1, ASK_LEAST) || is(rd, i + 1, ASK_BEST))) {
			r->offset = (int)it->number - 1, r->limit = 1;
			it->used = 1;
		}
		if (it->is == ASK_DURATION_UNIT && it->arg == 1000 &&
		    (is(rd, i + 1, ASK_MOST) || is(rd, i + 1, ASK_LEAST) || is(rd, i + 1, ASK_BEST))) {
			/* the second most */
			r->offset = r->limit = 1;
			it->used = 1;
		}
	}
}

/* By country and device, per device, each page. */
static void
groups_behind_by(struct reader *rd)
{
	struct ask_reading *r = rd->r;
	int ranked = is_ranked(rd);

	for (int i = 0; i < rd->n; i++) {
		int k = i + 1;

		if (!is(rd, i, ASK_BY) && !is(rd, i, ASK_PER))
			continue;
		while (is(rd, k, ASK_NOTHING) || is(rd, k, ASK_WE) || is(rd, k, ASK_BOTH) || is(rd, k, ASK_UNIQUE) || is(rd, k, ASK_BY))
			k++;
		for (int first = 1; k < rd->n; first = 0) {
			if (!first && !is(rd, k, ASK_AND) && !rd->it[k].comma && !is(rd, k, ASK_BY))
				break;
			while (!first && (is(rd, k, ASK_AND) || is(rd, k, ASK_BY) || is(rd, k, ASK_NOTHING)))
				k++;
			if (is_text_field(rd, k) && !rd->it[k].used) {
				add_group(rd, k);
			} else if (is(rd, k, ASK_UNIT) || is(rd, k, ASK_EVERY)) {
				set_unit(rd, k);
			} else if (is(rd, k, ASK_PART) && rd->it[k].arg <= 2) {
				r->part = rd->it[k].arg;
				rd->it[k].used = 1;
			} else if (is(rd, k, ASK_ALL_EVENTS) && first && (!is(rd, i, ASK_PER) || rd->it[k].n_words > 1)) {
				add_group(rd, k);
			} else if ((is(rd, k, ASK_USERS) || is(rd, k, ASK_SESSIONS) || is(rd, k, ASK_BUYERS) || is(rd, k, ASK_VISIT)) &&
			    first && is(rd, i, ASK_PER)) {
				rd->per = k;
				rd->it[k].used = 1;
			} else if ((is(rd, k, ASK_USERS) || is(rd, k, ASK_SESSIONS)) && first && !ranked && !is_plural(&rd->it[k]) &&
			    rd->average != ASK_AVG) {
				add_group(rd, k);
			} else if ((is(rd, k, ASK_USERS) || is(rd, k, ASK_SESSIONS) || is(rd, k, ASK_BUYERS)) && first &&
			    rd->average == ASK_AVG && !is_plural(&rd->it[k])) {
				rd->per = k;
				rd->it[k].used = 1;
			} else if (is(rd, k, ASK_EVENT) && first && is(rd, i, ASK_PER)) {
				rd->per = k;
				rd->it[k].used = 1;
			} else {
				if (first && is(rd, i, ASK_BY) && ranked && rd->ranking_at < 0)
					rd->ranking_at = i;
				break;
			}
			rd->it[i].used = 1;
			k++;
		}
	}
}

/* Which country, what page, top 5 pages, which users, which day. */
static void
groups_asked_for(struct reader *rd)
{
	struct ask_reading *r = rd->r;
	int superlative = is_superlative(rd);

	for (int i = 0; i < rd->n; i++) {
		int k = i + 1;

		if (!is(rd, i, ASK_WHICH) && !is(rd, i, ASK_TOP) && !is(rd, i, ASK_BOTTOM) && !(is(rd, i, ASK_NUMBER) && rd->it[i].used) &&
		    !((is(rd, i, ASK_MOST) || is(rd, i, ASK_LEAST)) && rd->it[i].arg != 1))
			continue;
		while (is_skipped(rd, k))
			k++;
		if (is_text_field(rd, k) && !rd->it[k].used && r->n_groups && (is(rd, i, ASK_MOST) || is(rd, i, ASK_LEAST)) &&
		    is_plural(&rd->it[k])) {
			if (rd->ask->field[rd->it[k].arg].path && has(rd, ASK_EVENT)) {         /* who viewed the most pages */
				rd->it[k].used = 1;
			} else {
				r->m.of = ASK_DISTINCT_FIELD, r->m.field = rd->it[k].arg;
				rd->it[k].used = 1;
			}
		} else if (is_text_field(rd, k) && !rd->it[k].used) {
			add_group(rd, k);
			r->plural |= is_plural(&rd->it[k]);
			while (is(rd, k + 1, ASK_AND) && is_text_field(rd, k + 2)) {
				add_group(rd, k + 2);
				k += 2;
			}
		} else if (is(rd, k, ASK_UNIT) && !rd->it[k].used && (superlative || is(rd, i, ASK_WHICH) || is(rd, i, ASK_TOP))) {
			set_unit(rd, k);
			r->plural |= is_plural(&rd->it[k]);
		} else if (is(rd, k, ASK_PART) && rd->it[k].arg <= 2 && !rd->it[k].used) {
			r->part = rd->it[k].arg;
			rd->it[k].used = 1;
		} else if ((is(rd, k, ASK_USERS) || is(rd, k, ASK_BUYERS)) && !rd->it[k].used && !r->n_groups &&
		    !is(rd, k - 1, ASK_UNIQUE) &&
		    (is(rd, i, ASK_WHICH) || is(rd, i, ASK_TOP) || is(rd, i, ASK_BOTTOM) || is(rd, i, ASK_NUMBER) ||
		    is(rd, k - 1, ASK_ACTIVE) || rd->it[i].arg == 3)) {
			if (is(rd, i, ASK_WHICH) && rd->it[k].word - rd->it[i].word - rd->it[i].n_words > k - i - 1)     /* what did people … */
				continue;
			if (is(rd, i, ASK_WHICH) && rd->it[i].n_words > 1 && is_event_word(rd, k + 1))          /* what are people searching for */
				continue;
			add_group(rd, k);
			r->plural |= is_plural(&rd->it[k]);
		} else if (is(rd, k, ASK_SPEND) && rd->it[k].text.n >= 7 && strncasecmp(rd->it[k].text.p, "spender", 7) == 0 &&
		    !has_group(r, -1) && r->n_groups < 4) {
			r->group[r->n_groups++] = -1;
			r->plural |= is_plural(&rd->it[k]);
		} else if (is(rd, k, ASK_ALL_EVENTS) && !rd->it[k].used &&
		    (is(rd, i, ASK_WHICH) || (!r->n_groups && !people_before(rd, i) && (is(rd, i, ASK_TOP) || rd->it[i].arg == 2)))) {
			add_group(rd, k);
			r->plural |= is_plural(&rd->it[k]);
		}
	}
}

/* Users with the most purchases; who bought most. */
static void
people_asked_for(struct reader *rd)
{
	struct ask_reading *r = rd->r;

	for (int i = 0; i < rd->n; i++) {
		int k;

		if (is(rd, i, ASK_WHO) && !rd->it[i].used && has(rd, ASK_VALUE) && (has(rd, ASK_OR) || has(rd, ASK_VERSUS))) {
			rd->it[i].used = 1;     /* who converts better, google or facebook users */
		} else if (is(rd, i, ASK_WHO) && !rd->it[i].used) {
			add_group(rd, i);
			for (k = i + 1; is_skipped(rd, k); k++)
				;
			if (is_people(rd, k)) {         /* who are our best users */
				rd->it[k].used = 1;
				r->plural = 1;
				if (is(rd, k, ASK_BUYERS) && rd->ask->purchase >= 0)
					r->m.events |= 1ull << rd->ask->purchase;
			}
		}
		if ((is(rd, i, ASK_USERS) || is(rd, i, ASK_BUYERS)) && !rd->it[i].used && !r->n_groups &&
		    (is(rd, i + 1, ASK_WITH) || is(rd, i + 1, ASK_THAT) || is(rd, i + 1, ASK_BY)) &&
		    !(find(rd, ASK_HOW_MANY, 0) >= 0 && find(rd, ASK_HOW_MANY, 0) < i))
			for (k = i + 2; k < rd->n && k < i + 5; k++)
				if ((is(rd, k, ASK_MOST) || is(rd, k, ASK_LEAST)) && !is_text_field(rd, k + 1)) {
					add_group(rd, i);
					r->plural |= is_plural(&rd->it[i]);
					break;
				}
	}
}

/* Busiest day, and other units with an order. */
static void
units_left(struct reader *rd)
{
	struct ask_reading *r = rd->r;
	int superlative = is_superlative(rd);

	for (int i = 0; i < rd->n; i++) {
		if (is(rd, i, ASK_EVERY) && !rd->it[i].used)
			set_unit(rd, i);
		if (is(rd, i, ASK_UNIT) && !rd->it[i].used && (superlative || r->having) && !r->unit) {
			r->plural |= is_plural(&rd->it[i]);
			set_unit(rd, i);
		}
		if (is(rd, i, ASK_PART) && !rd->it[i].used) {
			static const struct { int part, from, to; } hours[] = { { 5, 6, 12 }, { 6, 12, 18 }, { 7, 18, 24 }, { 8, 0, 6 } };

			if (rd->it[i].arg <= 2) {
				r->part = rd->it[i].arg;
			} else if (rd->it[i].arg <= 4) {
				add_filter(&r->where, (struct ask_filter){ .field = -4, .not = rd->it[i].arg == 4 });
			} else {
				for (size_t k = 0; k < sizeof(hours) / sizeof(*hours); k++)
					if (hours[k].part == rd->it[i].arg) {
						add_filter(&r->where, (struct ask_filter){ .field = -3, .is_number = 1, .op = ASK_GE,
						    .number = hours[k].from });
						add_filter(&r->where, (struct ask_filter){ .field = -3, .is_number = 1, .op = ASK_LT,
						    .number = hours[k].to });
					}
			}
			rd->it[i].used = 1;
		}
		if (is(rd, i, ASK_TREND) && !rd->it[i].used)
			rd->it[i].used = 1;
		if (is(rd, i, ASK_HOURS) && !rd->it[i].used) {
			add_filter(&r->where, (struct ask_filter){ .field = -3, .is_number = 1, .op = ASK_GE, .number = rd->it[i].number });
			add_filter(&r->where, (struct ask_filter){ .field = -3, .is_number = 1, .op = ASK_LT, .number = rd->it[i].ordinal });
			rd->it[i].used = 1;
		}
	}
}

/* Over time: steps that give a line. */
static void
steps_of_trend(struct reader *rd)
{
	struct ask_reading *r = rd->r;

	if (has(rd, ASK_MOST) && has(rd, ASK_LEAST))
		fail(rd, "The most and the least are two answers; ask for one after the other.");
	if (has(rd, ASK_TREND) && !r->unit && !r->part) {
		const struct ask_period *p = &r->period[0];
		int64_t span = r->n_periods == 1 && p->from != TIME_NONE ? p->to - p->from : 60 * 86400000LL;

		r->unit = span <= 3 * 86400000LL ? 2 : span <= 120 * 86400000LL ? 3 : 5;
		if (r->n_periods == 2)
			r->n_periods = 1;
	}
}

static void
groups(struct reader *rd)
{
	int by;

	rank_words(rd);
	groups_behind_by(rd);
	by = rd->r->n_groups;
	groups_asked_for(rd);
	if (by && rd->r->n_groups > by && rd->r->rank)
		fail(rd, "The first of each group is an order for each of them; ask for one of the groups, or for both without an order.");
	people_asked_for(rd);
	units_left(rd);
	steps_of_trend(rd);
}

/* A field that nothing has taken: how many countries; else a group. */
static void
left_fields(struct reader *rd)
{
	struct ask_reading *r = rd->r;
	int grouped = r->n_groups > 0;

	for (int i = 0; i < rd->n; i++) {
		int k = i - 1;

		if (!is_text_field(rd, i) || rd->it[i].used)
			continue;
		while (is(rd, k, ASK_UNIQUE) || is(rd, k, ASK_NOTHING) || is(rd, k, ASK_OF))
			k--;
		if (k < 0 && is(rd, 0, ASK_UNIQUE) && rd->it[0].word == 0 && !r->m.of && !grouped && !r->rank) {        /* distinct countries, as a question */
			r->m.of = ASK_DISTINCT_FIELD, r->m.field = rd->it[i].arg;
			rd->it[i].used = 1;
			continue;
		}
		if (is(rd, k, ASK_USED) && !grouped && (has(rd, ASK_HOW_MANY) || has(rd, ASK_SHARE)) && !has(rd, ASK_WHICH)) {  /* used a voucher */
			add_filter(&r->where, (struct ask_filter){ .field = rd->it[i].arg, .is_null = 1, .not = 1 });
			rd->it[i].used = 1;
			continue;
		}
		if (is(rd, k, ASK_WITHOUT) || is(rd, k, ASK_WITH)) {    /* without a campaign */
			if (is(rd, k, ASK_WITH) && r->having) {
				add_group(rd, i);
				continue;
			}
			if (is(rd, k, ASK_WITHOUT) || !grouped) {
				add_filter(&r->where, (struct ask_filter){ .field = rd->it[i].arg, .is_null = 1, .not = is(rd, k, ASK_WITH) });
				rd->it[i].used = rd->it[k].used = 1;
				continue;
			}
		}
		if (is(rd, k, ASK_HOW_MANY) && !r->m.of) {
			rd->it[i].used = 1;
			if (r->having) {
				add_group(rd, i);
				r->count_groups = 1;
				continue;
			}
			r->m.of = ASK_DISTINCT_FIELD, r->m.field = rd->it[i].arg;
			if (rd->it[i].value.p)
				add_value(&r->where, rd->it[i].arg, rd->it[i].value, 0, 1);
			continue;
		}
		if (rd->it[i].value.p && grouped) {             /* views of product pages by country */
			add_value(&r->where, rd->it[i].arg, rd->it[i].value, 0, 1);
			rd->it[i].used = 1;
			continue;
		}
		if (rd->it[i].value.p && !r->rank &&
		    (is(rd, i - 1, ASK_OF) || is(rd, i - 1, ASK_IN) || is(rd, i + 1, ASK_EVENT) || is(rd, i - 1, ASK_EVENT) ||
		    is(rd, i - 1, ASK_NOTHING))) {
			add_value(&r->where, rd->it[i].arg, rd->it[i].value, 0, 1);
			rd->it[i].used = 1;
			continue;
		}
		add_group(rd, i);
		r->plural |= is_plural(&rd->it[i]);
	}
}

/* ---- pass: values become filters */

static int
negated(struct reader *rd, int i)
{
	for (int k = i - 1; k >= 0 && k >= i - 3; k--) {
		if (rd->it[k].is == ASK_NOT || rd->it[k].is == ASK_WITHOUT) {
			rd->it[k].used = 1;
			return 1;
		}
		if (rd->it[k].is != ASK_FROM && rd->it[k].is != ASK_IN && rd->it[k].is != ASK_OF && rd->it[k].is != ASK_BY &&
		    rd->it[k].is != ASK_NOTHING && rd->it[k].is != ASK_USED && rd->it[k].is != ASK_OR &&
		    !(rd->it[k].is == ASK_VALUE && is(rd, k + 1, ASK_OR)))
			return 0;
	}
	return 0;
}

/* Failed math and passed art: another value of the property stands beyond something else that was done. */
static int
is_parted(const struct reader *rd, int i)
{
	for (int step = -1; step <= 1; step += 2)
		for (int k = i + step, did = 0; k >= 0 && k < rd->n; k += step) {
			did |= is_event_word(rd, k);
			if (did && is(rd, k, ASK_VALUE) && rd->it[k].arg == rd->it[i].arg && !str_eq(rd->it[k].value, rd->it[i].value))
				return 1;
		}
	return 0;
}

/* Of a path, or of values that are parted, in a question about several things that somebody did: the one that it stands beside. */
static int
event_of_value(const struct reader *rd, int i)
{
	int events = 0, before = -1, after = -1;

	for (int k = 0; k < rd->n; k++)
		if (is_event_word(rd, k) || (is(rd, k, ASK_VISIT) && k > 0)) {
			events++;
			if (k < i)
				before = k;
			else if (after < 0)
				after = k;
		}
	return events < 2 || rd->it[i].arg < 0 || !(rd->ask->field[rd->it[i].arg].path || is_parted(rd, i)) ? -1 : before >= 0 ? before : after;
}

/* The pass rate: the share of those of which a property is true. The value in front of the rate; -1. */
static int
rate_of_value(const struct reader *rd)
{
	int rate = find(rd, ASK_RATE, 0);

	return is(rd, rate - 1, ASK_VALUE) && rd->it[rate - 1].arg >= 0 && rd->ask->field[rd->it[rate - 1].arg].flag ? rate - 1 : -1;
}

static void
values(struct reader *rd, int share)
{
	struct ask_reading *r = rd->r;
	int compare = has(rd, ASK_VERSUS) || has(rd, ASK_COMPARE) || has(rd, ASK_THAN) || has(rd, ASK_WHICH) ||
	    (has(rd, ASK_OR) && (has(rd, ASK_COMPARATIVE) || has(rd, ASK_BEST)));
	int last = -1, did = 0, people = -1;

	for (int i = 0; i < rd->n; i++) {
		if (is(rd, i, ASK_VALUE))
			last = i;
		if (people < 0 && (is_people(rd, i) || is(rd, i, ASK_SESSIONS)))
			people = i;
		did |= people >= 0 && i > people && is(rd, i, ASK_EVENT) && !rd->it[i].used;
	}
	/* of users what matters is what they did, unless it says which users: of those who bought the share from one place */
	if (share && did && people >= 0) {
		int that = -1, event = find(rd, ASK_EVENT, people);

		for (int i = people; i < event; i++)
			if (is(rd, i, ASK_THAT) || is(rd, i, ASK_WITH))
				that = i;
		if (that < 0 || last < event || find(rd, ASK_EVENT, event + 1) >= 0)
			share = 0;
		else
			rd->base_event = event;
	}
	for (int i = 0; i < rd->n; i++) {
		const struct ask_item *it = &rd->it[i];
		int same = 0;

		if (it->is != ASK_VALUE || it->used)
			continue;
		if (event_of_value(rd, i) >= 0)         /* taken by the condition */
			continue;
		rd->it[i].used = 1;
		for (int k = 0; k < rd->n; k++)
			same += k != i && is(rd, k, ASK_VALUE) && rd->it[k].arg == it->arg && !str_eq(rd->it[k].value, it->value);
		if (share && same == 0 && i == last && !negated(rd, i)) {       /* the part that a share is of the whole */
			add_value(&r->m.where, it->arg, it->value, 0, 0);
			continue;
		}
		add_value(share && same && rd->it[last].arg == it->arg ? &r->m.where : &r->where, it->arg, it->value, negated(rd, i), 0);
		if (same && compare && !share && !negated(rd, i) && it->arg >= 0 && !has_group(r, it->arg) && r->n_groups < 4 &&
		    !(has(rd, ASK_WHICH) && r->n_groups && !has(rd, ASK_VERSUS) && !has(rd, ASK_OR) && !has(rd, ASK_COMPARE)))
			r->group[r->n_groups++] = it->arg;
	}
}

/* ---- pass: what somebody did */

/* Visited both the pricing and the docs page, or the one and not the other: two conditions. So are failed and passed, where a property tells
 * that, and attended knitting and chess; never failed is one. */
static void
both_values(struct reader *rd)
{
	int at[ASK_LIST], not[ASK_LIST], n = 0, event = find(rd, ASK_EVENT, 0), negative = 0, whether, others = 0;

	if (is_compare(rd) || !(has(rd, ASK_USERS) || has(rd, ASK_SESSIONS) || has(rd, ASK_WHO)))
		return;
	for (int i = 0; i < rd->n; i++)
		if (is(rd, i, ASK_VALUE) && n < ASK_LIST && (n == 0 || rd->it[i].arg == rd->it[at[0]].arg)) {
			not[n] = is(rd, i - 1, ASK_NOT) || is(rd, i - 1, ASK_WITHOUT) ||
			    ((is(rd, i - 1, ASK_IN) || is(rd, i - 1, ASK_FROM)) && (is(rd, i - 2, ASK_NOT) || is(rd, i - 2, ASK_WITHOUT)));
			negative += not[n];
			at[n++] = i;
		}
	whether = n > 0 && rd->it[at[0]].arg >= 0 && rd->ask->field[rd->it[at[0]].arg].flag;
	if (whether && n == 2 && str_eq(rd->it[at[0]].value, rd->it[at[1]].value))
		return;
	for (int i = 0; i < rd->n && whether; i++)      /* failed math and passed art; failed a quiz */
		others += is(rd, i, ASK_VALUE) && rd->it[i].arg != rd->it[at[0]].arg;
	if (whether && others > 1) {
		fail(rd, "Which of these values goes with which? Ask for one after the other.");
		return;
	}
	if ((n < 2 && !(whether && negative)) || (event >= 0 && find(rd, ASK_EVENT, event + 1) >= 0) ||
	    !(has(rd, ASK_BOTH) || (n == 2 && event >= 0 && event == at[0] - 1 && at[1] == at[0] + 2 && is(rd, at[0] + 1, ASK_AND)) || (negative && negative < n) || (whether && (n == 2 ? !has(rd, ASK_OR) : negative))))
		return;
	for (int i = 0; i < rd->n; i++)
		rd->it[i].used |= is(rd, i, ASK_ANY) || is(rd, i, ASK_NOT) || is(rd, i, ASK_WITHOUT);
	for (int k = 0; k < n; k++) {
		int c = condition_of_event(rd, event);

		if (c < 0)
			return;
		rd->r->condition[c].not = not[k];
		add_value(&rd->r->condition[c].where, rd->it[at[k]].arg, rd->it[at[k]].value, 0, 0);
		rd->it[at[k]].used = 1;
	}
}

static void
condition_values(struct reader *rd, int event_item, struct ask_condition *c)
{
	for (int i = 0; i < rd->n; i++)
		if (is(rd, i, ASK_VALUE) && !rd->it[i].used && event_of_value(rd, i) == event_item) {
			add_value(&c->where, rd->it[i].arg, rd->it[i].value, negated(rd, i), 0);
			rd->it[i].used = 1;
		}
}

static void
conditions(struct reader *rd, int from)
{
	struct ask_reading *r = rd->r;
	int chained = 0;

	for (int i = from < 0 ? 0 : from; i < rd->n; i++) {
		struct ask_item *it = &rd->it[i];
		int c, not = 0, visit = it->is == ASK_VISIT;

		if ((it->is != ASK_EVENT && it->is != ASK_ANY && !visit) || it->used || i == rd->per)
			continue;
		for (int k = i - 1; k >= 0 && !is_event_word(rd, k); k--) {
			if (is(rd, k, ASK_NOT) || is(rd, k, ASK_WITHOUT)) {
				not = rd->it[k].used = 1;
				break;
			}
			if (is(rd, k, ASK_VALUE) || is(rd, k, ASK_PERIOD))
				break;
		}
		if (it->is != ASK_EVENT && event_of_value(rd, i) < 0) {
			int own = 0;            /* came back: anything at all, and only beside something else */

			for (int k = 0; k < rd->n; k++)
				own += is(rd, k, ASK_VALUE) && !rd->it[k].used && event_of_value(rd, k) == i;
			if (!own && !r->n_conditions && !not && find_new(rd, ASK_EVENT, i + 1) < 0) {
				if (it->is == ASK_ANY && it->arg == 1)
					fail(rd, "Came back after what? Say users who signed up last week and came back this week, or users with more than 1 purchase.");
				it->used = 1;
				continue;
			}
		}
		if ((c = condition_of_event(rd, it->is == ASK_EVENT ? i : -1)) < 0)
			continue;
		it->used = 1;
		r->condition[c].not = not;
		condition_values(rd, i, &r->condition[c]);
		for (int k = i - 1; k >= 0 && !is_event_word(rd, k); k--)
			chained += is(rd, k, ASK_THEN) || (is(rd, k, ASK_TO) && c > 0);
		/* its own period: the first one behind it, when there are two */
		if (r->n_periods == 2 && !is_compare(rd))
			for (int k = i + 1; k < rd->n && !is_event_word(rd, k); k++)
				if (is(rd, k, ASK_PERIOD)) {
					r->condition[c].period = rd->it[k].period;
					r->condition[c].has_period = 1;
					break;
				}
	}
	for (int c = 0; c < r->n_conditions; c++)
		chained = r->condition[c].not || r->condition[c].has_count ? 0 : chained;
	if (chained && r->n_conditions > 1)
		r->ordered = 1;
	for (int c = 0, own = 0; c < r->n_conditions && r->n_periods == 2; c++) {
		own += r->condition[c].has_period;
		if (c == r->n_conditions - 1 && own == r->n_conditions && own > 1)
			r->n_periods = 0;
		else if (c == r->n_conditions - 1 && own && own < r->n_conditions && r->n_conditions > 1) {
			for (int k = 0; k < r->n_conditions; k++)
				if (!r->condition[k].has_period)
					r->condition[k].period = r->period[1], r->condition[k].has_period = 1;
			r->n_periods = 0;
		}
	}
	/* one and the same period twice */
	if (r->n_conditions > 1 && r->n_periods == 0) {
		int same = 1;

		for (int c = 0; c < r->n_conditions; c++)
			same &= r->condition[c].has_period && r->condition[c].period.from == r->condition[0].period.from &&
			    r->condition[c].period.to == r->condition[0].period.to;
		if (same && r->condition[0].has_period) {
			r->period[0] = r->condition[0].period;
			r->n_periods = 1;
			for (int c = 0; c < r->n_conditions; c++)
				r->condition[c].has_period = 0;
		}
	}
}

/* One plain condition is a count of users with that event. */
static void
simplify(struct ask_reading *r, struct ask_measure *m)
{
	struct ask_condition *c = &r->condition[0];

	if (r->n_conditions == 1 && !c->not && !c->has_count && !c->has_period && !c->sum) {
		if (c->event >= 0)
			m->events = 1ull << c->event;
		for (int i = 0; i < c->where.n; i++)
			if (m->where.n < ASK_LIST)
				m->where.f[m->where.n++] = c->where.f[i];
		r->n_conditions = 0;
	}
}

/* ---- pass: the measure */

static int
money_measure(struct reader *rd, struct ask_measure *m, enum ask_agg agg)
{
	if (rd->ask->money < 0)
		return fail(rd, "No event in the store has an amount of money.");
	m->of = ASK_OF_FIELD, m->field = rd->ask->money, m->agg = agg ? agg : ASK_SUM, m->q = rd->q;
	m->events = 0;
	return 1;
}

static int
span_measure(struct reader *rd, struct ask_measure *m, enum ask_agg agg)
{
	int span = span_of(rd);

	if (span < 0)
		return fail(rd, "No event in the store has a duration.");
	m->of = ASK_OF_FIELD, m->field = span, m->agg = agg ? agg : ASK_AVG, m->q = rd->q;
	return 1;
}

/* Events that carry the field: said in the SQL where there is one such event. */
static void
events_of_field(const struct ask *ask, struct ask_measure *m)
{
	uint64_t has = ask->field[m->field].events & ~(1ull << ASK_EVENTS);

	if (!m->events && has && (has & (has - 1)) == 0)
		m->events = has;
}

/* An amount that several events carry is the total of none: invoices and their payments. 1; 0: it is asked back. What was paid is of the one
 * event that is called so. */
static int
is_of_one(struct reader *rd, const struct ask_item *it, struct ask_measure *m)
{
	static const char *const sold[] = { "revenue", "turnover", "sales" };
	const struct ask_field *f = &rd->ask->field[m->field];
	uint64_t events = f->events & ((1ull << rd->ask->n_events) - 1), paid = 0;
	char names[300];
	int n = 0, shown = 0;

	if (m->of != ASK_OF_FIELD || m->events || f->role != ASK_AMOUNT || f->stored)
		return 1;
	for (size_t k = 0; k < sizeof(sold) / sizeof(*sold); k++)
		if (memmem(f->name.p, f->name.n, sold[k], strlen(sold[k])))
			return 1;
	for (int i = 0; i < rd->r->where.n; i++)        /* of those alone that can have what is asked for */
		if (rd->r->where.f[i].field >= 0)
			events &= rd->ask->field[rd->r->where.f[i].field].events;
	for (int i = 0; i < rd->r->n_groups; i++)
		if (rd->r->group[i] == -5)
			return 1;               /* each event by itself */
		else if (rd->r->group[i] >= 0)
			events &= rd->ask->field[rd->r->group[i]].events;
	for (int i = 0; i < rd->n; i++)
		if (is(rd, i, ASK_EVENT) && rd->it[i].arg < rd->ask->n_events && events >> rd->it[i].arg & 1)
			return 1;
	for (int e = 0; e < rd->ask->n_events; e++)
		if (events >> e & 1 && (memmem(rd->ask->event[e].name.p, rd->ask->event[e].name.n, "pay", 3) || memmem(rd->ask->event[e].name.p, rd->ask->event[e].name.n, "paid", 4)))
			paid |= 1ull << e;
	if (it->is == ASK_SPEND && paid && !(paid & (paid - 1))) {
		m->events = paid;
		return 1;
	}
	if (!(events & (events - 1))) {
		m->events = events;
		return 1;
	}
	for (int e = 0; e < rd->ask->n_events && shown < 4 && n < (int)sizeof(names); e++)
		if (events >> e & 1)
			n += snprintf(names + n, sizeof(names) - (size_t)n, "%s%.*s", shown++ ? ", " : "", (int)(rd->ask->event[e].name.n < 60 ? rd->ask->event[e].name.n : 60), rd->ask->event[e].name.p);
	return fail(rd, "Several events have the property \"%.*s\": %s; say of which.", STR_FMT(f->name), names);
}

/* "Total amount of": of what the events carry, and not how many there are. */
static int
is_amount_asked(const struct reader *rd)
{
	const struct ask_item *it = rd->agg_at ? &rd->it[rd->agg_at - 1] : NULL;

	return it && it->is == ASK_AGG && (memmem(it->text.p, it->text.n, "amount", 6) || memmem(it->text.p, it->text.n, "value", 5));
}

/* The amount of invoices, which have an amount: a number of them, or of money? */
static int
is_number_or_amount(const struct reader *rd, int field)
{
	const int i = find(rd, ASK_HOW_MANY, 0);

	return field >= 0 && i >= 0 && rd->it[i].text.n >= 6 && strncasecmp(rd->it[i].text.p, "amount", 6) == 0 &&
	    memmem(rd->ask->field[field].name.p, rd->ask->field[field].name.n, "amount", 6);
}

/* Total invoiced: what was invoiced, no number of times. */
static int
is_done_total(const struct reader *rd, int event)
{
	for (int i = 0; i < rd->n; i++)
		if (rd->agg_at && i == rd->agg_at && is(rd, i, ASK_EVENT) && rd->it[i].arg == event && rd->it[i].n_words == 1 && rd->it[i].text.n > 3 &&
		    (strncasecmp(rd->it[i].text.p + rd->it[i].text.n - 2, "ed", 2) == 0 || str_eq(rd->it[i].text, STR("paid"))))
			return 1;
	return 0;
}

/* A metric of the configuration, as it stands there. */
static int
metric_measure(struct reader *rd, const struct ask_item *it, struct ask_measure *m)
{
	const struct ask_metric *metric = &rd->ask->metric[it->arg];
	const struct ask_filters parts = m->where;      /* of a share */
	enum ask_agg agg = (enum ask_agg)rd->average;

	if (metric->opaque)
		return fail(rd, "\"%.*s\" counts by a condition or a value that I cannot put into SQL: at-query metric %.*s tells it.", (int)(it->text.n < 60 ? it->text.n : 60),
		    it->text.p, (int)(metric->name.n < 60 ? metric->name.n : 60), metric->name.p);
	*m = metric->m;
	for (int k = 0; k < parts.n && m->where.n < ASK_LIST; k++)
		m->where.f[m->where.n++] = parts.f[k];
	if (agg && !rd->r->unit && rd->per < 0 && !(m->of == ASK_OF_FIELD && m->agg == agg) && agg != ASK_SUM)
		return fail(rd, "\"%.*s\" is a number of its own; an average of it is over what? Say per day.", (int)(it->text.n < 60 ? it->text.n : 60), it->text.p);
	rd->r->of_metric = 1;
	return 1;
}

/* How many there are of an event, or of the number that it carries: the average purchase, the largest order, the total amount of invoices. */
static int
event_measure(struct reader *rd, int event, enum ask_agg extreme, int largest, struct ask_measure *m)
{
	const struct ask_reading *r = rd->r;
	enum ask_agg agg = (enum ask_agg)rd->average;
	int field = field_of_event(rd->ask, event);

	m->events = 1ull << event;
	if (is_number_or_amount(rd, field))
		return fail(rd, "\"%.*s\" can be read in two ways: how many there are, or their total %.*s; say number of, or total %.*s.", STR_FMT(rd->ask->event[event].name),
		    STR_FMT(rd->ask->field[field].name), STR_FMT(rd->ask->field[field].name));
	if (agg == ASK_SUM && (is_amount_asked(rd) || is_done_total(rd, event)) && field >= 0 && rd->ask->field[field].role == ASK_AMOUNT) {
		m->of = ASK_OF_FIELD, m->field = field, m->agg = ASK_SUM;
		return 1;
	}
	if (!(agg && agg != ASK_SUM && rd->per < 0 && !(agg == ASK_AVG && (r->unit || has(rd, ASK_HOW_MANY)))) && !(extreme && !has(rd, ASK_HOW_MANY))) {
		m->of = ASK_COUNT;
		return 1;
	}
	if (extreme && find(rd, r->rank > 0 ? ASK_MOST : ASK_LEAST, 0) >= 0 && rd->it[find(rd, r->rank > 0 ? ASK_MOST : ASK_LEAST, 0)].arg == 1 && span_of_event(rd->ask, event) >= 0)
		field = span_of_event(rd->ask, event);          /* the slowest delivery */
	if (field < 0)
		return fail(rd, "\"%.*s\" carries no number that could be averaged or compared.", STR_FMT(rd->ask->event[event].name));
	m->of = ASK_OF_FIELD, m->field = field, m->q = rd->q;
	m->agg = agg && agg != ASK_SUM ? agg : largest && r->rank < 0 ? ASK_MIN : extreme;
	return 1;
}

/* The most nights, the fewest items: so many of them, where the highest rating is no sum. */
static int
is_quantity(const struct reader *rd, int i)
{
	static const char *const words[] = { "most", "fewest", "least", "the most", "the fewest", "the least" };

	for (size_t k = 0; (is(rd, i - 1, ASK_MOST) || is(rd, i - 1, ASK_LEAST)) && k < sizeof(words) / sizeof(*words); k++)
		if (rd->it[i - 1].text.n == strlen(words[k]) && strncasecmp(rd->it[i - 1].text.p, words[k], rd->it[i - 1].text.n) == 0)
			return is_plural(&rd->it[i]);
	return 0;
}

/* The measure that the noun at i stands for. 1 or 0. */
static int
measure_of(struct reader *rd, int i, struct ask_measure *m)
{
	struct ask_reading *r = rd->r;
	struct ask_item *it = &rd->it[i];
	enum ask_agg agg = (enum ask_agg)rd->average;
	int largest = (is(rd, i - 1, ASK_MOST) || is(rd, i - 1, ASK_LEAST)) && rd->it[i - 1].arg == 5, superlative = r->rank &&
	    (has(rd, ASK_MOST) || has(rd, ASK_LEAST)) &&
	    ((!r->n_groups && !r->unit && !r->part) || largest);
	enum ask_agg extreme = superlative ? r->rank > 0 ? ASK_MAX : ASK_MIN : 0;

	it->used = 1;
	switch (it->is) {
	case ASK_METRIC:
		return metric_measure(rd, it, m);
	case ASK_ORDER_VALUE:
		if (!money_measure(rd, m, agg ? agg : extreme ? extreme : ASK_AVG))
			return 0;
		if (rd->ask->purchase >= 0)
			m->events = 1ull << rd->ask->purchase;
		for (int k = 0; k < rd->n; k++)
			if (is(rd, k, ASK_EVENT) && rd->it[k].arg == rd->ask->purchase)
				rd->it[k].used = 1;
		break;
	case ASK_SPEND:
		for (int k = 0; k < i; k++)
			if (is(rd, k, ASK_WE))
				return fail(rd, "What was spent is not in the events: they tell what users did, and what they paid.");
		/* fall through */
	case ASK_MONEY:
		if (has(rd, ASK_USERS) && (str_eq(it->text, STR("income")) || str_eq(it->text, STR("earnings"))))
			return fail(rd, "What users earn is not in the events; what they paid is revenue.");
		if (!money_measure(rd, m, extreme ? extreme : agg))
			return 0;
		for (int k = 0; k < rd->n; k++)         /* revenue of purchases */
			if (is(rd, k, ASK_EVENT) && rd->it[k].arg == rd->ask->purchase)
				rd->it[k].used = 1;
		break;
	case ASK_FIELD:
		m->of = ASK_OF_FIELD, m->field = it->arg, m->q = rd->q;
		m->agg = agg ? agg : extreme &&
		    it->arg != rd->ask->money ? extreme : rd->ask->field[it->arg].role == ASK_AMOUNT || has(rd, ASK_HOW_MANY) ? ASK_SUM : ASK_AVG;
		if (it->arg == rd->ask->money && extreme)
			m->agg = extreme;
		if (!agg && !extreme && is_quantity(rd, i) && r->n_groups)      /* who booked the most nights */
			m->agg = ASK_SUM;
		if (!agg && !extreme && strncasecmp(it->text.p, "price", 5) == 0)
			m->agg = ASK_AVG;               /* what things cost is not added up */
		/* the lowest battery by model: of each */
		if (!agg && (is(rd, i - 1, ASK_MOST) || is(rd, i - 1, ASK_LEAST)) && r->n_groups && !has(rd, ASK_WHICH) && !has(rd, ASK_WHO) && !has(rd, ASK_TOP) && !r->limit &&
		    it->arg != rd->ask->money && rd->ask->field[it->arg].role != ASK_AMOUNT) {
			m->agg = is(rd, i - 1, ASK_MOST) ? ASK_MAX : ASK_MIN;
			rd->of_each = 1;
		}
		/* of the event that stands beside it */
		for (int k = 0; k < rd->n; k++)
			if (is(rd, k, ASK_EVENT) && !rd->it[k].used && (rd->ask->field[it->arg].events >> rd->it[k].arg & 1)) {
				m->events = 1ull << rd->it[k].arg;
				rd->it[k].used = 1;
				break;
			}
		break;
	case ASK_LENGTH:
		if (it->arg == 0) {
			m->of = ASK_OF_SESSION_LENGTH, m->agg = agg ? agg : extreme ? extreme : ASK_AVG, m->q = rd->q;
			break;
		}
		if (it->text.n >= 4 && strncasecmp(it->text.p, "stay", 4) == 0 && find(rd, ASK_HOW_LONG, 0) < 0 && !has(rd, ASK_EVENT) && !has(rd, ASK_VALUE) && !has(rd, ASK_FIELD))
			return fail(rd, "A stay where? Say time on a page, or the length of sessions.");
		if (!span_measure(rd, m, agg ? agg : extreme))
			return 0;
		for (int k = 0; k < rd->n; k++)
			if ((is(rd, k, ASK_EVENT) && rd->ask->field[m->field].events >> rd->it[k].arg & 1) || is(rd, k, ASK_VISIT) ||
			    is(rd, k, ASK_USERS))
				rd->it[k].used = 1;
		break;
	case ASK_EVENT:
		if (!event_measure(rd, it->arg, extreme, largest, m))
			return 0;
		break;
	case ASK_USERS:
	case ASK_BUYERS:
		m->of = ASK_DISTINCT_USERS;
		if (it->is == ASK_BUYERS) {
			if (rd->ask->purchase < 0)
				return fail(rd, "No event in the store is a purchase.");
			m->events = 1ull << rd->ask->purchase;
		}
		break;
	case ASK_SESSIONS:
	case ASK_VISIT:
	case ASK_TRAFFIC:
		m->of = ASK_DISTINCT_SESSIONS;
		break;
	default:
		m->of = ASK_COUNT;
		m->events = 0;
	}
	if (m->of == ASK_OF_FIELD)
		events_of_field(rd->ask, m);
	return is_of_one(rd, it, m);
}

static int
best_readings(struct reader *rd)
{
	return fail(rd, "By what? It can be read by revenue, by number of users, or by number of purchases; say which.");
}

/* A ratio of one count to another: of two events, or of one by two values. */
static int
ratio_of(struct reader *rd, const int *event, int n)
{
	struct ask_reading *r = rd->r;
	int f = 0;

	while (f < r->where.n && !(r->where.f[f].n == 2 && !r->where.f[f].not))
		f++;
	if (n == 0 || (n == 1 && f == r->where.n))
		return fail(rd, "A ratio of what to what? Say of purchases to signups, or of one value of a property to another.");
	r->ratio = r->per = 1;
	r->m = r->base = (struct ask_measure){ .of = ASK_COUNT, .events = 1ull << rd->it[event[0]].arg };
	if (n == 2) {                           /* of purchases to signups */
		r->base.events = 1ull << rd->it[event[1]].arg;
		return 1;
	}
	add_value(&r->m.where, r->where.f[f].field, r->where.f[f].value[0], 0, 0);      /* of critical to warning alarms */
	add_value(&r->base.where, r->where.f[f].field, r->where.f[f].value[1], 0, 0);
	memmove(&r->where.f[f], &r->where.f[f + 1], (size_t)(r->where.n - f - 1) * sizeof(r->where.f[f]));
	r->where.n--;
	return 1;
}

/* Delivery_failed: one of several ends that a thing can have, so that its rate is over those things, which the name does not tell. */
static int
is_outcome(struct str name)
{
	static const char *const ends[] = { "failed", "missed", "cancelled", "canceled", "rejected", "declined", "returned", "refunded", "lost", "expired", "skipped", "denied", "bounced" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t n = strlen(ends[i]);

		if (name.n > n && strncasecmp(name.p + name.n - n, ends[i], n) == 0)
			return 1;
	}
	return 0;
}

/* Of those who did the first, those who did the last, or did not. */
static int
conversion_of(struct reader *rd, const int *event, int n, int by_session)
{
	struct ask_reading *r = rd->r;
	int conversion = find(rd, ASK_CONVERSION, 0), rate = find(rd, ASK_RATE, 0), dropped = find(rd, ASK_DROP, 0);
	enum ask_of of = by_session ? ASK_DISTINCT_SESSIONS : ASK_DISTINCT_USERS;
	int last;

	for (int k = 0; k < n; k++)
		rd->it[event[k]].used = 1;
	if (rate >= 0 && n <= 2 && conversion < 0 && dropped < 0 && rd->it[rate].text.n > 3 && strncasecmp(rd->it[rate].text.p, "rati", 4) == 0)
		return ratio_of(rd, event, n);
	r->ratio = 1;
	r->base.of = r->m.of = of;
	if (dropped >= 0 && n == 1) {           /* cart abandonment */
		if (rd->ask->purchase < 0 || rd->it[event[0]].arg == rd->ask->purchase)
			return fail(rd, "Dropped off between which steps? Say from checkout to purchase.");
		r->base.events = 1ull << rd->it[event[0]].arg;
		r->condition[0] = (struct ask_condition){ .event = rd->it[event[0]].arg };
		r->condition[1] = (struct ask_condition){ .event = rd->ask->purchase, .not = 1 };
		r->n_conditions = 2;
		r->by_session = by_session;
		return 1;
	}
	if (dropped >= 0 && n == 0)
		return fail(rd, "Dropped off between which steps? Say from checkout to purchase.");
	if (n == 0 || (n == 1 && rd->it[event[0]].arg != rd->ask->purchase && conversion >= 0 &&
	    (is(rd, event[0] - 1, ASK_FROM) || (rd->it[event[0]].text.n > 3 && strncasecmp(rd->it[event[0]].text.p, "new", 3) == 0)))) {
		if (rd->ask->purchase < 0)
			return fail(rd, "Conversion to what? No event in the store is a purchase; say conversion from one event to another.");
		if (n == 1) {           /* conversion from signup */
			r->base.events = 1ull << rd->it[event[0]].arg;
			r->condition[0] = (struct ask_condition){ .event = rd->it[event[0]].arg };
			r->condition[1] = (struct ask_condition){ .event = rd->ask->purchase };
			r->n_conditions = 2;
			r->by_session = by_session;
			return 1;
		}
		r->m.events = 1ull << rd->ask->purchase;
		return 1;
	}
	last = event[n - 1];
	if (n == 1 && conversion < 0 && is_outcome(rd->ask->event[rd->it[last].arg].name))
		return fail(rd, "A rate of \"%.*s\" is over what? Name the other event: %.*s per ….", STR_FMT(rd->ask->event[rd->it[last].arg].name), STR_FMT(rd->ask->event[rd->it[last].arg].name));
	if (n == 1) {
		r->m.events = 1ull << rd->it[last].arg;
		return 1;
	}
	r->base.events = 1ull << rd->it[event[0]].arg;
	for (int k = 0; k < n; k++)
		r->condition[k] = (struct ask_condition){ .event = rd->it[event[k]].arg, .not = dropped >= 0 && k == n - 1 };
	r->n_conditions = n;
	r->by_session = by_session;
	return 1;
}

/* A share: of users and sessions by what they did, of anything by a value, of a whole over its groups. */
static int
share_of(struct reader *rd, int share, const int *event, int n)
{
	struct ask_reading *r = rd->r;
	uint64_t whose = rate_of_value(rd) >= 0 ? rd->ask->field[rd->it[rate_of_value(rd)].arg].events & ((1ull << rd->ask->n_events) - 1) : 0;
	int noun = -1, after = 0, by_session;

	r->ratio = 1;
	for (int i = share + 1; i < rd->n && noun < 0; i++)
		if (measure_noun(rd, i))
			noun = i;
	for (int i = 0; i < share && noun < 0; i++)
		if (measure_noun(rd, i))
			noun = i;
	if (noun < 0) {
		if (rd->r->m.where.n == 0 || (!whose && rd->r->where.n))       /* abnormal blood tests: which of both is the part? */
			return fail(rd, "A share of what? Say of users, sessions, purchases or revenue.");
		if (!whose && rd->r->m.where.n == 1 && rd->r->m.where.f[0].field >= 0 && rd->ask->field[rd->r->m.where.f[0].field].flag)       /* first visit share: of visits */
			whose = rd->ask->field[rd->r->m.where.f[0].field].events & ((1ull << rd->ask->n_events) - 1);
		r->m.of = r->base.of = whose ? ASK_COUNT : ASK_DISTINCT_USERS;
		r->m.events = r->base.events = whose;
		return 1;
	}
	for (int k = 0; k < n; k++)
		after += event[k] > noun;
	if ((is_people(rd, noun) || is(rd, noun, ASK_SESSIONS) || is(rd, noun, ASK_VISIT)) &&
	    (after || find_new(rd, ASK_ANY, noun) >= 0 || r->n_conditions)) {
		int buyers = is(rd, noun, ASK_BUYERS), bounded = r->n_conditions;

		by_session = !is_people(rd, noun);
		rd->it[noun].used = 1;
		r->m.of = r->base.of = by_session ? ASK_DISTINCT_SESSIONS : ASK_DISTINCT_USERS;
		conditions(rd, 0);
		if (buyers)
			r->base.events = 1ull << rd->ask->purchase;
		if (r->n_conditions > 1 && !bounded && !r->condition[0].not) {
			r->base.events = r->condition[0].event >= 0 ? 1ull << r->condition[0].event : 0;
			r->base.where = r->condition[0].where;
			r->by_session = by_session;
			return 1;
		}
		if (bounded && !r->condition[0].sum && r->condition[0].event >= 0 && buyers)
			r->base.events = 1ull << r->condition[0].event;
		r->by_session = by_session;
		simplify(r, &r->m);
		if (rd->base_event)
			r->base.events = r->m.events;
		return 1;
	}
	if (!measure_of(rd, noun, &r->m))
		return 0;
	if (r->m.of == ASK_OF_FIELD && r->m.agg != ASK_SUM)
		return fail(rd, "A share of an average means nothing; ask for the average of each group.");
	if (whose && !r->m.events)              /* the pass rate of users: of those who could pass */
		r->m.events = whose;
	r->base.of = r->m.of, r->base.events = r->m.events, r->base.field = r->m.field, r->base.agg = r->m.agg;
	if (is(rd, noun, ASK_METRIC)) {
		const struct ask_measure *whole = &rd->ask->metric[rd->it[noun].arg].m;

		r->base.where = whole->where, r->base.called = whole->called;
		if (r->m.where.n > whole->where.n)
			return 1;
		r->m.where.n = 0;               /* of its groups: what it is of itself goes for all of them */
		for (int k = 0; k < whole->where.n && r->where.n < ASK_LIST; k++)
			r->where.f[r->where.n++] = whole->where.f[k];
	}
	if (after && r->m.of == ASK_COUNT) {            /* checkouts that end in a purchase */
		int k = event[n - 1];

		rd->it[k].used = 1;
		r->m.events = 1ull << rd->it[k].arg;
		return 1;
	}
	if (r->m.where.n)
		return 1;
	if (r->n_groups || r->unit) {
		r->ratio = 2;
		return 1;
	}
	return fail(rd, "A share of which part? Say from where, on what, or by what.");
}

/* The event that an event is an end of: order_placed of order_cancelled; -1. Of several none. */
static int
begun_before(const struct reader *rd, int event)
{
	static const char *const begun[] = { "started", "created", "placed", "opened", "begun", "requested", "initiated", "scheduled", "booked", "sent", "issued", "shown", "submitted" };
	struct str name = rd->ask->event[event].name;
	size_t at = name.n;
	int found = -1;

	while (at && !strchr("_- .", name.p[at - 1]))
		at--;
	if (at < 2)
		return -1;
	for (size_t i = 0; i < sizeof(begun) / sizeof(*begun); i++)
		if (str_eq((struct str){ name.p + at, name.n - at }, str_of(begun[i])))
			return -1;              /* it is a beginning itself */
	for (int e = 0; e < rd->ask->n_events; e++)
		for (size_t i = 0; i < sizeof(begun) / sizeof(*begun); i++) {
			struct str other = rd->ask->event[e].name;

			if (e != event && other.n > at && memcmp(other.p, name.p, at) == 0 && str_eq((struct str){ other.p + at, other.n - at }, str_of(begun[i]))) {
				if (found >= 0)
					return -1;
				found = e;
			}
		}
	return found;
}

/* conversion, shares, rates */
static int
ratios(struct reader *rd)
{
	struct ask_reading *r = rd->r;
	int conversion = find(rd, ASK_CONVERSION, 0), share = find(rd, ASK_SHARE, 0), rate = find(rd, ASK_RATE, 0), dropped = find(rd, ASK_DROP, 0);
	int event[ASK_LIST], n = 0, people = -1, by_session = 0;

	for (int i = 0; i < rd->n; i++) {
		if (is(rd, i, ASK_EVENT) && !rd->it[i].used && n < ASK_LIST)
			event[n++] = i;
		if ((is_people(rd, i) || is(rd, i, ASK_SESSIONS) || is(rd, i, ASK_VISIT)) && !rd->it[i].used && people < 0)
			people = i;
	}
	if (rate >= 0 && conversion < 0 && share < 0 && dropped < 0 && n == 1 && rate_of_value(rd) < 0 && (is(rd, rd->per, ASK_EVENT) || begun_before(rd, rd->it[event[0]].arg) >= 0)) {
		int whole = is(rd, rd->per, ASK_EVENT) ? rd->it[rd->per].arg : begun_before(rd, rd->it[event[0]].arg);

		rd->it[event[0]].used = 1;      /* complaints per order; the completion rate: of those that were begun */
		r->ratio = 1, r->per = is(rd, rd->per, ASK_EVENT);
		r->m = (struct ask_measure){ .of = ASK_COUNT, .events = 1ull << rd->it[event[0]].arg, .where = r->m.where };
		r->base = (struct ask_measure){ .of = ASK_COUNT, .events = 1ull << whole };
		return 1;
	}
	by_session = people >= 0 && (is(rd, people, ASK_SESSIONS) || is(rd, people, ASK_VISIT));
	if ((conversion >= 0 && (share >= 0 || rate >= 0 || find(rd, ASK_HOW_MANY, 0) < 0)) || (rate >= 0 && n > 0 && share < 0 && rate_of_value(rd) < 0) ||
	    (dropped >= 0 && find(rd, ASK_HOW_MANY, 0) < 0))
		return conversion_of(rd, event, n, by_session);
	if (conversion >= 0) {          /* how many users converted */
		if (rd->ask->purchase < 0)
			return fail(rd, "Conversion to what? No event in the store is a purchase.");
		r->m.of = by_session ? ASK_DISTINCT_SESSIONS : ASK_DISTINCT_USERS;
		r->m.events = 1ull << rd->ask->purchase;
		return 1;
	}
	if (dropped >= 0 && n >= 1) {           /* how many users abandoned their cart */
		for (int k = 0; k < n; k++)
			rd->it[event[k]].used = 1;
		if (n == 1 && rd->ask->purchase < 0)
			return fail(rd, "Dropped off between which steps? Say from checkout to purchase.");
		r->m.of = by_session ? ASK_DISTINCT_SESSIONS : ASK_DISTINCT_USERS;
		r->by_session = by_session;
		r->condition[0] = (struct ask_condition){ .event = rd->it[event[0]].arg };
		r->condition[1] = (struct ask_condition){ .event = n > 1 ? rd->it[event[1]].arg : rd->ask->purchase, .not = 1 };
		r->n_conditions = 2;
		return 1;
	}
	if (share < 0 && rate_of_value(rd) >= 0)
		return share_of(rd, rate, event, n);
	if (share < 0)
		return fail(rd, "A rate of what? I know conversion rates, and the share of one thing in another.");
	return share_of(rd, share, event, n);
}

static int
divided(struct reader *rd)              /* page views per session */
{
	struct ask_reading *r = rd->r;
	struct ask_item *per = &rd->it[rd->per];

	r->ratio = r->per = 1;
	r->base = (struct ask_measure){ .of = is(rd, rd->per, ASK_SESSIONS) ||
	    is(rd, rd->per, ASK_VISIT) ? ASK_DISTINCT_SESSIONS : is(rd, rd->per, ASK_EVENT) ? ASK_COUNT : ASK_DISTINCT_USERS };
	if (per->is == ASK_EVENT)
		r->base.events = 1ull << per->arg;
	if (per->is == ASK_BUYERS && rd->ask->purchase >= 0)
		r->base.events = 1ull << rd->ask->purchase;
	return 1;
}

/* Nothing is named that could be counted: the groups, or their order, may say what is meant. */
static int
unnamed_measure(struct reader *rd)
{
	struct ask_reading *r = rd->r;
	int most = find(rd, ASK_MOST, 0), kind = most >= 0 ? rd->it[most].arg : find(rd, ASK_LEAST, 0) >= 0 ?
	    rd->it[find(rd, ASK_LEAST, 0)].arg : 0;

	if (!r->n_groups && !r->unit && !r->part)
		return fail(rd, "I do not see what to count or measure in that. Ask for a number of events, users or sessions, a sum, an average or a rate.");
	if (r->n_groups && r->group[0] == -1 && r->m.events) {          /* our top customers */
		if (kind == 3)
			return money_measure(rd, &r->m, ASK_SUM);
		if (r->rank)
			return best_readings(rd);
		r->m.of = ASK_COUNT;
		return 1;
	}
	if (r->n_groups && r->group[0] == -1) {
		if (kind == 3)
			return money_measure(rd, &r->m, ASK_SUM);
		if (has(rd, ASK_ACTIVE)) {
			r->m.of = ASK_COUNT;
			return 1;
		}
		if (r->n_conditions) {
			r->list = 1, r->m.of = ASK_COUNT;
			return 1;
		}
		return best_readings(rd);
	}
	if (r->n_groups && r->group[0] == -5) {
		r->m.of = ASK_COUNT;
		return 1;
	}
	if (kind == 3)
		return fail(rd, "By what? Say by revenue, or by average order value.");
	if (r->n_groups && r->group[0] >= 0 && rd->ask->field[r->group[0]].path && rd->ask->view >= 0 &&
	    (rd->ask->field[r->group[0]].events >> rd->ask->view & 1)) {
		r->m.of = ASK_COUNT, r->m.events = 1ull << rd->ask->view;
		return 1;
	}
	if (r->rank && kind != 2 && kind != 4 && !has(rd, ASK_TOP) && !has(rd, ASK_RANKED) && !has(rd, ASK_USED))
		return fail(rd, "The most or least of what? It can be read by users, by sessions, by purchases or by revenue; say which.");
	if ((r->unit || r->part) && !r->n_groups)
		return fail(rd, "I do not see what to count in that. It can be read as page views, as users, or as sessions; say which.");
	r->m.of = ASK_DISTINCT_USERS;
	if (r->n_groups == 1 && r->group[0] >= 0 && !r->rank)           /* which there are: events without are none of them */
		add_filter(&r->where, (struct ask_filter){ .field = r->group[0], .is_null = 1, .not = 1 });
	return 1;
}

/* Several events side by side: signups and logins per day, more signups or logins? */
static int
events_beside(struct reader *rd, int noun)
{
	struct ask_reading *r = rd->r;
	uint64_t set = 0;
	int joined = 0;

	for (int i = noun; i < rd->n; i++) {
		if (is(rd, i, ASK_AND) && str_eq(rd->it[i].text, STR("but")))
			return fail(rd, "I do not see how these events belong together; ask for users who did the one and not the other.");
		joined |= is(rd, i, ASK_AND) || is(rd, i, ASK_OR) || is(rd, i, ASK_VERSUS) || is(rd, i, ASK_THAN) ||
		    is(rd, i, ASK_COMPARE) || (is(rd, i, ASK_EVENT) && rd->it[i].comma);
		if (is(rd, i, ASK_EVENT))
			set |= 1ull << rd->it[i].arg, rd->it[i].used = 1;
	}
	if (joined || has(rd, ASK_COMPARE) || !(set & (set - 1))) {     /* orders that were paid: one event */
		r->m.of = ASK_COUNT, r->m.events = set;
		if ((set & (set - 1)) && r->n_groups < 4)
			r->group[r->n_groups++] = -5;
		return 1;
	}
	return fail(rd, "I do not see how these events belong together; ask for users who did both, or for one after the other.");
}

static int
measure(struct reader *rd)
{
	struct ask_reading *r = rd->r;
	int best = find(rd, ASK_BEST, 0), noun = -1, i, how_long = find(rd, ASK_HOW_LONG, 0);
	int events_named = 0, first_event = -1, second_event = -1;

	if (r->m.of == ASK_DISTINCT_FIELD)
		return 1;
	if (has(rd, ASK_CONVERSION) || has(rd, ASK_SHARE) || has(rd, ASK_RATE) || has(rd, ASK_DROP))
		return ratios(rd);
	for (i = 0; i < rd->n; i++)
		if (is(rd, i, ASK_EVENT) && !rd->it[i].used) {
			events_named++;
			if (first_event < 0)
				first_event = i;
			else if (second_event < 0)
				second_event = i;
		}
	for (i = 1; i + 1 < rd->n; i++)
		if (is(rd, i, ASK_AND) && measure_noun(rd, i - 1) && measure_noun(rd, i + 1) && rd->it[i - 1].is != rd->it[i + 1].is &&
		    !has(rd, ASK_THAT) && i + 1 != rd->per && !rd->it[i - 1].verb && !rd->it[i + 1].verb)
			return fail(rd, "Those are two measures; ask for one after the other.");
	/* in which order: what stands behind by, ranked by */
	if (rd->ranking_at >= 0)
		for (i = rd->ranking_at + 1; i < rd->n && noun < 0; i++)
			if (measure_noun(rd, i))
				noun = i;
	/* an order value or revenue is what is measured wherever it stands; an aggregate goes with the number behind it */
	for (i = 0; i < rd->n && noun < 0; i++)
		if ((is(rd, i, ASK_ORDER_VALUE) || is(rd, i, ASK_MONEY) || is(rd, i, ASK_METRIC) || is_number_field(rd, i) ||
		    (is(rd, i, ASK_LENGTH) && rd->it[i].arg != 2)) && measure_noun(rd, i))
			noun = i;
	if (noun < 0 && (how_long >= 0 || ((has(rd, ASK_SPEND) || has(rd, ASK_MOST) || rd->average) && has(rd, ASK_LENGTH)))) {
		int session = find_new(rd, ASK_SESSIONS, 0) >= 0 || find_new(rd, ASK_VISIT, 0) >= 0, span = span_of(rd);

		for (i = 0; i < rd->n; i++)             /* how long until a user buys */
			if (is(rd, i, ASK_EVENT) && (span < 0 || !(rd->ask->field[span].events >> rd->it[i].arg & 1)))
				return fail(rd, "Events tell how long they took where they have a duration, not the time from one to another.");
		for (i = 0; i < rd->n; i++)
			if (is(rd, i, ASK_LENGTH) || is(rd, i, ASK_SPEND) || is(rd, i, ASK_USERS) || is(rd, i, ASK_SESSIONS) ||
			    is(rd, i, ASK_VISIT) || is(rd, i, ASK_EVENT))
				rd->it[i].used = 1;
		if (session) {
			r->m.of = ASK_OF_SESSION_LENGTH, r->m.agg = rd->average ? (enum ask_agg)rd->average : ASK_AVG, r->m.q = rd->q;
			return 1;
		}
		if (!span_measure(rd, &r->m, (enum ask_agg)rd->average))
			return 0;
		events_of_field(rd->ask, &r->m);
		return 1;
	}
	if (noun < 0 && (i = find_new(rd, ASK_SPEND, 0)) >= 0)
		noun = i;
	for (i = 0; i < rd->n && noun < 0; i++)
		if (measure_noun(rd, i) && i != rd->per)
			noun = i;
	if (noun >= 0 && is(rd, noun, ASK_USERS) && r->rank && r->n_groups && r->group[0] >= 0 && !is(rd, noun - 1, ASK_MOST) &&
	    !is(rd, noun - 1, ASK_LEAST) &&
	    !is(rd, noun - 1, ASK_ACTIVE) && rd->ranking_at < 0 && !has(rd, ASK_HOW_MANY) && !has(rd, ASK_THAT) &&
	    (first_event == noun + 1 || (first_event > noun && rd->it[first_event].verb))) {
		rd->it[noun].used = 1;          /* what page did users view most */
		noun = first_event;
	}
	if (noun < 0 && r->n_conditions && !r->n_groups) {      /* users who …, all of it in conditions */
		r->m.of = ASK_DISTINCT_USERS;
		return 1;
	}
	if (best >= 0 && rd->ranking_at < 0 && (noun < 0 || rd->it[noun].is == ASK_TRAFFIC))
		return best_readings(rd);
	if (noun < 0)
		return unnamed_measure(rd);
	if (is(rd, noun, ASK_EVENT) && events_named > 1 && second_event > noun && !rd->average && rd->per < 0 && !has(rd, ASK_USERS) &&
	    !has(rd, ASK_WHO) && !has(rd, ASK_THEN))
		return events_beside(rd, noun);
	if (rd->average == ASK_AVG && rd->per < 0 && !r->unit &&
	    (is(rd, noun, ASK_EVENT) || is(rd, noun, ASK_SESSIONS) || is(rd, noun, ASK_ALL_EVENTS)))
		for (i = 0; i < rd->n && rd->per < 0; i++)      /* how many does a session have on average */
			if (i != noun && !rd->it[i].used && (is(rd, i, ASK_USERS) || is(rd, i, ASK_SESSIONS) || is(rd, i, ASK_BUYERS)) &&
			    (!is_plural(&rd->it[i]) || has(rd, ASK_HOW_MANY)))
				rd->per = i, rd->it[i].used = 1;
	if (rd->per >= 0) {
		if (!measure_of(rd, noun, &r->m))
			return 0;
		if (r->m.of == ASK_OF_FIELD && r->m.agg == ASK_AVG && (r->m.field == rd->ask->money || rd->ask->field[r->m.field].role == ASK_AMOUNT))
			r->m.agg = ASK_SUM;     /* average revenue per user */
		if (r->m.of == ASK_OF_FIELD && is(rd, rd->per, ASK_EVENT) && rd->ask->field[r->m.field].events == 1ull << rd->it[rd->per].arg) {
			if (r->m.agg == ASK_SUM && rd->average != ASK_SUM)
				r->m.agg = ASK_AVG;
			if (r->m.agg != ASK_SUM)
				return 1;       /* attempts per quiz, which has them: their average */
		}
		if (r->m.of == ASK_OF_FIELD && r->m.agg != ASK_SUM)
			return fail(rd, "An average for each of them and a total over how many there are differ; say the total %.*s per …, or the average by …",
			    STR_FMT(rd->ask->field[r->m.field].name));
		return divided(rd);
	}
	if (is(rd, noun, ASK_EVENT) && rd->it[noun].arg == rd->ask->purchase && rd->it[noun].verb && has(rd, ASK_HOW_MUCH) &&
	    !has(rd, ASK_HOW_MANY) && !rd->average) {
		rd->it[noun].used = 1;          /* how much did we sell */
		if (!money_measure(rd, &r->m, ASK_SUM))
			return 0;
		events_of_field(rd->ask, &r->m);
		return 1;
	}
	/* how many bought: users, where the event is something done and nobody is named */
	if (is(rd, noun, ASK_EVENT) && rd->it[noun].verb && !is_plural(&rd->it[noun]) && !has(rd, ASK_USERS) && r->n_groups == 0 &&
	    (i = find(rd, ASK_HOW_MANY, 0)) >= 0 && i == noun - 1 && rd->it[i].arg == 0) {
		r->m.of = ASK_DISTINCT_USERS;
		conditions(rd, noun);
		simplify(r, &r->m);
		return 1;
	}
	/* what did people search for: the events do not say */
	if (is(rd, noun, ASK_EVENT) && (rd->it[noun].verb || str_eq(rd->it[noun].text, STR("buy"))) && has(rd, ASK_WHICH) && !r->n_groups && !r->unit && !r->part)
		return fail(rd, "The events say that it was done, not what it was about. Ask how many, or by one of the properties.");
	if ((i = find(rd, ASK_WHICH, 0)) >= 0 && is(rd, noun, ASK_USERS) && first_event > noun &&
	    (rd->it[first_event].verb || first_event == noun + 1) && !r->n_groups &&
	    !r->unit && !r->part && !has(rd, ASK_HOW_MANY))
		return fail(rd, "The events say that it was done, not what it was about. Ask how many, or by one of the properties.");
	if (!measure_of(rd, noun, &r->m))
		return 0;
	if (rd->average == ASK_AVG && r->m.of != ASK_OF_FIELD && r->m.of != ASK_OF_SESSION_LENGTH && !r->unit)
		return fail(rd, "The average over what? Say per day, per user or per session.");
	return 1;
}

/* The users (or sessions) that are measured or grouped, and what they did; or a measure of those who did something. */
static int
who_did(struct reader *rd)
{
	struct ask_reading *r = rd->r;
	int people = has(rd, ASK_USERS) || has(rd, ASK_WHO) || has(rd, ASK_BUYERS);

	if ((r->ratio && !r->per) || r->of_metric)
		return 1;
	if (r->m.of == ASK_DISTINCT_USERS || r->m.of == ASK_DISTINCT_SESSIONS) {
		int i, times = find(rd, ASK_HOW_MANY, 0);

		if (times >= 0 && rd->it[times].arg == 1 && (i = find_new(rd, ASK_EVENT, 0)) >= 0 && r->m.of == ASK_DISTINCT_USERS) {
			/* how often did people search */
			r->m.of = ASK_COUNT, r->m.events = 1ull << rd->it[i].arg;
			rd->it[i].used = 1;
			return 1;
		}
		r->by_session = r->m.of == ASK_DISTINCT_SESSIONS;
		conditions(rd, 0);
		if (r->m.events) {      /* customers who … */
			if (r->n_conditions == 1 && r->condition[0].event >= 0 && (r->m.events >> r->condition[0].event & 1) &&
			    !r->condition[0].not && !r->condition[0].has_count) {
				r->n_conditions = 0;
			} else if (r->n_conditions && r->n_conditions < ASK_LIST) {
				int already = 0;

				for (int c = 0; c < r->n_conditions; c++)
					already |= r->condition[c].event >= 0 && (r->m.events >> r->condition[c].event & 1);     /* who did not buy are no buyers, but users */
				if (!already)
					r->condition[r->n_conditions++] = (struct ask_condition){ .event = rd->ask->purchase };
				r->m.events = 0;
			}
		}
		if (!r->rank || r->n_groups == 0 || r->group[0] != -1)
			simplify(r, &r->m);
		return 1;
	}
	if (people && find_new(rd, ASK_EVENT, 0) >= 0 && r->m.of != ASK_DISTINCT_FIELD &&
	    (has(rd, ASK_THAT) || has(rd, ASK_WITHOUT) || has(rd, ASK_WITH) || has(rd, ASK_NOT))) {
		conditions(rd, 0);      /* revenue from users who signed up this month */
		return 1;
	}
	if (find_new(rd, ASK_EVENT, 0) >= 0 && r->m.of == ASK_DISTINCT_FIELD) {
		int i = find_new(rd, ASK_EVENT, 0);

		r->m.events = 1ull << rd->it[i].arg;
		rd->it[i].used = 1;
	}
	return 1;
}

/* ---- what is left over, and what does not go together */

int
ask_is_stored(const struct ask *ask, const struct ask_measure *m)
{
	const uint64_t events = ((1ull << ask->n_events) - 1) | 1ull << ASK_EVENTS;

	return (m->of == ASK_OF_FIELD && ask->field[m->field].stored) || (m->of == ASK_DISTINCT_FIELD && ask->field[m->field].events && !(ask->field[m->field].events & events));
}

/* Stored metrics have labels, and nothing else that events have; and the other way round. */
static int
check_stored(struct reader *rd)
{
	const struct ask *ask = rd->ask;
	struct ask_reading *r = rd->r;
	int stored = ask_is_stored(ask, &r->m), foreign = -1, bound = -1;

	for (int i = 0; i < r->n_groups + r->where.n + r->m.where.n; i++) {
		int field = i < r->n_groups ? r->group[i] : i < r->n_groups + r->where.n ? r->where.f[i - r->n_groups].field : r->m.where.f[i - r->n_groups - r->where.n].field;
		const struct ask_measure of = { .of = ASK_DISTINCT_FIELD, .field = field };

		if (stored && field < 0 && field != -3 && field != -4)
			return fail(rd, "A stored metric has labels, but no users, sessions or events.");
		if (field >= 0 && !stored && ask_is_stored(ask, &of))
			foreign = field;
		if (field < 0 || !ask->field[field].stored)
			continue;
		if (r->m.of == ASK_OF_FIELD ? field != r->m.field : ask->field[field].part.p || (bound >= 0 && bound != field))
			return fail(rd, "\"%.*s\" is no property of another metric; ask for one of them.", STR_FMT(ask->field[field].name));
		bound = field;
	}
	if (foreign >= 0 || (!stored && r->ratio && ask_is_stored(ask, &r->base)))
		return fail(rd, "\"%.*s\" is of stored metrics, and no property of events.", STR_FMT(ask->field[foreign >= 0 ? foreign : r->base.field].name));
	if (!stored)
		return 1;
	if (bound >= 0 && r->m.of == ASK_DISTINCT_FIELD)        /* hosts whose cpu was over 80: of its rows */
		r->m.events = ask->field[bound].events;
	if (r->n_conditions || r->funnel || r->edge || r->by_session || (r->ratio && r->per) || (r->ratio && !ask_is_stored(ask, &r->base)))
		return fail(rd, "A stored metric has labels, but no users, sessions or events.");
	if (r->m.of == ASK_OF_FIELD && r->m.agg == ASK_SUM && ask->field[r->m.field].role != ASK_AMOUNT)
		return fail(rd, "\"%.*s\" is measured again and again, which adds up to nothing; ask for its average, its least or its greatest.", STR_FMT(ask->field[r->m.field].name));
	return 1;
}

/* The counts and sums of a ratio: of events that lack a property there would be none, 0 %, or all of none. */
static int
check_parts(struct reader *rd, const struct ask_measure *m)
{
	const struct ask *ask = rd->ask;
	const struct ask_reading *r = rd->r;
	int e;

	if ((m->of != ASK_COUNT && m->of != ASK_OF_FIELD) || !m->events || (m->events & (m->events - 1)) || ask_is_stored(ask, m))
		return 1;
	e = __builtin_ctzll(m->events);
	for (int i = 0; i < r->n_groups + r->where.n + m->where.n; i++) {
		const struct ask_filter *f = i < r->n_groups ? NULL : i < r->n_groups + r->where.n ? &r->where.f[i - r->n_groups] : &m->where.f[i - r->n_groups - r->where.n];
		int field = f ? f->is_null ? -1 : f->field : r->group[i];

		if (field >= 0 && !(ask->field[field].events >> e & 1))
			return fail(rd, "No \"%.*s\" event in the store has the property \"%.*s\".", STR_FMT(ask->event[e].name), STR_FMT(ask->field[field].name));
	}
	return 1;
}

static int
check(struct reader *rd)
{
	struct ask_reading *r = rd->r;
	const struct ask *ask = rd->ask;
	int i;

	for (i = 0; i < rd->n; i++) {
		const struct ask_item *it = &rd->it[i];
		char word[80];

		if (it->used || i == rd->per)
			continue;
		ask_item_text(it, word);
		switch (it->is) {
		case ASK_EVENT: case ASK_METRIC: case ASK_FIELD: case ASK_VALUE: case ASK_MONEY: case ASK_ORDER_VALUE: case ASK_SPEND:
			if (it->is == ASK_SPEND && (r->m.of == ASK_OF_FIELD || (r->ratio && r->m.of == ASK_OF_FIELD)))
				continue;
			if (it->is == ASK_EVENT && r->m.of == ASK_OF_FIELD && (r->m.events >> it->arg & 1))
				continue;
			if (it->is == ASK_EVENT && (r->m.events >> it->arg & 1))
				continue;
			return fail(rd, "I do not see how \"%s\" belongs to the rest of that question; put it in other words.", word);
		case ASK_NUMBER: case ASK_TIMES: case ASK_OVER: case ASK_DURATION_UNIT:
			if ((it->is == ASK_OVER &&
			    (str_eq(it->text, STR("over")) || str_eq(it->text, STR("exactly")) || str_eq(it->text, STR("up to")))) ||
			    (it->is == ASK_DURATION_UNIT && is(rd, i - 1, ASK_IN)))
				continue;
			/* revenue 4 germany */
			if (it->is == ASK_NUMBER && (it->number == 4 || it->number == 2) && it->text.n == 1 &&
			    (is(rd, i + 1, ASK_VALUE) || is(rd, i + 1, ASK_PERIOD)))
				continue;
			return fail(rd, "I do not see what \"%s\" is a number of; put it in other words.", word);
		case ASK_RETURNING: case ASK_NEW: case ASK_FIRST: case ASK_LAST:
			return fail(rd, "\"%s\" can be read in two ways: by their first event, or by how many sessions they had. Say users with at least 2 purchases, or signups.", word);
		case ASK_NOT: case ASK_WITHOUT:
			return fail(rd, "I do not see what \"%s\" leaves out; put it in other words.", word);
		case ASK_BEST:
			if (r->n_groups || r->unit || r->part || r->n_periods == 2)
				continue;
			return fail(rd, "\"%s\" by what? Say by revenue, by users or by conversion rate.", word);
		case ASK_ANY:
			if (r->m.of == ASK_COUNT || (r->m.of == ASK_OF_FIELD && it->arg == 1))
				return fail(rd, "I do not see what \"%s\" is of; put it in other words.", word);
			continue;
		case ASK_USERS: case ASK_BUYERS: case ASK_SESSIONS:
			if (has(rd, ASK_VERSUS) || it->is == ASK_BUYERS) {
				if (r->m.events && it->is == ASK_BUYERS)
					continue;       /* purchases of customers */
				return fail(rd, "Those are two measures; ask for one after the other.");
			}
			continue;
		case ASK_NOW:
			if (r->n_periods)
				continue;
			return fail(rd, "Now is a moment; say today, or in the last hour.");
		case ASK_UNIT: case ASK_PART:
			return fail(rd, "I do not see what \"%s\" has to do with it; say per day, or a period.", word);
		default:
			continue;
		}
	}
	if (!check_stored(rd))
		return 0;
	if (r->ratio && !r->n_conditions && (!check_parts(rd, &r->m) || !check_parts(rd, &r->base)))
		return 0;
	for (i = 0; r->ratio && i < r->n_conditions; i++)       /* each is looked for in the group */
		if (r->condition[i].event >= 0 &&
		    !check_parts(rd, &(struct ask_measure){ .of = ASK_COUNT, .events = 1ull << r->condition[i].event, .where = r->condition[i].where }))
			return 0;
	/* a property that the events do not have tells nothing of them */
	if (r->m.events && !(r->m.events & (r->m.events - 1)) && !r->ratio) {
		int e = __builtin_ctzll(r->m.events);

		for (i = 0; i < r->n_groups; i++)
			if (r->group[i] >= 0 && !(ask->field[r->group[i]].events >> e & 1))
				return fail(rd, "No \"%.*s\" event in the store has the property \"%.*s\".", STR_FMT(ask->event[e].name),
				    STR_FMT(ask->field[r->group[i]].name));
		for (i = 0; i < r->where.n; i++) {
			const struct ask_filter *f = &r->where.f[i];

			if (f->field < 0 || f->is_null)
				continue;
			if (!(ask->field[f->field].events >> e & 1))
				return fail(rd, "No \"%.*s\" event in the store has the property \"%.*s\".", STR_FMT(ask->event[e].name),
				    STR_FMT(ask->field[f->field].name));
			if (ask->field[f->field].path && !f->not && f->n)
				for (struct map_entry *m = map_first(&ask->phrases); m; m = map_next(&ask->phrases, m))
					for (const struct ask_sense *s = m->ptr; s; s = s->next)
						if ((s->is == ASK_VALUE || (s->is == ASK_FIELD && s->value.p)) && s->arg == f->field &&
						    str_eq(s->value, f->value[0]) && s->events && !(s->events >> e & 1))
							return fail(rd, "No \"%.*s\" event in the store is of %.*s \"%.*s\".",
							    STR_FMT(ask->event[e].name), STR_FMT(ask->field[f->field].name),
							    STR_FMT(f->value[0]));
		}
	}
	if (r->n_periods == 2 && (r->unit || r->part))
		return fail(rd, "Two periods side by side, step by step, is more than one answer; ask for one of them, or for their totals.");
	return 1;
}

static int
edges(struct reader *rd)                /* when was the last purchase */
{
	struct ask_reading *r = rd->r;
	int when = find(rd, ASK_WHEN, 0), first = find(rd, ASK_FIRST, 0), last = find(rd, ASK_LAST, 0), i;

	if (when < 0)
		return 0;
	if (has(rd, ASK_MOST) || has(rd, ASK_LEAST)) {
		fail(rd, "That can be read as the hour of the day or as the day of the week; ask for one of them.");
		return 1;
	}
	i = find_new(rd, ASK_EVENT, 0);
	if (i < 0 && !has(rd, ASK_ANY) && !has(rd, ASK_USERS) && !has(rd, ASK_VISIT) && !has(rd, ASK_VALUE))
		return 0;
	values(rd, 0);
	if (first >= 0)
		rd->it[first].used = 1;
	if (last >= 0)
		rd->it[last].used = 1;
	r->edge = first >= 0 ? 1 : last >= 0 ? 2 : 3;
	r->m.of = ASK_COUNT;
	if (i >= 0)
		r->m.events = 1ull << rd->it[i].arg, rd->it[i].used = 1;
	return 1;
}

static int
how_is(struct reader *rd)
{
	int i = find(rd, ASK_HOW_IS, 0);

	if (i < 0 || rd->r->n_periods || rd->r->unit || rd->r->n_groups || has(rd, ASK_LENGTH) || has(rd, ASK_CONVERSION))
		return 1;
	return fail(rd, "That can be read in several ways. Ask for a number and a period: page views today, users this week, revenue this month against last month.");
}

/* ---- all together */

/* Average, median, the 95th percentile. 0: it failed. */
static int
aggregate(struct reader *rd)
{
	for (int i = 0; i < rd->n; i++)
		if (rd->it[i].is == ASK_AGG && !rd->agg_at) {
			if (rd->it[i].arg == ASK_QUANTILE && rd->it[i].number == 0) {
				int k = is(rd, i - 1, ASK_NUMBER) ? i - 1 : is(rd, i + 1, ASK_NUMBER) ? i + 1 : -1;

				if (k < 0 || !(rd->it[k].number > 0 && rd->it[k].number < 100))
					return fail(rd, "Which percentile? Say the 95th.");
				rd->it[i].number = rd->it[k].number;
				rd->it[k].used = 1;
			}
			rd->average = rd->it[i].arg;
			rd->q = rd->it[i].number / 100;
			rd->agg_at = i + 1;
			rd->it[i].used = 1;
			if (str_eq(rd->it[i].text, STR("cumulative")) && (has(rd, ASK_EVERY) || has(rd, ASK_UNIT) || has(rd, ASK_TREND)))
				return fail(rd, "I tell each step by itself, and add none up to the next; ask for the total, or for each step.");
		}
	return 1;
}

/* Registered students: students who registered. */
static void
done_by(struct reader *rd)
{
	for (int i = 0; i + 1 < rd->n; i++) {
		struct str t = rd->it[i].text;

		if (is(rd, i, ASK_EVENT) && t.n > 4 && strncasecmp(t.p + t.n - 2, "ed", 2) == 0 && is(rd, i + 1, ASK_USERS) && !rd->it[i + 1].comma &&
		    !people_before(rd, i)) {
			struct ask_item did = rd->it[i];

			rd->it[i] = rd->it[i + 1];
			rd->it[i + 1] = did;
			rd->it[i + 1].verb = 1;
		}
	}
}

/* Visit is a word for sessions, or for what somebody did. */
static void
visits(struct reader *rd)
{
	for (int i = 0; i < rd->n; i++)
		if (is(rd, i, ASK_VISIT)) {
			struct str t = rd->it[i].text;
			int verb = (t.n >= 5 && (t.p[t.n - 1] == 'd' || t.p[t.n - 1] == 'g')) || is_people(rd, i - 1) || is(rd, i - 1, ASK_THAT);

			rd->it[i].is = verb ? ASK_ANY : ASK_SESSIONS;
		}
}

/* Pages per session: views of pages. */
static void
pages_as_views(struct reader *rd)
{
	const struct ask *ask = rd->ask;

	for (int i = 0; i < rd->n; i++)
		if (is_text_field(rd, i) && ask->field[rd->it[i].arg].path && !rd->it[i].value.p && is_plural(&rd->it[i]) && ask->view >= 0 &&
		    (rd->average == ASK_AVG || has(rd, ASK_PER)) &&
		    !is(rd, i - 1, ASK_BY) && !is(rd, i - 1, ASK_PER) && !is(rd, i - 1, ASK_WHICH) && !has(rd, ASK_TOP) &&
		    !has(rd, ASK_MOST) && !has(rd, ASK_UNIQUE)) {
			for (int k = 0; k < rd->n; k++)
				if (is(rd, k, ASK_EVENT) && rd->it[k].arg == ask->view)
					rd->it[k].used = 1;
			rd->it[i].is = ASK_EVENT, rd->it[i].arg = ask->view, rd->it[i].verb = 0;
		}
}

/* Repeat customers: those who bought twice. 1: it was that, and is read. */
static int
repeat_buyers(struct reader *rd)
{
	const struct ask *ask = rd->ask;
	struct ask_reading *r = rd->r;
	int i;

	if ((i = find_new(rd, ASK_RETURNING, 0)) >= 0 &&
	    (is(rd, i + 1, ASK_BUYERS) || (is(rd, i + 1, ASK_EVENT) && rd->it[i + 1].arg == ask->purchase)) && ask->purchase >= 0) {
		r->condition[r->n_conditions++] = (struct ask_condition){ .event = ask->purchase, .has_count = 1, .op = ASK_GE, .count = 2 };
		rd->it[i].used = rd->it[i + 1].used = 1;
		r->m.of = ASK_DISTINCT_USERS;
		if (has(rd, ASK_RATE) || has(rd, ASK_SHARE)) {
			r->ratio = 1;
			r->base = (struct ask_measure){ .of = ASK_DISTINCT_USERS, .events = 1ull << ask->purchase };
			for (int k = 0; k < rd->n; k++)
				rd->it[k].used |= is(rd, k, ASK_BUYERS);
		}
		return 1;
	}
	return 0;
}

/* What the parts together mean: sums of days under a mean, groups that are counted, how many rows. */
static void
finish(struct reader *rd)
{
	const struct ask *ask = rd->ask;
	struct ask_reading *r = rd->r;
	int i, own;

	/* the mean, or the greatest, of the sums of days */
	if (r->unit && rd->average && rd->average != ASK_SUM && !r->rank && !r->n_groups && !r->ratio && r->m.of != ASK_OF_SESSION_LENGTH) {
		for (i = 0, own = 0; i < rd->n; i++)
			own |= is(rd, i, ASK_ORDER_VALUE);
		own |= r->of_metric && r->m.agg != ASK_SUM;
		if (r->m.of != ASK_OF_FIELD || ((ask->field[r->m.field].role == ASK_AMOUNT || r->of_metric) && !own)) {
			r->average_over = rd->average;
			if (r->m.of == ASK_OF_FIELD)
				r->m.agg = ASK_SUM;
		}
	}
	if (r->having && (r->unit || r->n_groups) && has(rd, ASK_HOW_MANY) && find(rd, ASK_HOW_MANY, 0) == 0)
		r->count_groups = 1;
	/* the best waiting time is the shortest; what lost most is at the end of an order by differences */
	if (has(rd, ASK_BEST) && !has(rd, ASK_MOST) && !has(rd, ASK_LEAST) && !has(rd, ASK_TOP) && r->m.of == ASK_OF_FIELD && !r->ratio && ask->field[r->m.field].role == ASK_SPAN)
		r->rank = -r->rank;
	if (r->want_change && r->n_periods == 2 && r->rank && find(rd, ASK_CHANGE, 0) >= 0 && rd->it[find(rd, ASK_CHANGE, 0)].arg < 0)
		r->rank = -r->rank;
	if (r->unit && r->n_groups && rd->average == ASK_AVG && !r->rank && !r->ratio && r->m.of == ASK_COUNT)
		fail(rd, "The average of days for each group is more than one answer; ask for it per day, or by group.");
	if (rd->of_each)
		r->rank = r->limit = 0;
	if (has(rd, ASK_WHO) && r->rank && !r->limit)
		r->limit = r->plural ? 10 : 1;
	if (r->rank && (r->n_groups || r->unit || r->part) && !r->limit &&
	    !(has(rd, ASK_RANKED) && !has(rd, ASK_TOP) && !has(rd, ASK_MOST) && !has(rd, ASK_LEAST) && !has(rd, ASK_BEST) &&
	    !has(rd, ASK_BOTTOM)))
		r->limit = r->plural ? 10 : 1;
	if (r->rank && !r->n_groups && !r->unit && !r->part && r->m.of == ASK_COUNT && !r->ratio && (has(rd, ASK_TOP) || has(rd, ASK_BOTTOM)))
		fail(rd, "The first of which order? Say top pages, top 3 countries by signups.");
	if (r->rank && !r->n_groups && !r->unit && !r->part)
		r->rank = 0;
	for (i = 0; i < r->where.n; i++)        /* of those that are named, all */
		if (r->where.f[i].n > 1 && !r->where.f[i].not && has_group(r, r->where.f[i].field))
			r->limit = 0;
}

int
ask_read(struct ask *ask, struct ask_item *items, int n, int64_t now, const struct zone *zone, struct ask_reading *r, struct buf *why)
{
	struct reader rd = { .ask = ask, .it = items, .n = n, .now = now, .zone = zone, .r = r, .why = why, .ranking_at = -1, .per = -1 };
	int i, active, traffic, own;

	*r = (struct ask_reading){ .n_groups = 0 };
	join_values(&rd);
	for (i = 2; i < rd.n; i++)      /* basket size in items, which is no money */
		if (is(&rd, i, ASK_NOTHING) && is(&rd, i - 1, ASK_IN) && is(&rd, i - 2, ASK_ORDER_VALUE) &&
		    (str_eq(rd.it[i].text, STR("items")) || str_eq(rd.it[i].text, STR("things"))))
			return fail(&rd, "How many items an order has is told by no property that I know; the value of an order can be asked for.");
	values_of_grammar(&rd);
	if (rd.failed)
		return 0;
	for (i = 0; i < rd.n; i++)      /* words without a meaning go, a name behind "user id" comes beside it */
		if (rd.it[i].is == ASK_NOTHING)
			drop(&rd, i--);
	join_names(&rd);
	join_kinds(&rd);
	languages(&rd);
	if ((i = refuse(&rd)) != 1)
		return i;
	flags(&rd);
	people_or_numbers(&rd);
	totals(&rd);
	values_of_time(&rd);
	join_events(&rd);
	done_by(&rd);
	if (rd.failed)
		return 0;
	for (i = 0; i < rd.n; i++)              /* who bought; users who bought */
		if (is(&rd, i, ASK_THAT) && (str_eq(rd.it[i].text, STR("who")) || str_eq(rd.it[i].text, STR("Who")))) {
			int named = 0;

			for (int k = i - 1; k >= 0 && k >= i - 5; k--)
				named |= is(&rd, k, ASK_USERS) || is(&rd, k, ASK_BUYERS) || is(&rd, k, ASK_ALL_EVENTS);
			if (!named)
				rd.it[i].is = ASK_WHO;
		}
	if (!aggregate(&rd))
		return 0;
	visits(&rd);
	for (i = 0; i + 1 < rd.n; i++)          /* a used number stays out of the way of bounds */
		if (rd.it[i].is == ASK_NUMBER && rd.it[i].used)
			drop(&rd, i--);
	bounds(&rd);
	periods(&rd);
	if (rd.failed)
		return 0;
	active = find(&rd, ASK_ACTIVE, 0);
	traffic = find(&rd, ASK_TRAFFIC, 0);
	if (active >= 0 && !has(&rd, ASK_MOST) && !has(&rd, ASK_LEAST) && !has(&rd, ASK_TOP) && r->n_periods == 0 && !has(&rd, ASK_EVERY) &&
	    !has(&rd, ASK_UNIT))
		return fail(&rd, "Active since when? It can be read as active today, in the last 7 days or in the last 30 days; say which.");
	if (edges(&rd)) {
		if (rd.failed)
			return 0;
		return check(&rd);
	}
	for (i = 0, own = 0; i < rd.n; i++)
		own |= is_text_field(&rd, i);
	if (find(&rd, ASK_WHERE, 0) >= 0 && !own)
		return fail(&rd, "Where can be read in two ways: from which country, or from which source; ask for one of them.");
	if ((i = find(&rd, ASK_BOUNCE, 0)) >= 0)
		return fail(&rd, "A bounce can be read in two ways: a session with one event, or a session with one page view. Ask for the share of sessions with exactly 1 page view.");
	if ((i = find(&rd, ASK_RETENTION, 0)) >= 0)
		return fail(&rd, "Retention by which step, or after how long? Say weekly retention of users who signed up, day 7 retention of new users, or how many users who signed up came back within 7 days.");
	pages_as_views(&rd);
	both_values(&rd);
	groups(&rd);
	values(&rd, has(&rd, ASK_SHARE) || rate_of_value(&rd) >= 0);
	left_fields(&rd);
	if (rd.failed)
		return 0;
	for (i = 0, own = 0; i < rd.n; i++)
		own |= i != traffic && (measure_noun(&rd, i) || is(&rd, i, ASK_CONVERSION));
	if (traffic >= 0 && own)
		rd.it[traffic].used = 1;
	if (traffic >= 0 && !own && r->n_periods == 0 && !r->n_groups && !r->unit && !r->part)
		return fail(&rd, "Traffic can be read as page views, sessions or users, today or over some days; say which.");
	if (has(&rd, ASK_FUNNEL)) {
		conditions(&rd, 0);
		if (r->n_conditions < 2 || r->n_groups)
			return fail(&rd, "A funnel of which steps? Say the funnel from add to cart to checkout to purchase.");
		r->funnel = 1, r->ordered = 1;
		r->m.of = ASK_DISTINCT_USERS;
		return check(&rd);
	}
	if (repeat_buyers(&rd))
		return check(&rd);
	if (!how_is(&rd) || !measure(&rd) || !who_did(&rd))
		return 0;
	if (rd.failed)
		return 0;
	finish(&rd);
	return rd.failed ? 0 : check(&rd);
}
