/* The store: what was committed is read back, once, in any order of writing, sealing and reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/admin.h"
#include "store/store_priv.h"
#include "folder.h"

/* Event i of a ledger: everything about it follows from its number. */
struct made { char name[32], id[32], user[32], session[32], properties[256]; struct event ev; };

static void
make_event(struct made *m, unsigned i, int64_t time)
{
	m->ev = (struct event){ .time = time, .received = 1700000000000 + i / 10 };
	m->ev.name = (struct str){ m->name, (size_t)sprintf(m->name, "event_%u", i % 7) };
	if (i % 3)
		m->ev.user_id = (struct str){ m->user, (size_t)sprintf(m->user, "u%u", i % 1000) };
	if (i % 5 == 0)
		m->ev.id = (struct str){ m->id, (size_t)sprintf(m->id, "id-%u", i) };
	if (i % 2)
		m->ev.session_id = (struct str){ m->session, (size_t)sprintf(m->session, "s%u", i / 100) };
	m->ev.properties = (struct str){ m->properties, (size_t)sprintf(m->properties, "{\"n\":%u,\"page\":\"/p%u\",\"nested\":{\"a\":[1,\"x,}\"]}}", i, i % 50) };
}

static int
same_event(const struct event *a, const struct event *b)
{
	return str_eq(a->name, b->name) && a->time == b->time && a->received == b->received && str_eq(a->id, b->id) &&
	    !a->id.p == !b->id.p && str_eq(a->user_id, b->user_id) && !a->user_id.p == !b->user_id.p &&
	    str_eq(a->session_id, b->session_id) && !a->session_id.p == !b->session_id.p && str_eq(a->properties, b->properties);
}

static unsigned
number_of(const struct event *ev)
{
	return (unsigned)strtoul(ev->properties.p + 5, NULL, 10);
}

static void
add_range(struct store *s, unsigned from, unsigned to, int64_t (*time)(unsigned))
{
	struct err err = { 0 };
	struct made m;

	OK(store_begin(s, &err));
	for (unsigned i = from; i < to; i++) {
		make_event(&m, i, time(i));
		OK(store_add(s, &m.ev, &err));
	}
	OK(store_commit(s, &err));
}

static int64_t rising(unsigned i) { return 1700000000000 + i * 10; }
static int64_t jumping(unsigned i) { return 1700000000000 + (i * 2654435761u) % 100000000; }
static int64_t overlapping(unsigned i) { return 1700000000000 + (i % 1000) * 1000 + i; }

/* Every event of 0…n comes exactly once and as it was; by_time in order. */
static void
check_all(struct store *s, unsigned n, int64_t (*time)(unsigned), int by_time)
{
	struct store_range all = { .from = TIME_MIN, .to = TIME_MAX + 1, .by_time = by_time };
	struct err err = { 0 };
	unsigned char *seen = mem_new(n + 1);
	struct store_scan *scan = store_scan_open(s, &all, &err);
	int64_t last = INT64_MIN;
	uint64_t last_seq = 0;
	struct event ev;
	unsigned many = 0;
	int rc;

	assert_non_null(scan);
	while ((rc = store_scan_next(scan, &ev, &err)) > 0) {
		unsigned i = number_of(&ev);
		struct made m;

		assert_true(i < n && !seen[i]);
		seen[i] = 1;
		make_event(&m, i, time(i));
		assert_true(same_event(&ev, &m.ev));
		if (by_time)
			assert_true(ev.time > last || (ev.time == last && ev.seq > last_seq));
		last = ev.time;
		last_seq = ev.seq;
		many++;
	}
	if (rc)
		fail_msg("%s", err.text);
	assert_int_equal(many, n);
	store_scan_close(scan);
	free(seen);
}

static void
tell(void *self, const char *what)
{
	(void)self;
	printf("# %s\n", what);
}

static void
check_store(struct store *s)
{
	struct err err = { 0 };
	assert_int_equal(store_verify(s, tell, NULL, &err), 0);
}

