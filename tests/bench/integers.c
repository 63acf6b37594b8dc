/* What arrays of numbers take, and how long it takes to put and take them, for each instruction set of this machine:
 *
 *      make build/bench/integers && build/bench/integers
 *
 * 65,536 numbers of several kinds, as a chunk has them; the best of several rounds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "codec/decimals.h"
#include "codec/decimals_priv.h"
#include "codec/entropy.h"
#include "codec/entropy_priv.h"
#include "codec/integers.h"
#include "codec/integers_priv.h"

#define N      65536
#define ROUNDS 15

static uint64_t seed = 1;

static uint64_t
chance(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 17 ^ seed << 31;
}

static int64_t
below(int64_t n)
{
	return (int64_t)(chance() >> 11) % n;
}

static uint32_t
zipf(uint32_t n)                        /* about 1 / rank */
{
	return (uint32_t)(exp((double)below(1 << 30) / (1 << 30) * log(n + 1.0)) - 1) % n;
}

static int64_t constant(size_t i) { return 1700000000000 + 0 * (int64_t)i; }
static int64_t counted(size_t i) { return (int64_t)i * 3 + 17; }
static int64_t runs(size_t i) { static int64_t v; return v = i == 0 || below(50) == 0 ? below(1000) : v; }
static int64_t bits1(size_t i) { return below(2) + 0 * (int64_t)i; }
static int64_t bits4(size_t i) { return below(16) + 0 * (int64_t)i; }
static int64_t bits7(size_t i) { return below(128) + 0 * (int64_t)i; }
static int64_t bits12(size_t i) { return below(4096) + 0 * (int64_t)i; }
static int64_t bits20(size_t i) { return below(1 << 20) + 0 * (int64_t)i; }
static int64_t bits40(size_t i) { return below(1ll << 40) + 0 * (int64_t)i; }
static int64_t random64(size_t i) { return (int64_t)(chance() << 32 ^ chance()) + 0 * (int64_t)i; }
static int64_t outliers(size_t i) { return below(200) == 0 ? below(1ll << 40) : below(100) + 0 * (int64_t)i; }
static int64_t gaps(size_t i) { return below(100) == 0 ? 0 : 1700000000000 + below(1000) + 0 * (int64_t)i; }
static int64_t sorted(size_t i) { static int64_t v; return v = (i ? v : 1700000000000) + below(2600); }
static int64_t jitter(size_t i) { return 1700000000000 + (int64_t)i * 15000 + below(21) - 10; }
static int64_t on_clock(size_t i) { static int64_t v; return v = i == 0 ? 1700000000000 : below(500) ? v + 15000 : v + 15000 * below(100); }
static int64_t counter(size_t i) { static int64_t v; return v = i == 0 || below(5000) == 0 ? 0 : v + 100 + below(50); }
static int64_t skewed(size_t i) { return (int64_t)exp((double)below(1 << 20) / (1 << 20) * 11) + 0 * (int64_t)i; }

static const struct { const char *name; int64_t (*make)(size_t); } kinds[] = {
	{ "constant", constant }, { "counted", counted }, { "runs of 50", runs }, { "1 bit", bits1 }, { "4 bits", bits4 }, { "7 bits", bits7 },
	{ "12 bits", bits12 }, { "20 bits", bits20 }, { "40 bits", bits40 }, { "random", random64 }, { "outliers", outliers }, { "0 for none", gaps },
	{ "sorted times", sorted }, { "jitter", jitter }, { "on a clock", on_clock }, { "counter", counter }, { "skewed", skewed },
};

static void
tell(const char *kind, const char *variant, size_t bytes, int64_t put_ns, int64_t take_ns)
{
	printf("%-14s %-9s %7.3f bytes  put %6.3f ns  take %6.3f ns  a number, %6.2f G/s\n", kind, variant, (double)bytes / N,
	    (double)put_ns / N, (double)take_ns / N, N / (double)take_ns);
}

static void
numbers(const char *kind, const char *variant, const int64_t *v)
{
	static int64_t out[N];
	int64_t best[2] = { INT64_MAX, INT64_MAX };
	struct buf b = { 0 };

	for (int round = 0; round < ROUNDS; round++) {
		int64_t from = time_mono_ns();
		struct str rest;

		buf_clear(&b);
		integers_put(&b, v, N);
		from = time_mono_ns() - from;
		best[0] = from < best[0] ? from : best[0];
		rest = buf_get(&b);
		from = time_mono_ns();
		if (integers_take(&rest, out, N) < 0)
			abort();
		from = time_mono_ns() - from;
		best[1] = from < best[1] ? from : best[1];
		if (memcmp(v, out, sizeof(out)) != 0)
			abort();
	}
	tell(kind, variant, b.n, best[0], best[1]);
	buf_release(&b);
}

typedef void put_codes(struct buf *, const uint32_t *, size_t n, uint32_t limit);
typedef int take_codes(struct str *, uint32_t *, size_t n, uint32_t limit);

