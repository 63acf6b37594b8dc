/* Signed tokens: the RFCs' own, each algorithm, and what is refused (fault 41). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "crypt/crypt.h"
#include "crypt/jwt.h"

#define NOW 1700000000000LL
#define SECRET_64 "a secret of 64 bytes, which is as many as HS512 wants: 012345678"

static struct jwt_keys *
set_of(const char *jwks)
{
	struct jwt_keys *keys = jwt_keys_new();
	struct err err = { 0 };

	if (jwt_keys_add_set(keys, json_value(str_of(jwks)), &err) < 0)
		fail_msg("%s", err.text);
	return keys;
}

static int
reads(const char *token, const struct jwt_keys *keys)
{
	struct err err = { 0 };
	struct jwt t;
	int rc = jwt_read(str_of(token), keys, &t, &err);

	assert_true(rc >= 0 || err.text[0]);
	jwt_release(&t);
	return rc;
}

/* ---- the RFCs' */

static void
rfc_7515_a1_hs256(void **state)
{
	struct jwt_keys *keys = jwt_keys_new();
	struct buf secret = { 0 };
	struct err err = { 0 };
	struct jwt t;

	(void)state;
	crypt_base64url_read(STR("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"), &secret);
	assert_int_equal(jwt_keys_add_secret(keys, buf_get(&secret), "HS256", &err), 0);
	assert_int_equal(jwt_read(STR("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p"
	    "c19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), keys, &t, &err), 0);
	assert_int_equal(jwt_check(&t, STR("joe"), (struct str){ 0 }, 1300819000000, &err), 0);
	assert_int_equal(jwt_expires(&t), 1300819380000);
	assert_int_equal(jwt_check(&t, STR("joe"), (struct str){ 0 }, NOW, &err), ERR_INPUT);
	jwt_release(&t);
	jwt_keys_free(keys);
	buf_release(&secret);
}

static void
rfc_7515_a2_rs256_and_a3_es256(void **state)
{
	struct jwt_keys *keys = set_of("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1P"
	    "t0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQ"
	    "Y4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"},"
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}");

	(void)state;
	assert_int_equal(jwt_keys_count(keys), 2);
	assert_int_equal(reads("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
	    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrn"
	    "byTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs"
	    "98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw", keys), 0);
	assert_int_equal(reads("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
	    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q", keys), 0);
	jwt_keys_free(keys);
}

static void
rfc_8037_a4_ed25519(void **state)
{
	struct jwt_keys *keys = set_of("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}");
	struct err err = { 0 };
	struct jwt t;

	(void)state;
	assert_int_equal(jwt_read(STR("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
	    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"), keys, &t, &err), 0);
	assert_string_equal(buf_text(&t.payload), "Example of Ed25519 signing");
	assert_int_equal(jwt_check(&t, STR(""), (struct str){ 0 }, NOW, &err), ERR_INPUT);      /* no claims */
	jwt_release(&t);
	jwt_keys_free(keys);
}

/* ---- each algorithm, signed here by OpenSSL */

static EVP_PKEY *
make_key(const char *type, const char *curve)
{
	return strcmp(type, "RSA") == 0 ? EVP_RSA_gen(2048) : strcmp(type, "EC") == 0 ? EVP_EC_gen(curve) : EVP_PKEY_Q_keygen(NULL, NULL, type);
}

static void
pem_of(EVP_PKEY *pkey, struct buf *pem)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p;
	long n;

	PEM_write_bio_PUBKEY(bio, pkey);
	n = BIO_get_mem_data(bio, &p);
	buf_clear(pem);
	buf_add(pem, p, (size_t)n);
	BIO_free(bio);
}

/* head.claims.signature; digest "256"; half: bytes of r and s, 0 for others. */
static void
sign(EVP_PKEY *pkey, const char *alg, const char *head, const char *claims, struct buf *token)
{
	char digest[8] = "SHA";
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *p = NULL;
	unsigned char raw[600], *out = raw;
	size_t n = sizeof(raw);

	strcat(digest, alg + 2);
	buf_clear(token);
	crypt_base64url(str_of(head), token);
	buf_byte(token, '.');
	crypt_base64url(str_of(claims), token);
	assert_int_equal(EVP_DigestSignInit_ex(c, &p, strcmp(alg, "EdDSA") ? digest : NULL, NULL, NULL, pkey, NULL), 1);
	if (alg[0] == 'P') {
		EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST);
	}
	assert_int_equal(EVP_DigestSign(c, raw, &n, (unsigned char *)token->p, token->n), 1);
	EVP_MD_CTX_free(c);
	if (strncmp(alg, "ES", 2) == 0) {
		const unsigned char *der = raw;
		ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
		int half = strcmp(alg, "ES256") == 0 ? 32 : strcmp(alg, "ES384") == 0 ? 48 : 66;

		out = raw + 300;
		BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, half);
		BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + half, half);
		n = (size_t)half * 2;
		ECDSA_SIG_free(sig);
	}
	buf_byte(token, '.');
	crypt_base64url((struct str){ (char *)out, n }, token);
	buf_text(token);
}

static void
sign_secret(const char *alg, struct str secret, const char *head, const char *claims, struct buf *token)
{
	char digest[8] = "SHA";
	unsigned char mac[64];
	size_t n;

	strcat(digest, alg + 2);
	buf_clear(token);
	crypt_base64url(str_of(head), token);
	buf_byte(token, '.');
	crypt_base64url(str_of(claims), token);
	assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, digest, NULL, secret.p, secret.n, (unsigned char *)token->p, token->n, mac, sizeof(mac), &n));
	buf_byte(token, '.');
	crypt_base64url((struct str){ (char *)mac, n }, token);
	buf_text(token);
}

static const char good[] = "{\"iss\":\"me\",\"aud\":\"you\",\"sub\":\"anna\",\"exp\":1700000600}";

/* One good, one with each part changed in turn, for the key's own algorithm and no other. */
static void
each_algorithm_takes_its_own_signature_alone(void **state)
{
	static const struct { const char *alg, *type, *curve; } kinds[] = {
		{ "RS256", "RSA", NULL }, { "RS384", "RSA", NULL }, { "RS512", "RSA", NULL }, { "PS256", "RSA", NULL }, { "PS384", "RSA", NULL },
		{ "PS512", "RSA", NULL }, { "ES256", "EC", "P-256" }, { "ES384", "EC", "P-384" }, { "ES512", "EC", "P-521" },
		{ "EdDSA", "ED25519", NULL }, { "EdDSA", "ED448", NULL },
	};
	EVP_PKEY *rsa = make_key("RSA", NULL);
	struct buf pem = { 0 }, token = { 0 };
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		EVP_PKEY *pkey = strcmp(kinds[i].type, "RSA") ? make_key(kinds[i].type, kinds[i].curve) : rsa;
		struct jwt_keys *keys = jwt_keys_new();
		char head[60];

		pem_of(pkey, &pem);
		assert_int_equal(jwt_keys_add_pem(keys, buf_get(&pem), kinds[i].alg, &err), 0);
		snprintf(head, sizeof(head), "{\"alg\":\"%s\"}", kinds[i].alg);
		sign(pkey, kinds[i].alg, head, good, &token);
		assert_int_equal(reads(token.p, keys), 0);
		for (size_t at = 0; at < token.n; at += 7) {
			char was = token.p[at];

			token.p[at] = was == 'A' ? 'B' : 'A';
			if (reads(token.p, keys) == 0)
				fail_msg("%s: changed at %zu", kinds[i].alg, at);
			token.p[at] = was;
		}
		for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)     /* the same key by another algorithm */
			if (strcmp(kinds[k].type, kinds[i].type) == 0 && strcmp(kinds[k].alg, kinds[i].alg) && strcmp(kinds[i].type, "RSA") == 0) {
				snprintf(head, sizeof(head), "{\"alg\":\"%s\"}", kinds[k].alg);
				sign(pkey, kinds[k].alg, head, good, &token);
				assert_int_equal(reads(token.p, keys), ERR_INPUT);
			}
		jwt_keys_free(keys);
		if (pkey != rsa)
			EVP_PKEY_free(pkey);
	}
	EVP_PKEY_free(rsa);
	buf_release(&pem), buf_release(&token);
}

