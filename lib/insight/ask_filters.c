/* ask_filters.c - values of the store as filters, with their not, and what somebody did as conditions on users or sessions. */
#include <stdio.h>
#include <stdlib.h>

#include "insight/ask_reader.h"

/* ---- filters */

struct ask_filter *
ask_filter_add(struct ask_filters *fs, struct ask_filter f)
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
	else
		fs->full = 1;
	return &fs->f[fs->n - 1];
}

void
ask_filter_add_value(struct ask_filters *fs, int field, struct str value, int not, int prefix)
{
	ask_filter_add(fs, (struct ask_filter){ .field = field, .value = { value }, .n = 1, .not = not, .prefix = prefix });
}

/* Orders that were not paid by card: the verb is of the event that is counted, and says no other deed. */
static int
is_said_again(const struct ask_reader *rd, int i)
{
	for (int k = 0; k < i && is(rd, i, ASK_EVENT) && rd->it[i].verb && !people_before(rd, i); k++)
		if (is(rd, k, ASK_EVENT) && rd->it[k].arg == rd->it[i].arg)
			return 1;
	return 0;
}

int
ask_negated(struct ask_reader *rd, int i)
{
	for (int k = i - 1; k >= 0 && k >= i - 3; k--) {
		if (rd->it[k].is == ASK_NOT || rd->it[k].is == ASK_WITHOUT) {
			rd->it[k].used = 1;
			return 1;
		}
		if (rd->it[k].is != ASK_FROM && rd->it[k].is != ASK_IN && rd->it[k].is != ASK_OF && rd->it[k].is != ASK_BY &&
		    rd->it[k].is != ASK_NOTHING && rd->it[k].is != ASK_USED && rd->it[k].is != ASK_OR && !is_said_again(rd, k) &&
		    !(rd->it[k].is == ASK_VALUE && is(rd, k + 1, ASK_OR)))
			return 0;
	}
	return 0;
}

/* ---- pass: values become filters */

/* Failed math and passed art: another value of the property stands beyond something else that was done. */
static int
is_parted(const struct ask_reader *rd, int i)
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
event_of_value(const struct ask_reader *rd, int i)
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
int
ask_rate_of_value(const struct ask_reader *rd)
{
	int rate = find(rd, ASK_RATE, 0);

	return is(rd, rate - 1, ASK_VALUE) && rd->it[rate - 1].arg >= 0 && rd->ask->field[rd->it[rate - 1].arg].flag ? rate - 1 : -1;
}

/* Of purchases from Germany on mobile: which of both is the part? With a word between them, "were on mobile", it is the last. */
static int
is_either_part(const struct ask_reader *rd, int last)
{
	int a = last - 1, said = 0, noun = 0;

	while (a >= 0 && !is(rd, a, ASK_VALUE))
		a--;
	for (int i = find(rd, ASK_SHARE, 0); i >= 0 && i < a; i++)
		noun |= measure_noun(rd, i);
	if (a < 0 || !noun || rd->it[a].arg == rd->it[last].arg)
		return 0;
	for (int i = a + 1; i <= last; i++)     /* words that went, or that tell a deed */
		said |= rd->it[i].word > rd->it[i - 1].word + rd->it[i - 1].n_words || is(rd, i, ASK_USED) || is(rd, i, ASK_ANY) || is(rd, i, ASK_THAT) || is(rd, i, ASK_NOT) ||
		    is_event_word(rd, i) || is(rd, i, ASK_OF) || is(rd, i, ASK_AND) || is(rd, i, ASK_OR);
	return !said;
}

void
ask_values(struct ask_reader *rd, int share)
{
	struct ask_reading *r = rd->r;
	int compare = has(rd, ASK_VERSUS) || has(rd, ASK_COMPARE) || has(rd, ASK_THAN) || has(rd, ASK_WHICH) ||
	    (has(rd, ASK_OR) && (has(rd, ASK_COMPARATIVE) || has(rd, ASK_BEST)));
	int last = -1, did = 0, people = -1, nor = 0;

	for (int i = 0; i < rd->n; i++) {
		if (is(rd, i, ASK_VALUE))
			last = i;
		nor |= is(rd, i, ASK_NOT) && str_eq(rd->it[i].text, STR("nor"));        /* neither this nor that is one part */
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
	if (share)                      /* of alarms that were critical in zone 2: what stands behind the that, of those in the zone */
		for (int i = find(rd, ASK_SHARE, 0), that = 0; i >= 0 && i < rd->n && !(that && is_event_word(rd, i)); i++) {
			that |= is(rd, i, ASK_THAT);
			if (that && is(rd, i, ASK_VALUE)) {
				last = i;
				break;
			}
		}
	if (share && !nor && last >= 0 && find(rd, ASK_THAT, 0) < 0 && is_either_part(rd, last))
		ask_fail(rd, "Which of both is the part? Say: of those that …, the share that ….");
	for (int i = last - 1, among = is(rd, last - 1, ASK_OF) && (str_eq(rd->it[last - 1].text, STR("among")) || str_eq(rd->it[last - 1].text, STR("out of"))); share && among && i >= 0; i--)
		if (is(rd, i, ASK_VALUE)) {     /* from Austria among gold: the part stands in front */
			last = i;
			break;
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
		if (share && same == 0 && (i == last || nor)) {         /* the part that a share is of the whole */
			ask_filter_add_value(&r->m.where, it->arg, it->value, ask_negated(rd, i), 0);
			continue;
		}
		ask_filter_add_value(share && same && rd->it[last].arg == it->arg ? &r->m.where : &r->where, it->arg, it->value, ask_negated(rd, i), 0);
		if (same && compare && !share && !ask_negated(rd, i) && it->arg >= 0 && !ask_has_group(r, it->arg) && r->n_groups < 4 &&
		    !(has(rd, ASK_WHICH) && r->n_groups && !has(rd, ASK_VERSUS) && !has(rd, ASK_OR) && !has(rd, ASK_COMPARE)))
			r->group[r->n_groups++] = it->arg;
	}
}

/* ---- pass: what somebody did */

/* Visited both the pricing and the docs page, or the one and not the other: two conditions. So are failed and passed, where a property tells
 * that, and attended knitting and chess; never failed is one. */
void
ask_both_values(struct ask_reader *rd)
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
		ask_fail(rd, "Which of these values goes with which? Ask for one after the other.");
		return;
	}
	if ((n < 2 && !(whether && negative)) || (event >= 0 && find(rd, ASK_EVENT, event + 1) >= 0) ||
	    !(has(rd, ASK_BOTH) || (n == 2 && event >= 0 && event == at[0] - 1 && at[1] == at[0] + 2 && is(rd, at[0] + 1, ASK_AND)) || (negative && negative < n) || (whether && (n == 2 ? !has(rd, ASK_OR) : negative))))
		return;
	for (int i = 0; i < rd->n; i++)
		rd->it[i].used |= is(rd, i, ASK_ANY) || is(rd, i, ASK_NOT) || is(rd, i, ASK_WITHOUT);
	for (int k = 0; k < n; k++) {
		int c = ask_condition_of_event(rd, event);

		if (c < 0)
			return;
		rd->r->condition[c].not = not[k];
		ask_filter_add_value(&rd->r->condition[c].where, rd->it[at[k]].arg, rd->it[at[k]].value, 0, 0);
		rd->it[at[k]].used = 1;
	}
}

