/* time.h - instants, spans of time, and zones.
 *
 * An instant is milliseconds since 1970-01-01T00:00:00Z in an int64. Text form is RFC 3339, UTC,
 * with milliseconds: "2026-11-23T10:15:30.123Z", years 0000 to 9999, so byte order is time order.
 */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include "base/dur.h"
#include "base/err.h"
#include "base/str.h"
#include "base/zone.h"

#define TIME_LEN  24                            /* bytes of the text form, no 0 */
#define TIME_NONE INT64_MIN                     /* no instant */
#define TIME_MIN  (-62167219200000LL)           /* 0000-01-01T00:00:00.000Z */
#define TIME_MAX  253402300799999LL             /* 9999-12-31T23:59:59.999Z */

/* What `NOW()`, `1h` and `yesterday` count from: the wall clock, unless time_set_now fixed it (--now, AT_NOW). */
int64_t time_now(void);
void    time_set_now(int64_t ms);
int     time_is_set(void);                      /* time_now stands still, at what it was given */
uint64_t time_asked(void);                      /* how often this thread has called time_now: what did not ask says the same later */
int64_t time_wall(void);                        /* the wall clock always, ms */
int64_t time_mono_ns(void);                     /* a clock that never goes back, ns */
int64_t time_cpu_ns(void);              /* processor time that this thread has taken; some 0.3 us to ask */
static inline int64_t
time_mono_ms(void)
{
	return time_mono_ns() / 1000000;
}

/* a / b towards the past, b > 0: the number of the span b that holds the instant a, before 1970 too. */
static inline int64_t
time_floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* The text form; writes TIME_LEN bytes, no 0. Out-of-range instants are clamped to TIME_MIN/TIME_MAX. */
void time_print(int64_t ms, char out[TIME_LEN]);

/* Of TIME_LEN bytes that time_parse_rfc3339 takes: are they what time_print writes? (No other separators, no second 60.) */
static inline int
time_is_printed(const char *p)
{
	return p[10] == 'T' && p[17] < '6' && p[19] == '.' && p[23] == 'Z';
}

/* RFC 3339 with any offset and any digits of a second (cut to ms), 'T', 't' or ' ' between; a lone date is its
 * midnight; no zone is UTC; second 60 is the next second. 0, or -1 when it is none or out of range. */
int time_parse_rfc3339(struct str, int64_t *ms);

/* An epoch number that is s, ms, µs or ns by its size: below 1e11 s, 1e14 ms, 1e17 µs, else ns (absolute values).
 * 0, or -1 when out of range or not finite. */
int time_of_epoch(double, int64_t *ms);
int time_of_epoch_int(int64_t, int64_t *ms);

/* What a user may type: RFC 3339, a date, an epoch, `now`, `now-1h`, `now+1d`, `today`, `yesterday`, `tomorrow`,
 * or a span alone, `1h`, which is that long before now. Days, and times that name no offset, are those of `zone`
 * (NULL: UTC). 0 or ERR_USAGE. */
int time_parse(struct str, const struct zone *, int64_t *ms, struct err *);

/* Civil parts of an instant (proleptic Gregorian). month 1-12, day 1-31, weekday 0 = Sunday. */
struct civil { int year, month, day, hour, minute, second, ms, weekday, yearday; };
void    time_civil(int64_t ms, struct civil *);
int64_t time_of_civil(const struct civil *);    /* weekday and yearday are not read; parts may overflow */
int     time_days_in(int year, int month);      /* month 1-12 */
int64_t time_add_months(int64_t ms, int64_t months);    /* on the same day, or at the end of a month that is shorter */
int64_t time_month(int64_t ms);                 /* months since the year 0; month n begins at time_of_civil of { .month = n + 1, .day = 1 } */

/* The start of the unit that holds the instant: "ms second minute hour day week month quarter year" (week from Monday),
 * by local time of the zone (NULL: UTC). 0, or -1 for an unknown unit. */
int time_trunc(struct str unit, const struct zone *, int64_t ms, int64_t *start);

#endif
