/* Any bytes as statements, through the rewriter, the plans over columns, SQLite and all functions: no crash, no write, an end in time, texts
 * that are UTF-8. The store has a chunk, a tail, samples and rows. A statement that is answered both over columns and without has the same
 * rows either way, but where it may be any of several answers. */
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "base/time.h"
#include "query/query.h"
#include "statement.h"
#include "store/admin.h"

#define NOW     1795000000000
#define ENOUGH  1000            /* rows of an answer */

static char dir[] = "/tmp/fuzz-sql-XXXXXX", input[64];

struct answer { int rows, columns; uint64_t hash; };     /* of the rows, in whatever order */

static int
columns(void *self, const struct str *names, int n, struct err *err)
{
	(void)err;
	for (int i = 0; i < n; i++)
		if (str_utf8_fault(names[i]) >= 0)
			abort();
	((struct answer *)self)->columns = n;
	return 0;
}

static uint64_t
hash_of(const struct cell *c)
{
	char number[32];
	struct str s = c->text;

	if (c->type == CELL_NULL)
		return 1;
	if (c->type == CELL_INTEGER)
		s = (struct str){ number, (size_t)snprintf(number, sizeof(number), "%.9g", (double)c->integer) };
	if (c->type == CELL_REAL)       /* sums may be put together in another order */
		s = (struct str){ number, (size_t)snprintf(number, sizeof(number), "%.9g", c->real + 0.0) };
	return str_hash(s) + (c->type == CELL_TEXT);
}

static int
row(void *self, const struct cell *cells, int n, struct err *err)
{
	struct answer *a = self;
	uint64_t hash = 0;

	if (n != a->columns)
		abort();
	for (int i = 0; i < n; i++) {
		if (cells[i].type == CELL_TEXT && str_utf8_fault(cells[i].text) >= 0)
			abort();
		hash = (hash ^ hash_of(&cells[i])) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 29;
	}
	a->hash += hash;
	return ++a->rows > ENOUGH ? err_set(err, ERR_LIMIT, "enough") : 0;
}

static int
remove_one(const char *path, const struct stat *st, int what, struct FTW *f)
{
	(void)st, (void)what, (void)f;
	return remove(path);
}

