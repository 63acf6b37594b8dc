/* Aggregates. Those with an inverse serve as window functions too: a frame loses its oldest row first, so lists are queues. */
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/map.h"
#include "base/mem.h"
#include "query/functions_priv.h"
#include "query/vector_priv.h"
#include "json/cell.h"
#include "sketch/distinct.h"
#include "sketch/quantile.h"
#include "sketch/topk.h"

#define DIFFERENT_MOST 5000000          /* values that mode and histogram tell apart */
#define COUNTED_MOST   1000000          /* and topk, before it is a sketch */
#define TOPK_MOST      10000

/* A number, or a text that is one; 1 when it is. */
static int
number(sqlite3_value *v, double *x)
{
	int type = sqlite3_value_numeric_type(v);

	*x = sqlite3_value_double(v);
	return (type == SQLITE_INTEGER || type == SQLITE_FLOAT) && !isnan(*x);
}

static int
is_true(sqlite3_value *v)
{
	return !functions_is_null(v) && sqlite3_value_double(v) != 0;
}

/* ---- moments: as over columns, so that the answers are the same, and a frame that moves along leaves nothing behind */

enum { STDDEV_SAMP, STDDEV_POP, VAR_SAMP, VAR_POP, SEM };

struct moments { int64_t n; struct vector_moments of; };

static void
moments_move(sqlite3_context *c, sqlite3_value *v, int sign)
{
	struct moments *m = sqlite3_aggregate_context(c, sizeof(*m));
	size_t held = 0;
	double x;

	if (!m || !number(v, &x))
		return;
	if (!m->of.sums.fixed)
		vector_moments_room(&m->of, 1, 1, &held);
	m->n += sign;
	vector_moments_add(&m->of, 0, x, sign, &held);
}

static void
moments_step(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n;
	moments_move(c, v[0], 1);
}

static void
moments_inverse(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n;
	moments_move(c, v[0], -1);
}

static void
moments_value(sqlite3_context *c)
{
	struct moments *m = sqlite3_aggregate_context(c, 0);
	int pop = functions_which(c) == STDDEV_POP || functions_which(c) == VAR_POP, root = functions_which(c) != VAR_POP && functions_which(c) != VAR_SAMP;
	double x = m ? vector_moments_get(&m->of, 0, m->n, pop, root) : NAN;

	if (!isnan(x))
		sqlite3_result_double(c, functions_which(c) == SEM ? x / sqrt((double)m->n) : x);
}

static void
moments_final(sqlite3_context *c)
{
	struct moments *m = sqlite3_aggregate_context(c, 0);

	moments_value(c);
	if (m)
		vector_moments_release(&m->of);
}

/* ---- two variables */

struct pairs { int64_t n; struct vector_regression of; };

static void
pairs_move(sqlite3_context *c, sqlite3_value **v, int sign)     /* arguments are (y, x), as SQL has it; which: the aggregate over columns */
{
	struct pairs *p = sqlite3_aggregate_context(c, sizeof(*p));
	size_t held = 0;
	double x, y;

	if (!p || !number(v[0], &y) || !number(v[1], &x))
		return;
	vector_regression_room(&p->of, 1, &held);
	vector_regression_add(&p->of, 0, x, y, sign);
	p->n += sign;
}

static void
pairs_step(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n;
	pairs_move(c, v, 1);
}

static void
pairs_inverse(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n;
	pairs_move(c, v, -1);
}

static void
pairs_value(sqlite3_context *c)
{
	struct pairs *p = sqlite3_aggregate_context(c, 0);
	enum vector_aggregate_of of = (enum vector_aggregate_of)functions_which(c);
	double x;

	if (of == AGGREGATE_REGR_COUNT)
		sqlite3_result_int64(c, p ? p->n : 0);
	else if (p && !isnan(x = vector_regression_get(&p->of, 0, p->n, of)))
		sqlite3_result_double(c, x);
}

static void
pairs_final(sqlite3_context *c)
{
	struct pairs *p = sqlite3_aggregate_context(c, 0);

	pairs_value(c);
	if (p)
		vector_regression_release(&p->of);
}

/* ---- quantiles, exact: all numbers in a queue */

enum { MEDIAN, CONT, DISC };

struct queue { double *x; sqlite3_int64 first, n, cap; double share; int integers, real; };

static int
queue_add(sqlite3_context *c, struct queue *q, double x)
{
	if (q->n == q->cap) {
		if (q->first > q->cap / 2) {
			memmove(q->x, q->x + q->first, (size_t)(q->n - q->first) * sizeof(double));
			q->n -= q->first;
			q->first = 0;
		} else {
			sqlite3_int64 cap = q->cap ? 2 * q->cap : 32;
			double *more = sqlite3_realloc64(q->x, (sqlite3_uint64)cap * sizeof(double));

			if (!more) {
				sqlite3_result_error_nomem(c);
				return -1;
			}
			q->x = more, q->cap = cap;
		}
	}
	q->x[q->n++] = x;
	return 0;
}

static void
quantile_step(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct queue *q = sqlite3_aggregate_context(c, sizeof(*q));
	double x;

	if (!q)
		return;
	q->share = n > 1 ? sqlite3_value_double(v[1]) : 0.5;
	if (!(q->share >= 0 && q->share <= 1) || (n > 1 && sqlite3_value_numeric_type(v[1]) == SQLITE_TEXT)) {
		functions_error(c, "a quantile is asked for by a share between 0 and 1, such as 0.95");
		return;
	}
	if (!number(v[0], &x))
		return;
	if (sqlite3_value_numeric_type(v[0]) == SQLITE_FLOAT)
		q->real = 1;
	queue_add(c, q, x);
}

