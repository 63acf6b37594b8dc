/* token.c - tokens of others: of an issuer whose keys are known (auth.jwt), of an OpenID provider (auth.oidc).
 *
 *      provider ──► .well-known/openid-configuration ──► keys, kept an hour; a kid that none has fetches them anew, five times in five
 *                                                         minutes at most
 *      token    ──► keys ──► claims ──► roles, tenant ──► principal
 *      opaque   ──► introspection, an answer kept a minute at most
 *
 * What is fetched is fetched outside the lock, by one thread at a time. The host that the configuration names may be a private address;
 * another host that the provider sends to may not, nor may http follow on https.
 */
#include <stdio.h>
#include <stdlib.h>

#include "auth/token_priv.h"
#include "base/mem.h"
#include "base/time.h"
#include "crypt/crypt.h"

#define S_NS          1000000000LL
#define KEYS_NS       (3600 * S_NS)     /* then they are fetched anew */
#define FETCH_MS      5000
#define FAILED_NS     (10 * S_NS)       /* a provider that did not answer is left in peace */
#define UNKNOWN_MOST  5                 /* fetches for an unknown kid in */
#define UNKNOWN_NS    (300 * S_NS)
#define ANSWERS       1024              /* introspections kept */
#define ANSWER_MS     60000
#define REFUSAL_MS    10000
#define OPAQUE_MOST   4096

int (*auth_fetch)(const struct http_call *, struct http_result *, struct err *);

struct answer { uint8_t hash[32]; int64_t until; char *claims; size_t n; };     /* claims NULL: refused */

struct auth_tokens {
	int held;                               /* by a->tokens, and by each call */
	struct auth_provider *provider[2];      /* auth.jwt, auth.oidc; NULL: none */
	pthread_rwlock_t lock;                  /* of what is learned, and of the answers */
	pthread_mutex_t fetching;
	struct answer answer[ANSWERS];
};

/* ---- configuration */

static int
read_keys(struct auth_provider *p, struct json section, struct err *err)
{
	struct str secret = auth_text(section, "secret", p->arena), key = auth_text(section, "key", p->arena), alg = auth_text(section, "alg", p->arena);
	int rc = 0;

	if (!secret.p + !key.p + !p->jwks.p != 2)
		return err_set(err, ERR_INPUT, "wants one of secret, key and jwks_uri");
	p->keys = jwt_keys_new();
	if (secret.p)
		rc = alg.p ? jwt_keys_add_secret(p->keys, secret, alg.p, err) : err_set(err, ERR_INPUT, "secret wants an alg: HS256, HS384 or HS512");
	else if (key.p)
		rc = jwt_keys_add_pem(p->keys, key, alg.p, err);
	p->fixed = !p->jwks.p;
	if (secret.p)
		crypt_wipe((void *)secret.p, secret.n);
	return rc;
}

static struct auth_provider *
read_provider(struct json section, int oidc, struct err *err)
{
	struct auth_provider *p = mem_new(sizeof(*p));
	struct json roles = json_get(section, STR("roles"));
	struct str raw;
	int rc = 0;

	p->arena = arena_new(0);
	p->issuer = auth_text(section, "issuer", p->arena);
	p->audience = auth_text(section, "audience", p->arena);
	p->client_id = auth_text(section, "client_id", p->arena);
	p->client_secret = auth_text(section, "client_secret", p->arena);
	p->roles_claim = auth_text(section, "roles_claim", p->arena);
	p->tenant_claim = auth_text(section, "tenant_claim", p->arena);
	p->scope = auth_text(section, "scope", p->arena);
	p->jwks = auth_text(section, "jwks_uri", p->arena);
	p->discovers = oidc;
	if (!p->roles_claim.p)
		p->roles_claim = STR("roles");
	if (oidc && !p->audience.p)
		p->audience = p->client_id;
	raw = json_raw(roles);
	p->roles = json_is(roles, JSON_OBJECT) ? json_value((struct str){ arena_dup(p->arena, raw.p, raw.n), raw.n }) : JSON_ABSENT;
	if (!oidc)
		rc = read_keys(p, section, err);
	else if (!p->audience.p)
		rc = err_set(err, ERR_INPUT, "wants client_id or audience");
	if (rc) {
		auth_provider_free(p);
		p = NULL;
	}
	return p;
}

