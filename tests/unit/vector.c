/* The promise of query/vector.h: a plan run over columns gives what SQLite gives for the same words over the same rows, bit for bit
 * the same over any number of threads. Plans, filters and expressions are drawn at random; SQLite has the rows in a table. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"
#include "query/functions.h"
#include "query/query_priv.h"
#include "query/vector_priv.h"
#include "store/admin.h"
#include "folder.h"

#define START 1700000000000

static int
one_of(int n)
{
	return rand() % n;
}

/* ---- rows */

static void
put_value(struct buf *out, int kind)
{
	static const char *const odd[] = { "true", "false", "null", "\"\"", "\"a\\u00e9\\n\"", "[1, \"x\"]", "{\"b\":1}", "-0.0", "9007199254740993", "9007199254740992.0",
		"9223372036854775807", "-9223372036854775808", "1.0", "12", "12.5", "\"12\"", "\"12 apples\"", "1e300", "\"\\u00c4 B\"", "\"a\\u0000b\"" };

	switch (kind) {
	case 0:
		buf_printf(out, "%d", one_of(100) - 50);
		break;
	case 1:
		buf_printf(out, "%d.%d", one_of(100), 1 + one_of(9));
		break;
	case 2:
		buf_printf(out, "\"%s-%d\"", one_of(2) ? "Text" : "tExt", one_of(30));
		break;
	case 3:
		buf_printf(out, one_of(2) ? "%d" : "%d.25", one_of(100));
		break;
	default:
		buf_lit(out, odd[one_of((int)(sizeof(odd) / sizeof(*odd)))]);
	}
}

static void
add_rows(struct store *s, int n)
{
	static const char *const key[] = { "whole", "real", "text", "number", "any" };
	struct buf properties = {0};
	char name[16], user[16], id[16];
	struct err err = {0};

	OK(store_begin(s, &err));
	for (int i = 0; i < n; i++) {
		struct event ev = { .time = START + one_of(100000000), .received = START + i };

		buf_clear(&properties);
		for (int k = 0; k < 5; k++)
			if (one_of(5)) {
				buf_printf(&properties, "%s\"%s\":", properties.n ? "," : "{", key[k]);
				put_value(&properties, k);
			}
		buf_lit(&properties, properties.n ? "}" : "{}");
		ev.name = (struct str){ name, (size_t)sprintf(name, "e%d", one_of(5)) };
		if (one_of(3))
			ev.user_id = (struct str){ user, (size_t)sprintf(user, "u%d", one_of(300)) };
		if (one_of(2))
			ev.id = (struct str){ id, (size_t)sprintf(id, "i%d", rand()) };
		if (one_of(50) == 0)
			ev.session_id = STR("s");
		ev.properties = buf_get(&properties);
		OK(store_add(s, &ev, &err));
	}
	OK(store_commit(s, &err));
	buf_release(&properties);
}

/* The columns there are: their names in SQL are those of the reference's table. */
static const struct { const char *name; struct store_field field; } columns[] = {
	{ "event", { FIELD_EVENT } }, { "time", { FIELD_TIME } }, { "seq", { FIELD_SEQ } }, { "received", { FIELD_RECEIVED } }, { "id", { FIELD_ID } },
	{ "user", { FIELD_USER } }, { "session", { FIELD_SESSION } }, { "whole", { FIELD_PROPERTY, STR("whole") } }, { "real", { FIELD_PROPERTY, STR("real") } },
	{ "text", { FIELD_PROPERTY, STR("text") } }, { "number", { FIELD_PROPERTY, STR("number") } }, { "any", { FIELD_PROPERTY, STR("any") } } };
enum { EVENT, TIME, SEQ, RECEIVED, ID, USER, SESSION, WHOLE, REAL, TEXT, NUMBER, ANY, COLUMNS };

static void
bind_cell(sqlite3_stmt *st, int i, struct cell c)
{
	if (c.type == CELL_INTEGER)
		sqlite3_bind_int64(st, i, c.integer);
	else if (c.type == CELL_REAL)
		sqlite3_bind_double(st, i, c.real);
	else if (c.type == CELL_TEXT)
		sqlite3_bind_text64(st, i, c.text.p, c.text.n, SQLITE_TRANSIENT, SQLITE_UTF8);
	else
		sqlite3_bind_null(st, i);
}

static struct functions *functions;

/* The rows of the store in a table of SQLite. */
static sqlite3 *
reference(struct store *s)
{
	struct store_range all = { .from = TIME_MIN, .to = TIME_MAX + 1 };
	struct err err = {0};
	struct store_scan *scan = store_scan_open(s, &all, &err);
	sqlite3 *db;
	sqlite3_stmt *st;
	struct event ev;
	struct buf sql = {0}, scratch = {0};
	char time[TIME_LEN], received[TIME_LEN];

	assert_non_null(scan);
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	functions = functions_add(db, NULL, NULL, &err);
	assert_non_null(functions);
	for (int i = 0; i < COLUMNS; i++)
		buf_printf(&sql, "%s\"%s\"", i ? ", " : "CREATE TABLE t(", columns[i].name);
	buf_lit(&sql, ")");
	assert_int_equal(sqlite3_exec(db, buf_text(&sql), NULL, NULL, NULL), SQLITE_OK);
	sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
	assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO t VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", -1, &st, NULL), SQLITE_OK);
	while (store_scan_next(scan, &ev, &err) > 0) {
		time_print(ev.time, time), time_print(ev.received, received);
		struct cell row[COLUMNS] = { cell_text(ev.name), cell_text((struct str){ time, TIME_LEN }), cell_integer((int64_t)ev.seq),
			cell_text((struct str){ received, TIME_LEN }), cell_text(ev.id), cell_text(ev.user_id), cell_text(ev.session_id) };

		for (int i = 0; i < COLUMNS; i++) {
			if (i >= WHOLE)
				row[i] = cell_of_json(json_get(json_value(ev.properties), columns[i].field.name), &scratch);
			bind_cell(st, i + 1, row[i]);
		}
		assert_int_equal(sqlite3_step(st), SQLITE_DONE);
		sqlite3_reset(st);
	}
	assert_int_equal(err.code, 0);
	sqlite3_finalize(st);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	store_scan_close(scan);
	buf_release(&sql), buf_release(&scratch);
	return db;
}

/* ---- plans at random, with their words */

static struct arena *arena;

static struct vector_expr *
node(enum vector_op op, int n)
{
	struct vector_expr *e = arena_get(arena, sizeof(*e));

	*e = (struct vector_expr){ .op = op, .n_args = n, .arg = arena_get(arena, ((size_t)n + 1) * sizeof(struct vector_expr *)) };
	return e;
}

