/* series_read.c - reading metric samples: the series that match, and their pieces stitched with the tail.
 *
 * The tail is read first, once, then the pieces, each lot of them under a transaction of its own. So a seal in between shows
 * samples twice, which the stitching makes one, and never hides any.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/varint.h"
#include "json/json.h"
#include "store/series_priv.h"

#define LOT (256 << 10)         /* bytes of pieces read under one transaction */

struct series { uint64_t id; struct store_sample texts; struct samples tail; };

struct list {
	struct series *one;             /* rising ids */
	size_t n, cap;
	struct arena *texts;
};

static struct str
keep(struct arena *a, struct str s)
{
	return (struct str){ arena_dup(a, s.p, s.n), s.n };
}

static void
release(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		samples_release(&l->one[i].tail);
	free(l->one);
	arena_free(l->texts);
}

/* ---- which series */

static int
fits(const struct store_sample *x, const struct store_match *m, struct buf *scratch)
{
	if ((m->metric.p && !str_eq(m->metric, x->metric)) || (m->field.p && !str_eq(m->field, x->field)))
		return 0;
	for (int i = 0; i < m->n_labels; i++) {
		struct json v = json_get(json_value(x->labels), m->labels[i].key);

		if (v.type != JSON_STRING || !str_eq(json_text(v, scratch), m->labels[i].value))
			return 0;
	}
	return 1;
}

static int
add_series(struct list *l, const struct store_view *v, const struct store_match *m, uint64_t id, struct str identity, struct buf *scratch, struct err *err)
{
	struct store_sample x = { 0 };

	if (store_take_identity(identity, &x))
		return store_damaged(err, v->s, "a series that cannot be read back");
	if (!fits(&x, m, scratch))
		return 0;
	if (l->n == l->cap)
		l->one = mem_grow(l->one, l->cap = l->cap ? l->cap * 2 : 64, sizeof(*l->one));
	l->one[l->n++] = (struct series){ .id = id, .texts = { .metric = keep(l->texts, x.metric), .labels = keep(l->texts, x.labels),
	    .field = keep(l->texts, x.field), .window = keep(l->texts, x.window) } };
	return 0;
}

/* Of two rising lists what is in both, into the first. */
static void
intersect(struct store_ids *a, const struct store_ids *b)
{
	size_t n = 0, k = 0;

	for (size_t i = 0; i < a->n; i++) {
		while (k < b->n && b->id[k] < a->id[i])
			k++;
		if (k < b->n && b->id[k] == a->id[i])
			a->id[n++] = a->id[i];
	}
	a->n = n;
}

/* 1 and the ids that the index gives, 0 when there is none or nothing is asked for, < 0. */
static int
by_index(const struct store_view *v, const struct store_match *m, struct store_ids *ids, struct err *err)
{
	struct store_ids more = { 0 };
	int rc = 0, have = 0;

	for (int i = -2; i < m->n_labels; i++) {
		struct store_ids *to = have ? &more : ids;
		struct str label = i < 0 ? STR("") : m->labels[i].key, value = i == -2 ? m->metric : i == -1 ? m->field : m->labels[i].value;

		if (i < 0 && !value.p)
			continue;
		to->n = 0;
		if ((rc = store_postings_find(v, i == -2 ? 'm' : i == -1 ? 'f' : 'l', label, value, to, err)) <= 0)
			break;
		if (have)
			intersect(ids, &more);
		have = 1;
	}
	free(more.id);
	return rc < 0 ? rc : have && rc;
}

