#include "query/match.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "pattern/recognize.h"
#include "query/functions_priv.h"
#include "query/query_priv.h"

#define MEMORY_MOST (1u << 30)  /* bytes of one partition */
#define NAVS_MOST   1000
#define INPUT_MOST  2000        /* columns */

struct nav { int kind, column; uint64_t set; int64_t logical, physical; int final; };

struct value {                  /* a condition, a measure, or a column as it is */
	sqlite3_stmt *statement;        /* NULL: the column */
	int column;
	struct nav *nav;
	int navs;
};

struct match {
	struct query *q;
	struct cell_sink sink;
	sqlite3_stmt *input;
	int columns, partition, order, rows, skip;
	int64_t within_ms;      /* -1: no bound */
	uint64_t to;
	struct recognize *pattern;
	struct value define[RECOGNIZE_VARIABLES];       /* of each variable; nothing: every row fits */
	struct value *out;
	int outs;

	struct arena *arena;    /* of the partition's texts */
	struct cell *cell;
	size_t n, cap;          /* rows of the partition */
	int64_t *time;          /* of each row, TIME_NONE where it is none; with `within` */
	int64_t number;         /* of matches in the partition */
};

/* ---- the program */

static int
damaged(struct err *err)
{
	return err_set(err, ERR_USAGE, "no program of MATCH_RECOGNIZE");
}

static int64_t
integer(struct json list, int64_t i, int64_t least, int64_t most, int *bad)
{
	int64_t v = least;

	*bad |= !json_int64(json_index(list, i), &v) || v < least || v > most;
	return *bad ? least : v;
}

static int
prepare(struct match *m, struct json sql, sqlite3_stmt **to, struct err *err)
{
	struct buf scratch = {0};
	struct str text = json_text(sql, &scratch);

	if (text.p)
		query_within(m->q, text);
	if (!text.p)
		damaged(err);
	else if (sqlite3_prepare_v3(m->q->db, text.p, (int)text.n, SQLITE_PREPARE_PERSISTENT, to, NULL) != SQLITE_OK || !*to)
		err_set(err, ERR_USAGE, "%s", sqlite3_errmsg(m->q->db));
	buf_release(&scratch);
	return err->code;
}

static int
read_value(struct match *m, struct value *to, struct json sql, struct json navs, struct err *err)
{
	struct json_iter it = json_iter(navs);
	int bad = 0, cap = 0;

	for (; json_next(&it); to->navs++) {
		struct nav *nav;

		if (to->navs == NAVS_MOST)
			return err_set(err, ERR_LIMIT, "an expression of MATCH_RECOGNIZE that names more than %d values", NAVS_MOST);
		if (to->navs == cap)
			to->nav = mem_grow(to->nav, (size_t)(cap = cap ? 2 * cap : 8), sizeof(*to->nav));
		nav = &to->nav[to->navs];
		nav->kind = (int)integer(it.value, 0, 0, MATCH_NAVS - 1, &bad);
		nav->column = (int)integer(it.value, 1, -1, m->columns - 1, &bad);
		nav->set = (uint64_t)integer(it.value, 2, INT64_MIN, INT64_MAX, &bad);
		nav->logical = integer(it.value, 3, 0, INT_MAX, &bad);
		nav->physical = integer(it.value, 4, -INT_MAX, INT_MAX, &bad);
		nav->final = (int)integer(it.value, 5, 0, 1, &bad);
		bad |= nav->column < 0 && nav->kind != MATCH_CLASSIFIER && nav->kind != MATCH_NUMBER && nav->kind != MATCH_COUNT;
	}
	return bad ? damaged(err) : prepare(m, sql, &to->statement, err);
}

