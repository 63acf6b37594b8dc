/* The place is a state of kind "place", named KIND:NAME: length:varint, place (place.h), then of stdout where it is a file that is appended to:
 * device · inode · bytes, as varints. */
#include "resume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/time.h"
#include "codec/varint.h"

#define KIND      "place"
#define SHARE     20                    /* of the time, saving takes one part at most */
#define LOOK_ROWS 64                    /* the clock is looked at every so many rows */
#define HELD_MOST (8u << 20)

struct written { uint64_t device, inode, bytes; };      /* to stdout; device 0: it is no file that is appended to */

struct resume {
	struct store *store;
	struct buf name;
	struct place *place;
	long rows;                      /* since it was saved */
	int64_t saved_ms, took_ms;      /* when that was, by the steady clock, and how long it took */
	int ended;                      /* it is that of the input's end, and goes when all else is done */
	struct buf held;                /* of stdout: it goes out when it is saved, when the input is silent, or is much */
	/* What an earlier run wrote behind its last save lies in stdout's file at [at, end): what is the same is not written again. */
	int fd;
	int64_t at, end;
};

static struct written
stdout_now(void)
{
	struct stat st;
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags < 0 || !(flags & O_APPEND) || fstat(STDOUT_FILENO, &st) < 0 || !S_ISREG(st.st_mode))
		return (struct written){ 0 };
	return (struct written){ (uint64_t)st.st_dev, (uint64_t)st.st_ino, (uint64_t)st.st_size };
}

/* ---- what is there already */

/* How many bytes of these stand in the file from r->at on. */
static size_t
same(const struct resume *r, struct str bytes)
{
	char there[4096];
	size_t n = 0;

	while (n < bytes.n && r->at + (int64_t)n < r->end) {
		size_t want = bytes.n - n < sizeof(there) ? bytes.n - n : sizeof(there), i = 0;
		ssize_t got = io_read_at(r->fd, there, want, r->at + (int64_t)n);

		if (got <= 0)
			break;
		while (i < (size_t)got && there[i] == bytes.p[n + i])
			i++;
		n += i;
		if (i < (size_t)got)
			break;
	}
	return n;
}

/* What was held goes to the file, but for what is there. */
static void
write_held(struct resume *r)
{
	struct str bytes = buf_get(&r->held);
	size_t n = r->fd >= 0 ? same(r, bytes) : 0;
	char last;

	r->at += (int64_t)n;
	if (n < bytes.n && r->fd >= 0) {        /* from here on nothing is there; a row that was cut off stays alone */
		if (r->at < r->end && io_read_at(r->fd, &last, 1, r->end - 1) == 1 && last != '\n' && io_write(STDOUT_FILENO, "\n", 1))
			out_stdout()->failed = errno;
		close(r->fd);
		r->fd = -1;
	}
	if (n < bytes.n && !out_stdout()->failed && io_write(STDOUT_FILENO, bytes.p + n, bytes.n - n))
		out_stdout()->failed = errno;
	buf_clear(&r->held);
}

static int
hold(void *self, struct str bytes)
{
	struct resume *r = self;

	buf_str(&r->held, bytes);
	if (r->held.n > HELD_MOST)
		write_held(r);
	return 0;
}

static void
look_behind(struct resume *r, const struct written *was)
{
	struct written now = stdout_now();

	if (!now.device || now.device != was->device || now.inode != was->inode || now.bytes <= was->bytes)
		return;
	if ((r->fd = open("/proc/self/fd/1", O_RDONLY | O_CLOEXEC)) < 0)
		return;                 /* not ours to read: it is written twice */
	r->at = (int64_t)was->bytes, r->end = (int64_t)now.bytes;
}

/* ---- life */

/* 1; 0: no place is in the store. */
static int
load(struct resume *r, struct err *err)
{
	struct buf value = { 0 };
	struct str rest, place;
	struct written was;
	int rc = store_get_state(r->store, KIND, buf_get(&r->name), &value, err);

	if (rc > 0) {
		rest = buf_get(&value);
		if (varint_take_str(&rest, &place) || varint_take(&rest, &was.device) || varint_take(&rest, &was.inode) || varint_take(&rest, &was.bytes))
			rc = err_set(err, ERR_CORRUPT, "what was saved of the place in the input is damaged");
		else if (place_take(r->place, place, err))
			rc = err->code;
		else if (was.device)
			look_behind(r, &was);
	}
	buf_release(&value);
	return rc;
}

