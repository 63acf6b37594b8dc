/* mend.c - what cannot be read is taken out of the tenant and put into files, as it lies, so that all else answers again.
 *
 * A file has the entries of one thing, a batch of the tail or a chunk with its blocks, one behind the other: byte the table's number, 4 bytes
 * length of the key, the key, 4 bytes length of the value, the value with its check, lengths little-endian. What can be put together
 * again (a chunk whose rows are whole, but not the lists made of them) is. Names and keys of properties are counted anew, as
 * nobody knows which of them are gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/io.h"
#include "base/mem.h"
#include "codec/varint.h"
#include "store/admin.h"
#include "store/chunk.h"
#include "store/store_priv.h"

struct mending {
	struct store *s;
	const char *into;
	int dry;
	struct buf bytes;               /* of the file at hand */
	struct store_mended *out;
	struct err *err;
};

static void
put32(struct buf *b, size_t n)
{
	for (int i = 0; i < 4; i++)
		buf_byte(b, (char)(n >> (8 * i)));
}

/* An entry into the file at hand, unless its pages cannot be read at all. */
static int
gather_entry(struct mending *m, enum store_table table, struct str key)
{
	size_t was = m->bytes.n;
	int rc;

	buf_byte(&m->bytes, (char)table);
	put32(&m->bytes, key.n);
	buf_str(&m->bytes, key);
	put32(&m->bytes, 0);
	if ((rc = store_fetch_raw(m->s, table, key, &m->bytes, m->err)) <= 0) {
		m->bytes.n = was;
		err_clear(m->err);
		return 0;
	}
	for (size_t n = m->bytes.n - was - 9 - key.n, i = 0; i < 4; i++)
		m->bytes.p[was + 5 + key.n + i] = (char)(n >> (8 * i));
	return 0;
}

/* The file at hand, durable, under a name that is not taken. */
static int
put_file(struct mending *m, const char *what, uint64_t number)
{
	struct buf path = { 0 };
	int fd = -1, rc = 0;

	if (m->out->pieces++ == 0 && !m->dry && (rc = store_make_dir(m->into, m->err)))
		return rc;
	for (int i = 0; !m->dry; i++) {
		buf_clear(&path);
		buf_printf(&path, "%s/%s.%s.%llu", m->into, strrchr(m->s->path, '/') + 1, what, (unsigned long long)number);
		if (i)
			buf_printf(&path, ".%d", i);
		fd = io_open(buf_text(&path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST || i == 1000)
			break;
	}
	if (!m->dry && (fd < 0 || io_write(fd, m->bytes.p, m->bytes.n) || fsync(fd)))
		rc = err_set(m->err, ERR_IO, "%s: %s", path.p, strerror(errno));
	if (fd >= 0)
		close(fd);
	buf_clear(&m->bytes);
	buf_release(&path);
	return rc;
}

/* ---- chunks */

static int
see_nothing(void *self, struct str raw, int64_t count)
{
	(void)self, (void)raw, (void)count;
	return 0;
}

/* Can all of it be read that is not its rows? */
static int
lists_are_whole(struct store *s, uint64_t id, struct err *err)
{
	struct store_view v;
	struct store_block_source from = { &v, id };
	struct chunk chunk = { 0 };
	struct str header;
	char key[8];
	int rc;

	store_view_of_txn(s, &v);
	store_key64(key, id);
	if ((rc = store_fetch(&v, STORE_CHUNKS, (struct str){ key, 8 }, &header, err)) > 0 &&
	    (rc = chunk_open(&chunk, header, store_fetch_block, &from, err)) == 0 &&
	    (rc = chunk_each_key(&chunk, see_nothing, NULL, err)) == 0)
		rc = chunk_has_user(&chunk, STR("?"), err);
	chunk_release(&chunk);
	return rc < 0 ? rc : 0;
}

static int
set_chunk_aside(struct mending *m, uint64_t id)
{
	struct store_view v;
	char key[12];
	struct store_cursor c = { .view = &v, .table = STORE_BLOCKS, .keys_only = 1 };
	struct buf keys = { 0 };
	struct str k, value;
	int rc;

	store_view_of_txn(m->s, &v);
	store_key64(key, id);
	gather_entry(m, STORE_CHUNKS, (struct str){ key, 8 });
	for (rc = store_walk(&c, (struct str){ key, 8 }, &k, &value, m->err); rc > 0 && k.n == 12 && memcmp(k.p, key, 8) == 0;
	    rc = store_walk_next(&c, &k, &value, m->err))
		buf_str(&keys, k);
	store_walk_end(&c);
	err_clear(m->err);
	for (size_t i = 0; i < keys.n; i += 12)
		gather_entry(m, STORE_BLOCKS, (struct str){ keys.p + i, 12 });
	buf_release(&keys);
	if ((rc = put_file(m, "chunk", id)) == 0)
		rc = store_remove_chunk(m->s, id, m->err);
	return rc;
}

static int
mend_chunk(struct mending *m, uint64_t id)
{
	struct arena *arena = arena_new(0);
	struct event *ev = NULL;
	size_t n = 0;
	int rc = store_read_chunk(m->s, id, arena, &ev, &n, m->err);

	if (rc == ERR_CORRUPT) {
		err_clear(m->err);
		rc = set_chunk_aside(m, id);
	} else if (rc == 0 && (rc = lists_are_whole(m->s, id, m->err)) == ERR_CORRUPT) {
		err_clear(m->err);
		m->out->again++;
		if ((rc = store_remove_chunk(m->s, id, m->err)) == 0)
			rc = store_put_events(m->s, ev, n, m->err);
	}
	arena_free(arena);
	free(ev);
	return rc;
}

static int
mend_chunks(struct mending *m)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_CHUNKS, .keys_only = 1 };
	uint64_t *id = NULL;
	size_t n = 0;
	struct str key, value;
	int rc;

	store_view_of_txn(m->s, &v);
	while ((rc = store_walk_next(&c, &key, &value, m->err)) > 0)
		if (key.n == 8) {
			id = mem_grow(id, n + 1, sizeof(*id));
			id[n++] = store_key64_get(key.p);
		}
	store_walk_end(&c);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = mend_chunk(m, id[i]);
	free(id);
	return rc;
}

