#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "http/http_priv.h"
#include "http/listen.h"

#define ACCEPTS      8                  /* taken at once; other processes may want some too */
#define REFUSED_MOST 256                /* that are told so at once; beyond it they are just closed */
#define PAUSE_MS     200                /* before accept is tried again when there is no descriptor to be had */

/* ---- before it runs */
struct http_server *
http_server_new(const struct http_spec *spec, struct err *err)
{
	struct http_server *s = mem_new(sizeof(*s));

	s->spec = *spec;
	s->spec.connections = spec->connections ? spec->connections : 10000;
	s->spec.head_bytes = spec->head_bytes ? spec->head_bytes : 32 << 10;
	s->spec.body_bytes = spec->body_bytes ? spec->body_bytes : 32 << 20;
	s->spec.memory_bytes = spec->memory_bytes ? spec->memory_bytes : 1 << 30;
	s->spec.head_ms = spec->head_ms ? spec->head_ms : 10000;
	s->spec.idle_ms = spec->idle_ms ? spec->idle_ms : 75000;
	s->spec.body_rate = spec->body_rate ? spec->body_rate : 100;
	s->epoll = s->spare = -1;
	s->wake = -1;
	s->mail_end = &s->mail;
	pthread_mutex_init(&s->mail_lock, NULL);
	if (spec->tls_cert && !(s->tls = tls_new(spec->tls_cert, spec->tls_key, err)))
		goto failed;
	if ((s->n_listeners = listen_open(spec->listen, s->listener, HTTP_LISTENERS, err)) < 0)
		goto failed;
	listen_name(s->listener[0], s->address, sizeof(s->address));
	s->n_processes = spec->processes > 1 ? spec->processes : 1;
	s->by_address = mmap(NULL, (size_t)s->n_processes * sizeof(*s->by_address), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->by_address == MAP_FAILED) {
		s->by_address = NULL;
		err_set(err, ERR_LIMIT, "no memory to count connections in");
		goto failed;
	}
	s->each_address = spec->each_address;
	return s;
failed:
	http_server_free(s);
	return NULL;
}

void
http_server_free(struct http_server *s)
{
	if (!s)
		return;
	while (s->mail) {                               /* answers to nobody, calls that come too late */
		struct http_letter *mail = s->mail;

		s->mail = mail->next;
		if (mail->take == http_request_taken)
			http_request_taken(mail, mail->wants);
		else
			mail->take(mail, 0);
	}
	http_server_deaf(s);
	if (s->wake >= 0)
		close(s->wake);                         /* not before: other threads may have been about to write to it */
	tls_free(s->tls);
	pthread_mutex_destroy(&s->mail_lock);
	if (s->by_address)
		munmap(s->by_address, (size_t)s->n_processes * sizeof(*s->by_address));
	free(s->every);
	free(s);
}

void
http_server_deaf(struct http_server *s)
{
	for (int i = 0; i < s->n_listeners; i++)
		close(s->listener[i]);
	s->n_listeners = 0;
}

const char *
http_server_address(const struct http_server *s)
{
	return s->address;
}

int
http_server_reload(struct http_server *s, struct err *err)
{
	return s->tls ? tls_reload(s->tls, err) : 0;
}

void
http_server_figures(struct http_server *s, struct http_figures *f)
{
	*f = (struct http_figures){ s->figures.connections, s->figures.requests, s->figures.sockets, s->figures.refused, s->figures.bytes_in,
	    s->figures.bytes_out };
}

/* ---- mail */
int
http_on_loop(const struct http_server *s)
{
	return s->running && pthread_equal(s->loop, pthread_self());
}

int
http_server_busy(const struct http_server *s)
{
	return !atomic_load_explicit(&s->sleeps, memory_order_relaxed);
}

static void
wake(struct http_server *s)
{
	uint64_t one = 1;
	int fd = s->wake;

	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0) {
		/* it is full: the loop is awake */
	}
}

static void
called(struct http_letter *mail, unsigned wants)
{
	struct http_errand *c = (struct http_errand *)mail;

	if (wants)
		c->call(c->self);
	free(c);
}

int
http_post(struct http_server *s, struct http_letter *mail, unsigned wants)
{
	int first, fresh;

	pthread_mutex_lock(&s->mail_lock);
	if (s->over && mail->take == called) {          /* answers are kept until the server is freed, which frees their requests */
		pthread_mutex_unlock(&s->mail_lock);
		return -1;
	}
	first = !s->mail;
	fresh = !mail->posted;
	mail->wants |= wants;
	if (fresh) {
		mail->posted = 1;
		mail->next = NULL;
		*s->mail_end = mail;
		s->mail_end = &mail->next;
	}
	pthread_mutex_unlock(&s->mail_lock);
	if (first && !http_on_loop(s))
		wake(s);
	return fresh;
}

static int
has_mail(struct http_server *s)
{
	int has;

	pthread_mutex_lock(&s->mail_lock);
	has = s->mail != NULL;
	pthread_mutex_unlock(&s->mail_lock);
	return has;
}

