#include <stdlib.h>

#include "base/mem.h"
#include "codec/varint.h"
#include "json/json.h"
#include "store/series_priv.h"

#define BLOCK      1024         /* series of a posting's block */
#define LABEL_MOST 400          /* bytes of a label in a key */
#define HASH       16
#define COMPLETE   ((struct str){ "\xffv", 2 })

struct postings {
	struct map lists;       /* hash -> struct store_ids * */
	struct map labels;      /* -> how many more series have it */
	struct buf text, scratch;
};

struct postings *
store_postings_new(void)
{
	return mem_new(sizeof(struct postings));
}

void
store_postings_forget(struct postings *p)
{
	for (struct map_entry *e = map_first(&p->lists); e; e = map_next(&p->lists, e)) {
		free(((struct store_ids *)e->ptr)->id);
		free(e->ptr);
	}
	map_clear(&p->lists);
	map_clear(&p->labels);
}

void
store_postings_free(struct postings *p)
{
	if (!p)
		return;
	store_postings_forget(p);
	map_release(&p->lists);
	map_release(&p->labels);
	buf_release(&p->text);
	buf_release(&p->scratch);
	free(p);
}

/* ---- keys */

static void
hash_of(const struct store *s, struct buf *text, char kind, struct str label, struct str value, char out[HASH])
{
	uint64_t hash[2];

	buf_clear(text);
	buf_byte(text, kind);
	varint_put_str(text, label);
	buf_str(text, value);
	store_hash(s, buf_get(text), hash);
	for (int i = 0; i < HASH; i++)
		out[i] = (char)(hash[i / 8] >> (8 * (i % 8)));
}

enum { KEY = STORE_POSTINGS_KEY };

static void
block_key(char key[KEY], const char hash[HASH], uint64_t first)
{
	key[0] = (char)0xff;
	key[1] = 'p';
	memcpy(key + 2, hash, HASH);
	store_key64(key + 2 + HASH, first);
}

static void
label_key(struct buf *key, struct str label)
{
	buf_clear(key);
	buf_lit(key, "\xffk");
	buf_str(key, label);
}

/* Each kind, label, value of a series. */
static int
each_pair(const struct store_sample *x, struct buf *key, struct buf *value, int (*each)(void *, char kind, struct str, struct str), void *self)
{
	struct json_iter it;
	int rc;

	if ((rc = each(self, 'm', STR(""), x->metric)) || (rc = each(self, 'f', STR(""), x->field)))
		return rc;
	for (it = json_iter(json_value(x->labels)); json_next(&it); ) {
		struct str k = json_text(it.key, key);

		if ((rc = each(self, 'k', k, STR(""))))
			return rc;
		if (it.value.type == JSON_STRING && (rc = each(self, 'l', k, json_text(it.value, value))))
			return rc;
	}
	return 0;
}

static int
take_ids(const struct store *s, struct str key, struct str value, struct store_ids *to, struct err *err)
{
	uint64_t id = store_key64_get(key.p + 2 + HASH), step;
	size_t n = 0;

	for (;; n++) {
		if (to->n == to->cap)
			to->id = mem_grow(to->id, to->cap = to->cap ? to->cap * 2 : 64, sizeof(*to->id));
		to->id[to->n++] = id;
		if (value.n == 0)
			return 0;
		if (n > BLOCK || varint_take(&value, &step) || step == 0 || __builtin_add_overflow(id, step, &id))
			return store_damaged(err, s, "a list of series that cannot be read back");
	}
}

/* ---- writing */

struct adding { struct store *s; struct postings *p; uint64_t series; };

static int
add_pair(void *self, char kind, struct str label, struct str value)
{
	struct adding *a = self;
	struct store_ids *ids;
	struct map_entry *e;
	char hash[HASH];
	int is_new;

	if (kind == 'k') {
		if (label.n && label.n <= LABEL_MOST)
			map_put(&a->p->labels, label, NULL)->num++;
		return 0;
	}
	hash_of(a->s, &a->p->text, kind, label, value, hash);
	e = map_put(&a->p->lists, (struct str){ hash, HASH }, &is_new);
	if (is_new)
		e->ptr = mem_new(sizeof(*ids));
	ids = e->ptr;
	if (ids->n && ids->id[ids->n - 1] >= a->series)         /* a label named twice */
		return 0;
	if (ids->n == ids->cap)
		ids->id = mem_grow(ids->id, ids->cap = ids->cap ? ids->cap * 2 : 4, sizeof(*ids->id));
	ids->id[ids->n++] = a->series;
	return 0;
}

void
store_postings_add(struct store *s, struct postings *p, uint64_t series, const struct store_sample *x)
{
	struct adding a = { s, p, series };
	struct buf key = { 0 };

	each_pair(x, &key, &p->scratch, add_pair, &a);
	buf_release(&key);
}

