/* kept.c - the batches of a metric over events: what is kept of them is taken, what is not is made. */
#include "query/kept.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/task.h"
#include "base/time.h"
#include "codec/sha256.h"
#include "codec/varint.h"
#include "query/kept_priv.h"
#include "query/query_priv.h"
#include "query/tracks.h"
#include "query/vector_priv.h"
#include "window/window.h"

#define OLD_ZONES  94694400000LL        /* before 1973 zones were off by seconds, so that a minute of ours may lie in two of theirs */
#define FEWER      8                    /* a state has at most a number for so many rows … */
#define FEW        1024                 /* … or so many, whatever the rows */
#define ROWS_FEWER 16                   /* metric rows are dearer */
#define ROWS_BYTES (1u << 20)
#define TOO_MANY   0                    /* a state of this byte alone: it was not worth keeping */
#define MADE_MOST  (64u << 20)          /* bytes of new states held until they are written */
#define FIELDS     (2 + KEPT_BY_MOST)

struct job {                            /* of one thread */
	struct store_batch *batch;
	struct kept_counter counter;
	struct pack pack;
	struct buf state, row;
	struct err err;
};

struct crew {
	struct query *q;
	const struct kept_question *ask;
	struct store_field field[FIELDS];       /* 0 the name, 1 the time */
	int n_fields;
	int64_t step;                   /* what the buckets can be made of: minutes, seconds or ms */
	int zoned, hours;               /* not in UTC; hours will do as well */
	int uses;                       /* states are taken and kept */
	struct kind {                   /* of states: of counts one, of rows one by minutes and one by hours */
		unsigned char name[STORE_KEPT_NAME];
		int number;             /* in the store; -1: there are none */
	} kind[2];
	struct store_batches *all;
	struct job *job;
	int n, begun, ended;
	pthread_mutex_t lock;           /* of what follows */
	struct made { struct store_kept *list; size_t n, cap; } made[2];        /* of each kind */
	size_t made_bytes;
	struct err damage;
	int (*one)(struct crew *, struct job *, int part);      /* what is done with a batch */
	/* of numbers */
	enum kept_kind what;
	int by_columns;                 /* nothing but counts: no row is put together */
	int cannot;                     /* a number came that cells cannot say */
	int (*each)(void *, int part, const struct kept_counts *);
	void *self;
	/* of rows */
	struct window_spec window;      /* that makes rows of events */
	struct window *merged;
};

/* ---- all of them */

/* What the states are of: everything that decides what is in them. */
static void
name_states(struct crew *crew, int kind, const char *what)
{
	const struct kept_question *ask = crew->ask;
	unsigned char hash[SHA256_LEN];
	struct buf text = { 0 };

	varint_put_str(&text, str_of(what));
	varint_put(&text, (uint64_t)ask->n_names);
	for (int i = 0; i < ask->n_names; i++)
		varint_put_str(&text, ask->names[i]);
	varint_put(&text, (uint64_t)ask->n_by);
	for (int i = 0; i < ask->n_by; i++)
		varint_put_str(&text, ask->by[i]);
	varint_put_str(&text, ask->where ? str_of(ask->where) : STR(""));
	varint_put_str(&text, ask->value ? str_of(ask->value) : STR(""));
	sha256(buf_get(&text), hash);
	memcpy(crew->kind[kind].name, hash, STORE_KEPT_NAME);
	buf_release(&text);
}

