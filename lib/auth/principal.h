/* principal.h - who is calling, and whether he may.
 *
 * Made by auth_check for one request, freed behind it. Deny is the default: what no role grants is not allowed, and a key with
 * scopes may only what a role and a scope grant both.
 *
 *      permission  ACTION:RESOURCE[:NAME]     "read:events"  "write:dashboards:sales_*"  "read:*"  "*:*"
 *
 * ACTION is read, write, admin or *; RESOURCE a word of the API (the route table has them) or *; NAME a pattern with * over the names of one
 * resource that has some: dashboards, rules, silences, webhooks, keys, users, roles, tenants. None includes another: who writes dashboards reads them by a permission of its own. The resources of administration
 * (keys, users, roles, tenants, audit) are not part of "read:*" and "write:*", only of "admin:*", "*:*" and their own names; of the audit, which is only
 * read, "admin" is as good as "read".
 * Tenants are for callers of the tenant "*" alone.
 */
#ifndef AUTH_PRINCIPAL_H
#define AUTH_PRINCIPAL_H

#include "auth/policy.h"

enum auth_kind { AUTH_KEY, AUTH_SESSION, AUTH_TOKEN };

struct principal_rights;                /* permissions, scopes and policies of one set of roles; shared by the requests of a caller */

struct principal {
	enum auth_kind kind;
	struct str tenant;              /* the one tenant that the call is about */
	struct str name;                /* user's or key's name, the token's subject */
	struct str id;                  /* of key or session */
	struct str roles;               /* "viewer,analyst" */
	int64_t expires;                /* ms since 1970, TIME_MAX: never */
	int system;                     /* 1: of the tenant "*": may turn to any tenant (auth_credentials.tenant) */
	struct policy *policy;          /* what he sees, as long as the principal (policy_hold: longer); NULL: all of the tenant */
	struct principal_rights *rights;
};
void principal_free(struct principal *);
struct str principal_home(const struct principal *);     /* the tenant that he is of, "*" too; borrowed */

/* What is done to what. Name p NULL: to any of them. */
enum auth_action { AUTH_READ = 1, AUTH_WRITE = 2, AUTH_ADMIN = 4 };
int principal_may(const struct principal *, enum auth_action, const char *resource, struct str name);

/* Do both see the same and may they do the same, as far as their roles and scopes say it in the same words? 0 where that is not sure. */
int principal_same_rights(const struct principal *, const struct principal *);

#endif
