/* auth.h - who is calling, and what they may do: users, keys, sessions, tokens, roles. Kept in the store's system environment.
 *
 *      credentials ──► auth_check ──► principal ──► principal_may(…)? ──► policy ──► the scan
 *
 * Secrets are never kept: keys (256 bits) by SHA-256, passwords by scrypt, recovery codes by hash. What is compared is compared in
 * constant time, and a user that is not there costs as much as one that is. Deny is the default.
 *
 * Several processes have the environment open at once: what one of them changes, a revoked key too, holds for the next call in all
 * others. Times are those of time_now.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "auth/principal.h"
#include "config/config.h"
#include "store/store.h"

struct auth;

/* Over the store at `dir`; made where there is none. The config (analytics.json, `auth`) is borrowed, NULL: none. Any thread may call;
 * once in a process, after any fork. */
struct auth *auth_open(const char *dir, const struct config *, struct err *);
/* The same to look only, for one thread: nothing is made or written, also where no store or none of its system environment is, in which
 * there are the roles that always are. Of the calls below: auth_list, auth_get, auth_create_check, audit_each, audit_verify. */
struct auth *auth_look(const char *dir, struct err *);
void auth_use_network(void);    /* once, before any other call: tokens that want an issuer's keys are not taken by a program without it */
void auth_close(struct auth *);
int auth_reload(struct auth *, const struct config *, struct err *);    /* a new configuration; the old one is no longer read. A wrong one
                                                                         * changes nothing */
int auth_config_check(const struct config *, struct err *);    /* what auth_reload would say of it */

/* What a request came with, as the header said it; p NULL: not there. */
struct auth_credentials {
	struct str authorization;       /* the whole header: Bearer KEY or JWT, Token KEY, Basic with the key as user */
	struct str key;                 /* X-API-Key, api_secret= */
	struct str session;             /* the cookie's value */
	struct str tenant;              /* the tenant that a caller of "*" turns to; others: none, or their own. p NULL: their own, "default" for "*" */
	const char *address;            /* the peer: failures are counted by it */
};

/* 0 with a principal (principal_free), ERR_INPUT: no or bad credentials (401), ERR_DENIED: another's tenant (403), ERR_LIMIT: too
 * many failures from there, err->col the seconds to wait (429), ERR_IO. May wait for the network (a key set, an introspection). */
int auth_check(struct auth *, const struct auth_credentials *, struct principal **, struct err *);

/* The same without waiting, for the loop: some µs, no write, no network; 1: only auth_check can tell, in a thread that may wait. */
int auth_check_now(struct auth *, const struct auth_credentials *, struct principal **, struct err *);

/* For who got 1 and has no thread that may wait: one of auth's own learns what auth_check would, and a later auth_check_now knows it. */
void auth_check_soon(struct auth *, const struct auth_credentials *);

struct auth_actor;

/* ---- login: ERR_INPUT (401), ERR_LIMIT (429) as above, and never why. A password takes about 0.2 s of work. Who fails is kept waiting,
 * longer each time: a user from one address after 5 times, an address after 20, a user from wherever after 100 in an hour.
 *
 * A session ends 30 minutes after its last use, 12 hours after it began, at logout, with a new password or with its user. Where the
 * user has one-time codes, auth_login gives a challenge, which with a code (or a recovery code) within 5 minutes gives the session. */
struct auth_login { struct buf session, challenge, tenants; int64_t expires; };         /* one of the first two; auth_login_release, also when it failed */

/* Tenants may each have a user of the same name. Who does not say which one is meant is the one whose password it is; of several with the same password
 * the one of the tenant `near`, else ERR_INPUT, with their tenants in the login's (JSON). More than 16 of one name are not looked at, the one of `near` always: the list is
 * empty where the password was none of theirs, and then it has to be said. p NULL: not said. */
struct auth_user { struct str name, tenant, near; };
int auth_login(struct auth *, const struct auth_user *, struct str password, const char *address, struct auth_login *, struct err *);
int auth_login_mfa(struct auth *, struct str challenge, struct str code, const char *address, struct auth_login *, struct err *);
int auth_logout(struct auth *, struct str session, const char *address, struct err *);  /* 1; 0: there was none */
void auth_login_release(struct auth_login *);

/* The sessions of the one who has this one, it too; and ending one: 1; 0: none of his has that id. The id is the beginning of the secret's hash. */
#define AUTH_SESSION_ID 16
struct auth_session { struct str id, address; int64_t created, seen, expires; int is_current; };        /* expires: unless it is used */
typedef int auth_session_each(void *self, const struct auth_session *);
int auth_sessions(struct auth *, struct str session, auth_session_each *, void *self, struct err *);    /* 0 or < 0; no session: none */
int auth_session_end(struct auth *, struct str session, struct str id, const char *address, struct err *);

/* One's own password, by who knows the present one; counted and kept waiting as a login is. All sessions of the user end, the caller
 * gets a new one. ERR_INPUT: the present one is wrong, or (err->col 1) the new one will not do; ERR_DENIED: he has none here. */
