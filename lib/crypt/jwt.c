/* jwt.c - signed tokens, on OpenSSL's EVP. */
#include "crypt/jwt.h"

#include <math.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "crypt/crypt.h"

#define KEYS_MOST  64           /* of a set; more are passed over */
#define KID_MOST   256          /* bytes */
#define LEEWAY     60000        /* ms */
#define RSA_LEAST  2048
#define RSA_MOST   8192
#define DATE_MOST  1e11         /* s; beyond it nothing is a date */
#define NAMES_MOST 200          /* members of one object */

enum kind { SECRET, RSA_KEY, EC_KEY_, EDWARDS };

/* What an algorithm wants of its key. */
static const struct alg { const char *name; enum kind kind; const char *digest; int pss, bytes; } algs[] = {
	{ "HS256", SECRET, "SHA256", 0, 32 }, { "HS384", SECRET, "SHA384", 0, 48 }, { "HS512", SECRET, "SHA512", 0, 64 },
	{ "RS256", RSA_KEY, "SHA256", 0, 0 }, { "RS384", RSA_KEY, "SHA384", 0, 0 }, { "RS512", RSA_KEY, "SHA512", 0, 0 },
	{ "PS256", RSA_KEY, "SHA256", 1, 0 }, { "PS384", RSA_KEY, "SHA384", 1, 0 }, { "PS512", RSA_KEY, "SHA512", 1, 0 },
	{ "ES256", EC_KEY_, "SHA256", 0, 32 }, { "ES384", EC_KEY_, "SHA384", 0, 48 }, { "ES512", EC_KEY_, "SHA512", 0, 66 },
	{ "EdDSA", EDWARDS, NULL, 0, 0 },
};
#define ALGS ((int)(sizeof(algs) / sizeof(*algs)))

struct key {
	enum kind kind;
	struct str kid;                 /* p NULL: none */
	const struct alg *alg;          /* its one algorithm; NULL: any of its kind (RSA) */
	EVP_PKEY *pkey;
	struct str secret;
};

struct jwt_keys {
	struct key key[KEYS_MOST];
	int n;
};

static const struct alg *
find_alg(struct str name)
{
	for (int i = 0; i < ALGS; i++)
		if (str_eq(name, str_of(algs[i].name)))
			return &algs[i];
	return NULL;
}

/* ---- keys */

struct jwt_keys *
jwt_keys_new(void)
{
	return mem_new(sizeof(struct jwt_keys));
}

void
jwt_keys_free(struct jwt_keys *keys)
{
	if (!keys)
		return;
	for (int i = 0; i < keys->n; i++) {
		EVP_PKEY_free(keys->key[i].pkey);
		if (keys->key[i].secret.p)
			crypt_wipe((void *)keys->key[i].secret.p, keys->key[i].secret.n);
		free((void *)keys->key[i].secret.p);
		free((void *)keys->key[i].kid.p);
	}
	free(keys);
}

int
jwt_keys_count(const struct jwt_keys *keys)
{
	return keys->n;
}

/* The only algorithm that a curve has. */
static const struct alg *
alg_of_curve(const char *curve)
{
	return strcmp(curve, "P-256") == 0 || strcmp(curve, "prime256v1") == 0 ? find_alg(STR("ES256")) :
	    strcmp(curve, "P-384") == 0 || strcmp(curve, "secp384r1") == 0 ? find_alg(STR("ES384")) :
	    strcmp(curve, "P-521") == 0 || strcmp(curve, "secp521r1") == 0 ? find_alg(STR("ES512")) : NULL;
}

