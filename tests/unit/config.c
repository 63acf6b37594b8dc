#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/schema.h"
#include "event/clean.h"
#include "event/plan.h"

static char dir[] = "/tmp/at-config-XXXXXX";

static void
write_file(const char *name, const char *text)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* What config_open says of an analytics.json, "" when it is well. */
static const char *
complaint(const char *text)
{
	static struct err err;
	struct config *c;

	write_file("analytics.json", text);
	err_clear(&err);
	if ((c = config_open(dir, &err)))
		config_close(c);
	unlink("analytics.json");
	return err.text + (strncmp(err.text, dir, strlen(dir)) == 0 ? strlen(dir) + 1 : 0);
}

static int
enter(void **unused)
{
	(void)unused;
	return !mkdtemp(dir);
}

static int
leave(void **unused)
{
	char path[100];
	const char *const names[] = { "analytics.json", "data-sources.json", "dashboards.json" };

	(void)unused;
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static void
wrong_keys_and_values_are_told_with_file_and_path(void **unused)
{
	static const char *const pairs[][2] = {
		{ "{}", "" },
		{ "\xef\xbb\xbf { \"events\" : { } }", "" },
		{ "{\"events\":{\"purchase\":{\"trim\":1}}}", "analytics.json: events.purchase.trim: wants true or false, has 1" },
		{ "{\"event\":{}}", "analytics.json: event: no such key, did you mean \"events\"" },
		{ "{\"events\":{\"*\":{\"clean\":{\"a\":{\"case\":\"low\"}}}}}", "analytics.json: events.*.clean.a.case: \"low\" is none of [\"lower\", \"upper\"]" },
		{ "{\n \"events\": {,}\n}", "analytics.json:2:13: " },
		{ "[]", "analytics.json: wants an object, {…}" },
		{ "{\"governance\":{\"salt\":\"${AT_NO_SUCH}\"}}", "analytics.json: governance.salt: ${AT_NO_SUCH} is not set in the environment" },
		{ "{\"governance\":{\"salt\":\"${1x}\"}}", "analytics.json: governance.salt: '${1x}' is no ${NAME}" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *got = complaint(pairs[i][0]);

		if (strncmp(got, pairs[i][1], strlen(pairs[i][1])) || (!*pairs[i][1] && *got))
			fail_msg("%s: %s", pairs[i][0], got);
	}
}

static void
the_environment_is_put_into_texts(void **unused)
{
	struct err err = { 0 };
	struct buf b = { 0 };
	struct config *c;

	(void)unused;
	setenv("AT_TEST_SALT", "a\"b", 1);
	write_file("analytics.json", "{\"description\":\"$${X} $x\",\"governance\":{\"salt\":\"<${AT_TEST_SALT}>\"}}");
	c = config_open(dir, &err);
	assert_string_equal(err.text, "");
	assert_true(str_eq(json_text(config_get(c, "analytics", "governance.salt"), &b), STR("<a\"b>")));
	assert_true(str_eq(json_text(config_get(c, "analytics", "description"), &b), STR("${X} $x")));
	assert_int_equal(config_get(c, "analytics", "no.such").type, JSON_NONE);
	assert_int_equal(config_get(c, "dashboards", "").type, JSON_NONE);
	config_close(c);
	buf_release(&b);
	unlink("analytics.json");
}

/* The dashboard of the contract, by itself and in a list; sources of types that come later are no fault of the file. */
static void
the_other_files_take_what_the_pages_show(void **unused)
{
#define BOARD "{\"id\":\"main_dashboard\",\"title\":\"Main Analytics Dashboard\",\"layout\":\"grid\",\"widgets\":[" \
	"{\"id\":\"user_signups\",\"type\":\"metric_card\",\"title\":\"User Signups\",\"metric\":\"user_signups\",\"timeRange\":\"24h\",\"position\":{\"x\":0,\"y\":0,\"w\":3,\"h\":2}}," \
	"{\"id\":\"f\",\"type\":\"funnel_chart\",\"steps\":[\"a\",\"b\"],\"timeRange\":\"7d\",\"position\":{\"x\":3,\"y\":0,\"w\":6,\"h\":4}}]}"
	struct err err = { 0 };
	struct config *c;

	(void)unused;
	write_file("analytics.json", "{}");
	write_file("dashboards.json", BOARD);
	write_file("data-sources.json", "{\"sources\":{\"k\":{\"type\":\"kafka\",\"brokers\":\"b\",\"topics\":[\"t\"],\"group\":\"g\",\"format\":\"ndjson\",\"map\":\".\"},"
	    "\"f\":{\"type\":\"file\",\"path\":\"/x\",\"follow\":true}}}");
	c = config_open(dir, &err);
	assert_string_equal(err.text, "");
	config_close(c);
	write_file("dashboards.json", "{\"dashboards\":[" BOARD "]}");
	config_close(config_open(dir, &err));
	assert_string_equal(err.text, "");
	write_file("data-sources.json", "{\"sources\":{\"f\":{\"type\":\"file\",\"paht\":\"/x\"}}}");
	assert_null(config_open(dir, &err));
	assert_non_null(strstr(err.text, "sources.f.paht: no such key, did you mean \"path\""));
	write_file("data-sources.json", "{}");
	for (int i = 0; i < 3; i++) {
		const char *name = i == 0 ? "analytics" : i == 1 ? "data-sources" : "dashboards";

		err_clear(&err);
		assert_int_equal(json_check(str_of(config_schema(name)), &err), 0);
	}
}

static void
schemas_hold_and_break(void **unused)
{
	static const struct { const char *schema, *good, *bad, *why; } cases[] = {
		{ "{\"type\":\"integer\"}", "3.0", "3.5", "wants an integer, has 3.5" },
		{ "{\"type\":[\"string\",\"null\"]}", "null", "1", "wants null or text, has 1" },
		{ "{\"enum\":[1,\"a\",{\"x\":[1]}]}", "{\"x\":[1.0]}", "\"b\"", "\"b\" is none of" },
		{ "{\"const\":\"\\u0061\"}", "\"a\"", "\"b\"", "wants" },
		{ "{\"const\":{\"a\":1,\"b\":2}}", "{\"b\":2,\"a\":1}", "{\"a\":1}", "wants" },
		{ "{\"const\":{\"a\":1}}", "{\"a\":1.0}", "{}", "wants" },
		{ "{\"enum\":[{\"a\":1},3]}", "{\"a\":1}", "{\"a\":1,\"b\":2}", "is none of" },
		{ "{\"minimum\":0,\"exclusiveMaximum\":10}", "0", "10", "wants less than 10, has 10" },
		{ "{\"multipleOf\":0.1}", "0.3", "0.35", "wants a multiple" },
		{ "{\"minLength\":2,\"maxLength\":3}", "\"äöü\"", "\"x\"", "wants at least 2 characters, has 1" },
		{ "{\"pattern\":\"^[a-z]+$\"}", "\"abc\"", "\"Abc\"", "\"Abc\" does not match ^[a-z]+$" },
		{ "{\"format\":\"email\"}", "\"a.b@c.de\"", "\"a.b@\"", "is no email" },
		{ "{\"format\":\"uuid\"}", "\"123e4567-e89b-12d3-a456-426614174000\"", "\"123\"", "is no uuid" },
		{ "{\"format\":\"date-time\"}", "\"2026-11-23T10:15:30Z\"", "\"2026-11-23\"", "is no date-time" },
		{ "{\"format\":\"ipv4\"}", "\"1.2.3.4\"", "\"1.2.3.400\"", "is no ipv4" },
		{ "{\"items\":{\"type\":\"number\"},\"minItems\":1,\"uniqueItems\":true}", "[1,2]", "[1,1.0]", "[1]: wants each item once" },
		{ "{\"x-unique\":\"id\"}", "[{\"id\":\"a\"},{\"id\":\"b\"},{},{},7]", "[{\"id\":\"a\"},{\"id\":\"\\u0061\"}]", "[1].id: wants one that no other item has, has \"\\u0061\" again" },
		{ "{\"required\":[\"a\"],\"properties\":{\"a\":{\"properties\":{\"b\":{\"type\":\"boolean\"}}}},\"additionalProperties\":false}",
		  "{\"a\":{\"b\":true}}", "{\"a\":{\"b\":[]}}", "a.b: wants true or false, has []" },
		{ "{\"required\":[\"a\"]}", "{\"a\":null}", "{}", "\"a\" is required" },
		{ "{\"properties\":{\"price\":true},\"additionalProperties\":false}", "{}", "{\"prise\":1}", "prise: no such key, did you mean \"price\"" },
		{ "{\"patternProperties\":{\"^x\":{\"type\":\"number\"}},\"additionalProperties\":false}", "{\"x1\":1}", "{\"x1\":\"\"}", "x1: wants a number" },
		{ "{\"propertyNames\":{\"maxLength\":2}}", "{\"ab\":1}", "{\"abc\":1}", "abc: wants at most 2" },
		{ "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"number\",\"minimum\":5}]}", "7", "3", "fits none of the 2 forms" },
		{ "{\"oneOf\":[{\"minimum\":1},{\"minimum\":5}]}", "2", "6", "fits 2 of the 2 forms" },
		{ "{\"not\":{\"const\":1}}", "2", "1", "ruled out" },
		{ "{\"$ref\":\"#/$defs/t\",\"$defs\":{\"t\":{\"properties\":{\"next\":{\"$ref\":\"#/$defs/t\"},\"v\":{\"type\":\"number\"}}}}}",
		  "{\"next\":{\"next\":{\"v\":1}}}", "{\"next\":{\"next\":{\"v\":\"\"}}}", "next.next.v: wants a number" },
		{ "{\"if\":{\"properties\":{\"k\":{\"const\":1}}},\"then\":{\"required\":[\"a\"]},\"else\":{\"required\":[\"b\"]}}", "{\"k\":1,\"a\":0}", "{\"k\":2,\"a\":0}", "\"b\" is required" },
		{ "{\"maxProperties\":1}", "{\"a\":1}", "{\"a\":1,\"b\":2}", "wants at most 1 keys" },
	};
	struct buf plan = { 0 };

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { 0 };
		struct event e = { .name = STR("e"), .properties = STR("{}") };
		struct plan *p;
		char row[400];

		buf_clear(&plan);
		buf_printf(&plan, "{\"$defs\":{\"t\":{\"properties\":{\"next\":{\"$ref\":\"#/$defs/t\"},\"v\":{\"type\":\"number\"}}}},\"events\":{\"e\":{\"properties\":{\"v\":%s}}}}", cases[i].schema);
		p = plan_new(buf_get(&plan), "plan", &err);
		assert_string_equal(err.text, "");
		snprintf(row, sizeof(row), "{\"v\":%s}", cases[i].good);
		e.properties = str_of(row);
		if (plan_check(p, &e, &err) != 1)
			fail_msg("%s: %s: %s", cases[i].schema, cases[i].good, err.text);
		snprintf(row, sizeof(row), "{\"v\":%s}", cases[i].bad);
		e.properties = str_of(row);
		if (plan_check(p, &e, &err) != ERR_INPUT || !strstr(err.text, cases[i].why) || strncmp(err.text, "e: v", 4))
			fail_msg("%s: %s: %s", cases[i].schema, cases[i].bad, err.text);
		plan_free(p);
	}
	buf_release(&plan);
}

static void
wrong_schemas_are_refused(void **unused)
{
	static const char *const pairs[][2] = {
		{ "{\"minimun\":1}", "e.minimun: no such keyword, did you mean \"minimum\"" },
		{ "{\"type\":\"int\"}", "is no type" },
		{ "{\"properties\":{\"a\":{\"pattern\":\"(\"}}}", "e.properties.a.pattern" },
		{ "{\"$ref\":\"#/nowhere\"}", "leads nowhere" },
		{ "{\"$ref\":\"other.json\"}", "leaves the document" },
		{ "3", "wants a schema" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct err err = { 0 };
		char plan[200];

		snprintf(plan, sizeof(plan), "{\"events\":{\"e\":%s}}", pairs[i][0]);
		assert_null(plan_new(str_of(plan), "plan.json", &err));
		if (!strstr(err.text, pairs[i][1]) && !(strstr(pairs[i][1], "e.") == pairs[i][1] && strstr(err.text, pairs[i][1] + 2)))
			fail_msg("%s: %s", pairs[i][0], err.text);
		assert_int_equal(err.code, ERR_USAGE);
	}
}

static void
plans_know_their_events(void **unused)
{
	static const struct { const char *plan, *row; int rc; const char *why; } cases[] = {
		{ "{\"e\":{\"required\":[\"user_id\"]}}", "{\"event\":\"e\",\"user_id\":\"u\"}", 1, "" },
		{ "{\"e\":{\"required\":[\"user_id\"]}}", "{\"event\":\"e\"}", ERR_INPUT, "e: \"user_id\" is required" },
		{ "{\"e\":{\"properties\":{\"user_id\":{\"pattern\":\"^u\"}}}}", "{\"event\":\"e\",\"user_id\":\"v\"}", ERR_INPUT, "e: user_id: " },
		{ "{\"e\":false}", "{\"event\":\"x\"}", 1, "" },
		{ "{\"events\":{\"e\":true},\"unknown\":\"reject\"}", "{\"event\":\"x\"}", ERR_INPUT, "'x' is not in the plan" },
		{ "{\"events\":{\"e\":true},\"unknown\":\"drop\"}", "{\"event\":\"x\"}", 0, "" },
		{ "{\"e\":true,\"*\":{\"required\":[\"k\"]}}", "{\"event\":\"x\"}", ERR_INPUT, "x: \"k\" is required" },
		{ "{\"e\":{\"type\":\"object\",\"properties\":{\"properties\":{\"type\":\"object\",\"required\":[\"k\"]}}}}", "{\"event\":\"e\"}", ERR_INPUT, "e: properties: \"k\" is required" },
		{ "{\"type\":\"object\",\"required\":[\"k\"]}", "{\"event\":\"e\"}", ERR_INPUT, "e: \"k\" is required" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { 0 };
		struct event_reader reader = { 0 };
		struct event e;
		struct plan *p = plan_new(str_of(cases[i].plan), "plan", &err);

		assert_string_equal(err.text, "");
		assert_int_equal(event_read(&reader, str_of(cases[i].row), &e, &err), 0);
		assert_int_equal(plan_check(p, &e, &err), cases[i].rc);
		if (strncmp(err.text, cases[i].why, strlen(cases[i].why)))
			fail_msg("%s: %s", cases[i].plan, err.text);
		plan_free(p);
		event_reader_release(&reader);
	}
}

/* rules, properties in, properties out or "!" and the reason; ids behind a blank. */
static void
rules_clean_events(void **unused)
{
	static const char *const cases[][3] = {
		{ "{\"a\":{\"trim\":true}}", "{\"a\":\" x \",\"b\":\" y \"}", "{\"a\":\"x\",\"b\":\" y \"}" },
		{ "{\"a\":{\"case\":\"lower\"}}", "{\"a\":\"ÀBÇ ΣΩ ЖД ŁŽ\"}", "{\"a\":\"àbç σω жд łž\"}" },
		{ "{\"a\":{\"case\":\"upper\"}}", "{\"a\":\"àbç σω жд łž ÿ\"}", "{\"a\":\"ÀBÇ ΣΩ ЖД ŁŽ Ÿ\"}" },
		{ "{\"a\":{\"coerce\":\"number\"}}", "{\"a\":\" 12345678901234567890 \"}", "{\"a\":12345678901234567890}" },
		{ "{\"a\":{\"coerce\":\"number\"}}", "{\"a\":\".5\"}", "{\"a\":0.5}" },
		{ "{\"a\":{\"coerce\":\"number\"}}", "{\"a\":\"12,5\"}", "!a: '12,5' is no number" },
		{ "{\"a\":{\"coerce\":\"number\"}}", "{\"a\":\"\"}", "{\"a\":null}" },
		{ "{\"a\":{\"coerce\":\"integer\"}}", "{\"a\":\"3.0\"}", "{\"a\":3}" },
		{ "{\"a\":{\"coerce\":\"integer\"}}", "{\"a\":3.5}", "!a: '3.5' is no integer" },
		{ "{\"a\":{\"coerce\":\"boolean\"}}", "{\"a\":\"Yes\"}", "{\"a\":true}" },
		{ "{\"a\":{\"coerce\":\"boolean\"}}", "{\"a\":0}", "{\"a\":false}" },
		{ "{\"a\":{\"coerce\":\"boolean\"}}", "{\"a\":\"maybe\"}", "!a: 'maybe' is neither true nor false" },
		{ "{\"a\":{\"coerce\":\"time\"}}", "{\"a\":\" 1700000000 \"}", "{\"a\":\"2023-11-14T22:13:20.000Z\"}" },
		{ "{\"a\":{\"coerce\":\"text\"}}", "{\"a\":9007199254740993}", "{\"a\":\"9007199254740993\"}" },
		{ "{\"a\":{\"coerce\":\"time\"}}", "{\"a\":1700000000}", "{\"a\":\"2023-11-14T22:13:20.000Z\"}" },
		{ "{\"a\":{\"default\":{\"x\":1}}}", "{}", "{\"a\":{\"x\":1}}" },
		{ "{\"a\":{\"default\":\"d\"}}", "{\"a\":null}", "{\"a\":\"d\"}" },
		{ "{\"a\":{\"default\":0,\"coerce\":\"number\"}}", "{\"a\":\"\"}", "{\"a\":0}" },
		{ "{\"a\":{\"rename\":\"b\"}}", "{\"a\":1}", "{\"b\":1}" },
		{ "{\"a\":{\"rename\":\"b\"}}", "{\"a\":1,\"b\":2}", "{\"b\":2}" },
		{ "{\"a\":{\"rename\":\"user_id\"}}", "{\"a\":7}", "{} u=7" },
		{ "{\"a\":{\"drop\":true}}", "{\"a\":1,\"b\":2}", "{\"b\":2}" },
		{ "{\"a\":{\"enum\":[\"x\",1]}}", "{\"a\":1.0}", "{\"a\":1.0}" },
		{ "{\"a\":{\"enum\":[\"x\",1]}}", "{\"a\":\"y\"}", "!a: 'y' is none of" },
		{ "{\"a\":{\"range\":[0,100]}}", "{\"a\":101}", "!a: wants at most 100, has 101" },
		{ "{\"a\":{\"range\":[0,null]}}", "{\"a\":1e300}", "{\"a\":1e300}" },
		{ "{\"a\":{\"range\":[0,1]}}", "{\"a\":\"x\"}", "!a: wants a number" },
		{ "{\"a\":{\"pattern\":\"^[A-Z]{2}$\",\"case\":\"upper\"}}", "{\"a\":\"ch\"}", "{\"a\":\"CH\"}" },
		{ "{\"a\":{\"pattern\":\"^[A-Z]{2}$\"}}", "{\"a\":\"ch\"}", "!a: 'ch' does not match" },
		{ "{\"a\":{\"pii\":\"mask\"}}", "{\"a\":\"anna@example.com\"}", "{\"a\":\"a***@example.com\"}" },
		{ "{\"a\":{\"pii\":\"mask\"}}", "{\"a\":\"84.65.138.53\"}", "{\"a\":\"84.65.138.0\"}" },
		{ "{\"a\":{\"pii\":\"mask\"}}", "{\"a\":4111111111111111}", "{\"a\":\"************1111\"}" },
		{ "{\"a\":{\"pii\":\"mask\"}}", "{\"a\":\"Anna\"}", "{\"a\":\"****\"}" },
		{ "{\"a\":{\"pii\":\"drop\"}}", "{\"a\":1}", "{}" },
		/* printf Anna | openssl dgst -sha256 -hmac salt, the first 16 bytes */
		{ "{\"a\":{\"pii\":\"hash\"}}", "{\"a\":\"Anna\"}", "{\"a\":\"HASH\"}" },
		{ "{\"user_id\":{\"trim\":true,\"case\":\"lower\"}}", "{\"user_id\":\" U \"}", "{} u=u" },
		{ "{\"user_id\":{\"pii\":\"drop\"}}", "{\"user_id\":\"U\"}", "{}" },
		{ "{\"a.b\":{\"trim\":true}}", "{\"a\":{\"b\":\" x \",\"c\":1}}", "{\"a\":{\"b\":\"x\",\"c\":1}}" },
		{ "{\"a.b\":{\"trim\":true}}", "{\"a.b\":\" x \"}", "{\"a.b\":\"x\"}" },
		{ "{\"a.b\":{\"range\":[0,1]}}", "{\"a\":{\"b\":2}}", "!a: b: wants at most 1" },
		{ "{\"a\":{\"trim\":true,\"case\":\"lower\",\"coerce\":\"number\",\"pii\":\"mask\"}}", "{\"a\":\" 1234567890 \"}", "{\"a\":\"******7890\"}" },
	};
	struct buf out = { 0 };

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int named = 0; named < 2; named++) {
			char config[400], row[300];
			struct err err = { 0 };
			struct event_reader reader = { 0 };
			struct event e;
			struct clean *c;
			const char *wanted = cases[i][2];

			snprintf(config, sizeof(config), "{\"%s\":{\"clean\":%s}}", named ? "e" : "*", cases[i][0]);
			snprintf(row, sizeof(row), "{\"event\":\"e\",%s", cases[i][1] + 1);
			if (strcmp(cases[i][1], "{}") == 0)
				strcpy(row, "{\"event\":\"e\"}");
			c = clean_new(json_value(str_of(config)), STR("salt"), &err);
			assert_string_equal(err.text, "");
			assert_int_equal(event_read(&reader, str_of(row), &e, &err), 0);
			buf_clear(&out);
			if (clean_event(c, &e, &err) < 0)
				buf_printf(&out, "!%s", err.text);
			else
				buf_str(&out, e.properties);
			if (e.user_id.p)
				buf_printf(&out, " u=%.*s", STR_FMT(e.user_id));
			if (strstr(wanted, "HASH"))
				wanted = "{\"a\":\"ede7bac81644b423ee7bdc6fcae16859\"}";
			if (wanted[0] == '!' ? strncmp(buf_text(&out), wanted, strlen(wanted)) != 0 : strcmp(buf_text(&out), wanted) != 0)
				fail_msg("%s on %s: %s", cases[i][0], cases[i][1], buf_text(&out));
			clean_free(c);
			event_reader_release(&reader);
		}
	buf_release(&out);
}

static void
rules_of_all_come_before_the_events_own(void **unused)
{
	struct err err = { 0 };
	struct event e = { .name = STR("old"), .properties = STR("{\"a\":\" X \",\"b\":1}") };
	struct clean *c = clean_new(json_value(STR("{\"*\":{\"trim\":true},\"old\":{\"rename\":\"new\",\"clean\":{\"a\":{\"case\":\"lower\"}}},\"bot\":{\"drop\":true}}")), STR(""), &err);

	(void)unused;
	assert_int_equal(clean_event(c, &e, &err), 1);
	assert_true(str_eq(e.name, STR("new")));
	assert_true(str_eq(e.properties, STR("{\"a\":\"x\",\"b\":1}")));
	e.name = STR("bot");
	assert_int_equal(clean_event(c, &e, &err), 0);
	clean_free(c);
}

static void
a_packed_configuration_is_the_same_again(void **unused)
{
	static const char *const wrong[] = { "", "{}", "[]", "[{},{}]", "[{},{},3]", "[{},{},{}", "[{},{},{}]]" };
	struct err err = { 0 };
	struct buf text = { 0 }, again = { 0 };
	struct config *c, *other;

	(void)unused;
	setenv("AT_TEST_ORIGIN", "https://a.example", 1);
	write_file("analytics.json", "\xef\xbb\xbf{\"serve\": {\"cors\":[\"${AT_TEST_ORIGIN}\"]}}");
	c = config_open(dir, &err);
	assert_string_equal(err.text, "");
	setenv("AT_TEST_ORIGIN", "https://b.example", 1);
	config_pack(c, &text);
	other = config_unpack(buf_get(&text), &err);
	assert_non_null(other);
	config_pack(other, &again);
	assert_string_equal(buf_text(&again), buf_text(&text));
	assert_non_null(strstr(text.p, "https://a.example"));
	assert_int_equal(config_get(other, "analytics", "serve.cors").type, JSON_ARRAY);
	assert_int_equal(config_get(other, "analytics", "").type, config_get(c, "analytics", "").type);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_null(config_unpack(str_of(wrong[i]), &err));
		assert_int_not_equal(err.code, 0);
		err_clear(&err);
	}
	config_close(c);
	config_close(other);
	buf_release(&text);
	buf_release(&again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_keys_and_values_are_told_with_file_and_path),
		cmocka_unit_test(the_environment_is_put_into_texts),
		cmocka_unit_test(a_packed_configuration_is_the_same_again),
		cmocka_unit_test(the_other_files_take_what_the_pages_show),
		cmocka_unit_test(schemas_hold_and_break),
		cmocka_unit_test(wrong_schemas_are_refused),
		cmocka_unit_test(plans_know_their_events),
		cmocka_unit_test(rules_clean_events),
		cmocka_unit_test(rules_of_all_come_before_the_events_own),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
