/* What analysts type, and what SQLite gets: statement by statement, and that errors point to where they were typed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "query/rewrite.h"

static int
columns(void *self, const char *sql, int (*each)(void *, struct str, struct err *), void *to, struct err *err)
{
	(void)self, (void)sql;
	return each(to, STR("a"), err) || each(to, STR("b"), err) || each(to, STR("id:1"), err);
}

static int
values(void *self, const char *sql, int (*each)(void *, struct str, struct str, struct err *), void *to, struct err *err)
{
	(void)self, (void)sql;
	return each(to, STR("x"), STR("'x'"), err) || each(to, STR("it's"), STR("'it''s'"), err);
}

static int
is_property(void *self, struct str name)
{
	(void)self;
	return str_eq(name, STR("viewport"));
}

static const struct rewrite_host host = { NULL, columns, values, is_property };

static const struct { const char *typed, *sent; } pairs[] = {
	/* what SQLite understands passes as it stands */
	{ "SELECT count(*) , a||'x' FROM t -- c", "SELECT count(*) , a||'x' FROM t" },
	{ "SELECT left, 1-1, -x, 3--2\n FROM t", "SELECT left, 1-1, -x, 3 FROM t" },
	{ "SELECT a AS interval, interval FROM t", "SELECT a AS interval, interval FROM t" },
	/* times */
	{ "SELECT 1 WHERE timestamp > NOW() - INTERVAL 1 HOUR", "SELECT 1 WHERE timestamp > time_add(NOW(), -1, '1 HOUR')" },
	{ "SELECT 1 WHERE timestamp > now() - interval '1 day' - interval 2 hours", "SELECT 1 WHERE timestamp > time_add(time_add(now(), -1, '1 day'), -1, '2 hours')" },
	{ "SELECT 1 WHERE timestamp >= '2025-01-01'", "SELECT 1 WHERE timestamp >= '2025-01-01T00:00:00.000Z'" },
	{ "SELECT 1 WHERE timestamp BETWEEN '2025-01-01' AND :x", "SELECT 1 WHERE timestamp BETWEEN '2025-01-01T00:00:00.000Z' AND at_time(:x)" },
	{ "SELECT 1 WHERE e.timestamp < f.timestamp AND x < '2025-01-01'", "SELECT 1 WHERE e.timestamp < f.timestamp AND x < '2025-01-01'" },
	{ "SELECT a.timestamp - b.timestamp AS d", "SELECT time_minus(a.timestamp , b.timestamp) AS d" },
	{ "SELECT 1 WHERE timestamp > 1795017600000 AND 1795017600 <= timestamp AND timestamp < 1795017600.5",
	    "SELECT 1 WHERE timestamp > '2026-11-18T16:00:00.000Z' AND '2026-11-18T16:00:00.000Z' <= timestamp AND timestamp < '2026-11-18T16:00:00.500Z'" },
	{ "SELECT 1 WHERE timestamp BETWEEN 1795017600 AND 1795017601 AND timestamp IN (1795017600, :x)",
	    "SELECT 1 WHERE timestamp BETWEEN '2026-11-18T16:00:00.000Z' AND '2026-11-18T16:00:01.000Z' AND timestamp IN ('2026-11-18T16:00:00.000Z', at_time(:x))" },
	{ "SELECT 1 WHERE timestamp > unixepoch() - 3600", "SELECT 1 WHERE timestamp > at_time(unixepoch() - 3600)" },
	{ "SELECT 1 WHERE timestamp > now() - 24 * 3600", "SELECT 1 WHERE timestamp > at_time(time_minus(now() , 24 * 3600))" },
	{ "SELECT min(timestamp) AS t HAVING max(timestamp) > 1795017600", "SELECT min(timestamp) AS t HAVING max(timestamp) > '2026-11-18T16:00:00.000Z'" },
	{ "SELECT epoch(t) AS timestamp HAVING timestamp > 1795017600", "SELECT epoch(t) AS timestamp HAVING timestamp > at_time(1795017600,timestamp)" },
	{ "SELECT 1 FROM input i WHERE i.timestamp > 12", "SELECT 1 FROM input i WHERE at_alike(i.timestamp,12) > at_alike(12,i.timestamp)" },
	{ "SELECT DATE '2025-01-01' AS d", "SELECT '2025-01-01' AS d" },
	{ "SELECT extract(hour FROM t) AS h", "SELECT date_part('hour' , t) AS h" },
	{ "SELECT t AT TIME ZONE 'UTC' AS h", "SELECT at_zone(t , 'UTC') AS h" },
	{ "SELECT sum(x) OVER (ORDER BY t RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW) AS s",
	    "SELECT sum(x) OVER (ORDER BY epoch_ms(t) RANGE BETWEEN 3600000 PRECEDING AND CURRENT ROW) AS s" },
	{ "SELECT 3 * INTERVAL '1 hour' + t AS x", "SELECT time_add(t, 1, interval_of(3 , '1 hour')) AS x" },
	/* operators, casts, calls */
	{ "SELECT a::int::text AS x", "SELECT cast_to(cast_to(a,'int'),'text') AS x" },
	{ "SELECT a FROM t WHERE b !~ 'x' AND c ILIKE 'y'", "SELECT a FROM t WHERE b NOT REGEXP 'x' AND c MATCH 'y'" },
	{ "SELECT match(a, 'b') AS m", "SELECT regexp_matches(a, 'b') AS m" },
	{ "SELECT CAST(a AS INTEGER), ~a FROM t", "SELECT CAST(a AS INTEGER), ~a FROM t" },
	{ "SELECT quantile(0.9)(x) AS q", "SELECT quantile(x,0.9) AS q" },
	{ "SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY x DESC) AS q", "SELECT percentile_cont(x,(1 - (0.9))) AS q" },
	{ "SELECT string_agg(x, '-' ORDER BY y) AS s", "SELECT ordered_text(x , y, 0, '-') AS s" },
	{ "SELECT left(a, 2) AS l", "SELECT str_left(a, 2) AS l" },
	{ "SELECT properties.page AS p, viewport.w.x AS w", "SELECT property(properties,'page') AS p, property(viewport,'w','x') AS w" },
	{ "SELECT viewport.w FROM u AS viewport", "SELECT viewport.w FROM u AS viewport" },
	/* shapes */
	{ "FROM t SELECT a", "SELECT a FROM t" },
	{ "FROM t WHERE a", "SELECT * FROM t WHERE a" },
	{ "SELECT a, count(*) FROM t GROUP BY ALL", "SELECT a, count(*) FROM t GROUP BY 1" },
	{ "SELECT ['[1]'::int[], [2]] AS l", "SELECT json_array( cast_to('[1]','json'), json_array(2)) AS l" },
	{ "SELECT minIf(a, ) AS m FROM t", "SELECT min(a) FILTER (WHERE ) AS m FROM t" },         /* SQLite tells it */
	{ "SELECT * EXCLUDE (b) FROM t", "SELECT \"a\", \"id\" FROM t" },
	{ "SELECT max(COLUMNS('^[ab]')) FROM t", "SELECT max(\"a\"), max(\"b\") FROM t" },
	{ "SELECT a, row_number() OVER (ORDER BY b) AS r FROM t QUALIFY r = 1 LIMIT 2",
	    "SELECT \"a\", \"r\" FROM (SELECT a AS \"a\", row_number() OVER (ORDER BY b) AS r, ((row_number() OVER (ORDER BY b)) = 1) AS \" qualify\" FROM t) WHERE \" qualify\" LIMIT 2" },
	{ "SELECT x.* FROM (VALUES (1, 2)) AS x(a, b)", "SELECT x.* FROM (WITH x(a, b) AS (VALUES (1, 2)) SELECT * FROM x) AS x" },
	{ "SELECT a, b, count(*) AS n FROM t GROUP BY ROLLUP(a, b)",
	    "SELECT * FROM (SELECT a AS \"a\", b AS \"b\", count(*) AS \"n\" FROM t GROUP BY a , b UNION ALL SELECT a AS \"a\", NULL AS \"b\", count(*) AS \"n\" FROM t GROUP BY a "
	    "UNION ALL SELECT NULL AS \"a\", NULL AS \"b\", count(*) AS \"n\" FROM t)" },
	{ "PIVOT t ON b USING sum(c) GROUP BY a", "SELECT a, sum(c) FILTER (WHERE b = 'x') AS \"x\", sum(c) FILTER (WHERE b = 'it''s') AS \"it's\" FROM t GROUP BY a" },
	/* a column keeps the name it was typed under */
	{ "SELECT x::int, a FROM t", "SELECT cast_to(x,'int') AS \"x::int\", a FROM t" },
};