static void
quantile_inverse(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct queue *q = sqlite3_aggregate_context(c, sizeof(*q));
	double x;

	(void)n;
	if (q && number(v[0], &x) && q->first < q->n)
		q->first++;
}

/* The k-th smallest to its place, all smaller ones before it (Hoare's quickselect, median of three). Which three nobody can foretell:
 * numbers that are bad for places known beforehand take n * n / 5 steps, in which no deadline is looked at (McIlroy, "A killer adversary
 * for quicksort", 1999). */
static double
nth(double *a, sqlite3_int64 n, sqlite3_int64 k)
{
	sqlite3_int64 low = 0, high = n - 1;
	uint64_t random = str_hash(STR("pivots")) | 1;

	while (low < high) {
		uint64_t span = (uint64_t)(high - low) + 1;
		double x = a[low + (sqlite3_int64)(random % span)], y = a[low + (sqlite3_int64)((random >> 8) % span)], z = a[low + (sqlite3_int64)((random >> 16) % span)];
		double pivot = x < y ? (y < z ? y : x < z ? z : x) : (x < z ? x : y < z ? z : y);
		sqlite3_int64 i = low, j = high;

		random ^= random << 13, random ^= random >> 7, random ^= random << 17;          /* xorshift64 (Marsaglia) */
		while (i <= j) {
			while (a[i] < pivot)
				i++;
			while (a[j] > pivot)
				j--;
			if (i <= j) {
				double t = a[i];

				a[i++] = a[j];
				a[j--] = t;
			}
		}
		if (k <= j)
			high = j;
		else if (k >= i)
			low = i;
		else
			break;
	}
	return a[k];
}

int64_t
functions_quantile_rank(int64_t n, double share, int disc, double *part)
{
	double at = share * (double)(n - 1);
	int64_t k = (int64_t)floor(at);

	*part = at - (double)k;
	if (disc) {
		*part = 0;
		k = (int64_t)ceil(share * (double)n) - 1;
	}
	if (k >= n - 1)
		*part = 0;
	return k < 0 ? 0 : k;
}

struct cell
functions_quantile_between(double below, double above, double part, int disc, int real)
{
	if (disc)
		return !real && fabs(below) < 9007199254740992.0 ? cell_integer((int64_t)below) : cell_real(below);
	return cell_real(part > 0 ? below + (above - below) * part : below);
}

struct cell
functions_quantile(double *x, int64_t n, double share, int disc, int real)
{
	double part, below, above;
	int64_t k = functions_quantile_rank(n, share, disc, &part);

	below = above = nth(x, n, k);
	if (part > 0) {
		above = x[k + 1];       /* the least of those behind */
		for (int64_t i = k + 2; i < n; i++)
			above = x[i] < above ? x[i] : above;
	}
	return functions_quantile_between(below, above, part, disc, real);
}

static void
quantile_give(sqlite3_context *c, double *x, sqlite3_int64 n, double share, int real)
{
	struct cell cell = functions_quantile(x, n, share, functions_which(c) == DISC, real);

	functions_give(c, &cell);
}

static void
quantile_value(sqlite3_context *c)
{
	struct queue *q = sqlite3_aggregate_context(c, 0);
	sqlite3_int64 n = q ? q->n - q->first : 0;
	double *copy;

	if (n <= 0)
		return;
	if (!(copy = sqlite3_malloc64((sqlite3_uint64)n * sizeof(double)))) {
		sqlite3_result_error_nomem(c);
		return;
	}
	memcpy(copy, q->x + q->first, (size_t)n * sizeof(double));
	quantile_give(c, copy, n, q->share, q->real);
	sqlite3_free(copy);
}

static void
quantile_final(sqlite3_context *c)
{
	struct queue *q = sqlite3_aggregate_context(c, 0);

	if (!q)
		return;
	if (q->n > q->first)
		quantile_give(c, q->x + q->first, q->n - q->first, q->share, q->real);
	sqlite3_free(q->x);
	q->x = NULL;
}

/* quantiles(x, 0.5, 0.9, …): a JSON array */
struct shares { struct queue q; int n; double share[16]; };

static void
quantiles_step(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct shares *s = sqlite3_aggregate_context(c, sizeof(*s));
	double x;

	if (!s)
		return;
	if (!s->n)
		for (s->n = n - 1 < 16 ? n - 1 : 16, n = 0; n < s->n; n++)
			s->share[n] = fmin(1, fmax(0, sqlite3_value_double(v[n + 1])));
	if (!number(v[0], &x))
		return;
	s->q.real |= sqlite3_value_numeric_type(v[0]) == SQLITE_FLOAT;
	queue_add(c, &s->q, x);
}

static void
quantiles_final(sqlite3_context *c)
{
	struct shares *s = sqlite3_aggregate_context(c, 0);
	struct buf out = {0};

	if (!s || !s->q.n)
		return;
	buf_byte(&out, '[');
	for (int i = 0; i < s->n; i++) {
		struct cell cell = functions_quantile(s->q.x, s->q.n, s->share[i], functions_which(c) == DISC, s->q.real);

		buf_lit(&out, i ? "," : "");
		cell_put_json(&out, &cell);
	}
	buf_byte(&out, ']');
	functions_give_text(c, buf_get(&out));
	buf_release(&out);
	sqlite3_free(s->q.x);
	s->q.x = NULL;
}

/* ---- sketches */

struct sketch { struct distinct *distinct; struct quantile *quantile; double share; };

static struct str
key_of(sqlite3_value *v, char tmp[40])          /* one text for equal values: 1 and 1.0 are the same */
{
	double x = sqlite3_value_type(v) == SQLITE_FLOAT ? sqlite3_value_double(v) : 0.5;

	if (x == floor(x) && fabs(x) < 9e15) {
		sqlite3_snprintf(40, tmp, "%lld", (sqlite3_int64)x);
		return str_of(tmp);
	}
	return functions_text_of(v);
}

