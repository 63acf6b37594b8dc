#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_known_within_the_span_of_its_time),
		cmocka_unit_test(memory_follows_the_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
