/* vector_expr.c - expressions over the columns of a batch.
 *
 * Three ways, the first that serves:
 *      by value    of one field that lies as codes: the expression is computed once for each value that the rows have, and the
 *                  codes stay as they are
 *      by column   numbers compared and computed with, in loops over arrays; parts of the clock, once for each part; the branches of
 *                  a choice, each over its rows; several fields of codes, once for each combination
 *      by row      cell by cell: slow, for everything, and what the other two do in their corners
 * The rules are SQLite's (vdbe.c): three-valued logic, its order of types, integers that overflow become real, x / 0 is NULL.
 */
#include <math.h>
#include <stdlib.h>

#include "base/letter.h"
#include "base/mem.h"
#include "base/time.h"
#include "codec/bitmap.h"
#include "query/functions_priv.h"
#include "query/query_priv.h"
#include "query/tables.h"
#include "query/vector_priv.h"

#define STEPS      4000                 /* of SQLite's machine between two looks at the clock */
#define EXACT      (1LL << 53)          /* up to here every integer is a double */
#define MIXED_MOST 0x1p51               /* up to here the quotient of two integers is cut to the right one, as doubles too */
#define ODD_ZONES  94694400000          /* 1973: before, zones had offsets of odd seconds */
#define MEMO_MOST  200000               /* parts of the clock that are remembered from batch to batch */
#define NONE       2                    /* of truths: 0 false, 1 true, 2 NULL */

/* A LIKE whose pattern is constant: what stands between its %, in small letters, is looked for in this order. */
struct pattern {
	struct str whole;
	int any;                        /* it has more than % that means something: it is fitted letter by letter */
	uint32_t escape;
	char *small;
	struct str *part;
	int n, front, back;             /* front: a text begins with the first of them; back: it ends with the last */
};

struct vector_node {
	const struct vector_expr *expr;
	sqlite3_stmt *statement;
	struct pattern *pattern;
	struct cell *sorted;            /* of IN: the constants, where they are few */
	struct vector_ids *many;        /* else */
	int n_sorted, has_null;
	struct { int64_t part; struct cell value; int used; } *memo;    /* of TIME, by hash of the part */
	size_t n_memo, memo_cap;
	struct cell of_null;            /* of TIME, of a row that has no time: one of a LEFT JOIN that met nothing */
	int knows_null;
	struct arena *kept;             /* the memo's texts */
};

#define IN_SORTED 32             /* constants of an IN that are looked for by halving; more by their hashes */

static uint32_t zeros[VECTOR_ROWS];     /* the codes of a constant; never written */

/* ---- a worker */

int
vector_worker_open(struct vector_worker *w, struct query *q, const struct vector_plan *plan, struct vector_input *in, struct err *err)
{
	*w = (struct vector_worker){ .q = q, .plan = plan, .input = in, .arena = arena_new(0) };
	if (in && in->events && !(w->batch = store_batch_open(in->events, err)))
		return err->code;
	if (in && in->join)
		w->probe = vector_probe_open(in->join);
	return 0;
}

static void
pattern_free(struct pattern *p)
{
	if (p)
		free(p->small), free(p->part);
	free(p);
}

void
vector_worker_release(struct vector_worker *w)
{
	store_batch_close(w->batch);
	vector_probe_close(w->probe);
	for (int i = 0; i < w->n_nodes; i++) {
		struct vector_node *n = w->node[i];

		sqlite3_finalize(n->statement);
		pattern_free(n->pattern);
		free(n->sorted), free(n->memo);
		if (n->many)
			vector_ids_release(n->many);
		free(n->many);
		arena_free(n->kept);
		free(n);
	}
	free(w->node);
	for (int i = 0; i < 3; i++) {
		for (size_t k = 0; k < w->pool[i].n_pieces; k++)
			free(w->pool[i].piece[k]);
		free(w->pool[i].piece), free(w->pool[i].array);
	}
	sqlite3_finalize(w->to_number), sqlite3_finalize(w->if_number), sqlite3_finalize(w->to_integer);
	sqlite3_close(w->db);
	functions_free(w->functions);
	arena_free(w->arena);
}

static int
next_batch(struct vector_worker *w, struct err *err)
{
	struct vector_input *in = w->input;
	int rc;

	if (w->batch) {
		if ((rc = store_batch_next(w->batch, err)) > 0) {
			w->n = w->batch->n;
			w->min_time = w->batch->min_time, w->max_time = w->batch->max_time;
			w->place = (struct vector_place){ w->batch->id ? w->batch->id : UINT64_MAX, w->min_time, 0 };
		}
		return rc;
	}
	w->min_time = TIME_MIN, w->max_time = TIME_MAX;
	if (w->probe)
		return vector_probe_next(w->probe, w, err);
	w->from = __atomic_fetch_add(&in->next, VECTOR_ROWS, __ATOMIC_RELAXED);
	if (w->from >= in->table->n)
		return 0;
	w->n = in->table->n - w->from < VECTOR_ROWS ? in->table->n - w->from : VECTOR_ROWS;
	w->place = (struct vector_place){ 0, (int64_t)w->from, 0 };
	return 1;
}

/* A column of a table from a row on; a multiple of VECTOR_ROWS, so that bits begin with a word. */
static struct column
column_from(const struct column *c, size_t from)
{
	struct column out = *c;

	out.valid = c->valid ? c->valid + from / 64 : NULL;
	out.integer = c->form == COLUMN_INTEGER ? c->integer + from : NULL;
	out.real = c->form == COLUMN_REAL ? c->real + from : NULL;
	out.code = c->form == COLUMN_CODES ? c->code + from : NULL;
	return out;
}

int
vector_worker_next(struct vector_worker *w, struct err *err)
{
	memset(w->loaded, 0, sizeof(w->loaded));
	arena_reset(w->arena);
	for (int i = 0; i < 3; i++)
		w->pool[i].n = 0;
	for (int i = 0; i < w->n_nodes; i++)
		if (w->node[i]->n_memo > MEMO_MOST) {
			memset(w->node[i]->memo, 0, w->node[i]->memo_cap * sizeof(*w->node[i]->memo));
			w->node[i]->n_memo = 0;
			w->node[i]->knows_null = 0;
			arena_reset(w->node[i]->kept);
		}
	return next_batch(w, err);
}

void *
vector_array(struct vector_worker *w, size_t size)
{
	struct vector_pool *p = &w->pool[size == 1 ? 0 : size == 4 ? 1 : 2];
	size_t bytes = VECTOR_ROWS * size, together = w->n < VECTOR_ROWS / 4 ? 1 : MEM_LARGE / bytes;

	if (p->n == p->cap) {           /* a large page for several arrays, where they will be filled */
		char *piece = together > 1 ? mem_large(MEM_LARGE) : mem_grow(NULL, bytes, 1);

		p->piece = mem_grow(p->piece, p->n_pieces + 1, sizeof(*p->piece));
		p->piece[p->n_pieces++] = piece;
		p->array = mem_grow(p->array, p->cap + together, sizeof(*p->array));
		for (size_t i = 0; i < together; i++)
			p->array[p->cap++] = piece + i * bytes;
	}
	return p->array[p->n++];
}

void
vector_worker_field(struct vector_worker *w, int column, struct column *out)
{
	*out = column_from(&w->input->table->column[column].column, w->from);
}

int
vector_field(struct vector_worker *w, int field, struct column *out, struct err *err)
{
	if (!w->loaded[field]) {
		enum store_field_of of = w->plan->field[field].of;
		int rc = 0;

		if (w->batch) {
			if ((rc = store_batch_column(w->batch, field, &w->column[field], err)) < 0)
				return rc;
			w->column[field].instant = of == FIELD_TIME || of == FIELD_RECEIVED;
		} else if (w->probe) {
			vector_probe_column(w->probe, w, field, &w->column[field]);
		} else {
			vector_worker_field(w, field, &w->column[field]);
		}
		w->loaded[field] = 1;
	}
	*out = w->column[field];
	return 0;
}

#define FEW_VALUES 4            /* rows to a value: then SQL is asked for each of them, rather than a loop over all rows */
#define FEW 16                  /* one row of so many: the rest of a column need not be decoded */

/* The field, of which only these rows are asked for. */
static int
field_of_rows(struct vector_worker *w, int field, struct vector_rows rows, struct column *out, struct err *err)
{
	enum store_field_of of = w->plan->field[field].of;
	struct store_batch_room room = { .arena = w->arena };
	int rc;

	if (w->loaded[field] || !w->batch || !rows.row || rows.n > w->n / FEW)
		return vector_field(w, field, out, err);
	room.code = vector_array(w, 4);
	room.integer = of == FIELD_TIME ? vector_array(w, 8) : NULL;
	if ((rc = store_batch_some(w->batch, field, rows.row, rows.n, &room, out, err)) < 0)
		return rc;
	out->instant = of == FIELD_TIME || of == FIELD_RECEIVED;
	return 0;
}

static struct vector_node *
node_of(struct vector_worker *w, const struct vector_expr *e)
{
	struct vector_node *n;

	for (int i = 0; i < w->n_nodes; i++)
		if (w->node[i]->expr == e)
			return w->node[i];
	n = mem_new(sizeof(*n));
	n->expr = e;
	w->node = mem_grow(w->node, (size_t)w->n_nodes + 1, sizeof(*w->node));
	return w->node[w->n_nodes++] = n;
}

int
vector_same(const struct vector_expr *a, const struct vector_expr *b)
{
	if (!a || !b)
		return a == b;
	if (a->op != b->op || a->field != b->field || a->n_args != b->n_args || a->every_ms != b->every_ms || !str_eq(a->sql, b->sql) ||
	    a->constant.type != b->constant.type || vector_compare(&a->constant, &b->constant) != 0)
		return 0;
	for (int i = 0; i < a->n_args; i++)
		if (!vector_same(a->arg[i], b->arg[i]))
			return 0;
	return 1;
}

/* ---- SQLite, asked for one value */

static int
progress(void *self)
{
	struct vector_worker *w = self;

	return query_stopped(w->q, &w->ignored) < 0;
}

