/* The planner: which SELECTs run over columns, and what is left of the statement for SQLite.
 *
 * A core FROM events alone is taken in one of two forms:
 *      grouped     it has aggregates, GROUP BY or DISTINCT. Each GROUP BY expression and each aggregate is a column cN of vector(N);
 *                  what stands around them in items, HAVING and ORDER BY is SQLite's, over the groups
 *      rows        it has none of them. Each item (or what a window function reads) is a column
 * The text around is copied as it stands. Names of columns are asked of SQLite, which has to accept the core as it was too: so
 * nothing is planned that was wrong, and no name changes. What the outer statement can feel is kept: the affinity of columns (a
 * cast, or + for none), and that a subquery is made once and not mixed into a join (LIMIT -1). Rows in no order come as they did:
 * groups by their keys, rows as they lie.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "base/time.h"
#include "query/functions_priv.h"
#include "query/tables.h"
#include "query/token.h"
#include "query/vector_plan_priv.h"

#define PLANS_MOST   64                 /* of one statement */
#define LOOKS_MOST   2000000            /* at nodes, a fraction of a second */
#define FIRST_MOST   100000             /* rows that ORDER BY with LIMIT keeps */
#define GIVENS_MOST  32                 /* inputs that SQLite gives, looked at in one statement */
#define USERS_MOST   8                  /* users whose chunks are looked for: each chunk's filter is asked for each of them */
#define BY_NUMBER_MOST 200              /* rows that are looked for one by one: a chunk is opened for each */

static void plan_select(struct planner *, const struct select *, enum plan_place);
static void plan_inside(struct planner *, const struct select_expr *);
static int plan_core(struct planner *, const struct select *, const struct select_core *, enum plan_place, struct plan_relation *, struct buf *);

/* ---- text */

void
vector_plan_copy(const struct planner *w, uint32_t from, uint32_t to, struct buf *out)
{
	for (int i = 0; i < w->n_params; i++) {
		const struct plan_param *p = &w->param[i];

		if ((!p->number && !w->literals) || p->at < from || p->at >= to)
			continue;
		buf_add(out, w->sql.p + from, p->at - from);
		if (!w->literals)
			buf_printf(out, "?%d", p->number);
		else if (vector_plan_put_literal(out, &p->value) < 0)
			buf_lit(out, "? ");     /* no value bound: the text is not taken */
		from = p->at + p->n;
	}
	buf_add(out, w->sql.p + from, to - from);
}

static int
has_numbered(const struct planner *w, uint32_t from, uint32_t to)       /* a bare ?, which comes out as ?1 and would change a name */
{
	for (int i = 0; i < w->n_params; i++)
		if (w->param[i].number && w->param[i].at >= from && w->param[i].at < to)
			return 1;
	return 0;
}

static void
edit(struct planner *w, uint32_t from, uint32_t to, struct str text)
{
	if (w->n_edits == w->edits_cap) {
		w->edits_cap = w->edits_cap ? 2 * w->edits_cap : 16;
		w->edit = mem_grow(w->edit, (size_t)w->edits_cap, sizeof(*w->edit));
	}
	w->edit[w->n_edits++] = (struct plan_edit){ from, to, { arena_dup(w->arena, text.p, text.n), text.n } };
}

/* The text of [from, to) with the edits since `first`, which are used up. */
static void
render(struct planner *w, uint32_t from, uint32_t to, int first, struct buf *out)
{
	for (int i = first; i < w->n_edits; i++) {
		vector_plan_copy(w, from, w->edit[i].from, out);
		buf_str(out, w->edit[i].text);
		from = w->edit[i].to;
	}
	vector_plan_copy(w, from, to, out);
	w->n_edits = first;
}

static void
put_name(struct buf *to, struct str name)
{
	buf_byte(to, '"');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '"')
			buf_byte(to, '"');
		buf_byte(to, name.p[i]);
	}
	buf_byte(to, '"');
}

/* ---- a core being planned */

int
vector_plan_same(const struct vector_expr *a, const struct vector_expr *b)
{
	if (!a || !b)
		return a == b;
	if (a->op != b->op || a->n_args != b->n_args || !str_eq(a->sql, b->sql) || a->every_ms != b->every_ms)
		return 0;
	if ((a->op == VECTOR_FIELD || a->op == VECTOR_TIME) && a->field != b->field)
		return 0;
	if (a->op == VECTOR_CONSTANT) {
		const struct cell *x = &a->constant, *y = &b->constant;

		if (x->type != y->type || (x->type == CELL_INTEGER && x->integer != y->integer) || (x->type == CELL_REAL && memcmp(&x->real, &y->real, 8) != 0) ||
		    (x->type == CELL_TEXT && !str_eq(x->text, y->text)))
			return 0;
	}
	for (int i = 0; i < a->n_args; i++)
		if (!vector_plan_same(a->arg[i], b->arg[i]))
			return 0;
	return 1;
}

int
vector_plan_key_of(struct plan_work *k, struct vector_expr *value, enum plan_affinity affinity)
{
	if (!value)
		return -1;
	for (int i = 0; i < k->n_keys; i++)
		if (vector_plan_same(k->key[i].value, value) && k->key[i].affinity == affinity)
			return i;
	if (k->n_keys == COLUMNS_MOST)
		return -1;
	k->key[k->n_keys] = (struct plan_key){ value, affinity };
	return k->n_keys++;
}

int
vector_plan_key(struct plan_work *k, const struct select_expr *e, int aliases)
{
	if (vector_plan_has(&k->scope, e, aliases) & ~(unsigned)HAS_COLUMN)
		return -1;
	return vector_plan_key_of(k, vector_plan_value(&k->scope, e, aliases), vector_plan_affinity(&k->scope, e, aliases));
}

/* A column where it stands. whole: as all of an item of the outermost SELECT, where nobody asks for its affinity. */
static void
put_column(struct plan_work *k, int column, enum plan_affinity affinity, int whole, struct buf *to)
{
	whole = whole && k->place == OUTERMOST;
	if (whole || affinity == AFFINITY_BLOB)
		buf_printf(to, "vector.c%d", column);
	else if (affinity == AFFINITY_NONE)
		buf_printf(to, "(+vector.c%d)", column);
	else if (affinity == AFFINITY_TEXT)
		buf_printf(to, "CAST(vector.c%d AS TEXT)", column);
	else    /* what it is, a cast made: a number, which this one leaves as it is */
		buf_printf(to, "CAST(vector.c%d AS NUMERIC)", column);
}

const struct select_expr *
vector_plan_meant(struct plan_work *k, const struct select_expr *e, int *aliases)
{
	struct plan_item item;
	struct store_field field;

	if (e->of == SELECT_COLUMN && vector_plan_name(&k->scope, e, *aliases, &field, &item) == NAME_ITEM && item.in == &k->scope) {
		*aliases = 0;
		return item.expr;
	}
	return e;
}

/* ---- aggregates */

#define SEVERAL (-1)                    /* two and more */
#define SHARES_MOST 16

