/* What the library promises to a program, beyond what the examples show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "at/at.h"
#include "folder.h"

static const char event[] = "{\"event\":\"a\",\"timestamp\":\"2026-11-23T10:00:00Z\"}";

static int
count(void *self, const char *json, size_t len)
{
	(void)json, (void)len;
	++*(int *)self;
	return 0;
}

struct moving { char from[600], to[600]; };

/* Somebody takes the store away while a statement runs. */
static int
move_away(void *self, const char *json, size_t len)
{
	const struct moving *m = self;

	(void)json, (void)len;
	assert_int_equal(rename(m->from, m->to), 0);
	return 0;
}

static void
a_store_that_went_away_is_told_and_taken_up_again(void **state __attribute__((unused)))
{
	struct moving m;
	struct at *at;
	int rows = 0;

	snprintf(m.from, sizeof(m.from), "%s/store", dir);
	snprintf(m.to, sizeof(m.to), "%s/away", dir);
	at = at_open(m.from, NULL);
	assert_non_null(at);
	assert_int_equal(at_track(at, event, 0), 0);
	assert_int_equal(at_commit(at), 0);
	assert_true(at_query(at, "SELECT 1 AS one", move_away, &m) < 0);
	assert_true(at_track(at, event, 0) < 0 && at_error(at)[0]);
	assert_true(at_metrics(at, "a", NULL, count, &rows) < 0);
	assert_int_equal(rename(m.to, m.from), 0);
	assert_int_equal(at_track(at, event, 0), 0);
	assert_int_equal(at_commit(at), 0);
	assert_int_equal(at_query(at, "SELECT event FROM events", count, &rows), 0);
	assert_int_equal(rows, 2);
	at_close(at);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_store_that_went_away_is_told_and_taken_up_again, folder_set_up, folder_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
