/* retain.c - what is older than a time goes, or what is of a user: events, samples, rows; their pages are free for what comes next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "store/chunk.h"
#include "codec/varint.h"
#include "store/rungs.h"

struct away {
	struct store *s;
	int64_t before;
	int (*goes)(const void *, const struct event *);        /* asked for each event instead; NULL: what is older than `before` goes */
	const void *self;
	struct str user;                                        /* only this user's events may go; p NULL: any */
	struct store_damage *damage;                            /* chunks that cannot be read are noted and left; NULL: they are an error */
	struct err *err;
	struct buf scratch;
};

/* Is the error one of a chunk that is left? Then it is noted. */
static int
is_left(const struct away *a, uint64_t id, int rc)
{
	if (rc != ERR_CORRUPT || !a->damage)
		return 0;
	err_at(a->err, "chunk %llu", (unsigned long long)id);
	store_damage_note(a->damage, a->err);
	return 1;
}

static int
goes(const struct away *a, const struct event *ev)
{
	return a->goes ? a->goes(a->self, ev) : ev->time < a->before;
}

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
	struct event *ev = NULL, *gone = NULL;
	size_t n = 0, kept = 0, n_gone = 0;
	int rc = store_read_chunk(a->s, id, arena, &ev, &n, a->err);

	if (is_left(a, id, rc))
		n = 0, rc = 0;
	gone = mem_grow(NULL, n, sizeof(*gone));
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (goes(a, &ev[i]))
			gone[n_gone++] = ev[i];
		else
			ev[kept++] = ev[i];
	}
	*dropped += (int64_t)n_gone;
	if (rc == 0 && n_gone && !dry) {
		a->s->head.events -= n_gone < a->s->head.events ? n_gone : a->s->head.events;
		if ((rc = take_events(a, gone, n_gone)) == 0 && (rc = store_remove_chunk(a->s, id, a->err)) == 0)
			rc = store_put_events(a->s, ev, kept, a->err);
	}
	arena_free(arena);
	free(gone);
	free(ev);
	return rc;
}

