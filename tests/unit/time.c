/* Instants, spans and zones. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/time.h"
#include "skip.h"

static uint64_t
next(uint64_t *seed)                            /* xorshift: the same on every machine */
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static int64_t
parsed(const char *text)
{
	int64_t ms;

	return time_parse_rfc3339(str_of(text), &ms) == 0 ? ms : TIME_NONE;
}

static void
every_instant_prints_as_libc_has_it_and_reads_back(void **state __attribute__((unused)))
{
	uint64_t seed = 42;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		int64_t ms = TIME_MIN + (int64_t)(next(&seed) % (uint64_t)(TIME_MAX - TIME_MIN + 1)), back;
		time_t t = (time_t)(ms / 1000 - (ms % 1000 < 0));
		struct civil c;
		struct tm tm;
		char out[TIME_LEN + 1] = "", want[80];

		gmtime_r(&t, &tm);
		snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		    tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms - (int64_t)t * 1000));
		time_print(ms, out);
		assert_string_equal(out, want);
		assert_int_equal(time_parse_rfc3339(str_of(out), &back), 0);
		assert_true(back == ms);
		time_civil(ms, &c);
		assert_int_equal(c.weekday, tm.tm_wday);
		assert_int_equal(c.yearday, tm.tm_yday + 1);
		assert_true(time_of_civil(&c) == ms);
	}
}

static void
every_form_of_rfc_3339_is_read(void **state __attribute__((unused)))
{
	int64_t ms = 1795342530123;                     /* 2026-11-22T10:15:30.123Z */

	(void)state;
	assert_true(parsed("2026-11-22T10:15:30.123Z") == ms);
	assert_true(parsed("2026-11-22t10:15:30.123z") == ms);
	assert_true(parsed("2026-11-22 10:15:30.123Z") == ms);
	assert_true(parsed("2026-11-22 10:15:30.123") == ms);
	assert_true(parsed("2026-11-22T12:15:30.123+02:00") == ms);
	assert_true(parsed("2026-11-22T12:15:30.123+0200") == ms);
	assert_true(parsed("2026-11-22T06:45:30.123-03:30") == ms);
	assert_true(parsed("2026-11-22T10:15:30.1239999999Z") == ms);
	assert_true(parsed("2026-11-22T10:15:30Z") == ms - 123);
	assert_true(parsed("2026-11-22T10:15:30.1Z") == ms - 23);
	assert_true(parsed("2026-11-22") == ms / 86400000 * 86400000);
	assert_true(parsed("2016-12-31T23:59:60Z") == parsed("2017-01-01T00:00:00Z"));
	assert_true(parsed("1970-01-01T00:00:00.000Z") == 0);
	assert_true(parsed("0000-01-01T00:00:00.000Z") == TIME_MIN);
	assert_true(parsed("9999-12-31T23:59:59.999Z") == TIME_MAX);
	assert_true(parsed("2024-02-29T00:00:00.000Z") == 1709164800000);
}

