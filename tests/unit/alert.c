/* Alert rules: what is found by pins is what asking every rule finds; an incident's changes follow from what was seen, in any cut of the time. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alert/evaluate.h"
#include "alert/noise.h"
#include "alert/reads.h"
#include "alert/routes.h"
#include "base/mem.h"
#include "base/time.h"
#include "folder.h"
#include "store/admin.h"

static unsigned seed;

static unsigned
draw(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

static struct config *
config_of(const char *analytics)
{
	struct config *config;
	struct err err = { 0 };
	char path[80];
	FILE *file;

	snprintf(path, sizeof(path), "%s/analytics.json", dir);
	assert_non_null(file = fopen(path, "w"));
	fputs(analytics, file);
	fclose(file);
	config = config_open(dir, &err);
	assert_non_null(config);
	return config;
}

static int
gather(void *self, const struct evaluate_alert *alert, struct err *err)
{
	(void)err;
	buf_str(self, alert->json);
	buf_byte(self, '\n');
	return 0;
}

static void
judge(const char *file, struct str rows, struct buf *out)
{
	struct rules *rules = rules_new(EXPR_NATIVE_ONLY);
	struct err err = { 0 };
	struct evaluate *e;
	struct str line;

	assert_int_equal(rules_add_all(rules, json_value(str_of(file)), &err), 0);
	e = evaluate_new(&(struct evaluate_spec){ .rules = rules, .alert = gather, .self = out, .no_clock = 1 }, &err);
	assert_non_null(e);
	for (long n = 1; rows.n && str_cut(&rows, '\n', &line); n++)
		if (line.n)
			assert_int_equal(evaluate_row(e, line, "rows", n, &err), 0);
	evaluate_free(e);
	rules_free(rules);
}

/* A condition in brackets with `| .` behind pins nothing down: every row asks it. */
static void
pins_change_nothing_but_the_time(void **state)
{
	(void)state;
	for (seed = 1; seed < 40; seed += 1) {
		struct buf pinned = { 0 }, loose = { 0 }, rows = { 0 }, a = { 0 }, b = { 0 };
		unsigned kept = seed;

		for (int side = 0; side < 2; side++) {
			struct buf *f = side ? &loose : &pinned;

			seed = kept;
			buf_byte(f, '[');
			for (int i = 0; i < 30; i++) {
				unsigned form = draw(5), metric = draw(3), host = draw(3), least = draw(100);
				char expr[300];

				switch (form) {
				case 0: snprintf(expr, sizeof(expr), "%s.metric == \\\"m%u\\\" and .labels.h == \\\"h%u\\\" and .count > %u%s", side ? "(" : "", metric, host, least, side ? ") | ." : ""); break;
				case 1: snprintf(expr, sizeof(expr), "%s.labels.h == \\\"h%u\\\" and .count > %u%s", side ? "(" : "", host, least, side ? ") | ." : ""); break;
				case 2: snprintf(expr, sizeof(expr), "%s.count > %u and .metric == \\\"m%u\\\"%s", side ? "(" : "", least, metric, side ? ") | ." : ""); break;
				case 3: snprintf(expr, sizeof(expr), "%s.metric == \\\"m%u\\\" and (.labels.h == \\\"h%u\\\" or .count > %u)%s", side ? "(" : "", metric, host, least, side ? ") | ." : ""); break;
				default: snprintf(expr, sizeof(expr), "%s.metric == \\\"m%u\\\" or .count > %u%s", side ? "(" : "", metric, least, side ? ") | ." : "");
				}
				buf_printf(f, "%s{\"alert\":\"r%d\",\"expr\":\"%s\",\"for\":\"%us\",\"no_data\":\"%s\",\"keep_firing_for\":\"%us\",\"no_data_after\":\"%us\"}", i ? "," : "", i, expr,
				    draw(3) * 60, draw(2) ? "keep" : "ok", draw(2) * 90, 60 + draw(4) * 60);
			}
			buf_byte(f, ']');
		}
		for (int t = 0; t < 40; t++)
			for (int m = 0; m < 3; m++)
				for (int h = 0; h < 3; h++)
					if (draw(4))
						buf_printf(&rows, "{\"metric\":\"m%d\",\"timestamp\":%d,\"labels\":{\"h\":\"h%d\"},\"count\":%u}\n", m, 1795000000 + 60 * t, h, draw(100));
		judge(buf_text(&pinned), buf_get(&rows), &a);
		judge(buf_text(&loose), buf_get(&rows), &b);
		assert_true(a.n > 0);
		assert_string_equal(buf_text(&a), buf_text(&b));
		seed = kept;
		buf_release(&pinned);
		buf_release(&loose);
		buf_release(&rows);
		buf_release(&a);
		buf_release(&b);
	}
}

