/* ask.c - a question from its text to its answer. */
#include <stdlib.h>

#include "base/mem.h"
#include "config/config.h"
#include "insight/ask_priv.h"
#include "insight/checked.h"

#define LEAST_USERS  10
#define ANSWER_BYTES (32u << 20)        /* of the texts of an answer's rows */

struct ask *
ask_open(struct query *query, const struct config *config, struct err *err)
{
	struct ask *ask = mem_new(sizeof(*ask));
	int64_t least;

	ask->query = query;
	ask->config = config;
	ask->arena = arena_new(16u << 20);
	ask->model = checked_model();
	ask->least_users = json_int64(config_get(config, "analytics", "model.leastUsers"), &least) && least > 0 &&
	    least <= INT32_MAX ? (int)least : LEAST_USERS;
	if (ask_learn(ask, err)) {
		ask_close(ask);
		return NULL;
	}
	return ask;
}

void
ask_close(struct ask *ask)
{
	if (!ask)
		return;
	map_release(&ask->phrases);
	map_release(&ask->words);
	arena_free(ask->arena);
	free(ask);
}

#define KEPT 4                          /* policies */

struct ask_kept {
	struct { struct ask *ask; uint64_t version, policy, used; } of[KEPT];
	uint64_t clock;
};

struct ask *
ask_keep(struct ask_kept **kept, struct query *query, const struct config *config, struct err *err)
{
	struct store *store = query_store(query, err);
	uint64_t policy = policy_hash(query_policy(query)), version = store ? store_version(store) : 0;         /* before it is learnt: a commit meanwhile makes it old */
	int at = 0;

	if (!store)
		return NULL;
	if (!*kept)
		*kept = mem_new(sizeof(**kept));
	for (int i = 0; i < KEPT; i++) {
		if ((*kept)->of[i].ask && (*kept)->of[i].policy == policy) {
			at = i;
			break;
		}
		if ((*kept)->of[i].used < (*kept)->of[at].used)
			at = i;
	}
	if (!(*kept)->of[at].ask || (*kept)->of[at].policy != policy || (*kept)->of[at].version != version) {
		ask_close((*kept)->of[at].ask);
		(*kept)->of[at].ask = ask_open(query, config, err);
		(*kept)->of[at].policy = policy;
		(*kept)->of[at].version = version;
	}
	(*kept)->of[at].used = ++(*kept)->clock;
	return (*kept)->of[at].ask;
}

void
ask_kept_free(struct ask_kept *kept)
{
	for (int i = 0; kept && i < KEPT; i++)
		ask_close(kept->of[i].ask);
	free(kept);
}

/* ---- rows */

struct taking { struct ask_answer *a; int cap; };

static int
take_columns(void *self, const struct str *names, int n, struct err *err)
{
	struct taking *t = self;
	struct ask_rows *rows = &t->a->rows;

	rows->column = arena_get(t->a->arena, (size_t)n * sizeof(*rows->column));
	if (!rows->column)
		return err_set(err, ERR_LIMIT, "the answer has too many columns");
	for (int i = 0; i < n; i++)
		rows->column[i] = (struct str){ arena_dup(t->a->arena, names[i].p, names[i].n), names[i].n };
	rows->n_columns = n;
	return 0;
}

static int
take_row(void *self, const struct cell *cells, int n, struct err *err)
{
	struct taking *t = self;
	struct ask_rows *rows = &t->a->rows;

	if (rows->n_rows == ASK_ROWS_MOST) {
		rows->more = 1;
		return 0;
	}
	if (rows->n_rows == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 16;
		rows->cell = mem_grow(rows->cell, (size_t)t->cap * (size_t)n, sizeof(*rows->cell));
	}
	for (int i = 0; i < n; i++) {
		struct cell *c = &rows->cell[rows->n_rows * n + i];

		*c = cells[i];
		if (c->type == CELL_TEXT && !(c->text.p = arena_dup(t->a->arena, cells[i].text.p, cells[i].text.n)))
			return err_set(err, ERR_LIMIT, "the answer is too large, ask for less");
	}
	rows->n_rows++;
	return 0;
}

static int
run(struct ask *ask, struct ask_answer *a, struct err *err)
{
	struct taking t = { .a = a };
	const struct query_sink sink = { take_columns, take_row, &t };
	size_t at = 0;
	int rc = query_run(ask->query, buf_get(&a->sql), &at, NULL, 0, &sink, err);

	return rc < 0 ? rc : 0;
}

