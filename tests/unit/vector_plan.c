/* What is counted over columns, and what SQLite is left with: statement by statement, in EXPLAIN's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/time.h"
#include "query/query.h"
#include "store/store.h"
#include "folder.h"

static int
set_up(void **state)
{
	struct event e = { .name = STR("a"), .time = 1795000000000, .user_id = STR("u1"), .properties = STR("{\"page\":\"/a\",\"n\":1,\"r\":1.5,\"o\":{\"p\":1},\"event\":2}") };
	struct err err = {0};
	struct store *s;

	if (folder_set_up(state) || !(s = store_open(dir, "default", STORE_WRITE | STORE_CREATE, &err)))
		return -1;
	if (store_begin(s, &err) < 0 || store_add(s, &e, &err) < 0 || store_commit(s, &err) < 0)
		return -1;
	store_close(s);
	time_set_now(1795000000000);
	return 0;
}

/* The statement that SQLite gets, then a line for each plan; plan NULL: SQLite does all of it. */
static const struct { const char *typed, *left, *plan; } cases[] = {
	/* groups */
	{ "SELECT count(*) FROM events", "SELECT vector.c0 AS \"count(*)\" FROM vector(0)", "vector(0): groups over columns; count(*)" },
	{ "SELECT upper(page), 2 * COUNT(*) AS many FROM events WHERE page LIKE '/a%' GROUP BY page HAVING many > 9 ORDER BY many DESC, page LIMIT 3",
	    "SELECT vector.c2 AS \"upper(page)\", vector.c0 AS \"many\" FROM vector(0) ORDER BY 2 DESC, vector.c1 LIMIT 3",
	    "vector(0): rows of vector(1); filter ((2 * c1) > 9); gives (2 * c1), c0, [upper(c0)]; ordered by (2 * c1) descending, c0, c0; the first 3\n"
	    "vector(1): groups over columns; filter (page LIKE '/a%'); by page; count(*)" },
	{ "SELECT Event, \"N\" + 1 FROM events e GROUP BY 1, e.n", "SELECT vector.c0 AS \"event\", vector.c1 + 1 AS \"\"\"N\"\" + 1\" FROM vector(0)",
	    "vector(0): groups over columns; by event, n" },
	{ "SELECT count(*), count(*) FILTER (WHERE n), COUNT(*) FROM events", "SELECT vector.c0 AS \"count(*)\", vector.c1 AS \"count(*) FILTER (WHERE n)\", vector.c0 AS \"COUNT(*)\" FROM vector(0)",
	    "vector(0): groups over columns; count(*), count(*) FILTER [NOT NOT (n)]" },
	{ "SELECT sum(n) / count(n), quantile(r, 0.95), count(DISTINCT user_id), max_by(page, n) FROM events HAVING min(n) > 0", NULL,
	    "vector(0): groups over columns; sum(n), count(n), quantile_cont(r, 0.95), count(DISTINCT user_id), arg_max(page, n), min(n)" },
	{ "SELECT DISTINCT page, n % 2 = 0 FROM events ORDER BY page", "SELECT vector.c0 AS \"page\", vector.c1 AS \"n % 2 = 0\" FROM vector(0) ORDER BY vector.c0",
	    "vector(0): groups over columns; by page, ((n % 2) = 0)" },
	{ "SELECT page c0, count(*) FROM events GROUP BY page ORDER BY c0", "SELECT vector.c0 AS \"c0\", vector.c1 AS \"count(*)\" FROM vector(0) ORDER BY 1", "vector(0): groups over columns; by page; count(*)" },
	{ "SELECT page, count(*) * 100.0 / sum(count(*)) OVER () AS share FROM events GROUP BY page",
	    "SELECT vector.c0 AS \"page\", vector.c1 AS \"share\" FROM vector(0)",
	    "vector(0): rows of windows over vector(2) (sum(c1) range unbounded preceding to current row); gives c0, (c2 / c3)\n"
	    "vector(1): groups over columns; by page; count(*)\nvector(2): rows of vector(1); gives c0, c1, (c1 * 100.0)" },
	/* where: the range, names, the rest */
	{ "SELECT count(*) FROM events WHERE timestamp >= '2026-01-01' AND event IN ('a', 'b') AND user_id = 5 AND n > 1", NULL,
	    "vector(0): groups over columns, from 2026-01-01T00:00:00.000Z, event a, b, user_id 5; filter (n > 1); count(*)" },
	{ "SELECT count(*) FROM events WHERE timestamp > NOW() - INTERVAL 1 HOUR", NULL, "vector(0): groups over columns, from 2026-11-18T10:06:40.001Z; count(*)" },
	{ "SELECT count(*) FROM events WHERE timestamp > '2026' AND timestamp < '2025'", NULL, "vector(0): groups over columns, at no time; count(*)" },
	{ "SELECT count(*) FROM events WHERE page = 5 AND user_id <> 5 AND event IS NOT NULL", NULL,
	    "vector(0): groups over columns; filter ((page = 5) AND (user_id <> '5') AND (event IS NOT NULL)); count(*)" },
	{ "SELECT count(*) FROM events WHERE NOT (n BETWEEN 1 AND 2 OR page ILIKE 'x%') AND page IN (1, 'x')", NULL,
	    "vector(0): groups over columns; filter (NOT (((n >= 1) AND (n <= 2)) OR (page ILIKE 'x%')) AND page IN (1, 'x')); count(*)" },
	{ "SELECT count(*) FROM events WHERE user_id = 'U1' COLLATE NOCASE", NULL, "vector(0): groups over columns; filter [CAST(user_id AS TEXT) = 'U1' COLLATE NOCASE]; count(*)" },
	{ "SELECT count(*) FROM events WHERE CAST(n AS INTEGER) = '1' AND lower(page) = '/a'", NULL,
	    "vector(0): groups over columns; filter ([CAST(n AS INTEGER) = '1'] AND [lower(page) = '/a']); count(*)" },
	{ "SELECT count(*) FROM events WHERE page IS NOT (n IN ())", NULL, "vector(0): groups over columns; filter [page IS NOT (n IN ())]; count(*)" },  /* SQLite: IS NOT FALSE */
	/* paths into properties */
	{ "SELECT sum(properties.n), sum(json_extract(properties, '$.n')), sum(properties->>'n'), sum(properties.o.p), max(properties->'o') FROM events", NULL,
	    "vector(0): groups over columns; sum(n), sum(o.p), max([properties->'o'])" },
	{ "SELECT properties.event, count(*) FROM events GROUP BY 1", "SELECT vector.c0 AS \"properties.event\", vector.c1 AS \"count(*)\" FROM vector(0)", "vector(0): groups over columns; by properties.event; count(*)" },
	/* time */
	{ "SELECT date_trunc('hour', timestamp), strftime('%H:%M:%S', timestamp), substr(timestamp, 1, 7) FROM events GROUP BY 1, 2, 3", NULL,
	    "vector(0): groups over columns; by [date_trunc('hour', timestamp)]/3600s, [strftime('%H:%M:%S', timestamp)]/1s, [substr(timestamp, 1, 7)]" },
	/* rows */
	{ "SELECT page, n FROM events WHERE user_id = 'u1' ORDER BY timestamp", "SELECT vector.c0 AS \"page\", vector.c1 AS \"n\" FROM vector(0) ORDER BY vector.c2",
	    "vector(0): rows over columns, user_id u1; gives page, n, timestamp" },
	{ "SELECT page FROM events ORDER BY n DESC LIMIT 5 OFFSET 2", "SELECT vector.c1 AS \"page\" FROM vector(0) ORDER BY vector.c0 DESC LIMIT 5 OFFSET 2",
	    "vector(0): rows over columns; gives n, page; ordered by n descending; the first 7" },
	{ "SELECT page, timestamp FROM events WHERE n = 1 LIMIT 2", NULL, "vector(0): rows over columns; filter (n = 1); gives page, timestamp; the first 2" },
	{ "SELECT page FROM events", "SELECT vector.c0 AS \"page\" FROM vector(0)", "vector(0): rows over columns; gives page" },
	{ "SELECT *, n + 1 FROM events e WHERE n = 1 OR r > 2 ORDER BY timestamp DESC, id LIMIT 5 OFFSET 1",
	    "SELECT *, n + 1 FROM events e WHERE ( n = 1 OR r > 2) AND \"e\".timestamp >= (SELECT min(vector.c0) FROM vector(0))  ORDER BY timestamp DESC, id LIMIT 5 OFFSET 1",
	    "vector(0): rows over columns; filter ((n = 1) OR (r > 2)); gives timestamp; ordered by timestamp descending; the first 6" },
	{ "SELECT * FROM events WHERE n = 1", "SELECT * FROM events WHERE n = 1", NULL },
	{ "SELECT n, lag(n) OVER (PARTITION BY user_id ORDER BY timestamp) FROM events WHERE r > 1",
	    "SELECT vector.c0 AS \"n\", vector.c1 AS \"lag(n) OVER (PARTITION BY user_id ORDER BY timestamp)\" FROM vector(0)",
	    "vector(0): rows of windows over vector(1) by c0 ordered by c1 (lag(c2)); gives c2, c3\n"
	    "vector(1): rows over columns; filter (r > 1); gives user_id, timestamp, n" },
	/* windows that are SQLite's */
	{ "SELECT n, group_concat(page) OVER (PARTITION BY user_id ORDER BY timestamp) AS g FROM events WHERE r > 1",
	    "SELECT vector.c0 AS \"n\", group_concat(vector.c1) OVER (PARTITION BY CAST(vector.c2 AS TEXT) ORDER BY CAST(vector.c3 AS TEXT)) AS \"g\" FROM vector(0)",
	    "vector(0): rows over columns; filter (r > 1); gives n, page, user_id, timestamp" },
	{ "SELECT n, sum(r) OVER (ORDER BY timestamp ROWS 2 PRECEDING EXCLUDE TIES) AS g FROM events WHERE r > 1",
	    "SELECT vector.c0 AS \"n\", sum(vector.c1) OVER (ORDER BY CAST(vector.c2 AS TEXT) ROWS 2 PRECEDING EXCLUDE TIES) AS \"g\" FROM vector(0)",
	    "vector(0): rows over columns; filter (r > 1); gives n, r, timestamp" },
	/* several windows: the first one's order is that of the answer */
	{ "SELECT rank() OVER w, sum(n) OVER (w ROWS 1 PRECEDING), max(r) OVER (PARTITION BY page) FROM events WHERE r > 1 WINDOW w AS (PARTITION BY user_id ORDER BY n DESC)", NULL,
	    "vector(0): rows of windows over windows over vector(1) by c2 (max(c3) range unbounded preceding to current row) by c0 ordered by c1 descending "
	    "(rank, sum(c1) rows 1 preceding to current row); gives c5, c6, c4\nvector(1): rows over columns; filter (r > 1); gives user_id, n, page, r" },
	/* inside other statements: affinity stays, and what was made once is made once */
	{ "SELECT k FROM (SELECT user_id AS k, count(*) AS m FROM events GROUP BY 1) WHERE k = 5 AND m = '1'",
	    "SELECT vector.c0 AS \"k\" FROM vector(0)",
	    "vector(0): rows of vector(1); filter ((c0 = '5') AND (c1 = '1')); gives c0\nvector(1): rows of vector(2); gives c0, c1\n"
	    "vector(2): groups over columns; by user_id; count(*)" },
	{ "SELECT json_group_array(k) FROM (SELECT user_id AS k, count(*) AS m FROM events GROUP BY 1)",
	    "SELECT json_group_array(k) FROM (SELECT CAST(vector.c0 AS TEXT) AS \"k\", (+vector.c1) AS \"m\" FROM vector(0) LIMIT -1)", "vector(0): groups over columns; by user_id; count(*)" },
	{ "WITH a AS (SELECT page, count(*) n FROM events GROUP BY 1) SELECT page, n, (SELECT max(r) FROM events) FROM a", NULL,
	    "vector(0): rows of vector(1); gives c0, c1\nvector(1): rows of vector(2); gives c0, c1\nvector(2): groups over columns; by page; count(*)\n"
	    "vector(3): groups over columns; max(r)" },
	{ "SELECT page FROM events UNION SELECT event FROM events WHERE n = 1 ORDER BY page", "SELECT vector.c0 AS \"page\" FROM vector(0) UNION SELECT vector.c0 AS \"event\" FROM vector(1) ORDER BY page",
	    "vector(0): rows over columns; gives page\nvector(1): rows over columns; filter (n = 1); gives event" },
	{ "SELECT page, (SELECT count(*) FROM events) FROM events GROUP BY 1", "SELECT vector.c0 AS \"page\", (SELECT (+vector.c0) AS \"count(*)\" FROM vector(1)) AS \"(SELECT count(*) FROM events)\" FROM vector(0)",
	    "vector(0): groups over columns; by page\nvector(1): groups over columns; count(*)" },
	/* subqueries in WHERE are run first */
	{ "SELECT count(*) FROM events WHERE user_id NOT IN (SELECT user_id FROM events WHERE event = 'a') AND r > 2 * (SELECT avg(r) FROM events)", NULL,
	    "vector(0): groups over columns; filter (NOT user_id IN (SELECT CAST(vector.c0 AS TEXT) AS \"user_id\" FROM vector(1)) AND "
	    "(r > (SELECT 2 * (SELECT (+vector.c0) AS \"avg(r)\" FROM vector(2))))); count(*)\n"
	    "vector(1): groups over columns, event a; by user_id\nvector(2): groups over columns; avg(r)" },
	{ "WITH b AS (SELECT DISTINCT user_id AS u FROM events WHERE n > 1) SELECT max(n) FROM events WHERE user_id IN (SELECT u FROM b WHERE u <> 'x')", NULL,
	    "vector(0): groups over columns; filter user_id IN (SELECT CAST(vector.c0 AS TEXT) AS \"u\" FROM vector(1)); max(n)\n"
	    "vector(1): groups over columns; filter ((user_id <> 'x') AND (n > 1)); by user_id" },
	{ "SELECT count(*) FROM events WHERE CAST(n AS INTEGER) IN (SELECT user_id FROM events)", NULL, "vector(0): groups over columns; by user_id" },
	{ "SELECT count(*) FROM events a WHERE n = (SELECT max(n) FROM events b WHERE b.page = a.page OR a.n)", "SELECT count(*) FROM events a WHERE n = (SELECT max(n) FROM events b WHERE b.page = a.page OR a.n)", NULL },
	{ "SELECT count(*) FROM events a WHERE n = (SELECT max(n) FROM events b WHERE b.page = a.page)",
	    "SELECT count(*) FROM events a WHERE n = (SELECT CASE count(*) WHEN 0 THEN (SELECT max(NULL) FROM (SELECT 1 LIMIT 0)) ELSE max(at_value) END AS at_value FROM "
	    "(SELECT (vector.c0) AS \"at_key0\", ((+vector.c1)) AS \"at_value\" FROM vector(0) LIMIT -1) WHERE at_key0 = (a.page))",
	    "vector(0): groups over columns; by page; max(n)" },
	{ "SELECT a.n IN (SELECT b.n FROM events b WHERE b.page = a.page AND b.user_id = a.user_id AND b.n > 1) FROM events a",
	    "SELECT a.n IN (SELECT at_value FROM (SELECT (vector.c0) AS \"at_key0\", (CAST(vector.c1 AS TEXT)) AS \"at_key1\", vector.c2 AS \"at_value\" FROM vector(0) LIMIT -1) "
	    "WHERE at_key0 = (a.page) AND at_key1 = (a.user_id)) AS \"a.n IN (SELECT b.n FROM events b WHERE b.page = a.page AND b.user_id = a.user_id AND b.n > 1)\" FROM events a",
	    "vector(0): groups over columns; filter (n > 1); by page, user_id, n" },
	{ "SELECT a.n, (SELECT sum(b.n) FROM events b WHERE b.page = a.page AND b.r < a.r) AS s FROM events a",
	    "SELECT a.n, (SELECT sum(b.n) FROM (SELECT vector.c0 AS \"n\", vector.c1 AS \"page\", vector.c2 AS \"r\" FROM vector(0) LIMIT -1) AS \"b\" "
	    "WHERE (b.page = a.page) AND (b.r < a.r)) AS s FROM events a", "vector(0): rows over columns; gives n, page, r" },
	/* through SELECTs that only pick, name and filter */
	{ "WITH b AS (SELECT *, n * 2 AS twice FROM events WHERE event = 'a'), c AS (SELECT page AS p, twice FROM b WHERE r > 1) SELECT p, sum(twice) FROM c x WHERE x.p <> '/' GROUP BY 1", NULL,
	    "vector(0): groups over columns, event a; filter ((page <> '/') AND (r > 1)); by page; sum((n * 2))" },
	{ "SELECT count(*), min(k) FROM (SELECT user_id AS k FROM events) WHERE k = 5", "SELECT vector.c0 AS \"count(*)\", vector.c1 AS \"min(k)\" FROM vector(0)",
	    "vector(0): groups over columns, user_id 5; count(*), min(user_id)" },
	{ "WITH d AS (SELECT DISTINCT user_id, date(timestamp) AS day FROM events), f AS (SELECT user_id, min(day) AS c FROM d GROUP BY 1) SELECT count(*) FROM d JOIN f USING (user_id)", NULL,
	    "vector(0): groups of hash join of vector(1) with vector(3) on vector(1).c0 = c0 (); count(*)\nvector(1): rows of vector(2); gives c0\n"
	    "vector(2): groups over columns; by user_id, [date(timestamp)]/86400s\nvector(3): rows of vector(4); gives c0\nvector(4): rows of vector(5); gives c0, c1\n"
	    "vector(5): groups of vector(2); by c0; min(c1)" },
	{ "SELECT count(*), max(n) FROM (SELECT DISTINCT n FROM events)", NULL, "vector(0): groups of vector(1); count(*), max(c0)\nvector(1): groups over columns; by n" },
	{ "SELECT max(n) FROM (SELECT DISTINCT n FROM events)", NULL, "vector(0): groups over columns; max(n)" },
	/* joins: what is about one side is its filter, equalities are keys, the rest comes after */
	{ "SELECT a.page, count(*) FROM events a JOIN events b ON a.user_id = b.user_id AND b.n = 1 WHERE a.n > b.n AND a.r = 2 GROUP BY 1",
	    "SELECT vector.c0 AS \"page\", vector.c1 AS \"count(*)\" FROM vector(0)",
	    "vector(0): groups of hash join of vector(1) with vector(2) on vector(1).c1 = c0 (c0 vector(1).c0, c1 vector(1).c2, c2 vector(2).c1); filter (c1 > c2); by c0; count(*)\n"
	    "vector(1): rows over columns; filter (r = 2); gives page, user_id, n\nvector(2): rows over columns; filter (n = 1); gives user_id, n" },
	{ "SELECT a.n FROM events a LEFT JOIN events b ON a.user_id = b.user_id AND b.n = 1 WHERE b.r IS NULL", NULL,
	    "vector(0): rows of hash join of vector(1) left with vector(2) on vector(1).c1 = c0 (c0 vector(1).c0, c1 vector(2).c1); filter (c1 IS NULL); gives c0\n"
	    "vector(1): rows over columns; gives n, user_id\nvector(2): rows over columns; filter (n = 1); gives user_id, r" },
	{ "SELECT a.n FROM events a LEFT JOIN events b ON a.user_id = b.user_id AND a.n = 1",
	    "SELECT a.n FROM events a LEFT JOIN events b ON a.user_id = b.user_id AND a.n = 1", NULL },
	/* beside what SQLite gives: other tables, functions, VALUES, what cannot be planned. Numbers are texts beside a column of texts */
	{ "SELECT a.n FROM events a JOIN alerts m ON a.n = m.state", "SELECT vector.c0 AS \"n\" FROM vector(0)",
	    "vector(0): rows of hash join of vector(1) with vector(2) on vector(1).c0 = c0 (c0 vector(1).c0); gives c0\nvector(1): rows over columns; gives n\n"
	    "vector(2): rows of (SELECT * FROM \"alerts\"); gives c2" },
	{ "WITH v(u, k) AS (VALUES (1, 'a'), ('u1', 'b')) SELECT k, count(*) FROM events e JOIN v ON e.user_id = v.u WHERE k <> 'z' GROUP BY 1", NULL,
	    "vector(0): groups of hash join of vector(1) with vector(2) on vector(1).c0 = c1 (c0 vector(2).c0); by c0; count(*)\nvector(1): rows over columns; gives user_id\n"
	    "vector(2): rows of (WITH v(u, k) AS (VALUES (1, 'a'), ('u1', 'b')) SELECT * FROM \"v\"); filter (c1 <> 'z'); gives c1, [CAST(c0 AS TEXT)]" },
	{ "SELECT g.value, count(e.n) FROM generate_series(1, 3) g LEFT JOIN events e ON e.n = g.value GROUP BY 1", NULL,
	    "vector(0): groups of hash join of vector(1) left with vector(2) on vector(1).c0 = c0 (c0 vector(1).c0, c1 vector(2).c0); by c0; count(c1)\n"
	    "vector(1): rows of (SELECT * FROM \"generate_series\"(1, 3)); gives c0\nvector(2): rows over columns; gives n" },
	{ "SELECT count(*) FROM events e JOIN (SELECT user_id FROM events WHERE n = 1 EXCEPT SELECT user_id FROM events WHERE n = 2) x USING (user_id)", NULL,
	    "vector(0): groups of hash join of vector(1) with vector(2) on vector(1).c0 = c0 (); count(*)\nvector(1): rows over columns; gives user_id\n"
	    "vector(2): rows of (SELECT * FROM (SELECT CAST(vector.c0 AS TEXT) AS \"user_id\" FROM vector(3) EXCEPT SELECT CAST(vector.c0 AS TEXT) AS \"user_id\" FROM vector(4) "
	    "LIMIT -1)); gives c0\nvector(3): rows over columns; filter (n = 1); gives user_id\nvector(4): rows over columns; filter (n = 2); gives user_id" },
	{ "SELECT count(*) FROM (SELECT 1 AS a) x JOIN (VALUES (1)) y ON x.a = y.column1", "SELECT count(*) FROM (SELECT 1 AS a) x JOIN (VALUES (1)) y ON x.a = y.column1", NULL },
	{ "SELECT count(*) FROM events e, json_each(e.n) j", "SELECT count(*) FROM events e, json_each(e.n) j", NULL },
	{ "WITH r(a, b) AS (SELECT page, count(*) FROM events GROUP BY 1) SELECT b FROM r WHERE a = '/'", NULL,
	    "vector(0): rows of vector(1); filter (c0 = '/'); gives c1\nvector(1): rows of vector(2); gives c0, c1\nvector(2): groups over columns; by page; count(*)" },
	{ "SELECT count(*) FROM events a SEMI JOIN (SELECT user_id FROM events WHERE n = 1) s USING (user_id)", NULL,
	    "vector(0): groups over columns; filter ((user_id IS NOT NULL) AND user_id IN (SELECT CAST(vector.c0 AS TEXT) AS \"user_id\" FROM vector(1))); count(*)\n"
	    "vector(1): groups over columns; filter ((user_id IS NOT NULL) AND (n = 1)); by user_id" },
	/* what SQLite computes of one side is a column of it; a time moved by a span is text as the time is */
	{ "SELECT count(*) FROM events a JOIN events b ON a.user_id = b.user_id AND b.timestamp <= a.timestamp + INTERVAL '1 hour'", NULL,
	    "vector(0): groups of hash join of vector(1) with vector(2) on vector(1).c0 = c0 (c0 vector(2).c1, c1 vector(1).c1, c2 vector(1).c2); filter (c0 <= c2); count(*)\n"
	    "vector(1): rows over columns; gives user_id, timestamp, [time_add( timestamp , 1, '1 hour' )]\nvector(2): rows over columns; gives user_id, timestamp" },
	{ "SELECT timestamp::date, max(floor(n / 2)) FROM events WHERE abs(r) > 1 GROUP BY 1", NULL,
	    "vector(0): groups over columns; filter (abs(r) > 1); by [cast_to( timestamp,'date')]/86400s; max(floor((n / 2)))" },
	{ "WITH p AS (SELECT '2026' AS lo) SELECT count(*) FROM events, p WHERE timestamp >= lo AND n > 1", NULL,
	    "vector(0): groups of hash join of vector(1) with vector(2) (c0 vector(1).c0, c1 vector(2).c0, c2 vector(2).c1, c3 vector(2).c2); filter (c0 >= c3); count(*)\n"
	    "vector(1): rows over columns; filter (n > 1); gives timestamp\n"
	    "vector(2): rows of (WITH p AS (SELECT '2026' AS lo) SELECT * FROM \"p\"); gives c0, [at_time( c0 )], [CAST(at_time( c0 ) AS TEXT)]" },
	/* samples */
	{ "SELECT field, TIME_BUCKET('1h', timestamp), avg(value) FROM metrics WHERE metric = 'm' AND value > '5' AND timestamp >= '2026-01-01' GROUP BY 1, 2", NULL,
	    "vector(0): groups of samples over columns, from 2026-01-01T00:00:00.000Z, metric m; filter [CAST(value AS NUMERIC) > '5']; "
	    "by field, [TIME_BUCKET('1h', timestamp)]/60s; avg(value)" },
	{ "SELECT count(*) FROM (SELECT * FROM events LIMIT 5)", "SELECT count(*) FROM (SELECT * FROM events LIMIT 5)", NULL },
	{ "WITH b AS (SELECT * FROM events WHERE n > 1) SELECT json_group_array(page) FROM b", "WITH b AS (SELECT * FROM events WHERE n > 1) SELECT json_group_array(page) FROM b", NULL },
	{ "SELECT group_concat(DISTINCT page), first(id), topk(page, 3), ordered_text(id, n, 1, ';') FROM events",
	    "SELECT vector.c0 AS \"group_concat(DISTINCT page)\", vector.c1 AS \"first(id)\", vector.c2 AS \"topk(page, 3)\", vector.c3 AS \"ordered_text(id, n, 1, ';')\" FROM vector(0)",
	    "vector(0): groups over columns; string_agg(DISTINCT page), first(id), topk(page, 3), string_agg(id ordered by n descending)" },
	/* not for us */
	{ "SELECT * FROM events LIMIT 5", "SELECT * FROM events LIMIT 5", NULL },
	{ "SELECT page, max(n) FROM events", "SELECT page, max(n) FROM events", NULL },
	{ "SELECT page, count(*) FROM events GROUP BY page COLLATE NOCASE", "SELECT page, count(*) FROM events GROUP BY page COLLATE NOCASE", NULL },
	{ "SELECT json_group_array(page) FROM events", "SELECT json_group_array(page) FROM events", NULL },
	{ "SELECT count(*) FROM events WHERE random() > 0", "SELECT count(*) FROM events WHERE random() > 0", NULL },
	{ "WITH events AS (SELECT 1 AS n) SELECT count(*) FROM events", "WITH events AS (SELECT 1 AS n) SELECT count(*) FROM events", NULL },
	{ "SELECT (SELECT count(*) FROM events b WHERE b.n < a.r) FROM events a", "SELECT (SELECT count(*) FROM events b WHERE b.n < a.r) FROM events a", NULL },
	{ "SELECT count(*) FROM alerts", "SELECT count(*) FROM alerts", NULL }, { "SELECT 1", "SELECT 1", NULL },
};

