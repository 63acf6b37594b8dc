/* Tables of rows that are JSON: `input`, read from -i, and the kinds of row that the store keeps by time. */
#include <stdlib.h>

#include "base/in.h"
#include "base/mem.h"
#include "base/time.h"
#include "event/reject.h"
#include "formats/formats.h"
#include "json/project.h"
#include "query/functions_priv.h"
#include "query/query_priv.h"
#include "query/tables.h"
#include "json/cell.h"

#define COLUMNS_MOST 1900
#define KEY_MOST     1000

/* What the rows of a kind (NULL: of the audit, which is not the tenant's own) have. `path` has a dot where it goes into an object; a name in front of "[]" is the field the row
 * is about. */
#define KIND_COLUMNS 20
struct kind_column { const char *name, *path, *other; };        /* other: the object in which it stands in rows that do not have that of `path`; NULL */
struct kind { const char *table, *kind; struct kind_column column[KIND_COLUMNS]; };

static const struct kind kinds[] = {
	{ "anomalies", "anomaly", { { "timestamp", "timestamp" }, { "metric", "metric" }, { "window", "window" }, { "labels", "labels" }, { "field", "anomaly.field", "change" },
	    { "score", "anomaly.score" }, { "alarm", "anomaly.alarm" }, { "expected", "anomaly.expected" }, { "lower", "anomaly.lower" },
	    { "upper", "anomaly.upper" }, { "direction", "anomaly.direction" },
	    { "since", "anomaly.since", "change" }, { "change", "change.kind" }, { "before", "change.before" }, { "after", "change.after" }, { "size", "change.size" }, { "row", "" } } },
	{ "alerts", "alert", { { "timestamp", "timestamp" }, { "alert", "alert" }, { "state", "state" }, { "since", "since" }, { "labels", "labels" }, { "value", "value" },
	    { "severity", "severity" }, { "message", "message" }, { "row", "" } } },
	{ "insights", "insight", { { "timestamp", "timestamp" }, { "insight", "insight" }, { "kind", "kind" }, { "score", "score" }, { "metric", "metric" },
	    { "labels", "labels" }, { "evidence", "evidence" }, { "row", "" } } },
	{ "audit", NULL, { { "timestamp", "timestamp" }, { "seq", "seq" }, { "who", "who" }, { "address", "from" }, { "action", "action" },
	    { "object", "object" }, { "result", "result" }, { "request", "request" }, { "row", "" } } },
	{ 0 }
};

struct row_column { struct str key[2]; int n; struct str other; };      /* n 0: the whole row; other: key[0] of further rows */

struct table_rows {
	struct buf text;        /* rows, one behind the other */
	int is_untyped;         /* from CSV or TSV, where a number is written as any text */
	size_t *at;             /* where each begins; n + 1 of them */
	size_t n, cap;
};

struct table {
	sqlite3_vtab base;
	struct query *q;
	const struct kind *kind;        /* NULL: input */
	struct row_column *column;
	int n_columns, timestamp;       /* timestamp: that column's number, -1 none */
	struct arena *arena;
};

struct cursor {
	sqlite3_vtab_cursor base;
	struct table_rows *rows, own;
	size_t at;
	struct project *project;
	int *slot;
	struct json values[PROJECT_MOST];
	int projected;
	struct buf scratch;
	char time[TIME_LEN];
};

static int
keep(struct table_rows *rows, struct str json)
{
	if (rows->n + 1 >= rows->cap) {
		rows->cap = rows->cap ? 2 * rows->cap : 1024;
		rows->at = mem_grow(rows->at, rows->cap, sizeof(*rows->at));
	}
	rows->at[rows->n++] = rows->text.n;
	buf_str(&rows->text, json);
	rows->at[rows->n] = rows->text.n;
	return 0;
}

static struct str
row_at(const struct table_rows *rows, size_t i)
{
	return (struct str){ rows->text.p + rows->at[i], rows->at[i + 1] - rows->at[i] };
}

static void
rows_release(struct table_rows *rows)
{
	buf_release(&rows->text);
	free(rows->at);
	*rows = (struct table_rows){0};
}

