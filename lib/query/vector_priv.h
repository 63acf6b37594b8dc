/* vector_priv.h - what the files of the executor share: a worker, the rows it looks at, values of expressions.
 *
 * The values of an expression over a batch are a `struct column` (batch.h) again, of which only the rows asked for mean something.
 * For one that was computed, value[0] of its codes need not be NULL. Its arrays live until the worker takes the next batch.
 */
#ifndef QUERY_VECTOR_PRIV_H
#define QUERY_VECTOR_PRIV_H

#include <math.h>
#include <sqlite3.h>
#include <stddef.h>

#include "base/time.h"
#include "query/functions.h"
#include "query/vector.h"

#define VECTOR_ROWS 65536               /* of a batch at most */

/* Some rows of a batch: row[0] < row[1] < … or, where row is NULL, 0 to n - 1. */
struct vector_rows { const uint32_t *row; size_t n; };

static inline size_t
vector_row(struct vector_rows rows, size_t k)
{
	return rows.row ? rows.row[k] : k;
}

static inline int
vector_valid(const uint64_t *valid, size_t i)           /* valid NULL: all are */
{
	return !valid || valid[i / 64] >> (i % 64) & 1;
}

struct vector_node;                     /* what a worker keeps for a node: its statement, its compiled pattern, its memo */
struct vector_pool { void **array, **piece; size_t n, cap, n_pieces; };  /* arrays lie in pieces of memory */

/* Where the workers of a plan get their batches: events, a table in pieces, or the rows of a join. */
struct vector_input {
	struct store_batches *events;
	const struct vector_table *table;
	struct vector_join *join;
	size_t next;                    /* row of the table, or of the join's first one, that nobody has taken yet */
};

struct vector_worker {
	struct query *q;
	const struct vector_plan *plan;
	struct vector_input *input;
	struct store_batch *batch;      /* of events */
	struct vector_probe *probe;     /* of a join */
	size_t n, from;                 /* rows of the batch at hand; where it begins in the table */
	struct vector_place { uint64_t chunk; int64_t time; uint64_t row; } place;      /* of its first row: batches are in order by it */
	const int64_t *times, *numbers; /* of its rows, where vector_states_read saw that places are wanted; else NULL */
	int64_t min_time, max_time;     /* of its rows, where known */
	struct column column[STORE_BATCH_FIELDS];       /* of the batch at hand, where loaded[field] */
	unsigned char loaded[STORE_BATCH_FIELDS];
	struct arena *arena;            /* cells and texts of this batch */
	struct vector_pool pool[3];     /* arrays of VECTOR_ROWS items of 1, 4 and 8 bytes, used again for each batch */
	sqlite3 *db;                    /* opened when SQLite is first needed */
	struct functions *functions;
	sqlite3_stmt *to_number, *if_number, *to_integer;
	struct vector_node **node;
	int n_nodes;
	struct err ignored;             /* of the progress handler */
};

int vector_worker_open(struct vector_worker *, struct query *, const struct vector_plan *, struct vector_input *, struct err *);    /* release it all the same */
void vector_worker_release(struct vector_worker *);
int vector_worker_next(struct vector_worker *, struct err *);   /* as store_batch_next: forgets what belonged to the last batch */

static inline int
vector_place_order(const struct vector_place *a, const struct vector_place *b)
{
	if (a->chunk != b->chunk)
		return a->chunk < b->chunk ? -1 : 1;
	return a->time != b->time ? (a->time < b->time ? -1 : 1) : (a->row > b->row) - (a->row < b->row);
}

/* Where a row of the batch at hand stands among all: of events by time and number. */
static inline struct vector_place
vector_place_of(const struct vector_worker *w, size_t row)
{
	return w->times ? (struct vector_place){ 0, w->times[row], (uint64_t)w->numbers[row] } : (struct vector_place){ w->place.chunk, w->place.time, row };
}

/* An array for the rows of this batch, of items of `size` bytes (1, 4, 8); not cleared. */
void *vector_array(struct vector_worker *, size_t size);

int vector_field(struct vector_worker *, int field, struct column *, struct err *);
void vector_worker_field(struct vector_worker *, int column, struct column *);   /* of a table, without a plan */
int vector_eval(struct vector_worker *, const struct vector_expr *, struct vector_rows, struct column *, struct err *);