static const struct { const char *name; int args; enum vector_aggregate_of of; enum functions_once once; } aggregates[] = {
	{ "count", 1, AGGREGATE_COUNT }, { "sum", 1, AGGREGATE_SUM }, { "total", 1, AGGREGATE_TOTAL }, { "avg", 1, AGGREGATE_AVG }, { "min", 1, AGGREGATE_MIN },
	{ "max", 1, AGGREGATE_MAX }, { "count_if", 1, AGGREGATE_COUNT_IF }, { "countif", 1, AGGREGATE_COUNT_IF },
	{ "stddev", 1, AGGREGATE_STDDEV_SAMP }, { "stddev_samp", 1, AGGREGATE_STDDEV_SAMP }, { "stddevsamp", 1, AGGREGATE_STDDEV_SAMP },
	{ "stdev", 1, AGGREGATE_STDDEV_SAMP }, { "stddev_pop", 1, AGGREGATE_STDDEV_POP }, { "stddevpop", 1, AGGREGATE_STDDEV_POP },
	{ "variance", 1, AGGREGATE_VAR_SAMP }, { "var_samp", 1, AGGREGATE_VAR_SAMP }, { "varsamp", 1, AGGREGATE_VAR_SAMP },
	{ "var_pop", 1, AGGREGATE_VAR_POP }, { "varpop", 1, AGGREGATE_VAR_POP },
	{ "sem", 1, AGGREGATE_SEM }, { "geomean", 1, AGGREGATE_GEOMEAN }, { "geometric_mean", 1, AGGREGATE_GEOMEAN },
	{ "median", 1, AGGREGATE_QUANTILE_CONT }, { "quantile", 1, AGGREGATE_QUANTILE_CONT }, { "quantile", 2, AGGREGATE_QUANTILE_CONT },
	{ "quantile_cont", 2, AGGREGATE_QUANTILE_CONT }, { "percentile_cont", 2, AGGREGATE_QUANTILE_CONT }, { "quantileexact", 2, AGGREGATE_QUANTILE_CONT },
	{ "percentile", 2, AGGREGATE_QUANTILE_CONT }, { "quantile_disc", 2, AGGREGATE_QUANTILE_DISC }, { "percentile_disc", 2, AGGREGATE_QUANTILE_DISC },
	{ "approx_count_distinct", 1, AGGREGATE_APPROX_DISTINCT }, { "uniq", 1, AGGREGATE_APPROX_DISTINCT }, { "uniqhll12", 1, AGGREGATE_APPROX_DISTINCT },
	{ "uniqcombined", 1, AGGREGATE_APPROX_DISTINCT },
	{ "arg_max", 2, AGGREGATE_ARG_MAX }, { "argmax", 2, AGGREGATE_ARG_MAX }, { "max_by", 2, AGGREGATE_ARG_MAX },
	{ "arg_min", 2, AGGREGATE_ARG_MIN }, { "argmin", 2, AGGREGATE_ARG_MIN }, { "min_by", 2, AGGREGATE_ARG_MIN },
	{ "quantiles", SEVERAL, AGGREGATE_QUANTILES_CONT }, { "quantiles_disc", SEVERAL, AGGREGATE_QUANTILES_DISC },
	{ "approx_quantile", 2, AGGREGATE_APPROX_QUANTILE }, { "approx_percentile", 2, AGGREGATE_APPROX_QUANTILE },
	{ "first", 1, AGGREGATE_FIRST }, { "arbitrary", 1, AGGREGATE_FIRST }, { "last", 1, AGGREGATE_LAST }, { "anylast", 1, AGGREGATE_LAST },
	{ "any_value", 1, AGGREGATE_ANY }, { "any", 1, AGGREGATE_ANY },
	{ "ordered_first", 4, AGGREGATE_ORDERED_FIRST }, { "ordered_last", 4, AGGREGATE_ORDERED_LAST },
	{ "corr", 2, AGGREGATE_CORR }, { "covar_pop", 2, AGGREGATE_COVAR_POP }, { "covar_samp", 2, AGGREGATE_COVAR_SAMP }, { "regr_slope", 2, AGGREGATE_REGR_SLOPE },
	{ "regr_intercept", 2, AGGREGATE_REGR_INTERCEPT }, { "regr_r2", 2, AGGREGATE_REGR_R2 }, { "regr_count", 2, AGGREGATE_REGR_COUNT },
	{ "regr_avgx", 2, AGGREGATE_REGR_AVGX }, { "regr_avgy", 2, AGGREGATE_REGR_AVGY }, { "regr_sxx", 2, AGGREGATE_REGR_SXX }, { "regr_syy", 2, AGGREGATE_REGR_SYY },
	{ "regr_sxy", 2, AGGREGATE_REGR_SXY },
	{ "mode", 1, AGGREGATE_MODE }, { "topk", 1, AGGREGATE_TOPK }, { "topk", 2, AGGREGATE_TOPK }, { "approx_top_k", 2, AGGREGATE_TOPK },
	{ "histogram", 1, AGGREGATE_HISTOGRAM }, { "entropy", 1, AGGREGATE_ENTROPY },
	{ "string_agg", 1, AGGREGATE_TEXT }, { "string_agg", 2, AGGREGATE_TEXT }, { "listagg", 1, AGGREGATE_TEXT }, { "listagg", 2, AGGREGATE_TEXT },
	{ "group_concat", 1, AGGREGATE_TEXT }, { "group_concat", 2, AGGREGATE_TEXT }, { "distinct_text", 2, AGGREGATE_TEXT, ONCE_TEXT },
	{ "ordered_text", 4, AGGREGATE_TEXT }, { "ordered_texts_once", 4, AGGREGATE_TEXT, ONCE_VALUE },
	{ "array_agg", 1, AGGREGATE_LIST }, { "list", 1, AGGREGATE_LIST }, { "grouparray", 1, AGGREGATE_LIST }, { "groupuniqarray", 1, AGGREGATE_LIST, ONCE_TEXT },
	{ "ordered_list", 4, AGGREGATE_LIST }, { "ordered_list_once", 4, AGGREGATE_LIST, ONCE_VALUE },
	{ "bool_or", 1, AGGREGATE_BOOL_OR }, { "logical_or", 1, AGGREGATE_BOOL_OR }, { "bool_and", 1, AGGREGATE_BOOL_AND }, { "logical_and", 1, AGGREGATE_BOOL_AND },
	{ "every", 1, AGGREGATE_BOOL_AND }, { "bit_or", 1, AGGREGATE_BIT_OR }, { "bit_and", 1, AGGREGATE_BIT_AND }, { "bit_xor", 1, AGGREGATE_BIT_XOR },
	{ NULL, 0, AGGREGATE_ROWS, ONCE_NOT } };

static int
share_of(struct plan_work *k, const struct select_expr *e, double *share)
{
	struct cell cell;

	if (vector_plan_has(&k->scope, e, 0) || vector_plan_constant(&k->scope, e, &cell) < 0 || (cell.type != CELL_REAL && cell.type != CELL_INTEGER))
		return -1;
	*share = cell.type == CELL_REAL ? cell.real : (double)cell.integer;
	return *share >= 0 && *share <= 1 ? 0 : -1;
}

/* The last argument, which is the same for all rows. */
static int
separator_of(struct plan_work *k, const struct select_expr *e, struct vector_aggregate *a)
{
	const struct select_expr *last = e->arg[e->n_args - 1];
	struct buf text = {0};
	struct cell cell;

	a->separator = STR(",");
	if (e->n_args < 2)
		return 0;
	if (vector_plan_has(&k->scope, last, 0) || vector_plan_constant(&k->scope, last, &cell) < 0 || cell.type == CELL_NULL)
		return -1;
	functions_put_text(&text, &cell);
	a->separator = (struct str){ arena_dup(k->scope.plan->arena, text.n ? text.p : "", text.n), text.n };
	buf_release(&text);
	return 0;
}

/* The arguments behind the first. */
static int
further(struct plan_work *k, const struct select_expr *e, struct vector_aggregate *a)
{
	struct vector_expr *whole;
	struct cell cell;

	switch (a->of) {
	case AGGREGATE_TEXT:
	case AGGREGATE_LIST:
		if (separator_of(k, e, a) < 0)
			return -1;
		if (e->n_args < 4)
			return 0;
		/* fallthrough */
	case AGGREGATE_ORDERED_FIRST:
	case AGGREGATE_ORDERED_LAST:            /* value, key, descending, separator */
		if (vector_plan_constant(&k->scope, e->arg[2], &cell) < 0 || cell.type != CELL_INTEGER)
			return -1;
		a->descending = cell.integer != 0;
		/* fallthrough */
	case AGGREGATE_ARG_MIN:
	case AGGREGATE_ARG_MAX:
		return (a->by = vector_plan_sort_key(&k->scope, e->arg[1])) ? 0 : -1;
	case AGGREGATE_QUANTILES_CONT:
	case AGGREGATE_QUANTILES_DISC:
		a->shares = arena_get(k->scope.plan->arena, (size_t)e->n_args * sizeof(*a->shares));
		for (; a->n_shares < e->n_args - 1; a->n_shares++)
			if (a->n_shares == SHARES_MOST || share_of(k, e->arg[a->n_shares + 1], &a->shares[a->n_shares]) < 0)
				return -1;
		return 0;
	case AGGREGATE_TOPK:
		cell = cell_integer(10);
		if ((e->n_args == 2 && (vector_plan_has(&k->scope, e->arg[1], 0) || vector_plan_constant(&k->scope, e->arg[1], &cell) < 0)) || cell.type != CELL_INTEGER ||
		    cell.integer < 1 || cell.integer > 10000)
			return -1;
		a->share = (double)cell.integer;
		return 0;
	case AGGREGATE_BIT_OR:
	case AGGREGATE_BIT_AND:
	case AGGREGATE_BIT_XOR:
		whole = vector_plan_node(&k->scope, VECTOR_INTEGER, 1);
		whole->arg[0] = a->arg;
		a->arg = whole;
		return 0;
	case AGGREGATE_CORR: case AGGREGATE_COVAR_POP: case AGGREGATE_COVAR_SAMP: case AGGREGATE_REGR_SLOPE: case AGGREGATE_REGR_INTERCEPT: case AGGREGATE_REGR_R2:
	case AGGREGATE_REGR_COUNT: case AGGREGATE_REGR_AVGX: case AGGREGATE_REGR_AVGY: case AGGREGATE_REGR_SXX: case AGGREGATE_REGR_SYY: case AGGREGATE_REGR_SXY:
		return (a->by = vector_plan_value(&k->scope, e->arg[1], 0)) ? 0 : -1;
	default:
		return e->n_args == 2 ? share_of(k, e->arg[1], &a->share) : 0;
	}
}

/* What an aggregate counts. 0, or -1: not over columns. */
static int
aggregate(struct plan_work *k, const struct select_expr *e, struct vector_aggregate *a)
{
	struct plan_scope *s = &k->scope;
	int i;

	*a = (struct vector_aggregate){ .of = AGGREGATE_ROWS, .share = 0.5 };
	for (int c = 0; c < e->n_args; c++)
		if (vector_plan_has(s, e->arg[c], 0) & ~(unsigned)HAS_COLUMN && !vector_plan_is_sort_key(e->arg[c]))
			return -1;
	if (e->filter && (vector_plan_has(s, e->filter, 0) & ~(unsigned)(HAS_COLUMN | HAS_COLLATE) || !(a->filter = vector_plan_condition(s, e->filter, 0))))
		return -1;
	if (e->n_args == 0)
		return strncasecmp(e->name.p, "count", 5) == 0 && e->name.n == 5 && !e->distinct ? 0 : -1;
	for (i = 0; aggregates[i].name && !((aggregates[i].args == e->n_args || (aggregates[i].args == SEVERAL && e->n_args > 1)) && strlen(aggregates[i].name) == e->name.n &&
	    strncasecmp(aggregates[i].name, e->name.p, e->name.n) == 0); i++)
		;
	if (!aggregates[i].name)
		return -1;
	a->of = aggregates[i].of;
	a->once = aggregates[i].once;
	a->arg = a->of == AGGREGATE_COUNT_IF ? vector_plan_condition(s, e->arg[0], 0) : vector_plan_value(s, e->arg[0], 0);
	if (!a->arg || further(k, e, a) < 0)
		return -1;
	if (e->distinct && (a->of == AGGREGATE_TEXT || a->of == AGGREGATE_LIST)) {
		if (a->once || a->by)
			return -1;
		a->once = ONCE_VALUE;
	} else if (e->distinct && !vector_aggregate_ignores_doubles(a)) {
		if (a->of != AGGREGATE_COUNT && a->of != AGGREGATE_SUM && a->of != AGGREGATE_AVG && a->of != AGGREGATE_TOTAL)
			return -1;
		a->distinct = 1;
	}
	return 0;
}

