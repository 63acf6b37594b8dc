/* What is committed, by whichever process, is told to who wished for it and may see it: once, in order, and to nobody's hindrance. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"
#include "serve/live_priv.h"
#include "store/admin.h"
#include "folder.h"

static struct err err;
static struct store *store;
static struct live *live;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int freed;               /* of test_coming_and_going_at_once */

/* ---- a subscriber that writes down what it hears */

struct ear { char **text; int n, cap, full, gone, freed; const char *ended; char resume[33]; struct live_subscription *sub; };

static int
hear(void *self, const struct live_message *m)
{
	struct ear *e = self;
	int rc = 0;

	pthread_mutex_lock(&lock);
	if (e->gone) {
		rc = -1;
	} else if (e->full && e->n >= e->full) {
		rc = 1;
	} else {
		if (e->n == e->cap)
			e->text = mem_grow(e->text, (size_t)(e->cap = e->cap ? 2 * e->cap : 16), sizeof(*e->text));
		e->text[e->n++] = mem_dup(m->json.p, m->json.n);
		if (m->resume.p)
			memcpy(e->resume, m->resume.p, 32);
	}
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return rc;
}

static void
end(void *self, const char *reason)
{
	pthread_mutex_lock(&lock);
	((struct ear *)self)->ended = reason;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void
let_go(void *self)
{
	pthread_mutex_lock(&lock);
	((struct ear *)self)->freed = 1;
	freed++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void
subscribe(struct ear *e, struct policy *policy, const char *wish)
{
	const struct live_sink sink = { hear, end, let_go, e };
	struct arena *a = arena_new(0);
	struct live_wish w;

	OK(live_wish_read(json_value(str_of(wish)), a, &w, &err));
	e->sub = live_subscribe(live, STR("default"), policy, &w, &sink, &err);
	if (!e->sub)
		fail_msg("%s", err.text);
	arena_free(a);
}

/* The n-th message, from 0; fails when it does not come within two minutes. */
static const char *
heard(struct ear *e, int n)
{
	struct timespec until;
	const char *text;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 120;
	pthread_mutex_lock(&lock);
	while (e->n <= n && pthread_cond_timedwait(&changed, &lock, &until) == 0)
		;
	text = e->n > n ? e->text[n] : NULL;
	pthread_mutex_unlock(&lock);
	if (!text)
		fail_msg("message %d did not come; the last one: %s", n, e->n ? e->text[e->n - 1] : "none");
	return text;
}

static void
wait_for(const int *what, int n)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 120;
	pthread_mutex_lock(&lock);
	while (*what < n && pthread_cond_timedwait(&changed, &lock, &until) == 0)
		;
	pthread_mutex_unlock(&lock);
	assert_int_equal(*what, n);
}

static void
leave(struct ear *e)
{
	live_unsubscribe(e->sub);
	e->sub = NULL;
	wait_for(&e->freed, 1);
	for (int i = 0; i < e->n; i++)
		free(e->text[i]);
	free(e->text);
	*e = (struct ear){ 0 };
}

#define says(e, n, want) do { const char *got_ = heard(e, n); if (!strstr(got_, want)) fail_msg("%s, without %s", got_, want); } while (0)
#define says_not(e, n, what) do { const char *got_ = heard(e, n); if (strstr(got_, what)) fail_msg("%s, with %s", got_, what); } while (0)

/* ---- what is subscribed to */

static struct store *
host_store(void *self, struct str tenant, struct err *e)
{
	(void)self;
	if (str_eq(tenant, STR("default")))
		return store;
	err_set(e, ERR_IO, "no such tenant");
	return NULL;
}

static struct query *
host_open(void *self, struct str tenant, void **held, struct err *e)
{
	const struct query_spec spec = { .store = dir, .tenant = "default", .opened = store };

	(void)self, (void)tenant;
	*held = NULL;
	return query_open(&spec, e);
}

static void
host_shut(void *self, struct query *q, void *held)
{
	(void)self, (void)held;
	query_close(q);
}

static int
set_up(void **state)
{
	const struct live_spec spec = { host_store, host_open, host_shut, NULL, NULL };

	if (folder_set_up(state) || !(store = store_open(dir, "default", STORE_CREATE, &err)))
		return -1;
	freed = 0;
	live = live_new(&spec);
	return 0;
}

static int
tear_down(void **state)
{
	live_free(live);
	store_close(store);
	return folder_tear_down(state);
}

static void
put(struct store *s, const char *name, int64_t time, const char *user, const char *properties)
{
	const struct event ev = { .name = str_of(name), .time = time, .received = time, .user_id = str_of(user), .properties = str_of(properties) };

	OK(store_add(s, &ev, &err));
}

static void
commit(const char *name, int64_t time, const char *user, const char *properties)
{
	OK(store_begin(store, &err));
	put(store, name, time, user, properties);
	OK(store_commit(store, &err));
}

/* ---- */

static void
test_wishes_are_read_or_refused_with_what_is_wrong(void **state)
{
	static const char *const good[] = { "{\"event\":\"a\"}", "\"alerts\"", "{\"anomalies\":true}", "{\"metric\":\"m\",\"timeRange\":\"1h\",\"interval\":\"1m\",\"groupBy\":[\"a\",\"b\"]}",
		"{\"metric\":\"m\",\"timeRange\":\"30000d\",\"interval\":\"month\"}",
		"{\"event\":\"a*\",\"filters\":{\"n\":3,\"b\":\"x\"},\"id\":\"1\",\"resume\":\"y\"}" };
	static const char *const bad[] = { "{}", "3", "null", "\"events\"", "{\"event\":3}", "{\"event\":\"\"}", "{\"event\":\"a\",\"metric\":\"b\"}", "{\"metric\":\"m\",\"interval\":\"x\"}",
		"{\"metric\":\"m\",\"interval\":0}", "{\"metric\":\"m\",\"interval\":\"-1 month\"}", "{\"metric\":\"m\",\"timeRange\":\"1 month\"}", "{\"metric\":\"m\",\"timeRange\":\"9999999w\"}", "{\"metric\":\"m\",\"timeRange\":\"1h\",\"interval\":\"1ms\"}",
		"{\"metric\":\"m\",\"groupBy\":3}", "{\"metric\":\"m\",\"groupBy\":[3]}", "{\"event\":\"a\",\"filters\":[]}", "{\"event\":\"a\",\"filters\":{\"x\":{}}}",
		"{\"event\":\"a\",\"filters\":{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1}}" };
	struct arena *a = arena_new(0);
	struct live_wish w;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		err_clear(&err);
		if (live_wish_read(json_value(str_of(good[i])), a, &w, &err))
			fail_msg("%s: %s", good[i], err.text);
	}
	assert_int_equal(w.n_filters, 2);
	assert_true(str_eq(w.filter[0].value, STR("3")));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err_clear(&err);
		if (!live_wish_read(json_value(str_of(bad[i])), a, &w, &err) || !err.text[0])
			fail_msg("%s is taken", bad[i]);
	}
	err_clear(&err);
	arena_free(a);
}

