/* vector_group.c - keys become group numbers; what is kept for each is vector_state.c's.
 *
 * Each worker has its own groups; at the end they are merged, and come out in the order of their keys.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "query/query_priv.h"
#include "query/vector_priv.h"

#define COUNTED 4096            /* codes whose rows are counted in the cache */
#define COMBINATIONS 262144     /* of codes, that are looked up by an array of 1 MiB */

struct vector_groups {
	const struct vector_plan *plan;
	struct vector_ids *key;
	struct vector_pairs *pair;      /* [n_keys]: pair[k] joins the number of keys before k with key k; [0] is not used */
	struct vector_states *states;
	int only_names;                 /* COUNT(*) by event and nothing else: a header's counts will do */
	int only_counts;                /* COUNT(*) and nothing else: the rows of each code will do */
	struct vector_part part;
};

static int
is_field(const struct vector_plan *plan, const struct vector_expr *e, enum store_field_of of)
{
	return e->op == VECTOR_FIELD && plan->field[e->field].of == of;
}

struct vector_groups *
vector_groups_new(const struct vector_plan *plan)
{
	struct vector_groups *g = mem_new(sizeof(*g));

	g->plan = plan;
	g->key = mem_new(((size_t)plan->n_keys + 1) * sizeof(*g->key));
	g->pair = mem_new(((size_t)plan->n_keys + 1) * sizeof(*g->pair));
	g->states = vector_states_new(plan);
	g->only_counts = plan->n_aggregates > 0;
	g->only_names = !plan->source && plan->n_keys == 1 && is_field(plan, plan->key[0], FIELD_EVENT) && !plan->where;
	for (int k = 0; k < plan->n_keys; k++)
		vector_ids_init(&g->key[k], 1);
	for (int i = 0; i < plan->n_aggregates; i++) {
		const struct vector_aggregate *a = &plan->aggregate[i];

		g->only_names &= a->of == AGGREGATE_ROWS && !a->filter;
		g->only_counts &= a->of == AGGREGATE_ROWS && !a->filter;
	}
	return g;
}

void
vector_groups_part(struct vector_groups *g, struct vector_part part)
{
	g->part = part;
	g->only_names = 0;
	vector_states_part(g->states, &part);
}

void
vector_groups_free(struct vector_groups *g)
{
	if (!g)
		return;
	for (int k = 0; k < g->plan->n_keys; k++) {
		vector_ids_release(&g->key[k]);
		vector_pairs_release(&g->pair[k]);
	}
	vector_states_free(g->states);
	free(g->key), free(g->pair);
	free(g);
}

size_t
vector_groups_held(const struct vector_groups *g)
{
	size_t held = vector_states_held(g->states);

	for (int k = 0; k < g->plan->n_keys; k++)
		held += vector_ids_held(&g->key[k]) + vector_pairs_held(&g->pair[k]);
	return held;
}

size_t
vector_groups_ahead(struct vector_groups *g)
{
	size_t ahead = vector_states_ahead(g->states);

	for (int k = 0; k < g->plan->n_keys; k++)
		ahead += vector_ids_ahead(&g->key[k]);
	return ahead;
}

/* How many numbers the first `keys` keys have together. */
static uint32_t
n_numbers(const struct vector_groups *g, int keys)
{
	return keys == 0 ? 1 : keys == 1 ? g->key[0].n : g->pair[keys - 1].n;
}

static uint32_t
n_groups(const struct vector_groups *g)
{
	return n_numbers(g, g->plan->n_keys);
}

/* Whole chunks have their names counted in their headers. */
static void
add_names(struct vector_groups *g, struct vector_worker *w, const struct store_batch *batch)
{
	uint32_t *group = arena_get(w->arena, (batch->n_names + 1) * sizeof(*group));
	int64_t *rows = arena_get(w->arena, (batch->n_names + 1) * sizeof(*rows));

	for (size_t i = 0; i < batch->n_names; i++) {
		struct cell name = cell_text(batch->names[i].name);

		group[i] = vector_ids_put(&g->key[0], &name);
		rows[i] = batch->names[i].count;
	}
	vector_states_count(g->states, group, rows, batch->n_names, n_groups(g));
}

