#include "ingest/sink.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/out.h"
#include "ingest/seen.h"

#define BATCH_BYTES (1u << 20)
#define BATCH_EVENTS 8192
#define BATCH_SAMPLES 32768
#define SERIES_MOST 1048576                     /* that have a number at once */
#define BATCHES 12                              /* bounds what is in memory: 12 MiB, and what one row may need; the reader goes on while a group is committed */
#define SOONEST_MS  60                          /* between commits of what is packed; after it a transaction ends where a chunk does: little is left over for the store's tail */
#define FEW         4096                        /* events that are left over all the same */
#define GROUP_BYTES (64u << 20)                 /* of one transaction: it must fit into what LMDB keeps dirty */
#define EVENT_MORE 32                           /* bytes of an event in a chunk's rows beside its texts, about */
#define BULK 65536                              /* events of a load that ends with a chunk of what is left */
#define CLOCK_ROWS 32                           /* rows between looks at the clock */

/* Series by the numbers that the reading side gave them. It adds, the thread looks them up in the store. */
struct names {
	struct store_sample *series;
	size_t n, cap;
	struct arena *texts;
	int users;                      /* batches, and the sink while they are the ones in use; under the lock, as is all of it */
	unsigned age;
};

struct sample { uint32_t series; int64_t time; double value; };

struct batch {
	struct batch *next;
	struct buf bytes;
	struct event *events;   /* pieces are offsets into bytes until it is handed over; without a name: the text of a metric row */
	size_t n, cap;
	struct sample *samples;
	size_t n_samples, cap_samples;
	long rows;              /* metric rows */
	struct names *names;    /* of the samples */
	struct buf place;
	int has_place;
	int64_t since;          /* when its first row came, ns */
	int commit;             /* the input is idle: commit behind it */
};

struct sink {
	struct sink_spec spec;
	struct seen *seen;      /* without a store */
	struct batch *open;     /* being filled */
	int rows;               /* since the last look at the clock */
	int dirty;              /* rows ended since the last hand over */
	long passed, duplicates;
	struct names *names;
	unsigned age;
	pthread_t thread;
	int running;
	struct buf kept;        /* the thread's: the place as it was committed last */

	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	struct batch *first, **last, *spare;
	int busy;               /* the thread has a batch, or what is not committed */
	int idle, ending;
	struct err failed;      /* of the thread; sticks */
	long stored;
};

/* One user less; under the lock. */
static void
let_go(struct names *names)
{
	if (!names || --names->users)
		return;
	free(names->series);
	arena_free(names->texts);
	free(names);
}

/* ---- the thread */

/* What was added or sealed together: it ends between two rows of the input. */
struct part {
	int64_t since;                  /* when its first row came */
	long events, duplicates;
	struct buf place;               /* behind its last row */
	int has_place;
};

/* What is not committed: chunks being packed, then rows that fill none, or else an open transaction. */
struct group {
	int open;                       /* a transaction is, with `rows` in it */
	int64_t opened;
	size_t bytes;                   /* in it */
	struct part rows, sealed[STORE_SEALED_MOST];    /* sealed: the oldest first */
	int n_sealed;
	int ending;                     /* no more will come */
	int64_t committed;              /* when that was done last */
	struct store_series **series;   /* by number */
	size_t n_series;
	unsigned names_age;
	uint64_t store_age;
	struct buf now;
};

