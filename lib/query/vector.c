/* vector.c - a plan run by several workers, each with batches of its own, and the table that comes out.
 *
 * What bounds it, over 10 million events on two cores (shares of the processor's time, perf):
 *
 *      new pages, which the kernel clears      a quarter to a third of Q6, Q8, Q9 and Q10, 2 % of Q11: what is touched is to be little, and used again
 *      distinct users by day (Q6)              numbers of values 36 %, a bit of a set for each row 12 %
 *      sums by campaign (Q8)                   unpacking, about 15 % in five kernels; texts as numbers 6 %
 *      funnel, by windows (Q9)                 comparing keys and frames 14 %, moving columns into the order of users 5 %
 *      retention, by a join (Q10)              pairs of numbers in a hash table, 16 %: misses of the cache
 *      LIKE over many texts (Q11)              writing the texts out 19 %, looking into them 14 %, zstd 4 %
 */
#include "query/vector.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/task.h"
#include "base/time.h"
#include "query/query_priv.h"
#include "query/tables.h"
#include "query/vector_priv.h"

#define THREADS_MOST 64
#define LABELS_MOST  16         /* that the index is asked for */
#define MEMORY       (512LL << 20)      /* of groups and rows where nothing is said */
#define PART_SHARE   2          /* of the memory, what the groups of a part take: they are merged, put in order and made columns besides */
#define PARTS_MOST   256
#define TRIES        5          /* with more parts: where that does not help, one group is too large by itself */
#define WINDOW_BYTES 64         /* for each row while windows are looked through */
#define WORKER_BYTES (32LL << 20)       /* of memory that is bounded, for each worker: it has columns and a heap besides what is counted */
#define NARROW_MOST 200000      /* values of one side of a join that rows of the other must have one of */
#define NARROW_BYTES 256        /* that such a value takes, with its hash in each worker */
#define MANY_ROWS    (2 << 20)  /* from here on large pages are worth their making */
#define ALONE_NS     300000     /* what is done sooner is done by the caller's thread: on a busy machine another one is waited for milliseconds */

struct job {                            /* of one worker */
	struct vector_worker worker;
	struct vector_groups *groups;   /* one of these four */
	struct vector_found *found;
	struct vector_kept *kept;
	struct vector_nth *nth;
	struct err err, damage;
	int64_t bound;                  /* bytes it may hold */
	int too_much;                   /* it held more */
};

struct helpers { pthread_t thread[THREADS_MOST]; int n; };

struct crew {
	struct query *q;
	struct vector_plan plan;        /* as it is run: complete() */
	struct arena *arena;
	struct vector_input input;
	struct vector_table *table;     /* of the input; the join holds its own */
	struct job *job;
	int n, begun, ended;            /* workers; threads have begun; one of them failed */
	int64_t began_ns, alone_ns;     /* helpers come after so long, if there is more to do then */
	struct helpers helpers;
	int helped;                     /* they were called */
};

/* Tables of a statement's plans: one that several sources read is made once. */
struct run {
	struct query *q;
	int64_t most;                   /* bytes of a plan's groups and rows, with the tables it reads */
	int too_many;                   /* groups of the plan that ended with an error … */
	double seen;                    /* … once it had seen this share of its rows, at least */
	struct { const struct vector_plan *plan; struct vector_table *table; } *done;
	int n_done;
};

static const struct vector_part all_of_it = { PART_KEYS, 0, 1 };

static struct vector_table *plan_table(struct run *, struct vector_plan *, struct err *);
static struct vector_table *run_plan(struct run *, const struct vector_plan *, struct vector_part, struct buf *ran, struct err *);

/* ---- results */

static void
hold(struct vector_result *r, int64_t bytes)
{
	r->held += bytes;
	query_heap_beside(bytes);
}

void
vector_result_free(struct vector_result *r)
{
	if (!r)
		return;
	hold(r, -r->held);
	for (int i = 0; r->time && i < r->table->n_columns; i++)
		free(r->time[i]);
	free(r->time);
	vector_table_free(r->table);
	vector_spill_free(r->spill);
	buf_release(&r->explain);
	free(r);
}

int64_t
vector_result_rows(const struct vector_result *r)
{
	return r->spill ? vector_spill_rows(r->spill) : (int64_t)r->table->n;
}

int
vector_result_columns(const struct vector_result *r)
{
	return r->spill ? vector_spill_columns(r->spill) : r->table->n_columns;
}

const struct vector_spill *
vector_result_spill(const struct vector_result *r)
{
	return r->spill;
}

struct cell
vector_result_cell(struct vector_result *r, int64_t row, int column)
{
	const struct column *c = &r->table->column[column].column;
	char *text;

	if (!c->instant)
		return vector_column_cell(c, (size_t)row, NULL);
	if (!r->time)
		r->time = mem_new((size_t)r->table->n_columns * sizeof(*r->time));
	if (!r->time[column]) {
		r->time[column] = mem_new(r->table->n * TIME_LEN);
		hold(r, (int64_t)(r->table->n * TIME_LEN));
	}
	text = r->time[column] + (size_t)row * TIME_LEN;
	return *text ? cell_text((struct str){ text, TIME_LEN }) : vector_column_cell(c, (size_t)row, text);
}

void
vector_result_explain(const struct vector_result *r, struct buf *to)
{
	buf_str(to, buf_get(&r->explain));
}

/* ---- a worker's run */

