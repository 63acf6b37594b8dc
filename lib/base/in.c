/* The unread bytes lie in buf[at, end); buf[0] is byte `base` of the (unpacked) input. Before more is read, what is left
 * of a line moves to the front, so a line is copied only when it lies across two blocks. */
#include "base/in.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/gz.h"
#include "base/io.h"
#include "base/mem.h"

#define BLOCK  (256u << 10)             /* bytes of one read: stays in the second-level cache until its lines are parsed */
#define CARRY  (64u << 10)              /* room for the start of a line before it, as a rule */
#define PEEK   (64u << 10)

enum begun { NOT_BEGUN, SEEN_GZIP, GOING };

struct in {
	char  *name;
	int    fd, own;
	int    may_wait;                /* not a regular file: ask before a read */
	enum begun begun;               /* first: is it gzip? then: has it a BOM? */
	int    at_end;
	int    no_wait;                 /* a read that would block comes back as idle */
	int    skipping;                /* the rest of a line that is too long */
	char  *buf;
	size_t cap, at, end;
	size_t scanned;                 /* no newline in buf[at, scanned) */
	int64_t base, size, position;
	long   lineno;
	struct gz *gz;
	char  *packed;                  /* BLOCK bytes of gzip */
	struct str rest;                /* those not unpacked yet */
	struct err fault;               /* comes after the lines before it */
	struct err met;                 /* what a line met: here, since locals are filled with zeros for each line */
	int  (*hook)(void *);
	void  *self;
	int  (*read)(void *, char *, size_t, size_t *, struct err *);   /* instead of fd; its `self` is `from` */
	void  *from;
};

static int
io_error(const struct in *in, int code, struct err *err)
{
	char text[128];

	return err_set(err, ERR_IO, "%s: %s", in->name, strerror_r(code, text, sizeof(text)));
}

static struct in *
opened(int fd, int own, const char *name, struct err *err)
{
	struct in *in = mem_new(sizeof(*in));
	struct stat st;
	int code = 0;

	in->fd = fd;
	in->own = own;
	in->name = mem_text(name);
	in->size = -1;
	if (fstat(fd, &st) < 0)
		code = errno;
	else if (S_ISDIR(st.st_mode))
		code = EISDIR;
	if (code) {
		io_error(in, code, err);
		in_close(in);
		return NULL;
	}
	in->may_wait = !S_ISREG(st.st_mode);
	if (S_ISREG(st.st_mode)) {
		in->size = st.st_size;
		posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	} else if (S_ISFIFO(st.st_mode)) {
		if (fcntl(fd, F_SETPIPE_SZ, 4 * (int)BLOCK) < 0)        /* fewer turns between two filters: a tenth less time */
			fcntl(fd, F_SETPIPE_SZ, (int)BLOCK);            /* no harm when refused */
	}
	in->cap = BLOCK + CARRY;
	in->buf = mem_grow(NULL, in->cap + IN_SLACK, 1);
	return in;
}

struct in *
in_open(const char *path, struct err *err)
{
	int fd;

	if (strcmp(path, "-") == 0)
		return opened(STDIN_FILENO, 0, "stdin", err);
	if ((fd = io_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0)) < 0) {
		char text[128];

		err_set(err, ERR_IO, "%s: %s", path, strerror_r(errno, text, sizeof(text)));
		return NULL;
	}
	return opened(fd, 1, path, err);
}

struct in *
in_open_fd(int fd, const char *name, struct err *err)
{
	return opened(fd, 1, name, err);
}

struct in *
in_open_read(int (*read)(void *self, char *to, size_t n, size_t *got, struct err *), void *self, const char *name)
{
	struct in *in = mem_new(sizeof(*in));

	in->fd = -1;
	in->name = mem_text(name);
	in->size = -1;
	in->read = read;
	in->from = self;
	in->begun = SEEN_GZIP;
	in->cap = BLOCK + CARRY;
	in->buf = mem_grow(NULL, in->cap + IN_SLACK, 1);
	return in;
}

