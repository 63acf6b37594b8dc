#include "insight/explain.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/order.h"

#define CELLS_MOST  (4u << 20)
#define WORK_MOST   (24u << 20)         /* cells times combinations of dimensions, 4 bytes each */
#define VALUES_MOST 1000                /* of a dimension that are told apart */
#define FIT_MOST    4096                /* cells that the noise is fitted to */
#define MOVED       4                   /* shares of cells that moved which are tried */
#define STEPS       24                  /* of either noise that are tried */
#define LEVEL       3.0                 /* nats: e^-3 = 0.05 */
#define ALONE       1.0                 /* nats more for a cell by itself: noise has fatter tails than the normal one */
#define PRIOR       100                 /* observations that the whole's rate counts for in that of a cell */
#define LEAST_SPREAD 0.005              /* in proportion: nothing real is steadier */
#define WEAK_EFFECT 0.13                /* of the strongest cause's: weaker ones are drift, */
#define WEAK_CHANGE 0.5                 /* unless they amount to this part of the greatest */
#define OTHER       UINT32_MAX
#define NO_CELL     255

static const double unlike[] = { 0, 0.1, 0.2, 0.4, 0.8 };       /* k: how unlike the cells of one cause may be, as part of its effect */
#define UNLIKES (sizeof(unlike) / sizeof(*unlike))

struct dim { struct map values; struct str *name; uint32_t n, cap; };

struct cell_sum { double num[2], den[2]; };

struct explain {
	enum explain_kind kind;
	int n_dims;
	struct dim dim[EXPLAIN_DIMS];
	struct map cells;
	struct buf key;
	struct cell_sum *sum;
	uint32_t *code;                 /* n_dims for each cell */
	size_t n, cap;
	struct explain_answer answer;
};

struct explain *
explain_new(enum explain_kind kind, int n_dims)
{
	struct explain *e = mem_new(sizeof(*e));

	assert(n_dims >= 0 && n_dims <= EXPLAIN_DIMS);
	e->kind = kind;
	e->n_dims = n_dims;
	return e;
}

void
explain_free(struct explain *e)
{
	if (!e)
		return;
	for (int d = 0; d < e->n_dims; d++) {
		map_release(&e->dim[d].values);
		free(e->dim[d].name);
	}
	map_release(&e->cells);
	buf_release(&e->key);
	free(e->sum);
	free(e->code);
	free(e);
}

static uint32_t
code_of(struct dim *d, struct str value)
{
	int is_new;
	struct map_entry *v = map_put(&d->values, value, &is_new);

	if (is_new) {
		v->num = d->n;
		if (d->n == d->cap)
			d->name = mem_grow(d->name, d->cap = d->cap ? 2 * d->cap : 16, sizeof(*d->name));
		d->name[d->n++] = v->key;
	}
	return (uint32_t)v->num;
}

int
explain_add(struct explain *e, const struct str *values, int after, double num, double den, struct err *err)
{
	struct map_entry *cell;
	uint32_t code;
	int is_new;

	if (!isfinite(num) || !isfinite(den) || fabs(num) > 1e100 || fabs(den) > 1e100)
		return err_set(err, ERR_INPUT, "a value that is no finite number");
	if (e->kind == EXPLAIN_RATIO ? den < 0 : e->kind == EXPLAIN_COUNT && num < 0)
		return err_set(err, ERR_INPUT, "a count below 0");
	buf_clear(&e->key);
	for (int d = 0; d < e->n_dims; d++) {
		code = code_of(&e->dim[d], values[d]);
		buf_add(&e->key, &code, sizeof(code));
	}
	cell = map_put(&e->cells, buf_get(&e->key), &is_new);
	if (is_new) {
		if (e->n == CELLS_MOST)
			return err_set(err, ERR_LIMIT, "more than %u combinations of values, take fewer dimensions", CELLS_MOST);
		if (e->n == e->cap) {
			e->cap = e->cap ? 2 * e->cap : 256;
			e->sum = mem_grow(e->sum, e->cap, sizeof(*e->sum));
			e->code = mem_grow(e->code, e->cap * (size_t)(e->n_dims ? e->n_dims : 1), sizeof(*e->code));
		}
		cell->num = (int64_t)e->n;
		if (e->n_dims)
			memcpy(e->code + e->n * (size_t)e->n_dims, e->key.p, (size_t)e->n_dims * sizeof(*e->code));
		e->sum[e->n++] = (struct cell_sum){ .num = { 0 } };
	}
	e->sum[cell->num].num[after] += num;
	e->sum[cell->num].den[after] += den;
	return 0;
}

/* ---- the cells that are worked on: dimensions with one value are gone, rare values are taken together */