static size_t
input_rows(const struct vector_input *in)       /* of a table or a join */
{
	return in->join ? vector_join_rows(in->join) : in->table->n;
}

static int
too_much(struct job *j)
{
	size_t held = j->groups ? vector_groups_held(j->groups) + vector_groups_ahead(j->groups) : j->found ? vector_found_held(j->found) : j->kept ? vector_kept_held(j->kept) : 0;

	if ((int64_t)held <= j->bound)
		return 0;
	j->too_much = 1;
	return err_set(&j->err, ERR_LIMIT, j->groups ? VECTOR_TOO_MANY : "too many rows at once for the memory there is: ask for fewer, or allow more");
}

static int
one_batch(struct job *j)
{
	struct vector_worker *w = &j->worker;
	const struct vector_plan *plan = w->plan;
	struct vector_rows rows = { NULL, w->n };

	if ((j->kept && vector_kept_can_skip(j->kept, w)) || (j->nth && vector_nth_batch(j->nth, w)))
		return 0;
	if (plan->where && vector_none_passes(w, plan->where)) {
		store_batch_pass(w->batch);
		return 0;
	}
	if (plan->where && vector_filter(w, plan->where, rows, 1, &rows, &j->err) < 0)
		return j->err.code;
	if (j->groups)
		return vector_groups_add(j->groups, w, rows, &j->err);
	if (j->nth)
		return vector_nth_add(j->nth, w, rows, &j->err);
	return j->found ? vector_found_add(j->found, w, rows, &j->err) : vector_kept_add(j->kept, w, rows, &j->err);
}

static void
helpers_begin(struct helpers *h, int n, void *(*with)(void *), void *self)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);      /* signals are for the caller's thread */
	while (h->n < n && h->n < THREADS_MOST && pthread_create(&h->thread[h->n], NULL, with, self) == 0)
		h->n++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void
helpers_end(struct helpers *h)
{
	for (int i = 0; i < h->n; i++)
		pthread_join(h->thread[i], NULL);
}

static void *work(void *);

static int64_t
rows_of(const struct vector_input *in)
{
	return in->events ? store_batches_rows(in->events) : (int64_t)input_rows(in);
}

/* For the caller's thread, between two batches. */
static void
call_helpers(struct crew *crew)
{
	const struct vector_input *in = &crew->input;

	if (crew->helped || crew->n == 1 || !(in->events ? store_batches_more(in->events) : __atomic_load_n(&in->next, __ATOMIC_RELAXED) < input_rows(in)) ||
	    time_mono_ns() - crew->began_ns < crew->alone_ns)
		return;
	crew->helped = 1;
	if (crew->q->spec.large_heap && rows_of(in) >= MANY_ROWS)
		mem_large_heap();
	helpers_begin(&crew->helpers, crew->n - 1, work, crew);
}

static void *
work(void *self)
{
	struct crew *crew = self;
	struct job *j = &crew->job[__atomic_fetch_add(&crew->begun, 1, __ATOMIC_RELAXED)];
	int rc = 1;

	while (rc > 0 && !__atomic_load_n(&crew->ended, __ATOMIC_RELAXED)) {
		if (j == crew->job)
			call_helpers(crew);
		if ((rc = vector_worker_next(&j->worker, &j->err)) > 0 && (rc = one_batch(j)) == 0)
			rc = 1;
		if (rc == ERR_CORRUPT) {        /* the rest can be read all the same */
			if (!j->damage.code)
				j->damage = j->err;
			err_clear(&j->err);
			rc = 1;
		}
		if (rc > 0 && (rc = query_stopped(j->worker.q, &j->err)) == 0)
			rc = (rc = too_much(j)) < 0 ? rc : 1;
	}
	if (rc < 0)
		__atomic_store_n(&crew->ended, 1, __ATOMIC_RELAXED);
	return NULL;
}

void
vector_share(int threads, void *(*with)(void *), void *self)
{
	struct helpers helpers = { .n = 0 };

	helpers_begin(&helpers, threads - 1, with, self);
	with(self);
	helpers_end(&helpers);
}

static int
threads_for(const struct query *q, const struct vector_input *in)
{
	int64_t rows = rows_of(in);
	int64_t n = task_processors(), most = (rows + VECTOR_ROWS - 1) / VECTOR_ROWS;

	n = n > most ? most : n;
	if (q->spec.memory && n > q->spec.memory / WORKER_BYTES && !getenv("AT_THREADS"))
		n = q->spec.memory / WORKER_BYTES;
	return n < 1 ? 1 : n > THREADS_MOST ? THREADS_MOST : (int)n;
}

/* ---- the plan as it is run: what the range only hints at is filtered too */

static struct vector_expr *
node(struct arena *a, enum vector_op op, int n_args)
{
	struct vector_expr *e = arena_get(a, sizeof(*e));

	*e = (struct vector_expr){ .op = op, .n_args = n_args, .arg = arena_get(a, ((size_t)n_args + 1) * sizeof(struct vector_expr *)) };
	return e;
}

static struct vector_expr *
constant(struct arena *a, struct str text)
{
	struct vector_expr *e = node(a, VECTOR_CONSTANT, 0);

	e->constant = cell_text(text);
	return e;
}