static void
distinct_step(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct sketch *s = sqlite3_aggregate_context(c, sizeof(*s));
	char tmp[40];

	(void)n;
	if (!s || functions_is_null(v[0]))
		return;
	if (!s->distinct)
		s->distinct = distinct_new();
	distinct_add(s->distinct, key_of(v[0], tmp));
}

static void
distinct_final(sqlite3_context *c)
{
	struct sketch *s = sqlite3_aggregate_context(c, 0);

	sqlite3_result_int64(c, s && s->distinct ? (sqlite3_int64)distinct_get(s->distinct) : 0);
	if (s)
		distinct_free(s->distinct), s->distinct = NULL;
}

static void
approx_step(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct sketch *s = sqlite3_aggregate_context(c, sizeof(*s));
	double x;

	(void)n;
	if (!s)
		return;
	s->share = sqlite3_value_double(v[1]);
	if (!s->quantile)
		s->quantile = quantile_new();
	if (number(v[0], &x))
		quantile_add(s->quantile, x);
}

static void
approx_final(sqlite3_context *c)
{
	struct sketch *s = sqlite3_aggregate_context(c, 0);
	double x;

	if (!s || !s->quantile)
		return;
	x = quantile_get(s->quantile, fmin(1, fmax(0, s->share)));
	if (!isnan(x))
		sqlite3_result_double(c, x);
	quantile_free(s->quantile);
	s->quantile = NULL;
}

/* ---- values as texts */

void
functions_put_text(struct buf *to, const struct cell *cell)
{
	char number[40];

	if (cell->type == CELL_TEXT) {
		buf_str(to, cell->text);
	} else if (cell->type == CELL_INTEGER) {
		buf_int64(to, cell->integer);
	} else if (cell->type == CELL_REAL) {
		sqlite3_snprintf(sizeof(number), number, "%!.15g", cell->real);
		buf_lit(to, number);
	}
}

void
functions_put_once(struct buf *to, const struct cell *cell, enum functions_once once)
{
	struct cell whole = *cell;

	if (once == ONCE_TEXT) {
		functions_put_text(to, cell);
		return;
	}
	if (once == ONCE_VALUE && cell->type == CELL_REAL && cell->real == floor(cell->real) && fabs(cell->real) < 9.2e18)
		whole = cell_integer((int64_t)cell->real);
	buf_byte(to, "znrs"[whole.type == CELL_INTEGER ? 1 : whole.type == CELL_REAL ? 2 : whole.type == CELL_TEXT ? 3 : 0]);   /* a letter before the value tells the types apart */
	if (whole.type == CELL_NULL)
		return;
	if (whole.type == CELL_REAL)
		buf_add(to, &whole.real, sizeof(whole.real));
	else if (whole.type == CELL_INTEGER)
		buf_add(to, &whole.integer, sizeof(whole.integer));
	else
		buf_str(to, whole.text);
}

/* ---- counts of values: the most frequent, histogram, entropy
 *
 * Numbers that are equal are one value, 1 rather than 1.0: they are counted apart and joined at the end. */

enum { MODE, HISTOGRAM, ENTROPY, TOPK };

struct counts { struct map map; int64_t n; int64_t most; struct topk *topk; };  /* topk: once there are too many different ones */

static int
by_text(const void *a, const void *b)
{
	return str_cmp(((const struct functions_count *)a)->value.text, ((const struct functions_count *)b)->value.text);
}

static int
by_value(const void *a, const void *b)
{
	return vector_compare(&((const struct functions_count *)a)->value, &((const struct functions_count *)b)->value);
}

static int
by_times(const void *a, const void *b)
{
	const struct functions_count *x = a, *y = b;

	return (x->times > y->times) - (x->times < y->times);
}

static int
most_first(const void *a, const void *b)
{
	const struct functions_count *x = a, *y = b;

	return x->times != y->times ? (x->times < y->times) - (x->times > y->times) : str_cmp(x->value.text, y->value.text);
}

static void
sort(struct functions_count *item, size_t n, int (*by)(const void *, const void *))
{
	if (n > 1)
		qsort(item, n, sizeof(*item), by);
}

static void
put_texts(struct buf *out, const struct functions_count *item, size_t n)
{
	buf_byte(out, '[');
	for (size_t i = 0; i < n; i++) {
		buf_lit(out, i ? "," : "");
		json_put_string(out, item[i].value.text);
	}
	buf_byte(out, ']');
}

/* Numbers that are equal become one, which came when the first of them did. */
static size_t
join_equal(struct functions_count *item, size_t n)
{
	size_t kept = 0, reals = 0;

	for (size_t i = 0; i < n; i++) {
		reals += item[i].value.type == CELL_REAL;
		item[i].first = i;
	}
	if (!reals)
		return n;
	sort(item, n, by_value);
	for (size_t i = 1; i < n; i++) {
		struct functions_count *to = &item[kept];

		if (vector_compare(&item[i].value, &to->value) != 0) {
			item[++kept] = item[i];
			continue;
		}
		to->times += item[i].times;
		to->first = item[i].first < to->first ? item[i].first : to->first;
		if (vector_stands_for(&item[i].value, &to->value))
			to->value = item[i].value;
	}
	return kept + 1;
}