static void
what_is_no_time_is_refused(void **state __attribute__((unused)))
{
	static const char *const bad[] = {
		"", "x", "2026", "2026-11", "2026-13-01", "2026-00-01", "2026-11-00", "2026-11-31", "2026-02-29", "1900-02-29",
		"2026-11-22T", "2026-11-22T10", "2026-11-22T24:00:00Z", "2026-11-22T10:60:00Z", "2026-11-22T10:15:61Z",
		"2026-11-22T10:15:30.Z", "2026-11-22T10:15:30.123Zx", "2026-11-22T10:15:30.123+", "2026-11-22T10:15:30.123+25:00",
		"2026-11-22T10:15:30.123+02:60", "2026-11-22T10:15:3a.123Z", "2026-11-22T10:15:30:123Z", "2026/11/22T10:15:30.123Z",
		"202a-11-22T10:15:30.123Z", "0000-01-01T00:00:00+01:00",
		"9999-12-31T23:59:59-01:00", "2026-11-22T10:15:30.12\xc3\xa9", "-026-11-22T10:15:30.123Z", "2026-11-22T10:15:30.123Y", "2026-02-30T10:15:30.123Z",
		"2026-11-22T24:15:30.123Z", "2026-11-22T10:65:30.123Z", "+2026-11-22",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(parsed(bad[i]) == TIME_NONE);
}

/* Any change of one byte in the text form is refused, or gives another time that prints as it stood there. */
static void
the_fast_form_takes_no_near_miss(void **state __attribute__((unused)))
{
	char text[TIME_LEN + 1] = "2026-11-22T10:15:30.123Z", out[TIME_LEN];
	int64_t ms;

	(void)state;
	for (int i = 0; i < TIME_LEN; i++)
		for (int c = 0; c < 256; c++) {
			char was = text[i];

			text[i] = (char)c;
			if (time_parse_rfc3339((struct str){ text, TIME_LEN }, &ms) == 0) {
				time_print(ms, out);
				if (i == 10)            /* t and space */
					out[10] = text[10];
				else if (i == 19)       /* a comma */
					out[19] = text[19];
				else if (i == 22 && c == ' ')   /* a blank before the zone */
					out[22] = ' ';
				else if (i == 23)       /* z, or a fourth digit */
					out[23] = text[23];
				if (i != 17 || c != '6')        /* second 60 is the next second */
					assert_memory_equal(out, text, TIME_LEN);
			}
			text[i] = was;
		}
}

static void
an_epoch_is_known_by_its_size(void **state __attribute__((unused)))
{
	int64_t ms;

	(void)state;
	assert_int_equal(time_of_epoch_int(1700000000, &ms), 0);
	assert_true(ms == 1700000000000);
	assert_int_equal(time_of_epoch_int(1700000000123, &ms), 0);
	assert_true(ms == 1700000000123);
	assert_int_equal(time_of_epoch_int(1700000000123456, &ms), 0);
	assert_true(ms == 1700000000123);
	assert_int_equal(time_of_epoch_int(1700000000123456789, &ms), 0);
	assert_true(ms == 1700000000123);
	assert_int_equal(time_of_epoch_int(-1, &ms), 0);
	assert_true(ms == -1000);
	assert_int_equal(time_of_epoch_int(INT64_MIN, &ms), 0);
	assert_int_equal(time_of_epoch(1700000000.123, &ms), 0);
	assert_true(ms == 1700000000123);
	assert_int_equal(time_of_epoch(1700000000.9999, &ms), 0);
	assert_true(ms == 1700000000999);
	assert_int_equal(time_of_epoch(1e300, &ms), -1);
	assert_int_equal(time_of_epoch(-1e300, &ms), -1);
	assert_int_equal(time_of_epoch(NAN, &ms), -1);
	for (int64_t at = 1700000000000; at < 1700000001000; at++) {    /* three decimals of a second survive the double */
		assert_int_equal(time_of_epoch((double)at / 1000, &ms), 0);
		assert_true(ms == at);
	}
}

static void
spans_read_and_print(void **state __attribute__((unused)))
{
	static const struct { const char *text; int64_t ms; const char *prints; } good[] = {
		{ "250ms", 250, "250ms" }, { "30s", 30000, "30s" }, { "5m", 300000, "5m" }, { "1h", 3600000, "1h" },
		{ "7d", 604800000, "7d" }, { "2w", 1209600000, "14d" }, { "1h30m", 5400000, "90m" }, { "90", 90000, "90s" }, { "0", 0, "0s" },
		{ "1d12h", 129600000, "36h" }, { "1s500ms", 1500, "1500ms" },
	};
	static const char *const bad[] = { "", "m", "5x", "-1h", "1.5h", "1h 30m", "1h30", "99999999999999999999s", "9223372036854775807w", "5 m" };
	struct err err = {0};
	char out[32];
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(dur_parse(str_of(good[i].text), &ms, &err), 0);
		assert_true(ms == good[i].ms);
		dur_print(ms, out);
		assert_string_equal(out, good[i].prints);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(dur_parse(str_of(bad[i]), &ms, &err), ERR_USAGE);
	dur_print(INT64_MIN, out);
	dur_print(INT64_MAX, out);
	assert_string_equal(out, "9223372036854775807ms");
}

static void
a_user_may_type_a_time_in_many_ways(void **state __attribute__((unused)))
{
	struct err err = {0};
	const struct zone *zurich = zone_get(STR("Europe/Zurich"), &err);
	int64_t now = parsed("2026-11-23T10:15:30Z"), ms, before;
	static const struct { const char *text, *utc, *zurich; } good[] = {
		{ "now", "2026-11-23T10:15:30Z", "2026-11-23T10:15:30Z" },
		{ "now-1h", "2026-11-23T09:15:30Z", "2026-11-23T09:15:30Z" },
		{ "now+1d", "2026-11-24T10:15:30Z", "2026-11-24T10:15:30Z" },
		{ "1h30m", "2026-11-23T08:45:30Z", "2026-11-23T08:45:30Z" },
		{ "today", "2026-11-23", "2026-11-22T23:00:00Z" },
		{ "yesterday", "2026-11-22", "2026-11-21T23:00:00Z" },
		{ "tomorrow", "2026-11-24", "2026-11-23T23:00:00Z" },
		{ "yesterday+8h", "2026-11-22T08:00:00Z", "2026-11-22T07:00:00Z" },
		{ "2026-07-01", "2026-07-01", "2026-06-30T22:00:00Z" },
		{ "2026-07-01 12:00", "2026-07-01T12:00:00Z", "2026-07-01T10:00:00Z" },
		{ "2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z" },
		{ "1795342530", "2026-11-22T10:15:30Z", "2026-11-22T10:15:30Z" },
		{ "1795342530123", "2026-11-22T10:15:30.123Z", "2026-11-22T10:15:30.123Z" },
	};
	static const char *const bad[] = { "", "soon", "now*2", "now-", "now-1x", "nowx", "todayx", "1e400", "2026-13-01", "now-99999999w" };

	(void)state;
	if (!zurich)
		SKIP("no zoneinfo here");
	time_set_now(now);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(time_parse(str_of(good[i].text), NULL, &ms, &err), 0);
		assert_true(ms == parsed(good[i].utc));
		assert_int_equal(time_parse(str_of(good[i].text), zurich, &ms, &err), 0);
		assert_true(ms == parsed(good[i].zurich));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(time_parse(str_of(bad[i]), NULL, &ms, &err), ERR_USAGE);
	time_set_now(TIME_NONE);
	before = time_wall();
	ms = time_now();
	assert_true(before <= ms && ms <= time_wall());
}

/* Two readers of the same files, libc's and ours, agree in all zones from 1900 to 2200. */
static void
offsets_are_those_of_libc(void **state __attribute__((unused)))
{
	static const char *const names[] = {
		"Europe/Zurich", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca", "Europe/Dublin",
		"Asia/Tehran", "Pacific/Apia", "America/Godthab", "Africa/Cairo", "Asia/Gaza", "Pacific/Auckland", "America/Sao_Paulo", "Etc/GMT+5",
		"Antarctica/Troll", "America/Asuncion",
	};
	uint64_t seed = 7;
	int tried = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct err err = {0};
		const struct zone *z = zone_get(str_of(names[i]), &err);

		if (!z)
			continue;
		tried++;
		assert_ptr_equal(z, zone_get(str_of(names[i]), &err));
		setenv("TZ", names[i], 1);
		tzset();
		for (int k = 0; k < 5000; k++) {
			time_t t = (time_t)(next(&seed) % (300ull * 31556952)) - 70ll * 31556952;
			int64_t ms = (int64_t)t * 1000 + 1, local, utc;
			struct tm tm;

			localtime_r(&t, &tm);
			assert_int_equal(zone_offset(z, ms), tm.tm_gmtoff * 1000);
			local = ms + tm.tm_gmtoff * 1000;
			utc = zone_to_utc(z, local);            /* itself, or the first of two */
			assert_true(utc <= ms && utc + zone_offset(z, utc) == local);
		}
	}
	unsetenv("TZ");
	tzset();
	if (!tried)
		SKIP("no zoneinfo here");
}

