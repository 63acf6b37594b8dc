/* compact.c - figures of a tenant, and making it compact: full chunks, no free pages. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/io.h"
#include "base/mem.h"
#include "store/chunk.h"
#include "store/store_priv.h"

#define NEARLY_FULL (STORE_CHUNK_RAW / 4 * 3)   /* bytes of rows from which a chunk is left as it is */
#define SEAL_LEAST  4096                        /* rows of a tail that are worth a chunk of their own */
#define PATIENCE_MS 300                         /* how long writers are kept waiting for those who read to be gone */
#define LOOK_MS     5
#define TRIES       2                           /* more copies, where somebody had the file open behind the first */
#define WORTH_PCT   10                          /* free pages of all, percent, from which the file is written anew */

/* ---- figures */

static int
free_pages(const struct store_view *v, int64_t *n, int64_t *all, struct err *err)
{
	MDB_envinfo info;
	MDB_cursor *c;
	MDB_val k, d;
	int rc;

	mdb_env_info(v->s->env, &info);
	*all = (int64_t)info.me_last_pgno + 1;
	*n = 0;
	if ((rc = mdb_cursor_open(v->txn, 0, &c)))
		return store_fail(v->s, rc, "reading", err);
	while ((rc = store_guarded_get(c, &k, &d, MDB_NEXT)) == 0) {
		size_t many = 0;

		if (d.mv_size >= sizeof(many))
			memcpy(&many, d.mv_data, sizeof(many));
		if (many > info.me_last_pgno) {
			rc = MDB_CORRUPTED;
			break;
		}
		*n += (int64_t)many;
	}
	mdb_cursor_close(c);
	return rc == MDB_NOTFOUND ? 0 : store_fail(v->s, rc, "reading", err);
}

struct readers { uint64_t oldest; int n; };

static int
count_reader(const char *line, void *self)
{
	struct readers *r = self;
	unsigned long long txn;

	/* "      pid  thread  txnid", where the last is "-" for one that reads nothing now */
	if (sscanf(line, "%*d %*s %llu", &txn) == 1) {
		r->n++;
		r->oldest = !r->oldest || txn < r->oldest ? txn : r->oldest;
	}
	return 0;
}

int
store_stats(struct store *s, struct store_stats *out, struct err *err)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_CHUNKS }, t = { .view = &v, .table = STORE_TAIL };
	struct store_head head;
	struct readers readers = { 0 };
	struct chunk_info info;
	struct pack pack = { 0 };
	struct buf scratch = { 0 };
	struct str key, value;
	int64_t n_free, n_pages, rows = 0;
	uint64_t now;
	struct stat st;
	mdb_filehandle_t fd;
	int rc;

	*out = (struct store_stats){ .first = TIME_NONE, .last = TIME_NONE, .format = s->format };
	mdb_reader_list(s->env, count_reader, &readers);
	if ((rc = store_view_open(&v, s, err)))
		return rc;
	if ((rc = store_view_head(&v, &head, err)) || (rc = free_pages(&v, &n_free, &n_pages, err)))
		goto out;
	now = mdb_txn_id(v.txn);
	while ((rc = store_walk_next(&c, &key, &value, err)) > 0 || (rc == ERR_CORRUPT && !c.ended)) {
		out->chunks++;
		if (rc < 0 || chunk_info(value, &info, err)) {
			err_clear(err);
			continue;
		}
		out->first = out->first == TIME_NONE || info.min_time < out->first ? info.min_time : out->first;
		out->last = info.max_time > out->last ? info.max_time : out->last;
		rows += (int64_t)info.n;
	}
	while (rc == 0 && ((rc = store_walk_next(&t, &key, &value, err)) > 0 || (rc == ERR_CORRUPT && !t.ended))) {
		struct tail_iter it;
		struct event ev;

		err_clear(err);         /* what is damaged, verify tells */
		if (rc < 0 || key.n != 8 || tail_plain(value, &pack, &scratch, &value) || tail_value(value, store_key64_get(key.p), &it)) {
			rc = 0;
			continue;
		}
		while (tail_next(&it, &ev) == 1) {
			out->first = out->first == TIME_NONE || ev.time < out->first ? ev.time : out->first;
			out->last = ev.time > out->last ? ev.time : out->last;
		}
		rc = 0;
	}
	if (rc < 0)
		goto out;
	out->events = (int64_t)head.events;
	out->tail_events = (int64_t)head.tail_rows;
	out->series = (int64_t)head.series;
	out->samples = (int64_t)head.samples;
	out->chunk_fill_pct = out->chunks ? rows * 100 / (out->chunks * STORE_CHUNK_ROWS) : 0;
	out->bytes_free = n_free * (int64_t)s->page;
	out->bytes_used = n_pages * (int64_t)s->page - out->bytes_free;
	if (mdb_env_get_fd(s->env, &fd) == 0 && fstat(fd, &st) == 0)
		out->bytes_file = st.st_size;
	out->readers = readers.n;
	out->reader_behind = readers.oldest && now > readers.oldest ? (int64_t)(now - readers.oldest) : 0;
	rc = 0;
