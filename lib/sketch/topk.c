#include "sketch/topk.h"

#include <stdlib.h>

#include "base/mem.h"

/* The text form: items from the most frequent on, ties by bytes, the value percent-encoded (all but letters, digits,
 * '.', '_', '-'), "*COUNT" and, where the count may be too high, "~ERROR":
 *
 *      ss1:N;/home*310,/cart*12~3
 */

struct counter {
	char *value;                    /* own copy */
	size_t len;
	uint64_t hash, count, error;
	int heap;                       /* where it stands in the heap */
};

struct topk {
	int n;                          /* how many are wanted */
	int most, used;                 /* counters there may be; are */
	struct counter *counter;
	int *slot, slots;               /* hash to counter + 1; 0 is empty */
	int *heap;                      /* counters, the least count on top */
	int grown;                      /* counters there is memory for */
};

struct topk *
topk_new(int n)
{
	struct topk *t = mem_new(sizeof(*t));

	t->n = n < 1 ? 1 : n > 10000 ? 10000 : n;
	t->most = t->n * 8 > 1024 ? t->n * 8 : 1024;
	return t;
}

void
topk_free(struct topk *t)
{
	if (!t)
		return;
	for (int i = 0; i < t->used; i++)
		free(t->counter[i].value);
	free(t->counter);
	free(t->slot);
	free(t->heap);
	free(t);
}

static int *
slot_of(const struct topk *t, struct str value, uint64_t hash)
{
	int i = (int)(hash & (uint64_t)(t->slots - 1));

	while (t->slot[i]) {
		const struct counter *c = &t->counter[t->slot[i] - 1];

		if (c->hash == hash && str_eq((struct str){ c->value, c->len }, value))
			break;
		i = (i + 1) & (t->slots - 1);
	}
	return &t->slot[i];
}

/* Empty a slot and move up what probing past it would no longer find (Knuth 6.4, algorithm R). */
static void
slot_drop(struct topk *t, int *at)
{
	int hole = (int)(at - t->slot), mask = t->slots - 1;

	for (int i = (hole + 1) & mask; t->slot[i]; i = (i + 1) & mask) {
		int home = (int)(t->counter[t->slot[i] - 1].hash & (uint64_t)mask);

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			t->slot[hole] = t->slot[i];
			hole = i;
		}
	}
	t->slot[hole] = 0;
}

/* Less frequent; of two alike, the one later in byte order goes first. Ties by bytes keep the answer from depending on
 * the process's hash seed. */
static int
below(const struct topk *t, int a, int b)
{
	const struct counter *x = &t->counter[a], *y = &t->counter[b];

	if (x->count != y->count)
		return x->count < y->count;
	return str_cmp((struct str){ x->value, x->len }, (struct str){ y->value, y->len }) > 0;
}

static void
heap_set(struct topk *t, int at, int counter)
{
	t->heap[at] = counter;
	t->counter[counter].heap = at;
}

static void
heap_down(struct topk *t, int at)
{
	int moving = t->heap[at];

	for (int child; (child = at * 2 + 1) < t->used; at = child) {
		if (child + 1 < t->used && below(t, t->heap[child + 1], t->heap[child]))
			child++;
		if (!below(t, t->heap[child], moving))
			break;
		heap_set(t, at, t->heap[child]);
	}
	heap_set(t, at, moving);
}

static void
heap_up(struct topk *t, int at)
{
	int moving = t->heap[at];

	for (; at && below(t, moving, t->heap[(at - 1) / 2]); at = (at - 1) / 2)
		heap_set(t, at, t->heap[(at - 1) / 2]);
	heap_set(t, at, moving);
}

static void
grow(struct topk *t)
{
	t->grown = t->grown ? t->grown * 2 : 8;
	if (t->grown > t->most)
		t->grown = t->most;
	t->counter = mem_grow(t->counter, (size_t)t->grown, sizeof(*t->counter));
	t->heap = mem_grow(t->heap, (size_t)t->grown, sizeof(*t->heap));
	free(t->slot);
	for (t->slots = 16; t->slots < t->grown * 2; )
		t->slots *= 2;
	t->slot = mem_new((size_t)t->slots * sizeof(*t->slot));
	for (int i = 0; i < t->used; i++)
		*slot_of(t, (struct str){ t->counter[i].value, t->counter[i].len }, t->counter[i].hash) = i + 1;
}

static void
add(struct topk *t, struct str value, uint64_t hash, uint64_t times, uint64_t error)
{
	int *slot;
	struct counter *c;

	if (!t->slots || (t->used == t->grown && t->grown < t->most))
		grow(t);
	slot = slot_of(t, value, hash);
	if (*slot) {
		c = &t->counter[*slot - 1];
		c->count += times;
		c->error += error;
		heap_down(t, c->heap);
		return;
	}
	if (t->used < t->most) {
		c = &t->counter[t->used];
		*c = (struct counter){ mem_dup(value.p, value.n), value.n, hash, times, error, t->used };
		*slot = t->used + 1;
		t->heap[t->used] = t->used;
		t->used++;
		heap_up(t, t->used - 1);
		return;
	}
	c = &t->counter[t->heap[0]];            /* the least frequent gives its counter up; its count becomes the error */
	slot_drop(t, slot_of(t, (struct str){ c->value, c->len }, c->hash));
	free(c->value);
	*c = (struct counter){ mem_dup(value.p, value.n), value.n, hash, c->count + times, c->count + error, 0 };
	*slot_of(t, value, hash) = t->heap[0] + 1;
	heap_down(t, 0);
}