/* COUNT(*) by one key of few codes: rows of each code are counted first, in four arrays as an addition waits for the last to the same one. */
static void
count_codes(struct vector_groups *g, struct vector_worker *w, const struct column *key, struct vector_rows rows)
{
	const uint32_t *code = key->code;
	uint32_t n = key->n_values, *many = memset(arena_get(w->arena, 4 * n * sizeof(*many)), 0, 4 * n * sizeof(*many));
	uint32_t *group = arena_get(w->arena, (n + 1) * sizeof(*group));
	int64_t *count = arena_get(w->arena, (n + 1) * sizeof(*count));
	size_t k = 0, there = 0;

	for (; k + 4 <= rows.n; k += 4) {
		many[code[vector_row(rows, k)]]++;
		many[n + code[vector_row(rows, k + 1)]]++;
		many[2 * n + code[vector_row(rows, k + 2)]]++;
		many[3 * n + code[vector_row(rows, k + 3)]]++;
	}
	for (; k < rows.n; k++)
		many[code[vector_row(rows, k)]]++;
	for (uint32_t v = 0; v < n; v++) {
		count[there] = (int64_t)many[v] + many[n + v] + many[2 * n + v] + many[3 * n + v];
		if (count[there])
			group[there++] = vector_ids_put(&g->key[0], &key->value[v]);
	}
	vector_states_count(g->states, group, count, there, n_groups(g));
}

/* The group of each row. */
static uint32_t *
map_keys(struct vector_groups *g, struct vector_worker *w, const struct column *key, struct vector_rows rows)
{
	uint32_t *group = NULL;

	for (int k = 0; k < g->plan->n_keys; k++) {
		uint32_t *id = vector_array(w, 4);

		vector_ids_map(&g->key[k], w, &key[k], rows, id);
		if (k)
			vector_pairs_map(&g->pair[k], group, n_numbers(g, k), id, g->key[k].n, rows, id);
		group = id;
	}
	return group;
}

/* The same where the keys' codes in this batch have few combinations: the first row of each is looked up in the large tables, the
 * others by an array that stays in the cache. NULL: they have too many. */
static uint32_t *
map_combined(struct vector_groups *g, struct vector_worker *w, const struct column *key, struct vector_rows rows)
{
	int n_keys = g->plan->n_keys;
	uint32_t *number, *first, *group, *own, n = 0;
	const uint32_t *at = NULL;      /* the combination of each row */
	size_t all = 1;

	for (int k = 0; k < n_keys; k++) {
		if ((key[k].form != COLUMN_CODES && key[k].form != COLUMN_NULL) || (key[k].form == COLUMN_CODES && key[k].n_values > VECTOR_ROWS))
			return NULL;
		all *= key[k].form == COLUMN_CODES ? key[k].n_values : 1;
		if (all > COMBINATIONS || all > 4 * rows.n)
			return NULL;
	}
	number = arena_get(w->arena, all * sizeof(*number));    /* + 1; 0 none yet */
	memset(number, 0, all * sizeof(*number));
	first = vector_array(w, 4);
	own = vector_array(w, 4);
	for (int c = 0; c < n_keys; c++) {
		if (key[c].form != COLUMN_CODES || key[c].n_values == 1)
			continue;
		if (!at) {
			at = key[c].code;
			continue;
		}
		for (size_t k = 0; k < rows.n; k++) {
			size_t i = vector_row(rows, k);

			own[i] = at[i] * key[c].n_values + key[c].code[i];
		}
		at = own;
	}
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		uint32_t *to = &number[at ? at[i] : 0];

		if (!*to) {
			first[n] = (uint32_t)i;
			*to = ++n;
		}
	}
	group = map_keys(g, w, key, (struct vector_rows){ first, n });
	if (!g->plan->n_aggregates)
		return group;           /* nobody asks for those of the others */
	for (uint32_t f = 0; f < n; f++)
		number[at ? at[first[f]] : 0] = group[first[f]];
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		own[i] = number[at ? at[i] : 0];
	}
	return own;
}

