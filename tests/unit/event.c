#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/mem.h"
#include "event/event.h"

/* What the row becomes, or "!" and the reason. */
static const char *
canonical(const char *row)
{
	static struct event_reader reader;
	static struct buf out;
	struct event e;
	struct err err = { 0 };

	reader.now = 1700000000123;
	buf_clear(&out);
	if (event_read(&reader, str_of(row), &e, &err))
		buf_printf(&out, "!%ld %s", err.col, err.text);
	else
		event_put(&out, &e);
	return buf_text(&out);
}

static void
rows_become_canonical(void **unused)
{
	static const char *const pairs[][2] = {
		{ "{\"event\":\"a\",\"timestamp\":\"2026-11-23T10:15:30.123Z\",\"id\":\"i\",\"user_id\":\"u\",\"session_id\":\"s\",\"properties\":{\"x\":1}}",
		  "{\"event\":\"a\",\"timestamp\":\"2026-11-23T10:15:30.123Z\",\"id\":\"i\",\"user_id\":\"u\",\"session_id\":\"s\",\"properties\":{\"x\":1}}" },
		{ "{\"event\":\"a\"}", "{\"event\":\"a\",\"timestamp\":\"2023-11-14T22:13:20.123Z\",\"properties\":{}}" },
		/* times by size, and text of all sorts */
		{ "{\"event\":\"a\",\"ts\":1700000000}", "{\"event\":\"a\",\"timestamp\":\"2023-11-14T22:13:20.000Z\",\"properties\":{}}" },
		{ "{\"event\":\"a\",\"time\":1700000000123}", "{\"event\":\"a\",\"timestamp\":\"2023-11-14T22:13:20.123Z\",\"properties\":{}}" },
		{ "{\"event\":\"a\",\"@timestamp\":1700000000123456}", "{\"event\":\"a\",\"timestamp\":\"2023-11-14T22:13:20.123Z\",\"properties\":{}}" },
		{ "{\"event\":\"a\",\"originalTimestamp\":1700000000123456789}", "{\"event\":\"a\",\"timestamp\":\"2023-11-14T22:13:20.123Z\",\"properties\":{}}" },
		{ "{\"event\":\"a\",\"ts\":1700000000.5}", "{\"event\":\"a\",\"timestamp\":\"2023-11-14T22:13:20.500Z\",\"properties\":{}}" },
		{ "{\"event\":\"a\",\"ts\":\"2026-11-23T11:15:30+01:00\"}", "{\"event\":\"a\",\"timestamp\":\"2026-11-23T10:15:30.000Z\",\"properties\":{}}" },
		{ "{\"event\":\"a\",\"ts\":\"1700000000\"}", "{\"event\":\"a\",\"timestamp\":\"2023-11-14T22:13:20.000Z\",\"properties\":{}}" },
		{ "{\"event\":\"a\",\"ts\":0}", "{\"event\":\"a\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"properties\":{}}" },
		{ "{\"event\":\"a\",\"ts\":-0}", "{\"event\":\"a\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"properties\":{}}" },
		{ "{\"event\":\"a\",\"ts\":\"9999-12-31T23:59:59.999Z\"}", "{\"event\":\"a\",\"timestamp\":\"9999-12-31T23:59:59.999Z\",\"properties\":{}}" },
		/* aliases: the key itself wins, then the order of the page; null never does */
		{ "{\"name\":\"a\",\"type\":\"b\",\"ts\":0}", "{\"event\":\"a\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"properties\":{\"type\":\"b\"}}" },
		{ "{\"event\":\"e\",\"name\":\"a\",\"ts\":0}", "{\"event\":\"e\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"properties\":{\"name\":\"a\"}}" },
		{ "{\"event\":null,\"type\":\"b\",\"ts\":0}", "{\"event\":\"b\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"properties\":{}}" },
		{ "{\"event\":\"e\",\"ts\":0,\"userId\":null,\"anonymousId\":\"an\"}",
		  "{\"event\":\"e\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"user_id\":\"an\",\"properties\":{}}" },
		{ "{\"event\":\"e\",\"ts\":0,\"anonymousId\":\"an\",\"userId\":7}",
		  "{\"event\":\"e\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"user_id\":\"7\",\"properties\":{\"anonymousId\":\"an\"}}" },
		{ "{\"event\":\"e\",\"ts\":0,\"messageId\":12345678901234567890,\"sessionId\":\"s\"}",
		  "{\"event\":\"e\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"id\":\"12345678901234567890\",\"session_id\":\"s\",\"properties\":{}}" },
		{ "{\"event\":\"e\",\"ts\":0,\"client_id\":\"c\",\"uuid\":\"u\"}",
		  "{\"event\":\"e\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"id\":\"u\",\"user_id\":\"c\",\"properties\":{}}" },
		{ "{\"event\":\"e\",\"ts\":0,\"properties\":{\"userId\":\"p\"}}",
		  "{\"event\":\"e\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"user_id\":\"p\",\"properties\":{\"userId\":\"p\"}}" },
		{ "{\"event\":\"e\",\"ts\":0,\"user_id\":\"t\",\"properties\":{\"userId\":\"p\"}}",
		  "{\"event\":\"e\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"user_id\":\"t\",\"properties\":{\"userId\":\"p\"}}" },
		{ "{\"event\":\"e\",\"ts\":0,\"uuid\":{\"a\":1},\"name\":1}",
		  "{\"event\":\"e\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"properties\":{\"uuid\":{\"a\":1},\"name\":1}}" },
		/* folding: a key already there wins; null values of unknown keys stay */
		{ "{\"event\":\"e\",\"ts\":0,\"x\":1,\"y\":2,\"properties\":{\"x\":3}}",
		  "{\"event\":\"e\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"properties\":{\"x\":3,\"y\":2}}" },
		{ "{\"event\":\"e\",\"ts\":0,\"x\":null,\"properties\":null}",
		  "{\"event\":\"e\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"properties\":{\"x\":null}}" },
		/* duplicates: the last is meant, blanks go, escapes in keys are read */
		{ "{\"event\":\"a\",\"event\":\"b\",\"ts\":1,\"ts\":0,\"properties\":{\"x\":1,\"y\":2,\"\\u0078\":3}}",
		  "{\"event\":\"b\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"properties\":{\"x\":3,\"y\":2}}" },
		{ "{\"name\":1,\"name\":\"x\",\"ts\":0,\"k\":1,\"k\":2}", "{\"event\":\"x\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"properties\":{\"k\":2}}" },
		{ " { \"event\" : \"a\" , \"ts\" : 0 , \"properties\" : { \"x y\" : [ 1 , \" \\\" \" ] } } ",
		  "{\"event\":\"a\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"properties\":{\"x y\":[1,\" \\\" \"]}}" },
		{ "{\"\\u0065vent\":\"a\\n\",\"ts\":0,\"big\":9007199254740993,\"huge\":1e400,\"z\":-0}",
		  "{\"event\":\"a\\n\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"properties\":{\"big\":9007199254740993,\"huge\":1e400,\"z\":-0}}" },
		{ "{\"event\":\"e\",\"ts\":0,\"id\":\"\",\"user_id\":\"\"}", "{\"event\":\"e\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"properties\":{}}" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_string_equal(canonical(pairs[i][0]), pairs[i][1]);
		assert_string_equal(canonical(pairs[i][1]), pairs[i][1]);       /* canonical rows come back as they are */
	}
}

static void
wrong_rows_say_where(void **unused)
{
	static const char *const pairs[][2] = {
		{ "[1]", "!1 " }, { "{\"x\":1}", "!1 no event name" }, { "{\"event\":1}", "!10 event: wants" },
		{ "{\"event\":\"\"}", "!10 event: wants" }, { "{\"event\":\"a\",\"timestamp\":true}", "!26 timestamp: wants" },
		{ "{\"event\":\"a\",\"ts\":\"soon\"}", "!19 'soon' is no time" }, { "{\"event\":\"a\",\"ts\":1e300}", "!19 " },
		{ "{\"event\":\"a\",\"properties\":[1]}", "!27 properties: wants an object" },
		{ "{\"event\":\"a\",\"user_id\":{}}", "!24 user_id: wants text or a number" },
		{ "{\"event\":\"a\"", "!" }, { "{\"event\":\"a\",\"x\":NaN}", "!" }, { "{\"event\":\"\xff\"}", "!" },
		{ "{\"event\":\"a\",\"x\":\"\\ud800\"}", "!" }, { "", "!" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *got = canonical(pairs[i][0]);

		if (strncmp(got, pairs[i][1], strlen(pairs[i][1])))
			fail_msg("%s gives %s, not %s", pairs[i][0], got, pairs[i][1]);
	}
}

static void
fault_22_too_many_keys_are_refused_and_many_are_not(void **unused)
{
	struct buf row = { 0 };

	(void)unused;
	for (int n = 1000; n <= 1000000; n *= 10) {
		buf_clear(&row);
		buf_lit(&row, "{\"event\":\"a\",\"properties\":{");
		for (int i = 0; i < n; i++)
			buf_printf(&row, "%s\"k%d\":1", i ? "," : "", i);
		buf_lit(&row, "}}");
		if (n <= 10000)
			assert_int_equal(canonical(buf_text(&row))[0], '{');
		else
			assert_non_null(strstr(canonical(buf_text(&row)), "more than"));
	}
	buf_release(&row);
}

static void
fault_26_lossy_text_is_valid_text(void **unused)
{
	static const char *const pairs[][2] = {
		{ "ab", "ab" }, { "a\xff" "b", "a\xef\xbf\xbd" "b" }, { "\xe2\x82", "\xef\xbf\xbd" }, { "\xed\xa0\x80", "\xef\xbf\xbd" },
		{ "\\ud800x", "\\ufffdx" }, { "\\ud83d\\ude00", "\\ud83d\\ude00" }, { "\\\\ud800", "\\\\ud800" }, { "\\ude00", "\\ufffd" },
		{ "\xc0\xaf", "\xef\xbf\xbd" },
	};
	struct buf out = { 0 };

	(void)unused;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		buf_clear(&out);
		event_put_lossy(&out, str_of(pairs[i][0]));
		assert_string_equal(buf_text(&out), pairs[i][1]);
	}
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_become_canonical),
		cmocka_unit_test(wrong_rows_say_where),
		cmocka_unit_test(fault_22_too_many_keys_are_refused_and_many_are_not),
		cmocka_unit_test(fault_26_lossy_text_is_valid_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
