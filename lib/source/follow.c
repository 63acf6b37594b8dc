/* A place is "1 DEV INODE OFFSET LENGTH HASH CHANGED": decimal numbers, but for the hash, which is hexadecimal: of the
 * file's first LENGTH bytes (at most FINGERPRINT). CHANGED is the file's time of change in ms when it was read last; where
 * the file is found no more, it says which of the others are newer. */
#include "source/follow.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/time.h"

#define FINGERPRINT 1024        /* bytes */
#define HEAD        (64u << 10)
#define TICK        2000        /* ms: looked at even though inotify says nothing (network, other mounts) */
#define TICK_ALONE  250         /* ms: without inotify */
#define QUIET       2000        /* ms: a file that did not change for so long has no line in the making */
#define FILES_MOST  100000      /* names beside ours that are looked at */

struct identity {
	uint64_t dev, inode;
	int64_t  length;        /* of the fingerprint */
	uint64_t hash;
	int64_t  changed;
};

/* A piece of the stream. */
struct piece {
	int64_t at;             /* offset in the stream */
	int64_t offset;         /* in the file; -1: bytes of our own, which stand for no place: the next piece does */
	struct identity id;
};

struct file {
	struct follow *follow;
	char  *path, *dir, *base;
	char  *current;         /* name of what is open, for finding what comes after it */
	struct in *in;
	int    fd;              /* -1: none is open */
	struct identity id;     /* of fd */
	int64_t offset, limit;  /* next byte in fd; once: read no further */
	int64_t stream;         /* bytes given */
	int64_t in_at;          /* of them before `in` */
	int    parted, turned;  /* follow_part; and it is at the end of a file, with another open */
	char   last;            /* the last of them */
	struct buf own;         /* bytes to give before more is read */
	struct identity want;   /* the place to go on at; length -1: none */
	int64_t want_offset;
	struct piece *piece;
	int    pieces;
	struct buf head;
};

struct follow {
	int    once, inotify;
	struct file **file;
	int    n;
	struct buf notice, told;
};

struct follow *
follow_new(int once)
{
	struct follow *f = mem_new(sizeof(*f));

	f->once = once;
	f->inotify = once ? -1 : inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return f;
}

static void
shut(struct file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	free(file->current);
	file->current = NULL;
}

static void
file_free(struct file *file)
{
	in_close(file->in);
	shut(file);
	free(file->path);
	free(file->dir);
	free(file->base);
	free(file->piece);
	buf_release(&file->own);
	buf_release(&file->head);
	free(file);
}

void
follow_free(struct follow *f)
{
	if (!f)
		return;
	for (int i = 0; i < f->n; i++)
		file_free(f->file[i]);
	free(f->file);
	if (f->inotify >= 0)
		close(f->inotify);
	buf_release(&f->notice);
	buf_release(&f->told);
	free(f);
}

const char *
follow_notice(struct follow *f)
{
	struct buf swap = f->told;

	if (!f->notice.n)
		return NULL;
	f->told = f->notice;
	f->notice = swap;
	buf_clear(&f->notice);
	return buf_text(&f->told);
}

/* ---- who is who */

static int64_t
changed_ms(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

/* Of the first `length` bytes (-1: as many as there are up to FINGERPRINT). 0, or -1 when there are fewer. */
static int
fingerprint(int fd, int64_t length, struct identity *id)
{
	char bytes[FINGERPRINT];
	ssize_t n = io_read_at(fd, bytes, length < 0 || length > FINGERPRINT ? FINGERPRINT : (size_t)length, 0);

	if (n < 0 || (length >= 0 && n < length))
		return -1;
	id->length = n;
	id->hash = str_hash_stable((struct str){ bytes, (size_t)n });
	return 0;
}

static int
identify(int fd, struct identity *id)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	id->dev = st.st_dev;
	id->inode = st.st_ino;
	id->changed = changed_ms(&st);
	return fingerprint(fd, -1, id);
}

static int
same_start(int fd, const struct identity *id)
{
	struct identity now;

	return fingerprint(fd, id->length, &now) == 0 && now.hash == id->hash;
}

/* ---- the names beside ours, in the order they were written */

struct names {
	char **name;
	int n;
};

/* What rotation appends: .1 .2 … (the greatest is the oldest) or -20261123, .2026-11-23_10 and the like. */
static int
is_ending(const char *s)
{
	if ((*s != '.' && *s != '-' && *s != '_') || !isdigit((unsigned char)s[1]))
		return 0;
	for (s++; *s; s++)
		if (!isdigit((unsigned char)*s) && !strchr("-._T:Z+", *s))
			return 0;
	return 1;
}

