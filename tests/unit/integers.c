#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "base/mem.h"
#include "codec/decimals.h"
#include "codec/decimals_priv.h"
#include "codec/integers.h"
#include "codec/integers_priv.h"

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

/* What columns look like. */
enum { CONSTANT, LINEAR, RUNS, WIDTH, RANDOM, OUTLIERS, LOW_OUTLIERS, SORTED, JITTER, CLOCK, EXTREMES, SKEWED, MIXED, KINDS };

static void
make(int kind, uint64_t *v, size_t n)
{
	unsigned width = (unsigned)below(65);
	uint64_t mask = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1, base = chance() << 32 ^ chance(), now = base;
	uint64_t often = 2 + below(300);

	for (size_t i = 0; i < n; i++)
		switch (kind) {
		case CONSTANT:     v[i] = base; break;
		case LINEAR:       v[i] = base + i * mask; break;
		case RUNS:         v[i] = i == 0 || below(often) == 0 ? base + (chance() & mask) : v[i - 1]; break;
		case WIDTH:        v[i] = base + (chance() * 0x9e3779b97f4a7c15u & mask); break;
		case RANDOM:       v[i] = chance() << 32 ^ chance(); break;
		case OUTLIERS:     v[i] = base + (below(often) ? below(50) : chance() & mask); break;
		case LOW_OUTLIERS: v[i] = base - (below(often) ? below(50) : chance() & mask); break;
		case SORTED:       v[i] = now += chance() & mask >> 20; break;
		case JITTER:       v[i] = base + i * 15000 + below(often); break;
		case CLOCK:        v[i] = now += below(often) ? 15000 : chance() & mask; break;
		case EXTREMES:     v[i] = below(2) ? (uint64_t)INT64_MAX - below(3) : (uint64_t)INT64_MIN + below(3); break;
		case SKEWED:       v[i] = (chance() << 32 ^ chance()) >> below(64); break;
		default:           make((int)below(MIXED), v + i, 1);
		}
}

static void
check_numbers(const uint64_t *v, size_t n)
{
	struct buf b = { 0 };
	int64_t *got = mem_grow(NULL, n + 1, sizeof(*got));
	struct str all, rest;

	buf_byte(&b, 'x');
	integers_put(&b, (const int64_t *)v, n);
	assert_int_equal(integers_size((const int64_t *)v, n), b.n - 1);
	assert_true(b.n - 1 <= 8 * n + (n + 1023) / 1024 * 11);        /* never much more than as they are */
	all = exactly((struct str){ b.p + 1, b.n - 1 });
	rest = all;
	got[n] = 4711;
	assert_int_equal(integers_take(&rest, got, n), 0);
	assert_int_equal(rest.n, 0);
	assert_int_equal(got[n], 4711);
	assert_memory_equal(got, v, n * sizeof(*v));
	if (all.n) {                    /* cut short: refused, nothing is taken */
		rest = (struct str){ all.p, below(all.n) };
		rest.p = mem_dup(all.p, rest.n);
		all.n = rest.n;
		if (n)
			assert_int_equal(integers_take(&rest, got, n), -1);
		assert_int_equal(rest.n, all.n);
		free((void *)(uintptr_t)rest.p);
	}
	free((void *)(uintptr_t)all.p);
	free(got);
	buf_release(&b);
}

static size_t
some_length(int round)
{
	return round < 20 ? (size_t)round : round % 3 ? below(3000) : round % 2 ? 1024 * below(4) + below(3) : below(80);
}

/* Arrays of any kind and length come back, on each set of instructions. */
static void
numbers_come_back(void **state __attribute__((unused)))
{
	static uint64_t v[5000];

	for (const struct integers_kernels *const *k = integers_priv_kernels(); *k; k++) {
		integers_priv_used = *k;
		seed = 1;
		for (int round = 0; round < 150; round++)
			for (int kind = 0; kind < KINDS; kind++) {
				size_t n = some_length(round);

				make(kind, v, n);
				check_numbers(v, n);
			}
	}
	integers_priv_used = integers_priv_kernels()[0];
}

