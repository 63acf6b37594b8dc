/* series.c - writing metric samples: which series there are, the tail of new samples, and the pieces they end in.
 *
 * A series is (metric, labels, field, window): the same metric saved by the minute and by the hour is two. Its samples lie in
 * pieces (samples.h) keyed by series and first time, which never overlap. A commit with few samples must not write a page
 * for each of its series: what a scrape of a thousand series brings goes into one value, a batch of the tail, and once the
 * tail is long enough all of it is sealed into pieces, in the transaction that brings the last of it:
 *
 *      store_add_sample ──► tail: a batch a commit ──(262,144 samples, or 16 for each series)──► pieces
 *
 * Sealing appends a piece to a series, and where four of like size lie at its end they become one, up to 8,192 samples: so
 * each sample is packed about three times, and a series has few pieces. Samples that come late go into the piece of their
 * time. Batches lie in the table of the pieces under the series 0, which is never given:
 *
 *      batch: byte 1 · varint samples of the tail up to here · varint most series in one of its batches · by planes_pack_bytes:
 *             for each series: varint number less the one before · varint n · for each sample: signed time less the one
 *             before (of the batch) · value (samples_put_value) · varint 0 for no state or length + 1, its bytes
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "codec/varint.h"
#include "store/samples.h"
#include "store/rungs.h"
#include "store/series_priv.h"

#define FULL        8192        /* samples of a full piece */
#define FAN         4           /* pieces of like size that become one */
#define TAIL_LEAST  262144      /* samples at which a tail is sealed; 16 for each series if that is more, … */
#define TAIL_MOST   1048576     /* … but no more than these, which a reader unpacks in 30 ms */
#define GATHER_MOST 1048576     /* samples held in memory before they are written */
#define HELD_MOST   262144      /* series remembered from one transaction to the next */
#define METRIC_MOST 200         /* bytes of a metric's name in an index key */
#define BATCH_MOST  (256u << 20)/* bytes of a batch, unpacked */
#define BATCH_PARTS 65536       /* samples of one batch, with all of the last of its series */
#define PAGE_HEAD   20          /* bytes of LMDB's and of our check in front of a piece on pages of its own */
#define MERGE_MOST  2097152     /* samples merged in one transaction */

struct store_series {
	struct str identity;            /* in the map */
	struct samples add;             /* in the order they came; states in store_pending.states */
	uint64_t id;                    /* 0: not looked for in this transaction */
	int touched;
};

struct store_pending {
	struct map map;                 /* identity -> struct store_series * */
	struct store_series **touched;
	size_t n_touched, cap_touched, n;
	struct arena *states;
	struct samples_coder coder;
	struct samples old, all;
	struct postings *postings;      /* of series made in this transaction */
	struct buf key, body;
	uint64_t age;
};

void
store_put_identity(struct buf *b, const struct store_sample *x)
{
	varint_put_str(b, x->metric);
	varint_put_str(b, x->labels.p ? x->labels : STR("{}"));
	varint_put_str(b, x->field);
	varint_put_str(b, x->window);
}

int
store_take_identity(struct str rest, struct store_sample *x)
{
	return varint_take_str(&rest, &x->metric) || varint_take_str(&rest, &x->labels) || varint_take_str(&rest, &x->field) ||
	    varint_take_str(&rest, &x->window) || rest.n ? -1 : 0;
}

static void
forget_series(struct store_pending *p)
{
	for (struct map_entry *e = map_first(&p->map); e; e = map_next(&p->map, e)) {
		samples_release(&((struct store_series *)e->ptr)->add);
		free(e->ptr);
	}
	map_clear(&p->map);
	p->n_touched = p->n = 0;
	p->age++;
}

/* What was added is written, or given up. Series are remembered, so that the next transaction need not make them anew. */
static void
forget_points(struct store_pending *p)
{
	for (size_t i = 0; i < p->n_touched; i++) {
		struct store_series *x = p->touched[i];

		if (x->add.cap > 4096)
			samples_release(&x->add);
		samples_clear(&x->add);
		x->touched = 0;
		x->id = 0;
	}
	p->n_touched = p->n = 0;
	arena_reset(p->states);
}

void
store_forget_samples(struct store *s)
{
	if (!s->samples)
		return;
	forget_points(s->samples);
	store_postings_forget(s->samples->postings);
	if (s->samples->map.n > HELD_MOST)
		forget_series(s->samples);
}

void
store_free_samples(struct store *s)
{
	struct store_pending *p = s->samples;

	if (!p)
		return;
	forget_series(p);
	map_release(&p->map);
	free(p->touched);
	arena_free(p->states);
	samples_coder_release(&p->coder);
	samples_release(&p->old);
	samples_release(&p->all);
	store_postings_free(p->postings);
	buf_release(&p->key);
	buf_release(&p->body);
	free(p);
	s->samples = NULL;
}