out:
	store_walk_end(&c);
	store_walk_end(&t);
	pack_release(&pack);
	buf_release(&scratch);
	store_view_close(&v);
	return rc;
}

/* ---- merging small chunks */

struct small { uint64_t id; int64_t min_time; size_t n, raw; int old; };        /* old: of a format before, full or not */

static int
by_time(const void *x, const void *y)
{
	const struct small *a = x, *b = y;

	if (a->old != b->old)
		return b->old - a->old;
	if (a->min_time != b->min_time)
		return a->min_time < b->min_time ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

/* Chunks that cannot be read: left where they are. */
struct bad { uint64_t *id; size_t n; struct store_damage damage; };

void
store_damage_note(struct store_damage *d, struct err *err)
{
	if (d->n++ == 0)
		d->first = *err;
	err_clear(err);
}

static int
is_bad(const struct bad *bad, uint64_t id)
{
	for (size_t i = 0; i < bad->n; i++)
		if (bad->id[i] == id)
			return 1;
	return 0;
}

static void
note_bad(struct bad *bad, uint64_t id, struct err *err)
{
	if (is_bad(bad, id)) {
		err_clear(err);
		return;
	}
	bad->id = mem_grow(bad->id, bad->n + 1, sizeof(*bad->id));
	bad->id[bad->n++] = id;
	err_at(err, "chunk %llu", (unsigned long long)id);
	store_damage_note(&bad->damage, err);
}

static int
list_small(struct store *s, struct small **list, size_t *n, struct bad *bad, struct err *err)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_CHUNKS };
	struct chunk_info info;
	struct str key, value;
	int rc;

	*list = NULL;
	*n = 0;
	store_view_of_txn(s, &v);
	while ((rc = store_walk_next(&c, &key, &value, err)) > 0 || (rc == ERR_CORRUPT && !c.ended)) {
		if (key.n != 8) {
			err_clear(err);         /* no chunk: verify tells */
			continue;
		}
		if (rc < 0 || chunk_info(value, &info, err)) {
			note_bad(bad, store_key64_get(key.p), err);
			continue;
		}
		if (is_bad(bad, store_key64_get(key.p)))
			continue;
		if (info.version == CHUNK_VERSION && (info.n >= STORE_CHUNK_ROWS || info.raw_bytes >= NEARLY_FULL))
			continue;
		*list = mem_grow(*list, *n + 1, sizeof(**list));
		(*list)[(*n)++] = (struct small){ store_key64_get(key.p), info.min_time, info.n, (size_t)info.raw_bytes, info.version < CHUNK_VERSION };
	}
	store_walk_end(&c);
	if (*n)
		qsort(*list, *n, sizeof(**list), by_time);
	return rc;
}

static struct str
keep(struct arena *a, struct str s)
{
	return (struct str){ s.p ? arena_dup(a, s.p, s.n) : NULL, s.n };
}

int
store_read_chunk(struct store *s, uint64_t id, struct arena *a, struct event **ev, size_t *n, struct err *err)
{
	struct store_view v;
	struct store_block_source from = { &v, id };
	struct chunk chunk = { 0 };
	struct str header;
	uint64_t bytes = 0;
	char key[8];
	int rc;

	store_view_of_txn(s, &v);
	store_key64(key, id);
	if ((rc = store_fetch(&v, STORE_CHUNKS, (struct str){ key, 8 }, &header, err)) <= 0)
		return rc ? rc : store_damaged(err, s, "a chunk is missing");
	rc = chunk_open(&chunk, header, store_fetch_block, &from, err);
	if (rc == 0)
		*ev = mem_grow(*ev, *n + chunk.info.n, sizeof(**ev));
	for (size_t i = 0; rc == 0 && i < chunk.info.n; i++) {
		struct event *e = &(*ev)[*n];

		if ((rc = chunk_row(&chunk, i, CHUNK_ALL, e, err)))
			break;
		bytes += e->name.n + e->id.n + e->user_id.n + e->session_id.n + e->properties.n;
		if (store_event_fault(e, err) || e->seq >= s->head.next_seq || bytes > CHUNK_BLOCK_MOST) {      /* nor would what it is put into be readable */
			rc = store_damaged(err, s, "a chunk has rows that cannot be");
			break;
		}
		e->name = keep(a, e->name);
		e->id = keep(a, e->id);
		e->user_id = keep(a, e->user_id);
		e->session_id = keep(a, e->session_id);
		e->properties = keep(a, e->properties);
		++*n;
	}
	chunk_release(&chunk);
	return rc;
}

