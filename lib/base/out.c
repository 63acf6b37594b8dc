#include "base/out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

struct out *
out_stdout(void)
{
	static struct out standard = { .fd = 1, .name = "standard output" };

	return &standard;
}

struct out *
out_open(const char *path, int append, struct err *err)
{
	struct out *o;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (append ? O_APPEND : O_TRUNC), 0644);

	if (fd < 0) {
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
		return NULL;
	}
	o = mem_new(sizeof(*o));
	o->fd = fd;
	o->own = 1;
	o->name = mem_text(path);
	return o;
}

/* One write, seen through: interrupted ones are repeated, a non-blocking descriptor is waited for. */
static ssize_t
write_some(int fd, const char *p, size_t n)
{
	for (;;) {
		ssize_t put = write(fd, p, n);

		if (put >= 0)
			return put;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		else if (errno != EINTR)
			return -1;
	}
}

void
out_flush(struct out *o)
{
	size_t at = 0;

	while (at < o->buf.n && !o->failed) {
		ssize_t put = write_some(o->fd, o->buf.p + at, o->buf.n - at);

		if (put < 0)
			o->failed = errno;
		else
			at += (size_t)put;
	}
	buf_clear(&o->buf);
}

int
out_close(struct out *o, struct err *err)
{
	int rc = 0;

	if (!o)
		return 0;
	out_flush(o);
	if ((o->own || o->fd == 1) && close(o->fd) && !o->failed && errno != EINTR)
		o->failed = errno;
	if (o->failed)
		rc = err_set(err, ERR_IO, "cannot write %s: %s", o->name, strerror(o->failed));
	buf_release(&o->buf);
	if (o->own) {
		free((char *)o->name);
		free(o);
	}
	return rc;
}
