#include "http/wheel.h"

#include <stddef.h>

void
wheel_init(struct wheel *w, int64_t now)
{
	*w = (struct wheel){ .tick = now / WHEEL_TICK };
}

static void
put(struct wheel *w, struct wheel_item *item)
{
	struct wheel_item **slot;

	item->slot = item->due / WHEEL_TICK + 1;                /* the tick behind it: never early */
	if (item->slot <= w->tick)
		item->slot = w->tick + 1;
	if (item->slot >= w->tick + WHEEL_SLOTS)
		item->slot = w->tick + WHEEL_SLOTS - 1;
	slot = &w->slot[item->slot % WHEEL_SLOTS];
	if ((item->next = *slot))
		item->next->here = &item->next;
	item->here = slot;
	*slot = item;
	w->n++;
}

void
wheel_remove(struct wheel *w, struct wheel_item *item)
{
	if (!item->here)
		return;
	if ((*item->here = item->next))
		item->next->here = item->here;
	item->here = NULL;
	w->n--;
}

void
wheel_set(struct wheel *w, struct wheel_item *item, int64_t due)
{
	item->due = due;
	if (item->here && due / WHEEL_TICK + 1 >= item->slot)
		return;
	wheel_remove(w, item);
	put(w, item);
}

struct wheel_item *
wheel_next(struct wheel *w, int64_t now)
{
	if (!w->n)
		w->tick = now / WHEEL_TICK;
	while (w->tick <= now / WHEEL_TICK) {
		struct wheel_item *item = w->slot[w->tick % WHEEL_SLOTS];

		if (!item) {
			if (w->tick == now / WHEEL_TICK)
				break;
			w->tick++;
			continue;
		}
		wheel_remove(w, item);
		if (item->due <= now)
			return item;
		put(w, item);
	}
	return NULL;
}

int
wheel_wait(const struct wheel *w, int64_t now)
{
	int64_t wait;

	if (!w->n)
		return -1;
	for (int i = 0; i < WHEEL_SLOTS; i++) {
		if (!w->slot[(w->tick + i) % WHEEL_SLOTS])
			continue;
		wait = (w->tick + i) * WHEEL_TICK - now;
		return wait > 0 ? (int)wait : 0;
	}
	return -1;
}
