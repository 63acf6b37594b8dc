/* batch.c - columns from what the store has: chunks by their own columns (chunk_column.h), the tail and what is no column there row by
 * row.
 *
 * A property that is taken row by row is made a column in two steps. On the way through the rows each value leaves its kind and 64
 * bits (the number, or which of the texts seen so far it is); then the whole shows what form fits: integers, reals, or codes into the
 * different values. All such properties that were asked for in an earlier batch are taken out in one pass, those asked for the first
 * time in a pass of their own. Bound by project_row and by making the rows' text, about 100 ns a row in the tail and 400 in a chunk.
 */
#include "store/batch.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/project.h"
#include "store/batch_samples.h"
#include "store/chunk_column.h"
#include "store/store_priv.h"

#define BATCH_ROWS STORE_CHUNK_ROWS     /* of one batch at most */
#define EXACT      (1LL << 53)          /* up to here every integer is a double */

struct store_batches {
	struct store_samples *samples;  /* they are of samples; NULL: of events, of which is what follows */
	struct store_snapshot snap;
	struct arena *arena;            /* the fields' names */
	struct store_field *field;
	int n_fields;
	struct event *tail;             /* in the range, in order */
	size_t n_tail;
	int64_t rows;
	size_t next_source, next_tail;  /* taken by readers; atomic, as are the counters */
	struct err damage;              /* of what is missing in the snapshot; */
	int damage_told;                /* by the reader who made it 1, atomic */
	struct store_batches_read read;
};

struct slot {                           /* a field, of the batch at hand */
	struct column column;
	int ready, wanted;              /* made for this batch; asked for at some time */
	int at;                         /* of a property: in the projection */
	uint32_t *code;                 /* room for as many rows as the batch has */
	uint64_t *valid;
	union { int64_t *integer; double *real; uint64_t *bits; };
	unsigned char *kind;            /* enum cell_type of each row */
	size_t rows_cap;
	struct cell *value;
	size_t n_values, values_cap;
	struct map texts, numbers;      /* value -> its code */
	struct chunk_column_room leaf;       /* memory of a property that is a leaf of the chunk */
	int by_rows;                    /* of this batch: it is not */
};

struct reader {
	struct store_batch batch;       /* what the caller sees; first */
	struct store_batches *all;
	struct batch_samples *samples;  /* of samples, and then nothing else */
	struct chunk chunk;
	size_t row, end;                /* of the chunk: rows not yet given out */
	size_t from;                    /* row of the chunk that is row 0 of the batch */
	const struct event *rows;       /* of the tail, or of a chunk under rights: row 0; NULL: the chunk has them */
	struct store_seer seer;         /* under rights, as are these: */
	struct event *seen;             /* rows of the chunk at hand */
	size_t n_seen, seen_cap;
	struct arena *kept;             /* their texts */
	struct store_batch_name *names;
	size_t names_cap;
	struct slot *slot;
	struct chunk_column_room leaf;  /* of store_batch_values: one after the other */
	struct project *project;        /* of the properties wanted so far */
	int projected;                  /* how many */
	struct json *json;
	struct arena *texts;            /* of PROPERTIES, of this batch */
	struct buf scratch;
};

/* ---- opening */

static void
keep(struct arena *a, struct event *ev)
{
	struct str *text[] = { &ev->name, &ev->id, &ev->user_id, &ev->session_id, &ev->properties };

	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++)
		if (text[i]->p)
			text[i]->p = arena_dup(a, text[i]->p, text[i]->n);
}

/* Of the tail those that came last. */
static void
keep_newest(struct store_batches *all, size_t n)
{
	memmove(all->tail, all->tail + all->n_tail - n, n * sizeof(*all->tail));
	all->n_tail = n;
}

static int
gather_tail(struct store_batches *all, struct err *err)
{
	const struct store_range *range = &all->snap.range;
	const struct store_rights *rights = all->snap.s->rights;
	struct store_seer seer = { 0 };
	struct event ev;
	size_t cap = 0;
	int rc;

	while ((rc = store_snapshot_tail(&all->snap, &ev, err)) > 0 || rc == ERR_CORRUPT) {
		if (rc < 0) {
			all->damage = *err;
			err_clear(err);
			continue;
		}
		if (ev.time < range->from || ev.time >= range->to)
			continue;
		if (rights) {
			if (!rights->event_name(rights->self, ev.name))
				continue;
			if ((rc = store_seer_event(&seer, all->snap.s, &ev, err)) < 0)
				break;
			if (!rc)
				continue;
			keep(all->arena, &ev);
		}
		if (range->newest && all->n_tail >= 2 * range->newest)
			keep_newest(all, range->newest);
		if (all->n_tail == cap)
			all->tail = mem_grow(all->tail, cap = cap ? cap * 2 : 256, sizeof(*all->tail));
		all->tail[all->n_tail++] = ev;
	}
	if (range->newest && all->n_tail > range->newest)
		keep_newest(all, range->newest);
	if (all->n_tail)
		store_sort_events(all->tail, all->n_tail);
	store_seer_release(&seer, all->snap.s);
	return rc;
}

