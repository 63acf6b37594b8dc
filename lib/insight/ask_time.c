/* ask_time.c - words for time: today, last week, in the past 24 hours, since Monday, in October, between 1 and 5 November.
 *
 * A span that runs back from now is one with a number, or with "past"; days, weeks (from Monday) and months without one are those of
 * the calendar, in the zone. What is named without a year is the last one that has begun.
 */
#include <stdio.h>
#include <stdlib.h>

#include "insight/ask_priv.h"

struct at {
	const struct ask_word *w;
	int n;
	int64_t now, local;             /* local: now as a wall clock shows it, on the scale of UTC */
	const struct zone *zone;
};

static const char *const units[] = { "minute", "hour", "day", "week", "month", "quarter", "year" };
enum { MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER, YEAR };
static const int64_t unit_ms[] = { 60000, 3600000, 86400000, 7 * 86400000LL, 0, 0, 0 };
static const int unit_months[] = { 0, 0, 0, 0, 1, 3, 12 };

static int
is(const struct at *a, int i, const char *words)
{
	return ask_word_is(a->w, a->n, i, words);
}

static int
unit_of(const struct at *a, int i)
{
	static const struct { const char *words; int unit; } forms[] = { { "minute minutes min mins m", MINUTE }, { "hour hours hr hrs h", HOUR },
		{ "day days d", DAY }, { "week weeks wk wks w", WEEK }, { "month months mo mth mnth", MONTH },
		    { "quarter quarters", QUARTER }, { "year years yr yrs y", YEAR } };

	for (size_t k = 0; k < sizeof(forms) / sizeof(*forms); k++)
		if (is(a, i, forms[k].words))
			return forms[k].unit;
	return -1;
}

static int
month_of(const struct at *a, int i)
{
	static const char *const names[] = { "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
		"september sep sept", "october oct", "november nov", "december dec" };

	for (int k = 0; k < 12; k++)
		if (is(a, i, names[k]))
			return k + 1;
	return 0;
}

static int
weekday_of(const struct at *a, int i)
{
	static const char *const names[] = { "sunday sun", "monday mon", "tuesday tue tues", "wednesday wed", "thursday thu thur thurs",
	    "friday fri", "saturday sat" };

	for (int k = 0; k < 7; k++)
		if (is(a, i, names[k]))
			return k;
	return -1;
}

static int
number_of(const struct at *a, int i, double *v)
{
	static const char *const names[] = { "one an a", "two couple", "three few", "four", "five", "six", "seven", "eight", "nine", "ten",
	    "eleven", "twelve" };

	if (i >= a->n)
		return 0;
	if (a->w[i].is_number && a->w[i].number >= 0 && !a->w[i].ordinal && !a->w[i].money && !a->w[i].percent && a->w[i].date_from == TIME_NONE) {
		*v = a->w[i].number;
		return 1;
	}
	for (int k = 0; k < 12; k++)
		if (is(a, i, names[k])) {
			*v = k + 1;
			return 1;
		}
	return 0;
}

/* The start of the unit that holds local time t, moved by k units; local. */
static int64_t
start_of(int unit, int64_t t, int k)
{
	struct civil c;
	int64_t start = t;

	if (unit < WEEK) {
		start = t - ((t % unit_ms[unit]) + unit_ms[unit]) % unit_ms[unit];
		return start + k * unit_ms[unit];
	}
	time_trunc(str_of(units[unit]), NULL, t, &start);
	if (unit == WEEK)
		return start + k * unit_ms[unit];
	time_civil(start, &c);
	c.month += k * unit_months[unit];
	return time_of_civil(&c);
}

static void
set(const struct at *a, struct ask_period *p, int64_t from, int64_t to, int unit, int n)        /* of local times */
{
	*p = (struct ask_period){ .from = from == TIME_NONE ? TIME_NONE : zone_to_utc(a->zone, from), .to = to == TIME_NONE ? TIME_NONE : zone_to_utc(a->zone, to),
		.step_ms = unit_ms[unit] * n, .months = unit_months[unit] * n };
}

static void
set_unit(const struct at *a, struct ask_period *p, int unit, int64_t t, int k)
{
	set(a, p, start_of(unit, t, k), start_of(unit, t, k + 1), unit, 1);
	p->named = 1;
}

