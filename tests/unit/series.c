/* Metric samples: what is added is read back, bit for bit, whatever comes when, through tail, seals, merges and retention. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <math.h>
#include <pthread.h>

#include <cmocka.h>

#include "base/in.h"
#include "base/mem.h"
#include "store/admin.h"
#include "store/series_priv.h"
#include "folder.h"

static void
tell(void *self, const char *what)
{
	(void)self;
	print_message("# %s\n", what);
}

static void
check_store(struct store *s)
{
	struct err err = { 0 };

	assert_int_equal(store_verify(s, tell, NULL, &err), 0);
}

static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

/* ---- a model: a slot for each time of each series */

enum { SERIES = 9, SLOTS = 150000, STEP = 15000 };

struct model {
	double value[SERIES][SLOTS];
	unsigned char has[SERIES][SLOTS];       /* 1, 2 with a state */
};

/* Each series is of another kind. */
static double
value_of(int series, int slot, uint64_t random)
{
	static const double odd[] = { NAN, INFINITY, -INFINITY, -0.0, 0.0, 9223372036854775807.0, -9223372036854775808.0, 9007199254740993.0,
		5e-324, 1.7976931348623157e308, 0.1, 1e22, 1e-9 };
	double bits;

	switch (series) {
	case 0: return 1;
	case 1: return slot * 3 + (double)(random % 5);                         /* a counter */
	case 2: return (double)(random % 10000) / 100;                          /* two decimals */
	case 3: return (double)(random % 1000) / 7;                             /* no decimals */
	case 4: return odd[random % 13];
	case 5: return random % 40 ? (double)(slot / 10) : odd[random % 13];    /* few that are odd */
	case 6: memcpy(&bits, &random, 8); return bits;
	case 7: return (double)((random % 64) * 4096) + (double)slot * 1048576;
	default: return random % 30 ? 0 : -(double)(random % 16);
	}
}

static void
name_series(int series, struct store_sample *x, char labels[80])
{
	*x = (struct store_sample){ .metric = series % 3 ? STR("load") : STR("heat"), .field = series == 8 ? STR("count") : STR("value"), .window = STR("") };
	x->labels = (struct str){ labels, (size_t)sprintf(labels, "{\"host\":\"h%d\",\"id\":%d,\"rack\":\"r%d\"}", series, series, series % 2) };
}

static void
put(struct store *s, struct model *m, int series, int slot, uint64_t random)
{
	struct err err = { 0 };
	struct store_sample x;
	char labels[80];

	name_series(series, &x, labels);
	x.time = (int64_t)slot * STEP + (series == 2 ? slot % 7 : 0);
	x.value = value_of(series, slot, random);
	if (series == 8 && random % 3 == 0)
		x.state = STR("hll1:abc");
	OK(store_add_sample(s, &x, &err));
	m->value[series][slot] = x.value;
	m->has[series][slot] = x.state.p ? 2 : 1;
}

struct compare { const struct model *model; int from, to; size_t n[SERIES]; int64_t last[SERIES]; };

static int
compare_run(void *self, int thread, const struct store_run *run)
{
	struct compare *c = self;
	int series = atoi(run->series->labels.p + 10);

	(void)thread;
	for (size_t i = 0; i < run->n; i++) {
		int slot = (int)(run->time[i] / STEP);

		assert_true(run->time[i] > c->last[series]);
		c->last[series] = run->time[i];
		assert_true(slot >= c->from && slot < c->to && c->model->has[series][slot]);
		assert_memory_equal(&run->value[i], &c->model->value[series][slot], 8);
		assert_int_equal(run->state && run->state[i].p, c->model->has[series][slot] == 2);
		c->n[series]++;
	}
	return 0;
}

/* Read [from, to) of the series that match, and nothing is missing. */
static void
compare(struct store *s, const struct model *model, struct store_match match, int from, int to, int threads, int (*fits)(int series))
{
	struct compare c = { .model = model, .from = from, .to = to };
	struct err err = { 0 };

	for (int i = 0; i < SERIES; i++)
		c.last[i] = INT64_MIN;
	match.from = (int64_t)from * STEP;
	match.to = (int64_t)to * STEP;
	OK(store_each_run(s, &match, threads, compare_run, NULL, &c, &err));
	for (int i = 0; i < SERIES; i++) {
		size_t want = 0;

		for (int k = from; k < to && fits(i); k++)
			want += model->has[i][k] != 0;
		assert_int_equal(c.n[i], want);
	}
}

