/* admin.c - records made, changed, listed and removed, by a table of their kinds. */
#include <stdlib.h>
#include <sys/stat.h>

#include "auth/auth_priv.h"
#include "base/mem.h"
#include "base/time.h"
#include "config/schema.h"
#include "crypt/crypt.h"
#include "store/admin.h"

#define RECORDS_MOST 100000     /* of a kind, in all tenants */

static const struct kind { const char *name, *named; const struct auth_field *fields; } kinds[] = {
	[AUTH_USERS] = { "user", "name", auth_user_fields },
	[AUTH_KEYS] = { "key", "id", auth_key_fields },
	[AUTH_ROLES] = { "role", "name", auth_role_fields },
};

static void
state_name(enum auth_record record, struct str tenant, struct str id, struct buf *out)
{
	buf_clear(out);
	if (record == AUTH_KEYS)
		buf_str(out, id);
	else
		auth_tenant_key(tenant, id, out);
}

static int
is_of(const struct buf *record, struct str tenant)
{
	return json_text_eq(json_get(json_value(buf_get(record)), STR("tenant")), tenant);
}

int
auth_user_get(struct store *store, struct str tenant, struct str name, struct buf *out, struct err *err)
{
	struct buf key = { 0 };
	int rc;

	buf_clear(out);
	if (memchr(name.p, 0, name.n))          /* below it would be somebody else's, with his tenant in front */
		return 0;
	auth_tenant_key(tenant, name, &key);
	if ((rc = store_get_state(store, "user", buf_get(&key), out, err)) == 0 && (rc = store_get_state(store, "user", name, out, err)) > 0)
		rc = is_of(out, tenant);
	buf_release(&key);
	return rc;
}

int
auth_user_put(struct auth *a, struct str tenant, struct str name, struct str record, struct err *err)
{
	struct buf key = { 0 }, old = { 0 };
	int rc;

	auth_tenant_key(tenant, name, &key);
	if ((rc = store_get_state(a->store, "user", name, &old, err)) > 0)
		rc = is_of(&old, tenant) ? store_drop_state(a->store, "user", name, err) : 0;
	if (rc == 0)
		rc = record.p ? store_put_state(a->store, "user", buf_get(&key), record, err) : store_drop_state(a->store, "user", buf_get(&key), err);
	buf_release(&key);
	buf_release(&old);
	return rc;
}

/* The record of a tenant; 1, 0 none, < 0. */
static int
fetch(struct auth *a, enum auth_record record, struct str tenant, struct str id, struct buf *out, struct err *err)
{
	struct buf name = { 0 };
	int rc;

	buf_clear(out);
	if (id.n == 0 || id.n > 200 || !a->reader)      /* of auth_look, where there are none */
		return 0;
	if (record == AUTH_USERS)
		return auth_user_get(a->reader, tenant, id, out, err);
	state_name(record, tenant, id, &name);
	if ((rc = store_get_state(a->reader, kinds[record].name, buf_get(&name), out, err)) > 0)
		rc = is_of(out, tenant);
	buf_release(&name);
	return rc;
}

int
auth_tenant_is(struct auth *a, struct str tenant)
{
	struct buf path = { 0 };
	struct stat st;
	int ok = tenant.n >= 1 && tenant.n <= 63;

	for (size_t i = 0; i < tenant.n && ok; i++)
		ok = tenant.p[i] && strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", tenant.p[i]) != NULL;
	if (ok) {
		buf_printf(&path, "%s/tenants/%.*s", a->dir, STR_FMT(tenant));
		ok = lstat(buf_text(&path), &st) == 0 && S_ISDIR(st.st_mode);
	}
	buf_release(&path);
	return ok;
}

/* "default" comes into being with its first event. */
static int
tenant_there(struct auth *a, struct str tenant, struct err *err)
{
	if (str_eq(tenant, STR("*")) || str_eq(tenant, STR("default")) || auth_tenant_is(a, tenant))
		return 0;
	return err_set(err, ERR_INPUT, "there is no tenant '%.*s'", (int)(tenant.n > 70 ? 70 : tenant.n), tenant.p);
}

/* ---- showing */

static int
show(struct auth *a, enum auth_record record, struct str id, struct json stored, struct buf *out, struct err *err)
{
	struct buf used = { 0 };
	int rc = 0;

	auth_record_show(kinds[record].fields, stored, out);
	if (record == AUTH_KEYS) {
		rc = store_get_state(a->reader, "used", id, &used, err);
		buf_lit(out, ",\"used\":");
		if (rc > 0)
			json_put_string(out, buf_get(&used));
		else
			buf_lit(out, "null");
	}
	if (record == AUTH_ROLES)
		buf_lit(out, ",\"builtin\":false");
	buf_byte(out, '}');
	buf_release(&used);
	return rc < 0 ? rc : 0;
}

