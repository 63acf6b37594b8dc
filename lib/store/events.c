/* events.c - how events get into the store: pending rows, the tail, sealing into chunks, the vocabulary.
 *
 *      store_add ──► pending ──(commit)──► tail ──(65,536 rows or 16 MiB)──► chunk
 *                       └──(65,536 rows or 16 MiB in one transaction, or half of it at its end)──► chunk
 *      store_gather ──────(as many rows as the caller will)──► chunk: gather.c
 *
 * Sealing is part of the writer's own transaction, so a crash leaves the rows in the tail or in the chunk, never in both
 * and never in none. A chunk is full, or half full, whichever way it came; only `at-admin compact` seals a short tail.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "codec/varint.h"
#include "store/chunk.h"
#include "store/store_priv.h"

#define RUN 16          /* events that are put in order one by one before such runs are merged */

/* ---- adding */

void
store_count_name(struct store *s, const struct chunk_name *name)
{
	int is_new;
	struct map_entry *e = map_put(&s->names, name->name, &is_new);
	struct store_name_count *c;

	if (is_new) {
		if (s->names.n > s->cap_names)
			s->name_counts = mem_grow(s->name_counts, s->cap_names = s->cap_names ? s->cap_names * 2 : 64, sizeof(*s->name_counts));
		e->bits = s->names.n - 1;
		s->name_counts[e->bits] = (struct store_name_count){ 0, name->first, name->last };
	}
	c = &s->name_counts[e->bits];
	c->count += name->count;
	c->first = name->first < c->first ? name->first : c->first;
	c->last = name->last > c->last ? name->last : c->last;
}

struct order { int64_t time; uint64_t seq; uint32_t at; };

static inline int
comes_after(const struct order *a, const struct order *b)
{
	return a->time > b->time || (a->time == b->time && a->seq > b->seq);
}

/* Merge sort in place: what is in order already, as nearly all is, costs a comparison a merge. */
static void
sort_order(struct order *o, size_t n, struct order *room)
{
	for (size_t from = 0; from < n; from += RUN)
		for (size_t i = from + 1; i < n && i < from + RUN; i++) {
			struct order one = o[i];
			size_t to = i;

			for (; to > from && comes_after(&o[to - 1], &one); to--)
				o[to] = o[to - 1];
			o[to] = one;
		}
	for (size_t width = RUN; width < n; width *= 2)
		for (size_t from = 0; from + width < n; from += 2 * width) {
			size_t a = from, middle = from + width, b = middle, end = middle + width < n ? middle + width : n, kept;

			if (!comes_after(&o[middle - 1], &o[middle]))
				continue;
			while (a < middle && !comes_after(&o[a], &o[middle]))   /* these stay */
				a++;
			memcpy(room, o + a, (middle - a) * sizeof(*o));
			kept = middle - a;
			for (size_t i = 0; i < kept; )
				o[a++] = b < end && comes_after(&room[i], &o[b]) ? o[b++] : room[i++];
		}
}

void
store_sort_events(struct event *ev, size_t n)
{
	struct order *o;
	struct event one;
	size_t i;

	for (i = 1; i < n; i++)
		if (ev[i].time < ev[i - 1].time || (ev[i].time == ev[i - 1].time && ev[i].seq < ev[i - 1].seq))
			break;
	if (i >= n)
		return;                 /* the usual case: they came in order */
	o = mem_grow(NULL, 2 * n, sizeof(*o));
	for (i = 0; i < n; i++)
		o[i] = (struct order){ ev[i].time, ev[i].seq, (uint32_t)i };
	sort_order(o, n, o + n);
	for (i = 0; i < n; i++) {               /* round by round: each goes where the one before it came from */
		size_t to = i, from;

		if (o[i].at == i)
			continue;
		one = ev[i];
		for (; (from = o[to].at) != i; to = from) {
			ev[to] = ev[from];
			o[to].at = (uint32_t)to;
		}
		ev[to] = one;
		o[to].at = (uint32_t)to;
	}
	free(o);
}