/* A public key takes its place, when it is one that can be relied on. `alg` is what its owner says, or NULL. */
static int
add_public(struct jwt_keys *keys, EVP_PKEY *pkey, const struct alg *alg, struct str kid)
{
	struct key *k = &keys->key[keys->n];
	char curve[40] = "";
	const struct alg *own = NULL;

	*k = (struct key){ 0 };
	if (EVP_PKEY_is_a(pkey, "RSA")) {
		k->kind = RSA_KEY;
		if (EVP_PKEY_get_bits(pkey) < RSA_LEAST || EVP_PKEY_get_bits(pkey) > RSA_MOST)
			return -1;
	} else if (EVP_PKEY_is_a(pkey, "EC")) {
		k->kind = EC_KEY_;
		if (EVP_PKEY_get_group_name(pkey, curve, sizeof(curve), NULL) != 1 || !(own = alg_of_curve(curve)))
			return -1;
	} else if (EVP_PKEY_is_a(pkey, "ED25519") || EVP_PKEY_is_a(pkey, "ED448")) {
		k->kind = EDWARDS;
		own = find_alg(STR("EdDSA"));
	} else {
		return -1;
	}
	if (alg && (alg->kind != k->kind || (own && alg != own)))
		return -1;
	k->alg = own ? own : alg;
	k->pkey = pkey;
	if (kid.p)
		k->kid = (struct str){ mem_dup(kid.p, kid.n), kid.n };
	keys->n++;
	return 0;
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (!params || !c || EVP_PKEY_fromdata_init(c) != 1 || EVP_PKEY_fromdata(c, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(c);
	OSSL_PARAM_free(params);
	return pkey;
}

/* A member in base64url; its bytes are appended. */
static int
bytes_of(struct json jwk, const char *name, struct buf *out)
{
	struct json v = json_get(jwk, str_of(name));

	buf_clear(out);
	if (!json_is(v, JSON_STRING) || v.escaped || v.n > RSA_MOST / 4 || crypt_base64url_read((struct str){ v.p + 1, v.n - 2 }, out))
		return -1;
	return out->n ? 0 : -1;
}

static EVP_PKEY *
rsa_of(struct json jwk)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	struct buf n = { 0 }, e = { 0 };
	BIGNUM *bn = NULL, *be = NULL;
	EVP_PKEY *pkey = NULL;

	if (bytes_of(jwk, "n", &n) == 0 && bytes_of(jwk, "e", &e) == 0 && e.n <= 8 &&
	    (bn = BN_bin2bn((const unsigned char *)n.p, (int)n.n, NULL)) && (be = BN_bin2bn((const unsigned char *)e.p, (int)e.n, NULL)) &&
	    BN_is_odd(be) && !BN_is_one(be) && BN_is_odd(bn) && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, be))
		pkey = from_params("RSA", build);
	OSSL_PARAM_BLD_free(build);
	BN_free(bn);
	BN_free(be);
	buf_release(&n);
	buf_release(&e);
	return pkey;
}

static EVP_PKEY *
ec_of(struct json jwk)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	struct buf x = { 0 }, y = { 0 }, point = { 0 }, scratch = { 0 };
	struct str curve = json_text(json_get(jwk, STR("crv")), &scratch);
	char name[8] = "";
	const struct alg *alg;
	EVP_PKEY *pkey = NULL;

	if (curve.n && curve.n < sizeof(name))
		memcpy(name, curve.p, curve.n);
	if ((alg = alg_of_curve(name)) && bytes_of(jwk, "x", &x) == 0 && bytes_of(jwk, "y", &y) == 0 && x.n == (size_t)alg->bytes &&
	    y.n == (size_t)alg->bytes) {
		buf_byte(&point, 4);
		buf_str(&point, buf_get(&x));
		buf_str(&point, buf_get(&y));
		if (build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, name, 0) &&
		    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n))
			pkey = from_params("EC", build);
	}
	OSSL_PARAM_BLD_free(build);
	buf_release(&x), buf_release(&y), buf_release(&point), buf_release(&scratch);
	return pkey;
}

static EVP_PKEY *
edwards_of(struct json jwk)
{
	struct json curve = json_get(jwk, STR("crv"));
	const char *name = json_text_eq(curve, STR("Ed25519")) ? "ED25519" : json_text_eq(curve, STR("Ed448")) ? "ED448" : NULL;
	struct buf x = { 0 };
	EVP_PKEY *pkey = NULL;

	if (name && bytes_of(jwk, "x", &x) == 0)
		pkey = EVP_PKEY_new_raw_public_key_ex(NULL, name, NULL, (const unsigned char *)x.p, x.n);
	buf_release(&x);
	return pkey;
}

