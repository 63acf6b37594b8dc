#include "serve/serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/io.h"
#include "http/client.h"
#include "serve/live.h"
#include "serve/serve_priv.h"
#include "store/admin.h"

#define FLUSH_MS 250                    /* a line of the log waits no longer */
#define END_MS   3000                   /* behind the loop's end, for what it leaves to be written down */

struct serve_setup *
serve_setup_now(struct serve *s)
{
	struct serve_setup *setup;

	pthread_mutex_lock(&s->setup_lock);
	setup = serve_setup_use(s->setup);
	pthread_mutex_unlock(&s->setup_lock);
	return setup;
}

/* ---- the manager above us (sd_notify(3), without its library) */

void
serve_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (!n || n >= sizeof(to.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(to.sun_path, path, n);
	if (*path == '@')
		to.sun_path[0] = 0;             /* the abstract namespace */
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

void
serve_notify_reloading(void)
{
	char text[80];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(time_mono_ns() / 1000));
	serve_notify(text);
}

/* ---- reload: all of it, or nothing */

void
serve_say_error(struct serve *s, const char *what, const struct err *err)
{
	struct buf more = { 0 };

	json_put_key(&more, STR("error"));
	json_put_string(&more, str_of(err->text));
	serve_log(s, "error", what, buf_get(&more));
	buf_release(&more);
}

/* On the loop. A configuration that is wrong leaves the one that was. */
static void
reload(void *self)
{
	struct serve *s = self;
	struct serve_setup *setup, *old;
	struct err err = { 0 };

	if (!s->crew)
		serve_notify_reloading();
	if (!(setup = serve_setup_new(s->crew ? serve_crew_config(s->crew, &err) : config_open(s->spec.config, &err), &s->spec, &err)) || auth_reload(s->auth, setup->config, &err)) {
		serve_say_error(s, "reload", &err);
		serve_setup_free(setup);
	} else {
		if (s->is_tls && http_server_reload(s->http, &err))
			serve_say_error(s, "certificate", &err);
		pthread_mutex_lock(&s->setup_lock);
		old = s->setup;
		s->setup = setup;
		pthread_mutex_unlock(&s->setup_lock);
		serve_setup_free(old);
		http_server_each_address(s->http, setup->each_address);
		live_reload(s->live);
		serve_log(s, "info", "reloaded", (struct str){ 0 });
	}
	if (s->worker == 0)                     /* one voice for all of them */
		serve_notify("READY=1");
}

/* Something hangs that nobody can end, a disk or who holds the store's lock: what was acknowledged is durable, the rest was not. Another thread may
 * be stuck in the log with its lock, so this goes around it, where it can be written at once. */
static void
end_hard(void)
{
	static const char said[] = "{\"level\":\"error\",\"what\":\"stopped hard\",\"error\":\"what was in hand did not end in time\"}\n";
	struct pollfd to = { .fd = 2, .events = POLLOUT };

	if (poll(&to, 1, 0) == 1 && to.revents == POLLOUT)
		io_write(2, said, sizeof(said) - 1);
	_exit(1);
}

int64_t
serve_end_ms(const struct serve *s)
{
	return s->drain_ms + HTTP_LATE_MS + END_MS;
}

/* The next signal, but not behind the end; < 0: none came. */
static int
next_signal(const sigset_t *set, siginfo_t *info, int64_t end)
{
	int64_t left = end - time_mono_ms();
	struct timespec wait = { left > 0 ? left / 1000 : 0, left > 0 ? left % 1000 * 1000000 : 0 };

	return end ? sigtimedwait(set, info, &wait) : sigwaitinfo(set, info);
}

/* Signals come to this thread alone, so nothing is interrupted anywhere. One wish to stop may come twice and is not two: a terminal and a
 * service manager tell the whole group, and the parent passes it on; timeout(1) signals the process and then its group. It is the last thread to end,
 * and sees to it that the process does. */
static void *
watch_signals(void *self)
{
	struct serve *s = self;
	sigset_t set;
	int64_t first[2] = { 0 };       /* when it was asked to stop: by the parent of several workers, by anybody else */
	int64_t calls = 0, end = 0;     /* when what it asks of others is ended, and when it has to have ended itself; 0: nobody asked for that */
	siginfo_t info;
	int sig, stops = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM), sigaddset(&set, SIGINT), sigaddset(&set, SIGHUP), sigaddset(&set, SIGUSR1);
	while ((sig = next_signal(&set, &info, http_client_is_ended() ? end : calls)) > 0 || errno == EINTR || errno == EAGAIN) {
		int64_t *since;

		if (calls && time_mono_ms() >= calls)
			http_client_end();
		if (end && time_mono_ms() >= end && !atomic_load(&s->is_over))
			end_hard();
		if (sig < 0)                    /* the process was stopped and goes on */
			continue;
		if (sig == SIGHUP) {
			http_server_call(s->http, reload, s);
			continue;
		}
		if (sig == SIGUSR1 && atomic_load(&s->is_over))
			return NULL;
		if (sig == SIGUSR1)             /* somebody else's: it means nothing here */
			continue;
		since = &first[s->crew && info.si_code == SI_USER && info.si_pid == getppid()];
		if (*since && time_mono_ms() - *since > CMD_SAME_MS)
			_exit(1);
		*since = *since ? *since : time_mono_ms();
		if (stops++)
			continue;
		calls = time_mono_ms() + s->drain_ms;
		end = time_mono_ms() + serve_end_ms(s);
		if (s->worker == 0)
			serve_notify("STOPPING=1");
		http_server_call(s->http, serve_live_stop, s);
		http_server_stop(s->http);
	}
	return NULL;
}

