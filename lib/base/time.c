#include "base/time.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static _Atomic int64_t fixed_now = TIME_NONE;
static __thread uint64_t asked;

int64_t
time_wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
time_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t
time_mono_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t
time_now(void)
{
	int64_t fixed = atomic_load_explicit(&fixed_now, memory_order_relaxed);

	asked++;
	return fixed == TIME_NONE ? time_wall() : fixed;
}

uint64_t
time_asked(void)
{
	return asked;
}

void
time_set_now(int64_t ms)
{
	atomic_store_explicit(&fixed_now, ms, memory_order_relaxed);
}

int
time_is_set(void)
{
	return atomic_load_explicit(&fixed_now, memory_order_relaxed) != TIME_NONE;
}

/* Days since 1970-01-01 of a date, and back: H. Hinnant's algorithms, eras of 400 years that begin in March. */
static int64_t
days_of(int64_t year, int month, int64_t day)   /* month 1-12; any year and day */
{
	int64_t y = year - (month <= 2), era = time_floor_div(y, 400), of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void
date_of(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468, era = time_floor_div(z, 146097), doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

static int
is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int
time_days_in(int year, int month)
{
	static const char len[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return len[month - 1] + (month == 2 && is_leap(year));
}

static inline void
put2(char *to, unsigned n)
{
	static const char pairs[] =
	    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960"
	    "61626364656667686970717273747576777879808182838485868788899091929394959697989900";

	memcpy(to, pairs + 2 * n, 2);
}

/* Rows of a stream share their day: its digits are kept, in each thread. */
static _Thread_local struct { int64_t day; char text[10]; } printed = { INT64_MIN, "" };

void
time_print(int64_t ms, char out[TIME_LEN])
{
	int64_t day;
	unsigned left, seconds;

	if (ms < TIME_MIN)
		ms = TIME_MIN;
	if (ms > TIME_MAX)
		ms = TIME_MAX;
	day = time_floor_div(ms, DAY);
	left = (unsigned)(ms - day * DAY);
	if (day != printed.day) {
		int y, m, d;

		date_of(day, &y, &m, &d);
		put2(printed.text, (unsigned)y / 100);
		put2(printed.text + 2, (unsigned)y % 100);
		put2(printed.text + 5, (unsigned)m);
		put2(printed.text + 8, (unsigned)d);
		printed.text[4] = printed.text[7] = '-';
		printed.day = day;
	}
	seconds = left / 1000, left %= 1000;
	memcpy(out, printed.text, 10);
	out[10] = 'T';
	put2(out + 11, seconds / 3600);
	out[13] = ':';
	put2(out + 14, seconds / 60 % 60);
	out[16] = ':';
	put2(out + 17, seconds % 60);
	out[19] = '.';
	out[20] = (char)('0' + left / 100);
	put2(out + 21, left % 100);
	out[23] = 'Z';
}

/* The text form, eight bytes at a time: "YYYY-MM-" "DDThh:mm" ":ss.mmmZ". */
static inline uint64_t
word(const char *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
	return w;
}

/* Are the bytes of w digits where `form` has a 0, and form's elsewhere? `is_digit` has ff where digits are due. */
static inline int
has_form(uint64_t w, uint64_t form, uint64_t is_digit)
{
	uint64_t digits = (w & is_digit) | (0x3030303030303030u & ~is_digit);

	return ((w ^ form) & ~is_digit) == 0 && (digits & 0xf0f0f0f0f0f0f0f0u) == 0x3030303030303030u &&
	    ((digits + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u) == 0x3030303030303030u;
}

static inline unsigned
two(const char *p)
{
	return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

static _Thread_local struct { uint64_t year_month; char day[2]; int64_t ms; } parsed;

static inline int
parse_text_form(const char *p, int64_t *ms)
{
	uint64_t a = word(p), b = word(p + 8), c = word(p + 16);
	unsigned hour, minute, second;

	if (!has_form(b, word("00T00:00"), word("\xff\xff\0\xff\xff\0\xff\xff")) ||
	    !has_form(c, word(":00.000Z"), word("\0\xff\xff\0\xff\xff\xff\0")))
		return -1;
	if (a != parsed.year_month || p[8] != parsed.day[0] || p[9] != parsed.day[1]) {
		int year, month, day;

		if (!has_form(a, word("0000-00-"), word("\xff\xff\xff\xff\0\xff\xff\0")))
			return -1;
		year = (int)(two(p) * 100 + two(p + 2)), month = (int)two(p + 5), day = (int)two(p + 8);
		if (month < 1 || month > 12 || day < 1 || day > time_days_in(year, month))
			return -1;
		parsed.ms = days_of(year, month, day) * DAY;
		parsed.year_month = a;
		memcpy(parsed.day, p + 8, 2);
	}
	hour = two(p + 11), minute = two(p + 14), second = two(p + 17);
	if (hour > 23 || minute > 59 || second > 59)
		return -1;
	*ms = parsed.ms + (int64_t)((hour * 60 + minute) * 60 + second) * 1000 + (unsigned)(p[20] - '0') * 100 + two(p + 21);
	return 0;
}

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly n digits off the front: the number, or -1. */
static int
digits(struct str *s, size_t n)
{
	int value = 0;

	if (s->n < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(s->p[i]))
			return -1;
		value = value * 10 + (s->p[i] - '0');
	}
	s->p += n, s->n -= n;
	return value;
}

static int
skip(struct str *s, char c)
{
	if (s->n == 0 || *s->p != c)
		return 0;
	s->p++, s->n--;
	return 1;
}

/* Any form. Local time and offset apart; *zoned tells whether an offset was there. */
static int
parse_forms(struct str s, int64_t *local, int64_t *offset, int *zoned)
{
	int year, month, day, hour = 0, minute = 0, second = 0, ms = 0, sign, off_hour, off_minute = 0;

	*offset = *zoned = 0;
	if ((year = digits(&s, 4)) < 0 || !skip(&s, '-') || (month = digits(&s, 2)) < 0 || !skip(&s, '-') || (day = digits(&s, 2)) < 0)
		return -1;
	if (month < 1 || month > 12 || day < 1 || day > time_days_in(year, month))
		return -1;
	*local = days_of(year, month, day) * DAY;
	if (s.n == 0)
		return 0;
	if (!skip(&s, 'T') && !skip(&s, 't') && !skip(&s, ' '))
		return -1;
	if ((hour = digits(&s, 2)) < 0 || !skip(&s, ':') || (minute = digits(&s, 2)) < 0)
		return -1;
	if (skip(&s, ':')) {
		if ((second = digits(&s, 2)) < 0)
			return -1;
		if (skip(&s, '.') || skip(&s, ',')) {
			int scale = 100;

			if (s.n == 0 || !is_digit(*s.p))
				return -1;
			for (; s.n && is_digit(*s.p); s.p++, s.n--, scale /= 10)
				ms += (*s.p - '0') * scale;
		}
	}
	if (hour > 23 || minute > 59 || second > 60)
		return -1;
	*local += ((hour * 60 + minute) * 60 + second) * SECOND + ms;
	if (s.n && *s.p == ' ')         /* "2026-11-23 10:15:30 +0100" */
		skip(&s, ' ');
	else if (s.n == 0)
		return 0;
	*zoned = 1;
	if (skip(&s, 'Z') || skip(&s, 'z'))
		return s.n ? -1 : 0;
	if (!(sign = skip(&s, '+') ? 1 : skip(&s, '-') ? -1 : 0) || (off_hour = digits(&s, 2)) < 0)
		return -1;
	if (s.n) {
		skip(&s, ':');
		if ((off_minute = digits(&s, 2)) < 0)
			return -1;
	}
	if (s.n || off_hour > 23 || off_minute > 59)
		return -1;
	*offset = sign * (off_hour * 60 + off_minute) * MINUTE;
	return 0;
}

static int
in_range(int64_t ms)
{
	return ms >= TIME_MIN && ms <= TIME_MAX;
}

int
time_parse_rfc3339(struct str s, int64_t *ms)
{
	int64_t local, offset;
	int zoned;

	if (s.n == TIME_LEN && parse_text_form(s.p, ms) == 0)
		return 0;
	if (parse_forms(s, &local, &offset, &zoned) < 0 || !in_range(local - offset))
		return -1;
	*ms = local - offset;
	return 0;
}

int
time_of_epoch(double n, int64_t *ms)
{
	double size = fabs(n), whole;

	if (!isfinite(n))
		return -1;
	/* The hair more than the number brings 1700000000.123, which no double holds, to its own millisecond. */
	whole = size < 1e11 ? floor(n * 1e3 + 5e-4) : size < 1e14 ? floor(n) : size < 1e17 ? floor(n / 1e3) : floor(n / 1e6);
	if (!(whole >= (double)TIME_MIN && whole <= (double)TIME_MAX))
		return -1;
	*ms = (int64_t)whole;
	return 0;
}

int
time_of_epoch_int(int64_t n, int64_t *ms)
{
	uint64_t size = n < 0 ? -(uint64_t)n : (uint64_t)n;
	int64_t at = size < 100000000000u ? n * 1000 : size < 100000000000000u ? n :
	    size < 100000000000000000u ? time_floor_div(n, 1000) : time_floor_div(n, 1000000);

	if (!in_range(at))
		return -1;
	*ms = at;
	return 0;
}

void
time_civil(int64_t ms, struct civil *c)
{
	int64_t days = time_floor_div(ms, DAY);
	int left = (int)(ms - days * DAY);

	date_of(days, &c->year, &c->month, &c->day);
	c->ms = left % 1000, left /= 1000;
	c->second = left % 60, left /= 60;
	c->minute = left % 60;
	c->hour = left / 60;
	c->weekday = (int)(days + 4 - 7 * time_floor_div(days + 4, 7));      /* the first day of 1970 was a Thursday */
	c->yearday = (int)(days - days_of(c->year, 1, 1)) + 1;
}

int64_t
time_of_civil(const struct civil *c)
{
	int64_t months = (int64_t)c->month - 1, year = c->year + time_floor_div(months, 12);

	return days_of(year, (int)(months - 12 * time_floor_div(months, 12)) + 1, c->day) * DAY +
	    c->hour * HOUR + c->minute * MINUTE + c->second * SECOND + c->ms;
}

int64_t
time_add_months(int64_t ms, int64_t months)
{
	struct civil t;
	int64_t m = time_month(ms) + months;

	if (m < 0 || m >= 10000 * 12)
		return m < 0 ? TIME_MIN : TIME_MAX;
	time_civil(ms, &t);
	t.year = (int)(m / 12), t.month = (int)(m % 12) + 1;
	if (t.day > time_days_in(t.year, t.month))
		t.day = time_days_in(t.year, t.month);
	return time_of_civil(&t);
}

int64_t
time_month(int64_t ms)
{
	struct civil t;

	time_civil(ms, &t);
	return (int64_t)t.year * 12 + t.month - 1;
}

/* A span's units, largest first. */
static const struct { const char *name; int64_t ms; } units[] = {
	{ "w", 7 * DAY }, { "d", DAY }, { "h", HOUR }, { "m", MINUTE }, { "s", SECOND }, { "ms", 1 }, {0}
};

/* One number with its unit off the front. 0, or -1 when there is none. */
static int
cut_span(struct str *s, int bare_is_seconds, int64_t *ms)
{
	struct str unit;
	int64_t n = 0, scale = 0;

	if (s->n == 0 || !is_digit(*s->p))
		return -1;
	for (; s->n && is_digit(*s->p); s->p++, s->n--)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *s->p - '0', &n))
			return -1;
	for (unit = (struct str){ s->p, 0 }; s->n && !is_digit(*s->p); s->p++, s->n--)
		unit.n++;
	if (unit.n == 0 && bare_is_seconds && s->n == 0)
		scale = SECOND;
	for (int i = 0; units[i].name; i++)
		if (str_eq(unit, str_of(units[i].name)))
			scale = units[i].ms;
	if (!scale || __builtin_mul_overflow(n, scale, &n))
		return -1;
	*ms = n;
	return 0;
}

static int
parse_span(struct str s, int bare_is_seconds, int64_t *ms)
{
	int64_t sum = 0, part;

	do {
		if (cut_span(&s, bare_is_seconds, &part) < 0 || __builtin_add_overflow(sum, part, &sum))
			return -1;
		bare_is_seconds = 0;
	} while (s.n);
	*ms = sum;
	return 0;
}

int
dur_parse(struct str s, int64_t *ms, struct err *err)
{
	if (parse_span(s, 1, ms) < 0)
		return err_set(err, ERR_USAGE, "'%.*s' is no span of time, try 30s, 5m, 1h, 7d or 1h30m", (int)(s.n < 80 ? s.n : 80), s.p ? s.p : "");
	return 0;
}

void
dur_print(int64_t ms, char out[32])
{
	uint64_t n = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
	const char *unit = "ms";
	char text[24], *p = text + sizeof(text);

	if (n == 0)
		unit = "s";
	for (int i = 1; n && units[i].name; i++)
		if (n % (uint64_t)units[i].ms == 0) {
			n /= (uint64_t)units[i].ms;
			unit = units[i].name;
			break;
		}
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	if (ms < 0)
		*--p = '-';
	memcpy(out, p, (size_t)(text + sizeof(text) - p));
	strcpy(out + (text + sizeof(text) - p), unit);
}

/* `now`, `today`, … alone or with +SPAN or -SPAN behind. */
static int
parse_word(struct str s, const struct zone *zone, int64_t *ms)
{
	static const struct { struct str name; int days; } words[] = {
		{ { "now", 3 }, 0 }, { { "today", 5 }, 0 }, { { "yesterday", 9 }, -1 }, { { "tomorrow", 8 }, 1 },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct str rest = { s.p + words[i].name.n, s.n - words[i].name.n };
		int64_t span = 0, at = time_now();

		if (s.n < words[i].name.n || memcmp(s.p, words[i].name.p, words[i].name.n) != 0)
			continue;
		if (rest.n) {
			if (*rest.p != '+' && *rest.p != '-')
				return -1;
			if (parse_span((struct str){ rest.p + 1, rest.n - 1 }, 1, &span) < 0 || span > 2 * TIME_MAX)
				return -1;
			if (*rest.p == '-')
				span = -span;
		}
		if (i > 0) {            /* by the calendar: a day may have 23 or 25 hours */
			int64_t local = at + zone_offset(zone, at);

			at = zone_to_utc(zone, (time_floor_div(local, DAY) + words[i].days) * DAY);
		}
		*ms = at + span;
		return 0;
	}
	return -1;
}

int
time_parse(struct str s, const struct zone *zone, int64_t *ms, struct err *err)
{
	int64_t at = TIME_NONE, offset, n;
	double d;
	int zoned;

	if (parse_forms(s, &at, &offset, &zoned) == 0)
		at = zoned ? at - offset : zone_to_utc(zone, at);
	else if (parse_word(s, zone, &at) == 0)
		;
	else if (parse_span(s, 0, &n) == 0)
		at = n <= 2 * TIME_MAX ? time_now() - n : TIME_NONE;
	else if (str_int64(s, &n) == 0 ? time_of_epoch_int(n, &at) < 0 : str_double(s, &d) < 0 || time_of_epoch(d, &at) < 0)
		return err_set(err, ERR_USAGE, "'%.*s' is no time, try 2026-11-23T10:15:30Z, 2026-11-23, yesterday, now-1h or 1h",
		    (int)(s.n < 80 ? s.n : 80), s.p ? s.p : "");
	if (!in_range(at))
		return err_set(err, ERR_USAGE, "'%.*s' is out of range, times lie in the years 0000 to 9999", (int)(s.n < 80 ? s.n : 80), s.p ? s.p : "");
	*ms = at;
	return 0;
}

int
time_trunc(struct str unit, const struct zone *zone, int64_t ms, int64_t *start)
{
	int64_t offset = zone_offset(zone, ms), local = ms + offset, span = 0;
	struct civil c;

	if (str_eq(unit, STR("ms")) || str_eq(unit, STR("millisecond")))
		span = 1;
	else if (str_eq(unit, STR("second")))
		span = SECOND;
	else if (str_eq(unit, STR("minute")))
		span = MINUTE;
	else if (str_eq(unit, STR("hour")))
		span = HOUR;
	if (span) {                     /* by this instant's own offset: of an hour that comes twice, each has its start */
		*start = time_floor_div(local, span) * span - offset;
		if (zone_offset(zone, *start) != offset)        /* the clock changed within the hour, as on Lord Howe */
			*start = zone_to_utc(zone, *start + offset);
		return 0;
	}
	time_civil(local, &c);
	c.hour = c.minute = c.second = c.ms = 0;
	if (str_eq(unit, STR("week")))
		c.day -= (c.weekday + 6) % 7;
	else if (str_eq(unit, STR("month")))
		c.day = 1;
	else if (str_eq(unit, STR("quarter")))
		c.day = 1, c.month -= (c.month - 1) % 3;
	else if (str_eq(unit, STR("year")))
		c.day = 1, c.month = 1;
	else if (!str_eq(unit, STR("day")))
		return -1;
	*start = zone_to_utc(zone, time_of_civil(&c));
	return 0;
}
