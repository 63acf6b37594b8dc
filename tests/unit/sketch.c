/* What the headers of the sketch room promise: bounds of error, merging that equals the whole, text forms that come back. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sketch/distinct.h"
#include "sketch/quantile.h"
#include "sketch/topk.h"

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
an_empty_sketch_has_no_quantile(void **state __attribute__((unused)))
{
	struct quantile *q = quantile_new();

	(void)state;
	assert_true(isnan(quantile_get(q, 0.5)));
	quantile_add(q, NAN);
	assert_int_equal(quantile_count(q), 0);
	quantile_free(q);
}

/* Property: for random streams of any size, every answer is within 1 % of the sorted truth, and halves merge to the whole. */
static void
quantiles_are_within_one_percent_and_merge(void **state __attribute__((unused)))
{
	enum { MOST = 3000 };
	static double v[MOST];

	(void)state;
	for (unsigned seed = 1; seed <= 60; seed++) {
		struct quantile *whole = quantile_new(), *left = quantile_new(), *right = quantile_new(), *back;
		struct buf one = { 0 }, two = { 0 };
		int n;

		srand(seed);
		n = 1 + rand() % (seed % 2 ? MOST : 90);
		for (int i = 0; i < n; i++) {
			v[i] = rand() % 20 ? exp((double)rand() / RAND_MAX * 20 - 5) * (rand() % 4 ? 1 : -1) : 0;
			quantile_add(whole, v[i]);
			quantile_add(rand() % 2 ? left : right, v[i]);
		}
		quantile_put(right, &one);
		back = quantile_read(buf_get(&one));
		assert_non_null(back);
		quantile_merge(left, back);
		qsort(v, (size_t)n, sizeof(*v), ascending);
		for (int pct = 0; pct <= 100; pct += 5) {
			int rank = pct * n / 100 < n ? pct * n / 100 : n - 1;
			double truth = v[rank], got = quantile_get(whole, pct / 100.0);

			assert_true(fabs(got - truth) <= 0.01 * fabs(truth) + 1e-12);
			assert_true(got == quantile_get(left, pct / 100.0));
		}
		buf_clear(&one);
		quantile_put(whole, &one);
		quantile_put(left, &two);
		assert_true(str_eq(buf_get(&one), buf_get(&two)));
		buf_release(&one), buf_release(&two);
		quantile_free(whole), quantile_free(left), quantile_free(right), quantile_free(back);
	}
}

static void
quantiles_survive_the_ends_of_the_range(void **state __attribute__((unused)))
{
	struct quantile *q = quantile_new();

	(void)state;
	quantile_add(q, INFINITY);
	quantile_add(q, -INFINITY);
	quantile_add(q, 5e-324);
	quantile_add(q, -0.0);
	quantile_add(q, 2.3e-308);
	assert_true(isfinite(quantile_get(q, 1)));
	assert_true(quantile_get(q, 0.5) >= 0 && quantile_get(q, 0.5) < 1e-300);
	quantile_free(q);
}

static void
a_false_text_is_no_sketch(void **state __attribute__((unused)))
{
	static const char *const quantiles[] = { "", "dd1", "dd1:1", "dd1:1;0;0;1;", "dd1:0;1;0;1,0;", "dd1:0;1;0;99999999;", "dd1:0;1;-1;1;",
		"dd1:0;1;0;1*0;", "dd1:0;1;0;1*5000000000;", "dd1:0;1;0;;;", "dd2:" };
	static const char *const sets[] = { "", "hll1:", "hll1:r", "hll1:eA", "hll1:e?", "hll1:e_____________________", "hll1:rAAAA" };
	static const char *const tops[] = { "", "ss1:", "ss1:0;", "ss1:3;a", "ss1:3;a*0", "ss1:3;%4*1", "ss1:3;a*1~2", "ss1:3;a*1,," };

	(void)state;
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++)
		assert_null(quantile_read(str_of(quantiles[i])));
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		if (i != 3)                             /* a lone six bits are padding: an empty set */
			assert_null(distinct_read(str_of(sets[i])));
	for (size_t i = 0; i < sizeof(tops) / sizeof(*tops); i++)
		assert_null(topk_read(str_of(tops[i])));
}

static void
distinct_is_exact_to_4096_and_then_within_two_percent(void **state __attribute__((unused)))
{
	(void)state;
	for (int n = 1; n <= 1000000; n = n * 3 + 1) {
		struct distinct *whole = distinct_new(), *left = distinct_new(), *right = distinct_new(), *back;
		struct buf one = { 0 }, two = { 0 };
		char text[32];

		for (int i = 0; i < n; i++)
			for (int again = 0; again < 2; again++) {
				struct str s = { text, (size_t)snprintf(text, sizeof(text), "user %d", i) };

				distinct_add(whole, s);
				distinct_add(i % 3 ? left : right, s);
			}
		if (n <= 4096)
			assert_int_equal(distinct_get(whole), n);
		else
			assert_true(fabs((double)distinct_get(whole) - n) <= 0.02 * n);
		distinct_put(right, &one);
		back = distinct_read(buf_get(&one));
		assert_non_null(back);
		distinct_merge(left, back);
		buf_clear(&one);
		distinct_put(whole, &one);
		distinct_put(left, &two);
		assert_true(str_eq(buf_get(&one), buf_get(&two)));
		buf_release(&one), buf_release(&two);
		distinct_free(whole), distinct_free(left), distinct_free(right), distinct_free(back);
	}
}

