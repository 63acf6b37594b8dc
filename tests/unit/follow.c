/* Files that grow: whatever is done to them between the reads, each line comes once and in order. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"
#include "source/follow.h"

static char dir[64];

static const char *
at(const char *name)
{
	static char path[4][512];
	static int turn;

	snprintf(path[turn = (turn + 1) % 4], sizeof(path[0]), "%s/%s", dir, name);
	return path[turn];
}

static void
append(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "ab");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
clean(void)
{
	static const char *const names[] = { "log", "log.1", "log.2", "log.3", "log.4", "log-20261123", "log-20261124", "log.bak" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(at(names[i]));
}

/* Lines up to the end of what is there, joined by blanks. */
static const char *
lines(struct in *in)
{
	static struct buf all;
	struct str line;
	struct err err = {0};

	buf_clear(&all);
	while (in_line(in, &line, &err) == IN_LINE) {
		if (all.n)
			buf_byte(&all, ' ');
		buf_str(&all, line);
	}
	assert_int_equal(err.code, 0);
	return buf_text(&all);
}

static void
lines_come_across_rename_and_new_file(void **state)
{
	struct follow *f = follow_new(0);
	struct err err = {0};
	struct in *in;

	(void)state;
	clean();
	assert_int_equal(follow_add(f, at("log"), (struct str){ NULL, 0 }, &err), 0);
	in = follow_in(f, 0);
	assert_string_equal(lines(in), "");                     /* not there yet */
	append("log", "a\nb\nhalf");
	assert_string_equal(lines(in), "a b");
	append("log", "way\n");
	assert_string_equal(lines(in), "halfway");
	rename(at("log"), at("log.1"));
	assert_string_equal(lines(in), "");
	append("log.1", "late\nno newline");                    /* the writer has not seen it yet */
	assert_string_equal(lines(in), "late");
	append("log", "c\n");
	assert_string_equal(lines(in), "no newline c");
	rename(at("log.1"), at("log.2"));                       /* twice while nobody looks */
	append("log", "d\n");
	rename(at("log"), at("log.1"));
	append("log", "e\n");
	rename(at("log.2"), at("log.3"));
	rename(at("log.1"), at("log.2"));
	rename(at("log"), at("log.1"));
	append("log", "f\n");
	assert_string_equal(lines(in), "d e f");
	follow_free(f);
}

static void
lines_come_across_copy_and_truncate(void **state)
{
	struct follow *f = follow_new(0);
	struct err err = {0};
	struct in *in;

	(void)state;
	clean();
	append("log", "a\nb\n");
	follow_add(f, at("log"), (struct str){ NULL, 0 }, &err);
	in = follow_in(f, 0);
	assert_string_equal(lines(in), "a b");
	append("log", "c\n");
	append("log.1", "a\nb\nc\n");
	assert_int_equal(truncate(at("log"), 0), 0);
	append("log", "a new file that is longer\n");
	assert_string_equal(lines(in), "c a new file that is longer");
	assert_int_equal(truncate(at("log"), 0), 0);            /* with no copy: what was not read is gone */
	append("log", "d\n");
	assert_string_equal(lines(in), "d");
	follow_free(f);
}

/* The same random life of a file (LONG=1: many of them; closing an inotify takes the kernel 15 ms), with a reader that is stopped and goes on from its place again and again: no line is lost,
 * none comes twice (fault 4). */