static struct vector_expr *
column(int i, struct buf *sql)
{
	struct vector_expr *e = node(VECTOR_FIELD, 0);

	e->field = i;
	buf_printf(sql, "\"%s\"", columns[i].name);
	return e;
}

static struct vector_expr *
constant(struct cell c, struct buf *sql)
{
	struct vector_expr *e = node(VECTOR_CONSTANT, 0);
	char *text;

	if (c.type == CELL_TEXT)
		c.text.p = arena_dup(arena, c.text.p, c.text.n);
	e->constant = c;
	text = c.type == CELL_TEXT ? sqlite3_mprintf("%Q", c.text.p) : c.type == CELL_INTEGER ? sqlite3_mprintf("%lld", (long long)c.integer) :
	    c.type == CELL_REAL ? sqlite3_mprintf("%!.17g", c.real) : sqlite3_mprintf("NULL");
	buf_lit(sql, text);
	sqlite3_free(text);
	return e;
}

static struct vector_expr *
any_constant(struct buf *sql)
{
	static const char *const texts[] = { "", "Text-1", "text-1", "u7", "e1", "12", "a", "2023-11-15T00:00:00.000Z", "2023-11-15" };

	switch (one_of(8)) {
	case 0:
	case 1:
		return constant(cell_integer(one_of(100) - 20), sql);
	case 2:
		return constant(cell_real(one_of(100) + 0.25 * one_of(4)), sql);
	case 3:
		return constant(cell_integer(one_of(2) ? INT64_MAX : 9007199254740993), sql);
	case 4:
		return constant(cell_null(), sql);
	default:
		return constant(cell_text(str_of(texts[one_of((int)(sizeof(texts) / sizeof(*texts)))])), sql);
	}
}

static struct vector_expr *expression(int depth, struct buf *sql);

static struct vector_expr *
infix(enum vector_op op, const char *word, int depth, struct buf *sql)
{
	struct vector_expr *e = node(op, 2);

	buf_lit(sql, "(");
	e->arg[0] = expression(depth - 1, sql);
	buf_printf(sql, " %s ", word);
	e->arg[1] = one_of(2) ? any_constant(sql) : expression(depth - 1, sql);
	buf_lit(sql, ")");
	return e;
}

static struct vector_expr *
like(struct buf *sql)
{
	static const char *const patterns[] = { "%ext%", "text-1%", "%-1", "t_xt-%", "Text-12", "%", "", "%%", "_%", "%1%2%", "\xc3\xa4 b", "%\xc3\x84%", "12", "%5%" };
	struct vector_expr *e = node(VECTOR_LIKE, 2);

	buf_lit(sql, "(");
	e->arg[0] = column(one_of(3) ? TEXT : ANY, sql);
	buf_lit(sql, " LIKE ");
	e->arg[1] = constant(cell_text(str_of(patterns[one_of((int)(sizeof(patterns) / sizeof(*patterns)))])), sql);
	buf_lit(sql, ")");
	return e;
}

/* SQL of its own over one field or two. */
static struct vector_expr *
own_words(struct buf *sql)
{
	static const char *const one[] = { "upper(%s)", "length(%s)", "typeof(%s)", "round(%s, 1)", "coalesce(%s, 'none') || '!'", "substr(%s, 2, 3)" };
	static const char *const two[] = { "%s || '-' || %s", "nullif(%s, %s)", "max(%s, %s)" };
	int n = 1 + (one_of(4) == 0), a = one_of(COLUMNS), b = one_of(COLUMNS);
	struct vector_expr *e = node(VECTOR_SQL, n);
	struct buf text = {0}, none = {0};
	const char *words = n == 1 ? one[one_of(6)] : two[one_of(3)];
	char p[40], q[40];

	e->arg[0] = column(a, &none);
	if (n == 2)
		e->arg[1] = column(b, &none);
	snprintf(p, sizeof(p), "\"%s\"", columns[a].name), snprintf(q, sizeof(q), "\"%s\"", columns[b].name);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	buf_printf(&text, words, "?1", "?2");
	buf_lit(sql, "(");
	buf_printf(sql, words, p, q);
	buf_lit(sql, ")");
#pragma GCC diagnostic pop
	e->sql = (struct str){ arena_dup(arena, text.p, text.n), text.n };
	buf_release(&text), buf_release(&none);
	return e;
}

static struct vector_expr *
clock_part(struct buf *sql)
{
	static const struct { const char *words; int64_t every; } parts[] = { { "substr(%s, 1, 16)", 60000 }, { "date(%s)", 86400000 }, { "strftime('%%H', %s)", 3600000 },
		{ "%s || 'x'", 1 }, { "CASE WHEN substr(%s, 12, 2) < '12' THEN NULL ELSE 7 END", 3600000 } };
	int i = one_of(5), f = one_of(5) ? TIME : RECEIVED;
	struct vector_expr *e = node(VECTOR_TIME, 0);
	struct buf text = {0};
	char name[40];

	snprintf(name, sizeof(name), "\"%s\"", columns[f].name);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	buf_printf(&text, parts[i].words, "?1");
	buf_lit(sql, "(");
	buf_printf(sql, parts[i].words, name);
	buf_lit(sql, ")");
#pragma GCC diagnostic pop
	e->field = f;
	e->every_ms = parts[i].every;
	e->sql = (struct str){ arena_dup(arena, text.p, text.n), text.n };
	buf_release(&text);
	return e;
}

static struct vector_expr *
listed(int depth, struct buf *sql)
{
	int n = one_of(4);
	struct vector_expr *e = node(VECTOR_IN, n + 1), *sum = node(VECTOR_ADD, 2);

	buf_lit(sql, n ? "(" : "((");   /* x IN () is the word FALSE to SQLite, and y IS FALSE asks something else than y IS 0 */
	e->arg[0] = expression(depth - 1, sql);
	buf_lit(sql, " IN (");
	for (int i = 1; i <= n; i++) {
		if (i > 1)
			buf_lit(sql, ", ");
		e->arg[i] = any_constant(sql);
	}
	buf_lit(sql, "))");
	if (n)
		return e;
	sum->arg[0] = e;
	buf_lit(sql, " + ");
	sum->arg[1] = constant(cell_integer(0), sql);
	buf_lit(sql, ")");
	return sum;
}