/* The store's series of every number given so far. */
static int
group_series(struct sink *s, struct group *g, struct names *names, struct err *err)
{
	int rc = 0;

	if (g->names_age != names->age || g->store_age != store_series_age(s->spec.store))
		g->n_series = 0;
	g->names_age = names->age;
	g->store_age = store_series_age(s->spec.store);
	pthread_mutex_lock(&s->lock);
	if (g->n_series < names->n)
		g->series = mem_grow(g->series, names->cap, sizeof(*g->series));
	for (; g->n_series < names->n && rc == 0; g->n_series++)
		if (!(g->series[g->n_series] = store_series(s->spec.store, &names->series[g->n_series], err)))
			rc = err->code;
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static void
part_clear(struct part *p)
{
	buf_clear(&p->place);
	p->events = p->duplicates = 0;
	p->has_place = 0;
	p->since = 0;
}

/* One part more, behind what `p` has. */
static void
part_take(struct part *p, struct part *more)
{
	struct buf place = p->place;

	if (!p->since)
		p->since = more->since;
	p->events += more->events;
	p->duplicates += more->duplicates;
	if (more->has_place) {
		p->place = more->place;
		more->place = place;
		p->has_place = 1;
	}
	part_clear(more);
}

static void
part_note(struct part *p, const struct batch *b, long events, long duplicates)
{
	if (!p->since)
		p->since = b->since;
	p->events += events;
	p->duplicates += duplicates;
	if (b->has_place) {
		buf_clear(&p->place);
		buf_str(&p->place, buf_get(&b->place));
		p->has_place = 1;
	}
}

static int
group_begin(struct sink *s, struct group *g, struct err *err)
{
	int rc = g->open ? 0 : store_begin(s->spec.store, err);

	if (rc || g->open)
		return rc;
	g->open = 1;
	g->opened = time_mono_ns();
	g->bytes = 0;
	return 0;
}

/* Commit the open transaction, in which is `part`. */
static int
group_commit(struct sink *s, struct group *g, struct part *part, struct err *err)
{
	int rc;

	if (part->has_place) {
		buf_clear(&g->now);
		if ((rc = store_get_state(s->spec.store, "ingest", s->spec.name, &g->now, err)) < 0)
			return rc;
		if (!str_eq(buf_get(&g->now), buf_get(&s->kept)))
			return err_set(err, ERR_IO, "--resume %.*s: another at-ingest goes on under this name, these rows are left to it",
			    STR_FMT(s->spec.name));
		if ((rc = store_put_state(s->spec.store, "ingest", s->spec.name, buf_get(&part->place), err)))
			return rc;
		buf_clear(&s->kept);
		buf_str(&s->kept, buf_get(&part->place));
	}
	if ((rc = store_commit(s->spec.store, err)))
		return rc;
	g->open = 0;
	g->committed = time_mono_ns();
	if (s->spec.tee)
		out_flush(out_stdout());
	pthread_mutex_lock(&s->lock);
	s->stored += part->events;
	s->duplicates += part->duplicates;
	if (out_stdout()->failed && !s->failed.code)
		s->failed.code = ERR_CANCEL;            /* stdout took no more: cmd_end says why */
	pthread_mutex_unlock(&s->lock);
	part_clear(part);
	return 0;
}

/* Put sealed chunks into a transaction: those that are packed, and at least so many. What they are is added to *part. */
static int
put_sealed(struct sink *s, struct group *g, int least, struct part *part, struct err *err)
{
	int rc = 0;

	while (rc == 0 && g->n_sealed && (least-- > 0 || store_sealed_packed(s->spec.store))) {
		struct part first;

		if ((rc = group_begin(s, g, err)) || (rc = store_put_sealed(s->spec.store, err)))
			break;
		part_take(part, &g->sealed[0]);
		first = g->sealed[0];                   /* its memory: it goes to the end */
		memmove(g->sealed, g->sealed + 1, (size_t)--g->n_sealed * sizeof(*g->sealed));
		g->sealed[g->n_sealed] = first;
	}
	return rc;
}

/* The chunks that are packed, and at least so many of them, are committed. */
static int
commit_sealed(struct sink *s, struct group *g, int least, struct err *err)
{
	struct part part = { 0 };
	int rc = put_sealed(s, g, least, &part, err);

	if (rc == 0 && g->open)
		rc = group_commit(s, g, &part, err);
	buf_release(&part.place);
	return rc;
}

/* What is gathered becomes a chunk. */
static int
seal_gathered(struct sink *s, struct group *g, struct err *err)
{
	int rc = 0;

	while (rc == 0 && !store_gather_seal(s->spec.store))
		rc = commit_sealed(s, g, 1, err);
	if (rc == 0)
		part_take(&g->sealed[g->n_sealed++], &g->rows);
	return rc;
}

/* All that there is is committed. */
static int
commit_all(struct sink *s, struct group *g, struct err *err)
{
	struct part part = { 0 };
	int rc = 0;

	if (!g->open) {                         /* else nothing is gathered */
		if (store_gathered(s->spec.store) && g->ending && s->stored + g->rows.events >= BULK)
			rc = seal_gathered(s, g, err);
		if (rc == 0 && (rc = put_sealed(s, g, STORE_SEALED_MOST, &part, err)) == 0 && g->rows.since &&
		    (rc = group_begin(s, g, err)) == 0)
			rc = store_put_gathered(s->spec.store, err);
	}
	if (rc == 0 && g->open) {
		part_take(&part, &g->rows);
		rc = group_commit(s, g, &part, err);
	}
	buf_release(&part.place);
	return rc;
}

static int
write_event(struct sink *s, const struct event *e, long *events, long *duplicates, struct err *err)
{
	int rc;

	if (!e->name.p) {
		buf_str(&out_stdout()->buf, e->properties);
		buf_byte(&out_stdout()->buf, '\n');
		return 0;
	}
	if (s->spec.dedupe_ms >= 0 && e->id.p) {
		if ((rc = store_seen(s->spec.store, e->id, e->time, s->spec.dedupe_ms, err)) < 0)
			return rc;
		if (rc)
			return ++*duplicates, 0;
	}
	if ((rc = store_add(s->spec.store, e, err)))
		return rc;
	++*events;
	if (s->spec.tee) {
		event_put(&out_stdout()->buf, e);
		buf_byte(&out_stdout()->buf, '\n');
	}
	return 0;
}

/* Straight into a transaction: ids are looked up in it, samples go to their series, and what is passed on is stored already. */
static int
write_batch(struct sink *s, struct group *g, struct batch *b, struct err *err)
{
	long events = 0, duplicates = 0;
	int rc;

	if (!g->open && ((g->n_sealed || g->rows.since) && (rc = commit_all(s, g, err))))
		return rc;
	if ((rc = group_begin(s, g, err)))
		return rc;
	for (size_t i = 0; i < b->n; i++)
		if ((rc = write_event(s, &b->events[i], &events, &duplicates, err)))
			return rc;
	if (b->n_samples && (rc = group_series(s, g, b->names, err)))
		return rc;
	for (size_t i = 0; i < b->n_samples; i++)
		if ((rc = store_add_point(s->spec.store, g->series[b->samples[i].series], b->samples[i].time, b->samples[i].value, err)))
			return rc;
	g->bytes += b->bytes.n + b->n_samples * sizeof(*b->samples);
	part_note(&g->rows, b, events + b->rows, duplicates);
	return 0;
}

static int
gather_batch(struct sink *s, struct group *g, struct batch *b, struct err *err)
{
	int rc;

	if (!store_gather_takes(s->spec.store, b->n, b->bytes.n + b->n * EVENT_MORE) && (rc = seal_gathered(s, g, err)))
		return rc;
	for (size_t i = 0; i < b->n; i++)
		if ((rc = store_gather(s->spec.store, &b->events[i], err)))
			return rc;
	part_note(&g->rows, b, (long)b->n, 0);
	return 0;
}

static int
group_add(struct sink *s, struct group *g, struct batch *b, struct err *err)
{
	if (g->open || s->spec.dedupe_ms >= 0 || s->spec.tee || b->n_samples || b->rows)
		return write_batch(s, g, b, err);
	return gather_batch(s, g, b, err);
}

static void
wait_until(struct sink *s, int64_t ns)
{
	struct timespec until = { ns / 1000000000, ns % 1000000000 };

	pthread_cond_timedwait(&s->filled, &s->lock, &until);
}

static int
is_empty(const struct group *g)
{
	return !g->open && !g->n_sealed && !g->rows.since;
}

/* When what is not committed has to be though nothing comes; 0: now. Called with the lock held. */
static int64_t
due_at(const struct sink *s, const struct group *g)
{
	int64_t since = g->n_sealed ? g->sealed[0].since : g->rows.since;

	return s->idle || s->ending ? 0 : since + SINK_GROUP_MS * 1000000ll;
}

/* What has come of a batch: commit what it is time for. */
static int
commit_some(struct sink *s, struct group *g, struct err *err)
{
	int64_t now = time_mono_ns();

	if (!g->open)
		return now - g->committed >= SOONEST_MS * 1000000ll && store_sealed_packed(s->spec.store) ? commit_sealed(s, g, 1, err) : 0;
	if (g->bytes >= GROUP_BYTES || now - g->opened >= SINK_GROUP_MS * 1000000ll ||
	    (now - g->opened >= SOONEST_MS * 1000000ll && g->rows.events > 4 * FEW && store_pending(s->spec.store) < FEW))
		return commit_all(s, g, err);
	return 0;
}

/* It is time for the oldest, or for all. */
static int
commit_due(struct sink *s, struct group *g, int all, struct err *err)
{
	return !all && g->n_sealed ? commit_sealed(s, g, 1, err) : commit_all(s, g, err);
}

static void *
run(void *self)
{
	struct sink *s = self;
	struct group g = { 0 };
	struct err err = { 0 };
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct batch *b;
		int all;

		while (!s->failed.code && !s->first && (is_empty(&g) ? !s->ending : time_mono_ns() < due_at(s, &g))) {
			s->busy = !is_empty(&g);
			pthread_cond_signal(&s->emptied);
			if (s->busy)
				wait_until(s, due_at(s, &g));
			else
				pthread_cond_wait(&s->filled, &s->lock);
		}
		if (s->failed.code || (!s->first && is_empty(&g)))
			break;
		if ((b = s->first) && !(s->first = b->next))
			s->last = &s->first;
		all = b ? b->commit : s->idle || s->ending;
		g.ending = s->ending && !s->first;
		s->busy = 1;
		pthread_mutex_unlock(&s->lock);

		if (b)
			rc = group_add(s, &g, b, &err);
		if (!rc)
			rc = b && !all ? commit_some(s, &g, &err) : commit_due(s, &g, all, &err);

		pthread_mutex_lock(&s->lock);
		if (b) {
			let_go(b->names);
			b->names = NULL;
			b->next = s->spare;
			s->spare = b;
			pthread_cond_signal(&s->emptied);
		}
		if (rc && !s->failed.code)
			s->failed = err;
	}
	s->busy = 0;
	pthread_cond_signal(&s->emptied);
	pthread_mutex_unlock(&s->lock);
	if (!is_empty(&g)) {
		store_abort(s->spec.store);
		store_gather_forget(s->spec.store);
		buf_clear(&out_stdout()->buf);          /* rows that were not stored are not passed on */
	}
	buf_release(&g.rows.place);
	for (int i = 0; i < STORE_SEALED_MOST; i++)
		buf_release(&g.sealed[i].place);
	buf_release(&g.now);
	free(g.series);
	return NULL;
}