/* May the chunk have what goes? 1, 0, < 0; *whole: all of it goes. */
static int
may_go(struct away *a, uint64_t id, struct str header, const struct chunk_info *info, int *whole)
{
	struct store_view v;
	struct store_block_source from = { &v, id };
	struct chunk chunk = { 0 };
	int rc;

	*whole = !a->goes && info->max_time < a->before;
	if (!a->goes)
		return info->min_time < a->before;
	if (!a->user.p)
		return 1;
	store_view_of_txn(a->s, &v);
	if ((rc = chunk_open(&chunk, header, store_fetch_block, &from, a->err)) == 0)
		rc = chunk_has_user(&chunk, a->user, a->err);
	chunk_release(&chunk);
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
	int rc, whole;

	store_view_of_txn(a->s, &v);
	while ((rc = store_walk_next(&c, &key, &value, a->err)) > 0 || (rc < 0 && !c.ended)) {
		if (rc > 0)
			rc = key.n == 8 ? chunk_info(value, &info, a->err) : store_damaged(a->err, a->s, "a chunk's key has another length");
		if (rc < 0 && key.n == 8 && is_left(a, store_key64_get(key.p), rc))
			continue;
		if (rc < 0)
			break;
		if ((rc = may_go(a, store_key64_get(key.p), value, &info, &whole)) < 0)
			break;
		if (rc == 0)
			continue;
		list = mem_grow(list, n + 1, sizeof(*list));
		list[n].id = store_key64_get(key.p);
		list[n++].whole = whole;
		if (whole)
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
	struct store_tail tail;
	struct event *gone = NULL;
	size_t n = 0, n_gone = 0;
	int rc = store_read_tail(a->s, &tail, 0, a->err);

	if (rc == 0 && tail.unread) {
		rc = store_damaged(a->err, a->s, "the tail holds what is no row");
		if (a->damage) {
			store_damage_note(a->damage, a->err);
			rc = 0;
		}
	}
	gone = mem_grow(NULL, tail.n + 1, sizeof(*gone));
	for (size_t i = 0; rc == 0 && i < tail.n; i++) {
		if (goes(a, &tail.ev[i]))
			gone[n_gone++] = tail.ev[i];
		else
			tail.ev[n++] = tail.ev[i];
	}
	*dropped += (int64_t)n_gone;
	if (rc == 0 && n_gone && !dry) {
		a->s->head.events -= n_gone < a->s->head.events ? n_gone : a->s->head.events;
		if ((rc = take_events(a, gone, n_gone)) == 0)
			rc = store_put_tail(a->s, &tail, tail.ev, n, a->err);
	}
	free(gone);
	store_tail_release(&tail);
	return rc;
}

static int
drop_rows(struct away *a, struct str keys)      /* each key behind its length, a byte */
{
	int rc = 0;

	for (size_t at = 0; at < keys.n && rc == 0; at += 1 + (unsigned char)keys.p[at])
		rc = store_delete(a->s, STORE_ROWS, (struct str){ keys.p + at + 1, (unsigned char)keys.p[at] }, a->err);
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
	int rc = 0;

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
	rc = rc < 0 ? rc : drop_rows(a, buf_get(&keys));
	buf_release(&keys);
	buf_release(&from);
	return rc;
}

/* ---- what is of a user */

struct users { int (*is)(const void *, struct str user, int64_t came); const void *self; };

static int
of_user(const void *self, const struct event *ev)
{
	const struct users *users = self;

	return ev->user_id.p && users->is(users->self, ev->user_id, ev->received);
}

static int
is_user(void *self, struct str user)
{
	const struct users *users = self;

	return users->is(users->self, user, TIME_NONE);
}

static int
names_user(struct users *users, struct json row)
{
	return store_row_names(row, is_user, users);
}

/* Anomalies, alerts, matches and insights that name the user. */
static int
erase_rows(struct away *a, struct users *users)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_ROWS };
	struct str key, value;
	struct buf keys = { 0 };
	int rc;

	store_view_of_txn(a->s, &v);
	while ((rc = store_walk_next(&c, &key, &value, a->err)) > 0) {
		struct json row;

		if (key.n > 255 || (row = json_checked(value), !json_is(row, JSON_OBJECT)))
			continue;
		if (names_user(users, row)) {
			buf_byte(&keys, (char)key.n);
			buf_str(&keys, key);
		}
	}
	store_walk_end(&c);
	rc = rc < 0 ? rc : drop_rows(a, buf_get(&keys));
	buf_release(&keys);
	return rc;
}

/* Does a state name the user: marks of anomalies, kind "feedback", as one of the parts of the value between bytes 0; what is known of
 * alerts, kind "alert/…", as the labels in the name [metric, labels, rule]; messages that wait, or were put aside, "delivery/…" and "dead/…",
 * what was told, "notify/…", and recommendations, anywhere. */
static int
state_names_user(struct users *users, struct str kind, struct str name, struct str value)
{
	struct str part;
	struct json labels;

	if (str_starts(kind, STR("alert/"))) {
		labels = json_index(json_value(name), 1);
		return json_is(labels, JSON_OBJECT) && names_user(users, labels);
	}
	if (str_starts(kind, STR("delivery/")) || str_starts(kind, STR("dead/")) || str_starts(kind, STR("notify/")) || str_eq(kind, STR("recommendation"))) {
		labels = json_value(value);
		return json_is(labels, JSON_OBJECT) && names_user(users, labels);
	}
	while (str_eq(kind, STR("feedback")) && value.n && str_cut(&value, 0, &part)) {
		labels = json_value(part);
		if (part.n && *part.p == '{' && json_is(labels, JSON_OBJECT) && names_user(users, labels))
			return 1;
	}
	return 0;
}

