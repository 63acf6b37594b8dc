/* ask_bounds.c - numbers with what they bound: more than 3 purchases, orders over $50, longer than 10 seconds, with status 500. */
#include <stdio.h>
#include <stdlib.h>

#include "insight/ask_reader.h"

/* ---- pass: bounds, "more than 3 purchases", "orders over $50", "longer than 10 seconds" */

int
ask_condition_of_event(struct ask_reader *rd, int at)           /* the condition made of the event item; made when there is none */
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
near_before(const struct ask_reader *rd, int i, enum ask_is what, int back)
{
	for (int k = i - 1; k >= 0 && k >= i - back; k--)
		if (rd->it[k].is == what)
			return k;
	return -1;
}

static int
groups_before(const struct ask_reader *rd, int i)
{
	for (int k = 0; k < i; k++)
		if (is_text_field(rd, k) || is(rd, k, ASK_UNIT))
			return 1;
	return 0;
}

/* The duration that is meant: that of the event that is named, where it has one. */
int
ask_span_of(const struct ask_reader *rd)
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
span_named(struct ask_reader *rd, int before)
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
	return n == 1 ? only : ask_span_of(rd);
}

/* The amount that the event at i carries, where it is one; -1. */
static int
is_amount_of(const struct ask_reader *rd, int i)
{
	int field = ask_field_of_event(rd->ask, rd->it[i].arg);

	return field >= 0 && rd->ask->field[field].role == ASK_AMOUNT ? field : -1;
}

/* So often, the condition c. */
static void
bound_count(struct ask_reader *rd, int c, enum ask_op op, double v)
{
	if (c >= 0)
		rd->r->condition[c].has_count = 1, rd->r->condition[c].op = op, rd->r->condition[c].count = v;
}

/* More than twice, at i. 1; 0: who did what is not said. */
static int
more_than_times(struct ask_reader *rd, int i)
{
	int event = near_before(rd, i, ASK_EVENT, 4);

	if (!people_before(rd, rd->n) || event < 0)
		return ask_fail(rd, "Who did what so often? Say users who bought more than twice.");
	bound_count(rd, ask_condition_of_event(rd, event), (enum ask_op)rd->it[i].arg, -rd->it[i + 1].arg);
	drop(rd, i + 1);
	drop(rd, i);
	return 1;
}

/* The number at i is what a property is, without a word that compares. 1, and it is done with. */
static int
exact_number(struct ask_reader *rd, int i)
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
	ask_filter_add(&rd->r->where, (struct ask_filter){ .field = field, .is_number = 1, .op = ASK_EQ, .number = rd->it[i].number });
	drop(rd, i);
	return 1;
}

