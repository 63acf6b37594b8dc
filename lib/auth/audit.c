/* audit.c - the chain of what was done.
 *
 * Rows of the kind "audit" in the system environment, keyed by (time, number). The key's time never goes back, even where the
 * clock did, so that the order of keys is the order of the chain; the entry tells the clock's own. "meta" "audit" has the last
 * entry's number, key time and hash; system/audit.anchor the same as "NUMBER HASH\n", written over in place behind each commit.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth_priv.h"
#include "auth/trail.h"
#include "base/io.h"
#include "base/time.h"
#include "crypt/crypt.h"

#define HEX       64
#define TEXT_MOST 1000          /* bytes of one text of an entry: what is longer is cut */
#define HASH_PART ",\"hash\":\""
#define ANCHOR    86            /* 20 digits, blank, 64 digits, newline */

static const char first[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* ---- the last entry */

static int
read_head(struct store *s, struct audit_head *head, struct err *err)
{
	struct buf b = { 0 };
	int rc = store_get_state(s, "meta", STR("audit"), &b, err);
	long long seq, time;

	*head = (struct audit_head){ .time = TIME_MIN };
	memcpy(head->hash, first, HEX);
	if (rc > 0) {
		if (sscanf(buf_text(&b), "%lld %lld %64[0-9a-f]", &seq, &time, head->hash) == 3 && strlen(head->hash) == HEX && seq > 0) {
			head->seq = seq;
			head->time = time;
			rc = 0;
		} else {
			rc = err_set(err, ERR_CORRUPT, "audit: the record of the last entry is damaged");
		}
	}
	buf_release(&b);
	return rc < 0 ? rc : 0;
}

static int
put_head(struct auth *a, struct err *err)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%lld %lld %s", (long long)a->head.seq, (long long)a->head.time, a->head.hash);

	return store_put_state(a->store, "meta", STR("audit"), (struct str){ text, (size_t)n }, err);
}

/* ---- adding */

static void
put_member(struct buf *b, const char *name, struct str text)
{
	if (!text.p)
		return;
	if (text.n > TEXT_MOST)
		text.n = TEXT_MOST;
	buf_printf(b, ",\"%s\":", name);
	while (text.n) {                /* cut where the text is whole; what is no UTF-8 ends it */
		long fault = str_utf8_fault(text);

		if (fault < 0)
			break;
		text.n = (size_t)fault;
	}
	json_put_string(b, text);
}

int
audit_put(struct auth *a, const struct audit_entry *e, struct err *err)
{
	int64_t now = time_now();
	struct buf b = { 0 };
	uint8_t hash[32];
	char hex[HEX + 1];
	struct buf digits = { 0 };
	int rc;

	if (!a->audited && (rc = read_head(a->store, &a->head, err)))
		return rc;
	a->audited = 1;
	buf_printf(&b, "{\"seq\":%lld,\"timestamp\":", (long long)a->head.seq + 1);
	json_put_time(&b, now);
	put_member(&b, "tenant", e->tenant.p ? e->tenant : STR("-"));
	put_member(&b, "who", e->who.p ? e->who : STR("-"));
	put_member(&b, "from", e->from.p ? e->from : STR("-"));
	put_member(&b, "action", e->action);
	put_member(&b, "object", e->object);
	put_member(&b, "result", e->result);
	put_member(&b, "request", e->request);
	if (e->rows.p)
		buf_printf(&b, ",\"rows\":%.*s", STR_FMT(e->rows));
	buf_printf(&b, ",\"previous\":\"%s\"", a->head.hash);
	crypt_sha256(buf_get(&b), hash);
	crypt_hex((struct str){ (const char *)hash, 32 }, &digits);
	memcpy(hex, buf_text(&digits), HEX + 1);
	buf_printf(&b, HASH_PART "%s\"}", hex);
	if (now < a->head.time)
		now = a->head.time;
	if ((rc = store_add_row(a->store, "audit", now, buf_get(&b), err)) == 0) {
		a->head.seq++;
		a->head.time = now;
		memcpy(a->head.hash, hex, HEX + 1);
		rc = put_head(a, err);
	}
	buf_release(&digits);
	buf_release(&b);
	return rc;
}

