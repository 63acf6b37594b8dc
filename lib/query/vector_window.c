/* vector_window.c - functions over windows: rows put in the order of partition and order, then looked through once.
 *
 *      order       each column of PARTITION BY and ORDER BY becomes numbers that order as its values do (a rank, where it lies as
 *                  codes); rows are put in order by one after the other, the last first, by counting or by digits, and not at all
 *                  where they are in order already: rows of the store are, by time
 *      frames      of each row the first row and the one behind the last. Both only move on, so all of a partition is found in one
 *                  pass, and what a function keeps of a frame is changed by the rows that come and go: exact sums lose nothing by it
 *      values      functions that give a value of some row give its number, and the column is gathered by those
 *
 * Partitions are shared out among threads. Frames are those of SQLite (sqlite.org/windowfunctions.html) without EXCLUDE.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "query/query_priv.h"
#include "query/vector_priv.h"

#define NONE      VECTOR_NO_ROW
#define ALONE     100000                /* rows that one thread does faster than two */
#define DIGIT     11                    /* bits of a pass */

/* ---- order */

struct order {
	size_t n;
	uint32_t *row;                  /* NULL: as they are */
	uint64_t **key;                 /* of each column, partition first: as they order, by row of the input */
	int n_keys, n_partition;
};

/* Are the rows in order by this key already? */
static int
is_sorted(const struct order *o, const uint64_t *key)
{
	for (size_t i = 1; i < o->n; i++) {
		uint64_t before = key[o->row ? o->row[i - 1] : i - 1], x = key[o->row ? o->row[i] : i];

		if (x < before)
			return 0;
	}
	return 1;
}

/* Stable, by some bits of the key less `least`. */
static void
pass(const struct order *o, const uint64_t *key, uint64_t least, unsigned shift, size_t n_buckets, uint32_t *to)
{
	uint32_t *place = mem_new((n_buckets + 1) * sizeof(*place));
	uint64_t mask = shift || n_buckets == 1u << DIGIT ? (1u << DIGIT) - 1 : UINT64_MAX;

	for (size_t i = 0; i < o->n; i++)
		place[((key[i] - least) >> shift & mask) + 1]++;
	for (size_t b = 0; b < n_buckets; b++)
		place[b + 1] += place[b];
	for (size_t i = 0; i < o->n; i++) {
		uint32_t row = o->row ? o->row[i] : (uint32_t)i;

		to[place[(key[row] - least) >> shift & mask]++] = row;
	}
	free(place);
}

static void
sort_by(struct order *o, const uint64_t *key)
{
	uint64_t least = UINT64_MAX, most = 0;
	uint32_t *to, *was;
	unsigned bits = 0;

	if (is_sorted(o, key))
		return;
	for (size_t i = 0; i < o->n; i++) {
		least = key[i] < least ? key[i] : least;
		most = key[i] > most ? key[i] : most;
	}
	while (bits < 64 && (most - least) >> bits)
		bits++;
	to = mem_grow(NULL, o->n, sizeof(*to));
	if (most - least < 2 * o->n && most - least >= 1u << DIGIT) {
		pass(o, key, least, 0, (size_t)(most - least) + 1, to);
		free(o->row);
		o->row = to;
		return;
	}
	for (unsigned shift = 0; shift < bits; shift += DIGIT) {
		pass(o, key, least, shift, 1u << DIGIT, to);
		was = o->row ? o->row : mem_grow(NULL, o->n, sizeof(*was));
		o->row = to;
		to = was;
	}
	free(to);
}

static void
turn(uint64_t *key, size_t n)
{
	for (size_t i = 0; i < n; i++)
		key[i] = ~key[i];
}

/* 1 for the rows that have a value of their own, by the numbers of vector_table_order. */
static uint64_t *
are_there(const uint64_t *key, size_t n)
{
	uint64_t *there = mem_grow(NULL, n + 1, sizeof(*there));

	for (size_t i = 0; i < n; i++)
		there[i] = key[i] != 0;
	return there;
}

/* Codes serve as numbers where the order of partitions is nobody's business. */
static uint64_t *
codes_of(const struct column *c, size_t n)
{
	uint64_t *key = mem_grow(NULL, n + 1, sizeof(*key));

	for (size_t i = 0; i < n; i++)
		key[i] = c->code[i];
	return key;
}