static struct vector_expr *
field(struct vector_plan *plan, struct arena *a, enum store_field_of of, struct err *err)
{
	struct vector_expr *e = node(a, VECTOR_FIELD, 0);

	for (e->field = 0; e->field < plan->n_fields; e->field++)
		if (plan->field[e->field].of == of)
			return e;
	if (plan->n_fields == STORE_BATCH_FIELDS) {
		err_set(err, ERR_LIMIT, "more than %d columns", STORE_BATCH_FIELDS);
		return NULL;
	}
	plan->field[plan->n_fields++] = (struct store_field){ .of = of };
	return e;
}

static void
also(struct vector_plan *plan, struct arena *a, struct vector_expr *condition)
{
	struct vector_expr *e = condition;

	if (plan->where) {
		e = node(a, VECTOR_AND, 2);
		e->arg[0] = condition;
		e->arg[1] = plan->where;
	}
	plan->where = e;
}

static int
complete(struct vector_plan *plan, struct arena *a, struct err *err)
{
	struct vector_expr *e;

	if (plan->range.n_names) {
		e = node(a, VECTOR_IN, 1 + plan->range.n_names);
		if (!(e->arg[0] = field(plan, a, FIELD_EVENT, err)))
			return err->code;
		for (int i = 0; i < plan->range.n_names; i++)
			e->arg[i + 1] = constant(a, plan->range.names[i]);
		also(plan, a, e);
	}
	for (int i = 0; i < plan->n_aggregates && !plan->samples && !plan->placed; i++)
		if (vector_aggregate_is_ordered(plan->aggregate[i].of)) {
			const struct vector_expr *time = field(plan, a, FIELD_TIME, err), *seq = field(plan, a, FIELD_SEQ, err);

			if (!time || !seq)
				return err->code;
			plan->placed = 1;
			plan->place_time = time->field, plan->place_seq = seq->field;
		}
	if (plan->range.user_id.p) {
		e = node(a, VECTOR_EQ, 2);
		if (!(e->arg[0] = field(plan, a, FIELD_USER, err)))
			return err->code;
		e->arg[1] = constant(a, plan->range.user_id);
		also(plan, a, e);
	}
	return 0;
}

/* What of the filter the index of samples can answer: it is filtered again, so it may let others through. */
static void
narrow(const struct vector_plan *plan, const struct vector_expr *e, struct store_match *match, struct store_label *label)
{
	const struct store_field *field;
	const struct cell *value;

	if (e->op == VECTOR_AND)
		for (int i = 0; i < e->n_args; i++)
			narrow(plan, e->arg[i], match, label);
	if (e->op != VECTOR_EQ || e->arg[0]->op != VECTOR_FIELD || e->arg[1]->op != VECTOR_CONSTANT || e->arg[1]->constant.type != CELL_TEXT)
		return;
	field = &plan->field[e->arg[0]->field];
	value = &e->arg[1]->constant;
	if (field->of == FIELD_EVENT)
		match->metric = value->text;
	else if (field->of == FIELD_OF_METRIC)
		match->field = value->text;
	else if (field->of == FIELD_PROPERTY && match->n_labels < LABELS_MOST)
		label[match->n_labels++] = (struct store_label){ field->name, value->text };
}

static struct store_batches *
open_samples(struct store *store, const struct vector_plan *plan, struct err *err)
{
	struct store_label label[LABELS_MOST];
	struct store_match match = { .from = plan->range.from, .to = plan->range.to, .labels = label };

	if (plan->range.n_names == 1)
		match.metric = plan->range.names[0];
	if (plan->where)
		narrow(plan, plan->where, &match, label);
	return store_batches_open_samples(store, &match, plan->field, plan->n_fields, err);
}

/* ---- what is read */

static struct vector_table *
source_table(struct run *run, struct vector_source *s, struct err *err)
{
	struct vector_table *input, *t = NULL;

	if (s->of == SOURCE_PLAN)
		return plan_table(run, s->plan, err);
	if (s->of == SOURCE_SQL)
		return vector_plan_rows(run->q, s, (size_t)run->most, err);
	if (!(input = source_table(run, s->input[0], err)))
		return NULL;
	if ((int64_t)(input->n * WINDOW_BYTES + 2 * vector_table_held(input)) > run->most)
		err_set(err, ERR_LIMIT, "too many rows for windows over them, for the memory there is: ask for fewer, or allow more");
	else
		t = vector_windows_run(run->q, s, input, task_processors(), err);
	vector_table_free(input);
	return t;
}

/* Rows of the store, read for this join alone: they need not all be read. */
static int
is_narrowed(const struct vector_source *s)
{
	return s->of == SOURCE_PLAN && !s->plan->source && !s->plan->grouped && s->plan->limit < 0 && s->plan->readers == 1;
}

/* The key is one of the values of a column: what else it is meets nothing. */
static void
meets(struct run *run, struct vector_plan *plan, struct arena *a, struct vector_expr *key, const struct vector_held *of)
{
	const struct column *c = &of->column;
	struct vector_expr *in;

	if (c->form != COLUMN_CODES || c->instant || c->n_values > NARROW_MOST || c->n_values < 2 || (int64_t)c->n_values * NARROW_BYTES > run->most / 8)
		return;
	in = node(a, VECTOR_IN, (int)c->n_values);
	in->arg[0] = key;
	for (uint32_t v = 1; v < c->n_values; v++) {
		in->arg[v] = node(a, VECTOR_CONSTANT, 0);
		in->arg[v]->constant = c->value[v];
	}
	if (c->n_values == 2 && c->value[1].type == CELL_TEXT && key->op == VECTOR_FIELD && plan->field[key->field].of == FIELD_USER && !plan->range.user_id.p)
		plan->range.user_id = c->value[1].text;
	also(plan, a, in);
}

