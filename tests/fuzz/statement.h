/* Statements are mutated by their tokens: of SQL's text with bytes turned over hardly any is more than a syntax error. Most often a token gives
 * way to one of its kind, a column to a column; else tokens go, come twice, stand elsewhere, give way to any words of SQL and of ours, and to
 * pieces of other statements; now and then bytes are bytes. */
#ifndef FUZZ_STATEMENT_H
#define FUZZ_STATEMENT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "query/functions.h"
#include "query/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
size_t LLVMFuzzerCustomMutator(uint8_t *, size_t, size_t, unsigned);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *, size_t, const uint8_t *, size_t, uint8_t *, size_t, unsigned);
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *, size_t, size_t);       /* libFuzzer's; what only replays has none and needs none */

#define STATEMENT_TOKENS 2000

static const char *const statement_words[] = {
	"SELECT", "DISTINCT", "ALL", "FROM", "WHERE", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "OFFSET", "WITH", "RECURSIVE", "AS", "MATERIALIZED", "UNION",
	"UNION ALL", "INTERSECT", "EXCEPT", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", "ASOF JOIN", "SEMI JOIN", "ANTI JOIN", "NATURAL JOIN",
	"LATERAL", "ON", "USING", "VALUES", "CASE", "WHEN", "THEN", "ELSE", "END", "IN", "NOT IN", "EXISTS", "NOT EXISTS", "BETWEEN", "LIKE", "ILIKE", "GLOB", "REGEXP", "NOT", "AND",
	"OR", "IS", "IS NOT", "IS NULL", "IS DISTINCT FROM", "NULL", "TRUE", "FALSE", "ASC", "DESC", "NULLS FIRST", "NULLS LAST", "COLLATE NOCASE", "ESCAPE '\\'", "OVER", "WINDOW",
	"PARTITION BY", "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", "RANGE UNBOUNDED PRECEDING", "GROUPS CURRENT ROW", "EXCLUDE TIES", "FILTER (WHERE", "WITHIN GROUP (ORDER BY",
	"QUALIFY", "GROUP BY ALL", "ORDER BY ALL", "GROUPING SETS", "ROLLUP", "CUBE", "PIVOT", "UNPIVOT", "FOR", "DISTINCT ON", "USING SAMPLE 10%", "TOP 3", "FETCH FIRST 2 ROWS ONLY",
	"EXCLUDE", "REPLACE", "COLUMNS", "INTERVAL", "INTERVAL 1 HOUR", "INTERVAL '1 day'", "DATE", "TIMESTAMP", "AT TIME ZONE 'Europe/Zurich'", "EXTRACT(hour FROM", "CAST(", "TRY_CAST(",
	"::INTEGER", "::TEXT", "::DOUBLE", "::DATE", "::BOOLEAN", "::TIMESTAMP", "EXPLAIN", "EXPLAIN ANALYZE", "DESCRIBE", "SUMMARIZE", "SHOW TABLES",
	"MATCH_RECOGNIZE (", "MEASURES", "PATTERN (", "DEFINE", "ONE ROW PER MATCH", "ALL ROWS PER MATCH", "AFTER MATCH SKIP TO NEXT ROW", "CLASSIFIER()", "MATCH_NUMBER()",
	"events", "metrics", "anomalies", "alerts", "insights", "audit", "input", "funnel(", "retention(", "paths(", "sessions(", "metric(", "match(", "generate_series(", "range(", "unnest(",
	"event", "timestamp", "received_at", "id", "user_id", "session_id", "properties", "page", "n", "r", "t", "o", "o.p", "o.q", "l", "mixed", "late", "rowid", "metric", "field", "value", "labels", "host",
	"a", "b", "x", "e", "*", "e.*", "(", ")", "( SELECT", ",", ".", "=", "<>", "<", "<=", ">", ">=", "+", "-", "/", "%", "||", "->", "->>", "&", "|", "<<", "~", "::", "[", "]", "[1:2]", ":a", "?", "$b", ";",
	"0", "1", "2", "-1", "3.5", "1e300", "9223372036854775807", "-9223372036854775808", "0x10", "''", "'a'", "'%a_'", "'purchase'", "'2026-11-17'", "'2026-11-17T10:00:00Z'", "'1h'", "'[1,2]'",
	"'{\"a\":1}'", "'a,b'", "'(a|b)+'", "x'00ff'", "'\303\244'",
	"count(*)", "count(DISTINCT user_id)", "sum(n)", "sum(r)", "avg(r)", "min(t)", "max(timestamp)", "count", "sum", "avg", "min", "max", "total", "group_concat", "string_agg", "row_number()", "rank()",
	"lag(n)", "lead(n, 2, 0)", "first_value(n)", "nth_value(n, 2)", "ntile(3)", "coalesce", "nullif", "ifnull", "iif", "abs", "round", "length", "lower", "upper", "substr", "replace", "trim",
	"instr", "printf", "typeof", "hex", "char", "unicode", "strftime", "date", "datetime", "julianday", "unixepoch", "json_extract", "json_each(", "json_tree(", "json_group_array", "json_object",
};
#define STATEMENT_WORDS (sizeof(statement_words) / sizeof(*statement_words))