static int
find(struct store *s, const struct store_match *m, struct list *l, struct err *err)
{
	struct store_view v;
	struct store_ids ids = { 0 };
	struct buf scratch = { 0 };
	struct str key, value;
	int rc;

	l->texts = arena_new(0);
	if ((rc = store_view_open(&v, s, err)))
		return rc;
	rc = by_index(&v, m, &ids, err);
	if (rc == 0) {
		struct store_cursor c = { .view = &v, .table = STORE_SERIES };

		for (rc = store_walk_next(&c, &key, &value, err); rc > 0; rc = store_walk_next(&c, &key, &value, err)) {
			if (key.n != 8)
				rc = store_damaged(err, s, "a series that cannot be read back");
			else
				rc = add_series(l, &v, m, store_key64_get(key.p), value, &scratch, err);
			if (rc)
				break;
		}
		store_walk_end(&c);
	} else if (rc > 0) {
		rc = 0;
		for (size_t i = 0; i < ids.n && rc == 0; i++) {
			char number[8];

			store_key64(number, ids.id[i]);
			if ((rc = store_fetch(&v, STORE_SERIES, (struct str){ number, 8 }, &value, err)) == 0)
				rc = store_damaged(err, s, "an index entry without its series");
			if (rc > 0)
				rc = add_series(l, &v, m, ids.id[i], value, &scratch, err);
		}
	}
	store_view_close(&v);
	free(ids.id);
	buf_release(&scratch);
	return rc;
}

int
store_each_series(struct store *s, const struct store_match *m, int (*each)(void *, const struct store_sample *), void *self, struct err *err)
{
	struct list l = { 0 };
	int rc = find(s, m, &l, err);

	for (size_t i = 0; i < l.n && rc == 0; i++)
		rc = each(self, &l.one[i].texts);
	release(&l);
	return rc;
}

struct labels { struct map seen; };

static int
see_labels(void *self, const struct store_sample *x)
{
	struct labels *l = self;
	struct buf scratch = { 0 };

	for (struct json_iter it = json_iter(json_value(x->labels)); json_next(&it); )
		map_put(&l->seen, json_text(it.key, &scratch), NULL)->num++;
	buf_release(&scratch);
	return 0;
}

int
store_each_label(struct store *s, int (*each)(void *, struct str label, uint64_t series), void *self, struct err *err)
{
	static const struct store_match all = { .from = INT64_MIN, .to = INT64_MAX };
	struct labels l = { 0 };
	struct store_view v;
	int rc;

	if ((rc = store_view_open(&v, s, err)))
		return rc;
	rc = store_postings_labels(&v, each, self, err);
	store_view_close(&v);
	if (rc)
		return rc < 0 ? rc : 0;
	rc = store_each_series(s, &all, see_labels, &l, err);
	for (struct map_entry *e = map_first(&l.seen); e && rc == 0; e = map_next(&l.seen, e))
		rc = each(self, e->key, (uint64_t)e->num);
	map_release(&l.seen);
	return rc;
}

/* ---- the tail */

struct tailing { struct list *list; const struct store_match *match; struct series *now; struct arena *texts; };

static int
take_sample(void *self, uint64_t id, int64_t time, double value, struct str state)
{
	struct tailing *t = self;
	size_t low = 0, high = t->list->n;

	if (time < t->match->from || time >= t->match->to)
		return 0;
	if (!t->now || t->now->id != id) {
		while (low < high) {
			size_t mid = low + (high - low) / 2;

			if (t->list->one[mid].id < id)
				low = mid + 1;
			else
				high = mid;
		}
		if (low == t->list->n || t->list->one[low].id != id)
			return 0;
		t->now = &t->list->one[low];
	}
	samples_add(&t->now->tail, time, value, state.p ? keep(t->texts, state) : state);
	return 0;
}

static int
read_tail(struct store *s, struct list *l, const struct store_match *m, struct err *err)
{
	struct tailing t = { .list = l, .match = m, .texts = l->texts };
	struct samples_coder coder = { 0 };
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_SAMPLES };
	struct buf body = { 0 };
	struct str key, value;
	char first[16] = { 0 };
	int rc;

	if ((rc = store_view_open(&v, s, err)))
		return rc;
	for (rc = store_walk(&c, (struct str){ first, 16 }, &key, &value, err); rc > 0; rc = store_walk_next(&c, &key, &value, err)) {
		if (key.n != 16 || store_key64_get(key.p) != 0)
			break;
		if (store_batch_each(&coder, value, &body, take_sample, &t)) {
			rc = store_damaged(err, s, "a batch of samples that cannot be read back");
			break;
		}
	}
	store_walk_end(&c);
	store_view_close(&v);
	for (size_t i = 0; i < l->n; i++)
		store_tidy_samples(&l->one[i].tail);
	samples_coder_release(&coder);
	buf_release(&body);
	return rc < 0 ? rc : 0;
}

