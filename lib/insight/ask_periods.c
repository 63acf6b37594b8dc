/* ask_periods.c - the times of a question: one, or two of which the later is compared with the earlier. */
#include <stdio.h>
#include <stdlib.h>

#include "insight/ask_reader.h"

/* ---- pass: periods */

static void
shift_on(const struct ask_reader *rd, const struct ask_period *p, struct ask_period *to)    /* the one that follows */
{
	struct ask_period half = *p;

	*to = *p;
	half.step_ms = -p->step_ms, half.months = -p->months;
	ask_period_before(&half, rd->zone, to);
	to->step_ms = p->step_ms, to->months = p->months;
	snprintf(to->label, sizeof(to->label), "%s", to->to > rd->now ? "since then" : "the period after");
}

static void
this_unit(struct ask_reader *rd, int unit, struct ask_period *to)
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
same_part(struct ask_reader *rd, const int *at, int n, int previous)
{
	struct ask_reading *r = rd->r;
	const struct ask_period *reference = n && at[n - 1] > previous ? &rd->it[at[n - 1]].period : NULL;
	struct ask_period so_far;
	int unit = reference && reference->months == 1 ? 3 : reference && reference->months ? 0 : reference && reference->step_ms == 86400000 ? 1 : 2;

	if (!reference || reference->from == TIME_NONE || n > 2 || (n == 1 && !unit)) {
		ask_fail(rd, "The same period of which week or month? Say this week against the same period last week.");
		return;
	}
	if (n == 2)
		r->period[0] = rd->it[at[0]].period;
	else
		this_unit(rd, unit, &r->period[0]);
	if (r->period[0].from == TIME_NONE || r->period[0].to == TIME_NONE) {
		ask_fail(rd, "A period without a beginning or an end is compared with none.");
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

void
ask_periods(struct ask_reader *rd)
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
		ask_fail(rd, "That names more than two periods; ask about two at a time.");
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
			ask_fail(rd, "The two periods are not as long; ask for as many days before as there are in the first.");
			return;
		}
		if (n == 1 && r->period[0].from != TIME_NONE) {
			ask_period_before(&r->period[0], rd->zone, &r->period[1]);
			r->n_periods = 2;
			r->want_change = 1;
		} else if (n == 0) {
			ask_fail(rd, "Compared with which period? Say this week and last week, or today and yesterday.");
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
		ask_fail(rd, "How many were lost is told by no event here; ask how many there were, against the period before.");
	if (r->n_periods == 0 && has(rd, ASK_CHANGE) && !series)
		ask_fail(rd, "Over which period? It can be read as this week against last week, or as this month against last month.");
	if (has(rd, ASK_CHANGE) && r->n_periods == 2)
		r->want_change = 1;
}