void
tables_release(struct query *q)
{
	if (q->input_rows)
		rows_release(q->input_rows);
	free(q->input_rows);
	q->input_rows = NULL;
}

/* ---- -i */

static int
read_input(struct query *q, struct err *err)
{
	const char *path = q->spec.input;
	struct rejects rejects = {0};
	const struct format *format;
	struct record record = {0};
	struct in *in;
	void *open;
	int rc, looked = 0;

	if (!path)
		return err_set(err, ERR_USAGE, "the table input wants -i FILE (or -i - for stdin)");
	if (!(in = in_open(path, err)))
		return err->code;
	format = q->spec.input_format ? formats_find(q->spec.input_format, err) : formats_detect(in_peek(in, err), path);
	if (!format || err->code || !(open = format->open(in, err))) {
		in_close(in);
		return err->code ? err->code : err_set(err, ERR_IO, "%s: cannot be read", path);
	}
	q->input_rows = mem_new(sizeof(*q->input_rows));
	q->input_rows->is_untyped = strcmp(format->name, "csv") == 0 || strcmp(format->name, "tsv") == 0;
	for (;;) {
		struct err bad = {0};

		rc = format->next(open, &record, &bad);
		if (rc == IN_LINE && !record.checked && json_check(record.json, &bad) < 0)
			rc = ERR_INPUT;
		if (rc == IN_LINE && json_value(record.json).type != JSON_OBJECT)
			rc = err_set(&bad, ERR_INPUT, "no JSON object");
		if (rc == IN_LINE) {
			keep(q->input_rows, record.json);
		} else if (rc == ERR_INPUT || rc == ERR_LIMIT) {
			reject_row(&rejects, in_name(in), record.line, record.input, &bad);
		} else if (rc == IN_END) {
			break;
		} else if (rc < 0) {
			*err = bad;
			break;
		}
		if (q->spec.memory && (int64_t)q->input_rows->text.n > q->spec.memory) {
			err_set(err, ERR_LIMIT, "%s: more than --max-memory allows; store it with at-ingest and query that", path);
			break;
		}
		if ((++looked & 0xfff) == 0 && query_stopped(q, err) < 0)
			break;
	}
	reject_close(&rejects);
	format->close(open);
	in_close(in);
	return err->code;
}

struct keys { struct map seen; struct tables_names names; struct table *t; int cap; struct str last[64]; };

static void
add_column(struct keys *k, struct row_column column)
{
	struct table *t = k->t;
	struct str key = column.key[column.n - 1];

	if (t->n_columns >= COLUMNS_MOST || key.n > KEY_MOST || memchr(key.p, 0, key.n))
		return;
	if (t->n_columns == k->cap) {
		k->cap = k->cap ? 2 * k->cap : 32;
		t->column = mem_grow(t->column, (size_t)k->cap, sizeof(*t->column));
	}
	for (int i = 0; i < column.n; i++)
		column.key[i].p = arena_dup(t->arena, column.key[i].p, column.key[i].n);
	if (str_eq(key, STR("timestamp")))
		t->timestamp = t->n_columns;
	t->column[t->n_columns++] = column;
	tables_name(&k->names, key, t->q->input_rows->is_untyped ? "NUMERIC" : "");
}

/* The keys of an object that are new: top level ones by name, nested ones when no top level key has the name. */
static void
see(struct keys *k, struct json object, const char *inside, struct buf *scratch)
{
	struct json_iter it;
	int position = 0;

	for (it = json_iter(object); json_next(&it); position++) {
		struct str raw = { it.key.p + 1, it.key.n - 2 }, key;
		int is_new;

		if (!inside) {          /* rows mostly repeat the keys of the row before */
			if (position < 64 && str_eq(k->last[position], raw))
				continue;
			if (position < 64)
				k->last[position] = raw;
		}
		key = json_text(it.key, scratch);
		map_put(&k->seen, key, &is_new);
		if (is_new)
			add_column(k, inside ? (struct row_column){ { str_of(inside), key }, 2 } : (struct row_column){ { key }, 1 });
	}
}