static void *
work(void *self)
{
	struct crew *crew = self;
	int part = __atomic_fetch_add(&crew->begun, 1, __ATOMIC_RELAXED), rc = 1;
	struct job *j = &crew->job[part];

	while (rc > 0 && !__atomic_load_n(&crew->ended, __ATOMIC_RELAXED)) {
		if ((rc = store_batch_next(j->batch, &j->err)) > 0 && (rc = crew->one(crew, j, part)) == 0)
			rc = 1;
		if (rc == ERR_CORRUPT) {        /* the rest can be read all the same */
			pthread_mutex_lock(&crew->lock);
			if (!crew->damage.code)
				crew->damage = j->err;
			pthread_mutex_unlock(&crew->lock);
			err_clear(&j->err);
			rc = 1;
		}
		if (rc > 0)
			rc = query_stopped(crew->q, &j->err) < 0 ? j->err.code : 1;
	}
	if (rc < 0)
		__atomic_store_n(&crew->ended, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void
keep(struct crew *crew, int kind, uint64_t chunk, struct str state)
{
	struct made *made = &crew->made[kind];

	pthread_mutex_lock(&crew->lock);
	if (state.n <= STORE_KEPT_BYTES && crew->made_bytes + state.n <= MADE_MOST) {
		if (made->n == made->cap)
			made->list = mem_grow(made->list, made->cap = made->cap ? 2 * made->cap : 64, sizeof(*made->list));
		made->list[made->n++] = (struct store_kept){ chunk, { mem_dup(state.p, state.n), state.n } };
		crew->made_bytes += state.n;
	}
	pthread_mutex_unlock(&crew->lock);
}

/* The state of the batch at hand, a chunk, in j->state: 1, 0 there is none. */
static int
take(struct crew *crew, struct job *j, int kind)
{
	const struct kind *k = &crew->kind[kind];

	return store_kept_get(crew->q->store, k->number, k->name, j->batch->id, &j->pack, &j->state);
}

static int
run(struct crew *crew, struct err *err)
{
	const struct kept_question *ask = crew->ask;
	struct store_range range = { .from = ask->from, .to = ask->to, .names = ask->names, .n_names = ask->n_names, .whole = 1 };
	struct store *store = query_store(crew->q, err);
	const char *off = getenv("AT_KEPT");
	struct store_batches_read read = { 0 };
	int64_t most;

	crew->uses = !(off && strcmp(off, "0") == 0);
	pthread_mutex_init(&crew->lock, NULL);
	if (!store || query_hold(crew->q, err) < 0 || !(crew->all = store_batches_open(store, &range, crew->field, crew->n_fields, err)))
		goto out;
	for (int i = 0; i < 2; i++)
		crew->kind[i].number = crew->uses ? store_kept_find(store, crew->kind[i].name) : -1;
	most = store_batches_rows(crew->all) / VECTOR_ROWS + 1;
	crew->n = task_processors();
	crew->n = crew->n > most ? (int)most : crew->n > KEPT_PARTS ? KEPT_PARTS : crew->n;
	crew->job = mem_new((size_t)crew->n * sizeof(*crew->job));
	for (int i = 0; i < crew->n; i++)
		if (!(crew->job[i].batch = store_batch_open(crew->all, err)))
			goto out;
	vector_share(crew->n, work, crew);
	for (int i = 0; i < crew->n && !err->code; i++)
		if (crew->job[i].err.code)
			*err = crew->job[i].err;
	if (crew->damage.code && !crew->q->damage.code)
		crew->q->damage = crew->damage;
	for (int i = 0; i < 2 && !err->code && !crew->damage.code; i++)
		store_kept_put(store, crew->kind[i].name, crew->made[i].list, crew->made[i].n, &(struct err){ 0 });     /* for want of it nothing is wrong */
out:
	for (int i = 0; i < crew->n; i++) {
		store_batch_close(crew->job[i].batch);
		kept_counter_release(&crew->job[i].counter);
		pack_release(&crew->job[i].pack);
		buf_release(&crew->job[i].state), buf_release(&crew->job[i].row);
	}
	free(crew->job);
	if (crew->all)
		store_batches_read(crew->all, &read);
	crew->q->read += read.rows;
	store_batches_close(crew->all);
	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; k < crew->made[i].n; k++)
			free((char *)crew->made[i].list[k].state.p);
		free(crew->made[i].list);
	}
	pthread_mutex_destroy(&crew->lock);
	return err->code;
}

