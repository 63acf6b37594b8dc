/* Anomalies: what a user may rely on, on series made here. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "detect/absent.h"
#include "detect/change.h"
#include "detect/counter.h"
#include "detect/detect.h"
#include "detect/model.h"
#include "json/json.h"

/* What was saved, in memory of its own; NULL: it is damaged. */
static struct model *
taken_model(struct str *bytes, struct err *err)
{
	struct model *m = mem_new(model_size());

	if (model_read(m, bytes, err) == 0)
		return m;
	free(m);
	return NULL;
}

static struct change *
taken_change(struct str *bytes, struct err *err)
{
	struct change *c = mem_new(change_size());

	if (change_read(c, bytes, err) == 0)
		return c;
	free(c);
	return NULL;
}

#define THRESHOLD 0.5                           /* of the default sensitivity */
#define QUIET 0.72                              /* of one at which clean data is silent */
#define DAY 86400000LL
#define START (1767571200000LL)                 /* a Monday, 2026-01-05 */

static double
uniform(uint64_t *seed)                         /* 0 < u < 1, the same on every machine */
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return ((double)(*seed >> 12) + 0.5) / 4503599627370496.0;
}

static double
normal(uint64_t *seed)
{
	return sqrt(-2 * log(uniform(seed))) * cos(2 * M_PI * uniform(seed));
}

/* Quiet nights, busy afternoons, quieter weekends that come gradually. */
static double
season(int64_t t)
{
	double hour = (double)(t % DAY) / 3600000, day = (double)((t - START) % (7 * DAY)) / DAY;

	return 100 + 60 * sin((hour - 9) / 24 * 2 * M_PI) - 25 / (1 + exp(-8 * (day - 5))) + 25 / (1 + exp(-8 * (day - 6.8)));
}

enum noise { NORMAL, SHARE, POISSON, SLOW, NOISES };

static double
noisy(enum noise kind, double base, uint64_t *seed, double *slow)
{
	switch (kind) {
	case NORMAL:
		return base + 5 * normal(seed);
	case SHARE:
		return base * exp(0.1 * normal(seed));
	case POISSON:
		return fmax(0, floor(base / 4 + sqrt(base / 4) * normal(seed) + 0.5));
	default:
		return base + (*slow = 0.9 * *slow + 3 * normal(seed));
	}
}

/* At a sensitivity of 0.26 not a word in 384 weeks of series; at the default of 0.5 one false alarm in five weeks at most. */
static void
four_weeks_of_clean_seasons_are_quiet(void **state)
{
	static const int64_t steps[] = { 300000, 900000, 3600000 };
	int alarms = 0, loud = 0, weeks = 0;

	(void)state;
	for (uint64_t run = 1; run <= 8; run++)
		for (int kind = NORMAL; kind < NOISES; kind++)
			for (int s = 0; s < 3; s++) {
				struct model *m = model_init(mem_new(model_size()));
				uint64_t seed = run * 7919 + (uint64_t)kind;
				double slow = 0;
				struct verdict v;

				for (int64_t t = START; t < START + 28 * DAY; t += steps[s]) {
					model_push(m, t, noisy(kind, season(t), &seed, &slow), THRESHOLD, &v);
					alarms += v.alarm;
					loud += v.score >= QUIET && t > START + 100 * steps[s];
					assert_true(v.score >= 0 && v.score <= 1 && v.lower <= v.expected && v.expected <= v.upper);
				}
				free(m);
				weeks += 4;
			}
	assert_int_equal(loud, 0);
	assert_true(alarms * 5 <= weeks);
}

static void
a_spike_in_seasonal_data_is_found_at_once_and_told_once(void **state)
{
	int false_alarms = 0, days = 0;

	(void)state;
	for (uint64_t run = 1; run <= 10; run++)
		for (int kind = NORMAL; kind < NOISES; kind++) {
			struct model *m = model_init(mem_new(model_size()));
			uint64_t seed = run * 104729 + (uint64_t)kind;
			double slow = 0;
			struct verdict v;
			int64_t at = START + 20 * DAY + (int64_t)run * 3000000;
			int before = 0, found = 0, after = 0;

			for (int64_t t = START; t < START + 28 * DAY; t += 300000) {
				double value = noisy(kind, season(t), &seed, &slow);
				int spike = t >= at && t < at + 900000;

				if (spike)
					value = value * 2 + 150;
				model_push(m, t, value, THRESHOLD, &v);
				if (t < at || t > at + DAY)
					before += v.alarm;
				else if (spike) {
					found += v.alarm;
					if (t < at + 300000)
						assert_true(value > v.upper);
				} else
					after += v.alarm;
			}
			false_alarms += before;
			days += 27;
			assert_int_equal(found, 1);
			assert_int_equal(after, 0);
			free(m);
		}
	assert_true(false_alarms * 14 <= days);         /* one in two weeks */
}

