#include "store/chunk_column.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "store/chunk_priv.h"

#define EXACT  (1LL << 53)      /* up to here every integer is a double */
#define REPEAT 256              /* different numbers up to which codes are given: who groups and filters does it once for each */

void
chunk_column_release(struct chunk_column_room *to)
{
	free(to->code);
	free(to->out);
	free(to->place);
	free(to->valid);
	free(to->integer);
	free(to->real);
	free(to->value);
	free(to->has);
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

/* The places where a field may lie, the first that a row has being meant: only the literal key, or with `reach` all of a.b.c, then
 * "b.c" in a, then c in b in a. Their number. */
static int
places(const struct chunk *c, struct str name, int reach, uint32_t *path, int most)
{
	uint32_t at = 0;
	const char *dot;
	int n = 0;

	for (;;) {
		uint32_t one = path_of(c, at, name);

		if (one != SHAPES_NONE && n < most)
			path[n++] = one;
		if (!reach || !(dot = memchr(name.p, '.', name.n)) ||
		    (at = path_of(c, at, (struct str){ name.p, (size_t)(dot - name.p) })) == SHAPES_NONE)
			return n;
		name = (struct str){ dot + 1, name.n - (size_t)(dot + 1 - name.p) };
		if (n < most)
			path[n++] = at | 1u << 31;      /* passed through: what lies deeper than objects are opened is in its text */
	}
}

/* Find the one leaf in all shapes; to->has: which shapes have it. 1 found (SHAPES_NONE: no row has it), 0 there is not one. */
static int
find_leaf(struct chunk *c, struct str name, int reach, struct chunk_column_room *to, uint32_t *leaf)
{
	uint32_t path[64];
	int n = places(c, name, reach, path, 64), deep = 0;

	if (n == 64)
		return 0;
	CHUNK_ROOM(to->has, to->has_cap, c->shapes.n_shapes + 1);
	memset(to->has, 0, c->shapes.n_shapes);
	*leaf = SHAPES_NONE;
	for (int k = 0; k < n; k++)
		deep |= path[k] >> 31 && depth_of(c, path[k] & ~(1u << 31)) >= SHAPES_DEPTH;
	if (deep)
		return 0;
	for (size_t i = 0; i < c->shapes.n_shapes; i++) {
		const struct shape *s = &c->shapes.shape[i];
		uint32_t found = SHAPES_NONE;

		if (s->rows == 0)
			continue;
		for (size_t j = 0; j < s->n; j++)
			if (c->shapes.leaf_path[c->shapes.piece[s->first + j].leaf] == 0)
				return 0;               /* the row as it stands */
		for (int k = 0; k < n && found == SHAPES_NONE; k++) {
			if (path[k] >> 31)
				continue;
			for (size_t j = 0; j < s->n; j++) {
				uint32_t one = c->shapes.piece[s->first + j].leaf, at = c->shapes.leaf_path[one];

				if (at == path[k]) {
					if (found != SHAPES_NONE)
						return 0;
					found = one;
				} else if (is_below(c, at, path[k])) {
					return 0;       /* an object */
				}
			}
		}
		if (found == SHAPES_NONE)
			continue;
		if (*leaf != SHAPES_NONE && *leaf != found)
			return 0;
		*leaf = found;
		to->has[i] = 1;
	}
	return 1;
}

/* ---- values to rows */

static void
room_for(struct chunk_column_room *to, size_t values, size_t rows)
{
	if (values > to->values_cap) {
		free(to->code);
		to->code = mem_grow(NULL, to->values_cap = values, sizeof(*to->code));
	}
	if (rows > to->rows_cap) {
		free(to->out), free(to->valid), free(to->integer), free(to->real);
		to->rows_cap = rows;
		to->out = mem_grow(NULL, rows, sizeof(*to->out));
		to->valid = mem_grow(NULL, rows / 64 + 1, sizeof(*to->valid));
		to->integer = mem_grow(NULL, rows, sizeof(*to->integer));
		to->real = mem_grow(NULL, rows, sizeof(*to->real));
	}
}

/* How many values do the rows before `from` have? */
static size_t
values_before(const struct chunk *c, const struct chunk_column_room *to, size_t from)
{
	size_t n = 0;

	for (size_t i = 0; i < from; i++)
		n += to->has[c->shape[i]];
	return n;
}

/* Which rows are not NULL; NULL when all are not. */
static const uint64_t *
valid_rows(const struct chunk *c, struct chunk_column_room *to, size_t from, size_t n)
{
	size_t many = 0;

	for (size_t i = 0; i < n; i += 64) {
		uint64_t w = 0;
		size_t end = n - i < 64 ? n - i : 64;

		for (size_t k = 0; k < end; k++)
			w |= (uint64_t)to->has[c->shape[from + i + k]] << k;
		to->valid[i / 64] = w;
		many += (size_t)__builtin_popcountll(w);
	}
	return many == n ? NULL : to->valid;
}

/* Numbers that stand in a row's order: out[i] = number[k], k counting the rows that have one. */
static void
spread_integers(const struct chunk *c, struct chunk_column_room *to, const int64_t *number, size_t k, size_t from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		to->integer[i] = number[k];
		k += to->has[c->shape[from + i]];
	}
}