int
store_put_events(struct store *s, struct event *ev, size_t n, struct err *err)
{
	size_t from = 0, bytes = 0;
	int rc = 0;

	store_sort_events(ev, n);
	for (size_t i = 0; i < n && rc == 0; i++) {
		bytes += ev[i].properties.n + ev[i].name.n + ev[i].id.n + ev[i].user_id.n + ev[i].session_id.n + 16;
		if (i + 1 - from == STORE_CHUNK_ROWS || bytes >= STORE_CHUNK_RAW || i + 1 == n) {
			rc = store_put_chunk(s, ev + from, i + 1 - from, err);
			from = i + 1;
			bytes = 0;
		}
	}
	return rc;
}

/* One transaction: the first few small chunks that fill one together become that, and a rest; those of an older format are packed
 * anew in any case. 1 there may be more, also when one was found that cannot be read; 0 none. */
static int
merge_some(struct store *s, struct bad *bad, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct event *ev = NULL;
	struct small *list = NULL;
	size_t n = 0, n_small, take = 0, rows = 0, raw = 0, least;
	int rc;

	if ((rc = store_begin(s, err)))
		goto out;
	if ((rc = list_small(s, &list, &n_small, bad, err)))
		goto out;
	least = n_small && list[0].old ? 1 : 2;
	while (take < n_small && (take < least || (rows < STORE_CHUNK_ROWS && raw < STORE_CHUNK_RAW))) {
		rows += list[take].n;
		raw += list[take++].raw;
	}
	if (take >= least) {
		for (size_t i = 0; i < take && rc == 0; i++)
			if ((rc = store_read_chunk(s, list[i].id, arena, &ev, &n, err)) == ERR_CORRUPT) {
				note_bad(bad, list[i].id, err);
				rc = 1;
				goto out;
			}
		for (size_t i = 0; i < take && rc == 0; i++)
			rc = store_remove_chunk(s, list[i].id, err);
		if (rc == 0)
			rc = store_put_events(s, ev, n, err);
		if (rc == 0)
			rc = store_purge(s, err);
		if (rc == 0 && (rc = store_commit(s, err)) == 0)
			rc = take < n_small || rows > STORE_CHUNK_ROWS || raw > STORE_CHUNK_RAW || least == 1;
	}
out:
	store_abort(s);
	arena_free(arena);
	free(ev);
	free(list);
	return rc;
}

/* ---- the file anew */

/* LMDB's lock file goes with the old file: it holds the number of the last transaction, which LMDB begins anew only where
 * nobody else has the lock file open. A process that is being ended may have it for a moment longer than scans.lock, and with
 * the old number half of all files would be read as empty. */
static int
swap_files(struct store *s, struct err *err)
{
	struct buf fresh = { 0 }, path = { 0 }, lock = { 0 };
	int rc = 0;

	buf_printf(&fresh, "%s/data.mdb.new", s->path);
	buf_printf(&path, "%s/data.mdb", s->path);
	buf_printf(&lock, "%s/lock.mdb", s->path);
	if ((unlink(buf_text(&lock)) && errno != ENOENT) || rename(buf_text(&fresh), buf_text(&path)))
		rc = err_set(err, ERR_IO, "%s: %s", buf_text(&path), strerror(errno));
	buf_release(&fresh);
	buf_release(&path);
	buf_release(&lock);
	return rc;
}

#define COPY_LOT (64 << 20)     /* bytes of entries in a transaction of the copy */

struct copying { MDB_env *env; MDB_txn *txn; size_t bytes; };