static int
prepare(struct vector_worker *w, struct str sql, sqlite3_stmt **statement, struct err *err)
{
	struct buf text = { 0 };
	int rc = 0;

	if (!w->db) {
		if ((rc = query_connect(w->q, &w->db, &w->functions, err)) < 0)
			return rc;
		sqlite3_progress_handler(w->db, STEPS, progress, w);
	}
	buf_lit(&text, "SELECT ");
	buf_str(&text, sql);
	if (sqlite3_prepare_v3(w->db, text.p, (int)text.n, SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK)
		rc = err_set(err, ERR_USAGE, "%s", sqlite3_errmsg(w->db));
	buf_release(&text);
	return rc;
}

/* One step of a statement; text is copied to `keep`. */
static int
ask(struct vector_worker *w, sqlite3_stmt *statement, const struct cell *arg, int n, struct arena *keep, struct cell *out, struct err *err)
{
	uint64_t asked = time_asked();
	int rc = 0, step;
	struct str s;

	for (int i = 0; i < n; i++)
		query_bind_cell(statement, i + 1, &arg[i], SQLITE_STATIC);
	step = sqlite3_step(statement);
	if (time_asked() != asked)              /* of the clock, in a thread whose questions nobody else counts */
		__atomic_store_n(&w->q->changing, 1, __ATOMIC_RELAXED);
	if (step != SQLITE_ROW) {
		if (query_stopped(w->q, err) == 0)
			err_set(err, ERR_USAGE, "%s", sqlite3_errmsg(w->db));
		rc = err->code;
		goto out;
	}
	switch (sqlite3_column_type(statement, 0)) {
	case SQLITE_INTEGER:
		*out = cell_integer(sqlite3_column_int64(statement, 0));
		break;
	case SQLITE_FLOAT:
		*out = cell_real(sqlite3_column_double(statement, 0));
		break;
	case SQLITE_NULL:
		*out = cell_null();
		break;
	default:
		s.p = (const char *)sqlite3_column_text(statement, 0);
		s.n = s.p ? (size_t)sqlite3_column_bytes(statement, 0) : 0;
		*out = cell_text((struct str){ arena_dup(keep, s.p ? s.p : "", s.n), s.n });
	}
out:
	sqlite3_reset(statement);
	return rc;
}

static void
number_type(sqlite3_context *c, int n, sqlite3_value **v)       /* a number, or a text that is one as a whole; else NULL */
{
	int type = sqlite3_value_numeric_type(v[0]);

	(void)n;
	if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
		sqlite3_result_value(c, v[0]);
}

int
vector_number(struct vector_worker *w, struct cell c, int loose, struct cell *out, struct err *err)
{
	sqlite3_stmt **statement = loose ? &w->to_number : &w->if_number;
	int rc;

	*out = c;
	if (c.type != CELL_TEXT)
		return 0;
	if (!w->db && (rc = prepare(w, STR("?1 + 0"), &w->to_number, err)) < 0)
		return rc;
	if (!*statement) {
		if (!loose && sqlite3_create_function_v2(w->db, "at_number", 1, SQLITE_UTF8 | SQLITE_INNOCUOUS, NULL, number_type, NULL, NULL, NULL) != SQLITE_OK)
			return err_set(err, ERR_IO, "SQLite: %s", sqlite3_errmsg(w->db));
		if ((rc = prepare(w, loose ? STR("?1 + 0") : STR("at_number(?1)"), statement, err)) < 0)
			return rc;
	}
	return ask(w, *statement, &c, 1, w->arena, out, err);
}

int
vector_summand(struct vector_worker *w, struct cell c, struct cell *out, struct err *err)
{
	int rc = vector_number(w, c, 0, out, err);

	if (rc < 0 || out->type != CELL_NULL || c.type != CELL_TEXT || (rc = vector_number(w, c, 1, out, err)) < 0)
		return rc;
	if (out->type == CELL_INTEGER)
		*out = cell_real((double)out->integer);
	return 0;
}

int
vector_text(struct vector_worker *w, struct cell c, struct str *out, struct err *err)
{
	char digits[40];
	struct cell text;

	if (c.type == CELL_INTEGER)
		sqlite3_snprintf(sizeof(digits), digits, "%lld", (long long)c.integer);
	else if (c.type == CELL_REAL)
		sqlite3_snprintf(sizeof(digits), digits, "%!.15g", c.real);     /* as SQLite makes texts of them */
	else
		return *out = c.text, 0;
	(void)err;
	text = cell_text((struct str){ arena_dup(w->arena, digits, strlen(digits)), strlen(digits) });
	*out = text.text;
	return 0;
}

/* ---- cells */

static int
compare_mixed(int64_t i, double r)
{
	int64_t y;

	if (r < -9223372036854775808.0)
		return 1;
	if (r >= 9223372036854775808.0)
		return -1;
	y = (int64_t)r;
	if (i != y)
		return i < y ? -1 : 1;
	return ((double)i > r) - ((double)i < r);
}

int
vector_compare(const struct cell *a, const struct cell *b)
{
	static const unsigned char rank[] = { [CELL_NULL] = 0, [CELL_INTEGER] = 1, [CELL_REAL] = 1, [CELL_TEXT] = 2 };

	if (rank[a->type] != rank[b->type])
		return rank[a->type] < rank[b->type] ? -1 : 1;
	switch (a->type) {
	case CELL_INTEGER:
		return b->type == CELL_INTEGER ? (a->integer > b->integer) - (a->integer < b->integer) : compare_mixed(a->integer, b->real);
	case CELL_REAL:
		return b->type == CELL_REAL ? (a->real > b->real) - (a->real < b->real) : -compare_mixed(b->integer, a->real);
	case CELL_TEXT:
		return str_cmp(a->text, b->text);
	default:
		return 0;
	}
}

struct cell
vector_column_cell(const struct column *c, size_t i, char text[TIME_LEN])
{
	switch (c->form) {
	case COLUMN_INTEGER:
		if (!vector_valid(c->valid, i))
			return cell_null();
		if (!c->instant)
			return cell_integer(c->integer[i]);
		time_print(c->integer[i], text);
		return cell_text((struct str){ text, TIME_LEN });
	case COLUMN_REAL:
		if (!vector_valid(c->valid, i))
			return cell_null();
		return vector_is_integer(c, i) ? cell_integer((int64_t)c->real[i]) : cell_real(c->real[i]);
	case COLUMN_CODES:
		return c->value[c->code[i]];
	default:
		return cell_null();
	}
}

struct cell
vector_cell(struct vector_worker *w, const struct column *c, size_t i)
{
	char *text = c->instant ? arena_get(w->arena, TIME_LEN) : NULL;

	return vector_column_cell(c, i, text);
}

/* ---- LIKE */

static unsigned char
fold(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c | 32 : c;
}

static int
same_folded(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fold((unsigned char)a[i]) != fold((unsigned char)b[i]))
			return 0;
	return 1;
}

static struct str
until_zero(struct str s)                        /* SQLite's LIKE looks no further */
{
	const char *end = memchr(s.p, 0, s.n);

	return (struct str){ s.p, end ? (size_t)(end - s.p) : s.n };
}

/* Does the text fit the pattern? One step back is enough: to the last %, with one character more taken by it. */
static int
fits(struct str pattern, struct str s, uint32_t escape)
{
	struct str again = { 0 }, from = s;

	for (;;) {
		struct str rest = pattern, left = s;
		uint32_t p;

		if (!rest.n) {
			if (!left.n)
				return 1;
		} else if ((p = letter_take(&rest)) == escape) {
			if (!rest.n)
				return 0;
			p = letter_take(&rest);
			if (left.n) {
				uint32_t ch = letter_take(&left);

				if (p == ch || (p < 0x80 && ch < 0x80 && fold((unsigned char)p) == fold((unsigned char)ch))) {
					pattern = rest, s = left;
					continue;
				}
			}
		} else if (p == '%') {
			again = pattern = rest;
			from = s;
			if (!rest.n)
				return 1;
			continue;
		} else if (left.n) {
			uint32_t ch = letter_take(&left);

			if (p == '_' || p == ch || (p < 0x80 && ch < 0x80 && fold((unsigned char)p) == fold((unsigned char)ch))) {
				pattern = rest, s = left;
				continue;
			}
		}
		if (!again.p || !from.n)
			return 0;
		letter_take(&from);
		pattern = again, s = from;
	}
}

static struct pattern *
compile(struct str text, uint32_t escape)
{
	struct pattern *p = mem_new(sizeof(*p));
	size_t from = 0;

	p->whole = until_zero(text);
	p->escape = escape;
	p->any = escape != UINT32_MAX || (p->whole.n && memchr(p->whole.p, '_', p->whole.n));
	p->front = p->back = 1;
	if (p->any || !p->whole.n)
		return p;
	p->front = p->whole.p[0] != '%';
	p->back = p->whole.p[p->whole.n - 1] != '%';
	p->small = mem_dup(p->whole.p, p->whole.n);
	p->part = mem_grow(NULL, p->whole.n, sizeof(*p->part));
	for (size_t i = 0; i < p->whole.n; i++)
		p->small[i] = (char)fold((unsigned char)p->small[i]);
	for (size_t i = 0; i <= p->whole.n; i++)
		if (i == p->whole.n || p->small[i] == '%') {
			if (i > from)
				p->part[p->n++] = (struct str){ p->small + from, i - from };
			from = i + 1;
		}
	return p;
}

/* Each part where it can be first, as nothing that follows is better off with a later one. */
static int
has_parts(const struct pattern *p, struct str s)
{
	int first = 0, last = p->n;
	ptrdiff_t at;

	if (p->front && p->back && p->n < 2)
		return p->n ? s.n == p->part->n && same_folded(s.p, p->part->p, s.n) : s.n == 0;
	if (p->front) {
		struct str one = p->part[first++];

		if (s.n < one.n || !same_folded(s.p, one.p, one.n))
			return 0;
		s.p += one.n, s.n -= one.n;
	}
	if (p->back) {
		struct str one = p->part[--last];

		if (s.n < one.n || !same_folded(s.p + s.n - one.n, one.p, one.n))
			return 0;
		s.n -= one.n;
	}
	for (; first < last; first++) {
		if ((at = vector_find_folded(s, p->part[first])) < 0)
			return 0;
		s.p += (size_t)at + p->part[first].n, s.n -= (size_t)at + p->part[first].n;
	}
	return 1;
}

static int
like(const struct pattern *p, struct str s)
{
	if (!p->any && !p->front && p->n && vector_find_folded(s, p->part[0]) < 0)
		return 0;               /* most are, whether or not there is a zero in them */
	if (memchr(s.p, 0, s.n))
		s = until_zero(s);
	return p->any ? fits(p->whole, s, p->escape) : has_parts(p, s);
}

/* ---- by row: the value of an expression for one row, or for one value of its only field */

struct scope {
	struct vector_worker *w;
	int field;                      /* whose value this is; -1: row `row` of the batch */
	struct cell value;
	size_t row;
	struct err *err;                /* the first fault; what is computed behind it means nothing */
};

static struct cell cell_of(struct scope *, const struct vector_expr *);

static int
truth_of_cell(struct scope *s, struct cell c)
{
	if (c.type == CELL_TEXT && vector_number(s->w, c, 1, &c, s->err) < 0)
		return NONE;
	return c.type == CELL_NULL ? NONE : c.type == CELL_INTEGER ? c.integer != 0 : c.real != 0;
}

static struct cell
cell_of_truth(int truth)
{
	return truth == NONE ? cell_null() : cell_integer(truth);
}

static int
order_fits(enum vector_op op, int order)
{
	switch (op) {
	case VECTOR_EQ:
	case VECTOR_IS:
		return order == 0;
	case VECTOR_NE:
	case VECTOR_IS_NOT:
		return order != 0;
	case VECTOR_LT:
		return order < 0;
	case VECTOR_LE:
		return order <= 0;
	case VECTOR_GT:
		return order > 0;
	default:
		return order >= 0;
	}
}

static int64_t
as_integer(struct cell c)                       /* SQLite's cast of a real: cut, and held within the range */
{
	if (c.type == CELL_INTEGER)
		return c.integer;
	return c.real <= -9223372036854775808.0 ? INT64_MIN : c.real >= 9223372036854775808.0 ? INT64_MAX : (int64_t)c.real;
}

