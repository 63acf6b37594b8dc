/* detect.h - rows in, anomalies out: one model for each series (metric, labels, field).
 *
 * Reads metric rows, and plain rows `timestamp,value` or CSV with a header, which become metric rows: the column named
 * like a time is the timestamp, columns of numbers are fields, others are labels. What comes out is the row as it came, its time in RFC 3339 UTC,
 * with "anomaly" at its end:
 *
 *      {"metric":"signups","timestamp":"…","count":93,"anomaly":{"field":"count","score":0.81,"alarm":true,
 *       "expected":40.1,"lower":31,"upper":49.2,"direction":"high"}}
 *
 * A counter (counter.h) is judged by its increments; expected, lower and upper are then those of the value: the one before and what it was
 * expected to grow by.
 *
 * Alarms of one time are one row, that of the highest score, with the others named in "with":[{"metric":…,"labels":…,
 * "field":…},…]: series that move together are one anomaly. They wait for a row of another time, or a silence.
 *
 * About 3.7 KB a series, for ever; a row costs the same however many came before it.
 */
#ifndef DETECT_DETECT_H
#define DETECT_DETECT_H

#include "base/err.h"
#include "base/out.h"
#include "base/zone.h"
#include "event/rows.h"
#include "store/store.h"

struct detect_spec {
	double sensitivity;     /* 0 to 1: an alarm is a score of 1 - sensitivity or more */
	const char *fields;     /* "count,revenue_sum": only these; NULL or "": every number of a row */
	int all;                /* every judged value comes out, not alarms only, and each on its own */
	int each;               /* alarms of one time come each on its own */
	int changes;            /* instead of anomalies, change points (change.h): rows with "change" behind */
	int64_t absent_ms;      /* sources of rows that were regular and stay away longer are alarms too (absent.h); 0: no */
	struct store *save;     /* alarms, or change points, are stored here too, as rows of kind "anomaly"; NULL: nowhere */
	int save_with_models;   /* alarms wait for detect_save to be stored, so that models and alarms are one transaction */
	const struct zone *zone;/* in which the hours of a week are counted; NULL: UTC */
};
#define DETECT_DEFAULTS { .sensitivity = 0.5 }

struct detect;
struct detect *detect_new(const struct detect_spec *, struct out *, struct err *);
void detect_free(struct detect *);

/* A row that will come, in its order, after those that were told of before and have not come yet; its text stays until then. It makes no
 * difference but that rows of many series cost less. */
void detect_ahead(struct detect *, struct str row);

/* Judge a row of `file` (its line is used to find CSV headers). ERR_INPUT rejects it; ERR_USAGE: these rows are none that
 * can be judged (events). */
int detect_row(struct detect *, struct str row, const char *file, long line, struct err *);

/* Only make a metric row of a plain one, in its place, borrowed until the next call. 1; it was one already: 1; 0: it was a header; ERR_INPUT. */
int detect_plain(struct detect *, struct str *row, const char *file, long line, struct err *);

/* Write the alarms that wait for more of their time, and store those that wait for it (see save), in one transaction: when the
 * input is silent, and at the end. */
int detect_flush(struct detect *, struct err *);

/* The input is silent: flush, and tell who is absent by the clock when the input is live. Returns ms until it wants to be
 * called again, -1 for never, < -1 for an error. */
int detect_silence(struct detect *, struct err *);

long detect_alarms(const struct detect *);      /* so far */
long detect_series(const struct detect *);

/* Take what people said of anomalies (feedback.h) to heart. Call it after detect_load. */
int detect_heed(struct detect *, struct store *, struct err *);

/* The models in the store under a name: load what was saved (nothing saved is no failure), and save, in a write transaction, when
 * detect_is_even: no alarm waits for others of its time. The columns of plain rows are saved, too, for input that goes on in the
 * midst of a file. */
int detect_load(struct detect *, struct store *, const char *name, struct err *);
int detect_is_even(const struct detect *);
int detect_save(struct detect *, struct store *, const char *name, struct err *);

#endif
