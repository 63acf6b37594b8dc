/* Aggregates over frames that SQLite has none for, or only without OVER: the rewriter calls them by these names where OVER follows.
 * A frame loses its oldest row first, so what they keep are queues. */
#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "query/functions_priv.h"
#include "query/vector_priv.h"

#define ONE_MOST (500u << 20)   /* bytes of one text or list */

/* ---- different values: how many, and which is there most often */

enum { DIFFERENT, MOST_OFTEN };

struct values { struct map map; int64_t n; };   /* how often each is in the frame; those that are */

/* One text for equal values: a number is what it is worth, and no text. */
static void
put_key(struct buf *to, sqlite3_value *v)
{
	struct cell cell = functions_cell(v);

	if (cell.type == CELL_REAL && cell.real == floor(cell.real) && fabs(cell.real) < 9e15)
		cell = cell_integer((int64_t)cell.real);
	buf_byte(to, cell.type == CELL_TEXT ? 't' : 'n');
	if (cell.type == CELL_TEXT)
		buf_str(to, cell.text);
	else
		cell_put_json(to, &cell);
}

static void
values_move(sqlite3_context *c, sqlite3_value *v, int by)
{
	struct values *s = sqlite3_aggregate_context(c, sizeof(*s));
	struct map_entry *e;
	struct buf key = {0};

	if (!s || functions_is_null(v))
		return;
	put_key(&key, v);
	e = map_put(&s->map, buf_get(&key), NULL);
	s->n += by > 0 ? e->num == 0 : -(e->num == 1);
	e->num += by;
	buf_release(&key);
}

static void
values_step(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n;
	values_move(c, v[0], 1);
}

static void
values_inverse(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n;
	values_move(c, v[0], -1);
}

static void
values_value(sqlite3_context *c)
{
	struct values *s = sqlite3_aggregate_context(c, 0);
	const struct map_entry *best = NULL;
	int64_t i;
	double d;

	if (functions_which(c) == DIFFERENT) {
		sqlite3_result_int64(c, s ? s->n : 0);
		return;
	}
	for (const struct map_entry *e = s ? map_first(&s->map) : NULL; e; e = map_next(&s->map, e))
		if (e->num > 0 && (!best || e->num > best->num))
			best = e;
	if (!best)
		return;
	struct str text = { best->key.p + 1, best->key.n - 1 };

	if (*best->key.p == 't')
		functions_give_text(c, text);
	else if (str_int64(text, &i) == 0)
		sqlite3_result_int64(c, i);
	else if (str_double(text, &d) == 0)
		sqlite3_result_double(c, d);
}

static void
values_final(sqlite3_context *c)
{
	struct values *s = sqlite3_aggregate_context(c, 0);

	values_value(c);
	if (s)
		map_release(&s->map);
}

/* ---- the value beside the least or greatest key: of a queue in which each key is worse than the one before it the first */

struct candidate { sqlite3_value *value, *key; int64_t row; };
struct best { struct candidate *item; size_t from, n, cap; int64_t came, gone; };       /* rows that have both */

static int
better(sqlite3_value *a, sqlite3_value *b, int sign)
{
	struct cell x = functions_cell(a), y = functions_cell(b);

	return vector_compare(&x, &y) * sign > 0;
}

static void
best_step(sqlite3_context *c, int n, sqlite3_value **v)         /* (value, key); which: 1 the greatest, -1 the least */
{
	struct best *b = sqlite3_aggregate_context(c, sizeof(*b));
	struct candidate one;

	(void)n;
	if (!b || functions_is_null(v[0]) || functions_is_null(v[1]))
		return;
	b->came++;
	while (b->n > b->from && better(v[1], b->item[b->n - 1].key, functions_which(c))) {
		b->n--;
		sqlite3_value_free(b->item[b->n].value), sqlite3_value_free(b->item[b->n].key);
	}
	if (b->n == b->cap && b->from > b->cap / 2) {
		memmove(b->item, b->item + b->from, (b->n - b->from) * sizeof(*b->item));
		b->n -= b->from;
		b->from = 0;
	} else if (b->n == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 16;
		b->item = mem_grow(b->item, b->cap, sizeof(*b->item));
	}
	one = (struct candidate){ sqlite3_value_dup(v[0]), sqlite3_value_dup(v[1]), b->came };
	if (one.value && one.key) {
		b->item[b->n++] = one;
		return;
	}
	sqlite3_value_free(one.value), sqlite3_value_free(one.key);
	sqlite3_result_error_nomem(c);
}

static void
best_inverse(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct best *b = sqlite3_aggregate_context(c, sizeof(*b));

	(void)n;
	if (!b || functions_is_null(v[0]) || functions_is_null(v[1]))
		return;
	b->gone++;
	if (b->from < b->n && b->item[b->from].row == b->gone) {
		sqlite3_value_free(b->item[b->from].value), sqlite3_value_free(b->item[b->from].key);
		b->from++;
	}
}

static void
best_value(sqlite3_context *c)
{
	struct best *b = sqlite3_aggregate_context(c, 0);

	if (b && b->from < b->n)
		sqlite3_result_value(c, b->item[b->from].value);
}

static void
best_final(sqlite3_context *c)
{
	struct best *b = sqlite3_aggregate_context(c, 0);

	best_value(c);
	for (; b && b->from < b->n; b->from++)
		sqlite3_value_free(b->item[b->from].value), sqlite3_value_free(b->item[b->from].key);
	if (b) {
		free(b->item);
		*b = (struct best){0};
	}
}

