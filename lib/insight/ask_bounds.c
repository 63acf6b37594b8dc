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

/* More than once, twice, at i: of the event beside it. Both are done with. */
static void
times(struct ask_reader *rd, int i)
{
	int event = near_before(rd, i, ASK_EVENT, 6), arg = rd->it[i].arg;

	if (event < 0 && is(rd, i + 1, ASK_EVENT))
		event = i + 1;
	if (people_before(rd, i) && arg != 1)
		bound_count(rd, ask_condition_of_event(rd, event), arg < 0 ? ASK_EQ : ASK_GE, arg < 0 ? -arg : arg);
	drop(rd, i);
}

/* A number that bounds something, the items from start to before end. */
struct bound {
	int start, end;
	enum ask_op op;
	double number;
	int unit_ms;            /* it is a duration, in these; 0 */
	int money;
	int event;              /* the item behind it, where it is an event; -1 */
};

/* The number with its comparison that begins at i. 1; 0: none does. */
static int
bound_at(const struct ask_reader *rd, int i, struct bound *b)
{
	const struct ask_item *it = rd->it + i;
	int unit = is(rd, i + 1, ASK_DURATION_UNIT), money = is(rd, i + 1, ASK_MONEY_UNIT);

	*b = (struct bound){ .start = i, .event = -1 };
	if (is(rd, i, ASK_OVER) && (((is(rd, i + 1, ASK_UNIT) || is(rd, i + 1, ASK_EVERY)) && it[1].arg <= 1) || unit)) {
		b->op = (enum ask_op)it->arg, b->number = 1, b->end = i + 1;            /* less than a minute, than an hour */
	} else if (is(rd, i, ASK_OVER) && is(rd, i + 1, ASK_NUMBER)) {
		b->op = (enum ask_op)it->arg, b->number = it[1].number, b->money = it[1].money, b->end = i + 2;
	} else if (is(rd, i, ASK_NUMBER) && (is(rd, i + 1, ASK_OR_MORE) || ((unit || money) && is(rd, i + 2, ASK_OR_MORE)))) {
		b->end = is(rd, i + 1, ASK_OR_MORE) ? i + 2 : i + 3;
		b->op = (enum ask_op)rd->it[b->end - 1].arg, b->number = it->number, b->money = it->money || money;
		b->unit_ms = unit ? it[1].arg : 0;
	} else if (is(rd, i, ASK_NUMBER) && !it->ordinal && is(rd, i + 1, ASK_EVENT) && people_before(rd, i) && near_before(rd, i, ASK_TOP, 2) < 0) {
		b->op = ASK_EQ, b->number = it->number, b->end = i + 1;                 /* users with 3 purchases */
	} else {
		return 0;
	}
	return 1;
}

/* The unit behind it, and "or more". 1; 0: failed. */
static int
bound_unit(struct ask_reader *rd, struct bound *b)
{
	int end = b->end;

	if (is(rd, end, ASK_DURATION_UNIT))
		b->unit_ms = rd->it[end++].arg;
	else if ((is(rd, end, ASK_UNIT) || (is(rd, end, ASK_EVERY) && end == b->start + 1)) && rd->it[end].arg <= 1)
		b->unit_ms = rd->it[end++].arg ? 3600000 : 60000;
	else if (is(rd, end, ASK_MONEY_UNIT))
		b->money = 1, end++;
	else if ((is(rd, end, ASK_HOW_MANY) && rd->it[end].arg == 1) || is(rd, end, ASK_PLAIN_UNIT))     /* 3 times, 25 degrees */
		end++;
	if (is(rd, end, ASK_SHARE) && is(rd, end - 1, ASK_NUMBER))
		return ask_fail(rd, "I do not know whether %g percent is written %g or %g there; say the number alone.", b->number, b->number,
		    b->number / 100);
	if (is(rd, end, ASK_OR_MORE))
		b->op = (enum ask_op)rd->it[end++].arg;
	b->event = is(rd, end, ASK_EVENT) ? end : -1;
	b->end = end;
	return 1;
}

static void
bound_field(struct ask_reader *rd, const struct bound *b, int field, double number)
{
	ask_filter_add(&rd->r->where, (struct ask_filter){ .field = field, .is_number = 1, .op = b->op, .number = number });
}

