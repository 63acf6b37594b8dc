/* env.c - opening a tenant's environment, transactions, and the door to LMDB. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/io.h"
#include "base/mem.h"
#include "codec/crc32c.h"
#include "store/store_priv.h"

static const char *
lmdb_version(void)
{
	static char text[40];
	int major, minor, patch;

	mdb_version(&major, &minor, &patch);
	snprintf(text, sizeof(text), "%d.%d.%d", major, minor, patch);
	return text;
}
CMD_LIBRARY("LMDB", lmdb_version())

#define MAP_MOST  (1ULL << 40)  /* bytes of address space asked for first; halved where it is refused */
#define MAP_LEAST (1ULL << 20)
#define MAP_SPARE 4             /* a write transaction begins with a quarter of the map free, or the map grows */
#define READERS   510           /* read transactions at once, of all processes */
#define CHECK     4             /* bytes of the CRC in front of a value */

const char *const store_table_names[STORE_TABLES] = {
	"meta", "tail", "chunks", "blocks", "removed", "vocab", "state", "rows", "index", "series", "samples", "recent", "runs",
};

/* ---- what LMDB does on a damaged file
 *
 * LMDB trusts its pages: on a damaged one it may read at any address or fail an assertion. Every call of it here that reads
 * pages runs under a guard: a SIGSEGV or SIGBUS in the thread that is inside LMDB, and an assertion, come back as
 * MDB_CORRUPTED. LMDB holds no lock of its own in those calls (the write lock is held around them, and is given back by
 * mdb_txn_abort), so leaving it this way is safe. Faults elsewhere go to whoever handled the signal before. */
static __thread sigjmp_buf *volatile inside;     /* volatile: set before the first byte is touched */
static struct sigaction before[2];
static const int guarded[2] = { SIGSEGV, SIGBUS };

static void
on_fault(int sig, siginfo_t *info, void *context)
{
	const struct sigaction *was = &before[sig == SIGBUS];

	if (inside)
		siglongjmp(*inside, 1);
	if (was->sa_flags & SA_SIGINFO && was->sa_sigaction) {
		was->sa_sigaction(sig, info, context);
	} else if (was->sa_handler != SIG_DFL && was->sa_handler != SIG_IGN) {
		was->sa_handler(sig);
	} else {
		signal(sig, SIG_DFL);   /* and happen again when this returns */
	}
}

static void
on_assert(MDB_env *env, const char *text)
{
	(void)env, (void)text;
	if (inside)
		siglongjmp(*inside, 1);
}

/* At each opening: whoever took the signals over since then is the one before us now. */
static void
watch_faults(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct sigaction act = { .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK }, now;

	act.sa_sigaction = on_fault;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < 2; i++)
		if (sigaction(guarded[i], NULL, &now) == 0 && now.sa_sigaction != on_fault) {
			before[i] = now;
			sigaction(guarded[i], &act, NULL);
		}
	pthread_mutex_unlock(&lock);
}

#define GUARDED(rc, call) do {                  \
	sigjmp_buf here_;                       \
	if (sigsetjmp(here_, 0) == 0) {         \
		inside = &here_;                \
		*(volatile int *)&(rc) = (call);\
	} else {                                \
		(rc) = MDB_CORRUPTED;           \
	}                                       \
	inside = NULL;                          \
} while (0)

static __attribute__((noinline)) int
begin(MDB_env *env, unsigned flags, MDB_txn **txn)
{
	int rc = 0;

	GUARDED(rc, mdb_txn_begin(env, NULL, flags, txn));
	return rc;
}

static __attribute__((noinline)) int
open_file(MDB_env *env, const char *path, unsigned flags)
{
	int rc = 0;

	GUARDED(rc, mdb_env_open(env, path, flags, 0600));
	return rc;
}

static __attribute__((noinline)) int
open_table(MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *table)
{
	int rc = 0;

	GUARDED(rc, mdb_dbi_open(txn, name, flags, table));
	return rc;
}

static __attribute__((noinline)) int
commit(MDB_txn *txn)
{
	int rc = 0;

	GUARDED(rc, mdb_txn_commit(txn));
	return rc;
}

int
store_guarded_get(MDB_cursor *c, MDB_val *key, MDB_val *data, MDB_cursor_op op)
{
	int rc = 0;

	GUARDED(rc, mdb_cursor_get(c, key, data, op));
	return rc;
}

/* ---- words */

#define ROOM (256 << 10)        /* bytes: LMDB writes at most 64 pages at once */

/* What the disk takes in part LMDB tells as EIO. */
static int
has_no_room(const struct store *s)
{
	struct statvfs disk;

	return statvfs(s->path, &disk) == 0 && (int64_t)disk.f_bavail * (int64_t)disk.f_frsize < ROOM;
}

int
store_fail(const struct store *s, int rc, const char *doing, struct err *err)
{
	switch (rc) {
	case ENOSPC: case EDQUOT:
		return err_set(err, ERR_FULL, "%s: %s: the disk is full, make room and try again: nothing was half done", s->path, doing);
	case MDB_MAP_FULL:
		return err_set(err, ERR_FULL, "%s: %s: no more of the file can be mapped, raise `ulimit -v` or commit less at once",
		    s->path, doing);
	case MDB_CORRUPTED: case MDB_PAGE_NOTFOUND: case MDB_PANIC: case MDB_BAD_TXN: case MDB_CURSOR_FULL: case MDB_INVALID:
		return err_set(err, ERR_CORRUPT, "%s: %s: the file is damaged, see `at-admin verify`", s->path, doing);
	case MDB_VERSION_MISMATCH:
		return err_set(err, ERR_CORRUPT, "%s: %s: data.mdb is of another LMDB version", s->path, doing);
	case MDB_READERS_FULL:
		return err_set(err, ERR_LIMIT, "%s: %s: more than %d readers at once", s->path, doing, READERS);
	case MDB_TXN_FULL:
		return err_set(err, ERR_LIMIT, "%s: %s: too much for one transaction, commit more often", s->path, doing);
	case EACCES: case EPERM: case EROFS:
		return err_set(err, ERR_IO, "%s: %s: %s, the store belongs to somebody else or its disk cannot be written",
		    s->path, doing, strerror(rc));
	case EIO:
		if (has_no_room(s))
			return store_fail(s, ENOSPC, doing, err);
		return err_set(err, ERR_IO, "%s: %s: %s (a failing or full disk); what was not committed is not stored", s->path,
		    doing, strerror(rc));
	default:
		return err_set(err, ERR_IO, "%s: %s: %s", s->path, doing, mdb_strerror(rc));
	}
}

