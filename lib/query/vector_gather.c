/* vector_gather.c - all values of each group, in the order of the rows: STRING_AGG, ARRAY_AGG.
 *
 * A worker puts values and the numbers of their groups one behind the other, a piece for each batch. At the end the pieces of all
 * workers come in the order of their rows, and the rows of a group together (by counting, which keeps that order). Of batches whose
 * times overlap each row's own time and number are kept as well, and their pieces merged by these. Costs 8 bytes a row, or 24, and a value's
 * text once.
 */
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "query/functions_priv.h"
#include "query/vector_priv.h"

#define MANY      65536         /* values of a text whose length is guessed before */
#define SEEN_MOST 4096          /* slots that are cleared for each group */

struct piece {                          /* rows of one batch */
	struct vector_place place;
	int worker;
	size_t from, n;
	int64_t *time, *number;         /* of each row, where batches overlap; else NULL */
};
enum { VALUE, KEY, COLUMNS };

struct vector_gather {
	const struct vector_aggregate *of;
	struct vector_builder column[COLUMNS];
	int has[COLUMNS];
	uint32_t *group;
	size_t n, cap;
	struct piece *piece;
	size_t n_pieces, pieces_cap, bytes;     /* bytes: about what texts and lists of all this will take */
	struct vector_gather *next;     /* of another worker, merged into this one */

	struct vector_held held[COLUMNS];       /* once it has ended: rows of group g are row[first[g] … first[g + 1] - 1] */
	uint32_t *row, *first, n_groups;
	size_t all_bytes;
	uint64_t *order;                /* of KEY: numbers that are in the order of its values */
	struct map seen;                /* for DISTINCT */
	struct line { uint64_t key; uint32_t at, row; } *line;          /* of a group that is put in order */
	size_t lines_cap;
};

struct vector_gather *
vector_gather_new(const struct vector_aggregate *of)
{
	struct vector_gather *g = mem_new(sizeof(*g));

	g->of = of;
	g->has[VALUE] = 1, g->has[KEY] = of->by != NULL;
	for (int i = 0; i < COLUMNS; i++)
		vector_builder_init(&g->column[i]);
	return g;
}

void
vector_gather_free(struct vector_gather *g)
{
	struct vector_gather *next;

	for (; g; g = next) {
		next = g->next;
		for (int i = 0; i < COLUMNS; i++) {
			vector_builder_release(&g->column[i]);
			vector_memory_free(g->held[i].rows), vector_memory_free(g->held[i].valid), vector_memory_free(g->held[i].values);
		}
		for (size_t i = 0; i < g->n_pieces; i++)
			free(g->piece[i].time), free(g->piece[i].number);
		free(g->group), free(g->piece), free(g->row), free(g->first), free(g->order), free(g->line);
		map_release(&g->seen);
		free(g);
	}
}

size_t
vector_gather_held(const struct vector_gather *g)
{
	size_t held = 0;

	for (; g; g = g->next) {        /* columns of all workers are made of those of each, and texts of these */
		held += g->bytes + g->n * (2 * sizeof(*g->group) + (g->n_pieces && g->piece->time ? 2 * sizeof(int64_t) : 0));
		held += g->cap * sizeof(*g->group) + g->pieces_cap * sizeof(*g->piece);
		for (int i = 0; i < COLUMNS; i++)
			held += vector_builder_held(&g->column[i]);
	}
	return held;
}

/* Those that have a value: no text is made of NULL. */
static struct vector_rows
with_values(struct vector_worker *w, const struct column *c, struct vector_rows rows)
{
	uint32_t *row;
	size_t n = 0;

	if (c->form == COLUMN_NULL)
		return (struct vector_rows){ NULL, 0 };
	if (c->form != COLUMN_CODES && !c->valid)
		return rows;
	row = vector_array(w, 4);
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		if (c->form == COLUMN_CODES ? c->value[c->code[i]].type != CELL_NULL : vector_valid(c->valid, i))
			row[n++] = (uint32_t)i;
	}
	return (struct vector_rows){ row, n };
}

