/* vector_join.c - rows of several tables that meet where their keys are equal, batch by batch.
 *
 *      open    the keys of each table but the first are numbered, and so are those of the earlier table they are compared with:
 *              equal values have one number. For each number the rows that have it are a chain
 *      next    each worker takes some rows of the first table and follows the chains, table by table: a row of the join is a row
 *              number of each table. Columns are gathered from those when they are asked for
 *
 * So what is held are numbers, 4 bytes for each row of a table, whatever the join gives. Where the keys of both sides are codes of the
 * same values, the codes are the numbers and nothing is looked up. NULL, number 0, meets nothing.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "query/query_priv.h"
#include "query/vector_priv.h"

#define NONE  VECTOR_NO_ROW
#define TAKEN 16384                     /* rows of the first table that a worker takes at once */
#define KEY_BYTES 16                    /* for each row of two tables while their keys are numbered, besides what is kept of values */

struct step {
	const struct vector_join_step *of;
	int from;                       /* the table whose rows are looked up */
	const uint32_t *left;           /* by row of that table: the number of its key; NULL: no key, all rows meet */
	uint32_t *own_left;
	uint32_t *first, *next;         /* by number the first row of this table, by row the next one with the same; NONE */
};

struct vector_join {
	const struct vector_source *source;
	struct vector_table **table;
	struct step *step;
	size_t taken;                   /* rows of the first table */
};

struct vector_probe {
	struct vector_join *join;
	uint32_t **row;                 /* of each table, for the rows of the batch at hand */
	uint32_t *at;                   /* where it is: rows of each table … */
	int level;                      /* … up to this one; -1: before a row of the first table */
	size_t here, end;               /* of the rows taken of the first table */
	unsigned batch;
};

/* ---- numbers for keys */

/* Numbers of a column's values, all rows. as_text: those of instants, beside a column that has none. */
static int
number(struct query *q, struct vector_ids *ids, const struct vector_table *t, int column, int as_text, size_t most, uint32_t *out, struct err *err)
{
	struct vector_input in = { .table = t };
	const struct vector_plan none = { .n_fields = 0 };
	struct vector_worker w;
	int rc = vector_worker_open(&w, q, &none, &in, err);

	while (rc == 0 && (rc = vector_worker_next(&w, err)) > 0) {
		uint32_t *id = vector_array(&w, 4);
		struct column c;

		vector_worker_field(&w, column, &c);
		if (!c.instant || !as_text)
			vector_ids_map(ids, &w, &c, (struct vector_rows){ NULL, w.n }, id);
		for (size_t i = 0; c.instant && as_text && i < w.n; i++) {
			struct cell v = vector_cell(&w, &c, i);

			id[i] = vector_ids_put(ids, &v);
		}
		memcpy(out + w.from, id, w.n * sizeof(*out));
		rc = vector_ids_held(ids) > most ? err_set(err, ERR_LIMIT, "too many keys of a join for the memory there is") : query_stopped(q, err);
	}
	vector_worker_release(&w);
	return rc;
}

/* Both sides' numbers together with those of the keys before, as one; 0 where one of them is NULL. */
static void
pair(struct vector_pairs *pairs, uint32_t *before, const uint32_t *id, size_t n)
{
	for (size_t i = 0; i < n; i++)
		before[i] = before[i] && id[i] ? vector_pairs_put(pairs, before[i], id[i]) + 1 : 0;
}

static void
chain(struct step *s, const uint32_t *right, size_t n, uint32_t n_numbers)
{
	s->first = mem_grow(NULL, (size_t)n_numbers + 1, sizeof(*s->first));
	s->next = mem_grow(NULL, n + 1, sizeof(*s->next));
	memset(s->first, 0xff, ((size_t)n_numbers + 1) * sizeof(*s->first));
	for (size_t i = n; i-- > 0; ) {
		s->next[i] = NONE;
		if (!right[i])
			continue;
		s->next[i] = s->first[right[i]];
		s->first[right[i]] = (uint32_t)i;
	}
}

