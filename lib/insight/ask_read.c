/* ask_read.c - items to a reading: the passes in their order, what cannot be asked, and what is left over, which is an answer to another question.
 *
 * Where two readings are as likely it asks back and names both.
 */
#include <stdio.h>
#include <stdlib.h>

#include "insight/ask_reader.h"

int
ask_fail(struct ask_reader *rd, const char *fmt, ...)
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
is_too_much(const struct ask_reader *rd)            /* more than a reading holds, of which none may be left out */
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
refuse(struct ask_reader *rd)
{
	char word[80];
	int i;

	if (is_too_much(rd)) {
		ask_fail(rd, "That names more than %d values or events; ask about fewer at a time.", ASK_LIST);
	} else if (find(rd, ASK_WHY, 0) >= 0) {
		ask_fail(rd, "I count what happened, I cannot tell reasons. What a change came from: at-insight explain METRIC.");
	} else if (find(rd, ASK_FUTURE, 0) >= 0) {
		ask_fail(rd, "The store holds what has been, not what will be. What comes next: at-insight forecast METRIC.");
	} else if ((i = find(rd, ASK_WRITE, 0)) >= 0) {
		ask_item_text(&rd->it[i], word);
		ask_fail(rd, "I only read: \"%s\" is nothing I can do, or it is nothing that an event here tells of.", word);
	} else if ((i = find(rd, ASK_OPINION, 0)) >= 0) {
		ask_item_text(&rd->it[i], word);
		ask_fail(rd, "\"%s\": the events say what was done, not what anybody thinks of it.", word);
	} else if ((i = find(rd, ASK_UNKNOWN, 0)) >= 0) {
		rd->failed = 1;
		return ask_say_unknown(&rd->it[i], rd->why);
	} else {
		return 1;
	}
	return ASK_NEVER;
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
check_stored(struct ask_reader *rd)
{
	const struct ask *ask = rd->ask;
	struct ask_reading *r = rd->r;
	int stored = ask_is_stored(ask, &r->m), foreign = -1, bound = -1;

	for (int i = 0; i < r->n_groups + r->where.n + r->m.where.n; i++) {
		int field = i < r->n_groups ? r->group[i] : i < r->n_groups + r->where.n ? r->where.f[i - r->n_groups].field : r->m.where.f[i - r->n_groups - r->where.n].field;
		const struct ask_measure of = { .of = ASK_DISTINCT_FIELD, .field = field };

		if (stored && field < 0 && field != -3 && field != -4)
			return ask_fail(rd, "A stored metric has labels, but no users, sessions or events.");
		if (field >= 0 && !stored && ask_is_stored(ask, &of))
			foreign = field;
		if (field < 0 || !ask->field[field].stored)
			continue;
		if (r->m.of == ASK_OF_FIELD ? field != r->m.field : ask->field[field].part.p || (bound >= 0 && bound != field))
			return ask_fail(rd, "\"%.*s\" is no property of another metric; ask for one of them.", STR_FMT(ask->field[field].name));
		bound = field;
	}
	if (foreign >= 0 || (!stored && r->ratio && ask_is_stored(ask, &r->base)))
		return ask_fail(rd, "\"%.*s\" is of stored metrics, and no property of events.", STR_FMT(ask->field[foreign >= 0 ? foreign : r->base.field].name));
	if (!stored)
		return 1;
	if (bound >= 0 && r->m.of == ASK_DISTINCT_FIELD)        /* hosts whose cpu was over 80: of its rows */
		r->m.events = ask->field[bound].events;
	if (r->n_conditions || r->funnel || r->edge || r->by_session || (r->ratio && r->per) || (r->ratio && !ask_is_stored(ask, &r->base)))
		return ask_fail(rd, "A stored metric has labels, but no users, sessions or events.");
	if (r->m.of == ASK_OF_FIELD && r->m.agg == ASK_SUM && ask->field[r->m.field].role != ASK_AMOUNT)
		return ask_fail(rd, "\"%.*s\" is measured again and again, which adds up to nothing; ask for its average, its least or its greatest.", STR_FMT(ask->field[r->m.field].name));
	return 1;
}

/* The counts and sums of a ratio: of events that lack a property there would be none, 0 %, or all of none. */
static int
check_parts(struct ask_reader *rd, const struct ask_measure *m)
{
	const struct ask *ask = rd->ask;
	const struct ask_reading *r = rd->r;
	int e;

	if (m->of == ASK_DISTINCT_FIELD || m->of == ASK_COUNT_GROUPS || !m->events || (m->events & (m->events - 1)) || ask_is_stored(ask, m))
		return 1;
	e = __builtin_ctzll(m->events);
	for (int i = 0; i < r->n_groups + r->where.n + m->where.n; i++) {
		const struct ask_filter *f = i < r->n_groups ? NULL : i < r->n_groups + r->where.n ? &r->where.f[i - r->n_groups] : &m->where.f[i - r->n_groups - r->where.n];
		int field = f ? f->is_null ? -1 : f->field : r->group[i];

		if (field >= 0 && !(ask->field[field].events >> e & 1))
			return ask_fail(rd, "No \"%.*s\" event in the store has the property \"%.*s\".", STR_FMT(ask->event[e].name), STR_FMT(ask->field[field].name));
	}
	return 1;
}

/* What stands on one side of an or: its item, over words that only join; -1. */
static int
side_of_or(const struct ask_reader *rd, int or, int step)
{
	for (int i = or + step; i >= 0 && i < rd->n; i += step)
		if (is(rd, i, ASK_VALUE) || is(rd, i, ASK_FIELD) || is(rd, i, ASK_PART) || is(rd, i, ASK_HOURS))
			return i;
		else if (!is(rd, i, ASK_IN) && !is(rd, i, ASK_FROM) && !is(rd, i, ASK_OF) && !is(rd, i, ASK_BY) && !is(rd, i, ASK_USED) && !is(rd, i, ASK_WITH) && !is(rd, i, ASK_WITHOUT) &&
		    !(is(rd, i, ASK_EVENT) && rd->it[i].verb && (rd->r->m.events >> rd->it[i].arg & 1)) && !is(rd, i, ASK_NOT) && !is(rd, i, ASK_SPEND) && !is(rd, i, ASK_THAT) && !is(rd, i, ASK_WE))
			return -1;
	return -1;
}

/* From France or paid by invoice: values of two properties, where filters are all of them otherwise. With a third it is not said what goes with
 * what, and of others than values neither. 1; 0: it is asked back. */
static int
alternatives(struct ask_reader *rd)
{
	struct ask_filters *where = &rd->r->where;

	for (int i = 0; i < rd->n; i++) {
		int a = is(rd, i, ASK_OR) ? side_of_or(rd, i, -1) : -1, b = is(rd, i, ASK_OR) ? side_of_or(rd, i, 1) : -1;

		if (b < 0 || (a >= 0 && is(rd, a, ASK_VALUE) && is(rd, b, ASK_VALUE) && rd->it[a].arg == rd->it[b].arg) ||
		    (is(rd, a, ASK_PART) && is(rd, b, ASK_PART) && rd->it[a].arg >= ASK_SUNDAYS && rd->it[b].arg >= ASK_SUNDAYS))
			continue;
		if (!is(rd, a, ASK_VALUE) || !is(rd, b, ASK_VALUE) || is_compare(rd) || has(rd, ASK_COMPARATIVE) || has(rd, ASK_BEST) || is_ranked(rd) || where->n != 2 || where->f[0].not || where->f[1].not || rd->r->m.where.n || rd->r->n_conditions ||
		    where->f[0].field != rd->it[a].arg || where->f[1].field != rd->it[b].arg)
			return ask_fail(rd, "I do not see what the \"or\" goes between; ask for one and for the other.");
		where->f[1].or = 1;
	}
	return 1;
}

/* An item that nothing was made of: whether the answer is what was asked without it. 1; 0: no, and failed. */
static int
check_left(struct ask_reader *rd, int i)
{
	const struct ask_reading *r = rd->r;
	const struct ask_item *it = &rd->it[i];
	char word[80];

	ask_item_text(it, word);
	switch (it->is) {
	case ASK_EVENT: case ASK_METRIC: case ASK_FIELD: case ASK_VALUE: case ASK_MONEY: case ASK_ORDER_VALUE: case ASK_SPEND:
		if ((it->is == ASK_SPEND && r->m.of == ASK_OF_FIELD) || (it->is == ASK_EVENT && (r->m.events >> it->arg & 1)))
			return 1;
		return ask_fail(rd, "I do not see how \"%s\" belongs to the rest of that question; put it in other words.", word);
	case ASK_NUMBER: case ASK_TIMES: case ASK_OVER: case ASK_DURATION_UNIT:
		if ((it->is == ASK_OVER &&
		    (str_eq(it->text, STR("over")) || str_eq(it->text, STR("exactly")) || str_eq(it->text, STR("up to")))) ||
		    (it->is == ASK_DURATION_UNIT && is(rd, i - 1, ASK_IN)))
			return 1;
		/* revenue 4 germany */
		if (it->is == ASK_NUMBER && (it->number == 4 || it->number == 2) && it->text.n == 1 &&
		    (is(rd, i + 1, ASK_VALUE) || is(rd, i + 1, ASK_PERIOD)))
			return 1;
		return ask_fail(rd, "I do not see what \"%s\" is a number of; put it in other words.", word);
	case ASK_RETURNING: case ASK_NEW: case ASK_FIRST: case ASK_LAST:
		return ask_fail(rd, "\"%s\" can be read in two ways: by their first event, or by how many sessions they had. Say users with at least 2 purchases, or signups.", word);
	case ASK_UNIQUE:
		if (is(rd, i + 1, ASK_EVENT) && !rd->it[i + 1].comma && r->m.of == ASK_COUNT)
			return ask_fail(rd, "\"%s\" by which property? Say how many different values of it, or how many users.", word);
		return 1;
	case ASK_PER:
		return ask_fail(rd, "I do not see what \"%s\" divides by; say per user, per session or per day.", word);
	case ASK_BY:
		if ((str_eq(it->text, STR("each")) || str_eq(it->text, STR("every"))) && is(rd, i + 1, ASK_EVENT))
			return ask_fail(rd, "I do not see what \"%s\" is of; say by which property.", word);
		return 1;
	case ASK_NOT: case ASK_WITHOUT:
		return ask_fail(rd, "I do not see what \"%s\" leaves out; put it in other words.", word);
	case ASK_BEST:
		if (r->n_groups || r->unit || r->part || r->n_periods == 2)
			return 1;
		return ask_fail(rd, "\"%s\" by what? Say by revenue, by users or by conversion rate.", word);
	case ASK_ANY:
		if (r->m.of == ASK_COUNT || (r->m.of == ASK_OF_FIELD && it->arg == 1))
			return ask_fail(rd, "I do not see what \"%s\" is of; put it in other words.", word);
		return 1;
	case ASK_USERS: case ASK_BUYERS: case ASK_SESSIONS:
		if (it->is == ASK_BUYERS ? r->m.events != 0 : !has(rd, ASK_VERSUS))     /* purchases of customers */
			return 1;
		return ask_fail(rd, "Those are two measures; ask for one after the other.");
	case ASK_NOW:
		if (r->n_periods)
			return 1;
		return ask_fail(rd, "Now is a moment; say today, or in the last hour.");
	case ASK_UNIT: case ASK_PART:
		return ask_fail(rd, "I do not see what \"%s\" has to do with it; say per day, or a period.", word);
	default:
		return 1;
	}
}

/* The shares' parts, the steps' too: each is looked for in the group. */
static int
check_ratio(struct ask_reader *rd)
{
	struct ask_reading *r = rd->r;

	if (r->ratio == 1 && !r->n_conditions && r->m.of == r->base.of && r->m.events == r->base.events && r->m.field == r->base.field &&
	    r->m.agg == r->base.agg && !r->m.where.n && !r->base.where.n)
		return ask_fail(rd, "A share of which part? Say from where, on what, or by what.");
	if (r->ratio && !r->n_conditions && (!check_parts(rd, &r->m) || !check_parts(rd, &r->base)))
		return 0;
	for (int i = 0; r->ratio && i < r->n_conditions; i++)
		if (r->condition[i].event >= 0 &&
		    !check_parts(rd, &(struct ask_measure){ .of = ASK_COUNT, .events = 1ull << r->condition[i].event, .where = r->condition[i].where }))
			return 0;
	return 1;
}

/* Whether the event e, where it has that text property, ever has this value of it, as far as the words of the store tell. */
static int
is_ever(const struct ask *ask, int e, int field, struct str value)
{
	for (struct map_entry *m = map_first(&ask->phrases); m; m = map_next(&ask->phrases, m))
		for (const struct ask_sense *s = m->ptr; s; s = s->next)
			if ((s->is == ASK_VALUE || (s->is == ASK_FIELD && s->value.p)) && s->arg == field && str_eq(s->value, value) &&
			    s->events && !(s->events >> e & 1))
				return 0;
	return 1;
}

static int
lacks(struct ask_reader *rd, int e, int field)
{
	const struct ask *ask = rd->ask;

	return field >= 0 && !(ask->field[field].events >> e & 1) &&
	    !ask_fail(rd, "No \"%.*s\" event in the store has the property \"%.*s\".", STR_FMT(ask->event[e].name), STR_FMT(ask->field[field].name));
}

/* A property that the events do not have tells nothing of them; nor a value of it that they never have. */
static int
check_properties(struct ask_reader *rd)
{
	const struct ask_reading *r = rd->r;
	const struct ask *ask = rd->ask;
	int e;

	if (r->ratio || !r->m.events || (r->m.events & (r->m.events - 1)))
		return 1;
	e = __builtin_ctzll(r->m.events);
	for (int i = 0; i < r->n_groups; i++)
		if (lacks(rd, e, r->group[i]))
			return 0;
	for (int i = 0; i < r->where.n; i++) {
		const struct ask_filter *f = &r->where.f[i];

		if (lacks(rd, e, f->field))
			return 0;
		if (f->field >= 0 && ask->field[f->field].path && !f->not && f->n && !is_ever(ask, e, f->field, f->value[0]))
			return ask_fail(rd, "No \"%.*s\" event in the store is of %.*s \"%.*s\".", STR_FMT(ask->event[e].name),
			    STR_FMT(ask->field[f->field].name), STR_FMT(f->value[0]));
	}
	return 1;
}

static int
check(struct ask_reader *rd)
{
	const struct ask_reading *r = rd->r;

	if (r->where.full || r->m.where.full || r->base.where.full)
		return ask_fail(rd, "That bounds more than %d things; ask about fewer at a time.", ASK_LIST);
	if (rd->average && rd->average != ASK_SUM && !r->ratio && !r->average_over &&
	    !((r->m.of == ASK_OF_FIELD || r->m.of == ASK_OF_SESSION_LENGTH) && (int)r->m.agg == rd->average))
		return ask_fail(rd, "I do not see of what the average or the like is to be taken; put it in other words.");
	if (!alternatives(rd))
		return 0;
	for (int i = 0; i < rd->n; i++)
		if (!rd->it[i].used && i != rd->per && !check_left(rd, i))
			return 0;
	if (!check_stored(rd) || !check_ratio(rd) || !check_properties(rd))
		return 0;
	if (r->n_periods == 2 && (r->unit || r->part))
		return ask_fail(rd, "Two periods side by side, step by step, is more than one answer; ask for one of them, or for their totals.");
	return 1;
}

static int
edges(struct ask_reader *rd)                /* when was the last purchase */
{
	struct ask_reading *r = rd->r;
	int when = find(rd, ASK_WHEN, 0), first = find(rd, ASK_FIRST, 0), last = find(rd, ASK_LAST, 0), i;

	if (when < 0)
		return 0;
	if (has(rd, ASK_MOST) || has(rd, ASK_LEAST)) {
		ask_fail(rd, "That can be read as the hour of the day or as the day of the week; ask for one of them.");
		return 1;
	}
	i = find_new(rd, ASK_EVENT, 0);
	if (i < 0 && !has(rd, ASK_ANY) && !has(rd, ASK_USERS) && !has(rd, ASK_VISIT) && !has(rd, ASK_VALUE))
		return 0;
	ask_values(rd, 0);
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
how_is(struct ask_reader *rd)
{
	int i = find(rd, ASK_HOW_IS, 0);

	if (i < 0 || rd->r->n_periods || rd->r->unit || rd->r->n_groups || has(rd, ASK_LENGTH) || has(rd, ASK_CONVERSION))
		return 1;
	return ask_fail(rd, "That can be read in several ways. Ask for a number and a period: page views today, users this week, revenue this month against last month.");
}

/* ---- all together */

/* The sum of zones: nothing else is there that could be added up. */
static int
is_of_names(const struct ask_reader *rd, int i)
{
	int k = i + 1 + is(rd, i + 1, ASK_OF), other = 0;

	for (int j = 0; j < rd->n; j++)
		other |= measure_noun(rd, j) && !is(rd, j, ASK_EVENT);
	return is_text_field(rd, k) && !rd->it[k].value.p && !rd->it[k].comma && !measure_noun(rd, k + 1) && !other;
}

/* The greatest lot, the lowest floor: no number of them is asked for. */
static int
is_extreme_of_label(const struct ask_reader *rd, int i)
{
	static const char *const words[] = { "highest", "greatest", "lowest" };
	int says = 0;

	for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++)
		says |= str_eq(rd->it[i].text, str_of(words[k]));
	return says && (is(rd, i, ASK_MOST) || is(rd, i, ASK_LEAST)) && is_label(rd, i + 1 + is(rd, i + 1, ASK_OF)) && is_of_names(rd, i);
}

static int
fail_names(struct ask_reader *rd, int i)
{
	struct str word = rd->it[i].text;

	if (word.n > 3 && memcmp(word.p + word.n - 3, " of", 3) == 0)
		word.n -= 3;
	return ask_fail(rd, "\"%.*s\" are names, of which there is no %.*s; ask how many different ones there are, or how many events each has.",
	    STR_FMT(rd->ask->field[rd->it[i + 1 + is(rd, i + 1, ASK_OF)].arg].name), (int)(word.n < 40 ? word.n : 40), word.p);
}

/* Average, median, the 95th percentile. 0: it failed. */
static int
aggregate(struct ask_reader *rd)
{
	for (int i = 0; i < rd->n; i++)
		if (is_extreme_of_label(rd, i))
			return fail_names(rd, i);
		else if (rd->it[i].is == ASK_AGG && rd->agg_at && rd->it[i].arg != rd->average && rd->it[i].arg != ASK_SUM && rd->average != ASK_SUM)
			return ask_fail(rd, "Those are two measures; ask for one after the other.");
		else if (rd->it[i].is == ASK_AGG && !rd->agg_at) {
			if (rd->it[i].arg == ASK_QUANTILE && rd->it[i].number == 0) {
				int k = is(rd, i - 1, ASK_NUMBER) ? i - 1 : is(rd, i + 1, ASK_NUMBER) ? i + 1 : -1;

				if (k < 0 || !(rd->it[k].number > 0 && rd->it[k].number < 100))
					return ask_fail(rd, "Which percentile? Say the 95th.");
				rd->it[i].number = rd->it[k].number;
				rd->it[k].used = 1;
			}
			if (is_of_names(rd, i))
				return fail_names(rd, i);
			rd->average = rd->it[i].arg;
			rd->q = rd->it[i].number / 100;
			rd->agg_at = i + 1;
			rd->it[i].used = 1;
			if (str_eq(rd->it[i].text, STR("cumulative")) && (has(rd, ASK_EVERY) || has(rd, ASK_UNIT) || has(rd, ASK_TREND)))
				return ask_fail(rd, "I tell each step by itself, and add none up to the next; ask for the total, or for each step.");
		}
	return 1;
}

/* Visit is a word for sessions, or for what somebody did. */
static void
visits(struct ask_reader *rd)
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
pages_as_views(struct ask_reader *rd)
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
repeat_buyers(struct ask_reader *rd)
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
finish(struct ask_reader *rd)
{
	const struct ask *ask = rd->ask;
	struct ask_reading *r = rd->r;
	int i, own;

	for (i = 0; i < r->where.n; i++)        /* sessions without a referrer: of the events that could tell one */
		if (r->where.f[i].is_null && !r->where.f[i].not && r->where.f[i].field >= 0 && !r->m.events && !r->n_conditions && !r->ratio && r->m.of != ASK_OF_FIELD)
			r->m.events = ask->field[r->where.f[i].field].events & ((1ull << ask->n_events) - 1);
	/* the mean, or the greatest, of the sums of days */
	if (r->unit && rd->average && rd->average != ASK_SUM && !r->rank && !r->n_groups && !r->ratio && r->m.of != ASK_OF_SESSION_LENGTH) {
		for (i = 0, own = 0; i < rd->n; i++)
			own |= is(rd, i, ASK_ORDER_VALUE);
		own |= r->of_metric && r->m.agg != ASK_SUM;
		if (r->m.of != ASK_OF_FIELD || ((ask->field[r->m.field].role == ASK_AMOUNT || r->of_metric) && !own)) {
			r->average_over = rd->average;
			if (rd->average == ASK_AVG && r->n_periods == 1 && !r->having)
				r->steps = ask_steps(&r->period[0], r->unit, rd->now, rd->zone);
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
		ask_fail(rd, "The average of days for each group is more than one answer; ask for it per day, or by group.");
	if (rd->of_each)
		r->rank = r->limit = 0;
	if (has(rd, ASK_WHO) && r->rank && !r->limit)
		r->limit = r->plural ? 10 : 1;
	if (r->rank && (r->n_groups || r->unit || r->part) && !r->limit &&
	    !(has(rd, ASK_RANKED) && !has(rd, ASK_TOP) && !has(rd, ASK_MOST) && !has(rd, ASK_LEAST) && !has(rd, ASK_BEST) &&
	    !has(rd, ASK_BOTTOM)))
		r->limit = r->plural ? 10 : 1;
	if (r->rank && !r->n_groups && !r->unit && !r->part && r->m.of == ASK_COUNT && !r->ratio && (has(rd, ASK_TOP) || has(rd, ASK_BOTTOM)))
		ask_fail(rd, "The first of which order? Say top pages, top 3 countries by signups.");
	if (r->rank && !r->n_groups && !r->unit && !r->part)
		r->rank = 0;
	for (i = 0; i < r->where.n; i++)        /* of those that are named, all */
		if (r->where.f[i].n > 1 && !r->where.f[i].not && ask_has_group(r, r->where.f[i].field))
			r->limit = 0;
}

int
ask_read(struct ask *ask, struct ask_item *items, int n, int64_t now, const struct zone *zone, struct ask_reading *r, struct buf *why)
{
	struct ask_reader rd = { .ask = ask, .it = items, .n = n, .now = now, .zone = zone, .r = r, .why = why, .ranking_at = -1, .per = -1 };
	int i, active, traffic, own;

	*r = (struct ask_reading){ .n_groups = 0 };
	ask_join_words(&rd);
	if (rd.failed)
		return 0;
	if ((i = refuse(&rd)) != 1)
		return i;
	ask_join_events(&rd);
	if (rd.failed)
		return 0;
	if (!aggregate(&rd))
		return 0;
	visits(&rd);
	for (i = 0; i + 1 < rd.n; i++)          /* a used number stays out of the way of bounds */
		if (rd.it[i].is == ASK_NUMBER && rd.it[i].used)
			drop(&rd, i--);
	ask_bounds(&rd);
	ask_periods(&rd);
	if (rd.failed)
		return 0;
	active = find(&rd, ASK_ACTIVE, 0);
	traffic = find(&rd, ASK_TRAFFIC, 0);
	if (active >= 0 && !has(&rd, ASK_MOST) && !has(&rd, ASK_LEAST) && !has(&rd, ASK_TOP) && r->n_periods == 0 && !has(&rd, ASK_EVERY) &&
	    !has(&rd, ASK_UNIT))
		return ask_fail(&rd, "Active since when? It can be read as active today, in the last 7 days or in the last 30 days; say which.");
	if (edges(&rd)) {
		if (rd.failed)
			return 0;
		return check(&rd);
	}
	for (i = 0, own = 0; i < rd.n; i++)
		own |= is_text_field(&rd, i);
	if (find(&rd, ASK_WHERE, 0) >= 0 && !own)
		return ask_fail(&rd, "Where can be read in two ways: from which country, or from which source; ask for one of them.");
	if ((i = find(&rd, ASK_BOUNCE, 0)) >= 0)
		return ask_fail(&rd, "A bounce can be read in two ways: a session with one event, or a session with one page view. Ask for the share of sessions with exactly 1 page view.");
	if ((i = find(&rd, ASK_RETENTION, 0)) >= 0)
		return ask_fail(&rd, "Retention by which step, or after how long? Say weekly retention of users who signed up, day 7 retention of new users, or how many users who signed up came back within 7 days.");
	pages_as_views(&rd);
	ask_both_values(&rd);
	ask_groups(&rd);
	ask_values(&rd, has(&rd, ASK_SHARE) || ask_rate_of_value(&rd) >= 0);
	ask_left_fields(&rd);
	if (rd.failed)
		return 0;
	for (i = 0, own = 0; i < rd.n; i++)
		own |= i != traffic && (measure_noun(&rd, i) || is(&rd, i, ASK_CONVERSION));
	if (traffic >= 0 && own)
		rd.it[traffic].used = 1;
	if (traffic >= 0 && !own && r->n_periods == 0 && !r->n_groups && !r->unit && !r->part)
		return ask_fail(&rd, "Traffic can be read as page views, sessions or users, today or over some days; say which.");
	if (has(&rd, ASK_FUNNEL)) {
		ask_conditions(&rd, 0);
		if (r->n_conditions < 2 || r->n_groups)
			return ask_fail(&rd, "A funnel of which steps? Say the funnel from add to cart to checkout to purchase.");
		r->funnel = 1, r->ordered = 1;
		r->m.of = ASK_DISTINCT_USERS;
		return check(&rd);
	}
	if (repeat_buyers(&rd))
		return check(&rd);
	if (!how_is(&rd) || !ask_measured(&rd) || !ask_who_did(&rd))
		return 0;
	if (rd.failed)
		return 0;
	finish(&rd);
	return rd.failed ? 0 : check(&rd);
}
