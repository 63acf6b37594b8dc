/* Reading: lines of any shape, from files, pipes and gzip, whole or damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/time.h"

static int
file_of(const void *p, size_t n)                /* a nameless regular file with these bytes */
{
	char path[] = "/tmp/at-in-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_true(write(fd, p, n) == (ssize_t)n);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* A pipe into which a child writes the bytes in small pieces. */
static int
pipe_of(const char *p, size_t n, size_t piece)
{
	int fds[2];

	assert_true(pipe(fds) == 0);
	if (fork() == 0) {
		for (size_t i = 0; i < n; i += piece)
			if (write(fds[1], p + i, n - i < piece ? n - i : piece) < 0)
				break;
		_exit(0);
	}
	close(fds[1]);
	return fds[0];
}

static struct buf
gzipped(const void *p, size_t n)
{
	struct buf b = {0};
	z_stream z = {0};

	assert_true(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	buf_room(&b, deflateBound(&z, n));
	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = (uInt)n;
	z.next_out = (Bytef *)b.p;
	z.avail_out = (uInt)b.cap;
	assert_true(deflate(&z, Z_FINISH) == Z_STREAM_END);
	b.n = z.total_out;
	deflateEnd(&z);
	return b;
}

/* All lines as "[line]…", failures as "!". */
static char *
lines_of(int fd)
{
	static struct buf out;
	struct err err = {0};
	struct in *in = in_open_fd(fd, "test", &err);
	struct str line;
	long n = 0;
	int rc;

	assert_non_null(in);
	buf_clear(&out);
	while ((rc = in_line(in, &line, &err)) != IN_END) {
		if (rc < 0) {
			buf_byte(&out, '!');
			n += rc == ERR_LIMIT;
			continue;
		}
		assert_int_equal(rc, IN_LINE);
		assert_int_equal(in_lineno(in), ++n);
		buf_byte(&out, '[');
		buf_str(&out, line);
		buf_byte(&out, ']');
	}
	assert_int_equal(in_line(in, &line, &err), IN_END);
	in_close(in);
	return (char *)(uintptr_t)buf_text(&out);
}

/* The same out of blocks, none of which is held back while it is whole. */
static char *
lines_of_blocks(int fd)
{
	static struct buf out;
	struct err err = {0};
	struct in *in = in_open_fd(fd, "test", &err);
	struct in_block b[2] = {{{0}}};
	int rc, turn = 0;

	buf_clear(&out);
	while ((rc = in_block(in, &b[turn], out.n % 3 != 0, &err)) != IN_END) {
		struct str rest = b[turn].text, line;

		turn = !turn;
		if (rc == IN_IDLE) {
			usleep(100);
			continue;
		}
		if (rc < 0) {
			buf_byte(&out, '!');
			continue;
		}
		assert_int_equal(rc, IN_LINE);
		assert_true(rest.n > 0);
		while (rest.n && str_cut(&rest, '\n', &line)) {
			buf_byte(&out, '[');
			buf_add(&out, line.p, line.n - (rest.p && line.n && line.p[line.n - 1] == '\r'));
			buf_byte(&out, ']');
		}
	}
	assert_int_equal(in_block(in, &b[0], 1, &err), IN_END);
	in_block_release(&b[0]);
	in_block_release(&b[1]);
	in_close(in);
	return (char *)(uintptr_t)buf_text(&out);
}

static const struct { const char *text, *lines; } shapes[] = {
	{ "", "" }, { "a", "[a]" }, { "a\n", "[a]" }, { "a\nb", "[a][b]" }, { "\n", "[]" }, { "\n\n", "[][]" }, { "a\r\nb\r\n", "[a][b]" },
	{ "\r\n", "[]" }, { "a\rb\n", "[a\rb]" }, { "\xef\xbb\xbf" "a\n", "[a]" }, { "\xef\xbb\xbf", "" }, { "\xef\xbb", "[\xef\xbb]" },
	{ "a\n\xef\xbb\xbf" "b\n", "[a][\xef\xbb\xbf" "b]" }, { "\x1f", "[\x1f]" }, { "\x1f\nx", "[\x1f][x]" }, { "\xef\xbb\xbf\r\n", "[]" },
};

static void
lines_of_every_shape(void **state __attribute__((unused)))
{
	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		size_t n = strlen(shapes[i].text);
		struct buf gz = gzipped(shapes[i].text, n);

		assert_string_equal(lines_of(file_of(shapes[i].text, n)), shapes[i].lines);
		assert_string_equal(lines_of(pipe_of(shapes[i].text, n, 1)), shapes[i].lines);
		assert_string_equal(lines_of(file_of(gz.p, gz.n)), shapes[i].lines);
		assert_string_equal(lines_of(pipe_of(gz.p, gz.n, 1)), shapes[i].lines);
		assert_string_equal(lines_of_blocks(file_of(shapes[i].text, n)), shapes[i].lines);
		assert_string_equal(lines_of_blocks(pipe_of(shapes[i].text, n, 1)), shapes[i].lines);
		assert_string_equal(lines_of_blocks(file_of(gz.p, gz.n)), shapes[i].lines);
		assert_string_equal(lines_of_blocks(pipe_of(gz.p, gz.n, 1)), shapes[i].lines);
		buf_release(&gz);
	}
	while (wait(NULL) > 0)
		;
}

/* Lines of random lengths, many blocks of them: each comes once, whole, with its offset, however it is read. */
static void
lines_across_blocks_are_whole(void **state __attribute__((unused)))
{
	struct buf text = {0}, gz;
	uint64_t seed = 99;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		size_t n;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		n = (seed >> 33) % (i % 500 == 0 ? 900000 : 1000);
		buf_printf(&text, "%d ", i);
		memset(buf_room(&text, n), 'a' + i % 26, n);
		text.n += n;
		buf_byte(&text, '\n');
	}
	gz = gzipped(text.p, text.n);
	for (int how = 0; how < 3; how++) {
		struct err err = {0};
		int fd = how == 0 ? file_of(text.p, text.n) : how == 1 ? file_of(gz.p, gz.n) : pipe_of(text.p, text.n, 777);
		struct in *in = in_open_fd(fd, "test", &err);
		struct str line;
		size_t at = 0;

		while (in_line(in, &line, &err) == IN_LINE) {
			assert_memory_equal(line.p, text.p + at, line.n);
			at += line.n + 1;
			assert_int_equal(text.p[at - 1], '\n');
			assert_true(in_offset(in) == (int64_t)at);
		}
		assert_int_equal(err.code, 0);
		assert_true(at == text.n);
		assert_int_equal(in_lineno(in), 3000);
		in_close(in);
	}
	for (int how = 0; how < 3; how++) {
		char *lines = mem_text(lines_of(file_of(text.p, text.n)));

		assert_string_equal(lines_of_blocks(how == 0 ? file_of(text.p, text.n) : how == 1 ? file_of(gz.p, gz.n) : pipe_of(text.p, text.n, 70001)), lines);
		free(lines);
	}
	buf_release(&text);
	buf_release(&gz);
	while (wait(NULL) > 0)
		;
}