/* Few values: exact, and ties by bytes. Many: the frequent ones are there, their counts within the error told. */
static void
the_frequent_ones_are_found(void **state __attribute__((unused)))
{
	struct topk *t = topk_new(3), *back;
	struct topk_item items[3];
	struct buf text = { 0 };
	static int truth[30000];
	char name[32];

	(void)state;
	topk_add(t, STR("b b"), 2), topk_add(t, STR("a"), 2), topk_add(t, STR("c"), 5), topk_add(t, STR("d"), 1);
	assert_int_equal(topk_get(t, items), 3);
	assert_true(str_eq(items[0].value, STR("c")) && str_eq(items[1].value, STR("a")) && str_eq(items[2].value, STR("b b")));
	topk_put(t, &text);
	assert_string_equal(buf_text(&text), "ss1:3;c*5,a*2,b%20b*2,d*1");
	back = topk_read(buf_get(&text));
	assert_non_null(back);
	topk_merge(t, back);
	assert_int_equal(topk_get(t, items), 3);
	assert_int_equal(items[0].count, 10);
	topk_free(back), topk_free(t), buf_release(&text);
	t = topk_new(3);
	srand(5);
	for (int i = 0; i < 200000; i++) {
		int v = rand() % 4 ? 3 + rand() % 29000 : rand() % 3;

		truth[v]++;
		topk_add(t, (struct str){ name, (size_t)snprintf(name, sizeof(name), "v%d", v) }, 1);
	}
	assert_int_equal(topk_get(t, items), 3);
	for (int i = 0; i < 3; i++) {
		int v = atoi(items[i].value.p + 1);

		assert_in_range(v, 0, 2);
		assert_in_range(truth[v], items[i].count - items[i].error, items[i].count);
	}
	topk_free(t);
}

/* While every value has a counter, the few best are the head of all in order, and what two halves, or many parts merged in any
 * grouping, say is what the whole says: the same text. */
static void
topk_parts_merge_to_the_whole(void **state __attribute__((unused)))
{
	for (unsigned seed = 1; seed <= 50; seed++) {
		struct topk *whole = topk_new(5), *part[4], *pairs[2];
		struct topk_item best[5];
		struct buf a = { 0 }, b = { 0 };
		char name[32];

		srand(seed);
		for (int i = 0; i < 4; i++)
			part[i] = topk_new(5);
		for (int i = rand() % 4000; i > 0; i--) {
			struct str value = { name, (size_t)snprintf(name, sizeof(name), "%d", rand() % (1 + rand() % (10 * (int)seed))) };
			uint64_t times = (uint64_t)(rand() % 3);

			topk_add(whole, value, times);
			topk_add(part[rand() % 4], value, times);
		}
		for (int i = 0; i < 2; i++) {
			pairs[i] = topk_new(5);
			topk_merge(pairs[i], part[i]);
			topk_merge(pairs[i], part[3 - i]);
		}
		topk_merge(pairs[0], pairs[1]);
		topk_put(whole, &a);
		topk_put(pairs[0], &b);
		assert_string_equal(buf_text(&a), buf_text(&b));
		for (int i = 0, n = topk_get(whole, best); i < n; i++) {
			char item[64];

			snprintf(item, sizeof(item), "%c%.*s*%lu", i ? ',' : ';', STR_FMT(best[i].value), (unsigned long)best[i].count);
			assert_non_null(strstr(a.p, item));     /* the text is in order, from the most frequent on */
			assert_true(i == 0 || best[i - 1].count > best[i].count ||
			    (best[i - 1].count == best[i].count && str_cmp(best[i - 1].value, best[i].value) < 0));
		}
		if (topk_get(whole, best) == 5) {               /* nothing in the rest of the text is greater */
			const char *rest = a.p;

			for (int commas = 0; *rest && commas < 5; rest++)
				commas += *rest == ',';
			for (const char *star = rest; (star = strchr(star, '*')); star++)
				assert_true(strtoul(star + 1, NULL, 10) <= best[4].count);
		}
		for (int i = 0; i < 4; i++)
			topk_free(part[i]);
		topk_free(pairs[0]), topk_free(pairs[1]), topk_free(whole);
		buf_release(&a), buf_release(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_sketch_has_no_quantile),
		cmocka_unit_test(quantiles_are_within_one_percent_and_merge),
		cmocka_unit_test(quantiles_survive_the_ends_of_the_range),
		cmocka_unit_test(a_false_text_is_no_sketch),
		cmocka_unit_test(distinct_is_exact_to_4096_and_then_within_two_percent),
		cmocka_unit_test(the_frequent_ones_are_found),
		cmocka_unit_test(topk_parts_merge_to_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
