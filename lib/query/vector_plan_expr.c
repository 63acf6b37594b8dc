/* Expressions for the columns: what has a node of its own, and what SQLite computes. When in doubt it is SQLite. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "query/functions.h"
#include "query/tables.h"
#include "query/vector_plan_priv.h"
#include "query/vector_priv.h"

#define TEXT_MOST (64u << 10)           /* bytes of one expression as SQL, aliases and constants put in */

static int
named(struct str name, const char *text)
{
	return strlen(text) == name.n && strncasecmp(text, name.p, name.n) == 0;
}

static int
one_of(struct str name, const char *const *texts)
{
	for (; *texts; texts++)
		if (named(name, *texts))
			return 1;
	return 0;
}

/* ---- nodes */

struct vector_expr *
vector_plan_node(struct plan_scope *s, enum vector_op op, int n_args)
{
	struct vector_expr *e = arena_get(s->plan->arena, sizeof(*e));

	*e = (struct vector_expr){ .op = op, .n_args = n_args };
	if (n_args) {
		e->arg = arena_get(s->plan->arena, (size_t)n_args * sizeof(*e->arg));
		memset(e->arg, 0, (size_t)n_args * sizeof(*e->arg));
	}
	return e;
}

struct vector_expr *
vector_plan_cell(struct plan_scope *s, struct cell cell)
{
	struct vector_expr *e = vector_plan_node(s, VECTOR_CONSTANT, 0);

	e->constant = cell;
	return e;
}

struct vector_expr *
vector_plan_field(struct plan_scope *s, struct store_field field)
{
	struct vector_plan *p = s->plan;
	struct vector_expr *e;
	int i;

	for (i = 0; i < p->n_fields && !(p->field[i].of == field.of && str_eq(p->field[i].name, field.name)); i++)
		;
	if (i == STORE_BATCH_FIELDS)
		return NULL;
	if (i == p->n_fields) {
		if (field.name.p)
			field.name.p = arena_dup(p->arena, field.name.p, field.name.n);
		p->field[p->n_fields++] = field;
	}
	e = vector_plan_node(s, VECTOR_FIELD, 0);
	e->field = i;
	return e;
}

const struct select_expr *
vector_plan_child(const struct select_expr *e, int i)
{
	if (i < e->n_args)
		return e->arg[i];
	i -= e->n_args;
	if (e->filter && i-- == 0)
		return e->filter;
	return e->over && i < e->over->n_args ? e->over->arg[i] : NULL;
}

const struct plan_late *
vector_plan_late(const struct planner *w, const void *of)
{
	for (int i = 0; i < w->n_late; i++)
		if (w->late[i].of == of)
			return &w->late[i];
	return NULL;
}

int
vector_plan_is_aggregate(const struct select_expr *e)
{
	if (e->of != SELECT_CALL || e->over)
		return 0;
	if (named(e->name, "min") || named(e->name, "max"))
		return e->n_args == 1;
	return functions_is_aggregate(e->name);
}