static void
silence_where_there_was_traffic_is_found(void **state)
{
	(void)state;
	for (uint64_t run = 1; run <= 10; run++) {
		struct model *m = model_init(mem_new(model_size()));
		uint64_t seed = run;
		int found = 0;
		double slow = 0;
		struct verdict v;

		for (int64_t t = START; t < START + 22 * DAY; t += 300000) {
			int gone = t >= START + 21 * DAY + 12 * 3600000 && t < START + 21 * DAY + 14 * 3600000;

			model_push(m, t, gone ? 0 : noisy(NORMAL, season(t), &seed, &slow), THRESHOLD, &v);
			found += gone && v.alarm;
		}
		assert_int_equal(found, 1);
		free(m);
	}
}

/* A new level is an incident, then it is usual: the band follows within a day, and nothing more is told after it. At the
 * default sensitivity the day's new heights may be told once more. */
static void
a_level_that_stays_alarms_once_and_becomes_usual(void **state)
{
	(void)state;
	for (uint64_t run = 1; run <= 20; run++) {
		double threshold = run > 10 ? QUIET : THRESHOLD;
		struct model *m = model_init(mem_new(model_size()));
		uint64_t seed = run * 31;
		int alarms = 0, later = 0;
		double slow = 0;
		struct verdict v;

		for (int64_t t = START; t < START + 42 * DAY; t += 300000) {
			double value = noisy(NORMAL, season(t) + (t >= START + 21 * DAY ? 300 : 0), &seed, &slow);

			model_push(m, t, value, threshold, &v);
			if (t == START + 21 * DAY)
				assert_true(v.alarm);
			alarms += v.alarm && t >= START + 21 * DAY;
			later += v.alarm && t > START + 22 * DAY;
			if (t > START + 22 * DAY)
				assert_true(v.expected > 300);
		}
		assert_true(alarms == 1 || (threshold < QUIET && alarms == 2));
		assert_int_equal(later, 0);
		free(m);
	}
}

/* One absurd value must not blind it to the next incident. */
static void
a_monster_does_not_hide_what_comes_after(void **state)
{
	struct model *m = model_init(mem_new(model_size()));
	uint64_t seed = 5;
	int second = 0;
	double slow = 0;
	struct verdict v;

	(void)state;
	for (int64_t t = START; t < START + 28 * DAY; t += 300000) {
		double value = noisy(NORMAL, season(t), &seed, &slow);

		if (t == START + 14 * DAY)
			value = 1e9;
		if (t >= START + 24 * DAY && t < START + 24 * DAY + 1800000)
			value += 1500;
		model_push(m, t, value, THRESHOLD, &v);
		second += v.alarm && t >= START + 24 * DAY && t < START + 24 * DAY + 1800000;
	}
	assert_int_equal(second, 1);
	free(m);
}

static void
any_numbers_give_finite_answers(void **state)
{
	static const double odd[] = { 0, -0.0, 1e308, -1e308, 5e-324, 1, -1, 1e300, 1e-300, 1.7976931348623157e308, 1e15, 1e16 };
	uint64_t seed = 77;

	(void)state;
	for (int run = 0; run < 50; run++) {
		struct model *m = model_init(mem_new(model_size()));
		struct verdict v;

		for (int i = 0; i < 1000; i++) {
			double value = uniform(&seed) < 0.05 ? odd[(int)(uniform(&seed) * 12)] : normal(&seed) * pow(10, run % 10 * 30 - 150);

			model_push(m, (int64_t)(uniform(&seed) * 4e15) - 2000000000000000, value, THRESHOLD, &v);
			assert_true(isfinite(v.score) && isfinite(v.expected) && isfinite(v.lower) && isfinite(v.upper));
			assert_true(v.score >= 0 && v.score <= 1);
		}
		free(m);
	}
}

/* Saved at any moment and taken up again, it judges bit for bit as if it had never stopped. */
static void
a_model_that_was_saved_judges_as_one_that_was_not(void **state)
{
	struct model *whole = model_init(mem_new(model_size())), *parts = model_init(mem_new(model_size()));
	uint64_t seed = 11;
	double slow = 0;

	(void)state;
	for (int i = 0; i < 9000; i++) {
		int64_t t = START + i * 300000LL;
		double value = noisy(SLOW, season(t), &seed, &slow) + (i % 1777 == 1776 ? 200 : 0);
		struct verdict a, b;

		model_push(whole, t, value, 0.3, &a);
		model_push(parts, t, value, 0.3, &b);
		assert_memory_equal(&a, &b, sizeof(a.score));
		assert_true(a.alarm == b.alarm && a.expected == b.expected && a.lower == b.lower && a.upper == b.upper);
		if (i % 97 == 0) {
			struct buf bytes = {0};
			struct err err = {0};
			struct str rest;

			model_put(parts, &bytes);
			free(parts);
			rest = buf_get(&bytes);
			parts = taken_model(&rest, &err);
			assert_non_null(parts);
			assert_int_equal(rest.n, 0);
			for (size_t cut = 0; cut < bytes.n; cut += 101) {
				rest = (struct str){ bytes.p, cut };
				assert_null(taken_model(&rest, &err));
				assert_int_equal(err.code, ERR_CORRUPT);
			}
			assert_true(bytes.n < 3600);
			buf_release(&bytes);
		}
	}
	free(whole);
	free(parts);
}