/* Whatever instructions wrote it, the bytes are the same. */
static void
bytes_are_the_same_on_all(void **state __attribute__((unused)))
{
	static uint64_t v[5000];

	seed = 2;
	for (int round = 0; round < 100; round++)
		for (int kind = 0; kind < KINDS; kind++) {
			struct buf first = { 0 }, other = { 0 };
			size_t n = some_length(round);

			make(kind, v, n);
			for (const struct integers_kernels *const *k = integers_priv_kernels(); *k; k++) {
				integers_priv_used = *k;
				buf_clear(&other);
				integers_put(k == integers_priv_kernels() ? &first : &other, (const int64_t *)v, n);
			}
			if (integers_priv_kernels()[1]) {
				assert_int_equal(first.n, other.n);
				assert_memory_equal(buf_get(&first).p, buf_get(&other).p, first.n);
			}
			integers_priv_used = integers_priv_kernels()[0];
			buf_release(&first);
			buf_release(&other);
		}
}

/* Each width, with each count that does not fill a group. */
static void
every_width_is_packed(void **state __attribute__((unused)))
{
	uint64_t v[40], got[40];
	uint32_t codes[40];
	unsigned char bytes[40 * 8 + 2 * INTEGERS_SLACK];

	seed = 3;
	for (const struct integers_kernels *const *k = integers_priv_kernels(); *k; k++)
		for (unsigned width = 0; width <= 64; width += width == INTEGERS_WIDEST ? 7 : 1)
			for (size_t n = 0; n <= 40; n++) {
				uint64_t base = chance(), mask = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
				unsigned char *end;

				for (size_t i = 0; i < n; i++)
					v[i] = base + (below(4) ? (chance() << 32 ^ chance()) & mask : mask);
				end = integers_priv_pack(bytes, width, base, v, n);
				assert_int_equal(end - bytes, (n * width + 7) / 8);
				memset(end, 0xa5, INTEGERS_SLACK);
				(*k)->unpack(bytes, width, base, got, n);
				assert_memory_equal(got, v, n * sizeof(*v));
				if (width <= INTEGERS_NARROW) {
					uint32_t most = 0;

					if (n)
						assert_true((*k)->unpack_codes(bytes, width, 7, codes, n) >= 7);
					for (size_t i = 0; i < n; i++) {
						assert_int_equal(codes[i], (uint32_t)(v[i] - base) + 7);
						most = codes[i] > most ? codes[i] : most;
					}
					assert_int_equal((*k)->unpack_codes(bytes, width, 7, codes, n), most);
				}
			}
}

static void
sizes_are_what_they_should_be(void **state __attribute__((unused)))
{
	static int64_t v[65536];

	seed = 4;
	assert_int_equal(integers_size(v, 0), 0);
	for (size_t i = 0; i < 65536; i++)
		v[i] = 1700000000000;
	assert_true(integers_size(v, 65536) < 12);
	for (size_t i = 0; i < 65536; i++)
		v[i] = (int64_t)i * 7 - 100;
	assert_true(integers_size(v, 65536) < 12);
	for (size_t i = 0; i < 65536; i++)
		v[i] = (int64_t)i / 5000;
	assert_true(integers_size(v, 65536) < 60);
	for (size_t i = 0; i < 65536; i++)
		v[i] = (int64_t)below(8);
	assert_true(integers_size(v, 65536) < 65536 * 3 / 8 + 64 * 4);
	for (size_t i = 0; i < 65536; i++)      /* one number in 500 is wide, and one missing: neither costs the others */
		v[i] = i % 500 == 0 ? INT64_MAX : i % 700 == 1 ? 0 : 1700000000000 + (int64_t)below(8);
	assert_true(integers_size(v, 65536) < 65536 * 3 / 8 + 240 * 11 + 64 * 12);
	for (size_t i = 0; i < 65536; i++)
		v[i] = 1700000000000 + (int64_t)i * 15000 + (i % 3000 > 2000) * 1234567;
	assert_true(integers_size(v, 65536) < 64 * 24);
}