static void
keep_fields(struct store_batches *all, const struct store_field *field, int n_fields)
{
	all->field = mem_grow(NULL, (size_t)n_fields + 1, sizeof(*all->field));
	all->n_fields = n_fields;
	for (int i = 0; i < n_fields; i++) {
		all->field[i] = field[i];
		if (field[i].name.p)
			all->field[i].name.p = arena_dup(all->arena, field[i].name.p, field[i].name.n);
	}
}

static int
newest_first(const void *a, const void *b)
{
	const struct store_source *x = a, *y = b;

	if (x->max_time != y->max_time)
		return x->max_time < y->max_time ? 1 : -1;
	return (x->id < y->id) - (x->id > y->id);
}

struct store_batches *
store_batches_open(struct store *s, const struct store_range *range, const struct store_field *field, int n_fields, struct err *err)
{
	struct store_batches *all = mem_new(sizeof(*all));
	int rc = 0;

	all->arena = arena_new(0);
	if (n_fields > STORE_BATCH_FIELDS)
		rc = err_set(err, ERR_LIMIT, "more than %d fields", STORE_BATCH_FIELDS);
	if (rc == 0 && (rc = store_snapshot_take(&all->snap, s, range, err)) == 0)
		rc = gather_tail(all, err);
	if (rc < 0) {
		store_batches_close(all);
		return NULL;
	}
	if (range->newest && all->snap.n_sources)
		qsort(all->snap.source, all->snap.n_sources, sizeof(*all->snap.source), newest_first);
	keep_fields(all, field, n_fields);
	all->rows = (int64_t)all->n_tail;
	for (size_t i = 0; i < all->snap.n_sources; i++)
		all->rows += (int64_t)all->snap.source[i].rows;
	if (!s->rights)
		all->read.chunks_skipped = (int64_t)(all->snap.n_listed - all->snap.n_sources);
	return all;
}

struct store_batches *
store_batches_open_samples(struct store *s, const struct store_match *match, const struct store_field *field, int n_fields, struct err *err)
{
	struct store_batches *all = mem_new(sizeof(*all));

	all->arena = arena_new(0);
	if (n_fields > STORE_BATCH_FIELDS)
		err_set(err, ERR_LIMIT, "more than %d fields", STORE_BATCH_FIELDS);
	else
		all->samples = store_samples_open(s, match, err);
	if (!all->samples) {
		store_batches_close(all);
		return NULL;
	}
	keep_fields(all, field, n_fields);
	all->rows = (int64_t)store_samples_series(all->samples) * BATCH_ROWS;
	return all;
}

void
store_batches_close(struct store_batches *all)
{
	if (!all)
		return;
	store_samples_close(all->samples);
	store_snapshot_release(&all->snap);
	arena_free(all->arena);
	free(all->field);
	free(all->tail);
	free(all);
}

int64_t
store_batches_rows(const struct store_batches *all)
{
	return all->rows;
}

static int
latest_beginning_first(const void *a, const void *b)
{
	const struct store_source *x = *(const struct store_source *const *)a, *y = *(const struct store_source *const *)b;

	return (x->min_time < y->min_time) - (x->min_time > y->min_time);
}

int64_t
store_batches_last(const struct store_batches *all, int64_t n)
{
	const struct store_range *r = &all->snap.range;
	const struct store_source **chunk;
	int64_t from = TIME_MAX;
	size_t chunks = 0;

	if (all->samples || all->snap.s->rights || r->n_names || r->user_id.p)         /* not all rows of a chunk count */
		return TIME_MIN;
	chunk = mem_grow(NULL, all->snap.n_sources + 1, sizeof(*chunk));
	for (size_t i = 0; i < all->snap.n_sources; i++)
		if (all->snap.source[i].min_time >= r->from && all->snap.source[i].max_time < r->to)
			chunk[chunks++] = &all->snap.source[i];
	qsort(chunk, chunks, sizeof(*chunk), latest_beginning_first);
	for (size_t i = 0; i < chunks && n > 0; i++) {
		n -= (int64_t)chunk[i]->rows;
		from = chunk[i]->min_time;
	}
	free(chunk);
	return n > 0 ? TIME_MIN : from;
}

int
store_batches_more(const struct store_batches *all)
{
	return all->samples || (all->damage.code && !__atomic_load_n(&all->damage_told, __ATOMIC_RELAXED)) || __atomic_load_n(&all->next_source, __ATOMIC_RELAXED) < all->snap.n_sources ||
	    __atomic_load_n(&all->next_tail, __ATOMIC_RELAXED) < all->n_tail;
}

static int
oldest_first(const void *a, const void *b)
{
	const struct store_source *x = a, *y = b;

	return (x->min_time > y->min_time) - (x->min_time < y->min_time);
}

