/* vector_rows.c - plans without groups: rows as they pass the filter, or the first of them in an order.
 *
 * A worker gets its batches in the order of the store, so without an order it has seen enough when it holds `limit` rows. With one,
 * it cuts what it holds back to `limit` rows each time it has twice as many; from then on a row that comes behind the last of
 * those costs its order and nothing else, and a batch whose time says so is not looked at.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "query/query_priv.h"
#include "query/vector_priv.h"

#define SLACK 1024              /* rows held beyond twice the limit */

struct place { uint64_t chunk; int64_t time; uint32_t row; };   /* of a row in the store: among equals the first comes first */

struct vector_kept {
	const struct vector_plan *plan;
	struct vector_value *value;     /* a row: what is ordered by, then what is given */
	struct place *place;
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

static int
order_places(const struct place *a, const struct place *b)
{
	if (a->chunk != b->chunk)
		return a->chunk < b->chunk ? -1 : 1;
	return a->time != b->time ? (a->time < b->time ? -1 : 1) : (a->row > b->row) - (a->row < b->row);
}

struct line { const struct vector_plan *plan; const struct vector_value *value; const struct place *place; };

static int
by_order(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = 0;

	for (int i = 0; i < x->plan->n_order && !order && is_ordered(x->plan); i++) {
		struct cell p = vector_value_cell(&x->value[i]), q = vector_value_cell(&y->value[i]);

		order = order_cells(&x->plan->order[i], &p, &q);
	}
	return order ? order : order_places(x->place, y->place);
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

/* The rows that come before the last one held. */
static struct vector_rows
better(struct vector_kept *kept, struct vector_worker *w, const struct column *order, struct vector_rows rows)
{
	const struct vector_plan *plan = kept->plan;
	const struct vector_value *worst = kept->value + ((size_t)plan->limit - 1) * (size_t)kept->width;
	uint32_t *row = vector_array(w, 4);
	size_t n = 0;

	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		int by = 0;

		for (int o = 0; o < plan->n_order && !by; o++) {
			struct cell mine = order_cell(w, &order[o], i), last = vector_value_cell(&worst[o]);

			by = order_cells(&plan->order[o], &mine, &last);
		}
		if (by <= 0)
			row[n++] = (uint32_t)i;
	}
	return (struct vector_rows){ row, n };
}

int
vector_kept_can_skip(const struct vector_kept *kept, const struct store_batch *batch)
{
	const struct vector_plan *plan = kept->plan;
	const struct vector_expr *first;
	const struct vector_value *worst;

	if (plan->limit < 0)
		return 0;
	if (plan->limit == 0 || (plan->n_order == 0 && kept->n >= (size_t)plan->limit))
		return 1;
	if (!kept->full || !is_ordered(plan))
		return 0;
	first = plan->order[0].expr;
	worst = kept->value + ((size_t)plan->limit - 1) * (size_t)kept->width;
	if (first->op != VECTOR_FIELD || plan->field[first->field].of != FIELD_TIME || worst->type != CELL_INTEGER)
		return 0;
	return plan->order[0].descending ? batch->max_time < worst->integer : batch->min_time > worst->integer;
}

int
vector_kept_add(struct vector_kept *kept, struct vector_worker *w, struct vector_rows rows, struct err *err)
{
	const struct vector_plan *plan = kept->plan;
	struct column *column = arena_get(w->arena, ((size_t)kept->width + 1) * sizeof(*column));
	struct place place = { w->batch->id ? w->batch->id : UINT64_MAX, w->batch->min_time, 0 };
	int ordered = is_ordered(plan);

	if (rows.n == 0)
		return 0;
	if (plan->n_order == 0 && plan->limit >= 0 && rows.n > (size_t)plan->limit - kept->n)
		rows.n = (size_t)plan->limit - kept->n;
	for (int o = 0; o < plan->n_order; o++)
		if (vector_eval(w, plan->order[o].expr, rows, &column[o], err) < 0)
			return err->code;
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
		place.row = (uint32_t)i;
		kept->place[kept->n++] = place;
		if (ordered && kept->n >= 2 * (size_t)plan->limit + SLACK)
			cut_back(kept);
	}
	return 0;
}

int64_t
vector_kept_n(const struct vector_kept *kept)
{
	return (int64_t)kept->n;
}

int
vector_kept_end(struct vector_kept **kept, int n, const struct vector_plan *plan, struct vector_result *to, struct err *err)
{
	size_t rows;
	struct line *line = sorted(kept, n, &rows);

	(void)err;
	if (plan->limit >= 0 && rows > (size_t)plan->limit)
		rows = (size_t)plan->limit;
	for (size_t i = 0; i < rows; i++)
		for (int k = 0; k < plan->n_keys; k++) {
			struct cell c = vector_value_cell(&line[i].value[plan->n_order + k]);

			vector_result_put(to, &c);
		}
	free(line);
	return 0;
}
