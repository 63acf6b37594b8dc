/* ask_measure.c - what is measured: a count, a sum, a mean, a share or another ratio, of which events. */
#include <stdio.h>
#include <stdlib.h>

#include "insight/ask_reader.h"

#define ABOUT_WHAT "The events say that it was done, not what it was about. Ask how many, or by one of the properties."

/* The number that an event carries, where it is one. */
int
ask_field_of_event(const struct ask *ask, int event)
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

/* Delivery_failed: one of several ends that a thing can have, so that its rate is over those things, which the name does not tell. */
int
ask_is_outcome(struct str name)
{
	static const char *const ends[] = { "failed", "missed", "cancelled", "canceled", "rejected", "declined", "returned", "refunded", "lost", "expired", "skipped", "denied", "bounced" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t n = strlen(ends[i]);

		if (name.n > n && strncasecmp(name.p + name.n - n, ends[i], n) == 0)
			return 1;
	}
	return 0;
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

/* ---- pass: the measure */

static int
money_measure(struct ask_reader *rd, struct ask_measure *m, enum ask_agg agg)
{
	if (rd->ask->money < 0)
		return ask_fail(rd, "No event in the store has an amount of money.");
	m->of = ASK_OF_FIELD, m->field = rd->ask->money, m->agg = agg ? agg : ASK_SUM, m->q = rd->q;
	m->events = 0;
	return 1;
}

static int
span_measure(struct ask_reader *rd, struct ask_measure *m, enum ask_agg agg)
{
	int span = ask_span_of(rd);

	if (span < 0)
		return ask_fail(rd, "No event in the store has a duration.");
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
is_of_one(struct ask_reader *rd, const struct ask_item *it, struct ask_measure *m)
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
	return ask_fail(rd, "Several events have the property \"%.*s\": %s; say of which.", STR_FMT(f->name), names);
}

/* "Total amount of": of what the events carry, and not how many there are. */
static int
is_amount_asked(const struct ask_reader *rd)
{
	const struct ask_item *it = rd->agg_at ? &rd->it[rd->agg_at - 1] : NULL;

	return it && it->is == ASK_AGG && (memmem(it->text.p, it->text.n, "amount", 6) || memmem(it->text.p, it->text.n, "value", 5));
}

/* The amount of invoices, which have an amount: a number of them, or of money? */
static int
is_number_or_amount(const struct ask_reader *rd, int field)
{
	const int i = find(rd, ASK_HOW_MANY, 0);

	return field >= 0 && i >= 0 && rd->it[i].text.n >= 6 && strncasecmp(rd->it[i].text.p, "amount", 6) == 0 &&
	    memmem(rd->ask->field[field].name.p, rd->ask->field[field].name.n, "amount", 6);
}

/* Total invoiced: what was invoiced, no number of times. */
static int
is_done_total(const struct ask_reader *rd, int event)
{
	for (int i = 0; i < rd->n; i++)
		if (rd->agg_at && i == rd->agg_at && is(rd, i, ASK_EVENT) && rd->it[i].arg == event && rd->it[i].n_words == 1 && rd->it[i].text.n > 3 &&
		    (strncasecmp(rd->it[i].text.p + rd->it[i].text.n - 2, "ed", 2) == 0 || str_eq(rd->it[i].text, STR("paid"))))
			return 1;
	return 0;
}

/* A metric of the configuration, as it stands there. */
static int
metric_measure(struct ask_reader *rd, const struct ask_item *it, struct ask_measure *m)
{
	const struct ask_metric *metric = &rd->ask->metric[it->arg];
	const struct ask_filters parts = m->where;      /* of a share */
	enum ask_agg agg = (enum ask_agg)rd->average;

	if (metric->opaque)
		return ask_fail(rd, "\"%.*s\" counts by a condition or a value that I cannot put into SQL: at-query metric %.*s tells it.", (int)(it->text.n < 60 ? it->text.n : 60),
		    it->text.p, (int)(metric->name.n < 60 ? metric->name.n : 60), metric->name.p);
	*m = metric->m;
	for (int k = 0; k < parts.n && m->where.n < ASK_LIST; k++)
		m->where.f[m->where.n++] = parts.f[k];
	if (agg && !rd->r->unit && rd->per < 0 && !(m->of == ASK_OF_FIELD && m->agg == agg) && agg != ASK_SUM)
		return ask_fail(rd, "\"%.*s\" is a number of its own; an average of it is over what? Say per day.", (int)(it->text.n < 60 ? it->text.n : 60), it->text.p);
	rd->r->of_metric = 1;
	return 1;
}

/* How many there are of an event, or of the number that it carries: the average purchase, the largest order, the total amount of invoices. */
static int
event_measure(struct ask_reader *rd, int event, enum ask_agg extreme, int largest, struct ask_measure *m)
{
	const struct ask_reading *r = rd->r;
	enum ask_agg agg = (enum ask_agg)rd->average;
	int field = ask_field_of_event(rd->ask, event);

	m->events = 1ull << event;
	if (is_number_or_amount(rd, field))
		return ask_fail(rd, "\"%.*s\" can be read in two ways: how many there are, or their total %.*s; say number of, or total %.*s.", STR_FMT(rd->ask->event[event].name),
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
		return ask_fail(rd, "\"%.*s\" carries no number that could be averaged or compared.", STR_FMT(rd->ask->event[event].name));
	m->of = ASK_OF_FIELD, m->field = field, m->q = rd->q;
	m->agg = agg && agg != ASK_SUM ? agg : largest && r->rank < 0 ? ASK_MIN : extreme;
	return 1;
}

/* The most nights, the fewest items: so many of them, where the highest rating is no sum. */
static int
is_quantity(const struct ask_reader *rd, int i)
{
	static const char *const words[] = { "most", "fewest", "least", "the most", "the fewest", "the least" };

	for (size_t k = 0; (is(rd, i - 1, ASK_MOST) || is(rd, i - 1, ASK_LEAST)) && k < sizeof(words) / sizeof(*words); k++)
		if (rd->it[i - 1].text.n == strlen(words[k]) && strncasecmp(rd->it[i - 1].text.p, words[k], rd->it[i - 1].text.n) == 0)
			return is_plural(&rd->it[i]);
	return 0;
}

/* The measure that the noun at i stands for. 1 or 0. */
static int
measure_of(struct ask_reader *rd, int i, struct ask_measure *m)
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
				return ask_fail(rd, "What was spent is not in the events: they tell what users did, and what they paid.");
		/* fall through */
	case ASK_MONEY:
		if (has(rd, ASK_USERS) && (str_eq(it->text, STR("income")) || str_eq(it->text, STR("earnings"))))
			return ask_fail(rd, "What users earn is not in the events; what they paid is revenue.");
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
			return ask_fail(rd, "A stay where? Say time on a page, or the length of sessions.");
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
				return ask_fail(rd, "No event in the store is a purchase.");
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
best_readings(struct ask_reader *rd)
{
	return ask_fail(rd, "By what? It can be read by revenue, by number of users, or by number of purchases; say which.");
}

/* A ratio of one count to another: of two events, or of one by two values. */
static int
ratio_of(struct ask_reader *rd, const int *event, int n)
{
	struct ask_reading *r = rd->r;
	int f = 0;

	while (f < r->where.n && !(r->where.f[f].n == 2 && !r->where.f[f].not))
		f++;
	if (n == 0 || (n == 1 && f == r->where.n))
		return ask_fail(rd, "A ratio of what to what? Say of purchases to signups, or of one value of a property to another.");
	r->ratio = r->per = 1;
	r->m = r->base = (struct ask_measure){ .of = ASK_COUNT, .events = 1ull << rd->it[event[0]].arg };
	if (n == 2) {                           /* of purchases to signups */
		r->base.events = 1ull << rd->it[event[1]].arg;
		return 1;
	}
	ask_filter_add_value(&r->m.where, r->where.f[f].field, r->where.f[f].value[0], 0, 0);      /* of critical to warning alarms */
	ask_filter_add_value(&r->base.where, r->where.f[f].field, r->where.f[f].value[1], 0, 0);
	memmove(&r->where.f[f], &r->where.f[f + 1], (size_t)(r->where.n - f - 1) * sizeof(r->where.f[f]));
	r->where.n--;
	return 1;
}

/* Of those who did the first, those who did the last, or did not. */
static int
conversion_of(struct ask_reader *rd, const int *event, int n, int by_session)
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
			return ask_fail(rd, "Dropped off between which steps? Say from checkout to purchase.");
		r->base.events = 1ull << rd->it[event[0]].arg;
		r->condition[0] = (struct ask_condition){ .event = rd->it[event[0]].arg };
		r->condition[1] = (struct ask_condition){ .event = rd->ask->purchase, .not = 1 };
		r->n_conditions = 2;
		r->by_session = by_session;
		return 1;
	}
	if (dropped >= 0 && n == 0)
		return ask_fail(rd, "Dropped off between which steps? Say from checkout to purchase.");
	if (n == 0 || (n == 1 && rd->it[event[0]].arg != rd->ask->purchase && conversion >= 0 &&
	    (is(rd, event[0] - 1, ASK_FROM) || (rd->it[event[0]].text.n > 3 && strncasecmp(rd->it[event[0]].text.p, "new", 3) == 0)))) {
		if (rd->ask->purchase < 0)
			return ask_fail(rd, "Conversion to what? No event in the store is a purchase; say conversion from one event to another.");
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
	if (n == 1 && conversion < 0 && ask_is_outcome(rd->ask->event[rd->it[last].arg].name))
		return ask_fail(rd, "A rate of \"%.*s\" is over what? Name the other event: %.*s per ….", STR_FMT(rd->ask->event[rd->it[last].arg].name), STR_FMT(rd->ask->event[rd->it[last].arg].name));
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

/* The share of measurements with humidity over 80: the only bound is the part. 1; 0: there is none, or there are several. */
static int
part_by_bound(struct ask_reading *r)
{
	int at = -1, n = 0;

	for (int i = 0; i < r->where.n; i++)
		if (r->where.f[i].is_number && r->where.f[i].field >= 0)
			at = i, n++;
	if (n != 1)
		return 0;
	r->m.where.f[r->m.where.n++] = r->where.f[at];
	memmove(&r->where.f[at], &r->where.f[at + 1], (size_t)(r->where.n - at - 1) * sizeof(r->where.f[at]));
	r->where.n--;
	return 1;
}

/* A share: of users and sessions by what they did, of anything by a value, of a whole over its groups. */
static int
share_of(struct ask_reader *rd, int share, const int *event, int n)
{
	struct ask_reading *r = rd->r;
	uint64_t whose = ask_rate_of_value(rd) >= 0 ? rd->ask->field[rd->it[ask_rate_of_value(rd)].arg].events & ((1ull << rd->ask->n_events) - 1) : 0;
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
			return ask_fail(rd, "A share of what? Say of users, sessions, purchases or revenue.");
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
		ask_conditions(rd, 0);
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
		ask_simplify(r, &r->m);
		if (rd->base_event)
			r->base.events = r->m.events;
		return 1;
	}
	if (!measure_of(rd, noun, &r->m))
		return 0;
	if (r->m.of == ASK_OF_FIELD && r->m.agg != ASK_SUM)
		return ask_fail(rd, "A share of an average means nothing; ask for the average of each group.");
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
	if (part_by_bound(r))
		return 1;
	return ask_fail(rd, "A share of which part? Say from where, on what, or by what.");
}

/* The event that an event is an end of: order_placed of order_cancelled; -1. Of several none. */
static int
begun_before(const struct ask_reader *rd, int event)
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
ratios(struct ask_reader *rd)
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
	if (rate >= 0 && conversion < 0 && share < 0 && dropped < 0 && n == 1 && ask_rate_of_value(rd) < 0 && (is(rd, rd->per, ASK_EVENT) || begun_before(rd, rd->it[event[0]].arg) >= 0)) {
		int whole = is(rd, rd->per, ASK_EVENT) ? rd->it[rd->per].arg : begun_before(rd, rd->it[event[0]].arg);

		rd->it[event[0]].used = 1;      /* complaints per order; the completion rate: of those that were begun */
		r->ratio = 1, r->per = is(rd, rd->per, ASK_EVENT);
		r->m = (struct ask_measure){ .of = ASK_COUNT, .events = 1ull << rd->it[event[0]].arg, .where = r->m.where };
		r->base = (struct ask_measure){ .of = ASK_COUNT, .events = 1ull << whole };
		return 1;
	}
	by_session = people >= 0 && (is(rd, people, ASK_SESSIONS) || is(rd, people, ASK_VISIT));
	if ((conversion >= 0 && (share >= 0 || rate >= 0 || find(rd, ASK_HOW_MANY, 0) < 0)) || (rate >= 0 && n > 0 && share < 0 && ask_rate_of_value(rd) < 0) ||
	    (dropped >= 0 && find(rd, ASK_HOW_MANY, 0) < 0))
		return conversion_of(rd, event, n, by_session);
	if (conversion >= 0) {          /* how many users converted */
		if (rd->ask->purchase < 0)
			return ask_fail(rd, "Conversion to what? No event in the store is a purchase.");
		r->m.of = by_session ? ASK_DISTINCT_SESSIONS : ASK_DISTINCT_USERS;
		r->m.events = 1ull << rd->ask->purchase;
		return 1;
	}
	if (dropped >= 0 && n >= 1) {           /* how many users abandoned their cart */
		for (int k = 0; k < n; k++)
			rd->it[event[k]].used = 1;
		if (n == 1 && rd->ask->purchase < 0)
			return ask_fail(rd, "Dropped off between which steps? Say from checkout to purchase.");
		r->m.of = by_session ? ASK_DISTINCT_SESSIONS : ASK_DISTINCT_USERS;
		r->by_session = by_session;
		r->condition[0] = (struct ask_condition){ .event = rd->it[event[0]].arg };
		r->condition[1] = (struct ask_condition){ .event = n > 1 ? rd->it[event[1]].arg : rd->ask->purchase, .not = 1 };
		r->n_conditions = 2;
		return 1;
	}
	if (share < 0 && ask_rate_of_value(rd) >= 0)
		return share_of(rd, rate, event, n);
	if (share < 0)
		return ask_fail(rd, "A rate of what? I know conversion rates, and the share of one thing in another.");
	return share_of(rd, share, event, n);
}