/* So many units back from now. */
static void
set_back(const struct at *a, struct ask_period *p, int unit, double n)
{
	*p = (struct ask_period){ .to = a->now + 1 };
	if (unit < MONTH) {
		p->step_ms = (int64_t)(n * (double)unit_ms[unit]);
		p->from = a->now - p->step_ms;
		return;
	}
	p->months = (int)n * unit_months[unit];
	p->from = zone_to_utc(a->zone, time_add_months(a->local, -p->months));
}

static void
label(const struct at *a, struct ask_period *p, int i, int end)
{
	size_t n = 0;

	if (i + 1 < end && is(a, i, "for of by from") && !is(a, i + 2, "to until till through"))
		i++;
	if (is(a, i, "between")) {
		int k = i;

		while (k < end && !is(a, k, "and to"))
			k++;
		i += k == end;
	}
	for (; i < end && n < sizeof(p->label) - 1; i++) {
		struct str t = a->w[i].text;

		if (n)
			p->label[n++] = ' ';
		for (size_t k = 0; k < t.n && n < sizeof(p->label) - 1; k++)
			p->label[n++] = t.p[k];
	}
	p->label[n] = 0;
	while (n && ((unsigned char)p->label[n - 1] & 0xc0) == 0x80)    /* a character that was cut */
		p->label[--n] = 0;
	if (n && (unsigned char)p->label[n - 1] >= 0xc0)
		p->label[n - 1] = 0;
}

/* "5 november", "november 5th", "november 2026", "november". Words; 0: none. `bare`: a month alone counts. */
static int
month_day(const struct at *a, int i, int bare, struct ask_period *p)
{
	int j = i, month, has_day = 0, has_year = 0;
	struct civil c, now;

	time_civil(a->local, &now);
	c = (struct civil){ .year = now.year, .day = 1 };
	if (j < a->n && a->w[j].is_number && a->w[j].number >= 1 && a->w[j].number <= 31 && a->w[j].number == (int)a->w[j].number) {
		c.day = (int)a->w[j].number, has_day = 1;
		j++;
		if (is(a, j, "of"))
			j++;
	}
	if ((month = month_of(a, j)) == 0)
		return 0;
	c.month = month;
	j++;
	if (!has_day && j < a->n && a->w[j].is_number && a->w[j].number >= 1 && a->w[j].number <= 31 &&
	    a->w[j].number == (int)a->w[j].number && unit_of(a, j + 1) < 0)
		c.day = (int)a->w[j++].number, has_day = 1;
	if (j < a->n && a->w[j].is_number && a->w[j].number >= 1970 && a->w[j].number <= 2200 && a->w[j].number == (int)a->w[j].number)
		c.year = (int)a->w[j++].number, has_year = 1;
	if (!has_day && !has_year && !bare && (month == 5 || month == 3) && !(is(a, i - 1, "and to vs versus or than with against") && month_of(a, i - 2)))
		return 0;               /* may, march: words of their own */
	if (!has_year && time_of_civil(&c) > a->local)
		c.year--;
	set_unit(a, p, has_day ? DAY : MONTH, time_of_civil(&c), 0);
	if (has_day)
		p->named = 0;
	return j - i;
}