static struct cell
real_or_null(double r)
{
	return isnan(r) ? cell_null() : cell_real(r);
}

/* For %: an integer that a text begins with keeps all its digits, also where the text as a number is a real. */
static int64_t
integer_of(struct scope *s, struct cell c)
{
	if (c.type == CELL_TEXT && ((!s->w->to_integer && prepare(s->w, STR("CAST(?1 AS INTEGER)"), &s->w->to_integer, s->err) < 0) ||
	    ask(s->w, s->w->to_integer, &c, 1, s->w->arena, &c, s->err) < 0))
		return 0;
	return as_integer(c);
}

static struct cell
arithmetic(struct scope *s, enum vector_op op, struct cell a, struct cell b)
{
	const struct cell left = a, right = b;
	int64_t i;
	double x, y;

	if (a.type == CELL_NULL || b.type == CELL_NULL || vector_number(s->w, a, 1, &a, s->err) < 0 || vector_number(s->w, b, 1, &b, s->err) < 0)
		return cell_null();
	if (op == VECTOR_MOD) {
		int64_t n = integer_of(s, left), m = integer_of(s, right);

		if (m == 0)
			return cell_null();
		i = m == -1 ? 0 : n % m;
		return a.type == CELL_INTEGER && b.type == CELL_INTEGER ? cell_integer(i) : cell_real((double)i);
	}
	if (a.type == CELL_INTEGER && b.type == CELL_INTEGER) {
		switch (op) {
		case VECTOR_ADD:
			if (!__builtin_add_overflow(a.integer, b.integer, &i))
				return cell_integer(i);
			break;
		case VECTOR_SUB:
			if (!__builtin_sub_overflow(a.integer, b.integer, &i))
				return cell_integer(i);
			break;
		case VECTOR_MUL:
			if (!__builtin_mul_overflow(a.integer, b.integer, &i))
				return cell_integer(i);
			break;
		default:
			if (b.integer == 0)
				return cell_null();
			if (b.integer != -1 || a.integer != INT64_MIN)
				return cell_integer(a.integer / b.integer);
		}
	}
	x = a.type == CELL_INTEGER ? (double)a.integer : a.real;
	y = b.type == CELL_INTEGER ? (double)b.integer : b.real;
	switch (op) {
	case VECTOR_ADD:
		return real_or_null(x + y);
	case VECTOR_SUB:
		return real_or_null(x - y);
	case VECTOR_MUL:
		return real_or_null(x * y);
	default:
		return y == 0 ? cell_null() : real_or_null(x / y);
	}
}

static double
rounded(double r)                               /* SQLite's round(X): what is larger has no fraction */
{
	return r < -4503599627370496.0 || r > 4503599627370496.0 ? r : (double)(int64_t)(r + (r < 0 ? -0.5 : 0.5));
}

static struct cell
round_of(struct scope *s, struct cell c)
{
	if (c.type == CELL_NULL || vector_number(s->w, c, 1, &c, s->err) < 0)
		return cell_null();
	return cell_real(rounded(c.type == CELL_INTEGER ? (double)c.integer : c.real));
}

static int
by_value(const void *a, const void *b)
{
	return vector_compare(a, b);
}

static void
keep_constants(struct vector_node *n, const struct vector_expr *e)
{
	if (e->n_args > IN_SORTED) {
		n->many = mem_new(sizeof(*n->many));
		vector_ids_init(n->many, 1);
	} else {
		n->sorted = mem_grow(NULL, (size_t)e->n_args, sizeof(*n->sorted));
	}
	for (int i = 1; i < e->n_args; i++) {
		if (e->arg[i]->constant.type == CELL_NULL)
			n->has_null = 1;
		else if (n->many)
			vector_ids_put(n->many, &e->arg[i]->constant);
		else
			n->sorted[n->n_sorted++] = e->arg[i]->constant;
	}
	if (n->n_sorted)
		qsort(n->sorted, (size_t)n->n_sorted, sizeof(*n->sorted), by_value);
}

