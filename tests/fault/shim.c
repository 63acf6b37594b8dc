/* Preloaded: the calls of a program fail as the environment says.
 *
 *      SHIM_IO=SEED        reads and writes now move one byte only, now are interrupted, now are told to come again; polls, opens
 *                          and waits are interrupted. About half of all calls, never the same descriptor four times on end, so
 *                          that whoever goes on gets through. Not those of a data.mdb: LMDB takes a short write of it for a full
 *                          disk, and a local file has no others.
 *      SHIM_MALLOC=N       the N-th allocation fails, SHIM_MALLOC=N+ each from there on; SHIM_COUNT=FILE notes how many there were
 *      SHIM_CLOCK=FILE     the wall clock goes as FILE says, which may change at any time: "+MS" or "-MS" beside the true one, "=MS"
 *                          it stands still; the steady clock stays as it is
 *
 *      SHIM_GATE=FILE      each fsync and fdatasync makes FILE and waits until somebody removes it
 *
 * What libc does inside itself (stdio, getaddrinfo) does not come by here.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);

static unsigned io;                     /* state of the generator; 0: calls go through */
static long fail_at, allocations;
static int fail_after;
static const char *count_to;
static unsigned char on_end[1024];      /* troubles in a row of a descriptor */

static __attribute__((constructor)) void
begin(void)
{
	const char *text;

	if ((text = getenv("SHIM_IO")))
		io = (unsigned)atoi(text) * 2654435761u | 1;
	count_to = getenv("SHIM_COUNT");
	if ((text = getenv("SHIM_MALLOC"))) {
		fail_at = atol(text);
		fail_after = strchr(text, '+') != NULL;
	}
	allocations = 0;
}

static __attribute__((destructor)) void
end(void)
{
	char text[32];
	long all = allocations;
	int fd, n;

	if (!count_to)
		return;
	n = snprintf(text, sizeof(text), "%ld\n", all);
	count_to = NULL;
	io = 0;
	fd = open("/dev/null", O_RDONLY);
	close(fd);
	if ((fd = open(getenv("SHIM_COUNT"), O_WRONLY | O_CREAT | O_TRUNC, 0600)) >= 0) {
		if (write(fd, text, (size_t)n) != n)
			abort();
		close(fd);
	}
}

static unsigned
draw(void)
{
	io ^= io << 13;                 /* xorshift; threads that meet here only make it less regular */
	io ^= io >> 17;
	io ^= io << 5;
	return io >> 3;
}

enum trouble { NONE, SHORT, INTERRUPTED, AGAIN };

static enum trouble
trouble(int fd, size_t n)
{
	char link[32], path[4096];
	ssize_t len;

	if (!io || n == 0)
		return NONE;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if ((len = readlink(link, path, sizeof(path) - 1)) > 0 && (path[len] = 0, strstr(path, "/data.mdb")))
		return NONE;
	if (fd < 0 || fd >= 1024 || on_end[fd] == 3 || draw() % 2) {
		if (fd >= 0 && fd < 1024)
			on_end[fd] = 0;
		return NONE;
	}
	on_end[fd]++;
	return SHORT + draw() % 3;
}

static int
failed(enum trouble t)
{
	if (t == INTERRUPTED)
		errno = EINTR;
	else if (t == AGAIN)
		errno = EAGAIN;
	else
		return 0;
	return 1;
}

static int
interrupted(void)
{
	static int last;

	if (!io || last || draw() % 4)
		return last = 0;
	errno = EINTR;
	return last = 1;
}

