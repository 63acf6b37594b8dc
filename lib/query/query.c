#include "query/query.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/mem.h"
#include "base/time.h"
#include "codec/varint.h"
#include "query/cache.h"
#include "query/decorrelate.h"
#include "query/query_priv.h"
#include "query/rewrite.h"
#include "query/table_function.h"
#include "query/tables.h"
#include "query/token.h"
#include "query/verbs.h"

CMD_LIBRARY("SQLite", sqlite3_libversion())

#define STEPS 4000              /* of SQLite's machine between two looks at the clock: well under a millisecond */

/* ---- SQLite, made safe */

/* SQLite's 'now' is ours, so that --now holds for its date functions too. */
static int
current_time(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
	(void)vfs;
	*out = time_now() + 210866760000000LL;
	return SQLITE_OK;
}

static sqlite3_vfs clock_vfs;

/* Its memory is counted as what the heap gives for a piece, which is a third and more than was asked for where pieces are those of
 * rows to be sorted. Of the most, HEAP_SHARE is for what lies before each piece: 8 bytes, an eighth where they are of 56. */
#define HEAP_SHARE 8
#define HEAP_LEAST 8            /* a share of the most that is SQLite's, or a plan's, whatever else is held */

/* Of the process: the most that it may hold, 0 none, and what results of columns hold of that beside SQLite's heap. */
static struct { pthread_mutex_t lock; int64_t most, beside; } heap = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* With the lock held. SQLite is never left with nothing: it could not even say that there is no more. */
static void
bound_heap(void)
{
	int64_t left = heap.most - heap.most / HEAP_SHARE - heap.beside;

	if (left < heap.most / HEAP_LEAST)
		left = heap.most / HEAP_LEAST;
	if (heap.most) {
		sqlite3_hard_heap_limit64(left);
		sqlite3_soft_heap_limit64(left);        /* a lower one came with a lower bound, and would stay */
	}
}

void
query_heap_beside(int64_t by)
{
	if (by == 0)
		return;
	pthread_mutex_lock(&heap.lock);
	heap.beside += by;
	bound_heap();
	pthread_mutex_unlock(&heap.lock);
}

int64_t
query_heap_left(const struct query *q)
{
	int64_t most = q->spec.memory, left;

	pthread_mutex_lock(&heap.lock);
	left = most - heap.beside - sqlite3_memory_used();
	pthread_mutex_unlock(&heap.lock);
	return left > most / HEAP_LEAST ? left : most / HEAP_LEAST;
}

static void *
heap_get(int n)
{
	return malloc((size_t)n);
}

static void *
heap_more(void *piece, int n)
{
	return realloc(piece, (size_t)n);
}

static int
heap_size(void *piece)
{
	return piece ? (int)malloc_usable_size(piece) : 0;
}

static int
heap_round(int n)
{
	return (n + 7) & ~7;
}

static int
heap_begin(void *self)
{
	(void)self;
	return SQLITE_OK;
}

static void
heap_end(void *self)
{
	(void)self;
}

static void
initialize(void)
{
	static const sqlite3_mem_methods methods = { heap_get, free, heap_more, heap_size, heap_round, heap_begin, heap_end, NULL };
	sqlite3_vfs *system;

	sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
	if (sqlite3_initialize() != SQLITE_OK || !(system = sqlite3_vfs_find(NULL)))
		return;
	clock_vfs = *system;
	clock_vfs.pNext = NULL;
	clock_vfs.zName = "at";
	clock_vfs.xCurrentTimeInt64 = current_time;
	sqlite3_vfs_register(&clock_vfs, 0);
}

static int
authorize(void *self, int action, const char *a, const char *b, const char *database, const char *trigger)
{
	(void)database, (void)trigger;
	if (((struct query *)self)->declaring)
		return SQLITE_OK;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_READ:
		/* An event's rowid is its number among all there are, which is not for who sees some of them. What we ask ourselves may. */
		if (((struct query *)self)->names_rowid && b && strcmp(b, "ROWID") == 0 && a && sqlite3_stricmp(a, "events") == 0) {
			((struct query *)self)->names_rowid = 2;
			return SQLITE_DENY;
		}
		if (a && sqlite3_strnicmp(a, "sqlite_", 7) == 0 && sqlite3_stricmp(a, "sqlite_master") != 0 && sqlite3_stricmp(a, "sqlite_schema") != 0)
			return SQLITE_DENY;
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		if (b && functions_is_volatile(str_of(b)))
			((struct query *)self)->changing = 1;
		return b && (sqlite3_stricmp(b, "load_extension") == 0 || sqlite3_stricmp(b, "fts3_tokenizer") == 0) ? SQLITE_DENY : SQLITE_OK;
	default:
		return SQLITE_DENY;
	}
}

int
query_stopped(struct query *q, struct err *err)         /* several threads may ask at once */
{
	int cancelled = __atomic_load_n(&q->cancelled, __ATOMIC_RELAXED);

	if (!cancelled && q->spec.stopping && q->spec.stopping())
		cancelled = 1;
	if (!cancelled && q->deadline && time_mono_ns() > q->deadline)
		cancelled = 2;
	if (!cancelled)
		return 0;
	__atomic_store_n(&q->cancelled, cancelled, __ATOMIC_RELAXED);
	return err_set(err, ERR_CANCEL, cancelled == 2 ? "it took longer than --timeout allows" : "interrupted");
}

static int
progress(void *self)
{
	struct query *q = self;

	return query_stopped(q, &q->failure) < 0;
}

