/* ask_join.c - words of a question that belong together become one item: values and the property beside them, numbers that are names (zone 3),
 * ranges (between 2 and 4), the parts of an event's name, words of English that are values of the store here. */
#include <stdio.h>
#include <stdlib.h>

#include "insight/ask_reader.h"

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

/* Make room at i. 1; 0: there is no more (ask_items made some for ASK_ADDED). */
static int
insert(struct ask_reader *rd, int i, struct ask_item it)
{
	if (rd->added == ASK_ADDED)
		return 0;
	rd->added++;
	memmove(&rd->it[i + 1], &rd->it[i], (size_t)(rd->n - i) * sizeof(*rd->it));
	rd->it[i] = it;
	rd->n++;
	return 1;
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
join_values(struct ask_reader *rd)
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

/* The whole number at i as the label that it is of that field. 1; 0: it is none. */
static int
become_label(struct ask_reader *rd, int i, int field)
{
	struct ask_item *it = &rd->it[i];
	size_t n = it->text.n > 1 && it->text.p[0] == '-';

	while (n < it->text.n && it->text.p[n] >= '0' && it->text.p[n] <= '9')
		n++;
	if (!is(rd, i, ASK_NUMBER) || it->money || n == 0 || n > 15 || it->text.p[n - 1] == '-' || (n < it->text.n && !it->ordinal))
		return 0;
	it->is = ASK_VALUE, it->arg = field, it->value = (struct str){ it->text.p, n }, it->events = rd->ask->field[field].events, it->sense = NULL;
	return 1;
}

/* What a number behind a label's may be of: the 2 of zone 1 and 2, but not of zone 1 and 2 sensors. */
static int
is_counting(const struct ask_reader *rd, int i)
{
	return measure_noun(rd, i) || is(rd, i, ASK_WHO) || is(rd, i, ASK_UNIT) || is(rd, i, ASK_DURATION_UNIT) || is(rd, i, ASK_MONEY_UNIT) || is(rd, i, ASK_OR_MORE) ||
	    is(rd, i, ASK_FIELD);
}

/* Zone 3, zones 1, 2 and 4, the 2nd floor, above floor 1: numbers that name something, with the property they are of. */
static void
join_labels(struct ask_reader *rd)
{
	for (int i = 0; i < rd->n; i++) {
		const int field = is_label(rd, i) ? rd->it[i].arg : -1;
		int k = i + 1;

		if (field < 0)
			continue;
		if (is(rd, i - 1, ASK_NUMBER) && rd->it[i - 1].ordinal && !rd->it[i].comma && become_label(rd, i - 1, field)) {
			drop(rd, i--);
			continue;
		}
		if (is(rd, i - 1, ASK_OVER) && is(rd, k, ASK_NUMBER)) {         /* above floor 1: floor above 1 */
			struct ask_item op = rd->it[i - 1];

			rd->it[i - 1] = rd->it[i], rd->it[i] = op;
			continue;
		}
		if (is(rd, k, ASK_NOTHING) && (str_eq(rd->it[k].text, STR("is")) || str_eq(rd->it[k].text, STR("was")) || str_eq(rd->it[k].text, STR("are"))))
			k++;
		else if (is(rd, k, ASK_OVER) && rd->it[k].arg == ASK_EQ)
			k++;
		if (is(rd, k, ASK_NOT) && is(rd, k + 1, ASK_NUMBER) && !is_counting(rd, k + 2) && become_label(rd, k + 1, field)) {       /* a status other than 200 */
			drop(rd, i);
			continue;
		}
		if (!is(rd, k, ASK_NUMBER) || rd->it[k].comma || (is_counting(rd, k + 1) && !rd->it[k + 1].comma && k > i + 1) || is(rd, i - 1, ASK_BY) || is(rd, i - 1, ASK_PER) || !become_label(rd, k, field))
			continue;
		for (int from = i; from < k; k--)
			drop(rd, from);
		for (;;) {                      /* and its others */
			int joint = is(rd, k + 1, ASK_AND) || is(rd, k + 1, ASK_OR) || is(rd, k + 1, ASK_VERSUS), other = k + 1 + joint;

			if (!is(rd, other, ASK_NUMBER) || (!joint && !rd->it[other].comma) || (is_counting(rd, other + 1) && !rd->it[other + 1].comma) ||
			    !become_label(rd, other, field))
				break;
			k = other;
		}
		i = k;
	}
}

/* Between 2 and 4 stars, from 10 to 20 euros, floors 1 to 3: at least the one and at most the other. What stands behind the second is of both. */
static void
join_ranges(struct ask_reader *rd)
{
	for (int i = 0; i + 2 < rd->n; i++) {
		int from = is(rd, i, ASK_FROM), first = i + from, to = first + 1, unit = to + 2;
		struct ask_item op = rd->it[i];

		if (from && is_label(rd, first) && is(rd, first + 1, ASK_NUMBER) && is(rd, first + 3, ASK_NUMBER) &&
		    (is(rd, first + 2, ASK_TO) || (is(rd, first + 2, ASK_AND) && str_eq(rd->it[i].text, STR("between"))))) {        /* between floor 1 and 3 */
			struct ask_item field = rd->it[first];

			rd->it[first] = rd->it[i], rd->it[i] = field;
			i--;
			continue;
		}
		if (!is(rd, first, ASK_NUMBER) || !is(rd, to + 1, ASK_NUMBER) || rd->it[first].ordinal || rd->it[to + 1].ordinal ||
		    !(is(rd, to, ASK_TO) || (from && is(rd, to, ASK_AND) && str_eq(rd->it[i].text, STR("between")))) || (!from && !is_label(rd, i - 1)))
			continue;
		if (rd->it[first].number > rd->it[to + 1].number) {
			ask_fail(rd, "Between %g and %g lies nothing; say the smaller one first.", rd->it[first].number, rd->it[to + 1].number);
			return;
		}
		op.is = ASK_OVER, op.used = 0, op.arg = ASK_LE, op.sense = NULL, op.text = STR("at most");
		rd->it[to] = op;                        /* what stood between them bounds the second */
		op.arg = ASK_GE, op.text = STR("at least");
		if (from)
			rd->it[i] = op;
		else if (!insert(rd, i, op))
			return;
		else
			first++, to++, unit++;
		rd->it[to + 1].money |= rd->it[first].money, rd->it[first].money = rd->it[to + 1].money;
		if (!rd->it[unit < rd->n ? unit : 0].comma && (is_number_field(rd, unit) || is(rd, unit, ASK_DURATION_UNIT) || is(rd, unit, ASK_MONEY_UNIT) ||
		    ((is(rd, unit, ASK_UNIT) || is(rd, unit, ASK_EVERY)) && rd->it[unit].arg <= 1) || (is(rd, unit, ASK_EVENT) && people_before(rd, i))))
			insert(rd, to, rd->it[unit]);
	}
}

/* "user u17": a name that only the store knows. */
static void
join_names(struct ask_reader *rd)
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
flags(struct ask_reader *rd)
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
totals(struct ask_reader *rd)
{
	struct ask_sense s;

	for (int i = 0; i + 1 < rd->n; i++)
		if (is(rd, i, ASK_FIELD) && other_sense(&rd->it[i], ASK_AGG, &s) && !rd->it[i + 1].comma &&
		    (is_number_field(rd, i + 1) || is(rd, i + 1, ASK_EVENT) || is(rd, i + 1, ASK_USERS) || is(rd, i + 1, ASK_SESSIONS) || is(rd, i + 1, ASK_MONEY)))
			rd->it[i].is = ASK_AGG, rd->it[i].arg = s.arg;
}

/* Yearly subscriptions: of a plan called so, or for each year? By what the rest allows, or it is asked back. */
static void
values_of_time(struct ask_reader *rd)
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
			ask_fail(rd, "\"%.*s\" can be read in two ways: step by step in time, or %.*s %.*s; say which.", (int)(rd->it[i].text.n < 60 ? rd->it[i].text.n : 60),
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
is_synonym(const struct ask_reader *rd, int i)
{
	const struct str name = rd->ask->event[rd->it[i].arg].name, text = rd->it[i].text;

	for (size_t k = 0; k + text.n <= name.n; k++)
		if (strncasecmp(name.p + k, text.p, text.n) == 0)
			return 0;
	return rd->it[i].n_words == 1 && rd->it[i].sense && !rd->it[i].sense->part;
}

/* Words that no value is meant by unless its property stands beside it. */
static int
is_grammar_only(const struct ask_reader *rd, int i)
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
	case ASK_MONEY_UNIT: case ASK_MOST: case ASK_BEST: case ASK_TREND: case ASK_UNKNOWN: case ASK_NOTHING: case ASK_LENGTH: case ASK_RETENTION: case ASK_OPINION:
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
carries_nothing(const struct ask_reader *rd, int i)
{
	struct ask_sense s;

	return is(rd, i, ASK_NOTHING) && !other_sense(&rd->it[i], ASK_VALUE, &s);
}

/* Via, through, at: words that carry nothing but say that what follows is a place or a way. */
static int
is_preposition(const struct ask_reader *rd, int i)
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
has_value_of(const struct ask_reader *rd, int i, int field)
{
	struct ask_sense s;

	return i >= 0 && i < rd->n && sense_of_field(&rd->it[i], field, &s);
}

static int
is_joint(const struct ask_reader *rd, int i)
{
	return is(rd, i, ASK_OR) || is(rd, i, ASK_AND) || is(rd, i, ASK_VERSUS) || is(rd, i, ASK_NOT);
}

/* What such a word is here: 1 the value, 0 the word of the grammar, -1 either. */
static int
stands_for_value(const struct ask_reader *rd, int i, int field)
{
	const struct ask_item *it = &rd->it[i];
	int before = i - 1, behind = i + 1, place = 0;

	if (it->is == ASK_MONEY_UNIT && is(rd, before, ASK_NUMBER))
		return 0;
	if (it->is == ASK_OPINION)      /* hats, and no hate: as it is stored */
		return 1;
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
is_counted(const struct ask_reader *rd, int i)
{
	int before = i - 1;

	while (before >= 0 && (carries_nothing(rd, before) || is(rd, before, ASK_UNIQUE) || is(rd, before, ASK_ACTIVE) || is(rd, before, ASK_OF)))
		before--;
	return before < 0 || is(rd, before, ASK_HOW_MANY) || is(rd, before, ASK_SHARE) || is(rd, before, ASK_WHICH);
}

/* The events that are named beside it never have that value. */
static int
is_of_others(const struct ask_reader *rd, int i, uint64_t events)
{
	uint64_t named = 0;

	for (int k = 0; k < rd->n; k++)
		if (k != i && is(rd, k, ASK_EVENT))
			named |= events_meant(&rd->it[k]);
	return named && events && !(named & events);
}

static int
add_people(struct ask_reader *rd, int i)                    /* behind the value. 1; 0: no room */
{
	struct ask_item people = rd->it[i];

	people.comma = 0;
	return insert(rd, i + 1, people);
}

static void
values_of_grammar(struct ask_reader *rd)
{
	for (int i = 0; i < rd->n; i++) {
		struct ask_sense s;
		char word[80];
		int what;

		if (!other_sense(&rd->it[i], ASK_VALUE, &s) || s.arg < 0 || !is_as_stored(rd->it[i].text, s.value) || is_grammar_only(rd, i) || is_of_others(rd, i, s.events))
			continue;
		what = is_people(rd, i) && is_counted(rd, i) ? 1 : stands_for_value(rd, i, s.arg);
		if (what > 0) {
			int counted = is_people(rd, i) && is_counted(rd, i) && add_people(rd, i);

			become_value(&rd->it[i], &s);
			i += counted;
		} else if (what < 0) {
			ask_item_text(&rd->it[i], word);
			ask_fail(rd, "\"%s\" can be read in two ways: as %.*s %.*s, or not; say %.*s %.*s, or put it in other words.", word, STR_FMT(rd->ask->field[s.arg].name),
			    STR_FMT(s.value), STR_FMT(rd->ask->field[s.arg].name), STR_FMT(s.value));
			return;
		}
	}
}

/* Guests who booked are users, where these are called so; how many guests booked may be the number of them that a booking has, too. */
static void
people_or_numbers(struct ask_reader *rd)
{
	for (int i = 0; i < rd->n; i++) {
		if (!is_number_field(rd, i) || !rd->it[i].also_users)
			continue;
		if (is(rd, i + 1, ASK_THAT) || is(rd, i + 1, ASK_WITHOUT))
			rd->it[i].is = ASK_USERS, rd->it[i].sense = NULL;
		else if (is(rd, i - 1, ASK_HOW_MANY) || is(rd, i - 1, ASK_WHICH))
			ask_fail(rd, "\"%.*s\" can be read in two ways: users, or what the property of that name adds up to; say users, or total %.*s.", (int)(rd->it[i].text.n < 60 ? rd->it[i].text.n : 60),
			    rd->it[i].text.p, STR_FMT(rd->ask->field[rd->it[i].arg].name));
	}
}

/* In spanish: a language, where the country is meant by "from spain" and "spanish users". */
static void
languages(struct ask_reader *rd)
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
is_part(const struct ask_reader *rd, int i)
{
	return is(rd, i, ASK_EVENT) && rd->it[i].sense && rd->it[i].sense->is == ASK_EVENT && rd->it[i].sense->part == 1;
}

/* What the properties that are named can be of. */
static uint64_t
events_with_fields(const struct ask_reader *rd)
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
is_short(const struct ask_reader *rd, int i)
{
	return rd->it[i].n_words == 1 && rd->ask->field[rd->it[i].arg].name.n > rd->it[i].text.n;
}

/* Dashboards … opened: not the property of that name, unless it is asked for. */
static int
join_field(struct ask_reader *rd, int i)
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
fields_as_events(struct ask_reader *rd)
{
	for (int i = 2; i < rd->n; i++) {
		int e;

		if (is_text_field(rd, i) && !rd->it[i].value.p && is(rd, i - 1, ASK_OF) && is_number_field(rd, i - 2) && has(rd, ASK_AGG) && is_plural(&rd->it[i]) &&
		    (e = event_begins(rd->ask, rd->ask->field[rd->it[i - 2].arg].events, rd->it[i].text)) >= 0)
			rd->it[i].is = ASK_EVENT, rd->it[i].arg = e, rd->it[i].verb = 0, rd->it[i].sense = NULL;
	}
}

/* Refunds per order: what stands on the other side of a per is another thing. */
static int
is_divided(const struct ask_reader *rd, int i, int k)
{
	for (int at = (i < k ? i : k) + 1; at < (i < k ? k : i); at++)
		if (is(rd, at, ASK_PER))
			return 1;
	return 0;
}

/* Delivered the most orders: both words are of order_delivered, although orders alone are order_placed. */
static int
join_noun(struct ask_reader *rd, int i)
{
	for (int k = 0; k < rd->n; k++) {
		int e;

		if (k != i && !is_divided(rd, i, k) && is(rd, k, ASK_EVENT) && rd->it[k].sense && !rd->it[k].verb && rd->it[k].n_words == 1 && (e = event_begins(rd->ask, events_meant(&rd->it[i]), rd->it[k].text)) >= 0) {
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
events_done(const struct ask_reader *rd, uint64_t events, struct str text)
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

/* Used no feature, where feature_used is an event: it was not done, and is no feature that is not given. */
static void
join_used(struct ask_reader *rd)
{
	for (int i = 0; i + 1 < rd->n; i++) {
		int not = is(rd, i + 1, ASK_NOT) || is(rd, i + 1, ASK_WITHOUT), k = i + 1 + not, e;

		if (!is(rd, i, ASK_USED) || !is_text_field(rd, k) || rd->it[k].value.p || !people_before(rd, i) || (e = event_begins(rd->ask, ~0ull, rd->it[k].text)) < 0 ||
		    rd->ask->event[e].name.n < 5 || strncasecmp(rd->ask->event[e].name.p + rd->ask->event[e].name.n - 4, "used", 4))
			continue;
		rd->it[k].is = ASK_EVENT, rd->it[k].arg = e, rd->it[k].verb = 1, rd->it[k].sense = NULL;
		drop(rd, i);
	}
}

/* The noun is more than the thing: the participle of the event, or its own noun, cancellations. */
static int
is_outcome_said(const struct ask_reader *rd, int i)
{
	struct str name = rd->ask->event[rd->it[i].arg].name, text = rd->it[i].text;
	size_t at = name.n;

	while (at && !strchr("_- .", name.p[at - 1]))
		at--;
	return text.n < 4 || at + 3 > name.n || memmem(text.p, text.n, name.p + at, 3) != NULL || strncasecmp(name.p, text.p, 3) != 0;
}

static void
join_events(struct ask_reader *rd)
{
	join_used(rd);
	fields_as_events(rd);
	/* paid the most invoices, of invoice_paid: no other spending is meant; connections were lost, of connection_lost: no fall */
	for (int i = 0; i < rd->n; i++)
		for (int k = 0; (is(rd, i, ASK_SPEND) || (is(rd, i, ASK_CHANGE) && rd->it[i].n_words == 1) || is(rd, i, ASK_DROP) || is(rd, i, ASK_BOUNCE)) && k < rd->n; k++) {
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
			if (k != i && !is_divided(rd, i, k) && is(rd, k, ASK_EVENT) && (mine & events_meant(&rd->it[k])) && (near < 0 || abs(k - i) < abs(near - i)))
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
			for (int lo = first < second ? first : second, k = (first < second ? second : first) - 1; k > lo; k--)
				if (is(rd, k, ASK_TO))  /* saved to the wishlist: it leads to nothing else */
					drop(rd, k);
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
			if (ask_is_outcome(rd->ask->event[rd->it[i].arg].name) && !rd->it[i].verb && !is_outcome_said(rd, i)) {
				ask_fail(rd, "No event here is called \"%.*s\" alone: there is %.*s; say that.", (int)(rd->it[i].text.n < 60 ? rd->it[i].text.n : 60), rd->it[i].text.p,
				    STR_FMT(rd->ask->event[rd->it[i].arg].name));
				return;
			}
			continue;
		}
		for (int e = 0, n = 0; e < rd->ask->n_events && n < 4; e++)
			if (mine >> e & 1)
				buf_printf(&names, "%s%.*s", n++ ? ", " : "", (int)(rd->ask->event[e].name.n < 60 ? rd->ask->event[e].name.n : 60), rd->ask->event[e].name.p);
		ask_fail(rd, "\"%.*s\" can be read in several ways: %.*s; say which.", (int)(rd->it[i].text.n < 60 ? rd->it[i].text.n : 60), rd->it[i].text.p, STR_FMT(buf_get(&names)));
		buf_release(&names);
		return;
	}
}

/* firmware version, ticket type: the second word says only that the first is a property. */
static void
join_kinds(struct ask_reader *rd)
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

/* ---- all together */

/* Registered students: students who registered. */
static void
done_by(struct ask_reader *rd)
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

/* Who bought asks for people, users who bought says more of them. */
static void
who_asked(struct ask_reader *rd)
{
	for (int i = 0; i < rd->n; i++) {
		int named = 0;

		if (!is(rd, i, ASK_THAT) || !(str_eq(rd->it[i].text, STR("who")) || str_eq(rd->it[i].text, STR("Who"))))
			continue;
		for (int k = i - 1; k >= 0 && k >= i - 5; k--)
			named |= is(rd, k, ASK_USERS) || is(rd, k, ASK_BUYERS) || is(rd, k, ASK_ALL_EVENTS);
		if (!named)
			rd->it[i].is = ASK_WHO;
	}
}

/* The only event that is named; -1. */
static int
event_named(const struct ask_reader *rd)
{
	int e = -1;

	for (int i = 0; i < rd->n; i++)
		if (is(rd, i, ASK_EVENT) && rd->it[i].arg < rd->ask->n_events) {
			if ((e >= 0 && e != rd->it[i].arg) || is_part(rd, i))
				return -1;
			e = rd->it[i].arg;
		}
	return e;
}

/* Upgrades to enterprise: of to_plan, where a value is one of several properties. */
static int
stands_behind(const struct ask_reader *rd, int i, int field)
{
	const struct str name = rd->ask->field[field].name, from = { "from_", 5 }, to = { "to_", 3 };

	return (is(rd, i - 1, ASK_TO) && name.n > to.n && strncasecmp(name.p, to.p, to.n) == 0) ||
	    (is(rd, i - 1, ASK_FROM) && name.n > from.n && strncasecmp(name.p, from.p, from.n) == 0);
}

/* Is it called just so, one or many? */
static int
is_name(struct str name, struct str text)
{
	if (text.n != name.n && !(text.n == name.n + 1 && (text.p[name.n] == 's' || text.p[name.n] == 'S')))
		return 0;
	for (size_t i = 0; i < name.n; i++)
		if ((name.p[i] | 32) != (text.p[i] | 32) && !(strchr("_-.", name.p[i]) && strchr(" _-.", text.p[i])))
			return 0;
	return 1;
}

/* Values and properties that the same words mean: those of the event that is named, and a property beside others only where it is the only one. */
static void
choose_senses(struct ask_reader *rd)
{
	const int e = event_named(rd);

	for (int i = 0; i < rd->n && !rd->failed; i++) {
		const struct ask_sense *found = NULL, *first = NULL, *other = NULL;

		if (!(is(rd, i, ASK_VALUE) || (is_text_field(rd, i) && !rd->it[i].value.p)) || !rd->it[i].sense)
			continue;
		for (const struct ask_sense *s = rd->it[i].sense; s; s = s->next) {
			if (s->is != rd->it[i].is || s->arg < 0 || s->part == 3 || (s->is == ASK_FIELD && (s->value.p || rd->ask->field[s->arg].number || rd->ask->field[s->arg].stored)))
				continue;
			first = first ? first : s;
			if (s->is == ASK_VALUE && stands_behind(rd, i, s->arg)) {
				found = s, other = NULL;
				break;
			}
			if (e >= 0 && !(rd->ask->field[s->arg].events >> e & 1))
				continue;
			if (found && found->arg != s->arg)
				other = other ? other : s;
			found = found ? found : s;
		}
		if (found && found != first && found->arg != rd->it[i].arg)
			rd->it[i].arg = found->arg, rd->it[i].value = found->value, rd->it[i].events = found->events;
		if (other && is(rd, i, ASK_FIELD) && !is_name(rd->ask->field[found->arg].name, rd->it[i].text))
			ask_fail(rd, "\"%.*s\" can be read in several ways: %.*s, %.*s; say which.", (int)(rd->it[i].text.n < 60 ? rd->it[i].text.n : 60), rd->it[i].text.p,
			    STR_FMT(rd->ask->field[found->arg].name), STR_FMT(rd->ask->field[other->arg].name));
	}
}

/* By reason, which reasons, top reasons: a property, where one is called so; any other reason is asked for why. */
static void
reasons(struct ask_reader *rd)
{
	struct ask_sense s;

	for (int i = 0; i < rd->n; i++)
		if (is(rd, i, ASK_FIELD) && other_sense(&rd->it[i], ASK_WHY, &s) && !is_name(rd->ask->field[rd->it[i].arg].name, rd->it[i].text) && !is_plural(&rd->it[i]) &&
		    !is(rd, i - 1, ASK_BY) && !is(rd, i - 1, ASK_PER) && !is(rd, i - 1, ASK_MOST) && !is(rd, i - 1, ASK_TOP) &&
		    !(is(rd, i + 1, ASK_BY) && has_value_of(rd, i + 2, rd->it[i].arg)))        /* caused by power */
			rd->it[i].is = ASK_WHY;
}

/* Under 10 or over 90: no 10 or more. */
static void
or_over(struct ask_reader *rd)
{
	for (int i = 0; i + 1 < rd->n; i++) {
		struct ask_item or = rd->it[i];

		if (!is(rd, i, ASK_OR_MORE) || !is(rd, i + 1, ASK_NUMBER))
			continue;
		rd->it[i].is = ASK_OVER, rd->it[i].sense = NULL;
		or.is = ASK_OR, or.sense = NULL;
		insert(rd, i, or);
	}
}

void
ask_join_words(struct ask_reader *rd)
{
	or_over(rd);
	reasons(rd);
	join_ranges(rd);
	join_labels(rd);
	join_values(rd);
	for (int i = 2; i < rd->n; i++)         /* basket size in items, which is no money */
		if (is(rd, i, ASK_NOTHING) && is(rd, i - 1, ASK_IN) && is(rd, i - 2, ASK_ORDER_VALUE) &&
		    (str_eq(rd->it[i].text, STR("items")) || str_eq(rd->it[i].text, STR("things"))))
			ask_fail(rd, "How many items an order has is told by no property that I know; the value of an order can be asked for.");
	if (!rd->failed)
		values_of_grammar(rd);
	if (rd->failed)
		return;
	for (int i = 0; i < rd->n; i++)         /* words without a meaning go, a name behind "user id" comes beside it */
		if (rd->it[i].is == ASK_NOTHING)
			drop(rd, i--);
	join_names(rd);
	join_kinds(rd);
	languages(rd);
}

void
ask_join_events(struct ask_reader *rd)
{
	flags(rd);
	people_or_numbers(rd);
	totals(rd);
	values_of_time(rd);
	join_events(rd);
	choose_senses(rd);
	done_by(rd);
	who_asked(rd);
}
