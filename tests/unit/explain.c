/* explain: what moved is named and nothing else is; of what did not move nothing is named; parts of a ratio add up to its change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>

#include <cmocka.h>

#include "insight/explain.h"

static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

static double
uniform(uint64_t *seed)
{
	return ((double)(next(seed) >> 11) + 0.5) / 9007199254740992.0;
}

/* A Poisson count, by its normal limit where that is near enough. */
static double
count(uint64_t *seed, double mean)
{
	double limit = exp(-mean), p = uniform(seed), n = 0;

	if (mean > 50)
		return fmax(0, nearbyint(mean + sqrt(mean) * sqrt(-2 * log(uniform(seed))) * cos(2 * M_PI * uniform(seed))));
	for (; p > limit; n++)
		p *= uniform(seed);
	return n;
}

enum { A = 6, B = 5, C = 4 };

/* Counts of 120 cells; those with a == at (and b == too, where that is not negative) times `factor`, all times `all`. */
static struct explain *
counts_of(uint64_t *seed, double mean, int at, int too, double factor, double all)
{
	struct explain *e = explain_new(EXPLAIN_COUNT, 3);
	struct err err = { 0 };

	for (int a = 0; a < A; a++)
		for (int b = 0; b < B; b++)
			for (int c = 0; c < C; c++) {
				char text[3][16];
				struct str value[3];
				double m = mean * (0.3 + uniform(seed) * 2), x = a == at && (too < 0 || b == too) ? factor : 1;

				snprintf(text[0], sizeof(text[0]), "\"a%d\"", a), snprintf(text[1], sizeof(text[1]), "\"b%d\"", b), snprintf(text[2], sizeof(text[2]), "%d", c);
				for (int k = 0; k < 3; k++)
					value[k] = str_of(text[k]);
				assert_int_equal(explain_add(e, value, 0, count(seed, m), 1, &err), 0);
				assert_int_equal(explain_add(e, value, 1, count(seed, m * x * all), 1, &err), 0);
			}
	return e;
}

/* The level is one of twenty, over all that is looked at; 300 trials, so 15, and 28 has a chance of one in a thousand. */
static void
of_noise_nothing_is_named(void **state)
{
	int named = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		uint64_t s = seed * 0x9e3779b97f4a7c15u;
		struct explain *e = counts_of(&s, seed % 3 == 0 ? 4 : seed % 3 == 1 ? 40 : 400, -1, -1, 1, 1);

		named += explain_run(e)->n > 0;
		explain_free(e);
	}
	assert_true(named <= 28);
}

/* Visits of ten views each, all of one a and b, over many c: their cells look like independent counts, their sums do not. */
static void
what_comes_in_visits_is_no_cause(void **state)
{
	int named = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 16; seed++) {
		uint64_t s = seed * 0x9e3779b97f4a7c15u;
		struct explain *e = explain_new(EXPLAIN_COUNT, 3);
		struct err err = { 0 };

		for (int k = 0; k < 2; k++)
			for (int a = 0; a < 8; a++)
				for (int b = 0; b < 6; b++)
					for (int visits = (int)count(&s, 60); visits > 0; visits--)
						for (int view = 0; view < 10; view++) {
							char text[3][16];
							struct str value[3];

							snprintf(text[0], sizeof(text[0]), "%d", a), snprintf(text[1], sizeof(text[1]), "%d", b), snprintf(text[2], sizeof(text[2]), "%d", (int)(next(&s) % 40));
							for (int d = 0; d < 3; d++)
								value[d] = str_of(text[d]);
							explain_add(e, value, k, 1, 1, &err);
						}
		named += explain_run(e)->n > 0;
		explain_free(e);
	}
	assert_true(named <= 3);
}

static void
what_moved_is_named_and_nothing_else(void **state)
{
	int right = 0, wrong = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		uint64_t s = seed * 0x9e3779b97f4a7c15u;
		int two = seed % 2;
		struct explain *e = counts_of(&s, 60, 2, two ? 3 : -1, seed % 3 ? 0.5 : 1.8, 1);
		const struct explain_answer *a = explain_run(e);
		const struct explain_cause *c = &a->cause[0];
		int is = a->n >= 1 && c->n == 1 + two && c->dim[0] == 0 && str_eq(c->value[0], STR("\"a2\"")) && (!two || (c->dim[1] == 1 && str_eq(c->value[1], STR("\"b3\""))));

		right += is;
		wrong += a->n - is;
		if (is) {
			assert_true(c->lower <= c->effect && c->effect <= c->upper);
			assert_true((c->change < 0) == (seed % 3 != 0));
			assert_true(c->p < 0.01);
		}
		explain_free(e);
	}
	assert_true(right >= 58);
	assert_true(wrong <= 4);
}