static void
add_jwk(struct jwt_keys *keys, struct json jwk)
{
	struct json kty = json_get(jwk, STR("kty")), use = json_get(jwk, STR("use")), said = json_get(jwk, STR("alg"));
	struct buf kid_text = { 0 }, alg_text = { 0 };
	struct str kid = json_text(json_get(jwk, STR("kid")), &kid_text);
	const struct alg *alg = NULL;
	EVP_PKEY *pkey = NULL;

	if (keys->n == KEYS_MOST || kid.n > KID_MOST || (!json_is(use, JSON_NONE) && !json_text_eq(use, STR("sig"))) ||
	    (!json_is(said, JSON_NONE) && !(alg = find_alg(json_text(said, &alg_text)))))
		goto out;
	if (json_text_eq(kty, STR("RSA")))
		pkey = rsa_of(jwk);
	else if (json_text_eq(kty, STR("EC")))
		pkey = ec_of(jwk);
	else if (json_text_eq(kty, STR("OKP")))
		pkey = edwards_of(jwk);
	if (pkey && add_public(keys, pkey, alg, kid))
		EVP_PKEY_free(pkey);
out:
	ERR_clear_error();
	buf_release(&kid_text);
	buf_release(&alg_text);
}

int
jwt_keys_add_set(struct jwt_keys *keys, struct json set, struct err *err)
{
	struct json list = json_get(set, STR("keys"));
	struct json_iter it = json_iter(list);
	int before = keys->n;

	if (!json_is(list, JSON_ARRAY))
		return err_set(err, ERR_INPUT, "no set of keys: it has no list \"keys\"");
	while (json_next(&it))
		if (json_is(it.value, JSON_OBJECT))
			add_jwk(keys, it.value);
	return keys->n - before;
}

int
jwt_keys_add_pem(struct jwt_keys *keys, struct str pem, const char *alg, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	const struct alg *want = alg ? find_alg(str_of(alg)) : NULL;
	int rc = 0;

	BIO_free(bio);
	ERR_clear_error();
	if (alg && !want)
		rc = err_set(err, ERR_INPUT, "'%s' is no algorithm, try RS256, ES256 or EdDSA", alg);
	else if (!pkey)
		rc = err_set(err, ERR_INPUT, "no public key in PEM, which begins with -----BEGIN PUBLIC KEY-----");
	else if (keys->n == KEYS_MOST || add_public(keys, pkey, want, (struct str){ 0 }))
		rc = err_set(err, ERR_INPUT, "the key is too short, or of another kind than its algorithm");
	if (rc)
		EVP_PKEY_free(pkey);
	return rc;
}

int
jwt_keys_add_secret(struct jwt_keys *keys, struct str secret, const char *alg, struct err *err)
{
	const struct alg *want = find_alg(str_of(alg));

	if (!want || want->kind != SECRET)
		return err_set(err, ERR_INPUT, "'%s' is no algorithm for a secret, try HS256", alg);
	if (secret.n < (size_t)want->bytes)
		return err_set(err, ERR_INPUT, "%s wants a secret of %d bytes or more", alg, want->bytes);
	if (keys->n == KEYS_MOST)
		return err_set(err, ERR_LIMIT, "more than %d keys", KEYS_MOST);
	keys->key[keys->n++] = (struct key){ .kind = SECRET, .alg = want, .secret = { mem_dup(secret.p, secret.n), secret.n } };
	return 0;
}

/* ---- signatures */

static int
mac_good(const struct alg *alg, struct str secret, struct str text, struct str sign)
{
	uint8_t mac[64];
	size_t n = 0;

	return EVP_Q_mac(NULL, "HMAC", NULL, alg->digest, NULL, secret.p, secret.n, (const unsigned char *)text.p, text.n, mac, sizeof(mac), &n) &&
	    n == (size_t)alg->bytes && sign.n == n && crypt_equal(mac, sign.p, n);
}

/* A token has r and s side by side, OpenSSL wants them in DER. */
static int
to_der(const struct alg *alg, struct str sign, struct buf *der)
{
	int half = alg->bytes, n = -1;
	ECDSA_SIG *sig;
	BIGNUM *r, *s;
	unsigned char *to;

	if (sign.n != 2 * (size_t)half)
		return -1;
	sig = ECDSA_SIG_new();
	r = BN_bin2bn((const unsigned char *)sign.p, half, NULL);
	s = BN_bin2bn((const unsigned char *)sign.p + half, half, NULL);
	if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL;           /* the signature's now */
		to = (unsigned char *)buf_room(der, 160);
		if ((n = i2d_ECDSA_SIG(sig, NULL)) > 0 && n <= 160)
			der->n += (size_t)i2d_ECDSA_SIG(sig, &to);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return n > 0 && n <= 160 ? 0 : -1;
}