/* Of `rows` those for which the expression is true (want 1) or false (want 0), which is not the same as not true. */
int vector_filter(struct vector_worker *, const struct vector_expr *, struct vector_rows rows, int want, struct vector_rows *, struct err *);

/* Can no row of the batch at hand pass the filter, by the bounds of what is in it? vector_bounds.c */
int vector_none_passes(struct vector_worker *, const struct vector_expr *);

/* The value of row i of a column; the text of an instant is written to `text`, or to the worker's arena. */
struct cell vector_column_cell(const struct column *, size_t i, char text[TIME_LEN]);
struct cell vector_cell(struct vector_worker *, const struct column *, size_t i);

/* SQLite's order: NULL, numbers, texts by their bytes. */
/* Of numbers that are equal one is given for all, the same whichever came first: 1 rather than 1.0, 0.0 rather than -0.0. */
static inline int
vector_stands_for(const struct cell *c, const struct cell *equal)
{
	return equal->type == CELL_REAL && (c->type == CELL_INTEGER || (c->type == CELL_REAL && signbit(equal->real) && !signbit(c->real)));
}
int vector_compare(const struct cell *, const struct cell *);

/* What SQLite takes a text for where it wants a number: `loose` its beginning ("12 apples" is 12, "x" is 0), else NULL where it is
 * not a number as a whole. */
int vector_number(struct vector_worker *, struct cell, int loose, struct cell *, struct err *);
int vector_summand(struct vector_worker *, struct cell, struct cell *, struct err *);   /* what SUM adds: a text that is no number as a whole is a real */
int vector_text(struct vector_worker *, struct cell, struct str *, struct err *);       /* of a number */

int vector_same(const struct vector_expr *, const struct vector_expr *);        /* the same tree? NULL is the same as NULL */

/* ---- vector_kernels.c */
size_t vector_rows_with(const uint32_t *code, size_t n, uint32_t one, int equal, uint32_t *row);        /* rows whose code is that one, or is not; their number */
ptrdiff_t vector_find_folded(struct str text, struct str folded);       /* where the second lies in the first, whatever the case of ASCII letters, which are small in it; -1 */

/* ---- vector_ids.c: values numbered, so that the rest counts with small integers
 *
 * Equal values (SQLite's =, so 1 and 1.0 too) have one number; 0 is NULL, others from 1 in the order they come. Hashes are seeded. */
struct vector_ids {
	int keep;                       /* the values are kept; else they are told apart by 96 bits of their hashes, and cost no text */
	struct vector_ids_slot { uint64_t hash; uint32_t more, id; } *slot;     /* id 0: free */
	size_t slots;
	uint32_t n;                     /* numbers given, with that of NULL */
	int null;                       /* there was one */
	int instant;                    /* the values are of instants */
	int exact;                      /* 1 and 1.0 are two, as are 0.0 and -0.0; with keep */
	struct cell *cell;              /* by number, where kept */
	size_t cell_cap;
	struct arena *texts;
	const struct cell *adopted;     /* the values of a column of unique codes, whose codes serve as numbers; n is theirs then */
	uint32_t foretold;              /* n when vector_ids_ahead was asked last */
	unsigned char *used;            /* once they were: the numbers that rows had, NULL's too. Else NULL: all are */
	size_t used_cap;
	size_t room;                    /* bytes that its table may become while the one before is there still … */
	int over;                       /* … and it would have to be more: no number was given since that is worth anything */
};
static inline int
vector_ids_has(const struct vector_ids *ids, uint32_t id)       /* was it given to a row? */
{
	return id ? !ids->used || ids->used[id] : ids->null;
}
void vector_ids_init(struct vector_ids *, int keep);
void vector_ids_release(struct vector_ids *);
uint32_t vector_ids_put(struct vector_ids *, const struct cell *);
uint32_t vector_ids_find(const struct vector_ids *, const struct cell *);      /* 0: it is none of them; not of ones that adopted or are exact */
void vector_ids_map(struct vector_ids *, struct vector_worker *, const struct column *, struct vector_rows, uint32_t *id);      /* id[row] */
void vector_ids_hash(struct vector_worker *, const struct column *, struct vector_rows, uint64_t *hash);        /* each row's value into its hash: equal for equal ones */
uint32_t *vector_ids_merge(struct vector_ids *, const struct vector_ids *from);         /* number of each of theirs; the caller frees */
size_t vector_ids_different(const struct vector_ids *const *, int n);   /* how many values the last has that no other has, none having `used`: merging would take memory */
size_t vector_ids_held(const struct vector_ids *);      /* bytes */
size_t vector_ids_ahead(struct vector_ids *);           /* that will be more, at times, if as many values come as since it was asked last: another table of twice the size, filled from the one before */

