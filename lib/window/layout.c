#include "window/layout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "event/event.h"
#include "event/field.h"
#include "window/layout_priv.h"

struct field {
	struct str name;
	int at;                         /* in the projection, -1 before it is bound */
	int slot;                       /* its first */
	int numeric;                    /* has slots that want a number; and others */
	int other;
	int id;                         /* an event's own id: a number is a text of these digits, as in the event */
};

struct column {
	const struct aggregate *what;
	struct str name;
	int field, n;                   /* n: of topk */
	double share;                   /* of a percentile */
	int named;                      /* 1: the user's name, not ours */
	int slot, slot2;
};

struct layout {
	struct str metric;
	struct column *column;
	struct slot *slot;
	struct field *field;
	int columns, slots, fields;
	int span;                       /* the slot of that kind, 0 when there is none */
	int tells_span;                 /* "states" has it always */
	int checks;                     /* has slots that print what they are given: rows must be checked whole */
	size_t size;
	struct buf scratch, scratch2, keys, digits;
	struct member { struct str key; struct json value; } *member;   /* of the metric row at hand */
	int members, members_cap;
};

#define AT(state, layout, i) ((void *)((char *)(state) + (layout)->slot[i].at))
#define CONST_AT(state, layout, i) ((const void *)((const char *)(state) + (layout)->slot[i].at))

static inline const struct slot_type *
type_of(const struct layout *l, int slot)
{
	return &layout_slot_types[l->slot[slot].kind];
}

/* ---- the aggregates: a new one is one line here, and a function where none of these fits */

static void
put_or_null(struct buf *to, double d)
{
	if (isnan(d))
		buf_lit(to, "null");
	else
		json_put_double(to, d);
}

static void
put_count(const struct layout *l, const struct column *c, const void *state, double seconds, struct buf *to)
{
	(void)c, (void)seconds;
	buf_int64(to, ((const struct rows_state *)CONST_AT(state, l, 0))->n);
}

static void
put_rate(const struct layout *l, const struct column *c, const void *state, double seconds, struct buf *to)
{
	const struct rows_state *rows = CONST_AT(state, l, 0);
	const struct span_state *span = CONST_AT(state, l, c->slot2);

	if (seconds == 0 && span->set)
		seconds = (double)(span->to - span->from) / 1000;
	put_or_null(to, seconds > 0 ? (double)rows->n / seconds : NAN);
}

static void
put_sum(const struct layout *l, const struct column *c, const void *state, double seconds, struct buf *to)
{
	const struct sum_state *s = CONST_AT(state, l, c->slot);

	(void)seconds;
	if (s->lost == SUM_ALL)
		buf_lit(to, "null");
	else
		number_sum_put(&s->sum, to);
}

static void
put_avg(const struct layout *l, const struct column *c, const void *state, double seconds, struct buf *to)
{
	const struct sum_state *s = CONST_AT(state, l, c->slot);

	(void)seconds;
	put_or_null(to, s->n > 0 && !s->lost ? number_mean(&s->sum, s->n) : NAN);
}

/* Of the numbers, where their squares are all known too. */
static void
put_spread(double (*spread)(const struct number_sum *, const struct number_sum *squares, int64_t n), const struct layout *l,
    const struct column *c, const void *state, struct buf *to)
{
	const struct sum_state *s = CONST_AT(state, l, c->slot), *q = CONST_AT(state, l, c->slot2);

	put_or_null(to, s->n > 1 && s->n == q->n && !s->lost && !q->lost ? spread(&s->sum, &q->sum, s->n) : NAN);
}

static void
put_var(const struct layout *l, const struct column *c, const void *state, double seconds, struct buf *to)
{
	(void)seconds;
	put_spread(number_variance, l, c, state, to);
}

static void
put_stddev(const struct layout *l, const struct column *c, const void *state, double seconds, struct buf *to)
{
	(void)seconds;
	put_spread(number_deviation, l, c, state, to);
}

static void
put_edge(const struct layout *l, const struct column *c, const void *state, double seconds, struct buf *to)
{
	const struct edge_state *e = CONST_AT(state, l, c->slot);

	(void)seconds;
	if (e->set)
		number_put(&e->value, to);
	else
		buf_lit(to, "null");
}

static void
put_quantile(const struct layout *l, const struct column *c, const void *state, double seconds, struct buf *to)
{
	const struct quantile_state *s = CONST_AT(state, l, c->slot);

	(void)seconds;
	put_or_null(to, s->q && !s->lost ? quantile_get(s->q, c->share) : NAN);
}

static void
put_distinct(const struct layout *l, const struct column *c, const void *state, double seconds, struct buf *to)
{
	const struct distinct_state *s = CONST_AT(state, l, c->slot);

	(void)seconds;
	if (!s->lost)
		buf_int64(to, s->d ? (int64_t)distinct_get(s->d) : 0);
	else
		buf_lit(to, "null");
}

static void
put_topk(const struct layout *l, const struct column *c, const void *state, double seconds, struct buf *to)
{
	const struct topk_state *s = CONST_AT(state, l, c->slot);
	struct topk_item *items = mem_new((size_t)c->n * sizeof(*items));
	int n = s->t ? topk_get(s->t, items) : 0;

	(void)seconds;
	buf_byte(to, '[');
	for (int i = 0; i < n; i++) {
		buf_lit(to, i ? ",{\"value\":" : "{\"value\":");
		if (json_check(items[i].value, &(struct err){ 0 }) == 0)
			buf_str(to, items[i].value);
		else                                    /* only somebody else's states hold what is no JSON */
			json_put_string(to, str_utf8_fault(items[i].value) < 0 ? items[i].value : STR("\xef\xbf\xbd"));
		buf_lit(to, ",\"count\":");
		buf_int64(to, (int64_t)items[i].count);
		buf_byte(to, '}');
	}
	buf_byte(to, ']');
	free(items);
}

