#include "store/chunk_column.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "codec/bitmap.h"
#include "store/chunk_priv.h"

#define EXACT  (1LL << 53)      /* up to here every integer is a double */
#define KNOWN  4096             /* values of a dictionary up to which some rows look at each only once */
#define REPEAT 256              /* different numbers up to which codes are given: who groups and filters does it once for each */

void
chunk_column_release(struct chunk_column_room *to)
{
	free(to->code);
	free(to->out);
	free(to->place);
	free(to->valid);
	free(to->there);
	free(to->integer);
	free(to->spread);
	free(to->number);
	free(to->real);
	free(to->value);
	free(to->has);
	free(to->leaf);
	arena_free(to->texts);
	buf_release(&to->scratch);
	*to = (struct chunk_column_room){ 0 };
}

/* ---- which leaf is it? */

static uint32_t
path_of(const struct chunk *c, uint32_t parent, struct str key)
{
	for (size_t i = 1; i < c->shapes.n_paths; i++)
		if (c->shapes.path[i].parent == parent && str_eq(c->shapes.path[i].key, key))
			return (uint32_t)i;
	return SHAPES_NONE;
}

static int
is_below(const struct chunk *c, uint32_t path, uint32_t above)
{
	while (path && path != above)
		path = c->shapes.path[path].parent;
	return path == above;
}

static int
depth_of(const struct chunk *c, uint32_t path)
{
	int depth = 0;

	for (; path; path = c->shapes.path[path].parent)
		depth++;
	return depth;
}

/* The places where a field may lie, the first that a row has being meant: only the literal key; "b.c" in a; or all of a.b.c, then
 * "b.c" in a, then c in b in a. Their number. */
static int
places(const struct chunk *c, struct str name, enum chunk_reach reach, uint32_t *path, int most)
{
	uint32_t at = 0;
	const char *dot;
	int n = 0, deeper = reach != CHUNK_KEY;

	for (;;) {
		uint32_t one = reach == CHUNK_INSIDE && deeper ? SHAPES_NONE : path_of(c, at, name);

		if (one != SHAPES_NONE && n < most)
			path[n++] = one;
		if (!deeper || !(dot = memchr(name.p, '.', name.n)) ||
		    (at = path_of(c, at, (struct str){ name.p, (size_t)(dot - name.p) })) == SHAPES_NONE)
			return n;
		name = (struct str){ dot + 1, name.n - (size_t)(dot + 1 - name.p) };
		if (n < most)
			path[n++] = at | 1u << 31;      /* passed through: what lies deeper than objects are opened is in its text */
		deeper = reach == CHUNK_REACH;
	}
}

/* What a leaf is to the places, a bit for each: it is that very one, or lies below it. */
struct chunk_leaf_place { uint64_t is, below; };

static void
mark_leaves(const struct chunk *c, const uint32_t *path, int n, struct chunk_leaf_place *place)
{
	for (size_t i = 0; i < c->shapes.n_leaves; i++) {
		uint32_t at = c->shapes.leaf_path[i];

		place[i] = (struct chunk_leaf_place){ 0 };
		for (int k = 0; k < n; k++)
			if (at == path[k])
				place[i].is |= 1ULL << k;
			else if (!(path[k] >> 31) && is_below(c, at, path[k]))
				place[i].below |= 1ULL << k;
		if (at == 0)
			place[i].below = ~0ULL;         /* the row as it stands */
	}
}

/* Is what a.b lies in a text in some row, which may be one of an object? */
static int
is_text_too(const struct chunk *c, struct str name)
{
	const char *dot = memchr(name.p, '.', name.n);
	uint32_t at = path_of(c, 0, (struct str){ name.p, (size_t)(dot - name.p) }), leaf = at == SHAPES_NONE ? SHAPES_NONE : c->shapes.path[at].leaf;

	return leaf != SHAPES_NONE && c->leaf[leaf].kinds & VALUES_HAS_TEXTS;
}

