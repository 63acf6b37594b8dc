#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "ingest/metrics.h"
#include "ingest/seen.h"

static struct str
name(char to[24], long i)
{
	return (struct str){ to, (size_t)snprintf(to, 24, "id-%ld", i) };
}

/* Random ids at random times: the answer is that of a list of all that was remembered. */
static void
an_id_is_known_within_the_span_of_its_time(void **unused)
{
	enum { IDS = 40, TURNS = 4000 };
	static struct { long id; int64_t time; } kept[TURNS];
	char text[24];

	(void)unused;
	for (unsigned seed = 1; seed <= 20; seed++) {
		int64_t span = 1 + (int64_t)(rand_r(&seed) % 5000);
		struct seen *s = seen_new(span);
		int n = 0;

		for (int i = 0; i < TURNS; i++) {
			long id = rand_r(&seed) % IDS;
			int64_t time = (int64_t)(rand_r(&seed) % 100000) - 50000 + i * 5;
			int known = 0;

			for (int k = 0; k < n; k++)
				known |= kept[k].id == id && llabs(kept[k].time - time) < span;
			assert_int_equal(seen_before(s, name(text, id), time), known);
			if (!known)
				kept[n].id = id, kept[n++].time = time;
		}
		seen_free(s);
	}
}

/* However long the input, what is far behind the newest is forgotten; what is near is not. */
static void
memory_follows_the_span(void **unused)
{
	struct seen *s = seen_new(1000);
	char text[24];

	(void)unused;
	for (long i = 0; i < 1500000; i++)
		assert_int_equal(seen_before(s, name(text, i), i), 0);
	assert_int_equal(seen_before(s, name(text, 1499500), 1499500), 1);
	assert_int_equal(seen_before(s, name(text, 5), 5), 0);
	seen_free(s);
}

static uint32_t
number_series(void *self, const struct store_sample *sample)
{
	(void)sample;
	return ++*(uint32_t *)self;
}

/* A text that is another in each row comes to no end; rows of one form are still read the short way. */
static void
what_is_remembered_of_metric_rows_is_bounded(void **unused)
{
	struct metrics_row got;
	struct err err = { 0 };
	struct buf row = { 0 };
	uint32_t series = 0;
	struct metrics *m = metrics_new(number_series, &series);
	const struct str same = STR("{\"metric\":\"m\",\"timestamp\":\"2026-11-23T10:15:00.000Z\",\"labels\":{\"a\":\"b\"},\"value\":7}");

	(void)unused;
	assert_int_equal(metrics_read(m, same, 0, &got, &err), 1);
	for (int i = 0; i < 20000; i++) {
		buf_clear(&row);
		buf_printf(&row, "{\"metric\":\"m\",\"timestamp\":\"2026-11-23T10:15:00.000Z\",\"labels\":{\"a\":\"b\"},\"note\":\"%d\",\"value\":%d}", i, i);
		assert_int_equal(metrics_read(m, buf_get(&row), 0, &got, &err), 1);
		assert_true(got.n == 1 && got.value[0] == i && got.series[0] == 1);
	}
	assert_true(metrics_known(m) < 2000);
	assert_int_equal(metrics_quick(m, same, &got), 1);
	buf_release(&row);
	metrics_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_known_within_the_span_of_its_time),
		cmocka_unit_test(memory_follows_the_span),
		cmocka_unit_test(what_is_remembered_of_metric_rows_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
