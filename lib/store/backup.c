/* backup.c - copies of a store, and a tenant put back as it was. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/time.h"
#include "store/store_priv.h"

#define NAME_LEN    20          /* 20261128T204500.123Z */
#define COPY_AT_ONCE (1 << 20)
#define DAY_MS      86400000

static char *
text_of(const char *fmt, const char *a, const char *b)
{
	struct buf path = { 0 };

	buf_printf(&path, fmt, a, b);
	buf_text(&path);
	return path.p;
}

static int
fail(struct err *err, const char *path)
{
	return err_set(err, errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO, "%s: %s", path, strerror(errno));
}

/* ---- files */

/* A file's bytes as a new one, durable. 0; 1 when there is nothing to copy; < 0. */
static int
copy_file(const char *from, const char *to, struct err *err)
{
	int in = io_open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0), out = -1, rc = 0;
	char *block = NULL;
	ssize_t n = 0;

	if (in < 0)
		return errno == ENOENT ? 1 : fail(err, from);
	out = io_open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	block = mem_new(COPY_AT_ONCE);
	if (out < 0)
		rc = fail(err, to);
	while (rc == 0 && (n = io_read(in, block, COPY_AT_ONCE)) > 0)
		if (io_write(out, block, (size_t)n))
			rc = fail(err, to);
	if (rc == 0 && n < 0)
		rc = fail(err, from);
	if (rc == 0 && fsync(out))
		rc = fail(err, to);
	if (out >= 0)
		close(out);
	close(in);
	free(block);
	return rc;
}

/* A folder with all in it. One that is not there is fine; links are taken away, not followed. */
static int
remove_tree(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
	struct dirent *e;
	DIR *d;

	if (fd < 0)
		return errno == ENOENT ? 0 : unlinkat(at, name, 0);
	if (!(d = fdopendir(fd))) {
		close(fd);
		return -1;
	}
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && unlinkat(fd, e->d_name, 0) && errno != ENOENT)
			rc |= errno == EISDIR || errno == EPERM ? remove_tree(fd, e->d_name) : -1;
	closedir(d);
	return rc ? -1 : unlinkat(at, name, AT_REMOVEDIR);
}

/* The folder of a tenant in a store that is being made. */
static int
make_tenant_dir(const char *store, const char *tenant, char **path, struct err *err)
{
	char *above = text_of("%s%s", store, tenant ? "/tenants" : "");
	int rc;

	*path = store_tenant_path(store, tenant);
	if ((rc = store_check_format(store, STORE_CREATE | STORE_ANYWHERE, err)) == 0 && (rc = store_make_dir(above, err)) == 0)
		rc = store_make_dir(*path, err);
	free(above);
	return rc;
}

/* ---- making one */

int
store_backup(struct store *s, const char *tenant, const char *into, struct err *err)
{
	char *path, *data = NULL, *from = NULL, *to = NULL;
	int rc = make_tenant_dir(into, tenant, &path, err);

	data = text_of("%s/%s", path, "data.mdb");
	if (rc == 0)
		rc = store_copy(s, data, err);
	if (rc == 0 && !tenant) {       /* what the audit is held against */
		from = text_of("%s/%s", s->path, "audit.anchor");
		to = text_of("%s/%s", path, "audit.anchor");
		rc = copy_file(from, to, err);
	}
	if (rc >= 0)
		rc = store_sync_dir(path, err);
	free(from);
	free(to);
	free(data);
	free(path);
	return rc;
}

struct whole { const char *store, *into; struct err *err; };

static int
one_tenant(void *self, const char *name)
{
	const struct whole *w = self;
	struct store *s;
	int rc;

	if (!store_is_made(w->store, name))
		return 0;               /* or nothing of the others would be copied */
	s = store_open(w->store, name, STORE_READ, w->err);
	rc = s ? store_backup(s, name, w->into, w->err) : w->err->code;

	store_close(s);
	return rc;
}

