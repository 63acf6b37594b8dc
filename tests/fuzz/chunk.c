/* Chunks: any bytes as header and blocks are refused or read safely; any events come back the same from what they were packed to,
 * whatever their properties: objects in objects, numbers in any spelling, keys that come twice, no JSON at all. A property as a
 * column is what the rows say.
 *
 * First byte 0: events are made of the bytes. Else: pieces (column, part, 2 bytes length, bytes) follow, the first is the header. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/chunk_column.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

struct pieces { const unsigned char *p; size_t n; const struct chunk_packed *packed; };

static int
fetch(void *self, int column, int part, struct buf *out, struct err *err)
{
	const struct pieces *all = self;

	if (all->packed) {
		for (size_t i = 0; i < all->packed->n; i++) {
			const struct chunk_block *b = &all->packed->block[i];

			if (b->column == column && b->part == part) {
				buf_add(out, all->packed->bytes.p + b->at, b->len);
				return 0;
			}
		}
		assert(!"a block that was never made");
	}
	for (size_t at = 0; at + 4 <= all->n; ) {
		size_t len = all->p[at + 2] | (size_t)all->p[at + 3] << 8;

		len = len > all->n - at - 4 ? all->n - at - 4 : len;
		if (all->p[at] == column && all->p[at + 1] == (unsigned char)part) {
			buf_add(out, all->p + at + 4, len);
			return 0;
		}
		at += 4 + len;
	}
	return err_set(err, ERR_CORRUPT, "no such block");
}

static const struct str asked[] = { STR("a"), STR("b"), STR("x y"), STR("n"), STR("long_key_of_an_event"), STR("a.b"), STR("a.a.n"), STR("") };

static struct cell
cell_at(const struct column *c, size_t i)
{
	if (c->form == COLUMN_NULL || (c->form != COLUMN_CODES && c->valid && !(c->valid[i / 64] >> (i % 64) & 1)))
		return cell_null();
	if (c->form == COLUMN_INTEGER)
		return cell_integer(c->integer[i]);
	if (c->form == COLUMN_REAL)
		return c->whole && c->real[i] == (double)(int64_t)c->real[i] ? cell_integer((int64_t)c->real[i]) : cell_real(c->real[i]);
	assert(c->code[i] < c->n_values);
	return c->value[c->code[i]];
}

static struct json
reached(struct json in, struct str name, enum chunk_reach reach)
{
	struct json v = json_get(in, name);
	const char *dot = reach ? memchr(name.p, '.', name.n) : NULL;

	if (reach == CHUNK_INSIDE)
		return json_get(json_get(in, (struct str){ name.p, (size_t)(dot - name.p) }), (struct str){ dot + 1, name.n - (size_t)(dot + 1 - name.p) });
	if (v.type != JSON_NONE || !dot)
		return v;
	return reached(json_get(in, (struct str){ name.p, (size_t)(dot - name.p) }), (struct str){ dot + 1, name.n - (size_t)(dot + 1 - name.p) }, CHUNK_REACH);
}

#define WAYS (3 * sizeof(asked) / sizeof(*asked))

static enum chunk_reach
way(size_t k)
{
	enum chunk_reach reach = (enum chunk_reach)(k % 3);

	return reach == CHUNK_INSIDE && !memchr(asked[k / 3].p, '.', asked[k / 3].n) ? CHUNK_KEY : reach;
}

/* ev NULL: of any bytes, for whoever watches over memory. */
static void
columns(struct chunk *c, const struct event *ev, size_t n)
{
	struct chunk_column_room room = { 0 };
	struct buf scratch = { 0 };
	struct err err = { 0 };
	struct column column;
	long sum = 0;

	for (size_t k = 0; k < WAYS; k++) {
		size_t from = ev && n > 100 ? k * 7 : 0;
		int got = chunk_column(c, asked[k / 3], way(k), from, n - from, &room, &column, &err);

		assert(got >= 0 || !ev);
		for (size_t i = from; got > 0 && i < n; i++) {
			struct cell have = cell_at(&column, i - from), want;

			sum += have.type == CELL_TEXT && have.text.n ? have.text.p[have.text.n - 1] : 0;
			if (!ev || json_check(ev[i].properties, &err))
				continue;
			want = cell_of_json(reached(json_value(ev[i].properties), asked[k / 3], way(k)), &scratch);
			assert(have.type == want.type && have.integer == want.integer && (have.type != CELL_TEXT || str_eq(have.text, want.text)) &&
			    (have.type != CELL_REAL || memcmp(&have.real, &want.real, 8) == 0));
		}
		err_clear(&err);
	}
	assert(sum != 1 || sum);
	chunk_column_release(&room);
	buf_release(&scratch);
}

#define EACH 17

