#include "base/map.h"

#include <stdlib.h>

#include "base/mem.h"

/* Entries live in the arena one behind the other through `next`; the slots only point at them, so growing moves no
 * entry and keys stay where they are. */
struct node {
	struct map_entry entry;         /* first, so that one is the other */
	struct node *next;
};

/* The first and last node, in front of everything else in the map's arena. */
struct ends {
	struct node *first, *last;
};

static struct ends *
ends_of(const struct map *m)
{
	return (struct ends *)(void *)m->slot - 1;
}

void
map_release(struct map *m)
{
	if (m->slot)
		free(ends_of(m));
	arena_free(m->keys);
	*m = (struct map){ 0 };
}

void
map_clear(struct map *m)
{
	if (!m->slot)
		return;
	memset(ends_of(m), 0, sizeof(struct ends) + m->cap * sizeof(*m->slot));
	arena_reset(m->keys);
	m->n = 0;
}

static struct map_slot *
place_of(const struct map *m, struct str key, uint64_t hash)
{
	size_t i = hash & (m->cap - 1);

	while (m->slot[i].entry && !(m->slot[i].hash == hash && str_eq(m->slot[i].entry->key, key)))
		i = (i + 1) & (m->cap - 1);
	return &m->slot[i];
}

/* Slots for twice as many entries; at most two thirds are ever taken. */
static void
grow(struct map *m)
{
	struct map bigger = { .n = m->n, .cap = m->cap ? m->cap * 2 : 16, .keys = m->keys ? m->keys : arena_new(0) };
	struct ends *ends = mem_new(sizeof(*ends) + bigger.cap * sizeof(*bigger.slot));

	bigger.slot = (struct map_slot *)(void *)(ends + 1);
	if (m->slot) {
		*ends = *ends_of(m);
		for (struct node *n = ends->first; n; n = n->next) {
			size_t i = n->entry.hash & (bigger.cap - 1);

			while (bigger.slot[i].entry)
				i = (i + 1) & (bigger.cap - 1);
			bigger.slot[i] = (struct map_slot){ n->entry.hash, &n->entry };
		}
		free(ends_of(m));
	}
	*m = bigger;
}

struct map_entry *
map_find(const struct map *m, struct str key)
{
	return m->n ? place_of(m, key, str_hash(key))->entry : NULL;
}

struct map_entry *
map_find_hash(const struct map *m, struct str key, uint64_t hash)
{
	return m->n ? place_of(m, key, hash)->entry : NULL;
}

void
map_fetch(const struct map *m, uint64_t hash, int step)
{
	const struct map_entry *e;
	size_t i = hash & (m->cap - 1);

	if (!m->n)
		return;
	if (step == 0) {
		__builtin_prefetch(&m->slot[i]);
		return;
	}
	while (m->slot[i].entry && m->slot[i].hash != hash)
		i = (i + 1) & (m->cap - 1);
	if (!(e = m->slot[i].entry))
		return;
	if (step == 1) {
		__builtin_prefetch(e);
		__builtin_prefetch(&e->hash);   /* of the same line or of the next */
	} else {
		__builtin_prefetch(e->key.p);
		__builtin_prefetch(e->key.p + 64);
		__builtin_prefetch(e->ptr);
	}
}

struct map_entry *
map_put_hash(struct map *m, struct str key, uint64_t hash, int *is_new)
{
	struct map_slot *at;
	struct ends *ends;
	struct node *node;

	if ((m->n + 1) * 3 > m->cap * 2)
		grow(m);
	at = place_of(m, key, hash);
	if (is_new)
		*is_new = !at->entry;
	if (at->entry)
		return at->entry;
	node = arena_get(m->keys, sizeof(*node));
	*node = (struct node){ .entry = { .key = { arena_dup(m->keys, key.p, key.n), key.n }, .hash = hash } };
	ends = ends_of(m);
	*(ends->last ? &ends->last->next : &ends->first) = node;
	ends->last = node;
	m->n++;
	*at = (struct map_slot){ hash, &node->entry };
	return &node->entry;
}

struct map_entry *
map_put(struct map *m, struct str key, int *is_new)
{
	return map_put_hash(m, key, str_hash(key), is_new);
}

struct map_entry *
map_first(const struct map *m)
{
	return m->n ? &ends_of(m)->first->entry : NULL;
}

struct map_entry *
map_next(const struct map *m, const struct map_entry *e)
{
	const struct node *node = (const struct node *)e;

	(void)m;
	return node->next ? &node->next->entry : NULL;
}

void
map_tidy(struct map *m, size_t spare)
{
	struct map fresh = { 0 };
	size_t used = 0;

	for (const struct map_entry *e = map_first(m); e; e = map_next(m, e))
		used += e->ptr != NULL;
	if (m->n - used <= used || m->n - used <= spare)
		return;
	for (const struct map_entry *e = map_first(m); e; e = map_next(m, e))
		if (e->ptr)
			map_put_hash(&fresh, e->key, e->hash, NULL)->ptr = e->ptr;
	map_release(m);
	*m = fresh;
}