/* ---- the whole way */

struct fewest { int64_t users; };

static int
take_fewest(void *self, const struct cell *cells, int n, struct err *err)
{
	struct fewest *f = self;

	(void)err;
	if (cells[n - 1].type == CELL_INTEGER && cells[n - 1].integer < f->users)
		f->users = cells[n - 1].integer;
	return 0;
}

/* Does each row stand for so many users that it may be shown elsewhere? What cannot be counted does not. */
static int
is_large(struct ask *ask, const struct ask_reading *r, int64_t now)
{
	struct ask_reading users = *r;
	struct fewest fewest = { INT64_MAX };
	const struct query_sink sink = { NULL, take_fewest, &fewest };
	struct buf sql = { 0 };
	struct err err = { 0 };
	int rc = 0;

	for (int i = 0; i < r->n_groups; i++)
		if (r->group[i] == -1 || r->group[i] == -2)
			return 0;
	for (int i = 0; i < r->where.n; i++)
		if (r->where.f[i].field == -1 || r->where.f[i].field == -2)
			return 0;
	if (r->edge || r->funnel || r->n_conditions || r->count_groups || r->average_over || r->m.of == ASK_OF_SESSION_LENGTH)
		return 0;
	users.m.of = ASK_DISTINCT_USERS;
	users.ratio = users.having = users.rank = users.limit = users.offset = 0;
	users.n_periods = r->n_periods > 0;
	for (int p = 0; p < (r->n_periods ? r->n_periods : 1) && rc >= 0; p++) {        /* each period by itself */
		size_t at = 0;

		users.period[0] = r->period[p];
		buf_clear(&sql);
		ask_sql(ask, &users, now, &sql);
		rc = query_run(ask->query, buf_get(&sql), &at, NULL, 0, &sink, &err);
	}
	buf_release(&sql);
	return rc >= 0 && fewest.users != INT64_MAX && fewest.users >= ask->least_users;
}

/* What a model made of it: rows without a sentence that could be wrong. */
static void
say_rows(struct ask_answer *a)
{
	buf_lit(&a->text, a->rows.n_rows ? "As a model read it (the SQL says how):" : "As a model read it (the SQL says how), there is nothing.");
	for (int i = 0; i < a->rows.n_rows && i < 100; i++) {
		buf_lit(&a->text, "\n  ");
		for (int k = 0; k < a->rows.n_columns; k++) {
			const struct cell *c = &a->rows.cell[i * a->rows.n_columns + k];

			buf_lit(&a->text, k ? ", " : "");
			if (c->type == CELL_TEXT)
				buf_str(&a->text, c->text);
			else
				cell_put_json(&a->text, c);
		}
	}
}

static void
forget_rows(struct ask_answer *a)
{
	free(a->rows.cell);
	a->rows = (struct ask_rows){ 0 };
	buf_clear(&a->sql);
}

/* The grammar does not know it: a model may. Whatever goes wrong, the refusal stands. */
static void
interpret(struct ask *ask, struct str question, int64_t now, struct ask_answer *a)
{
	struct err err = { 0 };

	if (!ask->model || !ask_model_interpret(ask, question, now, &a->sql))
		return;
	if (run(ask, a, &err)) {
		forget_rows(a);
		return;
	}
	a->refused = 0;
	buf_clear(&a->text);
	buf_lit(&a->understood, "SQL of a model");
	say_rows(a);
}

/* Users, sessions and ids are known to every question, and not shown to every caller. */
static int
lacks_column(const struct ask *ask)
{
	const struct policy *policy = query_policy(ask->query);

	return policy_column(policy, STR("user_id")) == POLICY_HIDDEN || policy_column(policy, STR("session_id")) == POLICY_HIDDEN ||
	    policy_column(policy, STR("id")) == POLICY_HIDDEN;
}

static void
hide(struct ask_answer *a)
{
	forget_rows(a);
	buf_clear(&a->understood);
	buf_clear(&a->text);
	buf_lit(&a->text, "That asks for something of an event that your roles do not show.");
}