/* ---- texts and lists of a frame: one behind the other in a buffer, of which the first go */

enum { TEXT, LIST };

struct piece { size_t n, separator; };          /* bytes, with those of the separator before it */
struct joined { struct buf out; size_t from; struct piece *piece; size_t first, n, cap; };

static void
joined_step(sqlite3_context *c, int n, sqlite3_value **v)       /* (value[, separator]) */
{
	struct joined *j = sqlite3_aggregate_context(c, sizeof(*j));
	struct cell cell = functions_cell(v[0]);
	struct piece piece;
	size_t before;

	if (!j || (functions_which(c) == TEXT && functions_is_null(v[0])))
		return;
	if (j->from > j->out.n / 2) {
		memmove(j->out.p, j->out.p + j->from, j->out.n - j->from);
		j->out.n -= j->from;
		j->from = 0;
	}
	if (j->out.n > ONE_MOST) {
		functions_error(c, "a text of more than 500 MiB");
		return;
	}
	before = j->out.n;
	buf_str(&j->out, n > 1 ? functions_text_of(v[1]) : STR(","));
	piece.separator = j->out.n - before;
	if (functions_which(c) == LIST)
		cell_put_json(&j->out, &cell);
	else
		buf_str(&j->out, functions_text_of(v[0]));
	piece.n = j->out.n - before;
	if (j->n == j->cap && j->first > j->cap / 2) {
		memmove(j->piece, j->piece + j->first, (j->n - j->first) * sizeof(*j->piece));
		j->n -= j->first;
		j->first = 0;
	} else if (j->n == j->cap) {
		j->cap = j->cap ? 2 * j->cap : 16;
		j->piece = mem_grow(j->piece, j->cap, sizeof(*j->piece));
	}
	j->piece[j->n++] = piece;
}

static void
joined_inverse(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct joined *j = sqlite3_aggregate_context(c, sizeof(*j));

	(void)n;
	if (j && j->first < j->n && !(functions_which(c) == TEXT && functions_is_null(v[0])))
		j->from += j->piece[j->first++].n;
}

static void
joined_value(sqlite3_context *c)
{
	struct joined *j = sqlite3_aggregate_context(c, 0);
	struct buf list = {0};
	struct str text;

	if (!j || j->first == j->n)
		return;
	text = (struct str){ j->out.p + j->from + j->piece[j->first].separator, j->out.n - j->from - j->piece[j->first].separator };
	if (functions_which(c) == TEXT) {
		functions_give_text(c, text);
		return;
	}
	buf_byte(&list, '[');
	buf_str(&list, text);
	buf_byte(&list, ']');
	functions_give_text(c, buf_get(&list));
	buf_release(&list);
}

static void
joined_final(sqlite3_context *c)
{
	struct joined *j = sqlite3_aggregate_context(c, 0);

	joined_value(c);
	if (j) {
		buf_release(&j->out);
		free(j->piece);
		*j = (struct joined){0};
	}
}

/* ---- bits: how many of the rows have each */

enum { OR, AND, XOR };

struct bits { int64_t n, set[64]; };

static void
bits_move(sqlite3_context *c, sqlite3_value *v, int by)
{
	struct bits *b = sqlite3_aggregate_context(c, sizeof(*b));
	uint64_t x = (uint64_t)sqlite3_value_int64(v);

	if (!b || functions_is_null(v))
		return;
	b->n += by;
	for (int i = 0; i < 64; i++)
		b->set[i] += x >> i & 1 ? by : 0;
}

static void
bits_step(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n;
	bits_move(c, v[0], 1);
}

static void
bits_inverse(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n;
	bits_move(c, v[0], -1);
}

static void
bits_value(sqlite3_context *c)
{
	const struct bits *b = sqlite3_aggregate_context(c, 0);
	uint64_t x = 0;

	if (!b || !b->n)
		return;
	for (int i = 0; i < 64; i++)
		x |= (uint64_t)(functions_which(c) == OR ? b->set[i] > 0 : functions_which(c) == AND ? b->set[i] == b->n : b->set[i] & 1) << i;
	sqlite3_result_int64(c, (int64_t)x);
}

const struct function functions_window[] = {
	{ "window_different", 1, 1, DIFFERENT, NULL, values_step, values_inverse, values_value, values_final, 0 },
	{ "window_mode", 1, 1, MOST_OFTEN, NULL, values_step, values_inverse, values_value, values_final, 0 },
	{ "window_greatest", 2, 2, 1, NULL, best_step, best_inverse, best_value, best_final, 0 },
	{ "window_least", 2, 2, -1, NULL, best_step, best_inverse, best_value, best_final, 0 },
	{ "window_text", 1, 2, TEXT, NULL, joined_step, joined_inverse, joined_value, joined_final, 0 },
	{ "window_list", 1, 1, LIST, NULL, joined_step, joined_inverse, joined_value, joined_final, 0 },
	{ "window_bit_or", 1, 1, OR, NULL, bits_step, bits_inverse, bits_value, bits_value, 0 },
	{ "window_bit_and", 1, 1, AND, NULL, bits_step, bits_inverse, bits_value, bits_value, 0 },
	{ "window_bit_xor", 1, 1, XOR, NULL, bits_step, bits_inverse, bits_value, bits_value, 0 },
	{ 0 }
};
