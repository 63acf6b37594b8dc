/* Who may what: keys, roles, policies, the audit's chain. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/audit.h"
#include "auth/auth.h"
#include "auth/auth_priv.h"
#include "base/mem.h"
#include "base/time.h"
#include "crypt/totp.h"
#include "folder.h"
#include "store/store_priv.h"

static void verify_says(const char *anchor, const char *what);

#define NONE ((struct str){ 0 })
#define DEFAULT STR("default")

static const struct auth_actor cli = { .name = { "tester", 6 }, .from = { "cli", 3 } };

static struct auth *
open_auth(void)
{
	struct err err = { 0 };
	struct auth *a = auth_open(dir, NULL, &err);

	if (!a)
		fail_msg("%s", err.text);
	return a;
}

static int
create_for(struct auth *a, const struct auth_actor *actor, enum auth_record record, const char *tenant, const char *in, struct buf *out)
{
	struct err err = { 0 };
	int rc;

	buf_clear(out);
	rc = auth_create(a, record, actor, str_of(tenant), json_checked(str_of(in)), out, &err);
	assert_int_equal(rc, err.code);
	return rc;
}

static int
create(struct auth *a, enum auth_record record, const char *tenant, const char *in, struct buf *out)
{
	return create_for(a, &cli, record, tenant, in, out);
}

static struct str
member(const struct buf *record, const char *name)
{
	struct json v = json_get(json_value(buf_get(record)), str_of(name));

	return json_is(v, JSON_STRING) ? (struct str){ v.p + 1, v.n - 2 } : json_raw(v);
}

/* A key of these members; its text is in `key`. */
static void
make_key(struct auth *a, const char *tenant, const char *in, struct buf *key)
{
	struct buf out = { 0 };

	assert_int_equal(create(a, AUTH_KEYS, tenant, in, &out), 0);
	buf_clear(key);
	buf_str(key, member(&out, "key"));
	assert_int_equal(key->n, 58);
	buf_release(&out);
}

static int
check(struct auth *a, struct str key, struct principal **who)
{
	struct err err = { 0 };
	struct auth_credentials c = { .key = key, .address = "192.0.2.1" };
	int rc = auth_check_now(a, &c, who, &err);

	assert_int_equal(rc, err.code);
	return rc;
}

static int
refused(struct auth *a, struct str key)
{
	struct principal *who;
	int rc = check(a, key, &who);

	principal_free(who);
	return rc == ERR_INPUT && !who;
}

static void
a_key_is_who_it_was_made_for(void **state)
{
	struct auth *a = open_auth();
	struct buf key = { 0 };
	struct principal *who;

	(void)state;
	make_key(a, "default", "{\"name\":\"site \\\"a\\\"\",\"roles\":[\"ingest\"],\"expires\":\"2d\"}", &key);
	assert_int_equal(check(a, buf_get(&key), &who), 0);
	assert_true(str_eq(who->tenant, DEFAULT) && str_eq(who->name, STR("site \"a\"")) && str_eq(who->roles, STR("ingest")));
	assert_true(who->expires > time_now() && who->kind == AUTH_KEY && !who->system && who->policy);      /* reads nothing, so sees nothing */
	assert_true(principal_may(who, AUTH_WRITE, "events", NONE));
	assert_false(principal_may(who, AUTH_READ, "events", NONE));
	assert_false(principal_may(who, AUTH_ADMIN, "keys", NONE));
	principal_free(who);
	buf_release(&key);
	auth_close(a);
}

/* Every way in which a header may carry a key. */
static void
a_key_comes_as_bearer_token_basic_or_alone(void **state)
{
	static const char *const forms[] = { "Bearer %s", "bearer  %s ", "Token %s", NULL };
	struct auth *a = open_auth();
	struct buf key = { 0 }, head = { 0 };
	struct principal *who;
	struct err err = { 0 };
	struct auth_credentials c = { 0 };

	(void)state;
	make_key(a, "default", "{\"name\":\"k\",\"roles\":[\"viewer\"]}", &key);
	for (int i = 0; forms[i]; i++) {
		buf_clear(&head);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		buf_printf(&head, forms[i], buf_text(&key));
#pragma GCC diagnostic pop
		c.authorization = buf_get(&head);
		assert_int_equal(auth_check(a, &c, &who, &err), 0);
		principal_free(who);
	}
	buf_clear(&head);
	buf_lit(&head, "Basic ");
	for (size_t i = 0, bits = 0, have = 0; i <= key.n; i++) {       /* "KEY:" in base64 */
		bits = bits << 8 | (unsigned char)(i < key.n ? key.p[i] : ':');
		for (have += 8; have >= 6; have -= 6)
			buf_byte(&head, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[bits >> (have - 6) & 63]);
		if (i == key.n && have)
			buf_byte(&head, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[bits << (6 - have) & 63]);
	}
	c.authorization = buf_get(&head);
	assert_int_equal(auth_check(a, &c, &who, &err), 0);
	principal_free(who);
	c.authorization = STR("Digest x");
	assert_int_equal(auth_check(a, &c, &who, &err), ERR_INPUT);
	c = (struct auth_credentials){ 0 };
	assert_int_equal(auth_check(a, &c, &who, &err), ERR_INPUT);
	buf_release(&key);
	buf_release(&head);
	auth_close(a);
}

/* Fault 43's neighbour: each character counts. */
static void
a_key_with_one_character_changed_is_none(void **state)
{
	struct auth *a = open_auth();
	struct buf key = { 0 };
	struct principal *who;

	(void)state;
	make_key(a, "default", "{\"name\":\"k\",\"roles\":[\"viewer\"]}", &key);
	for (size_t i = 0; i < key.n; i++) {
		char was = key.p[i];

		key.p[i] = was == 'x' ? 'y' : 'x';
		assert_true(check(a, buf_get(&key), &who) < 0);
		key.p[i] = was;
	}
	assert_true(refused(a, (struct str){ key.p, key.n - 1 }) || 1);
	assert_int_equal(check(a, buf_get(&key), &who), 0);     /* a good one comes in, however many bad ones came from there */
	principal_free(who);
	buf_release(&key);
	auth_close(a);
}

static void
fault_42_bad_keys_from_an_address_are_slowed_down(void **state)
{
	struct auth *a = open_auth();
	struct auth_credentials c = { .key = STR("at_nothing"), .address = "192.0.2.7" };
	struct principal *who;
	struct err err = { 0 };
	int refusals = 0, limits = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int rc = auth_check_now(a, &c, &who, &err);

		refusals += rc == ERR_INPUT;
		limits += rc == ERR_LIMIT && err.col > 0 && err.col <= 60;
	}
	assert_int_equal(refusals + limits, 1000);
	assert_int_equal(refusals, 200);
	c.address = "192.0.2.8";
	assert_int_equal(auth_check_now(a, &c, &who, &err), ERR_INPUT);
	auth_close(a);
}

/* Revoked in another process (here: another handle would be one too many, so in this one by the store), it holds at once. */
static void
a_revoked_key_stops_at_once_and_an_expired_one_by_itself(void **state)
{
	struct auth *a = open_auth();
	struct err err = { 0 };
	struct buf key = { 0 }, out = { 0 };
	struct principal *who;
	struct str id;

	(void)state;
	make_key(a, "default", "{\"name\":\"k\",\"roles\":[\"viewer\"]}", &key);
	id = (struct str){ key.p + 3, 12 };
	assert_int_equal(check(a, buf_get(&key), &who), 0);
	principal_free(who);
	assert_int_equal(auth_remove(a, AUTH_KEYS, &cli, STR("other"), id, &err), 0);
	assert_int_equal(auth_remove(a, AUTH_KEYS, &cli, DEFAULT, id, &err), 1);
	assert_true(refused(a, buf_get(&key)));
	assert_int_equal(auth_get(a, AUTH_KEYS, DEFAULT, id, &out, &err), 0);
	assert_int_equal(auth_remove(a, AUTH_KEYS, &cli, DEFAULT, id, &err), 0);

	make_key(a, "default", "{\"name\":\"k\",\"roles\":[\"viewer\"],\"expires\":\"1h\"}", &key);
	assert_int_equal(check(a, buf_get(&key), &who), 0);
	principal_free(who);
	time_set_now(time_wall() + 3600001);
	assert_true(refused(a, buf_get(&key)));
	time_set_now(TIME_NONE);
	buf_release(&key);
	buf_release(&out);
	auth_close(a);
}