/* Find the one leaf in all shapes; to->has: which shapes have it. 1 found (SHAPES_NONE: no row has it), 0 there is not one. Bound by
 * the shapes' leaves, each looked at once. */
static int
find_leaf(struct chunk *c, struct str name, enum chunk_reach reach, struct chunk_column_room *to, uint32_t *leaf)
{
	uint32_t path[64];
	int n = places(c, name, reach, path, 64), deep = 0;

	if (n == 64 || (reach == CHUNK_INSIDE && is_text_too(c, name)))
		return 0;
	CHUNK_ROOM(to->has, to->has_cap, c->shapes.n_shapes + 1);
	memset(to->has, 0, c->shapes.n_shapes * sizeof(*to->has));
	*leaf = SHAPES_NONE;
	for (int k = 0; k < n; k++)
		deep |= path[k] >> 31 && depth_of(c, path[k] & ~(1u << 31)) >= SHAPES_DEPTH;
	if (deep)
		return 0;
	CHUNK_ROOM(to->leaf, to->leaf_cap, c->shapes.n_leaves + 1);
	mark_leaves(c, path, n, to->leaf);
	for (size_t i = 0; i < c->shapes.n_shapes; i++) {
		const struct shape *s = &c->shapes.shape[i];
		const struct shapes_piece *piece = c->shapes.piece + s->first;
		uint64_t is = 0, below = 0, twice = 0, first;
		uint32_t found;

		for (size_t j = 0; j < s->n; j++) {
			const struct chunk_leaf_place *one = &to->leaf[piece[j].leaf];

			twice |= is & one->is;
			is |= one->is;
			below |= one->below;
		}
		first = is & (0 - is);
		if (twice & first || below & (first | (first - 1)))     /* an object, or the row as it stands */
			return 0;
		if (!is)
			continue;
		found = c->shapes.path[path[__builtin_ctzll(is)]].leaf;
		if (*leaf != SHAPES_NONE && *leaf != found)
			return 0;
		*leaf = found;
		to->has[i] = UINT32_MAX;
	}
	return 1;
}

/* ---- values to rows */

static void
room_for(struct chunk_column_room *to, size_t values, size_t rows)
{
	values += BITMAP_SLACK;
	if (values > to->values_cap) {
		free(to->code), free(to->spread), free(to->number);
		to->code = mem_grow(NULL, to->values_cap = values, sizeof(*to->code));
		to->spread = mem_grow(NULL, values, sizeof(*to->spread));
		to->number = mem_grow(NULL, values, sizeof(*to->number));
	}
	if (rows > to->rows_cap) {
		free(to->out), free(to->valid), free(to->there), free(to->integer), free(to->real);
		to->rows_cap = rows;
		to->out = mem_grow(NULL, rows, sizeof(*to->out));
		to->valid = mem_grow(NULL, rows / 64 + 1, sizeof(*to->valid));
		to->there = mem_grow(NULL, rows / 64 + 1, sizeof(*to->there));
		to->integer = mem_grow(NULL, rows, sizeof(*to->integer));
		to->real = mem_grow(NULL, rows, sizeof(*to->real));
	}
}

/* Which of the rows have the leaf, and what its values are numbered from in them. */
struct part { size_t from, n, many, first; };

static int
part_of(const struct chunk *c, struct chunk_column_room *to, const struct values_reader *v, size_t from, size_t n, struct part *part, struct err *err)
{
	uint64_t before[BITMAP_WORDS(4096)];

	*part = (struct part){ .from = from, .n = n };
	for (size_t i = 0; i < from; i += 4096) {
		size_t some = from - i < 4096 ? from - i : 4096;

		bitmap_of(c->shape + i, some, to->has, c->shapes.n_shapes, before);
		part->first += bitmap_count(before, some);
	}
	bitmap_of(c->shape + from, n, to->has, c->shapes.n_shapes, to->there);
	part->many = bitmap_count(to->there, n);
	if (part->first + part->many > v->n || (n == c->info.n && part->many != v->n))
		return chunk_damaged(err, "its rows have other shapes than it says");
	return 0;
}