int
vector_plan_aggregate(struct plan_work *k, const struct select_expr *e)
{
	struct vector_aggregate a;

	if (aggregate(k, e, &a) < 0)
		return -1;
	for (int i = 0; i < k->n_aggregates; i++) {
		const struct vector_aggregate *b = &k->aggregate[i];

		if (a.of == b->of && a.distinct == b->distinct && a.descending == b->descending && a.once == b->once && str_eq(a.separator, b->separator) &&
		    a.n_shares == b->n_shares && (!a.n_shares || memcmp(a.shares, b->shares, (size_t)a.n_shares * sizeof(*a.shares)) == 0) && memcmp(&a.share, &b->share, sizeof(a.share)) == 0 && vector_plan_same(a.arg, b->arg) &&
		    vector_plan_same(a.by, b->by) && vector_plan_same(a.filter, b->filter))
			return i;
	}
	if (k->n_aggregates == COLUMNS_MOST)
		return -1;
	k->aggregate[k->n_aggregates] = a;
	return k->n_aggregates++;
}

/* ---- what is left for SQLite: the text of an expression with columns of vector(N) in it
 *
 * Columns of aggregates stand behind those of the keys, which are all known when it begins. In rows, a column comes with the first
 * expression that reads it. */

static void put(struct plan_work *, const struct select_expr *, int aliases, int whole, struct buf *);

static void
put_range(struct plan_work *k, const struct select_expr *e, uint32_t from, uint32_t to, int aliases, struct buf *out)  /* around and between its children */
{
	const struct select_expr *child;

	for (int i = 0; (child = vector_plan_child(e, i)) && !k->bad; i++) {
		vector_plan_copy(k->w, from, child->from, out);
		put(k, child, aliases, 0, out);
		from = child->to;
	}
	if (e->select && !k->bad) {
		struct planner *w = k->w;
		int first = w->n_edits;
		uint32_t open = from > e->select->from ? from : e->select->from;

		vector_plan_copy(w, from, open, out);
		plan_select(w, e->select, e->of == SELECT_EXISTS ? IN_EXISTS : e->of == SELECT_IN ? IN_LIST : IN_EXPRESSION);
		render(w, e->select->from, e->select->to, first, out);
		from = e->select->to;
	}
	vector_plan_copy(k->w, from, to, out);
}

/* Does a subquery stand on its own? SQLite knows, with the statement's WITH before it. */
static int
uncorrelated(struct planner *w, const struct select *s)
{
	struct buf sql = {0};
	sqlite3_stmt *statement = NULL;
	int good;

	buf_str(&sql, w->with);
	buf_lit(&sql, w->with.n ? " SELECT * FROM (" : "");
	buf_add(&sql, w->sql.p + s->from, s->to - s->from);
	buf_lit(&sql, w->with.n ? ")" : "");
	good = sqlite3_prepare_v3(w->q->db, buf_text(&sql), (int)sql.n + 1, 0, &statement, NULL) == SQLITE_OK;
	sqlite3_finalize(statement);
	buf_release(&sql);
	return good;
}

static void
put(struct plan_work *k, const struct select_expr *e, int aliases, int whole, struct buf *to)
{
	const struct select_expr *m = vector_plan_meant(k, e, &aliases);
	unsigned has = vector_plan_has(&k->scope, m, aliases);
	int i;

	if (k->bad)
		return;
	if (k->grouped) {
		struct vector_expr *value = has & HAS_COLUMN && !(has & ~(unsigned)HAS_COLUMN) ? vector_plan_value(&k->scope, m, aliases) : NULL;

		for (i = 0; value && i < k->n_keys; i++)
			if (vector_plan_same(value, k->key[i].value) && vector_plan_affinity(&k->scope, m, aliases) == k->key[i].affinity) {
				put_column(k, i, k->key[i].affinity, whole, to);
				return;
			}
		if (vector_plan_is_aggregate(m)) {
			if ((i = vector_plan_aggregate(k, m)) < 0)
				k->bad = 1;
			else
				put_column(k, k->n_keys + i, AFFINITY_NONE, whole, to);
			return;
		}
	} else if (has & HAS_COLUMN && !(has & (HAS_AGGREGATE | HAS_WINDOW | HAS_SUBQUERY | HAS_COLLATE | HAS_VOLATILE))) {
		if ((i = vector_plan_key(k, m, aliases)) < 0)
			k->bad = 1;
		else
			put_column(k, i, k->key[i].affinity, whole, to);
		return;
	}
	if (m->of == SELECT_COLUMN && has) {            /* a bare column beside aggregates */
		k->bad = 1;
		return;
	}
	if (m->select && !uncorrelated(k->w, m->select)) {
		k->bad = 1;
		return;
	}
	if (m != e)
		buf_byte(to, '(');
	put_range(k, m, m->from, m->to, aliases, to);
	if (m != e)
		buf_byte(to, ')');
}

/* An item or a term, brackets around it and all. */
static void
put_whole(struct plan_work *k, const struct select_expr *e, uint32_t from, uint32_t to, int aliases, struct buf *out)
{
	vector_plan_copy(k->w, from, e->from, out);
	put(k, e, aliases, 1, out);
	vector_plan_copy(k->w, e->to, to, out);
}

/* ---- WHERE */

static void
conjoin(struct plan_work *k, struct vector_expr *e)
{
	struct vector_plan *p = k->scope.plan;
	struct vector_expr *both;

	if (!e) {
		k->bad = 1;
		return;
	}
	if (!p->where) {
		p->where = e;
		return;
	}
	if (p->where->op == VECTOR_AND) {       /* one node with all of them */
		struct vector_expr **arg = arena_get(p->arena, (size_t)(p->where->n_args + 1) * sizeof(*arg));

		memcpy(arg, p->where->arg, (size_t)p->where->n_args * sizeof(*arg));
		arg[p->where->n_args++] = e;
		p->where->arg = arg;
		return;
	}
	both = vector_plan_node(&k->scope, VECTOR_AND, 2);
	both->arg[0] = p->where, both->arg[1] = e;
	p->where = both;
}

static int
field_is(const struct plan_work *k, const struct vector_expr *e, enum store_field_of of)
{
	return e && e->op == VECTOR_FIELD && k->scope.plan->field[e->field].of == of;
}

/* timestamp OP text: into the range. 1 when it was that. */
static int
bound(struct plan_work *k, const struct vector_expr *e, struct tables_range *range)
{
	static const struct { enum vector_op op; char as, turned; } ops[] = { { VECTOR_GT, '>', '<' }, { VECTOR_GE, 'G', 'L' }, { VECTOR_LT, '<', '>' },
		{ VECTOR_LE, 'L', 'G' }, { VECTOR_EQ, '=', '=' } };

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		if (e->op != ops[i].op)
			continue;
		if (field_is(k, e->arg[0], FIELD_TIME) && e->arg[1]->op == VECTOR_CONSTANT && e->arg[1]->constant.type == CELL_TEXT)
			tables_bound(range, ops[i].as, e->arg[1]->constant.text);
		else if (field_is(k, e->arg[1], FIELD_TIME) && e->arg[0]->op == VECTOR_CONSTANT && e->arg[0]->constant.type == CELL_TEXT)
			tables_bound(range, ops[i].turned, e->arg[0]->constant.text);
		else
			return 0;
		return 1;
	}
	return 0;
}

/* user_id IN (a few): chunks that have none of them are passed over; the rows are still to be looked at. */
static void
some_users(struct plan_work *k, const struct vector_expr *e)
{
	struct store_range *r = &k->scope.plan->range;
	struct str *list;

	if (e->op != VECTOR_IN || !field_is(k, e->arg[0], FIELD_USER) || r->n_users || e->n_args - 1 > USERS_MOST)
		return;
	list = arena_get(k->scope.plan->arena, USERS_MOST * sizeof(*list));
	for (int i = 1; i < e->n_args; i++) {
		if (e->arg[i]->op != VECTOR_CONSTANT || e->arg[i]->constant.type != CELL_TEXT)
			return;
		list[i - 1] = e->arg[i]->constant.text;
	}
	r->users = list;
	r->n_users = e->n_args - 1;
}

/* event = name, event IN (names), user_id = one: into the range, where vector_run sees to them. 1 when it was that. */
static int
names(struct plan_work *k, const struct vector_expr *e)
{
	struct store_range *r = &k->scope.plan->range;
	struct str *list;
	int n = 0;

	if (e->op == VECTOR_EQ && field_is(k, e->arg[0], FIELD_USER) && e->arg[1]->op == VECTOR_CONSTANT && e->arg[1]->constant.type == CELL_TEXT && !r->user_id.p) {
		r->user_id = e->arg[1]->constant.text;
		return 1;
	}
	some_users(k, e);
	if ((e->op != VECTOR_EQ && e->op != VECTOR_IN) || !field_is(k, e->arg[0], FIELD_EVENT) || r->n_names)
		return 0;
	list = arena_get(k->scope.plan->arena, (size_t)e->n_args * sizeof(*list));
	for (int i = 1; i < e->n_args; i++) {
		if (e->arg[i]->op != VECTOR_CONSTANT || e->arg[i]->constant.type == CELL_NULL)
			return 0;
		if (e->arg[i]->constant.type == CELL_TEXT)
			list[n++] = e->arg[i]->constant.text;
	}
	r->names = list;
	r->n_names = n;
	return n > 0;
}

