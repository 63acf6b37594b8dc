/* The promises of store/batch.h about what is kept beside a chunk, and of query/kept_priv.h about counts as bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"
#include "query/kept_priv.h"
#include "store/admin.h"
#include "folder.h"

#define START 1700000000000

static const unsigned char NAME[STORE_KEPT_NAME] = "what it is of  ";

static struct store *
open_with(unsigned events, int how)
{
	struct err err = {0};
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);

	assert_non_null(s);
	OK(store_begin(s, &err));
	for (unsigned i = 0; i < events; i++) {
		struct event ev = { .name = STR("e"), .time = START + i * 1000, .properties = STR("{\"x\":1}") };

		OK(store_add(s, &ev, &err));
	}
	OK(store_commit(s, &err));
	store_close(s);
	assert_non_null(s = store_open(dir, "default", how, &err));
	return s;
}

static uint64_t
first_chunk(struct store *s)
{
	const struct store_range all = { .from = TIME_MIN, .to = TIME_MAX + 1 };
	struct err err = {0};
	struct store_batches *b = store_batches_open(s, &all, NULL, 0, &err);
	struct store_batch *batch = store_batch_open(b, &err);
	uint64_t id = store_batch_next(batch, &err) > 0 ? batch->id : 0;

	store_batch_close(batch);
	store_batches_close(b);
	return id;
}

/* 1 with this state, 0 with none. */
static int
has(struct store *s, const unsigned char *name, uint64_t chunk, struct str state)
{
	struct pack pack = {0};
	struct buf got = {0};
	int rc = store_kept_get(s, store_kept_find(s, name), name, chunk, &pack, &got);

	if (rc)
		assert_true(str_eq(buf_get(&got), state));
	pack_release(&pack);
	buf_release(&got);
	return rc;
}

static void
comes_back_and_is_no_change(void **state)
{
	struct store *s = open_with(70000, STORE_READ | STORE_ASIDE);
	struct err err = {0};
	uint64_t id = first_chunk(s), version = store_version(s);
	struct store_kept one = { id, STR("a state") };

	(void)state;
	assert_true(id > 0);
	assert_int_equal(store_kept_find(s, NAME), -1);
	assert_int_equal(has(s, NAME, id, STR("")), 0);
	assert_int_equal(store_kept_put(s, NAME, &one, 1, &err), 1);
	assert_true(store_version(s) == version);
	assert_int_equal(has(s, NAME, id, STR("a state")), 1);
	one.state = STR("another");             /* written over */
	assert_int_equal(store_kept_put(s, NAME, &one, 1, &err), 1);
	assert_int_equal(has(s, NAME, id, STR("another")), 1);
	assert_int_equal(has(s, NAME, id + 1000, STR("")), 0);
	store_close(s);
	assert_non_null(s = store_open(dir, "default", STORE_READ, &err));
	assert_int_equal(has(s, NAME, id, STR("another")), 1);
	assert_int_equal(store_kept_put(s, NAME, &one, 1, &err), 0);    /* for reading only: not kept, and no error */
	assert_int_equal(err.code, 0);
	store_close(s);
}

static void
goes_with_its_chunk(void **state)
{
	struct store *s = open_with(70000, STORE_WRITE);
	struct store_dropped gone;
	struct err err = {0};
	uint64_t id = first_chunk(s);
	struct store_kept one = { id, STR("a state") };

	(void)state;
	assert_int_equal(store_kept_put(s, NAME, &one, 1, &err), 1);
	OK(store_retain(s, START + 10000, TIME_NONE, 0, &gone, &err));
	assert_int_equal(gone.events, 10);
	assert_int_equal(has(s, NAME, id, STR("")), 0);
	assert_int_equal(store_kept_put(s, NAME, &one, 1, &err), 0);    /* it has gone since it was read */
	assert_int_equal(has(s, NAME, id, STR("")), 0);
	assert_int_equal(store_verify(s, NULL, NULL, &err), 0);
	store_close(s);
}

static void
many_names_forget_the_oldest(void **state)
{
	struct store *s = open_with(70000, STORE_WRITE);
	struct err err = {0};
	uint64_t id = first_chunk(s);

	(void)state;
	for (int i = 0; i < STORE_KEPT_MOST + 5; i++) {
		unsigned char name[STORE_KEPT_NAME] = { (unsigned char)i, (unsigned char)(i >> 8), 7 };
		struct store_kept one = { id, STR("a state") };

		assert_int_equal(store_kept_put(s, name, &one, 1, &err), 1);
	}
	for (int i = 0; i < STORE_KEPT_MOST + 5; i++) {
		unsigned char name[STORE_KEPT_NAME] = { (unsigned char)i, (unsigned char)(i >> 8), 7 };

		assert_int_equal(has(s, name, id, STR("a state")), i >= 5);
	}
	assert_int_equal(store_verify(s, NULL, NULL, &err), 0);
	store_close(s);
}

/* A writer at work, of this process or another: nothing is kept, and nobody waits. */
static void
never_waits_for_a_writer(void **state)
{
	struct store *s = open_with(70000, STORE_WRITE), *reader = store_share(s);
	struct err err = {0};
	struct store_kept one = { first_chunk(s), STR("a state") };
	struct event ev = { .name = STR("e"), .time = START, .properties = STR("{}") };

	(void)state;
	OK(store_begin(s, &err));
	OK(store_add(s, &ev, &err));
	assert_int_equal(store_kept_put(reader, NAME, &one, 1, &err), 0);
	OK(store_commit(s, &err));
	assert_int_equal(store_kept_put(reader, NAME, &one, 1, &err), 1);
	assert_int_equal(has(reader, NAME, one.chunk, STR("a state")), 1);
	OK(store_begin(s, &err));               /* and the writer gets on */
	OK(store_add(s, &ev, &err));
	OK(store_commit(s, &err));
	store_close(reader);
	store_close(s);
}

