/* archive.c - the verb archive: events by day as files, then off the store, each once, whatever ends it.
 *
 *      write    DAY.ndjson.gz.part for every day, on the disk        killed: parts that nobody reads; the next begins anew
 *      decide   which files, and up to which event, into the store   killed: the next goes on from here
 *      name     DAY.ndjson.gz
 *      drop     those events, and then the decision
 *
 * So an event is in the store or in a file that has its name, and for a moment, which the decision bears out, in both.
 *
 * The decision is the state "archive", "": VERSION;BEFORE;LAST;EVENTS, times in ms, LAST the greatest seq that is written; then,
 * a byte 0 in front of each, of every file its mark and its absolute path. By the mark, SIZE;TRAILER (the CRC and the length that end a
 * gzip file, RFC 1952), it is known whether what has that name is still the same: other stores may archive into the same folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "at-admin.h"
#include "base/cmd.h"
#include "base/gz.h"
#include "base/io.h"
#include "base/time.h"
#include "store/admin.h"

#define DAY_MS   86400000
#define LOT      (4 << 20)              /* bytes of rows packed together */
#define DECISION "archive"              /* the kind of the state */

struct archive {
	const char *dir;                /* DIR/TENANT, absolute */
	struct buf rows, packed, path;
	struct buf files;               /* their paths, a 0 behind each */
	struct buf marks;               /* of those that are decided on, likewise */
	int64_t before, day, n, n_files;
	uint64_t last;                  /* greatest seq written */
	int fd;
};

static void
release(struct archive *a)
{
	buf_release(&a->rows);
	buf_release(&a->packed);
	buf_release(&a->path);
	buf_release(&a->files);
	buf_release(&a->marks);
}

static int
fail(const char *path, struct err *err)
{
	return err_set(err, errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO, "%s: %s", path, strerror(errno));
}

static void
part_of(const char *path, struct buf *part)
{
	buf_clear(part);
	buf_printf(part, "%s.part", path);
	buf_text(part);
}

/* ---- writing */

static int
put_lot(struct archive *a, struct err *err)
{
	if (a->rows.n == 0)
		return 0;
	buf_clear(&a->packed);
	gz_pack(buf_get(&a->rows), 0, &a->packed);
	buf_clear(&a->rows);
	return io_write(a->fd, a->packed.p, a->packed.n) ? fail(a->path.p, err) : 0;
}

/* The day's file is complete and durable. */
static int
end_day(struct archive *a, struct err *err)
{
	int rc;

	if (a->fd < 0)
		return 0;
	rc = put_lot(a, err);
	if (rc == 0 && fsync(a->fd))
		rc = fail(a->path.p, err);
	if (close(a->fd) && rc == 0)
		rc = fail(a->path.p, err);
	a->fd = -1;
	a->n_files++;
	return rc;
}

/* A day that was archived before, when late events had not come yet, gets a further file. */
static int
begin_day(struct archive *a, int64_t day, struct err *err)
{
	char text[TIME_LEN];
	struct buf part = { 0 };

	time_print(day * DAY_MS, text);
	for (int i = 1; i == 1 || access(a->path.p, F_OK) == 0; i++) {
		buf_clear(&a->path);
		buf_printf(&a->path, i == 1 ? "%s/%.10s.ndjson.gz" : "%s/%.10s-%d.ndjson.gz", a->dir, text, i);
		buf_text(&a->path);
	}
	a->day = day;
	part_of(a->path.p, &part);
	unlink(part.p);
	a->fd = io_open(part.p, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (a->fd < 0)
		fail(part.p, err);
	else
		buf_add(&a->files, a->path.p, a->path.n + 1);
	buf_release(&part);
	return a->fd < 0 ? err->code : 0;
}

/* Nothing was decided: the store has it all. */
static void
forget_parts(struct archive *a)
{
	struct buf part = { 0 };

	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	for (size_t i = 0; i < a->files.n; i += strlen(a->files.p + i) + 1) {
		part_of(a->files.p + i, &part);
		unlink(part.p);
	}
	buf_release(&part);
}

static int
write_days(struct archive *a, struct store *s, struct err *err)
{
	struct store_range range = { .from = TIME_MIN, .to = a->before, .by_time = 1 };
	struct store_scan *scan = store_scan_open(s, &range, err);
	struct event ev;
	int rc = scan ? 1 : err->code;

	while (rc > 0 && (rc = store_scan_next(scan, &ev, err)) > 0) {
		int64_t day = time_floor_div(ev.time, DAY_MS);

		if (cmd_stopping()) {
			rc = err_set(err, ERR_CANCEL, "stopped: the store is as it was");
			break;
		}
		if (a->fd < 0 || day != a->day)
			rc = end_day(a, err) || begin_day(a, day, err) ? err->code : 1;
		if (rc < 0)
			break;
		event_put(&a->rows, &ev);
		buf_byte(&a->rows, '\n');
		a->n++;
		a->last = ev.seq > a->last ? ev.seq : a->last;
		if (a->rows.n >= LOT && put_lot(a, err))
			rc = err->code;
	}
	store_scan_close(scan);
	if (rc == 0)
		rc = end_day(a, err);
	return rc;
}

/* ---- deciding */

/* The mark of a file, and a 0; nothing where there is none. */
static void
put_mark(const char *path, struct buf *to)
{
	unsigned char end[8];
	struct stat st;
	int fd = io_open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(end) &&
	    pread(fd, end, sizeof(end), st.st_size - (off_t)sizeof(end)) == (ssize_t)sizeof(end)) {
		buf_printf(to, "%lld;", (long long)st.st_size);
		for (size_t i = 0; i < sizeof(end); i++)
			buf_printf(to, "%02x", end[i]);
	}
	buf_byte(to, 0);
	if (fd >= 0)
		close(fd);
}