/* A column of an input beside one of a table of a single row, in a condition of all rows of the join: the input's rows fulfil it
 * before they are joined. A bound of time tells which chunks are read. */
static void
fulfils(struct vector_plan *plan, struct arena *a, const struct vector_source *s, int input, struct vector_table *const *t, const struct vector_expr *e)
{
	static const struct { enum vector_op op; char as, turned; } bounds[] = { { VECTOR_EQ, '=', '=' }, { VECTOR_LT, '<', '>' }, { VECTOR_LE, 'L', 'G' }, { VECTOR_GT, '>', '<' },
		{ VECTOR_GE, 'G', 'L' } };
	struct tables_range range = { plan->range.from, plan->range.to };
	const struct vector_give *give[2];
	struct vector_expr *own;
	char text[TIME_LEN];
	struct cell c;
	int at;

	for (int i = 0; e->op == VECTOR_AND && i < e->n_args; i++)
		fulfils(plan, a, s, input, t, e->arg[i]);
	if (e->op < VECTOR_EQ || e->op > VECTOR_GE || e->arg[0]->op != VECTOR_FIELD || e->arg[1]->op != VECTOR_FIELD)
		return;
	give[0] = &s->give[e->arg[0]->field], give[1] = &s->give[e->arg[1]->field];
	at = give[0]->table == input ? 1 : 0;           /* of the two the one that is of the single row */
	if (give[!at]->table != input || !t[give[at]->table] || t[give[at]->table]->n != 1 || s->step[input].outer || s->step[give[at]->table].outer)
		return;
	c = vector_column_cell(&t[give[at]->table]->column[give[at]->column].column, 0, text);
	if (c.type == CELL_TEXT)
		c.text.p = arena_dup(a, c.text.p, c.text.n);
	own = node(a, e->op, 2);
	own->arg[!at] = plan->key[give[!at]->column];
	own->arg[at] = node(a, VECTOR_CONSTANT, 0);
	own->arg[at]->constant = c;
	also(plan, a, own);
	if (plan->samples || c.type != CELL_TEXT || own->arg[!at]->op != VECTOR_FIELD || plan->field[own->arg[!at]->field].of != FIELD_TIME)
		return;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++)
		if (bounds[i].op == e->op)
			tables_bound(&range, at ? bounds[i].as : bounds[i].turned, c.text);
	plan->range.from = range.from > plan->range.from ? range.from : plan->range.from;
	plan->range.to = range.to < plan->range.to ? range.to : plan->range.to;
}

/* Rows of the store that meet what is there of the other inputs. where: of the join; NULL none. */
static struct vector_table *
narrow_table(struct run *run, const struct vector_source *s, int input, struct vector_table *const *t, const struct vector_expr *where, struct err *err)
{
	struct vector_plan *whole = s->input[input]->plan, plan;
	struct arena *arena;
	struct vector_table *out;

	buf_clear(&whole->ran);
	if (vector_plan_wait(run->q, whole, err) < 0)
		return NULL;
	plan = *whole;
	arena = arena_new(0);
	for (int b = 1; b < s->n_inputs; b++)
		for (int i = 0; i < s->step[b].n_keys; i++) {
			const struct vector_key *key = &s->step[b].key[i];

			if (b == input && t[key->table])
				meets(run, &plan, arena, whole->key[key->right], &t[key->table]->column[key->left]);
			else if (key->table == input && t[b] && !s->step[b].outer)
				meets(run, &plan, arena, whole->key[key->left], &t[b]->column[key->right]);
		}
	if (where)
		fulfils(&plan, arena, s, input, t, where);
	out = run_plan(run, &plan, all_of_it, &whole->ran, err);
	arena_free(arena);
	return out;
}

static struct vector_join *
source_join(struct run *run, const struct vector_source *s, const struct vector_expr *where, struct err *err)
{
	struct vector_table **t = mem_new((size_t)s->n_inputs * sizeof(*t));
	struct vector_join *join = NULL;

	for (int i = 0; i < s->n_inputs && !err->code; i++)
		if (!is_narrowed(s->input[i]))
			t[i] = source_table(run, s->input[i], err);
	for (int i = s->n_inputs; i-- > 0 && !err->code; )
		if (is_narrowed(s->input[i]))
			t[i] = narrow_table(run, s, i, t, where, err);
	if (!err->code)
		join = vector_join_open(run->q, s, t, (size_t)run->most, err);
	for (int i = 0; i < s->n_inputs; i++)
		vector_table_free(t[i]);
	free(t);
	return join;
}

/* Of the first rows by time downwards only the last chunks are read: those that have as many. */
static struct store_batches *
open_events(struct store *store, struct vector_plan *plan, struct err *err)
{
	struct store_batches *all = store_batches_open(store, &plan->range, plan->field, plan->n_fields, err);
	const struct vector_expr *first = plan->n_order ? plan->order[0].expr : NULL;
	int64_t from;

	if (!all || plan->grouped || plan->limit < 1 || plan->between.before || plan->where || !first || !plan->order[0].descending || first->op != VECTOR_FIELD ||
	    plan->field[first->field].of != FIELD_TIME || (from = store_batches_last(all, plan->limit)) <= plan->range.from)
		return all;
	store_batches_close(all);
	plan->range.from = from;
	return store_batches_open(store, &plan->range, plan->field, plan->n_fields, err);
}