static int
is_sorted_in(const struct vector_node *n, const struct cell *c)
{
	for (int low = 0, high = n->n_sorted; low < high; ) {
		int middle = low + (high - low) / 2, order = vector_compare(&n->sorted[middle], c);

		if (order == 0)
			return 1;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

static struct cell
in(struct scope *s, const struct vector_expr *e)
{
	struct vector_node *n = node_of(s->w, e);
	struct cell c;

	if (e->n_args < 2)
		return cell_integer(0);
	if (!n->sorted && !n->many)
		keep_constants(n, e);
	c = cell_of(s, e->arg[0]);
	if (c.type == CELL_NULL)
		return c;
	if (n->many ? vector_ids_find(n->many, &c) != 0 : is_sorted_in(n, &c))
		return cell_integer(1);
	return n->has_null ? cell_null() : cell_integer(0);
}

static void
keep_pattern(struct vector_node *n, struct str text, struct str with)
{
	uint32_t escape = with.n ? letter_take(&with) : UINT32_MAX;

	n->kept = n->kept ? n->kept : arena_new(0);
	n->pattern = compile((struct str){ arena_dup(n->kept, text.p, text.n), text.n }, escape);
}

static double
of_real(enum vector_op op, double x)
{
	return op == VECTOR_FLOOR ? floor(x) : op == VECTOR_CEIL ? ceil(x) : x < 0 ? -x : x;
}

/* floor, ceil, abs; of a text as SQLite has it. */
static struct cell
kept_of(struct scope *s, const struct vector_expr *e)
{
	struct vector_node *n;
	struct cell c = cell_of(s, e->arg[0]);

	if (c.type == CELL_NULL || (c.type == CELL_INTEGER && e->op != VECTOR_ABS))
		return c;
	if (c.type == CELL_INTEGER && c.integer != INT64_MIN)
		return cell_integer(c.integer < 0 ? -c.integer : c.integer);
	if (c.type == CELL_REAL)
		return cell_real(of_real(e->op, c.real));
	n = node_of(s->w, e);
	if (!n->statement && prepare(s->w, e->op == VECTOR_FLOOR ? STR("floor(?1)") : e->op == VECTOR_CEIL ? STR("ceil(?1)") : STR("abs(?1)"), &n->statement, s->err) < 0)
		return cell_null();
	return ask(s->w, n->statement, &c, 1, s->w->arena, &c, s->err) < 0 ? cell_null() : c;
}

/* Of a text the number it begins with, or what a statement makes of it. */
static struct cell
real_of(struct scope *s, const struct vector_expr *e)
{
	struct cell c = cell_of(s, e->arg[0]);
	struct vector_node *n;

	if (c.type == CELL_TEXT && e->sql.n) {
		n = node_of(s->w, e);
		if (s->err->code || (!n->statement && prepare(s->w, e->sql, &n->statement, s->err) < 0) ||
		    ask(s->w, n->statement, &c, 1, s->w->arena, &c, s->err) < 0)
			return cell_null();
		return c;
	}
	if (c.type == CELL_NULL || vector_number(s->w, c, 1, &c, s->err) < 0)
		return cell_null();
	return c.type == CELL_INTEGER ? cell_real((double)c.integer) : c;
}

/* Letters of ASCII alone, and no zero: its cases are those that LIKE knows. */
static int
is_ascii(const struct cell *c)
{
	if (c->type != CELL_TEXT)
		return 0;
	for (size_t i = 0; i < c->text.n; i++)
		if (c->text.p[i] <= 0)
			return 0;
	return 1;
}

static struct cell
like_of(struct scope *s, const struct vector_expr *e)
{
	struct vector_node *n = node_of(s->w, e);
	struct cell c = cell_of(s, e->arg[0]), pattern, with = cell_null();
	struct str text;

	pattern = cell_of(s, e->arg[1]);
	if (e->n_args > 2)
		with = cell_of(s, e->arg[2]);
	if (c.type == CELL_NULL || pattern.type == CELL_NULL || (e->n_args > 2 && with.type == CELL_NULL))
		return cell_null();
	if (e->op == VECTOR_ILIKE && !(is_ascii(&c) && is_ascii(&pattern))) {   /* letters of all scripts: functions_text.c */
		struct cell arg[] = { pattern, c, with };

		if (!n->statement && prepare(s->w, e->n_args > 2 ? STR("match(?1, ?2, ?3)") : STR("match(?1, ?2)"), &n->statement, s->err) < 0)
			return cell_null();
		if (ask(s->w, n->statement, arg, e->n_args > 2 ? 3 : 2, s->w->arena, &c, s->err) < 0)
			return cell_null();
		return c;
	}
	if (!n->pattern) {
		if (vector_text(s->w, pattern, &text, s->err) < 0)
			return cell_null();
		keep_pattern(n, text, e->n_args > 2 ? with.text : (struct str){ NULL, 0 });
	}
	if (vector_text(s->w, c, &text, s->err) < 0)
		return cell_null();
	return cell_integer(like(n->pattern, text));
}

/* The start of the part of the clock that t lies in. */
static int64_t
part_of(int64_t t, int64_t every)
{
	int64_t r;

	if (t < ODD_ZONES && every > 1000)
		every = 1000;
	r = t % every;
	return t - (r < 0 ? r + every : r);
}

static size_t
memo_slot(const struct vector_node *n, int64_t part)
{
	size_t i = (size_t)((uint64_t)part * 0x9e3779b97f4a7c15u >> 20) & (n->memo_cap - 1);

	while (n->memo[i].used && n->memo[i].part != part)
		i = (i + 1) & (n->memo_cap - 1);
	return i;
}

/* The value of a part of the clock, which SQLite is asked for once. */
static int
value_of_part(struct vector_worker *w, struct vector_node *n, int64_t part, int64_t t, struct cell *out, struct err *err)
{
	char text[TIME_LEN];
	struct cell arg;
	size_t i;
	int rc;

	if (2 * n->n_memo >= n->memo_cap) {
		void *old = n->memo;
		size_t old_cap = n->memo_cap;

		n->memo_cap = old_cap ? 2 * old_cap : 256;
		n->memo = mem_new(n->memo_cap * sizeof(*n->memo));
		for (size_t k = 0; k < old_cap; k++) {
			__typeof__(*n->memo) *one = (__typeof__(n->memo))old + k;

			if (one->used)
				n->memo[memo_slot(n, one->part)] = *one;
		}
		free(old);
	}
	i = memo_slot(n, part);
	if (!n->memo[i].used) {
		n->kept = n->kept ? n->kept : arena_new(0);
		time_print(t, text);
		arg = cell_text((struct str){ text, TIME_LEN });
		if ((!n->statement && (rc = prepare(w, n->expr->sql, &n->statement, err)) < 0) ||
		    (rc = ask(w, n->statement, &arg, 1, n->kept, &n->memo[i].value, err)) < 0)
			return rc;
		n->memo[i].used = 1;
		n->memo[i].part = part;
		n->n_memo++;
	}
	*out = n->memo[i].value;
	return 0;
}

/* The value where there is no time, which need not be NULL: `date(timestamp) IS NULL`. SQLite is asked for it once too. */
static int
value_of_null(struct vector_worker *w, struct vector_node *n, struct cell *out, struct err *err)
{
	struct cell arg = cell_null();
	int rc;

	if (!n->knows_null) {
		n->kept = n->kept ? n->kept : arena_new(0);
		if ((!n->statement && (rc = prepare(w, n->expr->sql, &n->statement, err)) < 0) ||
		    (rc = ask(w, n->statement, &arg, 1, n->kept, &n->of_null, err)) < 0)
			return rc;
		n->knows_null = 1;
	}
	*out = n->of_null;
	return 0;
}

static struct cell
time_of(struct scope *s, const struct vector_expr *e)
{
	struct vector_node *n = node_of(s->w, e);
	struct cell value = cell_null();
	struct column c;

	if (vector_field(s->w, e->field, &c, s->err) < 0)
		return cell_null();
	if (c.form != COLUMN_INTEGER || !vector_valid(c.valid, s->row))
		value_of_null(s->w, n, &value, s->err);
	else
		value_of_part(s->w, n, part_of(c.integer[s->row], e->every_ms), c.integer[s->row], &value, s->err);
	return s->err->code ? cell_null() : value;
}

static struct cell
clock_of(struct scope *s, const struct vector_expr *e)          /* VECTOR_EPOCH, VECTOR_JULIAN */
{
	struct column c;

	if (vector_field(s->w, e->arg[0]->field, &c, s->err) < 0 || c.form != COLUMN_INTEGER || !vector_valid(c.valid, s->row))
		return cell_null();
	return e->op == VECTOR_JULIAN ? cell_real(vector_julian_day(c.integer[s->row])) : cell_integer(time_floor_div(c.integer[s->row], e->every_ms));
}

static struct cell
sql_of(struct scope *s, const struct vector_expr *e)
{
	struct vector_node *n = node_of(s->w, e);
	struct cell few[8], *arg = e->n_args <= 8 ? few : mem_grow(NULL, (size_t)e->n_args, sizeof(*arg)), out = cell_null();

	for (int i = 0; i < e->n_args; i++)
		arg[i] = cell_of(s, e->arg[i]);
	if (s->err->code || (!n->statement && prepare(s->w, e->sql, &n->statement, s->err) < 0) ||
	    ask(s->w, n->statement, arg, e->n_args, s->w->arena, &out, s->err) < 0)
		out = cell_null();
	if (arg != few)
		free(arg);
	return out;
}

static struct cell
field_of(struct scope *s, int field)
{
	struct column c;

	if (field == s->field)
		return s->value;
	return vector_field(s->w, field, &c, s->err) < 0 ? cell_null() : vector_cell(s->w, &c, s->row);
}

static struct cell
logic(struct scope *s, const struct vector_expr *e)
{
	int decides = e->op == VECTOR_OR, truth = !decides;

	for (int i = 0; i < e->n_args && truth != decides; i++) {
		int t = truth_of_cell(s, cell_of(s, e->arg[i]));

		if (t == decides || t == NONE)
			truth = t;
	}
	return cell_of_truth(truth);
}

static struct cell
cell_of(struct scope *s, const struct vector_expr *e)
{
	struct cell a, b;
	int t;

	if (s->err->code)
		return cell_null();
	switch (e->op) {
	case VECTOR_FIELD:
		return field_of(s, e->field);
	case VECTOR_CONSTANT:
		return e->constant;
	case VECTOR_AND:
	case VECTOR_OR:
		return logic(s, e);
	case VECTOR_NOT:
		t = truth_of_cell(s, cell_of(s, e->arg[0]));
		return cell_of_truth(t == NONE ? NONE : !t);
	case VECTOR_EQ:
	case VECTOR_NE:
	case VECTOR_LT:
	case VECTOR_LE:
	case VECTOR_GT:
	case VECTOR_GE:
		a = cell_of(s, e->arg[0]), b = cell_of(s, e->arg[1]);
		return a.type == CELL_NULL || b.type == CELL_NULL ? cell_null() : cell_integer(order_fits(e->op, vector_compare(&a, &b)));
	case VECTOR_IS:
	case VECTOR_IS_NOT:
		a = cell_of(s, e->arg[0]), b = cell_of(s, e->arg[1]);
		return cell_integer(order_fits(e->op, vector_compare(&a, &b)));
	case VECTOR_IN:
		return in(s, e);
	case VECTOR_LIKE:
	case VECTOR_ILIKE:
		return like_of(s, e);
	case VECTOR_ADD:
	case VECTOR_SUB:
	case VECTOR_MUL:
	case VECTOR_DIV:
	case VECTOR_MOD:
		a = cell_of(s, e->arg[0]);
		return arithmetic(s, e->op, a, cell_of(s, e->arg[1]));
	case VECTOR_NEG:
		return arithmetic(s, VECTOR_SUB, cell_integer(0), cell_of(s, e->arg[0]));
	case VECTOR_CASE:
		for (int i = 0; i + 1 < e->n_args; i += 2)
			if (truth_of_cell(s, cell_of(s, e->arg[i])) == 1)
				return cell_of(s, e->arg[i + 1]);
		return e->n_args % 2 ? cell_of(s, e->arg[e->n_args - 1]) : cell_null();
	case VECTOR_COALESCE:
		a = cell_null();
		for (int i = 0; i < e->n_args && a.type == CELL_NULL; i++)
			a = cell_of(s, e->arg[i]);
		return a;
	case VECTOR_EPOCH:
	case VECTOR_JULIAN:
		return clock_of(s, e);
	case VECTOR_ROUND:
		return round_of(s, cell_of(s, e->arg[0]));
	case VECTOR_INTEGER:
		a = cell_of(s, e->arg[0]);
		return a.type == CELL_NULL ? a : cell_integer(integer_of(s, a));
	case VECTOR_REAL:
		return real_of(s, e);
	case VECTOR_FLOOR:
	case VECTOR_CEIL:
	case VECTOR_ABS:
		return kept_of(s, e);
	case VECTOR_TIME:
		return time_of(s, e);
	case VECTOR_CALL:
	case VECTOR_SQL:
		return sql_of(s, e);
	}
	return cell_null();
}

/* ---- whole columns */

#define NO_FIELD (-1)
#define SEVERAL  (-2)

static int
is_of_instants(enum vector_op op)
{
	return op == VECTOR_TIME || op == VECTOR_EPOCH || op == VECTOR_JULIAN;
}

/* The only field of an expression. TIME counts as several: it is no function of a value, but of the row. */
static int
only_field(const struct vector_expr *e)
{
	int only = NO_FIELD;

	if (e->op == VECTOR_FIELD)
		return e->field;
	if (is_of_instants(e->op))
		return SEVERAL;
	for (int i = 0; i < e->n_args; i++) {
		int f = only_field(e->arg[i]);

		if (f == SEVERAL || (f != NO_FIELD && only != NO_FIELD && f != only))
			return SEVERAL;
		only = f == NO_FIELD ? only : f;
	}
	return only;
}

static void
give_constant(struct vector_worker *w, struct cell c, struct column *out)
{
	struct cell *value = arena_get(w->arena, sizeof(*value));

	*value = c;
	*out = (struct column){ .form = c.type == CELL_NULL ? COLUMN_NULL : COLUMN_CODES, .code = zeros, .value = value, .n_values = 1 };
}

/* Which values do the rows have? NULL where it does not pay to look. */
static const unsigned char *
used_values(struct vector_worker *w, const struct column *c, struct vector_rows rows, int must)
{
	unsigned char *used;

	if (!must && c->n_values <= rows.n / 2)
		return NULL;
	used = c->n_values <= VECTOR_ROWS ? vector_array(w, 1) : arena_get(w->arena, c->n_values);
	memset(used, 0, c->n_values);
	for (size_t k = 0; k < rows.n; k++)
		used[c->code[vector_row(rows, k)]] = 1;
	return used;
}

/* SQLite may refuse a value (malformed JSON), so it is not asked about values that no row has. */
static int
may_fail(const struct vector_expr *e)
{
	if (e->op == VECTOR_SQL || e->op == VECTOR_CALL || e->op == VECTOR_ILIKE || e->op == VECTOR_ABS)
		return 1;
	for (int i = 0; i < e->n_args; i++)
		if (may_fail(e->arg[i]))
			return 1;
	return 0;
}

static int
eval_values(struct vector_worker *w, const struct vector_expr *e, int field, const struct column *c, struct vector_rows rows, struct column *out,
    struct err *err)
{
	struct scope s = { .w = w, .field = field, .err = err };
	const unsigned char *used = used_values(w, c, rows, may_fail(e));
	struct cell *value = arena_get(w->arena, c->n_values * sizeof(*value));

	for (size_t v = 0; v < c->n_values; v++) {
		if (used && !used[v]) {
			value[v] = cell_null();
			continue;
		}
		s.value = c->value[v];
		value[v] = cell_of(&s, e);
		if (err->code)
			return err->code;
	}
	*out = (struct column){ .form = COLUMN_CODES, .code = c->code, .value = value, .n_values = c->n_values };
	return 0;
}

static int
eval_rows(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, struct column *out, struct err *err)
{
	struct scope s = { .w = w, .field = -1, .err = err };
	struct cell *value = arena_get(w->arena, (rows.n + 1) * sizeof(*value));
	uint32_t *code = vector_array(w, 4);

	value[0] = cell_null();
	for (size_t k = 0; k < rows.n; k++) {
		s.row = vector_row(rows, k);
		value[k + 1] = cell_of(&s, e);
		code[s.row] = (uint32_t)k + 1;
		if (err->code)
			return err->code;
		if ((k & 1023) == 1023 && query_stopped(w->q, err) < 0)
			return err->code;
	}
	*out = (struct column){ .form = COLUMN_CODES, .code = code, .value = value, .n_values = (uint32_t)rows.n + 1 };
	return 0;
}

/* Parts of the clock: rows lie in order of time, so most rows have the part of the row before. */
static int
eval_time(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, struct column *out, struct err *err)
{
	struct vector_node *n = node_of(w, e);
	struct column c;
	uint32_t *code = vector_array(w, 4), n_values = 1, cap = 64;
	struct cell *value = arena_get(w->arena, cap * sizeof(*value));
	int64_t from = 0, to = 0;
	int rc = vector_field(w, e->field, &c, err);

	if (rc < 0)
		return rc;
	if (c.form != COLUMN_INTEGER) {
		if ((rc = value_of_null(w, n, &value[0], err)) == 0)
			give_constant(w, value[0], out);
		return rc;
	}
	from = part_of(w->min_time, e->every_ms);
	if (!c.valid && w->plan->field[e->field].of == FIELD_TIME && from == part_of(w->max_time, e->every_ms)) {
		struct cell one;        /* the whole batch lies in one part */

		if ((rc = value_of_part(w, n, from, c.integer[vector_row(rows, 0)], &one, err)) == 0)
			give_constant(w, one, out);
		return rc;
	}
	from = 0;
	value[0] = cell_null();
	if (c.valid && (rc = value_of_null(w, n, &value[0], err)) < 0)
		return rc;
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		int64_t t = c.integer[i];

		if (!vector_valid(c.valid, i)) {
			code[i] = 0;
			continue;
		}
		if (t < from || t >= to) {
			if (n_values == cap) {
				struct cell *more = arena_get(w->arena, 2 * (size_t)cap * sizeof(*more));

				memcpy(more, value, n_values * sizeof(*value));
				value = more;
				cap *= 2;
			}
			from = part_of(t, e->every_ms);
			to = from + (t < ODD_ZONES && e->every_ms > 1000 ? 1000 : e->every_ms);
			if ((rc = value_of_part(w, n, from, t, &value[n_values++], err)) < 0)
				return rc;
		}
		code[i] = n_values - 1;
	}
	*out = (struct column){ .form = COLUMN_CODES, .code = code, .value = value, .n_values = n_values };
	return 0;
}

/* ---- numbers by column: a constant is an array of one item that is not moved along */

struct operand {
	int real, step;                 /* real: there are doubles */
	const struct column *mixed;     /* … that are integers to SQL, some of them */
	const int64_t *integer;
	const double *number;
	const uint64_t *valid;
	struct cell constant;
};

/* 1 when the column is of numbers. */
static int
operand_of(const struct vector_expr *e, const struct column *c, struct operand *o)
{
	if (e->op == VECTOR_CONSTANT && (e->constant.type == CELL_INTEGER || e->constant.type == CELL_REAL)) {
		o->constant = e->constant;
		o->real = e->constant.type == CELL_REAL;
		o->integer = &o->constant.integer, o->number = &o->constant.real;
		o->step = 0, o->valid = NULL, o->mixed = NULL;
		return 1;
	}
	if ((c->form != COLUMN_INTEGER || c->instant) && c->form != COLUMN_REAL)
		return 0;
	*o = (struct operand){ .real = c->form == COLUMN_REAL, .mixed = c->form == COLUMN_REAL && c->whole ? c : NULL, .step = 1, .integer = c->integer, .number = c->real, .valid = c->valid };
	return 1;
}

static void
compare_numbers(const struct operand *a, const struct operand *b, enum vector_op op, struct vector_rows rows, unsigned char *truth)
{
	const unsigned char fits_at[3] = { (unsigned char)order_fits(op, -1), (unsigned char)order_fits(op, 0), (unsigned char)order_fits(op, 1) };
	const size_t p = (size_t)a->step, q = (size_t)b->step;

	if (!a->real && !b->real) {
		for (size_t k = 0; k < rows.n; k++) {
			size_t i = vector_row(rows, k);
			int64_t x = a->integer[i * p], y = b->integer[i * q];

			truth[i] = fits_at[1 + (x > y) - (x < y)];
		}
	} else if (a->real && b->real) {
		for (size_t k = 0; k < rows.n; k++) {
			size_t i = vector_row(rows, k);
			double x = a->number[i * p], y = b->number[i * q];

			truth[i] = fits_at[1 + (x > y) - (x < y)];
		}
	} else {
		for (size_t k = 0; k < rows.n; k++) {
			size_t i = vector_row(rows, k);

			truth[i] = fits_at[1 + (a->real ? -compare_mixed(b->integer[i * q], a->number[i * p]) : compare_mixed(a->integer[i * p], b->number[i * q]))];
		}
	}
	if (a->valid || b->valid)
		for (size_t k = 0; k < rows.n; k++) {
			size_t i = vector_row(rows, k);

			if (!vector_valid(a->valid, i) || !vector_valid(b->valid, i))
				truth[i] = NONE;
		}
}

static int
is_comparison(enum vector_op op)
{
	return op >= VECTOR_EQ && op <= VECTOR_GE;
}

/* An instant compared with a text: bounds of time that say the same (tables_bound). 1 when it was that. */
static int
compare_instants(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, unsigned char *truth, struct err *err)
{
	static const char letter[] = { [VECTOR_EQ] = '=', [VECTOR_NE] = '=', [VECTOR_LT] = '<', [VECTOR_LE] = 'L', [VECTOR_GT] = '>', [VECTOR_GE] = 'G' };
	static const enum vector_op turned[] = { [VECTOR_EQ] = VECTOR_EQ, [VECTOR_NE] = VECTOR_NE, [VECTOR_LT] = VECTOR_GT, [VECTOR_LE] = VECTOR_GE,
		[VECTOR_GT] = VECTOR_LT, [VECTOR_GE] = VECTOR_LE };
	const struct vector_expr *field = e->arg[0], *text = e->arg[1];
	struct tables_range range = TABLES_ALL;
	enum vector_op op = e->op;
	struct column c;

	if (field->op == VECTOR_CONSTANT)
		field = e->arg[1], text = e->arg[0], op = turned[op];
	if (field->op != VECTOR_FIELD || text->op != VECTOR_CONSTANT || text->constant.type != CELL_TEXT)
		return 0;
	if (vector_field(w, field->field, &c, err) < 0)
		return err->code;
	if (c.form != COLUMN_INTEGER || !c.instant || c.valid)
		return 0;
	tables_bound(&range, letter[op], text->constant.text);
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		truth[i] = (unsigned char)((c.integer[i] >= range.from && c.integer[i] < range.to) ^ (op == VECTOR_NE));
	}
	return 1;
}