static void
show_builtin(const char *text, struct buf *out)
{
	auth_record_show(auth_role_fields, json_checked(str_of(text)), out);
	buf_lit(out, ",\"builtin\":true}");
}

struct listing {
	struct auth *auth;
	enum auth_record record;
	struct str tenant;
	int (*each)(void *, struct str id, struct str json);
	void *self;
	struct err *err;
	struct buf out, id;
};

static int
list_one(void *self, struct str name, struct str value)
{
	struct listing *l = self;
	struct json stored = json_value(value), id = json_get(stored, str_of(kinds[l->record].named));
	int rc;

	(void)name;
	if (l->tenant.p && !json_text_eq(json_get(stored, STR("tenant")), l->tenant))
		return 0;
	buf_clear(&l->out);
	if ((rc = show(l->auth, l->record, json_text(id, &l->id), stored, &l->out, l->err)))
		return rc;
	return l->each(l->self, json_text(id, &l->id), buf_get(&l->out));
}

int
auth_list(struct auth *a, enum auth_record record, struct str tenant, int (*each)(void *, struct str id, struct str json), void *self, struct err *err)
{
	struct listing l = { a, record, tenant, each, self, err, { 0 }, { 0 } };
	const char *name;
	int rc = 0;

	for (int i = 0; record == AUTH_ROLES && rc == 0 && (name = principal_builtin_at(i)); i++) {
		buf_clear(&l.out);
		show_builtin(principal_builtin(str_of(name)), &l.out);
		rc = each(self, str_of(name), buf_get(&l.out));
	}
	if (rc == 0 && a->reader)
		rc = store_each_state(a->reader, kinds[record].name, list_one, &l, err);
	buf_release(&l.out);
	buf_release(&l.id);
	return rc;
}

int
auth_get(struct auth *a, enum auth_record record, struct str tenant, struct str id, struct buf *out, struct err *err)
{
	const char *builtin = record == AUTH_ROLES ? principal_builtin(id) : NULL;
	struct buf stored = { 0 };
	int rc;

	if (builtin) {
		show_builtin(builtin, out);
		return 1;
	}
	if ((rc = fetch(a, record, tenant, id, &stored, err)) > 0 && show(a, record, id, json_value(buf_get(&stored)), out, err))
		rc = err->code;
	buf_release(&stored);
	return rc;
}

/* ---- making and changing */

/* Roles that a record names must be there. */
static int
roles_there(struct auth *a, struct str tenant, struct json roles, struct err *err)
{
	struct json_iter it = json_iter(roles);
	struct buf name = { 0 }, stored = { 0 };
	int rc = 1;

	err_clear(err);
	while (rc > 0 && json_is(roles, JSON_ARRAY) && json_next(&it)) {
		struct str role = json_text(it.value, &name);

		if (!principal_builtin(role) && (rc = fetch(a, AUTH_ROLES, tenant, role, &stored, err)) == 0)
			err_set(err, ERR_INPUT, "roles: there is no role '%.*s'", STR_FMT(role));
	}
	buf_release(&name);
	buf_release(&stored);
	return err->code;
}

static int
check_policy(struct json record, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct policy_text text = { .rows = auth_text(record, "rows", arena) };
	struct policy *p;
	int rc;

	err_clear(err);
	p = policy_new(&text, 1, err);
	rc = p ? 0 : err->code;
	policy_free(p);
	arena_free(arena);
	return rc ? ERR_INPUT : 0;
}

/* May the actor put this record there? Those that it had already may be gone: it can be disabled nevertheless. */
static int
may_put(struct auth *a, enum auth_record record, const struct auth_actor *actor, struct str tenant, struct json was, struct json made, struct err *err)
{
	struct json roles = json_get(made, STR("roles"));

	if (record == AUTH_ROLES) {
		if (check_policy(made, err))
			return err->code = ERR_INPUT;
		return principal_may_define(actor, json_get(made, STR("permissions")), err);
	}
	if (!schema_equal(roles, json_get(was, STR("roles"))) && roles_there(a, tenant, roles, err))
		return err->code;
	return principal_may_give(a, actor, tenant, roles, json_get(made, STR("scopes")), err);
}