/* ---- the caller's side */

static struct batch *
batch_new(void)
{
	struct batch *b = mem_new(sizeof(*b));

	b->cap = 1024;
	b->events = mem_grow(NULL, b->cap, sizeof(*b->events));
	return b;
}

static void
batch_free(struct batch *b)
{
	for (struct batch *next; b; b = next) {
		next = b->next;
		buf_release(&b->bytes);
		buf_release(&b->place);
		free(b->events);
		free(b->samples);
		let_go(b->names);
		free(b);
	}
}

struct sink *
sink_new(const struct sink_spec *spec, struct err *err)
{
	struct sink *s = mem_new(sizeof(*s));
	pthread_condattr_t mono;
	sigset_t all, was;
	int rc;

	s->spec = *spec;
	s->last = &s->first;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&s->filled, &mono);
	pthread_cond_init(&s->emptied, NULL);
	pthread_condattr_destroy(&mono);
	if (!spec->store) {
		s->seen = spec->dedupe_ms >= 0 ? seen_new(spec->dedupe_ms) : NULL;
		return s;
	}
	for (int i = 0; i < BATCHES; i++) {
		struct batch *b = batch_new();

		b->next = s->spare;
		s->spare = b;
	}
	s->open = s->spare;
	s->spare = s->open->next;
	s->open->next = NULL;
	buf_str(&s->kept, spec->kept);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);       /* signals must wake the reader */
	rc = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (rc) {
		err_set(err, ERR_IO, "cannot start a thread: %s", strerror(rc));
		sink_free(s);
		return NULL;
	}
	s->running = 1;
	return s;
}