static void
put_value(const struct layout *l, const struct column *c, const void *state, double seconds, struct buf *to)
{
	const struct value_state *s = CONST_AT(state, l, c->slot);

	(void)seconds;
	if (s->p)
		buf_add(to, s->p, s->n);
	else
		buf_lit(to, "null");
}

static const struct aggregate {
	const char *name;
	int args;                       /* 0, 1: (f), 2: (f,n) */
	enum slot_kind slot, slot2;
	void (*put)(const struct layout *, const struct column *, const void *state, double seconds, struct buf *);
} aggregates[] = {
	{ "count",    0, SLOT_ROWS,     SLOT_NONE,    put_count },
	{ "sum",      1, SLOT_SUM,      SLOT_NONE,    put_sum },
	{ "avg",      1, SLOT_SUM,      SLOT_NONE,    put_avg },
	{ "min",      1, SLOT_MIN,      SLOT_NONE,    put_edge },
	{ "max",      1, SLOT_MAX,      SLOT_NONE,    put_edge },
	{ "stddev",   1, SLOT_SUM,      SLOT_SQUARES, put_stddev },
	{ "var",      1, SLOT_SUM,      SLOT_SQUARES, put_var },
	{ "distinct", 1, SLOT_DISTINCT, SLOT_NONE,    put_distinct },
	{ "topk",     2, SLOT_TOPK,     SLOT_NONE,    put_topk },
	{ "first",    1, SLOT_FIRST,    SLOT_NONE,    put_value },
	{ "last",     1, SLOT_LAST,     SLOT_NONE,    put_value },
	{ "rate",     0, SLOT_ROWS,     SLOT_SPAN,    put_rate },
	{ "p",        1, SLOT_QUANTILE, SLOT_NONE,    put_quantile },   /* p50, p99.9: the share stands in the name */
	{ NULL }
};

static const struct aggregate *const percentile = &aggregates[sizeof(aggregates) / sizeof(*aggregates) - 2];

/* ---- columns, fields, slots */

struct layout *
layout_new(struct str metric)
{
	struct layout *l = mem_new(sizeof(*l));

	l->metric = (struct str){ mem_dup(metric.p, metric.n), metric.n };
	l->slot = mem_new(sizeof(*l->slot));
	l->slot[0] = (struct slot){ .kind = SLOT_ROWS, .field = -1, .next = -1 };
	l->slots = 1;
	l->size = 16;
	return l;
}

void
layout_free(struct layout *l)
{
	if (!l)
		return;
	for (int i = 0; i < l->columns; i++)
		free((char *)l->column[i].name.p);
	for (int i = 0; i < l->fields; i++)
		free((char *)l->field[i].name.p);
	free((char *)l->metric.p);
	free(l->column);
	free(l->slot);
	free(l->field);
	free(l->member);
	buf_release(&l->scratch);
	buf_release(&l->scratch2);
	buf_release(&l->keys);
	buf_release(&l->digits);
	free(l);
}

struct str
layout_metric(const struct layout *l)
{
	return l->metric;
}

size_t
layout_size(const struct layout *l)
{
	return l->size;
}

int
layout_columns(const struct layout *l)
{
	return l->columns;
}

int
layout_checks(const struct layout *l)
{
	return l->checks;
}

static int
field_of(struct layout *l, struct str name)
{
	for (int i = 0; i < l->fields; i++)
		if (str_eq(l->field[i].name, name))
			return i;
	l->field = mem_grow(l->field, (size_t)l->fields + 1, sizeof(*l->field));
	l->field[l->fields] = (struct field){ .name = { mem_dup(name.p, name.n), name.n }, .at = -1, .slot = -1, .id = event_is_id(name) };
	return l->fields++;
}

static int
slot_of(struct layout *l, enum slot_kind kind, int field, int n)
{
	int *link;

	if (kind == SLOT_NONE)
		return -1;
	for (int i = 0; i < l->slots; i++)
		if (l->slot[i].kind == kind && l->slot[i].field == field && l->slot[i].n == n)
			return i;
	l->slot = mem_grow(l->slot, (size_t)l->slots + 1, sizeof(*l->slot));
	l->slot[l->slots] = (struct slot){ .kind = kind, .field = field, .n = n, .next = -1, .at = l->size };
	l->size += (layout_slot_types[kind].size + 15) & ~(size_t)15;
	if (field >= 0) {
		for (link = &l->field[field].slot; *link >= 0; )
			link = &l->slot[*link].next;
		*link = l->slots;
		*(layout_slot_types[kind].numeric ? &l->field[field].numeric : &l->field[field].other) = 1;
	}
	if (kind == SLOT_SPAN)
		l->span = l->slots;
	if (kind == SLOT_TOPK || kind == SLOT_FIRST || kind == SLOT_LAST)
		l->checks = 1;
	return l->slots++;
}

static struct column *
column_find(const struct layout *l, struct str name)
{
	for (int i = 0; i < l->columns; i++)
		if (str_eq(l->column[i].name, name))
			return &l->column[i];
	return NULL;
}

static void
add_column(struct layout *l, const struct aggregate *what, struct str field, struct str name, double share, int n, int named)
{
	struct column c = { .what = what, .field = -1, .share = share, .n = n, .named = named,
	    .name = { mem_dup(name.p, name.n), name.n } };

	if (what->args)
		c.field = field_of(l, field);
	c.slot = what->slot == SLOT_ROWS ? 0 : slot_of(l, what->slot, c.field, n);
	c.slot2 = slot_of(l, what->slot2, c.field, 0);
	l->column = mem_grow(l->column, (size_t)l->columns + 1, sizeof(*l->column));
	l->column[l->columns++] = c;
}

/* "p99.9" is a percentile: its share. 1 or 0. */
static int
is_percentile(struct str name, double *share)
{
	double percent;

	if (name.n < 2 || name.p[0] != 'p' || name.p[1] < '0' || name.p[1] > '9')
		return 0;
	for (size_t i = 1; i < name.n; i++)
		if (name.p[i] != '.' && (name.p[i] < '0' || name.p[i] > '9'))
			return 0;
	if (str_double((struct str){ name.p + 1, name.n - 1 }, &percent) || percent > 100)
		return 0;
	*share = percent / 100;
	return 1;
}