static struct store_pending *
pending_of(struct store *s)
{
	if (!s->samples) {
		s->samples = mem_new(sizeof(*s->samples));
		s->samples->states = arena_new(0);
		s->samples->postings = store_postings_new();
	}
	return s->samples;
}

uint64_t
store_series_age(struct store *s)
{
	return pending_of(s)->age;
}

struct store_series *
store_series(struct store *s, const struct store_sample *x, struct err *err)
{
	struct store_pending *p = pending_of(s);
	struct map_entry *e;
	struct store_series *one;
	int is_new;

	if (x->metric.n == 0 || x->metric.n > 4096 || x->labels.n > 65536 || x->field.n > 4096 || x->window.n > 4096) {
		err_set(err, ERR_INPUT, "a sample without a metric, or with names too long");
		return NULL;
	}
	if ((unsigned char)x->metric.p[0] == 0xff) {
		err_set(err, ERR_INPUT, "a metric's name that is no UTF-8");
		return NULL;
	}
	buf_clear(&p->key);
	store_put_identity(&p->key, x);
	e = map_put(&p->map, buf_get(&p->key), &is_new);
	if (is_new) {
		e->ptr = one = mem_new(sizeof(*one));
		one->identity = e->key;
	}
	return e->ptr;
}

/* Something of it is to be written, or its number known, in this transaction. */
static void
touch(struct store *s, struct store_series *x)
{
	struct store_pending *p = s->samples;

	if (x->touched)
		return;
	if (p->n_touched == p->cap_touched)
		p->touched = mem_grow(p->touched, p->cap_touched = p->cap_touched ? p->cap_touched * 2 : 64, sizeof(*p->touched));
	p->touched[p->n_touched++] = x;
	x->touched = 1;
	s->changed = 1;
}

int
store_add_point(struct store *s, struct store_series *x, int64_t time, double value, struct err *err)
{
	struct store_pending *p = s->samples;

	if (!s->txn)
		return err_set(err, ERR_IO, "%s: no transaction is open", s->path);
	touch(s, x);
	samples_add(&x->add, time, value, (struct str){ 0 });
	return ++p->n >= GATHER_MOST ? store_flush_samples(s, err) : 0;
}

int
store_add_sample(struct store *s, const struct store_sample *x, struct err *err)
{
	struct store_series *one;
	int rc;

	if (!s->txn)
		return err_set(err, ERR_IO, "%s: no transaction is open", s->path);
	if (!(one = store_series(s, x, err)))
		return err->code;
	if (!x->state.p)
		return store_add_point(s, one, x->time, x->value, err);
	s->samples->n--;                /* not flushed before its state is there */
	rc = store_add_point(s, one, x->time, x->value, err);
	one->add.state[one->add.n - 1] = (struct str){ arena_dup(s->samples->states, x->state.p, x->state.n), x->state.n };
	one->add.n_states++;
	return rc ? rc : ++s->samples->n >= GATHER_MOST ? store_flush_samples(s, err) : 0;
}

/* ---- which series it is */

void
store_index_key(const struct store *s, struct buf *key, struct str metric, struct str identity)
{
	uint64_t hash[2];

	buf_clear(key);
	buf_add(key, metric.p, metric.n < METRIC_MOST ? metric.n : METRIC_MOST);
	buf_byte(key, 0);
	if (!identity.p)
		return;
	store_hash(s, identity, hash);
	for (int i = 0; i < 16; i++)
		buf_byte(key, (char)(hash[i / 8] >> (8 * (i % 8))));
}

/* 0, < 0; 1: it would be one series too many. */
static int
number_of(struct store *s, struct store_series *one, struct err *err)
{
	struct store_pending *p = s->samples;
	struct store_sample x = { 0 };
	struct store_view v;
	struct str value;
	char number[8];
	int rc;

	if (one->id)
		return 0;
	store_view_of_txn(s, &v);
	store_take_identity(one->identity, &x);
	store_index_key(s, &p->key, x.metric, one->identity);
	if ((rc = store_fetch(&v, STORE_INDEX, buf_get(&p->key), &value, err)) < 0)
		return rc;
	if (rc) {
		if (value.n != 8 || store_key64_get(value.p) == 0 || store_key64_get(value.p) >= s->head.next_series)
			return store_damaged(err, s, "an index entry without its series");
		one->id = store_key64_get(value.p);
		return 0;
	}
	if (s->series_most && s->head.series >= s->series_most)
		return 1;
	one->id = s->head.next_series++;
	s->head.series++;
	store_key64(number, one->id);
	if ((rc = store_put(s, STORE_INDEX, buf_get(&p->key), (struct str){ number, 8 }, err)) == 0)
		rc = store_put_last(s, STORE_SERIES, (struct str){ number, 8 }, one->identity, err);
	if (rc == 0)
		store_postings_add(s, p->postings, one->id, &x);
	return rc;
}

void
store_piece_key(char key[16], uint64_t series, int64_t time)
{
	store_key64(key, series);
	store_key64(key + 8, store_key_time(time));
}

/* ---- order */