int
store_put_packed(struct store *s, const struct chunk_packed *packed, struct err *err)
{
	char key[12];
	int rc;

	store_key64(key, s->head.next_chunk);
	if ((rc = store_put_last(s, STORE_CHUNKS, (struct str){ key, 8 }, buf_get(&packed->header), err)))
		return rc;
	/* In the order of their keys, so that each goes to the end. */
	for (int column = 0; column < CHUNK_COLUMNS; column++)
		for (size_t i = 0; i < packed->n; i++) {
			const struct chunk_block *b = &packed->block[i];

			if (b->column != column)
				continue;
			key[8] = (char)column;
			key[9] = (char)(b->part >> 16);
			key[10] = (char)(b->part >> 8);
			key[11] = (char)b->part;
			if ((rc = store_put_last(s, STORE_BLOCKS, (struct str){ key, 12 }, (struct str){ packed->bytes.p + b->at, b->len }, err)))
				return rc;
		}
	s->head.next_chunk++;
	s->head.chunks++;
	return 0;
}

int
store_put_chunk(struct store *s, const struct event *ev, size_t n, struct err *err)
{
	chunk_pack(&s->packed, ev, n);
	return store_put_packed(s, &s->packed, err);
}

int
store_event_fault(const struct event *ev, struct err *err)
{
	if (ev->name.n == 0 || ev->name.n > EVENT_NAME_MOST || ev->time < TIME_MIN || ev->time > TIME_MAX)
		return err_set(err, ERR_INPUT, "an event without a name of 1 to %d bytes or with a time out of range", EVENT_NAME_MOST);
	if (ev->properties.n + ev->id.n + ev->user_id.n + ev->session_id.n > CHUNK_BLOCK_MOST / 4)
		return err_set(err, ERR_LIMIT, "an event larger than %u bytes", CHUNK_BLOCK_MOST / 4);
	return 0;
}

int
store_add(struct store *s, const struct event *ev, struct err *err)
{
	if (!s->txn)
		return err_set(err, ERR_IO, "%s: no transaction is open", s->path);
	if (store_event_fault(ev, err))
		return err->code;
	tail_rows_add(&s->pending, ev);
	store_count_name(s, &(struct chunk_name){ ev->name, 1, ev->time, ev->time });
	s->head.next_seq++;
	s->head.events++;
	s->changed = 1;
	return s->pending.n >= STORE_CHUNK_ROWS || s->pending.bytes.n >= STORE_CHUNK_RAW ? store_sealer_seal(s, err) : 0;
}

size_t
store_pending(const struct store *s)
{
	return s->pending.n;
}

/* ---- the tail */

static int
put_batches(struct store *s, const struct tail_rows *rows, uint64_t seq, struct err *err)
{
	char key[8];
	int rc = 0;

	for (size_t i = 0; i < rows->n_batches && rc == 0; i++) {
		buf_clear(&s->value);
		tail_put_value(&s->value, rows, &rows->batch[i], &s->pack);
		store_key64(key, seq);
		rc = store_put(s, STORE_TAIL, (struct str){ key, 8 }, buf_get(&s->value), err);
		seq += rows->batch[i].n;
		s->head.tail_rows += rows->batch[i].n;
		s->head.tail_bytes += rows->batch[i].len;
	}
	return rc;
}

/* Events in order of their seqs, which may have gaps where chunks were made in between: a batch has none. */
static int
put_rows(struct store *s, const struct event *ev, size_t n, struct err *err)
{
	struct tail_rows rows = { 0 };
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		tail_rows_add(&rows, &ev[i]);
		if (i + 1 == n || ev[i + 1].seq != ev[i].seq + 1) {
			rc = put_batches(s, &rows, ev[i].seq + 1 - rows.n, err);
			tail_rows_clear(&rows);
		}
	}
	tail_rows_release(&rows);
	return rc;
}

