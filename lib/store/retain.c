/* retain.c - what is older than a time goes: events, samples, rows; their pages are free for what comes next. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "store/chunk.h"
#include "store/store_priv.h"

struct away { struct store *s; int64_t before; struct err *err; struct buf scratch; };

static int
take_key(void *self, struct str raw, int64_t count)
{
	struct away *a = self;

	return store_vocab_take(a->s, 'k', keys_text(raw, &a->scratch), count, 0, a->err);
}

/* Off the vocabulary with events that go one by one. */
static int
take_events(struct away *a, const struct event *ev, size_t n)
{
	struct keys keys = { 0 };
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		keys_count(&keys, ev[i].properties);
		rc = store_vocab_take(a->s, 'n', ev[i].name, 1, a->before, a->err);
	}
	for (size_t i = 0; i < keys.n && rc == 0; i++)
		rc = take_key(a, keys.one[i].raw, keys.one[i].count);
	keys_release(&keys);
	return rc;
}

/* A whole chunk goes: its header and its KEYS say what to take off the vocabulary. */
static int
drop_whole(struct away *a, uint64_t id, struct str header)
{
	struct store_view v;
	struct store_block_source from = { &v, id };
	struct chunk chunk = { 0 };
	int rc;

	store_view_of_txn(a->s, &v);
	if ((rc = chunk_open(&chunk, header, store_fetch_block, &from, a->err)) == 0) {
		for (size_t i = 0; i < chunk.info.n_names && rc == 0; i++)
			rc = store_vocab_take(a->s, 'n', chunk.names[i].name, chunk.names[i].count, a->before, a->err);
		if (rc == 0 && (rc = chunk_each_key(&chunk, take_key, a, a->err)) == ERR_CORRUPT) {
			err_clear(a->err);      /* it goes all the same */
			rc = 0;
		}
		a->s->head.events -= chunk.info.n < a->s->head.events ? chunk.info.n : a->s->head.events;
	}
	chunk_release(&chunk);
	return rc ? rc : store_remove_chunk(a->s, id, a->err);
}

static int
cut_chunk(struct away *a, uint64_t id, int64_t *dropped, int dry)
{
	struct arena *arena = arena_new(0);
	struct event *ev = NULL;
	size_t n = 0, old = 0;
	int rc = store_read_chunk(a->s, id, arena, &ev, &n, a->err);

	while (rc == 0 && old < n && ev[old].time < a->before)
		old++;
	*dropped += (int64_t)old;
	if (rc == 0 && !dry) {
		a->s->head.events -= old < a->s->head.events ? old : a->s->head.events;
		if ((rc = take_events(a, ev, old)) == 0 && (rc = store_remove_chunk(a->s, id, a->err)) == 0)
			rc = store_put_events(a->s, ev + old, n - old, a->err);
	}
	arena_free(arena);
	free(ev);
	return rc;
}

static int
retain_chunks(struct away *a, int64_t *dropped, int dry)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_CHUNKS };
	struct { uint64_t id; int whole; } *list = NULL;
	struct chunk_info info;
	struct str key, value, header;
	size_t n = 0;
	int rc;

	store_view_of_txn(a->s, &v);
	while ((rc = store_walk_next(&c, &key, &value, a->err)) > 0) {
		if (key.n != 8 || (rc = chunk_info(value, &info, a->err)))
			break;
		if (info.min_time >= a->before)
			continue;
		list = mem_grow(list, n + 1, sizeof(*list));
		list[n].id = store_key64_get(key.p);
		list[n++].whole = info.max_time < a->before;
		if (info.max_time < a->before)
			*dropped += (int64_t)info.n;
	}
	store_walk_end(&c);
	for (size_t i = 0; i < n && rc == 0; i++) {
		char id[8];

		if (!list[i].whole) {
			rc = cut_chunk(a, list[i].id, dropped, dry);
			continue;
		}
		if (dry)
			continue;
		store_key64(id, list[i].id);
		if ((rc = store_fetch(&v, STORE_CHUNKS, (struct str){ id, 8 }, &header, a->err)) > 0)
			rc = drop_whole(a, list[i].id, header);
	}
	free(list);
	return rc;
}