static const struct aggregate *
aggregate_find(struct str name, double *share)
{
	if (is_percentile(name, share))
		return percentile;
	for (const struct aggregate *a = aggregates; a != percentile; a++)
		if (str_eq(str_of(a->name), name))
			return a;
	return NULL;
}

static int
is_reserved(struct str name)
{
	static const char *const names[] = { "metric", "timestamp", "window", "labels", "states", "partial", "event", NULL };

	for (int i = 0; names[i]; i++)
		if (str_eq(str_of(names[i]), name))
			return 1;
	return 0;
}

/* "p95(f)", as the column of that name; name.p NULL: of ours. */
static int
parse_call(struct layout *l, struct str item, struct str name, struct str call, int named, struct err *err)
{
	const struct aggregate *what;
	struct str args = { 0 }, field = { 0 };
	struct buf ours = { 0 };
	char typed[40];
	double share = 0;
	int64_t n = 0;
	size_t open = 0;
	int rc = 0, most = 2;

	while (open < call.n && call.p[open] != '(')
		open++;
	if (open < call.n) {
		if (call.p[call.n - 1] != ')')
			return err_set(err, ERR_USAGE, "'%.*s' has no closing parenthesis", STR_FMT(item));
		args = str_trim((struct str){ call.p + open + 1, call.n - open - 2 });
		call = str_trim((struct str){ call.p, open });
	}
	if (!(what = aggregate_find(call, &share))) {
		snprintf(typed, sizeof(typed), "%.*s", STR_FMT(call));
		for (const struct aggregate *a = aggregates; a != percentile; a++)
			if (str_nearer(typed, a->name, &most))
				what = a;
		if (what)
			return err_set(err, ERR_USAGE, "'%.*s' is no aggregate, did you mean %s", STR_FMT(call), what->name);
		return err_set(err, ERR_USAGE, "'%.*s' is no aggregate, try count sum avg min max stddev var p95 distinct topk first last rate",
		    STR_FMT(call));
	}
	field = args;
	if (what->args == 0 && args.p)
		return err_set(err, ERR_USAGE, "%s takes no field, write it alone", what->name);
	if (what->args && !args.n)
		return err_set(err, ERR_USAGE, "'%.*s' of what, try %.*s(revenue)", STR_FMT(call), STR_FMT(call));
	if (what->args == 2) {
		n = 10;
		for (size_t i = args.n; i-- > 0; )
			if (args.p[i] == ',') {
				field = str_trim((struct str){ args.p, i });
				if (str_int64(str_trim((struct str){ args.p + i + 1, args.n - i - 1 }), &n) || n < 1 || n > 1000)
					return err_set(err, ERR_USAGE, "'%.*s': how many is a number from 1 to 1000", STR_FMT(item));
				break;
			}
	}
	if (what->args && field_name(&field, err))
		return err->code;
	if (!name.p) {
		if (what->args)
			buf_printf(&ours, "%.*s_%.*s", STR_FMT(field), STR_FMT(call));
		else
			buf_lit(&ours, what->name);
		name = buf_get(&ours);
	}
	if (!name.n || is_reserved(name))
		rc = err_set(err, ERR_USAGE, "'%.*s' cannot be a field of a metric row, give another name", STR_FMT(name));
	else if (column_find(l, name))
		rc = named ? err_set(err, ERR_USAGE, "'%.*s' comes twice, give one another name", STR_FMT(name)) :
		    err_set(err, ERR_USAGE, "'%.*s' comes twice, name one: x=%.*s", STR_FMT(name), STR_FMT(item));
	else if (l->columns == LAYOUT_MOST)
		rc = err_set(err, ERR_LIMIT, "more than %d aggregates", LAYOUT_MOST);
	else
		add_column(l, what, field, name, share, (int)n, named);
	buf_release(&ours);
	return rc;
}

/* "x=p95(f)" */
static int
parse_item(struct layout *l, struct str item, struct err *err)
{
	for (size_t i = 0; i < item.n && item.p[i] != '('; i++)
		if (item.p[i] == '=')
			return parse_call(l, item, str_trim((struct str){ item.p, i }), str_trim((struct str){ item.p + i + 1, item.n - i - 1 }), 1, err);
	return parse_call(l, item, (struct str){ 0 }, item, 0, err);
}

int
layout_add_column(struct layout *l, struct str name, struct str call, int named, struct err *err)
{
	return parse_call(l, call, name, call, named, err);
}

int
layout_parse(struct layout *l, struct str list, struct err *err)
{
	size_t from = 0;
	int depth = 0, rc;

	for (size_t i = 0; i <= list.n; i++) {
		if (i < list.n && (list.p[i] == '(' || list.p[i] == ')'))
			depth += list.p[i] == '(' ? 1 : -1;
		if (i < list.n && (list.p[i] != ',' || depth > 0))
			continue;
		if ((rc = parse_item(l, str_trim((struct str){ list.p + from, i - from }), err)))
			return rc;
		from = i + 1;
	}
	return 0;
}

static void
put_call(const struct layout *l, const struct column *c, struct buf *to)
{
	if (c->what == percentile)
		buf_printf(to, "p%.15g", c->share * 100);
	else
		buf_lit(to, c->what->name);
	if (!c->what->args)
		return;
	buf_byte(to, '(');
	buf_str(to, l->field[c->field].name);
	if (c->what->args == 2)
		buf_printf(to, ",%d", c->n);
	buf_byte(to, ')');
}

struct str
layout_column(const struct layout *l, int i, struct buf *call, int *named)
{
	buf_clear(call);
	put_call(l, &l->column[i], call);
	*named = l->column[i].named;
	return l->column[i].name;
}

int
layout_bind(struct layout *l, struct project *project, struct err *err)
{
	for (int i = 0; i < l->fields; i++)
		if ((l->field[i].at = field_project(project, l->field[i].name, err)) < 0)
			return l->field[i].at;
	return 0;
}

