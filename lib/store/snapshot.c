/* snapshot.c - what a reader sees: the store as it was when it began, without a transaction held for it.
 *
 * At its beginning, one short transaction lists the chunks that may matter and copies the tail. Chunks never change; one that is
 * taken off the list (merged, retained) stays in the file while a reader may still want it. Who that is, the kernel knows: a
 * state holds a shared lock on byte V of the file scans.lock, V being the store's version before it looked, and gives it up
 * when it is released or its process dies. What version R removed may go when nobody holds a byte below R.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "codec/varint.h"
#include "store/series_priv.h"

int
store_lock_version(const struct store *s, uint64_t version)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = (off_t)version, .l_len = 1 };
	struct buf path = { 0 };
	int fd;

	buf_printf(&path, "%s/scans.lock", s->path);
	fd = io_open(buf_text(&path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	buf_release(&path);
	if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int
store_scans_before(const struct store *s, uint64_t version)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = (off_t)version };

	if (s->scans_fd < 0)
		return 1;
	return fcntl(s->scans_fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

int
store_snapshot_name_wanted(const struct store_snapshot *snap, struct str name)
{
	return snap->names.n == 0 || map_find(&snap->names, name) != NULL;
}

/* ---- one moment of the store, for as many snapshots as want it */

struct listed { uint64_t id; size_t at, len; };

struct store_state {
	int users, lock;                /* who holds it; on scans.lock */
	struct listed *chunk;           /* all of them */
	size_t n, cap;
	struct buf headers, batches;    /* packed headers; the tail: seq, length, value … */
	struct store_series_copy *series;       /* all of them, where they are asked for and whole; else NULL */
	struct buf vocab;               /* then: key, value, … of names and property keys */
	uint64_t next_row;
	struct err damage;              /* the first of what cannot be read, and is missing here */
};

static void
let_go(struct store_state *state)
{
	if (!state || --state->users)
		return;
	if (state->lock >= 0)
		close(state->lock);
	free(state->chunk);
	buf_release(&state->headers);
	buf_release(&state->batches);
	buf_release(&state->vocab);
	store_series_copy_release(state->series);
	free(state);
}

/* What cannot be read is missing, which every reader is told: nobody knows of which time it was. */
static void
note(struct err *damage, struct err *err)
{
	if (!damage->code)
		*damage = *err;
	err_clear(err);
}

static int
copy_headers(struct store_state *state, const struct store_view *v, struct err *err)
{
	struct store_cursor c = { .view = v, .table = STORE_CHUNKS };
	struct str key, value;
	int rc;

	while ((rc = store_walk_next(&c, &key, &value, err)) > 0 || (rc == ERR_CORRUPT && !c.ended)) {
		if (rc > 0 && key.n != 8)
			rc = store_damaged(err, v->s, "a chunk's key has another length");
		if (rc < 0) {
			note(&state->damage, err);
			continue;
		}
		if (state->n == state->cap)
			state->chunk = mem_grow(state->chunk, state->cap = state->cap ? state->cap * 2 : 64, sizeof(*state->chunk));
		state->chunk[state->n++] = (struct listed){ store_key64_get(key.p), state->headers.n, value.n };
		buf_str(&state->headers, value);
	}
	store_walk_end(&c);
	return rc < 0 ? rc : 0;
}

static int
copy_tail(struct store_state *state, const struct store_view *v, struct err *err)
{
	struct store_cursor c = { .view = v, .table = STORE_TAIL };
	struct pack pack = { 0 };
	struct buf scratch = { 0 };
	struct str key, value;
	int rc;

	while ((rc = store_walk_next(&c, &key, &value, err)) > 0 || (rc == ERR_CORRUPT && !c.ended)) {
		if (rc > 0 && (key.n != 8 || tail_plain(value, &pack, &scratch, &value)))
			rc = store_damaged(err, v->s, "the tail holds what is no row");
		if (rc < 0) {
			note(&state->damage, err);
			continue;
		}
		buf_add(&state->batches, key.p, 8);
		varint_put_str(&state->batches, value);
	}
	store_walk_end(&c);
	pack_release(&pack);
	buf_release(&scratch);
	return rc < 0 ? rc : 0;
}