static int
backup_store(const char *store, const char *into, struct err *err)
{
	struct whole w = { store, into, err };
	int rc = store_check_format(into, STORE_CREATE | STORE_ANYWHERE, err);

	if (rc == 0)
		rc = store_tenants(store, one_tenant, &w, err);
	return rc ? rc : one_tenant(&w, NULL);
}

/* ---- a folder of them */

static void
name_of(int64_t now, char name[NAME_LEN + 1])
{
	char t[TIME_LEN + 1] = "";

	time_print(now, t);             /* 2026-11-28T20:45:00.123Z */
	snprintf(name, NAME_LEN + 1, "%.4s%.2s%.5s%.2s%.7s", t, t + 5, t + 8, t + 14, t + 17);
}

static int
time_of(const char *name, int64_t *time)
{
	char t[TIME_LEN + 1];

	if (strlen(name) != NAME_LEN || name[8] != 'T')
		return -1;
	snprintf(t, sizeof(t), "%.4s-%.2s-%.5s:%.2s:%.7s", name, name + 4, name + 6, name + 11, name + 13);
	return time_parse_rfc3339((struct str){ t, TIME_LEN }, time);
}

struct made { int64_t time; char name[NAME_LEN + 1]; };

static int
by_time(const void *a, const void *b)
{
	const struct made *x = a, *y = b;

	return (x->time > y->time) - (x->time < y->time);
}

static int
list_backups(const char *dir, struct made **list, size_t *n, struct err *err)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int64_t time;

	*list = NULL;
	*n = 0;
	if (!d)
		return fail(err, dir);
	while ((e = readdir(d)))
		if (time_of(e->d_name, &time) == 0) {
			*list = mem_grow(*list, *n + 1, sizeof(**list));
			(*list)[*n].time = time;
			memcpy((*list)[(*n)++].name, e->d_name, NAME_LEN + 1);
		}
	closedir(d);
	if (*n)
		qsort(*list, *n, sizeof(**list), by_time);
	return 0;
}

/* An old one loses its name first, so that none is there by half. */
static int
drop_backup(const char *dir, const char *name, struct err *err)
{
	char *from = text_of("%s/%s", dir, name), *gone = text_of("%s/.gone-%s", dir, name);
	int rc = rename(from, gone) || remove_tree(AT_FDCWD, gone) ? fail(err, from) : 0;

	free(from);
	free(gone);
	return rc;
}

enum { TAKEN = -1, UNLOCKED = -2 };

/* A folder is locked by who makes what is in it: the fd; TAKEN: somebody else does; UNLOCKED: there are no such locks here (NFS). */
static int
lock_folder(const char *path)
{
	int fd = io_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), rc;

	if (fd < 0)
		return UNLOCKED;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	rc = errno == EWOULDBLOCK ? TAKEN : UNLOCKED;
	close(fd);
	return rc;
}

/* What backups left that were killed: a day ago or more, since those of an older version do not lock what they make. */
static void
sweep(const char *dir, int64_t now)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int64_t time;

	while (d && (e = readdir(d))) {
		char *path;
		int fd;

		if (!str_starts(str_of(e->d_name), STR(".part-")) && !str_starts(str_of(e->d_name), STR(".gone-")))
			continue;
		if (time_of(e->d_name + 6, &time) || time > now - DAY_MS)
			continue;
		path = text_of("%s/%s", dir, e->d_name);
		if ((fd = lock_folder(path)) >= 0) {
			remove_tree(AT_FDCWD, path);
			close(fd);
		}
		free(path);
	}
	if (d)
		closedir(d);
}

