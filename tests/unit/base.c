/* The small things everything stands on: text, numbers, maps, arenas, options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/letter.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/pages.h"
#include "base/pool.h"
#include "base/width.h"

static void
int64_limits_are_kept_exactly(void **state __attribute__((unused)))
{
	int64_t v;
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(str_int64(STR("-9223372036854775808"), &v), 0);
	assert_true(v == INT64_MIN);
	buf_int64(&b, v);
	assert_string_equal(buf_text(&b), "-9223372036854775808");
	assert_int_equal(str_int64(STR("9223372036854775807"), &v), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(str_int64(STR("9223372036854775808"), &v), -1);
	assert_int_equal(str_int64(STR(""), &v), -1);
	assert_int_equal(str_int64(STR("-"), &v), -1);
	assert_int_equal(str_int64(STR("1x"), &v), -1);
	buf_release(&b);
}

static void
doubles_are_decimal_only(void **state __attribute__((unused)))
{
	double d;

	(void)state;
	assert_int_equal(str_double(STR("-1.5e3"), &d), 0);
	assert_true(d == -1500);
	assert_int_equal(str_double(STR("0x10"), &d), -1);
	assert_int_equal(str_double(STR("inf"), &d), -1);
	assert_int_equal(str_double(STR("1e999"), &d), -1);
	assert_int_equal(str_double(STR(" 1"), &d), -1);
}

static void
the_nearest_of_many_words_is_found(void **state)
{
	static const char *const words[] = { "csv", "tsv", "json", "ndjson", NULL };
	static const struct { const char *typed, *nearest; } cases[] = { { "tsw", "tsv" }, { "TSV", "tsv" }, { "cvs", "csv" }, { "xsv", "csv" }, { "jso", "json" },
		{ "yaml", NULL }, { "statistics", NULL } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *near = NULL;
		int most = 2;

		for (int k = 0; words[k]; k++)
			if (str_nearer(cases[i].typed, words[k], &most))
				near = words[k];
		if (cases[i].nearest)
			assert_string_equal(near, cases[i].nearest);
		else
			assert_null(near);
	}
}

static void
cutting_gives_every_piece(void **state __attribute__((unused)))
{
	struct str rest = STR("a,,b,"), piece;
	const char *want[] = { "a", "", "b", "" };
	int n = 0;

	(void)state;
	while (str_cut(&rest, ',', &piece))
		assert_true(n < 4 && str_eq(piece, str_of(want[n]))), n++;
	assert_int_equal(n, 4);
}

static void
utf8_faults_are_found_where_they_are(void **state __attribute__((unused)))
{
	static const struct { struct str s; long at; } cases[] = {
		{ STR("plain"), -1 }, { STR("zürich 東京 🚀"), -1 }, { STR("abcdefgh\xff"), 8 }, { STR("\xc0\x80"), 0 },
		{ STR("\xed\xa0\x80"), 0 }, { STR("a\xf4\x90\x80\x80"), 1 }, { STR("ab\xe2\x82"), 2 }, { STR("\x80"), 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(str_utf8_fault(cases[i].s), cases[i].at);
}

/* Of every code point: what is taken is put back, upper and lower lead to one fold, and folding twice is folding once. */
static void
letters_of_all_scripts_have_one_fold(void **state __attribute__((unused)))
{
	struct buf b = { 0 };
	uint32_t seed = 1;

	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		struct str s;

		buf_clear(&b);
		letter_put(&b, c);
		s = buf_get(&b);
		assert_true(letter_take(&s) == c && s.n == 0);
		assert_true(letter_fold(letter_fold(c)) == letter_fold(c));
		if (c != 0x130)                 /* a capital i with a dot has no other way back than i */
			assert_true(letter_fold(letter_lower(c)) == letter_fold(c));
		assert_true(letter_fold(letter_upper(c)) == letter_fold(c));
	}
	assert_int_equal(letter_upper(0xe9), 0xc9);
	assert_int_equal(letter_lower(0x0416), 0x0436);
	assert_int_equal(letter_fold(0x03c2), letter_fold(0x03a3));
	assert_int_equal(letter_upper(0x01c6), 0x01c4);
	assert_int_equal(letter_upper(0xdf), 0xdf);
	assert_int_equal(letter_lower(0x10400), 0x10428);
	for (int round = 0; round < 2000; round++) {    /* bytes that are no UTF-8 pass whole */
		char bytes[16];
		struct str s = { bytes, sizeof(bytes) };

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)((seed = seed * 1103515245 + 12345) >> 16 | (round & 1 ? 0x80 : 0));
		buf_clear(&b);
		while (s.n)
			letter_put(&b, letter_take(&s));
		assert_true(str_eq(buf_get(&b), (struct str){ bytes, sizeof(bytes) }));
	}
	buf_release(&b);
}

