#include "query/decorrelate.h"

#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "query/query_priv.h"
#include "query/rewrite.h"
#include "query/select.h"
#include "query/vector_plan_priv.h"

#define ROUNDS_MOST  24                 /* subqueries of one statement */
#define TERMS_MOST   64
#define COLUMNS_READ 100                /* of one table inside */
#define LOOKS_MOST   200000             /* at nodes, of one statement */
#define TEXT_MOST    (1u << 20)         /* a statement that has grown so far grows no more */

/* SELECTs from the one at hand outwards. */
struct around { const struct select_core *core; const struct around *up; int with; };       /* with: a WITH of its own may give a table any name */

struct work {
	struct query *q;
	struct str sql, with;
	long looks;
	struct buf *out;                /* the text in place of [from, to) once one is found */
	uint32_t from, to;
	const struct select_item *name[SELECT_NESTED];  /* items that it stands in, from the innermost on */
	int n_names;
	int collates;                   /* the word is somewhere: values that one side tells apart may be one to the other */
};

/* What an expression names, seen from the subquery. */
struct names {
	int inside, outside;
	int unclear;                    /* a name without a table deeper inside: whose it is only SQLite knows */
	int collate;
	int subquery, aggregate, bare, volatile_;       /* bare: a column inside that no aggregate is around */
	int in_aggregate, ordered;      /* ordered: an aggregate for which the order of rows matters */
};

struct reading { uint32_t from, to; struct str name; };  /* name.p NULL: an expression, called at_kN */

struct subquery {
	struct work *w;
	enum select_of of;
	const struct select *select;
	const struct select_core *core;
	const struct around *around;    /* begins with `core` */
	const struct select_expr *inside[TERMS_MOST], *other[TERMS_MOST];       /* terms of WHERE that name nothing outside; that do */
	struct { const struct select_expr *inside, *outside; } key[TERMS_MOST]; /* of which those that say inside = outside */
	int n_inside, n_other, n_keys;
	struct reading column[COLUMNS_READ];     /* read of the rows, where they are looked at */
	int n_columns, too_many;
};

