/* Who follows a store is told each event and row once, in order, whatever was made of them meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/admin.h"
#include "folder.h"

static struct err err;

struct heard { uint64_t last, number; int events, rows, wrong; };

static int
hear(void *self, const struct event *ev, struct err *e)
{
	struct heard *h = self;
	char name[32];

	(void)e;
	snprintf(name, sizeof(name), "n%llu", (unsigned long long)ev->seq);
	h->wrong |= ev->seq != h->last + 1 || !str_eq(ev->name, str_of(name));
	h->last = ev->seq;
	h->events++;
	return 0;
}

static int
hear_row(void *self, const char *kind, uint64_t number, struct str json, struct err *e)
{
	struct heard *h = self;
	char text[64];

	(void)e;
	snprintf(text, sizeof(text), "{\"%s\":%d}", kind, h->rows++);
	h->wrong |= !str_eq(json, str_of(text)) || number <= h->number;
	h->number = number;
	return 0;
}

static void
write_some(struct store *s, unsigned *seed, uint64_t *next, int *rows)
{
	int n = rand_r(seed) % 50 == 0 ? 70000 : rand_r(seed) % 200;

	OK(store_begin(s, &err));
	for (int i = 0; i < n; i++) {
		char name[32];
		struct event ev = { .time = 1764000000000 + rand_r(seed) % 1000000, .properties = STR("{\"a\":1}") };

		snprintf(name, sizeof(name), "n%llu", (unsigned long long)(*next)++);
		ev.name = str_of(name);
		OK(store_add(s, &ev, &err));
	}
	for (int i = rand_r(seed) % 3; i > 0; i--) {
		const char *kind = *rows % 2 ? "alert" : "anomaly";
		char text[64];

		snprintf(text, sizeof(text), "{\"%s\":%d}", kind, *rows);
		OK(store_add_row(s, kind, rand_r(seed) % 1000, str_of(text), &err));
		++*rows;
	}
	if (rand_r(seed) % 8 == 0)
		store_add_row(s, "audit", 1, STR("{}"), &err);
	OK(store_commit(s, &err));
}

static void
test_each_is_told_once_and_in_order(void **state)
{
	static const char *const kinds[] = { "anomaly", "alert", NULL };

	(void)state;
	for (unsigned round = 1; round <= 6; round++) {
		char tenant[8];
		struct heard h = { 0 };
		const struct store_news news = { hear, hear_row, kinds, &h };
		struct store_place place = { 0 };
		uint64_t next = 1;
		unsigned seed = round;
		int rows = 0, samples;
		struct store *s, *mine;

		snprintf(tenant, sizeof(tenant), "t%u", round);
		s = store_open(dir, tenant, STORE_CREATE, &err);
		assert_non_null(s);
		mine = store_share(s);
		for (int step = 0; step < 60; step++) {
			switch (rand_r(&seed) % 6) {
			case 0:
				OK(store_seal(s, &err));
				break;
			case 1: case 2:
				OK(store_each_new(mine, &place, &news, &samples, &err));
				assert_int_equal(h.events, next - 1);
				assert_int_equal(h.rows, rows);
				assert_int_equal(store_each_new(mine, &place, &news, &samples, &err), 0);
				break;
			default:
				write_some(s, &seed, &next, &rows);
			}
		}
		OK(store_each_new(mine, &place, &news, &samples, &err));
		assert_int_equal(h.events, next - 1);
		assert_int_equal(h.rows, rows);
		assert_int_equal(h.wrong, 0);
		store_close(mine);
		store_close(s);
	}
}

static int
refuse(void *self, const struct event *ev, struct err *e)
{
	(void)self, (void)ev, (void)e;
	return 7;
}

static void
test_what_was_not_taken_comes_again(void **state)
{
	static const char *const none[] = { NULL };
	struct heard h = { 0 };
	const struct store_news no = { refuse, hear_row, none, NULL }, yes = { hear, hear_row, none, &h };
	struct store_place place = { 0 }, now;
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);
	uint64_t next = 1;
	unsigned seed = 3;
	int rows = 0, samples;

	(void)state;
	while (next < 3)
		write_some(s, &seed, &next, &rows);
	assert_int_equal(store_each_new(s, &place, &no, &samples, &err), 7);
	assert_int_equal(store_each_new(s, &place, &yes, &samples, &err), 1);
	assert_int_equal(h.events, next - 1);
	OK(store_place_now(s, &now, &err));
	assert_memory_equal(&now, &place, sizeof(now));
	OK(store_begin(s, &err));
	OK(store_add_sample(s, &(struct store_sample){ .metric = STR("m"), .labels = STR("{}"), .field = STR("value"), .time = 1, .value = 1 }, &err));
	OK(store_commit(s, &err));
	assert_int_equal(store_each_new(s, &place, &yes, &samples, &err), 1);
	assert_int_equal(samples, 1);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_is_told_once_and_in_order, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(test_what_was_not_taken_comes_again, folder_set_up, folder_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