/* ---- one value into one slot */

static void
add_number(enum slot_kind kind, void *at, const struct number *v)
{
	struct sum_state *sum = at;
	struct quantile_state *quantile = at;

	switch (kind) {
	case SLOT_SUM:
		number_sum_add(&sum->sum, v);
		sum->n++;
		break;
	case SLOT_SQUARES:
		number_sum_square(&sum->sum, v);
		sum->n++;
		break;
	case SLOT_MIN: case SLOT_MAX:
		edge_offer(kind, at, v);
		break;
	default:
		if (!quantile->q)
			quantile->q = quantile_new();
		quantile_add(quantile->q, number_double(v));
	}
}

/* The value's text in the one form that equal values share. */
static struct str
canonical(struct layout *l, struct json v)
{
	struct number n;

	if (v.type == JSON_STRING && !v.escaped)
		return json_raw(v);
	buf_clear(&l->scratch);
	if (v.type == JSON_STRING) {
		json_put_as_typed(&l->scratch, json_text(v, &l->scratch2));
	} else if (v.type == JSON_NUMBER && number_of(v, &n)) {
		if (n.exp == 0 && v.n < 18)
			return json_raw(v);
		number_put(&n, &l->scratch);
	} else
		json_put_compact(&l->scratch, v);
	return buf_get(&l->scratch);
}

static uint64_t
hash_of_text(struct str text)                   /* of a string, without its quotes */
{
	return str_hash_stable(text);
}

static void
add_hash(struct distinct_state *s, uint64_t hash)
{
	if (!s->d)
		s->d = distinct_new();
	distinct_add_hash(s->d, hash);
}

/* Text "1" and number 1 are two values; 1 and 1.0 are one. */
static uint64_t
hash_of(struct layout *l, struct json v)
{
	struct str text = canonical(l, v);

	if (v.type == JSON_STRING)
		return hash_of_text((struct str){ text.p + 1, text.n - 2 });
	return str_hash_stable(text) ^ 0x9e3779b97f4a7c15u;
}

static void
add_other(struct layout *l, const struct slot *slot, void *at, struct json v, int64_t time, int64_t seq)
{
	struct topk_state *topk = at;

	switch (slot->kind) {
	case SLOT_DISTINCT:
		add_hash(at, hash_of(l, v));
		break;
	case SLOT_TOPK:
		if (!topk->t)
			topk->t = topk_new(slot->n);
		topk_add(topk->t, canonical(l, v), 1);
		break;
	default:
		if (!value_counts(slot->kind, at, time, seq))
			break;
		buf_clear(&l->scratch);
		if (v.type == JSON_OBJECT || v.type == JSON_ARRAY) {
			json_put_compact(&l->scratch, v);
			v.p = l->scratch.p, v.n = l->scratch.n;
		}
		layout_value_set(at, json_raw(v), time, seq);
	}
}

static struct json
id_text(struct layout *l, struct json number)
{
	buf_clear(&l->digits);
	json_put_string(&l->digits, json_raw(number));
	return json_checked(buf_get(&l->digits));
}

static inline void
add_known(struct layout *l, const struct field *f, void *state, struct json v, int64_t time, int64_t seq, const struct number *number)
{
	if (f->id && v.type == JSON_NUMBER)
		v = id_text(l, v);
	for (int i = f->slot; i >= 0; i = l->slot[i].next) {
		void *at = AT(state, l, i);

		if (!type_of(l, i)->numeric)
			add_other(l, &l->slot[i], at, v, time, seq);
		else if (number)
			add_number(l->slot[i].kind, at, number);
	}
}

static void
add_value(struct layout *l, const struct field *f, void *state, struct json v, int64_t time, int64_t seq)
{
	struct number number;
	int is_number = f->numeric && number_of(v, &number);

	add_known(l, f, state, v, time, seq, is_number ? &number : NULL);
}

void
layout_add(struct layout *l, void *state, const struct json *values, int64_t time, int64_t seq)
{
	((struct rows_state *)state)->n++;
	if (l->span)
		span_add(AT(state, l, l->span), time, time);
	for (int i = 0; i < l->fields; i++) {
		struct json v = l->field[i].at < 0 ? JSON_ABSENT : values[l->field[i].at];

		if (v.type > JSON_NULL)
			add_value(l, &l->field[i], state, v, time, seq);
	}
}

/* ---- the same in two steps */

enum { A_NUMBER = 1, NO_NUMBER, A_HASH };

struct layout_eye
layout_eye(const struct layout *l)
{
	struct layout_eye eye = { l->fields, mem_new((size_t)(l->fields + 1) * sizeof(*eye.field)) };

	for (int i = 0; i < l->fields; i++) {
		struct layout_eye_field *f = &eye.field[i];

		f->at = l->field[i].at;
		f->numeric = (uint8_t)l->field[i].numeric;
		for (int k = l->field[i].slot; k >= 0 && !f->numeric; k = l->slot[k].next)
			f->hashed |= l->slot[k].kind == SLOT_DISTINCT;
	}
	return eye;
}

void
layout_eye_release(struct layout_eye *eye)
{
	free(eye->field);
	*eye = (struct layout_eye){ 0 };
}

void
layout_look(const struct layout_eye *eye, const struct json *values, struct layout_cell *cell)
{
	for (int i = 0; i < eye->n; i++, cell++) {
		const struct layout_eye_field *f = &eye->field[i];
		struct json v = f->at < 0 ? JSON_ABSENT : values[f->at];
		struct number n;

		*cell = (struct layout_cell){ .p = v.p, .n = (uint32_t)v.n, .type = v.type, .escaped = v.escaped };
		if (v.type <= JSON_NULL)
			continue;
		if (f->numeric) {
			if (!number_of(v, &n))
				cell->known = NO_NUMBER;
			else if (n.digits == (int64_t)n.digits && n.exp >= -100 && n.exp <= 100)
				cell->known = A_NUMBER, cell->value = (int64_t)n.digits, cell->exp = (int8_t)n.exp;
		} else if (f->hashed && v.type == JSON_STRING && !v.escaped) {
			cell->known = A_HASH;
			cell->value = (int64_t)hash_of_text((struct str){ v.p + 1, v.n - 2 });
		}
	}
}