/* Whatever the sizes of the transactions and the order of times, all is there after each commit and after reopening. */
static void
what_is_committed_is_read_back(void **state)
{
	static const unsigned cut[] = { 1, 2, 10, 500, 70000, 70001, 140000, 150000, 216000, 216001, 216500 };
	int64_t (*const times[])(unsigned) = { rising, jumping, overlapping };
	struct err err = { 0 };

	(void)state;
	for (int t = 0; t < 3; t++) {
		char tenant[16];
		struct store *s;
		unsigned done = 0;

		sprintf(tenant, "t%d", t);
		s = store_open(dir, tenant, STORE_CREATE, &err);
		if (!s)
			fail_msg("%s", err.text);
		for (size_t i = 0; i < sizeof(cut) / sizeof(*cut); i++) {
			add_range(s, done, cut[i], times[t]);
			done = cut[i];
			if (i < 4 || i == 6)
				check_all(s, done, times[t], (int)i % 2);
		}
		check_all(s, done, times[t], 0);
		check_all(s, done, times[t], 1);
		check_store(s);
		store_close(s);
		assert_non_null(s = store_open(dir, tenant, STORE_WRITE, &err));
		check_all(s, done, times[t], 1);
		OK(store_compact(s, &err));
		check_all(s, done, times[t], 0);
		check_all(s, done, times[t], 1);
		check_store(s);
		store_close(s);
	}
}

/* However many chunks span the same time, order by time needs bounded memory: 40 chunks of 16 MiB here. */
static void
many_chunks_of_the_same_time_come_in_order(void **state)
{
	struct store_range all = { .from = TIME_MIN, .to = TIME_MAX + 1, .by_time = 1, .skip = STORE_SKIP_SESSION };
	struct err err = { 0 };
	struct store *s = store_open(dir, "wide", STORE_CREATE, &err);
	size_t big = 300000;
	char *properties = mem_new(big + 1);
	struct event ev = { .name = STR("e"), .properties = { properties, big } };
	struct store_scan *scan;
	struct store_stats st;
	int64_t last = INT64_MIN;
	int n = 40 * 56 + 30, rc, got = 0;

	(void)state;
	assert_non_null(s);
	OK(store_begin(s, &err));
	for (int i = 0; i < n; i++) {
		memset(properties, ' ', big);
		memcpy(properties, "{\"a\":1", 6);
		properties[big - 1] = '}';
		ev.time = (int64_t)i * 7919 % n * 1000;
		OK(store_add(s, &ev, &err));
	}
	OK(store_commit(s, &err));
	OK(store_stats(s, &st, &err));
	assert_true(st.chunks > 33 && st.tail_events > 0);
	assert_non_null(scan = store_scan_open(s, &all, &err));
	while ((rc = store_scan_next(scan, &ev, &err)) > 0) {
		assert_true(ev.time > last && ev.time == (int64_t)got * 1000 && ev.properties.n == big);
		last = ev.time;
		got++;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(got, n);
	store_scan_close(scan);
	free(properties);
	store_close(s);
}

static void
ranges_names_and_users_are_found(void **state)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, "ranges", STORE_CREATE, &err);
	struct str names[] = { STR("event_3"), STR("nobody_did_this") };

	(void)state;
	assert_non_null(s);
	add_range(s, 0, 70000, jumping);
	add_range(s, 70000, 71000, jumping);
	for (int round = 0; round < 40; round++) {
		struct store_range r = { .from = jumping((unsigned)round * 17), .by_time = round & 1, .skip = round & 2 ? STORE_SKIP_ID : 0 };
		struct store_scan *scan;
		struct event ev;
		unsigned want = 0, got = 0;
		int rc;

		r.to = r.from + 1000000 * (round % 9);
		if (round & 4)
			r.names = names, r.n_names = 2;
		if (round & 8)
			r.user_id = STR("u77");
		for (unsigned i = 0; i < 71000; i++) {
			int64_t t = jumping(i);

			want += t >= r.from && t < r.to && (!r.n_names || i % 7 == 3) && (!r.user_id.p || (i % 3 && i % 1000 == 77));
		}
		assert_non_null(scan = store_scan_open(s, &r, &err));
		while ((rc = store_scan_next(scan, &ev, &err)) > 0)
			got++;
		assert_int_equal(rc, 0);
		assert_int_equal(got, want);
		store_scan_close(scan);
	}
	store_close(s);
}