/* ---- the tail */

static int
mend_tail(struct mending *m)
{
	struct store_tail tail;
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_TAIL, .keys_only = 1 };
	struct buf keys = { 0 };
	struct str key, value, rest;
	int rc = store_read_tail(m->s, &tail, 0, m->err);

	store_view_of_txn(m->s, &v);
	if (rc == 0 && tail.unread && (rc = store_put_tail(m->s, &tail, NULL, 0, m->err)) == 0)         /* what is left could not be read */
		while ((rc = store_walk_next(&c, &key, &value, m->err)) > 0)
			varint_put_str(&keys, key);
	store_walk_end(&c);
	for (rest = buf_get(&keys); rest.n && rc == 0 && varint_take_str(&rest, &key) == 0; ) {
		gather_entry(m, STORE_TAIL, key);
		if ((rc = put_file(m, "tail", key.n == 8 ? store_key64_get(key.p) : 0)) == 0)
			rc = store_delete(m->s, STORE_TAIL, key, m->err);
	}
	if (rc == 0 && tail.unread) {
		m->s->head.tail_rows = 0;
		tail.unread = tail.lost = 0;
		rc = store_put_tail(m->s, &tail, tail.ev, tail.n, m->err);
	}
	buf_release(&keys);
	store_tail_release(&tail);
	return rc;
}

/* ---- what is counted */

static int
count_key(void *self, struct str raw, int64_t count)
{
	struct keys_one one = { .raw = raw, .count = count };

	keys_add(self, &(struct keys){ .one = &one, .n = 1 });
	return 0;
}

static int
count_chunk(struct store *s, uint64_t id, struct str header, uint64_t *events, struct err *err)
{
	struct store_view v;
	struct store_block_source from = { &v, id };
	struct chunk chunk = { 0 };
	int rc;

	store_view_of_txn(s, &v);
	if ((rc = chunk_open(&chunk, header, store_fetch_block, &from, err)) == 0) {
		*events += chunk.info.n;
		for (size_t i = 0; i < chunk.info.n_names; i++)
			store_count_name(s, &chunk.names[i]);
		rc = chunk_each_key(&chunk, count_key, &s->keys, err);
	}
	chunk_release(&chunk);
	return rc;
}

static int
count_all(struct mending *m)
{
	struct store *s = m->s;
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_CHUNKS };
	struct store_tail tail;
	struct str key, value;
	uint64_t events = 0;
	int rc = store_empty(s, STORE_VOCAB, m->err);

	if (rc)
		return rc;
	s->head.keys = 0;
	store_view_of_txn(s, &v);
	while (rc == 0 && (rc = store_walk_next(&c, &key, &value, m->err)) > 0)
		rc = count_chunk(s, store_key64_get(key.p), value, &events, m->err);
	store_walk_end(&c);
	if (rc || (rc = store_read_tail(s, &tail, 0, m->err)))
		return rc;
	for (size_t i = 0; i < tail.n; i++) {
		store_count_name(s, &(struct chunk_name){ tail.ev[i].name, 1, tail.ev[i].time, tail.ev[i].time });
		keys_count(&s->keys, tail.ev[i].properties);
	}
	events += tail.n;
	store_tail_release(&tail);
	m->out->events = (int64_t)(s->head.events - (events < s->head.events ? events : s->head.events));
	s->head.events = events;
	return 0;
}

int
store_mend(struct store *s, const char *into, int dry, struct store_mended *out, struct err *err)
{
	struct mending m = { .s = s, .into = into, .dry = dry, .out = out, .err = err };
	int rc = store_begin(s, err);

	*out = (struct store_mended){ 0 };
	if (rc == 0 && (rc = mend_chunks(&m)) == 0 && (rc = mend_tail(&m)) == 0 && (out->pieces || out->again) && (rc = count_all(&m)) == 0 &&
	    !dry && (!out->pieces || (rc = store_sync_dir(into, err)) == 0))
		rc = store_commit(s, err);
	store_abort(s);
	buf_release(&m.bytes);
	return rc;
}