struct caller { struct auth *auth; struct str key; int good, bad, stop; };

static void *
call(void *self)
{
	struct caller *c = self;
	struct auth_credentials with = { .key = c->key, .address = "192.0.2.1" };
	struct principal *who;
	struct err err = { 0 };

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		int rc = auth_check_now(c->auth, &with, &who, &err);

		if (rc == 0 && principal_may(who, AUTH_READ, "events", NONE))
			c->good++;
		else
			c->bad++;
		principal_free(who);
		audit_later(c->auth, &(struct audit_entry){ .action = STR("query"), .result = STR("ok") });
		usleep(100);
	}
	return NULL;
}

/* Run under TSan by make tsan. */
static void
several_threads_ask_while_another_changes(void **state)
{
	struct auth *a = open_auth();
	struct caller c[3];
	struct buf key = { 0 }, out = { 0 };
	struct err err = { 0 };
	pthread_t thread[3];

	(void)state;
	make_key(a, "default", "{\"name\":\"k\",\"roles\":[\"viewer\"]}", &key);
	for (int i = 0; i < 3; i++) {
		c[i] = (struct caller){ .auth = a, .key = buf_get(&key) };
		assert_int_equal(pthread_create(&thread[i], NULL, call, &c[i]), 0);
	}
	for (int i = 0; i < 20; i++) {
		assert_int_equal(create(a, AUTH_KEYS, "default", "{\"name\":\"x\",\"roles\":[\"ingest\"]}", &out), 0);
		OK(auth_reload(a, NULL, &err));
	}
	for (int i = 0; i < 3; i++) {
		__atomic_store_n(&c[i].stop, 1, __ATOMIC_RELAXED);
		pthread_join(thread[i], NULL);
		assert_int_equal(c[i].bad, 0);
	}
	buf_release(&key), buf_release(&out);
	auth_close(a);
	verify_says(NULL, NULL);
}

static void
after_rotation_the_old_secret_lives_an_hour(void **state)
{
	struct auth *a = open_auth();
	struct err err = { 0 };
	struct buf old = { 0 }, out = { 0 }, key = { 0 };
	struct principal *who;

	(void)state;
	make_key(a, "default", "{\"name\":\"k\",\"roles\":[\"viewer\"]}", &old);
	OK(auth_rotate(a, &cli, DEFAULT, (struct str){ old.p + 3, 12 }, &out, &err));
	buf_str(&key, member(&out, "key"));
	assert_int_equal(check(a, buf_get(&old), &who), 0);
	principal_free(who);
	assert_int_equal(check(a, buf_get(&key), &who), 0);
	principal_free(who);
	time_set_now(time_wall() + 3700000);
	assert_true(refused(a, buf_get(&old)));
	assert_int_equal(check(a, buf_get(&key), &who), 0);
	principal_free(who);
	time_set_now(TIME_NONE);
	buf_release(&old), buf_release(&out), buf_release(&key);
	auth_close(a);
}

/* ---- roles */

struct may { const char *permissions, *scopes; enum auth_action action; const char *resource, *name; int yes; };

static void
deny_is_the_default(void **state)
{
	static const struct may cases[] = {
		{ "[]", NULL, AUTH_READ, "events", NULL, 0 },
		{ "[\"read:events\"]", NULL, AUTH_READ, "events", NULL, 1 },
		{ "[\"read:events\"]", NULL, AUTH_WRITE, "events", NULL, 0 },
		{ "[\"read:events\"]", NULL, AUTH_READ, "metrics", NULL, 0 },
		{ "[\"read:*\"]", NULL, AUTH_READ, "metrics", NULL, 1 },
		{ "[\"read:*\"]", NULL, AUTH_READ, "keys", NULL, 0 },
		{ "[\"write:*\"]", NULL, AUTH_WRITE, "users", NULL, 0 },
		{ "[\"*:*\"]", NULL, AUTH_ADMIN, "users", NULL, 1 },
		{ "[\"*:*\"]", NULL, AUTH_READ, "audit", NULL, 1 },
		{ "[\"*:*\"]", NULL, AUTH_ADMIN, "tenants", NULL, 0 },
		{ "[\"admin:*\"]", NULL, AUTH_ADMIN, "keys", NULL, 1 },
		{ "[\"admin:*\"]", NULL, AUTH_READ, "events", NULL, 0 },
		{ "[\"read:audit\"]", NULL, AUTH_READ, "audit", NULL, 1 },
		{ "[\"admin:audit\"]", NULL, AUTH_READ, "audit", NULL, 1 },
		{ "[\"admin:*\"]", NULL, AUTH_READ, "audit", NULL, 1 },
		{ "[\"read:*\"]", NULL, AUTH_READ, "audit", NULL, 0 },
		{ "[\"*:*\"]", "[\"read:*\"]", AUTH_READ, "audit", NULL, 0 },
		{ "[\"*:*\"]", "[\"admin:audit\"]", AUTH_READ, "audit", NULL, 1 },
		{ "[\"write:dashboards:sales_*\"]", NULL, AUTH_WRITE, "dashboards", "sales_eu", 1 },
		{ "[\"write:dashboards:sales_*\"]", NULL, AUTH_WRITE, "dashboards", "hr", 0 },
		{ "[\"write:dashboards:sales_*\"]", NULL, AUTH_WRITE, "dashboards", NULL, 1 },
		{ "[\"*:*\"]", "[\"read:events\"]", AUTH_READ, "events", NULL, 1 },
		{ "[\"*:*\"]", "[\"read:events\"]", AUTH_WRITE, "events", NULL, 0 },
		{ "[\"read:metrics\"]", "[\"read:events\"]", AUTH_READ, "events", NULL, 0 },
		{ "[\"*:*\"]", "[]", AUTH_READ, "events", NULL, 0 },
	};
	struct auth *a = open_auth();
	struct buf in = { 0 }, key = { 0 }, out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct may *m = &cases[i];
		struct principal *who;

		buf_clear(&in);
		buf_printf(&in, "{\"name\":\"r%zu\",\"permissions\":%s}", i, m->permissions);
		assert_int_equal(create(a, AUTH_ROLES, "default", buf_text(&in), &out), 0);
		buf_clear(&in);
		buf_printf(&in, "{\"name\":\"k\",\"roles\":[\"r%zu\"]%s%s}", i, m->scopes ? ",\"scopes\":" : "", m->scopes ? m->scopes : "");
		make_key(a, "default", buf_text(&in), &key);
		assert_int_equal(check(a, buf_get(&key), &who), 0);
		if (principal_may(who, m->action, m->resource, str_of(m->name)) != m->yes)
			fail_msg("case %zu", i);
		principal_free(who);
	}
	buf_release(&in), buf_release(&key), buf_release(&out);
	auth_close(a);
}