static void
test_an_event_is_told_to_who_wished_for_it(void **state)
{
	struct ear name = { 0 }, pattern = { 0 }, filtered = { 0 }, other = { 0 };

	(void)state;
	commit("page_view", 1764000000000, "u1", "{\"before\":1}");
	subscribe(&name, NULL, "{\"event\":\"page_view\",\"id\":\"mine\"}");
	subscribe(&pattern, NULL, "{\"event\":\"page_*\"}");
	subscribe(&filtered, NULL, "{\"event\":\"*\",\"filters\":{\"country\":\"FR\",\"plan.n\":2,\"user_id\":\"u2\"}}");
	subscribe(&other, NULL, "{\"event\":\"other\"}");
	says(&name, 0, "{\"id\":\"mine\",\"type\":\"subscribed\",\"resume\":\"");
	says(&pattern, 0, "subscribed");
	says(&filtered, 0, "subscribed");
	says(&other, 0, "subscribed");
	for (int i = 0; i < 50; i++) {
		char text[64];

		snprintf(text, sizeof(text), "{\"i\":%d,\"country\":\"%s\",\"plan\":{\"n\":%d}}", i, i % 2 ? "DE" : "FR", i % 4);
		commit(i % 3 ? "page_view" : "page_leave", 1764000000000 + i, i % 4 > 1 ? "u2" : NULL, text);
	}
	commit("other", 1764000000000, NULL, "{}");
	says(&other, 1, "{\"type\":\"event\",\"event\":{\"event\":\"other\",\"timestamp\":\"2025-11-24T16:00:00.000Z\",\"properties\":{}},\"resume\":\"");
	for (int i = 0, k = 1, m = 1; i < 50; i++) {
		char text[16];

		snprintf(text, sizeof(text), "\"i\":%d,", i);
		says(&pattern, i + 1, text);
		if (i % 3) {
			says(&name, k, "{\"id\":\"mine\",\"type\":\"event\"");
			says(&name, k++, text);
		}
		if (i % 4 == 2)
			says(&filtered, m++, text);
	}
	assert_int_equal(filtered.n, 13);
	assert_int_equal(other.n, 2);
	leave(&name), leave(&pattern), leave(&filtered), leave(&other);
}