static void
a_cell_is_what_a_terminal_gives_a_character(void **state __attribute__((unused)))
{
	struct buf b = { 0 };

	assert_int_equal(width_of(STR("zürich")), 6);
	assert_int_equal(width_of(STR("東京")), 4);
	assert_int_equal(width_of(STR("a\xcc\x88")), 1);         /* a combining mark takes none */
	assert_int_equal(width_of(STR("\xe9" "ab")), 3);          /* a byte that begins no character takes its own */
	assert_int_equal(width_of(STR("\xf0\x9f\x9a")), 3);
	width_put(&b, STR("東京都"), 4, 0, 0);
	assert_true(str_eq(buf_get(&b), STR("東… ")));
	buf_clear(&b);
	width_put_shown(&b, STR("\x1b[2J\n\t\x7f\xc2\x9b" "é"));
	assert_true(str_eq(buf_get(&b), STR("\\x1b[2J\\n\\t\\x7f\\x9b" "é")));
	buf_release(&b);
}

/* Property: a map holds what was put, finds nothing else, and walks in the order of putting. */
static void
a_map_keeps_what_was_put_in_order(void **state __attribute__((unused)))
{
	enum { N = 20000 };
	struct map m = { 0 };
	char key[32];
	int64_t i = 0;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (i = 0; i < N; i++) {
			int is_new;
			int len = snprintf(key, sizeof(key), "key %ld", (long)(i * 7919 % N));

			map_put(&m, (struct str){ key, (size_t)len }, &is_new)->num = i;
			assert_int_equal(is_new, 1);
		}
		i = 0;
		for (struct map_entry *e = map_first(&m); e; e = map_next(&m, e))
			assert_true(e->num == i++);
		assert_int_equal(i, N);
		assert_null(map_find(&m, STR("key -1")));
		assert_non_null(map_find(&m, STR("key 77")));
		map_clear(&m);
		assert_null(map_find(&m, STR("key 77")));
		assert_null(map_first(&m));
	}
	map_release(&m);
}

static void
an_arena_refuses_beyond_its_bound(void **state __attribute__((unused)))
{
	struct arena *a = arena_new(1000);
	char *first = arena_get(a, 600);

	(void)state;
	assert_non_null(first);
	assert_null(arena_get(a, 600));
	arena_reset(a);
	assert_ptr_equal(arena_get(a, 600), first);
	assert_null(arena_get(a, SIZE_MAX - 4));
	arena_free(a);
}

static void
options_cluster_and_may_stand_after_operands(void **state __attribute__((unused)))
{
	int a = 0, b = 0;
	const char *w = NULL, *d = NULL;
	const struct opt own[] = {
		{ 'a', "all", NULL, "", opt_flag, &a }, { 'b', "both", NULL, "", opt_flag, &b },
		{ 'w', "window", "WIN", "", opt_text, &w }, { 0, "dedupe", "[DUR]", "", opt_text, &d }, { 0 }
	};
	char *argv[] = { "at", "one", "-abw5m", "--dedupe", "-", "--", "-x", NULL };
	char *wrong[] = { "at", "--windw", "5m", NULL };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(opt_parse(own, NULL, 7, argv, &err), 3);
	assert_true(a && b);
	assert_string_equal(w, "5m");
	assert_string_equal(d, "");
	assert_string_equal(argv[1], "one");
	assert_string_equal(argv[2], "-");
	assert_string_equal(argv[3], "-x");
	assert_null(argv[4]);
	assert_int_equal(opt_parse(own, NULL, 3, wrong, &err), ERR_USAGE);
	assert_string_equal(err.text, "no option --windw, did you mean --window?");
}

