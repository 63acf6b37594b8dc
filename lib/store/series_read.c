/* series_read.c - reading metric samples: the series that match, and their pieces stitched with the tail.
 *
 * What is read is of one moment, and no transaction lasts for it:
 *
 *      store_hold with samples     all of it from the copy (series_copy.c) that the whole statement reads
 *      store_samples_open          series, tail and pieces are copied, packed as they lie
 *      store_each_run              runs are folded, not written, so mostly all is done before anybody changes a piece (store_seals): the tail was
 *                                  read first, each thread has transactions of its own for a moment, and what is not in the tail is the same in
 *                                  all of them. Once it is not, all begins anew from a copy.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "codec/varint.h"
#include "json/json.h"
#include "store/rungs.h"

#define LOT          (256 << 10)        /* bytes of pieces read under one transaction */
#define THREADS_MOST 64
#define CHANGED      (-100)             /* no ERR_: pieces did, while they were read */

struct series { uint64_t id; struct store_sample texts; struct samples tail; };

struct list {
	struct series *one;             /* rising ids */
	size_t n, cap;
	struct arena *texts;
	void *rights;                   /* their reader, while series are looked for */
	struct err damage;              /* of the tail, until it is told */
};

static struct str
keep(struct arena *a, struct str s)
{
	return (struct str){ arena_dup(a, s.p, s.n), s.n };
}

static void
release(struct store *s, struct list *l)
{
	if (s->rights)
		s->rights->close(l->rights);
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
	return !m->wants || m->wants(m->self, x);
}