static const uint64_t *
valid_rows(const struct chunk_column_room *to, const struct part *part)        /* NULL: all have it */
{
	return part->many == part->n ? NULL : to->there;
}

static const int64_t whole_power[] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
    10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000 };
static const double power[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18 };

/* Numbers that all are integers? */
static int
are_integers(const struct values_reader *v)
{
	return v->style != VALUES_DOUBLE && v->places == 0;
}

/* Of the others: is one without a fraction an integer to SQL? */
static int
are_whole(const struct values_reader *v)
{
	return v->style == VALUES_BARE || (v->style == VALUES_DOUBLE && !(v->places & JSON_DOUBLE_POINT));
}

static int
is_far(int64_t number)
{
	return number > EXACT || number < -EXACT;
}

/* Those of them that are no doubles themselves. */
static int
round_far(const struct values_reader *v, const int64_t *number, size_t n, double *out)
{
	int64_t by = whole_power[v->places];

	for (size_t i = 0; i < n; i++) {
		double d;

		if (!is_far(number[i]))
			continue;
		d = json_decimal(number[i] < 0 ? 0 - (uint64_t)number[i] : (uint64_t)number[i], -v->places);
		out[i] = number[i] < 0 ? -d : d;
		if (are_whole(v) && (number[i] % by ? d == trunc(d) : is_far(number[i] / by)))
			return 0;
	}
	return 1;
}

/* Some of the numbers, as doubles, correctly rounded. 1; 0 where one would be another to SQL: with a fraction that a double has no place
 * for, where one without is an integer; or a longer integer. */
static int
as_reals(const struct values_reader *v, const int64_t *number, size_t n, double *out)
{
	uint64_t far = 0;
	double by;

	if (v->style == VALUES_DOUBLE) {
		memcpy(out, number, n * sizeof(*out));
		return 1;
	}
	by = power[v->places];
	for (size_t i = 0; i < n; i++) {
		out[i] = (double)number[i] / by;        /* both are exact, or it is done again */
		far |= ((uint64_t)number[i] + EXACT) & ~(uint64_t)(2 * EXACT - 1);
	}
	return far == 0 || round_far(v, number, n, out);
}

static int
give_numbers(const struct values_reader *v, struct chunk_column_room *to, const struct part *part, struct column *column)
{
	const int64_t *number = v->number + part->first;
	int all = part->many == part->n;

	*column = (struct column){ .form = COLUMN_INTEGER, .valid = valid_rows(to, part) };
	if (are_integers(v)) {
		if (all)                /* a copy: who makes rows of the chunk beside has the reader decode a part of it again */
			memcpy(to->integer, number, part->n * sizeof(*number));
		else
			bitmap_spread64(to->there, part->n, number, to->integer);
		column->integer = to->integer;
		return 1;
	}
	if ((all || v->style != VALUES_DOUBLE) && !as_reals(v, number, part->many, all ? to->real : (double *)(void *)to->spread))
		return 0;
	if (!all)
		bitmap_spread64(to->there, part->n, v->style == VALUES_DOUBLE ? number : to->spread, (int64_t *)(void *)to->real);
	column->form = COLUMN_REAL;
	column->real = to->real;
	column->whole = are_whole(v);
	return 1;
}

/* ---- dictionaries */

static void
put_cell(struct chunk_column_room *to, size_t at, struct str token)
{
	struct cell cell = token.n ? cell_of_json(json_checked(token), &to->scratch) : cell_null();

	if (cell.type == CELL_TEXT && (cell.text.p < token.p || cell.text.p > token.p + token.n))
		cell.text.p = arena_dup(to->texts, cell.text.p, cell.text.n);
	to->value[at] = cell;
}

