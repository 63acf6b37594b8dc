/* The table `events`: a scan of the store, and of each event only the columns that a statement reads. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "json/project.h"
#include "query/functions_priv.h"
#include "query/query_priv.h"
#include "query/tables.h"
#include "store/batch.h"

enum { EVENT, TIMESTAMP, RECEIVED, ID, USER, SESSION, PROPERTIES, FIXED };
static const char *const fixed[FIXED] = { "event", "timestamp", "received_at", "id", "user_id", "session_id", "properties" };

#define COLUMNS_MOST 1900       /* SQLite's bound is 2000; the rarest properties beyond have no column, but properties.x */
#define KEY_MOST     1000       /* bytes of a property's name that make a column */
#define IN_MOST      1000       /* names that are looked for at once */

struct table {
	sqlite3_vtab base;
	struct query *q;
	struct str *key;        /* of the columns behind the fixed ones: the properties' exact names */
	int n_keys;
	struct map columns;     /* by name in lower case: its index, fixed ones first */
	struct map names;       /* how many events there are of each name: for the planner */
	int64_t events;
	struct arena *arena;
};

struct cursor {
	sqlite3_vtab_cursor base;
	struct store_scan *scan;
	struct event event;
	struct project *project;
	int *slot;              /* by column behind the fixed ones: its index in values, -1 not asked for yet, -2 too many */
	struct json values[PROJECT_MOST];
	int projected;          /* values are those of the event at hand, up to this many */
	int eof, looked;
	int64_t rowid;          /* the one that is wanted; -1: any */
	struct buf scratch, user, names;
	struct str *name;
};

/* ---- columns */

struct property { struct str key; int64_t count; };
struct properties { struct property *p; size_t n, cap; struct arena *arena; };

static int
add_property(void *self, struct str key, int64_t count)
{
	struct properties *all = self;

	if (key.n > KEY_MOST || memchr(key.p, 0, key.n))
		return 0;
	if (all->n == all->cap) {
		all->cap = all->cap ? 2 * all->cap : 128;
		all->p = mem_grow(all->p, all->cap, sizeof(*all->p));
	}
	all->p[all->n++] = (struct property){ { arena_dup(all->arena, key.p, key.n), key.n }, count };
	return 0;
}

static int
by_count(const void *a, const void *b)
{
	const struct property *x = a, *y = b;

	return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : str_cmp(x->key, y->key);
}

/* By name in any case; of names that differ in nothing else the most frequent first, which is the one that keeps it. */
static int
by_key(const void *a, const void *b)
{
	const struct property *x = a, *y = b;
	size_t n = x->key.n < y->key.n ? x->key.n : y->key.n;
	int order = sqlite3_strnicmp(x->key.p, y->key.p, (int)n);

	return order ? order : x->key.n != y->key.n ? (x->key.n > y->key.n) - (x->key.n < y->key.n) : by_count(a, b);
}

static int
add_name(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	struct table *t = self;

	(void)first, (void)last;
	map_put(&t->names, name, NULL)->num = count;
	t->events += count;
	return 0;
}