/* Values become their texts, and those of one text one: 1 and '1'. */
static size_t
as_texts(struct functions_count *item, size_t n, struct buf *texts)
{
	size_t numbers = 0, kept = 0;

	for (size_t i = 0; i < n; i++)
		numbers += item[i].value.type != CELL_TEXT;
	if (!numbers)
		return n;
	buf_room(texts, 40 * numbers);          /* so that it stays where it is */
	for (size_t i = 0; i < n; i++) {
		struct cell *v = &item[i].value;
		char *to = texts->p + texts->n;

		if (v->type == CELL_TEXT)
			continue;
		if (v->type == CELL_REAL && v->real == floor(v->real) && fabs(v->real) < 9.2e18)
			*v = cell_integer((int64_t)v->real);
		functions_put_text(texts, v);
		*v = cell_text((struct str){ to, (size_t)(texts->p + texts->n - to) });
	}
	sort(item, n, by_text);
	for (size_t i = 1; i < n; i++)
		if (str_eq(item[i].value.text, item[kept].value.text))
			item[kept].times += item[i].times;
		else
			item[++kept] = item[i];
	return kept + 1;
}

/* The k most frequent to the front, in order; k small beside n: most are compared once and no more. */
static size_t
most_frequent(struct functions_count *item, size_t n, size_t k)
{
	size_t n_best = n < k ? n : k;

	if (n <= 8 * k) {
		sort(item, n, most_first);
		return n_best;
	}
	sort(item, n_best, most_first);
	for (size_t i = n_best; i < n; i++) {
		struct functions_count one = item[i];
		size_t low = 0, high = n_best;

		if (most_first(&one, &item[n_best - 1]) >= 0)
			continue;
		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (most_first(&one, &item[middle]) < 0)
				high = middle;
			else
				low = middle + 1;
		}
		item[i] = item[n_best - 1];
		memmove(item + low + 1, item + low, (n_best - 1 - low) * sizeof(*item));
		item[low] = one;
	}
	return n_best;
}

void
functions_topk(struct functions_count *item, size_t n, int64_t k, struct buf *out)
{
	struct buf texts = {0};

	n = as_texts(item, n, &texts);
	put_texts(out, item, most_frequent(item, n, (size_t)k));
	buf_release(&texts);
}

void
functions_histogram(struct functions_count *item, size_t n, struct buf *out)
{
	struct buf key = {0};

	n = join_equal(item, n);
	sort(item, n, by_value);
	buf_byte(out, '{');
	for (size_t i = 0; i < n; i++) {
		buf_lit(out, i ? "," : "");
		buf_clear(&key);
		if (item[i].value.type != CELL_TEXT)
			cell_put_json(&key, &item[i].value);
		json_put_key(out, item[i].value.type == CELL_TEXT ? item[i].value.text : buf_get(&key));
		json_put_int64(out, item[i].times);
	}
	buf_byte(out, '}');
	buf_release(&key);
}

struct cell
functions_mode(struct functions_count *item, size_t n)
{
	size_t best = 0;

	n = join_equal(item, n);
	for (size_t i = 1; i < n; i++)
		if (item[i].times > item[best].times || (item[i].times == item[best].times && item[i].first < item[best].first))
			best = i;
	return n ? item[best].value : cell_null();
}

double
functions_entropy(struct functions_count *item, size_t n)
{
	double all = 0, entropy = 0;

	n = join_equal(item, n);
	sort(item, n, by_times);        /* in any other order the last digit might be another */
	for (size_t i = 0; i < n; i++)
		all += (double)item[i].times;
	for (size_t i = 0; i < n; i++)
		entropy -= (double)item[i].times / all * log2((double)item[i].times / all);
	return entropy;
}

/* What was counted, in the order in which it came first; the caller frees. */
static struct functions_count *
counted(const struct map *map, size_t *n)
{
	struct functions_count *item = mem_grow(NULL, map->n + 1, sizeof(*item));

	*n = 0;
	for (struct map_entry *e = map_first(map); e; e = map_next(map, e)) {
		struct str value = { e->key.p + 1, e->key.n - 1 };
		struct cell *v = &item[*n].value;

		*v = *e->key.p == 's' ? cell_text(value) : *e->key.p == 'r' ? cell_real(0) : cell_integer(0);
		if (v->type == CELL_REAL)
			memcpy(&v->real, value.p, sizeof(v->real));
		else if (v->type == CELL_INTEGER)
			memcpy(&v->integer, value.p, sizeof(v->integer));
		item[*n].times = e->num;
		(*n)++;
	}
	return item;
}

/* What is too much to be counted is followed by a sketch. */
static void
to_sketch(struct counts *s)
{
	struct buf texts = {0};
	size_t n;
	struct functions_count *item = counted(&s->map, &n);

	n = as_texts(item, n, &texts);
	s->topk = topk_new((int)s->most);
	for (size_t i = 0; i < n; i++)
		topk_add(s->topk, item[i].value.text, (uint64_t)item[i].times);
	free(item);
	buf_release(&texts);
	map_release(&s->map);
}

static void
counts_step(sqlite3_context *c, int n, sqlite3_value **v)       /* TOPK: (x, k) */
{
	struct counts *s = sqlite3_aggregate_context(c, sizeof(*s));
	struct buf key = {0};
	struct cell cell;
	char tmp[40];

	if (!s)
		return;
	if (functions_which(c) == TOPK && !s->most) {
		s->most = n > 1 ? sqlite3_value_int64(v[1]) : 10;
		if (s->most < 1 || s->most > TOPK_MOST) {
			s->most = 0;
			functions_error(c, "topk(x, k) wants k from 1 to %d", TOPK_MOST);
			return;
		}
	}
	if (functions_is_null(v[0]))
		return;
	if (s->topk) {
		topk_add(s->topk, key_of(v[0], tmp), 1);
		return;
	}
	cell = functions_cell(v[0]);
	s->n++;
	if (cell.type == CELL_TEXT && cell.text.n < 200) {
		char small[208];

		small[0] = 's';
		memcpy(small + 1, cell.text.p, cell.text.n);
		map_put(&s->map, (struct str){ small, cell.text.n + 1 }, NULL)->num++;
	} else {
		functions_put_once(&key, &cell, ONCE_TYPED);
		map_put(&s->map, buf_get(&key), NULL)->num++;
		buf_release(&key);
	}
	if (functions_which(c) == TOPK && s->map.n > COUNTED_MOST)
		to_sketch(s);
	else if (s->map.n > DIFFERENT_MOST)
		functions_error(c, "more than %d different values, use topk", DIFFERENT_MOST);
}