/* Firing and resolved alternate, a firing has held for `for`, and nothing is due behind what was passed. */
static void
an_incident_alternates(void **state)
{
	(void)state;
	for (seed = 1; seed < 300; seed++) {
		struct rule rule = { .for_ms = draw(3) * 100, .keep_ms = draw(3) * 150, .no_data = (enum rules_no_data)draw(3) };
		struct incident i = INCIDENT_NEW;
		unsigned kept = seed;
		int firing = 0;

		i.stale_ms = 100 + draw(300);
		for (int64_t t = 0; t < 20000; t += 1 + draw(120)) {
			enum incident_change change;
			int64_t at;

			while ((at = incident_next(&i, &rule)) != TIME_NONE && at < t) {
				change = incident_due(&i, &rule, at);
				assert_true(change != INCIDENT_FIRED || (!firing && at - i.since >= rule.for_ms));
				assert_true(change != INCIDENT_RESOLVED || firing);
				firing = change == INCIDENT_FIRED ? 1 : change == INCIDENT_RESOLVED ? 0 : firing;
				assert_int_equal(firing, i.state == INCIDENT_FIRING);
			}
			if (draw(5) == 0)
				continue;
			change = incident_see(&i, &rule, t, (enum incident_truth)draw(3), 1);
			assert_true(change != INCIDENT_FIRED || (!firing && t - i.since >= rule.for_ms));
			assert_true(change != INCIDENT_RESOLVED || firing);
			firing = change == INCIDENT_FIRED ? 1 : change == INCIDENT_RESOLVED ? 0 : firing;
			assert_int_equal(firing, i.state == INCIDENT_FIRING);
		}
		seed = kept;
	}
}

