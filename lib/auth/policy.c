#include "auth/policy.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "codec/sha256.h"
#include "codec/varint.h"
#include "expr/expr.h"

#define KEYS_KEPT 10000         /* property keys whose sight is remembered; beyond them all are forgotten */
#define DEEP      JSON_DEPTH

typedef uint64_t roles;         /* a bit for each role */

struct names { struct str *name; int n; };

struct role {
	char *rows;             /* NULL: all */
	struct names events, metrics, hide, mask;
};

struct policy {
	int users;
	struct arena *arena;
	struct role *role;
	int n;
	uint64_t hash;
	roles plain;            /* which hide and mask nothing */
	struct role only;       /* whoever asks sees no other events: its events and rows */
};

/* ---- making one */

static int
by_bytes(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static struct names
copy_names(struct arena *a, const struct str *name, int n)
{
	struct names to = { arena_get(a, ((size_t)n + 1) * sizeof(*name)), n };

	for (int i = 0; i < n; i++)
		to.name[i] = (struct str){ arena_dup(a, name[i].p, name[i].n), name[i].n };
	if (n)
		qsort(to.name, (size_t)n, sizeof(*to.name), by_bytes);
	return to;
}

static int
is_field(struct str name)
{
	return str_eq(name, STR("user_id")) || str_eq(name, STR("session_id")) || str_eq(name, STR("id"));
}

/* A column by the one name that stands for it: "userId" for the user. */
static struct str
column_of(struct str name)
{
	struct str field = event_field_of(name);

	return field.p && is_field(field) ? field : name;
}

static int
check_columns(const struct str *column, int n, const char *what, struct err *err)
{
	static const char *const always[] = { "event", "timestamp", "received_at", "properties" };

	for (int i = 0; i < n; i++) {
		if (column[i].n == 0)
			return err_set(err, ERR_USAGE, "%s: a column without a name", what);
		for (size_t k = 0; k < sizeof(always) / sizeof(*always); k++)
			if (str_eq(column[i], str_of(always[k])))
				return err_set(err, ERR_USAGE, "%s: %s is always seen; name properties, user_id, session_id or id", what, always[k]);
	}
	return 0;
}

static int
check_rows(struct str rows, const char *what, struct err *err)
{
	char *text = mem_dup(rows.p, rows.n);
	struct expr *e = memchr(rows.p, 0, rows.n) ? NULL : expr_new(text, EXPR_NATIVE_ONLY, err);

	if (!e && !err->code)
		err_set(err, ERR_USAGE, "a byte 0");
	if (!e)
		err_at(err, "%s", what);
	expr_free(e);
	free(text);
	return err->code;
}

static int
add_role(struct policy *p, const struct policy_text *text, struct err *err)
{
	struct role *r = &p->role[p->n];

	if (check_columns(text->hide, text->n_hide, "hide", err) < 0 || check_columns(text->mask, text->n_mask, "mask", err) < 0 ||
	    (text->rows.p && check_rows(text->rows, "rows", err) < 0))
		return err->code;
	*r = (struct role){ text->rows.p ? arena_dup(p->arena, text->rows.p, text->rows.n) : NULL,
		copy_names(p->arena, text->events, text->n_events), copy_names(p->arena, text->metrics, text->n_metrics),
		copy_names(p->arena, text->hide, text->n_hide), copy_names(p->arena, text->mask, text->n_mask) };
	p->plain |= (roles)(!r->hide.n && !r->mask.n) << p->n++;
	return 0;
}

static void
put_names(struct buf *b, const struct names *names)
{
	varint_put(b, (uint64_t)names->n);
	for (int i = 0; i < names->n; i++)
		varint_put_str(b, names->name[i]);
}

static void
put_role(struct buf *b, const struct role *r)
{
	buf_byte(b, r->rows ? 1 : 0);
	varint_put_str(b, r->rows ? str_of(r->rows) : STR(""));
	put_names(b, &r->events), put_names(b, &r->metrics), put_names(b, &r->hide), put_names(b, &r->mask);
}

/* The same roles in another order are the same policy. */
static uint64_t
hash_of(const struct policy *p)
{
	struct str *role = mem_grow(NULL, (size_t)p->n + 1, sizeof(*role));
	struct buf text = { 0 };
	uint8_t sum[SHA256_LEN];
	uint64_t hash = 0;

	for (int i = 0; i < p->n; i++) {
		buf_clear(&text);
		put_role(&text, &p->role[i]);
		role[i] = (struct str){ arena_dup(p->arena, text.p, text.n), text.n };
	}
	if (p->n)
		qsort(role, (size_t)p->n, sizeof(*role), by_bytes);
	buf_clear(&text);
	for (int i = 0; i < p->n; i++)
		varint_put_str(&text, role[i]);
	if (p->only.rows || p->only.events.n)
		put_role(&text, &p->only);
	sha256(buf_get(&text), sum);
	memcpy(&hash, sum, sizeof(hash));
	buf_release(&text);
	free(role);
	return hash ? hash : 1;
}

struct policy *
policy_new(const struct policy_text *text, int n, struct err *err)
{
	struct policy *p;

	if (n > POLICY_ROLES_MOST) {
		err_set(err, ERR_LIMIT, "more than %d roles at once", POLICY_ROLES_MOST);
		return NULL;
	}
	p = mem_new(sizeof(*p));
	p->users = 1;
	p->arena = arena_new(0);
	p->role = mem_grow(NULL, (size_t)n + 1, sizeof(*p->role));
	for (int i = 0; i < n; i++) {
		const struct policy_text *t = &text[i];

		if (add_role(p, t, err) < 0 || (!t->rows.p && !t->n_events && !t->n_metrics && !t->n_hide && !t->n_mask)) {
			policy_free(p);
			return NULL;
		}
	}
	p->hash = hash_of(p);
	return p;
}

struct policy *
policy_narrow(const struct policy *of, const struct str *events, int n_events, struct str rows, struct err *err)
{
	struct policy *p;

	if (rows.p && check_rows(rows, "where", err) < 0)
		return NULL;
	p = mem_new(sizeof(*p));
	p->users = 1;
	p->arena = arena_new(0);
	p->n = of ? of->n : 1;
	p->role = mem_new(((size_t)p->n + 1) * sizeof(*p->role));
	p->plain = of ? of->plain : 1;
	for (int i = 0; of && i < p->n; i++) {
		const struct role *r = &of->role[i];

		p->role[i] = (struct role){ r->rows ? arena_dup(p->arena, r->rows, strlen(r->rows)) : NULL, copy_names(p->arena, r->events.name, r->events.n),
			copy_names(p->arena, r->metrics.name, r->metrics.n), copy_names(p->arena, r->hide.name, r->hide.n), copy_names(p->arena, r->mask.name, r->mask.n) };
	}
	p->only = (struct role){ .rows = rows.p ? arena_dup(p->arena, rows.p, rows.n) : NULL, .events = copy_names(p->arena, events, n_events) };
	p->hash = hash_of(p);
	return p;
}

struct policy *
policy_hold(struct policy *p)
{
	if (p)
		__atomic_fetch_add(&p->users, 1, __ATOMIC_RELAXED);
	return p;
}

void
policy_free(struct policy *p)
{
	if (!p || __atomic_sub_fetch(&p->users, 1, __ATOMIC_ACQ_REL))
		return;
	arena_free(p->arena);
	free(p->role);
	free(p);
}

uint64_t
policy_hash(const struct policy *p)
{
	return p ? p->hash : 0;
}

/* ---- names */

/* Looks back at the last star only: bound by the product of the lengths. */
int
policy_name_fits(struct str pattern, struct str name)
{
	size_t p = 0, n = 0, star = SIZE_MAX, from = 0;

	while (n < name.n) {
		if (p < pattern.n && pattern.p[p] == '*')
			star = p++, from = n;
		else if (p < pattern.n && (pattern.p[p] == '?' || pattern.p[p] == name.p[n]))
			p++, n++;
		else if (star != SIZE_MAX)
			p = star + 1, n = ++from;
		else
			return 0;
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

static int
any_fits(const struct names *patterns, struct str name)
{
	for (int i = 0; i < patterns->n; i++)
		if (policy_name_fits(patterns->name[i], name))
			return 1;
	return patterns->n == 0;
}

int
policy_event_name(const struct policy *p, struct str name)
{
	if (p && !any_fits(&p->only.events, name))
		return 0;
	for (int i = 0; p && i < p->n; i++)
		if (any_fits(&p->role[i].events, name))
			return 1;
	return !p;
}

int
policy_metric_name(const struct policy *p, struct str name)
{
	for (int i = 0; p && i < p->n; i++)
		if (any_fits(&p->role[i].metrics, name))
			return 1;
	return !p;
}

/* ---- columns */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

static int
same_letters(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return 0;
	return 1;
}

/* 1: the column is among the names; 2: something inside it is; 3: both. */
static int
listed(const struct names *names, struct str column)
{
	struct str field = column_of(column);
	int found = 0;

	for (int i = 0; i < names->n; i++) {
		struct str name = names->name[i], known = column_of(name);

		if ((known.n == field.n && same_letters(known.p, field.p, field.n)) || (name.n == column.n && same_letters(name.p, column.p, column.n)))
			found |= 1;
		if (name.n > column.n && name.p[column.n] == '.' && same_letters(name.p, column.p, column.n))
			found |= 2;
		if (column.n > name.n && column.p[name.n] == '.' && same_letters(name.p, column.p, name.n))
			found |= 1;     /* it stands in one that is: a label "address.street", of address */
	}
	return found;
}

enum policy_sight
policy_column(const struct policy *p, struct str column)
{
	enum policy_sight best = p ? POLICY_HIDDEN : POLICY_SEEN;

	for (int i = 0; p && i < p->n; i++) {
		enum policy_sight s = listed(&p->role[i].hide, column) & 1 ? POLICY_HIDDEN : listed(&p->role[i].mask, column) & 1 ? POLICY_MASKED : POLICY_SEEN;

		best = s < best ? s : best;
	}
	return best;
}

/* ---- a reader */

struct sight {                          /* of a column */
	roles hide, mask;               /* who hides it, who masks it */
	int inside;                     /* something in it is hidden or masked by somebody */
};

struct condition {                      /* of a role */
	struct expr *row;               /* over an event's row */
	struct expr *fields;            /* over the fields of a series; NULL where they cannot be told */
	struct project *project;
};

struct policy_reader {
	const struct policy *policy;
	const struct store *store;
	struct condition *condition;    /* of each role; row NULL: none */
	struct condition only;
	struct map sights;              /* column -> struct sight * of the arena */
	struct arena *arena;
	struct json value[PROJECT_MOST];
	struct buf row, shown, name, text;
	char mask[3][STORE_MASK_LEN];
	int inside;                     /* some column is named by what it stands in */
};

static int
open_condition(struct condition *c, const char *rows, struct err *err)
{
	if (!rows)
		return 0;
	if (!(c->row = expr_new(rows, EXPR_NATIVE_ONLY, err)) || !(c->fields = expr_new(rows, EXPR_NATIVE_ONLY, err)))
		return err->code;
	c->project = project_new();
	if (expr_bind(c->fields, c->project, err) != 0) {
		expr_free(c->fields);
		c->fields = NULL;
		err_clear(err);
	}
	return 0;
}

struct policy_reader *
policy_reader_new(const struct policy *p, const struct store *store, struct err *err)
{
	struct policy_reader *r = mem_new(sizeof(*r));

	r->policy = p;
	r->store = store;
	r->arena = arena_new(0);
	r->condition = mem_new(((size_t)p->n + 1) * sizeof(*r->condition));
	for (int i = 0; i <= p->n; i++)
		if (open_condition(i < p->n ? &r->condition[i] : &r->only, i < p->n ? p->role[i].rows : p->only.rows, err) < 0) {
			policy_reader_free(r);
			return NULL;
		}
	return r;
}

static void
close_condition(struct condition *c)
{
	expr_free(c->row);
	expr_free(c->fields);
	project_free(c->project);
}

void
policy_reader_free(struct policy_reader *r)
{
	if (!r)
		return;
	for (int i = 0; i < r->policy->n; i++)
		close_condition(&r->condition[i]);
	close_condition(&r->only);
	free(r->condition);
	map_release(&r->sights);
	arena_free(r->arena);
	buf_release(&r->row), buf_release(&r->shown), buf_release(&r->name), buf_release(&r->text);
	free(r);
}

static const struct sight *
sight_of(struct policy_reader *r, struct str column)
{
	struct map_entry *e;
	struct sight *s;
	int is_new;

	if (r->sights.n >= KEYS_KEPT) {
		map_clear(&r->sights);
		arena_reset(r->arena);
	}
	e = map_put(&r->sights, column, &is_new);
	if (!is_new)
		return e->ptr;
	s = e->ptr = arena_get(r->arena, sizeof(*s));
	*s = (struct sight){ 0 };
	for (int i = 0; i < r->policy->n; i++) {
		int hide = listed(&r->policy->role[i].hide, column), mask = listed(&r->policy->role[i].mask, column);

		s->hide |= (roles)(hide & 1) << i;
		s->mask |= (roles)(mask & 1 && !(hide & 1)) << i;
		s->inside |= (hide | mask) & 2;
	}
	return s;
}

static enum policy_sight
sight_by(const struct sight *s, roles by)
{
	return by & ~(s->hide | s->mask) ? POLICY_SEEN : by & s->mask ? POLICY_MASKED : POLICY_HIDDEN;
}

/* ---- what is shown */

static void
put_mask(struct policy_reader *r, struct buf *to, struct json v)
{
	char mask[STORE_MASK_LEN];

	if (v.type == JSON_NULL) {
		buf_lit(to, "null");
		return;
	}
	store_mask(r->store, v.type == JSON_STRING ? json_text(v, &r->text) : json_raw(v), mask);
	buf_byte(to, '"');
	buf_add(to, mask, sizeof(mask));
	buf_byte(to, '"');
}

/* The value under the name in r->name, as `by` see it, appended. 1: it is another than it was. */
static int
put_shown(struct policy_reader *r, struct buf *to, struct json v, roles by, int deep)
{
	size_t name = r->name.n;
	int changed = 0, any = 0;

	if ((v.type != JSON_OBJECT && v.type != JSON_ARRAY) || deep == DEEP) {
		buf_str(to, json_raw(v));
		return 0;
	}
	buf_byte(to, v.type == JSON_OBJECT ? '{' : '[');
	for (struct json_iter it = json_iter(v); json_next(&it); ) {
		const struct sight *s = NULL;
		enum policy_sight sight = POLICY_SEEN;

		r->name.n = name;
		if (v.type == JSON_OBJECT) {
			if (name)
				buf_byte(&r->name, '.');
			buf_str(&r->name, json_text(it.key, &r->text));
			s = sight_of(r, buf_get(&r->name));
			sight = sight_by(s, by);
		}
		changed |= sight != POLICY_SEEN;
		if (sight == POLICY_HIDDEN)
			continue;
		if (any++)
			buf_byte(to, ',');
		if (v.type == JSON_OBJECT) {
			buf_str(to, json_raw(it.key));
			buf_byte(to, ':');
		}
		if (sight == POLICY_MASKED)
			put_mask(r, to, it.value);
		else if (!s || s->inside)
			changed |= put_shown(r, to, it.value, by, deep + 1);
		else
			buf_str(to, json_raw(it.value));
	}
	buf_byte(to, v.type == JSON_OBJECT ? '}' : ']');
	r->name.n = name;
	return changed;
}

static void
show_object(struct policy_reader *r, struct str *object, roles by)
{
	buf_clear(&r->name);
	buf_clear(&r->shown);
	if (put_shown(r, &r->shown, json_checked(*object), by, 0))
		*object = buf_get(&r->shown);
}

static void
show_field(struct policy_reader *r, struct str *value, struct str column, char mask[STORE_MASK_LEN], roles by)
{
	enum policy_sight sight = value->p ? sight_by(sight_of(r, column), by) : POLICY_SEEN;

	if (sight == POLICY_HIDDEN) {
		*value = (struct str){ 0 };
	} else if (sight == POLICY_MASKED) {
		store_mask(r->store, *value, mask);
		*value = (struct str){ mask, STORE_MASK_LEN };
	}
}

/* r->row is empty, or the event's: it is made when the first condition asks for it. */
static int
holds(struct policy_reader *r, const struct condition *c, const struct event *ev)
{
	struct err wrong = { 0 };

	if (!c->row)
		return 1;
	if (!r->row.n)
		event_put(&r->row, ev);
	return expr_test(c->row, buf_get(&r->row), &wrong) == 1;
}

int
policy_see(struct policy_reader *r, struct event *ev, struct err *err)
{
	const struct policy *p = r->policy;
	roles by = 0;

	(void)err;
	buf_clear(&r->row);
	if (!any_fits(&p->only.events, ev->name) || !holds(r, &r->only, ev))
		return 0;
	for (int i = 0; i < p->n; i++)
		by |= (roles)(any_fits(&p->role[i].events, ev->name) && holds(r, &r->condition[i], ev)) << i;
	if (!by || by & p->plain)
		return by != 0;
	show_field(r, &ev->id, STR("id"), r->mask[0], by);
	show_field(r, &ev->user_id, STR("user_id"), r->mask[1], by);
	show_field(r, &ev->session_id, STR("session_id"), r->mask[2], by);
	if (ev->properties.n > 2)
		show_object(r, &ev->properties, by);
	return 1;
}

/* ---- series
 *
 * A condition on rows is about events; a series is of many of them. It is seen when each of those has the same answer: when the
 * condition reads nothing but what the labels say. */

static int
condition_of_labels(struct policy_reader *r, struct condition *c, struct json labels)
{
	static const char *const fields[] = { "user_id", "session_id", "id" };
	struct err wrong = { 0 };

	if (!c->fields)
		return 0;
	buf_clear(&r->row);
	buf_byte(&r->row, '{');
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct json v = json_get(labels, str_of(fields[i]));

		if (v.type == JSON_NONE)
			continue;
		json_put_key(&r->row, str_of(fields[i]));
		buf_str(&r->row, json_raw(v));
		buf_byte(&r->row, ',');
	}
	buf_lit(&r->row, "\"properties\":");
	buf_str(&r->row, json_raw(labels));
	buf_byte(&r->row, '}');
	if (project_row(c->project, buf_get(&r->row), r->value, &wrong) < 0)
		return 0;
	for (int i = 0; i < project_count(c->project); i++)
		if (r->value[i].type == JSON_NONE)
			return 0;
	return expr_test_fields(c->fields, r->value, &wrong) == 1;
}

static int
hides_label(const struct role *role, struct json labels, struct buf *text)
{
	for (struct json_iter it = json_iter(labels); role->hide.n && json_next(&it); )
		if (listed(&role->hide, json_text(it.key, text)))
			return 1;
	return 0;
}

/* Which roles see a series; metric p NULL: none is named. */
static roles
see_labels(struct policy_reader *r, struct str metric, struct json labels)
{
	struct json event = json_get(labels, STR("event"));
	roles by = 0;

	for (int i = 0; i < r->policy->n; i++) {
		const struct role *role = &r->policy->role[i];
		struct str name = event.type == JSON_STRING ? json_text(event, &r->text) : (struct str){ 0 };

		if ((metric.p ? any_fits(&role->metrics, metric) : !role->metrics.n && !role->events.n && !role->rows) &&
		    (!name.p || any_fits(&role->events, name)) && (!role->rows || condition_of_labels(r, &r->condition[i], labels)) &&
		    !hides_label(role, labels, &r->text))
			by |= (roles)1 << i;
	}
	return by;
}

int
policy_see_series(struct policy_reader *r, struct str metric, struct str *labels, struct err *err)
{
	roles by = see_labels(r, metric, json_value(*labels));

	(void)err;
	if (by && !(by & r->policy->plain))
		show_object(r, labels, by);
	return by != 0;
}

/* ---- anomalies, alerts, insights */

static int
is_letter(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Is it the name, in any case of letters? Sentences have a blank for each _ of a name. */
static int
is_said(const char *text, struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (lower(text[i]) != lower(name.p[i]) && !(name.p[i] == '_' && text[i] == ' '))
			return 0;
	return 1;
}

/* Does the text have the name as a word? */
static int
mentions(struct str text, struct str name)
{
	for (size_t i = 0; i + name.n <= text.n; i++)
		if (is_said(text.p + i, name) && (i == 0 || !is_letter(text.p[i - 1])) &&
		    (i + name.n == text.n || !is_letter(text.p[i + name.n])))
			return 1;
	return 0;
}

static int
mentions_any(struct policy_reader *r, struct str text, roles by)
{
	if (memmem(text.p, text.n, "\\u", 2))           /* letters may be written so, though we do not */
		return 1;
	for (int i = 0; i < r->policy->n; i++)
		for (int k = 0; by >> i & 1 && k < r->policy->role[i].hide.n + r->policy->role[i].mask.n; k++) {
			const struct role *role = &r->policy->role[i];
			struct str name = k < role->hide.n ? role->hide.name[k] : role->mask.name[k - role->hide.n];

			if (sight_by(sight_of(r, name), by) != POLICY_SEEN && mentions(text, name))
				return 1;
		}
	return 0;
}

/* Do those who see it see all that its rule read, as it is? What is not said is not known. */
static int
sees_reads(struct policy_reader *r, struct json reads, roles by)
{
	struct json_iter it;

	if (reads.type != JSON_ARRAY)
		return 0;
	for (it = json_iter(reads); json_next(&it); ) {
		struct str name = json_text(it.value, &r->text);
		const struct sight *s = sight_of(r, name);

		if (!name.p || str_eq(name, STR("*")) || s->inside || sight_by(s, by) != POLICY_SEEN)
			return 0;
	}
	return 1;
}

int
policy_see_row(struct policy_reader *r, const char *kind, struct str *json, struct err *err)
{
	struct json row = json_value(*json), metric = json_get(row, STR("metric")), labels = json_get(row, STR("labels"));
	int counted = strcmp(kind, "anomaly") == 0 || strcmp(kind, "insight") == 0;
	roles by;

	(void)err;
	if (row.type != JSON_OBJECT || (!counted && strcmp(kind, "alert") != 0))
		return 0;
	if (labels.type != JSON_OBJECT)
		labels = json_value(STR("{}"));
	buf_clear(&r->name);
	by = see_labels(r, counted && metric.type == JSON_STRING ? json_text(metric, &r->name) : (struct str){ 0 }, labels);
	if (!by || by & r->policy->plain)
		return by != 0;
	if (!counted && !sees_reads(r, json_get(row, STR("reads")), by))
		return 0;
	buf_clear(&r->name);
	buf_clear(&r->row);
	buf_clear(&r->shown);
	buf_byte(&r->shown, '{');
	for (struct json_iter it = json_iter(row); json_next(&it); ) {
		struct str key = json_text(it.key, &r->text);

		if (!counted && str_eq(key, STR("reads")))
			continue;
		if (r->shown.n > 1)
			buf_byte(&r->shown, ',');
		buf_str(&r->shown, json_raw(it.key));
		buf_byte(&r->shown, ':');
		if (str_eq(key, STR("labels"))) {
			if (put_shown(r, &r->shown, it.value, by, 0) && strcmp(kind, "insight") == 0)
				return 0;       /* its sentence has the value, too */
			continue;
		}
		if (!str_eq(key, STR("metric")) && !str_eq(key, STR("alert")) && !str_eq(key, STR("timestamp"))) {
			buf_str(&r->row, json_raw(it.key));
			buf_str(&r->row, json_raw(it.value));
		}
		buf_str(&r->shown, json_raw(it.value));
	}
	buf_byte(&r->shown, '}');
	if (mentions_any(r, buf_get(&r->row), by))
		return 0;
	*json = buf_get(&r->shown);
	return 1;
}

/* ---- as a handle asks */

static void *
open_reader(const void *self, const struct store *store, struct err *err)
{
	return policy_reader_new(self, store, err);
}

static void
close_reader(void *reader)
{
	policy_reader_free(reader);
}

static int
see_event(void *reader, struct event *ev, struct err *err)
{
	return policy_see(reader, ev, err);
}

static int
see_series(void *reader, struct str metric, struct str *labels, struct err *err)
{
	return policy_see_series(reader, metric, labels, err);
}

static int
see_row(void *reader, const char *kind, struct str *json, struct err *err)
{
	return policy_see_row(reader, kind, json, err);
}

static int
see_name(const void *self, struct str name)
{
	return policy_event_name(self, name);
}

static int
see_key(const void *self, struct str key)
{
	return policy_column(self, key) != POLICY_HIDDEN;
}

void
policy_rights(const struct policy *p, struct store_rights *to)
{
	*to = (struct store_rights){ .open = open_reader, .close = close_reader, .event = see_event, .series = see_series, .row = see_row,
		.event_name = see_name, .hash = p->hash, .self = p, .by_name = 1, .all_names = p->n && !p->only.events.n, .key = see_key };
	for (int i = 0; i < p->n; i++)
		to->all_names &= !p->role[i].events.n;
	for (int i = 0; i <= p->n; i++)
		if (i < p->n ? p->role[i].rows : p->only.rows)
			to->by_name = 0, to->needs = STORE_SKIP_ID | STORE_SKIP_USER | STORE_SKIP_SESSION | STORE_SKIP_PROPERTIES;
}
