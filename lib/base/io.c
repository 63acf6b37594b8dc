#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cmd.h"

/* May the call that failed be made again? Waits where it would block. */
static int
again(int fd, short events)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		poll(&(struct pollfd){ .fd = fd, .events = events }, 1, -1);
	else if (errno != EINTR)
		return 0;
	return 1;
}

int
io_open(const char *path, int flags, int mode)
{
	int fd;

	while ((fd = open(path, flags, mode)) < 0 && errno == EINTR && !cmd_stopping())
		;
	return fd;
}

/* From where the descriptor stands, or from an offset: -1 is none. */
static ssize_t
read_all(int fd, char *to, size_t n, int64_t offset)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = offset < 0 ? read(fd, to + got, n - got) : pread(fd, to + got, n - got, offset + (int64_t)got);

		if (r == 0)
			break;
		if (r > 0)
			got += (size_t)r;
		else if (!again(fd, POLLIN))
			return -1;
	}
	return (ssize_t)got;
}

ssize_t
io_read(int fd, void *to, size_t n)
{
	return read_all(fd, to, n, -1);
}

ssize_t
io_read_at(int fd, void *to, size_t n, int64_t offset)
{
	if (offset < 0) {
		errno = EINVAL;
		return -1;
	}
	return read_all(fd, to, n, offset);
}

int
io_give(int fd, const void *from, size_t n)
{
	struct iovec rest = { (void *)(uintptr_t)from, n };

	while (rest.iov_len) {
		ssize_t r = vmsplice(fd, &rest, 1, 0);

		if (r >= 0) {
			rest.iov_base = (char *)rest.iov_base + r;
			rest.iov_len -= (size_t)r;
		} else if (errno == EPIPE)
			return -1;
		else if (!again(fd, POLLOUT))           /* it takes none after all */
			return io_write(fd, rest.iov_base, rest.iov_len);
	}
	return 0;
}

int
io_write(int fd, const void *from, size_t n)
{
	size_t put = 0;

	while (put < n) {
		ssize_t r = write(fd, (const char *)from + put, n - put);

		if (r >= 0)
			put += (size_t)r;
		else if (!again(fd, POLLOUT))
			return -1;
	}
	return 0;
}