/* "last", "past" and the like at j, and what stands behind it; i: where the words began, which what is returned counts from. */
static int
last_at(const struct at *a, int i, int j, struct ask_period *p)
{
	double n;
	int u, k, day;
	int past = is(a, j, "past trailing recent"), half = 0;

	k = j + 1;
	if (is(a, k, "full complete calendar"))
		k++;
	if (is(a, k, "half"))
		half = 1, k += is(a, k + 1, "an a") ? 2 : 1;
	if (!half && number_of(a, k, &n)) {
		k++;
		if (is(a, k, "of"))
			k++;
		if (is(a, k, "full complete calendar whole"))
			k++;
		if ((u = unit_of(a, k)) >= 0 && n > 0 && n < 1e6)
			return set_back(a, p, u, n), k + 1 - i;
		if (is(a, k, "fortnights fortnight"))
			return set_back(a, p, WEEK, 2 * n), k + 1 - i;
		return 0;
	}
	if ((u = unit_of(a, k)) >= 0) {
		if (half)
			set_back(a, p, u >= MONTH ? DAY : u, u == MONTH ? 15 : u == QUARTER ? 45 : u == YEAR ? 182 : 0.5);
		else if (past || u < DAY || (u == DAY && is(a, j, "last")))
			set_back(a, p, u == MONTH ? DAY : u, u == MONTH ? 30 : 1);
		else
			set_unit(a, p, u, a->local, -1);
		return k + 1 - i;
	}
	if (is(a, k, "fortnight"))
		return set_back(a, p, WEEK, 2), k + 1 - i;
	if (is(a, k, "weekend"))
		return set(a, p, start_of(WEEK, a->local, -1) + 5 * 86400000LL, start_of(WEEK, a->local, 0), WEEK, 1), k + 1 - i;
	if (is(a, k, "night"))
		return set(a, p, start_of(DAY, a->local, -1) + 18 * 3600000LL, start_of(DAY, a->local, 0), DAY, 1), k + 1 - i;
	if ((day = weekday_of(a, k)) >= 0) {
		int64_t t = start_of(DAY, a->local, -1);
		struct civil c;

		for (time_civil(t, &c); c.weekday != day; time_civil(t, &c))
			t -= 86400000;
		return set(a, p, t, t + 86400000, WEEK, 1), k + 1 - i;
	}
	if (month_of(a, k)) {
		struct civil c;

		time_civil(a->local, &c);
		c = (struct civil){ .year = c.year - (month_of(a, k) >= c.month), .month = month_of(a, k), .day = 1 };
		return set_unit(a, p, MONTH, time_of_civil(&c), 0), k + 1 - i;
	}
	return 0;
}

/* "Q3", "q3 2025", "third quarter of 2025": the last one that has begun where no year is said. Words; 0: none. */
static int
quarter_at(const struct at *a, int i, struct ask_period *p)
{
	static const char *const names[] = { "q1 1st first", "q2 2nd second", "q3 3rd third", "q4 4th fourth" };
	struct civil c = { .day = 1 }, now;
	int k = 0, j = i + 1;

	while (k < 4 && !is(a, i, names[k]) && !(i < a->n && a->w[i].is_number && a->w[i].ordinal && a->w[i].number == k + 1))
		k++;
	if (k == 4)
		return 0;
	if (!(a->w[i].text.n == 2 && (a->w[i].text.p[0] | 32) == 'q')) {
		if (!is(a, j, "quarter"))
			return 0;
		j++;
	}
	if (is(a, j, "of in"))
		j++;
	time_civil(a->local, &now);
	c.month = 3 * k + 1;
	if (j < a->n && a->w[j].is_number && a->w[j].number >= 1970 && a->w[j].number <= 2200 && a->w[j].number == (int)a->w[j].number) {
		c.year = (int)a->w[j++].number;
	} else {
		j -= is(a, j - 1, "of in");
		c.year = now.year - (c.month > now.month);
	}
	set_unit(a, p, QUARTER, time_of_civil(&c), 0);
	return j - i;
}

static int unit_at(const struct at *, int i, int bare, struct ask_period *);

/* "first half of november", "second half of last year", "first week of october", "last 3 days of this month". Words; 0: none. */
static int
piece_at(const struct at *a, int i, struct ask_period *p)
{
	int last = is(a, i, "last second"), j = i + 1, unit = -1, k;
	struct ask_period whole;
	struct civil c;
	int64_t from, to, days;
	double n = 1;

	if (!is(a, i, "first last second"))
		return 0;
	if (is(a, j, "half")) {
		j++;
	} else {
		if (is(a, i, "second"))
			return 0;
		j += number_of(a, j, &n);
		if ((unit = unit_of(a, j)) != DAY && unit != WEEK)
			return 0;
		j++;
	}
	if (!is(a, j, "of in") || !(k = unit_at(a, j + 1, 1, &whole)) || k < 0 || !whole.named || whole.months < 1 || !(n >= 1 && n <= 60) || n != (int)n)
		return 0;
	from = whole.from + zone_offset(a->zone, whole.from), to = whole.to + zone_offset(a->zone, whole.to);
	time_civil(from, &c);
	if (unit < 0 && whole.months == 1)
		c.day = 16;
	else if (unit < 0 && whole.months % 2 == 0)
		c.month += whole.months / 2;
	else if (unit < 0)
		return 0;
	days = (int64_t)n * (unit == WEEK ? 7 : 1) * 86400000;
	if (last)
		from = unit < 0 ? time_of_civil(&c) : to - days > from ? to - days : from;
	else
		to = unit < 0 ? time_of_civil(&c) : from + days < to ? from + days : to;
	set(a, p, from, to, DAY, (int)((to - from) / 86400000));
	return j + 1 + k - i;
}

