/* metrics.h - metric rows as they come in: which series, when, what values.
 *
 *      {"metric":"cpu","timestamp":"2026-11-23T10:15:00.000Z","labels":{"host":"a"},"value":0.7}
 *
 * A row is a metric row when it has a text "metric" and no "event", and "labels" or neither "name" nor "type", which would
 * name an event. Each number beside the four named keys is a sample of the series (metric, labels, field, window); without a
 * timestamp it is of now. Rows with "partial":true count as read and give nothing: their window will come whole.
 *
 * Rows of one series differ in time and values only, and those of a scrape follow each other in the same order again and again.
 * So the rest of a row, once read and checked the long way, is remembered as text with its series: a row that is the
 * same but for a time and numbers needs only those read, and which text it has to be is guessed from the row before.
 * Bound by memcmp and the numbers: 100 ns a row of 175 bytes.
 */
#ifndef INGEST_METRICS_H
#define INGEST_METRICS_H

#include "base/err.h"
#include "store/store.h"

#define METRICS_FIELDS 64               /* numbers in a row; more are refused */

struct metrics;

/* A series the first time it is met: what add gives, a number, stands for it from then on. */
struct metrics *metrics_new(uint32_t (*add)(void *self, const struct store_sample *), void *self);
void metrics_free(struct metrics *);
void metrics_forget(struct metrics *);          /* the numbers are no longer good */
size_t metrics_known(const struct metrics *);   /* series and texts remembered */

struct metrics_row {
	int64_t time;
	int n;
	uint32_t series[METRICS_FIELDS];
	double value[METRICS_FIELDS];
};

/* Any bytes, unchecked: 1 it is a metric row that could be read the short way; 0 it is to be checked and read the long way. */
int metrics_quick(struct metrics *, struct str row, struct metrics_row *);

/* A row known to be valid JSON: 1 a metric row, 0 none, ERR_INPUT a wrong one. */
int metrics_read(struct metrics *, struct str row, int64_t now, struct metrics_row *, struct err *);

#endif