/* The same of a few rows of a chunk of which nothing is loaded, and of its other columns; and bounds hold what they bound. */
static void
few(struct chunk *c, const struct event *ev, size_t n)
{
	struct chunk_column_room room = { 0 };
	struct arena *arena = arena_new(0);
	struct buf scratch = { 0 };
	struct err err = { 0 };
	struct column column;
	struct store_bounds bounds;
	size_t many = 0, with = 0;
	uint32_t *row = mem_grow(NULL, n + 1, 4), *code = mem_grow(NULL, n + 1, 4);
	struct str *text = mem_grow(NULL, n + 1, sizeof(*text));
	int64_t *time = mem_grow(NULL, n + 1, 8);

	for (size_t i = 0; i < n; i += EACH)
		row[many++] = (uint32_t)i;
	for (size_t k = 0; k < WAYS; k++) {
		int known = chunk_bounds(c, asked[k / 3], way(k), &room, &bounds, &err);
		int got = chunk_some_column(c, asked[k / 3], way(k), 0, n, row, many, &room, arena, code, &column, &err);

		assert((known >= 0 && got >= 0) || !ev);
		for (size_t i = 0; got > 0 && i < many; i++) {
			struct cell have = cell_at(&column, row[i]), want;

			if (!ev || json_check(ev[row[i]].properties, &err))
				continue;
			want = cell_of_json(reached(json_value(ev[row[i]].properties), asked[k / 3], way(k)), &scratch);
			assert(have.type == want.type && have.integer == want.integer && (have.type != CELL_TEXT || str_eq(have.text, want.text)) &&
			    (have.type != CELL_REAL || memcmp(&have.real, &want.real, 8) == 0));
			assert(known != 1 || have.type == CELL_NULL || bounds.kinds);
			assert(known != 1 || have.type != CELL_TEXT || bounds.kinds & (STORE_BOUNDS_TEXTS | STORE_BOUNDS_NESTED));
			assert(known != 1 || have.type != CELL_REAL || (have.real >= bounds.least && have.real <= bounds.greatest));
		}
		err_clear(&err);
	}
	for (int k = CHUNK_ID; k <= CHUNK_SESSION; k++) {
		int got = chunk_rows_with(c, k, STR("u"), 0, n, row, &with, &err);

		assert(got <= 0 || with <= n);
		for (size_t i = 0; ev && got > 0 && i < with; i++)
			assert(str_eq(k == CHUNK_ID ? ev[row[i]].id : k == CHUNK_USER ? ev[row[i]].user_id : ev[row[i]].session_id, STR("u")));
		err_clear(&err);
	}
	for (many = 0; many * EACH < n; many++)
		row[many] = (uint32_t)(many * EACH);
	if (chunk_some_names(c, 0, row, many, code, &err) > 0)
		for (size_t i = 0; i < many; i++) {
			assert(code[row[i]] >= 1 && code[row[i]] <= c->info.n_names);
			assert(!ev || str_eq(c->names[code[row[i]] - 1].name, ev[row[i]].name));
		}
	if (chunk_some_times(c, 0, row, many, time, &err) > 0)
		for (size_t i = 0; i < many; i++)
			assert(time[i] >= c->info.min_time && time[i] <= c->info.max_time && (!ev || time[i] == ev[row[i]].time));
	for (int k = CHUNK_ID; k <= CHUNK_SESSION; k++)
		if (chunk_some_texts(c, k, 0, row, many, text, &err) > 0)
			for (size_t i = 0; ev && i < many; i++)
				assert(str_eq(text[i], k == CHUNK_ID ? ev[row[i]].id : k == CHUNK_USER ? ev[row[i]].user_id : ev[row[i]].session_id));
	free(row), free(code), free(text), free(time);
	chunk_column_release(&room);
	arena_free(arena);
	buf_release(&scratch);
}

static int
see_key(void *self, struct str raw, int64_t count)
{
	*(int64_t *)self += count + (int64_t)raw.n;
	return 0;
}

static void
read_any(const unsigned char *data, size_t n)
{
	struct pieces all = { data, n, NULL };
	struct chunk c = { 0 };
	struct err err = { 0 };
	size_t len = n >= 2 ? data[0] | (size_t)data[1] << 8 : 0;
	int64_t sum = 0;

	if (n < 2)
		return;
	len = len > n - 2 ? n - 2 : len;
	all.p += 2 + len;
	all.n -= 2 + len;
	if (chunk_open(&c, (struct str){ (const char *)data + 2, len }, fetch, &all, &err) == 0) {
		struct event ev;

		for (size_t i = 0; i < c.info.n && i < 5000; i++)
			if (chunk_row(&c, i, CHUNK_ALL, &ev, &err) == 0) {
				sum += ev.time + (ev.name.n ? ev.name.p[ev.name.n - 1] : 0) + (ev.user_id.n ? ev.user_id.p[0] : 0);
				sum += ev.properties.n ? ev.properties.p[ev.properties.n - 1] : 0;
			} else {
				break;
			}
		chunk_each_key(&c, see_key, &sum, &err);
		chunk_has_user(&c, STR("u"), &err);
		columns(&c, NULL, c.info.n < 5000 ? c.info.n : 5000);
		if (chunk_open(&c, (struct str){ (const char *)data + 2, len }, fetch, &all, &err) == 0)
			few(&c, NULL, c.info.n < 5000 ? c.info.n : 5000);
	}
	chunk_release(&c);
}

