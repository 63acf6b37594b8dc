/* series_copy.c - series and samples as they were at one moment, copied packed as they lie.
 *
 * Pieces change in place when the tail is sealed or samples are dropped, so what is read under one transaction after the other may be of
 * two states. A copy is made at the speed of memory (10 million samples are 9 MB), in memory or, where that is too much, in a
 * temporary file (base/aside.h), and read as long as anybody wants.
 *
 * Mostly one transaction does. What takes longer than one may last is copied in passes:
 *
 *      pass 1   series, postings, tail │ pieces … │ pieces … │ pieces       a transaction each
 *      pass 2   series, postings, tail   what changed meanwhile             the others are known by their checks, and not read again
 *      …
 *
 * until no piece has changed since the tail of the pass was copied (store_seals). So a copy is always of the moment of its tail, whatever
 * its size, and a pass after the first has little to do: 1 GB of pieces are looked through in a tenth of a second.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "store/rungs.h"

#define PASSES_MOST 8           /* whoever seals faster than that is not caught up with */
#define LOOK        16          /* entries between two looks at the clock */

/* ---- a table, or some of it */

/* An entry is this and its key, in as many bytes as are a multiple of 8. */
struct place { uint64_t at; struct store_mark mark; };

struct copied_table {
	size_t key_len, n;
	struct aside entries;           /* rising by their keys */
	struct aside values;            /* also those that entries of a pass before had */
};

struct store_series_copy {
	struct store *s;
	int users;
	struct copied_table series, postings, tail;     /* empty, unless all are there */
	struct copied_table pieces;
	struct copied_table before;     /* the entries of the pass before, of pieces */
	size_t known;                   /* how many of them are behind us */
	int indexed;                    /* postings are there */
	struct store_ladder ladder;

	int passes, changed;            /* since the pass began */
	uint64_t seals, next_series;    /* then */
	int64_t since;                  /* of the transaction, monotonic ns */
	unsigned steps;
};

static size_t
entry_len(const struct copied_table *t)
{
	return sizeof(struct place) + (t->key_len + 7) / 8 * 8;
}

static struct str
key_at(const struct copied_table *t, size_t i)
{
	return (struct str){ t->entries.p + i * entry_len(t) + sizeof(struct place), t->key_len };
}

static struct place
place_at(const struct copied_table *t, size_t i)
{
	struct place place;

	memcpy(&place, t->entries.p + i * entry_len(t), sizeof(place));
	return place;
}

static void
begin(struct copied_table *t, struct store *s, size_t key_len)
{
	*t = (struct copied_table){ .key_len = key_len, .entries.bound = &s->copies, .values.bound = &s->copies };
}

static void
clear(struct copied_table *t)
{
	t->n = t->entries.n = t->values.n = 0;
}

static void
release(struct copied_table *t)
{
	aside_release(&t->entries);
	aside_release(&t->values);
}

void
store_series_copy_release(struct store_series_copy *copy)
{
	if (!copy || __atomic_sub_fetch(&copy->users, 1, __ATOMIC_ACQ_REL))
		return;
	release(&copy->series);
	release(&copy->postings);
	release(&copy->tail);
	release(&copy->pieces);
	release(&copy->before);
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
	begin(&copy->series, s, 8);
	begin(&copy->postings, s, STORE_POSTINGS_KEY);
	begin(&copy->tail, s, 16);
	begin(&copy->pieces, s, 16);
	begin(&copy->before, s, 16);
	return copy;
}

/* Has the pass before the same entry? */
static int
unchanged(struct store_series_copy *copy, struct str key, const struct store_mark *mark, struct place *place)
{
	const struct copied_table *t = &copy->before;

	while (copy->known < t->n && str_cmp(key_at(t, copy->known), key) < 0)
		copy->known++;
	if (copy->known == t->n || !str_eq(key_at(t, copy->known), key))
		return 0;
	*place = place_at(t, copy->known);
	return memcmp(&place->mark, mark, sizeof(*mark)) == 0;
}