static void
conjunct(struct plan_work *k, struct vector_expr *e, struct tables_range *range)
{
	if (!e) {
		k->bad = 1;
		return;
	}
	if (e->op == VECTOR_AND) {
		for (int i = 0; i < e->n_args; i++)
			conjunct(k, e->arg[i], range);
		return;
	}
	if (k->scope.plan->source || k->scope.n_inputs || (!bound(k, e, range) && !names(k, e)))
		conjoin(k, e);
}

static int
late(struct planner *w, const void *of, struct buf *text, enum plan_affinity affinity)
{
	sqlite3_stmt *statement = NULL;
	int stands = sqlite3_prepare_v3(w->q->db, buf_text(text), (int)text->n + 1, 0, &statement, NULL) == SQLITE_OK &&
	    sqlite3_bind_parameter_count(statement) == 0 && sqlite3_column_count(statement) == 1;

	sqlite3_finalize(statement);
	if (!stands || w->n_late == LATE_MOST)
		return -1;
	w->late[w->n_late++] = (struct plan_late){ of, { arena_dup(w->arena, text->p, text->n), text->n }, affinity };
	return 0;
}

/* A subquery in WHERE that stands alone: planned itself, and run first. */
static int
late_subquery(struct planner *w, const void *of, const struct select *s, enum plan_place place)
{
	struct buf text = {0};
	int rc = -1;

	w->literals++;
	if (s->n_cores == 1 && !s->n_with && plan_core(w, s, s->core, place, NULL, &text))
		rc = late(w, of, &text, w->gives);
	w->literals--;
	buf_release(&text);
	return rc;
}

/* The subqueries of an expression that is run apart. Where there are names of WITH, of which it knows nothing there, each must be
 * planned: then it reads vector(N) and no name. */
static int
plan_apart(struct planner *w, const struct select_expr *e)
{
	const struct select_expr *child;
	const struct select *s = e->select;
	struct buf text = {0};
	int rc = 0;

	for (int i = 0; rc == 0 && (child = vector_plan_child(e, i)); i++)
		rc = plan_apart(w, child);
	if (rc < 0 || !s)
		return rc;
	if (s->n_cores == 1 && !s->n_with && plan_core(w, s, s->core, e->of == SELECT_IN ? IN_LIST : IN_EXPRESSION, NULL, &text))
		edit(w, s->from, s->to, buf_get(&text));
	else
		rc = w->n_around ? -1 : 0;
	buf_release(&text);
	return rc;
}

/* An expression of constants and subqueries. */
static int
late_expression(struct planner *w, struct plan_scope *s, const struct select_expr *e)
{
	struct buf text = {0};
	int first = w->n_edits, rc;

	w->literals++;
	buf_lit(&text, "SELECT ");
	rc = plan_apart(w, e);
	render(w, e->from, e->to, first, &text);
	w->literals--;
	rc = rc < 0 ? rc : late(w, e, &text, vector_plan_affinity(s, e, 0));
	buf_release(&text);
	return rc;
}

static int
plan_lates(struct planner *w, struct plan_scope *s, const struct select_expr *e)
{
	unsigned has = vector_plan_has(s, e, 1);
	const struct select_expr *child;
	int rc = 0;

	if (!(has & HAS_SUBQUERY))
		return 0;
	if (e->of == SELECT_SUBQUERY)
		return late_subquery(w, e, e->select, IN_EXPRESSION);
	if (has == HAS_SUBQUERY)
		return late_expression(w, s, e);
	for (int i = 0; rc == 0 && (child = vector_plan_child(e, i)); i++)
		rc = plan_lates(w, s, child);
	return rc < 0 || !e->select ? rc : late_subquery(w, e->select, e->select, IN_LIST);
}

void
vector_plan_where(struct plan_work *k, struct plan_scope *s, const struct select_expr *e, struct tables_range *range)
{
	while (e->of == SELECT_BINARY && strcmp(e->op, "AND") == 0) {           /* leans to the left */
		vector_plan_where(k, s, e->arg[0], range);
		e = e->arg[1];
	}
	if (vector_plan_has(s, e, 1) & HAS_SUBQUERY && plan_lates(k->w, s, e) < 0)
		k->bad = 1;
	else if (vector_plan_has(s, e, 1) & ~(unsigned)(HAS_COLUMN | HAS_COLLATE | HAS_LATE))
		k->bad = 1;
	else
		conjunct(k, vector_plan_condition(s, e, 1), range);
}

/* ---- the plan */

static int
constant_count(struct plan_work *k, const struct select_expr *e, int64_t *n)         /* of LIMIT and OFFSET */
{
	struct cell cell;

	if (vector_plan_has(&k->scope, e, 0) || vector_plan_constant(&k->scope, e, &cell) < 0 || cell.type != CELL_INTEGER || cell.integer < 0)
		return -1;
	*n = cell.integer;
	return 0;
}

static int
is_ordinal(const struct select_expr *e, int n_items)
{
	int64_t n;

	return e->of == SELECT_NUMBER && str_int64(e->name, &n) == 0 && n >= 1 && n <= n_items ? (int)n : 0;
}

/* A number that is no item's, but may be a column's of a *, or is one in SQLite's eyes: +2, 0x2. */
static int
is_other_ordinal(const struct select_expr *e, int n_items)
{
	if (is_ordinal(e, n_items))
		return 0;
	while (e->of == SELECT_UNARY)
		e = e->arg[0];
	return e->of == SELECT_NUMBER;
}

/* A term that is an item: by its name, its number. -1: it is an expression of its own. */
static int
item_of_term(struct plan_work *k, const struct select_expr *e)
{
	int n = is_ordinal(e, k->core->n_items);

	if (n)
		return n - 1;
	if (e->of == SELECT_COLUMN && !e->table.p)
		for (int i = 0; i < k->core->n_items; i++)
			if (k->core->item[i].alias.p && k->core->item[i].alias.n == e->name.n && strncasecmp(k->core->item[i].alias.p, e->name.p, e->name.n) == 0)
				return i;
	return -1;
}

/* ORDER BY and LIMIT as far as the executor can keep only the first rows. */
static void
first_rows(struct plan_work *k)
{
	const struct select *s = k->select;
	struct vector_plan *p = k->scope.plan;
	int64_t limit, offset = 0;
	int deep;

	if (!s->limit || constant_count(k, s->limit, &limit) < 0 || (s->offset && constant_count(k, s->offset, &offset) < 0) || limit > FIRST_MOST)
		return;
	deep = offset > FIRST_MOST - limit;
	if (deep && (k->place != OUTERMOST || p->source || p->samples || offset > INT64_MAX / 2))
		return;
	p->order = arena_get(p->arena, (size_t)(s->n_order + 1) * sizeof(*p->order));
	for (int i = 0; i < s->n_order; i++) {
		const struct select_term *t = &s->order[i];
		int item = item_of_term(k, t->expr), aliases = 1, column;
		const struct select_expr *e = t->expr;

		if (item >= 0 && (e = k->core->item[item].expr))
			aliases = 0;
		if (!e || is_other_ordinal(t->expr, k->core->n_items) || (column = vector_plan_key(k, e, aliases)) < 0) {
			p->n_order = 0;
			return;
		}
		p->order[p->n_order++] = (struct vector_order){ k->key[column].value, t->descending, t->nulls ? t->nulls == 2 : t->descending };
	}
	p->limit = limit + offset;
	p->skip = deep ? offset : 0;
}

/* The number of the item's column in the answer; 0: behind a *, of which nothing is known here. */
static int
ordinal_of(struct plan_work *k, int item)
{
	for (int i = 0; i < item; i++)
		if (!k->core->item[i].expr)
			return 0;
	return item + 1;
}

static void
put_order(struct plan_work *k, struct buf *to)
{
	const struct select *s = k->select;

	for (int i = 0; i < s->n_order && !k->bad; i++) {
		const struct select_term *t = &s->order[i];
		const struct select_expr *e = t->expr;
		int item;

		buf_lit(to, i ? ", " : " ORDER BY ");
		while (e->of == SELECT_COLLATE)
			e = e->arg[0];
		if ((item = item_of_term(k, e)) < 0) {
			put_whole(k, t->expr, t->from, t->to, 1, to);
			continue;
		}
		vector_plan_copy(k->w, t->from, e->from, to);
		buf_printf(to, "%d", ordinal_of(k, item));
		vector_plan_copy(k->w, e->to, t->to, to);
		k->bad |= !ordinal_of(k, item);
	}
}

static void
put_limit(struct plan_work *k, struct buf *to)
{
	const struct select *s = k->select;

	if (k->scope.plan->skip) {
		buf_printf(to, " LIMIT %lld", (long long)(k->scope.plan->limit - k->scope.plan->skip));
	} else if (s->limit) {
		buf_byte(to, ' ');
		vector_plan_copy(k->w, s->limit_from, s->to, to);
	} else if (k->place == IN_FROM) {
		buf_lit(to, " LIMIT -1");
	}
}