static void
a_reader_that_dies_goes_on_exactly(void **state)
{
	struct err err = {0};

	(void)state;
	for (unsigned seed = 1; seed <= (getenv("LONG") ? 500u : 24u); seed++) {
		struct buf place = {0};
		struct follow *f = NULL;
		struct in *in = NULL;
		unsigned r = seed;
		long written = 0, seen = 0;
		int copies = seed % 2, partial = 0, rotated = 0;
		char text[128];

		clean();
		for (int step = 0; step < 120; step++) {
			int what = rand_r(&r) % 20;

			if (what < 9) {                         /* some lines, the last perhaps in two writes */
				for (int n = rand_r(&r) % 4; n >= 0; n--) {
					append("log", partial ? " the rest\n" : "");
					partial = 0;
					snprintf(text, sizeof(text), "line %ld of some bytes\n", ++written);
					append("log", text);
				}
				if (rand_r(&r) % 4 == 0) {
					snprintf(text, sizeof(text), "line %ld in two", ++written);
					append("log", text);
					partial = 1;
				}
			} else if (what < 11 && place.n && rotated < 2 && access(at("log"), F_OK) == 0) {
				rotated++;
				rename(at("log.2"), at("log.3"));
				rename(at("log.1"), at("log.2"));
				if (copies) {
					static char all[1 << 20];
					int from = open(at("log"), O_RDONLY), to = open(at("log.1"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
					ssize_t n = read(from, all, sizeof(all));

					assert_true(n >= 0 && write(to, all, (size_t)n) == n);
					close(from);
					close(to);
					assert_int_equal(truncate(at("log"), 0), 0);
				} else
					rename(at("log"), at("log.1"));
				partial = 0;
			} else if (what < 13 && f) {            /* it dies */
				follow_free(f);
				f = NULL;
			} else {
				struct str line;
				const char *notice;
				int most = rand_r(&r) % 12;

				if (!f) {
					f = follow_new(0);
					assert_int_equal(follow_add(f, at("log"), place.n ? buf_get(&place) : (struct str){ NULL, 0 }, &err), 0);
					in = follow_in(f, 0);
				}
				if (rand_r(&r) % 2)
					most = 1000;
				while (most-- > 0 && in_line(in, &line, &err) == IN_LINE) {
					snprintf(text, sizeof(text), "line %ld ", ++seen);
					if (!str_starts(line, str_of(text)))
						print_message("seed %u step %d: '%.*s' instead of '%s'\n", seed, step, STR_FMT(line), text);
					assert_true(str_starts(line, str_of(text)));
					buf_clear(&place);
					follow_place(f, 0, in_offset(in), &place);
				}
				if (most >= 0)                  /* all is read: what falls off at the end is not missed */
					rotated = 0;
				buf_clear(&place);
				follow_place(f, 0, in_offset(in), &place);
				notice = follow_notice(f);
				if (notice)
					print_message("seed %u step %d: %s\n", seed, step, notice);
				assert_null(notice);
			}
		}
		follow_free(f);
		append("log", partial ? "\n" : "");
		append("log", "the end\n");
		f = follow_new(0);
		assert_int_equal(follow_add(f, at("log"), place.n ? buf_get(&place) : (struct str){ NULL, 0 }, &err), 0);
		for (const char *last = lines(follow_in(f, 0)), *p = last; (p = strstr(p, "line ")); p++)
			seen += atol(p + 5) == seen + 1;
		if (seen != written)
			print_message("seed %u: %ld of %ld\n", seed, seen, written);
		assert_int_equal(seen, written);
		follow_free(f);
		buf_release(&place);
	}
}

static void
once_ends_where_the_file_ends_and_leaves_a_line_in_the_making(void **state)
{
	struct buf place = {0};
	struct err err = {0};
	struct follow *f;

	(void)state;
	clean();
	append("log", "a\nb\nhal");
	f = follow_new(1);
	follow_add(f, at("log"), (struct str){ NULL, 0 }, &err);
	assert_string_equal(lines(follow_in(f, 0)), "a b");
	follow_place(f, 0, in_offset(follow_in(f, 0)), &place);
	follow_free(f);
	append("log", "f\n");
	rename(at("log"), at("log-20261123"));
	append("log", "c\n");
	f = follow_new(1);
	follow_add(f, at("log"), buf_get(&place), &err);
	assert_string_equal(lines(follow_in(f, 0)), "half c");
	buf_clear(&place);
	follow_place(f, 0, in_offset(follow_in(f, 0)), &place);
	follow_free(f);
	f = follow_new(1);
	follow_add(f, at("log"), buf_get(&place), &err);
	assert_string_equal(lines(follow_in(f, 0)), "");
	follow_free(f);
	f = follow_new(1);
	assert_true(follow_add(f, at("none"), (struct str){ NULL, 0 }, &err) < 0);
	assert_non_null(strstr(err.text, "none: No such file"));
	assert_true(follow_add(f, dir, (struct str){ NULL, 0 }, &err) < 0);
	assert_true(follow_add(f, at("log"), STR("1 2 x"), &err) < 0);
	follow_free(f);
	buf_release(&place);
}

static void
the_header_can_be_given_again(void **state)
{
	struct buf place = {0};
	struct err err = {0};
	struct follow *f = follow_new(0);
	struct str line;

	(void)state;
	clean();
	append("log", "h1,h2\n1,2\n3,4\n");
	follow_add(f, at("log"), (struct str){ NULL, 0 }, &err);
	in_line(follow_in(f, 0), &line, &err);
	in_line(follow_in(f, 0), &line, &err);
	follow_place(f, 0, in_offset(follow_in(f, 0)), &place);
	follow_free(f);
	f = follow_new(0);
	follow_add(f, at("log"), buf_get(&place), &err);
	assert_true(str_starts(follow_head(f, 0), STR("h1,h2\n1,2\n")));
	follow_again(f, 0);
	buf_clear(&place);
	assert_int_equal(in_line(follow_in(f, 0), &line, &err), IN_LINE);
	follow_place(f, 0, in_offset(follow_in(f, 0)), &place);         /* still before 3,4 */
	assert_string_equal(lines(follow_in(f, 0)), "3,4");
	follow_free(f);
	f = follow_new(0);
	follow_add(f, at("log"), buf_get(&place), &err);
	assert_string_equal(lines(follow_in(f, 0)), "3,4");
	follow_free(f);
	buf_release(&place);
}

static void
what_is_gone_is_told_and_newer_files_are_read(void **state)
{
	struct buf place = {0};
	struct err err = {0};
	struct follow *f = follow_new(0);
	const char *notice;

	(void)state;
	clean();
	append("log", "a\n");
	follow_add(f, at("log"), (struct str){ NULL, 0 }, &err);
	lines(follow_in(f, 0));
	follow_place(f, 0, in_offset(follow_in(f, 0)), &place);
	follow_free(f);
	unlink(at("log"));
	append("log.bak", "no rotated name\n");
	usleep(20000);
	append("log.1", "b\n");
	append("log", "c\n");
	f = follow_new(0);
	follow_add(f, at("log"), buf_get(&place), &err);
	assert_string_equal(lines(follow_in(f, 0)), "b c");
	assert_non_null(notice = follow_notice(f));
	assert_non_null(strstr(notice, "log: the file that was read to byte 2 is gone"));
	assert_null(follow_notice(f));
	follow_free(f);
	buf_release(&place);
}

static void
a_change_wakes_the_wait_at_once(void **state)
{
	struct err err = {0};
	struct follow *f = follow_new(0);
	int64_t from;

	(void)state;
	clean();
	append("log", "a\n");
	follow_add(f, at("log"), (struct str){ NULL, 0 }, &err);
	assert_string_equal(lines(follow_in(f, 0)), "a");
	while (follow_wait(f, 0))
		;
	from = time_mono_ns();
	assert_int_equal(follow_wait(f, 30), 0);
	assert_true(time_mono_ns() - from >= 25000000);
	append("log", "b\n");
	assert_int_equal(follow_wait(f, 1000), 1);      /* of the change: the clock looks no sooner than in 2 s, and would give 0 here */
	assert_string_equal(lines(follow_in(f, 0)), "b");
	follow_free(f);
}

static int
make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/dev/shm/at-follow-XXXXXX");       /* memory: a disk waits at each rename */
	if (mkdtemp(dir))
		return 0;
	strcpy(dir, "/tmp/at-follow-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int
drop_dir(void **state)
{
	(void)state;
	clean();
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_across_rename_and_new_file),
		cmocka_unit_test(lines_come_across_copy_and_truncate),
		cmocka_unit_test(a_reader_that_dies_goes_on_exactly),
		cmocka_unit_test(once_ends_where_the_file_ends_and_leaves_a_line_in_the_making),
		cmocka_unit_test(the_header_can_be_given_again),
		cmocka_unit_test(what_is_gone_is_told_and_newer_files_are_read),
		cmocka_unit_test(a_change_wakes_the_wait_at_once),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
