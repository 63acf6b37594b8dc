/* audit.h - who did what, from where, with what result: append-only, each entry holding its predecessor's hash.
 *
 *      {"seq":7,"timestamp":"…","tenant":"shop","who":"anna","from":"192.0.2.1","action":"key.create","object":"key 4fX…","result":"ok",
 *       "previous":"<hash of 6>","hash":"<SHA-256 of all bytes in front of ,\"hash\">"}
 *
 * The anchor (count and last hash, in the environment, in the file system/audit.anchor beside it, and wherever its reader writes it
 * down) tells when the tail was cut. Entries live in the system environment, for all tenants in one chain; readers get those of
 * their tenant.
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
	struct str rows;                /* how many were read, in digits; p NULL: nothing was */
};
int audit_add(struct auth *, const struct audit_entry *, struct err *);        /* durable when it returns 0 */

/* The same soon, without waiting: for the loop. What cannot be kept for want of memory or disk is counted in the next entry that can. */
void audit_later(struct auth *, const struct audit_entry *);

/* The same of what was read, which comes often: it leaves room for the others. -1: there is none for it, it is only counted, in the trail too. */
int audit_later_read(struct auth *, const struct audit_entry *);

/* Entries of a tenant (p NULL: all), oldest first, from <= time < to, each a JSON object {seq,timestamp,tenant,who,…,hash}. */
int audit_each(struct auth *, struct str tenant, int64_t from, int64_t to, int (*each)(void *, struct str json), void *, struct err *);

struct store *audit_trail(struct auth *);       /* for trail.h, as long as it is open */

/* The number of entries that hold; ERR_CORRUPT names the first broken one, or says that the tail was cut. `anchor` is what an earlier
 * call gave ("SEQ:HASH", p NULL: none) and must still be true; `now` is appended the present one. */
int64_t audit_verify(struct auth *, struct str anchor, struct buf *now, struct err *);

#endif
