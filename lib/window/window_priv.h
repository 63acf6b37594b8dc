/* window_priv.h - what the files of this room share: the groups and how they are printed. */
#ifndef WINDOW_WINDOW_PRIV_H
#define WINDOW_WINDOW_PRIV_H

#include "base/map.h"
#include "event/event.h"
#include "expr/expr.h"
#include "formats/formats.h"
#include "json/project.h"
#include "window/layout.h"
#include "window/window.h"

/* One group of one pane, or one session. The key is the labels as JSON text: with -b the values alone, `"google",null`,
 * else the whole object, `{"source":"google"}`; so the byte order of keys is that of the labels as they are printed. Behind
 * them stands, after a 0, the metric's name where it is not the one of -M. */
struct group {
	uint64_t hash;
	struct layout *layout;
	void *state;            /* `size` bytes: NULL or shorter than the layout's until window_group_state */
	size_t size;
	int64_t first, last;    /* least and greatest time of its rows */
	char *key;              /* own copy */
	uint32_t key_len, labels_len;
};

struct groups {
	struct group **slot;
	size_t n, cap;
};

struct pane {
	int64_t start;          /* in the window's own time, see window.c */
	int64_t first, last;    /* least and greatest time of its rows */
	uint64_t rows;
	struct groups groups;
	int summed;             /* a block of sums.c may hold it */
};

enum span_kind { SPAN_TIME, SPAN_SESSION, SPAN_COUNT, SPAN_ALL };

struct span {
	enum span_kind kind;
	int64_t size_ms, slide_ms, pane_ms;     /* SESSION: size is the gap */
	uint64_t rows;                          /* COUNT */
	char label[64];                         /* as rows say it: "1m", "5m/1m" */
};
int window_span_parse(struct span *, struct str text, struct err *);

#define BY_MOST 32

/* What is read of every row, and where it stands among the values of the projection. */
struct window_fields {
	struct str by[BY_MOST];
	int n_by, by_index[BY_MOST];
	int at_time, at_event, at_metric;
	struct expr *where;
	int where_bound;                        /* the filter reads the projection's values */
};
void window_fields_release(struct window_fields *);

/* The labels of metric rows, where they are kept as they are: rollup.c */
struct window_labels {
	struct map order;               /* names sorted -> the same in the order in which they come out */
	struct buf last;                /* the names that came out last, in that order */
	struct buf own, names, sorted, scratch;
	struct window_label { struct json name, value; } *member;
	size_t n, cap;
};

struct window {
	struct window_spec spec;
	struct span span;
	struct window_fields fields;
	struct layout **layout;                 /* one a metric; the first is that of event rows */
	int layouts;
	int learns;                             /* no -a: metric rows say what there is to compute */
	int counts_events;                      /* the first event row was seen, so there is a count */
	struct project *project;
	struct json *value;                     /* of the projection */

	struct pane **pane;                     /* open ones by start; they lie in panes_all, the older ones given up before them */
	struct pane **panes_all;
	int panes, panes_cap;
	struct pane *recent;
	int64_t greatest;                       /* time seen; TIME_NONE before the first row */
	int64_t stray;                          /* a time far ahead of it, seen once; TIME_NONE: none */
	int alone;                              /* only one row was seen: its own time may be the wild one */
	int64_t due;                            /* greatest time at which something may come out; INT64_MAX: nothing open */
	int64_t emitted;                        /* start of the last window that came out, own time; INT64_MIN: none */
	int64_t next_update;                    /* time at which open windows are shown next */
	struct session_table *sessions;
	struct sums *sums;                      /* NULL: windows of few panes, or none */
	int whole;                              /* rows of these very windows, which overlap, are merged: each pane is one window of its own */
	struct window_counts counts;
	int64_t arrived;                        /* rows counted, also in runs before: orders what has the same time */
	int64_t silent_ns, silent_wall;         /* when input fell silent: the steady clock and the wall's */
	int is_live;                            /* the newest row was within a minute of now then; -1: rows came since */
	int64_t metric_ms;                      /* length of the windows that metric rows came from: they are that much behind */
	int told_unknown, told_unmergeable, told_endless;       /* said once */
	int holds;                              /* metric rows of the past came: windows wait for the end of input */
	uint64_t held;                          /* groups made meanwhile */
	int64_t live_ns;                        /* since when the metric rows that come are live; 0: the last was not */
	int saving, saved;                      /* a transaction of the store is open; samples in it */
	uint64_t kept_rows, kept_out;           /* the counts when open windows were kept last */
	int64_t keep_ns;                        /* when they are kept next, steady clock */
	int keep_dear;                          /* that takes so long that it is not done each time something came out */
	struct window_labels labels;
	struct buf key, scratch;
};

/* ---- groups.c */
struct group *window_groups_get(struct groups *, struct str key, uint64_t hash, size_t labels_len, struct layout *);
void window_groups_release(struct groups *);
void window_group_init(struct group *, struct str key, uint64_t hash, size_t labels_len, struct layout *);
void *window_group_state(struct group *);               /* as long as the layout wants it by now */
void window_group_release(struct group *);              /* all but the struct */
void window_group_merge(struct group *to, struct group *from);

