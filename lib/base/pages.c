#include "base/pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

#define REGION (2 * MEM_LARGE)
#define LEAST  ((size_t)64 << 10)       /* bytes that a piece is begun with */
#define PIPE   (1 << 20)                /* the most that anybody may ask for (pipe(7)) */

int
pages_pay(int fd)
{
	char text[64] = "";
	struct stat st;
	int all;

	if (fstat(fd, &st) || !S_ISFIFO(st.st_mode))
		return 0;
	if (fcntl(fd, F_GETPIPE_SZ) < PIPE)
		fcntl(fd, F_SETPIPE_SZ, PIPE);          /* no harm when refused */
	if ((all = io_open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC, 0)) < 0)
		return 0;
	if (io_read(all, text, sizeof(text) - 1) < 0)
		*text = 0;
	close(all);
	return strstr(text, "[always]") || strstr(text, "[madvise]");
}

static void
unmap(struct pages *p)
{
	munmap(p->region, p->size);
	p->region = NULL;
	p->buf = (struct buf){ 0 };
}

void
pages_begin(struct pages *p)
{
	size_t like = p->buf.n + p->buf.n / 8;

	if (p->region) {
		p->buf.p += p->buf.n;
		p->buf.cap -= p->buf.n;
		if (p->buf.cap < (like < LEAST ? LEAST : like))         /* the next may not find room here */
			unmap(p);
	}
	buf_clear(&p->buf);
}

void
pages_room(struct pages *p, size_t more)
{
	struct pages old = *p;
	size_t size;

	if (p->buf.cap - p->buf.n >= more)
		return;
	if (!p->wanted) {
		buf_room(&p->buf, more);
		return;
	}
	size = (2 * old.buf.n + more + REGION - 1) / REGION * REGION;
	p->region = mem_region(size);
	p->size = size;
	p->buf = (struct buf){ p->region, old.buf.n, size };
	if (old.region) {
		memcpy(p->buf.p, old.buf.p, old.buf.n);
		unmap(&old);
	}
}

void
pages_release(struct pages *p)
{
	if (p->region)
		unmap(p);
	else
		buf_release(&p->buf);
}