static int
same_name(struct str a, struct str b)
{
	return a.p && b.p && a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

static int
is_one_of(struct str name, const char *const *words)
{
	for (; *words; words++)
		if (same_name(name, str_of(*words)))
			return 1;
	return 0;
}

static struct str
called(const struct select_source *s)
{
	return s->alias.p ? s->alias : s->name;
}

static const struct select_source *
source_called(const struct select_source *s, int n, struct str name)
{
	const struct select_source *found = NULL;

	for (int i = 0; i < n && !found; i++) {
		if (same_name(called(&s[i]), name))
			return &s[i];
		found = source_called(s[i].inner, s[i].n_inner, name);
	}
	return found;
}

/* ---- what is named */

typedef void visit_fn(void *self, const struct select_expr *, const struct around *);

static void visit_select(const struct select *, const struct around *, visit_fn *, void *self);

static void
visit_list(struct select_expr *const *e, int n, const struct around *a, visit_fn *visit, void *self)
{
	for (int i = 0; i < n; i++)
		if (e[i])
			visit(self, e[i], a);
}

static void
visit_sources(const struct select_source *s, int n, const struct around *a, visit_fn *visit, void *self)
{
	for (int i = 0; i < n; i++) {
		if (s[i].select)
			visit_select(s[i].select, a, visit, self);
		visit_sources(s[i].inner, s[i].n_inner, a, visit, self);
		visit_list(s[i].arg, s[i].n_args, a, visit, self);
		visit_list(&s[i].on, 1, a, visit, self);
	}
}

/* The expressions of a SELECT, each with the SELECTs around it. */
static void
visit_select(const struct select *s, const struct around *up, visit_fn *visit, void *self)
{
	struct around a = { .up = up, .with = s->n_with > 0 };

	for (int i = 0; i < s->n_with; i++)
		visit_select(s->with[i].select, up, visit, self);
	for (int i = 0; i < s->n_cores; i++) {
		const struct select_core *c = a.core = &s->core[i];

		for (int k = 0; k < c->n_items; k++)
			visit_list(&c->item[k].expr, 1, &a, visit, self);
		visit_sources(c->source, c->n_sources, &a, visit, self);
		visit_list(&c->where, 1, &a, visit, self);
		visit_list(c->group, c->n_group, &a, visit, self);
		visit_list(&c->having, 1, &a, visit, self);
		visit_list(c->value, c->n_values, &a, visit, self);
		for (int k = 0; k < c->n_windows; k++)
			visit_list(c->window[k].arg, c->window[k].n_args, &a, visit, self);
	}
	for (int i = 0; i < s->n_order; i++)
		visit(self, s->order[i].expr, &a);
	visit_list(&s->limit, 1, &a, visit, self);
	visit_list(&s->offset, 1, &a, visit, self);
}

/* Whose is a name with a table before it: deeper inside, the subquery's own, or outside? */
enum whose { DEEPER, OWN, OUTSIDE };

static enum whose
whose(const struct subquery *s, struct str table, const struct around *a)
{
	for (; a != s->around; a = a->up)
		if (source_called(a->core->source, a->core->n_sources, table))
			return DEEPER;
	return source_called(s->core->source, s->core->n_sources, table) ? OWN : OUTSIDE;
}

struct looking { struct subquery *s; struct names *to; };

static void
look(void *self, const struct select_expr *e, const struct around *a)
{
	static const char *const unordered[] = { "count", "sum", "total", "avg", "min", "max", "count_if", "countif", "median", "quantile", "quantile_cont",
		"percentile_cont", "quantile_disc", "percentile_disc", "approx_count_distinct", "uniq", "stddev", "variance", "stddev_pop", "var_pop", NULL };
	const struct looking *l = self;
	struct names *n = l->to;
	const struct select_expr *child;
	int aggregate = vector_plan_is_aggregate(e) && a == l->s->around;

	if (l->s->w->looks-- < 0) {
		n->volatile_ = 1;
		return;
	}
	if (e->of == SELECT_COLUMN && !e->table.p) {
		if (a == l->s->around)
			n->inside = 1, n->bare |= !n->in_aggregate;
		else
			n->unclear = 1;
	} else if (e->of == SELECT_COLUMN) {
		enum whose of = e->schema.p ? DEEPER : whose(l->s, e->table, a);

		n->unclear |= e->schema.p != NULL;
		n->inside |= of == OWN, n->outside |= of == OUTSIDE;
		n->bare |= of == OWN && !n->in_aggregate;
	} else if (e->of == SELECT_CALL) {
		n->volatile_ |= functions_is_volatile(e->name);
		n->unclear |= e->over != NULL;
		n->ordered |= aggregate && !is_one_of(e->name, unordered);
	} else if (e->of == SELECT_PARAM) {
		n->volatile_ |= e->name.n && *e->name.p == '?';         /* they are counted by where they stand */
	}
	n->collate |= e->of == SELECT_COLLATE;
	n->aggregate |= aggregate;
	n->in_aggregate += aggregate;
	for (int i = 0; (child = vector_plan_child(e, i)); i++)
		look(self, child, a);
	n->in_aggregate -= aggregate;
	if (e->select) {
		n->subquery = 1;
		visit_select(e->select, a, look, self);
	}
}

static struct names
names_of(struct subquery *s, const struct select_expr *e)
{
	struct names n = {0};
	struct looking l = { s, &n };

	look(&l, e, s->around);
	return n;
}

/* ---- terms */

/* A COLLATE would mean something else of a column that has it than of the expression: it is no key. */
static int
take_key(struct subquery *s, const struct select_expr *e)
{
	if (e->of != SELECT_BINARY || (strcmp(e->op, "=") != 0 && strcmp(e->op, "==") != 0))
		return 0;
	for (int i = 0; i < 2; i++) {
		struct names in = names_of(s, e->arg[i]), out = names_of(s, e->arg[1 - i]);

		if (!in.collate && !out.collate && in.inside && !in.outside && !in.subquery && !in.aggregate && out.outside && !out.inside && !out.subquery && !out.aggregate) {
			s->key[s->n_keys].inside = e->arg[i];
			s->key[s->n_keys++].outside = e->arg[1 - i];
			return 1;
		}
	}
	return 0;
}

/* The terms that AND puts together. 0 or -1. */
static int
take_terms(struct subquery *s, const struct select_expr *e)
{
	if (e->of == SELECT_BINARY && strcmp(e->op, "AND") == 0)
		return take_terms(s, e->arg[0]) < 0 ? -1 : take_terms(s, e->arg[1]);
	if (s->n_inside == TERMS_MOST || s->n_other == TERMS_MOST)
		return -1;
	if (!names_of(s, e).outside) {
		s->inside[s->n_inside++] = e;
		return 0;
	}
	s->other[s->n_other++] = e;
	take_key(s, e);
	return 0;
}

/* ---- text */

static void
put(const struct subquery *s, uint32_t from, uint32_t to, struct buf *out)
{
	buf_add(out, s->w->sql.p + from, to - from);
}

static void
put_expr(const struct subquery *s, const struct select_expr *e, struct buf *out)
{
	buf_byte(out, '(');
	put(s, e->from, e->to, out);
	buf_byte(out, ')');
}

static void
put_name(struct str name, struct buf *out)
{
	buf_byte(out, '"');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '"')
			buf_byte(out, '"');
		buf_byte(out, name.p[i]);
	}
	buf_byte(out, '"');
}