static int is_any(int i) { return i >= 0; }
static int is_load(int i) { return i % 3 != 0; }
static int is_load_of_rack_1(int i) { return i % 3 != 0 && i % 2; }
static int is_h4(int i) { return i == 4; }
static int is_count(int i) { return i == 8; }
static int is_none(int i) { (void)i; return 0; }

static void
compare_all(struct store *s, const struct model *model, int end, uint64_t *seed)
{
	const struct store_label rack = { STR("rack"), STR("r1") }, host[] = { { STR("rack"), STR("r0") }, { STR("host"), STR("h4") } };
	int from = (int)(next(seed) % SLOTS), to = from + (int)(next(seed) % (unsigned)(SLOTS - from));

	compare(s, model, (struct store_match){ 0 }, 0, end, 2, is_any);
	compare(s, model, (struct store_match){ 0 }, from, to, 1, is_any);
	compare(s, model, (struct store_match){ .metric = STR("load") }, from, to, 2, is_load);
	compare(s, model, (struct store_match){ .metric = STR("load"), .labels = &rack, .n_labels = 1 }, 0, end, 1, is_load_of_rack_1);
	compare(s, model, (struct store_match){ .labels = host, .n_labels = 2 }, from, to, 1, is_h4);
	compare(s, model, (struct store_match){ .field = STR("count") }, from, to, 1, is_count);
	compare(s, model, (struct store_match){ .metric = STR("loa") }, from, to, 1, is_none);
}

static void
samples_are_read_back_whatever_comes_when(void **state)
{
	struct model *model = mem_new(sizeof(*model));
	struct err err = { 0 };
	struct store *s = store_open(dir, "model", STORE_CREATE, &err);
	struct store_dropped dropped;
	struct store_stats stats;
	uint64_t seed = 88172645463325252u;
	int now = 0, want = 0;

	(void)state;
	assert_non_null(s);
	for (int round = 0; round < 60; round++) {
		/* mostly scrapes that go on, now and then a lot at once, and some that come late */
		int ticks = round % 5 == 1 ? 15000 : 1 + (int)(next(&seed) % 300), late = round % 5 == 3 ? 3000 : round % 2 ? 10 : 0;

		OK(store_begin(s, &err));
		for (int t = 0; t < ticks && now < SLOTS; t++, now++)
			for (int i = 0; i < SERIES; i++)
				if (i != 3 || now % 100 == 0)
					put(s, model, i, now, next(&seed));
		for (int k = 0; k < late; k++)
			put(s, model, (int)(next(&seed) % SERIES), (int)(next(&seed) % (unsigned)now), next(&seed));
		if (round == 30)
			store_abort(s);
		else
			OK(store_commit(s, &err));
		if (round == 30) {              /* as if it had not been: the model is made from what is there */
			memset(model, 0, sizeof(*model));
			store_close(s);
			assert_int_equal(store_tenant_remove(dir, "model", &err), 0);
			assert_non_null(s = store_open(dir, "model", STORE_CREATE, &err));
			now = 0;
		}
		if (round % 9 == 8)
			compare_all(s, model, SLOTS, &seed);
	}
	check_store(s);
	OK(store_compact(s, &err));
	compare_all(s, model, SLOTS, &seed);
	check_store(s);
	OK(store_stats(s, &stats, &err));
	for (int i = 0; i < SERIES; i++)
		for (int k = 0; k < SLOTS; k++)
			want += model->has[i][k] != 0;
	assert_int_equal(stats.samples, want);
	for (int dry = 1; dry >= 0; dry--) {
		int gone = 0;

		OK(store_retain(s, TIME_NONE, (int64_t)20000 * STEP, dry, &dropped, &err));
		for (int i = 0; i < SERIES; i++)
			for (int k = 0; k < 20000; k++)
				gone += model->has[i][k] != 0;
		assert_int_equal(dropped.samples, gone);
	}
	for (int i = 0; i < SERIES; i++)
		memset(model->has[i], 0, 20000);
	compare_all(s, model, SLOTS, &seed);
	check_store(s);
	OK(store_retain(s, TIME_NONE, TIME_MAX, 0, &dropped, &err));
	memset(model->has, 0, sizeof(model->has));
	compare_all(s, model, SLOTS, &seed);
	OK(store_stats(s, &stats, &err));
	assert_int_equal(stats.series, 0);
	assert_int_equal(stats.samples, 0);
	check_store(s);
	store_close(s);
	free(model);
}