static void
templates_take_what_there_is(void **state)
{
	struct rules_words w = { .alert = STR("a"), .value = STR("7"), .labels = json_value(STR("{\"x\":\"y\",\"n\":3}")), .row = json_value(STR("{\"count\":9,\"in\":{\"k\":true}}")) };
	static const char *const cases[][2] = { { "{{value}} {{ $value }} {{labels.x}} {{ $labels.n }}", "7 7 y 3" }, { "{{.count}} {{.in.k}} {{.none}}|", "9 true |" }, { "{{", "{{" },
		{ "a}}{{alert}}{{", "a}}a{{" }, { "", "" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf b = { 0 };

		rules_fill(&b, str_of(cases[i][0]), &w);
		assert_string_equal(buf_text(&b), cases[i][1]);
		buf_release(&b);
	}
}

/* What a rule reads is found in its texts, or it is anything; never less than it reads. */
static void
what_a_rule_reads_is_told(void **state)
{
	static const struct { const char *rule, *has, *has_not; } all[] = {    /* has "*": anything; has_not: a word that is no reason to hide it */
		{ "\"sql\":\"SELECT email AS contact, count(*) AS value FROM events GROUP BY 1\"", "email", "*" },
		{ "\"sql\":\"SELECT substr(\\\"Email\\\", 1, 3) AS x, 1 AS value FROM events\"", "Email", "*" },
		{ "\"sql\":\"SELECT [email] x, `plan` y, 1 AS value FROM events\"", "plan", "*" },
		{ "\"sql\":\"SELECT e.email FROM events e WHERE e.amount * 2 > 1 /* email */\"", "amount", "*" },
		{ "\"sql\":\"WITH t(a, b, c, d, e, f, g) AS (SELECT * FROM events) SELECT g, 1 AS value FROM t\"", "*", NULL },
		{ "\"sql\":\"SELECT e.* FROM events e\"", "*", NULL },
		{ "\"sql\":\"SELECT DISTINCT * FROM events\"", "*", NULL },
		{ "\"sql\":\"SELECT json_extract(properties, '$.em' || 'ail') AS x FROM events\"", "*", NULL },
		{ "\"sql\":\"SELECT \\\"properties\\\" ->> 'email' FROM events\"", "*", NULL },
		{ "\"sql\":\"SELECT message AS x FROM alerts\"", "*", NULL },
		{ "\"sql\":\"SELECT user_id AS x FROM Sessions('30m')\"", "*", NULL },
		{ "\"sql\":\"SELECT labels AS x FROM metrics\"", "*", NULL },
		{ "\"sql\":\"SELECT event, count( * ) AS value FROM events GROUP BY event\"", "event", "*" },
		{ "\"expr\":\".event == \\\"buy\\\" and .properties.amount > 100\"", "amount", "*" },
		{ "\"expr\":\".properties[\\\"email\\\"] == \\\"x\\\"\"", "*", NULL },
		{ "\"expr\":\"tostring | test(\\\"bob\\\")\"", "*", NULL },
		{ "\"expr\":\"(.properties | tojson | test(\\\"bob\\\")) and .event == \\\"a\\\"\"", "*", NULL },
		{ "\"expr\":\". == 1\"", "*", NULL },
		{ "\"expr\":\".event == \\\"\\\\(.)\\\"\"", "*", NULL },
		{ "\"expr\":\".event == \\\"buy\\\"\",\"message\":\"{{properties.email}} bought\"", "email", "*" },
		{ "\"expr\":\".event == \\\"buy\\\"\",\"labels\":{\"who\":\"{{ .properties.email }}\"}", "email", "*" },
		{ "\"expr\":\".event == \\\"buy\\\"\",\"message\":\"{{properties}}\"", "*", NULL },
		{ "\"expr\":\".event == \\\"buy\\\"\",\"message\":\"{{value}} of {{alert}}\"", "buy", "value" },
		{ "\"pattern\":\"a -> b[.properties.email == \\\"x\\\"] within 1h by user_id\"", "email", "user_id" },
		{ "\"pattern\":\"a -> b within 1h by user_id\",\"message\":\"{{key.user_id}}\"", "user_id", "*" },
		{ "\"pattern\":\"a -> b within 1h by user_id\",\"message\":\"{{bindings.a}}\"", "*", NULL },
		{ "\"pattern\":\"x:a -> b[$x == .] within 1h by user_id\"", "*", NULL },
		{ "\"pattern\":\"a -> b within 1h by properties.email\"", "email", "*" },
		{ "\"metric\":\"pay\",\"field\":\"salary_sum\",\"condition\":\"> 1\"", "salary", "*" },
		{ "\"condition\":\"pay.salary_sum > 1\"", "salary", "*" },
		{ "\"metric\":\"pay\",\"condition\":\"> 1\",\"every\":\"1m\",\"group_by\":\"country\"", "-", "country" },
		{ "\"metric\":\"vip\",\"condition\":\"> 1\",\"every\":\"1m\"", "email", "*" },
	};

	struct config *config = config_of("{\"metrics\":{\"vip\":{\"event\":\"buy\",\"where\":\".properties.email == \\\"x\\\"\",\"value\":\"count\"}}}");
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct rules *rules = rules_new(EXPR_NATIVE_ONLY);
		char text[500], has[60], has_not[60];
		struct str reads;

		snprintf(text, sizeof(text), "{\"alert\":\"a\",%s}", all[i].rule);
		if (rules_add(rules, json_value(str_of(text)), &err))   /* not of the subset that callers may use: refused there */
			err_clear(&err), rules->flags = 0;
		if (!rules->n && rules_add(rules, json_value(str_of(text)), &err))
			fail_msg("%s: %s", text, err.text);
		reads_find(rules, config);
		reads = rules->rule[0].reads;
		snprintf(has, sizeof(has), "\"%s\"", all[i].has);
		snprintf(has_not, sizeof(has_not), "\"%s\"", all[i].has_not ? all[i].has_not : "-");
		if ((strcmp(all[i].has, "-") != 0 && !memmem(reads.p, reads.n, has, strlen(has))) || memmem(reads.p, reads.n, has_not, strlen(has_not)))
			fail_msg("%s: reads %.*s", text, STR_FMT(reads));
		rules_free(rules);
	}
	config_close(config);
}