static void
codes(const uint32_t *v, uint32_t limit, const char *how, const char *variant, put_codes *put, take_codes *take)
{
	static uint32_t out[N];
	int64_t best[2] = { INT64_MAX, INT64_MAX };
	struct buf b = { 0 };
	char kind[40];

	for (int round = 0; round < ROUNDS; round++) {
		int64_t from = time_mono_ns();
		struct str rest;

		buf_clear(&b);
		put(&b, v, N, limit);
		from = time_mono_ns() - from;
		best[0] = from < best[0] ? from : best[0];
		rest = buf_get(&b);
		from = time_mono_ns();
		if (take(&rest, out, N, limit) < 0)
			abort();
		from = time_mono_ns() - from;
		best[1] = from < best[1] ? from : best[1];
		if (memcmp(v, out, sizeof(out)) != 0)
			abort();
	}
	snprintf(kind, sizeof(kind), "%s < %u", how, limit);
	tell(kind, variant, b.n, best[0], best[1]);
	buf_release(&b);
}

static void
all_codes(void)
{
	static const uint32_t limits[] = { 3, 12, 40, 3000 };
	static uint32_t v[N];

	seed = 1;
	for (size_t l = 0; l < sizeof(limits) / sizeof(*limits); l++) {
		for (size_t i = 0; i < N; i++)
			v[i] = zipf(limits[l]);
		for (const struct integers_kernels *const *k = integers_priv_kernels(); *k; k++) {
			integers_priv_used = *k;
			codes(v, limits[l], "codes", (*k)->name, integers_put_codes, integers_take_codes);
		}
		integers_priv_used = integers_priv_kernels()[0];
		for (const struct entropy_kernels *const *k = entropy_priv_kernels(); *k; k++) {
			entropy_priv_used = *k;
			codes(v, limits[l], "entropy", (*k)->name, entropy_put_codes, entropy_take_codes);
		}
		entropy_priv_used = entropy_priv_kernels()[0];
	}
}

static double prices(size_t i) { return (double)below(20000) / 100 + 0 * (double)i; }
static double gauge(size_t i) { static int64_t v; return (double)(v = (i ? v : 50000) + below(21) - 10) / 10; }
static double whole(size_t i) { return (double)below(1000) + 0 * (double)i; }
static double fraction(size_t i) { return (double)chance() / 1.8446744073709552e19 + 0 * (double)i; }
static double sine(size_t i) { return 100 + 40 * sin((double)i / 500); }
static double floats(size_t i) { return (float)sine(i); }
static double normal(void) { return sqrt(-2 * log(((double)below(1 << 30) + 1) / (1 << 30))) * cos(6.283185307179586 * (double)below(1 << 30) / (1 << 30)); }
static double noise(size_t i) { return normal() + 0 * (double)i; }
static double wander(size_t i) { static double v; return v = (i ? v : 100) + normal(); }
static double taxed(size_t i) { return (double)below(50000) / 100 * 1.19 + 0 * (double)i; }
static double place(size_t i) { return 52.5 + 0.1 * normal() + 0 * (double)i; }
static double rarely(size_t i) { return below(20) ? prices(i) : taxed(i); }
static double noisy_floats(size_t i) { return (float)(20 + 3 * normal()) + 0 * (double)i; }
static double some_nan(size_t i) { return below(50) ? prices(i) : NAN; }

static const struct { const char *name; double (*make)(size_t); } doubles[] = {
	{ "prices", prices }, { "gauge", gauge }, { "whole", whole }, { "0…1", fraction }, { "sine", sine }, { "floats", floats },
	{ "some NaN", some_nan }, { "noise", noise }, { "random walk", wander }, { "prices * 1.19", taxed }, { "latitude", place },
	{ "1 of 20 taxed", rarely }, { "noisy floats", noisy_floats },
};

static void
decimals(const char *kind, const char *variant, const double *v)
{
	static double out[N];
	int64_t best[2] = { INT64_MAX, INT64_MAX };
	struct buf b = { 0 };

	for (int round = 0; round < ROUNDS; round++) {
		int64_t from = time_mono_ns();
		struct str rest;

		buf_clear(&b);
		decimals_put(&b, v, N);
		from = time_mono_ns() - from;
		best[0] = from < best[0] ? from : best[0];
		rest = buf_get(&b);
		from = time_mono_ns();
		if (decimals_take(&rest, out, N) < 0)
			abort();
		from = time_mono_ns() - from;
		best[1] = from < best[1] ? from : best[1];
		if (memcmp(v, out, sizeof(out)) != 0)
			abort();
	}
	tell(kind, variant, b.n, best[0], best[1]);
	buf_release(&b);
}

int
main(void)
{
	static int64_t v[N];
	static double d[N];

	for (const struct integers_kernels *const *k = integers_priv_kernels(); *k; k++) {
		integers_priv_used = *k;
		for (size_t kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
			seed = 1;
			for (size_t i = 0; i < N; i++)
				v[i] = kinds[kind].make(i);
			numbers(kinds[kind].name, (*k)->name, v);
		}
	}
	all_codes();
	integers_priv_used = integers_priv_kernels()[0];
	for (const struct decimals_kernels *const *k = decimals_priv_kernels(); *k; k++) {
		decimals_priv_used = *k;
		for (size_t kind = 0; kind < sizeof(doubles) / sizeof(*doubles); kind++) {
			seed = 1;
			for (size_t i = 0; i < N; i++)
				d[i] = doubles[kind].make(i);
			decimals(doubles[kind].name, (*k)->name, d);
		}
	}
	return 0;
}
