/* vector_rows.c - plans without groups: rows as they pass the filter, or the first of them in an order.
 *
 * All of them are kept by columns; a column of a table that is read is gathered from there at the end, or is the same where all its
 * rows pass. Of the first ones, a worker gets its batches in the order of the store, so without an order it has seen enough when it holds `limit` rows. With one,
 * it cuts what it holds back to `limit` rows each time it has twice as many; from then on a row that comes behind the last of
 * those costs its order and nothing else, and a batch whose time says so is not looked at.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "query/query_priv.h"
#include "query/vector_priv.h"

#define SLACK 1024              /* rows held beyond twice the limit */

/* ---- all rows */

struct piece { struct vector_place place; size_t from, n; };            /* rows of one batch */

struct vector_found {
	const struct vector_plan *plan;
	struct vector_builder *column;
	int from_table;                 /* fields are gathered from the table, by `row` */
	uint32_t *row;
	size_t n, cap;
	struct piece *piece;
	size_t n_pieces, pieces_cap;
};

struct vector_found *
vector_found_new(const struct vector_plan *plan)
{
	struct vector_found *f = mem_new(sizeof(*f));

	f->plan = plan;
	f->from_table = plan->source && plan->source->of != SOURCE_JOIN;
	f->column = mem_new(((size_t)plan->n_keys + 1) * sizeof(*f->column));
	for (int k = 0; k < plan->n_keys; k++)
		vector_builder_init(&f->column[k]);
	return f;
}

void
vector_found_free(struct vector_found *f)
{
	if (!f)
		return;
	for (int k = 0; k < f->plan->n_keys; k++)
		vector_builder_release(&f->column[k]);
	free(f->column), free(f->row), free(f->piece);
	free(f);
}

size_t
vector_found_held(const struct vector_found *f)
{
	size_t held = f->cap * sizeof(*f->row) + f->pieces_cap * sizeof(*f->piece);

	for (int k = 0; k < f->plan->n_keys; k++)
		held += vector_builder_held(&f->column[k]);
	return held;
}

static int
is_wanted(const struct vector_plan *plan, int key)
{
	return !plan->wanted || plan->wanted[key];
}

static int
is_gathered(const struct vector_found *f, int key)
{
	return f->from_table && f->plan->key[key]->op == VECTOR_FIELD;
}

int
vector_found_add(struct vector_found *f, struct vector_worker *w, struct vector_rows rows, struct err *err)
{
	const struct vector_plan *plan = f->plan;
	struct column *column = arena_get(w->arena, ((size_t)plan->n_keys + 1) * sizeof(*column));

	if (rows.n == 0)
		return 0;
	for (int k = 0; k < plan->n_keys; k++)
		if (is_wanted(plan, k) && !is_gathered(f, k) && vector_eval(w, plan->key[k], rows, &column[k], err) < 0)
			return err->code;
	for (int k = 0; k < plan->n_keys; k++)
		if (is_wanted(plan, k) && !is_gathered(f, k))
			vector_builder_add(&f->column[k], w, &column[k], rows);
	if (f->from_table && plan->where) {
		while (f->n + rows.n > f->cap)
			f->row = mem_grow(f->row, f->cap = f->cap ? 2 * f->cap : VECTOR_ROWS, sizeof(*f->row));
		for (size_t k = 0; k < rows.n; k++)
			f->row[f->n + k] = (uint32_t)(w->from + vector_row(rows, k));
	}
	if (f->n_pieces == f->pieces_cap)
		f->piece = mem_grow(f->piece, f->pieces_cap = f->pieces_cap ? 2 * f->pieces_cap : 64, sizeof(*f->piece));
	f->piece[f->n_pieces++] = (struct piece){ w->place, f->n, rows.n };
	f->n += rows.n;
	return 0;
}

struct ordered { struct vector_place place; struct vector_piece_of piece; };

static int
by_place(const void *a, const void *b)
{
	return vector_place_order(&((const struct ordered *)a)->place, &((const struct ordered *)b)->place);
}

