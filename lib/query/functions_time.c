/* Functions of time. Days, weeks, months and hours of the day of an instant are those of --tz; a text without a zone, or a date
 * alone, is taken as it stands. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "base/time.h"
#include "query/functions_priv.h"

#define DAY 86400000LL

int
functions_interval(struct str text, int64_t *ms, int64_t *months)
{
	static const struct { const char *name; double ms; double months; } units[] = {
		{ "us", 0.001 }, { "microsecond", 0.001 }, { "microseconds", 0.001 }, { "ms", 1 }, { "millisecond", 1 }, { "milliseconds", 1 },
		{ "s", 1000 }, { "sec", 1000 }, { "secs", 1000 }, { "second", 1000 }, { "seconds", 1000 },
		{ "m", 60e3 }, { "min", 60e3 }, { "mins", 60e3 }, { "minute", 60e3 }, { "minutes", 60e3 },
		{ "h", 3600e3 }, { "hr", 3600e3 }, { "hrs", 3600e3 }, { "hour", 3600e3 }, { "hours", 3600e3 },
		{ "d", DAY }, { "day", DAY }, { "days", DAY }, { "w", 7 * DAY }, { "week", 7 * DAY }, { "weeks", 7 * DAY },
		{ "mo", 0, 1 }, { "mon", 0, 1 }, { "mons", 0, 1 }, { "month", 0, 1 }, { "months", 0, 1 }, { "q", 0, 3 }, { "quarter", 0, 3 }, { "quarters", 0, 3 },
		{ "y", 0, 12 }, { "yr", 0, 12 }, { "year", 0, 12 }, { "years", 0, 12 }, { NULL } };
	const char *p = text.p, *end = text.p + text.n;
	double sum = 0, sum_months = 0;
	int any = 0;

	for (;;) {
		char number[40];
		const char *start;
		size_t n;
		double x;
		int i, sign = 1;

		while (p < end && (*p == ' ' || *p == '\t' || *p == ','))
			p++;
		if (p == end)
			break;
		if (*p == '-' || *p == '+')
			sign = *p++ == '-' ? -1 : 1;
		for (start = p; p < end && ((*p >= '0' && *p <= '9') || *p == '.'); p++)
			;
		n = (size_t)(p - start);
		if (n == 0 || n >= sizeof(number))
			return -1;
		memcpy(number, start, n);
		number[n] = 0;
		if (str_double((struct str){ number, n }, &x) < 0)
			return -1;
		if (p < end && *p == ':') {     /* 01:30[:15.5] */
			double part[3] = { x, 0, 0 };
			int k = 1;

			while (k < 3 && p < end && *p == ':') {
				for (start = ++p; p < end && ((*p >= '0' && *p <= '9') || *p == '.'); p++)
					;
				if (str_double((struct str){ start, (size_t)(p - start) }, &part[k++]) < 0)
					return -1;
			}
			sum += sign * (part[0] * 3600e3 + part[1] * 60e3 + part[2] * 1e3);
			any = 1;
			continue;
		}
		while (p < end && *p == ' ')
			p++;
		for (start = p; p < end && ((*p | 32) >= 'a' && (*p | 32) <= 'z'); p++)
			;
		n = (size_t)(p - start);
		if (n == 0) {
			sum += sign * x * 1000;
			any = 1;
			continue;
		}
		for (i = 0; units[i].name && (strlen(units[i].name) != n || strncasecmp(units[i].name, start, n) != 0); i++)
			;
		if (!units[i].name)
			return -1;
		sum += sign * x * units[i].ms;
		sum_months += sign * x * units[i].months;
		any = 1;
	}
	if (!any || fabs(sum) > 1e15 || fabs(sum_months) > 2e5)
		return -1;
	*months = (int64_t)sum_months;
	*ms = llround(sum + (sum_months - (double)*months) * 30 * DAY);
	return 0;
}

/* ---- reading and giving times */

static int
digits(const char *p, int n)
{
	int v = 0;

	while (n--) {
		if (*p < '0' || *p > '9')
			return -1000000;
		v = 10 * v + *p++ - '0';
	}
	return v;
}

/* Days since 1970 (Howard Hinnant's days_from_civil). */
static int64_t
days_of(int y, int m, int d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int yoe = (int)(y - era * 400), doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1, doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

int
functions_time_of_text(struct str s, int64_t *ms, enum functions_form *form)
{
	*form = FORM_INSTANT;
	if (s.n == TIME_LEN && s.p[23] == 'Z' && s.p[10] == 'T' && s.p[19] == '.' && s.p[4] == '-' && s.p[13] == ':') {
		int y = digits(s.p, 4), mo = digits(s.p + 5, 2), d = digits(s.p + 8, 2), h = digits(s.p + 11, 2), mi = digits(s.p + 14, 2),
		    sec = digits(s.p + 17, 2), milli = digits(s.p + 20, 3);

		if (y >= 0 && mo >= 1 && mo <= 12 && d >= 1 && d <= 28 && h >= 0 && h < 24 && mi >= 0 && mi < 60 && sec >= 0 && sec < 60 && milli >= 0) {
			*ms = ((days_of(y, mo, d) * 24 + h) * 60 + mi) * 60000LL + sec * 1000 + milli;
			return 0;
		}
	}
	s = str_trim(s);
	if (time_parse_rfc3339(s, ms) == 0) {
		char last = s.p[s.n - 1];

		if (s.n == 10)
			*form = FORM_DATE;
		else if (last != 'Z' && last != 'z' && !memchr(s.p + 10, '+', s.n - 10) && !memchr(s.p + 10, '-', s.n - 10))
			*form = FORM_LOCAL;
		return 0;
	}
	if (s.n >= 3 && s.n < 40 && (strncasecmp(s.p, "now", 3) == 0 || strncasecmp(s.p, "today", s.n) == 0 || strncasecmp(s.p, "yesterday", s.n) == 0 ||
	    strncasecmp(s.p, "tomorrow", s.n) == 0)) {
		struct err err = {0};

		return time_parse(s, NULL, ms, &err) < 0 ? -1 : 0;
	}
	return -1;
}

int
functions_time_of(sqlite3_value *v, int64_t *ms, enum functions_form *form)
{
	*form = FORM_INSTANT;
	switch (sqlite3_value_type(v)) {
	case SQLITE_INTEGER:
		return time_of_epoch_int(sqlite3_value_int64(v), ms);
	case SQLITE_FLOAT:
		return time_of_epoch(sqlite3_value_double(v), ms);
	case SQLITE_TEXT:
		return functions_time_of_text(functions_text_of(v), ms, form);
	default:
		return -1;
	}
}

void
functions_give_time(sqlite3_context *c, int64_t ms, enum functions_form form)
{
	char out[TIME_LEN];

	time_print(ms, out);
	sqlite3_result_text(c, out, form == FORM_INSTANT ? TIME_LEN : form == FORM_LOCAL ? TIME_LEN - 1 : 10, SQLITE_TRANSIENT);
}

static const struct zone *
zone_of(sqlite3_context *c, enum functions_form form)
{
	return form == FORM_INSTANT ? functions_self(c)->all->zone : NULL;
}

/* ms as the clock on the wall shows it there. */
static int64_t
local_in(const struct zone *zone, int64_t ms, enum functions_form form)
{
	return zone && form == FORM_INSTANT ? ms + zone_offset(zone, ms) : ms;
}

static int64_t
local(sqlite3_context *c, int64_t ms, enum functions_form form)
{
	return local_in(functions_self(c)->all->zone, ms, form);
}

/* ---- units */

enum unit { MICROSECOND, MILLISECOND, SECOND, MINUTE, HOUR, DAYS, WEEK, MONTH, QUARTER, YEAR, DECADE, CENTURY, DOW, ISODOW, DOY, EPOCH, ISOYEAR,
	YEARWEEK, EPOCH_MS, EPOCH_US, EPOCH_NS };

static const struct { const char *name; enum unit unit; const char *trunc; } unit_names[] = {
	{ "microsecond", MICROSECOND, "ms" }, { "us", MICROSECOND, "ms" }, { "millisecond", MILLISECOND, "ms" }, { "ms", MILLISECOND, "ms" }, { "msec", MILLISECOND, "ms" },
	{ "second", SECOND, "second" }, { "sec", SECOND, "second" }, { "s", SECOND, "second" }, { "minute", MINUTE, "minute" }, { "min", MINUTE, "minute" }, { "mi", MINUTE, "minute" },
	{ "hour", HOUR, "hour" }, { "h", HOUR, "hour" }, { "hr", HOUR, "hour" }, { "day", DAYS, "day" }, { "d", DAYS, "day" }, { "dayofmonth", DAYS, "day" },
	{ "week", WEEK, "week" }, { "w", WEEK, "week" }, { "isoweek", WEEK, "week" }, { "weekofyear", WEEK, "week" }, { "month", MONTH, "month" }, { "mon", MONTH, "month" },
	{ "quarter", QUARTER, "quarter" }, { "q", QUARTER, "quarter" }, { "year", YEAR, "year" }, { "y", YEAR, "year" }, { "yr", YEAR, "year" },
	{ "decade", DECADE }, { "century", CENTURY }, { "dow", DOW }, { "dayofweek", DOW }, { "weekday", DOW }, { "isodow", ISODOW },
	{ "doy", DOY }, { "dayofyear", DOY }, { "epoch", EPOCH }, { "isoyear", ISOYEAR }, { "yearweek", YEARWEEK }, { "epoch_ms", EPOCH_MS }, { NULL } };

static int
unit_called(struct str s)               /* index in unit_names, -1 for none */
{
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; unit_names[i].name; i++)
			if (strlen(unit_names[i].name) == s.n && strncasecmp(unit_names[i].name, s.p, s.n) == 0)
				return i;
		if ((s.p[s.n - 1] | 32) == 's' && s.n > 2)
			s.n--;
	}
	return -1;
}

