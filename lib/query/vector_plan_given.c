/* Inputs of a join that are not read over columns: VALUES, functions that give rows, other tables, SELECTs that cannot be planned.
 * SQLite gives their rows, once, as a table; the join is over columns all the same.
 *
 *      SELECT g.h, count(e.event) FROM generate_series(0, 23) AS g(h) LEFT JOIN events e ON hour(e.timestamp) = g.h GROUP BY 1
 *      vector(0): groups of hash join of vector(1) left with vector(2) …
 *      vector(1): rows of (SELECT * FROM (WITH g(h) AS (SELECT * FROM generate_series(0, 23)) SELECT * FROM g))
 *
 * What a column's values are made into where they are compared (its affinity) is asked of SQLite for a table, and found in the text
 * for a SELECT. Where that is not clear (UNION of what differs in it), the join is SQLite's.
 */
#include <strings.h>

#include "query/vector_plan_priv.h"

#define DEPTH_MOST 16

static int
same_name(struct str a, struct str b)
{
	return a.p && b.p && a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* SELECTs whose WITH may name what is read, from the innermost outwards. */
struct inside { const struct select *select; const struct inside *up; int depth; };

static int select_affinity(struct planner *, const struct inside *, int column);

static const struct select_with *
with_of(const struct planner *w, const struct inside *in, struct str name)
{
	for (; in; in = in->up)
		for (int i = 0; i < in->select->n_with; i++)
			if (same_name(in->select->with[i].name, name))
				return &in->select->with[i];
	return vector_plan_with(w, name);
}

/* A column of a table or of a function that gives rows, by its number or (p not NULL) its name. */
static int
table_affinity(struct planner *w, const struct select_source *from, int column, struct str name)
{
	struct buf sql = {0};
	sqlite3_stmt *statement = NULL;
	int affinity = -1;

	buf_printf(&sql, "SELECT * FROM \"%.*s\"", STR_FMT(from->name));
	if (memchr(from->name.p, '"', from->name.n) || sqlite3_prepare_v3(w->q->db, buf_text(&sql), (int)sql.n + 1, 0, &statement, NULL) != SQLITE_OK)
		goto out;
	for (int i = 0; name.p && i < sqlite3_column_count(statement) && column < 0; i++)
		if (same_name(str_of(sqlite3_column_name(statement, i)), name))
			column = i;
	if (column >= 0 && column < sqlite3_column_count(statement)) {
		const char *type = sqlite3_column_decltype(statement, column);

		affinity = (int)vector_plan_affinity_of(type ? str_of(type) : STR(""));
	}
out:
	sqlite3_finalize(statement);
	buf_release(&sql);
	return affinity;
}

/* The number of the column that a SELECT gives under a name; -1. */
static int
column_called(const struct select *s, struct str name)
{
	const struct select_core *c = s->core;

	for (int i = 0; i < c->n_items; i++) {
		const struct select_item *item = &c->item[i];

		if (!item->expr)
			return -1;
		if (same_name(item->alias.p || item->expr->of != SELECT_COLUMN ? item->alias : item->expr->name, name))
			return i;
	}
	return -1;
}

static int
source_affinity(struct planner *w, const struct inside *in, const struct select_source *from, int column, struct str name)
{
	const struct select_with *with = from->plain && !from->schema.p ? with_of(w, in, from->name) : NULL;
	const struct select *s = from->select ? from->select : with ? with->select : NULL;
	struct inside of = { s, in, in->depth + 1 };

	if (from->n_inner || from->schema.p)
		return -1;
	if (!s)
		return table_affinity(w, from, column, name);
	for (int i = 0; name.p && with && i < with->n_columns && column < 0; i++)
		column = same_name(with->column[i], name) ? i : -1;
	if (name.p && column < 0 && !(with && with->n_columns))
		column = column_called(s, name);
	return column < 0 ? -1 : select_affinity(w, &of, column);
}

static int
core_affinity(struct planner *w, const struct inside *in, const struct select_core *c, int i)
{
	const struct select_expr *e;

	if (c->n_values)
		return AFFINITY_NONE;
	if (c->n_items == 1 && !c->item[0].expr && c->n_sources == 1)
		return source_affinity(w, in, &c->source[0], i, (struct str){ NULL, 0 });
	for (int k = 0; k <= i && k < c->n_items; k++)
		if (!c->item[k].expr)
			return -1;
	if (i >= c->n_items)
		return -1;
	e = c->item[i].expr;
	switch (e->of) {
	case SELECT_COLUMN:
		return c->n_sources == 1 ? source_affinity(w, in, &c->source[0], -1, e->name) : -1;
	case SELECT_SUBQUERY:
	case SELECT_COLLATE:
	case SELECT_ROW:
		return -1;
	case SELECT_CAST:
		return (int)vector_plan_affinity_of(e->name);
	default:
		return AFFINITY_NONE;
	}
}

/* Of column i of what the innermost SELECT gives. -1: not known, or not the same in all that UNION puts together. */
static int
select_affinity(struct planner *w, const struct inside *in, int i)
{
	int affinity = -1;

	if (in->depth > DEPTH_MOST || --w->budget < 0)
		return -1;
	for (int k = 0; k < in->select->n_cores; k++) {
		int of = core_affinity(w, in, &in->select->core[k], i);

		if (of < 0 || (k && of != affinity))
			return -1;
		affinity = of;
	}
	return affinity;
}

/* Its columns, with their names as SQLite has them. 0 or -1. */
static int
columns(struct plan_work *in, const struct select_source *from, const struct buf *sql, struct plan_relation *r)
{
	struct planner *w = in->w;
	const struct inside none = { &(const struct select){ .n_with = 0 }, NULL, 0 };
	sqlite3_stmt *statement = NULL;
	int rc = -1;

	if (sqlite3_prepare_v3(w->q->db, buf_text((struct buf *)(uintptr_t)sql), (int)sql->n + 1, 0, &statement, NULL) != SQLITE_OK ||
	    sqlite3_bind_parameter_count(statement) || sqlite3_column_count(statement) > COLUMNS_MOST)
		goto out;
	r->n = sqlite3_column_count(statement);
	r->name = arena_get(w->arena, (size_t)r->n * sizeof(*r->name));
	r->column = arena_get(w->arena, (size_t)r->n * sizeof(*r->column));
	r->affinity = arena_get(w->arena, (size_t)r->n * sizeof(*r->affinity));
	if (!r->name || !r->column || !r->affinity)
		goto out;
	rc = 0;
	for (int i = 0; i < r->n && rc == 0; i++) {
		struct str name = str_of(sqlite3_column_name(statement, i));
		int affinity = source_affinity(w, &none, from, i, (struct str){ NULL, 0 });

		r->name[i] = (struct str){ arena_dup(w->arena, name.p, name.n), name.n };
		r->column[i] = i;
		if (affinity < 0 || vector_plan_add_column(&in->scope, 0, (enum plan_affinity)affinity) != i)
			rc = -1;
		else
			r->affinity[i] = (enum plan_affinity)affinity;
	}
out:
	sqlite3_finalize(statement);
	return rc;
}

int
vector_plan_given(struct plan_work *in, const struct select_source *from)
{
	struct plan_scope *s = &in->scope;
	struct plan_relation *r = arena_get(in->w->arena, sizeof(*r));
	struct vector_source *source = arena_get(s->plan->arena, sizeof(*source));
	struct buf sql = {0};
	int rc = 0;

	if (!r || !source || s->plan->n_fields || (from->plain && vector_plan_stored(from->name)))
		return 0;
	*r = (struct plan_relation){ .plan = s->plan };
	if (vector_plan_given_text(in->w, from, &sql) == 0 && columns(in, from, &sql, r) == 0) {
		*source = (struct vector_source){ .of = SOURCE_SQL, .sql = { arena_dup(s->plan->arena, sql.p, sql.n), sql.n }, .n_columns = r->n };
		s->alias = from->alias.p ? from->alias : from->name;
		s->relation = r;
		s->plan->source = source;
		rc = 1;
	}
	buf_release(&sql);
	return rc;
}
