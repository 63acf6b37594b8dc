/* Chunks: whatever the properties, they come back byte by byte, in any order of asking, and packed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/chunk.h"

#define ROWS 20000

static int
fetch(void *self, int column, int part, struct buf *out, struct err *err)
{
	const struct chunk_packed *packed = self;

	for (size_t i = 0; i < packed->n; i++) {
		const struct chunk_block *b = &packed->block[i];

		if (b->column == column && b->part == part) {
			buf_add(out, packed->bytes.p + b->at, b->len);
			return 0;
		}
	}
	return err_set(err, ERR_CORRUPT, "no such block");
}

static int
same(struct str a, struct str b)
{
	return !a.p == !b.p && str_eq(a, b);
}

/* Pack rows with the properties that `make` writes for row i, and read them back. Bytes of the chunk. */
static size_t
come_back(size_t n, void (*make)(struct buf *, unsigned i))
{
	struct event *ev = mem_new(n * sizeof(*ev)), got;
	struct arena *texts = arena_new(0);
	struct chunk_packed packed = { 0 };
	struct chunk c = { 0 };
	struct err err = { 0 };
	struct buf b = { 0 };
	size_t size;

	for (size_t i = 0; i < n; i++) {
		buf_clear(&b);
		make(&b, (unsigned)i);
		ev[i] = (struct event){ .name = i % 3 ? STR("view") : STR("click"), .time = 1700000000000 + (int64_t)i * 17 % 1000 + (int64_t)i * 1000,
			.received = 1700000000000, .seq = i * 7919 % n + 1, .properties = { arena_dup(texts, b.p, b.n), b.n } };
		if (n < 20 || i % 10)           /* few rows: each has a user of its own */
			ev[i].user_id = n < 20 ? (struct str){ "abcdefghijklmnopqrstuvwxyz" + i, 3 } : (struct str){ arena_dup(texts, b.p, i % 7), i % 7 };
	}
	for (int round = 0; round < 2; round++) {               /* memory is used again */
		chunk_pack(&packed, ev, n);
		assert_int_equal(chunk_open(&c, buf_get(&packed.header), fetch, &packed, &err), 0);
		for (size_t i = 0; i < n; i++) {
			size_t row = round ? i * 7919 % n : i;

			if (round && i > 500)
				break;
			if (chunk_row(&c, row, CHUNK_ALL, &got, &err))
				fail_msg("%s", err.text);
			if (!str_eq(got.properties, ev[row].properties))
				fail_msg("row %zu: '%.*s' came back as '%.*s'", row, STR_FMT(ev[row].properties), STR_FMT(got.properties));
			assert_true(got.time == ev[row].time && got.seq == ev[row].seq && got.received == ev[row].received &&
			    same(got.name, ev[row].name) && same(got.id, ev[row].id) && same(got.user_id, ev[row].user_id));
		}
	}
	size = packed.bytes.n + packed.header.n;
	chunk_release(&c);
	chunk_packed_release(&packed);
	arena_free(texts);
	buf_release(&b);
	free(ev);
	return size;
}

static void
make_numbers(struct buf *b, unsigned i)
{
	static const char *const odd[] = { "0", "-0", "0.0", "-0.0", "1.0", "1", "1.50", "1e5", "1E5", "-1e-5", "12345678901234567890", "0.10", "100",
		"999999999999999999", "-999999999999999999", "0.000000000000000001", "9223372036854775807", "-9223372036854775808", "3.0e10" };

	buf_printf(b, "{\"odd\":%s,\"whole\":%d,\"point\":%u.0,\"cents\":%u.%02u,\"price\":", odd[i * 2654435761u % 19], (int)(i * 7 % 1000) - 500, i,
	    i % 977, i % 100);
	if (i % 100)
		buf_printf(b, "%u.%u", i % 50, i % 9 + 1);
	else
		buf_lit(b, "null");
	buf_printf(b, ",\"rising\":%llu,\"long\":0.%u%u}", 1700000000000ull + i * 1000, i, i * 2654435761u);
}

static void
make_mixed(struct buf *b, unsigned i)
{
	static const char *const value[] = { "1", "\"1\"", "null", "true", "{\"a\":1,\"b\":{\"c\":\"}\"}}", "[1,{\"a\":[]}]", "{}", "\"\\\"\\\\\"", "2.5", "[]",
		"{\"a\":1,\"a\":2}", "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"i\":{\"j\":1}}}}}}}}}}", "\"\\u0061\"", "{\"b\":{\"c\":7}}", "{\"\":\"\"}" };
	unsigned n = i % 5;

	buf_byte(b, '{');
	for (unsigned k = 0; k < n; k++)
		buf_printf(b, "%s\"%s%u\":%s", k ? "," : "", k % 2 ? "k" : "\\u006b", k, value[(i * 31 + k * 17) % 15]);
	if (n && i > ROWS / 2)
		buf_lit(b, ",\"late\":\"x\"");
	buf_byte(b, '}');
}

static void
make_wide(struct buf *b, unsigned i)
{
	for (unsigned k = 0; k < 8; k++)
		buf_printf(b, "%c\"key_%u\":%u", k ? ',' : '{', (i * 8 + k) * 2654435761u % 10000, i);
	buf_byte(b, '}');
}

static void
make_nothing(struct buf *b, unsigned i)
{
	buf_lit(b, i % 1000 == 999 ? "{\"a\":1}" : "{}");
}

static void
make_long(struct buf *b, unsigned i)
{
	buf_printf(b, "{\"id\":\"%08x-%04x\",\"text\":\"", i * 2654435761u, i * 40503u & 0xffff);
	for (unsigned k = 0; k < i % 997; k++)
		buf_printf(b, "word%u ", k * i % 50);
	buf_lit(b, "\"}");
}

static void
properties_come_back_byte_by_byte(void **state)
{
	(void)state;
	come_back(ROWS, make_numbers);
	come_back(ROWS, make_mixed);
	come_back(2000, make_long);
	for (size_t n = 1; n < 20; n++)
		come_back(n, make_mixed);
	come_back(1, make_numbers);
}

static void
ten_thousand_keys_are_fine(void **state)
{
	(void)state;
	assert_true(come_back(ROWS, make_wide) < ROWS * 60);
}

static void
what_does_not_change_costs_nothing(void **state)
{
	(void)state;
	assert_true(come_back(ROWS, make_nothing) < ROWS * 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(properties_come_back_byte_by_byte),
		cmocka_unit_test(ten_thousand_keys_are_fine),
		cmocka_unit_test(what_does_not_change_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
