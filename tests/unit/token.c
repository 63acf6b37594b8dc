/* Tokens of an OpenID provider, and login through it: the provider is played here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "auth/token_priv.h"
#include "base/mem.h"
#include "base/time.h"
#include "crypt/crypt.h"
#include "folder.h"

#define ISSUER "https://idp.example"
#define NOW    1700000000000LL

/* ---- the provider */

static EVP_PKEY *key[2];
static const char *kid[2] = { "one", "two" };
static int shown, fetches, asked, down, private_too;    /* shown: which key the set has */
static char nonce[64], claimed[200], form[4000], introspected[400];

static void
put_number(struct buf *b, const char *name, EVP_PKEY *pkey, const char *param)
{
	unsigned char raw[32];
	BIGNUM *n = NULL;

	EVP_PKEY_get_bn_param(pkey, param, &n);
	BN_bn2binpad(n, raw, 32);
	BN_free(n);
	buf_printf(b, ",\"%s\":\"", name);
	crypt_base64url((struct str){ (char *)raw, 32 }, b);
	buf_byte(b, '"');
}

/* A token of these claims, by key i. */
static void
sign(int i, const char *head, const char *claims, struct buf *token)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned char raw[100], out[64];
	const unsigned char *der = raw;
	size_t n = sizeof(raw);
	ECDSA_SIG *sig;

	crypt_base64url(str_of(head), token);
	buf_byte(token, '.');
	crypt_base64url(str_of(claims), token);
	EVP_DigestSignInit_ex(c, NULL, "SHA256", NULL, NULL, key[i], NULL);
	EVP_DigestSign(c, raw, &n, (unsigned char *)token->p, token->n);
	EVP_MD_CTX_free(c);
	sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32);
	ECDSA_SIG_free(sig);
	buf_byte(token, '.');
	crypt_base64url((struct str){ (char *)out, 64 }, token);
}

static int
play(const struct http_call *call, struct http_result *r, struct err *err)
{
	*r = (struct http_result){ .status = 200 };
	private_too = call->private_too;
	if (down)
		return err_set(err, ERR_IO, "nobody there");
	if (strcmp(call->url, ISSUER "/.well-known/openid-configuration") == 0) {
		buf_lit(&r->body, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" ISSUER "/keys\",\"authorization_endpoint\":\"" ISSUER "/auth\","
		    "\"token_endpoint\":\"" ISSUER "/token\",\"introspection_endpoint\":\"" ISSUER "/introspect\"}");
	} else if (strcmp(call->url, ISSUER "/keys") == 0) {
		fetches++;
		buf_printf(&r->body, "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"kid\":\"%s\"", kid[shown]);
		put_number(&r->body, "x", key[shown], OSSL_PKEY_PARAM_EC_PUB_X);
		put_number(&r->body, "y", key[shown], OSSL_PKEY_PARAM_EC_PUB_Y);
		buf_lit(&r->body, "}]}");
	} else if (strcmp(call->url, ISSUER "/token") == 0) {
		struct buf token = { 0 }, claims = { 0 };

		snprintf(form, sizeof(form), "%.*s", STR_FMT(call->body));
		assert_true(call->n_heads == 2 && str_eq(call->heads[1].value, STR("Basic YXQ6cyUyNmNyZXQ=")));         /* at:s%26cret */
		buf_printf(&claims, "{\"iss\":\"" ISSUER "\",\"aud\":\"at\",\"sub\":\"anna-7\",\"exp\":%lld,\"nonce\":\"%s\"%s}",
		    (long long)time_now() / 1000 + 60, nonce, claimed);
		sign(shown, shown ? "{\"alg\":\"ES256\",\"kid\":\"two\"}" : "{\"alg\":\"ES256\",\"kid\":\"one\"}", buf_text(&claims), &token);
		buf_printf(&r->body, "{\"access_token\":\"x\",\"token_type\":\"Bearer\",\"id_token\":\"%s\"}", buf_text(&token));
		buf_release(&token), buf_release(&claims);
	} else if (strcmp(call->url, ISSUER "/introspect") == 0) {
		asked++;
		buf_lit(&r->body, introspected);
	} else {
		r->status = 404;
	}
	return 0;
}

/* ---- the store */

static struct config *config;
static struct auth *a;

