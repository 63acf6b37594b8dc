/* ask_groups.c - by, each, which, top, most: what a question's answer is grouped by, in which order, and how many of it are wanted. */
#include <stdio.h>
#include <stdlib.h>

#include "insight/ask_reader.h"

/* ---- pass: groups */

int
ask_has_group(const struct ask_reading *r, int g)
{
	for (int i = 0; i < r->n_groups; i++)
		if (r->group[i] == g)
			return 1;
	return 0;
}

static void
add_group_of(struct ask_reader *rd, const struct ask_item *it)
{
	struct ask_reading *r = rd->r;
	int g = it->is == ASK_FIELD ? it->arg : it->is == ASK_SESSIONS ? -2 : it->is == ASK_ALL_EVENTS || it->is == ASK_EVENT ? -5 : -1;

	if (it->is == ASK_FIELD && it->value.p)
		ask_filter_add_value(&r->where, it->arg, it->value, 0, 1);
	if (it->is == ASK_BUYERS && r->n_conditions < ASK_LIST && rd->ask->purchase >= 0)
		r->m.events |= 1ull << rd->ask->purchase;
	if (!ask_has_group(r, g) && r->n_groups == 4)
		ask_fail(rd, "That asks for more than 4 groups within each other; ask for fewer.");
	else if (!ask_has_group(r, g))
		r->group[r->n_groups++] = g;
}

static void
add_group(struct ask_reader *rd, int i)
{
	rd->it[i].used = 1;
	add_group_of(rd, &rd->it[i]);
}

/* The property that begins the event's name and is of the event, feature of feature_used; -1. */
static int
has_group_in_name(const struct ask_reader *rd, int i)
{
	const struct ask *ask = rd->ask;
	const int event = rd->it[i].arg;

	for (int f = 0; f < ask->n_fields && event < ask->n_events; f++) {
		struct str name = ask->field[f].name;

		if (!ask->field[f].number && ask->field[f].events >> event & 1 && ask->event[event].name.n > name.n &&
		    strncasecmp(ask->event[event].name.p, name.p, name.n) == 0 && strchr("_- .", ask->event[event].name.p[name.n]))
			return f;
	}
	return -1;
}

static void
set_unit(struct ask_reader *rd, int i)
{
	rd->r->unit = rd->it[i].arg + 1;
	rd->it[i].used = 1;
}

static int
is_skipped(const struct ask_reader *rd, int i)              /* between which and what it asks for */
{
	return is(rd, i, ASK_NOTHING) || is(rd, i, ASK_OF) || is(rd, i, ASK_IN) || is(rd, i, ASK_WE) || is(rd, i, ASK_UNIQUE) ||
	    is(rd, i, ASK_NUMBER) || is(rd, i, ASK_TOP) ||
	    is(rd, i, ASK_BOTTOM) || is(rd, i, ASK_MOST) || is(rd, i, ASK_LEAST) || is(rd, i, ASK_BEST) || is(rd, i, ASK_FIRST) ||
	    is(rd, i, ASK_ACTIVE) || is(rd, i, ASK_USED);
}

/* Order, and how many rows. */
static void
rank_words(struct ask_reader *rd)
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

static int
is_counted_before(const struct ask_reader *rd, int i)
{
	for (int k = 0; k < i; k++)
		if (is(rd, k, ASK_EVENT) || is_people(rd, k) || is(rd, k, ASK_SESSIONS) || is(rd, k, ASK_ALL_EVENTS))
			return !rd->average;
	return 0;
}

/* By country and device, per device, each page. */
static void
groups_behind_by(struct ask_reader *rd)
{
	struct ask_reading *r = rd->r;
	int ranked = is_ranked(rd);

	for (int i = 0; i < rd->n; i++) {
		int k = i + 1;

		if (!is(rd, i, ASK_BY) && !is(rd, i, ASK_PER))
			continue;
		while (is(rd, k, ASK_NOTHING) || is(rd, k, ASK_WE) || is(rd, k, ASK_BOTH) || is(rd, k, ASK_UNIQUE) || is(rd, k, ASK_BY) ||
		    (is(rd, k, ASK_ACTIVE) && is(rd, k + 1, ASK_USERS)))
			k++;
		for (int first = 1; k < rd->n; first = 0) {
			if (!first && !is(rd, k, ASK_AND) && !rd->it[k].comma && !is(rd, k, ASK_BY))
				break;
			while (!first && (is(rd, k, ASK_AND) || is(rd, k, ASK_BY) || is(rd, k, ASK_NOTHING)))
				k++;
			if (is_text_field(rd, k) && !rd->it[k].used) {
				add_group(rd, k);
			} else if (is_number_field(rd, k) && !ranked && is(rd, i, ASK_BY) && !rd->ask->field[rd->it[k].arg].stored && rd->ask->field[rd->it[k].arg].role == ASK_PLAIN && is_counted_before(rd, i)) {
				add_group(rd, k);               /* reviews by rating */
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
			} else if (is(rd, k, ASK_EVENT) && first && is(rd, i, ASK_BY) && !ranked && has_group_in_name(rd, k) >= 0) {
				struct ask_item field = { .is = ASK_FIELD, .arg = has_group_in_name(rd, k) };   /* each feature used */

				add_group_of(rd, &field);
				rd->it[i].used = 1;
				break;
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
groups_asked_for(struct ask_reader *rd)
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
		    !ask_has_group(r, -1) && r->n_groups < 4) {
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
people_asked_for(struct ask_reader *rd)
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
units_left(struct ask_reader *rd)
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
				ask_filter_add(&r->where, (struct ask_filter){ .field = -4, .not = rd->it[i].arg == 4 });
			} else if (rd->it[i].arg >= ASK_SUNDAYS) {
				static const char *const days[] = { "0", "1", "2", "3", "4", "5", "6" };

				ask_filter_add_value(&r->where, -4, str_of(days[rd->it[i].arg - ASK_SUNDAYS]), ask_negated(rd, i), 0);
			} else {
				for (size_t k = 0; k < sizeof(hours) / sizeof(*hours); k++)
					if (hours[k].part == rd->it[i].arg) {
						ask_filter_add(&r->where, (struct ask_filter){ .field = -3, .is_number = 1, .op = ASK_GE,
						    .number = hours[k].from });
						ask_filter_add(&r->where, (struct ask_filter){ .field = -3, .is_number = 1, .op = ASK_LT,
						    .number = hours[k].to });
					}
			}
			rd->it[i].used = 1;
		}
		if (is(rd, i, ASK_TREND) && !rd->it[i].used)
			rd->it[i].used = 1;
		if (is(rd, i, ASK_HOURS) && !rd->it[i].used) {
			ask_filter_add(&r->where, (struct ask_filter){ .field = -3, .is_number = 1, .op = ASK_GE, .number = rd->it[i].number });
			ask_filter_add(&r->where, (struct ask_filter){ .field = -3, .is_number = 1, .op = ASK_LT, .number = rd->it[i].ordinal });
			rd->it[i].used = 1;
		}
	}
}