static void
what_all_share_is_nobodys_doing(void **state)
{
	int more = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		uint64_t s = seed * 0x9e3779b97f4a7c15u;
		struct explain *e = counts_of(&s, 200, seed % 2 ? 1 : -1, -1, 0.3, 1.3);
		const struct explain_answer *a = explain_run(e);

		assert_true(fabs(a->shared - 0.3) < 0.05);
		assert_true(a->n >= (int)(seed % 2));
		more += a->n - (int)(seed % 2);
		explain_free(e);
	}
	assert_true(more <= 2);         /* one of twenty, as for noise */
}

/* Every value's rate rises, the whole falls: the mix moved to where rates are low. */
static void
the_reversal_of_simpson_is_seen(void **state)
{
	struct explain *e = explain_new(EXPLAIN_RATIO, 1);
	const struct str desktop = STR("\"desktop\""), mobile = STR("\"mobile\"");
	const struct explain_answer *a;
	struct err err = { 0 };

	(void)state;
	explain_add(e, &desktop, 0, 8000, 80000, &err), explain_add(e, &desktop, 1, 2400, 20000, &err);
	explain_add(e, &mobile, 0, 400, 20000, &err), explain_add(e, &mobile, 1, 2400, 80000, &err);
	a = explain_run(e);
	assert_true(a->change < 0 && a->along[0].reversed);
	assert_true(a->along[0].rate > 0 && a->along[0].mix < 0);
	assert_true(fabs(a->along[0].rate + a->along[0].mix - a->change) < 1e-12);
	explain_free(e);
}

static void
rates_and_mix_add_up(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		uint64_t s = seed * 0x9e3779b97f4a7c15u;
		struct explain *e = explain_new(EXPLAIN_RATIO, 2);
		const struct explain_answer *a;
		struct err err = { 0 };

		for (int i = 0; i < 40; i++) {
			char text[2][16];
			struct str value[2];

			snprintf(text[0], sizeof(text[0]), "%d", (int)(next(&s) % 7)), snprintf(text[1], sizeof(text[1]), "%d", (int)(next(&s) % 5));
			value[0] = str_of(text[0]), value[1] = str_of(text[1]);
			double den = (double)(next(&s) % 1000);

			explain_add(e, value, (int)(next(&s) % 2), floor(den * uniform(&s)), den, &err);
		}
		a = explain_run(e);
		for (int d = 0; d < 2; d++)
			assert_true(fabs(a->along[d].rate + a->along[d].mix - a->change) < 1e-9);
		explain_free(e);
	}
}

/* Whatever sets the parts are of, what the part's own members did lies between the bounds. */
static void
bounds_hold_whatever_overlaps(void **state)
{
	uint64_t s = 99;

	(void)state;
	for (int trial = 0; trial < 1000; trial++) {
		double whole[2] = { 0, 0 }, part[2] = { 0, 0 }, others[2] = { 0, 0 }, only[2] = { 0, 0 }, least, most;

		for (int k = 0; k < 2; k++)
			for (int user = 0; user < 50; user++) {
				unsigned in = next(&s) % 8;     /* bit 0: in the part; 1, 2: in two others */

				whole[k] += in != 0;
				part[k] += in & 1;
				others[k] += (in >> 1 & 1) + (in >> 2 & 1);
				only[k] += in == 1;
			}
		explain_bounds(whole, part, others, &least, &most);
		assert_true(least <= only[1] - only[0] && only[1] - only[0] <= most);
	}
}

static void
nothing_and_odd_input_are_fine(void **state)
{
	struct err err = { 0 };
	const struct str one[2] = { STR("1"), STR("2") };

	(void)state;
	for (int kind = EXPLAIN_COUNT; kind <= EXPLAIN_RATIO; kind++) {
		struct explain *e = explain_new(kind, 2);

		assert_int_equal(explain_run(e)->n, 0);
		assert_int_equal(explain_add(e, one, 0, NAN, 1, &err), ERR_INPUT);
		assert_int_equal(explain_add(e, one, 0, 0, 0, &err), 0);
		assert_int_equal(explain_run(e)->n, 0);
		assert_int_equal(explain_add(e, one, 1, 1e99, 1e-300, &err), 0);
		assert_int_equal(explain_run(e)->n, 0);
		explain_free(e);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_noise_nothing_is_named),
		cmocka_unit_test(what_comes_in_visits_is_no_cause),
		cmocka_unit_test(what_moved_is_named_and_nothing_else),
		cmocka_unit_test(what_all_share_is_nobodys_doing),
		cmocka_unit_test(the_reversal_of_simpson_is_seen),
		cmocka_unit_test(rates_and_mix_add_up),
		cmocka_unit_test(bounds_hold_whatever_overlaps),
		cmocka_unit_test(nothing_and_odd_input_are_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
