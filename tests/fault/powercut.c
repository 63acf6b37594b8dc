/* Preloaded: notes in the file $POWERCUT_LOG each write to the data.mdb of the tenant default and each sync of it, in order, for powercut.py.
 *
 * Record: 1 byte what (W write, D write through a descriptor that syncs each, S sync, T truncate), 8 bytes offset or size,
 * 4 bytes length, the bytes. The same of a data.mdb.new in small letters; R: it became data.mdb; Y: the folder was synced. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static signed char kind[1024];          /* of a descriptor: 0 not ours, 1 ours, 2 ours and synced at each write, 3 the new file, 4 the folder */

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static void
note(char what, int64_t at, const struct iovec *v, int n)
{
	static int log = -1;
	ssize_t (*real_write)(int, const void *, size_t) = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	char head[13] = { what };
	uint32_t len = 0;

	if (log < 0)
		log = open(getenv("POWERCUT_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	for (int i = 0; i < n; i++)
		len += (uint32_t)v[i].iov_len;
	memcpy(head + 1, &at, 8);
	memcpy(head + 9, &len, 4);
	if (real_write(log, head, 13) != 13)
		abort();
	for (int i = 0; i < n; i++)
		if (real_write(log, v[i].iov_base, v[i].iov_len) != (ssize_t)v[i].iov_len)
			abort();
}

static int
opened(int fd, const char *path, int flags)
{
	size_t n = strlen(path);

	if (fd >= 0 && fd < 1024)
		kind[fd] = n > 17 && strcmp(path + n - 17, "/default/data.mdb") == 0 ? flags & O_DSYNC ? 2 : 1 :
		    n > 13 && strcmp(path + n - 13, "/data.mdb.new") == 0 ? 3 : n > 8 && strcmp(path + n - 8, "/default") == 0 ? 4 : 0;
	return fd;
}

int
open(const char *path, int flags, ...)
{
	REAL(open);
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return opened(real(path, flags, mode), path, flags);
}

int
open64(const char *path, int flags, ...)
{
	REAL(open64);
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return opened(real(path, flags, mode), path, flags);
}

static int
ours(int fd)
{
	return fd >= 0 && fd < 1024 ? kind[fd] : 0;
}

static char
of(int fd, char what)
{
	return ours(fd) == 4 ? 'Y' : ours(fd) == 3 ? (char)(what - 'A' + 'a') : what;
}

int
rename(const char *from, const char *to)
{
	REAL(rename);
	int rc = real(from, to);
	size_t n = strlen(from);

	if (rc == 0 && n > 13 && strcmp(from + n - 13, "/data.mdb.new") == 0)
		note('R', 0, NULL, 0);
	return rc;
}

static void
wrote(int fd, int64_t at, const void *p, ssize_t n)
{
	struct iovec v = { (void *)p, (size_t)n };

	if (n > 0 && ours(fd))
		note(of(fd, ours(fd) == 2 ? 'D' : 'W'), at, &v, 1);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	REAL(pwrite64);
	ssize_t got = real(fd, p, n, at);

	wrote(fd, at, p, got);
	return got;
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return pwrite64(fd, p, n, at);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	REAL(write);
	int64_t at = ours(fd) ? lseek(fd, 0, SEEK_CUR) : 0;
	ssize_t got = real(fd, p, n);

	wrote(fd, at, p, got);
	return got;
}

static void
wrote_all(int fd, int64_t at, const struct iovec *v, int n, ssize_t got)
{
	size_t whole = 0;

	for (int i = 0; i < n; i++)
		whole += v[i].iov_len;
	if (ours(fd) && got > 0) {
		if ((size_t)got != whole)
			abort();
		for (int i = 0; i < n; at += (int64_t)v[i++].iov_len)    /* each page may be lost alone */
			wrote(fd, at, v[i].iov_base, (ssize_t)v[i].iov_len);
	}
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	REAL(writev);
	int64_t at = ours(fd) ? lseek(fd, 0, SEEK_CUR) : 0;
	ssize_t got = real(fd, v, n);

	wrote_all(fd, at, v, n, got);
	return got;
}

ssize_t
pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	REAL(pwritev);
	ssize_t got = real(fd, v, n, at);

	wrote_all(fd, at, v, n, got);
	return got;
}

ssize_t
pwritev64(int fd, const struct iovec *v, int n, off64_t at)
{
	return pwritev(fd, v, n, at);
}

int
fdatasync(int fd)
{
	REAL(fdatasync);
	int rc = real(fd);

	if (rc == 0 && ours(fd))
		note(of(fd, 'S'), 0, NULL, 0);
	return rc;
}

int
fsync(int fd)
{
	REAL(fsync);
	int rc = real(fd);

	if (rc == 0 && ours(fd))
		note(of(fd, 'S'), 0, NULL, 0);
	return rc;
}

int
ftruncate64(int fd, off64_t n)
{
	REAL(ftruncate64);
	int rc = real(fd, n);

	if (rc == 0 && ours(fd))
		note(of(fd, 'T'), n, NULL, 0);
	return rc;
}

int
ftruncate(int fd, off_t n)
{
	return ftruncate64(fd, n);
}