void
auth_provider_free(struct auth_provider *p)
{
	if (!p)
		return;
	jwt_keys_free(p->keys);
	arena_free(p->arena);
	arena_free(p->learned);
	free(p);
}

struct auth_tokens *
auth_tokens_new(const struct config *config, struct err *err)
{
	static const char *const sections[] = { "auth.jwt", "auth.oidc" };
	struct auth_tokens *t = mem_new(sizeof(*t));

	t->held = 1;
	pthread_rwlock_init(&t->lock, NULL);
	pthread_mutex_init(&t->fetching, NULL);
	for (int i = 0; i < 2 && config; i++) {
		struct json section = config_get(config, "analytics", sections[i]);

		if (json_is(section, JSON_OBJECT) && !(t->provider[i] = read_provider(section, i, err))) {
			err_at(err, "analytics.json: %s", sections[i]);
			auth_tokens_drop(t);
			return NULL;
		}
	}
	return t;
}

/* The tokens' configuration as it is now, for one call. */
struct auth_tokens *
auth_tokens_hold(struct auth *a)
{
	struct auth_tokens *t;

	pthread_mutex_lock(&a->lock);
	t = a->tokens;
	__atomic_fetch_add(&t->held, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&a->lock);
	return t;
}

void
auth_tokens_drop(struct auth_tokens *t)
{
	if (!t || __atomic_sub_fetch(&t->held, 1, __ATOMIC_ACQ_REL))
		return;
	for (int i = 0; i < 2; i++)
		auth_provider_free(t->provider[i]);
	for (int i = 0; i < ANSWERS; i++)
		free(t->answer[i].claims);
	pthread_rwlock_destroy(&t->lock);
	pthread_mutex_destroy(&t->fetching);
	free(t);
}

struct auth_provider *
auth_tokens_oidc(struct auth_tokens *t)
{
	return t->provider[1];
}

/* ---- fetching */

int
auth_token_fetch_json(const struct auth_provider *p, struct str url, const struct http_head *heads, int n_heads, struct str form, struct buf *out,
    struct err *err)
{
	struct http_call call = { .method = form.p ? "POST" : "GET", .heads = heads, .n_heads = n_heads, .body = form,
		.timeout_ms = FETCH_MS };
	struct http_result result = { 0 };
	struct str named = p->discovers ? p->issuer : p->jwks;
	char *text;
	int rc;

	if (!str_starts(url, STR("https://")) && !(str_starts(url, STR("http://")) && str_starts(named, STR("http://"))))
		return err_set(err, ERR_INPUT, "the identity provider sends to an address that is not https");
	call.private_too = str_eq(http_origin(url), http_origin(named));
	call.url = text = mem_dup(url.p, url.n);
	rc = auth_fetch ? auth_fetch(&call, &result, err) : err_set(err, ERR_IO, "this program asks nobody over the network");
	if (rc == 0 && form.p && result.status == 400)          /* of what was asked about: a code or a token that is none */
		rc = err_set(err, ERR_INPUT, "the identity provider does not know it");
	else if (rc == 0 && result.status != 200)
		rc = err_set(err, ERR_IO, "the identity provider answered %d", result.status);
	else if (rc == 0 && (json_check(buf_get(&result.body), err) || !json_is(json_value(buf_get(&result.body)), JSON_OBJECT)))
		rc = err_set(err, ERR_IO, "the identity provider's answer is no JSON object");
	else if (rc == 0)
		buf_str(out, buf_get(&result.body));
	http_result_release(&result);
	free(text);
	return rc;
}