static size_t
bytes_of(const struct column *c, struct vector_rows rows)
{
	size_t bytes = rows.n;

	if (c->form != COLUMN_CODES)
		return 8 * rows.n;
	for (size_t k = 0; k < rows.n; k++) {
		const struct cell *v = &c->value[c->code[vector_row(rows, k)]];

		bytes += v->type == CELL_TEXT ? v->text.n : 8;
	}
	return bytes;
}

void
vector_gather_add(struct vector_gather *g, struct vector_worker *w, const struct column *value, const struct column *key, struct vector_rows rows, const uint32_t *group)
{
	struct piece *piece;

	if (g->of->of == AGGREGATE_TEXT)
		rows = with_values(w, value, rows);
	if (!rows.n)
		return;
	vector_builder_add(&g->column[VALUE], w, value, rows);
	if (key)
		vector_builder_add(&g->column[KEY], w, key, rows);
	while (g->n + rows.n > g->cap)
		g->group = mem_grow(g->group, g->cap = g->cap ? 2 * g->cap : 1024, sizeof(*g->group));
	for (size_t k = 0; k < rows.n; k++)
		g->group[g->n + k] = group ? group[vector_row(rows, k)] : 0;
	if (g->n_pieces == g->pieces_cap)
		g->piece = mem_grow(g->piece, g->pieces_cap = g->pieces_cap ? 2 * g->pieces_cap : 64, sizeof(*g->piece));
	piece = &g->piece[g->n_pieces++];
	*piece = (struct piece){ w->times ? (struct vector_place){ 0, w->min_time, w->place.chunk } : w->place, 0, g->n, rows.n, NULL, NULL };
	if (w->times && w->plan->overlaps) {
		piece->time = mem_grow(NULL, rows.n, sizeof(*piece->time));
		piece->number = mem_grow(NULL, rows.n, sizeof(*piece->number));
		for (size_t k = 0; k < rows.n; k++) {
			piece->time[k] = w->times[vector_row(rows, k)];
			piece->number[k] = w->numbers[vector_row(rows, k)];
		}
	}
	g->bytes += bytes_of(value, rows);
	g->n += rows.n;
}

void
vector_gather_merge(struct vector_gather *g, struct vector_gather *from, const uint32_t *group)
{
	for (size_t i = 0; group && i < from->n; i++)
		from->group[i] = group[from->group[i]];
	from->next = g->next;
	g->next = from;
}

/* ---- the end */

static int
by_place(const void *a, const void *b)
{
	return vector_place_order(&((const struct piece *)a)->place, &((const struct piece *)b)->place);
}

/* The pieces of all workers in the order of their first rows, and the workers. */
static struct piece *
pieces(struct vector_gather *g, size_t *n, struct vector_gather **all)
{
	struct piece *piece = NULL;
	int workers = 0;

	*n = 0;
	for (; g; g = g->next) {
		piece = mem_grow(piece, *n + g->n_pieces + 1, sizeof(*piece));
		for (size_t i = 0; i < g->n_pieces; i++) {
			piece[*n] = g->piece[i];
			piece[(*n)++].worker = workers;
		}
		all[workers++] = g;
	}
	if (*n > 1)
		qsort(piece, *n, sizeof(*piece), by_place);
	return piece;
}

/* Pieces that overlap, merged by time and number: a heap of them, the one with the least row on top, of which all rows are taken that are
 * before the least of the others. Nearly all are, where events came about in order. */
struct merge { const struct piece *piece; size_t *at, *heap, n; };

static int
is_before(const struct merge *m, size_t p, size_t q)
{
	const struct piece *x = &m->piece[p], *y = &m->piece[q];
	int64_t a = x->time[m->at[p]], b = y->time[m->at[q]];

	return a != b ? a < b : x->number[m->at[p]] < y->number[m->at[q]];
}

static void
sift(struct merge *m, size_t i)
{
	size_t moving = m->heap[i];

	for (size_t child; (child = 2 * i + 1) < m->n; i = child) {
		if (child + 1 < m->n && is_before(m, m->heap[child + 1], m->heap[child]))
			child++;
		if (!is_before(m, m->heap[child], moving))
			break;
		m->heap[i] = m->heap[child];
	}
	m->heap[i] = moving;
}