static int
put_place(struct resume *r, struct err *err)
{
	struct buf value = { 0 }, place = { 0 };
	struct written w = stdout_now();
	int rc;

	if (r->fd >= 0)
		w.bytes = (uint64_t)r->at;
	place_put(r->place, &place);
	varint_put_str(&value, buf_get(&place));
	varint_put(&value, w.device);
	varint_put(&value, w.inode);
	varint_put(&value, w.bytes);
	rc = store_put_state(r->store, KIND, buf_get(&r->name), buf_get(&value), err);
	buf_release(&place);
	buf_release(&value);
	return rc;
}

/* Where stdout stood before the first row. */
static int
put_first(struct resume *r, struct err *err)
{
	int rc;

	if (!stdout_now().device)
		return 0;
	if ((rc = store_begin(r->store, err)))
		return rc;
	if ((rc = put_place(r, err))) {
		store_abort(r->store);
		return rc;
	}
	return store_commit(r->store, err);
}

struct resume *
resume_open(struct store *store, const char *kind, const char *name, struct err *err)
{
	struct resume *r = mem_new(sizeof(*r));
	int rc;

	r->fd = -1;
	r->store = store;
	r->saved_ms = time_mono_ms();
	if (!store || !name)
		return r;
	r->place = place_new();
	buf_printf(&r->name, "%s:%s", kind, name);
	if ((rc = load(r, err)) < 0 || (rc == 0 && put_first(r, err))) {
		err_at(err, "--state %.100s", name);
		resume_free(r);
		return NULL;
	}
	out_stdout()->give = hold;
	out_stdout()->self = r;
	return r;
}

/* The last that is done: a run that is killed before is one that has all behind it when it comes again. So that there is no
 * time between this and the exit, nothing waits for the disk. */
static void
forget_place(struct resume *r)
{
	struct err err = { 0 };

	if (store_begin(r->store, &err) == 0) {
		if (store_drop_state(r->store, KIND, buf_get(&r->name), &err))
			store_abort(r->store);
		else
			store_commit_soon(r->store, &err);
	}
	if (err.code)
		cmd_fail(&err);
}

void
resume_free(struct resume *r)
{
	if (!r)
		return;
	if (out_stdout()->give == hold) {
		out_flush(out_stdout());
		write_held(r);
		out_stdout()->give = NULL;
	}
	if (r->fd >= 0)
		close(r->fd);
	if (r->ended && r->place && !out_stdout()->failed)
		forget_place(r);
	place_free(r->place);
	buf_release(&r->name);
	buf_release(&r->held);
	free(r);
}

struct place *
resume_place(struct resume *r)
{
	return r->place;
}

int64_t
resume_due_at(const struct resume *r, int64_t every_ms)
{
	return r->saved_ms + (SHARE * r->took_ms > every_ms ? SHARE * r->took_ms : every_ms);
}

int
resume_is_due(struct resume *r)
{
	return r->store && ++r->rows % LOOK_ROWS == 0 && time_mono_ms() >= resume_due_at(r, RESUME_MS);
}

void
resume_touch(struct resume *r)
{
	r->rows++;
}

int
resume_silence(struct resume *r)
{
	int64_t ms = resume_due_at(r, RESUME_MS) - time_mono_ms();

	if (r->place) {
		out_flush(out_stdout());
		write_held(r);
	}
	return !r->store || !r->rows ? -1 : ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

/* ---- saving */

int
resume_save(struct resume *r, int (*put)(void *self, struct store *, struct err *), void *self, int end, struct err *err)
{
	int64_t began = time_mono_ms();
	int rc;

	out_flush(out_stdout());
	if ((rc = store_begin(r->store, err)))
		return rc;
	rc = put(self, r->store, err);
	if (r->place)                   /* as late as can be: a kill between here and the commit is what makes rows come twice */
		write_held(r);
	if (rc == 0)
		rc = out_failed(out_stdout(), err);
	if (rc == 0 && r->place)
		rc = put_place(r, err);
	if (rc < 0) {
		store_abort(r->store);
		return rc;
	}
	if ((rc = store_commit(r->store, err)))
		return rc;
	r->ended = end;
	r->rows = 0;
	r->saved_ms = time_mono_ms();
	r->took_ms = r->saved_ms - began;
	return 0;
}