static int
copy_table(struct copying *to, MDB_txn *from, MDB_dbi source, const char *name)
{
	MDB_cursor *c = NULL;
	MDB_val k, d;
	MDB_dbi table;
	int rc = mdb_dbi_open(to->txn, name, MDB_CREATE, &table);

	if (rc == 0)
		rc = mdb_cursor_open(from, source, &c);
	while (rc == 0 && (rc = store_guarded_get(c, &k, &d, MDB_NEXT)) == 0) {
		if ((rc = mdb_put(to->txn, table, &k, &d, MDB_APPEND)))
			break;
		if ((to->bytes += k.mv_size + d.mv_size) >= COPY_LOT) {
			to->bytes = 0;
			rc = mdb_txn_commit(to->txn);
			to->txn = NULL;
			rc = rc ? rc : mdb_txn_begin(to->env, NULL, 0, &to->txn);
		}
	}
	if (c)
		mdb_cursor_close(c);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* LMDB's own compacting copy counts on every page being either used or free, and refuses a file with one that is neither
 * (MDB_INCOMPATIBLE; its list of free pages may lose some). An entry by entry copy does not care, and the copy is whole again. */
static int
copy_entries(struct store *s, const char *path)
{
	struct store_view v;
	struct copying to = { 0 };
	struct err err = { 0 };
	MDB_envinfo info;
	int rc = mdb_env_create(&to.env);

	mdb_env_info(s->env, &info);
	if (rc || (rc = mdb_env_set_maxdbs(to.env, STORE_TABLES)) || (rc = mdb_env_set_mapsize(to.env, info.me_mapsize)) ||
	    (rc = mdb_env_open(to.env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600)) || (rc = mdb_txn_begin(to.env, NULL, 0, &to.txn)))
		goto out;
	if (store_view_open(&v, s, &err)) {
		rc = MDB_CORRUPTED;
		goto out;
	}
	for (int i = 0; i < STORE_TABLES && rc == 0; i++)
		rc = copy_table(&to, v.txn, s->table[i], store_table_names[i]);
	store_view_close(&v);
	if (rc == 0) {
		rc = mdb_txn_commit(to.txn);
		to.txn = NULL;
	}
out:
	if (to.txn)
		mdb_txn_abort(to.txn);
	if (to.env)
		mdb_env_close(to.env);
	return rc;
}

int
store_copy(struct store *s, const char *path, struct err *err)
{
	int fd = io_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), rc = 0;
	struct stat st;

	if (fd >= 0 && lstat(s->path, &st) == 0 && geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid))
		rc = errno;             /* told below */
	if (fd >= 0 && rc == 0 && (rc = mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT)) == MDB_INCOMPATIBLE)
		rc = ftruncate(fd, 0) ? errno : copy_entries(s, path);
	if (fd < 0 || rc || (fsync(fd) && (rc = errno)))
		rc = store_fail(s, fd < 0 ? errno : rc, "writing a copy of data.mdb", err);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Nobody else has the file open: 1, and nobody opens it until the lock is shared again; 0, < 0. Who only reads is soon gone. */
static int
have_alone(struct store *s, int patience_ms, struct err *err)
{
	int rc;

	while ((rc = store_lock_open(s, 1, err)) == 1 && patience_ms > 0) {
		usleep(LOOK_MS * 1000);
		patience_ms -= LOOK_MS;
	}
	return rc == 0 ? 1 : rc < 0 ? rc : 0;
}

/* The copy, while the others may open the file and read it. None writes: the transaction changes nothing and is there for that alone. */
static int
copy_unchanged(struct store *s, const char *fresh, struct err *err)
{
	int rc = store_begin(s, err);

	if (rc)
		return rc;
	unlink(fresh);
	if ((rc = store_copy(s, fresh, err)) == 0 && (rc = have_alone(s, PATIENCE_MS, err)) >= 0)
		rc = !rc;
	if (rc)
		unlink(fresh);
	store_abort(s);
	return rc;
}

/* The others may have the file open again, and read, before it is sure that a power cut leaves the new one; but none may write into it. */
static int
exchange(struct store *s, struct err *err)
{
	struct err ignore = { 0 };
	int rc = store_reopen(s, swap_files, err), held = rc == 0 && store_begin(s, &ignore) == 0;

	if (rc == 0 && !held)
		rc = store_sync_dir(s->path, err);
	if (store_lock_open(s, 0, err))         /* shared again */
		rc = err->code;
	if (rc == 0 && held)
		rc = store_sync_dir(s->path, err);
	store_abort(s);
	return rc;
}