/* ---- pieces */

void
store_reader_release(struct store_reader *r)
{
	samples_coder_release(&r->coder);
	samples_release(&r->piece);
	samples_release(&r->both);
	buf_release(&r->lot);
}

/* Pieces of a series that may hold samples from `at` on, until they are LOT bytes: each as a text with its length. 1 there may be
 * more, 0 those were all, < 0. */
static int
read_lot(struct store *s, struct store_reader *r, uint64_t id, int64_t at, int64_t to, struct err *err)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_SAMPLES };
	struct samples_head head;
	struct str k, value;
	char key[16];
	int rc, more = 0;

	buf_clear(&r->lot);
	if ((rc = store_view_open(&v, s, err)))
		return rc;
	store_piece_key(key, id, at);
	rc = store_walk_before(&c, (struct str){ key, 16 }, &k, &value, err);
	if (rc == 0 || (rc > 0 && (k.n != 16 || memcmp(k.p, key, 8))))
		rc = store_walk(&c, (struct str){ key, 16 }, &k, &value, err);
	for (; rc > 0 && k.n == 16 && memcmp(k.p, key, 8) == 0; rc = store_walk_next(&c, &k, &value, err)) {
		if (samples_peek(&r->coder, value, &head)) {
			rc = store_damaged(err, s, "samples that cannot be read back");
			break;
		}
		if (head.first != store_key_time_get(store_key64_get(k.p + 8))) {
			rc = store_damaged(err, s, "samples under another time than their first");
			break;
		}
		if (head.first >= to)
			break;
		if (head.last < at)
			continue;
		if (r->lot.n >= LOT) {
			more = 1;
			break;
		}
		varint_put_str(&r->lot, value);
	}
	store_walk_end(&c);
	store_view_close(&v);
	return rc < 0 ? rc : more;
}

static size_t
lower(const int64_t *time, size_t n, int64_t at)
{
	size_t low = 0;

	while (low < n) {
		size_t mid = low + (n - low) / 2;

		if (time[mid] < at)
			low = mid + 1;
		else
			n = mid;
	}
	return low;
}

/* A piece's samples [i, end) and the tail's from *k on that are no later than its last; of the same time the tail's count. */
static void
stitch(struct samples *to, const struct samples *piece, size_t i, size_t end, const struct samples *tail, size_t *k)
{
	int64_t last = piece->time[piece->n - 1];

	samples_clear(to);
	while (i < end || (*k < tail->n && tail->time[*k] <= last)) {
		int have = *k < tail->n && tail->time[*k] <= last;

		if (i < end && (!have || piece->time[i] < tail->time[*k])) {
			samples_add(to, piece->time[i], piece->value[i], piece->state[i]);
			i++;
		} else {
			i += i < end && piece->time[i] == tail->time[*k];
			samples_add(to, tail->time[*k], tail->value[*k], tail->state[*k]);
			++*k;
		}
	}
}

static int
give(int (*each)(void *, const struct samples *, size_t from, size_t n), void *self, const struct samples *x, size_t from, size_t to)
{
	return from < to ? each(self, x, from, to - from) : 0;
}

int
store_read_series(struct store *s, struct store_reader *r, uint64_t id, const struct samples *tail, int64_t from, int64_t to,
    int (*each)(void *, const struct samples *, size_t from, size_t n), void *self, struct err *err)
{
	size_t k = 0;
	int64_t at = from;
	int rc, more;

	do {
		struct str rest, value;

		if ((more = rc = read_lot(s, r, id, at, to, err)) < 0)
			return rc;
		for (rest = buf_get(&r->lot), rc = 0; rest.n && rc == 0 && varint_take_str(&rest, &value) == 0; ) {
			size_t i, end;

			samples_clear(&r->piece);
			if (samples_unpack(&r->coder, value, &r->piece) < 0)
				return store_damaged(err, s, "samples that cannot be read back");
			i = lower(r->piece.time, r->piece.n, at);
			end = lower(r->piece.time, r->piece.n, to);
			if (k < tail->n && tail->time[k] <= r->piece.time[r->piece.n - 1]) {
				stitch(&r->both, &r->piece, i, end, tail, &k);
				rc = give(each, self, &r->both, 0, r->both.n);
			} else {
				rc = give(each, self, &r->piece, i, end);
			}
			if (r->piece.time[r->piece.n - 1] == INT64_MAX)
				more = 0;
			else
				at = r->piece.time[r->piece.n - 1] + 1;
		}
	} while (rc == 0 && more && at < to);
	return rc ? rc : give(each, self, tail, k, tail->n);
}

