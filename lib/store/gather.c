/* gather.c - sealing beside adding: packing a chunk takes longer than all else that is done with its events, so other threads
 * do it, as many as there are processors.
 *
 *      store_gather ──► gathered ──(seal)──► being packed ──► transaction: store_put_sealed, commit
 *      store_add    ──► pending  ──(a chunk is full)──► being packed ──► the transaction that it was added in
 *
 * The threads see nothing but the rows and their own memory; the store's writer puts the chunks into a transaction, in the order
 * in which they were sealed. Chunks of the two ways never wait at once: what is gathered belongs to no transaction yet.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/task.h"
#include "store/chunk.h"
#include "store/store_priv.h"

#define SEALS_MOST   STORE_SEALED_MOST  /* each holds up to 50 MiB */
#define PACKERS_MOST (SEALS_MOST - 1)   /* threads: one chunk waits, so that none of them does */

struct seal {
	struct tail_rows rows;
	uint64_t seq;                   /* of the first of them; gathered ones count from 0 */
	struct event *ev;
	size_t cap;
	struct chunk_packed packed;
};

struct store_sealer {
	struct task_queue *queue;
	struct seal seal[SEALS_MOST];
	void *slot[SEALS_MOST];
	struct tail_rows gathered;
	int ahead;                      /* what is in the queue was gathered */
};

static void
pack_rows(void *self, int thread, void *slot)
{
	struct seal *k = slot;
	size_t n;

	(void)self, (void)thread;
	if (k->rows.n > k->cap)
		k->ev = mem_grow(k->ev, k->cap = k->rows.n, sizeof(*k->ev));
	n = tail_rows_events(&k->rows, k->seq, k->ev);
	store_sort_events(k->ev, n);
	chunk_pack(&k->packed, k->ev, n);
}

static struct store_sealer *
sealer_of(struct store *s)
{
	struct store_sealer *k = s->sealer;
	int n;

	if (k)
		return k;
	n = task_threads() < PACKERS_MOST ? task_threads() : PACKERS_MOST;
	k = s->sealer = mem_new(sizeof(*k));
	for (int i = 0; i < SEALS_MOST; i++)
		k->slot[i] = &k->seal[i];
	k->queue = task_queue_new(n + 1, k->slot, n + 1, pack_rows, NULL);
	return k;
}

void
store_sealer_free(struct store *s)
{
	struct store_sealer *k = s->sealer;

	if (!k)
		return;
	task_queue_free(k->queue);
	for (int i = 0; i < SEALS_MOST; i++) {
		tail_rows_release(&k->seal[i].rows);
		chunk_packed_release(&k->seal[i].packed);
		free(k->seal[i].ev);
	}
	tail_rows_release(&k->gathered);
	free(k);
	s->sealer = NULL;
}

/* Give rows to be packed; other memory comes for them. 0: as many as may be are being packed. */
static int
seal(struct store_sealer *k, struct tail_rows *rows, uint64_t seq, int ahead)
{
	struct seal *to = task_slot(k->queue);
	struct tail_rows other;

	if (!to)
		return 0;
	assert(!task_flying(k->queue) || k->ahead == ahead);
	k->ahead = ahead;
	other = to->rows;
	to->rows = *rows;
	to->seq = seq;
	*rows = other;
	tail_rows_clear(rows);
	task_give_away(k->queue);
	return 1;
}

static void
drop(struct store_sealer *k)
{
	while (task_flying(k->queue))
		if (task_done(k->queue))
			task_back(k->queue);
		else
			task_wait(k->queue);
}

/* ---- of a transaction */

int
store_sealer_put(struct store *s, int all, struct err *err)
{
	struct store_sealer *k = s->sealer;
	struct seal *one;
	int rc = 0;

	while (k && !k->ahead && rc == 0 && task_flying(k->queue)) {
		if ((one = task_done(k->queue))) {
			if ((rc = store_put_packed(s, &one->packed, err)) == 0)
				keys_add(&s->keys, &one->packed.keys);
			task_back(k->queue);
		} else if (all)
			task_wait(k->queue);
		else
			break;
	}
	return rc;
}

int
store_sealer_seal(struct store *s, struct err *err)
{
	struct store_sealer *k = sealer_of(s);
	size_t n = s->pending.n;
	int rc;

	while ((rc = store_sealer_put(s, 0, err)) == 0 && !seal(k, &s->pending, s->pending_seq, 0))
		task_wait(k->queue);
	if (rc == 0)
		s->pending_seq += n;
	return rc;
}

void
store_sealer_forget(struct store *s)
{
	if (s->sealer && !s->sealer->ahead)
		drop(s->sealer);
}

/* ---- ahead of one */

int
store_gather(struct store *s, const struct event *ev, struct err *err)
{
	int rc = store_event_fault(ev, err);

	if (rc == 0)
		tail_rows_add(&sealer_of(s)->gathered, ev);
	return rc;
}

size_t
store_gathered(const struct store *s)
{
	return s->sealer ? s->sealer->gathered.n : 0;
}

int
store_gather_takes(const struct store *s, size_t n, size_t bytes)
{
	const struct tail_rows *rows = s->sealer ? &s->sealer->gathered : NULL;

	return !rows || !rows->n || (rows->n + n <= STORE_CHUNK_ROWS && rows->bytes.n + bytes <= STORE_CHUNK_RAW);
}

int
store_gather_seal(struct store *s)
{
	return !store_gathered(s) || seal(s->sealer, &s->sealer->gathered, 0, 1);
}

int
store_sealed(const struct store *s)
{
	return s->sealer && s->sealer->ahead ? task_flying(s->sealer->queue) : 0;
}

int
store_sealed_packed(const struct store *s)
{
	return store_sealed(s) && task_done(s->sealer->queue);
}

int
store_put_sealed(struct store *s, struct err *err)
{
	struct store_sealer *k = s->sealer;
	struct seal *one;
	int rc;

	assert(s->txn && s->pending.n == 0 && store_sealed(s));
	while (!(one = task_done(k->queue)))
		task_wait(k->queue);
	chunk_packed_follow(&one->packed, s->head.next_seq);
	if ((rc = store_put_packed(s, &one->packed, err)) == 0) {
		keys_add(&s->keys, &one->packed.keys);
		for (size_t i = 0; i < one->packed.n_names; i++)
			store_count_name(s, &one->packed.name[i]);
		s->head.next_seq += one->rows.n;
		s->head.events += one->rows.n;
		s->pending_seq = s->head.next_seq;
	}
	task_back(k->queue);
	return rc;
}

int
store_put_gathered(struct store *s, struct err *err)
{
	struct store_sealer *k = s->sealer;
	struct event ev;
	int rc = 0;

	if (!store_gathered(s))
		return 0;
	assert(s->txn && !store_sealed(s));
	for (size_t i = 0; i < k->gathered.n_batches; i++) {
		struct tail_iter it = { .rest = { k->gathered.bytes.p + k->gathered.batch[i].at, k->gathered.batch[i].len }, .n = k->gathered.batch[i].n };

		while (rc == 0 && tail_next(&it, &ev) == 1)
			rc = store_add(s, &ev, err);
	}
	tail_rows_clear(&k->gathered);
	return rc;
}

void
store_gather_forget(struct store *s)
{
	if (!s->sealer)
		return;
	if (s->sealer->ahead)
		drop(s->sealer);
	tail_rows_clear(&s->sealer->gathered);
}
