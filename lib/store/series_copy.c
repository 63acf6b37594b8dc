/* series_copy.c - series and samples as they were at one moment, copied packed as they lie.
 *
 * Pieces change in place when the tail is sealed or samples are dropped, so what is read under one transaction after the other may be of
 * two states. A copy is made under one, at the speed of memory (10 million samples are 9 MB), and read as long as anybody wants.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "store/rungs.h"

/* ---- a table, or some of it */

struct copied_table {
	size_t key_len, n, cap;
	struct buf keys;                /* rising, one behind the other */
	struct buf values;
	struct copied_value { size_t at, len; } *value;
};

struct store_series_copy {
	struct store *s;
	int users;
	size_t bytes;
	struct copied_table series;     /* empty, unless all are there */
	struct copied_table samples;
	struct copied_table postings;   /* where they are indexed */
	int indexed;
	uint64_t seals;
	struct store_ladder ladder;
};

static void
add(struct copied_table *t, struct str key, struct str value)
{
	if (t->n == t->cap)
		t->value = mem_grow(t->value, t->cap = t->cap ? t->cap * 2 : 256, sizeof(*t->value));
	t->value[t->n].at = t->values.n;
	t->value[t->n++].len = value.n;
	buf_str(&t->keys, key);
	buf_str(&t->values, value);
}

static void
release(struct copied_table *t)
{
	buf_release(&t->keys);
	buf_release(&t->values);
	free(t->value);
}

void
store_series_copy_release(struct store_series_copy *copy)
{
	if (!copy || __atomic_sub_fetch(&copy->users, 1, __ATOMIC_ACQ_REL))
		return;
	release(&copy->series);
	release(&copy->samples);
	release(&copy->postings);
	__atomic_sub_fetch(&copy->s->copied, copy->bytes, __ATOMIC_RELAXED);
	free(copy);
}

struct store_series_copy *
store_series_copy_use(struct store_series_copy *copy)
{
	if (copy)
		__atomic_add_fetch(&copy->users, 1, __ATOMIC_RELAXED);
	return copy;
}

struct store_series_copy *
store_series_copy_new(struct store *s)
{
	struct store_series_copy *copy = mem_new(sizeof(*copy));

	copy->users = 1;
	copy->s = s;
	copy->series.key_len = 8;
	copy->samples.key_len = 16;
	copy->postings.key_len = STORE_POSTINGS_KEY;
	return copy;
}

/* 1 when it was added, 0 when it is one too many. */
static int
may_add(struct store_series_copy *copy, struct copied_table *t, struct str key, struct str value)
{
	struct store *s = copy->s;
	size_t most = s->copies_most ? s->copies_most : STORE_COPY_MOST, need = key.n + value.n + sizeof(struct copied_value);

	if (__atomic_add_fetch(&s->copied, need, __ATOMIC_RELAXED) > most) {
		__atomic_sub_fetch(&s->copied, need, __ATOMIC_RELAXED);
		return 0;
	}
	copy->bytes += need;
	add(t, key, value);
	return 1;
}

int
store_series_copy_pieces(struct store_series_copy *copy, const struct store_view *v, uint64_t series, int64_t from, int64_t to, struct err *err)
{
	char key[16];
	struct store_cursor c = { .view = v, .table = STORE_SAMPLES, .prefix = { key, 8 } };
	struct samples_coder coder = { 0 };
	struct samples_head head;
	struct str k, value;
	int rc, fits = 1;

	store_piece_key(key, series, from);
	rc = store_walk_before(&c, (struct str){ key, 16 }, &k, &value, err);
	if (rc == 0 || (rc > 0 && (k.n != 16 || memcmp(k.p, key, 8) || (samples_peek(&coder, value, &head) == 0 && head.last < from))))
		rc = store_walk(&c, (struct str){ key, 16 }, &k, &value, err);
	for (; rc > 0 && fits && k.n == 16 && memcmp(k.p, key, 8) == 0 && store_key_time_get(store_key64_get(k.p + 8)) < to;
	    rc = store_walk_next(&c, &k, &value, err))
		fits = may_add(copy, &copy->samples, k, value);
	store_walk_end(&c);
	samples_coder_release(&coder);
	return rc < 0 ? rc : fits;
}