/* ---- counts as bytes */

static void
random_cells(struct kept_cells *x)
{
	static const struct cell some[] = { { .type = CELL_NULL }, { .type = CELL_INTEGER, .integer = INT64_MIN }, { .type = CELL_INTEGER, .integer = 5 },
		{ .type = CELL_REAL, .real = -0.25 }, { .type = CELL_TEXT, .text = { "", 0 } }, { .type = CELL_TEXT, .text = { "a text\0x", 8 } } };
	size_t n = 0;

	x->n_by = rand() % 3;
	x->step = rand() % 2 ? KEPT_MINUTE : KEPT_HOUR;
	x->n_series = (size_t)rand() % 20;
	x->label = mem_grow(x->label, (x->n_series + 1) * 3, sizeof(*x->label));
	x->start = mem_grow(x->start, x->n_series + 2, sizeof(*x->start));
	x->time = mem_grow(x->time, 20 * 50, sizeof(*x->time));
	x->count = mem_grow(x->count, 20 * 50, sizeof(*x->count));
	x->sum = mem_grow(x->sum, 20 * 50, sizeof(*x->sum));
	x->kind = (enum kept_kind)(rand() % KEPT_ROWS);
	for (size_t i = 0; i < x->n_series * (size_t)x->n_by; i++)
		x->label[i] = some[(size_t)rand() % (sizeof(some) / sizeof(*some))];
	x->start[0] = 0;
	for (size_t s = 0; s < x->n_series; s++) {
		int64_t t = (int64_t)(rand() % 100000 - 50000) * x->step;

		for (int k = rand() % 50; k > 0; k--) {
			double d = rand() - rand() / 3.0;
			uint64_t bits;

			memcpy(&bits, &d, sizeof(bits));
			x->sum[n] = x->kind == KEPT_SUM || x->kind == KEPT_MEAN ? (__int128)(rand() - 1000000000) * (rand() % 2 ? 1000000000 : rand()) : (__int128)bits;
			x->time[n] = t;
			x->count[n++] = 1 + (uint32_t)rand() % (rand() % 2 ? 5 : 60000);
			t += (int64_t)(1 + rand() % (rand() % 2 ? 2 : 3000)) * x->step;
		}
		x->start[s + 1] = n;
	}
	x->n = n;
}

static void
free_cells(struct kept_cells *x)
{
	free(x->label), free(x->start), free(x->time), free(x->count), free(x->sum);
}

static void
counts_come_back(void **state)
{
	struct kept_cells x = {0}, back = {0};
	struct buf bytes = {0};

	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++) {
		srand(seed);
		random_cells(&x);
		buf_clear(&bytes);
		kept_encode(&x, &bytes);
		assert_int_equal(kept_decode(&back, buf_get(&bytes), x.kind, x.n_by), 0);
		assert_true(back.step == x.step && back.n_series == x.n_series && back.n == x.n);
		assert_memory_equal(back.start, x.start, (x.n_series + 1) * sizeof(*x.start));
		assert_memory_equal(back.time, x.time, x.n * sizeof(*x.time));
		assert_memory_equal(back.count, x.count, x.n * sizeof(*x.count));
		if (x.kind != KEPT_COUNT)
			assert_memory_equal(back.sum, x.sum, x.n * sizeof(*x.sum));
		for (size_t i = 0; i < x.n_series * (size_t)x.n_by; i++)
			assert_true(back.label[i].type == x.label[i].type && (x.label[i].type != CELL_TEXT || str_eq(back.label[i].text, x.label[i].text)));
		assert_int_equal(kept_decode(&back, buf_get(&bytes), x.kind, x.n_by + 1), -1);
		for (size_t n = 0; n < bytes.n; n++)
			assert_int_equal(kept_decode(&back, (struct str){ bytes.p, n }, x.kind, x.n_by), -1);
	}
	free_cells(&x);
	free_cells(&back);
	buf_release(&bytes);
}

static int
add_up(void *self, int part, const struct kept_counts *k)
{
	uint64_t *sum = self;

	(void)part;
	for (size_t i = 0; i < k->n; i++)
		*sum += k->count[i];
	return 0;
}

/* By hours there are as many as by minutes, and each part of the range gives its own. */
static void
hours_are_sums_of_minutes(void **state)
{
	struct kept_cells x = {0};

	(void)state;
	for (unsigned seed = 1; seed <= 100; seed++) {
		uint64_t all = 0, again = 0, parts = 0;

		srand(seed);
		random_cells(&x);
		kept_give(&x, INT64_MIN, INT64_MAX, 0, add_up, &all);
		for (int64_t t = -60000; t < 300000; t += 20000)
			kept_give(&x, t * KEPT_HOUR / 60, (t + 20000) * KEPT_HOUR / 60, 0, add_up, &parts);
		kept_give(&x, INT64_MIN, -60000 * KEPT_HOUR / 60, 0, add_up, &parts);
		kept_give(&x, 300000 * KEPT_HOUR / 60, INT64_MAX, 0, add_up, &parts);
		kept_coarsen(&x, KEPT_HOUR);
		kept_give(&x, INT64_MIN, INT64_MAX, 0, add_up, &again);
		assert_true(all == again && all == parts);
	}
	free_cells(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(comes_back_and_is_no_change, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(goes_with_its_chunk, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(many_names_forget_the_oldest, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(never_waits_for_a_writer, folder_set_up, folder_tear_down),
		cmocka_unit_test(counts_come_back),
		cmocka_unit_test(hours_are_sums_of_minutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