int
store_backup_all(const char *store, const char *dir, int64_t now, long keep, char **path, struct err *err)
{
	char name[NAME_LEN + 1], *part;
	struct made *list = NULL;
	struct stat st;
	size_t n = 0;
	int rc, lock = UNLOCKED, mine = 0;

	name_of(now, name);
	part = text_of("%s/.part-%s", dir, name);
	*path = text_of("%s/%s", dir, name);
	if ((rc = store_check_format(store, 0, err)))
		goto out;
	if (lstat(*path, &st) == 0)
		rc = err_set(err, ERR_IO, "%s: there is a backup of that moment already", *path);
	else if (mkdir(dir, 0700) && errno != EEXIST)
		rc = fail(err, dir);
	else if (sweep(dir, now), mkdir(part, 0700))
		rc = fail(err, part);
	else if ((lock = lock_folder(part)) == TAKEN)
		rc = err_set(err, ERR_IO, "%s: another process has it", part);
	else
		mine = 1;
	if (rc == 0 && (rc = backup_store(store, part, err)) == 0 && rename(part, *path))
		rc = fail(err, *path);
	if (rc && mine)
		remove_tree(AT_FDCWD, part);
	else if (rc == 0)
		rc = store_sync_dir(dir, err);
	if (rc == 0 && keep > 0 && (rc = list_backups(dir, &list, &n, err)) == 0)
		for (size_t i = 0; i + (size_t)keep < n && rc == 0; i++)
			rc = drop_backup(dir, list[i].name, err);
out:
	if (lock >= 0)
		close(lock);
	free(list);
	free(part);
	return rc;
}

/* ---- putting one back */

/* The backup to begin with and the one to go on from: the last made by `until`, and the next; base p NULL: there is none so old. */
static int
choose(const char *backups, int64_t until, char **base, int64_t *base_time, char **next, struct err *err)
{
	char *format = text_of("%s/%s", backups, "format");
	int whole = access(format, F_OK) == 0, rc;
	struct made *list = NULL;
	size_t n = 0, take = 0;

	free(format);
	*base = *next = NULL;
	*base_time = TIME_MIN;
	if (whole) {
		if (until != TIME_NONE)
			return err_set(err, ERR_USAGE, "%s: one backup, which does not tell when it was made: name the folder that has it", backups);
		*base = mem_text(backups);
		return 0;
	}
	if ((rc = list_backups(backups, &list, &n, err)))
		return rc;
	while (take < n && (until == TIME_NONE || list[take].time <= until))
		take++;
	if (take) {
		*base = text_of("%s/%s", backups, list[take - 1].name);
		*base_time = list[take - 1].time;
	}
	if (take < n)
		*next = text_of("%s/%s", backups, list[take].name);
	free(list);
	return n ? 0 : err_set(err, ERR_IO, "%s: no backups there, at-admin backup makes them", backups);
}

/* A tenant of a backup, as a store of its own to work with: the medium of the backup is neither written to nor locked. NULL without an
 * error: the backup has no such tenant. */
static struct store *
copy_tenant(const char *backup, const char *tenant, const char *work, int how, struct err *err)
{
	char *source = store_tenant_path(backup, tenant), *from = text_of("%s/%s", source, "data.mdb"), *path, *to = NULL;
	struct store *s = NULL;
	int rc = make_tenant_dir(work, tenant, &path, err);

	to = text_of("%s/%s", path, "data.mdb");
	if (rc == 0 && copy_file(from, to, err) == 0)
		s = store_open(work, tenant, how, err);
	free(source);
	free(from);
	free(path);
	free(to);
	return s;
}

/* Who was erased since, as the tenant that is replaced remembers it, or the caller. */
struct erasures {
	struct map when;                /* mask -> the time */
	const struct store *key;        /* by whose key the masks are made */
};

struct forward {
	struct store *to, *from;
	struct erasures *erased;
	int64_t since, until;
	const char *kind;
	struct store_restored *out;
	struct err *err;
	size_t n;
	int any;                                /* something came until then */
};

static int
note_erasure(void *self, struct str mask, int64_t when)
{
	struct erasures *e = self;
	int is_new;
	struct map_entry *entry = map_put(&e->when, mask, &is_new);

	if (is_new || entry->num < when)
		entry->num = when;
	return 0;
}

static int
note_state(void *self, struct str mask, struct str value)
{
	int64_t when = INT64_MAX;

	str_int64(value, &when);
	return note_erasure(self, mask, when);
}

