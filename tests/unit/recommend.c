/* recommend: what was taken is never given, tastes are found, order of input does not matter, who is unknown gets what is popular. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "insight/recommend.h"

enum { USERS = 120, ITEMS = 40, TAKEN = 8 };

static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

/* Two tastes: even users take even items, odd ones odd ones. took: which. */
static struct recommend *
two_tastes(int backwards, char took[USERS][ITEMS])
{
	struct recommend *r = recommend_new();
	struct err err = { 0 };
	uint64_t seed = 7;
	int pair[USERS * TAKEN][2], n = 0;

	for (int u = 0; u < USERS; u++)
		for (int k = 0; k < TAKEN; k++) {
			int i = (int)(next(&seed) % (ITEMS / 2)) * 2 + u % 2;

			pair[n][0] = u, pair[n++][1] = i;
			took[u][i] = 1;
		}
	for (int k = 0; k < n; k++) {
		int at = backwards ? n - 1 - k : k;
		char user[16], item[16];

		snprintf(user, sizeof(user), "u%d", pair[at][0]), snprintf(item, sizeof(item), "i%d", pair[at][1]);
		assert_int_equal(recommend_add(r, str_of(user), str_of(item), 1, &err), 0);
	}
	recommend_learn(r, 1);
	return r;
}

static void
tastes_are_found_and_nothing_is_given_twice(void **state)
{
	static char took[USERS][ITEMS];
	struct recommend *r = two_tastes(0, took);
	struct recommended to[5];
	int same = 0, all = 0;

	(void)state;
	for (int u = 0; u < USERS; u++) {
		char user[16];
		int n;

		snprintf(user, sizeof(user), "u%d", u);
		n = recommend_user(r, str_of(user), 5, to);
		assert_int_equal(n, 5);
		for (int k = 0; k < n; k++) {
			int i = atoi(to[k].item.p + 1);

			assert_false(took[u][i]);
			assert_true(to[k].score > 0 && to[k].score <= 1 && (k == 0 || to[k].score <= to[k - 1].score));
			same += i % 2 == u % 2;
			all++;
		}
	}
	assert_true(same == all);
	assert_int_equal(recommend_item(r, STR("i3"), 5, to), 5);
	for (int k = 0; k < 5; k++)
		assert_true(atoi(to[k].item.p + 1) % 2 == 1 && !str_eq(to[k].item, STR("i3")));
	assert_int_equal(recommend_item(r, STR("none"), 5, to), 0);
	recommend_free(r);
}

static void
the_order_of_input_does_not_matter(void **state)
{
	static char took[USERS][ITEMS];
	struct recommend *a = two_tastes(0, took), *b = two_tastes(1, took);
	struct recommended x[10], y[10];

	(void)state;
	for (int u = 0; u < USERS; u++) {
		char user[16];

		snprintf(user, sizeof(user), "u%d", u);
		assert_int_equal(recommend_user(a, str_of(user), 10, x), recommend_user(b, str_of(user), 10, y));
		for (int k = 0; k < 5; k++)
			assert_true(str_eq(x[k].item, y[k].item) && x[k].score == y[k].score);
	}
	recommend_free(a);
	recommend_free(b);
}

static void
who_is_unknown_gets_what_is_popular(void **state)
{
	struct recommend *r = recommend_new();
	struct err err = { 0 };
	struct recommended to[3];

	(void)state;
	assert_int_equal(recommend_add(r, STR("a"), STR("x"), 1, &err), 0);
	assert_int_equal(recommend_add(r, STR("b"), STR("x"), 1, &err), 0);
	assert_int_equal(recommend_add(r, STR("b"), STR("y"), 1, &err), 0);
	assert_int_equal(recommend_add(r, STR(""), STR("y"), 1, &err), 0);      /* nobody, nothing: passed over */
	assert_int_equal(recommend_add(r, STR("c"), STR("z"), -1, &err), 0);
	recommend_learn(r, 1);
	assert_int_equal(recommend_users(r), 2);
	assert_int_equal(recommend_user(r, STR("new"), 3, to), 2);
	assert_true(to[0].cold && str_eq(to[0].item, STR("x")) && to[0].score == 1 && to[0].users == 2);
	recommend_free(r);
	r = recommend_new();
	recommend_learn(r, 1);
	assert_int_equal(recommend_user(r, STR("new"), 3, to), 0);
	recommend_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tastes_are_found_and_nothing_is_given_twice),
		cmocka_unit_test(the_order_of_input_does_not_matter),
		cmocka_unit_test(who_is_unknown_gets_what_is_popular),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
