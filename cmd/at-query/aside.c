/* aside.c - verbs over the rows of -i: a store of their own, that no folder names once it is open, and until then a process of its own looks
 * after, so nothing is left of it however this ends. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/aside.h"
#include "base/buf.h"
#include "base/cmd.h"
#include "base/mem.h"
#include "ingest/ingest.h"
#include "at-query.h"

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	remove(path);
	return 0;
}

/* Waits for a byte at `end`, or for this process to be killed, and takes the folder away. In a process group of its own, from before there is anything
 * in the folder, and without any open file: neither a signal to our group nor a reader that waits for the end of our output has to do with it. Its
 * pid, or -1. */
static pid_t
start_caretaker(const char *dir, int *end)
{
	char byte;
	int fd[2];
	pid_t pid;

	*end = -1;
	if (pipe2(fd, O_CLOEXEC) < 0)
		return -1;
	if ((pid = fork()) == 0) {
		setpgid(0, 0);
		signal(SIGTERM, SIG_IGN), signal(SIGINT, SIG_IGN), signal(SIGHUP, SIG_IGN);
		dup2(fd[0], 0);
		close_range(1, ~0U, 0);
		while (read(0, &byte, 1) < 0 && errno == EINTR)
			;
		nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
		_exit(0);
	}
	if (pid > 0)
		setpgid(pid, pid);      /* it may not have run yet */
	close(fd[0]);
	*end = fd[1];
	return pid;
}

static void
end_caretaker(pid_t pid, int end)
{
	if (end >= 0) {
		while (write(end, "", 1) < 0 && errno == EINTR)
			;
		close(end);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* A terminal that is closed ends the reading, as SIGTERM does. */
static void
on_hangup(int sig)
{
	(void)sig;
	kill(getpid(), SIGTERM);
}

/* at-ingest into that folder. Until it is gone again nothing is to end this without a word to it: no hangup, no reader of stderr that went. */
static struct store *
store_rows(const char *dir, const struct query_spec *spec, struct err *err)
{
	char *files[] = { (char *)spec->input, NULL };
	struct ingest_spec ingest = { .format = spec->input_format, .store = dir };
	struct sigaction hangup = { .sa_handler = on_hangup }, pass = { .sa_handler = SIG_IGN }, was_hangup, was_pipe;
	struct store *store = NULL;
	int end;
	pid_t caretaker = start_caretaker(dir, &end);

	if (sigaction(SIGHUP, NULL, &was_hangup) == 0 && was_hangup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &hangup, NULL);
	sigaction(SIGPIPE, &pass, &was_pipe);
	if (ingest_run(&ingest, files, err) == 0)
		store = store_open(dir, spec->tenant, STORE_READ, err);
	end_caretaker(caretaker, end);
	nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);      /* where there was none */
	sigaction(SIGPIPE, &was_pipe, NULL);
	sigaction(SIGHUP, &was_hangup, NULL);
	return store;
}

struct store *
aside_open(struct query_spec *spec, struct err *err)
{
	struct buf path = {0};
	char *dir;

	if (strcmp(spec->input, "-") && access(spec->input, R_OK)) {
		err_set(err, ERR_IO, "%s: %s", spec->input, strerror(errno));
		return NULL;
	}
	buf_printf(&path, "%s/at-query.XXXXXX", aside_directory());
	dir = mem_text(buf_text(&path));
	buf_release(&path);
	if (!mkdtemp(dir))
		err_set(err, ERR_IO, "%s: %s, put a folder for the rows of -i into TMPDIR", dir, strerror(errno));
	else
		spec->opened = store_rows(dir, spec, err);
	free(dir);
	if (cmd_stopping())             /* it ended the reading: what was read is answered */
		spec->stopping = NULL;
	spec->store = NULL;
	spec->input = NULL;
	return spec->opened;
}