int
layout_fields(const struct layout *l)
{
	return l->fields;
}

void
layout_add_cells(struct layout *l, void *state, const struct layout_cell *cell, int64_t time, int64_t seq)
{
	((struct rows_state *)state)->n++;
	if (l->span)
		span_add(AT(state, l, l->span), time, time);
	for (int i = 0; i < l->fields; i++, cell++) {
		const struct field *f = &l->field[i];
		struct json v = { cell->p, cell->n, cell->type, cell->escaped };
		struct number n;

		if (v.type <= JSON_NULL)
			continue;
		switch (cell->known) {
		case A_NUMBER:
			n = (struct number){ cell->value, cell->exp };
			add_known(l, f, state, v, time, seq, &n);
			break;
		case NO_NUMBER:
			add_known(l, f, state, v, time, seq, NULL);
			break;
		case A_HASH:
			for (int k = f->slot; k >= 0; k = l->slot[k].next)
				if (l->slot[k].kind == SLOT_DISTINCT)
					add_hash(AT(state, l, k), (uint64_t)cell->value);
				else
					add_other(l, &l->slot[k], AT(state, l, k), v, time, seq);
			break;
		default:
			add_value(l, f, state, v, time, seq);
		}
	}
}

/* ---- states together */

void
layout_merge(const struct layout *l, void *state, const void *from)
{
	for (int i = 0; i < l->slots; i++)
		type_of(l, i)->merge(&l->slot[i], AT(state, l, i), CONST_AT(from, l, i));
}

void
layout_release(const struct layout *l, void *state)
{
	for (int i = 0; i < l->slots; i++)
		if (type_of(l, i)->release)
			type_of(l, i)->release(AT(state, l, i));
	memset(state, 0, l->size);
}

/* ---- slots as text */

static int
slot_is_empty(const struct layout *l, const void *state, int i)
{
	return type_of(l, i)->is_empty(CONST_AT(state, l, i));
}

static void
slot_put(const struct layout *l, const void *state, int i, struct buf *to)
{
	type_of(l, i)->put(&l->slot[i], CONST_AT(state, l, i), to);
}

/* Merge a text that slot_put wrote. 0, or -1 when it is none. */
static int
slot_take(const struct layout *l, void *state, int i, struct str text)
{
	return str_starts(text, str_of(type_of(l, i)->mark)) ? type_of(l, i)->take(&l->slot[i], AT(state, l, i), text) : -1;
}

void
layout_save(const struct layout *l, const void *state, struct buf *to)
{
	struct buf text = { 0 };

	buf_byte(to, '[');
	for (int i = 0; i < l->slots; i++) {
		if (i)
			buf_byte(to, ',');
		if (slot_is_empty(l, state, i)) {
			buf_lit(to, "null");
			continue;
		}
		buf_clear(&text);
		slot_put(l, state, i, &text);
		json_put_string(to, buf_get(&text));
	}
	buf_byte(to, ']');
	buf_release(&text);
}

int
layout_load(const struct layout *l, void *state, struct json saved)
{
	struct buf scratch = { 0 };
	struct json_iter it = json_iter(saved);
	int i = 0, rc = 0;

	for (; rc == 0 && json_next(&it); i++) {
		if (i == l->slots || (it.value.type != JSON_STRING && it.value.type != JSON_NULL)) {
			rc = -1;
		} else if (it.value.type == JSON_STRING) {
			rc = slot_take(l, state, i, json_text(it.value, &scratch));
		}
	}
	buf_release(&scratch);
	return rc || i != l->slots ? -1 : 0;
}

/* ---- writing a row */

/* Does some column say all there is to a slot, so that no part is needed? */
static int
is_told(const struct layout *l, const void *state, int slot)
{
	const struct sum_state *sum = CONST_AT(state, l, slot);
	int told = 1;

	switch (l->slot[slot].kind) {
	case SLOT_SUM:
		for (int i = 0; i < l->columns; i++)
			if (l->column[i].slot == slot && l->column[i].what->put != put_sum)
				told = 0;
		return told && sum->lost != SUM_ALL && number_sum_is_whole(&sum->sum);
	case SLOT_MIN: case SLOT_MAX:
		return number_is_put_whole(&((const struct edge_state *)CONST_AT(state, l, slot))->value);
	default:
		return 0;
	}
}

/* The parts of one key: `n` slots and, where the column of that name is the user's, what it is. */
static void
put_parts(struct layout *l, const void *state, struct str key, const int *slot, int n, const struct column *as, int *keys, struct buf *to)
{
	if (n == 0 && !as)
		return;
	buf_lit(to, (*keys)++ ? "," : ",\"states\":{");
	json_put_key(to, key);
	if (n + !!as > 1)
		buf_byte(to, '[');
	if (as) {
		buf_clear(&l->scratch);
		buf_lit(&l->scratch, "as1:");
		put_call(l, as, &l->scratch);
		json_put_string(to, buf_get(&l->scratch));
	}
	for (int i = 0; i < n; i++) {
		if (i || as)
			buf_byte(to, ',');
		buf_clear(&l->scratch);
		slot_put(l, state, slot[i], &l->scratch);
		json_put_string(to, buf_get(&l->scratch));
	}
	if (n + !!as > 1)
		buf_byte(to, ']');
}