/* ---- the ladder */

enum { HOUR = 3600000 / STEP, HOURS = SLOTS / HOUR };

struct hour { double count, value; };
struct rolled { struct hour hour[SERIES][HOURS]; int of, rolled[SERIES]; };      /* a series is of one part, so of one thread */

static int
add_rolled(void *self, int part, const struct store_run *run)
{
	struct rolled *r = self;
	int series = atoi(run->series->labels.p + 10);

	(void)part;
	for (size_t i = 0; i < run->n; i++) {
		struct hour *h = &r->hour[series][run->time[i] / STEP / HOUR];

		h->value = r->of == STORE_SUM || h->count == 0 ? h->value + run->value[i] : r->of == STORE_LEAST ? fmin(h->value, run->value[i]) :
		    fmax(h->value, run->value[i]);
		h->count += run->count ? run->count[i] : 1;
		r->rolled[series] |= run->count != NULL;
	}
	return 0;
}

/* By the hour, whatever rungs and samples are put together for it, all is as the model says. */
static void
compare_rolled(struct store *s, const struct model *model, int64_t rung, int from, int to)
{
	struct rolled *r = mem_new(sizeof(*r));
	struct err err = { 0 };

	for (int of = STORE_SUM; of <= STORE_GREATEST; of++) {
		const struct store_match match = { .from = (int64_t)from * HOUR * STEP, .to = (int64_t)to * HOUR * STEP, .rung = rung, .of = of };

		memset(r, 0, sizeof(*r));
		r->of = of;
		OK(store_each_run(s, &match, 3, add_rolled, NULL, r, &err));
		for (int i = 0; i < SERIES && from == 0 && to == HOURS; i++)
			assert_true(r->rolled[i]);
		for (int i = 0; i < SERIES; i++)
			for (int h = 0; h < HOURS; h++) {
				double count = 0, value = 0;

				for (int k = h * HOUR; k < (h + 1) * HOUR && h >= from && h < to; k++)
					if (model->has[i][k]) {
						double v = model->value[i][k];

						value = of == STORE_SUM || count == 0 ? value + v : of == STORE_LEAST ? fmin(value, v) : fmax(value, v);
						count++;
					}
				assert_int_equal(r->hour[i][h].count, count);
				if (isnan(value) || isnan(r->hour[i][h].value))
					continue;       /* of what is no number or infinite, the order of the sum decides */
				if (i == 4 || i == 5 || i == 6)
					continue;
				if (fabs(r->hour[i][h].value - value) > 1e-9 * (1 + fabs(value)))
					fail_msg("series %d, hour %d, of %d: %.17g instead of %.17g", i, h, of, r->hour[i][h].value, value);
			}
	}
	free(r);
}

static void
roll_ups_are_those_of_the_samples_whatever_comes_when(void **state)
{
	struct model *model = mem_new(sizeof(*model));
	struct err err = { 0 };
	struct store *s = store_open(dir, "rungs", STORE_CREATE, &err);
	struct store_ladder ladder;
	struct store_dropped dropped;
	uint64_t seed = 362436069;
	int now = 0, raw = 0;

	(void)state;
	assert_non_null(s);
	OK(store_ladder_parse(STR("raw 5d, 1m 10d, 1h 2y"), &ladder, &err));
	OK(store_ladder_set(s, &ladder, &err));
	for (int round = 0; round < 24; round++) {
		OK(store_begin(s, &err));
		for (int t = round % 4 == 1 ? 9000 : 1 + (int)(next(&seed) % 400); t > 0 && now < SLOTS; t--, now++)
			for (int i = 0; i < SERIES; i++)
				if (i != 3 || now % 100 == 0)
					put(s, model, i, now, next(&seed));
		for (int k = round % 3 ? 20 : 300; k > 0 && now > raw; k--)
			put(s, model, (int)(next(&seed) % SERIES), raw + (int)(next(&seed) % (unsigned)(now - raw)), next(&seed));
		for (int k = 0; k < 10 && raw; k++) {   /* later than that, of times that had none */
			int slot = (int)(next(&seed) % (unsigned)raw);

			if (!model->has[3][slot])
				put(s, model, 3, slot, next(&seed));
		}
		OK(store_commit(s, &err));
		if (round % 8 == 7) {
			int from = (int)(next(&seed) % HOURS), to = from + (int)(next(&seed) % (unsigned)(HOURS - from + 1));

			compare_rolled(s, model, 3600000, 0, HOURS);
			compare_rolled(s, model, 3600000, from, to);
			compare_rolled(s, model, 60000, from, to);
			compare_rolled(s, model, 900000, 0, to);
			check_store(s);
		}
		if (round % 8 == 5) {
			OK(store_retain_ladder(s, (int64_t)now * STEP, 0, &dropped, &err));
			if (now * (int64_t)STEP > 5 * 86400000)
				raw = (int)(now - 5 * 86400000 / STEP) / HOUR * HOUR;
		}
		if (round == 18)
			OK(store_compact(s, &err));
	}
	assert_true(raw > 0);
	OK(store_ladder_parse(STR("raw 5d, 1h 2y"), &ladder, &err));
	OK(store_ladder_set(s, &ladder, &err));
	compare_rolled(s, model, 3600000, 0, HOURS);
	check_store(s);
	OK(store_retain(s, TIME_NONE, TIME_MAX, 0, &dropped, &err));
	check_store(s);
	store_close(s);
	free(model);
}

