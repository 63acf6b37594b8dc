#include "insight/recommend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"

#define FACTORS   32
#define ROUNDS    10
#define SURE      4.0           /* confidence that one interaction adds */
#define RIDGE     1.0           /* of each factor, for each interaction and one more */
#define SHRINK    5.0           /* users that speak against every pair of items */
#define FACTOR_MOST 1000000     /* interactions that factors are learnt from: the users with the lowest hash */
#define VISITED   2000          /* users of an item whose other items are looked at */

struct pair { uint32_t user, item; float weight; };

struct recommend {
	struct map users, items, pairs;
	struct str *user_name, *item_name;      /* in order of bytes once learnt */
	uint32_t n_users, n_items;
	struct buf key;
	struct pair *pair;
	size_t n, cap;
	/* learnt */
	size_t *of_user, *of_item;      /* where the pairs of each begin, by user in pair, by item in back */
	struct pair *back;
	int factors;
	float *x, *y;                   /* FACTORS for each user and item */
	double gram[FACTORS * FACTORS];
	double *score, *near;           /* room: one for each item */
	uint32_t *from;
};

struct recommend *
recommend_new(void)
{
	return mem_new(sizeof(struct recommend));
}

void
recommend_free(struct recommend *r)
{
	if (!r)
		return;
	map_release(&r->users), map_release(&r->items), map_release(&r->pairs);
	buf_release(&r->key);
	free(r->user_name), free(r->item_name), free(r->pair), free(r->back), free(r->of_user), free(r->of_item);
	free(r->x), free(r->y), free(r->score), free(r->near), free(r->from);
	free(r);
}

static uint32_t
number_of(struct map *map, uint32_t *n, struct str name)
{
	int is_new;
	struct map_entry *e = map_put(map, name, &is_new);

	if (is_new)
		e->num = (*n)++;
	return (uint32_t)e->num;
}

int
recommend_add(struct recommend *r, struct str user, struct str item, double weight, struct err *err)
{
	uint32_t id[2];
	struct map_entry *e;
	int is_new;

	if (!(weight > 0) || !isfinite(weight) || !user.n || !item.n)
		return 0;
	if (r->n == RECOMMEND_MOST)
		return err_set(err, ERR_LIMIT, "more than %d pairs of users and items, take a shorter --range", RECOMMEND_MOST);
	id[0] = number_of(&r->users, &r->n_users, user), id[1] = number_of(&r->items, &r->n_items, item);
	e = map_put(&r->pairs, (struct str){ (const char *)id, sizeof(id) }, &is_new);
	if (!is_new) {
		r->pair[e->num].weight += (float)weight;
		return 0;
	}
	if (r->n == r->cap)
		r->pair = mem_grow(r->pair, r->cap = r->cap ? 2 * r->cap : 1024, sizeof(*r->pair));
	e->num = (int64_t)r->n;
	r->pair[r->n++] = (struct pair){ id[0], id[1], (float)weight };
	return 0;
}

/* ---- order: users and items by name, pairs by user and by item, so that nothing depends on how they came */

static int
by_name(const void *a, const void *b)
{
	return str_cmp((*(struct map_entry *const *)a)->key, (*(struct map_entry *const *)b)->key);
}

static struct str *
sort_names(struct map *map, uint32_t n, uint32_t *new_number)
{
	struct map_entry **entry = mem_new((n + 1) * sizeof(*entry));
	struct str *name = mem_new((n + 1) * sizeof(*name));
	uint32_t i = 0;

	for (struct map_entry *e = map_first(map); e; e = map_next(map, e))
		entry[i++] = e;
	if (n)
		qsort(entry, n, sizeof(*entry), by_name);
	for (i = 0; i < n; i++) {
		new_number[entry[i]->num] = i;
		entry[i]->num = i;
		name[i] = entry[i]->key;
	}
	free(entry);
	return name;
}

static int
by_user(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return x->user != y->user ? (x->user > y->user) - (x->user < y->user) : (x->item > y->item) - (x->item < y->item);
}

static int
by_item(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return x->item != y->item ? (x->item > y->item) - (x->item < y->item) : (x->user > y->user) - (x->user < y->user);
}

