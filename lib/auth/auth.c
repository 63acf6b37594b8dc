/* auth.c - the system environment, its transactions, and credentials. */
#include "auth/auth.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "auth/auth_priv.h"
#include "auth/trail.h"
#include "base/mem.h"
#include "base/time.h"
#include "crypt/crypt.h"

#define OVERLAP_MS 3600000LL    /* a rotated key's old secret is good for so long */
#define USED_MS    60000LL      /* a key's last use is written down no more often */
#define BAD_MOST   200          /* bad credentials of an address in a minute; of one key from there: */
#define GUESS_MOST 20
#define SOON_MOST  4            /* threads of auth_check_soon at once */
#define CALLERS_MOST 20000      /* in the cache; then it begins anew */

static void
free_caller(struct auth_caller *c)
{
	principal_rights_drop(c->rights);
	arena_free(c->arena);
	free(c);
}

static void
forget_callers(struct auth *a)
{
	for (struct map_entry *e = map_first(&a->callers); e; e = map_next(&a->callers, e))
		free_caller(e->ptr);
	map_clear(&a->callers);
}

static struct auth *
new_auth(const char *dir)
{
	struct auth *a = mem_new(sizeof(*a));

	a->dir = mem_text(dir);
	pthread_mutex_init(&a->write, NULL);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->idle, NULL);
	return a;
}

struct auth *
auth_open(const char *dir, const struct config *config, struct err *err)
{
	struct auth *a = new_auth(dir);

	if (!(a->store = store_open(dir, NULL, STORE_CREATE, err)) || auth_reload(a, config, err)) {
		auth_close(a);
		return NULL;
	}
	a->reader = store_share(a->store);
	a->failures = auth_failures_new();
	a->later = auth_later_new(a);
	return a;
}

struct auth *
auth_look(const char *dir, struct err *err)
{
	struct auth *a = new_auth(dir);

	if (!(a->reader = trail_open(dir, err)) && err->code) {
		auth_close(a);
		return NULL;
	}
	return a;
}

void
auth_close(struct auth *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	while (a->soon)
		pthread_cond_wait(&a->idle, &a->lock);
	pthread_mutex_unlock(&a->lock);
	auth_later_free(a->later);
	auth_failures_free(a->failures);
	auth_tokens_drop(a->tokens);
	crypt_wipe(a->seal, sizeof(a->seal));
	forget_callers(a);
	map_release(&a->callers);
	if (a->reader)
		store_close(a->reader);
	store_close(a->store);
	pthread_mutex_destroy(&a->write);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->idle);
	free(a->dir);
	free(a);
}

int
auth_reload(struct auth *a, const struct config *config, struct err *err)
{
	struct auth_tokens *tokens = auth_tokens_new(config, err), *old;
	struct json secret = config ? config_get(config, "analytics", "auth.secret") : JSON_ABSENT;
	struct buf text = { 0 };

	if (!tokens)
		return err->code;
	pthread_mutex_lock(&a->lock);
	old = a->tokens;
	a->tokens = tokens;
	a->sealed = json_is(secret, JSON_STRING);
	if (a->sealed)
		crypt_hmac_sha256(json_text(secret, &text), STR("at: what is sealed in the system environment"), a->seal);
	pthread_mutex_unlock(&a->lock);
	auth_tokens_drop(old);          /* who is in a call has it until its end */
	buf_release(&text);
	return 0;
}

int
auth_config_check(const struct config *config, struct err *err)
{
	auth_tokens_drop(auth_tokens_new(config, err));
	return err->code;
}

/* ---- transactions */

int
auth_begin(struct auth *a, struct err *err)
{
	int rc;

	pthread_mutex_lock(&a->write);
	if ((rc = store_begin(a->store, err)))
		pthread_mutex_unlock(&a->write);
	return rc;
}

int
auth_end(struct auth *a, int rc, struct err *err)
{
	if (rc < 0) {
		store_abort(a->store);
	} else if (store_commit(a->store, err)) {
		rc = err->code;
	} else {
		audit_anchor(a);
	}
	audit_forget(a);
	pthread_mutex_unlock(&a->write);
	return rc;
}