/* Codes come back; with a lower limit they are refused. */
static void
codes_come_back_below_their_limit(void **state __attribute__((unused)))
{
	static uint32_t v[5000], got[5000];

	for (const struct integers_kernels *const *k = integers_priv_kernels(); *k; k++) {
		integers_priv_used = *k;
		seed = 5;
		for (int round = 0; round < 3000; round++) {
			size_t n = some_length(round);
			uint32_t limit = round % 10 == 0 ? UINT32_MAX : 1 + (uint32_t)(chance() >> 8 & UINT32_MAX >> below(32)) % UINT32_MAX, most = 0;
			uint64_t often = round % 4 ? 1 : 1 + below(100);
			struct buf b = { 0 };
			struct str all, rest;

			for (size_t i = 0; i < n; i++) {
				v[i] = i && below(often) ? v[i - 1] + (round % 8 == 0) : (uint32_t)(below(limit) >> (round % 3 ? 0 : below(32)));
				v[i] %= limit;
				most = v[i] > most ? v[i] : most;
			}
			integers_put_codes(&b, v, n, limit);
			all = exactly(buf_get(&b));
			rest = all;
			assert_int_equal(integers_take_codes(&rest, got, n, limit), 0);
			assert_int_equal(rest.n, 0);
			assert_memory_equal(got, v, n * sizeof(*v));
			rest = all;
			if (n && most > 1)
				assert_int_equal(integers_take_codes(&rest, got, n, most), -1);
			if (limit == 1)
				assert_int_equal(all.n, 0);
			free((void *)(uintptr_t)all.p);
			buf_release(&b);
		}
	}
	integers_priv_used = integers_priv_kernels()[0];
}

/* Damaged bytes never give a code that is none. */
static void
damaged_codes_stay_below_their_limit(void **state __attribute__((unused)))
{
	static uint32_t v[3000], got[3000];

	seed = 6;
	for (int round = 0; round < 3000; round++) {
		size_t n = 1 + below(3000);
		uint32_t limit = 2 + (uint32_t)below(1u << below(20));
		uint64_t often = 1 + below(3) * below(30);
		struct buf b = { 0 };
		struct str all, rest;

		for (size_t i = 0; i < n; i++)
			v[i] = i && below(often) ? v[i - 1] : (uint32_t)(below(limit) >> below(3) * below(20));
		integers_put_codes(&b, v, n, limit);
		for (int k = 0; k < 3; k++)
			b.p[below(k ? b.n : b.n < 8 ? b.n : 8)] ^= (char)(1 << below(8));
		all = exactly(buf_get(&b));
		rest = all;
		if (integers_take_codes(&rest, got, n, limit) == 0)
			for (size_t i = 0; i < n; i++)
				assert_true(got[i] < limit);
		free((void *)(uintptr_t)all.p);
		buf_release(&b);
	}
}

static uint64_t
bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static void
decimals_are_split(void **state __attribute__((unused)))
{
	static const struct { double value; int e; int64_t digits; } cases[] = {
		{ 0, 0, 0 }, { 7, 0, 7 }, { -7, 0, -7 }, { 0.5, 1, 5 }, { 12.34, 2, 1234 }, { -0.001, 3, -1 }, { 1e15, 0, 1000000000000000 },
		{ 9007199254740991.0, 0, 9007199254740991 }, { -9007199254740991.0, 0, -9007199254740991 }, { 1e-18, 18, 1 },
		{ 123456789.123456, 6, 123456789123456 }, { 0.1 + 0.2, 17, 0 }, { 9007199254740992.0, -1, 0 }, { 1e300, -1, 0 }, { -0.0, -1, 0 },
		{ NAN, -1, 0 }, { INFINITY, -1, 0 }, { -INFINITY, -1, 0 }, { 1e-19, -1, 0 }, { 5e-324, -1, 0 }, { M_PI, 15, 3141592653589793 },
	};
	int64_t digits;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (cases[i].e == 17) {         /* 0.30000000000000004 has 17 digits: more than 2^53 */
			assert_int_equal(decimals_split(cases[i].value, &digits), -1);
		} else {
			assert_int_equal(decimals_split(cases[i].value, &digits), cases[i].e);
			if (cases[i].e >= 0)
				assert_true(digits == cases[i].digits);
		}
}

