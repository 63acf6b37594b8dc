/* A plan in words, for EXPLAIN. */
#include <stdio.h>

#include "base/time.h"
#include "query/vector_plan_priv.h"
#include "query/vector_priv.h"

static void
put_field(struct buf *to, const struct vector_plan *p, const struct store_field *f)
{
	static const char *const names[] = { "event", "timestamp", "rowid", "received_at", "id", "user_id", "session_id", "properties" };

	if (p->source) {                /* a column of a table is called as there */
		buf_str(to, f->name);
		return;
	}
	if (p->samples && (f->of == FIELD_EVENT || f->of == FIELD_PROPERTIES || f->of > FIELD_REACH)) {
		buf_lit(to, f->of == FIELD_EVENT ? "metric" : f->of == FIELD_PROPERTIES ? "labels" : f->of == FIELD_VALUE ? "value" : "field");
		return;
	}
	if (f->of < FIELD_PROPERTY) {
		buf_lit(to, names[f->of]);
		return;
	}
	for (int i = 0; i < FIELD_PROPERTY; i++)
		if (str_eq(f->name, str_of(names[i])))
			buf_lit(to, "properties.");
	buf_str(to, f->name);
}

static void put_expr(struct buf *, const struct vector_plan *, const struct vector_expr *);

static void
put_list(struct buf *to, const struct vector_plan *p, const struct vector_expr *e, int from, const char *between)
{
	for (int i = from; i < e->n_args; i++) {
		buf_lit(to, i > from ? between : "");
		put_expr(to, p, e->arg[i]);
	}
}

/* The SQL with its fields in place of ?1, ?2 … */
static void
put_sql(struct buf *to, const struct vector_plan *p, const struct vector_expr *e)
{
	buf_byte(to, '[');
	for (size_t i = 0; i < e->sql.n; i++) {
		int n = 0;

		if (e->sql.p[i] != '?') {
			buf_byte(to, e->sql.p[i]);
			continue;
		}
		for (; i + 1 < e->sql.n && e->sql.p[i + 1] >= '0' && e->sql.p[i + 1] <= '9' && n < 1000; i++)
			n = 10 * n + e->sql.p[i + 1] - '0';
		if (n >= 1 && n <= e->n_args)
			put_expr(to, p, e->arg[n - 1]);
		else
			buf_byte(to, '?');
	}
	buf_byte(to, ']');
}

static void
put_expr(struct buf *to, const struct vector_plan *p, const struct vector_expr *e)
{
	static const char *const signs[] = { [VECTOR_AND] = " AND ", [VECTOR_OR] = " OR ", [VECTOR_EQ] = " = ", [VECTOR_NE] = " <> ", [VECTOR_LT] = " < ",
		[VECTOR_LE] = " <= ", [VECTOR_GT] = " > ", [VECTOR_GE] = " >= ", [VECTOR_IS] = " IS ", [VECTOR_IS_NOT] = " IS NOT ", [VECTOR_LIKE] = " LIKE ",
		[VECTOR_ILIKE] = " ILIKE ", [VECTOR_ADD] = " + ", [VECTOR_SUB] = " - ", [VECTOR_MUL] = " * ", [VECTOR_DIV] = " / ", [VECTOR_MOD] = " % " };

	switch (e->op) {
	case VECTOR_FIELD:
		put_field(to, p, &p->field[e->field]);
		break;
	case VECTOR_CONSTANT:
		if (e->sql.p)
			buf_printf(to, "(%.*s)", STR_FMT(e->sql));
		else if (vector_plan_put_literal(to, &e->constant) < 0)
			buf_byte(to, '?');
		break;
	case VECTOR_NOT:
	case VECTOR_NEG:
		buf_lit(to, e->op == VECTOR_NOT ? "NOT " : "-");
		put_expr(to, p, e->arg[0]);
		break;
	case VECTOR_IN:
		put_expr(to, p, e->arg[0]);
		buf_lit(to, " IN (");
		if (e->sql.p)
			buf_str(to, e->sql);
		else
			put_list(to, p, e, 1, ", ");
		buf_byte(to, ')');
		break;
	case VECTOR_CASE:
	case VECTOR_COALESCE:
		buf_lit(to, e->op == VECTOR_CASE ? "case(" : "coalesce(");
		put_list(to, p, e, 0, ", ");
		buf_byte(to, ')');
		break;
	case VECTOR_JULIAN:
	case VECTOR_ROUND:
	case VECTOR_INTEGER:
	case VECTOR_REAL:
	case VECTOR_FLOOR:
	case VECTOR_CEIL:
	case VECTOR_ABS:
		buf_lit(to, e->op == VECTOR_JULIAN ? "julianday(" : e->op == VECTOR_ROUND ? "round(" : e->op == VECTOR_INTEGER ? "integer(" : e->op == VECTOR_REAL ? "real(" : e->op == VECTOR_FLOOR ? "floor(" :
		    e->op == VECTOR_CEIL ? "ceil(" : "abs(");
		put_list(to, p, e, 0, ", ");
		buf_byte(to, ')');
		break;
	case VECTOR_EPOCH:
		put_list(to, p, e, 0, "");
		buf_printf(to, " in %gs", (double)e->every_ms / 1000);
		break;
	case VECTOR_CALL:
		buf_printf(to, "%s(", vector_call_name(e->call));
		put_list(to, p, e, 0, ", ");
		buf_byte(to, ')');
		break;
	case VECTOR_TIME:
		put_sql(to, p, e);
		if (e->every_ms > 1)
			buf_printf(to, "/%gs", (double)e->every_ms / 1000);
		break;
	case VECTOR_SQL:
		put_sql(to, p, e);
		break;
	default:
		buf_byte(to, '(');
		put_list(to, p, e, 0, signs[e->op] ? signs[e->op] : ", ");
		buf_byte(to, ')');
	}
}