static int
disconnect(sqlite3_vtab *base)
{
	struct table *t = (struct table *)base;

	if (t->q->events == t)
		t->q->events = NULL;
	map_release(&t->names);
	map_release(&t->columns);
	arena_free(t->arena);
	free(t->key);
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
	struct properties all = { .arena = arena_new(0) };
	static const char hidden[FIXED] = { 1, 2, 3, 4, 5, 6, 7 };      /* names that nobody can say */
	struct table *t;
	int rc;

	(void)argc, (void)argv;
	if (!store) {
		*message = sqlite3_mprintf("%s", q->failure.text);
		arena_free(all.arena);
		return SQLITE_ERROR;
	}
	if (!(t = sqlite3_malloc(sizeof(*t)))) {
		arena_free(all.arena);
		return SQLITE_NOMEM;
	}
	*t = (struct table){ .q = q, .arena = all.arena };
	if (store_each_property(store, add_property, &all, &q->failure) < 0 || store_each_name(store, add_name, t, &q->failure) < 0) {
		*message = sqlite3_mprintf("%s", q->failure.text);
		free(all.p);
		disconnect(&t->base);
		return SQLITE_ERROR;
	}
	if (all.n > COLUMNS_MOST) {
		qsort(all.p, all.n, sizeof(*all.p), by_count);
		all.n = COLUMNS_MOST;
	}
	if (all.n)
		qsort(all.p, all.n, sizeof(*all.p), by_key);
	for (int i = 0; i < FIXED; i++) {
		if (policy_column(q->spec.policy, str_of(fixed[i])) == POLICY_HIDDEN)
			tables_name(&names, (struct str){ &hidden[i], 1 }, "HIDDEN");   /* keeps the others' numbers */
		else
			map_put(&t->columns, tables_name(&names, str_of(fixed[i]), "TEXT"), NULL)->num = i;
	}
	t->key = mem_grow(NULL, all.n + 1, sizeof(*t->key));
	for (size_t i = 0; i < all.n; i++) {
		int taken = 0;

		for (int k = 0; k < FIXED; k++)
			taken |= all.p[i].key.n == strlen(fixed[k]) && sqlite3_strnicmp(all.p[i].key.p, fixed[k], (int)all.p[i].key.n) == 0;
		if (taken)
			continue;       /* reached as properties.id */
		map_put(&t->columns, tables_name(&names, all.p[i].key, ""), NULL)->num = FIXED + t->n_keys;
		t->key[t->n_keys++] = all.p[i].key;
	}
	free(all.p);
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
	q->events = t;
	*out = &t->base;
	return SQLITE_OK;
}

int
tables_events_column(struct query *q, struct str name, struct store_field *field)
{
	static const enum store_field_of of[FIXED] = { FIELD_EVENT, FIELD_TIME, FIELD_RECEIVED, FIELD_ID, FIELD_USER, FIELD_SESSION, FIELD_PROPERTIES };
	struct table *t = q->events;
	struct buf lower = {0};
	struct map_entry *e = NULL;

	buf_small(&lower, name);
	if (t)
		e = map_find(&t->columns, buf_get(&lower));
	buf_release(&lower);
	if (!e)
		return 0;
	*field = e->num < FIXED ? (struct store_field){ .of = of[e->num] } : (struct store_field){ FIELD_PROPERTY, t->key[e->num - FIXED] };
	return 1;
}

/* ---- planning
 *
 * idxStr has a letter for each argument of filter: > G < L = bounds of time (G >=, L <=), e one name, i a set of names,
 * u a user, r a rowid. idxNum: bit 0 in order of time; from bit 1 on STORE_SKIP_ bits. */