static void
put_sketch(const struct counts *s, struct buf *out)
{
	struct topk_item *items = mem_grow(NULL, (size_t)s->most, sizeof(*items));
	int n = topk_get(s->topk, items);

	buf_byte(out, '[');
	for (int i = 0; i < n; i++) {
		buf_lit(out, i ? "," : "");
		json_put_string(out, items[i].value);
	}
	buf_byte(out, ']');
	free(items);
}

static void
counts_final(sqlite3_context *c)
{
	struct counts *s = sqlite3_aggregate_context(c, 0), none = {0};
	struct functions_count *item;
	struct cell mode;
	size_t n;
	struct buf out = {0};

	if (!s && functions_which(c) != TOPK && functions_which(c) != ENTROPY)
		return;
	s = s ? s : &none;
	item = counted(&s->map, &n);
	switch (functions_which(c)) {
	case MODE:
		mode = functions_mode(item, n);
		functions_give(c, &mode);
		break;
	case ENTROPY:
		sqlite3_result_double(c, functions_entropy(item, n));
		break;
	case HISTOGRAM:
		if (n)
			functions_histogram(item, n, &out);
		break;
	case TOPK:
		if (s->topk)
			put_sketch(s, &out);
		else
			functions_topk(item, n, s->most, &out);
	}
	if (out.n)
		functions_give_text(c, buf_get(&out));
	buf_release(&out);
	free(item);
	topk_free(s->topk);
	s->topk = NULL;
	map_release(&s->map);
}

/* ---- one value of many */

enum { ARG_MIN = -1, ARG_MAX = 1, FIRST, LAST, ANY, ORDERED_FIRST, ORDERED_LAST };

struct pick { sqlite3_value *value, *key; int64_t n; };

static int
compare(sqlite3_value *a, sqlite3_value *b)
{
	struct cell x = functions_cell(a), y = functions_cell(b);

	return vector_compare(&x, &y);
}

static void
pick_set(sqlite3_context *c, struct pick *p, sqlite3_value *value, sqlite3_value *key)
{
	sqlite3_value_free(p->value);
	sqlite3_value_free(p->key);
	p->value = sqlite3_value_dup(value);
	p->key = key ? sqlite3_value_dup(key) : NULL;
	if (!p->value || (key && !p->key))      /* no NULL of the data, but no memory */
		sqlite3_result_error_nomem(c);
}

static void
pick_step(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct pick *p = sqlite3_aggregate_context(c, sizeof(*p));
	int order;

	(void)n;
	if (!p)
		return;
	switch (functions_which(c)) {
	case ARG_MIN:
	case ARG_MAX:           /* (value, key) */
		if (!functions_is_null(v[1]) && !functions_is_null(v[0]) && (!p->key || compare(v[1], p->key) * functions_which(c) > 0))
			pick_set(c, p, v[0], v[1]);
		break;
	case FIRST:
		if (p->n++ == 0)
			pick_set(c, p, v[0], NULL);
		break;
	case ANY:
		if (!functions_is_null(v[0]) && p->n++ == 0)
			pick_set(c, p, v[0], NULL);
		break;
	case LAST:
		pick_set(c, p, v[0], NULL);
		break;
	default:                /* (value, key, descending, separator) */
		order = !p->key ? 1 : compare(p->key, v[1]) * (sqlite3_value_int(v[2]) ? -1 : 1);
		if (functions_which(c) == ORDERED_FIRST ? order > 0 : order <= 0 || !p->key)
			pick_set(c, p, v[0], v[1]);
	}
}

static void
pick_value(sqlite3_context *c)
{
	struct pick *p = sqlite3_aggregate_context(c, 0);

	if (p && p->value)
		sqlite3_result_value(c, p->value);
}

static void
pick_final(sqlite3_context *c)
{
	struct pick *p = sqlite3_aggregate_context(c, 0);

	pick_value(c);
	if (p) {
		sqlite3_value_free(p->value);
		sqlite3_value_free(p->key);
		p->value = p->key = NULL;
	}
}

/* ---- the n-th value of a frame that is none of its NULLs: first_value() and its kin with IGNORE NULLS; or of all values that pass a FILTER,
 * which SQLite's own do not take */

enum { FROM_FIRST, FROM_LAST, FROM_FIRST_OF_ALL, FROM_LAST_OF_ALL };

struct there { sqlite3_value **value; size_t from, n, cap; int64_t nth; };      /* a queue: value[from] … value[n - 1] */

static int
passed_over(sqlite3_context *c, sqlite3_value *v)
{
	return functions_which(c) < FROM_FIRST_OF_ALL && functions_is_null(v);
}