/* What the first version saved goes on: nothing is lost but what it did not know, and that is no alarm. */
static void
a_model_of_the_first_version_is_read(void **state)
{
	FILE *f = fopen("tests/fuzz/corpus/detect/model-version-1", "r");
	char bytes[4096];
	struct str rest = { bytes, 0 };
	struct err err = { 0 };
	struct model *m;
	struct verdict v;
	int alarms = 0;

	(void)state;
	assert_non_null(f);
	rest.n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	m = taken_model(&rest, &err);
	assert_non_null(m);
	assert_int_equal(rest.n, 0);
	for (int i = 3000; i < 4000; i++) {
		model_push(m, START + i * 900000LL, floor(200 + 120 * sin(i % 96 / 96.0 * 6.283185) + (i * 7919) % 17), THRESHOLD, &v);
		alarms += v.alarm;
		assert_true(fabs(v.expected - 200) < 200);
	}
	assert_int_equal(alarms, 0);
	model_push(m, START + 4000 * 900000LL, 5000, THRESHOLD, &v);
	assert_true(v.alarm);
	free(m);
}

/* Of twenty series each, flat and seasonal: what changes is told once, for what it is, where it was and by how much. */
static void
changes_are_told_with_their_time_and_size(void **state)
{
	static const struct { double level, slope, spread; int kind; double size; int rows_late; } cases[] = {
		{ 50, 0, 1, CHANGE_LEVEL, 50, 3 }, { -30, 0, 1, CHANGE_LEVEL, -30, 3 },
		{ 0, 0, 3, CHANGE_VARIANCE, 10, 60 }, { 0, 0, 1 / 3.0, CHANGE_VARIANCE, -3.3, 60 },
	};
	enum { ROWS = 6000, AT = 4000, STEP = 300000 };
	int no_change = 0, missed = 0;

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
		for (uint64_t run = 1; run <= 20; run++) {
			struct change *c = change_init(mem_new(change_size()));
			struct change_found first = { 0 }, found;
			uint64_t seed = run * 7919;
			int after = 0;

			for (int i = 0; i < ROWS; i++) {
				int64_t t = START + (int64_t)i * STEP;
				double value = (run % 2 ? 200 : season(t)) + 5 * normal(&seed) * (i < AT ? 1 : cases[k].spread);

				value += i < AT ? 0 : cases[k].level;
				if (!change_push(c, t, 0, value, &found))
					continue;
				if (i < AT)
					no_change += run % 2;                   /* the first weekends of a season are new */
				else if (after++ == 0)
					first = found;
			}
			missed += after == 0;
			if (run % 2) {
				assert_true(after >= 1);
				assert_int_equal(first.kind, cases[k].kind);
				assert_true(llabs(first.since_ms - START - (int64_t)AT * STEP) <= cases[k].rows_late * (int64_t)STEP);
				assert_true(fabs(first.after - first.before - cases[k].size) < (cases[k].kind == CHANGE_LEVEL ? 0.25 : 0.5) * fabs(cases[k].size));
			}
			free(c);
		}
	assert_true(missed <= 3);               /* of 40 with a season of two weeks, in which a week's rhythm is still new */
	assert_int_equal(no_change, 0);         /* in 40 series of a fortnight */
}

/* A daily curve that is much larger than the noise around it: what lines between its hours leave over is no change, and one is found all the same. */
static void
a_smooth_daily_curve_is_no_change(void **state)
{
	static const int64_t steps[] = { 60000, 300000, 420000, 900000, 3600000 };
	static const double noises[] = { 0.05, 0.1, 0.5, 1 };
	int told = 0, found_shifts = 0, shifts = 0;

	(void)state;
	for (int i = 0; i < 5 * 4 * 2; i++) {
		struct change *c = change_init(mem_new(change_size()));
		struct change_found found;
		const int64_t step = steps[i % 5];
		const double noise = noises[i / 5 % 4];
		uint64_t seed = (uint64_t)i * 7919 + 1;
		int shifted = i >= 5 * 4, of_this = 0;
		int64_t at = START + 15 * DAY;

		shifts += shifted;
		for (int64_t t = START + step / 3 * (i % 2); t < at + (shifted ? 3 * DAY : 0); t += step) {
			double usual = 100 + 40 * sin((double)(t % DAY) / (double)DAY * 2 * M_PI);

			if (!change_push(c, t, 0, usual + noise * normal(&seed) + (t < at ? 0 : 4), &found))
				continue;
			told += t < at;
			of_this |= t >= at;
		}
		found_shifts += of_this;
		free(c);
	}
	assert_int_equal(told, 0);              /* in 40 series of a fortnight */
	assert_true(found_shifts >= shifts - 2);
}

/* However near together its rows are, noise is no change; three times as much is one, soon. */
static void
near_rows_are_no_change(void **state)
{
	static const int64_t steps[] = { 0, 100, 1000, 10000, 30000 };
	enum { ROWS = 2000 };
	int told = 0;

	(void)state;
	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++)
		for (uint64_t run = 1; run <= 20; run++) {
			struct change *c = change_init(mem_new(change_size()));
			struct change_found found;
			uint64_t seed = run * 7919;
			int i = 0, is_found = 0;

			for (; i < ROWS; i++)
				told += change_push(c, START + i * steps[k], 0, 5 + normal(&seed), &found);
			for (; i < ROWS + 150 && !is_found; i++)
				is_found = change_push(c, START + i * steps[k], 0, 5 + 3 * normal(&seed), &found) && found.kind == CHANGE_VARIANCE;
			assert_true(is_found);
			free(c);
		}
	assert_true(told <= 2);                 /* in 100 series of 2000 values */
}