/* Any decimal of 15 digits is found again with no more places than it was made of. */
static void
decimals_of_15_digits_are_all_found(void **state __attribute__((unused)))
{
	static double power[DECIMALS_DIGITS + 1] = { 1 };

	seed = 7;
	for (int e = 1; e <= DECIMALS_DIGITS; e++)
		power[e] = power[e - 1] * 10;
	for (int round = 0; round < 200000; round++) {
		int64_t d = (int64_t)((chance() << 32 ^ chance()) % (uint64_t)power[below(16)]), digits;
		int e = (int)below(DECIMALS_DIGITS + 1), found;
		double value = (double)(below(2) ? d : -d) / power[e];

		if (value == 0)
			continue;
		found = decimals_split(value, &digits);
		assert_true(found >= 0 && found <= e);
		assert_true(bits_of((double)digits / power[found]) == bits_of(value));
	}
}

static void
make_doubles(int kind, double *v, size_t n)
{
	static const double powers[] = { 1, 10, 100, 1000, 1e6, 1e9, 1e15, 1e18 }, odd[] = { NAN, INFINITY, -INFINITY, -0.0, 5e-324, 1e308, 1 / 3.0 };
	double power = powers[below(8)], at = 0;
	uint64_t often = 1 + below(40), width = below(53);

	for (size_t i = 0; i < n; i++)
		switch (kind) {
		case 0: v[i] = (double)(int64_t)below(1 << 20) / power; break;
		case 1: v[i] = below(often) ? (double)((int64_t)below(1ull << width) - 500) / power : odd[below(7)]; break;
		case 2: v[i] = (double)chance() / 1e19; break;
		case 3: { uint64_t bits = chance() << 32 ^ chance(); memcpy(&v[i], &bits, 8); break; }
		case 4: v[i] = (float)(at += (double)below(100) / 77); break;
		case 5: v[i] = odd[below(7)]; break;
		case 6: v[i] = (double)(int64_t)below(1000) / powers[below(8)]; break;
		case 7: v[i] = (double)(int64_t)below(50000) / 100 * 1.19; break;
		case 8: v[i] = (double)below(1ull << 53) / (double)(1ull << (40 + below(20))) - 8; break;
		case 9: v[i] = below(often) ? (double)(int64_t)below(50000) / 100 : 3 / 7.0 * (double)(int64_t)below(1000) - 5; break;
		default: v[i] = NAN;
		}
}

/* Doubles come back bit by bit, whatever they are, from the same bytes on each set of instructions. */
static void
doubles_come_back(void **state __attribute__((unused)))
{
	static double v[5000], got[5001];

	seed = 8;
	for (int round = 0; round < 200; round++)
		for (int kind = 0; kind < 11; kind++) {
			struct buf first = { 0 }, other = { 0 };
			size_t n = some_length(round);

			make_doubles(kind, v, n);
			for (const struct decimals_kernels *const *k = decimals_priv_kernels(); *k; k++) {
				struct buf *b = k == decimals_priv_kernels() ? &first : &other;
				struct str all, rest;

				decimals_priv_used = *k;
				(round % 2 ? decimals_put_entropy : decimals_put)(b, v, n);
				all = exactly(buf_get(b));
				rest = all;
				got[n] = 4711;
				assert_int_equal(decimals_take(&rest, got, n), 0);
				assert_int_equal(rest.n, 0);
				assert_true(got[n] == 4711);
				assert_memory_equal(got, v, n * sizeof(*v));
				if (all.n) {
					rest.p = mem_dup(all.p, rest.n = below(all.n));
					assert_int_equal(decimals_take(&rest, got, n), -1);
					free((void *)(uintptr_t)(rest.p));
				}
				free((void *)(uintptr_t)all.p);
			}
			if (decimals_priv_kernels()[1]) {
				assert_int_equal(first.n, other.n);
				assert_memory_equal(buf_get(&first).p, buf_get(&other).p, first.n);
			}
			decimals_priv_used = decimals_priv_kernels()[0];
			buf_release(&first);
			buf_release(&other);
		}
}