static void
take_mail(struct http_server *s)
{
	struct http_letter *mail;
	unsigned wants;

	for (int i = 0; i < 4096; i++) {                /* what comes without end must not keep others waiting */
		pthread_mutex_lock(&s->mail_lock);
		if ((mail = s->mail)) {
			if (!(s->mail = mail->next))
				s->mail_end = &s->mail;
			wants = mail->wants;
			mail->wants = 0;
			mail->posted = 0;
		}
		pthread_mutex_unlock(&s->mail_lock);
		if (!mail)
			return;
		mail->take(mail, wants);
	}
}

int
http_server_call(struct http_server *s, void (*call)(void *), void *self)
{
	struct http_errand *c = mem_new(sizeof(*c));

	*c = (struct http_errand){ .mail.take = called, .call = call, .self = self };
	if (http_post(s, &c->mail, 1) >= 0)
		return 0;
	free(c);
	return -1;
}

void
http_server_every(struct http_server *s, int64_t ms, void (*call)(void *), void *self)
{
	pthread_mutex_lock(&s->mail_lock);
	s->every = mem_grow(s->every, (size_t)s->n_every + 1, sizeof(*s->every));
	s->every[s->n_every++] = (struct http_every){ ms > 0 ? ms : 1, time_mono_ms() + ms, call, self };
	pthread_mutex_unlock(&s->mail_lock);
	if (!http_on_loop(s))
		wake(s);
}

/* Call what is due; ms until the next is, -1: there is none. */
static int
call_every(struct http_server *s)
{
	int64_t wait = -1;

	pthread_mutex_lock(&s->mail_lock);
	for (int i = 0; i < s->n_every; i++) {
		struct http_every e = s->every[i];

		if (e.next <= s->now) {
			s->every[i].next = e.next = s->now + e.ms;
			pthread_mutex_unlock(&s->mail_lock);
			e.call(e.self);
			pthread_mutex_lock(&s->mail_lock);
		}
		if (wait < 0 || e.next - s->now < wait)
			wait = e.next - s->now;
	}
	pthread_mutex_unlock(&s->mail_lock);
	return (int)(wait > 60000 ? 60000 : wait);
}

/* ---- accepting */
/* Which of the buckets an address counts in. Of an IPv6 address that of its network, in which a host has as many addresses as it likes. */
static size_t
bucket_of(const char *address)
{
	unsigned char six[16];
	struct str key = str_of(address);

	if (inet_pton(AF_INET6, address, six) == 1)
		key = (struct str){ (char *)six, 8 };
	return str_hash(key) % HTTP_BUCKETS;
}

/* Each process counts in a column of its own, so that what one had that died can be taken away; the bound is on the sum. Counted first, so that of
 * those who come at the same moment none goes unseen. */
int
http_server_count(struct http_server *s, const char *address, int more)
{
	size_t bucket = bucket_of(address);
	int64_t sum = 0;

	atomic_fetch_add(&s->by_address[s->process].n[bucket], more);
	if (more < 0 || s->each_address <= 0)
		return 0;
	for (int i = 0; i < s->n_processes; i++)
		sum += atomic_load(&s->by_address[i].n[bucket]);
	if (sum <= s->each_address)
		return 0;
	atomic_fetch_sub(&s->by_address[s->process].n[bucket], more);
	return -1;
}

void
http_server_is(struct http_server *s, int process)
{
	s->process = process;
	for (size_t i = 0; i < HTTP_BUCKETS; i++)       /* looked at first: pages that nobody wrote to stay none */
		if (atomic_load(&s->by_address[process].n[i]))
			atomic_store(&s->by_address[process].n[i], 0);
}

void
http_server_each_address(struct http_server *s, int most)
{
	s->each_address = most;
}

static void
listen_on(struct http_server *s, int on)
{
	for (int i = 0; i < s->n_listeners; i++) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = &s->listener[i] };

		epoll_ctl(s->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, s->listener[i], &event);
	}
	s->listening = on;
}

/* There is no descriptor for the next one: the spare one serves to take it and to say so. Without it the loop would be told of the same
 * connection again and again, so it stops listening for a while. */
static void
no_descriptor(struct http_server *s, int listener)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	char some[1024];
	int fd;

	if (s->spare >= 0) {
		close(s->spare);
		if ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
			if (!s->tls && send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL) > 0 && recv(fd, some, sizeof(some), 0) > 0)
				shutdown(fd, SHUT_WR);
			close(fd);
			s->figures.refused++;
		}
		s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	listen_on(s, 0);
	s->listen_again = s->now + PAUSE_MS;
}