static void
put_aggregate(struct buf *to, const struct vector_plan *p, const struct vector_aggregate *a)
{
	buf_lit(to, vector_aggregate_name(a->of));
	if (a->of != AGGREGATE_ROWS) {
		buf_lit(to, a->distinct || a->once ? "(DISTINCT " : "(");
		put_expr(to, p, a->arg);
		if (a->by) {
			buf_lit(to, a->of == AGGREGATE_TEXT || a->of == AGGREGATE_LIST || a->of == AGGREGATE_ORDERED_FIRST || a->of == AGGREGATE_ORDERED_LAST ? " ordered by " : ", ");
			put_expr(to, p, a->by);
			buf_lit(to, a->descending ? " descending" : "");
		}
		if (a->of == AGGREGATE_QUANTILE_CONT || a->of == AGGREGATE_QUANTILE_DISC || a->of == AGGREGATE_APPROX_QUANTILE || a->of == AGGREGATE_TOPK)
			buf_printf(to, ", %g", a->share);
		for (int i = 0; i < a->n_shares; i++)
			buf_printf(to, ", %g", a->shares[i]);
		buf_byte(to, ')');
	}
	if (a->filter) {
		buf_lit(to, " FILTER ");
		put_expr(to, p, a->filter);
	}
}

static void
put_range(struct buf *to, const struct store_range *r, const char *name)
{
	char text[TIME_LEN];

	if (r->from > TIME_MIN && r->from < r->to) {
		time_print(r->from, text);
		buf_printf(to, ", from %.*s", TIME_LEN, text);
	}
	if (r->to <= TIME_MAX && r->from < r->to) {
		time_print(r->to, text);
		buf_printf(to, ", before %.*s", TIME_LEN, text);
	}
	if (r->from >= r->to)
		buf_lit(to, ", at no time");
	for (int i = 0; i < r->n_names; i++) {
		buf_printf(to, i ? ", " : ", %s ", name);
		buf_str(to, r->names[i]);
	}
	if (r->user_id.p)
		buf_printf(to, ", user_id %.*s", STR_FMT(r->user_id));
}

static void
put_columns(struct buf *to, const int *column, int n)
{
	for (int i = 0; i < n; i++)
		buf_printf(to, i ? ", c%d" : "c%d", column[i]);
}