/* Every int64 is made the same double by all instructions. */
static void
integers_are_made_doubles_alike(void **state __attribute__((unused)))
{
	seed = 9;
	for (int round = 0; round < 20000; round++) {
		uint64_t v[7];
		double got[7];

		for (int i = 0; i < 7; i++)
			v[i] = round < 64 ? ((uint64_t)1 << round) * (uint64_t)(i - 3) + (uint64_t)(i & 1) : (uint64_t)((int64_t)(chance() << 32 ^ chance()) >> below(64));
		for (const struct decimals_kernels *const *k = decimals_priv_kernels(); *k; k++) {
			memcpy(got, v, sizeof(v));
			(*k)->divide(got, 7, 1);
			for (int i = 0; i < 7; i++)
				assert_true(bits_of(got[i]) == bits_of((double)(int64_t)v[i]));
		}
	}
}

/* Of decimals that are mixed with what is none, in any parts: the sum of the decimals is exact, and all instructions give the same. */
static void
sums_of_decimals_are_exact(void **state __attribute__((unused)))
{
	static const double none[] = { NAN, INFINITY, -INFINITY, 1e300, 0x1p63, -0x1p64, 0.1 + 0.2, 1e-10, 0.12345678912345, 0x1p-1074 };
	static const double power[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9 };
	double v[1000], want_rest, rest;
	__int128 want, nano;

	seed = 11;
	for (int round = 0; round < 3000; round++) {
		size_t n = below(round % 10 ? 40 : 1000);
		int one_kind = below(2) ? (int)below(10) : -1;

		want = 0, want_rest = 0;
		for (size_t i = 0; i < n; i++) {
			int places = one_kind >= 0 ? one_kind : (int)below(10);
			int64_t digits = (int64_t)((chance() << 32 ^ chance()) >> below(64)) % (places ? 1000000000000000 : INT64_MAX) >> below(60);

			if (below(2))
				digits = -digits;
			if (!places)
				digits = (int64_t)(double)(digits >> 1);
			v[i] = (double)digits / power[places];
			want += (__int128)digits * (int64_t)power[9 - places];
			if (below(round % 3 ? 10000 : 20) == 0) {
				want -= (__int128)digits * (int64_t)power[9 - places];
				v[i] = none[below(sizeof(none) / sizeof(*none))];
				want_rest += v[i];
			}
		}
		for (const struct decimals_kernels *const *k = decimals_priv_kernels(); *k; k++) {
			size_t half = n / 3;

			decimals_priv_used = *k;
			nano = 0, rest = 0;
			decimals_sum(v + half, n - half, &nano, &rest);
			for (size_t i = 0; i < half; i++)
				decimals_sum_one(v[i], &nano, &rest);
			assert_true(nano == want);
			assert_true(isnan(rest) == isnan(want_rest) && (isnan(rest) || fabs(rest - want_rest) <= 1e-9 * fabs(want_rest) || rest == want_rest));
		}
		decimals_priv_used = decimals_priv_kernels()[0];
	}
	for (int i = 0; i < 100000; i++) {
		int places = (int)below(10);
		int64_t digits = (int64_t)((chance() << 32 ^ chance()) % 2000000000000000) - 1000000000000000;

		assert_true(decimals_of_nano((__int128)digits * (int64_t)power[9 - places]) == (double)digits / power[places]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_come_back),
		cmocka_unit_test(bytes_are_the_same_on_all),
		cmocka_unit_test(every_width_is_packed),
		cmocka_unit_test(sizes_are_what_they_should_be),
		cmocka_unit_test(codes_come_back_below_their_limit),
		cmocka_unit_test(damaged_codes_stay_below_their_limit),
		cmocka_unit_test(decimals_are_split),
		cmocka_unit_test(decimals_of_15_digits_are_all_found),
		cmocka_unit_test(doubles_come_back),
		cmocka_unit_test(integers_are_made_doubles_alike),
		cmocka_unit_test(sums_of_decimals_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
