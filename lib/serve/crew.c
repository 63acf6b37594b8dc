/* crew.c - several workers over one store, and the parent that started them.
 *
 * The parent serves nobody. It starts a worker again that died, passes signals on, and alone reads the configuration: one that is right is
 * put where the workers find it before they are told, so that none has another than the rest, whatever a signal that came together with
 * the next, or a file that changed in between, might have made of it. Who is started later has it from the parent's memory, the
 * certificate too.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cmd.h"
#include "serve/serve_priv.h"

#define AGAIN_MS 1000                   /* a worker that died is started again, no sooner after its last start */
#define KILL_MS  2000                   /* behind the time in which each worker ends itself */
#define TEXT_MOST (48u << 20)           /* of a packed configuration: three files of what config.h takes */

/* The parent writes the text that is not the current one, then says that it is. Who reads while that happened twice reads again. */
struct board {
	atomic_ulong turn;              /* text[turn & 1] is the current one */
	struct { size_t n; char p[TEXT_MOST]; } text[2];
};

struct serve_crew {
	struct board *board;            /* shared with the workers; pages that nothing was written to take no memory */
	pid_t pid[SERVE_WORKERS_MOST];
	int64_t started[SERVE_WORKERS_MOST];
	int n;
};

/* ---- the configuration, from the parent to the workers */

static int
publish(struct serve_crew *crew, const struct config *config, struct err *err)
{
	unsigned long next = atomic_load(&crew->board->turn) + 1;
	struct buf text = { 0 };

	config_pack(config, &text);
	if (text.n > TEXT_MOST) {
		err_set(err, ERR_LIMIT, "the configuration is larger than %u MiB", TEXT_MOST >> 20);
	} else {
		atomic_thread_fence(memory_order_release);      /* the turn before is seen before what is written over its predecessor */
		memcpy(crew->board->text[next & 1].p, text.p, text.n);
		crew->board->text[next & 1].n = text.n;
		atomic_store_explicit(&crew->board->turn, next, memory_order_release);
	}
	buf_release(&text);
	return err->code;
}

struct config *
serve_crew_config(const struct serve_crew *crew, struct err *err)
{
	struct board *board = crew->board;
	struct buf text = { 0 };
	struct config *config;
	unsigned long turn;

	do {
		size_t n;

		turn = atomic_load_explicit(&board->turn, memory_order_acquire);
		n = board->text[turn & 1].n;
		buf_clear(&text);
		buf_add(&text, board->text[turn & 1].p, n < TEXT_MOST ? n : TEXT_MOST);
		atomic_thread_fence(memory_order_acquire);
	} while (atomic_load_explicit(&board->turn, memory_order_relaxed) != turn);
	config = config_unpack(buf_get(&text), err);
	buf_release(&text);
	return config;
}

/* ---- workers */

static int
start_worker(struct serve *s, struct serve_crew *crew, int i)
{
	struct err err = { 0 };
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		/* a parent that was killed leaves nobody who holds its address: what was acknowledged is durable, as of any death */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		s->worker = i;
		serve_worker_run(s, &err);
		http_server_free(s->http);
		auth_close(s->auth);
		_exit(cmd_end(&err));
	}
	crew->pid[i] = pid;
	crew->started[i] = time_mono_ms();
	return pid < 0 ? -1 : 0;
}

/* 1: it could not be, which is told the first time: it is tried again each second. */
static int
start_again(struct serve *s, struct serve_crew *crew, int i, int told)
{
	struct err err = { 0 };

	if (start_worker(s, crew, i) == 0)
		return 0;
	err_set(&err, ERR_LIMIT, "cannot start a worker: %s", strerror(errno));
	if (!told)
		serve_say_error(s, "worker", &err);
	return 1;
}

static void
tell_all(const struct serve_crew *crew, int sig)
{
	for (int i = 0; i < crew->n; i++)
		if (crew->pid[i] > 0)
			kill(crew->pid[i], sig);
}

