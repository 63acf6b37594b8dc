/* Any bytes as a statement to be counted over columns: no crash, an end in time; and where SQLite takes what comes out, it takes
 * what went in, with the same names of columns. */
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "base/time.h"
#include "query/decorrelate.h"
#include "query/query_priv.h"
#include "statement.h"
#include "store/store.h"

static char dir[] = "/tmp/fuzz-plan-XXXXXX";

static int
remove_one(const char *path, const struct stat *st, int what, struct FTW *f)
{
	(void)st, (void)what, (void)f;
	return remove(path);
}

static void
remove_store(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct query *
open_query(void)
{
	const struct query_spec spec = { .store = dir, .tenant = "default", .timeout_ms = 300, .memory = 64 << 20 };
	struct event e = { .name = STR("a"), .time = 1795000000000, .user_id = STR("u"), .properties = STR("{\"page\":\"/\",\"n\":1,\"r\":1.5,\"o\":{\"p\":1}}") };
	struct err err = {0};
	struct store *s;

	time_set_now(1795000000000);
	if (!mkdtemp(dir) || !(s = store_open(dir, "default", STORE_WRITE | STORE_CREATE, &err)) || store_begin(s, &err) < 0 || store_add(s, &e, &err) < 0 ||
	    store_commit(s, &err) < 0)
		abort();
	store_close(s);
	atexit(remove_store);
	return query_open(&spec, &err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct query_param params[] = { { STR("a"), STR("1") }, { STR("b"), STR("text") } };
	static struct query *q;
	struct str sql = { (const char *)data, size };
	sqlite3_stmt *after = NULL, *before = NULL;
	struct vector_plans plans;
	struct buf out = {0}, once = {0};
	struct err err = {0};
	int changed;

	if (!q && !(q = open_query()))
		abort();
	q->cancelled = 0;
	q->failure.code = 0;
	q->deadline = time_mono_ns() + 300000000;
	if (size && memchr(data, 0, size))
		return 0;
	changed = decorrelate(q, sql, &once);
	if (vector_plan(q, changed ? buf_get(&once) : sql, params, 2, &out, &plans, &err) < 0)
		abort();
	if ((changed || plans.n) && sqlite3_prepare_v3(q->db, out.p, (int)out.n, 0, &after, NULL) == SQLITE_OK && after) {
		q->deadline = 0;
		q->cancelled = 0;
		if (sqlite3_prepare_v3(q->db, sql.p, (int)sql.n, 0, &before, NULL) != SQLITE_OK || sqlite3_column_count(before) != sqlite3_column_count(after))
			abort();
		for (int i = 0; i < sqlite3_column_count(before); i++)
			if (strcmp(sqlite3_column_name(before, i), sqlite3_column_name(after, i)) != 0)
				abort();
	}
	sqlite3_finalize(before), sqlite3_finalize(after);
	vector_plans_release(&plans);
	buf_release(&out), buf_release(&once);
	return 0;
}