static int
input_columns(struct table *t, struct buf *sql, struct err *err)
{
	static const char *const nested[] = { "properties", "labels", NULL };
	struct keys *k = mem_new(sizeof(*k));
	struct map seen = {0};
	struct buf scratch = {0};

	if (!t->q->input_rows && read_input(t->q, err) < 0) {
		free(k);
		return err->code;
	}
	k->t = t;
	k->names.seen = &seen;
	for (size_t i = 0; i < t->q->input_rows->n; i++)
		see(k, json_value(row_at(t->q->input_rows, i)), NULL, &scratch);
	for (int n = 0; nested[n]; n++) {
		struct str last = {0};

		if (!map_find(&k->seen, str_of(nested[n])))
			continue;
		for (size_t i = 0; i < t->q->input_rows->n; i++) {
			struct json in = json_get(json_value(row_at(t->q->input_rows, i)), str_of(nested[n]));

			if (in.type == JSON_OBJECT && !str_eq(last, json_raw(in)))
				see(k, in, nested[n], &scratch);
			last = json_raw(in);
		}
	}
	if (t->n_columns == 0)          /* no rows: a table must have a column */
		add_column(k, (struct row_column){ { STR("row") }, 1 });
	buf_str(sql, buf_get(&k->names.sql));
	buf_release(&k->names.sql), buf_release(&scratch);
	map_release(&seen), map_release(&k->seen);
	free(k);
	return 0;
}

static void
kind_columns(struct table *t, struct buf *sql)
{
	struct map seen = {0};
	struct tables_names names = { .seen = &seen };

	t->column = mem_grow(NULL, KIND_COLUMNS, sizeof(*t->column));
	for (const struct kind_column *c = t->kind->column; c->name; c++) {
		struct str rest = str_of(c->path);
		struct row_column *to = &t->column[t->n_columns];

		*to = (struct row_column){ .other = str_of(c->other) };
		while (*c->path && to->n < 2 && str_cut(&rest, '.', &to->key[to->n]))
			to->n++;
		if (t->n_columns == 0)
			t->timestamp = 0;
		t->n_columns++;
		tables_name(&names, str_of(c->name), strcmp(c->name, "timestamp") == 0 ? "TEXT" : "");
	}
	buf_str(sql, buf_get(&names.sql));
	buf_release(&names.sql);
	map_release(&seen);
}

static int
disconnect(sqlite3_vtab *base)
{
	struct table *t = (struct table *)base;

	arena_free(t->arena);
	free(t->column);
	sqlite3_free(t);
	return SQLITE_OK;
}

static int
connect(sqlite3 *db, void *self, int argc, const char *const *argv, sqlite3_vtab **out, char **message)
{
	struct query *q = self;
	struct buf sql = {0};
	struct table *t = sqlite3_malloc(sizeof(*t));
	int rc = SQLITE_OK;

	(void)argc;
	if (!t)
		return SQLITE_NOMEM;
	*t = (struct table){ .q = q, .timestamp = -1, .arena = arena_new(0) };
	for (const struct kind *k = kinds; k->table; k++)
		if (strcmp(k->table, argv[0]) == 0)
			t->kind = k;
	if (t->kind ? !query_store(q, &q->failure) : input_columns(t, &sql, &q->failure) < 0) {
		*message = sqlite3_mprintf("%s", q->failure.text);
		rc = SQLITE_ERROR;
	} else {
		if (t->kind)
			kind_columns(t, &sql);
		buf_lit(&sql, ")");
		if ((rc = tables_declare(q, buf_text(&sql))) != SQLITE_OK)
			*message = sqlite3_mprintf("%s", sqlite3_errmsg(db));
		sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
	}
	buf_release(&sql);
	if (rc != SQLITE_OK)
		disconnect(&t->base);
	else
		*out = &t->base;
	return rc;
}