static int
living(const struct serve_crew *crew)
{
	int n = 0;

	for (int i = 0; i < crew->n; i++)
		n += crew->pid[i] > 0;
	return n;
}

static void
reap(struct serve *s, struct serve_crew *crew, int stopping, int *failed)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < crew->n; i++) {
			struct buf more = { 0 };

			if (crew->pid[i] != pid)
				continue;
			crew->pid[i] = 0;
			if (stopping) {
				*failed |= !WIFEXITED(status) || WEXITSTATUS(status);
				continue;
			}
			buf_printf(&more, "\"worker\":%d,\"pid\":%d,\"signal\":%d,\"exit\":%d", i, (int)pid, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
			    WIFEXITED(status) ? WEXITSTATUS(status) : 0);
			serve_log(s, "error", "worker died", buf_get(&more));
			buf_release(&more);
			figures_add(&figures_part(s->figures, i)->restarts, 1);
		}
}

/* A configuration that is wrong leaves all with the one that was. */
static void
reload_all(struct serve *s, struct serve_crew *crew)
{
	struct serve_setup *setup;
	struct err err = { 0 };

	serve_notify_reloading();               /* worker 0 says when it is done */
	if (!(setup = serve_setup_new(config_open(s->spec.config, &err), &s->spec, &err)) || auth_config_check(setup->config, &err) ||
	    publish(crew, setup->config, &err)) {
		serve_say_error(s, "reload", &err);
		serve_setup_free(setup);
		serve_notify("READY=1");
		return;
	}
	serve_setup_free(s->setup);
	s->setup = setup;
	err_clear(&err);
	http_server_reload(s->http, &err);      /* for who is started later; what is wrong with it the workers say */
	tell_all(crew, SIGHUP);
}

static int
watch(struct serve *s, struct serve_crew *crew, struct err *err)
{
	const struct timespec second = { 1, 0 };
	sigset_t set;
	int stops = 0, failed = 0, sig, lacking = 0, killed = 0;
	int64_t end = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM), sigaddset(&set, SIGINT), sigaddset(&set, SIGHUP), sigaddset(&set, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < crew->n; i++)
		if (start_worker(s, crew, i))
			err_set(err, ERR_LIMIT, "cannot start a worker: %s", strerror(errno));
	while (living(crew) || (!stops && !err->code)) {
		int64_t now;

		sig = sigtimedwait(&set, NULL, &second);
		if (sig == SIGHUP && !stops)
			reload_all(s, crew);
		if (sig == SIGTERM || sig == SIGINT || (err->code && !stops)) {
			stops++;
			end = end ? end : time_mono_ms() + serve_end_ms(s) + KILL_MS;
			http_server_deaf(s->http);
			tell_all(crew, SIGTERM);
		}
		reap(s, crew, stops, &failed);
		now = time_mono_ms();
		if (end && now >= end && living(crew)) {        /* one that cannot end itself: it was stopped, or the machine holds it */
			failed = 1;
			if (killed++)
				break;
			tell_all(crew, SIGKILL);
			end = now + KILL_MS;
		}
		for (int i = 0; !stops && i < crew->n; i++)
			if (crew->pid[i] <= 0 && now - crew->started[i] >= AGAIN_MS)
				lacking = start_again(s, crew, i, lacking);
	}
	return failed && !err->code ? err_set(err, ERR_IO, "a worker ended badly") : err->code;
}

int
serve_crew_run(struct serve *s, struct err *err)
{
	struct serve_crew crew = { .n = (int)s->spec.workers };

	crew.board = mmap(NULL, sizeof(*crew.board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (crew.board == MAP_FAILED)
		return err_set(err, ERR_LIMIT, "no memory for the configuration");
	s->crew = &crew;
	if (publish(&crew, s->setup->config, err) == 0)
		watch(s, &crew, err);
	s->crew = NULL;
	munmap(crew.board, sizeof(*crew.board));
	return err->code;
}