static void
begin(struct crew *crew, struct query *q, const struct kept_question *ask)
{
	int64_t every = ask->every_ms;

	*crew = (struct crew){ .q = q, .ask = ask };
	crew->step = every % KEPT_MINUTE == 0 ? KEPT_MINUTE : every % 1000 == 0 ? 1000 : 1;
	crew->zoned = !zone_is_utc(query_zone(q));
	crew->hours = every % KEPT_HOUR == 0 && !crew->zoned;
	crew->field[0] = (struct store_field){ .of = FIELD_EVENT };
	crew->field[1] = (struct store_field){ .of = FIELD_TIME };
}

/* The steps that this batch can be counted by; minutes and more where states will do for it. */
static int64_t
step_of(const struct crew *crew, const struct store_batch *b)
{
	return crew->step == KEPT_MINUTE && crew->zoned && b->min_time < OLD_ZONES ? 1000 : crew->step;
}

/* The part of the range that whole steps cover; where there is none, from and to are the end of the range. */
static void
inside(const struct kept_question *ask, int64_t step, int64_t *from, int64_t *to)
{
	*from = kept_floor(ask->from + step - 1, step);
	*to = kept_floor(ask->to, step);
	if (*to <= *from)
		*from = *to = ask->to;
}

/* ---- events through a window of at-agg */

/* What a window has written to a file in memory; emptied. */
static int
take_out(struct out *out, struct buf *to, struct err *err)
{
	off_t size;

	out_flush(out);
	size = lseek(out->fd, 0, SEEK_END);
	if (out->failed || size < 0)
		return err_set(err, ERR_IO, "no memory for what a metric is made of");
	buf_room(to, (size_t)size + 1);
	for (off_t at = 0; at < size; ) {
		ssize_t n = pread(out->fd, to->p + to->n, (size_t)(size - at), at);

		if (n <= 0)
			return err_set(err, ERR_IO, "what a metric is made of cannot be read back");
		to->n += (size_t)n;
		at += n;
	}
	return 0;
}

/* A window for rows in any order, which come out at its end. Its rows are taken with `out`. */
static struct window *
open_window(const struct window_spec *like, int64_t span_ms, struct out *out, struct err *err)
{
	struct window_spec spec = *like;
	struct window *w = NULL;
	char span[40] = "all";

	if (spec.buckets)
		span_ms = 1;
	if (span_ms)
		dur_print(span_ms, span);
	*out = (struct out){ .fd = memfd_create("metric", MFD_CLOEXEC), .name = "memory" };
	spec.span = span;
	spec.out = out;
	spec.lateness_ms = TIME_MAX;
	if (out->fd < 0)
		err_set(err, ERR_IO, "no memory file");
	else
		w = window_new(&spec, err);
	return w;
}

static int
close_window(struct window *w, struct out *out, struct buf *rows, struct err *err)
{
	if (w && !err->code && window_finish(w, err) == 0)
		take_out(out, rows, err);
	window_free(w);
	buf_release(&out->buf);
	if (out->fd >= 0)
		close(out->fd);
	return err->code;
}

/* The rows of the batch with from <= time < to, by windows of span_ms. */
static int
make_rows(struct crew *crew, struct job *j, int64_t from, int64_t to, int64_t span_ms, struct buf *rows)
{
	const struct kept_question *ask = crew->ask;
	struct kept_counter *c = &j->counter;
	struct column name, time;
	struct out out;
	struct window *w;
	struct event e;

	if (from >= to || j->batch->max_time < from || j->batch->min_time >= to)
		return 0;
	if (store_batch_column(j->batch, 0, &name, &j->err) < 0 || store_batch_column(j->batch, 1, &time, &j->err) < 0)
		return j->err.code;
	kept_want_names(c, ask, &name);
	w = open_window(&crew->window, span_ms, &out, &j->err);
	for (size_t i = 0; w && i < j->batch->n; i++) {
		if (time.integer[i] < from || time.integer[i] >= to || (ask->n_names && !c->wanted[name.code[i]]))
			continue;
		if (((i & 0xfff) == 0 && query_stopped(crew->q, &j->err) < 0) || store_batch_row(j->batch, i, &e, &j->err) < 0)
			break;
		buf_clear(&j->row);
		event_put(&j->row, &e);
		if (window_row(w, buf_get(&j->row), &j->err) < 0) {
			if (j->err.code != ERR_INPUT)
				break;
			err_clear(&j->err);
		}
	}
	return close_window(w, &out, rows, &j->err);
}