/* Who comes back. Without users to follow nobody seems to: who may not see them is told so. */
static int
answer_retention(struct ask *ask, const struct ask_retention *r, struct ask_answer *a, struct err *err)
{
	int rc;

	buf_clear(&a->text);
	if (policy_column(query_policy(ask->query), STR("user_id")) == POLICY_HIDDEN) {
		hide(a);
		return 0;
	}
	ask_retention_understood(ask, r, &a->understood);
	ask_retention_sql(ask, r, &a->sql);
	if ((rc = run(ask, a, err)))
		return rc;
	a->refused = 0;
	ask_retention_say(ask, r, &a->rows, &a->text);
	return 0;
}

int
ask_answer(struct ask *ask, struct str question, struct ask_answer *a, struct err *err)
{
	struct ask_word *words = NULL;
	struct ask_item *items = NULL;
	struct ask_reading reading;
	struct ask_retention retention;
	int64_t now = time_now();
	int n, rc = 0, read;

	a->arena = arena_new(ANSWER_BYTES);
	a->refused = 1;
	question = str_trim(question);
	if (!question.n) {
		buf_lit(&a->text, "Ask something: how many signups yesterday, which country had the most revenue last week.");
		return 0;
	}
	if (question.n > ASK_QUESTION_MOST || str_utf8_fault(question) >= 0) {
		buf_lit(&a->text, question.n > ASK_QUESTION_MOST ? "That is too long for one question." : "That is no text in UTF-8.");
		return 0;
	}
	words = mem_new(ASK_WORDS * sizeof(*words));
	n = ask_words(a->arena, question, words, ASK_WORDS);
	if (n <= 0) {
		buf_lit(&a->text, n < 0 ? "That is too long for one question." : "I see no words in that.");
		goto out;
	}
	if ((read = ask_retention_read(ask, words, n, now, query_zone(ask->query), &retention, &a->text)) != ASK_NO_RETENTION) {
		if (read)
			rc = answer_retention(ask, &retention, a, err);
		else
			interpret(ask, question, now, a);
		goto out;
	}
	items = mem_new((size_t)(n + ASK_ADDED) * sizeof(*items));
	n = ask_items(ask, words, n, now, query_zone(ask->query), items);
	if ((read = ask_read(ask, items, n, now, query_zone(ask->query), &reading, &a->text)) != 1) {
		if (read == 0)
			interpret(ask, question, now, a);
		goto out;
	}
	buf_clear(&a->text);
	ask_understood(ask, &reading, &a->understood);
	ask_sql(ask, &reading, now, &a->sql);
	if ((rc = run(ask, a, err))) {
		if (err->code == ERR_USAGE && lacks_column(ask)) {
			rc = 0;
			err_clear(err);
			hide(a);
		}
		goto out;
	}
	a->refused = 0;
	ask_say(ask, &reading, &a->rows, &a->text);
	if (ask->model && a->rows.n_rows && is_large(ask, &reading, now))
		a->phrased = ask_model_phrase(a);
out:
	free(words);
	free(items);
	return rc;
}

void
ask_answer_release(struct ask_answer *a)
{
	free(a->rows.cell);
	arena_free(a->arena);
	buf_release(&a->sql);
	buf_release(&a->understood);
	buf_release(&a->text);
	*a = (struct ask_answer){ 0 };
}

void
ask_put_json(struct buf *b, struct str question, const struct ask_answer *a)
{
	buf_lit(b, "{\"question\":");
	if (str_utf8_fault(question) >= 0)
		buf_lit(b, "null");
	else
		json_put_string(b, question);
	buf_lit(b, ",\"sql\":");
	if (a->sql.n)
		json_put_string(b, buf_get(&a->sql));
	else
		buf_lit(b, "null");
	buf_lit(b, ",\"understood\":");
	if (a->understood.n)
		json_put_string(b, buf_get(&a->understood));
	else
		buf_lit(b, "null");
	buf_lit(b, ",\"columns\":[");
	for (int i = 0; i < a->rows.n_columns; i++) {
		buf_lit(b, i ? "," : "");
		json_put_string(b, a->rows.column[i]);
	}
	buf_lit(b, "],\"rows\":[");
	for (int i = 0; i < a->rows.n_rows; i++) {
		buf_lit(b, i ? ",[" : "[");
		for (int k = 0; k < a->rows.n_columns; k++) {
			buf_lit(b, k ? "," : "");
			cell_put_json(b, &a->rows.cell[i * a->rows.n_columns + k]);
		}
		buf_byte(b, ']');
	}
	buf_lit(b, "],\"text\":");
	json_put_string(b, buf_get(&a->text));
	buf_printf(b, ",\"refuse\":%s}", a->refused ? "true" : "false");
}
