/* series.c - metric samples: which series there are, and their samples in pieces of up to 1,024.
 *
 * A series is (metric, labels, field, window): the same metric saved by the minute and by the hour is two. Its samples lie in
 * pieces keyed by series and first time; a sample goes into the piece that begins at or before it, or a new one when it comes
 * after all and the last is full. What a transaction adds is gathered and merged piece by piece when it commits.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "codec/varint.h"
#include "store/samples.h"
#include "store/store_priv.h"

#define FULL        1024        /* samples after which an appending series begins another piece */
#define GATHER_MOST 262144      /* samples held in memory before they are merged */
#define METRIC_MOST 200         /* bytes of a metric's name in an index key */

struct one {                            /* what a transaction adds to a series */
	struct samples_point *point;
	size_t n, cap;
};

struct store_pending {
	struct map map;                 /* identity -> struct one * */
	struct arena *states;
	size_t n;
	struct buf key;
};

static void
put_identity(struct buf *b, const struct store_sample *x)
{
	varint_put_str(b, x->metric);
	varint_put_str(b, x->labels.p ? x->labels : STR("{}"));
	varint_put_str(b, x->field);
	varint_put_str(b, x->window);
}

static int
take_identity(struct str rest, struct store_sample *x)
{
	return varint_take_str(&rest, &x->metric) || varint_take_str(&rest, &x->labels) || varint_take_str(&rest, &x->field) ||
	    varint_take_str(&rest, &x->window) || rest.n ? -1 : 0;
}

static void
forget_points(struct store_pending *p)
{
	for (struct map_entry *e = map_first(&p->map); e; e = map_next(&p->map, e)) {
		free(((struct one *)e->ptr)->point);
		free(e->ptr);
	}
	map_clear(&p->map);
	arena_reset(p->states);
	p->n = 0;
}

void
store_forget_samples(struct store *s)
{
	if (s->samples)
		forget_points(s->samples);
}

void
store_free_samples(struct store *s)
{
	if (!s->samples)
		return;
	forget_points(s->samples);
	map_release(&s->samples->map);
	arena_free(s->samples->states);
	buf_release(&s->samples->key);
	free(s->samples);
	s->samples = NULL;
}

int
store_add_sample(struct store *s, const struct store_sample *x, struct err *err)
{
	struct store_pending *p;
	struct map_entry *e;
	struct one *one;
	int is_new;

	if (!s->txn)
		return err_set(err, ERR_IO, "%s: no transaction is open", s->path);
	if (x->metric.n == 0 || x->metric.n > 4096 || x->labels.n > 65536 || x->field.n > 4096 || x->window.n > 4096)
		return err_set(err, ERR_INPUT, "a sample without a metric, or with names too long");
	if (!s->samples) {
		s->samples = mem_new(sizeof(*s->samples));
		s->samples->states = arena_new(0);
	}
	p = s->samples;
	buf_clear(&p->key);
	put_identity(&p->key, x);
	e = map_put(&p->map, buf_get(&p->key), &is_new);
	if (is_new)
		e->ptr = mem_new(sizeof(*one));
	one = e->ptr;
	if (one->n == one->cap)
		one->point = mem_grow(one->point, one->cap = one->cap ? one->cap * 2 : 4, sizeof(*one->point));
	one->point[one->n++] = (struct samples_point){ x->time, x->value,
		{ x->state.p ? arena_dup(p->states, x->state.p, x->state.n) : NULL, x->state.n } };
	s->changed = 1;
	return ++p->n >= GATHER_MOST ? store_flush_samples(s, err) : 0;
}

/* ---- merging */

static void
index_key(const struct store *s, struct buf *key, struct str metric, struct str identity)
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

static int
series_of(struct store *s, struct str identity, uint64_t *id, struct err *err)
{
	struct store_sample x = { 0 };
	struct store_view v;
	struct buf key = { 0 };
	struct str value;
	char number[8];
	int rc;

	store_view_of_txn(s, &v);
	take_identity(identity, &x);
	index_key(s, &key, x.metric, identity);
	if ((rc = store_fetch(&v, STORE_INDEX, buf_get(&key), &value, err)) < 0)
		goto out;
	if (rc) {
		if (value.n != 8) {
			rc = store_damaged(err, s, "an index entry of another length");
			goto out;
		}
		*id = store_key64_get(value.p);
		rc = 0;
		goto out;
	}
	*id = s->head.next_series++;
	s->head.series++;
	store_key64(number, *id);
	if ((rc = store_put(s, STORE_INDEX, buf_get(&key), (struct str){ number, 8 }, err)) == 0)
		rc = store_put_last(s, STORE_SERIES, (struct str){ number, 8 }, identity, err);
out:
	buf_release(&key);
	return rc;
}

