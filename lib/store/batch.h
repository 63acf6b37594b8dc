/* batch.h - events by columns: for those who count instead of reading row by row.
 *
 *      store_batches_open ──► the list of chunks and the tail, as the store was then; shared by all threads
 *      store_batch_open   ──► one reader a thread
 *      store_batch_next   ──► the next batch that nobody has taken yet: rows of one chunk, or of the tail
 *      store_batch_column ──► one column of it, decoded when it is asked for and not before
 *
 * So a filter that leaves no row costs the columns of the filter, and a chunk whose header says that it can bring nothing costs
 * its header. Within a batch rows lie in order of (time, seq); batches come in no order. Text lies as codes into the values that
 * occur in the batch, so that what depends on one text is computed once for each value and not for each row.
 */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "json/cell.h"
#include "store/pack.h"
#include "store/store.h"

#define STORE_BATCH_FIELDS 256          /* fields of one store_batches at most */

enum store_field_of { FIELD_EVENT, FIELD_TIME, FIELD_SEQ, FIELD_RECEIVED, FIELD_ID, FIELD_USER, FIELD_SESSION,
    FIELD_PROPERTIES,                   /* the whole object, as its JSON text */
    FIELD_PROPERTY,                     /* one key of it, `name`, taken literally: what SQL has as a column */
    FIELD_INSIDE,                       /* a.b: what is called b in the value of the key a, be that an object or a text of one */
    FIELD_REACH,                        /* `name` as options have it: such a key, else a.b into nested objects */
    FIELD_OF_METRIC, FIELD_VALUE };     /* of samples; beside them TIME, and EVENT is the metric, PROPERTIES the labels, PROPERTY one of them */
struct store_field { enum store_field_of of; struct str name; };

/* A column of a batch. Row i of it, 0 <= i < n:
 *      COLUMN_NULL      every row is NULL
 *      COLUMN_INTEGER   integer[i] where bit i of `valid` is set, else NULL (valid NULL: every row has a value). TIME, SEQ and RECEIVED are
 *                       always this: ms since 1970, number
 *                       `instant`: ms whose value to SQL is their canonical text; for who computes with it, the store leaves it 0
 *      COLUMN_REAL      real[i] likewise. `whole`: a value without a fraction is an INTEGER to SQL (it was written 12, not 12.0), but where
 *                       bit i of `point` is set; for who computes with it, the store leaves that NULL: none
 *      COLUMN_CODES     value[code[i]]; value[0] is NULL. Codes may occur whose value equals another's, and values that no row has
 *                       `unique`: none is equal to another, to SQL; for who numbers values, the store leaves it 0
 * Arrays are borrowed from the reader until its next store_batch_next. */
enum column_form { COLUMN_NULL, COLUMN_INTEGER, COLUMN_REAL, COLUMN_CODES };
struct column {
	enum column_form form;
	int whole, instant, unique;
	const uint64_t *valid, *point;
	const int64_t *integer;
	const double *real;
	const uint32_t *code;
	const struct cell *value;
	uint32_t n_values;              /* with value[0] */
};

struct store_batches;                   /* shared; opening and closing are for one thread */
struct store_batches *store_batches_open(struct store *, const struct store_range *, const struct store_field *, int n_fields, struct err *);

/* The same of stored samples. Batches have the samples of one series after the other, each in order of time. */
struct store_batches *store_batches_open_samples(struct store *, const struct store_match *, const struct store_field *, int n_fields, struct err *);
void store_batches_close(struct store_batches *);       /* after all its readers; NULL is fine */
int64_t store_batches_rows(const struct store_batches *);       /* at most so many rows will come */

/* A time from which on there are at least n rows (in the range), by where its chunks begin; TIME_MIN: not known, or there are fewer. */
int64_t store_batches_last(const struct store_batches *, int64_t n);

int store_batches_more(const struct store_batches *);          /* may store_batch_next give another batch? Asked by any thread */

/* Do the batches lie one behind the other in time, with no time that two of them have? Then rows in the order of the batches' times are in
 * order of (time, seq). Of samples: no. */
int store_batches_apart(const struct store_batches *);

/* What was left out and what was read, for EXPLAIN and for the row count of a query. */
struct store_batches_read { int64_t chunks, chunks_skipped, rows, columns; };
void store_batches_read(const struct store_batches *, struct store_batches_read *);