/* What the provider says of itself, into an arena of its own. */
static int
discover(struct auth_provider *p, struct auth_provider *found, struct err *err)
{
	struct buf url = { 0 }, doc = { 0 };
	struct json methods, v;
	int rc;

	buf_str(&url, p->issuer);
	while (url.n && url.p[url.n - 1] == '/')
		url.n--;
	buf_lit(&url, "/.well-known/openid-configuration");
	if ((rc = auth_token_fetch_json(p, buf_get(&url), NULL, 0, (struct str){ 0 }, &doc, err)) == 0) {
		v = json_value(buf_get(&doc));
		methods = json_get(v, STR("token_endpoint_auth_methods_supported"));
		found->learned = arena_new(0);
		found->jwks = auth_text(v, "jwks_uri", found->learned);
		found->authorize = auth_text(v, "authorization_endpoint", found->learned);
		found->exchange = auth_text(v, "token_endpoint", found->learned);
		found->introspect = auth_text(v, "introspection_endpoint", found->learned);
		found->userinfo = auth_text(v, "userinfo_endpoint", found->learned);
		found->posts_secret = json_is(methods, JSON_ARRAY) && !memmem(methods.p, methods.n, "\"client_secret_basic\"", 21) &&
		    memmem(methods.p, methods.n, "\"client_secret_post\"", 20);
		if (!json_text_eq(json_get(v, STR("issuer")), p->issuer) || !found->jwks.p) {
			rc = err_set(err, ERR_IO, "the identity provider is another issuer than auth.oidc.issuer, or says no jwks_uri");
			arena_free(found->learned);
			found->learned = NULL;
		}
	}
	buf_release(&url);
	buf_release(&doc);
	return rc;
}

static int
fetch_keys(const struct auth_provider *p, struct str url, struct jwt_keys **keys, struct err *err)
{
	struct buf set = { 0 };
	int rc;

	*keys = jwt_keys_new();
	if ((rc = auth_token_fetch_json(p, url, NULL, 0, (struct str){ 0 }, &set, err)) == 0)
		rc = jwt_keys_add_set(*keys, json_value(buf_get(&set)), err) < 0 ? ERR_IO : 0;
	if (rc) {
		jwt_keys_free(*keys);
		*keys = NULL;
	}
	buf_release(&set);
	return rc;
}

/* Is there something to fetch? unknown: for a kid that no key has. Under the lock. */
static int
wants_keys(const struct auth_provider *p, int unknown)
{
	int64_t now = time_mono_ns();

	if (p->fixed || (p->failed && now - p->failed < FAILED_NS))
		return 0;
	if (!p->fetched || now - p->fetched >= KEYS_NS)
		return 1;
	return unknown && (p->unknowns < UNKNOWN_MOST || now - p->unknown_since >= UNKNOWN_NS);
}

static void
count_unknown(struct auth_provider *p)
{
	int64_t now = time_mono_ns();

	if (!p->unknown_since || now - p->unknown_since >= UNKNOWN_NS) {
		p->unknown_since = now;
		p->unknowns = 0;
	}
	p->unknowns++;
}

/* One thread fetches; who waited meanwhile finds it done (`seen`: what p->fetched was when it was found wanting). Keys that could
 * not be fetched anew stay. */