int
store_batches_apart(const struct store_batches *all)
{
	size_t n = all->snap.n_sources;
	struct store_source *source = mem_grow(NULL, n + 1, sizeof(*source));
	int apart = !all->samples;

	if (n)
		memcpy(source, all->snap.source, n * sizeof(*source));
	if (all->n_tail)                /* in order as well */
		source[n++] = (struct store_source){ .min_time = all->tail[0].time, .max_time = all->tail[all->n_tail - 1].time };
	if (n)
		qsort(source, n, sizeof(*source), oldest_first);
	for (size_t i = 1; i < n; i++)
		apart = apart && source[i].min_time > source[i - 1].max_time;
	free(source);
	return apart;
}

void
store_batches_read(const struct store_batches *all, struct store_batches_read *read)
{
	read->chunks = __atomic_load_n(&all->read.chunks, __ATOMIC_RELAXED);
	read->chunks_skipped = __atomic_load_n(&all->read.chunks_skipped, __ATOMIC_RELAXED);
	read->rows = __atomic_load_n(&all->read.rows, __ATOMIC_RELAXED);
	read->columns = __atomic_load_n(&all->read.columns, __ATOMIC_RELAXED);
}

struct store_batch *
store_batch_open(struct store_batches *all, struct err *err)
{
	struct reader *r = mem_new(sizeof(*r));

	(void)err;
	r->all = all;
	r->slot = mem_new(((size_t)all->n_fields + 1) * sizeof(*r->slot));
	r->texts = arena_new(0);
	if (all->samples)
		r->samples = batch_samples_new(all->samples, all->n_fields);
	return &r->batch;
}

void
store_batch_close(struct store_batch *batch)
{
	struct reader *r = (struct reader *)batch;

	if (!r)
		return;
	for (int i = 0; i < r->all->n_fields; i++) {
		struct slot *s = &r->slot[i];

		free(s->code), free(s->valid), free(s->bits), free(s->kind), free(s->value);
		map_release(&s->texts), map_release(&s->numbers);
		chunk_column_release(&s->leaf);
	}
	batch_samples_free(r->samples);
	chunk_column_release(&r->leaf);
	free(r->slot);
	free(r->names);
	free(r->json);
	free(r->seen);
	project_free(r->project);
	arena_free(r->texts);
	arena_free(r->kept);
	store_seer_release(&r->seer, r->all->snap.s);           /* none where there is no snapshot */
	buf_release(&r->scratch);
	chunk_release(&r->chunk);
	free(r);
}

/* ---- the next batch */

static int
fetch(void *self, int column, int part, struct buf *out, struct err *err)
{
	const struct reader *r = self;

	return store_snapshot_fetch(&r->all->snap, r->batch.id, column, part, out, err);
}

static void
count(int64_t *what, size_t by)
{
	__atomic_fetch_add(what, (int64_t)by, __ATOMIC_RELAXED);
}

static int
whole(const struct reader *r)
{
	return r->chunk.info.min_time >= r->all->snap.range.from && r->chunk.info.max_time < r->all->snap.range.to;
}

static int
at_chunk(const struct reader *r, int rc, struct err *err)
{
	return rc < 0 ? err_at(err, "%s: chunk %llu", r->all->snap.s->path, (unsigned long long)r->batch.id) : rc;
}

/* Begin with a chunk: its rows in the range. 0 (perhaps there are none), < 0. */
static int
begin_chunk(struct reader *r, const struct store_source *from, struct err *err)
{
	const struct store_snapshot *snap = &r->all->snap;
	struct chunk *k = &r->chunk;
	int rc;

	r->batch.id = from->id;
	r->row = r->end = 0;
	if ((rc = chunk_open(k, (struct str){ snap->headers.p + from->at, from->len }, fetch, r, err)))
		return rc;
	if (snap->range.user_id.p && (rc = chunk_has_user(k, snap->range.user_id, err)) <= 0)
		return rc;
	rc = snap->range.n_users == 0;
	for (int i = 0; i < snap->range.n_users && rc == 0; i++)
		rc = chunk_has_user(k, snap->range.users[i], err);
	if (rc <= 0)
		return rc;
	r->end = k->info.n;
	if (!snap->range.whole && !whole(r)) {
		if ((rc = chunk_load(k, CHUNK_TIME, err))) {
			r->end = 0;
			return rc;
		}
		r->row = store_first_not_before(k->time, k->info.n, snap->range.from);
		r->end = store_first_not_before(k->time, k->info.n, snap->range.to);
	}
	if (snap->range.newest && r->end - r->row > snap->range.newest)
		r->row = r->end - snap->range.newest;
	return 0;
}