static int
best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	struct table *t = (struct table *)base;
	double rows = (double)t->events + 1, cost;
	char ops[16];
	int n = 0, have_name = 0, have_user = 0, times = 0;
	unsigned skip = 0;

	for (int i = 0; i < info->nConstraint && n < (int)sizeof(ops) - 1; i++) {
		int column = info->aConstraint[i].iColumn, op = info->aConstraint[i].op;
		char letter = 0;

		if (!info->aConstraint[i].usable)
			continue;
		if (column >= 0 && op <= SQLITE_INDEX_CONSTRAINT_GE && sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") != 0)
			continue;
		if (column == TIMESTAMP) {
			letter = op == SQLITE_INDEX_CONSTRAINT_GT ? '>' : op == SQLITE_INDEX_CONSTRAINT_GE ? 'G' : op == SQLITE_INDEX_CONSTRAINT_LT ? '<' :
			    op == SQLITE_INDEX_CONSTRAINT_LE ? 'L' : op == SQLITE_INDEX_CONSTRAINT_EQ && !sqlite3_vtab_in(info, i, -1) ? '=' : 0;
			times += letter != 0;
			if (letter == '=')
				rows = rows > 10 ? 10 : rows;
		} else if (column == EVENT && op == SQLITE_INDEX_CONSTRAINT_EQ && !have_name) {
			letter = sqlite3_vtab_in(info, i, -1) ? 'i' : 'e';
			have_name = 1;
		} else if (column == USER && op == SQLITE_INDEX_CONSTRAINT_EQ && !have_user && !sqlite3_vtab_in(info, i, -1)) {
			letter = 'u';
			have_user = 1;
		} else if (column == -1 && op == SQLITE_INDEX_CONSTRAINT_EQ) {
			letter = 'r';
			rows = 1;
		}
		if (!letter)
			continue;
		if (letter == 'i')
			sqlite3_vtab_in(info, i, 1);
		ops[n++] = letter;
		info->aConstraintUsage[i].argvIndex = n;
		/* a number that is no text's is looked for as its digits: SQLite looks again whether they are equal to it */
		info->aConstraintUsage[i].omit = letter != 'e' && letter != 'i' && letter != 'u';
	}
	ops[n] = 0;
	cost = rows;
	for (int i = 0; i < times && i < 2; i++)
		rows /= 4, cost /= 4;
	if (have_name) {
		sqlite3_value *name;
		double share = t->names.n ? 1.0 / (double)t->names.n : 1;

		for (int i = 0; i < info->nConstraint; i++)
			if (info->aConstraintUsage[i].argvIndex && ops[info->aConstraintUsage[i].argvIndex - 1] == 'e' &&
			    sqlite3_vtab_rhs_value(info, i, &name) == SQLITE_OK && sqlite3_value_type(name) == SQLITE_TEXT) {
				struct map_entry *e = map_find(&t->names, functions_text_of(name));

				share = t->events ? (double)(e ? e->num : 0) / (double)t->events : 1;
			}
		rows *= share;
		cost *= 0.1 + 0.9 * share;
	}
	if (have_user)
		rows /= 1000, cost /= 4;
	if (info->nOrderBy == 1 && info->aOrderBy[0].iColumn == TIMESTAMP && !info->aOrderBy[0].desc) {
		info->orderByConsumed = 1;
		info->idxNum = 1;
	}
	if (!(info->colUsed & 1 << RECEIVED))
		skip |= STORE_SKIP_RECEIVED;
	if (!(info->colUsed & 1 << ID))
		skip |= STORE_SKIP_ID;
	if (!(info->colUsed & 1 << USER) && !have_user)
		skip |= STORE_SKIP_USER;
	if (!(info->colUsed & 1 << SESSION))
		skip |= STORE_SKIP_SESSION;
	if (!(info->colUsed >> PROPERTIES))
		skip |= STORE_SKIP_PROPERTIES;
	info->idxNum |= (int)(skip << 1);
	info->estimatedRows = (sqlite3_int64)(rows < 1 ? 1 : rows);
	info->estimatedCost = cost < 1 ? 1 : cost;
	info->idxStr = sqlite3_mprintf("%s", ops);
	info->needToFreeIdxStr = 1;
	return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

/* ---- reading */

static int
open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
	struct table *t = (struct table *)base;
	struct cursor *c = sqlite3_malloc(sizeof(*c));

	if (!c)
		return SQLITE_NOMEM;
	memset(c, 0, sizeof(*c));
	c->eof = 1;
	c->slot = mem_grow(NULL, (size_t)t->n_keys + 1, sizeof(*c->slot));
	for (int i = 0; i < t->n_keys; i++)
		c->slot[i] = -1;
	*out = &c->base;
	return SQLITE_OK;
}

static void
end_scan(struct cursor *c)
{
	struct table *t = (struct table *)c->base.pVtab;

	if (c->scan) {
		t->q->read += store_scan_read(c->scan);
		store_scan_close(c->scan);
	}
	c->scan = NULL;
	c->eof = 1;
}

