/* scan.c - reading events row by row: as they lie, or in the order of time. snapshot.c has what a scan sees. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "codec/varint.h"
#include "store/chunk.h"
#include "store/store_priv.h"

#define OPEN_MOST  32           /* chunks merged at once, of about 3 MiB each; where more overlap, slices of time are sorted one by one */
#define SLICE_ROWS 250000       /* rows aimed at in a slice */
#define SLICE_MOST (96u << 20)  /* bytes after which a slice is tried again, half as long */

struct cursor {                         /* an open chunk, or the tail (chunk NULL) */
	struct store_scan *scan;
	struct chunk chunk;
	uint64_t id;
	size_t row, end;                /* at hand; behind the last one in the range */
	unsigned char *match;           /* by code of name; NULL: all */
	size_t match_cap;
	int all_names;
	uint32_t user_code;
	int64_t time;                   /* of the row at hand, for the merge */
	uint64_t seq;
	int tail;
};

struct store_scan {
	struct store_snapshot snap;
	unsigned want;
	struct store_seer seer;         /* under rights */
	const struct store_rights *rights;
	struct str user;                /* under rights: the range's, as it may be seen */
	size_t next_source;
	struct event *tail;             /* by_time: the tail's rows in order */
	size_t n_tail;
	struct cursor *one;             /* not by_time: the chunk at hand */
	struct cursor **heap;           /* by_time: the least (time, seq) first */
	size_t n_heap, heap_cap;
	struct cursor **spare;          /* cursors to use again */
	size_t n_spare;
	int64_t read, seen;             /* rows looked at; given out under rights */
	struct err damage;              /* by_time: of what is missing in the snapshot, until it is told */
	int advance;                    /* by_time: the top's row has been given out */
	int sliced;                     /* by_time, and too many chunks overlap: below */
	int64_t slice, slice_end;       /* the slice at hand */
	struct event *sorted;           /* its rows */
	size_t n_sorted, sorted_cap, sorted_at;
	struct arena *texts;
};

/* ---- opening */

static int
in_range(const struct store_scan *scan, const struct event *ev)
{
	return ev->time >= scan->snap.range.from && ev->time < scan->snap.range.to && store_snapshot_name_wanted(&scan->snap, ev->name) &&
	    (!scan->snap.range.user_id.p || (ev->user_id.p && str_eq(ev->user_id, scan->snap.range.user_id)));
}