static void
put_from(const struct subquery *s, struct buf *out)
{
	const struct select_core *c = s->core;

	buf_lit(out, " FROM ");
	put(s, c->source[0].from, c->source[c->n_sources - 1].to, out);
	for (int i = 0; i < s->n_inside; i++) {
		buf_lit(out, i ? " AND " : " WHERE ");
		put_expr(s, s->inside[i], out);
	}
}

static void
put_keys(const struct subquery *s, struct buf *out)
{
	for (int i = 0; i < s->n_keys; i++) {
		put_expr(s, s->key[i].inside, out);
		buf_printf(out, " AS at_key%d", i);
		buf_lit(out, i + 1 < s->n_keys ? ", " : "");
	}
}

static void
put_meeting(const struct subquery *s, struct buf *out)
{
	for (int i = 0; i < s->n_keys; i++) {
		buf_printf(out, "%s at_key%d = ", i ? " AND" : " WHERE", i);
		put_expr(s, s->key[i].outside, out);
	}
}

/* ---- rows: the columns that are read, under their own names and that of their table */

/* A value that is taken from the table of rows as it is: a property, the inner side of an equality. */
static int
add_column(struct subquery *s, const struct select_expr *e, struct str name)
{
	for (int i = 0; i < s->n_columns; i++)
		if (name.p ? same_name(s->column[i].name, name) : s->column[i].from == e->from && s->column[i].to == e->to)
			return i;
	if (s->n_columns == COLUMNS_READ) {
		s->too_many = 1;
		return 0;
	}
	s->column[s->n_columns] = (struct reading){ e->from, e->to, name };
	return s->n_columns++;
}

static void
collect(void *self, const struct select_expr *e, const struct around *a)
{
	struct subquery *s = self;
	const struct select_expr *child;

	if (e->of == SELECT_COLUMN) {
		if (e->table.p ? whose(s, e->table, a) == OWN : a == s->around)
			add_column(s, e, e->name);
		return;
	}
	if (e->of == SELECT_CALL && same_name(e->name, STR("property")) && e->n_args == 2 && e->arg[0]->of == SELECT_COLUMN && e->arg[1]->of == SELECT_TEXT &&
	    (e->arg[0]->table.p ? whose(s, e->arg[0]->table, a) == OWN : a == s->around)) {
		add_column(s, e, (struct str){ NULL, 0 });
		return;
	}
	for (int i = 0; (child = vector_plan_child(e, i)); i++)
		collect(self, child, a);
	if (e->select)
		visit_select(e->select, a, collect, self);
}

/* The text from … to, where what are columns of the table of rows now stands as such. */
static void
put_over_rows(const struct subquery *s, uint32_t from, uint32_t to, struct buf *out)
{
	for (;;) {
		int next = -1;

		for (int i = 0; i < s->n_columns; i++)
			if (!s->column[i].name.p && s->column[i].from >= from && s->column[i].to <= to && (next < 0 || s->column[i].from < s->column[next].from ||
			    (s->column[i].from == s->column[next].from && s->column[i].to > s->column[next].to)))
				next = i;
		if (next < 0)
			break;
		put(s, from, s->column[next].from, out);
		put_name(called(&s->core->source[0]), out);
		buf_printf(out, ".at_k%d", next);
		from = s->column[next].to;
	}
	put(s, from, to, out);
}