/* Before it listens there is nothing to drain: what is asked to end while it waits for somebody who holds the store ends. */
static void
heed_stops(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM), sigaddset(&set, SIGINT);
	pthread_sigmask(how, &set, NULL);
}

static void
block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM), sigaddset(&set, SIGINT), sigaddset(&set, SIGHUP), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGUSR2);               /* it means nothing here, and ends nobody */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* ---- one worker */

static void
on_tick(void *self)
{
	struct serve *s = self;
	struct figures_part *f = figures_part(s->figures, s->worker);
	struct live_figures live;
	struct http_figures h;

	http_server_figures(s->http, &h);
	figures_set(&f->connections, h.connections);
	figures_set(&f->sockets, h.sockets);
	live_figures(s->live, &live);
	figures_set(&f->live_subscriptions, live.subscriptions);
	figures_set(&f->live_messages, live.messages);
	figures_set(&f->live_slow, live.slow);
	figures_set(&f->bytes_in, h.bytes_in);
	figures_set(&f->bytes_out, h.bytes_out);
	serve_log_flush(s);
}

int
serve_worker_run(struct serve *s, struct err *err)
{
	pthread_t signals;
	int rc, watched = 0;

	if (getrandom(&s->id_seed, sizeof(s->id_seed), 0) != sizeof(s->id_seed))
		s->id_seed = (uint64_t)time_mono_ns() ^ (uint64_t)getpid() << 32;
	s->kept = serve_kept_new();
	http_server_is(s->http, s->worker);
	http_server_each_address(s->http, s->setup->each_address);      /* of one that is started again */
	auth_use_network();
	if ((rc = pthread_create(&signals, NULL, watch_signals, s))) {
		err_set(err, ERR_LIMIT, "cannot start a thread: %s", strerror(rc));
		goto out;
	}
	watched = 1;
	if (!(s->auth = auth_open(s->spec.store, s->setup->config, err)) || !serve_store(s, STR("default"), err) ||
	    !(s->pool = serve_pool_new(s, s->setup->threads, s->setup->queue, err)))
		goto out;
	s->live = serve_live_new(s);
	http_server_every(s->http, FLUSH_MS, on_tick, s);
	if (!(s->keeper = serve_status_keep(s, err)))
		goto out;
	if (s->worker == 0 && (!(s->hooks = hooks_new(s, err)) || !(s->alerts = alerts_new(s, err))))
		goto out;
	if (s->worker == 0)
		serve_notify("READY=1");
	http_server_run(s->http, s->drain_ms, err);
out:
	serve_pool_free(s->pool);
	live_free(s->live);
	alerts_free(s->alerts);
	hooks_free(s->hooks);
	serve_tenants_free(s);
	serve_status_free(s->keeper);
	serve_log_flush(s);
	serve_kept_free(s->kept);
	if (watched) {
		atomic_store(&s->is_over, 1);
		pthread_kill(signals, SIGUSR1);
		pthread_join(signals, NULL);
	}
	return err->code;
}

/* ---- the beginning */

static int
is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0 || strncmp(address, "localhost:", 10) == 0;
}

static int
is_unsafe(const struct serve *s, const char *address, struct err *err)
{
	if (is_loopback(address) || s->is_tls || s->spec.insecure)
		return 0;
	return err_set(err, ERR_USAGE, "%s is beyond this machine, where keys could be read on their way: give --tls-cert and --tls-key, or --insecure behind a proxy that has them",
	    address);
}

struct made_key { int any; };

static int
see_key(void *self, struct str id, struct str json)
{
	(void)id, (void)json;
	((struct made_key *)self)->any = 1;
	return 1;
}