struct work {
	const struct explain *e;
	int n_dims, dim[EXPLAIN_DIMS];          /* which of the dimensions they are */
	size_t n;
	struct cell_sum *sum;
	uint32_t *code[EXPLAIN_DIMS];           /* of each cell; OTHER: one of the rare ones */
	double *u, *size, *a, *b, *c;           /* see explain.h; size: what weighs */
	double *v, *full;                       /* variance, and u^2 / 2v: what a cell costs that no cause explains */
	unsigned char *gone;                    /* number of the cause that has it, from 1; NO_CELL: nothing to compare */
	double centre;                          /* of u: the change that all share */
	double f, s2;
	/* combinations of dimensions */
	int n_sets;
	unsigned *set;                          /* bits of `dim` */
	uint32_t **id, *n_ids;                  /* element of each cell; how many */
	double *named;                          /* nats that naming one costs */
};

static double
volume(const struct explain *e, const struct cell_sum *s)
{
	return e->kind == EXPLAIN_RATIO ? s->den[0] + s->den[1] : fabs(s->num[0]) + fabs(s->num[1]);
}

static int
by_weight(const void *a, const void *b, void *self)
{
	const double *weight = self;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return weight[x] != weight[y] ? (weight[x] > weight[y] ? -1 : 1) : x < y ? -1 : x > y;
}

/* New codes of a dimension's values: the `most` heaviest keep theirs, the others are OTHER. */
static uint32_t *
keep_common(const struct explain *e, int d, uint32_t most)
{
	uint32_t n = e->dim[d].n, *code = mem_new((n ? n : 1) * sizeof(*code)), *order = mem_new((n ? n : 1) * sizeof(*order));
	double *weight = mem_new((n ? n : 1) * sizeof(*weight));

	for (size_t i = 0; i < e->n; i++)
		weight[e->code[i * (size_t)e->n_dims + (size_t)d]] += volume(e, &e->sum[i]);
	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	if (n > most)
		qsort_r(order, n, sizeof(*order), by_weight, weight);
	for (uint32_t i = 0; i < n; i++)
		code[order[i]] = i < most || n <= most ? order[i] : OTHER;
	free(order);
	free(weight);
	return code;
}

static void
release_work(struct work *w)
{
	for (int s = 0; s < w->n_sets; s++)
		free(w->id[s]);
	for (int d = 0; d < w->n_dims; d++)
		free(w->code[d]);
	free(w->sum);
	free(w->u);
	free(w->gone);
	free(w->set);
	free(w->id);
	free(w->n_ids);
	free(w->named);
}

/* Cells by their new codes; how many there are then. */
static size_t
gather_cells(struct work *w, uint32_t *const *recode)
{
	const struct explain *e = w->e;
	struct map by_code = {0};
	uint32_t key[EXPLAIN_DIMS];

	w->n = 0;
	for (size_t i = 0; i < e->n; i++) {
		struct map_entry *cell;
		int is_new;

		for (int d = 0; d < w->n_dims; d++)
			key[d] = recode[d][e->code[i * (size_t)e->n_dims + (size_t)w->dim[d]]];
		cell = map_put(&by_code, (struct str){ (const char *)key, (size_t)w->n_dims * sizeof(*key) }, &is_new);
		if (is_new) {
			cell->num = (int64_t)w->n;
			for (int d = 0; d < w->n_dims; d++)
				w->code[d][w->n] = key[d];
			w->sum[w->n++] = (struct cell_sum){ .num = { 0 } };
		}
		for (int k = 0; k < 2; k++) {
			w->sum[cell->num].num[k] += e->sum[i].num[k];
			w->sum[cell->num].den[k] += e->sum[i].den[k];
		}
	}
	map_release(&by_code);
	return w->n;
}

static void
begin_work(struct work *w, const struct explain *e)
{
	uint32_t most = VALUES_MOST, *recode[EXPLAIN_DIMS];

	*w = (struct work){ .e = e };
	for (int d = 0; d < e->n_dims; d++)
		if (e->dim[d].n > 1)
			w->dim[w->n_dims++] = d;
	for (int d = 0; d < w->n_dims; d++)
		w->code[d] = mem_new((e->n + 1) * sizeof(**w->code));
	w->sum = mem_new((e->n + 1) * sizeof(*w->sum));
	do {
		for (int d = 0; d < w->n_dims; d++)
			recode[d] = keep_common(e, w->dim[d], most);
		gather_cells(w, recode);
		for (int d = 0; d < w->n_dims; d++)
			free(recode[d]);
		most /= 2;
	} while (w->n << w->n_dims > WORK_MOST && most > 1);
}