/* ---- emit.c */
#define WINDOW_SAVED_MOST 8192          /* samples of one transaction, when windows come out faster than input waits */
struct emission { struct group **group; int64_t *start; size_t n, cap; };
void window_emission_add(struct emission *, struct group *, int64_t start_utc);
/* Sort by start and labels, print, save. seconds: length of the windows, 0 for each group's own span. */
int window_emit(struct window *, struct emission *, double seconds, int partial, struct err *);
int window_emit_commit(struct window *, struct err *);  /* what was saved becomes durable; between two rows, open windows with it */

/* ---- rollup.c: one metric row into groups */
int window_metric_row(struct window *, struct str row, struct err *);
struct layout *window_layout(struct window *, struct str metric);
/* Append the labels of a row as one text for each series: texts written in one way, and the names in the order in which they came first. */
int window_labels_put(struct window_labels *, struct json labels, struct buf *, struct err *);
void window_labels_release(struct window_labels *);

/* ---- window.c */
/* The group for the key at that time, in its pane or in the session that reaches to `last`; NULL when the row is late. */
struct group *window_place(struct window *, struct str key, uint64_t hash, size_t labels_len, struct layout *, int64_t time, int64_t last);
int window_hold(struct window *, int64_t time, struct err *);           /* a metric row of that time is coming: wait or go on */
/* The fields that a window reads: the same calls give the same indexes in every projection. */
int window_project(const struct window_spec *, struct window_fields *, struct project *, struct err *);
/* The key of a group by these fields of a row, in its own bytes or in `room`, where it is appended. */
int window_key(const struct window_fields *, const struct json *value, struct buf *room, struct str *key, struct err *);
/* An event row is counted: key's bytes are good for a group that has rows, else looked at. add() puts its values into the state. */
int window_count_event(struct window *, struct str key, uint64_t hash, int64_t time,
    void (*add)(const void *of, struct layout *, void *state, int64_t time, int64_t seq), const void *of, struct err *);
void window_first_event(struct window *);               /* before it: there is a count */
void window_put_late(struct window *, struct str row);
int window_has(const struct window *, int64_t utc);     /* does one of the windows begin then? */
/* Does one of the windows of that size begin then, when they are laid side by side? */
int window_begins(const struct window *, int64_t utc, int64_t size_ms, int64_t slide_ms);
int window_advance(struct window *, int64_t time, struct err *);        /* a row of that time was counted */
int window_row_time(struct window *, struct str row, int64_t *time, struct err *);
int window_put_label(struct buf *key, struct json v, struct err *);     /* a value as a label of a key */
int window_keep_in_time(struct window *, struct err *); /* between two rows: window_keep when its time has come */
int window_bind(struct window *, struct err *);                         /* after layouts grew */
struct pane *window_pane(struct window *, int64_t start);
int window_pane_index(const struct window *, int64_t start);    /* the first pane that does not begin before it (own time) */

/* ---- look.c: the same for lines of a format, whose `state` has read records and outlives the reader */
struct window_reader *window_reader_of(struct window *, const struct format *, void *state);
/* From a line that window_count said to the end of its block, and the bytes of that line with its end. */
struct str window_count_rest(const struct window_batch *, struct str line);
size_t window_line_bytes(struct str rest);

/* ---- records.c: rows made of records */
struct window_maker {
	const struct format *format;    /* NULL: lines are rows */
	void *state;                    /* its own, or NULL */
	struct event_reader event;
	struct buf row;
};
void window_maker_now(struct window_maker *);           /* what comes from here on came now */
/* The row of a record, borrowed until the next, and its time. ERR_INPUT. */
int window_make_row(struct window_maker *, const struct record *, struct str *row, int64_t *time, struct err *);
void window_maker_release(struct window_maker *);

/* ---- sums.c: panes merged ahead */
struct sums *window_sums_new(const struct span *);              /* NULL where it does not pay */
void window_sums_free(struct sums *);
void window_sums_merge(struct window *, int64_t from, int64_t to, struct groups *into);        /* the panes of that (own) time */
void window_sums_spoil(struct window *, int64_t start);         /* the pane that begins then changes */
void window_sums_drop(struct window *, int64_t before);         /* panes before it are gone */

/* ---- session.c */
struct session_table *window_sessions_new(void);
void window_sessions_free(struct session_table *);
/* The open session that the time from `first` to `last` belongs to, made or grown by it; two that it joins become one.
 * NULL: late. */
struct group *window_session_place(struct window *, struct str key, uint64_t hash, size_t labels_len, struct layout *,
    int64_t first, int64_t last);
struct group *window_session_put(struct window *, struct str key, uint64_t hash, size_t labels_len, struct layout *, int64_t first, int64_t last);
int window_sessions_close(struct window *, int64_t greatest, struct err *);     /* what ended before comes out; sets win->due */
int window_sessions_show(struct window *, struct err *);                        /* all as partial */
void window_sessions_each(const struct window *, void (*each)(void *, struct group *), void *);

#endif