int
store_damaged(struct err *err, const struct store *s, const char *what)
{
	return err_set(err, ERR_CORRUPT, "%s: %s, see `at-admin verify`", s->path, what);
}

/* ---- numbers and hashes */

void
store_key64(char out[8], uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		out[i] = (char)v;
}

uint64_t
store_key64_get(const char *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static inline uint64_t
rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

#define SIPROUND do {                                                             \
	v0 += v1; v1 = rotl(v1, 13); v1 ^= v0; v0 = rotl(v0, 32);                 \
	v2 += v3; v3 = rotl(v3, 16); v3 ^= v2;                                    \
	v0 += v3; v3 = rotl(v3, 21); v3 ^= v0;                                    \
	v2 += v1; v1 = rotl(v1, 17); v1 ^= v2; v2 = rotl(v2, 32);                 \
} while (0)

/* SipHash-2-4 with 128 bits (Aumasson, Bernstein). */
void
store_hash(const struct store *s, struct str text, uint64_t out[2])
{
	uint64_t v0 = 0x736f6d6570736575 ^ s->hash_key[0], v1 = 0x646f72616e646f6d ^ s->hash_key[1] ^ 0xee;
	uint64_t v2 = 0x6c7967656e657261 ^ s->hash_key[0], v3 = 0x7465646279746573 ^ s->hash_key[1];
	const unsigned char *p = (const unsigned char *)text.p;
	size_t left = text.n;
	uint64_t m;

	for (; left >= 8; left -= 8, p += 8) {
		m = 0;
		for (int i = 7; i >= 0; i--)
			m = m << 8 | p[i];
		v3 ^= m;
		SIPROUND;
		SIPROUND;
		v0 ^= m;
	}
	m = (uint64_t)text.n << 56;
	for (size_t i = 0; i < left; i++)
		m |= (uint64_t)p[i] << (8 * i);
	v3 ^= m;
	SIPROUND;
	SIPROUND;
	v0 ^= m;
	v2 ^= 0xee;
	for (int i = 0; i < 4; i++)
		SIPROUND;
	out[0] = v0 ^ v1 ^ v2 ^ v3;
	v1 ^= 0xdd;
	for (int i = 0; i < 4; i++)
		SIPROUND;
	out[1] = v0 ^ v1 ^ v2 ^ v3;
}

static uint32_t
check_of(enum store_table table, struct str key, struct str value)
{
	unsigned char t = (unsigned char)table;
	uint32_t crc = crc32c(0, &t, 1);

	crc = crc32c(crc, key.p, key.n);
	return crc32c(crc, value.p, value.n);
}

/* ---- reading */

static MDB_val
val(struct str s)
{
	return (MDB_val){ s.n, (void *)s.p };
}

/* What LMDB gives may point anywhere, so it is touched for the first time under the guard too. */
static __attribute__((noinline)) int
readable(const MDB_val *x)
{
	volatile const char *p = x->mv_data;
	int rc = 0;

	if (x->mv_size > STORE_VALUE_MOST + CHECK)
		return 0;
	GUARDED(rc, x->mv_size ? (p[0] ^ p[x->mv_size - 1]) & 0 : 0);
	return rc == 0;
}

static uint32_t
check_said(const unsigned char p[CHECK])
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int
differs(enum store_table table, struct str key, const MDB_val *data)
{
	const unsigned char *p = data->mv_data;

	return check_said(p) != check_of(table, key, (struct str){ (const char *)p + CHECK, data->mv_size - CHECK });
}

/* The value behind its check: 0, or ERR_CORRUPT. again: it was computed before, only touch it. */
static __attribute__((noinline)) int
checked(const struct store_view *v, enum store_table table, struct str key, const MDB_val *data, struct str *value, int again, struct err *err)
{
	char what[80];
	int rc = -1;

	if (data->mv_size >= CHECK && readable(data)) {
		if (again)
			rc = 0;
		else
			GUARDED(rc, differs(table, key, data));
	}
	if (rc == 0) {
		*value = (struct str){ (const char *)data->mv_data + CHECK, data->mv_size - CHECK };
		return 0;
	}
	*value = (struct str){ 0 };
	snprintf(what, sizeof(what), "a damaged entry in table %s", store_table_names[table]);
	return store_damaged(err, v->s, what);
}

/* What lies under the key, as it lies there. 1, 0 when nothing does, < 0. */
static int
find(const struct store_view *v, enum store_table table, struct str key, MDB_val *data, struct err *err)
{
	MDB_val k = val(key);
	int rc = 0;

	GUARDED(rc, mdb_get(v->txn, v->s->table[table], &k, data));
	if (rc == MDB_NOTFOUND)
		return 0;
	return rc ? store_fail(v->s, rc, "reading", err) : 1;
}

static int
fetch(const struct store_view *v, enum store_table table, struct str key, struct str *value, int again, struct err *err)
{
	MDB_val d;
	int rc = find(v, table, key, &d, err);

	if (rc <= 0)
		return rc;
	rc = checked(v, table, key, &d, value, again, err);
	return rc ? rc : 1;
}

int
store_fetch(const struct store_view *v, enum store_table table, struct str key, struct str *value, struct err *err)
{
	return fetch(v, table, key, value, 0, err);
}

int
store_fetch_again(const struct store_view *v, enum store_table table, struct str key, struct str *value, struct err *err)
{
	return fetch(v, table, key, value, 1, err);
}

/* Where the map begins, by a value with pages of its own: their header says how many pages are before them. NULL: not known.
 * Offsets: LMDB 0.9, a page header of 16 bytes, in front the number of the page, then flags at byte 10. */
static __attribute__((noinline)) const char *
map_by(const struct store *s, const MDB_val *data)
{
	enum { FLAGS = 10, OVERFLOW = 4 };
	const char *head = (const char *)data->mv_data - STORE_PAGE_HEAD, *map;
	uint64_t number = 0;
	uint16_t flags = 0;
	int rc = 0;

	GUARDED(rc, (memcpy(&number, head, 8), memcpy(&flags, head + FLAGS, 2), 0));
	if (rc || flags != OVERFLOW || number > SIZE_MAX / s->page || number * s->page > (uintptr_t)head)
		return NULL;
	map = head - number * s->page;
	return (uintptr_t)map % s->page ? NULL : map;
}

