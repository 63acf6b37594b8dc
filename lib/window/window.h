/* window.h - rows into groups over windows of time: event time, watermark, each window out once.
 *
 *      rows ─► [ time ] ─► pane ─► group ─► slots            a pane is the greatest common part of the windows:
 *                │                                           of 1m windows 1m, of 5m/1m ones 1m, merged by fives; where
 *                │                                           windows overlap much, panes are merged ahead (sums.c)
 *                └─ greatest time seen, less the lateness = the watermark: windows that end before it come out
 *
 * A replay never looks at the clock. When input is live (its newest row within a minute of now) and falls silent, the clock
 * moves the watermark on. Metric rows may come from many machines, one after the other: in a replay their windows wait for
 * the end (hold). Rows come out by window start, then labels in byte order: the same input, the same bytes.
 * Memory is that of the open groups; with windows of 16 panes and more at most again as much for each power of eight panes.
 */
#ifndef WINDOW_WINDOW_H
#define WINDOW_WINDOW_H

#include "base/err.h"
#include "base/out.h"
#include "base/time.h"

struct store;

/* Windows that are none of the clock of UTC or of days in a zone, months or hours of local time: where the one of a time begins, and where the
 * one after that does. */
struct window_buckets { int64_t (*begin)(void *self, int64_t time), (*after)(void *self, int64_t time); void *self; };

struct window_spec {
	const char *span;       /* "1m", "5m/1m", "session:30m", "count:1000", "all" */
	const char *by;         /* "source,country"; "" for one group, NULL: and metric rows keep the labels that they have */
	const char *aggregates; /* "count,sum(revenue)"; NULL: of events their count, of metric rows all they have */
	const char *where;      /* jq; NULL: every row */
	const char *name;       /* of the metric; NULL: "events", and metric rows keep theirs */
	int64_t lateness_ms, idle_ms, updates_ms;       /* updates 0: none */
	int hold;               /* metric rows of a replay wait for its end, since they may come one machine after the other */
	int states;             /* print states too */
	const struct zone *zone;/* of whole days and weeks; NULL: UTC */
	const struct window_buckets *buckets;   /* instead of those of the span, which is 1ms then; NULL: none */
	struct out *out;        /* where rows go */
	struct out *late;       /* where late rows go as they came; NULL: they are only counted */
	struct store *save;     /* where rows are kept as metrics; NULL: nowhere */
	struct store *keep;     /* where the open windows are kept as the state of that name; NULL: nowhere. May be the same store */
	const char *state;
};
#define WINDOW_DEFAULT_FIELDS .span = "1m", .idle_ms = 5000
#define WINDOW_DEFAULTS { WINDOW_DEFAULT_FIELDS }

struct window;
struct window *window_new(const struct window_spec *, struct err *);    /* the spec's texts must last as long */
void window_free(struct window *);

/* One event or metric row. 0, ERR_INPUT when the row is wrong (reject it and go on), or another error. */
int window_row(struct window *, struct str row, struct err *);

/* The same for many rows and several threads. A reader belongs to one thread at a time; it looks at a block of lines and
 * notes in a batch what can be known of each without the rows before it; nothing of the window is touched. The block must
 * stay until the batch is counted, by one thread, batches in the order of their blocks. Readers are made before threads;
 * NULL: this window takes its rows one by one (a filter that runs in libjq). */
struct window_reader;
struct window_batch;
struct window_reader *window_reader_new(struct window *);
void window_reader_free(struct window_reader *);
struct window_batch *window_batch_new(void);
void window_batch_free(struct window_batch *);
void window_look(struct window_reader *, struct window_batch *, struct str block);
/* The lines of the batch in turn, *lines of them, up to one that is to be given to window_row (WINDOW_ODD, in *line), or
 * that failed as window_row does (< 0), or to the last (WINDOW_END). The odd and the failed one do not count in *lines. */
enum { WINDOW_ODD = 0, WINDOW_END = 1 };
int window_count(struct window *, struct window_batch *, struct str *line, long *lines, struct err *);

/* Input waits: what is due by the clock comes out. Returns ms until the next such time, -1 for never; < -1 on error. */
int window_wait(struct window *, struct err *);

/* The end: everything open comes out. 0 or < 0. */
int window_finish(struct window *, struct err *);

/* Open windows as text instead, and back: what was counted goes on after a restart, what came out does not come again.
 * Reading fails with ERR_USAGE when the text was written with another -w, -b, -a, -W or -M. */
void window_save(const struct window *, struct buf *);
int window_load(struct window *, struct str text, struct err *);

/* Put them into spec.keep, in one transaction with the metrics that came out and are not stored yet. What came out on `out` is
 * written before. Rows and waits do so by themselves: when something came out and input waits, and else a second after the
 * last time or, where it takes long, so that it costs a twentieth of the time. 0 or < 0. */
int window_keep(struct window *, struct err *);

struct window_counts { uint64_t rows, late, out; };
struct window_counts window_counts(const struct window *);

#endif
