#include "query/table_function.h"

#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "base/period.h"
#include "base/time.h"
#include "query/functions_priv.h"
#include "query/query_priv.h"
#include "query/tables.h"
#include "query/verbs.h"

#define ROWS_MOST 20000000      /* rows of one call that SQL takes */

/* ---- what a call was given */

static const struct cell *
arg(const struct table_function_call *call, const char *param)
{
	const struct table_function_param *p = call->function->params;

	for (int i = 0; p[i].name; i++)
		if (strcmp(p[i].name, param) == 0)
			return call->args[i].type == CELL_NULL ? NULL : &call->args[i];
	return NULL;
}

struct str
table_function_text(const struct table_function_call *call, const char *param, struct buf *scratch)
{
	const struct cell *c = arg(call, param);

	if (!c)
		return (struct str){0};
	if (c->type == CELL_TEXT)
		return c->text;
	buf_clear(scratch);
	if (c->type == CELL_INTEGER)
		buf_int64(scratch, c->integer);
	else
		buf_printf(scratch, "%.17g", c->real);
	return buf_get(scratch);
}

int
table_function_read_span(struct str text, int64_t *ms)
{
	int64_t months = 0;

	return functions_interval(text, ms, &months) < 0 || months || *ms < 0 ? -1 : 0;
}

int
table_function_dur(const struct table_function_call *call, const char *param, int64_t otherwise, int64_t *ms, struct err *err)
{
	struct buf scratch = {0};
	struct str text = table_function_text(call, param, &scratch);
	int rc = 0;

	*ms = otherwise;
	if (text.p && table_function_read_span(text, ms) < 0)
		rc = err_set(err, ERR_USAGE, "%s: '%.*s' is no span, try 30m, 1h or 7d", param, (int)(text.n < 40 ? text.n : 40), text.p);
	buf_release(&scratch);
	return rc;
}

int
table_function_read_every(struct str text, int64_t *ms, int64_t *months)
{
	struct buf one = {0};
	int rc;

	text = str_trim(text);
	if (text.n && ((*text.p | 32) >= 'a' && (*text.p | 32) <= 'z'))
		buf_lit(&one, "1 ");            /* month */
	buf_str(&one, text);
	if (one.n > 1 && one.p[one.n - 1] == 'M' && ((one.p[one.n - 2] >= '0' && one.p[one.n - 2] <= '9') || one.p[one.n - 2] == ' '))
		buf_lit(&one, "on");            /* 1M is no minute, nor is M */
	rc = functions_interval(buf_get(&one), ms, months);
	if (rc == 0 && (*ms < 0 || *months < 0 || *months > 12000 || (*ms > 0 && *months > 0)))
		rc = -1;
	buf_release(&one);
	return rc;
}

int
table_function_every(const struct table_function_call *call, const char *param, int64_t otherwise, int64_t *ms, int *months, struct err *err)
{
	struct buf scratch = {0};
	struct str text = table_function_text(call, param, &scratch);
	int64_t many = 0;
	int rc = 0;

	*ms = otherwise;
	if (text.p && table_function_read_every(text, ms, &many) < 0)
		rc = err_set(err, ERR_USAGE, "%s: '%.*s' is no span, try 30m, 1h, 7d or 1 month", param, (int)(text.n < 40 ? text.n : 40), text.p);
	*months = (int)many;
	buf_release(&scratch);
	return rc;
}

int
table_function_count(const struct table_function_call *call, const char *param, int64_t otherwise, int64_t *n, struct err *err)
{
	struct buf scratch = {0};
	struct str text = table_function_text(call, param, &scratch);
	int rc = 0;

	*n = otherwise;
	if (text.p && (str_int64(text, n) < 0 || *n < 0))
		rc = err_set(err, ERR_USAGE, "%s: '%.*s' is no count", param, (int)(text.n < 40 ? text.n : 40), text.p);
	buf_release(&scratch);
	return rc;
}