static int
unit_of(sqlite3_value *v)
{
	return sqlite3_value_type(v) == SQLITE_TEXT && sqlite3_value_bytes(v) ? unit_called(functions_text_of(v)) : -1;
}

static int
iso_week(const struct civil *t, int *year)
{
	int weekday = (t->weekday + 6) % 7;             /* Monday 0 */
	int week = (t->yearday - weekday + 9) / 7;      /* the one of its Thursday; yearday from 1 */
	int y = t->year;

	if (week < 1) {
		int64_t dec31 = days_of(t->year - 1, 12, 31), jan1 = days_of(t->year - 1, 1, 1);
		int wd = (int)((dec31 + 3) % 7 + 7) % 7;

		y--;
		week = (int)(dec31 - jan1 + 1 - wd + 9) / 7;
	} else if (week == 53) {
		int64_t jan1 = days_of(t->year + 1, 1, 1);
		int wd = (int)((jan1 + 3) % 7 + 7) % 7; /* Monday 0 */

		if (wd <= 3)
			week = 1, y++;
	}
	*year = y;
	return week;
}

static void
civil_of(int64_t ms, struct civil *t)
{
	time_civil(ms, t);
	t->yearday = (int)(days_of(t->year, t->month, t->day) - days_of(t->year, 1, 1)) + 1;
}

static void
give_part(sqlite3_context *c, enum unit unit, int64_t instant, enum functions_form form)
{
	int64_t ms = local(c, instant, form);
	struct civil t;
	int year;

	switch (unit) {         /* what needs no calendar */
	case EPOCH:
		sqlite3_result_double(c, (double)instant / 1000);
		return;
	case EPOCH_MS:
		sqlite3_result_int64(c, instant);
		return;
	case EPOCH_US:
		sqlite3_result_int64(c, instant * 1000);
		return;
	case EPOCH_NS:
		if (instant > INT64_MAX / 1000000 || instant < INT64_MIN / 1000000)
			sqlite3_result_double(c, (double)instant * 1e6);
		else
			sqlite3_result_int64(c, instant * 1000000);
		return;
	case HOUR:
		sqlite3_result_int64(c, time_floor_div(ms, 3600000) % 24 + (time_floor_div(ms, 3600000) % 24 < 0 ? 24 : 0));
		return;
	default:
		break;
	}
	civil_of(ms, &t);
	switch (unit) {
	case MICROSECOND:
		sqlite3_result_int64(c, (t.second * 1000LL + t.ms) * 1000);
		break;
	case MILLISECOND:
		sqlite3_result_int64(c, t.second * 1000LL + t.ms);
		break;
	case SECOND:
		sqlite3_result_int64(c, t.second);
		break;
	case MINUTE:
		sqlite3_result_int64(c, t.minute);
		break;
	case DAYS:
		sqlite3_result_int64(c, t.day);
		break;
	case WEEK:
		sqlite3_result_int64(c, iso_week(&t, &year));
		break;
	case ISOYEAR:
		iso_week(&t, &year);
		sqlite3_result_int64(c, year);
		break;
	case YEARWEEK:
		{
			int week = iso_week(&t, &year);

			sqlite3_result_int64(c, year * 100LL + week);
		}
		break;
	case MONTH:
		sqlite3_result_int64(c, t.month);
		break;
	case QUARTER:
		sqlite3_result_int64(c, (t.month + 2) / 3);
		break;
	case YEAR:
		sqlite3_result_int64(c, t.year);
		break;
	case DECADE:
		sqlite3_result_int64(c, time_floor_div(t.year, 10));
		break;
	case CENTURY:
		sqlite3_result_int64(c, time_floor_div(t.year - 1, 100) + 1);
		break;
	case DOW:
		sqlite3_result_int64(c, t.weekday);
		break;
	case ISODOW:
		sqlite3_result_int64(c, t.weekday ? t.weekday : 7);
		break;
	case DOY:
		sqlite3_result_int64(c, t.yearday);
		break;
	default:
		break;
	}
}

static void
date_part(sqlite3_context *c, int n, sqlite3_value **v)
{
	enum functions_form form;
	int64_t ms;
	int unit = unit_of(v[0]), at = 1;

	(void)n;
	if (unit < 0 && (unit = unit_of(v[1])) >= 0)
		at = 0;
	if (unit < 0) {
		functions_error(c, "'%.40s' is no part of a time, try hour, day, week, month, dow, epoch", (const char *)sqlite3_value_text(v[0]));
		return;
	}
	if (unit_names[unit].unit == EPOCH && (sqlite3_value_type(v[at]) == SQLITE_FLOAT || sqlite3_value_type(v[at]) == SQLITE_INTEGER))
		sqlite3_result_value(c, v[at]);         /* seconds already: the difference of two times */
	else if (functions_time_of(v[at], &ms, &form) == 0)
		give_part(c, unit_names[unit].unit, ms, form);
}