/* Longer than 10 seconds. 1; 0: failed. */
static int
bound_duration(struct ask_reader *rd, const struct bound *b)
{
	int field = span_named(rd, b->start);
	double of_field;

	if (is(rd, 0, ASK_SESSIONS) || (near_before(rd, b->start, ASK_SESSIONS, 4) >= 0 && near_before(rd, b->start, ASK_EVENT, 4) < 0))
		return ask_fail(rd, "I cannot bound the length of a session; ask for its average, or for events longer than that.");
	if (field < 0)
		return ask_fail(rd, "No event here has a duration.");
	of_field = rd->ask->field[field].unit_ms;
	bound_field(rd, b, field, b->number * b->unit_ms / (of_field > 0 ? of_field : 1));
	return 1;
}

/* What users did so often, or spent: only after people. 1; 0: it is not of that kind. */
static int
bound_of_people(struct ask_reader *rd, const struct bound *b)
{
	int spent = near_before(rd, b->start, ASK_SPEND, 3), c;

	if (!people_before(rd, b->start))
		return 0;
	if (spent < 0)
		spent = near_before(rd, b->start, ASK_MONEY, 3);
	if (spent >= 0) {
		if ((c = ask_condition_of_event(rd, -1)) >= 0)
			rd->r->condition[c].sum = 1;
		bound_count(rd, c, b->op, b->number);
		rd->it[spent].used = 1;
	} else if (b->event >= 0) {
		bound_count(rd, ask_condition_of_event(rd, b->event), b->op, b->number);
	} else {
		return 0;
	}
	return 1;
}

/* What is bound, by what stands around it. 1; 0: failed. */
static int
bound_meant(struct ask_reader *rd, struct bound *b)
{
	const struct ask *ask = rd->ask;
	int start = b->start, end = b->end, people = people_before(rd, start);
	int event = near_before(rd, start, ASK_EVENT, 4), field = near_before(rd, start, ASK_FIELD, 3), order_value = near_before(rd, start, ASK_ORDER_VALUE, 3);

	if (b->unit_ms)
		return bound_duration(rd, b);
	if ((is_number_field(rd, end) || is_label(rd, end)) && !(rd->it[end].arg == ask->money && people)) {       /* of more than 5 items */
		bound_field(rd, b, rd->it[end].arg, b->number);
		if (is(rd, start - 1, ASK_OF))
			drop(rd, --b->start), b->end--;
		b->end++;
	} else if (bound_of_people(rd, b)) {
		;
	} else if (is(rd, end, ASK_SESSIONS) && people) {
		return ask_fail(rd, "I cannot bound the sessions of a user; ask for sessions per user.");
	} else if ((b->event >= 0 || is_people(rd, end) || is(rd, end, ASK_SESSIONS) || is(rd, end, ASK_MONEY)) && groups_before(rd, start)) {
		rd->r->having = 1, rd->r->having_op = b->op, rd->r->having_number = b->number;
	} else if (event >= 0 && people && !b->money && order_value < 0 && !is_number_field(rd, start - 1)) {
		bound_count(rd, ask_condition_of_event(rd, event), b->op, b->number);   /* bought more than 3 times */
	} else if (is_number_field(rd, field) || is_label(rd, field)) {
		if (rd->average && rd->agg_at == field && groups_before(rd, field))
			return ask_fail(rd, "I bound what an event has, and how many of them a group has, no average of a group; ask for the average of each.");
		bound_field(rd, b, rd->it[field].arg, b->number);
		rd->it[field].used = 1;
	} else if (ask->money >= 0 && (b->money || order_value >= 0 || (event >= 0 && rd->it[event].arg == ask->purchase))) {
		bound_field(rd, b, ask->money, b->number);
		if (near_before(rd, start, ASK_ORDER_VALUE, 1) >= 0)
			rd->it[start - 1].used = 1;
	} else {
		return ask_fail(rd, "I do not see what is to be compared with %g.", b->number);
	}
	return 1;
}

void
ask_bounds(struct ask_reader *rd)
{
	for (int i = 0; i < rd->n; i++) {
		struct bound b;

		if (is(rd, i, ASK_TIMES)) {
			times(rd, i--);
		} else if (is(rd, i, ASK_OVER) && is(rd, i + 1, ASK_TIMES) && rd->it[i + 1].arg < 0) {
			if (!more_than_times(rd, i--))
				return;
		} else if (bound_at(rd, i, &b)) {
			if (!bound_unit(rd, &b) || !bound_meant(rd, &b))
				return;
			if (is(rd, b.start - 1, ASK_OR) || is(rd, b.end, ASK_OR)) {     /* over 100 or under 20: all bounds hold at once */
				ask_fail(rd, "I do not see what the \"or\" goes between; ask for one and for the other.");
				return;
			}
			for (int k = b.end; k > b.start; k--)           /* its words are done with; the event stays to be seen */
				drop(rd, b.start);
			i = b.start - 1;
		} else {
			i -= exact_number(rd, i);
		}
	}
}