/* ---- numbers */

static int
make_cells(struct crew *crew, struct job *j, int64_t from, int64_t to, int64_t step)
{
	struct buf rows = { 0 };

	if (crew->by_columns)
		return kept_count(&j->counter, j->batch, crew->ask, crew->field, from, to, step, &j->err);
	if (make_rows(crew, j, from, to, step, &rows) == 0 && kept_take_rows(&j->counter, crew->what, crew->ask, buf_get(&rows), step) < 0) {
		__atomic_store_n(&crew->cannot, 1, __ATOMIC_RELAXED);
		err_set(&j->err, ERR_LIMIT, "a number that is too large or too fine");  /* ends it; kept_counts says 0 */
	}
	buf_release(&rows);
	return j->err.code;
}

static int
give_rows(struct crew *crew, struct job *j, int part, int64_t from, int64_t to, int64_t step)
{
	if (from >= to || j->batch->max_time < from || j->batch->min_time >= to)
		return 0;
	if (make_cells(crew, j, from, to, step) < 0)
		return j->err.code;
	return kept_give(&j->counter.cells, INT64_MIN, INT64_MAX, part, crew->each, crew->self);
}

/* The state of the batch at hand, a chunk, as cells: taken, or made and kept. Where even hours have too many numbers what is kept is
 * that: byte 0. 1 the cells are such as will do, 0 they are not, < 0. */
static int
cells_state(struct crew *crew, struct job *j)
{
	struct kept_cells *cells = &j->counter.cells;
	size_t most = j->batch->n / FEWER > FEW ? j->batch->n / FEWER : FEW;

	if (take(crew, j, 0)) {
		if (j->state.n == 1 && *j->state.p == TOO_MANY)
			return 0;
		if (kept_decode(cells, buf_get(&j->state), crew->what, crew->ask->n_by) == 0)
			return cells->step == KEPT_MINUTE || crew->hours;
	}
	if (make_cells(crew, j, TIME_MIN, TIME_MAX + 1, KEPT_MINUTE) < 0)
		return j->err.code;
	if (cells->n > most)
		kept_coarsen(cells, KEPT_HOUR);
	buf_clear(&j->state);
	if (cells->n > most)
		buf_byte(&j->state, TOO_MANY);
	else if (kept_can_encode(cells))
		kept_encode(cells, &j->state);
	if (j->state.n)
		keep(crew, 0, j->batch->id, buf_get(&j->state));
	return cells->n <= most && (cells->step == KEPT_MINUTE || crew->hours);
}

static int
count_batch(struct crew *crew, struct job *j, int part)
{
	const struct kept_question *ask = crew->ask;
	int64_t step = step_of(crew, j->batch), from, to;
	int rc;

	inside(ask, KEPT_MINUTE, &from, &to);
	if (!crew->uses || step != KEPT_MINUTE || !j->batch->id || !j->batch->names || from == to)
		return give_rows(crew, j, part, ask->from, ask->to, step);
	if ((rc = cells_state(crew, j)) <= 0)
		return rc ? rc : give_rows(crew, j, part, ask->from, ask->to, step);
	inside(ask, j->counter.cells.step, &from, &to);
	if ((rc = kept_give(&j->counter.cells, from, to, part, crew->each, crew->self)) || (rc = give_rows(crew, j, part, ask->from, from, step)))
		return rc;
	return give_rows(crew, j, part, to, ask->to, step);
}

/* ---- metric rows
 *
 * A state: byte 2 · rows as at-agg --states prints them, of each minute or of each hour, their metric "m". */
#define ROWS_STATE 2
enum { MINUTES, HOURS };
#define ROW_FRONT  "{\"metric\":\"m\",\"timestamp\":\""