static void
put_expr_over_rows(const struct subquery *s, const struct select_expr *e, struct buf *out)
{
	buf_byte(out, '(');
	put_over_rows(s, e->from, e->to, out);
	buf_byte(out, ')');
}

/* A name that is given to what is read here: who has one of their own keeps it. */
static int
is_given_name(struct str name)
{
	return name.n > 4 && (strncasecmp(name.p, "at_k", 4) == 0 || same_name(name, STR("at_row")));
}

/* 0; -1: it cannot be said so. */
static int
collect_all(struct subquery *s)
{
	const struct select_core *c = s->core;
	struct names n = {0};
	struct looking l = { s, &n };

	if (c->n_sources != 1 || c->source[0].n_args || c->n_windows)
		return -1;
	for (int i = 0; i < s->n_keys; i++)
		if (s->key[i].inside->of != SELECT_COLUMN)
			add_column(s, s->key[i].inside, (struct str){ NULL, 0 });
	for (int i = 0; i < c->n_items; i++)
		if (c->item[i].expr)
			collect(s, c->item[i].expr, s->around), look(&l, c->item[i].expr, s->around);
		else if (s->of != SELECT_EXISTS || c->n_group || c->having)    /* * may be what GROUP BY 1 means */
			return -1;
	for (int i = 0; i < s->n_other; i++)
		collect(s, s->other[i], s->around), look(&l, s->other[i], s->around);
	for (int i = 0; i < c->n_group; i++)
		collect(s, c->group[i], s->around), look(&l, c->group[i], s->around);
	if (c->having)
		collect(s, c->having, s->around), look(&l, c->having, s->around);
	for (int i = 0; i < s->select->n_order; i++)
		collect(s, s->select->order[i].expr, s->around), look(&l, s->select->order[i].expr, s->around);
	for (int i = 0; i < s->n_columns; i++)
		if (s->column[i].name.p && is_given_name(s->column[i].name))
			return -1;
	return n.unclear || s->too_many ? -1 : 0;
}

/* Does it matter in which order rows come? Which is the first, which of several that tie. */
static int
is_ordered(struct subquery *s)
{
	struct names n = {0};
	struct looking l = { s, &n };

	if (s->of == SELECT_EXISTS)
		return 0;
	for (int i = 0; i < s->core->n_items; i++)
		if (s->core->item[i].expr)
			look(&l, s->core->item[i].expr, s->around);
	return s->of == SELECT_IN ? s->select->limit != NULL || n.ordered : !n.aggregate || n.ordered || n.bare || s->core->n_group;
}

/* The table of rows. An index that SQLite makes of it is by the keys, then by the columns as they stand here: so rows of equal keys come
 * as they lie when their number is the first. */
static void
put_rows(const struct subquery *s, int numbered, struct buf *out)
{
	buf_lit(out, "(SELECT ");
	if (numbered)
		buf_lit(out, "row_number() OVER () AS at_row, ");
	for (int i = 0; i < s->n_columns; i++) {
		put(s, s->column[i].from, s->column[i].to, out);
		buf_lit(out, " AS ");
		if (s->column[i].name.p)
			put_name(s->column[i].name, out);
		else
			buf_printf(out, "at_k%d", i);
		buf_lit(out, i + 1 < s->n_columns ? ", " : "");
	}
	put_from(s, out);
	buf_lit(out, " LIMIT -1)");
}

