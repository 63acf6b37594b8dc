/* Panes merged ahead, for windows that overlap much. A 24h/1m window has 1440 panes, and the next one all of them but one: to
 * merge them for each window anew costs 1440 merges a group and a minute. So blocks of eight panes are merged once and kept,
 * and blocks of eight blocks, and so on; a window is made of the greatest blocks that lie in it:
 *
 *      panes       0 1 2 3 4 5 6 7 8 9 …
 *      level 1    [       0       |       1       | …                window of panes 5 to 20: 5, 6, 7, block 1, 16 … 20
 *      level 2    [                       0                        …
 *
 * That is three merges a pane and about 25 a window in place of 1440, and at the most as much memory again for each level
 * (less where sketches are full). A block is merged when a window first wants it, and is thrown away when a row comes to one
 * of its panes after that: `summed` says of a pane that such a block may be there. */
#include <stdlib.h>

#include "base/mem.h"
#include "window/window_priv.h"

#define FAN    8
#define FEWEST 16               /* panes of a window below which there is nothing to gain */
#define LEVELS 20

struct block {
	int64_t start;
	struct groups groups;
};

struct level {
	int64_t length;                 /* ms of a block */
	struct block **block;           /* by start; the first `gone` were given up */
	size_t gone, n, cap;
};

struct sums {
	int levels;
	struct level level[LEVELS];
};

struct sums *
window_sums_new(const struct span *span)
{
	struct sums *sums;
	int64_t length = span->pane_ms * FAN;

	if (span->kind != SPAN_TIME || span->size_ms / span->pane_ms < FEWEST)
		return NULL;
	sums = mem_new(sizeof(*sums));
	for (; sums->levels < LEVELS && length <= span->size_ms / 2; length *= FAN)
		sums->level[sums->levels++].length = length;
	return sums;
}

static void
block_free(struct block *b)
{
	window_groups_release(&b->groups);
	free(b);
}

void
window_sums_free(struct sums *sums)
{
	if (!sums)
		return;
	for (int i = 0; i < sums->levels; i++) {
		struct level *l = &sums->level[i];

		for (size_t j = 0; j < l->n; j++)
			block_free(l->block[l->gone + j]);
		free(l->block);
	}
	free(sums);
}

static int64_t
block_start(const struct level *l, int64_t t)
{
	int64_t rest = t % l->length;

	return t - rest - (rest < 0 ? l->length : 0);
}

/* The first block that does not begin before `start`: its index. */
static size_t
block_index(const struct level *l, int64_t start)
{
	size_t low = l->gone, high = l->gone + l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->block[middle]->start < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct block *
block_new(struct level *l, int64_t start)
{
	struct block *b = mem_new(sizeof(*b));
	size_t i;

	b->start = start;
	if (l->gone > l->cap / 2) {
		memmove(l->block, l->block + l->gone, l->n * sizeof(*l->block));
		l->gone = 0;
	} else if (l->gone + l->n == l->cap)
		l->block = mem_grow(l->block, l->cap = l->cap ? l->cap * 2 : 16, sizeof(*l->block));
	i = block_index(l, start);
	memmove(l->block + i + 1, l->block + i, (l->gone + l->n - i) * sizeof(*l->block));
	l->n++;
	return l->block[i] = b;
}

static void
merge(struct groups *to, const struct groups *from)
{
	for (size_t i = 0; i < from->cap; i++) {
		struct group *g = from->slot[i];

		if (g && g->state)
			window_group_merge(window_groups_get(to, (struct str){ g->key, g->key_len }, g->hash, g->labels_len, g->layout), g);
	}
}

static const struct groups *block_groups(struct window *, int level, int64_t start);

/* Merge what begins from `from` to before `to` out of blocks of the first `levels` levels. A pane is never met twice: the
 * greatest block in the range that holds it was taken with the first pane of that block. */
static void
merge_range(struct window *win, int64_t from, int64_t to, int levels, int is_kept, struct groups *into)
{
	struct sums *sums = win->sums;
	int i = window_pane_index(win, from);

	while (i < win->panes && win->pane[i]->start < to) {
		struct pane *p = win->pane[i];
		int64_t start = 0, end = 0;
		int level = -1;

		while (level + 1 < levels) {
			int64_t first = block_start(&sums->level[level + 1], p->start), behind = first + sums->level[level + 1].length;

			if (first < from || behind > to)
				break;
			level++, start = first, end = behind;
		}
		if (level >= 0) {
			merge(into, block_groups(win, level, start));
			i = window_pane_index(win, end);
		} else {
			p->summed |= is_kept;
			merge(into, &p->groups);
			i++;
		}
	}
}

static const struct groups *
block_groups(struct window *win, int level, int64_t start)
{
	struct level *l = &win->sums->level[level];
	size_t i = block_index(l, start);
	int first;
	struct block *b;

	if (i < l->gone + l->n && l->block[i]->start == start)
		return &l->block[i]->groups;
	first = window_pane_index(win, start);
	if (first + 1 == win->panes || win->pane[first + 1]->start >= start + l->length) {      /* nothing to merge in it */
		win->pane[first]->summed = 1;
		return &win->pane[first]->groups;
	}
	b = block_new(l, start);
	merge_range(win, start, start + l->length, level, 1, &b->groups);
	return &b->groups;
}

void
window_sums_merge(struct window *win, int64_t from, int64_t to, struct groups *into)
{
	merge_range(win, from, to, win->sums->levels, 0, into);
}

void
window_sums_spoil(struct window *win, int64_t start)
{
	for (int k = 0; k < win->sums->levels; k++) {
		struct level *l = &win->sums->level[k];
		size_t i = block_index(l, block_start(l, start));

		if (i < l->gone + l->n && l->block[i]->start == block_start(l, start)) {
			block_free(l->block[i]);
			memmove(l->block + i, l->block + i + 1, (l->gone + --l->n - i) * sizeof(*l->block));
		}
	}
}

void
window_sums_drop(struct window *win, int64_t before)
{
	for (int k = 0; k < win->sums->levels; k++)
		for (struct level *l = &win->sums->level[k]; l->n && l->block[l->gone]->start < before; l->gone++, l->n--)
			block_free(l->block[l->gone]);
}