/* Of the store's rows a range of time can be read; idxStr as for events. */
static int
best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	struct table *t = (struct table *)base;
	double rows = t->kind ? 10000 : (double)t->q->input_rows->n;
	char ops[16];
	int n = 0;

	for (int i = 0; t->kind && i < info->nConstraint && n < (int)sizeof(ops) - 1; i++) {
		int op = info->aConstraint[i].op;
		char letter = op == SQLITE_INDEX_CONSTRAINT_GT ? '>' : op == SQLITE_INDEX_CONSTRAINT_GE ? 'G' : op == SQLITE_INDEX_CONSTRAINT_LT ? '<' :
		    op == SQLITE_INDEX_CONSTRAINT_LE ? 'L' : 0;

		if (!info->aConstraint[i].usable || info->aConstraint[i].iColumn != t->timestamp || !letter)
			continue;
		ops[n++] = letter;
		info->aConstraintUsage[i].argvIndex = n;
		rows /= 4;
	}
	ops[n] = 0;
	info->estimatedRows = (sqlite3_int64)(rows < 1 ? 1 : rows);
	info->estimatedCost = rows < 1 ? 1 : rows;
	info->idxStr = sqlite3_mprintf("%s", ops);
	info->needToFreeIdxStr = 1;
	return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

static int
open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
	struct table *t = (struct table *)base;
	struct cursor *c = sqlite3_malloc(sizeof(*c));

	if (!c)
		return SQLITE_NOMEM;
	memset(c, 0, sizeof(*c));
	c->slot = mem_grow(NULL, (size_t)t->n_columns + 1, sizeof(*c->slot));
	for (int i = 0; i < t->n_columns; i++)
		c->slot[i] = -1;
	*out = &c->base;
	return SQLITE_OK;
}

static int
close_cursor(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	rows_release(&c->own);
	project_free(c->project);
	free(c->slot);
	buf_release(&c->scratch);
	sqlite3_free(c);
	return SQLITE_OK;
}

static int
add_row(void *self, int64_t time, struct str json)
{
	struct cursor *c = self;

	(void)time;
	return keep(&c->own, json);
}

static int
add_entry(void *self, struct str json)
{
	return add_row(self, 0, json);
}

static int
read_stored(struct query *q, const char *kind, struct cursor *c, int64_t from, int64_t to)
{
	int rc = query_hold(q, &q->failure);

	return rc ? rc : store_each_row(q->store, kind, from, to, add_row, c, &q->failure);
}

/* Entries of the tenant: for who sees all of it, and may read them (query_set_audit). */
static int
read_audit(struct query *q, struct cursor *c, int64_t from, int64_t to)
{
	struct store *trail = q->spec.trail;

	q->changing = 1;
	if (!trail && !q->spec.opened && q->spec.store && !q->own_trail)
		q->own_trail = trail_open(q->spec.store, &q->failure);
	if (!trail && !q->spec.opened)
		trail = q->own_trail;
	if (q->failure.code || !trail || q->spec.policy || !q->spec.tenant)
		return q->failure.code;
	return trail_each(trail, str_of(q->spec.tenant), from, to, add_entry, c, &q->failure);
}

static int
filter(sqlite3_vtab_cursor *base, int plan, const char *ops, int argc, sqlite3_value **argv)
{
	struct cursor *c = (struct cursor *)base;
	struct table *t = (struct table *)base->pVtab;
	struct tables_range range = TABLES_ALL;

	(void)plan;
	c->at = 0, c->projected = 0;
	if (!t->kind) {
		c->rows = t->q->input_rows;
		t->q->read += (int64_t)c->rows->n;
		return SQLITE_OK;
	}
	rows_release(&c->own);
	c->rows = &c->own;
	for (int i = 0; i < argc; i++) {
		struct str text = functions_text_of(argv[i]);

		if (!text.p)
			return SQLITE_OK;
		tables_bound(&range, ops[i], text);
	}
	if (range.from < TIME_MIN)
		range.from = TIME_MIN;
	if (range.to > TIME_MAX)
		range.to = TIME_MAX + 1;
	if (range.from < range.to && (t->kind->kind ? read_stored(t->q, t->kind->kind, c, range.from, range.to) : read_audit(t->q, c, range.from, range.to)) < 0) {
		sqlite3_free(t->base.zErrMsg);
		t->base.zErrMsg = sqlite3_mprintf("%s", t->q->failure.text);
		return SQLITE_ERROR;
	}
	t->q->read += (int64_t)c->own.n;
	return SQLITE_OK;
}

