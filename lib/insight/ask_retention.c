/* ask_retention.c - questions of who comes back: what begins, what counts as coming back, and when.
 *
 *      how many | of those who signed up | in November | logged in | again | within 7 days
 *                 start                    range         back        sign    step
 *
 * It is one when it has a sign of coming back (retention, came back, again) and a step of time (weekly, day 7, the next week, within 7 days).
 * Both are cut out, "next week" is no future then, and the words that are left must be events, users and a period, or it is asked back.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "insight/ask_priv.h"

#define STEPS_MOST 1000                 /* of a step: beyond that it is a slip */

enum sign { NO_SIGN, RETENTION, CAME_BACK, AGAIN };

struct seeker {
	const struct ask_word *w;
	int n, gone[ASK_WORDS];
	enum sign sign;
	int sign_at, past;              /* past: came, not come */
	int things;                     /* returned, which parcels are, too */
	int has_step, bare_next;        /* bare_next: "next week" without "the", which may lie ahead */
	int after_step;                 /* the word behind "of", "after", … behind the step: there stands what begins; -1 */
	struct ask_retention *r;
	struct buf *why;
};

static int
fail(struct seeker *s, const char *fmt, ...)
{
	va_list ap;
	char text[400];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_clear(s->why);
	buf_lit(s->why, text);
	return 0;
}

static int
is(const struct seeker *s, int i, const char *words)
{
	return ask_word_is(s->w, s->n, i, words);
}

static int
take(struct seeker *s, int from, int to)                /* out of the question; to */
{
	while (from < to && from < s->n)
		s->gone[from++] = 1;
	return to;
}

/* ---- signs */

static void
seek_sign(struct seeker *s)
{
	for (int i = 0; i < s->n && s->sign != RETENTION; i++) {
		enum sign sign = NO_SIGN;
		int words = 1;

		if (is(s, i, "retention retained retain retains retaining")) {
			sign = RETENTION;
		} else if (s->sign != NO_SIGN) {
			continue;
		} else if (is(s, i, "came come comes coming got get gets went go") && is(s, i + 1, "back")) {
			sign = CAME_BACK, words = 2;
		} else if (is(s, i, "came come comes") && is(s, i + 1, "again")) {
			sign = CAME_BACK, words = 2;
		} else if (is(s, i, "return returned returns returning revisit revisited") && !is(s, i - 1, "was were be been is are")) {
			sign = CAME_BACK;
		} else if (is(s, i, "again repeat")) {
			sign = AGAIN;
		}
		if (sign == NO_SIGN)
			continue;
		for (int k = 0; k < s->n; k++)  /* what was taken for a weaker sign is a word again */
			s->gone[k] = 0;
		s->sign = sign;
		s->sign_at = i;
		s->things = sign == CAME_BACK && words == 1;
		s->past = sign == AGAIN || is(s, i, "came got went returned revisited");
		take(s, i, i + words);
	}
}

/* ---- steps */

static int
unit_of(const struct seeker *s, int i)                  /* a unit of a reading: 3 day … 7 year; 0 */
{
	static const char *const units[] = { "day days", "week weeks", "month months", "quarter quarters", "year years" };

	for (int k = 0; k < 5; k++)
		if (is(s, i, units[k]))
			return k + ASK_UNIT_DAY;
	return 0;
}

static int
adverb_of(const struct seeker *s, int i)
{
	static const char *const units[] = { "daily", "weekly", "monthly", "quarterly", "yearly annual" };

	for (int k = 0; k < 5; k++)
		if (is(s, i, units[k]))
			return k + ASK_UNIT_DAY;
	return 0;
}