/* The tail's batches, plain: key, value as a text. In tail->n how many rows they say they have, of which each takes a byte at least. */
static int
copy_tail(struct store *s, struct store_tail *tail, struct err *err)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_TAIL };
	struct buf plain = { 0 };
	struct str key, value;
	struct tail_iter it;
	int rc;

	store_view_of_txn(s, &v);
	while ((rc = store_walk_next(&c, &key, &value, err)) > 0 || (rc == ERR_CORRUPT && !c.ended)) {
		err_clear(err);
		if (rc < 0 || key.n != 8 || tail_plain(value, &s->pack, &plain, &value) || tail_value(value, store_key64_get(key.p), &it) ||
		    it.seq == 0 || it.seq >= s->head.next_seq || it.n > s->head.next_seq - it.seq) {
			tail->unread++;
			continue;
		}
		tail->n += it.n;
		buf_add(&tail->batches, key.p, 8);
		varint_put_str(&tail->batches, value);
	}
	store_walk_end(&c);
	buf_release(&plain);
	return rc;
}

/* A batch's rows: none that no chunk could have. Their number, -1 when it has another. */
static int
take_batch(struct tail_iter it, struct event *ev)
{
	struct err err = { 0 };
	size_t n = it.n, at = 0;

	while (at < n && tail_next(&it, &ev[at]) == 1)
		if (store_event_fault(&ev[at++], &err))
			return -1;
	return at == n && it.rest.n == 0 ? (int)n : -1;
}

int
store_read_tail(struct store *s, struct store_tail *tail, size_t more, struct err *err)
{
	struct str rest, value;
	struct tail_iter it;
	int rc;

	*tail = (struct store_tail){ 0 };
	if ((rc = copy_tail(s, tail, err)))
		return rc;
	tail->ev = mem_grow(NULL, tail->n + more + 1, sizeof(*tail->ev));
	tail->n = 0;
	for (rest = buf_get(&tail->batches); rest.n; ) {
		char *key = tail->batches.p + (rest.p - tail->batches.p);
		int n;

		rest.p += 8;
		rest.n -= 8;
		varint_take_str(&rest, &value);
		tail_value(value, store_key64_get(key), &it);
		if ((n = take_batch(it, tail->ev + tail->n)) < 0) {
			tail->unread++;
			store_key64(key, 0);    /* no batch has it */
			continue;
		}
		tail->n += (size_t)n;
	}
	if (tail->n > s->head.tail_rows || (tail->n < s->head.tail_rows && !tail->unread))
		return store_damaged(err, s, "the tail has another number of rows than its head says");
	tail->lost = s->head.tail_rows - tail->n;
	return 0;
}

void
store_tail_release(struct store_tail *tail)
{
	buf_release(&tail->batches);
	free(tail->ev);
	*tail = (struct store_tail){ 0 };
}

int
store_put_tail(struct store *s, const struct store_tail *was, const struct event *ev, size_t n, struct err *err)
{
	struct str rest = buf_get(&was->batches), value;
	int rc = 0;

	s->head.tail_rows = was->lost;
	s->head.tail_bytes = 0;
	if (!was->unread && (rc = store_empty(s, STORE_TAIL, err)))
		return rc;
	while (was->unread && rest.n && rc == 0) {
		struct str key = { rest.p, 8 };

		rest.p += 8;
		rest.n -= 8;
		varint_take_str(&rest, &value);
		if (store_key64_get(key.p))
			rc = store_delete(s, STORE_TAIL, key, err);
	}
	return rc ? rc : put_rows(s, ev, n, err);
}

/* Take the whole tail and the pending rows, make chunks of them, and leave what does not fill one (all: nothing). What cannot be
 * read stays: new events are taken all the same. */