/* Half as much, or two fifths more, on Saturdays and Sundays, from the first one on: that is no change of level or trend. */
static void
a_first_weekend_is_no_change(void **state)
{
	int levels = 0;

	(void)state;
	for (uint64_t run = 1; run <= 20; run++) {
		struct change *c = change_init(mem_new(change_size()));
		struct change_found found;
		uint64_t seed = run * 7919;
		int64_t from = START + (int64_t)(run % 7) * DAY, t;

		for (t = from; t < from + 21 * DAY; t += 300000) {
			double usual = (100 + 60 * sin((double)(t % DAY) / (double)DAY * 2 * M_PI)) * ((t - START) / DAY % 7 < 5 ? 1 : run % 2 ? 0.5 : 1.4);

			if (change_push(c, t, 0, usual + 5 * normal(&seed), &found))
				levels += found.kind != CHANGE_VARIANCE;
		}
		free(c);
	}
	assert_true(levels <= 4);               /* in 20 series of three weeks */
}

/* What began on the first Saturday is told on Sunday, or on Monday if it began with that day, with the time it began. */
static void
a_level_of_the_first_saturday_is_told_a_day_later(void **state)
{
	int told = 0, all = 0;

	(void)state;
	for (uint64_t run = 1; run <= 10; run++) {
		struct change *c = change_init(mem_new(change_size()));
		struct change_found found;
		uint64_t seed = run * 104729;
		int with_it = run % 2, n = 0;
		int64_t at = START + 5 * DAY + (with_it ? 0 : 10 * 3600000);

		for (int64_t t = START; t < START + 14 * DAY; t += 300000) {
			double usual = 100 + 60 * sin((double)(t % DAY) / (double)DAY * 2 * M_PI);

			if (!change_push(c, t, 0, (t < at ? usual : usual + 40) + 5 * normal(&seed), &found) || found.kind == CHANGE_VARIANCE || n++)
				continue;
			assert_int_equal(found.kind, CHANGE_LEVEL);
			assert_true(t >= START + (6 + with_it) * DAY && t < START + (7 + with_it) * DAY);
			told += llabs(found.since_ms - at) <= 900000 && fabs(found.after - found.before - 40) < 10;
		}
		assert_true(n >= 1);
		all += n;
		free(c);
	}
	assert_true(told >= 9);
	assert_true(all <= 30);                 /* the next weekend may say a thing or two */
}

/* Bytes of version 1, with days of one kind: it goes on as it was, on weekdays of hours that are known. */
static void
changes_that_were_saved_before_there_were_weekends_are_read(void **state)
{
	enum { HOURS = 24 * 4, SEEN = 3, HELD = 16 };
	struct change *c = change_init(mem_new(change_size())), *old;
	struct buf now = { 0 }, was = { 0 };
	struct change_found found, again;
	struct err err = { 0 };
	uint64_t seed = 5;
	struct str rest;
	char *tail;
	int64_t t;

	(void)state;
	for (t = START; t < START + 14 * DAY; t += 300000)
		change_push(c, t, 0, season(t) + 5 * normal(&seed), &found);
	change_put(c, &now);
	tail = now.p + now.n - HELD - 2 * SEEN - 21 - 6 * HOURS;        /* days, distances and bends of two kinds, hours seen, held */
	buf_add(&was, now.p, (size_t)(tail - now.p));
	for (int i = 0; i < 3; i++)
		buf_add(&was, tail + 2 * i * HOURS, HOURS);
	buf_add(&was, tail + 6 * HOURS, 21 + SEEN);
	was.p[0] = 1;
	rest = buf_get(&was);
	old = taken_change(&rest, &err);
	assert_non_null(old);
	assert_int_equal(rest.n, 0);
	for (; t < START + 16 * DAY; t += 300000) {
		double value = season(t) + 5 * normal(&seed) + (t > START + 15 * DAY ? 80 : 0);
		int told = change_push(c, t, 0, value, &found);

		assert_int_equal(change_push(old, t, 0, value, &again), told);
		assert_true(!told || (found.since_ms == again.since_ms && found.after == again.after));
	}
	free(c);
	free(old);
	buf_release(&now);
	buf_release(&was);
}

static void
a_ramp_is_a_trend_and_its_slope_is_told(void **state)
{
	int trends = 0;

	(void)state;
	for (uint64_t run = 1; run <= 20; run++) {
		struct change *c = change_init(mem_new(change_size()));
		struct change_found found;
		uint64_t seed = run;
		int told = 0;

		for (int i = 0; i < 1200; i++)
			if (change_push(c, START + i * 60000LL, 0, 200 + 5 * normal(&seed) + (i > 600 ? 0.2 * (i - 600) : 0), &found) && !told++ && found.kind == CHANGE_TREND) {
				trends++;
				assert_true(found.before == 0 && found.after > 5 && found.after < 24);          /* 12 an hour */
			}
		assert_true(told);
		free(c);
	}
	assert_true(trends >= 10);
}