/* 32, 34: each within its rights: rows, columns and names. */
static void
test_34_an_event_is_told_as_it_may_be_seen(void **state)
{
	const struct str hide[] = { STR("email") }, events[] = { STR("sale") };
	const struct policy_text german = { .rows = STR(".properties.country == \"DE\""), .mask = hide, .n_mask = 1 }, sales = { .events = events, .n_events = 1 };
	struct policy *p = policy_new(&german, 1, &err), *s = policy_new(&sales, 1, &err);
	struct ear all = { 0 }, some = { 0 }, named = { 0 }, anomalies = { 0 };

	(void)state;
	subscribe(&all, NULL, "{\"event\":\"*\"}");
	subscribe(&some, p, "{\"event\":\"*\"}");
	subscribe(&named, s, "{\"event\":\"*\"}");
	subscribe(&anomalies, p, "{\"anomalies\":true}");
	says(&all, 0, "subscribed");
	says(&some, 0, "subscribed");
	says(&named, 0, "subscribed");
	says(&anomalies, 0, "subscribed");
	OK(store_begin(store, &err));
	put(store, "sale", 1764000000000, "u", "{\"country\":\"FR\",\"email\":\"f@x\"}");
	put(store, "visit", 1764000000000, "u", "{\"country\":\"DE\",\"email\":\"d@x\"}");
	OK(store_add_row(store, "anomaly", 1764000000000, STR("{\"metric\":\"m\",\"labels\":{\"country\":\"FR\"}}"), &err));
	OK(store_add_row(store, "anomaly", 1764000000000, STR("{\"metric\":\"m\",\"labels\":{\"country\":\"DE\"}}"), &err));
	OK(store_commit(store, &err));
	says(&all, 2, "d@x");
	says(&some, 1, "\"country\":\"DE\",\"email\":\"");
	says_not(&some, 1, "d@x");
	says(&named, 1, "f@x");
	says(&anomalies, 1, "\"country\":\"DE\"");
	commit("sale", 1764000000000, "u", "{\"country\":\"DE\"}");
	says(&some, 2, "sale");
	says(&named, 2, "sale");
	assert_int_equal(some.n, 3);
	leave(&all), leave(&some), leave(&named), leave(&anomalies);
	policy_free(p), policy_free(s);
}

static void
test_anomalies_and_alerts_are_told(void **state)
{
	struct ear anomalies = { 0 }, alerts = { 0 };

	(void)state;
	subscribe(&anomalies, NULL, "{\"anomalies\":true,\"filters\":{\"metric\":\"load\",\"host\":\"a\"}}");
	subscribe(&alerts, NULL, "\"alerts\"");
	says(&anomalies, 0, "subscribed");
	says(&alerts, 0, "subscribed");
	OK(store_begin(store, &err));
	OK(store_add_row(store, "anomaly", 5, STR("{\"metric\":\"load\",\"labels\":{\"host\":\"b\"}}"), &err));
	OK(store_add_row(store, "alert", 5, STR("{\"alert\":\"down\",\"state\":\"firing\"}"), &err));
	OK(store_add_row(store, "anomaly", 4, STR("{\"metric\":\"load\",\"labels\":{\"host\":\"a\"}}"), &err));
	OK(store_commit(store, &err));
	says(&anomalies, 1, "{\"type\":\"anomaly\",\"anomaly\":{\"metric\":\"load\",\"labels\":{\"host\":\"a\"}},\"resume\":\"");
	says(&alerts, 1, "{\"type\":\"alert\",\"alert\":{\"alert\":\"down\",\"state\":\"firing\"},\"resume\":\"");
	leave(&anomalies), leave(&alerts);
}