/* Lists (admin.h), and the bytes of their heads: models, change points, and sources whose absence is told (lib/detect). */
static const struct list { const char *kind; size_t head; } lists[] = { { "detect", 4 }, { "detect-change", 4 }, { "detect-absent", 9 }, { NULL, 0 } };

static int
take_sized(struct str *from, struct str *piece)
{
	uint32_t n = 0;

	for (size_t i = 0; i < 4 && from->n >= 4; i++)
		n |= (uint32_t)(unsigned char)from->p[i] << 8 * i;
	if (from->n < 4 || from->n - 4 < n)
		return -1;
	*piece = (struct str){ from->p + 4, n };
	from->p += 4 + n, from->n -= 4 + n;
	return 0;
}

/* The list without what is of the user, in `left`: 1 when there was something. -1: it is of a time before lists, or damaged, and cannot be
 * looked into. */
static int
list_without(struct users *users, const struct list *list, struct str value, struct buf *left)
{
	int some = 0;

	if (value.n < list->head || (signed char)value.p[list->head - 1] >= 0)
		return -1;
	buf_clear(left);
	buf_add(left, value.p, list->head);
	value.p += list->head, value.n -= list->head;
	while (value.n) {
		struct str item = value, name, known, labels;
		struct json json;

		if (take_sized(&value, &name) || take_sized(&value, &known))
			return -1;
		item.n -= value.n;
		json = str_cut(&name, 0, &labels) && str_cut(&name, 0, &labels) ? json_value(labels) : JSON_ABSENT;
		if (json_is(json, JSON_OBJECT) && names_user(users, json))
			some = 1;
		else
			buf_str(left, item);
	}
	return some;
}

/* What is put instead of states, and the keys of those that go. */
struct states { struct buf put, gone, left; };

static void
erase_state(struct users *users, struct str key, struct str value, struct states *to)
{
	struct str whole = value, rest = key, kind, name;
	const struct list *list = lists;
	int rc;

	if (!str_cut(&rest, 0, &kind) || varint_take_str(&value, &name))
		return;
	while (list->kind && !str_eq(kind, str_of(list->kind)))
		list++;
	rc = list->kind ? list_without(users, list, value, &to->left) : state_names_user(users, kind, name, value) ? -1 : 0;
	if (rc < 0)
		varint_put_str(&to->gone, key);
	if (rc <= 0)
		return;
	varint_put_str(&to->put, key);
	whole.n -= value.n;             /* its name */
	varint_put(&to->put, whole.n + to->left.n);
	buf_str(&to->put, whole);
	buf_str(&to->put, buf_get(&to->left));
}

static int
erase_states(struct away *a, struct users *users)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_STATE };
	struct str key, value, rest;
	struct states to = { 0 };
	int rc;

	store_view_of_txn(a->s, &v);
	while ((rc = store_walk_next(&c, &key, &value, a->err)) > 0)
		erase_state(users, key, value, &to);
	store_walk_end(&c);
	for (rest = buf_get(&to.gone); rc == 0 && rest.n && varint_take_str(&rest, &key) == 0; )
		rc = store_delete(a->s, STORE_STATE, key, a->err);
	for (rest = buf_get(&to.put); rc == 0 && rest.n && varint_take_str(&rest, &key) == 0 && varint_take_str(&rest, &value) == 0; )
		rc = store_put(a->s, STORE_STATE, key, value, a->err);
	buf_release(&to.gone);
	buf_release(&to.put);
	buf_release(&to.left);
	return rc;
}

/* ---- samples: those older go, and a series without any goes too */

static int
count_samples(void *self, int thread, const struct store_run *run)
{
	(void)thread;
	*(int64_t *)self += (int64_t)run->n;
	return 0;
}

/* The first piece of a series, as long as it begins too early: gone, or cut. 1 one was gone, 0 none is too early, < 0; *left made 1 when
 * that is because there is a later one. */