/* SQLite's own names for the columns of the answer, and its word that the core is right. */
static int
ask_names(struct plan_work *k)
{
	struct planner *w = k->w;
	uint32_t from = k->core->from, to = k->alone ? k->select->to : k->core->to;
	sqlite3_stmt *statement = NULL;
	struct buf sql = {0};
	int rc = -1;

	for (int bare = !w->with.n; bare < 2 && rc < 0; bare++) {       /* a name of WITH stands before a table that is called so */
		buf_clear(&sql);
		if (!bare) {
			buf_str(&sql, w->with);
			buf_byte(&sql, ' ');
		}
		buf_add(&sql, w->sql.p + from, to - from);
		if (sqlite3_prepare_v3(w->q->db, buf_text(&sql), (int)sql.n + 1, 0, &statement, NULL) == SQLITE_OK && statement)
			rc = 0;
		else
			sqlite3_finalize(statement), statement = NULL;
	}
	buf_release(&sql);
	if (rc == 0) {
		k->n_names = sqlite3_column_count(statement);
		k->name = arena_get(w->arena, (size_t)(k->n_names + 1) * sizeof(*k->name));
		for (int i = 0; k->name && i < k->n_names; i++) {
			struct str name = str_of(sqlite3_column_name(statement, i));

			k->name[i] = (struct str){ arena_dup(w->arena, name.p ? name.p : "", name.n), name.n };
		}
	}
	sqlite3_finalize(statement);
	return rc;
}

static void
put_items(struct plan_work *k, struct buf *to)
{
	const struct select_core *c = k->core;
	int item = 0, name = 0;

	for (; item < c->n_items && !k->bad; item++) {
		int last = c->item[item].expr ? name + 1 : k->n_names - (c->n_items - 1 - item);

		for (; name < last && !k->bad; name++) {
			buf_lit(to, name ? ", " : "");
			if (c->item[item].expr)
				put_whole(k, c->item[item].expr, c->item[item].from, c->item[item].to, 0, to);
			else            /* of * each column by itself */
				put(k, k->item[name], 0, 1, to);
			buf_lit(to, " AS ");
			put_name(to, k->name[name]);
		}
	}
	k->bad |= name != k->n_names;
}

static void
put_windows(struct plan_work *k, struct buf *to)
{
	const struct select_core *c = k->core;
	uint32_t from = c->windows_from;

	if (!c->n_windows)
		return;
	buf_byte(to, ' ');
	for (int i = 0; i < c->n_windows; i++)
		for (int n = 0; n < c->window[i].n_args && !k->bad; n++) {
			const struct select_expr *e = c->window[i].arg[n];

			vector_plan_copy(k->w, from, e->from, to);
			put(k, e, 1, 0, to);
			from = e->to;
		}
	vector_plan_copy(k->w, from, c->windows_to, to);
}

static unsigned
items_have(struct plan_work *k)
{
	unsigned has = 0;

	for (int i = 0; i < k->core->n_items; i++)
		if (k->core->item[i].expr)
			has |= vector_plan_has(&k->scope, k->core->item[i].expr, 0);
	return has;
}

static int
has_star(const struct select_core *c)
{
	for (int i = 0; i < c->n_items; i++)
		if (!c->item[i].expr)
			return 1;
	return 0;
}

/* GROUP BY, or the items of DISTINCT: the keys, in this order. */
static void
group(struct plan_work *k)
{
	const struct select_core *c = k->core;

	for (int i = 0; i < c->n_group && !k->bad; i++) {
		int n = is_ordinal(c->group[i], c->n_items), aliases = 1;
		const struct select_expr *e = n ? c->item[n - 1].expr : c->group[i];

		if (!e) {
			k->bad = 1;
			return;
		}
		if (n)
			aliases = 0;
		e = vector_plan_meant(k, e, &aliases);
		k->bad |= vector_plan_key(k, e, aliases) < 0;
	}
}

static void
distinct(struct plan_work *k)
{
	for (int i = 0; i < k->core->n_items && !k->bad; i++)
		k->bad |= !k->core->item[i].expr || vector_plan_key(k, k->core->item[i].expr, 0) < 0;
}

/* Do rows pay? They come as they are read, so there may be many. But the whole of `properties` is made for all rows of a batch:
 * where few of them are wanted the rows of a scan are cheaper (a tenth, for 1 in 30); and what is another for each row costs SQLite
 * less where it is. */
static int
rows_pay(struct plan_work *k)
{
	const struct vector_plan *p = k->scope.plan;

	if (k->place == IN_EXISTS || k->n_keys == 0)
		return 0;
	if (p->source)
		return 1;
	for (int i = 0; i < k->n_keys; i++) {
		const struct vector_expr *e = k->key[i].value;

		if (field_is(k, e, FIELD_PROPERTIES) || (e->op == VECTOR_TIME && e->every_ms == 1 && !p->where))
			return 0;
	}
	return 1;
}

void
vector_plan_finish(struct plan_work *k)
{
	struct vector_plan *p = k->scope.plan;

	p->key = arena_get(p->arena, (size_t)(k->n_keys + 1) * sizeof(*p->key));
	for (int i = 0; i < k->n_keys; i++)
		p->key[i] = k->key[i].value;
	p->n_keys = k->n_keys;
	p->aggregate = arena_get(p->arena, (size_t)(k->n_aggregates + 1) * sizeof(*p->aggregate));
	for (int i = 0; i < k->n_aggregates; i++)
		p->aggregate[i] = k->aggregate[i];
	p->n_aggregates = k->n_aggregates;
	p->grouped = k->grouped;
	for (int i = 0; i < k->n_inputs; i++)
		vector_plan_finish(k->input[i]);
}

/* The first rows in another order: SQLite reads those, by time and number, and puts them in order once more. */
static int
read_by_number(struct plan_work *k, struct buf *out)
{
	const struct select_core *c = k->core;
	struct vector_plan *p = k->scope.plan;
	struct vector_expr *time = vector_plan_field(&k->scope, (struct store_field){ .of = FIELD_TIME });
	struct vector_expr *number = vector_plan_field(&k->scope, (struct store_field){ .of = FIELD_SEQ });
	struct planner *w = k->w;
	uint32_t at = c->from;

	if (!time || !number || p->samples || p->limit - p->skip > BY_NUMBER_MOST)      /* a sample is not found by its number */
		return 0;
	buf_clear(out);
	for (int i = 0; i < c->n_items; i++) {
		const struct select_item *item = &c->item[i];

		if (item->expr)
			continue;
		vector_plan_copy(w, at, item->from, out);
		put_name(out, k->scope.alias);
		buf_lit(out, ".*");
		at = item->to;
	}
	vector_plan_copy(w, at, c->source->from, out);
	buf_printf(out, "(SELECT vector.c0 AS \"the time\", vector.c1 AS \"the number\" FROM vector(%d) LIMIT -1) AS \"the first\" CROSS JOIN ", k->number);
	vector_plan_copy(w, c->source->from, c->source->to, out);
	buf_lit(out, " ON ");
	put_name(out, k->scope.alias);
	buf_lit(out, ".timestamp = \"the time\" AND ");
	put_name(out, k->scope.alias);
	buf_lit(out, ".rowid = \"the number\" ");
	vector_plan_copy(w, c->to, k->select->limit_from, out);
	put_limit(k, out);
	k->key[0].value = time, k->key[1].value = number;
	k->n_keys = 2;
	return 1;
}

/* ORDER BY with LIMIT of rows that are dear: the first n are found over columns. Of an order by time their times bound what SQLite
 * reads row by row, and the rest of the core stays as it is. 1 when it was that. */
static int
bound_by_first(struct plan_work *k, unsigned has, struct buf *out)
{
	const struct select_core *c = k->core;
	struct vector_plan *p = k->scope.plan;
	struct planner *w = k->w;
	uint32_t at = c->source->to;
	int down;

	if (k->grouped || k->scope.inner || p->source || k->place == IN_EXISTS || c->distinct || c->having || p->limit < 1 || !p->n_order || p->n_late ||
	    has & (HAS_SUBQUERY | HAS_WINDOW) || has_numbered(w, c->items_from, c->items_to))
		return 0;
	if (p->skip || !field_is(k, p->order[0].expr, FIELD_TIME))
		return read_by_number(k, out);
	down = p->order[0].descending;
	if (!down && !p->where)
		return 0;       /* a scan in order of time ends as soon */
	buf_clear(out);
	vector_plan_copy(w, c->from, at, out);
	buf_lit(out, " WHERE ");
	if (c->where) {
		while (at < c->to && (w->sql.p[at] == ' ' || w->sql.p[at] == '\t' || w->sql.p[at] == '\n'))
			at++;
		if (c->to - at < 5 || strncasecmp(w->sql.p + at, "where", 5) != 0)
			return 0;
		buf_byte(out, '(');
		vector_plan_copy(w, at + 5, c->to, out);
		buf_lit(out, ") AND ");
	}
	put_name(out, k->scope.alias);
	buf_printf(out, ".timestamp %s (SELECT %s(vector.c0) FROM vector(%d)) ", down ? ">=" : "<=", down ? "min" : "max", k->number);
	vector_plan_copy(w, c->to, k->select->to, out);
	p->n_order = 1;
	k->key[0].value = p->order[0].expr;
	k->n_keys = 1;
	return 1;
}

struct vector_plan *
vector_plan_new(struct planner *w, int *number)
{
	struct vector_plans *all = w->plans;
	struct vector_plan *p;

	if (all->n == PLANS_MOST)
		return NULL;
	p = mem_new(sizeof(*p));
	p->arena = arena_new(0);
	p->range = (struct store_range){ .from = TIME_MIN, .to = TIME_MAX + 1 };
	p->between.most = UINT64_MAX;
	p->limit = -1;
	all->plan = mem_grow(all->plan, (size_t)all->n + 1, sizeof(struct vector_plan *));
	*number = all->n;
	return all->plan[all->n++] = p;
}