static int
crew_open(struct crew *crew, struct run *run, const struct vector_plan *plan, struct err *err)
{
	struct query *q = run->q;
	struct store *store = query_store(q, err);
	struct vector_input *in = &crew->input;

	*crew = (struct crew){ .q = q, .plan = *plan, .arena = arena_new(0), .began_ns = time_mono_ns(),
		.alone_ns = getenv("AT_THREADS") ? 0 : ALONE_NS };      /* who says how many threads wants them */
	if (!store || query_hold(q, err) < 0)
		return err->code;
	if (!plan->source) {
		if (complete(&crew->plan, crew->arena, err) == 0)
			in->events = plan->samples ? open_samples(store, &crew->plan, err) :
			    open_events(store, &crew->plan, err);
		crew->plan.overlaps = in->events && !store_batches_apart(in->events);
	} else if (plan->source->of == SOURCE_JOIN) {
		in->join = source_join(run, plan->source, plan->where, err);
	} else {
		in->table = crew->table = source_table(run, plan->source, err);
	}
	if (err->code)
		return err->code;
	crew->n = threads_for(q, in);
	crew->job = mem_new((size_t)crew->n * sizeof(*crew->job));
	for (int i = 0; i < crew->n; i++)
		if (vector_worker_open(&crew->job[i].worker, q, &crew->plan, in, err) < 0) {
			crew->n = i + 1;
			return err->code;
		}
	return 0;
}

static void
crew_close(struct crew *crew)
{
	struct store_batches_read read = { 0 };

	for (int i = 0; i < crew->n; i++) {
		if (crew->job[i].damage.code && !crew->q->damage.code)
			crew->q->damage = crew->job[i].damage;
		vector_groups_free(crew->job[i].groups);
		vector_found_free(crew->job[i].found);
		vector_kept_free(crew->job[i].kept);
		vector_nth_free(crew->job[i].nth);
		vector_worker_release(&crew->job[i].worker);
	}
	free(crew->job);
	if (crew->input.events)
		store_batches_read(crew->input.events, &read);
	crew->q->read += read.rows;
	store_batches_close(crew->input.events);
	vector_join_close(crew->input.join);
	vector_table_free(crew->table);
	arena_free(crew->arena);
}

/* most: bytes that all there is may take. */
static struct vector_table *
finish(struct crew *crew, int64_t most, struct err *err)
{
	struct vector_found *found[THREADS_MOST];
	struct vector_kept *kept[THREADS_MOST];
	struct job *job = crew->job;
	int64_t held = 0;

	for (int i = 0; i < crew->n; i++)
		found[i] = job[i].found, kept[i] = job[i].kept;
	if (job[0].found)
		return vector_found_end(found, crew->n, &crew->plan, &crew->input);
	if (job[0].kept)
		return vector_kept_end(kept, crew->n, &crew->plan);
	for (int i = 0; i < crew->n; i++)
		held += (int64_t)vector_groups_held(job[i].groups);
	for (int i = 1; i < crew->n; i++)
		if (vector_groups_merge(job[0].groups, job[i].groups, most > held ? (size_t)(most - held) : 0, err) < 0) {
			job[0].too_much = 1;
			return NULL;
		}
	return vector_groups_end(job[0].groups, &job[0].worker, crew->n, err);
}

static void
explain(struct buf *to, const struct crew *crew, int threads)
{
	struct store_batches_read read;

	if (crew->input.events) {
		store_batches_read(crew->input.events, &read);
		buf_printf(to, "%lld chunks read, %lld skipped, %lld rows, %lld columns", (long long)read.chunks, (long long)read.chunks_skipped,
		    (long long)read.rows, (long long)read.columns);
	} else if (crew->table) {
		buf_printf(to, "%zu rows, %d columns", crew->table->n, crew->table->n_columns);
	} else if (crew->input.join) {
		buf_printf(to, "join of %zu rows", vector_join_rows(crew->input.join));
	}
	buf_printf(to, ", %d thread%s, %.1f ms", threads, threads == 1 ? "" : "s", (double)(time_mono_ns() - crew->began_ns) / 1e6);
}

/* What a plan gives. The caller holds it too: a copy whose arrays are shared. */
static struct vector_table *
again(const struct vector_table *t)
{
	struct vector_table *copy = vector_table_new(t->n, t->n_columns);

	for (int i = 0; i < t->n_columns; i++)
		vector_table_share(&copy->column[i], &t->column[i]);
	return copy;
}

/* What of the input has been looked at when groups became too many. Batches may be under way still: a guess. */
static double
share_seen(const struct crew *crew)
{
	struct store_batches_read read;
	double all;

	if (!crew->input.events)
		return (double)crew->input.next / (double)(input_rows(&crew->input) + 1);
	store_batches_read(crew->input.events, &read);
	all = (double)store_batches_rows(crew->input.events);
	return all > 0 ? (double)read.rows / all : 1;
}

/* All batches by all workers; the job that failed, where one did. */
static const struct job *
crew_work(struct crew *crew, struct err *err)
{
	const struct job *failed = NULL;

	work(crew);
	helpers_end(&crew->helpers);
	for (int i = 0; i < crew->n && !failed; i++)
		if (crew->job[i].err.code)
			failed = &crew->job[i];
	if (failed)
		*err = failed->err;
	return failed;
}