static int
retain_tail(struct away *a, int64_t *dropped, int dry)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_TAIL };
	struct arena *arena = arena_new(0);
	struct event *ev = NULL, *gone = NULL, one;
	size_t n = 0, n_gone = 0, cap = 0;
	struct str key, value;
	struct tail_iter it;
	int rc;

	store_view_of_txn(a->s, &v);
	while ((rc = store_walk_next(&c, &key, &value, a->err)) > 0) {
		char *copy;

		if (key.n != 8) {
			rc = store_damaged(a->err, a->s, "the tail holds what is no row");
			break;
		}
		copy = arena_dup(arena, value.p, value.n);
		if (tail_value((struct str){ copy, value.n }, store_key64_get(key.p), &it)) {
			rc = store_damaged(a->err, a->s, "the tail holds what is no row");
			break;
		}
		while (tail_next(&it, &one) == 1) {
			if (n + n_gone == cap) {
				cap = cap ? cap * 2 : 1024;
				ev = mem_grow(ev, cap, sizeof(*ev));
				gone = mem_grow(gone, cap, sizeof(*gone));
			}
			if (one.time < a->before)
				gone[n_gone++] = one;
			else
				ev[n++] = one;
		}
	}
	store_walk_end(&c);
	*dropped += (int64_t)n_gone;
	if (rc == 0 && n_gone && !dry) {
		a->s->head.events -= n_gone < a->s->head.events ? n_gone : a->s->head.events;
		if ((rc = take_events(a, gone, n_gone)) == 0)
			rc = store_put_tail(a->s, ev, n, a->err);
	}
	free(ev);
	free(gone);
	arena_free(arena);
	return rc;
}

/* Rows lie by kind, then time: of each kind the beginning goes. */
static int
retain_rows(struct away *a, int dry)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_ROWS, .keys_only = 1 };
	struct str key, value;
	struct buf keys = { 0 }, from = { 0 };
	int rc;

	store_view_of_txn(a->s, &v);
	while (!dry && (rc = store_walk(&c, buf_get(&from), &key, &value, a->err)) > 0) {
		const char *end = memchr(key.p, 0, key.n);
		size_t kind = end ? (size_t)(end - key.p) + 1 : 0;

		if (kind == 0 || key.n != kind + 16)
			break;
		buf_clear(&from);
		buf_add(&from, key.p, kind);
		for (; rc > 0 && key.n == kind + 16 && memcmp(key.p, from.p, kind) == 0 &&
		    store_key_time_get(store_key64_get(key.p + kind)) < a->before; rc = store_walk_next(&c, &key, &value, a->err)) {
			buf_byte(&keys, (char)key.n);
			buf_str(&keys, key);
		}
		from.p[kind - 1] = 1;           /* behind this kind */
	}
	store_walk_end(&c);
	rc = 0;
	for (size_t at = 0; at < keys.n && rc == 0; at += 1 + (unsigned char)keys.p[at])
		rc = store_delete(a->s, STORE_ROWS, (struct str){ keys.p + at + 1, (unsigned char)keys.p[at] }, a->err);
	buf_release(&keys);
	buf_release(&from);
	return rc;
}

int
store_retain(struct store *s, int64_t events, int64_t metrics, int dry, struct store_dropped *dropped, struct err *err)
{
	struct away a = { .s = s, .before = events, .err = err };
	int rc;

	*dropped = (struct store_dropped){ 0 };
	if ((rc = store_begin(s, err)))
		return rc;
	if (events != TIME_NONE && ((rc = retain_chunks(&a, &dropped->events, dry)) || (rc = retain_tail(&a, &dropped->events, dry))))
		goto out;
	a.before = metrics;
	if (metrics != TIME_NONE && ((rc = retain_rows(&a, dry)) || (rc = store_retain_samples(s, metrics, dry, &dropped->samples, err))))
		goto out;
	if (!dry && (rc = store_commit(s, err)) == 0 && (rc = store_begin(s, err)) == 0 && (rc = store_purge(s, err)) == 0)
		rc = store_commit(s, err);
out:
	store_abort(s);
	buf_release(&a.scratch);
	return rc;
}