static int
build(struct query *q, struct step *s, const struct vector_table *left, const struct vector_table *right, size_t most, struct err *err)
{
	const struct vector_key *key = s->of->key;
	const struct column *a = &left->column[key[0].left].column, *b = &right->column[key[0].right].column;
	uint32_t *numbers = NULL, *l = NULL, *r = NULL, n_numbers = 0;
	struct vector_pairs pairs = { 0 };
	int rc = 0;

	if (s->of->n_keys == 1 && a->form == COLUMN_CODES && b->form == COLUMN_CODES && a->value == b->value && a->unique) {
		s->left = a->code;
		chain(s, b->code, right->n, b->n_values);
		return 0;
	}
	s->own_left = mem_grow(NULL, left->n + 1, sizeof(*s->own_left));
	numbers = mem_grow(NULL, right->n + 1, sizeof(*numbers));
	l = mem_grow(NULL, left->n + 1, sizeof(*l));
	r = mem_grow(NULL, right->n + 1, sizeof(*r));
	for (int k = 0; k < s->of->n_keys && rc == 0; k++) {
		int mixed = left->column[key[k].left].column.instant != right->column[key[k].right].column.instant;
		struct vector_ids ids;

		vector_ids_init(&ids, 1);
		if ((rc = number(q, &ids, right, key[k].right, mixed, most, k ? r : numbers, err)) == 0)
			rc = number(q, &ids, left, key[k].left, mixed, most, k ? l : s->own_left, err);
		n_numbers = ids.n;
		vector_ids_release(&ids);
		if (k == 0 || rc < 0)
			continue;
		pair(&pairs, numbers, r, right->n);
		pair(&pairs, s->own_left, l, left->n);
		n_numbers = pairs.n + 1;
	}
	s->left = s->own_left;
	if (rc == 0)
		chain(s, numbers, right->n, n_numbers);
	vector_pairs_release(&pairs);
	free(numbers), free(l), free(r);
	return rc;
}

/* ---- the join */

static void
hold(struct vector_table **to, const struct vector_table *t)
{
	*to = vector_table_new(t->n, t->n_columns);
	for (int i = 0; i < t->n_columns; i++)
		vector_table_share(&(*to)->column[i], &t->column[i]);
}

struct vector_join *
vector_join_open(struct query *q, const struct vector_source *source, struct vector_table *const *table, size_t most, struct err *err)
{
	struct vector_join *join = mem_new(sizeof(*join));
	int n = source->n_inputs;
	size_t held = 0;

	*join = (struct vector_join){ .source = source, .table = mem_new((size_t)n * sizeof(*join->table)), .step = mem_new((size_t)n * sizeof(*join->step)) };
	for (int i = 0; i < n; i++)
		hold(&join->table[i], table[i]);
	for (int i = 1; i < n && !err->code; i++) {
		struct step *s = &join->step[i];

		s->of = &source->step[i];
		s->from = s->of->n_keys ? s->of->key[0].table : 0;
		held = vector_join_held(join) + (join->table[s->from]->n + join->table[i]->n) * KEY_BYTES;
		if (held > most)
			err_set(err, ERR_LIMIT, "too many rows to join for the memory there is");
		else if (s->of->n_keys)
			build(q, s, join->table[s->from], join->table[i], most - held, err);
	}
	if (err->code) {
		vector_join_close(join);
		join = NULL;
	}
	return join;
}

void
vector_join_close(struct vector_join *join)
{
	if (!join)
		return;
	for (int i = 0; i < join->source->n_inputs; i++) {
		vector_table_free(join->table[i]);
		free(join->step[i].own_left), free(join->step[i].first), free(join->step[i].next);
	}
	free(join->table), free(join->step);
	free(join);
}

size_t
vector_join_rows(const struct vector_join *join)
{
	return join->table[0]->n;
}

size_t
vector_join_held(const struct vector_join *join)
{
	size_t held = 0;

	for (int i = 0; i < join->source->n_inputs; i++) {
		const struct step *s = &join->step[i];

		held += vector_table_held(join->table[i]);
		held += (s->own_left ? join->table[s->from]->n : 0) * sizeof(uint32_t) + (s->next ? 2 * join->table[i]->n : 0) * sizeof(uint32_t);
	}
	return held;
}

const struct vector_table *
vector_join_table(const struct vector_join *join, int i)
{
	return i < join->source->n_inputs ? join->table[i] : NULL;
}

/* ---- a worker's rows of it */

struct vector_probe *
vector_probe_open(struct vector_join *join)
{
	struct vector_probe *p = mem_new(sizeof(*p));
	size_t n = (size_t)join->source->n_inputs;

	*p = (struct vector_probe){ .join = join, .row = mem_new(n * sizeof(*p->row)), .at = mem_new(n * sizeof(*p->at)), .level = -1 };
	for (size_t i = 0; i < n; i++)
		p->row[i] = mem_grow(NULL, VECTOR_ROWS, sizeof(**p->row));
	return p;
}

void
vector_probe_close(struct vector_probe *p)
{
	if (!p)
		return;
	for (int i = 0; i < p->join->source->n_inputs; i++)
		free(p->row[i]);
	free(p->row), free(p->at);
	free(p);
}

/* The first row of a table that meets the rows at hand; NONE. */
static uint32_t
first_of(const struct vector_probe *p, int table)
{
	const struct step *s = &p->join->step[table];
	uint32_t row = p->at[s->from];

	if (!s->left)
		return p->join->table[table]->n ? 0 : NONE;
	return row == NONE ? NONE : s->first[s->left[row]];
}

static uint32_t
next_of(const struct vector_probe *p, int table, uint32_t row)
{
	const struct step *s = &p->join->step[table];

	if (!s->left)
		return row + 1 < p->join->table[table]->n ? row + 1 : NONE;
	return s->next[row];
}