/* A point or unit of time without its preposition. Words, 0, or -1. */
static int
unit_at(const struct at *a, int i, int bare, struct ask_period *p)
{
	static const char *const day_parts[] = { "morning", "afternoon", "evening night" };
	double n;
	int j = i, u, k, day;

	while (is(a, j, "the all whole entire just") && j < a->n)
		j++;
	if (j >= a->n)
		return 0;
	if (is(a, j, "today tody tdy 2day tonight"))
		return set_unit(a, p, DAY, a->local, 0), j + 1 - i;
	if (is(a, j, "yesterday yday ystd ystrday yest"))
		return set_unit(a, p, DAY, a->local, -1), j + 1 - i;
	if (is(a, j, "tomorrow") ||
	    (is(a, j, "next coming upcoming") &&
	    (unit_of(a, j + 1) >= 0 || number_of(a, j + 1, &n) || weekday_of(a, j + 1) >= 0 || month_of(a, j + 1))))
		return -1;
	if (is(a, j, "day") && is(a, j + 1, "before") && is(a, j + 2, "yesterday"))
		return set_unit(a, p, DAY, a->local, -2), j + 3 - i;
	if (is(a, j, "ytd mtd wtd"))
		return set_unit(a, p, is(a, j, "ytd") ? YEAR : is(a, j, "mtd") ? MONTH : WEEK, a->local, 0), j + 1 - i;
	if ((u = unit_of(a, j)) >= DAY && is(a, j + 1, "to") && is(a, j + 2, "date"))
		return set_unit(a, p, u, a->local, 0), j + 3 - i;
	if (a->w[j].date_from != TIME_NONE) {
		set(a, p, a->w[j].date_from, a->w[j].date_to, DAY, 1);
		if (a->w[j].date_to - a->w[j].date_from > 86400000)
			p->step_ms = 0, p->months = 1, p->named = 1;
		return j + 1 - i;
	}
	if (is(a, j, "this current")) {
		for (k = 0; k < 3; k++)
			if (is(a, j + 1, day_parts[k])) {
				int64_t start = start_of(DAY, a->local, 0);

				set(a, p, start + (k + 1) * 6 * 3600000LL - (k == 0) * 6 * 3600000LL, start + (k + 2) * 6 * 3600000LL, DAY, 1);
				return j + 2 - i;
			}
		if ((u = unit_of(a, j + 1)) >= 0)
			return set_unit(a, p, u, a->local, 0), j + 2 - i;
		if (is(a, j + 1, "weekend"))
			return set(a, p, start_of(WEEK, a->local, 0) + 5 * 86400000LL, start_of(WEEK, a->local, 1), WEEK, 1), j + 2 - i;
		if (month_of(a, j + 1))
			return (k = month_day(a, j + 1, 1, p)) ? j + 1 + k - i : 0;
		if (weekday_of(a, j + 1) >= 0)
			j++;
	}
	if ((k = piece_at(a, j, p)) || (k = quarter_at(a, j, p)))
		return j + k - i;
	if (is(a, j, "last past previous prior trailing recent preceding latest"))
		return last_at(a, i, j, p);
	if (number_of(a, j, &n) && (u = unit_of(a, j + 1)) >= 0 && is(a, j + 2, "ago back earlier") && n < 1e5) {
		set_unit(a, p, u, a->local, -(int)n);
		return j + 3 - i;
	}
	if (is(a, j, "weekend") && j > i)
		return set(a, p, start_of(WEEK, a->local, -1) + 5 * 86400000LL, start_of(WEEK, a->local, 0), WEEK, 1), j + 1 - i;
	if ((day = weekday_of(a, j)) >= 0 && (a->w[j].text.n > 3 || (bare && day != 0 && day != 6))) {
		int64_t t = start_of(DAY, a->local, 0);
		struct civil c;
		int parts = 0;

		for (time_civil(t, &c); c.weekday != day; time_civil(t, &c))
			t -= 86400000;
		if (is(a, j + 1, "last") && is(a, j + 2, "week"))
			t = start_of(WEEK, a->local, -1) + (day + 6) % 7 * 86400000LL, parts = 2;
		return set(a, p, t, t + 86400000, WEEK, 1), j + 1 + parts - i;
	}
	if ((k = month_day(a, j, bare, p)))
		return j + k - i;
	if (bare && is(a, i - 1, "in during since before after from of until till") && a->w[j].is_number && !a->w[j].ordinal &&
	    a->w[j].number >= 1990 && a->w[j].number <= 2200 && a->w[j].number == (int)a->w[j].number) {
		struct civil c = { .year = (int)a->w[j].number, .month = 1, .day = 1 };

		return set_unit(a, p, YEAR, time_of_civil(&c), 0), j + 1 - i;
	}
	return 0;
}

