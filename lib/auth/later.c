/* later.c - what need not be durable before the caller goes on: audit of what happened on the loop, the last use of keys and
 * sessions. A thread takes what waits, all of it in one transaction, at most ten times a second.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/auth_priv.h"
#include "base/mem.h"
#include "base/time.h"

#define WAITING_MOST 20000      /* items; more are counted and left out */
#define READS_MOST   15000      /* of them, when one of what was read comes: denials and logins still find room */
#define PAUSE_NS     100000000  /* between two commits */

struct item {
	struct item *next;
	const char *kind;               /* NULL: audit, else state */
	struct str name, value;
	struct audit_entry entry;
};

struct auth_later {
	struct auth *auth;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	int running, ending;
	struct item *head, **tail;
	int n;
	int64_t lost;                   /* entries of the audit that could not be kept */
};

/* ---- writing */

static int
write_item(struct auth *a, struct item *i, struct err *err)
{
	struct buf was = { 0 };
	int rc;

	if (!i->kind)
		return audit_put(a, &i->entry, err);
	/* what it belongs to may be gone by now: a session revoked, a key removed */
	rc = strcmp(i->kind, "used") ? store_get_state(a->store, i->kind, i->name, &was, err) : store_get_state(a->store, "key", i->name, &was, err);
	if (rc > 0)
		rc = store_put_state(a->store, i->kind, i->name, i->value, err);
	buf_release(&was);
	return rc < 0 ? rc : 0;
}

static int
write_lost(struct auth *a, int64_t lost, struct err *err)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%lld entries were not kept", (long long)lost);

	return audit_put(a, &(struct audit_entry){ .action = STR("audit.lost"), .object = { text, (size_t)n }, .result = STR("failed") }, err);
}

/* All of them, or none: then the entries count as lost, and the next ones say so. Frees them. */
static void
write_all(struct auth_later *l, struct item *items, int64_t lost)
{
	struct auth *a = l->auth;
	struct err err = { 0 };
	int64_t entries = 0;
	int rc = auth_begin(a, &err), begun = rc == 0;
	struct item *next;

	if (rc == 0 && lost)
		rc = write_lost(a, lost, &err);
	for (; items; items = next) {
		next = items->next;
		if (rc == 0)
			rc = write_item(a, items, &err);
		entries += !items->kind;
		free(items);
	}
	if (begun)
		rc = auth_end(a, rc, &err);
	if (rc) {
		pthread_mutex_lock(&l->lock);
		l->lost += lost + entries;
		pthread_mutex_unlock(&l->lock);
	}
}

static void *
run(void *self)
{
	struct auth_later *l = self;
	struct timespec pause = { 0, PAUSE_NS };
	struct item *items;
	int64_t lost;

	pthread_mutex_lock(&l->lock);
	for (;;) {
		while (!l->head && !l->ending)
			pthread_cond_wait(&l->wake, &l->lock);
		if (!l->head)
			break;
		items = l->head;
		lost = l->lost;
		l->head = NULL;
		l->tail = &l->head;
		l->n = 0;
		l->lost = 0;
		pthread_mutex_unlock(&l->lock);
		write_all(l, items, lost);
		pthread_mutex_lock(&l->lock);
		if (l->ending)
			continue;
		pthread_mutex_unlock(&l->lock);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* ---- giving */

struct auth_later *
auth_later_new(struct auth *a)
{
	struct auth_later *l = mem_new(sizeof(*l));

	l->auth = a;
	l->tail = &l->head;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->wake, NULL);
	return l;
}

void
auth_later_free(struct auth_later *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->ending = 1;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	if (l->running)
		pthread_join(l->thread, NULL);
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* Commands mostly give nothing, so the thread begins with the first item; signals are not for it. */
static void
begin_thread(struct auth_later *l)
{
	sigset_t all, was;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	l->running = pthread_create(&l->thread, NULL, run, l) == 0;
	pthread_sigmask(SIG_SETMASK, &was, NULL);
}

/* 0; -1: there is no room. */
static int
give(struct auth_later *l, struct item *i, int most)
{
	int rc = 0;

	pthread_mutex_lock(&l->lock);
	if (!l->running)
		begin_thread(l);
	if (l->n >= most || !l->running) {
		l->lost += !i->kind;
		free(i);
		rc = -1;
	} else {
		*l->tail = i;
		l->tail = &i->next;
		l->n++;
		pthread_cond_signal(&l->wake);
	}
	pthread_mutex_unlock(&l->lock);
	return rc;
}

void
auth_later_state(struct auth *a, const char *kind, struct str name, struct str value)
{
	struct item *i = mem_new(sizeof(*i) + name.n + value.n + 1);
	char *at = (char *)(i + 1);

	i->kind = kind;
	auth_take_text(&i->name, name, &at);
	auth_take_text(&i->value, value, &at);
	give(a->later, i, WAITING_MOST);
}

void
auth_later_used(struct auth *a, struct str key_id, int64_t now)
{
	char text[TIME_LEN];

	time_print(now, text);
	auth_later_state(a, "used", key_id, (struct str){ text, TIME_LEN });
}

static int
give_entry(struct auth *a, const struct audit_entry *e, int most)
{
	const struct str *from = (const struct str *)e;
	const size_t n = sizeof(*e) / sizeof(struct str);
	size_t len = 1;
	struct item *i;
	struct str *to;
	char *at;

	for (size_t k = 0; k < n; k++)
		len += from[k].n;
	i = mem_new(sizeof(*i) + len);
	at = (char *)(i + 1);
	to = (struct str *)&i->entry;
	for (size_t k = 0; k < n; k++)
		auth_take_text(&to[k], from[k], &at);
	return give(a->later, i, most);
}

void
audit_later(struct auth *a, const struct audit_entry *e)
{
	give_entry(a, e, WAITING_MOST);
}

int
audit_later_read(struct auth *a, const struct audit_entry *e)
{
	return give_entry(a, e, READS_MOST);
}