/* The step that all values are multiples of: counts 1, amounts of money 0.01; 0: none. */
static double
step_of(const struct work *w)
{
	double scale = 1;

	for (int k = 0; k < 5; k++, scale *= 10) {
		size_t i = 0;

		for (; i < w->n; i++) {
			double x = w->sum[i].num[0] * scale, y = w->sum[i].num[1] * scale;

			if (fabs(x - nearbyint(x)) > 1e-6 * fmax(1, fabs(w->sum[i].num[0])) || fabs(y - nearbyint(y)) > 1e-6 * fmax(1, fabs(w->sum[i].num[1])))
				break;
		}
		if (i == w->n)
			return 1 / scale;
	}
	return 0;
}

/* What each cell deviates, and by chance may. Cells that cannot be compared (nothing on one side of a ratio) are gone at once. */
static void
measure(struct work *w)
{
	double step = step_of(w), num = 0, den = 0;

	w->u = mem_new((w->n + 1) * 7 * sizeof(*w->u));
	w->size = w->u + w->n, w->a = w->size + w->n, w->b = w->a + w->n, w->c = w->b + w->n, w->v = w->c + w->n, w->full = w->v + w->n;
	w->gone = mem_new(w->n + 1);
	for (size_t i = 0; i < w->n; i++)
		num += w->sum[i].num[0] + w->sum[i].num[1], den += w->sum[i].den[0] + w->sum[i].den[1];
	for (size_t i = 0; i < w->n; i++) {
		double before = w->sum[i].num[0], after = w->sum[i].num[1], all = fabs(before) + fabs(after);
		double den0 = w->sum[i].den[0], den1 = w->sum[i].den[1];

		if (w->e->kind != EXPLAIN_RATIO) {
			w->gone[i] = all > 0 ? 0 : NO_CELL;
			all = all > 0 ? all : 1;
			w->u[i] = (after - before) / (2 * all);
			w->a[i] = 0.25 / all;
			w->b[i] = 1.0 / 16;
			w->c[i] = step * step / 24 / (all * all);
			w->size[i] = all;
		} else {
			double p = den > 0 ? num / den : 0;

			w->gone[i] = den0 > 0 && den1 > 0 ? 0 : NO_CELL;
			den0 = den0 > 0 ? den0 : 1, den1 = den1 > 0 ? den1 : 1;
			w->u[i] = after / den1 - before / den0;
			p = (before + after + PRIOR * p) / (den0 + den1 + PRIOR);
			/* of a share; of a mean, which can be anything, the same in proportion */
			p = p >= 0 && p <= 1 ? fmin(fmax(p, 1e-4), 1 - 1e-4) * (1 - fmin(fmax(p, 1e-4), 1 - 1e-4)) : p * p;
			w->a[i] = p * (1 / den0 + 1 / den1);
			w->b[i] = 1;
			w->c[i] = 0.25 * (1 / (den0 * den0) + 1 / (den1 * den1)) * fmin(1, 4 * p);
			w->size[i] = den1;
		}
	}
}

/* ---- the noise: the likeliest f and s, where a share of the cells may be anywhere */

static double
median(double *x, size_t n)
{
	qsort(x, n, sizeof(*x), order_doubles);
	return n ? x[n / 2] : 0;
}

/* Likelihood of the sample under f and s2, the best of a few shares of cells that moved. */
static double
likelihood(const double *u2, const double *a, const double *b, const double *c, size_t n, double f, double s2, double width)
{
	static const double moved[MOVED] = { 0.02, 0.1, 0.25, 0.5 };
	double log_of[MOVED] = { 0 }, best = -INFINITY, product[MOVED] = { 1, 1, 1, 1 };

	for (size_t i = 0; i < n; i++) {
		double v = f * a[i] + s2 * b[i] + c[i];
		double normal = exp(-u2[i] / (2 * v)) / sqrt(2 * M_PI * v);

		for (int k = 0; k < MOVED; k++) {
			product[k] *= (1 - moved[k]) * normal + moved[k] / width;
			if (product[k] < 1e-200 || product[k] > 1e200)
				log_of[k] += log(product[k]), product[k] = 1;
		}
	}
	for (int k = 0; k < MOVED; k++)
		best = fmax(best, log_of[k] + log(product[k]));
	return best;
}

