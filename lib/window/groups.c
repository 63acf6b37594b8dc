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

void
window_group_init(struct group *g, struct str key, uint64_t hash, size_t labels_len, struct layout *layout)
{
	*g = (struct group){ .hash = hash, .layout = layout, .first = INT64_MAX, .last = INT64_MIN,
		.key = mem_dup(key.p, key.n), .key_len = (uint32_t)key.n, .labels_len = (uint32_t)labels_len };
}

void *
window_group_state(struct group *g)
{
	size_t size = layout_size(g->layout);

	if (g->size != size) {
		g->state = mem_grow(g->state, size, 1);
		memset((char *)g->state + g->size, 0, size - g->size);
		g->size = size;
	}
	return g->state;
}

void
window_group_release(struct group *g)
{
	if (g->state)
		layout_release(g->layout, window_group_state(g));
	free(g->state);
	free(g->key);
}

struct group *
window_groups_get(struct groups *groups, struct str key, uint64_t hash, size_t labels_len, struct layout *layout)
{
	struct group *g;
	size_t i;

	if ((groups->n + 1) * 3 > groups->cap * 2)
		grow(groups);
	for (i = hash & (groups->cap - 1); (g = groups->slot[i]); i = (i + 1) & (groups->cap - 1))
		if (g->hash == hash && g->key_len == key.n && memcmp(g->key, key.p, key.n) == 0)
			return g;
	g = groups->slot[i] = mem_new(sizeof(*g));
	window_group_init(g, key, hash, labels_len, layout);
	groups->n++;
	return g;
}

void
window_groups_release(struct groups *groups)
{
	for (size_t i = 0; i < groups->cap; i++)
		if (groups->slot[i]) {
			window_group_release(groups->slot[i]);
			free(groups->slot[i]);
		}
	free(groups->slot);
	*groups = (struct groups){ 0 };
}

void
window_group_merge(struct group *to, struct group *from)
{
	layout_merge(to->layout, window_group_state(to), window_group_state(from));
	if (from->first < to->first)
		to->first = from->first;
	if (from->last > to->last)
		to->last = from->last;
}