static void
put_states(struct layout *l, const void *state, struct buf *to)
{
	int keys = 0, counted = 0, rated = 0, part[SLOT_KINDS + LAYOUT_MOST], n;

	for (int f = 0; f < l->fields; f++) {
		const struct column *same = column_find(l, l->field[f].name);

		n = 0;
		for (int i = l->field[f].slot; i >= 0; i = l->slot[i].next)
			if (l->slot[i].kind == SLOT_TOPK || (!slot_is_empty(l, state, i) && !is_told(l, state, i)))
				part[n++] = i;
		put_parts(l, state, l->field[f].name, part, n, same && same->named ? same : NULL, &keys, to);
	}
	for (int i = 0; i < l->columns; i++) {
		const struct column *c = &l->column[i];
		int is_field = 0;

		counted |= c->what->put == put_count;
		rated |= c->what->put == put_rate;
		for (int f = 0; f < l->fields && c->named; f++)
			is_field |= str_eq(l->field[f].name, c->name);
		if (c->named && !is_field)
			put_parts(l, state, c->name, NULL, 0, c, &keys, to);
	}
	n = 0;
	if (rated && !counted)
		part[n++] = 0;
	if (rated || l->tells_span)
		part[n++] = l->span;
	put_parts(l, state, STR(""), part, n, NULL, &keys, to);
	if (keys)
		buf_byte(to, '}');
}

void
layout_put(struct layout *l, const void *state, double seconds, int states, struct buf *to)
{
	for (int i = 0; i < l->columns; i++) {
		const struct column *c = &l->column[i];

		buf_byte(to, ',');
		json_put_key(to, c->name);
		c->what->put(l, c, state, seconds, to);
	}
	if (states)
		put_states(l, state, to);
}

int
layout_each(struct layout *l, const void *state, double seconds,
    int (*each)(void *, struct str name, double value, struct str text, struct err *), void *self, struct err *err)
{
	for (int i = 0; i < l->columns; i++) {
		const struct column *c = &l->column[i];
		struct str text = { 0 };
		double value;
		int rc;

		buf_clear(&l->scratch2);
		c->what->put(l, c, state, seconds, &l->scratch2);
		if (!json_double(json_value(buf_get(&l->scratch2)), &value))
			continue;
		if ((c->what->slot == SLOT_QUANTILE || c->what->slot == SLOT_DISTINCT) && !slot_is_empty(l, state, c->slot)) {
			buf_clear(&l->scratch);
			slot_put(l, state, c->slot, &l->scratch);
			text = buf_get(&l->scratch);
		}
		if ((rc = each(self, c->name, value, text, err)))
			return rc;
	}
	return 0;
}

/* ---- metric rows as input */

static void
read_members(struct layout *l, struct json row)
{
	l->members = 0;
	buf_clear(&l->keys);
	for (struct json_iter it = json_iter(row); json_next(&it); ) {
		struct str key = { it.key.p + 1, it.key.n - 2 };

		if (it.key.escaped) {           /* rare: kept decoded, by its place until all are there */
			size_t at = l->keys.n;

			buf_str(&l->keys, json_text(it.key, &l->scratch2));
			key = (struct str){ NULL, at };
		}
		if (l->members == l->members_cap)
			l->member = mem_grow(l->member, (size_t)(l->members_cap = l->members_cap ? l->members_cap * 2 : 32), sizeof(*l->member));
		l->member[l->members++] = (struct member){ key, it.value };
	}
	for (size_t i = (size_t)l->members, end = l->keys.n; i-- > 0; ) {
		struct str *key = &l->member[i].key;

		if (!key->p) {
			size_t at = key->n;

			*key = (struct str){ l->keys.p ? l->keys.p + at : "", end - at };
			end = at;
		}
	}
}

static struct json
member_of(const struct layout *l, struct str key)
{
	for (int i = l->members - 1; i >= 0; i--)
		if (str_eq(l->member[i].key, key))
			return l->member[i].value;
	return JSON_ABSENT;
}

static struct json
member_of_field(struct layout *l, struct str field, const char *suffix)
{
	buf_clear(&l->scratch2);
	buf_str(&l->scratch2, field);
	buf_byte(&l->scratch2, '_');
	buf_lit(&l->scratch2, suffix);
	return member_of(l, buf_get(&l->scratch2));
}

/* The part of that kind under the key in "states". */
static struct str
part_of(struct json states, struct str key, const char *kind, struct buf *scratch)
{
	struct json v = json_get(states, key);
	struct str text = { 0 };

	if (v.type == JSON_ARRAY) {
		for (struct json_iter it = json_iter(v); json_next(&it); )
			if (it.value.type == JSON_STRING && (text = json_text(it.value, scratch)).p && str_starts(text, str_of(kind)))
				return text;
	} else if (v.type == JSON_STRING && str_starts(text = json_text(v, scratch), str_of(kind)))
		return text;
	return (struct str){ 0 };
}

/* "duration_ms_p95" by what its end says. 1 when it is a column now or was before. */
static int
learn_by_name(struct layout *l, struct str name, struct json value, struct json states)
{
	const struct aggregate *what;
	double share = 0;
	int64_t n = 0;
	struct str field, call = { 0 };

	if (str_eq(name, STR("count")) || str_eq(name, STR("rate"))) {
		add_column(l, aggregate_find(name, &share), (struct str){ 0 }, name, 0, 0, 0);
		return 1;
	}
	for (size_t i = name.n; i-- > 1; )
		if (name.p[i] == '_') {
			call = (struct str){ name.p + i + 1, name.n - i - 1 };
			break;
		}
	if (!call.p || !(what = aggregate_find(call, &share)) || !what->args)
		return 0;
	if (what->slot != SLOT_TOPK && what->slot != SLOT_FIRST && what->slot != SLOT_LAST &&
	    value.type != JSON_NUMBER && value.type != JSON_NULL)
		return 0;
	field = (struct str){ name.p, name.n - call.n - 1 };
	if (what->args == 2) {
		struct str text = part_of(states, field, "ss1:", &l->scratch), piece;

		if (value.type != JSON_ARRAY)
			return 0;
		if (text.p) {
			text.p += 4, text.n -= 4;
			if (!str_cut(&text, ';', &piece) || str_int64(piece, &n) || n < 1 || n > 1000)
				n = 10;
		} else
			for (struct json_iter it = json_iter(value); n < 1000 && json_next(&it); )
				n++;
		n += n == 0;
	}
	add_column(l, what, field, name, share, (int)n, 0);
	return 1;
}

