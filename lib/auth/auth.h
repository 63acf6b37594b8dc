/* auth.h - who is calling, and what they may do: users, keys, sessions, tokens, roles. Kept in the store's system environment.
 *
 *      credentials ──► auth_check ──► principal ──► principal_may(…)? ──► policy ──► the scan
 *
 * Secrets are never kept: keys (256 bits) by SHA-256, passwords by scrypt, recovery codes by hash. What is compared is compared in
 * constant time, and a user that is not there costs as much as one that is. Deny is the default.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "auth/policy.h"
#include "config/config.h"
#include "store/store.h"

struct auth;

/* Over the store at `dir`; made where there is none. The config (analytics.json, `auth`) is borrowed. Any thread may call. */
struct auth *auth_open(const char *dir, const struct config *, struct err *);
void auth_close(struct auth *);
int auth_reload(struct auth *, const struct config *, struct err *);    /* a new configuration; the old one is no longer read */

/* What a request came with, as the header said it; p NULL: not there. */
struct auth_credentials {
	struct str authorization;       /* the whole header: Bearer KEY or JWT, Token KEY, Basic with the key as user */
	struct str key;                 /* X-API-Key, api_secret= */
	struct str session;             /* the cookie's value */
	const char *address;            /* the peer: failures are counted by it */
};

enum auth_kind { AUTH_KEY, AUTH_SESSION, AUTH_TOKEN };

struct principal {
	enum auth_kind kind;
	struct str tenant;              /* the one tenant that the call is about */
	struct str name;                /* user's or key's name, the token's subject */
	struct str id;                  /* of key or session */
	struct str roles;               /* "viewer,analyst" */
	int64_t expires;                /* ms since 1970, TIME_MAX: never */
	struct policy *policy;          /* NULL: sees all of the tenant */
	const struct auth_rights *rights;
};

/* 0 with a principal (principal_free), ERR_INPUT: no or bad credentials (401), ERR_LIMIT: too many failures from there, err->col
 * the seconds to wait (429), ERR_IO. */
int auth_check(struct auth *, const struct auth_credentials *, struct principal **, struct err *);
void principal_free(struct principal *);

/* What is done to what. Names are those of roles in at-config(5): "read:events", "write:events", "admin:keys", … */
enum auth_action { AUTH_READ, AUTH_WRITE, AUTH_ADMIN };
int principal_may(const struct principal *, enum auth_action, const char *resource, struct str name);   /* name p NULL: any of them */

/* ---- login */
struct auth_login { struct str session, challenge; int64_t expires; };          /* one of the two texts; auth_login_release */
int auth_login(struct auth *, struct str user, struct str password, const char *address, struct auth_login *, struct err *);
int auth_login_mfa(struct auth *, struct str challenge, struct str code, const char *address, struct auth_login *, struct err *);
int auth_logout(struct auth *, struct str session, struct err *);
void auth_login_release(struct auth_login *);

/* ---- administration: each record is a JSON object without secrets; the calls check shape and names. `in` is what the API or a
 * command was given; `out` is appended to, with what is shown only once (a new key, a TOTP secret, recovery codes). */
enum auth_record { AUTH_USERS, AUTH_KEYS, AUTH_ROLES };
int auth_list(struct auth *, enum auth_record, struct str tenant, int (*each)(void *, struct str id, struct str json), void *, struct err *);
int auth_get(struct auth *, enum auth_record, struct str tenant, struct str id, struct buf *out, struct err *);         /* 1, 0 none, < 0 */
int auth_create(struct auth *, enum auth_record, struct str tenant, struct json in, struct buf *out, struct err *);
int auth_change(struct auth *, enum auth_record, struct str tenant, struct str id, struct json in, struct buf *out, struct err *);     /* 1, 0 none */
int auth_remove(struct auth *, enum auth_record, struct str tenant, struct str id, struct err *);                       /* 1, 0 none */
int auth_rotate(struct auth *, struct str tenant, struct str key_id, struct buf *out, struct err *);    /* a new secret; the old one lives an hour */
int auth_mfa(struct auth *, struct str tenant, struct str user, int on, struct buf *out, struct err *);

#endif
