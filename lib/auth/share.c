/* share.c - shared links: a secret that shows one thing of a tenant to who has it.
 *
 *      share       hash of the secret      {"id":…,"tenant":…,"what":"dashboard NAME","by":…,"created":…,"expires":…,
 *                                           "user":…,"home":…} or "key":… or "roles":[…]: whose rights it has
 *
 * The rights are those that who made it has when it is used: a user that was disabled, a key that was revoked, a role that was narrowed
 * narrow it too. Of a foreign identity (oidc.c, token.c) there is nothing but the roles it came with.
 */
#include <stdlib.h>

#include "auth/auth_priv.h"
#include "base/mem.h"
#include "base/time.h"
#include "crypt/crypt.h"

#define SECRET      43                  /* characters: 256 bits */
#define ID          16                  /* of the hash, to name it by */
#define SHARES_MOST 10000

struct looking { struct auth *auth; struct str tenant, what, id; int (*each)(void *, struct str json); void *self; struct buf found, shown; int n; struct err *err; };

static void
put_shown(struct buf *b, struct json record)
{
	static const char *const names[] = { "id", "what", "by", "created", "expires" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		buf_lit(b, i ? "," : "{");
		json_put_key(b, str_of(names[i]));
		buf_str(b, json_raw(json_get(record, str_of(names[i]))));
	}
}

static int
look_at(void *self, struct str name, struct str value)
{
	struct looking *l = self;
	struct json record = json_value(value);

	if (auth_time(record, "expires") <= time_now())
		return 0;
	if (!json_text_eq(json_get(record, STR("tenant")), l->tenant) || !json_text_eq(json_get(record, STR("what")), l->what))
		return 0;
	if (l->id.p && !json_text_eq(json_get(record, STR("id")), l->id))
		return 0;
	if (!l->each) {
		buf_clear(&l->found);
		buf_str(&l->found, name);
		return 1;
	}
	buf_clear(&l->shown);
	put_shown(&l->shown, record);
	buf_byte(&l->shown, '}');
	return l->each(l->self, buf_get(&l->shown));
}

/* What has passed goes when the next one is made. */
static int
sweep_one(void *self, struct str name, struct str value)
{
	struct looking *l = self;

	if (auth_time(json_value(value), "expires") <= time_now())
		return store_drop_state(l->auth->store, "share", name, l->err);
	l->n++;
	return 0;
}

/* Is the caller the user of that name, with the rights that the user has? */
static int
is_local_user(struct auth *a, const struct principal *who, struct err *err)
{
	struct auth_caller *k;
	int is;

	if (who->kind != AUTH_SESSION)
		return 0;
	pthread_mutex_lock(&a->lock);
	k = auth_caller_user(a, principal_home(who), who->name, err);
	is = k && !k->disabled && str_eq(k->roles, who->roles);
	pthread_mutex_unlock(&a->lock);
	return is;
}

static void
put_rights(struct auth *a, struct buf *b, const struct principal *who, struct err *err)
{
	struct str rest = who->roles, role;
	int n = 0;

	if (who->kind == AUTH_KEY) {
		auth_put_text(b, "key", who->id);
	} else if (is_local_user(a, who, err)) {
		auth_put_text(b, "user", who->name);
		auth_put_text(b, "home", principal_home(who));
	} else {
		buf_lit(b, ",\"roles\":[");
		while (rest.n && str_cut(&rest, ',', &role)) {
			buf_lit(b, n++ ? "," : "");
			json_put_string(b, role);
		}
		buf_byte(b, ']');
	}
}