/* An empty one: there is none any more. */
static int
put_decision(struct store *s, struct str text, struct err *err)
{
	int rc = store_begin(s, err);

	if (rc == 0 && (rc = text.n ? store_put_state(s, DECISION, STR(""), text, err) : store_drop_state(s, DECISION, STR(""), err)) == 0)
		rc = store_commit(s, err);
	store_abort(s);
	return rc;
}

static int
decide(const struct archive *a, struct store *s, struct err *err)
{
	struct buf text = { 0 }, part = { 0 };
	int rc;

	buf_printf(&text, "1;%lld;%llu;%lld", (long long)a->before, (unsigned long long)a->last, (long long)a->n);
	for (size_t i = 0; i < a->files.n; i += strlen(a->files.p + i) + 1) {
		part_of(a->files.p + i, &part);
		buf_byte(&text, 0);
		put_mark(part.p, &text);
		buf_lit(&text, a->files.p + i);
	}
	rc = put_decision(s, buf_get(&text), err);
	buf_release(&text);
	buf_release(&part);
	return rc;
}

/* The files of a decision, and their marks. 0 or -1. */
static int
read_files(struct archive *a, struct str rest)
{
	struct str mark, file;

	while (rest.n) {
		if (!str_cut(&rest, 0, &mark) || !str_cut(&rest, 0, &file) || !file.n || file.p[0] != '/')
			return -1;
		buf_str(&a->marks, mark);
		buf_byte(&a->marks, 0);
		buf_str(&a->files, file);
		buf_byte(&a->files, 0);
		a->n_files++;
	}
	return a->n_files ? 0 : -1;
}

/* What was decided by one that was cut off. 1, 0 there is none, < 0. */
static int
read_decision(struct archive *a, struct store *s, struct err *err)
{
	struct buf text = { 0 };
	struct str rest, head;
	long long before, n;
	unsigned long long last;
	char line[96];
	int rc = store_get_state(s, DECISION, STR(""), &text, err);

	if (rc > 0) {
		rest = buf_get(&text);
		if (!str_cut(&rest, 0, &head) || head.n >= sizeof(line) || (memcpy(line, head.p, head.n), line[head.n] = 0,
		    sscanf(line, "1;%lld;%llu;%lld", &before, &last, &n) != 3) || read_files(a, rest))
			rc = err_set(err, ERR_CORRUPT, "what an archive that was cut off decided cannot be read, finish it with the version that began it: "
			    "what is in its files may be in the store too");
		else
			a->before = before, a->last = last, a->n = n;
	}
	buf_release(&text);
	return rc;
}

/* ---- naming and dropping: what is done already is done once more without harm */

static int
has_mark(const char *path, const char *mark, struct buf *scratch)
{
	buf_clear(scratch);
	put_mark(path, scratch);
	return *mark && strcmp(scratch->p, mark) == 0;
}

/* Are all files that were decided on still there, under either name, and the same? */
static int
are_there(const struct archive *a)
{
	struct buf part = { 0 }, scratch = { 0 };
	int there = 1;

	for (size_t i = 0, k = 0; i < a->files.n; i += strlen(a->files.p + i) + 1, k += strlen(a->marks.p + k) + 1) {
		const char *path = a->files.p + i, *mark = a->marks.p + k;

		part_of(path, &part);
		there &= has_mark(access(path, F_OK) == 0 ? path : part.p, mark, &scratch);
	}
	buf_release(&part);
	buf_release(&scratch);
	return there;
}

