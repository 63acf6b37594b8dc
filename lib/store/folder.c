/* folder.c - the folders of a store: making them, its format file, its tenants. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "store/store_priv.h"

static int
fail(struct err *err, const char *path)
{
	return err_set(err, errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO, "%s: %s", path, strerror(errno));
}

int
store_tenant_name_ok(const char *name)
{
	size_t n = strlen(name);

	return n >= 1 && n <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

int
store_tenant_name(const char *name, struct err *err)
{
	return store_tenant_name_ok(name) ? 0 : err_set(err, ERR_USAGE, "'%.70s' is no tenant's name, use 1 to 63 of a-z 0-9 _ -", name);
}

char *
store_tenant_path(const char *dir, const char *tenant)
{
	struct buf b = { 0 };

	if (tenant)
		buf_printf(&b, "%s/tenants/%s", dir, tenant);
	else
		buf_printf(&b, "%s/system", dir);
	buf_text(&b);
	return b.p;
}

int
store_sync_dir(const char *path, struct err *err)
{
	int fd = io_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), rc = 0;

	if (fd < 0 || (fsync(fd) && errno != EINVAL && errno != EROFS))
		rc = fail(err, path);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int
sync_parent(const char *path, struct err *err)
{
	char *parent = mem_text(path), *slash = strrchr(parent, '/');
	int rc;

	if (slash == parent)
		slash[1] = 0;
	else if (slash)
		*slash = 0;
	rc = store_sync_dir(slash ? parent : ".", err);
	free(parent);
	return rc;
}

int
store_make_dir(const char *path, struct err *err)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return sync_parent(path, err);
	if (errno != EEXIST)
		return fail(err, path);
	if (lstat(path, &st))
		return fail(err, path);
	return S_ISDIR(st.st_mode) ? 0 : err_set(err, ERR_IO, "%s: no directory, and a store follows no symbolic links inside itself", path);
}

/* The store's own directory with those above it; it may be a link of the user's choice. */
static int
make_store_dir(const char *dir, struct err *err)
{
	char *path = mem_text(dir);
	struct stat st;
	int rc = 0;

	for (char *p = path + 1; rc == 0; p++)
		if (*p == '/' || *p == 0) {
			char was = *p;

			*p = 0;
			if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
				if (mkdir(path, 0700) && errno != EEXIST)
					rc = fail(err, path);
				else
					rc = sync_parent(path, err);
			}
			if ((*p = was) == 0)
				break;
		}
	free(path);
	return rc;
}

/* Locks and memory maps of LMDB do not hold between machines. */
static int
check_file_system(const char *dir, struct err *err)
{
	static const struct { unsigned long magic; const char *name; } far[] = {
		{ 0x6969, "NFS" }, { 0x517b, "SMB" }, { 0xff534d42, "CIFS" }, { 0xfe534d42, "SMB" }, { 0x5346414f, "AFS" },
		{ 0x73757245, "Coda" }, { 0x564c, "NCP" }, { 0x01021997, "9p" },
	};
	struct statfs fs;

	if (statfs(dir, &fs))
		return fail(err, dir);
	for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++)
		if ((unsigned long)(unsigned int)fs.f_type == far[i].magic)
			return err_set(err, ERR_IO, "%s: on %s, a network's file system, where locks do not hold, put the store on a local disk",
			    dir, far[i].name);
	return 0;
}

/* 1 when nothing is in it but what making a store leaves. */
static int
is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int empty = d != NULL;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && strncmp(e->d_name, "format", 6) && strcmp(e->d_name, "lost+found"))
			empty = 0;
	if (d)
		closedir(d);
	return empty;
}

static int
write_format(const char *dir, struct err *err)
{
	struct buf tmp = { 0 }, path = { 0 };
	char text[32];
	int fd, n = snprintf(text, sizeof(text), "at-store %d\n", STORE_FORMAT), rc = 0;

	buf_printf(&path, "%s/format", dir);
	buf_printf(&tmp, "%s/format.%ld", dir, (long)getpid());
	unlink(buf_text(&tmp));
	fd = io_open(tmp.p, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || io_write(fd, text, (size_t)n) || fsync(fd) || rename(tmp.p, buf_text(&path))) {
		rc = fail(err, path.p ? path.p : tmp.p);
		unlink(tmp.p);
	}
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		rc = store_sync_dir(dir, err);
	buf_release(&tmp);
	buf_release(&path);
	return rc;
}