/* Who may not give what a record has may not take it over either, by a new password or secret. */
static int
may_touch(struct auth *a, enum auth_record record, const struct auth_actor *actor, struct str tenant, struct json was, struct err *err)
{
	if (record == AUTH_ROLES)
		return principal_may_define(actor, json_get(was, STR("permissions")), err);
	return principal_may_give(a, actor, tenant, json_get(was, STR("roles")), json_get(was, STR("scopes")), err);
}

static void
put_text(struct arena *arena, struct str text, struct str *json)
{
	struct buf b = { 0 };

	json_put_string(&b, text);
	*json = (struct str){ arena_dup(arena, b.p, b.n), b.n };
	buf_release(&b);
}

static void
put_time(struct arena *arena, int64_t at, struct str *json)
{
	char text[TIME_LEN];

	time_print(at, text);
	put_text(arena, (struct str){ text, TIME_LEN }, json);
}

/* A new key's text and what is kept of it. */
static int
draw_key(struct arena *arena, struct str id, struct buf *key, struct str *hash, struct err *err)
{
	struct buf hex = { 0 };
	int rc;

	buf_lit(key, "at_");
	buf_str(key, id);
	if ((rc = crypt_random_text(AUTH_KEY_SECRET, key, err)))
		return rc;
	auth_hash_hex(buf_get(key), &hex);
	put_text(arena, buf_get(&hex), hash);
	buf_release(&hex);
	return 0;
}

static int
put_record(struct auth *a, enum auth_record record, const struct auth_actor *actor, struct str tenant, struct str id, const char *verb, struct str json,
    struct err *err)
{
	struct buf name = { 0 }, action = { 0 };
	int rc;

	state_name(record, tenant, id, &name);
	buf_printf(&action, "%s.%s", kinds[record].name, verb);
	if (record == AUTH_USERS)
		rc = auth_user_put(a, tenant, id, json, err);
	else
		rc = json.p ? store_put_state(a->store, kinds[record].name, buf_get(&name), json, err) : store_drop_state(a->store, kinds[record].name, buf_get(&name), err);
	if (rc == 0 && (rc = audit_put_act(a, actor, tenant, buf_text(&action), kinds[record].name, id, err)) == 0)
		rc = auth_changed(a, err);
	buf_release(&name);
	buf_release(&action);
	return rc;
}

/* A name that the tenant has already. */
static int
taken(struct auth *a, enum auth_record record, struct str tenant, struct str id, struct err *err)
{
	struct buf was = { 0 };
	int rc;

	if (record == AUTH_ROLES && principal_builtin(id))
		return err_set(err, ERR_INPUT, "name: '%.*s' is a role that is always there", STR_FMT(id));
	if ((rc = record == AUTH_KEYS ? 0 : fetch(a, record, tenant, id, &was, err)) > 0)         /* a key's id is drawn */
		rc = err_set(err, ERR_INPUT, "name: there is a %s '%.*s' already", kinds[record].name, STR_FMT(id));
	buf_release(&was);
	return rc;
}

static int
count_one(void *self, struct str name, struct str value)
{
	(void)name, (void)value;
	return ++*(int *)self > RECORDS_MOST;
}

int
auth_create_check(struct auth *a, enum auth_record record, const struct auth_actor *actor, struct str tenant, struct json in, struct err *err)
{
	const struct auth_set none = { "password", { 0 } };
	const int without = record == AUTH_USERS && json_is(json_get(in, STR("password")), JSON_NONE);
	struct arena *arena = arena_new(0);
	struct buf made = { 0 };
	int rc;

	if ((rc = tenant_there(a, tenant, err)) == 0 &&
	    (rc = auth_record_make(a, kinds[record].fields, kinds[record].name, JSON_ABSENT, in, &none, without, &made, err)) == 0 &&
	    (rc = may_put(a, record, actor, tenant, JSON_ABSENT, json_value(buf_get(&made)), err)) == 0)
		rc = taken(a, record, tenant, auth_text(json_value(buf_get(&made)), kinds[record].named, arena), err);
	buf_release(&made);
	arena_free(arena);
	return rc;
}