/* ---- what is rolled up before it goes */

static int
count_all(void *self, int part, const struct store_run *run)
{
	double *all = self;

	(void)part;
	for (size_t i = 0; i < run->n; i++) {
		all[0] += run->count ? run->count[i] : 1;
		all[1] += run->value[i];
	}
	return 0;
}

static void
assert_all_there(struct store *s, int64_t rung, double count)
{
	const struct store_match match = { .metric = STR("m"), .from = INT64_MIN, .to = INT64_MAX, .rung = rung, .of = STORE_SUM };
	double all[2] = { 0 };
	struct err err = { 0 };

	OK(store_each_run(s, &match, 1, count_all, NULL, all, &err));
	assert_true(all[0] == count);
	assert_true(all[1] == 2 * count);
}

/* Whatever came before there was a ladder, and what a series that fell silent said last, is rolled up before it goes; a rung that is
 * put on top does not hide what those below have. */
static void
nothing_goes_that_is_not_rolled_up(void **state)
{
	enum { MINUTES = 3 * 24 * 60 };
	struct err err = { 0 };
	struct store_ladder ladder;
	struct store_dropped dropped;
	char labels[40];
	struct store_sample x = { .metric = STR("m"), .field = STR("value"), .window = STR(""), .value = 2, .labels = { labels, 0 } };

	(void)state;
	for (int since = 0; since <= MINUTES; since += MINUTES / 3) {   /* the ladder is there from then on */
		char tenant[20];
		struct store *s;
		int n = 0;

		sprintf(tenant, "ladder%d", since);
		assert_non_null(s = store_open(dir, tenant, STORE_CREATE, &err));
		OK(store_ladder_parse(STR("raw 1d, 1m 10d, 1h 2y"), &ladder, &err));
		for (int minute = 0; minute <= MINUTES; minute++) {
			if (minute == since)
				OK(store_ladder_set(s, &ladder, &err));
			if (minute % 360 == 0)
				OK(store_begin(s, &err));
			for (int i = 0; i < 8 && minute < MINUTES; i++) {       /* they fall silent one after the other, the last never */
				if (minute > 7 + i * MINUTES / 7)
					continue;
				x.labels.n = (size_t)sprintf(labels, "{\"host\":\"h%d\"}", i);
				x.time = (int64_t)minute * 60000 + i;
				OK(store_add_sample(s, &x, &err));
				n++;
			}
			if (minute % 360 < 359 && minute < MINUTES)
				continue;
			OK(store_commit(s, &err));
			if (minute % 1080 == 1079)
				OK(store_compact(s, &err));
			if (minute == MINUTES / 2 - 1)
				OK(store_retain_ladder(s, x.time, 0, &dropped, &err));
		}
		OK(store_retain_ladder(s, (int64_t)MINUTES * 60000, 0, &dropped, &err));
		assert_true(dropped.samples > 0);
		assert_all_there(s, 60000, n);
		assert_all_there(s, 3600000, n);
		check_store(s);
		OK(store_ladder_parse(STR("raw 1d, 1m 10d, 1h 2y, 6h 3y"), &ladder, &err));
		OK(store_ladder_set(s, &ladder, &err));
		assert_all_there(s, 21600000, n);
		OK(store_retain_ladder(s, (int64_t)(MINUTES + 20 * 24 * 60) * 60000, 0, &dropped, &err));
		assert_all_there(s, 21600000, n);
		for (int i = 0; i < 3; i++) {           /* one between others, which has nothing of what is gone */
			static const char *const between[] = { "raw 1d, 1h 2y", "raw 1d, 1m 10d, 1h 2y", "raw 1d, 1m 10d, 30m 20d, 1h 2y, 1d 9y" };

			OK(store_ladder_parse(str_of(between[i]), &ladder, &err));
			OK(store_ladder_set(s, &ladder, &err));
			assert_all_there(s, 60000, n);
			assert_all_there(s, 1800000, n);
			OK(store_retain_ladder(s, (int64_t)(MINUTES + 21 * 24 * 60) * 60000, 0, &dropped, &err));
			assert_all_there(s, 60000, n);
			assert_all_there(s, 1800000, n);
			assert_all_there(s, 86400000, n);
		}
		check_store(s);
		store_close(s);
	}
}