static void
plan_free(struct vector_plan *p)
{
	if (!p)
		return;
	arena_free(p->arena);
	buf_release(&p->explain), buf_release(&p->ran);
	free(p);
}

/* ---- FROM */

/* A name of the statement's WITH, if no WITH further inside has it too: which one is meant would depend on where it stands. */
const struct select_with *
vector_plan_with(const struct planner *w, struct str name)
{
	const struct select_with *found = NULL;

	for (int i = w->n_around; i--; )
		for (int k = 0; k < w->around[i]->n_with; k++) {
			const struct select_with *with = &w->around[i]->with[k];

			if (with->name.n != name.n || strncasecmp(with->name.p, name.p, name.n) != 0)
				continue;
			if (i || !w->with.n || found)
				return NULL;
			found = with;
		}
	return found;
}

int
vector_plan_stored(struct str name)
{
	return (name.n == 6 && strncasecmp(name.p, "events", 6) == 0) || (name.n == 7 && strncasecmp(name.p, "metrics", 7) == 0);
}

/* Whether the core reads events (or samples) alone, itself or through SELECTs that only pick, name and filter; their scopes, if so. */
int
vector_plan_events(struct planner *w, struct vector_plan *plan, const struct select_core *c, int depth, struct plan_scope *scope)
{
	const struct select_source *from = c->source;
	const struct select *s = from ? from->select : NULL;
	const struct select_with *with;

	if (c->n_sources != 1 || !c->n_items || depth > 16 || from->schema.p || from->n_inner || from->on || (!from->plain && !s))
		return 0;
	*scope = (struct plan_scope){ .w = w, .core = c, .plan = plan, .alias = from->alias.p ? from->alias : from->name };
	if (from->plain && vector_plan_stored(from->name)) {
		plan->samples = from->name.n == 7;
		return 1;
	}
	if (from->plain) {
		if (!(with = vector_plan_with(w, from->name)) || with->n_columns)
			return 0;
		s = with->select;
	}
	if (s->n_with || s->n_cores != 1 || s->n_order || s->limit || s->core->n_group || s->core->having || s->core->n_windows)
		return 0;
	scope->inner = arena_get(plan->arena, sizeof(*scope->inner));
	return vector_plan_events(w, plan, s->core, depth + 1, scope->inner);
}

/* Once SQLite knows the columns: is there nothing in the inner ones but values? */
static int
scope_is_plain(struct plan_scope *s)
{
	for (; s; s = s->inner)
		for (int i = 0; i < s->core->n_items; i++)
			if (s->core->item[i].expr && vector_plan_has(s, s->core->item[i].expr, 0) & ~(unsigned)(HAS_COLUMN | HAS_COLLATE | HAS_BLOB))
				return 0;
	return 1;
}

static int
is_distinct(const struct plan_scope *s)         /* does it read through a SELECT DISTINCT? */
{
	for (const struct plan_scope *i = s->staged ? NULL : s->inner; i; i = i->inner)
		if (i->core->distinct)
			return 1;
	return 0;
}

/* FROM (SELECT DISTINCT …): rows that are the same must make no difference. */
int
vector_plan_ignores_doubles(const struct plan_work *k)
{
	int distinct = is_distinct(&k->scope);

	if (k->place == IN_LIST)
		return 1;
	for (int i = 0; distinct && i < k->n_aggregates; i++)
		if (!vector_aggregate_ignores_doubles(&k->aggregate[i]))
			return 0;
	return !distinct || k->grouped;
}

/* How often a name stands in the statement. */
static int
mentions(const struct planner *w, struct str name)
{
	struct token token;
	struct err ignore = {0};
	size_t at = 0;
	int n = 0;

	while (token_next(w->sql, &at, &token, &ignore) == 1)
		n += token.text.n == name.n && strncasecmp(token.text.p, name.p, name.n) == 0;
	return n;
}

/* A DISTINCT of a WITH that is read more than once is better made once. */
static int
is_shared(const struct plan_work *k)
{
	const struct select_source *from = k->core->source;

	return k->scope.inner && k->scope.inner->core->distinct && from->plain && mentions(k->w, from->name) > 2;
}

/* What the core reads. 1; 0: nothing that could be planned. A DISTINCT on the way to events is read `through`, or it is a table. */
static int
from(struct plan_work *k, int through)
{
	const struct plan_scope none = {0};
	struct vector_plan *plan = k->scope.plan;
	int events = vector_plan_events(k->w, plan, k->core, 0, &k->scope);

	if (ask_names(k) < 0)
		return 0;
	events = events && scope_is_plain(k->scope.inner);
	if (through && events && !is_shared(k))
		return 1;
	if (!through && !(events && is_distinct(&k->scope)))
		return 0;
	k->scope = none;
	plan->samples = 0;
	k->scope.w = k->w, k->scope.core = k->core, k->scope.plan = plan;
	return vector_plan_from(k);
}

/* All rows that the core reads: WHERE, its own and those of SELECTs it reads through. */
static void
filters(struct plan_work *k)
{
	struct tables_range range = TABLES_ALL;

	if (k->scope.n_inputs) {
		k->bad |= vector_plan_join_where(k) < 0;
		return;
	}
	for (struct plan_scope *i = &k->scope; i; i = i->inner)
		if (i->core->where && !k->bad)
			vector_plan_where(k, i, i->core->where, &range);
	vector_plan_range(k, &range);
}

void
vector_plan_range(struct plan_work *k, const struct tables_range *range)
{
	struct store_range *r = &k->scope.plan->range;

	r->from = range->from < TIME_MIN ? TIME_MIN : range->from;
	r->to = range->to > TIME_MAX ? TIME_MAX + 1 : range->to;
	if (range->from >= range->to)
		r->from = r->to = 0;
}

/* Groups become a table, and what stands around them an expression over it. */
static void
ungroup(struct plan_work *k)
{
	const struct select_core *c = k->core;
	struct tables_range none = TABLES_ALL;

	for (int i = 0; i < c->n_items; i++)
		vector_plan_lower(k, c->item[i].expr, 0);
	if (c->having)
		vector_plan_lower(k, c->having, 1);
	for (int i = 0; k->alone && i < k->select->n_order; i++)
		if (item_of_term(k, k->select->order[i].expr) < 0)
			vector_plan_lower(k, k->select->order[i].expr, 1);
	for (int i = 0; i < c->n_windows; i++)
		for (int n = 0; n < c->window[i].n_args; n++)
			vector_plan_lower(k, c->window[i].arg[n], 1);
	if (k->bad)
		return;
	vector_plan_stage(k);
	k->grouped = 0;
	if (c->having && !k->bad)
		vector_plan_where(k, &k->scope, c->having, &none);
}

/* ORDER BY with LIMIT over groups: the first of them are found over the table that they are. Of those that are equal in this order the ones
 * with the least keys, so that the groups may come in any. */
static void
first_groups(struct plan_work *k)
{
	int n_keys = k->n_keys, n_order = k->select->n_order;
	struct vector_order *order;
	struct vector_plan *p;

	ungroup(k);
	if (k->bad)
		return;
	first_rows(k);
	p = k->scope.plan;
	if (p->limit < 0 || p->n_order != n_order) {
		k->bad = 1;
		return;
	}
	order = arena_get(p->arena, (size_t)(n_order + n_keys) * sizeof(*order));
	memcpy(order, p->order, (size_t)n_order * sizeof(*order));
	for (int i = 0; i < n_keys; i++)
		order[n_order + i] = (struct vector_order){ vector_plan_field(&k->scope, p->field[i]), 0, 0 };
	p->order = order;
	p->n_order = n_order + n_keys;
	p->total = 1;
}

/* Rows of events are cheaper one by one where it is whole rows, or the first ones in no order. */
static int
is_cheap_by_row(const struct plan_work *k)
{
	const struct vector_plan *p = k->scope.plan;

	if (p->source || k->grouped)
		return 0;
	for (int i = 0; i < k->n_keys; i++)
		if (field_is(k, k->key[i].value, FIELD_PROPERTIES))
			return 1;
	return p->limit >= 0 && !p->n_order;
}

/* The columns of the answer as those of a table. */
static void
as_table(struct plan_work *k, int absorbed, struct plan_relation *to)
{
	const struct select *s = k->select;
	struct planner *w = k->w;

	if (k->grouped && !absorbed && !k->bad)
		ungroup(k);
	k->bad |= !k->alone || s->offset || (s->n_order && !s->limit) || (s->limit && k->core->distinct);
	if (!k->bad && s->limit) {
		first_rows(k);
		k->bad |= k->scope.plan->limit < 0 || k->scope.plan->n_order != s->n_order;
	}
	if (k->bad)
		return;
	to->n = k->n_names;
	to->name = k->name;
	to->column = arena_get(w->arena, ((size_t)k->n_names + 1) * sizeof(*to->column));
	to->affinity = arena_get(w->arena, ((size_t)k->n_names + 1) * sizeof(*to->affinity));
	k->bad |= !to->column || !to->affinity;
	for (int i = 0; i < k->n_names && !k->bad; i++) {
		to->column[i] = vector_plan_key(k, k->item[i], 0);
		to->affinity[i] = vector_plan_affinity(&k->scope, k->item[i], 0);
		k->bad |= to->column[i] < 0;
	}
	k->grouped = k->core->distinct;         /* what else was grouped is a table by now */
	k->bad |= k->n_keys == 0 || !vector_plan_ignores_doubles(k) || is_cheap_by_row(k);
}