/* The pieces of all workers in the order of the rows. */
static struct vector_piece_of *
pieces(struct vector_found **f, int n, size_t *n_pieces)
{
	struct vector_piece_of *piece;
	struct ordered *all;
	size_t at = 0;

	for (int i = 0; i < n; i++)
		at += f[i]->n_pieces;
	all = mem_grow(NULL, at + 1, sizeof(*all));
	piece = mem_grow(NULL, at + 1, sizeof(*piece));
	*n_pieces = at;
	at = 0;
	for (int i = 0; i < n; i++)
		for (size_t k = 0; k < f[i]->n_pieces; k++)
			all[at++] = (struct ordered){ f[i]->piece[k].place, { i, f[i]->piece[k].from, f[i]->piece[k].n } };
	if (at)
		qsort(all, at, sizeof(*all), by_place);
	for (size_t i = 0; i < at; i++)
		piece[i] = all[i].piece;
	free(all);
	return piece;
}

struct vector_table *
vector_found_end(struct vector_found **f, int n, const struct vector_plan *plan, const struct vector_input *in)
{
	struct vector_builder **b = mem_grow(NULL, (size_t)n, sizeof(*b));
	size_t rows = 0, n_pieces, at = 0;
	struct vector_piece_of *piece = pieces(f, n, &n_pieces);
	struct vector_table *t;
	uint32_t *row = NULL;

	for (int i = 0; i < n; i++)
		rows += f[i]->n;
	t = vector_table_new(rows, plan->n_keys);
	if (f[0]->from_table && plan->where) {
		row = mem_grow(NULL, rows + 1, sizeof(*row));
		for (size_t p = 0; p < n_pieces; p++) {
			memcpy(row + at, f[piece[p].builder]->row + piece[p].from, piece[p].n * sizeof(*row));
			at += piece[p].n;
		}
	}
	for (int k = 0; k < plan->n_keys; k++) {
		if (!is_wanted(plan, k))
			continue;
		if (is_gathered(f[0], k)) {
			if (row)
				vector_table_gather(&t->column[k], &in->table->column[plan->key[k]->field], row, rows);
			else
				vector_table_share(&t->column[k], &in->table->column[plan->key[k]->field]);
			continue;
		}
		for (int i = 0; i < n; i++)
			b[i] = &f[i]->column[k];
		vector_builder_end(b, n, piece, n_pieces, in, &t->column[k]);
	}
	free(b), free(piece), free(row);
	return t;
}

/* ---- the first rows in an order */

struct vector_kept {
	const struct vector_plan *plan;
	struct vector_value *value;     /* a row: what is ordered by, then what is given */
	struct vector_place *place;
	size_t n, cap;
	int width;
	struct arena *texts;
	int full;                       /* the first `limit` rows are there, in order: worst is the last */
};

struct vector_kept *
vector_kept_new(const struct vector_plan *plan)
{
	struct vector_kept *kept = mem_new(sizeof(*kept));

	kept->plan = plan;
	kept->width = plan->n_keys + plan->n_order;
	kept->texts = arena_new(0);
	return kept;
}

void
vector_kept_free(struct vector_kept *kept)
{
	if (!kept)
		return;
	free(kept->value), free(kept->place);
	arena_free(kept->texts);
	free(kept);
}

size_t
vector_kept_held(const struct vector_kept *kept)
{
	return kept->cap * ((size_t)kept->width * sizeof(*kept->value) + sizeof(*kept->place)) + arena_used(kept->texts);
}

static int
is_ordered(const struct vector_plan *plan)
{
	return plan->n_order > 0 && plan->limit >= 0;
}

static int
order_cells(const struct vector_order *o, const struct cell *a, const struct cell *b)
{
	int order = vector_compare(a, b);

	if (a->type == CELL_NULL || b->type == CELL_NULL)
		return o->nulls_last ? -order : order;
	return o->descending ? -order : order;
}

struct line { const struct vector_plan *plan; const struct vector_value *value; const struct vector_place *place; };

static int
by_order(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = 0;

	for (int i = 0; i < x->plan->n_order && !order && is_ordered(x->plan); i++) {
		struct cell p = vector_value_cell(&x->value[i]), q = vector_value_cell(&y->value[i]);

		order = order_cells(&x->plan->order[i], &p, &q);
	}
	return order ? order : vector_place_order(x->place, y->place);
}