static int
by_min_time(const void *x, const void *y)
{
	const struct store_source *a = x, *b = y;

	if (a->min_time != b->min_time)
		return a->min_time < b->min_time ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

static int
gather_tail(struct store_scan *scan, struct err *err)
{
	struct event ev;
	size_t cap = 0;
	int rc;

	while ((rc = store_snapshot_tail(&scan->snap, &ev, err)) > 0 || rc == ERR_CORRUPT) {
		if (rc < 0) {
			scan->damage = *err;    /* told by the next store_scan_next */
			err_clear(err);
		}
		if (rc < 0 || !in_range(scan, &ev))
			continue;
		if (scan->n_tail == cap)
			scan->tail = mem_grow(scan->tail, cap = cap ? cap * 2 : 256, sizeof(*scan->tail));
		scan->tail[scan->n_tail++] = ev;
	}
	if (rc == 0)
		store_sort_events(scan->tail, scan->n_tail);
	return rc;
}

static void heap_push(struct store_scan *, struct cursor *);

static int
by_number(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

	return (a > b) - (a < b);
}

/* Of how many chunks do the times overlap, at most? Sources are sorted by their least time. */
static size_t
most_at_once(const struct store_scan *scan)
{
	int64_t *ends = mem_grow(NULL, scan->snap.n_sources + 1, sizeof(*ends));
	size_t open = 0, most = 0, ended = 0;

	for (size_t i = 0; i < scan->snap.n_sources; i++)
		ends[i] = scan->snap.source[i].max_time;
	if (scan->snap.n_sources)
		qsort(ends, scan->snap.n_sources, sizeof(*ends), by_number);
	for (size_t i = 0; i < scan->snap.n_sources; i++) {
		while (ends[ended] < scan->snap.source[i].min_time)
			ended++;
		open = i + 1 - ended;
		most = open > most ? open : most;
	}
	free(ends);
	return most;
}

struct store_scan *
store_scan_open(struct store *s, const struct store_range *range, struct err *err)
{
	struct store_scan *scan = mem_new(sizeof(*scan));
	int rc;

	scan->want = store_columns(range->skip);
	rc = store_snapshot_take(&scan->snap, s, range, err);
	if (s->rights) {
		scan->rights = s->rights;
		scan->want |= store_columns(~s->rights->needs) | (range->user_id.p ? 1u << CHUNK_USER : 0);
		scan->user = scan->snap.range.user_id;
		scan->snap.range.user_id.p = NULL;
	}
	if (rc == 0 && range->by_time) {
		if (scan->snap.n_sources)
			qsort(scan->snap.source, scan->snap.n_sources, sizeof(*scan->snap.source), by_min_time);
		rc = gather_tail(scan, err);
		if (most_at_once(scan) > OPEN_MOST) {
			scan->sliced = 1;
			scan->slice = scan->slice_end = range->from;
			scan->texts = arena_new(0);
		} else if (scan->n_tail) {
			struct cursor *c = mem_new(sizeof(*c));

			c->tail = 1;
			c->end = scan->n_tail;
			c->time = scan->tail[0].time;
			c->seq = scan->tail[0].seq;
			heap_push(scan, c);
		}
	}
	if (rc) {
		store_scan_close(scan);
		return NULL;
	}
	return scan;
}

static void
free_cursor(struct cursor *c)
{
	if (!c)
		return;
	chunk_release(&c->chunk);
	free(c->match);
	free(c);
}

void
store_scan_close(struct store_scan *scan)
{
	if (!scan)
		return;
	free_cursor(scan->one);
	for (size_t i = 0; i < scan->n_heap; i++)
		free_cursor(scan->heap[i]);
	for (size_t i = 0; i < scan->n_spare; i++)
		free_cursor(scan->spare[i]);
	free(scan->heap);
	free(scan->spare);
	free(scan->tail);
	free(scan->sorted);
	arena_free(scan->texts);
	store_seer_release(&scan->seer, scan->rights ? scan->snap.s : NULL);
	store_snapshot_release(&scan->snap);
	free(scan);
}

int64_t
store_scan_read(const struct store_scan *scan)
{
	return scan->rights ? scan->seen : scan->read;
}

/* ---- one chunk */

static int
fetch(void *self, int column, int part, struct buf *out, struct err *err)
{
	const struct cursor *c = self;

	return store_snapshot_fetch(&c->scan->snap, c->id, column, part, out, err);
}

/* The first row from `row` on that the scan wants, or the end. */
static void
seek(struct cursor *c)
{
	const struct store_scan *scan = c->scan;
	const uint32_t *name = c->chunk.name;
	const struct chunk_texts *users = &c->chunk.texts[CHUNK_USER - CHUNK_ID];

	for (; c->row < c->end; c->row++) {
		if (c->chunk.seq[c->row] <= scan->snap.range.after || (scan->snap.range.until && c->chunk.seq[c->row] > scan->snap.range.until))
			continue;
		if (!c->all_names && !c->match[name[c->row] - 1])
			continue;
		if (scan->snap.range.user_id.p) {
			if (users->n ? users->code[c->row] != c->user_code : !users->text[c->row].p || !str_eq(users->text[c->row], scan->snap.range.user_id))
				continue;
		}
		break;
	}
	if (c->row < c->end) {
		c->time = c->chunk.time[c->row];
		c->seq = c->chunk.seq[c->row];
	}
}

/* Open a chunk at its first wanted row. 1; 0 when it has none; < 0. */
static int
open_chunk(struct cursor *c, struct store_scan *scan, const struct store_source *from, struct err *err)
{
	struct chunk *k = &c->chunk;
	int rc;

	c->scan = scan;
	c->id = from->id;
	c->row = c->end = 0;
	if ((rc = chunk_open(k, (struct str){ scan->snap.headers.p + from->at, from->len }, fetch, c, err)))
		goto out;
	if (scan->snap.range.user_id.p && (rc = chunk_has_user(k, scan->snap.range.user_id, err)) <= 0)
		goto out;
	if ((rc = chunk_load(k, CHUNK_TIME, err)) || (rc = chunk_load(k, CHUNK_SEQ, err)) || (rc = chunk_load(k, CHUNK_NAME, err)))
		goto out;
	c->row = store_first_not_before(k->time, k->info.n, scan->sliced ? scan->slice : scan->snap.range.from);
	c->end = store_first_not_before(k->time, k->info.n, scan->sliced ? scan->slice_end : scan->snap.range.to);
	c->all_names = 1;
	if (scan->snap.names.n) {
		if (k->info.n_names > c->match_cap)
			c->match = mem_grow(c->match, c->match_cap = k->info.n_names, 1);
		for (size_t i = 0; i < k->info.n_names; i++) {
			c->match[i] = (unsigned char)store_snapshot_name_wanted(&scan->snap, k->names[i].name);
			c->all_names &= c->match[i];
		}
	}
	if (scan->snap.range.user_id.p) {
		const struct chunk_texts *users = &k->texts[CHUNK_USER - CHUNK_ID];

		if ((rc = chunk_load(k, CHUNK_USER, err)))
			goto out;
		c->user_code = UINT32_MAX;
		for (size_t i = 1; i < users->n; i++)
			if (str_eq(users->text[i], scan->snap.range.user_id))
				c->user_code = (uint32_t)i;
	}
	scan->read += (int64_t)(c->end - c->row);
	seek(c);
	return c->row < c->end;
out:
	if (rc < 0)
		err_at(err, "%s: chunk %llu", scan->snap.s->path, (unsigned long long)from->id);
	return rc;
}

/* ---- in order of time */

static int
before(const struct cursor *a, const struct cursor *b)
{
	return a->time < b->time || (a->time == b->time && a->seq < b->seq);
}

static void
heap_down(struct store_scan *scan)
{
	struct cursor **h = scan->heap, *c = h[0];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < scan->n_heap) {
		if (child + 1 < scan->n_heap && before(h[child + 1], h[child]))
			child++;
		if (!before(h[child], c))
			break;
		h[i] = h[child];
		i = child;
	}
	h[i] = c;
}