struct told { struct buf left, plans; int n; };

static int
row(void *self, const struct cell *c, int n, struct err *err)
{
	struct told *t = self;

	(void)n, (void)err;
	if (t->n++ == 0)
		buf_str(&t->left, c->text);
	else if (str_starts(c->text, STR("vector("))) {
		buf_lit(&t->plans, t->plans.n ? "\n" : "");
		buf_str(&t->plans, c->text);
	}
	return 0;
}

static void
explained(void **state)
{
	const struct query_spec spec = { .store = dir, .tenant = "default" };
	struct err err = {0};
	struct query *q = query_open(&spec, &err);

	(void)state;
	assert_non_null(q);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct told t = { .n = 0 };

		if (query_plan(q, str_of(cases[i].typed), (struct cell_sink){ row, &t }, &err) < 0)
			fail_msg("%s: %s", cases[i].typed, err.text);
		if (cases[i].left && strcmp(buf_text(&t.left), cases[i].left) != 0)
			fail_msg("%s\n got  %s\n want %s", cases[i].typed, buf_text(&t.left), cases[i].left);
		if (strcmp(buf_text(&t.plans), cases[i].plan ? cases[i].plan : "") != 0)
			fail_msg("%s\n got  %s\n want %s", cases[i].typed, buf_text(&t.plans), cases[i].plan ? cases[i].plan : "");
		buf_release(&t.left), buf_release(&t.plans);
	}
	query_close(q);
}