int
store_seal_tail(struct store *s, int all, struct err *err)
{
	struct store_tail tail;         /* copied, as writing may move what the table's values point at */
	struct event *ev;
	size_t n, from = 0;
	uint64_t bytes = 0;
	int rc;

	if ((rc = store_read_tail(s, &tail, s->pending.n, err)))
		goto out;
	ev = tail.ev;
	n = tail.n;
	if (tail_rows_events(&s->pending, s->pending_seq, ev + n) != s->pending.n) {
		rc = store_damaged(err, s, "the tail holds what is no row");
		goto out;
	}
	n += s->pending.n;
	for (size_t i = 0; i < s->pending.n; i++)
		keys_count(&s->keys, ev[n - s->pending.n + i].properties);
	for (size_t i = 0; i < n; i++) {
		bytes += ev[i].properties.n + ev[i].name.n + ev[i].id.n + ev[i].user_id.n + ev[i].session_id.n + 8;
		if (i + 1 - from == STORE_CHUNK_ROWS || bytes >= STORE_CHUNK_RAW || (all && i + 1 == n)) {
			store_sort_events(ev + from, i + 1 - from);
			if ((rc = store_put_chunk(s, ev + from, i + 1 - from, err)))
				goto out;
			from = i + 1;
			bytes = 0;
		}
	}
	rc = store_put_tail(s, &tail, ev + from, n - from, err);
	s->pending_seq += s->pending.n;
	tail_rows_clear(&s->pending);
out:
	store_tail_release(&tail);
	return rc;
}

int
store_flush_events(struct store *s, struct err *err)
{
	struct tail_iter it;
	struct event ev;
	int rc;

	/* What nearly fills a chunk becomes one: by way of the tail it would be read, sorted and counted once more. */
	if (s->pending.n >= STORE_CHUNK_ROWS / 2 && (rc = store_sealer_seal(s, err)))
		return rc;
	if ((rc = store_sealer_put(s, 1, err)) || s->pending.n == 0)
		return rc;
	if (s->head.tail_rows + s->pending.n >= STORE_CHUNK_ROWS || s->head.tail_bytes + s->pending.bytes.n >= STORE_CHUNK_RAW) {
		if ((rc = store_seal_tail(s, 0, err)))
			return rc;
		return store_purge(s, err);
	}
	for (size_t i = 0; i < s->pending.n_batches; i++) {
		it = (struct tail_iter){ .rest = { s->pending.bytes.p + s->pending.batch[i].at, s->pending.batch[i].len },
			.n = s->pending.batch[i].n };
		while (tail_next(&it, &ev) == 1)
			keys_count(&s->keys, ev.properties);
	}
	rc = put_batches(s, &s->pending, s->pending_seq, err);
	tail_rows_clear(&s->pending);
	return rc;
}

void
store_forget_events(struct store *s)
{
	store_sealer_forget(s);
	tail_rows_clear(&s->pending);
	keys_clear(&s->keys);
	map_clear(&s->names);
}

/* ---- the vocabulary */

static void
put64(struct buf *b, int64_t v)
{
	for (int i = 0; i < 8; i++)
		buf_byte(b, (char)((uint64_t)v >> (8 * i)));
}

static int64_t
get64(const char *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | (unsigned char)p[i];
	return (int64_t)v;
}

/* No more than there can be: what the file says may be anything. */
static int64_t
plus(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? a < 0 ? INT64_MIN : INT64_MAX : sum;
}

static void
vocab_key(struct buf *b, char what, struct str name)
{
	buf_clear(b);
	buf_byte(b, what);
	buf_str(b, name);
}