static void
piece_key(char key[16], uint64_t series, int64_t time)
{
	store_key64(key, series);
	store_key64(key + 8, store_key_time(time));
}

struct dated { struct samples_point p; size_t at; };

static int
in_order(const void *x, const void *y)
{
	const struct dated *a = x, *b = y;

	if (a->p.time != b->p.time)
		return a->p.time < b->p.time ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

/* Sort, and of several at one time keep the one added last. */
static void
tidy(struct one *one)
{
	struct dated *d;
	size_t i, n = 0;

	for (i = 1; i < one->n && one->point[i - 1].time < one->point[i].time; i++)
		;
	if (i >= one->n)
		return;
	d = mem_grow(NULL, one->n, sizeof(*d));
	for (i = 0; i < one->n; i++)
		d[i] = (struct dated){ one->point[i], i };
	qsort(d, one->n, sizeof(*d), in_order);
	for (i = 0; i < one->n; i++)
		if (i + 1 == one->n || d[i].p.time != d[i + 1].p.time)
			one->point[n++] = d[i].p;
	one->n = n;
	free(d);
}

static int
put_pieces(struct store *s, uint64_t series, const struct samples_point *p, size_t n, struct err *err)
{
	char key[16];
	int rc = 0;

	for (size_t at = 0, take; at < n && rc == 0; at += take) {
		take = n - at <= FULL + FULL / 2 ? n - at : FULL;
		buf_clear(&s->value);
		samples_pack(&s->value, p + at, take);
		piece_key(key, series, p[at].time);
		rc = store_put(s, STORE_SAMPLES, (struct str){ key, 16 }, buf_get(&s->value), err);
	}
	s->head.samples += n;
	return rc;
}

/* The piece that begins at or before `time`, and when the next begins. 1 there is one, 0, < 0. */
static int
piece_at(struct store *s, uint64_t series, int64_t time, struct buf *value, int64_t *first, int64_t *next, struct err *err)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_SAMPLES };
	struct str k, got;
	char key[16];
	int rc, found = 0;

	store_view_of_txn(s, &v);
	*next = INT64_MAX;
	piece_key(key, series, time);
	rc = store_walk_before(&c, (struct str){ key, 16 }, &k, &got, err);
	if (rc > 0 && k.n == 16 && memcmp(k.p, key, 8) == 0) {
		found = 1;
		*first = store_key_time_get(store_key64_get(k.p + 8));
		buf_clear(value);
		buf_str(value, got);
	}
	if (rc >= 0 && time < INT64_MAX) {
		piece_key(key, series, time + 1);
		rc = store_walk(&c, (struct str){ key, 16 }, &k, &got, err);
		if (rc > 0 && k.n == 16 && memcmp(k.p, key, 8) == 0)
			*next = store_key_time_get(store_key64_get(k.p + 8));
	}
	store_walk_end(&c);
	return rc < 0 ? rc : found;
}