/* The value by read: for what a process reads once that costs half of what it costs to map it, 64 KiB for each fault, and to
 * unmap it. It is there when its check says so; else the map has it, or says what is wrong. 1 when it was appended. */
static int
read_value(const struct store_view *v, enum store_table table, struct str key, const MDB_val *data, struct buf *out)
{
	struct store *s = v->s->of ? v->s->of : v->s;
	const char *map = __atomic_load_n(&s->map, __ATOMIC_RELAXED);
	unsigned char check[CHECK];
	struct iovec to[2] = { { check, CHECK } };
	mdb_filehandle_t fd;

	if (sizeof(size_t) != 8 || data->mv_size <= s->page || data->mv_size > STORE_VALUE_MOST + CHECK || v->txn == v->s->txn || mdb_env_get_fd(s->env, &fd))
		return 0;
	if (!map && !(map = map_by(s, data)))
		return 0;
	to[1].iov_len = data->mv_size - CHECK;
	to[1].iov_base = buf_room(out, to[1].iov_len);
	if (preadv(fd, to, 2, (off_t)((const char *)data->mv_data - map)) != (ssize_t)data->mv_size ||
	    check_said(check) != check_of(table, key, (struct str){ to[1].iov_base, to[1].iov_len }))
		map = NULL;             /* it grew, and is elsewhere */
	__atomic_store_n(&s->map, map, __ATOMIC_RELAXED);
	out->n += map ? to[1].iov_len : 0;
	return map != NULL;
}

int
store_fetch_copy(const struct store_view *v, enum store_table table, struct str key, struct buf *out, struct err *err)
{
	MDB_val d;
	struct str value;
	int rc = find(v, table, key, &d, err);

	if (rc <= 0 || read_value(v, table, key, &d, out))
		return rc;
	if ((rc = checked(v, table, key, &d, &value, 0, err)))
		return rc;
	buf_str(out, value);
	return 1;
}

int
store_fetch_raw(struct store *s, enum store_table table, struct str key, struct buf *out, struct err *err)
{
	struct store_view v;
	MDB_val d;
	char *to;
	int rc, copied = 0;

	store_view_of_txn(s, &v);
	if ((rc = find(&v, table, key, &d, err)) <= 0)
		return rc;
	if (readable(&d)) {
		to = buf_room(out, d.mv_size);
		GUARDED(rc, (memcpy(to, d.mv_data, d.mv_size), 1));
		copied = rc == 1;
	}
	if (!copied)
		return store_fail(s, MDB_CORRUPTED, "reading", err);
	out->n += d.mv_size;
	return 1;
}

int
store_count(const struct store_view *v, enum store_table table, uint64_t *n, struct err *err)
{
	MDB_stat st;
	int rc = 0;

	GUARDED(rc, mdb_stat(v->txn, v->s->table[table], &st));
	if (rc)
		return store_fail(v->s, rc, "reading", err);
	*n = st.ms_entries;
	return 0;
}

/* How many entries a walk may meet: not more than the table says, nor than fit into the file. */
static int
may_come(struct store_cursor *c, struct err *err)
{
	MDB_envinfo info;
	uint64_t most;
	int rc = store_count(c->view, c->table, &c->left, err);

	mdb_env_info(c->view->s->env, &info);
	most = (info.me_last_pgno + 1) * (c->view->s->page / 8);
	if (c->view->txn != c->view->s->txn && c->left > most)
		c->left = most;
	return rc;
}

static int
step(struct store_cursor *c, MDB_val *k, MDB_cursor_op op, struct str *key, struct str *value, struct err *err)
{
	MDB_val d;
	int rc = 0;

	if (c->ended)
		return 0;
	if (!c->cur) {
		c->ended = 1;           /* unless all goes well */
		if ((rc = may_come(c, err)))
			return rc;
		if ((rc = mdb_cursor_open(c->view->txn, c->view->s->table[c->table], &c->cur)))
			return store_fail(c->view->s, rc, "reading", err);
		c->ended = 0;
	}
	rc = store_guarded_get(c->cur, k, &d, op);
	if (rc == MDB_NOTFOUND) {
		c->ended = 1;
		return 0;
	}
	if (rc) {
		c->ended = 1;
		return store_fail(c->view->s, rc, "reading", err);
	}
	if (c->left-- == 0 || !readable(k)) {
		c->ended = 1;
		return store_damaged(err, c->view->s, "a table that never ends");
	}
	*key = (struct str){ k->mv_data, k->mv_size };
	*value = (struct str){ 0 };
	c->raw = (struct str){ d.mv_data, d.mv_size };
	if (c->keys_only || (c->prefix.p && (key->n < c->prefix.n || memcmp(key->p, c->prefix.p, c->prefix.n))))
		return 1;
	if ((rc = checked(c->view, c->table, *key, &d, value, 0, err)))
		return rc;
	return 1;
}

int
store_walk_value(const struct store_cursor *c, struct str key, struct str *value, struct err *err)
{
	MDB_val d = val(c->raw);

	return checked(c->view, c->table, key, &d, value, 0, err);
}

int
store_walk_mark(const struct store_cursor *c, struct store_mark *mark)
{
	MDB_val d = val(c->raw);
	int rc = 0;

	*mark = (struct store_mark){ 0 };
	if (d.mv_size < CHECK || !readable(&d))
		return -1;
	mark->len = d.mv_size - CHECK;
	GUARDED(rc, (memcpy(mark->begins, d.mv_data, d.mv_size < sizeof(mark->begins) ? d.mv_size : sizeof(mark->begins)), 0));
	return rc;
}

int
store_walk(struct store_cursor *c, struct str from, struct str *key, struct str *value, struct err *err)
{
	MDB_val k = val(from);

	c->ended = 0;
	if (c->cur && may_come(c, err))
		return ERR_CORRUPT;
	return step(c, &k, from.n ? MDB_SET_RANGE : MDB_FIRST, key, value, err);
}

int
store_walk_next(struct store_cursor *c, struct str *key, struct str *value, struct err *err)
{
	MDB_val k = { 0 };

	return step(c, &k, c->cur ? MDB_NEXT : MDB_FIRST, key, value, err);
}