static struct str
keep(struct buf *b, struct str text)
{
	struct str at = { text.p ? (const char *)(b->n + 1) : NULL, text.n };   /* + 1: an offset of 0 is no NULL */

	buf_str(b, text);
	return at;
}

static struct str
found(const struct buf *b, struct str at)
{
	return at.p ? (struct str){ b->p + ((uintptr_t)at.p - 1), at.n } : at;
}

void
sink_add(struct sink *s, const struct event *e, struct str canonical)
{
	struct batch *b = s->open;
	struct event *copy;

	if (!s->spec.store) {
		if (s->seen && e->id.p && seen_before(s->seen, e->id, e->time)) {
			s->duplicates++;
			return;
		}
		if (canonical.p)
			buf_str(&out_stdout()->buf, canonical);
		else
			event_put(&out_stdout()->buf, e);
		buf_byte(&out_stdout()->buf, '\n');
		s->passed++;
		return;
	}
	if (!b)                                         /* the thread failed: sink_row_end says so */
		return;
	if (b->n == b->cap)
		b->events = mem_grow(b->events, b->cap *= 2, sizeof(*b->events));
	copy = &b->events[b->n++];
	*copy = *e;
	buf_room(&b->bytes, e->name.n + e->id.n + e->user_id.n + e->session_id.n + e->properties.n + 1);
	copy->name = keep(&b->bytes, e->name);
	copy->id = keep(&b->bytes, e->id);
	copy->user_id = keep(&b->bytes, e->user_id);
	copy->session_id = keep(&b->bytes, e->session_id);
	copy->properties = keep(&b->bytes, e->properties);
}

