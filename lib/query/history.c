#include "query/history.h"

#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/time.h"
#include "query/query_priv.h"

/* The last `limit` events of a scan, copied: a ring. */
struct ring { struct event *event; char **text; size_t n, at, most; };

static char *
copy(struct event *to, const struct event *e)
{
	const struct str *from[] = { &e->name, &e->id, &e->user_id, &e->session_id, &e->properties };
	struct str *into[] = { &to->name, &to->id, &to->user_id, &to->session_id, &to->properties };
	size_t n = 0;
	char *text, *p;

	for (int i = 0; i < 5; i++)
		n += from[i]->n;
	text = p = mem_new(n + 1);
	*to = *e;
	for (int i = 0; i < 5; i++) {
		if (from[i]->n)
			memcpy(p, from[i]->p, from[i]->n);
		into[i]->p = from[i]->p ? p : NULL;
		p += from[i]->n;
	}
	return text;
}

static int
wanted(const struct history_spec *spec, const struct event *e)
{
	return (!spec->user.p || (e->user_id.p && str_eq(e->user_id, spec->user))) && (!spec->name.p || str_eq(e->name, spec->name));
}

/* What cannot be read, told once, though a follower meets it again. */
struct damage {
	struct map told;
	struct err first;
};

static void
note_damage(struct damage *d, const struct history_spec *spec, const struct err *why)
{
	int is_new;

	map_put(&d->told, str_of(why->text), &is_new);
	if (is_new && spec->skipped)
		spec->skipped(why);
	if (!d->first.code)
		d->first = *why;
}

/* One pass; those with a greater seq than `after` only. */
static int
pass(struct query *q, const struct history_spec *spec, uint64_t after, size_t last,
    int (*each)(void *, const struct event *, struct err *), void *self, uint64_t *seq, struct damage *damage, struct err *err)
{
	const struct store_range range = { .from = spec->from, .to = spec->to, .names = spec->name.p ? &spec->name : NULL, .n_names = spec->name.p != NULL,
		.user_id = spec->user, .after = after, .by_time = 1 };
	struct ring ring = { .most = last };
	struct store *store = query_store(q, err);
	struct store_scan *scan = store ? store_scan_open(store, &range, err) : NULL;
	struct event e;
	uint64_t greatest = *seq;
	int rc, looked = 0;

	if (!scan)
		return err->code;
	if (last) {
		ring.event = mem_grow(NULL, last, sizeof(*ring.event));
		ring.text = mem_new(last * sizeof(*ring.text));
	}
	while ((rc = store_scan_next(scan, &e, err)) > 0 || rc == ERR_CORRUPT) {
		if (rc == ERR_CORRUPT) {
			note_damage(damage, spec, err);
			err_clear(err);
			continue;
		}
		if ((++looked & 0xfff) == 0 && (rc = query_stopped(q, err)) < 0)
			break;
		if (e.seq > greatest)
			greatest = e.seq;
		if (e.seq <= after || !wanted(spec, &e))
			continue;
		if (!last) {
			if ((rc = each(self, &e, err)) != 0)
				break;
			continue;
		}
		free(ring.text[ring.at]);
		ring.text[ring.at] = copy(&ring.event[ring.at], &e);
		ring.at = (ring.at + 1) % ring.most;
		ring.n += ring.n < ring.most;
	}
	store_scan_close(scan);
	for (size_t i = 0; rc == 0 && i < ring.n; i++)
		rc = each(self, &ring.event[(ring.at + ring.most - ring.n + i) % ring.most], err);
	for (size_t i = 0; i < ring.most; i++)
		free(ring.text[i]);
	free(ring.text), free(ring.event);
	*seq = greatest;
	return rc;
}

static int
seen(void *self, const struct event *e, struct err *err)
{
	(void)self, (void)e, (void)err;
	return 0;
}

static int
follow(struct query *q, const struct history_spec *spec, int (*each)(void *, const struct event *, struct err *), void (*idle)(void *),
    void *self, uint64_t version, uint64_t seq, struct damage *damage, struct err *err)
{
	const struct timespec wait = { .tv_nsec = HISTORY_POLL_MS * 1000000L };
	struct store *store = query_store(q, err);
	int rc;

	for (;;) {
		if (idle)
			idle(self);
		nanosleep(&wait, NULL);
		if (query_stopped(q, err) < 0) {
			err_clear(err);
			return 0;
		}
		if (store_version(store) == version)
			continue;
		version = store_version(store);
		if ((rc = pass(q, spec, seq, 0, each, self, &seq, damage, err)) != 0)
			return rc;
	}
}

int
history_run(struct query *q, const struct history_spec *spec, int (*each)(void *, const struct event *, struct err *), void (*idle)(void *),
    void *self, struct err *err)
{
	uint64_t seq = 0, version;
	struct store *store = query_store(q, err);
	size_t last = spec->limit > 0 ? (size_t)(spec->limit < 1000000 ? spec->limit : 1000000) : spec->follow ? 10 : 0;
	struct damage damage = { 0 };
	int rc;

	if (!store)
		return err->code;
	version = store_version(store);
	if (spec->limit == 0 && !spec->follow)
		return 0;
	if (!spec->follow && query_hold(q, err) < 0)
		return err->code;
	rc = pass(q, spec, 0, last, spec->limit ? each : seen, self, &seq, &damage, err);
	if (rc == 0 && spec->follow)
		rc = follow(q, spec, each, idle, self, version, seq, &damage, err);
	if (rc == 0 && damage.first.code && !spec->skipped) {
		*err = damage.first;
		rc = err->code;
	}
	map_release(&damage.told);
	return rc;
}