static int
close_cursor(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	end_scan(c);
	project_free(c->project);
	free(c->slot);
	free(c->name);
	buf_release(&c->scratch), buf_release(&c->user), buf_release(&c->names);
	sqlite3_free(c);
	return SQLITE_OK;
}

static int
next(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;
	struct table *t = (struct table *)base->pVtab;
	struct err err = {0};
	int rc;

	for (;;) {
		if ((++c->looked & 0xfff) == 0 && query_stopped(t->q, &t->q->failure) < 0) {
			end_scan(c);
			return SQLITE_INTERRUPT;
		}
		rc = store_scan_next(c->scan, &c->event, &err);
		if (rc == ERR_CORRUPT) {
			if (!t->q->damage.code)
				t->q->damage = err;
			err_clear(&err);
			continue;
		}
		if (rc < 0) {
			t->q->failure = err;
			sqlite3_free(t->base.zErrMsg);
			t->base.zErrMsg = sqlite3_mprintf("%s", err.text);
			end_scan(c);
			return SQLITE_ERROR;
		}
		if (rc == 0) {
			end_scan(c);
			return SQLITE_OK;
		}
		if (c->user.n && !(c->event.user_id.p && str_eq(c->event.user_id, (struct str){ c->user.p + 1, c->user.n - 1 })))
			continue;
		if (c->rowid >= 0 && (int64_t)c->event.seq != c->rowid)
			continue;
		c->projected = 0;
		return SQLITE_OK;
	}
}

static int
filter(sqlite3_vtab_cursor *base, int plan, const char *ops, int argc, sqlite3_value **argv)
{
	struct cursor *c = (struct cursor *)base;
	struct table *t = (struct table *)base->pVtab;
	struct tables_range range = TABLES_ALL;
	struct store_range wanted = { .by_time = plan & 1 || t->q->by_time, .skip = (unsigned)plan >> 1 };
	size_t at[IN_MOST];
	int n = 0, none = 0, in = 0;

	end_scan(c);
	buf_clear(&c->names), buf_clear(&c->user);
	c->rowid = -1;
	for (int i = 0; i < argc; i++) {
		struct str text = functions_text_of(argv[i]);
		sqlite3_value *v;
		int rc;

		switch (ops[i]) {
		case 'i':
			in = 1;
			for (rc = sqlite3_vtab_in_first(argv[i], &v); rc == SQLITE_OK && v; rc = sqlite3_vtab_in_next(argv[i], &v)) {
				if (sqlite3_value_type(v) == SQLITE_NULL)
					continue;
				if (n == IN_MOST) {
					sqlite3_free(t->base.zErrMsg);
					t->base.zErrMsg = sqlite3_mprintf("more than %d names in event IN (…)", IN_MOST);
					return SQLITE_ERROR;
				}
				at[n++] = c->names.n;
				buf_str(&c->names, functions_text_of(v));
			}
			break;
		case 'e':
			none |= !text.p;
			in = 1;
			at[n++] = c->names.n;
			buf_str(&c->names, text);
			break;
		case 'u':
			none |= !text.p;
			buf_byte(&c->user, 'u');        /* so that an empty one is told from none */
			buf_str(&c->user, text);
			break;
		case 'r':
			none |= sqlite3_value_type(argv[i]) != SQLITE_INTEGER;
			c->rowid = sqlite3_value_int64(argv[i]);
			break;
		default:
			none |= !text.p;
			if (text.p)
				tables_bound(&range, ops[i], text);
		}
	}
	if (none || (in && n == 0) || range.from >= range.to)
		return SQLITE_OK;
	free(c->name);
	c->name = mem_grow(NULL, (size_t)n + 1, sizeof(*c->name));
	for (int i = 0; i < n; i++)
		c->name[i] = (struct str){ c->names.p ? c->names.p + at[i] : "", (i + 1 < n ? at[i + 1] : c->names.n) - at[i] };
	wanted.from = range.from < TIME_MIN ? TIME_MIN : range.from;
	wanted.to = range.to > TIME_MAX ? TIME_MAX + 1 : range.to;
	wanted.names = c->name;
	wanted.n_names = n;
	if (c->user.n)
		wanted.user_id = (struct str){ c->user.p + 1, c->user.n - 1 };
	if (query_hold(t->q, &t->q->failure) < 0 || !(c->scan = store_scan_open(t->q->store, &wanted, &t->q->failure))) {
		sqlite3_free(t->base.zErrMsg);
		t->base.zErrMsg = sqlite3_mprintf("%s", t->q->failure.text);
		return SQLITE_ERROR;
	}
	c->eof = 0;
	return next(base);
}

