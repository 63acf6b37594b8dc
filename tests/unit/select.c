/* The tree of a SELECT, printed with a bracket around each operator: SQLite's precedence; and what it gives up on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "query/select.h"

static void put(struct buf *, const struct select_expr *);

static void
put_list(struct buf *to, const struct select_expr *e, int from)
{
	for (int i = from; i < e->n_args; i++) {
		buf_lit(to, i > from ? " " : "");
		put(to, e->arg[i]);
	}
}

static void
put(struct buf *to, const struct select_expr *e)
{
	static const char *const of[] = { [SELECT_LIKE] = "like", [SELECT_BETWEEN] = "between", [SELECT_IN] = "in", [SELECT_IS_NULL] = "null", [SELECT_CASE] = "case",
		[SELECT_CAST] = "cast", [SELECT_COLLATE] = "collate", [SELECT_CALL] = "call", [SELECT_SUBQUERY] = "subquery", [SELECT_EXISTS] = "exists", [SELECT_ROW] = "row" };

	switch (e->of) {
	case SELECT_NUMBER: case SELECT_TEXT: case SELECT_BLOB: case SELECT_PARAM:
		buf_str(to, e->name);
		return;
	case SELECT_NULL:
		buf_lit(to, "NULL");
		return;
	case SELECT_COLUMN:
		if (e->table.p)
			buf_printf(to, "%.*s.", STR_FMT(e->table));
		buf_str(to, e->name);
		return;
	case SELECT_UNARY: case SELECT_BINARY:
		buf_printf(to, "(%s ", e->op);
		break;
	default:
		buf_printf(to, "(%s%s", e->negated ? "not-" : "", of[e->of]);
		if (e->name.n)
			buf_printf(to, ":%.*s", STR_FMT(e->name));
		buf_lit(to, e->n_args ? " " : "");
	}
	put_list(to, e, 0);
	if (e->filter) {
		buf_lit(to, " if ");
		put(to, e->filter);
	}
	buf_lit(to, e->over ? " over)" : ")");
}

static const struct { const char *typed, *tree; } trees[] = {
	{ "a + b * c - d", "(- (+ a (* b c)) d)" },
	{ "a OR b AND NOT c = d", "(OR a (AND b (NOT (= c d))))" },
	{ "NOT a IS NULL", "(NOT (IS a NULL))" },
	{ "NOT a NOT NULL", "(NOT (not-null a))" },
	{ "a = b < c", "(= a (< b c))" },
	{ "a == b != c", "(<> (= a b) c)" },
	{ "a < b | c << d + e || f COLLATE nocase", "(< a (<< (| b c) (+ d (|| e (collate:nocase f)))))" },
	{ "-a COLLATE x", "(collate:x (- a))" },
	{ "- - ~a->>'x'", "(->> (- (- (~ a))) x)" },
	{ "a BETWEEN 1 AND 2 AND b", "(AND (between a 1 2) b)" },
	{ "a BETWEEN 1 = 2 AND 3 = 4", "(= (between a (= 1 2) 3) 4)" },
	{ "a NOT BETWEEN b + 1 AND c OR d", "(OR (not-between a (+ b 1) c) d)" },
	{ "a LIKE b ESCAPE 'x' AND c NOT LIKE d", "(AND (like a b x) (not-like c d))" },
	{ "a REGEXP 'x' = 1", "(= (like a x) 1)" },
	{ "a IN (1, 2) IS NOT b", "(IS NOT (in a 1 2) b)" },
	{ "a IS NOT DISTINCT FROM b", "(IS a b)" },
	{ "a NOT IN ()", "(not-in a)" },
	{ "x ISNULL NOTNULL", "(not-null (null x))" },
	{ "CASE a WHEN 1 THEN 2 ELSE 3 END + 1", "(+ (case a 1 2 3) 1)" },
	{ "CAST(a + 1 AS VARCHAR(10, 2))", "(cast:VARCHAR(10, 2) (+ a 1))" },
	{ "count(*) FILTER (WHERE a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)", "(call:count if a over)" },
	{ "count(DISTINCT a)", "(call:count a)" },
	{ "(a, b) = (1, 2)", "(= (row a b) (row 1 2))" },
	{ "((a))", "a" }, { "t.a", "t.a" }, { "\"a \"\"b\"", "a \"b" }, { "'it''s'", "it's" }, { "x'00'", "x'00'" },
	{ "?1 + :a", "(+ ?1 :a)" }, { "left(a, 1)", "(call:left a 1)" }, { "NULL", "NULL" },
	{ "(SELECT 1)", "(subquery)" }, { "EXISTS (SELECT 1)", "(exists)" },
};

static void
precedence(void **state)
{
	struct buf sql = {0}, tree = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(trees) / sizeof(*trees); i++) {
		struct arena *arena = arena_new(0);
		struct err err = {0};
		struct select *s;

		buf_clear(&sql), buf_clear(&tree);
		buf_printf(&sql, "SELECT %s", trees[i].typed);
		if (!(s = select_parse(buf_get(&sql), arena, &err)))
			fail_msg("%s: %s", trees[i].typed, err.text);
		put(&tree, s->core[0].item[0].expr);
		assert_string_equal(buf_text(&tree), trees[i].tree);
		assert_int_equal(s->core[0].item[0].from, 7);
		assert_int_equal(s->core[0].item[0].to, sql.n);
		arena_free(arena);
	}
	buf_release(&sql), buf_release(&tree);
}

static void
clauses(void **state)
{
	static const char sql[] = "WITH RECURSIVE a(x, y) AS MATERIALIZED (SELECT 1, 2), b AS (VALUES (1), (2)) "
	    "SELECT DISTINCT e.*, x AS 'one', y two, count(*) FROM events e LEFT OUTER JOIN (SELECT 1) AS s ON e.id = s.id, c JOIN f(1, 2) g USING (id) "
	    "WHERE x > 1 GROUP BY 1, y HAVING count(*) > 2 WINDOW w AS (PARTITION BY x ORDER BY y), v AS (w) "
	    "UNION ALL SELECT 1, 2, 3, 4 FROM (a JOIN b) INTERSECT VALUES (1, 2, 3, 4) ORDER BY one DESC NULLS LAST, 2 LIMIT 10 OFFSET (5);";
	struct arena *arena = arena_new(0);
	struct err err = {0};
	struct select *s = select_parse(str_of(sql), arena, &err);

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->n_with, 2);
	assert_int_equal(s->n_cores, 3);
	assert_int_equal(s->core[0].n_items, 4);
	assert_true(s->core[0].distinct);
	assert_true(str_eq(s->core[0].item[0].table, STR("e")) && !s->core[0].item[0].expr);
	assert_true(str_eq(s->core[0].item[1].alias, STR("one")) && str_eq(s->core[0].item[2].alias, STR("two")));
	assert_int_equal(s->core[0].n_sources, 4);
	assert_true(s->core[0].source[0].plain && str_eq(s->core[0].source[0].alias, STR("e")));
	assert_non_null(s->core[0].source[1].on);
	assert_int_equal(s->core[0].source[3].n_args, 2);
	assert_int_equal(s->core[0].n_group, 2);
	assert_int_equal(s->core[0].n_windows, 2);
	assert_int_equal(s->core[1].source[0].n_inner, 2);
	assert_int_equal(s->core[2].n_values, 4);
	assert_int_equal(s->n_order, 2);
	assert_true(s->order[0].descending && s->order[0].nulls == 2);
	assert_memory_equal(sql + s->limit_from, "LIMIT", 5);
	assert_true(str_eq(s->limit->name, STR("10")) && str_eq(s->offset->name, STR("5")));
	s = select_parse(STR("SELECT 1 LIMIT 5, 10"), arena, &err);
	assert_true(s && str_eq(s->limit->name, STR("10")) && str_eq(s->offset->name, STR("5")));
	arena_free(arena);
}

static void
gives_up(void **state)
{
	static const char *const wrong[] = { "", "SELECT", "SELECT 1 FROM", "SELECT a b c", "SELECT (1", "SELECT 1)", "SELECT a IN b", "SELECT 1; SELECT 2", "SELECT a + NOT b",
		"SELECT a BETWEEN 1", "SELECT CASE END", "SELECT CAST(a)", "INSERT INTO t VALUES (1)", "SELECT 'x", "SELECT * FROM t INDEXED BY i", "SELECT 1 LIMIT 1,",
		"SELECT f(DISTINCT)", "SELECT a FROM t GROUP BY", "WITH a SELECT 1", "SELECT 1 NULLS FIRST", "SELECT a NOT b" };
	struct buf deep = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct arena *arena = arena_new(0);
		struct err err = {0};

		if (select_parse(str_of(wrong[i]), arena, &err))
			fail_msg("%s", wrong[i]);
		assert_int_not_equal(err.code, 0);
		arena_free(arena);
	}
	for (int way = 0; way < 3; way++) {     /* as deep as somebody likes: an end, no crash */
		struct arena *arena = arena_new(64u << 20);
		struct err err = {0};

		buf_clear(&deep);
		buf_lit(&deep, "SELECT ");
		for (int i = 0; i < 30000; i++)
			buf_lit(&deep, way == 0 ? "(" : way == 1 ? "1+" : "(SELECT ");
		assert_null(select_parse(buf_get(&deep), arena, &err));
		arena_free(arena);
	}
	buf_release(&deep);
}

static void
the_same(void **state)
{
	static const struct { const char *a, *b; int same; } pairs[] = { { "Lower(\"A\") + 1", "LOWER(a)+ 1", 1 }, { "'A'", "'a'", 0 }, { "1", "2", 0 }, { "a = 1", "a == 1", 1 },
		{ "a IN (1)", "a NOT IN (1)", 0 }, { "t.a", "a", 0 }, { "CAST(a AS INT)", "CAST(a AS int)", 1 }, { "f(a)", "f(a, b)", 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct arena *arena = arena_new(0);
		struct err err = {0};
		struct buf sql = {0};
		struct select *s;

		buf_printf(&sql, "SELECT %s, %s", pairs[i].a, pairs[i].b);
		s = select_parse(buf_get(&sql), arena, &err);
		assert_non_null(s);
		assert_int_equal(select_same(s->core[0].item[0].expr, s->core[0].item[1].expr), pairs[i].same);
		buf_release(&sql);
		arena_free(arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(precedence), cmocka_unit_test(clauses), cmocka_unit_test(gives_up), cmocka_unit_test(the_same) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