/* ---- metric samples */

static struct names *
names_new(unsigned age)
{
	struct names *names = mem_new(sizeof(*names));

	names->texts = arena_new(0);
	names->users = 1;
	names->age = age;
	return names;
}

uint32_t
sink_series(struct sink *s, const struct store_sample *x)
{
	struct names *names;
	struct store_sample *mine;
	uint32_t number;

	if (!s->names)
		s->names = names_new(s->age);
	names = s->names;
	pthread_mutex_lock(&s->lock);
	if (names->n == names->cap)
		names->series = mem_grow(names->series, names->cap = names->cap ? names->cap * 2 : 256, sizeof(*names->series));
	mine = &names->series[names->n];
	*mine = (struct store_sample){ 0 };
	mine->metric = (struct str){ arena_dup(names->texts, x->metric.p, x->metric.n), x->metric.n };
	mine->labels = (struct str){ arena_dup(names->texts, x->labels.p, x->labels.n), x->labels.n };
	mine->field = (struct str){ arena_dup(names->texts, x->field.p, x->field.n), x->field.n };
	mine->window = (struct str){ arena_dup(names->texts, x->window.p, x->window.n), x->window.n };
	number = (uint32_t)names->n++;
	pthread_mutex_unlock(&s->lock);
	return number;
}

unsigned
sink_series_age(const struct sink *s)
{
	return s->age;
}

void
sink_add_sample(struct sink *s, uint32_t series, int64_t time, double value)
{
	struct batch *b = s->open;

	if (!b || !s->spec.store)
		return;
	if (b->n_samples == b->cap_samples)
		b->samples = mem_grow(b->samples, b->cap_samples = b->cap_samples ? b->cap_samples * 2 : 4096, sizeof(*b->samples));
	b->samples[b->n_samples++] = (struct sample){ series, time, value };
}

void
sink_add_row(struct sink *s, struct str row)
{
	struct batch *b = s->open;

	if (!s->spec.store) {
		buf_str(&out_stdout()->buf, row);
		buf_byte(&out_stdout()->buf, '\n');
		s->passed++;
		return;
	}
	if (!b)
		return;
	b->rows++;
	if (!s->spec.tee)
		return;
	if (b->n == b->cap)
		b->events = mem_grow(b->events, b->cap *= 2, sizeof(*b->events));
	b->events[b->n++] = (struct event){ .properties = keep(&b->bytes, row) };
}

void
sink_pass(struct sink *s, struct str lines, long n)
{
	if (lines.n >= OUT_BLOCK / 4)
		out_give(out_stdout(), lines);
	else {
		buf_str(&out_stdout()->buf, lines);
		out_row(out_stdout());
	}
	s->passed += n;
}

