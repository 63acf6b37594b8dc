/* The table `metrics`: the stored samples, one row each. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "query/functions_priv.h"
#include "query/query_priv.h"
#include "query/tables.h"
#include "json/cell.h"

enum { METRIC, TIMESTAMP, FIELD, VALUE, LABELS, FIXED };
static const char *const fixed[FIXED] = { "metric", "timestamp", "field", "value", "labels" };

#define LABELS_MOST 1900

struct table {
	sqlite3_vtab base;
	struct query *q;
	struct str *label;
	int n_labels, cap;
	int64_t samples;
	struct map seen;        /* label keys */
	struct arena *arena;
	struct str last;        /* the labels looked at last: samples come series by series */
	struct buf scratch;
};

struct series { struct str metric, field, labels; struct cell *label; };
struct sample { int64_t time; double value; uint32_t series; };

struct cursor {
	sqlite3_vtab_cursor base;
	struct arena *arena;
	struct series *series;
	struct sample *sample;
	size_t n_series, series_cap, n, cap, at;
	struct str field;       /* only this one; p NULL: all */
};

static int
see_sample(void *self, const struct store_sample *x)
{
	struct table *t = self;
	struct json_iter it;

	t->samples++;
	if (t->last.p && str_eq(t->last, x->labels))
		return 0;
	t->last = (struct str){ arena_dup(t->arena, x->labels.p, x->labels.n), x->labels.n };
	for (it = json_iter(json_value(x->labels)); json_next(&it); ) {
		struct str key = json_text(it.key, &t->scratch);
		int is_new;

		if (t->n_labels >= LABELS_MOST || memchr(key.p, 0, key.n))
			continue;
		map_put(&t->seen, key, &is_new);
		if (!is_new)
			continue;
		if (t->n_labels == t->cap) {
			t->cap = t->cap ? 2 * t->cap : 16;
			t->label = mem_grow(t->label, (size_t)t->cap, sizeof(*t->label));
		}
		t->label[t->n_labels++] = (struct str){ arena_dup(t->arena, key.p, key.n), key.n };
	}
	return 0;
}