static int
same_name(struct str a, struct str b)
{
	return a.p && b.p && a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* A column of a subquery: the first that is called so. */
static enum plan_name
name_inside(struct plan_scope *s, struct str name, struct store_field *field, struct plan_item *item)
{
	for (int i = 0; i < s->core->n_items; i++) {
		const struct select_item *it = &s->core->item[i];
		const struct select_expr all = { .of = SELECT_COLUMN, .height = 1, .name = name };
		enum plan_name found;

		if (!it->expr) {
			if ((found = vector_plan_name(s, &all, 0, field, item)) == NAME_COLUMN || found == NAME_ITEM)
				return found;
		} else if (same_name(it->alias.p || it->expr->of != SELECT_COLUMN ? it->alias : it->expr->name, name)) {
			*item = (struct plan_item){ s, it->expr };
			return NAME_ITEM;
		}
	}
	return NAME_NONE;
}

enum plan_name
vector_plan_name(struct plan_scope *s, const struct select_expr *e, int aliases, struct store_field *field, struct plan_item *item)
{
	static const char *const words[] = { "true", "false", "current_date", "current_time", "current_timestamp", NULL };

	if (--s->w->budget < 0 || e->schema.p || (e->table.p && !s->n_inputs && !same_name(e->table, s->alias)))
		return NAME_NONE;
	if (s->n_inputs) {
		if (vector_plan_join_column(s, e, field))
			return NAME_COLUMN;
	} else if (s->relation) {
		for (int i = 0; i < s->relation->n; i++)
			if (same_name(s->relation->name[i], e->name)) {
				*field = vector_plan_column(s, s->relation->column[i]);
				return NAME_COLUMN;
			}
	} else if (s->inner) {
		enum plan_name found = name_inside(s->inner, e->name, field, item);

		if (found != NAME_NONE && (!s->staged || (found == NAME_ITEM && !vector_plan_has(item->in, item->expr, 0))))
			return found;
	} else if (!s->staged && (s->plan->samples ? tables_samples_column : tables_events_column)(s->w->q, e->name, field)) {
		return NAME_COLUMN;
	}
	for (int i = 0; aliases && !e->table.p && i < s->core->n_items; i++)
		if (same_name(s->core->item[i].alias, e->name)) {
			*item = (struct plan_item){ s, s->core->item[i].expr };
			return NAME_ITEM;
		}
	return !e->table.p && s->w->sql.p[e->from] != '"' && one_of(e->name, words) ? NAME_WORD : NAME_NONE;
}

unsigned
vector_plan_has(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	static const char *const blobs[] = { "zeroblob", "unhex", "order_key", "likelihood", "likely", "unlikely", NULL };
	const struct select_expr *child;
	struct plan_item item;
	struct store_field field;
	unsigned has = 0;

	if (--s->w->budget < 0)
		return HAS_UNKNOWN;
	if (vector_plan_late(s->w, e))
		return HAS_LATE;
	if (vector_plan_known(s, e))
		return HAS_COLUMN;
	switch (e->of) {
	case SELECT_COLUMN:
		switch (vector_plan_name(s, e, aliases, &field, &item)) {
		case NAME_COLUMN:
			return HAS_COLUMN;
		case NAME_ITEM:
			return vector_plan_has(item.in, item.expr, 0);
		case NAME_WORD:
			return 0;
		default:
			return HAS_UNKNOWN;
		}
	case SELECT_CALL:
		if (e->over)
			has |= HAS_WINDOW;
		else if (vector_plan_is_aggregate(e))
			has |= HAS_AGGREGATE;
		if (functions_is_volatile(e->name))
			has |= HAS_VOLATILE;
		if (one_of(e->name, blobs))
			has |= HAS_BLOB;
		break;
	case SELECT_BLOB:
		return HAS_BLOB;
	case SELECT_CAST:
		if (vector_plan_affinity(s, e, aliases) == AFFINITY_BLOB)
			has |= HAS_BLOB;
		break;
	case SELECT_COLLATE:
		has |= HAS_COLLATE;
		break;
	case SELECT_ROW:
		return HAS_UNKNOWN;
	default:
		break;
	}
	if (e->select)
		has |= vector_plan_late(s->w, e->select) ? HAS_LATE : HAS_SUBQUERY;
	for (int i = 0; (child = vector_plan_child(e, i)); i++)
		has |= vector_plan_has(s, child, aliases);
	return has;
}

static int
holds(struct str type, const char *part)
{
	for (size_t i = 0; i + strlen(part) <= type.n; i++)
		if (strncasecmp(type.p + i, part, strlen(part)) == 0)
			return 1;
	return 0;
}

static enum plan_affinity
field_affinity(const struct plan_scope *s, struct store_field field)
{
	const struct vector_plan *p = s->plan;

	while (s->inner && !s->staged)
		s = s->inner;
	for (int i = 0; s->affinity && i < p->n_fields; i++)
		if (p->field[i].of == field.of && str_eq(p->field[i].name, field.name))
			return s->affinity[i];
	return field.of == FIELD_PROPERTY ? AFFINITY_BLOB : field.of == FIELD_VALUE ? AFFINITY_NUMERIC : AFFINITY_TEXT;
}

enum plan_affinity
vector_plan_affinity_of(struct str type)        /* sqlite.org/datatype3.html, 3.1 */
{
	if (holds(type, "int"))
		return AFFINITY_NUMERIC;
	if (holds(type, "char") || holds(type, "clob") || holds(type, "text"))
		return AFFINITY_TEXT;
	return type.n == 0 || holds(type, "blob") ? AFFINITY_BLOB : AFFINITY_NUMERIC;
}

static int
is_real_type(struct str type)
{
	return !holds(type, "int") && vector_plan_affinity_of(type) == AFFINITY_NUMERIC && (holds(type, "real") || holds(type, "floa") || holds(type, "doub"));
}

enum plan_affinity
vector_plan_affinity(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	const struct plan_known *known = vector_plan_known(s, e);
	struct plan_item item;
	struct store_field field;

	if (known)
		return known->affinity;
	switch (e->of) {
	case SELECT_COLUMN:
		switch (vector_plan_name(s, e, aliases, &field, &item)) {
		case NAME_COLUMN:
			return field_affinity(s, field);
		case NAME_ITEM:
			return vector_plan_affinity(item.in, item.expr, 0);
		default:
			return AFFINITY_NONE;
		}
	case SELECT_COLLATE:
		return vector_plan_affinity(s, e->arg[0], aliases);
	case SELECT_SUBQUERY:
		return vector_plan_late(s->w, e) ? vector_plan_late(s->w, e)->affinity : AFFINITY_NONE;
	case SELECT_CAST:
		return vector_plan_affinity_of(e->name);
	default:
		return AFFINITY_NONE;
	}
}

/* ---- constants */

int
vector_plan_put_literal(struct buf *to, const struct cell *c)
{
	char number[64];

	switch (c->type) {
	case CELL_INTEGER:
		if (c->integer == INT64_MIN)
			buf_lit(to, "(-9223372036854775807-1)");
		else if (c->integer < 0)
			buf_printf(to, "(%lld)", (long long)c->integer);
		else
			buf_int64(to, c->integer);
		break;
	case CELL_REAL:
		if (isnan(c->real))
			return -1;
		if (isinf(c->real)) {
			buf_lit(to, c->real < 0 ? "(-9e999)" : "9e999");
			break;
		}
		snprintf(number, sizeof(number), "%.17g", c->real);
		if (c->real < 0)
			buf_byte(to, '(');
		buf_lit(to, number);
		if (!strpbrk(number, ".e"))
			buf_lit(to, ".0");
		if (c->real < 0)
			buf_byte(to, ')');
		break;
	case CELL_TEXT:
		if (memchr(c->text.p, 0, c->text.n))
			return -1;
		buf_byte(to, '\'');
		for (size_t i = 0; i < c->text.n; i++) {
			if (c->text.p[i] == '\'')
				buf_byte(to, '\'');
			buf_byte(to, c->text.p[i]);
		}
		buf_byte(to, '\'');
		break;
	default:
		buf_lit(to, "NULL");
	}
	return 0;
}

static int
compute(struct plan_scope *s, struct buf *sql, struct cell *to)
{
	struct query *q = s->w->q;
	sqlite3_stmt *statement = NULL;
	struct str text;
	int rc = -1;

	if (sqlite3_prepare_v3(q->db, buf_text(sql), (int)sql->n + 1, 0, &statement, NULL) == SQLITE_OK && sqlite3_column_count(statement) == 1 &&
	    sqlite3_step(statement) == SQLITE_ROW) {
		rc = 0;
		switch (sqlite3_column_type(statement, 0)) {
		case SQLITE_INTEGER:
			*to = cell_integer(sqlite3_column_int64(statement, 0));
			break;
		case SQLITE_FLOAT:
			*to = cell_real(sqlite3_column_double(statement, 0));
			break;
		case SQLITE_TEXT:
			text.p = (const char *)sqlite3_column_text(statement, 0);
			text.n = (size_t)sqlite3_column_bytes(statement, 0);
			if (text.p && str_utf8_fault(text) < 0)
				*to = cell_text((struct str){ arena_dup(s->plan->arena, text.p, text.n), text.n });
			else
				rc = -1;
			break;
		case SQLITE_BLOB:
			rc = -1;
			break;
		default:
			*to = cell_null();
		}
	}
	sqlite3_finalize(statement);
	return rc;
}

/* ---- an expression as SQL of its fields */

struct fields { int at[16]; int n; };

static int put_sql(struct plan_scope *, const struct select_expr *, int aliases, int operand, struct fields *, struct buf *);
static int field_of(struct plan_scope *, const struct select_expr *, int aliases, struct store_field *);

static int
is_constant(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	return !vector_plan_has(s, e, aliases);
}

int
vector_plan_constant(struct plan_scope *s, const struct select_expr *e, struct cell *to)
{
	struct buf sql = {0};
	int rc = -1;

	if (e->of == SELECT_TEXT && !memchr(e->name.p, 0, e->name.n)) {
		*to = cell_text((struct str){ arena_dup(s->plan->arena, e->name.p, e->name.n), e->name.n });
		return 0;
	}
	buf_lit(&sql, "SELECT ");
	if (!(vector_plan_has(s, e, 1) & ~(unsigned)HAS_COLLATE) && put_sql(s, e, 1, 1, NULL, &sql) == 0)
		rc = compute(s, &sql, to);
	buf_release(&sql);
	return rc;
}

static const struct plan_param *
param_at(const struct planner *w, uint32_t at)
{
	for (int i = 0; i < w->n_params; i++)
		if (w->param[i].at == at)
			return &w->param[i];
	return NULL;
}

/* A field where it stands in SQL. As an operand of a comparison its affinity matters, which a parameter has not. */
static int
put_field(struct plan_scope *s, struct store_field field, enum plan_affinity affinity, struct fields *fields, struct buf *to)
{
	struct vector_expr *e = fields ? vector_plan_field(s, field) : NULL;
	int i;

	if (!e)
		return -1;
	for (i = 0; i < fields->n && fields->at[i] != e->field; i++)
		;
	if (i == (int)(sizeof(fields->at) / sizeof(*fields->at)))
		return -1;
	if (i == fields->n)
		fields->at[fields->n++] = e->field;
	buf_printf(to, affinity == AFFINITY_TEXT ? "CAST(?%d AS TEXT)" : affinity == AFFINITY_NUMERIC ? "CAST(?%d AS NUMERIC)" : "?%d", i + 1);
	return 0;
}

static int
compares(const struct select_expr *e)
{
	if (e->of == SELECT_BINARY)
		return !strcmp(e->op, "=") || !strcmp(e->op, "<>") || *e->op == '<' ? strcmp(e->op, "<<") != 0 : *e->op == '>' ? strcmp(e->op, ">>") != 0 : !strncmp(e->op, "IS", 2);
	return e->of == SELECT_BETWEEN || e->of == SELECT_IN || (e->of == SELECT_CASE && e->has_base);
}

/* A property as an operand has an affinity that changes nothing, and hinders TEXT on the other side: no parameter can say so. */
static int
sayable(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	int text = 0, blob = 0;

	if (!compares(e))
		return 1;
	for (int i = 0; i < e->n_args; i++) {
		enum plan_affinity a = vector_plan_affinity(s, e->arg[i], aliases);

		text |= a == AFFINITY_TEXT;
		blob |= a == AFFINITY_BLOB;
	}
	return !text || !blob;
}

/* operand: it stands in a comparison, or where it is not known what it stands in. */
static int
put_sql(struct plan_scope *s, const struct select_expr *e, int aliases, int operand, struct fields *fields, struct buf *to)
{
	const struct select_expr *child;
	const struct plan_known *known;
	struct plan_item item;
	const struct plan_param *p;
	struct store_field field;
	uint32_t at = e->from;
	int inside = compares(e) || (e->of == SELECT_COLLATE && operand), rc = 0;

	if ((known = vector_plan_known(s, e)))
		return put_field(s, vector_plan_column(s, known->column), operand ? known->affinity : AFFINITY_NONE, fields, to);
	if (to->n > TEXT_MOST || e->select || e->over || !sayable(s, e, aliases))
		return -1;
	switch (e->of) {
	case SELECT_COLUMN:
		switch (vector_plan_name(s, e, aliases, &field, &item)) {
		case NAME_COLUMN:
			return put_field(s, field, operand ? field_affinity(s, field) : AFFINITY_NONE, fields, to);
		case NAME_ITEM:
			inside = item.expr->of != SELECT_CALL && item.expr->of != SELECT_COLUMN && item.expr->of != SELECT_CAST;
			buf_lit(to, inside ? "(" : "");
			rc = put_sql(item.in, item.expr, 0, operand, fields, to);
			buf_lit(to, inside ? ")" : "");
			return rc;
		case NAME_WORD:
			break;
		default:
			return -1;
		}
		break;
	case SELECT_PARAM:
		return (p = param_at(s->w, e->from)) ? vector_plan_put_literal(to, &p->value) : -1;
	case SELECT_CALL:
		if (field_of(s, e, aliases, &field) || (fields && s->n_inputs && vector_plan_join_value(s, e, 0, &field)))
			return put_field(s, field, AFFINITY_NONE, fields, to);
		if (fields && is_constant(s, e, aliases)) {     /* NOW(): the same for all, once and for all */
			struct cell cell;

			return vector_plan_constant(s, e, &cell) < 0 ? -1 : vector_plan_put_literal(to, &cell);
		}
		break;
	case SELECT_BINARY:
		if (field_of(s, e, aliases, &field))
			return put_field(s, field, AFFINITY_NONE, fields, to);
		break;
	default:
		break;
	}
	for (int i = 0; (child = vector_plan_child(e, i)) && rc == 0; i++) {
		uint32_t start = child->from;

		buf_str(to, (struct str){ s->w->sql.p + at, start - at });
		rc = put_sql(s, child, aliases, inside, fields, to);
		at = child->to;
	}
	if (rc == 0)
		buf_str(to, (struct str){ s->w->sql.p + at, e->to - at });
	return rc;
}

/* ---- fields said in other ways */

static int
is_simple_key(struct str key)
{
	for (size_t i = 0; i < key.n; i++)
		if (!((key.p[i] | 32) >= 'a' && (key.p[i] | 32) <= 'z') && key.p[i] != '_' && !(i && key.p[i] >= '0' && key.p[i] <= '9'))
			return 0;
	return key.n > 0;
}

static int
is_properties(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	struct plan_item item;
	struct store_field field;

	return e->of == SELECT_COLUMN && vector_plan_name(s, e, aliases, &field, &item) == NAME_COLUMN && field.of == FIELD_PROPERTIES;
}

static struct store_field
nested_field(struct plan_scope *s, enum store_field_of of, struct str key, struct str in)        /* key.in */
{
	struct store_field field = { of, { NULL, key.n + 1 + in.n } };
	char *path = arena_get(s->plan->arena, field.name.n);

	memcpy(path, key.p, key.n);
	path[key.n] = '.';
	memcpy(path + key.n + 1, in.p, in.n);
	field.name.p = path;
	return field;
}

/* property(a, 'b') of a property a. */
static int
inside(struct plan_scope *s, const struct select_expr *e, int aliases, struct store_field *field)
{
	struct plan_item item;
	struct str in = e->arg[1]->name;

	if (s->plan->samples || s->plan->source || e->n_args != 2 || e->arg[0]->of != SELECT_COLUMN || vector_plan_name(s, e->arg[0], aliases, field, &item) != NAME_COLUMN ||
	    field->of != FIELD_PROPERTY || !is_simple_key(field->name) || !is_simple_key(in))
		return 0;
	*field = nested_field(s, FIELD_INSIDE, field->name, in);
	return 1;
}

/* Is it nothing but a field? The column itself, property(properties, 'a'[, 'b']), property(a, 'b'), json_extract(properties, '$.a'), properties ->> 'a'. */
static int
field_of(struct plan_scope *s, const struct select_expr *e, int aliases, struct store_field *field)
{
	const struct plan_known *known = vector_plan_known(s, e);
	struct plan_item item;
	struct str key;

	if (known) {
		*field = vector_plan_column(s, known->column);
		return 1;
	}
	if (e->of == SELECT_COLUMN) {
		switch (vector_plan_name(s, e, aliases, field, &item)) {
		case NAME_COLUMN:
			return 1;
		case NAME_ITEM:
			return field_of(item.in, item.expr, 0, field);
		default:
			return 0;
		}
	}
	if (e->n_args < 2 || e->filter || e->over || e->distinct || e->arg[1]->of != SELECT_TEXT)
		return 0;
	if (!is_properties(s, e->arg[0], aliases))
		return e->of == SELECT_CALL && named(e->name, "property") && inside(s, e, aliases, field);
	key = e->arg[1]->name;
	if (e->of == SELECT_CALL && named(e->name, "property")) {
		if (e->n_args == 2) {
			*field = (struct store_field){ FIELD_PROPERTY, key };
			return 1;
		}
		/* Nested: the same as a.b of the options where no key is called so, and where b could not be a place in a list. */
		if (e->n_args == 3 && e->arg[2]->of == SELECT_TEXT && is_simple_key(key) && is_simple_key(e->arg[2]->name)) {
			*field = nested_field(s, FIELD_REACH, key, e->arg[2]->name);
			return !query_is_property(s->w->q, field->name);
		}
		return 0;
	}
	if (e->of == SELECT_CALL ? !named(e->name, "json_extract") : e->of != SELECT_BINARY || strcmp(e->op, "->>") != 0)
		return 0;
	if (e->n_args != 2)
		return 0;
	if (key.n > 2 && key.p[0] == '$' && key.p[1] == '.')
		key.p += 2, key.n -= 2;
	else if (e->of == SELECT_CALL)
		return 0;
	*field = (struct store_field){ FIELD_PROPERTY, key };
	return is_simple_key(key);
}

/* ---- how long a function of time stays the same */

#define MINUTE 60000
#define HOUR   3600000
#define DAY    86400000
#define FOREVER INT64_MAX

/* time_add(t, 1, '6 hours'): how far t is moved; 0: nothing of whole minutes. Of months it is whole days. */
static int64_t
moved_by(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	struct cell span;
	int64_t ms, months = 0;

	if (e->of != SELECT_CALL || !named(e->name, "time_add") || e->n_args != 3 || !is_constant(s, e->arg[1], aliases) || !is_constant(s, e->arg[2], aliases) ||
	    vector_plan_constant(s, e->arg[2], &span) < 0 || span.type != CELL_TEXT || functions_interval(span.text, &ms, &months) < 0)
		return 0;
	return ms % DAY == 0 ? DAY : ms % HOUR == 0 ? HOUR : ms % MINUTE == 0 ? MINUTE : 0;
}

static int
is_time(struct plan_scope *s, const struct select_expr *e, int aliases)   /* the timestamp, perhaps moved by whole minutes */
{
	struct store_field field;

	if (e->of == SELECT_CALL && (named(e->name, "at_zone") || named(e->name, "timezone")) && e->n_args == 2)
		return is_time(s, e->arg[0], aliases) && is_constant(s, e->arg[1], aliases);
	if (moved_by(s, e, aliases))
		return is_time(s, e->arg[0], aliases);
	return field_of(s, e, aliases, &field) && (field.of == FIELD_TIME || field.of == FIELD_RECEIVED);
}

static int64_t
of_unit(const struct cell *unit)
{
	static const char *const coarse[] = { "minute", "min", "mi", "hour", "h", "hr", "day", "d", "dayofmonth", "week", "w", "isoweek", "weekofyear", "month", "mon",
		"quarter", "q", "year", "y", "yr", "decade", "century", "dow", "dayofweek", "weekday", "isodow", "doy", "dayofyear", "isoyear", "yearweek", NULL };
	static const char *const fine[] = { "second", "sec", "s", NULL };
	struct str name = unit->text, one = name;

	if (unit->type != CELL_TEXT || !name.n)
		return 1;
	if ((name.p[name.n - 1] | 32) == 's' && name.n > 2)
		one.n--;
	return one_of(name, coarse) || one_of(one, coarse) ? MINUTE : one_of(name, fine) || one_of(one, fine) ? 1000 : 1;
}

static int64_t
of_type(const struct cell *type)        /* of a cast */
{
	return type->type == CELL_TEXT && named(type->text, "date") ? MINUTE : 1;
}

static int64_t
of_span(const struct cell *span)
{
	int64_t ms, months = 0;

	if (span->type == CELL_INTEGER)
		ms = span->integer % 1000000000 * 1000;
	else if (span->type != CELL_TEXT || functions_interval(span->text, &ms, &months) < 0)
		return 1;
	return ms % MINUTE == 0 ? MINUTE : ms % 1000 == 0 ? 1000 : 1;
}

static int64_t
of_format(const struct cell *format)
{
	int64_t every = MINUTE;

	if (format->type != CELL_TEXT)
		return 1;
	for (size_t i = 0; i < format->text.n; i++) {
		if (format->text.p[i] != '%')
			continue;
		if (++i < format->text.n && format->text.p[i] == '-')
			i++;
		if (i >= format->text.n)
			return 1;
		if (strchr("STXs", format->text.p[i]))
			every = 1000;
		else if (!strchr("YyCmdeHIMpjaAbBhwuWUVGFRDxnt%", format->text.p[i]))
			return 1;
	}
	return every;
}

static int64_t
of_letters(const struct cell *format)   /* PostgreSQL's */
{
	if (format->type != CELL_TEXT)
		return 1;
	return holds(format->text, "MS") ? 1 : memchr(format->text.p, 'S', format->text.n) ? 1000 : MINUTE;
}

/* Where days are those of UTC, what is told of whole hours or days stays the same for as long. `unit` is the function's name or the
 * unit it is given, known to be of whole minutes. */
static int64_t
of_whole(struct str unit)
{
	static const char *const minutes[] = { "minute", "min", "mi", "minutes", "mins", "tominute", "tostartofminute", "tostartoffiveminutes", "tostartoffiveminute",
		"tostartoftenminutes", "tostartoffifteenminutes", NULL };
	static const char *const hours[] = { "hour", "h", "hr", "hours", "hrs", "tohour", "tostartofhour", NULL };

	return one_of(unit, minutes) ? MINUTE : one_of(unit, hours) ? HOUR : DAY;
}

static int64_t
of_whole_format(struct str format)
{
	int64_t every = DAY;

	for (size_t i = 0; i + 1 < format.n; i++) {
		if (format.p[i] != '%')
			continue;
		i += format.p[i + 1] == '-' ? 2 : 1;
		if (i < format.n && strchr("MRx", format.p[i]))
			return MINUTE;
		if (i < format.n && strchr("HIhp", format.p[i]))
			every = HOUR;
	}
	return every;
}

/* The same of a time that is moved: for as long as what it is moved by leaves the parts of the clock where they are. */
static int64_t
of_moved(struct plan_scope *s, const struct select_expr *time, int aliases, int64_t every)
{
	struct store_field field;
	int64_t by;

	if (!zone_is_utc(query_zone(s->w->q)))
		return MINUTE;
	if (field_of(s, time, aliases, &field))
		return every;
	by = moved_by(s, time, aliases);
	every = by < every ? by : every;
	return by ? of_moved(s, time->arg[0], aliases, every) : MINUTE;
}

static int64_t
every_of_call(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	static const char *const coarse[] = { "year", "month", "day", "dayofmonth", "hour", "minute", "quarter", "week", "weekofyear", "yearweek", "isoyear",
		"dayofweek", "weekday", "isodow", "dayofyear", "toyear", "tomonth", "tohour", "tominute", "todayofmonth", "todayofweek", "todayofyear", "toyyyymm",
		"toyyyymmdd", "tostartofminute", "tostartofhour", "tostartofday", "tostartofweek", "tomonday", "tostartofmonth", "tostartofquarter", "tostartofyear",
		"tostartoffiveminutes", "tostartoffiveminute", "tostartoftenminutes", "tostartoffifteenminutes", "date", "todate", "monthname", "dayname", "last_day", NULL };
	static const char *const fine[] = { "second", "tostartofsecond", "datetime", "time", NULL };
	static const struct { const char *name; int64_t (*every)(const struct cell *); } twos[] = {
		{ "date_trunc", of_unit }, { "datetrunc", of_unit }, { "timestamp_trunc", of_unit }, { "date_part", of_unit }, { "datepart", of_unit },
		{ "time_bucket", of_span }, { "tostartofinterval", of_span }, { "date_bin", of_span }, { "strftime", of_format }, { "date_format", of_format },
		{ "formatdatetime", of_format }, { "to_char", of_letters }, { "cast_to", of_type }, { "try_cast_to", of_type }, { NULL, NULL } };
	struct cell cell;
	int at;

	if (e->filter || e->distinct)
		return 1;
	if (e->n_args == 1 && is_time(s, e->arg[0], aliases))
		return !one_of(e->name, coarse) ? (one_of(e->name, fine) ? 1000 : 1) : of_moved(s, e->arg[0], aliases, of_whole(e->name));
	if (e->n_args != 2)
		return 1;
	at = is_time(s, e->arg[0], aliases) ? 0 : is_time(s, e->arg[1], aliases) ? 1 : -1;
	if (at < 0 || !is_constant(s, e->arg[!at], aliases) || vector_plan_constant(s, e->arg[!at], &cell) < 0)
		return 1;
	for (int i = 0; twos[i].name; i++)
		if (named(e->name, twos[i].name)) {
			int64_t every = twos[i].every(&cell);

			if (every == MINUTE && (twos[i].every == of_unit || twos[i].every == of_format || twos[i].every == of_type))
				every = of_moved(s, e->arg[at], aliases, twos[i].every == of_format ? of_whole_format(cell.text) : of_whole(cell.text));
			return every;
		}
	return 1;
}

static int64_t
every_of(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	const struct select_expr *child;
	struct plan_item item;
	struct store_field field;
	int64_t every = FOREVER;

	if (is_constant(s, e, aliases))
		return FOREVER;
	if (vector_plan_known(s, e))
		return 1;
	if (e->of == SELECT_COLUMN)
		return vector_plan_name(s, e, aliases, &field, &item) == NAME_ITEM ? every_of(item.in, item.expr, 0) : 1;
	for (int i = 0; (child = vector_plan_child(e, i)); i++)
		if (is_time(s, child, aliases))
			return e->of == SELECT_CALL ? every_of_call(s, e, aliases) : 1;
	for (int i = 0; (child = vector_plan_child(e, i)); i++) {
		int64_t of = every_of(s, child, aliases);

		every = of < every ? of : every;
	}
	return every;
}

/* ---- SQL for the rest */

static struct vector_expr *
sql_of(struct plan_scope *s, const struct select_expr *e, int aliases, const char *before, const char *after)
{
	struct fields fields = { .n = 0 };
	struct vector_expr *out = NULL;
	struct store_field field;
	struct buf sql = {0};
	unsigned has = vector_plan_has(s, e, aliases);

	if (s->n_inputs && !*before && vector_plan_join_value(s, e, 0, &field))
		return vector_plan_field(s, field);
	buf_lit(&sql, before);
	if (*before)
		buf_byte(&sql, '(');
	if (vector_plan_is_sort_key(e))
		has &= ~(unsigned)HAS_BLOB;
	if (!(has & ~(unsigned)(HAS_COLUMN | HAS_COLLATE)) && put_sql(s, e, aliases, 0, &fields, &sql) == 0 && fields.n) {
		enum store_field_of of = s->plan->field[fields.at[0]].of;

		if (*before)
			buf_printf(&sql, "%s)", after);
		out = vector_plan_node(s, fields.n == 1 && (of == FIELD_TIME || of == FIELD_RECEIVED) ? VECTOR_TIME : VECTOR_SQL, fields.n);
		out->sql = (struct str){ arena_dup(s->plan->arena, sql.p, sql.n), sql.n };
		for (int i = 0; i < fields.n; i++)
			out->arg[i] = vector_plan_field(s, s->plan->field[fields.at[i]]);
		out->field = fields.at[0];
		if (out->op == VECTOR_TIME) {
			out->every_ms = every_of(s, e, aliases);
			if (out->every_ms == FOREVER)
				out->every_ms = 1;
		}
	}
	buf_release(&sql);
	return out;
}

/* What an aggregate is ordered by. Of several values the rewriter made a blob that sorts as they do; so do its digits. */
struct vector_expr *
vector_plan_sort_key(struct plan_scope *s, const struct select_expr *e)
{
	if (!vector_plan_is_sort_key(e))
		return vector_plan_value(s, e, 0);
	for (int i = 0; i < e->n_args; i++)
		if (vector_plan_has(s, e->arg[i], 0) & ~(unsigned)HAS_COLUMN)
			return NULL;
	return sql_of(s, e, 0, "hex", "");
}

int
vector_plan_is_sort_key(const struct select_expr *e)
{
	return e->of == SELECT_CALL && named(e->name, "order_key");
}

struct vector_expr *
vector_plan_text(struct plan_scope *s, const struct select_expr *e)
{
	return sql_of(s, e, 0, "CAST", " AS TEXT");
}

static int
count_fields(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	struct fields fields = { .n = 0 };
	struct buf sql = {0};
	int rc = put_sql(s, e, aliases, 0, &fields, &sql);

	buf_release(&sql);
	return rc < 0 ? -1 : fields.n;
}

/* ---- what has a node of its own */

static struct vector_expr *native(struct plan_scope *, const struct select_expr *, int aliases, int strict);

static struct vector_expr *
part(struct plan_scope *s, const struct select_expr *e, int aliases, int strict)
{
	return strict ? native(s, e, aliases, 1) : vector_plan_value(s, e, aliases);
}

/* Nodes whose value is 1, 0 or NULL. */
static int
is_truth(const struct vector_expr *e)
{
	switch (e->op) {
	case VECTOR_AND: case VECTOR_OR: case VECTOR_NOT: case VECTOR_EQ: case VECTOR_NE: case VECTOR_LT: case VECTOR_LE: case VECTOR_GT: case VECTOR_GE:
	case VECTOR_IS: case VECTOR_IS_NOT: case VECTOR_IN: case VECTOR_LIKE: case VECTOR_ILIKE:
		return 1;
	case VECTOR_CONSTANT:
		return !e->sql.p && (e->constant.type == CELL_NULL || (e->constant.type == CELL_INTEGER && (e->constant.integer == 0 || e->constant.integer == 1)));
	default:
		return 0;
	}
}

static int
says_truth(const struct select_expr *e)
{
	return (compares(e) && e->of != SELECT_CASE) || e->of == SELECT_LIKE || e->of == SELECT_IS_NULL || e->of == SELECT_EXISTS || (e->of == SELECT_UNARY && *e->op == 'N');
}

static struct vector_expr *
negate(struct plan_scope *s, struct vector_expr *e, int really)
{
	struct vector_expr *out;

	if (!e || !really)
		return e;
	out = vector_plan_node(s, VECTOR_NOT, 1);
	out->arg[0] = e;
	return out;
}

static struct vector_expr *
truth(struct plan_scope *s, const struct select_expr *e, int aliases, int strict)
{
	struct vector_expr *out = part(s, e, aliases, strict);

	if (out && (is_truth(out) || says_truth(e)))
		return out;
	if (out && out->op == VECTOR_CONSTANT && out->sql.p)
		return negate(s, negate(s, out, 1), 1);
	return strict ? NULL : sql_of(s, e, aliases, "NOT NOT ", "");
}

static struct vector_expr *
pair(struct plan_scope *s, enum vector_op op, struct vector_expr *a, struct vector_expr *b)
{
	struct vector_expr *e;

	if (!a || !b)
		return NULL;
	e = vector_plan_node(s, op, 2);
	e->arg[0] = a, e->arg[1] = b;
	return e;
}

/* A constant beside an operand of TEXT affinity: as text. */
static int
to_text(struct plan_scope *s, struct cell *c)
{
	struct buf sql = {0};
	int rc = 0;

	if (c->type == CELL_INTEGER || c->type == CELL_REAL) {
		buf_lit(&sql, "SELECT CAST(");
		rc = vector_plan_put_literal(&sql, c);
		buf_lit(&sql, " AS TEXT)");
		rc = rc < 0 ? -1 : compute(s, &sql, c);
		buf_release(&sql);
	}
	return rc;
}

/* A node that gets its constants when the subquery has run. */
static struct vector_late *
wait_for(struct plan_scope *s, const void *of, struct vector_expr *into)
{
	const struct plan_late *l = vector_plan_late(s->w, of);
	struct vector_plan *p = s->plan;

	if (!l || p->n_late == LATE_MOST)
		return NULL;
	if (!p->late)
		p->late = arena_get(p->arena, LATE_MOST * sizeof(*p->late));
	into->sql = (struct str){ arena_dup(p->arena, l->sql.p, l->sql.n), l->sql.n };
	p->late[p->n_late] = (struct vector_late){ into->sql, into, 0 };
	return &p->late[p->n_late++];
}

static int
constant_as_text(struct plan_scope *s, struct vector_expr *e)
{
	if (e->op != VECTOR_CONSTANT)
		return -1;
	for (int i = 0; e->sql.p && i < s->plan->n_late; i++)
		if (s->plan->late[i].into == e)
			return s->plan->late[i].as_text = 1, 0;
	return to_text(s, &e->constant);
}

static int
is_number(const struct vector_expr *e)          /* a constant that a numeric affinity leaves as it is */
{
	return e->op == VECTOR_CONSTANT && !e->sql.p && e->constant.type != CELL_TEXT;
}

/* Functions whose value is a text or NULL: TEXT on the other side leaves it as it is. */
static int
gives_text(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	static const char *const calls[] = { "date_trunc", "time_add", "strftime", "date", "datetime", "lower", "upper", "substr", "trim", "replace", NULL };
	struct store_field field;
	struct plan_item item;

	if (e->of == SELECT_COLUMN && vector_plan_name(s, e, aliases, &field, &item) == NAME_ITEM)
		return gives_text(item.in, item.expr, 0);
	if (e->of != SELECT_CALL || e->filter || e->over)
		return 0;
	if (named(e->name, "cast_to") && e->n_args == 2)
		return e->arg[1]->of == SELECT_TEXT && named(e->arg[1]->name, "date");
	return one_of(e->name, calls);
}

/* a OP b, affinity applied: here where it changes nothing or only a constant. */
static struct vector_expr *
comparison(struct plan_scope *s, enum vector_op op, const struct select_expr *a, const struct select_expr *b, int aliases, int strict)
{
	enum plan_affinity x = vector_plan_affinity(s, a, aliases), y = vector_plan_affinity(s, b, aliases);
	struct vector_expr *left, *right;
	struct store_field field;

	if ((vector_plan_has(s, a, aliases) | vector_plan_has(s, b, aliases)) & HAS_COLLATE)
		return NULL;
	if (!(left = part(s, a, aliases, strict)) || !(right = part(s, b, aliases, strict)))
		return NULL;
	if ((x == AFFINITY_NUMERIC && y != x && !is_number(right)) || (y == AFFINITY_NUMERIC && x != y && !is_number(left)))
		return NULL;
	if ((x == AFFINITY_TEXT && y == AFFINITY_NONE) || (y == AFFINITY_TEXT && x == AFFINITY_NONE)) {
		struct vector_expr *other = x == AFFINITY_NONE ? left : right;

		const struct select_expr *e = x == AFFINITY_NONE ? a : b;

		if (!gives_text(s, e, aliases) && constant_as_text(s, other) < 0) {
			if (!s->n_inputs || !vector_plan_join_value(s, e, 1, &field))
				return NULL;
			*(x == AFFINITY_NONE ? &left : &right) = vector_plan_field(s, field);
		}
	}
	return pair(s, op, left, right);
}

static struct vector_expr *
in_subquery(struct plan_scope *s, const struct select_expr *e, int aliases, int strict)
{
	enum plan_affinity x = vector_plan_affinity(s, e->arg[0], aliases), y;
	const struct plan_late *l = vector_plan_late(s->w, e->select);
	struct vector_expr *out = vector_plan_node(s, VECTOR_IN, 1);
	struct vector_late *late;

	if (!l || x == AFFINITY_NUMERIC || (y = l->affinity) == AFFINITY_NUMERIC || (x == AFFINITY_NONE && y == AFFINITY_TEXT) ||
	    vector_plan_has(s, e->arg[0], aliases) & HAS_COLLATE || !(out->arg[0] = part(s, e->arg[0], aliases, strict)) || !(late = wait_for(s, e->select, out)))
		return NULL;
	late->as_text = x == AFFINITY_TEXT && y == AFFINITY_NONE;
	return negate(s, out, e->negated);
}

static struct vector_expr *
in_list(struct plan_scope *s, const struct select_expr *e, int aliases, int strict)
{
	enum plan_affinity x = vector_plan_affinity(s, e->arg[0], aliases);
	struct vector_expr *out;

	if (e->select)
		return in_subquery(s, e, aliases, strict);
	if (e->n_args < 2 || vector_plan_has(s, e, aliases) & HAS_COLLATE)
		return NULL;
	out = vector_plan_node(s, VECTOR_IN, e->n_args);
	if (!(out->arg[0] = part(s, e->arg[0], aliases, strict)))
		return NULL;
	for (int i = 1; i < e->n_args; i++) {
		struct cell cell;

		if (!is_constant(s, e->arg[i], aliases) || vector_plan_constant(s, e->arg[i], &cell) < 0 || cell.type == CELL_NULL)
			return NULL;
		if ((x == AFFINITY_TEXT && to_text(s, &cell) < 0) || (x == AFFINITY_NUMERIC && cell.type == CELL_TEXT))
			return NULL;
		out->arg[i] = vector_plan_cell(s, cell);
	}
	return negate(s, out, e->negated);
}

static struct vector_expr *
like(struct plan_scope *s, const struct select_expr *e, int aliases, int strict)
{
	struct vector_expr *out;
	struct store_field field;

	if ((strcmp(e->op, "LIKE") != 0 && strcmp(e->op, "MATCH") != 0) || vector_plan_has(s, e, aliases) & HAS_COLLATE)
		return NULL;
	if (field_of(s, e->arg[0], aliases, &field) && (field.of == FIELD_TIME || field.of == FIELD_RECEIVED))
		return NULL;    /* once for each time is enough */
	out = vector_plan_node(s, *e->op == 'L' ? VECTOR_LIKE : VECTOR_ILIKE, e->n_args);
	if (!(out->arg[0] = part(s, e->arg[0], aliases, strict)))
		return NULL;
	for (int i = 1; i < e->n_args; i++) {
		struct cell cell;

		if (!is_constant(s, e->arg[i], aliases) || vector_plan_constant(s, e->arg[i], &cell) < 0 || cell.type != CELL_TEXT || cell.text.n > 1000)
			return NULL;
		if (i == 2 && (cell.text.n != 1 || *cell.text.p == '%' || *cell.text.p == '_'))
			return NULL;
		out->arg[i] = vector_plan_cell(s, cell);
	}
	return negate(s, out, e->negated);
}

static struct vector_expr *
case_of(struct plan_scope *s, const struct select_expr *e, int aliases, int strict)
{
	int first = e->has_base, n = e->n_args - first;
	struct vector_expr *out = vector_plan_node(s, VECTOR_CASE, n);

	for (int i = 0; i < n; i++) {
		const struct select_expr *arg = e->arg[first + i];
		int condition = i % 2 == 0 && i + 1 < n;

		if (condition && e->has_base)
			out->arg[i] = comparison(s, VECTOR_EQ, e->arg[0], arg, aliases, strict);
		else
			out->arg[i] = condition ? truth(s, arg, aliases, strict) : part(s, arg, aliases, strict);
		if (!out->arg[i])
			return NULL;
	}
	return out;
}

static struct vector_expr *
coalesce(struct plan_scope *s, const struct select_expr *e, int aliases, int strict)
{
	struct vector_expr *out = vector_plan_node(s, VECTOR_COALESCE, e->n_args);

	for (int i = 0; i < e->n_args; i++)
		if (!(out->arg[i] = part(s, e->arg[i], aliases, strict)))
			return NULL;
	return out;
}

/* ---- numbers of times, and of what lies between two */

static int
is_plain_time(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	struct store_field field;

	return field_of(s, e, aliases, &field) && (field.of == FIELD_TIME || field.of == FIELD_RECEIVED);
}

/* NULL: the argument is no plain time. */
static struct vector_expr *
epoch(struct plan_scope *s, const struct select_expr *arg, int aliases, int64_t every_ms)
{
	struct vector_expr *out;
	struct store_field field;

	if (!is_plain_time(s, arg, aliases) || !field_of(s, arg, aliases, &field))
		return NULL;
	out = vector_plan_node(s, VECTOR_EPOCH, 1);
	out->every_ms = every_ms;
	out->arg[0] = vector_plan_field(s, field);
	return out->arg[0] ? out : NULL;
}

/* Milliseconds as seconds. */
static struct vector_expr *
seconds(struct plan_scope *s, struct vector_expr *ms)
{
	return pair(s, VECTOR_DIV, ms, vector_plan_cell(s, cell_real(1000)));
}

static int
constant_text(struct plan_scope *s, const struct select_expr *e, int aliases, struct str *text)         /* 1: it is one */
{
	struct cell cell;

	if (!is_constant(s, e, aliases) || vector_plan_constant(s, e, &cell) < 0 || cell.type != CELL_TEXT)
		return 0;
	*text = cell.text;
	return 1;
}

/* The seconds between two plain times. */
static struct vector_expr *
gap(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	if (e->of != SELECT_CALL || e->n_args != 2 || e->filter || e->over || !(named(e->name, "seconds_between") || named(e->name, "time_minus")))
		return NULL;
	return seconds(s, pair(s, VECTOR_SUB, epoch(s, e->arg[0], aliases, 1), epoch(s, e->arg[1], aliases, 1)));
}

static struct vector_expr *
number_of_time(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	struct vector_expr *out;
	struct str unit;

	if (e->n_args == 1 && named(e->name, "unixepoch"))
		return epoch(s, e->arg[0], aliases, 1000);
	if (e->n_args == 2 && named(e->name, "date_part") && constant_text(s, e->arg[0], aliases, &unit) && named(unit, "epoch"))
		return (out = gap(s, e->arg[1], aliases)) ? out : seconds(s, epoch(s, e->arg[1], aliases, 1));
	return NULL;
}

/* What is computed with: seconds since 1970 that are a text to SQL are the number they say. */
static struct vector_expr *
operand(struct plan_scope *s, const struct select_expr *e, int aliases, int strict)
{
	struct vector_expr *out = NULL;
	struct str format;

	if (e->of == SELECT_CALL && e->n_args == 2 && named(e->name, "strftime") && !e->filter && !e->over && constant_text(s, e->arg[0], aliases, &format) &&
	    str_eq(format, STR("%s")))
		out = epoch(s, e->arg[1], aliases, 1000);
	return out ? out : part(s, e, aliases, strict);
}

static const struct { const char *op; enum vector_op is; } binary[] = { { "=", VECTOR_EQ }, { "<>", VECTOR_NE }, { "<", VECTOR_LT }, { "<=", VECTOR_LE },
	{ ">", VECTOR_GT }, { ">=", VECTOR_GE }, { "IS", VECTOR_IS }, { "IS NOT", VECTOR_IS_NOT }, { "AND", VECTOR_AND }, { "OR", VECTOR_OR }, { "+", VECTOR_ADD },
	{ "-", VECTOR_SUB }, { "*", VECTOR_MUL }, { "/", VECTOR_DIV }, { "%", VECTOR_MOD }, { NULL, VECTOR_SQL } };

static struct vector_expr *
binary_of(struct plan_scope *s, const struct select_expr *e, int aliases, int strict)
{
	enum vector_op op = VECTOR_SQL;

	for (int i = 0; binary[i].op; i++)
		if (strcmp(binary[i].op, e->op) == 0)
			op = binary[i].is;
	switch (op) {
	case VECTOR_SQL:
		return NULL;
	case VECTOR_AND:
	case VECTOR_OR:
		return pair(s, op, truth(s, e->arg[0], aliases, strict), truth(s, e->arg[1], aliases, strict));
	case VECTOR_IS:
	case VECTOR_IS_NOT:
		if (e->arg[1]->of == SELECT_COLUMN || (e->arg[1]->of == SELECT_IN && e->arg[1]->n_args < 2))   /* IS TRUE is a test of truth; x IN () is FALSE */
			return NULL;
		/* fallthrough */
	case VECTOR_EQ: case VECTOR_NE: case VECTOR_LT: case VECTOR_LE: case VECTOR_GT: case VECTOR_GE:
		return comparison(s, op, e->arg[0], e->arg[1], aliases, strict);
	default:
		return pair(s, op, operand(s, e->arg[0], aliases, strict), operand(s, e->arg[1], aliases, strict));
	}
}

static struct vector_expr *
single(struct plan_scope *s, enum vector_op op, const struct select_expr *arg, int aliases, int strict)
{
	struct vector_expr *e, *of = op == VECTOR_INTEGER ? operand(s, arg, aliases, strict) : part(s, arg, aliases, strict);

	if (!of)
		return NULL;
	e = vector_plan_node(s, op, 1);
	e->arg[0] = of;
	return e;
}

/* x::DOUBLE and its like: a text that is no number is an error, or NULL. */
static struct vector_expr *
checked_real(struct plan_scope *s, const struct select_expr *e, int aliases, int strict)
{
	int hard = named(e->name, "cast_to");
	struct vector_expr *real;

	if ((!hard && !named(e->name, "try_cast_to")) || e->n_args != 2 || e->arg[1]->of != SELECT_TEXT ||
	    !(named(e->arg[1]->name, "double") || named(e->arg[1]->name, "real") || named(e->arg[1]->name, "float")))
		return NULL;
	if ((real = single(s, VECTOR_REAL, e->arg[0], aliases, strict)))
		real->sql = hard ? STR("cast_to(?1, 'DOUBLE')") : STR("try_cast_to(?1, 'DOUBLE')");
	return real;
}

/* A function with a loop over columns. */
static struct vector_expr *
call_of(struct plan_scope *s, const struct select_expr *e, int aliases, int strict)
{
	int call = vector_call_find(e->name, e->n_args);
	struct buf sql = {0};
	struct vector_expr *out;

	if (call < 0)
		return NULL;
	out = vector_plan_node(s, VECTOR_CALL, e->n_args);
	out->call = call;
	buf_printf(&sql, "%s(", vector_call_name(call));
	for (int i = 0; i < e->n_args && (out->arg[i] = part(s, e->arg[i], aliases, strict)); i++)
		buf_printf(&sql, i ? ", ?%d" : "?%d", i + 1);
	buf_byte(&sql, ')');
	out->sql = (struct str){ arena_dup(s->plan->arena, sql.p, sql.n), sql.n };
	buf_release(&sql);
	return out->arg[e->n_args - 1] ? out : NULL;
}

static struct vector_expr *
native(struct plan_scope *s, const struct select_expr *e, int aliases, int strict)
{
	struct plan_item item;
	struct store_field field;
	struct vector_expr *a, *b;
	struct cell cell;

	if (vector_plan_late(s->w, e)) {
		a = vector_plan_cell(s, cell_null());
		return wait_for(s, e, a) ? a : NULL;
	}
	if (is_constant(s, e, aliases))
		return vector_plan_constant(s, e, &cell) < 0 ? NULL : vector_plan_cell(s, cell);
	if (field_of(s, e, aliases, &field))
		return vector_plan_field(s, field);
	switch (e->of) {
	case SELECT_COLUMN:
		return vector_plan_name(s, e, aliases, &field, &item) == NAME_ITEM ? native(item.in, item.expr, 0, strict) : NULL;
	case SELECT_UNARY:
		if (*e->op == '+')
			return part(s, e->arg[0], aliases, strict);
		if (*e->op == '~')
			return NULL;
		if (*e->op == 'N')
			return negate(s, truth(s, e->arg[0], aliases, strict), 1);
		if (!(a = part(s, e->arg[0], aliases, strict)))
			return NULL;
		b = vector_plan_node(s, VECTOR_NEG, 1);
		b->arg[0] = a;
		return b;
	case SELECT_BINARY:
		return binary_of(s, e, aliases, strict);
	case SELECT_LIKE:
		return like(s, e, aliases, strict);
	case SELECT_BETWEEN:
		a = comparison(s, VECTOR_GE, e->arg[0], e->arg[1], aliases, strict);
		b = a ? comparison(s, VECTOR_LE, e->arg[0], e->arg[2], aliases, strict) : NULL;
		return negate(s, pair(s, VECTOR_AND, a, b), e->negated);
	case SELECT_IN:
		return in_list(s, e, aliases, strict);
	case SELECT_IS_NULL:
		return (a = part(s, e->arg[0], aliases, strict)) ? pair(s, e->negated ? VECTOR_IS_NOT : VECTOR_IS, a, vector_plan_cell(s, cell_null())) : NULL;
	case SELECT_CASE:
		return case_of(s, e, aliases, strict);
	case SELECT_CALL:
		if (e->filter || e->over || e->distinct)
			return NULL;
		if ((named(e->name, "coalesce") && e->n_args >= 2) || (named(e->name, "ifnull") && e->n_args == 2))
			return coalesce(s, e, aliases, strict);
		if ((named(e->name, "iif") && e->n_args == 3) || (named(e->name, "if") && e->n_args >= 2) || (named(e->name, "multiif") && e->n_args >= 3))
			return case_of(s, e, aliases, strict);
		if (named(e->name, "julianday") && e->n_args == 1 && is_plain_time(s, e->arg[0], aliases))
			return single(s, VECTOR_JULIAN, e->arg[0], aliases, strict);
		if (named(e->name, "round") && e->n_args == 1)
			return single(s, VECTOR_ROUND, e->arg[0], aliases, strict);
		if ((named(e->name, "floor") || named(e->name, "ceil") || named(e->name, "ceiling") || named(e->name, "abs")) && e->n_args == 1)
			return single(s, named(e->name, "floor") ? VECTOR_FLOOR : named(e->name, "abs") ? VECTOR_ABS : VECTOR_CEIL, e->arg[0], aliases, strict);
		if ((a = number_of_time(s, e, aliases)) || (a = call_of(s, e, aliases, strict)))
			return a;
		return checked_real(s, e, aliases, strict);
	case SELECT_CAST:
		return holds(e->name, "int") ? single(s, VECTOR_INTEGER, e->arg[0], aliases, strict) :
		    is_real_type(e->name) ? single(s, VECTOR_REAL, e->arg[0], aliases, strict) : NULL;
	default:
		return NULL;
	}
}

/* To what a name of an item stands for. */
static void
behind(struct plan_scope **s, const struct select_expr **e, int *aliases)
{
	struct store_field field;
	struct plan_item item;

	while ((*e)->of == SELECT_COLUMN && vector_plan_name(*s, *e, *aliases, &field, &item) == NAME_ITEM && item.expr)
		*s = item.in, *e = item.expr, *aliases = 0;
}

/* A whole tree of nodes; else, of one field, SQLite once for each of its values; else nodes as far as they go. */
struct vector_expr *
vector_plan_value(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	struct vector_expr *out = NULL;
	int junction;

	behind(&s, &e, &aliases);
	junction = e->of == SELECT_BINARY && (!strcmp(e->op, "AND") || !strcmp(e->op, "OR"));
	if (vector_plan_has(s, e, aliases) & ~(unsigned)(HAS_COLUMN | HAS_COLLATE | HAS_LATE))
		return NULL;
	if (!junction) {
		if ((out = native(s, e, aliases, 1)))
			return out;
		if (count_fields(s, e, aliases) == 1)
			return sql_of(s, e, aliases, "", "");
	}
	if ((out = native(s, e, aliases, 0)))
		return out;
	return sql_of(s, e, aliases, "", "");
}

struct vector_expr *
vector_plan_condition(struct plan_scope *s, const struct select_expr *e, int aliases)
{
	behind(&s, &e, &aliases);
	return truth(s, e, aliases, 0);
}