int
store_flush_vocab(struct store *s, struct err *err)
{
	struct store_view v;
	struct buf key = { 0 }, scratch = { 0 };
	struct str old;
	int rc = 0;

	store_view_of_txn(s, &v);
	for (struct map_entry *e = map_first(&s->names); e; e = map_next(&s->names, e)) {
		struct store_name_count c = s->name_counts[e->bits];

		vocab_key(&key, 'n', e->key);
		if ((rc = store_fetch(&v, STORE_VOCAB, buf_get(&key), &old, err)) < 0)
			goto out;
		if (rc && old.n == 24) {
			int64_t first = get64(old.p + 8), last = get64(old.p + 16);

			c.count = plus(c.count, get64(old.p));
			c.first = first < c.first ? first : c.first;
			c.last = last > c.last ? last : c.last;
		}
		buf_clear(&s->value);
		put64(&s->value, c.count);
		put64(&s->value, c.first);
		put64(&s->value, c.last);
		if ((rc = store_put(s, STORE_VOCAB, buf_get(&key), buf_get(&s->value), err)))
			goto out;
	}
	for (size_t i = 0; i < s->keys.n; i++) {
		int64_t count = s->keys.one[i].count;

		vocab_key(&key, 'k', keys_text(s->keys.one[i].raw, &scratch));
		if (count == 0 || key.n > STORE_KEY_MOST + 1)
			continue;
		if ((rc = store_fetch(&v, STORE_VOCAB, buf_get(&key), &old, err)) < 0)
			goto out;
		if (rc && old.n == 8)
			count = plus(count, get64(old.p));
		else if (s->head.keys >= STORE_KEYS_MOST)
			continue;
		else
			s->head.keys++;
		buf_clear(&s->value);
		put64(&s->value, count);
		if ((rc = store_put(s, STORE_VOCAB, buf_get(&key), buf_get(&s->value), err)))
			goto out;
	}
	rc = 0;
out:
	buf_release(&key);
	buf_release(&scratch);
	return rc;
}

/* Events are gone: take them off a name ('n') or a property key ('k'). */
int
store_vocab_take(struct store *s, char what, struct str name, int64_t count, int64_t not_before, struct err *err)
{
	struct store_view v;
	struct buf key = { 0 };
	struct str old;
	int64_t left, first = 0, last = 0;
	int rc;

	store_view_of_txn(s, &v);
	vocab_key(&key, what, name);
	if ((rc = store_fetch(&v, STORE_VOCAB, buf_get(&key), &old, err)) <= 0 || old.n != (what == 'n' ? 24u : 8u))
		goto out;
	left = plus(get64(old.p), -count);
	if (what == 'n') {
		first = get64(old.p + 8);
		last = get64(old.p + 16);
		first = first < not_before ? not_before : first;
	}
	if (left <= 0) {
		rc = store_delete(s, STORE_VOCAB, buf_get(&key), err);
		if (what == 'k' && s->head.keys)
			s->head.keys--;
		goto out;
	}
	buf_clear(&s->value);
	put64(&s->value, left);
	if (what == 'n') {
		put64(&s->value, first);
		put64(&s->value, last < first ? first : last);
	}
	rc = store_put(s, STORE_VOCAB, buf_get(&key), buf_get(&s->value), err);
out:
	buf_release(&key);
	return rc < 0 ? rc : 0;
}

static void
add_entry(const struct store *s, char what, struct str key, struct str value, struct buf *out)
{
	const struct store_rights *rights = s->rights;

	if (rights && !(what == 'n' ? rights->event_name : rights->key)(rights->self, (struct str){ key.p + 1, key.n - 1 }))
		return;
	varint_put_str(out, key);
	varint_put_str(out, value);
}

/* All entries of one kind, copied out before the first is told: no transaction is open while the caller works. */
static int
copy_vocab(struct store *s, char what, struct buf *out, struct err *err)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_VOCAB };
	const struct store_rights *rights = s->rights;
	const struct buf *held = store_held_vocab(s);
	struct str key, value, rest;
	int rc;

	if (rights && !(rights->by_name && (what == 'n' || rights->all_names)))
		return store_rights_vocab(s, what, out, err);
	if (held) {
		for (rest = buf_get(held); rest.n && varint_take_str(&rest, &key) == 0 && varint_take_str(&rest, &value) == 0; )
			if (key.n && key.p[0] == what)
				add_entry(s, what, key, value, out);
		return 0;
	}
	if ((rc = store_view_open(&v, s, err)))
		return rc;
	for (rc = store_walk(&c, (struct str){ &what, 1 }, &key, &value, err); rc > 0; rc = store_walk_next(&c, &key, &value, err)) {
		if (key.n == 0 || key.p[0] != what)
			break;
		add_entry(s, what, key, value, out);
	}
	store_walk_end(&c);
	store_view_close(&v);
	return rc < 0 ? rc : 0;
}