static int
read_program(struct match *m, struct json v, struct err *err)
{
	struct buf scratch = {0};
	struct str pattern = json_text(json_get(v, STR("pattern")), &scratch);
	struct json out = json_get(v, STR("out"));
	int64_t partition = -1, order = -2, rows = -1, skip = -1, to = 0;
	int bad = 0;

	json_int64(json_get(v, STR("partition")), &partition);
	json_int64(json_get(v, STR("order")), &order);
	json_int64(json_get(v, STR("rows")), &rows);
	json_int64(json_get(v, STR("skip")), &skip);
	json_int64(json_get(v, STR("to")), &to);
	m->within_ms = -1;
	json_int64(json_get(v, STR("within")), &m->within_ms);
	if (!pattern.p || !(m->pattern = recognize_new(pattern, err)) || prepare(m, json_get(v, STR("sql")), &m->input, err)) {
		buf_release(&scratch);
		return err->code ? err->code : damaged(err);
	}
	buf_release(&scratch);
	m->columns = sqlite3_column_count(m->input);
	if (m->columns < 1 || m->columns > INPUT_MOST || partition < 0 || partition > m->columns || order < -1 || order >= m->columns || rows < 0 ||
	    rows >= MATCH_ROWS || skip < 0 || skip >= MATCH_SKIPS || (m->within_ms >= 0 && order < 0))
		return damaged(err);
	m->partition = (int)partition, m->order = (int)order, m->rows = (int)rows, m->skip = (int)skip, m->to = (uint64_t)to;
	for (struct json_iter it = json_iter(json_get(v, STR("define"))); json_next(&it); ) {
		int variable = (int)integer(it.value, 0, 0, recognize_variables(m->pattern) - 1, &bad);

		if (bad || m->define[variable].statement)
			return damaged(err);
		if (read_value(m, &m->define[variable], json_index(it.value, 1), json_index(it.value, 2), err))
			return err->code;
	}
	m->out = mem_new(MATCH_COLUMNS * sizeof(*m->out));
	for (struct json_iter it = json_iter(out); json_next(&it); m->outs++) {
		struct value *value = &m->out[m->outs];
		int64_t column = -1;

		if (m->outs == MATCH_COLUMNS)
			return damaged(err);
		if (json_is(it.value, JSON_ARRAY)) {
			if (read_value(m, value, json_index(it.value, 0), json_index(it.value, 1), err))
				return err->code;
		} else if (!json_int64(it.value, &column) || column < 0 || column >= m->columns) {
			return damaged(err);
		}
		value->column = (int)column;
	}
	return m->outs ? 0 : damaged(err);
}

/* ---- values */

/* The match at hand, up to a row: `n` rows of it are taken from `start` on; `all` of it are known. */
struct at { size_t start, n, all; const uint8_t *taken; size_t row; };

static int
in(const struct nav *nav, uint8_t variable)
{
	return nav->set >> variable & 1;
}

static const struct cell *
cell_at(const struct match *m, int64_t row, int column)
{
	static const struct cell none;

	return row < 0 || (size_t)row >= m->n ? &none : &m->cell[(size_t)row * (size_t)m->columns + (size_t)column];
}

/* The row that a nav leads to; -1: none. */
static int64_t
row_of(const struct nav *nav, const struct at *at, size_t n)
{
	int64_t left = nav->logical;

	if (nav->kind == MATCH_FIRST || (nav->kind == MATCH_CLASSIFIER && nav->column == 0)) {
		for (size_t i = 0; i < n; i++)
			if (in(nav, at->taken[i]) && left-- == 0)
				return (int64_t)(at->start + i) + nav->physical;
	} else {
		for (size_t i = n; i-- > 0; )
			if (in(nav, at->taken[i]) && left-- == 0)
				return (int64_t)(at->start + i) + nav->physical;
	}
	return -1;
}

static int
compare(const struct cell *a, const struct cell *b)
{
	double x = a->type == CELL_INTEGER ? (double)a->integer : a->real, y = b->type == CELL_INTEGER ? (double)b->integer : b->real;

	if ((a->type == CELL_TEXT) != (b->type == CELL_TEXT))
		return a->type == CELL_TEXT ? 1 : -1;
	if (a->type == CELL_TEXT)
		return str_cmp(a->text, b->text);
	if (a->type == CELL_INTEGER && b->type == CELL_INTEGER)
		return (a->integer > b->integer) - (a->integer < b->integer);
	return (x > y) - (x < y);
}

static double
real_of(const struct cell *c)
{
	double v;

	return c->type == CELL_INTEGER ? (double)c->integer : c->type == CELL_REAL ? c->real : str_double(c->text, &v) == 0 ? v : 0;
}