/* Metric rows put together by a longer span. */
static int
merge_rows(struct job *j, struct str rows, int64_t span_ms, struct buf *to)
{
	struct window_spec spec = WINDOW_DEFAULTS;
	struct window *w;
	struct out out;
	struct str line;

	spec.states = spec.hold = 1;
	w = open_window(&spec, span_ms, &out, &j->err);
	while (w && str_cut(&rows, '\n', &line))
		if (line.n && window_row(w, line, &j->err) < 0)
			break;
	return close_window(w, &out, to, &j->err);
}

/* Those of a state's rows that lie in the range go to the answer. */
static int
feed(struct crew *crew, struct job *j, struct str rows, int64_t from, int64_t to)
{
	const size_t front = sizeof(ROW_FRONT) - 1;
	struct str line;
	int64_t time;
	int rc = 0;

	if (from >= to)
		return 0;
	pthread_mutex_lock(&crew->lock);
	while (rc == 0 && rows.n && str_cut(&rows, '\n', &line)) {
		if (line.n < front + TIME_LEN || memcmp(line.p, ROW_FRONT, front) != 0 ||
		    time_parse_rfc3339((struct str){ line.p + front, TIME_LEN }, &time) < 0)
			continue;
		if (time >= from && time < to)
			rc = window_row(crew->merged, line, &j->err);
	}
	pthread_mutex_unlock(&crew->lock);
	return rc;
}

static int
feed_events(struct crew *crew, struct job *j, int64_t from, int64_t to, int64_t span_ms)
{
	struct buf rows = { 0 };
	int rc = make_rows(crew, j, from, to, span_ms, &rows);

	if (rc == 0)
		rc = feed(crew, j, buf_get(&rows), INT64_MIN, INT64_MAX);
	buf_release(&rows);
	return rc;
}