static int
is_in_order(const struct order *o)
{
	for (size_t i = 1; i < o->n; i++)
		for (int k = 0; k < o->n_keys; k++) {
			uint64_t a = o->key[k][o->row ? o->row[i - 1] : i - 1], b = o->key[k][o->row ? o->row[i] : i];

			if (a > b)
				return 0;
			if (a < b)
				break;
		}
	return 1;
}

static void
put_in_order(const struct vector_source *s, const struct vector_table *t, struct order *o)
{
	*o = (struct order){ .n = t->n, .n_partition = s->n_partition };
	o->key = mem_new((size_t)(s->n_partition + 2 * s->n_order + 1) * sizeof(*o->key));
	for (int i = 0; i < s->n_partition; i++) {
		const struct column *c = &t->column[s->partition[i]].column;
		int nulls;

		o->key[o->n_keys++] = s->unordered && c->form == COLUMN_CODES && c->unique ? codes_of(c, t->n) : vector_table_order(c, t->n, &nulls);
	}
	for (int i = 0; i < s->n_order; i++) {
		const struct vector_by *by = &s->order[i];
		int nulls;
		uint64_t *key = vector_table_order(&t->column[by->column].column, t->n, &nulls), *there;

		if (nulls && (by->descending ? !by->nulls_last : by->nulls_last)) {     /* not where their number puts them */
			there = are_there(key, t->n);
			if (by->nulls_last)
				turn(there, t->n);
			o->key[o->n_keys++] = there;
		}
		if (by->descending)
			turn(key, t->n);
		o->key[o->n_keys++] = key;
	}
	for (int i = o->n_keys; i-- > 0 && !is_in_order(o); )
		sort_by(o, o->key[i]);
}

static void
release_order(struct order *o)
{
	for (int i = 0; i < o->n_keys; i++)
		free(o->key[i]);
	free(o->key), free(o->row);
}

/* Rows i - 1 and i, in their order: are they of one partition (of all its keys), or peers? */
static int
same_keys(const struct order *o, size_t i, int n_keys)
{
	uint32_t a = o->row ? o->row[i - 1] : (uint32_t)(i - 1), b = o->row ? o->row[i] : (uint32_t)i;

	for (int k = 0; k < n_keys; k++)
		if (o->key[k][a] != o->key[k][b])
			return 0;
	return 1;
}

/* ---- one function */

union word { int64_t integer; double real; };
struct number { unsigned char type; union word is; };
struct numbers { unsigned char *type; union word *is; };      /* of each row */

struct job {                            /* rows lie in their order here */
	struct query *q;
	const struct vector_source *source;
	const struct vector_window *window;
	const struct column *arg, *by;  /* by: what a RANGE with an offset counts along */
	int descending, nulls_last;     /* of by … */
	int whole;                      /* … which is integers without a NULL */
	size_t n;
	uint32_t *partition, n_partitions;      /* where each begins, and the end */
	uint32_t *peers, n_peers;       /* the same of peers; each partition begins one */
	uint32_t *peer_of;              /* by row: its peers' index. NULL: nobody asks for them */
	uint32_t *row;                  /* out: whose value it is … */
	struct numbers out;             /* … or the value */
	uint64_t *order;                /* of arg, for min and max … */
	int nulls;                      /* … where 0 is NULL */
	struct numbers summand;         /* what is added of each row; not made where arg has numbers and nothing else */
	uint32_t next;                  /* partition that nobody has taken yet */
};

static inline uint32_t
peers_of(const struct job *j, size_t i)
{
	return j->peer_of ? j->peer_of[i] : 0;
}

static int
is_of_frame(enum vector_window_of of)
{
	return of >= WINDOW_FIRST_VALUE;
}

static int
gives_row(enum vector_window_of of)
{
	return of == WINDOW_LAG || of == WINDOW_LEAD || of == WINDOW_FIRST_VALUE || of == WINDOW_LAST_VALUE || of == WINDOW_NTH_VALUE || of == WINDOW_MIN || of == WINDOW_MAX;
}

/* A partition's rows; peers are indexed from peer[0]. */
struct part { uint32_t from, to, first_peers, n_peers; };

