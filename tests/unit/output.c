/* Each format of query/output.h on the same few awkward rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "query/output.h"

static const char *
printed(enum output_format format, int ascii, int safe)
{
	static char text[4096];
	const struct str columns[] = { STR("name"), STR("n"), STR("n"), STR("n_2") };
	char path[] = "/tmp/output-XXXXXX";
	int fd = mkstemp(path);
	struct out to = { .fd = fd, .name = "file" };
	const struct output_spec spec = { .format = format, .to = &to, .ascii = ascii, .safe_csv = safe };
	struct output *o = output_new(&spec, columns, 4);
	struct err err = { 0 };
	ssize_t got;

	assert_int_equal(output_row(o, (struct cell[]){ cell_text(STR("=a,\"b\"|")), cell_integer(-7), cell_real(1.5), cell_null() }, 4, &err), 0);
	assert_int_equal(output_row(o, (struct cell[]){ cell_text(STR("東\x1b[1m\n<i>")), cell_integer(INT64_MAX), cell_null(), cell_text(STR("")) }, 4, &err), 0);
	assert_int_equal(output_count(o), 2);
	assert_int_equal(output_end(o, &err), 0);
	out_flush(&to);
	got = pread(fd, text, sizeof(text) - 1, 0);
	assert_true(got > 0);
	text[got] = 0;
	close(fd), unlink(path), buf_release(&to.buf);
	return text;
}

static void
each_format_says_the_same(void **state)
{
	(void)state;
	assert_string_equal(printed(OUTPUT_NDJSON, 0, 0), "{\"name\":\"=a,\\\"b\\\"|\",\"n\":-7,\"n_3\":1.5,\"n_2\":null}\n"
	    "{\"name\":\"東\\u001b[1m\\n<i>\",\"n\":9223372036854775807,\"n_3\":null,\"n_2\":\"\"}\n");
	assert_string_equal(printed(OUTPUT_CSV, 0, 1), "name,n,n,n_2\n\"'=a,\"\"b\"\"|\",-7,1.5,\n\"東\x1b[1m\n<i>\",9223372036854775807,,\"\"\n");
	assert_string_equal(printed(OUTPUT_TSV, 0, 0), "name\tn\tn\tn_2\n=a,\"b\"|\t-7\t1.5\t\n東\x1b[1m\\n<i>\t9223372036854775807\t\t\n");
	assert_string_equal(printed(OUTPUT_TABLE, 1, 0),
	    "name                              n    n  n_2\n"
	    "--------------  -------------------  ---  ---\n"
	    "=a,\"b\"|                          -7  1.5  \n"
	    "東\\x1b[1m\\n<i>  9223372036854775807       \n");
}

static void
markup_is_escaped(void **state)
{
	(void)state;
	assert_non_null(strstr(printed(OUTPUT_MARKDOWN, 0, 0), "| =a,\"b\"\\| | -7 | 1.5 |  |\n"));
	assert_non_null(strstr(printed(OUTPUT_HTML, 0, 0), "<td>東\\x1b[1m\\n&lt;i&gt;</td>"));
	assert_non_null(strstr(printed(OUTPUT_VERTICAL, 0, 0), "\n\nname: 東\\x1b[1m\\n<i>\n"));
	assert_non_null(strstr(printed(OUTPUT_CHART, 1, 0), "9223372036854775807  ####"));
	assert_non_null(strstr(printed(OUTPUT_BOX, 1, 0), "+----------------+---------------------+-----+-----+\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_format_says_the_same), cmocka_unit_test(markup_is_escaped) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
