/* verify.c - reading everything back and telling what does not hold together.
 *
 * The small tables are compared under one transaction; chunks, which are most of the bytes, are then read one by one, each in
 * its own, while a lock as a scan's (snapshot.c) keeps those of the list in the file.
 */
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "codec/varint.h"
#include "store/chunk.h"
#include "store/rungs.h"

struct check {
	struct store *s;
	struct store_view view;
	struct store_head head;
	void (*tell)(void *, const char *);
	void *self;
	int found;
	struct map names, keys, chunks; /* name -> count seen; property key -> count seen; chunk id (8 bytes) -> 1 listed, 2 removed */
	struct buf headers;             /* chunk id, header: as it was listed */
	struct buf vocab;               /* key, value: as it was listed */
	uint64_t events;
	struct { uint64_t n, series, tail; int64_t last; struct samples piece; struct samples_coder coder; struct buf body; } samples;
	struct map postings;            /* hash, series (8 bytes) -> 1 there, 2 and meant to be; label -> series less those found */
	int has_postings;
	struct { struct buf series; uint64_t n, last; } rungs;  /* those that have pieces, with the rung in the highest byte */
	struct { struct dedupe_run head; uint64_t id, left; } run;
	uint64_t recent;                /* ids */
	int incomplete;                 /* something could not be read: sums are not compared */
	struct pack pack;
	struct buf plain;               /* a batch of the tail */
};