static void
count_trouble(void *self, int rule, const struct err *err)
{
	assert_int_equal(rule, 0);
	assert_int_equal(err->code, ERR_LIMIT);
	++*(int *)self;
}

static int
no_alert(void *self, const struct evaluate_alert *alert, struct err *err)
{
	(void)self, (void)alert, (void)err;
	return 0;
}

/* With a bound that nothing holds to: the first row shows that something is slow, the next ones what, until the rule rests. */
static void
a_rule_that_takes_too_long_is_left_out(void **state)
{
	struct rules *rules = rules_new(EXPR_NATIVE_ONLY);
	struct err err = { 0 };
	struct evaluate *e;
	int told = 0;

	(void)state;
	assert_int_equal(rules_add(rules, json_value(STR("{\"alert\":\"a\",\"expr\":\".event == \\\"x\\\" and .properties.n > 1\"}")), &err), 0);
	e = evaluate_new(&(struct evaluate_spec){ .rules = rules, .alert = no_alert, .self = &told, .no_clock = 1, .row_ns = 1, .trouble = count_trouble }, &err);
	assert_non_null(e);
	for (int i = 0; i < 1000 && !told; i++) {       /* each takes 100 ns and more, and 200 are had in all */
		char row[100];

		snprintf(row, sizeof(row), "{\"event\":\"x\",\"timestamp\":\"2026-11-29T00:00:%02dZ\",\"properties\":{\"n\":1}}", i % 60);
		assert_int_equal(evaluate_row(e, str_of(row), "rows", i, &err), 0);
		assert_int_equal(told > 0 && i == 0, 0);
	}
	assert_int_equal(told, 1);
	evaluate_free(e);
	rules_free(rules);
}

/* A condition that has an error on a row says nothing of it; a pattern sees the row all the same. */
static void
an_error_of_one_rule_hides_no_row_from_patterns(void **state)
{
	struct rules *rules = rules_new(EXPR_NATIVE_ONLY);
	struct buf out = { 0 };
	struct err err = { 0 };
	struct evaluate *e;

	(void)state;
	assert_int_equal(rules_add(rules, json_value(STR("{\"alert\":\"wrong\",\"expr\":\".properties.n | test(\\\"x\\\")\"}")), &err), 0);
	assert_int_equal(rules_add(rules, json_value(STR("{\"alert\":\"two\",\"pattern\":\"x -> x within 1h\"}")), &err), 0);
	e = evaluate_new(&(struct evaluate_spec){ .rules = rules, .alert = gather, .self = &out, .no_clock = 1 }, &err);
	assert_non_null(e);
	for (int i = 0; i < 2; i++) {
		char row[100];

		snprintf(row, sizeof(row), "{\"event\":\"x\",\"timestamp\":\"2026-11-29T00:00:0%dZ\",\"properties\":{\"n\":1}}", i);
		assert_int_equal(evaluate_row(e, str_of(row), "rows", i, &err), ERR_INPUT);
		err_clear(&err);
	}
	assert_non_null(memmem(out.p, out.n, "\"alert\":\"two\",\"state\":\"firing\"", 30));
	buf_release(&out);
	evaluate_free(e);
	rules_free(rules);
}

