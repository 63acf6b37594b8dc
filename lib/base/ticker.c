#include "base/ticker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"

struct ticker {
	void (*call)(void *, int);
	void *self;
	int every_ms;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t due;
	int ending, woken, running;
};

static void *
run(void *self)
{
	struct ticker *t = self;
	int woken;

	pthread_mutex_lock(&t->lock);
	while (!t->ending) {
		int64_t until;
		struct timespec at;

		woken = t->woken;
		t->woken = 0;
		pthread_mutex_unlock(&t->lock);
		t->call(t->self, woken);
		until = time_mono_ns() + t->every_ms * 1000000LL;
		at = (struct timespec){ until / 1000000000, until % 1000000000 };
		pthread_mutex_lock(&t->lock);
		while (!t->ending && !t->woken && pthread_cond_timedwait(&t->due, &t->lock, &at) != ETIMEDOUT)
			;
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

struct ticker *
ticker_new(void (*call)(void *self, int woken), void *self, int every_ms)
{
	struct ticker *t = mem_new(sizeof(*t));
	pthread_condattr_t mono;

	*t = (struct ticker){ .call = call, .self = self, .every_ms = every_ms, .woken = 1 };
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&t->due, &mono);
	pthread_condattr_destroy(&mono);
	return t;
}

int
ticker_start(struct ticker *t, struct err *err)
{
	int rc = pthread_create(&t->thread, NULL, run, t);

	t->running = rc == 0;
	return rc ? err_set(err, ERR_LIMIT, "cannot start a thread: %s", strerror(rc)) : 0;
}

static void
tell(struct ticker *t, int *what)
{
	pthread_mutex_lock(&t->lock);
	*what = 1;
	pthread_cond_signal(&t->due);
	pthread_mutex_unlock(&t->lock);
}

void
ticker_wake(struct ticker *t)
{
	if (t)
		tell(t, &t->woken);
}

int
ticker_ending(struct ticker *t)
{
	int ending;

	pthread_mutex_lock(&t->lock);
	ending = t->ending;
	pthread_mutex_unlock(&t->lock);
	return ending;
}

void
ticker_free(struct ticker *t)
{
	if (!t)
		return;
	tell(t, &t->ending);
	if (t->running)
		pthread_join(t->thread, NULL);
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->due);
	free(t);
}