static int
copy_vocab(struct store_state *state, const struct store_view *v, struct err *err)
{
	struct store_cursor c = { .view = v, .table = STORE_VOCAB };
	struct str key, value;
	int rc;

	while ((rc = store_walk_next(&c, &key, &value, err)) > 0) {
		varint_put_str(&state->vocab, key);
		varint_put_str(&state->vocab, value);
	}
	store_walk_end(&c);
	return rc;
}

/* Where samples are damaged, each read of them does what it can. */
static int
unless_damaged(struct store_state *state, int rc, struct err *err)
{
	if (rc != ERR_CORRUPT)
		return rc;
	err_clear(err);
	store_series_copy_release(state->series);
	state->series = NULL;
	return 0;
}

/* As it is now. 1, 0 samples changed meanwhile, < 0. */
static int
copy_now(struct store_state *state, struct store *s, struct err *err)
{
	struct store_view v;
	struct store_head head;
	int rc = store_view_open(&v, s, err);

	if (rc)
		return rc;
	state->n = 0;
	buf_clear(&state->headers);
	buf_clear(&state->batches);
	buf_clear(&state->vocab);
	if (state->series && (rc = store_series_copy_pass(state->series, &v, err)) == 0)
		rc = store_series_copy_series(state->series, &v, err);
	rc = unless_damaged(state, rc, err);
	if (rc == 0 && (rc = store_view_head(&v, &head, err)) == 0 && (rc = copy_headers(state, &v, err)) == 0)
		rc = copy_tail(state, &v, err);
	if (rc == 0 && state->series)
		rc = unless_damaged(state, copy_vocab(state, &v, err), err);
	state->next_row = rc ? 0 : head.next_row;
	if (rc == 0 && state->series)
		rc = unless_damaged(state, store_series_copy_samples(state->series, &v, err), err);
	store_view_close(&v);
	return rc ? rc : !state->series || store_series_copy_done(state->series);
}

static struct store_state *
look(struct store *s, int samples, struct err *err)
{
	struct store_state *state = mem_new(sizeof(*state));
	struct store_head head;
	struct store_view v;
	int rc;

	state->users = 1;
	state->lock = -1;
	if ((rc = store_view_open(&v, s, err)))
		goto out;
	rc = store_view_head(&v, &head, err);
	store_view_close(&v);
	if (rc)
		goto out;
	state->lock = store_lock_version(s, head.version);      /* before the look that counts: what is listed then stays */
	if (samples)
		state->series = store_series_copy_new(s);
	while ((rc = copy_now(state, s, err)) == 0)
		;
out:
	if (rc < 0) {
		let_go(state);
		state = NULL;
	}
	return state;
}

int
store_hold(struct store *s, int samples, struct err *err)
{
	store_let_go(s);
	return (s->held = look(s, samples, err)) ? 0 : err->code;
}

struct store_series_copy *
store_held_series(const struct store *s)
{
	return s->held ? s->held->series : NULL;
}

const struct buf *
store_held_vocab(const struct store *s)
{
	return s->held && s->held->series ? &s->held->vocab : NULL;
}

uint64_t
store_held_next_row(const struct store *s)
{
	return s->held ? s->held->next_row : UINT64_MAX;
}

void
store_limit_copies(struct store *s, size_t most)
{
	s->copies.most = most < STORE_COPY_MOST ? most : STORE_COPY_MOST;
}

void
store_let_go(struct store *s)
{
	let_go(s->held);
	s->held = NULL;
}

/* ---- what of it a reader wants */