static int
is_counter(const char *s)
{
	return *s == '.' && strlen(s) <= 5 && strspn(s + 1, "0123456789") == strlen(s + 1);
}

static int
older(const char *a, const char *b)             /* endings; "" is the newest. < 0: a was written before b */
{
	int counters = is_counter(a) + is_counter(b);

	if (!*a || !*b)
		return !*a - !*b;
	if (counters == 2)
		return atoi(b + 1) - atoi(a + 1);
	if (counters == 1)
		return is_counter(b) ? -1 : 1;
	return strcmp(a, b);
}

static int open_beside(const struct file *file, const char *name, struct stat *st);

/* Some rotate the other way, .1 is the oldest and the greatest the newest (Log4j): when every counter says so by its time of
 * change, their order is turned round. */
static void
turn_counters(const struct file *file, struct names *list)
{
	size_t base = strlen(file->base);
	struct timespec before = {0};
	int first = 0, n = 0;

	for (int i = 0; i < list->n; i++) {
		struct stat st;
		int fd;

		if (!is_counter(list->name[i] + base))
			continue;
		if ((fd = open_beside(file, list->name[i], &st)) < 0)
			return;
		close(fd);
		if (n++ == 0)
			first = i;
		else if (st.st_mtim.tv_sec > before.tv_sec ||
		    (st.st_mtim.tv_sec == before.tv_sec && st.st_mtim.tv_nsec >= before.tv_nsec))
			return;
		before = st.st_mtim;
	}
	for (int i = first, k = first + n - 1; i < k; i++, k--) {
		char *name = list->name[i];

		list->name[i] = list->name[k];
		list->name[k] = name;
	}
}

static struct names
names_of(const struct file *file)
{
	struct names list = {0};
	size_t base = strlen(file->base);
	DIR *dir = opendir(file->dir);
	struct dirent *e;

	while (dir && list.n < FILES_MOST && (e = readdir(dir)))
		if (strncmp(e->d_name, file->base, base) == 0 && (!e->d_name[base] || is_ending(e->d_name + base))) {
			int i = list.n;

			if ((list.n & (list.n - 1)) == 0)
				list.name = mem_grow(list.name, list.n ? 2 * (size_t)list.n : 1, sizeof(*list.name));
			list.n++;
			for (; i > 0 && older(e->d_name + base, list.name[i - 1] + base) < 0; i--)
				list.name[i] = list.name[i - 1];
			list.name[i] = mem_text(e->d_name);
		}
	if (dir)
		closedir(dir);
	turn_counters(file, &list);
	return list;
}

static void
names_release(struct names *list)
{
	for (int i = 0; i < list->n; i++)
		free(list->name[i]);
	free(list->name);
}