static struct vector_expr *
choice(int depth, struct buf *sql)
{
	int n = 2 + one_of(4);
	struct vector_expr *e;

	if (one_of(2)) {
		e = node(VECTOR_COALESCE, n);
		for (int i = 0; i < n; i++) {
			buf_lit(sql, i ? ", " : "coalesce(");
			e->arg[i] = expression(depth - 1, sql);
		}
		buf_lit(sql, ")");
		return e;
	}
	e = node(VECTOR_CASE, n);
	buf_lit(sql, "CASE");
	for (int i = 0; i < n; i++) {
		buf_lit(sql, i + 1 == n && n % 2 ? " ELSE " : i % 2 ? " THEN " : " WHEN ");
		e->arg[i] = expression(depth - 1, sql);
	}
	buf_lit(sql, " END");
	return e;
}

static struct vector_expr *
expression(int depth, struct buf *sql)
{
	static const struct { enum vector_op op; const char *word; } ops[] = { { VECTOR_EQ, "=" }, { VECTOR_NE, "<>" }, { VECTOR_LT, "<" }, { VECTOR_LE, "<=" },
		{ VECTOR_GT, ">" }, { VECTOR_GE, ">=" }, { VECTOR_IS, "IS" }, { VECTOR_IS_NOT, "IS NOT" }, { VECTOR_AND, "AND" }, { VECTOR_OR, "OR" },
		{ VECTOR_ADD, "+" }, { VECTOR_SUB, "-" }, { VECTOR_MUL, "*" }, { VECTOR_DIV, "/" }, { VECTOR_MOD, "%" } };
	struct vector_expr *e;
	int what = depth <= 0 ? 20 + one_of(4) : one_of(24);

	if (what < 15)
		return infix(ops[what].op, ops[what].word, depth, sql);
	switch (what) {
	case 15:
		e = node(VECTOR_NOT, 1);
		buf_lit(sql, "(NOT ");
		e->arg[0] = expression(depth - 1, sql);
		buf_lit(sql, ")");
		return e;
	case 16:
		e = node(VECTOR_NEG, 1);
		buf_lit(sql, "(- ");
		e->arg[0] = expression(depth - 1, sql);
		buf_lit(sql, ")");
		return e;
	case 17:
		return listed(depth, sql);
	case 18:
		return choice(depth, sql);
	case 19:
		return clock_part(sql);
	case 20:
		return like(sql);
	case 21:
		return own_words(sql);
	default:
		return column(one_of(COLUMNS), sql);
	}
}

/* What counts by cases do: CASE WHEN event = 'e1' THEN n [ELSE 0] END. */
static struct vector_expr *
by_case(struct buf *sql)
{
	static const int from[] = { WHOLE, REAL, NUMBER, USER, TIME, EVENT, TEXT };
	int n = 2 + 2 * one_of(2) + one_of(2);
	struct vector_expr *e = node(VECTOR_CASE, n);

	buf_lit(sql, "CASE");
	for (int i = 0; i < n; i++) {
		int last = i + 1 == n && n % 2;

		buf_lit(sql, last ? " ELSE " : i % 2 ? " THEN " : " WHEN ");
		if (!last && i % 2 == 0) {
			e->arg[i] = node(VECTOR_EQ, 2);
			e->arg[i]->arg[0] = column(EVENT, sql);
			buf_lit(sql, " = ");
			e->arg[i]->arg[1] = constant(cell_text(str_of(one_of(2) ? "e1" : "e2")), sql);
		} else if (one_of(3)) {
			e->arg[i] = column(from[one_of(7)], sql);
		} else {
			e->arg[i] = constant(one_of(3) ? cell_integer(one_of(3)) : one_of(2) ? cell_real(0.5 * one_of(3)) : cell_null(), sql);
		}
	}
	buf_lit(sql, " END");
	return e;
}

static struct vector_expr *
number(struct buf *sql)
{
	static const int from[] = { WHOLE, REAL, NUMBER, TEXT };
	struct vector_expr *e;

	if (one_of(4) == 0)
		return by_case(sql);
	if (one_of(4))
		return column(from[one_of(4)], sql);
	e = node(VECTOR_MUL, 2);
	buf_lit(sql, "(");
	e->arg[0] = column(from[one_of(3)], sql);
	buf_lit(sql, " * ");
	e->arg[1] = one_of(2) ? column(from[one_of(3)], sql) : constant(cell_real(0.5), sql);
	buf_lit(sql, ")");
	return e;
}