static int
number_of(const struct seeker *s, int i)                /* 0: none that can be */
{
	static const char *const names[] = { "one a an", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve" };

	if (i < 0 || i >= s->n)
		return 0;
	if (s->w[i].is_number)
		return !s->w[i].ordinal && !s->w[i].money && !s->w[i].percent && s->w[i].date_from == TIME_NONE && s->w[i].number >= 1 &&
		    s->w[i].number <= STEPS_MOST && s->w[i].number == (int)s->w[i].number ? (int)s->w[i].number : 0;
	for (int k = 0; k < 12; k++)
		if (is(s, i, names[k]))
			return k + 1;
	return 0;
}

struct step { int unit, period, within, bare_next; };

/* "d7", "w2" */
static int
short_step(const struct seeker *s, int i, struct step *step)
{
	struct str t = i < s->n ? s->w[i].text : (struct str){ 0 };
	int64_t n;

	if (s->sign != RETENTION || t.n < 2 || !strchr("dwm", t.p[0]) || str_int64((struct str){ t.p + 1, t.n - 1 }, &n) < 0 || n < 1 || n > STEPS_MOST)
		return 0;
	*step = (struct step){ .unit = t.p[0] == 'd' ? ASK_UNIT_DAY : t.p[0] == 'w' ? ASK_UNIT_DAY + 1 : ASK_UNIT_DAY + 2, .period = (int)n };
	return 1;
}

/* A step of all periods, "weekly", "by week", "week by week". */
static int
every_at(const struct seeker *s, int i, struct step *step)
{
	int unit, words = 0;

	if (s->sign != RETENTION)
		return 0;
	if ((unit = adverb_of(s, i)))
		words = 1;
	else if (is(s, i, "by per each every") && ((unit = unit_of(s, i + 1)) || (unit = adverb_of(s, i + 1))))
		words = 2;
	else if ((unit = unit_of(s, i)) && is(s, i + 1, "by over") && unit_of(s, i + 2) == unit)
		words = 3;
	else if ((unit = unit_of(s, i)) && is(s, i + 1, "cohort cohorts"))
		words = 1;
	if (words)
		*step = (struct step){ .unit = unit };
	return words;
}

/* The words of a step at i; 0: none. */
static int
step_at(const struct seeker *s, int i, struct step *step)
{
	int k = i, n, unit, the = 0, within;

	if ((n = every_at(s, i, step)) || (n = short_step(s, i, step)))
		return n;
	if (is(s, k, "after within inside")) {                          /* after 7 days; within the first week */
		within = !is(s, k, "after");
		k += 1 + is(s, k + 1, "the their");
		if (within && is(s, k, "first next following"))
			k++;
		n = number_of(s, k);
		if ((unit = unit_of(s, k + (n > 0))) && (n || within)) {
			*step = (struct step){ .unit = unit, .period = n ? n : 1, .within = within };
			return k + (n > 0) + 1 - i;
		}
		k = i + is(s, i, "after");
	}
	k += is(s, k, "in on during at over");
	if (is(s, k, "the"))
		the = 1, k++;
	if (is(s, k, "next following")) {                               /* the next week; in the next 7 days */
		n = number_of(s, k + 1);
		if (!(unit = unit_of(s, k + 1 + (n > 0))))
			return 0;
		*step = (struct step){ .unit = unit, .period = n ? n : 1, .within = n > 1, .bare_next = !the && is(s, k, "next") };
		return k + 1 + (n > 0) + 1 - i;
	}
	if ((unit = unit_of(s, k)) && is(s, k + 1, "after later")) {   /* the day after */
		*step = (struct step){ .unit = unit, .period = 1 };
		return k + 2 - i;
	}
	if ((unit = unit_of(s, k)) && k + 1 < s->n && s->w[k + 1].is_number && (n = number_of(s, k + 1))) {       /* day 7 */
		*step = (struct step){ .unit = unit, .period = n };
		return k + 2 - i;
	}
	if ((n = number_of(s, k)) && (unit = unit_of(s, k + 1))) {
		int sign = k + 2 + is(s, k + 2, "user customer");

		*step = (struct step){ .unit = unit, .period = n, .within = s->sign == AGAIN };
		if (is(s, k + 2, "later after afterwards"))             /* 7 days later */
			return *step = (struct step){ .unit = unit, .period = n }, k + 3 - i;
		if ((s->sign == RETENTION || is(s, sign, "repeat")) && s->sign_at == sign)       /* 7-day retention; 30-day repeat purchases */
			return k + 2 - i;
	}
	return 0;
}

/* 1, or 0: two that do not go together. */
static int
seek_step(struct seeker *s)
{
	for (int i = 0, words; i < s->n; i += words) {
		struct step step;

		if (s->gone[i] || !(words = step_at(s, i, &step))) {
			words = 1;
			continue;
		}
		if (s->has_step && (step.unit != s->r->unit || (step.period && s->r->period)))
			return fail(s, "That names two steps of time. Ask for one: day 7 retention, or weekly retention.");
		s->has_step = 1;
		s->r->unit = step.unit;
		if (step.period)
			s->r->period = step.period, s->r->within = step.within, s->bare_next = step.bare_next;
		take(s, i, i + words);
		if (is(s, i + words, "of after since from following") || is(s, i + words - 1, "after"))
			s->after_step = i + words;
	}
	for (int i = 0; i < s->n && s->sign == RETENTION; i++)
		if (is(s, i, "cohort cohorts"))
			s->gone[i] = 1;
	return 1;
}

/* ---- what is left: events, users, a period */

struct named { uint64_t events; int word, part; struct str text; };

struct rest {
	struct named event[ASK_WORDS];
	int n, users, buyers, anything, who;
};

/* An item that names an event, or one that others share the word with. */
static void
add_event(const struct ask *ask, struct rest *rest, const struct ask_item *it, int word, int apart)
{
	struct named one = { .word = word, .text = it->text, .part = it->sense && it->sense->part == 1 };

	for (const struct ask_sense *s = it->sense; s; s = s->next)
		if (s->is == ASK_EVENT && s->arg < ask->n_events && (one.part || s == it->sense))
			one.events |= 1ull << s->arg;
	if (!one.events && it->arg < ask->n_events)
		one.events = 1ull << it->arg;
	if (rest->n && !apart) {                /* created an account: both are words of account_created */
		struct named *last = &rest->event[rest->n - 1];

		if ((last->part || one.part) && (last->events & one.events)) {
			last->events &= one.events;
			last->part = 1;
			return;
		}
	}
	rest->event[rest->n++] = one;
}

/* New users are those of a signup elsewhere; here they begin with whatever they did first. */
static int
is_new_users(struct str text)
{
	static const char *const people[] = { "new users", "new user", "new visitors", "new visitor", "new people" };

	for (size_t i = 0; i < sizeof(people) / sizeof(*people); i++)
		if (text.n == strlen(people[i]) && strncasecmp(text.p, people[i], text.n) == 0)
			return 1;
	return 0;
}

/* Of which property the event that begins must be. 1; 0: there are too many. */
static int
add_value(struct seeker *s, const struct ask_item *it)
{
	struct ask_filters *fs = &s->r->where;
	int i = 0;

	while (i < fs->n && fs->f[i].field != it->arg)
		i++;
	if (it->arg < 0 || i == ASK_LIST || (i < fs->n && fs->f[i].n == ASK_LIST))
		return 0;
	if (i == fs->n)
		fs->f[fs->n++] = (struct ask_filter){ .field = it->arg };
	fs->f[i].value[fs->f[i].n++] = it->value;
	return 1;
}

/* The items that are left. 1; 0: one of them does not belong there; ASK_NO_RETENTION. */
static int
sort_out(struct seeker *s, struct ask *ask, const struct ask_item *it, int n, const int *at, struct rest *rest)
{
	int share = 0, which = 0, lead = 0, apart = 0, meaning = 0;

	for (int i = 0; i < n; i++) {
		char word[80];

		ask_item_text(&it[i], word);
		switch (it[i].is) {
		case ASK_WHY: case ASK_FUTURE: case ASK_WRITE: case ASK_OPINION:
			return ASK_NO_RETENTION;
		case ASK_UNKNOWN:
			return ask_say_unknown(&it[i], s->why);
		case ASK_EVENT:
			if (it[i].also_users || is_new_users(it[i].text))
				rest->users = 1;
			else
				add_event(ask, rest, &it[i], at[it[i].word], apart);
			apart = 0;
			break;
		case ASK_METRIC: {
			const struct ask_metric *m = &ask->metric[it[i].arg];

			if (m->opaque || m->m.of != ASK_COUNT || m->m.where.n || !m->m.events || (m->m.events & (m->m.events - 1)))
				return fail(s, "Retention is of events; \"%s\" is a metric that is more than one of them.", word);
			rest->event[rest->n++] = (struct named){ .events = m->m.events, .word = at[it[i].word], .text = it[i].text };
			break;
		}
		case ASK_PERIOD:
			if (s->r->has_range)
				return fail(s, "Of users of which period? Two are named; ask for one of them.");
			s->r->has_range = 1;
			s->r->range = it[i].period;
			break;
		case ASK_VALUE:
			if (!add_value(s, &it[i]))
				return fail(s, "Retention is read of users by what they did first, what they did later, and when; I do not see how \"%s\" belongs to it.", word);
			break;
		case ASK_OR:
			if (i == 0 || i + 1 >= n || it[i - 1].is != ASK_VALUE || it[i + 1].is != ASK_VALUE || it[i - 1].arg != it[i + 1].arg)
				return fail(s, "Retention is of one event that begins and one that comes back; I do not see how \"%s\" belongs to it.", word);
			break;
		case ASK_USERS: case ASK_NEW:
			rest->users = 1;
			break;
		case ASK_BUYERS:
			rest->buyers = 1;
			break;
		case ASK_ANY: case ASK_VISIT:
			rest->anything = 1;
			break;
		case ASK_HOW_MANY: case ASK_HOW_MUCH:
			s->r->count_first = 1;
			break;
		case ASK_SHARE: case ASK_RATE:
			share = 1;
			break;
		case ASK_WHICH:
			for (int k = i + 1; k < n && (k == i + 1 || it[k - 1].is == ASK_NOTHING); k++)
				which |= it[k].is == ASK_USERS || it[k].is == ASK_BUYERS;
			break;
		case ASK_THAT: case ASK_WHO:
			rest->who = 1;
			lead |= !meaning;
			break;
		case ASK_TREND:
			if (s->r->period)
				return fail(s, "One period or all of them? Say day 7 retention, or weekly retention.");
			break;
		case ASK_NOTHING: case ASK_OF: case ASK_IN: case ASK_FROM: case ASK_TO: case ASK_THEN: case ASK_AND: case ASK_WE: case ASK_ALSO: case ASK_FIRST:
		case ASK_HOW_IS: case ASK_UNIQUE:
			break;
		default:
			return fail(s, "Retention is read of users by what they did first, what they did later, and when; I do not see how \"%s\" belongs to it.", word);
		}
		apart |= it[i].is == ASK_AND || it[i].is == ASK_THEN || it[i].is == ASK_TO || it[i].is == ASK_THAT || it[i].comma;
		meaning |= it[i].is != ASK_NOTHING;
	}
	if ((which || lead) && !share)
		return fail(s, "I count who comes back, and name nobody; ask how many users, or which share of them.");
	if (share)
		s->r->count_first = 0;
	return 1;
}

static int
event_of(struct seeker *s, const struct ask *ask, const struct named *e, int *event)
{
	if (e->events & (e->events - 1)) {
		char text[300];
		int n = snprintf(text, sizeof(text), "\"%.*s\" can be one of several events:", (int)(e->text.n < 60 ? e->text.n : 60), e->text.p);

		for (int i = 0; i < ask->n_events && n < (int)sizeof(text); i++)
			if (e->events >> i & 1)
				n += snprintf(text + n, sizeof(text) - (size_t)n, " %.*s", (int)(ask->event[i].name.n < 60 ? ask->event[i].name.n : 60), ask->event[i].name.p);
		return fail(s, "%s; say which.", text);
	}
	if (!e->events)
		return fail(s, "A stored metric has no users who could come back.");
	*event = __builtin_ctzll(e->events);
	return 1;
}

/* Are the properties those of the event that begins, and asked for where they can be told? 1 or 0. */
static int
check_values(struct seeker *s, const struct ask *ask)
{
	const struct ask_retention *r = s->r;

	if (!r->where.n)
		return 1;
	if (!r->within || r->start < 0)
		return fail(s, "With properties, retention is told within some days of one event: how many users who signed up from one place came back within 7 days.");
	for (int i = 0; i < r->where.n; i++)
		if (!(ask->field[r->where.f[i].field].events >> r->start & 1))
			return fail(s, "No \"%.*s\" event in the store has the property \"%.*s\".", STR_FMT(ask->event[r->start].name), STR_FMT(ask->field[r->where.f[i].field].name));
	return 1;
}

/* Which event begins and which comes back. 1; 0; ASK_NO_RETENTION. */
static int
cast(struct seeker *s, const struct ask *ask, struct rest *rest)
{
	const struct named *e = rest->event;
	int start = -1, back = -1;

	for (int i = 0; i < rest->n && start < 0; i++)          /* within 7 days of signing up */
		if (s->after_step >= 0 && e[i].word >= s->after_step)
			start = i;
	for (int i = 0, others = 0; i < rest->n; i++) {
		if (i == start)
			continue;
		if (s->sign == RETENTION ? start >= 0 || others > 0 : s->sign == CAME_BACK ? e[i].word > s->sign_at : e[i].word < s->sign_at || back < 0)
			back = i;
		others++;
	}
	for (int i = 0; i < rest->n; i++) {
		if (i != back && start < 0)
			start = i;
		if (i != back && i != start && e[i].events != e[start].events)
			return fail(s, "Those are too many events; retention is of one that begins and one that comes back.");
	}
	if ((start >= 0 && !event_of(s, ask, &e[start], &s->r->start)) || (back >= 0 && !event_of(s, ask, &e[back], &s->r->back)))
		return 0;
	if (rest->buyers && s->r->start < 0)
		s->r->start = ask->purchase;
	if (rest->buyers && (ask->purchase < 0 || s->r->start != ask->purchase))
		return fail(s, "Buyers began with a purchase; name one event that begins.");
	if (s->sign == AGAIN && s->r->back < 0 && !rest->anything) {
		if (!rest->buyers)
			return ASK_NO_RETENTION;
		s->r->back = ask->purchase;
	}
	if (s->sign == AGAIN && s->r->start < 0)
		s->r->start = s->r->back;       /* bought again: of those who bought */
	return 1;
}

int
ask_retention_read(struct ask *ask, const struct ask_word *words, int n, int64_t now, const struct zone *zone, struct ask_retention *r, struct buf *why)
{
	struct seeker s = { .w = words, .n = n, .after_step = -1, .r = r, .why = why };
	struct ask_word *left = NULL;
	struct ask_item *items = NULL;
	struct rest *rest = NULL;
	int at[ASK_WORDS], n_left = 0, rc;

	*r = (struct ask_retention){ .start = -1, .back = -1 };
	if (n > ASK_WORDS)
		return ASK_NO_RETENTION;
	seek_sign(&s);
	if (s.sign == NO_SIGN)
		return ASK_NO_RETENTION;
	rc = seek_step(&s);
	if (rc && !s.has_step)
		return ASK_NO_RETENTION;
	left = mem_new(ASK_WORDS * sizeof(*left));
	items = mem_new(ASK_WORDS * sizeof(*items));
	rest = mem_new(sizeof(*rest));
	for (int i = 0; i < n; i++)
		if (!s.gone[i]) {
			left[n_left] = words[i];
			left[n_left].comma |= i > 0 && s.gone[i - 1];   /* no phrase across the cut */
			at[n_left++] = i;
		}
	n_left = ask_items(ask, left, n_left, now, zone, items);
	if (rc == 1)
		rc = sort_out(&s, ask, items, n_left, at, rest);
	if (rc == 1 && s.things && !rest->users && !rest->buyers && !rest->who)
		rc = ASK_NO_RETENTION;
	if (rc == 1 && s.bare_next && !s.past && s.sign != RETENTION)
		rc = ASK_NO_RETENTION;          /* who returns next week lies ahead */
	if (rc == 1)
		rc = cast(&s, ask, rest);
	if (rc == 1)
		rc = check_values(&s, ask);
	free(left);
	free(items);
	free(rest);
	return rc;
}