static int
learn(struct auth_tokens *t, struct auth_provider *p, int unknown, int64_t seen, struct err *err)
{
	struct auth_provider found = { 0 };
	struct jwt_keys *keys = NULL, *old = NULL;
	struct arena *was = NULL;
	int done, rc = 0;

	pthread_mutex_lock(&t->fetching);
	pthread_rwlock_rdlock(&t->lock);
	done = p->fetched != seen;
	if (!done && p->failed && time_mono_ns() - p->failed < FAILED_NS)
		rc = err_set(err, ERR_IO, "the identity provider cannot be reached, try again");
	pthread_rwlock_unlock(&t->lock);
	if (done || rc)
		goto out;
	if ((rc = p->discovers ? discover(p, &found, err) : 0) == 0)
		rc = fetch_keys(p, p->discovers ? found.jwks : p->jwks, &keys, err);
	pthread_rwlock_wrlock(&t->lock);
	if (unknown)
		count_unknown(p);
	if (rc == 0) {
		old = p->keys;
		p->keys = keys;
		if (p->discovers) {
			was = p->learned;
			p->learned = found.learned;
			p->jwks = found.jwks, p->authorize = found.authorize, p->exchange = found.exchange;
			p->introspect = found.introspect, p->userinfo = found.userinfo, p->posts_secret = found.posts_secret;
			found.learned = NULL;
		}
		p->fetched = time_mono_ns();
		p->failed = 0;
	} else {
		p->failed = time_mono_ns();
	}
	pthread_rwlock_unlock(&t->lock);
	jwt_keys_free(old);
	arena_free(was);
	arena_free(found.learned);
out:
	pthread_mutex_unlock(&t->fetching);
	return rc;
}

/* ---- claims */

/* A claim by its name, which may hold dots itself, else by its path. */
static struct json
claim(struct json claims, struct str name)
{
	struct json v = json_get(claims, name);
	struct str rest = name, key;

	if (!json_is(v, JSON_NONE))
		return v;
	for (v = claims; str_cut(&rest, '.', &key); )
		v = json_get(v, key);
	return v;
}

static void
add_role(const struct auth_provider *p, struct str claimed, struct buf *roles)
{
	struct json role = json_is(p->roles, JSON_OBJECT) ? json_get(p->roles, claimed) : JSON_ABSENT;
	struct buf scratch = { 0 };
	struct str name = json_is(role, JSON_STRING) ? json_text(role, &scratch) : claimed;

	if (claimed.n && claimed.n < 200 && (json_is(role, JSON_STRING) || !json_is(p->roles, JSON_OBJECT))) {
		buf_lit(roles, roles->n > 1 ? "," : "");
		json_put_string(roles, name);
	}
	buf_release(&scratch);
}

/* The roles that are claimed, as a list: texts, or words in one text. */
void
auth_token_roles(const struct auth_provider *p, struct json claims, struct buf *roles)
{
	struct json v = claim(claims, p->roles_claim);
	struct json_iter it = json_iter(v);
	struct buf scratch = { 0 };
	int n = 0;

	buf_byte(roles, '[');
	if (json_is(v, JSON_STRING)) {
		struct str rest = json_text(v, &scratch), word;
		char between = rest.n && memchr(rest.p, ',', rest.n) ? ',' : ' ';

		while (n++ < POLICY_ROLES_MOST && str_cut(&rest, between, &word))
			add_role(p, str_trim(word), roles);
	}
	while (json_is(v, JSON_ARRAY) && n++ < POLICY_ROLES_MOST && json_next(&it))
		if (json_is(it.value, JSON_STRING))
			add_role(p, json_text(it.value, &scratch), roles);
	buf_byte(roles, ']');
	buf_release(&scratch);
}

/* The tenant that is claimed; never all of them, and one that is there. */
int
auth_token_tenant(struct auth *a, const struct auth_provider *p, struct json claims, struct buf *tenant, struct err *err)
{
	struct buf scratch = { 0 };
	struct json v;

	if (!p->tenant_claim.p) {
		buf_lit(tenant, "default");
		return 0;
	}
	v = claim(claims, p->tenant_claim);
	if (!json_is(v, JSON_STRING))
		return err_set(err, ERR_INPUT, "the token names no tenant");
	buf_str(tenant, json_text(v, &scratch));
	buf_release(&scratch);
	return auth_tenant_is(a, buf_get(tenant)) ? 0 : err_set(err, ERR_INPUT, "the token's tenant is none");
}

