/* map.h - bytes to a pointer or number: open addressing, seeded hash (nobody can prepare collisions).
 *
 * Keys are copied into the map and stay where they are until it is freed or cleared. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_entry {
	struct str key;         /* the map's own copy */
	union { void *ptr; int64_t num; uint64_t bits; };
	uint64_t hash;
};

/* The hash stands beside the pointer, so that no other entry is looked at on the way to the one that is meant. */
struct map_slot {
	uint64_t hash;
	struct map_entry *entry;        /* NULL where empty */
};

struct map {
	struct map_slot *slot;  /* cap of them */
	size_t n, cap;          /* entries; slots, a power of two */
	struct arena *keys;
};

void map_release(struct map *);                 /* zero-initialised is empty and ready; values are the caller's */
void map_clear(struct map *);
struct map_entry *map_find(const struct map *, struct str key);         /* NULL when there is none */
struct map_entry *map_put(struct map *, struct str key, int *is_new);   /* found or made with value 0; is_new may be NULL */
struct map_entry *map_put_hash(struct map *, struct str key, uint64_t hash, int *is_new);  /* hash = str_hash(key) */

/* The same in turns, for keys that are known some time before: nothing is waited for while what the next turn wants is on its way from
 * memory. map_fetch with step 0, 1 and 2, then map_find_hash. */
void map_fetch(const struct map *, uint64_t hash, int step);
struct map_entry *map_find_hash(const struct map *, struct str key, uint64_t hash);

/* Entries in the order they were made: for (e = map_first(m); e; e = map_next(m, e)). One is let go of by a pointer of NULL, and its key with
 * map_tidy: those of NULL go once there are more of them than others and than spare; then each entry lies elsewhere, in the same order. */
void map_tidy(struct map *, size_t spare);
struct map_entry *map_first(const struct map *);
struct map_entry *map_next(const struct map *, const struct map_entry *);

#endif