int
auth_share(struct auth *a, const struct auth_actor *actor, struct str what, int64_t expires, struct buf *out, struct err *err)
{
	struct buf record = { 0 }, secret = { 0 }, hash = { 0 };
	struct looking l = { .auth = a, .err = err };
	struct str id;
	int rc;

	if ((rc = crypt_random_text(SECRET, &secret, err)))
		goto out;
	auth_hash_hex(buf_get(&secret), &hash);
	id = (struct str){ hash.p, ID };
	auth_put_text(&record, "id", id);
	auth_put_text(&record, "tenant", actor->who->tenant);
	auth_put_text(&record, "what", what);
	auth_put_text(&record, "by", actor->who->name);
	auth_put_time(&record, "created", time_now());
	auth_put_time(&record, "expires", expires);
	put_rights(a, &record, actor->who, err);
	buf_byte(&record, '}');
	if ((rc = auth_begin(a, err)))
		goto out;
	if ((rc = store_each_state(a->store, "share", sweep_one, &l, err)) == 0 && l.n >= SHARES_MOST)
		rc = err_set(err, ERR_LIMIT, "there are %d shared links, which is the most", SHARES_MOST);
	if (rc == 0 && (rc = store_put_state(a->store, "share", buf_get(&hash), buf_get(&record), err)) == 0)
		rc = audit_put_act(a, actor, actor->who->tenant, "share.create", "share", what, err);
	if ((rc = auth_end(a, rc, err)) == 0) {
		put_shown(out, json_value(buf_get(&record)));
		buf_lit(out, ",\"token\":");
		json_put_string(out, buf_get(&secret));
		buf_byte(out, '}');
	}
out:
	if (secret.p)
		crypt_wipe(secret.p, secret.cap);
	buf_release(&record);
	buf_release(&secret);
	buf_release(&hash);
	return rc;
}

int
auth_share_list(struct auth *a, struct str tenant, struct str what, int (*each)(void *, struct str json), void *self, struct err *err)
{
	struct looking l = { .auth = a, .tenant = tenant, .what = what, .each = each, .self = self, .err = err };
	int rc = store_each_state(a->reader, "share", look_at, &l, err);

	buf_release(&l.shown);
	return rc;
}

int
auth_share_remove(struct auth *a, const struct auth_actor *actor, struct str what, struct str id, struct err *err)
{
	struct looking l = { .auth = a, .tenant = actor->who->tenant, .what = what, .id = id, .err = err };
	int rc;

	if ((rc = auth_begin(a, err)))
		return rc;
	if ((rc = store_each_state(a->store, "share", look_at, &l, err)) <= 0 || !l.found.n) {
		auth_end(a, -1, err);
		rc = rc < 0 ? rc : 0;
	} else {
		if ((rc = store_drop_state(a->store, "share", buf_get(&l.found), err)) == 0)
			rc = audit_put_act(a, actor, actor->who->tenant, "share.remove", "share", what, err);
		if ((rc = auth_end(a, rc, err)) == 0)
			rc = 1;
	}
	buf_release(&l.found);
	return rc;
}

struct forgetting { struct auth *auth; const char *member; struct str value, home; struct err *err; };

/* One that was made when a user's name was there once in all tenants does not say which one he is of. */
static int
is_of_home(struct json record, struct str home)
{
	struct json of = json_get(record, STR("home"));

	if (json_is(of, JSON_NONE))
		return str_eq(home, STR("*")) || json_text_eq(json_get(record, STR("tenant")), home);
	return json_text_eq(of, home);
}

static int
forget_one(void *self, struct str name, struct str value)
{
	struct forgetting *f = self;
	struct json record = json_value(value);

	if (!json_text_eq(json_get(record, str_of(f->member)), f->value) || !is_of_home(record, f->home))
		return 0;
	return store_drop_state(f->auth->store, "share", name, f->err);
}

int
auth_shares_forget(struct auth *a, const char *member, struct str value, struct str home, struct err *err)
{
	struct forgetting f = { a, member, value, home, err };
	int rc = store_each_state(a->store, "share", forget_one, &f, err);

	return rc < 0 ? rc : 0;
}

/* Under the lock: the user whose rights it has. */
static struct auth_caller *
user_of(struct auth *a, struct json record, struct str tenant, struct str user, struct arena *arena, struct err *err)
{
	struct str home = auth_text(record, "home", arena);
	struct auth_caller *k = auth_caller_user(a, home.p ? home : tenant, user, err);

	return k || home.p || err->code ? k : auth_caller_user(a, STR("*"), user, err);
}