static int
principal_of(struct auth *a, const struct auth_credentials *c, const struct auth_provider *p, struct json claims, int64_t expires,
    struct principal **who, struct err *err)
{
	static const char *const names[] = { "sub", "client_id", "azp", NULL };
	struct principal one = { .kind = AUTH_TOKEN, .expires = expires };
	struct arena *arena = arena_new(0);
	struct buf roles = { 0 }, tenant = { 0 };
	struct auth_caller *k;
	int rc;

	for (int i = 0; names[i] && one.name.n == 0; i++)
		one.name = auth_text(claims, names[i], arena);
	one.id = auth_text(claims, "jti", arena);
	if (one.name.n == 0 || one.name.n > 500 || one.id.n > 500)
		rc = err_set(err, ERR_INPUT, "the token names nobody");
	else if ((rc = auth_token_tenant(a, p, claims, &tenant, err)) == 0) {
		auth_token_roles(p, claims, &roles);
		pthread_mutex_lock(&a->lock);
		if (!(k = auth_caller_roles(a, buf_get(&tenant), json_value(buf_get(&roles)), err))) {
			rc = err->code;
		} else if ((rc = auth_tenant_of(c, k->tenant, &one, err)) == 0) {
			one.roles = k->roles, one.rights = k->rights;
			*who = principal_new(&one);
		}
		pthread_mutex_unlock(&a->lock);
	}
	buf_release(&roles);
	buf_release(&tenant);
	arena_free(arena);
	return rc;
}

/* ---- tokens */

/* Whom the token says that it is from, before anything is known of it. */
static struct auth_provider *
provider_of(struct auth_tokens *t, struct str token)
{
	struct str rest = token, head, body;
	struct buf payload = { 0 };
	struct err ignored = { 0 };
	struct auth_provider *p = NULL;

	str_cut(&rest, '.', &head);
	str_cut(&rest, '.', &body);
	if (crypt_base64url_read(body, &payload) == 0 && json_check(buf_get(&payload), &ignored) == 0)
		for (int i = 0; i < 2 && !p; i++)
			if (t->provider[i] && json_text_eq(json_get(json_value(buf_get(&payload)), STR("iss")), t->provider[i]->issuer))
				p = t->provider[i];
	buf_release(&payload);
	return p;
}

int
auth_token_verify(struct auth_tokens *t, struct auth_provider *p, struct str token, int may_wait, struct jwt *jwt, struct err *err)
{
	int rc, wants, fetches = 0;
	int64_t seen;

	for (;;) {
		pthread_rwlock_rdlock(&t->lock);
		rc = p->keys ? jwt_read(token, p->keys, jwt, err) : (*jwt = (struct jwt){ 0 }, 1);
		wants = wants_keys(p, rc == 1);
		seen = p->fetched;
		if (!wants && rc == 1)
			rc = p->keys ? err_set(err, ERR_INPUT, "the token's key is not one of its issuer's") :
			    err_set(err, ERR_IO, "the identity provider's keys cannot be fetched, try again");
		pthread_rwlock_unlock(&t->lock);
		/* good or bad by keys that are old: they are fetched first, so that one taken back is no longer good */
		if (!wants || fetches++)
			break;
		jwt_release(jwt);
		if (!may_wait)
			return 1;
		err_clear(err);
		if (learn(t, p, rc == 1 && seen, seen, err) && rc == 1)
			return err_set(err, ERR_IO, "the identity provider's keys cannot be fetched, try again");
		err_clear(err);
	}
	return rc == 1 ? err_set(err, ERR_INPUT, "the token's key is not one of its issuer's") : rc;
}

static int
check_jwt(struct auth *a, struct auth_tokens *t, const struct auth_credentials *c, struct str token, int may_wait, struct principal **who, struct err *err)
{
	struct auth_provider *p = provider_of(t, token);
	struct jwt jwt = { 0 };
	int rc;

	if (!p)
		return err_set(err, ERR_INPUT, "the token is of nobody known here");
	if ((rc = auth_token_verify(t, p, token, may_wait, &jwt, err)) == 0 && (rc = jwt_check(&jwt, p->issuer, p->audience, time_now(), err)) == 0)
		rc = principal_of(a, c, p, jwt.claims, jwt_expires(&jwt), who, err);
	jwt_release(&jwt);
	return rc;
}