int
query_connect(struct query *q, sqlite3 **db, struct functions **functions, struct err *err)
{
	static const struct { int id, most; } limits[] = {
		{ SQLITE_LIMIT_LENGTH, 512 << 20 }, { SQLITE_LIMIT_SQL_LENGTH, 8 << 20 }, { SQLITE_LIMIT_ATTACHED, 0 }, { SQLITE_LIMIT_TRIGGER_DEPTH, 1 },
		{ SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 10000 }, { SQLITE_LIMIT_VARIABLE_NUMBER, 1000 }, { SQLITE_LIMIT_WORKER_THREADS, 0 } };
	static const struct { int id, on; } switches[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 }, { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 }, { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
		{ SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0 }, { SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 }, { SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
		{ SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0 }, { SQLITE_DBCONFIG_DQS_DML, 0 }, { SQLITE_DBCONFIG_DQS_DDL, 0 } };
	int rc = sqlite3_open_v2(":memory:", db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_MEMORY, "at");

	for (size_t i = 0; rc == SQLITE_OK && i < sizeof(switches) / sizeof(*switches); i++)
		rc = sqlite3_db_config(*db, switches[i].id, switches[i].on, NULL);
	for (size_t i = 0; rc == SQLITE_OK && i < sizeof(limits) / sizeof(*limits); i++)
		sqlite3_limit(*db, limits[i].id, limits[i].most);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(*db, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return err_set(err, ERR_IO, "SQLite: %s", *db ? sqlite3_errmsg(*db) : "out of memory");
	sqlite3_extended_result_codes(*db, 1);
	if (!(*functions = functions_add(*db, q->spec.zone, q->spec.config, err)))
		return err->code;
	sqlite3_set_authorizer(*db, authorize, q);
	return 0;
}

/* Modules are told again when the store has changed: its columns may have. */
static int
open_database(struct query *q, struct err *err)
{
	if (query_connect(q, &q->db, &q->functions, err) < 0)
		return err->code;
	sqlite3_set_authorizer(q->db, NULL, NULL);      /* not for what the tables say */
	if (tables_add(q, err) < 0 || vector_add(q, err) < 0)
		return err->code;
	/* SQLite's own, which declare themselves when they are first named */
	if (sqlite3_exec(q->db, "SELECT 1 FROM json_each('1'), json_tree('1') LIMIT 0", NULL, NULL, NULL) != SQLITE_OK)
		return err_set(err, ERR_IO, "SQLite: %s", sqlite3_errmsg(q->db));
	sqlite3_set_authorizer(q->db, authorize, q);
	sqlite3_progress_handler(q->db, STEPS, progress, q);
	return 0;
}

static void
close_database(struct query *q)
{
	sqlite3_close(q->db);
	functions_free(q->functions);
	q->db = NULL;
	q->functions = NULL;
}

/* The table `input` is read when a statement first wants it; that there is such a file is known from the start. */
static int
input_there(const char *path, struct err *err)
{
	struct stat st;

	if (!path || strcmp(path, "-") == 0)
		return 0;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		errno = EISDIR;
	else if (access(path, R_OK) == 0)
		return 0;
	return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
}

struct query *
query_open(const struct query_spec *spec, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct query *q;

	if (input_there(spec->input, err) < 0)
		return NULL;
	q = mem_new(sizeof(*q));
	pthread_once(&once, initialize);
	q->spec = *spec;
	policy_hold(spec->policy);
	q->cache = spec->keep_answers ? cache_new() : NULL;
	if (spec->memory) {
		pthread_mutex_lock(&heap.lock);
		heap.most = spec->memory;
		bound_heap();
		pthread_mutex_unlock(&heap.lock);
	}
	if (open_database(q, err) < 0) {
		query_close(q);
		return NULL;
	}
	return q;
}

void
query_close(struct query *q)
{
	if (!q)
		return;
	close_database(q);
	tables_release(q);
	store_close(q->store);
	map_release(&q->properties);
	map_release(&q->input_columns);
	vector_plans_release(&q->plans);
	cache_free(q->cache);
	policy_free(q->spec.policy);
	store_close(q->own_trail);
	free(q);
}

static void
restrict_store(struct query *q)
{
	if (q->spec.policy)
		policy_rights(q->spec.policy, &q->rights);
	if (q->store)
		store_restrict(q->store, q->spec.policy ? &q->rights : NULL);
}

void
query_set_policy(struct query *q, struct policy *policy)
{
	int same = policy_hash(policy) == policy_hash(q->spec.policy);

	policy_hold(policy);
	policy_free(q->spec.policy);
	q->spec.policy = policy;
	restrict_store(q);
	if (!same)
		q->version = 0;         /* as if the store had changed */
}

void
query_set_audit(struct query *q, struct store *trail)
{
	q->spec.trail = trail;
}

void
query_set_until(struct query *q, int64_t until)
{
	q->until = until;
}

struct policy *
query_policy(const struct query *q)
{
	return q->spec.policy;
}

struct store *
query_store(struct query *q, struct err *err)
{
	if (!q->store) {
		if (!query_has_store(q)) {
			err_set(err, ERR_USAGE, "there is no store here");
			return NULL;
		}
		q->store = q->spec.opened ? store_share(q->spec.opened) : store_open(q->spec.store, q->spec.tenant, STORE_READ | STORE_ASIDE, err);
		restrict_store(q);
		if (q->store && q->spec.memory)
			store_limit_copies(q->store, (size_t)(q->spec.memory / 4));
		if (q->store)
			q->version = store_version(q->store);
	}
	return q->store;
}

const struct zone *
query_zone(const struct query *q)
{
	return q->spec.zone;
}

const struct config *
query_config(const struct query *q)
{
	return q->spec.config;
}

int64_t
query_read(const struct query *q)
{
	return q->read;
}

/* ---- what the rewriter asks */

static int
prepare(struct query *q, const char *sql, sqlite3_stmt **statement, struct err *err)
{
	int rc = sqlite3_prepare_v3(q->db, sql, -1, 0, statement, NULL);

	if (rc != SQLITE_OK)
		return q->failure.code ? (*err = q->failure).code : err_set(err, ERR_USAGE, "%s", sqlite3_errmsg(q->db));
	return 0;
}

static int
host_columns(void *self, const char *sql, int (*each)(void *, struct str, struct err *), void *to, struct err *err)
{
	struct query *q = self;
	sqlite3_stmt *statement = NULL;
	int rc = prepare(q, sql, &statement, err);

	for (int i = 0; rc == 0 && i < sqlite3_column_count(statement); i++)
		rc = each(to, str_of(sqlite3_column_name(statement, i)), err);
	sqlite3_finalize(statement);
	return rc;
}

static int
host_values(void *self, const char *sql, int (*each)(void *, struct str, struct str, struct err *), void *to, struct err *err)
{
	struct query *q = self;
	sqlite3_stmt *statement = NULL;
	int rc = prepare(q, sql, &statement, err), step = SQLITE_DONE;

	while (rc == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		sqlite3_value *v = sqlite3_column_value(statement, 0);
		struct str text = { (const char *)sqlite3_value_text(v), (size_t)sqlite3_value_bytes(v) };
		char *literal = sqlite3_value_type(v) == SQLITE_TEXT ? sqlite3_mprintf("%Q", text.p) : sqlite3_mprintf("%s", text.p);

		rc = literal ? each(to, text, str_of(literal), err) : err_set(err, ERR_LIMIT, "no memory for a column's name");
		sqlite3_free(literal);
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = q->failure.code ? (*err = q->failure).code : err_set(err, ERR_USAGE, "%s", sqlite3_errmsg(q->db));
	sqlite3_finalize(statement);
	return rc;
}

static int
know_property(void *self, struct str key, int64_t count)
{
	map_put(&((struct query *)self)->properties, key, NULL)->num = count;
	return 0;
}

int
query_is_property(struct query *q, struct str name)
{
	struct err err = {0};

	if (!q->know_properties) {
		q->know_properties = 1;
		if (query_has_store(q) && query_store(q, &err))
			store_each_property(q->store, know_property, q, &err);
	}
	return map_find(&q->properties, name) != NULL;
}

static int
know_column(void *self, struct str name, struct err *err)
{
	(void)err;
	map_put(&((struct query *)self)->input_columns, name, NULL);
	return 0;
}

/* A property, or a column of the rows of -i: what a.b may reach into. */
static int
host_is_property(void *self, struct str name)
{
	struct query *q = self;
	struct err err = {0};

	if (query_is_property(q, name))
		return 1;
	if (!q->spec.input)
		return 0;
	if (!q->know_input) {
		q->know_input = 1;
		host_columns(q, "SELECT * FROM input", know_column, q, &err);
	}
	return map_find(&q->input_columns, name) != NULL;
}

/* ---- messages that point into the statement */

struct near { const char *name; char best[128]; int distance; };

static int
consider(void *self, struct str name, struct err *err)
{
	struct near *near = self;
	char text[128];

	(void)err;
	if (name.n >= sizeof(text))
		return 0;
	memcpy(text, name.p, name.n);
	text[name.n] = 0;
	for (int d = 0; d < near->distance; d++)
		if (strcasecmp(near->name, text) == 0 || str_near(near->name, text, d)) {
			near->distance = d;
			memcpy(near->best, text, name.n + 1);
		}
	return 0;
}

static void
consider_function(void *self, const char *name)
{
	consider(self, str_of(name), NULL);
}

static void
consider_table(void *self, const char *name, const char *does)
{
	(void)does;
	consider(self, str_of(name), NULL);
}

int
query_each_table(struct query *q, void (*each)(void *, const char *, const char *), void *to, struct err *err)
{
	(void)q, (void)err;
	for (const struct tables_entry *t = tables_all; t->name; t++)
		if (strcmp(t->name, "input") != 0 || q->spec.input)
			each(to, t->name, t->does);
	for (const struct table_function *const *f = verbs_all; *f; f++)
		if (strcmp((*f)->name, "events") != 0)
			each(to, (*f)->name, (*f)->does);
	return 0;
}

static int refresh(struct query *, struct err *);

int
query_each_column(struct query *q, const char *table, int (*each)(void *, struct str, struct err *), void *to, struct err *err)
{
	char *sql = sqlite3_mprintf("SELECT * FROM \"%w\"", table);
	int rc;

	q->failure.code = 0;
	rc = !sql ? err_set(err, ERR_LIMIT, "out of memory") : refresh(q, err) < 0 ? err->code : host_columns(q, sql, each, to, err);
	sqlite3_free(sql);
	return rc;
}

/* Where a name stands as what is read from, or, of no name, where the statement ends; -1. Of a table SQLite does not say it. */
static long
place_of(struct str sql, const char *table)
{
	struct token word, before = { .kind = TOKEN_END };
	struct err ignore = {0};
	size_t i = 0, n = table ? strlen(table) : 0;
	long end = -1;

	for (; token_next(sql, &i, &word, &ignore) == 1 && (table || !token_is(&word, ";")); before = word) {
		int quoted = word.kind == TOKEN_QUOTED && word.text.n == n + 2;

		end = (long)(word.at + word.text.n);
		if (table && (token_is(&before, "from") || token_is(&before, "join") || token_is(&before, ",") || token_is(&before, "(")) &&
		    (quoted || (word.kind == TOKEN_WORD && word.text.n == n)) && strncasecmp(word.text.p + quoted, table, n) == 0)
			return (long)word.at;
	}
	return table ? -1 : end;
}

/* Where the word stands last, as a name or keyword; -1: it does not. */
static long
last_place_of(struct str sql, const char *word)
{
	struct err ignore = {0};
	struct token token;
	size_t at = 0;
	long place = -1;

	while (token_next(sql, &at, &token, &ignore) == 1) {
		struct str bare = token.text;

		if (token.kind == TOKEN_QUOTED && bare.n > 2)
			bare = (struct str){ bare.p + 1, bare.n - 2 };
		if ((token.kind == TOKEN_WORD || token.kind == TOKEN_QUOTED) && bare.n == strlen(word) && strncasecmp(bare.p, word, bare.n) == 0)
			place = (long)token.at;
	}
	return place;
}

/* What SQLite said, in words of the user's statement. at: where in the statement it happened, or -1. */
static int
tell(struct query *q, struct str sql, size_t base, long at, const char *said, struct err *err)
{
	static const char *const builtin[] = { "count", "sum", "avg", "min", "max", "total", "group_concat", "abs", "coalesce", "length", "lower", "upper",
		"round", "substr", "trim", "replace", "instr", "json_extract", "datetime", "time", "row_number", "rank", "dense_rank", "lag", "lead", "ntile",
		"first_value", "last_value", "floor", "ceil", "sqrt", "power", "log10", "log2", "ln", "exp", "nullif", "ifnull", "typeof", "quote", NULL };
	struct near near = { .distance = 3 };
	struct err ignore = {0};
	char text[300], copy[300], name[128] = "";
	const char *rest;
	long line = 1, column;

	snprintf(copy, sizeof(copy), "%s", said);       /* asking SQLite for columns makes it forget */
	said = copy;
	snprintf(text, sizeof(text), "%s", said);
	near.name = name;
	if ((rest = strstr(said, "no such column: "))) {
		const char *dot;

		snprintf(name, sizeof(name), "%s", rest + 16);
		if ((dot = strrchr(name, '.')))
			memmove(name, dot + 1, strlen(dot));
		if (strlen(name) < 4)
			near.distance = 2;
		q->failure.code = 0;
		if (q->store)
			query_each_column(q, "events", consider, &near, &ignore);
		if (q->spec.input)
			query_each_column(q, "input", consider, &near, &ignore);
		if (q->store && memmem(sql.p, sql.n, "metrics", 7))
			query_each_column(q, "metrics", consider, &near, &ignore);
		if (strcmp(near.best, name) != 0 && query_is_property(q, str_of(name)))
			snprintf(text, sizeof(text), "of so many properties '%s' is among those without a column, write properties.\"%s\"", name, name);
		else if (at >= 0 && (size_t)at < sql.n && sql.p[at] == '"')
			snprintf(text, sizeof(text), "no column \"%s\", a text is written '%s'", name, name);
		else if (near.best[0])
			snprintf(text, sizeof(text), "no column '%s', did you mean '%s'?", rest + 16, near.best);
		else
			snprintf(text, sizeof(text), "no column '%s', at-query schema shows what there is", rest + 16);
	} else if ((rest = strstr(said, "no such table: ")) || (rest = strstr(said, "vtable constructor failed: "))) {
		snprintf(name, sizeof(name), "%s", strchr(rest, ':') + 2);
		at = at < 0 ? place_of(sql, name) : at;
		query_each_table(q, consider_table, &near, &ignore);
		if (near.best[0])
			snprintf(text, sizeof(text), "no table '%s', did you mean '%s'?", name, near.best);
		else
			snprintf(text, sizeof(text), "no table '%s', there are events, metrics, anomalies, alerts, insights%s", name,
		    q->spec.input ? ", audit and input" : " and audit");
	} else if ((rest = strstr(said, "no such function: "))) {
		snprintf(name, sizeof(name), "%s", rest + 18);
		for (char *c = name; *c; c++)
			*c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 32) : *c;
		functions_each(consider_function, &near);
		for (int i = 0; builtin[i]; i++)
			consider(&near, str_of(builtin[i]), NULL);
		if (near.best[0])
			snprintf(text, sizeof(text), "no function '%s', did you mean '%s'?", rest + 18, near.best);
		else
			snprintf(text, sizeof(text), "no function '%s', see at-sql(7)", rest + 18);
	} else if (sscanf(said, "cannot join using column %127s", name) == 1) {
		q->failure.code = 0;
		if (q->store)
			query_each_column(q, "events", consider, &near, &ignore);
		at = at < 0 ? last_place_of(sql, name) : at;
		snprintf(text, sizeof(text), near.best[0] && strcmp(near.best, name) != 0 ? "'%s' is no column of both tables, did you mean '%s'?" : "'%s' is no column of both tables", name, near.best);
	} else if ((rest = strstr(said, "no such window: "))) {
		at = at < 0 ? last_place_of(sql, rest + 16) : at;
		snprintf(text, sizeof(text), "no window '%s', write WINDOW %s AS (…) or OVER (…)", rest + 16, rest + 16);
	} else if (strcmp(said, "HAVING clause on a non-aggregate query") == 0) {
		at = at < 0 ? last_place_of(sql, "having") : at;
		snprintf(text, sizeof(text), "HAVING wants GROUP BY or an aggregate; a condition on rows is WHERE, on windows QUALIFY");
	} else if (sscanf(said, "misuse of window function %100[^(]", name) == 1) {
		snprintf(text, sizeof(text), "%s() wants OVER (…) behind it, in the columns, QUALIFY or ORDER BY", name);
	} else if (sscanf(said, "misuse of aggregate: %100[^(]", name) == 1) {
		snprintf(text, sizeof(text), "%s() is an aggregate and cannot stand here: a condition on groups is HAVING", name);
	} else if (strstr(said, "not authorized") || strstr(said, "prohibited") || strstr(said, "may not be modified") || strstr(said, "access to ")) {
		snprintf(text, sizeof(text), "only reading is allowed: SELECT, WITH, VALUES");
	} else if (strcmp(said, "incomplete input") == 0) {
		snprintf(text, sizeof(text), "the statement ends too early");
		at = place_of(sql, NULL);
	} else if (strstr(said, "out of memory")) {
		return err_set(err, ERR_LIMIT, "more memory than --max-memory allows");
	}
	if (at < 0)
		return err_set(err, ERR_USAGE, "%s", text);
	/* LINE:COL of the text that was given */
	at += (long)base;
	column = at + 1;
	for (long i = 0; i < at && (size_t)i < base + sql.n; i++)
		if (sql.p[i - (long)base] == '\n')
			line++, column = at - i;
	return err_col(err, column, ERR_USAGE, "%ld:%ld: %s", line, column, text);
}

/* ---- running */

/* A number of JSON: an integer as long as it is one that can be held. */
static struct cell
number_cell(struct str value)
{
	int64_t integer;
	double real = 0;

	if (str_int64(value, &integer) == 0)
		return cell_integer(integer);
	str_double(value, &real);
	return cell_real(real);
}

/* A text that is just how a number is printed is that number; "007" stays a text. */
static struct cell
said_cell(struct str value)
{
	char digits[40];
	int64_t integer;
	double real;

	if (str_int64(value, &integer) == 0) {
		snprintf(digits, sizeof(digits), "%lld", (long long)integer);
		if (str_eq(str_of(digits), value))
			return cell_integer(integer);
	}
	if (str_double(value, &real) == 0 && memchr(value.p, '.', value.n)) {
		struct buf text = {0};
		int same;

		json_put_double(&text, real);
		same = str_eq(buf_get(&text), value);
		buf_release(&text);
		if (same)
			return cell_real(real);
	}
	return cell_text(value.p ? value : STR(""));
}

struct cell
query_param_cell(const struct query_param *p)
{
	if (p->type == QUERY_PARAM_NUMBER)
		return number_cell(p->value);
	if (p->type == QUERY_PARAM_NULL)
		return cell_null();
	return p->type == QUERY_PARAM_SAID ? said_cell(p->value) : cell_text(p->value.p ? p->value : STR(""));
}

void
query_bind_cell(sqlite3_stmt *statement, int i, const struct cell *c, sqlite3_destructor_type lasts)
{
	switch (c->type) {
	case CELL_INTEGER:
		sqlite3_bind_int64(statement, i, c->integer);
		break;
	case CELL_REAL:
		sqlite3_bind_double(statement, i, c->real);
		break;
	case CELL_TEXT:
		sqlite3_bind_text64(statement, i, c->text.p, c->text.n, lasts, SQLITE_UTF8);
		break;
	default:
		sqlite3_bind_null(statement, i);
	}
}

static int
bind(sqlite3_stmt *statement, const struct query_param *params, int n, struct err *err)
{
	for (int i = 1; i <= sqlite3_bind_parameter_count(statement); i++) {
		const char *name = sqlite3_bind_parameter_name(statement, i);
		const struct query_param *p = NULL;
		struct cell cell;

		if (!name || *name == '?') {
			if (i > n)
				return err_set(err, ERR_USAGE, "no value for the ? number %d, give -P", i);
			p = &params[i - 1];
		}
		for (int k = n; !p && k-- > 0; )        /* of one that is given again the last, as of any option */
			if (str_eq(params[k].name, str_of(name + 1)))
				p = &params[k];
		if (!p)
			return err_set(err, ERR_USAGE, "no value for %s, give -P %s=…", name, name + 1);
		cell = query_param_cell(p);
		query_bind_cell(statement, i, &cell, SQLITE_TRANSIENT);
	}
	return 0;
}

/* Bytes that are no UTF-8 can only come from casts of blobs; no format could print them. */
static struct str
clean(struct str s, struct buf *scratch)
{
	long bad = str_utf8_fault(s);

	if (bad < 0)
		return s;
	buf_clear(scratch);
	while (bad >= 0) {
		buf_add(scratch, s.p, (size_t)bad);
		buf_lit(scratch, "\xef\xbf\xbd");
		s = (struct str){ s.p + bad + 1, s.n - (size_t)bad - 1 };
		bad = str_utf8_fault(s);
	}
	buf_str(scratch, s);
	return buf_get(scratch);
}

static void
read_cell(sqlite3_stmt *statement, int i, struct cell *to, struct buf *scratch)
{
	sqlite3_value *value = sqlite3_column_value(statement, i);
	struct str s;

	switch (sqlite3_value_type(value)) {
	case SQLITE_INTEGER:
		*to = cell_integer(sqlite3_value_int64(value));
		break;
	case SQLITE_FLOAT:
		*to = cell_real(sqlite3_value_double(value));
		break;
	case SQLITE_TEXT:               /* as a blob: as a text SQLite would copy it to put a 0 behind it */
		s.p = sqlite3_value_blob(value);
		s.n = (size_t)sqlite3_value_bytes(value);
		*to = cell_text(s.p ? clean(s, scratch) : STR(""));
		break;
	case SQLITE_BLOB:
		s.p = sqlite3_value_blob(value);
		s.n = (size_t)sqlite3_value_bytes(value);
		buf_clear(scratch);
		for (size_t k = 0; k < s.n; k++)
			buf_printf(scratch, "%02x", (unsigned char)s.p[k]);
		*to = cell_text(buf_get(scratch));
		break;
	default:
		*to = cell_null();
	}
}

/* Does each row of the answer come from one row of one table? Then it is true whatever else could not be read; a count, a sum, the
 * first of an order or what a join did not find would be wrong. */
static int
picks_rows(struct query *q, sqlite3_stmt *statement)
{
	static const char *const combining[] = { "AggStep", "AggStep1", "AggInverse", "AggFinal", "SorterOpen", "OpenEphemeral", "OpenAutoindex", NULL };
	sqlite3_stmt *program = NULL;
	struct buf text = {0};
	int tables = 0;

	for (int i = 0; i < q->plans.n; i++)
		if (q->plans.plan[i]->grouped || q->plans.plan[i]->order || q->plans.plan[i]->n_late || q->plans.plan[i]->source)
			return 0;
	buf_printf(&text, "EXPLAIN %s", sqlite3_sql(statement));
	if (sqlite3_prepare_v2(q->db, buf_text(&text), -1, &program, NULL) != SQLITE_OK)
		tables = 2;
	while (tables < 2 && sqlite3_step(program) == SQLITE_ROW) {
		const char *does = (const char *)sqlite3_column_text(program, 1);

		tables += does && strcmp(does, "VOpen") == 0;
		for (int i = 0; does && combining[i]; i++)
			if (strcmp(does, combining[i]) == 0)
				tables = 2;
	}
	sqlite3_finalize(program);
	buf_release(&text);
	return tables < 2;
}

/* told: what the sink was given already, and is not given again; 1 the columns, 2 rows. */
static int
run(struct query *q, sqlite3_stmt *statement, const struct query_sink *sink, int *told, struct err *err)
{
	int n = sqlite3_column_count(statement), rc = 0, step = SQLITE_DONE, picks = -1;
	struct cell *cells = mem_grow(NULL, (size_t)n + 1, sizeof(*cells));
	struct str *names = mem_grow(NULL, (size_t)n + 1, sizeof(*names));
	struct buf *scratch = mem_new(((size_t)n + 1) * sizeof(*scratch));

	for (int i = 0; i < n; i++)
		names[i] = str_of(sqlite3_column_name(statement, i));
	if (n && sink->columns && !*told)
		rc = sink->columns(sink->self, names, n, err);
	*told = 1;
	while (rc == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		if (q->damage.code && picks < 0 && !(picks = picks_rows(q, statement))) {
			*err = q->damage;
			rc = err->code;
			break;
		}
		*told = 2;
		for (int i = 0; i < n; i++)
			read_cell(statement, i, &cells[i], &scratch[i]);
		rc = sink->row(sink->self, cells, n, err);
	}
	for (int i = 0; i < n; i++)
		buf_release(&scratch[i]);
	free(cells), free(names), free(scratch);
	return rc ? rc : step == SQLITE_DONE ? 0 : -step;
}

static void
begin(struct query *q)
{
	q->cancelled = 0;
	q->statement++;
	q->read = 0;
	q->changing = q->samples_too = 0;
	q->failure.code = q->damage.code = 0;
	vector_plans_release(&q->plans);
	q->deadline = q->spec.timeout_ms ? time_mono_ns() + q->spec.timeout_ms * 1000000 : 0;
	if (q->until && (!q->deadline || q->until < q->deadline))
		q->deadline = q->until;
}

/* The store got new events since its columns were read: the tables must be told anew. */
static int
refresh(struct query *q, struct err *err)
{
	uint64_t version;

	if (!q->store || (version = store_version(q->store)) == q->version)
		return 0;
	q->version = version;
	map_release(&q->properties);
	q->properties = (struct map){0};
	q->know_properties = 0;
	close_database(q);
	return open_database(q, err);
}

/* Does it call a function to which the order of rows matters? */
static int
wants_order(struct str sql)
{
	struct token token;
	struct err ignore = {0};
	size_t at = 0;

	while (token_next(sql, &at, &token, &ignore) == 1)
		if (token.kind == TOKEN_WORD && functions_is_ordered(token.text))
			return 1;
	return 0;
}

/* Can it be counted over columns, or made once instead of for each row? AT_VECTOR=0 says no, to see what difference it makes. */
static int
vectorize(struct query *q, const struct rewrite *rewrite, const struct query_param *params, int n_params, struct buf *to, struct err *err)
{
	const char *wanted = getenv("AT_VECTOR");
	struct buf once = {0};
	int changed, planned;

	q->by_time = wants_order(buf_get(&rewrite->text));
	vector_plans_release(&q->plans);
	if ((wanted && strcmp(wanted, "0") == 0) || !query_has_store(q))
		return 0;
	changed = decorrelate(q, buf_get(&rewrite->text), &once);
	planned = vector_plan(q, buf_get(changed ? &once : &rewrite->text), params, n_params, to, &q->plans, err) == 0 && (changed || q->plans.n);
	buf_release(&once);
	return planned;
}

/* What was too much for memory as it was planned is planned once more, each plan by itself: groups then go into a file part by part, and
 * SQLite does the rest; after that nothing is planned. 0: it was not. */
static int
plan_otherwise(struct query *q, int code, int *planned)
{
	int nested = 0;

	for (int i = 0; i < q->plans.n; i++)
		nested |= q->plans.plan[i]->source != NULL;
	if (!*planned)
		return 0;
	if (nested && !q->apart && code == ERR_LIMIT)
		q->apart = 1;
	else
		*planned = 0;
	return 1;
}

static int
say(struct cell_sink sink, const struct buf *line, struct err *err)
{
	return sink.row(sink.self, (struct cell[]){ cell_text(buf_get(line)) }, 1, err);
}

/* Run it for what it takes: rows, and of each plan what was read and what was passed over. */
static int
analyze(struct query *q, const struct buf *sql, const struct query_param *params, int n_params, struct cell_sink sink, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	struct buf line = {0};
	int64_t began = time_mono_ns(), rows = 0, before = q->read;
	int rc = sqlite3_prepare_v3(q->db, sql->p, (int)sql->n, 0, &statement, NULL), step = SQLITE_DONE;

	rc = rc != SQLITE_OK ? err_set(err, ERR_USAGE, "%s", sqlite3_errmsg(q->db)) : bind(statement, params, n_params, err);
	while (rc == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW)
		rows++;
	if (rc == 0 && step != SQLITE_DONE)
		rc = q->failure.code ? (*err = q->failure).code : q->cancelled ? query_stopped(q, err) : err_set(err, ERR_USAGE, "%s", sqlite3_errmsg(q->db));
	if (rc == 0 && q->damage.code)
		rc = (*err = q->damage).code;
	for (int i = 0; rc == 0 && i < q->plans.n; i++) {
		if (!q->plans.plan[i]->ran.n)
			continue;       /* what it is for was not asked */
		buf_clear(&line);
		buf_printf(&line, "vector(%d): ", i);
		buf_str(&line, buf_get(&q->plans.plan[i]->ran));
		rc = say(sink, &line, err);
	}
	if (rc == 0) {
		buf_clear(&line);
		buf_printf(&line, "%lld rows of %lld read, %.1f ms", (long long)rows, (long long)(q->read - before), (double)(time_mono_ns() - began) / 1e6);
		rc = say(sink, &line, err);
	}
	sqlite3_finalize(statement);
	buf_release(&line);
	return rc;
}

/* A statement that is none is told before it is looked at: its names would be columns of the answer. */
static int
not_utf8(struct query *q, struct str sql, size_t base, struct err *err)
{
	long bad = str_utf8_fault(sql);

	return bad < 0 ? 0 : tell(q, sql, base, bad, "not UTF-8", err);
}

/* Does it begin with a word of what writes? For the message: the authorizer refuses it too. */
static int
begins_to_write(struct str sql, struct token *word)
{
	static const char *const writing[] = { "insert", "update", "delete", "replace", "create", "drop", "alter", "attach", "detach", "pragma", "vacuum",
		"reindex", "analyze", "begin", "commit", "end", "rollback", "savepoint", "release", NULL };
	struct err ignore = {0};
	size_t end = 0;

	if (token_next(sql, &end, word, &ignore) == 1)
		for (int i = 0; writing[i]; i++)
			if (token_is(word, writing[i]))
				return 1;
	return 0;
}

struct str
query_behind(struct str rest)
{
	struct err ignore = {0};
	struct token word;
	size_t i = 0;
	int rc;

	while ((rc = token_next(rest, &i, &word, &ignore)) == 1 && token_is(&word, ";"))
		;
	return rc == 1 ? (struct str){ rest.p + word.at, rest.n - word.at } : rc == 0 ? (struct str){ 0 } : str_trim(rest);
}

static int
is_named(const struct token *word, const char *name)
{
	struct str inside = word->kind == TOKEN_QUOTED && word->text.n > 2 ? (struct str){ word->text.p + 1, word->text.n - 2 } : word->text;

	return inside.n == strlen(name) && sqlite3_strnicmp(inside.p, name, (int)inside.n) == 0;
}

/* Is no table named behind it any more, of what FROM begins? */
static int
ends_from(const struct token *word)
{
	static const char *const ends[] = { "where", "group", "having", "qualify", "window", "order", "limit", "union", "except", "intersect", "select" };
	int is = 0;

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		is |= token_is(word, ends[i]);
	return is;
}

/* Does a statement read samples, and something else, or samples again? By its words: what only looks like it costs no more than a copy. */
static int
reads_samples_again(struct str sql)
{
	struct token word, before = {0};
	struct err ignore = {0};
	size_t at = 0;
	int samples = 0, others = 0, depth = 0, from = -1;     /* from: how deep in parentheses stand the tables of the last FROM */

	for (; token_next(sql, &at, &word, &ignore) == 1 && !token_is(&word, ";"); before = word) {
		depth += token_is(&word, "(") - token_is(&word, ")");
		if (token_is(&word, "from"))
			from = depth;
		else if (ends_from(&word))
			from = -1;
		samples += is_named(&word, "metrics") || ((is_named(&before, "metric") || is_named(&before, "schema")) && token_is(&word, "("));
		others += token_is(&word, "from") || token_is(&word, "join") || is_named(&word, "events") || (token_is(&word, ",") && depth == from);
	}
	return samples && samples + others > 2;
}

/* run: and what it took. */
static int
explain(struct query *q, struct str sql, const struct query_param *params, int n_params, int run, struct cell_sink sink, struct err *err)
{
	const struct rewrite_host host = { q, host_columns, host_values, host_is_property };
	struct rewrite rewrite = {0};
	struct str rest = sql;
	sqlite3_stmt *statement = NULL;
	struct buf line = {0}, text = {0};
	struct token word;
	struct vector_plans outer = q->plans;   /* explain(…) may be a table of a statement that runs */
	struct err said, ignore = {0};
	int depth[64] = {0}, id[64] = {0}, rc, planned = 1;

	if (not_utf8(q, sql, 0, err))
		return err->code;
	if (begins_to_write(sql, &word))
		return tell(q, sql, 0, (long)word.at, "not authorized", err);
	if ((rc = rewrite_next(&rest, &host, &rewrite, err)) <= 0) {
		if (rc < 0)
			said = *err, tell(q, sql, 0, said.col - 1, said.text, err);
		rewrite_release(&rewrite);
		return rc;
	}
	q->samples_too |= run && reads_samples_again(buf_get(&rewrite.text));
	rest = query_behind(rest);
	if (rest.n) {
		rewrite_release(&rewrite);
		return err_set(err, ERR_USAGE, "one statement at a time, '%.*s' is a second one", rest.n > 40 ? 40 : (int)rest.n, rest.p);
	}
	q->plans = (struct vector_plans){0};
	q->apart = 0;
again:
	buf_clear(&line), buf_clear(&text);
	planned = planned && vectorize(q, &rewrite, params, n_params, &text, &ignore);
	if (planned) {
		buf_lit(&line, "EXPLAIN QUERY PLAN ");
		buf_str(&line, buf_get(&text));
		planned = sqlite3_prepare_v3(q->db, buf_text(&line), -1, 0, &statement, NULL) == SQLITE_OK;
	}
	if (!planned) {
		buf_clear(&line), buf_clear(&text);
		buf_str(&text, buf_get(&rewrite.text));
		vector_plans_release(&q->plans);
		buf_lit(&line, "EXPLAIN QUERY PLAN ");
		buf_str(&line, buf_get(&text));
	}
	if (!planned && sqlite3_prepare_v3(q->db, buf_text(&line), -1, 0, &statement, NULL) != SQLITE_OK) {
		int offset = sqlite3_error_offset(q->db) - 19;

		rc = q->failure.code ? (*err = q->failure).code : tell(q, sql, 0, offset >= 0 ? (long)rewrite_origin(&rewrite, (size_t)offset) : -1, sqlite3_errmsg(q->db), err);
	} else {
		rc = say(sink, &text, err);
	}
	for (int i = 0; rc == 0 && i < q->plans.n; i++)
		rc = say(sink, &q->plans.plan[i]->explain, err);
	while (rc == 0 && sqlite3_step(statement) == SQLITE_ROW) {
		int parent = sqlite3_column_int(statement, 1), d = 0;

		for (int i = 0; i < 63; i++)
			if (id[i] == parent && parent)
				d = depth[i] + 1;
		memmove(id + 1, id, 63 * sizeof(*id));
		memmove(depth + 1, depth, 63 * sizeof(*depth));
		id[0] = sqlite3_column_int(statement, 0);
		depth[0] = d;
		buf_clear(&line);
		for (int i = 0; i <= d; i++)
			buf_lit(&line, "  ");
		buf_lit(&line, (const char *)sqlite3_column_text(statement, 3));
		rc = say(sink, &line, err);
	}
	sqlite3_finalize(statement);
	statement = NULL;
	if (rc == 0 && run && (rc = analyze(q, &text, params, n_params, sink, err)) == ERR_LIMIT && plan_otherwise(q, rc, &planned)) {
		buf_clear(&line);
		buf_printf(&line, "%s; so it is run otherwise:", err->text);
		err_clear(err);
		q->failure.code = q->damage.code = 0;
		q->statement++;
		if ((rc = say(sink, &line, err)) == 0)
			goto again;
	}
	q->apart = 0;
	vector_plans_release(&q->plans);
	q->plans = outer;
	buf_release(&line), buf_release(&text);
	rewrite_release(&rewrite);
	return rc;
}

int
query_plan(struct query *q, struct str sql, struct cell_sink sink, struct err *err)
{
	return explain(q, sql, NULL, 0, 0, sink, err);
}

/* EXPLAIN [QUERY PLAN] [ANALYZE] statement: the plan as text. behind: the offset behind EXPLAIN. */
static int
run_explain(struct query *q, struct str all, size_t *at, size_t behind, const struct query_param *params, int n_params, const struct query_sink *sink, struct err *err)
{
	struct str rest = { all.p + *at + behind, all.n - *at - behind }, sql;
	struct token word;
	size_t i = 0, end, from = *at;
	int rc, run = 0;

	while ((end = i, token_next(rest, &i, &word, err)) == 1 && (token_is(&word, "query") || token_is(&word, "plan") || token_is(&word, "analyze")))
		run |= token_is(&word, "analyze");
	sql = (struct str){ rest.p + end, rest.n - end };
	for (i = 0; (rc = token_next(sql, &i, &word, err)) == 1 && !token_is(&word, ";"); )
		;
	sql.n = i;
	*at = (size_t)(sql.p + i - all.p);
	err_clear(err);
	i = 0;
	if (token_next(sql, &i, &word, err) != 1 || token_is(&word, ";"))
		return err->code ? err->code : tell(q, (struct str){ all.p + from, all.n - from }, from, 0, "incomplete input", err);
	if (sink->columns && (rc = sink->columns(sink->self, (struct str[]){ STR("plan") }, 1, err)) != 0)
		return rc;
	rc = explain(q, sql, params, n_params, run, (struct cell_sink){ sink->row, sink->self }, err);
	return rc < 0 ? rc : 1;
}

int
query_hold(struct query *q, struct err *err)
{
	struct store *store = query_store(q, err);
	int rc = !store ? err->code : q->held ? 0 : store_hold(store, q->samples_too, err);

	q->held |= rc == 0;
	return rc;
}

int
query_hold_samples(struct query *q, struct err *err)
{
	return q->samples_too ? query_hold(q, err) : 0;
}

static int
stopped(void *query, struct err *err)
{
	return query_stopped(query, err);
}

int
query_tracks(struct query *q, struct tracks *tracks, struct err *err)
{
	int rc = query_hold(q, err);

	rc = rc ? rc : tracks_load(tracks, query_store(q, err), stopped, q, err);
	q->read += tracks->read;
	return rc;
}

static void
let_go(struct query *q)
{
	if (q->held)
		store_let_go(q->store);
	q->held = 0;
}

/* As it is run: over columns where that can be done. *planned says so; what SQLite does not take then is tried as it was. */
static int
prepare_best(struct query *q, struct rewrite *rewrite, const struct query_param *params, int n_params, int *planned, sqlite3_stmt **statement)
{
	struct buf text = {0};
	struct err ignore = {0};
	int rc = SQLITE_ERROR;

	if (*planned && (*planned = vectorize(q, rewrite, params, n_params, &text, &ignore))) {
		rc = sqlite3_prepare_v3(q->db, buf_text(&text), (int)text.n + 1, 0, statement, NULL);
		*planned = rc == SQLITE_OK;
	}
	if (!*planned) {
		vector_plans_release(&q->plans);
		rc = sqlite3_prepare_v3(q->db, buf_text(&rewrite->text), (int)rewrite->text.n + 1, 0, statement, NULL);
	}
	buf_release(&text);
	return rc;
}

/* What SQLite sorts and puts aside: in memory, as long as there is enough of it, else in temporary files, which are slower. */
static void
put_aside(struct query *q, int in_files)
{
	sqlite3_set_authorizer(q->db, NULL, NULL);
	sqlite3_exec(q->db, in_files ? "PRAGMA temp_store = FILE" : "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
	sqlite3_set_authorizer(q->db, authorize, q);
}

/* Did such a file fail? Run another way the statement would want it as well. */
static int
is_of_file(int rc)
{
	int of = -rc & 255;

	return of == SQLITE_FULL || of == SQLITE_IOERR || of == SQLITE_CANTOPEN;
}

/* Anywhere and however quoted. Of several statements at once: in any that still comes. */
static int
says_rowid(struct str sql)
{
	for (size_t i = 0; i + 3 <= sql.n; i++)
		if (sqlite3_strnicmp(sql.p + i, "oid", 3) == 0 || (i + 5 <= sql.n && sqlite3_strnicmp(sql.p + i, "rowid", 5) == 0))
			return 1;
	return 0;
}

void
query_within(struct query *q, struct str sql)
{
	if (!q->names_rowid)
		q->names_rowid = q->spec.policy && says_rowid(sql);
}

static int
run_statement(struct query *q, struct str all, size_t *at, const struct query_param *params, int n_params, const struct query_sink *sink, struct err *err)
{
	const struct rewrite_host host = { q, host_columns, host_values, host_is_property };
	struct str rest = { all.p + *at, all.n - *at }, sql = rest;
	size_t base = *at;
	struct rewrite rewrite = {0};
	sqlite3_stmt *statement = NULL;
	struct token word;
	size_t word_end = 0;
	int rc, planned = 1, told = 0, in_files = 0;

	begin(q);
	q->apart = 0;
	if (refresh(q, err) < 0)
		return err->code;
	q->names_rowid = q->spec.policy && says_rowid(rest);
	if (token_next(rest, &word_end, &word, err) == 1 && token_is(&word, "explain"))
		return run_explain(q, all, at, word_end, params, n_params, sink, err);
	if (begins_to_write(rest, &word)) {
		*at = all.n;
		return tell(q, sql, base, (long)word.at, "not authorized", err);
	}
	err_clear(err);
	q->samples_too = reads_samples_again(rest);     /* before what is rewritten asks for the values there are */
	rc = rewrite_next(&rest, &host, &rewrite, err);
	*at = all.n - rest.n;
	if (rc <= 0) {
		if (rc < 0 && q->failure.code == ERR_CANCEL)
			*err = q->failure;
		else if (rc < 0) {
			struct err said = *err;
			long col = said.col;

			if (q->failure.code)
				said = q->failure, col = 0;
			rc = tell(q, sql, base, col > 0 ? col - 1 : -1, said.text, err);
			if (said.code == ERR_IO || said.code == ERR_LIMIT || said.code == ERR_CORRUPT)
				rc = err->code = said.code;
		}
		rewrite_release(&rewrite);
		return rc;
	}
	if (not_utf8(q, (struct str){ sql.p, *at - base }, base, err)) {
		rewrite_release(&rewrite);
		return err->code;
	}
	q->samples_too |= reads_samples_again(buf_get(&rewrite.text));
again:
	rc = prepare_best(q, &rewrite, params, n_params, &planned, &statement);
	if (rc == SQLITE_OK && statement && (!sqlite3_stmt_readonly(statement) || sqlite3_column_count(statement) == 0))
		rc = SQLITE_AUTH;
	if (rc != SQLITE_OK) {
		int offset = sqlite3_error_offset(q->db);

		if (q->failure.code)
			*err = q->failure;
		else
			tell(q, sql, base, offset >= 0 ? (long)rewrite_origin(&rewrite, (size_t)offset) : -1,
			    q->names_rowid == 2 ? "no such column: rowid" : rc == SQLITE_AUTH ? "not authorized" : sqlite3_errmsg(q->db), err);
	} else if (statement && bind(statement, params, n_params, err) == 0 && (rc = run(q, statement, sink, &told, err)) < 0 && !err->code) {
		/* too much to keep in memory: in files there may be room; an overflow where SQLite would not have looked: row by row it may go */
		int disk = rc == -SQLITE_NOMEM && !in_files;

		if ((disk || planned) && told < 2 && !q->cancelled && q->failure.code != ERR_IO && !is_of_file(rc)) {
			sqlite3_finalize(statement);
			statement = NULL;
			if (!disk)
				plan_otherwise(q, q->failure.code, &planned);
			if (disk || q->apart)   /* what did not fit will not fit as rows of SQLite's either */
				put_aside(q, in_files = 1);
			q->failure.code = q->damage.code = 0;
			q->statement++;         /* what is held for the plans that end here is not of others that lie where they lay */
			goto again;
		}
		if (rc == -SQLITE_INTERRUPT && q->cancelled)
			query_stopped(q, err);
		else if (q->failure.code)
			*err = q->failure;
		else if (is_of_file(rc))
			err_set(err, ERR_IO, "cannot put rows aside in a temporary file: %s; set TMPDIR, or allow more memory", sqlite3_errmsg(q->db));
		else
			tell(q, sql, base, -1, sqlite3_errmsg(q->db), err);
	}
	sqlite3_finalize(statement);
	if (in_files)
		put_aside(q, 0);
	rewrite_release(&rewrite);
	if (!err->code && q->damage.code)
		*err = q->damage;
	return err->code ? err->code : 1;
}

/* Whose question it is, the statement of `all` at byte `at` and its parameters: what an answer is kept under. Its end is returned. */
static size_t
ask(struct str all, size_t at, uint64_t policy, const struct query_param *params, int n_params, struct buf *question)
{
	struct str rest = { all.p + at, all.n - at };
	struct err ignore = {0};
	struct token token;
	size_t end = 0;

	while (token_next(rest, &end, &token, &ignore) == 1 && !token_is(&token, ";"))
		;
	varint_put(question, policy);
	varint_put_str(question, (struct str){ rest.p, end });
	for (int i = 0; i < n_params; i++) {
		varint_put_str(question, params[i].name);
		varint_put(question, params[i].type);
		varint_put_str(question, params[i].value);
	}
	return at + end;
}

int
query_run(struct query *q, struct str all, size_t *at, const struct query_param *params, int n_params, const struct query_sink *sink, struct err *err)
{
	struct buf question = {0};
	uint64_t asked, version;
	size_t end;
	int rc = 0;

	if (!q->cache) {
		rc = run_statement(q, all, at, params, n_params, sink, err);
		let_go(q);
		return rc;
	}
	begin(q);
	end = ask(all, *at, policy_hash(q->spec.policy), params, n_params, &question);
	version = q->store ? store_version(q->store) : 0;
	if (version && (rc = cache_answer(q->cache, buf_get(&question), version, sink, err)) != 0) {
		*at = end;
	} else {
		asked = time_asked();
		rc = run_statement(q, all, at, params, n_params, cache_listen(q->cache, sink), err);
		/* Under the version from before: had there been a commit since then, the answer is never given again. */
		if (rc > 0 && version && !q->changing && asked == time_asked())
			cache_keep(q->cache, buf_get(&question), version);
		else
			cache_forget(q->cache);
	}
	let_go(q);
	buf_release(&question);
	return rc;
}

int
query_begin(struct query *q, struct err *err)
{
	begin(q);
	return refresh(q, err);
}

void
query_end(struct query *q)
{
	let_go(q);
}

int
query_call(struct query *q, const struct table_function *f, const struct cell *args, const struct query_sink *sink, struct err *err)
{
	struct table_function_call call = { q, args, f };
	struct str names[64];
	struct buf scratch = {0};
	struct str by = table_function_text(&call, "by", &scratch), piece;
	int n = 0, rc;

	begin(q);
	while (by.p && n < 16 && str_cut(&by, ',', &piece))
		names[n++] = str_trim(piece);
	for (int i = 0; f->columns[i] && n < 64; i++)
		names[n++] = str_of(f->columns[i]);
	rc = sink->columns ? sink->columns(sink->self, names, n, err) : 0;
	if (rc == 0)
		rc = f->run(&call, (struct cell_sink){ sink->row, sink->self }, err);
	let_go(q);
	buf_release(&scratch);
	return rc;
}

