/* audit.h - who did what, from where, with what result: append-only, each entry holding its predecessor's hash.
 *
 * The anchor (count and last hash, in a file beside the environment and in the log of who reads it) tells when the tail was cut.
 * Entries live in the system environment, for all tenants in one chain; readers get those of their tenant.
 */
#ifndef AUTH_AUDIT_H
#define AUTH_AUDIT_H

#include "auth/auth.h"

struct audit_entry {
	struct str tenant, who, from;   /* principal's name ("-": none), peer's address or "cli" */
	struct str action;              /* "key.create", "login", "deny", "query" */
	struct str object;              /* what it was done to; p NULL: nothing */
	struct str result;              /* "ok", "denied", "failed" */
	struct str request;             /* the request's id; p NULL: none */
};
int audit_add(struct auth *, const struct audit_entry *, struct err *);

/* Entries of a tenant (p NULL: all), oldest first, from <= time < to, each a JSON object {seq,timestamp,tenant,who,…,hash}. */
int audit_each(struct auth *, struct str tenant, int64_t from, int64_t to, int (*each)(void *, struct str json), void *, struct err *);

/* The number of entries that hold; ERR_CORRUPT names the first broken one, or says that the tail was cut. */
int64_t audit_verify(struct auth *, struct err *);

#endif