void
layout_tell_span(struct layout *l)
{
	slot_of(l, SLOT_SPAN, -1, 0);
	l->tells_span = 1;
}

int
layout_row_span(struct layout *l, struct json row, int64_t *first, int64_t *last)
{
	struct str text = part_of(json_get(row, STR("states")), STR(""), "span1:", &l->scratch);

	if (!text.p)
		return 0;
	text.p += 6, text.n -= 6;
	return layout_cut_int64(&text, first) == 0 && layout_cut_int64(&text, last) == 0 && !text.p && *first <= *last && *first >= TIME_MIN && *last <= TIME_MAX;
}

int
layout_learn(struct layout *l, struct json row, struct str *which)
{
	struct json states, window;
	struct buf call = { 0 };
	int unknown = 0;

	read_members(l, row);
	states = member_of(l, STR("states"));
	window = member_of(l, STR("window"));
	for (int i = 0; i < l->members && l->columns < LAYOUT_MOST; i++) {
		struct member m = l->member[i];
		struct str as;
		struct err err = { 0 };

		if (is_reserved(m.key) || column_find(l, m.key) || !m.key.n)
			continue;
		as = part_of(states, m.key, "as1:", &l->scratch);
		if (as.p) {
			buf_clear(&call);
			buf_add(&call, as.p + 4, as.n - 4);
			if (layout_add_column(l, m.key, buf_get(&call), 1, &err) == 0)
				continue;
		}
		if (learn_by_name(l, m.key, m.value, states))
			continue;
		if (m.value.type != JSON_NUMBER)
			continue;               /* a key that is kept elsewhere, not a measure */
		if (window.type == JSON_NONE)   /* a single sample: its mean */
			add_column(l, aggregate_find(STR("avg"), &(double){ 0 }), m.key, m.key, 0, 0, 1);
		else if (!unknown++)
			*which = m.key;
	}
	buf_release(&call);
	return unknown;
}

/* The number in the row under a column's own name, of a column that prints by `put` from that slot. */
static int
told_number(struct layout *l, int slot, void (*put)(const struct layout *, const struct column *, const void *, double, struct buf *),
    const char *suffix, struct number *to)
{
	int field = l->slot[slot].field;

	for (int i = 0; i < l->columns; i++)
		if (l->column[i].slot == slot && l->column[i].what->put == put && number_of(member_of(l, l->column[i].name), to))
			return 1;
	return field < 0 ? number_of(member_of(l, str_of(suffix)), to) :
	    number_of(member_of_field(l, l->field[field].name, suffix), to);
}

/* How many rows the metric row at hand stands for: 1 when it tells, 0 when it does not (then it is one), -1 when what it tells is
 * no such number. */
static int
told_rows(struct layout *l, struct json states, int64_t *rows)
{
	struct str text = part_of(states, STR(""), "n1:", &l->scratch2);
	struct number n;
	double d;

	*rows = 1;
	if (text.p && str_int64((struct str){ text.p + 3, text.n - 3 }, rows) == 0 && *rows >= 0 && *rows <= ROWS_MOST)
		return 1;
	*rows = 1;
	if (!told_number(l, 0, put_count, "count", &n))
		return 0;
	d = number_double(&n);          /* 42.0 is 42 */
	if (n.exp == 0 && n.digits >= 0 && n.digits < ROWS_MOST)
		*rows = (int64_t)n.digits;
	else if (d >= 0 && d <= 1LL << 53 && d == floor(d))
		*rows = (int64_t)d;
	else
		return -1;
	return 1;
}

int
layout_rows_wrong(struct layout *l, struct json row)
{
	int64_t rows;

	read_members(l, row);
	return told_rows(l, member_of(l, STR("states")), &rows) < 0;
}

/* Does the row tell in any way that the field had values for that slot, which wants numbers or not? */
static int
has_values(const struct layout *l, int slot)
{
	struct str name = l->field[l->slot[slot].field].name;
	const struct aggregate *what;
	double share;

	for (int i = 0; i < l->members; i++) {
		struct str key = l->member[i].key;

		if (key.n > name.n + 1 && str_starts(key, name) && key.p[name.n] == '_' && l->member[i].value.type == JSON_NUMBER &&
		    !str_eq(json_raw(l->member[i].value), STR("0")) &&
		    (what = aggregate_find((struct str){ key.p + name.n + 1, key.n - name.n - 1 }, &share)) &&
		    (layout_slot_types[what->slot].numeric || !type_of(l, slot)->numeric))
			return 1;
	}
	return 0;
}

/* Is the slot there for more than a sum, and how many numbers went into it must be known? */
static int
wants_number(const struct layout *l, int slot)
{
	for (int i = 0; i < l->columns; i++)
		if (l->column[i].slot == slot && l->column[i].what->put != put_sum)
			return 1;
	return 0;
}

/* Does the row have a null in a column that prints by `put` from that slot? */
static int
told_null(const struct layout *l, int slot, void (*put)(const struct layout *, const struct column *, const void *, double, struct buf *))
{
	for (int i = 0; i < l->columns; i++)
		if (l->column[i].slot == slot && l->column[i].what->put == put && member_of(l, l->column[i].name).type == JSON_NULL)
			return 1;
	return 0;
}

enum told { TOLD, TOLD_NOT, TOLD_PART };

/* The sum and of how many numbers. A mean is null where there was none, or beside a sum that is not 0 where it was not known of how many.
 * A variance is null of none, and of one, or beside a mean that is not the sum where it could not be merged. Of how many else only
 * "count" says: of all rows, as far as one can know; without it a mean would be one of means. */
