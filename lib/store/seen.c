/* seen.c - was this event id seen lately? dedupe.h says how the runs look; here is how they come, merge and go.
 *
 * META "runs" lists them: varint greatest span asked for, then for each run: number, entries, least time, greatest time,
 * when it was made (wall clock). Runs of one slice of the wall clock (a quarter of the span) merge eight to one; older
 * slices merge to one run each; a run goes when its times are older than the span counted from the newest time, and it was
 * made longer ago than the span (so that a replay of old events keeps its ids as long as any other).
 *
 * A writer keeps each run's filter in memory, read and checked once (10 bits an id).
 */
#include <stdlib.h>

#include "base/mem.h"
#include "codec/varint.h"
#include "store/store_priv.h"

#define RECENT_MOST 16384       /* ids that wait in STORE_RECENT: read again whenever another process has written some */
#define FAN         8           /* runs of one size that make one of the next */
#define MERGE_MOST  (64u << 20) /* entries of the largest run */
#define SLICES      4           /* of a span */
#define SLOTS       65536       /* of the table in memory: a quarter full at most */

struct run {
	uint64_t id, n;
	int64_t least, greatest, made;
	unsigned char *lines;           /* NULL: not read yet */
	size_t n_lines, n_parts;
	uint64_t *first;                /* `low` of the first entry of each part */
	unsigned char *checked;         /* parts whose CRC was good */
	size_t part;                    /* the part at hand */
};

struct dedupe {
	struct dedupe_entry *entry;     /* recent ids: n of them, the last n - kept not yet in STORE_RECENT */
	size_t n, kept, cap;
	uint32_t *slot;                 /* index + 1 into entry, by low */
	struct run *run;
	size_t n_runs;
	int64_t span, newest;           /* the greatest asked for */
	uint64_t version;               /* of the tables this is like */
	int loaded, list_changed;
	const void *txn;                /* that it was compared with the store in */
};

static void
free_run(struct run *r)
{
	free(r->lines);
	free(r->first);
	free(r->checked);
}

void
dedupe_free(struct dedupe *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n_runs; i++)
		free_run(&d->run[i]);
	free(d->run);
	free(d->entry);
	free(d->slot);
	free(d);
}

static void
insert(struct dedupe *d, const struct dedupe_entry *e)
{
	size_t i = e->low & (SLOTS - 1);

	if (d->n == d->cap)
		d->entry = mem_grow(d->entry, d->cap = d->cap ? d->cap * 2 : 1024, sizeof(*d->entry));
	while (d->slot[i])
		i = (i + 1) & (SLOTS - 1);
	d->entry[d->n++] = *e;
	d->slot[i] = (uint32_t)d->n;
}

static int
within(int64_t a, int64_t b, int64_t span)
{
	uint64_t apart = a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;

	return apart < (uint64_t)span;
}

static int
is_recent(const struct dedupe *d, uint64_t low, uint64_t high, int64_t time, int64_t span)
{
	for (size_t i = low & (SLOTS - 1); d->slot[i]; i = (i + 1) & (SLOTS - 1)) {
		const struct dedupe_entry *e = &d->entry[d->slot[i] - 1];

		if (e->low == low && e->high == high && within(e->time, time, span))
			return 1;
	}
	return 0;
}

/* ---- reading what the store has */

static int
load_recent(struct store *s, struct dedupe *d, struct err *err)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_RECENT };
	struct str key, value;
	int rc;

	memset(d->slot, 0, SLOTS * sizeof(*d->slot));
	d->n = 0;
	store_view_of_txn(s, &v);
	while ((rc = store_walk_next(&c, &key, &value, err)) > 0) {
		if (value.n % 24 || d->n + value.n / 24 > SLOTS / 2) {
			rc = store_damaged(err, s, "a list of event ids of another length");
			break;
		}
		for (size_t at = 0; at < value.n; at += 24) {
			struct dedupe_entry e;

			dedupe_get(value.p + at, &e);
			insert(d, &e);
		}
	}
	store_walk_end(&c);
	d->kept = d->n;
	return rc;
}

