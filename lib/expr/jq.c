/* libjq behind its wall. libjq 1.6 aborts on some programs, loops without end on others and shows the environment, so it
 * never runs in our process: a child holds one compiled program and answers row after row on a socket.
 *
 *      to the child     u32 bytes, u32 1 when only the truth of the first result is asked, the row
 *      from the child   i32 results or truth (-1: an error, -2: over a limit), u32 bytes, the results or the words
 *
 * The child has an empty environment, no file open but the socket, nothing on stdout and stderr, a bound on its memory, and
 * (Linux on x86-64 and arm64) no system call beyond memory and the socket. The parent ends it when a row takes too much
 * processor time. When it dies the row is an error and the next row gets a new child.
 *
 * Bound by four system calls and two switches of process for each row: 15 to 25 us, of which libjq itself has 5. */
#include "expr/expr_priv.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <jq.h>
#include <jv.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/io.h"
#include "base/later.h"
#include "base/time.h"

/* ---- libjq, of which these are used; most commands never do, so it is not loaded when they start */

#define NAMES(f) f(jq_compile) f(jq_get_error_message) f(jq_get_exit_code) f(jq_halted) f(jq_init) f(jq_next) f(jq_set_attr) \
	f(jq_set_debug_cb) f(jq_set_error_cb) f(jq_set_input_cb) f(jq_set_nomem_handler) f(jq_start) f(jv_array) f(jv_array_append) \
	f(jv_array_get) f(jv_array_length) f(jv_copy) f(jv_false) f(jv_free) f(jv_get_kind) f(jv_invalid) f(jv_invalid_get_msg) \
	f(jv_invalid_with_msg) f(jv_null) f(jv_number) f(jv_number_value) f(jv_object) f(jv_object_iter) f(jv_object_iter_key) \
	f(jv_object_iter_next) f(jv_object_iter_valid) f(jv_object_iter_value) f(jv_object_set) f(jv_string) \
	f(jv_string_length_bytes) f(jv_string_sized) f(jv_string_value) f(jv_true)
static struct { NAMES(LATER_POINTER) } lib;
static const struct later_symbol symbols[] = { NAMES(LATER_SYMBOL) { 0 } };
#define jq_compile             (*lib.jq_compile)
#define jq_get_error_message   (*lib.jq_get_error_message)
#define jq_get_exit_code       (*lib.jq_get_exit_code)
#define jq_halted              (*lib.jq_halted)
#define jq_init                (*lib.jq_init)
#define jq_next                (*lib.jq_next)
#define jq_set_attr            (*lib.jq_set_attr)
#define jq_set_debug_cb        (*lib.jq_set_debug_cb)
#define jq_set_error_cb        (*lib.jq_set_error_cb)
#define jq_set_input_cb        (*lib.jq_set_input_cb)
#define jq_set_nomem_handler   (*lib.jq_set_nomem_handler)
#define jq_start               (*lib.jq_start)
#define jv_array               (*lib.jv_array)
#define jv_array_append        (*lib.jv_array_append)
#define jv_array_get           (*lib.jv_array_get)
#define jv_array_length        (*lib.jv_array_length)
#define jv_copy                (*lib.jv_copy)
#define jv_false               (*lib.jv_false)
#define jv_free                (*lib.jv_free)
#define jv_get_kind            (*lib.jv_get_kind)
#define jv_invalid             (*lib.jv_invalid)
#define jv_invalid_get_msg     (*lib.jv_invalid_get_msg)
#define jv_invalid_with_msg    (*lib.jv_invalid_with_msg)
#define jv_null                (*lib.jv_null)
#define jv_number              (*lib.jv_number)
#define jv_number_value        (*lib.jv_number_value)
#define jv_object              (*lib.jv_object)
#define jv_object_iter         (*lib.jv_object_iter)
#define jv_object_iter_key     (*lib.jv_object_iter_key)
#define jv_object_iter_next    (*lib.jv_object_iter_next)
#define jv_object_iter_valid   (*lib.jv_object_iter_valid)
#define jv_object_iter_value   (*lib.jv_object_iter_value)
#define jv_object_set          (*lib.jv_object_set)
#define jv_string              (*lib.jv_string)
#define jv_string_length_bytes (*lib.jv_string_length_bytes)
#define jv_string_sized        (*lib.jv_string_sized)
#define jv_string_value        (*lib.jv_string_value)
#define jv_true                (*lib.jv_true)
#define jv_is_valid(x)         (jv_get_kind(x) != JV_KIND_INVALID)      /* in jv.h a function, which would call the linker's */