static void
part(sqlite3_context *c, int n, sqlite3_value **v)
{
	enum functions_form form;
	int64_t ms;

	(void)n;
	if (functions_time_of(v[0], &ms, &form) == 0)
		give_part(c, (enum unit)functions_which(c), ms, form);
}

static void
trunc_to(sqlite3_context *c, const char *unit, int64_t ms, enum functions_form form)
{
	int64_t start;

	if (time_trunc(str_of(unit), zone_of(c, form), ms, &start) == 0)
		functions_give_time(c, start, form == FORM_DATE && start % DAY ? FORM_LOCAL : form);
}

static void
date_trunc(sqlite3_context *c, int n, sqlite3_value **v)
{
	enum functions_form form;
	int64_t ms;
	int unit = unit_of(v[0]), at = 1;

	(void)n;
	if (unit < 0 && (unit = unit_of(v[1])) >= 0)
		at = 0;
	if (unit < 0 || !unit_names[unit].trunc) {
		functions_error(c, "date_trunc: '%.40s' is no unit, try minute, hour, day, week, month", (const char *)sqlite3_value_text(v[0]));
		return;
	}
	if (functions_time_of(v[at], &ms, &form) == 0)
		trunc_to(c, unit_names[unit].trunc, ms, form);
}

static void
start_of(sqlite3_context *c, int n, sqlite3_value **v)          /* toStartOfHour and its kin */
{
	static const char *const units[] = { "second", "minute", "hour", "day", "week", "month", "quarter", "year" };
	int which = functions_which(c);
	enum functions_form form;
	int64_t ms;

	(void)n;
	if (functions_time_of(v[0], &ms, &form) < 0)
		return;
	if (which < 100)
		trunc_to(c, units[which], ms, form);
	else    /* so many minutes */
		functions_give_time(c, time_floor_div(ms, (which - 100) * 60000LL) * (which - 100) * 60000LL, form);
}

/* ---- spans */

static int
span_of(sqlite3_value *v, int64_t *ms, int64_t *months)
{
	*months = 0;
	switch (sqlite3_value_type(v)) {
	case SQLITE_INTEGER:
		*ms = sqlite3_value_int64(v) * 1000;
		return sqlite3_value_int64(v) > 1000000000000LL || sqlite3_value_int64(v) < -1000000000000LL ? -1 : 0;
	case SQLITE_FLOAT:
		if (!(fabs(sqlite3_value_double(v)) < 1e12))
			return -1;
		*ms = llround(sqlite3_value_double(v) * 1000);
		return 0;
	case SQLITE_TEXT:
		return functions_interval(functions_text_of(v), ms, months);
	default:
		return -1;
	}
}

static void
add_span(sqlite3_context *c, sqlite3_value *time, int sign, int64_t span, int64_t months)
{
	enum functions_form form;
	const struct zone *zone;
	int64_t ms;

	if (functions_time_of(time, &ms, &form) < 0)
		return;
	zone = zone_of(c, form);
	if (months)
		ms = zone ? zone_to_utc(zone, time_add_months(ms + zone_offset(zone, ms), sign * months)) : time_add_months(ms, sign * months);
	ms += sign * span;
	functions_give_time(c, ms, form == FORM_DATE && span % DAY ? FORM_LOCAL : form);
}

static void
time_add(sqlite3_context *c, int n, sqlite3_value **v)          /* time, sign, span */
{
	int64_t ms, months;

	(void)n;
	if (sqlite3_value_type(v[2]) == SQLITE_NULL)
		return;
	if (span_of(v[2], &ms, &months) < 0)
		functions_error(c, "'%.40s' is no span, try '1 hour'", (const char *)sqlite3_value_text(v[2]));
	else
		add_span(c, v[0], sqlite3_value_int(v[1]), ms, months);
}

/* Two times for what lies between them in this unit: what passed for hours and less, where one of them is an instant, else what the clock
 * on the wall shows, which a change of the clock moves. The zone that both are instants of; NULL: they are not. */
static const struct zone *
between(const struct zone *zone, enum unit unit, int64_t *a, enum functions_form of_a, int64_t *b, enum functions_form of_b)
{
	if (unit > HOUR || (of_a != FORM_INSTANT && of_b != FORM_INSTANT) || zone_is_utc(zone)) {
		*a = local_in(zone, *a, of_a);
		*b = local_in(zone, *b, of_b);
		return NULL;
	}
	*a = of_a == FORM_INSTANT ? *a : zone_to_utc(zone, *a);
	*b = of_b == FORM_INSTANT ? *b : zone_to_utc(zone, *b);
	return zone;
}

/* Whole units that lie between a and b. */
static void
whole_units(sqlite3_context *c, enum unit unit, int64_t a, int64_t b)
{
	static const int64_t lengths[] = { [MILLISECOND] = 1, [SECOND] = 1000, [MINUTE] = 60000, [HOUR] = 3600000, [DAYS] = DAY, [WEEK] = 7 * DAY };
	int64_t months = unit == MONTH ? 1 : unit == QUARTER ? 3 : 12, n;
	int back = b < a;

	if (unit == MICROSECOND) {
		sqlite3_result_int64(c, (b - a) * 1000);
		return;
	}
	if (unit < MONTH) {
		sqlite3_result_int64(c, (b - a) / lengths[unit]);
		return;
	}
	n = back ? a : b, a = back ? b : a, b = n;
	n = time_month(b) - time_month(a);
	n -= n > 0 && time_add_months(a, n) > b;
	n /= months;
	sqlite3_result_int64(c, back ? -n : n);
}

#define DAYS_MOST 10000000      /* from any time to before or behind all times */

/* date_add(t, span) and date_add(t, n, 'day'), dateadd('day', n, t); date_sub the other way. */
static void
date_add(sqlite3_context *c, int n, sqlite3_value **v)
{
	int sign = functions_which(c), unit;
	enum functions_form form, other;
	char text[80];
	int64_t ms, months, a, b;

	if (n == 2) {
		if (sqlite3_value_type(v[1]) == SQLITE_INTEGER) {
			ms = sqlite3_value_int64(v[1]);         /* days, as dates have it */
			add_span(c, v[0], sign, (ms > DAYS_MOST ? DAYS_MOST : ms < -DAYS_MOST ? -DAYS_MOST : ms) * DAY, 0);
		} else if (sqlite3_value_type(v[1]) != SQLITE_NULL) {
			if (span_of(v[1], &ms, &months) < 0)
				functions_error(c, "'%.40s' is no span, try INTERVAL '1 day'", (const char *)sqlite3_value_text(v[1]));
			else
				add_span(c, v[0], sign, ms, months);
		}
		return;
	}
	unit = unit_of(v[0]);
	sqlite3_value *time = v[2], *amount = v[1];
	if (unit < 0)
		unit = unit_of(v[2]), time = v[0];
	if (unit < 0) {
		functions_error(c, "'%.40s' is no unit, try 'day'", (const char *)sqlite3_value_text(v[0]));
		return;
	}
	if (sqlite3_value_type(amount) == SQLITE_NULL)
		return;
	if (sign < 0 && sqlite3_value_type(amount) == SQLITE_TEXT && functions_time_of(amount, &a, &form) == 0 && unit_names[unit].trunc) {
		if (functions_time_of(time, &b, &other) == 0) {         /* DuckDB: ('day', a, b) */
			between(functions_self(c)->all->zone, unit_names[unit].unit, &a, form, &b, other);
			whole_units(c, unit_names[unit].unit, a, b);
		}
		return;
	}
	snprintf(text, sizeof(text), "%lld %s", (long long)sqlite3_value_int64(amount), unit_names[unit].name);
	if (functions_interval(str_of(text), &ms, &months) == 0)
		add_span(c, time, sign, ms, months);
}