static int
drop_first(struct away *a, uint64_t series, struct samples_coder *coder, int64_t *dropped, int *left)
{
	struct store_view v;
	char key[16];
	struct store_cursor c = { .view = &v, .table = STORE_SAMPLES, .prefix = { key, 8 } };
	struct samples piece = { 0 }, rest = { 0 };
	struct samples_head head;
	struct str k, value;
	size_t cut = 0;
	int rc;

	store_view_of_txn(a->s, &v);
	store_piece_key(key, series, INT64_MIN);
	rc = store_walk(&c, (struct str){ key, 16 }, &k, &value, a->err);
	if (rc > 0 && (k.n != 16 || memcmp(k.p, key, 8)))
		rc = 0;
	if (rc > 0 && samples_peek(coder, value, &head))
		rc = store_damaged(a->err, a->s, "samples that cannot be read back");
	if (rc > 0 && head.first >= a->before) {
		*left = 1;
		rc = 0;
	}
	if (rc > 0) {
		memcpy(key, k.p, 16);
		cut = head.n;
		if (head.last >= a->before && samples_unpack(coder, value, &piece) < 0)
			rc = store_damaged(a->err, a->s, "samples that cannot be read back");
	}
	store_walk_end(&c);
	if (rc > 0 && piece.n)
		for (cut = 0; piece.time[cut] < a->before; cut++)
			;
	if (rc > 0 && (rc = store_delete(a->s, STORE_SAMPLES, (struct str){ key, 16 }, a->err)) == 0) {
		if (series <= STORE_SERIES_MOST) {
			a->s->head.samples -= head.n;
			*dropped += (int64_t)cut;
		}
		for (size_t i = cut; i < piece.n; i++)
			samples_add(&rest, piece.time[i], piece.value[i], piece.state[i]);
		rc = rest.n ? store_put_samples(a->s, series, &rest, a->err) : 0;
		rc = rc ? rc : 1;
	}
	samples_release(&piece);
	samples_release(&rest);
	return rc;
}

static int
drop_series(struct away *a, uint64_t series, struct str identity)
{
	struct store_sample x = { 0 };
	char number[8];
	int rc;

	store_key64(number, series);
	if (store_take_identity(identity, &x))
		return store_damaged(a->err, a->s, "a series that cannot be read back");
	if ((rc = store_postings_remove(a->s, series, &x, a->err)))
		return rc;
	store_index_key(a->s, &a->scratch, x.metric, identity);
	if ((rc = store_delete(a->s, STORE_SERIES, (struct str){ number, 8 }, a->err)) == 0)
		rc = store_delete(a->s, STORE_INDEX, buf_get(&a->scratch), a->err);
	a->s->head.series--;
	return rc;
}

/* What is older goes from a series and its rungs, whose buckets of it are made before: of all that is there by the ladder as it was. */
static int
drop_old(struct away *a, const struct store_ladder *was, const struct store_ladder *l, uint64_t series, struct str identity,
    struct samples_coder *coder, int64_t *dropped)
{
	int rc = l->n > 1 ? store_rungs_complete(a->s, was, series, l->rung[0].floor, a->err) : 0, left = 0;

	for (int i = 0; i < l->n && rc == 0; i++) {
		a->before = l->rung[i].floor;
		for (int part = 0; part < (i ? 4 : 1) && rc == 0; part++)
			while ((rc = drop_first(a, store_rung_series(&l->rung[i], series, part), coder, dropped, &left)) > 0)
				;
	}
	return rc == 0 && !left ? drop_series(a, series, identity) : rc;
}

/* Each series there is, with what it is told by: one may be dropped meanwhile. */
static int
each_series(struct away *a, int (*call)(struct away *, void *, uint64_t series, struct str identity, struct samples_coder *), void *self)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_SERIES };
	struct samples_coder coder = { 0 };
	struct buf list = { 0 };
	struct str key, value, rest;
	int rc;

	store_view_of_txn(a->s, &v);
	for (rc = store_walk_next(&c, &key, &value, a->err); rc > 0; rc = store_walk_next(&c, &key, &value, a->err)) {
		if (key.n != 8)
			continue;
		buf_str(&list, key);
		varint_put_str(&list, value);
	}
	store_walk_end(&c);
	for (rest = buf_get(&list); rc == 0 && rest.n; ) {
		uint64_t series = store_key64_get(rest.p);

		rest.p += 8;
		rest.n -= 8;
		varint_take_str(&rest, &value);
		rc = call(a, self, series, value, &coder);
	}
	samples_coder_release(&coder);
	buf_release(&list);
	return rc;
}