struct dated { int64_t time; size_t at; };

static int
in_order(const void *x, const void *y)
{
	const struct dated *a = x, *b = y;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

/* Sort, and of several at one time keep the one added last. */
void
store_tidy_samples(struct samples *s)
{
	struct samples sorted = { 0 };
	struct dated *d;
	size_t i;

	for (i = 1; i < s->n && s->time[i - 1] < s->time[i]; i++)
		;
	if (i >= s->n)
		return;
	d = mem_grow(NULL, s->n, sizeof(*d));
	for (i = 0; i < s->n; i++)
		d[i] = (struct dated){ s->time[i], i };
	qsort(d, s->n, sizeof(*d), in_order);
	samples_room(&sorted, s->n);
	for (i = 0; i < s->n; i++)
		if (i + 1 == s->n || d[i].time != d[i + 1].time)
			samples_add(&sorted, d[i].time, s->value[d[i].at], s->state[d[i].at]);
	sorted.texts = s->texts;
	s->texts = NULL;
	samples_release(s);
	*s = sorted;
	free(d);
}

/* ---- the tail */

static void
tail_key(char key[16], uint64_t number)
{
	store_key64(key, 0);
	store_key64(key + 8, number);
}

int
store_tail_head(struct str value, struct store_tail_head *head, struct str *rest)
{
	*rest = value;
	if (rest->n < 1 || rest->p[0] != 1)
		return -1;
	rest->p++;
	rest->n--;
	return varint_take(rest, &head->samples) || varint_take(rest, &head->widest) ? -1 : 0;
}

/* The last batch: 1 and its head and number, 0 when there is none, < 0. */
static int
last_batch(struct store *s, struct store_tail_head *head, uint64_t *number, struct err *err)
{
	struct store_view v;
	char key[16];
	struct store_cursor c = { .view = &v, .table = STORE_SAMPLES, .prefix = { key, 8 } };
	struct str k, value, rest;
	int rc;

	*head = (struct store_tail_head){ 0 };
	*number = 0;
	store_view_of_txn(s, &v);
	tail_key(key, UINT64_MAX);
	rc = store_walk_before(&c, (struct str){ key, 16 }, &k, &value, err);
	if (rc > 0 && (k.n != 16 || store_key64_get(k.p) != 0))
		rc = 0;
	if (rc > 0 || (rc == ERR_CORRUPT && !c.ended)) {
		*number = store_key64_get(k.p + 8);
		if (rc < 0 || store_tail_head(value, head, &rest))
			*head = (struct store_tail_head){ 0 };  /* it stays, and new ones come behind it */
		err_clear(err);
		rc = 1;
	}
	store_walk_end(&c);
	return rc;
}

static int
by_number(const void *x, const void *y)
{
	const struct store_series *a = *(struct store_series *const *)x, *b = *(struct store_series *const *)y;

	return (a->id > b->id) - (a->id < b->id);
}

static int
put_batch(struct store *s, const struct store_tail_head *head, uint64_t number, struct err *err)
{
	struct store_pending *p = s->samples;
	char key[16];

	buf_clear(&s->value);
	buf_byte(&s->value, 1);
	varint_put(&s->value, head->samples);
	varint_put(&s->value, head->widest);
	planes_pack_bytes(&p->coder.planes, &s->value, buf_get(&p->body));
	buf_clear(&p->body);
	tail_key(key, number);
	return store_put(s, STORE_SAMPLES, (struct str){ key, 16 }, buf_get(&s->value), err);
}

/* Everything added, as batches of at most BATCH_PARTS samples. */
static int
put_tail(struct store *s, struct store_tail_head head, uint64_t number, struct err *err)
{
	struct store_pending *p = s->samples;
	uint64_t series = 0, in_batch = 0;
	int64_t was = 0;
	int rc = 0;

	buf_clear(&p->body);
	if (p->n_touched > head.widest)
		head.widest = p->n_touched;
	for (size_t i = 0; i < p->n_touched && rc == 0; i++) {
		const struct samples *add = &p->touched[i]->add;

		if (p->touched[i]->id <= series)
			return store_damaged(err, s, "two series have one number");
		varint_put(&p->body, p->touched[i]->id - series);
		varint_put(&p->body, add->n);
		series = p->touched[i]->id;
		for (size_t k = 0; k < add->n; k++) {
			varint_put_signed(&p->body, (int64_t)((uint64_t)add->time[k] - (uint64_t)was));
			was = add->time[k];
			samples_put_value(&p->body, add->value[k]);
			varint_put(&p->body, add->state[k].p ? add->state[k].n + 1 : 0);
			if (add->state[k].p)
				buf_str(&p->body, add->state[k]);
		}
		head.samples += add->n;
		s->head.samples += add->n;
		in_batch += add->n;
		if (in_batch >= BATCH_PARTS || p->body.n >= BATCH_MOST / 4 || i + 1 == p->n_touched) {
			rc = put_batch(s, &head, ++number, err);
			series = in_batch = 0;
			was = 0;
		}
	}
	return rc;
}

int
store_batch_each(struct samples_coder *coder, struct str value, struct buf *body,
    int (*each)(void *, uint64_t series, int64_t time, double value, struct str state), void *self)
{
	struct store_tail_head head;
	struct str rest, state;
	uint64_t series = 0, step, n, len, all = 0;
	int64_t time = 0, d;
	double v;
	int rc;

	buf_clear(body);
	if (store_tail_head(value, &head, &rest) || planes_unpack_bytes(&coder->planes, &rest, body, BATCH_MOST) || rest.n)
		return -1;
	for (rest = buf_get(body); rest.n; ) {
		if (varint_take(&rest, &step) || step == 0 || __builtin_add_overflow(series, step, &series) || series > STORE_SERIES_MOST ||
		    varint_take(&rest, &n) || n == 0 || n > BATCH_PARTS + GATHER_MOST || (all += n) > BATCH_PARTS + GATHER_MOST)
			return -1;
		for (; n; n--) {
			if (varint_take_signed(&rest, &d) || samples_take_value(&rest, &v) || varint_take(&rest, &len) || (len && len - 1 > rest.n))
				return -1;
			time = (int64_t)((uint64_t)time + (uint64_t)d);
			state = (struct str){ len ? rest.p : NULL, len ? len - 1 : 0 };
			rest.p += state.n;
			rest.n -= state.n;
			if ((rc = each(self, series, time, v, state)))
				return rc;
		}
	}
	return 0;
}

/* ---- pieces */

/* The head counts samples, not their roll-ups. */
static void
count_samples(struct store *s, uint64_t series, int64_t more)
{
	if (series <= STORE_SERIES_MOST)
		s->head.samples += (uint64_t)more;
}

/* A piece longer than half a page lies on pages of its own. With how many samples it fills the last of them too, when more come
 * after it; and without the few that would begin another page, when those can lie with others. */
static size_t
to_the_brim(const struct store *s, size_t n, size_t bytes, int more)
{
	size_t whole = (bytes + PAGE_HEAD) / s->page * s->page, over = bytes + PAGE_HEAD - whole;

	if (bytes < s->page / 2 || over == 0)
		return n;
	if (more && n * (whole + s->page) / bytes <= FULL + FULL / 2)
		return n * (whole + s->page - PAGE_HEAD) / bytes * 127 / 128;
	return whole && (more || over < s->page / 4) ? n * (whole - PAGE_HEAD) / bytes * 127 / 128 : n;
}

static int
put_pieces(struct store *s, uint64_t series, const struct samples *x, struct err *err)
{
	char key[16];
	int rc = 0;

	for (size_t at = 0, take, better; at < x->n && rc == 0; at += take) {
		take = x->n - at <= FULL + FULL / 2 ? x->n - at : FULL;
		buf_clear(&s->value);
		samples_pack(&s->samples->coder, &s->value, x, at, take);
		better = to_the_brim(s, take, s->value.n, take < x->n - at);
		if (better && better != take && better <= x->n - at) {
			take = better;
			buf_clear(&s->value);
			samples_pack(&s->samples->coder, &s->value, x, at, take);
		}
		store_piece_key(key, series, x->time[at]);
		rc = store_put(s, STORE_SAMPLES, (struct str){ key, 16 }, buf_get(&s->value), err);
	}
	count_samples(s, series, (int64_t)x->n);
	return rc;
}

static int
unpack(struct store *s, struct str value, struct samples *out, struct err *err)
{
	int n = samples_unpack(&s->samples->coder, value, out);

	return n < 0 ? store_damaged(err, s, "samples that cannot be read back") : n;
}

/* The piece that begins at or before `time`, and when the next begins. 1 there is one, 0, < 0. */
static int
piece_at(struct store *s, uint64_t series, int64_t time, struct buf *value, int64_t *first, int64_t *next, struct err *err)
{
	struct store_view v;
	char key[16];
	struct store_cursor c = { .view = &v, .table = STORE_SAMPLES, .prefix = { key, 8 } };
	struct str k, got;
	int rc, found = 0;

	store_view_of_txn(s, &v);
	*next = INT64_MAX;
	store_piece_key(key, series, time);
	rc = store_walk_before(&c, (struct str){ key, 16 }, &k, &got, err);
	if (rc > 0 && k.n == 16 && memcmp(k.p, key, 8) == 0) {
		found = 1;
		*first = store_key_time_get(store_key64_get(k.p + 8));
		buf_clear(value);
		buf_str(value, got);
	}
	if (rc >= 0 && time < INT64_MAX) {
		store_piece_key(key, series, time + 1);
		rc = store_walk(&c, (struct str){ key, 16 }, &k, &got, err);
		if (rc > 0 && k.n == 16 && memcmp(k.p, key, 8) == 0)
			*next = store_key_time_get(store_key64_get(k.p + 8));
	}
	store_walk_end(&c);
	return rc < 0 ? rc : found;
}

/* Samples that lie among those there: each goes into the piece of its time. */
static int
merge(struct store *s, uint64_t series, const struct samples *add, struct err *err)
{
	struct samples *old = &s->samples->old, *all = &s->samples->all;
	struct buf value = { 0 };
	int rc = 0;

	for (size_t from = 0, to; from < add->n && rc == 0; from = to) {
		int64_t first = 0, next;
		size_t i = 0;

		samples_clear(old);
		samples_clear(all);
		if ((rc = piece_at(s, series, add->time[from], &value, &first, &next, err)) < 0)
			break;
		for (to = from; to < add->n && (add->time[to] < next || next == INT64_MAX); to++)
			;
		if (rc) {
			if ((rc = unpack(s, buf_get(&value), old, err)) < 0)
				break;
			if (old->time[0] != first) {
				rc = store_damaged(err, s, "samples under another time than their first");
				break;
			}
			if (old->n >= FULL && add->time[from] > old->time[old->n - 1]) {
				samples_clear(old);
			} else {
				char key[16];

				store_piece_key(key, series, first);
				if ((rc = store_delete(s, STORE_SAMPLES, (struct str){ key, 16 }, err)))
					break;
				count_samples(s, series, -(int64_t)old->n);
			}
		}
		for (size_t k = from; i < old->n || k < to; )
			if (k == to || (i < old->n && old->time[i] < add->time[k])) {
				samples_add(all, old->time[i], old->value[i], old->state[i]);
				i++;
			} else {
				if (i < old->n && old->time[i] == add->time[k])
					i++;
				samples_add(all, add->time[k], add->value[k], add->state[k]);
				k++;
			}
		rc = put_pieces(s, series, all, err);
	}
	buf_release(&value);
	return rc < 0 ? rc : 0;
}

static int
size_class(size_t n)
{
	int k = 0;

	for (; n >= FAN; n /= FAN)
		k++;
	return k;
}

/* How many of the last pieces are to become one with n more samples, put behind each other into `all`. 1 when the samples all come
 * after what is there, 0 when they do not, < 0. */
static int
gather_last(struct store *s, uint64_t series, const struct samples *add, int64_t *from, struct err *err)
{
	enum { LOOK = 64 };
	struct { int64_t first; size_t n; } piece[LOOK];
	struct store_view v;
	char key[16];
	struct store_cursor c = { .view = &v, .table = STORE_SAMPLES, .prefix = { key, 8 } };
	struct samples *all = &s->samples->all;
	struct samples_head head;
	struct str k, value;
	size_t total = add->n;
	int rc, n = 0, take = 0;

	store_view_of_txn(s, &v);
	samples_clear(all);
	*from = add->time[0];
	store_piece_key(key, series, INT64_MAX);
	for (rc = store_walk_before(&c, (struct str){ key, 16 }, &k, &value, err); rc > 0 && n < LOOK; rc = store_walk_prev(&c, &k, &value, err)) {
		if (k.n != 16 || memcmp(k.p, key, 8))
			break;
		if (samples_peek(&s->samples->coder, value, &head)) {
			rc = store_damaged(err, s, "samples that cannot be read back");
			break;
		}
		if (n == 0 && head.last >= add->time[0]) {
			store_walk_end(&c);
			return 0;
		}
		if (head.n >= FULL || size_class(head.n) > size_class(total) + 1)
			break;
		piece[n].first = head.first;
		piece[n++].n = head.n;
	}
	store_walk_end(&c);
	if (rc < 0)
		return rc;
	for (;;) {                      /* those of a size no greater, when there are enough of them; and again with the sum */
		size_t sum = total;
		int many = take;

		while (many < n && size_class(piece[many].n) <= size_class(total) && sum + piece[many].n <= FULL + FULL / 2)
			sum += piece[many++].n;
		if (many == take || (many - take < FAN - 1 && sum < FULL))
			break;
		take = many;
		total = sum;
	}
	for (int i = take - 1; i >= 0; i--) {
		store_piece_key(key, series, piece[i].first);
		if ((rc = store_fetch(&v, STORE_SAMPLES, (struct str){ key, 16 }, &value, err)) <= 0)
			return rc ? rc : store_damaged(err, s, "a piece of samples is missing");
		if ((rc = unpack(s, value, all, err)) < 0 || (rc = store_delete(s, STORE_SAMPLES, (struct str){ key, 16 }, err)))
			return rc;
		count_samples(s, series, -(int64_t)piece[i].n);
	}
	return 1;
}

int
store_seal_series(struct store *s, uint64_t series, struct samples *add, struct err *err)
{
	struct samples *all = &s->samples->all;
	int64_t from;
	int rc;

	store_tidy_samples(add);
	if (add->n == 0)
		return 0;
	if ((rc = gather_last(s, series, add, &from, err)) < 0)
		return rc;
	if (rc == 0)
		return merge(s, series, add, err);
	if (all->n == 0)
		return put_pieces(s, series, add, err);
	samples_room(all, add->n);
	for (size_t i = 0; i < add->n; i++)
		samples_add(all, add->time[i], add->value[i], add->state[i]);
	return put_pieces(s, series, all, err);
}

static int
end_piece(const struct store_view *v, struct samples_coder *coder, uint64_t series, int first, struct samples_head *head, struct err *err)
{
	char key[16];
	struct store_cursor c = { .view = v, .table = STORE_SAMPLES, .prefix = { key, 8 } };
	struct str k, value;
	int rc;

	store_piece_key(key, series, first ? INT64_MIN : INT64_MAX);
	rc = first ? store_walk(&c, (struct str){ key, 16 }, &k, &value, err) : store_walk_before(&c, (struct str){ key, 16 }, &k, &value, err);
	if (rc > 0 && (k.n != 16 || memcmp(k.p, key, 8)))
		rc = 0;
	if (rc > 0 && samples_peek(coder, value, head))
		rc = store_damaged(err, v->s, "samples that cannot be read back");
	store_walk_end(&c);
	return rc;
}

int
store_first_piece(const struct store_view *v, struct samples_coder *coder, uint64_t series, struct samples_head *head, struct err *err)
{
	return end_piece(v, coder, series, 1, head, err);
}

int
store_last_piece(const struct store_view *v, struct samples_coder *coder, uint64_t series, struct samples_head *head, struct err *err)
{
	return end_piece(v, coder, series, 0, head, err);
}

/* ---- sealing */

static int
seal(struct store *s, const struct store_ladder *ladder, uint64_t series, struct samples *add, struct err *err)
{
	int rc = store_seal_series(s, series, add, err);

	return rc ? rc : store_rungs_sealed(s, ladder, series, add, err);
}

struct sealing { struct map map; struct arena *texts; uint64_t n; };    /* series, 8 bytes -> struct samples * */

static int
take_sample(void *self, uint64_t series, int64_t time, double value, struct str state)
{
	struct sealing *x = self;
	char key[8];
	struct map_entry *e;
	int is_new;

	store_key64(key, series);
	e = map_put(&x->map, (struct str){ key, 8 }, &is_new);
	if (is_new)
		e->ptr = mem_new(sizeof(struct samples));
	if (state.p)
		state.p = arena_dup(x->texts, state.p, state.n);
	samples_add(e->ptr, time, value, state);
	x->n++;
	return 0;
}

/* Every batch of the tail into x, and off the table. One that fails its check stays: new samples are taken all the same. */
static int
take_tail(struct store *s, struct sealing *x, struct err *err)
{
	struct store_view v;
	struct str k, value;
	uint64_t number = 0;
	char key[16];
	int rc, there;

	do {
		struct store_cursor c = { .view = &v, .table = STORE_SAMPLES, .prefix = { key, 8 } };

		store_view_of_txn(s, &v);
		tail_key(key, number);
		rc = store_walk(&c, (struct str){ key, 16 }, &k, &value, err);
		there = (rc > 0 || (rc == ERR_CORRUPT && !c.ended)) && k.n == 16 && memcmp(k.p, key, 8) == 0;
		if (there) {
			number = store_key64_get(k.p + 8);
			tail_key(key, number++);
		}
		if (there && rc > 0 && store_batch_each(&s->samples->coder, value, &s->samples->body, take_sample, x))
			rc = store_damaged(err, s, "a batch of samples that cannot be read back");
		else if (there && rc > 0 && (rc = store_delete(s, STORE_SAMPLES, (struct str){ key, 16 }, err)) == 0)
			rc = 1;
		else if (rc == ERR_CORRUPT && !c.ended)
			rc = 1;                 /* left there */
		store_walk_end(&c);
	} while (rc > 0 && there && number);
	if (rc >= 0)
		err_clear(err);
	s->head.samples -= x->n < s->head.samples ? x->n : s->head.samples;
	return rc < 0 ? rc : 0;
}

#define SEALS STR("seals")              /* in STORE_META -> varint */

int
store_seals(const struct store_view *v, uint64_t *seals, struct err *err)
{
	struct str value;
	int rc = store_fetch(v, STORE_META, SEALS, &value, err);

	*seals = 0;
	return rc > 0 && (varint_take(&value, seals) || value.n) ? store_damaged(err, v->s, "a number of seals that cannot be read back") : rc < 0 ? rc : 0;
}

int
store_count_seal(struct store *s, struct err *err)
{
	struct store_view v;
	struct buf b = { 0 };
	uint64_t seals;
	int rc;

	store_view_of_txn(s, &v);
	if ((rc = store_seals(&v, &seals, err)) == 0) {
		varint_put(&b, seals + 1);
		rc = store_put(s, STORE_META, SEALS, buf_get(&b), err);
	}
	buf_release(&b);
	return rc;
}

static int
seal_all(struct store *s, int tail, struct err *err)
{
	struct store_pending *p = s->samples;
	struct sealing x = { .texts = arena_new(0) };
	struct store_ladder ladder;
	int rc = store_ladder_get(s, &ladder, err);

	rc = rc < 0 ? rc : tail ? take_tail(s, &x, err) : 0;
	for (size_t i = 0; i < p->n_touched && rc == 0; i++) {
		struct store_series *one = p->touched[i];
		struct map_entry *e = NULL;
		char key[8];

		store_key64(key, one->id);
		if (tail)
			e = map_find(&x.map, (struct str){ key, 8 });
		if (!e) {
			rc = seal(s, &ladder, one->id, &one->add, err);
			continue;
		}
		for (size_t k = 0; k < one->add.n; k++)
			samples_add(e->ptr, one->add.time[k], one->add.value[k], one->add.state[k]);
	}
	for (struct map_entry *e = map_first(&x.map); e; e = map_next(&x.map, e)) {
		if (rc == 0)
			rc = seal(s, &ladder, store_key64_get(e->key.p), e->ptr, err);
		samples_release(e->ptr);
		free(e->ptr);
	}
	map_release(&x.map);
	arena_free(x.texts);
	return rc;
}

void
store_limit_series(struct store *s, uint64_t most)
{
	s->series_most = most;
}

uint64_t
store_samples_refused(const struct store *s)
{
	return s->samples_refused;
}

int
store_series_fits(struct store *s, struct store_series *one, struct err *err)
{
	int rc;

	if (!s->series_most || one->id)
		return 1;
	if ((rc = store_postings_ready(s, s->samples->postings, err)) || (rc = number_of(s, one, err)) < 0)
		return rc;
	if (!rc)
		touch(s, one);          /* so that its number is forgotten with the rest */
	s->samples_refused += (uint64_t)rc;
	return !rc;
}

/* Numbers for all; series too many are left out with what was to be added to them. */
static int
number_touched(struct store *s, struct store_pending *p, struct err *err)
{
	size_t kept = 0;
	int rc;

	for (size_t i = 0; i < p->n_touched; i++) {
		struct store_series *one = p->touched[i];

		if ((rc = number_of(s, one, err)) < 0)
			return rc;
		if (rc == 0) {
			p->touched[kept++] = one;
			continue;
		}
		s->samples_refused += one->add.n;
		p->n -= one->add.n;
		samples_clear(&one->add);
		one->touched = 0;
	}
	p->n_touched = kept;
	return 0;
}

int
store_flush_samples(struct store *s, struct err *err)
{
	struct store_pending *p = s->samples;
	struct store_tail_head head;
	uint64_t number, most;
	int rc = 0, tail;

	if (!p || p->n == 0)
		return 0;
	if ((rc = store_postings_ready(s, p->postings, err)))
		return rc;
	if ((rc = number_touched(s, p, err)))
		return rc;
	if ((rc = store_postings_flush(s, p->postings, err)))
		return rc;
	qsort(p->touched, p->n_touched, sizeof(*p->touched), by_number);
	if ((tail = last_batch(s, &head, &number, err)) < 0)
		return tail;
	most = 16 * (p->n_touched > head.widest ? p->n_touched : head.widest);
	most = most < TAIL_LEAST ? TAIL_LEAST : most > TAIL_MOST ? TAIL_MOST : most;
	rc = p->n == 0 ? 0 : head.samples + p->n < most ? put_tail(s, head, number, err) : seal_all(s, tail, err);
	forget_points(p);
	return rc;
}

int
store_seal_samples(struct store *s, struct err *err)
{
	struct store_tail_head head;
	uint64_t number;
	int rc = store_flush_samples(s, err);

	pending_of(s);
	if (rc == 0 && (rc = last_batch(s, &head, &number, err)) > 0)
		rc = seal_all(s, 1, err);
	forget_points(s->samples);
	return rc;
}

int
store_samples_sealed(struct store *s, struct err *err)
{
	struct store_view v;
	char key[16];
	struct store_cursor c = { .view = &v, .table = STORE_SAMPLES, .prefix = { key, 8 } };
	struct str k, value;
	int rc;

	store_view_of_txn(s, &v);
	tail_key(key, 0);
	for (rc = store_walk(&c, (struct str){ key, 16 }, &k, &value, err); rc > 0 && k.n == 16 && store_key64_get(k.p) == 0; )
		rc = store_walk_next(&c, &k, &value, err);
	store_walk_end(&c);
	return rc < 0 ? rc : 0;
}

/* A series' pieces, where two that lie side by side could be one: put together, as few as can be. The samples looked at, or < 0;
 * *damaged: one could not be read, and from there on nothing was changed. */
static int64_t
merge_pieces(struct store *s, uint64_t series, int *damaged, struct err *err)
{
	struct samples *all = &s->samples->all;
	struct samples_head head;
	struct store_view v;
	struct str k, value;
	int64_t at = INT64_MIN, looked = 0;
	char key[16];
	int rc, n;

	do {                            /* from `at` on: a few pieces that fill one or more */
		struct store_cursor c = { .view = &v, .table = STORE_SAMPLES, .prefix = { key, 8 } };
		int64_t first = 0, last = 0;
		size_t before = 0;

		store_view_of_txn(s, &v);
		samples_clear(all);
		n = 0;
		store_piece_key(key, series, at);
		for (rc = store_walk(&c, (struct str){ key, 16 }, &k, &value, err); rc > 0; rc = store_walk_next(&c, &k, &value, err)) {
			if (k.n != 16 || memcmp(k.p, key, 8))
				break;
			if (samples_peek(&s->samples->coder, value, &head) || head.first != store_key_time_get(store_key64_get(k.p + 8))) {
				rc = store_damaged(err, s, "samples that cannot be read back");
				break;
			}
			if (n && (all->n >= 4 * FULL || (before >= FULL && head.n >= FULL)))
				break;
			if (n == 0)
				first = head.first;
			before = head.n;
			last = head.last;
			if ((rc = unpack(s, value, all, err)) < 0)
				break;
			looked += (int64_t)head.n;
			n++;
		}
		store_walk_end(&c);
		*damaged = rc == ERR_CORRUPT;
		if (rc < 0 || n == 0)
			break;
		at = last < INT64_MAX ? last + 1 : last;
		if (n == 1)
			continue;
		for (int i = 0; i < n; i++) {
			struct store_cursor from = { .view = &v, .table = STORE_SAMPLES };

			store_piece_key(key, series, first);
			rc = store_walk(&from, (struct str){ key, 16 }, &k, &value, err);
			if (rc > 0)
				memcpy(key, k.p, 16);
			store_walk_end(&from);
			if (rc <= 0 || (rc = store_delete(s, STORE_SAMPLES, (struct str){ key, 16 }, err)))
				return rc < 0 ? rc : store_damaged(err, s, "a piece of samples is missing");
		}
		count_samples(s, series, -(int64_t)all->n);
		rc = put_pieces(s, series, all, err);
	} while (rc >= 0 && n > 0 && at < INT64_MAX);
	return rc < 0 ? rc : looked;
}

/* Pieces whose series is not there: retention up to 0.1 took series away of which roll-ups had gone and samples had not. 1 they were such, 0, < 0. */
static int
drop_lost(struct store *s, uint64_t series, struct err *err)
{
	struct store_view v;
	char key[16], number[8];
	struct samples_head head;
	struct str k, value;
	int rc;

	store_view_of_txn(s, &v);
	store_key64(number, series & STORE_SERIES_MOST);
	if (series == 0 || (rc = store_fetch(&v, STORE_SERIES, (struct str){ number, 8 }, &value, err)) > 0)
		return 0;
	while (rc == 0) {
		struct store_cursor c = { .view = &v, .table = STORE_SAMPLES, .prefix = { key, 8 } };

		store_piece_key(key, series, INT64_MIN);
		rc = store_walk(&c, (struct str){ key, 16 }, &k, &value, err);
		if (rc > 0 && (k.n != 16 || memcmp(k.p, key, 8)))
			rc = 0;
		if (rc > 0 && samples_peek(&s->samples->coder, value, &head))
			rc = store_damaged(err, s, "samples that cannot be read back");
		if (rc > 0)
			memcpy(key, k.p, 16);
		store_walk_end(&c);
		if (rc <= 0)
			return rc < 0 ? rc : 1;
		count_samples(s, series, -(int64_t)head.n);
		rc = store_delete(s, STORE_SAMPLES, (struct str){ key, 16 }, err);
	}
	return rc;
}

int
store_merge_samples(struct store *s, uint64_t *series, struct store_damage *damage, struct err *err)
{
	struct store_view v;
	struct str k, value;
	int64_t looked = 0, got;
	char key[16];
	int rc, damaged;

	pending_of(s);
	while (looked < MERGE_MOST) {
		struct store_cursor c = { .view = &v, .table = STORE_SAMPLES, .keys_only = 1 };

		store_view_of_txn(s, &v);
		store_piece_key(key, *series, INT64_MIN);
		rc = store_walk(&c, (struct str){ key, 16 }, &k, &value, err);
		if (rc > 0)
			*series = store_key64_get(k.p);
		store_walk_end(&c);
		if (rc <= 0)
			return rc;
		damaged = 0;
		if ((rc = drop_lost(s, *series, err)) == ERR_CORRUPT) {
			store_damage_note(damage, err);
			++*series;
		}
		if (rc < 0 && rc != ERR_CORRUPT)
			return rc;
		if (rc)
			continue;
		if ((got = merge_pieces(s, *series, &damaged, err)) < 0 && !damaged)
			return (int)got;
		if (got < 0)
			store_damage_note(damage, err);
		else
			looked += got;
		++*series;
	}
	return 1;
}

int
store_put_samples(struct store *s, uint64_t series, const struct samples *x, struct err *err)
{
	pending_of(s);
	return put_pieces(s, series, x, err);
}