static struct line *
sorted(struct vector_kept *const *kept, int n, size_t *rows)
{
	struct line *line;

	*rows = 0;
	for (int i = 0; i < n; i++)
		*rows += kept[i]->n;
	line = mem_grow(NULL, *rows + 1, sizeof(*line));
	*rows = 0;
	for (int i = 0; i < n; i++)
		for (size_t k = 0; k < kept[i]->n; k++)
			line[(*rows)++] = (struct line){ kept[i]->plan, kept[i]->value + k * (size_t)kept[i]->width, &kept[i]->place[k] };
	if (*rows)
		qsort(line, *rows, sizeof(*line), by_order);
	return line;
}

static void
room(struct vector_kept *kept)
{
	if (kept->n < kept->cap)
		return;
	kept->cap = kept->cap ? 2 * kept->cap : 256;
	kept->value = mem_grow(kept->value, kept->cap, (size_t)kept->width * sizeof(*kept->value));
	kept->place = mem_grow(kept->place, kept->cap, sizeof(*kept->place));
}

/* Back to the first `limit` rows, without the texts of the others. */
static void
cut_back(struct vector_kept *kept)
{
	struct vector_kept old = *kept;
	size_t n, width = (size_t)kept->width;
	struct line *line = sorted(&kept, 1, &n);

	kept->value = NULL, kept->place = NULL;
	kept->n = kept->cap = 0;
	kept->texts = arena_new(0);
	for (size_t i = 0; i < n && i < (size_t)kept->plan->limit; i++) {
		struct vector_value *to;

		room(kept);
		to = kept->value + kept->n * width;
		memcpy(to, line[i].value, width * sizeof(*to));
		for (size_t k = 0; k < width; k++)
			if (to[k].type == CELL_TEXT)
				to[k].text = arena_dup(kept->texts, to[k].text, to[k].n);
		kept->place[kept->n++] = *line[i].place;
	}
	kept->full = kept->n == (size_t)kept->plan->limit;
	free(line);
	free(old.value), free(old.place);
	arena_free(old.texts);
}

static void
put(struct vector_kept *kept, struct vector_value *to, const struct cell *c)
{
	*to = (struct vector_value){ .type = c->type };
	switch (c->type) {
	case CELL_INTEGER:
		to->integer = c->integer;
		break;
	case CELL_REAL:
		to->real = c->real;
		break;
	case CELL_TEXT:
		to->n = (uint32_t)c->text.n;
		to->text = arena_dup(kept->texts, c->text.p, c->text.n);
		break;
	default:
		break;
	}
}

/* Instants are ordered as numbers. */
static struct cell
order_cell(struct vector_worker *w, const struct column *c, size_t i)
{
	if (c->form == COLUMN_INTEGER && c->instant && vector_valid(c->valid, i))
		return cell_integer(c->integer[i]);
	return vector_cell(w, c, i);
}

/* Is the number of row i behind the last one held? Told by doubles, so that of different ones that are the same double none is. */
static inline int
is_behind(const struct column *c, size_t i, double last, int descending)
{
	double v = c->form == COLUMN_REAL ? c->real[i] : (double)c->integer[i];

	return vector_valid(c->valid, i) && (descending ? v < last : v > last);
}

/* The rows that come before the last one held. Nearly all are told from it by one number. */
static struct vector_rows
better(struct vector_kept *kept, struct vector_worker *w, const struct column *order, struct vector_rows rows)
{
	const struct vector_plan *plan = kept->plan;
	const struct vector_value *worst = kept->value + ((size_t)plan->limit - 1) * (size_t)kept->width;
	const int numbers = (order->form == COLUMN_REAL || order->form == COLUMN_INTEGER) && (worst->type == CELL_INTEGER || worst->type == CELL_REAL);
	const double number = worst->type == CELL_INTEGER ? (double)worst->integer : worst->real;
	uint32_t *row = vector_array(w, 4);
	size_t n = 0;

	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		int by = 0;

		if (numbers && is_behind(order, i, number, plan->order[0].descending))
			continue;
		for (int o = 0; o < plan->n_order && !by; o++) {
			struct cell mine = order_cell(w, &order[o], i), last = vector_value_cell(&worst[o]);

			by = order_cells(&plan->order[o], &mine, &last);
		}
		if (by <= 0)
			row[n++] = (uint32_t)i;
	}
	return (struct vector_rows){ row, n };
}