int
auth_generation(struct auth *a, uint64_t *generation, struct err *err)
{
	struct buf b = { 0 };
	int64_t n = 0;
	int rc = store_get_state(a->reader, "meta", STR("generation"), &b, err);

	if (rc > 0 && str_int64(buf_get(&b), &n))
		rc = err_set(err, ERR_CORRUPT, "the count of changes of users and keys is damaged");
	*generation = (uint64_t)n;
	buf_release(&b);
	return rc < 0 ? rc : 0;
}

int
auth_changed(struct auth *a, struct err *err)
{
	uint64_t generation;
	char text[24];
	int n;

	/* The reader sees what was committed last, which nobody else can change while this transaction is open. */
	if (auth_generation(a, &generation, err))
		return err->code;
	n = snprintf(text, sizeof(text), "%llu", (unsigned long long)generation + 1);
	return store_put_state(a->store, "meta", STR("generation"), (struct str){ text, (size_t)n }, err);
}

/* ---- callers */

static void
roles_text(struct json roles, struct arena *arena, struct str *to)
{
	struct json_iter it = json_iter(roles);
	struct buf b = { 0 }, scratch = { 0 };

	while (json_is(roles, JSON_ARRAY) && json_next(&it)) {
		if (b.n)
			buf_byte(&b, ',');
		buf_str(&b, json_text(it.value, &scratch));
	}
	to->n = b.n;
	to->p = arena_dup(arena, buf_get(&b).p, b.n);
	buf_release(&b);
	buf_release(&scratch);
}

static void
read_secrets(struct auth_caller *k, struct json record)
{
	struct str hash = auth_text(record, "hash", k->arena), old = auth_text(record, "old", k->arena);
	int64_t rotated = auth_time(record, "rotated");

	if (hash.n == 64)
		memcpy(k->hash, hash.p, 64);
	k->old_until = TIME_NONE;
	if (old.n == 64 && rotated != TIME_NONE) {
		memcpy(k->old, old.p, 64);
		k->old_until = rotated + OVERLAP_MS;
	}
}

static struct auth_caller *
new_caller(struct auth *a, struct str tenant, struct str id, struct json record, struct err *err)
{
	struct auth_caller *k = mem_new(sizeof(*k));
	struct json roles = json_is(record, JSON_ARRAY) ? record : json_get(record, STR("roles"));

	k->arena = arena_new(0);
	k->id = (struct str){ arena_dup(k->arena, id.p, id.n), id.n };
	k->tenant = tenant.p ? (struct str){ arena_dup(k->arena, tenant.p, tenant.n), tenant.n } : auth_text(record, "tenant", k->arena);
	k->name = auth_text(record, "name", k->arena);
	k->expires = auth_time(record, "expires");
	if (json_is(json_get(record, STR("expires")), JSON_NONE))
		k->expires = TIME_MAX;  /* one that cannot be read has passed */
	k->since = auth_time(record, "since");
	k->disabled = json_is(json_get(record, STR("disabled")), JSON_TRUE);
	read_secrets(k, record);
	roles_text(roles, k->arena, &k->roles);
	if (!(k->rights = principal_rights_new(a, k->tenant, roles, json_get(record, STR("scopes")), err))) {
		free_caller(k);
		return NULL;
	}
	return k;
}

/* What is in the cache is of the generation that holds now. */
static int
refresh(struct auth *a, struct err *err)
{
	uint64_t generation;

	if (auth_generation(a, &generation, err))
		return err->code;
	if (generation != a->generation || a->callers.n >= CALLERS_MOST) {
		forget_callers(a);
		a->generation = generation;
	}
	return 0;
}

static void
cache_name(const char *kind, struct str name, struct str more, struct buf *out)
{
	buf_lit(out, kind);
	buf_byte(out, 0);
	buf_str(out, name);
	buf_byte(out, 0);
	buf_str(out, more);
}