static int
sync_folder(const char *path, struct err *err)
{
	int fd = io_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int rc = fd < 0 || (fsync(fd) && errno != EINVAL) ? fail(path, err) : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

static int
name_files(const struct archive *a, struct err *err)
{
	struct buf part = { 0 }, folder = { 0 };
	int rc = 0;

	for (size_t i = 0; i < a->files.n && rc == 0; i += strlen(a->files.p + i) + 1) {
		const char *path = a->files.p + i;

		part_of(path, &part);
		if (access(path, F_OK) && rename(part.p, path))
			rc = fail(part.p, err);
		buf_clear(&folder);
		buf_add(&folder, path, (size_t)(strrchr(path, '/') - path));
	}
	if (rc == 0 && folder.n)
		rc = sync_folder(buf_text(&folder), err);
	buf_release(&part);
	buf_release(&folder);
	return rc;
}

static int
was_archived(const void *self, const struct event *ev)
{
	const struct archive *a = self;

	return ev->time < a->before && ev->seq <= a->last;
}

/* From the decision on. */
static int
finish(struct archive *a, struct store *s, const char *name, struct err *err)
{
	char what[96];
	int64_t gone = 0;
	int rc;

	if ((rc = name_files(a, err)) || (rc = store_drop_events(s, (struct str){ 0 }, was_archived, a, &gone, err)) ||
	    (rc = put_decision(s, STR(""), err)))
		return rc;
	snprintf(what, sizeof(what), "%lld events in %lld files", (long long)a->n, (long long)a->n_files);
	if (!cmd_settings()->quiet)
		cmd_say("%s: %s", name, what);
	return access_note("archive", name, what, err);
}

/* One at a time, of a tenant, and into a folder. Given back by close; -1 and the error. A file system that has no locks gives none. */
static int
lock(const char *folder, struct err *err)
{
	int fd = io_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	if (fd < 0)
		return fail(folder, err), -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return fd;
	err_set(err, ERR_IO, "%s: another archive is at work on it, wait for its end", folder);
	close(fd);
	return -1;
}

/* What an archive that was cut off has left to do. Where its files are gone, what it did not drop is archived anew. */
static int
resume(struct store *s, const char *name, struct err *err)
{
	struct archive a = { .fd = -1 };
	struct buf folder = { 0 };
	int rc = read_decision(&a, s, err), locked = -1;

	if (rc > 0) {
		buf_add(&folder, a.files.p, (size_t)(strrchr(a.files.p, '/') - a.files.p));
		if (access(buf_text(&folder), F_OK) == 0 && (locked = lock(folder.p, err)) < 0)
			rc = err->code;
	}
	if (rc > 0 && are_there(&a)) {
		rc = finish(&a, s, name, err);
	} else if (rc > 0) {
		cmd_say("%s: an archive that was cut off left %s and others, which are gone: what is in the store still is archived anew", name, a.files.p);
		rc = put_decision(s, STR(""), err);
	}
	if (locked >= 0)
		close(locked);
	release(&a);
	buf_release(&folder);
	return rc;
}

/* ---- the verb */

static int
archive(struct store *s, const char *name, struct err *err)
{
	struct archive a = { .fd = -1, .before = want.before };
	struct buf dir = { 0 };
	char full[PATH_MAX];
	int rc, of_store = lock(store_path(s).p, err), of_folder = -1;

	if (of_store < 0)
		return err->code;
	buf_printf(&dir, "%s/%s", want.words[0], name);
	a.dir = full;
	if ((rc = resume(s, name, err)))
		;
	else if ((mkdir(want.words[0], 0700) && errno != EEXIST) || (mkdir(buf_text(&dir), 0700) && errno != EEXIST) || !realpath(dir.p, full))
		rc = fail(buf_text(&dir), err);
	else if ((of_folder = lock(full, err)) < 0)
		rc = err->code;
	else if ((rc = write_days(&a, s, err)) || !a.n || (rc = sync_folder(want.words[0], err)) || (rc = sync_folder(full, err)) ||
	    (rc = decide(&a, s, err)))
		forget_parts(&a);
	else
		rc = finish(&a, s, name, err);
	if (of_folder >= 0)
		close(of_folder);
	close(of_store);
	release(&a);
	buf_release(&dir);
	return rc;
}

static int
count(struct store *s, const char *name, struct err *err)
{
	struct store_dropped old;
	int rc = store_retain(s, want.before, TIME_NONE, 1, &old, err);

	if (rc == 0)
		buf_printf(say(), "%s: %lld events would go into %s/%s\n", name, (long long)old.events, want.words[0], name);
	return rc;
}

int
archive_verb(struct err *err)
{
	int rc;

	if (want.n != 1 || !*want.words[0] || want.before == TIME_NONE)
		return err_set(err, ERR_USAGE, "archive: say where to and what, archive DIR --before TIME");
	if ((rc = want.dry ? 0 : sure(err, "taking what is older off the store")))
		return rc;
	return want.dry ? on_tenants(count, STORE_WRITE, err) : on_tenants(archive, STORE_WRITE, err);
}