static void
put_in_order(struct recommend *r)
{
	uint32_t *user = mem_new((r->n_users + 1) * sizeof(*user)), *item = mem_new((r->n_items + 1) * sizeof(*item));

	r->user_name = sort_names(&r->users, r->n_users, user);
	r->item_name = sort_names(&r->items, r->n_items, item);
	for (size_t i = 0; i < r->n; i++) {
		r->pair[i].user = user[r->pair[i].user];
		r->pair[i].item = item[r->pair[i].item];
	}
	map_release(&r->pairs);
	r->pairs = (struct map){0};
	r->back = r->n ? mem_dup(r->pair, r->n * sizeof(*r->pair)) : NULL;
	if (r->n) {
		qsort(r->pair, r->n, sizeof(*r->pair), by_user);
		qsort(r->back, r->n, sizeof(*r->back), by_item);
	}
	r->of_user = mem_new((r->n_users + 2) * sizeof(*r->of_user)), r->of_item = mem_new((r->n_items + 2) * sizeof(*r->of_item));
	for (size_t i = 0; i < r->n; i++)
		r->of_user[r->pair[i].user + 1]++, r->of_item[r->pair[i].item + 1]++;
	for (uint32_t i = 0; i < r->n_users; i++)
		r->of_user[i + 1] += r->of_user[i];
	for (uint32_t i = 0; i < r->n_items; i++)
		r->of_item[i + 1] += r->of_item[i];
	free(user), free(item);
}

/* ---- factors */

static double
sureness(const struct pair *p)
{
	return SURE * log1p((double)p->weight);
}

/* y'y of n rows */
static void
gram(const float *y, uint32_t n, double *to)
{
	memset(to, 0, FACTORS * FACTORS * sizeof(*to));
	for (uint32_t i = 0; i < n; i++)
		for (int a = 0; a < FACTORS; a++)
			for (int b = 0; b <= a; b++)
				to[a * FACTORS + b] += (double)y[(size_t)i * FACTORS + (size_t)a] * (double)y[(size_t)i * FACTORS + (size_t)b];
}

/* Solve for one row: the lower half of (G + sum c y y' + ridge) by Cholesky. Bound by arithmetic: n_pairs * FACTORS^2 / 2 multiplications. */
static void
solve(const double *base, const float *y, const struct pair *pair, size_t n, int is_user, float *to)
{
	double a[FACTORS * FACTORS], b[FACTORS] = { 0 };

	memcpy(a, base, sizeof(a));
	for (size_t k = 0; k < n; k++) {
		const float *v = y + (size_t)(is_user ? pair[k].item : pair[k].user) * FACTORS;
		double c = sureness(&pair[k]);

		for (int i = 0; i < FACTORS; i++) {
			double ci = c * (double)v[i];

			b[i] += (c + 1) * (double)v[i];
			for (int j = 0; j <= i; j++)
				a[i * FACTORS + j] += ci * (double)v[j];
		}
	}
	for (int i = 0; i < FACTORS; i++)
		a[i * FACTORS + i] += RIDGE * (double)(n + 1);
	for (int i = 0; i < FACTORS; i++)
		for (int j = 0; j <= i; j++) {
			double sum = a[i * FACTORS + j];

			for (int k = 0; k < j; k++)
				sum -= a[i * FACTORS + k] * a[j * FACTORS + k];
			a[i * FACTORS + j] = i == j ? sqrt(fmax(sum, 1e-9)) : sum / a[j * FACTORS + j];
		}
	for (int i = 0; i < FACTORS; i++) {
		for (int k = 0; k < i; k++)
			b[i] -= a[i * FACTORS + k] * b[k];
		b[i] /= a[i * FACTORS + i];
	}
	for (int i = FACTORS; i-- > 0; ) {
		for (int k = i + 1; k < FACTORS; k++)
			b[i] -= a[k * FACTORS + i] * b[k];
		b[i] /= a[i * FACTORS + i];
		to[i] = (float)b[i];
	}
}