/* libjq does not tell its version; the name of its file does. */
static const char *
jq_file(void)
{
	static char path[PATH_MAX];
	struct err err = {0};
	Dl_info info;
	char *slash;

	if (later_open(LIBJQ, symbols, &err) < 0)
		return "missing";
	if (!dladdr((void *)(uintptr_t)jq_init, &info) || !info.dli_fname || !realpath(info.dli_fname, path))
		return "unknown";
	slash = strrchr(path, '/');
	return slash && strstr(slash, ".so") ? slash + 1 : "linked in";
}
CMD_LIBRARY("jq", jq_file())

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

#define ROW_MS     2000                 /* processor time of one row */
#define MEMORY     ((size_t)512 << 20)  /* beyond what the process had when it was forked */
#define GIVE_UP    5                    /* rows in a row over a limit, after which none is tried any more */
#define NO_MEMORY  77                   /* exit status */
#define RESULT_MOST (256u << 20)        /* bytes of all results of a row */
#define DUMP_DEEP  10000

struct expr_child {
	char *program;
	pid_t pid;              /* 0: none runs */
	int fd;
	int row_ms;
	size_t memory;
	int fresh;              /* it has seen no row yet */
	int failures;           /* over a limit or broken, one after the other */
};

/* ---- the child's side */

static void
out_of_memory(void *unused)
{
	(void)unused;
	_exit(NO_MEMORY);
}

