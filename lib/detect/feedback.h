/* feedback.h - what people say about anomalies: true or false, kept in the store for the series that had them.
 *
 * A mark is of one anomaly, a series and a time; to mark it again replaces. What is marked moves where its series alarms: each
 * false one makes the odds of the threshold FALSE_TIMES what they were, each true one divides them by TRUE_TIMES.
 */
#ifndef DETECT_FEEDBACK_H
#define DETECT_FEEDBACK_H

#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

/* Mark the anomaly of a row as at-detect wrote it, and of those that it came with. In a write transaction. Returns how many
 * series were marked; ERR_INPUT when the row is none. */
int feedback_mark(struct store *, struct str row, int is_true, struct err *);

/* Each mark: key of the series, as of detect.c (metric, labels and field as they stand in a row, a byte 0 between), and time. */
int feedback_each(struct store *, void (*each)(void *, struct str key, struct str time, int is_true), void *, struct err *);

/* The odds of a threshold after one more mark. Never less than a quarter, nor more than eight times what they were. */
double feedback_odds(double odds, int is_true);

#endif