/* ---- hours of the day */

/* "9", "11 am", "9:00", "noon". Words; *half: 1 am, 2 pm, 3 said otherwise to be a time, 0 a number only. */
static int
hour_at(const struct at *a, int i, int *hour, int *half)
{
	int k = i + 1;

	*half = 3;
	if (is(a, i, "noon midday midnight")) {
		*hour = is(a, i, "midnight") ? 0 : 12;
		return 1;
	}
	if (i >= a->n || !a->w[i].is_number || a->w[i].ordinal || a->w[i].money || a->w[i].percent || a->w[i].date_from != TIME_NONE || !(a->w[i].number >= 0 && a->w[i].number <= 24) ||
	    a->w[i].number != (int)a->w[i].number)
		return 0;
	*hour = (int)a->w[i].number;
	if (k < a->n && a->w[k].comma && is(a, k, "00"))
		k++;
	else
		*half = 0;
	if (is(a, k, "am a.m") && *hour <= 12)
		*half = 1, *hour %= 12, k++;
	else if (is(a, k, "pm p.m") && *hour <= 12)
		*half = 2, *hour = *hour % 12 + 12, k++;
	else if (is(a, k, "oclock o"))         /* o'clock: the end behind the apostrophe is not read */
		*half = 3, k += is(a, k, "o") && is(a, k + 1, "clock") ? 2 : 1;
	return k - i;
}

int
ask_hours(const struct ask_word *words, int n, int i, int *from, int *to)
{
	struct at a = { .w = words, .n = n };
	int after = is(&a, i, "after since from"), before = is(&a, i, "before until till"), range = is(&a, i, "between from"), j, k, l, first, second, half, other;

	j = after || before || range || is(&a, i, "at around in during") ? i + 1 : i;
	if (!(k = hour_at(&a, j, &first, &half)))
		return 0;
	if ((range || j == i) && is(&a, j + k, "and to until till") && (l = hour_at(&a, j + k + 1, &second, &other)) && (half || other)) {
		if (!half && other < 3 && first <= 12)          /* 9 to 11 am; 11 to 1 pm begins in the morning */
			first = first % 12 + (other == 2 && first % 12 + 12 < second ? 12 : 0);
		if (!other && half == 2 && second <= 12)
			second = second % 12 + 12;
		*from = first, *to = second == 0 ? 24 : second;
		return *from < *to ? j + k + 1 + l - i : 0;
	}
	if (!half)
		return 0;
	*from = before ? 0 : first;
	*to = before ? first : after ? 24 : first + 1;
	return *from < *to ? j + k - i : 0;
}