static void
secrets_are_long_enough_and_for_their_own_algorithm(void **state)
{
	static const char *const names[] = { "HS256", "HS384", "HS512" };
	struct buf token = { 0 };
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct jwt_keys *keys = jwt_keys_new();
		char head[60];

		assert_int_equal(jwt_keys_add_secret(keys, STR("short"), names[i], &err), ERR_INPUT);
		assert_int_equal(jwt_keys_add_secret(keys, STR(SECRET_64), names[i], &err), 0);
		for (int k = 0; k < 3; k++) {
			snprintf(head, sizeof(head), "{\"alg\":\"%s\"}", names[k]);
			sign_secret(names[k], STR(SECRET_64), head, good, &token);
			assert_int_equal(reads(token.p, keys), i == k ? 0 : ERR_INPUT);
		}
		jwt_keys_free(keys);
	}
	buf_release(&token);
}

/* ---- fault 41 */

static void
fault_41_heads_that_are_refused(void **state)
{
	static const char *const heads[] = {
		"{\"alg\":\"none\"}", "{\"alg\":\"NONE\"}", "{\"alg\":\"\"}", "{\"alg\":null}", "{}", "[]", "\"\"", "{\"alg\":[\"ES256\"]}",
		"{\"alg\":\"ES256\",\"alg\":\"ES256\"}", "{\"alg\":\"ES256\",\"\\u0061lg\":\"none\"}",
		"{\"alg\":\"ES256\",\"crit\":[\"exp\"]}", "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}",
		"{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\"}}", "{\"alg\":\"ES256\",\"jku\":\"http://127.0.0.1/\"}",
		"{\"alg\":\"ES256\",\"x5u\":\"http://127.0.0.1/\"}", "{\"alg\":\"ES256\",\"x5c\":[\"\"]}",
		"{\"alg\":\"ES256\",\"kid\":7}", "{\"alg\":\"ES256\",\"kid\":{}}", "{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\"}", "{\"alg\":\"ES256\",\"typ\":7}",
		"{\"alg\":\"ES384\"}", "{\"alg\":\"es256\"}", "{\"alg\":\"RS256\"}", "{\"alg\":\"ES256\"", NULL,
	};
	static const char *const fine[] = { "{\"alg\":\"ES256\"}", "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"ES256\",\"kid\":\"anything: the key has none\",\"x5t\":\"\"}", NULL };
	EVP_PKEY *pkey = make_key("EC", "P-256");
	struct jwt_keys *keys = jwt_keys_new();
	struct buf pem = { 0 }, token = { 0 };
	struct err err = { 0 };

	(void)state;
	pem_of(pkey, &pem);
	assert_int_equal(jwt_keys_add_pem(keys, buf_get(&pem), NULL, &err), 0);
	for (int i = 0; fine[i]; i++) {
		sign(pkey, "ES256", fine[i], good, &token);
		assert_int_equal(reads(token.p, keys), 0);
	}
	for (int i = 0; heads[i]; i++) {
		sign(pkey, "ES256", heads[i], good, &token);
		if (reads(token.p, keys) == 0)
			fail_msg("taken: %s", heads[i]);
	}
	sign(pkey, "ES256", "{\"alg\":\"ES256\"}", "{\"sub\":\"a\",\"sub\":\"b\"}", &token);
	assert_int_equal(reads(token.p, keys), ERR_INPUT);
	sign(pkey, "ES256", "{\"alg\":\"ES256\"}", "{\"x\":[{\"a\":1,\"\\u0061\":2}]}", &token);
	assert_int_equal(reads(token.p, keys), ERR_INPUT);
	sign(pkey, "ES256", "{\"alg\":\"ES256\"}", good, &token);
	for (int i = 0; i < 2; i++) {
		*strrchr(token.p, '.') = 0;     /* without its signature, then without its claims */
		assert_int_equal(reads(token.p, keys), ERR_INPUT);
	}
	EVP_PKEY_free(pkey);
	jwt_keys_free(keys);
	buf_release(&pem), buf_release(&token);
}