/* Saved at any moment and taken up again; cut anywhere, refused; any numbers. */
static void
what_was_saved_of_changes_goes_on_as_if_it_had_not_been(void **state)
{
	static const double odd[] = { 0, 1e308, -1e308, 5e-324, 1e-300, 1e30 };
	struct change *whole = change_init(mem_new(change_size())), *parts = change_init(mem_new(change_size()));
	uint64_t seed = 3;
	int told = 0;

	(void)state;
	for (int i = 0; i < 6000; i++) {
		int64_t t = START + i * 300000LL;
		double value = season(t) + 5 * normal(&seed) + (i / 1500) * 80;
		struct change_found a = { 0 }, b = { 0 };
		int found;

		if (i > 5000)
			value = uniform(&seed) < 0.1 ? odd[i % 6] : value;
		found = change_push(whole, t, 0, value, &a);
		assert_int_equal(found, change_push(parts, t, 0, value, &b));
		assert_true(!found || (a.kind == b.kind && a.since_ms == b.since_ms && a.before == b.before && a.after == b.after));
		assert_true(!found || (isfinite(a.before) && isfinite(a.after)));
		told += found && i < 5000;
		if (i % 97 == 0) {
			struct buf bytes = { 0 };
			struct err err = { 0 };
			struct str rest;

			change_put(parts, &bytes);
			free(parts);
			rest = buf_get(&bytes);
			parts = taken_change(&rest, &err);
			assert_non_null(parts);
			assert_int_equal(rest.n, 0);
			for (size_t cut = 0; cut < bytes.n; cut += 101) {
				rest = (struct str){ bytes.p, cut };
				assert_null(taken_change(&rest, &err));
			}
			assert_true(bytes.n < 2000);
			buf_release(&bytes);
		}
	}
	assert_true(told >= 3);
	free(whole);
	free(parts);
}

/* Regular sources that stay away are told once, each; what comes seldom is not missed; a restart changes nothing. */
static void
who_was_regular_and_stays_away_is_told_once(void **state)
{
	struct absent *a = absent_new(10 * 60000);
	struct absent_found found;
	int told = 0;

	(void)state;
	for (int minute = 0; minute < 600; minute++) {
		int64_t t = START + minute * 60000LL;
		struct buf bytes = { 0 };
		struct err err = { 0 };

		absent_came(a, STR("always"), t);
		if (minute < 100 || minute > 200)
			absent_came(a, STR("gap"), t);
		if (minute % 45 == 0)
			absent_came(a, STR("seldom"), t);
		if (minute < 3)
			absent_came(a, STR("new"), t);
		while (absent_next(a, t, &found)) {
			told++;
			assert_true(str_eq(found.name, STR("gap")));
			assert_true(found.since_ms == START + 99 * 60000LL && minute == 110 && found.usual_ms == 60000);
		}
		absent_put(a, &bytes);
		absent_free(a);
		a = absent_new(10 * 60000);
		assert_int_equal(absent_take(a, buf_get(&bytes), &err), 0);
		if (minute % 50 == 0)
			for (size_t cut = 1; cut < bytes.n; cut += 7) {
				struct absent *b = absent_new(1);

				absent_take(b, (struct str){ bytes.p, cut }, &err);
				while (absent_next(b, INT64_MAX / 2, &found))
					;
				absent_free(b);
			}
		buf_release(&bytes);
	}
	assert_int_equal(told, 1);
	assert_true(absent_due(a) < INT64_MAX);
	absent_free(a);
}

static char *
judged(struct detect_spec spec, const char *const *rows, struct err *err)
{
	static struct buf got;
	struct out out = {0};
	struct detect *d = detect_new(&spec, &out, err);

	assert_non_null(d);
	for (long line = 1; *rows; rows++, line++)
		if (detect_row(d, str_of(*rows), "dir/cpu.csv", line, err) < 0)
			break;
	buf_clear(&got);
	buf_str(&got, buf_get(&out.buf));
	buf_release(&out.buf);
	detect_free(d);
	return (char *)(uintptr_t)buf_text(&got);
}

static void
rows_come_out_as_they_came_but_for_the_form_of_time_with_the_anomaly_behind(void **state)
{
	struct detect_spec spec = DETECT_DEFAULTS;
	struct err err = {0};

	(void)state;
	spec.all = 1;
	assert_string_equal(judged(spec, (const char *[]){
		"{\"metric\":\"m\", \"timestamp\":\"2026-01-05T00:00:00Z\",\"labels\":{\"a\":\"b\"},\"x\":1.50,\"window\":\"1m\",\"ok\":true }", NULL }, &err),
		"{\"metric\":\"m\", \"timestamp\":\"2026-01-05T00:00:00.000Z\",\"labels\":{\"a\":\"b\"},\"x\":1.50,\"window\":\"1m\",\"ok\":true,"
		"\"anomaly\":{\"field\":\"x\",\"score\":0,\"alarm\":false,\"expected\":1.5,\"lower\":1.5,\"upper\":1.5,\"direction\":\"high\"}}\n");
	assert_string_equal(judged(spec, (const char *[]){ "2026-01-05,7", NULL }, &err),
		"{\"metric\":\"cpu\",\"timestamp\":\"2026-01-05T00:00:00.000Z\",\"value\":7,"
		"\"anomaly\":{\"field\":\"value\",\"score\":0,\"alarm\":false,\"expected\":7,\"lower\":7,\"upper\":7,\"direction\":\"high\"}}\n");
	spec.fields = "load";
	assert_string_equal(judged(spec, (const char *[]){ "host,time,load,n", "\"a\"\"b, c\",1767571200,7,", "x,1767571200,NaN,", NULL }, &err),
		"{\"metric\":\"cpu\",\"timestamp\":\"2026-01-05T00:00:00.000Z\",\"labels\":{\"host\":\"a\\\"b, c\"},\"load\":7,"
		"\"anomaly\":{\"field\":\"load\",\"score\":0,\"alarm\":false,\"expected\":7,\"lower\":7,\"upper\":7,\"direction\":\"high\"}}\n");
}