static void
heap_push(struct store_scan *scan, struct cursor *c)
{
	size_t i = scan->n_heap++;

	if (scan->n_heap > scan->heap_cap)
		scan->heap = mem_grow(scan->heap, scan->heap_cap = scan->heap_cap ? scan->heap_cap * 2 : 16, sizeof(*scan->heap));
	for (; i && before(c, scan->heap[(i - 1) / 2]); i = (i - 1) / 2)
		scan->heap[i] = scan->heap[(i - 1) / 2];
	scan->heap[i] = c;
}

static void
put_aside(struct store_scan *scan, struct cursor *c)
{
	if (c->tail) {
		free_cursor(c);
		return;
	}
	scan->spare = mem_grow(scan->spare, scan->n_spare + 1, sizeof(*scan->spare));
	scan->spare[scan->n_spare++] = c;
}

/* Bring every chunk that may hold the next row into the heap. 0, or < 0 for a damaged one, which is then passed over. */
static int
open_due(struct store_scan *scan, struct err *err)
{
	while (scan->next_source < scan->snap.n_sources &&
	    (scan->n_heap == 0 || scan->snap.source[scan->next_source].min_time <= scan->heap[0]->time)) {
		struct cursor *c = scan->n_spare ? scan->spare[--scan->n_spare] : mem_new(sizeof(*c));
		int rc = open_chunk(c, scan, &scan->snap.source[scan->next_source++], err);

		if (rc > 0)
			heap_push(scan, c);
		else
			put_aside(scan, c);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
next_by_time(struct store_scan *scan, struct event *ev, struct err *err)
{
	struct cursor *c;
	int rc;

	if (scan->advance) {
		c = scan->heap[0];
		scan->advance = 0;
		c->row++;
		if (!c->tail)
			seek(c);
		else if (c->row < c->end)
			c->time = scan->tail[c->row].time, c->seq = scan->tail[c->row].seq;
		if (c->row >= c->end) {
			scan->heap[0] = scan->heap[--scan->n_heap];
			put_aside(scan, c);
		}
		if (scan->n_heap)
			heap_down(scan);
	}
	if ((rc = open_due(scan, err)))
		return rc;
	if (scan->n_heap == 0)
		return 0;
	c = scan->heap[0];
	scan->advance = 1;
	if (c->tail) {
		scan->read++;
		*ev = scan->tail[c->row];
		return 1;
	}
	if ((rc = chunk_row(&c->chunk, c->row, scan->want, ev, err))) {
		c->row = c->end;        /* the rest of it is passed over */
		return err_at(err, "%s: chunk %llu", scan->snap.s->path, (unsigned long long)c->id);
	}
	return 1;
}

/* ---- in order of time, slice by slice
 *
 * Hundreds of chunks that all span the same months (a load in no order) would all have to be open for a merge. Instead the
 * wanted span is cut into slices that fit into memory, each is gathered from all chunks and sorted. Costs the opening of each
 * chunk once for every slice it reaches into. */

static int64_t
later(const struct store_scan *scan, int64_t t, uint64_t by)
{
	return by >= (uint64_t)scan->snap.range.to - (uint64_t)t ? scan->snap.range.to : t + (int64_t)by;
}

/* The end of a slice that begins at scan->slice and has about SLICE_ROWS rows, supposing that a chunk's lie evenly. */
static int64_t
slice_end(const struct store_scan *scan)
{
	double rows_a_ms = 0;
	int64_t next = scan->snap.range.to;

	for (size_t i = 0; i < scan->snap.n_sources; i++) {
		const struct store_source *from = &scan->snap.source[i];

		if (from->max_time < scan->slice)
			continue;
		if (from->min_time > scan->slice) {
			next = from->min_time < next ? from->min_time : next;
			break;          /* sorted: the density is another from there on */
		}
		rows_a_ms += (double)STORE_CHUNK_ROWS / ((double)(from->max_time - from->min_time) + 1);
	}
	if (rows_a_ms > 0 && SLICE_ROWS / rows_a_ms + 1 < (double)((uint64_t)next - (uint64_t)scan->slice))
		return later(scan, scan->slice, (uint64_t)(SLICE_ROWS / rows_a_ms) + 1);
	return next > scan->slice ? next : later(scan, scan->slice, 1);
}

static struct str
keep(struct arena *a, struct str s)
{
	return (struct str){ s.p ? arena_dup(a, s.p, s.n) : NULL, s.n };
}

static void
put_sorted(struct store_scan *scan, const struct event *ev)
{
	if (scan->n_sorted == scan->sorted_cap)
		scan->sorted = mem_grow(scan->sorted, scan->sorted_cap = scan->sorted_cap ? scan->sorted_cap * 2 : 1024, sizeof(*scan->sorted));
	scan->sorted[scan->n_sorted++] = *ev;
}

/* The rows of the slice. 1; 0 when they are too many bytes; < 0. */
static int
gather(struct store_scan *scan, struct err *err)
{
	struct cursor *c = scan->one ? scan->one : (scan->one = mem_new(sizeof(*c)));
	struct event ev;
	int rc;

	for (scan->next_source = 0; scan->next_source < scan->snap.n_sources; scan->next_source++) {
		const struct store_source *from = &scan->snap.source[scan->next_source];

		if (from->max_time < scan->slice || from->min_time >= scan->slice_end)
			continue;
		if ((rc = open_chunk(c, scan, from, err)) < 0)
			return rc;
		while (c->row < c->end) {
			if ((rc = chunk_row(&c->chunk, c->row, scan->want, &ev, err)))
				return err_at(err, "%s: chunk %llu", scan->snap.s->path, (unsigned long long)c->id);
			ev.name = keep(scan->texts, ev.name);
			ev.id = keep(scan->texts, ev.id);
			ev.user_id = keep(scan->texts, ev.user_id);
			ev.session_id = keep(scan->texts, ev.session_id);
			ev.properties = keep(scan->texts, ev.properties);
			put_sorted(scan, &ev);
			if (arena_used(scan->texts) > SLICE_MOST && scan->slice_end - scan->slice > 1)
				return 0;
			c->row++;
			seek(c);
		}
	}
	for (size_t i = 0; i < scan->n_tail; i++)
		if (scan->tail[i].time >= scan->slice && scan->tail[i].time < scan->slice_end)
			put_sorted(scan, &scan->tail[i]);
	store_sort_events(scan->sorted, scan->n_sorted);
	return 1;
}

static int
next_sliced(struct store_scan *scan, struct event *ev, struct err *err)
{
	int rc;

	while (scan->sorted_at == scan->n_sorted) {
		if (scan->slice_end >= scan->snap.range.to)
			return 0;
		scan->slice = scan->slice_end;
		scan->slice_end = slice_end(scan);
		do {
			scan->sorted_at = scan->n_sorted = 0;
			arena_reset(scan->texts);
			if ((rc = gather(scan, err)) == 0)
				scan->slice_end = scan->slice + (scan->slice_end - scan->slice) / 2;
		} while (rc == 0);
		if (rc < 0) {                   /* the damaged chunk is no longer among them */
			memmove(&scan->snap.source[scan->next_source], &scan->snap.source[scan->next_source + 1],
			    (--scan->snap.n_sources - scan->next_source) * sizeof(*scan->snap.source));
			scan->slice_end = scan->slice;
			scan->n_sorted = 0;
			return rc;
		}
	}
	*ev = scan->sorted[scan->sorted_at++];
	return 1;
}

/* ---- as they lie */

static int
next_any(struct store_scan *scan, struct event *ev, struct err *err)
{
	int rc;

	for (;;) {
		struct cursor *c = scan->one;

		if (c && c->row < c->end) {
			if ((rc = chunk_row(&c->chunk, c->row, scan->want, ev, err))) {
				c->row = c->end;
				return err_at(err, "%s: chunk %llu", scan->snap.s->path, (unsigned long long)c->id);
			}
			c->row++;
			seek(c);        /* the row given out stays where it is: nothing is unpacked here */
			return 1;
		}
		if (scan->next_source == scan->snap.n_sources)
			break;
		if (!c)
			c = scan->one = mem_new(sizeof(*c));
		if ((rc = open_chunk(c, scan, &scan->snap.source[scan->next_source++], err)) < 0)
			return rc;
	}
	while ((rc = store_snapshot_tail(&scan->snap, ev, err)) > 0) {
		scan->read++;
		if (in_range(scan, ev))
			return 1;
	}
	return rc;
}

/* Under rights what was looked at besides is nobody's business. */
static int
next_seen(struct store_scan *scan, int (*next)(struct store_scan *, struct event *, struct err *), struct event *ev, struct err *err)
{
	int rc;

	while ((rc = next(scan, ev, err)) > 0) {
		if (!scan->rights->event_name(scan->rights->self, ev->name))
			continue;
		if ((rc = store_seer_event(&scan->seer, scan->snap.s, ev, err)) < 0)
			break;
		if (rc && (!scan->user.p || (ev->user_id.p && str_eq(ev->user_id, scan->user)))) {
			scan->seen++;
			break;
		}
	}
	return rc;
}

int
store_scan_next(struct store_scan *scan, struct event *ev, struct err *err)
{
	int (*next)(struct store_scan *, struct event *, struct err *);

	if (scan->damage.code) {
		*err = scan->damage;
		scan->damage.code = 0;
		return err->code;
	}
	next = scan->sliced ? next_sliced : scan->snap.range.by_time ? next_by_time : next_any;

	return scan->rights ? next_seen(scan, next, ev, err) : next(scan, ev, err);
}