static int
give_chunk(struct reader *r, struct err *err)
{
	struct store_batch *b = &r->batch;
	struct chunk *k = &r->chunk;
	int rc;

	r->rows = NULL;
	b->n = r->end - r->row < BATCH_ROWS ? r->end - r->row : BATCH_ROWS;
	r->from = r->row;
	r->row += b->n;
	b->names = NULL;
	b->n_names = 0;
	b->min_time = k->info.min_time;
	b->max_time = k->info.max_time;
	if (b->n < k->info.n) {
		if ((rc = chunk_load(k, CHUNK_TIME, err))) {
			r->row = r->end;
			return rc;
		}
		b->min_time = k->time[r->from];
		b->max_time = k->time[r->from + b->n - 1];
	} else {
		if (k->info.n_names > r->names_cap)
			r->names = mem_grow(r->names, r->names_cap = k->info.n_names, sizeof(*r->names));
		for (size_t i = 0; i < k->info.n_names; i++)
			r->names[i] = (struct store_batch_name){ k->names[i].name, k->names[i].count };
		b->names = r->names;
		b->n_names = k->info.n_names;
	}
	return 1;
}

/* ---- under rights
 *
 * A chunk's rows are looked at one by one, and those that are seen are given out like the tail's. Slower than columns by what it takes to
 * put rows together and to ask, and nothing that is kept of the whole chunk can tell of what is not seen. Bound by chunk_row, 0.4 to
 * 1 µs a row; a chunk's rows are 16 MiB at most. */

static int
keep_seen(void *self, const struct event *ev, struct err *err)
{
	struct reader *r = self;

	(void)err;
	if (r->n_seen == r->seen_cap)
		r->seen = mem_grow(r->seen, r->seen_cap = r->seen_cap ? r->seen_cap * 2 : 1024, sizeof(*r->seen));
	r->seen[r->n_seen] = *ev;
	keep(r->kept, &r->seen[r->n_seen++]);
	return 0;
}

static unsigned
columns_asked(const struct store_batches *all)
{
	static const int column[] = { [FIELD_RECEIVED] = CHUNK_RECEIVED, [FIELD_ID] = CHUNK_ID, [FIELD_USER] = CHUNK_USER,
		[FIELD_SESSION] = CHUNK_SESSION, [FIELD_PROPERTIES] = CHUNK_PROPERTIES, [FIELD_PROPERTY] = CHUNK_PROPERTIES,
		[FIELD_INSIDE] = CHUNK_PROPERTIES, [FIELD_REACH] = CHUNK_PROPERTIES };
	unsigned want = 0;

	for (int i = 0; i < all->n_fields; i++)
		want |= 1u << column[all->field[i].of];
	return want;
}

static int
see_chunk(struct reader *r, const struct store_source *from, struct err *err)
{
	if (!r->kept)
		r->kept = arena_new(0);
	arena_reset(r->kept);
	r->row = r->end = r->n_seen = 0;
	if (store_seer_chunk(&r->seer, &r->all->snap, from, columns_asked(r->all), keep_seen, r, err) < 0)
		return err->code;
	r->end = r->n_seen;
	return 0;
}

static int
give_rows(struct reader *r, const struct event *rows, size_t n)
{
	r->batch = (struct store_batch){ .n = n < BATCH_ROWS ? n : BATCH_ROWS };
	r->rows = rows;
	r->batch.min_time = rows[0].time;
	r->batch.max_time = rows[r->batch.n - 1].time;
	return 1;
}

static int
give_seen(struct reader *r)
{
	give_rows(r, r->seen + r->row, r->end - r->row);
	r->row += r->batch.n;
	return 1;
}

static int
give_tail(struct reader *r)
{
	struct store_batches *all = r->all;
	size_t from = __atomic_fetch_add(&all->next_tail, BATCH_ROWS, __ATOMIC_RELAXED);

	r->batch = (struct store_batch){ 0 };
	if (from >= all->n_tail) {
		__atomic_store_n(&all->next_tail, all->n_tail, __ATOMIC_RELAXED);       /* so that asking for ever does not overflow */
		return 0;
	}
	return give_rows(r, all->tail + from, all->n_tail - from);
}

int
store_batch_next(struct store_batch *batch, struct err *err)
{
	struct reader *r = (struct reader *)batch;
	struct store_batches *all = r->all;
	int rc;

	if (r->samples) {
		if ((rc = batch_samples_next(r->samples, batch, err)) > 0)
			count(&all->read.rows, batch->n);
		return rc;
	}
	for (int i = 0; i < all->n_fields; i++)
		r->slot[i].ready = r->slot[i].by_rows = 0;
	arena_reset(r->texts);
	if (all->damage.code && !__atomic_exchange_n(&all->damage_told, 1, __ATOMIC_RELAXED)) {
		r->batch = (struct store_batch){ 0 };
		*err = all->damage;
		return err->code;
	}
	if (all->snap.range.newest && r->row == r->end && (rc = give_tail(r)) > 0) {
		count(&all->read.rows, batch->n);
		return rc;
	}
	while (r->row == r->end) {
		size_t i = __atomic_fetch_add(&all->next_source, 1, __ATOMIC_RELAXED);

		if (i >= all->snap.n_sources) {
			__atomic_store_n(&all->next_source, all->snap.n_sources, __ATOMIC_RELAXED);
			if ((rc = give_tail(r)) > 0)
				count(&all->read.rows, batch->n);
			return rc;
		}
		if (all->snap.s->rights) {
			if ((rc = see_chunk(r, &all->snap.source[i], err)) < 0)
				return rc;
			continue;
		}
		if ((rc = begin_chunk(r, &all->snap.source[i], err)) < 0)
			return at_chunk(r, rc, err);
		count(r->row < r->end ? &all->read.chunks : &all->read.chunks_skipped, 1);
	}
	if ((rc = all->snap.s->rights ? give_seen(r) : give_chunk(r, err)) < 0)
		return at_chunk(r, rc, err);
	count(&all->read.rows, batch->n);
	return 1;
}