struct down { const struct store_ladder *was, *ladder; int64_t *dropped; struct users *users; };

static int
drop_old_of(struct away *a, void *self, uint64_t series, struct str identity, struct samples_coder *coder)
{
	const struct down *down = self;

	return drop_old(a, down->was, down->ladder, series, identity, coder, down->dropped);
}

/* The floors of the ladder are where they are to be. */
static int
retain_samples(struct away *a, const struct store_ladder *l, int64_t *dropped)
{
	struct store_ladder was;
	struct down down = { &was, l, dropped, NULL };
	int rc;

	if ((rc = store_ladder_get(a->s, &was, a->err)) < 0 || (rc = store_seal_samples(a->s, a->err)))
		return rc;
	if (l->n > 1)
		rc = store_ladder_put(a->s, l, a->err);
	return rc ? rc : each_series(a, drop_old_of, &down);
}

/* A series with the user as its label user_id goes whole. */
static int
drop_of_user(struct away *a, void *self, uint64_t series, struct str identity, struct samples_coder *coder)
{
	const struct down *down = self;
	struct store_sample x = { 0 };
	struct json labels;
	int rc = 0, left = 0;

	if (store_take_identity(identity, &x) || (labels = json_checked(x.labels), !json_is(labels, JSON_OBJECT)))
		return store_damaged(a->err, a->s, "a series that cannot be read back");
	if (!names_user(down->users, labels))
		return 0;
	a->before = TIME_MAX + 1;
	for (int i = 0; i < down->ladder->n && rc == 0; i++)
		for (int part = 0; part < (i ? 4 : 1) && rc == 0; part++)
			while ((rc = drop_first(a, store_rung_series(&down->ladder->rung[i], series, part), coder, down->dropped, &left)) > 0)
				;
	return rc ? rc : drop_series(a, series, identity);
}

int
store_drop_events(struct store *s, struct str user, int (*which)(const void *, const struct event *), const void *self, int64_t *dropped,
    struct err *err)
{
	struct away a = { .s = s, .before = TIME_MIN, .goes = which, .self = self, .user = user, .err = err };
	int rc = store_begin(s, err);

	*dropped = 0;
	if (rc == 0 && (rc = retain_chunks(&a, dropped, 0)) == 0 && (rc = retain_tail(&a, dropped, 0)) == 0)
		rc = store_commit(s, err);
	store_abort(s);
	buf_release(&a.scratch);
	return rc;
}

int
store_erase(struct store *s, struct str user, int (*is)(const void *, struct str user, int64_t came), const void *self, int dry,
    struct store_dropped *dropped, struct err *err)
{
	struct users users = { .is = is, .self = self };
	struct away a = { .s = s, .before = TIME_MIN, .goes = of_user, .self = &users, .user = user, .err = err };
	struct store_ladder l;
	struct down down = { NULL, &l, &dropped->samples, &users };
	int rc = store_ladder_get(s, &l, err);

	*dropped = (struct store_dropped){ 0 };
	if (rc >= 0 && (rc = retain_chunks(&a, &dropped->events, dry)) == 0 && (rc = retain_tail(&a, &dropped->events, dry)) == 0 && !dry &&
	    (rc = erase_rows(&a, &users)) == 0 && (rc = erase_states(&a, &users)) == 0 && (rc = store_seal_samples(s, err)) == 0)
		rc = each_series(&a, drop_of_user, &down);
	buf_release(&a.scratch);
	return rc;
}

static int
same_user(const void *self, struct str user, int64_t came)
{
	(void)came;
	return str_eq(user, *(const struct str *)self);
}