static size_t
lines(struct str rows)
{
	size_t n = 0;

	for (const char *p = rows.p, *end = rows.p + rows.n; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		n++;
	return n;
}

static void
keep_rows(struct crew *crew, struct job *j, int kind, const struct buf *rows)
{
	size_t most = j->batch->n / ROWS_FEWER > FEW ? j->batch->n / ROWS_FEWER : FEW;
	int few = rows->n <= ROWS_BYTES && lines(buf_get(rows)) <= most;

	buf_clear(&j->state);
	buf_byte(&j->state, few ? ROWS_STATE : TOO_MANY);
	if (few)
		buf_str(&j->state, buf_get(rows));
	keep(crew, kind, j->batch->id, buf_get(&j->state));
}

/* A state of the batch at hand, a chunk, taken or made (which makes both): 1 and its rows, 0 it is not worth one, < 0. */
static int
rows_state(struct crew *crew, struct job *j, int kind, struct str *rows)
{
	struct buf minutes = { 0 }, hours = { 0 };

	if (!take(crew, j, kind)) {
		if (make_rows(crew, j, TIME_MIN, TIME_MAX + 1, KEPT_MINUTE, &minutes) == 0 && merge_rows(j, buf_get(&minutes), KEPT_HOUR, &hours) == 0) {
			keep_rows(crew, j, 1 - kind, kind == HOURS ? &minutes : &hours);
			keep_rows(crew, j, kind, kind == HOURS ? &hours : &minutes);    /* in j->state as well */
		}
		buf_release(&minutes), buf_release(&hours);
	}
	*rows = buf_get(&j->state);
	if (j->err.code || !rows->n || *rows->p != ROWS_STATE)
		return j->err.code;
	rows->p++, rows->n--;
	return 1;
}

/* By minutes, where they are kept, and the rest by rows. */
static int
feed_minutes(struct crew *crew, struct job *j, int64_t from, int64_t to, int64_t step)
{
	int64_t first = kept_floor(from + step - 1, step), last = kept_floor(to, step);
	struct str rows;
	int rc;

	if (from >= to || j->batch->max_time < from || j->batch->min_time >= to)
		return 0;
	if (first >= last || (rc = rows_state(crew, j, MINUTES, &rows)) == 0)
		return feed_events(crew, j, from, to, step);
	if (rc < 0 || (rc = feed(crew, j, rows, first, last)) || (rc = feed_events(crew, j, from, first, step)))
		return rc;
	return feed_events(crew, j, last, to, step);
}

static int
rows_batch(struct crew *crew, struct job *j, int part)
{
	const struct kept_question *ask = crew->ask;
	int64_t step = step_of(crew, j->batch), from, to;
	struct str rows;
	int rc;

	(void)part;
	if (!crew->uses || step != KEPT_MINUTE || !j->batch->id || !j->batch->names)
		return feed_events(crew, j, ask->from, ask->to, step);
	inside(ask, KEPT_HOUR, &from, &to);
	if (!crew->hours || from == to || (rc = rows_state(crew, j, HOURS, &rows)) == 0)
		return feed_minutes(crew, j, ask->from, ask->to, step);
	if (rc < 0 || (rc = feed(crew, j, rows, from, to)) || (rc = feed_minutes(crew, j, ask->from, from, step)))
		return rc;
	return feed_minutes(crew, j, to, ask->to, step);
}

/* "sum" of "x=sum(revenue)"; p NULL where it is not one aggregate of one field. */
static struct str
aggregate_of(const char *value)
{
	struct str name = str_of(value);
	const char *equals = memchr(name.p, '=', name.n), *open;

	if (equals)
		name = (struct str){ equals + 1, name.n - (size_t)(equals + 1 - name.p) };
	name = str_trim(name);
	open = memchr(name.p, '(', name.n);
	if (!open)
		return memchr(name.p, ',', name.n) ? (struct str){ 0 } : name;
	if (name.p[name.n - 1] != ')' || memchr(open, ')', name.n - (size_t)(open - name.p) - 1) || memchr(open, ',', name.n - (size_t)(open - name.p)))
		return (struct str){ 0 };
	return (struct str){ name.p, (size_t)(open - name.p) };
}

enum kept_kind
kept_kind(const struct kept_question *ask)
{
	static const char *const names[] = { [KEPT_COUNT] = "count", [KEPT_SUM] = "sum", [KEPT_MEAN] = "avg", [KEPT_LEAST] = "min", [KEPT_GREATEST] = "max" };
	struct str name = aggregate_of(ask->value);

	for (int i = 0; name.p && i < KEPT_ROWS; i++)
		if (str_eq(name, str_of(names[i])))
			return (enum kept_kind)i;
	return KEPT_ROWS;
}

/* Is it put together from metric rows without a loss, in whatever parts? */
static int
merges(const struct kept_question *ask)
{
	struct str name = aggregate_of(ask->value);

	return name.p && (kept_kind(ask) != KEPT_ROWS || str_eq(name, STR("stddev")) || str_eq(name, STR("var")) || str_eq(name, STR("distinct")) ||
	    (name.n > 1 && *name.p == 'p' && name.p[1] >= '0' && name.p[1] <= '9'));
}

/* Can several threads have windows of it? A condition that runs in libjq has a process of its own. */
static int
is_native(const struct window_spec *spec, struct err *err)
{
	struct out out;
	struct window *w = open_window(spec, KEPT_MINUTE, &out, err);
	struct window_reader *reader = w ? window_reader_new(w) : NULL;
	int native = reader != NULL;

	window_reader_free(reader);
	window_free(w);
	buf_release(&out.buf);
	if (out.fd >= 0)
		close(out.fd);
	return err->code ? err->code : native;
}

/* All of it by one window, row by row. */
static int
scan_rows(struct crew *crew, struct buf *rows, struct err *err)
{
	const struct kept_question *ask = crew->ask;
	const struct store_range range = { .from = ask->from, .to = ask->to, .names = ask->names, .n_names = ask->n_names };
	struct store *store = query_store(crew->q, err);
	struct store_scan *scan = NULL;
	struct window *w;
	struct out out;
	struct buf row = { 0 };
	struct event e;
	long looked = 0;

	crew->window.buckets = ask->every_ms ? ask->buckets : NULL;
	crew->window.states = 0;
	w = open_window(&crew->window, ask->every_ms, &out, err);
	if (store && w)
		scan = store_scan_open(store, &range, err);
	while (scan && !err->code && store_scan_next(scan, &e, err) > 0) {
		if ((++looked & 0xfff) == 0 && query_stopped(crew->q, err) < 0)
			break;
		buf_clear(&row);
		event_put(&row, &e);
		if (window_row(w, buf_get(&row), err) == ERR_INPUT)
			err_clear(err);
	}
	if (scan)
		crew->q->read += store_scan_read(scan);
	store_scan_close(scan);
	buf_release(&row);
	return close_window(w, &out, rows, err);
}

/* All that a row is made of is read, and a window of what is asked for makes rows of it; by: room for its text. */
static void
use_window(struct crew *crew, struct buf *by)
{
	static const enum store_field_of whole[] = { FIELD_ID, FIELD_USER, FIELD_SESSION, FIELD_PROPERTIES };

	for (crew->n_fields = 2; crew->n_fields < 6; crew->n_fields++)
		crew->field[crew->n_fields].of = whole[crew->n_fields - 2];
	for (int i = 0; i < crew->ask->n_by; i++) {
		if (i)
			buf_byte(by, ',');
		buf_str(by, crew->ask->by[i]);
	}
	crew->window = (struct window_spec)WINDOW_DEFAULTS;
	crew->window.by = buf_text(by);
	crew->window.aggregates = crew->ask->value;
	crew->window.where = crew->ask->where;
	crew->window.name = "m";
	crew->window.states = 1;
}

static int
merged_rows(struct crew *crew, struct buf *rows, struct err *err)
{
	struct window_spec merge = WINDOW_DEFAULTS;
	struct out out;

	merge.buckets = crew->ask->every_ms ? crew->ask->buckets : NULL;
	merge.hold = 1;
	crew->one = rows_batch;
	name_states(crew, MINUTES, "rows of minutes");
	name_states(crew, HOURS, "rows of hours");
	if ((crew->merged = open_window(&merge, crew->ask->every_ms, &out, err)))
		run(crew, err);
	return close_window(crew->merged, &out, rows, err);
}

int
kept_rows(struct query *q, const struct kept_question *ask, struct buf *rows, struct err *err)
{
	struct buf by = { 0 };
	struct crew crew;
	int rc = 0;

	begin(&crew, q, ask);
	use_window(&crew, &by);
	if (crew.step == KEPT_MINUTE && merges(ask))
		rc = is_native(&crew.window, err);
	if (rc >= 0)
		rc = rc ? merged_rows(&crew, rows, err) : scan_rows(&crew, rows, err);
	buf_release(&by);
	return rc;
}

int
kept_counts(struct query *q, const struct kept_question *ask, int (*each)(void *self, int part, const struct kept_counts *), void *self, struct err *err)
{
	struct buf by = { 0 };
	struct crew crew;
	int rc = 1;

	begin(&crew, q, ask);
	crew.what = kept_kind(ask);
	crew.one = count_batch;
	crew.each = each;
	crew.self = self;
	crew.by_columns = !ask->where && strcmp(ask->value, "count") == 0;
	if (crew.by_columns)
		for (crew.n_fields = 2; crew.n_fields < 2 + ask->n_by; crew.n_fields++)
			crew.field[crew.n_fields] = tracks_batch_field(ask->by[crew.n_fields - 2]);
	else
		use_window(&crew, &by);
	if (crew.what == KEPT_ROWS || (!crew.by_columns && crew.step != KEPT_MINUTE))
		rc = 0;
	else if (!crew.by_columns)
		rc = is_native(&crew.window, err);
	if (rc > 0) {
		name_states(&crew, 0, crew.by_columns ? "counts" : "numbers");
		run(&crew, err);
		if (crew.cannot) {
			err_clear(err);
			rc = 0;
		}
	}
	buf_release(&by);
	return err->code ? err->code : rc;
}