/* Whatever is asked for and goes back in whatever order, no two pieces that are out at once share a byte. */
static void
pieces_of_a_pool_do_not_touch(void **unused)
{
	struct { unsigned char *p; size_t n; } out[200] = { 0 };
	struct pool pool = { 0 };

	(void)unused;
	srand(3);
	for (int i = 0; i < 20000; i++) {
		size_t k = (size_t)rand() % 200;

		for (size_t b = 0; b < out[k].n; b++)
			assert_int_equal(out[k].p[b], k);
		if (out[k].p) {
			pool_put(&pool, out[k].p, out[k].n);
			out[k].p = NULL, out[k].n = 0;
		} else {
			out[k].n = (size_t)rand() % 1500;
			out[k].p = pool_get(&pool, out[k].n);
			assert_int_equal((uintptr_t)out[k].p % 16, 0);
			memset(out[k].p, (int)k, out[k].n);
		}
	}
	for (size_t k = 0; k < 200; k++)
		if (out[k].p)
			pool_put(&pool, out[k].p, out[k].n);
	pool_release(&pool);
}

/* A reader may pass pages on unread, into another pipe, and read them long after the writer went on. */
static void
what_a_pipe_was_given_does_not_change(void **state __attribute__((unused)))
{
	enum { PIECE = 60000, PIECES = 300, BEHIND = 8 };
	static char got[PIECE];
	struct pages p = { .wanted = 1 };
	int first[2], second[2];

	(void)state;
	assert_int_equal(pipe(first) | pipe(second), 0);
	pages_pay(first[1]), pages_pay(second[1]);
	if (fcntl(second[1], F_GETPIPE_SZ) < (BEHIND + 1) * (PIECE + 2 * 4096))
		skip();                         /* this user has no larger pipes */
	for (int i = 0; i < PIECES + BEHIND; i++) {
		if (i < PIECES) {
			pages_begin(&p);
			for (int part = 0; part < PIECE; part += PIECE / 4) {
				pages_room(&p, PIECE / 4);
				memset(p.buf.p + p.buf.n, 'A' + (i + part) % 50, PIECE / 4);
				p.buf.n += PIECE / 4;
			}
			assert_int_equal(io_give(first[1], p.buf.p, p.buf.n), 0);
			for (ssize_t n, left = PIECE; left; left -= n)
				assert_true((n = splice(first[0], NULL, second[1], NULL, (size_t)left, 0)) > 0);
		}
		if (i < BEHIND)
			continue;
		assert_int_equal(io_read(second[0], got, PIECE), PIECE);
		for (int at = 0; at < PIECE; at++)
			assert_int_equal(got[at], 'A' + (i - BEHIND + at / (PIECE / 4) * (PIECE / 4)) % 50);
	}
	pages_release(&p);
	for (int i = 0; i < 2; i++)
		close(first[i]), close(second[i]);
}

static void
a_piece_may_become_any_size_and_go_anywhere(void **state __attribute__((unused)))
{
	struct pages p = { 0 };
	char path[] = "/tmp/pages.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(pages_pay(fd), 0);
	for (p.wanted = 0; p.wanted < 2; p.wanted++) {
		int64_t sum = 0, n = 0;

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		for (size_t size = 1; size < 20u << 20; size = size * 3 + 1) {
			char *all;

			pages_begin(&p);
			assert_int_equal(p.buf.n, 0);
			for (size_t i = 0; i < size; i++) {
				pages_room(&p, 1);
				p.buf.p[p.buf.n++] = (char)i;
			}
			assert_int_equal(io_give(fd, p.buf.p, p.buf.n), 0);
			all = mem_grow(NULL, size, 1);
			assert_true(io_read_at(fd, all, size, n) == (ssize_t)size);
			for (size_t i = 0; i < size; i++)
				sum += all[i] != (char)i;
			free(all);
			n += (int64_t)size;
		}
		assert_int_equal(sum, 0);
		pages_release(&p);
	}
	close(fd);
	unlink(path);
}

