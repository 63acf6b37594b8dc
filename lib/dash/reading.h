/* reading.h - what a widget shows: answers of data.h, and the same read as a number, as curves over time, as shares, as a grid.
 *
 *      widget ──► statements ──► table (exact cells: what JSON, CSV and the tables beside pictures have)
 *                                 └──► now, before · curve … · share … · grid        (what is drawn)
 *
 * Of a `query` a chart takes what looks like it: as the time the first column whose values are times, as numbers the columns that have
 * numbers, as the label the first other column. The statement may use :from, :to and :every
 * (the interval, or one that cuts the range into about 100).
 */
#ifndef DASH_READING_H
#define DASH_READING_H

#include "base/zone.h"
#include "dash/data.h"
#include "dash/definition.h"

#define READING_RANGE  "24h"             /* where a widget names none */
#define READING_CURVES 8                 /* of a chart: the largest; the others are counted */
#define READING_SHARES 1000
enum { READING_NOTE = 1, READING_ANOMALY = 2 };

/* When, and which part. */
struct period {
	int64_t at;                     /* where ranges that count back end, not included */
	struct str range;               /* instead of each widget's own; p NULL */
	struct str filter;              /* only rows, curves and shares in which this text stands, in any case; p NULL */
	const struct zone *zone;
};

struct curve { struct str label; double *value; double total; };        /* a value for each time; NAN where there is none */
struct ahead { int64_t time; double mean, lower, upper; };
struct share { struct str label; double value; };
struct grid  { struct str *row, *column, *side; double *value; int rows, columns; };    /* side: said at the row's end; NAN: nothing there */

struct reading {
	struct err err;                 /* why there are none; code 0 */
	int64_t from, to, every_ms;     /* every_ms: of the curves; 0 where that is the query's business */
	int64_t span_ms;                /* what its times stretch over: the range, or, of a query that asks for none, what it gave */
	struct answer table;
	double now, before, low, high;  /* a number, that of the period before, the ends of a gauge; NAN: there is none */
	int64_t *time;                  /* of the curves, rising */
	char *mark;                     /* READING_ANOMALY where one was found, READING_NOTE where an annotation stands */
	int times;
	struct curve *curve;
	int curves, left_out;           /* further ones, or rows, that are not shown */
	struct ahead *ahead;            /* how its one curve may go on, behind its times or from the last one on, which still runs */
	int aheads;
	struct share *share;
	int shares, over_time;          /* over_time: they are buckets of time */
	struct grid grid;
	struct arena *arena;            /* holds all of it */
};

void reading_init(struct reading *);
void reading_release(struct reading *);

/* Ask for what the widget shows. 0, or < 0 with its err; what is wrong with one widget is no matter of the others. */
int reading_get(struct reading *, struct data *, const struct definition *, const struct widget *, const struct period *);

/* The instants of a range, as the API reads it (period.h): "7d", "yesterday", "2026-11-01/2026-11-08". 0 or ERR_USAGE. */
int reading_range(struct str range, const struct period *, int64_t *from, int64_t *to, struct err *);

/* A span for about 100 points: 1s, 5s, … 7d. */
int64_t reading_every(int64_t span_ms);

/* Values as text: 1,234,567 · 0.0421 · 12 min 34 s of a unit of ms · the time of a bucket, as long as the span and the step make it. */
void reading_put_number(struct buf *, double);
void reading_put_value(struct buf *, double, const struct widget *);   /* with the widget's unit and decimals: 12.3 %, €1,234.50, 1.2 MiB */
/* The same where there is little room, at a scale that goes to `most` and whose marks are `step` apart (0: it stands alone): 12.5k, 40 %, 2 GiB.
 * A unit of more letters than READING_UNIT has to stand elsewhere. */
void reading_put_mark(struct buf *, double, double step, double most, const struct widget *);
#define READING_UNIT 6
void reading_put_now(struct buf *, const struct reading *, const struct widget *);     /* a card's value: the number, else the text that its query gave */
void reading_put_change(struct buf *, const struct reading *);  /* of now against before, which is not 0: +12.3% */
int reading_level(const struct widget *, double);               /* LEVEL_NONE, … by its thresholds */
void reading_put_time(struct buf *, int64_t ms, int64_t span_ms, int64_t every_ms, const struct zone *);
void reading_put_cell(struct buf *, const struct cell *, const struct zone *);   /* as people read it: numbers as above, times of the zone */
struct str reading_range_of(const struct widget *, const struct period *);      /* the text of the range it is asked for */
/* The same for a heading: 7d as it is, two instants as 11-01..11-08 or 11-01 14:00..15:30. */
int reading_holds(struct str text, struct str what);     /* it stands in it, in any case of its letters */
int reading_is_of_range(const struct widget *);         /* 0: its own query does not ask for one */
void reading_put_range(struct buf *, const struct reading *, const struct widget *, const struct period *);
/* Of curves that stand one on the other the ends of each one's part, for their n values at some time; those below nothing hang one below the other. */
int reading_is_stacked(const struct reading *, const struct widget *);
void reading_stack(const double *value, int n, double *from, double *to);
/* Where several times share a place: of each curve the value that is farthest from nothing, so that no peak is lost; of a stack those of the time
 * at which it is highest. NAN: none there. value: READING_CURVES of them. */
void reading_farthest(const struct reading *, const struct widget *, int from, int to, double *value);
/* The least step between its times; 1 where there is one time only. */
int64_t reading_step(const struct reading *);
/* The last time of what is drawn: of its curves, or of what lies ahead. */
int64_t reading_end(const struct reading *);
/* The ends of its curves' scale, four round steps apart: from nothing where they are filled, and unless that would flatten them. */
void reading_scale(const struct reading *, const struct widget *, double *low, double *high);
void reading_round(const struct widget *, double *low, double *high);  /* the same of ends that are known, low < high */
void reading_put_prose(struct buf *, struct str);       /* a text widget's: its **strong**, `code` and [links](…) as words */
void reading_put_labels(struct buf *, struct str object);        /* of a JSON object: source=google country=DE */

#endif