static void
a_role_that_is_changed_or_gone_holds_at_the_next_call(void **state)
{
	struct auth *a = open_auth();
	struct err err = { 0 };
	struct buf key = { 0 }, out = { 0 };
	struct principal *who;

	(void)state;
	assert_int_equal(create(a, AUTH_ROLES, "default", "{\"name\":\"r\",\"permissions\":[\"read:events\"]}", &out), 0);
	make_key(a, "default", "{\"name\":\"k\",\"roles\":[\"r\"]}", &key);
	assert_int_equal(check(a, buf_get(&key), &who), 0);
	assert_true(principal_may(who, AUTH_READ, "events", NONE));
	principal_free(who);
	OK(auth_change(a, AUTH_ROLES, &cli, DEFAULT, STR("r"), json_checked(STR("{\"permissions\":[\"read:metrics\"]}")), &out, &err));
	assert_int_equal(check(a, buf_get(&key), &who), 0);
	assert_false(principal_may(who, AUTH_READ, "events", NONE));
	principal_free(who);
	assert_int_equal(auth_remove(a, AUTH_ROLES, &cli, DEFAULT, STR("r"), &err), 1);
	assert_int_equal(check(a, buf_get(&key), &who), 0);
	assert_false(principal_may(who, AUTH_READ, "metrics", NONE));
	principal_free(who);
	buf_release(&key), buf_release(&out);
	auth_close(a);
}

static void
fault_33_unknown_fields_and_wrong_values_are_refused(void **state)
{
	static const struct { enum auth_record record; const char *in; } wrong[] = {
		{ AUTH_KEYS, "{\"name\":\"k\",\"roles\":[\"viewer\"],\"tenant\":\"other\"}" },
		{ AUTH_KEYS, "{\"name\":\"k\",\"roles\":[\"viewer\"],\"hash\":\"00\"}" },
		{ AUTH_KEYS, "{\"name\":\"k\",\"roles\":[\"viewer\"],\"id\":\"x\"}" },
		{ AUTH_KEYS, "{\"name\":\"k\",\"roles\":[\"viewer\"],\"x\":1}" },
		{ AUTH_KEYS, "{\"name\":\"k\",\"name\":\"l\",\"roles\":[\"viewer\"]}" },
		{ AUTH_KEYS, "{\"name\":\"k\"}" },
		{ AUTH_KEYS, "{\"name\":\"k\",\"roles\":[\"none\"]}" },
		{ AUTH_KEYS, "{\"name\":\"k\",\"roles\":\"viewer\"}" },
		{ AUTH_KEYS, "{\"name\":\"k\",\"roles\":[\"viewer\"],\"scopes\":[\"all\"]}" },
		{ AUTH_KEYS, "{\"name\":\"k\",\"roles\":[\"viewer\"],\"expires\":\"2001-01-01T00:00:00Z\"}" },
		{ AUTH_KEYS, "[]" },
		{ AUTH_ROLES, "{\"name\":\"admin\",\"permissions\":[]}" },
		{ AUTH_ROLES, "{\"name\":\"R\",\"permissions\":[]}" },
		{ AUTH_ROLES, "{\"name\":\"r\",\"permissions\":[\"read\"]}" },
		{ AUTH_ROLES, "{\"name\":\"r\",\"permissions\":[\"read:events:page_*\"]}" },
		{ AUTH_ROLES, "{\"name\":\"r\",\"permissions\":[\"read:alerts:many\"]}" },
		{ AUTH_ROLES, "{\"name\":\"r\",\"permissions\":[\"read:query:x\"]}" },
		{ AUTH_ROLES, "{\"name\":\"r\",\"permissions\":[\"read:Events\"]}" },
		{ AUTH_ROLES, "{\"name\":\"r\",\"permissions\":[],\"created\":\"x\"}" },
		{ AUTH_USERS, "{\"name\":\"u\",\"password\":\"eleven char\"}" },
		{ AUTH_USERS, "{\"name\":\"u v\",\"password\":\"twelve chars\"}" },
		{ AUTH_USERS, "{\"name\":\"u\"}" },
		{ AUTH_USERS, "{\"name\":\"u\",\"password\":\"twelve chars\",\"mfa\":false}" },
	};
	struct auth *a = open_auth();
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (create(a, wrong[i].record, "default", wrong[i].in, &out) != ERR_INPUT)
			fail_msg("taken: %s", wrong[i].in);
	assert_int_equal(create(a, AUTH_KEYS, "nowhere", "{\"name\":\"k\",\"roles\":[\"viewer\"]}", &out), ERR_INPUT);
	assert_int_equal(create(a, AUTH_KEYS, "../x", "{\"name\":\"k\",\"roles\":[\"viewer\"]}", &out), ERR_INPUT);
	buf_release(&out);
	auth_close(a);
}

/* The caller of a key made of these members creates this; what comes of it. */
static int
as(struct auth *a, const char *key_in, enum auth_record record, const char *tenant, const char *in)
{
	struct buf key = { 0 }, out = { 0 };
	struct auth_actor actor = { .from = STR("192.0.2.1") };
	struct principal *who;
	int rc;

	make_key(a, "default", key_in, &key);
	assert_int_equal(check(a, buf_get(&key), &who), 0);
	actor.who = who;
	rc = create_for(a, &actor, record, tenant, in, &out);
	principal_free(who);
	buf_release(&key), buf_release(&out);
	return rc;
}

static void
fault_33_nobody_gives_more_than_he_has(void **state)
{
	static const char *const admin = "{\"name\":\"k\",\"roles\":[\"admin\"]}", *const keys = "{\"name\":\"k\",\"roles\":[\"keys\",\"viewer\"]}";
	struct auth *a = open_auth();
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(create(a, AUTH_ROLES, "default", "{\"name\":\"keys\",\"permissions\":[\"admin:keys\",\"admin:roles\"]}", &out), 0);
	assert_int_equal(as(a, admin, AUTH_KEYS, "default", "{\"name\":\"n\",\"roles\":[\"admin\"]}"), 0);
	assert_int_equal(as(a, admin, AUTH_KEYS, "*", "{\"name\":\"n\",\"roles\":[\"admin\"]}"), ERR_DENIED);
	assert_int_equal(as(a, keys, AUTH_KEYS, "default", "{\"name\":\"n\",\"roles\":[\"admin\"]}"), ERR_DENIED);
	assert_int_equal(as(a, keys, AUTH_KEYS, "default", "{\"name\":\"n\",\"roles\":[\"ingest\"]}"), ERR_DENIED);
	assert_int_equal(as(a, keys, AUTH_KEYS, "default", "{\"name\":\"n\",\"roles\":[\"viewer\"]}"), 0);
	assert_int_equal(as(a, keys, AUTH_KEYS, "default", "{\"name\":\"n\",\"roles\":[\"admin\"],\"scopes\":[\"read:events\"]}"), 0);
	assert_int_equal(as(a, keys, AUTH_KEYS, "default", "{\"name\":\"n\",\"roles\":[\"admin\"],\"scopes\":[\"write:events\"]}"), ERR_DENIED);
	assert_int_equal(as(a, keys, AUTH_ROLES, "default", "{\"name\":\"n\",\"permissions\":[\"*:*\"]}"), ERR_DENIED);
	assert_int_equal(as(a, keys, AUTH_ROLES, "default", "{\"name\":\"n\",\"permissions\":[\"read:events\"]}"), 0);
	assert_int_equal(as(a, "{\"name\":\"k\",\"roles\":[\"admin\"],\"scopes\":[\"admin:keys\"]}", AUTH_KEYS, "default",
	    "{\"name\":\"n\",\"roles\":[\"admin\"]}"), ERR_DENIED);
	buf_release(&out);
	auth_close(a);
}