/* The chunks that may have rows in the range. */
static void
choose_chunks(struct store_snapshot *snap)
{
	const struct store_state *state = snap->state;
	size_t cap = 0;

	for (size_t i = 0; i < state->n && snap->range.from < snap->range.to; i++) {
		const struct listed *c = &state->chunk[i];
		struct chunk_info info, names;
		struct chunk_name name;
		struct err err = { 0 };
		int wanted;

		if (chunk_info((struct str){ state->headers.p + c->at, c->len }, &info, &err)) {
			err_at(&err, "%s: chunk %llu", snap->s->path, (unsigned long long)c->id);
			note(&snap->damage, &err);
			continue;
		}
		if (info.min_time >= snap->range.to || info.max_time < snap->range.from || (snap->range.after && info.max_seq <= snap->range.after) || (snap->range.until && info.min_seq > snap->range.until))
			continue;
		names = info;
		for (wanted = snap->names.n == 0; !wanted && chunk_next_name(&names, &name) == 1; )
			wanted = store_snapshot_name_wanted(snap, name.name);
		if (!wanted)
			continue;
		if (snap->n_sources == cap)
			snap->source = mem_grow(snap->source, cap = cap ? cap * 2 : 64, sizeof(*snap->source));
		snap->source[snap->n_sources++] = (struct store_source){ c->id, info.min_time, info.max_time, info.n, c->at, c->len };
	}
}

int
store_snapshot_take(struct store_snapshot *snap, struct store *s, const struct store_range *range, struct err *err)
{
	*snap = (struct store_snapshot){ .s = s, .range = *range };
	for (int i = 0; i < range->n_names; i++)
		map_put(&snap->names, range->names[i], NULL);
	if (range->user_id.p) {
		snap->user = mem_dup(range->user_id.p, range->user_id.n);
		snap->range.user_id.p = snap->user;
	}
	if (s->held)
		(snap->state = s->held)->users++;
	else if (!(snap->state = look(s, 0, err)))
		return err->code;
	snap->n_listed = snap->state->n;
	snap->headers = buf_get(&snap->state->headers);
	snap->batches = buf_get(&snap->state->batches);
	snap->damage = snap->state->damage;
	choose_chunks(snap);
	return 0;
}

void
store_snapshot_release(struct store_snapshot *snap)
{
	let_go(snap->state);
	free(snap->source);
	free(snap->user);
	map_release(&snap->names);
	*snap = (struct store_snapshot){ 0 };
}

int
store_snapshot_tail(struct store_snapshot *snap, struct event *ev, struct err *err)
{
	struct str rest, value;
	int got;

	while ((got = tail_next(&snap->rows, ev)) < 1) {
		if (got < 0) {          /* the batch ends here; its next ones may be whole */
			store_damaged(err, snap->s, "the tail holds what is no row");
			note(&snap->damage, err);
			snap->rows = (struct tail_iter){ 0 };
		}
		if (snap->batch_at == snap->batches.n)
			break;
		rest = (struct str){ snap->batches.p + snap->batch_at + 8, snap->batches.n - snap->batch_at - 8 };
		varint_take_str(&rest, &value);
		if (tail_value(value, store_key64_get(snap->batches.p + snap->batch_at), &snap->rows))
			snap->rows = (struct tail_iter){ .n = 1 };      /* of no bytes: no row */
		snap->batch_at = snap->batches.n - rest.n;
	}
	if (got < 1 && snap->damage.code) {
		*err = snap->damage;
		snap->damage.code = 0;
		return err->code;
	}
	return got < 1 ? 0 : 1;
}

int
store_snapshot_fetch(const struct store_snapshot *snap, uint64_t chunk, int column, int part, struct buf *out, struct err *err)
{
	struct store_view v;
	struct store_block_source from = { &v, chunk };
	int rc = store_view_open(&v, snap->s, err);

	if (rc)
		return rc;
	rc = store_fetch_block(&from, column, part, out, err);
	store_view_close(&v);
	return rc;
}

size_t
store_first_not_before(const int64_t *time, size_t n, int64_t t)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;

		if (time[middle] < t)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}
