/* What the headers of the window room promise: numbers without rounding, states that merge in any order, windows from inside. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "window/layout.h"
#include "window/number.h"
#include "window/window.h"

static struct str
printed(const char *text, struct buf *b)
{
	struct number n;

	buf_clear(b);
	assert_true(number_read(str_of(text), &n));
	number_put(&n, b);
	return buf_get(b);
}

static void
numbers_come_out_as_they_were(void **state __attribute__((unused)))
{
	static const char *const pairs[][2] = {
		{ "0", "0" }, { "-0", "0" }, { "0.0", "0" }, { "12.50", "12.5" }, { "1e3", "1000" }, { "1E+2", "100" }, { "-7", "-7" },
		{ "9007199254740993", "9007199254740993" }, { "-9223372036854775808", "-9223372036854775808" },
		{ "18446744073709551615", "18446744073709551615" }, { "0.1", "0.1" }, { "1e-7", "1e-07" }, { "00012", "12" }, { "+5", "5" },
		{ "12345678901234567890123456789012345678", "12345678901234567890123456789012345678" },
		{ "1e400", "1.7976931348623157e+308" }, { "-1e999999999999", "-1.7976931348623157e+308" }, { "1e-500", "0" },
		{ "0.000000000000000000000000000000000000000000000000000000000000000000000001", "1e-72" },
	};
	static const char *const none[] = { "", "-", ".", "e5", "1e", "1e+", "1 ", " 1", "0x10", "1..2", "1.2.3", "nan", "inf", "1e5x", "--1" };
	struct buf b = { 0 };
	struct number n;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct str got = printed(pairs[i][0], &b);

		if (!str_eq(got, str_of(pairs[i][1])))
			fail_msg("%s gives %.*s, not %s", pairs[i][0], STR_FMT(got), pairs[i][1]);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		if (number_read(str_of(none[i]), &n))
			fail_msg("'%s' is no number", none[i]);
	buf_release(&b);
}

/* Any decimal's double is the one that the C library reads. */
static void
doubles_are_the_nearest(void **state __attribute__((unused)))
{
	srand(7);
	for (int i = 0; i < 20000; i++) {
		char text[64];
		struct number n;
		double d;
		int len = snprintf(text, sizeof(text), "%s%d%d.%d%de%d", rand() % 2 ? "-" : "", rand() % 10, rand(), rand(), rand(), rand() % 560 - 280);

		assert_int_equal(str_double((struct str){ text, (size_t)len }, &d), 0);
		assert_true(number_read((struct str){ text, (size_t)len }, &n));
		if (number_double(&n) != d)
			fail_msg("%s: %.17g, not %.17g", text, number_double(&n), d);
	}
}

static void
add(struct number_sum *s, const char *text)
{
	struct number n;

	assert_true(number_read(str_of(text), &n));
	number_sum_add(s, &n);
}

/* Numbers of all sizes, added in any order and in parts, through text or not, give the same text; and with their opposites
 * nothing is left. */
static void
sums_do_not_depend_on_order_or_parts(void **state __attribute__((unused)))
{
	enum { N = 60 };
	char text[N][48];

	for (unsigned seed = 1; seed <= 200; seed++) {
		struct number_sum one = { 0 }, two = { 0 }, part = { 0 }, zero = { 0 };
		struct buf a = { 0 }, b = { 0 }, c = { 0 };

		srand(seed);
		for (int i = 0; i < N; i++)
			snprintf(text[i], sizeof(text[i]), "%s%d.%de%d", rand() % 2 ? "-" : "", rand(), rand(), rand() % (seed % 2 ? 8 : 500) - (seed % 2 ? 4 : 250));
		for (int i = 0; i < N; i++)
			add(&one, text[i]);
		for (int i = N; i-- > 0; )
			add(i % 3 ? &two : &part, text[i]);
		number_sum_text(&part, &c);
		assert_int_equal(number_sum_read(&two, buf_get(&c)), 0);
		number_sum_text(&one, &a);
		number_sum_text(&two, &b);
		assert_true(str_eq(buf_get(&a), buf_get(&b)));
		assert_true(number_mean(&one, 7) == number_mean(&two, 7));
		for (int i = 0; i < N; i++) {
			char opposite[64];

			snprintf(opposite, sizeof(opposite), "%s%s", text[i][0] == '-' ? "" : "-", text[i] + (text[i][0] == '-'));
			add(&one, opposite);
		}
		buf_clear(&a);
		number_sum_put(&one, &a);
		assert_true(str_eq(buf_get(&a), STR("0")));
		number_sum_merge(&zero, &two);
		buf_clear(&a);
		number_sum_text(&zero, &a);
		assert_true(str_eq(buf_get(&a), buf_get(&b)));
		number_sum_release(&one), number_sum_release(&two), number_sum_release(&part), number_sum_release(&zero);
		buf_release(&a), buf_release(&b), buf_release(&c);
	}
}