int auth_password(struct auth *, const struct auth_actor *, struct str password, struct str fresh, const char *address, struct auth_login *, struct err *);

/* Login through the OpenID provider of auth.oidc: authorization code with PKCE (RFC 7636), state, nonce. Both wait for the network.
 *
 *      /auth/login     begin ──► 302 to `url`, with the cookie (HttpOnly, SameSite=Lax, Path=/auth, for ten minutes)
 *      /auth/callback  finish(state, code, iss, error, that cookie) ──► a session, and `then`, the local path to go to
 */
int auth_has_oidc(struct auth *);
int auth_oidc_begin(struct auth *, struct str redirect_uri, struct str then, struct buf *url, struct buf *cookie, struct err *);
struct auth_oidc_answer { struct str state, code, iss, error, cookie; const char *address; };  /* parameters of the callback; p NULL: none */
int auth_oidc_finish(struct auth *, const struct auth_oidc_answer *, struct auth_login *, struct buf *then, struct err *);     /* ERR_INPUT, ERR_DENIED
                                                                         * (no role), ERR_IO */

/* ---- administration: each record is a JSON object without secrets; the calls check shape and names (ERR_INPUT), and that nobody gives
 * more than he has (ERR_DENIED), and are audited in the same transaction.
 *
 *      user   name, tenant; password on input; roles, disabled; mfa, created, changed on output
 *      key    name, roles, scopes, expires ("90d", a time or null); id, tenant, created, by, used, rotated on output
 *      role   name, permissions, rows, events, metrics, hide, mask (policy.h), description; builtin on output
 *
 * `in` is what the API or a command was given; `out` is appended to: the record, with what is shown only once (a new "key", a TOTP
 * "secret", recovery "codes"). Users of the tenant "*" and keys of it are for all tenants. */
struct auth_actor {
	const struct principal *who;    /* NULL: the command line, which may all */
	struct str name, from, request; /* for the audit: where `who` is NULL the unix user; peer's address or "cli"; the request's id or p NULL */
};
enum auth_record { AUTH_USERS, AUTH_KEYS, AUTH_ROLES };
int auth_list(struct auth *, enum auth_record, struct str tenant, int (*each)(void *, struct str id, struct str json), void *, struct err *);
int auth_get(struct auth *, enum auth_record, struct str tenant, struct str id, struct buf *out, struct err *);         /* 1, 0 none, < 0 */
int auth_create(struct auth *, enum auth_record, const struct auth_actor *, struct str tenant, struct json in, struct buf *out, struct err *);
int auth_create_check(struct auth *, enum auth_record, const struct auth_actor *, struct str tenant, struct json in, struct err *);     /* what it would
                                                                         * say, doing nothing; a password may be missing */
int auth_change(struct auth *, enum auth_record, const struct auth_actor *, struct str tenant, struct str id, struct json in, struct buf *out,
    struct err *);      /* what `in` names; 1, 0 none */
int auth_remove(struct auth *, enum auth_record, const struct auth_actor *, struct str tenant, struct str id, struct err *);    /* 1, 0 none */

/* A new secret for a key, the old one lives an hour; 1, 0 none. */
int auth_rotate(struct auth *, const struct auth_actor *, struct str tenant, struct str key_id, struct buf *out, struct err *);

/* Shared links: a secret that shows one thing of the actor's tenant ("dashboard sales") to who has it until it expires, with the rights
 * that the actor has by then. `out`: id, what, by, created, expires, and the token, shown this once. Removed (id p NULL: any one): 1, 0 none.
 * Check: ERR_INPUT (none, or no longer), ERR_LIMIT as auth_check; `what` is appended. Exceeds: 1 when a link of `what` shows what `who` may
 * not see himself: who changes what it shows would see it by the link. */
int auth_share(struct auth *, const struct auth_actor *, struct str what, int64_t expires, struct buf *out, struct err *);
int auth_share_list(struct auth *, struct str tenant, struct str what, int (*each)(void *, struct str json), void *, struct err *);
int auth_share_remove(struct auth *, const struct auth_actor *, struct str what, struct str id, struct err *);
int auth_share_exceeds(struct auth *, const struct principal *who, struct str what, struct err *);
int auth_share_check(struct auth *, struct str token, const char *address, struct principal **, struct buf *what, struct err *);

/* A tenant of the store, made or removed with its users, keys and roles. Nobody in this process has one that goes open. */
int auth_tenant_add(struct auth *, const struct auth_actor *, const char *name, struct err *);
int auth_tenant_remove(struct auth *, const struct auth_actor *, const char *name, struct err *);

/* TOTP on (a new secret and ten recovery codes) or off; 1, 0 none. */
int auth_mfa(struct auth *, const struct auth_actor *, struct str tenant, struct str user, int on, struct buf *out, struct err *);

#endif