/* What may stand in each other's place: each kind ends with NULL. */
static const char *const statement_kinds[] = {
	"event", "timestamp", "received_at", "id", "user_id", "session_id", "properties", "page", "n", "r", "t", "o", "l", "mixed", "late", NULL,
	"=", "<>", "<", "<=", ">", ">=", "IS", "LIKE", "IN", "->>", NULL,
	"+", "-", "*", "/", "%", "||", "&", "|", "<<", NULL,
	"AND", "OR", "AND NOT", "XOR", NULL,
	"ASC", "DESC", "ASC NULLS LAST", "COLLATE NOCASE", NULL,
	"JOIN", "LEFT JOIN", "FULL JOIN", "CROSS JOIN", "ASOF JOIN", "SEMI JOIN", "ANTI JOIN", ",", NULL,
	"UNION", "UNION ALL", "INTERSECT", "EXCEPT", NULL,
	"count", "sum", "avg", "min", "max", "median", "stddev", "first", "last", "mode", "list", "string_agg", "approx_count_distinct", "topk", "entropy", "total", NULL,
	"upper", "lower", "length", "abs", "round", "typeof", "hex", "trim", "date", "floor", "ceil", "sqrt", "ln", "reverse", "quote", "year", "hour", NULL,
	"'a'", "''", "'click'", "'purchase'", "'/1'", "'t1%'", "'u3'", "'1 day'", "'1h'", "'7d'", "'2026-11-17'", "'2026-11-17T10:00:00.000Z'", "'day'", "'hour'", "'12'", "'^/[12]'", NULL,
	"0", "1", "2", "3", "7", "0.5", "10", "1e300", "9223372036854775807", "9007199254740993", "-1", "NULL", NULL,
	"events", "metrics", "input", "alerts", "anomalies", NULL,
};
#define STATEMENT_KINDS (sizeof(statement_kinds) / sizeof(*statement_kinds))

struct statement { struct str sql; struct str token[STATEMENT_TOKENS]; size_t n; };     /* each token with the blanks behind it */

static const char *statement_function[1000];
static size_t statement_functions;

static inline void
statement_name(void *self, const char *name)
{
	(void)self;
	if (statement_functions < sizeof(statement_function) / sizeof(*statement_function))
		statement_function[statement_functions++] = name;
}

/* 0, or -1: it does not cut into tokens. */
static inline int
statement_cut(struct statement *s, const uint8_t *data, size_t size)
{
	size_t at = 0;
	struct token token;
	struct err err = { 0 };

	*s = (struct statement){ .sql = { (const char *)data, size } };
	while (s->n < STATEMENT_TOKENS && token_next(s->sql, &at, &token, &err) == 1) {
		if (s->n)
			s->token[s->n - 1].n = (size_t)(token.text.p - s->token[s->n - 1].p);
		s->token[s->n++] = token.text;
	}
	return err.code || !s->n || s->n == STATEMENT_TOKENS ? -1 : 0;
}

static inline unsigned
statement_chance(uint64_t *seed, size_t n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return n ? (unsigned)((*seed >> 33) % n) : 0;
}

static inline void
statement_word(struct buf *out, const struct statement *s, uint64_t *seed)
{
	if (!statement_functions)
		functions_each(statement_name, NULL);
	buf_byte(out, ' ');
	switch (statement_chance(seed, 4)) {
	case 0:
		buf_lit(out, statement_function[statement_chance(seed, statement_functions)]);
		buf_lit(out, statement_chance(seed, 2) ? "(" : "");
		break;
	case 1:
		buf_str(out, s->token[statement_chance(seed, s->n)]);
		break;
	default:
		buf_lit(out, statement_words[statement_chance(seed, STATEMENT_WORDS)]);
	}
	buf_byte(out, ' ');
}

static inline int
statement_is(struct str token, const char *text)
{
	while (token.n && (unsigned char)token.p[token.n - 1] <= ' ')
		token.n--;
	return strlen(text) == token.n && strncasecmp(text, token.p, token.n) == 0;
}

