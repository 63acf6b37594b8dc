/* coprocess.c - a queue between two pipes that never block. */
#include "detect/coprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/time.h"
#include "json/json.h"

#define WITHIN_MS   10000
#define QUEUE_ROWS  4096                /* in flight: more wait for answers before the next row is read */
#define QUEUE_BYTES (16u << 20)
#define ANSWER_MOST (64u << 20)         /* bytes of an answer */
#define AGAIN_MS    100
#define AGAIN_MOST  30000
#define WORDS_MOST  64
#define SILENCE_MS  10                  /* how long a silent input is left unasked while answers are due */
#define ENDING_MS   1000                /* from the end of its output to its own */
#define SAID_MOST   5                   /* messages of one kind */

struct flying { char *row; size_t n; };

struct coprocess {
	struct out *out;
	int64_t within_ms;
	char *text, *word[WORDS_MOST + 1];

	pid_t pid;              /* 0: away */
	int to, from;
	int64_t start_ms;       /* when it may be started again */
	int64_t back_off;
	int answered;           /* since it was started */

	struct flying *queue;   /* a ring of QUEUE_ROWS */
	size_t first, n, bytes;
	int64_t since_ms;       /* when the first became the first: its time runs */
	struct buf send;        /* not yet written, from sent on */
	size_t sent;
	struct buf answer;      /* not yet a line */
	size_t scanned;
	int said;
	struct coprocess_figures figures;
};

/* ---- words: cut in place */

static int
cut_words(struct coprocess *c, struct err *err)
{
	char *in = c->text, *to = in;
	int n = 0;

	for (;;) {
		char quote = 0;

		while (*in == ' ' || *in == '\t' || *in == '\n')
			in++;
		if (!*in)
			break;
		if (n == WORDS_MOST)
			return err_set(err, ERR_USAGE, "--exec: more than %d words", WORDS_MOST);
		c->word[n++] = to;
		for (; *in && (quote || (*in != ' ' && *in != '\t' && *in != '\n')); in++) {
			if (quote ? *in == quote : *in == '\'' || *in == '"')
				quote = quote ? 0 : *in;
			else if (*in == '\\' && quote != '\'' && in[1])
				*to++ = *++in;
			else
				*to++ = *in;
		}
		if (quote)
			return err_set(err, ERR_USAGE, "--exec: a quote is not closed");
		in += *in != 0;
		*to++ = 0;              /* never beyond `in`: a word is followed by a blank or the end */
	}
	c->word[n] = NULL;
	return n ? 0 : err_set(err, ERR_USAGE, "--exec wants a program, like 'python3 score.py'");
}

/* ---- the program */

static void
child(const struct coprocess *c, int in, int out, int failed)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);          /* the terminal's ^C is for us, who let it finish; and what it starts is ended with it */
	if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0)
		execvp(c->word[0], c->word);
	(void)!write(failed, &errno, sizeof(errno));
	_exit(127);
}

static void
close_both(int fd[2])
{
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

static void
later(struct coprocess *c)
{
	c->back_off = c->answered || !c->back_off ? AGAIN_MS : 2 * c->back_off < AGAIN_MOST ? 2 * c->back_off : AGAIN_MOST;
	c->start_ms = time_mono_ms() + c->back_off;
}

/* 0, or why it could not be started: the third pipe closes when the program begins, or says that. */
static int
start(struct coprocess *c)
{
	int to[2] = { -1, -1 }, from[2] = { -1, -1 }, told[2] = { -1, -1 }, why = 0;

	c->pid = 0;
	if (pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0 && pipe2(told, O_CLOEXEC) == 0 && (c->pid = fork()) == 0)
		child(c, to[0], from[1], told[1]);
	if (c->pid <= 0) {
		why = errno;
		c->pid = 0;
	} else {
		setpgid(c->pid, c->pid);        /* whoever of the two is first */
		close(told[1]);
		told[1] = -1;
		if (io_read(told[0], &why, sizeof(why)) == sizeof(why)) {
			waitpid(c->pid, NULL, 0);
			c->pid = 0;
		}
	}
	close_both(told);
	if (c->pid) {
		close(to[0]), close(from[1]);
		c->to = to[1], c->from = from[0];
		fcntl(c->to, F_SETFL, O_NONBLOCK);
		fcntl(c->from, F_SETFL, O_NONBLOCK);
		c->answered = 0;
		c->figures.starts++;
		return 0;
	}
	close_both(to), close_both(from);
	later(c);
	return why ? why : EIO;
}

static void
pass(struct coprocess *c, struct str row)
{
	buf_str(&c->out->buf, row);
	buf_byte(&c->out->buf, '\n');
	out_row(c->out);
}

static void
shift(struct coprocess *c)
{
	struct flying *f = &c->queue[c->first];

	c->bytes -= f->n;
	free(f->row);
	c->first = (c->first + 1) % QUEUE_ROWS;
	c->n--;
}

/* Its status, when it ends within so long; else it is ended: -1. */
static int
reap(struct coprocess *c, int64_t patience_ms)
{
	int64_t until = time_mono_ms() + patience_ms;
	int status = 0;
	pid_t done;

	while ((done = waitpid(c->pid, &status, WNOHANG)) == 0 && time_mono_ms() < until)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	kill(-c->pid, SIGKILL);
	while (done == 0 && waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	return done > 0 ? status : -1;
}

static void
say_gone(struct coprocess *c, const char *why, int status)
{
	char how[32] = "", owed[64] = "";

	if (status >= 0 && WIFSIGNALED(status))
		snprintf(how, sizeof(how), " by a signal");
	else if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status))
		snprintf(how, sizeof(how), ", exit %d", WEXITSTATUS(status));
	if (c->n)
		snprintf(owed, sizeof(owed), c->n == 1 ? "%zu row passes as it came, and " : "%zu rows pass as they came, and ", c->n);
	cmd_say("--exec %s: %s%s; %sit is started again", c->word[0], why, how, owed);
}