int
store_walk_before(struct store_cursor *c, struct str at, struct str *key, struct str *value, struct err *err)
{
	int rc = store_walk(c, at, key, value, err);
	MDB_val k = { 0 };

	if (rc > 0 && str_eq(*key, at))
		return rc;
	if (rc < 0 && rc != ERR_CORRUPT)
		return rc;
	c->ended = 0;
	err_clear(err);
	c->left += 2;                   /* there and back again are no more entries */
	return step(c, &k, rc == 0 ? MDB_LAST : MDB_PREV, key, value, err);
}

int
store_walk_prev(struct store_cursor *c, struct str *key, struct str *value, struct err *err)
{
	MDB_val k = { 0 };

	return step(c, &k, MDB_PREV, key, value, err);
}

void
store_walk_end(struct store_cursor *c)
{
	if (c->cur)
		mdb_cursor_close(c->cur);
	c->cur = NULL;
}

/* ---- transactions */

void
store_view_of_txn(struct store *s, struct store_view *v)
{
	*v = (struct store_view){ .s = s, .txn = s->txn };
}

/* Make the map larger, `want` bytes or what can be had beyond `least`. LMDB unmaps the old one first and is lost when the new one
 * is refused, so the address space is tried beforehand. Nothing of ours is open in the map then: the lock says so. */
static int
resize_map(struct store *s, uint64_t least, uint64_t want)
{
	MDB_envinfo info;
	int rc = MDB_MAP_FULL;

	pthread_rwlock_wrlock(s->map_lock);
	mdb_env_info(s->env, &info);
	for (uint64_t size = want; size >= least && size > info.me_mapsize && rc; size -= size / 8) {
		uint64_t whole = size / s->page * s->page;
		void *p = mmap(NULL, whole - info.me_mapsize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED)
			continue;
		munmap(p, whole - info.me_mapsize);
		rc = mdb_env_set_mapsize(s->env, whole);
		break;
	}
	pthread_rwlock_unlock(s->map_lock);
	return rc;
}

/* Somebody else wrote beyond our map: follow. */
static int
follow_map(struct store *s)
{
	MDB_envinfo info;
	uint64_t used;

	mdb_env_info(s->env, &info);
	used = (info.me_last_pgno + 1) * s->page;
	return resize_map(s, used, used + used / 2);
}

int
store_view_open(struct store_view *v, struct store *s, struct err *err)
{
	int rc = 0;

	if (s->txn && pthread_equal(s->writer, pthread_self())) {
		store_view_of_txn(s, v);
		return 0;
	}
	*v = (struct store_view){ .s = s, .own = 1 };
	for (int tries = 0; tries < 100; tries++) {
		pthread_rwlock_rdlock(s->map_lock);
		rc = begin(s->env, MDB_RDONLY, &v->txn);
		if (rc == 0)
			return 0;
		pthread_rwlock_unlock(s->map_lock);
		if (rc == MDB_MAP_RESIZED) {
			if ((rc = follow_map(s)))
				break;
		} else if (rc != MDB_READERS_FULL || mdb_reader_check(s->env, NULL)) {
			break;
		}
	}
	v->txn = NULL;
	return store_fail(s, rc, "reading", err);
}

void
store_view_close(struct store_view *v)
{
	if (v->own && v->txn) {
		mdb_txn_abort(v->txn);
		pthread_rwlock_unlock(v->s->map_lock);
	}
	v->txn = NULL;
}