static enum told
take_sum(struct layout *l, int i, struct json raw, int64_t rows, int counted, struct sum_state *sum)
{
	struct str field = l->field[l->slot[i].field].name;
	struct buf product = { 0 };
	struct number n;

	if (told_null(l, i, put_avg) || member_of_field(l, field, "avg").type == JSON_NULL) {
		if (told_number(l, i, put_sum, "sum", &n) && n.digits) {
			number_sum_add(&sum->sum, &n);
			sum->lost |= SUM_N;
		}
		return TOLD;
	}
	if (told_number(l, i, put_sum, "sum", &n)) {
		struct number mean;
		int few = (told_null(l, i, put_var) || told_null(l, i, put_stddev)) &&
		    (!told_number(l, i, put_avg, "avg", &mean) || number_double(&mean) == number_double(&n));

		number_sum_add(&sum->sum, &n);
		if (raw.type == JSON_NONE && !few && !counted && wants_number(l, i)) {
			sum->lost |= SUM_N;
			return TOLD_PART;
		}
		rows_more(&sum->n, few ? n.digits != 0 : rows);
		return TOLD;
	}
	if (raw.type != JSON_NONE || !told_number(l, i, put_avg, "avg", &n))
		return TOLD_NOT;
	if (!counted) {
		sum->lost |= SUM_ALL;
		return TOLD_PART;
	}
	json_put_double(&product, number_double(&n) * (double)rows);
	if (number_read(buf_get(&product), &n))
		number_sum_add(&sum->sum, &n);
	rows_more(&sum->n, rows);
	buf_release(&product);
	return TOLD;
}

/* Fill one slot from the row at hand, which stands for so many rows (and tells so, or not). 0, or 1 when it does not tell. */
static int
take_slot(struct layout *l, void *state, int i, struct json states, int64_t rows, int counted, int64_t time, int64_t seq)
{
	const struct slot *slot = &l->slot[i];
	struct str field = l->field[slot->field].name, text;
	struct json raw = member_of(l, field), v;
	struct number n;
	enum told told;
	void *at = AT(state, l, i);

	text = part_of(states, field, type_of(l, i)->mark, &l->scratch2);
	if (text.p && slot_take(l, state, i, text) == 0)
		return 0;
	switch (slot->kind) {
	case SLOT_SUM:
		if ((told = take_sum(l, i, raw, rows, counted, at)) != TOLD_NOT)
			return told == TOLD_PART;
		if (raw.type == JSON_NONE && has_values(l, i))
			((struct sum_state *)at)->lost |= SUM_ALL;
		break;
	case SLOT_MIN: case SLOT_MAX:
		if (told_number(l, i, put_edge, slot->kind == SLOT_MIN ? "min" : "max", &n)) {
			edge_offer(slot->kind, at, &n);
			return 0;
		}
		break;
	case SLOT_FIRST: case SLOT_LAST:
		v = member_of_field(l, field, slot->kind == SLOT_FIRST ? "first" : "last");
		for (int c = 0; c < l->columns && v.type == JSON_NONE; c++)
			if (l->column[c].slot == i)
				v = member_of(l, l->column[c].name);
		if (v.type > JSON_NULL) {
			if (value_counts(slot->kind, at, time, seq))
				layout_value_set(at, json_raw(v), time, seq);
			return 0;
		}
		break;
	default:
		break;
	}
	if (raw.type > JSON_NULL) {             /* a field of the row itself is a sample of it */
		if (!type_of(l, i)->numeric)
			add_other(l, slot, at, raw, time, seq);
		else if (number_of(raw, &n))
			add_number(slot->kind, at, &n);
		return 0;
	}
	return slot->kind != SLOT_MIN && slot->kind != SLOT_MAX && slot->kind != SLOT_FIRST && slot->kind != SLOT_LAST;
}

/* Is the sum of the slot not to be known? */
static int
is_lost(const struct layout *l, const void *state, int slot)
{
	return l->slot[slot].kind == SLOT_SUM && ((const struct sum_state *)CONST_AT(state, l, slot))->lost == SUM_ALL;
}

/* Had the row more to say than this value of the slot's column: it has one, has none of a field with values, or a null for want of
 * states? So is one of distinct, and one of percentiles beside values; a deviation is null of one value, too. */
static int
is_untold(const struct layout *l, int slot, struct json v)
{
	switch (v.type) {
	case JSON_NUMBER:
		return !str_eq(json_raw(v), STR("0"));
	case JSON_NULL:
		return l->slot[slot].kind == SLOT_DISTINCT || (l->slot[slot].kind == SLOT_QUANTILE && has_values(l, slot));
	default:
		return v.type == JSON_NONE && has_values(l, slot);
	}
}

/* There were values, of which the slot was not told. */
static void
lose(const struct layout *l, void *state, int slot)
{
	if (l->slot[slot].kind == SLOT_DISTINCT)
		((struct distinct_state *)AT(state, l, slot))->lost = 1;
	else if (l->slot[slot].kind == SLOT_QUANTILE)
		((struct quantile_state *)AT(state, l, slot))->lost = 1;
}

int
layout_take(struct layout *l, void *state, struct json row, int64_t time, int64_t seq, struct str *which)
{
	struct json states;
	struct str text;
	int64_t rows;
	int unknown = 0, counted;

	read_members(l, row);
	states = member_of(l, STR("states"));
	counted = told_rows(l, states, &rows) > 0;
	rows_more(&((struct rows_state *)state)->n, rows);
	for (int i = 1; i < l->slots; i++) {
		if (l->slot[i].kind == SLOT_SPAN) {
			text = part_of(states, STR(""), "span1:", &l->scratch2);
			if (!text.p || slot_take(l, state, i, text))
				span_add(AT(state, l, i), time, time);
		} else if (take_slot(l, state, i, states, rows, counted, time, seq)) {
			for (int c = 0; c < l->columns; c++) {
				int is_of = (l->column[c].slot == i || l->column[c].slot2 == i) && (l->column[c].what->put != put_sum || is_lost(l, state, i));

				if (is_of && is_untold(l, i, member_of(l, l->column[c].name))) {
					lose(l, state, i);
					if (!unknown)
						*which = l->column[c].name;
					unknown = 1;
				}
			}
		}
	}
	return unknown;
}
