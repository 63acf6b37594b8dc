/* Any role on any event: what is seen is JSON again, without a column that is hidden and with no value of one that is masked; and what
 * is wrong in a role is refused with a reason.
 *
 * The first line is a role, {"rows","events","metrics","hide","mask"}, the second an event's row, the third labels of a series. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/policy.h"
#include "base/arena.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define MOST 16

static char dir[] = "/tmp/at-fuzz-policy-XXXXXX";
static struct store *store;

static int
remove_one(const char *path, const struct stat *st, int what, struct FTW *f)
{
	(void)st, (void)what, (void)f;
	return remove(path);
}

static void
clear(void)
{
	store_close(store);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int
list(struct json v, struct arena *a, const struct str **to)
{
	struct str *all = arena_get(a, MOST * sizeof(*all));
	int n = 0;

	for (struct json_iter it = json_iter(v); v.type == JSON_ARRAY && n < MOST && json_next(&it); )
		if (it.value.type == JSON_STRING)
			all[n++] = json_text_dup(it.value, a);
	*to = all;
	return n;
}

/* No key of an object that is listed, in the same letters; masked ones have a mask or null. */
static void
check(struct str object, const struct policy_text *t)
{
	struct err err = { 0 };
	struct buf scratch = { 0 };

	if (json_check(object, &err))
		abort();
	for (struct json_iter it = json_iter(json_value(object)); json_next(&it); ) {
		struct str key = json_text(it.key, &scratch);

		for (int i = 0; i < t->n_hide; i++)
			if (str_eq(key, t->hide[i]))
				abort();
		for (int i = 0; i < t->n_mask; i++)
			if (str_eq(key, t->mask[i]) && it.value.type != JSON_NULL && (it.value.type != JSON_STRING || it.value.n != STORE_MASK_LEN + 2))
				abort();
	}
	buf_release(&scratch);
}

static void
see(const struct policy *p, const struct policy_text *t, struct str row, struct str labels)
{
	struct err err = { 0 };
	struct policy_reader *r = policy_reader_new(p, store, &err);
	struct event_reader reader = { .now = 0 };
	struct event ev;

	if (!r)
		abort();
	if (event_read(&reader, row, &ev, &err) == 0) {
		for (int i = 0; i < 2; i++) {           /* the second time what it has learnt is used */
			struct event seen = ev;

			if (policy_see(r, &seen, &err) > 0)
				check(seen.properties, t);
		}
	}
	err_clear(&err);
	if (json_check(labels, &err) == 0 && json_value(labels).type == JSON_OBJECT && policy_see_series(r, STR("m"), &labels, &err) > 0)
		check(labels, t);
	policy_reader_free(r);
	event_reader_release(&reader);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str rest = { (const char *)data, size }, role, row = { "", 0 }, labels = { "", 0 };
	struct policy_text t = { .rows = { 0 } };
	struct err err = { 0 };
	struct policy *p;
	struct arena *a;

	if (!store) {
		if (!mkdtemp(dir) || !(store = store_open(dir, "default", STORE_CREATE, &err)))
			abort();
		atexit(clear);
	}
	str_cut(&rest, '\n', &role), str_cut(&rest, '\n', &row), str_cut(&rest, '\n', &labels);
	if (json_check(role, &err))
		return 0;
	a = arena_new(0);
	t.rows = json_text_dup(json_get(json_value(role), STR("rows")), a);
	t.n_events = list(json_get(json_value(role), STR("events")), a, &t.events);
	t.n_metrics = list(json_get(json_value(role), STR("metrics")), a, &t.metrics);
	t.n_hide = list(json_get(json_value(role), STR("hide")), a, &t.hide);
	t.n_mask = list(json_get(json_value(role), STR("mask")), a, &t.mask);
	err_clear(&err);
	p = policy_new(&t, 1, &err);
	if (err.code && (p || !err.text[0]))
		abort();
	if (p)
		see(p, &t, row, labels);
	policy_free(p);
	arena_free(a);
	return 0;
}