static uint64_t
get64(const char *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static void
put64(struct buf *b, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		buf_byte(b, (char)(v >> (8 * i)));
}

int
store_view_head(const struct store_view *v, struct store_head *head, struct err *err)
{
	struct str value;
	uint64_t *field = (uint64_t *)head;
	int rc = store_fetch(v, STORE_META, STR("head"), &value, err);

	if (rc < 0)
		return rc;
	if (rc == 0 || value.n != STORE_HEAD_N * 8)
		return store_damaged(err, v->s, "its head is missing or of another length");
	for (size_t i = 0; i < STORE_HEAD_N; i++)
		field[i] = get64(value.p + i * 8);
	if (head->next_seq < 1 || head->next_seq > INT64_MAX || head->events >= head->next_seq || head->tail_rows > head->events ||
	    head->next_chunk < 1 || head->next_series < 1 || head->next_series > STORE_SERIES_MOST + 1)
		return store_damaged(err, v->s, "its head's numbers cannot be");
	return 0;
}

static int
put_head(struct store *s, struct err *err)
{
	struct buf b = { 0 };
	const uint64_t *field = (const uint64_t *)&s->head;
	int rc;

	for (size_t i = 0; i < STORE_HEAD_N; i++)
		put64(&b, field[i]);
	rc = store_put(s, STORE_META, STR("head"), buf_get(&b), err);
	buf_release(&b);
	return rc;
}

/* An older program is to refuse what it could not read. */
static int
put_format(struct store *s, struct err *err)
{
	char format[4] = { STORE_FORMAT };

	return store_put(s, STORE_META, STR("format"), (struct str){ format, 4 }, err);
}

uint64_t
store_version(struct store *s)
{
	struct store_view v;
	struct store_head head = { 0 };
	struct err err = { 0 };

	if (store_view_open(&v, s, &err) == 0) {
		if (store_view_head(&v, &head, &err))
			head.version = 0;
		store_view_close(&v);
	}
	return head.version;
}

/* A transaction must find room: what runs out of map in the middle can only be given up. */
static int
grow_map(struct store *s)
{
	MDB_envinfo info;
	uint64_t used;

	mdb_env_info(s->env, &info);
	used = (info.me_last_pgno + 1) * s->page;
	if (used + info.me_mapsize / MAP_SPARE < info.me_mapsize)
		return 0;
	return resize_map(s, info.me_mapsize + (info.me_mapsize >> 4), info.me_mapsize * 2);
}

/* The writers' mutex goes to whoever asks first when it falls free, and that is mostly the one that has just given it up: a busy
 * writer kept others waiting for seconds. So who waits for it holds the turn meanwhile, a lock on the last byte but one of
 * scans.lock, and who comes back waits for the turn. Where that lock cannot be had, writers are only as fair as the mutex. */
enum { TURN = 2, PEN = 3, MAKING = 4 }; /* bytes from the end of scans.lock */

static void
take(struct store *s, int byte, short how)
{
	struct flock lock = { .l_type = how, .l_whence = SEEK_SET, .l_start = INT64_MAX - byte, .l_len = 1 };

	while (fcntl(s->scans_fd, F_OFD_SETLKW, &lock) && errno == EINTR && !cmd_stopping())
		;
}

/* Who has a write transaction holds the pen, a lock like the turn, so that one may see without waiting that somebody writes
 * (store_begin_aside): LMDB's mutex cannot be tried. It is taken before the mutex and given back after it. */
static void
give_back_pen(struct store *s)
{
	take(s, PEN, F_UNLCK);
}

static int
begin_write(struct store *s)
{
	int rc = 0;

	for (int tries = 0; tries < 100; tries++) {
		rc = begin(s->env, 0, &s->txn);
		if (rc != MDB_MAP_RESIZED || (rc = follow_map(s)))
			break;
		rc = MDB_MAP_RESIZED;
	}
	if (rc) {
		s->txn = NULL;
		give_back_pen(s);
	}
	return rc;
}

static void
forget(struct store *s, int committed)
{
	store_forget_events(s);
	store_forget_samples(s);
	store_forget_dedupe(s, committed);
	s->txn = NULL;
	give_back_pen(s);
}

static int
begun(struct store *s, struct err *err)
{
	struct store_view v;
	int rc;

	s->writer = pthread_self();
	s->changed = s->pieces_changed = 0;
	store_view_of_txn(s, &v);
	if ((rc = store_view_head(&v, &s->head, err)))
		store_abort(s);
	s->pending_seq = s->head.next_seq;
	return rc;
}

int
store_begin(struct store *s, struct err *err)
{
	int rc;

	if (!(s->how & STORE_WRITE))
		return err_set(err, ERR_IO, "%s: opened for reading only", s->path);
	if (s->txn)
		return err_set(err, ERR_IO, "%s: a transaction is open already", s->path);
	grow_map(s);                    /* where it cannot, there may be room all the same */
	take(s, TURN, F_WRLCK);
	take(s, PEN, F_WRLCK);
	rc = begin_write(s);
	take(s, TURN, F_UNLCK);
	return rc ? store_fail(s, rc, "beginning", err) : begun(s, err);
}

struct store *
store_begin_aside(struct store *s, struct err *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = INT64_MAX - PEN, .l_len = 1 };
	struct buf path = { 0 };
	struct store *mine;
	unsigned flags = 0;
	int fd, rc;

	if (mdb_env_get_flags(s->env, &flags) || flags & MDB_RDONLY)
		return NULL;
	buf_printf(&path, "%s/scans.lock", s->path);
	fd = io_open(buf_text(&path), O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
	buf_release(&path);
	if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		return NULL;
	mine = store_share(s);
	mine->how = STORE_WRITE;
	mine->scans_fd = fd;            /* locks belong to what was opened, so that of the other handle would not tell */
	grow_map(mine);
	if ((rc = begin_write(mine)))
		store_fail(mine, rc, "beginning", err);
	else
		begun(mine, err);
	if (err->code)
		store_end_aside(mine, 0, err);
	return err->code ? NULL : mine;
}

int
store_end_aside(struct store *mine, int keep, struct err *err)
{
	int rc = 0;

	if (keep && mine->txn && mine->changed) {
		rc = commit(mine->txn);
		forget(mine, rc == 0);
		rc = rc ? store_fail(mine, rc, "committing", err) : 0;
	}
	store_close(mine);
	return rc;
}

void
store_abort(struct store *s)
{
	int rc = 0;

	if (!s->txn)
		return;
	GUARDED(rc, (mdb_txn_abort(s->txn), 0));
	forget(s, 0);
}

int
store_commit(struct store *s, struct err *err)
{
	int rc;

	if (!s->txn)
		return err_set(err, ERR_IO, "%s: no transaction is open", s->path);
	if ((rc = store_flush_events(s, err)) || (rc = store_flush_vocab(s, err)) || (rc = store_flush_samples(s, err)) ||
	    (rc = store_flush_dedupe(s, err)))
		goto out;
	if (!s->changed) {
		store_abort(s);
		return 0;
	}
	s->head.version++;
	if ((s->pieces_changed && (rc = store_count_seal(s, err))) || (rc = put_head(s, err)) || (s->format < STORE_FORMAT && (rc = put_format(s, err))))
		goto out;
	rc = commit(s->txn);
	if (rc == 0 && s->format < STORE_FORMAT)
		__atomic_store_n(&s->format, STORE_FORMAT, __ATOMIC_RELAXED);   /* shares may be made meanwhile */
	forget(s, rc == 0);             /* commit frees it even when it fails */
	return rc ? store_fail(s, rc, "committing", err) : 0;
out:
	store_abort(s);
	return rc;
}

int
store_commit_soon(struct store *s, struct err *err)
{
	MDB_env *env = s->env;          /* the handle forgets it in no case; a flag of all that have it open here */
	int rc;

	mdb_env_set_flags(env, MDB_NOMETASYNC, 1);
	rc = store_commit(s, err);
	mdb_env_set_flags(env, MDB_NOMETASYNC, 0);
	return rc;
}

/* ---- writing */

static void
changes(struct store *s, enum store_table table, struct str key)
{
	s->changed = 1;
	s->pieces_changed |= table == STORE_SAMPLES && key.n >= 8 && store_key64_get(key.p) != 0;      /* 0: the tail, which has batches */
}

static int
put(struct store *s, enum store_table table, struct str key, struct str value, unsigned how, struct err *err)
{
	MDB_val k = val(key), d = { value.n + CHECK, NULL };
	uint32_t crc;
	int rc = 0;

	if (value.n > STORE_VALUE_MOST)
		return err_set(err, ERR_LIMIT, "%s: a value of %zu bytes is too large", s->path, value.n);
	crc = check_of(table, key, value);
	GUARDED(rc, mdb_put(s->txn, s->table[table], &k, &d, MDB_RESERVE | how));
	if (rc)
		return store_fail(s, rc, "writing", err);
	for (int i = 0; i < CHECK; i++)
		((unsigned char *)d.mv_data)[i] = (unsigned char)(crc >> (8 * i));
	memcpy((char *)d.mv_data + CHECK, value.p, value.n);
	changes(s, table, key);
	return 0;
}

int
store_put(struct store *s, enum store_table table, struct str key, struct str value, struct err *err)
{
	return put(s, table, key, value, 0, err);
}

int
store_put_last(struct store *s, enum store_table table, struct str key, struct str value, struct err *err)
{
	return put(s, table, key, value, MDB_APPEND, err);
}

int
store_delete(struct store *s, enum store_table table, struct str key, struct err *err)
{
	MDB_val k = val(key);
	int rc = 0;

	GUARDED(rc, mdb_del(s->txn, s->table[table], &k, NULL));
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc)
		return store_fail(s, rc, "removing", err);
	changes(s, table, key);
	return 0;
}