void
ask_bounds(struct ask_reader *rd)
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
			bound_count(rd, ask_condition_of_event(rd, event), rd->it[i].arg < 0 ? ASK_EQ : ASK_GE, rd->it[i].arg < 0 ? -rd->it[i].arg : rd->it[i].arg);
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
		else if ((is(rd, end, ASK_HOW_MANY) && rd->it[end].arg == 1) || is(rd, end, ASK_PLAIN_UNIT))     /* 3 times, 25 degrees */
			end++;
		if (is(rd, end, ASK_SHARE) && is(rd, end - 1, ASK_NUMBER)) {
			ask_fail(rd, "I do not know whether %g percent is written %g or %g there; say the number alone.", v, v, v / 100);
			return;
		}
		if (is(rd, end, ASK_OR_MORE))
			op = (enum ask_op)rd->it[end++].arg;
		event = is(rd, end, ASK_EVENT) ? end : -1;
		if (unit) {
			int field = span_named(rd, start);

			if (is(rd, 0, ASK_SESSIONS) || (near_before(rd, start, ASK_SESSIONS, 4) >= 0 && near_before(rd, start, ASK_EVENT, 4) < 0)) {
				ask_fail(rd, "I cannot bound the length of a session; ask for its average, or for events longer than that.");
				return;
			}
			if (field < 0) {
				ask_fail(rd, "No event here has a duration.");
				return;
			}
			ask_filter_add(&r->where, (struct ask_filter){ .field = field, .is_number = 1, .op = op,
			    .number = v * unit / (rd->ask->field[field].unit_ms > 0 ? rd->ask->field[field].unit_ms : 1) });
		} else if ((is_number_field(rd, end) || is_label(rd, end)) && !(rd->it[end].arg == rd->ask->money && people_before(rd, start))) {       /* of more than 5 items */
			ask_filter_add(&r->where, (struct ask_filter){ .field = rd->it[end].arg, .is_number = 1, .op = op, .number = v });
			if (is(rd, start - 1, ASK_OF))
				drop(rd, --start), end--;
			end++;
		} else if ((near_before(rd, start, ASK_SPEND, 3) >= 0 && people_before(rd, start)) ||
		    (near_before(rd, start, ASK_MONEY, 3) >= 0 && people_before(rd, start))) {
			int k = near_before(rd, start, ASK_SPEND, 3);

			if ((c = ask_condition_of_event(rd, -1)) >= 0)
				r->condition[c].sum = 1;
			bound_count(rd, c, op, v);
			rd->it[k >= 0 ? k : near_before(rd, start, ASK_MONEY, 3)].used = 1;
		} else if (event >= 0 && people_before(rd, start)) {
			bound_count(rd, ask_condition_of_event(rd, event), op, v);
		} else if (is(rd, end, ASK_SESSIONS) && people_before(rd, start)) {
			ask_fail(rd, "I cannot bound the sessions of a user; ask for sessions per user.");
			return;
		} else if ((event >= 0 || is_people(rd, end) || is(rd, end, ASK_SESSIONS) || is(rd, end, ASK_MONEY)) && groups_before(rd, start)) {
			r->having = 1, r->having_op = op, r->having_number = v;
		} else if (near_before(rd, start, ASK_EVENT, 4) >= 0 && people_before(rd, start) && !money &&
		    near_before(rd, start, ASK_ORDER_VALUE, 3) < 0 && !is_number_field(rd, start - 1)) {
			bound_count(rd, ask_condition_of_event(rd, near_before(rd, start, ASK_EVENT, 4)), op, v);     /* bought more than 3 times */
		} else if (near_before(rd, start, ASK_FIELD, 3) >= 0 && (is_number_field(rd, near_before(rd, start, ASK_FIELD, 3)) || is_label(rd, near_before(rd, start, ASK_FIELD, 3)))) {
			int k = near_before(rd, start, ASK_FIELD, 3);

			if (rd->average && rd->agg_at == k && groups_before(rd, k)) {
				ask_fail(rd, "I bound what an event has, and how many of them a group has, no average of a group; ask for the average of each.");
				return;
			}

			ask_filter_add(&r->where, (struct ask_filter){ .field = rd->it[k].arg, .is_number = 1, .op = op, .number = v });
			rd->it[k].used = 1;
		} else if (rd->ask->money >= 0 &&
		    (money || near_before(rd, start, ASK_ORDER_VALUE, 3) >= 0 || (near_before(rd, start, ASK_EVENT, 4) >= 0 &&
		    rd->it[near_before(rd, start, ASK_EVENT, 4)].arg == rd->ask->purchase))) {
			ask_filter_add(&r->where, (struct ask_filter){ .field = rd->ask->money, .is_number = 1, .op = op, .number = v });
			if (near_before(rd, start, ASK_ORDER_VALUE, 1) >= 0)
				rd->it[start - 1].used = 1;
		} else {
			ask_fail(rd, "I do not see what is to be compared with %g.", v);
			return;
		}
		if (is(rd, start - 1, ASK_OR) || is(rd, end, ASK_OR)) {        /* over 100 or under 20: all bounds hold at once */
			ask_fail(rd, "I do not see what the \"or\" goes between; ask for one and for the other.");
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