static void
there_step(sqlite3_context *c, int n, sqlite3_value **v)        /* (value, n) */
{
	struct there *t = sqlite3_aggregate_context(c, sizeof(*t));

	(void)n;
	if (!t)
		return;
	t->nth = sqlite3_value_int64(v[1]);
	if (t->nth < 1) {
		functions_error(c, "IGNORE NULLS wants the first, second … of the values, counted from 1");
		return;
	}
	if (passed_over(c, v[0]))
		return;
	if (t->n == t->cap && t->from > t->cap / 2) {
		memmove(t->value, t->value + t->from, (t->n - t->from) * sizeof(*t->value));
		t->n -= t->from;
		t->from = 0;
	} else if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 16;
		t->value = mem_grow(t->value, t->cap, sizeof(*t->value));
	}
	if ((t->value[t->n] = sqlite3_value_dup(v[0])))
		t->n++;
	else
		sqlite3_result_error_nomem(c);
}

static void
there_inverse(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct there *t = sqlite3_aggregate_context(c, sizeof(*t));

	(void)n;
	if (t && !passed_over(c, v[0]) && t->from < t->n)
		sqlite3_value_free(t->value[t->from++]);
}

static void
there_value(sqlite3_context *c)
{
	struct there *t = sqlite3_aggregate_context(c, 0);

	if (t && t->nth >= 1 && (uint64_t)t->nth <= t->n - t->from)
		sqlite3_result_value(c, t->value[functions_which(c) == FROM_FIRST || functions_which(c) == FROM_FIRST_OF_ALL ? t->from + (size_t)t->nth - 1 : t->n - (size_t)t->nth]);
}

static void
there_final(sqlite3_context *c)
{
	struct there *t = sqlite3_aggregate_context(c, 0);

	there_value(c);
	for (; t && t->from < t->n; t->from++)
		sqlite3_value_free(t->value[t->from]);
	if (t) {
		free(t->value);
		*t = (struct there){0};
	}
}

/* ---- texts and lists */

struct ordered { size_t from, n; sqlite3_value *key; int64_t order; };     /* a piece of out */
struct texts { struct buf out; int64_t n; struct map seen; struct ordered *item; size_t items, cap; int down; struct buf separator; };

static void
text_step(sqlite3_context *c, int n, sqlite3_value **v)         /* string_agg(x[, separator]); which 1: each value once */
{
	struct texts *t = sqlite3_aggregate_context(c, sizeof(*t));
	int is_new;

	if (!t || functions_is_null(v[0]))
		return;
	if (functions_which(c) == 1) {
		map_put(&t->seen, functions_text_of(v[0]), &is_new);
		if (!is_new)
			return;
	}
	if (t->out.n > 500u << 20) {
		functions_error(c, "a text of more than 500 MiB");
		return;
	}
	if (t->n++)
		buf_str(&t->out, n > 1 ? functions_text_of(v[1]) : STR(","));
	buf_str(&t->out, functions_text_of(v[0]));
}

static void
list_step(sqlite3_context *c, int n, sqlite3_value **v)         /* which 1: each value once */
{
	struct texts *t = sqlite3_aggregate_context(c, sizeof(*t));
	struct cell cell = functions_cell(v[0]);
	int is_new;

	(void)n;
	if (!t || (functions_which(c) == 1 && functions_is_null(v[0])))
		return;
	if (functions_which(c) == 1) {
		map_put(&t->seen, functions_text_of(v[0]), &is_new);
		if (!is_new)
			return;
	}
	if (t->out.n > 500u << 20) {
		functions_error(c, "a list of more than 500 MiB");
		return;
	}
	buf_byte(&t->out, t->n++ ? ',' : '[');
	cell_put_json(&t->out, &cell);
}

static void
text_final(sqlite3_context *c)
{
	struct texts *t = sqlite3_aggregate_context(c, 0);

	if (t && t->n)
		functions_give_text(c, buf_get(&t->out));
	if (t)
		buf_release(&t->out), map_release(&t->seen);
}

static void
list_final(sqlite3_context *c)
{
	struct texts *t = sqlite3_aggregate_context(c, 0);

	if (t && t->n) {
		buf_byte(&t->out, ']');
		functions_give_text(c, buf_get(&t->out));
	}
	if (t)
		buf_release(&t->out), map_release(&t->seen);
}

enum { AS_LIST = 1, ONCE = 2 };

/* Did the value not come before? A number is what it is worth, and no text. */
static int
is_first(struct texts *t, const struct cell *cell)
{
	struct buf key = {0};
	int is_new;

	functions_put_once(&key, cell, ONCE_VALUE);
	map_put(&t->seen, buf_get(&key), &is_new);
	buf_release(&key);
	return is_new;
}

static void
ordered_step(sqlite3_context *c, int n, sqlite3_value **v)      /* (value, key, descending, separator); which & AS_LIST, & ONCE: each value once */
{
	struct texts *t = sqlite3_aggregate_context(c, sizeof(*t));
	struct cell cell = functions_cell(v[0]);
	size_t from;

	(void)n;
	if (!t || (!(functions_which(c) & AS_LIST) && functions_is_null(v[0])) || (functions_which(c) & ONCE && !is_first(t, &cell)))
		return;
	if (t->items == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 32;
		t->item = mem_grow(t->item, t->cap, sizeof(*t->item));
	}
	if (!t->items) {
		t->down = sqlite3_value_int(v[2]);
		buf_str(&t->separator, functions_text_of(v[3]));
	}
	if (t->out.n > 500u << 20) {
		functions_error(c, "a text of more than 500 MiB");
		return;
	}
	from = t->out.n;
	if (functions_which(c) & AS_LIST)
		cell_put_json(&t->out, &cell);
	else
		buf_str(&t->out, functions_text_of(v[0]));
	t->item[t->items] = (struct ordered){ from, t->out.n - from, sqlite3_value_dup(v[1]), (int64_t)t->items };
	if (!t->item[t->items].key) {
		sqlite3_result_error_nomem(c);
		return;
	}
	t->items++;
}

