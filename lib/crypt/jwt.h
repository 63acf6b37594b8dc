/* jwt.h - signed tokens: JWS in compact form (RFC 7515), keys and sets of them (7517), claims (7519), HS, RS, PS and ES with 256, 384
 * and 512 bits (7518), EdDSA (8037).
 *
 * Which algorithm is right is said by the key, never by the token: the token only picks a key by its kid, and an alg that is not that
 * key's is refused. So are alg none, crit, keys that a token brings along (jwk, jku, x5u, x5c), members that stand twice, tokens of
 * another type, and anything larger than 16 KiB. Encrypted tokens are not read.
 */
#ifndef CRYPT_JWT_H
#define CRYPT_JWT_H

#include "json/json.h"

#define JWT_MOST 16384          /* bytes of a token */

/* ---- keys */
struct jwt_keys;
struct jwt_keys *jwt_keys_new(void);
void jwt_keys_free(struct jwt_keys *);
int jwt_keys_count(const struct jwt_keys *);

/* The keys of a set, {"keys":[…]}: RSA from 2,048 bits, EC P-256, P-384 and P-521, Ed25519 and Ed448. Those that are for something
 * else, of another kind or damaged are passed over, and secrets too: nobody publishes one. The number taken, or ERR_INPUT: no set. */
int jwt_keys_add_set(struct jwt_keys *, struct json set, struct err *);

/* One key of the caller's own: a public key as PEM (alg NULL: by its kind), or a secret of at least as many bits as its alg, "HS256". */
int jwt_keys_add_pem(struct jwt_keys *, struct str pem, const char *alg, struct err *);
int jwt_keys_add_secret(struct jwt_keys *, struct str secret, const char *alg, struct err *);

/* ---- tokens */
struct jwt {
	struct buf header, payload;
	struct json claims;             /* of the payload, an object; JSON_NONE: it is none */
};

/* Does it look like a token: three parts of base64url? */
int jwt_looks(struct str token);

/* 0: signed by one of the keys; 1: well-formed, and no key has its kid; ERR_INPUT and why not. jwt_release in any case. */
int jwt_read(struct str token, const struct jwt_keys *, struct jwt *, struct err *);
void jwt_release(struct jwt *);

/* The claims at `now` (ms), 60 s of leeway: exp is there and to come, nbf and iat are past, iss is that one, aud is or has that
 * one (p NULL: there must be none). */
int jwt_check(const struct jwt *, struct str issuer, struct str audience, int64_t now, struct err *);
int64_t jwt_expires(const struct jwt *);        /* exp in ms; of one that jwt_check took */

#endif