/* Where there is no key yet nobody could do anything: the first one is made, and shown this once. */
static int
first_words(struct serve *s, struct err *err)
{
	static const char create[] = "{\"name\":\"first\",\"roles\":[\"admin\"]}";
	const struct auth_actor actor = { .name = STR("at-serve"), .from = STR("cli") };
	const char *scheme = s->is_tls ? "https" : "http", *at = http_server_address(s->http);
	struct made_key known = { 0 };
	struct buf made = { 0 }, scratch = { 0 };
	struct str key = STR("$KEY");
	struct auth *auth;
	int rc;

	heed_stops(SIG_UNBLOCK);
	if (!(auth = auth_open(s->spec.store, s->setup->config, err)))
		return err->code;
	rc = auth_list(auth, AUTH_KEYS, STR("*"), see_key, &known, err);
	if (rc >= 0 && !known.any)
		rc = auth_list(auth, AUTH_KEYS, STR("default"), see_key, &known, err);
	if (rc >= 0 && !known.any && (rc = auth_create(auth, AUTH_KEYS, &actor, STR("*"), json_value(STR(create)), &made, err)) >= 0)
		key = json_text(json_get(json_value(buf_get(&made)), STR("key")), &scratch);
	auth_close(auth);
	heed_stops(SIG_BLOCK);
	if (rc >= 0 && !s->spec.quiet) {
		cmd_say("listening on %s://%s", scheme, at);
		cmd_say("send the first event:  curl %s://%s/api/v1/events -H 'X-API-Key: %.*s' -d '{\"event\":\"hello\",\"properties\":{\"from\":\"curl\"}}'",
		    scheme, at, STR_FMT(key));
		if (made.n)
			cmd_say("this key may do all and is shown this once; make others with at-admin key create");
	}
	if (made.p)
		memset(made.p, 0, made.cap);
	buf_release(&made);
	buf_release(&scratch);
	return rc < 0 ? rc : 0;
}

/* Those that are still asked when a drain is over: each is answered 503. */
static void
end_statements(void *self)
{
	(void)self;
	atomic_store(&serve_halting, 1);
}

int
serve_run(const struct serve_spec *spec, struct err *err)
{
	struct serve s = { .spec = *spec, .began_ms = time_wall(), .setup_lock = PTHREAD_MUTEX_INITIALIZER, .tenants_lock = PTHREAD_MUTEX_INITIALIZER,
		.log_lock = PTHREAD_MUTEX_INITIALIZER };
	struct http_spec http = { .listen = spec->listen, .tls_cert = spec->tls_cert, .tls_key = spec->tls_key, .begin = serve_exchange_begin,
		.ready = serve_exchange_ready, .refuse = serve_exchange_refuse, .done = serve_exchange_done, .late = end_statements, .self = &s };

	s.is_tls = spec->tls_cert != NULL;
	if (!spec->tls_cert != !spec->tls_key)
		return err_set(err, ERR_USAGE, "--tls-cert and --tls-key belong together");
	if (!getenv("LISTEN_FDS") && !strchr(spec->listen, ':'))
		return err_set(err, ERR_USAGE, "--listen: '%.100s' is no ADDR:PORT, 127.0.0.1:8321 is one", spec->listen);
	if (!getenv("LISTEN_FDS") && is_unsafe(&s, spec->listen, err))
		return err->code;
	if (spec->workers < 1 || spec->workers > SERVE_WORKERS_MOST)
		return err_set(err, ERR_USAGE, "--workers: 1 to %d", SERVE_WORKERS_MOST);
	block_signals();
	if (!(s.setup = serve_setup_new(config_open(spec->config, err), spec, err)) || !(s.figures = figures_new((int)spec->workers, err)) || !(s.rates = rates_new(err)))
		goto out;
	s.drain_ms = s.setup->drain_ms;
	http.connections = s.setup->connections;
	http.each_address = s.setup->each_address;
	http.processes = (int)spec->workers;
	http.body_bytes = s.setup->body_bytes;
	if (!(s.http = http_server_new(&http, err)))
		goto out;
	s.is_loopback = is_loopback(http_server_address(s.http));       /* also of a socket that the service manager opened */
	if (is_unsafe(&s, http_server_address(s.http), err) || serve_become(spec->user, err) || first_words(&s, err))
		goto out;
	if (spec->workers == 1)
		serve_worker_run(&s, err);
	else
		serve_crew_run(&s, err);
out:
	http_server_free(s.http);
	auth_close(s.auth);             /* last: what was cut off is told to the audit */
	serve_exchange_spares_free(&s);
	serve_setup_free(s.setup);
	figures_free(s.figures);
	rates_free(s.rates);
	buf_release(&s.log);
	return err->code;
}