/* A user of the tenant, or where that is p NULL a key. */
static struct auth_caller *
find_caller(struct auth *a, struct str tenant, struct str name, struct err *err)
{
	struct buf record = { 0 }, slot = { 0 };
	struct auth_caller *k = NULL;
	struct map_entry *e;
	int rc;

	cache_name(tenant.p ? "user" : "key", tenant, name, &slot);
	if (refresh(a, err))
		goto out;
	if ((e = map_find(&a->callers, buf_get(&slot)))) {
		k = e->ptr;
		goto out;
	}
	/* What is read now may be newer than the generation: then it is read again at the next call. */
	rc = tenant.p ? auth_user_get(a->reader, tenant, name, &record, err) : store_get_state(a->reader, "key", name, &record, err);
	if (rc > 0 && (k = new_caller(a, (struct str){ 0 }, name, json_value(buf_get(&record)), err)))
		map_put(&a->callers, buf_get(&slot), NULL)->ptr = k;
out:
	buf_release(&record);
	buf_release(&slot);
	return k;
}

struct auth_caller *
auth_caller_key(struct auth *a, struct str id, struct err *err)
{
	return find_caller(a, (struct str){ 0 }, id, err);
}

struct auth_caller *
auth_caller_user(struct auth *a, struct str tenant, struct str name, struct err *err)
{
	return tenant.p ? find_caller(a, tenant, name, err) : NULL;
}

struct auth_caller *
auth_caller_roles(struct auth *a, struct str tenant, struct json roles, struct err *err)
{
	struct buf slot = { 0 };
	struct auth_caller *k = NULL;
	struct map_entry *e;

	cache_name("roles", tenant, json_raw(roles), &slot);
	if (refresh(a, err) == 0) {
		if ((e = map_find(&a->callers, buf_get(&slot))))
			k = e->ptr;
		else if ((k = new_caller(a, tenant, (struct str){ 0 }, roles, err)))
			map_put(&a->callers, buf_get(&slot), NULL)->ptr = k;
	}
	buf_release(&slot);
	return k;
}

int
auth_tenant_of(const struct auth_credentials *c, struct str own, struct principal *p, struct err *err)
{
	p->system = str_eq(own, STR("*"));
	p->tenant = p->system ? (c->tenant.p ? c->tenant : STR("default")) : own;
	if (!p->system && c->tenant.p && !str_eq(c->tenant, own))
		return err_set(err, ERR_DENIED, "not for this tenant");
	return 0;
}

int
auth_refuse(struct auth *a, const struct auth_credentials *c, struct str id, struct err *err)
{
	int wait = auth_failed(a, c->address, id, id.p ? GUESS_MOST : BAD_MOST);

	if (!wait)
		return err_set(err, ERR_INPUT, "these credentials are none, or no longer");
	err_set(err, ERR_LIMIT, "too many bad credentials from there, wait %d s", wait);
	err->col = wait;
	return err->code;
}

static int
check_key(struct auth *a, const struct auth_credentials *c, struct str text, struct principal **who, struct err *err)
{
	struct principal p = { .kind = AUTH_KEY };
	struct str id = { text.p + 3, AUTH_KEY_ID };
	static const struct auth_caller nobody;         /* one that there is not is compared, too */
	const struct auth_caller *held;
	struct auth_caller *k;
	struct buf hex = { 0 };
	int64_t now = time_now();
	int good = 0, rc = 0;

	if (text.n != 3 + AUTH_KEY_ID + AUTH_KEY_SECRET || !str_starts(text, STR("at_")))
		return auth_refuse(a, c, (struct str){ 0 }, err);
	auth_hash_hex(text, &hex);
	pthread_mutex_lock(&a->lock);
	if (!(k = auth_caller_key(a, id, err)))
		rc = err->code;
	held = k ? k : &nobody;
	good = (crypt_equal(hex.p, held->hash, 64) | (crypt_equal(hex.p, held->old, 64) & (now < held->old_until))) & (now < held->expires) & (k != NULL);
	if (good) {
		p.name = k->name, p.id = k->id, p.roles = k->roles, p.expires = k->expires, p.rights = k->rights;
		if ((rc = auth_tenant_of(c, k->tenant, &p, err)) == 0)
			*who = principal_new(&p);
		if (now - k->used >= USED_MS || now < k->used) {
			k->used = now;
			auth_later_used(a, k->id, now);
		}
	}
	pthread_mutex_unlock(&a->lock);
	buf_release(&hex);
	return rc == 0 && !good ? auth_refuse(a, c, k ? id : (struct str){ 0 }, err) : rc;
}