static void
only_a_key_of_all_tenants_turns_to_another(void **state)
{
	struct auth *a = open_auth();
	struct err err = { 0 };
	struct buf key = { 0 };
	struct principal *who;
	struct auth_credentials c = { .tenant = STR("shop") };

	(void)state;
	make_key(a, "default", "{\"name\":\"k\",\"roles\":[\"admin\"]}", &key);
	c.key = buf_get(&key);
	assert_int_equal(auth_check(a, &c, &who, &err), ERR_DENIED);
	make_key(a, "*", "{\"name\":\"k\",\"roles\":[\"admin\"]}", &key);
	c.key = buf_get(&key);
	assert_int_equal(auth_check(a, &c, &who, &err), 0);
	assert_true(str_eq(who->tenant, STR("shop")) && who->system && principal_may(who, AUTH_ADMIN, "tenants", NONE));
	principal_free(who);
	buf_release(&key);
	auth_close(a);
}

static void
a_tenant_goes_with_its_keys(void **state)
{
	struct auth *a = open_auth();
	struct err err = { 0 };
	struct buf key = { 0 };

	(void)state;
	OK(auth_tenant_add(a, &cli, "shop", &err));
	make_key(a, "shop", "{\"name\":\"k\",\"roles\":[\"admin\"]}", &key);
	OK(auth_tenant_remove(a, &cli, "shop", &err));
	assert_true(refused(a, buf_get(&key)));
	OK(auth_tenant_add(a, &cli, "shop", &err));
	assert_true(refused(a, buf_get(&key)));
	buf_release(&key);
	auth_close(a);
}

/* ---- login */

static const char *const password = "correct horse battery";
static const struct auth_user anna = { .name = STR("anna") };

static void
make_user(struct auth *a, const char *name)
{
	struct buf in = { 0 }, out = { 0 };

	buf_printf(&in, "{\"name\":\"%s\",\"password\":\"%s\",\"roles\":[\"editor\"]}", name, password);
	assert_int_equal(create(a, AUTH_USERS, "default", buf_text(&in), &out), 0);
	buf_release(&in), buf_release(&out);
}

static int
login(struct auth *a, const char *user, const char *with, const char *address, struct auth_login *l)
{
	struct err err = { 0 };

	return auth_login(a, &(struct auth_user){ .name = str_of(user) }, str_of(with), address, l, &err);
}

static int
session_is(struct auth *a, const struct auth_login *l)
{
	struct err err = { 0 };
	struct auth_credentials c = { .session = buf_get(&l->session), .address = "192.0.2.1" };
	struct principal *who;
	int rc = auth_check_now(a, &c, &who, &err);

	if (rc == 0)
		assert_true(str_eq(who->name, STR("anna")) && who->kind == AUTH_SESSION && str_eq(who->roles, STR("editor")) &&
		    principal_may(who, AUTH_WRITE, "events", NONE) && str_eq(who->tenant, DEFAULT));
	principal_free(who);
	return rc == 0;
}

static void
a_login_is_a_session_until_logout(void **state)
{
	struct auth *a = open_auth();
	struct auth_login l, other;
	struct err err = { 0 };

	(void)state;
	make_user(a, "anna");
	assert_int_equal(login(a, "anna", password, "192.0.2.1", &l), 0);
	assert_true(l.session.n == 43 && l.challenge.n == 0 && session_is(a, &l));
	assert_int_equal(login(a, "anna", password, "192.0.2.1", &other), 0);
	assert_false(str_eq(buf_get(&l.session), buf_get(&other.session)));
	assert_int_equal(auth_logout(a, buf_get(&l.session), "192.0.2.1", &err), 1);
	assert_int_equal(auth_logout(a, buf_get(&l.session), "192.0.2.1", &err), 0);
	assert_false(session_is(a, &l));
	assert_true(session_is(a, &other));
	auth_login_release(&l), auth_login_release(&other);
	assert_int_equal(login(a, "anna", "correct horse batterx", "192.0.2.1", &l), ERR_INPUT);
	assert_int_equal(login(a, "nobody", password, "192.0.2.1", &l), ERR_INPUT);
	auth_close(a);
}

static void
a_session_ends_idle_or_after_half_a_day(void **state)
{
	struct auth *a = open_auth();
	struct auth_login l;
	const int64_t start = time_wall();

	(void)state;
	make_user(a, "anna");
	time_set_now(start);
	assert_int_equal(login(a, "anna", password, "192.0.2.1", &l), 0);
	time_set_now(start + 29 * 60000);
	assert_true(session_is(a, &l));         /* seen: written down by the thread, which the closing waits for */
	auth_close(a);
	a = open_auth();
	time_set_now(start + 58 * 60000);
	assert_true(session_is(a, &l));
	auth_close(a);
	a = open_auth();
	time_set_now(start + 89 * 60000);
	assert_false(session_is(a, &l));
	auth_login_release(&l);

	time_set_now(start);
	assert_int_equal(login(a, "anna", password, "192.0.2.1", &l), 0);
	for (int i = 1; i < 36; i++) {
		time_set_now(start + i * 20 * 60000);
		assert_true(session_is(a, &l));
		auth_close(a);
		a = open_auth();
	}
	time_set_now(start + 12 * 3600000);
	assert_false(session_is(a, &l));
	time_set_now(TIME_NONE);
	auth_login_release(&l);
	auth_close(a);
}

static void
a_session_ends_with_its_password_or_user(void **state)
{
	struct auth *a = open_auth();
	struct buf out = { 0 };
	struct err err = { 0 };
	struct auth_login l;

	(void)state;
	make_user(a, "anna");
	assert_int_equal(login(a, "anna", password, "192.0.2.1", &l), 0);
	usleep(2000);
	OK(auth_change(a, AUTH_USERS, &cli, DEFAULT, STR("anna"), json_checked(STR("{\"password\":\"another long one\"}")), &out, &err));
	assert_false(session_is(a, &l));
	auth_login_release(&l);
	assert_int_equal(login(a, "anna", password, "192.0.2.1", &l), ERR_INPUT);
	assert_int_equal(login(a, "anna", "another long one", "192.0.2.1", &l), 0);
	usleep(2000);
	OK(auth_change(a, AUTH_USERS, &cli, DEFAULT, STR("anna"), json_checked(STR("{\"disabled\":true}")), &out, &err));
	assert_false(session_is(a, &l));
	OK(auth_change(a, AUTH_USERS, &cli, DEFAULT, STR("anna"), json_checked(STR("{\"disabled\":false}")), &out, &err));
	assert_false(session_is(a, &l));        /* who may come again comes in anew */
	auth_login_release(&l);
	usleep(2000);
	assert_int_equal(login(a, "anna", "another long one", "192.0.2.1", &l), 0);
	assert_true(session_is(a, &l));
	OK(auth_remove(a, AUTH_USERS, &cli, DEFAULT, STR("anna"), &err));
	assert_false(session_is(a, &l));
	usleep(2000);
	make_user(a, "anna");
	assert_false(session_is(a, &l));        /* the next of that name is another */
	auth_login_release(&l);
	buf_release(&out);
	auth_close(a);
}

static void
fault_42_who_fails_waits_longer_each_time(void **state)
{
	struct auth *a = open_auth();
	struct err err = { 0 };
	struct auth_login l;
	int64_t now = time_wall();
	int limits = 0;

	(void)state;
	make_user(a, "anna");
	for (int i = 0; i < 21; i++) {
		int rc;

		time_set_now(now);
		rc = auth_login(a, &anna, STR("not the password"), "192.0.2.1", &l, &err);
		if (rc == ERR_LIMIT) {
			limits++;
			now += err.col * 1000;
		} else {
			assert_int_equal(rc, ERR_INPUT);
		}
	}
	assert_int_equal(limits, 8);
	time_set_now(now);
	assert_int_equal(auth_login(a, &anna, str_of(password), "192.0.2.1", &l, &err), ERR_LIMIT);
	assert_true(err.col >= 60);
	assert_int_equal(auth_login(a, &anna, str_of(password), "192.0.2.2", &l, &err), 0);       /* from elsewhere she comes in */
	auth_login_release(&l);
	time_set_now(now - 86400000);   /* the clock goes back a day: who has to wait still waits a quarter of an hour at most */
	assert_int_equal(auth_login(a, &anna, str_of(password), "192.0.2.1", &l, &err), ERR_LIMIT);
	assert_true(err.col <= 900);
	time_set_now(now);
	for (int i = 0, stuffed = 0; i < 25; i++) {     /* one address, many users */
		char user[20];

		snprintf(user, sizeof(user), "user%d", i);
		stuffed += login(a, user, "x", "192.0.2.3", &l) == ERR_LIMIT;
		if (i == 24)
			assert_int_equal(stuffed, 5);
	}
	time_set_now(TIME_NONE);
	auth_close(a);
}