static void
an_open_scan_sees_the_store_as_it_was(void **state)
{
	struct store_range all = { .from = TIME_MIN, .to = TIME_MAX + 1 };
	struct err err = { 0 };
	struct store *s = store_open(dir, "snapshot", STORE_CREATE, &err);
	struct store_dropped dropped;
	struct store_scan *scan;
	struct event ev;
	unsigned n = 0;

	(void)state;
	assert_non_null(s);
	add_range(s, 0, 66000, rising);
	for (unsigned i = 0; i < 10; i++)       /* ten small chunks for compact to merge */
		add_range(s, 66000 + i * 100, 66100 + i * 100, rising), store_compact(s, &err);
	add_range(s, 67000, 67500, rising);
	assert_non_null(scan = store_scan_open(s, &all, &err));
	add_range(s, 67500, 140000, rising);
	OK(store_compact(s, &err));
	OK(store_retain(s, rising(139000), TIME_NONE, 0, &dropped, &err));
	assert_int_equal(dropped.events, 139000);
	OK(store_compact(s, &err));
	while (store_scan_next(scan, &ev, &err) > 0)
		assert_int_equal(number_of(&ev), n), n++;
	assert_int_equal(err.code, 0);
	assert_int_equal(n, 67500);
	store_scan_close(scan);
	n = 0;
	assert_non_null(scan = store_scan_open(s, &all, &err));
	while (store_scan_next(scan, &ev, &err) > 0)
		n++;
	assert_int_equal(n, 1000);
	store_scan_close(scan);
	check_store(s);
	store_close(s);
}

static int
sum_names(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	(void)name;
	assert_true(first <= last);
	*(int64_t *)self += count;
	return 0;
}

static int
one_key(void *self, struct str key, int64_t count)
{
	if (str_eq(key, STR("page")))
		*(int64_t *)self = count;
	return 0;
}

static void
the_vocabulary_counts(void **state)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, "vocab", STORE_CREATE, &err);
	struct store_dropped dropped;
	int64_t names = 0, pages = 0;

	(void)state;
	assert_non_null(s);
	add_range(s, 0, 100000, rising);
	add_range(s, 100000, 100001, rising);
	OK(store_each_name(s, sum_names, &names, &err));
	OK(store_each_property(s, one_key, &pages, &err));
	assert_int_equal(names, 100001);
	assert_int_equal(pages, 100001);
	for (int dry = 1; dry >= 0; dry--) {
		OK(store_retain(s, rising(30000), TIME_NONE, dry, &dropped, &err));
		assert_int_equal(dropped.events, 30000);
	}
	names = pages = 0;
	OK(store_each_name(s, sum_names, &names, &err));
	OK(store_each_property(s, one_key, &pages, &err));
	assert_int_equal(names, 70001);
	assert_int_equal(pages, 70001);
	store_close(s);
}

static void
state_belongs_to_its_transaction(void **state)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, "state", STORE_CREATE, &err);
	struct buf b = { 0 };
	char name[2000];
	struct str longname = { name, sizeof(name) };

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_non_null(s);
	OK(store_begin(s, &err));
	OK(store_put_state(s, "offset", STR("a.log"), STR("17"), &err));
	OK(store_put_state(s, "offset", longname, STR("long"), &err));
	assert_int_equal(store_get_state(s, "offset", STR("a.log"), &b, &err), 1);
	store_abort(s);
	assert_int_equal(store_get_state(s, "offset", STR("a.log"), &b, &err), 0);
	OK(store_begin(s, &err));
	OK(store_put_state(s, "offset", STR("a.log"), STR("18"), &err));
	OK(store_put_state(s, "offset", longname, STR("long"), &err));
	OK(store_put_state(s, "window", STR("a.log"), STR(""), &err));
	OK(store_commit(s, &err));
	assert_int_equal(store_get_state(s, "offset", STR("a.log"), &b, &err), 1);
	assert_true(str_eq(buf_get(&b), STR("18")));
	assert_int_equal(store_get_state(s, "offset", longname, &b, &err), 1);
	assert_true(str_eq(buf_get(&b), STR("long")));
	name[1999] = 'y';
	assert_int_equal(store_get_state(s, "offset", longname, &b, &err), 0);
	assert_int_equal(store_get_state(s, "window", STR("a.log"), &b, &err), 1);
	assert_int_equal(b.n, 0);
	OK(store_begin(s, &err));
	OK(store_drop_state(s, "offset", STR("a.log"), &err));
	OK(store_commit(s, &err));
	assert_int_equal(store_get_state(s, "offset", STR("a.log"), &b, &err), 0);
	buf_release(&b);
	store_close(s);
}

struct sum { int n; double total; int64_t last; };

static int
sum_samples(void *self, const struct store_sample *x)
{
	struct sum *sum = self;

	assert_true(sum->n == 0 || x->time > sum->last);
	assert_true(!x->state.p || str_eq(x->state, STR("dd1:x")));
	sum->last = x->time;
	sum->total += x->value;
	sum->n++;
	return 0;
}