int
table_function_flag(const struct table_function_call *call, const char *param)
{
	const struct cell *c = arg(call, param);

	return c && !(c->type == CELL_INTEGER && c->integer == 0) &&
	    !(c->type == CELL_TEXT && (str_eq(c->text, STR("0")) || str_eq(c->text, STR("false")) || str_eq(c->text, STR("no"))));
}

static int
is_time(const struct table_function_call *call, const char *param)     /* a `from` may also be an event */
{
	for (const struct table_function_param *p = call->function->params; p->name; p++)
		if (strcmp(p->name, param) == 0)
			return p->value && strcmp(p->value, "TIME") == 0;
	return 0;
}

int
table_function_read_range(struct str text, const struct zone *zone, int64_t *from, int64_t *to, struct err *err)
{
	int64_t now = time_now();
	int rc = 0;

	*from = TIME_MIN, *to = TIME_MAX + 1;
	if (period_is_fixed(text)) {
		if (period_read(&(struct period_text){ .range = text }, 0, zone, from, to, err) == 0)
			return 0;
		err_clear(err);
		return err_set(err, ERR_USAGE, "'%.*s' is no range, or ends before it begins; try 7d, yesterday or 2026-11-01..2026-11-08",
		    text.n > 60 ? 60 : (int)text.n, text.p);
	}
	rc = time_parse(text, zone, from, err);
	if (rc == 0 && *from <= now)
		*to = now + 1;
	if (rc == 0 && *from >= *to)
		rc = err_set(err, ERR_USAGE, "it ends before it begins");
	return rc;
}

int
table_function_range(const struct table_function_call *call, const char *param, int64_t *from, int64_t *to, struct err *err)
{
	struct buf scratch = {0};
	struct str text = table_function_text(call, param, &scratch);
	int rc = 0;

	*from = TIME_MIN, *to = TIME_MAX + 1;
	if (!text.p) {
		const char *const bounds[] = { "from", "to" };

		for (int i = 0; rc == 0 && i < 2; i++)
			if (is_time(call, bounds[i]) && (text = table_function_text(call, bounds[i], &scratch)).p && time_parse(text, query_zone(call->query), i ? to : from, err) < 0)
				rc = err_at(err, "%s", bounds[i]);
		buf_release(&scratch);
		return rc == 0 && *from >= *to ? err_set(err, ERR_USAGE, "to: it ends before it begins") : rc;
	}
	rc = table_function_read_range(text, query_zone(call->query), from, to, err);
	if (rc < 0)
		err_at(err, "%s", param);
	buf_release(&scratch);
	return rc;
}

/* ---- in SQL: the rows of a call are kept, then read */

struct table {
	sqlite3_vtab base;
	struct query *q;
	const struct table_function *f;
	int columns, params, by;        /* by: the parameter whose column gives the values of the group; -1 */
};

struct cursor {
	sqlite3_vtab_cursor base;
	struct arena *arena;
	struct cell *cell;              /* rows of `width` cells */
	size_t n, cap, at;
	int64_t held;                   /* bytes, counted beside SQLite's heap */
	int ended;                      /* rows by their number: this one is not there */
	struct cell one;                /* else it is this */
	char text[TIME_LEN];
	_Alignas(16) char state[TABLE_FUNCTION_STATE];
	int width;
	struct cell args[TABLE_FUNCTION_PARAMS];
};

static int
disconnect(sqlite3_vtab *base)
{
	sqlite3_free(base);
	return SQLITE_OK;
}