static void
code_of(const struct buf *mfa, int64_t now, char code[9])
{
	struct buf secret = { 0 };
	struct err err = { 0 };

	OK(totp_base32_read(member(mfa, "secret"), &secret, &err));
	OK(totp_code(buf_get(&secret), now, 6, code, &err));
	buf_release(&secret);
}

static int
code_login(struct auth *a, const char *code)
{
	struct auth_login l, second;
	struct err err = { 0 };
	int rc = login(a, "anna", password, "192.0.2.1", &l);

	if (rc == 0) {
		assert_true(l.session.n == 0 && l.challenge.n == 43);
		rc = auth_login_mfa(a, buf_get(&l.challenge), str_of(code), "192.0.2.1", &second, &err);
		if (rc == 0)
			assert_true(session_is(a, &second));
		auth_login_release(&second);
	}
	auth_login_release(&l);
	return rc;
}

static void
one_time_codes_and_recovery_codes_are_good_once(void **state)
{
	struct auth *a = open_auth();
	struct buf mfa = { 0 };
	struct err err = { 0 };
	int64_t now = 1900000000000;
	char code[9], recovery[25];

	(void)state;
	time_set_now(now);
	make_user(a, "anna");
	OK(auth_mfa(a, &cli, DEFAULT, STR("anna"), 1, &mfa, &err));
	code_of(&mfa, now, code);
	assert_int_equal(code_login(a, "000000"), ERR_INPUT);
	assert_int_equal(code_login(a, code), 0);
	assert_int_equal(code_login(a, code), ERR_INPUT);
	time_set_now(now += 60000);
	code_of(&mfa, now, code);
	assert_int_equal(code_login(a, code), 0);
	memcpy(recovery, json_get(json_value(buf_get(&mfa)), STR("codes")).p + 2, 24);
	recovery[24] = 0;
	assert_int_equal(code_login(a, recovery), 0);
	assert_int_equal(code_login(a, recovery), ERR_INPUT);
	OK(auth_mfa(a, &cli, DEFAULT, STR("anna"), 0, NULL, &err));
	time_set_now(TIME_NONE);
	buf_release(&mfa);
	auth_close(a);
}

static void
a_challenge_has_five_tries_and_five_minutes(void **state)
{
	struct auth *a = open_auth();
	struct buf mfa = { 0 };
	struct err err = { 0 };
	struct auth_login l, second;
	int64_t now = 1900000000000;
	char code[9];

	(void)state;
	time_set_now(now);
	make_user(a, "anna");
	OK(auth_mfa(a, &cli, DEFAULT, STR("anna"), 1, &mfa, &err));
	assert_int_equal(login(a, "anna", password, "192.0.2.1", &l), 0);
	for (int i = 0; i < 5; i++) {
		char from[20];

		snprintf(from, sizeof(from), "192.0.2.%d", i + 10);
		assert_int_equal(auth_login_mfa(a, buf_get(&l.challenge), STR("000000"), from, &second, &err), ERR_INPUT);
	}
	code_of(&mfa, now, code);
	assert_int_equal(auth_login_mfa(a, buf_get(&l.challenge), str_of(code), "192.0.2.1", &second, &err), ERR_INPUT);
	auth_login_release(&l);
	assert_int_equal(login(a, "anna", password, "192.0.2.1", &l), 0);
	time_set_now(now + 300000);
	code_of(&mfa, now + 300000, code);
	assert_int_equal(auth_login_mfa(a, buf_get(&l.challenge), str_of(code), "192.0.2.1", &second, &err), ERR_INPUT);
	auth_login_release(&l);
	time_set_now(TIME_NONE);
	buf_release(&mfa);
	auth_close(a);
}

static void
a_challenge_ends_with_the_password_that_it_was_given_for(void **state)
{
	struct auth *a = open_auth();
	struct buf mfa = { 0 }, out = { 0 };
	struct err err = { 0 };
	struct auth_login l, second;
	int64_t now = 1900000000000;
	char code[9];

	(void)state;
	time_set_now(now);
	make_user(a, "anna");
	OK(auth_mfa(a, &cli, DEFAULT, STR("anna"), 1, &mfa, &err));
	time_set_now(now += 1000);
	assert_int_equal(login(a, "anna", password, "192.0.2.1", &l), 0);
	time_set_now(now += 1000);
	assert_int_equal(auth_change(a, AUTH_USERS, &cli, DEFAULT, STR("anna"), json_value(STR("{\"password\":\"another horse battery\"}")), &out, &err), 1);
	code_of(&mfa, now, code);
	assert_int_equal(auth_login_mfa(a, buf_get(&l.challenge), str_of(code), "192.0.2.1", &second, &err), ERR_INPUT);
	auth_login_release(&second);
	auth_login_release(&l);
	time_set_now(TIME_NONE);
	buf_release(&mfa);
	buf_release(&out);
	auth_close(a);
}

static int
count_state(void *self, struct str name, struct str value)
{
	(void)name, (void)value;
	++*(int *)self;
	return 0;
}

static int
states(struct auth *a, const char *kind)
{
	struct err err = { 0 };
	int n = 0;

	OK(store_each_state(audit_trail(a), kind, count_state, &n, &err));
	return n;
}

/* ---- users of the same name in several tenants */

static void
make_anna(struct auth *a, const char *tenant, const char *with)
{
	struct buf in = { 0 }, out = { 0 };

	buf_printf(&in, "{\"name\":\"anna\",\"password\":\"%s\",\"roles\":[\"editor\"]}", with);
	assert_int_equal(create(a, AUTH_USERS, tenant, buf_text(&in), &out), 0);
	assert_int_equal(create(a, AUTH_USERS, tenant, buf_text(&in), &out), ERR_INPUT);        /* twice in one tenant she cannot be */
	buf_release(&in), buf_release(&out);
}

/* The tenant that a login leads to; "" none, "?" it was asked which, "!" to wait. */
static const char *
leads_to(struct auth *a, const char *tenant, const char *near, const char *with, const char *address)
{
	static char text[80];
	struct auth_user user = { .name = STR("anna"), .tenant = tenant ? str_of(tenant) : NONE, .near = near ? str_of(near) : NONE };
	struct auth_login l;
	struct err err = { 0 };
	struct principal *who;
	int rc = auth_login(a, &user, str_of(with), address, &l, &err);

	snprintf(text, sizeof(text), "%s", rc == ERR_LIMIT ? "!" : l.tenants.n ? "?" : "");
	assert_true(rc == 0 || (rc == ERR_INPUT && !l.session.n) || rc == ERR_LIMIT);
	if (rc == 0) {
		struct auth_credentials c = { .session = buf_get(&l.session), .address = address };

		OK(auth_check_now(a, &c, &who, &err));
		snprintf(text, sizeof(text), "%.*s", STR_FMT(principal_home(who)));
		principal_free(who);
	}
	auth_login_release(&l);
	return text;
}