/* ---- a column */

static void
room_for_rows(struct slot *s, size_t n)
{
	if (n <= s->rows_cap)
		return;
	s->rows_cap = n;
	s->code = mem_grow(s->code, n, sizeof(*s->code));
	s->valid = mem_grow(s->valid, n / 64 + 1, sizeof(*s->valid));
	s->bits = mem_grow(s->bits, n, sizeof(*s->bits));
	s->kind = mem_grow(s->kind, n, 1);
}

static void
no_values(struct slot *s)
{
	map_clear(&s->texts), map_clear(&s->numbers);
	s->n_values = 0;
}

static uint32_t
add_value(struct slot *s, struct cell v)
{
	if (s->n_values == s->values_cap)
		s->value = mem_grow(s->value, s->values_cap = s->values_cap ? s->values_cap * 2 : 256, sizeof(*s->value));
	s->value[s->n_values] = v;
	return (uint32_t)s->n_values++;
}

static uint32_t
code_of_text(struct slot *s, struct str text)
{
	int is_new;
	struct map_entry *e = map_put(&s->texts, text, &is_new);

	if (is_new)
		e->num = add_value(s, cell_text(e->key));
	return (uint32_t)e->num;
}

static uint32_t
code_of_number(struct slot *s, int kind, uint64_t bits)
{
	char key[9];
	struct cell v = cell_integer((int64_t)bits);
	struct map_entry *e;
	int is_new;

	memcpy(key, &bits, 8);
	key[8] = (char)kind;
	e = map_put(&s->numbers, (struct str){ key, 9 }, &is_new);
	if (is_new) {
		if (kind == CELL_REAL) {
			v = cell_real(0);
			memcpy(&v.real, &bits, 8);
		}
		e->num = add_value(s, v);
	}
	return (uint32_t)e->num;
}

static void
give_codes(struct slot *s, const uint32_t *code)
{
	s->column = (struct column){ .form = COLUMN_CODES, .code = code, .value = s->value, .n_values = (uint32_t)s->n_values };
}

/* From the kinds and bits of n rows the form that fits. */
static void
settle(struct slot *s, size_t n)
{
	size_t count_of[4] = { 0 };
	int big = 0, whole_real = 0;

	for (size_t i = 0; i < n; i++)
		count_of[s->kind[i]]++;
	for (size_t i = 0; count_of[CELL_INTEGER] && count_of[CELL_REAL] && i < n; i++) {
		if (s->kind[i] == CELL_INTEGER)
			big |= s->integer[i] > EXACT || s->integer[i] < -EXACT;
		else if (s->kind[i] == CELL_REAL)
			whole_real |= floor(s->real[i]) == s->real[i];
	}
	if (count_of[CELL_NULL] == n) {
		s->column = (struct column){ .form = COLUMN_NULL };
	} else if (count_of[CELL_TEXT] == 0 && (!count_of[CELL_INTEGER] || !count_of[CELL_REAL] || (!big && !whole_real))) {
		int reals = count_of[CELL_REAL] != 0;

		memset(s->valid, 0, (n / 64 + 1) * sizeof(*s->valid));
		for (size_t i = 0; i < n; i++) {
			s->valid[i / 64] |= (uint64_t)(s->kind[i] != CELL_NULL) << (i % 64);
			if (reals && s->kind[i] == CELL_INTEGER)
				s->real[i] = (double)s->integer[i];
		}
		s->column = (struct column){ .form = reals ? COLUMN_REAL : COLUMN_INTEGER, .whole = reals && count_of[CELL_INTEGER],
			.valid = count_of[CELL_NULL] ? s->valid : NULL };
		if (reals)
			s->column.real = s->real;
		else
			s->column.integer = s->integer;
	} else {
		for (size_t i = 0; i < n; i++)
			s->code[i] = s->kind[i] == CELL_NULL ? 0 : s->kind[i] == CELL_TEXT ? (uint32_t)s->bits[i] : code_of_number(s, s->kind[i], s->bits[i]);
		give_codes(s, s->code);
	}
}

static void
put_value(struct slot *s, size_t i, struct json v, struct buf *scratch)
{
	struct cell c = cell_of_json(v, scratch);

	s->kind[i] = (unsigned char)c.type;
	s->bits[i] = 0;                         /* so that a row without a value has a number all the same */
	if (c.type == CELL_INTEGER)
		s->integer[i] = c.integer;
	else if (c.type == CELL_REAL)
		s->real[i] = c.real;
	else if (c.type == CELL_TEXT)
		s->bits[i] = code_of_text(s, c.text);
}