/* The list out of the tenant that is replaced, else from elsewhere. `unreadable` says why it could not be opened, or that its file is
 * lost (code 0): then what is known elsewhere counts, and where nothing is there is no more to be had. */
static int
find_erasures(struct erasures *e, struct store *present, const char *tenant, store_erasures *elsewhere, void *self, struct err *unreadable,
    struct err *err)
{
	struct err ignored = { 0 };

	e->key = present;
	if (present && store_each_state(present, STORE_ERASED, note_state, e, unreadable) == 0)
		return 0;
	if ((elsewhere && elsewhere(self, tenant, note_erasure, e, &ignored) == 0) || !unreadable->code)
		return 0;
	return err_set(err, unreadable->code, "%s; so it is not known which users were erased since: nothing was changed, "
	    "move the tenant's folder away to restore without", unreadable->text);
}

/* 1 when the user was erased, and what it is of came before. */
static int
is_erased(const void *self, struct str user, int64_t came)
{
	const struct erasures *e = self;
	char mask[STORE_MASK_LEN];
	const struct map_entry *entry;

	store_mask(e->key, user, mask);
	entry = map_find(&e->when, (struct str){ mask, sizeof(mask) });
	return entry && came <= entry->num;
}

/* Who was erased since is erased here too, and stays so. */
static int
erase_again(struct forward *f)
{
	struct store_dropped gone;
	char when[24];
	int rc = store_begin(f->to, f->err);

	if (rc == 0 && (rc = store_erase(f->to, (struct str){ 0 }, is_erased, f->erased, 0, &gone, f->err)) == 0)
		f->out->erased = gone.events;
	for (struct map_entry *e = map_first(&f->erased->when); e && rc == 0; e = map_next(&f->erased->when, e)) {
		snprintf(when, sizeof(when), "%lld", (long long)e->num);
		rc = store_put_state(f->to, STORE_ERASED, e->key, str_of(when), f->err);
	}
	if (rc == 0)
		rc = store_commit(f->to, f->err);
	store_abort(f->to);
	return rc ? rc : store_shred(f->to, f->err) < 0 ? f->err->code : 0;     /* nor does it stand in free pages */
}

static int
again(struct forward *f)
{
	int rc;

	if (++f->n < STORE_CHUNK_ROWS)
		return 0;
	f->n = 0;
	return (rc = store_commit(f->to, f->err)) ? rc : store_begin(f->to, f->err);
}

static int
add_event(void *self, const struct event *ev, struct err *err)
{
	struct forward *f = self;
	int rc;

	if (ev->received > f->until)
		return 0;
	if (ev->id.p && store_seen(f->to, ev->id, ev->time, DAY_MS, err) < 0)   /* a client that sends it once more is known */
		return err->code;
	if ((rc = store_add(f->to, ev, err)))
		return rc;
	f->out->added++;
	f->any = 1;
	return again(f);
}

static int
add_sample(void *self, const struct store_sample *x)
{
	struct forward *f = self;
	int rc = store_add_sample(f->to, x, f->err);

	f->any = 1;
	return rc ? rc : again(f);
}

static int
add_row(void *self, int64_t time, struct str json)
{
	struct forward *f = self;

	f->any = 1;
	return store_add_row(f->to, f->kind, time, json, f->err);
}

/* What came after the place, until then. */
static int
roll_forward(struct forward *f, struct store_place place)
{
	struct store_news news = { .event = add_event, .kinds = (const char *const[]){ NULL }, .self = f };
	int rc = store_begin(f->to, f->err), samples;

	if (rc == 0 && f->since == TIME_MIN)    /* out of nothing: or no mask would be known again */
		rc = store_hash_as(f->to, f->from, f->err);
	while (rc == 0 && (rc = store_each_new(f->from, &place, &news, &samples, f->err)) > 0)
		rc = 0;
	if (rc == 0)
		rc = store_each_sample(f->from, (struct str){ 0 }, f->since, f->until + 1, add_sample, f, f->err);
	for (size_t i = 0; store_row_kinds[i] && rc == 0; i++) {
		f->kind = store_row_kinds[i];
		rc = store_each_row(f->from, f->kind, f->since, f->until + 1, add_row, f, f->err);
	}
	if (rc == 0)
		rc = store_commit(f->to, f->err);
	store_abort(f->to);
	return rc;
}

