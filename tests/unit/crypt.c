/* Hashes, passwords, sealing and one-time codes by their vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypt/crypt.h"
#include "crypt/totp.h"

static void
is_hex(const uint8_t *bytes, size_t n, const char *want)
{
	struct buf b = { 0 };

	crypt_hex((struct str){ (const char *)bytes, n }, &b);
	assert_string_equal(buf_text(&b), want);
	buf_release(&b);
}

static void
hashes_are_those_of_fips_180_and_rfc_4231(void **state)
{
	uint8_t out[32];

	(void)state;
	crypt_sha256(STR("abc"), out);
	is_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	crypt_sha256(STR(""), out);
	is_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	crypt_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), out);
	is_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void
a_password_is_its_scrypt_and_no_other(void **state)
{
	struct err err = { 0 };
	struct buf kept = { 0 }, again = { 0 };

	(void)state;
	assert_int_equal(crypt_password(STR("correct horse"), &kept, &err), 0);
	assert_int_equal(crypt_password(STR("correct horse"), &again, &err), 0);
	assert_false(str_eq(buf_get(&kept), buf_get(&again)));          /* another salt */
	assert_int_equal(crypt_password_is(STR("correct horse"), buf_get(&kept), &err), 1);
	assert_int_equal(crypt_password_is(STR("correct horsE"), buf_get(&kept), &err), 0);
	assert_int_equal(crypt_password_is(STR(""), buf_get(&kept), &err), 0);
	/* RFC 7914, 12: "pleaseletmein", N 2^14 */
	assert_int_equal(crypt_password_is(STR("pleaseletmein"),
	    STR("scrypt$14$8$1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046_2o-7qQT44-qbVD9lRdofI"), &err), 1);
	kept.n--;
	assert_int_equal(crypt_password_is(STR("correct horse"), buf_get(&kept), &err), ERR_CORRUPT);
	assert_int_equal(crypt_password_is(STR("x"), STR("scrypt$30$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAA"), &err), ERR_CORRUPT);
	assert_int_equal(crypt_password_is(STR("x"), STR(""), &err), ERR_CORRUPT);
	buf_release(&kept);
	buf_release(&again);
}

static void
what_is_sealed_opens_by_its_key_and_text_alone(void **state)
{
	uint8_t key[32] = { 1 }, other[32] = { 2 };
	struct err err = { 0 };
	struct buf sealed = { 0 }, plain = { 0 }, twice = { 0 };

	(void)state;
	assert_int_equal(crypt_seal(key, STR("a secret"), STR("of anna"), &sealed, &err), 0);
	assert_int_equal(sealed.n, 12 + 8 + 16);
	assert_int_equal(crypt_seal(key, STR("a secret"), STR("of anna"), &twice, &err), 0);
	assert_memory_not_equal(sealed.p, twice.p, 12);
	assert_int_equal(crypt_open(key, buf_get(&sealed), STR("of anna"), &plain, &err), 0);
	assert_true(str_eq(buf_get(&plain), STR("a secret")));
	assert_int_equal(crypt_open(other, buf_get(&sealed), STR("of anna"), &plain, &err), ERR_CORRUPT);
	assert_int_equal(crypt_open(key, buf_get(&sealed), STR("of bob"), &plain, &err), ERR_CORRUPT);
	for (size_t i = 0; i < sealed.n; i++) {
		sealed.p[i] ^= 1;
		assert_int_equal(crypt_open(key, buf_get(&sealed), STR("of anna"), &plain, &err), ERR_CORRUPT);
		sealed.p[i] ^= 1;
	}
	assert_int_equal(crypt_open(key, STR("short"), STR(""), &plain, &err), ERR_CORRUPT);
	assert_true(str_eq(buf_get(&plain), STR("a secret")));          /* what failed left nothing */
	buf_release(&sealed), buf_release(&plain), buf_release(&twice);
}

static void
base64url_is_that_of_rfc_4648_and_has_one_text_for_each_value(void **state)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff", "-_8" } };
	static const char *const wrong[] = { "Z", "Zh", "Zm9", "Z g", "Zg=a", "Zm9v!", "====", NULL };
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		buf_clear(&b);
		crypt_base64url(str_of(pairs[i][0]), &b);
		assert_string_equal(buf_text(&b), pairs[i][1]);
		buf_clear(&b);
		assert_int_equal(crypt_base64url_read(str_of(pairs[i][1]), &b), 0);
		assert_string_equal(buf_text(&b), pairs[i][0]);
	}
	for (int i = 0; wrong[i]; i++)
		if (crypt_base64url_read(str_of(wrong[i]), &b) == 0)
			fail_msg("'%s' is taken", wrong[i]);
	buf_clear(&b);
	assert_int_equal(crypt_base64url_read(STR("+/8="), &b), 0);
	assert_int_equal(b.n, 2);
	buf_release(&b);
}