static void
put_bound(struct buf *to, const struct vector_bound *b)
{
	static const char *const words[] = { [BOUND_FIRST] = "unbounded preceding", [BOUND_BEFORE] = " preceding", [BOUND_CURRENT] = "current row",
		[BOUND_AFTER] = " following", [BOUND_LAST] = "unbounded following" };

	if (b->of == BOUND_BEFORE || b->of == BOUND_AFTER)
		vector_plan_put_literal(to, &b->by);
	buf_lit(to, words[b->of]);
}

static void
put_window(struct buf *to, const struct vector_window *w)
{
	static const char *const names[] = { "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead", "first_value", "last_value",
		"nth_value", "count(*)", "count", "sum", "total", "avg", "min", "max" };
	static const char *const frames[] = { "range", "rows", "groups" };

	buf_lit(to, names[w->of]);
	if (w->arg >= 0)
		buf_printf(to, "(c%d)", w->arg);
	if (w->of < WINDOW_FIRST_VALUE)
		return;
	buf_printf(to, " %s ", frames[w->frame]);
	put_bound(to, &w->from);
	buf_lit(to, " to ");
	put_bound(to, &w->to);
}

/* What is read, and the operator that makes it. */
static void
put_source(struct buf *to, const struct vector_source *s)
{
	if (s->of == SOURCE_PLAN) {
		buf_printf(to, "vector(%d)", s->plan->number);
		return;
	}
	if (s->of == SOURCE_WINDOWS) {
		buf_lit(to, "windows over ");
		put_source(to, s->input[0]);
		buf_lit(to, s->n_partition ? " by " : "");
		put_columns(to, s->partition, s->n_partition);
		for (int i = 0; i < s->n_order; i++)
			buf_printf(to, "%sc%d%s", i ? ", " : " ordered by ", s->order[i].column, s->order[i].descending ? " descending" : "");
		for (int i = 0; i < s->n_windows; i++) {
			buf_lit(to, i ? ", " : " (");
			put_window(to, &s->window[i]);
		}
		buf_byte(to, ')');
		return;
	}
	if (s->of == SOURCE_SQL) {
		buf_byte(to, '(');
		buf_str(to, s->sql);
		buf_byte(to, ')');
		return;
	}
	buf_lit(to, "hash join of ");
	put_source(to, s->input[0]);
	for (int i = 1; i < s->n_inputs; i++) {
		const struct vector_join_step *step = &s->step[i];

		buf_lit(to, step->outer ? " left with " : " with ");
		put_source(to, s->input[i]);
		for (int k = 0; k < step->n_keys; k++)
			buf_printf(to, "%svector(%d).c%d = c%d", k ? ", " : " on ", s->input[step->key[k].table]->plan->number, step->key[k].left, step->key[k].right);
	}
	buf_lit(to, " (");
	for (int i = 0; i < s->n_gives; i++)
		buf_printf(to, "%sc%d vector(%d).c%d", i ? ", " : "", i, s->input[s->give[i].table]->plan->number, s->give[i].column);
	buf_byte(to, ')');
}

void
vector_plan_explain(struct vector_plan *p, int number)
{
	struct buf *to = &p->explain;

	buf_printf(to, "vector(%d): %s %s", number, p->grouped ? "groups" : "rows", p->source ? "of " : p->samples ? "of samples over columns" : "over columns");
	if (p->source)
		put_source(to, p->source);
	else
		put_range(to, &p->range, p->samples ? "metric" : "event");
	if (p->where) {
		buf_lit(to, "; filter ");
		put_expr(to, p, p->where);
	}
	for (int i = 0; i < p->n_keys; i++) {
		buf_lit(to, i ? ", " : p->grouped ? "; by " : "; gives ");
		put_expr(to, p, p->key[i]);
	}
	for (int i = 0; i < p->n_aggregates; i++) {
		buf_lit(to, i ? ", " : "; ");
		put_aggregate(to, p, &p->aggregate[i]);
	}
	for (int i = 0; i < p->n_order; i++) {
		buf_lit(to, i ? ", " : "; ordered by ");
		put_expr(to, p, p->order[i].expr);
		buf_lit(to, p->order[i].descending ? " descending" : "");
	}
	if (p->skip)
		buf_printf(to, "; %lld behind the first %lld", (long long)(p->limit - p->skip), (long long)p->skip);
	else if (p->limit >= 0)
		buf_printf(to, "; the first %lld", (long long)p->limit);
}