static void
hours_that_come_twice_or_not_at_all(void **state __attribute__((unused)))
{
	struct err err = {0};
	const struct zone *z = zone_get(STR("Europe/Zurich"), &err);
	int64_t start;

	(void)state;
	if (!z)
		SKIP("no zoneinfo here");
	assert_true(zone_to_utc(z, parsed("2026-03-29T02:30:00Z")) == parsed("2026-03-29T01:00:00Z"));  /* gap: the jump */
	assert_true(zone_to_utc(z, parsed("2026-10-25T02:30:00Z")) == parsed("2026-10-25T00:30:00Z"));  /* twice: the first */
	assert_true(zone_to_utc(z, parsed("2066-07-01T00:00:00Z")) == parsed("2066-06-30T22:00:00Z"));  /* by the rule */
	assert_int_equal(time_trunc(STR("day"), z, parsed("2026-03-29T12:00:00Z"), &start), 0);
	assert_true(start == parsed("2026-03-28T23:00:00Z"));
	assert_int_equal(time_trunc(STR("hour"), z, parsed("2026-10-25T01:30:00Z"), &start), 0);
	assert_true(start == parsed("2026-10-25T01:00:00Z"));
	z = zone_get(STR("Australia/Lord_Howe"), &err);         /* by half an hour: an hour begins where the one before it ends */
	assert_non_null(z);
	assert_int_equal(time_trunc(STR("hour"), z, parsed("2026-10-03T15:40:00Z"), &start), 0);
	assert_true(start == parsed("2026-10-03T15:30:00Z"));
	assert_int_equal(time_trunc(STR("hour"), z, parsed("2026-10-03T15:29:59Z"), &start), 0);
	assert_true(start == parsed("2026-10-03T14:30:00Z"));
	assert_int_equal(time_trunc(STR("hour"), z, parsed("2026-04-04T15:10:00Z"), &start), 0);      /* an hour of 90 minutes */
	assert_true(start == parsed("2026-04-04T14:00:00Z"));
	z = zone_get(STR("Europe/Zurich"), &err);
	assert_int_equal(time_trunc(STR("week"), NULL, parsed("2026-11-22T10:00:00Z"), &start), 0);     /* a Sunday */
	assert_true(start == parsed("2026-11-16"));
	assert_int_equal(time_trunc(STR("month"), z, parsed("2026-11-22T10:00:00Z"), &start), 0);
	assert_true(start == parsed("2026-10-31T23:00:00Z"));
	assert_int_equal(time_trunc(STR("quarter"), NULL, parsed("2026-11-22T10:00:00Z"), &start), 0);
	assert_true(start == parsed("2026-10-01"));
	assert_int_equal(time_trunc(STR("year"), NULL, parsed("1969-11-22T10:00:00Z"), &start), 0);
	assert_true(start == parsed("1969-01-01"));
	assert_int_equal(time_trunc(STR("second"), NULL, -1, &start), 0);
	assert_true(start == -1000);
	assert_int_equal(time_trunc(STR("fortnight"), NULL, 0, &start), -1);
	assert_int_equal(time_add_months(parsed("2026-05-31T12:00:00Z"), -3), parsed("2026-02-28T12:00:00Z"));
	assert_int_equal(time_add_months(parsed("2024-02-29T00:00:00Z"), 12), parsed("2025-02-28T00:00:00Z"));
	assert_int_equal(time_add_months(parsed("2026-01-15T23:59:59.999Z"), -1), parsed("2025-12-15T23:59:59.999Z"));
	assert_int_equal(time_add_months(0, 12 * 9000), TIME_MAX);
	assert_int_equal(time_add_months(0, -12 * 9000), TIME_MIN);
}