int
vector_groups_add(struct vector_groups *g, struct vector_worker *w, struct vector_rows rows, struct err *err)
{
	const struct vector_plan *plan = g->plan;
	struct column *key = arena_get(w->arena, ((size_t)plan->n_keys + 1) * sizeof(*key));
	uint32_t *group = NULL;

	if (g->only_names && w->batch && w->batch->names) {
		add_names(g, w, w->batch);
		return 0;
	}
	if (rows.n == 0)
		return 0;
	/* all that can fail comes before anything is changed */
	for (int k = 0; k < plan->n_keys; k++)
		if (vector_eval(w, plan->key[k], rows, &key[k], err) < 0)
			return err->code;
	if (g->part.n > 1 && g->part.of == PART_KEYS && (rows = vector_ids_part(w, &g->part, key, plan->n_keys, rows)).n == 0)
		return 0;
	if (vector_states_read(g->states, w, rows, err) < 0)
		return err->code;
	if (g->only_counts && plan->n_keys == 1 && key[0].form == COLUMN_CODES && !key[0].unique && !key[0].instant && key[0].n_values <= COUNTED) {
		count_codes(g, w, &key[0], rows);
		return 0;
	}
	if (plan->n_keys > 1 && (group = map_combined(g, w, key, rows)) == NULL)
		group = map_keys(g, w, key, rows);
	else if (plan->n_keys == 1)
		group = map_keys(g, w, key, rows);
	return vector_states_add(g->states, w, group, n_groups(g), err);
}

/* ---- merging */

/* What the pairs of key k are here. group: what the numbers of the level before are, id: those of the key; both are freed. */
static uint32_t *
merge_pairs(struct vector_groups *g, const struct vector_groups *from, int k, uint32_t *group, uint32_t *id)
{
	const struct vector_pairs *p = &from->pair[k];
	struct vector_rows all = { NULL, p->n };
	uint32_t *left = mem_grow(NULL, (size_t)p->n + 1, sizeof(*left)), *right = mem_grow(NULL, (size_t)p->n + 1, sizeof(*right));

	for (uint32_t i = 0; i < p->n; i++) {
		left[i] = group[p->pair[i].left];
		right[i] = id[p->pair[i].right];
	}
	free(id);
	group = mem_grow(group, (size_t)p->n + 1, sizeof(*group));
	vector_pairs_map(&g->pair[k], left, n_numbers(g, k), right, g->key[k].n, all, group);
	free(left), free(right);
	return group;
}

int
vector_groups_merge(struct vector_groups *g, struct vector_groups *from, size_t room, struct err *err)
{
	uint32_t *group = NULL, n = n_groups(from);
	int over = 0;

	for (int k = 0; k < g->plan->n_keys; k++) {
		uint32_t *id;

		g->key[k].room = room;
		id = vector_ids_merge(&g->key[k], &from->key[k]);
		over |= g->key[k].over;
		if (k == 0) {
			group = id;
			continue;
		}
		group = merge_pairs(g, from, k, group, id);
	}
	over = over || vector_states_merge(g->states, from->states, group, n, n_groups(g), room) < 0;
	free(group);
	return over ? err_set(err, ERR_LIMIT, VECTOR_TOO_MANY) : 0;
}

/* ---- the end */

/* The key numbers of a group. */
static void
unfold(const struct vector_groups *g, uint32_t group, uint32_t *id)
{
	int n = g->plan->n_keys;

	for (int k = n - 1; k > 0; k--) {
		id[k] = g->pair[k].pair[group].right;
		group = g->pair[k].pair[group].left;
	}
	if (n)
		id[0] = group;
}

/* Groups in the order of their keys: each key's values get their rank, then groups are put in order by one key after the other, the
 * last first, by counting. */

static uint32_t *
ranks(struct vector_ids *ids)
{
	if (!ids->cell)
		return mem_new(sizeof(uint32_t));
	if (!ids->adopted)
		ids->cell[0] = cell_null();
	return vector_ranks(ids->cell, ids->n);
}

/* Stable: the groups of `from` to `to`, by the rank of one key of each. */
static void
sort_by(const uint32_t *rank, uint32_t n_ranks, const uint32_t *id, uint32_t n, const uint32_t *from, uint32_t *to)
{
	uint32_t *place = mem_new(((size_t)n_ranks + 1) * sizeof(*place));

	for (uint32_t i = 0; i < n; i++)
		place[rank[id[from[i]]] + 1]++;
	for (uint32_t r = 0; r < n_ranks; r++)
		place[r + 1] += place[r];
	for (uint32_t i = 0; i < n; i++)
		to[place[rank[id[from[i]]]]++] = from[i];
	free(place);
}

