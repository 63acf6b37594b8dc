/* What SQLite makes for a plan: the values of subqueries that it waits for, put where they are wanted, and rows of what is not read
 * over columns. (They are run over columns themselves, where that can be done.) */
#include <stdlib.h>

#include "base/mem.h"
#include "query/query_priv.h"
#include "query/vector_priv.h"

#define VALUES_MOST 500000              /* of one IN; more is left to SQLite */

/* A text is borrowed until the next step. */
static int
value_of(sqlite3_stmt *statement, int i, int as_text, struct cell *to, struct err *err)
{
	struct str s;
	int type = sqlite3_column_type(statement, i);

	switch (as_text && (type == SQLITE_INTEGER || type == SQLITE_FLOAT) ? SQLITE_TEXT : type) {
	case SQLITE_INTEGER:
		*to = cell_integer(sqlite3_column_int64(statement, i));
		return 0;
	case SQLITE_FLOAT:
		*to = cell_real(sqlite3_column_double(statement, i));
		return 0;
	case SQLITE_TEXT:
		s.p = (const char *)sqlite3_column_text(statement, i);
		s.n = (size_t)sqlite3_column_bytes(statement, i);
		*to = cell_text(s.p ? s : STR(""));
		return 0;
	case SQLITE_BLOB:
		return err_set(err, ERR_LIMIT, "a blob among the values of a subquery");
	default:
		*to = cell_null();
		return 0;
	}
}

/* One more constant behind the others; room is doubled. */
static void
append(struct vector_expr *in, struct arena *arena, struct cell cell)
{
	struct vector_expr *e = arena_get(arena, sizeof(*e));

	if (cell.type == CELL_TEXT)
		cell.text.p = arena_dup(arena, cell.text.p, cell.text.n);
	*e = (struct vector_expr){ .op = VECTOR_CONSTANT, .constant = cell };
	if ((in->n_args & (in->n_args - 1)) == 0) {
		struct vector_expr **more = arena_get(arena, 2 * (size_t)in->n_args * sizeof(*more));

		memcpy(more, in->arg, (size_t)in->n_args * sizeof(*more));
		in->arg = more;
	}
	in->arg[in->n_args++] = e;
}

static int
fill(struct query *q, struct vector_plan *plan, const struct vector_late *late, struct err *err)
{
	struct vector_expr *into = late->into;
	sqlite3_stmt *statement = NULL;
	int rc = 0, step = SQLITE_DONE, one = into->op == VECTOR_CONSTANT;

	if (sqlite3_prepare_v3(q->db, late->sql.p, (int)late->sql.n, 0, &statement, NULL) != SQLITE_OK)
		return err_set(err, ERR_USAGE, "%s", sqlite3_errmsg(q->db));
	if (one)
		into->constant = cell_null();
	while (rc == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		struct cell cell;

		if ((rc = value_of(statement, 0, late->as_text, &cell, err)) < 0)
			break;
		if (one) {
			if (cell.type == CELL_TEXT)
				cell.text.p = arena_dup(plan->arena, cell.text.p, cell.text.n);
			into->constant = cell;
			step = SQLITE_DONE;
			break;
		}
		if (into->n_args > VALUES_MOST)
			rc = err_set(err, ERR_LIMIT, "more than %d values of a subquery", VALUES_MOST);
		else
			append(into, plan->arena, cell);
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = q->failure.code ? (*err = q->failure).code : err_set(err, ERR_USAGE, "%s", sqlite3_errmsg(q->db));
	sqlite3_finalize(statement);
	if (rc == 0 && !one && into->n_args == 1) {     /* in nothing: not even NULL is */
		into->op = VECTOR_CONSTANT;
		into->constant = cell_integer(0);
		into->n_args = 0;
	}
	return rc;
}

int
vector_plan_wait(struct query *q, struct vector_plan *plan, struct err *err)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < plan->n_late; i++)
		rc = fill(q, plan, &plan->late[i], err);
	plan->n_late = 0;
	return rc;
}

/* ---- rows */

static size_t
rows_held(const struct vector_builder *column, int n)
{
	size_t held = 0;

	for (int i = 0; i < n; i++)
		held += vector_builder_held(&column[i]);
	return held;
}

static int
read_rows(struct query *q, const struct vector_source *s, size_t most, struct vector_builder *column, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	struct cell cell;
	int rc = 0, step = SQLITE_DONE;

	if (sqlite3_prepare_v3(q->db, s->sql.p, (int)s->sql.n, 0, &statement, NULL) != SQLITE_OK || sqlite3_column_count(statement) != s->n_columns)
		rc = err_set(err, ERR_USAGE, "%s", sqlite3_errmsg(q->db));
	while (rc == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW) {
		for (int i = 0; i < s->n_columns && (rc = value_of(statement, i, 0, &cell, err)) == 0; i++)
			vector_builder_put(&column[i], &cell);
		if (rc == 0 && column[0].n % 1024 == 0 && rows_held(column, s->n_columns) > most)
			rc = err_set(err, ERR_LIMIT, "too many rows to join for the memory there is");
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = q->failure.code ? (*err = q->failure).code : q->cancelled ? query_stopped(q, err) : err_set(err, ERR_USAGE, "%s", sqlite3_errmsg(q->db));
	sqlite3_finalize(statement);
	return rc;
}

struct vector_table *
vector_plan_rows(struct query *q, const struct vector_source *s, size_t most, struct err *err)
{
	struct vector_builder *column = mem_new(((size_t)s->n_columns + 1) * sizeof(*column));
	struct vector_table *t = NULL;

	for (int i = 0; i < s->n_columns; i++)
		vector_builder_init(&column[i]);
	if (read_rows(q, s, most, column, err) == 0) {
		t = vector_table_new(column[0].n, s->n_columns);
		for (int i = 0; i < s->n_columns; i++) {
			const struct vector_piece_of all = { 0, 0, t->n };
			struct vector_builder *one = &column[i];
			const struct vector_input none = { .next = 0 };

			vector_builder_end(&one, 1, &all, 1, &none, &t->column[i]);
		}
	}
	for (int i = 0; i < s->n_columns; i++)
		vector_builder_release(&column[i]);
	free(column);
	return t;
}