/* x IS [NOT] NULL of a column of numbers. */
static int
is_null(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, unsigned char *truth, struct err *err)
{
	struct column c;

	if (e->arg[1]->op != VECTOR_CONSTANT || e->arg[1]->constant.type != CELL_NULL)
		return 0;
	if (vector_eval(w, e->arg[0], rows, &c, err) < 0)
		return err->code;
	if (c.form == COLUMN_CODES)
		for (size_t k = 0; k < rows.n; k++) {
			size_t i = vector_row(rows, k);

			truth[i] = (unsigned char)((c.value[c.code[i]].type == CELL_NULL) ^ (e->op == VECTOR_IS_NOT));
		}
	else
		for (size_t k = 0; k < rows.n; k++) {
			size_t i = vector_row(rows, k);

			truth[i] = (unsigned char)((c.form == COLUMN_NULL || !vector_valid(c.valid, i)) ^ (e->op == VECTOR_IS_NOT));
		}
	return 1;
}

/* The truth of each row, where the expression is one that is compared by columns: 1; 0 when not; < 0. */
static int
truth_by_column(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, unsigned char *truth, struct err *err)
{
	struct column a = { 0 }, b = { 0 };
	struct operand x, y;
	int rc;

	if (e->op == VECTOR_IS || e->op == VECTOR_IS_NOT)
		return is_null(w, e, rows, truth, err);
	if (!is_comparison(e->op))
		return 0;
	if ((rc = compare_instants(w, e, rows, truth, err)) != 0)
		return rc;
	if ((e->arg[0]->op != VECTOR_CONSTANT && vector_eval(w, e->arg[0], rows, &a, err) < 0) ||
	    (e->arg[1]->op != VECTOR_CONSTANT && vector_eval(w, e->arg[1], rows, &b, err) < 0))
		return err->code;
	if (operand_of(e->arg[0], &a, &x) && operand_of(e->arg[1], &b, &y)) {
		compare_numbers(&x, &y, e->op, rows, truth);
		return 1;
	}
	if (e->arg[0]->op == VECTOR_CONSTANT)
		give_constant(w, e->arg[0]->constant, &a);
	if (e->arg[1]->op == VECTOR_CONSTANT)
		give_constant(w, e->arg[1]->constant, &b);
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		struct cell p = vector_cell(w, &a, i), q = vector_cell(w, &b, i);

		truth[i] = p.type == CELL_NULL || q.type == CELL_NULL ? NONE : (unsigned char)order_fits(e->op, vector_compare(&p, &q));
	}
	return 1;
}

/* An operand of numbers of both types in row i, and whether it is an integer. 0: so far from 0 that doubles would not do. */
static inline int
mixed_at(const struct operand *o, size_t i, double *x, int *integer)
{
	*x = o->real ? o->number[i * (size_t)o->step] : (double)o->integer[i * (size_t)o->step];
	*integer = !o->mixed || vector_is_integer(o->mixed, i);
	return fabs(*x) < MIXED_MOST;
}

/* Integers among doubles: two of them give an integer, which is exact as a double too; all else is a real, told from it by a point where it
 * has no fraction. 0: numbers are too far from 0 for that. */
static int
compute_mixed(struct vector_worker *w, enum vector_op op, const struct operand *a, const struct operand *b, struct vector_rows rows, uint64_t *valid, struct column *out)
{
	double *to = vector_array(w, 8);
	uint64_t *point = vector_array(w, 8), any = 0;
	int far = 0;

	memset(point, 0, VECTOR_ROWS / 8);
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		int p, q, real;
		double x, y;

		to[i] = 0;
		if (!vector_valid(valid, i))
			continue;
		if (!mixed_at(a, i, &x, &p) || !mixed_at(b, i, &y, &q))
			return 0;
		switch (op) {
		case VECTOR_ADD:
			to[i] = x + y;
			break;
		case VECTOR_SUB:
			to[i] = x - y;
			break;
		case VECTOR_MUL:
			to[i] = x * y;
			break;
		case VECTOR_DIV:
			to[i] = p && q ? trunc(x / y) : x / y;
			break;
		default:
			x = trunc(x), y = trunc(y);
			to[i] = y == 0 ? 0 : (double)((int64_t)x % (int64_t)y);
		}
		if (y == 0 && op >= VECTOR_DIV) {
			valid[i / 64] &= ~(1ULL << (i % 64));
			continue;
		}
		real = !(p && q) && to[i] == floor(to[i]);
		far |= fabs(to[i]) >= (double)EXACT;
		point[i / 64] |= (uint64_t)real << (i % 64);
		any |= (uint64_t)real;
	}
	*out = (struct column){ .form = COLUMN_REAL, .whole = 1, .real = to, .valid = valid, .point = any ? point : NULL };
	return !far;
}