static void
a_sample_at_the_same_time_replaces(void **state)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, "samples", STORE_CREATE, &err);
	struct store_sample x = { .metric = STR("sales"), .labels = STR("{\"shop\":\"a\"}"), .field = STR("count"), .window = STR("1m") };
	struct store_dropped dropped;
	struct sum sum = { 0 };

	(void)state;
	assert_non_null(s);
	for (int round = 0; round < 60; round++) {
		OK(store_begin(s, &err));
		for (unsigned i = 0; i < 200; i++) {
			x.time = (int64_t)((i * 2654435761u + (unsigned)round * 7919u) % 5000) * 60000;
			x.value = (double)(x.time / 60000) / 4;
			x.state = i % 2 ? STR("dd1:x") : (struct str){ 0 };
			OK(store_add_sample(s, &x, &err));
			x.value = -1;
			x.metric = STR("sales2");
			OK(store_add_sample(s, &x, &err));
			x.metric = STR("sales");
		}
		OK(store_commit(s, &err));
	}
	OK(store_begin(s, &err));
	x.state = (struct str){ 0 };
	for (int i = 0; i < 5000; i++) {
		x.time = (int64_t)i * 60000;
		x.value = i + 0.25;
		OK(store_add_sample(s, &x, &err));
	}
	OK(store_commit(s, &err));
	OK(store_each_sample(s, STR("sales"), 0, INT64_MAX, sum_samples, &sum, &err));
	assert_int_equal(sum.n, 5000);
	assert_true(sum.total == 4999.0 * 5000 / 2 + 1250);
	memset(&sum, 0, sizeof(sum));
	OK(store_each_sample(s, STR("sales"), 60000, 180000, sum_samples, &sum, &err));
	assert_int_equal(sum.n, 2);
	OK(store_retain(s, TIME_NONE, 4000 * 60000, 0, &dropped, &err));
	assert_true(dropped.samples >= 4000);
	memset(&sum, 0, sizeof(sum));
	OK(store_each_sample(s, STR("sales"), INT64_MIN, INT64_MAX, sum_samples, &sum, &err));
	assert_int_equal(sum.n, 1000);
	check_store(s);
	store_close(s);
}

static void
an_id_is_seen_once_within_its_span(void **state)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, "dedupe", STORE_CREATE, &err);
	char id[32];
	int n = 300000, rc;

	(void)state;
	assert_non_null(s);
	for (int i = 0; i < n; i++) {
		if (i % 20000 == 0)
			OK(store_begin(s, &err));
		rc = store_seen(s, (struct str){ id, (size_t)sprintf(id, "message-%d", i) }, i, 1000000, &err);
		assert_int_equal(rc, 0);
		if (i % 20000 == 19999)
			OK(store_commit(s, &err));
	}
	store_close(s);
	assert_non_null(s = store_open(dir, "dedupe", STORE_WRITE, &err));
	OK(store_begin(s, &err));
	for (int i = 0; i < n; i++) {
		rc = store_seen(s, (struct str){ id, (size_t)sprintf(id, "message-%d", i) }, i + 500, 1000000, &err);
		if (rc < 0)
			fail_msg("%s", err.text);
		assert_int_equal(rc, 1);
	}
	/* too long ago */
	assert_int_equal(store_seen(s, STR("message-5"), 2000000, 1000000, &err), 0);
	assert_int_equal(store_seen(s, STR("message-5"), 2000000, 1000000, &err), 1);
	for (int i = n; i < n + 40000; i++)
		assert_int_equal(store_seen(s, (struct str){ id, (size_t)sprintf(id, "message-%d", i) }, i, 1000000, &err), 0);
	store_abort(s);
	OK(store_begin(s, &err));
	assert_int_equal(store_seen(s, STR("message-300001"), 2000000, 1000000, &err), 0);
	assert_int_equal(store_seen(s, STR("message-77"), 78, 1000000, &err), 1);
	OK(store_commit(s, &err));
	check_store(s);
	store_close(s);
}

