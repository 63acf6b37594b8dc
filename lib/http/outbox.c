#include "http/outbox.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

struct outbox {
	pthread_mutex_t lock;
	pthread_cond_t room;            /* fewer bytes wait, or it was closed */
	struct buf given;
	size_t unsent;
	int closed;
};

struct outbox *
outbox_new(void)
{
	struct outbox *box = mem_new(sizeof(*box));

	pthread_mutex_init(&box->lock, NULL);
	pthread_cond_init(&box->room, NULL);
	return box;
}

void
outbox_free(struct outbox *box)
{
	if (!box)
		return;
	pthread_cond_destroy(&box->room);
	pthread_mutex_destroy(&box->lock);
	buf_release(&box->given);
	free(box);
}

int
outbox_add(struct outbox *box, const struct str piece[], int n, size_t most, int block)
{
	int rc = 0;

	pthread_mutex_lock(&box->lock);
	while (block && !box->closed && box->given.n + box->unsent > most)
		pthread_cond_wait(&box->room, &box->lock);
	if (box->closed)
		rc = -1;
	else if (box->given.n + box->unsent > most)
		rc = 1;
	else
		for (int i = 0; i < n; i++)
			buf_str(&box->given, piece[i]);
	pthread_mutex_unlock(&box->lock);
	return rc;
}

int
outbox_seal(struct outbox *box, struct str last)
{
	int rc;

	pthread_mutex_lock(&box->lock);
	rc = box->closed ? -1 : 0;
	if (!rc)
		buf_str(&box->given, last);
	box->closed = 1;
	pthread_cond_broadcast(&box->room);
	pthread_mutex_unlock(&box->lock);
	return rc;
}

int
outbox_take(struct outbox *box, struct buf *to)
{
	size_t had = to->n;

	pthread_mutex_lock(&box->lock);
	if (to->n)
		buf_str(to, buf_get(&box->given));
	else {                                  /* hand the memory over */
		buf_release(to);
		*to = box->given;
		box->given = (struct buf){ 0 };
	}
	buf_clear(&box->given);
	box->unsent += to->n - had;
	pthread_mutex_unlock(&box->lock);
	return to->n > had;
}

void
outbox_unsent(struct outbox *box, size_t n)
{
	pthread_mutex_lock(&box->lock);
	if (n < box->unsent)
		pthread_cond_broadcast(&box->room);
	box->unsent = n;
	pthread_mutex_unlock(&box->lock);
}

void
outbox_close(struct outbox *box)
{
	pthread_mutex_lock(&box->lock);
	box->closed = 1;
	buf_release(&box->given);
	box->unsent = 0;
	pthread_cond_broadcast(&box->room);
	pthread_mutex_unlock(&box->lock);
}