/* All but the first `from` of them. */
static struct vector_rows
behind(struct vector_worker *w, struct vector_rows rows, size_t from)
{
	uint32_t *row = vector_array(w, 4);

	for (size_t k = from; k < rows.n; k++)
		row[k - from] = (uint32_t)vector_row(rows, k);
	return (struct vector_rows){ row, rows.n - from };
}

int
vector_kept_can_skip(const struct vector_kept *kept, const struct vector_worker *w)
{
	const struct vector_plan *plan = kept->plan;
	const struct vector_expr *first;
	const struct vector_value *worst;

	if (plan->limit < 0)
		return 0;
	if (plan->limit == 0 || (plan->n_order == 0 && kept->n >= (size_t)plan->limit) || (plan->skip && vector_nth_beside(plan, w)))
		return 1;
	if (!kept->full || !is_ordered(plan))
		return 0;
	first = plan->order[0].expr;
	worst = kept->value + ((size_t)plan->limit - 1) * (size_t)kept->width;
	if (first->op != VECTOR_FIELD || plan->field[first->field].of != FIELD_TIME || worst->type != CELL_INTEGER)
		return 0;
	return plan->order[0].descending ? w->max_time < worst->integer : w->min_time > worst->integer;
}

int
vector_kept_add(struct vector_kept *kept, struct vector_worker *w, struct vector_rows rows, struct err *err)
{
	const struct vector_plan *plan = kept->plan;
	struct column *column = arena_get(w->arena, ((size_t)kept->width + 1) * sizeof(*column));
	struct vector_place place = w->place;
	int ordered = is_ordered(plan), first;

	if (rows.n == 0)
		return 0;
	if (plan->n_order == 0 && plan->limit >= 0 && rows.n > (size_t)plan->limit - kept->n)
		rows.n = (size_t)plan->limit - kept->n;
	for (int o = 0; o < plan->n_order; o++)
		if (vector_eval(w, plan->order[o].expr, rows, &column[o], err) < 0)
			return err->code;
	if (plan->skip && (rows = vector_nth_within(plan, w, column, rows)).n == 0)
		return 0;
	if (ordered && kept->full)
		rows = better(kept, w, column, rows);
	for (int k = 0; k < plan->n_keys; k++)
		if (vector_eval(w, plan->key[k], rows, &column[plan->n_order + k], err) < 0)
			return err->code;
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		struct vector_value *to;

		room(kept);
		to = kept->value + kept->n * (size_t)kept->width;
		for (int c = 0; c < kept->width; c++) {
			struct cell cell = c < plan->n_order ? order_cell(w, &column[c], i) : vector_cell(w, &column[c], i);

			put(kept, &to[c], &cell);
		}
		place.row = i;
		kept->place[kept->n++] = place;
		if (!ordered || kept->n < 2 * (size_t)plan->limit + SLACK)
			continue;
		first = !kept->full;
		cut_back(kept);
		if (first && kept->full)        /* of the first batch, too, most rows come behind */
			rows = better(kept, w, column, behind(w, rows, k + 1)), k = SIZE_MAX;
	}
	return 0;
}

struct vector_table *
vector_kept_end(struct vector_kept **kept, int n, const struct vector_plan *plan)
{
	size_t rows, skip;
	struct line *line = sorted(kept, n, &rows);
	const struct vector_input none = { 0 };
	struct vector_table *t;

	if (plan->limit >= 0 && rows > (size_t)plan->limit)
		rows = (size_t)plan->limit;
	skip = rows < (size_t)plan->skip ? rows : (size_t)plan->skip;
	rows -= skip;
	t = vector_table_new(rows, plan->n_keys);
	for (int k = 0; k < plan->n_keys; k++) {
		const struct vector_piece_of all = { 0, 0, rows };
		struct vector_builder b;

		vector_builder_init(&b);
		for (size_t i = 0; i < rows; i++) {
			struct cell c = vector_value_cell(&line[skip + i].value[plan->n_order + k]);

			vector_builder_put(&b, &c);
		}
		vector_builder_end(&(struct vector_builder *){ &b }, 1, &all, 1, &none, &t->column[k]);
	}
	free(line);
	return t;
}
