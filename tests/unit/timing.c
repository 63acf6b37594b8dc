/* What nobody can tell by the time that an answer takes (fault 43). Time itself is not measured: what costs any, the derivations of passwords and the
 * comparisons of secrets, is written down as it is asked for, and has to be the same whoever is meant and however wrong he is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/auth.h"
#include "base/buf.h"
#include "base/time.h"
#include "folder.h"

static struct buf steps;
static int writes;

/* ---- in place of OpenSSL's: they say what they were asked for */

int EVP_PBE_scrypt(const char *, size_t, const unsigned char *, size_t, uint64_t, uint64_t, uint64_t, uint64_t, unsigned char *, size_t);
int CRYPTO_memcmp(const void *, const void *, size_t);

int
EVP_PBE_scrypt(const char *pass, size_t n_pass, const unsigned char *salt, size_t n_salt, uint64_t n, uint64_t r, uint64_t p, uint64_t most, unsigned char *key, size_t n_key)
{
	uint64_t h = str_hash_stable((struct str){ pass, n_pass }) ^ str_hash_stable((struct str){ (const char *)salt, n_salt });

	(void)most;
	if (writes)
		buf_printf(&steps, "scrypt of %zu bytes of salt, %llu %llu %llu, to %zu\n", n_salt, (unsigned long long)n, (unsigned long long)r, (unsigned long long)p, n_key);
	for (size_t i = 0; i < n_key; i++)
		key[i] = (unsigned char)(h >> i % 8 * 8) ^ (unsigned char)i;
	return 1;
}

int
CRYPTO_memcmp(const void *a, const void *b, size_t n)
{
	if (writes)
		buf_printf(&steps, "compare %zu\n", n);
	return memcmp(a, b, n);
}

/* ---- */

static const struct auth_actor cli = { .name = { "tester", 6 }, .from = { "cli", 3 } };

static struct auth *
open_auth(void)
{
	struct err err = { 0 };
	struct auth *a = auth_open(dir, NULL, &err);

	assert_non_null(a);
	return a;
}

static void
make(struct auth *a, enum auth_record record, const char *in, struct buf *out)
{
	struct err err = { 0 };

	buf_clear(out);
	OK(auth_create(a, record, &cli, STR("default"), json_checked(str_of(in)), out, &err));
}

/* The steps of a call that is refused, all in the same words. */
static const char *
steps_of(int rc, const struct err *err)
{
	static char said[sizeof(err->text)];

	writes = 0;
	assert_int_equal(rc, ERR_INPUT);
	if (!*said || !strncmp(err->text, "these credentials", 17))
		snprintf(said, sizeof(said), "%s", err->text);
	assert_string_equal(err->text, said);
	return buf_text(&steps);
}

static void
begin(void)
{
	buf_clear(&steps);
	writes = 1;
}

static void
fault_43_a_login_of_nobody_takes_the_steps_of_a_wrong_one(void **state __attribute__((unused)))
{
	static const struct { const char *user, *tenant; size_t n; const char *password; } tries[] = { { "anna", NULL, 4, "wrong" }, { "anna", NULL, 4, "" }, { "anna", "default", 4, "correct horse batterz" },
		{ "nobody", NULL, 6, "wrong" }, { "nobody", "default", 6, "correct horse battery" }, { "anna", "none-such", 4, "correct horse battery" }, { "anna\0x", NULL, 6, "correct horse battery" },
		{ "", NULL, 0, "correct horse battery" }, { "left", NULL, 4, "correct horse battery" }, { "left", NULL, 4, "wrong" }, { "codes", NULL, 5, "wrong" } };
	struct auth *a = open_auth();
	struct buf out = { 0 }, wrong = { 0 };
	struct err err = { 0 };

	begin();
	make(a, AUTH_USERS, "{\"name\":\"anna\",\"password\":\"correct horse battery\",\"roles\":[\"viewer\"]}", &out);
	buf_str(&wrong, buf_get(&steps));               /* what a password costs when it is made is what it costs to be asked for one */
	writes = 0;
	assert_non_null(strstr(buf_text(&wrong), "scrypt of 16 bytes of salt, 32768 8 1, to 32\n"));
	buf_lit(&wrong, "compare 32\n");
	make(a, AUTH_USERS, "{\"name\":\"left\",\"password\":\"correct horse battery\",\"roles\":[\"viewer\"],\"disabled\":true}", &out);
	make(a, AUTH_USERS, "{\"name\":\"codes\",\"password\":\"correct horse battery\",\"roles\":[\"viewer\"]}", &out);
	OK(auth_mfa(a, &cli, STR("default"), STR("codes"), 1, &out, &err));
	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		const struct auth_user user = { .name = { tries[i].user, tries[i].n }, .tenant = tries[i].tenant ? str_of(tries[i].tenant) : (struct str){ 0 } };
		struct auth_login l;
		char address[20];
		int rc;

		snprintf(address, sizeof(address), "192.0.2.%zu", i + 1);       /* nobody has to wait */
		err_clear(&err);
		begin();
		rc = auth_login(a, &user, str_of(tries[i].password), address, &l, &err);
		assert_string_equal(steps_of(rc, &err), buf_text(&wrong));
		auth_login_release(&l);
	}
	buf_release(&out), buf_release(&wrong), buf_release(&steps);
	auth_close(a);
}

/* A key's place in memory, or its absence, is no matter of the comparisons; nor is where it differs. */
static void
fault_43_a_wrong_key_takes_the_same_steps_wherever_it_is_wrong(void **state __attribute__((unused)))
{
	struct auth *a = open_auth();
	struct buf out = { 0 }, key = { 0 };
	struct err err = { 0 };

	make(a, AUTH_KEYS, "{\"name\":\"k\",\"roles\":[\"viewer\"]}", &out);
	assert_true(json_text(json_get(json_value(buf_get(&out)), STR("key")), &key).n == 58);
	for (size_t at = 3; at < 58; at++) {            /* behind at_: the id, then the secret */
		struct buf header = { 0 };
		struct str text = json_text(json_get(json_value(buf_get(&out)), STR("key")), &key);
		char address[20], wrong[59];
		struct principal *who = NULL;
		int rc;

		snprintf(wrong, sizeof(wrong), "%.*s", STR_FMT(text));
		wrong[at] = wrong[at] == 'A' ? 'B' : 'A';
		buf_printf(&header, "Bearer %s", wrong);
		snprintf(address, sizeof(address), "192.0.2.%zu", at);
		err_clear(&err);
		begin();
		rc = auth_check_now(a, &(struct auth_credentials){ .authorization = buf_get(&header), .address = address }, &who, &err);
		assert_string_equal(steps_of(rc, &err), "compare 64\ncompare 64\n");    /* the secret, and the one before it */
		assert_null(who);
		buf_release(&header);
	}
	buf_release(&out), buf_release(&key), buf_release(&steps);
	auth_close(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fault_43_a_login_of_nobody_takes_the_steps_of_a_wrong_one, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(fault_43_a_wrong_key_takes_the_same_steps_wherever_it_is_wrong, folder_set_up, folder_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