/* Where the rows behind plan->skip others lie: then only those are looked for, behind the few that are left. */
static int
find_nth(struct run *run, struct vector_plan *plan, struct err *err)
{
	struct vector_nth *nth[THREADS_MOST];
	struct crew crew;
	int more = 1;

	while (more && !err->code) {
		if (crew_open(&crew, run, plan, err) == 0) {
			for (int i = 0; i < crew.n; i++) {
				nth[i] = crew.job[i].nth = vector_nth_new(&crew.plan);
				crew.job[i].bound = INT64_MAX;
			}
			if (!crew_work(&crew, err))
				more = vector_nth_narrow(nth, crew.n, plan);
		}
		crew_close(&crew);
	}
	plan->limit -= plan->between.before;
	plan->skip -= plan->between.before;
	return err->code;
}

static struct vector_table *
run_plan(struct run *run, const struct vector_plan *plan, struct vector_part part, struct buf *ran, struct err *err)
{
	struct vector_plan narrowed;
	const struct job *failed;
	struct vector_table *t = NULL;
	struct crew crew;
	int shares;
	int64_t held, most = part.n > 1 && part.of == PART_KEYS ? run->most / PART_SHARE : run->most;
	int rc;

	if (plan->skip && plan->n_order) {
		narrowed = *plan;
		if (find_nth(run, &narrowed, err) < 0)
			return NULL;
		plan = &narrowed;
	}
	rc = crew_open(&crew, run, plan, err);
	run->too_many = 0;              /* of a plan that this one reads: no part of ours would be smaller */
	if (rc < 0)
		goto out;
	held = (int64_t)(crew.table ? vector_table_held(crew.table) : crew.input.join ? vector_join_held(crew.input.join) : 0);
	shares = crew.n + (plan->n_keys > 0 || !vector_states_add_up(plan));   /* one for what they are merged to, unless values are counted alone */
	for (int i = 0; i < crew.n; i++) {
		crew.job[i].bound = (most - held) / shares;
		if (plan->grouped) {
			crew.job[i].groups = vector_groups_new(&crew.plan);
			if (part.n > 1)
				vector_groups_part(crew.job[i].groups, part);
		} else if (plan->limit >= 0)
			crew.job[i].kept = vector_kept_new(&crew.plan);
		else
			crew.job[i].found = vector_found_new(&crew.plan);
	}
	if ((failed = crew_work(&crew, err))) {
		run->too_many = failed->too_much && plan->grouped;
		run->seen = share_seen(&crew);
	}
	if (!err->code && !(t = finish(&crew, most - held, err)) && crew.job[0].too_much)
		run->too_many = 1, run->seen = 1;
	if (t && t->n >= VECTOR_NO_ROW) {
		err_set(err, ERR_LIMIT, "too many rows at once");
		vector_table_free(t);
		t = NULL;
	}
	if (t)
		explain(ran, &crew, 1 + crew.helpers.n);
out:
	crew_close(&crew);
	return t;
}

static struct vector_table *
plan_table(struct run *run, struct vector_plan *plan, struct err *err)
{
	struct vector_table *t = NULL;

	for (int i = 0; i < run->n_done; i++)
		if (run->done[i].plan == plan)
			return again(run->done[i].table);
	buf_clear(&plan->ran);
	if (vector_plan_wait(run->q, plan, err) == 0)
		t = run_plan(run, plan, all_of_it, &plan->ran, err);
	if (!t || plan->readers < 2)
		return t;
	run->done = mem_grow(run->done, (size_t)run->n_done + 1, sizeof(*run->done));
	run->done[run->n_done].plan = plan;
	run->done[run->n_done++].table = t;
	return again(t);
}

/* What a part of that share of the memory takes is known from how far the first attempt came. */
static uint32_t
parts_wanted(const struct run *run, int share)
{
	double wanted = 1.5 * share / (run->seen > 0.001 ? run->seen : 0.001);  /* tables grow by doubling */

	return wanted < 2 * share ? 2 * (uint32_t)share : wanted > PARTS_MOST ? PARTS_MOST : (uint32_t)wanted;
}

/* If it took more there are to be more parts: 0, when that would not help. */
static int
more_parts(const struct run *run, uint32_t *parts, int *tries)
{
	if (!run->too_many || *parts >= PARTS_MOST || !--*tries)
		return 0;
	*parts = 2 * *parts > PARTS_MOST ? PARTS_MOST : 2 * *parts;
	return 1;
}

/* Groups that are too many at once: part after part, of which each reads everything again, into a file. */
static struct vector_spill *
run_parts(struct run *run, const struct vector_plan *plan, struct buf *ran, struct err *err)
{
	uint32_t parts = parts_wanted(run, PART_SHARE);
	struct vector_spill *s = NULL;
	struct vector_table *t;
	int tries = TRIES;

again:
	err_clear(err);
	s = vector_spill_new(plan, err);
	for (uint32_t part = 0; s && part < parts && !err->code; part++) {
		buf_clear(ran);
		if ((t = run_plan(run, plan, (struct vector_part){ PART_KEYS, part, parts }, ran, err)))
			vector_spill_add(s, run->q, t, err);
		vector_table_free(t);
	}
	if (s && !err->code) {
		buf_printf(ran, " for the last of %u parts, %lld MiB in a temporary file", parts, (long long)(vector_spill_bytes(s) >> 20));
		return s;
	}
	vector_spill_free(s);
	if (more_parts(run, &parts, &tries))
		goto again;
	return NULL;
}