/* Where the tenants lie; what is not there yet is no link. */
static int
check_folders(const char *dir, struct err *err)
{
	static const char *const names[] = { "tenants", "system" };
	struct buf path = { 0 };
	struct stat st;
	int rc = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && rc == 0; i++) {
		buf_clear(&path);
		buf_printf(&path, "%s/%s", dir, names[i]);
		if (lstat(buf_text(&path), &st) == 0 && !S_ISDIR(st.st_mode))
			rc = err_set(err, ERR_IO, "%s: no directory, and a store follows no symbolic links inside itself", path.p);
	}
	buf_release(&path);
	return rc;
}

int
store_check_format(const char *dir, int how, struct err *err)
{
	const int create = how & STORE_CREATE;
	struct buf path = { 0 };
	char text[64] = "";
	struct stat st;
	int fd = -1, rc = 0, version;
	ssize_t n;

	buf_printf(&path, "%s/format", dir);
	if (stat(dir, &st)) {
		if (errno != ENOENT || !create) {
			rc = errno == ENOENT ? err_set(err, ERR_IO, "%s: no store there, make one with `at-admin init` or by `at-ingest`", dir) : fail(err, dir);
			goto out;
		}
		if ((rc = make_store_dir(dir, err)))
			goto out;
	} else if (!S_ISDIR(st.st_mode)) {
		rc = err_set(err, ERR_IO, "%s: no directory, so no store", dir);
		goto out;
	}
	if (!(how & STORE_ANYWHERE) && (rc = check_file_system(dir, err)))
		goto out;
	fd = io_open(buf_text(&path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0 && errno == ENOENT) {
		if (!is_empty(dir))
			rc = err_set(err, ERR_IO, "%s: no store: it holds other files and no file 'format', name another directory", dir);
		else if (!create)
			rc = err_set(err, ERR_IO, "%s: no store there, make one with `at-admin init` or by `at-ingest`", dir);
		else
			rc = write_format(dir, err);
		goto out;
	}
	if (fd < 0) {
		rc = errno == ELOOP ? err_set(err, ERR_IO, "%s: a symbolic link, which a store never has, remove it", path.p) : fail(err, path.p);
		goto out;
	}
	n = io_read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	if (sscanf(text, "at-store %d", &version) != 1 || version < 1)
		rc = err_set(err, ERR_CORRUPT, "%s: does not read 'at-store %d': the directory is no store", path.p, STORE_FORMAT);
	else if (version > STORE_FORMAT)
		rc = err_set(err, ERR_IO, "%s: written by a newer at (format %d, this one reads up to %d), install the newer version", dir,
		    version, STORE_FORMAT);
	else
		rc = check_folders(dir, err);
out:
	if (fd >= 0)
		close(fd);
	buf_release(&path);
	return rc;
}

/* ---- tenants */

int
store_init(const char *dir, struct err *err)
{
	struct store *s = store_open(dir, "default", STORE_CREATE, err);
	struct buf path = { 0 };
	int rc;

	if (!s)
		return err->code;
	store_close(s);
	buf_printf(&path, "%s/system", dir);
	rc = store_make_dir(buf_text(&path), err);
	buf_release(&path);
	return rc;
}

int
store_tenant_add(const char *dir, const char *name, struct err *err)
{
	struct store *s;
	struct stat st;
	char *path;
	int rc;

	if (store_tenant_name(name, err))
		return err->code;
	path = store_tenant_path(dir, name);
	rc = lstat(path, &st) == 0 && store_is_made(dir, name) ? err_set(err, ERR_IO, "%s: there is a tenant '%s' already", dir, name) : 0;
	free(path);
	if (rc)
		return rc;
	s = store_open(dir, name, STORE_CREATE, err);
	store_close(s);
	return s ? 0 : err->code;
}

/* Begun and not finished is a data.mdb of at most the two pages that LMDB begins with, beside a scans.lock that no commit has marked
 * (env.c, check_size). What cannot be seen is told when it is opened. */
int
store_is_made(const char *dir, const char *tenant)
{
	char *path = store_tenant_path(dir, tenant);
	struct buf name = { 0 };
	struct stat data, mark;
	int unseen, made;

	buf_printf(&name, "%s/data.mdb", path);
	errno = 0;
	made = lstat(buf_text(&name), &data) == 0 && data.st_size > 2 * sysconf(_SC_PAGESIZE);
	unseen = !made && errno && errno != ENOENT && errno != ENOTDIR;
	buf_clear(&name);
	buf_printf(&name, "%s/scans.lock", path);
	made = made || unseen || (lstat(buf_text(&name), &mark) == 0 && mark.st_size);
	buf_release(&name);
	free(path);
	return made;
}

int
store_has_system(const char *dir)
{
	return store_is_made(dir, NULL);
}

int
store_has_tenant(const char *dir, struct str name)
{
	char text[64] = "", *path;
	struct stat st;
	int there;

	if (name.n < sizeof(text) && !memchr(name.p, 0, name.n))
		memcpy(text, name.p, name.n), text[name.n] = 0;
	if (!store_tenant_name_ok(text))
		return 0;
	path = store_tenant_path(dir, text);
	there = lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && store_is_made(dir, text);
	free(path);
	return there;
}

/* What is no folder is told by whoever opens it. */
static int
is_one(const char *dir, const char *name)
{
	char *path = store_tenant_path(dir, name);
	struct stat st;
	int made = lstat(path, &st) || !S_ISDIR(st.st_mode) || store_is_made(dir, name);

	free(path);
	return made;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
store_tenants(const char *dir, int (*each)(void *, const char *name), void *self, struct err *err)
{
	struct buf path = { 0 };
	char **names = NULL;
	struct dirent *e;
	size_t n = 0;
	DIR *d;
	int rc;

	if ((rc = store_check_format(dir, STORE_ANYWHERE, err)))
		return rc;
	buf_printf(&path, "%s/tenants", dir);
	d = opendir(buf_text(&path));
	if (!d && errno != ENOENT)
		rc = fail(err, path.p);
	while (d && (e = readdir(d)))
		if (store_tenant_name_ok(e->d_name) && is_one(dir, e->d_name)) {
			names = mem_grow(names, n + 1, sizeof(*names));
			names[n++] = mem_text(e->d_name);
		}
	if (d)
		closedir(d);
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		if (rc == 0)
			rc = each(self, names[i]);
		free(names[i]);
	}
	free(names);
	buf_release(&path);
	return rc;
}

/* The folder first gets a name that is no tenant's, so that it is gone whole or not at all; then its files go. */
int
store_tenant_remove(const char *dir, const char *name, struct err *err)
{
	char *path, *gone = NULL;
	struct buf b = { 0 };
	struct dirent *e;
	struct stat st;
	DIR *d = NULL;
	int rc;

	if (store_tenant_name(name, err))
		return err->code;
	if ((rc = store_check_format(dir, 0, err)))
		return rc;
	path = store_tenant_path(dir, name);
	if (lstat(path, &st) && errno == ENOENT) {
		rc = err_set(err, ERR_IO, "%s: there is no tenant '%s'", dir, name);
		goto out;
	}
	if (!S_ISDIR(st.st_mode)) {
		rc = err_set(err, ERR_IO, "%s: no directory, and a store follows no symbolic links inside itself", path);
		goto out;
	}
	buf_printf(&b, "%s/tenants/.gone-%s-%ld", dir, name, (long)getpid());
	gone = mem_text(buf_text(&b));
	if (rename(path, gone) || (rc = sync_parent(path, err)) || !(d = opendir(gone))) {
		rc = rc ? rc : fail(err, path);
		goto out;
	}
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && unlinkat(dirfd(d), e->d_name, 0))
			rc = fail(err, gone);
	if (rc == 0 && rmdir(gone))
		rc = fail(err, gone);
	if (rc == 0)
		rc = sync_parent(path, err);
out:
	if (d)
		closedir(d);
	buf_release(&b);
	free(gone);
	free(path);
	return rc;
}