/* Of the keys, or of the values that COUNT(DISTINCT) counts, only those whose hashes are in part `at` of `n`. */
enum vector_part_of { PART_KEYS, PART_VALUES };
struct vector_part { enum vector_part_of of; uint32_t at, n; };
struct vector_rows vector_ids_part(struct vector_worker *, const struct vector_part *, const struct column *, int n_columns, struct vector_rows);

/* Two numbers as one: for keys of several columns. From 0 in the order they come. */
struct vector_pairs {
	struct { uint32_t left, right; } *pair;
	uint32_t n;
	size_t cap;
	unsigned left_bits, right_bits; /* of `direct` */
	uint32_t *direct;               /* number + 1 by left and right: while they are few */
	struct vector_pairs_slot { uint64_t key; uint32_t number; } *slot;      /* number 0: free, else + 1 */
	size_t slots;
};
void vector_pairs_release(struct vector_pairs *);
void vector_pairs_map(struct vector_pairs *, const uint32_t *left, uint32_t n_left, const uint32_t *right, uint32_t n_right, struct vector_rows, uint32_t *out);
uint32_t vector_pairs_put(struct vector_pairs *, uint32_t left, uint32_t right);        /* once mapped no more: of a join, pair by pair */
size_t vector_pairs_held(const struct vector_pairs *);

/* A set of numbers (not 0): a small hash table, a bitmap when that takes no more. Zero-initialised is empty. */
struct vector_set { union { uint32_t *slot; uint64_t *bits; }; uint32_t n, cap; /* slots, or words */ int dense; };
void vector_set_release(struct vector_set *);
int vector_set_add_slow(struct vector_set *, uint32_t id, uint32_t n_ids, size_t *held);
static inline int
vector_set_add(struct vector_set *s, uint32_t id, uint32_t n_ids, size_t *held)         /* 1 when it is new */
{
	if (s->dense && id / 64 < s->cap) {
		uint64_t bit = 1ULL << (id % 64), before = s->bits[id / 64];

		s->bits[id / 64] = before | bit;
		s->n += !(before & bit);
		return !(before & bit);
	}
	return vector_set_add_slow(s, id, n_ids, held);
}
void vector_set_each(const struct vector_set *, void (*each)(void *, uint32_t id), void *);

uint64_t vector_hash_number(uint64_t);

/* Is the number of row i an INTEGER to SQL? Of columns of reals. */
static inline int
vector_is_integer(const struct column *c, size_t i)
{
	return c->whole && c->real[i] == floor(c->real[i]) && !(c->point && vector_valid(c->point, i));
}

static inline double
vector_julian_day(int64_t ms)
{
	return (double)(ms + 210866760000000) / 86400000.0;
}

/* ---- vector_call.c: functions that have a loop over columns; their number, -1 none */
int vector_call_find(struct str name, int n_args);
const char *vector_call_name(int call);
int vector_call(struct vector_worker *, const struct vector_expr *, struct vector_rows, struct column *, struct err *);   /* 1 done; 0 the arguments are not what it takes; < 0 */

/* ---- vector_sum.c: sums that do not depend on the order of what is summed */
struct vector_sums {                    /* one sum for each group; arrays are there when something needed them */
	__int128 *whole;                /* of integers */
	__int128 *fixed;                /* of reals, times 2^64 */
	struct vector_wide **wide;      /* what does not fit there */
	unsigned char *real;            /* 1: a real was among them */
	size_t cap;
};
void vector_sums_release(struct vector_sums *);
void vector_sums_room(struct vector_sums *, size_t n, int integers, int reals, size_t *held);   /* before adding such to groups below n */
void vector_sums_add_wide(struct vector_sums *, size_t group, double);
void vector_sums_merge(struct vector_sums *, size_t to, const struct vector_sums *, size_t from);
int vector_sums_is_real(const struct vector_sums *, size_t group);
int vector_sums_integer(const struct vector_sums *, size_t group, int64_t *);           /* 0; -1 when it does not fit */
void vector_sums_get(const struct vector_sums *, size_t group, double *sum, double *rest);      /* the nearest double; what it is off */