static const double power[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18 };

static void
spread_reals(const struct chunk *c, struct chunk_column_room *to, const int64_t *number, int places, size_t k, size_t from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		to->real[i] = (double)number[k] / power[places];        /* both exact: correctly rounded */
		k += to->has[c->shape[from + i]];
	}
}

static int
all_exact(const int64_t *number, size_t n)
{
	uint64_t far = 0;

	for (size_t i = 0; i < n; i++)
		far |= ((uint64_t)number[i] + EXACT) & ~(uint64_t)(2 * EXACT - 1);
	return far == 0;
}

static int
give_numbers(struct chunk *c, const struct values_reader *v, struct chunk_column_room *to, size_t from, size_t n, struct column *column)
{
	size_t k = values_before(c, to, from);

	*column = (struct column){ .form = COLUMN_INTEGER, .valid = valid_rows(c, to, from, n) };
	if (v->places == 0) {
		spread_integers(c, to, v->number, k, from, n);
		column->integer = to->integer;
		return 1;
	}
	if (!all_exact(v->number, v->n_numbers))
		return 0;               /* a value may be whole as a double and have a fraction all the same */
	spread_reals(c, to, v->number, v->places, k, from, n);
	column->form = COLUMN_REAL;
	column->real = to->real;
	column->whole = v->style == VALUES_BARE;
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

static void
put_number(struct chunk_column_room *to, size_t at, const struct values_reader *v, int64_t number)
{
	if (v->places == 0) {
		to->value[at] = cell_integer(number);
		return;
	}
	buf_clear(&to->scratch);
	values_put_number(v, number, &to->scratch);
	to->value[at] = cell_of_json((struct json){ to->scratch.p, to->scratch.n, JSON_NUMBER, 0 }, &to->scratch);
}

/* Each row's code: place[code] of its value, 0 where it has none. place NULL: code + 1. Of `many` values: where few rows of the chunk
 * have one, whether a row does is guessed right, else it is computed without a branch. */
static void
spread_codes(const struct chunk *c, struct chunk_column_room *to, const uint32_t *place, size_t many, size_t from, size_t n)
{
	size_t k = values_before(c, to, from);

	if (many < c->info.n / 8) {
		memset(to->out, 0, n * sizeof(*to->out));
		for (size_t i = 0; i < n; i++)
			if (to->has[c->shape[from + i]]) {
				to->out[i] = place ? place[to->code[k]] : to->code[k] + 1;
				k++;
			}
	} else if (place) {
		for (size_t i = 0; i < n; i++) {
			uint32_t has = to->has[c->shape[from + i]];

			to->out[i] = place[to->code[k]] & (0 - has);
			k += has;
		}
	} else {
		for (size_t i = 0; i < n; i++) {
			uint32_t has = to->has[c->shape[from + i]];

			to->out[i] = (to->code[k] + 1) & (0 - has);
			k += has;
		}
	}
}

/* The texts from value `at` on; how many of them are null. Those are told as code 0. */
static int
put_texts(struct chunk_column_room *to, struct values_reader *v, size_t at, size_t *nulls, struct err *err)
{
	struct str token;
	int rc;

	if ((rc = values_all_texts(v, err)))
		return rc;
	*nulls = 0;
	for (size_t i = 0; i < v->n_texts; i++) {
		if ((rc = values_text(v, i, &token, err)))
			return rc;
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

/* Numbers of a dictionary that is long, and null at most beside them: as numbers. 1, 0 not such. */
static int
give_gathered(struct chunk *c, const struct values_reader *v, struct chunk_column_room *to, size_t from, size_t n, size_t nulls, struct column *column)
{
	size_t k = values_before(c, to, from), many = 0;

	if (nulls != v->n_texts || v->n_numbers <= REPEAT || (v->places && !all_exact(v->number, v->n_numbers)))
		return 0;
	memset(to->valid, 0, (n / 64 + 1) * sizeof(*to->valid));
	for (size_t i = 0; i < n; i++) {
		uint64_t has = to->has[c->shape[from + i]];
		uint32_t code = to->code[k];
		uint64_t is = has & (code < v->n_numbers);
		int64_t number = v->number[is ? code : 0];

		if (v->places)
			to->real[i] = (double)number / power[v->places];
		else
			to->integer[i] = number;
		to->valid[i / 64] |= is << (i % 64);
		many += is;
		k += has;
	}
	*column = (struct column){ .form = v->places ? COLUMN_REAL : COLUMN_INTEGER, .valid = many == n ? NULL : to->valid,
		.whole = v->places && v->style == VALUES_BARE };
	if (v->places)
		column->real = to->real;
	else
		column->integer = to->integer;
	return 1;
}

static int
give_dictionary(struct chunk *c, struct values_reader *v, struct chunk_column_room *to, size_t from, size_t n, struct column *column, struct err *err)
{
	size_t many = v->n_numbers + v->n_texts, nulls;
	int rc;

	CHUNK_ROOM(to->value, to->value_cap, many + 1);
	to->value[0] = cell_null();
	if ((rc = values_numbers(v, err)) || (rc = values_codes(v, to->code, err)) || (rc = put_texts(to, v, 1 + v->n_numbers, &nulls, err)))
		return rc;
	to->code[v->n] = 0;             /* read where no value is left, and masked */
	if (give_gathered(c, v, to, from, n, nulls, column))
		return 1;
	for (size_t i = 0; i < v->n_numbers; i++)
		put_number(to, 1 + i, v, v->number[i]);
	spread_codes(c, to, nulls ? place_values(to, many) : NULL, v->n, from, n);
	*column = (struct column){ .form = COLUMN_CODES, .code = to->out, .value = to->value, .n_values = (uint32_t)many + 1 };
	return 1;
}

/* Each number is a value of its own behind the texts. */
static int
give_mixed(struct chunk *c, struct values_reader *v, struct chunk_column_room *to, size_t from, size_t n, struct column *column, struct err *err)
{
	size_t many = v->n_numbers + v->n_texts, nulls;
	int rc;

	CHUNK_ROOM(to->value, to->value_cap, many + 1);
	to->value[0] = cell_null();
	if ((rc = values_mixed(v, err)) || (rc = put_texts(to, v, 1, &nulls, err)))
		return rc;
	for (size_t i = 0; i < v->n_numbers; i++)
		put_number(to, 1 + v->n_texts + i, v, v->number[i]);
	for (size_t i = 0; i < v->n; i++)
		to->code[i] = v->code[i] ? v->code[i] - 1 : (uint32_t)v->n_texts + v->rank[i];
	to->code[v->n] = 0;
	spread_codes(c, to, nulls ? place_values(to, many) : NULL, v->n, from, n);
	*column = (struct column){ .form = COLUMN_CODES, .code = to->out, .value = to->value, .n_values = (uint32_t)many + 1 };
	return 1;
}

static int
give_plain(struct chunk *c, struct values_reader *v, struct chunk_column_room *to, size_t from, size_t n, struct column *column, struct err *err)
{
	size_t nulls;
	int rc;

	CHUNK_ROOM(to->value, to->value_cap, v->n + 1);
	to->value[0] = cell_null();
	if ((rc = put_texts(to, v, 1, &nulls, err)))
		return rc;
	for (size_t i = 0; i <= v->n; i++)
		to->code[i] = i < v->n ? (uint32_t)i : 0;
	spread_codes(c, to, nulls ? place_values(to, v->n) : NULL, v->n, from, n);
	*column = (struct column){ .form = COLUMN_CODES, .code = to->out, .value = to->value, .n_values = (uint32_t)v->n + 1 };
	return 1;
}

int
chunk_column(struct chunk *c, struct str name, int reach, size_t from, size_t n, struct chunk_column_room *to, struct column *column, struct err *err)
{
	struct values_reader *v;
	uint32_t leaf;
	int rc;

	if (c->info.version == 1)
		return 0;
	if ((rc = chunk_load(c, CHUNK_SHAPES, err)))
		return rc;
	if (!find_leaf(c, name, reach, to, &leaf))
		return 0;
	if (leaf == SHAPES_NONE) {
		*column = (struct column){ .form = COLUMN_NULL };
		return 1;
	}
	if ((rc = chunk_load(c, CHUNK_ROWS, err)) || (!c->leaf[leaf].open && (rc = chunk_open_leaf(c, leaf, err))))
		return rc;
	if (!to->texts)
		to->texts = arena_new(0);
	arena_reset(to->texts);
	v = &c->leaf[leaf].values;
	room_for(to, v->n + 1, n);
	switch (v->form) {
	case VALUES_NUMBERS:
		return (rc = values_numbers(v, err)) ? rc : give_numbers(c, v, to, from, n, column);
	case VALUES_DICTIONARY:
		return give_dictionary(c, v, to, from, n, column, err);
	case VALUES_MIXED:
		return give_mixed(c, v, to, from, n, column, err);
	case VALUES_PLAIN:
		return give_plain(c, v, to, from, n, column, err);
	default:
		*column = (struct column){ .form = COLUMN_NULL };
		return 1;
	}
}
