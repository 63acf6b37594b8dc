/* oidc.c - login through an OpenID provider: authorization code flow with PKCE.
 *
 * What the callback must be held against (state, nonce, verifier, where to go) travels in the browser's cookie, sealed by a key of
 * this installation, so that asking to log in writes nothing. The provider sees to it that a code is good once.
 */
#include <stdio.h>
#include <stdlib.h>

#include "auth/token_priv.h"
#include "base/mem.h"
#include "base/time.h"
#include "crypt/crypt.h"

#define SECRET     43           /* characters: 256 bits */
#define ROUND_MS   600000       /* from begin to finish */
#define COOKIE_MOST 4000
#define URI_MOST   1000

int
auth_has_oidc(struct auth *a)
{
	struct auth_tokens *t = auth_tokens_hold(a);
	struct auth_provider *p = auth_tokens_oidc(t);
	int has = p && p->client_id.p;

	auth_tokens_drop(t);
	return has;
}

/* ---- the cookie */

/* The installation's own key, drawn when it is first wanted. */
static int
cookie_key(struct auth *a, uint8_t key[32], struct err *err)
{
	struct buf kept = { 0 };
	int rc;

	if ((rc = store_get_state(a->reader, "meta", STR("cookie"), &kept, err)) == 0 && (rc = auth_begin(a, err)) == 0) {
		if ((rc = store_get_state(a->store, "meta", STR("cookie"), &kept, err)) == 0) {
			buf_clear(&kept);
			if ((rc = crypt_random_text(SECRET, &kept, err)) == 0)
				rc = store_put_state(a->store, "meta", STR("cookie"), buf_get(&kept), err);
		}
		rc = auth_end(a, rc, err);
	}
	if (rc >= 0)
		crypt_hmac_sha256(buf_get(&kept), STR("oidc cookie"), key);
	if (kept.p)
		crypt_wipe(kept.p, kept.n);
	buf_release(&kept);
	return rc < 0 ? rc : 0;
}

/* Only a path of this site: what "/\" and "//" begin with is another host to a browser. */
static struct str
local(struct str then)
{
	int ok = then.n && then.n <= URI_MOST && then.p[0] == '/' && (then.n == 1 || (then.p[1] != '/' && then.p[1] != '\\')) && str_utf8_fault(then) < 0;

	for (size_t i = 0; ok && i < then.n; i++)
		ok = (unsigned char)then.p[i] > 0x20 && then.p[i] != 0x7f && then.p[i] != '\\';
	return ok ? then : STR("/");
}

/* ---- begin */

static void
put_param(struct buf *url, const char *name, struct str value)
{
	buf_byte(url, memchr(url->p, '?', url->n) ? '&' : '?');
	buf_printf(url, "%s=", name);
	http_put_encoded(url, value);
}

static int
begin(struct auth *a, struct auth_tokens *t, struct auth_provider *p, struct str redirect_uri, struct str then, struct buf *url, struct buf *cookie,
    struct err *err)
{
	struct buf state = { 0 }, nonce = { 0 }, verifier = { 0 }, challenge = { 0 }, plain = { 0 }, sealed = { 0 };
	uint8_t key[32], hash[32];
	int rc;

	if ((rc = auth_token_learn(t, p, err)) || (rc = cookie_key(a, key, err)) || (rc = crypt_random_text(SECRET, &state, err)) ||
	    (rc = crypt_random_text(SECRET, &nonce, err)) || (rc = crypt_random_text(SECRET, &verifier, err)))
		goto out;
	crypt_sha256(buf_get(&verifier), hash);
	crypt_base64url((struct str){ (const char *)hash, 32 }, &challenge);
	auth_token_endpoint(t, &p->authorize, url);
	if (!str_starts(buf_get(url), STR("https://")) && !(str_starts(buf_get(url), STR("http://")) && str_starts(p->issuer, STR("http://")))) {
		rc = err_set(err, ERR_IO, "the identity provider says no authorization_endpoint that is https");
		goto out;
	}
	put_param(url, "response_type", STR("code"));
	put_param(url, "client_id", p->client_id);
	put_param(url, "redirect_uri", redirect_uri);
	put_param(url, "scope", p->scope.p ? p->scope : STR("openid profile email"));
	put_param(url, "state", buf_get(&state));
	put_param(url, "nonce", buf_get(&nonce));
	put_param(url, "code_challenge", buf_get(&challenge));
	put_param(url, "code_challenge_method", STR("S256"));
	auth_put_text(&plain, "state", buf_get(&state));
	auth_put_text(&plain, "nonce", buf_get(&nonce));
	auth_put_text(&plain, "verifier", buf_get(&verifier));
	auth_put_text(&plain, "redirect_uri", redirect_uri);
	auth_put_text(&plain, "then", local(then));
	auth_put_time(&plain, "created", time_now());
	buf_byte(&plain, '}');
	if ((rc = crypt_seal(key, buf_get(&plain), STR("oidc"), &sealed, err)) == 0)
		crypt_base64url(buf_get(&sealed), cookie);
out:
	buf_release(&state), buf_release(&nonce), buf_release(&verifier), buf_release(&challenge), buf_release(&plain), buf_release(&sealed);
	return rc;
}