/* It ended, or is ended: what it owed goes out as it came. why: NULL to say nothing. */
static void
gone(struct coprocess *c, const char *why, int64_t patience_ms)
{
	if (c->pid) {
		int status;

		if (c->to >= 0)
			close(c->to);
		close(c->from);
		status = reap(c, patience_ms);
		if (why && c->said++ < SAID_MOST)
			say_gone(c, why, status);
		later(c);
	}
	while (c->n) {
		pass(c, (struct str){ c->queue[c->first].row, c->queue[c->first].n });
		c->figures.passed++;
		shift(c);
	}
	buf_clear(&c->send);
	buf_clear(&c->answer);
	c->sent = c->scanned = 0;
}

struct coprocess *
coprocess_new(const struct coprocess_spec *spec, struct out *out, struct err *err)
{
	struct coprocess *c = mem_new(sizeof(*c));

	c->out = out;
	c->within_ms = spec->within_ms > 0 ? spec->within_ms : WITHIN_MS;
	c->text = mem_new(strlen(spec->command) + 2);
	memcpy(c->text, spec->command, strlen(spec->command));
	c->queue = mem_new(QUEUE_ROWS * sizeof(*c->queue));
	c->to = c->from = -1;
	if (cut_words(c, err) == 0) {
		int why = start(c);

		if (!why)
			return c;
		err_set(err, ERR_USAGE, "--exec %s: %s", c->word[0], strerror(why));
	}
	coprocess_free(c);
	return NULL;
}

void
coprocess_free(struct coprocess *c)
{
	if (!c)
		return;
	while (c->n)
		shift(c);
	gone(c, NULL, 0);
	free(c->queue);
	free(c->text);
	buf_release(&c->send);
	buf_release(&c->answer);
	free(c);
}

/* ---- the pipes */

/* write(2), without the signal when nobody reads: that is for stdout, where it ends a filter. */
static ssize_t
write_quietly(int fd, const void *p, size_t n)
{
	struct timespec none = {0};
	sigset_t pipes, before, pending;
	ssize_t done;
	int failed;

	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipes, &before);
	done = write(fd, p, n);
	failed = errno;
	if (done < 0 && failed == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipes, NULL, &none);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = failed;
	return done;
}

static int
write_more(struct coprocess *c)
{
	while (c->to >= 0 && c->sent < c->send.n) {
		ssize_t n = write_quietly(c->to, c->send.p + c->sent, c->send.n - c->sent);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		c->sent += (size_t)n;
	}
	if (c->sent == c->send.n) {
		buf_clear(&c->send);
		c->sent = 0;
	} else if (c->sent > QUEUE_BYTES) {
		memmove(c->send.p, c->send.p + c->sent, c->send.n - c->sent);
		c->send.n -= c->sent;
		c->sent = 0;
	}
	return 0;
}