/* A copy without free pages takes the file's place at a moment when nobody else has it open; whoever wants to read waits for that
 * exchange at most, not for the copy nor for the disk. A crash before the rename leaves the old file, after it the new one; both hold the same. */
static int
write_anew(struct store *s, struct err *err)
{
	struct buf fresh = { 0 };
	int rc = have_alone(s, 0, err);         /* else it would be copied for nothing */

	if (rc <= 0)
		return rc < 0 ? rc : 1;
	if (store_lock_open(s, 0, err))
		return err->code;
	buf_printf(&fresh, "%s/data.mdb.new", s->path);
	for (int tries = 0; (rc = copy_unchanged(s, buf_text(&fresh), err)) == 1 && tries < TRIES; tries++)
		;
	if (rc == 0)
		rc = exchange(s, err);
	else if (store_lock_open(s, 0, err))
		rc = err->code;
	buf_release(&fresh);
	return rc;
}

int
store_shred(struct store *s, struct err *err)
{
	int rc = store_begin(s, err);

	if (rc == 0 && (rc = store_purge(s, err)) == 0)
		rc = store_commit(s, err);
	store_abort(s);
	return rc ? rc : write_anew(s, err);
}

int
store_seal(struct store *s, struct err *err)
{
	int rc = store_begin(s, err);

	if (rc == 0 && s->head.tail_rows >= SEAL_LEAST)
		rc = store_seal_tail(s, 1, err);
	if (rc == 0)
		rc = store_commit(s, err);
	store_abort(s);
	return rc;
}

/* ---- all of it: step by step, each in a transaction of its own, which is undone where something cannot be read */

static int
seal_events(struct store *s, struct err *err)
{
	return s->head.tail_rows ? store_seal_tail(s, 1, err) : 0;
}

/* What could not be read is there still, beside what came since. */
static int
is_sealed(struct store *s, struct err *err)
{
	struct store_tail tail;
	int rc = store_read_tail(s, &tail, 0, err);

	if (rc == 0 && tail.unread)
		rc = store_damaged(err, s, "the tail holds what is no row");
	store_tail_release(&tail);
	return rc;
}

static int
step(struct store *s, int (*what)(struct store *, struct err *), struct store_damage *damage, struct err *err)
{
	int rc = store_begin(s, err);

	if (rc)
		return rc;
	if ((rc = what(s, err)) == ERR_CORRUPT) {
		store_damage_note(damage, err);
		rc = 0;
	} else if (rc == 0) {
		rc = store_commit(s, err);
	}
	store_abort(s);
	return rc;
}

/* Samples, a transaction for some millions of them. */
static int
merge_samples(struct store *s, struct store_damage *damage, struct err *err)
{
	uint64_t series = 1;
	int rc = 0;

	for (int more = 1; rc == 0 && more; ) {
		if ((rc = store_begin(s, err)))
			return rc;
		if ((more = store_merge_samples(s, &series, damage, err)) < 0)
			rc = more;
		else
			rc = store_commit(s, err);
		store_abort(s);
	}
	return rc;
}

int
store_compact(struct store *s, struct err *err)
{
	struct store_view v;
	struct bad bad = { 0 };
	int64_t unused = 0, pages = 0;
	int rc;

	if ((rc = step(s, seal_events, &bad.damage, err)) || (rc = step(s, is_sealed, &bad.damage, err)) || (rc = step(s, store_seal_samples, &bad.damage, err)) ||
	    (rc = step(s, store_samples_sealed, &bad.damage, err)) ||
	    (rc = step(s, store_purge, &bad.damage, err)))
		goto out;
	while ((rc = merge_some(s, &bad, err)) > 0)
		;
	if (rc || (rc = merge_samples(s, &bad.damage, err)) || (rc = step(s, store_purge, &bad.damage, err)) || (rc = store_view_open(&v, s, err)))
		goto out;
	rc = free_pages(&v, &unused, &pages, err);
	store_view_close(&v);
	if (rc == 0 && unused * 100 >= pages * WORTH_PCT)
		rc = write_anew(s, err);
	if (rc >= 0 && bad.damage.n)
		rc = err_set(err, ERR_CORRUPT, "%s; what cannot be read stays as it is (%lld), all else is compact: at-admin restore "
		    "puts a backup in its place", bad.damage.first.text, (long long)bad.damage.n);
out:
	free(bad.id);
	return rc;
}