static void
squeeze(char *s)                /* blanks count for nothing but one */
{
	char *to = s;

	for (; *s; s++)
		if (*s != ' ' || (to[-1] != ' ' && to[-1] != '(' && s[1] != '(' && s[1] != ')' && s[1] != ',' && to[-1] != ','))
			*to++ = *s;
	*to = 0;
}

static void
each_statement_becomes_sqlites(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct str rest = { pairs[i].typed, strlen(pairs[i].typed) };
		struct rewrite r = {0};
		struct err err = {0};
		char got[4096], want[4096];

		if (rewrite_next(&rest, &host, &r, &err) != 1)
			fail_msg("%s: %s", pairs[i].typed, err.text);
		snprintf(got, sizeof(got), " %s", buf_text(&r.text));
		snprintf(want, sizeof(want), " %s", pairs[i].sent);
		squeeze(got + 1), squeeze(want + 1);
		assert_string_equal(got, want);
		assert_int_equal(rewrite_next(&rest, &host, &r, &err), 0);
		rewrite_release(&r);
	}
}

static void
what_is_rewritten_needs_no_second_rewriting(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct str rest = { pairs[i].typed, strlen(pairs[i].typed) };
		struct rewrite once = {0}, twice = {0};
		struct err err = {0};
		char a[4096], b[4096];

		assert_int_equal(rewrite_next(&rest, &host, &once, &err), 1);
		rest = buf_get(&once.text);
		assert_int_equal(rewrite_next(&rest, &host, &twice, &err), 1);
		snprintf(a, sizeof(a), " %s", buf_text(&once.text));
		snprintf(b, sizeof(b), " %s", buf_text(&twice.text));
		squeeze(a + 1), squeeze(b + 1);
		assert_string_equal(a, b);
		rewrite_release(&once), rewrite_release(&twice);
	}
}

