/* Functions of lists. A list is a JSON array as text: what ['a', 'b'] makes, array_agg() gives, and a property that was sent as one is. */
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "json/json.h"
#include "query/functions_priv.h"
#include "query/vector_priv.h"

#define JSON_SUBTYPE 'J'        /* what SQLite's own functions take in as JSON, not as a text */

/* 1 when the value is a list, walked by it. */
static int
is_list(sqlite3_value *v, struct json_iter *it)
{
	struct str s = functions_text_of(v);
	struct err ignore = {0};

	if (sqlite3_value_type(v) != SQLITE_TEXT || !s.n || *s.p != '[' || json_check(s, &ignore) < 0)
		return 0;
	*it = json_iter(json_value(s));
	return 1;
}

/* The end of a list that is being written. */
static void
give_list(sqlite3_context *c, struct buf *out)
{
	buf_byte(out, ']');
	functions_give_text(c, buf_get(out));
	sqlite3_result_subtype(c, JSON_SUBTYPE);
	buf_release(out);
}

static void
give_item(sqlite3_context *c, struct json j)
{
	struct buf scratch = {0};
	struct cell cell = cell_of_json(j, &scratch);

	functions_give(c, &cell);
	buf_release(&scratch);
}

static void
list_value(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct buf out = {0};

	buf_byte(&out, '[');
	for (int i = 0; i < n; i++) {
		struct cell cell = functions_cell(v[i]);

		buf_lit(&out, i ? "," : "");
		cell_put_json(&out, &cell);
	}
	give_list(c, &out);
}

static void
list_at(sqlite3_context *c, int n, sqlite3_value **v)           /* x[i]: the i-th item from 1, from the end where i < 0; of an object what key i has, of a text its i-th character */
{
	struct str s = functions_text_of(v[0]), key = functions_text_of(v[1]);
	struct err ignore = {0};
	int64_t i = sqlite3_value_int64(v[1]);

	(void)n;
	if (functions_any_null(n, v))
		return;
	if (s.n && (*s.p == '[' || *s.p == '{') && json_check(s, &ignore) == 0) {
		struct json j = json_value(s);

		if (j.type == JSON_OBJECT)
			give_item(c, json_get(j, key));
		else if (i)
			give_item(c, json_index(j, i > 0 ? i - 1 : i));
		return;
	}
	int64_t chars = 0;
	size_t from = s.n, to = s.n;

	for (size_t k = 0; k < s.n; k++)
		chars += ((unsigned char)s.p[k] & 0xc0) != 0x80;
	i = i < 0 ? chars + i + 1 : i;
	for (size_t k = 0, at = 0; k < s.n; k++) {
		if (((unsigned char)s.p[k] & 0xc0) == 0x80)
			continue;
		at++;
		if ((int64_t)at == i)
			from = k;
		else if (i > 0 && (int64_t)at - 1 == i)
			to = k;
	}
	functions_give_text(c, (struct str){ s.p + from, to - from });
}

static void
split(sqlite3_context *c, int n, sqlite3_value **v)             /* (text, by); which 1: (by, text); by nothing: each character */
{
	int first = functions_which(c);
	struct str s = functions_text_of(v[first]), by = functions_text_of(v[!first]);
	struct buf out = {0};
	int count = 0;

	if (functions_any_null(n, v))
		return;
	buf_byte(&out, '[');
	for (;;) {
		const char *hit = by.n ? memmem(s.p, s.n, by.p, by.n) : NULL;
		size_t piece = hit ? (size_t)(hit - s.p) : s.n;

		if (!by.n)
			for (piece = s.n > 0; piece < s.n && ((unsigned char)s.p[piece] & 0xc0) == 0x80; )
				piece++;
		buf_lit(&out, count++ ? "," : "");
		json_put_string(&out, (struct str){ s.p, piece });
		s = (struct str){ s.p + piece + (hit ? by.n : 0), s.n - piece - (hit ? by.n : 0) };
		if (by.n ? !hit : !s.n)
			break;
	}
	give_list(c, &out);
}

static void
joined(sqlite3_context *c, int n, sqlite3_value **v)            /* array_to_string(list, separator): NULLs are left out */
{
	struct buf out = {0}, scratch = {0};
	struct json_iter it;
	int count = 0;

	if (functions_any_null(n, v) || !is_list(v[0], &it))
		return;
	while (json_next(&it)) {
		struct str text;

		if (it.value.type == JSON_NULL)
			continue;
		text = it.value.type == JSON_STRING ? json_text(it.value, &scratch) : json_raw(it.value);
		if (count++)
			buf_str(&out, functions_text_of(v[1]));
		buf_str(&out, text);
	}
	functions_give_text(c, out.n ? buf_get(&out) : STR(""));
	buf_release(&out), buf_release(&scratch);
}

