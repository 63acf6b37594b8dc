/* The table `metrics`: the stored samples, one row each. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "query/functions_priv.h"
#include "query/query_priv.h"
#include "query/tables.h"
#include "query/vector_priv.h"
#include "json/cell.h"

enum { METRIC, TIMESTAMP, FIELD, VALUE, LABELS, FIXED };
static const char *const fixed[FIXED] = { "metric", "timestamp", "field", "value", "labels" };

#define LABELS_MOST 1900

struct table {
	sqlite3_vtab base;
	struct query *q;
	struct str *label, *name;       /* name: as the column is called */
	int n_labels, cap;
	struct arena *arena;
	struct buf scratch;
};

/* The runs of the series that match, read as they are asked for. */
struct cursor {
	sqlite3_vtab_cursor base;
	struct arena *arena;            /* what is looked for, and the cells of the series at hand */
	struct store_samples *samples;
	struct store_label *want;
	struct store_run run;
	struct cell *label;             /* of the series at hand */
	size_t number;                  /* of it; SIZE_MAX: its labels are not read yet */
	size_t at;                      /* in the run */
	uint64_t series;                /* what the rowids of the series at hand are made of */
	int ended;
	struct arena *texts;            /* of the labels */
};

static int
see_label(void *self, struct str label, uint64_t series)
{
	struct table *t = self;

	(void)series;
	if (t->n_labels >= LABELS_MOST || memchr(label.p, 0, label.n))
		return 0;
	if (t->n_labels == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 16;
		t->label = mem_grow(t->label, (size_t)t->cap, sizeof(*t->label));
	}
	t->label[t->n_labels++] = (struct str){ arena_dup(t->arena, label.p, label.n), label.n };
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

	if (t->q->samples == t)
		t->q->samples = NULL;
	arena_free(t->arena);
	buf_release(&t->scratch);
	free(t->label), free(t->name);
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
	if (!store || store_each_label(store, see_label, t, &q->failure) < 0) {
		*message = sqlite3_mprintf("%s", q->failure.text);
		disconnect(&t->base);
		return SQLITE_ERROR;
	}
	if (t->n_labels)
		qsort(t->label, (size_t)t->n_labels, sizeof(*t->label), by_key);
	for (int i = 0; i < FIXED; i++)
		tables_name(&names, str_of(fixed[i]), i == VALUE ? "REAL" : "TEXT");
	t->name = mem_grow(NULL, (size_t)t->n_labels + 1, sizeof(*t->name));
	for (int i = 0; i < t->n_labels; i++) {
		struct str name;
		int taken = 0;

		for (int k = 0; k < FIXED; k++)
			taken |= t->label[i].n == strlen(fixed[k]) && sqlite3_strnicmp(t->label[i].p, fixed[k], (int)t->label[i].n) == 0;
		if (taken)
			continue;
		name = tables_name(&names, t->label[i], "");
		t->name[kept] = (struct str){ arena_dup(t->arena, name.p, name.n), name.n };
		t->label[kept++] = t->label[i];
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
	q->samples = t;
	*out = &t->base;
	return SQLITE_OK;
}

static int
same_name(struct str a, struct str b)
{
	return a.n == b.n && sqlite3_strnicmp(a.p, b.p, (int)a.n) == 0;
}

int
tables_samples_column(struct query *q, struct str name, struct store_field *field)
{
	static const enum store_field_of of[FIXED] = { FIELD_EVENT, FIELD_TIME, FIELD_OF_METRIC, FIELD_VALUE, FIELD_PROPERTIES };
	struct table *t = q->samples;

	for (int i = 0; t && i < FIXED; i++)
		if (same_name(name, str_of(fixed[i]))) {
			*field = (struct store_field){ .of = of[i] };
			return 1;
		}
	for (int i = 0; t && i < t->n_labels; i++)
		if (same_name(name, t->name[i])) {
			*field = (struct store_field){ FIELD_PROPERTY, t->label[i] };
			return 1;
		}
	return 0;
}

#define SAMPLES 1e7             /* a guess */

/* idxStr as for events; m a metric, f a field, l a label that is a text, with its number behind it. A label's other types are SQLite's
 * matter, so it looks at each row again. */
static int
best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	struct table *t = (struct table *)base;
	sqlite3_str *ops = sqlite3_str_new(NULL);
	double rows = SAMPLES;
	int n = 0, metric = 0, field = 0;

	for (int i = 0; i < info->nConstraint; i++) {
		int column = info->aConstraint[i].iColumn, op = info->aConstraint[i].op, equal = op == SQLITE_INDEX_CONSTRAINT_EQ;
		char letter = 0;

		if (!info->aConstraint[i].usable || column < 0 || op > SQLITE_INDEX_CONSTRAINT_GE || sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") != 0)
			continue;
		if (column == TIMESTAMP)
			letter = op == SQLITE_INDEX_CONSTRAINT_GT ? '>' : op == SQLITE_INDEX_CONSTRAINT_GE ? 'G' : op == SQLITE_INDEX_CONSTRAINT_LT ? '<' :
			    op == SQLITE_INDEX_CONSTRAINT_LE ? 'L' : 0;
		else if (column == METRIC && equal && !sqlite3_vtab_in(info, i, -1) && !metric++)
			letter = 'm';
		else if (column == FIELD && equal && !sqlite3_vtab_in(info, i, -1) && !field++)
			letter = 'f';
		else if (column >= FIXED && column < FIXED + t->n_labels && equal)
			letter = 'l';
		if (!letter)
			continue;
		sqlite3_str_appendchar(ops, 1, letter);
		if (letter == 'l')
			sqlite3_str_appendf(ops, "%d", column - FIXED);
		info->aConstraintUsage[i].argvIndex = ++n;
		info->aConstraintUsage[i].omit = letter != 'l';
		rows /= letter == 'l' || letter == 'm' ? 20 : 4;
	}
	info->estimatedRows = (sqlite3_int64)(rows < 1 ? 1 : rows);
	info->estimatedCost = rows < 1 ? 1 : rows;
	info->idxStr = n ? sqlite3_str_finish(ops) : sqlite3_mprintf("");
	if (n == 0)
		sqlite3_free(sqlite3_str_finish(ops));
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
	c->texts = arena_new(0);
	*out = &c->base;
	return SQLITE_OK;
}

static int
close_cursor(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	store_samples_close(c->samples);
	arena_free(c->arena);
	arena_free(c->texts);
	sqlite3_free(c);
	return SQLITE_OK;
}

static struct str
copy(struct arena *a, struct str s)
{
	return (struct str){ arena_dup(a, s.p ? s.p : "", s.n), s.n };
}

static int
failed(struct table *t)
{
	sqlite3_free(t->base.zErrMsg);
	t->base.zErrMsg = sqlite3_mprintf("%s", t->q->failure.text);
	return t->q->failure.code == ERR_CANCEL ? SQLITE_INTERRUPT : SQLITE_ERROR;
}

static uint64_t
series_hash(const struct store_sample *x)
{
	return str_hash(x->metric) ^ vector_hash_number(str_hash(x->labels)) ^ vector_hash_number(str_hash(x->field) + 1) ^ vector_hash_number(str_hash(x->window) + 2);
}

static int
next_run(struct cursor *c)
{
	struct table *t = (struct table *)c->base.pVtab;
	struct err err = {0};
	int rc;

	c->at = 0;
	do {
		err_clear(&err);
		if (query_stopped(t->q, &t->q->failure) < 0)
			return failed(t);
		rc = store_samples_next(c->samples, &c->run, &err);
		if (rc == ERR_CORRUPT && !t->q->damage.code)
			t->q->damage = err;
	} while (rc == ERR_CORRUPT);            /* the rest can be read all the same */
	if (rc < 0) {
		t->q->failure = err;
		return failed(t);
	}
	c->ended = rc == 0;
	if (rc > 0) {
		t->q->read += (int64_t)c->run.n;
		if (c->number != c->run.number) {
			c->label = NULL;
			c->series = series_hash(c->run.series);
		}
		c->number = c->run.number;
	}
	return SQLITE_OK;
}

static int
filter(sqlite3_vtab_cursor *base, int plan, const char *ops, int argc, sqlite3_value **argv)
{
	struct cursor *c = (struct cursor *)base;
	struct table *t = (struct table *)base->pVtab;
	struct tables_range range = TABLES_ALL;
	struct store_match match = {0};

	(void)plan;
	store_samples_close(c->samples);
	c->samples = NULL;
	c->ended = 1;
	c->number = SIZE_MAX;
	arena_reset(c->arena);
	c->want = arena_get(c->arena, ((size_t)argc + 1) * sizeof(*c->want));
	for (int i = 0; i < argc; i++) {
		struct str text = functions_text_of(argv[i]);
		char op = *ops++;

		if (!text.p)
			return SQLITE_OK;
		if (op == 'm') {
			match.metric = copy(c->arena, text);
		} else if (op == 'f') {
			match.field = copy(c->arena, text);
		} else if (op == 'l') {
			int label = 0;

			for (; *ops >= '0' && *ops <= '9'; ops++)
				label = label * 10 + *ops - '0';
			if (label < t->n_labels && sqlite3_value_type(argv[i]) == SQLITE_TEXT)
				c->want[match.n_labels++] = (struct store_label){ t->label[label], copy(c->arena, text) };
		} else {
			tables_bound(&range, op, text);
		}
	}
	match.labels = c->want;
	match.from = range.from < TIME_MIN ? TIME_MIN : range.from;
	match.to = range.to > TIME_MAX ? TIME_MAX + 1 : range.to;
	if (match.from >= match.to)
		return SQLITE_OK;
	if (query_hold_samples(t->q, &t->q->failure) < 0 || !(c->samples = store_samples_open(t->q->store, &match, &t->q->failure)))
		return failed(t);
	return next_run(c);
}

static int
next(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	return ++c->at < c->run.n ? SQLITE_OK : next_run(c);
}

static int
eof(sqlite3_vtab_cursor *base)
{
	return ((struct cursor *)base)->ended;
}

static void
read_labels(struct cursor *c, const struct table *t)
{
	struct json labels = json_value(c->run.series->labels);
	struct buf scratch = {0};

	arena_reset(c->texts);
	c->label = arena_get(c->texts, ((size_t)t->n_labels + 1) * sizeof(*c->label));
	for (int i = 0; i < t->n_labels; i++) {
		c->label[i] = cell_of_json(json_get(labels, t->label[i]), &scratch);
		if (c->label[i].type == CELL_TEXT)
			c->label[i].text = copy(c->texts, c->label[i].text);
	}
	buf_release(&scratch);
}

static int
column(sqlite3_vtab_cursor *base, sqlite3_context *to, int i)
{
	struct cursor *c = (struct cursor *)base;
	const struct table *t = (const struct table *)base->pVtab;
	char out[TIME_LEN];

	switch (i) {
	case METRIC:
		functions_give_text(to, c->run.series->metric);
		break;
	case TIMESTAMP:
		time_print(c->run.time[c->at], out);
		functions_give_text(to, (struct str){ out, TIME_LEN });
		break;
	case FIELD:
		functions_give_text(to, c->run.series->field);
		break;
	case VALUE:
		sqlite3_result_double(to, c->run.value[c->at]);
		break;
	case LABELS:
		functions_give_text(to, c->run.series->labels);
		break;
	default:
		if (!c->label)
			read_labels(c, t);
		functions_give(to, &c->label[i - FIXED]);
	}
	return SQLITE_OK;
}

static int
rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	const struct cursor *c = (const struct cursor *)base;

	/* The same for the same sample, however it was found: SQLite takes the rows of both sides of OR once, by this. */
	*out = (sqlite3_int64)vector_hash_number(c->series + (uint64_t)c->run.time[c->at] * 0x9e3779b97f4a7c15);
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