/* Over time: steps that give a line. */
static void
steps_of_trend(struct ask_reader *rd)
{
	struct ask_reading *r = rd->r;

	if (has(rd, ASK_MOST) && has(rd, ASK_LEAST))
		ask_fail(rd, "The most and the least are two answers; ask for one after the other.");
	if (has(rd, ASK_TREND) && !r->unit && !r->part) {
		const struct ask_period *p = &r->period[0];
		int64_t span = r->n_periods == 1 && p->from != TIME_NONE ? p->to - p->from : 60 * 86400000LL;

		r->unit = span <= 3 * 86400000LL ? 2 : span <= 120 * 86400000LL ? 3 : 5;
		if (r->n_periods == 2)
			r->n_periods = 1;
	}
}

void
ask_groups(struct ask_reader *rd)
{
	int by;

	rank_words(rd);
	groups_behind_by(rd);
	by = rd->r->n_groups;
	groups_asked_for(rd);
	if (by && rd->r->n_groups > by && rd->r->rank)
		ask_fail(rd, "The first of each group is an order for each of them; ask for one of the groups, or for both without an order.");
	people_asked_for(rd);
	units_left(rd);
	steps_of_trend(rd);
}

/* A field that nothing has taken: how many countries; else a group. */
void
ask_left_fields(struct ask_reader *rd)
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
		if ((is(rd, k, ASK_NOT) || (is(rd, k, ASK_USED) && is(rd, k - 1, ASK_NOT))) && !grouped && !rd->it[i].value.p) {        /* not using a voucher */
			ask_filter_add(&r->where, (struct ask_filter){ .field = rd->it[i].arg, .is_null = 1 });
			rd->it[i].used = rd->it[k].used = rd->it[k - is(rd, k, ASK_USED)].used = 1;
			continue;
		}
		if (is(rd, k, ASK_USED) && !grouped && (has(rd, ASK_HOW_MANY) || has(rd, ASK_SHARE)) &&
		    (!has(rd, ASK_WHICH) || is(rd, find(rd, ASK_WHICH, 0) + 1, ASK_SHARE))) {       /* used a voucher */
			ask_filter_add(has(rd, ASK_SHARE) ? &r->m.where : &r->where, (struct ask_filter){ .field = rd->it[i].arg, .is_null = 1, .not = 1 });
			rd->it[i].used = 1;
			continue;
		}
		if (is(rd, k, ASK_WITHOUT) || is(rd, k, ASK_WITH)) {    /* without a campaign */
			if (is(rd, k, ASK_WITH) && r->having) {
				add_group(rd, i);
				continue;
			}
			if (is(rd, k, ASK_WITHOUT) || !grouped) {
				ask_filter_add(&r->where, (struct ask_filter){ .field = rd->it[i].arg, .is_null = 1, .not = is(rd, k, ASK_WITH) });
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
				ask_filter_add_value(&r->where, rd->it[i].arg, rd->it[i].value, 0, 1);
			continue;
		}
		if (rd->it[i].value.p && grouped) {             /* views of product pages by country */
			ask_filter_add_value(&r->where, rd->it[i].arg, rd->it[i].value, 0, 1);
			rd->it[i].used = 1;
			continue;
		}
		if (rd->it[i].value.p && !r->rank &&
		    (is(rd, i - 1, ASK_OF) || is(rd, i - 1, ASK_IN) || is(rd, i + 1, ASK_EVENT) || is(rd, i - 1, ASK_EVENT) ||
		    is(rd, i - 1, ASK_NOTHING))) {
			ask_filter_add_value(&r->where, rd->it[i].arg, rd->it[i].value, 0, 1);
			rd->it[i].used = 1;
			continue;
		}
		add_group(rd, i);
		r->plural |= is_plural(&rd->it[i]);
	}
}