/* ---- rows as one list of lists */

#define ROWS_MOST (64u << 20)   /* bytes of one */

struct rows { struct buf out; };

static void
rows_step(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct rows *r = sqlite3_aggregate_context(c, sizeof(*r));

	if (!r)
		return;
	if (r->out.n > ROWS_MOST) {
		functions_error(c, "LATERAL: more than 64 MiB of rows beside one");
		return;
	}
	buf_lit(&r->out, r->out.n ? ",[" : "[[");
	for (int i = 0; i < n; i++) {
		struct cell cell = functions_cell(v[i]);

		buf_lit(&r->out, i ? "," : "");
		cell_put_json(&r->out, &cell);
	}
	buf_byte(&r->out, ']');
}

static void
rows_final(sqlite3_context *c)
{
	struct rows *r = sqlite3_aggregate_context(c, 0);

	if (r && r->out.n)
		give_list(c, &r->out);
}

/* ---- the items as cells */

struct cells { struct cell *cell; size_t n; struct arena *arena; };

static int
cells_of(sqlite3_value *v, struct cells *cells)
{
	struct buf scratch = {0};
	struct json_iter it;
	size_t cap = 0;

	*cells = (struct cells){ .arena = arena_new(0) };
	if (!is_list(v, &it))
		return -1;
	while (json_next(&it)) {
		struct cell cell = cell_of_json(it.value, &scratch);

		if (cell.type == CELL_TEXT)
			cell.text.p = arena_dup(cells->arena, cell.text.p, cell.text.n);
		if (cells->n == cap)
			cells->cell = mem_grow(cells->cell, cap = cap ? 2 * cap : 16, sizeof(cell));
		cells->cell[cells->n++] = cell;
	}
	buf_release(&scratch);
	return 0;
}

static void
cells_release(struct cells *cells)
{
	free(cells->cell);
	arena_free(cells->arena);
}

/* NULLs behind all others, numbers before texts. */
static int
by_value(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	if (x->type == CELL_NULL || y->type == CELL_NULL)
		return (x->type == CELL_NULL) - (y->type == CELL_NULL);
	return vector_compare(x, y);
}

static int
by_value_down(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	return x->type == CELL_NULL || y->type == CELL_NULL ? by_value(a, b) : by_value(b, a);
}

enum { SORT, SORT_DOWN, ONCE, REVERSE };

static void
arranged(sqlite3_context *c, int n, sqlite3_value **v)
{
	int which = functions_which(c);
	struct cells cells;
	struct buf out = {0};
	int count = 0;

	(void)n;
	if (cells_of(v[0], &cells) == 0) {
		if (cells.n && which != REVERSE)
			qsort(cells.cell, cells.n, sizeof(*cells.cell), which == SORT_DOWN ? by_value_down : by_value);
		buf_byte(&out, '[');
		for (size_t i = 0; i < cells.n; i++) {
			const struct cell *cell = &cells.cell[which == REVERSE ? cells.n - 1 - i : i];

			if (which == ONCE && (cell->type == CELL_NULL || (i && by_value(cell, cell - 1) == 0)))
				continue;
			buf_lit(&out, count++ ? "," : "");
			cell_put_json(&out, cell);
		}
		give_list(c, &out);
	}
	cells_release(&cells);
}

enum { SUM, AVG, LEAST, MOST, PLACE };

static void
folded(sqlite3_context *c, int n, sqlite3_value **v)
{
	int which = functions_which(c), real = 0;
	const struct cell *best = NULL;
	struct cells cells;
	struct cell want = n > 1 ? functions_cell(v[1]) : cell_null();
	int64_t whole = 0, count = 0;
	double sum = 0;

	if (cells_of(v[0], &cells) < 0) {
		cells_release(&cells);
		return;
	}
	for (size_t i = 0; i < cells.n; i++) {
		const struct cell *cell = &cells.cell[i];

		if (which == PLACE && by_value(cell, &want) == 0) {
			sqlite3_result_int64(c, (int64_t)i + 1);
			break;
		}
		if (cell->type == CELL_NULL)
			continue;
		if (which == LEAST || which == MOST) {
			if (!best || (which == MOST ? by_value(cell, best) > 0 : by_value(cell, best) < 0))
				best = cell;
		} else if (cell->type != CELL_TEXT) {
			count++;
			sum += cell->type == CELL_INTEGER ? (double)cell->integer : cell->real;
			real |= cell->type == CELL_REAL || __builtin_add_overflow(whole, cell->integer, &whole);
		}
	}
	if (best)
		functions_give(c, best);
	else if (count && which == SUM && !real)
		sqlite3_result_int64(c, whole);
	else if (count)
		sqlite3_result_double(c, which == AVG ? sum / (double)count : sum);
	cells_release(&cells);
}