int
auth_create(struct auth *a, enum auth_record record, const struct auth_actor *actor, struct str tenant, struct json in, struct buf *out, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct buf made = { 0 }, id = { 0 }, key = { 0 };
	struct auth_set set[5] = { { "tenant", { 0 } }, { "created", { 0 } } };
	struct str name;
	int n = 2, rc, count = 0;

	put_text(arena, tenant, &set[0].json);
	put_time(arena, time_now(), &set[1].json);
	if ((rc = tenant_there(a, tenant, err)))
		goto out;
	if (record == AUTH_KEYS) {
		if ((rc = crypt_random_text(AUTH_KEY_ID, &id, err)) || (rc = draw_key(arena, buf_get(&id), &key, &set[n].json, err)))
			goto out;
		set[n++].name = "hash";
		set[n].name = "id";
		put_text(arena, buf_get(&id), &set[n++].json);
		set[n].name = "by";
		put_text(arena, actor->who ? actor->who->name : actor->name, &set[n++].json);
	}
	if (record == AUTH_USERS)
		set[n++] = (struct auth_set){ "since", set[1].json };
	if ((rc = auth_record_make(a, kinds[record].fields, kinds[record].name, JSON_ABSENT, in, set, n, &made, err)) ||
	    (rc = may_put(a, record, actor, tenant, JSON_ABSENT, json_value(buf_get(&made)), err)) || (rc = auth_begin(a, err)))
		goto out;
	name = auth_text(json_value(buf_get(&made)), kinds[record].named, arena);
	if ((rc = taken(a, record, tenant, name, err)) == 0 && (rc = store_each_state(a->reader, kinds[record].name, count_one, &count, err)) > 0)
		rc = err_set(err, ERR_LIMIT, "there are %d of them, which is the most", RECORDS_MOST);
	if (rc == 0)
		rc = put_record(a, record, actor, tenant, name, "create", buf_get(&made), err);
	if ((rc = auth_end(a, rc, err)))
		goto out;
	auth_record_show(kinds[record].fields, json_value(buf_get(&made)), out);
	if (record == AUTH_KEYS) {
		buf_lit(out, ",\"key\":");
		json_put_string(out, buf_get(&key));
	}
	buf_byte(out, '}');
out:
	if (key.p)
		crypt_wipe(key.p, key.n);
	buf_release(&key);
	buf_release(&id);
	buf_release(&made);
	arena_free(arena);
	return rc;
}

int
auth_change(struct auth *a, enum auth_record record, const struct auth_actor *actor, struct str tenant, struct str id, struct json in, struct buf *out,
    struct err *err)
{
	struct arena *arena = arena_new(0);
	struct buf was = { 0 }, made = { 0 };
	struct auth_set set[2] = { { "changed", { 0 } } };
	struct json old;
	int n = record == AUTH_KEYS ? 0 : 1, rc;

	if (record == AUTH_ROLES && principal_builtin(id)) {
		rc = err_set(err, ERR_INPUT, "'%.*s' is a role that is always there, as it is", STR_FMT(id));
		goto out;
	}
	put_time(arena, time_now(), &set[0].json);
	if (record == AUTH_USERS && (!json_is(json_get(in, STR("password")), JSON_NONE) || json_is(json_get(in, STR("disabled")), JSON_TRUE)))
		set[n++] = (struct auth_set){ "since", set[0].json };
	/* what is read here nobody else changes until the end of the transaction; a password's scrypt is inside, which administration can wait for */
	if ((rc = auth_begin(a, err)))
		goto out;
	if ((rc = fetch(a, record, tenant, id, &was, err)) <= 0) {
		auth_end(a, -1, err);
		goto out;
	}
	old = json_value(buf_get(&was));
	if ((rc = auth_record_make(a, kinds[record].fields, kinds[record].name, old, in, set, n, &made, err)) == 0 &&
	    (rc = may_touch(a, record, actor, tenant, old, err)) == 0 &&
	    (rc = may_put(a, record, actor, tenant, old, json_value(buf_get(&made)), err)) == 0)
		rc = put_record(a, record, actor, tenant, id, "change", buf_get(&made), err);
	if ((rc = auth_end(a, rc, err)) == 0) {
		rc = 1;
		if (show(a, record, id, json_value(buf_get(&made)), out, err))
			rc = err->code;
	}
out:
	buf_release(&was);
	buf_release(&made);
	arena_free(arena);
	return rc;
}

int
auth_remove(struct auth *a, enum auth_record record, const struct auth_actor *actor, struct str tenant, struct str id, struct err *err)
{
	struct buf was = { 0 };
	int rc;

	if (record == AUTH_ROLES && principal_builtin(id))
		return err_set(err, ERR_INPUT, "'%.*s' is a role that is always there", STR_FMT(id));
	if ((rc = auth_begin(a, err)))
		return rc;
	if ((rc = fetch(a, record, tenant, id, &was, err)) <= 0) {
		auth_end(a, -1, err);
	} else {
		if ((rc = may_touch(a, record, actor, tenant, json_value(buf_get(&was)), err)) == 0 &&
		    (rc = put_record(a, record, actor, tenant, id, record == AUTH_KEYS ? "revoke" : "remove", (struct str){ 0 }, err)) == 0 &&
		    record != AUTH_ROLES && (rc = auth_shares_forget(a, kinds[record].name, id, tenant, err)) == 0 && record == AUTH_KEYS)
			rc = store_drop_state(a->store, "used", id, err);
		if ((rc = auth_end(a, rc, err)) == 0)
			rc = 1;
	}
	buf_release(&was);
	return rc;
}