void
in_close(struct in *in)
{
	if (!in)
		return;
	if (in->own)
		close(in->fd);
	gz_free(in->gz);
	free(in->packed);
	free(in->buf);
	free(in->name);
	free(in);
}

void
in_on_wait(struct in *in, int (*hook)(void *self), void *self)
{
	in->hook = hook;
	in->self = self;
}

/* Wait until there is something to read: IN_LINE, IN_IDLE, or IN_END when the work is to stop. */
static int
wait_ready(struct in *in)
{
	struct pollfd p = { .fd = in->fd, .events = POLLIN };
	int ms = -1;

	if (poll(&p, 1, 0) > 0)
		return IN_LINE;
	if (in->no_wait)
		return cmd_stopping() ? IN_END : IN_IDLE;
	if (in->hook)
		ms = in->hook(in->self);
	if (cmd_poll(&p, 1, ms) > 0)
		return IN_LINE;
	if (cmd_stopping())
		return IN_END;
	return in->hook ? IN_IDLE : IN_LINE;    /* a signal: with no hook nobody waits for it */
}

/* Read at most n bytes as they lie in the file: IN_LINE and *got > 0, IN_END (the end, or stopping), IN_IDLE, ERR_IO. */
static int
read_raw(struct in *in, char *to, size_t n, size_t *got, struct err *err)
{
	int rc;

	for (;;) {
		ssize_t r;

		if (cmd_stopping())
			return IN_END;
		if (in->read) {
			rc = in->read(in->from, to, n, got, err);
			in->position += rc == IN_LINE ? (int64_t)*got : 0;
			return rc;
		}
		if (in->may_wait && (rc = wait_ready(in)) != IN_LINE)
			return rc;
		if ((r = read(in->fd, to, n)) > 0) {
			in->position += r;
			*got = (size_t)r;
			return IN_LINE;
		}
		if (r == 0)
			return IN_END;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			in->may_wait = 1;
		else if (errno != EINTR)
			return io_error(in, errno, err);
	}
}

/* The same of gzip, unpacked. */
static int
read_gzip(struct in *in, char *to, size_t n, size_t *got, struct err *err)
{
	size_t more;
	int rc;

	for (;;) {
		rc = gz_unpack(in->gz, &in->rest, to, n, got, err);
		if (*got) {             /* a fault comes again at the next call, when these were taken */
			if (rc < 0)
				in->fault = *err, err_clear(err), err_at(&in->fault, "%s", in->name);
			return IN_LINE;
		}
		if (rc < 0)
			return err_at(err, "%s", in->name);
		if ((rc = read_raw(in, in->packed, BLOCK, &more, err)) == IN_END && !cmd_stopping() && !gz_whole(in->gz))
			return err_set(err, ERR_IO, "%s: the gzip data ends too early, the rest is lost", in->name);
		if (rc != IN_LINE)
			return rc;
		in->rest = (struct str){ in->packed, more };
	}
}

static void
make_room(struct in *in)
{
	if (in->at) {
		in->end -= in->at;
		memmove(in->buf, in->buf + in->at, in->end);
		in->base += (int64_t)in->at;
		in->scanned = in->scanned > in->at ? in->scanned - in->at : 0;
		in->at = 0;
	}
	if (in->cap > 4 * (BLOCK + CARRY) && in->end < CARRY) {         /* after a long line */
		in->cap = BLOCK + CARRY;
		in->buf = mem_grow(in->buf, in->cap + IN_SLACK, 1);
	} else if (in->cap - in->end < CARRY) {
		in->cap *= 2;
		in->buf = mem_grow(in->buf, in->cap + IN_SLACK, 1);
	}
}

