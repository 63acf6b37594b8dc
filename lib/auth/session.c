/* session.c - one's own sessions: which there are, and ending one of them. What begins, holds and ends them otherwise is in login.c. */
#include "auth/auth_priv.h"
#include "base/mem.h"

/* Of one who is logged in: his sessions are those of the same user here, or of the same foreign identity (oidc.c). */
struct own {
	struct auth *auth;
	struct arena *arena;
	struct str tenant, user, hash;  /* hash: of the session that asks */
	int is_foreign;
	int64_t since;                  /* sessions of the user that began before are void */
	struct str id;                  /* the one that is to end */
	int n;
	auth_session_each *each;
	void *self;
	struct err *err;
};

/* Whose the session is that asks: 1; 0: none, or it is over. */
static int
find_own(struct auth *a, struct store *s, struct str secret, struct own *o, struct buf *hash, struct err *err)
{
	struct buf record = { 0 };
	struct auth_caller *k;
	struct json v;
	int rc = 0;

	auth_hash_hex(secret, hash);
	if (!secret.n || (rc = store_get_state(s, "session", buf_get(hash), &record, err)) <= 0)
		goto out;
	v = json_value(buf_get(&record));
	o->hash = buf_get(hash);
	o->tenant = auth_text(v, "tenant", o->arena);
	o->user = auth_text(v, "user", o->arena);
	o->is_foreign = json_is(json_get(v, STR("roles")), JSON_ARRAY);
	o->since = TIME_MIN;
	if (!o->is_foreign) {
		pthread_mutex_lock(&a->lock);
		if ((k = auth_caller_user(a, o->tenant, o->user, err)))
			o->since = k->since;
		pthread_mutex_unlock(&a->lock);
		rc = err->code ? err->code : k != NULL;
	}
	if (rc > 0 && (!auth_session_good(v, time_now()) || auth_time(v, "created") < o->since))
		rc = 0;
out:
	buf_release(&record);
	return rc;
}

static int
is_own(struct own *o, struct str name, struct json v)
{
	return name.n > AUTH_SESSION_ID && json_text_eq(json_get(v, STR("user")), o->user) && json_text_eq(json_get(v, STR("tenant")), o->tenant) &&
	    json_is(json_get(v, STR("roles")), JSON_ARRAY) == o->is_foreign && auth_session_good(v, time_now()) && auth_time(v, "created") >= o->since;
}

static int
list_one(void *self, struct str name, struct str value)
{
	struct own *o = self;
	struct json v = json_value(value);
	struct auth_session s;
	struct arena *arena;
	int rc;

	if (!is_own(o, name, v))
		return 0;
	arena = arena_new(0);
	s = (struct auth_session){ .id = { name.p, AUTH_SESSION_ID }, .address = auth_text(v, "address", arena), .created = auth_time(v, "created"),
		.seen = auth_time(v, "seen"), .expires = auth_session_expires(v), .is_current = str_eq(name, o->hash) };
	rc = o->each(o->self, &s);
	arena_free(arena);
	return rc;
}

int
auth_sessions(struct auth *a, struct str secret, auth_session_each *each, void *self, struct err *err)
{
	struct own o = { .arena = arena_new(0), .each = each, .self = self };
	struct buf hash = { 0 };
	int rc = find_own(a, a->reader, secret, &o, &hash, err);

	if (rc > 0)
		rc = store_each_state(a->reader, "session", list_one, &o, err);
	buf_release(&hash);
	arena_free(o.arena);
	return rc;
}

static int
end_one(void *self, struct str name, struct str value)
{
	struct own *o = self;

	if (!is_own(o, name, json_value(value)) || !str_eq((struct str){ name.p, AUTH_SESSION_ID }, o->id))
		return 0;
	o->n++;
	return store_drop_state(o->auth->store, "session", name, o->err);
}

int
auth_session_end(struct auth *a, struct str secret, struct str id, const char *address, struct err *err)
{
	struct own o = { .auth = a, .arena = arena_new(0), .id = id, .err = err };
	struct buf hash = { 0 };
	int rc = auth_begin(a, err);

	if (rc == 0) {
		if ((rc = find_own(a, a->store, secret, &o, &hash, err)) > 0)
			rc = store_each_state(a->store, "session", end_one, &o, err);
		if (rc == 0 && o.n)
			rc = audit_put(a, &(struct audit_entry){ .tenant = o.tenant, .who = o.user, .from = str_of(address), .action = STR("session.end"), .object = id,
			    .result = STR("ok") }, err);
		rc = auth_end(a, rc, err);
	}
	buf_release(&hash);
	arena_free(o.arena);
	return rc ? rc : o.n > 0;
}
