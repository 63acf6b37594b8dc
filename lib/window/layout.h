/* layout.h - what is computed for each group, and how it lies in memory.
 *
 * A *column* is what comes out: `count`, `revenue_sum`, `x=p95(f)`. A *slot* is what must be kept for it: a sum, a sketch.
 * Columns share slots: p50(f), p95(f) and p99(f) read one sketch, avg(f) and sum(f) one sum. A *state* is one group's
 * slots side by side, `size` bytes, and all zeros is the empty one; so a group costs one piece of memory, and a layout may
 * grow while states exist (new slots stand behind the old ones, a state too short is lengthened with zeros).
 *
 * Every slot merges: the state of a stream is that of its parts, whatever the order. That holds to the last bit for all but
 * topk beyond its bound, and it is why hopping windows, sessions that grow together, rows from other machines and windows
 * read back after a restart are all the same operation.
 *
 * The parts of "states" in a metric row, each a text beginning with its kind; a field's one part stands alone, several in an array:
 *
 *      sum1:N;SUM          N numbers and their sum, without loss ("995e-1" is 99.5)
 *      sq1:N;SUM           the same of their squares
 *      dd1: hll1: ss1:     percentiles, distinct, topk: sketch/quantile.c, distinct.c, topk.c
 *      fst1:T;A;JSON       the first value, its time in ms, its place of arrival among rows of that time; lst1: the last
 *      n1:N                rows, where a rate is wanted and no count column says it (under the key "")
 *      span1:T;T           time of the first and the last row, for a rate or a session (under the key "")
 *      as1:p95(f)          what a column of this name is, when the name alone does not tell
 */
#ifndef WINDOW_LAYOUT_H
#define WINDOW_LAYOUT_H

#include "json/json.h"
#include "json/project.h"
#include "window/number.h"

#define LAYOUT_MOST 1000                        /* columns */

struct layout;

struct layout *layout_new(struct str metric);
void layout_free(struct layout *);
struct str layout_metric(const struct layout *);
size_t layout_size(const struct layout *);      /* bytes of a state: grows with layout_parse and layout_learn */
int layout_columns(const struct layout *);
int layout_checks(const struct layout *);       /* 1: rows are to be checked whole first, their values are printed as they stand */

/* Add the columns of a list as -a takes it: "count,sum(f),x=p95(f)". 0 or ERR_USAGE. */
int layout_parse(struct layout *, struct str list, struct err *);

/* Let the projection take the fields that the slots need. */
int layout_bind(struct layout *, struct project *, struct err *);

/* Let "states" say the time of the first and the last row, whether or not a rate is wanted: sessions are merged by it. */
void layout_tell_span(struct layout *);
/* Those times of a metric row, when its states say them. 1 or 0. */
int layout_row_span(struct layout *, struct json row, int64_t *first, int64_t *last);

/* Add the columns that a metric row has: by its field names and "states". How many fields could not be understood; the
 * first of them is in *which. */
int layout_learn(struct layout *, struct json row, struct str *which);

/* One event row: `values` of the bound projection. seq: its place of arrival. */
void layout_add(struct layout *, void *state, const struct json *values, int64_t time, int64_t seq);

/* The same in two steps, so that the first may be done by any thread, for any row: what a value is worth, and adding it.
 * A layout_eye is a copy of what that takes of a layout; it stays good while the layout has the same number of fields. */
struct layout_eye {
	int n;
	struct layout_eye_field { int at; uint8_t numeric, hashed; } *field;
};
struct layout_cell {            /* one field's value in one row: as the text has it, and as what is `known` of it */
	const char *p;
	uint32_t n;
	uint8_t type, escaped, known;
	int8_t exp;
	int64_t value;          /* a number's digits, or a hash */
};
struct layout_eye layout_eye(const struct layout *);
void layout_eye_release(struct layout_eye *);
void layout_look(const struct layout_eye *, const struct json *values, struct layout_cell *);   /* eye.n cells */
int  layout_fields(const struct layout *);
void layout_add_cells(struct layout *, void *state, const struct layout_cell *, int64_t time, int64_t seq);

/* One metric row, merged field by field. 0, or 1 when a column cannot be known from it (no "states"): its name in *which. */
int layout_take(struct layout *, void *state, struct json row, int64_t time, int64_t seq, struct str *which);
int layout_rows_wrong(struct layout *, struct json row);        /* 1: its "count" is no number of rows */

void layout_merge(const struct layout *, void *state, const void *from);
void layout_release(const struct layout *, void *state);        /* what the state points at; it is empty afterwards */

/* Append `,"count":42,…` and, with `states`, `,"states":{…}` where there is something to tell. seconds: the window's
 * length, 0 when it is as long as its rows say. */
void layout_put(struct layout *, const void *state, double seconds, int states, struct buf *);

/* Each column that is a number: name, value, and, of percentiles and distinct counts, the sketch's text (p NULL without). */
int layout_each(struct layout *, const void *state, double seconds,
    int (*each)(void *, struct str name, double value, struct str text, struct err *), void *, struct err *);

/* All slots as a JSON array of texts, and back: for windows that are kept over a restart. The layouts must be of the same
 * columns. 0 or -1. */
void layout_save(const struct layout *, const void *state, struct buf *);
int  layout_load(const struct layout *, void *state, struct json saved);

/* One column, and back, whatever stands in its name: the name, what it is ("p95(f)"), and whether the name is the user's and not ours.
 * 0 or ERR_USAGE. */
struct str layout_column(const struct layout *, int, struct buf *call, int *named);
int layout_add_column(struct layout *, struct str name, struct str call, int named, struct err *);

#endif