/* ---- a seal while roll-ups are read */

struct counting { struct store *other; double count[2], sum[2]; int runs, begun_anew; };

static int
count_and_seal(void *self, int part, const struct store_run *run)
{
	struct counting *c = self;
	struct err err = { 0 };
	int series = atoi(run->series->labels.p + 10);

	(void)part;
	for (size_t i = 0; i < run->n; i++) {
		c->count[series] += run->count ? run->count[i] : 1;
		c->sum[series] += run->value[i];
	}
	if (c->runs++ == 0)             /* another writer, while the second series is not looked at yet */
		OK(store_compact(c->other, &err));
	return 0;
}

static void
count_anew(void *self)
{
	struct counting *c = self;

	memset(c->count, 0, sizeof(c->count));
	memset(c->sum, 0, sizeof(c->sum));
	c->begun_anew++;
}

/* view_ns: how long what is read is under one transaction. */
static void
late_samples_are_sealed(int64_t view_ns)
{
	enum { MINUTES = 3 * 24 * 60, LATE = 7 };
	struct store_match match = { .metric = STR("late"), .from = 0, .to = (int64_t)MINUTES * 60000, .rung = 3600000, .of = STORE_SUM };
	struct counting c = { 0 };
	struct err err = { 0 };
	struct store *s = store_open(dir, view_ns ? "seal-short" : "seal", STORE_CREATE, &err);
	struct store_ladder ladder;
	struct store_dropped dropped;
	char labels[40];
	struct store_sample x = { .metric = STR("late"), .field = STR("value"), .window = STR(""), .value = 1 };

	assert_non_null(s);
	OK(store_ladder_parse(STR("raw 1d, 1m 10d, 1h 2y"), &ladder, &err));
	OK(store_ladder_set(s, &ladder, &err));
	OK(store_begin(s, &err));
	for (int i = 0; i < 2; i++) {
		x.labels = (struct str){ labels, (size_t)sprintf(labels, "{\"host\":\"h%d\"}", i) };
		for (int minute = 0; minute < MINUTES; minute++) {
			x.time = (int64_t)minute * 60000;
			OK(store_add_sample(s, &x, &err));
		}
	}
	OK(store_commit(s, &err));
	OK(store_retain_ladder(s, (int64_t)MINUTES * 60000, 0, &dropped, &err));
	assert_true(dropped.samples > 0);
	OK(store_begin(s, &err));
	for (int i = 0; i < 2; i++) {   /* of a time whose samples are gone: they come on top of its buckets */
		x.labels = (struct str){ labels, (size_t)sprintf(labels, "{\"host\":\"h%d\"}", i) };
		for (int k = 0; k < LATE; k++) {
			x.time = (int64_t)k * 3600000 + 30000;
			OK(store_add_sample(s, &x, &err));
		}
	}
	OK(store_commit(s, &err));
	assert_non_null(c.other = store_share_write(s, &err));
	setenv("AT_THREADS", "1", 1);
	s->view_ns = view_ns;
	OK(store_each_run(s, &match, 1, count_and_seal, count_anew, &c, &err));
	assert_true(!view_ns || c.begun_anew == 1);
	unsetenv("AT_THREADS");
	for (int i = 0; i < 2; i++) {
		assert_true(c.count[i] == MINUTES + LATE);
		assert_true(c.sum[i] == MINUTES + LATE);
	}
	store_close(c.other);
	check_store(s);
	store_close(s);
}