int
auth_oidc_begin(struct auth *a, struct str redirect_uri, struct str then, struct buf *url, struct buf *cookie, struct err *err)
{
	struct auth_tokens *t = auth_tokens_hold(a);
	struct auth_provider *p = auth_tokens_oidc(t);
	int rc;

	err_clear(err);
	if (!p || !p->client_id.p)
		rc = err_set(err, ERR_INPUT, "there is no login through a provider: auth.oidc is missing in analytics.json");
	else if (redirect_uri.n > URI_MOST || str_utf8_fault(redirect_uri) >= 0)
		rc = err_set(err, ERR_INPUT, "the address to come back to is too long");
	else
		rc = begin(a, t, p, redirect_uri, then, url, cookie, err);
	auth_tokens_drop(t);
	return rc;
}

/* ---- finish */

static int
open_cookie(struct auth *a, const struct auth_oidc_answer *answer, struct buf *plain, struct err *err)
{
	struct buf sealed = { 0 };
	struct json v, state;
	uint8_t key[32];
	int64_t at;
	int rc;

	if ((rc = cookie_key(a, key, err)))
		return rc;
	rc = ERR_INPUT;
	if (answer->cookie.p && answer->cookie.n <= COOKIE_MOST && crypt_base64url_read(answer->cookie, &sealed) == 0 &&
	    crypt_open(key, buf_get(&sealed), STR("oidc"), plain, err) == 0) {
		v = json_value(buf_get(plain));
		state = json_get(v, STR("state"));
		at = auth_time(v, "created");
		if (at != TIME_NONE && time_now() >= at && time_now() < at + ROUND_MS && answer->state.n == SECRET && state.n == SECRET + 2 &&
		    crypt_equal(state.p + 1, answer->state.p, SECRET))
			rc = 0;
	}
	buf_release(&sealed);
	return rc ? err_set(err, ERR_INPUT, "this login was not begun here, or too long ago: begin again") : 0;
}

/* The code for an ID token (and an access token). */
static int
exchange(struct auth_tokens *t, struct auth_provider *p, struct str code, struct json begun, struct arena *arena, struct buf *answer, struct err *err)
{
	struct http_head heads[2] = { { "Content-Type", STR("application/x-www-form-urlencoded") } };
	struct buf form = { 0 }, basic = { 0 }, url = { 0 };
	int n = 1, rc;

	auth_token_endpoint(t, &p->exchange, &url);
	buf_lit(&form, "grant_type=authorization_code&code=");
	http_put_encoded(&form, code);
	buf_lit(&form, "&redirect_uri=");
	http_put_encoded(&form, auth_text(begun, "redirect_uri", arena));
	buf_lit(&form, "&code_verifier=");
	http_put_encoded(&form, auth_text(begun, "verifier", arena));
	auth_token_authenticate(p, &form, &basic, heads, &n);
	rc = auth_token_fetch_json(p, buf_get(&url), heads, n, buf_get(&form), answer, err);
	buf_release(&form), buf_release(&basic), buf_release(&url);
	return rc;
}

/* OpenID Connect Core 3.1.3.7. */
static int
check_id_token(struct auth_tokens *t, struct auth_provider *p, struct str token, struct json begun, struct jwt *jwt, struct err *err)
{
	struct json nonce = json_get(begun, STR("nonce")), azp;
	int rc;

	if ((rc = auth_token_verify(t, p, token, 1, jwt, err)) || (rc = jwt_check(jwt, p->issuer, p->client_id, time_now(), err)))
		return rc;
	azp = json_get(jwt->claims, STR("azp"));
	if (!json_text_eq(json_get(jwt->claims, STR("nonce")), (struct str){ nonce.p + 1, nonce.n - 2 }))
		return err_set(err, ERR_INPUT, "the provider's answer belongs to another login");
	if (!json_is(azp, JSON_NONE) && !json_text_eq(azp, p->client_id))
		return err_set(err, ERR_INPUT, "the provider's answer is for another client");
	return 0;
}