/* The properties of row i; borrowed until another row is asked for. */
static int
properties(struct reader *r, size_t i, struct str *to, struct err *err)
{
	struct event ev;
	int rc;

	if (r->rows) {
		*to = r->rows[i].properties;
		return 0;
	}
	if ((rc = chunk_row(&r->chunk, r->from + i, 1u << CHUNK_PROPERTIES, &ev, err)))
		return rc;
	*to = ev.properties;
	return 0;
}

/* a.b reaches into nested objects; the literal key comes first. */
static struct json
reach(struct json in, struct str name)
{
	struct json v = json_get(in, name);
	const char *dot = v.type == JSON_NONE ? memchr(name.p, '.', name.n) : NULL;

	if (!dot)
		return v;
	v = json_get(in, (struct str){ name.p, (size_t)(dot - name.p) });
	return v.type == JSON_OBJECT ? reach(v, (struct str){ dot + 1, name.n - (size_t)(dot + 1 - name.p) }) : JSON_ABSENT;
}

/* a.b in a row; a text of an object is looked into as well. */
static struct json
inside(struct reader *r, struct json in, struct str name)
{
	const char *dot = memchr(name.p, '.', name.n);
	struct json v = json_get(in, (struct str){ name.p, (size_t)(dot - name.p) });
	struct cell text;

	if (v.type == JSON_STRING) {
		text = cell_of_json(v, &r->scratch);
		v = json_value((struct str){ arena_dup(r->texts, text.text.p, text.text.n), text.text.n });
	}
	return v.type == JSON_OBJECT ? json_get(v, (struct str){ dot + 1, name.n - (size_t)(dot + 1 - name.p) }) : JSON_ABSENT;
}

static int
is_property(const struct store_field *f)
{
	return f->of == FIELD_PROPERTY || f->of == FIELD_INSIDE || f->of == FIELD_REACH;
}

static enum chunk_reach
reach_of(const struct store_field *f)
{
	return f->of == FIELD_REACH ? CHUNK_REACH : f->of == FIELD_INSIDE ? CHUNK_INSIDE : CHUNK_KEY;
}

static int
aim(struct reader *r, struct err *err)
{
	int wanted = 0;

	for (int i = 0; i < r->all->n_fields; i++)
		wanted += r->slot[i].wanted && is_property(&r->all->field[i]);
	if (wanted == r->projected)
		return 0;
	project_free(r->project);
	r->project = project_new();
	r->projected = wanted;
	for (int i = 0; i < r->all->n_fields; i++)
		if (r->slot[i].wanted && is_property(&r->all->field[i]) &&
		    (r->slot[i].at = project_path(r->project, &r->all->field[i].name, 1, err)) < 0)
			return r->slot[i].at;
	r->json = mem_grow(r->json, (size_t)project_count(r->project) + 1, sizeof(*r->json));
	return 0;
}

/* All wanted properties that are not made yet, in one pass. */
static int
make_properties(struct reader *r, struct err *err)
{
	const struct store_field *field = r->all->field;
	int made[STORE_BATCH_FIELDS], n = 0, rc;
	struct err wrong = { 0 };

	if ((rc = aim(r, err)))
		return rc;
	for (int f = 0; f < r->all->n_fields; f++)
		if (r->slot[f].wanted && !r->slot[f].ready && is_property(&field[f]) && r->slot[f].by_rows) {
			room_for_rows(&r->slot[f], r->batch.n);
			no_values(&r->slot[f]);
			add_value(&r->slot[f], cell_null());
			made[n++] = f;
		}
	for (size_t i = 0; i < r->batch.n; i++) {
		struct str text;
		int broken;

		if ((rc = properties(r, i, &text, err)))
			return rc;
		broken = project_row(r->project, text, r->json, &wrong) < 0;
		for (int k = 0; k < n; k++) {
			struct slot *s = &r->slot[made[k]];
			struct json v = broken ? JSON_ABSENT : r->json[s->at];

			if (field[made[k]].of == FIELD_INSIDE && !broken)
				v = inside(r, json_value(text), field[made[k]].name);
			else if (v.type == JSON_NONE && field[made[k]].of == FIELD_REACH && !broken)
				v = reach(json_value(text), field[made[k]].name);
			put_value(s, i, v, &r->scratch);
		}
	}
	for (int k = 0; k < n; k++) {
		settle(&r->slot[made[k]], r->batch.n);
		r->slot[made[k]].ready = 1;
	}
	return 0;
}

static int
make_whole_properties(struct reader *r, struct slot *s, struct err *err)
{
	struct str text;
	int rc;

	for (size_t i = 0; i < r->batch.n; i++) {
		if ((rc = properties(r, i, &text, err)))
			return rc;
		if (!r->rows)
			text.p = arena_dup(r->texts, text.p, text.n);
		s->code[i] = add_value(s, cell_text(text));
	}
	give_codes(s, s->code);
	return 0;
}

