/* auth_priv.h - what the files of the room share: the system environment, records in it, the cache of who called lately.
 *
 * The environment's state (store_put_state), by kind:
 *      user        tenant 0 name           the record, its password by scrypt; see record.c for the fields. As they were once, when a name was
 *                  name                    there once in all tenants: read, and moved when it is written (admin.c)
 *      key         id                      the record, its secret by SHA-256
 *      role        tenant 0 name           the record
 *      used        id of a key             when it was used last
 *      session     hash of the secret      whose, since when, seen when
 *      share       hash of the secret      what it shows, with whose rights, until when (share.c)
 *      challenge   hash of the secret      whose password was right, since when, how many codes were wrong
 *      failure     hash of what is counted how often, since when
 *      meta        "generation"            counts changes of users, keys and roles
 *      meta        "audit"                 the last entry: number, time, hash
 * and its rows of kind audit.
 */
#ifndef AUTH_AUTH_PRIV_H
#define AUTH_AUTH_PRIV_H

#include <pthread.h>

#include "auth/audit.h"
#include "auth/auth.h"
#include "base/arena.h"
#include "base/map.h"

struct auth_tokens;                     /* token.c: whose tokens are taken */
struct auth_later;                      /* later.c: what is written soon, by a thread of its own */
struct auth_failures;                   /* failure.c: bad keys by address, of this process */

struct auth {
	char *dir;
	struct store *store;            /* writes, one transaction at a time: under `write` */
	struct store *reader;           /* reads, by any thread */
	pthread_mutex_t write;
	int64_t swept;                  /* time_mono_ns: when what has passed was taken away last; under `write` */
	int audited;                    /* the open transaction has entries */
	struct audit_head { int64_t seq, time; char hash[65]; } head;   /* as the open transaction leaves it */

	pthread_mutex_t lock;           /* of what follows */
	uint64_t generation;            /* that the cache is of */
	struct map callers;             /* kind 0 name -> struct auth_caller */
	struct auth_tokens *tokens;     /* never NULL */
	uint8_t seal[32];               /* of auth.secret: what must be read again is sealed with it, when there is one */
	int sealed;
	int soon;                       /* threads of auth_check_soon; */
	pthread_cond_t idle;            /* there is none any more */
	struct auth_later *later;
	struct auth_failures *failures;
};

/* A key or a user as it is asked for, or a set of roles (of a token): what stays until the generation changes. */
struct auth_caller {
	struct arena *arena;
	struct str tenant, name, id, roles;     /* roles: "a,b" */
	struct principal_rights *rights;
	int64_t expires, old_until;     /* of a key: TIME_MAX: never; TIME_NONE: no old secret */
	int64_t used;                   /* written down last */
	int64_t since;                  /* of a user: sessions that began before are void */
	int disabled;
	char hash[64], old[64];         /* of a key, hexadecimal */
};

/* Under a->lock, and good as long as that is held: a key, or a user of this tenant; NULL with err->code 0: there is none. */
struct auth_caller *auth_caller_key(struct auth *, struct str id, struct err *);
struct auth_caller *auth_caller_user(struct auth *, struct str tenant, struct str name, struct err *);
struct auth_caller *auth_caller_roles(struct auth *, struct str tenant, struct json roles, struct err *);

/* The tenant that the call is about, into p: that of the credentials, where the caller's own lets him. 0 or ERR_DENIED. */
int auth_tenant_of(const struct auth_credentials *, struct str own, struct principal *, struct err *);
int auth_refuse(struct auth *, const struct auth_credentials *, struct str id, struct err *);   /* ERR_INPUT, or ERR_LIMIT when it is too often */

/* A transaction on the environment; audit_put and auth_changed belong inside. auth_end commits where rc is 0, else gives it up, and
 * returns rc or why the commit failed. */
int auth_begin(struct auth *, struct err *);
int auth_end(struct auth *, int rc, struct err *);
int auth_changed(struct auth *, struct err *);          /* users, keys or roles did: caches everywhere are void */
int auth_generation(struct auth *, uint64_t *, struct err *);
int audit_put(struct auth *, const struct audit_entry *, struct err *);
int audit_put_act(struct auth *, const struct auth_actor *, struct str tenant, const char *action, const char *what, struct str object, struct err *);
void audit_anchor(struct auth *);                       /* after a commit */
void audit_forget(struct auth *);                       /* at the end of a transaction */

/* Where the texts of a request go that are looked at in a record: decoded, in the arena; p NULL: not there or no text. */
struct str auth_text(struct json record, const char *name, struct arena *);
int64_t auth_time(struct json record, const char *name);                /* TIME_NONE: none */
void auth_hash_hex(struct str secret, struct buf *out);                 /* SHA-256, 64 digits */
void auth_put_text(struct buf *, const char *name, struct str);        /* the next member of an object that is being written */
void auth_put_time(struct buf *, const char *name, int64_t);
void auth_take_text(struct str *to, struct str from, char **at);       /* a copy at *at, which moves behind it */
int auth_tenant_is(struct auth *, struct str tenant);                  /* 1: it is there */

