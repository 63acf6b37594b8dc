#include "base/out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
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
	int fd = io_open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (append ? O_APPEND : O_TRUNC), 0644);

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

void
out_flush(struct out *o)
{
	if (!o->failed && io_write(o->fd, o->buf.p, o->buf.n))
		o->failed = errno;
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