/* The file takes the tenant's place, which nobody may have open. */
static int
replace(const char *dir, const char *tenant, struct str file, struct err *err)
{
	struct store s = { .how = STORE_WRITE, .scans_fd = -1 };
	char *data, *lock;
	int rc = make_tenant_dir(dir, tenant, &s.path, err);

	data = text_of("%s/%s", s.path, "data.mdb");
	lock = text_of("%s/%s", s.path, "lock.mdb");
	if (rc == 0 && (rc = store_lock_open(&s, 1, err)) > 0)
		rc = err_set(err, ERR_IO, "%s: another process has the tenant open, stop it and try again: nothing was changed", s.path);
	if (rc == 0 && ((unlink(lock) && errno != ENOENT) || rename(file.p, data)))
		rc = fail(err, data);
	if (rc == 0) {
		store_mark_made(&s);
		rc = store_sync_dir(s.path, err);
	}
	if (s.scans_fd >= 0)
		close(s.scans_fd);
	free(data);
	free(lock);
	free(s.path);
	return rc;
}

static void
tell_nobody(void *self, const char *what)
{
	(void)self, (void)what;
}

/* The tenant as it is to be, in the folder `work`, closed again. */
static int
make(struct store *present, const char *tenant, const char *work, const char *base, int64_t base_time, const char *next, int64_t until,
    struct erasures *erased, struct store_restored *out, struct err *err)
{
	char *made = text_of("%s/%s", work, "made"), *other = text_of("%s/%s", work, "next");
	struct store_place place = { 0 };
	struct store_stats stats;
	struct store *to = base ? copy_tenant(base, tenant, made, STORE_WRITE, err) : store_open(made, tenant, STORE_CREATE, err), *from = NULL;
	struct forward f = { .to = to, .erased = erased, .since = base_time + (base != NULL), .until = until, .out = out, .err = err };
	int rc = to ? 0 : err->code ? err->code : err_set(err, ERR_IO, "%s: no tenant '%s' in it", base, tenant);

	if (rc == 0 && until != TIME_NONE && next && !(from = copy_tenant(next, tenant, other, STORE_READ, err)) && err->code)
		rc = err->code;
	f.from = from ? from : present;
	if (rc == 0 && until != TIME_NONE && !f.from)
		rc = err_set(err, ERR_IO, "%s: what came after it is in no backup, and the store cannot be read: leave --until out to take it as it is", base);
	if (rc == 0 && base)
		rc = store_place_now(to, &place, err);
	if (rc == 0 && until != TIME_NONE)
		rc = roll_forward(&f, place);
	if (rc == 0 && !base && !f.any)         /* a slip of the hand would empty the tenant */
		rc = err_set(err, ERR_INPUT, "%s: nothing had come by then, --until is before all that is known; nothing was changed", tenant);
	if (!erased->key)
		erased->key = to;
	if (rc == 0 && erased->when.n)
		rc = erase_again(&f);
	if (rc == 0 && (rc = store_verify(to, tell_nobody, NULL, err)) > 0)
		rc = err_set(err, ERR_CORRUPT, "%s: the backup is damaged, at-admin -S %s verify tells where; nothing was changed", base ? base : next,
		    base ? base : next);
	if (rc == 0 && (rc = store_stats(to, &stats, err)) == 0)
		out->events = stats.events;
	if (until != TIME_NONE && f.from == present)
		out->next = present ? mem_text(present->dir) : NULL;
	store_close(from);
	store_close(to);
	free(made);
	free(other);
	return rc;
}