static int
load_list(struct store *s, struct dedupe *d, struct err *err)
{
	struct store_view v;
	struct run *was = d->run;
	size_t n_was = d->n_runs;
	struct str value;
	uint64_t span;
	int rc;

	store_view_of_txn(s, &v);
	d->run = NULL;
	d->n_runs = 0;
	d->newest = INT64_MIN;
	if ((rc = store_fetch(&v, STORE_META, STR("runs"), &value, err)) > 0) {
		rc = 0;
		if (varint_take(&value, &span) || span > INT64_MAX)
			rc = store_damaged(err, s, "the list of runs cannot be read back");
		else
			d->span = (int64_t)span > d->span ? (int64_t)span : d->span;
		while (rc == 0 && value.n) {
			struct run r = { 0 };

			if (varint_take(&value, &r.id) || varint_take(&value, &r.n) || varint_take_signed(&value, &r.least) ||
			    varint_take_signed(&value, &r.greatest) || varint_take_signed(&value, &r.made) || r.n == 0 || r.n > DEDUPE_MOST ||
			    r.least < TIME_MIN || r.least > r.greatest || r.greatest > TIME_MAX || r.made < TIME_MIN || r.made > TIME_MAX) {
				rc = store_damaged(err, s, "the list of runs cannot be read back");
				break;
			}
			for (size_t i = 0; i < n_was; i++)
				if (was[i].id == r.id && was[i].n == r.n && was[i].lines) {
					r = was[i];
					was[i] = (struct run){ 0 };
					break;
				}
			d->run = mem_grow(d->run, d->n_runs + 1, sizeof(*d->run));
			d->run[d->n_runs++] = r;
			d->newest = r.greatest > d->newest ? r.greatest : d->newest;
		}
	}
	for (size_t i = 0; i < n_was; i++)
		free_run(&was[i]);
	free(was);
	return rc;
}

static int
same_as_store(struct store *s, struct err *err)
{
	struct dedupe *d = s->dedupe;
	int rc;

	if (!d) {
		d = s->dedupe = mem_new(sizeof(*d));
		d->slot = mem_new(SLOTS * sizeof(*d->slot));
	}
	if (d->loaded && d->version == s->head.dedupe)
		return 0;
	d->loaded = 0;
	if ((rc = load_recent(s, d, err)) || (rc = load_list(s, d, err)))
		return rc;
	for (size_t i = 0; i < d->n; i++)
		d->newest = d->entry[i].time > d->newest ? d->entry[i].time : d->newest;
	d->loaded = 1;
	d->list_changed = 0;
	d->version = s->head.dedupe;
	return 0;
}

static void
run_key(char key[12], uint64_t id, size_t part)
{
	store_key64(key, id);
	for (int i = 0; i < 4; i++)
		key[8 + i] = (char)(part >> (8 * (3 - i)));
}