static int
divided(struct ask_reader *rd)              /* page views per session */
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

/* The slowest endpoint: by the mean of the only duration that its events have. 1; 0: there is none, or several. */
static int
slowest_of(struct ask_reader *rd)
{
	const struct ask *ask = rd->ask;
	struct ask_reading *r = rd->r;
	int found = -1;

	const int at = find(rd, ASK_MOST, 0) >= 0 ? find(rd, ASK_MOST, 0) : find(rd, ASK_LEAST, 0);

	if (at < 0 || r->n_groups != 1 || r->group[0] < 0 || !(str_eq(rd->it[at].text, STR("slowest")) || str_eq(rd->it[at].text, STR("fastest")) || str_eq(rd->it[at].text, STR("quickest"))))
		return 0;
	for (int f = 0; f < ask->n_fields; f++)
		if (ask->field[f].role == ASK_SPAN && !ask->field[f].stored && ask->field[f].events & ask->field[r->group[0]].events) {
			if (found >= 0)
				return 0;
			found = f;
		}
	if (found < 0)
		return 0;
	r->m.of = ASK_OF_FIELD, r->m.field = found, r->m.agg = rd->average ? (enum ask_agg)rd->average : ASK_AVG, r->m.q = rd->q;
	events_of_field(ask, &r->m);
	return 1;
}