/* A property: the leaf that it is in this chunk, or else row by row. */
static int
make_property(struct reader *r, int field, struct err *err)
{
	const struct store_field *f = &r->all->field[field];
	struct slot *s = &r->slot[field];
	int rc = r->rows ? 0 : chunk_column(&r->chunk, f->name, reach_of(f), r->from, r->batch.n, &s->leaf, &s->column, err);

	if (rc)
		return rc < 0 ? rc : 0;
	s->by_rows = 1;
	return make_properties(r, err);
}

int
store_batch_row(struct store_batch *batch, size_t i, struct event *ev, struct err *err)
{
	struct reader *r = (struct reader *)batch;
	int rc;

	if (r->rows) {
		*ev = r->rows[i];
		return 0;
	}
	rc = chunk_row(&r->chunk, r->from + i, CHUNK_ALL, ev, err);
	return at_chunk(r, rc, err);
}

static struct str
text_of(const struct event *ev, enum store_field_of of)
{
	return of == FIELD_EVENT ? ev->name : of == FIELD_ID ? ev->id : of == FIELD_USER ? ev->user_id : ev->session_id;
}

static void
make_of_rows(struct reader *r, enum store_field_of of, struct slot *s)
{
	const struct event *ev = r->rows;

	for (size_t i = 0; i < r->batch.n; i++) {
		struct str text = text_of(&ev[i], of);

		switch (of) {
		case FIELD_TIME:
			s->integer[i] = ev[i].time;
			break;
		case FIELD_SEQ:
			s->integer[i] = (int64_t)ev[i].seq;
			break;
		case FIELD_RECEIVED:
			s->integer[i] = ev[i].received;
			break;
		default:
			s->code[i] = text.p ? code_of_text(s, text) : 0;
		}
	}
	if (of == FIELD_TIME || of == FIELD_SEQ || of == FIELD_RECEIVED)
		s->column = (struct column){ .form = COLUMN_INTEGER, .integer = s->integer };
	else
		give_codes(s, s->code);
}

static const int of_chunk[] = { [FIELD_EVENT] = CHUNK_NAME, [FIELD_TIME] = CHUNK_TIME, [FIELD_SEQ] = CHUNK_SEQ, [FIELD_RECEIVED] = CHUNK_RECEIVED,
	[FIELD_ID] = CHUNK_ID, [FIELD_USER] = CHUNK_USER, [FIELD_SESSION] = CHUNK_SESSION };

static int
make_of_chunk(struct reader *r, enum store_field_of of, struct slot *s, struct err *err)
{
	struct chunk *k = &r->chunk;
	int rc = chunk_load(k, of_chunk[of], err);
	const struct chunk_texts *t;

	if (rc)
		return rc;
	switch (of) {
	case FIELD_EVENT:
		for (size_t i = 0; i < k->info.n_names; i++)
			add_value(s, cell_text(k->names[i].name));
		give_codes(s, k->name + r->from);
		break;
	case FIELD_TIME:
		s->column = (struct column){ .form = COLUMN_INTEGER, .integer = k->time + r->from };
		break;
	case FIELD_SEQ:
		s->column = (struct column){ .form = COLUMN_INTEGER, .integer = (const int64_t *)k->seq + r->from };
		break;
	case FIELD_RECEIVED:
		s->column = (struct column){ .form = COLUMN_INTEGER, .integer = k->received + r->from };
		break;
	default:
		t = &k->texts[of_chunk[of] - CHUNK_ID];
		for (size_t i = 1; i < t->n; i++)
			add_value(s, cell_text(t->text[i]));
		for (size_t i = 0; t->n == 0 && i < r->batch.n; i++)
			s->code[i] = t->text[r->from + i].p ? add_value(s, cell_text(t->text[r->from + i])) : 0;
		give_codes(s, t->n ? t->code + r->from : s->code);
	}
	return 0;
}

int
store_batch_values(struct store_batch *batch, int field, struct column *column, struct err *err)
{
	struct reader *r = (struct reader *)batch;
	const struct store_field *f = &r->all->field[field];
	int rc;

	if (r->samples || r->rows || !is_property(f))
		return (rc = store_batch_column(batch, field, column, err)) ? rc : 1;
	rc = chunk_column(&r->chunk, f->name, reach_of(f), r->from, r->batch.n, &r->leaf, column, err);
	count(&r->all->read.columns, rc > 0);
	return at_chunk(r, rc, err);
}

int
store_batch_column(struct store_batch *batch, int field, struct column *column, struct err *err)
{
	struct reader *r = (struct reader *)batch;
	struct slot *s = &r->slot[field];
	enum store_field_of of = r->all->field[field].of;
	int rc = 0;

	if (r->samples) {
		batch_samples_column(r->samples, &r->all->field[field], field, column);
		return 0;
	}
	if (!s->ready) {
		count(&r->all->read.columns, 1);
		s->wanted = 1;
		if (!is_property(&r->all->field[field])) {
			room_for_rows(s, batch->n);
			no_values(s);
			add_value(s, cell_null());
		}
		rc = is_property(&r->all->field[field]) ? make_property(r, field, err) : of == FIELD_PROPERTIES ? make_whole_properties(r, s, err) :
		    r->rows ? (make_of_rows(r, of, s), 0) : make_of_chunk(r, of, s, err);
		if (rc < 0)
			return r->rows ? rc : at_chunk(r, rc, err);
		s->ready = 1;
	}
	*column = s->column;
	return 0;
}