/* RFC 6238, appendix B: SHA-1. */
static void
one_time_codes_are_those_of_rfc_6238(void **state)
{
	static const struct { int64_t s; const char *code; } vectors[] = {
		{ 59, "94287082" }, { 1111111109, "07081804" }, { 1111111111, "14050471" }, { 1234567890, "89005924" },
		{ 2000000000, "69279037" }, { 20000000000, "65353130" },
	};
	struct str secret = STR("12345678901234567890");
	struct err err = { 0 };
	char code[9];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		assert_int_equal(totp_code(secret, vectors[i].s * 1000, 8, code, &err), 0);
		assert_string_equal(code, vectors[i].code);
	}
}

static void
a_code_is_good_once_and_for_its_step_and_its_neighbours(void **state)
{
	struct str secret = STR("12345678901234567890");
	const int64_t now = 1700000010000;
	struct err err = { 0 };
	int64_t used = 0, step;
	char code[9];

	(void)state;
	for (int64_t off = -3; off <= 3; off++) {
		totp_code(secret, now + off * 30000, 6, code, &err);
		assert_int_equal(totp_is(secret, str_of(code), now, 0, &step, &err), off >= -1 && off <= 1);
		if (off >= -1 && off <= 1)
			assert_int_equal(step, now / 30000 + off);
	}
	totp_code(secret, now, 6, code, &err);
	assert_int_equal(totp_is(secret, str_of(code), now, used, &used, &err), 1);
	assert_int_equal(totp_is(secret, str_of(code), now, used, &step, &err), 0);             /* fault 42: no replay */
	assert_int_equal(totp_is(secret, str_of(code), now + 20000, used, &step, &err), 0);
	totp_code(secret, now - 30000, 6, code, &err);
	assert_int_equal(totp_is(secret, str_of(code), now, used, &step, &err), 0);             /* nor one of before */
	assert_int_equal(totp_is(secret, STR("12345"), now, 0, &step, &err), 0);
	assert_int_equal(totp_is(secret, STR("1234567"), now, 0, &step, &err), 0);
}

static void
a_secret_is_given_in_base32_and_as_uri(void **state)
{
	struct err err = { 0 };
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(totp_base32(STR("foobar"), &b, &err), 0);
	assert_string_equal(buf_text(&b), "MZXW6YTBOI");
	buf_clear(&b);
	assert_int_equal(totp_base32_read(STR("MZXW6YTBOI"), &b, &err), 0);
	assert_string_equal(buf_text(&b), "foobar");
	buf_clear(&b);
	assert_int_equal(totp_uri(STR("foobar"), "at", STR("a b@x"), &b, &err), 0);
	assert_string_equal(buf_text(&b), "otpauth://totp/at:a%20b%40x?secret=MZXW6YTBOI&issuer=at");
	assert_int_equal(totp_base32_read(STR("1!"), &b, &err), ERR_INPUT);
	buf_release(&b);
}

static void
drawn_texts_use_all_letters_alike(void **state)
{
	struct err err = { 0 };
	struct buf b = { 0 };
	int count[256] = { 0 };

	(void)state;
	assert_int_equal(crypt_random_text(62000, &b, &err), 0);
	assert_int_equal(b.n, 62000);
	for (size_t i = 0; i < b.n; i++)
		count[(unsigned char)b.p[i]]++;
	for (const char *c = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"; *c; c++)
		assert_in_range(count[(unsigned char)*c], 750, 1250);   /* 1,000 ± 8 sigma */
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_those_of_fips_180_and_rfc_4231),
		cmocka_unit_test(a_password_is_its_scrypt_and_no_other),
		cmocka_unit_test(what_is_sealed_opens_by_its_key_and_text_alone),
		cmocka_unit_test(base64url_is_that_of_rfc_4648_and_has_one_text_for_each_value),
		cmocka_unit_test(one_time_codes_are_those_of_rfc_6238),
		cmocka_unit_test(a_code_is_good_once_and_for_its_step_and_its_neighbours),
		cmocka_unit_test(a_secret_is_given_in_base32_and_as_uri),
		cmocka_unit_test(drawn_texts_use_all_letters_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