int
store_postings_ready(struct store *s, struct postings *p, struct err *err)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_SERIES };
	struct str key, value;
	int rc;

	store_view_of_txn(s, &v);
	if ((rc = store_fetch(&v, STORE_INDEX, COMPLETE, &value, err)))
		return rc < 0 ? rc : 0;
	while ((rc = store_walk_next(&c, &key, &value, err)) > 0) {
		struct store_sample x = { 0 };

		if (key.n != 8 || store_take_identity(value, &x)) {
			rc = store_damaged(err, s, "a series that cannot be read back");
			break;
		}
		store_postings_add(s, p, store_key64_get(key.p), &x);
	}
	store_walk_end(&c);
	return rc < 0 ? rc : store_put(s, STORE_INDEX, COMPLETE, (struct str){ "\1", 1 }, err);
}

/* Blocks of ids [at, n). */
static int
put_blocks(struct store *s, const char hash[HASH], const struct store_ids *ids, struct err *err)
{
	char key[KEY];
	int rc = 0;

	for (size_t at = 0; at < ids->n && rc == 0; ) {
		size_t end = ids->n - at < BLOCK ? ids->n : at + BLOCK;

		block_key(key, hash, ids->id[at]);
		buf_clear(&s->value);
		for (at++; at < end; at++)
			varint_put(&s->value, ids->id[at] - ids->id[at - 1]);
		rc = store_put(s, STORE_INDEX, (struct str){ key, KEY }, buf_get(&s->value), err);
	}
	return rc;
}

/* The block a series is in, or would be behind: its ids. 1, 0 none. */
static int
block_of(struct store *s, const char hash[HASH], uint64_t series, char found[KEY], struct store_ids *ids, struct err *err)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_INDEX };
	struct str k, value;
	char key[KEY];
	int rc;

	store_view_of_txn(s, &v);
	block_key(key, hash, series);
	rc = store_walk_before(&c, (struct str){ key, KEY }, &k, &value, err);
	if (rc > 0 && (k.n != KEY || memcmp(k.p, key, 2 + HASH)))
		rc = 0;
	if (rc > 0) {
		memcpy(found, k.p, KEY);
		rc = take_ids(s, k, value, ids, err);
		rc = rc ? rc : 1;
	}
	store_walk_end(&c);
	return rc;
}

static int
count_label(struct store *s, struct buf *key, struct str label, int64_t more, struct err *err)
{
	struct store_view v;
	struct str value;
	uint64_t n = 0;
	struct buf b = { 0 };
	int rc;

	store_view_of_txn(s, &v);
	label_key(key, label);
	if ((rc = store_fetch(&v, STORE_INDEX, buf_get(key), &value, err)) < 0)
		return rc;
	if (rc && varint_take(&value, &n))
		return store_damaged(err, s, "a label that cannot be read back");
	n += (uint64_t)more;
	if ((int64_t)n <= 0)
		return store_delete(s, STORE_INDEX, buf_get(key), err);
	varint_put(&b, n);
	rc = store_put(s, STORE_INDEX, buf_get(key), buf_get(&b), err);
	buf_release(&b);
	return rc;
}

int
store_postings_flush(struct store *s, struct postings *p, struct err *err)
{
	struct store_ids ids = { 0 };
	int rc = 0;

	for (struct map_entry *e = map_first(&p->lists); e && rc == 0; e = map_next(&p->lists, e)) {
		const struct store_ids *more = e->ptr;
		char key[KEY];

		ids.n = 0;
		if ((rc = block_of(s, e->key.p, UINT64_MAX, key, &ids, err)) < 0)
			break;
		if (ids.n >= BLOCK)
			ids.n = 0;
		if (ids.n + more->n > ids.cap)
			ids.id = mem_grow(ids.id, ids.cap = 2 * (ids.n + more->n), sizeof(*ids.id));
		memcpy(ids.id + ids.n, more->id, more->n * sizeof(*more->id));
		ids.n += more->n;
		rc = put_blocks(s, e->key.p, &ids, err);
	}
	for (struct map_entry *e = map_first(&p->labels); e && rc == 0; e = map_next(&p->labels, e))
		rc = count_label(s, &p->text, e->key, e->num, err);
	free(ids.id);
	store_postings_forget(p);
	return rc;
}

struct removing { struct store *s; uint64_t series; struct buf text; struct store_ids ids; struct err *err; };