int
store_each_name(struct store *s, int (*each)(void *, struct str name, int64_t count, int64_t first, int64_t last), void *self, struct err *err)
{
	struct buf all = { 0 };
	struct str rest, key, value;
	int rc = copy_vocab(s, 'n', &all, err);

	for (rest = buf_get(&all); rc == 0 && rest.n; ) {
		varint_take_str(&rest, &key);
		varint_take_str(&rest, &value);
		if (value.n == 24)
			rc = each(self, (struct str){ key.p + 1, key.n - 1 }, get64(value.p), get64(value.p + 8), get64(value.p + 16));
	}
	buf_release(&all);
	return rc;
}

int
store_each_property(struct store *s, int (*each)(void *, struct str key, int64_t count), void *self, struct err *err)
{
	struct buf all = { 0 };
	struct str rest, key, value;
	int rc = copy_vocab(s, 'k', &all, err);

	for (rest = buf_get(&all); rc == 0 && rest.n; ) {
		varint_take_str(&rest, &key);
		varint_take_str(&rest, &value);
		if (value.n == 8)
			rc = each(self, (struct str){ key.p + 1, key.n - 1 }, get64(value.p));
	}
	buf_release(&all);
	return rc;
}

/* ---- chunks that go */

int
store_fetch_block(void *self, int column, int part, struct buf *out, struct err *err)
{
	const struct store_block_source *from = self;
	char key[12];
	int rc;

	store_key64(key, from->chunk);
	key[8] = (char)column;
	key[9] = (char)(part >> 16);
	key[10] = (char)(part >> 8);
	key[11] = (char)part;
	if ((rc = store_fetch_copy(from->view, STORE_BLOCKS, (struct str){ key, 12 }, out, err)) < 0)
		return rc;
	return rc ? 0 : store_damaged(err, from->view->s, "a chunk lacks a block");
}

int
store_remove_chunk(struct store *s, uint64_t chunk, struct err *err)
{
	char key[16];
	int rc;

	store_key64(key, s->head.version + 1);  /* the version that this transaction will be */
	store_key64(key + 8, chunk);
	if ((rc = store_put(s, STORE_REMOVED, (struct str){ key, 16 }, (struct str){ "", 0 }, err)) ||
	    (rc = store_delete(s, STORE_CHUNKS, (struct str){ key + 8, 8 }, err)))
		return rc;
	s->head.chunks--;
	return 0;
}

/* What was removed by a version that is committed, and that no open scan may still read. */
int
store_purge(struct store *s, struct err *err)
{
	struct store_view v;
	char from[16];
	struct str key, value;
	int rc;

	store_view_of_txn(s, &v);
	for (;;) {
		struct store_cursor c = { .view = &v, .table = STORE_REMOVED, .keys_only = 1 };
		struct store_cursor blocks = { .view = &v, .table = STORE_BLOCKS, .keys_only = 1 };     /* damaged ones go too */

		rc = store_walk_next(&c, &key, &value, err);
		if (rc > 0)
			memcpy(from, key.p, key.n == 16 ? 16 : 0);
		store_walk_end(&c);
		if (rc <= 0 || key.n != 16)
			return rc < 0 ? rc : 0;
		if (store_key64_get(from) > s->head.version || store_scans_before(s, store_key64_get(from)))
			return 0;
		for (;;) {
			char block[12];

			rc = store_walk(&blocks, (struct str){ from + 8, 8 }, &key, &value, err);
			if (rc > 0 && key.n == 12 && memcmp(key.p, from + 8, 8) == 0)
				memcpy(block, key.p, 12);
			else
				key.n = 0;
			store_walk_end(&blocks);
			if (rc < 0)
				return rc;
			if (key.n != 12)
				break;
			if ((rc = store_delete(s, STORE_BLOCKS, (struct str){ block, 12 }, err)))
				return rc;
		}
		if ((rc = store_delete(s, STORE_REMOVED, (struct str){ from, 16 }, err)))
			return rc;
	}
}
