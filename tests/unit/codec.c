#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/crc32c.h"
#include "codec/crc32c_priv.h"
#include "codec/varint.h"

/* RFC 3720, B.4; the bytes of the CRC stand there in the order of the wire. */
static void
crc32c_of_rfc_3720(void **state __attribute__((unused)))
{
	static const unsigned char read10[48] = { 0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0,
	    0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0 };
	unsigned char zeros[32] = { 0 }, ones[32], up[32], down[32];

	for (int i = 0; i < 32; i++)
		ones[i] = 0xff, up[i] = (unsigned char)i, down[i] = (unsigned char)(31 - i);
	assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43);
	assert_int_equal(crc32c(0, up, 32), 0x46dd794e);
	assert_int_equal(crc32c(0, down, 32), 0x113fdb5c);
	assert_int_equal(crc32c(0, read10, 48), 0xd9963a56);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
}

/* Any cut gives the same, instructions and tables agree, wherever the bytes begin. */
static void
crc32c_chains_and_its_paths_agree(void **state __attribute__((unused)))
{
	static unsigned char data[40000];

	srand(1);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)rand();
	for (int i = 0; i < 2000; i++) {
		size_t from = (size_t)rand() % 64, n = (size_t)rand() % (i % 10 ? 600 : sizeof(data) - 64), cut = n ? (size_t)rand() % n : 0;
		uint32_t whole = crc32c(0, data + from, n);

		assert_int_equal(crc32c(crc32c(0, data + from, cut), data + from + cut, n - cut), whole);
		assert_int_equal(crc32c_priv_tables(0, data + from, n), whole);
		assert_int_equal(crc32c(7, data + from, n), crc32c_priv_tables(7, data + from, n));
	}
}

static void
varints_come_back(void **state __attribute__((unused)))
{
	struct buf b = { 0 };
	uint64_t seed = 1;

	for (int i = 0; i < 100000; i++) {
		uint64_t v, got;
		int64_t signed_v, signed_got;
		struct str rest, text;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		v = i < 64 ? (uint64_t)1 << i : i < 128 ? ((uint64_t)1 << (i - 64)) - 1 : i == 128 ? UINT64_MAX : seed >> (seed & 63);
		signed_v = (int64_t)(i & 1 ? v : 0 - v);
		buf_clear(&b);
		varint_put(&b, v);
		assert_int_equal(b.n, v ? (63 - __builtin_clzll(v)) / 7 + 1 : 1);
		varint_put_signed(&b, signed_v);
		varint_put_str(&b, STR("text"));
		rest = buf_get(&b);
		assert_int_equal(varint_take(&rest, &got), 0);
		assert_int_equal(varint_take_signed(&rest, &signed_got), 0);
		assert_true(got == v && signed_got == signed_v);
		rest.n--;       /* cut short: nothing is taken */
		assert_int_equal(varint_take_str(&rest, &text), -1);
		assert_int_equal(rest.n, 4);
		rest.n++;
		assert_int_equal(varint_take_str(&rest, &text), 0);
		assert_memory_equal(text.p, "text", 4);
	}
	buf_release(&b);
}

static void
wrong_varints_are_refused_and_nothing_is_taken(void **state __attribute__((unused)))
{
	static const struct str wrong[] = { { "", 0 }, { "\x80", 1 }, { "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9 },
	    { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10 }, { "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11 } };
	struct str max = STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
	uint64_t v;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct str rest = wrong[i];

		assert_int_equal(varint_take(&rest, &v), -1);
		assert_true(rest.p == wrong[i].p && rest.n == wrong[i].n);
	}
	assert_int_equal(varint_take(&max, &v), 0);
	assert_true(v == UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32c_of_rfc_3720),
		cmocka_unit_test(crc32c_chains_and_its_paths_agree),
		cmocka_unit_test(varints_come_back),
		cmocka_unit_test(wrong_varints_are_refused_and_nothing_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