static void
a_tenant_whose_making_was_killed_has_nothing_and_no_backup_fails_for_it(void **state)
{
	struct err err = { 0 };
	char where[100], half[140], copies[100], *path = NULL;
	MDB_env *env = NULL;

	(void)state;
	sprintf(where, "%s/killed", dir);
	sprintf(copies, "%s/copies", dir);
	store_close(store_open(where, "whole", STORE_CREATE, &err));
	assert_true(store_is_made(where, "whole"));
	assert_false(store_is_made(where, "half"));
	sprintf(half, "%s/tenants/half", where);
	assert_int_equal(mkdir(half, 0700), 0);
	assert_false(store_is_made(where, "half"));
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, half, 0, 0600), 0);  /* and no table in it */
	mdb_env_close(env);
	assert_false(store_is_made(where, "half"));
	OK(store_backup_all(where, copies, 1700000000000, 0, &path, &err));
	assert_true(store_is_made(path, "whole"));
	assert_false(store_has_system(path));
	free(path);
	store_close(store_open(where, "half", STORE_CREATE, &err));
	assert_true(store_is_made(where, "half"));
}

static void
a_store_that_is_not_one_is_refused(void **state)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, "none", STORE_READ, &err);

	(void)state;
	assert_null(s);
	assert_non_null(strstr(err.text, "at-admin tenant add"));
	err_clear(&err);
	assert_null(store_open("/tmp/at-no-such-store", "default", STORE_READ, &err));
	assert_non_null(strstr(err.text, "at-admin init"));
	err_clear(&err);
	assert_null(store_open("/etc", "default", STORE_CREATE, &err));
	assert_non_null(strstr(err.text, "no store"));
	err_clear(&err);
	assert_null(store_open(dir, "../x", STORE_CREATE, &err));
	assert_int_equal(err.code, ERR_USAGE);
}

/* What one thread of a server holds is its own: another sees what came since, and the writer goes on. */
static void
a_shared_store_holds_by_itself(void **state)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, "shared", STORE_CREATE, &err), *a, *b;

	(void)state;
	assert_non_null(s);
	add_range(s, 0, 100, rising);
	a = store_share(s);
	b = store_share(a);
	OK(store_hold(a, 0, &err));
	add_range(s, 100, 250, rising);
	OK(store_hold(b, 0, &err));
	check_all(a, 100, rising, 1);
	check_all(b, 250, rising, 1);
	store_let_go(a);
	check_all(a, 250, rising, 1);
	store_close(b);
	store_close(a);
	add_range(s, 250, 300, rising);
	check_all(s, 300, rising, 1);
	store_close(s);
}

static int
sum_counts(void *sum, struct str name, int64_t count, int64_t first, int64_t last)
{
	(void)name;
	assert_true(first <= last);
	*(int64_t *)sum += count;
	return 0;
}

static int
count_page(void *sum, struct str key, int64_t count)
{
	if (str_eq(key, STR("page")))
		*(int64_t *)sum += count;
	return 0;
}

static int
count_row(void *n, int64_t time, struct str json)
{
	(void)time, (void)json;
	++*(int *)n;
	return 0;
}

static int64_t
names_of(struct store *s)
{
	struct err err = { 0 };
	int64_t sum = 0;

	OK(store_each_name(s, sum_counts, &sum, &err));
	return sum;
}

static int
rows_of(struct store *s)
{
	struct err err = { 0 };
	int n = 0;

	OK(store_each_row(s, "alert", TIME_MIN, TIME_MAX + 1, count_row, &n, &err));
	return n;
}

static void
add_rows(struct store *s, int n, int64_t time, int there)
{
	struct err err = { 0 };

	OK(store_begin(s, &err));
	for (int i = 0; i < n; i++)
		OK(store_add_row(s, "alert", time - i, STR("{\"alert\":\"a\"}"), &err));
	assert_int_equal(rows_of(s), there + n);        /* who writes sees what it has written */
	OK(store_commit(s, &err));
}

static void
what_is_held_has_neither_rows_nor_counts_of_names_that_came_later(void **state)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, "held", STORE_CREATE, &err), *a;

	(void)state;
	assert_non_null(s);
	add_range(s, 0, 100, rising);
	add_rows(s, 3, 1000, 0);
	a = store_share(s);
	OK(store_hold(a, 1, &err));
	add_range(s, 100, 250, rising);
	add_rows(s, 2, 2000, 3);
	add_rows(s, 2, 500, 5);
	assert_int_equal(rows_of(a), 3);
	assert_int_equal(names_of(a), 100);
	check_all(a, 100, rising, 1);
	store_let_go(a);
	assert_int_equal(rows_of(a), 7);
	assert_int_equal(names_of(a), 250);
	store_close(a);
	store_close(s);
}