/* + - * / of numbers. 1 done; 0 this is not for loops (types that vary, an overflow); < 0. */
static int
compute(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, struct column *out, struct err *err)
{
	static const struct vector_expr zero = { .op = VECTOR_CONSTANT, .constant = { .type = CELL_INTEGER } };
	const struct vector_expr *left = e->op == VECTOR_NEG ? &zero : e->arg[0], *right = e->op == VECTOR_NEG ? e->arg[0] : e->arg[1];
	enum vector_op op = e->op == VECTOR_NEG ? VECTOR_SUB : e->op;
	struct column a = { 0 }, b = { 0 };
	struct operand x, y;
	uint64_t *valid;
	int over = 0;

	if ((left->op != VECTOR_CONSTANT && vector_eval(w, left, rows, &a, err) < 0) || (right->op != VECTOR_CONSTANT && vector_eval(w, right, rows, &b, err) < 0))
		return err->code;
	if (!operand_of(left, &a, &x) || !operand_of(right, &b, &y) || (op == VECTOR_MOD && ((x.real && !x.mixed) || (y.real && !y.mixed))))
		return 0;
	valid = vector_array(w, 8);
	for (size_t i = 0; i < VECTOR_ROWS / 64; i++)
		valid[i] = ~0ULL;
	for (size_t i = 0; i <= (w->n - 1) / 64; i++)
		valid[i] = (x.valid ? x.valid[i] : ~0ULL) & (y.valid ? y.valid[i] : ~0ULL);
	if (!x.real && !y.real) {
		int64_t *to = vector_array(w, 8);

		for (size_t k = 0; k < rows.n; k++) {
			size_t i = vector_row(rows, k);
			int64_t p = x.integer[i * (size_t)x.step], q = y.integer[i * (size_t)y.step];

			if (!vector_valid(valid, i))
				continue;
			switch (op) {
			case VECTOR_ADD:
				over |= __builtin_add_overflow(p, q, &to[i]);
				break;
			case VECTOR_SUB:
				over |= __builtin_sub_overflow(p, q, &to[i]);
				break;
			case VECTOR_MUL:
				over |= __builtin_mul_overflow(p, q, &to[i]);
				break;
			default:
				if (q == 0)
					valid[i / 64] &= ~(1ULL << (i % 64));
				else if (q == -1)
					over |= op == VECTOR_DIV && __builtin_sub_overflow(0, p, &to[i]), to[i] = op == VECTOR_MOD ? 0 : to[i];
				else
					to[i] = op == VECTOR_DIV ? p / q : p % q;
			}
		}
		*out = (struct column){ .form = COLUMN_INTEGER, .integer = to, .valid = valid };
	} else if ((x.mixed || !x.real) && (y.mixed || !y.real)) {
		over = !compute_mixed(w, op, &x, &y, rows, valid, out);
	} else {
		double *to = vector_array(w, 8);

		for (size_t k = 0; k < rows.n; k++) {
			size_t i = vector_row(rows, k);
			double p = x.real ? x.number[i * (size_t)x.step] : (double)x.integer[i * (size_t)x.step];
			double q = y.real ? y.number[i * (size_t)y.step] : (double)y.integer[i * (size_t)y.step];

			to[i] = op == VECTOR_ADD ? p + q : op == VECTOR_SUB ? p - q : op == VECTOR_MUL ? p * q : p / q;
			if (isnan(to[i]) || (op == VECTOR_DIV && q == 0))
				valid[i / 64] &= ~(1ULL << (i % 64));
		}
		*out = (struct column){ .form = COLUMN_REAL, .real = to, .valid = valid };
	}
	return !over;
}

/* Functions of one number. 1 done; 0 it lies otherwise; < 0. */

/* Which of them are reals. */
static const uint64_t *
points(struct vector_worker *w, const struct column *c, struct vector_rows rows)
{
	uint64_t *point = vector_array(w, 8);

	memset(point, 0, VECTOR_ROWS / 8);
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		point[i / 64] |= (uint64_t)!vector_is_integer(c, i) << (i % 64);
	}
	return point;
}

static int
absolutes(struct vector_worker *w, const struct column *c, struct vector_rows rows, struct column *out)
{
	int64_t *to = vector_array(w, 8);
	int over = 0;

	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		to[i] = c->integer[i];
		over |= to[i] == INT64_MIN && vector_valid(c->valid, i);
		if (to[i] < 0)
			to[i] = (int64_t)(0 - (uint64_t)to[i]);
	}
	*out = (struct column){ .form = COLUMN_INTEGER, .valid = c->valid, .integer = to };
	return !over;
}

/* floor, ceil, abs: an integer stays one. 0: by value. */
static int
convert_kept(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, struct column *out, struct err *err)
{
	struct column c;
	double *real;

	if (vector_eval(w, e->arg[0], rows, &c, err) < 0)
		return err->code;
	if (c.form == COLUMN_INTEGER && !c.instant)
		return e->op == VECTOR_ABS ? absolutes(w, &c, rows, out) : (*out = c, 1);
	if (c.form != COLUMN_REAL)
		return 0;
	real = vector_array(w, 8);
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		real[i] = of_real(e->op, c.real[i]);
	}
	*out = (struct column){ .form = COLUMN_REAL, .whole = c.whole, .valid = c.valid, .point = c.point, .real = real };
	if (c.whole && e->op != VECTOR_ABS)
		out->point = points(w, &c, rows);
	return 1;
}

static void
epochs(const struct column *c, struct vector_rows rows, int64_t every_ms, int64_t *out)
{
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		out[i] = every_ms == 1 ? c->integer[i] : time_floor_div(c->integer[i], every_ms);
	}
}

static int
convert(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, struct column *out, struct err *err)
{
	struct column c;
	int64_t *integer;
	double *real;

	if (vector_eval(w, e->arg[0], rows, &c, err) < 0)
		return err->code;
	if ((c.form != COLUMN_INTEGER && c.form != COLUMN_REAL) || c.instant != is_of_instants(e->op))
		return 0;
	if (e->op == VECTOR_EPOCH) {
		epochs(&c, rows, e->every_ms, integer = vector_array(w, 8));
		*out = (struct column){ .form = COLUMN_INTEGER, .valid = c.valid, .integer = integer };
		return 1;
	}
	if (e->op == VECTOR_INTEGER && c.form == COLUMN_INTEGER)
		return *out = c, 1;
	if (e->op == VECTOR_REAL && c.form == COLUMN_REAL)      /* a whole one is no integer any more */
		return *out = (struct column){ .form = COLUMN_REAL, .valid = c.valid, .real = c.real }, 1;
	if (e->op == VECTOR_INTEGER) {
		integer = vector_array(w, 8);
		for (size_t k = 0; k < rows.n; k++) {
			size_t i = vector_row(rows, k);

			integer[i] = as_integer(cell_real(c.real[i]));
		}
		*out = (struct column){ .form = COLUMN_INTEGER, .valid = c.valid, .integer = integer };
		return 1;
	}
	real = vector_array(w, 8);
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		real[i] = e->op == VECTOR_JULIAN ? vector_julian_day(c.integer[i]) : e->op == VECTOR_REAL ? (double)c.integer[i] : rounded(c.form == COLUMN_REAL ? c.real[i] : (double)c.integer[i]);
	}
	*out = (struct column){ .form = COLUMN_REAL, .valid = c.valid, .real = real };
	return 1;
}

static void
give_truth(struct vector_worker *w, const unsigned char *truth, struct vector_rows rows, struct column *out)
{
	struct cell *value = arena_get(w->arena, 3 * sizeof(*value));
	uint32_t *code = vector_array(w, 4);

	for (int t = 0; t < 3; t++)
		value[t] = cell_of_truth(t);
	for (size_t k = 0; k < rows.n; k++)
		code[vector_row(rows, k)] = truth[vector_row(rows, k)];
	*out = (struct column){ .form = COLUMN_CODES, .code = code, .value = value, .n_values = 3 };
}

/* ---- choices: CASE and COALESCE, branch by branch, each over the rows that come to it */

#define BRANCHES 32

struct branch { struct vector_rows rows; struct column column; };

static struct vector_rows without(struct vector_worker *, struct vector_rows, struct vector_rows);

static void
split_nulls(struct vector_worker *w, const struct column *c, struct vector_rows rows, struct vector_rows *there, struct vector_rows *null)
{
	uint32_t *yes = vector_array(w, 4), *no = vector_array(w, 4);
	size_t n = 0, m = 0;

	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		int is = c->form == COLUMN_CODES ? c->value[c->code[i]].type != CELL_NULL : c->form != COLUMN_NULL && vector_valid(c->valid, i);

		yes[n] = no[m] = (uint32_t)i;
		n += (size_t)is, m += (size_t)!is;
	}
	*there = (struct vector_rows){ yes, n };
	*null = (struct vector_rows){ no, m };
}

/* The branches of a choice with the rows that take them. Their number; 0 too many; < 0. */
static int
branches(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, struct branch *b, struct err *err)
{
	struct vector_rows rest = rows, hit;
	int n = 0;

	if (e->n_args > BRANCHES)
		return 0;
	for (int i = 0; i < e->n_args && rest.n; i++, n++) {
		if (e->op == VECTOR_COALESCE) {
			if (vector_eval(w, e->arg[i], rest, &b[n].column, err) < 0)
				return err->code;
			split_nulls(w, &b[n].column, rest, &b[n].rows, &rest);
			continue;
		}
		hit = rest;
		if (i + 1 < e->n_args) {
			if (vector_filter(w, e->arg[i++], rest, 1, &hit, err) < 0)
				return err->code;
			rest = without(w, rest, hit);
		} else {
			rest.n = 0;
		}
		b[n].rows = hit;
		if (vector_eval(w, e->arg[i], hit, &b[n].column, err) < 0)
			return err->code;
	}
	if (rest.n)
		b[n++] = (struct branch){ rest, { .form = COLUMN_NULL } };
	return n;
}

static int
is_one_value(const struct column *c)            /* a constant, of one type whatever the rows */
{
	return c->form == COLUMN_CODES && c->n_values == 1;
}

/* The form in which all branches fit: COLUMN_NULL where none does. */
enum fit { FIT_NONE, FIT_INTEGER, FIT_INSTANT, FIT_REAL, FIT_WHOLE, FIT_CODES };
static enum fit
fit_of(const struct branch *b, int n)
{
	int texts = 0, integers = 0, reals = 0;                         /* codes; constants */
	int integer_columns = 0, instants = 0, real_columns = 0, wholes = 0;
	int small = 1;                  /* integers are exact as doubles */

	for (int i = 0; i < n; i++) {
		const struct column *c = &b[i].column;

		if (b[i].rows.n == 0 || c->form == COLUMN_NULL)
			continue;
		if (is_one_value(c) && c->value[0].type == CELL_INTEGER) {
			integers++;
			small &= c->value[0].integer <= EXACT && c->value[0].integer >= -EXACT;
		} else if (is_one_value(c) && c->value[0].type == CELL_REAL) {
			reals++;
		} else if (c->form == COLUMN_CODES) {
			texts++;
		} else if (c->form == COLUMN_REAL) {
			*(c->whole ? &wholes : &real_columns) += 1;
		} else if (c->instant) {
			instants++;
		} else {
			integer_columns++;
			for (size_t k = 0; small && k < b[i].rows.n; k++) {
				size_t row = vector_row(b[i].rows, k);

				small = !vector_valid(c->valid, row) || (c->integer[row] <= EXACT && c->integer[row] >= -EXACT);
			}
		}
	}
	if (texts || (integers && reals && !integer_columns && !real_columns && !wholes && !instants))
		return integer_columns || instants || real_columns || wholes ? FIT_NONE : FIT_CODES;
	if (instants)
		return integers || reals || integer_columns || real_columns || wholes ? FIT_NONE : FIT_INSTANT;
	if (!reals && !real_columns && !wholes)
		return FIT_INTEGER;
	if (!integers && !integer_columns && !wholes)
		return FIT_REAL;
	return small ? FIT_WHOLE : FIT_NONE;
}

