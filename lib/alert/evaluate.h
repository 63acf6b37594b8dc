/* evaluate.h - rows in, alerts out: every rule on every series that it is about.
 *
 *      row ─► its series ─► the rules about it ─► true, not, no data ─► incident ─► what changed: an alert
 *              (found once)  (by pins, found once)                          ▲
 *                                        deadlines, by later rows or the clock
 *
 * A series is a metric and its labels; of an event or another row without labels, the row's `key` or none. Which rules are about a series
 * is looked up once, by the values that a rule pins down (rules.h); then a row costs one walk over its bytes for all rules together, and
 * the conditions of those rules. An incident is only there while something is known of it, so quiet series cost their name.
 *
 * Time is the rows'. A deadline passes when a row of any series is later than it, reckoned by how far its own series was behind at its
 * last row; in live input that fell silent, by the clock, which may jump: what counts is how much time went by. A row earlier than the
 * last one of its series is left out, so input that is read again after a crash tells nothing twice.
 *
 * An alert, as at-detect writes it:
 *      {"alert":NAME,"state":"pending"|"firing"|"resolved","timestamp":…,"since":…,"labels":{…},"value":…,"severity":…,"message":…,"metric":…}
 */
#ifndef ALERT_EVALUATE_H
#define ALERT_EVALUATE_H

#include "alert/incident.h"
#include "base/zone.h"
#include "store/store.h"

enum evaluate_state { EVALUATE_PENDING, EVALUATE_FIRING, EVALUATE_RESOLVED };

struct evaluate_alert {                 /* borrowed until the callback returns */
	enum evaluate_state state;
	int64_t time, since;
	struct str rule;                /* the key of its rule */
	struct str name, severity;
	struct str labels;              /* JSON, keys in byte order */
	struct str json;                /* the alert row */
	struct str reads;               /* of the rule; p NULL: it is gone */
};

#define EVALUATE_REST 20

struct evaluate_spec {
	struct rules *rules;            /* borrowed */
	int (*alert)(void *self, const struct evaluate_alert *, struct err *);  /* 0, or what ends it */
	void *self;
	const struct zone *zone;        /* of detectors */
	int64_t late_ms;                /* of patterns */
	int exact;                      /* models of anomaly rules are saved each time, not once a minute: the place in the input is, too */
	int no_clock;                   /* silence means nothing: a history is played */

	/* Where rules are of many people: processor time that one rule may take for one row, and ten times as much for a pattern. A rule whose slow
	 * rows have taken 200 times that is left out for EVALUATE_REST times as long as each further one takes, so that none takes more than a small part
	 * of the whole. 0: no bound. `trouble` is told of that, and of conditions that went over their own bounds: once a rest, or for each row. */
	int64_t row_ns;
	size_t pattern_bytes;           /* of open tries of one pattern; 0: its usual bound */
	void (*trouble)(void *self, int rule, const struct err *);
};

struct evaluate;
struct evaluate *evaluate_new(const struct evaluate_spec *, struct err *);
void evaluate_free(struct evaluate *);

/* One row; of `file` and line for plain rows of anomaly rules. ERR_INPUT rejects it. */
int evaluate_row(struct evaluate *, struct str row, const char *file, long line, struct err *);

/* The input is silent: what is due by the clock. Ms until it wants to be called again, -1: never, < -1: an error. */
int evaluate_silence(struct evaluate *, struct err *);

/* The input is at its end: rows that patterns held back are taken. Deadlines that have not passed stay. */
int evaluate_finish(struct evaluate *, struct err *);

/* What a rule (its index) came to elsewhere, for one set of labels (JSON) at a time: NAN is no data. sql and funnel rules. */
int evaluate_value(struct evaluate *, int rule, int64_t time, struct str labels, double value, struct str row, struct err *);

/* The answer was whole: what is known of the rule and was not in it (earlier than `time`) is not true any more, unless its no_data says
 * otherwise; then what is due. */
int evaluate_answered(struct evaluate *, int rule, int64_t time, struct err *);

/* Let time pass: deadlines before it. */
int evaluate_until(struct evaluate *, int64_t time, struct err *);

struct evaluate_figures { int64_t rows, late, series, pending, firing; };
void evaluate_figures(const struct evaluate *, struct evaluate_figures *);
int64_t evaluate_time(const struct evaluate *);         /* the latest time seen; TIME_NONE */

/* What is firing or pending now, as alert rows. */
int evaluate_each(struct evaluate *, int (*each)(void *, const struct evaluate_alert *, struct err *), void *, struct err *);

/* What is known, in the store under a name. load: before the first row; an incident whose rule is gone is resolved. save: what changed since
 * the last time, in a write transaction, so that it is committed with what was made of it. */
#define EVALUATE_NAME 40        /* bytes of a name */
int evaluate_load(struct evaluate *, struct store *, const char *name, struct err *);
int evaluate_save(struct evaluate *, struct store *, const char *name, struct err *);
int evaluate_is_dirty(const struct evaluate *);         /* something changed since it was saved, be it that nothing was said of it */

#endif
