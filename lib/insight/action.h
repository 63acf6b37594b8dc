/* action.h - what to do next: rules over what is known, each with when it holds, what is to be expected, how that is looked at later, and what
 * came of it.
 *
 *      funnel step     at least 10 users stand before a step; it loses more of them than any other
 *      one session     at least 10 users; more than half of them came once only
 *      lost part       a count fell by more than chance, and one value of one field drove it
 *
 * Each has a measure, a share or a count that it is to change. When a recommendation is kept (action_keep), the measure is kept with it, in the
 * store's state "recommendation" under its key; once its time to be looked at has come, action_outcomes measures again, since then, and
 * says what came of it.
 */
#ifndef INSIGHT_ACTION_H
#define INSIGHT_ACTION_H

#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"

struct action {
	const char *rule;
	struct str metric;
	struct str labels;              /* a JSON object; n 0: {} */
	struct str key;                 /* what it is about, of its rule: "page_view > signup" */
	struct str text;                /* the recommendation as a sentence */
	const char *precondition;
	struct str expected;            /* the effect, as a sentence */
	struct str check;               /* the command that looks */
	double score;                   /* 0 to 1 */
	double measure, of;             /* of: what a share is of; 0: measure is a count */
	const char *fields[4];          /* further figures of the evidence, by name */
	double figures[4];
	struct str text_fields[2][2];   /* and texts */
	int64_t from, to, before_from, before_to;
};

#define ACTION_WAITS (7 * 86400000LL)           /* until it is looked at */

/* As an insight row of kind recommendation, without a line end. */
void action_put(const struct action *, struct buf *);

/* Remember the row of action_put in the store, unless the same is waiting already. Within a transaction. */
int action_keep(struct store *, struct str row, struct err *);

/* Measure again: 1 and *measure, *of; 0: nothing to measure; < 0. */
typedef int (*action_measure)(void *self, const char *rule, struct str key, int64_t from, int64_t to, double *measure, double *of, struct err *);

/* Of what is kept and due at `now`: each as an insight row of kind recommendation with its outcome, a line each, appended. */
int action_outcomes(struct store *, int64_t now, action_measure, void *self, struct buf *rows, struct err *);

/* Such a row has been told: what it is of waits no more, and its outcome stands in the table insights. Within a transaction. */
int action_done(struct store *, struct str row, struct err *);

#endif