/* Memory of any size keeps what is written to it while it grows, on both sides of the sizes from which it lies in large pages. */
static void
large_memory_keeps_what_is_in_it(void **state)
{
	static const size_t size[] = { 1, MEM_LARGE / 2 - 1, MEM_LARGE / 2, MEM_LARGE + 1, 2 * MEM_LARGE - 1, 2 * MEM_LARGE, 5 * MEM_LARGE + 3 };
	size_t n = sizeof(size) / sizeof(*size);
	unsigned char *grown = NULL;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		unsigned char *table = mem_table(size[i]), *large = mem_large(size[i]);

		assert_true(table[0] == 0 && table[size[i] - 1] == 0 && table[size[i] / 2] == 0);
		large[0] = large[size[i] - 1] = 1;
		if (size[i] >= MEM_LARGE / 2)
			assert_true((uintptr_t)large % MEM_LARGE == 0);
		free(table), free(large);
		grown = mem_grow(grown, size[i], 1);
		for (size_t k = i ? size[i - 1] : 0; k < size[i]; k++)
			grown[k] = (unsigned char)(k * 7 + k / 4096);
		for (size_t k = 0; k < size[i]; k += 997)
			assert_int_equal(grown[k], (unsigned char)(k * 7 + k / 4096));
	}
	free(grown);
}

static void
a_map_lets_go_of_keys_that_stand_for_nothing(void **state __attribute__((unused)))
{
	struct map m = { 0 };
	char key[20];
	int here = 0, at = 0;

	map_tidy(&m, 0);
	for (int i = 0; i < 1000; i++)
		map_put(&m, (struct str){ key, (size_t)snprintf(key, sizeof(key), "%d", i) }, NULL)->ptr = i % 10 == 3 ? &here : NULL;
	map_tidy(&m, 1000);                     /* 900 may be spare */
	assert_int_equal(m.n, 1000);
	map_tidy(&m, 899);
	assert_int_equal(m.n, 100);
	for (struct map_entry *e = map_first(&m); e; e = map_next(&m, e), at++) {
		snprintf(key, sizeof(key), "%d", 10 * at + 3);
		assert_true(str_eq(e->key, str_of(key)));
		assert_ptr_equal(e->ptr, &here);
	}
	assert_int_equal(at, 100);
	assert_null(map_find(&m, STR("4")));
	map_find(&m, STR("13"))->ptr = NULL;
	map_tidy(&m, 0);                        /* fewer than the others */
	assert_int_equal(m.n, 100);
	map_release(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_memory_keeps_what_is_in_it),
		cmocka_unit_test(int64_limits_are_kept_exactly),
		cmocka_unit_test(doubles_are_decimal_only),
		cmocka_unit_test(cutting_gives_every_piece),
		cmocka_unit_test(the_nearest_of_many_words_is_found),
		cmocka_unit_test(utf8_faults_are_found_where_they_are),
		cmocka_unit_test(letters_of_all_scripts_have_one_fold),
		cmocka_unit_test(a_cell_is_what_a_terminal_gives_a_character),
		cmocka_unit_test(a_map_lets_go_of_keys_that_stand_for_nothing),
		cmocka_unit_test(a_map_keeps_what_was_put_in_order),
		cmocka_unit_test(an_arena_refuses_beyond_its_bound),
		cmocka_unit_test(pieces_of_a_pool_do_not_touch),
		cmocka_unit_test(what_a_pipe_was_given_does_not_change),
		cmocka_unit_test(a_piece_may_become_any_size_and_go_anywhere),
		cmocka_unit_test(options_cluster_and_may_stand_after_operands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