/* Down to the last table from `level` on, whose row is at hand: the first match of each. -1: there is none; the level is where. */
static int
descend(struct vector_probe *p)
{
	int last = p->join->source->n_inputs - 1;

	while (p->level < last) {
		uint32_t row = first_of(p, p->level + 1);

		if (row == NONE && !p->join->step[p->level + 1].of->outer)
			return -1;
		p->at[++p->level] = row;
	}
	return 0;
}

/* The next row of the join, from the one at hand or after a level that met nothing. 0: the rows taken are used up. */
static int
advance(struct vector_probe *p)
{
	for (;;) {
		while (p->level > 0) {
			uint32_t row = p->at[p->level] == NONE ? NONE : next_of(p, p->level, p->at[p->level]);

			if (row != NONE) {
				p->at[p->level] = row;
				break;
			}
			p->level--;
		}
		if (p->level <= 0) {
			if (p->here == p->end) {
				p->level = -1;
				return 0;
			}
			p->level = 0;
			p->at[0] = (uint32_t)p->here++;
		}
		if (descend(p) == 0)
			return 1;
	}
}

/* Two tables: the same in a tight loop. */
static size_t
fill_pair(struct vector_probe *p)
{
	const struct step *s = &p->join->step[1];
	uint32_t *left = p->row[0], *right = p->row[1], row = p->level == 1 && p->at[1] != NONE ? s->next[p->at[1]] : NONE;
	size_t n = 0;

	for (;;) {
		for (; row != NONE && n < VECTOR_ROWS; row = s->next[row]) {
			left[n] = p->at[0];
			right[n++] = row;
		}
		if (row != NONE) {
			p->level = 1;
			p->at[1] = right[n - 1];
			return n;
		}
		p->level = -1;
		if (p->here == p->end || n == VECTOR_ROWS)
			return n;
		p->at[0] = (uint32_t)p->here++;
		row = s->first[s->left[p->at[0]]];
		if (row == NONE && s->of->outer) {
			left[n] = p->at[0];
			right[n++] = NONE;
		}
	}
}

static size_t
fill(struct vector_probe *p)
{
	int tables = p->join->source->n_inputs;
	size_t n = 0;

	if (tables == 2 && p->join->step[1].left)
		return fill_pair(p);
	while (n < VECTOR_ROWS && advance(p)) {
		for (int t = 0; t < tables; t++)
			p->row[t][n] = p->at[t];
		n++;
	}
	return n;
}

int
vector_probe_next(struct vector_probe *p, struct vector_worker *w, struct err *err)
{
	size_t all = vector_join_rows(p->join);

	for (;;) {
		if ((w->n = fill(p)) > 0) {
			w->place = (struct vector_place){ p->end, p->batch++, 0 };
			return 1;
		}
		p->here = __atomic_fetch_add(&p->join->taken, TAKEN, __ATOMIC_RELAXED);
		if (p->here >= all)
			return 0;
		p->end = all - p->here < TAKEN ? all : p->here + TAKEN;
		p->batch = 0;
		if (query_stopped(w->q, err) < 0)
			return err->code;
	}
}

void
vector_probe_column(struct vector_probe *p, struct vector_worker *w, int field, struct column *out)
{
	const struct vector_give *give = &p->join->source->give[field];
	const struct column *c = &p->join->table[give->table]->column[give->column].column;
	const uint32_t *row = p->row[give->table];
	int gaps = c->valid != NULL;
	uint64_t *valid;

	*out = *c;
	if (c->form == COLUMN_CODES) {
		uint32_t *code = vector_array(w, 4);

		for (size_t i = 0; i < w->n; i++)
			code[i] = row[i] == NONE ? 0 : c->code[row[i]];
		out->code = code;
		return;
	}
	if (c->form == COLUMN_NULL)
		return;
	if (c->form == COLUMN_INTEGER) {
		int64_t *to = vector_array(w, 8);

		for (size_t i = 0; i < w->n; i++)
			to[i] = row[i] == NONE ? 0 : c->integer[row[i]];
		out->integer = to;
	} else {
		double *to = vector_array(w, 8);

		for (size_t i = 0; i < w->n; i++)
			to[i] = row[i] == NONE ? 0 : c->real[row[i]];
		out->real = to;
	}
	for (size_t i = 0; i < w->n && !gaps; i++)
		gaps = row[i] == NONE;
	if (!gaps) {
		out->valid = NULL;
		return;
	}
	valid = vector_array(w, 8);
	memset(valid, 0, (w->n / 64 + 1) * sizeof(*valid));
	for (size_t i = 0; i < w->n; i++)
		if (row[i] != NONE && vector_valid(c->valid, row[i]))
			valid[i / 64] |= 1ULL << (i % 64);
	out->valid = valid;
}