/* Is it gzip, has it a BOM? Once. 1 when more bytes are needed to say. */
static int
begin(struct in *in)
{
	const unsigned char *p = (const unsigned char *)in->buf;

	if (in->begun == NOT_BEGUN) {
		if (in->end == 0 || (in->end == 1 && p[0] == 0x1f && !in->at_end))
			return !in->at_end;
		in->begun = SEEN_GZIP;
		if (in->end >= 2 && p[0] == 0x1f && p[1] == 0x8b) {
			in->gz = gz_new();
			in->packed = mem_grow(NULL, BLOCK + CARRY, 1);
			memcpy(in->packed, in->buf, in->end);
			in->rest = (struct str){ in->packed, in->end };
			in->end = 0;
			return 1;
		}
	}
	if (in->end < 3 && !in->at_end && memcmp(p, "\xef\xbb\xbf", in->end) == 0)
		return 1;
	in->begun = GOING;
	if (in->end >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		in->at = in->scanned = 3;
	return 0;
}

/* More bytes behind those there are: IN_LINE, IN_END, IN_IDLE, < 0. */
static int
fill(struct in *in, struct err *err)
{
	size_t got, room;
	int rc;

	do {
		if (in->fault.code) {
			if (err)
				*err = in->fault;
			return in->fault.code;
		}
		if (in->at_end)
			return IN_END;
		make_room(in);
		room = in->cap - in->end < BLOCK ? in->cap - in->end : BLOCK;
		rc = in->gz ? read_gzip(in, in->buf + in->end, room, &got, err) : read_raw(in, in->buf + in->end, room, &got, err);
		if (rc == IN_IDLE)
			return rc;
		if (rc < 0) {
			in->fault = *err;
			continue;
		}
		if (rc == IN_END)
			in->at_end = 1;
		else
			in->end += got;
	} while (in->begun != GOING && begin(in));
	return rc;
}

/* The fault was told: from now on it is the end. */
static int
told(struct in *in, int code)
{
	err_clear(&in->fault);
	in->at_end = 1;
	in->base += (int64_t)in->at;
	in->at = in->end = in->scanned = 0;
	return code;
}

static int
too_long(struct in *in, struct err *err)
{
	in->lineno++;
	in->skipping = 0;
	return err_set(err, ERR_LIMIT, "the line is longer than %u MiB, skipped", IN_LINE_MOST >> 20);
}

/* There is no newline in what there is: of a line that is too long nothing is kept. */
static void
keep_within_bound(struct in *in)
{
	in->scanned = in->end;
	if (in->end - in->at > IN_LINE_MOST || in->skipping) {
		in->skipping = 1;
		in->at = in->end;
	}
}

/* No newline came, but `rc` of fill: IN_LINE when what there is is the last line, else what the caller is told. */
static int
last_line(struct in *in, int rc, struct err *err)
{
	if (rc == IN_IDLE)
		return rc;
	if (rc < 0) {
		*err = in->met;
		return told(in, rc);
	}
	if (cmd_stopping())                     /* what is there of a line was not read whole */
		return IN_END;
	if (in->skipping)
		return too_long(in, err);
	return in->at == in->end ? IN_END : IN_LINE;
}

int
in_line(struct in *in, struct str *line, struct err *err)
{
	const char *from, *nl;
	int rc;

	for (;;) {
		if (in->scanned < in->end && (nl = memchr(in->buf + in->scanned, '\n', in->end - in->scanned))) {
			from = in->buf + in->at;
			in->at = in->scanned = (size_t)(nl + 1 - in->buf);
			if (__builtin_expect(in->skipping || (size_t)(nl - from) > IN_LINE_MOST, 0))
				return too_long(in, err);
			in->lineno++;
			*line = (struct str){ from, (size_t)(nl - from) };
			if (line->n && nl[-1] == '\r')
				line->n--;
			return IN_LINE;
		}
		keep_within_bound(in);
		if ((rc = fill(in, &in->met)) == IN_LINE)
			continue;
		if ((rc = last_line(in, rc, err)) != IN_LINE)
			return rc;
		*line = (struct str){ in->buf + in->at, in->end - in->at };
		in->at = in->scanned = in->end;
		in->lineno++;
		return IN_LINE;
	}
}

/* Hand buf[at, to) over with its memory; what is behind goes into that of the block. */
static int
hand_out(struct in *in, struct in_block *b, size_t to)
{
	char *other = b->buf;
	size_t cap = b->cap, rest = in->end - to;

	if (cap < BLOCK + rest || cap > 4 * (BLOCK + CARRY) + rest) {   /* as a rule it will do: getting pages costs more than reading */
		free(other);
		cap = BLOCK + CARRY + (rest < CARRY ? 0 : rest);
		other = mem_grow(NULL, cap + IN_SLACK, 1);
	}
	memcpy(other, in->buf + to, rest);
	*b = (struct in_block){ { in->buf + in->at, to - in->at }, in->buf, in->cap };
	in->base += (int64_t)to;
	in->buf = other;
	in->cap = cap;
	in->at = in->scanned = 0;
	in->end = rest;
	return IN_LINE;
}

static int
next_block(struct in *in, struct in_block *b, struct err *err)
{
	const char *nl;
	size_t whole;           /* behind the last newline */
	int rc = IN_LINE;

	for (;;) {
		nl = in->scanned < in->end ? memrchr(in->buf + in->scanned, '\n', in->end - in->scanned) : NULL;
		if (in->skipping || (nl && in->end - in->at > IN_LINE_MOST)) {  /* one line at a time */
			nl = in->scanned < in->end ? memchr(in->buf + in->scanned, '\n', in->end - in->scanned) : NULL;
			if (nl && (in->skipping || (size_t)(nl - in->buf) - in->at > IN_LINE_MOST)) {
				in->at = in->scanned = (size_t)(nl + 1 - in->buf);
				return too_long(in, err);
			}
		}
		whole = nl ? (size_t)(nl + 1 - in->buf) : 0;
		if (whole && (whole - in->at >= BLOCK / 2 || rc != IN_LINE))
			return hand_out(in, b, whole);
		if (!whole)
			keep_within_bound(in);
		in->no_wait |= whole ? 2 : 0;
		rc = fill(in, &in->met);
		in->no_wait &= 1;
		if (rc == IN_LINE)
			continue;
		if (whole) {                    /* a fault comes again */
			in->scanned = in->at;
			continue;
		}
		rc = last_line(in, rc, err);
		return rc == IN_LINE ? hand_out(in, b, in->end) : rc;
	}
}

int
in_block(struct in *in, struct in_block *b, int wait, struct err *err)
{
	int rc;

	in->no_wait = !wait;
	rc = next_block(in, b, err);
	in->no_wait = 0;
	return rc;
}

void
in_block_release(struct in_block *b)
{
	free(b->buf);
	*b = (struct in_block){0};
}

int
in_bytes(struct in *in, struct str *bytes, struct err *err)
{
	struct err local = {0};
	int rc;

	while (in->at == in->end || in->begun != GOING) {
		if ((rc = fill(in, &local)) < 0) {
			*err = local;
			return told(in, rc);
		}
		if (rc == IN_IDLE || (rc == IN_END && in->at == in->end))
			return rc;
	}
	*bytes = (struct str){ in->buf + in->at, in->end - in->at < (1u << 20) ? in->end - in->at : 1u << 20 };
	in->at += bytes->n;
	in->scanned = in->at;
	return IN_LINE;
}

struct str
in_peek(struct in *in, struct err *err)
{
	struct err local = {0};
	int rc = IN_LINE;

	while (in->begun != GOING ? !in->at_end : in->end - in->at < PEEK &&
	    (!in->may_wait || !memchr(in->buf + in->at, '\n', in->end - in->at)))
		if ((rc = fill(in, &local)) != IN_LINE)
			break;
	if (rc < 0 && in->at == in->end && err)
		*err = local;
	return (struct str){ in->buf + in->at, in->end - in->at < PEEK ? in->end - in->at : PEEK };
}

const char *
in_name(const struct in *in)
{
	return in->name;
}

long
in_lineno(const struct in *in)
{
	return in->lineno;
}

int64_t
in_offset(const struct in *in)
{
	return in->base + (int64_t)in->at;
}

int64_t
in_size(const struct in *in)
{
	return in->size;
}

int64_t
in_position(const struct in *in)
{
	return in->position;
}