static void
remove_all(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Of every kind of value some, of each column some that are not there, times that come more than once. */
static void
add_events(struct store *s, int from, int to)
{
	static const char *const names[] = { "page_view", "click", "purchase" }, *const mixed[] = { "1", "\"1\"", "true", "null", "[1,2]", "2.5" };
	struct buf properties = { 0 };
	char user[8], id[8];
	struct err err = { 0 };

	if (store_begin(s, &err) < 0)
		abort();
	for (int i = from; i < to; i++) {
		struct event e = { .name = str_of(names[i * 7 % 3]), .time = NOW - 86400000LL * 3 + i / 2 * 1800000LL, .received = NOW };

		buf_clear(&properties);
		buf_printf(&properties, "{\"page\":\"/%d\",\"mixed\":%s", i % 5, mixed[i % 6]);
		if (i % 3)
			buf_printf(&properties, ",\"n\":%d,\"t\":\"t%d\",\"o\":{\"p\":%d,\"q\":\"\303\244%d\"}", i % 11 - 3, i * 13 % 17, i % 4, i % 2);
		if (i % 4 == 0)
			buf_printf(&properties, ",\"r\":%d.25,\"l\":[%d,\"x\"]", i, i % 3);
		buf_lit(&properties, i > 80 ? ",\"late\":9007199254740993}" : "}");
		e.properties = buf_get(&properties);
		if (i % 10)
			e.user_id = (struct str){ user, (size_t)sprintf(user, "u%d", i % 7) };
		if (i % 2)
			e.id = (struct str){ id, (size_t)sprintf(id, "i%d", i) };
		if (i % 5 == 0)
			e.session_id = STR("s");
		if (store_add(s, &e, &err) < 0)
			abort();
	}
	if (store_commit(s, &err) < 0)
		abort();
	buf_release(&properties);
}

static void
add_rest(struct store *s)
{
	static const char *const hosts[] = { "{\"host\":\"a\"}", "{\"host\":\"b\",\"job\":\"x\"}" };
	struct err err = { 0 };

	if (store_begin(s, &err) < 0)
		abort();
	for (int i = 0; i < 60; i++) {
		struct store_sample sample = { .metric = STR("load"), .labels = str_of(hosts[i % 2]), .field = STR("value"), .time = NOW - 3600000 + i * 60000, .value = i / 4.0 };

		if (store_add_sample(s, &sample, &err) < 0)
			abort();
	}
	if (store_add_row(s, "alert", NOW - 1000, STR("{\"alert\":\"hot\",\"state\":\"firing\",\"timestamp\":\"2026-11-18T11:46:39.000Z\",\"value\":7}"), &err) < 0 ||
	    store_add_row(s, "anomaly", NOW - 500, STR("{\"metric\":\"load\",\"timestamp\":\"2026-11-18T11:46:39.500Z\",\"value\":9,\"anomaly\":{\"score\":0.9}}"), &err) < 0 ||
	    store_commit(s, &err) < 0)
		abort();
}

static struct query *
open_query(void)
{
	const struct query_spec spec = { .store = dir, .tenant = "default", .input = input, .timeout_ms = 300, .memory = 64 << 20 };
	struct err err = { 0 };
	struct store *s;
	FILE *rows;

	time_set_now(NOW);
	if (!mkdtemp(dir))
		abort();
	atexit(remove_all);
	if (!(s = store_open(dir, "default", STORE_WRITE | STORE_CREATE, &err)))
		abort();
	add_events(s, 0, 120);
	add_rest(s);
	if (store_compact(s, &err) < 0)
		abort();
	add_events(s, 120, 130);
	store_close(s);
	snprintf(input, sizeof(input), "%s/input", dir);
	if (!(rows = fopen(input, "w")))
		abort();
	fputs("{\"event\":\"a\",\"timestamp\":\"2026-11-17T10:00:00.000Z\",\"properties\":{\"x\":1,\"s\":\"t\"}}\n"
	    "{\"event\":\"b\",\"timestamp\":\"2026-11-18T10:00:00.000Z\",\"properties\":{\"x\":2.5,\"n\":[1]}}\n", rows);
	fclose(rows);
	return query_open(&spec, &err);
}

/* Is it a question with one right number of rows? What cuts, draws by chance or takes whichever comes first is none. */
static int
one_answer(struct str sql)
{
	static const char *const cuts[] = { "limit", "top", "fetch", "sample", "explain", "row_number", "over", "match_recognize", "now", "recursive", "on" };
	struct token token;
	struct err err = { 0 };
	size_t at = 0;

	while (token_next(sql, &at, &token, &err) == 1) {
		if (token.kind == TOKEN_WORD && (functions_is_volatile(token.text) || functions_is_ordered(token.text)))
			return 0;
		for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++)
			if (token_is(&token, cuts[i]))
				return 0;
	}
	return 1;
}

/* How far it came: statements that were answered. */
static int
run(struct query *q, struct str sql, struct answer *answer, int most)
{
	struct err err = { 0 };
	size_t at = 0;
	int n = 0;

	for (; n < most; n++) {
		const struct query_sink sink = { columns, row, &answer[n] };

		answer[n] = (struct answer){ 0 };
		if (query_run(q, sql, &at, NULL, 0, &sink, &err) != 1)
			break;
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct query *q;
	struct answer with[4], without[4];
	struct str sql = { (const char *)data, size };
	int n, again;

	if (!q && !(q = open_query()))
		abort();
	n = run(q, sql, with, 4);
	setenv("AT_VECTOR", "0", 1);
	again = run(q, sql, without, 4);
	unsetenv("AT_VECTOR");
	for (int i = 0; i < n && i < again && one_answer(sql); i++)
		if (with[i].rows != without[i].rows || with[i].columns != without[i].columns || with[i].hash != without[i].hash)
			abort();
	return 0;
}