static inline void
vector_sums_add_integer(struct vector_sums *s, size_t group, int64_t x)
{
	s->whole[group] += x;
}

static inline void
vector_sums_add_real(struct vector_sums *s, size_t group, double x)
{
	uint64_t bits, fraction;
	int shift;                      /* of the 53 bits, to where 2^64 is 1 */
	__int128 v, sum;

	memcpy(&bits, &x, sizeof(bits));
	shift = (int)(bits >> 52 & 0x7ff) - 1075 + 64;
	fraction = (bits & ((1ULL << 52) - 1)) | 1ULL << 52;
	s->real[group] = 1;
	if (shift >= 0 && shift <= 66)
		v = (__int128)fraction << shift;
	else if (shift < 0 && shift > -53 && (fraction & ((1ULL << -shift) - 1)) == 0)
		v = (__int128)(fraction >> -shift);
	else {
		vector_sums_add_wide(s, group, x);
		return;
	}
	if (__builtin_add_overflow(s->fixed[group], bits >> 63 ? -v : v, &sum))
		vector_sums_add_wide(s, group, x);
	else
		s->fixed[group] = sum;
}

/* What the deviations of numbers come from: their sums and those of their squares, so that a number that was added can be taken away again
 * without a trace. Numbers whose squares may be beyond a double are brought down first. */
struct vector_moments {
	struct vector_sums sums, squares;
	struct vector_sums large, large_squares;        /* of those, there when one came */
};
#define VECTOR_LARGE 0x1p500
void vector_moments_release(struct vector_moments *);
void vector_moments_room(struct vector_moments *, size_t n, int reals, size_t *held);
void vector_moments_add_large(struct vector_moments *, size_t group, double x, int sign, size_t *held);
void vector_moments_merge(struct vector_moments *, size_t to, const struct vector_moments *, size_t from);      /* there is room for what comes */

/* The variance of `count` numbers, of a sample or (pop) of all there are, or (root) its root; NAN: it is none. */
double vector_moments_get(const struct vector_moments *, size_t group, int64_t count, int pop, int root);

static inline void
vector_moments_add(struct vector_moments *m, size_t group, double x, int sign, size_t *held)
{
	double square = x * x;

	if (fabs(x) > VECTOR_LARGE) {
		vector_moments_add_large(m, group, x, sign, held);
		return;
	}
	vector_sums_add_real(&m->sums, group, sign * x);
	vector_sums_add_real(&m->squares, group, sign * square);
	if (fabs(x) > 0x1p26 || x != (double)(int64_t)x)        /* else the square is exact */
		vector_sums_add_real(&m->squares, group, sign * fma(x, x, -square));
}

/* The same of two variables. */
struct vector_regression { struct vector_sums x, y, xx, yy, xy; };
void vector_regression_release(struct vector_regression *);
void vector_regression_room(struct vector_regression *, size_t n, size_t *held);
void vector_regression_add(struct vector_regression *, size_t group, double x, double y, int sign);
void vector_regression_merge(struct vector_regression *, size_t to, const struct vector_regression *, size_t from);
double vector_regression_get(const struct vector_regression *, size_t group, int64_t count, enum vector_aggregate_of);  /* NAN: there is no answer */

/* ---- vector_quantile.c: the numbers of a group, and their quantiles */
struct vector_piece { struct vector_piece *next; uint32_t n, cap; union { int32_t small[1]; double number[1]; }; };
struct vector_list { struct vector_piece *small, *number; int64_t n; int real; };      /* in pieces of one type each; real: one of them was */
struct vector_chooser {                 /* what is known of the list looked at last; zero-initialised is ready */
	const struct vector_list *of;
	int counted;                    /* by their whole parts, else x has all of them */
	double *x, *few;                /* few: those with a fraction, in order */
	uint32_t *count;
	int64_t least;
	size_t width, n_few, cap, few_cap, count_cap;
};
struct vector_piece *vector_list_room(struct arena *, struct vector_piece *before, size_t size);
void vector_list_join(struct vector_list *, const struct vector_list *from);
struct cell vector_list_quantile(struct vector_chooser *, const struct vector_list *, double share, int disc);
void vector_chooser_release(struct vector_chooser *);

