#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/bitmap.h"
#include "codec/bitmap_priv.h"

static uint64_t seed;

static uint64_t
below(uint64_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % n;
}

static void
one_round(const struct bitmap_kernels *k, size_t n, uint32_t codes, unsigned often)
{
	size_t words = BITMAP_WORDS(n), many = 0, at = 0;
	uint32_t *code = mem_grow(NULL, n + 1, 4), *is = mem_grow(NULL, codes, 4), *to = mem_grow(NULL, codes, 4);
	uint64_t *bits = mem_grow(NULL, words + 1, 8), *same = mem_grow(NULL, words + 1, 8);
	uint32_t *row = mem_grow(NULL, n + 1, 4), *value, *out = mem_grow(NULL, n + 1, 4), one = (uint32_t)below(codes);
	int64_t *wide, *wide_out = mem_grow(NULL, n + 1, 8);

	code[n] = row[n] = out[n] = 77;
	wide_out[n] = 77;
	bits[words] = 77;
	for (uint32_t c = 0; c < codes; c++)
		is[c] = below(100) < often ? UINT32_MAX : 0, to[c] = (uint32_t)below(UINT32_MAX);
	for (size_t i = 0; i < n; i++)
		code[i] = (uint32_t)below(codes);
	bitmap_priv_used = k;
	bitmap_of(code, n, is, codes, bits);
	bitmap_equal(code, n, one, same);
	for (size_t i = 0; i < words * 64; i++) {
		assert_int_equal(bitmap_has(bits, i), i < n && is[code[i]]);
		assert_int_equal(bitmap_has(same, i), i < n && code[i] == one);
	}
	for (size_t i = 0; i < n; i++)
		many += is[code[i]] != 0;
	assert_int_equal(bitmap_count(bits, n), many);
	assert_int_equal(bitmap_count(bits, n / 2), many - bitmap_count(bits, n) + bitmap_count(bits, n / 2));
	assert_int_equal(bitmap_rows(bits, n, 1000, row), many);
	value = mem_grow(NULL, many + BITMAP_SLACK, 4);
	wide = mem_grow(NULL, many + BITMAP_SLACK, 8);
	for (size_t i = 0; i < many + BITMAP_SLACK; i++)
		value[i] = (uint32_t)below(UINT32_MAX), wide[i] = (int64_t)(below(UINT32_MAX) * below(UINT32_MAX));
	bitmap_spread32(bits, n, value, 5, out);
	bitmap_spread64(bits, n, wide, wide_out);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(out[i], bitmap_has(bits, i) ? value[at] + 5 : 0);
		assert_true(wide_out[i] == (bitmap_has(bits, i) ? wide[at] : 0));
		if (bitmap_has(bits, i))
			assert_int_equal(row[at++], 1000 + i);
	}
	bitmap_map(code, n, to, out);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(out[i], to[code[i]]);
	assert_true(bits[words] == 77 && row[n] == 77 && out[n] == 77 && wide_out[n] == 77);
	free(code), free(is), free(to), free(bits), free(same), free(row), free(value), free(out), free(wide), free(wide_out);
}

/* Each way to compute them gives what a row after the other gives, and writes nothing behind the rows. */
static void
rows_are_those_that_are_meant(void **state)
{
	(void)state;
	for (const struct bitmap_kernels *const *k = bitmap_priv_kernels(); *k; k++)
		for (unsigned round = 0; round < 400; round++)
			one_round(*k, round < 150 ? round : below(3000), 1 + (uint32_t)below(300), (unsigned)below(101));
	bitmap_priv_used = bitmap_priv_kernels()[0];
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rows_are_those_that_are_meant) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