static int
signature_good(const struct key *k, const struct alg *alg, struct str text, struct str sign)
{
	EVP_MD_CTX *c;
	EVP_PKEY_CTX *p = NULL;
	struct buf der = { 0 };
	int good;

	if (k->kind == SECRET)
		return mac_good(alg, k->secret, text, sign);
	if (k->kind == EC_KEY_) {
		if (to_der(alg, sign, &der))
			return 0;
		sign = buf_get(&der);
	}
	c = EVP_MD_CTX_new();
	good = c && EVP_DigestVerifyInit_ex(c, &p, alg->digest, NULL, NULL, k->pkey, NULL) == 1 &&
	    (!alg->pss || (EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
	    EVP_DigestVerify(c, (const unsigned char *)sign.p, sign.n, (const unsigned char *)text.p, text.n) == 1;
	EVP_MD_CTX_free(c);
	ERR_clear_error();
	buf_release(&der);
	return good;
}

/* ---- reading */

/* No object in it has a member twice: two readers might take different ones. */
static int
twice(struct json v)
{
	struct json_iter it = json_iter(v), before;
	int n = 0;

	if (!json_is(v, JSON_OBJECT) && !json_is(v, JSON_ARRAY))
		return 0;
	while (json_next(&it)) {
		if (json_is(v, JSON_OBJECT)) {
			struct buf scratch = { 0 };
			struct str key = json_text(it.key, &scratch);
			int same = 0;

			before = json_iter(v);
			for (int i = 0; i < n && json_next(&before); i++)
				same |= json_text_eq(before.key, key);
			buf_release(&scratch);
			if (same || ++n > NAMES_MOST)
				return 1;
		}
		if (twice(it.value))
			return 1;
	}
	return it.fault;
}

static int
check_header(struct json h, struct err *err)
{
	static const char *const brought[] = { "jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc", NULL };
	struct json typ = json_get(h, STR("typ"));
	static const char *const types[] = { "JWT", "at+jwt", "application/jwt", "application/at+jwt", NULL };
	struct buf scratch = { 0 };
	struct str text;
	int known = json_is(typ, JSON_NONE);

	for (int i = 0; brought[i]; i++)
		if (!json_is(json_get(h, str_of(brought[i])), JSON_NONE))
			return err_set(err, ERR_INPUT, "a token with %s in its head is not taken", brought[i]);
	text = json_text(typ, &scratch);
	for (int i = 0; types[i] && !known; i++)
		known = text.n == strlen(types[i]) && strncasecmp(text.p, types[i], text.n) == 0;
	buf_release(&scratch);
	return known ? 0 : err_set(err, ERR_INPUT, "a token of another type");
}

static int
read_object(struct str part, struct buf *to, struct json *object)
{
	struct err ignored = { 0 };

	*object = JSON_ABSENT;
	if (crypt_base64url_read(part, to))
		return -1;
	if (json_check(buf_get(to), &ignored) == 0 && json_is(json_value(buf_get(to)), JSON_OBJECT))
		*object = json_value(buf_get(to));
	return 0;
}

static int
cut(struct str token, struct str part[3])
{
	struct str rest = token;
	int n = 0;

	if (token.n > JWT_MOST || token.n == 0)
		return -1;
	while (n < 3 && str_cut(&rest, '.', &part[n])) {
		for (size_t i = 0; i < part[n].n; i++)  /* the one alphabet, and no '=' (RFC 7515, 2) */
			if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", part[n].p[i]) || !part[n].p[i])
				return -1;
		n++;
	}
	return n == 3 && part[2].p + part[2].n == token.p + token.n && part[0].n ? 0 : -1;
}

int
jwt_looks(struct str token)
{
	struct str part[3];

	return cut(token, part) == 0;
}

void
jwt_release(struct jwt *t)
{
	buf_release(&t->header);
	buf_release(&t->payload);
	t->claims = JSON_ABSENT;
}

/* A key is asked when it has the token's kid, or the token has none, and its algorithm is the token's. */
static int
verify(const struct jwt_keys *keys, struct str kid, const struct alg *alg, struct str text, struct str sign, struct err *err)
{
	int named = 0;

	for (int i = 0; i < keys->n; i++) {
		const struct key *k = &keys->key[i];

		if (kid.p && k->kid.p && !str_eq(kid, k->kid))
			continue;
		named = 1;
		if (k->kind == alg->kind && (!k->alg || k->alg == alg) && signature_good(k, alg, text, sign))
			return 0;
	}
	return named ? err_set(err, ERR_INPUT, "the token's signature is not that of its key") : 1;
}

int
jwt_read(struct str token, const struct jwt_keys *keys, struct jwt *t, struct err *err)
{
	struct buf kid_text = { 0 }, alg_text = { 0 }, sign = { 0 };
	struct json header, kid;
	struct str part[3], name = { 0 };
	const struct alg *alg;
	int rc;

	*t = (struct jwt){ 0 };
	if (cut(token, part) || read_object(part[0], &t->header, &header) || !json_is(header, JSON_OBJECT) || twice(header) ||
	    read_object(part[1], &t->payload, &t->claims) || twice(t->claims) || crypt_base64url_read(part[2], &sign)) {
		rc = err_set(err, ERR_INPUT, "no token");
		goto out;
	}
	if ((rc = check_header(header, err)))
		goto out;
	kid = json_get(header, STR("kid"));
	if (json_is(kid, JSON_STRING))
		name = json_text(kid, &kid_text);
	if ((!json_is(kid, JSON_NONE) && !json_is(kid, JSON_STRING)) || name.n > KID_MOST)
		rc = err_set(err, ERR_INPUT, "the token's kid is none");
	else if (!(alg = find_alg(json_text(json_get(header, STR("alg")), &alg_text))))
		rc = err_set(err, ERR_INPUT, "the token's alg is none that is taken");
	else
		rc = verify(keys, name, alg, (struct str){ token.p, part[0].n + 1 + part[1].n }, buf_get(&sign), err);
out:
	if (rc)
		t->claims = JSON_ABSENT;
	buf_release(&kid_text), buf_release(&alg_text), buf_release(&sign);
	return rc;
}

/* ---- claims */

/* A date in ms; 1, 0 it is not there, -1 it is none. */
static int
date(struct json claims, const char *name, int64_t *ms)
{
	struct json v = json_get(claims, str_of(name));
	double s;

	if (json_is(v, JSON_NONE))
		return 0;
	if (!json_is(v, JSON_NUMBER) || !json_double(v, &s) || !(fabs(s) < DATE_MOST))
		return -1;
	*ms = (int64_t)(s * 1000);
	return 1;
}

static int
has_audience(struct json aud, struct str audience)
{
	struct json_iter it = json_iter(aud);

	if (json_is(aud, JSON_STRING))
		return json_text_eq(aud, audience);
	while (json_is(aud, JSON_ARRAY) && json_next(&it))
		if (json_text_eq(it.value, audience))
			return 1;
	return 0;
}

int
jwt_check(const struct jwt *t, struct str issuer, struct str audience, int64_t now, struct err *err)
{
	int64_t exp = 0, nbf = 0, iat = 0;
	struct json aud = json_get(t->claims, STR("aud"));
	int n;

	if (!json_is(t->claims, JSON_OBJECT))
		return err_set(err, ERR_INPUT, "the token has no claims");
	if (date(t->claims, "exp", &exp) != 1)
		return err_set(err, ERR_INPUT, "the token has no end (exp)");
	if (now >= exp + LEEWAY)
		return err_set(err, ERR_INPUT, "the token has expired");
	if ((n = date(t->claims, "nbf", &nbf)) < 0 || (n > 0 && now < nbf - LEEWAY))
		return err_set(err, ERR_INPUT, "the token is not good yet (nbf)");
	if ((n = date(t->claims, "iat", &iat)) < 0 || (n > 0 && now < iat - LEEWAY))
		return err_set(err, ERR_INPUT, "the token was made in the future (iat)");
	if (!json_text_eq(json_get(t->claims, STR("iss")), issuer))
		return err_set(err, ERR_INPUT, "the token is of another issuer");
	if (audience.p ? !has_audience(aud, audience) : !json_is(aud, JSON_NONE))
		return err_set(err, ERR_INPUT, "the token is for another audience");
	return 0;
}

int64_t
jwt_expires(const struct jwt *t)
{
	int64_t exp = 0;

	date(t->claims, "exp", &exp);
	return exp;
}