static void
aggregate(struct vector_aggregate *a, struct buf *sql)
{
	static const struct { const char *name; int numbers; const char *behind; } kinds[] = {
		[AGGREGATE_ROWS] = { "COUNT(*", 0, "" }, [AGGREGATE_COUNT] = { "COUNT(", 0, "" }, [AGGREGATE_SUM] = { "SUM(", 1, "" }, [AGGREGATE_TOTAL] = { "TOTAL(", 1, "" },
		[AGGREGATE_AVG] = { "AVG(", 1, "" }, [AGGREGATE_MIN] = { "MIN(", 0, "" }, [AGGREGATE_MAX] = { "MAX(", 0, "" }, [AGGREGATE_COUNT_IF] = { "count_if(", 0, "" },
		[AGGREGATE_STDDEV_SAMP] = { "stddev_samp(", 1, "" }, [AGGREGATE_STDDEV_POP] = { "stddev_pop(", 1, "" }, [AGGREGATE_VAR_SAMP] = { "var_samp(", 1, "" },
		[AGGREGATE_VAR_POP] = { "var_pop(", 1, "" }, [AGGREGATE_SEM] = { "sem(", 1, "" }, [AGGREGATE_GEOMEAN] = { "geomean(", 1, "" },
		[AGGREGATE_CORR] = { "corr(", 1, "" }, [AGGREGATE_COVAR_POP] = { "covar_pop(", 1, "" }, [AGGREGATE_COVAR_SAMP] = { "covar_samp(", 1, "" },
		[AGGREGATE_REGR_SLOPE] = { "regr_slope(", 1, "" }, [AGGREGATE_REGR_INTERCEPT] = { "regr_intercept(", 1, "" }, [AGGREGATE_REGR_R2] = { "regr_r2(", 1, "" },
		[AGGREGATE_REGR_COUNT] = { "regr_count(", 1, "" }, [AGGREGATE_REGR_AVGX] = { "regr_avgx(", 1, "" }, [AGGREGATE_REGR_AVGY] = { "regr_avgy(", 1, "" },
		[AGGREGATE_REGR_SXX] = { "regr_sxx(", 1, "" }, [AGGREGATE_REGR_SYY] = { "regr_syy(", 1, "" }, [AGGREGATE_REGR_SXY] = { "regr_sxy(", 1, "" },
		[AGGREGATE_QUANTILES_CONT] = { "quantiles(", 1, ", 0.25, 0.9" }, [AGGREGATE_QUANTILES_DISC] = { "quantiles_disc(", 1, ", 0.25, 0.9" },
		[AGGREGATE_QUANTILE_CONT] = { "quantile(", 1, "" }, [AGGREGATE_QUANTILE_DISC] = { "quantile_disc(", 1, "" }, [AGGREGATE_APPROX_QUANTILE] = { "approx_quantile(", 1, "" },
		[AGGREGATE_APPROX_DISTINCT] = { "approx_count_distinct(", 0, "" }, [AGGREGATE_ARG_MIN] = { "arg_min(", 0, "" }, [AGGREGATE_ARG_MAX] = { "arg_max(", 0, "" },
		[AGGREGATE_FIRST] = { "first(", 0, "" }, [AGGREGATE_LAST] = { "last(", 0, "" }, [AGGREGATE_ANY] = { "any_value(", 0, "" },
		[AGGREGATE_ORDERED_FIRST] = { "ordered_first(", 0, "" }, [AGGREGATE_ORDERED_LAST] = { "ordered_last(", 0, "" },
		[AGGREGATE_MODE] = { "mode(", 0, "" }, [AGGREGATE_TOPK] = { "topk(", 0, ", 3" }, [AGGREGATE_HISTOGRAM] = { "histogram(", 0, "" }, [AGGREGATE_ENTROPY] = { "entropy(", 0, "" },
		[AGGREGATE_TEXT] = { "string_agg(", 0, ", '; '" }, [AGGREGATE_LIST] = { "array_agg(", 0, "" }, [AGGREGATE_BOOL_OR] = { "bool_or(", 0, "" },
		[AGGREGATE_BOOL_AND] = { "bool_and(", 0, "" } };
	int k = one_of(AGGREGATE_BIT_OR), ordered = k == AGGREGATE_ORDERED_FIRST || k == AGGREGATE_ORDERED_LAST;

	*a = (struct vector_aggregate){ .of = (enum vector_aggregate_of)k, .share = k == AGGREGATE_TOPK ? 3 : 0.05 * one_of(21), .separator = STR("; "), .descending = ordered && one_of(2) };
	a->distinct = k >= AGGREGATE_COUNT && k <= AGGREGATE_AVG && one_of(3) == 0;
	buf_printf(sql, "%s%s", kinds[k].name, a->distinct ? "DISTINCT " : "");
	if (k != AGGREGATE_ROWS)
		a->arg = kinds[k].numbers ? number(sql) : one_of(3) == 0 ? by_case(sql) : one_of(2) ? column(one_of(COLUMNS), sql) : expression(2, sql);
	if (k == AGGREGATE_QUANTILES_CONT || k == AGGREGATE_QUANTILES_DISC) {
		a->shares = arena_get(arena, 2 * sizeof(*a->shares));
		a->shares[0] = 0.25, a->shares[1] = 0.9;
		a->n_shares = 2;
	}
	if (k >= AGGREGATE_CORR && k <= AGGREGATE_REGR_SXY) {
		buf_lit(sql, ", ");
		a->by = number(sql);
	}
	if (k == AGGREGATE_ARG_MIN || k == AGGREGATE_ARG_MAX || ordered) {
		buf_lit(sql, ", ");
		a->by = column(ordered ? WHOLE : one_of(2) ? SEQ : NUMBER, sql);
	}
	if (ordered)
		buf_printf(sql, ", %d, ''", a->descending);
	if (k == AGGREGATE_QUANTILE_CONT || k == AGGREGATE_QUANTILE_DISC || k == AGGREGATE_APPROX_QUANTILE)
		buf_printf(sql, ", %.17g", a->share);
	buf_lit(sql, kinds[k].behind);
	buf_lit(sql, ")");
	if (one_of(3) == 0) {
		buf_lit(sql, " FILTER (WHERE ");
		a->filter = expression(2, sql);
		buf_lit(sql, ")");
	}
}

/* ---- comparing */

struct rows { struct cell *cell; size_t n, width; };

static int n_order;             /* columns that rows are sorted by */

static int
by_cells(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;
	int order = 0;

	for (int i = 0; i < n_order && !order; i++)
		order = vector_compare(&x[i], &y[i]);
	return order;
}

static void
sort(struct rows *r)
{
	n_order = (int)r->width;
	if (r->n)
		qsort(r->cell, r->n, r->width * sizeof(struct cell), by_cells);
}

static int
near(struct cell a, struct cell b, double slack)
{
	if (a.type == CELL_TEXT || b.type == CELL_TEXT || a.type == CELL_NULL || b.type == CELL_NULL)
		return vector_compare(&a, &b) == 0;
	if (vector_compare(&a, &b) == 0)
		return 1;
	double x = a.type == CELL_INTEGER ? (double)a.integer : a.real, y = b.type == CELL_INTEGER ? (double)b.integer : b.real;

	return fabs(x - y) <= slack * (fabs(x) > fabs(y) ? fabs(x) : fabs(y)) || fabs(x - y) < 1e-9 * slack / 1e-12;
}

static void
print_cell(struct cell c)
{
	if (c.type == CELL_TEXT)
		fprintf(stderr, " '%.*s'", STR_FMT(c.text));
	else if (c.type == CELL_INTEGER)
		fprintf(stderr, " %lld", (long long)c.integer);
	else if (c.type == CELL_REAL)
		fprintf(stderr, " %.17g", c.real);
	else
		fprintf(stderr, " NULL");
}

/* What SQLite says; 0 when it refuses the statement. */
static int
expected(sqlite3 *db, const char *sql, struct rows *r)
{
	sqlite3_stmt *st;
	int rc;
	size_t cap = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	*r = (struct rows){ .width = (size_t)sqlite3_column_count(st) };
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (r->n == cap)
			r->cell = mem_grow(r->cell, cap = cap ? 2 * cap : 16, r->width * sizeof(struct cell));
		for (size_t i = 0; i < r->width; i++) {
			struct cell *c = &r->cell[r->n * r->width + i];
			const char *text;

			switch (sqlite3_column_type(st, (int)i)) {
			case SQLITE_INTEGER:
				*c = cell_integer(sqlite3_column_int64(st, (int)i));
				break;
			case SQLITE_FLOAT:
				*c = cell_real(sqlite3_column_double(st, (int)i));
				break;
			case SQLITE_NULL:
				*c = cell_null();
				break;
			default:
				text = (const char *)sqlite3_column_text(st, (int)i);
				*c = cell_text((struct str){ arena_dup(arena, text ? text : "", (size_t)sqlite3_column_bytes(st, (int)i)), (size_t)sqlite3_column_bytes(st, (int)i) });
			}
		}
		r->n++;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE;
}

