#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/mem.h"
#include "event/place.h"

/* Feed a text in pieces of whole lines; what is used of it, to *used, up to `most` lines. The lines that were passed over. */
static long
feed(struct place *p, struct str text, long most, struct buf *used)
{
	struct err err = { 0 };
	long passed, all = 0, n = 0;

	place_begin(p);
	while (text.n && n < most) {
		size_t cut = (size_t)rand() % text.n;
		const char *nl = memchr(text.p + cut, '\n', text.n - cut);
		struct str block = { text.p, nl ? (size_t)(nl + 1 - text.p) : text.n };

		text.p += block.n, text.n -= block.n;
		assert_int_equal(place_come(p, &block, &passed, &err), 0);
		for (all += passed; block.n && n < most; n++) {
			size_t len = (nl = memchr(block.p, '\n', block.n)) ? (size_t)(nl + 1 - block.p) : block.n;

			place_used(p, (struct str){ block.p, len }, len);
			buf_add(used, block.p, len);
			block.p += len, block.n -= len;
		}
	}
	place_rest(p);
	return all;
}

static struct place *
saved_and_taken(struct place *p)
{
	struct place *other = place_new();
	struct buf bytes = { 0 };
	struct err err = { 0 };

	place_put(p, &bytes);
	assert_int_equal(place_take(other, buf_get(&bytes), &err), 0);
	place_free(p);
	buf_release(&bytes);
	return other;
}

static void
lines(struct buf *to, int n, int different)
{
	for (int i = 0; i < n; i++)
		buf_printf(to, "%s%d%s\n", rand() % 5 ? "row " : "", i % 7 ? i : 0, i == different ? "!" : "");
}

/* Wherever a run ends, whatever the pieces: the next runs of the same lines use each of the rest, once. */
static void
what_was_read_is_passed_over_once(void **unused)
{
	(void)unused;
	for (unsigned seed = 1; seed <= 300; seed++) {
		struct place *p = place_new();
		struct buf text = { 0 }, other = { 0 }, used = { 0 };
		int n;

		srand(seed);
		n = 1 + rand() % 60;
		lines(&text, n, -1);
		lines(&other, 5, 0);
		if (rand() % 2)
			text.n--;       /* the last line has no end */
		for (int run = 0; run < 4; run++) {
			struct buf before = { 0 };
			long read = 0;

			if (rand() % 3 == 0)    /* one stream more, first or never */
				feed(p, buf_get(&other), 99, &before);
			for (size_t i = 0; i < used.n; i++)
				read += used.p[i] == '\n' || i + 1 == text.n;
			assert_int_equal(feed(p, buf_get(&text), run == 3 ? 99 : 1 + rand() % 30, &used), read);
			p = saved_and_taken(p);
			buf_release(&before);
		}
		assert_int_equal(used.n, text.n);
		assert_memory_equal(used.p, text.p, text.n);
		place_free(p);
		buf_release(&text);
		buf_release(&other);
		buf_release(&used);
	}
}

static void
another_stream_is_used_whole_and_a_changed_one_is_told(void **unused)
{
	struct place *p = place_new();
	struct buf used = { 0 };
	struct err err = { 0 };
	struct str block;
	long passed;

	(void)unused;
	feed(p, STR("a\nb\nc\nd\n"), 3, &used);
	p = saved_and_taken(p);
	buf_clear(&used);
	assert_int_equal(feed(p, STR("a\nb\nx\nd\n"), 99, &used), 0);   /* lines that were held come, too */
	assert_string_equal(buf_text(&used), "a\nb\nx\nd\n");
	buf_clear(&used);
	assert_int_equal(feed(p, STR("a\nb\n"), 99, &used), 0);         /* shorter than what was read: all of it was */
	assert_int_equal(used.n, 0);
	buf_clear(&used);
	place_free(p);

	p = place_new();
	feed(p, STR("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n"), 18, &used);
	p = saved_and_taken(p);
	place_begin(p);
	block = STR("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\nxx\n19\n20\n");
	assert_int_equal(place_come(p, &block, &passed, &err), ERR_IO);
	place_free(p);
	buf_release(&used);
}

static void
damaged_places_are_refused(void **unused)
{
	struct place *p = place_new(), *other = place_new();
	struct buf bytes = { 0 }, used = { 0 };
	struct err err = { 0 };

	(void)unused;
	feed(p, STR("a\nb\nc\n"), 99, &used);
	place_put(p, &bytes);
	for (size_t n = 0; n < bytes.n; n++)
		assert_int_equal(place_take(other, (struct str){ bytes.p, n }, &err), ERR_CORRUPT);
	place_free(p);
	place_free(other);
	buf_release(&bytes);
	buf_release(&used);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_read_is_passed_over_once),
		cmocka_unit_test(another_stream_is_used_whole_and_a_changed_one_is_told),
		cmocka_unit_test(damaged_places_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