static int
begin_with(const char *analytics)
{
	struct err err = { 0 };
	char path[200];
	FILE *f;

	folder_set_up(NULL);
	snprintf(path, sizeof(path), "%s/config", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/config/analytics.json", dir);
	f = fopen(path, "w");
	fputs(analytics, f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/config", dir);
	config = config_open(path, &err);
	if (!config)
		fail_msg("%s", err.text);
	snprintf(path, sizeof(path), "%s/store", dir);
	a = auth_open(path, config, &err);
	if (!a)
		fail_msg("%s", err.text);
	auth_fetch = play;
	shown = fetches = asked = down = 0;
	time_set_now(NOW);
	return 0;
}

static int
begin(void **state)
{
	(void)state;
	return begin_with("{\"auth\":{\"secret\":\"sixteen bytes and more\",\"oidc\":{\"issuer\":\"" ISSUER "\",\"client_id\":\"at\",\"client_secret\":\"s&cret\","
	    "\"audience\":\"at-serve\",\"roles_claim\":\"realm.roles\",\"tenant_claim\":\"tenant\",\"roles\":{\"ops\":\"editor\",\"boss\":\"admin\"}}}}");
}

static int
end(void **state)
{
	auth_close(a);
	config_close(config);
	time_set_now(TIME_NONE);
	return folder_tear_down(state);
}

static const struct auth_actor cli = { .name = { "tester", 6 }, .from = { "cli", 3 } };

static void
add_tenant(const char *name)
{
	struct err err = { 0 };

	OK(auth_tenant_add(a, &cli, name, &err));
}

/* What comes of a Bearer; where it is good the principal. */
static int
check(int wait, const char *token, struct principal **who)
{
	struct buf head = { 0 };
	struct err err = { 0 };
	struct auth_credentials c = { .address = "192.0.2.1" };
	int rc;

	buf_printf(&head, "Bearer %s", token);
	c.authorization = buf_get(&head);
	rc = wait ? auth_check(a, &c, who, &err) : auth_check_now(a, &c, who, &err);
	buf_release(&head);
	return rc;
}

static int
check_claims(int i, const char *head, const char *claims, struct principal **who)
{
	struct buf token = { 0 };
	int rc;

	sign(i, head, claims, &token);
	rc = check(1, buf_text(&token), who);
	buf_release(&token);
	return rc;
}

#define HEAD "{\"alg\":\"ES256\",\"kid\":\"one\",\"typ\":\"at+jwt\"}"
#define HEAD_TWO "{\"alg\":\"ES256\",\"kid\":\"two\",\"typ\":\"at+jwt\"}"
#define CLAIMS(more) "{\"iss\":\"" ISSUER "\",\"aud\":\"at-serve\",\"sub\":\"bob\",\"exp\":1700000600" more "}"

static void
a_token_of_the_provider_is_its_subject_with_the_roles_that_are_mapped(void **state)
{
	struct principal *who;
	struct buf token = { 0 };

	(void)state;
	add_tenant("shop");
	sign(0, HEAD, CLAIMS(",\"tenant\":\"shop\",\"realm\":{\"roles\":[\"ops\",\"admin\",\"x\"]}"), &token);
	assert_int_equal(check(0, buf_text(&token), &who), 1);          /* the keys are not known yet: this waits for the network */
	assert_int_equal(check(1, buf_text(&token), &who), 0);
	assert_true(str_eq(who->name, STR("bob")) && str_eq(who->tenant, STR("shop")) && str_eq(who->roles, STR("editor")) && who->kind == AUTH_TOKEN);
	assert_true(principal_may(who, AUTH_WRITE, "dashboards", (struct str){ 0 }) && !principal_may(who, AUTH_ADMIN, "keys", (struct str){ 0 }));
	assert_int_equal(who->expires, 1700000600000);
	principal_free(who);
	assert_int_equal(check(0, buf_text(&token), &who), 0);          /* and from now on it does not */
	principal_free(who);
	assert_int_equal(fetches, 1);
	assert_true(private_too);       /* the configuration named the host */
	buf_release(&token);
}

static void
fault_41_wrong_tokens_are_refused(void **state)
{
	static const struct { const char *head, *claims; } wrong[] = {
		{ HEAD, CLAIMS("") },                                                           /* no tenant */
		{ HEAD, CLAIMS(",\"tenant\":\"*\"") }, { HEAD, CLAIMS(",\"tenant\":\"../shop\"") }, { HEAD, CLAIMS(",\"tenant\":\"nowhere\"") },
		{ HEAD, CLAIMS(",\"tenant\":[\"shop\"]") }, { HEAD, CLAIMS(",\"tenant\":\"\"") },
		{ HEAD, "{\"iss\":\"" ISSUER "\",\"aud\":\"at\",\"sub\":\"bob\",\"exp\":1700000600,\"tenant\":\"shop\"}" },      /* an ID token */
		{ HEAD, "{\"iss\":\"https://evil.example\",\"aud\":\"at-serve\",\"sub\":\"bob\",\"exp\":1700000600,\"tenant\":\"shop\"}" },
		{ HEAD, "{\"iss\":\"" ISSUER "\",\"aud\":\"at-serve\",\"exp\":1700000600,\"tenant\":\"shop\"}" },                /* nobody */
		{ HEAD, "{\"iss\":\"" ISSUER "\",\"aud\":\"at-serve\",\"sub\":\"bob\",\"exp\":1699990000,\"tenant\":\"shop\"}" },
		{ HEAD_TWO, CLAIMS(",\"tenant\":\"shop\"") },                                   /* a kid that is not there */
		{ "{\"alg\":\"ES256\",\"kid\":\"../../dev/null\"}", CLAIMS(",\"tenant\":\"shop\"") },
		{ "{\"alg\":\"none\",\"kid\":\"one\"}", CLAIMS(",\"tenant\":\"shop\"") },
		{ "{\"alg\":\"ES256\",\"kid\":\"one\",\"jku\":\"" ISSUER "/keys\"}", CLAIMS(",\"tenant\":\"shop\"") },
	};
	struct principal *who;

	(void)state;
	add_tenant("shop");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (check_claims(0, wrong[i].head, wrong[i].claims, &who) != ERR_INPUT || who)
			fail_msg("case %zu", i);
	assert_int_equal(check_claims(1, HEAD, CLAIMS(",\"tenant\":\"shop\""), &who), ERR_INPUT);       /* another's key under that kid */
	assert_int_equal(check_claims(0, HEAD, CLAIMS(",\"tenant\":\"shop\""), &who), 0);       /* no role: known, and may nothing */
	assert_false(principal_may(who, AUTH_READ, "events", (struct str){ 0 }));
	principal_free(who);
}

static void
keys_that_turn_are_fetched_and_not_for_every_stranger(void **state)
{
	struct principal *who;

	(void)state;
	add_tenant("shop");
	assert_int_equal(check_claims(0, HEAD, CLAIMS(",\"tenant\":\"shop\""), &who), 0);
	principal_free(who);
	shown = 1;
	assert_int_equal(check_claims(1, HEAD_TWO, CLAIMS(",\"tenant\":\"shop\""), &who), 0);
	principal_free(who);
	assert_int_equal(fetches, 2);
	assert_int_equal(check_claims(0, HEAD, CLAIMS(",\"tenant\":\"shop\""), &who), ERR_INPUT);       /* the old key is gone */
	for (int i = 0; i < 50; i++)
		assert_int_equal(check_claims(1, "{\"alg\":\"ES256\",\"kid\":\"three\"}", CLAIMS(",\"tenant\":\"shop\""), &who), ERR_INPUT);
	assert_int_equal(fetches, 6);
}

static void
a_provider_that_is_down_is_an_error_not_a_refusal(void **state)
{
	struct principal *who;

	(void)state;
	add_tenant("shop");
	down = 1;
	assert_int_equal(check_claims(0, HEAD, CLAIMS(",\"tenant\":\"shop\""), &who), ERR_IO);
	assert_int_equal(check_claims(0, HEAD, CLAIMS(",\"tenant\":\"shop\""), &who), ERR_IO);
}

static void
opaque_tokens_are_asked_for_and_kept_a_minute(void **state)
{
	struct principal *who;

	(void)state;
	add_tenant("shop");
	strcpy(introspected, "{\"active\":true,\"sub\":\"bob\",\"aud\":\"at-serve\",\"tenant\":\"shop\",\"realm\":{\"roles\":\"boss,ops\"},\"exp\":1700000100}");
	assert_int_equal(check(0, "opaque-1", &who), 1);
	assert_int_equal(check(1, "opaque-1", &who), 0);
	assert_true(str_eq(who->roles, STR("admin,editor")));
	principal_free(who);
	assert_int_equal(check(0, "opaque-1", &who), 0);
	principal_free(who);
	assert_int_equal(asked, 1);
	time_set_now(NOW + 61000);
	assert_int_equal(check(1, "opaque-1", &who), 0);
	principal_free(who);
	assert_int_equal(asked, 2);
	time_set_now(NOW + 101000);
	assert_int_equal(check(1, "opaque-1", &who), ERR_INPUT);        /* its end, before ours */
	strcpy(introspected, "{\"active\":false}");
	assert_int_equal(check(1, "opaque-2", &who), ERR_INPUT);
	strcpy(introspected, "{\"active\":true,\"sub\":\"bob\",\"aud\":\"other\",\"tenant\":\"shop\"}");
	assert_int_equal(check(1, "opaque-3", &who), ERR_INPUT);
	strcpy(introspected, "{\"active\":true,\"sub\":\"bob\",\"tenant\":\"shop\"}");
	assert_int_equal(check(1, "opaque-4", &who), ERR_INPUT);
}

/* ---- login */

static struct str
param(const struct buf *url, const char *name)
{
	char at[40];
	const char *p;

	snprintf(at, sizeof(at), "%s=", name);
	p = strstr(url->p, at);
	assert_non_null(p);
	p += strlen(at);
	return (struct str){ p, strcspn(p, "&") };
}

static int
finish(const struct buf *url, const struct buf *cookie, const char *error, struct auth_login *l, struct buf *then)
{
	struct err err = { 0 };
	struct auth_oidc_answer in = { .state = param(url, "state"), .code = STR("c0de"), .iss = STR(ISSUER), .error = str_of(error),
		.cookie = buf_get(cookie), .address = "192.0.2.1" };

	buf_clear(then);
	return auth_oidc_finish(a, &in, l, then, &err);
}

static void
login_through_the_provider_is_a_session(void **state)
{
	struct buf url = { 0 }, cookie = { 0 }, then = { 0 }, other_url = { 0 }, other = { 0 };
	struct err err = { 0 };
	struct auth_login l;
	struct auth_credentials c = { .address = "192.0.2.1" };
	struct principal *who;
	struct str n;

	(void)state;
	add_tenant("shop");
	assert_true(auth_has_oidc(a));
	OK(auth_oidc_begin(a, STR("http://127.0.0.1:8321/auth/callback"), STR("/board?x=1"), &url, &cookie, &err));
	buf_text(&url);
	assert_true(str_starts(buf_get(&url), STR(ISSUER "/auth?response_type=code&client_id=at&redirect_uri=http%3A%2F%2F127.0.0.1%3A8321%2Fauth%2Fcallback")));
	assert_non_null(strstr(url.p, "&code_challenge_method=S256"));
	n = param(&url, "nonce");
	snprintf(nonce, sizeof(nonce), "%.*s", STR_FMT(n));
	strcpy(claimed, ",\"tenant\":\"shop\",\"realm\":{\"roles\":[\"ops\"]}");
	assert_int_equal(finish(&url, &cookie, NULL, &l, &then), 0);
	assert_true(str_eq(buf_get(&then), STR("/board?x=1")));
	assert_non_null(strstr(form, "grant_type=authorization_code&code=c0de&redirect_uri=http%3A%2F%2F127"));
	{       /* the verifier is that of the challenge */
		struct buf challenge = { 0 };
		uint8_t hash[32];

		crypt_sha256(str_of(strstr(form, "code_verifier=") + 14), hash);
		crypt_base64url((struct str){ (char *)hash, 32 }, &challenge);
		assert_true(str_eq(buf_get(&challenge), param(&url, "code_challenge")));
		buf_release(&challenge);
	}
	c.session = buf_get(&l.session);
	assert_int_equal(auth_check_now(a, &c, &who, &err), 0);
	assert_true(str_eq(who->name, STR("anna-7")) && str_eq(who->tenant, STR("shop")) && str_eq(who->roles, STR("editor")));
	principal_free(who);
	auth_login_release(&l);

	/* another browser's state, cookie or nonce; an error; no cookie; too late */
	OK(auth_oidc_begin(a, STR("http://127.0.0.1:8321/auth/callback"), STR("//evil.example/"), &other_url, &other, &err));
	buf_text(&other_url);
	assert_int_equal(finish(&url, &other, NULL, &l, &then), ERR_INPUT);
	assert_int_equal(finish(&other_url, &other, NULL, &l, &then), ERR_INPUT);
	assert_true(str_eq(buf_get(&then), STR("/")));
	assert_int_equal(finish(&url, &cookie, "access_denied", &l, &then), ERR_INPUT);
	strcpy(claimed, ",\"tenant\":\"shop\"");
	assert_int_equal(finish(&url, &cookie, NULL, &l, &then), ERR_DENIED);   /* no role */
	strcpy(claimed, ",\"tenant\":\"shop\",\"realm\":{\"roles\":[\"ops\"]},\"azp\":\"another\"");
	assert_int_equal(finish(&url, &cookie, NULL, &l, &then), ERR_INPUT);
	strcpy(claimed, ",\"tenant\":\"shop\",\"realm\":{\"roles\":[\"ops\"]}");
	cookie.p[40] ^= 1;
	assert_int_equal(finish(&url, &cookie, NULL, &l, &then), ERR_INPUT);
	cookie.p[40] ^= 1;
	time_set_now(NOW + 600000);
	assert_int_equal(finish(&url, &cookie, NULL, &l, &then), ERR_INPUT);
	buf_release(&url), buf_release(&cookie), buf_release(&then), buf_release(&other_url), buf_release(&other);
}

/* ---- auth.jwt */

static int
begin_secret(void **state)
{
	(void)state;
	return begin_with("{\"auth\":{\"jwt\":{\"issuer\":\"me\",\"secret\":\"thirty-two bytes are the least it takes\",\"alg\":\"HS256\"}}}");
}

static void
a_token_by_a_shared_secret_has_roles_by_their_names(void **state)
{
	struct buf token = { 0 };
	struct principal *who;
	uint8_t mac[32];

	(void)state;
	crypt_base64url(STR("{\"alg\":\"HS256\"}"), &token);
	buf_byte(&token, '.');
	crypt_base64url(STR("{\"iss\":\"me\",\"sub\":\"s\",\"exp\":1700000600,\"roles\":[\"viewer\"]}"), &token);
	crypt_hmac_sha256(STR("thirty-two bytes are the least it takes"), buf_get(&token), mac);
	buf_byte(&token, '.');
	crypt_base64url((struct str){ (char *)mac, 32 }, &token);
	assert_int_equal(check(0, buf_text(&token), &who), 0);
	assert_true(str_eq(who->tenant, STR("default")) && principal_may(who, AUTH_READ, "events", (struct str){ 0 }));
	principal_free(who);
	assert_int_equal(fetches, 0);
	assert_false(auth_has_oidc(a));
	buf_release(&token);
}

static void
a_wrong_configuration_keeps_the_old_one(void **state)
{
	static const char *const wrong[] = {
		"{\"auth\":{\"jwt\":{\"issuer\":\"me\"}}}", "{\"auth\":{\"jwt\":{\"issuer\":\"me\",\"key\":\"no PEM\"}}}",
		"{\"auth\":{\"jwt\":{\"issuer\":\"me\",\"secret\":\"thirty-two bytes are the least it takes\"}}}", "{\"auth\":{\"oidc\":{\"issuer\":\"" ISSUER "\"}}}",
	};
	struct err err = { 0 };
	char path[200], file[200];

	(void)state;
	snprintf(path, sizeof(path), "%s/config", dir);
	snprintf(file, sizeof(file), "%s/config/analytics.json", dir);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct config *next;
		FILE *f = fopen(file, "w");

		fputs(wrong[i], f);
		fclose(f);
		next = config_open(path, &err);
		assert_non_null(next);
		assert_int_equal(auth_reload(a, next, &err), ERR_INPUT);
		assert_non_null(strstr(err.text, "analytics.json: auth."));
		config_close(next);
	}
	a_token_by_a_shared_secret_has_roles_by_their_names(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_token_of_the_provider_is_its_subject_with_the_roles_that_are_mapped, begin, end),
		cmocka_unit_test_setup_teardown(fault_41_wrong_tokens_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(keys_that_turn_are_fetched_and_not_for_every_stranger, begin, end),
		cmocka_unit_test_setup_teardown(a_provider_that_is_down_is_an_error_not_a_refusal, begin, end),
		cmocka_unit_test_setup_teardown(opaque_tokens_are_asked_for_and_kept_a_minute, begin, end),
		cmocka_unit_test_setup_teardown(login_through_the_provider_is_a_session, begin, end),
		cmocka_unit_test_setup_teardown(a_token_by_a_shared_secret_has_roles_by_their_names, begin_secret, end),
		cmocka_unit_test_setup_teardown(a_wrong_configuration_keeps_the_old_one, begin_secret, end),
	};

	for (int i = 0; i < 2; i++)
		key[i] = EVP_EC_gen("P-256");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