static uint64_t
get64(const char *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static int
load_run(struct store *s, struct run *r, struct err *err)
{
	struct dedupe_run head;
	struct store_view v;
	struct str value;
	char key[12];
	int rc;

	store_view_of_txn(s, &v);
	run_key(key, r->id, 0);
	if ((rc = store_fetch(&v, STORE_RUNS, (struct str){ key, 12 }, &value, err)) < 0)
		return rc;
	if (rc == 0 || dedupe_run_head(value, &head) || head.n != r->n)
		return store_damaged(err, s, "a run of event ids without its head");
	r->n_parts = head.n_parts;
	r->n_lines = head.n_lines;
	r->lines = mem_dup(head.lines, head.n_lines * 64);
	r->first = mem_grow(NULL, r->n_parts, sizeof(*r->first));
	for (size_t i = 0; i < r->n_parts; i++)
		r->first[i] = get64(head.firsts + 8 * i);
	r->checked = mem_new(r->n_parts);
	return 0;
}

/* Entries of a part. The CRC is computed when this process reads it first: a part is a megabyte, and a look at it a few lines. */
static int
part_of(struct store *s, struct run *r, size_t part, struct str *entries, struct err *err)
{
	struct store_view v;
	char key[12];
	int rc;

	store_view_of_txn(s, &v);
	run_key(key, r->id, part + 1);
	rc = r->checked[part] ? store_fetch_again(&v, STORE_RUNS, (struct str){ key, 12 }, entries, err) :
	    store_fetch(&v, STORE_RUNS, (struct str){ key, 12 }, entries, err);
	if (rc == 0)
		return store_damaged(err, s, "a run of event ids lacks a part");
	r->checked[part] |= rc > 0;
	return rc < 0 ? rc : 0;
}

static int
in_run(struct store *s, struct run *r, uint64_t low, uint64_t high, int64_t time, int64_t span, struct err *err)
{
	size_t a = 0, b;
	struct str entries;
	int64_t found;
	int rc;

	if (!r->lines && (rc = load_run(s, r, err)))
		return rc;
	if (!dedupe_filter_has(r->lines, r->n_lines, low, high))
		return 0;
	for (b = r->n_parts; a < b; ) {         /* parts that begin at or before it */
		size_t middle = a + (b - a) / 2;

		if (r->first[middle] <= low)
			a = middle + 1;
		else
			b = middle;
	}
	for (; a > 0; a--) {
		if ((rc = part_of(s, r, a - 1, &entries, err)))
			return rc;
		if ((rc = dedupe_find(entries, low, high, time, &found)) < 0)
			return store_damaged(err, s, "a run of event ids of another length");
		if (rc && within(found, time, span))
			return 1;
		if (r->first[a - 1] != low)     /* else it may have begun in the part before */
			break;
	}
	return 0;
}

/* ---- writing runs */

struct writer {                         /* of a run: entries come sorted */
	struct store *s;
	struct run run;
	uint64_t expected;
	struct buf part;
	size_t in_part;
};

static int
end_part(struct writer *w, struct err *err)
{
	char key[12];
	int rc;

	if (w->in_part == 0)
		return 0;
	run_key(key, w->run.id, ++w->run.n_parts);
	rc = store_put_last(w->s, STORE_RUNS, (struct str){ key, 12 }, buf_get(&w->part), err);
	buf_clear(&w->part);
	w->in_part = 0;
	return rc;
}

static void
begin_run(struct writer *w, struct store *s, uint64_t expected)
{
	*w = (struct writer){ .s = s, .expected = expected };
	w->run.id = s->head.next_run++;
	w->run.least = INT64_MAX;
	w->run.greatest = INT64_MIN;
	w->run.n_lines = dedupe_filter_lines(expected);
	w->run.lines = mem_new(w->run.n_lines * 64);
	w->run.first = mem_new((expected / DEDUPE_PART + 1) * sizeof(*w->run.first));
}

static int
add_entry(struct writer *w, const struct dedupe_entry *e, struct err *err)
{
	int rc;

	if (w->in_part == DEDUPE_PART && (rc = end_part(w, err)))
		return rc;
	if (w->in_part++ == 0)
		w->run.first[w->run.n_parts] = e->low;
	dedupe_put(&w->part, e, 1);
	dedupe_filter_add(w->run.lines, w->run.n_lines, e->low, e->high);
	w->run.least = e->time < w->run.least ? e->time : w->run.least;
	w->run.greatest = e->time > w->run.greatest ? e->time : w->run.greatest;
	w->run.n++;
	return 0;
}

/* The head comes last but lies first: the key is smaller, so it is no append. */
static int
end_run(struct writer *w, int64_t made, struct err *err)
{
	struct dedupe *d = w->s->dedupe;
	struct buf head = { 0 };
	char key[12];
	int rc;

	if ((rc = end_part(w, err)) == 0) {
		dedupe_put_head(&head, w->run.n, w->run.least, w->run.greatest, w->run.first, w->run.n_parts, w->run.lines, w->run.n_lines);
		run_key(key, w->run.id, 0);
		rc = store_put(w->s, STORE_RUNS, (struct str){ key, 12 }, buf_get(&head), err);
	}
	buf_release(&head);
	buf_release(&w->part);
	if (rc) {
		free_run(&w->run);
		return rc;
	}
	w->run.made = made;
	w->run.checked = mem_new(w->run.n_parts);
	d->run = mem_grow(d->run, d->n_runs + 1, sizeof(*d->run));
	d->run[d->n_runs++] = w->run;
	d->list_changed = 1;
	return 0;
}

static int
drop_run(struct store *s, size_t at, struct err *err)
{
	struct dedupe *d = s->dedupe;
	struct run *r = &d->run[at];
	struct store_view v;
	struct str k, value;
	char key[12];
	int rc, there;

	store_view_of_txn(s, &v);
	run_key(key, r->id, 0);
	do {                            /* whatever parts there are */
		struct store_cursor c = { .view = &v, .table = STORE_RUNS, .keys_only = 1 };

		rc = store_walk(&c, (struct str){ key, 12 }, &k, &value, err);
		if ((there = rc > 0 && k.n == 12 && memcmp(k.p, key, 8) == 0))
			memcpy(key, k.p, 12);
		store_walk_end(&c);
		if (rc < 0 || (there && (rc = store_delete(s, STORE_RUNS, (struct str){ key, 12 }, err))))
			return rc;
	} while (there);
	free_run(r);
	memmove(r, r + 1, (d->n_runs - at - 1) * sizeof(*r));
	d->n_runs--;
	d->list_changed = 1;
	return 0;
}

struct feed {                           /* a run being merged: a part copied out at a time, as writing may move it */
	struct run *run;
	struct buf part;
	size_t next_part, at;
	struct dedupe_entry e;
	int ended;
};

static int
feed_next(struct store *s, struct feed *f, struct err *err)
{
	struct str entries;
	int rc;

	if (f->at >= f->part.n) {
		if (f->next_part == f->run->n_parts) {
			f->ended = 1;
			return 0;
		}
		if ((rc = part_of(s, f->run, f->next_part++, &entries, err)))
			return rc;
		if (entries.n == 0 || entries.n % 24)
			return store_damaged(err, s, "a run of event ids of another length");
		buf_clear(&f->part);
		buf_str(&f->part, entries);
		f->at = 0;
	}
	dedupe_get(f->part.p + f->at, &f->e);
	f->at += 24;
	return 0;
}

/* Make one run of those whose `pick` is set. */
static int
merge_runs(struct store *s, const unsigned char *pick, struct err *err)
{
	struct dedupe *d = s->dedupe;
	struct feed *feed = mem_new(d->n_runs * sizeof(*feed));
	size_t n = 0, was = d->n_runs;
	uint64_t expected = 0;
	int64_t made = INT64_MIN;
	struct writer w;
	int rc = 0;

	for (size_t i = 0; i < was && rc == 0; i++)
		if (pick[i]) {
			if (!d->run[i].lines && (rc = load_run(s, &d->run[i], err)))
				break;
			feed[n].run = &d->run[i];
			expected += d->run[i].n;
			made = d->run[i].made > made ? d->run[i].made : made;
			rc = feed_next(s, &feed[n++], err);
		}
	if (rc == 0) {
		begin_run(&w, s, expected);
		while (rc == 0) {
			struct feed *least = NULL;

			for (size_t i = 0; i < n; i++)
				if (!feed[i].ended && (!least || feed[i].e.low < least->e.low ||
				    (feed[i].e.low == least->e.low && feed[i].e.high < least->e.high)))
					least = &feed[i];
			if (!least || w.run.n == expected)
				break;
			if ((rc = add_entry(&w, &least->e, err)) == 0)
				rc = feed_next(s, least, err);
		}
		if (rc == 0) {
			rc = end_run(&w, made, err);
		} else {
			buf_release(&w.part);
			free_run(&w.run);
		}
	}
	for (size_t i = 0; i < n; i++)
		buf_release(&feed[i].part);
	free(feed);
	for (size_t i = was; i-- > 0 && rc == 0; )
		if (pick[i])
			rc = drop_run(s, i, err);
	return rc;
}

static int
size_class(uint64_t n)
{
	int c = 0;

	for (n /= RECENT_MOST; n >= FAN; n /= FAN)
		c++;
	return c;
}

/* Let go what is too old, then merge. */
static int
tidy_runs(struct store *s, struct err *err)
{
	struct dedupe *d = s->dedupe;
	int64_t wall = time_wall(), slice = d->span / SLICES + 1;
	int rc;

	for (size_t i = d->n_runs; i-- > 0; )
		if (!within(d->newest, d->run[i].greatest, d->span) && wall - d->run[i].made > d->span && (rc = drop_run(s, i, err)))
			return rc;
	for (;;) {
		unsigned char *pick = mem_new(d->n_runs + 1);
		size_t n = 0;
		uint64_t sum = 0;

		for (size_t i = 0; i < d->n_runs && n < 2; i++) {
			int64_t of = d->run[i].made / slice;
			int old = of < wall / slice, class = size_class(d->run[i].n);

			memset(pick, 0, d->n_runs);
			for (size_t k = n = sum = 0; k < d->n_runs; k++)
				if (d->run[k].made / slice == of && (old || size_class(d->run[k].n) == class) && sum + d->run[k].n <= MERGE_MOST) {
					pick[k] = 1;
					sum += d->run[k].n;
					n++;
				}
			if (!old && n < FAN)
				n = 0;
		}
		rc = n < 2 ? 1 : merge_runs(s, pick, err);
		free(pick);
		if (rc)
			return rc < 0 ? rc : 0;
	}
}

/* The ids in memory become a run. */
static int
write_run(struct store *s, struct err *err)
{
	struct dedupe *d = s->dedupe;
	struct writer w;
	int rc = 0;

	dedupe_sort(d->entry, d->n);
	begin_run(&w, s, d->n);
	for (size_t i = 0; i < d->n && rc == 0; i++)
		rc = add_entry(&w, &d->entry[i], err);
	if (rc) {
		buf_release(&w.part);
		free_run(&w.run);
		return rc;
	}
	d->n = d->kept = 0;
	memset(d->slot, 0, SLOTS * sizeof(*d->slot));
	s->head.recent = 0;
	if ((rc = end_run(&w, time_wall(), err)) || (rc = store_empty(s, STORE_RECENT, err)))
		return rc;
	return tidy_runs(s, err);
}

/* As store_was_seen; *e is the id's entry. */
static int
look_for(struct store *s, struct str id, int64_t time, int64_t span_ms, struct dedupe_entry *e, struct err *err)
{
	struct dedupe *d;
	uint64_t hash[2];
	int rc;

	if (!s->txn)
		return err_set(err, ERR_IO, "%s: no transaction is open", s->path);
	if ((!s->dedupe || s->dedupe->txn != s->txn || !s->dedupe->loaded) && (rc = same_as_store(s, err)))
		return rc;
	d = s->dedupe;
	d->txn = s->txn;
	store_hash(s, id, hash);
	*e = (struct dedupe_entry){ hash[0], hash[1], time };
	if (is_recent(d, e->low, e->high, time, span_ms))
		return 1;
	for (size_t i = d->n_runs; i-- > 0; ) {
		struct run *r = &d->run[i];

		if ((time < r->least && !within(time, r->least, span_ms)) || (time > r->greatest && !within(time, r->greatest, span_ms)))
			continue;
		if ((rc = in_run(s, r, e->low, e->high, time, span_ms, err)))
			return rc;
	}
	return 0;
}

int
store_was_seen(struct store *s, struct str id, int64_t time, int64_t span_ms, struct err *err)
{
	struct dedupe_entry e;

	return look_for(s, id, time, span_ms, &e, err);
}

int
store_seen(struct store *s, struct str id, int64_t time, int64_t span_ms, struct err *err)
{
	struct dedupe_entry e;
	struct dedupe *d;
	int rc;

	if ((rc = look_for(s, id, time, span_ms, &e, err)))
		return rc;
	d = s->dedupe;
	d->span = span_ms > d->span ? span_ms : d->span;
	d->newest = time > d->newest ? time : d->newest;
	insert(d, &e);
	s->changed = 1;
	return d->n >= RECENT_MOST ? write_run(s, err) : 0;
}

int
store_flush_dedupe(struct store *s, struct err *err)
{
	struct dedupe *d = s->dedupe;
	struct buf b = { 0 };
	char key[8];
	int rc = 0;

	if (!d || !d->loaded || d->txn != s->txn || (d->n == d->kept && !d->list_changed))
		return 0;
	if (d->n > d->kept) {
		dedupe_put(&b, d->entry + d->kept, d->n - d->kept);
		store_key64(key, s->head.next_recent++);
		rc = store_put_last(s, STORE_RECENT, (struct str){ key, 8 }, buf_get(&b), err);
		d->kept = d->n;
		s->head.recent = d->n;
	}
	if (rc == 0 && d->list_changed) {
		buf_clear(&b);
		varint_put(&b, (uint64_t)d->span);
		for (size_t i = 0; i < d->n_runs; i++) {
			varint_put(&b, d->run[i].id);
			varint_put(&b, d->run[i].n);
			varint_put_signed(&b, d->run[i].least);
			varint_put_signed(&b, d->run[i].greatest);
			varint_put_signed(&b, d->run[i].made);
		}
		rc = store_put(s, STORE_META, STR("runs"), buf_get(&b), err);
		d->list_changed = 0;
	}
	d->version = ++s->head.dedupe;
	buf_release(&b);
	return rc;
}

/* The transaction is over: where it failed, what is in memory is not what the store has. */
void
store_forget_dedupe(struct store *s, int committed)
{
	if (!s->dedupe)
		return;
	if (!committed && s->dedupe->txn == s->txn) {
		for (size_t i = 0; i < s->dedupe->n_runs; i++)
			free_run(&s->dedupe->run[i]);
		s->dedupe->n_runs = 0;
		s->dedupe->loaded = 0;
	}
	s->dedupe->txn = NULL;
}