/* Parameters that are left keep their values, whatever went before them. */
static int
columns(void *self, const struct str *names, int n, struct err *err)
{
	(void)self, (void)names, (void)n, (void)err;
	return 0;
}

static int
answer(void *self, const struct cell *c, int n, struct err *err)
{
	(void)n, (void)err;
	buf_printf(self, "%lld,%.*s;", (long long)c[0].integer, STR_FMT(c[1].text));
	return 0;
}

static void
parameters(void **state)
{
	static const char *const sql[] = { "SELECT count(*), ? AS b FROM events WHERE page = ? AND n = ? HAVING count(*) < ?",
		"SELECT count(*), :b AS b FROM events WHERE page = :p AND n = :n HAVING count(*) < :m" };
	const struct query_param params[] = { { STR("b"), STR("yes") }, { STR("p"), STR("/a") }, { STR("n"), STR("1") }, { STR("m"), STR("7") } };
	const struct query_spec spec = { .store = dir, .tenant = "default" };
	struct err err = {0};
	struct query *q = query_open(&spec, &err);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct buf out = {0};
		const struct query_sink sink = { columns, answer, &out };
		size_t at = 0;

		if (query_run(q, str_of(sql[i]), &at, params, 4, &sink, &err) < 0)
			fail_msg("%s: %s", sql[i], err.text);
		assert_string_equal(buf_text(&out), "1,yes;");
		buf_release(&out);
	}
	query_close(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(explained), cmocka_unit_test(parameters) };

	return cmocka_run_group_tests(tests, set_up, folder_tear_down);
}