/* The same groups once more, of other values: they are counted together. */
static void
add_up(struct vector_table *t, const struct vector_table *more, const struct vector_plan *plan)
{
	for (int i = 0; i < plan->n_aggregates; i++) {
		int64_t *to = (int64_t *)(uintptr_t)t->column[plan->n_keys + i].column.integer;         /* nobody else has it yet */
		const int64_t *from = more->column[plan->n_keys + i].column.integer;

		for (size_t row = 0; plan->aggregate[i].distinct && row < t->n; row++)
			to[row] += from[row];
	}
}

/* Values of few groups that are too many at once: part after part, of which each reads everything again. */
static struct vector_table *
run_values(struct run *run, const struct vector_plan *plan, struct buf *ran, struct err *err)
{
	struct vector_plan ordered = *plan;     /* groups come the same way each time */
	struct vector_table *t, *more;
	uint32_t parts = parts_wanted(run, 1);
	int tries = TRIES;

	ordered.unordered = 0;
again:
	err_clear(err);
	t = NULL;
	for (uint32_t part = 0; part < parts && !err->code; part++) {
		buf_clear(ran);
		if (!(more = run_plan(run, &ordered, (struct vector_part){ PART_VALUES, part, parts }, ran, err)))
			break;
		if (t) {
			add_up(t, more, plan);
			vector_table_free(more);
		} else {
			t = more;
		}
	}
	if (!err->code) {
		buf_printf(ran, " for the last of %u parts of the values", parts);
		return t;
	}
	vector_table_free(t);
	if (more_parts(run, &parts, &tries))
		goto again;
	return NULL;
}

struct vector_result *
vector_run(struct query *q, const struct vector_plan *plan, struct err *err)
{
	struct run run = { .q = q, .most = q->spec.memory ? query_heap_left(q) : MEMORY };
	struct vector_result *r = mem_new(sizeof(*r));

	r->table = run_plan(&run, plan, all_of_it, &r->explain, err);
	if (!r->table && run.too_many && plan->n_keys)
		r->spill = run_parts(&run, plan, &r->explain, err);
	if (!r->table && !r->spill && run.too_many && vector_states_add_up(plan))
		r->table = run_values(&run, plan, &r->explain, err);
	if (!r->table && !r->spill) {
		vector_result_free(r);
		r = NULL;
	}
	for (int i = 0; i < run.n_done; i++)
		vector_table_free(run.done[i].table);
	free(run.done);
	if (r && r->table)
		hold(r, (int64_t)vector_table_held(r->table));
	return r;
}

/* ---- rows one after the other
 *
 * A block has the rows of one batch. Whoever begins with a block takes its batch when it is its turn, so blocks come in the order
 * of the store whichever thread is faster. On a busy machine a thread may be kept from its block for many times as long as a
 * block takes: meanwhile the caller's goes on to others behind it, as long as what is found is little. */

#define SEATS 64                        /* blocks that are begun, or done and not read */
#define AHEAD (4 << 20)                 /* bytes in them, beyond which no more are begun than keep all threads busy */

struct block {
	unsigned long turn;
	int ended;                      /* there was no batch for it */
	struct vector_value *value;
	size_t n, cap, skip;            /* rows; the first ones that are not given */
	struct arena *texts;
	int64_t bytes;
	struct err err;
	struct block *spare, *other;    /* the next of those not in use; of all */
};

struct seat { struct block *block; };

struct vector_stream {
	struct crew crew;
	struct task_queue *queue;
	struct seat seat[SEATS];
	void *slot[SEATS];
	struct block *all, *spare;
	int64_t held;                   /* bytes in blocks that are done */
	pthread_mutex_t lock;
	pthread_cond_t took;
	unsigned long turn, given;      /* whose turn it is to take a batch; blocks given */
	struct block *now;              /* being read */
	size_t row;
	int64_t left;                   /* rows that may still come; -1 all */
	int64_t skip;                   /* rows that come before the first one that is given: where there is a filter the reader counts them, else who takes a batch */
	int ended;
};

/* Of the n rows that are next the ones that come before the first that is given. */
static size_t
skipped(struct vector_stream *s, size_t n)
{
	size_t many = (int64_t)n < s->skip ? n : (size_t)s->skip;

	s->skip -= (int64_t)many;
	return many;
}

static int
take_batch(struct vector_stream *s, struct block *b, struct job *j)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	while (s->turn != b->turn)
		pthread_cond_wait(&s->took, &s->lock);
	while ((rc = vector_worker_next(&j->worker, &b->err)) > 0 && !s->crew.plan.where && (b->skip = skipped(s, j->worker.n)) == j->worker.n)
		store_batch_pass(j->worker.batch);
	s->turn++;
	pthread_cond_broadcast(&s->took);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static void
put_value(struct block *b, struct vector_value *to, const struct cell *c)
{
	*to = (struct vector_value){ .type = c->type };
	if (c->type == CELL_INTEGER)
		to->integer = c->integer;
	else if (c->type == CELL_REAL)
		to->real = c->real;
	else if (c->type == CELL_TEXT)
		to->n = (uint32_t)c->text.n, to->text = arena_dup(b->texts, c->text.p, c->text.n);
}

