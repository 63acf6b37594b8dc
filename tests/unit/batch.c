/* The promise of store/batch.h: what comes by columns is, row for row and value for value, what a scan gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"
#include "store/admin.h"
#include "store/batch.h"
#include "folder.h"

#define START 1700000000000

/* One of the values a key may have in JSON; `kind` narrows them, so that columns of one type come about too. */
static void
put_random(struct buf *out, int kind)
{
	static const char *const odd[] = { "true", "false", "null", "\"\"", "\"a\\u00e9\\n\"", "[1, \"x\"]", "{\"b\": 1, \"c\": {\"d\": \"deep\"}}", "1e400", "-0.0", "\"{\\\"b\\\": 2}\"",
		"9007199254740993", "9223372036854775807", "9223372036854775808", "1.0", "12", "12.5", "\"12\"" };

	switch (kind) {
	case 0:
		buf_printf(out, "%d", rand() % 100 - 50);
		break;
	case 1:
		buf_printf(out, "%d.%d", rand() % 100, 1 + rand() % 9);
		break;
	case 2:
		buf_printf(out, "\"t%d\"", rand() % 30);
		break;
	case 3:                 /* integers and reals with a fraction */
		buf_printf(out, rand() % 2 ? "%d" : "%d.25", rand() % 100);
		break;
	case 6:
		buf_printf(out, "{\"x\":%d,\"y\":{\"z\":\"t%d\"}}", rand() % 1000, rand() % 5);
		break;
	case 7:
		buf_printf(out, "%d.%02d", rand() % 1000 - 500, rand() % 100);
		break;
	case 8:
		buf_printf(out, "%d.0", rand() % 100);
		break;
	case 9:
		buf_printf(out, rand() % 20 ? "%d" : "null", rand() % 2000);
		break;
	case 10:
		buf_printf(out, "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":%d}}}}}}}}", rand() % 9);
		break;
	case 11:
		buf_printf(out, "%d%08d%08d.5", rand() % 9 + 1, rand() % 100000000, rand() % 100000000);
		break;
	default:
		buf_lit(out, odd[(size_t)rand() % (sizeof(odd) / sizeof(*odd))]);
	}
}

/* full: every event has a user and a session */
static int full;

static void
add_rows(struct store *s, unsigned n)
{
	static const char *const key[] = { "whole", "real", "text", "number", "any", "a.b", "place", "cents", "point", "nulls", "deep", "long" };
	struct buf properties = {0};
	char name[16], user[16], id[16];
	struct err err = {0};

	OK(store_begin(s, &err));
	for (unsigned i = 0; i < n; i++) {
		struct event ev = { .time = START + rand() % 100000000, .received = START + i };

		buf_clear(&properties);
		for (int k = 0; k < 12; k++)
			if (rand() % 4) {
				buf_printf(&properties, "%s\"%s\":", properties.n ? "," : "{", key[k]);
				put_random(&properties, k);
			}
		buf_lit(&properties, properties.n ? "}" : "{}");
		ev.name = (struct str){ name, (size_t)sprintf(name, "e%d", rand() % 5) };
		if (full || rand() % 3)
			ev.user_id = (struct str){ user, (size_t)sprintf(user, "u%d", rand() % 300) };
		if (rand() % 2)
			ev.id = (struct str){ id, (size_t)sprintf(id, "i%d", rand()) };
		if (full || rand() % 50 == 0)
			ev.session_id = STR("s");
		ev.properties = buf_get(&properties);
		OK(store_add(s, &ev, &err));
	}
	OK(store_commit(s, &err));
	buf_release(&properties);
}

static struct cell
cell_at(const struct column *c, size_t i)
{
	if (c->form == COLUMN_NULL || (c->form != COLUMN_CODES && c->valid && !(c->valid[i / 64] >> (i % 64) & 1)))
		return cell_null();
	if (c->form == COLUMN_INTEGER)
		return cell_integer(c->integer[i]);
	if (c->form == COLUMN_REAL)
		return c->whole && c->real[i] == (double)(int64_t)c->real[i] ? cell_integer((int64_t)c->real[i]) : cell_real(c->real[i]);
	assert_true(c->code[i] < c->n_values);
	return c->value[c->code[i]];
}

static void
assert_same(struct cell got, struct cell want)
{
	assert_int_equal(got.type, want.type);
	if (got.type == CELL_INTEGER)
		assert_int_equal(got.integer, want.integer);
	if (got.type == CELL_REAL)
		assert_memory_equal(&got.real, &want.real, sizeof(double));
	if (got.type == CELL_TEXT)
		assert_true(str_eq(got.text, want.text));
}