/* What the number's token says: one without a point is an integer. */
static struct cell
cell_of_number(const struct values_reader *v, int64_t number, struct buf *scratch)
{
	if (are_integers(v))
		return cell_integer(number);
	if (v->style == VALUES_DOUBLE) {
		double d = values_double(number);

		return are_whole(v) && d == trunc(d) ? cell_integer((int64_t)d) : cell_real(d);
	}
	if (number <= EXACT && number >= -EXACT)                /* both are exact, so that dividing rounds correctly */
		return v->style == VALUES_BARE && number % whole_power[v->places] == 0 ? cell_integer(number / whole_power[v->places]) :
		    cell_real((double)number / power[v->places]);
	buf_clear(scratch);
	values_put_number(v, number, scratch);
	return cell_of_json((struct json){ scratch->p, scratch->n, JSON_NUMBER, 0 }, scratch);
}

/* Each row's code: place[code] of its value, 0 where it has none. place NULL: code + 1. */
static void
spread_codes(struct chunk_column_room *to, const uint32_t *place, const struct part *part)
{
	uint32_t *code = to->code + part->first;

	if (place)
		bitmap_map(code, part->many, place, code);
	bitmap_spread32(to->there, part->n, code, place ? 0 : 1, to->out);
}

/* The texts from value `at` on; how many of them are null. Those are told as code 0. */
static int
put_texts(struct chunk_column_room *to, struct values_reader *v, size_t at, size_t *nulls, struct err *err)
{
	int rc;

	if ((rc = values_all_texts(v, err)))
		return rc;
	*nulls = 0;
	for (size_t i = 0; i < v->n_texts; i++) {
		struct str token = { v->none[i] ? NULL : v->bytes + v->end[i], v->end[i + 1] - v->end[i] };

		/* most are strings without an escape, and what they mean is what stands between the quotes */
		if (token.n >= 2 && *token.p == '"' && !memchr(token.p, '\\', token.n))
			to->value[at + i] = cell_text((struct str){ token.p + 1, token.n - 2 });
		else
			put_cell(to, at + i, token);
		*nulls += to->value[at + i].type == CELL_NULL;
	}
	return 0;
}

/* Where in the table of values the value with code i of a column is. */
static const uint32_t *
place_values(struct chunk_column_room *to, size_t n)
{
	CHUNK_ROOM(to->place, to->place_cap, n + 1);
	for (size_t i = 0; i < n; i++)
		to->place[i] = to->value[i + 1].type == CELL_NULL ? 0 : (uint32_t)i + 1;
	return to->place;
}

/* Numbers, and null at most beside them, as numbers: of value k, from the part's first on, it is to->spread[k], or its double's bits, and
 * to->code[k] 1; or to->code[k] is 0. */
static void
give_spread(const struct values_reader *v, struct chunk_column_room *to, const struct part *part, size_t nulls, struct column *column)
{
	int whole = are_integers(v);
	int64_t *out = whole ? to->integer : (int64_t *)(void *)to->real;

	bitmap_spread64(to->there, part->n, to->spread + part->first, out);
	*column = (struct column){ .form = whole ? COLUMN_INTEGER : COLUMN_REAL, .valid = valid_rows(to, part), .whole = !whole && are_whole(v) };
	if (nulls) {
		bitmap_spread32(to->there, part->n, to->code + part->first, 0, to->out);
		bitmap_equal(to->out, part->n, 1, to->valid);
		column->valid = to->valid;
	}
	if (whole)
		column->integer = to->integer;
	else
		column->real = to->real;
}

/* The numbers as give_spread wants them; NULL: they are no column of numbers. */
static const int64_t *
to_spread(const struct values_reader *v, struct chunk_column_room *to)
{
	if (are_integers(v) || v->style == VALUES_DOUBLE)
		return v->number;
	return as_reals(v, v->number, v->n_numbers, to->number) ? (const int64_t *)(const void *)to->number : NULL;
}