int
store_erase_user(struct store *s, struct str user, int64_t now, int dry, struct store_dropped *dropped, struct err *err)
{
	char mask[STORE_MASK_LEN], when[24];
	int rc;

	store_mask(s, user, mask);
	snprintf(when, sizeof(when), "%lld", (long long)now);
	if ((rc = store_begin(s, err)))
		return rc;
	if ((rc = store_erase(s, user, same_user, &user, dry, dropped, err)) == 0 && !dry &&
	    (rc = store_put_state(s, STORE_ERASED, (struct str){ mask, sizeof(mask) }, str_of(when), err)) == 0)
		rc = store_commit(s, err);
	store_abort(s);
	return rc;
}

static int
drop_samples(struct away *a, const struct store_ladder *l, int64_t *dropped, int dry)
{
	struct store_match old = { .from = INT64_MIN, .to = l->rung[0].floor };

	return dry ? store_each_run(a->s, &old, 1, count_samples, NULL, dropped, a->err) : retain_samples(a, l, dropped);
}

int
store_retain_ladder(struct store *s, int64_t now, int dry, struct store_dropped *dropped, struct err *err)
{
	struct away a = { .s = s, .err = err };
	struct store_ladder l;
	int rc;

	*dropped = (struct store_dropped){ 0 };
	if ((rc = store_begin(s, err)))
		return rc;
	if ((rc = store_ladder_get(s, &l, err)) < 0)
		goto out;
	rc = 0;
	for (int i = 0; i < l.n; i++) {         /* whole buckets of the widest, so that none is half gone */
		int64_t widest = l.n > 1 ? l.rung[l.n - 1].width_ms : 1, cut = l.rung[i].keep_ms ? now - l.rung[i].keep_ms : INT64_MIN;

		if (cut > INT64_MIN && store_rung_floor(cut, widest) > l.rung[i].floor)
			l.rung[i].floor = store_rung_floor(cut, widest);
	}
	rc = drop_samples(&a, &l, &dropped->samples, dry);
	if (rc == 0 && !dry)
		rc = store_commit(s, err);
out:
	store_abort(s);
	buf_release(&a.scratch);
	return rc;
}

/* All that is older, of samples and roll-ups. */
static int
retain_metrics(struct away *a, int64_t before, int64_t *dropped, int dry)
{
	struct store_ladder l;
	int rc = store_ladder_get(a->s, &l, a->err);

	if (rc < 0)
		return rc;
	for (int i = 0; i < l.n; i++)
		if (i == 0 && l.n == 1)
			l.rung[i].floor = before;
		else if (store_rung_floor(before, l.rung[l.n - 1].width_ms) > l.rung[i].floor)
			l.rung[i].floor = store_rung_floor(before, l.rung[l.n - 1].width_ms);
	return drop_samples(a, &l, dropped, dry);
}

int
store_retain(struct store *s, int64_t events, int64_t metrics, int dry, struct store_dropped *dropped, struct err *err)
{
	struct store_damage damage = { 0 };
	struct away a = { .s = s, .before = events, .damage = &damage, .err = err };
	int rc;

	*dropped = (struct store_dropped){ 0 };
	if ((rc = store_begin(s, err)))
		return rc;
	if (events != TIME_NONE && ((rc = retain_chunks(&a, &dropped->events, dry)) || (rc = retain_tail(&a, &dropped->events, dry))))
		goto out;
	a.before = metrics;
	if (metrics != TIME_NONE && ((rc = retain_rows(&a, dry)) || (rc = retain_metrics(&a, metrics, &dropped->samples, dry))))
		goto out;
	if (!dry && (rc = store_commit(s, err)) == 0 && (rc = store_begin(s, err)) == 0 && (rc = store_purge(s, err)) == 0)
		rc = store_commit(s, err);
	dropped->unread = damage.n;
	dropped->left = damage.first;
out:
	store_abort(s);
	buf_release(&a.scratch);
	return rc;
}