int
store_empty(struct store *s, enum store_table table, struct err *err)
{
	int rc = 0;

	GUARDED(rc, mdb_drop(s->txn, s->table[table], 0));
	if (rc)
		return store_fail(s, rc, "removing", err);
	s->changed = 1;
	return 0;
}

/* ---- opening */

static int
put_hash_key(struct store *s, struct err *err)
{
	struct buf key = { 0 };
	int rc;

	put64(&key, s->hash_key[0]);
	put64(&key, s->hash_key[1]);
	rc = store_put(s, STORE_META, STR("hash"), buf_get(&key), err);
	buf_release(&key);
	return rc;
}

int
store_hash_as(struct store *s, const struct store *other, struct err *err)
{
	memcpy(s->hash_key, other->hash_key, sizeof(s->hash_key));
	return put_hash_key(s, err);
}

/* What a new environment begins with. */
static int
put_beginning(struct store *s, struct err *err)
{
	int rc;

	if (getrandom(s->hash_key, sizeof(s->hash_key), 0) != sizeof(s->hash_key))
		return err_set(err, ERR_IO, "%s: no random numbers", s->path);
	s->head = (struct store_head){ .next_seq = 1, .next_chunk = 1, .next_series = 1, .next_row = 1, .next_recent = 1,
		.next_run = 1, .version = 1 };
	s->format = STORE_FORMAT;
	if ((rc = put_format(s, err)) == 0 && (rc = put_hash_key(s, err)) == 0)
		rc = put_head(s, err);
	return rc;
}

static int
check_beginning(struct store *s, const struct store_view *v, struct str format, struct err *err)
{
	struct str value;
	unsigned version;
	int rc;

	if (format.n != 4)
		return err_set(err, ERR_CORRUPT, "%s: data.mdb is no at store: it says no format", s->path);
	version = (unsigned char)format.p[0] | (unsigned)(unsigned char)format.p[1] << 8;
	if (version > STORE_FORMAT)
		return err_set(err, ERR_IO, "%s: written by a newer at (format %u, this one reads up to %d), install the newer version",
		    s->path, version, STORE_FORMAT);
	s->format = (int)version;
	if ((rc = store_fetch(v, STORE_META, STR("hash"), &value, err)) < 0)
		return rc;
	if (rc == 0 || value.n != 16)
		return store_damaged(err, s, "its hash key is missing");
	s->hash_key[0] = get64(value.p);
	s->hash_key[1] = get64(value.p + 8);
	return 0;
}

/* Open the tables; where `create`, with all that a new environment begins with, in one transaction. 1: not there yet. */
static int
open_tables(struct store *s, int create, struct err *err)
{
	struct store_view v = { .s = s };
	struct str format = { 0 };
	MDB_txn *txn = NULL;
	int rc = 0;

	for (int tries = 0; tries < 100; tries++) {
		rc = begin(s->env, create ? 0 : MDB_RDONLY, &txn);
		if (rc != MDB_MAP_RESIZED || (rc = follow_map(s)))
			break;
		rc = MDB_MAP_RESIZED;
	}
	if (rc)
		return store_fail(s, rc, "opening", err);
	for (int i = 0; i < STORE_TABLES; i++) {
		rc = open_table(txn, store_table_names[i], create ? MDB_CREATE : 0, &s->table[i]);
		if (rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE) {
			MDB_stat st = { 0 };
			MDB_dbi names;          /* as this transaction sees them: another process may have made them since */

			if (open_table(txn, NULL, 0, &names) == 0)
				mdb_stat(txn, names, &st);
			mdb_txn_abort(txn);
			return rc == MDB_NOTFOUND && st.ms_entries == 0 ? 1 : err_set(err, ERR_CORRUPT,
			    "%s: data.mdb is no at store: it has no table '%s'", s->path, store_table_names[i]);
		}
		if (rc) {
			rc = store_fail(s, rc, "opening", err);
			goto out;
		}
	}
	v.txn = txn;
	if (create)
		s->txn = txn;
	if ((rc = store_fetch(&v, STORE_META, STR("format"), &format, err)) < 0)
		goto out;
	rc = rc == 0 && create ? put_beginning(s, err) : check_beginning(s, &v, format, err);
	if (rc == 0) {                  /* a read transaction is committed too: that keeps the tables open */
		rc = commit(txn);
		txn = NULL;
		if (rc)
			rc = store_fail(s, rc, "opening", err);
	}
out:
	s->txn = NULL;
	s->changed = s->pieces_changed = 0;
	if (txn)
		mdb_txn_abort(txn);
	return rc;
}