static void
give_span(sqlite3_context *c, int64_t months, int64_t ms)
{
	char text[80];

	if (months)
		snprintf(text, sizeof(text), "%lld months %lld ms", (long long)months, (long long)ms);
	else
		snprintf(text, sizeof(text), "%lld ms", (long long)ms);
	sqlite3_result_text(c, text, -1, SQLITE_TRANSIENT);
}

static void
interval_of(sqlite3_context *c, int n, sqlite3_value **v)       /* (factor, amount, unit), (factor, span) or (span, factor) */
{
	int64_t ms, months;
	char text[80];
	double factor;

	for (int i = 0; i < n; i++)
		if (sqlite3_value_type(v[i]) == SQLITE_NULL)
			return;
	if (n == 3) {
		struct str amount = functions_text_of(v[1]);

		snprintf(text, sizeof(text), "%.*s %.20s", (int)(amount.n < 40 ? amount.n : 40), amount.p, (const char *)sqlite3_value_text(v[2]));
		if (functions_interval(str_of(text), &ms, &months) < 0) {
			functions_error(c, "'%s' is no span", text);
			return;
		}
		factor = sqlite3_value_double(v[0]);
	} else {
		int text_first = sqlite3_value_type(v[0]) == SQLITE_TEXT;

		if (span_of(v[text_first ? 0 : 1], &ms, &months) < 0) {
			functions_error(c, "'%.40s' is no span", (const char *)sqlite3_value_text(v[text_first ? 0 : 1]));
			return;
		}
		factor = sqlite3_value_double(v[text_first ? 1 : 0]);
	}
	if (!(fabs(factor * (double)ms) < 1e15) || !(fabs(factor * (double)months) < 1e5)) {
		functions_error(c, "a span beyond bounds");
		return;
	}
	give_span(c, llround(factor * (double)months), llround(factor * (double)ms));
}

static void
interval_sum(sqlite3_context *c, int n, sqlite3_value **v)      /* span, sign, span */
{
	int64_t ms, months, more, more_months;
	int sign = sqlite3_value_int(v[1]);

	(void)n;
	if (sqlite3_value_type(v[0]) == SQLITE_NULL || sqlite3_value_type(v[2]) == SQLITE_NULL)
		return;
	if (span_of(v[0], &ms, &months) < 0 || span_of(v[2], &more, &more_months) < 0) {
		functions_error(c, "'%.40s' and '%.40s' are no spans", (const char *)sqlite3_value_text(v[0]), (const char *)sqlite3_value_text(v[2]));
		return;
	}
	give_span(c, months + sign * more_months, ms + sign * more);
}

double
functions_span_seconds(int64_t ms, int64_t months)
{
	return (double)ms / 1000 + (double)months * 30 * 86400;
}

static void
interval_seconds(sqlite3_context *c, int n, sqlite3_value **v)  /* what a span is beside the seconds between two times */
{
	int64_t ms, months;

	(void)n;
	if (sqlite3_value_type(v[0]) != SQLITE_NULL && span_of(v[0], &ms, &months) == 0)
		sqlite3_result_double(c, functions_span_seconds(ms, months));
}

static void
gap_seconds(sqlite3_context *c, int n, sqlite3_value **v)       /* of what lies between two days, whole numbers, or two times */
{
	(void)n;
	if (sqlite3_value_type(v[0]) == SQLITE_INTEGER)
		sqlite3_result_double(c, (double)sqlite3_value_int64(v[0]) * (DAY / 1000));
	else
		sqlite3_result_value(c, v[0]);
}

static void
span_add(sqlite3_context *c, int n, sqlite3_value **v)          /* as time_add, where what a span is added to is a time or what lies between two */
{
	int64_t ms, months;
	int type = sqlite3_value_type(v[0]);

	if ((type == SQLITE_INTEGER || type == SQLITE_FLOAT) && sqlite3_value_type(v[2]) != SQLITE_NULL && span_of(v[2], &ms, &months) == 0)
		sqlite3_result_double(c, sqlite3_value_double(v[0]) + sqlite3_value_int(v[1]) * functions_span_seconds(ms, months));
	else
		time_add(c, n, v);
}

/* A time and a number: that many seconds later; a day and a whole number: days. 1 when they are. */
static int
add_seconds(sqlite3_context *c, sqlite3_value **v, int sign)
{
	enum functions_form form;
	int64_t ms;
	int type = sqlite3_value_type(v[1]);
	double seconds = sqlite3_value_double(v[1]);

	if (sqlite3_value_type(v[0]) != SQLITE_TEXT || (type != SQLITE_INTEGER && type != SQLITE_FLOAT) || functions_time_of(v[0], &ms, &form) < 0)
		return 0;
	if (form == FORM_DATE && type == SQLITE_INTEGER)
		seconds *= DAY / 1000;
	if (fabs(seconds) < 1e12)
		add_span(c, v[0], sign, llround(seconds * 1000), 0);
	return 1;
}

static void
time_plus(sqlite3_context *c, int n, sqlite3_value **v)
{
	int64_t sum;

	(void)n;
	if (sqlite3_value_type(v[0]) == SQLITE_NULL || sqlite3_value_type(v[1]) == SQLITE_NULL || add_seconds(c, v, 1))
		return;
	if (sqlite3_value_numeric_type(v[0]) == SQLITE_INTEGER && sqlite3_value_numeric_type(v[1]) == SQLITE_INTEGER &&
	    !__builtin_add_overflow(sqlite3_value_int64(v[0]), sqlite3_value_int64(v[1]), &sum))
		sqlite3_result_int64(c, sum);
	else
		sqlite3_result_double(c, sqlite3_value_double(v[0]) + sqlite3_value_double(v[1]));
}

static void
time_minus(sqlite3_context *c, int n, sqlite3_value **v)        /* seconds between two times, days (which 1: seconds) between two days, a time less seconds, a day less days; plain numbers and spans as ever */
{
	enum functions_form form, other;
	int64_t a, b, months;

	(void)n;
	if (sqlite3_value_type(v[0]) == SQLITE_NULL || sqlite3_value_type(v[1]) == SQLITE_NULL || add_seconds(c, v, -1))
		return;
	if (sqlite3_value_type(v[0]) == SQLITE_TEXT && sqlite3_value_type(v[1]) == SQLITE_TEXT && functions_time_of(v[0], &a, &form) == 0) {
		if (functions_time_of(v[1], &b, &other) == 0 && form == FORM_DATE && other == FORM_DATE)
			functions_which(c) ? sqlite3_result_double(c, (double)(a - b) / 1000) : sqlite3_result_int64(c, (a - b) / DAY);
		else if (functions_time_of(v[1], &b, &other) == 0)
			sqlite3_result_double(c, (double)(a - b) / 1000);
		else if (span_of(v[1], &b, &months) == 0)
			add_span(c, v[0], -1, b, months);
	} else if (sqlite3_value_numeric_type(v[0]) == SQLITE_INTEGER && sqlite3_value_numeric_type(v[1]) == SQLITE_INTEGER) {
		if (__builtin_sub_overflow(sqlite3_value_int64(v[0]), sqlite3_value_int64(v[1]), &a))
			sqlite3_result_double(c, (double)sqlite3_value_int64(v[0]) - (double)sqlite3_value_int64(v[1]));
		else
			sqlite3_result_int64(c, a);
	} else {
		sqlite3_result_double(c, sqlite3_value_double(v[0]) - sqlite3_value_double(v[1]));
	}
}