static void
insert(struct buf *b, size_t at, const char *text)
{
	size_t n = strlen(text);

	buf_room(b, n);
	memmove(b->p + at + n, b->p + at, b->n - at);
	memcpy(b->p + at, text, n);
	b->n += n;
}

/* The text that reads the plan. */
static void
as_text(struct plan_work *k, unsigned has, int absorbed, struct buf *out)
{
	const struct select_core *c = k->core;
	size_t from;

	buf_lit(out, c->distinct && !absorbed ? "SELECT DISTINCT " : "SELECT ");
	put_items(k, out);
	buf_lit(out, " FROM ");
	from = out->n;
	buf_printf(out, "vector(%d)", k->number);
	if (c->having && k->grouped && !k->bad) {
		buf_lit(out, " WHERE ");
		put_whole(k, c->having, c->having->from, c->having->to, 1, out);
	}
	if (!k->bad && has & HAS_WINDOW)
		put_windows(k, out);
	if (k->alone && !k->bad) {
		put_order(k, out);
		put_limit(k, out);
	}
	if (k->n_keys + k->n_aggregates > VECTOR_NARROW) {      /* known only now */
		insert(out, from + (size_t)snprintf(NULL, 0, "vector(%d)", k->number), " AS vector");
		insert(out, from + strlen("vector"), &VECTOR_WIDE[strlen("vector")]);
	}
	k->bad = k->bad || !vector_plan_ignores_doubles(k) || (!k->grouped && !rows_pay(k) && !bound_by_first(k, has, out));
}

static unsigned
all_have(struct plan_work *k)
{
	unsigned has = items_have(k);

	if (k->core->having)
		has |= vector_plan_has(&k->scope, k->core->having, 1);
	for (int i = 0; k->alone && i < k->select->n_order; i++)
		has |= vector_plan_has(&k->scope, k->select->order[i].expr, 1);
	return has;
}

/* How a core is tried. */
enum { THROUGH = 1, WINDOWS = 2, FIRST_GROUPS = 4 };    /* through SELECTs that only pick, name and filter; windows run here; ORDER BY with LIMIT too, over groups */

static void
plan_work(struct plan_work *k, unsigned how, struct plan_relation *as, struct buf *out)
{
	const struct select_core *c = k->core;
	const struct select *s = k->select;
	unsigned has = all_have(k);
	int absorbed = (c->distinct || (k->place == IN_LIST && k->alone && !s->limit)) && !c->n_group && !(has & (HAS_AGGREGATE | HAS_WINDOW));  /* DISTINCT is the grouping */

	k->grouped = c->n_group || has & HAS_AGGREGATE || absorbed;
	if (!k->alone)
		for (int i = 0; i < s->n_order; i++)
			k->bad |= item_of_term(k, s->order[i].expr) < 0 && s->order[i].expr->of != SELECT_COLUMN;
	if (k->grouped && has_star(c))
		k->bad = 1;
	if (!k->bad)
		filters(k);
	if (absorbed && !k->bad)
		distinct(k);
	else if (k->grouped && !k->bad)
		group(k);
	k->bad |= how & FIRST_GROUPS && has & HAS_WINDOW;
	if (how & FIRST_GROUPS && !k->bad)
		first_groups(k);
	if (has & HAS_WINDOW && how & WINDOWS && !k->bad) {
		if (k->grouped)
			ungroup(k);
		k->bad = k->bad || vector_plan_windows(k) < 0;
		has = k->bad ? has : all_have(k);
	}
	k->bad |= as && has & HAS_WINDOW;
	if (!as && !k->grouped && !(how & FIRST_GROUPS) && k->alone && !c->distinct && !(has & HAS_WINDOW) && !k->bad)
		first_rows(k);
	if (as)
		as_table(k, absorbed, as);
	else
		as_text(k, has, absorbed, out);
}

/* What was planned for nothing is taken back; that something cannot be a table is remembered. */
static void
take_back(struct planner *w, int plans, int relations)
{
	int n = relations;

	while (w->plans->n > plans)
		plan_free(w->plans->plan[--w->plans->n]);
	for (int i = relations; i < w->n_relations; i++)
		if (!w->relation[i].is.plan)
			w->relation[n++] = w->relation[i];
	w->n_relations = n;
}

static int
try_core(struct planner *w, const struct select *s, const struct select_core *c, enum plan_place place, unsigned how, struct plan_relation *as, struct buf *out)
{
	int first = w->n_edits, waiting = w->n_late, plans = w->plans->n, relations = w->n_relations, taken = 0;
	struct plan_work *k = mem_new(sizeof(*k));

	*k = (struct plan_work){ .w = w, .select = s, .core = c, .place = place, .alone = s->n_cores == 1 };
	/* The number is taken now: subqueries inside get theirs after it. */
	if ((k->scope.plan = vector_plan_new(w, &k->number)) && from(k, how & THROUGH) && vector_plan_star(k) == 0) {
		plan_work(k, how, as, out);
		taken = !k->bad && !(w->q->apart && k->scope.plan->source);
	}
	if (taken) {
		vector_plan_finish(k);
		w->n_gives = k->n_names;
		w->gives = c->item[0].expr ? vector_plan_affinity(&k->scope, k->item[0], 0) : AFFINITY_NUMERIC;
		if (as)
			as->plan = k->scope.plan;
	} else {
		take_back(w, plans, relations);
		w->n_edits = first;
		w->n_late = waiting;
		buf_clear(out);
	}
	free(k);
	return taken;
}

/* The core as a plan and the text that reads it, or as a table. 1 when it was taken. Windows that cannot be run here are left to
 * SQLite. */
static int
plan_core(struct planner *w, const struct select *s, const struct select_core *c, enum plan_place place, struct plan_relation *as, struct buf *out)
{
	int tables = 0;

	for (int i = 0; i < c->n_sources; i++)
		tables += c->source[i].select || (c->source[i].plain && (vector_plan_stored(c->source[i].name) || vector_plan_with(w, c->source[i].name)));
	if (!tables)
		return 0;
	if (!as && s->n_cores == 1 && s->n_order && s->limit && c->n_group && !c->distinct && !w->q->apart && try_core(w, s, c, place, THROUGH | FIRST_GROUPS, NULL, out))
		return 1;
	return try_core(w, s, c, place, THROUGH | WINDOWS, as, out) || try_core(w, s, c, place, WINDOWS, as, out) || (!as && try_core(w, s, c, place, THROUGH, NULL, out));
}

int
vector_plan_relation(struct planner *w, const struct select *s, struct plan_relation *to)
{
	struct plan_relation made = { .plan = NULL };
	struct buf none = {0};

	for (int i = 0; i < w->n_relations; i++)
		if (w->relation[i].of == s) {
			*to = w->relation[i].is;
			return to->plan ? 0 : -1;
		}
	if (w->n_relations == RELATIONS_MOST || w->depth >= 32)
		return -1;
	w->depth++;
	if (!s->n_with && s->n_cores == 1)
		plan_core(w, s, s->core, IN_FROM, &made, &none);
	w->depth--;
	buf_release(&none);
	if (w->n_relations < RELATIONS_MOST) {
		w->relation[w->n_relations].of = s;
		w->relation[w->n_relations++].is = made;
	}
	*to = made;
	return made.plan ? 0 : -1;
}

/* ---- through the statement */

static void
plan_sources(struct planner *w, const struct select_source *s, int n)
{
	for (int i = 0; i < n; i++) {
		if (s[i].select)
			plan_select(w, s[i].select, IN_FROM);
		plan_sources(w, s[i].inner, s[i].n_inner);
		for (int k = 0; k < s[i].n_args; k++)
			plan_inside(w, s[i].arg[k]);
		if (s[i].on)
			plan_inside(w, s[i].on);
	}
}

static void
plan_inside(struct planner *w, const struct select_expr *e)     /* subqueries in an expression */
{
	const struct select_expr *child;

	for (int i = 0; (child = vector_plan_child(e, i)); i++)
		plan_inside(w, child);
	if (e->select)
		plan_select(w, e->select, e->of == SELECT_EXISTS ? IN_EXISTS : e->of == SELECT_IN ? IN_LIST : IN_EXPRESSION);
}

static void
plan_clauses(struct planner *w, const struct select_core *c)
{
	for (int i = 0; i < c->n_items; i++) {
		const struct select_item *item = &c->item[i];
		struct buf name = {0};
		int first = w->n_edits;

		if (!item->expr)
			continue;
		plan_inside(w, item->expr);
		if ((w->n_edits > first || has_numbered(w, item->from, item->to)) && !item->alias.p) {  /* its text was its name */
			buf_lit(&name, " AS ");
			put_name(&name, (struct str){ w->sql.p + item->from, item->to - item->from });
			edit(w, item->to, item->to, buf_get(&name));
		}
		buf_release(&name);
	}
	plan_sources(w, c->source, c->n_sources);
	if (c->where)
		plan_inside(w, c->where);
	for (int i = 0; i < c->n_group; i++)
		plan_inside(w, c->group[i]);
	if (c->having)
		plan_inside(w, c->having);
	for (int i = 0; i < c->n_values; i++)
		plan_inside(w, c->value[i]);
}

static int
is_name(const struct token *t, struct str name)
{
	int quoted = t->kind == TOKEN_QUOTED && t->text.n > 1;

	return (quoted || t->kind == TOKEN_WORD) && t->text.n == name.n + 2 * (size_t)quoted && strncasecmp(t->text.p + quoted, name.p, name.n) == 0;
}

