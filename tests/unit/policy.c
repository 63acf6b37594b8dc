/* What a caller may see: which rows and columns by which roles, of events, series and what was found in them; and nothing else by any way
 * that leads through a handle. tests/peers/policy.py has random ones. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/audit.h"
#include "auth/policy.h"
#include "query/query.h"
#include "store/admin.h"
#include "folder.h"

static struct err err;

static struct policy *
made(const struct policy_text *text, int n)
{
	struct policy *p;

	err_clear(&err);
	p = policy_new(text, n, &err);
	if (err.code)
		fail_msg("%s", err.text);
	return p;
}

#define NAMES(field, ...) .field = (const struct str[]){ __VA_ARGS__ }, .n_##field = sizeof((const struct str[]){ __VA_ARGS__ }) / sizeof(struct str)

/* ---- roles */

static void
test_no_bound_is_no_policy_and_no_role_sees_nothing(void **state)
{
	const struct policy_text all = { 0 }, some = { NAMES(events, STR("a")) };
	struct policy *none;

	(void)state;
	assert_null(made(&all, 1));
	assert_null(made((const struct policy_text[]){ some, all }, 2));
	none = made(NULL, 0);
	assert_non_null(none);
	assert_int_equal(policy_event_name(none, STR("a")), 0);
	assert_int_equal(policy_metric_name(none, STR("a")), 0);
	assert_int_equal(policy_column(none, STR("a")), POLICY_HIDDEN);
	policy_free(none);
	assert_int_equal(policy_event_name(NULL, STR("a")), 1);
	assert_int_equal(policy_column(NULL, STR("a")), POLICY_SEEN);
	assert_int_equal(policy_hash(NULL), 0);
}