static int
remove_pair(void *self, char kind, struct str label, struct str value)
{
	struct removing *r = self;
	struct store_ids *ids = &r->ids;
	char hash[HASH], key[KEY];
	size_t i = 0;
	int rc;

	if (kind == 'k')
		return label.n && label.n <= LABEL_MOST ? count_label(r->s, &r->text, label, -1, r->err) : 0;
	hash_of(r->s, &r->text, kind, label, value, hash);
	ids->n = 0;
	if ((rc = block_of(r->s, hash, r->series, key, ids, r->err)) <= 0)
		return rc;
	while (i < ids->n && ids->id[i] != r->series)
		i++;
	if (i == ids->n)
		return 0;
	memmove(ids->id + i, ids->id + i + 1, (ids->n - i - 1) * sizeof(*ids->id));
	ids->n--;
	if ((i == 0 || ids->n == 0) && (rc = store_delete(r->s, STORE_INDEX, (struct str){ key, KEY }, r->err)))
		return rc;
	return put_blocks(r->s, hash, ids, r->err);
}

int
store_postings_remove(struct store *s, uint64_t series, const struct store_sample *x, struct err *err)
{
	struct removing r = { .s = s, .series = series, .err = err };
	struct buf key = { 0 }, value = { 0 };
	int rc = each_pair(x, &key, &value, remove_pair, &r);

	buf_release(&key);
	buf_release(&value);
	buf_release(&r.text);
	free(r.ids.id);
	return rc;
}

/* ---- reading */

int
store_postings_complete(const struct store_view *v, struct err *err)
{
	struct str value;

	return store_fetch(v, STORE_INDEX, COMPLETE, &value, err);
}

int
store_postings_labels(const struct store_view *v, int (*each)(void *, struct str label, uint64_t series), void *self, struct err *err)
{
	struct store_cursor c = { .view = v, .table = STORE_INDEX };
	struct str key, value, prefix = STR("\xffk");
	uint64_t n;
	int rc = store_postings_complete(v, err);

	if (rc <= 0)
		return rc;
	for (rc = store_walk(&c, prefix, &key, &value, err); rc > 0 && str_starts(key, prefix); rc = store_walk_next(&c, &key, &value, err)) {
		if (varint_take(&value, &n)) {
			rc = store_damaged(err, v->s, "a label that cannot be read back");
			break;
		}
		if ((rc = each(self, (struct str){ key.p + 2, key.n - 2 }, n)))
			break;
	}
	store_walk_end(&c);
	return rc < 0 ? rc : 1;
}

int
store_postings_find(const struct store_view *v, const struct store_series_copy *copy, char kind, struct str label, struct str value,
    struct store_ids *ids, struct err *err)
{
	struct store_series_walk w = { .c = { .view = v, .table = STORE_INDEX }, .copy = copy };
	struct buf text = { 0 };
	struct str k, got;
	char hash[HASH], key[KEY];
	int rc = copy ? store_series_copy_indexed(copy) : store_postings_complete(v, err);

	if (rc <= 0)
		return rc;
	hash_of(v->s, &text, kind, label, value, hash);
	block_key(key, hash, 0);
	for (rc = store_series_walk(&w, (struct str){ key, KEY }, &k, &got, err); rc > 0; rc = store_series_walk_next(&w, &k, &got, err)) {
		if (k.n != KEY || memcmp(k.p, key, 2 + HASH))
			break;
		if ((rc = take_ids(v->s, k, got, ids, err)))
			break;
	}
	store_series_walk_end(&w);
	buf_release(&text);
	return rc < 0 ? rc : 1;
}

struct hashing { struct store *s; struct buf text; void (*each)(void *, char kind, struct str what); void *self; };

static int
hash_pair(void *self, char kind, struct str label, struct str value)
{
	struct hashing *h = self;
	char hash[HASH];

	if (kind == 'k') {
		if (label.n && label.n <= LABEL_MOST)
			h->each(h->self, kind, label);
		return 0;
	}
	hash_of(h->s, &h->text, kind, label, value, hash);
	h->each(h->self, kind, (struct str){ hash, HASH });
	return 0;
}

void
store_postings_expect(struct store *s, const struct store_sample *x, void (*each)(void *, char kind, struct str what), void *self)
{
	struct hashing h = { .s = s, .each = each, .self = self };
	struct buf key = { 0 }, value = { 0 };

	each_pair(x, &key, &value, hash_pair, &h);
	buf_release(&key);
	buf_release(&value);
	buf_release(&h.text);
}

int
store_postings_entry(struct store *s, struct str key, struct str value, struct store_ids *ids, struct err *err)
{
	uint64_t n;

	ids->n = 0;
	if (key.n == 2 && key.p[1] == 'v')
		return value.n == 1 && value.p[0] == 1 ? 'v' : store_damaged(err, s, "an index of another form");
	if (key.n > 2 && key.p[1] == 'k')
		return varint_take(&value, &n) == 0 && value.n == 0 && n ? 'k' : store_damaged(err, s, "a label that cannot be read back");
	if (key.n != KEY || key.p[1] != 'p')
		return store_damaged(err, s, "an index entry of another form");
	return take_ids(s, key, value, ids, err) ? ERR_CORRUPT : 'p';
}