static int
names_table(struct str text, struct str name)
{
	struct token token;
	struct err ignore = {0};
	size_t at = 0;

	while (token_next(text, &at, &token, &ignore) == 1)
		if (is_name(&token, name))
			return 1;
	return 0;
}

/* Does a text name something of the statement's WITH? */
static int
names_with(const struct select *s, struct str text)
{
	for (int i = 0; i < s->n_with; i++)
		if (memchr(s->with[i].name.p, '"', s->with[i].name.n) || names_table(text, s->with[i].name))
			return 1;
	return 0;
}

/* The statement's WITH, before a text that names something of it. What that reads is planned, but for a text inside of another. */
static void
put_with(struct planner *w, struct str text, struct buf *to)
{
	const struct select *s = w->around[0];
	unsigned char *read = mem_new((size_t)s->n_with);
	int first = w->n_edits, more = 1;

	for (int i = 0; i < s->n_with; i++)
		read[i] = (unsigned char)names_table(text, s->with[i].name);
	while (more) {
		more = 0;
		for (int i = 0; i < s->n_with; i++)
			for (int k = 0; read[i] && k < s->n_with; k++)
				if (!read[k] && names_table((struct str){ w->sql.p + s->with[i].from, s->with[i].to - s->with[i].from }, s->with[k].name))
					read[k] = 1, more = 1;
	}
	for (int i = 0; w->given_depth == 1 && i < s->n_with; i++)
		if (read[i])
			plan_select(w, s->with[i].select, IN_FROM);
	render(w, s->from, s->with[s->n_with - 1].to, first, to);
	buf_byte(to, ' ');
	free(read);
}

int
vector_plan_given_text(struct planner *w, const struct select_source *from, struct buf *to)
{
	struct buf text = {0};
	int first = w->n_edits, rc = 0;

	if (++w->givens > GIVENS_MOST)
		return -1;
	w->literals++, w->given_depth++;
	if (from->select) {
		plan_select(w, from->select, IN_FROM);
		buf_byte(&text, '(');
		render(w, from->select->from, from->select->to, first, &text);
		buf_byte(&text, ')');
	} else {
		put_name(&text, from->name);
		for (int i = 0; i < from->n_args; i++) {
			buf_lit(&text, i ? ", " : "(");
			vector_plan_copy(w, from->arg[i]->from, from->arg[i]->to, &text);
		}
		buf_lit(&text, from->plain ? "" : from->n_args ? ")" : "()");
	}
	for (int i = 1; i < w->n_around; i++)   /* of a WITH further inside nothing can be said outside of it */
		rc = names_with(w->around[i], buf_get(&text)) ? -1 : rc;
	if (rc == 0 && w->n_around && names_with(w->around[0], buf_get(&text)))
		put_with(w, buf_get(&text), to);
	buf_lit(to, "SELECT * FROM ");
	buf_str(to, buf_get(&text));
	w->literals--, w->given_depth--;
	buf_release(&text);
	return rc;
}

int
vector_plan_is_given(const struct plan_work *k)
{
	const struct vector_source *s = k->scope.plan->source;

	return s && s->of == SOURCE_SQL;
}

/* The cores first: where all of them are taken and none reads from the WITH any more, that is left out. */
static void
plan_select(struct planner *w, const struct select *s, enum plan_place place)
{
	struct buf *text = mem_new((size_t)s->n_cores * sizeof(*text));
	int any = 0, all = 1, around = w->n_around;

	if (s->n_with && w->n_around < SELECT_NESTED)
		w->around[w->n_around++] = s;
	for (int i = 0; i < s->n_cores; i++) {
		int taken = plan_core(w, s, &s->core[i], place, NULL, &text[i]);

		any |= taken;
		all = all && taken && !names_with(s, buf_get(&text[i]));
	}
	if (s->n_with && all && s->n_cores == 1)
		edit(w, s->from, s->core[0].from, STR(""));
	else
		for (int i = 0; i < s->n_with; i++)
			plan_select(w, s->with[i].select, IN_FROM);
	for (int i = 0; i < s->n_cores; i++) {
		const struct select_core *c = &s->core[i];

		if (text[i].n)
			edit(w, c->from, s->n_cores == 1 ? s->to : c->to, buf_get(&text[i]));
		else
			plan_clauses(w, c);
		buf_release(&text[i]);
	}
	free(text);
	if (s->n_cores > 1 && any && place == IN_FROM && !s->limit)
		edit(w, s->to, s->to, STR(" LIMIT -1"));
	w->n_around = around;
}

/* ---- parameters */

static int
find_params(struct planner *w, const struct query_param *params, int n)
{
	struct token token;
	struct err err = {0};
	size_t at = 0;
	int cap = 0, named = 0, bare = 0;

	while (token_next(w->sql, &at, &token, &err) == 1) {
		struct plan_param *p;
		const struct query_param *value = NULL;

		if (token.kind != TOKEN_PARAM)
			continue;
		if (w->n_params == cap) {
			cap = cap ? 2 * cap : 16;
			w->param = mem_grow(w->param, (size_t)cap, sizeof(*w->param));
		}
		p = &w->param[w->n_params++];
		*p = (struct plan_param){ .at = (uint32_t)token.at, .n = (uint32_t)token.text.n };
		if (*token.text.p == '?') {
			if (token.text.n > 1 || bare >= n)
				return -1;
			value = &params[bare++];
			p->number = bare;
		} else {
			named = 1;
			for (int i = 0; i < n; i++)
				if (str_eq(params[i].name, (struct str){ token.text.p + 1, token.text.n - 1 }))
					value = &params[i];
		}
		if (!value)
			return -1;
		p->value = query_param_cell(value);
	}
	return err.code || (named && bare) ? -1 : 0;
}

/* Is a table of a WITH called events or metrics, or our own? Then a name does not mean what it says. */
static int
shadowed(const struct select *s);

static int
shadowed_inside(const struct select_expr *e)
{
	const struct select_expr *child;

	for (int i = 0; (child = vector_plan_child(e, i)); i++)
		if (shadowed_inside(child))
			return 1;
	return e->select && shadowed(e->select);
}

static int
shadowed_list(struct select_expr *const *e, int n)
{
	for (int i = 0; i < n; i++)
		if (e[i] && shadowed_inside(e[i]))
			return 1;
	return 0;
}

static int
shadowed_sources(const struct select_source *s, int n)
{
	for (int i = 0; i < n; i++)
		if ((s[i].select && shadowed(s[i].select)) || shadowed_sources(s[i].inner, s[i].n_inner) || (s[i].on && shadowed_inside(s[i].on)) ||
		    shadowed_list(s[i].arg, s[i].n_args))
			return 1;
	return 0;
}

static int
shadowed_core(const struct select_core *c)
{
	if (shadowed_sources(c->source, c->n_sources) || (c->where && shadowed_inside(c->where)) || (c->having && shadowed_inside(c->having)) ||
	    shadowed_list(c->group, c->n_group) || shadowed_list(c->value, c->n_values))
		return 1;
	for (int i = 0; i < c->n_items; i++)
		if (c->item[i].expr && shadowed_inside(c->item[i].expr))
			return 1;
	for (int i = 0; i < c->n_windows; i++)
		if (shadowed_list(c->window[i].arg, c->window[i].n_args))
			return 1;
	return 0;
}

static int
is_ours(struct str name)
{
	return (name.n == strlen("vector") && strncasecmp(name.p, "vector", name.n) == 0) ||
	    (name.n == strlen(VECTOR_WIDE) && strncasecmp(name.p, VECTOR_WIDE, name.n) == 0);
}

static int
shadowed(const struct select *s)
{
	for (int i = 0; i < s->n_with; i++)
		if (vector_plan_stored(s->with[i].name) || is_ours(s->with[i].name) ||
		    shadowed(s->with[i].select))
			return 1;
	for (int i = 0; i < s->n_cores; i++)
		if (shadowed_core(&s->core[i]))
			return 1;
	for (int i = 0; i < s->n_order; i++)
		if (shadowed_inside(s->order[i].expr))
			return 1;
	return (s->limit && shadowed_inside(s->limit)) || (s->offset && shadowed_inside(s->offset));
}

/* ---- the door */

int
vector_plan(struct query *q, struct str sql, const struct query_param *params, int n_params, struct buf *out, struct vector_plans *plans, struct err *err)
{
	struct planner w = { .q = q, .arena = arena_new(64u << 20), .sql = sql, .plans = plans, .budget = LOOKS_MOST };
	struct err ignore = {0};
	struct select *s;

	(void)err;
	*plans = (struct vector_plans){0};
	if (sql.n < UINT32_MAX && (s = select_parse(sql, w.arena, &ignore)) && find_params(&w, params, n_params) == 0 && !shadowed(s)) {
		if (s->n_with)
			w.with = (struct str){ sql.p + s->from, s->with[s->n_with - 1].to - s->from };
		plan_select(&w, s, OUTERMOST);
	}
	vector_plan_orders(plans);
	vector_plan_columns(plans);
	for (int i = 0; i < plans->n; i++)
		plans->plan[i]->number = i;
	for (int i = 0; i < plans->n; i++)
		vector_plan_explain(plans->plan[i], i);
	if (plans->n)
		render(&w, 0, (uint32_t)sql.n, 0, out);
	else
		buf_str(out, sql);
	free(w.edit), free(w.param);
	arena_free(w.arena);
	return 0;
}

void
vector_plans_release(struct vector_plans *plans)
{
	for (int i = 0; i < plans->n; i++)
		plan_free(plans->plan[i]);
	free(plans->plan);
	*plans = (struct vector_plans){0};
}