static int
say_rows(struct subquery *s, struct buf *out, struct buf *table)
{
	const struct select_core *c = s->core;
	int numbered;

	if (collect_all(s) < 0 || !s->n_columns)
		return 0;
	numbered = is_ordered(s);
	buf_lit(out, c->distinct ? "SELECT DISTINCT " : "SELECT ");
	for (int i = 0; i < c->n_items; i++) {
		buf_lit(out, i ? ", " : "");
		if (c->item[i].expr)
			put_over_rows(s, c->item[i].from, c->item[i].to, out);
		else
			buf_byte(out, '1');
		if (c->item[i].alias.p) {
			buf_lit(out, " AS ");
			put_name(c->item[i].alias, out);
		}
	}
	buf_lit(out, " FROM ");
	put_rows(s, numbered, table);
	buf_str(out, buf_get(table));
	buf_lit(out, " AS ");
	put_name(called(&c->source[0]), out);
	buf_lit(out, " WHERE ");
	if (numbered)
		buf_lit(out, "at_row > 0 AND ");
	for (int i = 0; i < s->n_other; i++) {
		buf_lit(out, i ? " AND " : "");
		put_expr_over_rows(s, s->other[i], out);
	}
	for (int i = 0; i < c->n_group; i++) {
		buf_lit(out, i ? ", " : " GROUP BY ");
		put_over_rows(s, c->group[i]->from, c->group[i]->to, out);
	}
	if (c->having) {
		buf_lit(out, " HAVING ");
		put_expr_over_rows(s, c->having, out);
	}
	if (s->select->n_order) {
		buf_lit(out, " ORDER BY ");
		put_over_rows(s, s->select->order[0].from, s->select->order[s->select->n_order - 1].to, out);
	}
	if (s->select->limit) {
		buf_byte(out, ' ');
		put(s, s->select->limit_from, s->select->to, out);
	}
	return 1;
}

/* ---- values and groups */

/* LIMIT that leaves the first row, or none. */
static int
has_plain_limit(const struct select *s)
{
	return !s->limit || (!s->offset && s->limit->of == SELECT_NUMBER && *s->limit->name.p >= '1' && *s->limit->name.p <= '9');
}

static int
is_plain(const struct subquery *s)      /* nothing but items, tables and equalities with what is outside */
{
	const struct select_core *c = s->core;

	return s->n_keys == s->n_other && !c->n_group && !c->having && !c->n_windows && has_plain_limit(s->select);
}

static int
say_values(struct subquery *s, struct buf *out, struct buf *table)
{
	const struct select_core *c = s->core;
	const struct select_expr *item = c->item[0].expr;
	struct names n = {0};
	struct looking l = { s, &n };

	if (s->w->collates || s->of == SELECT_SUBQUERY || !is_plain(s) || (s->of == SELECT_IN && (c->n_items != 1 || !item || s->select->limit)))
		return 0;
	for (int i = 0; i < c->n_items; i++)
		if (c->item[i].expr)
			look(&l, c->item[i].expr, s->around);
	if (n.aggregate || n.unclear || (s->of == SELECT_IN && (n.outside || n.subquery)))
		return 0;
	buf_lit(table, "(SELECT DISTINCT ");
	put_keys(s, table);
	if (s->of == SELECT_IN) {
		buf_lit(table, ", ");
		put(s, c->item[0].from, c->item[0].to, table);
		buf_lit(table, " AS at_value");
	}
	put_from(s, table);
	buf_byte(table, ')');
	buf_str(out, s->of == SELECT_IN ? STR("SELECT at_value FROM ") : STR("SELECT 1 FROM "));
	buf_str(out, buf_get(table));
	put_meeting(s, out);
	return 1;
}

/* The value over no rows at all: with NULL for each column, which nothing reads. */
static void
put_empty(struct subquery *s, const struct select_expr *e, uint32_t *at, struct buf *out)
{
	const struct select_expr *child;

	if (e->of == SELECT_COLUMN) {
		put(s, *at, e->from, out);
		buf_lit(out, "NULL");
		*at = e->to;
	}
	for (int i = 0; (child = vector_plan_child(e, i)); i++)
		put_empty(s, child, at, out);
}

/* Is what meets the same column of the same stored table, and so a group the only one that is equal? */
static int
is_same_column(const struct subquery *s)
{
	const struct select_core *c = s->core;

	if (s->w->with.n || c->n_sources != 1 || !c->source[0].plain || !vector_plan_stored(c->source[0].name))
		return 0;
	for (const struct around *a = s->around; a; a = a->up)
		if (a->with)
			return 0;
	for (int i = 0; i < s->n_keys; i++) {
		const struct select_expr *in = s->key[i].inside, *out = s->key[i].outside;
		const struct select_source *of = NULL;

		if (in->of != SELECT_COLUMN || out->of != SELECT_COLUMN || !out->table.p || !same_name(in->name, out->name))
			return 0;
		for (const struct around *a = s->around->up; a && !of; a = a->up)
			of = source_called(a->core->source, a->core->n_sources, out->table);
		if (!of || !of->plain || !same_name(of->name, c->source[0].name))
			return 0;
	}
	return 1;
}

