/* token_priv.h - an issuer of tokens, as token.c and oidc.c know it. */
#ifndef AUTH_TOKEN_PRIV_H
#define AUTH_TOKEN_PRIV_H

#include "auth/auth_priv.h"
#include "crypt/jwt.h"
#include "http/client.h"

struct auth_provider {
	struct arena *arena;            /* of the configuration's texts */
	struct str issuer, audience, client_id, client_secret, roles_claim, tenant_claim, scope;
	struct json roles;              /* what is claimed -> role; JSON_NONE: the same */
	int fixed;                      /* the keys are the configuration's */
	int discovers;                  /* what follows is said by the provider itself */

	/* learned, under the tokens' lock */
	struct arena *learned;
	struct str jwks, authorize, exchange, introspect, userinfo;
	int posts_secret;               /* client_secret goes into the form, not the head */
	struct jwt_keys *keys;          /* NULL: not fetched yet */
	int64_t fetched, failed;        /* time_mono_ns; 0: never */
	int64_t unknown_since;          /* fetches for an unknown kid since then: */
	int unknowns;
};
void auth_provider_free(struct auth_provider *);

struct auth_provider *auth_tokens_oidc(struct auth_tokens *);   /* auth.oidc; NULL: none */

/* How everything is fetched; a test puts its own here. */
extern int (*auth_fetch)(const struct http_call *, struct http_result *, struct err *);

int auth_token_learn(struct auth_tokens *, struct auth_provider *, struct err *);   /* what is not known yet, or no longer; waits */
void auth_token_endpoint(struct auth_tokens *, const struct str *of, struct buf *url);       /* a learned text, copied */
int auth_token_fetch_json(const struct auth_provider *, struct str url, const struct http_head *, int n_heads, struct str form, struct buf *out, struct err *);
void auth_token_authenticate(const struct auth_provider *, struct buf *form, struct buf *basic, struct http_head *, int *n_heads);
void auth_token_put_base64(struct buf *, struct str);        /* the plain alphabet, with '=' */

/* 0: signed by the provider; 1: only who may wait can tell; < 0. jwt_release in any case. */
int auth_token_verify(struct auth_tokens *, struct auth_provider *, struct str token, int may_wait, struct jwt *, struct err *);
void auth_token_roles(const struct auth_provider *, struct json claims, struct buf *roles);         /* a JSON list */
int auth_token_tenant(struct auth *, const struct auth_provider *, struct json claims, struct buf *tenant, struct err *);

#endif