static struct rows
taken(struct vector_result *from)
{
	struct rows r = { .n = (size_t)vector_result_rows(from), .width = (size_t)vector_result_columns(from) };

	r.cell = mem_grow(NULL, r.n * r.width + 1, sizeof(struct cell));
	for (size_t i = 0; i < r.n * r.width; i++)
		r.cell[i] = vector_result_cell(from, (int64_t)(i / r.width), (int)(i % r.width));
	return r;
}

static void
assert_rows(struct rows *got, struct rows *want, int n_keys, const char *sql)
{
	int same = got->n == want->n && got->width == want->width;
	size_t at = 0;

	for (size_t i = 0; same && i < got->n * got->width; i++) {
		int key = (int)(i % got->width) < n_keys;

		same = near(got->cell[i], want->cell[i], key ? 0 : 1e-11);
		at = i / got->width;
	}
	if (!same) {
		fprintf(stderr, "%s\n%zu rows, %zu wanted; row %zu:\n got", sql, got->n, want->n, at);
		for (size_t i = 0; i < got->width && at < got->n; i++)
			print_cell(got->cell[at * got->width + i]);
		fprintf(stderr, "\nwant");
		for (size_t i = 0; i < want->width && at < want->n; i++)
			print_cell(want->cell[at * want->width + i]);
		fprintf(stderr, "\n");
		fail();
	}
}

static void
assert_identical(struct vector_result *a, struct vector_result *b)
{
	assert_int_equal(vector_result_rows(a), vector_result_rows(b));
	for (int64_t i = 0; i < vector_result_rows(a); i++)
		for (int k = 0; k < vector_result_columns(a); k++) {
			struct cell x = vector_result_cell(a, i, k), y = vector_result_cell(b, i, k);

			assert_int_equal(x.type, y.type);
			assert_true(x.type != CELL_INTEGER || x.integer == y.integer);
			assert_true(x.type != CELL_REAL || memcmp(&x.real, &y.real, 8) == 0);
			assert_true(x.type != CELL_TEXT || str_eq(x.text, y.text));
		}
}

static struct vector_plan
blank(void)
{
	struct vector_plan plan = { .range = { .from = TIME_MIN, .to = TIME_MAX + 1 }, .limit = -1, .n_fields = COLUMNS };

	for (int i = 0; i < COLUMNS; i++)
		plan.field[i] = columns[i].field;
	return plan;
}

/* With one thread, then with two: what came is the same, and goes to *got. */
static struct vector_result *
run_twice(struct query *q, const struct vector_plan *plan, const char *sql)
{
	struct err err = {0};
	struct vector_result *one, *two;

	setenv("AT_THREADS", "1", 1);
	if (!(one = vector_run(q, plan, &err)))
		fail_msg("%s: %s", sql, err.text);
	setenv("AT_THREADS", "3", 1);
	if (!(two = vector_run(q, plan, &err)))
		fail_msg("%s: %s", sql, err.text);
	assert_identical(one, two);
	vector_result_free(two);
	return one;
}

/* The same rows come one after the other, in the same order, and as many of them as are wanted. */
static void
check_stream(struct query *q, struct vector_plan *plan, struct vector_result *all)
{
	struct err err = {0};

	for (int round = 0; round < 2; round++) {
		int64_t n = 0, want = vector_result_rows(all);
		struct vector_stream *s;
		int rc;

		plan->limit = round ? one_of(50) : -1;
		want = round && want > plan->limit ? plan->limit : want;
		assert_non_null(s = vector_open(q, plan, &err));
		while ((rc = vector_next(s, &err)) > 0) {
			assert_true(n < want);
			for (int k = 0; k < plan->n_keys; k++) {
				struct cell x = vector_column(s, k), y = vector_result_cell(all, n, k);

				assert_int_equal(x.type, y.type);
				assert_int_equal(vector_compare(&x, &y), 0);
			}
			n++;
		}
		OK(rc);
		assert_int_equal(n, want);
		assert_int_equal(vector_next(s, &err), 0);
		vector_close(s);
	}
}

static void
check_groups(struct query *q, sqlite3 *db)
{
	struct vector_plan plan = blank();
	struct vector_expr *key[3];
	struct vector_aggregate aggregates[4];
	struct buf sql = {0}, by = {0};
	struct rows got, want;

	plan.grouped = 1;
	plan.key = key;
	plan.aggregate = aggregates;
	plan.n_keys = one_of(4);
	plan.n_aggregates = plan.n_keys ? one_of(5) : 1 + one_of(4);
	buf_lit(&sql, "SELECT ");
	for (int i = 0; i < plan.n_keys; i++) {
		if (i)
			buf_lit(&sql, ", ");
		key[i] = one_of(3) ? column(one_of(COLUMNS), &sql) : one_of(3) == 0 ? by_case(&sql) : one_of(2) ? clock_part(&sql) : own_words(&sql);
		buf_printf(&by, "%s%d", i ? ", " : " GROUP BY ", i + 1);
	}
	for (int i = 0; i < plan.n_aggregates; i++) {
		if (i + plan.n_keys)
			buf_lit(&sql, ", ");
		aggregate(&aggregates[i], &sql);
	}
	buf_lit(&sql, " FROM (SELECT * FROM t ORDER BY \"time\", \"seq\" LIMIT -1)");
	if (one_of(3)) {
		buf_lit(&sql, " WHERE ");
		plan.where = expression(3, &sql);
	}
	buf_str(&sql, buf_get(&by));
	if (expected(db, buf_text(&sql), &want)) {
		struct vector_result *r = run_twice(q, &plan, buf_text(&sql));

		got = taken(r);
		sort(&want), sort(&got);
		assert_rows(&got, &want, plan.n_keys, buf_text(&sql));
		free(got.cell);
		vector_result_free(r);
	}
	free(want.cell);
	buf_release(&sql), buf_release(&by);
}

