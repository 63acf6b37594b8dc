/* The table `vector`: vector(N) reads what plan N of the statement at hand gave, which is run when it is first read. Its columns
 * are c0, c1, …; a plan with fewer than there are leaves the others NULL. SQLite compares each name with all before it when a table is
 * declared, once in a database: half of a millisecond for 512. So few plans read the wide one. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "query/functions_priv.h"
#include "query/query_priv.h"
#include "query/tables.h"

#define WIDE 512                /* as many as a plan may have */

struct held { const struct vector_plan *plan; struct vector_result *result; };

struct table {
	sqlite3_vtab base;
	struct query *q;
	int n_columns;
	struct held *held;              /* of one statement; two that read the same plan share its result */
	int n_held;
	uint64_t statement;
};

struct cursor {
	sqlite3_vtab_cursor base;
	struct vector_plan *plan;
	struct vector_result *result;   /* a whole result … */
	struct vector_spill_reader *spill;      /* … or one that is in a file … */
	struct vector_stream *stream;           /* … or rows that come as they are found */
	int64_t row;
	int n_columns, eof;
};

static void
forget(struct table *t)
{
	for (int i = 0; i < t->n_held; i++)
		vector_result_free(t->held[i].result);
	t->n_held = 0;
}

static int
disconnect(sqlite3_vtab *base)
{
	struct table *t = (struct table *)base;

	forget(t);
	free(t->held);
	sqlite3_free(t);
	return SQLITE_OK;
}

static int
connect(sqlite3 *db, void *self, int argc, const char *const *argv, sqlite3_vtab **out, char **message)
{
	struct query *q = self;
	struct buf sql = { 0 };
	struct table *t;
	int rc, n = argc && strcmp(argv[0], VECTOR_WIDE) == 0 ? WIDE : VECTOR_NARROW;

	buf_lit(&sql, "CREATE TABLE x(");
	for (int i = 0; i < n; i++)
		buf_printf(&sql, "c%d, ", i);
	buf_lit(&sql, "plan HIDDEN)");
	rc = tables_declare(q, buf_text(&sql));
	buf_release(&sql);
	if (rc != SQLITE_OK) {
		*message = sqlite3_mprintf("%s", sqlite3_errmsg(db));
		return rc;
	}
	if (!(t = sqlite3_malloc(sizeof(*t))))
		return SQLITE_NOMEM;
	*t = (struct table){ .q = q, .n_columns = n };
	*out = &t->base;
	return SQLITE_OK;
}

/* Do the plan's rows come as they are asked for? Groups come by their keys in SQLite's order. Only what is simple is told so. */
static int
is_in_order(const struct vector_plan *plan, const sqlite3_index_info *info)
{
	if (!plan->grouped || plan->unordered || plan->source || plan->samples || info->nOrderBy > plan->n_keys)
		return 0;
	for (int i = 0; i < info->nOrderBy; i++)
		if (info->aOrderBy[i].iColumn != i || info->aOrderBy[i].desc ||
		    (plan->key[i]->op != VECTOR_FIELD && plan->key[i]->op != VECTOR_TIME))
			return 0;
	return 1;
}

static int
best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	const struct table *t = (struct table *)base;

	for (int i = 0; i < info->nConstraint; i++)
		if (info->aConstraint[i].iColumn == t->n_columns && info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ && info->aConstraint[i].usable) {
			sqlite3_value *number = NULL;
			sqlite3_int64 n;

			info->aConstraintUsage[i].argvIndex = 1;
			info->aConstraintUsage[i].omit = 1;
			info->estimatedRows = 1000;
			info->estimatedCost = 1000;
			if (info->nOrderBy && sqlite3_vtab_rhs_value(info, i, &number) == SQLITE_OK &&
			    (n = sqlite3_value_int64(number)) >= 0 && n < t->q->plans.n)
				info->orderByConsumed = is_in_order(t->q->plans.plan[n], info);
			return SQLITE_OK;
		}
	return SQLITE_CONSTRAINT;
}

static int
open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
	struct table *t = (struct table *)base;
	struct cursor *c = sqlite3_malloc(sizeof(*c));

	if (!c)
		return SQLITE_NOMEM;
	*c = (struct cursor){ 0 };
	if (t->statement != t->q->statement)
		forget(t);
	t->statement = t->q->statement;
	*out = &c->base;
	return SQLITE_OK;
}

static void
end_stream(struct cursor *c)
{
	vector_spill_close(c->spill);
	c->spill = NULL;
	if (!c->stream)
		return;
	buf_clear(&c->plan->ran);
	vector_explain(c->stream, &c->plan->ran);
	vector_close(c->stream);
	c->stream = NULL;
}