static void
rank_rows(struct job *j, const struct part *p)
{
	const struct vector_window *w = j->window;
	uint32_t n = p->to - p->from;

	for (uint32_t i = p->from; i < p->to; i++) {
		uint32_t peers = peers_of(j, i), row = i - p->from;
		union word *to = &j->out.is[i];
		unsigned char *type = &j->out.type[i];

		*type = CELL_INTEGER;
		switch (w->of) {
		case WINDOW_ROW_NUMBER:
			to->integer = row + 1;
			break;
		case WINDOW_RANK:
			to->integer = j->peers[peers] - p->from + 1;
			break;
		case WINDOW_DENSE_RANK:
			to->integer = peers - p->first_peers + 1;
			break;
		case WINDOW_PERCENT_RANK:
			*type = CELL_REAL;
			to->real = n > 1 ? (double)(j->peers[peers] - p->from) / (double)(n - 1) : 0;
			break;
		case WINDOW_CUME_DIST:
			*type = CELL_REAL;
			to->real = (double)(j->peers[peers + 1] - p->from) / (double)n;
			break;
		default: {              /* ntile: the first parts have one more where it does not come out even */
			int64_t size = n / w->n, large = n - w->n * size, split = large * (size + 1);

			to->integer = size == 0 ? row + 1 : row < split ? 1 + row / (size + 1) : 1 + large + (row - split) / size;
		}
		}
	}
}

static void
shift_rows(struct job *j, const struct part *p)
{
	int64_t by = j->window->of == WINDOW_LAG ? -j->window->n : j->window->n;

	for (uint32_t i = p->from; i < p->to; i++) {
		int64_t at = (int64_t)i + by;

		j->row[i] = at >= p->from && at < p->to ? (uint32_t)at : NONE;
	}
}

/* ---- frames */

/* A value moved by an offset, up or down; SQLite's arithmetic. Texts and NULLs are not moved. */
static struct cell
moved(struct cell v, const struct cell *by, int up)
{
	double x, y;
	int64_t i;

	if (v.type != CELL_INTEGER && v.type != CELL_REAL)
		return v;
	if (v.type == CELL_INTEGER && by->type == CELL_INTEGER &&
	    !(up ? __builtin_add_overflow(v.integer, by->integer, &i) : __builtin_sub_overflow(v.integer, by->integer, &i)))
		return cell_integer(i);
	x = v.type == CELL_INTEGER ? (double)v.integer : v.real;
	y = by->type == CELL_INTEGER ? (double)by->integer : by->real;
	return cell_real(up ? x + y : x - y);
}

/* How row k lies to a bound of the range around a value: < 0 before it, in the direction of the order. As SQLite does, and it shows
 * where numbers overflow, what is PRECEDING is found by moving row k's value on, what is FOLLOWING by moving the value itself. */
static inline int
to_bound(const struct job *j, uint32_t k, const struct vector_bound *b, const struct cell *value)
{
	char text[TIME_LEN];
	struct cell v, moved_on;
	int order;

	if (j->whole && value->type == CELL_INTEGER && b->by.type == CELL_INTEGER) {
		int64_t x = j->by->integer[k], y = value->integer, *far = b->of == BOUND_AFTER ? &y : &x;

		if (!(j->descending ? __builtin_sub_overflow(*far, b->by.integer, far) : __builtin_add_overflow(*far, b->by.integer, far)))
			return j->descending ? (x < y) - (x > y) : (x > y) - (x < y);
	}
	v = vector_column_cell(j->by, k, text);
	if (v.type == CELL_NULL)
		return j->nulls_last ? 1 : -1;
	moved_on = moved(b->of == BOUND_AFTER ? *value : v, &b->by, !j->descending);
	order = b->of == BOUND_AFTER ? vector_compare(&v, &moved_on) : vector_compare(&moved_on, value);
	return j->descending ? -order : order;
}

struct frame { uint32_t from, to; };    /* rows; empty where from >= to */

