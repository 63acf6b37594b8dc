#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "base/mem.h"
#include "codec/entropy.h"
#include "codec/entropy_priv.h"
#include "codec/integers.h"

static uint64_t seed;

static uint64_t
chance(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 17 ^ seed << 31;
}

static uint64_t
below(uint64_t n)
{
	return (chance() >> 8) % n;
}

/* Memory of exactly this size, so that a sanitizer sees a step beyond it. */
static struct str
exactly(struct str s)
{
	return (struct str){ mem_dup(s.p, s.n), s.n };
}

/* Codes < limit, the small ones more often by so much. */
static void
make(uint32_t *code, size_t n, uint32_t limit, int skew)
{
	for (size_t i = 0; i < n; i++) {
		double at = (double)below(1 << 30) / (1 << 30);

		code[i] = (uint32_t)(pow(at, skew) * limit);
	}
}

static size_t
some_length(int round)
{
	return round % 3 == 0 ? below(40000) : round % 3 == 1 ? 500 + below(40) : 4096 * below(4) + below(40);
}

static uint32_t
some_limit(int round)
{
	return round % 4 ? 2 + (uint32_t)below(80) : 2 + (uint32_t)below(1u << below(31));
}

/* Codes come back on each set of instructions from the same bytes, never more than integers_put_codes has. */
static void
codes_come_back(void **state __attribute__((unused)))
{
	static uint32_t v[40000], got[40001];
	int smaller = 0;

	seed = 1;
	for (int round = 0; round < 400; round++) {
		size_t n = some_length(round);
		uint32_t limit = some_limit(round);
		struct buf b = { 0 }, plain = { 0 };
		struct str all, rest;

		make(v, n, limit, 1 + round % 7);
		entropy_put_codes(&b, v, n, limit);
		integers_put_codes(&plain, v, n, limit);
		assert_true(b.n <= plain.n);
		smaller += b.n < plain.n;
		all = exactly(buf_get(&b));
		for (const struct entropy_kernels *const *k = entropy_priv_kernels(); *k; k++) {
			entropy_priv_used = *k;
			rest = all;
			memset(got, 0xff, sizeof(got));
			assert_int_equal(entropy_take_codes(&rest, got, n, limit), 0);
			assert_int_equal(rest.n, 0);
			assert_memory_equal(got, v, n * sizeof(*v));
			assert_int_equal(got[n], UINT32_MAX);
			if (n && all.n) {       /* cut short: refused, nothing is taken */
				rest.p = mem_dup(all.p, rest.n = below(all.n));
				assert_int_equal(entropy_take_codes(&rest, got, n, limit), -1);
				free((void *)(uintptr_t)rest.p);
			}
		}
		entropy_priv_used = entropy_priv_kernels()[0];
		rest = buf_get(&plain);
		assert_int_equal(entropy_take_codes(&rest, got, n, limit), 0);
		assert_memory_equal(got, v, n * sizeof(*v));
		free((void *)(uintptr_t)all.p);
		buf_release(&b);
		buf_release(&plain);
	}
	assert_true(smaller > 50);
}

static void
numbers_come_back(void **state __attribute__((unused)))
{
	static uint32_t code[40000];
	static int64_t v[40000], got[40000];
	int smaller = 0;

	seed = 2;
	for (int round = 0; round < 300; round++) {
		size_t n = some_length(round);
		uint64_t base = round % 2 ? 0 - below(1000) : chance() << 32 ^ chance();
		struct buf b = { 0 };
		struct str rest;

		make(code, n, some_limit(round), 1 + round % 7);
		for (size_t i = 0; i < n; i++)
			v[i] = (int64_t)(base + code[i]);
		entropy_put(&b, v, n);
		smaller += b.n < integers_size(v, n);
		for (const struct entropy_kernels *const *k = entropy_priv_kernels(); *k; k++) {
			entropy_priv_used = *k;
			rest = buf_get(&b);
			assert_int_equal(entropy_take(&rest, got, n), 0);
			assert_int_equal(rest.n, 0);
			assert_memory_equal(got, v, n * sizeof(*v));
		}
		entropy_priv_used = entropy_priv_kernels()[0];
		buf_release(&b);
	}
	assert_true(smaller > 50);
}

/* Within 2 % and the table of what Shannon says, for a column like the names of events. */
static void
the_size_is_about_the_entropy(void **state __attribute__((unused)))
{
	static const unsigned weight[12] = { 600, 170, 80, 40, 32, 20, 15, 13, 12, 10, 6, 2 };
	static uint32_t v[65536];
	struct buf b = { 0 };
	double bits = 0;

	seed = 3;
	for (size_t i = 0; i < 65536; i++) {
		unsigned at = (unsigned)below(1000), k = 0;

		while (at >= weight[k])
			at -= weight[k++];
		v[i] = k;
	}
	for (int k = 0; k < 12; k++)
		bits += 65536 * weight[k] / 1000.0 * log2(1000.0 / weight[k]);
	entropy_put_codes(&b, v, 65536, 12);
	assert_true((double)b.n < bits / 8 * 1.02 + 400);
	buf_release(&b);
}

/* The number of each class that its bits make is the number. */
static void
classes_are_of_magnitude(void **state __attribute__((unused)))
{
	uint32_t before = 0, class;

	for (uint32_t v = 0; v < 1u << 28; v += v / 64 + 1) {
		unsigned width = entropy_priv_class(v, &class);

		assert_true(class >= before && class < 112);
		assert_true(v < 8 ? width == 0 : width == class / 4 - 1);
		assert_true(((class < 4 ? class : (4 | (class & 3)) << width) | (v & ((1u << width) - 1))) == v);
		before = class;
	}
}

/* Damaged bytes give an error or codes below the limit, the same on all sets of instructions. */
static void
damaged_codes_stay_below_their_limit(void **state __attribute__((unused)))
{
	static uint32_t v[9000], got[2][9000];

	seed = 4;
	for (int round = 0; round < 1500; round++) {
		size_t n = 600 + below(8000);
		uint32_t limit = some_limit(round);
		struct buf b = { 0 };
		struct str all;
		int rc[2] = { -1, -1 }, many = 0;

		make(v, n, limit, 3 + round % 4);
		entropy_put_codes(&b, v, n, limit);
		for (int k = 0; k < 2; k++)
			b.p[below(k ? b.n : b.n < 100 ? b.n : 100)] ^= (char)(1 << below(8));
		all = exactly(buf_get(&b));
		for (const struct entropy_kernels *const *k = entropy_priv_kernels(); *k; k++, many++) {
			struct str rest = all;

			entropy_priv_used = *k;
			if ((rc[many] = entropy_take_codes(&rest, got[many], n, limit)) == 0)
				for (size_t i = 0; i < n; i++)
					assert_true(got[many][i] < limit);
		}
		entropy_priv_used = entropy_priv_kernels()[0];
		if (many == 2) {
			assert_int_equal(rc[0], rc[1]);
			if (rc[0] == 0)
				assert_memory_equal(got[0], got[1], n * sizeof(*v));
		}
		free((void *)(uintptr_t)all.p);
		buf_release(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_come_back),
		cmocka_unit_test(numbers_come_back),
		cmocka_unit_test(the_size_is_about_the_entropy),
		cmocka_unit_test(classes_are_of_magnitude),
		cmocka_unit_test(damaged_codes_stay_below_their_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