/* A public key is no secret: HS256 under its PEM, its DER or its modulus. */
static void
fault_41_hs_under_a_public_key_is_refused(void **state)
{
	EVP_PKEY *pkey = make_key("RSA", NULL);
	struct jwt_keys *keys = jwt_keys_new();
	struct buf pem = { 0 }, token = { 0 };
	struct err err = { 0 };

	(void)state;
	pem_of(pkey, &pem);
	assert_int_equal(jwt_keys_add_pem(keys, buf_get(&pem), NULL, &err), 0);
	sign_secret("HS256", buf_get(&pem), "{\"alg\":\"HS256\"}", good, &token);
	assert_int_equal(reads(token.p, keys), ERR_INPUT);
	pem.n--;
	sign_secret("HS256", buf_get(&pem), "{\"alg\":\"HS256\"}", good, &token);
	assert_int_equal(reads(token.p, keys), ERR_INPUT);
	sign(pkey, "RS256", "{\"alg\":\"RS256\"}", good, &token);
	assert_int_equal(reads(token.p, keys), 0);
	EVP_PKEY_free(pkey);
	jwt_keys_free(keys);
	buf_release(&pem), buf_release(&token);
}

static void
fault_41_what_is_too_large_or_no_token_is_refused(void **state)
{
	static const char *const none[] = { "", ".", "..", "...", "a.b", "a.b.c.d", "e30.e30.e30=", "e30.e30 .e30", "e30.e+0.e30", "e3.e30.e30", NULL };
	struct jwt_keys *keys = jwt_keys_new();
	struct buf token = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(jwt_keys_add_secret(keys, STR(SECRET_64), "HS256", &err), 0);
	for (int i = 0; none[i]; i++)
		assert_int_equal(reads(none[i], keys), ERR_INPUT);
	for (int n = 10000; n <= 20000; n += 10000) {
		struct buf claims = { 0 };

		buf_lit(&claims, "{\"x\":\"");
		for (int i = 0; i < n; i++)
			buf_byte(&claims, 'x');
		buf_lit(&claims, "\"}");
		sign_secret("HS256", STR(SECRET_64), "{\"alg\":\"HS256\"}", buf_text(&claims), &token);
		assert_int_equal(reads(token.p, keys), n == 10000 ? 0 : ERR_INPUT);
		buf_release(&claims);
	}
	jwt_keys_free(keys);
	buf_release(&token);
}

