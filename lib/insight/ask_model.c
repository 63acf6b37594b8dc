/* ask_model.c - a language model beside the grammar (checked.h): what it is told, and what of its answers is believed. */
#include "insight/ask_priv.h"
#include "insight/checked.h"
#include "query/token.h"

#define SQL_MOST 4000                   /* bytes of a statement that is taken */
#define DEPTH    64                     /* of its brackets */

static int
is_cte(struct str sql, struct str name)                 /* WITH name AS (, or , name AS ( */
{
	struct token t, last = { .kind = TOKEN_END };
	struct err err = { 0 };
	size_t at = 0;

	while (token_next(sql, &at, &t, &err) == 1) {
		if (token_is(&t, "AS") && last.kind == TOKEN_WORD && str_eq(last.text, name)) {
			struct token next;
			size_t behind = at;

			if (token_next(sql, &behind, &next, &err) == 1 && token_is(&next, "("))
				return 1;
		}
		last = t;
	}
	return 0;
}

int
ask_model_reads_only(struct str sql)
{
	static const char *const others[] = { "SELECT", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "INTERSECT", "EXCEPT", "WINDOW" };
	struct token t, before = { .kind = TOKEN_END };
	struct err err = { 0 };
	size_t at = 0;
	int n = 0, got, depth = 0, in_from[DEPTH] = { 0 };     /* 1: in a list of tables, in brackets of that depth */

	if (sql.n > SQL_MOST || str_utf8_fault(sql) >= 0)
		return 0;
	while ((got = token_next(sql, &at, &t, &err)) == 1) {
		if (n++ == 0 && !token_is(&t, "SELECT") && !token_is(&t, "WITH"))
			return 0;
		if (t.kind == TOKEN_PARAM || token_is(&t, ";") || token_is(&t, "PRAGMA") || token_is(&t, "ATTACH"))
			return 0;
		if (token_is(&t, "(") && ++depth >= DEPTH)
			return 0;
		if (token_is(&t, "("))
			in_from[depth] = 0;
		if (token_is(&t, ")") && --depth < 0)
			return 0;
		if (token_is(&t, "FROM") || token_is(&t, "JOIN"))
			in_from[depth] = 1;
		for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
			if (token_is(&t, others[i]))
				in_from[depth] = 0;
		if ((t.kind == TOKEN_WORD || t.kind == TOKEN_QUOTED) &&
		    (token_is(&before, "FROM") || token_is(&before, "JOIN") || (token_is(&before, ",") && in_from[depth])) &&
		    !token_is(&t, "events") && !token_is(&t, "SELECT") && !is_cte(sql, t.text))
			return 0;
		before = t;
	}
	return got == 0 && depth == 0 && n > 0;
}

static const char interpreter[] =
	"You turn a question about product analytics into one SQL SELECT (SQLite's dialect) over the table events(event, timestamp, "
	"user_id, session_id and the properties named below). timestamp is text like 2026-11-23T10:15:30.123Z. Use only the names that are "
	"given. Answer with JSON and nothing else: {\"sql\": \"SELECT …\"}, or {\"refuse\": true} when these events cannot tell.";

int
ask_model_interpret(struct ask *ask, struct str question, int64_t now, struct buf *sql)
{
	struct buf user = { 0 }, answer = { 0 }, scratch = { 0 }, why = { 0 };
	int n = 0;
	struct err err = { 0 };
	char text[TIME_LEN];
	int rc, good = 0;

	time_print(now, text);
	buf_printf(&user, "Now is %.*s.\nEvents: ", TIME_LEN, text);
	for (int i = 0; i < ask->n_events; i++) {
		buf_lit(&user, i ? ", " : "");
		json_put_string(&user, ask->event[i].name);
	}
	buf_lit(&user, "\nProperties: ");
	for (int i = 0; i < ask->n_fields; i++) {
		if (ask->field[i].stored || ask_is_stored(ask, &(struct ask_measure){ .of = ASK_DISTINCT_FIELD, .field = i }))
			continue;               /* of no event */
		buf_printf(&user, "%s%.*s %s", n++ ? ", " : "", STR_FMT(ask->field[i].sql), ask->field[i].number ? "number" : "text");
	}
	buf_lit(&user, "\nQuestion: ");
	buf_str(&user, question);
	rc = checked_ask(str_of(interpreter), buf_get(&user), &answer, &why);
	if (rc == 0 && str_utf8_fault(buf_get(&answer)) < 0) {
		const char *open = memchr(buf_get(&answer).p, '{', answer.n), *close = memrchr(buf_get(&answer).p, '}', answer.n);
		struct str piece = open && close > open ? (struct str){ open, (size_t)(close + 1 - open) } : STR("");
		struct str told = json_check(piece, &err) == 0 ? json_text(json_get(json_checked(piece), STR("sql")), &scratch) : (struct str){ 0 };

		told = told.p ? str_trim(told) : told;
		if (told.n && told.p[told.n - 1] == ';')
			told.n--;
		if (told.n && ask_model_reads_only(told)) {
			buf_str(sql, told);
			good = 1;
		}
	}
	buf_release(&user);
	buf_release(&answer);
	buf_release(&scratch);
	buf_release(&why);
	return good;
}

int
ask_model_phrase(struct ask_answer *a)
{
	const struct str own = buf_get(&a->text);
	struct buf said = { 0 }, why = { 0 };
	int good = !memchr(own.p, '\n', own.n) && checked_phrase(&own, 1, &said, &why) == 1;

	if (good) {
		buf_clear(&a->text);
		buf_str(&a->text, buf_get(&said));
	}
	buf_release(&said);
	buf_release(&why);
	return good;
}