static void
test_a_metric_is_told_whole_and_then_what_changed(void **state)
{
	const int64_t now = time_now() / 60000 * 60000;
	struct ear one = { 0 }, by = { 0 }, total = { 0 }, stored = { 0 };
	struct store_sample s = { .metric = STR("load"), .labels = STR("{}"), .field = STR("value"), .time = now, .value = 7 };

	(void)state;
	commit("sign_up", now, NULL, "{\"source\":\"a\"}");
	commit("sign_up", now - 60000, NULL, "{\"source\":\"b\"}");
	subscribe(&one, NULL, "{\"metric\":\"sign_ups\",\"timeRange\":\"10m\",\"interval\":\"1m\"}");
	subscribe(&by, NULL, "{\"metric\":\"sign_up\",\"timeRange\":\"10m\",\"interval\":\"1m\",\"groupBy\":\"source\",\"filters\":{\"source\":\"a\"},\"id\":\"x\"}");
	subscribe(&total, NULL, "{\"metric\":\"sign_up\",\"timeRange\":\"10m\"}");
	subscribe(&stored, NULL, "{\"metric\":\"load\",\"timeRange\":\"10m\",\"interval\":\"1m\"}");
	says(&one, 1, "{\"type\":\"snapshot\",\"metric\":\"sign_ups\",\"interval\":\"1m\",\"groupBy\":[],\"from\":\"");
	says(&one, 1, ",1],");
	says(&by, 1, "{\"id\":\"x\",\"type\":\"snapshot\"");
	says_not(&by, 1, "\"b\"");
	says(&total, 1, ",2]]}]}");
	says(&stored, 1, "\"series\":[]");
	commit("sign_up", now, NULL, "{\"source\":\"a\"}");
	says(&one, 2, "{\"type\":\"delta\",\"metric\":\"sign_ups\"");
	says(&one, 2, "\"series\":[{\"labels\":{},\"points\":[[\"");
	says(&one, 2, "\",2]]}]}");
	says(&by, 2, "{\"labels\":{\"source\":\"a\"},\"points\":[[\"");
	says(&total, 2, ",3]]}]}");
	commit("other", now, NULL, "{}");
	commit("sign_up", now - 60000, NULL, "{\"source\":\"b\"}");
	says(&one, 3, "\",2]]}]}");
	says(&total, 3, ",4]]}]}");
	OK(store_begin(store, &err));
	OK(store_add_sample(store, &s, &err));
	OK(store_commit(store, &err));
	says(&stored, 2, "\",7");
	assert_int_equal(by.n, 3);
	leave(&one), leave(&by), leave(&total), leave(&stored);
}

static void
test_a_subscription_goes_on_where_it_was(void **state)
{
	struct ear first = { 0 }, again = { 0 }, lost = { 0 };
	char wish[200], resume[33] = "";

	(void)state;
	subscribe(&first, NULL, "{\"event\":\"a\"}");
	says(&first, 0, "subscribed");
	commit("a", 1764000000000, NULL, "{\"i\":0}");
	says(&first, 1, "\"i\":0");
	memcpy(resume, first.resume, 32);
	leave(&first);
	for (int i = 1; i < 30; i++) {
		char text[32];

		snprintf(text, sizeof(text), "{\"i\":%d}", i);
		commit(i % 2 ? "a" : "b", 1764000000000, NULL, text);
		if (i == 15)
			OK(store_seal(store, &err));
	}
	snprintf(wish, sizeof(wish), "{\"event\":\"a\",\"resume\":\"%s\"}", resume);
	subscribe(&again, NULL, wish);
	says(&again, 0, "subscribed");
	commit("a", 1764000000000, NULL, "{\"i\":31}");
	for (int i = 1; i < 32; i += 2) {
		char text[32];

		snprintf(text, sizeof(text), "\"i\":%d}", i);
		says(&again, 1 + i / 2, text);
	}
	resume[0] = resume[0] == '0' ? '1' : '0';
	snprintf(wish, sizeof(wish), "{\"event\":\"a\",\"resume\":\"%s\"}", resume);
	subscribe(&lost, NULL, wish);
	says(&lost, 1, "{\"type\":\"gap\",\"resume\":\"");
	leave(&again), leave(&lost);
}