static int
eof(sqlite3_vtab_cursor *base)
{
	return ((struct cursor *)base)->eof;
}

static void
give(sqlite3_context *to, struct str s)
{
	if (s.p)
		sqlite3_result_text64(to, s.p, s.n, SQLITE_TRANSIENT, SQLITE_UTF8);
	else
		sqlite3_result_null(to);
}

static void
give_property(struct cursor *c, sqlite3_context *to, int i)
{
	struct table *t = (struct table *)c->base.pVtab;
	struct err err = {0};
	struct json value = {0};
	struct cell cell;

	if (c->slot[i] == -1) {         /* from now on it is taken along with the others */
		if (!c->project)
			c->project = project_new();
		c->slot[i] = project_path(c->project, &t->key[i], 1, &err);
		if (c->slot[i] < 0)
			c->slot[i] = -2;
		c->projected = 0;
	}
	if (c->slot[i] == -2) {
		value = json_get(json_value(c->event.properties), t->key[i]);
	} else {
		if (!c->projected && project_row(c->project, c->event.properties, c->values, &err) < 0) {
			sqlite3_result_null(to);
			return;
		}
		c->projected = 1;
		value = c->values[c->slot[i]];
	}
	cell = cell_of_json(value, &c->scratch);
	switch (cell.type) {
	case CELL_INTEGER:
		sqlite3_result_int64(to, cell.integer);
		break;
	case CELL_REAL:
		sqlite3_result_double(to, cell.real);
		break;
	case CELL_TEXT:
		give(to, cell.text);
		break;
	default:
		sqlite3_result_null(to);
	}
}

static int
column(sqlite3_vtab_cursor *base, sqlite3_context *to, int i)
{
	struct cursor *c = (struct cursor *)base;
	char out[TIME_LEN];

	switch (i) {
	case EVENT:
		give(to, c->event.name);
		break;
	case TIMESTAMP:
	case RECEIVED:
		time_print(i == RECEIVED ? c->event.received : c->event.time, out);
		give(to, (struct str){ out, TIME_LEN });
		break;
	case ID:
		give(to, c->event.id);
		break;
	case USER:
		give(to, c->event.user_id);
		break;
	case SESSION:
		give(to, c->event.session_id);
		break;
	case PROPERTIES:
		give(to, c->event.properties);
		break;
	default:
		give_property(c, to, i - FIXED);
	}
	return SQLITE_OK;
}

static int
rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	*out = (sqlite3_int64)((struct cursor *)base)->event.seq;
	return SQLITE_OK;
}

static const sqlite3_module module = {
	.iVersion = 1, .xConnect = connect, .xBestIndex = best_index, .xDisconnect = disconnect, .xDestroy = disconnect, .xOpen = open_cursor,
	.xClose = close_cursor, .xFilter = filter, .xNext = next, .xEof = eof, .xColumn = column, .xRowid = rowid,
};

int
tables_add_events(struct query *q)
{
	return sqlite3_create_module_v2(q->db, "events", &module, q, NULL);
}
