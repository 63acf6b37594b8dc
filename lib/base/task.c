/* The slots are a ring: [head, begun) are being worked on or done, [begun, tail) wait, the rest is free. One lock is enough:
 * a block is a tenth of a millisecond and more. */
#include "base/task.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

struct worker {
	struct task_queue *queue;
	int number;
	pthread_t thread;
};

struct task_queue {
	void (*work)(void *, int, void *);
	void *self;
	void **slot;
	char *is_done;
	int n;
	struct worker worker[TASK_MOST];
	int threads, started;           /* the caller's is one; others that run */
	pthread_mutex_t lock;
	pthread_cond_t given, done;
	unsigned long head, begun, tail;
	int sleeping, ending;
};

int
task_processors(void)
{
	const char *wanted = getenv("AT_THREADS");
	cpu_set_t cpus;
	int64_t n = 0;

	if (!wanted || str_int64(str_of(wanted), &n) || n < 1)
		n = sched_getaffinity(0, sizeof(cpus), &cpus) ? 1 : CPU_COUNT(&cpus);
	return n < 1024 ? (int)n : 1024;
}

int
task_threads(void)
{
	int n = task_processors();

	return n < TASK_MOST ? n : TASK_MOST;
}

struct task_queue *
task_queue_new(int threads, void **slots, int n, void (*work)(void *, int, void *), void *self)
{
	struct task_queue *q = mem_new(sizeof(*q));

	q->work = work;
	q->self = self;
	q->threads = threads < TASK_MOST ? threads : TASK_MOST;
	q->slot = slots;
	q->n = n;
	q->is_done = mem_new((size_t)n);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->given, NULL);
	pthread_cond_init(&q->done, NULL);
	return q;
}

/* With the lock held, which is given up meanwhile: the oldest that nobody has begun. */
static void
do_one(struct task_queue *q, int number)
{
	unsigned long at = q->begun++ % (unsigned long)q->n;

	pthread_mutex_unlock(&q->lock);
	q->work(q->self, number, q->slot[at]);
	pthread_mutex_lock(&q->lock);
	q->is_done[at] = 1;
	if (at == q->head % (unsigned long)q->n)
		pthread_cond_signal(&q->done);
}

static void *
run(void *self)
{
	struct worker *w = self;
	struct task_queue *q = w->queue;

	pthread_mutex_lock(&q->lock);
	while (!q->ending)
		if (q->begun < q->tail)
			do_one(q, w->number);
		else {
			q->sleeping++;
			pthread_cond_wait(&q->given, &q->lock);
			q->sleeping--;
		}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

/* One thread more. When there can be none, those there are do the work. */
static void
start(struct task_queue *q)
{
	struct worker *w = &q->worker[q->started];
	sigset_t all, was;

	*w = (struct worker){ .queue = q, .number = q->started + 1 };
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);       /* signals must wake the reader */
	if (pthread_create(&w->thread, NULL, run, w))
		q->threads = q->started + 1;
	else
		q->started++;
	pthread_sigmask(SIG_SETMASK, &was, NULL);
}

void
task_queue_free(struct task_queue *q)
{
	if (!q)
		return;
	pthread_mutex_lock(&q->lock);
	q->ending = 1;
	pthread_cond_broadcast(&q->given);
	pthread_mutex_unlock(&q->lock);
	for (int i = 0; i < q->started; i++)
		pthread_join(q->worker[i].thread, NULL);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->given);
	pthread_cond_destroy(&q->done);
	free(q->is_done);
	free(q);
}

void *
task_slot(struct task_queue *q)
{
	return q->tail - q->head < (unsigned long)q->n ? q->slot[q->tail % (unsigned long)q->n] : NULL;
}

/* With more than `mine` of them waiting somebody is woken. */
static void
give(struct task_queue *q, unsigned long mine)
{
	int more;

	pthread_mutex_lock(&q->lock);
	q->is_done[q->tail++ % (unsigned long)q->n] = 0;
	more = q->tail - q->begun > mine;
	if (more && q->sleeping)
		pthread_cond_signal(&q->given);
	pthread_mutex_unlock(&q->lock);
	if (more && q->started + 1 < q->threads)
		start(q);
}

/* The first that waits is the caller's own, who will come to it soon. */
void
task_give(struct task_queue *q)
{
	give(q, 1);
}

void
task_give_away(struct task_queue *q)
{
	give(q, 0);
}

void *
task_done(struct task_queue *q)
{
	unsigned long at = q->head % (unsigned long)q->n;
	int is;

	if (q->head == q->tail)
		return NULL;
	pthread_mutex_lock(&q->lock);
	is = q->begun > q->head && q->is_done[at];
	pthread_mutex_unlock(&q->lock);
	return is ? q->slot[at] : NULL;
}

void
task_back(struct task_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->head++;
	pthread_mutex_unlock(&q->lock);
}

int
task_flying(const struct task_queue *q)
{
	return (int)(q->tail - q->head);
}

int
task_unbegun(struct task_queue *q)
{
	int n;

	pthread_mutex_lock(&q->lock);
	n = (int)(q->tail - q->begun);
	pthread_mutex_unlock(&q->lock);
	return n;
}

static void
help(struct task_queue *q, int may_do)
{
	pthread_mutex_lock(&q->lock);
	if (may_do && q->begun < q->tail)
		do_one(q, 0);
	else
		while (q->head < q->tail && !q->is_done[q->head % (unsigned long)q->n])
			pthread_cond_wait(&q->done, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

void
task_help(struct task_queue *q)
{
	help(q, 1);
}

void
task_wait(struct task_queue *q)
{
	help(q, q->started == 0);
}