static void
slice_text(sqlite3_context *c, struct str s, int64_t from, int64_t to)          /* 'hello'[2:3]: its characters */
{
	int64_t chars = 0, at = 0;
	size_t begin = s.n, end = s.n;

	for (size_t k = 0; k < s.n; k++)
		chars += ((unsigned char)s.p[k] & 0xc0) != 0x80;
	from = from < 0 ? from + chars + 1 : from;
	to = to < 0 ? to + chars + 1 : to;
	for (size_t k = 0; k < s.n; k++) {
		if (((unsigned char)s.p[k] & 0xc0) == 0x80)
			continue;
		at++;
		begin = begin == s.n && at >= from && at <= to ? k : begin;
		end = end == s.n && at > to ? k : end;
	}
	functions_give_text(c, (struct str){ s.p + begin, end > begin ? end - begin : 0 });
}

static void
slice(sqlite3_context *c, int n, sqlite3_value **v)             /* list_slice(list, from, to): from 1, both are in it, from the end where < 0 */
{
	struct cells cells;
	struct buf out = {0};
	int count = 0;

	if (functions_any_null(n, v))
		return;
	if (cells_of(v[0], &cells) < 0) {
		cells_release(&cells);
		slice_text(c, functions_text_of(v[0]), sqlite3_value_int64(v[1]), sqlite3_value_int64(v[2]));
		return;
	}
	int64_t from = sqlite3_value_int64(v[1]), to = sqlite3_value_int64(v[2]), most = (int64_t)cells.n;

	from = from < 0 ? from + most + 1 : from;
	to = to < 0 ? to + most + 1 : to;
	buf_byte(&out, '[');
	for (int64_t i = from < 1 ? 1 : from; i <= to && i <= most; i++) {
		buf_lit(&out, count++ ? "," : "");
		cell_put_json(&out, &cells.cell[i - 1]);
	}
	give_list(c, &out);
	cells_release(&cells);
}

const struct function functions_list[] = {
	{ "rows_as_list", 1, -1, 0, NULL, rows_step, NULL, NULL, rows_final, 0 },
	{ "list_value", 0, -1, 0, list_value }, { "list_pack", 0, -1, 0, list_value },
	{ "list_at", 2, 2, 0, list_at }, { "list_extract", 2, 2, 0, list_at }, { "list_element", 2, 2, 0, list_at },
	{ "array_extract", 2, 2, 0, list_at }, { "arrayelement", 2, 2, 0, list_at }, { "element_at", 2, 2, 0, list_at },
	{ "string_split", 2, 2, 0, split }, { "str_split", 2, 2, 0, split }, { "string_to_array", 2, 2, 0, split }, { "split", 2, 2, 0, split },
	{ "splitbychar", 2, 2, 1, split }, { "splitbystring", 2, 2, 1, split },
	{ "array_to_string", 2, 2, 0, joined }, { "array_join", 2, 2, 0, joined },
	{ "list_sort", 1, 1, SORT, arranged }, { "array_sort", 1, 1, SORT, arranged }, { "arraysort", 1, 1, SORT, arranged }, { "list_reverse_sort", 1, 1, SORT_DOWN, arranged },
	{ "list_distinct", 1, 1, ONCE, arranged }, { "array_distinct", 1, 1, ONCE, arranged }, { "arraydistinct", 1, 1, ONCE, arranged },
	{ "list_reverse", 1, 1, REVERSE, arranged }, { "array_reverse", 1, 1, REVERSE, arranged },
	{ "list_sum", 1, 1, SUM, folded }, { "arraysum", 1, 1, SUM, folded }, { "list_avg", 1, 1, AVG, folded }, { "arrayavg", 1, 1, AVG, folded },
	{ "list_min", 1, 1, LEAST, folded }, { "arraymin", 1, 1, LEAST, folded }, { "list_max", 1, 1, MOST, folded }, { "arraymax", 1, 1, MOST, folded },
	{ "list_position", 2, 2, PLACE, folded }, { "array_position", 2, 2, PLACE, folded }, { "list_indexof", 2, 2, PLACE, folded },
	{ "list_slice", 3, 3, 0, slice }, { "array_slice", 3, 3, 0, slice },
	{ 0 }
};