/* Queue the open batch and take a spare one, waiting for it. */
static int
hand_over(struct sink *s, int commit, struct err *err)
{
	struct batch *b = s->open;

	for (size_t i = 0; i < b->n; i++) {
		struct event *e = &b->events[i];

		e->name = found(&b->bytes, e->name);
		e->id = found(&b->bytes, e->id);
		e->user_id = found(&b->bytes, e->user_id);
		e->session_id = found(&b->bytes, e->session_id);
		e->properties = found(&b->bytes, e->properties);
	}
	if (s->spec.name.p) {
		s->spec.place(s->spec.self, &b->place);
		b->has_place = 1;
	}
	b->commit = commit;
	b->next = NULL;
	pthread_mutex_lock(&s->lock);
	if (b->n_samples) {
		b->names = s->names;
		b->names->users++;
		if (s->names->n >= SERIES_MOST) {
			let_go(s->names);
			s->names = NULL;
			s->age++;
		}
	}
	s->idle = 0;
	*s->last = b;
	s->last = &b->next;
	pthread_cond_signal(&s->filled);
	while (!s->spare && !s->failed.code)
		pthread_cond_wait(&s->emptied, &s->lock);
	if (s->failed.code) {
		*err = s->failed;
		s->open = NULL;
		pthread_mutex_unlock(&s->lock);
		return err->code;
	}
	s->open = s->spare;
	s->spare = s->open->next;
	s->open->next = NULL;
	pthread_mutex_unlock(&s->lock);

	b = s->open;
	if (b->bytes.cap > 4 * BATCH_BYTES)             /* one huge row must not stay in memory for ever */
		buf_release(&b->bytes);
	buf_clear(&b->bytes);
	buf_clear(&b->place);
	b->n = b->n_samples = 0;
	b->rows = 0;
	b->has_place = b->commit = 0;
	s->dirty = s->rows = 0;
	return 0;
}

int
sink_row_end(struct sink *s, struct err *err)
{
	struct batch *b = s->open;

	if (!s->spec.store) {
		out_row(out_stdout());
		return 0;
	}
	if (!b)
		return *err = s->failed, err->code;
	if (!s->dirty) {
		s->dirty = 1;
		b->since = time_mono_ns();
	}
	if (b->bytes.n >= BATCH_BYTES || b->n >= BATCH_EVENTS || b->n_samples >= BATCH_SAMPLES)
		return hand_over(s, 0, err);
	if (++s->rows < CLOCK_ROWS)
		return 0;
	s->rows = 0;
	return time_mono_ns() - b->since < SINK_GROUP_MS * 1000000ll ? 0 : hand_over(s, 0, err);
}

int
sink_idle(struct sink *s, struct err *err)
{
	int64_t waited;

	if (!s->spec.store) {
		out_flush(out_stdout());
		return -1;
	}
	if (!s->open)
		return *err = s->failed, -2;
	if (s->dirty) {
		waited = (time_mono_ns() - s->open->since) / 1000000;
		if (!s->spec.tee && waited < SINK_GROUP_MS)
			return (int)(SINK_GROUP_MS - waited);
		if (hand_over(s, 1, err))
			return -2;
	}
	pthread_mutex_lock(&s->lock);
	if (s->failed.code)
		*err = s->failed;
	if (s->busy || s->first) {
		s->idle = 1;                            /* what is in the open transaction need not wait for more */
		pthread_cond_signal(&s->filled);
	}
	pthread_mutex_unlock(&s->lock);
	return err->code ? -2 : -1;
}

int
sink_finish(struct sink *s, struct err *err)
{
	int rc = 0;

	if (!s->spec.store) {
		out_flush(out_stdout());
		return 0;
	}
	if (s->open && s->dirty)
		rc = hand_over(s, 1, err);
	pthread_mutex_lock(&s->lock);
	s->ending = 1;
	pthread_cond_signal(&s->filled);
	pthread_mutex_unlock(&s->lock);
	if (s->running)
		pthread_join(s->thread, NULL);
	s->running = 0;
	if (s->failed.code && !err->code)
		*err = s->failed, rc = err->code;
	if (rc == 0 && s->stored >= BULK) {
		struct err late = { 0 };

		store_seal(s->spec.store, &late);       /* all is stored whether or not this goes well */
	}
	return rc;
}

long
sink_stored(const struct sink *s)
{
	return s->spec.store ? s->stored : s->passed;
}

long
sink_duplicates(const struct sink *s)
{
	return s->duplicates;
}

void
sink_free(struct sink *s)
{
	if (!s)
		return;
	if (s->running) {
		pthread_mutex_lock(&s->lock);
		if (!s->failed.code)
			err_set(&s->failed, ERR_CANCEL, "abandoned");
		s->ending = 1;
		pthread_cond_signal(&s->filled);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	buf_release(&s->kept);
	let_go(s->names);
	batch_free(s->open);
	batch_free(s->first);
	batch_free(s->spare);
	seen_free(s->seen);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->filled);
	pthread_cond_destroy(&s->emptied);
	free(s);
}