/* The entry at which a walk over keys stands. 0, < 0. */
static int
add(struct store_series_copy *copy, struct copied_table *t, const struct store_cursor *c, struct str key, struct err *err)
{
	static const char zeros[8];
	struct place place = { 0 };
	struct store_mark mark;
	struct str value;
	int rc = 0;

	if (key.n != t->key_len)
		return store_damaged(err, copy->s, "a key of samples of another length");
	if (t != &copy->pieces || store_walk_mark(c, &mark) || !unchanged(copy, key, &mark, &place)) {
		if ((rc = store_walk_value(c, key, &value, err)))
			return rc;
		place.at = t->values.n;
		store_walk_mark(c, &place.mark);
		rc = aside_add(&t->values, value.p, value.n, err);
	}
	if (rc || (rc = aside_add(&t->entries, &place, sizeof(place), err)) || (rc = aside_add(&t->entries, key.p, key.n, err)) ||
	    (rc = aside_add(&t->entries, zeros, entry_len(t) - sizeof(place) - key.n, err)))
		return rc;
	t->n++;
	return 0;
}

/* ---- a pass */

int
store_series_copy_pass(struct store_series_copy *copy, const struct store_view *v, struct err *err)
{
	struct store_head head;
	int rc;

	if (copy->passes++ == PASSES_MOST)
		return err_set(err, ERR_LIMIT, "%s: samples change faster than one moment of them, %zu MiB, can be copied; ask again when less comes in", copy->s->path,
		    copy->pieces.values.n >> 20);
	copy->since = time_mono_ns();
	if ((rc = store_seals(v, &copy->seals, err)) || (rc = store_view_head(v, &head, err)))
		return rc;
	copy->next_series = head.next_series;
	copy->changed = 0;
	copy->known = 0;
	clear(&copy->series);
	clear(&copy->postings);
	clear(&copy->tail);
	aside_release(&copy->before.entries);
	copy->before.entries = copy->pieces.entries;
	copy->before.n = copy->pieces.n;
	copy->pieces.entries = (struct aside){ .bound = &copy->s->copies };
	copy->pieces.n = 0;
	return 0;
}

/* Another transaction, once this one has lasted. No cursor of it is open. */
static int
renew(struct store_series_copy *copy, struct store_view *v, struct err *err)
{
	uint64_t seals;
	int rc;

	store_view_close(v);
	if ((rc = store_view_open(v, copy->s, err)))
		return rc;
	copy->since = time_mono_ns();
	if ((rc = store_seals(v, &seals, err)) == 0)
		copy->changed |= seals != copy->seals;
	return rc;
}

static int
is_over(struct store_series_copy *copy, const struct store_view *v)
{
	return v->own && ++copy->steps % LOOK == 0 && time_mono_ns() - copy->since >= store_view_ns(copy->s);
}

/* Of a table what lies from `from` on under keys that come before `behind` (n 0: all the others). */
static int
copy_range(struct store_series_copy *copy, struct copied_table *t, enum store_table table, struct store_view *v, struct str from, struct str behind,
    struct err *err)
{
	struct store_cursor c = { .view = v, .table = table, .keys_only = 1 };
	char last[64];
	struct str key, value;
	int rc = store_walk(&c, from, &key, &value, err);

	while (rc > 0 && (!behind.n || str_cmp(key, behind) < 0)) {
		if ((rc = add(copy, t, &c, key, err)))
			break;
		if (t != &copy->tail && is_over(copy, v)) {     /* whose moment it is that is copied */
			struct str at = { last, key.n };

			memcpy(last, key.p, key.n);     /* of the table's length, or it was not added */
			store_walk_end(&c);
			if ((rc = renew(copy, v, err)))
				break;
			rc = store_walk(&c, at, &key, &value, err);
			if (rc <= 0 || !str_eq(key, at))
				continue;
		}
		rc = store_walk_next(&c, &key, &value, err);
	}
	store_walk_end(&c);
	return rc < 0 ? rc : 0;
}