static int
merge(struct store *s, uint64_t series, struct one *one, struct err *err)
{
	struct samples_point *old = mem_grow(NULL, SAMPLES_MOST, sizeof(*old)), *all = NULL;
	struct buf value = { 0 };
	int rc = 0;

	tidy(one);
	for (size_t from = 0, to; from < one->n && rc == 0; from = to) {
		int64_t first = 0, next;
		size_t n = 0, i = 0;
		int had = 0;

		if ((rc = piece_at(s, series, one->point[from].time, &value, &first, &next, err)) < 0)
			break;
		for (to = from; to < one->n && one->point[to].time < next; to++)
			;
		if (rc) {
			char key[16];

			if ((had = samples_unpack(buf_get(&value), old)) < 0 || old[0].time != first) {
				rc = store_damaged(err, s, "samples that cannot be read back");
				break;
			}
			if (had >= FULL && one->point[from].time > old[had - 1].time) {
				had = 0;
			} else {
				piece_key(key, series, first);
				if ((rc = store_delete(s, STORE_SAMPLES, (struct str){ key, 16 }, err)))
					break;
				s->head.samples -= (uint64_t)had;
			}
		}
		all = mem_grow(all, (size_t)had + to - from, sizeof(*all));
		for (size_t k = from; i < (size_t)had || k < to; )
			if (k == to || (i < (size_t)had && old[i].time < one->point[k].time)) {
				all[n++] = old[i++];
			} else {
				if (i < (size_t)had && old[i].time == one->point[k].time)
					i++;
				all[n++] = one->point[k++];
			}
		rc = put_pieces(s, series, all, n, err);
	}
	free(all);
	free(old);
	buf_release(&value);
	return rc < 0 ? rc : 0;
}

int
store_flush_samples(struct store *s, struct err *err)
{
	struct store_pending *p = s->samples;
	int rc = 0;

	if (!p || p->n == 0)
		return 0;
	for (struct map_entry *e = map_first(&p->map); e && rc == 0; e = map_next(&p->map, e)) {
		uint64_t id = 0;

		if ((rc = series_of(s, e->key, &id, err)) == 0)
			rc = merge(s, id, e->ptr, err);
	}
	forget_points(p);
	return rc;
}

/* ---- reading */

/* The series of a metric (p NULL: all): id and identity of each, copied. */
static int
list_series(struct store *s, struct str metric, struct buf *out, struct err *err)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = metric.p ? STORE_INDEX : STORE_SERIES };
	struct buf prefix = { 0 };
	struct str key, value, identity;
	int rc;

	if ((rc = store_view_open(&v, s, err)))
		return rc;
	if (metric.p)
		index_key(s, &prefix, metric, (struct str){ 0 });
	for (rc = store_walk(&c, buf_get(&prefix), &key, &value, err); rc > 0; rc = store_walk_next(&c, &key, &value, err)) {
		struct store_sample x;

		identity = value;
		if (metric.p) {
			if (!str_starts(key, buf_get(&prefix)))
				break;
			if (value.n != 8) {
				rc = store_damaged(err, s, "an index entry of another length");
				break;
			}
			key = value;
			if ((rc = store_fetch(&v, STORE_SERIES, key, &identity, err)) < 0)
				break;
			if (rc == 0) {
				rc = store_damaged(err, s, "an index entry without its series");
				break;
			}
		}
		if (key.n != 8 || take_identity(identity, &x)) {
			rc = store_damaged(err, s, "a series that cannot be read back");
			break;
		}
		if (metric.p && !str_eq(x.metric, metric))
			continue;
		buf_add(out, key.p, 8);
		varint_put_str(out, identity);
	}
	store_walk_end(&c);
	store_view_close(&v);
	buf_release(&prefix);
	return rc < 0 ? rc : 0;
}

int
store_each_sample(struct store *s, struct str metric, int64_t from, int64_t to,
    int (*each)(void *, const struct store_sample *), void *self, struct err *err)
{
	struct samples_point *p = mem_grow(NULL, SAMPLES_MOST, sizeof(*p));
	struct buf series = { 0 }, piece = { 0 };
	struct str rest;
	int rc = list_series(s, metric, &series, err);

	for (rest = buf_get(&series); rc == 0 && rest.n; ) {
		uint64_t id = store_key64_get(rest.p);
		struct store_sample x = { 0 };
		struct str identity;
		int64_t at = from;
		int first = 1;

		rest.p += 8;
		rest.n -= 8;
		varint_take_str(&rest, &identity);
		take_identity(identity, &x);
		while (rc == 0 && at < to) {    /* piece by piece, each copied out of its own transaction */
			struct store_view v;
			struct store_cursor c = { .view = &v, .table = STORE_SAMPLES };
			struct str k, value;
			char key[16];
			int n;

			if ((rc = store_view_open(&v, s, err)))
				break;
			piece_key(key, id, at);
			rc = first ? store_walk_before(&c, (struct str){ key, 16 }, &k, &value, err) : 0;
			if (rc == 0 || (rc > 0 && (k.n != 16 || memcmp(k.p, key, 8))))
				rc = store_walk(&c, (struct str){ key, 16 }, &k, &value, err);
			first = 0;
			buf_clear(&piece);
			if (rc > 0 && k.n == 16 && memcmp(k.p, key, 8) == 0)
				buf_str(&piece, value);
			else if (rc > 0)
				rc = 0;
			store_walk_end(&c);
			store_view_close(&v);
			if (rc <= 0)
				break;
			if ((n = samples_unpack(buf_get(&piece), p)) < 0) {
				rc = store_damaged(err, s, "samples that cannot be read back");
				break;
			}
			rc = 0;
			for (int i = 0; i < n && rc == 0; i++) {
				if (p[i].time < from || p[i].time >= to)
					continue;
				x.time = p[i].time;
				x.value = p[i].value;
				x.state = p[i].state;
				rc = each(self, &x);
			}
			if (p[n - 1].time == INT64_MAX)
				break;
			at = p[n - 1].time + 1 > at ? p[n - 1].time + 1 : at;
		}
	}
	free(p);
	buf_release(&series);
	buf_release(&piece);
	return rc;
}