static void
a_variance_far_from_zero_is_right(void **state __attribute__((unused)))
{
	struct number_sum sum = { 0 }, squares = { 0 };

	for (int i = 0; i < 3; i++) {
		static const char *const v[] = { "1000000000000000.25", "1000000000000000.5", "1000000000000000.75" };
		struct number n;

		assert_true(number_read(str_of(v[i]), &n));
		number_sum_add(&sum, &n);
		number_sum_square(&squares, &n);
	}
	assert_true(number_variance(&sum, &squares, 3) == 0.0625);
	number_sum_release(&sum), number_sum_release(&squares);
}

/* The squares of numbers that have more digits than a word are whole, too. */
static void
a_variance_of_long_numbers_is_right(void **state __attribute__((unused)))
{
	static const char *const v[] = { "99999999999999999999999999999999999991", "99999999999999999999999999999999999992", "99999999999999999999999999999999999993" };
	struct number_sum sum = { 0 }, squares = { 0 };
	struct buf text = { 0 };

	for (int i = 0; i < 3; i++) {
		struct number n;

		assert_true(number_read(str_of(v[i]), &n));
		number_sum_add(&sum, &n);
		number_sum_square(&squares, &n);
		if (i == 0)
			number_sum_text(&squares, &text);
	}
	assert_true(str_eq(buf_get(&text), STR("9999999999999999999999999999999999998200000000000000000000000000000000000081")));
	assert_true(number_variance(&sum, &squares, 3) == 1);
	number_sum_release(&sum), number_sum_release(&squares);
	buf_release(&text);
}

/* Squares beyond all doubles: the deviation is right, the variance no number. */
static void
a_deviation_at_the_ends_of_the_range_is_right(void **state __attribute__((unused)))
{
	static const struct { const char *a, *b; double variance, deviation; } each[] = {
		{ "1e160", "3e160", NAN, 1.4142135623730951e160 }, { "-1e308", "1e308", NAN, 1.4142135623730951e308 },
		{ "1e-200", "3e-200", 0, 1.4142135623730951e-200 }, { "1e153", "3e153", 2e306, 1.4142135623730951e153 },
		{ "5e200", "5e200", 0, 0 }, { "1e-150", "3e-150", 2e-300, 1.4142135623730951e-150 },
	};

	for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++) {
		struct number_sum sum = { 0 }, squares = { 0 };
		struct number n;
		double variance, deviation;

		for (int k = 0; k < 2; k++) {
			assert_true(number_read(str_of(k ? each[i].b : each[i].a), &n));
			number_sum_add(&sum, &n);
			number_sum_square(&squares, &n);
		}
		variance = number_variance(&sum, &squares, 2);
		deviation = number_deviation(&sum, &squares, 2);
		assert_true(isnan(each[i].variance) ? isnan(variance) : fabs(variance - each[i].variance) <= 1e-15 * each[i].variance);
		assert_true(fabs(deviation - each[i].deviation) <= 1e-15 * each[i].deviation);
		number_sum_release(&sum), number_sum_release(&squares);
	}
}

/* Least and greatest are those of the numbers, not of the doubles next to them: whatever the order, they are the same. */
static void
numbers_compare_as_they_stand(void **state __attribute__((unused)))
{
	static const char *const ascending[] = { "-1e400", "-1e300", "-99999999999999999999999999999999999999", "-9007199254740993", "-9007199254740992.5", "-9007199254740992",
		"-1e-300", "0", "1e-300", "1e-10", "0.1", "0.10000000000000000000001", "9007199254740992", "9007199254740992.5", "9007199254740993",
		"10000000000000000000000", "10000000000000000000001", "99999999999999999999999999999999999999", "1e300", "1e400" };
	static const char *const same[] = { "1", "1.0", "1e0", "10e-1", "0.1e1" };
	struct number a, b;

	for (int i = 0; i < (int)(sizeof(ascending) / sizeof(*ascending)); i++)
		for (int k = 0; k < (int)(sizeof(ascending) / sizeof(*ascending)); k++) {
			assert_true(number_read(str_of(ascending[i]), &a) && number_read(str_of(ascending[k]), &b));
			if (number_cmp(&a, &b) != (i > k) - (i < k))
				fail_msg("%s and %s", ascending[i], ascending[k]);
		}
	for (int i = 0; i < 25; i++)
		assert_true(number_read(str_of(same[i / 5]), &a) && number_read(str_of(same[i % 5]), &b) && number_cmp(&a, &b) == 0);
}