static void
join_numbers(struct vector_worker *w, const struct branch *b, int n, enum fit fit, struct column *out)
{
	uint64_t *valid = vector_array(w, 8);
	int64_t *integer = vector_array(w, 8);
	double *real = vector_array(w, 8);
	uint64_t *point = fit == FIT_WHOLE ? vector_array(w, 8) : NULL, any = 0;
	int whole_numbers = fit == FIT_INTEGER || fit == FIT_INSTANT;

	memset(valid, 0, (w->n / 64 + 1) * sizeof(*valid));
	if (point)
		memset(point, 0, VECTOR_ROWS / 8);
	for (int i = 0; i < n; i++) {
		const struct column *c = &b[i].column;
		const struct cell *one = is_one_value(c) ? &c->value[0] : NULL;
		int reals = point && (one ? one->type == CELL_REAL : c->form == COLUMN_REAL);

		if (c->form == COLUMN_NULL || (one && one->type == CELL_NULL))
			continue;
		for (size_t k = 0; k < b[i].rows.n; k++) {
			size_t row = vector_row(b[i].rows, k);

			if (!one && !vector_valid(c->valid, row))
				continue;
			valid[row / 64] |= 1ULL << (row % 64);
			if (whole_numbers)
				integer[row] = one ? one->integer : c->integer[row];
			else if (one)
				real[row] = one->type == CELL_REAL ? one->real : (double)one->integer;
			else
				real[row] = c->form == COLUMN_REAL ? c->real[row] : (double)c->integer[row];
			if (reals && (one || !vector_is_integer(c, row)) && real[row] == floor(real[row]))
				any = point[row / 64] |= 1ULL << (row % 64);
		}
	}
	if (whole_numbers)
		*out = (struct column){ .form = COLUMN_INTEGER, .integer = integer, .valid = valid, .instant = fit == FIT_INSTANT };
	else
		*out = (struct column){ .form = COLUMN_REAL, .real = real, .valid = valid, .point = any ? point : NULL, .whole = fit == FIT_WHOLE };
}

/* The values of all branches behind a NULL; those of one branch alone serve as they are where they begin with one. */
static void
join_codes(struct vector_worker *w, const struct branch *b, int n, struct column *out)
{
	uint32_t *code = vector_array(w, 4), base = 1, only = 0, more = 0;
	struct cell *value = NULL;

	for (int i = 0; i < n; i++)
		if (b[i].rows.n && b[i].column.form == COLUMN_CODES)
			more += b[i].column.n_values, only = only ? UINT32_MAX : (uint32_t)i + 1;
	if (only != UINT32_MAX && only && b[only - 1].column.value[0].type == CELL_NULL)
		base = 0;
	else
		value = arena_get(w->arena, ((size_t)more + 1) * sizeof(*value)), value[0] = cell_null();
	for (int i = 0; i < n; i++) {
		const struct column *c = &b[i].column;

		if (c->form != COLUMN_CODES) {
			for (size_t k = 0; k < b[i].rows.n; k++)
				code[vector_row(b[i].rows, k)] = 0;
			continue;
		}
		if (!b[i].rows.n)
			continue;
		for (size_t k = 0; k < b[i].rows.n; k++) {
			size_t row = vector_row(b[i].rows, k);

			code[row] = base + c->code[row];
		}
		if (value) {
			memcpy(value + base, c->value, c->n_values * sizeof(*value));
			base += c->n_values;
		}
	}
	*out = (struct column){ .form = COLUMN_CODES, .code = code, .value = value ? value : b[only - 1].column.value,
		.n_values = value ? base : b[only - 1].column.n_values, .unique = !value && b[only - 1].column.unique };
}

/* Is it instants, or NULL, in every batch? A choice that may also be something else is texts wherever it is instants: a number in one
 * batch and a text in the next would be two values. */
static int
is_instant(struct vector_worker *w, const struct vector_expr *e, struct err *err)
{
	enum store_field_of of = e->op == VECTOR_FIELD ? w->plan->field[e->field].of : FIELD_EVENT;
	struct column c;
	int is = e->op == VECTOR_CASE || e->op == VECTOR_COALESCE;

	if (e->op == VECTOR_CONSTANT)
		return e->constant.type == CELL_NULL;
	if (e->op == VECTOR_FIELD)
		return w->batch ? of == FIELD_TIME || of == FIELD_RECEIVED : vector_field(w, e->field, &c, err) == 0 && (c.instant || c.form == COLUMN_NULL);
	for (int i = 0; i < e->n_args && is; i++)
		if (e->op == VECTOR_COALESCE || i % 2 == 1 || i + 1 == e->n_args)
			is = is_instant(w, e->arg[i], err);
	return is;
}

/* 1 done; 0 types differ from row to row; < 0. */
static int
eval_choice(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, struct column *out, struct err *err)
{
	struct branch b[BRANCHES + 1];
	int n = branches(w, e, rows, b, err), some = 0;
	enum fit fit;

	if (n <= 0)
		return n;
	for (int i = 0; i < n; i++)
		some |= b[i].rows.n && b[i].column.form != COLUMN_NULL;
	if (!some) {
		give_constant(w, cell_null(), out);
		return 1;
	}
	if ((fit = fit_of(b, n)) == FIT_NONE || (fit == FIT_INSTANT && !is_instant(w, e, err)))
		return err->code;
	if (fit == FIT_CODES)
		join_codes(w, b, n, out);
	else
		join_numbers(w, b, n, fit, out);
	return 1;
}

/* ---- by combination: of several fields that lie as codes, once for each combination of values that occurs */

#define COMBINED      4         /* fields */
#define COMBINATIONS  262144

static int
fields_of(const struct vector_expr *e, int *field, int n)       /* their number; -1 too many, or not of values alone */
{
	int i;

	if (is_of_instants(e->op))
		return -1;
	if (e->op == VECTOR_FIELD) {
		for (i = 0; i < n && field[i] != e->field; i++)
			;
		if (i == COMBINED)
			return -1;
		field[i] = e->field;
		return i == n ? n + 1 : n;
	}
	for (i = 0; i < e->n_args && n >= 0; i++)
		n = fields_of(e->arg[i], field, n);
	return n;
}

/* 1 done, 0 there are too many combinations, < 0. */
static int
eval_combined(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, struct column *out, struct err *err)
{
	struct scope s = { .w = w, .field = -1, .err = err };
	int field[COMBINED], n = fields_of(e, field, 0);
	uint32_t *code, *seen, n_seen = 0, cap = 64;
	struct column c[COMBINED];
	struct cell *value;
	size_t all = 1;

	for (int i = 0; i < n; i++) {
		if (vector_field(w, field[i], &c[i], err) < 0)
			return err->code;
		if (c[i].form != COLUMN_CODES && c[i].form != COLUMN_NULL)
			return 0;
		if (c[i].form == COLUMN_CODES && (all *= c[i].n_values) > COMBINATIONS)
			return 0;
	}
	if (n <= 0 || all > 8 * rows.n)
		return 0;
	code = vector_array(w, 4);
	seen = arena_get(w->arena, all * sizeof(*seen));
	memset(seen, 0, all * sizeof(*seen));
	value = arena_get(w->arena, cap * sizeof(*value));
	for (size_t k = 0; k < rows.n; k++) {
		size_t row = vector_row(rows, k), at = 0;

		for (int i = 0; i < n; i++)
			at = c[i].form == COLUMN_CODES ? at * c[i].n_values + c[i].code[row] : at;
		if (!seen[at]) {
			if (n_seen == cap) {
				struct cell *more = arena_get(w->arena, 2 * cap * sizeof(*more));

				memcpy(more, value, cap * sizeof(*more));
				value = more;
				cap *= 2;
			}
			s.row = row;
			value[n_seen] = cell_of(&s, e);
			if (err->code)
				return err->code;
			seen[at] = ++n_seen;
		}
		code[row] = seen[at] - 1;
	}
	*out = (struct column){ .form = COLUMN_CODES, .code = code, .value = value, .n_values = n_seen };
	return 1;
}

/* AND, OR and NOT as values: the rows for which they are true, then those of the rest for which they are false. */
static int
eval_logic(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, struct column *out, struct err *err)
{
	struct vector_rows yes, no;
	unsigned char *truth = vector_array(w, 1);

	if (vector_filter(w, e, rows, 1, &yes, err) < 0 || vector_filter(w, e, without(w, rows, yes), 0, &no, err) < 0)
		return err->code;
	for (size_t k = 0; k < rows.n; k++)
		truth[vector_row(rows, k)] = NONE;
	for (size_t k = 0; k < yes.n; k++)
		truth[vector_row(yes, k)] = 1;
	for (size_t k = 0; k < no.n; k++)
		truth[vector_row(no, k)] = 0;
	give_truth(w, truth, rows, out);
	return 0;
}

int
vector_eval(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, struct column *out, struct err *err)
{
	struct column c;
	int field, rc;

	if (e->op == VECTOR_FIELD)
		return field_of_rows(w, e->field, rows, out, err);
	if (e->op == VECTOR_TIME && rows.n)
		return eval_time(w, e, rows, out, err);
	if ((field = only_field(e)) == NO_FIELD || rows.n == 0) {
		struct scope s = { .w = w, .field = -1, .err = err };

		give_constant(w, rows.n ? cell_of(&s, e) : cell_null(), out);
		return err->code;
	}
	if (field >= 0) {
		if ((rc = field_of_rows(w, field, rows, &c, err)) < 0)
			return rc;
		if (c.form == COLUMN_CODES && (e->op != VECTOR_CALL || c.n_values < rows.n / FEW_VALUES))
			return eval_values(w, e, field, &c, rows, out, err);
		if (c.form == COLUMN_NULL) {
			struct scope s = { .w = w, .field = field, .err = err };

			give_constant(w, cell_of(&s, e), out);
			return err->code;
		}
	}
	if (e->op == VECTOR_CALL && (rc = vector_call(w, e, rows, out, err)) != 0)
		return rc < 0 ? rc : 0;
	if (field >= 0 && c.form == COLUMN_CODES)
		return eval_values(w, e, field, &c, rows, out, err);
	if (is_comparison(e->op) || e->op == VECTOR_IS || e->op == VECTOR_IS_NOT) {
		unsigned char *truth = vector_array(w, 1);

		if ((rc = truth_by_column(w, e, rows, truth, err)) < 0)
			return rc;
		if (rc)
			return give_truth(w, truth, rows, out), 0;
	}
	if (e->op >= VECTOR_ADD && e->op <= VECTOR_NEG && (rc = compute(w, e, rows, out, err)) != 0)
		return rc < 0 ? rc : 0;
	if (e->op >= VECTOR_FLOOR && e->op <= VECTOR_ABS && (rc = convert_kept(w, e, rows, out, err)) != 0)
		return rc < 0 ? rc : 0;
	if (e->op >= VECTOR_EPOCH && e->op <= VECTOR_REAL && (rc = convert(w, e, rows, out, err)) != 0)
		return rc < 0 ? rc : 0;
	if (field == SEVERAL && (rc = eval_combined(w, e, rows, out, err)) != 0)
		return rc < 0 ? rc : 0;
	if ((e->op == VECTOR_CASE || e->op == VECTOR_COALESCE) && (rc = eval_choice(w, e, rows, out, err)) != 0)
		return rc < 0 ? rc : 0;
	if (e->op == VECTOR_AND || e->op == VECTOR_OR || e->op == VECTOR_NOT)
		return eval_logic(w, e, rows, out, err);
	return eval_rows(w, e, rows, out, err);
}

/* ---- filters */

static void
choose_bytes(const unsigned char *truth, struct vector_rows rows, int want, uint32_t *row, size_t *n)
{
	size_t to = 0;

	if (!rows.row)
		for (size_t i = 0; i < rows.n; i++) {
			row[to] = (uint32_t)i;
			to += truth[i] == want;
		}
	else
		for (size_t k = 0; k < rows.n; k++) {
			row[to] = rows.row[k];
			to += truth[rows.row[k]] == want;
		}
	*n = to;
}