/* ---- retention: samples older than `before` go; a series without any goes too. */
int
store_retain_samples(struct store *s, int64_t before, int dry, int64_t *dropped, struct err *err)
{
	struct samples_point *p = mem_grow(NULL, SAMPLES_MOST, sizeof(*p));
	struct buf series = { 0 }, copy = { 0 }, ikey = { 0 };
	struct str rest;
	int rc = list_series(s, (struct str){ 0 }, &series, err);

	for (rest = buf_get(&series); rc == 0 && rest.n; ) {
		uint64_t id = store_key64_get(rest.p);
		struct store_sample x = { 0 };
		struct str identity;
		int left = 0;

		rest.p += 8;
		rest.n -= 8;
		varint_take_str(&rest, &identity);
		take_identity(identity, &x);
		while (rc == 0) {       /* the first piece, as long as it begins too early */
			struct store_view v;
			struct store_cursor c = { .view = &v, .table = STORE_SAMPLES };
			struct str k, value;
			char key[16];
			int n, cut = 0;

			if (dry) {
				if ((rc = store_view_open(&v, s, err)))
					break;
			} else {
				store_view_of_txn(s, &v);
			}
			piece_key(key, id, INT64_MIN);
			for (rc = store_walk(&c, (struct str){ key, 16 }, &k, &value, err); rc > 0 && k.n == 16 && memcmp(k.p, key, 8) == 0;
			    rc = store_walk_next(&c, &k, &value, err)) {
				buf_clear(&copy);
				buf_str(&copy, value);
				if ((n = samples_unpack(buf_get(&copy), p)) < 0) {
					rc = store_damaged(err, s, "samples that cannot be read back");
					break;
				}
				for (cut = 0; cut < n && p[cut].time < before; cut++)
					;
				left = cut < n;
				*dropped += cut;
				memcpy(key, k.p, 16);
				if (!dry || left)
					break;
			}
			if (rc > 0 && (k.n != 16 || memcmp(k.p, key, 8)))
				rc = 0, cut = 0;
			store_walk_end(&c);
			if (dry)
				store_view_close(&v);
			if (rc <= 0 || dry || cut == 0) {
				rc = rc < 0 ? rc : 0;
				break;
			}
			n = samples_unpack(buf_get(&copy), p);
			if ((rc = store_delete(s, STORE_SAMPLES, (struct str){ key, 16 }, err)) == 0) {
				s->head.samples -= (uint64_t)n;
				rc = put_pieces(s, id, p + cut, (size_t)(n - cut), err);
			}
			if (left)
				break;
		}
		if (rc == 0 && !dry && !left) {
			char key[8];

			store_key64(key, id);
			index_key(s, &ikey, x.metric, identity);
			if ((rc = store_delete(s, STORE_SERIES, (struct str){ key, 8 }, err)) == 0)
				rc = store_delete(s, STORE_INDEX, buf_get(&ikey), err);
			s->head.series--;
		}
	}
	free(p);
	buf_release(&series);
	buf_release(&copy);
	buf_release(&ikey);
	return rc;
}