static void
members_are_one_stream_and_padding_is_passed_over(void **state __attribute__((unused)))
{
	struct buf a = gzipped("one\ntw", 6), b = gzipped("o\nthree", 7);

	(void)state;
	buf_str(&a, buf_get(&b));
	assert_string_equal(lines_of(file_of(a.p, a.n)), "[one][two][three]");
	buf_add(&a, "\0\0\0\0", 4);
	assert_string_equal(lines_of(file_of(a.p, a.n)), "[one][two][three]");
	buf_add(&a, "rubbish", 7);
	assert_string_equal(lines_of(file_of(a.p, a.n)), "[one][two]!");
	buf_release(&a);
	buf_release(&b);
}

/* Cut anywhere, flipped anywhere: what could be read comes, then one failure, then the end. */
static void
damaged_gzip_gives_its_rows_then_an_error(void **state __attribute__((unused)))
{
	struct buf text = {0}, gz;
	char *whole;

	(void)state;
	for (int i = 0; i < 2000; i++)
		buf_printf(&text, "line %d\n", i * 7919 % 2000);
	gz = gzipped(text.p, text.n);
	whole = mem_text(lines_of(file_of(text.p, text.n)));
	for (size_t cut = 2, turn = 0; cut < gz.n; cut += 1 + gz.n / 97) {
		char *got = turn++ % 2 ? lines_of(file_of(gz.p, cut)) : lines_of_blocks(file_of(gz.p, cut));
		size_t n = strlen(got);

		assert_true(n > 0 && got[n - 1] == '!' && memcmp(got, whole, n - 1) == 0);
	}
	for (size_t at = 2; at < gz.n; at += 1 + gz.n / 97) {
		gz.p[at] ^= 0x10;
		lines_of(file_of(gz.p, gz.n));
		gz.p[at] ^= 0x10;
	}
	free(whole);
	buf_release(&text);
	buf_release(&gz);
}

