/* What a plan reads besides events: tables that other plans give, joins of them, and windows over them.
 *
 * FROM of one SELECT that reads no events itself is its relation; of several, each input is a plan of its own, which gives the
 * columns that are asked for, and takes the conditions that are about it alone. When a core has windows (or is wanted as a table
 * and has groups) it is planned in stages: the first plan gives the values that stand below, each is known to the next plan as a
 * column, and what stands above is planned over those.
 *
 *      SELECT user_id, n - lag(n) OVER (ORDER BY n) FROM (SELECT user_id, count(*) AS n FROM events GROUP BY 1)
 *      vector(1)  groups     by user_id; count(*)
 *      vector(2)  rows       of vector(1): user_id, n
 *      vector(0)  rows       of windows over vector(2): user_id, n - lag(n)
 */
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "query/vector_plan_priv.h"

#define INPUTS_MOST 8

static int
same_name(struct str a, struct str b)
{
	return a.p && b.p && a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* ---- columns of tables */

const struct plan_known *
vector_plan_known(const struct plan_scope *s, const struct select_expr *e)
{
	for (int i = 0; i < s->n_known; i++)
		if (s->known[i].expr == e)
			return &s->known[i];
	return NULL;
}

struct store_field
vector_plan_column(struct plan_scope *s, int column)
{
	return s->plan->field[column];
}

static void
add_known(struct planner *w, struct plan_known **known, int *n, struct plan_known one)
{
	if ((*n & (*n - 1)) == 0) {             /* room is doubled */
		struct plan_known *more = arena_get(w->arena, (*n ? 2 * (size_t)*n : 1) * sizeof(*more));

		if (!more) {
			w->budget = -1;
			return;
		}
		if (*n)
			memcpy(more, *known, (size_t)*n * sizeof(*more));
		*known = more;
	}
	(*known)[(*n)++] = one;
}

static int
is_time(const struct vector_plan *p, const struct vector_expr *e)
{
	return e->op == VECTOR_FIELD && (p->field[e->field].of == FIELD_TIME || p->field[e->field].of == FIELD_RECEIVED);
}

int
vector_plan_add_column(struct plan_scope *s, int time, enum plan_affinity affinity)
{
	struct vector_plan *p = s->plan;
	struct buf name = {0};

	if (p->n_fields == COLUMNS_MOST)
		return -1;
	if (!s->affinity && !(s->affinity = arena_get(s->w->arena, COLUMNS_MOST * sizeof(*s->affinity))))
		return -1;
	buf_printf(&name, "c%d", p->n_fields);
	p->field[p->n_fields] = (struct store_field){ time ? FIELD_TIME : FIELD_REACH, { arena_dup(p->arena, name.p, name.n), name.n } };
	buf_release(&name);
	s->affinity[p->n_fields] = affinity;
	return p->n_fields++;
}

static struct vector_source *
source_new(struct vector_plan *owner, enum vector_source_of of, int n_inputs)
{
	struct vector_source *s = arena_get(owner->arena, sizeof(*s));

	*s = (struct vector_source){ .of = of, .n_inputs = n_inputs, .input = arena_get(owner->arena, ((size_t)n_inputs + 1) * sizeof(struct vector_source *)) };
	return s;
}

static struct vector_source *
source_of_plan(struct vector_plan *owner, struct vector_plan *plan)
{
	struct vector_source *s = source_new(owner, SOURCE_PLAN, 0);

	s->plan = plan;
	plan->readers++;
	return s;
}

/* ---- FROM */

/* The SELECT that a source is, in brackets or by a name of WITH; *with then is that. */
static const struct select *
select_of(const struct planner *w, const struct select_source *from, const struct select_with **with)
{
	*with = NULL;
	if (from->select)
		return from->select;
	if (!from->plain || from->schema.p || !(*with = vector_plan_with(w, from->name)))
		return NULL;
	return (*with)->select;
}

/* The scope over a table that a SELECT gives. */
static int
read_relation(struct plan_work *k, const struct select_source *from)
{
	struct plan_scope *s = &k->scope;
	const struct select_with *with;
	const struct select *of = select_of(k->w, from, &with);
	struct plan_relation *r = arena_get(k->w->arena, sizeof(*r));

	if (!of || !r || vector_plan_relation(k->w, of, r) < 0 || (with && with->n_columns && with->n_columns != r->n))
		return 0;
	if (with && with->n_columns)            /* name(columns) AS (…) */
		r->name = with->column;
	s->alias = from->alias.p ? from->alias : from->name;
	s->relation = r;
	s->plan->source = source_of_plan(s->plan, r->plan);
	for (int i = 0; i < r->plan->n_keys + (r->plan->grouped ? r->plan->n_aggregates : 0); i++) {
		enum plan_affinity affinity = AFFINITY_NONE;

		for (int c = 0; c < r->n; c++)
			affinity = r->column[c] == i ? r->affinity[c] : affinity;
		if (vector_plan_add_column(s, i < r->plan->n_keys && is_time(r->plan, r->plan->key[i]), affinity) < 0)
			return 0;
	}
	return 1;
}

/* An input of a join: a plan of its own. */
static struct plan_work *
read_input(struct plan_work *k, struct select_source *from)
{
	struct planner *w = k->w;
	struct plan_work *in = arena_get(w->arena, sizeof(*in));
	struct select_core *core = arena_get(w->arena, sizeof(*core));
	struct select_item *any = arena_get(w->arena, sizeof(*any));
	struct select_source *alone = arena_get(w->arena, sizeof(*alone));
	int events;

	if (!in || !core || !any || !alone)
		return NULL;
	*alone = *from;
	alone->on = NULL, alone->n_shared = 0, alone->join = SELECT_INNER;
	*any = (struct select_item){ .expr = NULL };
	*core = (struct select_core){ .source = alone, .n_sources = 1, .item = any, .n_items = 1 };
	memset(in, 0, sizeof(*in));
	in->w = w, in->core = core, in->place = IN_FROM;
	if (!(in->scope.plan = vector_plan_new(w, &in->number)))
		return NULL;
	events = vector_plan_events(w, in->scope.plan, core, 0, &in->scope);
	for (const struct plan_scope *s = events ? in->scope.inner : NULL; s; s = s->inner)
		for (int i = 0; i < s->core->n_items; i++)
			if (s->core->distinct || (s->core->item[i].expr && vector_plan_has((struct plan_scope *)(uintptr_t)s, s->core->item[i].expr, 0) &
			    ~(unsigned)(HAS_COLUMN | HAS_COLLATE | HAS_BLOB)))
				events = 0;
	if (events)
		return in;
	in->scope = (struct plan_scope){ .w = w, .core = core, .plan = in->scope.plan };
	in->scope.plan->samples = 0;
	return read_relation(in, alone) || vector_plan_given(in, alone) ? in : NULL;
}

int
vector_plan_from(struct plan_work *k)
{
	const struct select_core *c = k->core;
	struct plan_scope *s = &k->scope;
	struct vector_source *join;
	int given = 0;

	if (c->n_sources == 1)
		return !c->source[0].on && !c->source[0].n_inner && !c->source[0].n_args && read_relation(k, &c->source[0]);
	if (c->n_sources > INPUTS_MOST || k->place == IN_EXISTS)
		return 0;
	s->input = arena_get(k->w->arena, (size_t)c->n_sources * sizeof(*s->input));
	join = source_new(s->plan, SOURCE_JOIN, c->n_sources);
	join->step = arena_get(s->plan->arena, (size_t)c->n_sources * sizeof(*join->step));
	join->give = arena_get(s->plan->arena, COLUMNS_MOST * sizeof(*join->give));
	memset(join->step, 0, (size_t)c->n_sources * sizeof(*join->step));
	for (int i = 0; i < c->n_sources; i++) {
		struct select_source *from = &c->source[i];
		struct plan_work *in;

		if (!s->input || from->join == SELECT_OTHER || from->n_inner || from->schema.p || !(in = read_input(k, from)))
			return 0;
		s->input[s->n_inputs++] = in;
		join->input[i] = source_of_plan(s->plan, in->scope.plan);
		join->step[i].outer = from->join == SELECT_LEFT;
		given += vector_plan_is_given(in);
	}
	if (given == c->n_sources)              /* SQLite has them already */
		return 0;
	s->plan->source = join;
	k->input = s->input;
	k->n_inputs = s->n_inputs;
	return 1;
}

/* ---- columns of a join */

/* Column `column` of an input as one of the join's; -1. */
static int
give(struct plan_scope *s, int input, int column)
{
	struct vector_source *join = s->plan->source;
	const struct plan_work *in = s->input[input];
	int at;

	for (int i = 0; i < join->n_gives; i++)
		if (join->give[i].table == input && join->give[i].column == column)
			return i;
	if ((at = vector_plan_add_column(s, is_time(in->scope.plan, in->key[column].value), in->key[column].affinity)) >= 0)
		join->give[join->n_gives++] = (struct vector_give){ input, column };
	return at;
}

/* The input that has a name, the first that does (USING has it in several); -1. */
static int
input_of(struct plan_scope *s, const struct select_expr *e)
{
	struct store_field field;
	struct plan_item item;

	for (int i = 0; i < s->n_inputs; i++) {
		enum plan_name found = vector_plan_name(&s->input[i]->scope, e, 0, &field, &item);

		if (found == NAME_COLUMN || found == NAME_ITEM)
			return i;
	}
	return -1;
}

int
vector_plan_join_column(struct plan_scope *s, const struct select_expr *e, struct store_field *field)
{
	int i = input_of(s, e), column, at;

	if (i < 0 || (column = vector_plan_key(s->input[i], e, 0)) < 0 || (at = give(s, i, column)) < 0)
		return 0;
	*field = vector_plan_column(s, at);
	return 1;
}

/* Which inputs an expression reads, a bit for each; -1 more than can be said. */
static int
reads(struct plan_scope *s, const struct select_expr *e)
{
	const struct select_expr *child;
	int all = 0, i;

	if (e->select)
		return -1;
	if (e->of == SELECT_COLUMN)
		return (i = input_of(s, e)) < 0 ? (vector_plan_has(s, e, 0) ? -1 : 0) : 1 << i;
	for (i = 0; (child = vector_plan_child(e, i)) && all >= 0; i++) {
		int of = reads(s, child);

		all = of < 0 ? -1 : all | of;
	}
	return all;
}

static int
only(int bits)                          /* the only input; -1 */
{
	for (int i = 0; i < INPUTS_MOST; i++)
		if (bits == 1 << i)
			return i;
	return -1;
}

/* Has it a value for anything? What ends a statement with an error may be asked only of rows that meet something. */
static int
never_fails(const struct select_expr *e)
{
	static const char *const calls[] = { "date_trunc", "time_bucket", "time_add", "strftime", "date", "datetime", "julianday", "epoch", "year", "quarter", "month", "week", "day",
		"hour", "minute", "second", "dayofweek", "date_part", "at_zone", "at_time", "lower", "upper", "substr", "length", "coalesce", "ifnull", "nullif", "iif", NULL };
	const struct select_expr *child;
	int i = 0;

	if (e->select || (e->of == SELECT_BINARY && strncmp(e->op, "->", 2) == 0) || (e->of == SELECT_LIKE && strcmp(e->op, "LIKE") != 0))
		return 0;
	if (e->of == SELECT_CALL && !(same_name(e->name, STR("cast_to")) && e->n_args == 2 && same_name(e->arg[1]->name, STR("date")))) {
		while (calls[i] && !same_name(e->name, str_of(calls[i])))
			i++;
		if (!calls[i])
			return 0;
	}
	for (i = 0; (child = vector_plan_child(e, i)); i++)
		if (!never_fails(child))
			return 0;
	return 1;
}

/* What SQLite computes of one input's row is computed before the join, once for each row of it and not for each pair. Not of one
 * whose rows may be missing: of NULLs it may be something. */
int
vector_plan_join_value(struct plan_scope *s, const struct select_expr *e, int as_text, struct store_field *field)
{
	int i = never_fails(e) ? only(reads(s, e)) : -1, column, at;

	if (i < 0 || s->plan->source->step[i].outer)
		return 0;
	column = as_text ? vector_plan_key_of(s->input[i], vector_plan_text(&s->input[i]->scope, e), AFFINITY_TEXT) : vector_plan_key(s->input[i], e, 0);
	if (column < 0 || (at = give(s, i, column)) < 0)
		return 0;
	*field = vector_plan_column(s, at);
	return 1;
}

/* The column of one side of an equality. as_text: numbers are texts, beside a column of texts. */
static int
key_column(struct plan_work *in, const struct select_expr *e, int as_text)
{
	struct vector_expr *value, *text;

	if (!as_text)
		return vector_plan_key(in, e, 0);
	if (vector_plan_has(&in->scope, e, 0) & ~(unsigned)HAS_COLUMN || !(value = vector_plan_value(&in->scope, e, 0)) || value->op != VECTOR_FIELD)
		return -1;
	text = vector_plan_node(&in->scope, VECTOR_SQL, 1);
	text->sql = STR("CAST(?1 AS TEXT)");
	text->arg[0] = value;
	return vector_plan_key_of(in, text, AFFINITY_TEXT);
}

/* left = right, of inputs `a` and `b` which is the later one: a key of that step. 1; 0 it cannot be one. */
static int
add_key(struct plan_work *k, int a, const struct select_expr *left, int b, const struct select_expr *right)
{
	struct plan_scope *s = &k->scope;
	struct vector_join_step *step = &s->plan->source->step[b];
	enum plan_affinity x = vector_plan_affinity(&s->input[a]->scope, left, 0), y = vector_plan_affinity(&s->input[b]->scope, right, 0);
	struct vector_key *more;
	int l, r;

	if ((x == AFFINITY_NUMERIC) != (y == AFFINITY_NUMERIC) || (step->n_keys && step->key[0].table != a) || step->n_keys == 16)
		return 0;
	if ((l = key_column(s->input[a], left, x == AFFINITY_NONE && y == AFFINITY_TEXT)) < 0 ||
	    (r = key_column(s->input[b], right, y == AFFINITY_NONE && x == AFFINITY_TEXT)) < 0)
		return 0;
	if (!step->key && !(more = step->key = arena_get(s->plan->arena, 16 * sizeof(*more))))
		return 0;
	step->key[step->n_keys++] = (struct vector_key){ a, l, r };
	return 1;
}

/* A condition: a = b of two inputs as a key, of one input as its filter; else over the join. step: the input whose ON it stands in,
 * -1 WHERE. */
static void
condition(struct plan_work *k, const struct select_expr *e, int step, struct tables_range *range, struct tables_range *of_input)
{
	struct plan_scope *s = &k->scope;
	const struct vector_join_step *steps = s->plan->source->step;
	int outer = step >= 0 && steps[step].outer, bits, one;

	while (e->of == SELECT_BINARY && strcmp(e->op, "AND") == 0) {
		condition(k, e->arg[0], step, range, of_input);
		e = e->arg[1];
	}
	bits = reads(s, e);
	if (bits >= 0 && e->of == SELECT_BINARY && strcmp(e->op, "=") == 0) {
		int a = only(reads(s, e->arg[0])), b = only(reads(s, e->arg[1]));
		const struct select_expr *left = e->arg[0], *right = e->arg[1];

		if (a > b) {
			int was = a;

			a = b, b = was;
			left = e->arg[1], right = e->arg[0];
		}
		if (a >= 0 && b > a && (outer ? b == step : !steps[b].outer) && add_key(k, a, left, b, right))
			return;
	}
	one = bits >= 0 ? only(bits) : -1;
	if (one >= 0 && (outer ? one == step : !steps[one].outer) && !(vector_plan_has(&s->input[one]->scope, e, 0) & HAS_SUBQUERY)) {
		vector_plan_where(s->input[one], &s->input[one]->scope, e, &of_input[one]);
		k->bad |= s->input[one]->bad;
		return;
	}
	if (outer)
		k->bad = 1;
	else
		vector_plan_where(k, s, e, range);
}

int
vector_plan_join_where(struct plan_work *k)
{
	struct plan_scope *s = &k->scope;
	struct tables_range range = TABLES_ALL, of_input[INPUTS_MOST];

	for (int i = 0; i < s->n_inputs; i++) {
		struct plan_work *in = s->input[i];

		of_input[i] = TABLES_ALL;
		for (struct plan_scope *inner = in->scope.inner; inner; inner = inner->inner)
			if (inner->core->where)
				vector_plan_where(in, inner, inner->core->where, &of_input[i]);
		k->bad |= in->bad;
	}
	for (int i = 1; i < s->n_inputs && !k->bad; i++) {
		const struct select_source *from = &k->core->source[i];

		for (int n = 0; n < from->n_shared && !k->bad; n++) {
			struct select_expr *e = arena_get(k->w->arena, sizeof(*e));
			int a;

			if (!e)
				return -1;
			*e = (struct select_expr){ .of = SELECT_COLUMN, .height = 1, .name = from->shared[n] };
			a = input_of(s, e);
			k->bad |= a < 0 || a >= i || !add_key(k, a, e, i, e);
		}
		if (from->on && !k->bad)
			condition(k, from->on, i, &range, of_input);
	}
	if (k->core->where && !k->bad)
		condition(k, k->core->where, -1, &range, of_input);
	for (int i = 0; i < s->n_inputs; i++)
		vector_plan_range(s->input[i], &of_input[i]);
	return k->bad ? -1 : 0;
}

/* ---- items */

static struct select_expr *
named_column(struct plan_work *k, struct str name)
{
	struct select_expr *e = arena_get(k->w->arena, sizeof(*e));

	if (e)
		*e = (struct select_expr){ .of = SELECT_COLUMN, .height = 1, .name = name };
	return e;
}

static int
is_shared(const struct select_source *from, struct str name)
{
	for (int i = 0; i < from->n_shared; i++)
		if (same_name(from->shared[i], name))
			return 1;
	return 0;
}

/* The columns of a table as * names them, from item `at` on. The item behind, -1. */
static int
star_of_relation(struct plan_work *k, int at)
{
	struct plan_scope *s = &k->scope;
	const struct plan_relation *r = s->relation;

	for (int i = 0; i < r->n; i++, at++) {
		struct select_expr *e = named_column(k, r->name[i]);

		if (!e || at >= k->n_names)
			return -1;
		add_known(k->w, &s->known, &s->n_known, (struct plan_known){ e, r->column[i], r->affinity[i] });
		k->item[at] = e;
	}
	return at;
}

/* Those of an input of a join. A name shared by USING stands once, where it is first. */
static int
star_of_input(struct plan_work *k, int input, int whole, int at)
{
	struct plan_scope *s = &k->scope;
	struct plan_work *in = s->input[input];
	const struct plan_relation *r = in->scope.relation;
	const struct select_core *inner = in->scope.inner ? in->scope.inner->core : NULL;
	int n = r ? r->n : inner ? inner->n_items : -1;

	if (n < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		struct str name = r ? r->name[i] : inner->item[i].alias.p ? inner->item[i].alias : (struct str){ NULL, 0 };
		struct select_expr *e;
		int column;

		if (!name.p && inner && inner->item[i].expr && inner->item[i].expr->of == SELECT_COLUMN)
			name = inner->item[i].expr->name;
		if (!name.p || !(e = named_column(k, name)))
			return -1;
		if (!whole && is_shared(&k->core->source[input], name))
			continue;
		if (at >= k->n_names)
			return -1;
		if (r)
			add_known(k->w, &in->scope.known, &in->scope.n_known, (struct plan_known){ e, r->column[i], r->affinity[i] });
		if ((column = vector_plan_key(in, e, 0)) < 0 || (column = give(s, input, column)) < 0)
			return -1;
		add_known(k->w, &s->known, &s->n_known, (struct plan_known){ e, column, s->affinity[column] });
		k->item[at++] = e;
	}
	return at;
}

int
vector_plan_star(struct plan_work *k)
{
	const struct select_core *c = k->core;
	struct plan_scope *s = &k->scope;
	int at = 0;

	k->item = arena_get(k->w->arena, ((size_t)k->n_names + 1) * sizeof(*k->item));
	for (int i = 0; i < c->n_items && k->item; i++) {
		const struct select_item *item = &c->item[i];
		int last = k->n_names - (c->n_items - 1 - i);

		if (at >= k->n_names)
			return -1;
		if (item->expr) {
			k->item[at++] = item->expr;
		} else if (s->relation) {
			if ((at = star_of_relation(k, at)) < 0)
				return -1;
		} else if (s->n_inputs) {
			for (int n = 0; n < s->n_inputs; n++)
				if ((!item->table.p || same_name(item->table, s->input[n]->scope.alias)) && (at = star_of_input(k, n, item->table.p != NULL, at)) < 0)
					return -1;
		} else {
			for (; at < last; at++)
				if (!(k->item[at] = named_column(k, k->name[at])))
					return -1;
		}
	}
	return k->item && at == k->n_names ? 0 : -1;
}

/* ---- stages */

/* The least and the greatest of instants is one. */
static int
gives_times(const struct vector_plan *p, const struct vector_aggregate *a)
{
	return (a->of == AGGREGATE_MIN || a->of == AGGREGATE_MAX) && is_time(p, a->arg);
}

void
vector_plan_stage(struct plan_work *k)
{
	struct planner *w = k->w;
	struct vector_plan *before = k->scope.plan, *next;
	int number;

	k->bad |= !vector_plan_ignores_doubles(k);
	if (k->bad || !(next = vector_plan_new(w, &number))) {
		k->bad = 1;
		return;
	}
	vector_plan_finish(k);
	k->n_inputs = 0;
	w->plans->plan[number] = before;        /* what is read last keeps the number that the statement knows */
	w->plans->plan[k->number] = next;
	k->scope = (struct plan_scope){ .w = w, .core = k->core, .plan = next, .alias = k->scope.alias, .inner = k->scope.inner, .staged = 1,
		.known = k->found, .n_known = k->n_found };
	k->found = NULL, k->n_found = 0;
	next->source = source_of_plan(next, before);
	for (int i = 0; i < before->n_keys && !k->bad; i++)
		k->bad |= vector_plan_add_column(&k->scope, is_time(before, before->key[i]), k->key[i].affinity) < 0;
	for (int i = 0; before->grouped && i < before->n_aggregates && !k->bad; i++)
		k->bad |= vector_plan_add_column(&k->scope, gives_times(before, &before->aggregate[i]), AFFINITY_NONE) < 0;
	k->n_keys = k->n_aggregates = 0;
}

static int
is_found(const struct plan_work *k, const struct select_expr *e)
{
	for (int i = 0; i < k->n_found; i++)
		if (k->found[i].expr == e)
			return 1;
	return 0;
}

void
vector_plan_lower(struct plan_work *k, const struct select_expr *e, int aliases)
{
	const struct select_expr *child, *m = vector_plan_meant(k, e, &aliases);
	unsigned has = vector_plan_has(&k->scope, m, aliases);
	int values = has & HAS_COLUMN && !(has & ~(unsigned)HAS_COLUMN), column = -1;
	enum plan_affinity affinity = AFFINITY_NONE;

	if (k->bad || !has || is_found(k, m))
		return;
	if (values && k->grouped) {
		struct vector_expr *value = vector_plan_value(&k->scope, m, aliases);

		affinity = vector_plan_affinity(&k->scope, m, aliases);
		for (int i = 0; value && i < k->n_keys && column < 0; i++)
			if (vector_plan_same(value, k->key[i].value) && affinity == k->key[i].affinity)
				column = i;
	} else if (values) {
		affinity = vector_plan_affinity(&k->scope, m, aliases);
		k->bad |= (column = vector_plan_key(k, m, aliases)) < 0;
	} else if (k->grouped && vector_plan_is_aggregate(m)) {
		if ((column = vector_plan_aggregate(k, m)) < 0)
			k->bad = 1;
		else
			column += k->n_keys;
	}
	if (column >= 0) {
		add_known(k->w, &k->found, &k->n_found, (struct plan_known){ m, column, affinity });
		return;
	}
	if (m->of == SELECT_COLUMN)             /* beside aggregates */
		k->bad = 1;
	for (int i = 0; (child = vector_plan_child(m, i)); i++)
		vector_plan_lower(k, child, aliases);
}

/* ---- windows */

#define WINDOWS_MOST 32

/* A window as it is meant: what it says itself and what its bases say. */
struct meant {
	struct select_expr *const *partition;
	int n_partition;
	const struct select_term *order;
	int n_order;
	const struct select_window *frame;      /* who says the frame; NULL: nobody */
	int aliases_partition, aliases_order;   /* names of items count, in the WINDOW clause */
};

struct call {
	const struct select_expr *expr;
	struct meant over;
	int *partition, n_partition;    /* columns */
	struct vector_by *order;
	int n_order;
	struct vector_window window;
};

static const struct { const char *name; int least, most; enum vector_window_of of; } functions[] = {
	{ "row_number", 0, 0, WINDOW_ROW_NUMBER }, { "rank", 0, 0, WINDOW_RANK }, { "dense_rank", 0, 0, WINDOW_DENSE_RANK },
	{ "percent_rank", 0, 0, WINDOW_PERCENT_RANK }, { "cume_dist", 0, 0, WINDOW_CUME_DIST }, { "ntile", 1, 1, WINDOW_NTILE }, { "lag", 1, 3, WINDOW_LAG },
	{ "lead", 1, 3, WINDOW_LEAD }, { "first_value", 1, 1, WINDOW_FIRST_VALUE }, { "last_value", 1, 1, WINDOW_LAST_VALUE },
	{ "nth_value", 2, 2, WINDOW_NTH_VALUE }, { "count", 0, 1, WINDOW_COUNT }, { "sum", 1, 1, WINDOW_SUM }, { "total", 1, 1, WINDOW_TOTAL },
	{ "avg", 1, 1, WINDOW_AVG }, { "min", 1, 1, WINDOW_MIN }, { "max", 1, 1, WINDOW_MAX }, { NULL, 0, 0, WINDOW_ROWS } };

static const struct select_window *
window_called(const struct plan_work *k, struct str name)
{
	for (int i = 0; i < k->core->n_windows; i++)
		if (same_name(k->core->window[i].name, name))
			return &k->core->window[i];
	return NULL;
}

static int
meaning(const struct plan_work *k, const struct select_window *w, int in_clause, int depth, struct meant *to)
{
	struct str base = w->base.p ? w->base : !in_clause ? w->name : (struct str){ NULL, 0 };
	const struct select_window *of;

	if (depth > 16)
		return -1;
	*to = (struct meant){ .n_partition = 0 };
	if (base.p && (!(of = window_called(k, base)) || meaning(k, of, 1, depth + 1, to) < 0))
		return -1;
	if (w->n_partition)
		to->partition = w->arg, to->n_partition = w->n_partition, to->aliases_partition = in_clause;
	if (w->n_order)
		to->order = w->order, to->n_order = w->n_order, to->aliases_order = in_clause;
	if (w->frame)
		to->frame = w;
	return to->frame && to->frame->excludes ? -1 : 0;
}

static int
constant(struct plan_work *k, const struct select_expr *e, struct cell *to)
{
	return vector_plan_has(&k->scope, e, 0) || vector_plan_constant(&k->scope, e, to) < 0 ? -1 : 0;
}

static int
integer(struct plan_work *k, const struct select_expr *e, int64_t least, int64_t *to)
{
	struct cell c;

	if (constant(k, e, &c) < 0 || c.type != CELL_INTEGER || c.integer < least || c.integer > INT32_MAX)
		return -1;
	*to = c.integer;
	return 0;
}

static int
bounds(struct plan_work *k, const struct select_window *frame, struct vector_window *w)
{
	struct vector_bound *to[] = { &w->from, &w->to };

	w->frame = FRAME_RANGE;
	w->to.of = BOUND_CURRENT;
	if (!frame)
		return 0;
	w->frame = *frame->frame == 'G' ? FRAME_GROUPS : frame->frame[1] == 'O' ? FRAME_ROWS : FRAME_RANGE;
	for (int i = 0; i < 2; i++) {
		static const int of[] = { [SELECT_FIRST] = BOUND_FIRST, [SELECT_PRECEDING] = BOUND_BEFORE, [SELECT_CURRENT] = BOUND_CURRENT,
			[SELECT_FOLLOWING] = BOUND_AFTER, [SELECT_LAST] = BOUND_LAST };
		struct cell *by = &to[i]->by;

		to[i]->of = of[frame->bound[i].of];
		if (!frame->bound[i].by)
			continue;
		if (constant(k, frame->bound[i].by, by) < 0 || (by->type != CELL_INTEGER && (by->type != CELL_REAL || w->frame != FRAME_RANGE)))
			return -1;
		if (by->type == CELL_INTEGER ? by->integer < 0 || (w->frame != FRAME_RANGE && by->integer > INT32_MAX) : !(by->real >= 0))
			return -1;
	}
	return 0;
}

/* The argument as a column, NULL where the filter is not true: no aggregate counts those. */
static int
argument(struct plan_work *k, const struct select_expr *e)
{
	struct plan_scope *s = &k->scope;
	struct vector_expr *value, *filtered;

	if (!e->filter)
		return vector_plan_key(k, e->arg[0], 0);
	if (vector_plan_has(s, e->filter, 0) & ~(unsigned)HAS_COLUMN || (e->n_args && vector_plan_has(s, e->arg[0], 0) & ~(unsigned)HAS_COLUMN))
		return -1;
	filtered = vector_plan_node(s, VECTOR_CASE, 2);
	filtered->arg[0] = vector_plan_condition(s, e->filter, 0);
	filtered->arg[1] = value = e->n_args ? vector_plan_value(s, e->arg[0], 0) : vector_plan_cell(s, cell_integer(1));
	return filtered->arg[0] && value ? vector_plan_key_of(k, filtered, AFFINITY_NONE) : -1;
}

static int
function(struct plan_work *k, struct call *c)
{
	const struct select_expr *e = c->expr;
	struct vector_window *w = &c->window;
	int i;

	for (i = 0; functions[i].name && !same_name(e->name, str_of(functions[i].name)); i++)
		;
	*w = (struct vector_window){ .of = functions[i].of, .arg = -1, .otherwise = -1, .n = 1 };
	if (!functions[i].name || e->distinct || e->n_args < functions[i].least || e->n_args > functions[i].most || (e->filter && w->of < WINDOW_COUNT) ||
	    bounds(k, c->over.frame, w) < 0)
		return -1;
	if (w->of == WINDOW_COUNT && !e->n_args && !e->filter)
		w->of = WINDOW_ROWS;
	else if (w->of == WINDOW_NTILE)
		return integer(k, e->arg[0], 1, &w->n);
	else if (w->of >= WINDOW_LAG && (w->arg = argument(k, e)) < 0)
		return -1;
	if (w->of == WINDOW_NTH_VALUE)
		return integer(k, e->arg[1], 1, &w->n);
	if (w->of <= WINDOW_LEAD && e->n_args > 1 && integer(k, e->arg[1], 0, &w->n) < 0)
		return -1;
	return w->of <= WINDOW_LEAD && e->n_args > 2 ? ((w->otherwise = vector_plan_key(k, e->arg[2], 0)) < 0 ? -1 : 0) : 0;
}

static int
call(struct plan_work *k, struct call *c)
{
	struct meant *m = &c->over;

	if (meaning(k, c->expr->over, 0, 0, m) < 0 || m->n_partition > 16 || m->n_order > 16)
		return -1;
	c->partition = arena_get(k->w->arena, 16 * sizeof(*c->partition));
	c->order = arena_get(k->w->arena, 16 * sizeof(*c->order));
	if (!c->partition || !c->order)
		return -1;
	for (; c->n_partition < m->n_partition; c->n_partition++)
		if ((c->partition[c->n_partition] = vector_plan_key(k, m->partition[c->n_partition], m->aliases_partition)) < 0)
			return -1;
	for (; c->n_order < m->n_order; c->n_order++) {
		const struct select_term *t = &m->order[c->n_order];
		struct vector_by *by = &c->order[c->n_order];

		*by = (struct vector_by){ vector_plan_key(k, t->expr, m->aliases_order), t->descending, t->nulls ? t->nulls == 2 : t->descending };
		if (by->column < 0)
			return -1;
	}
	return function(k, c);
}

static void
find_calls(struct plan_work *k, const struct select_expr *e, struct call *to, int *n)
{
	const struct select_expr *child;

	if (e->of == SELECT_CALL && e->over) {
		for (int i = 0; i < *n; i++)
			if (to[i].expr == e)
				return;
		if (*n == WINDOWS_MOST)
			k->bad = 1;
		else
			to[(*n)++] = (struct call){ .expr = e };
		return;
	}
	for (int i = 0; (child = vector_plan_child(e, i)); i++)
		find_calls(k, child, to, n);
}

/* Values beside the windows: known to the next plan. */
static void
lower_around(struct plan_work *k, const struct select_expr *e, int aliases)
{
	const struct select_expr *child, *m = vector_plan_meant(k, e, &aliases);

	if (m->of == SELECT_CALL && m->over)
		return;
	if (!(vector_plan_has(&k->scope, m, aliases) & HAS_WINDOW)) {
		vector_plan_lower(k, m, aliases);
		return;
	}
	for (int i = 0; (child = vector_plan_child(m, i)); i++)
		lower_around(k, child, aliases);
}

static int
same_window(const struct call *a, const struct call *b)
{
	return a->n_partition == b->n_partition && a->n_order == b->n_order &&
	    (!a->n_partition || memcmp(a->partition, b->partition, (size_t)a->n_partition * sizeof(*a->partition)) == 0) &&
	    (!a->n_order || memcmp(a->order, b->order, (size_t)a->n_order * sizeof(*a->order)) == 0);
}

/* Does a window give instants: those of a column that has nothing else? */
static int
gives_time(const struct vector_plan *p, const struct vector_window *w)
{
	int of_a_row = (w->of >= WINDOW_LAG && w->of <= WINDOW_NTH_VALUE) || w->of == WINDOW_MIN || w->of == WINDOW_MAX;

	return of_a_row && w->otherwise < 0 && p->field[w->arg].of == FIELD_TIME;
}

/* One look for all calls over the same window, the first in the statement last: its order stays. */
static void
put_windows(struct plan_work *k, struct call *call, int n)
{
	struct vector_plan *p = k->scope.plan;
	int done[WINDOWS_MOST] = {0};

	for (int last = n - 1; last >= 0; last--) {
		struct vector_source *s;
		int first = 0;

		while (done[first] || !same_window(&call[first], &call[last]))
			if (++first > last)
				break;
		if (done[last] || first != last)
			continue;       /* comes with the first of its kind */
		s = source_new(p, SOURCE_WINDOWS, 1);
		s->input[0] = p->source;
		p->source = s;
		s->partition = arena_get(p->arena, 16 * sizeof(*s->partition));
		s->order = arena_get(p->arena, 16 * sizeof(*s->order));
		memcpy(s->partition, call[last].partition, (size_t)call[last].n_partition * sizeof(*s->partition));
		memcpy(s->order, call[last].order, (size_t)call[last].n_order * sizeof(*s->order));
		s->n_partition = call[last].n_partition;
		s->n_order = call[last].n_order;
		s->window = arena_get(p->arena, WINDOWS_MOST * sizeof(*s->window));
		for (int i = last; i < n && !k->bad; i++) {
			int column;

			if (done[i] || !same_window(&call[i], &call[last]))
				continue;
			done[i] = 1;
			s->window[s->n_windows++] = call[i].window;
			column = vector_plan_add_column(&k->scope, gives_time(p, &call[i].window), AFFINITY_NONE);
			k->bad |= column < 0;
			add_known(k->w, &k->scope.known, &k->scope.n_known, (struct plan_known){ call[i].expr, column, AFFINITY_NONE });
		}
	}
}

int
vector_plan_windows(struct plan_work *k)
{
	struct call *calls = arena_get(k->w->arena, WINDOWS_MOST * sizeof(*calls));
	int n = 0;

	if (!calls)
		return -1;
	for (int i = 0; i < k->n_names; i++)
		find_calls(k, k->item[i], calls, &n);
	for (int i = 0; k->alone && i < k->select->n_order; i++)
		find_calls(k, k->select->order[i].expr, calls, &n);
	if (k->scope.staged)            /* so that each column below has its number here too */
		for (int i = 0; i < k->scope.plan->n_fields; i++)
			k->bad |= vector_plan_key_of(k, vector_plan_field(&k->scope, k->scope.plan->field[i]), k->scope.affinity[i]) != i;
	for (int i = 0; i < n && !k->bad; i++)
		k->bad |= call(k, &calls[i]) < 0;
	for (int i = 0; i < k->n_names && !k->bad; i++)
		lower_around(k, k->item[i], 0);
	for (int i = 0; k->alone && i < k->select->n_order && !k->bad; i++)
		lower_around(k, k->select->order[i].expr, 1);
	if (!k->bad)
		vector_plan_stage(k);
	if (!k->bad)
		put_windows(k, calls, n);
	return k->bad ? -1 : 1;
}

/* ---- where the order of rows is nobody's business */

/* Windows over the rows of windows with the same partitions: then those may come in any order too. */
static int
keeps_partitions(const struct vector_source *s)
{
	for (int i = 0; i < s->n_partition; i++) {
		const struct vector_source *below = s->input[0];
		int column = s->partition[i];

		while (below && below->of == SOURCE_PLAN) {
			const struct vector_plan *p = below->plan;

			if (p->grouped || p->limit >= 0 || p->key[column]->op != VECTOR_FIELD)
				return 0;
			column = p->key[column]->field;
			below = p->source;
		}
		if (!below || below->of != SOURCE_WINDOWS || below->n_partition != s->n_partition || below->partition[i] != column)
			return 0;
	}
	return s->n_partition > 0;
}

/* What is asked of a source. 1 when a plan is asked for more than before. */
static int
want(struct vector_source *s, int ordered)
{
	int changed = 0;

	if (s->of == SOURCE_PLAN) {
		changed = ordered && s->plan->unordered;
		if (changed)
			s->plan->unordered = 0;
		return changed;
	}
	s->unordered = !ordered;
	for (int i = 0; i < s->n_inputs; i++)
		changed |= want(s->input[i], s->of == SOURCE_WINDOWS ? ordered || !keeps_partitions(s) : ordered);
	return changed;
}

void
vector_plan_orders(struct vector_plans *all)
{
	int changed = 1;

	for (int i = 0; i < all->n; i++)
		all->plan[i]->unordered = all->plan[i]->readers > 0;
	while (changed) {
		changed = 0;
		for (int i = 0; i < all->n; i++) {
			struct vector_plan *p = all->plan[i];
			int ordered = p->grouped || p->total ? 0 : p->limit >= 0 || !p->unordered;

			for (int a = 0; a < p->n_aggregates; a++)
				ordered |= vector_aggregate_is_ordered(p->aggregate[a].of);
			if (p->source)
				changed |= want(p->source, ordered);
		}
	}
}

/* ---- which columns are read at all */

static int
n_columns(const struct vector_source *s)
{
	if (s->of == SOURCE_JOIN)
		return s->n_gives;
	if (s->of == SOURCE_SQL)
		return s->n_columns;
	return s->of == SOURCE_PLAN ? s->plan->n_keys + (s->plan->grouped ? s->plan->n_aggregates : 0) : n_columns(s->input[0]) + s->n_windows;
}

static void
mark(const struct vector_expr *e, unsigned char *wanted)
{
	if (!e)
		return;
	if (e->op == VECTOR_FIELD || e->op == VECTOR_TIME)
		wanted[e->field] = 1;
	for (int i = 0; i < e->n_args; i++)
		mark(e->arg[i], wanted);
}

/* 1 when a plan is asked for a column more. */
static int
ask_for(struct vector_source *s, const unsigned char *wanted, struct arena *arena)
{
	unsigned char of[COLUMNS_MOST] = {0};
	int n = n_columns(s), below, changed = 0;

	switch (s->of) {
	case SOURCE_PLAN:
		for (int i = 0; i < n; i++)
			if (wanted[i] && !s->plan->wanted[i])
				s->plan->wanted[i] = 1, changed = 1;
		return changed;
	case SOURCE_WINDOWS:
		below = n_columns(s->input[0]);
		memcpy(of, wanted, (size_t)below);
		for (int i = 0; i < s->n_partition; i++)
			of[s->partition[i]] = 1;
		for (int i = 0; i < s->n_order; i++)
			of[s->order[i].column] = 1;
		for (int i = 0; i < s->n_windows; i++) {
			if (wanted[below + i] && s->window[i].arg >= 0)
				of[s->window[i].arg] = 1;
			if (wanted[below + i] && s->window[i].otherwise >= 0)
				of[s->window[i].otherwise] = 1;
		}
		if (!s->wanted)
			s->wanted = arena_get(arena, COLUMNS_MOST);
		memcpy(s->wanted, wanted, COLUMNS_MOST);
		memcpy(s->wanted, of, (size_t)below);
		return ask_for(s->input[0], of, arena);
	case SOURCE_JOIN:
		for (int t = 0; t < s->n_inputs; t++) {
			memset(of, 0, sizeof(of));
			for (int i = 0; i < n; i++)
				if (wanted[i] && s->give[i].table == t)
					of[s->give[i].column] = 1;
			for (int k = 1; k < s->n_inputs; k++)
				for (int i = 0; i < s->step[k].n_keys; i++) {
					if (s->step[k].key[i].table == t)
						of[s->step[k].key[i].left] = 1;
					if (k == t)
						of[s->step[k].key[i].right] = 1;
				}
			changed |= ask_for(s->input[t], of, arena);
		}
		return changed;
	case SOURCE_SQL:                /* gives all it has */
		return 0;
	}
	return 0;
}

void
vector_plan_columns(struct vector_plans *all)
{
	int changed = 1;

	for (int i = 0; i < all->n; i++) {
		struct vector_plan *p = all->plan[i];

		p->wanted = arena_get(p->arena, 2 * COLUMNS_MOST);
		memset(p->wanted, p->readers == 0, 2 * COLUMNS_MOST);
	}
	while (changed) {
		changed = 0;
		for (int i = 0; i < all->n; i++) {
			struct vector_plan *p = all->plan[i];
			unsigned char of[COLUMNS_MOST] = {0};

			if (!p->source)
				continue;
			mark(p->where, of);
			for (int k = 0; k < p->n_keys; k++)
				if (p->grouped || p->limit >= 0 || p->wanted[k])
					mark(p->key[k], of);
			for (int k = 0; k < p->n_order; k++)
				mark(p->order[k].expr, of);
			for (int k = 0; k < p->n_aggregates; k++)
				mark(p->aggregate[k].arg, of), mark(p->aggregate[k].by, of), mark(p->aggregate[k].filter, of);
			changed |= ask_for(p->source, of, p->arena);
		}
	}
}