static int
fill(struct vector_stream *s, struct block *b, struct job *j)
{
	const struct vector_plan *plan = &s->crew.plan;
	struct vector_worker *w = &j->worker;
	struct vector_rows rows = { NULL, w->n };
	struct column *column = arena_get(w->arena, ((size_t)plan->n_keys + 1) * sizeof(*column));
	size_t width = (size_t)plan->n_keys;

	if (plan->where && vector_none_passes(w, plan->where)) {
		store_batch_pass(w->batch);
		return query_stopped(w->q, &b->err);
	}
	if (query_stopped(w->q, &b->err) < 0 || (plan->where && vector_filter(w, plan->where, rows, 1, &rows, &b->err) < 0))
		return b->err.code;
	if (plan->limit >= 0 && rows.n > (size_t)plan->limit)
		rows.n = (size_t)plan->limit;
	for (size_t k = 0; rows.n && k < width; k++)
		if (vector_eval(w, plan->key[k], rows, &column[k], &b->err) < 0)
			return b->err.code;
	if (rows.n > b->cap)
		b->value = mem_grow(b->value, b->cap = rows.n, width * sizeof(*b->value));
	for (b->n = 0; b->n < rows.n; b->n++)
		for (size_t k = 0; k < width; k++) {
			struct cell c = vector_cell(w, &column[k], vector_row(rows, b->n));

			put_value(b, &b->value[b->n * width + k], &c);
		}
	b->bytes = (int64_t)(b->n * width * sizeof(*b->value) + arena_used(b->texts));
	return 0;
}

static void
work_block(void *self, int thread, void *slot)
{
	struct vector_stream *s = self;
	struct job *j = &s->crew.job[thread];
	struct block *b = ((struct seat *)slot)->block;
	int rc;

	b->n = b->skip = 0;
	b->bytes = 0;
	err_clear(&b->err);
	arena_reset(b->texts);
	rc = take_batch(s, b, j);
	b->ended = rc == 0;
	if (rc > 0 && (rc = fill(s, b, j)) < 0)
		b->n = 0;
	if (rc == ERR_CORRUPT) {
		if (!j->damage.code)
			j->damage = b->err;
		err_clear(&b->err);
	}
	__atomic_fetch_add(&s->held, b->bytes, __ATOMIC_RELAXED);
}

struct vector_stream *
vector_open(struct query *q, const struct vector_plan *plan, struct err *err)
{
	struct vector_stream *s = mem_new(sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->took, NULL);
	s->left = plan->limit < 0 ? -1 : plan->limit - plan->skip;
	s->skip = plan->skip;
	if (crew_open(&s->crew, &(struct run){ .q = q }, plan, err) < 0) {
		vector_close(s);
		return NULL;
	}
	while (s->crew.n > TASK_MOST)
		vector_worker_release(&s->crew.job[--s->crew.n].worker);
	for (int i = 0; i < SEATS; i++)
		s->slot[i] = &s->seat[i];
	s->queue = task_queue_new(s->crew.n, s->slot, SEATS, work_block, s);
	return s;
}

void
vector_close(struct vector_stream *s)
{
	struct block *b;

	if (!s)
		return;
	task_queue_free(s->queue);
	while ((b = s->all)) {
		s->all = b->other;
		arena_free(b->texts);
		free(b->value);
		free(b);
	}
	crew_close(&s->crew);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->took);
	free(s);
}

/* One more block to be done. The memory of one that was read is used again, so that there is no more than was in use at once. */
static void
give_block(struct vector_stream *s, struct seat *seat)
{
	struct block *b = s->spare;

	if (b) {
		s->spare = b->spare;
	} else {
		b = mem_new(sizeof(*b));
		b->texts = arena_new(0);
		b->other = s->all;
		s->all = b;
	}
	b->turn = s->given++;
	seat->block = b;
	task_give(s->queue);
}

static void
block_back(struct vector_stream *s)
{
	__atomic_fetch_sub(&s->held, s->now->bytes, __ATOMIC_RELAXED);
	s->now->spare = s->spare;
	s->spare = s->now;
	s->now = NULL;
	task_back(s->queue);
}

/* The block that is next in the order of the store, done. */
static struct block *
next_block(struct vector_stream *s)
{
	struct seat *seat, *more;

	while (task_flying(s->queue) < s->crew.n + 2 && (more = task_slot(s->queue)))
		give_block(s, more);
	while (!(seat = task_done(s->queue))) {
		if (!task_unbegun(s->queue) && __atomic_load_n(&s->held, __ATOMIC_RELAXED) < AHEAD && (more = task_slot(s->queue)))
			give_block(s, more);
		task_help(s->queue);
	}
	return seat->block;
}

int
vector_next(struct vector_stream *s, struct err *err)
{
	struct block *b;

	if (s->ended || s->left == 0)
		return 0;
	if (s->now && ++s->row < s->now->n) {
		s->left -= s->left > 0;
		return 1;
	}
	for (;;) {
		if (s->now)
			block_back(s);
		s->now = b = next_block(s);
		if (b->err.code) {
			s->ended = 1;
			*err = b->err;
			return err->code;
		}
		if (b->ended) {
			s->ended = 1;
			return 0;
		}
		if (s->crew.plan.where)
			b->skip = skipped(s, b->n);
		if ((s->row = b->skip) < b->n) {
			s->left -= s->left > 0;
			return 1;
		}
	}
}

void
vector_explain(const struct vector_stream *s, struct buf *to)
{
	explain(to, &s->crew, s->crew.n);
}

struct cell
vector_column(const struct vector_stream *s, int column)
{
	return vector_value_cell(&s->now->value[s->row * (size_t)s->crew.plan.n_keys + (size_t)column]);
}