static const struct store_field fields[] = { { FIELD_EVENT }, { FIELD_TIME }, { FIELD_SEQ }, { FIELD_RECEIVED }, { FIELD_ID }, { FIELD_USER }, { FIELD_SESSION },
	{ FIELD_PROPERTIES }, { FIELD_PROPERTY, STR("whole") }, { FIELD_PROPERTY, STR("real") }, { FIELD_PROPERTY, STR("text") }, { FIELD_PROPERTY, STR("number") },
	{ FIELD_PROPERTY, STR("any") }, { FIELD_PROPERTY, STR("a.b") }, { FIELD_REACH, STR("a.b") }, { FIELD_REACH, STR("any.c.d") }, { FIELD_PROPERTY, STR("none") },
	{ FIELD_PROPERTY, STR("place") }, { FIELD_REACH, STR("place") }, { FIELD_REACH, STR("place.x") }, { FIELD_REACH, STR("place.y.z") }, { FIELD_PROPERTY, STR("place.x") },
	{ FIELD_PROPERTY, STR("cents") }, { FIELD_PROPERTY, STR("point") }, { FIELD_PROPERTY, STR("nulls") }, { FIELD_REACH, STR("deep.a.b.c.d.e.f.g.h") },
	{ FIELD_REACH, STR("deep.a.b") }, { FIELD_REACH, STR("text.x") }, { FIELD_PROPERTY, STR("long") },
	{ FIELD_INSIDE, STR("place.x") }, { FIELD_INSIDE, STR("any.b") }, { FIELD_INSIDE, STR("deep.a") }, { FIELD_INSIDE, STR("text.x") }, { FIELD_INSIDE, STR("a.b") } };
#define FIELDS ((int)(sizeof(fields) / sizeof(*fields)))

static struct json
reached(struct json in, struct str name)
{
	struct json v = json_get(in, name);
	const char *dot = memchr(name.p, '.', name.n);

	if (v.type != JSON_NONE || !dot)
		return v;
	return reached(json_get(in, (struct str){ name.p, (size_t)(dot - name.p) }), (struct str){ dot + 1, name.n - (size_t)(dot + 1 - name.p) });
}

/* What lies in a property, or in a text that it is. */
static struct cell
inside(struct json in, struct str name, struct buf *scratch)
{
	const char *dot = memchr(name.p, '.', name.n);
	struct cell of = cell_of_json(json_get(in, (struct str){ name.p, (size_t)(dot - name.p) }), scratch);
	struct buf text = { 0 };

	buf_str(&text, of.type == CELL_TEXT ? of.text : STR("0"));
	buf_text(&text);
	of = cell_of_json(json_get(json_value(buf_get(&text)), (struct str){ dot + 1, name.n - (size_t)(dot + 1 - name.p) }), scratch);
	if (of.type == CELL_TEXT && of.text.p >= text.p && of.text.p <= text.p + text.n) {
		buf_clear(scratch);
		buf_str(scratch, of.text);
		of.text = buf_get(scratch);
	}
	buf_release(&text);
	return of;
}

static struct cell
of_event(const struct event *ev, const struct store_field *f, struct buf *scratch)
{
	switch (f->of) {
	case FIELD_EVENT: return cell_text(ev->name);
	case FIELD_TIME: return cell_integer(ev->time);
	case FIELD_SEQ: return cell_integer((int64_t)ev->seq);
	case FIELD_RECEIVED: return cell_integer(ev->received);
	case FIELD_ID: return cell_text(ev->id);
	case FIELD_USER: return cell_text(ev->user_id);
	case FIELD_SESSION: return cell_text(ev->session_id);
	case FIELD_PROPERTIES: return cell_text(ev->properties);
	case FIELD_PROPERTY: return cell_of_json(json_get(json_value(ev->properties), f->name), scratch);
	case FIELD_INSIDE: return inside(json_value(ev->properties), f->name, scratch);
	default: return cell_of_json(reached(json_value(ev->properties), f->name), scratch);
	}
}

/* A few rows of each field, taken before the whole columns are (or after, as it comes), and of a text the rows that have it. */
struct few {
	uint32_t row[64], *code[FIELDS];
	int64_t *integer[FIELDS];
	size_t n;
	struct column column[FIELDS];
	struct arena *arena;
	struct { struct str text; uint32_t *row; size_t n; int known; } with[3];        /* of id, user, session */
};