#define MOVES(name, how, buffer, arguments, ...)                \
ssize_t                                                         \
name(int fd, buffer, size_t n, ##__VA_ARGS__)                   \
{                                                               \
	enum trouble t = trouble(fd, n);                        \
	REAL(how);                                              \
                                                                \
	if (failed(t))                                          \
		return -1;                                      \
	n = t == SHORT ? 1 : n;                                 \
	return real arguments;                                  \
}
ssize_t __read_chk(int, void *, size_t, size_t);
ssize_t __pread_chk(int, void *, size_t, off_t, size_t);
ssize_t __pread64_chk(int, void *, size_t, off64_t, size_t);
MOVES(read, read, void *p, (fd, p, n))
MOVES(write, write, const void *p, (fd, p, n))
MOVES(pread, pread, void *p, (fd, p, n, at), off_t at)
MOVES(pread64, pread64, void *p, (fd, p, n, at), off64_t at)
MOVES(pwrite, pwrite, const void *p, (fd, p, n, at), off_t at)
MOVES(send, send, const void *p, (fd, p, n, flags), int flags)
MOVES(recv, recv, void *p, (fd, p, n, flags), int flags)
MOVES(pwrite64, pwrite64, const void *p, (fd, p, n, at), off64_t at)
MOVES(__read_chk, read, void *p, (fd, p, n), size_t whole)
MOVES(__pread_chk, pread, void *p, (fd, p, n, at), off_t at, size_t whole)
MOVES(__pread64_chk, pread64, void *p, (fd, p, n, at), off64_t at, size_t whole)

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	enum trouble t = trouble(fd, (size_t)n);
	struct iovec first = { v->iov_base, v->iov_len ? 1 : 0 };
	REAL(writev);

	if (failed(t))
		return -1;
	return t == SHORT ? real(fd, &first, 1) : real(fd, v, n);
}

int
poll(struct pollfd *p, nfds_t n, int ms)
{
	REAL(poll);
	return interrupted() ? -1 : real(p, n, ms);
}

int
ppoll(struct pollfd *p, nfds_t n, const struct timespec *span, const sigset_t *mask)
{
	REAL(ppoll);
	return interrupted() ? -1 : real(p, n, span, mask);
}

pid_t
waitpid(pid_t pid, int *status, int flags)
{
	REAL(waitpid);
	return interrupted() ? -1 : real(pid, status, flags);
}

#define OPENS(name)                                             \
int                                                             \
name(const char *path, int flags, ...)                          \
{                                                               \
	va_list ap;                                             \
	int mode;                                               \
	REAL(name);                                             \
                                                                \
	va_start(ap, flags);                                    \
	mode = va_arg(ap, int);                                 \
	va_end(ap);                                             \
	if (!strstr(path, ".mdb") && interrupted())             \
		return -1;                                      \
	return real(path, flags, mode);                         \
}
OPENS(open)
OPENS(open64)

static int
refused(void)
{
	long at = __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);

	if (!fail_at || (fail_after ? at < fail_at : at != fail_at))
		return 0;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t n)
{
	return refused() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return refused() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return refused() ? NULL : __libc_realloc(p, n);
}

static void
wait_at_gate(void)
{
	const char *file = getenv("SHIM_GATE");
	int fd;

	if (!file || (fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return;
	close(fd);
	while (access(file, F_OK) == 0)
		usleep(2000);
}

#define SYNCS(name)                                             \
int                                                             \
name(int fd)                                                    \
{                                                               \
	REAL(name);                                             \
                                                                \
	wait_at_gate();                                         \
	return real(fd);                                        \
}
SYNCS(fsync)
SYNCS(fdatasync)

int
clock_gettime(clockid_t which, struct timespec *t)
{
	static const char *file;
	static int looked;
	char text[64] = "";
	int rc, fd;
	REAL(clock_gettime);

	rc = real(which, t);
	if (!looked) {
		looked = 1;
		file = getenv("SHIM_CLOCK");
	}
	if (which != CLOCK_REALTIME || !file || (fd = open(file, O_RDONLY | O_CLOEXEC)) < 0)
		return rc;
	if (read(fd, text, sizeof(text) - 1) > 1) {
		long long ms = atoll(text + (*text == '='));

		ms += *text == '=' ? 0 : t->tv_sec * 1000LL + t->tv_nsec / 1000000;
		t->tv_sec = ms / 1000;
		t->tv_nsec = ms % 1000 * 1000000;
	}
	close(fd);
	return rc;
}