static void
test_what_is_wrong_is_told(void **state)
{
	const struct { struct policy_text text; const char *says; } wrong[] = {
		{ { .rows = STR(".properties.country ==") }, "rows: " },
		{ { .rows = STR("input") }, "rows: " },
		{ { .rows = STR("true\0x") }, "rows: " },
		{ { NAMES(hide, STR("timestamp")) }, "hide: timestamp" },
		{ { NAMES(mask, STR("event")) }, "mask: event" },
		{ { NAMES(mask, STR("")) }, "mask: a column without a name" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		err_clear(&err);
		assert_null(policy_new(&wrong[i].text, 1, &err));
		assert_int_equal(err.code, ERR_USAGE);
		assert_non_null(strstr(err.text, wrong[i].says));
	}
}

static void
test_names_fit_patterns(void **state)
{
	const struct { struct str pattern, name; int fits; } one[] = {
		{ STR("page_*"), STR("page_view"), 1 }, { STR("page_*"), STR("page"), 0 }, { STR("*"), STR("x"), 1 }, { STR("*view*"), STR("page_view"), 1 },
		{ STR("a?c"), STR("abc"), 1 }, { STR("a?c"), STR("ac"), 0 }, { STR("a*b*c"), STR("axxbyyc"), 1 }, { STR("a*b*c"), STR("axxbyy"), 0 },
		{ STR("[ab]"), STR("a"), 0 }, { STR("abc"), STR("ABC"), 0 }, { STR("*a*a*a*a*b"), STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(one) / sizeof(*one); i++) {
		const struct policy_text text = { .events = &one[i].pattern, .n_events = 1 };
		struct policy *p = made(&text, 1);

		if (policy_event_name(p, one[i].name) != one[i].fits)
			fail_msg("%s %s", one[i].pattern.p, one[i].name.p);
		policy_free(p);
	}
}

static void
test_equal_roles_in_any_order_have_one_hash(void **state)
{
	const struct policy_text a = { NAMES(events, STR("x"), STR("y")) }, b = { .rows = STR(".event == \"z\""), NAMES(mask, STR("m")) },
		c = { NAMES(events, STR("y"), STR("x")) }, d = { .rows = STR(".event == \"z\""), NAMES(hide, STR("m")) };
	struct policy *one = made((const struct policy_text[]){ a, b }, 2), *same = made((const struct policy_text[]){ b, c }, 2),
		*other = made((const struct policy_text[]){ a, d }, 2);

	(void)state;
	assert_true(policy_hash(one) == policy_hash(same));
	assert_true(policy_hash(one) != policy_hash(other));
	policy_free(policy_hold(one));
	policy_free(one), policy_free(same), policy_free(other);
}

/* ---- a store */

static struct store *store;

static void
add(const char *name, const char *user, const char *properties)
{
	static int64_t at;
	const struct event ev = { .name = str_of(name), .time = 1764000000000 + at++ * 1000, .received = 1764000000000, .user_id = str_of(user),
		.id = str_of("id"), .properties = str_of(properties) };

	OK(store_add(store, &ev, &err));
}

static void
sample(const char *metric, const char *labels, double value)
{
	const struct store_sample s = { .metric = str_of(metric), .labels = str_of(labels), .field = STR("value"), .time = 1764000000000, .value = value };

	OK(store_add_sample(store, &s, &err));
}

static int
fill(void **state)
{
	if (folder_set_up(state))
		return -1;
	err_clear(&err);
	if (!(store = store_open(dir, "default", STORE_CREATE, &err)))
		return -1;
	OK(store_begin(store, &err));
	for (int i = 0; i < 300; i++) {
		add("page_view", "u1", "{\"country\":\"DE\",\"email\":\"a@x\",\"plan\":{\"name\":\"pro\",\"price\":5}}");
		add("page_view", "u2", "{\"country\":\"FR\",\"email\":\"b@x\",\"secret_key\":1}");
		add("salary", "u3", "{\"country\":\"DE\",\"amount\":5000}");
	}
	OK(store_commit(store, &err));
	OK(store_seal(store, &err));
	OK(store_begin(store, &err));
	add("page_view", NULL, "{\"country\":\"DE\",\"userId\":\"u4\"}");
	add("page_view", "u2", "{\"country\":\"FR\"}");
	sample("load", "{\"country\":\"DE\",\"email\":\"a@x\"}", 1);
	sample("load", "{\"country\":\"FR\",\"email\":\"b@x\"}", 2);
	sample("load", "{}", 3);
	sample("cost", "{\"country\":\"DE\"}", 4);
	OK(store_add_row(store, "anomaly", 1764000000000, STR("{\"metric\":\"load\",\"labels\":{\"country\":\"DE\"},\"anomaly\":{\"field\":\"value\"}}"), &err));
	OK(store_add_row(store, "anomaly", 1764000000001, STR("{\"metric\":\"load\",\"labels\":{},\"anomaly\":{\"field\":\"value\"}}"), &err));
	OK(store_add_row(store, "anomaly", 1764000000002, STR("{\"metric\":\"load\",\"labels\":{\"country\":\"DE\"},\"why\":\"email a@x\"}"), &err));
	OK(store_add_row(store, "alert", 1764000000000, STR("{\"alert\":\"many\",\"state\":\"firing\",\"labels\":{\"country\":\"DE\"},\"reads\":[\"country\"]}"), &err));
	OK(store_commit(store, &err));
	return 0;
}

static int
empty(void **state)
{
	store_close(store);
	return folder_tear_down(state);
}

static int
put_columns(void *self, const struct str *names, int n, struct err *e)
{
	(void)e;
	for (int i = 0; i < n; i++)
		buf_printf(self, i ? ",%.*s" : "%.*s", STR_FMT(names[i]));
	buf_byte(self, '\n');
	return 0;
}

static int
put_row(void *self, const struct cell *c, int n, struct err *e)
{
	(void)e;
	for (int i = 0; i < n; i++) {
		if (i)
			buf_byte(self, ',');
		cell_put_json(self, &c[i]);
	}
	buf_byte(self, '\n');
	return 0;
}

/* The answer behind its columns, or the error. */
static const char *
ask(struct query *q, const char *sql)
{
	static struct buf out;
	const struct query_sink sink = { put_columns, put_row, &out };
	struct err said = { 0 };
	size_t at = 0;

	buf_clear(&out);
	if (query_run(q, str_of(sql), &at, NULL, 0, &sink, &said) < 0) {
		buf_clear(&out);
		buf_lit(&out, said.text);
		return buf_text(&out);
	}
	buf_text(&out);
	return strchr(out.p, '\n') + 1;
}

static struct query *
opened(struct policy *p)
{
	const struct query_spec spec = { .opened = store, .tenant = "default", .policy = p, .keep_answers = 1 };
	struct query *q = query_open(&spec, &err);

	if (!q)
		fail_msg("%s", err.text);
	return q;
}

#define says(q, sql, want) do { const char *got_ = ask(q, sql); if (strcmp(got_, want)) fail_msg("%s: %s, not %s", sql, got_, want); } while (0)
#define has(q, sql, want) do { const char *got_ = ask(q, sql); if (!strstr(got_, want)) fail_msg("%s: %s, without %s", sql, got_, want); } while (0)

/* 34: counts, errors, functions, numbers of rows read and rowids are of what is seen alone. */
static void
test_34_rows_are_counted_and_named_as_if_there_were_no_others(void **state)
{
	const struct policy_text german = { .rows = STR(".properties.country == \"DE\""), NAMES(events, STR("page_*")), NAMES(hide, STR("email")) };
	struct policy *p = made(&german, 1);
	struct query *q = opened(p);

	(void)state;
	says(q, "SELECT count(*) FROM events", "301\n");
	assert_int_equal(query_read(q), 301);
	says(q, "SELECT DISTINCT event FROM events", "\"page_view\"\n");
	says(q, "SELECT count(*) FROM events WHERE event = 'salary'", "0\n");
	says(q, "SELECT name, count FROM schema() WHERE kind = 'property' ORDER BY 1", "\"country\",301\n\"plan\",300\n\"userId\",1\n");
	says(q, "SELECT max(user_id) FROM events", "\"u1\"\n");
	has(q, "SELECT email FROM events", "no column 'email'");
	has(q, "SELECT amount FROM events", "no column 'amount'");
	assert_null(strstr(ask(q, "SELECT secret_kye FROM events"), "secret_key"));
	assert_null(strstr(ask(q, "SELECT properties FROM events"), "a@x"));
	has(q, "SELECT rowid FROM events LIMIT 1", "no column 'rowid'");
	has(q, "SELECT max(\"_rowid_\") FROM events", "no column 'rowid'");
	has(q, "SELECT e.OID FROM events e LIMIT 1", "no column 'rowid'");
	has(q, "SELECT * FROM events MATCH_RECOGNIZE (ORDER BY timestamp MEASURES A.rowid AS n PATTERN (A))", "no column 'rowid'");
	has(q, "SELECT * FROM match_rows('{\"sql\":\"SELECT r\\u006fwid FROM events\",\"partition\":0,\"order\":-1,\"rows\":0,\"skip\":0,"
	    "\"pattern\":\"A\",\"define\":[],\"out\":[0]}')", "prohibited");
	says(q, "SELECT count(*) FROM events MATCH_RECOGNIZE (ORDER BY timestamp MEASURES 1 AS n PATTERN (A))", "301\n");
	says(q, "SELECT count(*) FROM match('page_view')", "301\n");
	says(q, "SELECT count(*) FROM match('salary')", "0\n");
	says(q, "SELECT count(*) FROM metric('page_view') WHERE value = 301", "1\n");
	has(q, "SELECT * FROM metric('salary')", "no metric 'salary'");
	has(q, "EXPLAIN ANALYZE SELECT event, count(*) FROM events GROUP BY 1", "0 chunks read, 0 skipped, 301 rows");
	query_close(q);
	policy_free(p);
}

static void
test_34_masks_are_equal_for_equal_values_and_nothing_else_shows_them(void **state)
{
	const struct policy_text masked = { NAMES(mask, STR("email"), STR("user_id"), STR("plan.price")) };
	struct policy *p = made(&masked, 1);
	struct query *q = opened(p);
	char mask[STORE_MASK_LEN], want[STORE_MASK_LEN + 4];

	(void)state;
	says(q, "SELECT count(DISTINCT email), count(email), min(length(email)) FROM events", "2,600,32\n");
	says(q, "SELECT count(*) FROM events WHERE email = 'a@x' OR user_id = 'u1' OR properties.userId = 'u4'", "0\n");
	says(q, "SELECT DISTINCT properties.plan.name FROM events WHERE plan IS NOT NULL", "\"pro\"\n");
	says(q, "SELECT DISTINCT length(properties.plan.price) FROM events WHERE plan IS NOT NULL", "32\n");
	store_mask(store, STR("u1"), mask);
	snprintf(want, sizeof(want), "\"%.*s\"\n", STORE_MASK_LEN, mask);
	says(q, "SELECT DISTINCT user_id FROM events WHERE country = 'DE' AND event = 'page_view' AND user_id IS NOT NULL", want);
	says(q, "SELECT count(*) FROM events a JOIN events b ON a.user_id = b.user_id AND a.timestamp = b.timestamp WHERE a.event = 'salary'", "300\n");
	says(q, "SELECT count(DISTINCT email) FROM metrics", "2\n");
	says(q, "SELECT count(*) FROM metrics WHERE email = 'a@x'", "0\n");
	query_close(q);
	policy_free(p);
}

static void
test_of_several_roles_each_shows_its_rows_in_its_way(void **state)
{
	const struct policy_text roles[] = { { .rows = STR(".properties.country == \"DE\""), NAMES(hide, STR("user_id")) },
		{ NAMES(events, STR("page_view")), NAMES(mask, STR("email")) } };
	struct policy *p = made(roles, 2);
	struct query *q = opened(p);

	(void)state;
	assert_int_equal(policy_column(p, STR("email")), POLICY_SEEN);
	says(q, "SELECT count(*) FROM events", "902\n");
	says(q, "SELECT event, country, max(length(email)), max(user_id) FROM events GROUP BY 1, 2 ORDER BY 1, 2",
	    "\"page_view\",\"DE\",3,\"u1\"\n\"page_view\",\"FR\",32,\"u2\"\n\"salary\",\"DE\",null,null\n");
	query_close(q);
	policy_free(p);
}

/* A hidden field is no column, whatever other name it came under. */
static void
test_a_hidden_user_is_nowhere(void **state)
{
	const struct policy_text hidden = { NAMES(hide, STR("userId")) };
	struct policy *p = made(&hidden, 1);
	struct query *q = opened(p);

	(void)state;
	has(q, "SELECT user_id FROM events", "no column 'user_id'");
	has(q, "SELECT userId FROM events", "no column 'userId'");
	assert_null(strstr(ask(q, "SELECT * FROM events"), "u1"));
	assert_null(strstr(ask(q, "SELECT * FROM events"), "u4"));
	says(q, "SELECT count(*) FROM sessions()", "0\n");
	query_close(q);
	policy_free(p);
}

static void
test_series_are_seen_where_all_that_they_count_is(void **state)
{
	const struct policy_text german = { .rows = STR(".properties.country == \"DE\"") }, load = { NAMES(metrics, STR("lo*")) },
		no_email = { NAMES(hide, STR("email")) }, all_named = { .rows = STR(". == .") };
	const struct { const struct policy_text *text; const char *want; } one[] = {
		{ &german, "\"cost\",4\n\"load\",1\n" }, { &load, "\"load\",1\n\"load\",2\n\"load\",3\n" },
		{ &no_email, "\"cost\",4\n\"load\",3\n" }, { &all_named, "" } };

	(void)state;
	for (size_t i = 0; i < sizeof(one) / sizeof(*one); i++) {
		struct policy *p = made(one[i].text, 1);
		struct query *q = opened(p);

		says(q, "SELECT metric, value FROM metrics ORDER BY 1, 2", one[i].want);
		query_close(q);
		policy_free(p);
	}
}

/* What is inside a hidden or masked column is no more seen under a flat name than within it. */
static void
test_34_a_label_inside_a_hidden_column_is_hidden(void **state)
{
	const struct policy_text hides = { NAMES(hide, STR("address")) }, masks = { NAMES(mask, STR("Address")) }, no_other = { NAMES(hide, STR("addr")) };
	struct policy *p[] = { made(&hides, 1), made(&masks, 1), made(&no_other, 1) };
	struct str labels[3] = { { 0 } };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct policy_reader *r = policy_reader_new(p[i], store, &err);

		labels[i] = STR("{\"address.street\":\"canary\"}");
		assert_int_equal(policy_see_series(r, STR("load"), &labels[i], &err), i > 0);
		assert_int_equal(!memmem(labels[i].p, labels[i].n, "canary", 6), i == 1);
		policy_reader_free(r);
		policy_free(p[i]);
	}
}

static void
test_anomalies_alerts_and_the_audit_trail(void **state)
{
	const struct policy_text german = { .rows = STR(".properties.country == \"DE\"") }, masked = { NAMES(mask, STR("Email")) };
	struct policy *p = made(&german, 1), *m = made(&masked, 1);
	struct query *q = opened(p), *r = opened(NULL);
	struct auth *auth = auth_open(dir, NULL, &err);

	(void)state;
	assert_non_null(auth);
	OK(audit_add(auth, &(struct audit_entry){ .tenant = STR("default"), .who = STR("root"), .action = STR("x"), .result = STR("ok") }, &err));
	OK(audit_add(auth, &(struct audit_entry){ .tenant = STR("other"), .who = STR("root"), .action = STR("y"), .result = STR("ok") }, &err));
	query_set_audit(q, audit_trail(auth));
	says(q, "SELECT count(*) FROM anomalies", "2\n");
	says(q, "SELECT count(*) FROM alerts", "0\n");
	says(q, "SELECT count(*) FROM audit", "0\n");
	query_close(q);
	q = opened(m);
	says(q, "SELECT count(*) FROM anomalies", "2\n");      /* the one that speaks of it is not seen */
	says(q, "SELECT count(*) FROM alerts", "1\n");
	says(q, "SELECT count(*) FROM audit", "0\n");
	query_close(q);
	says(r, "SELECT count(*) FROM audit", "0\n");           /* nobody gave it */
	query_set_audit(r, audit_trail(auth));
	says(r, "SELECT who, action, address FROM audit", "\"root\",\"x\",\"-\"\n");
	query_close(r);
	auth_close(auth);
	policy_free(p), policy_free(m);
}

/* An alert says what its rule read, under whatever names: who may not see that as it is does not see the alert. */
static void
test_34_an_alert_is_for_who_sees_what_its_rule_read(void **state)
{
	static const struct { const char *reads; int seen; } all[] = {
		{ ",\"reads\":[]", 1 }, { ",\"reads\":[\"country\",\"plan\"]", 1 }, { ",\"reads\":[\"country\",\"EMAIL\"]", 0 }, { ",\"reads\":[\"*\"]", 0 }, { "", 0 },
		{ ",\"reads\":\"country\"", 0 }, { ",\"reads\":[1]", 0 }, { ",\"reads\":[\"address\"]", 0 }, { ",\"reads\":[\"userId\"]", 0 }, { ",\"reads\":[\"distinct_id\"]", 0 },
	};
	const struct policy_text masked = { NAMES(mask, STR("email"), STR("address.street"), STR("user_id")) }, hidden = { NAMES(hide, STR("email"), STR("address.street"), STR("user_id")) },
		other = { NAMES(mask, STR("country")) };
	struct policy *p[] = { made(&masked, 1), made(&hidden, 1) }, *o = made(&other, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		char text[200];

		snprintf(text, sizeof(text), "{\"alert\":\"a\",\"labels\":{\"contact\":\"a@x\"},\"value\":1%s}", all[i].reads);
		for (int k = 0; k < 2; k++) {
			struct policy_reader *r = policy_reader_new(p[k], store, &err);
			struct str row = str_of(text);

			assert_int_equal(policy_see_row(r, "alert", &row, &err), all[i].seen);
			if (all[i].seen)
				assert_true(str_eq(row, STR("{\"alert\":\"a\",\"labels\":{\"contact\":\"a@x\"},\"value\":1}")));
			policy_reader_free(r);
		}
	}
	for (int k = 0; k < 2; k++) {           /* a sentence has its labels' values, and names with blanks */
		struct policy_reader *r = policy_reader_new(p[k], store, &err);
		struct str labelled = STR("{\"insight\":\"User id u1: buys fell\",\"metric\":\"buys\",\"labels\":{\"user_id\":\"u1\"}}"),
			said = STR("{\"insight\":\"User id u1: buys fell\",\"metric\":\"buys\",\"labels\":{}}"),
			clean = STR("{\"insight\":\"Country NL: buys fell\",\"metric\":\"buys\",\"labels\":{\"country\":\"NL\"}}");

		assert_int_equal(policy_see_row(r, "insight", &labelled, &err), 0);
		assert_int_equal(policy_see_row(r, "insight", &said, &err), 0);
		assert_int_equal(policy_see_row(r, "insight", &clean, &err), 1);
		policy_reader_free(r);
	}
	for (int k = 0; k < 2; k++) {
		struct policy_reader *r = policy_reader_new(o, store, &err);
		struct str row = k ? STR("{\"alert\":\"a\",\"labels\":{},\"reads\":[\"country\"]}") : STR("{\"alert\":\"a\",\"labels\":{},\"reads\":[\"email\"]}");

		assert_int_equal(policy_see_row(r, "alert", &row, &err), !k);
		policy_reader_free(r);
	}
	policy_free(p[0]), policy_free(p[1]), policy_free(o);
}

/* 32: one engine for one caller after the other: neither kept answers nor columns of the one are given to the other. */
static void
test_32_a_kept_answer_is_for_who_may_see_it(void **state)
{
	const struct policy_text one = { NAMES(events, STR("salary")) }, two = { NAMES(hide, STR("country")) };
	struct policy *p = made(&one, 1), *o = made(&two, 1);
	struct query *q = opened(NULL);

	(void)state;
	for (int i = 0; i < 3; i++) {
		query_set_policy(q, NULL);
		says(q, "SELECT count(*) FROM events", "902\n");
		says(q, "SELECT max(country) FROM events", "\"FR\"\n");
		query_set_policy(q, p);
		says(q, "SELECT count(*) FROM events", "300\n");
		says(q, "SELECT max(country) FROM events", "\"DE\"\n");
		query_set_policy(q, o);
		says(q, "SELECT count(*) FROM events", "902\n");
		has(q, "SELECT max(country) FROM events", "no column 'country'");
	}
	policy_free(p), policy_free(o);
	says(q, "SELECT count(*) FROM events", "902\n");
	query_close(q);
}

/* ---- several callers at once */

struct caller { struct policy *policy; const char *want; int wrong; };

static void *
call(void *self)
{
	struct caller *c = self;
	struct query *q = opened(c->policy);
	struct buf out = { 0 };
	const struct query_sink sink = { put_columns, put_row, &out };

	for (int i = 0; i < 20; i++) {
		struct err said = { 0 };
		size_t at = 0;

		buf_clear(&out);
		query_set_policy(q, i & 1 ? c->policy : NULL);
		c->wrong |= query_run(q, STR("SELECT count(*), count(amount) FROM events"), &at, NULL, 0, &sink, &said) < 0;
		c->wrong |= !strstr(buf_text(&out), i & 1 ? c->want : "902,300");
	}
	buf_release(&out);
	query_close(q);
	return NULL;
}

static void
test_several_callers_at_once_see_each_what_is_theirs(void **state)
{
	const struct policy_text text[] = { { .rows = STR(".properties.amount != null") }, { NAMES(events, STR("sal*")) }, { NAMES(mask, STR("amount")) } };
	struct caller caller[6];
	pthread_t thread[6];

	(void)state;
	for (int i = 0; i < 6; i++) {
		caller[i] = (struct caller){ made(&text[i % 3], 1), i % 3 == 2 ? "902,300" : "300,300", 0 };
		assert_int_equal(pthread_create(&thread[i], NULL, call, &caller[i]), 0);
	}
	for (int i = 0; i < 6; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(caller[i].wrong, 0);
		policy_free(caller[i].policy);
	}
}

/* A view takes events away and gives nothing that the roles do not; series stay as they were. */
static void
test_a_view_is_narrower_for_events_and_for_nothing_else(void **state)
{
	const struct policy_text german = { .rows = STR(".properties.country == \"DE\""), NAMES(mask, STR("email")) };
	const struct str pages[] = { STR("page_*") };
	struct policy *role = made(&german, 1), *narrow = policy_narrow(role, pages, 1, STR(".user_id != null"), &err),
		*all = policy_narrow(NULL, pages, 1, (struct str){ 0 }, &err), *wrong = policy_narrow(role, NULL, 0, STR("input"), &err);
	struct query *q;

	(void)state;
	assert_null(wrong);
	assert_non_null(strstr(err.text, "where: "));
	err_clear(&err);
	assert_true(policy_hash(narrow) != policy_hash(role) && policy_hash(narrow) != policy_hash(all) && policy_hash(all));
	q = opened(narrow);
	says(q, "SELECT event, country, count(*), max(length(email)) FROM events GROUP BY 1, 2", "\"page_view\",\"DE\",300,32\n");
	says(q, "SELECT name FROM schema() WHERE kind = 'event'", "\"page_view\"\n");
	says(q, "SELECT metric, value FROM metrics ORDER BY 1, 2", "\"cost\",4\n\"load\",1\n");
	query_set_policy(q, all);
	says(q, "SELECT event, count(*) FROM events GROUP BY 1", "\"page_view\",602\n");
	says(q, "SELECT count(*) FROM metrics", "4\n");
	query_set_policy(q, NULL);
	says(q, "SELECT count(*) FROM events", "902\n");
	query_close(q);
	policy_free(role), policy_free(narrow), policy_free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_bound_is_no_policy_and_no_role_sees_nothing),
		cmocka_unit_test(test_what_is_wrong_is_told),
		cmocka_unit_test(test_names_fit_patterns),
		cmocka_unit_test(test_equal_roles_in_any_order_have_one_hash),
		cmocka_unit_test(test_34_rows_are_counted_and_named_as_if_there_were_no_others),
		cmocka_unit_test(test_34_masks_are_equal_for_equal_values_and_nothing_else_shows_them),
		cmocka_unit_test(test_of_several_roles_each_shows_its_rows_in_its_way),
		cmocka_unit_test(test_a_hidden_user_is_nowhere),
		cmocka_unit_test(test_series_are_seen_where_all_that_they_count_is),
		cmocka_unit_test(test_34_a_label_inside_a_hidden_column_is_hidden),
		cmocka_unit_test(test_anomalies_alerts_and_the_audit_trail),
		cmocka_unit_test(test_34_an_alert_is_for_who_sees_what_its_rule_read),
		cmocka_unit_test(test_32_a_kept_answer_is_for_who_may_see_it),
		cmocka_unit_test(test_a_view_is_narrower_for_events_and_for_nothing_else),
		cmocka_unit_test(test_several_callers_at_once_see_each_what_is_theirs),
	};

	return cmocka_run_group_tests(tests, fill, empty);
}