/* Nothing is named that could be counted: the groups, or their order, may say what is meant. */
static int
unnamed_measure(struct ask_reader *rd)
{
	struct ask_reading *r = rd->r;
	int most = find(rd, ASK_MOST, 0), kind = most >= 0 ? rd->it[most].arg : find(rd, ASK_LEAST, 0) >= 0 ?
	    rd->it[find(rd, ASK_LEAST, 0)].arg : 0;

	if (!r->n_groups && !r->unit && !r->part)
		return ask_fail(rd, "I do not see what to count or measure in that. Ask for a number of events, users or sessions, a sum, an average or a rate.");
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
		return ask_fail(rd, "By what? Say by revenue, or by average order value.");
	if (kind == 1 && slowest_of(rd))
		return 1;
	if (kind == 1 || kind == 5)
		return ask_fail(rd, "The longest or largest by what? Name the number: the longest duration, the largest order.");
	if (r->n_groups && r->group[0] >= 0 && rd->ask->field[r->group[0]].path && rd->ask->view >= 0 &&
	    (rd->ask->field[r->group[0]].events >> rd->ask->view & 1)) {
		r->m.of = ASK_COUNT, r->m.events = 1ull << rd->ask->view;
		return 1;
	}
	if (r->rank && kind != 2 && kind != 4 && !has(rd, ASK_TOP) && !has(rd, ASK_RANKED) && !has(rd, ASK_USED))
		return ask_fail(rd, "The most or least of what? It can be read by users, by sessions, by purchases or by revenue; say which.");
	if ((r->unit || r->part) && !r->n_groups)
		return ask_fail(rd, "I do not see what to count in that. It can be read as page views, as users, or as sessions; say which.");
	r->m.of = ASK_DISTINCT_USERS;
	if (r->n_groups == 1 && r->group[0] >= 0 && !r->rank)           /* which there are: events without are none of them */
		ask_filter_add(&r->where, (struct ask_filter){ .field = r->group[0], .is_null = 1, .not = 1 });
	return 1;
}