/* ---- opaque tokens (RFC 7662) */

/* The client's own credentials: in the head, or where the provider wants that, in the form. */
void
auth_token_authenticate(const struct auth_provider *p, struct buf *form, struct buf *basic, struct http_head *head, int *n_heads)
{
	struct buf pair = { 0 };

	if (p->posts_secret || !p->client_secret.p) {
		buf_lit(form, "&client_id=");
		http_put_encoded(form, p->client_id);
		if (p->client_secret.p) {
			buf_lit(form, "&client_secret=");
			http_put_encoded(form, p->client_secret);
		}
		return;
	}
	http_put_encoded(&pair, p->client_id);    /* RFC 6749, 2.3.1: encoded first */
	buf_byte(&pair, ':');
	http_put_encoded(&pair, p->client_secret);
	buf_lit(basic, "Basic ");
	auth_token_put_base64(basic, buf_get(&pair));
	head[(*n_heads)++] = (struct http_head){ "Authorization", buf_get(basic) };
	crypt_wipe(pair.p, pair.n);
	buf_release(&pair);
}

void
auth_token_put_base64(struct buf *b, struct str s)
{
	size_t start = b->n;

	crypt_base64url(s, b);
	for (size_t i = start; i < b->n; i++)
		b->p[i] = b->p[i] == '-' ? '+' : b->p[i] == '_' ? '/' : b->p[i];
	while ((b->n - start) % 4)
		buf_byte(b, '=');
}

static int
introspect(struct auth_tokens *t, struct auth_provider *p, struct str token, struct buf *answer, struct err *err)
{
	struct http_head heads[2] = { { "Content-Type", STR("application/x-www-form-urlencoded") } };
	struct buf form = { 0 }, basic = { 0 }, url = { 0 };
	int n = 1, rc;

	auth_token_endpoint(t, &p->introspect, &url);
	if (url.n == 0)
		return err_set(err, ERR_INPUT, "these credentials are none, or no longer");
	buf_lit(&form, "token_type_hint=access_token&token=");
	http_put_encoded(&form, token);
	auth_token_authenticate(p, &form, &basic, heads, &n);
	rc = auth_token_fetch_json(p, buf_get(&url), heads, n, buf_get(&form), answer, err);
	buf_release(&form), buf_release(&basic), buf_release(&url);
	return rc;
}

/* The claims, where the token is good for us now: 1 and their end, 0 it is not. */
static int
answer_good(const struct auth_provider *p, struct json claims, int64_t *expires)
{
	struct json aud = json_get(claims, STR("aud")), iss = json_get(claims, STR("iss"));
	struct json_iter it = json_iter(aud);
	int64_t exp;
	double s;
	int ours = json_is(aud, JSON_NONE) ? p->client_id.p && json_text_eq(json_get(claims, STR("client_id")), p->client_id) :
	    json_text_eq(aud, p->audience);

	while (json_is(aud, JSON_ARRAY) && json_next(&it))
		ours |= json_text_eq(it.value, p->audience);
	if (!json_is(json_get(claims, STR("active")), JSON_TRUE) || !ours || (!json_is(iss, JSON_NONE) && !json_text_eq(iss, p->issuer)))
		return 0;
	*expires = TIME_MAX;
	if (json_double(json_get(claims, STR("exp")), &s)) {
		exp = s > 0 && s < 1e11 ? (int64_t)(s * 1000) : 0;
		*expires = exp;
	}
	return time_now() < *expires;
}