/* *id gets the number of each key for each group, key by key. */
static uint32_t *
sort_groups(struct vector_groups *g, uint32_t *n, uint32_t **id)
{
	int n_keys = g->plan->n_keys;
	uint32_t all = n_groups(g), *one = mem_grow(NULL, n_keys ? (size_t)n_keys : 1, sizeof(*one));
	uint32_t *order = mem_grow(NULL, (size_t)all + 1, sizeof(*order)), *next = mem_grow(NULL, (size_t)all + 1, sizeof(*next));

	*n = 0;
	*id = mem_grow(NULL, (size_t)all * (size_t)n_keys + 1, sizeof(**id));
	for (uint32_t i = 0; i < all; i++) {
		unfold(g, i, one);
		for (int k = 0; k < n_keys; k++)
			(*id)[(size_t)k * all + i] = one[k];
		if (n_keys != 1 || vector_ids_has(&g->key[0], i))
			order[(*n)++] = i;
	}
	for (int k = g->plan->unordered ? 0 : n_keys; k-- > 0; ) {
		uint32_t *rank = ranks(&g->key[k]), *was = order;

		sort_by(rank, g->key[k].n, *id + (size_t)k * all, *n, order, next);
		order = next;
		next = was;
		free(rank);
	}
	free(one), free(next);
	return order;
}

/* A key of the groups in this order as a column. */
static void
key_column(struct vector_groups *g, int key, const uint32_t *id, const uint32_t *order, uint32_t n, const struct vector_input *in, struct vector_held *to)
{
	struct vector_ids *ids = &g->key[key];
	enum cell_type type = ids->n > 1 && ids->cell ? ids->cell[1].type : CELL_NULL;
	uint64_t *valid;
	int64_t *number;
	uint32_t *code;
	int gaps = 0;

	for (uint32_t i = 1; ids->n > 1 && i < ids->n; i++)
		type = ids->cell[i].type == type ? type : CELL_TEXT;
	if (type == CELL_NULL)
		return;
	if (type == CELL_TEXT) {
		code = mem_grow(NULL, (size_t)n + 1, sizeof(*code));
		for (uint32_t i = 0; i < n; i++)
			code[i] = id[order[i]];
		vector_table_take(to, ids, in);
		to->column.code = code;
		to->rows = vector_memory_new(code, ((size_t)n + 1) * sizeof(*code), NULL);
		return;
	}
	number = mem_grow(NULL, (size_t)n + 1, sizeof(*number));
	valid = mem_new(((size_t)n / 64 + 1) * sizeof(*valid));
	for (uint32_t i = 0; i < n; i++) {
		const struct cell *v = &ids->cell[id[order[i]]];

		number[i] = 0;
		gaps |= !id[order[i]];
		if (!id[order[i]])
			continue;
		valid[i / 64] |= 1ULL << (i % 64);
		if (type == CELL_INTEGER)
			number[i] = v->integer;
		else
			memcpy(&number[i], &v->real, sizeof(*number));
	}
	to->column = (struct column){ .form = type == CELL_INTEGER ? COLUMN_INTEGER : COLUMN_REAL, .instant = type == CELL_INTEGER && ids->instant,
		.valid = gaps ? valid : NULL, .integer = number, .real = (const double *)(const void *)number };
	to->rows = vector_memory_new(number, ((size_t)n + 1) * sizeof(*number), NULL);
	to->valid = vector_memory_new(valid, ((size_t)n / 64 + 1) * sizeof(*valid), NULL);
}

struct vector_table *
vector_groups_end(struct vector_groups *g, struct vector_worker *w, int threads, struct err *err)
{
	int n_keys = g->plan->n_keys;
	uint32_t n, all = n_groups(g), *id, *order = sort_groups(g, &n, &id);
	struct vector_table *t = vector_table_new(n, n_keys + g->plan->n_aggregates);

	vector_states_end(g->states, w, threads, all, order, n, &t->column[n_keys], err);
	for (int k = 0; k < n_keys && !err->code; k++)
		key_column(g, k, id + (size_t)k * all, order, n, w->input, &t->column[k]);
	free(order), free(id);
	if (err->code) {
		vector_table_free(t);
		t = NULL;
	}
	return t;
}