static int
say_groups(struct subquery *s, struct buf *out, struct buf *table)
{
	const struct select_expr *item = s->core->item[0].expr;
	struct buf rows = {0}, unused = {0};
	struct names n;
	uint32_t at;
	int same = is_same_column(s), good = 0;

	if (s->w->collates || s->of != SELECT_SUBQUERY || !is_plain(s) || s->core->n_items != 1 || !item || s->core->distinct || s->select->n_order)
		return 0;
	n = names_of(s, item);
	if (!n.aggregate || n.bare || n.outside || n.subquery || n.unclear || (!same && !say_rows(s, &rows, &unused)))
		goto out;
	buf_lit(table, "(SELECT ");
	put_keys(s, table);
	buf_lit(table, ", ");
	put_expr(s, item, table);
	buf_lit(table, " AS at_value");
	put_from(s, table);
	for (int i = 0; i < s->n_keys; i++) {
		buf_lit(table, i ? ", " : " GROUP BY ");
		put_expr(s, s->key[i].inside, table);
	}
	buf_byte(table, ')');
	buf_lit(out, "SELECT ");
	if (item->of == SELECT_CAST)            /* the value is compared as one of that type, and CASE has none */
		buf_lit(out, "CAST(");
	buf_lit(out, "CASE count(*) WHEN 0 THEN (SELECT ");
	at = item->from;
	put_empty(s, item, &at, out);
	put(s, at, item->to, out);
	buf_lit(out, " FROM (SELECT 1 LIMIT 0))");
	if (!same) {            /* several groups may be equal to what is outside */
		buf_lit(out, " WHEN 1 THEN max(at_value) ELSE (");
		buf_str(out, buf_get(&rows));
		buf_byte(out, ')');
	} else {
		buf_lit(out, " ELSE max(at_value)");
	}
	buf_lit(out, " END");
	if (item->of == SELECT_CAST) {
		buf_lit(out, " AS ");
		put_name(item->name, out);
		buf_byte(out, ')');
	}
	buf_lit(out, " AS at_value FROM ");
	buf_str(out, buf_get(table));
	put_meeting(s, out);
	good = 1;
out:
	buf_release(&rows), buf_release(&unused);
	return good;
}

/* ---- one after the other */

static int
says_collate(struct str sql)
{
	for (size_t i = 0; i + 7 <= sql.n; i++)
		if (strncasecmp(sql.p + i, "collate", 7) == 0)
			return 1;
	return 0;
}

static int
is_accepted(struct query *q, struct str sql)
{
	sqlite3_stmt *statement = NULL;
	int good;

	good = sqlite3_prepare_v3(q->db, sql.p, (int)sql.n, 0, &statement, NULL) == SQLITE_OK;
	sqlite3_finalize(statement);
	return good;
}

/* Does the table stand on its own? SQLite knows. */
static int
stands_alone(struct work *w, struct str table)
{
	struct buf sql = {0};
	int good;

	buf_str(&sql, w->with);
	buf_lit(&sql, " SELECT * FROM ");
	buf_str(&sql, table);
	good = is_accepted(w->q, buf_get(&sql));
	buf_release(&sql);
	return good;
}

static int
are_tables(const struct select_source *s, int n)
{
	for (int i = 0; i < n; i++)
		if (!s[i].plain || s[i].schema.p)
			return 0;
	return n > 0;
}

static void
names_sources(struct subquery *s, struct names *n)
{
	struct looking l = { s, n };

	visit_sources(s->core->source, s->core->n_sources, s->around, look, &l);
}