/* ---- what the headers say */

static int
scheme(struct str *rest, const char *name)
{
	size_t n = strlen(name);

	if (rest->n <= n || strncasecmp(rest->p, name, n) || rest->p[n] != ' ')
		return 0;
	rest->p += n;
	rest->n -= n;
	*rest = str_trim(*rest);
	return 1;
}

/* The key is the user, as Segment sends it; behind the user's name it is taken too (Influx). */
static int
check_basic(struct auth *a, const struct auth_credentials *c, struct str text, struct principal **who, struct err *err)
{
	struct buf plain = { 0 };
	struct str rest, user;
	int rc;

	if (text.n > 1000 || crypt_base64url_read(text, &plain)) {
		rc = auth_refuse(a, c, (struct str){ 0 }, err);
	} else {
		rest = buf_get(&plain);
		str_cut(&rest, ':', &user);
		rc = check_key(a, c, str_starts(user, STR("at_")) || !rest.n ? user : rest, who, err);
	}
	buf_release(&plain);
	return rc;
}

static int
check(struct auth *a, const struct auth_credentials *c, int may_wait, struct principal **who, struct err *err)
{
	struct str text = c->authorization;

	*who = NULL;
	err_clear(err);                 /* its code is looked at below */
	if (text.p) {
		text = str_trim(text);
		if (scheme(&text, "Token"))
			return check_key(a, c, text, who, err);
		if (scheme(&text, "Bearer"))
			return str_starts(text, STR("at_")) ? check_key(a, c, text, who, err) : auth_check_token(a, c, text, may_wait, who, err);
		if (scheme(&text, "Basic"))
			return check_basic(a, c, text, who, err);
		return err_set(err, ERR_INPUT, "Authorization: wants Bearer, Token or Basic");
	}
	if (c->key.p)
		return check_key(a, c, c->key, who, err);
	if (c->session.p)
		return auth_check_session(a, c, who, err);
	return err_set(err, ERR_INPUT, "no credentials: send Authorization: Bearer KEY");
}

int
auth_check(struct auth *a, const struct auth_credentials *c, struct principal **who, struct err *err)
{
	return check(a, c, 1, who, err);
}

int
auth_check_now(struct auth *a, const struct auth_credentials *c, struct principal **who, struct err *err)
{
	return check(a, c, 0, who, err);
}

struct soon { struct auth *auth; char address[64]; size_t n; char authorization[]; };

static void *
learn_soon(void *self)
{
	struct soon *s = self;
	struct auth *a = s->auth;
	struct auth_credentials c = { .authorization = { s->authorization, s->n }, .address = s->address };
	struct principal *who;
	struct err err = { 0 };

	if (auth_check(a, &c, &who, &err) == 0)
		principal_free(who);
	free(s);
	pthread_mutex_lock(&a->lock);
	if (--a->soon == 0)
		pthread_cond_broadcast(&a->idle);
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

void
auth_check_soon(struct auth *a, const struct auth_credentials *c)
{
	struct soon *s = mem_new(sizeof(*s) + c->authorization.n + 1);
	sigset_t all, was;
	pthread_t thread;
	int begun = 0;

	s->auth = a;
	s->n = c->authorization.n;
	if (s->n)
		memcpy(s->authorization, c->authorization.p, s->n);
	snprintf(s->address, sizeof(s->address), "%s", c->address ? c->address : "");
	pthread_mutex_lock(&a->lock);
	if (a->soon < SOON_MOST) {
		sigfillset(&all);       /* signals are not for it */
		pthread_sigmask(SIG_SETMASK, &all, &was);
		if ((begun = pthread_create(&thread, NULL, learn_soon, s) == 0)) {
			a->soon++;
			pthread_detach(thread);
		}
		pthread_sigmask(SIG_SETMASK, &was, NULL);
	}
	pthread_mutex_unlock(&a->lock);
	if (!begun)
		free(s);
}