/* Several events side by side: signups and logins per day, more signups or logins? */
static int
events_beside(struct ask_reader *rd, int noun)
{
	struct ask_reading *r = rd->r;
	uint64_t set = 0;
	int joined = 0;

	for (int i = noun; i < rd->n; i++) {
		if (is(rd, i, ASK_AND) && str_eq(rd->it[i].text, STR("but")))
			return ask_fail(rd, "I do not see how these events belong together; ask for users who did the one and not the other.");
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
	return ask_fail(rd, "I do not see how these events belong together; ask for users who did both, or for one after the other.");
}

/* How long: of sessions, or of events that have a duration. 1; 0: failed. */
static int
duration_measured(struct ask_reader *rd)
{
	struct ask_measure *m = &rd->r->m;
	int session = find_new(rd, ASK_SESSIONS, 0) >= 0 || find_new(rd, ASK_VISIT, 0) >= 0, span = ask_span_of(rd);

	for (int i = 0; i < rd->n; i++)                 /* how long until a user buys */
		if (is(rd, i, ASK_EVENT) && (span < 0 || !(rd->ask->field[span].events >> rd->it[i].arg & 1)))
			return ask_fail(rd, "Events tell how long they took where they have a duration, not the time from one to another.");
	for (int i = 0; i < rd->n; i++)
		if (is(rd, i, ASK_LENGTH) || is(rd, i, ASK_SPEND) || is(rd, i, ASK_USERS) || is(rd, i, ASK_SESSIONS) || is(rd, i, ASK_VISIT) ||
		    is(rd, i, ASK_EVENT))
			rd->it[i].used = 1;
	if (session) {
		m->of = ASK_OF_SESSION_LENGTH, m->agg = rd->average ? (enum ask_agg)rd->average : ASK_AVG, m->q = rd->q;
		return 1;
	}
	if (!span_measure(rd, m, (enum ask_agg)rd->average))
		return 0;
	events_of_field(rd->ask, m);
	return 1;
}

/* The noun that says what is measured before any other does: behind "ranked by", an order value, revenue, a number. -1: none. */
static int
foremost_noun(const struct ask_reader *rd)
{
	if (rd->ranking_at >= 0)
		for (int i = rd->ranking_at + 1; i < rd->n; i++)
			if (measure_noun(rd, i))
				return i;
	for (int i = 0; i < rd->n; i++)
		if ((is(rd, i, ASK_ORDER_VALUE) || is(rd, i, ASK_MONEY) || is(rd, i, ASK_METRIC) || is_number_field(rd, i) ||
		    (is(rd, i, ASK_LENGTH) && rd->it[i].arg != 2)) && measure_noun(rd, i))
			return i;
	return -1;
}

/* Any other, the first of them; -1. first_event: the first event that is named. */
static int
other_noun(struct ask_reader *rd, int first_event)
{
	const struct ask_reading *r = rd->r;
	int noun = find_new(rd, ASK_SPEND, 0);

	for (int i = 0; i < rd->n && noun < 0; i++)
		if (measure_noun(rd, i) && i != rd->per)
			noun = i;
	if (noun >= 0 && is(rd, noun, ASK_USERS) && r->rank && r->n_groups && r->group[0] >= 0 && !is(rd, noun - 1, ASK_MOST) &&
	    !is(rd, noun - 1, ASK_LEAST) && !is(rd, noun - 1, ASK_ACTIVE) && rd->ranking_at < 0 && !has(rd, ASK_HOW_MANY) && !has(rd, ASK_THAT) &&
	    (first_event == noun + 1 || (first_event > noun && rd->it[first_event].verb))) {
		rd->it[noun].used = 1;          /* what page did users view most */
		noun = first_event;
	}
	return noun;
}

/* So much for each: what it is divided by is rd->per. 1; 0: failed. */
static int
measured_per(struct ask_reader *rd, int noun)
{
	struct ask_measure *m = &rd->r->m;
	uint64_t per = is(rd, rd->per, ASK_EVENT) ? 1ull << rd->it[rd->per].arg : 0;

	if (!measure_of(rd, noun, m))
		return 0;
	if (m->of == ASK_OF_FIELD && m->agg == ASK_AVG && (m->field == rd->ask->money || rd->ask->field[m->field].role == ASK_AMOUNT))
		m->agg = ASK_SUM;               /* average revenue per user */
	if (m->of == ASK_OF_FIELD && (rd->ask->field[m->field].events & per) && (!m->events || m->events == per)) {
		m->events = per;
		if (m->agg == ASK_SUM && rd->average != ASK_SUM)
			m->agg = ASK_AVG;
		if (m->agg != ASK_SUM)
			return 1;               /* attempts per quiz, which has them: their average */
	}
	if (m->of == ASK_OF_FIELD && m->agg != ASK_SUM)
		return ask_fail(rd, "An average for each of them and a total over how many there are differ; say the total %.*s per …, or the average by …",
		    STR_FMT(rd->ask->field[m->field].name));
	return divided(rd);
}

/* An event as what is measured: where it means something else than how often it was. 1 that is read; 0 failed; -1 it means nothing else. */
static int
event_measured(struct ask_reader *rd, int noun)
{
	struct ask_reading *r = rd->r;
	const struct ask_item *it = &rd->it[noun];
	int i;

	if (it->arg == rd->ask->purchase && it->verb && has(rd, ASK_HOW_MUCH) && !has(rd, ASK_HOW_MANY) && !rd->average) {
		rd->it[noun].used = 1;          /* how much did we sell */
		if (!money_measure(rd, &r->m, ASK_SUM))
			return 0;
		events_of_field(rd->ask, &r->m);
		return 1;
	}
	/* how many bought: users, where the event is something done and nobody is named */
	if (it->verb && !is_plural(it) && !has(rd, ASK_USERS) && r->n_groups == 0 && (i = find(rd, ASK_HOW_MANY, 0)) >= 0 && i == noun - 1 &&
	    rd->it[i].arg == 0) {
		r->m.of = ASK_DISTINCT_USERS;
		ask_conditions(rd, noun);
		ask_simplify(r, &r->m);
		return 1;
	}
	/* what did people search for */
	if ((it->verb || str_eq(it->text, STR("buy"))) && has(rd, ASK_WHICH) && !r->n_groups && !r->unit && !r->part)
		return ask_fail(rd, ABOUT_WHAT);
	return -1;
}

int
ask_measured(struct ask_reader *rd)
{
	struct ask_reading *r = rd->r;
	int best = find(rd, ASK_BEST, 0), noun, i, rc, first = find_new(rd, ASK_EVENT, 0), second = first < 0 ? -1 : find_new(rd, ASK_EVENT, first + 1);

	if (r->m.of == ASK_DISTINCT_FIELD && rd->average && rd->average != ASK_SUM && !r->unit)
		return ask_fail(rd, "How many different values there are is one number; an average of it is over what? Say per day.");
	if (r->m.of == ASK_DISTINCT_FIELD)
		return 1;
	if (has(rd, ASK_CONVERSION) || has(rd, ASK_SHARE) || has(rd, ASK_RATE) || has(rd, ASK_DROP))
		return ratios(rd);
	for (i = 1; i + 1 < rd->n; i++)
		if (is(rd, i, ASK_AND) && measure_noun(rd, i - 1) && measure_noun(rd, i + 1) && rd->it[i - 1].is != rd->it[i + 1].is &&
		    !has(rd, ASK_THAT) && i + 1 != rd->per && !rd->it[i - 1].verb && !rd->it[i + 1].verb)
			return ask_fail(rd, "Those are two measures; ask for one after the other.");
	if ((noun = foremost_noun(rd)) < 0 &&
	    (has(rd, ASK_HOW_LONG) || ((has(rd, ASK_SPEND) || has(rd, ASK_MOST) || rd->average) && has(rd, ASK_LENGTH))))
		return duration_measured(rd);
	if (noun < 0)
		noun = other_noun(rd, first);
	if (noun < 0 && r->n_conditions && !r->n_groups) {      /* users who …, all of it in conditions */
		r->m.of = ASK_DISTINCT_USERS;
		return 1;
	}
	if (best >= 0 && rd->ranking_at < 0 && (noun < 0 || rd->it[noun].is == ASK_TRAFFIC))
		return best_readings(rd);
	if (noun < 0)
		return unnamed_measure(rd);
	if (is(rd, noun, ASK_EVENT) && second > noun && !rd->average && rd->per < 0 && !has(rd, ASK_USERS) && !has(rd, ASK_WHO) && !has(rd, ASK_THEN))
		return events_beside(rd, noun);
	if (rd->average == ASK_AVG && rd->per < 0 && !r->unit &&
	    (is(rd, noun, ASK_EVENT) || is(rd, noun, ASK_SESSIONS) || is(rd, noun, ASK_ALL_EVENTS)))
		for (i = 0; i < rd->n && rd->per < 0; i++)      /* how many does a session have on average */
			if (i != noun && !rd->it[i].used && (is(rd, i, ASK_USERS) || is(rd, i, ASK_SESSIONS) || is(rd, i, ASK_BUYERS)) &&
			    (!is_plural(&rd->it[i]) || has(rd, ASK_HOW_MANY)))
				rd->per = i, rd->it[i].used = 1;
	if (rd->per >= 0)
		return measured_per(rd, noun);
	if (is(rd, noun, ASK_EVENT) && (rc = event_measured(rd, noun)) >= 0)
		return rc;
	if (has(rd, ASK_WHICH) && is(rd, noun, ASK_USERS) && first > noun && (rd->it[first].verb || first == noun + 1) && !r->n_groups && !r->unit &&
	    !r->part && !has(rd, ASK_HOW_MANY))
		return ask_fail(rd, ABOUT_WHAT);
	if (!measure_of(rd, noun, &r->m))
		return 0;
	if (rd->average == ASK_AVG && r->m.of != ASK_OF_FIELD && r->m.of != ASK_OF_SESSION_LENGTH && !r->unit)
		return ask_fail(rd, "The average over what? Say per day, per user or per session.");
	return 1;
}

/* The users (or sessions) that are measured or grouped, and what they did; or a measure of those who did something. */
int
ask_who_did(struct ask_reader *rd)
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
		ask_conditions(rd, 0);
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
			ask_simplify(r, &r->m);
		return 1;
	}
	if (people && find_new(rd, ASK_EVENT, 0) >= 0 && r->m.of != ASK_DISTINCT_FIELD &&
	    (has(rd, ASK_THAT) || has(rd, ASK_WITHOUT) || has(rd, ASK_WITH) || has(rd, ASK_NOT))) {
		ask_conditions(rd, 0);      /* revenue from users who signed up this month */
		return 1;
	}
	if (find_new(rd, ASK_EVENT, 0) >= 0 && r->m.of == ASK_DISTINCT_FIELD) {
		int i = find_new(rd, ASK_EVENT, 0);

		r->m.events = 1ull << rd->it[i].arg;
		rd->it[i].used = 1;
	}
	return 1;
}