int
ask_time(const struct ask_word *words, int n, int i, int64_t now, const struct zone *zone, int apart, struct ask_period *p)
{
	struct at a = { words, n, now, now + zone_offset(zone, now), zone };
	struct ask_period second;
	int j = i, k, m, since, before, after, until, between, bare;

	since = is(&a, j, "since starting");
	before = is(&a, j, "before");
	after = is(&a, j, "after");
	until = is(&a, j, "until till through");
	between = is(&a, j, "between from");
	bare = since || before || after || until || between || is(&a, j, "in during on over for within of at throughout by");
	if (bare)
		j++;
	if (since && is(&a, j, "from on"))
		j++;
	if (is(&a, j, "beginning start") || (is(&a, j, "the") && is(&a, j + 1, "beginning start"))) {        /* since the beginning of the month */
		k = is(&a, j, "the") ? j + 2 : j + 1;
		if (since && is(&a, k, "of")) {
			k++;
			if (is(&a, k, "the this"))
				k++;
			if ((m = unit_of(&a, k)) >= DAY) {
				set_unit(&a, p, m, a.local, 0);
				p->to = now + 1;
				label(&a, p, i, k + 1);
				return k + 1 - i;
			}
		}
	}
	k = unit_at(&a, j, bare, p);
	if (k <= 0)
		return k;
	j += k;
	/* between X and Y, from X to Y, X to Y */
	if ((between && is(&a, j, "and to until till through thru")) || (!bare && is(&a, j, "to until till through thru"))) {
		k = unit_at(&a, j + 1, 1, &second);
		if (k == 0 && words[j].text.n && j + 1 < n && words[j + 1].is_number && p->to != TIME_NONE && !p->named) {
			/* 1 to 5 of the same month */
			struct civil c;

			time_civil(p->from + zone_offset(zone, p->from), &c);
			c.day = (int)words[j + 1].number;
			set(&a, &second, time_of_civil(&c), time_of_civil(&c) + 86400000, DAY, 1);
			k = words[j + 1].number >= 1 && words[j + 1].number <= 31;
		}
		if (k > 0 && second.from >= p->from &&
		    !(p->named && second.named && p->months + p->step_ms == second.months + second.step_ms &&
		    (apart || !is(&a, i, "between")))) {
			p->to = second.to;
			p->step_ms = p->to - p->from;
			p->months = 0;
			j += 1 + k;
			p->named = 0;
		}
	} else if (is(&a, i, "from") && (is(&a, j, "on onward onwards forward"))) {
		p->to = now + 1;
		j++;
		if (is(&a, j, "onward onwards"))
			j++;
	}
	if (since && apart && p->named) {
		p->reference = 1;
	} else if (since || (after && p->named == 0)) {
		p->from = after ? p->to : p->from;
		p->to = now + 1;
		p->step_ms = p->to - p->from, p->months = 0, p->named = 0;
	} else if (after) {
		p->from = p->to, p->to = now + 1, p->step_ms = p->to - p->from, p->months = 0;
	} else if (before) {
		p->to = p->from, p->from = TIME_NONE, p->named = 0;
	} else if (until) {
		p->from = TIME_NONE, p->named = 0;
	}
	while (is(&a, j, "so") && is(&a, j + 1, "far"))
		j += 2;
	label(&a, p, i + p->reference, j);
	return j - i;
}

int
ask_steps(const struct ask_period *p, int unit, int64_t now, const struct zone *zone)
{
	int64_t end = p->to > now ? now + 1 : p->to, from, to;
	int n = 0;

	if (p->from == TIME_NONE || p->to == TIME_NONE || p->from >= end || unit < 1 || unit > YEAR + 1)
		return 0;
	from = start_of(unit - 1, p->from + zone_offset(zone, p->from), 0), to = end - 1 + zone_offset(zone, end - 1);
	while (from <= to && n <= 100000)
		from = start_of(unit - 1, from, 1), n++;
	return n <= 100000 ? n : 0;
}

void
ask_period_before(const struct ask_period *p, const struct zone *zone, struct ask_period *to)
{
	*to = *p;
	for (int end = 0; end < 2; end++) {
		int64_t t = end ? p->to : p->from;

		if (t == TIME_NONE)
			continue;
		t += zone_offset(zone, t);
		t = p->months ? time_add_months(t, -p->months) : t - p->step_ms;
		*(end ? &to->to : &to->from) = zone_to_utc(zone, t);
	}
	if (p->from != TIME_NONE && to->to == p->from + 1)      /* of what ends with now, which is a moment more */
		to->to = p->from;
	snprintf(to->label, sizeof(to->label), "the period before");
}