/* A small number of its own for each item and factor: a hash that is the same everywhere. */
static float
beginning(struct str name, int factor)
{
	uint64_t h = (str_hash_stable(name) + (uint64_t)factor * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;

	return (float)((double)(h >> 40) / (double)(1 << 24) - 0.5) * 0.2f;
}

static void
learn_factors(struct recommend *r)
{
	uint64_t limit = r->n > FACTOR_MOST ? (uint64_t)((double)UINT64_MAX * FACTOR_MOST / (double)r->n) : UINT64_MAX;
	struct pair *sample = mem_new((r->n + 1) * sizeof(*sample));
	size_t *of_item = mem_new((r->n_items + 2) * sizeof(*of_item)), n = 0;
	char *in = mem_new(r->n_users + 1);

	for (uint32_t u = 0; u < r->n_users; u++)
		in[u] = str_hash_stable(r->user_name[u]) <= limit;
	for (size_t i = 0; i < r->n; i++)
		if (in[r->back[i].user]) {
			sample[n++] = r->back[i];
			of_item[r->back[i].item + 1]++;
		}
	for (uint32_t i = 0; i < r->n_items; i++)
		of_item[i + 1] += of_item[i];
	r->x = mem_new(((size_t)r->n_users + 1) * FACTORS * sizeof(*r->x));
	r->y = mem_new(((size_t)r->n_items + 1) * FACTORS * sizeof(*r->y));
	for (uint32_t i = 0; i < r->n_items; i++)
		for (int f = 0; f < FACTORS; f++)
			r->y[(size_t)i * FACTORS + (size_t)f] = beginning(r->item_name[i], f);
	for (int round = 0; round < ROUNDS; round++) {
		gram(r->y, r->n_items, r->gram);
		for (uint32_t u = 0; u < r->n_users; u++)
			if (in[u])
				solve(r->gram, r->y, r->pair + r->of_user[u], r->of_user[u + 1] - r->of_user[u], 1, r->x + (size_t)u * FACTORS);
		gram(r->x, r->n_users, r->gram);
		for (uint32_t i = 0; i < r->n_items; i++)
			solve(r->gram, r->x, sample + of_item[i], of_item[i + 1] - of_item[i], 0, r->y + (size_t)i * FACTORS);
	}
	gram(r->y, r->n_items, r->gram);
	free(sample), free(of_item), free(in);
}

void
recommend_learn(struct recommend *r, int factors)
{
	put_in_order(r);
	r->score = mem_new((r->n_items + 1) * sizeof(*r->score));
	r->near = mem_new((r->n_items + 1) * sizeof(*r->near));
	r->from = mem_new((r->n_items + 1) * sizeof(*r->from));
	if ((r->factors = factors && r->n_items > 2 && r->n_users > 2))
		learn_factors(r);
}

/* ---- neighbours */

static size_t
takers(const struct recommend *r, uint32_t item)
{
	return r->of_item[item + 1] - r->of_item[item];
}

/* to[i] += how near item i is to this one, times weight. Users of popular items are looked at evenly, VISITED of them. */
static void
add_near(struct recommend *r, uint32_t item, double weight, double *to, double *single)
{
	size_t n = takers(r, item), every = n / VISITED + 1;

	memset(single, 0, r->n_items * sizeof(*single));
	for (size_t k = r->of_item[item]; k < r->of_item[item + 1]; k += every) {
		uint32_t u = r->back[k].user;
		size_t has = r->of_user[u + 1] - r->of_user[u];

		for (size_t i = r->of_user[u]; i < r->of_user[u + 1]; i++)
			single[r->pair[i].item] += (double)every / log(2 + (double)has);        /* who takes everything says little */
	}
	for (uint32_t i = 0; i < r->n_items; i++) {
		double both = single[i], near;

		if (both <= 0 || i == item) {
			single[i] = 0;
			continue;
		}
		near = both / sqrt((double)n * (double)takers(r, i)) * both / (both + SHRINK / 4);
		single[i] = near * weight;
		to[i] += near * weight;
	}
}

static void
part_of_greatest(double *x, uint32_t n)
{
	double most = 0;

	for (uint32_t i = 0; i < n; i++)
		most = fmax(most, x[i]);
	for (uint32_t i = 0; i < n && most > 0; i++)
		x[i] = fmax(0, x[i] / most);
}

/* ---- the best */

static int
pick(const struct recommend *r, const char *taken, int n, int cold, struct recommended *to)
{
	int found = 0;
	double all = 0;

	for (uint32_t i = 0; i < r->n_items; i++) {
		double score = cold ? (double)takers(r, i) / (double)(r->n_users ? r->n_users : 1) : r->score[i];
		int at = found;

		if ((taken && taken[i]) || score <= 0)
			continue;
		while (at > 0 && to[at - 1].score < score)
			at--;
		if (at == n)
			continue;
		found += found < n;
		memmove(to + at + 1, to + at, (size_t)(found - 1 - at) * sizeof(*to));
		to[at] = (struct recommended){ .item = r->item_name[i], .score = score, .users = (int64_t)takers(r, i), .cold = cold,
			.because = !cold && r->from[i] ? r->item_name[r->from[i] - 1] : (struct str){ 0 } };
	}
	for (int i = 0; i < found; i++)
		all = fmax(all, to[i].score);
	for (int i = 0; i < found && !cold; i++)
		to[i].score /= all;
	return found;
}

static int
find(const struct map *map, struct str name, uint32_t *number)
{
	const struct map_entry *e = map_find(map, name);

	if (e)
		*number = (uint32_t)e->num;
	return e != NULL;
}

int
recommend_user(struct recommend *r, struct str user, int n, struct recommended *to)
{
	double *single, *most;
	char *taken;
	uint32_t u;
	int found;

	if (!find(&r->users, user, &u))
		return pick(r, NULL, n, 1, to);
	single = mem_new((r->n_items + 1) * 2 * sizeof(*single)), most = single + r->n_items;
	taken = mem_new(r->n_items + 1);
	memset(r->score, 0, r->n_items * sizeof(*r->score));
	memset(r->near, 0, r->n_items * sizeof(*r->near));
	memset(r->from, 0, r->n_items * sizeof(*r->from));
	for (size_t k = r->of_user[u]; k < r->of_user[u + 1]; k++) {
		taken[r->pair[k].item] = 1;
		add_near(r, r->pair[k].item, log1p((double)r->pair[k].weight), r->near, single);
		for (uint32_t i = 0; i < r->n_items; i++)
			if (single[i] > most[i])
				most[i] = single[i], r->from[i] = r->pair[k].item + 1;
	}
	if (r->factors) {
		float x[FACTORS];

		solve(r->gram, r->y, r->pair + r->of_user[u], r->of_user[u + 1] - r->of_user[u], 1, x);
		for (uint32_t i = 0; i < r->n_items; i++)
			for (int f = 0; f < FACTORS; f++)
				r->score[i] += (double)x[f] * (double)r->y[(size_t)i * FACTORS + (size_t)f];
	}
	for (uint32_t i = 0; i < r->n_items; i++)
		if (taken[i])
			r->score[i] = r->near[i] = 0;
	part_of_greatest(r->score, r->n_items);
	part_of_greatest(r->near, r->n_items);
	for (uint32_t i = 0; i < r->n_items; i++)
		r->score[i] += r->near[i];
	found = pick(r, taken, n, 0, to);
	if (!found)                                     /* nobody has these items with others */
		found = pick(r, taken, n, 1, to);
	free(single), free(taken);
	return found;
}

int
recommend_item(struct recommend *r, struct str item, int n, struct recommended *to)
{
	double *single;
	char *taken;
	uint32_t at;
	int found;

	if (!find(&r->items, item, &at))
		return 0;
	single = mem_new((r->n_items + 1) * sizeof(*single));
	taken = mem_new(r->n_items + 1);
	memset(r->score, 0, r->n_items * sizeof(*r->score));
	memset(r->from, 0, r->n_items * sizeof(*r->from));
	taken[at] = 1;
	add_near(r, at, 1, r->score, single);
	found = pick(r, taken, n, 0, to);
	free(single), free(taken);
	return found;
}

int64_t
recommend_users(const struct recommend *r)
{
	return r->n_users;
}

int
recommend_knows_item(const struct recommend *r, struct str item)
{
	uint32_t i;

	return find(&r->items, item, &i);
}