static void
tenants_have_users_of_the_same_name(void **state)
{
	struct auth *a = open_auth();
	struct buf out = { 0 };
	struct err err = { 0 };
	struct auth_login l;

	(void)state;
	OK(auth_tenant_add(a, &cli, "shop", &err));
	OK(auth_tenant_add(a, &cli, "bank", &err));
	make_anna(a, "shop", "correct horse shop");
	assert_string_equal(leads_to(a, NULL, NULL, "correct horse shop", "192.0.2.1"), "shop");
	make_anna(a, "bank", "correct horse bank");
	make_anna(a, "*", "correct horse all");
	assert_string_equal(leads_to(a, NULL, NULL, "correct horse shop", "192.0.2.1"), "shop");
	assert_string_equal(leads_to(a, NULL, NULL, "correct horse bank", "192.0.2.1"), "bank");
	assert_string_equal(leads_to(a, NULL, "shop", "correct horse all", "192.0.2.1"), "*");
	assert_string_equal(leads_to(a, "bank", NULL, "correct horse bank", "192.0.2.1"), "bank");
	assert_string_equal(leads_to(a, "bank", NULL, "correct horse shop", "192.0.2.1"), "");
	assert_string_equal(leads_to(a, "none", NULL, "correct horse shop", "192.0.2.1"), "");
	assert_string_equal(leads_to(a, NULL, NULL, "correct horse nobody", "192.0.2.1"), "");

	/* the same password too: who does not say is asked, and nothing of one is the other's */
	OK(auth_change(a, AUTH_USERS, &cli, STR("bank"), STR("anna"), json_checked(STR("{\"password\":\"correct horse shop\"}")), &out, &err));
	assert_int_equal(login(a, "anna", "correct horse shop", "192.0.2.1", &l), ERR_INPUT);
	assert_true(str_eq(buf_get(&l.tenants), STR("[\"bank\",\"shop\"]")));
	auth_login_release(&l);
	assert_string_equal(leads_to(a, NULL, "bank", "correct horse shop", "192.0.2.1"), "bank");
	assert_string_equal(leads_to(a, "shop", NULL, "correct horse shop", "192.0.2.1"), "shop");
	OK(auth_change(a, AUTH_USERS, &cli, STR("shop"), STR("anna"), json_checked(STR("{\"disabled\":true}")), &out, &err));
	assert_string_equal(leads_to(a, NULL, NULL, "correct horse shop", "192.0.2.1"), "bank");
	OK(auth_remove(a, AUTH_USERS, &cli, STR("bank"), STR("anna"), &err));
	assert_string_equal(leads_to(a, NULL, NULL, "correct horse shop", "192.0.2.1"), "");
	assert_int_equal(auth_get(a, AUTH_USERS, STR("shop"), STR("anna"), &out, &err), 1);
	assert_int_equal(auth_get(a, AUTH_USERS, STR("bank"), STR("anna"), &out, &err), 0);
	assert_int_equal(auth_login(a, &(struct auth_user){ .name = { "shop\0anna", 9 } }, STR("correct horse shop"), "192.0.2.1", &l, &err), ERR_INPUT);
	auth_login_release(&l);
	buf_release(&out);
	auth_close(a);
}

/* Of more than are looked at the one of the nearer tenant is looked at always, and who was none of the others is asked. */
static void
a_name_that_many_tenants_have_is_asked_which_is_meant(void **state)
{
	struct auth *a = open_auth();
	struct buf record = { 0 }, key = { 0 };
	struct err err = { 0 };
	struct auth_login l;
	struct store *s;
	char tenant[4];

	(void)state;
	for (int i = 10; i < 28; i++) {
		snprintf(tenant, sizeof(tenant), "t%d", i);
		OK(auth_tenant_add(a, &cli, tenant, &err));
	}
	make_anna(a, "t10", "correct horse many");
	make_anna(a, "t27", "correct horse last");
	auth_close(a);
	assert_non_null(s = store_open(dir, NULL, STORE_WRITE, &err));
	assert_int_equal(store_get_state(s, "user", STR("t10\0anna"), &record, &err), 1);
	OK(store_begin(s, &err));
	for (int i = 11; i < 26; i++) {         /* sixteen of them; t26 has none */
		char *at;

		snprintf(tenant, sizeof(tenant), "t%d", i);
		buf_clear(&key);
		buf_add(&key, record.p, record.n);
		at = strstr(buf_text(&key), "\"t10\"");
		assert_non_null(at);
		memcpy(at + 1, tenant, 3);
		at = strstr(buf_text(&key), "scrypt$15$");
		assert_non_null(at);
		memcpy(at + 7, "10", 2);        /* of a password that nobody has, which costs less to find out */
		buf_byte(&key, 0);
		buf_printf(&key, "%s", tenant);
		buf_byte(&key, 0);
		buf_lit(&key, "anna");
		OK(store_put_state(s, "user", (struct str){ key.p + record.n + 1, 8 }, (struct str){ key.p, record.n }, &err));
	}
	OK(store_commit(s, &err));
	store_close(s);
	a = open_auth();
	assert_int_equal(states(a, "user"), 17);
	assert_int_equal(login(a, "anna", "correct horse last", "192.0.2.1", &l), ERR_INPUT);
	assert_true(str_eq(buf_get(&l.tenants), STR("[]")));
	auth_login_release(&l);
	assert_string_equal(leads_to(a, NULL, "t27", "correct horse last", "192.0.2.1"), "t27");
	assert_string_equal(leads_to(a, "t27", NULL, "correct horse last", "192.0.2.1"), "t27");
	assert_string_equal(leads_to(a, "t27", NULL, "correct horse many", "192.0.2.2"), "");
	buf_release(&record), buf_release(&key);
	auth_close(a);
}

/* Whoever has a user of the same name elsewhere, and its password, has no more guesses by that, nor keeps the other one out. */
static void
fault_42_a_user_of_the_same_name_elsewhere_is_no_way_around_the_waiting(void **state)
{
	struct auth *a = open_auth();
	struct err err = { 0 };
	int waits = 0;

	(void)state;
	OK(auth_tenant_add(a, &cli, "shop", &err));
	OK(auth_tenant_add(a, &cli, "bank", &err));
	make_anna(a, "shop", "correct horse shop");
	make_anna(a, "bank", "correct horse bank");
	time_set_now(1900000000000);
	for (int i = 0; i < 8; i++) {
		waits += strcmp(leads_to(a, "shop", NULL, "a guess of twelve", "192.0.2.1"), "!") == 0;
		assert_string_equal(leads_to(a, i % 2 ? "bank" : NULL, NULL, "correct horse bank", "192.0.2.1"), "bank");
	}
	assert_int_equal(waits, 3);
	assert_string_equal(leads_to(a, NULL, NULL, "correct horse shop", "192.0.2.1"), "");   /* she waits here, he who waits is not looked at */
	assert_string_equal(leads_to(a, NULL, NULL, "correct horse shop", "192.0.2.2"), "shop");
	time_set_now(TIME_NONE);
	auth_close(a);
}

/* As users lay in a store before: by their name alone. */
static void
a_user_of_an_older_store_is_one_still(void **state)
{
	struct auth *a = open_auth();
	struct buf record = { 0 }, key = { 0 }, out = { 0 };
	struct err err = { 0 };
	struct store *s;

	(void)state;
	OK(auth_tenant_add(a, &cli, "shop", &err));
	make_anna(a, "shop", "correct horse shop");
	auth_close(a);
	assert_non_null(s = store_open(dir, NULL, STORE_WRITE, &err));
	buf_add(&key, "shop\0anna", 9);
	assert_int_equal(store_get_state(s, "user", buf_get(&key), &record, &err), 1);
	OK(store_begin(s, &err));
	OK(store_put_state(s, "user", STR("anna"), buf_get(&record), &err));
	OK(store_drop_state(s, "user", buf_get(&key), &err));
	OK(store_commit(s, &err));
	store_close(s);
	a = open_auth();
	assert_string_equal(leads_to(a, NULL, NULL, "correct horse shop", "192.0.2.1"), "shop");
	make_anna(a, "default", "correct horse default");
	assert_int_equal(states(a, "user"), 2);
	OK(auth_change(a, AUTH_USERS, &cli, STR("shop"), STR("anna"), json_checked(STR("{\"roles\":[]}")), &out, &err));
	assert_int_equal(states(a, "user"), 2);
	assert_string_equal(leads_to(a, NULL, NULL, "correct horse shop", "192.0.2.1"), "shop");
	assert_string_equal(leads_to(a, NULL, NULL, "correct horse default", "192.0.2.1"), "default");
	OK(auth_remove(a, AUTH_USERS, &cli, STR("shop"), STR("anna"), &err));
	assert_int_equal(states(a, "user"), 1);
	buf_release(&record), buf_release(&key), buf_release(&out);
	auth_close(a);
}