/* Where the frame of row i has this bound, `before` being where that of the row before had it: for the frame's end the row behind. */
static inline uint32_t
bound_of(const struct job *j, const struct part *p, const struct vector_bound *b, int end, uint32_t i, uint32_t before)
{
	uint32_t peers = peers_of(j, i), at = before;
	int64_t by = b->by.integer, row;
	char text[TIME_LEN];
	struct cell value;

	if (b->of == BOUND_FIRST)
		return p->from;
	if (b->of == BOUND_LAST)
		return p->to;
	if (j->window->frame == FRAME_ROWS) {
		row = (int64_t)i + end;
		row += b->of == BOUND_BEFORE ? -by : b->of == BOUND_AFTER ? by : 0;
		return row < p->from ? p->from : row > p->to ? p->to : (uint32_t)row;
	}
	if (b->of == BOUND_CURRENT)
		return j->peers[peers + (uint32_t)end];
	if (j->window->frame == FRAME_GROUPS) {
		row = (int64_t)peers + (b->of == BOUND_BEFORE ? -by : by) + end;
		return row < p->first_peers ? p->from : row > p->first_peers + p->n_peers ? p->to : j->peers[row];
	}
	value = j->whole ? cell_integer(j->by->integer[i]) : vector_column_cell(j->by, i, text);
	if (value.type == CELL_NULL)
		return j->peers[peers + (uint32_t)end];
	while (at < p->to && to_bound(j, at, b, &value) < (end ? 1 : 0))
		at++;
	return at;
}

/* What is kept of a frame. Rows come at its end and go at its beginning. */
struct kept {
	struct frame frame;             /* what it is of */
	struct vector_sums sums;
	int64_t count, reals;           /* values; reals among them */
	uint32_t *best, head, tail, cap;        /* rows that are or may become the best, the best first */
	uint32_t infinite;              /* summands without a rest: they do not go again */
	size_t held;
};

static int
adds(enum vector_window_of of)
{
	return of >= WINDOW_COUNT && of != WINDOW_MIN && of != WINDOW_MAX;
}

static int
has_numbers(const struct column *c)
{
	return (c->form == COLUMN_INTEGER || c->form == COLUMN_REAL) && !c->instant;
}

static inline struct number
summand(const struct job *j, size_t i)
{
	const struct column *c = j->arg;

	if (j->summand.type)
		return (struct number){ j->summand.type[i], j->summand.is[i] };
	if (!vector_valid(c->valid, i))
		return (struct number){ .type = CELL_NULL };
	if (c->form == COLUMN_INTEGER)
		return (struct number){ CELL_INTEGER, { .integer = c->integer[i] } };
	return c->whole && c->real[i] == floor(c->real[i]) ? (struct number){ CELL_INTEGER, { .integer = (int64_t)c->real[i] } } : (struct number){ CELL_REAL, { .real = c->real[i] } };
}

static void
come(struct job *j, struct kept *k, uint32_t i)
{
	struct number v;

	switch (j->window->of) {
	case WINDOW_MIN:
	case WINDOW_MAX:
		if (j->nulls && j->order[i] == 0)
			return;
		while (k->tail > k->head && (j->window->of == WINDOW_MIN ? j->order[k->best[k->tail - 1]] > j->order[i] : j->order[k->best[k->tail - 1]] < j->order[i]))
			k->tail--;
		if (k->tail == k->cap)
			k->best = mem_grow(k->best, k->cap = k->cap ? 2 * k->cap : 64, sizeof(*k->best));
		k->best[k->tail++] = i;
		return;
	default:
		v = summand(j, i);
		if (v.type == CELL_NULL)
			return;
		k->count++;
		if (v.type == CELL_INTEGER) {
			vector_sums_add_integer(&k->sums, 0, v.is.integer);
		} else {
			k->reals++;
			k->infinite += !isfinite(v.is.real);
			vector_sums_add_real(&k->sums, 0, v.is.real);
		}
	}
}

static void
go(struct job *j, struct kept *k, uint32_t i)
{
	struct number v;

	if (j->order) {
		k->head += k->tail > k->head && k->best[k->head] == i;
		return;
	}
	v = summand(j, i);
	if (v.type == CELL_NULL)
		return;
	k->count--;
	if (v.type == CELL_INTEGER) {
		k->sums.whole[0] -= v.is.integer;
	} else {
		k->reals--;
		vector_sums_add_real(&k->sums, 0, -v.is.real);
	}
}

static void
begin(struct job *j, struct kept *k, uint32_t at)
{
	k->frame = (struct frame){ at, at };
	k->count = k->reals = 0;
	k->infinite = 0;
	k->head = k->tail = 0;
	if (adds(j->window->of)) {
		vector_sums_release(&k->sums);
		vector_sums_room(&k->sums, 1, 1, 1, &k->held);
	}
}

