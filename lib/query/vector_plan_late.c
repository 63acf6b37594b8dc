/* Subqueries that a plan waits for: run by SQLite (over columns themselves), their values put where they are wanted. */
#include "query/query_priv.h"
#include "query/vector.h"

#define VALUES_MOST 500000              /* of one IN; more is left to SQLite */

static int
value_of(sqlite3_stmt *statement, struct arena *arena, int as_text, struct cell *to, struct err *err)
{
	struct str s;
	int type = sqlite3_column_type(statement, 0);

	switch (as_text && (type == SQLITE_INTEGER || type == SQLITE_FLOAT) ? SQLITE_TEXT : type) {
	case SQLITE_INTEGER:
		*to = cell_integer(sqlite3_column_int64(statement, 0));
		return 0;
	case SQLITE_FLOAT:
		*to = cell_real(sqlite3_column_double(statement, 0));
		return 0;
	case SQLITE_TEXT:
		s.p = (const char *)sqlite3_column_text(statement, 0);
		s.n = (size_t)sqlite3_column_bytes(statement, 0);
		*to = cell_text((struct str){ arena_dup(arena, s.p ? s.p : "", s.n), s.n });
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

		if ((rc = value_of(statement, plan->arena, late->as_text, &cell, err)) < 0)
			break;
		if (one) {
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
