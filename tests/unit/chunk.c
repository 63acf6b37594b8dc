/* Chunks: whatever the properties, they come back byte by byte, in any order of asking, and packed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/in.h"
#include "base/mem.h"
#include "codec/bitmap.h"
#include "codec/crc32c.h"
#include "codec/varint.h"
#include "json/json.h"
#include "store/chunk_column.h"

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

/* Doubles with all their digits, as sensors, calculations and other programs have them. */
enum { NOISE, WAVE, TAX, PLACE, SMALL, ECMA, PYTHON, FLOAT, GAPS, FEW, BESIDE, RARE, LONG, KINDS };
static const char *const kind_name[KINDS] = { "noise", "wave", "tax", "place", "small", "ecma", "python", "float", "gaps", "few", "beside", "rare", "long" };

static double
share(unsigned i)                       /* 0 … 1, all bits of it random */
{
	uint64_t x = (i + 1) * 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 31) * 0xbf58476d1ce4e5b9u;
	return (double)((x ^ x >> 29) >> 11) / 9007199254740992.0;
}

static double
double_at(int kind, unsigned i)
{
	double x = share(i);

	switch (kind) {
	case NOISE:  return (x - 0.5) * exp(10 * share(i + ROWS));
	case WAVE:   return 20 + 5 * sin(i / 100.0);
	case TAX:    return (double)(i * 2654435761u % 20000) / 100 * 1.19;
	case PLACE:  return 52.3 + 0.4 * x;
	case SMALL:  return (x - 0.5) * 1e-5;
	case ECMA:   return (x - 0.5) * pow(10, -(int)(i % 12));
	case PYTHON: return i % 3 ? x * 100 : (double)(i % 7) - 3;
	case FLOAT:  return (double)(float)(x * 30);
	case FEW:    return (i * 2654435761u >> 16) % 300 / 7.0;
	case RARE:   return i % 100 ? (double)(i % 977) / 100 : x;
	default:     return x;
	}
}

static unsigned
layout_of(int kind)
{
	return kind == ECMA ? JSON_DOUBLE_ECMA : kind == PYTHON ? JSON_DOUBLE_POINT : 0;
}

static void
make_doubles(struct buf *b, unsigned i)
{
	for (int kind = 0; kind < KINDS; kind++) {
		buf_printf(b, "%c\"%s\":", kind ? ',' : '{', kind_name[kind]);
		if (kind == GAPS && i % 10 == 0)
			buf_lit(b, "null");
		else if (kind == BESIDE && i % 10 == 0)
			buf_printf(b, i % 20 ? "\"off %u\"" : "%u.50", i % 7);
		else if (kind == LONG)          /* of more digits than its double needs */
			buf_printf(b, "%.17g", double_at(kind, i));
		else
			json_put_double_as(b, double_at(kind, i), layout_of(kind));
	}
	buf_printf(b, ",\"flag\":%s}", share(i) < 0.5 ? "true" : "false");
}

/* Is row i of the column that double? */
static void
assert_double(const struct column *c, size_t i, double want, int kind)
{
	const struct cell *cell = c->form == COLUMN_CODES ? &c->value[c->code[i]] : NULL;
	double got = cell ? cell_number(cell) : c->real[i];

	if (!cell && c->valid && !bitmap_has(c->valid, i))
		got = NAN;
	if (memcmp(&got, &want, sizeof(got)) != 0 && !(got == 0 && want == 0))
		fail_msg("%s, row %zu: %.17g is no %.17g", kind_name[kind], i, got, want);
}

static void
see_doubles(struct chunk *c, size_t n)
{
	struct chunk_column_room room = { 0 };
	struct arena *arena = arena_new(0);
	uint32_t *code = mem_new(n * sizeof(*code)), *row = mem_new(n * sizeof(*row));
	struct store_bounds bounds;
	struct column all, some;
	struct err err = { 0 };
	size_t many = 0;

	for (size_t i = 0; i < n; i += 37)
		row[many++] = (uint32_t)i;
	for (int kind = 0; kind < KINDS; kind++) {
		struct str name = str_of(kind_name[kind]);

		assert_int_equal(chunk_bounds(c, name, 0, &room, &bounds, &err), 1);
		assert_int_equal(chunk_some_column(c, name, 0, 0, n, row, many, &room, arena, code, &some, &err), 1);
		for (size_t k = 0; k < many; k++)
			if (row[k] % 10)
				assert_double(&some, row[k], double_at(kind, row[k]), kind);
		assert_int_equal(chunk_column(c, name, 0, 0, n, &room, &all, &err), 1);
		assert_int_equal(all.form, kind == BESIDE ? COLUMN_CODES : COLUMN_REAL);
		for (size_t i = 0; i < n; i++)
			if (i % 10) {
				assert_double(&all, i, double_at(kind, (unsigned)i), kind);
				assert_true(double_at(kind, (unsigned)i) >= bounds.least && double_at(kind, (unsigned)i) <= bounds.greatest);
			}
	}
	chunk_column_release(&room);
	arena_free(arena);
	free(code);
	free(row);
}