static int
connect(sqlite3 *db, void *self, int argc, const char *const *argv, sqlite3_vtab **out, char **message)
{
	struct query *q = self;
	struct table *t = sqlite3_malloc(sizeof(*t));
	struct buf sql = {0};
	int rc;

	(void)argc;
	if (!t)
		return SQLITE_NOMEM;
	*t = (struct table){ .q = q, .f = verbs_find(argv[0]), .by = -1 };
	if (!t->f) {
		sqlite3_free(t);
		return SQLITE_ERROR;
	}
	buf_lit(&sql, "CREATE TABLE x(");
	for (; t->f->columns[t->columns]; t->columns++)
		buf_printf(&sql, "%s\"%s\"", t->columns ? ", " : "", t->f->columns[t->columns]);
	for (; t->f->params[t->params].name; t->params++) {
		const char *name = t->f->params[t->params].name;
		int taken = 0;

		if (strcmp(name, "by") == 0)
			t->by = t->params;
		for (int i = 0; i < t->columns; i++)
			taken |= strcasecmp(name, t->f->columns[i]) == 0;
		buf_printf(&sql, ", \"%s%s\" HIDDEN", name, taken ? "_" : "");
	}
	buf_lit(&sql, ")");
	rc = tables_declare(q, buf_text(&sql));
	buf_release(&sql);
	if (rc != SQLITE_OK) {
		*message = sqlite3_mprintf("%s", sqlite3_errmsg(db));
		sqlite3_free(t);
		return rc;
	}
	sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
	*out = &t->base;
	return SQLITE_OK;
}

/* Each argument of filter is a parameter; idxStr has its letter, 'A' being the first. */
static int
best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	struct table *t = (struct table *)base;
	char ops[TABLE_FUNCTION_PARAMS + 1];
	int n = 0, given[TABLE_FUNCTION_PARAMS] = {0};

	for (int i = 0; i < info->nConstraint; i++) {
		int param = info->aConstraint[i].iColumn - t->columns;

		if (param < 0 || param >= t->params || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ || given[param])
			continue;
		if (!info->aConstraint[i].usable)
			return SQLITE_CONSTRAINT;       /* it depends on a table that comes first */
		given[param] = 1;
		ops[n++] = (char)('A' + param);
		info->aConstraintUsage[i].argvIndex = n;
		info->aConstraintUsage[i].omit = 1;
	}
	ops[n] = 0;
	info->estimatedRows = 1000;
	info->estimatedCost = 1e6;
	info->idxStr = sqlite3_mprintf("%s", ops);
	info->needToFreeIdxStr = 1;
	return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

static int
open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
	struct cursor *c = sqlite3_malloc(sizeof(*c));

	(void)base;
	if (!c)
		return SQLITE_NOMEM;
	memset(c, 0, sizeof(*c));
	c->arena = arena_new(0);
	*out = &c->base;
	return SQLITE_OK;
}

static int
close_cursor(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	query_heap_beside(-c->held);
	arena_free(c->arena);
	free(c->cell);
	sqlite3_free(c);
	return SQLITE_OK;
}

/* Room for a row more, within the memory there is. */
static int
make_room(struct cursor *c, size_t width, struct err *err)
{
	struct table *t = (struct table *)c->base.pVtab;
	size_t want = c->cap + (c->cap < 65536 ? c->cap : c->cap / 4);

	if ((c->n & 0xfff) && (c->n + 1) * width <= c->cap)
		return 0;
	if ((c->n + 1) * width <= c->cap)
		want = c->cap;
	else if (want < (c->n + 64) * width)
		want = (c->n + 64) * width;
	if (t->q->spec.memory && (int64_t)(want * sizeof(*c->cell) + arena_used(c->arena)) - c->held > query_heap_left(t->q))
		return err_set(err, ERR_LIMIT, "%s gives too many rows for the memory there is: ask for fewer, or allow more", t->f->name);
	if (want > c->cap)
		c->cell = mem_grow(c->cell, c->cap = want, sizeof(*c->cell));
	query_heap_beside((int64_t)(want * sizeof(*c->cell) + arena_used(c->arena)) - c->held);
	c->held = (int64_t)(want * sizeof(*c->cell) + arena_used(c->arena));
	return 0;
}