static void
fault_41_claims_are_held_to(void **state)
{
	static const struct { const char *claims; int good; } cases[] = {
		{ "{\"iss\":\"me\",\"aud\":\"you\",\"exp\":1700000600}", 1 },
		{ "{\"iss\":\"me\",\"aud\":[\"x\",\"you\"],\"exp\":1700000600.5,\"nbf\":1700000059,\"iat\":1700000059}", 1 },
		{ "{\"iss\":\"me\",\"aud\":\"you\",\"exp\":1699999941}", 1 },
		{ "{\"iss\":\"me\",\"aud\":\"you\",\"exp\":1699999940}", 0 },
		{ "{\"iss\":\"me\",\"aud\":\"you\"}", 0 },
		{ "{\"iss\":\"me\",\"aud\":\"you\",\"exp\":\"1700000600\"}", 0 },
		{ "{\"iss\":\"me\",\"aud\":\"you\",\"exp\":1e300}", 0 },
		{ "{\"iss\":\"me\",\"aud\":\"you\",\"exp\":-1}", 0 },
		{ "{\"iss\":\"me\",\"aud\":\"you\",\"exp\":1700000600,\"nbf\":1700000061}", 0 },
		{ "{\"iss\":\"me\",\"aud\":\"you\",\"exp\":1700000600,\"iat\":1700000061}", 0 },
		{ "{\"iss\":\"me\",\"aud\":\"you\",\"exp\":1700000600,\"nbf\":null}", 0 },
		{ "{\"iss\":\"me2\",\"aud\":\"you\",\"exp\":1700000600}", 0 },
		{ "{\"aud\":\"you\",\"exp\":1700000600}", 0 },
		{ "{\"iss\":[\"me\"],\"aud\":\"you\",\"exp\":1700000600}", 0 },
		{ "{\"iss\":\"me\",\"aud\":\"you2\",\"exp\":1700000600}", 0 },
		{ "{\"iss\":\"me\",\"aud\":[],\"exp\":1700000600}", 0 },
		{ "{\"iss\":\"me\",\"exp\":1700000600}", 0 },
		{ "[]", 0 },
	};
	struct jwt_keys *keys = jwt_keys_new();
	struct buf token = { 0 };
	struct err err = { 0 };
	struct jwt t;

	(void)state;
	assert_int_equal(jwt_keys_add_secret(keys, STR(SECRET_64), "HS256", &err), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		sign_secret("HS256", STR(SECRET_64), "{\"alg\":\"HS256\"}", cases[i].claims, &token);
		assert_int_equal(jwt_read(buf_get(&token), keys, &t, &err), 0);
		if ((jwt_check(&t, STR("me"), STR("you"), NOW, &err) == 0) != cases[i].good)
			fail_msg("%s", cases[i].claims);
		if (strstr(cases[i].claims, "aud"))     /* it is for somebody else */
			assert_int_equal(jwt_check(&t, STR("me"), (struct str){ 0 }, NOW, &err), ERR_INPUT);
		jwt_release(&t);
	}
	jwt_keys_free(keys);
	buf_release(&token);
}