static int
send_all(int fd, const void *from, size_t n)
{
	const char *p = from;

	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (k <= 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static jv
build(struct json j, struct buf *scratch)
{
	struct json_iter it;
	struct expr_value v;
	struct str s;
	jv made;

	switch (j.type) {
	case JSON_FALSE:
		return jv_false();
	case JSON_TRUE:
		return jv_true();
	case JSON_NUMBER:
		v = expr_raw(j);
		return jv_number(expr_number(&v));
	case JSON_STRING:
		s = json_text(j, scratch);
		return jv_string_sized(s.n ? s.p : "", (int)s.n);
	case JSON_ARRAY:
		made = jv_array();
		for (it = json_iter(j); json_next(&it); )
			made = jv_array_append(made, build(it.value, scratch));
		return made;
	case JSON_OBJECT:
		made = jv_object();
		for (it = json_iter(j); json_next(&it); ) {
			jv key;

			s = json_text(it.key, scratch);
			key = jv_string_sized(s.n ? s.p : "", (int)s.n);
			made = jv_object_set(made, key, build(it.value, scratch));
		}
		return made;
	default:
		return jv_null();
	}
}

/* Writes and frees. 0, or -1 when it is nested deeper or longer than anything we pass on. */
static int
dump(jv v, struct buf *b, int depth)
{
	int rc = 0, first = 1;

	if (depth > DUMP_DEEP || b->n > RESULT_MOST) {
		jv_free(v);
		return -1;
	}
	switch (jv_get_kind(v)) {
	case JV_KIND_FALSE:  buf_lit(b, "false"); break;
	case JV_KIND_TRUE:   buf_lit(b, "true"); break;
	case JV_KIND_NUMBER: expr_put_number(b, jv_number_value(v)); break;
	case JV_KIND_STRING:
		json_put_string(b, (struct str){ jv_string_value(v), (size_t)jv_string_length_bytes(jv_copy(v)) });
		break;
	case JV_KIND_ARRAY:
		buf_byte(b, '[');
		for (int i = 0, n = jv_array_length(jv_copy(v)); i < n && rc == 0; i++) {
			if (i)
				buf_byte(b, ',');
			rc = dump(jv_array_get(jv_copy(v), i), b, depth + 1);
		}
		buf_byte(b, ']');
		break;
	case JV_KIND_OBJECT:
		buf_byte(b, '{');
		for (int i = jv_object_iter(v); jv_object_iter_valid(v, i) && rc == 0; i = jv_object_iter_next(v, i)) {
			if (!first)
				buf_byte(b, ',');
			first = 0;
			rc = dump(jv_object_iter_key(v, i), b, depth + 1);
			buf_byte(b, ':');
			if (rc == 0)
				rc = dump(jv_object_iter_value(v, i), b, depth + 1);
		}
		buf_byte(b, '}');
		break;
	default:
		buf_lit(b, "null");
	}
	jv_free(v);
	return rc;
}

/* The words of an error value. 0 when it carries none: then the program just ended. */
static int
words(jv invalid, struct buf *b)
{
	jv msg = jv_invalid_get_msg(invalid);

	if (jv_get_kind(msg) == JV_KIND_NULL || jv_get_kind(msg) == JV_KIND_INVALID) {
		jv_free(msg);
		return 0;
	}
	buf_clear(b);
	if (jv_get_kind(msg) == JV_KIND_STRING) {
		buf_lit(b, jv_string_value(msg));
		jv_free(msg);
	} else if (dump(msg, b, 0) == 0) {
		buf_lit(b, " (not a string)");
	}
	return 1;
}

struct reply { int32_t n; uint32_t len; };

static int
answer(int fd, int32_t n, const struct buf *b)
{
	struct reply r = { n, (uint32_t)b->n };

	if (b->n + sizeof(r) <= 65536) {        /* one system call */
		char both[65536];

		memcpy(both, &r, sizeof(r));
		if (b->n)
			memcpy(both + sizeof(r), b->p, b->n);
		return send_all(fd, both, sizeof(r) + b->n);
	}
	return send_all(fd, &r, sizeof(r)) < 0 ? -1 : send_all(fd, b->p, b->n);
}

static int32_t
run_row(jq_state *jq, struct str row, uint32_t test, struct buf *out, struct buf *scratch)
{
	int32_t n = 0;
	jv result;

	buf_clear(out);
	jq_start(jq, build(json_value(row), scratch), 0);
	for (;;) {
		result = jq_next(jq);
		if (!jv_is_valid(result))
			break;
		if (test) {
			jv_kind kind = jv_get_kind(result);

			jv_free(result);
			return kind != JV_KIND_NULL && kind != JV_KIND_FALSE;
		}
		if (dump(result, out, 0) < 0) {
			buf_clear(out);
			buf_lit(out, "a result too long or nested too deep");
			return -2;
		}
		buf_byte(out, '\n');
		n++;
	}
	if (jq_halted(jq)) {
		jv code = jq_get_exit_code(jq), message = jq_get_error_message(jq);

		jv_free(result);
		if (jv_is_valid(code)) {                /* halt_error; plain halt ends the results */
			n = -1;
			if (!words(jv_invalid_with_msg(message), out)) {
				buf_clear(out);
				buf_lit(out, "halt_error");
			}
		} else {
			jv_free(message);
		}
		jv_free(code);
	} else if (words(result, out)) {
		n = -1;
	}
	return n;
}

static void
keep_message(void *to, jv msg)
{
	struct buf *b = to;

	if (jv_get_kind(msg) == JV_KIND_STRING && b->n == 0)
		buf_lit(b, jv_string_value(msg));
	jv_free(msg);
}

#if !defined SANITIZED && (defined __x86_64__ || defined __aarch64__)
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#ifdef __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif
#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Memory, the socket, time and the end; all else fails with EPERM. That the kernel has no seccomp is no failure: the other
 * bounds stand. */
static void
confine(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_read), ALLOW(SYS_sendto), ALLOW(SYS_write), ALLOW(SYS_brk), ALLOW(SYS_mmap), ALLOW(SYS_munmap),
		ALLOW(SYS_mremap), ALLOW(SYS_madvise), ALLOW(SYS_clock_gettime),
		ALLOW(SYS_gettimeofday), ALLOW(SYS_futex), ALLOW(SYS_rt_sigreturn), ALLOW(SYS_rt_sigprocmask),
		ALLOW(SYS_rt_sigaction), ALLOW(SYS_getpid), ALLOW(SYS_gettid), ALLOW(SYS_tgkill), ALLOW(SYS_exit),
		ALLOW(SYS_exit_group), ALLOW(SYS_getrandom),      /* hash seeds */
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog prog = { sizeof(rules) / sizeof(*rules), rules };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}
#else
static void
confine(void)
{
}
#endif

/* Address space in use, of which the limit counts from: the parent may have mapped a large store. */
static size_t
mapped(void)
{
	char text[64];
	int fd = io_open("/proc/self/statm", O_RDONLY | O_CLOEXEC, 0);
	ssize_t n = fd < 0 ? 0 : io_read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = 0;
	return strtoull(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static void
shut_in(int fd, size_t memory)
{
	static char *empty[] = { NULL };
	struct rlimit limit;
	size_t have = mapped();
	sigset_t none;
	int null;

	prctl(PR_SET_PDEATHSIG, SIGKILL);       /* also when only the thread that made us ends: the next row starts another */
	for (int s = 1; s < NSIG; s++)
		signal(s, s == SIGINT || s == SIGTERM || s == SIGHUP || s == SIGTTOU ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* the socket to 3, nothing above, /dev/null below */
	if (fd != 3)
		dup2(fd, 3);
	null = io_open("/dev/null", O_RDWR, 0);
	for (int i = 0; i < 3; i++)
		null < 0 ? close(i) : dup2(null, i);
	if (syscall(SYS_close_range, 4u, ~0u, 0u) < 0)
		for (long i = sysconf(_SC_OPEN_MAX) < 65536 ? sysconf(_SC_OPEN_MAX) : 65536; i-- > 4; )
			close((int)i);
	environ = empty;
	limit = (struct rlimit){ 0, 0 };
	setrlimit(RLIMIT_CORE, &limit);
	limit = (struct rlimit){ 4, 4 };
	setrlimit(RLIMIT_NOFILE, &limit);
#ifndef SANITIZED
	if (have) {
		limit = (struct rlimit){ have + memory, have + memory };
		setrlimit(RLIMIT_AS, &limit);
	}
#endif
	(void)have, (void)memory;
	confine();
}

static jv
no_input(jq_state *jq, void *unused)
{
	(void)jq, (void)unused;
	return jv_invalid();
}

static void
no_debug(void *unused, jv message)
{
	(void)unused;
	jv_free(message);
}

static void __attribute__((noreturn))
child(const char *program, size_t memory, int fd)
{
	struct buf in = {0}, out = {0}, scratch = {0}, text = {0};
	jq_state *jq;

	if (time_is_set())                      /* --now holds for programs too */
		buf_printf(&text, "def now: %lld / 1000; ", (long long)time_now());
	buf_lit(&text, program);
	shut_in(fd, memory);
	jq = jq_init();
	if (!jq)
		_exit(NO_MEMORY);
	jq_set_nomem_handler(jq, out_of_memory, NULL);
	jq_set_error_cb(jq, keep_message, &out);
	jq_set_input_cb(jq, no_input, NULL);    /* jq_init leaves both of these unset */
	jq_set_debug_cb(jq, no_debug, NULL);
	jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());      /* without it `import` aborts */
	jq_set_attr(jq, jv_string("JQ_ORIGIN"), jv_string("/"));
	jq_set_attr(jq, jv_string("PROGRAM_ORIGIN"), jv_string("/"));
	if (!jq_compile(jq, buf_text(&text))) {
		answer(3, -1, &out);
		_exit(0);
	}
	buf_clear(&out);
	if (answer(3, 0, &out) < 0)
		_exit(0);
	for (;;) {
		uint32_t head[2];
		ssize_t k;

		/* the parent sends a row at a time and waits: one read has it whole, but for long ones */
		if (in.n >= sizeof(head)) {
			memcpy(head, in.p, sizeof(head));
			if (in.n - sizeof(head) == head[0]) {
				int32_t n = run_row(jq, (struct str){ in.p + sizeof(head), head[0] }, head[1], &out, &scratch);

				if (answer(3, n, &out) < 0)
					_exit(0);
				buf_clear(&in);
			} else {
				buf_room(&in, head[0] + sizeof(head) - in.n);
			}
		}
		buf_room(&in, 1 << 16);
		k = read(3, in.p + in.n, in.cap - in.n);
		if (k == 0 || (k < 0 && errno != EINTR && errno != EAGAIN))
			_exit(0);               /* the parent is gone or done */
		in.n += k > 0 ? (size_t)k : 0;
	}
}

/* ---- the parent's side */

static void
end(struct expr_child *c, int *status)
{
	pid_t pid = c->pid;

	if (!pid)
		return;
	c->pid = 0;
	if (!status)
		kill(pid, SIGKILL);
	close(c->fd);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
}

/* The child did not answer. Why, in words; it is gone afterwards. */
static int
gone(struct expr_child *c, int slow, struct err *err)
{
	int status = 0;

	c->failures++;
	if (slow) {
		end(c, NULL);
		return err_set(err, ERR_LIMIT, "the expression takes more than %.3g s on this row, make it stop earlier", c->row_ms / 1e3);
	}
	end(c, &status);
	if ((WIFEXITED(status) && WEXITSTATUS(status) == NO_MEMORY) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		return err_set(err, ERR_LIMIT, "the expression needs more than %zu MiB of memory on this row, make it smaller",
		    c->memory >> 20);
	return err_set(err, ERR_INPUT, "libjq broke on this row (signal %d), say it with other functions",
	    WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static double
ms_of(clockid_t clock)
{
	struct timespec t;

	return clock_gettime(clock, &t) < 0 ? 0 : (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Wait until the child has something to say. Processor time counts, so that a busy machine breaks no row, but no longer
 * than five times the limit on the clock. The limit is looked at in steps of a quarter. 0, or -1: it is too slow. */
static int
wait_for(struct expr_child *c, double *began, double *used)
{
	struct pollfd p = { c->fd, POLLIN, 0 };
	clockid_t clock;
	int rc;

	for (;;) {
		rc = poll(&p, 1, c->row_ms / 4 + 1);
		if (rc > 0)
			return 0;
		if (clock_getcpuclockid(c->pid, &clock) != 0)
			return 0;
		if (!*began) {          /* the first quarter may have been all its own */
			*began = ms_of(CLOCK_MONOTONIC);
			*used = ms_of(clock) - c->row_ms / 4.0;
		}
		if (ms_of(clock) - *used >= c->row_ms || ms_of(CLOCK_MONOTONIC) - *began > c->row_ms * 5.0)
			return -1;
	}
}

/* n bytes from the child and, where they have come already, more up to `most`; *got is how many. -1: it is gone, -2: too slow. */
static int
receive(struct expr_child *c, char *to, size_t n, size_t most, size_t *got)
{
	double began = 0, used = 0;
	size_t have = 0;

	while (have < n) {
		ssize_t k = recv(c->fd, to + have, most - have, 0);

		if (k > 0)
			have += (size_t)k;
		else if (k == 0 || (errno != EAGAIN && errno != EINTR))
			return -1;
		else if (wait_for(c, &began, &used) < 0)
			return -2;
	}
	*got = have;
	return 0;
}

/* A whole reply, its bytes appended to out. */
static int
receive_reply(struct expr_child *c, struct reply *r, struct buf *out)
{
	char both[8192];
	size_t got, more;
	int rc = receive(c, both, sizeof(*r), sizeof(both), &got);

	if (rc < 0)
		return rc;
	memcpy(r, both, sizeof(*r));
	more = got - sizeof(*r);
	if (more > r->len || r->len > RESULT_MOST * 2)
		return -1;
	buf_room(out, r->len + 1);
	memcpy(out->p + out->n, both + sizeof(*r), more);
	if (more < r->len && (rc = receive(c, out->p + out->n + more, r->len - more, r->len - more, &got)) < 0)
		return rc;
	out->n += r->len;
	return 0;
}

static int
transmit(struct expr_child *c, const struct str *parts, int n)
{
	for (int i = 0; i < n; i++)
		if (send_all(c->fd, parts[i].p, parts[i].n) < 0)
			return -1;
	return 0;
}

/* The compiler's message in our form: a column where we know one. */
static int
compile_error(struct expr_child *c, struct buf *b, struct err *err)
{
	const char *text = buf_text(b), *at;
	char name[100] = "";
	long col = 0;
	int arity = -1;

	if (strncmp(text, "jq: error: ", 11) == 0)
		text += 11;
	if ((at = strstr(text, " at <")))
		b->p[at - b->p] = 0;
	if ((at = strchr(text, '\n')))
		b->p[at - b->p] = 0;
	if (text[0] == '$' && sscanf(text, "$%99s is not defined", name) == 1)
		col = expr_where(str_of(c->program), name, -1);
	else if (sscanf(text, "%99[^/]/%d is not defined", name, &arity) == 2)
		col = expr_where(str_of(c->program), name, arity);
	if (col)
		return err_col(err, col, ERR_USAGE, "column %ld: %s, at-expr(7) names the functions", col, text);
	return err_set(err, ERR_USAGE, "%s, see at-expr(7)", *text ? text : "the expression does not compile");
}

static int
start(struct expr_child *c, struct err *err)
{
	struct timeval tick = { 0, 20000 };     /* after which wait_for takes over */
	struct buf b = {0};
	struct reply r;
	int pair[2], rc;
	pid_t pid;

	if ((rc = later_open(LIBJQ, symbols, err)) < 0 || (rc = regex_bounded(err)) < 0)      /* before the fork: the child can open no file */
		return rc;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, ERR_IO, "no socket for libjq: %s", strerror(errno));
	pid = fork();
	if (pid < 0) {
		rc = err_set(err, ERR_IO, "no process for libjq: %s", strerror(errno));
		close(pair[0]);
		close(pair[1]);
		return rc;
	}
	if (pid == 0)
		child(c->program, c->memory, pair[1]);
	close(pair[1]);
	c->pid = pid;
	c->fd = pair[0];
	c->fresh = 1;
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick));
	if ((rc = receive_reply(c, &r, &b)) < 0) {
		gone(c, rc == -2, err);
		rc = err_set(err, ERR_USAGE, "libjq broke while it compiled the expression, say it with other functions");
	} else if (r.n < 0) {
		rc = compile_error(c, &b, err);
		end(c, NULL);
	}
	buf_release(&b);
	return rc;
}

struct expr_child *
expr_child_new(struct str program, struct err *err)
{
	struct expr_child *c = mem_new(sizeof(*c));

	c->program = mem_dup(program.p, program.n);
	c->row_ms = ROW_MS;
	c->memory = MEMORY;
	if (start(c, err) == 0)
		return c;
	expr_child_free(c);
	return NULL;
}

void
expr_child_free(struct expr_child *c)
{
	if (!c)
		return;
	end(c, NULL);
	free(c->program);
	free(c);
}

void
expr_child_limits(struct expr_child *c, int row_ms, size_t memory)
{
	c->row_ms = row_ms;
	c->memory = memory;
	end(c, NULL);           /* the next row starts one with the new limits */
}

int
expr_child_run(struct expr_child *c, struct str row, int test, struct buf *out, struct err *err)
{
	uint32_t head[2] = { (uint32_t)row.n, (uint32_t)test };
	struct reply r;
	char small[4096];
	size_t was = out->n;
	int rc, fresh;

	if (json_check(row, err) < 0)
		return ERR_INPUT;
	if (row.n > UINT32_MAX / 2)
		return err_set(err, ERR_LIMIT, "a row of %zu bytes is too long for libjq", row.n);
	if (c->failures >= GIVE_UP)
		return err_set(err, ERR_LIMIT, "the expression failed libjq on %d rows one after the other and is not run any more", GIVE_UP);
	fresh = !c->pid || c->fresh;
	if (!c->pid && (rc = start(c, err)) < 0)
		return rc;
	c->fresh = 0;
	if (sizeof(head) + row.n <= sizeof(small)) {
		memcpy(small, head, sizeof(head));
		memcpy(small + sizeof(head), row.p, row.n);
		rc = transmit(c, &(struct str){ small, sizeof(head) + row.n }, 1);
	} else {
		rc = transmit(c, (struct str[]){ { (char *)head, sizeof(head) }, row }, 2);
	}
	if (rc == 0)
		rc = receive_reply(c, &r, out);
	if (rc == -1 && !fresh) {       /* it may have died between two rows: once more with a new one */
		end(c, NULL);
		out->n = was;
		return expr_child_run(c, row, test, out, err);
	}
	if (rc < 0) {
		out->n = was;
		return gone(c, rc == -2, err);
	}
	c->failures = 0;
	if (r.n >= 0)
		return r.n;
	out->n = was;
	rc = r.n == -2 ? ERR_LIMIT : ERR_INPUT;
	err_set(err, rc, "%.*s", (int)(r.len < 300 ? r.len : 300), out->p + was);
	return rc;
}