/* 16 MiB of zeros between full flushes can be repeated at will: the middle of a bomb without packing all of it. */
static void
fault_25_a_bomb_is_refused(void **state __attribute__((unused)))
{
	size_t piece = 16 << 20, from;
	char *zeros = mem_new(piece);
	struct buf bomb = {0};
	struct err err = {0};
	struct str bytes, again;
	z_stream z = {0};
	struct in *in;
	int64_t n = 0;
	int rc;

	(void)state;
	assert_true(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	for (int i = 0; i < 2; i++) {
		from = bomb.n;
		z.next_in = (Bytef *)zeros;
		z.avail_in = (uInt)piece;
		z.next_out = (Bytef *)buf_room(&bomb, 1 << 20);
		z.avail_out = 1 << 20;
		deflate(&z, Z_FULL_FLUSH);
		bomb.n += (1 << 20) - z.avail_out;
	}
	deflateEnd(&z);
	again = (struct str){ mem_dup(bomb.p + from, bomb.n - from), bomb.n - from };
	for (int i = 0; i < 400; i++)
		buf_str(&bomb, again);
	in = in_open_fd(file_of(bomb.p, bomb.n), "bomb.gz", &err);
	while ((rc = in_bytes(in, &bytes, &err)) == IN_LINE)
		n += (int64_t)bytes.n;
	assert_int_equal(rc, ERR_LIMIT);
	assert_string_equal(err.text, "bomb.gz: gzip data unpacks to more than 1000 times its size, refused");
	assert_true(n < 4ll << 30);
	assert_int_equal(in_bytes(in, &bytes, &err), IN_END);
	in_close(in);
	free((char *)(uintptr_t)again.p);
	free(zeros);
	buf_release(&bomb);
}

static void
a_line_too_long_is_skipped_and_the_next_is_read(void **state __attribute__((unused)))
{
	size_t n = IN_LINE_MOST + 5;
	char *p = mem_new(n + 20);
	int fd;

	(void)state;
	memcpy(p, "a\n", 2);
	memset(p + 2, 'x', n);
	memcpy(p + 2 + n, "\nb\n", 3);
	assert_string_equal(lines_of(file_of(p, n + 5)), "[a]![b]");
	assert_string_equal(lines_of_blocks(file_of(p, n + 5)), "[a]![b]");
	fd = file_of(p, n + 2);
	assert_string_equal(lines_of(fd), "[a]!");
	assert_string_equal(lines_of_blocks(file_of(p, n + 2)), "[a]!");
	free(p);
}

static void
a_folder_and_a_missing_file_are_told(void **state __attribute__((unused)))
{
	struct err err = {0};

	(void)state;
	assert_null(in_open("/tmp", &err));
	assert_string_equal(err.text, "/tmp: Is a directory");
	assert_null(in_open("/tmp/none/of/it", &err));
	assert_string_equal(err.text, "/tmp/none/of/it: No such file or directory");
	assert_int_equal(err.code, ERR_IO);
}

static void
peeking_takes_nothing(void **state __attribute__((unused)))
{
	struct err err = {0};
	struct in *in = in_open_fd(pipe_of("\xef\xbb\xbf" "ab,c\nd", 9, 1), "test", &err);
	struct str line, peek = in_peek(in, &err);

	(void)state;
	assert_true(peek.n >= 5 && memcmp(peek.p, "ab,c\n", 5) == 0);
	assert_int_equal(in_line(in, &line, &err), IN_LINE);
	assert_true(str_eq(line, STR("ab,c")));
	assert_int_equal(in_line(in, &line, &err), IN_LINE);
	assert_true(str_eq(line, STR("d")));
	in_close(in);
	wait(NULL);
}

static int
waited(void *self)
{
	++*(int *)self;
	return 20;
}

static void
an_open_pipe_comes_back_when_the_wait_is_over(void **state __attribute__((unused)))
{
	struct err err = {0};
	struct str line;
	struct in *in;
	int fds[2], waits = 0;
	int64_t from;

	(void)state;
	assert_true(pipe(fds) == 0);
	in = in_open_fd(fds[0], "test", &err);
	in_on_wait(in, waited, &waits);
	assert_true(write(fds[1], "a\nb", 3) == 3);
	assert_int_equal(in_line(in, &line, &err), IN_LINE);
	assert_int_equal(waits, 0);
	from = time_mono_ns();
	assert_int_equal(in_line(in, &line, &err), IN_IDLE);
	assert_true(time_mono_ns() - from >= 19000000);
	assert_int_equal(waits, 1);
	assert_true(write(fds[1], "c\n", 2) == 2);
	assert_int_equal(in_line(in, &line, &err), IN_LINE);
	assert_true(str_eq(line, STR("bc")));
	close(fds[1]);
	assert_int_equal(in_line(in, &line, &err), IN_END);
	in_close(in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_every_shape),
		cmocka_unit_test(lines_across_blocks_are_whole),
		cmocka_unit_test(members_are_one_stream_and_padding_is_passed_over),
		cmocka_unit_test(damaged_gzip_gives_its_rows_then_an_error),
		cmocka_unit_test(fault_25_a_bomb_is_refused),
		cmocka_unit_test(a_line_too_long_is_skipped_and_the_next_is_read),
		cmocka_unit_test(a_folder_and_a_missing_file_are_told),
		cmocka_unit_test(peeking_takes_nothing),
		cmocka_unit_test(an_open_pipe_comes_back_when_the_wait_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
