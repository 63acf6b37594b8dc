/* vector_tally.c - how often each value occurs in each group.
 *
 * Values are numbered, and so are the pairs of group and value; a pair has a count, and where that is asked for the place of its first
 * row. Where all rows are one group the value's number is the pair's.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "query/functions_priv.h"
#include "query/vector_priv.h"

struct vector_tally {
	int grouped, places;
	struct vector_ids ids;
	struct vector_pairs pairs;
	int64_t *count;
	struct vector_place *place;
	size_t cap;
	uint32_t *first, *sorted;       /* once asked: the pairs of group g are sorted[first[g] … first[g + 1] - 1] */
	uint32_t n_groups;
};

struct vector_tally *
vector_tally_new(int grouped, int places)
{
	struct vector_tally *t = mem_new(sizeof(*t));

	t->grouped = grouped;
	t->places = places;
	vector_ids_init(&t->ids, 1);
	t->ids.exact = 1;               /* equal numbers of one group become one at its end */
	return t;
}

void
vector_tally_free(struct vector_tally *t)
{
	if (!t)
		return;
	vector_ids_release(&t->ids);
	vector_pairs_release(&t->pairs);
	free(t->count), free(t->place), free(t->first), free(t->sorted);
	free(t);
}

size_t
vector_tally_held(const struct vector_tally *t)
{
	return vector_ids_held(&t->ids) + vector_pairs_held(&t->pairs) + t->cap * (sizeof(*t->count) + (t->places ? sizeof(*t->place) : 0));
}

size_t
vector_tally_ahead(struct vector_tally *t)
{
	return vector_ids_ahead(&t->ids);
}

static uint32_t
n_numbers(const struct vector_tally *t)
{
	return t->grouped ? t->pairs.n : t->ids.n;
}

static void
room(struct vector_tally *t)
{
	size_t n = n_numbers(t), cap = n > 2 * t->cap ? n : 2 * t->cap;

	if (n <= t->cap)
		return;
	t->count = mem_grow(t->count, cap, sizeof(*t->count));
	memset(t->count + t->cap, 0, (cap - t->cap) * sizeof(*t->count));
	if (t->places)
		t->place = mem_grow(t->place, cap, sizeof(*t->place));
	t->cap = cap;
}

static inline void
count(struct vector_tally *t, uint32_t number, int64_t times, const struct vector_place *place)
{
	if (place && (!t->count[number] || vector_place_order(place, &t->place[number]) < 0))
		t->place[number] = *place;
	t->count[number] += times;
}

void
vector_tally_add(struct vector_tally *t, struct vector_worker *w, const struct column *c, struct vector_rows rows, const uint32_t *group, uint32_t n_groups)
{
	uint32_t *number = vector_array(w, 4);

	vector_ids_map(&t->ids, w, c, rows, number);
	if (t->grouped)
		vector_pairs_map(&t->pairs, group, n_groups, number, t->ids.n, rows, number);
	room(t);
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		if (t->places) {
			struct vector_place place = vector_place_of(w, i);

			count(t, number[i], 1, &place);
		} else {
			t->count[number[i]]++;
		}
	}
}

void
vector_tally_merge(struct vector_tally *t, const struct vector_tally *from, const uint32_t *group, uint32_t n_groups)
{
	uint32_t *id = vector_ids_merge(&t->ids, &from->ids), n = n_numbers(from);
	uint32_t *left = NULL, *number = id;

	if (t->grouped) {
		left = mem_grow(NULL, (size_t)n + 1, sizeof(*left));
		number = mem_grow(NULL, (size_t)n + 1, sizeof(*number));
		for (uint32_t i = 0; i < n; i++) {
			left[i] = group[from->pairs.pair[i].left];
			number[i] = id[from->pairs.pair[i].right];
		}
		vector_pairs_map(&t->pairs, left, n_groups, number, t->ids.n, (struct vector_rows){ NULL, n }, number);
		free(id);
	}
	room(t);
	for (uint32_t i = 0; i < n; i++)
		if (i < from->cap && from->count[i])
			count(t, number[i], from->count[i], t->places ? &from->place[i] : NULL);
	free(left), free(number);
}

static uint32_t
id_of(const struct vector_tally *t, uint32_t number)
{
	return t->grouped ? t->pairs.pair[number].right : number;
}

void
vector_tally_end(struct vector_tally *t, uint32_t n_groups)
{
	uint32_t n = n_numbers(t), *next;

	if (t->first)
		return;
	room(t);
	t->n_groups = n_groups;
	t->first = mem_new(((size_t)n_groups + 1) * sizeof(*t->first));
	t->sorted = mem_grow(NULL, (size_t)n + 1, sizeof(*t->sorted));
	for (uint32_t i = 0; i < n; i++)
		t->first[(t->grouped ? t->pairs.pair[i].left : 0) + 1] += t->count[i] > 0;
	for (uint32_t g = 0; g < n_groups; g++)
		t->first[g + 1] += t->first[g];
	next = mem_grow(NULL, (size_t)n_groups + 1, sizeof(*next));
	memcpy(next, t->first, (size_t)n_groups * sizeof(*next));
	for (uint32_t i = 0; i < n; i++)
		if (t->count[i])
			t->sorted[next[t->grouped ? t->pairs.pair[i].left : 0]++] = i;
	free(next);
}

struct first { struct vector_place place; uint32_t number; };

static int
by_place(const void *a, const void *b)
{
	return vector_place_order(&((const struct first *)a)->place, &((const struct first *)b)->place);
}

/* In the order of their first rows, where those are known. */
static void
sort_by_place(const struct vector_tally *t, uint32_t *number, size_t n)
{
	struct first *first;

	if (!t->places || n < 2)
		return;
	first = mem_grow(NULL, n, sizeof(*first));
	for (size_t i = 0; i < n; i++)
		first[i] = (struct first){ t->place[number[i]], number[i] };
	qsort(first, n, sizeof(*first), by_place);
	for (size_t i = 0; i < n; i++)
		number[i] = first[i].number;
	free(first);
}

size_t
vector_tally_get(const struct vector_tally *t, uint32_t group, int nulls, struct functions_count *item)
{
	size_t n = vector_tally_most(t, group), kept = 0;
	uint32_t *number = t->sorted + t->first[group];

	sort_by_place(t, number, n);
	for (size_t i = 0; i < n; i++) {
		uint32_t id = id_of(t, number[i]);

		if (id || nulls)
			item[kept++] = (struct functions_count){ id ? t->ids.cell[id] : cell_null(), t->count[number[i]], i };
	}
	return kept;
}

size_t
vector_tally_most(const struct vector_tally *t, uint32_t group)
{
	return t->first[group + 1] - t->first[group];
}

int
vector_tally_instant(const struct vector_tally *t)
{
	return t->ids.instant;
}