static void
accept_some(struct http_server *s, int listener)
{
	for (int i = 0; i < ACCEPTS && s->listening; i++) {
		struct sockaddr_storage from;
		socklen_t size = sizeof(from);
		char address[HTTP_ADDRESS] = "";
		int fd = accept4(listener, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC), refused;

		if (fd < 0) {
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				return;
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				no_descriptor(s, listener);
			continue;                       /* what went wrong with one connection is not the others' */
		}
		listen_host(&from, address, sizeof(address));
		refused = s->n_connections >= s->spec.connections || http_server_count(s, address, 1) < 0;
		if (refused) {
			s->figures.refused++;
			if (s->tls || s->n_refused >= REFUSED_MOST) {
				close(fd);
				continue;
			}
		}
		http_connection_new(s, fd, address, refused);
	}
}

/* ---- the loop */
static void
bury(struct http_server *s)
{
	struct connection *c;

	while ((c = s->dead)) {
		s->dead = c->next;
		free(c);
	}
}

static void
go_again(struct http_server *s)
{
	struct connection *c = s->again, *next;

	s->again = NULL;
	for (struct connection *each = c; each; each = each->next_again)
		each->again = 0;
	for (; c; c = next) {
		next = c->next_again;                   /* those that die stay where they are until they are buried */
		http_connection_work(c);
	}
}

static int
sooner(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

static void
turn(struct http_server *s, int most_ms)
{
	struct epoll_event event[256];
	struct wheel_item *due;
	int n, wait = sooner(most_ms, sooner(wheel_wait(&s->wheel, s->now), call_every(s)));

	if (s->listen_again)
		wait = sooner(wait, PAUSE_MS);
	if (s->again || has_mail(s))
		wait = 0;
	atomic_store_explicit(&s->sleeps, wait != 0, memory_order_relaxed);
	n = epoll_wait(s->epoll, event, 256, wait);
	atomic_store_explicit(&s->sleeps, 0, memory_order_relaxed);
	s->now = time_mono_ms();
	for (int i = 0; i < n; i++) {
		int *fd = event[i].data.ptr;
		uint64_t count;

		if (!fd) {
			if (read(s->wake, &count, sizeof(count)) < 0)
				continue;
		} else if (fd >= s->listener && fd < s->listener + HTTP_LISTENERS)
			accept_some(s, *fd);
		else
			http_connection_event(event[i].data.ptr, event[i].events);
	}
	go_again(s);
	take_mail(s);
	while ((due = wheel_next(&s->wheel, s->now)))
		http_connection_due((struct connection *)due);
	bury(s);
	if (s->listen_again && s->now >= s->listen_again && !s->draining) {
		s->listen_again = 0;
		listen_on(s, 1);
	}
}

static int
begin_run(struct http_server *s, struct err *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	int wake_fd;

	if ((s->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0 || (wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
		return err_set(err, ERR_IO, "the server does not begin: %s", strerror(errno));
	s->wake = wake_fd;
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, wake_fd, &event))
		return err_set(err, ERR_IO, "the server does not begin: %s", strerror(errno));
	s->now = time_mono_ms();
	wheel_init(&s->wheel, s->now);
	s->input = mem_grow(NULL, HTTP_INPUT, 1);
	s->plain = mem_grow(NULL, HTTP_INPUT, 1);
	s->loop = pthread_self();
	s->running = 1;
	listen_on(s, 1);
	return 0;
}

static void
end_run(struct http_server *s)
{
	while (s->all)
		http_connection_close(s->all);
	pthread_mutex_lock(&s->mail_lock);
	s->over = 1;
	pthread_mutex_unlock(&s->mail_lock);
	while (has_mail(s))
		take_mail(s);
	bury(s);
	s->running = 0;
	if (s->epoll >= 0)
		close(s->epoll);
	if (s->spare >= 0)
		close(s->spare);
	free(s->input);
	free(s->plain);
	s->input = s->plain = NULL;
}

/* No more connections; those that have nothing in hand end now, the others when they have answered. */
static void
begin_drain(struct http_server *s)
{
	s->draining = 1;
	if (s->listening)
		listen_on(s, 0);
	http_server_deaf(s);
	for (struct connection *c = s->all, *next; c; c = next) {
		next = c->next;                         /* a dead one's is the next of the dead: look before */
		http_connection_drain(c);
	}
}

static void
drain_until(struct http_server *s, int64_t until)
{
	while ((s->all || s->n_requests) && s->now < until && s->stops < 2)
		turn(s, (int)(until - s->now < 1000 ? until - s->now : 1000));
}

int
http_server_run(struct http_server *s, int64_t drain_ms, struct err *err)
{
	int rc = begin_run(s, err);

	while (!rc && !s->stops)
		turn(s, -1);
	if (!rc) {
		begin_drain(s);
		drain_until(s, s->now + drain_ms);
		if (s->n_requests && s->spec.late && s->stops < 2) {
			s->spec.late(s->spec.self);
			drain_until(s, s->now + HTTP_LATE_MS);
		}
	}
	end_run(s);
	return rc;
}

void
http_server_stop(struct http_server *s)
{
	int was = errno;

	s->stops++;
	wake(s);
	errno = was;
}