static void
fit_noise(struct work *w)
{
	double *x = mem_new(5 * FIT_MOST * sizeof(*x)), *a = x + FIT_MOST, *b = a + FIT_MOST, *c = b + FIT_MOST, *sorted = c + FIT_MOST;
	double best = -INFINITY, width = 0, mid_f, mid_s;
	size_t n = 0, live = 0, every;
	int few;

	for (size_t i = 0; i < w->n; i++)
		live += !w->gone[i];
	every = live / FIT_MOST + 1;
	for (size_t i = 0, k = 0; i < w->n; i++) {
		if (w->gone[i] || k++ % every)
			continue;
		x[n] = (w->u[i] - w->centre) * (w->u[i] - w->centre), a[n] = w->a[i], b[n] = w->b[i], c[n] = w->c[i];
		width = fmax(width, fabs(w->u[i] - w->centre));
		n++;
	}
	width = fmax(2 * width, 1e-9);
	few = n < 30 && w->e->kind == EXPLAIN_SUM;
	for (size_t i = 0; i < n; i++)
		sorted[i] = x[i] / a[i];
	mid_f = fmax(median(sorted, n) / 0.455, 1e-9);          /* 0.455: the median of a squared normal deviate */
	for (size_t i = 0; i < n; i++)
		sorted[i] = x[i] / b[i];
	mid_s = fmax(median(sorted, n) / 0.455, 1e-9);
	w->f = 1, w->s2 = LEAST_SPREAD * LEAST_SPREAD;
	for (int i = -1; i < STEPS; i++) {
		double f = i < 0 ? 0 : mid_f * 0.01 * pow(400, i / (STEPS - 1.0));

		if (w->e->kind != EXPLAIN_SUM && f < 1) {               /* counts are not steadier than counts */
			if (i >= 0)
				continue;
			f = 1;
		}
		for (int k = -1; k < STEPS; k++) {
			double s2 = fmax(k < 0 ? 0 : mid_s * 0.01 * pow(400, k / (STEPS - 1.0)), LEAST_SPREAD * LEAST_SPREAD), l;

			/* Of a sum nothing is known of its noise but from its cells, and few fit anything: half of them may not be further out
			 * than noise twice as large would have them */
			for (size_t j = 0; few && j < n; j++)
				sorted[j] = x[j] / (f * a[j] + s2 * b[j] + c[j]);
			if (few && median(sorted, n) > 2 * 0.455)
				continue;
			l = likelihood(x, a, b, c, n, f, s2, width);
			if (l > best)
				best = l, w->f = f, w->s2 = s2;
		}
	}
	free(x);
	for (size_t i = 0; i < w->n; i++) {
		double d = w->u[i] - w->centre;

		w->v[i] = w->f * w->a[i] + w->s2 * w->b[i] + w->c[i];
		w->full[i] = d * d / (2 * w->v[i]);
	}
}

/* ---- combinations of dimensions and their elements */