static void
rows_that_cannot_be_judged_say_why(void **state)
{
	static const struct { const char *row; int code; const char *words; } bad[] = {
		{ "{\"event\":\"x\",\"timestamp\":\"2026-01-05\"}", ERR_USAGE, "these are events" },
		{ "{\"metric\":\"m\",\"x\":1}", ERR_INPUT, "no timestamp" },
		{ "{\"metric\":\"m\",\"timestamp\":\"soon\",\"x\":1}", ERR_INPUT, "no time" },
		{ "{\"metric\":\"m\",\"timestamp\":\"2026-01-05\",\"x\":\"1\"}", ERR_INPUT, "no number" },
		{ "{\"metric\":\"m\",\"timestamp\":\"2026-01-05\",\"x\":1", ERR_INPUT, "" },
		{ "{\"metric\":\"m\",\"timestamp\":\"2026-01-05\",\"x\":1,\"anomaly\":{}}", ERR_INPUT, "already" },
		{ "{\"metric\":\"m\",\"timestamp\":\"2026-01-05\",\"y\":1,\"x\":1e999}", ERR_INPUT, "1e999 in the field 'x' is no finite number" },
		{ "{\"metric\":\"m\",\"timestamp\":\"2026-01-05\",\"y\":-1e999,\"x\":1}", ERR_INPUT, "-1e999 in the field 'y' is no finite number" },
		{ "[1,2]", ERR_INPUT, "not a metric row" },
		{ "word", ERR_INPUT, "neither" },
		{ "\xff,1", ERR_INPUT, "UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct detect_spec spec = DETECT_DEFAULTS;
		struct err err = {0};

		judged(spec, (const char *[]){ bad[i].row, NULL }, &err);
		assert_int_equal(err.code, bad[i].code);
		assert_non_null(strstr(err.text, bad[i].words));
	}
}

/* ---- counters */

enum { RESETS = 1, WRAPS = 2, STALLS = 4, HIDDEN = 8, GAPS = 16, PLAIN = 32 };
#define STALL (START + 19 * DAY + 12 * 3600000LL)
#define WRAP 4294967296.0

/* Four weeks of a counter, a row every five minutes; its alarms before, in the three hours of the stall, and after. */
static void
count_alarms(int how, uint64_t run, int alarms[3])
{
	struct detect_spec spec = DETECT_DEFAULTS;
	struct err err = {0};
	struct out out = {0};
	struct detect *d = detect_new(&spec, &out, &err);
	uint64_t seed = run * 15485863;
	double value = how & WRAPS ? WRAP - 1e6 : 0, slow = 0;
	int rows = 0, next = 50;
	long before, last = 0;

	alarms[0] = alarms[1] = alarms[2] = 0;
	for (int64_t t = START; t < START + 28 * DAY; t += 300000, rows++) {
		double more = floor(fmax(0, noisy((enum noise)(run % NOISES), season(t), &seed, &slow)) * (how & WRAPS ? 20000 : 10));
		char row[200];

		if (how & STALLS && t >= STALL && t < STALL + 3 * 3600000LL)
			more = floor(0.02 * more);
		value += more;
		if (how & WRAPS && value >= WRAP)
			value -= WRAP;
		if (how & RESETS && rows == next) {
			value = floor(uniform(&seed) * more);
			next += 30 + (int)(uniform(&seed) * 60);
		}
		if (how & GAPS && rows % 500 > 480)
			continue;
		snprintf(row, sizeof(row), "{\"metric\":\"%s\",\"timestamp\":%lld,\"value\":%.0f}", how & (HIDDEN | PLAIN) ? "m" : "m_total", (long long)t,
		    how & PLAIN ? more : value);
		assert_int_equal(detect_row(d, str_of(row), "f", rows + 1, &err), 0);
		before = last, last = detect_alarms(d);
		alarms[t < STALL ? 0 : t < STALL + 3 * 3600000LL ? 1 : 2] += (int)(last - before);
	}
	buf_release(&out.buf);
	detect_free(d);
}

/* No more than the same series has that comes as its increments, which the test of clean seasons bounds, but for one in forty weeks; and one each
 * for those that do not show what they are before the second day, which is unlike the first. */
static void
a_counter_that_begins_anew_or_wraps_or_misses_rows_is_no_alarm(void **state)
{
	static const int ways[] = { 0, HIDDEN, RESETS, RESETS | HIDDEN, WRAPS, WRAPS | HIDDEN, GAPS, RESETS | GAPS };

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int all = 0, plain = 0;

		for (uint64_t run = 1; run <= 12; run++) {
			int alarms[3];

			count_alarms(ways[i], run, alarms);
			all += alarms[0] + alarms[1] + alarms[2];
			count_alarms((ways[i] & ~RESETS) | PLAIN, run, alarms);
			plain += alarms[0] + alarms[1] + alarms[2];
		}
		assert_true(all <= plain + 48 / 40 + (ways[i] == HIDDEN ? 12 : 0));
	}
}