int
auth_rotate(struct auth *a, const struct auth_actor *actor, struct str tenant, struct str key_id, struct buf *out, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct buf was = { 0 }, made = { 0 }, key = { 0 };
	struct auth_set set[] = { { "hash", { 0 } }, { "old", { 0 } }, { "rotated", { 0 } } };
	struct json old;
	int rc;

	put_time(arena, time_now(), &set[2].json);
	if ((rc = draw_key(arena, key_id, &key, &set[0].json, err)) || (rc = auth_begin(a, err)))
		goto out;
	if ((rc = fetch(a, AUTH_KEYS, tenant, key_id, &was, err)) <= 0) {
		auth_end(a, -1, err);
		goto out;
	}
	old = json_value(buf_get(&was));
	set[1].json = json_raw(json_get(old, STR("hash")));
	if ((rc = may_touch(a, AUTH_KEYS, actor, tenant, old, err)) == 0 &&
	    (rc = auth_record_make(a, auth_key_fields, "key", old, json_checked(STR("{}")), set, 3, &made, err)) == 0)
		rc = put_record(a, AUTH_KEYS, actor, tenant, key_id, "rotate", buf_get(&made), err);
	if ((rc = auth_end(a, rc, err)))
		goto out;
	auth_record_show(auth_key_fields, json_value(buf_get(&made)), out);
	buf_lit(out, ",\"key\":");
	json_put_string(out, buf_get(&key));
	buf_byte(out, '}');
	rc = 1;
out:
	if (key.p)
		crypt_wipe(key.p, key.n);
	buf_release(&key);
	buf_release(&was);
	buf_release(&made);
	arena_free(arena);
	return rc;
}

/* ---- tenants */

static int
may_tenants(const struct auth_actor *actor, struct err *err)
{
	return !actor->who || principal_may(actor->who, AUTH_ADMIN, "tenants", (struct str){ 0 }) ? 0 :
	    err_set(err, ERR_DENIED, "tenants are for who administers all of them");
}

int
auth_tenant_add(struct auth *a, const struct auth_actor *actor, const char *name, struct err *err)
{
	int rc;

	if ((rc = may_tenants(actor, err)) || (rc = store_tenant_add(a->dir, name, err)) || (rc = auth_begin(a, err)))
		return rc;
	return auth_end(a, audit_put_act(a, actor, str_of(name), "tenant.create", "tenant", str_of(name), err), err);
}

struct forgetting { struct auth *auth; const char *kind; struct str tenant; struct err *err; };

static int
forget_one(void *self, struct str name, struct str value)
{
	struct forgetting *f = self;

	if (!json_text_eq(json_get(json_value(value), STR("tenant")), f->tenant))
		return 0;
	return store_drop_state(f->auth->store, f->kind, name, f->err);
}

/* Users, keys, sessions (those of a provider's users have their roles with them) and shared links first: they must not wait for the next tenant
 * of that name. */
int
auth_tenant_remove(struct auth *a, const struct auth_actor *actor, const char *name, struct err *err)
{
	const char *const forgotten[] = { kinds[AUTH_USERS].name, kinds[AUTH_KEYS].name, kinds[AUTH_ROLES].name, "session" };
	struct forgetting f = { a, NULL, str_of(name), err };
	int rc;

	if ((rc = may_tenants(actor, err)) || (rc = auth_begin(a, err)))
		return rc;
	for (size_t i = 0; rc == 0 && i < sizeof(forgotten) / sizeof(*forgotten); i++)
		rc = store_each_state(a->reader, f.kind = forgotten[i], forget_one, &f, err);
	if (rc == 0)
		rc = auth_shares_forget(a, "tenant", f.tenant, f.tenant, err);
	if (rc == 0 && (rc = audit_put_act(a, actor, f.tenant, "tenant.remove", "tenant", f.tenant, err)) == 0)
		rc = auth_changed(a, err);
	if ((rc = auth_end(a, rc, err)) == 0)
		rc = store_tenant_remove(a->dir, name, err);
	return rc;
}