static void __attribute__((format(printf, 2, 3)))
tell(struct check *c, const char *fmt, ...)
{
	char text[500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->found++;
	c->tell(c->self, text);
}

/* Walk a table; `each` sees good entries. Damaged ones are told. */
static uint64_t
walk(struct check *c, enum store_table table, int keys_only, void (*each)(struct check *, struct str key, struct str value))
{
	struct store_cursor cur = { .view = &c->view, .table = table, .keys_only = keys_only };
	struct str key = { 0 }, value, again, was = { 0 };
	struct err err = { 0 };
	uint64_t n = 0, counted;
	int rc;

	while ((rc = store_walk_next(&cur, &key, &value, &err))) {
		if (rc < 0) {
			if (table == STORE_TAIL && !cur.ended && key.n == 8)
				tell(c, "tail: %s, the events from number %llu on", err.text, (unsigned long long)store_key64_get(key.p));
			else if (table == STORE_CHUNKS && !cur.ended && key.n == 8)
				tell(c, "chunk %llu: %s", (unsigned long long)store_key64_get(key.p), err.text);
			else
				tell(c, "%s", err.text);
			err_clear(&err);
			c->incomplete = 1;
			if (cur.ended)
				break;
			n++;
			continue;
		}
		if (was.p && str_cmp(was, key) >= 0) {
			tell(c, "table %s: keys out of order", store_table_names[table]);
			c->incomplete = 1;
			break;
		}
		was = key;
		n++;
		if (store_fetch_again(&c->view, table, key, &again, &err) != 1) {       /* the tree leads to it, too */
			tell(c, "table %s: an entry that cannot be looked up", store_table_names[table]);
			err_clear(&err);
			c->incomplete = 1;
		}
		each(c, key, value);
	}
	store_walk_end(&cur);
	if (rc == 0 && store_count(&c->view, table, &counted, &err) == 0 && counted != n) {
		tell(c, "table %s: %llu entries, but its tree says %llu", store_table_names[table], (unsigned long long)n, (unsigned long long)counted);
		c->incomplete = 1;
	}
	return n;
}

static void
count_into(struct map *m, struct str key, int64_t n)
{
	map_put(m, key, NULL)->num += n;
}

/* ---- the small tables */

static void
see_nothing(struct check *c, struct str key, struct str value)
{
	(void)c, (void)key, (void)value;
}

static int
event_ok(const struct event *ev)
{
	return ev->name.n >= 1 && ev->name.n <= EVENT_NAME_MOST && ev->time >= TIME_MIN && ev->time <= TIME_MAX && ev->properties.n >= 2 &&
	    ev->properties.p[0] == '{' && ev->properties.p[ev->properties.n - 1] == '}';
}

static void
see_keys(struct check *c, const struct keys *keys)
{
	struct buf scratch = { 0 };

	for (size_t i = 0; i < keys->n; i++)
		count_into(&c->keys, keys_text(keys->one[i].raw, &scratch), keys->one[i].count);
	buf_release(&scratch);
}

static void
see_batch(struct check *c, struct str key, struct str value)
{
	struct tail_iter it;
	struct event ev;
	struct keys keys = { 0 };
	int rc = key.n == 8 && tail_plain(value, &c->pack, &c->plain, &value) == 0 ? tail_value(value, store_key64_get(key.p), &it) : -1;

	while (rc == 0 && (rc = tail_next(&it, &ev)) == 1) {
		rc = event_ok(&ev) && ev.seq < c->head.next_seq ? 0 : -1;
		count_into(&c->names, ev.name, 1);
		keys_count(&keys, ev.properties);
		c->events++;
	}
	see_keys(c, &keys);
	keys_release(&keys);
	if (rc < 0) {
		tell(c, "tail: a batch holds what is no row, the events from number %llu on", key.n == 8 ? (unsigned long long)store_key64_get(key.p) : 0);
		c->incomplete = 1;
	}
}

static void
see_chunk(struct check *c, struct str key, struct str value)
{
	struct chunk_info info;
	struct err err = { 0 };

	if (key.n != 8 || chunk_info(value, &info, &err)) {
		tell(c, "chunk: %s", key.n == 8 ? err.text : "a key of another length");
		c->incomplete = 1;
		return;
	}
	if (store_key64_get(key.p) >= c->head.next_chunk)
		tell(c, "chunk %llu: a number not yet given", (unsigned long long)store_key64_get(key.p));
	map_put(&c->chunks, key, NULL)->num = 1;
	buf_add(&c->headers, key.p, 8);
	varint_put_str(&c->headers, value);
}

static void
see_removed(struct check *c, struct str key, struct str value)
{
	struct map_entry *e;

	if (key.n != 16 || value.n) {
		tell(c, "removed: an entry of another length");
		return;
	}
	e = map_put(&c->chunks, (struct str){ key.p + 8, 8 }, NULL);
	if (e->num == 1)
		tell(c, "chunk %llu: listed and removed", (unsigned long long)store_key64_get(key.p + 8));
	e->num = 2;
}

static void
see_block(struct check *c, struct str key, struct str value)
{
	(void)value;
	if (key.n != 12 || ((unsigned char)key.p[8] >= CHUNK_COLUMNS && (unsigned char)key.p[8] != STORE_KEPT_COLUMN))
		tell(c, "blocks: a key of another form");
	else if (!map_find(&c->chunks, (struct str){ key.p, 8 }))
		tell(c, "chunk %llu: a block of a chunk that is not there", (unsigned long long)store_key64_get(key.p));
}

static void
see_vocab(struct check *c, struct str key, struct str value)
{
	varint_put_str(&c->vocab, key);
	varint_put_str(&c->vocab, value);
}

static void
see_state(struct check *c, struct str key, struct str value)
{
	const char *end = memchr(key.p, 0, key.n);
	struct str name;

	if (!end || varint_take_str(&value, &name))
		tell(c, "state: an entry without its name");
}

static void
see_row(struct check *c, struct str key, struct str value)
{
	const char *end = memchr(key.p, 0, key.n);
	struct err err = { 0 };

	if (!end || key.n != (size_t)(end - key.p) + 17)
		tell(c, "rows: a key of another form");
	else if (json_check(value, &err))
		tell(c, "rows: no JSON: %s", err.text);
}

static void
see_posting(struct check *c, struct str key, struct str value)
{
	struct store_ids ids = { 0 };
	struct err err = { 0 };
	int kind = store_postings_entry(c->s, key, value, &ids, &err);
	char entry[24];
	uint64_t n;

	if (kind < 0) {
		tell(c, "index: %s", err.text);
		c->incomplete = 1;
	}
	if (kind == 'v')
		c->has_postings = 1;
	if (kind == 'k' && varint_take(&value, &n) == 0)
		map_put(&c->postings, (struct str){ key.p + 1, key.n - 1 }, NULL)->num = (int64_t)n;
	for (size_t i = 0; i < ids.n && kind == 'p'; i++) {
		memcpy(entry, key.p + 2, 16);
		store_key64(entry + 16, ids.id[i]);
		map_put(&c->postings, (struct str){ entry, 24 }, NULL)->num = 1;
	}
	free(ids.id);
}

static void
see_index(struct check *c, struct str key, struct str value)
{
	struct str series;
	struct err err = { 0 };

	if (key.n && (unsigned char)key.p[0] == 0xff)
		see_posting(c, key, value);
	else if (value.n != 8 || store_fetch(&c->view, STORE_SERIES, value, &series, &err) != 1)
		tell(c, "index: an entry without its series");
}

struct expecting { struct check *c; uint64_t series; };

static void
expect_posting(void *self, char kind, struct str what)
{
	struct expecting *x = self;
	struct map_entry *e;
	char entry[24];

	if (kind == 'k') {
		struct buf key = { 0 };

		buf_byte(&key, 'k');
		buf_str(&key, what);
		map_put(&x->c->postings, buf_get(&key), NULL)->num--;
		buf_release(&key);
		return;
	}
	memcpy(entry, what.p, 16);
	store_key64(entry + 16, x->series);
	e = map_find(&x->c->postings, (struct str){ entry, 24 });
	if (!e)
		tell(x->c, "index: series %llu is not under one of its names", (unsigned long long)x->series);
	else
		e->num = 2;
}

static void
see_series(struct check *c, struct str key, struct str value)
{
	struct store_sample x = { 0 };
	struct expecting expecting = { c, 0 };

	if (key.n != 8 || store_key64_get(key.p) >= c->head.next_series) {
		tell(c, "series: a number not yet given");
		return;
	}
	if (store_take_identity(value, &x)) {
		tell(c, "series: a name is cut off");
		return;
	}
	expecting.series = store_key64_get(key.p);
	if (c->has_postings)
		store_postings_expect(c->s, &x, expect_posting, &expecting);
}

static void
check_postings(struct check *c)
{
	for (struct map_entry *e = map_first(&c->postings); e && !c->incomplete; e = map_next(&c->postings, e))
		if (e->key.n == 24 && e->key.p[0] != 'k' ? e->num != 2 : e->num != 0 && (e->key.n != 24 || e->num != 2)) {
			tell(c, "index: a name lists series that do not have it");
			break;
		}
}

static int
see_tail_sample(void *self, uint64_t series, int64_t time, double value, struct str state)
{
	struct check *c = self;

	(void)time, (void)value, (void)state;
	if (series >= c->head.next_series)
		return -1;
	c->samples.tail++;
	return 0;
}

static void
see_tail(struct check *c, struct str value)
{
	struct store_tail_head head;
	struct str rest;

	if (store_tail_head(value, &head, &rest) || store_batch_each(&c->samples.coder, value, &c->samples.body, see_tail_sample, c) ||
	    head.samples != c->samples.tail) {
		tell(c, "samples: a batch of the tail that cannot be read back");
		c->incomplete = 1;
	}
}

static void
check_series(struct check *c, uint64_t series)
{
	struct str identity;
	struct err err = { 0 };
	char number[8];

	store_key64(number, series & STORE_SERIES_MOST);
	if (store_fetch(&c->view, STORE_SERIES, (struct str){ number, 8 }, &identity, &err) == 0)
		tell(c, "samples: of series %llu, which is not there; compact takes them away", (unsigned long long)(series & STORE_SERIES_MOST));
}

static void
see_samples(struct check *c, struct str key, struct str value)
{
	struct samples *piece = &c->samples.piece;
	uint64_t series;

	if (key.n == 16 && store_key64_get(key.p) == 0) {
		see_tail(c, value);
		return;
	}
	samples_clear(piece);
	if (key.n != 16 || samples_unpack(&c->samples.coder, value, piece) < 0) {
		tell(c, "samples: a piece that cannot be read back");
		c->incomplete = 1;
		return;
	}
	series = store_key64_get(key.p);
	if ((series & STORE_SERIES_MOST) >= c->head.next_series)
		tell(c, "samples: a piece of a series not yet given");
	else if (series != c->samples.series)
		check_series(c, series);
	if (piece->time[0] != store_key_time_get(store_key64_get(key.p + 8)))
		tell(c, "samples: a piece under another time than its first");
	if (c->samples.n && series == c->samples.series && piece->time[0] <= c->samples.last)
		tell(c, "samples: pieces of series %llu overlap", (unsigned long long)series);
	c->samples.series = series;
	c->samples.last = piece->time[piece->n - 1];
	if (series <= STORE_SERIES_MOST)
		c->samples.n += piece->n;
	else if (c->rungs.n == 0 || c->rungs.last != series) {
		buf_add(&c->rungs.series, key.p, 8);
		c->rungs.last = series;
		c->rungs.n++;
	}
}

/* Sums are exact now; once each addition was rounded, by 2^-53 of what there was. */
static int
sums_agree(const struct samples made[4], size_t k, double sum)
{
	double n = made[0].value[k], is = made[1].value[k], most = fmax(fabs(made[2].value[k]), fabs(made[3].value[k]));

	return is == sum || (isnan(is) && isnan(sum)) || fabs(is - sum) <= n * n * most * 0x1p-53;
}

/* Roll-ups against the samples that they are made of, where these are there still. */
static void
check_rung(struct check *c, const struct store_ladder *l, int rung, uint64_t series)
{
	static const struct samples none = { 0 };
	static const char *const part[4] = { "count", "sum", "least", "greatest" };
	const struct store_rung *r = &l->rung[rung];
	struct store_reader reader = { 0 };
	struct samples made[4] = { 0 };
	const struct samples *x;
	struct err err = { 0 };
	int64_t end, from = l->rung[0].floor;
	uint64_t version = store_version(c->s);
	size_t at, n;
	struct store_view v;
	int rc, wrong = -1;

	if ((rc = store_view_open(&v, c->s, &err)) == 0) {
		rc = store_rungs_end(&v, &reader.coder, r, series, &end, &err);
		store_view_close(&v);
	}
	if (rc == 0 && from < end)
		rc = store_rungs_make(c->s, &reader, l, rung, series, from, end, made, &err);
	for (int i = 0; i < 4 && rc == 0; i++) {
		size_t k = 0;
		int same = 1;

		store_reader_begin(&reader, store_rung_series(r, series, i), &none, from, INT64_MAX);
		while ((rc = store_reader_next(c->s, &reader, &x, &at, &n, &err)) > 0)
			for (size_t j = at; j < at + n; j++, k++)
				same &= k < made[i].n && x->time[j] == made[i].time[k] && (i == 1 ? sums_agree(made, k, x->value[j]) :
				    memcmp(&x->value[j], &made[i].value[k], sizeof(double)) == 0);
		if (rc == 0 && (!same || k != made[i].n))
			wrong = i;
	}
	if (store_version(c->s) == version) {   /* else somebody wrote meanwhile, and the two may be of different states */
		if (rc < 0)
			tell(c, "roll-ups: %s", err.text);
		else if (wrong >= 0)
			tell(c, "roll-ups: the %s by %lld ms of series %llu is not that of its samples", part[wrong], (long long)r->width_ms,
			    (unsigned long long)series);
	}
	for (int i = 0; i < 4; i++)
		samples_release(&made[i]);
	store_reader_release(&reader);
}

static void
check_rungs(struct check *c)
{
	struct store_ladder l;
	struct err err = { 0 };

	if (store_ladder_get(c->s, &l, &err) < 0) {
		tell(c, "%s", err.text);
		return;
	}
	for (size_t k = 0; k < c->rungs.series.n && !c->incomplete; k += 8) {
		uint64_t series = store_key64_get(c->rungs.series.p + k);
		int number = (int)(series >> 56) / 4, part = (int)(series >> 56) % 4, rung = 0;

		for (int i = 1; i < l.n; i++)
			if (l.rung[i].number == number)
				rung = i;
		if (!rung)
			tell(c, "roll-ups: a piece of a roll-up that is not in the ladder");
		else if (part == 0)
			check_rung(c, &l, rung, series & STORE_SERIES_MOST);
	}
}

static void
see_recent(struct check *c, struct str key, struct str value)
{
	if (key.n != 8 || value.n % 24)
		tell(c, "recent: an entry of another length");
	c->recent += value.n / 24;
}

static void
see_run(struct check *c, struct str key, struct str value)
{
	uint64_t part = 0;

	if (key.n != 12) {
		tell(c, "runs: a key of another length");
		return;
	}
	for (int i = 8; i < 12; i++)
		part = part << 8 | (unsigned char)key.p[i];
	if (part == 0) {
		if (c->run.left)
			tell(c, "run %llu: parts are missing", (unsigned long long)c->run.id);
		c->run.left = 0;
		if (dedupe_run_head(value, &c->run.head))
			tell(c, "runs: a head that cannot be");
		else
			c->run.left = c->run.head.n;
		c->run.id = store_key64_get(key.p);
		return;
	}
	if (c->run.id != store_key64_get(key.p) || value.n % 24 || value.n / 24 > c->run.left || part > c->run.head.n_parts) {
		tell(c, "runs: a part without its head");
		return;
	}
	c->run.left -= value.n / 24;
	for (size_t at = 0; at < value.n; at += 24) {
		struct dedupe_entry e, before;

		dedupe_get(value.p + at, &e);
		if (at)
			dedupe_get(value.p + at - 24, &before);
		if ((at && (e.low < before.low || (e.low == before.low && e.high < before.high))) ||
		    !dedupe_filter_has(c->run.head.lines, c->run.head.n_lines, e.low, e.high)) {
			tell(c, "run %llu: ids out of order or not in its filter", (unsigned long long)c->run.id);
			return;
		}
	}
}

/* The two meta pages at the front of the file belong to the last two transactions: else the newer one was not written as it
 * was meant, and LMDB took the older. Offsets: LMDB 0.9, struct MDB_meta behind a page header of 16 bytes. */
static void
check_meta(struct check *c)
{
	enum { MAGIC = 16, TXN = 16 + 8 + 16 + 96 + 8 };
	unsigned char page[2][256];
	uint64_t txn[2] = { 0 };
	mdb_filehandle_t fd;

	if (sizeof(size_t) != 8 || mdb_env_get_fd(c->s->env, &fd))
		return;
	for (int tries = 0; tries < 5; tries++) {
		int whole = 1;

		for (int i = 0; i < 2; i++) {
			if (io_read_at(fd, page[i], sizeof(page[i]), (int64_t)((uint64_t)i * c->s->page)) != sizeof(page[i])) {
				tell(c, "the file's first two pages cannot be read");
				return;
			}
			memcpy(&txn[i], page[i] + TXN, 8);
			whole &= memcmp(page[i] + MAGIC, "\xde\xc0\xef\xbe\x01\0\0\0", 8) == 0;
		}
		if (!whole) {
			tell(c, "a meta page is damaged");
			return;
		}
		if ((txn[0] <= 1 && txn[1] <= 1) || txn[0] == txn[1] + 1 || txn[1] == txn[0] + 1)
			return;
	}
	tell(c, "the two meta pages are not of the last two transactions (%llu, %llu)", (unsigned long long)txn[0], (unsigned long long)txn[1]);
}

/* ---- chunks */

struct fetching { struct check *c; uint64_t id; };

static int
fetch(void *self, int column, int part, struct buf *out, struct err *err)
{
	struct fetching *f = self;
	struct store_view v;
	struct store_block_source from = { &v, f->id };
	int rc = store_view_open(&v, f->c->s, err);

	if (rc)
		return rc;
	rc = store_fetch_block(&from, column, part, out, err);
	store_view_close(&v);
	return rc;
}

static int
kept_key(void *self, struct str raw, int64_t count)
{
	count_into(self, raw, count);
	return 0;
}

static int
check_chunk(struct check *c, uint64_t id, struct str header, struct chunk *chunk, struct err *err)
{
	struct fetching from = { c, id };
	struct map kept = { 0 };
	struct keys keys = { 0 };
	int64_t *count, last = INT64_MIN;
	uint64_t last_seq = 0;
	const char *wrong = NULL;
	int rc;

	if ((rc = chunk_open(chunk, header, fetch, &from, err)))
		return rc;
	count = mem_new(chunk->info.n_names * sizeof(*count));
	for (size_t i = 0; i < chunk->info.n && rc == 0; i++) {
		struct event ev;

		if ((rc = chunk_row(chunk, i, CHUNK_ALL, &ev, err)))
			break;
		if (!event_ok(&ev) || ev.seq >= c->head.next_seq)
			wrong = "a row that cannot be";
		if (ev.time < last || (ev.time == last && ev.seq <= last_seq))
			wrong = "rows out of order";
		if (ev.user_id.p && i % 64 == 0 && chunk_has_user(chunk, ev.user_id, err) != 1)
			wrong = "a user is not in the filter";
		count[chunk->name[i] - 1]++;
		keys_count(&keys, ev.properties);
		last = ev.time;
		last_seq = ev.seq;
	}
	if (rc == 0) {
		for (size_t i = 0; i < chunk->info.n_names; i++) {
			if (count[i] != chunk->names[i].count)
				wrong = "another number of rows of a name than its header says";
			count_into(&c->names, chunk->names[i].name, count[i]);
		}
		c->events += chunk->info.n;
		rc = chunk_each_key(chunk, kept_key, &kept, err);
		for (size_t i = 0; i < keys.n && rc == 0; i++) {
			struct map_entry *e = map_find(&kept, keys.one[i].raw);

			if (!e || e->num != keys.one[i].count)
				wrong = "property keys that are not those of its rows";
		}
		see_keys(c, &keys);
	}
	if (wrong)
		tell(c, "chunk %llu: %s", (unsigned long long)id, wrong);
	free(count);
	keys_release(&keys);
	map_release(&kept);
	return rc;
}

static int64_t
get64(const char *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | (unsigned char)p[i];
	return (int64_t)v;
}

static void
check_vocab(struct check *c)
{
	struct str rest = buf_get(&c->vocab), key, value;
	uint64_t names = 0;
	int capped = c->head.keys >= STORE_KEYS_MOST;

	while (rest.n && varint_take_str(&rest, &key) == 0 && varint_take_str(&rest, &value) == 0) {
		struct map_entry *e;

		if (key.n == 0 || (key.p[0] != 'n' && key.p[0] != 'k') || value.n != (key.p[0] == 'n' ? 24u : 8u)) {
			tell(c, "vocabulary: an entry of another form");
			continue;
		}
		names += key.p[0] == 'n';
		e = map_find(key.p[0] == 'n' ? &c->names : &c->keys, (struct str){ key.p + 1, key.n - 1 });
		if (!c->incomplete && (key.p[0] == 'n' || !capped) && (!e || e->num != get64(value.p)))
			tell(c, "vocabulary: '%.*s' counted %lld times, found %lld times", (int)(key.n < 60 ? key.n - 1 : 60), key.p + 1,
			    (long long)get64(value.p), (long long)(e ? e->num : 0));
	}
	if (!c->incomplete && names != c->names.n)
		tell(c, "vocabulary: %llu names, but the events have %zu", (unsigned long long)names, c->names.n);
}

int
store_verify(struct store *s, void (*told)(void *, const char *), void *self, struct err *err)
{
	struct check c = { .s = s, .tell = told, .self = self };
	struct chunk chunk = { 0 };
	struct err one = { 0 };
	struct str rest, header;
	uint64_t chunks, tail;
	int rc, lock;

	if ((rc = store_view_open(&c.view, s, err)))
		return rc;
	if ((rc = store_view_head(&c.view, &c.head, &one)))
		tell(&c, "%s", one.text), c.incomplete = 1;
	store_view_close(&c.view);
	lock = store_lock_version(s, c.head.version);
	if ((rc = store_view_open(&c.view, s, err)))
		goto out;
	err_clear(&one);
	if (store_view_head(&c.view, &c.head, &one) == 0) {
		if (c.head.events < c.head.tail_rows)
			tell(&c, "head: more rows in the tail than events");
	}
	check_meta(&c);
	walk(&c, STORE_META, 0, see_nothing);
	walk(&c, STORE_TAIL, 0, see_batch);
	tail = c.events;
	if (!c.incomplete && tail != c.head.tail_rows)
		tell(&c, "tail: %llu rows, but the head says %llu", (unsigned long long)tail, (unsigned long long)c.head.tail_rows);
	chunks = walk(&c, STORE_CHUNKS, 0, see_chunk);
	if (!c.incomplete && chunks != c.head.chunks)
		tell(&c, "%llu chunks, but the head says %llu", (unsigned long long)chunks, (unsigned long long)c.head.chunks);
	walk(&c, STORE_REMOVED, 0, see_removed);
	walk(&c, STORE_BLOCKS, 1, see_block);
	walk(&c, STORE_VOCAB, 0, see_vocab);
	walk(&c, STORE_STATE, 0, see_state);
	walk(&c, STORE_ROWS, 0, see_row);
	walk(&c, STORE_INDEX, 0, see_index);
	if (walk(&c, STORE_SERIES, 0, see_series) != c.head.series && !c.incomplete)
		tell(&c, "another number of series than the head says");
	check_postings(&c);
	walk(&c, STORE_SAMPLES, 0, see_samples);
	if (!c.incomplete && c.samples.n + c.samples.tail != c.head.samples)
		tell(&c, "%llu samples, but the head says %llu", (unsigned long long)(c.samples.n + c.samples.tail),
		    (unsigned long long)c.head.samples);
	walk(&c, STORE_RECENT, 0, see_recent);
	if (!c.incomplete && c.recent != c.head.recent)
		tell(&c, "recent: another number of ids than the head says");
	walk(&c, STORE_RUNS, 0, see_run);
	if (c.run.left)
		tell(&c, "run %llu: parts are missing", (unsigned long long)c.run.id);
	store_view_close(&c.view);
	check_rungs(&c);
	for (rest = buf_get(&c.headers); rest.n; ) {
		uint64_t id = store_key64_get(rest.p);

		rest.p += 8;
		rest.n -= 8;
		varint_take_str(&rest, &header);
		err_clear(&one);
		if (check_chunk(&c, id, header, &chunk, &one)) {
			tell(&c, "chunk %llu: %s", (unsigned long long)id, one.text);
			c.incomplete = 1;
		}
	}
	if (!c.incomplete && c.events != c.head.events)
		tell(&c, "%llu events, but the head says %llu", (unsigned long long)c.events, (unsigned long long)c.head.events);
	check_vocab(&c);
	rc = c.found;
out:
	if (lock >= 0)
		close(lock);
	chunk_release(&chunk);
	pack_release(&c.pack);
	buf_release(&c.plain);
	map_release(&c.names);
	map_release(&c.keys);
	map_release(&c.chunks);
	map_release(&c.postings);
	buf_release(&c.rungs.series);
	samples_release(&c.samples.piece);
	samples_coder_release(&c.samples.coder);
	buf_release(&c.samples.body);
	buf_release(&c.headers);
	buf_release(&c.vocab);
	return rc;
}
