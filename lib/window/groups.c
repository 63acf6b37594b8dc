#include <stdlib.h>

#include "base/mem.h"
#include "window/window_priv.h"

static void
grow(struct groups *g)
{
	size_t cap = g->cap ? g->cap * 2 : 16;
	struct group **slot = mem_new(cap * sizeof(*slot));

	for (size_t i = 0; i < g->cap; i++)
		if (g->slot[i]) {
			size_t j = g->slot[i]->hash & (cap - 1);

			while (slot[j])
				j = (j + 1) & (cap - 1);
			slot[j] = g->slot[i];
		}
	free(g->slot);
	g->slot = slot;
	g->cap = cap;
}

/* A zeroed array of n items with the first `had` of the old one. */
static void *
enlarge(struct arena *arena, void *old, size_t had, size_t n, size_t size)
{
	char *p = arena ? arena_get(arena, n * size) : mem_grow(old, n, size);

	if (arena && had)
		memcpy(p, old, had * size);
	memset(p + had * size, 0, (n - had) * size);
	return p;
}

void
window_group_room(const struct window *win, struct group *g, struct arena *arena)
{
	const struct aggregates *a = window_aggregates(win, g->source);

	if (a->slots > g->slots) {
		g->state = enlarge(arena, g->state, g->slots, (size_t)a->slots, sizeof(*g->state));
		g->slots = (uint16_t)a->slots;
	}
	if (g->source == FROM_METRICS && a->outputs > g->outputs) {
		g->has = enlarge(arena, g->has, g->outputs, (size_t)a->outputs, 1);
		g->outputs = (uint16_t)a->outputs;
	}
}

struct group *
window_groups_get(const struct window *win, struct groups *groups, struct arena *arena, int source, struct str key, uint64_t hash)
{
	struct group *g;
	size_t i;

	if ((groups->n + 1) * 3 > groups->cap * 2)
		grow(groups);
	for (i = hash & (groups->cap - 1); (g = groups->slot[i]); i = (i + 1) & (groups->cap - 1))
		if (g->hash == hash && g->key_len == key.n && memcmp(g->key, key.p, key.n) == 0)
			break;
	if (!g) {
		g = groups->slot[i] = arena_get(arena, sizeof(*g));
		*g = (struct group){ .hash = hash, .key_len = (uint32_t)key.n, .source = (uint8_t)source, .first = INT64_MAX,
			.last = INT64_MIN, .key = arena_dup(arena, key.p, key.n) };
		groups->n++;
	}
	window_group_room(win, g, arena);
	return g;
}

const struct aggregates *
window_aggregates(const struct window *win, int source)
{
	return source == FROM_EVENTS ? &win->events : &win->metrics;
}

void
window_group_clear(const struct window *win, struct group *g)
{
	const struct aggregates *a = window_aggregates(win, g->source);

	for (int i = 0; i < g->slots && i < a->slots; i++)
		aggregate_clear(&a->slot[i], &g->state[i]);
}

void
window_groups_release(const struct window *win, struct groups *groups)
{
	for (size_t i = 0; i < groups->cap; i++)
		if (groups->slot[i])
			window_group_clear(win, groups->slot[i]);
	free(groups->slot);
	*groups = (struct groups){ 0 };
}

void
window_group_merge(const struct window *win, struct group *to, const struct group *from)
{
	const struct aggregates *a = window_aggregates(win, from->source);

	for (int i = 0; i < from->slots && i < to->slots && i < a->slots; i++)
		aggregate_merge(&a->slot[i], &to->state[i], &from->state[i]);
	for (int i = 0; i < from->outputs && i < to->outputs; i++)
		to->has[i] |= from->has[i];
	if (from->first < to->first)
		to->first = from->first;
	if (from->last > to->last)
		to->last = from->last;
}