/* What the ID token does not tell, the provider may know: of the same subject. */
static int
ask_userinfo(struct auth_tokens *t, struct auth_provider *p, struct str access, struct str sub, struct buf *claims, struct err *err)
{
	struct http_head head = { "Authorization", { 0 } };
	struct buf bearer = { 0 }, url = { 0 };
	int rc = 0;

	auth_token_endpoint(t, &p->userinfo, &url);
	if (url.n && access.p) {
		buf_lit(&bearer, "Bearer ");
		buf_str(&bearer, access);
		head.value = buf_get(&bearer);
		rc = auth_token_fetch_json(p, buf_get(&url), &head, 1, (struct str){ 0 }, claims, err);
		if (rc == 0 && !json_text_eq(json_get(json_value(buf_get(claims)), STR("sub")), sub))
			rc = err_set(err, ERR_INPUT, "the provider tells of somebody else");
	}
	buf_release(&bearer), buf_release(&url);
	return rc;
}

/* A session of the subject, with the roles that are claimed. */
static int
log_in(struct auth *a, struct auth_provider *p, struct json claims, struct json more, struct str sub, const char *address, struct auth_login *l, struct err *err)
{
	struct buf roles = { 0 }, tenant = { 0 };
	struct err other = { 0 };
	int rc;

	auth_token_roles(p, claims, &roles);
	if (roles.n == 2 && json_is(more, JSON_OBJECT)) {
		buf_clear(&roles);
		auth_token_roles(p, more, &roles);
	}
	if ((rc = auth_token_tenant(a, p, claims, &tenant, err)) && json_is(more, JSON_OBJECT)) {
		buf_clear(&tenant);
		rc = auth_token_tenant(a, p, more, &tenant, &other);
	}
	if (rc == 0 && roles.n == 2)
		rc = err_set(err, ERR_DENIED, "you are known, but have no role here: the administrator maps %.*s in auth.oidc.roles", STR_FMT(p->roles_claim));
	if (rc == 0 && (rc = auth_begin(a, err)) == 0)
		rc = auth_end(a, auth_session_begin(a, buf_get(&tenant), sub, json_value(buf_get(&roles)), address, l, err), err);
	buf_release(&roles), buf_release(&tenant);
	return rc;
}

static int
finish(struct auth *a, struct auth_tokens *t, struct auth_provider *p, const struct auth_oidc_answer *in, struct auth_login *l, struct buf *then, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct buf plain = { 0 }, answer = { 0 }, more = { 0 };
	struct jwt jwt = { 0 };
	struct json begun, got;
	struct str id_token, sub;
	int rc;

	if ((rc = open_cookie(a, in, &plain, err)))
		goto out;
	begun = json_value(buf_get(&plain));
	buf_str(then, auth_text(begun, "then", arena));
	if (in->iss.p && !str_eq(in->iss, p->issuer))   /* RFC 9207 */
		rc = err_set(err, ERR_INPUT, "another provider answers");
	else if (in->error.p || !in->code.p || in->code.n > COOKIE_MOST)
		rc = err_set(err, ERR_INPUT, "the provider did not log you in");
	if (rc || (rc = auth_token_learn(t, p, err)) || (rc = exchange(t, p, in->code, begun, arena, &answer, err)))
		goto out;
	got = json_value(buf_get(&answer));
	id_token = auth_text(got, "id_token", arena);
	if (!id_token.p)
		rc = err_set(err, ERR_IO, "the identity provider gave no id_token");
	else
		rc = check_id_token(t, p, id_token, begun, &jwt, err);
	if (rc)
		goto out;
	sub = auth_text(jwt.claims, "sub", arena);
	if (sub.n == 0 || sub.n > 500) {
		rc = err_set(err, ERR_INPUT, "the provider names nobody");
		goto out;
	}
	if ((rc = ask_userinfo(t, p, auth_text(got, "access_token", arena), sub, &more, err)) == 0)
		rc = log_in(a, p, jwt.claims, json_value(buf_get(&more)), sub, in->address, l, err);
out:
	jwt_release(&jwt);
	if (answer.p)
		crypt_wipe(answer.p, answer.n);
	buf_release(&plain), buf_release(&answer), buf_release(&more);
	arena_free(arena);
	return rc;
}

int
auth_oidc_finish(struct auth *a, const struct auth_oidc_answer *in, struct auth_login *l, struct buf *then, struct err *err)
{
	struct auth_tokens *t = auth_tokens_hold(a);
	struct auth_provider *p = auth_tokens_oidc(t);
	int rc;

	*l = (struct auth_login){ 0 };
	err_clear(err);
	rc = p && p->client_id.p ? finish(a, t, p, in, l, then, err) : err_set(err, ERR_INPUT, "there is no login through a provider");
	auth_tokens_drop(t);
	if (rc == ERR_INPUT || rc == ERR_DENIED)
		audit_later(a, &(struct audit_entry){ .from = str_of(in->address), .action = STR("login"), .object = STR("through the provider"),
		    .result = STR("denied") });
	return rc;
}