static struct cell
aggregate(const struct match *m, const struct nav *nav, const struct at *at, size_t n)
{
	int64_t count = 0, whole = 0;
	int is_whole = 1;
	double sum = 0;
	const struct cell *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct cell *c = nav->column < 0 ? NULL : cell_at(m, (int64_t)(at->start + i), nav->column);

		if (!in(nav, at->taken[i]) || (c && c->type == CELL_NULL))
			continue;
		count++;
		if (!c || nav->kind == MATCH_COUNT)
			continue;
		is_whole = is_whole && c->type == CELL_INTEGER && !__builtin_add_overflow(whole, c->integer, &whole);
		sum += real_of(c);
		if (!best || (nav->kind == MATCH_MIN ? compare(c, best) < 0 : compare(c, best) > 0))
			best = c;
	}
	if (nav->kind == MATCH_COUNT)
		return cell_integer(count);
	if (!count)
		return cell_null();
	if (nav->kind == MATCH_SUM)
		return is_whole ? cell_integer(whole) : cell_real(sum);
	return nav->kind == MATCH_AVG ? cell_real(sum / (double)count) : *best;
}

static struct cell
navigate(const struct match *m, const struct nav *nav, const struct at *at)
{
	size_t n = nav->final ? at->all : at->n;
	int64_t row;

	switch (nav->kind) {
	case MATCH_CLASSIFIER:
		row = row_of(nav, at, n) - (int64_t)at->start;
		return row >= 0 && (size_t)row < n ? cell_text(recognize_variable(m->pattern, at->taken[row])) : cell_null();
	case MATCH_NUMBER:
		return cell_integer(m->number);
	case MATCH_LAST:
	case MATCH_FIRST:
		return *cell_at(m, row_of(nav, at, n), nav->column);
	default:
		return aggregate(m, nav, at, n);
	}
}

static int
said(struct match *m, struct err *err)
{
	if (m->q->failure.code)
		return (*err = m->q->failure).code;
	if (query_stopped(m->q, err) < 0)
		return err->code;
	return err_set(err, ERR_USAGE, "%s", sqlite3_errmsg(m->q->db));
}

/* 1 with the row of one value in statement, which is to be reset; < 0. */
static int
evaluate(struct match *m, const struct value *v, const struct at *at, struct err *err)
{
	struct cell cell;
	int rc;

	for (int i = 0; i < v->navs; i++) {
		cell = navigate(m, &v->nav[i], at);
		query_bind_cell(v->statement, i + 1, &cell, SQLITE_STATIC);
	}
	rc = sqlite3_step(v->statement);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? damaged(err) : said(m, err);
}

static int
fits(void *self, size_t start, const uint8_t *taken, size_t n, struct err *err)
{
	struct match *m = self;
	struct value *v = &m->define[taken[n - 1]];
	struct at at = { .start = start, .n = n, .all = n, .taken = taken, .row = start + n - 1 };
	int rc;

	if (m->within_ms >= 0 && (m->time[at.row] == TIME_NONE || m->time[start] == TIME_NONE || llabs(m->time[at.row] - m->time[start]) > m->within_ms))
		return 0;
	if (!v->statement)
		return 1;
	rc = evaluate(m, v, &at, err);
	if (rc > 0) {
		rc = sqlite3_column_type(v->statement, 0) != SQLITE_NULL && sqlite3_column_double(v->statement, 0) != 0;
		sqlite3_reset(v->statement);
	}
	return rc;
}

static int
stopped(void *self, struct err *err)
{
	return query_stopped(((struct match *)self)->q, err);
}

/* ---- what comes out */

static int
put_row(struct match *m, const struct at *at, struct err *err)
{
	struct cell cells[MATCH_COLUMNS];
	int rc = 0;

	for (int i = 0; i < m->outs && rc == 0; i++) {
		struct value *v = &m->out[i];

		if (!v->statement)
			cells[i] = *cell_at(m, (int64_t)at->row, v->column);
		else if (!at->taken && !at->all && at->n)       /* a row of no match */
			cells[i] = cell_null();
		else if ((rc = evaluate(m, v, at, err)) > 0)
			cells[i] = functions_cell(sqlite3_column_value(v->statement, 0)), rc = 0;
	}
	if (rc == 0)
		rc = m->sink.row(m->sink.self, cells, m->outs, err);
	for (int i = 0; i < m->outs; i++)
		sqlite3_reset(m->out[i].statement);
	return rc;
}

