/* policy.h - what a caller may see of a tenant's data: which rows, which columns, which of them masked.
 *
 * A policy is made of the caller's roles once a request, and handed to whoever reads the store (query_spec.policy): it is held
 * at the scan, below SQL, so that no function, error text, count or cache can look past it. NULL is no bound.
 */
#ifndef AUTH_POLICY_H
#define AUTH_POLICY_H

#include "event/event.h"
#include "json/cell.h"

struct policy;

/* From role texts: see at-config(5), roles. rows: a condition of the native expression subset over events, `.properties.country ==
 * "DE"`; events, metrics: names or patterns ("page_*") that may be read, or none for all; hide and mask: columns (properties, or
 * user_id, session_id, id) that are absent, or shown as a keyed hash. Several roles: a row is seen when one of them allows it. */
struct policy_text { struct str rows; const struct str *events, *metrics, *hide, *mask; int n_events, n_metrics, n_hide, n_mask; };
struct policy *policy_new(const struct policy_text *, int n, struct err *);     /* NULL with err->code 0: all is allowed */
void policy_free(struct policy *);

int policy_event(struct policy *, const struct event *);        /* 1: the row is seen */
int policy_event_name(const struct policy *, struct str name);  /* 1: events of that name may be seen at all */
int policy_metric(const struct policy *, struct str metric, struct str labels);        /* labels: a JSON object */
enum policy_sight { POLICY_SEEN, POLICY_MASKED, POLICY_HIDDEN };
enum policy_sight policy_column(const struct policy *, struct str column);
uint64_t policy_hash(const struct policy *);    /* equal policies, equal hash: part of the key of every cache; 0 for NULL */

/* The event as the caller sees it: hidden columns absent, masked ones hashed; texts live in the scratch until the next call. */
void policy_show(struct policy *, struct event *, struct buf *scratch);

#endif