/* Of a dictionary that is long. 1, 0 not such. */
static int
give_gathered(const struct values_reader *v, struct chunk_column_room *to, const struct part *part, size_t nulls, struct column *column)
{
	const int64_t *number;

	if (nulls != v->n_texts || v->n_numbers <= REPEAT || !(number = to_spread(v, to)))
		return 0;
	for (size_t k = part->first; k < part->first + part->many; k++) {
		uint32_t is = to->code[k] < v->n_numbers;

		to->spread[k] = number[is ? to->code[k] : 0];
		to->code[k] = is;
	}
	give_spread(v, to, part, nulls, column);
	return 1;
}

static int
give_dictionary(struct values_reader *v, struct chunk_column_room *to, const struct part *part, struct column *column, struct err *err)
{
	size_t many = v->n_numbers + v->n_texts, nulls;
	int rc;

	CHUNK_ROOM(to->value, to->value_cap, many + 1);
	to->value[0] = cell_null();
	if ((rc = values_numbers(v, err)) || (rc = values_codes(v, to->code, err)) || (rc = put_texts(to, v, 1 + v->n_numbers, &nulls, err)))
		return rc;
	to->code[v->n] = 0;             /* read where no value is left, and masked */
	if (give_gathered(v, to, part, nulls, column))
		return 1;
	for (size_t i = 0; i < v->n_numbers; i++)
		to->value[1 + i] = cell_of_number(v, v->number[i], &to->scratch);
	spread_codes(to, nulls ? place_values(to, many) : NULL, part);
	*column = (struct column){ .form = COLUMN_CODES, .code = to->out, .value = to->value, .n_values = (uint32_t)many + 1 };
	return 1;
}

/* Is each text null, or a number that is what the column's are? Of a column of reals that is so: an exponent, more digits than a double
 * has. */
static int
texts_are_numbers(const struct values_reader *v, const struct chunk_column_room *to)
{
	int whole = are_whole(v);

	for (size_t i = 0; i < v->n_texts; i++) {
		const struct cell *c = &to->value[1 + i];

		if (c->type == CELL_TEXT || (c->type == CELL_REAL && whole && c->real == trunc(c->real)) ||
		    (c->type == CELL_INTEGER && (!whole || c->integer > EXACT || c->integer < -EXACT)))
			return 0;
	}
	return 1;
}

/* Of texts that are null. */
static void
as_numbers(const struct values_reader *v, const int64_t *number, struct chunk_column_room *to, const struct part *part)
{
	for (size_t k = part->first; k < part->first + part->many; k++) {
		to->code[k] = v->code[k] == 0;
		to->spread[k] = to->code[k] ? number[v->rank[k]] : 0;
	}
}

/* Of texts that are null or numbers: all as reals. */
static void
as_reals_beside(const struct values_reader *v, const int64_t *number, struct chunk_column_room *to, const struct part *part)
{
	for (size_t k = part->first; k < part->first + part->many; k++) {
		double d = cell_number(&to->value[v->code[k]]);         /* of value 0, a null, none */

		to->code[k] = v->code[k] == 0 || !isnan(d);
		memcpy(&to->spread[k], v->code[k] ? (const void *)&d : (const void *)&number[v->rank[k]], sizeof(d));
	}
}