static void
condition_values(struct ask_reader *rd, int event_item, struct ask_condition *c)
{
	for (int i = 0; i < rd->n; i++)
		if (is(rd, i, ASK_VALUE) && !rd->it[i].used && event_of_value(rd, i) == event_item) {
			ask_filter_add_value(&c->where, rd->it[i].arg, rd->it[i].value, ask_negated(rd, i), 0);
			rd->it[i].used = 1;
		}
}

static void
conditions(struct ask_reader *rd, int from)
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
					ask_fail(rd, "Came back after what? Say users who signed up last week and came back this week, or users with more than 1 purchase.");
				it->used = 1;
				continue;
			}
		}
		if ((c = ask_condition_of_event(rd, it->is == ASK_EVENT ? i : -1)) < 0)
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

/* Ordered or searched: either will do, of plain deeds; did not order or search: none of them. 1; 0: it is asked back. */
static int
either_done(struct ask_reader *rd)
{
	struct ask_reading *r = rd->r;
	int last = -1, or = 0, and = 0, plain = 1;
	uint64_t events = 0;

	for (int i = 0; i < rd->n; i++) {
		if (!is_event_word(rd, i))
			continue;
		for (int k = last + 1; k < i && last >= 0; k++) {
			int joins = 1;

			for (int j = last + 1; j < i; j++)      /* from Germany or Austria joins values */
				joins &= j == k || !(is(rd, j, ASK_VALUE) || is(rd, j, ASK_FIELD) || is(rd, j, ASK_NUMBER));
			or |= joins && is(rd, k, ASK_OR);
			and |= is(rd, k, ASK_AND);
		}
		last = i;
	}
	if (!or || r->n_conditions < 2)
		return 1;
	for (int c = 0; c < r->n_conditions; c++) {
		const struct ask_condition *one = &r->condition[c];

		plain &= one->event >= 0 && !one->has_count && !one->has_period && !one->sum && !one->where.n && (c == 0 || !one->not);
		events |= one->event >= 0 ? 1ull << one->event : 0;
	}
	if (!plain || and || r->ordered || r->ratio || r->m.events)
		return ask_fail(rd, "I do not see what the \"or\" goes between; ask for one and for the other.");
	for (int c = 1; c < r->n_conditions; c++)
		r->condition[c].not = r->condition[0].not;
	if (!r->condition[0].not)
		r->m.events = events, r->n_conditions = 0;
	return 1;
}

/* Viewed shoes and ordered: a property that not all of these events have is of those that have it. */
static void
filters_of_conditions(struct ask_reader *rd)
{
	struct ask_reading *r = rd->r;

	for (int i = 0; i < r->where.n; i++) {
		const struct ask_filter f = r->where.f[i];
		int have = 0, lack = 0, alone = !f.or && (i + 1 == r->where.n || !r->where.f[i + 1].or);

		for (int c = 0; f.field >= 0 && c < r->n_conditions; c++)
			if (r->condition[c].event < 0 || rd->ask->field[f.field].events >> r->condition[c].event & 1)
				have++;
			else
				lack++;
		if (!have || !lack || !alone)
			continue;
		for (int c = 0; c < r->n_conditions; c++)
			if (r->condition[c].event >= 0 && rd->ask->field[f.field].events >> r->condition[c].event & 1)
				ask_filter_add(&r->condition[c].where, f);
		memmove(&r->where.f[i], &r->where.f[i + 1], (size_t)(r->where.n - i - 1) * sizeof(r->where.f[i]));
		r->where.n--, i--;
	}
}

void
ask_conditions(struct ask_reader *rd, int from)
{
	conditions(rd, from);
	if (either_done(rd))
		filters_of_conditions(rd);
}

/* One plain condition is a count of users with that event. */
void
ask_simplify(struct ask_reading *r, struct ask_measure *m)
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
