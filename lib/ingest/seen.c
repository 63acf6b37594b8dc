#include "ingest/seen.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"

#define KEPT_MOST 1000000                       /* ids; only those near the newest may be more */

struct slice {
	int64_t number;         /* time / span */
	uint64_t *hash;         /* 0 is an empty place */
	int64_t *time;
	size_t n, cap;
};

struct seen {
	int64_t span, newest;
	struct slice *slice;    /* by number */
	size_t n, cap, ids;     /* slices, room for them; ids in all of them */
};

struct seen *
seen_new(int64_t span_ms)
{
	struct seen *s = mem_new(sizeof(*s));

	s->span = span_ms;
	s->newest = INT64_MIN;
	return s;
}

void
seen_free(struct seen *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->slice[i].hash);
		free(s->slice[i].time);
	}
	free(s->slice);
	free(s);
}

/* Once there are too many ids, forget the oldest slices, a quarter of all at a time. */
static void
forget(struct seen *s)
{
	size_t gone = 0;

	if (s->ids <= KEPT_MOST)
		return;
	for (; gone < s->n && s->ids > KEPT_MOST / 4 * 3 && s->slice[gone].number < s->newest - 1; gone++) {
		s->ids -= s->slice[gone].n;
		free(s->slice[gone].hash);
		free(s->slice[gone].time);
	}
	memmove(s->slice, s->slice + gone, (s->n -= gone) * sizeof(*s->slice));
}

/* The place of a hash in a slice, or the empty one where it would stand. */
static size_t
place_of(const struct slice *s, uint64_t hash)
{
	size_t i = hash & (s->cap - 1);

	while (s->hash[i] && s->hash[i] != hash)
		i = (i + 1) & (s->cap - 1);
	return i;
}

static void
remember(struct slice *s, uint64_t hash, int64_t time)
{
	size_t i;

	if (2 * (s->n + 1) > s->cap) {
		struct slice bigger = { s->number, NULL, NULL, s->n, s->cap ? s->cap * 2 : 4 };

		bigger.hash = mem_new(bigger.cap * sizeof(*bigger.hash));
		bigger.time = mem_new(bigger.cap * sizeof(*bigger.time));
		for (size_t k = 0; k < s->cap; k++)
			if (s->hash[k]) {
				i = place_of(&bigger, s->hash[k]);
				bigger.hash[i] = s->hash[k];
				bigger.time[i] = s->time[k];
			}
		free(s->hash);
		free(s->time);
		*s = bigger;
	}
	i = place_of(s, hash);
	s->n += !s->hash[i];
	s->hash[i] = hash;
	s->time[i] = time;
}

/* The first slice with that number or a later one. */
static size_t
slice_at(const struct seen *s, int64_t number)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->slice[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int
seen_before(struct seen *s, struct str id, int64_t time)
{
	uint64_t hash = str_hash(id);
	int64_t number = time_floor_div(time, s->span);
	size_t first = slice_at(s, number - 1), own;

	hash += !hash;
	for (size_t i = first; i < s->n && s->slice[i].number <= number + 1; i++) {
		struct slice *k = &s->slice[i];
		size_t at = place_of(k, hash);

		if (k->hash[at] && k->time[at] - time < s->span && time - k->time[at] < s->span)
			return 1;
	}
	if (number > s->newest) {
		s->newest = number;
		forget(s);
	}
	own = slice_at(s, number);
	if (own == s->n || s->slice[own].number != number) {
		if (s->n == s->cap)
			s->slice = mem_grow(s->slice, s->cap = s->cap ? s->cap * 2 : 16, sizeof(*s->slice));
		memmove(s->slice + own + 1, s->slice + own, (s->n++ - own) * sizeof(*s->slice));
		s->slice[own] = (struct slice){ .number = number };
	}
	remember(&s->slice[own], hash, time);
	s->ids++;
	if (s->slice[own].n == 1)
		forget(s);
	return 0;
}