static int
put_match(struct match *m, size_t start, const uint8_t *taken, size_t n, struct err *err)
{
	struct at at = { .start = start, .n = n, .all = n, .taken = taken, .row = n ? start + n - 1 : start };
	int rc = 0;

	if (m->rows == MATCH_ONE_ROW || (!n && m->rows != MATCH_OMIT_EMPTY))
		return put_row(m, &at, err);
	for (at.n = 1; at.n <= n && rc == 0; at.n++) {
		at.row = start + at.n - 1;
		if (!recognize_left_out(m->pattern)[at.n - 1])
			rc = put_row(m, &at, err);
	}
	return rc;
}

static int
put_unmatched(struct match *m, size_t row, struct err *err)
{
	struct at at = { .n = 1, .row = row };

	return put_row(m, &at, err);
}

/* Where the search goes on behind a match. */
static int
goes_on(struct match *m, size_t start, const uint8_t *taken, size_t n, size_t *on, struct err *err)
{
	*on = start + (m->skip == MATCH_PAST_LAST && n ? n : 1);
	if (!n || m->skip == MATCH_PAST_LAST || m->skip == MATCH_TO_NEXT)
		return 0;
	for (size_t k = 0; k < n; k++) {
		size_t i = m->skip == MATCH_TO_FIRST ? k : n - 1 - k;

		if (m->to >> taken[i] & 1) {
			*on = start + i;
			return i ? 0 : err_set(err, ERR_INPUT, "AFTER MATCH SKIP to the match's own first row would find it for ever");
		}
	}
	return err_set(err, ERR_INPUT, "AFTER MATCH SKIP to a variable that a match has no row of");
}

/* Does no condition look at rows that were taken? */
static int
forgets(const struct match *m)
{
	for (int v = 0; v < recognize_variables(m->pattern); v++)
		for (int i = 0; i < m->define[v].navs; i++) {
			const struct nav *nav = &m->define[v].nav[i];

			if (nav->kind != MATCH_LAST || nav->logical || !in(nav, (uint8_t)v))
				return 0;
		}
	return 1;
}

static int
search(struct match *m, struct err *err)
{
	const struct recognize_ask ask = { .fits = fits, .stopped = stopped, .self = m, .rows = m->n, .forgets = forgets(m) };
	size_t covered = 0, on;
	int rc = 0;

	m->number = 0;
	recognize_forget(m->pattern);
	for (size_t start = 0; start < m->n && rc == 0; start = on) {
		const uint8_t *taken;
		size_t n;

		on = start + 1;
		if (m->within_ms >= 0)
			recognize_forget(m->pattern);
		if ((start & 0xfff) == 0 && query_stopped(m->q, err) < 0)
			return err->code;
		m->number++;
		if ((rc = recognize_at(m->pattern, &ask, start, &taken, &n, err)) < 0)
			break;
		if (rc == 0) {
			m->number--;
			if (m->rows == MATCH_WITH_UNMATCHED && start >= covered)
				rc = put_unmatched(m, start, err);
			continue;
		}
		recognize_forget(m->pattern);
		if ((rc = put_match(m, start, taken, n, err)) == 0)
			rc = goes_on(m, start, taken, n, &on, err);
		covered = start + n > covered ? start + n : covered;
	}
	return rc;
}

/* ---- rows in */

static int
is_same_partition(const struct match *m, const struct cell *a, const struct cell *b)
{
	for (int i = 0; i < m->partition; i++)
		if ((a[i].type == CELL_NULL) != (b[i].type == CELL_NULL) || (a[i].type != CELL_NULL && compare(&a[i], &b[i]) != 0))
			return 0;
	return 1;
}

static int64_t
time_of(const struct cell *c)
{
	int64_t ms;

	if (c->type == CELL_TEXT)
		return time_parse_rfc3339(c->text, &ms) == 0 ? ms : TIME_NONE;
	if (c->type == CELL_INTEGER)
		return time_of_epoch_int(c->integer, &ms) == 0 ? ms : TIME_NONE;
	return c->type == CELL_REAL && time_of_epoch(c->real, &ms) == 0 ? ms : TIME_NONE;
}