static void
test_who_is_slow_is_ended_and_slows_nobody(void **state)
{
	struct ear slow = { .full = 5 }, gone = { 0 }, quick = { 0 };
	struct live_figures f;

	(void)state;
	subscribe(&slow, NULL, "{\"event\":\"a\"}");
	subscribe(&gone, NULL, "{\"event\":\"a\"}");
	subscribe(&quick, NULL, "{\"event\":\"a\"}");
	says(&slow, 0, "subscribed");
	says(&gone, 0, "subscribed");
	says(&quick, 0, "subscribed");
	pthread_mutex_lock(&lock);
	gone.gone = 1;
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < 20; i++)
		commit("a", 1764000000000, NULL, "{}");
	heard(&quick, 20);
	assert_string_equal(slow.ended, "slow reader");
	assert_int_equal(slow.n, 5);
	assert_null(gone.ended);
	live_figures(live, &f);
	assert_int_equal(f.slow, 1);
	assert_int_equal(f.subscriptions, 3);
	leave(&slow), leave(&gone), leave(&quick);
}

/* A pipeline's at-ingest is another process; a child that was there before the store was opened stands for it. */
static void
test_what_another_process_commits_is_told(void **state)
{
	struct ear e = { 0 };
	int go[2], status;
	pid_t child;

	(void)state;
	live_free(live);
	store_close(store);
	assert_int_equal(pipe(go), 0);
	if ((child = fork()) == 0) {
		char byte;
		struct store *s = store_open(dir, "default", STORE_CREATE, &err);

		for (int i = 0; s && i < 10 && read(go[0], &byte, 1) == 1; i++)
			if (store_begin(s, &err) == 0) {
				put(s, "theirs", 1764000000000, NULL, "{}");
				store_commit(s, &err);
			}
		store_close(s);
		_exit(0);
	}
	store = store_open(dir, "default", STORE_CREATE, &err);
	assert_non_null(store);
	live = live_new(&(struct live_spec){ host_store, host_open, host_shut, NULL, NULL });
	subscribe(&e, NULL, "{\"event\":\"theirs\"}");
	says(&e, 0, "subscribed");
	for (int i = 0; i < 10; i++) {
		assert_int_equal(write(go[1], "x", 1), 1);
		says(&e, i + 1, "theirs");
	}
	waitpid(child, &status, 0);
	close(go[0]), close(go[1]);
	leave(&e);
}

static void *
come_and_go(void *self)
{
	unsigned seed = (unsigned)(uintptr_t)self;

	for (int i = 0; i < 60; i++) {
		static const char *const wishes[] = { "{\"event\":\"a\"}", "{\"event\":\"*\"}", "{\"metric\":\"a\",\"interval\":\"1m\"}", "\"alerts\"", "{\"event\":\"b\",\"filters\":{\"x\":1}}" };
		static struct ear deaf = { .gone = 1 };
		const struct live_sink sink = { hear, end, let_go, &deaf };
		struct live_subscription *sub;
		struct live_wish w;
		struct arena *a = arena_new(0);
		struct err e = { 0 };

		live_wish_read(json_value(str_of(wishes[rand_r(&seed) % 5])), a, &w, &e);
		sub = live_subscribe(live, STR("default"), NULL, &w, &sink, &e);
		if (rand_r(&seed) % 2)
			usleep(rand_r(&seed) % 2000);
		live_unsubscribe(sub);
		arena_free(a);
	}
	return NULL;
}

static void
test_coming_and_going_at_once(void **state)
{
	pthread_t thread[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, come_and_go, (void *)(uintptr_t)(i + 1)), 0);
	for (int i = 0; i < 40; i++)
		commit(i % 2 ? "a" : "b", time_now(), NULL, "{\"x\":1}");
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	wait_for(&freed, 240);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wishes_are_read_or_refused_with_what_is_wrong),
		cmocka_unit_test_setup_teardown(test_an_event_is_told_to_who_wished_for_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_34_an_event_is_told_as_it_may_be_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_anomalies_and_alerts_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_metric_is_told_whole_and_then_what_changed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_subscription_goes_on_where_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_is_slow_is_ended_and_slows_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_another_process_commits_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_coming_and_going_at_once, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
