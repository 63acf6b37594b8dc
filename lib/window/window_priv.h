/* window_priv.h - what the files of this room share: the groups and how they are printed. */
#ifndef WINDOW_WINDOW_PRIV_H
#define WINDOW_WINDOW_PRIV_H

#include "base/arena.h"
#include "expr/expr.h"
#include "json/project.h"
#include "window/aggregate.h"
#include "window/window.h"

enum { FROM_EVENTS, FROM_METRICS, SOURCES };    /* groups of event rows, and of metric rows that are merged */

/* One group of one pane or session. The key of events: for each field of -b its length (4 bytes, NO_LABEL for null) and
 * text; that of metric rows: length and text of the metric's name, then the labels as JSON. */
#define NO_LABEL UINT32_MAX
struct group {
	uint64_t hash;
	uint32_t key_len;
	uint16_t slots;         /* states there is room for */
	uint16_t outputs;       /* FROM_METRICS: entries of `has` */
	uint8_t source;         /* FROM_EVENTS or FROM_METRICS */
	int64_t first, last;    /* least and greatest time of its rows */
	union aggregate_state *state;
	uint8_t *has;           /* FROM_METRICS: the outputs that its rows had; events' groups have all */
	char *key;
};

struct groups {
	struct group **slot;
	size_t n, cap;
};

struct pane {
	int64_t start;          /* in the window's own time, see window.c */
	int64_t first, last;    /* least and greatest time of its rows */
	uint64_t rows;
	struct groups groups[SOURCES];
	struct arena *arena;    /* of groups, keys and states */
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

struct window {
	struct window_spec spec;
	struct span span;
	struct str by[BY_MOST];
	int n_by, by_index[BY_MOST];
	struct aggregates events, metrics;      /* what is asked for; what metric rows turned out to have */
	struct project *project;
	struct json *value;                     /* of the projection */
	int at_time, at_event, at_metric;       /* its indexes */
	struct number *number;                  /* of each value that is wanted as one, read once a row */
	uint8_t *is_number;
	int numeric[PROJECT_MOST], n_numeric;   /* which values those are */
	struct expr *where;
	int where_bound;                        /* the filter reads the projection's values */

	struct pane **pane;                     /* open ones by start */
	int panes, panes_cap;
	struct pane *recent;
	int64_t greatest;                       /* time seen; TIME_NONE before the first row */
	int64_t due;                            /* greatest time at which something may come out; INT64_MAX: nothing open */
	int64_t emitted;                        /* start of the last window that came out, own time; INT64_MIN: none */
	int64_t next_update;                    /* time at which open windows are shown next */
	struct session_table *sessions;
	struct window_counts counts;
	int64_t row_at_ns;                      /* when the last row came, by the steady clock */
	int is_live;                            /* the newest row was within a minute of now when it came */
	int unmergeable;                        /* told once */
	int saving, saved;                      /* a transaction of the store is open; samples in it */
	struct buf key, scratch;
};

/* ---- groups.c */
struct group *window_groups_get(const struct window *, struct groups *, struct arena *, int source, struct str key, uint64_t hash);
/* States for all slots there are by now; from the arena, or the heap where that is NULL. */
void window_group_room(const struct window *, struct group *, struct arena *);
void window_group_clear(const struct window *, struct group *);         /* frees what its states hold */
void window_groups_release(const struct window *, struct groups *);
const struct aggregates *window_aggregates(const struct window *, int source);
void window_group_merge(const struct window *, struct group *to, const struct group *from);

/* ---- emit.c */
struct emission { struct group **group; int64_t *start; size_t n, cap; };
void window_emission_add(struct emission *, struct group *, int64_t start_utc);
/* Sort by start and labels, print, save. seconds: length of the windows, < 0 for each group's own span. */
int window_emit(struct window *, struct emission *, double seconds, int partial, struct err *);
int window_emit_commit(struct window *, struct err *);  /* what was saved becomes durable */

/* ---- rollup.c: one metric row into groups */
int window_metric_row(struct window *, struct str row, struct err *);

/* ---- window.c */
/* The group for the key at that time, in its pane or session; NULL when the row is late. */
struct group *window_place(struct window *, int source, struct str key, int64_t time);
int window_advance(struct window *, int64_t time, struct err *);        /* a row of that time was counted */
int64_t window_utc(const struct window *, int64_t own);                 /* own time to UTC */
struct pane *window_pane(struct window *, int64_t start);

/* ---- session.c */
struct session_table *window_sessions_new(void);
void window_sessions_free(const struct window *, struct session_table *);
/* The open session that the time belongs to, made or grown by it; two that it joins become one. NULL: late. */
struct group *window_session_place(struct window *, int source, struct str key, uint64_t hash, int64_t time);
int window_sessions_close(struct window *, int64_t greatest, struct err *);     /* what ended before comes out; sets win->due */
int window_sessions_show(struct window *, struct err *);                        /* all as partial */
void window_sessions_each(const struct window *, void (*each)(void *, struct group *), void *);

#endif