static int
close_cursor(sqlite3_vtab_cursor *base)
{
	end_stream((struct cursor *)base);
	sqlite3_free(base);
	return SQLITE_OK;
}

static struct vector_result *
result_of(struct table *t, struct vector_plan *plan)
{
	struct vector_result *result;

	for (int i = 0; i < t->n_held; i++)
		if (t->held[i].plan == plan)
			return t->held[i].result;
	if (!(result = vector_run(t->q, plan, &t->q->failure)))
		return NULL;
	buf_clear(&plan->ran);
	vector_result_explain(result, &plan->ran);
	t->held = mem_grow(t->held, (size_t)t->n_held + 1, sizeof(*t->held));
	t->held[t->n_held++] = (struct held){ plan, result };
	return result;
}

static int
failed(struct table *t)
{
	sqlite3_free(t->base.zErrMsg);
	t->base.zErrMsg = sqlite3_mprintf("%s", t->q->failure.text);
	return t->q->failure.code == ERR_CANCEL ? SQLITE_INTERRUPT : SQLITE_ERROR;
}

static int
next(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;
	struct table *t = (struct table *)base->pVtab;
	int rc;

	c->row++;
	if (c->spill) {
		rc = vector_spill_next(c->spill, &t->q->failure);
		c->eof = rc <= 0;
		return rc < 0 ? failed(t) : SQLITE_OK;
	}
	if (!c->stream) {
		c->eof = c->row >= vector_result_rows(c->result);
		return SQLITE_OK;
	}
	rc = vector_next(c->stream, &t->q->failure);
	if ((c->eof = rc <= 0))
		end_stream(c);
	return rc < 0 ? failed(t) : SQLITE_OK;
}

/* Rows are not kept the first time they are read. Who reads them again wants them more often. */
static int
filter(sqlite3_vtab_cursor *base, int number, const char *name, int argc, sqlite3_value **argv)
{
	struct cursor *c = (struct cursor *)base;
	struct table *t = (struct table *)base->pVtab;
	int64_t n = argc == 1 ? sqlite3_value_int64(argv[0]) : -1;
	struct vector_plan *plan, *before = c->plan;

	(void)number, (void)name;
	end_stream(c);
	c->result = NULL;
	c->plan = NULL;
	c->row = -1;
	c->eof = 1;
	if (n < 0 || n >= t->q->plans.n)
		return SQLITE_OK;
	c->plan = plan = t->q->plans.plan[n];
	c->n_columns = plan->n_keys + (plan->grouped ? plan->n_aggregates : 0);
	if (vector_plan_wait(t->q, plan, &t->q->failure) < 0)
		return failed(t);
	if (plan->grouped || plan->n_order || plan->source || plan->samples || plan == before ? !(c->result = result_of(t, plan)) : !(c->stream = vector_open(t->q, plan, &t->q->failure)))
		return failed(t);
	if (c->result && vector_result_spill(c->result))
		c->spill = vector_spill_read(vector_result_spill(c->result));
	return next(base);
}

static int
eof(sqlite3_vtab_cursor *base)
{
	return ((struct cursor *)base)->eof;
}

static int
column(sqlite3_vtab_cursor *base, sqlite3_context *to, int i)
{
	const struct cursor *c = (struct cursor *)base;
	struct cell cell;

	if (i >= c->n_columns)
		return SQLITE_OK;
	cell = c->stream ? vector_column(c->stream, i) : c->spill ? vector_spill_cell(c->spill, i) : vector_result_cell(c->result, c->row, i);
	if (cell.type == CELL_TEXT)     /* a result stays where it is until another statement is run */
		sqlite3_result_text64(to, cell.text.p, cell.text.n, c->stream || c->spill ? SQLITE_TRANSIENT : SQLITE_STATIC, SQLITE_UTF8);
	else
		functions_give(to, &cell);
	return SQLITE_OK;
}

static int
rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	*out = ((struct cursor *)base)->row;
	return SQLITE_OK;
}

static const sqlite3_module module = {
	.iVersion = 1, .xConnect = connect, .xBestIndex = best_index, .xDisconnect = disconnect, .xOpen = open_cursor,
	.xClose = close_cursor, .xFilter = filter, .xNext = next, .xEof = eof, .xColumn = column, .xRowid = rowid,
};

int
vector_add(struct query *q, struct err *err)
{
	if (sqlite3_create_module_v2(q->db, "vector", &module, q, NULL) != SQLITE_OK ||
	    sqlite3_create_module_v2(q->db, VECTOR_WIDE, &module, q, NULL) != SQLITE_OK)
		return err_set(err, ERR_IO, "SQLite: %s", sqlite3_errmsg(q->db));
	return 0;
}
