/* vector.c - a plan run by several workers, each with batches of its own, and the table that comes out. */
#include "query/vector.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/task.h"
#include "base/time.h"
#include "query/query_priv.h"
#include "query/vector_priv.h"

#define THREADS_MOST 64
#define MEMORY       (512LL << 20)      /* of groups and rows where nothing is said */

struct job {                            /* of one worker */
	struct vector_worker worker;
	struct vector_groups *groups;
	struct vector_kept *kept;
	struct err err, damage;
	int64_t bound;                  /* bytes it may hold */
};

struct crew {
	struct job *job;
	int begun, ended;               /* threads have begun; one of them failed */
};

/* ---- results */

void
vector_result_put(struct vector_result *r, const struct cell *c)
{
	struct vector_value *to;

	if ((size_t)r->n_rows == r->cap) {      /* n_rows counts cells until the end */
		r->cap = r->cap ? 2 * r->cap : 64;
		r->value = mem_grow(r->value, r->cap, sizeof(*r->value));
	}
	to = &r->value[r->n_rows++];
	*to = (struct vector_value){ .type = c->type };
	switch (c->type) {
	case CELL_INTEGER:
		to->integer = c->integer;
		break;
	case CELL_REAL:
		to->real = c->real;
		break;
	case CELL_TEXT:
		to->n = (uint32_t)c->text.n;
		to->text = arena_dup(r->texts, c->text.p, c->text.n);
		break;
	default:
		break;
	}
}

void
vector_result_free(struct vector_result *r)
{
	if (!r)
		return;
	free(r->value);
	arena_free(r->texts);
	buf_release(&r->explain);
	free(r);
}

int64_t
vector_result_rows(const struct vector_result *r)
{
	return r->n_rows;
}

int
vector_result_columns(const struct vector_result *r)
{
	return r->n_columns;
}

struct cell
vector_result_cell(const struct vector_result *r, int64_t row, int column)
{
	const struct vector_value *v = &r->value[row * r->n_columns + column];

	switch (v->type) {
	case CELL_INTEGER:
		return cell_integer(v->integer);
	case CELL_REAL:
		return cell_real(v->real);
	case CELL_TEXT:
		return cell_text((struct str){ v->text, v->n });
	default:
		return cell_null();
	}
}

void
vector_result_explain(const struct vector_result *r, struct buf *to)
{
	buf_str(to, buf_get(&r->explain));
}

/* ---- a worker's run */

static int
too_much(struct job *j)
{
	size_t held = j->groups ? vector_groups_held(j->groups) : vector_kept_held(j->kept);

	if ((int64_t)held <= j->bound)
		return 0;
	return err_set(&j->err, ERR_LIMIT, "%s for the memory there is: ask for fewer, or allow more",
	    j->groups ? "too many groups, or values in them" : "too many rows before they are sorted");
}

static int
one_batch(struct job *j)
{
	struct vector_worker *w = &j->worker;
	const struct vector_plan *plan = w->plan;
	struct vector_rows rows = { NULL, w->batch->n };

	if (j->kept && vector_kept_can_skip(j->kept, w->batch))
		return 0;
	if (plan->where && vector_filter(w, plan->where, rows, 1, &rows, &j->err) < 0)
		return j->err.code;
	return j->groups ? vector_groups_add(j->groups, w, rows, &j->err) : vector_kept_add(j->kept, w, rows, &j->err);
}

static void *
work(void *self)
{
	struct crew *crew = self;
	struct job *j = &crew->job[__atomic_fetch_add(&crew->begun, 1, __ATOMIC_RELAXED)];
	int rc = 1;

	while (rc > 0 && !__atomic_load_n(&crew->ended, __ATOMIC_RELAXED)) {
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
	pthread_t thread[THREADS_MOST];
	sigset_t all, before;
	int n = 1;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);      /* signals are for the caller's thread */
	while (n < threads && n < THREADS_MOST && pthread_create(&thread[n], NULL, with, self) == 0)
		n++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	with(self);
	for (int i = 1; i < n; i++)
		pthread_join(thread[i], NULL);
}