static int
sum_of(const struct job *j, const struct kept *k, unsigned char *type, union word *to, struct err *err)
{
	enum vector_window_of of = j->window->of;
	double sum = 0;

	if (of == WINDOW_COUNT) {
		*type = CELL_INTEGER;
		to->integer = k->count;
		return 0;
	}
	*type = CELL_NULL;
	if (k->count == 0 && of != WINDOW_TOTAL)
		return 0;
	if (of == WINDOW_SUM && !k->reals) {
		if (vector_sums_integer(&k->sums, 0, &to->integer) < 0)
			return err_set(err, ERR_USAGE, "integer overflow");
		*type = CELL_INTEGER;
		return 0;
	}
	vector_sums_get(&k->sums, 0, &sum, NULL);
	if (of == WINDOW_AVG)
		sum /= (double)k->count;
	if (!isnan(sum)) {
		*type = CELL_REAL;
		to->real = sum;
	}
	return 0;
}

static int
frame_rows(struct job *j, struct kept *k, const struct part *p, struct err *err)
{
	const struct vector_window *w = j->window;
	struct frame f = { p->from, p->from };
	uint32_t last = NONE;

	begin(j, k, p->from);
	for (uint32_t i = p->from; i < p->to; i++) {
		uint32_t from, to;

		f.from = bound_of(j, p, &w->from, 0, i, f.from);
		f.to = bound_of(j, p, &w->to, 1, i, f.to);
		from = f.from, to = f.to > from ? f.to : from;
		switch (w->of) {
		case WINDOW_ROWS:
			j->out.type[i] = CELL_INTEGER;
			j->out.is[i].integer = to - from;
			continue;
		case WINDOW_FIRST_VALUE:
			j->row[i] = from < to ? from : NONE;
			continue;
		case WINDOW_LAST_VALUE:
			j->row[i] = from < to ? to - 1 : NONE;
			continue;
		case WINDOW_NTH_VALUE:
			j->row[i] = w->n <= to - from ? from + (uint32_t)w->n - 1 : NONE;
			continue;
		default:
			break;
		}
		if (last != NONE && !j->order && from == k->frame.from && to == k->frame.to) {
			j->out.type[i] = j->out.type[last], j->out.is[i] = j->out.is[last];     /* the frame of the row before */
			continue;
		}
		if (from >= k->frame.to || (k->infinite && from > k->frame.from))
			begin(j, k, from);
		for (; k->frame.from < from; k->frame.from++)
			go(j, k, k->frame.from);
		for (; k->frame.to < to; k->frame.to++)
			come(j, k, k->frame.to);
		last = i;
		if (j->order)
			j->row[i] = k->tail > k->head ? k->best[k->head] : NONE;
		else if (sum_of(j, k, &j->out.type[i], &j->out.is[i], err) < 0)
			return err->code;
	}
	return 0;
}

/* ---- several threads */

struct share { struct job *job; struct err *err; int failed; };

static void *
work(void *self)
{
	struct share *s = self;
	struct job *j = s->job;
	struct kept k = { .held = 0 };
	struct err err = { 0 };
	uint32_t at, step = j->n_partitions / 64 + 1;

	while (!err.code && (at = __atomic_fetch_add(&j->next, step, __ATOMIC_RELAXED)) < j->n_partitions)
		for (uint32_t i = at; i < at + step && i < j->n_partitions && !err.code; i++) {
			struct part p = { j->partition[i], j->partition[i + 1], 0, 0 };

			p.first_peers = peers_of(j, p.from);
			p.n_peers = peers_of(j, p.to - 1) + 1 - p.first_peers;
			if (is_of_frame(j->window->of))
				frame_rows(j, &k, &p, &err);
			else if (gives_row(j->window->of))
				shift_rows(j, &p);
			else
				rank_rows(j, &p);
			if (!err.code && (i & 63) == 63)
				query_stopped(j->q, &err);
		}
	vector_sums_release(&k.sums);
	free(k.best);
	if (err.code && !__atomic_exchange_n(&s->failed, 1, __ATOMIC_ACQ_REL))
		*s->err = err;
	return NULL;
}

/* ---- what goes in and comes out */