/* The row in `input` becomes the partition's last. */
static int
add_row(struct match *m, struct err *err)
{
	struct cell *to;

	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 256;
		m->cell = mem_grow(m->cell, m->cap * (size_t)m->columns, sizeof(*m->cell));
		m->time = mem_grow(m->time, m->cap, sizeof(*m->time));
	}
	to = &m->cell[m->n * (size_t)m->columns];
	for (int i = 0; i < m->columns; i++) {
		to[i] = functions_cell(sqlite3_column_value(m->input, i));
		if (to[i].type == CELL_TEXT && !(to[i].text.p = arena_dup(m->arena, to[i].text.p ? to[i].text.p : "", to[i].text.n)))
			return err_set(err, ERR_LIMIT, "a partition of MATCH_RECOGNIZE has more than %u MiB: PARTITION BY more, or fewer rows", MEMORY_MOST >> 20);
	}
	if (m->n * (size_t)m->columns * sizeof(*m->cell) > MEMORY_MOST)
		return err_set(err, ERR_LIMIT, "a partition of MATCH_RECOGNIZE has more than %u MiB: PARTITION BY more, or fewer rows", MEMORY_MOST >> 20);
	m->time[m->n++] = m->within_ms >= 0 ? time_of(&to[m->order]) : TIME_NONE;
	return 0;
}

/* The last row is of another partition: those before it are searched, and it is the first of the next. */
static int
turn_over(struct match *m, struct err *err)
{
	struct cell *next = mem_dup(&m->cell[(m->n - 1) * (size_t)m->columns], (size_t)m->columns * sizeof(*next));
	struct buf texts = {0};
	int64_t time = m->time[m->n - 1];
	int rc;
	size_t at = 0;

	for (int i = 0; i < m->columns; i++)
		if (next[i].type == CELL_TEXT)
			buf_str(&texts, next[i].text);
	m->n--;
	rc = search(m, err);
	arena_reset(m->arena);
	for (int i = 0; i < m->columns; i++)
		if (next[i].type == CELL_TEXT) {
			next[i].text.p = arena_dup(m->arena, texts.p ? texts.p + at : "", next[i].text.n);
			at += next[i].text.n;
		}
	memcpy(m->cell, next, (size_t)m->columns * sizeof(*next));
	m->time[0] = time;
	m->n = 1;
	free(next);
	buf_release(&texts);
	return rc;
}

static int
read_rows(struct match *m, struct err *err)
{
	int step, rc = 0;

	while (rc == 0 && (step = sqlite3_step(m->input)) == SQLITE_ROW) {
		rc = add_row(m, err);
		if (rc == 0 && m->n > 1 && !is_same_partition(m, m->cell, &m->cell[(m->n - 1) * (size_t)m->columns]))
			rc = turn_over(m, err);
	}
	if (rc == 0 && step != SQLITE_DONE)
		return said(m, err);
	return rc == 0 && m->n ? search(m, err) : rc;
}

static void
value_release(struct value *v)
{
	sqlite3_finalize(v->statement);
	free(v->nav);
}

static int
run(const struct table_function_call *call, struct cell_sink sink, struct err *err)
{
	struct match m = { .q = call->query, .sink = sink };
	struct buf scratch = {0};
	struct str text = table_function_text(call, "program", &scratch);

	m.arena = arena_new(MEMORY_MOST);
	if (!text.p || json_check(text, err))
		damaged(err);
	else if (read_program(&m, json_checked(text), err) == 0)
		read_rows(&m, err);
	sqlite3_finalize(m.input);
	for (int i = 0; i < RECOGNIZE_VARIABLES; i++)
		value_release(&m.define[i]);
	for (int i = 0; m.out && i < MATCH_COLUMNS; i++)
		value_release(&m.out[i]);
	free(m.out);
	recognize_free(m.pattern);
	arena_free(m.arena);
	free(m.cell);
	free(m.time);
	buf_release(&scratch);
	return err->code;
}

#define TEN(d) d "0", d "1", d "2", d "3", d "4", d "5", d "6", d "7", d "8", d "9"
static const char *const columns[] = { TEN("0"), TEN("1"), TEN("2"), TEN("3"), TEN("4"), TEN("5"), TEN("6"), TEN("7"), TEN("8"), TEN("9"), NULL };
static const struct table_function_param params[] = { { "program", "JSON", "what MATCH_RECOGNIZE was rewritten to", 1 }, { 0 } };

const struct table_function match_rows_function = { "match_rows", "what MATCH_RECOGNIZE was rewritten to", columns, params, run, .sql_only = 1, .ragged = 1 };