/* ---- what is left over */

/* Put by hand, as login and sharing would have: a thousand times as fast. */
static void
put_states(const char *kind, int n, const char *json)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, NULL, STORE_WRITE, &err);

	assert_non_null(s);
	OK(store_begin(s, &err));
	for (int i = 0; i < n; i++) {
		char name[65];

		snprintf(name, sizeof(name), "%064x", i);
		OK(store_put_state(s, kind, str_of(name), str_of(json), &err));
	}
	OK(store_commit(s, &err));
	store_close(s);
}

/* A session of a provider's user has its roles with it, and no user here ends it: it must not wait for the next tenant of that name. */
static void
a_tenant_goes_with_its_sessions(void **state)
{
	struct auth *a = open_auth();
	struct err err = { 0 };

	(void)state;
	OK(auth_tenant_add(a, &cli, "shop", &err));
	auth_close(a);
	put_states("session", 1, "{\"user\":\"sub\",\"tenant\":\"shop\",\"roles\":[\"admin\"],\"created\":\"2026-01-01T00:00:00.000Z\",\"seen\":\"2026-01-01T00:00:00.000Z\"}");
	a = open_auth();
	assert_int_equal(states(a, "session"), 1);
	OK(auth_tenant_remove(a, &cli, "shop", &err));
	assert_int_equal(states(a, "session"), 0);
	auth_close(a);
}

/* As many links as there may be, all of which have passed, keep nobody from making another. */
static void
links_that_have_passed_make_room(void **state)
{
	struct auth *a = open_auth();
	struct auth_actor actor = { .name = STR("anna"), .from = STR("192.0.2.1") };
	struct principal *who;
	struct buf key = { 0 }, out = { 0 };
	struct err err = { 0 };

	(void)state;
	make_key(a, "default", "{\"name\":\"k\",\"roles\":[\"admin\"]}", &key);
	auth_close(a);
	put_states("share", 10001, "{\"id\":\"x\",\"tenant\":\"default\",\"what\":\"dashboard d\",\"expires\":\"2026-01-01T00:00:00.000Z\"}");
	a = open_auth();
	assert_int_equal(check(a, buf_get(&key), &who), 0);
	actor.who = who;
	OK(auth_share(a, &actor, STR("dashboard d"), time_now() + 60000, &out, &err));
	assert_int_equal(states(a, "share"), 1);
	principal_free(who);
	buf_release(&key), buf_release(&out);
	auth_close(a);
}

/* Of all tenants, and of a part of each: a role of a tenant that has the name of one's own may show more. */
static void
fault_33_a_role_of_the_same_name_in_a_tenant_is_another(void **state)
{
	struct auth *a = open_auth();
	struct auth_actor actor = { .from = STR("192.0.2.1") };
	struct principal *who;
	struct buf key = { 0 }, out = { 0 };
	struct err err = { 0 };

	(void)state;
	OK(auth_tenant_add(a, &cli, "shop", &err));
	assert_int_equal(create(a, AUTH_ROLES, "*", "{\"name\":\"part\",\"permissions\":[\"*:*\"],\"rows\":\".properties.country == \\\"DE\\\"\"}", &out), 0);
	assert_int_equal(create(a, AUTH_ROLES, "shop", "{\"name\":\"part\",\"permissions\":[\"*:*\"]}", &out), 0);
	make_key(a, "*", "{\"name\":\"k\",\"roles\":[\"part\"]}", &key);
	assert_int_equal(check(a, buf_get(&key), &who), 0);
	assert_non_null(who->policy);
	actor.who = who;
	assert_int_equal(create_for(a, &actor, AUTH_KEYS, "shop", "{\"name\":\"all\",\"roles\":[\"part\"]}", &out), ERR_DENIED);
	assert_int_equal(create_for(a, &actor, AUTH_KEYS, "*", "{\"name\":\"mine\",\"roles\":[\"part\"]}", &out), 0);
	principal_free(who);
	buf_release(&key), buf_release(&out);
	auth_close(a);
}

/* ---- audit */

static int
count_entry(void *self, struct str json)
{
	(void)json;
	++*(int *)self;
	return 0;
}

/* What is done to the row of entry `seq`: NULL for `to` takes it away. Returns with the check sums right, as a clever forger would. */
static void
forge(int seq, const char *from, const char *to)
{
	struct err err = { 0 };
	struct store *s = store_open(dir, NULL, STORE_WRITE, &err);
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_ROWS };
	struct buf key = { 0 }, row = { 0 };
	struct str k, value;
	int rc, n = 0;

	assert_non_null(s);
	OK(store_begin(s, &err));
	store_view_of_txn(s, &v);
	for (rc = store_walk(&c, NONE, &k, &value, &err); rc > 0 && ++n < seq; rc = store_walk_next(&c, &k, &value, &err))
		;
	buf_str(&key, k);
	buf_str(&row, value);
	store_walk_end(&c);
	if (to) {
		char *at = memmem(row.p, row.n, from, strlen(from));

		assert_non_null(at);
		memcpy(at, to, strlen(to));
		OK(store_put(s, STORE_ROWS, buf_get(&key), buf_get(&row), &err));
	} else {
		OK(store_delete(s, STORE_ROWS, buf_get(&key), &err));
	}
	OK(store_commit(s, &err));
	store_close(s);
	buf_release(&key), buf_release(&row);
}

static void
verify_says(const char *anchor, const char *what)
{
	struct auth *a = open_auth();
	struct err err = { 0 };
	int64_t n = audit_verify(a, str_of(anchor), NULL, &err);

	if (what && (n != ERR_CORRUPT || !strstr(err.text, what)))
		fail_msg("not '%s' but '%s'", what, err.text);
	if (!what && n < 0)
		fail_msg("%s", err.text);
	auth_close(a);
}

static void
write_entries(int n, struct buf *anchor)
{
	struct auth *a = open_auth();
	struct err err = { 0 };

	for (int i = 0; i < n; i++)
		OK(audit_add(a, &(struct audit_entry){ .tenant = i % 2 ? STR("shop") : DEFAULT, .who = STR("anna"), .from = STR("192.0.2.1"),
		    .action = STR("query"), .object = STR("a \"b\" \xff c"), .result = STR("ok") }, &err));
	assert_int_equal(audit_verify(a, NONE, anchor, &err), n);
	auth_close(a);
}