/* Each number is a value of its own behind the texts; where these are null at most, all are numbers. */
static int
give_mixed(struct values_reader *v, struct chunk_column_room *to, const struct part *part, struct column *column, struct err *err)
{
	const int64_t *number;
	size_t many = v->n_numbers + v->n_texts, nulls;
	int rc;

	CHUNK_ROOM(to->value, to->value_cap, many + 1);
	to->value[0] = cell_null();
	if ((rc = values_mixed(v, err)) || (rc = put_texts(to, v, 1, &nulls, err)))
		return rc;
	if ((nulls == v->n_texts || (!are_integers(v) && texts_are_numbers(v, to))) && (number = to_spread(v, to))) {
		(nulls == v->n_texts ? as_numbers : as_reals_beside)(v, number, to, part);
		give_spread(v, to, part, nulls, column);
		return 1;
	}
	for (size_t i = 0; i < v->n_numbers; i++)
		to->value[1 + v->n_texts + i] = cell_of_number(v, v->number[i], &to->scratch);
	for (size_t i = 0; i < v->n; i++)
		to->code[i] = v->code[i] ? v->code[i] - 1 : (uint32_t)v->n_texts + v->rank[i];
	to->code[v->n] = 0;
	spread_codes(to, nulls ? place_values(to, many) : NULL, part);
	*column = (struct column){ .form = COLUMN_CODES, .code = to->out, .value = to->value, .n_values = (uint32_t)many + 1 };
	return 1;
}

static int
give_plain(struct values_reader *v, struct chunk_column_room *to, const struct part *part, struct column *column, struct err *err)
{
	size_t nulls;
	int rc;

	CHUNK_ROOM(to->value, to->value_cap, v->n + 1);
	to->value[0] = cell_null();
	if ((rc = put_texts(to, v, 1, &nulls, err)))
		return rc;
	for (size_t i = 0; i <= v->n; i++)
		to->code[i] = i < v->n ? (uint32_t)i : 0;
	spread_codes(to, nulls ? place_values(to, v->n) : NULL, part);
	*column = (struct column){ .form = COLUMN_CODES, .code = to->out, .value = to->value, .n_values = (uint32_t)v->n + 1 };
	return 1;
}

/* Which leaf a field is, SHAPES_NONE where no row has it, and its shapes in to->has. 1; 0 it is no single leaf; < 0. */
static int
leaf_of(struct chunk *c, struct str name, enum chunk_reach reach, struct chunk_column_room *to, uint32_t *leaf, struct err *err)
{
	int rc;

	if (c->info.version == 1)
		return 0;
	if ((rc = chunk_load(c, CHUNK_SHAPES, err)))
		return rc;
	return find_leaf(c, name, reach, to, leaf) ? 1 : 0;
}

/* The same, open: *v NULL where no row has it. */
static int
open_leaf(struct chunk *c, struct str name, enum chunk_reach reach, struct chunk_column_room *to, struct values_reader **v, struct err *err)
{
	uint32_t leaf;
	int rc = leaf_of(c, name, reach, to, &leaf, err);

	*v = NULL;
	if (rc <= 0 || leaf == SHAPES_NONE)
		return rc;
	if ((rc = chunk_load(c, CHUNK_ROWS, err)) || (!c->leaf[leaf].open && (rc = chunk_open_leaf(c, leaf, err))))
		return rc;
	*v = c->leaf[leaf].values.form == VALUES_NOTHING ? NULL : &c->leaf[leaf].values;
	return 1;
}

int
chunk_bounds(struct chunk *c, struct str name, enum chunk_reach reach, struct chunk_column_room *to, struct store_bounds *b, struct err *err)
{
	static const struct { unsigned here, there; } kind[] = { { VALUES_HAS_NUMBERS, STORE_BOUNDS_NUMBERS }, { VALUES_HAS_TEXTS, STORE_BOUNDS_TEXTS },
		{ VALUES_HAS_BOOLEANS, STORE_BOUNDS_BOOLEANS }, { VALUES_HAS_NESTED, STORE_BOUNDS_NESTED } };
	uint32_t leaf;
	int rc = leaf_of(c, name, reach, to, &leaf, err);

	*b = (struct store_bounds){ 0 };
	if (rc <= 0)
		return rc;
	for (size_t i = 0; leaf != SHAPES_NONE && i < sizeof(kind) / sizeof(*kind); i++)
		if (c->leaf[leaf].kinds & kind[i].here)
			b->kinds |= kind[i].there;
	if (b->kinds & STORE_BOUNDS_NUMBERS) {
		b->least = c->leaf[leaf].least;
		b->greatest = c->leaf[leaf].greatest;
	}
	return 1;
}