/* A state saved and loaded is that state, and a layout that grew lengthens it with nothing. */
static void
states_survive_as_text(void **state __attribute__((unused)))
{
	static const char aggregates[] = "count,avg(v),var(v),min(v),max(v),p90(v),distinct(v),topk(v,3),first(v),last(v),rate";
	struct layout *l = layout_new(STR("m"));
	struct project *p = project_new();
	struct err err = { 0 };
	struct json values[8];
	struct buf saved = { 0 }, again = { 0 }, one = { 0 }, two = { 0 };
	void *a, *b;

	assert_int_equal(layout_parse(l, str_of(aggregates), &err), 0);
	assert_int_equal(layout_bind(l, p, &err), 0);
	a = calloc(1, layout_size(l)), b = calloc(1, layout_size(l));
	for (int i = 0; i < 500; i++) {
		char row[64];
		int n = snprintf(row, sizeof(row), i % 9 ? "{\"v\":%d.%d}" : "{\"v\":\"t%d\"}", i * 37 % 101, i % 4);

		assert_int_equal(project_row(p, (struct str){ row, (size_t)n }, values, &err), 0);
		layout_add(l, a, values, 1000 * i, i);
	}
	layout_save(l, a, &saved);
	assert_int_equal(layout_load(l, b, json_value(buf_get(&saved))), 0);
	layout_save(l, b, &again);
	assert_true(str_eq(buf_get(&saved), buf_get(&again)));
	layout_put(l, a, 0, 1, &one);
	layout_put(l, b, 0, 1, &two);
	assert_true(str_eq(buf_get(&one), buf_get(&two)));
	layout_release(l, a), layout_release(l, b);
	free(a), free(b);
	layout_free(l);
	project_free(p);
	buf_release(&saved), buf_release(&again), buf_release(&one), buf_release(&two);
}

/* Rows that others counted are added up to a bound, and never come out below nothing. */
static void
more_rows_than_can_be_counted_stay_the_most(void **state __attribute__((unused)))
{
	static const char *const rows[] = {
		"{\"metric\":\"m\",\"window\":\"1m\",\"count\":4611686018427387902,\"v_sum\":5,\"v_avg\":1}",
		"{\"metric\":\"m\",\"window\":\"1m\",\"states\":{\"v\":\"sum1:4611686018427387902;5\",\"\":\"n1:4611686018427387902\"}}",
	};

	for (int which = 0; which < 2; which++) {
		struct layout *l = layout_new(STR("m"));
		struct buf out = { 0 };
		struct err err = { 0 };
		struct str unknown;
		int64_t count;
		double mean;
		void *one, *two;

		assert_int_equal(layout_parse(l, STR("count,avg(v)"), &err), 0);
		one = calloc(1, layout_size(l)), two = calloc(1, layout_size(l));
		for (int i = 0; i < 5; i++) {
			layout_take(l, one, json_value(str_of(rows[which])), 0, i, &unknown);
			layout_merge(l, two, one);
		}
		buf_lit(&out, "{\"a\":1");
		layout_put(l, two, 0, 0, &out);
		buf_byte(&out, '}');
		assert_true(json_int64(json_get(json_value(buf_get(&out)), STR("count")), &count) && count == INT64_MAX / 2);
		assert_true(json_double(json_get(json_value(buf_get(&out)), STR("v_avg")), &mean) && mean > 0 && mean < 1);
		layout_release(l, one), layout_release(l, two);
		free(one), free(two);
		layout_free(l);
		buf_release(&out);
	}
}

static void
a_layout_says_what_is_wrong(void **state __attribute__((unused)))
{
	static const char *const wrong[] = { "", "count,", "sum", "sum()", "sum(v", "count(v)", "p(v)", "p100.5(v)", "x=", "=sum(v)",
	    "topk(v,x)", "sum(v),sum(v)", "metric=count", "nosuch(v)" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct layout *l = layout_new(STR("m"));
		struct err err = { 0 };

		if (layout_parse(l, str_of(wrong[i]), &err) != ERR_USAGE)
			fail_msg("'%s' was taken", wrong[i]);
		layout_free(l);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_come_out_as_they_were),
		cmocka_unit_test(doubles_are_the_nearest),
		cmocka_unit_test(sums_do_not_depend_on_order_or_parts),
		cmocka_unit_test(a_variance_far_from_zero_is_right),
		cmocka_unit_test(a_variance_of_long_numbers_is_right),
		cmocka_unit_test(a_deviation_at_the_ends_of_the_range_is_right),
		cmocka_unit_test(numbers_compare_as_they_stand),
		cmocka_unit_test(states_survive_as_text),
		cmocka_unit_test(more_rows_than_can_be_counted_stay_the_most),
		cmocka_unit_test(a_layout_says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