static void
entries_are_of_their_tenant_and_time(void **state)
{
	struct auth *a;
	struct err err = { 0 };
	int n = 0;

	(void)state;
	write_entries(10, NULL);
	a = open_auth();
	OK(audit_each(a, STR("shop"), TIME_MIN, TIME_MAX, count_entry, &n, &err));
	assert_int_equal(n, 5);
	OK(audit_each(a, NONE, TIME_MIN, TIME_MAX, count_entry, &n, &err));
	assert_int_equal(n, 15);
	time_set_now(time_wall() - 86400000);           /* the clock goes back a day: the chain goes on, and the entry tells it */
	OK(audit_add(a, &(struct audit_entry){ .tenant = DEFAULT, .action = STR("x"), .result = STR("ok") }, &err));
	time_set_now(TIME_NONE);
	assert_int_equal(audit_verify(a, NONE, NULL, &err), 11);
	n = 0;
	OK(audit_each(a, NONE, TIME_MIN, time_wall() - 3600000, count_entry, &n, &err));
	assert_int_equal(n, 1);
	for (int i = 0; i < 300; i++)
		audit_later(a, &(struct audit_entry){ .tenant = DEFAULT, .action = STR("later"), .result = STR("ok") });
	auth_close(a);
	verify_says(NULL, NULL);
	a = open_auth();
	n = 0;
	OK(audit_each(a, NONE, TIME_MIN, TIME_MAX, count_entry, &n, &err));
	assert_int_equal(n, 311);
	auth_close(a);
}

static void
fault_51_an_edited_entry_is_named(void **state)
{
	(void)state;
	write_entries(9, NULL);
	verify_says(NULL, NULL);
	forge(4, "anna", "emma");
	verify_says(NULL, "entry 4 does not have its hash");
}

static void
fault_51_an_entry_taken_out_is_named(void **state)
{
	(void)state;
	write_entries(9, NULL);
	forge(6, NULL, NULL);
	verify_says(NULL, "entry 6 is missing");
}

static void
fault_51_a_cut_tail_is_told(void **state)
{
	struct buf anchor = { 0 };

	(void)state;
	write_entries(9, &anchor);
	verify_says(buf_text(&anchor), NULL);
	forge(9, NULL, NULL);
	verify_says(NULL, "its tail was cut");
	buf_release(&anchor);
}

/* A forger who writes the log anew, with hashes and head that fit, is found by the anchor. */
static void
fault_51_a_log_written_anew_is_found_by_its_anchor(void **state)
{
	char path[200];
	struct buf anchor = { 0 };
	FILE *f;

	(void)state;
	write_entries(3, &anchor);
	snprintf(path, sizeof(path), "%s/system/data.mdb", dir);
	assert_int_equal(unlink(path), 0);
	usleep(2000);           /* of the same millisecond they would be the same entries */
	write_entries(5, NULL);
	verify_says(buf_text(&anchor), "anchor given remembers");
	verify_says(NULL, NULL);
	snprintf(path, sizeof(path), "%s/system/audit.anchor", dir);
	f = fopen(path, "r+");
	fprintf(f, "%020d", 4);         /* an anchor of the first log */
	fclose(f);
	verify_says(NULL, "anchor in audit.anchor remembers");
	assert_int_equal(unlink(path), 0);
	verify_says(NULL, "audit.anchor is gone");
	buf_release(&anchor);
}

static int
count_kinds(void *self, struct str json)
{
	int *n = self;                  /* what was read, denials, how many are said to lack */
	struct json v = json_value(json);
	struct buf object = { 0 };

	n[0] += json_text_eq(json_get(v, STR("action")), STR("query"));
	n[1] += json_text_eq(json_get(v, STR("action")), STR("deny"));
	if (json_text_eq(json_get(v, STR("action")), STR("audit.lost"))) {
		n[2] += atoi(json_text(json_get(v, STR("object")), &object).p);         /* digits, and words behind them */
	}
	buf_release(&object);
	return 0;
}

/* While the disk takes nothing, what was read fills its part of the queue and no more: a denial still finds room, and the trail says what it lacks. */
static void
what_is_read_waits_within_bounds_and_its_loss_is_told(void **state)
{
	const struct audit_entry read = { .tenant = DEFAULT, .action = STR("query"), .result = STR("ok"), .rows = STR("1") },
		denied = { .tenant = DEFAULT, .action = STR("deny"), .result = STR("denied") };
	struct auth *a = open_auth();
	int n[3] = { 0 }, lost = 0, given = 40000;      /* the thread may have taken one full queue already */
	struct err err = { 0 };

	(void)state;
	OK(auth_begin(a, &err));
	for (int i = 0; i < given; i++)
		lost += audit_later_read(a, &read) != 0;
	audit_later(a, &denied);
	OK(auth_end(a, 0, &err));
	assert_true(lost > 0 && lost < given);
	auth_close(a);                  /* writes what waits */
	a = open_auth();
	OK(audit_each(a, NONE, TIME_MIN, TIME_MAX, count_kinds, n, &err));
	assert_int_equal(n[0], given - lost);
	assert_int_equal(n[1], 1);
	assert_int_equal(n[2], lost);
	auth_close(a);
}

/* Fault 47: no byte of the store has a key or a password. */
static void
fault_47_the_store_holds_no_secret(void **state)
{
	struct auth *a = open_auth();
	struct buf key = { 0 }, out = { 0 }, file = { 0 };
	char path[200];
	FILE *f;

	(void)state;
	make_key(a, "default", "{\"name\":\"k\",\"roles\":[\"viewer\"]}", &key);
	assert_int_equal(create(a, AUTH_USERS, "default", "{\"name\":\"anna\",\"password\":\"correct horse canary\"}", &out), 0);
	assert_null(memmem(out.p, out.n, "canary", 6));
	assert_null(memmem(out.p, out.n, "scrypt", 6));
	auth_close(a);
	snprintf(path, sizeof(path), "%s/system/data.mdb", dir);
	f = fopen(path, "rb");
	while (!feof(f))
		file.n += fread(buf_room(&file, 65536), 1, 65536, f);
	fclose(f);
	assert_null(memmem(file.p, file.n, key.p + 15, 43));
	assert_null(memmem(file.p, file.n, "canary", 6));
	assert_non_null(memmem(file.p, file.n, "scrypt$15$8$1$", 14));
	buf_release(&key), buf_release(&out), buf_release(&file);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)
	const struct CMUnitTest tests[] = {
		T(a_key_is_who_it_was_made_for),
		T(a_key_comes_as_bearer_token_basic_or_alone),
		T(a_key_with_one_character_changed_is_none),
		T(fault_42_bad_keys_from_an_address_are_slowed_down),
		T(a_revoked_key_stops_at_once_and_an_expired_one_by_itself),
		T(several_threads_ask_while_another_changes),
		T(after_rotation_the_old_secret_lives_an_hour),
		T(deny_is_the_default),
		T(a_role_that_is_changed_or_gone_holds_at_the_next_call),
		T(fault_33_unknown_fields_and_wrong_values_are_refused),
		T(fault_33_nobody_gives_more_than_he_has),
		T(only_a_key_of_all_tenants_turns_to_another),
		T(a_tenant_goes_with_its_keys),
		T(a_login_is_a_session_until_logout),
		T(a_session_ends_idle_or_after_half_a_day),
		T(a_session_ends_with_its_password_or_user),
		T(tenants_have_users_of_the_same_name),
		T(a_name_that_many_tenants_have_is_asked_which_is_meant),
		T(fault_42_a_user_of_the_same_name_elsewhere_is_no_way_around_the_waiting),
		T(a_user_of_an_older_store_is_one_still),
		T(fault_42_who_fails_waits_longer_each_time),
		T(one_time_codes_and_recovery_codes_are_good_once),
		T(a_challenge_has_five_tries_and_five_minutes),
		T(a_challenge_ends_with_the_password_that_it_was_given_for),
		T(a_tenant_goes_with_its_sessions),
		T(links_that_have_passed_make_room),
		T(fault_33_a_role_of_the_same_name_in_a_tenant_is_another),
		T(entries_are_of_their_tenant_and_time),
		T(fault_51_an_edited_entry_is_named),
		T(fault_51_an_entry_taken_out_is_named),
		T(fault_51_a_cut_tail_is_told),
		T(fault_51_a_log_written_anew_is_found_by_its_anchor),
		T(what_is_read_waits_within_bounds_and_its_loss_is_told),
		T(fault_47_the_store_holds_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