static int
open_beside(const struct file *file, const char *name, struct stat *st)
{
	char path[4096];
	int fd;

	if (strcmp(name, file->base) == 0)
		fd = io_open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	else if (snprintf(path, sizeof(path), "%s/%s", file->dir, name) < (int)sizeof(path))
		fd = io_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	else
		return -1;
	if (fd >= 0 && (fstat(fd, st) < 0 || !S_ISREG(st->st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* ---- opening */

/* The last newline in a file that somebody may be writing to; its size when all is quiet. */
static int64_t
whole_lines(int fd)
{
	char block[4096];
	struct stat st;
	int64_t at;

	if (fstat(fd, &st) < 0)
		return 0;
	if (time_wall() - changed_ms(&st) > QUIET)
		return st.st_size;
	for (at = st.st_size; at > 0; ) {
		size_t n = at < (int64_t)sizeof(block) ? (size_t)at : sizeof(block);

		if (io_read_at(fd, block, n, at - (int64_t)n) != (ssize_t)n)
			return st.st_size;
		for (size_t i = n; i > 0; i--)
			if (block[i - 1] == '\n')
				return at - (int64_t)(n - i);
		at -= (int64_t)n;
	}
	return 0;
}

static void
take(struct file *file, int fd, const char *name, int64_t offset)
{
	shut(file);
	file->fd = fd;
	file->current = mem_text(name);
	file->offset = offset;
	identify(fd, &file->id);
	file->limit = file->follow->once && strcmp(name, file->base) == 0 ? whole_lines(fd) : INT64_MAX;
	file->piece = mem_grow(file->piece, (size_t)file->pieces + 1, sizeof(*file->piece));
	file->piece[file->pieces++] = (struct piece){ file->stream + (int64_t)file->own.n, offset, file->id };
}

/* The file of an identity that is at least so long: the same inode, else a copy of it. -1, or an open one and *name. */
static int
find(const struct file *file, const struct names *list, const struct identity *id, int64_t offset, int *which)
{
	for (int copy = 0; copy < 2; copy++)
		for (int i = 0; i < list->n; i++) {
			struct stat st;
			int fd = open_beside(file, list->name[i], &st);

			if (fd < 0)
				continue;
			/* a device may have another number after a reboot */
			if (st.st_size >= offset && same_start(fd, id) &&
			    (copy ? id->length > 0 : st.st_ino == id->inode && (st.st_dev == id->dev || id->length > 0))) {
				*which = i;
				return fd;
			}
			close(fd);
		}
	return -1;
}

/* The next one after list->name[i] that can be opened. */
static int
open_after(struct file *file, const struct names *list, int i)
{
	struct stat st;
	int fd;

	for (i++; i < list->n; i++)
		if ((fd = open_beside(file, list->name[i], &st)) >= 0) {
			take(file, fd, list->name[i], 0);
			return 1;
		}
	return 0;
}

/* Open where the stream begins. 1, or 0 when there is nothing yet. */
static int
begin(struct file *file)
{
	struct names list;
	struct stat st;
	int fd, i, rc = 0;

	if (file->want.length < 0) {
		if ((fd = open_beside(file, file->base, &st)) < 0)
			return 0;
		take(file, fd, file->base, 0);
		return 1;
	}
	list = names_of(file);
	if ((fd = find(file, &list, &file->want, file->want_offset, &i)) >= 0) {
		take(file, fd, list.name[i], file->want_offset);
		rc = 1;
	} else if (list.n) {
		buf_printf(&file->follow->notice, "%s%s: the file that was read to byte %" PRId64 " is gone, its rest (if any) is lost",
		    file->follow->notice.n ? "; " : "", file->path, file->want_offset);
		for (i = 0; i < list.n && !rc; i++)             /* those written since, else the one of now */
			if ((fd = open_beside(file, list.name[i], &st)) >= 0) {
				if (changed_ms(&st) > file->want.changed || strcmp(list.name[i], file->base) == 0) {
					take(file, fd, list.name[i], 0);
					rc = 1;
				} else
					close(fd);
			}
	}
	names_release(&list);
	return rc;
}

static void
end_line(struct file *file)                     /* what follows is another file: its first line is not the rest of this one's last */
{
	if (file->stream && file->last != '\n' && !file->parted) {
		buf_byte(&file->own, '\n');
		file->last = '\n';
		file->piece = mem_grow(file->piece, (size_t)file->pieces + 1, sizeof(*file->piece));
		file->piece[file->pieces++] = (struct piece){ file->stream, -1, file->id };
	}
}

/* At the end of what is open: is there another to go on with? 1 when so. */
static int
move_on(struct file *file)
{
	struct stat st, mine;
	struct names list;
	int fd, i, rc = 0;

	if (fstat(file->fd, &mine) < 0)
		return 0;
	if (mine.st_size < file->offset || !same_start(file->fd, &file->id)) {          /* cut short */
		list = names_of(file);
		if ((fd = find(file, &list, &file->id, file->offset, &i)) >= 0)         /* what its copy has more than we read */
			take(file, fd, list.name[i], file->offset);
		else {
			end_line(file);
			fd = dup(file->fd);
			if (fd >= 0)
				take(file, fd, file->base, 0);
		}
		names_release(&list);
		return fd >= 0;
	}
	if (stat(file->path, &st) == 0 && st.st_ino == mine.st_ino && st.st_dev == mine.st_dev)
		return 0;
	/* Renamed. The new one is taken once it has something: who writes there is done with the old one, which is read to its
	 * end once more before. */
	list = names_of(file);
	for (i = 0; i < list.n; i++) {
		if ((fd = open_beside(file, list.name[i], &st)) < 0)
			continue;
		close(fd);
		if (st.st_ino == mine.st_ino && st.st_dev == mine.st_dev)
			break;
	}
	if (i == list.n)                                /* moved away or removed: those not older are what came after it */
		for (i = -1; i + 1 < list.n && strcmp(list.name[i + 1], file->base) != 0; i++) {
			if ((fd = open_beside(file, list.name[i + 1], &st)) < 0)
				continue;
			close(fd);
			if (st.st_mtim.tv_sec > mine.st_mtim.tv_sec ||
			    (st.st_mtim.tv_sec == mine.st_mtim.tv_sec && st.st_mtim.tv_nsec >= mine.st_mtim.tv_nsec))
				break;
		}
	for (int k = i + 1; k < list.n && !rc; k++)
		if ((fd = open_beside(file, list.name[k], &st)) >= 0) {
			rc = st.st_size > 0 || strcmp(list.name[k], file->base) != 0;
			close(fd);
		}
	if (rc && fstat(file->fd, &mine) == 0 && mine.st_size > file->offset)
		;                                       /* it grew meanwhile: read that first */
	else if (rc) {
		end_line(file);
		rc = open_after(file, &list, i);
	}
	names_release(&list);
	return rc;
}

/* The stream's next bytes, for `in`. */
static int
next_bytes(void *self, char *to, size_t n, size_t *got, struct err *err)
{
	struct file *file = self;
	struct stat st;
	ssize_t r;

	if (file->turned)
		return IN_END;
	for (;;) {
		if (file->own.n) {
			*got = file->own.n < n ? file->own.n : n;
			memcpy(to, file->own.p, *got);
			memmove(file->own.p, file->own.p + *got, file->own.n -= *got);
			file->stream += (int64_t)*got;
			return IN_LINE;
		}
		if (file->fd < 0 && !begin(file))
			return file->follow->once ? IN_END : IN_IDLE;
		if (file->own.n)
			continue;
		if (file->follow->once && file->limit <= file->offset)
			return IN_END;
		/* Is it what it was? Cut short and grown beyond our offset it would be read from its middle. */
		if (fstat(file->fd, &st) < 0 || st.st_size <= file->offset || !same_start(file->fd, &file->id)) {
			if (move_on(file)) {
				if (!file->parted || file->offset)      /* else: a copy of what was read already has more */
					continue;
				file->turned = 1;
				return IN_END;
			}
			return file->follow->once ? IN_END : IN_IDLE;
		}
		if ((int64_t)n > file->limit - file->offset)
			n = (size_t)(file->limit - file->offset);
		do
			r = pread(file->fd, to, n, file->offset);
		while (r < 0 && (errno == EINTR || errno == EAGAIN) && !cmd_stopping());
		if (r < 0) {
			char text[128];

			return err_set(err, ERR_IO, "%s: %s", file->path, strerror_r(errno, text, sizeof(text)));
		}
		if (r > 0) {
			file->offset += r;
			file->stream += r;
			file->last = to[r - 1];
			if (file->id.length < FINGERPRINT)
				identify(file->fd, &file->id), file->piece[file->pieces - 1].id = file->id;
			*got = (size_t)r;
			return IN_LINE;
		}
	}
}

/* ---- the calls */

static int
read_place(struct str place, struct identity *id, int64_t *offset)
{
	char text[256], *end;

	if (!place.n || place.n >= sizeof(text))
		return -1;
	memcpy(text, place.p, place.n);
	text[place.n] = 0;
	if (strncmp(text, "1 ", 2) != 0)
		return -1;
	id->dev = strtoull(text + 2, &end, 10);
	id->inode = strtoull(end, &end, 10);
	*offset = strtoll(end, &end, 10);
	id->length = strtoll(end, &end, 10);
	id->hash = strtoull(end, &end, 16);
	id->changed = strtoll(end, &end, 10);
	return *end || *offset < 0 || id->length < 0 || id->length > FINGERPRINT ? -1 : 0;
}

int
follow_add(struct follow *f, const char *path, struct str place, struct err *err)
{
	struct file *file = mem_new(sizeof(*file));
	const char *slash = strrchr(path, '/');
	unsigned char magic[2];
	struct stat st;
	int fd;

	file->follow = f;
	file->fd = -1;
	file->path = mem_text(path);
	file->dir = slash ? mem_dup(path, slash == path ? 1 : (size_t)(slash - path)) : mem_text(".");
	file->base = mem_text(slash ? slash + 1 : path);
	file->want.length = -1;
	if (place.p && read_place(place, &file->want, &file->want_offset)) {
		err_set(err, ERR_CORRUPT, "%s: the place '%.*s' to go on at is none", path, (int)(place.n < 60 ? place.n : 60), place.p);
		file_free(file);
		return ERR_CORRUPT;
	}
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		err_set(err, ERR_USAGE, "%s: only a regular file can be followed or resumed", path);
		file_free(file);
		return ERR_USAGE;
	}
	if ((fd = io_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)) >= 0) {
		if (io_read_at(fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b) {
			close(fd);
			err_set(err, ERR_USAGE, "%s: gzip can be read, but not followed or resumed", path);
			file_free(file);
			return ERR_USAGE;
		}
		close(fd);
	} else if (errno != ENOENT || f->once) {
		char text[128];

		err_set(err, ERR_IO, "%s: %s", path, strerror_r(errno, text, sizeof(text)));
		file_free(file);
		return ERR_IO;
	}
	if (f->inotify >= 0)    /* the directory tells of changes in its files, of renamed and of new ones; the same one twice is one watch */
		inotify_add_watch(f->inotify, file->dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_ATTRIB);
	file->in = in_open_read(next_bytes, file, path);
	f->file = mem_grow(f->file, (size_t)f->n + 1, sizeof(*f->file));
	f->file[f->n] = file;
	return f->n++;
}

struct in *
follow_in(struct follow *f, int number)
{
	return f->file[number]->in;
}

void
follow_part(struct follow *f, int number)
{
	f->file[number]->parted = 1;
}

int
follow_has_next(const struct follow *f, int number)
{
	return f->file[number]->turned;
}

int
follow_turn(struct follow *f, int number)
{
	struct file *file = f->file[number];

	if (!file->turned)
		return 0;
	file->turned = 0;
	in_close(file->in);
	file->in = in_open_read(next_bytes, file, file->path);
	file->in_at = file->stream;
	return 1;
}

int64_t
follow_begin(struct follow *f, int number)
{
	return f->file[number]->offset;
}

struct str
follow_head(struct follow *f, int number)
{
	struct file *file = f->file[number];
	ssize_t n;

	buf_clear(&file->head);
	if (file->fd < 0 && !begin(file))
		return STR("");
	buf_room(&file->head, HEAD);
	n = io_read_at(file->fd, file->head.p, HEAD, 0);
	file->head.n = n > 0 ? (size_t)n : 0;
	return buf_get(&file->head);
}

void
follow_again(struct follow *f, int number)
{
	struct file *file = f->file[number];
	struct str head = follow_head(f, number);
	const char *nl = head.n ? memchr(head.p, '\n', head.n) : NULL;

	if (!nl || file->offset < nl + 1 - head.p)
		return;
	file->own.n = 0;
	buf_add(&file->own, head.p, (size_t)(nl + 1 - head.p));
	file->piece[0].at = (int64_t)file->own.n;
}

void
follow_place(struct follow *f, int number, int64_t offset, struct buf *place)
{
	struct file *file = f->file[number];
	struct piece *p;
	int i = 0;

	offset += file->in_at;
	if (!file->pieces) {
		if (file->want.length >= 0)
			buf_printf(place, "1 %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRIx64 " %" PRId64, file->want.dev,
			    file->want.inode, file->want_offset, file->want.length, file->want.hash, file->want.changed);
		return;
	}
	while (i + 1 < file->pieces && file->piece[i + 1].at <= offset)
		i++;
	if (file->piece[i].offset < 0 && i)     /* in a newline of ours: the file before it is at its end */
		i--;
	if (i) {
		memmove(file->piece, file->piece + i, (size_t)(file->pieces - i) * sizeof(*file->piece));
		file->pieces -= i;
	}
	p = &file->piece[0];
	if (offset < p->at)                     /* in a header that is given again */
		offset = p->at;
	if (file->pieces > 1 && offset > file->piece[1].at)
		offset = file->piece[1].at;
	buf_printf(place, "1 %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRIx64 " %" PRId64, p->id.dev, p->id.inode,
	    p->offset + (offset - p->at), p->id.length, p->id.hash, p->id.changed);
}

int
follow_wait(struct follow *f, int ms)
{
	struct pollfd p = { .fd = f->inotify, .events = POLLIN };
	int tick = f->inotify >= 0 ? TICK : TICK_ALONE, rc = cmd_poll(&p, f->inotify >= 0, ms < 0 || ms > tick ? tick : ms);
	char events[8192] __attribute__((aligned(8)));

	if (rc > 0)
		while (read(f->inotify, events, sizeof(events)) > 0)
			;
	return rc > 0 || (rc == 0 && (ms < 0 || ms > tick));
}