static int
by_key(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int
disconnect(sqlite3_vtab *base)
{
	struct table *t = (struct table *)base;

	arena_free(t->arena);
	map_release(&t->seen);
	buf_release(&t->scratch);
	free(t->label);
	sqlite3_free(t);
	return SQLITE_OK;
}

static int
connect(sqlite3 *db, void *self, int argc, const char *const *argv, sqlite3_vtab **out, char **message)
{
	struct query *q = self;
	struct store *store = query_store(q, &q->failure);
	struct map seen = {0};
	struct tables_names names = { .seen = &seen };
	struct table *t = sqlite3_malloc(sizeof(*t));
	int rc, kept = 0;

	(void)argc, (void)argv;
	if (!t)
		return SQLITE_NOMEM;
	*t = (struct table){ .q = q, .arena = arena_new(0) };
	if (!store || store_each_sample(store, (struct str){0}, TIME_MIN, TIME_MAX + 1, see_sample, t, &q->failure) < 0) {
		*message = sqlite3_mprintf("%s", q->failure.text);
		disconnect(&t->base);
		return SQLITE_ERROR;
	}
	if (t->n_labels)
		qsort(t->label, (size_t)t->n_labels, sizeof(*t->label), by_key);
	for (int i = 0; i < FIXED; i++)
		tables_name(&names, str_of(fixed[i]), i == VALUE ? "REAL" : "TEXT");
	for (int i = 0; i < t->n_labels; i++) {
		int taken = 0;

		for (int k = 0; k < FIXED; k++)
			taken |= t->label[i].n == strlen(fixed[k]) && sqlite3_strnicmp(t->label[i].p, fixed[k], (int)t->label[i].n) == 0;
		if (taken)
			continue;
		t->label[kept++] = t->label[i];
		tables_name(&names, t->label[i], "");
	}
	t->n_labels = kept;
	buf_lit(&names.sql, ")");
	rc = tables_declare(q, buf_text(&names.sql));
	if (rc != SQLITE_OK)
		*message = sqlite3_mprintf("%s", sqlite3_errmsg(db));
	buf_release(&names.sql);
	map_release(&seen);
	if (rc != SQLITE_OK) {
		disconnect(&t->base);
		return rc;
	}
	sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
	*out = &t->base;
	return SQLITE_OK;
}

/* idxStr as for events; m a metric, f a field. */
static int
best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	struct table *t = (struct table *)base;
	double rows = (double)t->samples + 1;
	char ops[16];
	int n = 0, metric = 0, field = 0;

	for (int i = 0; i < info->nConstraint && n < (int)sizeof(ops) - 1; i++) {
		int column = info->aConstraint[i].iColumn, op = info->aConstraint[i].op;
		char letter = 0;

		if (!info->aConstraint[i].usable || column < 0 || op > SQLITE_INDEX_CONSTRAINT_GE || sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") != 0)
			continue;
		if (column == TIMESTAMP)
			letter = op == SQLITE_INDEX_CONSTRAINT_GT ? '>' : op == SQLITE_INDEX_CONSTRAINT_GE ? 'G' : op == SQLITE_INDEX_CONSTRAINT_LT ? '<' :
			    op == SQLITE_INDEX_CONSTRAINT_LE ? 'L' : 0;
		else if (column == METRIC && op == SQLITE_INDEX_CONSTRAINT_EQ && !sqlite3_vtab_in(info, i, -1) && !metric++)
			letter = 'm';
		else if (column == FIELD && op == SQLITE_INDEX_CONSTRAINT_EQ && !sqlite3_vtab_in(info, i, -1) && !field++)
			letter = 'f';
		if (!letter)
			continue;
		ops[n++] = letter;
		info->aConstraintUsage[i].argvIndex = n;
		info->aConstraintUsage[i].omit = 1;
		rows /= 4;
	}
	ops[n] = 0;
	info->estimatedRows = (sqlite3_int64)(rows < 1 ? 1 : rows);
	info->estimatedCost = rows < 1 ? 1 : rows;
	info->idxStr = sqlite3_mprintf("%s", ops);
	info->needToFreeIdxStr = 1;
	return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

static int
open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
	struct cursor *c = sqlite3_malloc(sizeof(*c));

	(void)base;
	if (!c)
		return SQLITE_NOMEM;
	memset(c, 0, sizeof(*c));
	c->arena = arena_new(0);
	*out = &c->base;
	return SQLITE_OK;
}

static int
close_cursor(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	arena_free(c->arena);
	free(c->series), free(c->sample);
	sqlite3_free(c);
	return SQLITE_OK;
}

static struct str
copy(struct cursor *c, struct str s)
{
	return (struct str){ arena_dup(c->arena, s.p ? s.p : "", s.n), s.n };
}

static int
add_sample(void *self, const struct store_sample *x)
{
	struct cursor *c = self;
	struct table *t = (struct table *)c->base.pVtab;
	struct series *s = c->n_series ? &c->series[c->n_series - 1] : NULL;

	if (c->field.p && !str_eq(c->field, x->field))
		return 0;
	if (!s || !str_eq(s->metric, x->metric) || !str_eq(s->field, x->field) || !str_eq(s->labels, x->labels)) {
		if (c->n_series == c->series_cap) {
			c->series_cap = c->series_cap ? 2 * c->series_cap : 64;
			c->series = mem_grow(c->series, c->series_cap, sizeof(*c->series));
		}
		s = &c->series[c->n_series++];
		*s = (struct series){ copy(c, x->metric), copy(c, x->field), copy(c, x->labels), arena_get(c->arena, ((size_t)t->n_labels + 1) * sizeof(struct cell)) };
		for (int i = 0; i < t->n_labels; i++) {
			s->label[i] = cell_of_json(json_get(json_value(s->labels), t->label[i]), &t->scratch);
			if (s->label[i].type == CELL_TEXT)
				s->label[i].text = copy(c, s->label[i].text);
		}
	}
	if (c->n == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 1024;
		c->sample = mem_grow(c->sample, c->cap, sizeof(*c->sample));
	}
	c->sample[c->n++] = (struct sample){ x->time, x->value, (uint32_t)(c->n_series - 1) };
	if ((c->n & 0xffff) == 0 && query_stopped(t->q, &t->q->failure) < 0)
		return ERR_CANCEL;
	return 0;
}

static int
filter(sqlite3_vtab_cursor *base, int plan, const char *ops, int argc, sqlite3_value **argv)
{
	struct cursor *c = (struct cursor *)base;
	struct table *t = (struct table *)base->pVtab;
	struct tables_range range = TABLES_ALL;
	struct str metric = {0};

	(void)plan;
	c->at = c->n = c->n_series = 0;
	c->field = (struct str){0};
	arena_reset(c->arena);
	for (int i = 0; i < argc; i++) {
		struct str text = functions_text_of(argv[i]);

		if (!text.p)
			return SQLITE_OK;
		if (ops[i] == 'm')
			metric = copy(c, text);
		else if (ops[i] == 'f')
			c->field = copy(c, text);
		else
			tables_bound(&range, ops[i], text);
	}
	if (range.from < range.to && store_each_sample(t->q->store, metric, range.from < TIME_MIN ? TIME_MIN : range.from,
	    range.to > TIME_MAX ? TIME_MAX + 1 : range.to, add_sample, c, &t->q->failure) < 0) {
		sqlite3_free(t->base.zErrMsg);
		t->base.zErrMsg = sqlite3_mprintf("%s", t->q->failure.text);
		return t->q->failure.code == ERR_CANCEL ? SQLITE_INTERRUPT : SQLITE_ERROR;
	}
	t->q->read += (int64_t)c->n;
	return SQLITE_OK;
}

static int
next(sqlite3_vtab_cursor *base)
{
	((struct cursor *)base)->at++;
	return SQLITE_OK;
}

static int
eof(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	return c->at >= c->n;
}

static int
column(sqlite3_vtab_cursor *base, sqlite3_context *to, int i)
{
	struct cursor *c = (struct cursor *)base;
	struct sample *x = &c->sample[c->at];
	struct series *s = &c->series[x->series];
	char out[TIME_LEN];

	switch (i) {
	case METRIC:
		functions_give_text(to, s->metric);
		break;
	case TIMESTAMP:
		time_print(x->time, out);
		functions_give_text(to, (struct str){ out, TIME_LEN });
		break;
	case FIELD:
		functions_give_text(to, s->field);
		break;
	case VALUE:
		sqlite3_result_double(to, x->value);
		break;
	case LABELS:
		functions_give_text(to, s->labels);
		break;
	default:
		functions_give(to, &s->label[i - FIXED]);
	}
	return SQLITE_OK;
}

static int
rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	*out = (sqlite3_int64)((struct cursor *)base)->at + 1;
	return SQLITE_OK;
}

static const sqlite3_module module = {
	.iVersion = 1, .xConnect = connect, .xBestIndex = best_index, .xDisconnect = disconnect, .xDestroy = disconnect, .xOpen = open_cursor,
	.xClose = close_cursor, .xFilter = filter, .xNext = next, .xEof = eof, .xColumn = column, .xRowid = rowid,
};

int
tables_add_samples(struct query *q)
{
	return sqlite3_create_module_v2(q->db, "metrics", &module, q, NULL);
}