/* A key: at_ ID SECRET, all of 0-9 A-Z a-z. */
#define AUTH_KEY_ID     12
#define AUTH_KEY_SECRET 43      /* 256 bits */

/* ---- record.c */
enum { AUTH_IN = 1, AUTH_FIXED = 2, AUTH_SECRET = 4, AUTH_NEEDED = 8, AUTH_FLAG = 16 };
struct auth_field {
	const char *name;
	int how;                /* AUTH_ bits: may be given; only when it is made; never shown; must be there; shown as true or false */
	int (*check)(struct auth *, struct json, struct buf *out, struct err *);        /* appends it in canonical form; NULL: not given from outside */
	const char *otherwise;  /* JSON, when it is not given; NULL: absent */
};
struct auth_set { const char *name; struct str json; };                 /* what the program itself sets; p NULL: takes away */
int auth_record_make(struct auth *, const struct auth_field *, const char *what, struct json old, struct json in, const struct auth_set *,
    int n_sets, struct buf *out, struct err *);
void auth_record_show(const struct auth_field *, struct json record, struct buf *out);  /* without the closing brace */
extern const struct auth_field auth_user_fields[], auth_key_fields[], auth_role_fields[];
void auth_tenant_key(struct str tenant, struct str name, struct buf *out);       /* of a user or a role: tenant 0 name */

/* ---- admin.c: a user's record; out is emptied first. 1, 0 none, < 0. And in its place (p NULL: none), in the open transaction. */
int auth_user_get(struct store *, struct str tenant, struct str name, struct buf *out, struct err *);
int auth_user_put(struct auth *, struct str tenant, struct str name, struct str record, struct err *);

/* ---- principal.c */
struct principal_rights *principal_rights_new(struct auth *, struct str tenant, struct json roles, struct json scopes, struct err *);
struct principal_rights *principal_rights_hold(struct principal_rights *);
void principal_rights_drop(struct principal_rights *);
struct principal *principal_new(const struct principal *);              /* a copy, with the policy of the rights, which are held */
int principal_permission_ok(struct str);
const char *principal_builtin(struct str role);         /* the record of a role that is always there, JSON; NULL: it is none */
const char *principal_builtin_at(int i);                /* the name of the i-th; NULL behind the last */

/* May the actor give what these roles (and scopes; JSON_NONE: all) grant? 0 or ERR_DENIED. */
int principal_may_give(struct auth *, const struct auth_actor *, struct str tenant, struct json roles, struct json scopes, struct err *);
/* May he make a role of these permissions, bound by nothing or something? */
int principal_may_define(const struct auth_actor *, struct json permissions, struct err *);

/* ---- token.c */
struct auth_tokens *auth_tokens_new(const struct config *, struct err *);
struct auth_tokens *auth_tokens_hold(struct auth *);    /* for one call; auth_tokens_drop */
void auth_tokens_drop(struct auth_tokens *);
int auth_check_token(struct auth *, const struct auth_credentials *, struct str token, int may_wait, struct principal **, struct err *);

/* ---- login.c */
int auth_seal_key(struct auth *, uint8_t key[32]);      /* 1: there is auth.secret, and this is made of it */
int auth_check_session(struct auth *, const struct auth_credentials *, struct principal **, struct err *);
int auth_session_good(struct json, int64_t now);        /* is it one still, but for what its user did since? */
int64_t auth_session_expires(struct json);              /* a good one, unless it is used */
int auth_session_begin(struct auth *, struct str tenant, struct str user, struct json roles, const char *address, struct auth_login *,
    struct err *);      /* in a transaction; roles: of who is no user here, else JSON_ABSENT */

/* ---- share.c */
int auth_shares_forget(struct auth *, const char *member, struct str value, struct str home, struct err *);     /* those whose "user" (of the tenant home), "key" or
                                                         * "tenant" it is; in the open transaction */

/* ---- later.c */
struct auth_later *auth_later_new(struct auth *);
void auth_later_free(struct auth_later *);              /* what waits is written */
void auth_later_used(struct auth *, struct str key_id, int64_t now);
void auth_later_state(struct auth *, const char *kind, struct str name, struct str value);      /* put, where it is there still */

/* ---- failure.c: more than `most` of what `a` and `b` name within a minute? the seconds to wait, else 0 */
struct auth_failures *auth_failures_new(void);
void auth_failures_free(struct auth_failures *);
int auth_failed(struct auth *, const char *address, struct str id, int most);

#endif