/* ---- sets */

#define P256 "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""

static void
of_a_set_only_good_signing_keys_are_taken(void **state)
{
	static const struct { const char *jwk; int n; } cases[] = {
		{ "{" P256 "}", 1 }, { "{" P256 ",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"k\"}", 1 },
		{ "{" P256 ",\"use\":\"enc\"}", 0 }, { "{" P256 ",\"alg\":\"ES384\"}", 0 }, { "{" P256 ",\"alg\":\"HS256\"}", 0 }, { "{" P256 ",\"alg\":\"none\"}", 0 },
		{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1\"}", 0 },
		{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83O\",\"y\":\"x_FE\"}", 0 }, { "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"f83O\",\"y\":\"x_FE\"}", 0 },
		{ "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}", 0 },
		{ "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", 0 }, { "{\"kty\":\"RSA\"}", 0 }, { "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AAAA\"}", 0 },
		{ "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", 0 }, { "7", 0 }, { "{}", 0 },
	};
	struct jwt_keys *keys;
	struct err err = { 0 };
	char set[600];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		keys = jwt_keys_new();
		snprintf(set, sizeof(set), "{\"keys\":[%s]}", cases[i].jwk);
		if (jwt_keys_add_set(keys, json_value(str_of(set)), &err) != cases[i].n)
			fail_msg("%s", cases[i].jwk);
		jwt_keys_free(keys);
	}
	keys = jwt_keys_new();
	assert_int_equal(jwt_keys_add_set(keys, json_value(STR("[]")), &err), ERR_INPUT);
	jwt_keys_free(keys);
}

static void
a_kid_that_no_key_has_is_told_apart(void **state)
{
	EVP_PKEY *pkey = make_key("EC", "P-256");
	struct jwt_keys *keys = set_of("{\"keys\":[{" P256 ",\"kid\":\"one\"}]}");
	struct buf token = { 0 };

	(void)state;
	sign(pkey, "ES256", "{\"alg\":\"ES256\",\"kid\":\"two\"}", good, &token);
	assert_int_equal(reads(token.p, keys), 1);
	sign(pkey, "ES256", "{\"alg\":\"ES256\",\"kid\":\"one\"}", good, &token);
	assert_int_equal(reads(token.p, keys), ERR_INPUT);
	sign(pkey, "ES256", "{\"alg\":\"none\",\"kid\":\"two\"}", good, &token);
	assert_int_equal(reads(token.p, keys), ERR_INPUT);
	EVP_PKEY_free(pkey);
	jwt_keys_free(keys);
	buf_release(&token);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_7515_a1_hs256),
		cmocka_unit_test(rfc_7515_a2_rs256_and_a3_es256),
		cmocka_unit_test(rfc_8037_a4_ed25519),
		cmocka_unit_test(each_algorithm_takes_its_own_signature_alone),
		cmocka_unit_test(secrets_are_long_enough_and_for_their_own_algorithm),
		cmocka_unit_test(fault_41_heads_that_are_refused),
		cmocka_unit_test(fault_41_hs_under_a_public_key_is_refused),
		cmocka_unit_test(fault_41_what_is_too_large_or_no_token_is_refused),
		cmocka_unit_test(fault_41_claims_are_held_to),
		cmocka_unit_test(of_a_set_only_good_signing_keys_are_taken),
		cmocka_unit_test(a_kid_that_no_key_has_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