struct store_batch {                    /* a reader, and the batch at hand */
	size_t n;                       /* rows: all in the range of time, but of any name or user (range.names, range.user_id only skip whole chunks) */
	int64_t min_time, max_time;     /* of its rows; known without a column */
	uint64_t id;                    /* of the chunk; 0: the tail */
	/* Where the whole chunk lies in the range: its names with their counts, without a column. NULL: not known. */
	const struct store_batch_name { struct str name; int64_t count; } *names;
	size_t n_names;
};
struct store_batch *store_batch_open(struct store_batches *, struct err *);
void store_batch_close(struct store_batch *);

/* 1 a batch of at least one row, 0 no more, < 0. After ERR_CORRUPT the damaged chunk is passed over: calling again goes on. */
int store_batch_next(struct store_batch *, struct err *);

/* Row i of the batch whole, as a scan gives it (borrowed until the next): for who wants few of them, in order. 0 or < 0. */
int store_batch_row(struct store_batch *, size_t i, struct event *, struct err *);

/* Column `field` (its index in the fields given to store_batches_open). 0 or < 0. Asking again costs nothing. */
int store_batch_column(struct store_batch *, int field, struct column *, struct err *);

/* The same of a property where it costs no more than its values: 1; 0: it is an object or a list in this chunk, which would be put together row by
 * row. For who looks for values that can be named, and not for all there is. Borrowed until the next call of it. < 0. */
int store_batch_values(struct store_batch *, int field, struct column *, struct err *);

/* Of n times in order the first that is not before t; n when all are. */
size_t store_first_not_before(const int64_t *time, size_t n, int64_t t);

/* The same for some rows only, row[0] < row[1] < … and few of the batch's: then little more is decoded than they need. The others
 * mean nothing. Each call gives arrays of its own, of the room: */
struct store_batch_room { struct arena *arena; uint32_t *code; int64_t *integer; };     /* arrays for all rows of the batch */
int store_batch_some(struct store_batch *, int field, const uint32_t *row, size_t many, const struct store_batch_room *, struct column *, struct err *);

/* The rows whose field (an id, a user or a session) is that text, when that is known without the column. 1; 0 ask for the column; < 0. */
int store_batch_rows_with(struct store_batch *, int field, struct str text, uint32_t *row, size_t *many, struct err *);

/* What a chunk says of a property without its values: which kinds there are and between what the numbers lie, rounded to doubles. 1; 0
 * not known; < 0. */
enum { STORE_BOUNDS_NUMBERS = 1, STORE_BOUNDS_TEXTS = 2, STORE_BOUNDS_BOOLEANS = 4, STORE_BOUNDS_NESTED = 8 };
struct store_bounds { unsigned kinds; double least, greatest; };        /* kinds 0: every row is NULL */
int store_batch_bounds(struct store_batch *, int field, struct store_bounds *, struct err *);
void store_batch_pass(struct store_batch *);    /* nothing of it is read: it counts as skipped */

/* ---- what was made of a chunk, kept beside it
 *
 * A chunk never changes, so a state that depends on nothing but its rows stays true for as long as it is there; and it lies among
 * the chunk's own blocks, so that whatever removes the chunk (merging, retention, erasure) removes it. Late events lie in other
 * chunks. What a state is of has a name of 16 bytes (a hash); a tenant remembers STORE_KEPT_MOST of them, and for one more the oldest
 * is forgotten. A state that is not there, damaged or forgotten is only made again. */
#define STORE_KEPT_MOST  256
#define STORE_KEPT_NAME  16
#define STORE_KEPT_BYTES (4u << 20)     /* of one state, at most */

/* The number under which states of that name lie; -1: there are none. For store_kept_get, until the store has changed. */
int store_kept_find(struct store *, const unsigned char name[STORE_KEPT_NAME]);
int store_kept_get(struct store *, int number, const unsigned char name[STORE_KEPT_NAME], uint64_t chunk, struct pack *, struct buf *state);     /* 1, 0 none */

/* Keep some, of chunks as they were read. Nothing is written while somebody else writes, where the file may not be written, or for
 * chunks that have gone since: then they are made again another time. How many were kept, or < 0 when writing failed. */
struct store_kept { uint64_t chunk; struct str state; };
int store_kept_put(struct store *, const unsigned char name[STORE_KEPT_NAME], const struct store_kept *, size_t n, struct err *);

#endif
