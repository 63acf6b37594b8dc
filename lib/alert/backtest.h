/* backtest.h - what rules would have done: counted from the alerts that history gave.
 *
 *      {"backtest":"many","firings":3,"minutes":14.5,"series":2,"alerts_per_day":1.5,"damped":0,"open":1,"first":TIME,"last":TIME,"noisy":false,
 *       "precision":0.67,"recall":1,"lead_seconds":-60}
 *
 * A row a rule, the noisiest first. minutes: how long alerts were firing, added up over series. damped: firings of which flap damping (routes.h, with
 * its defaults) would not have told. noisy: as noise.h has it, for live rules too.
 * With labels, incidents as they were, {"from":TIME,"to":TIME} and, as wished, "alert" (only of this rule) and "labels" (which the alert's must have):
 * a firing is right when it overlaps an incident; precision is the share of firings that are right, recall the share of incidents
 * that some firing overlaps, lead_seconds the median of how long before an incident's beginning the first of these fired (less than 0: after).
 */
#ifndef ALERT_BACKTEST_H
#define ALERT_BACKTEST_H

#include "alert/evaluate.h"

struct backtest;
struct backtest *backtest_new(const struct rules *);
void backtest_free(struct backtest *);

/* One incident of the labels' file. ERR_INPUT. */
int backtest_label(struct backtest *, struct str row, struct err *);

void backtest_alert(struct backtest *, const struct evaluate_alert *);

/* History went from, to. A row for each rule. */
void backtest_report(struct backtest *, int64_t from, int64_t to, void (*row)(void *, struct str), void *);

#endif