int
audit_put_act(struct auth *a, const struct auth_actor *actor, struct str tenant, const char *action, const char *what, struct str object, struct err *err)
{
	struct buf b = { 0 };
	struct audit_entry e = { .tenant = tenant, .who = actor->who ? actor->who->name : actor->name, .from = actor->from,
		.action = str_of(action), .result = STR("ok"), .request = actor->request };
	int rc;

	buf_lit(&b, what);
	buf_byte(&b, ' ');
	buf_str(&b, object);
	e.object = buf_get(&b);
	rc = audit_put(a, &e, err);
	buf_release(&b);
	return rc;
}

int
audit_add(struct auth *a, const struct audit_entry *e, struct err *err)
{
	int rc = auth_begin(a, err);

	return rc ? rc : auth_end(a, audit_put(a, e, err), err);
}

void
audit_forget(struct auth *a)
{
	a->audited = 0;
}

/* ---- the anchor: no fsync, since one that is a little old is as true; a disk that takes none does not stop the work */

static int
open_anchor(struct auth *a, int flags)
{
	struct buf path = { 0 };
	int fd;

	buf_printf(&path, "%s/system/audit.anchor", a->dir);
	fd = io_open(buf_text(&path), flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	buf_release(&path);
	return fd;
}

/* What root makes in somebody's store is that somebody's. */
static void
give_anchor(struct auth *a, int fd)
{
	struct stat st;

	if (geteuid() == 0 && stat(store_path(a->store).p, &st) == 0 && st.st_uid != 0 && fchown(fd, st.st_uid, st.st_gid))
		return;                 /* no worse than before */
}

void
audit_anchor(struct auth *a)
{
	char text[ANCHOR + 1];
	int fd;

	if (!a->audited || (fd = open_anchor(a, O_WRONLY | O_CREAT)) < 0)
		return;
	snprintf(text, sizeof(text), "%020lld %s\n", (long long)a->head.seq, a->head.hash);
	io_write(fd, text, ANCHOR);
	give_anchor(a, fd);
	close(fd);
}

/* ---- reading */

struct store *
audit_trail(struct auth *a)
{
	return a->reader;
}

int
audit_each(struct auth *a, struct str tenant, int64_t from, int64_t to, int (*each)(void *, struct str json), void *self, struct err *err)
{
	return a->reader ? trail_each(a->reader, tenant, from, to, each, self, err) : 0;
}

/* ---- verifying */

struct anchor { int64_t seq; char hash[HEX + 1]; };

struct verifying {
	struct audit_head last;
	struct anchor anchor[2];        /* of the file, of the caller; seq 0: none */
	int met[2], told;               /* told: the error says which entry */
	struct err *err;
};

static int
verify_one(void *self, int64_t time, struct str json)
{
	struct verifying *v = self;
	const size_t tail = sizeof(HASH_PART) - 1 + HEX + 2;
	struct json entry = json_value(json);
	struct buf hex = { 0 };
	int64_t seq = 0, want = v->last.seq + 1;
	int rc = 0;

	if (json.n <= tail || memcmp(json.p + json.n - tail, HASH_PART, sizeof(HASH_PART) - 1) || json_check(json, v->err))
		rc = err_set(v->err, ERR_CORRUPT, "entry %lld is none: it was changed", (long long)want);
	else if (auth_hash_hex((struct str){ json.p, json.n - tail }, &hex), memcmp(hex.p, json.p + json.n - 2 - HEX, HEX))
		rc = err_set(v->err, ERR_CORRUPT, "entry %lld does not have its hash: it was changed", (long long)want);
	else if (!json_int64(json_get(entry, STR("seq")), &seq) || seq != want)
		rc = err_set(v->err, ERR_CORRUPT, "entry %lld is missing: entry %lld stands in its place", (long long)want, (long long)seq);
	else if (!json_text_eq(json_get(entry, STR("previous")), (struct str){ v->last.hash, HEX }))
		rc = err_set(v->err, ERR_CORRUPT, "entry %lld does not follow entry %lld: one of them was changed", (long long)want, (long long)want - 1);
	else if (time < v->last.time)
		rc = err_set(v->err, ERR_CORRUPT, "entry %lld stands in another place than it was given", (long long)want);
	if (rc == 0) {
		v->last.seq = seq;
		v->last.time = time;
		memcpy(v->last.hash, hex.p, HEX);
		for (int i = 0; i < 2 && rc == 0; i++)
			if (v->anchor[i].seq == seq) {
				v->met[i] = 1;
				if (memcmp(v->anchor[i].hash, hex.p, HEX))
					rc = err_set(v->err, ERR_CORRUPT, "entry %lld is another than the anchor %s remembers: the log was written anew",
					    (long long)seq, i ? "given" : "in audit.anchor");
			}
	}
	v->told = rc != 0;
	buf_release(&hex);
	return rc;
}

static int
read_anchor_file(struct auth *a, struct anchor *anchor, struct err *err)
{
	char text[ANCHOR + 1] = "";
	int fd = open_anchor(a, O_RDONLY);
	long long seq;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? err_set(err, ERR_CORRUPT, "audit.anchor is gone: the log may have been cut") :
		    err_set(err, ERR_IO, "audit.anchor: %s", strerror(errno));
	n = io_read(fd, text, ANCHOR);
	close(fd);
	if (n != ANCHOR || sscanf(text, "%lld %64[0-9a-f]", &seq, anchor->hash) != 2 || strlen(anchor->hash) != HEX || seq < 1)
		return err_set(err, ERR_CORRUPT, "audit.anchor is damaged: the log may have been cut");
	anchor->seq = seq;
	return 0;
}

static int
parse_anchor(struct str text, struct anchor *anchor, struct err *err)
{
	struct str rest = text, seq;

	if (!str_cut(&rest, ':', &seq) || str_int64(seq, &anchor->seq) || anchor->seq < 1 || rest.n != HEX)
		return err_set(err, ERR_USAGE, "'%.*s' is no anchor, which reads NUMBER:HASH", (int)(text.n > 80 ? 80 : text.n), text.p);
	memcpy(anchor->hash, rest.p, HEX);
	return 0;
}

int64_t
audit_verify(struct auth *a, struct str anchor, struct buf *now, struct err *err)
{
	struct verifying v = { .last = { .time = TIME_MIN }, .err = err };
	struct audit_head head = { 0 };
	int rc;

	memcpy(v.last.hash, first, HEX);
	if ((rc = anchor.p ? parse_anchor(anchor, &v.anchor[1], err) : 0) || (a->reader && (rc = read_head(a->reader, &head, err))) ||
	    (head.seq && (rc = read_anchor_file(a, &v.anchor[0], err))))
		return rc;
	rc = a->reader ? store_each_row(a->reader, "audit", TIME_MIN, TIME_MAX + 1, verify_one, &v, err) : 0;
	if (rc == ERR_CORRUPT && !v.told)
		return err_at(err, "entry %lld cannot be read", (long long)v.last.seq + 1);
	if (rc < 0)
		return rc;
	if (v.last.seq < head.seq)
		return err_set(err, ERR_CORRUPT, "the log ends with entry %lld, and there were %lld: its tail was cut", (long long)v.last.seq,
		    (long long)head.seq);
	for (int i = 0; i < 2; i++)
		if (v.anchor[i].seq && !v.met[i])
			return err_set(err, ERR_CORRUPT, "the log ends with entry %lld, and there were %lld, as the anchor %s remembers: its tail was cut",
			    (long long)v.last.seq, (long long)v.anchor[i].seq, i ? "given" : "in audit.anchor");
	if (head.seq == v.last.seq && head.seq && memcmp(head.hash, v.last.hash, HEX))
		return err_set(err, ERR_CORRUPT, "entry %lld is another than was written last", (long long)head.seq);
	if (now && v.last.seq)
		buf_printf(now, "%lld:%.64s", (long long)v.last.seq, v.last.hash);
	return v.last.seq;
}