static double
log_choose(int n, int k)
{
	return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/* Numbers of the elements of a set: those of the set without its last dimension, and that one's value. */
static void
number_elements(struct work *w, int s, const uint32_t *parent, int last)
{
	size_t cap = 16;
	uint32_t *slot, *id = mem_new((w->n + 1) * sizeof(*id)), *owner;
	uint32_t n = 0;

	while (cap < 2 * w->n)
		cap *= 2;
	slot = mem_new(cap * sizeof(*slot));            /* number of the element + 1 */
	owner = mem_new((w->n + 1) * sizeof(*owner));   /* a cell of it */
	for (size_t i = 0; i < w->n; i++) {
		uint64_t key = ((uint64_t)(parent ? parent[i] : 0) << 32 | w->code[last][i]) * 0x9e3779b97f4a7c15u;
		size_t at = (key ^ key >> 29) & (cap - 1);

		for (; slot[at]; at = (at + 1) & (cap - 1)) {
			uint32_t o = owner[slot[at] - 1];

			if (w->code[last][o] == w->code[last][i] && (!parent || parent[o] == parent[i]))
				break;
		}
		if (!slot[at]) {
			owner[n] = (uint32_t)i;
			slot[at] = ++n;
		}
		id[i] = slot[at] - 1;
	}
	w->id[s] = id;
	w->n_ids[s] = n;
	free(slot);
	free(owner);
}

static void
make_sets(struct work *w)
{
	unsigned all = 1u << w->n_dims;
	int *of = mem_new(all * sizeof(*of));

	w->set = mem_new(all * sizeof(*w->set));
	w->id = mem_new(all * sizeof(*w->id));
	w->n_ids = mem_new(all * sizeof(*w->n_ids));
	w->named = mem_new(all * sizeof(*w->named));
	for (int size = 1; size <= w->n_dims; size++) {
		for (unsigned bits = 1; bits < all; bits++) {
			int last = 31 - __builtin_clz(bits), s = w->n_sets;

			if (__builtin_popcount(bits) != size)
				continue;
			w->set[s] = bits;
			number_elements(w, s, bits & (bits - 1) ? w->id[of[bits & ~(1u << last)]] : NULL, last);
			w->named[s] = log_choose(w->n_dims, size) + log(w->n_ids[s]) + LEVEL;
			of[bits] = s;
			w->n_sets++;
		}
	}
	free(of);
}

/* ---- the search */

struct found { double gain, effect, fit, error; int set; uint32_t id; };     /* fit: nats saved against no cause; error: of the effect */

struct sums { double n, all, s0, s1, null, full; };
struct fits { double s0, s1, cost; };

/* The best element of one set, if it is better than *best. Bound by memory: two passes over the cells, the second only over elements that
 * can win. */
static void
try_set(const struct work *w, int s, double alone, struct sums *sum, struct fits *fit, struct found *best)
{
	const uint32_t *id = w->id[s];
	uint32_t n = w->n_ids[s];
	int wins = 0;

	memset(sum, 0, n * sizeof(*sum));
	for (size_t i = 0; i < w->n; i++) {
		struct sums *t = &sum[id[i]];

		for (int d = 0; d < w->n_dims; d++)             /* the rare ones taken together are no element */
			if (w->code[d][i] == OTHER && w->set[s] >> d & 1)
				t->null = -INFINITY;
		if (w->gone[i])
			continue;
		t->n++;
		t->s0 += 1 / w->v[i];
		t->s1 += (w->u[i] - w->centre) / w->v[i];
		t->null += fmin(w->full[i], alone);
		t->full += w->full[i];
	}
	for (uint32_t k = 0; k < n; k++) {
		/* it must shift as a whole, and could not save more than its cells cost */
		int can = sum[k].n > 0 && sum[k].s1 * sum[k].s1 / (2 * sum[k].s0) > w->named[s] && sum[k].null - w->named[s] > best->gain;

		sum[k].all = can ? sum[k].s1 / sum[k].s0 : NAN;
		wins |= can;
	}
	if (!wins)
		return;
	memset(fit, 0, n * UNLIKES * sizeof(*fit));
	for (size_t i = 0; i < w->n; i++) {
		double t = sum[id[i]].all, d = w->u[i] - w->centre;
		struct fits *f = &fit[id[i] * UNLIKES];

		if (w->gone[i] || isnan(t))
			continue;
		for (size_t k = 0; k < UNLIKES; k++) {
			double v = w->v[i] + unlike[k] * unlike[k] * t * t;

			f[k].s0 += 1 / v;
			f[k].s1 += d / v;
			f[k].cost += d * d / v / 2 + log(v / w->v[i]) / 2;
		}
	}
	for (uint32_t k = 0; k < n; k++) {
		for (size_t j = 0; !isnan(sum[k].all) && j < UNLIKES; j++) {
			const struct fits *f = &fit[k * UNLIKES + j];
			double cost = f->cost - f->s1 * f->s1 / (2 * f->s0), gain = sum[k].null - cost - w->named[s];

			if (gain > best->gain + 1e-9)
				*best = (struct found){ gain, f->s1 / f->s0, sum[k].full - cost, 1 / sqrt(f->s0), s, k };
		}
	}
}

/* A cell that moved alone. */
static void
try_alone(const struct work *w, struct found *best)
{
	int s = w->n_sets - 1;

	for (size_t i = 0; i < w->n; i++) {
		double gain = w->full[i] - w->named[s] - ALONE;
		int other = 0;

		for (int d = 0; d < w->n_dims; d++)
			other |= w->code[d][i] == OTHER;
		if (!w->gone[i] && !other && gain > best->gain)
			*best = (struct found){ gain, w->u[i] - w->centre, w->full[i], sqrt(w->v[i]), s, w->id[s][i] };
	}
}

static int
search(struct work *w, struct found *found, double *length)
{
	double alone = w->n_sets ? w->named[w->n_sets - 1] : 0;
	uint32_t most = 1;
	struct sums *sum;
	struct fits *fit;
	int n = 0;

	for (int s = 0; s < w->n_sets; s++)
		most = w->n_ids[s] > most ? w->n_ids[s] : most;
	sum = mem_new(most * sizeof(*sum));
	fit = mem_new(most * UNLIKES * sizeof(*fit));
	*length = 0;
	for (size_t i = 0; i < w->n; i++)
		if (!w->gone[i])
			*length += w->full[i] + log(w->v[i]) / 2;
	while (n < EXPLAIN_CAUSES && w->n_sets) {
		struct found best = { .gain = 0 };

		for (int s = 0; s < w->n_sets - 1; s++)
			try_set(w, s, alone, sum, fit, &best);
		if (best.gain <= 0)                     /* of one dimension every value is a cell */
			try_alone(w, &best);
		if (best.gain <= 0)
			break;
		*length += w->named[best.set] - best.fit;
		found[n++] = best;
		for (size_t i = 0; i < w->n; i++)
			if (!w->gone[i] && w->id[best.set][i] == best.id)
				w->gone[i] = (unsigned char)n;
	}
	free(sum);
	free(fit);
	return n;
}

/* The centre of the deviations, each cell by its size. */
static int
by_deviation(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (x[0] > y[0]) - (x[0] < y[0]);
}

static double
middle(const struct work *w, int without_causes)
{
	double (*pair)[2] = mem_new((w->n + 1) * sizeof(*pair)), all = 0, part = 0, at = 0;
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		if (w->gone[i] != NO_CELL && !(without_causes && w->gone[i])) {
			pair[n][0] = w->u[i], pair[n][1] = w->size[i];
			all += w->size[i];
			n++;
		}
	qsort(pair, n, sizeof(*pair), by_deviation);
	for (size_t i = 0; i < n && part < all / 2; i++)
		part += pair[i][1], at = pair[i][0];
	free(pair);
	return at;
}

/* Search against no change, and against the one that most share, if there is one. The latter holds if it says all in fewer bits
 * and with fewer causes. */
static int
search_both(struct work *w, struct found *found)
{
	struct found other[EXPLAIN_CAUSES];
	unsigned char *gone = mem_new(w->n + 1), *fresh = mem_new(w->n + 1);
	double centre, weight = 0, length, shifted, f, s2;
	int n, m = 0;

	memcpy(fresh, w->gone, w->n);
	fit_noise(w);
	n = search(w, found, &length);
	centre = middle(w, 0);
	for (size_t i = 0; i < w->n; i++)
		weight += fresh[i] ? 0 : 1 / w->v[i];
	if (fabs(centre) * sqrt(weight) < 4)
		goto out;
	memcpy(gone, w->gone, w->n);
	memcpy(w->gone, fresh, w->n);
	f = w->f, s2 = w->s2;
	w->centre = centre;
	for (int again = 0; again < 2; again++) {       /* the second time the mean of those that no cause has, which is nearer than their median */
		double sum = 0, all = 0;

		fit_noise(w);
		m = search(w, other, &shifted);
		for (size_t i = 0; i < w->n && again == 0; i++)
			if (!w->gone[i])
				sum += w->u[i] / w->v[i], all += 1 / w->v[i];
		if (again || all == 0)
			break;
		w->centre = sum / all;
		memcpy(w->gone, fresh, w->n);
	}
	if (m < n && shifted + LEVEL + log((double)w->n) / 2 < length) {
		memcpy(found, other, sizeof(other));
		n = m;
	} else {
		memcpy(w->gone, gone, w->n);
		w->centre = 0, w->f = f, w->s2 = s2;
		for (size_t i = 0; i < w->n; i++)
			w->v[i] = f * w->a[i] + s2 * w->b[i] + w->c[i];
	}
out:
	free(gone);
	free(fresh);
	return n;
}

/* ---- what is alike within an element by nature: one visit is many page views of one country, in many cells of pages */

#define ENOUGH 20                       /* elements of a set that their spread is taken from */

/* By how much the elements of each set spread more than their cells say, of the cells that no cause has (Efron's empirical null). Of few
 * elements nothing is known: what holds of finer sets holds at least. */
static double
fit_spread(const struct work *w, double *wide)
{
	double *s0 = mem_new(2 * (w->n + 1) * sizeof(*s0)), *s1 = s0 + w->n, most = 1;

	for (int s = w->n_sets - 1; s >= 0; s--) {
		size_t n = 0;

		memset(s0, 0, 2 * (w->n + 1) * sizeof(*s0));
		for (size_t i = 0; i < w->n; i++)
			if (!w->gone[i]) {
				s0[w->id[s][i]] += 1 / w->v[i];
				s1[w->id[s][i]] += (w->u[i] - w->centre) / w->v[i];
			}
		for (uint32_t k = 0; k < w->n_ids[s]; k++)
			if (s0[k] > 0)
				s0[n++] = s1[k] * s1[k] / s0[k];
		wide[s] = 1;
		for (int finer = s + 1; finer < w->n_sets; finer++)
			if (n < ENOUGH && (w->set[s] & w->set[finer]) == w->set[s])
				wide[s] = fmax(wide[s], wide[finer]);
		if (n >= ENOUGH)
			wide[s] = fmax(1, median(s0, n) / 0.455);
		most = fmax(most, wide[s]);
	}
	free(s0);
	return most;
}

/* Causes that do not stand out from that spread are none: gain below 0. */
static double
drop_alike(const struct work *w, struct found *found, int n)
{
	double *wide = mem_new(((size_t)w->n_sets + 1) * sizeof(*wide)), most = fit_spread(w, wide);

	for (int i = 0; i < n; i++) {
		found[i].fit /= wide[found[i].set];
		found[i].error *= sqrt(wide[found[i].set]);
		if (found[i].fit < w->named[found[i].set])
			found[i].gain = -1;
	}
	free(wide);
	return most;
}

/* ---- the answer */

static double
rate(struct explain_part p)
{
	return p.den > 0 ? p.num / p.den : 0;
}

/* A deviation of a sum as after / before - 1. */
static double
relative(double u)
{
	return u >= 0.5 ? INFINITY : (0.5 + u) / (0.5 - u) - 1;
}

/* A deviation of these values as a change in proportion to what was there, which may be below 0. */
static double
proportion(const struct explain_cause *c, double u)
{
	if (c->before.num >= 0 && c->after.num >= 0)
		return relative(u);
	return c->before.num == 0 ? copysign(INFINITY, u) : 2 * u * (fabs(c->before.num) + fabs(c->after.num)) / fabs(c->before.num);
}

static double
two_sided(double z)
{
	return erfc(fabs(z) / M_SQRT2);
}

static void
fill_cause(const struct work *w, const struct found *f, int number, struct explain_cause *c)
{
	const struct explain_answer *a = &w->e->answer;
	struct explain_part own[2] = { { 0 } };
	size_t one = 0;
	double tested = exp(w->named[f->set] - LEVEL), all;

	*c = (struct explain_cause){ .z = sqrt(2 * fmax(f->fit, 0)) };
	for (size_t i = 0; i < w->n; i++) {
		const struct cell_sum *s = &w->sum[i];

		if (w->id[f->set][i] != f->id)
			continue;
		one = i;
		c->before.num += s->num[0], c->before.den += s->den[0];
		c->after.num += s->num[1], c->after.den += s->den[1];
		if (w->gone[i] != number)
			continue;
		own[0].num += s->num[0], own[0].den += s->den[0];
		own[1].num += s->num[1], own[1].den += s->den[1];
		c->cells++;
	}
	for (int d = 0; d < w->n_dims; d++)
		if (w->set[f->set] >> d & 1) {
			c->dim[c->n] = w->dim[d];
			c->value[c->n++] = w->e->dim[w->dim[d]].name[w->code[d][one]];
		}
	if (a->kind == EXPLAIN_RATIO) {
		double before = own[0].den / a->before.den, after = own[1].den / a->after.den;

		c->effect = rate(c->after) - rate(c->before);
		c->lower = c->effect - 1.96 * f->error, c->upper = c->effect + 1.96 * f->error;
		c->change = (before + after) / 2 * (rate(own[1]) - rate(own[0]));
		c->mix = (after - before) * ((rate(own[0]) + rate(own[1])) / 2 - (rate(a->before) + rate(a->after)) / 2);
	} else {
		all = fabs(c->before.num) + fabs(c->after.num);
		c->effect = proportion(c, (c->after.num - c->before.num) / (2 * all));
		c->lower = proportion(c, fmax((c->after.num - c->before.num) / (2 * all) - 1.96 * f->error, -0.5));
		c->upper = proportion(c, (c->after.num - c->before.num) / (2 * all) + 1.96 * f->error);
		c->change = own[1].num - own[0].num;
	}
	c->p = fmin(1, two_sided(c->z) * tested);
}

static int
by_change(const void *a, const void *b)
{
	double x = fabs(((const struct explain_cause *)a)->change), y = fabs(((const struct explain_cause *)b)->change);

	return x != y ? (x > y ? -1 : 1) : 0;
}

static int
by_p(const void *a, const void *b)
{
	return order_doubles(*(const double *const *)a, *(const double *const *)b);
}

/* Benjamini and Yekutieli, Annals of Statistics 29, 2001: tests that depend on one another. */
static void
set_rates(struct explain_answer *a)
{
	double *p[EXPLAIN_CAUSES], harmonic = 0, least = 1;

	for (int i = 0; i < a->n; i++) {
		p[i] = &a->cause[i].p;
		harmonic += 1.0 / (i + 1);
	}
	qsort(p, (size_t)a->n, sizeof(*p), by_p);
	for (int i = a->n; i-- > 0; ) {
		struct explain_cause *c = (struct explain_cause *)((char *)p[i] - offsetof(struct explain_cause, p));

		least = fmin(least, c->p * a->n * harmonic / (i + 1));
		c->q = least;
	}
}

/* What is left of the found: not the drift that stands beside a real cause. */
static void
fill_causes(struct work *w, const struct found *found, int n, struct explain_answer *a)
{
	double effect = 0, change = 0;

	for (int i = 0; i < n; i++) {
		if (found[i].gain < 0)
			continue;
		fill_cause(w, &found[i], i + 1, &a->cause[i]);
		effect = fmax(effect, fabs(found[i].effect));
		change = fmax(change, fabs(a->cause[i].change));
	}
	for (int i = 0; i < n; i++)
		if (found[i].gain >= 0 && (fabs(found[i].effect) >= WEAK_EFFECT * effect || fabs(a->cause[i].change) >= WEAK_CHANGE * change)) {
			a->explained += a->cause[i].change;
			a->cause[a->n++] = a->cause[i];
		}
	a->explained = a->change != 0 ? a->explained / a->change : 0;
	qsort(a->cause, (size_t)a->n, sizeof(*a->cause), by_change);
	set_rates(a);
}

/* The change of a ratio along one dimension: of the rates within its values, and of how much each value counts. */
static struct explain_along
along(const struct explain *e, int d)
{
	const struct explain_answer *a = &e->answer;
	struct explain_along to = { 0 };
	uint32_t n = e->dim[d].n;
	struct explain_part (*part)[2] = mem_new((n + 1) * sizeof(*part));
	double against = 0, all = 0;

	for (size_t i = 0; i < e->n; i++)
		for (int k = 0; k < 2; k++) {
			struct explain_part *p = &part[e->code[i * (size_t)e->n_dims + (size_t)d]][k];

			p->num += e->sum[i].num[k];
			p->den += e->sum[i].den[k];
		}
	for (uint32_t i = 0; i < n; i++) {
		double x = rate(part[i][part[i][0].den > 0 ? 0 : 1]), y = rate(part[i][part[i][1].den > 0 ? 1 : 0]);
		double s = part[i][0].den / a->before.den, t = part[i][1].den / a->after.den;

		to.rate += (s + t) / 2 * (y - x);
		to.mix += (t - s) * (x + y) / 2;
		all += s + t;
		against += (y - x) * a->change < 0 ? s + t : 0;
	}
	to.reversed = fabs(a->z) > 3 && to.rate * a->change < 0 && against > 0.9 * all;
	free(part);
	return to;
}

/* What the whole may change by chance; the last that is asked of the work. What all cells have in common is the change that is asked about, not noise; so of counts, which
 * are known to be no steadier than counts, the noise is that about the common move of the cells that no cause has: neither is noise. Of a sum nothing is known but what its
 * cells say. */
static double
whole_variance(struct work *w, const struct explain_answer *a)
{
	double variance = 0;

	if (w->e->kind != EXPLAIN_SUM) {
		w->centre = middle(w, 1);
		fit_noise(w);
	}
	for (size_t i = 0; i < w->n; i++) {
		double weight = w->gone[i] == NO_CELL ? 0 : w->e->kind == EXPLAIN_RATIO ? w->sum[i].den[1] / a->after.den : 2 * w->size[i];

		variance += weight * weight * w->v[i];
	}
	return variance;
}

const struct explain_answer *
explain_run(struct explain *e)
{
	struct found found[EXPLAIN_CAUSES];
	struct explain_answer *a = &e->answer;
	struct work w;
	double variance, wide;
	int n, both;

	*a = (struct explain_answer){ .kind = e->kind, .cells = e->n };
	for (size_t i = 0; i < e->n; i++) {
		a->before.num += e->sum[i].num[0], a->before.den += e->sum[i].den[0];
		a->after.num += e->sum[i].num[1], a->after.den += e->sum[i].den[1];
	}
	a->change = e->kind == EXPLAIN_RATIO ? rate(a->after) - rate(a->before) : a->after.num - a->before.num;
	both = e->kind != EXPLAIN_RATIO || (a->before.den > 0 && a->after.den > 0);
	begin_work(&w, e);
	measure(&w);
	make_sets(&w);
	n = search_both(&w, found);
	wide = drop_alike(&w, found, n);
	a->noise = w.f;
	a->spread = sqrt(w.s2);
	a->shared = e->kind == EXPLAIN_RATIO ? w.centre : relative(w.centre);
	if (both)
		fill_causes(&w, found, n, a);
	variance = whole_variance(&w, a);
	a->z = variance > 0 ? a->change / sqrt(variance * wide) : 0;
	for (int d = 0; both && e->kind == EXPLAIN_RATIO && d < e->n_dims; d++)
		a->along[d] = along(e, d);
	release_work(&w);
	return a;
}

void
explain_bounds(const double whole[2], const double part[2], const double others[2], double *least, double *most)
{
	/* Had the part stayed as it was. What only it has lies between what the others cannot cover and all that it has. */
	double only[2];

	for (int k = 0; k < 2; k++)
		only[k] = fmax(0, whole[k] - others[k]);
	*least = only[1] - part[0];
	*most = part[1] - only[0];
}