/* An answer, for the oldest row. */
static void
take_answer(struct coprocess *c, struct str line)
{
	struct err why = {0};

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (json_check(line, &why) == 0 && json_is(json_checked(line), JSON_OBJECT)) {
		pass(c, line);
	} else {
		if (c->said++ < SAID_MOST)
			cmd_say("--exec %s: '%.*s' is no row; the row passes as it came", c->word[0], (int)(line.n < 60 ? line.n : 60), line.p);
		pass(c, (struct str){ c->queue[c->first].row, c->queue[c->first].n });
		c->figures.passed++;
	}
	c->answered = 1;
	shift(c);
	c->since_ms = time_mono_ms();
}

static const char ended[] = "it ended";

/* Read what is there. NULL, or why it is to be ended. */
static const char *
read_more(struct coprocess *c)
{
	for (;;) {
		ssize_t n = read(c->from, buf_room(&c->answer, 65536), 65536);
		char *nl;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return NULL;
		if (n <= 0)
			return c->to < 0 && !c->n ? "" : ended;
		c->answer.n += (size_t)n;
		size_t done = 0;
		while ((nl = memchr(c->answer.p + c->scanned, '\n', c->answer.n - c->scanned))) {
			size_t end = (size_t)(nl - c->answer.p);

			if (!c->n)
				return "it answered what nobody asked";
			take_answer(c, (struct str){ c->answer.p + done, end - done });
			done = c->scanned = end + 1;
		}
		memmove(c->answer.p, c->answer.p + done, c->answer.n - done);
		c->answer.n -= done;
		c->scanned = c->answer.n;
		if (c->answer.n > ANSWER_MOST)
			return "its answer has no end";
	}
}

/* Move what can be moved, waiting at most so long for that. */
static void
pump(struct coprocess *c, int64_t wait_ms)
{
	struct pollfd fd[2] = {{ .fd = c->from, .events = POLLIN }, { .fd = c->to, .events = POLLOUT }};
	const char *why = NULL;

	if (!c->pid)
		return;
	if (write_more(c))
		why = "it reads no more";
	if (!why && wait_ms > 0)
		poll(fd, c->sent < c->send.n ? 2 : 1, (int)wait_ms);
	if (!why && !(why = read_more(c)) && write_more(c))
		why = "it reads no more";
	if (!why && c->n && time_mono_ms() - c->since_ms > c->within_ms)
		why = "no answer in time (it must write each answer at once, not when its buffer is full)";
	if (why)
		gone(c, *why ? why : NULL, c->to < 0 || why == ended ? ENDING_MS : 0);
}

int
coprocess_row(struct coprocess *c, struct str row, struct err *err)
{
	if (json_check(row, err))
		return err->code;
	row = str_trim(row);
	c->figures.rows++;
	if (!c->n)
		pump(c, 0);             /* did it end meanwhile? */
	if (!c->pid && time_mono_ms() >= c->start_ms) {
		int why = start(c);

		if (why && c->said++ < SAID_MOST)
			cmd_say("--exec %s: %s", c->word[0], strerror(why));
	}
	while (c->pid && (c->n == QUEUE_ROWS || c->bytes > QUEUE_BYTES))
		pump(c, c->since_ms + c->within_ms + 1 - time_mono_ms());
	if (!c->pid) {
		c->figures.passed++;
		pass(c, row);
		return 0;
	}
	c->queue[(c->first + c->n++) % QUEUE_ROWS] = (struct flying){ mem_dup(row.p, row.n), row.n };
	if (c->n == 1)
		c->since_ms = time_mono_ms();
	c->bytes += row.n;
	buf_str(&c->send, row);
	buf_byte(&c->send, '\n');
	if (c->send.n - c->sent >= 65536)
		pump(c, 0);
	return 0;
}

int
coprocess_silence(struct coprocess *c)
{
	pump(c, c->n ? SILENCE_MS : 0);
	return c->n ? 0 : -1;
}

void
coprocess_finish(struct coprocess *c)
{
	int64_t until;

	while (c->pid && c->n) {
		if (c->to >= 0 && write_more(c) == 0 && c->sent == c->send.n) {         /* all is written: it may want to see the end, to answer */
			close(c->to);
			c->to = -1;
		}
		pump(c, c->since_ms + c->within_ms + 1 - time_mono_ms());
	}
	if (c->pid && c->to >= 0) {
		close(c->to);
		c->to = -1;
	}
	for (until = time_mono_ms() + c->within_ms; c->pid && !c->n && time_mono_ms() < until; )
		pump(c, until - time_mono_ms());
	gone(c, NULL, ENDING_MS);
}

void
coprocess_figures(const struct coprocess *c, struct coprocess_figures *f)
{
	*f = c->figures;
}
