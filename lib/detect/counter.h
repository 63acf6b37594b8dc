/* counter.h - is a series a counter, that only rises until it begins anew? Then it is watched by its increments.
 *
 * As Prometheus' increase() has it (prometheus.io, Querying: functions), a value below the one before is a reset, and what was counted since is at
 * least the value itself:
 *
 *      value       100  130  155   20   45           increment        -   30   25  ≥20   25
 *
 * A counter is one by its name (OpenMetrics 1.0: counters end in _total), or shows it: it never fell but for resets - to less than half, and to
 * no more than a few increments above 0 -, rose in most steps, and did so for 32 values with a reset among them, or for two days without any.
 * A disk that fills for a day is none. One by its name that falls all the time is none, whatever it is called; one that showed it is none as
 * soon as it falls in another way, and neither is what is negative.
 *
 * Where rows are missing the increment is of a longer time, and is seen as so many usual ones, each of the mean.
 */
#ifndef DETECT_COUNTER_H
#define DETECT_COUNTER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum counter_kind { COUNTER_UNSURE, COUNTER_BY_NAME, COUNTER_BY_SHAPE, COUNTER_NOT };

/* 64 bytes; all zero is one that nothing came of. */
struct counter {
	double   last, largest;         /* the last value; the largest increment of one step */
	int64_t  born_ms, time_ms, step_ms;     /* times of the first value and the last; what usually lies between two */
	uint32_t steps, rises, falls;
	uint8_t  kind;                  /* enum counter_kind */
	uint8_t  began;                 /* a value came */
	uint8_t  other;                 /* so many steps in a row were shorter or longer than step_ms */
};

/* What is to be judged of a value. */
enum counted_as { COUNTED_VALUE, COUNTED_INCREMENT, COUNTED_AT_LEAST, COUNTED_UNKNOWN };
struct counted {
	enum counted_as as;             /* the value as it is; its increment; the same, but it may have been more; nothing can be told */
	int    is_other;                /* from here on another thing is judged: what was learned is of no use */
	double judged;                  /* the value, or the increment of one usual step */
	double base, times;             /* value = base + judged * times */
};

/* Is it one by the name of its metric or field? */
int counter_name(struct str name);

/* Take the next value, at that time; is_named: the first one decides by it. */
void counter_push(struct counter *, int is_named, int64_t time_ms, double value, struct counted *);

/* All it knows as bytes and back, as of a model (model.h). */
void counter_put(const struct counter *, struct buf *);
int counter_read(struct counter *, struct str *bytes, struct err *);

#endif