static void
keep_answer(struct auth_tokens *t, const uint8_t hash[32], struct str claims, int good)
{
	struct answer *slot = &t->answer[(hash[0] << 8 | hash[1]) % ANSWERS];

	pthread_rwlock_wrlock(&t->lock);
	free(slot->claims);
	memcpy(slot->hash, hash, 32);
	slot->claims = good ? mem_dup(claims.p, claims.n) : NULL;
	slot->n = claims.n;
	slot->until = time_now() + (good ? ANSWER_MS : REFUSAL_MS);
	pthread_rwlock_unlock(&t->lock);
}

/* 1 and the claims of an answer that is kept, 0 refused, -1 none is kept. */
static int
kept_answer(struct auth_tokens *t, const uint8_t hash[32], struct buf *claims)
{
	struct answer *slot = &t->answer[(hash[0] << 8 | hash[1]) % ANSWERS];
	int rc = -1;

	pthread_rwlock_rdlock(&t->lock);
	if (crypt_equal(slot->hash, hash, 32) && time_now() < slot->until) {
		rc = slot->claims != NULL;
		if (rc)
			buf_add(claims, slot->claims, slot->n);
	}
	pthread_rwlock_unlock(&t->lock);
	return rc;
}

static int
check_opaque(struct auth *a, struct auth_tokens *t, const struct auth_credentials *c, struct str token, int may_wait, struct principal **who, struct err *err)
{
	struct auth_provider *p = t->provider[1];
	struct buf claims = { 0 };
	uint8_t hash[32];
	int64_t expires = 0;
	int rc, kept;

	if (!p || !p->client_secret.p || token.n > OPAQUE_MOST)
		return err_set(err, ERR_INPUT, "these credentials are none, or no longer");
	crypt_sha256(token, hash);
	if ((kept = kept_answer(t, hash, &claims)) < 0) {
		if (!may_wait) {
			rc = 1;
			goto out;
		}
		if ((rc = auth_token_learn(t, p, err)) || ((rc = introspect(t, p, token, &claims, err)) && rc != ERR_INPUT))
			goto out;
		kept = rc == 0 && answer_good(p, json_value(buf_get(&claims)), &expires);
		err_clear(err);
		keep_answer(t, hash, buf_get(&claims), kept);
	}
	if (kept && answer_good(p, json_value(buf_get(&claims)), &expires))
		rc = principal_of(a, c, p, json_value(buf_get(&claims)), expires, who, err);
	else
		rc = err_set(err, ERR_INPUT, "these credentials are none, or no longer");
out:
	buf_release(&claims);
	return rc;
}

int
auth_check_token(struct auth *a, const struct auth_credentials *c, struct str token, int may_wait, struct principal **who, struct err *err)
{
	struct auth_tokens *t = auth_tokens_hold(a);
	struct err limit = { 0 };
	int rc = jwt_looks(token) ? check_jwt(a, t, c, token, may_wait, who, err) : check_opaque(a, t, c, token, may_wait, who, err);

	auth_tokens_drop(t);
	if (rc == ERR_INPUT && auth_refuse(a, c, (struct str){ 0 }, &limit) == ERR_LIMIT) {
		*err = limit;
		rc = ERR_LIMIT;
	}
	return rc;
}

/* ---- oidc.c's ways in */

int
auth_token_learn(struct auth_tokens *t, struct auth_provider *p, struct err *err)
{
	int64_t seen;
	int wants;

	pthread_rwlock_rdlock(&t->lock);
	wants = wants_keys(p, 0);
	seen = p->fetched;
	pthread_rwlock_unlock(&t->lock);
	if (wants && learn(t, p, 0, seen, err) && !seen)
		return err->code;
	if (!wants && !seen)
		return err_set(err, ERR_IO, "the identity provider cannot be reached, try again");
	err_clear(err);
	return 0;
}

void
auth_token_endpoint(struct auth_tokens *t, const struct str *of, struct buf *url)
{
	pthread_rwlock_rdlock(&t->lock);
	buf_str(url, *of);
	pthread_rwlock_unlock(&t->lock);
}