static void
check_rows(struct query *q, sqlite3 *db)
{
	struct vector_plan plan = blank();
	struct vector_expr *key[4];
	struct vector_order order[3];
	struct buf sql = {0};
	struct rows got, want;
	int ordered = one_of(2);

	plan.key = key;
	plan.n_keys = 1 + one_of(4);
	plan.order = order;
	buf_lit(&sql, "SELECT ");
	for (int i = 0; i < plan.n_keys; i++) {
		if (i)
			buf_lit(&sql, ", ");
		key[i] = one_of(3) ? column(one_of(COLUMNS), &sql) : expression(2, &sql);
	}
	buf_lit(&sql, " FROM t");
	if (one_of(4)) {
		buf_lit(&sql, " WHERE ");
		plan.where = expression(3, &sql);
	}
	if (ordered) {
		int more = one_of(3);

		buf_lit(&sql, " ORDER BY ");
		for (plan.n_order = 0; plan.n_order < more; plan.n_order++) {
			struct vector_order *o = &order[plan.n_order];

			o->expr = column(one_of(COLUMNS), &sql);
			o->descending = one_of(2), o->nulls_last = one_of(2);
			buf_printf(&sql, " %s NULLS %s, ", o->descending ? "DESC" : "ASC", o->nulls_last ? "LAST" : "FIRST");
		}
		order[plan.n_order++] = (struct vector_order){ .expr = column(SEQ, &sql), .descending = one_of(2) };
		buf_lit(&sql, order[plan.n_order - 1].descending ? " DESC" : " ASC");
		plan.limit = one_of(3) ? one_of(20) : one_of(3000);
		buf_printf(&sql, " LIMIT %lld", (long long)plan.limit);
	}
	if (expected(db, buf_text(&sql), &want)) {
		struct vector_result *r = run_twice(q, &plan, buf_text(&sql));

		got = taken(r);
		if (!ordered)
			sort(&want), sort(&got), check_stream(q, &plan, r);
		assert_rows(&got, &want, plan.n_keys, buf_text(&sql));
		free(got.cell);
		vector_result_free(r);
	}
	free(want.cell);
	buf_release(&sql);
}

static void
check(struct query *q, struct store *s, int rounds)
{
	sqlite3 *db = reference(s);

	for (int i = 0; i < rounds; i++) {
		if (one_of(3))
			check_groups(q, db);
		else
			check_rows(q, db);
		arena_reset(arena);
	}
	sqlite3_close(db);
	functions_free(functions);
}

/* Empty, tail only, one chunk only, several chunks and a tail. */
static void
random_plans_give_what_sqlite_gives(void **state)
{
	struct err err = {0};
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);
	const struct query_spec spec = { .store = dir, .tenant = "default" };
	struct query *q;

	(void)state;
	assert_non_null(s);
	arena = arena_new(0);
	srand(getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : 11);
	for (int round = 0; round < 4; round++) {
		if (round == 1)
			add_rows(s, 300);
		else if (round == 2)
			OK(store_compact(s, &err));
		else if (round == 3)
			add_rows(s, 4000), assert_int_equal(store_compact(s, &err), 0), add_rows(s, 200);
		store_close(s);
		q = query_open(&spec, &err);
		assert_non_null(q);
		s = query_store(q, &err);
		assert_non_null(s);
		check(q, s, round == 0 ? 30 : round == 3 ? 100 : 250);
		query_close(q);
		s = store_open(dir, "default", STORE_WRITE, &err);
		assert_non_null(s);
	}
	store_close(s);
	arena_free(arena);
}

/* Many batches: two threads have work, and groups are merged. */
static void
threads_give_the_same(void **state)
{
	struct err err = {0};
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);
	const struct query_spec spec = { .store = dir, .tenant = "default" };
	struct query *q;

	(void)state;
	assert_non_null(s);
	arena = arena_new(0);
	srand(12);
	add_rows(s, 65536), add_rows(s, 65536), add_rows(s, 1000);
	store_close(s);
	q = query_open(&spec, &err);
	assert_non_null(q);
	s = query_store(q, &err);
	check(q, s, 12);
	query_close(q);
	arena_free(arena);
}

/* ---- ranges, the table, bounds */

static int64_t
count_of(struct query *q, struct vector_plan *plan)
{
	struct vector_aggregate rows = { .of = AGGREGATE_ROWS };
	struct err err = {0};
	struct vector_result *r;
	int64_t n;

	plan->grouped = 1;
	plan->aggregate = &rows;
	plan->n_aggregates = 1;
	r = vector_run(q, plan, &err);
	assert_non_null(r);
	n = vector_result_cell(r, 0, 0).integer;
	vector_result_free(r);
	return n;
}

static void
ranges_names_and_users_are_exact(void **state)
{
	struct err err = {0};
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);
	const struct query_spec spec = { .store = dir, .tenant = "default" };
	struct str names[] = { STR("e1"), STR("none"), STR("e3") };
	struct store_range range = { .from = START + 30000000, .to = START + 60000000, .names = names, .n_names = 3, .user_id = STR("u7") };
	struct query *q;

	(void)state;
	assert_non_null(s);
	srand(13);
	add_rows(s, 70000);
	store_close(s);
	q = query_open(&spec, &err);
	assert_non_null(q);
	assert_non_null(s = query_store(q, &err));
	for (int bits = 0; bits < 8; bits++) {
		struct store_range some = { .from = bits & 1 ? range.from : TIME_MIN, .to = bits & 1 ? range.to : TIME_MAX + 1, .names = names, .n_names = bits & 2 ? 3 : 0,
			.user_id = bits & 4 ? range.user_id : (struct str){ NULL, 0 } };
		struct vector_plan plan = blank();
		struct store_scan *scan = store_scan_open(s, &some, &err);
		struct event ev;
		int64_t n = 0;

		while (store_scan_next(scan, &ev, &err) > 0)
			n++;
		store_scan_close(scan);
		plan.range = some;
		assert_int_equal(count_of(q, &plan), n);
		assert_true(n > 0 || bits == 7);
	}
	query_close(q);
}

static void
the_table_reads_the_plans_of_its_statement(void **state)
{
	struct err err = {0};
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);
	const struct query_spec spec = { .store = dir, .tenant = "default" };
	struct vector_plan plan = blank(), *plans[] = { &plan };
	struct vector_expr event = { .op = VECTOR_FIELD, .field = EVENT }, *key[] = { &event };
	struct vector_aggregate rows = { .of = AGGREGATE_ROWS };
	struct query *q;
	sqlite3_stmt *st;
	int64_t n = 0, sum = 0;

	(void)state;
	assert_non_null(s);
	srand(14);
	add_rows(s, 1000);
	store_close(s);
	q = query_open(&spec, &err);
	assert_non_null(q);
	plan.grouped = 1;
	plan.key = key, plan.n_keys = 1;
	plan.aggregate = &rows, plan.n_aggregates = 1;
	q->plans = (struct vector_plans){ plans, 1 };
	assert_int_equal(sqlite3_prepare_v2(q->db, "SELECT upper(c0), c1 FROM vector(0) WHERE c1 > 0 ORDER BY 2 DESC", -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		n++;
		sum += sqlite3_column_int64(st, 1);
		assert_int_equal(*sqlite3_column_text(st, 0), 'E');
	}
	sqlite3_finalize(st);
	assert_int_equal(n, 5);
	assert_int_equal(sum, 1000);
	q->plans = (struct vector_plans){ 0 };
	query_close(q);
	buf_release(&plan.ran);
}