static void
give_span_part(sqlite3_context *c, enum unit unit, int64_t ms)
{
	int64_t s = ms / 1000;

	switch (unit) {
	case EPOCH:
		sqlite3_result_double(c, (double)ms / 1000);
		break;
	case EPOCH_MS:
		sqlite3_result_int64(c, ms);
		break;
	case WEEK:
		sqlite3_result_int64(c, s / 604800);
		break;
	case DAYS:
		sqlite3_result_int64(c, s / 86400);
		break;
	case HOUR:
		sqlite3_result_int64(c, s / 3600 % 24);
		break;
	case MINUTE:
		sqlite3_result_int64(c, s / 60 % 60);
		break;
	case SECOND:
		sqlite3_result_int64(c, s % 60);
		break;
	case MILLISECOND:
		sqlite3_result_int64(c, ms % 60000);
		break;
	case MICROSECOND:
		sqlite3_result_int64(c, ms % 60000 * 1000);
		break;
	default:
		functions_error(c, "what lies between two times has weeks, days, hours, minutes, seconds and an epoch");
	}
}

static void
span_part(sqlite3_context *c, int n, sqlite3_value **v)         /* unit, a, b: the unit's part of a - b, the span between two times, or a time */
{
	enum functions_form form, other;
	int64_t a, b, months = 0;
	int unit = unit_of(v[0]);

	(void)n;
	if (unit < 0)
		functions_error(c, "'%.40s' is no part of a time, try hour, day, week, month, dow, epoch", (const char *)sqlite3_value_text(v[0]));
	if (unit < 0 || sqlite3_value_type(v[1]) == SQLITE_NULL || sqlite3_value_type(v[2]) == SQLITE_NULL)
		return;
	if (sqlite3_value_type(v[1]) != SQLITE_TEXT) {          /* plain numbers: seconds as they are */
		double seconds = sqlite3_value_double(v[1]) - sqlite3_value_double(v[2]);

		if (fabs(seconds) < 1e12)
			give_span_part(c, unit_names[unit].unit, llround(seconds * 1000));
	} else if (functions_time_of(v[1], &a, &form) == 0 && sqlite3_value_type(v[2]) == SQLITE_TEXT && functions_time_of(v[2], &b, &other) == 0) {
		give_span_part(c, unit_names[unit].unit, a - b);
	} else if (functions_time_of(v[1], &a, &form) == 0 && span_of(v[2], &b, &months) == 0) {
		give_part(c, unit_names[unit].unit, (months ? time_add_months(a, -months) : a) - b, form);
	}
}

static void
time_bucket(sqlite3_context *c, int n, sqlite3_value **v)
{
	enum functions_form form, other;
	int64_t span, months, ms, origin = 0, base, offset = 0, unmoved = 0;
	const struct zone *zone;
	int at = 1;

	if (sqlite3_value_type(v[0]) == SQLITE_NULL || sqlite3_value_type(v[1]) == SQLITE_NULL)
		return;
	if (sqlite3_value_type(v[1]) == SQLITE_TEXT && functions_time_of(v[0], &ms, &form) == 0 && span_of(v[1], &span, &months) == 0)
		at = 0;
	if (span_of(v[!at], &span, &months) < 0 || (span <= 0 && months <= 0) || (span && months)) {
		functions_error(c, "time_bucket: '%.40s' is no span, try '5m' or INTERVAL '1 hour'", (const char *)sqlite3_value_text(v[!at]));
		return;
	}
	if (functions_time_of(v[at], &ms, &form) < 0)
		return;
	if (n == 3 && sqlite3_value_type(v[2]) == SQLITE_NULL)
		return;
	if (n == 3 && functions_time_of(v[2], &origin, &other) < 0) {
		if (span_of(v[2], &offset, &unmoved) < 0 || unmoved) {
			functions_error(c, "time_bucket: '%.40s' is neither a time to count from nor a span of days or less", (const char *)sqlite3_value_text(v[2]));
			return;
		}
		n = 2;
	}
	ms -= offset;
	zone = zone_of(c, form);
	if (zone && (months || span % DAY == 0))
		ms += zone_offset(zone, ms);
	else
		zone = NULL;
	if (months) {
		base = time_month(n == 3 ? origin : 946684800000LL);
		base += time_floor_div(time_month(ms) - base, months) * months;
		ms = time_of_civil(&(struct civil){ .month = (int)base + 1, .day = 1 });
	} else {
		base = n == 3 ? origin : 946857600000LL;        /* Monday, 2000-01-03 */
		ms = base + time_floor_div(ms - base, span) * span;
	}
	if (zone)
		ms = zone_to_utc(zone, ms);
	ms += offset;
	functions_give_time(c, ms, form == FORM_DATE && ms % DAY ? FORM_LOCAL : form);
}

int
functions_unit(struct str name)
{
	int unit = name.n ? unit_called(name) : -1;

	return unit < 0 || !unit_names[unit].trunc ? -1 : unit;
}

/* Boundaries of the unit that are crossed between a and b. */
int64_t
functions_date_diff(const struct zone *zone, int unit, int64_t a, enum functions_form of_a, int64_t b, enum functions_form of_b)
{
	static const int64_t lengths[] = { [SECOND] = 1000, [MINUTE] = 60000, [HOUR] = 3600000, [DAYS] = DAY };
	enum unit of = unit_names[unit].unit;
	struct civil s, t;
	int64_t x, y;

	zone = between(zone, of, &a, of_a, &b, of_b);
	switch (of) {
	case MICROSECOND:
		return (b - a) * 1000;
	case MILLISECOND:
		return b - a;
	case SECOND:
	case MINUTE:
	case HOUR:      /* to the nearest, where one of the hours between has no sixty minutes */
		if (!zone)
			return time_floor_div(b, lengths[of]) - time_floor_div(a, lengths[of]);
		time_trunc(str_of(unit_names[unit].trunc), zone, a, &x);
		time_trunc(str_of(unit_names[unit].trunc), zone, b, &y);
		return time_floor_div(y - x + lengths[of] / 2, lengths[of]);
	case DAYS:
		return time_floor_div(b, DAY) - time_floor_div(a, DAY);
	case WEEK:
		return time_floor_div(b + 3 * DAY, 7 * DAY) - time_floor_div(a + 3 * DAY, 7 * DAY);
	default:
		time_civil(a, &s);
		time_civil(b, &t);
		x = (int64_t)s.year * 12 + s.month - 1;
		y = (int64_t)t.year * 12 + t.month - 1;
		return of == QUARTER ? y / 3 - x / 3 : of == YEAR ? y / 12 - x / 12 : y - x;
	}
}