/* What SUM adds of each row, rows in their order. */
static int
summands(struct query *q, const struct vector_table *t, int column, int counts, struct numbers *out, struct err *err)
{
	struct vector_input in = { .table = t };
	const struct vector_plan none = { .n_fields = 0 };
	struct vector_worker w;
	int rc = vector_worker_open(&w, q, &none, &in, err);

	while (rc == 0 && (rc = vector_worker_next(&w, err)) > 0) {
		struct column c;
		struct cell *done = NULL;
		unsigned char *known = NULL;

		vector_worker_field(&w, column, &c);
		if (c.form == COLUMN_CODES && c.n_values <= 4 * w.n) {
			done = arena_get(w.arena, c.n_values * sizeof(*done));
			known = arena_get(w.arena, c.n_values);
			memset(known, 0, c.n_values);
		}
		for (size_t i = 0; i < w.n && !err->code; i++) {
			struct cell v;

			if (known && known[c.code[i]]) {
				v = done[c.code[i]];
			} else {
				v = vector_cell(&w, &c, i);
				if (!counts && vector_summand(&w, v, &v, err) < 0)
					break;
				if (known)
					done[c.code[i]] = v, known[c.code[i]] = 1;
			}
			out->type[w.from + i] = (unsigned char)(v.type == CELL_TEXT ? CELL_INTEGER : v.type);   /* a text is counted */
			if (v.type == CELL_REAL)
				out->is[w.from + i].real = v.real;
			else
				out->is[w.from + i].integer = v.type == CELL_INTEGER ? v.integer : 0;
		}
		rc = err->code ? err->code : query_stopped(q, err);
	}
	vector_worker_release(&w);
	return rc;
}

static struct numbers
numbers_new(size_t n)
{
	return (struct numbers){ mem_grow(NULL, n + 1, 1), mem_grow(NULL, n + 1, sizeof(union word)) };
}

static void
numbers_release(struct numbers *of)
{
	free(of->type), free(of->is);
	*of = (struct numbers){ NULL, NULL };
}

/* Integers and reals beside each other are values, of which hardly two are the same: none is looked for among the others. */
static void
give_mixed(const struct numbers *of, size_t n, struct vector_held *to)
{
	struct cell *value = mem_grow(NULL, n + 1, sizeof(*value));
	uint32_t *code = mem_grow(NULL, n + 1, sizeof(*code)), n_values = 1;

	value[0] = cell_null();
	for (size_t i = 0; i < n; i++) {
		code[i] = of->type[i] == CELL_NULL ? 0 : n_values;
		if (code[i])
			value[n_values++] = of->type[i] == CELL_INTEGER ? cell_integer(of->is[i].integer) : cell_real(of->is[i].real);
	}
	*to = (struct vector_held){ { .form = COLUMN_CODES, .code = code, .value = value, .n_values = n_values },
		vector_memory_new(code, (n + 1) * sizeof(*code), NULL), NULL, vector_memory_new(value, n_values * sizeof(*value), NULL) };
}

/* They become the column where they are of one type. */
static void
give_numbers(struct numbers *of, size_t n, struct vector_held *to)
{
	size_t words = n / 64 + 1, integers = 0, reals = 0;
	uint64_t *valid = NULL;

	for (size_t i = 0; i < n; i++)
		integers += of->type[i] == CELL_INTEGER, reals += of->type[i] == CELL_REAL;
	if (integers && reals) {
		give_mixed(of, n, to);
		return;
	}
	if (integers + reals < n) {
		valid = mem_new(words * sizeof(*valid));
		for (size_t i = 0; i < n; i++)
			valid[i / 64] |= (uint64_t)(of->type[i] != CELL_NULL) << (i % 64);
	}
	*to = (struct vector_held){ { .form = reals ? COLUMN_REAL : integers ? COLUMN_INTEGER : COLUMN_NULL, .valid = valid, .integer = &of->is->integer, .real = &of->is->real },
		vector_memory_new(of->is, (n + 1) * sizeof(*of->is), NULL), vector_memory_new(valid, words * sizeof(*valid), NULL), NULL };
	of->is = NULL;                  /* the column's now */
}

/* Values of one column, for rows that are not there those of another. */
static void
give_either(const struct job *j, const struct column *otherwise, struct vector_held *to)
{
	const struct vector_piece_of all = { 0, 0, j->n };
	const struct vector_input none = { 0 };
	struct vector_builder b;
	char text[TIME_LEN];

	vector_builder_init(&b);
	for (size_t i = 0; i < j->n; i++) {
		struct cell v = j->row[i] == NONE ? vector_column_cell(otherwise, i, text) : vector_column_cell(j->arg, j->row[i], text);

		vector_builder_put(&b, &v);
	}
	vector_builder_end(&(struct vector_builder *){ &b }, 1, &all, 1, &none, to);
}