/* A table doubles all at once: that it would is known before, while as many values come with each batch. */
static void
what_values_will_take_is_foretold(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		struct vector_ids ids;
		int64_t next = 0;

		vector_ids_init(&ids, kind & 1);
		for (int batch = 0; batch < 200; batch++) {
			size_t ahead = vector_ids_ahead(&ids), before = vector_ids_held(&ids);

			for (int i = 0; i < 700; i++) {         /* some, or all, of them new */
				struct cell c = cell_integer(kind & 2 && i % 3 ? i : next++);

				vector_ids_put(&ids, &c);
			}
			if (batch > 1)
				assert_true(vector_ids_held(&ids) <= before + ahead);
		}
		assert_true(vector_ids_held(&ids) < 200 * 700 * (4 * sizeof(struct vector_ids_slot) + 2 * sizeof(struct cell)));
		vector_ids_release(&ids);
	}
}

static void
memory_is_bounded(void **state)
{
	struct err err = {0};
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);
	const struct query_spec spec = { .store = dir, .tenant = "default", .memory = 40 << 20 };
	struct vector_plan plan = blank();
	struct vector_expr id = { .op = VECTOR_FIELD, .field = SEQ }, text = { .op = VECTOR_FIELD, .field = ID }, *key[] = { &id, &text };
	struct vector_aggregate different = { .of = AGGREGATE_SUM, .arg = &text, .distinct = 1 };
	struct vector_result *r;
	struct query *q;

	(void)state;
	assert_non_null(s);
	srand(15);
	for (int i = 0; i < 6; i++)
		add_rows(s, 65536);
	store_close(s);
	q = query_open(&spec, &err);
	assert_non_null(q);
	plan.grouped = 1;
	plan.key = key, plan.n_keys = 2;
	r = vector_run(q, &plan, &err);
	assert_non_null(r);
	assert_non_null(vector_result_spill(r));
	assert_int_equal(vector_result_rows(r), 6 * 65536);
	assert_int_equal(vector_result_columns(r), 2);
	for (int i = 0; i < 2; i++) {   /* one after the other, each from the start */
		struct vector_spill_reader *reader = vector_spill_read(vector_result_spill(r));
		int64_t n = 0, before = INT64_MIN;

		while (vector_spill_next(reader, &err) == 1) {
			assert_int_equal(vector_spill_cell(reader, 0).type, CELL_INTEGER);
			assert_true(vector_spill_cell(reader, 0).integer > before);
			before = vector_spill_cell(reader, 0).integer;
			assert_true(vector_spill_cell(reader, 1).type == CELL_TEXT || vector_spill_cell(reader, 1).type == CELL_NULL);
			n++;
		}
		assert_int_equal(err.code, 0);
		assert_int_equal(n, 6 * 65536);
		vector_spill_close(reader);
	}
	vector_result_free(r);
	plan.key = &key[1], plan.n_keys = 0;    /* one group, which cannot be parted */
	plan.aggregate = &different, plan.n_aggregates = 1;
	assert_null(vector_run(q, &plan, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	query_close(q);
	sqlite3_hard_heap_limit64(0);
}

/* What a result holds SQLite has no more, and no other plan, until it is gone. */
static void
results_count_as_what_sqlite_holds(void **state)
{
	struct err err = {0};
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);
	const struct query_spec spec = { .store = dir, .tenant = "default", .memory = 64 << 20 };
	struct vector_plan plan = blank();
	struct vector_expr id = { .op = VECTOR_FIELD, .field = SEQ }, *key[] = { &id };
	struct vector_result *r;
	struct query *q;
	int64_t whole, left, held;

	(void)state;
	assert_non_null(s);
	srand(16);
	add_rows(s, 65536);
	store_close(s);
	q = query_open(&spec, &err);
	assert_non_null(q);
	plan.grouped = 1;
	plan.key = key, plan.n_keys = 1;
	whole = sqlite3_hard_heap_limit64(-1);
	left = query_heap_left(q);
	r = vector_run(q, &plan, &err);
	assert_non_null(r);
	assert_null(vector_result_spill(r));
	held = r->held;
	assert_true(held >= 65536 * 8);
	assert_int_equal(sqlite3_hard_heap_limit64(-1), whole - held);
	assert_true(query_heap_left(q) <= left - held + (1 << 20));
	vector_result_free(r);
	assert_int_equal(sqlite3_hard_heap_limit64(-1), whole);
	query_heap_beside(spec.memory);         /* whatever is held, something is left */
	assert_int_equal(sqlite3_hard_heap_limit64(-1), spec.memory / 8);
	assert_int_equal(query_heap_left(q), spec.memory / 8);
	query_heap_beside(-spec.memory);
	query_close(q);
	sqlite3_hard_heap_limit64(0);
}

/* ---- sums */

static void
sums_are_exact_in_any_order(void **state)
{
	static const struct { double x[4], sum; } known[] = { { { 1e100, 1, -1e100, 0 }, 1 }, { { 1e308, 1e308, -1e308, -1e308 }, 0 }, { { 0x1p-1074, 0x1p-1074, 0, 0 }, 0x1p-1073 },
		{ { 1, 0x1p-53, 0x1p-80, 0 }, 1 + 0x1p-52 }, { { 1, 0x1p-53, 0, 0 }, 1 }, { { -1, -0x1p-53, -0x1p-1000, 0 }, -1 - 0x1p-52 }, { { 0.1, 0.2, 0.3, -0.6 }, 0x1.8p-55 } };
	size_t held = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		struct vector_sums s = { 0 };
		double sum;

		vector_sums_room(&s, 1, 1, 1, &held);
		for (int k = 0; k < 4; k++)
			vector_sums_add_real(&s, 0, known[i].x[k]);
		vector_sums_get(&s, 0, &sum, NULL);
		if (i == 6)
			assert_true(fabs(sum) < 1e-16);         /* the exact sum of those four doubles, whatever it is */
		else
			assert_true(sum == known[i].sum);
		vector_sums_release(&s);
	}
	srand(16);
	for (int round = 0; round < 300; round++) {
		struct vector_sums s = { 0 }, halves = { 0 };
		double x[100], a, b, rest;
		int n = 1 + one_of(100), spread = one_of(3) == 0 ? 600 : one_of(2) ? 60 : 5;

		vector_sums_room(&s, 2, 1, 1, &held), vector_sums_room(&halves, 3, 1, 1, &held);
		for (int i = 0; i < n; i++) {
			x[i] = ldexp((double)rand() / RAND_MAX - 0.5, one_of(2 * spread) - spread);
			vector_sums_add_real(&s, 1, x[i]);
		}
		for (int i = n; i-- > 0; )
			vector_sums_add_real(&halves, i % 2 ? 0 : 2, x[i]);
		vector_sums_merge(&halves, 0, &halves, 2);
		vector_sums_get(&s, 1, &a, &rest);
		vector_sums_get(&halves, 0, &b, NULL);
		assert_memory_equal(&a, &b, 8);
		assert_true(fabs(rest) <= fabs(a) * 0x1p-53);
		vector_sums_release(&s), vector_sums_release(&halves);
	}
}

