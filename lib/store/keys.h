/* keys.h - which top-level keys the events' properties have, and how often: the vocabulary of properties.
 *
 * Rows of one kind have the same keys in the same order, so each key is first compared with the one that came at this place
 * before; only a surprise is looked up. Costs about 0.1 µs a row of eight keys.
 */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include "base/buf.h"
#include "base/map.h"

struct keys {
	struct map map;                 /* raw key text (as between the quotes) -> index + 1 */
	struct keys_one { struct str raw; int64_t count; uint32_t next; } *one;        /* next: index + 1 of the key that followed last */
	size_t n, cap;
	uint32_t first;                 /* index + 1 of the key that came first in the last row */
	int64_t dropped;                /* keys beyond KEYS_MOST or too long */
};
#define KEYS_MOST 100000

void keys_release(struct keys *);
void keys_clear(struct keys *);

/* Count the keys of one object: compact JSON that was checked before. Other bytes count something or nothing, safely. */
void keys_count(struct keys *, struct str properties);
void keys_count_times(struct keys *, struct str properties, int64_t times);

void keys_add(struct keys *, const struct keys *more);

/* The key as text: escapes decoded. Borrowed from the raw text or scratch. */
struct str keys_text(struct str raw, struct buf *scratch);

#endif