/* ---- all of them */

struct reading {
	struct store *s;
	const struct store_match *match;
	struct list list;
	int (*each)(void *, int, const struct store_run *);
	void *self;
	atomic_size_t next;
	atomic_int over;                /* the first code that is not 0 */
	pthread_mutex_t lock;
	struct err *err;
};

struct worker { struct reading *all; int number; size_t series; struct store_reader reader; };

static int
give_run(void *self, const struct samples *x, size_t from, size_t n)
{
	struct worker *w = self;
	struct store_run run = { .series = &w->all->list.one[w->series].texts, .number = w->series, .time = x->time + from,
		.value = x->value + from, .state = x->n_states ? x->state + from : NULL, .n = n };

	return w->all->each(w->all->self, w->number, &run);
}

static void *
work(void *self)
{
	struct worker *w = self;
	struct reading *all = w->all;
	const struct store_match *m = all->match;
	struct err err = { 0 };
	int rc = 0;

	while (rc == 0 && !all->over && (w->series = all->next++) < all->list.n)
		rc = store_read_series(all->s, &w->reader, all->list.one[w->series].id, &all->list.one[w->series].tail, m->from, m->to,
		    give_run, w, &err);
	if (rc) {
		pthread_mutex_lock(&all->lock);
		if (!all->over) {
			all->over = rc;
			if (err.code)
				*all->err = err;
		}
		pthread_mutex_unlock(&all->lock);
	}
	store_reader_release(&w->reader);
	return NULL;
}

#define THREADS_MOST 16

int
store_each_run(struct store *s, const struct store_match *m, int threads, int (*each)(void *, int, const struct store_run *), void *self,
    struct err *err)
{
	struct reading all = { .s = s, .match = m, .each = each, .self = self, .lock = PTHREAD_MUTEX_INITIALIZER, .err = err };
	struct worker worker[THREADS_MOST] = { 0 };
	pthread_t thread[THREADS_MOST];
	int rc, n = 1;

	if ((rc = find(s, m, &all.list, err)) || all.list.n == 0 || (rc = read_tail(s, &all.list, m, err)))
		goto out;
	if (s->txn)                     /* what it wrote is seen by the thread that has it only */
		threads = 1;
	if (threads > THREADS_MOST)
		threads = THREADS_MOST;
	for (int i = 0; i < THREADS_MOST; i++)
		worker[i] = (struct worker){ .all = &all, .number = i };
	while (n < threads && (size_t)n < all.list.n && pthread_create(&thread[n], NULL, work, &worker[n]) == 0)
		n++;
	work(&worker[0]);
	while (--n > 0)
		pthread_join(thread[n], NULL);
	rc = all.over;
out:
	release(&all.list);
	return rc;
}

struct single { int (*each)(void *, const struct store_sample *); void *self; };

static int
give_each(void *self, int thread, const struct store_run *run)
{
	struct single *one = self;
	struct store_sample x = *run->series;
	int rc = 0;

	(void)thread;
	for (size_t i = 0; i < run->n && rc == 0; i++) {
		x.time = run->time[i];
		x.value = run->value[i];
		x.state = run->state ? run->state[i] : (struct str){ 0 };
		rc = one->each(one->self, &x);
	}
	return rc;
}

int
store_each_sample(struct store *s, struct str metric, int64_t from, int64_t to,
    int (*each)(void *, const struct store_sample *), void *self, struct err *err)
{
	struct store_match m = { .metric = metric, .from = from, .to = to };
	struct single one = { each, self };

	return store_each_run(s, &m, 1, give_each, &one, err);
}
