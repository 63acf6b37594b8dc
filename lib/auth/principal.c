/* principal.c - what roles and scopes grant, and the policies that come with them. */
#include <stdlib.h>

#include "auth/auth_priv.h"
#include "base/mem.h"
#include "base/time.h"

/* What is always there. An own role cannot take one of these names. */
static const struct { const char *name, *record; } builtin[] = {
	{ "admin",  "{\"name\":\"admin\",\"description\":\"all of its tenant\",\"permissions\":[\"*:*\"]}" },
	{ "editor", "{\"name\":\"editor\",\"description\":\"reads all; writes events, metrics, dashboards, rules, silences and webhooks\",\"permissions\":[\"read:*\","
	            "\"write:events\",\"write:metrics\",\"write:dashboards\",\"write:rules\",\"write:silences\",\"write:webhooks\"]}" },
	{ "viewer", "{\"name\":\"viewer\",\"description\":\"reads all but administration\",\"permissions\":[\"read:*\"]}" },
	{ "ingest", "{\"name\":\"ingest\",\"description\":\"sends events and metrics, reads nothing\",\"permissions\":[\"write:events\",\"write:metrics\"]}" },
};

/* Of whom there are, who may what and what was done: no part of "read:*" and "write:*". */
static const char *const administration[] = { "keys", "users", "roles", "tenants", "audit", NULL };
/* What has names that somebody may be bound to. Of events and metrics a role's `events` and `metrics` say it, held at the scan, not at the door; of what
 * is asked, alerts too, nobody would ask for the name: all would be given for it. */
static const char *const named[] = { "dashboards", "rules", "silences", "webhooks", "keys", "users", "roles", "tenants", NULL };
/* These hold no data of the tenant's users: who reads only them is not seen as reading without a bound. */
static const char *const furniture[] = { "dashboards", "rules", "silences", "webhooks", NULL };

struct permission {
	unsigned actions;               /* AUTH_READ … */
	struct str resource, name;      /* "*": any; name p NULL: any */
};

struct principal_rights {
	int held;
	struct arena *arena;
	struct permission *permission, *scope;
	int n_permissions, n_scopes, scoped;    /* scoped: only what a scope grants too */
	struct policy_text *text;       /* of the roles that read data */
	int n_texts;
	struct policy *policy;          /* made of them */
};

static int
one_of(struct str s, const char *const *words)
{
	while (*words && !str_eq(s, str_of(*words)))
		words++;
	return *words != NULL;
}

const char *
principal_builtin(struct str role)
{
	for (size_t i = 0; i < sizeof(builtin) / sizeof(*builtin); i++)
		if (str_eq(role, str_of(builtin[i].name)))
			return builtin[i].record;
	return NULL;
}

const char *
principal_builtin_at(int i)
{
	return i < (int)(sizeof(builtin) / sizeof(*builtin)) ? builtin[i].name : NULL;
}

/* ---- permissions */

static int
parse(struct str text, struct permission *p)
{
	static const struct { const char *word; unsigned actions; } actions[] = {
		{ "read", AUTH_READ }, { "write", AUTH_WRITE }, { "admin", AUTH_ADMIN }, { "*", AUTH_READ | AUTH_WRITE | AUTH_ADMIN },
	};
	struct str rest = text, action = { 0 };

	*p = (struct permission){ 0 };
	if (!str_cut(&rest, ':', &action) || !str_cut(&rest, ':', &p->resource))
		return -1;
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (str_eq(action, str_of(actions[i].word)))
			p->actions = actions[i].actions;
	if (!p->actions || p->resource.n == 0 || p->resource.n > 63)
		return -1;
	if (!str_eq(p->resource, STR("*")))
		for (size_t i = 0; i < p->resource.n; i++)
			if (!strchr("abcdefghijklmnopqrstuvwxyz_-", p->resource.p[i]))
				return -1;
	if (p->resource.p + p->resource.n < text.p + text.n) {  /* a colon and a name behind it */
		p->name = (struct str){ p->resource.p + p->resource.n + 1, (size_t)(text.p + text.n - p->resource.p) - p->resource.n - 1 };
		if (p->name.n == 0 || !one_of(p->resource, named))
			return -1;
	}
	return 0;
}