static int
principal_of(struct auth *a, struct json record, struct arena *arena, struct principal **who, struct err *err)
{
	struct str tenant = auth_text(record, "tenant", arena), user = auth_text(record, "user", arena), key = auth_text(record, "key", arena);
	struct principal p = { .kind = AUTH_TOKEN, .name = auth_text(record, "by", arena), .id = auth_text(record, "id", arena), .tenant = tenant, .expires = auth_time(record, "expires") };
	struct auth_caller *k;
	int rc = 1;

	pthread_mutex_lock(&a->lock);
	k = key.p ? auth_caller_key(a, key, err) : user.p ? user_of(a, record, tenant, user, arena, err) : auth_caller_roles(a, tenant, json_get(record, STR("roles")), err);
	if (k && !k->disabled && k->expires > time_now() && (str_eq(k->tenant, tenant) || str_eq(k->tenant, STR("*")))) {
		p.roles = k->roles;
		p.rights = k->rights;
		*who = principal_new(&p);
		rc = 0;
	} else if (err->code) {
		rc = err->code;
	}
	pthread_mutex_unlock(&a->lock);
	return rc;
}

static int
gather_one(void *self, struct str name, struct str value)
{
	struct looking *l = self;
	struct json record = json_value(value);

	(void)name;
	if (auth_time(record, "expires") > time_now() && json_text_eq(json_get(record, STR("tenant")), l->tenant) && json_text_eq(json_get(record, STR("what")), l->what)) {
		buf_str(&l->found, value);
		buf_byte(&l->found, '\n');
	}
	return 0;
}

/* Has the maker rows, columns or kinds of questions that the other one has not? Two unlike views of a part are each more than the other. */
static int
sees_more(const struct principal *maker, const struct principal *who)
{
	static const char *const asked[] = { "query", "metrics", "events", "funnels", "retention", "alerts", "audit" };

	if (who->policy && policy_hash(who->policy) != policy_hash(maker->policy))
		return 1;
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++)
		if (principal_may(maker, AUTH_READ, asked[i], (struct str){ 0 }) && !principal_may(who, AUTH_READ, asked[i], (struct str){ 0 }))
			return 1;
	return 0;
}

int
auth_share_exceeds(struct auth *a, const struct principal *who, struct str what, struct err *err)
{
	struct looking l = { .auth = a, .tenant = who->tenant, .what = what };
	struct arena *arena = arena_new(0);
	struct str rest, line;
	int rc = store_each_state(a->reader, "share", gather_one, &l, err), more = 0;

	rest = buf_get(&l.found);
	while (rc >= 0 && !more && rest.n && str_cut(&rest, '\n', &line)) {
		struct principal *maker = NULL;

		if ((rc = principal_of(a, json_value(line), arena, &maker, err)) == 0)
			more = sees_more(maker, who);
		principal_free(maker);
	}
	arena_free(arena);
	buf_release(&l.found);
	return rc < 0 ? rc : more;
}

int
auth_share_check(struct auth *a, struct str secret, const char *address, struct principal **who, struct buf *what, struct err *err)
{
	struct auth_credentials with = { .address = address };
	struct buf hash = { 0 }, record = { 0 };
	struct arena *arena = arena_new(0);
	int rc = 1;

	if (secret.n == SECRET) {
		auth_hash_hex(secret, &hash);
		if ((rc = store_get_state(a->reader, "share", buf_get(&hash), &record, err)) == 0)
			rc = 1;
		else if (rc > 0)
			rc = auth_time(json_value(buf_get(&record)), "expires") > time_now() ? principal_of(a, json_value(buf_get(&record)), arena, who, err) : 1;
	}
	if (rc == 0)
		buf_str(what, auth_text(json_value(buf_get(&record)), "what", arena));
	buf_release(&hash);
	buf_release(&record);
	arena_free(arena);
	return rc > 0 ? auth_refuse(a, &with, (struct str){ 0 }, err) : rc;
}