static void
merge_rows(const struct piece *piece, size_t n, const size_t *first, uint32_t *row)
{
	struct merge m = { piece, mem_new((n + 1) * sizeof(size_t)), mem_grow(NULL, n + 1, sizeof(size_t)), n };

	for (size_t i = 0; i < n; i++)
		m.heap[i] = i;          /* by their first rows, nearly */
	for (size_t i = n / 2; i--; )
		sift(&m, i);
	while (m.n) {
		size_t p = m.heap[0], other = m.n > 1 ? m.heap[1] : p;

		if (m.n > 2 && is_before(&m, m.heap[2], other))
			other = m.heap[2];
		do
			*row++ = (uint32_t)(first[p] + m.at[p]++);
		while (m.at[p] < piece[p].n && (other == p || is_before(&m, p, other)));
		if (m.at[p] == piece[p].n)
			m.heap[0] = m.heap[--m.n];
		if (m.n)
			sift(&m, 0);
	}
	free(m.at), free(m.heap);
}

/* All rows in their order; first[p]: where those of piece p begin in the columns. */
static uint32_t *
rows_in_order(const struct piece *piece, size_t n, size_t rows, size_t *first)
{
	uint32_t *row = mem_grow(NULL, rows + 1, sizeof(*row));
	size_t at = 0;

	for (size_t p = 0; p < n; p++) {
		first[p] = at;
		at += piece[p].n;
	}
	if (n && piece->time)
		merge_rows(piece, n, first, row);
	else
		for (size_t i = 0; i < rows; i++)
			row[i] = (uint32_t)i;
	return row;
}

/* The rows of each group together. */
static void
sort_rows(struct vector_gather *g, struct vector_gather *const *all, const struct piece *piece, size_t n_pieces, size_t rows, uint32_t n_groups)
{
	uint32_t *next = mem_new(((size_t)n_groups + 1) * sizeof(*next)), *group = mem_grow(NULL, rows + 1, sizeof(*group));
	size_t *first = mem_grow(NULL, n_pieces + 1, sizeof(*first));
	uint32_t *row = rows_in_order(piece, n_pieces, rows, first);

	g->first = mem_new(((size_t)n_groups + 1) * sizeof(*g->first));
	g->row = mem_grow(NULL, rows + 1, sizeof(*g->row));
	for (size_t p = 0; p < n_pieces; p++)
		if (piece[p].n)
			memcpy(group + first[p], all[piece[p].worker]->group + piece[p].from, piece[p].n * sizeof(*group));
	for (size_t i = 0; i < rows; i++)
		g->first[group[i] + 1]++;
	for (uint32_t i = 0; i < n_groups; i++)
		g->first[i + 1] += g->first[i];
	memcpy(next, g->first, (size_t)n_groups * sizeof(*next));
	for (size_t i = 0; i < rows; i++)
		g->row[next[group[row[i]]]++] = row[i];
	free(next), free(group), free(first), free(row);
}

int
vector_gather_end(struct vector_gather *g, const struct vector_input *in, uint32_t n_groups, struct err *err)
{
	struct vector_gather **all;
	struct vector_builder **b;
	struct vector_piece_of *part;
	struct piece *piece;
	size_t n_pieces, rows = 0;
	int workers = 0, nulls;

	if (g->first)
		return 0;
	for (const struct vector_gather *w = g; w; w = w->next)
		workers++, rows += w->n, g->all_bytes += w->bytes;
	g->n_groups = n_groups;
	if (rows >= UINT32_MAX)
		return err_set(err, ERR_LIMIT, "too many values at once");
	all = mem_new((size_t)workers * sizeof(*all));
	b = mem_new((size_t)workers * sizeof(*b));
	piece = pieces(g, &n_pieces, all);
	part = mem_grow(NULL, n_pieces + 1, sizeof(*part));
	for (size_t i = 0; i < n_pieces; i++)
		part[i] = (struct vector_piece_of){ piece[i].worker, piece[i].from, piece[i].n };
	for (int i = 1; i < workers; i++)
		for (int c = 0; c < COLUMNS; c++)
			g->has[c] |= all[i]->has[c];
	for (int c = 0; c < COLUMNS; c++) {
		for (int i = 0; i < workers; i++)
			b[i] = &all[i]->column[c];
		if (g->has[c])
			vector_builder_end(b, workers, part, n_pieces, in, &g->held[c]);
	}
	sort_rows(g, all, piece, n_pieces, rows, n_groups);
	for (int i = 0; i < workers; i++) {     /* all is in `held` now */
		for (int c = 0; c < COLUMNS; c++)
			vector_builder_release(&all[i]->column[c]);
		free(all[i]->group);
		all[i]->group = NULL;
	}
	if (g->has[KEY])
		g->order = vector_table_order(&g->held[KEY].column, rows, &nulls);
	free(all), free(b), free(piece), free(part);
	return 0;
}