/* A store of a version that knew an alert by its name: one that the second rule of a name began ends, and no other. */
static void
what_was_told_by_name_ends_with_its_rule(void **state)
{
	struct err err = { 0 };
	struct buf b = { 0 };
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);
	struct evaluate_alert over = { .state = EVALUATE_RESOLVED, .time = 1, .rule = STR("odd#2"), .name = STR("odd"), .labels = STR("{\"host\":\"a\"}"), .json = STR("{\"alert\":\"odd\"}") };
	struct config *config = config_of("{\"receivers\":{\"log\":{\"type\":\"file\",\"path\":\"log\"}}}");
	struct routes *r = routes_new(config, &err);

	(void)state;
	assert_non_null(s);
	assert_non_null(r);
	buf_printf(&b, "{\"row\":{\"alert\":\"odd\"},\"severity\":\"page\",\"firing\":1,\"flapping\":0,\"time\":0,\"changes\":[],\"notes\":[{\"route\":\"%016llx\",\"told\":1,"
	    "\"told_at\":0,\"first_at\":0,\"sent\":0,\"escalated\":0,\"silenced\":0}]}", (unsigned long long)str_hash_stable(STR("{}")));
	OK(store_begin(s, &err));
	OK(store_put_state(s, "notify/x", STR("[\"odd\",{\"host\":\"a\"}]"), buf_get(&b), &err));
	OK(store_commit(s, &err));
	OK(routes_load(r, s, "x", &err));
	OK(store_begin(s, &err));
	over.severity = STR("warning");
	routes_alert(r, &over);
	assert_int_equal(routes_flush(r, s, "x", 1, TIME_NONE, &err), 0);
	over.severity = STR("page");
	routes_alert(r, &over);
	assert_int_equal(routes_flush(r, s, "x", 1, TIME_NONE, &err), 1);
	routes_alert(r, &over);
	assert_int_equal(routes_flush(r, s, "x", 1, TIME_NONE, &err), 0);
	OK(store_commit(s, &err));
	routes_free(r);
	config_close(config);
	store_close(s);
	buf_release(&b);
}

/* Whatever the clock does, and whenever it is saved, no more is kept than the last days as of then, and nothing of what is to come. */
static void
a_count_holds_whatever_the_clock_does(void **state)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);
	struct rules *rules = rules_new(0);
	struct evaluate_alert alert = { .state = EVALUATE_FIRING };
	const int64_t day = 86400000, began = 20000 * day;
	int64_t now = began;
	struct noise_of of;
	struct noise *n;
	struct buf said = { 0 };

	(void)state;
	assert_non_null(s);
	OK(rules_add(rules, json_value(STR("{\"alert\":\"many\",\"id\":\"m\",\"expr\":\".count > 1\"}")), &err));
	alert.rule = rules->rule[0].key;
	assert_non_null(n = noise_open(rules, s, "x", now, &err));
	for (int i = 0; i < 5000; i++) {
		now = draw(3) ? now + draw(2) * day : now - draw(12) * day;
		alert.time = now + ((int64_t)draw(24) - 12) * day;
		noise_alert(n, &alert, (int)draw(2), now, &said);
		if (draw(20))
			continue;
		OK(store_begin(s, &err));
		OK(noise_save(n, s, &err));
		OK(store_commit(s, &err));
		OK(noise_find(s, "x", STR("m"), now, &of, &err));
		assert_true(of.firings >= of.damped && of.firings <= i + 1 && of.a_day <= (double)of.firings);
		noise_free(n);
		assert_non_null(n = noise_open(rules, s, "x", now, &err));
	}
	OK(noise_find(s, "x", STR("other"), now, &of, &err));
	assert_true(of.firings == 0 && !of.noisy);
	noise_free(n);
	rules_free(rules);
	store_close(s);
	buf_release(&said);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pins_change_nothing_but_the_time),
		cmocka_unit_test(an_incident_alternates),
		cmocka_unit_test(templates_take_what_there_is),
		cmocka_unit_test_setup_teardown(what_a_rule_reads_is_told, folder_set_up, folder_tear_down),
		cmocka_unit_test(a_rule_that_takes_too_long_is_left_out),
		cmocka_unit_test(an_error_of_one_rule_hides_no_row_from_patterns),
		cmocka_unit_test_setup_teardown(a_count_holds_whatever_the_clock_does, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(what_was_told_by_name_ends_with_its_rule, folder_set_up, folder_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