static int
by_order(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;
	int order = x->key && y->key ? compare(x->key, y->key) : 0;

	return order ? order : (x->order > y->order) - (x->order < y->order);
}

static void
ordered_final(sqlite3_context *c)
{
	struct texts *t = sqlite3_aggregate_context(c, 0);
	struct buf out = {0};

	if (!t || !t->items)
		return;
	for (size_t i = 0; t->down && i < t->items; i++)
		t->item[i].order = -t->item[i].order;
	qsort(t->item, t->items, sizeof(*t->item), by_order);
	if (functions_which(c) & AS_LIST)
		buf_byte(&out, '[');
	for (size_t i = 0; i < t->items; i++) {
		struct ordered *o = &t->item[t->down ? t->items - 1 - i : i];

		if (i)
			buf_str(&out, functions_which(c) & AS_LIST ? STR(",") : buf_get(&t->separator));
		buf_add(&out, t->out.p + o->from, o->n);
	}
	if (functions_which(c) & AS_LIST)
		buf_byte(&out, ']');
	functions_give_text(c, buf_get(&out));
	for (size_t i = 0; i < t->items; i++)
		sqlite3_value_free(t->item[i].key);
	free(t->item);
	map_release(&t->seen);
	buf_release(&out), buf_release(&t->out), buf_release(&t->separator);
}

/* ---- conditions, bits, products */

enum { COUNT_IF, BOOL_OR, BOOL_AND, PRODUCT, GEOMEAN, BIT_OR, BIT_AND, BIT_XOR };

struct tally { int64_t n, yes, bits; double product; struct vector_sums logarithms; };

static void
tally_move(sqlite3_context *c, sqlite3_value **v, int sign)
{
	struct tally *t = sqlite3_aggregate_context(c, sizeof(*t));
	size_t held = 0;
	double x;

	if (!t)
		return;
	switch (functions_which(c)) {
	case COUNT_IF:
		t->yes += sign * is_true(v[0]);
		break;
	case BOOL_OR:
	case BOOL_AND:
		if (!functions_is_null(v[0])) {
			t->n += sign;
			t->yes += sign * is_true(v[0]);
		}
		break;
	case PRODUCT:
		if (number(v[0], &x))
			t->product = t->n++ ? t->product * x : x;
		break;
	case GEOMEAN:
		if (number(v[0], &x)) {
			vector_sums_room(&t->logarithms, 1, 0, 1, &held);
			t->n += sign;
			vector_sums_add_real(&t->logarithms, 0, sign * log(x));
		}
		break;
	default:
		if (functions_is_null(v[0]))
			return;
		if (t->n++ == 0)
			t->bits = sqlite3_value_int64(v[0]);
		else if (functions_which(c) == BIT_OR)
			t->bits |= sqlite3_value_int64(v[0]);
		else if (functions_which(c) == BIT_AND)
			t->bits &= sqlite3_value_int64(v[0]);
		else
			t->bits ^= sqlite3_value_int64(v[0]);
	}
}

static void
tally_step(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n;
	tally_move(c, v, 1);
}

static void
tally_inverse(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n;
	tally_move(c, v, -1);
}

static void
tally_value(sqlite3_context *c)
{
	struct tally *t = sqlite3_aggregate_context(c, 0);
	double sum = 0;

	if (functions_which(c) == COUNT_IF) {
		sqlite3_result_int64(c, t ? t->yes : 0);
		return;
	}
	if (!t || t->n <= 0)
		return;
	switch (functions_which(c)) {
	case BOOL_OR:
		sqlite3_result_int(c, t->yes > 0);
		break;
	case BOOL_AND:
		sqlite3_result_int(c, t->yes == t->n);
		break;
	case PRODUCT:
		sqlite3_result_double(c, t->product);
		break;
	case GEOMEAN:
		vector_sums_get(&t->logarithms, 0, &sum, NULL);
		if (!isnan(sum))
			sqlite3_result_double(c, exp(sum / (double)t->n));
		break;
	default:
		sqlite3_result_int64(c, t->bits);
	}
}

static void
tally_final(sqlite3_context *c)
{
	struct tally *t = sqlite3_aggregate_context(c, 0);

	tally_value(c);
	if (t)
		vector_sums_release(&t->logarithms);
}

#define MOMENTS(name, which)   { name, 1, 1, which, NULL, moments_step, moments_inverse, moments_value, moments_final, 0 }
#define PAIRS(name, which)     { name, 2, 2, which, NULL, pairs_step, pairs_inverse, pairs_value, pairs_final, 0 }
#define QUANTILE(name, n, how) { name, n, n, how, NULL, quantile_step, quantile_inverse, quantile_value, quantile_final }
#define TALLY(name, n, which)  { name, n, n, which, NULL, tally_step, tally_inverse, tally_value, tally_final, 0 }
#define PICK(name, n, which)   { name, n, n, which, NULL, pick_step, NULL, pick_value, pick_final, FUNCTIONS_ORDERED }
#define PLAIN(name, least, most, which, step, final) { name, least, most, which, NULL, step, NULL, NULL, final }
#define IN_ORDER(name, least, most, which, step, final) { name, least, most, which, NULL, step, NULL, NULL, final, FUNCTIONS_ORDERED }