int
chunk_column(struct chunk *c, struct str name, enum chunk_reach reach, size_t from, size_t n, struct chunk_column_room *to, struct column *column, struct err *err)
{
	struct values_reader *v;
	struct part part;
	int rc;

	if ((rc = open_leaf(c, name, reach, to, &v, err)) <= 0)
		return rc;
	if (!v) {
		*column = (struct column){ .form = COLUMN_NULL };
		return 1;
	}
	if (!to->texts)
		to->texts = arena_new(0);
	arena_reset(to->texts);
	room_for(to, v->n, n);
	if ((rc = part_of(c, to, v, from, n, &part, err)))
		return rc;
	switch (v->form) {
	case VALUES_NUMBERS:
		return (rc = values_numbers(v, err)) ? rc : give_numbers(v, to, &part, column);
	case VALUES_DICTIONARY:
		return give_dictionary(v, to, &part, column, err);
	case VALUES_MIXED:
		return give_mixed(v, to, &part, column, err);
	default:
		return give_plain(v, to, &part, column, err);
	}
}

/* ---- some rows */

/* Value i as a cell that lasts. */
static int
some_cell(struct values_reader *v, size_t i, struct buf *scratch, struct arena *arena, struct cell *to, struct err *err)
{
	struct str token;
	int64_t number;
	int rc;

	if ((rc = values_get(v, i, &token, &number, err)) < 0)
		return rc;
	if (rc) {
		*to = cell_of_number(v, number, scratch);
		return 0;
	}
	*to = token.n ? cell_of_json(json_checked(token), scratch) : cell_null();
	if (to->type == CELL_TEXT && (to->text.p < v->bytes || to->text.p >= v->bytes + v->bytes_cap))
		to->text.p = arena_dup(arena, to->text.p, to->text.n);
	return 0;
}

int
chunk_some_column(struct chunk *c, struct str name, enum chunk_reach reach, size_t from, size_t n, const uint32_t *row, size_t many, struct chunk_column_room *to,
    struct arena *arena, uint32_t *code, struct column *column, struct err *err)
{
	struct values_reader *v;
	struct part part;
	struct cell *value;
	uint32_t n_values = 1, *known = NULL;
	size_t rank, word = 0;
	int rc;

	if ((rc = open_leaf(c, name, reach, to, &v, err)) <= 0)
		return rc;
	*column = (struct column){ .form = COLUMN_NULL };
	if (!v)
		return 1;
	room_for(to, 0, n);
	if ((rc = part_of(c, to, v, from, n, &part, err)))
		return rc;
	rank = part.first;
	value = arena_get(arena, (many + 1) * sizeof(*value));
	value[0] = cell_null();
	if (v->form == VALUES_DICTIONARY && v->n_numbers + v->n_texts <= KNOWN)
		known = memset(arena_get(arena, (v->n_numbers + v->n_texts) * sizeof(*known)), 0, (v->n_numbers + v->n_texts) * sizeof(*known));
	for (size_t k = 0; k < many; k++) {
		uint32_t one = row[k], in = 0;
		size_t i;

		code[one] = 0;
		if (!bitmap_has(to->there, one))
			continue;
		rank += bitmap_count(to->there + word, (one / 64 - word) * 64);
		word = one / 64;
		i = rank + bitmap_count(to->there + word, one % 64);
		if (known && (rc = values_code(v, i, &in, err)))
			return rc;
		if (!known || !known[in]) {
			if ((rc = some_cell(v, i, &to->scratch, arena, &value[n_values], err)))
				return rc;
			if (known)
				known[in] = n_values;
			code[one] = n_values++;
		} else {
			code[one] = known[in];
		}
	}
	*column = (struct column){ .form = COLUMN_CODES, .code = code, .value = value, .n_values = n_values };
	return 1;
}
