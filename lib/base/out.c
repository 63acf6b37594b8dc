#include "base/out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/pages.h"

struct out *
out_stdout(void)
{
	static struct out standard = { .fd = 1, .name = "standard output" };

	return &standard;
}

/* A link that somebody else has put where we are to write may lead to a file of ours; our own and root's (/dev/stdout) are
 * followed. */
static int
open_ours(const char *path, int flags)
{
	struct stat st;
	int is_link = lstat(path, &st) == 0 && S_ISLNK(st.st_mode);

	if (is_link && st.st_uid != 0 && st.st_uid != geteuid()) {
		errno = ELOOP;
		return -1;
	}
	return io_open(path, flags | (is_link ? 0 : O_NOFOLLOW), 0600);
}

struct out *
out_open(const char *path, int append, struct err *err)
{
	struct out *o;
	int is_stdout = strcmp(path, "-") == 0;
	int fd = is_stdout ? fcntl(1, F_DUPFD_CLOEXEC, 3) : open_ours(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (append ? O_APPEND : O_TRUNC));

	if (fd < 0) {
		err_set(err, ERR_IO, "%s: %s", path, errno == ELOOP ? "a symbolic link of another user, which is not followed" : strerror(errno));
		return NULL;
	}
	o = mem_new(sizeof(*o));
	o->fd = fd;
	o->own = 1;
	o->name = mem_text(is_stdout ? "standard output" : path);
	return o;
}

/* May a new file take the place of what is there under that name? Not of a device or a pipe, nor of what is somebody else's, nor of
 * what must not be written to. */
static int
is_replaceable(const char *path)
{
	struct stat st, target;

	if (lstat(path, &st))
		return errno == ENOENT;
	if (st.st_uid != geteuid() || (!S_ISLNK(st.st_mode) && access(path, W_OK)))
		return 0;
	return !S_ISLNK(st.st_mode) || stat(path, &target) ? S_ISREG(st.st_mode) : S_ISREG(target.st_mode) && target.st_uid == geteuid();
}

/* A file beside it, with its rights; beside what a link leads to. -1 and errno. */
static int
open_part(const char *path, char **part)
{
	char *whole = realpath(path, NULL);
	const char *target = whole ? whole : path;
	struct stat st;
	int fd, why;

	*part = mem_new(strlen(target) + 8);
	sprintf(*part, "%s.XXXXXX", target);
	fd = mkostemp(*part, O_CLOEXEC);
	if (fd >= 0 && whole && (stat(whole, &st) || fchmod(fd, st.st_mode & 0777))) {
		why = errno;
		close(fd);
		unlink(*part);
		errno = why;
		fd = -1;
	}
	free(whole);
	return fd;
}

struct out *
out_replace(const char *path, struct err *err)
{
	struct out *o;
	char *part = NULL;
	int fd = strcmp(path, "-") && is_replaceable(path) ? open_part(path, &part) : -1;

	if (fd < 0 && part && (errno == ENOSPC || errno == EDQUOT)) {
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
		free(part);
		return NULL;
	}
	if (fd < 0) {                   /* where no file can be made beside it, it is written to in its place */
		free(part);
		return out_open(path, 0, err);
	}
	o = mem_new(sizeof(*o));
	*o = (struct out){ .fd = fd, .own = 1, .name = mem_text(path), .part = part };
	return o;
}

/* What was written takes the place of what is there; or is taken away. */
static void
settle_part(struct out *o)
{
	char *whole = realpath(o->name, NULL);

	if (!o->failed && rename(o->part, whole ? whole : o->name))
		o->failed = errno;
	if (o->failed)
		unlink(o->part);
	free(whole);
	free(o->part);
}

int
out_apart(const char *option, const char *path, char *const *files, struct err *err)
{
	struct stat to, from;
	const int is_stdout = !path || strcmp(path, "-") == 0;

	if ((is_stdout ? fstat(1, &to) : stat(path, &to)) || !S_ISREG(to.st_mode))
		return 0;
	for (int i = 0; i == 0 || files[i]; i++) {
		const int is_stdin = !files[i] || strcmp(files[i], "-") == 0;

		if ((is_stdin ? fstat(0, &from) : stat(files[i], &from)) == 0 && from.st_dev == to.st_dev && from.st_ino == to.st_ino)
			return err_set(err, ERR_USAGE, "%s: '%s' is what is read, write to another file", is_stdout ? "standard output" : option,
			    is_stdin ? "standard input" : files[i]);
		if (!files[i])
			break;
	}
	return 0;
}

static void
write_all(struct out *o, struct str bytes)
{
	if (o->give && !o->failed && o->give(o->self, bytes))
		o->failed = EPIPE;
	else if (!o->give && !o->failed && io_write(o->fd, bytes.p, bytes.n))
		o->failed = errno;
}

void
out_flush(struct out *o)
{
	write_all(o, buf_get(&o->buf));
	buf_clear(&o->buf);
}

void
out_write(struct out *o, struct str bytes)
{
	out_flush(o);
	write_all(o, bytes);
}

int
out_pays(struct out *o)
{
	if (!o->pays)
		o->pays = !o->give && pages_pay(o->fd) ? 1 : -1;
	return o->pays > 0;
}

void
out_give(struct out *o, struct str bytes)
{
	if (!out_pays(o)) {
		out_write(o, bytes);
		return;
	}
	out_flush(o);
	if (!o->failed && io_give(o->fd, bytes.p, bytes.n))
		o->failed = errno;
}

int
out_failed(const struct out *o, struct err *err)
{
	return o->failed ? err_set(err, ERR_IO, "cannot write %s: %s", o->name, strerror(o->failed)) : 0;
}

int
out_close(struct out *o, struct err *err)
{
	int rc;

	if (!o)
		return 0;
	out_flush(o);
	if (o->part && !o->failed && fsync(o->fd) && errno != EINVAL)
		o->failed = errno;
	if ((o->own || o->fd == 1) && close(o->fd) && !o->failed && errno != EINTR)
		o->failed = errno;
	if (o->part)
		settle_part(o);
	rc = out_failed(o, err);
	buf_release(&o->buf);
	if (o->own) {
		free((char *)o->name);
		free(o);
	}
	return rc;
}