static int
add_series(struct list *l, const struct store_view *v, const struct store_match *m, uint64_t id, struct str identity, struct buf *scratch, struct err *err)
{
	const struct store_rights *rights = v->s->rights;
	struct store_sample x = { 0 };
	int rc;

	if (store_take_identity(identity, &x))
		return store_damaged(err, v->s, "a series that cannot be read back");
	if (rights && (rc = rights->series(l->rights, x.metric, &x.labels, err)) <= 0)
		return rc;
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
by_index(const struct store_view *v, const struct store_series_copy *copy, const struct store_match *m, struct store_ids *ids, struct err *err)
{
	struct store_ids more = { 0 };
	int rc = 0, have = 0, labels = v->s->rights ? 0 : m->n_labels;  /* under rights they may be shown otherwise */

	for (int i = -2; i < labels; i++) {
		struct store_ids *to = have ? &more : ids;
		struct str label = i < 0 ? STR("") : m->labels[i].key, value = i == -2 ? m->metric : i == -1 ? m->field : m->labels[i].value;

		if (i < 0 && !value.p)
			continue;
		to->n = 0;
		if ((rc = store_postings_find(v, copy, i == -2 ? 'm' : i == -1 ? 'f' : 'l', label, value, to, err)) <= 0)
			break;
		if (have)
			intersect(ids, &more);
		have = 1;
	}
	free(more.id);
	return rc < 0 ? rc : have && rc;
}

/* Before any transaction: rights may want one of their own. */
static int
begin_list(struct store *s, struct list *l, struct err *err)
{
	l->texts = arena_new(0);
	return s->rights && !(l->rights = s->rights->open(s->rights->self, s, err)) ? err->code : 0;
}

/* Its identity: 1, 0 it is not there, < 0. */
static int
fetch_identity(const struct store_view *v, const struct store_series_copy *copy, uint64_t id, struct str *identity, struct err *err)
{
	struct store_series_walk w = { .c = { .table = STORE_SERIES }, .copy = copy };
	char number[8];
	struct str key;
	int rc;

	store_key64(number, id);
	if (!copy)
		return store_fetch(v, STORE_SERIES, (struct str){ number, 8 }, identity, err);
	rc = store_series_walk(&w, (struct str){ number, 8 }, &key, identity, err);
	return rc > 0 && memcmp(key.p, number, 8) == 0;
}

/* Under the view, or in the copy. */
static int
find(const struct store_view *v, const struct store_series_copy *copy, const struct store_match *m, struct list *l, struct err *err)
{
	struct store *s = v->s;
	struct store_ids ids = { 0 };
	struct buf scratch = { 0 };
	struct str key, value;
	int rc;

	if ((rc = by_index(v, copy, m, &ids, err)) == 0) {
		struct store_series_walk w = { .c = { .view = v, .table = STORE_SERIES }, .copy = copy };

		for (rc = store_series_walk_next(&w, &key, &value, err); rc > 0; rc = store_series_walk_next(&w, &key, &value, err)) {
			if (key.n != 8)
				rc = store_damaged(err, s, "a series that cannot be read back");
			else
				rc = add_series(l, v, m, store_key64_get(key.p), value, &scratch, err);
			if (rc)
				break;
		}
		store_series_walk_end(&w);
	} else if (rc > 0) {
		rc = 0;
		for (size_t i = 0; i < ids.n && rc == 0; i++) {
			if ((rc = fetch_identity(v, copy, ids.id[i], &value, err)) == 0)
				rc = store_damaged(err, s, "an index entry without its series");
			if (rc > 0)
				rc = add_series(l, v, m, ids.id[i], value, &scratch, err);
		}
	}
	free(ids.id);
	buf_release(&scratch);
	return rc;
}

/* A copy, if there is one; else a view. 0, < 0. */
static int
begin_reading(struct store *s, struct list *l, struct store_view *v, const struct store_series_copy *copy, struct err *err)
{
	int rc = begin_list(s, l, err);

	*v = (struct store_view){ .s = s };
	return rc || copy ? rc : store_view_open(v, s, err);
}

int
store_each_series(struct store *s, const struct store_match *m, int (*each)(void *, const struct store_sample *), void *self, struct err *err)
{
	const struct store_series_copy *copy = store_held_series(s);
	struct store_view v;
	struct list l = { 0 };
	int rc = begin_reading(s, &l, &v, copy, err);

	if (rc == 0)
		rc = find(&v, copy, m, &l, err);
	store_view_close(&v);
	for (size_t i = 0; i < l.n && rc == 0; i++)
		rc = each(self, &l.one[i].texts);
	release(s, &l);
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

	if (!s->rights) {               /* the index counts all series */
		if ((rc = store_view_open(&v, s, err)))
			return rc;
		rc = store_postings_labels(&v, each, self, err);
		store_view_close(&v);
		if (rc)
			return rc < 0 ? rc : 0;
	}
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
read_tail(const struct store_view *v, const struct store_series_copy *copy, struct list *l, const struct store_match *m, struct err *err)
{
	struct tailing t = { .list = l, .match = m, .texts = l->texts };
	struct samples_coder coder = { 0 };
	struct store_series_walk w = { .c = { .view = v, .table = STORE_SAMPLES }, .copy = copy };
	struct buf body = { 0 };
	struct str key, value;
	char first[16] = { 0 };
	int rc;

	for (rc = store_series_walk(&w, (struct str){ first, 16 }, &key, &value, err); rc > 0 || (rc == ERR_CORRUPT && !w.c.ended);
	    rc = store_series_walk_next(&w, &key, &value, err)) {
		if (key.n != 16 || store_key64_get(key.p) != 0) {
			rc = 0;
			break;
		}
		if (rc < 0) {
			l->damage = *err;       /* the others can be read all the same */
			err_clear(err);
			continue;
		}
		if (store_batch_each(&coder, value, &body, take_sample, &t)) {
			rc = store_damaged(err, v->s, "a batch of samples that cannot be read back");
			break;
		}
	}
	store_series_walk_end(&w);
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

/* Pieces that may hold samples from r->at on, until they are LOT bytes: each as a text with its length. */
static int
read_lot(struct store *s, struct store_reader *r, struct err *err)
{
	struct store_view v = { .s = s };
	char key[16];
	struct store_series_walk w = { .c = { .view = &v, .table = STORE_SAMPLES, .prefix = { key, 8 } }, .copy = r->copy };
	struct samples_head head;
	struct str k, value;
	int rc;

	buf_clear(&r->lot);
	r->more = 0;
	if (r->view)
		v.txn = r->view->txn;
	else if (!r->copy && (rc = store_view_open(&v, s, err)))
		return rc;
	store_piece_key(key, r->series, r->at);
	rc = store_series_walk_before(&w, (struct str){ key, 16 }, &k, &value, err);
	if (rc == 0 || (rc > 0 && (k.n != 16 || memcmp(k.p, key, 8))))
		rc = store_series_walk(&w, (struct str){ key, 16 }, &k, &value, err);
	for (; rc > 0 && k.n == 16 && memcmp(k.p, key, 8) == 0; rc = store_series_walk_next(&w, &k, &value, err)) {
		if (samples_peek(&r->coder, value, &head)) {
			rc = store_damaged(err, s, "samples that cannot be read back");
			break;
		}
		if (head.first != store_key_time_get(store_key64_get(k.p + 8))) {
			rc = store_damaged(err, s, "samples under another time than their first");
			break;
		}
		if (head.first >= r->to)
			break;
		if (head.last < r->at)
			continue;
		if (r->lot.n >= LOT) {
			r->more = 1;
			break;
		}
		varint_put_str(&r->lot, value);
	}
	store_series_walk_end(&w);
	store_view_close(&v);
	r->rest = buf_get(&r->lot);
	return rc < 0 ? rc : 0;
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

void
store_reader_begin(struct store_reader *r, uint64_t series, const struct samples *tail, int64_t from, int64_t to)
{
	r->series = series;
	r->tail = tail;
	r->at = from;
	r->to = to;
	r->k = 0;
	r->more = from < to;
	r->rest = (struct str){ 0 };
}

int
store_reader_next(struct store *s, struct store_reader *r, const struct samples **x, size_t *from, size_t *n, struct err *err)
{
	struct str value;
	int rc;

	for (;;) {
		struct samples *p = &r->piece;
		size_t end;
		int64_t last;

		if (r->rest.n == 0 && r->more && (rc = read_lot(s, r, err)))
			return rc;
		if (r->rest.n == 0 || varint_take_str(&r->rest, &value))
			break;
		samples_clear(p);
		if (samples_unpack(&r->coder, value, p) < 0)
			return store_damaged(err, s, "samples that cannot be read back");
		last = p->time[p->n - 1];
		*from = store_first_not_before(p->time, p->n, r->at);
		end = store_first_not_before(p->time, p->n, r->to);
		*x = p;
		if (r->k < r->tail->n && r->tail->time[r->k] <= last) {
			stitch(&r->both, p, *from, end, r->tail, &r->k);
			*x = &r->both;
			*from = 0;
			end = r->both.n;
		}
		r->more &= last < INT64_MAX;
		r->at = last < INT64_MAX ? last + 1 : last;
		if (*from < end) {
			*n = end - *from;
			return 1;
		}
	}
	*x = r->tail;
	*from = r->k;
	*n = r->tail->n - r->k;
	r->k = r->tail->n;
	return *n > 0;
}

/* ---- all of them */

struct reading {
	struct store *s;
	const struct store_match *match;
	struct list list;
	const struct store_series_copy *copy;   /* NULL: under views */
	struct store_ladder ladder;     /* as it has it */
	uint64_t seals;                 /* when the tail was read: of all views */
	size_t parts;
	int (*each)(void *, int, const struct store_run *);
	void *self;
	atomic_size_t next;             /* part */
	atomic_int over;                /* the first code that is not 0 */
	pthread_mutex_t lock;
	struct err *err;
};

struct worker {
	struct reading *all;
	struct store_reader reader;
	struct store_view view;         /* what is read, unless there is a copy, */
	int64_t since;                  /* and since when, monotonic ns */
	struct samples value, count;    /* of roll-ups */
	int part;
	size_t series;
};

static int
give(struct worker *w, const struct samples *x, size_t from, size_t n, const struct samples *of)
{
	const struct samples *states = of ? of : x;     /* of a roll-up its counts have them */
	struct store_run run = { .series = &w->all->list.one[w->series].texts, .number = w->series, .time = x->time + from,
		.value = x->value + from, .state = states->n_states ? states->state + from : NULL, .count = of ? of->value : NULL, .n = n };

	return n ? w->all->each(w->all->self, w->part, &run) : 0;
}

/* What the next samples are read under: a view for a moment, then another one of the same pieces. In a copy nothing changes. 0, CHANGED, < 0. */
static int
see_now(struct worker *w, struct err *err)
{
	const struct reading *all = w->all;
	uint64_t seals;
	int rc;

	if (all->copy || (w->view.txn && (!w->view.own || time_mono_ns() - w->since < store_view_ns(all->s))))
		return 0;
	store_view_close(&w->view);
	if ((rc = store_view_open(&w->view, all->s, err)))
		return rc;
	w->since = time_mono_ns();
	rc = store_seals(&w->view, &seals, err);
	return rc ? rc : seals != all->seals ? CHANGED : 0;
}

/* The samples of [from, to), the tail's with them. */
static int
give_samples(struct worker *w, int64_t from, int64_t to, struct err *err)
{
	const struct series *one = &w->all->list.one[w->series];
	size_t k = store_first_not_before(one->tail.time, one->tail.n, from), end = store_first_not_before(one->tail.time, one->tail.n, to);
	struct samples tail = one->tail;
	const struct samples *x;
	size_t at, n;
	int rc = 0;

	if (from >= to)
		return 0;
	if (k) {                        /* n 0: there may be no arrays to point into */
		tail.time += k;
		tail.value += k;
		tail.state += k;
	}
	tail.n = end - k;
	store_reader_begin(&w->reader, one->id, &tail, from, to);
	while (rc == 0 && (rc = store_reader_next(w->all->s, &w->reader, &x, &at, &n, err)) > 0)
		if ((rc = give(w, x, at, n, NULL)) == 0)
			rc = see_now(w, err);
	return rc;
}

static struct str
keep_state(struct samples *to, struct str state)
{
	if (!state.p)
		return state;
	if (!to->texts)
		to->texts = arena_new(0);
	return keep(to->texts, state);
}

static int
read_part_of_rung(struct worker *w, const struct store_rung *r, int part, int64_t from, int64_t to, struct samples *out, struct err *err)
{
	int states = part == 0 && w->all->match->of == STORE_STATES;
	static const struct samples none = { 0 };
	const struct samples *x;
	size_t at, n;
	int rc;

	samples_clear(out);
	store_reader_begin(&w->reader, store_rung_series(r, w->all->list.one[w->series].id, part), &none, from, to);
	while ((rc = store_reader_next(w->all->s, &w->reader, &x, &at, &n, err)) > 0)
		for (size_t i = at; i < at + n; i++)
			samples_add(out, x->time[i], x->value[i], states && x->n_states ? keep_state(out, x->state[i]) : (struct str){ 0 });
	return rc;
}

/* The buckets of a rung that begin in [from, to). */
static int
give_rung(struct worker *w, const struct store_rung *r, int64_t from, int64_t to, struct err *err)
{
	int rc;

	if (from >= to)
		return 0;
	if ((rc = read_part_of_rung(w, r, 0, from, to, &w->count, err)) ||
	    (rc = read_part_of_rung(w, r, w->all->match->of == STORE_LEAST ? 2 : w->all->match->of == STORE_GREATEST ? 3 : 1, from, to, &w->value, err)))
		return rc;
	if (w->count.n != w->value.n || (w->count.n && memcmp(w->count.time, w->value.time, w->count.n * sizeof(*w->count.time))))
		return store_damaged(err, w->all->s, "roll-ups whose counts and values have other times");
	return give(w, &w->value, 0, w->value.n, &w->count);
}

/* Samples of the tail alone, where there are no others. */
static int
give_tail(struct worker *w, int64_t from, int64_t to)
{
	const struct samples *tail = &w->all->list.one[w->series].tail;
	size_t k = store_first_not_before(tail->time, tail->n, from), end = store_first_not_before(tail->time, tail->n, to);

	return k < end ? give(w, tail, k, end - k, NULL) : 0;
}

/* The buckets of a rung whose samples are gone, and on top of them what the tail has. */
static int
give_gone(struct worker *w, const struct store_rung *r, int64_t from, int64_t to, int64_t tail_from, int64_t tail_to, struct err *err)
{
	int rc = give_rung(w, r, from, to, err);

	return rc ? rc : give_tail(w, tail_from, tail_to);
}

/* What no bucket has: the samples, and before their floor those of the tail. */
static int
give_open(struct worker *w, int64_t from, int64_t to, int64_t raw, struct err *err)
{
	int rc = from < raw && from < to ? give_tail(w, from, raw < to ? raw : to) : 0;

	return rc ? rc : give_samples(w, from > raw ? from : raw, to, err);
}

/* A rung's buckets of [from, to), both whole; those that the tail has samples for from the samples. */
static int
give_buckets(struct worker *w, const struct store_rung *r, int64_t from, int64_t to, int64_t raw, struct err *err)
{
	const struct samples *tail = &w->all->list.one[w->series].tail;
	int rc = 0;

	for (size_t k = store_first_not_before(tail->time, tail->n, from); rc == 0 && k < tail->n && tail->time[k] < to; ) {
		int64_t bucket = store_rung_floor(tail->time[k], r->width_ms), end = store_rung_next(bucket, r->width_ms);

		if (bucket >= raw)
			rc = give_rung(w, r, from, bucket, err);
		else
			rc = give_gone(w, r, from, end, bucket > from ? bucket : from, end < to ? end : to, err);
		if (rc == 0 && bucket >= raw)
			rc = give_samples(w, bucket, end, err);
		from = end;
		while (k < tail->n && tail->time[k] < end)
			k++;
	}
	return rc ? rc : give_rung(w, r, from, to, err);
}

/* Behind the last bucket of a rung of the series; INT64_MIN when it has none. */
static int
rung_end(struct worker *w, const struct store_rung *r, int64_t *end, struct err *err)
{
	char key[16];
	struct store_series_walk walk = { .c = { .view = &w->view, .table = STORE_SAMPLES, .prefix = { key, 8 } }, .copy = w->all->copy };
	struct samples_head head = { 0 };
	struct str k, value;
	int rc;

	*end = INT64_MIN;
	store_piece_key(key, store_rung_series(r, w->all->list.one[w->series].id, 0), INT64_MAX);
	rc = store_series_walk_before(&walk, (struct str){ key, 16 }, &k, &value, err);
	if (rc > 0 && k.n == 16 && memcmp(k.p, key, 8) == 0) {
		if (samples_peek(&w->reader.coder, value, &head))
			rc = store_damaged(err, w->all->s, "samples that cannot be read back");
		*end = store_rung_next(head.last, r->width_ms);
	}
	store_series_walk_end(&walk);
	return rc < 0 ? rc : 0;
}

/* A series as roll-ups as far as they go:
 *
 *      coarser rungs where the wanted one is gone | samples to a whole bucket | the wanted rung | samples of what is open
 */
static int
give_series(struct worker *w, int wanted, struct err *err)
{
	const struct store_ladder *l = &w->all->ladder;
	const struct store_match *m = w->all->match;
	const struct store_rung *r = &l->rung[wanted];
	int64_t raw = l->rung[0].floor, from = m->from, begin = from, end = from, lost = wanted ? r->floor : raw, width = r->width_ms, last;
	int rc = 0;

	for (int i = l->n - 1; i > wanted && rc == 0; i--) {    /* what is older than the rung below keeps */
		int64_t until = l->rung[i - 1].floor < lost ? l->rung[i - 1].floor : lost;

		until = until < m->to ? until : m->to;
		if (from < until && l->rung[i].floor < until) {
			rc = give_gone(w, &l->rung[i], from, until, from, until, err);
			from = until;
		}
	}
	if (rc || from >= m->to)
		return rc;
	if (!wanted)
		return give_open(w, from, m->to, raw, err);
	if ((rc = rung_end(w, r, &last, err)))
		return rc;
	begin = store_rung_floor(from, width) == from || from < INT64_MIN + width ? from : store_rung_next(store_rung_floor(from, width), width);
	end = store_rung_floor(m->to, width) < raw ? m->to : store_rung_floor(m->to, width);
	end = last < end ? last : end;
	if (begin >= end)               /* no whole bucket is there */
		return give_open(w, from, m->to, raw, err);
	if ((rc = give_open(w, from, begin, raw, err)) || (rc = give_buckets(w, r, begin, end, raw, err)))
		return rc;
	return give_open(w, end, m->to, raw, err);
}

static int
give_rolled(struct worker *w, struct err *err)
{
	const struct store_ladder *l = &w->all->ladder;
	const struct store_match *m = w->all->match;
	int64_t last = INT64_MIN;
	int rc = 0, wanted = 0;

	for (int i = 1; i < l->n; i++)
		if (m->rung >= l->rung[i].width_ms && m->rung % l->rung[i].width_ms == 0)
			wanted = i;
	/* a rung that the ladder got of late has nothing yet: the one below has it */
	while (wanted && (rc = rung_end(w, &l->rung[wanted], &last, err)) == 0 && last == INT64_MIN)
		wanted--;
	return rc ? rc : give_series(w, wanted, err);
}

static int
read_part(struct worker *w, size_t part, struct err *err)
{
	struct reading *all = w->all;
	size_t to = all->list.n * (part + 1) / all->parts;
	int rc = 0;

	w->part = (int)part;
	for (w->series = all->list.n * part / all->parts; w->series < to && rc == 0 && !all->over; w->series++)
		if ((rc = see_now(w, err)) == 0)
			rc = all->match->rung > 0 && all->ladder.n > 1 ? give_rolled(w, err) : give_samples(w, all->match->from, all->match->to, err);
	return rc;
}

static void
read_parts(struct worker *w)
{
	struct reading *all = w->all;
	struct err err = { 0 };
	size_t part;
	int rc = 0;

	w->reader.copy = all->copy;
	w->reader.view = all->copy ? NULL : &w->view;
	while (rc == 0 && !all->over && (part = all->next++) < all->parts)
		rc = read_part(w, part, &err);
	if (rc) {
		pthread_mutex_lock(&all->lock);
		if (!all->over) {
			all->over = rc;
			if (err.code)
				*all->err = err;
		}
		pthread_mutex_unlock(&all->lock);
	}
}

static void
release_worker(struct worker *w)
{
	store_view_close(&w->view);
	store_reader_release(&w->reader);
	samples_release(&w->value);
	samples_release(&w->count);
}

/* Another thread: it helps where it sees the same pieces. */
static void *
work(void *self)
{
	struct reading *all = self;
	struct worker w = { .all = all };
	struct err err = { 0 };

	if (see_now(&w, &err) == 0)
		read_parts(&w);
	release_worker(&w);
	return NULL;
}

static int
threads_for(const struct reading *all)
{
	const char *wanted = getenv("AT_THREADS");
	int64_t n = sysconf(_SC_NPROCESSORS_ONLN), said;

	if (wanted && str_int64(str_of(wanted), &said) == 0 && said > 0)
		n = said;
	if (all->s->txn || n < 1)       /* what a transaction wrote is seen by its own thread only */
		n = 1;
	n = n < (int64_t)all->parts ? n : (int64_t)all->parts;
	return n < THREADS_MOST ? (int)n : THREADS_MOST;
}

/* 0, CHANGED, < 0, or what `each` gave. */
static int
read_all(struct reading *all, struct err *err)
{
	struct worker w = { .all = all, .since = time_mono_ns() };
	pthread_t thread[THREADS_MOST];
	int rc, n = 1, threads;

	if ((rc = begin_reading(all->s, &all->list, &w.view, all->copy, err)))
		goto out;
	if (all->copy)
		all->ladder = *store_series_copy_ladder(all->copy);
	else if ((rc = store_ladder_of(&w.view, &all->ladder, err)) < 0 || (rc = store_seals(&w.view, &all->seals, err)))
		goto out;
	if ((rc = find(&w.view, all->copy, all->match, &all->list, err)) || all->list.n == 0 ||
	    (rc = read_tail(&w.view, all->copy, &all->list, all->match, err)))
		goto out;
	if (all->list.damage.code) {
		*err = all->list.damage;
		rc = err->code;
		goto out;
	}
	for (threads = threads_for(all); n < threads && pthread_create(&thread[n], NULL, work, all) == 0; )
		n++;
	read_parts(&w);
	while (--n > 0)
		pthread_join(thread[n], NULL);
	rc = all->over;
out:
	release_worker(&w);
	release(all->s, &all->list);
	return rc;
}

/* All that is there. */
static struct store_series_copy *
copy_all(struct store *s, struct err *err)
{
	struct store_series_copy *copy = store_series_copy_new(s);
	struct store_view v;
	int rc;

	do {
		if ((rc = store_view_open(&v, s, err)))
			break;
		if ((rc = store_series_copy_pass(copy, &v, err)) == 0 && (rc = store_series_copy_series(copy, &v, err)) == 0)
			rc = store_series_copy_samples(copy, &v, err);
		store_view_close(&v);
	} while (rc == 0 && !store_series_copy_done(copy));
	if (rc) {
		store_series_copy_release(copy);
		copy = NULL;
	}
	return copy;
}

int
store_each_run(struct store *s, const struct store_match *m, int parts, int (*each)(void *, int, const struct store_run *), void (*anew)(void *),
    void *self, struct err *err)
{
	const struct reading first = { .s = s, .match = m, .each = each, .self = self, .parts = (size_t)parts, .lock = PTHREAD_MUTEX_INITIALIZER, .err = err };
	struct reading all = first;
	struct store_series_copy *copy = NULL;
	int rc;

	all.copy = store_held_series(s);
	if ((rc = read_all(&all, err)) == CHANGED) {
		anew(self);
		if (!(copy = copy_all(s, err)))
			return err->code;
		all = first;
		all.copy = copy;
		rc = read_all(&all, err);
		store_series_copy_release(copy);
	}
	return rc;
}

/* ---- one after the other, by one reader or by several that share the list */

struct store_samples {
	struct store *s;
	struct store_samples *of;       /* whose list it is; NULL: its own */
	struct list list;
	struct store_match match;
	struct store_series_copy *copy; /* what is read; NULL: it is damaged, and read lot by lot */
	struct store_reader reader;
	size_t next;                    /* series that nobody has taken; of the list's owner */
	int damage_told;                /* of the list's owner; atomic */
	size_t at, end;                 /* the series at hand, and behind the last that was taken */
	int begun;
};

/* Readers take some series at once, one after the other: few, where there are few. */
#define TAKE_MOST 64

static int
take_series(struct store_samples *r, struct store_samples *owner)
{
	size_t n = owner->list.n, take = n / 64 < 1 ? 1 : n / 64 > TAKE_MOST ? TAKE_MOST : n / 64;

	r->at = __atomic_fetch_add(&owner->next, take, __ATOMIC_RELAXED);
	if (r->at >= n) {
		__atomic_store_n(&owner->next, n, __ATOMIC_RELAXED);    /* so that asking for ever does not overflow */
		r->at = r->end = n;
		return 0;
	}
	r->end = r->at + take < n ? r->at + take : n;
	return 1;
}

/* The list of series, their tail, and into a copy of the reader's own their pieces. 1, 0 these changed meanwhile, < 0. */
static int
list_and_copy(struct store_samples *r, const struct store_series_copy *held, struct err *err)
{
	const struct store_match *m = &r->match;
	struct store_view v;
	int rc;

	if ((rc = begin_reading(r->s, &r->list, &v, held, err)) || (r->copy && !held && (rc = store_series_copy_pass(r->copy, &v, err))) ||
	    (rc = find(&v, held, m, &r->list, err)) || r->list.n == 0 || (rc = read_tail(&v, held, &r->list, m, err)))
		goto out;
	for (size_t i = 0; i < r->list.n && rc == 0 && r->copy && !held; i++)
		rc = store_series_copy_pieces(r->copy, &v, r->list.one[i].id, m->from, m->to, err);
	if (rc == ERR_CORRUPT) {                /* reading them lot by lot tells */
		err_clear(err);
		store_series_copy_release(r->copy);
		r->copy = NULL;
		rc = 0;
	}
out:
	store_view_close(&v);
	return rc ? rc : held || !r->copy || store_series_copy_done(r->copy);
}

struct store_samples *
store_samples_open(struct store *s, const struct store_match *m, struct err *err)
{
	struct store_samples *r = mem_new(sizeof(*r));
	struct store_series_copy *held = store_held_series(s);
	int rc;

	r->s = s;
	r->match = *m;
	r->copy = held ? store_series_copy_use(held) : store_series_copy_new(s);
	while ((rc = list_and_copy(r, held, err)) == 0) {
		release(s, &r->list);
		r->list = (struct list){ 0 };
	}
	r->reader.copy = r->copy;
	if (rc < 0) {
		store_samples_close(r);
		return NULL;
	}
	return r;
}

struct store_samples *
store_samples_share(struct store_samples *of)
{
	struct store_samples *r = mem_new(sizeof(*r));

	r->s = of->s;
	r->of = of->of ? of->of : of;
	r->match = of->match;
	r->reader.copy = r->of->copy;
	return r;
}

size_t
store_samples_series(const struct store_samples *r)
{
	return (r->of ? r->of : r)->list.n;
}

size_t
store_samples_taken(const struct store_samples *r)
{
	return r->end;
}

int
store_samples_next(struct store_samples *r, struct store_run *run, struct err *err)
{
	struct store_samples *owner = r->of ? r->of : r;
	const struct samples *x;
	size_t at, n;
	int rc;

	for (;; r->at++, r->begun = 0) {
		struct series *one;

		if (r->at == r->end && !take_series(r, owner))
			return 0;
		one = &owner->list.one[r->at];
		if (owner->list.damage.code && !__atomic_exchange_n(&owner->damage_told, 1, __ATOMIC_RELAXED)) {
			*err = owner->list.damage;
			return err->code;
		}
		if (!r->begun)
			store_reader_begin(&r->reader, one->id, &one->tail, r->match.from, r->match.to);
		r->begun = 1;
		if ((rc = store_reader_next(r->s, &r->reader, &x, &at, &n, err)) < 0) {
			r->at++;                /* what is damaged is passed over */
			r->begun = 0;
			return rc;
		}
		if (rc == 0)
			continue;
		*run = (struct store_run){ .series = &one->texts, .number = r->at, .time = x->time + at, .value = x->value + at,
			.state = x->n_states ? x->state + at : NULL, .n = n };
		return 1;
	}
}

void
store_samples_close(struct store_samples *r)
{
	if (!r)
		return;
	store_reader_release(&r->reader);
	if (!r->of)
		release(r->s, &r->list);
	store_series_copy_release(r->copy);
	free(r);
}

int
store_each_sample(struct store *s, struct str metric, int64_t from, int64_t to,
    int (*each)(void *, const struct store_sample *), void *self, struct err *err)
{
	const struct store_match m = { .metric = metric, .from = from, .to = to };
	struct store_samples *samples = store_samples_open(s, &m, err);
	struct store_run run;
	int rc = samples ? 0 : err->code;

	while (rc == 0 && (rc = store_samples_next(samples, &run, err)) > 0) {
		struct store_sample x = *run.series;

		rc = 0;
		for (size_t i = 0; i < run.n && rc == 0; i++) {
			x.time = run.time[i];
			x.value = run.value[i];
			x.state = run.state ? run.state[i] : (struct str){ 0 };
			rc = each(self, &x);
		}
	}
	store_samples_close(samples);
	return rc;
}