const struct function functions_aggregate[] = {
	MOMENTS("stddev", STDDEV_SAMP), MOMENTS("stddev_samp", STDDEV_SAMP), MOMENTS("stddevsamp", STDDEV_SAMP), MOMENTS("stdev", STDDEV_SAMP),
	MOMENTS("stddev_pop", STDDEV_POP), MOMENTS("stddevpop", STDDEV_POP), MOMENTS("variance", VAR_SAMP), MOMENTS("var_samp", VAR_SAMP), MOMENTS("varsamp", VAR_SAMP),
	MOMENTS("var_pop", VAR_POP), MOMENTS("varpop", VAR_POP), MOMENTS("sem", SEM),
	PAIRS("corr", AGGREGATE_CORR), PAIRS("covar_pop", AGGREGATE_COVAR_POP), PAIRS("covar_samp", AGGREGATE_COVAR_SAMP), PAIRS("regr_slope", AGGREGATE_REGR_SLOPE), PAIRS("regr_intercept", AGGREGATE_REGR_INTERCEPT),
	PAIRS("regr_r2", AGGREGATE_REGR_R2), PAIRS("regr_count", AGGREGATE_REGR_COUNT), PAIRS("regr_avgx", AGGREGATE_REGR_AVGX), PAIRS("regr_avgy", AGGREGATE_REGR_AVGY),
	PAIRS("regr_sxx", AGGREGATE_REGR_SXX), PAIRS("regr_syy", AGGREGATE_REGR_SYY), PAIRS("regr_sxy", AGGREGATE_REGR_SXY),
	QUANTILE("median", 1, MEDIAN), QUANTILE("quantile", 2, CONT), QUANTILE("quantile", 1, CONT), QUANTILE("quantile_cont", 2, CONT), QUANTILE("percentile_cont", 2, CONT),
	QUANTILE("quantileexact", 2, CONT), QUANTILE("percentile", 2, CONT), QUANTILE("quantile_disc", 2, DISC), QUANTILE("percentile_disc", 2, DISC),
	PLAIN("quantiles", 2, -1, CONT, quantiles_step, quantiles_final), PLAIN("quantiles_disc", 2, -1, DISC, quantiles_step, quantiles_final),
	PLAIN("approx_quantile", 2, 2, 0, approx_step, approx_final), PLAIN("approx_percentile", 2, 2, 0, approx_step, approx_final),
	PLAIN("approx_count_distinct", 1, 1, 0, distinct_step, distinct_final), PLAIN("uniq", 1, 1, 0, distinct_step, distinct_final),
	PLAIN("uniqhll12", 1, 1, 0, distinct_step, distinct_final), PLAIN("uniqcombined", 1, 1, 0, distinct_step, distinct_final),
	PLAIN("topk", 1, 2, TOPK, counts_step, counts_final), PLAIN("approx_top_k", 2, 2, TOPK, counts_step, counts_final),
	IN_ORDER("mode", 1, 1, MODE, counts_step, counts_final), PLAIN("histogram", 1, 1, HISTOGRAM, counts_step, counts_final), PLAIN("entropy", 1, 1, ENTROPY, counts_step, counts_final),
	PICK("arg_max", 2, ARG_MAX), PICK("argmax", 2, ARG_MAX), PICK("max_by", 2, ARG_MAX), PICK("arg_min", 2, ARG_MIN), PICK("argmin", 2, ARG_MIN), PICK("min_by", 2, ARG_MIN),
	PICK("first", 1, FIRST), PICK("last", 1, LAST), PICK("anylast", 1, LAST), PICK("any_value", 1, ANY), PICK("any", 1, ANY), PICK("arbitrary", 1, FIRST),
	{ "nth_there", 2, 2, FROM_FIRST, NULL, there_step, there_inverse, there_value, there_final, 0 }, { "nth_last_there", 2, 2, FROM_LAST, NULL, there_step, there_inverse, there_value, there_final, 0 },
	{ "nth_of_all", 2, 2, FROM_FIRST_OF_ALL, NULL, there_step, there_inverse, there_value, there_final, 0 }, { "nth_last_of_all", 2, 2, FROM_LAST_OF_ALL, NULL, there_step, there_inverse, there_value, there_final, 0 },
	PICK("ordered_first", 4, ORDERED_FIRST), PICK("ordered_last", 4, ORDERED_LAST),
	IN_ORDER("string_agg", 1, 2, 0, text_step, text_final), IN_ORDER("listagg", 1, 2, 0, text_step, text_final), IN_ORDER("distinct_text", 2, 2, 1, text_step, text_final),
	IN_ORDER("array_agg", 1, 1, 0, list_step, list_final), IN_ORDER("list", 1, 1, 0, list_step, list_final), IN_ORDER("grouparray", 1, 1, 0, list_step, list_final),
	IN_ORDER("groupuniqarray", 1, 1, 1, list_step, list_final),
	IN_ORDER("ordered_text", 4, 4, 0, ordered_step, ordered_final), IN_ORDER("ordered_list", 4, 4, AS_LIST, ordered_step, ordered_final),
	IN_ORDER("ordered_texts_once", 4, 4, ONCE, ordered_step, ordered_final), IN_ORDER("ordered_list_once", 4, 4, AS_LIST | ONCE, ordered_step, ordered_final),
	TALLY("count_if", 1, COUNT_IF), TALLY("countif", 1, COUNT_IF),
	TALLY("bool_or", 1, BOOL_OR), TALLY("bool_and", 1, BOOL_AND), TALLY("every", 1, BOOL_AND), TALLY("logical_or", 1, BOOL_OR), TALLY("logical_and", 1, BOOL_AND),
	TALLY("geomean", 1, GEOMEAN), TALLY("geometric_mean", 1, GEOMEAN),
	IN_ORDER("product", 1, 1, PRODUCT, tally_step, tally_value), PLAIN("bit_or", 1, 1, BIT_OR, tally_step, tally_value),
	PLAIN("bit_and", 1, 1, BIT_AND, tally_step, tally_value), PLAIN("bit_xor", 1, 1, BIT_XOR, tally_step, tally_value),
	{ 0 }
};