static void
a_name_of_a_zone_leads_nowhere_else(void **state __attribute__((unused)))
{
	static const char *const bad[] = { "", "/etc/passwd", "../../../etc/passwd", "Europe/../../../../etc/passwd", "Europe", "Nowhere/None", "Europe//Zurich", "+25:00", "+2", "+", "-02:6",
		"a\nb", "+02:00x", "tzdata.zi" };
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&err);
		assert_null(zone_get(str_of(bad[i]), &err));
		assert_true(err.code < 0);
	}
	assert_true(zone_offset(zone_get(STR("+02:00"), &err), 0) == 7200000);
	assert_true(zone_offset(zone_get(STR("-0330"), &err), 0) == -12600000);
	assert_true(zone_offset(zone_get(STR("UTC"), &err), 0) == 0);
	assert_true(zone_to_utc(zone_get(STR("+02:00"), &err), 0) == -7200000);
	assert_true(zone_is_utc(NULL) && zone_is_utc(zone_get(STR("UTC"), &err)) && zone_is_utc(zone_get(STR("+00:00"), &err)));
	assert_false(zone_is_utc(zone_get(STR("+02:00"), &err)) || zone_is_utc(zone_get(STR("Europe/Zurich"), &err)) || zone_is_utc(zone_get(STR("Europe/London"), &err)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_instant_prints_as_libc_has_it_and_reads_back),
		cmocka_unit_test(every_form_of_rfc_3339_is_read),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(the_fast_form_takes_no_near_miss),
		cmocka_unit_test(an_epoch_is_known_by_its_size),
		cmocka_unit_test(spans_read_and_print),
		cmocka_unit_test(a_user_may_type_a_time_in_many_ways),
		cmocka_unit_test(offsets_are_those_of_libc),
		cmocka_unit_test(hours_that_come_twice_or_not_at_all),
		cmocka_unit_test(a_name_of_a_zone_leads_nowhere_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