static int
next(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	c->at++;
	c->projected = 0;
	return SQLITE_OK;
}

static int
eof(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	return c->at >= c->rows->n;
}

/* A field of CSV by its looks: nothing is NULL, 42 and -3.5 are numbers, 0012 and 20 digits stay text. */
static void
give_type(struct cell *cell)
{
	struct str s = cell->text;
	size_t i = s.n && s.p[0] == '-', digits = 0, dots = 0;

	if (s.n == 0) {
		cell->type = CELL_NULL;
		return;
	}
	if (i < s.n && s.p[i] == '0' && i + 1 < s.n && s.p[i + 1] != '.')
		return;
	for (; i < s.n; i++)
		if (s.p[i] >= '0' && s.p[i] <= '9')
			digits++;
		else if (s.p[i] != '.' || digits == 0 || i + 1 == s.n || dots++)
			return;
	if (digits > 0 && (digits < 19 || !dots)) {
		struct buf scratch = {0};
		struct cell number = cell_of_json(json_value(s), &scratch);

		if (number.type == CELL_INTEGER || dots)
			*cell = number;
		buf_release(&scratch);
	}
}

/* A row is kept as it came; its time is told in the form all times have, so that texts compare as times do. */
static void
give_form(struct cell *cell, char form[TIME_LEN])
{
	int64_t ms;

	if (cell->type == CELL_TEXT ? time_parse_rfc3339(cell->text, &ms) : cell->type == CELL_INTEGER ? time_of_epoch_int(cell->integer, &ms) :
	    cell->type == CELL_REAL ? time_of_epoch(cell->real, &ms) : -1)
		return;
	time_print(ms, form);
	*cell = (struct cell){ .type = CELL_TEXT, .text = { form, TIME_LEN } };
}

static int
column(sqlite3_vtab_cursor *base, sqlite3_context *to, int i)
{
	struct cursor *c = (struct cursor *)base;
	struct table *t = (struct table *)base->pVtab;
	struct row_column *col = &t->column[i];
	struct str row = row_at(c->rows, c->at);
	struct err err = {0};
	struct json value = json_value(row);
	struct cell cell;

	if (col->n && c->slot[i] == -1) {
		if (!c->project)
			c->project = project_new();
		if ((c->slot[i] = project_path(c->project, col->key, col->n, &err)) < 0)
			c->slot[i] = -2;
		c->projected = 0;
	}
	if (col->n && c->slot[i] == -2) {
		for (int k = 0; k < col->n; k++)
			value = json_get(value, col->key[k]);
	} else if (col->n) {
		if (!c->projected && project_row(c->project, row, c->values, &err) < 0)
			return SQLITE_OK;
		c->projected = 1;
		value = c->values[c->slot[i]];
	}
	if (col->other.n && json_is(value, JSON_NONE))
		value = json_get(json_get(json_value(row), col->other), col->key[1]);
	cell = cell_of_json(value, &c->scratch);
	if (c->rows->is_untyped && cell.type == CELL_TEXT)
		give_type(&cell);
	if (t->kind && i == t->timestamp)
		give_form(&cell, c->time);
	functions_give(to, &cell);
	return SQLITE_OK;
}

static int
rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	*out = (sqlite3_int64)((struct cursor *)base)->at + 1;
	return SQLITE_OK;
}

static const sqlite3_module module = {
	.iVersion = 1, .xConnect = connect, .xBestIndex = best_index, .xDisconnect = disconnect, .xDestroy = disconnect, .xOpen = open_cursor,
	.xClose = close_cursor, .xFilter = filter, .xNext = next, .xEof = eof, .xColumn = column, .xRowid = rowid,
};

int
tables_add_rows(struct query *q)
{
	int rc = sqlite3_create_module_v2(q->db, "input", &module, q, NULL);

	for (const struct kind *k = kinds; k->table && rc == SQLITE_OK; k++)
		rc = sqlite3_create_module_v2(q->db, k->table, &module, q, NULL);
	return rc;
}
