/* Figures in words: what is said of two figures agrees with the figures as they are shown. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "insight/words.h"

static void
ends_show_how_far_they_lie_apart(void **state __attribute__((unused)))
{
	static const struct { double from, to; const char *text; } cases[] = { { 1021, 1350, " from 1,021 to 1,350" }, { 100.49, 100.51, " from 100.49 to 100.51" },
		{ 1234.56, 9000, " from 1,235 to 9,000" }, { 12.44, 13.96, " from 12.44 to 13.96" }, { 0, 3, " from 0 to 3" }, { -2.5, 2.5, " from -2.5 to 2.5" },
		{ 5, 5, " from 5 to 5" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf b = { 0 };

		words_from_to(&b, cases[i].from, cases[i].to);
		assert_string_equal(buf_text(&b), cases[i].text);
		buf_release(&b);
	}
}

/* Points are the difference of both shares to the last digit that is shown. */
static void
points_are_what_the_shares_differ_by(void **state __attribute__((unused)))
{
	srand(7);
	for (int i = 0; i < 20000; i++) {
		double from = rand() / (double)RAND_MAX, to = i % 2 ? rand() / (double)RAND_MAX : from + (rand() / (double)RAND_MAX - 0.5) / 50, a, z, points;
		struct buf b = { 0 };

		words_from_to_percent(&b, from, to);
		words_points_between(&b, from, to);
		assert_int_equal(sscanf(buf_text(&b), " from %lf %% to %lf %%%lf point", &a, &z, &points), 3);
		assert_true(fabs(fabs(z - a) - points) < 1e-7);
		assert_true(fabs(points - 100 * fabs(to - from)) <= 0.11 * 100 * fabs(to - from) + 1e-6);
		buf_release(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(ends_show_how_far_they_lie_apart), cmocka_unit_test(points_are_what_the_shares_differ_by) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