/* ---- operators: windows and joins over many rows, in as many threads */

static int
no_names(void *self, const struct str *names, int n, struct err *err)
{
	(void)self, (void)names, (void)n, (void)err;
	return 0;
}

static int
add_to_text(void *self, const struct cell *c, int n, struct err *err)
{
	(void)err;
	for (int i = 0; i < n; i++) {
		cell_put_json(self, &c[i]);
		buf_byte(self, i + 1 < n ? ',' : '\n');
	}
	return 0;
}

static void
answer(struct query *q, const char *sql, const char *threads, struct buf *to)
{
	const struct query_sink sink = { no_names, add_to_text, to };
	struct err err = {0};
	size_t at = 0;

	buf_clear(to);
	setenv("AT_THREADS", threads, 1);
	if (query_run(q, str_of(sql), &at, NULL, 0, &sink, &err) != 1)
		fail_msg("%s: %s", sql, err.text);
	unsetenv("AT_THREADS");
}

/* The rows too, in their order: whoever takes which partitions or rows. */
static void
operators_give_the_same(void **state)
{
	static const char *const cases[] = {
		"WITH w AS (SELECT id, whole, sum(whole) OVER (PARTITION BY user_id ORDER BY timestamp, id ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING) AS s, "
		"max(text) OVER (PARTITION BY event ORDER BY whole DESC) AS m, lag(real, 2, whole) OVER (PARTITION BY user_id ORDER BY timestamp, id) AS l FROM events) "
		"SELECT m, count(*), sum(s), min(l), max(l) FROM w GROUP BY m ORDER BY m",
		"SELECT id, whole, rank() OVER (PARTITION BY event ORDER BY whole) AS r, row_number() OVER (PARTITION BY event ORDER BY whole) AS n FROM events ORDER BY 3 DESC, 4, 1 LIMIT 500",
		"SELECT event, whole, ntile(7) OVER (PARTITION BY event ORDER BY whole, id) AS n, count(*) OVER (ORDER BY whole RANGE 2 PRECEDING) AS c FROM events WHERE whole > 40",
		"SELECT a.text, b.event, count(*), max(a.whole + b.whole) FROM events a JOIN events b ON a.user_id = b.user_id AND b.whole = 7 WHERE a.whole > 0 GROUP BY 1, 2 ORDER BY 1, 2",
		"WITH u AS (SELECT user_id, count(*) AS n, max(timestamp) AS last FROM events WHERE whole > 48 GROUP BY 1) "
		"SELECT n, count(*), count(last), min(last) FROM events LEFT JOIN u USING (user_id) WHERE event = 'e1' GROUP BY 1 ORDER BY 1",
		"SELECT a.id, b.id FROM events a JOIN events b ON a.text = b.text AND a.event = b.event WHERE a.whole = 3 AND b.whole = 4 AND a.real < b.real",
	};
	const struct query_spec spec = { .store = dir, .tenant = "default" };
	struct err err = {0};
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);
	struct buf one = {0}, more = {0};
	struct query *q;

	(void)state;
	assert_non_null(s);
	srand(21);
	add_rows(s, 65536), add_rows(s, 65536), add_rows(s, 1000);
	store_close(s);
	assert_non_null(q = query_open(&spec, &err));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		answer(q, cases[i], "1", &one);
		answer(q, cases[i], "3", &more);
		assert_true(one.n > 20);
		if (!str_eq(buf_get(&one), buf_get(&more)))
			fail_msg("%s\n differs by threads", cases[i]);
	}
	buf_release(&one), buf_release(&more);
	query_close(q);
}

/* What is found 16 at a time is what one would find. */
static void
kernels_find_what_is_there(void **state)
{
	static const char letters[] = "aAbB@`zZ[{ \xc3";
	uint32_t code[200], row[200];
	char text[100], small[8];

	(void)state;
	srand(22);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)one_of(200), m = (size_t)one_of(100), k = 1 + (size_t)one_of(7), to = 0;
		int equal = one_of(2), many = 1 + one_of(6);
		ptrdiff_t want = -1, got;

		for (size_t i = 0; i < n; i++)
			code[i] = (uint32_t)one_of(many);
		vector_rows_with(code, n, 0, equal, row);
		for (size_t i = 0; i < n; i++)
			if ((code[i] == 0) == equal)
				assert_int_equal(row[to++], i);
		assert_int_equal(vector_rows_with(code, n, 0, equal, row), to);
		for (size_t i = 0; i < m; i++)
			text[i] = letters[one_of(one_of(3) ? 4 : (int)sizeof(letters) - 1)];
		for (size_t i = 0; i < k; i++) {
			small[i] = letters[one_of(one_of(3) ? 4 : (int)sizeof(letters) - 1)];
			small[i] = small[i] >= 'A' && small[i] <= 'Z' ? (char)(small[i] | 32) : small[i];
		}
		for (size_t i = 0; i + k <= m && want < 0; i++)
			want = strncasecmp(text + i, small, k) == 0 ? (ptrdiff_t)i : -1;
		got = vector_find_folded((struct str){ text, m }, (struct str){ small, k });
		assert_int_equal(got, want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels_find_what_is_there),
		cmocka_unit_test_setup_teardown(operators_give_the_same, folder_set_up, folder_tear_down),
		cmocka_unit_test(sums_are_exact_in_any_order),
		cmocka_unit_test_setup_teardown(the_table_reads_the_plans_of_its_statement, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(ranges_names_and_users_are_exact, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(random_plans_give_what_sqlite_gives, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(threads_give_the_same, folder_set_up, folder_tear_down),
		cmocka_unit_test(what_values_will_take_is_foretold),
		cmocka_unit_test_setup_teardown(memory_is_bounded, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(results_count_as_what_sqlite_holds, folder_set_up, folder_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