static void
a_counter_that_stalls_is_found(void **state)
{
	static const int ways[] = { 0, RESETS, RESETS | HIDDEN, HIDDEN, WRAPS };

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		for (uint64_t run = 1; run <= 4; run++) {
			int alarms[3];

			count_alarms(STALLS | ways[i], run, alarms);
			assert_true(alarms[1] >= 1);
		}
}

/* What is judged of values that come a minute apart; 0 behind them. The last one's kind. */
static int
kind_after(int is_named, const double *value, int n, int *others)
{
	struct counter c = {0};
	struct counted counted;

	*others = 0;
	for (int i = 0; i < n; i++) {
		counter_push(&c, is_named, START + i * 60000LL, value[i], &counted);
		*others += counted.is_other;
	}
	return c.kind;
}

static void
a_gauge_is_not_taken_for_a_counter(void **state)
{
	double value[3000];
	uint64_t seed = 5;
	int others;

	(void)state;
	for (int i = 0; i < 1440; i++)          /* a disk that fills for a day */
		value[i] = 40 + i * 0.01;
	assert_int_equal(kind_after(0, value, 1440, &others), COUNTER_UNSURE);
	value[1440] = 45;
	assert_int_equal(kind_after(0, value, 1441, &others), COUNTER_NOT);
	value[1440] = 15;                       /* cleaned up: less than half, but that is no beginning */
	assert_int_equal(kind_after(0, value, 1441, &others), COUNTER_NOT);
	assert_int_equal(others, 0);
	for (int i = 0; i < 3000; i++)          /* small counts, that fall to less than half all the time */
		value[i] = floor(uniform(&seed) * uniform(&seed) * uniform(&seed) * 5);
	assert_int_equal(kind_after(0, value, 3000, &others), COUNTER_NOT);
	for (int i = 0; i < 3000; i++)
		value[i] = i;
	assert_int_equal(kind_after(0, value, 2879, &others), COUNTER_UNSURE);
	assert_int_equal(kind_after(0, value, 3000, &others), COUNTER_BY_SHAPE);
	assert_int_equal(others, 1);
	value[2999] = 2900;
	assert_int_equal(kind_after(0, value, 3000, &others), COUNTER_NOT);
	assert_int_equal(others, 2);
	for (int i = 0; i < 3000; i++)          /* the total of an order */
		value[i] = floor(100 * uniform(&seed));
	assert_int_equal(kind_after(1, value, 20, &others), COUNTER_NOT);
	value[0] = -1;
	assert_int_equal(kind_after(1, value, 1, &others), COUNTER_NOT);
}

static void
increments_are_those_since_the_last_value_or_since_a_reset(void **state)
{
	static const struct { int minute; double value; struct counted is; } step[] = {
		{ 0, 100, { COUNTED_UNKNOWN, 1, 100, 0, 1 } },
		{ 1, 130, { COUNTED_INCREMENT, 0, 30, 100, 1 } },
		{ 2, 130, { COUNTED_INCREMENT, 0, 0, 130, 1 } },
		{ 3, 20, { COUNTED_AT_LEAST, 0, 20, 0, 1 } },
		{ 4, 50, { COUNTED_INCREMENT, 0, 30, 20, 1 } },
		{ 4, 55, { COUNTED_UNKNOWN, 0, 55, 0, 1 } },    /* twice at one time */
		{ 8, 170, { COUNTED_INCREMENT, 0, 30, 50, 4 } },        /* rows are missing */
		{ 7, 140, { COUNTED_UNKNOWN, 0, 140, 0, 1 } },
		{ 9, 200, { COUNTED_INCREMENT, 0, 30, 140, 2 } },
		{ 10, 230, { COUNTED_INCREMENT, 0, 30, 200, 1 } },
		{ 13, 10, { COUNTED_UNKNOWN, 0, 10, 0, 1 } },   /* who knows when it began */
		{ 14, 40, { COUNTED_INCREMENT, 0, 30, 10, 1 } },
	};
	struct counter c = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		struct buf bytes = {0};
		struct str rest;
		struct err err = {0};
		struct counted got;

		counter_push(&c, 1, START + step[i].minute * 60000LL, step[i].value, &got);
		assert_int_equal(got.as, step[i].is.as);
		assert_int_equal(got.is_other, step[i].is.is_other);
		assert_true(got.judged == step[i].is.judged && got.base == step[i].is.base && got.times == step[i].is.times);
		counter_put(&c, &bytes);
		for (size_t cut = 0; cut < bytes.n; cut++) {
			rest = (struct str){ bytes.p, cut };
			assert_int_equal(counter_read(&c, &rest, &err), ERR_CORRUPT);
		}
		rest = buf_get(&bytes);
		assert_int_equal(counter_read(&c, &rest, &err), 0);
		assert_int_equal(rest.n, 0);
		buf_release(&bytes);
	}
	assert_true(counter_name(STR("a_total")) && counter_name(STR("\"a_total\"")) && !counter_name(STR("_total")) && !counter_name(STR("total")) &&
	    !counter_name(STR("a_totals")) && !counter_name(STR("")));
}

