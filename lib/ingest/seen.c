#include "ingest/seen.h"

#include <stdlib.h>

#include "base/mem.h"

#define CUTS 4                                  /* slices a span */
#define KEPT (4 * CUTS)                         /* slices that may be there at once */

struct slice {
	int64_t number;         /* time / width; slices with n == 0 and no table are free */
	uint64_t *hash;         /* 0 is an empty place */
	int64_t *time;
	size_t n, cap;
};

struct seen {
	int64_t span, width, newest;
	struct slice slice[KEPT];
};

struct seen *
seen_new(int64_t span_ms)
{
	struct seen *s = mem_new(sizeof(*s));

	s->span = span_ms;
	s->width = span_ms / CUTS > 0 ? span_ms / CUTS : 1;
	s->newest = INT64_MIN;
	return s;
}

static void
forget(struct slice *s)
{
	free(s->hash);
	free(s->time);
	memset(s, 0, sizeof(*s));
}

void
seen_free(struct seen *s)
{
	if (!s)
		return;
	for (int i = 0; i < KEPT; i++)
		forget(&s->slice[i]);
	free(s);
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
		struct slice bigger = { s->number, NULL, NULL, s->n, s->cap ? s->cap * 2 : 1024 };

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

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static struct slice *
slice_for(struct seen *s, int64_t number)
{
	struct slice *oldest = NULL, *unused = NULL;

	for (int i = 0; i < KEPT; i++) {
		struct slice *k = &s->slice[i];

		if (k->cap && k->number == number)
			return k;
		if (!k->cap)
			unused = k;
		else if (!oldest || k->number < oldest->number)
			oldest = k;
	}
	if (!unused) {
		if (number < oldest->number)
			return NULL;            /* older than all that is kept: such an id is never known again */
		forget(unused = oldest);
	}
	unused->number = number;
	return unused;
}

int
seen_before(struct seen *s, struct str id, int64_t time)
{
	uint64_t hash = str_hash(id);
	int64_t number = floor_div(time, s->width);
	struct slice *own;

	hash += !hash;
	for (int i = 0; i < KEPT; i++) {
		struct slice *k = &s->slice[i];
		size_t at;

		if (!k->cap || k->number < number - CUTS - 1 || k->number > number + CUTS + 1)
			continue;
		at = place_of(k, hash);
		if (k->hash[at] && k->time[at] - time < s->span && time - k->time[at] < s->span)
			return 1;
	}
	if (number > s->newest) {
		s->newest = number;
		for (int i = 0; i < KEPT; i++)
			if (s->slice[i].cap && s->slice[i].number < number - 2 * CUTS)
				forget(&s->slice[i]);
	}
	if ((own = slice_for(s, number)))
		remember(own, hash, time);
	return 0;
}