static void
statements_are_taken_one_by_one(void **state)
{
	struct str rest = STR(" ; SELECT ';' ; -- x\n SELECT 2;; ");
	struct rewrite r = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(rewrite_next(&rest, NULL, &r, &err), 1);
	assert_string_equal(buf_text(&r.text), "SELECT ';'");
	assert_int_equal(rewrite_next(&rest, NULL, &r, &err), 1);
	assert_string_equal(buf_text(&r.text), "SELECT 2");
	assert_int_equal(rewrite_next(&rest, NULL, &r, &err), 0);
	rewrite_release(&r);
}

static void
errors_point_to_what_was_typed(void **state)
{
	static const struct { const char *sql; long col; } wrong[] = {
		{ "SELECT (1", 8 }, { "SELECT 1)", 9 }, { "SELECT 'a", 8 }, { "SELECT a /* x", 10 }, { "SELECT NOW() - INTERVAL '1 lightyear'", 25 },
		{ "SELECT a FROM t GROUP BY CUBE(a,b,c,d,e,f,g,h,i)", 26 }, { "SELECT \x01", 8 }, { "SELECT DATE 'tomorow'", 13 },
		{ "SELECT [[1], '[7]'::int[]", 8 }, { "SELECT * EXCLUDE (a, bb) FROM t", 22 }, { "SELECT * EXCLUDE idd FROM t", 18 },
		{ "SELECT * REPLACE (1 AS bb) FROM t", 24 }, { "SELECT * RENAME (aa AS c) FROM t", 18 }, { "SELECT COLUMNS(* EXCLUDE (zzz)) FROM t", 27 } };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct str rest = { wrong[i].sql, strlen(wrong[i].sql) };
		struct rewrite r = {0};
		struct err err = {0};

		assert_int_equal(rewrite_next(&rest, &host, &r, &err), ERR_INPUT);
		if (err.col != wrong[i].col)
			fail_msg("%s: column %ld, %s", wrong[i].sql, err.col, err.text);
		rewrite_release(&r);
	}
}

static void
places_lead_back(void **state)
{
	struct str rest = STR("SELECT a::int, NOW() - INTERVAL 1 DAY, wrong FROM t");
	const char *sql = rest.p, *at;
	struct rewrite r = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(rewrite_next(&rest, NULL, &r, &err), 1);
	at = strstr(buf_text(&r.text), "wrong");
	assert_int_equal(rewrite_origin(&r, (size_t)(at - r.text.p)), strstr(sql, "wrong") - sql);
	rewrite_release(&r);
}

static void
a_shell_knows_when_a_statement_is_whole(void **state)
{
	(void)state;
	assert_true(rewrite_complete(STR("SELECT 1;")));
	assert_true(rewrite_complete(STR("SELECT 1; -- x")));
	assert_false(rewrite_complete(STR("SELECT ';")));
	assert_false(rewrite_complete(STR("SELECT 1")));
	assert_false(rewrite_complete(STR("SELECT (1;")));
}

static void
long_and_deep_statements_are_refused_in_time(void **state)
{
	static const struct { const char *head, *unit, *tail; int times; } big[] = {
		{ "SELECT ", "(", "1", 100000 }, { "SELECT 1", "::int", "", 40000 }, { "SELECT 1", " - INTERVAL 1 DAY", "", 12000 },
		{ "SELECT 1 ", "END::a ", "", 30000 }, { "SELECT ", "SELECT ", "", 30000 }, { "SELECT a", ",a b", " FROM t QUALIFY b", 20000 },
		{ "SELECT a FROM ", "(SELECT a FROM ", "t", 900 }, { "", "WITH a AS (", "", 900 }, { "SELECT 1 GROUP BY ", "ROLLUP(a),", "b", 20000 } };

	(void)state;
	for (size_t i = 0; i < sizeof(big) / sizeof(*big); i++) {
		struct buf sql = {0};
		struct rewrite r = {0};
		struct err err = {0};
		struct str rest;

		buf_lit(&sql, big[i].head);
		for (int k = 0; k < big[i].times; k++)
			buf_lit(&sql, big[i].unit);
		buf_lit(&sql, big[i].tail);
		rest = buf_get(&sql);
		rewrite_next(&rest, &host, &r, &err);
		rewrite_release(&r);
		buf_release(&sql);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_statement_becomes_sqlites),
		cmocka_unit_test(what_is_rewritten_needs_no_second_rewriting),
		cmocka_unit_test(statements_are_taken_one_by_one),
		cmocka_unit_test(errors_point_to_what_was_typed),
		cmocka_unit_test(places_lead_back),
		cmocka_unit_test(a_shell_knows_when_a_statement_is_whole),
		cmocka_unit_test(long_and_deep_statements_are_refused_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
