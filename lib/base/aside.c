#include "base/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define LEAST   4096            /* bytes there are room for at first, */
#define IN_FILE (64u << 10)     /* in a file, */
#define STEP    (8u << 20)      /* and how many come at once, at most, where twice as many would be more: little is lost before the bound */

const char *
aside_directory(void)
{
	const char *named = getenv("TMPDIR");

	return named && *named ? named : "/tmp";
}

int
aside_file(void)
{
	int fd = open(aside_directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct buf name = { 0 };

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL)) { /* a file system without such files */
		buf_printf(&name, "%s/at-XXXXXX", aside_directory());
		buf_text(&name);
		if ((fd = mkostemp(name.p, O_CLOEXEC)) >= 0)
			unlink(name.p);
		buf_release(&name);
	}
	return fd;
}

static int
fail(struct err *err, int why)
{
	return err_set(err, ERR_IO, "cannot put aside what does not fit in memory, in a temporary file in %s: %s; set TMPDIR, or allow more memory", aside_directory(), strerror(why));
}

static void
give_memory_back(struct aside *a)
{
	free(a->p);
	__atomic_sub_fetch(&a->bound->taken, a->cap, __ATOMIC_RELAXED);
}

/* Room for `cap` bytes in the file, which is made where there is none. */
static int
grow_file(struct aside *a, size_t cap, struct err *err)
{
	int fd = a->in_file ? a->fd : aside_file(), why = fd < 0 ? errno : 0;
	size_t there = a->in_file ? a->cap : 0;
	char *p;

	if (fd < 0)
		return fail(err, why);
	while ((why = posix_fallocate(fd, (off_t)there, (off_t)(cap - there))) == EINTR)
		;
	if (!why) {
		p = a->in_file ? mremap(a->p, a->cap, cap, MREMAP_MAYMOVE) : mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		why = p == MAP_FAILED ? errno : 0;
	}
	if (why) {
		if (!a->in_file)
			close(fd);
		return fail(err, why);
	}
	if (!a->in_file) {
		if (a->n)
			memcpy(p, a->p, a->n);
		give_memory_back(a);
		a->in_file = 1;
		a->fd = fd;
	}
	a->p = p;
	a->cap = cap;
	return 0;
}

int
aside_room(struct aside *a, size_t more, struct err *err)
{
	size_t need = a->n + more, cap = a->cap ? a->cap < STEP ? 2 * a->cap : a->cap + STEP : LEAST, by;

	cap = cap < need ? need : cap;
	if (!a->in_file) {
		by = cap - a->cap;
		if (__atomic_add_fetch(&a->bound->taken, by, __ATOMIC_RELAXED) <= a->bound->most) {
			a->p = mem_grow(a->p, cap, 1);
			a->cap = cap;
			return 0;
		}
		__atomic_sub_fetch(&a->bound->taken, by, __ATOMIC_RELAXED);
	}
	cap = cap < IN_FILE ? IN_FILE : (cap + 4095) / 4096 * 4096;
	return grow_file(a, cap, err);
}

void
aside_release(struct aside *a)
{
	if (a->in_file) {
		munmap(a->p, a->cap);
		close(a->fd);
	} else if (a->cap) {
		give_memory_back(a);
	}
	*a = (struct aside){ .bound = a->bound };
}