static inline void
vector_list_real(struct arena *arena, struct vector_list *l, double x)
{
	l->n++;
	if (!l->number || l->number->n == l->number->cap)
		l->number = vector_list_room(arena, l->number, sizeof(double));
	l->number->number[l->number->n++] = x;
}

static inline void
vector_list_integer(struct arena *arena, struct vector_list *l, int64_t x)
{
	if (x != (int32_t)x) {
		vector_list_real(arena, l, (double)x);
		return;
	}
	l->n++;
	if (!l->small || l->small->n == l->small->cap)
		l->small = vector_list_room(arena, l->small, sizeof(int32_t));
	l->small->small[l->small->n++] = (int32_t)x;
}

/* ---- vector_tally.c: how often each value occurs in each group; group NULL: there is one, and `grouped` is 0 */
struct functions_count;
struct vector_tally;
struct vector_tally *vector_tally_new(int grouped, int places);         /* places: of each value the first row's */
void vector_tally_free(struct vector_tally *);
size_t vector_tally_held(const struct vector_tally *);
size_t vector_tally_ahead(struct vector_tally *);
void vector_tally_add(struct vector_tally *, struct vector_worker *, const struct column *, struct vector_rows, const uint32_t *group, uint32_t n_groups);
void vector_tally_merge(struct vector_tally *, const struct vector_tally *from, const uint32_t *group, uint32_t n_groups);
void vector_tally_end(struct vector_tally *, uint32_t n_groups);        /* nothing is added from now on */
size_t vector_tally_most(const struct vector_tally *, uint32_t group);  /* values there are, at most */
size_t vector_tally_get(const struct vector_tally *, uint32_t group, int nulls, struct functions_count *);    /* those (NULL is none, unless nulls), room for as many; borrowed. With places as they came */
int vector_tally_instant(const struct vector_tally *);                  /* its integers are instants */

/* ---- vector_gather.c: all values of each group in the order of the rows */
struct vector_gather;
struct vector_gather *vector_gather_new(const struct vector_aggregate *);
void vector_gather_free(struct vector_gather *);
size_t vector_gather_held(const struct vector_gather *);
void vector_gather_add(struct vector_gather *, struct vector_worker *, const struct column *value, const struct column *key, struct vector_rows, const uint32_t *group);
void vector_gather_merge(struct vector_gather *, struct vector_gather *from, const uint32_t *group);    /* from belongs to it from then on */
int vector_gather_end(struct vector_gather *, const struct vector_input *, uint32_t n_groups, struct err *);    /* nothing is added from now on. 0 or < 0 */
void vector_gather_put(struct buf *out, const struct vector_aggregate *, const struct cell *, int first);       /* one more value; a list lacks its ] */
#define VECTOR_TEXT_MOST (500u << 20)   /* bytes of one text or list */
int vector_gather_get(struct vector_gather *, const struct vector_aggregate *, uint32_t group, struct buf *out, struct err *);  /* 1; 0: NULL; < 0 */

/* ---- vector_state.c: what the aggregates of one worker keep for each group, by its number; group NULL: all rows are of one */
struct vector_states;
struct vector_held;
struct vector_states *vector_states_new(const struct vector_plan *);
void vector_states_free(struct vector_states *);
size_t vector_states_held(const struct vector_states *);
size_t vector_states_ahead(struct vector_states *);
int vector_states_add_up(const struct vector_plan *);   /* may values be counted part by part? There is a COUNT(DISTINCT), and nothing else of different values */
void vector_states_part(struct vector_states *, const struct vector_part *);   /* of values: the COUNT(DISTINCT)s of all parts add up, what else there is comes with part 0 */
int vector_states_read(struct vector_states *, struct vector_worker *, struct vector_rows, struct err *);       /* what the aggregates want of these rows: all that can fail … */
int vector_states_add(struct vector_states *, struct vector_worker *, const uint32_t *group, uint32_t n_groups, struct err *);  /* … and into their groups with it */
void vector_states_count(struct vector_states *, const uint32_t *group, const int64_t *rows, size_t n, uint32_t n_groups);      /* instead of both, where there is COUNT(*) and nothing else: so many rows of n groups */
/* group[0 … n - 1]: what theirs are here; from is used up, but must live as long. 0, or -1: it cannot be in so many bytes more. */
int vector_states_merge(struct vector_states *, struct vector_states *from, const uint32_t *group, uint32_t n, uint32_t n_groups, size_t room);
int vector_states_end(struct vector_states *, struct vector_worker *, int threads, uint32_t n_groups, const uint32_t *order, uint32_t n, struct vector_held *column,
    struct err *);              /* a column for each aggregate, of n groups in this order. 0 or < 0 */