static int
is_text_column(enum store_field_of of)
{
	return of == FIELD_ID || of == FIELD_USER || of == FIELD_SESSION;
}

/* 1; 0 as a whole; < 0. */
static int
make_some(struct reader *r, int field, const uint32_t *row, size_t many, const struct store_batch_room *room, struct column *column, struct err *err)
{
	const struct store_field *f = &r->all->field[field];
	struct cell *value;
	struct str *text;
	int rc;

	if (is_property(f))
		return chunk_some_column(&r->chunk, f->name, reach_of(f), r->from, r->batch.n, row, many, &r->slot[field].leaf, room->arena, room->code,
		    column, err);
	if (f->of == FIELD_EVENT) {
		if ((rc = chunk_some_names(&r->chunk, r->from, row, many, room->code, err)) <= 0)
			return rc;
		value = arena_get(room->arena, (r->chunk.info.n_names + 1) * sizeof(*value));
		value[0] = cell_null();
		for (size_t i = 0; i < r->chunk.info.n_names; i++)
			value[i + 1] = cell_text(r->chunk.names[i].name);
		*column = (struct column){ .form = COLUMN_CODES, .code = room->code, .value = value, .n_values = (uint32_t)r->chunk.info.n_names + 1 };
		return 1;
	}
	if (f->of == FIELD_TIME) {
		int64_t *time = arena_get(room->arena, (many + 1) * sizeof(*time));

		if ((rc = chunk_some_times(&r->chunk, r->from, row, many, time, err)) <= 0)
			return rc;
		for (size_t k = 0; k < many; k++)
			room->integer[row[k]] = time[k];
		*column = (struct column){ .form = COLUMN_INTEGER, .integer = room->integer };
		return 1;
	}
	if (!is_text_column(f->of))
		return 0;
	text = arena_get(room->arena, (many + 1) * sizeof(*text));
	if ((rc = chunk_some_texts(&r->chunk, of_chunk[f->of], r->from, row, many, text, err)) <= 0)
		return rc;
	value = arena_get(room->arena, (many + 1) * sizeof(*value));
	value[0] = cell_null();
	for (size_t k = 0; k < many; k++) {
		value[k + 1] = text[k].p ? cell_text(text[k]) : cell_null();
		room->code[row[k]] = text[k].p ? (uint32_t)k + 1 : 0;
	}
	*column = (struct column){ .form = COLUMN_CODES, .code = room->code, .value = value, .n_values = (uint32_t)many + 1 };
	return 1;
}

int
store_batch_some(struct store_batch *batch, int field, const uint32_t *row, size_t many, const struct store_batch_room *room, struct column *column,
    struct err *err)
{
	struct reader *r = (struct reader *)batch;
	int rc = 0;

	if (!r->samples && !r->rows && !r->slot[field].ready)
		rc = make_some(r, field, row, many, room, column, err);
	if (rc > 0)
		count(&r->all->read.columns, 1);
	return rc < 0 ? at_chunk(r, rc, err) : rc ? 0 : store_batch_column(batch, field, column, err);
}

int
store_batch_rows_with(struct store_batch *batch, int field, struct str text, uint32_t *row, size_t *many, struct err *err)
{
	struct reader *r = (struct reader *)batch;
	enum store_field_of of = r->all->field[field].of;
	int rc;

	if (r->samples || r->rows || r->slot[field].ready || !is_text_column(of))
		return 0;
	if ((rc = chunk_rows_with(&r->chunk, of_chunk[of], text, r->from, r->batch.n, row, many, err)) > 0)
		count(&r->all->read.columns, 1);
	return at_chunk(r, rc, err);
}

int
store_batch_bounds(struct store_batch *batch, int field, struct store_bounds *b, struct err *err)
{
	struct reader *r = (struct reader *)batch;
	const struct store_field *f = &r->all->field[field];

	if (r->samples || r->rows || r->slot[field].ready || !is_property(f))
		return 0;
	return chunk_bounds(&r->chunk, f->name, reach_of(f), &r->slot[field].leaf, b, err);
}

void
store_batch_pass(struct store_batch *batch)
{
	struct reader *r = (struct reader *)batch;

	if (r->samples || r->rows)
		return;
	__atomic_fetch_sub(&r->all->read.rows, (int64_t)batch->n, __ATOMIC_RELAXED);
	if (batch->n < r->chunk.info.n)
		return;
	__atomic_fetch_sub(&r->all->read.chunks, 1, __ATOMIC_RELAXED);
	count(&r->all->read.chunks_skipped, 1);
}
