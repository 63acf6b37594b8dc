/* Words for time, as the periods they name; stems, and what is a likely slip of a finger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "insight/ask_priv.h"

#define NOW "2026-06-17T12:34:00.000Z"          /* a Wednesday */

static void
told(const char *phrase, const char *zone_name, const char *from, const char *to)
{
	struct arena *arena = arena_new(0);
	struct ask_word words[40];
	struct ask_period p;
	struct err err = { 0 };
	const struct zone *zone = zone_name ? zone_get(str_of(zone_name), &err) : NULL;
	int n = ask_words(arena, str_of(phrase), words, 40), taken;
	int64_t now;
	char a[TIME_LEN], b[TIME_LEN];

	assert_int_equal(time_parse_rfc3339(STR(NOW), &now), 0);
	taken = ask_time(words, n, 0, now, zone, 0, &p);
	if (taken != n)
		print_error("%s: %d of %d words\n", phrase, taken, n);
	assert_int_equal(taken, n);
	time_print(p.from == TIME_NONE ? TIME_MIN : p.from, a);
	time_print(p.to > now ? now : p.to, b);
	if (memcmp(a, from, strlen(from)) || memcmp(b, to, strlen(to)))
		print_error("%s: %.*s to %.*s\n", phrase, TIME_LEN, a, TIME_LEN, b);
	assert_memory_equal(a, from, strlen(from));
	assert_memory_equal(b, to, strlen(to));
	arena_free(arena);
}

static void
days_and_weeks_are_those_of_the_calendar(void **state)
{
	(void)state;
	told("today", NULL, "2026-06-17T00:00", "2026-06-17T12:34");
	told("yesterday", NULL, "2026-06-16T00:00", "2026-06-17T00:00");
	told("the day before yesterday", NULL, "2026-06-15T00:00", "2026-06-16T00:00");
	told("this week", NULL, "2026-06-15", "2026-06-17T12:34");
	told("last week", NULL, "2026-06-08", "2026-06-15");
	told("this month", NULL, "2026-06-01", "2026-06-17T12:34");
	told("last month", NULL, "2026-05-01", "2026-06-01");
	told("last quarter", NULL, "2026-01-01", "2026-04-01");
	told("year to date", NULL, "2026-01-01", "2026-06-17T12:34");
	told("last weekend", NULL, "2026-06-13", "2026-06-15");
	told("3 days ago", NULL, "2026-06-14", "2026-06-15");
	told("on Monday", NULL, "2026-06-15", "2026-06-16");
	told("last Wednesday", NULL, "2026-06-10", "2026-06-11");
	told("in October", NULL, "2025-10-01", "2025-11-01");
	told("in May 2024", NULL, "2024-05-01", "2024-06-01");
	told("yesterday", "Europe/Zurich", "2026-06-15T22:00", "2026-06-16T22:00");
	told("this week", "America/New_York", "2026-06-15T04:00", "2026-06-17T12:34");
}

static void
numbers_and_past_run_back_from_now(void **state)
{
	(void)state;
	told("in the last hour", NULL, "2026-06-17T11:34", "2026-06-17T12:34");
	told("past 24 hours", NULL, "2026-06-16T12:34", "2026-06-17T12:34");
	told("over the last 7 days", NULL, "2026-06-10T12:34", "2026-06-17T12:34");
	told("the past week", NULL, "2026-06-10T12:34", "2026-06-17T12:34");
	told("last two weeks", NULL, "2026-06-03T12:34", "2026-06-17T12:34");
	told("the last 3 months", NULL, "2026-03-17T12:34", "2026-06-17T12:34");
	told("in the last half hour", NULL, "2026-06-17T12:04", "2026-06-17T12:34");
}