static struct str
take(const unsigned char **p, const unsigned char *end)
{
	size_t n = *p < end ? *(*p)++ % 40 : 0;
	struct str s = { (const char *)*p, n };

	if (n > (size_t)(end - *p))
		s.n = (size_t)(end - *p);
	*p += s.n;
	return s;
}

/* An object, or what looks like one, into b. */
static void
make_object(struct buf *b, const unsigned char **p, const unsigned char *end, int depth)
{
	static const char *const keys[] = { "a", "b", "\\u0061", "x y", "", "long_key_of_an_event", "n", "\303\251" };
	static const char *const values[] = { "0", "-0", "1", "1.0", "1.50", "2.25", "-7", "12345678901234567890", "1e5", "0.1", "-0.0",
		"999999999999999999", "0.000000000000000001", "100.00", "null", "true", "false", "\"s\"", "\"\\n\\\"\"", "\"\"", "[]", "[1,{\"x\":2}]", "{}",
		"1700000000000", "3.14159", "?", "\"a longer text than eight bytes\"", "[\"}\"]", "{]", "01", "5.", "17", "0.30000000000000004",
		"12.345678901234567", "1.2345678901234567e-05", "1.2345678901234567e-7", "123456.70000000001", "1.0000000000000002", "-0.1234567890123456" };
	size_t n = *p < end ? *(*p)++ % 6 : 0;

	buf_byte(b, '{');
	for (size_t i = 0; i < n && *p < end; i++) {
		unsigned what = *(*p)++;

		if (i)
			buf_byte(b, ',');
		buf_printf(b, "\"%s\":", keys[what % 8]);
		what = *p < end ? *(*p)++ : 0;
		if (what % 5 == 0 && depth < 12)
			make_object(b, p, end, depth + 1);
		else if (what % 5 == 1)
			buf_printf(b, "%d", (int)what * 1000 + (*p < end ? *(*p)++ : 0));
		else if (what % 5 == 2)
			buf_printf(b, "%u.%02u", what, *p < end ? *(*p)++ % 100u : 0);
		else if (what % 5 == 3)
			json_put_double_as(b, (double)(what * 2654435761u) / pow(10, what / 5 % 20), *p < end ? *(*p)++ % 4u : 0);
		else
			buf_lit(b, values[what % (sizeof(values) / sizeof(*values))]);
	}
	buf_byte(b, '}');
}

static int
same(struct str a, struct str b)
{
	return !a.p == !b.p && str_eq(a, b);
}

static void
pack_any(const unsigned char *p, size_t n)
{
	const unsigned char *end = p + n;
	struct event *ev = NULL, got;
	struct chunk_packed packed = { 0 };
	struct pieces all = { .packed = &packed };
	struct chunk c = { 0 };
	struct err err = { 0 };
	struct arena *texts = arena_new(0);
	struct buf object = { 0 };
	size_t many = 0;
	int64_t time = TIME_MIN;

	while (p < end && many < 3000) {
		struct event *e;
		int has = *p++;

		ev = mem_grow(ev, many + 1, sizeof(*ev));
		e = &ev[many++];
		*e = (struct event){ .time = time += p < end ? *p++ * (has & 8 ? 1000003 : 1) : 0, .received = has & 16 ? INT64_MIN : has, .seq = many * 3 };
		e->name = take(&p, end);
		if (e->name.n == 0)
			e->name = STR("x");
		if (has & 1)
			e->id = take(&p, end);
		if (has & 2)
			e->user_id = take(&p, end);
		if (has & 4)
			e->session_id = take(&p, end);
		if (has & 32) {
			buf_clear(&object);
			make_object(&object, &p, end, 0);
			e->properties = (struct str){ arena_dup(texts, object.p, object.n), object.n };
		} else {
			e->properties = take(&p, end);
		}
	}
	if (many == 0)
		goto out;
	chunk_pack(&packed, ev, many);
	assert(chunk_open(&c, buf_get(&packed.header), fetch, &all, &err) == 0);
	for (size_t i = 0; i < many; i++) {
		size_t row = i * 7919 % many;

		assert(chunk_row(&c, row, CHUNK_ALL, &got, &err) == 0);
		assert(got.time == ev[row].time && got.received == ev[row].received && got.seq == ev[row].seq && same(got.name, ev[row].name) &&
		    same(got.id, ev[row].id) && same(got.user_id, ev[row].user_id) && same(got.session_id, ev[row].session_id) &&
		    same(got.properties, ev[row].properties));
		assert(!got.user_id.p || chunk_has_user(&c, got.user_id, &err) == 1);
	}
	columns(&c, ev, many);
	assert(chunk_open(&c, buf_get(&packed.header), fetch, &all, &err) == 0);
	few(&c, ev, many);
out:
	free(ev);
	arena_free(texts);
	buf_release(&object);
	chunk_release(&c);
	chunk_packed_release(&packed);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	if (n && data[0] == 0)
		pack_any(data + 1, n - 1);
	else if (n)
		read_any(data + 1, n - 1);
	return 0;
}