int
principal_permission_ok(struct str text)
{
	struct permission p;

	return parse(text, &p) == 0;
}

/* A pattern with * over a whole name; linear but for the last star, which it goes back to. */
static int
matches(struct str pattern, struct str name)
{
	size_t p = 0, n = 0, star = SIZE_MAX, at = 0;

	while (n < name.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			at = n;
		} else if (p < pattern.n && pattern.p[p] == name.p[n]) {
			p++, n++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			n = ++at;
		} else {
			return 0;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

static int
resource_covered(const struct permission *p, struct str resource)
{
	if (!str_eq(p->resource, STR("*")))
		return str_eq(p->resource, resource);
	return p->actions & AUTH_ADMIN || !one_of(resource, administration);
}

/* Nobody writes the audit, so who administers it reads it, and the other way round. */
static unsigned
actions_on(const struct permission *p, struct str resource)
{
	const unsigned both = AUTH_READ | AUTH_ADMIN;

	return p->actions & both && str_eq(resource, STR("audit")) ? p->actions | both : p->actions;
}

static int
allowed(const struct permission *p, int n, unsigned action, struct str resource, struct str name)
{
	for (int i = 0; i < n; i++)
		if (actions_on(&p[i], resource) & action && resource_covered(&p[i], resource) && (!p[i].name.p || !name.p || matches(p[i].name, name)))
			return 1;
	return 0;
}

int
principal_may(const struct principal *who, enum auth_action action, const char *resource, struct str name)
{
	const struct principal_rights *r = who ? who->rights : NULL;
	struct str what = str_of(resource);

	if (!r || (str_eq(what, STR("tenants")) && !who->system))
		return 0;
	return allowed(r->permission, r->n_permissions, action, what, name) && (!r->scoped || allowed(r->scope, r->n_scopes, action, what, name));
}

static int
same_permissions(const struct permission *a, int n, const struct permission *b, int m)
{
	int same = n == m;

	for (int i = 0; same && i < n; i++)
		same = a[i].actions == b[i].actions && str_eq(a[i].resource, b[i].resource) && !a[i].name.p == !b[i].name.p && str_eq(a[i].name, b[i].name);
	return same;
}

int
principal_same_rights(const struct principal *one, const struct principal *other)
{
	const struct principal_rights *a = one->rights, *b = other->rights;

	return a == b || (a->scoped == b->scoped && policy_hash(a->policy) == policy_hash(b->policy) &&
	    same_permissions(a->permission, a->n_permissions, b->permission, b->n_permissions) && same_permissions(a->scope, a->n_scopes, b->scope, b->n_scopes));
}

/* ---- rights of roles */

static void
read_permissions(struct principal_rights *r, struct json list, struct permission **to, int *n)
{
	struct json_iter it = json_iter(list);
	struct buf scratch = { 0 };

	while (json_next(&it)) {
		struct str text = json_text(it.value, &scratch);
		struct permission p;

		text.p = arena_dup(r->arena, text.p ? text.p : "", text.n);
		if (parse(text, &p))
			continue;
		*to = mem_grow(*to, (size_t)*n + 1, sizeof(**to));
		(*to)[(*n)++] = p;
	}
	buf_release(&scratch);
}

static int
texts_of(struct principal_rights *r, struct json list, const struct str **to)
{
	struct json_iter it = json_iter(list);
	struct buf scratch = { 0 };
	struct str *text;
	int n = 0;

	if (!json_is(list, JSON_ARRAY))
		return 0;
	while (json_next(&it))
		n++;
	*to = text = arena_get(r->arena, (size_t)(n + 1) * sizeof(*text));
	it = json_iter(list);
	for (n = 0; json_next(&it); n++) {
		text[n] = json_text(it.value, &scratch);
		text[n].p = arena_dup(r->arena, text[n].p ? text[n].p : "", text[n].n);
	}
	buf_release(&scratch);
	return n;
}

static int
reads_data(const struct permission *p, int n)
{
	for (int i = 0; i < n; i++)
		if (p[i].actions & AUTH_READ && !one_of(p[i].resource, administration) && !one_of(p[i].resource, furniture))
			return 1;
	return 0;
}

static void
add_role(struct principal_rights *r, struct json role)
{
	int from = r->n_permissions;
	struct policy_text *p;

	read_permissions(r, json_get(role, STR("permissions")), &r->permission, &r->n_permissions);
	if (!reads_data(r->permission + from, r->n_permissions - from))
		return;                 /* that it has no bound is no leave to see all */
	r->text = mem_grow(r->text, (size_t)r->n_texts + 1, sizeof(*r->text));
	p = &r->text[r->n_texts++];
	*p = (struct policy_text){ .rows = auth_text(role, "rows", r->arena) };
	p->n_events = texts_of(r, json_get(role, STR("events")), &p->events);
	p->n_metrics = texts_of(r, json_get(role, STR("metrics")), &p->metrics);
	p->n_hide = texts_of(r, json_get(role, STR("hide")), &p->hide);
	p->n_mask = texts_of(r, json_get(role, STR("mask")), &p->mask);
}

/* A role that is gone grants nothing. */
struct principal_rights *
principal_rights_new(struct auth *a, struct str tenant, struct json roles, struct json scopes, struct err *err)
{
	struct principal_rights *r = mem_new(sizeof(*r));
	struct json_iter it = json_iter(roles);
	struct buf name = { 0 }, key = { 0 }, record = { 0 };
	int rc = 0;

	r->held = 1;
	r->arena = arena_new(0);
	while (rc >= 0 && json_is(roles, JSON_ARRAY) && json_next(&it)) {
		struct str role = json_text(it.value, &name);
		const char *text = principal_builtin(role);

		if (text) {
			add_role(r, json_checked(str_of(text)));
			continue;
		}
		buf_clear(&key);
		auth_tenant_key(tenant, role, &key);
		if ((rc = store_get_state(a->reader, "role", buf_get(&key), &record, err)) > 0)
			add_role(r, json_value(buf_get(&record)));
	}
	if (json_is(scopes, JSON_ARRAY)) {
		r->scoped = 1;
		read_permissions(r, scopes, &r->scope, &r->n_scopes);
	}
	buf_release(&name);
	buf_release(&key);
	buf_release(&record);
	if (rc >= 0)
		err_clear(err);
	if (rc >= 0 && !(r->policy = policy_new(r->text, r->n_texts, err)) && err->code)
		rc = err_at(err, "roles");
	if (rc < 0) {
		principal_rights_drop(r);
		return NULL;
	}
	return r;
}

struct principal_rights *
principal_rights_hold(struct principal_rights *r)
{
	__atomic_fetch_add(&r->held, 1, __ATOMIC_RELAXED);
	return r;
}

void
principal_rights_drop(struct principal_rights *r)
{
	if (!r || __atomic_sub_fetch(&r->held, 1, __ATOMIC_ACQ_REL))
		return;
	free(r->permission);
	free(r->scope);
	free(r->text);
	policy_free(r->policy);
	arena_free(r->arena);
	free(r);
}

/* ---- a principal: one allocation with its texts behind it */

struct principal *
principal_new(const struct principal *of)
{
	struct principal *p = mem_new(sizeof(*p) + of->tenant.n + of->name.n + of->id.n + of->roles.n + 1);
	char *at = (char *)(p + 1);

	*p = *of;
	auth_take_text(&p->tenant, of->tenant, &at);
	auth_take_text(&p->name, of->name, &at);
	auth_take_text(&p->id, of->id, &at);
	auth_take_text(&p->roles, of->roles, &at);
	principal_rights_hold(p->rights);
	p->policy = p->rights->policy;
	return p;
}

struct str
principal_home(const struct principal *who)
{
	return who->system ? STR("*") : who->tenant;
}

void
principal_free(struct principal *p)
{
	if (!p)
		return;
	principal_rights_drop(p->rights);
	free(p);
}

/* ---- giving: nobody gives more than he has */

static int
covers(const struct permission *have, int n, const struct permission *p)
{
	unsigned left = p->actions;

	for (int i = 0; i < n; i++) {
		int whole = !have[i].name.p || (p->name.p && (str_eq(have[i].name, p->name) || (!memchr(p->name.p, '*', p->name.n) && matches(have[i].name, p->name))));

		if (whole && (str_eq(have[i].resource, p->resource) ||
		    (str_eq(have[i].resource, STR("*")) && (have[i].actions & AUTH_ADMIN || !one_of(p->resource, administration)))))
			left &= ~actions_on(&have[i], p->resource);
	}
	return left == 0;
}

static int
covers_all(const struct principal *who, const struct permission *p, int n)
{
	const struct principal_rights *r = who->rights;

	for (int i = 0; i < n; i++)
		if (!covers(r->permission, r->n_permissions, &p[i]) || (r->scoped && !covers(r->scope, r->n_scopes, &p[i])))
			return 0;
	return 1;
}

static int
has_role(const struct principal *who, struct str role)
{
	struct str rest = who->roles, one;

	while (str_cut(&rest, ',', &one))
		if (str_eq(one, role))
			return 1;
	return 0;
}

static int
has_roles(const struct principal *who, struct json roles)
{
	struct json_iter it = json_iter(roles);
	struct buf name = { 0 };
	int all = 1;

	while (json_next(&it))
		all &= has_role(who, json_text(it.value, &name));
	buf_release(&name);
	return all;
}

static int
tenant_ok(const struct auth_actor *actor, struct str tenant, struct err *err)
{
	if (actor->who && !actor->who->system && !str_eq(actor->who->tenant, tenant))
		return err_set(err, ERR_DENIED, "another tenant's");
	return 0;
}

int
principal_may_give(struct auth *a, const struct auth_actor *actor, struct str tenant, struct json roles, struct json scopes, struct err *err)
{
	struct principal_rights *r;
	int ok;

	if (tenant_ok(actor, tenant, err))
		return err->code;
	if (!actor->who)
		return 0;
	if (!(r = principal_rights_new(a, tenant, roles, scopes, err)))
		return err->code;
	ok = r->scoped ? covers_all(actor->who, r->scope, r->n_scopes) : covers_all(actor->who, r->permission, r->n_permissions);
	if (actor->who->policy && r->n_texts && (!str_eq(tenant, principal_home(actor->who)) || !has_roles(actor->who, roles)))
		ok = 0;                 /* who sees a part cannot tell whether another role sees less, nor another tenant's of the same name */
	principal_rights_drop(r);
	return ok ? 0 : err_set(err, ERR_DENIED, "these roles may more than you do");
}

int
principal_may_define(const struct auth_actor *actor, struct json permissions, struct err *err)
{
	struct principal_rights r = { .arena = arena_new(0) };
	int ok = 1;

	if (actor->who) {
		read_permissions(&r, permissions, &r.permission, &r.n_permissions);
		ok = covers_all(actor->who, r.permission, r.n_permissions) &&
		    !(actor->who->policy && reads_data(r.permission, r.n_permissions));
	}
	free(r.permission);
	arena_free(r.arena);
	return ok ? 0 : err_set(err, ERR_DENIED, "this role may more than you do");
}