/* No text is read where a column has doubles, and they take fewer bytes than their 8. */
static void
doubles_of_all_digits_are_numbers(void **state)
{
	static const double most[KINDS] = { [NOISE] = 7.7, [WAVE] = 5.2, [TAX] = 3, [PLACE] = 6.6, [SMALL] = 8, [ECMA] = 8, [PYTHON] = 8, [FLOAT] = 3.6,
		[GAPS] = 8, [FEW] = 1.6, [BESIDE] = 9, [RARE] = 1.6, [LONG] = 9 };
	struct event *ev = mem_new(ROWS * sizeof(*ev));
	struct arena *texts = arena_new(0);
	struct chunk_packed packed = { 0 };
	struct chunk c = { 0 };
	struct err err = { 0 };
	struct buf b = { 0 };

	(void)state;
	for (unsigned i = 0; i < ROWS; i++) {
		buf_clear(&b);
		make_doubles(&b, i);
		ev[i] = (struct event){ .name = STR("x"), .time = 1700000000000 + i, .seq = i + 1, .properties = { arena_dup(texts, b.p, b.n), b.n } };
	}
	chunk_pack(&packed, ev, ROWS);
	assert_int_equal(chunk_open(&c, buf_get(&packed.header), fetch, &packed, &err), 0);
	see_doubles(&c, ROWS);
	for (int kind = 0; kind < KINDS; kind++)
		if ((double)c.leaf[kind].len > most[kind] * ROWS)
			fail_msg("%s takes %.2f bytes a value", kind_name[kind], (double)c.leaf[kind].len / ROWS);
	assert_true(c.leaf[KINDS].len * 8 < ROWS * 1.05);       /* of two values, a bit */
	chunk_release(&c);
	chunk_packed_release(&packed);
	arena_free(texts);
	buf_release(&b);
	free(ev);
}

/* tests/golden/store/doubles.chunk.gz was written when doubles were first kept as such; AT_MAKE_CHUNK=FILE writes this program's:
 * texts of the header and of each block, behind each but the first its column and part. Its rows are those whose checksum is KEPT_CRC. */
#define KEPT_ROWS 1300
#define KEPT_CRC  0x3a07d0b6

static int
fetch_kept(void *self, int column, int part, struct buf *out, struct err *err)
{
	struct str rest = buf_get(self), block;
	uint64_t of, number;

	varint_take_str(&rest, &block);
	while (rest.n) {
		assert_true(!varint_take_str(&rest, &block) && !varint_take(&rest, &of) && !varint_take(&rest, &number));
		if (of == (uint64_t)column && number == (uint64_t)part) {
			buf_str(out, block);
			return 0;
		}
	}
	return err_set(err, ERR_CORRUPT, "no such block");
}

static void
write_kept(const char *path)
{
	struct event *ev = mem_new(KEPT_ROWS * sizeof(*ev));
	struct arena *texts = arena_new(0);
	struct chunk_packed packed = { 0 };
	struct buf b = { 0 };
	FILE *f = fopen(path, "w");

	for (unsigned i = 0; i < KEPT_ROWS; i++) {
		buf_clear(&b);
		make_doubles(&b, i);
		ev[i] = (struct event){ .name = STR("x"), .time = 1700000000000 + i, .seq = i + 1, .properties = { arena_dup(texts, b.p, b.n), b.n } };
	}
	chunk_pack(&packed, ev, KEPT_ROWS);
	buf_clear(&b);
	varint_put_str(&b, buf_get(&packed.header));
	for (size_t i = 0; i < packed.n; i++) {
		varint_put_str(&b, (struct str){ packed.bytes.p + packed.block[i].at, packed.block[i].len });
		varint_put(&b, (uint64_t)packed.block[i].column);
		varint_put(&b, (uint64_t)packed.block[i].part);
	}
	assert_true(f && fwrite(b.p, 1, b.n, f) == b.n && fclose(f) == 0);
	chunk_packed_release(&packed);
	arena_free(texts);
	buf_release(&b);
	free(ev);
}

static void
doubles_of_the_first_release_that_had_them_are_read(void **state)
{
	const char *make = getenv("AT_MAKE_CHUNK");
	struct chunk c = { 0 };
	struct err err = { 0 };
	struct buf kept = { 0 };
	struct str bytes, header;
	struct event ev;
	uint32_t crc = 0;
	struct in *in;

	(void)state;
	if (make) {
		write_kept(make);
		return;
	}
	assert_non_null(in = in_open("tests/golden/store/doubles.chunk.gz", &err));
	while (in_bytes(in, &bytes, &err) == IN_LINE)
		buf_str(&kept, bytes);
	in_close(in);
	bytes = buf_get(&kept);
	assert_int_equal(varint_take_str(&bytes, &header), 0);
	assert_int_equal(chunk_open(&c, header, fetch_kept, &kept, &err), 0);
	assert_int_equal(c.info.n, KEPT_ROWS);
	for (size_t i = 0; i < KEPT_ROWS; i++) {
		assert_int_equal(chunk_row(&c, i, CHUNK_ALL, &ev, &err), 0);
		crc = crc32c(crc, ev.properties.p, ev.properties.n);
	}
	if (crc != KEPT_CRC)
		fail_msg("checksum %08x", crc);
	chunk_release(&c);
	buf_release(&kept);
}

static void
properties_come_back_byte_by_byte(void **state)
{
	(void)state;
	come_back(ROWS, make_numbers);
	come_back(ROWS, make_mixed);
	come_back(2000, make_long);
	come_back(ROWS, make_doubles);
	come_back(1, make_doubles);
	come_back(17, make_doubles);
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
		cmocka_unit_test(doubles_of_all_digits_are_numbers),
		cmocka_unit_test(doubles_of_the_first_release_that_had_them_are_read),
		cmocka_unit_test(ten_thousand_keys_are_fine),
		cmocka_unit_test(what_does_not_change_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
