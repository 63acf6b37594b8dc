/* The time a question is about: each form, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/period.h"

#define NOW 1764000000000               /* 2025-11-24T16:00:00Z */
#define DAY 86400000LL

static void
test_each_form_is_read_and_the_rest_told(void **state)
{
	const int64_t midnight = NOW - NOW % DAY;
	const struct { const char *range, *from, *to; int64_t default_ms, want_from, want_to; } good[] = {
		{ NULL, NULL, NULL, 0, TIME_MIN, TIME_MAX + 1 }, { NULL, NULL, NULL, DAY, NOW - DAY, NOW + 1 }, { "", NULL, NULL, DAY, NOW - DAY, NOW + 1 },
		{ "1h", NULL, NULL, 0, NOW - 3600000, NOW + 1 }, { "today", NULL, NULL, 0, midnight, midnight + DAY },
		{ "yesterday", NULL, NULL, 0, midnight - DAY, midnight }, { "all", NULL, NULL, DAY, TIME_MIN, TIME_MAX + 1 },
		{ "2025-11-20/2025-11-21", NULL, NULL, 0, midnight - 4 * DAY, midnight - 3 * DAY },
		{ "2025-11-20..2025-11-21", NULL, NULL, 0, midnight - 4 * DAY, midnight - 3 * DAY }, { "2025-11-20/", NULL, NULL, 0, midnight - 4 * DAY, TIME_MAX + 1 },
		{ "/2025-11-20", NULL, NULL, 0, TIME_MIN, midnight - 4 * DAY }, { "2025-11-20", NULL, NULL, 0, midnight - 4 * DAY, NOW + 1 },
		{ NULL, "2025-11-20", NULL, 0, midnight - 4 * DAY, NOW + 1 }, { NULL, NULL, "2025-11-20", 0, TIME_MIN, midnight - 4 * DAY },
		{ "1h", "2025-11-20", NULL, 0, NOW - 3600000, NOW + 1 }, { NULL, NULL, "2025-11-20", DAY, midnight - 5 * DAY, midnight - 4 * DAY },
	};
	const struct period_text backwards = { .from = STR("2025-11-21"), .to = STR("2025-11-20") }, ahead = { .from = STR("2099-01-01") };
	const char *const bad[] = { "x", "0s", "2025-13-01", "2025-11-21/2025-11-20", "2025-11-21/x", "999999999999d", "\xff" };
	struct err err = { 0 };
	int64_t from, to;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		const struct period_text text = { str_of(good[i].range), str_of(good[i].from), str_of(good[i].to) };

		if (period_read(&text, good[i].default_ms, NULL, &from, &to, &err) || from != good[i].want_from || to != good[i].want_to)
			fail_msg("%zu: %lld %lld %s", i, (long long)from, (long long)to, err.text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const struct period_text text = { .range = str_of(bad[i]) };

		err_clear(&err);
		assert_int_equal(period_read(&text, 0, NULL, &from, &to, &err), ERR_INPUT);
		assert_non_null(strstr(err.text, "timeRange: "));
	}
	assert_int_equal(period_read(&backwards, DAY, NULL, &from, &to, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "to: '2025-11-20': "));
	assert_int_equal(period_read(&ahead, 0, NULL, &from, &to, &err), ERR_INPUT);
	assert_non_null(strstr(err.text, "from: '2099-01-01': "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_form_is_read_and_the_rest_told) };

	time_set_now(NOW);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