static void
late_samples_that_are_sealed_while_their_buckets_are_read_count_once(void **state)
{
	(void)state;
	late_samples_are_sealed(0);
	late_samples_are_sealed(1);             /* another transaction after each series: the first look is given up */
}

static void
ladders_are_checked(void **state)
{
	static const char *const good[] = { "7d", "raw 7d, 1m 90d, 1h 2y", "raw 1h,5m", "raw 1w, 1m 90d, 1h" };
	static const char *const bad[] = { "", "7", "1m 90d, raw 7d", "raw 7d, 1h 90d, 1m 2y", "raw 7d, 1m 1d", "raw 7d, 1m 90d, 90s 1y", "raw 7d, 0s 90d",
		"raw, 1m 7d", "raw 7d, 1h 10h", "raw 7d 1m 90d", "raw 7d, 1m 8d, 2m 9d, 4m 10d, 8m 11d, 16m 12d, 32m 13d, 64m 14d, 128m 15d" };
	struct store_ladder l;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		OK(store_ladder_parse(str_of(good[i]), &l, &err));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (i == 1)
			continue;               /* a bare number is seconds */
		err_clear(&err);
		assert_true(store_ladder_parse(str_of(bad[i]), &l, &err) < 0);
	}
}

/* ---- the index */

static int
count_series(void *self, const struct store_sample *x)
{
	(void)x;
	++*(int *)self;
	return 0;
}

static int
series_with(struct store *s, const char *key, const char *value)
{
	const struct store_label label = { str_of(key), str_of(value) };
	const struct store_match match = { .labels = &label, .n_labels = 1, .from = INT64_MIN, .to = INT64_MAX };
	struct err err = { 0 };
	int n = 0;

	OK(store_each_series(s, &match, count_series, &n, &err));
	return n;
}

static int
find_label(void *self, struct str label, uint64_t series)
{
	if (str_eq(label, STR("h\xc3\xa9")))
		*(uint64_t *)self = series;
	return 0;
}

static void
labels_lead_to_their_series(void **state)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, "labels", STORE_CREATE, &err), *held;
	struct store_sample x = { .metric = STR("m"), .field = STR("value"), .window = STR("") };
	struct store_dropped dropped;
	uint64_t with = 0;
	char labels[100];

	(void)state;
	assert_non_null(s);
	for (int round = 0; round < 3; round++) {
		OK(store_begin(s, &err));
		for (int i = round * 1500; i < round * 1500 + 1500; i++) {
			x.labels = (struct str){ labels, (size_t)sprintf(labels, "{\"even\":\"%s\",\"h\\u00e9\":\"a\\nb\",\"n\":\"%d\",\"number\":%d}",
			    i % 2 ? "no" : "yes", i, i % 10) };
			x.time = i;
			OK(store_add_sample(s, &x, &err));
		}
		OK(store_commit(s, &err));
	}
	assert_int_equal(series_with(s, "even", "yes"), 2250);
	assert_int_equal(series_with(s, "n", "4499"), 1);
	assert_int_equal(series_with(s, "n", "4500"), 0);
	assert_int_equal(series_with(s, "number", "3"), 0);     /* a number is no text */
	assert_int_equal(series_with(s, "h\xc3\xa9", "a\nb"), 4500);
	OK(store_each_label(s, find_label, &with, &err));
	assert_int_equal(with, 4500);
	check_store(s);
	held = store_share(s);
	OK(store_hold(held, 1, &err));
	OK(store_retain(s, TIME_NONE, 3000, 0, &dropped, &err));
	assert_int_equal(dropped.samples, 3000);
	assert_int_equal(series_with(held, "even", "yes"), 2250);       /* as they were */
	assert_int_equal(series_with(held, "n", "2999"), 1);
	assert_int_equal(series_with(held, "n", "4500"), 0);
	store_close(held);
	assert_int_equal(series_with(s, "even", "yes"), 750);
	assert_int_equal(series_with(s, "n", "2999"), 0);
	assert_int_equal(series_with(s, "n", "3000"), 1);
	OK(store_each_label(s, find_label, &with, &err));
	assert_int_equal(with, 1500);
	check_store(s);
	store_close(s);
}