/* Is it of one of the forms? Then its text is in w->out. */
static void
take(struct work *w, const struct select_expr *e, const struct around *up)
{
	static int (*const forms[])(struct subquery *, struct buf *, struct buf *) = { say_groups, say_values, say_rows };
	struct around own = { .core = e->select->core, .up = up };
	struct subquery *s = mem_new(sizeof(*s));
	struct looking l;
	struct names all = {0}, sources = {0};
	struct buf table = {0};

	*s = (struct subquery){ .w = w, .of = e->of, .select = e->select, .core = e->select->core, .around = &own };
	l = (struct looking){ s, &all };
	if (e->select->n_with || e->select->n_cores != 1 || own.core->n_values || !own.core->where || !are_tables(own.core->source, own.core->n_sources))
		goto out;
	names_sources(s, &sources);
	for (int i = 0; i < own.core->n_items; i++)
		if (own.core->item[i].expr)
			look(&l, own.core->item[i].expr, &own);
	look(&l, own.core->where, &own);
	if (sources.outside || sources.volatile_ || all.volatile_ || !all.outside || take_terms(s, own.core->where) < 0 || !s->n_keys)
		goto out;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms) && !w->to; i++) {
		buf_clear(w->out), buf_clear(&table);
		s->n_columns = 0;
		if (forms[i](s, w->out, &table) && stands_alone(w, buf_get(&table)))
			w->from = e->select->from, w->to = e->select->to;
	}
out:
	buf_release(&table);
	free(s);
}

/* What was an item's text was its name. */
static void
keep_name(struct work *w, const struct select_expr *e, const struct select_core *c)
{
	for (int i = 0; i < c->n_items; i++)
		if (c->item[i].expr == e && !c->item[i].alias.p && w->n_names < SELECT_NESTED)
			w->name[w->n_names++] = &c->item[i];
}

/* The innermost first. */
static void
find(void *self, const struct select_expr *e, const struct around *a)
{
	struct work *w = self;
	const struct select_expr *child;

	if (w->to)
		return;
	for (int i = 0; (child = vector_plan_child(e, i)); i++)
		find(self, child, a);
	if (e->select && !w->to) {
		visit_select(e->select, a, find, self);
		if (!w->to && (e->of == SELECT_SUBQUERY || e->of == SELECT_EXISTS || e->of == SELECT_IN))
			take(w, e, a);
	}
	if (w->to)
		keep_name(w, e, a->core);
}

/* One of them. 1; 0 when there is none. */
static int
round_of(struct work *w, struct buf *to)
{
	struct arena *arena = arena_new(64u << 20);
	struct err ignore = {0};
	struct select *s = select_parse(w->sql, arena, &ignore);
	struct buf text = {0};
	uint32_t at;

	w->out = &text;
	w->from = w->to = 0;
	w->n_names = 0;
	w->with = s && s->n_with ? (struct str){ w->sql.p + s->from, s->with[s->n_with - 1].to - s->from } : STR("");
	if (s)
		visit_select(s, NULL, find, w);
	if (w->to) {
		buf_add(to, w->sql.p, w->from);
		buf_str(to, buf_get(&text));
		at = w->to;
		for (int i = 0; i < w->n_names; i++) {
			const struct select_item *item = w->name[i];

			buf_add(to, w->sql.p + at, item->to - at);
			buf_lit(to, " AS ");
			put_name((struct str){ w->sql.p + item->from, item->to - item->from }, to);
			at = item->to;
		}
		buf_add(to, w->sql.p + at, w->sql.n - at);
	}
	buf_release(&text);
	arena_free(arena);
	return w->to != 0;
}

int
decorrelate(struct query *q, struct str sql, struct buf *out)
{
	struct work w = { .q = q, .sql = sql, .looks = LOOKS_MOST, .collates = says_collate(sql) };
	struct buf next = {0};
	int rounds = 0;

	buf_clear(out);
	if (sql.n > REWRITE_MOST)
		return 0;
	while (rounds < ROUNDS_MOST && out->n < TEXT_MOST && round_of(&w, &next)) {
		struct buf used = *out;

		if (rounds == 0 && !is_accepted(q, sql))        /* what was wrong stays wrong: some of what EXISTS selects is left out */
			break;
		*out = next;
		next = used;
		buf_clear(&next);
		w.sql = buf_get(out);
		rounds++;
	}
	buf_release(&next);
	return rounds > 0;
}