static void
gather_range(struct store *s, unsigned from, unsigned to, int64_t (*time)(unsigned))
{
	struct err err = { 0 };
	struct made m;

	for (unsigned i = from; i < to; i++) {
		make_event(&m, i, time(i));
		OK(store_gather(s, &m.ev, &err));
	}
}

/* What is gathered counts from the commit that puts it, in chunks or not; what was put into a transaction that is given up, or
 * was forgotten, was never there. */
static void
what_is_gathered_is_there_from_its_commit(void **state)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, "gathered", STORE_CREATE, &err);
	unsigned done = 0;
	int64_t names = 0, pages = 0;

	(void)state;
	if (!s)
		fail_msg("%s", err.text);
	add_range(s, 0, done = 10, jumping);
	for (int round = 0; round < 4; round++) {
		unsigned sizes[] = { 3000, 1, 40000, 7 }, n = 0;

		gather_range(s, done, done + 50, jumping);
		assert_int_equal(store_gathered(s), 50);
		store_gather_forget(s);
		assert_int_equal(store_gathered(s), 0);
		for (int i = 0; i < 4; i++) {
			gather_range(s, done + n, done + n + sizes[i], jumping);
			n += sizes[i];
			if (i == 3 && round % 2)
				break;                  /* these stay rows */
			while (!store_gather_seal(s)) {
				OK(store_begin(s, &err));
				OK(store_put_sealed(s, &err));
				OK(store_commit(s, &err));
			}
			assert_int_equal(store_gathered(s), 0);
		}
		OK(store_begin(s, &err));
		while (store_sealed(s))
			OK(store_put_sealed(s, &err));
		OK(store_put_gathered(s, &err));
		OK(store_commit(s, &err));
		done += n;
		check_store(s);
	}
	gather_range(s, done, done + 5000, jumping);
	assert_int_equal(store_gather_seal(s), 1);
	OK(store_begin(s, &err));
	OK(store_put_sealed(s, &err));
	store_abort(s);
	gather_range(s, done, done + 500, jumping);
	assert_int_equal(store_gather_seal(s), 1);
	store_gather_forget(s);
	assert_int_equal(store_sealed(s), 0);
	OK(store_each_name(s, sum_counts, &names, &err));
	OK(store_each_property(s, count_page, &pages, &err));
	assert_int_equal(names, done);
	assert_int_equal(pages, done);
	store_close(s);
	s = store_open(dir, "gathered", STORE_WRITE, &err);
	add_range(s, done, done + 1000, jumping);
	check_all(s, done + 1000, jumping, 0);
	check_all(s, done + 1000, jumping, 1);
	check_store(s);
	store_close(s);
}

/* Blocks are read from the file beside the map: the same ones also when the map is elsewhere than it was when it was found. */
static void
a_map_that_moved_changes_no_block(void **state)
{
	struct err err = { 0 };
	struct store *s;

	(void)state;
	s = store_open(dir, "moved", STORE_CREATE, &err);
	assert_non_null(s);
	add_range(s, 0, 70000, jumping);
	check_all(s, 70000, jumping, 0);
	assert_true(s->map || sizeof(size_t) != 8);
	for (int pages = -3; pages <= 3; pages++) {
		s->map = s->map ? s->map + pages * (long)s->page : NULL;
		check_all(s, 70000, jumping, 1);
		s->map = (const char *)(uintptr_t)s->page;
		check_store(s);
	}
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_committed_is_read_back),
		cmocka_unit_test(a_map_that_moved_changes_no_block),
		cmocka_unit_test(many_chunks_of_the_same_time_come_in_order),
		cmocka_unit_test(ranges_names_and_users_are_found),
		cmocka_unit_test(an_open_scan_sees_the_store_as_it_was),
		cmocka_unit_test(the_vocabulary_counts),
		cmocka_unit_test(what_is_gathered_is_there_from_its_commit),
		cmocka_unit_test(state_belongs_to_its_transaction),
		cmocka_unit_test(a_sample_at_the_same_time_replaces),
		cmocka_unit_test(a_shared_store_holds_by_itself),
		cmocka_unit_test(what_is_held_has_neither_rows_nor_counts_of_names_that_came_later),
		cmocka_unit_test(an_id_is_seen_once_within_its_span),
		cmocka_unit_test(a_tenant_whose_making_was_killed_has_nothing_and_no_backup_fails_for_it),
		cmocka_unit_test(a_store_that_is_not_one_is_refused),
	};

	return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