/* The store of the first release has no such index: it is read all the same, and gets one with the first samples that come. */
static void
an_older_store_gets_its_index(void **state)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, "old", STORE_CREATE, &err);
	struct store_sample x = { .metric = STR("m"), .labels = STR("{\"a\":\"b\"}"), .field = STR("other"), .time = 1 };
	char path[120];
	struct str bytes;
	struct in *in;
	FILE *f;

	(void)state;
	if (sizeof(void *) != 8)
		return;
	assert_non_null(s);
	store_close(s);
	sprintf(path, "%s/tenants/old/data.mdb", dir);
	assert_non_null(f = fopen(path, "w"));
	assert_non_null(in = in_open("tests/golden/store/1.mdb.gz", &err));
	while (in_bytes(in, &bytes, &err) == IN_LINE)
		assert_int_equal(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
	in_close(in);
	fclose(f);
	assert_non_null(s = store_open(dir, "old", STORE_WRITE, &err));
	assert_int_equal(series_with(s, "a", "b"), 1);
	OK(store_hold(s, 1, &err));
	assert_int_equal(series_with(s, "a", "b"), 1);
	store_let_go(s);
	OK(store_begin(s, &err));
	OK(store_add_sample(s, &x, &err));
	OK(store_commit(s, &err));
	assert_int_equal(series_with(s, "a", "b"), 2);
	check_store(s);
	store_close(s);
}

/* ---- copies */

enum { MANY = 1000 };

/* Each of MANY series gets a sample, of the time and value `at`. */
static void
add_to_all(struct store *s, int at)
{
	struct store_sample x = { .metric = STR("m"), .field = STR("value"), .window = STR(""), .time = at, .value = at };
	struct err err = { 0 };
	char labels[40];

	OK(store_begin(s, &err));
	for (int i = 0; i < MANY; i++) {
		x.labels = (struct str){ labels, (size_t)sprintf(labels, "{\"host\":\"h%d\"}", i) };
		OK(store_add_sample(s, &x, &err));
	}
	OK(store_commit(s, &err));
}

static struct store *
store_of_many(const char *name)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, name, STORE_CREATE, &err);

	assert_non_null(s);
	add_to_all(s, 1);
	OK(store_compact(s, &err));
	add_to_all(s, 2);                       /* these are in the tail */
	return s;
}

struct taking { double n, sum; };
enum { TAKERS = 3 };

static int
take_run(void *self, int part, const struct store_run *run)
{
	struct taking *t = (struct taking *)self + part;

	for (size_t i = 0; i < run->n; i++) {
		t->n++;
		t->sum += run->value[i];
	}
	return 0;
}

static struct taking
take(struct store *s)
{
	struct store_match match = { .metric = STR("m"), .from = INT64_MIN, .to = INT64_MAX };
	struct taking part[TAKERS] = { { 0 } }, all = { 0 };
	struct err err = { 0 };

	OK(store_each_run(s, &match, TAKERS, take_run, NULL, part, &err));
	for (int i = 0; i < TAKERS; i++) {
		all.n += part[i].n;
		all.sum += part[i].sum;
	}
	return all;
}

static void
assert_held(struct store *s, double n, double sum)
{
	struct taking t = take(s);

	assert_true(t.n == n && t.sum == sum);
	assert_int_equal(series_with(s, "host", "h7"), 1);
}

static void
copies_of_a_handle_are_bounded_together_and_the_rest_of_them_is_in_files(void **state)
{
	struct err err = { 0 };
	struct store *s = store_of_many("copies");
	const size_t most[] = { 0, 5000, 20000, 60000, 100000, 1 << 30 };

	(void)state;
	for (size_t i = 0; i < sizeof(most) / sizeof(*most); i++) {
		struct store_match match = { .metric = STR("m"), .from = INT64_MIN, .to = INT64_MAX };
		struct store_samples *samples;
		struct store_run run;
		double n = 0;
		int rc;

		store_limit_copies(s, most[i]);
		OK(store_hold(s, 1, &err));
		assert_held(s, 2 * MANY, 3 * MANY);
		assert_true(s->copies.taken <= most[i]);
		store_let_go(s);
		assert_int_equal(s->copies.taken, 0);
		assert_non_null(samples = store_samples_open(s, &match, &err));
		assert_true(s->copies.taken <= most[i]);
		while ((rc = store_samples_next(samples, &run, &err)) > 0)
			n += (double)run.n;
		OK(rc);
		assert_true(n == 2 * MANY);
		store_samples_close(samples);
	}
	setenv("TMPDIR", "/none", 1);
	store_limit_copies(s, 1000);
	assert_int_equal(store_hold(s, 1, &err), ERR_IO);
	assert_non_null(strstr(err.text, "set TMPDIR"));
	unsetenv("TMPDIR");
	assert_int_equal(s->copies.taken, 0);
	store_close(s);
}

