/* at-admin.h - what the files of at-admin share. */
#ifndef AT_ADMIN_H
#define AT_ADMIN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/opt.h"
#include "store/store.h"

struct want {
	const char *format;
	int64_t before, from, to, until;
	long keep;              /* backups; 0: all */
	const char *user;
	int all, dry, yes;
	const char *expires;
	struct opt_list roles, scopes, bounds;
	char **words;           /* what stands behind the verb */
	int n;
};
extern struct want want;

struct buf *say(void);                                  /* stdout */
int is_there(const char *below);                        /* 1: the store has that file or folder */
int store_there(struct err *);                          /* 0; ERR_IO: there is none, so that who only looks makes none */
int tenant_there(struct err *);                         /* 0: default, or one that the store has; else a slip of the pen would make one */
int of_one(const char *verb, struct err *);             /* 0; ERR_USAGE: --all was given, and this is done to one alone */
int as_rows(struct err *, int *rows);                   /* -f: NDJSON, or a table for people */
void put_row_of(const char *tenant, struct str json);   /* a line; with --all the tenant stands in it first */
void put_column(struct str text, int width);            /* of a table for people: what a terminal would obey is shown; 0: the last one */
int expires_at(int64_t *until, struct err *);             /* of --expires, which was given: a span from now, or a time; still to come */
int sure(struct err *, const char *what);               /* asked on a terminal, refused elsewhere without --yes */

typedef int on_tenant(struct store *, const char *name, struct err *);
int on_tenants(on_tenant *, int how, struct err *);     /* the one tenant, or with --all each; how: of store_open */

/* data.c: what leaves a store and comes back. */
int data_backup(struct err *);
int data_restore(struct err *);
int data_export(struct err *);
int data_erase(struct err *);

int archive_verb(struct err *);                         /* archive.c */

int silence_verb(struct err *);                         /* silence.c */

int stats_rules(struct err *);                          /* rules.c */

int letters_verb(struct err *);                         /* letters.c */

/* feedback.c: what at-detect learns of. */
int feedback_verb(struct err *);

/* access.c: who may what, and what was done. */
int access_user(struct err *);
int access_key(struct err *);
int access_role(struct err *);
int access_audit(struct err *);
const char *access_who(void);                           /* the user of the system whose command this is; not what $USER says */
int access_tenant_add(const char *name, struct err *);
int access_tenant_remove(const char *name, struct err *);
int access_note(const char *action, const char *tenant, const char *object, struct err *);      /* what another verb did, into the audit */

/* A store_erasures (store/admin.h): the erasures of a tenant as the audit has them; it has to hold. */
int access_erasures(void *, const char *tenant, int (*one)(void *, struct str mask, int64_t when), void *, struct err *);
#define ACCESS_ERASED "user.erase"      /* the action, of the object "user MASK" */

#endif