static void
take_few(struct store_batch *b, struct few *few)
{
	struct err err = {0};

	*few = (struct few){ .arena = arena_new(0) };
	for (size_t i = (size_t)rand() % 3; i < b->n && few->n < 64; i += 1 + (size_t)rand() % (rand() % 4 ? b->n / 20 + 1 : 3))
		few->row[few->n++] = (uint32_t)i;
	for (int f = 0; f < FIELDS; f++) {
		struct store_batch_room room = { few->arena, few->code[f] = mem_grow(NULL, b->n, 4), few->integer[f] = mem_grow(NULL, b->n, 8) };

		if (fields[f].of != FIELD_PROPERTIES)
			OK(store_batch_some(b, f, few->row, few->n, &room, &few->column[f], &err));
	}
	for (int f = 4; f <= 6; f++) {
		struct cell one = few->n ? cell_at(&few->column[f], few->row[(size_t)rand() % few->n]) : cell_null();

		few->with[f - 4].text = one.type == CELL_TEXT && rand() % 9 ? one.text : STR("u-nobody");
		few->with[f - 4].row = mem_grow(NULL, b->n, 4);
		few->with[f - 4].known = store_batch_rows_with(b, f, few->with[f - 4].text, few->with[f - 4].row, &few->with[f - 4].n, &err);
		assert_true(few->with[f - 4].known >= 0);
	}
}

static void
compare_few(struct few *few, const struct column *column, size_t n)
{
	for (int f = 4; f <= 6; f++) {
		size_t want = 0;

		for (size_t i = 0; few->with[f - 4].known && i < n; i++)
			if (cell_at(&column[f], i).type == CELL_TEXT && str_eq(cell_at(&column[f], i).text, few->with[f - 4].text)) {
				assert_true(want < few->with[f - 4].n);
				assert_int_equal(few->with[f - 4].row[want++], i);
			}
		assert_true(!few->with[f - 4].known || want == few->with[f - 4].n);
		free(few->with[f - 4].row);
	}
	for (int f = 0; f < FIELDS; f++) {
		for (size_t k = 0; k < few->n && fields[f].of != FIELD_PROPERTIES; k++)
			assert_same(cell_at(&few->column[f], few->row[k]), cell_at(&column[f], few->row[k]));
		free(few->code[f]), free(few->integer[f]);
	}
	arena_free(few->arena);
}

/* Batches against a scan of the same range. Half of the fields are asked for in another order each time. */
static void
compare(struct store *s, struct store_range range)
{
	struct err err = {0};
	struct store_batches *all = store_batches_open(s, &range, fields, FIELDS, &err);
	struct store_batch *b;
	struct event *events = NULL, ev;
	struct store_scan *scan;
	struct arena *arena = arena_new(0);
	struct buf scratch = {0};
	size_t n = 0, rows = 0, *by_seq = NULL;
	uint64_t most = 0;
	int rc;

	assert_non_null(all);
	range.by_time = 1;
	scan = store_scan_open(s, &range, &err);
	assert_non_null(scan);
	while ((rc = store_scan_next(scan, &ev, &err)) > 0) {
		struct str *part[] = { &ev.name, &ev.id, &ev.user_id, &ev.session_id, &ev.properties };

		for (int i = 0; i < 5; i++)
			if (part[i]->p)
				part[i]->p = arena_dup(arena, part[i]->p, part[i]->n);
		if ((n & (n - 1)) == 0)
			events = mem_grow(events, n ? n * 2 : 1, sizeof(*events));
		events[n++] = ev;
		most = ev.seq > most ? ev.seq : most;
	}
	OK(rc);
	by_seq = mem_new((most + 1) * sizeof(*by_seq));
	for (size_t i = 0; i < n; i++)
		by_seq[events[i].seq] = i + 1;
	b = store_batch_open(all, &err);
	while ((rc = store_batch_next(b, &err)) > 0) {
		struct column column[FIELDS];
		struct few few;
		int64_t counted = 0;

		assert_true(b->n > 0 && b->n <= 65536);
		take_few(b, &few);
		for (int f = 0; f < FIELDS; f++)
			if (rand() % 2)
				OK(store_batch_column(b, f, &column[f], &err));
		for (int f = FIELDS; f-- > 0; )
			OK(store_batch_column(b, f, &column[f], &err));
		for (int f = 0; f < FIELDS && range.newest; f++) {      /* the same where it costs nothing, one after the other */
			struct column values;

			OK(rc = store_batch_values(b, f, &values, &err));
			for (size_t i = 0; rc && i < b->n; i++)
				assert_same(cell_at(&values, i), cell_at(&column[f], i));
		}
		compare_few(&few, column, b->n);
		assert_int_equal(b->min_time, column[1].integer[0]);
		assert_int_equal(b->max_time, column[1].integer[b->n - 1]);
		for (size_t i = 0; i < b->n_names; i++)
			counted += b->names[i].count;
		assert_true(!b->names || (size_t)counted == b->n);
		for (size_t i = 0; i < b->n; i++) {
			uint64_t seq = (uint64_t)column[2].integer[i];
			const struct event *want;

			assert_true(i == 0 || column[1].integer[i - 1] < column[1].integer[i] ||
			    (column[1].integer[i - 1] == column[1].integer[i] && (uint64_t)column[2].integer[i - 1] < seq));
			if (seq > most || !by_seq[seq]) {             /* another name or user: may come along */
				assert_true(range.n_names || range.user_id.p);
				continue;
			}
			want = &events[by_seq[seq] - 1];
			for (int f = 0; f < FIELDS; f++)
				assert_same(cell_at(&column[f], i), of_event(want, &fields[f], &scratch));
			by_seq[seq] = 0;
			rows++;
		}
	}
	OK(rc);
	assert_int_equal(store_batch_next(b, &err), 0);
	assert_int_equal(rows, n);
	assert_true(store_batches_rows(all) >= (int64_t)n);
	store_batch_close(b);
	store_batches_close(all);
	store_scan_close(scan);
	arena_free(arena);
	buf_release(&scratch);
	free(events), free(by_seq);
}

