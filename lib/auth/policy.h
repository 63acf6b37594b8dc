/* policy.h - what a caller may see of a tenant's data: which rows, which columns, which of them masked.
 *
 *      roles ──► policy ──► rights of a handle (store.h) ──► every scan, batch, series and row read through it
 *
 * A policy is made of the caller's roles and handed to whoever reads the store (query_spec.policy): it is held at the scan, below
 * SQL, so that no function, error text, count or cache can look past it. NULL is no bound. A policy never changes: any thread may use
 * it; what evaluates it is a reader, of one thread.
 *
 * Each role is taken for itself: a row is seen when one role allows it, and a column of it as the most generous of the roles
 * that allow the row shows it. Where it is in doubt whether something may be seen, it may not.
 */
#ifndef AUTH_POLICY_H
#define AUTH_POLICY_H

#include "event/event.h"
#include "store/store.h"

struct policy;

/* A role as text, see at-admin(1):
 *
 *      rows            a condition of the native expression subset over events as at-rows(5) has them, `.properties.country == "DE"`; p
 *                      NULL: all. A row on which it fails is not seen. Metrics: the condition holds of a series when all fields that
 *                      it reads are labels (or user_id and the like); one that was summed over more than the role sees is not seen
 *      events, metrics names or patterns ("page_*", "?") that may be read; none: all. A series with a label `event` needs both
 *      hide            columns that are not there: a property, one inside ("address.street"), or user_id, session_id, id, which take
 *                      the properties along that stand for them (userId, …). In any case of letters. A series with such a label is not seen
 *      mask            columns whose values are a keyed hash, the same for the same value (store_mask); null stays null
 *
 * Of anomalies and insights those are seen whose metric and labels are, of alerts those without a bound on rows and names; none
 * of them that mentions a column beyond its labels that is hidden or masked, no insight with such a label, and no alert whose rule read such a column, or does not say
 * what it read (its member `reads`, alert/reads.h). The audit trail is not seen. */
struct policy_text { struct str rows; const struct str *events, *metrics, *hide, *mask; int n_events, n_metrics, n_hide, n_mask; };

#define POLICY_ROLES_MOST 64

/* Of n roles; of none: nothing is seen. NULL with err->code 0: one of them allows all. The texts are copied. */
struct policy *policy_new(const struct policy_text *, int n, struct err *);

/* The same bounds, and of events only those of these names (or patterns; none: all) on which the condition (p NULL: none) holds: not a
 * right but a view, so series, anomalies and the like are seen as before. `of` may be NULL. NULL on failure. */
struct policy *policy_narrow(const struct policy *of, const struct str *events, int n_events, struct str rows, struct err *);
struct policy *policy_hold(struct policy *);    /* another owner of it; NULL is fine */
void policy_free(struct policy *);              /* once for new and for each hold */

int policy_name_fits(struct str pattern, struct str name);      /* '*' is any text, '?' one byte */
int policy_event_name(const struct policy *, struct str name);  /* 1: events of that name may be seen, some of them */
int policy_metric_name(const struct policy *, struct str name);
enum policy_sight { POLICY_SEEN, POLICY_MASKED, POLICY_HIDDEN };
enum policy_sight policy_column(const struct policy *, struct str column);      /* at best, in any row */
uint64_t policy_hash(const struct policy *);    /* equal policies, equal hash: part of the key of every cache; 0 for NULL */

/* For store_restrict; the policy must live as long. */
void policy_rights(const struct policy *, struct store_rights *);

/* The same for what comes from elsewhere than a handle, such as live events. The store is whose masks they are. */
struct policy_reader;
struct policy_reader *policy_reader_new(const struct policy *, const struct store *, struct err *);
void policy_reader_free(struct policy_reader *);

/* 1: it is seen, and is now as it is seen: hidden columns absent, masked ones hashed; new texts are borrowed until the next call. 0: not
 * seen. < 0. */
int policy_see(struct policy_reader *, struct event *, struct err *);
int policy_see_series(struct policy_reader *, struct str metric, struct str *labels, struct err *);     /* labels: a JSON object */
int policy_see_row(struct policy_reader *, const char *kind, struct str *json, struct err *);

#endif