static int
keep(void *self, const struct cell *cells, int n, struct err *err)
{
	struct cursor *c = self;
	struct table *t = (struct table *)c->base.pVtab;

	if (c->n == ROWS_MOST)
		return err_set(err, ERR_LIMIT, "%s gives more than %d rows", t->f->name, ROWS_MOST);
	if ((c->n & 0xfff) == 0 && query_stopped(t->q, err) < 0)
		return err->code;
	c->width = n;
	if (make_room(c, (size_t)n, err))
		return err->code;
	for (int i = 0; i < n; i++) {
		struct cell *to = &c->cell[c->n * (size_t)n + (size_t)i];

		*to = cells[i];
		if (to->type == CELL_TEXT)
			to->text.p = arena_dup(c->arena, to->text.p ? to->text.p : "", to->text.n);
	}
	c->n++;
	return 0;
}

static void
look(struct cursor *c)
{
	const struct table_function *f = ((struct table *)c->base.pVtab)->f;

	if (f->at)
		c->ended = !f->at(c->state, (int64_t)c->at, c->text, &c->one);
}

static int
filter(sqlite3_vtab_cursor *base, int plan, const char *ops, int argc, sqlite3_value **argv)
{
	struct cursor *c = (struct cursor *)base;
	struct table *t = (struct table *)base->pVtab;
	struct table_function_call call = { t->q, c->args, t->f };
	struct err err = {0};

	(void)plan;
	c->at = c->n = 0;
	arena_reset(c->arena);
	memset(c->args, 0, sizeof(c->args));
	for (int i = 0; i < argc; i++) {
		struct cell *to = &c->args[ops[i] - 'A'];

		*to = functions_cell(argv[i]);
		if (to->type == CELL_TEXT)
			to->text.p = arena_dup(c->arena, to->text.p ? to->text.p : "", to->text.n);
	}
	if ((t->f->at ? t->f->begin(&call, c->state, &err) : t->f->run(&call, (struct cell_sink){ keep, c }, &err)) < 0) {
		t->q->failure = err;
		sqlite3_free(t->base.zErrMsg);
		t->base.zErrMsg = sqlite3_mprintf("%s: %s", t->f->name, err.text);
		return err.code == ERR_CANCEL ? SQLITE_INTERRUPT : SQLITE_ERROR;
	}
	look(c);
	return SQLITE_OK;
}

static int
next(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	c->at++;
	look(c);
	return SQLITE_OK;
}

static int
eof(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	return ((struct table *)base->pVtab)->f->at ? c->ended : c->at >= c->n;
}

static int
column(sqlite3_vtab_cursor *base, sqlite3_context *to, int i)
{
	struct cursor *c = (struct cursor *)base;
	struct table *t = (struct table *)base->pVtab;
	const struct cell *row = t->f->at ? &c->one : &c->cell[c->at * (size_t)c->width];
	int width = t->f->at ? 1 : c->width, groups = t->f->ragged ? 0 : width - t->columns;    /* values of `by`, in front */

	if (i >= width && i < t->columns) {
		sqlite3_result_null(to);
	} else if (i < t->columns) {
		functions_give(to, &row[groups + i]);
	} else if (i - t->columns == t->by && groups == 1) {
		functions_give(to, &row[0]);
	} else if (i - t->columns == t->by && groups > 1) {
		struct buf out = {0};

		for (int k = 0; k < groups; k++) {
			if (k)
				buf_lit(&out, ", ");
			if (row[k].type == CELL_TEXT)
				buf_str(&out, row[k].text);
			else if (row[k].type == CELL_INTEGER)
				buf_int64(&out, row[k].integer);
		}
		functions_give_text(to, buf_get(&out));
		buf_release(&out);
	} else {
		functions_give(to, &c->args[i - t->columns]);
	}
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
table_function_add(struct query *q, const struct table_function *f, struct err *err)
{
	if (strcmp(f->name, "events") == 0)     /* in SQL that is the table */
		return 0;
	if (sqlite3_create_module_v2(q->db, f->name, &module, q, NULL) != SQLITE_OK)
		return err_set(err, ERR_IO, "SQLite: %s", sqlite3_errmsg(q->db));
	return 0;
}