#define ALL ((struct store_range){ .from = TIME_MIN, .to = TIME_MAX + 1 })

static void
batches_are_what_a_scan_gives(void **state)
{
	struct err err = {0};
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);
	struct store_range some = { .from = START + 20000000, .to = START + 30000001 }, named = ALL, user = ALL, all = ALL, none = { .from = 0, .to = START };
	struct str names[] = { STR("e1"), STR("e3") };

	(void)state;
	assert_non_null(s);
	srand(5);
	named.names = names, named.n_names = 2;
	user.user_id = STR("u7");
	compare(s, ALL);                        /* empty */
	add_rows(s, 3000);
	compare(s, ALL);                        /* tail only */
	compare(s, some);
	OK(store_compact(s, &err));
	compare(s, ALL);                        /* one chunk only */
	compare(s, some);
	compare(s, none);
	add_rows(s, 70000);                     /* chunks and a tail */
	compare(s, ALL);
	compare(s, some);
	compare(s, named);
	compare(s, user);
	some.newest = all.newest = SIZE_MAX;
	compare(s, some);
	compare(s, all);
	store_close(s);
}

/* The tail, then the chunk that ends last, of each so many rows and its newest. */
static void
the_newest_come_first(void **state)
{
	struct err err = {0};
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);
	struct store_range range = ALL;
	struct store_batches *all;
	struct store_batch *b;
	int64_t last = TIME_MAX;
	int n = 0, rc;

	(void)state;
	assert_non_null(s);
	srand(8);
	add_rows(s, 150000);
	add_rows(s, 10);
	range.newest = 100;
	all = store_batches_open(s, &range, fields, FIELDS, &err);
	assert_non_null(all);
	b = store_batch_open(all, &err);
	while ((rc = store_batch_next(b, &err)) > 0) {
		struct column time;

		OK(store_batch_column(b, 1, &time, &err));
		assert_int_equal(time.integer[b->n - 1], b->max_time);
		assert_true((b->id == 0) == (n == 0));
		assert_true(b->id == 0 || (b->n <= 100 && b->max_time <= last));
		last = b->id ? b->max_time : last;
		n++;
	}
	OK(rc);
	assert_true(n > 1);
	store_batch_close(b);
	store_batches_close(all);
	store_close(s);
}

static void
texts_that_are_always_there_are_texts(void **state)
{
	struct err err = {0};
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);

	(void)state;
	assert_non_null(s);
	srand(7);
	full = 1;
	add_rows(s, 3000);
	full = 0;
	OK(store_compact(s, &err));
	compare(s, ALL);
	store_close(s);
}

/* Two readers share the batches: each comes once. */
static void
readers_take_each_batch_once(void **state)
{
	struct err err = {0};
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);
	struct store_range range = ALL;
	struct store_batches *all;
	struct store_batch *b[2];
	int64_t rows = 0;
	int left = 3;

	(void)state;
	assert_non_null(s);
	srand(6);
	for (int i = 0; i < 3; i++)
		add_rows(s, 50000);
	all = store_batches_open(s, &range, fields, FIELDS, &err);
	assert_non_null(all);
	b[0] = store_batch_open(all, &err), b[1] = store_batch_open(all, &err);
	while (left) {
		int which = rand() % 2, rc = store_batch_next(b[which], &err);

		OK(rc);
		if (rc == 0)
			left &= ~(1 << which);
		else
			rows += (int64_t)b[which]->n;
	}
	assert_int_equal(rows, 150000);
	store_batch_close(b[0]), store_batch_close(b[1]);
	store_batches_close(all);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(batches_are_what_a_scan_gives, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(the_newest_come_first, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(texts_that_are_always_there_are_texts, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(readers_take_each_batch_once, folder_set_up, folder_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