/* The tenant that is to be replaced. NULL: it is not there, or *unreadable says why it cannot be read. */
static struct store *
open_present(const char *dir, const char *tenant, struct err *unreadable)
{
	struct store *s = store_open(dir, tenant, STORE_READ, unreadable);
	char *path = store_tenant_path(dir, tenant), *data = text_of("%s/%s", path, "data.mdb"), *mark = text_of("%s/%s", path, "scans.lock");
	struct stat st;

	if (!s && (lstat(data, &st) ? errno == ENOENT || errno == ENOTDIR :
	    st.st_size == 0 && (lstat(mark, &st) || st.st_size == 0)))          /* its first commit never came (store_open) */
		err_clear(unreadable);
	free(mark);
	free(data);
	free(path);
	return s;
}

int
store_restore_ready(const char *dir, const char *tenant, struct err *err)
{
	struct err unreadable = { 0 };
	struct erasures erased = { 0 };
	struct store *present = open_present(dir, tenant, &unreadable);
	int rc = find_erasures(&erased, present, tenant, NULL, NULL, &unreadable, err);

	store_close(present);
	map_release(&erased.when);
	return rc;
}

int
store_restore(const char *dir, const char *tenant, const char *backups, int64_t until, store_erasures *elsewhere, void *self,
    struct store_restored *out, struct err *err)
{
	struct err unreadable = { 0 };
	struct erasures erased = { 0 };
	struct store *present = NULL;
	char *work = text_of("%s/%s", dir, ".restoring"), *folder = store_tenant_path(dir, tenant), *base = NULL, *next = NULL, *file = NULL;
	struct stat st;
	int64_t base_time;
	int rc, lock = UNLOCKED;

	*out = (struct store_restored){ 0 };
	if ((rc = choose(backups, until, &base, &base_time, &next, err)) || (rc = store_check_format(dir, STORE_CREATE, err)))
		goto out;
	if ((lock = lock_folder(dir)) == TAKEN) {       /* two would take away each other's work, and put what is half done in place */
		rc = err_set(err, ERR_IO, "%s: another restore is under way: nothing was changed", dir);
		goto out;
	}
	present = open_present(dir, tenant, &unreadable);
	if (lstat(folder, &st) && errno == ENOENT)
		elsewhere = NULL;       /* it was moved away so that they come back */
	rc = find_erasures(&erased, present, tenant, elsewhere, self, &unreadable, err);
	if (rc == 0 && (remove_tree(AT_FDCWD, work) || mkdir(work, 0700)))
		rc = fail(err, work);
	if (rc == 0)
		rc = make(present, tenant, work, base, base_time, next, until, &erased, out, err);
	store_close(present);
	file = text_of("%s/made/tenants/%s/data.mdb", work, tenant);
	if (rc == 0)
		rc = replace(dir, tenant, str_of(file), err);
	remove_tree(AT_FDCWD, work);
out:
	out->from = base;
	if (out->next || until == TIME_NONE)
		free(next);
	else
		out->next = next;
	map_release(&erased.when);
	if (lock >= 0)
		close(lock);
	free(file);
	free(folder);
	free(work);
	return rc;
}

int
store_restore_plan(const char *backups, int64_t until, struct store_restored *out, struct err *err)
{
	int64_t base_time;

	*out = (struct store_restored){ 0 };
	return choose(backups, until, &out->from, &base_time, &out->next, err);
}

int
store_restore_system(const char *dir, const char *backup, struct err *err)
{
	static const char *const names[] = { "audit.anchor", "data.mdb" };
	char *path = NULL, *source = store_tenant_path(backup, NULL);
	int rc = make_tenant_dir(dir, NULL, &path, err);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && rc >= 0; i++) {
		char *from = text_of("%s/%s", source, names[i]), *to = text_of("%s/%s", path, names[i]), *fresh = text_of("%s/.%s.new", path, names[i]);

		unlink(fresh);
		if ((rc = copy_file(from, fresh, err)) == 0 && rename(fresh, to))
			rc = fail(err, to);
		free(from);
		free(to);
		free(fresh);
	}
	if (rc >= 0)
		rc = store_sync_dir(path, err);
	free(path);
	free(source);
	return rc;
}