/* ---- vector_group.c: keys, and their groups' states, of one worker */
#define VECTOR_TOO_MANY "too many groups, or values in them for the memory there is: ask for fewer, or allow more"
struct vector_groups;
struct vector_groups *vector_groups_new(const struct vector_plan *);
void vector_groups_free(struct vector_groups *);
void vector_groups_part(struct vector_groups *, struct vector_part);    /* before the first rows */
int vector_groups_add(struct vector_groups *, struct vector_worker *, struct vector_rows, struct err *);        /* rows of the batch at hand */
int vector_groups_merge(struct vector_groups *, struct vector_groups *from, size_t room, struct err *);  /* from is used up, but must live as long; ERR_LIMIT: not in so many bytes more */
size_t vector_groups_held(const struct vector_groups *);
size_t vector_groups_ahead(struct vector_groups *);     /* vector_ids_ahead of all: to be asked once a batch */
struct vector_table *vector_groups_end(struct vector_groups *, struct vector_worker *, int threads, struct err *);       /* rows in the order of their keys, unless the plan is unordered */

/* ---- vector_spill.c: what a plan gave, in a temporary file, part by part. Written by one, then read by as many as like */
struct vector_spill *vector_spill_new(const struct vector_plan *, struct err *);
void vector_spill_free(struct vector_spill *);
int vector_spill_add(struct vector_spill *, struct query *, const struct vector_table *, struct err *);         /* one part, in the order of its keys. 0 or < 0 */
int64_t vector_spill_rows(const struct vector_spill *);
int64_t vector_spill_bytes(const struct vector_spill *);
int vector_spill_columns(const struct vector_spill *);

/* ---- vector_table.c: rows by columns in memory, what one plan gives another
 *
 * Columns are what they are in batches (batch.h), over all rows; codes have NULL as value[0]. Arrays are shared by the columns that
 * have the same ones, of one table or another. For one thread at a time, but for reading. */
struct vector_memory;                   /* an array, with the texts its values point to, counted by who holds it */
struct vector_memory *vector_memory_new(void *array, size_t bytes, struct arena *texts);        /* takes both over; NULL of NULL */
struct vector_memory *vector_memory_hold(struct vector_memory *);
void vector_memory_free(struct vector_memory *);

struct vector_held { struct column column; struct vector_memory *rows, *valid, *values; };
struct vector_table { size_t n; int n_columns; struct vector_held *column; };
struct vector_table *vector_table_new(size_t n, int n_columns);
void vector_table_free(struct vector_table *);
size_t vector_table_held(const struct vector_table *);
void vector_table_share(struct vector_held *, const struct vector_held *from);  /* the same column once more */
#define VECTOR_NO_ROW UINT32_MAX        /* gives NULL */
void vector_table_gather(struct vector_held *, const struct vector_held *from, const uint32_t *row, size_t n);
struct vector_memory *vector_table_values(const struct vector_input *, const struct cell *value);       /* whose they are; NULL: of no table there */

/* A column that grows, of whatever comes: numbers as long as all are of one kind, else codes. */
struct vector_builder {
	enum column_form form;
	int whole, instant;
	size_t n, cap, nulls;
	uint64_t *valid;
	union { int64_t *integer; double *real; uint32_t *code; void *row; };
	struct vector_ids ids;
};
void vector_builder_init(struct vector_builder *);
void vector_builder_release(struct vector_builder *);
size_t vector_builder_held(const struct vector_builder *);
void vector_builder_add(struct vector_builder *, struct vector_worker *, const struct column *, struct vector_rows);
void vector_builder_put(struct vector_builder *, const struct cell *);

/* The column of what several builders have, piece by piece; they are used up. */
struct vector_piece_of { int builder; size_t from, n; };
void vector_builder_end(struct vector_builder *const *, int n, const struct vector_piece_of *, size_t n_pieces, const struct vector_input *, struct vector_held *);

void vector_table_take(struct vector_held *, struct vector_ids *, const struct vector_input *);  /* their values as a column's, without codes; ids are used up */