static void
date_diff(sqlite3_context *c, int n, sqlite3_value **v)         /* of (unit, a, b) */
{
	enum functions_form form, other;
	int64_t a, b;
	int unit = unit_of(v[0]), first = 1;

	if (n == 2) {           /* MySQL: days from b to a */
		if (functions_time_of(v[0], &a, &form) == 0 && functions_time_of(v[1], &b, &form) == 0)
			sqlite3_result_int64(c, time_floor_div(a, DAY) - time_floor_div(b, DAY));
		return;
	}
	if (unit < 0 && (unit = unit_of(v[2])) >= 0)
		first = 0;      /* BigQuery: (later, earlier, unit) */
	if (unit < 0 || !unit_names[unit].trunc) {
		functions_error(c, "datediff: '%.40s' is no unit, try 'day'", (const char *)sqlite3_value_text(v[0]));
		return;
	}
	if (functions_time_of(v[first], &a, &form) < 0 || functions_time_of(v[first + 1], &b, &other) < 0)
		return;
	sqlite3_result_int64(c, first ? functions_date_diff(functions_self(c)->all->zone, unit, a, form, b, other) :
	    functions_date_diff(functions_self(c)->all->zone, unit, b, other, a, form));
}

/* ---- zones, now, epochs */

static void
at_zone(sqlite3_context *c, int n, sqlite3_value **v)
{
	enum functions_form form;
	const struct zone *zone;
	struct err err = {0};
	int64_t ms;

	(void)n;
	if (sqlite3_value_type(v[0]) == SQLITE_NULL || sqlite3_value_type(v[1]) == SQLITE_NULL)
		return;
	if (!(zone = zone_get(functions_text_of(v[1]), &err)) && err.code) {
		functions_error(c, "%s", err.text);
		return;
	}
	if (functions_time_of(v[0], &ms, &form) < 0)
		return;
	if (form == FORM_INSTANT)
		functions_give_time(c, zone ? ms + zone_offset(zone, ms) : ms, FORM_LOCAL);
	else
		functions_give_time(c, zone ? zone_to_utc(zone, ms) : ms, FORM_INSTANT);
}

static void
now(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n, (void)v;
	functions_give_time(c, time_now(), FORM_INSTANT);
}

static void
today(sqlite3_context *c, int n, sqlite3_value **v)             /* which: days from today */
{
	(void)n, (void)v;
	functions_give_time(c, local(c, time_now(), FORM_INSTANT) + functions_which(c) * DAY, FORM_DATE);
}

static void
at_time(sqlite3_context *c, int n, sqlite3_value **v)           /* what stands beside a time (v[1], where it may be none or a day), in its form; else as it is */
{
	const struct zone *zone = functions_self(c)->all->zone;
	enum functions_form form;
	struct err ignore = {0};
	int64_t ms, epoch;
	struct str s;

	if (n == 2 && (sqlite3_value_type(v[1]) != SQLITE_TEXT || functions_text_of(v[1]).n == 10)) {
		sqlite3_result_value(c, v[0]);
	} else if (functions_time_of(v[0], &ms, &form) == 0) {
		if (zone && (s = str_trim(functions_text_of(v[0]))).n && (s.p[0] | 32) >= 'a')
			time_parse(s, zone, &ms, &ignore);      /* 'today' begins in the zone */
		functions_give_time(c, ms, FORM_INSTANT);
	} else if ((s = str_trim(functions_text_of(v[0]))).n >= 9 && str_int64(s, &epoch) == 0 && time_of_epoch_int(epoch, &ms) == 0) {
		functions_give_time(c, ms, FORM_INSTANT);       /* strftime('%s', …) is a text; what is shorter may be the beginning of a time */
	} else {
		sqlite3_result_value(c, v[0]);
	}
}

static void
at_midnight(sqlite3_context *c, int n, sqlite3_value **v)       /* when a day, or what was added to one, began in the zone; any other time as at_time() */
{
	enum functions_form form;
	const struct zone *zone = functions_self(c)->all->zone;
	int64_t ms;

	if (zone && functions_time_of(v[0], &ms, &form) == 0 && form != FORM_INSTANT)
		functions_give_time(c, zone_to_utc(zone, ms), FORM_INSTANT);
	else
		at_time(c, n, v);
}

static void
at_alike(sqlite3_context *c, int n, sqlite3_value **v)          /* one of two values that are compared, in the form of times where one of them is a text */
{
	at_time(c, sqlite3_value_type(v[0]) == SQLITE_TEXT || sqlite3_value_type(v[1]) == SQLITE_TEXT ? 1 : n, v);
}

static void
to_time(sqlite3_context *c, int n, sqlite3_value **v)           /* to_timestamp(x): any time or epoch */
{
	enum functions_form form;
	int64_t ms;

	(void)n;
	if (functions_time_of(v[0], &ms, &form) == 0)
		functions_give_time(c, ms, FORM_INSTANT);
}

static void
date_of(sqlite3_context *c, int n, sqlite3_value **v)           /* date(t), SQLite's own form and faster */
{
	enum functions_form form;
	struct str s;
	int64_t ms;

	(void)n;
	if (sqlite3_value_type(v[0]) == SQLITE_TEXT) {
		s = functions_text_of(v[0]);
		if (s.n == TIME_LEN && s.p[23] == 'Z' && s.p[10] == 'T' && !functions_self(c)->all->zone) {
			sqlite3_result_text(c, s.p, 10, SQLITE_TRANSIENT);
			return;
		}
	} else if (sqlite3_value_type(v[0]) != SQLITE_NULL) {
		double day = sqlite3_value_double(v[0]);        /* a number is a Julian day to SQLite */

		if (day >= 0 && day < 5373484.5)
			functions_give_time(c, llround((day - 2440587.5) * (double)DAY), FORM_DATE);
		return;
	}
	if (functions_time_of(v[0], &ms, &form) == 0)
		functions_give_time(c, local(c, ms, form), FORM_DATE);
}

static void
julian_day(sqlite3_context *c, int n, sqlite3_value **v)        /* julianday(t), SQLite's own and faster */
{
	enum functions_form form;
	int64_t ms;

	(void)n;
	if (sqlite3_value_type(v[0]) == SQLITE_TEXT) {
		if (functions_time_of(v[0], &ms, &form) == 0)
			sqlite3_result_double(c, (double)(ms + 210866760000000LL) / (double)DAY);
	} else if (sqlite3_value_type(v[0]) != SQLITE_NULL) {
		sqlite3_result_double(c, sqlite3_value_double(v[0]));
	}
}

static void
make_time(sqlite3_context *c, int n, sqlite3_value **v)         /* make_date(y, m, d), make_timestamp(y, m, d, h, mi, s) */
{
	struct civil t = { .month = 1, .day = 1 };
	int *to[] = { &t.year, &t.month, &t.day, &t.hour, &t.minute };

	for (int i = 0; i < n; i++)
		if (sqlite3_value_type(v[i]) == SQLITE_NULL || !(fabs(sqlite3_value_double(v[i])) < 1e6))
			return;
	for (int i = 0; i < n && i < 5; i++)
		*to[i] = sqlite3_value_int(v[i]);
	if (n == 6)
		t.ms = (int)lround(sqlite3_value_double(v[5]) * 1000);
	if (t.year < 0 || t.year > 9999)
		return;
	functions_give_time(c, time_of_civil(&t), n == 3 ? FORM_DATE : FORM_INSTANT);
}

/* ---- formats */

static const char *const months[] = { "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
	"November", "December" };
static const char *const weekdays[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };

static void
name_of(sqlite3_context *c, int n, sqlite3_value **v)           /* which 0: month, 1: day, 2: last day of the month */
{
	enum functions_form form;
	struct civil t;
	int64_t ms;

	(void)n;
	if (functions_time_of(v[0], &ms, &form) < 0)
		return;
	time_civil(local(c, ms, form), &t);
	if (functions_which(c) == 2) {
		t = (struct civil){ .year = t.year + t.month / 12, .month = t.month % 12 + 1, .day = 1 };
		functions_give_time(c, time_of_civil(&t) - DAY, FORM_DATE);
	} else {
		sqlite3_result_text(c, functions_which(c) ? weekdays[t.weekday] : months[t.month - 1], -1, SQLITE_STATIC);
	}
}

static void
format_time(struct buf *out, struct str f, int64_t ms, int64_t instant)         /* strftime: C's letters and SQLite's */
{
	struct civil t;
	int year, week;

	civil_of(ms, &t);
	week = iso_week(&t, &year);
	for (size_t i = 0; i < f.n; i++) {
		if (f.p[i] != '%' || i + 1 == f.n) {
			buf_byte(out, f.p[i]);
			continue;
		}
		if (f.p[i + 1] == '-' && i + 2 < f.n)
			i++;
		switch (f.p[++i]) {
		case 'Y': buf_printf(out, "%04d", t.year); break;
		case 'y': buf_printf(out, "%02d", t.year % 100); break;
		case 'C': buf_printf(out, "%02d", t.year / 100); break;
		case 'm': buf_printf(out, f.p[i - 1] == '-' ? "%d" : "%02d", t.month); break;
		case 'd': buf_printf(out, f.p[i - 1] == '-' ? "%d" : "%02d", t.day); break;
		case 'e': buf_printf(out, "%2d", t.day); break;
		case 'H': buf_printf(out, f.p[i - 1] == '-' ? "%d" : "%02d", t.hour); break;
		case 'I': buf_printf(out, "%02d", t.hour % 12 ? t.hour % 12 : 12); break;
		case 'M': buf_printf(out, "%02d", t.minute); break;
		case 'S': buf_printf(out, "%02d", t.second); break;
		case 'f': buf_printf(out, "%02d.%03d", t.second, t.ms); break;  /* SQLite's: seconds with a fraction */
		case 'L': case 'g': buf_printf(out, "%03d", t.ms); break;
		case 'p': buf_lit(out, t.hour < 12 ? "AM" : "PM"); break;
		case 'j': buf_printf(out, "%03d", t.yearday); break;
		case 'a': buf_printf(out, "%.3s", weekdays[t.weekday]); break;
		case 'A': buf_lit(out, weekdays[t.weekday]); break;
		case 'b': case 'h': buf_printf(out, "%.3s", months[t.month - 1]); break;
		case 'B': buf_lit(out, months[t.month - 1]); break;
		case 'w': buf_printf(out, "%d", t.weekday); break;
		case 'u': buf_printf(out, "%d", t.weekday ? t.weekday : 7); break;
		case 'W': buf_printf(out, "%02d", (t.yearday + 6 - (t.weekday + 6) % 7) / 7); break;
		case 'U': buf_printf(out, "%02d", (t.yearday + 6 - t.weekday) / 7); break;
		case 'V': buf_printf(out, "%02d", week); break;
		case 'G': buf_printf(out, "%04d", year); break;
		case 'F': buf_printf(out, "%04d-%02d-%02d", t.year, t.month, t.day); break;
		case 'T': case 'X': buf_printf(out, "%02d:%02d:%02d", t.hour, t.minute, t.second); break;
		case 'R': buf_printf(out, "%02d:%02d", t.hour, t.minute); break;
		case 'D': case 'x': buf_printf(out, "%02d/%02d/%02d", t.month, t.day, t.year % 100); break;
		case 's': buf_printf(out, "%lld", (long long)time_floor_div(instant, 1000)); break;
		case 'J': buf_printf(out, "%.16g", (double)instant / (double)DAY + 2440587.5); break;
		case 'z': buf_printf(out, "%+03d%02d", (int)((ms - instant) / 3600000), (int)(llabs(ms - instant) / 60000 % 60)); break;
		case 'Z': buf_lit(out, ms == instant ? "UTC" : ""); break;
		case 'n': buf_byte(out, '\n'); break;
		case 't': buf_byte(out, '\t'); break;
		default:
			if (f.p[i] != '%')
				buf_byte(out, '%');
			buf_byte(out, f.p[i]);
		}
	}
}

static void
format(sqlite3_context *c, int n, sqlite3_value **v)            /* strftime(format, t) or (t, format) */
{
	enum functions_form form;
	struct str f = functions_text_of(v[0]);
	struct buf out = {0};
	int64_t ms;
	int at = 1;

	(void)n;
	if (!f.p || sqlite3_value_type(v[1]) == SQLITE_NULL)
		return;
	if (sqlite3_value_type(v[0]) != SQLITE_TEXT || (!memchr(f.p, '%', f.n) && functions_time_of(v[0], &ms, &form) == 0)) {
		f = functions_text_of(v[1]);
		at = 0;
	}
	if (at == 1 && (sqlite3_value_type(v[1]) == SQLITE_FLOAT || sqlite3_value_type(v[1]) == SQLITE_INTEGER)) {
		double day = sqlite3_value_double(v[1]);

		if (!(day >= 0 && day < 5373484.5))
			return;
		ms = llround((day - 2440587.5) * (double)DAY);
		form = FORM_LOCAL;
	} else if (functions_time_of(v[at], &ms, &form) < 0) {
		return;
	}
	format_time(&out, f, local(c, ms, form), ms);
	functions_give_text(c, buf_get(&out));
	buf_release(&out);
}

static void
to_char(sqlite3_context *c, int n, sqlite3_value **v)           /* PostgreSQL's letters */
{
	static const struct { const char *letters, *f; } map[] = {
		{ "YYYY", "%Y" }, { "YY", "%y" }, { "IYYY", "%G" }, { "MM", "%m" }, { "MONTH", "%B" }, { "Month", "%B" }, { "Mon", "%b" }, { "MON", "%b" }, { "DDD", "%j" },
		{ "DD", "%d" }, { "DAY", "%A" }, { "Day", "%A" }, { "Dy", "%a" }, { "DY", "%a" }, { "HH24", "%H" }, { "HH12", "%I" }, { "HH", "%I" }, { "MI", "%M" },
		{ "SS", "%S" }, { "MS", "%L" }, { "AM", "%p" }, { "PM", "%p" }, { "IW", "%V" }, { "WW", "%W" }, { "D", "%w" }, { "TZ", "%Z" }, { NULL } };
	enum functions_form form;
	struct str f = functions_text_of(v[1]);
	struct buf text = {0}, out = {0};
	int64_t ms;

	(void)n;
	if (!f.p || functions_time_of(v[0], &ms, &form) < 0)
		return;
	for (size_t i = 0; i < f.n; ) {
		int k;

		if (f.p[i] == '"') {
			for (i++; i < f.n && f.p[i] != '"'; i++)
				buf_byte(&text, f.p[i]);
			i++;
			continue;
		}
		for (k = 0; map[k].letters && (strlen(map[k].letters) > f.n - i || memcmp(map[k].letters, f.p + i, strlen(map[k].letters)) != 0); k++)
			;
		if (map[k].letters) {
			i += strlen(map[k].letters);
			buf_lit(&text, map[k].f);
		} else if (f.p[i] == 'Q') {
			struct civil t;

			time_civil(local(c, ms, form), &t);
			buf_printf(&text, "%d", (t.month + 2) / 3);
			i++;
		} else {
			if (f.p[i] == '%')
				buf_byte(&text, '%');
			buf_byte(&text, f.p[i++]);
		}
	}
	format_time(&out, buf_get(&text), local(c, ms, form), ms);
	functions_give_text(c, buf_get(&out));
	buf_release(&text), buf_release(&out);
}