static void
put32(struct buf *to, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		buf_byte(to, (char)(n >> 8 * i));
}

/* A state without counters is read: what was learned of values is kept where they are judged, and begins anew where increments are. */
static void
a_state_from_before_there_were_counters_is_read(void **state)
{
	static const struct { struct str key; const char *row, *expected; } cases[] = {
		{ { "\"m\"\0\0value", 10 }, "{\"metric\":\"m\",\"timestamp\":1768000000,\"value\":5003}", "\"expected\":500" },
		{ { "\"m_total\"\0\0value", 16 }, "{\"metric\":\"m_total\",\"timestamp\":1768000000,\"value\":7000}", "\"score\":0,\"alarm\":false,\"expected\":7000," },
	};
	char dir[] = "/tmp/at-detect-XXXXXX", path[100];
	struct model *m = model_init(mem_new(model_size()));
	struct err err = {0};
	struct store *s;
	struct verdict v;

	(void)state;
	for (int i = 0; i < 300; i++)
		model_push(m, START + i * 60000LL, 5000 + i % 7, THRESHOLD, &v);
	assert_non_null(mkdtemp(dir));
	assert_non_null(s = store_open(dir, "default", STORE_CREATE, &err));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct detect_spec spec = { .sensitivity = 0.5, .all = 1 };
		struct out out = {0};
		struct detect *d = detect_new(&spec, &out, &err);
		struct buf bytes = {0}, learned = {0};

		put32(&bytes, 1 | 1u << 31);
		put32(&bytes, (uint32_t)cases[i].key.n);
		buf_str(&bytes, cases[i].key);
		model_put(m, &learned);
		put32(&bytes, (uint32_t)learned.n);
		buf_str(&bytes, buf_get(&learned));
		assert_int_equal(store_begin(s, &err), 0);
		assert_int_equal(store_put_state(s, "detect", STR("x/0"), buf_get(&bytes), &err), 0);
		assert_int_equal(store_commit(s, &err), 0);
		assert_int_equal(detect_load(d, s, "x", &err), 0);
		assert_int_equal(detect_series(d), 1);
		assert_int_equal(detect_row(d, str_of(cases[i].row), "f", 1, &err), 0);
		assert_int_equal(detect_series(d), 1);
		assert_non_null(strstr(buf_text(&out.buf), cases[i].expected));
		buf_release(&bytes);
		buf_release(&learned);
		buf_release(&out.buf);
		detect_free(d);
	}
	store_close(s);
	free(m);
	snprintf(path, sizeof(path), "rm -rf %s", dir);
	assert_int_equal(system(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_weeks_of_clean_seasons_are_quiet),
		cmocka_unit_test(a_spike_in_seasonal_data_is_found_at_once_and_told_once),
		cmocka_unit_test(silence_where_there_was_traffic_is_found),
		cmocka_unit_test(a_level_that_stays_alarms_once_and_becomes_usual),
		cmocka_unit_test(a_monster_does_not_hide_what_comes_after),
		cmocka_unit_test(any_numbers_give_finite_answers),
		cmocka_unit_test(a_model_that_was_saved_judges_as_one_that_was_not),
		cmocka_unit_test(a_model_of_the_first_version_is_read),
		cmocka_unit_test(changes_are_told_with_their_time_and_size),
		cmocka_unit_test(a_smooth_daily_curve_is_no_change),
		cmocka_unit_test(near_rows_are_no_change),
		cmocka_unit_test(a_first_weekend_is_no_change),
		cmocka_unit_test(a_level_of_the_first_saturday_is_told_a_day_later),
		cmocka_unit_test(changes_that_were_saved_before_there_were_weekends_are_read),
		cmocka_unit_test(a_ramp_is_a_trend_and_its_slope_is_told),
		cmocka_unit_test(what_was_saved_of_changes_goes_on_as_if_it_had_not_been),
		cmocka_unit_test(who_was_regular_and_stays_away_is_told_once),
		cmocka_unit_test(rows_come_out_as_they_came_but_for_the_form_of_time_with_the_anomaly_behind),
		cmocka_unit_test(rows_that_cannot_be_judged_say_why),
		cmocka_unit_test(a_counter_that_begins_anew_or_wraps_or_misses_rows_is_no_alarm),
		cmocka_unit_test(a_counter_that_stalls_is_found),
		cmocka_unit_test(a_gauge_is_not_taken_for_a_counter),
		cmocka_unit_test(increments_are_those_since_the_last_value_or_since_a_reset),
		cmocka_unit_test(a_state_from_before_there_were_counters_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