void
topk_add(struct topk *t, struct str value, uint64_t times)
{
	if (times)
		add(t, value, str_hash(value), times, 0);
}

/* Where all counters have room, no order shows: no sorting, and the heap is put right once. */
static void
merge_all(struct topk *t, const struct topk *from)
{
	for (int i = 0; i < from->used; i++) {
		const struct counter *more = &from->counter[i];
		struct counter *c;
		int *slot;

		if (!t->slots || t->used == t->grown)
			grow(t);
		slot = slot_of(t, (struct str){ more->value, more->len }, more->hash);
		if (*slot) {
			c = &t->counter[*slot - 1];
			c->count += more->count;
			c->error += more->error;
			continue;
		}
		t->counter[t->used] = (struct counter){ mem_dup(more->value, more->len), more->len, more->hash, more->count, more->error, t->used };
		t->heap[t->used] = t->used;
		*slot = ++t->used;
	}
	for (int i = t->used / 2; i-- > 0; )
		heap_down(t, i);
}

void
topk_merge(struct topk *t, const struct topk *from)
{
	struct topk_item *items;
	struct topk all = *from;

	if (from->used == from->most && from->counter[from->heap[0]].error) {   /* what it has dropped may be one of ours */
		uint64_t dropped = from->counter[from->heap[0]].count;

		for (int i = 0; i < t->used; i++) {
			struct counter *c = &t->counter[i];

			if (!*slot_of(from, (struct str){ c->value, c->len }, c->hash))
				c->count += dropped, c->error += dropped;
		}
		for (int i = t->used / 2; i-- > 0; )
			heap_down(t, i);
	}
	if (t->used + from->used < t->most) {
		merge_all(t, from);
		return;
	}
	items = mem_new((size_t)from->used * sizeof(*items) + 1);
	all.n = from->used;                     /* from the most frequent on, so that the order of counters does not matter */
	all.n = topk_get(&all, items);
	for (int i = 0; i < all.n; i++)
		add(t, items[i].value, str_hash(items[i].value), items[i].count, items[i].error);
	free(items);
}

static int
by_rank(const void *a, const void *b, void *topk)
{
	return below(topk, *(const int *)a, *(const int *)b) ? 1 : -1;
}

int
topk_get(const struct topk *t, struct topk_item *items)
{
	int *order = mem_new((size_t)t->used * sizeof(*order) + 1), n = t->used < t->n ? t->used : t->n;

	if (n < t->used / 8) {                  /* a few of many: each is put where it belongs among the best so far */
		for (int i = 0, at, have = 0; i < t->used; i++) {
			if (have == n && !below(t, order[n - 1], i))
				continue;
			have += have < n;
			for (at = have - 1; at > 0 && below(t, order[at - 1], i); at--)
				order[at] = order[at - 1];
			order[at] = i;
		}
	} else {
		for (int i = 0; i < t->used; i++)
			order[i] = i;
		qsort_r(order, (size_t)t->used, sizeof(*order), by_rank, (void *)t);
	}
	for (int i = 0; i < n; i++) {
		const struct counter *c = &t->counter[order[i]];

		items[i] = (struct topk_item){ { c->value, c->len }, c->count, c->error };
	}
	free(order);
	return n;
}

static void
put_value(struct buf *to, struct str value)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("._-", c ? c : '%')) {
			buf_byte(to, (char)c);
		} else {
			buf_byte(to, '%');
			buf_byte(to, hex[c >> 4]);
			buf_byte(to, hex[c & 15]);
		}
	}
}

void
topk_put(const struct topk *t, struct buf *to)
{
	struct topk_item *items = mem_new((size_t)t->used * sizeof(*items) + 1);
	struct topk all = *t;
	int n;

	all.n = t->used;
	n = topk_get(&all, items);
	buf_printf(to, "ss1:%d;", t->n);
	for (int i = 0; i < n; i++) {
		if (i)
			buf_byte(to, ',');
		put_value(to, items[i].value);
		buf_printf(to, "*%lu", (unsigned long)items[i].count);
		if (items[i].error)
			buf_printf(to, "~%lu", (unsigned long)items[i].error);
	}
	free(items);
}

static int
read_value(struct str text, struct buf *value)
{
	buf_clear(value);
	return buf_percent(value, text);
}

struct topk *
topk_read(struct str text)
{
	struct topk *t = NULL;
	struct str n, item, value, count;
	struct buf decoded = { 0 };
	int64_t wanted, times, error;

	if (!str_starts(text, STR("ss1:")))
		return NULL;
	text.p += 4, text.n -= 4;
	if (!str_cut(&text, ';', &n) || str_int64(n, &wanted) || wanted < 1 || wanted > 10000 || !text.p)
		return NULL;
	t = topk_new((int)wanted);
	while (text.n && str_cut(&text, ',', &item)) {
		error = 0;
		if (!str_cut(&item, '*', &value) || !item.p || !str_cut(&item, '~', &count) || str_int64(count, &times) ||
		    times < 1 || (item.p && (str_int64(item, &error) || error < 0 || error > times)) ||
		    t->used == t->most || read_value(value, &decoded))
			goto bad;
		add(t, buf_get(&decoded), str_hash(buf_get(&decoded)), (uint64_t)times, (uint64_t)error);
	}
	buf_release(&decoded);
	return t;
bad:
	buf_release(&decoded);
	topk_free(t);
	return NULL;
}