/* Open or make a regular file of ours, never through a link: LMDB opens it again by its name. */
static int
touch(struct store *s, const char *name, int flags, struct err *err)
{
	struct buf path = { 0 };
	struct stat st;
	int fd, rc = 0;

	buf_printf(&path, "%s/%s", s->path, name);
	fd = io_open(buf_text(&path), flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	if (fd < 0 && errno == ELOOP)
		rc = err_set(err, ERR_IO, "%s: a symbolic link, which a store never has, remove it", path.p);
	else if (fd < 0)
		rc = errno == ENOENT && !(flags & O_CREAT) ? 0 : err_set(err, ERR_IO, "%s: %s", path.p, strerror(errno));
	else if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		rc = err_set(err, ERR_IO, "%s: no regular file", path.p);
	if (fd >= 0)
		close(fd);
	buf_release(&path);
	return rc;
}

/* lock.mdb is made as a hole and filled through its map: where the disk has no room for it, that is a fault as of a damaged file. */
static int
lock_has_holes(const struct store *s)
{
	struct buf path = { 0 };
	struct stat st;
	int holes;

	buf_printf(&path, "%s/lock.mdb", s->path);
	holes = has_no_room(s) && lstat(buf_text(&path), &st) == 0 && st.st_blocks * 512 < st.st_size;
	buf_release(&path);
	return holes;
}

static int
open_env(struct store *s, struct err *err)
{
	unsigned flags = MDB_NOTLS | (s->how & (STORE_WRITE | STORE_ASIDE) ? 0 : MDB_RDONLY);
	int rc = 0, dead = 0;
	MDB_stat st;

	for (uint64_t size = MAP_MOST; ; size /= 2) {
		if ((rc = mdb_env_create(&s->env)) || (rc = mdb_env_set_maxdbs(s->env, STORE_TABLES)) ||
		    (rc = mdb_env_set_maxreaders(s->env, READERS)) || (rc = mdb_env_set_mapsize(s->env, size)) ||
		    (rc = mdb_env_set_assert(s->env, on_assert)))
			break;
		rc = open_file(s->env, s->path, flags);
		if (rc == 0 || (rc != ENOMEM && rc != EINVAL && rc != EFBIG && rc != EOVERFLOW) || size <= MAP_LEAST)
			break;
		mdb_env_close(s->env);
		s->env = NULL;
	}
	if (rc == MDB_INVALID)
		return err_set(err, ERR_CORRUPT, "%s/data.mdb: no LMDB file, or cut off", s->path);
	if (rc)
		return store_fail(s, rc == MDB_CORRUPTED && lock_has_holes(s) ? ENOSPC : rc, "opening", err);
	mdb_env_stat(s->env, &st);
	s->page = st.ms_psize;
	mdb_reader_check(s->env, &dead);
	return 0;
}

/* What root makes in somebody's store is that somebody's, or he could not open it any more. */
static void
give_files(struct store *s)
{
	static const char *const names[] = { "data.mdb", "lock.mdb", "scans.lock" };
	struct stat st;
	int fd = -1;

	if (geteuid() == 0 && lstat(s->path, &st) == 0 && st.st_uid != 0)
		fd = io_open(s->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	for (size_t i = 0; fd >= 0 && i < sizeof(names) / sizeof(*names); i++)
		if (fchownat(fd, names[i], st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW))
			break;          /* no worse than before */
	if (fd >= 0)
		close(fd);
}

/* The same for a folder that root has made just now: it is the store's owner's. */
static void
give_folder(struct store *s)
{
	struct stat st, own;

	if (geteuid() == 0 && stat(s->dir, &st) == 0 && st.st_uid != 0 && lstat(s->path, &own) == 0 && own.st_uid == 0 &&
	    lchown(s->path, st.st_uid, st.st_gid))
		return;                 /* no worse than before */
}

/* Everyone who has the environment open holds a shared lock on the last byte of scans.lock; who writes the file anew holds it
 * alone, and the others wait. */
int
store_lock_open(struct store *s, int alone, struct err *err)
{
	struct flock lock = { .l_type = alone ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET, .l_start = INT64_MAX - 1, .l_len = 1 };

	if (s->scans_fd < 0) {
		struct buf path = { 0 };

		buf_printf(&path, "%s/scans.lock", s->path);
		s->scans_fd = io_open(buf_text(&path), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (s->scans_fd < 0 && !(s->how & STORE_WRITE))
			s->scans_fd = io_open(path.p, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
		if (s->scans_fd < 0 && (s->how & STORE_WRITE || errno == ELOOP))
			err_set(err, ERR_IO, errno == ELOOP ? "%s: a symbolic link, which a store never has, remove it" : "%s: %m", path.p);
		buf_release(&path);
		if (s->scans_fd < 0)            /* a read-only medium: nobody writes there */
			return err->code;
	}
	if (alone && __atomic_load_n(&s->shares, __ATOMIC_ACQUIRE))
		return 1;               /* they have the environment open too */
	while (fcntl(s->scans_fd, alone ? F_OFD_SETLK : F_OFD_SETLKW, &lock))
		if (alone && (errno == EAGAIN || errno == EACCES))
			return 1;
		else if (errno != EINTR || cmd_stopping())
			return err_set(err, ERR_IO, "%s/scans.lock: %s", s->path, strerror(errno));
	return 0;
}

/* A data.mdb of 0 bytes is one that was being made when its maker died, or one that was cut off. scans.lock has one byte from
 * the first commit on, so the second is known for what it is: to begin anew there would hide the loss. */
static int
check_size(struct store *s, const char *data, struct err *err)
{
	struct stat st, mark;

	if (lstat(data, &st) || st.st_size)
		return 0;
	if (s->scans_fd >= 0 && fstat(s->scans_fd, &mark) == 0 && mark.st_size)
		return err_set(err, ERR_CORRUPT, "%s: 0 bytes, cut off: it was not empty before; put a backup in its place, or remove it to begin anew",
		    data);
	return s->how & STORE_CREATE ? 0 : err_set(err, ERR_IO, "%s: empty, the store was never finished, make it by `at-ingest`", data);
}

/* Nothing is in it yet, so that there is nothing to lose: LMDB writes two pages first, and a full disk may have taken one. */
static int
is_unmade(const struct store *s, const char *data)
{
	struct stat st, mark;

	return s->scans_fd >= 0 && fstat(s->scans_fd, &mark) == 0 && mark.st_size == 0 &&
	    (lstat(data, &st) ? errno == ENOENT : S_ISREG(st.st_mode) && st.st_size < 2 * (off_t)sysconf(_SC_PAGESIZE));
}

/* What was begun of it is 0 bytes again, which store_is_made knows for none. By one process at a time (MAKING), before LMDB has
 * it open or after. */
static void
unmake(const char *data)
{
	if (truncate(data, 0) && errno != ENOENT)
		return;                 /* it stays as it is: the next to make it tries again */
}

void
store_mark_made(struct store *s)
{
	struct stat mark;

	if (s->how & STORE_WRITE && fstat(s->scans_fd, &mark) == 0 && mark.st_size == 0 && ftruncate(s->scans_fd, 1))
		return;
}

int
store_reopen(struct store *s, int (*between)(struct store *, struct err *), struct err *err)
{
	int rc;

	pthread_rwlock_wrlock(s->map_lock);
	mdb_env_close(s->env);
	s->env = NULL;
	rc = between(s, err);
	if (rc == 0 || !s->env) {
		struct err again = { 0 };
		int opened = open_env(s, &again);

		if (opened == 0)
			opened = open_tables(s, 0, &again);
		if (opened && rc == 0) {
			*err = again;
			rc = opened;
		}
		give_files(s);
	}
	pthread_rwlock_unlock(s->map_lock);
	return rc;
}

struct store *
store_open(const char *dir, const char *tenant, int how, struct err *err)
{
	struct store *s = mem_new(sizeof(*s));
	struct stat st;
	char *data = NULL;
	int rc, is_new, making = 0;

	watch_faults();
	s->copies.most = STORE_COPY_MOST;
	s->map_lock = &s->map_lock_own;
	pthread_rwlock_init(s->map_lock, NULL);
	s->scans_fd = -1;
	if (how & STORE_CREATE)
		how |= STORE_WRITE;
	s->how = how;
	s->dir = mem_text(dir);
	if (tenant && (rc = store_tenant_name(tenant, err)))
		goto out;
	s->path = store_tenant_path(dir, tenant);
	if ((rc = store_check_format(dir, how & STORE_CREATE, err)))
		goto out;
	if (how & STORE_CREATE) {
		struct buf tenants = { 0 };

		buf_printf(&tenants, "%s/tenants", dir);
		if ((rc = store_make_dir(buf_text(&tenants), err)) == 0)
			rc = store_make_dir(s->path, err);
		buf_release(&tenants);
		if (rc)
			goto out;
	}
	if (how & STORE_CREATE)
		give_folder(s);
	if (lstat(s->path, &st)) {
		if (errno != ENOENT)
			rc = err_set(err, ERR_IO, "%s: %s", s->path, strerror(errno));
		else if (tenant)
			rc = err_set(err, ERR_IO, "%s: the store has no tenant '%s', make it with `at-admin tenant add %s`", dir, tenant, tenant);
		else
			rc = err_set(err, ERR_IO, "%s: not there, make it with `at-admin init`", s->path);
		goto out;
	}
	if (!S_ISDIR(st.st_mode)) {
		rc = err_set(err, ERR_IO, "%s: no directory, and a store follows no symbolic links inside itself", s->path);
		goto out;
	}
	data = mem_grow(NULL, strlen(s->path) + 10, 1);
	sprintf(data, "%s/data.mdb", s->path);
	is_new = access(data, F_OK) && errno == ENOENT;
	if (s->how & STORE_ASIDE && faccessat(AT_FDCWD, data, W_OK, AT_EACCESS))
		s->how &= ~STORE_ASIDE;
	if (!(how & STORE_CREATE) && is_new) {
		rc = err_set(err, ERR_IO, "%s: not there, the store was never finished, make it by `at-ingest`", data);
		goto out;
	}
	if ((rc = touch(s, "data.mdb", how & STORE_CREATE ? O_RDWR | O_CREAT : how & STORE_WRITE ? O_RDWR : O_RDONLY, err)) ||
	    (rc = touch(s, "lock.mdb", O_RDONLY, err)) || (rc = store_lock_open(s, 0, err)))
		goto out;
	if (how & STORE_CREATE && is_unmade(s, data)) {
		take(s, MAKING, F_WRLCK);
		if ((making = is_unmade(s, data)))      /* still: another may have made it meanwhile */
			unmake(data);
	}
	if ((!is_new && (rc = check_size(s, data, err))) || (rc = open_env(s, err)) || (rc = open_tables(s, 0, err)) < 0)
		goto out;
	if (rc == 1)
		rc = how & STORE_CREATE ? open_tables(s, 1, err) :
		    err_set(err, ERR_IO, "%s: empty, the store was never finished, make it by `at-ingest`", s->path);
	if (rc)
		goto out;
	store_mark_made(s);
	making = 0;
	give_files(s);
	if (how & STORE_CREATE)
		rc = store_sync_dir(s->path, err);
out:
	if (rc && making) {
		if (s->env)
			mdb_env_close(s->env);
		s->env = NULL;
		unmake(data);
	}
	if (s->scans_fd >= 0 && how & STORE_CREATE)
		take(s, MAKING, F_UNLCK);
	free(data);
	if (rc) {
		store_close(s);
		s = NULL;
	}
	return s;
}

struct store *
store_share(struct store *s)
{
	struct store *mine = mem_new(sizeof(*mine));

	mine->of = s->of ? s->of : s;
	mine->env = s->env;
	memcpy(mine->table, s->table, sizeof(mine->table));
	mine->dir = mem_text(s->dir);
	mine->path = mem_text(s->path);
	mine->how = STORE_READ;
	mine->format = __atomic_load_n(&s->format, __ATOMIC_RELAXED);
	mine->scans_fd = s->scans_fd;
	mine->map_lock = s->map_lock;
	mine->page = s->page;
	mine->series_most = s->series_most;
	mine->copies.most = STORE_COPY_MOST;
	mine->view_ns = s->view_ns;
	memcpy(mine->hash_key, s->hash_key, sizeof(mine->hash_key));
	__atomic_fetch_add(&mine->of->shares, 1, __ATOMIC_RELAXED);
	return mine;
}

struct store *
store_share_write(struct store *s, struct err *err)
{
	struct buf path = { 0 };
	struct store *mine = NULL;
	int fd;

	buf_printf(&path, "%s/scans.lock", s->path);
	if ((fd = io_open(buf_text(&path), O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0)) < 0) {
		err_set(err, ERR_IO, "%s: %s", path.p, strerror(errno));
	} else {
		mine = store_share(s);
		mine->how = STORE_READ | STORE_WRITE;
		mine->scans_fd = fd;    /* of its own, as turn and pen belong to what was opened */
	}
	buf_release(&path);
	return mine;
}

void
store_close(struct store *s)
{
	if (!s)
		return;
	store_abort(s);
	store_let_go(s);
	if (s->of) {
		__atomic_fetch_sub(&s->of->shares, 1, __ATOMIC_RELEASE);
	} else {
		assert(__atomic_load_n(&s->shares, __ATOMIC_ACQUIRE) == 0);
		store_vocabs_free(s->vocabs);
		if (s->env)
			mdb_env_close(s->env);
		pthread_rwlock_destroy(&s->map_lock_own);
	}
	if (s->scans_fd >= 0 && (!s->of || s->how & STORE_WRITE))
		close(s->scans_fd);
	store_sealer_free(s);
	store_free_samples(s);
	dedupe_free(s->dedupe);
	tail_rows_release(&s->pending);
	keys_release(&s->keys);
	map_release(&s->names);
	free(s->name_counts);
	chunk_packed_release(&s->packed);
	pack_release(&s->pack);
	buf_release(&s->value);
	free(s->path);
	free(s->dir);
	free(s);
}

struct str
store_path(const struct store *s)
{
	return str_of(s->path);
}