static int
run_window(struct job *j, const struct vector_table *t, int threads, struct vector_held *to, struct err *err)
{
	const struct vector_window *w = j->window;
	struct share share = { j, err, 0 };

	j->arg = w->arg >= 0 ? &t->column[w->arg].column : NULL;
	j->next = 0;
	j->order = NULL;
	if (w->of == WINDOW_MIN || w->of == WINDOW_MAX) {
		j->order = vector_table_order(j->arg, t->n, &j->nulls);
	} else if (adds(w->of) && !has_numbers(j->arg)) {
		j->summand = numbers_new(t->n);
		if (summands(j->q, t, w->arg, w->of == WINDOW_COUNT, &j->summand, err) < 0)
			goto out;
	}
	if (!gives_row(w->of))
		j->out = numbers_new(t->n);
	else if (!j->row)
		j->row = mem_grow(NULL, t->n + 1, sizeof(*j->row));
	vector_share(t->n < ALONE ? 1 : threads, work, &share);
	if (err->code)
		goto out;
	if (!gives_row(w->of))
		give_numbers(&j->out, t->n, to);
	else if (w->otherwise >= 0)
		give_either(j, &t->column[w->otherwise].column, to);
	else
		vector_table_gather(to, &t->column[w->arg], j->row, t->n);
out:
	free(j->order);
	numbers_release(&j->summand), numbers_release(&j->out);
	return err->code;
}

/* Does one of the functions ask which rows are peers? */
static int
wants_peers(const struct vector_source *s)
{
	for (int i = 0; i < s->n_windows; i++) {
		const struct vector_window *w = &s->window[i];

		if (is_of_frame(w->of) ? w->frame != FRAME_ROWS : w->of >= WINDOW_RANK && w->of <= WINDOW_CUME_DIST)
			return 1;
	}
	return 0;
}

static void
find_parts(struct job *j, const struct order *o)
{
	int peers = wants_peers(j->source);
	size_t n = o->n;

	j->partition = mem_grow(NULL, n + 1, sizeof(*j->partition));
	j->peers = peers ? mem_grow(NULL, n + 1, sizeof(*j->peers)) : NULL;
	j->peer_of = peers ? mem_grow(NULL, n + 1, sizeof(*j->peer_of)) : NULL;
	for (size_t i = 0; i < n; i++) {
		int same = i && same_keys(o, i, o->n_partition);

		if (!same)
			j->partition[j->n_partitions++] = (uint32_t)i;
		if (!peers)
			continue;
		if (!same || !same_keys(o, i, o->n_keys))
			j->peers[j->n_peers++] = (uint32_t)i;
		j->peer_of[i] = j->n_peers - 1;
	}
	j->partition[j->n_partitions] = (uint32_t)n;
	if (peers)
		j->peers[j->n_peers] = (uint32_t)n;
}

struct vector_table *
vector_windows_run(struct query *q, const struct vector_source *s, const struct vector_table *in, int threads, struct err *err)
{
	struct vector_table *t = vector_table_new(in->n, in->n_columns + s->n_windows);
	struct job j = { .q = q, .source = s, .n = in->n };
	struct order o;

	put_in_order(s, in, &o);
	for (int i = 0; i < in->n_columns; i++) {
		if (s->wanted && !s->wanted[i])
			continue;
		if (o.row)
			vector_table_gather(&t->column[i], &in->column[i], o.row, in->n);
		else
			vector_table_share(&t->column[i], &in->column[i]);
	}
	find_parts(&j, &o);
	release_order(&o);
	if (s->n_order) {
		j.by = &t->column[s->order[0].column].column;
		j.descending = s->order[0].descending;
		j.nulls_last = s->order[0].nulls_last;
		j.whole = j.by->form == COLUMN_INTEGER && !j.by->instant && !j.by->valid;
	}
	for (int i = 0; i < s->n_windows && !err->code; i++) {
		if (s->wanted && !s->wanted[in->n_columns + i])
			continue;
		j.window = &s->window[i];
		run_window(&j, t, threads, &t->column[in->n_columns + i], err);
	}
	free(j.partition), free(j.peers), free(j.peer_of), free(j.row);
	if (err->code) {
		vector_table_free(t);
		t = NULL;
	}
	return t;
}