/* One of the kind of token i; where it is of none, any word. */
static inline void
statement_like(struct buf *out, const struct statement *s, size_t i, uint64_t *seed)
{
	for (size_t from = 0, to; from < STATEMENT_KINDS; from = to + 1) {
		int found = 0;

		for (to = from; statement_kinds[to]; to++)
			found |= statement_is(s->token[i], statement_kinds[to]) || (statement_kinds[to][0] == '\'' && s->token[i].p[0] == '\'') ||
			    (statement_kinds[to][0] == '0' && s->token[i].p[0] >= '0' && s->token[i].p[0] <= '9');
		if (!found)
			continue;
		buf_byte(out, ' ');
		buf_lit(out, statement_kinds[from + statement_chance(seed, to - from)]);
		buf_byte(out, ' ');
		return;
	}
	statement_word(out, s, seed);
}

static inline void
statement_put(struct buf *out, const struct statement *s, size_t from, size_t to)
{
	for (size_t i = from; i < to && i < s->n; i++)
		buf_str(out, s->token[i]);
}

/* Behind the bracket that closes the one at token i; or behind one token, or some. */
static inline size_t
statement_piece(const struct statement *s, size_t i, uint64_t *seed)
{
	int open = 0;
	size_t k = i;

	if (s->token[i].p[0] != '(')
		return i + 1 + (statement_chance(seed, 3) ? 0 : statement_chance(seed, 6));
	do
		open += s->token[k].p[0] == '(' ? 1 : s->token[k].p[0] == ')' ? -1 : 0;
	while (++k < s->n && open > 0);
	return k;
}

static inline void
statement_change(struct buf *out, const struct statement *s, uint64_t *seed)
{
	size_t i = statement_chance(seed, s->n), k = statement_piece(s, i, seed), at = statement_chance(seed, s->n + 1);

	k = k < s->n ? k : s->n;
	switch (statement_chance(seed, 12)) {
	case 0:                                         /* any word in its place */
		statement_put(out, s, 0, i), statement_word(out, s, seed), statement_put(out, s, k, s->n);
		break;
	case 2:                                         /* one more */
		statement_put(out, s, 0, i), statement_word(out, s, seed), statement_put(out, s, i, s->n);
		break;
	case 3:                                         /* it goes */
		statement_put(out, s, 0, i), statement_put(out, s, k, s->n);
		break;
	case 1:                                         /* it stands elsewhere too */
		statement_put(out, s, 0, at), buf_byte(out, ' '), statement_put(out, s, i, k), buf_byte(out, ' '), statement_put(out, s, at, s->n);
		break;
	case 4:                                         /* in a function's brackets */
		statement_put(out, s, 0, i), statement_word(out, s, seed), buf_byte(out, '('), statement_put(out, s, i, k), buf_byte(out, ')'), statement_put(out, s, k, s->n);
		break;
	case 5:                                         /* all of it is a subquery */
		buf_lit(out, "SELECT * FROM ("), statement_put(out, s, 0, s->n), buf_lit(out, ") AS x ");
		break;
	default:
		statement_put(out, s, 0, i), statement_like(out, s, i, seed), statement_put(out, s, i + 1, s->n);
	}
}

static inline size_t
statement_give(struct buf *out, uint8_t *data, size_t most)
{
	size_t n = out->n < most ? out->n : most;

	if (n)
		memcpy(data, out->p, n);
	buf_release(out);
	return n;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	static struct statement s;
	uint64_t chance = seed * 2654435761u + size;
	struct buf out = { 0 };

	if (statement_chance(&chance, 8) == 0 || statement_cut(&s, data, size) < 0)
		return LLVMFuzzerMutate(data, size, most);
	for (unsigned k = statement_chance(&chance, 3) ? 0 : statement_chance(&chance, 4); ; k--) {
		struct buf next = { 0 };

		statement_change(&next, &s, &chance);
		buf_release(&out);
		out = next;
		if (k == 0 || statement_cut(&s, (const uint8_t *)out.p, out.n) < 0)
			return statement_give(&out, data, most);
	}
}

/* A piece of one statement in the place of a piece of another. */
size_t
LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *two, size_t two_size, uint8_t *to, size_t most, unsigned seed)
{
	static struct statement a, b;
	uint64_t chance = seed;
	struct buf out = { 0 };

	if (statement_cut(&a, one, one_size) == 0 && statement_cut(&b, two, two_size) == 0) {
		size_t i = statement_chance(&chance, a.n), k = statement_chance(&chance, b.n);

		statement_put(&out, &a, 0, i), buf_byte(&out, ' ');
		if (statement_chance(&chance, 3) == 0) {
			statement_put(&out, &b, k, b.n);
		} else {
			statement_put(&out, &b, k, statement_piece(&b, k, &chance)), buf_byte(&out, ' ');
			statement_put(&out, &a, statement_piece(&a, i, &chance), a.n);
		}
	}
	return statement_give(&out, to, most);
}

#endif