int
store_series_copy_pieces(struct store_series_copy *copy, struct store_view *v, uint64_t series, int64_t from, int64_t to, struct err *err)
{
	char key[16], end[16];
	struct store_cursor c = { .view = v, .table = STORE_SAMPLES, .keys_only = 1 };
	struct samples_coder coder = { 0 };
	struct samples_head head;
	struct str k, value;
	int rc = 0;

	if (from >= to)
		return 0;
	if (is_over(copy, v) && (rc = renew(copy, v, err)))
		return rc;
	store_piece_key(key, series, from);
	store_piece_key(end, series, to);
	rc = store_walk_before(&c, (struct str){ key, 16 }, &k, &value, err);
	if (rc > 0 && k.n == 16 && memcmp(k.p, key, 8) == 0 && (rc = store_walk_value(&c, k, &value, err)) == 0 &&
	    (samples_peek(&coder, value, &head) || head.last >= from))
		memcpy(key, k.p, 16);           /* it begins before, and reaches into the range */
	store_walk_end(&c);
	samples_coder_release(&coder);
	return rc < 0 ? rc : copy_range(copy, &copy->pieces, STORE_SAMPLES, v, (struct str){ key, 16 }, (struct str){ end, 16 }, err);
}

int
store_series_copy_series(struct store_series_copy *copy, struct store_view *v, struct err *err)
{
	struct store_head head;
	int rc = copy_range(copy, &copy->series, STORE_SERIES, v, (struct str){ 0 }, (struct str){ 0 }, err);

	if (rc == 0 && (rc = store_postings_complete(v, err)) > 0) {
		copy->indexed = 1;
		rc = copy_range(copy, &copy->postings, STORE_INDEX, v, STORE_POSTINGS, STORE_POSTINGS_END, err);
	}
	if (rc < 0 || (rc = store_ladder_of(v, &copy->ladder, err)) < 0 || (rc = store_view_head(v, &head, err)))
		return rc;
	copy->changed |= head.next_series != copy->next_series;
	return 0;
}

int
store_series_copy_samples(struct store_series_copy *copy, struct store_view *v, struct err *err)
{
	char first[16];
	int rc;

	store_piece_key(first, 1, INT64_MIN);   /* before it lies the tail, which is short */
	if ((rc = copy_range(copy, &copy->tail, STORE_SAMPLES, v, (struct str){ 0 }, (struct str){ first, 16 }, err)))
		return rc;
	return copy_range(copy, &copy->pieces, STORE_SAMPLES, v, (struct str){ first, 16 }, (struct str){ 0 }, err);
}

int
store_series_copy_done(struct store_series_copy *copy)
{
	if (!copy->changed)
		release(&copy->before);
	return !copy->changed;
}

int
store_series_copy_indexed(const struct store_series_copy *copy)
{
	return copy->indexed;
}

const struct store_ladder *
store_series_copy_ladder(const struct store_series_copy *copy)
{
	return &copy->ladder;
}

/* ---- reading it, or the table itself */

static const struct copied_table *
table_of(const struct store_series_walk *w)
{
	return w->c.table == STORE_SERIES ? &w->copy->series : w->c.table == STORE_INDEX ? &w->copy->postings : w->tail ? &w->copy->tail : &w->copy->pieces;
}

/* The first entry whose key is not before `from`. */
static size_t
first_from(const struct copied_table *t, struct str from)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (str_cmp(key_at(t, mid), from) < 0)
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
	struct place place;

	if (w->at >= t->n)
		return 0;
	place = place_at(t, w->at);
	*key = key_at(t, w->at);
	*value = (struct str){ t->values.p + place.at, place.mark.len };
	w->at++;
	return 1;
}

/* Where the walk's next key stands; series 0 is the tail. */
static size_t
find(struct store_series_walk *w, struct str from)
{
	w->tail = w->c.table == STORE_SAMPLES && from.n >= 8 && store_key64_get(from.p) == 0;
	return first_from(table_of(w), from);
}

int
store_series_walk(struct store_series_walk *w, struct str from, struct str *key, struct str *value, struct err *err)
{
	if (!w->copy)
		return store_walk(&w->c, from, key, value, err);
	w->at = find(w, from);
	return give(w, key, value);
}

int
store_series_walk_before(struct store_series_walk *w, struct str at, struct str *key, struct str *value, struct err *err)
{
	const struct copied_table *t;

	if (!w->copy)
		return store_walk_before(&w->c, at, key, value, err);
	w->at = find(w, at);
	t = table_of(w);
	if (w->at == t->n || !str_eq(key_at(t, w->at), at)) {
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