static void
choose_codes(const uint32_t *code, const unsigned char *truth, uint32_t n_values, struct vector_rows rows, int want, uint32_t *row, size_t *n)
{
	uint32_t hits = 0, hit = 0, miss = 0;
	size_t to = 0;

	for (uint32_t v = 0; v < n_values; v++) {
		int is = truth[v] == want;

		hits += (uint32_t)is;
		hit = is ? v : hit;
		miss = is ? miss : v;
	}
	if (!rows.row && (hits == 1 || hits + 1 == n_values)) {
		*n = vector_rows_with(code, rows.n, hits == 1 ? hit : miss, hits == 1, row);
		return;
	}
	if (!rows.row)
		for (size_t i = 0; i < rows.n; i++) {
			row[to] = (uint32_t)i;
			to += truth[code[i]] == want;
		}
	else
		for (size_t k = 0; k < rows.n; k++) {
			row[to] = rows.row[k];
			to += truth[code[rows.row[k]]] == want;
		}
	*n = to;
}

/* By the values of a column: its codes need the truth of each value only. */
static int
choose_column(struct vector_worker *w, const struct column *c, struct vector_rows rows, int want, struct vector_rows *out, struct err *err)
{
	struct scope s = { .w = w, .err = err };
	uint32_t *row = vector_array(w, 4);
	unsigned char *truth;

	out->row = row;
	out->n = 0;
	if (c->form == COLUMN_CODES) {
		const unsigned char *used = used_values(w, c, rows, 0);

		truth = c->n_values <= VECTOR_ROWS ? vector_array(w, 1) : arena_get(w->arena, c->n_values);
		for (size_t v = 0; v < c->n_values; v++)
			truth[v] = used && !used[v] ? NONE : (unsigned char)truth_of_cell(&s, c->value[v]);
		if (err->code)
			return err->code;
		choose_codes(c->code, truth, c->n_values, rows, want, row, &out->n);
	} else if (c->form != COLUMN_NULL) {
		truth = vector_array(w, 1);
		for (size_t k = 0; k < rows.n; k++) {
			size_t i = vector_row(rows, k);

			truth[i] = !vector_valid(c->valid, i) ? NONE : c->instant ? (unsigned char)truth_of_cell(&s, vector_cell(w, c, i)) :
			    c->form == COLUMN_INTEGER ? c->integer[i] != 0 : c->real[i] != 0;
		}
		choose_bytes(truth, rows, want, row, &out->n);
	}
	return err->code;
}

/* A field of codes against a constant: the truth of each value, in a tight loop. Bound by the misses of the texts. */
static int
choose_values(struct vector_worker *w, const struct vector_expr *e, const struct column *c, struct vector_rows rows, int want, struct vector_rows *out)
{
	const struct vector_expr *constant = e->n_args == 2 ? e->arg[1] : NULL;
	const unsigned char *used;
	unsigned char *truth;
	uint32_t *row;

	int null = e->op == VECTOR_IS || e->op == VECTOR_IS_NOT;

	if (!constant || e->arg[0]->op != VECTOR_FIELD || constant->op != VECTOR_CONSTANT || constant->constant.type != (null ? CELL_NULL : CELL_TEXT) ||
	    (!null && e->op != VECTOR_LIKE && e->op != VECTOR_EQ && e->op != VECTOR_NE))
		return 0;
	used = null ? NULL : used_values(w, c, rows, 0);
	truth = c->n_values <= VECTOR_ROWS ? vector_array(w, 1) : arena_get(w->arena, c->n_values);
	if (null) {
		for (size_t v = 0; v < c->n_values; v++)
			truth[v] = (unsigned char)((c->value[v].type == CELL_NULL) ^ (e->op == VECTOR_IS_NOT));
	} else if (e->op == VECTOR_LIKE) {
		struct vector_node *n = node_of(w, e);
		struct err err = { 0 };

		if (!n->pattern)
			keep_pattern(n, constant->constant.text, (struct str){ NULL, 0 });
		for (size_t v = 0; v < c->n_values; v++) {
			const struct cell *cell = &c->value[v];
			struct str text = cell->text;

			truth[v] = NONE;
			if (cell->type == CELL_NULL || (used && !used[v]) || (cell->type != CELL_TEXT && vector_text(w, *cell, &text, &err) < 0))
				continue;
			truth[v] = (unsigned char)like(n->pattern, text);
		}
	} else {
		for (size_t v = 0; v < c->n_values; v++) {
			const struct cell *cell = &c->value[v];

			truth[v] = cell->type == CELL_NULL ? NONE :
			    (unsigned char)((cell->type == CELL_TEXT && str_eq(cell->text, constant->constant.text)) ^ (e->op == VECTOR_NE));
		}
	}
	row = vector_array(w, 4);
	choose_codes(c->code, truth, c->n_values, rows, want, row, &out->n);
	out->row = row;
	return 1;
}

/* One user: the dictionary is asked for the text, and the codes for it. 1 done, 0 not such, < 0. */
static int
choose_text(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, int want, struct vector_rows *out, struct err *err)
{
	uint32_t *row;
	int rc;

	if (e->op != VECTOR_EQ || !want || rows.row || !w->batch || e->arg[0]->op != VECTOR_FIELD || w->loaded[e->arg[0]->field] ||
	    e->arg[1]->op != VECTOR_CONSTANT || e->arg[1]->constant.type != CELL_TEXT)
		return 0;
	row = vector_array(w, 4);
	if ((rc = store_batch_rows_with(w->batch, e->arg[0]->field, e->arg[1]->constant.text, row, &out->n, err)) > 0)
		out->row = row;
	return rc;
}

/* IS NULL and IS NOT NULL of numbers: their bits say it. */
static int
choose_valid(struct vector_worker *w, const struct vector_expr *e, const struct column *c, struct vector_rows rows, int want, struct vector_rows *out)
{
	int there = (e->op == VECTOR_IS_NOT) == (want != 0);
	uint32_t *row;
	uint64_t *bits;

	if ((e->op != VECTOR_IS && e->op != VECTOR_IS_NOT) || e->arg[0]->op != VECTOR_FIELD || e->arg[1]->op != VECTOR_CONSTANT ||
	    e->arg[1]->constant.type != CELL_NULL || rows.row || (c->form != COLUMN_INTEGER && c->form != COLUMN_REAL))
		return 0;
	*out = (struct vector_rows){ zeros, 0 };
	if (!c->valid) {
		if (there)
			*out = rows;
		return 1;
	}
	row = vector_array(w, 4);
	bits = vector_array(w, 8);
	for (size_t i = 0; i < BITMAP_WORDS(rows.n); i++)
		bits[i] = there ? c->valid[i] : ~c->valid[i];
	out->n = bitmap_rows(bits, rows.n, 0, row);
	out->row = row;
	return 1;
}

/* All rows of a but those of b, which is part of it; then the other way round: of two that have no row in common, all in order. */
static struct vector_rows
without(struct vector_worker *w, struct vector_rows a, struct vector_rows b)
{
	uint32_t *row = vector_array(w, 4);
	size_t n = 0, at = 0;

	for (size_t k = 0; k < a.n; k++) {
		uint32_t i = (uint32_t)vector_row(a, k);

		if (at < b.n && vector_row(b, at) == i)
			at++;
		else
			row[n++] = i;
	}
	return (struct vector_rows){ row, n };
}

static struct vector_rows
both(struct vector_worker *w, struct vector_rows a, struct vector_rows b)
{
	uint32_t *row = vector_array(w, 4);
	size_t n = 0, i = 0, k = 0;

	while (i < a.n || k < b.n)
		row[n++] = (uint32_t)(k == b.n || (i < a.n && vector_row(a, i) < vector_row(b, k)) ? vector_row(a, i++) : vector_row(b, k++));
	return (struct vector_rows){ row, n };
}

/* What a side of AND costs, roughly: the cheap go first. */
static int
cost_of(const struct vector_worker *w, const struct vector_expr *e)
{
	int cost = e->op == VECTOR_SQL ? 200 : e->op == VECTOR_CALL ? 10 : e->op == VECTOR_TIME ? 10 : e->op == VECTOR_LIKE ? 8 : e->op == VECTOR_ILIKE ? 20 : 1;

	if (e->op == VECTOR_FIELD && !w->loaded[e->field])
		switch (w->plan->field[e->field].of) {
		case FIELD_EVENT:
		case FIELD_TIME:
			cost = 2;
			break;
		case FIELD_PROPERTIES:
			cost = 100;
			break;
		case FIELD_ID:
		case FIELD_USER:
		case FIELD_SESSION:
			cost = 20;
			break;
		default:
			cost = 10;
		}
	for (int i = 0; i < e->n_args; i++)
		cost += cost_of(w, e->arg[i]);
	return cost;
}

int
vector_filter(struct vector_worker *w, const struct vector_expr *e, struct vector_rows rows, int want, struct vector_rows *out, struct err *err)
{
	struct column c;
	int rc, field;

	if (e->op == VECTOR_NOT)
		return vector_filter(w, e->arg[0], rows, !want, out, err);
	if (e->op == VECTOR_AND || e->op == VECTOR_OR) {
		int all = (e->op == VECTOR_AND) == want;        /* else one side is enough */
		struct vector_rows left = rows, found = { zeros, 0 }, some;
		unsigned long long done = 0;

		for (int n = 0; n < e->n_args && left.n; n++) {
			int next = -1, least = 0;

			for (int i = 0; i < e->n_args && i < 64; i++)
				if (!(done >> i & 1) && (next < 0 || cost_of(w, e->arg[i]) < least))
					next = i, least = cost_of(w, e->arg[i]);
			next = next < 0 ? n : next;
			done |= next < 64 ? 1ULL << next : 0;
			if ((rc = vector_filter(w, e->arg[next], left, want, &some, err)) < 0)
				return rc;
			if (all) {
				left = some;
			} else {
				left = without(w, left, some);
				found = both(w, found, some);
			}
		}
		*out = all ? left : found;
		return 0;
	}
	field = only_field(e);
	if ((rc = choose_text(w, e, rows, want, out, err)) != 0)
		return rc < 0 ? rc : 0;
	if (field >= 0 && (rc = field_of_rows(w, field, rows, &c, err)) < 0)
		return rc;
	if (field >= 0 && c.form == COLUMN_CODES && choose_values(w, e, &c, rows, want, out))
		return 0;
	if (field >= 0 && choose_valid(w, e, &c, rows, want, out))
		return 0;
	if (rows.n && (field == SEVERAL || (field >= 0 && c.form != COLUMN_CODES && c.form != COLUMN_NULL)) &&
	    (is_comparison(e->op) || e->op == VECTOR_IS || e->op == VECTOR_IS_NOT)) {
		unsigned char *truth = vector_array(w, 1);

		if ((rc = truth_by_column(w, e, rows, truth, err)) < 0)
			return rc;
		if (rc) {
			uint32_t *row = vector_array(w, 4);

			choose_bytes(truth, rows, want, row, &out->n);
			out->row = row;
			return 0;
		}
	}
	if ((rc = vector_eval(w, e, rows, &c, err)) < 0)
		return rc;
	return choose_column(w, &c, rows, want, out, err);
}