static int
copy_table(struct store_series_copy *copy, struct copied_table *t, enum store_table table, const struct store_view *v, struct err *err)
{
	struct store_cursor c = { .view = v, .table = table };
	struct str key, value;
	int rc, fits = 1;

	while (fits && (rc = store_walk_next(&c, &key, &value, err)) > 0)
		fits = key.n == t->key_len ? may_add(copy, t, key, value) : store_damaged(err, v->s, "a key of samples of another length");
	store_walk_end(&c);
	return fits < 1 ? fits : rc < 0 ? rc : 1;
}

/* The table has more than them. */
static int
copy_postings(struct store_series_copy *copy, const struct store_view *v, struct err *err)
{
	struct store_cursor c = { .view = v, .table = STORE_INDEX, .prefix = STORE_POSTINGS };
	struct str key, value;
	int rc = store_postings_complete(v, err), fits = 1;

	if (rc <= 0)
		return rc < 0 ? rc : 1;
	copy->indexed = 1;
	for (rc = store_walk(&c, c.prefix, &key, &value, err); rc > 0 && fits > 0 && key.n >= c.prefix.n && memcmp(key.p, c.prefix.p, c.prefix.n) == 0;
	    rc = store_walk_next(&c, &key, &value, err))
		fits = key.n == STORE_POSTINGS_KEY ? may_add(copy, &copy->postings, key, value) : store_damaged(err, v->s, "an index key of another length");
	store_walk_end(&c);
	return fits < 1 ? fits : rc < 0 ? rc : 1;
}

int
store_series_copy_all(struct store_series_copy *copy, const struct store_view *v, struct err *err)
{
	int rc = store_ladder_of(v, &copy->ladder, err);

	if (rc < 0 || (rc = store_seals(v, &copy->seals, err)) < 0 || (rc = copy_table(copy, &copy->series, STORE_SERIES, v, err)) <= 0 ||
	    (rc = copy_postings(copy, v, err)) <= 0)
		return rc;
	return copy_table(copy, &copy->samples, STORE_SAMPLES, v, err);
}

int
store_series_copy_indexed(const struct store_series_copy *copy)
{
	return copy->indexed;
}

void
store_series_copy_heads(const struct store_series_copy *copy, uint64_t *seals, struct store_ladder *ladder)
{
	if (seals)
		*seals = copy->seals;
	*ladder = copy->ladder;
}

/* ---- reading it, or the table itself */

static const struct copied_table *
table_of(const struct store_series_walk *w)
{
	return w->c.table == STORE_SERIES ? &w->copy->series : w->c.table == STORE_INDEX ? &w->copy->postings : &w->copy->samples;
}

/* The first entry whose key is not before `from`. */
static size_t
first_from(const struct copied_table *t, struct str from)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (str_cmp((struct str){ t->keys.p + mid * t->key_len, t->key_len }, from) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int
give(struct store_series_walk *w, struct str *key, struct str *value)
{
	const struct copied_table *t = table_of(w);

	if (w->at >= t->n)
		return 0;
	*key = (struct str){ t->keys.p + w->at * t->key_len, t->key_len };
	*value = (struct str){ t->values.p + t->value[w->at].at, t->value[w->at].len };
	w->at++;
	return 1;
}

int
store_series_walk(struct store_series_walk *w, struct str from, struct str *key, struct str *value, struct err *err)
{
	if (!w->copy)
		return store_walk(&w->c, from, key, value, err);
	w->at = first_from(table_of(w), from);
	return give(w, key, value);
}

int
store_series_walk_before(struct store_series_walk *w, struct str at, struct str *key, struct str *value, struct err *err)
{
	const struct copied_table *t;

	if (!w->copy)
		return store_walk_before(&w->c, at, key, value, err);
	t = table_of(w);
	w->at = first_from(t, at);
	if (w->at == t->n || memcmp(t->keys.p + w->at * t->key_len, at.p, t->key_len)) {
		if (w->at == 0)
			return 0;
		w->at--;
	}
	return give(w, key, value);
}

int
store_series_walk_next(struct store_series_walk *w, struct str *key, struct str *value, struct err *err)
{
	return w->copy ? give(w, key, value) : store_walk_next(&w->c, key, value, err);
}

void
store_series_walk_end(struct store_series_walk *w)
{
	store_walk_end(&w->c);
}
