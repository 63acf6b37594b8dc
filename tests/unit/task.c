/* Blocks of work: each done once, by whatever thread, and finished in the order given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/task.h"
#include "base/ticker.h"

struct item { int number, worked; unsigned sum; };

static void
work(void *self, int thread, void *slot)
{
	struct item *it = slot;
	unsigned x = (unsigned)it->number;

	assert_true(thread >= 0 && thread < *(const int *)self);
	for (unsigned i = 0; i < x % 7 * 3000; i++)     /* some take longer */
		x = x * 1664525u + 1013904223u;
	it->sum = x;
	it->worked++;
}

/* away: all of them are given away and waited for. */
static void
finish_in_order(int away)
{
	for (int threads = 1; threads <= TASK_MOST; threads++) {
		enum { ALL = 2000 };
		struct item item[TASK_SLOTS(TASK_MOST)];
		void *slot[TASK_SLOTS(TASK_MOST)];
		struct task_queue *q;
		int given = 0, finished = 0;

		for (int i = 0; i < TASK_SLOTS(threads); i++)
			slot[i] = &item[i];
		q = task_queue_new(threads, slot, TASK_SLOTS(threads), work, &threads);
		while (finished < ALL) {
			struct item *it;

			while ((it = task_done(q))) {
				assert_int_equal(it->number, finished++);
				assert_int_equal(it->worked, 1);
				task_back(q);
			}
			assert_int_equal(task_flying(q), given - finished);
			if (given < ALL && (it = task_slot(q))) {
				*it = (struct item){ .number = given++ };
				(away ? task_give_away : task_give)(q);
			} else if (task_flying(q))
				(away ? task_wait : task_help)(q);
		}
		assert_null(task_done(q));
		task_queue_free(q);
	}
}

static void
items_are_finished_in_the_order_given(void **state __attribute__((unused)))
{
	finish_in_order(0);
}

static void
so_are_those_that_are_given_away(void **state __attribute__((unused)))
{
	finish_in_order(1);
}

static void
what_was_begun_ends_before_the_queue_is_gone(void **state __attribute__((unused)))
{
	int threads = 3;

	for (int round = 0; round < 50; round++) {
		struct item item[TASK_SLOTS(3)] = { { 0 } };
		void *slot[TASK_SLOTS(3)];
		struct task_queue *q;

		for (int i = 0; i < TASK_SLOTS(3); i++)
			slot[i] = &item[i];
		q = task_queue_new(threads, slot, TASK_SLOTS(3), work, &threads);
		for (int i = 0; i < TASK_SLOTS(3); i++) {
			assert_ptr_equal(task_slot(q), &item[i]);
			item[i].number = i + 100;
			task_give(q);
		}
		assert_null(task_slot(q));
		task_queue_free(q);
		memset(item, 0xff, sizeof(item));
	}
	task_queue_free(NULL);
}

static void
as_many_threads_as_are_wished(void **state __attribute__((unused)))
{
	setenv("AT_THREADS", "3", 1);
	assert_int_equal(task_threads(), 3);
	setenv("AT_THREADS", "1000", 1);
	assert_int_equal(task_threads(), TASK_MOST);
	setenv("AT_THREADS", "none", 1);
	assert_true(task_threads() >= 1 && task_threads() <= TASK_MOST);
	unsetenv("AT_THREADS");
	assert_true(task_threads() >= 1 && task_threads() <= TASK_MOST);
}

struct ticks { struct ticker *ticker; int all, woken; };

static void
tick(void *self, int woken)
{
	struct ticks *t = self;

	assert_false(ticker_ending(t->ticker));
	__atomic_fetch_add(&t->all, 1, __ATOMIC_RELEASE);
	__atomic_fetch_add(&t->woken, woken, __ATOMIC_RELEASE);
}

static void
until_at_least(int *n, int least)
{
	while (__atomic_load_n(n, __ATOMIC_ACQUIRE) < least)
		usleep(1000);
}

static void
a_ticker_calls_again_and_when_it_is_woken(void **state __attribute__((unused)))
{
	struct ticks often = { 0 }, seldom = { 0 };
	struct err err = { 0 };

	often.ticker = ticker_new(tick, &often, 1);
	seldom.ticker = ticker_new(tick, &seldom, 3600000);
	assert_int_equal(ticker_start(often.ticker, &err), 0);
	assert_int_equal(ticker_start(seldom.ticker, &err), 0);
	until_at_least(&often.all, 3);
	until_at_least(&seldom.all, 1);
	ticker_wake(seldom.ticker);
	until_at_least(&seldom.all, 2);
	ticker_free(often.ticker);
	ticker_free(seldom.ticker);
	assert_int_equal(often.woken, 1);
	assert_int_equal(seldom.all, 2);
	assert_int_equal(seldom.woken, 2);
	ticker_free(ticker_new(tick, &often, 1));       /* never started */
	ticker_free(NULL);
	ticker_wake(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_finished_in_the_order_given),
		cmocka_unit_test(so_are_those_that_are_given_away),
		cmocka_unit_test(what_was_begun_ends_before_the_queue_is_gone),
		cmocka_unit_test(as_many_threads_as_are_wished),
		cmocka_unit_test(a_ticker_calls_again_and_when_it_is_woken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