static void
dates_are_ranges_with_their_last_day(void **state)
{
	(void)state;
	told("on June 5th", NULL, "2026-06-05", "2026-06-06");
	told("on 5 June", NULL, "2026-06-05", "2026-06-06");
	told("on 2026-06-05", NULL, "2026-06-05", "2026-06-06");
	told("in 2026-05", NULL, "2026-05-01", "2026-06-01");
	told("in 2025", NULL, "2025-01-01", "2026-01-01");
	told("since June 5", NULL, "2026-06-05", "2026-06-17T12:34");
	told("since yesterday", NULL, "2026-06-16", "2026-06-17T12:34");
	told("between June 1 and June 5", NULL, "2026-06-01", "2026-06-06");
	told("from June 1 to 5", NULL, "2026-06-01", "2026-06-06");
	told("between 2026-06-01 and 2026-06-05", NULL, "2026-06-01", "2026-06-06");
	told("on 5.6.2026", NULL, "2026-06-05", "2026-06-06");
	told("between 1.6.2026 and 5.6.2026", NULL, "2026-06-01", "2026-06-06");
	told("before June 5", NULL, "0000-01-01", "2026-06-05");
	told("from monday to tuesday", NULL, "2026-06-15", "2026-06-17T00:00");
}

static void
what_lies_ahead_is_no_period(void **state)
{
	static const char *const ahead[] = { "tomorrow", "next week", "in the next 3 days", "next friday" };
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(ahead) / sizeof(*ahead); i++) {
		struct ask_word words[10];
		struct ask_period p;
		int n = ask_words(arena, str_of(ahead[i]), words, 10);

		assert_int_equal(ask_time(words, n, 0, 1781699640000, NULL, 0, &p), -1);
	}
	arena_free(arena);
}

static void
units_of_a_period_are_counted_as_far_as_now(void **state)
{
	static const struct { const char *phrase; int unit, steps; } known[] = { { "last month", 3, 31 }, { "last week", 3, 7 }, { "yesterday", 2, 24 }, { "today", 2, 13 },
		{ "this month", 3, 17 }, { "past 24 hours", 3, 2 }, { "last quarter", 5, 3 }, { "in 2025", 7, 1 }, { "before June 5", 3, 0 } };
	struct arena *arena = arena_new(0);
	struct ask_word words[40];
	struct ask_period p;
	int64_t now;

	(void)state;
	assert_int_equal(time_parse_rfc3339(STR(NOW), &now), 0);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		assert_true(ask_time(words, ask_words(arena, str_of(known[i].phrase), words, 40), 0, now, NULL, 0, &p) > 0);
		assert_int_equal(ask_steps(&p, known[i].unit, now, NULL), known[i].steps);
	}
	arena_free(arena);
}

static void
numbers_may_be_below_zero(void **state)
{
	struct arena *arena = arena_new(0);
	struct ask_word words[10];

	(void)state;
	assert_int_equal(ask_words(arena, STR("colder than -5 or 10-20"), words, 10), 6);
	assert_true(words[2].is_number && words[2].number == -5 && words[4].number == 10 && words[5].number == 20);
	arena_free(arena);
}

static void
forms_of_a_word_have_one_stem(void **state)
{
	static const char *const same[][2] = { { "purchases", "purchased" }, { "visits", "visiting" }, { "countries", "country" }, { "searches", "search" },
		{ "logged", "log" }, { "devices", "device" }, { "ups", "up" }, { "views", "viewed" } };
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
		assert_true(str_eq(ask_stem(arena, str_of(same[i][0])), ask_stem(arena, str_of(same[i][1]))));
	assert_false(str_eq(ask_stem(arena, STR("us")), ask_stem(arena, STR("use"))));
	arena_free(arena);
}

static void
a_slip_is_near_and_another_word_is_not(void **state)
{
	(void)state;
	assert_true(ask_near(STR("revnue"), STR("revenue")));
	assert_true(ask_near(STR("singups"), STR("signups")));
	assert_true(ask_near(STR("convrsoin"), STR("conversion")));
	assert_false(ask_near(STR("age"), STR("page")));
	assert_false(ask_near(STR("wages"), STR("pages")));
	assert_false(ask_near(STR("costs"), STR("cart")));
	assert_false(ask_near(STR("crash"), STR("cash")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_and_weeks_are_those_of_the_calendar), cmocka_unit_test(numbers_and_past_run_back_from_now),
		cmocka_unit_test(dates_are_ranges_with_their_last_day), cmocka_unit_test(what_lies_ahead_is_no_period),
		cmocka_unit_test(units_of_a_period_are_counted_as_far_as_now), cmocka_unit_test(numbers_may_be_below_zero),
		cmocka_unit_test(forms_of_a_word_have_one_stem), cmocka_unit_test(a_slip_is_near_and_another_word_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