/* Copied a transaction for each 16 entries. At some of them somebody has added samples, or sealed the tail; a pass that met a seal is done again. */
static void
a_copy_that_takes_several_transactions_is_of_one_moment(void **state)
{
	(void)state;
	for (int when = 0; when < 6; when++) {
		struct err err = { 0 };
		char name[16];
		struct store *s = (snprintf(name, sizeof(name), "passes%d", when), store_of_many(name)), *other = store_share_write(s, &err);
		struct store_series_copy *copy;
		struct store_view v;
		int passes = 0, sealed = 0;

		assert_non_null(other);
		s->view_ns = 1;
		store_limit_copies(s, when % 2 ? 0 : 1 << 30);
		copy = store_series_copy_new(s);
		do {
			passes++;
			OK(store_view_open(&v, s, &err));
			OK(store_series_copy_pass(copy, &v, &err));
			if (passes == 1 && when / 2 == 0)
				add_to_all(other, 3);
			OK(store_series_copy_series(copy, &v, &err));
			if (passes == 1 && when / 2 == 1) {
				add_to_all(other, 3);
				OK(store_begin(other, &err));
				OK(store_seal_samples(other, &err));
				OK(store_commit(other, &err));
				sealed = 1;
			}
			OK(store_series_copy_samples(copy, &v, &err));
			store_view_close(&v);
		} while (!store_series_copy_done(copy));
		assert_int_equal(passes, 1 + sealed);
		store_series_copy_release(copy);
		assert_int_equal(s->copies.taken, 0);
		store_close(other);
		store_close(s);
	}
}

/* What is read again for each thread and moment is of one state, however often the tail is sealed meanwhile. */
struct sealing { struct store *other; int done; };

static void *
seal_again_and_again(void *self)
{
	struct sealing *x = self;
	struct err err = { 0 };

	for (int at = 3; !__atomic_load_n(&x->done, __ATOMIC_ACQUIRE); at++) {
		add_to_all(x->other, at);
		OK(store_begin(x->other, &err));
		OK(store_seal_samples(x->other, &err));
		OK(store_commit(x->other, &err));
	}
	return NULL;
}

static void
what_is_held_is_of_one_moment_while_the_tail_is_sealed(void **state)
{
	struct err err = { 0 };
	struct store *s = store_of_many("sealing");
	struct sealing x = { .other = store_share_write(s, &err) };
	int held = 0;
	pthread_t thread;

	(void)state;
	assert_non_null(x.other);
	s->view_ns = 200000;
	store_limit_copies(s, 50000);
	assert_int_equal(pthread_create(&thread, NULL, seal_again_and_again, &x), 0);
	for (int i = 0; i < 40; i++) {
		struct taking t = { 0 };
		int rc = store_hold(s, 1, &err);

		if (rc == ERR_LIMIT) {          /* the other one was faster: it says so */
			err_clear(&err);
			continue;
		}
		OK(rc);
		held++;
		for (int again = 0; again < 2; again++) {
			struct taking now = take(s);

			assert_true(fmod(now.n, MANY) == 0 && now.sum == now.n * (now.n / MANY + 1) / 2);
			assert_true(!again || (now.n == t.n && now.sum == t.sum));
			t = now;
		}
		store_let_go(s);
	}
	__atomic_store_n(&x.done, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	s->view_ns = 0;
	OK(store_hold(s, 1, &err));
	store_let_go(s);
	assert_true(held > 0);
	check_store(s);
	store_close(x.other);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_read_back_whatever_comes_when),
		cmocka_unit_test(roll_ups_are_those_of_the_samples_whatever_comes_when),
		cmocka_unit_test(nothing_goes_that_is_not_rolled_up),
		cmocka_unit_test(late_samples_that_are_sealed_while_their_buckets_are_read_count_once),
		cmocka_unit_test(copies_of_a_handle_are_bounded_together_and_the_rest_of_them_is_in_files),
		cmocka_unit_test(a_copy_that_takes_several_transactions_is_of_one_moment),
		cmocka_unit_test(what_is_held_is_of_one_moment_while_the_tail_is_sealed),
		cmocka_unit_test(ladders_are_checked),
		cmocka_unit_test(labels_lead_to_their_series),
		cmocka_unit_test(an_older_store_gets_its_index),
	};

	return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
