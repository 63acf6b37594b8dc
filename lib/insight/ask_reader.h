/* ask_reader.h - what the passes over a question's items share; for the files of ask that read.
 *
 *      items ──► ask_join.c      words that belong together become one: zone 3, alarms raised, between 2 and 4
 *            ──► ask_bounds.c    numbers with what they bound
 *            ──► ask_periods.c   times, one or two that are compared
 *            ──► ask_groups.c    by, each, which, top: groups, their order, how many of them
 *            ──► ask_filters.c   values as filters, and what somebody did as conditions
 *            ──► ask_measure.c   what is counted, added up or divided
 *            ──► ask_read.c      all of it in its order, what cannot be asked, and what is left over
 *
 * Each pass takes what it knows: an item is marked used, or goes. Whoever does not see what is meant says so (fail), and nothing is answered.
 */
#ifndef INSIGHT_ASK_READER_H
#define INSIGHT_ASK_READER_H

#include "insight/ask_priv.h"

struct ask_reader {
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
	int added;                      /* items put between those of the question */
};

/* Say once why it cannot be answered. 0. */
int ask_fail(struct ask_reader *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- questions about an item; beside the first and behind the last there is none */

static inline int
is(const struct ask_reader *rd, int i, enum ask_is what)
{
	return i >= 0 && i < rd->n && rd->it[i].is == what;
}

static inline int
find(const struct ask_reader *rd, enum ask_is what, int from)       /* its place, used or not; -1 */
{
	for (int i = from; i < rd->n; i++)
		if (rd->it[i].is == what)
			return i;
	return -1;
}

static inline int
find_new(const struct ask_reader *rd, enum ask_is what, int from)
{
	for (int i = from < 0 ? 0 : from; i < rd->n; i++)
		if (rd->it[i].is == what && !rd->it[i].used)
			return i;
	return -1;
}

static inline int
has(const struct ask_reader *rd, enum ask_is what)
{
	return find(rd, what, 0) >= 0;
}

static inline int
is_people(const struct ask_reader *rd, int i)
{
	return is(rd, i, ASK_USERS) || is(rd, i, ASK_BUYERS) || is(rd, i, ASK_WHO);
}

static inline int
is_text_field(const struct ask_reader *rd, int i)
{
	return is(rd, i, ASK_FIELD) && !rd->ask->field[rd->it[i].arg].number;
}

static inline int
is_number_field(const struct ask_reader *rd, int i)
{
	return is(rd, i, ASK_FIELD) && rd->ask->field[rd->it[i].arg].number;
}

static inline int
people_before(const struct ask_reader *rd, int i)
{
	for (int k = 0; k < i; k++)
		if (is_people(rd, k) || is(rd, k, ASK_SESSIONS) || is(rd, k, ASK_VISIT))
			return 1;
	return 0;
}

static inline int
is_event_word(const struct ask_reader *rd, int i)
{
	return is(rd, i, ASK_EVENT) || is(rd, i, ASK_ANY);
}

static inline int
measure_noun(const struct ask_reader *rd, int i)
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

static inline int
is_plural(const struct ask_item *it)
{
	return it->text.n > 2 &&
	    (it->text.p[it->text.n - 1] == 's' || it->text.p[it->text.n - 1] == 'S' || str_eq(it->text, STR("people")) ||
	    str_eq(it->text, STR("ppl")));
}

static inline void
drop(struct ask_reader *rd, int i)
{
	memmove(&rd->it[i], &rd->it[i + 1], (size_t)(rd->n - i - 1) * sizeof(*rd->it));
	rd->n--;
}

static inline int
is_label(const struct ask_reader *rd, int i)
{
	return is(rd, i, ASK_FIELD) && rd->ask->field[rd->it[i].arg].label && !rd->it[i].value.p;
}

static inline int
is_compare(const struct ask_reader *rd)
{
	return has(rd, ASK_VERSUS) || has(rd, ASK_COMPARE) || has(rd, ASK_THAN) || has(rd, ASK_CHANGE);
}

static inline int
is_superlative(struct ask_reader *rd)
{
	return has(rd, ASK_MOST) || has(rd, ASK_LEAST);
}

static inline int
is_ranked(struct ask_reader *rd)
{
	return has(rd, ASK_TOP) || has(rd, ASK_BOTTOM) || is_superlative(rd) || has(rd, ASK_BEST) || has(rd, ASK_RANKED);
}

/* ---- the passes, in their order; the later ones see what the earlier left */

void ask_join_words(struct ask_reader *);       /* with them go the words without a meaning */
void ask_join_events(struct ask_reader *);
void ask_bounds(struct ask_reader *);
void ask_periods(struct ask_reader *);
void ask_both_values(struct ask_reader *);      /* both of two values of one property: two conditions */
void ask_groups(struct ask_reader *);
void ask_values(struct ask_reader *, int share);
void ask_left_fields(struct ask_reader *);      /* those that nothing has taken */
int ask_measured(struct ask_reader *);          /* 1 or 0, as those below */
int ask_who_did(struct ask_reader *);

/* ---- what they do for one another */

struct ask_filter *ask_filter_add(struct ask_filters *, struct ask_filter);
void ask_filter_add_value(struct ask_filters *, int field, struct str value, int not, int prefix);
int ask_negated(struct ask_reader *, int i);    /* 1: a not stands in front, which is used then */
int ask_rate_of_value(const struct ask_reader *);       /* the value in front of a rate: the pass rate; -1 */
void ask_conditions(struct ask_reader *, int from);     /* of what somebody did, from that item on */
void ask_simplify(struct ask_reading *, struct ask_measure *);  /* one plain condition is a count of users with that event */
int ask_condition_of_event(struct ask_reader *, int at);        /* a new one; at < 0: of anything; -1: no room */
int ask_span_of(const struct ask_reader *);     /* the duration that is meant; -1 */
int ask_field_of_event(const struct ask *, int event);  /* the number that it carries, where it is one; -1 */
int ask_has_group(const struct ask_reading *, int group);
int ask_is_outcome(struct str event);           /* 1: one of several ends that a thing can have, delivery_failed */

#endif