static int
by_line(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return x->key != y->key ? (x->key > y->key) - (x->key < y->key) : (x->at > y->at) - (x->at < y->at);
}

/* Those whose value did not come before. */
static size_t
each_once(struct vector_gather *g, size_t n)
{
	struct buf key = {0};
	char text[TIME_LEN];
	size_t kept = 0;

	if (g->seen.cap > SEEN_MOST)
		map_release(&g->seen);          /* to clear it would take longer */
	map_clear(&g->seen);
	for (size_t i = 0; i < n; i++) {
		struct cell v = vector_column_cell(&g->held[VALUE].column, g->line[i].row, text);
		int is_new;

		if (v.type == CELL_NULL && g->of->once == ONCE_TEXT)
			continue;
		buf_clear(&key);
		functions_put_once(&key, &v, g->of->once);
		map_put(&g->seen, buf_get(&key), &is_new);
		if (is_new)
			g->line[kept++] = g->line[i];
	}
	buf_release(&key);
	return kept;
}

/* The rows of a group as they are asked for: of equal values the first, by the key. Their number. */
static size_t
arrange(struct vector_gather *g, const uint32_t *row, size_t n)
{
	if (n > g->lines_cap)
		g->line = mem_grow(g->line, g->lines_cap = n > 2 * g->lines_cap ? n : 2 * g->lines_cap, sizeof(*g->line));
	for (size_t i = 0; i < n; i++)
		g->line[i] = (struct line){ 0, (uint32_t)i, row[i] };
	if (g->of->once)
		n = each_once(g, n);
	for (size_t i = 0; g->order && i < n; i++)
		g->line[i].key = g->of->descending ? ~g->order[g->line[i].row] : g->order[g->line[i].row];
	if (g->order && n > 1)
		qsort(g->line, n, sizeof(*g->line), by_line);
	return n;
}

void
vector_gather_put(struct buf *out, const struct vector_aggregate *of, const struct cell *value, int first)
{
	if (of->of == AGGREGATE_LIST) {
		buf_byte(out, first ? '[' : ',');
		cell_put_json(out, value);
		return;
	}
	if (!first)
		buf_str(out, of->separator);
	functions_put_text(out, value);
}

int
vector_gather_get(struct vector_gather *g, const struct vector_aggregate *of, uint32_t group, struct buf *out, struct err *err)
{
	const struct column *c = &g->held[VALUE].column;
	const uint32_t *row = g->row + g->first[group];
	size_t n = g->first[group + 1] - g->first[group];
	int list = of->of == AGGREGATE_LIST, arranged = g->order || g->of->once;
	char text[TIME_LEN];

	if (arranged)
		n = arrange(g, row, n);
	buf_clear(out);
	if (!n)
		return 0;
	if (n > MANY)           /* at once: what it grew from would stay behind */
		buf_room(out, (size_t)((double)g->all_bytes * (double)n / (double)g->first[g->n_groups]) + n * (list ? 3 : of->separator.n));
	for (size_t i = 0; i < n; i++) {
		size_t at = arranged ? g->line[i].row : row[i];
		struct cell v = c->form == COLUMN_CODES ? c->value[c->code[at]] : vector_column_cell(c, at, text);

		vector_gather_put(out, of, &v, i == 0);
		if (out->n > VECTOR_TEXT_MOST)
			return err_set(err, ERR_LIMIT, "a %s of more than 500 MiB", list ? "list" : "text");
	}
	if (list)
		buf_byte(out, ']');
	return 1;
}