static void
parse_format(sqlite3_context *c, int n, sqlite3_value **v)      /* strptime(text, format) */
{
	struct tm tm = { .tm_mday = 1 };
	const char *text = (const char *)sqlite3_value_text(v[0]), *f = (const char *)sqlite3_value_text(v[1]);
	struct civil t;

	(void)n;
	if (!text || !f)
		return;
	const char *end = strptime(text, f, &tm);

	if (!end || *end || tm.tm_year < -1900 || tm.tm_year > 8099) {
		if (functions_which(c) == 0)
			functions_error(c, "strptime: '%.60s' is not in the form '%.40s', try_strptime gives NULL", text, f);
		return;
	}
	t = (struct civil){ .year = tm.tm_year + 1900, .month = tm.tm_mon + 1, .day = tm.tm_mday, .hour = tm.tm_hour, .minute = tm.tm_min, .second = tm.tm_sec };
	functions_give_time(c, time_of_civil(&t) - tm.tm_gmtoff * 1000, FORM_INSTANT);
}

static void
yyyymm(sqlite3_context *c, int n, sqlite3_value **v)
{
	enum functions_form form;
	struct civil t;
	int64_t ms;

	(void)n;
	if (functions_time_of(v[0], &ms, &form) < 0)
		return;
	time_civil(local(c, ms, form), &t);
	sqlite3_result_int64(c, functions_which(c) ? t.year * 10000LL + t.month * 100 + t.day : t.year * 100LL + t.month);
}

const struct function functions_time[] = {
	{ "now", 0, 0, 0, now }, { "get_current_timestamp", 0, 0, 0, now }, { "today", 0, 0, 0, today }, { "yesterday", 0, 0, -1, today },
	{ "at_time", 1, 2, 0, at_time }, { "at_alike", 2, 2, 0, at_alike }, { "at_midnight", 1, 1, 0, at_midnight }, { "at_zone", 2, 2, 0, at_zone }, { "timezone", 2, 2, 0, at_zone },
	{ "time_add", 3, 3, 0, time_add }, { "span_add", 3, 3, 0, span_add }, { "gap_seconds", 1, 1, 0, gap_seconds }, { "time_minus", 2, 2, 0, time_minus }, { "seconds_between", 2, 2, 1, time_minus }, { "time_plus", 2, 2, 0, time_plus }, { "interval_of", 2, 3, 0, interval_of },
	{ "interval_sum", 3, 3, 0, interval_sum }, { "interval_seconds", 1, 1, 0, interval_seconds }, { "span_part", 3, 3, 0, span_part },
	{ "date_add", 2, 3, 1, date_add }, { "date_sub", 2, 3, -1, date_add }, { "datesub", 3, 3, -1, date_add }, { "dateadd", 3, 3, 1, date_add }, { "timestampadd", 3, 3, 1, date_add },
	{ "datediff", 2, 3, 0, date_diff }, { "date_diff", 2, 3, 0, date_diff }, { "timestampdiff", 3, 3, 0, date_diff }, { "timestamp_diff", 3, 3, 0, date_diff },
	{ "date_trunc", 2, 2, 0, date_trunc }, { "datetrunc", 2, 2, 0, date_trunc }, { "timestamp_trunc", 2, 2, 0, date_trunc },
	{ "time_bucket", 2, 3, 0, time_bucket }, { "tostartofinterval", 2, 2, 0, time_bucket }, { "date_bin", 2, 3, 0, time_bucket },
	{ "date_part", 2, 2, 0, date_part }, { "datepart", 2, 2, 0, date_part },
	{ "year", 1, 1, YEAR, part }, { "month", 1, 1, MONTH, part }, { "day", 1, 1, DAYS, part }, { "dayofmonth", 1, 1, DAYS, part }, { "hour", 1, 1, HOUR, part },
	{ "minute", 1, 1, MINUTE, part }, { "second", 1, 1, SECOND, part }, { "millisecond", 1, 1, MILLISECOND, part }, { "quarter", 1, 1, QUARTER, part },
	{ "week", 1, 1, WEEK, part }, { "weekofyear", 1, 1, WEEK, part }, { "yearweek", 1, 1, YEARWEEK, part }, { "isoyear", 1, 1, ISOYEAR, part },
	{ "dayofweek", 1, 1, DOW, part }, { "weekday", 1, 1, DOW, part }, { "isodow", 1, 1, ISODOW, part }, { "dayofyear", 1, 1, DOY, part },
	{ "epoch", 1, 1, EPOCH, part }, { "epoch_ms", 1, 1, EPOCH_MS, part }, { "epoch_us", 1, 1, EPOCH_US, part }, { "epoch_ns", 1, 1, EPOCH_NS, part }, { "tounixtimestamp", 1, 1, EPOCH, part },
	{ "toyear", 1, 1, YEAR, part }, { "tomonth", 1, 1, MONTH, part }, { "tohour", 1, 1, HOUR, part }, { "tominute", 1, 1, MINUTE, part },
	{ "todayofmonth", 1, 1, DAYS, part }, { "todayofweek", 1, 1, ISODOW, part }, { "todayofyear", 1, 1, DOY, part },
	{ "toyyyymm", 1, 1, 0, yyyymm }, { "toyyyymmdd", 1, 1, 1, yyyymm },
	{ "tostartofsecond", 1, 1, 0, start_of }, { "tostartofminute", 1, 1, 1, start_of }, { "tostartofhour", 1, 1, 2, start_of },
	{ "tostartofday", 1, 1, 3, start_of }, { "tostartofweek", 1, 1, 4, start_of }, { "tomonday", 1, 1, 4, start_of }, { "tostartofmonth", 1, 1, 5, start_of },
	{ "tostartofquarter", 1, 1, 6, start_of }, { "tostartofyear", 1, 1, 7, start_of }, { "tostartoffiveminutes", 1, 1, 105, start_of },
	{ "tostartoffiveminute", 1, 1, 105, start_of }, { "tostartoftenminutes", 1, 1, 110, start_of }, { "tostartoffifteenminutes", 1, 1, 115, start_of },
	{ "date", 1, 1, 0, date_of }, { "todate", 1, 1, 0, date_of }, { "julianday", 1, 1, 0, julian_day },
	{ "to_timestamp", 1, 1, 0, to_time }, { "todatetime", 1, 1, 0, to_time }, { "from_unixtime", 1, 1, 0, to_time }, { "fromunixtimestamp", 1, 1, 0, to_time },
	{ "make_date", 3, 3, 0, make_time }, { "make_timestamp", 6, 6, 0, make_time },
	{ "strftime", 2, 2, 0, format }, { "date_format", 2, 2, 0, format }, { "formatdatetime", 2, 2, 0, format }, { "to_char", 2, 2, 0, to_char },
	{ "strptime", 2, 2, 0, parse_format }, { "try_strptime", 2, 2, 1, parse_format },
	{ "monthname", 1, 1, 0, name_of }, { "dayname", 1, 1, 1, name_of }, { "last_day", 1, 1, 2, name_of },
	{ 0 }
};