static int
threads_for(const struct store_batches *all)
{
	int64_t n = task_processors(), most = (store_batches_rows(all) + VECTOR_ROWS - 1) / VECTOR_ROWS;

	n = n > most ? most : n;
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
	if (plan->range.user_id.p) {
		e = node(a, VECTOR_EQ, 2);
		if (!(e->arg[0] = field(plan, a, FIELD_USER, err)))
			return err->code;
		e->arg[1] = constant(a, plan->range.user_id);
		also(plan, a, e);
	}
	return 0;
}

/* ---- all together */

static int
finish(struct job *job, int n, struct vector_result *r, struct err *err)
{
	struct vector_kept *kept[THREADS_MOST];
	const struct vector_plan *plan = job[0].worker.plan;

	if (!job[0].groups) {
		for (int i = 0; i < n; i++)
			kept[i] = job[i].kept;
		return vector_kept_end(kept, n, plan, r, err);
	}
	for (int i = 1; i < n; i++)
		if (vector_groups_merge(job[0].groups, job[i].groups, err) < 0)
			return err->code;
	return vector_groups_end(job[0].groups, &job[0].worker, n, r, err);
}

static void
explain(struct vector_result *r, const struct store_batches *all, int threads, int64_t began)
{
	struct store_batches_read read;

	store_batches_read(all, &read);
	buf_printf(&r->explain, "%lld chunks read, %lld skipped, %lld rows, %lld columns, %d thread%s, %.1f ms", (long long)read.chunks,
	    (long long)read.chunks_skipped, (long long)read.rows, (long long)read.columns, threads, threads == 1 ? "" : "s",
	    (double)(time_mono_ns() - began) / 1e6);
}

struct vector_result *
vector_run(struct query *q, const struct vector_plan *given, struct err *err)
{
	struct store *store = query_store(q, err);
	struct vector_plan plan = *given;
	struct store_batches *all = NULL;
	struct vector_result *r = NULL;
	struct arena *arena = arena_new(0);
	struct job *job = NULL;
	struct store_batches_read read;
	struct crew crew = { 0 };
	int64_t began = time_mono_ns();
	int n = 0;

	if (!store || query_hold(q, err) < 0 || complete(&plan, arena, err) < 0 || !(all = store_batches_open(store, &plan.range, plan.field, plan.n_fields, err)))
		goto out;
	n = threads_for(all);
	crew.job = job = mem_new((size_t)n * sizeof(*job));
	for (int i = 0; i < n; i++) {
		vector_worker_init(&job[i].worker, q, &plan);
		job[i].bound = (q->spec.memory ? q->spec.memory : MEMORY) / (n + 1);    /* one share for what they are merged to */
		if (plan.grouped)
			job[i].groups = vector_groups_new(&plan);
		else
			job[i].kept = vector_kept_new(&plan);
		if (!(job[i].worker.batch = store_batch_open(all, err)))
			goto out;
	}
	vector_share(n, work, &crew);
	for (int i = 0; i < n; i++) {
		if (job[i].err.code && !err->code)
			*err = job[i].err;
		if (job[i].damage.code && !q->damage.code)
			q->damage = job[i].damage;
	}
	store_batches_read(all, &read);
	q->read += read.rows;
	if (err->code)
		goto out;
	r = mem_new(sizeof(*r));
	r->texts = arena_new(0);
	if (finish(job, n, r, err) < 0)
		goto out;
	r->n_columns = plan.n_keys + (plan.grouped ? plan.n_aggregates : 0);
	r->n_rows = r->n_columns ? r->n_rows / r->n_columns : 0;
	explain(r, all, n, began);
out:
	for (int i = 0; job && i < n; i++) {
		vector_groups_free(job[i].groups);
		vector_kept_free(job[i].kept);
		vector_worker_release(&job[i].worker);
	}
	free(job);
	store_batches_close(all);
	arena_free(arena);
	if (err->code) {
		vector_result_free(r);
		r = NULL;
	}
	return r;
}
