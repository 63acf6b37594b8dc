/* noise.h - which rules say too much: how often each fired in the last days, and how often nobody was told of it because it flapped.
 *
 *      evaluate ─► alert ─► routes_alert: damped? ─► noise_alert: one more of its day ─► noise_save, with the state of the rules
 *
 * Kept in the tenant's state, kind "noise", a record a rule and name of a state (evaluate_save's); a rule is known by its id, else by its name and
 * its text, so that one that was mended begins anew:
 *
 *      ["NAME","ID"] or ["NAME","","ALERT","SIGN"]  ─►  {"alert":…,"id":…,"since":MS,"said":DAY,"days":[[DAY,FIRINGS,DAMPED],…]}
 *
 * since: from when on it is counted. DAY: whole days since 1970 in UTC, of the alerts' own times, of the last NOISE_DAYS at most. A rate is over
 * these days, or from `since` on, but over a whole day at least: what fired twice in the first minute does not fire 2880 times a day.
 */
#ifndef ALERT_NOISE_H
#define ALERT_NOISE_H

#include "alert/evaluate.h"

#define NOISE_DAYS 7

/* More than ten a day, of a day or more, or more than half of them damped: the same for what was and, by --backtest, for what would have been. */
int noise_is_noisy(double days, double firings, double damped);

struct noise;

/* What is known of these rules under that name, the others' forgotten with the next noise_save. After evaluate_load, and before their first alert. NULL: err. */
struct noise *noise_open(const struct rules *, struct store *, const char *name, int64_t now, struct err *);
void noise_free(struct noise *);

/* An alert changed; damped: of a firing that is not told. 1: its rule has become noisy, or still is and that was not said today (`now`); then
 * `say` is what is to be said. */
int noise_alert(struct noise *, const struct evaluate_alert *, int damped, int64_t now, struct buf *say);

/* In a write transaction: what changed. */
int noise_save(struct noise *, struct store *, struct err *);

struct noise_of {               /* borrowed until the callback returns */
	struct str state, alert, id;
	double a_day;           /* firings of one day */
	int64_t firings, damped;        /* of the last NOISE_DAYS */
	int noisy;
};

/* Of each rule under each name, in no order. */
int noise_each(struct store *, int64_t now, int (*each)(void *, const struct noise_of *), void *, struct err *);

/* Of the rule with that id, under that name; of one that was never judged all is 0. */
int noise_find(struct store *, const char *name, struct str id, int64_t now, struct noise_of *, struct err *);

/* "alerts_per_day":1.857,"firings":13,"damped":0,"noisy":false */
void noise_put(struct buf *, const struct noise_of *);

#endif