/* Numbers by which rows are put in the order of the column's values: equal for equal values. NULL is 0, and where there is one
 * (*nulls) nothing else is. The caller frees. */
uint64_t *vector_table_order(const struct column *, size_t n, int *nulls);
uint32_t *vector_ranks(const struct cell *, uint32_t n);        /* of values: equal for equal ones, NULL 0. The caller frees */

/* ---- vector_plan_late.c: the rows that SQLite gives for the source's SQL; most: bytes. NULL with a reason, ERR_LIMIT: not here */
struct vector_table *vector_plan_rows(struct query *, const struct vector_source *, size_t most, struct err *);

/* ---- vector_window.c, vector_join.c: what stands between a plan and the tables it reads */
struct vector_table *vector_windows_run(struct query *, const struct vector_source *, const struct vector_table *, int threads, struct err *);
struct vector_join *vector_join_open(struct query *, const struct vector_source *, struct vector_table *const *, size_t most, struct err *);       /* holds the tables from then on; most: bytes */
void vector_join_close(struct vector_join *);
size_t vector_join_rows(const struct vector_join *);            /* of its first table */
size_t vector_join_held(const struct vector_join *);
const struct vector_table *vector_join_table(const struct vector_join *, int i);
struct vector_probe *vector_probe_open(struct vector_join *);   /* one for each worker */
void vector_probe_close(struct vector_probe *);
int vector_probe_next(struct vector_probe *, struct vector_worker *, struct err *);
void vector_probe_column(struct vector_probe *, struct vector_worker *, int field, struct column *);

/* ---- vector_rows.c: rows as they are found, of one worker: all of them, or the first ones in an order */
struct vector_found;
struct vector_found *vector_found_new(const struct vector_plan *);
void vector_found_free(struct vector_found *);
int vector_found_add(struct vector_found *, struct vector_worker *, struct vector_rows, struct err *);
size_t vector_found_held(const struct vector_found *);
struct vector_table *vector_found_end(struct vector_found **, int n, const struct vector_plan *, const struct vector_input *);

/* ---- vector_nth.c: between which keys of its order the rows of a plan lie that are given behind plan->skip others */
struct vector_nth;
struct vector_nth *vector_nth_new(const struct vector_plan *);          /* one look at all rows between those keys */
void vector_nth_free(struct vector_nth *);
int vector_nth_batch(struct vector_nth *, const struct vector_worker *);        /* 1: the batch at hand is counted, or has no such row */
int vector_nth_add(struct vector_nth *, struct vector_worker *, struct vector_rows, struct err *);
int vector_nth_narrow(struct vector_nth *const *, int n, struct vector_plan *);         /* of all workers: plan->between. 1: another look is worth it */
int vector_nth_beside(const struct vector_plan *, const struct vector_worker *);        /* no row of the batch at hand lies between */
struct vector_rows vector_nth_within(const struct vector_plan *, struct vector_worker *, const struct column *first, struct vector_rows);

struct vector_kept;
struct vector_kept *vector_kept_new(const struct vector_plan *);
void vector_kept_free(struct vector_kept *);
int vector_kept_add(struct vector_kept *, struct vector_worker *, struct vector_rows, struct err *);
int vector_kept_can_skip(const struct vector_kept *, const struct vector_worker *);     /* none of its rows would be kept */
size_t vector_kept_held(const struct vector_kept *);
struct vector_table *vector_kept_end(struct vector_kept **, int n, const struct vector_plan *);

/* ---- vector.c: threads, and the table that comes out */
void vector_share(int threads, void *(*work)(void *), void *self);      /* called by as many threads at once; comes back when all have */

struct vector_value { uint32_t type, n; union { int64_t integer; double real; const char *text; }; };
static inline struct cell
vector_value_cell(const struct vector_value *v)
{
	switch (v->type) {
	case CELL_INTEGER:
		return cell_integer(v->integer);
	case CELL_REAL:
		return cell_real(v->real);
	case CELL_TEXT:
		return cell_text((struct str){ v->text, v->n });
	default:
		return cell_null();
	}
}
struct vector_result {
	struct vector_table *table;     /* one of these two */
	struct vector_spill *spill;
	char **time;                    /* of columns of instants: their texts, where asked for */
	int64_t held;                   /* bytes of all that, said to query_heap_beside */
	struct buf explain;
};

#endif
