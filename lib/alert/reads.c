#include "alert/reads.h"

#include <strings.h>

#include "query/token.h"
#include "query/verbs.h"

#define WORDS_MOST 100                  /* of a rule; with more it reads anything */
#define WORD_MOST  100                  /* bytes; no name of a column that a role hides is longer than what is compared */

struct reads { struct map words; int all; };

static int
is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
}

static int
is_one_of(struct str word, const char *const *list)
{
	for (; *list; list++)
		if (word.n == strlen(*list) && strncasecmp(word.p, *list, word.n) == 0)
			return 1;
	return 0;
}

static void
add(struct reads *r, struct str word)
{
	if (word.n > WORD_MOST || (int)r->words.n >= WORDS_MOST)
		r->all = 1;
	else if (word.n)
		map_put(&r->words, word, NULL);
}

/* All words of a text, and what stands in it between blanks and quotes as a whole: names may have other bytes than letters. */
static void
add_text(struct reads *r, struct str text)
{
	for (size_t i = 0; i < text.n; ) {
		size_t from = i;

		while (i < text.n && is_name(text.p[i]))
			i++;
		add(r, (struct str){ text.p + from, i - from });
		i += i == from;
	}
	if (text.n <= WORD_MOST)
		add(r, text);
}

/* user_id_distinct, salary_sum: a number made of a field has the field's name in front. */
static void
add_field(struct reads *r, struct str field)
{
	add_text(r, field);
	for (size_t i = 1; i < field.n; i++)
		if (field.p[i] == '_')
			add(r, (struct str){ field.p, i });
}

/* ---- jq: names behind a dot are what is read. What reads the row without a name in it reads anything. */

static const char *const containers[] = { "properties", "labels", "key", "events", "bindings", NULL };

static size_t
over_quotes(struct str s, size_t i)
{
	for (i++; i < s.n && s.p[i] != '"'; i++)
		i += s.p[i] == '\\';
	return i;
}

static void
add_jq(struct reads *r, struct str s)
{
	static const char *const known[] = { "and", "or", "not", "null", "true", "false", "if", "then", "elif", "else", "end", "test", "startswith", "endswith",
		"select", "ascii_downcase", "ascii_upcase", "tonumber", "floor", NULL };

	for (size_t i = 0; i < s.n; ) {
		size_t from = i;

		if (s.p[i] == '"') {
			i = over_quotes(s, i);
			i = i < s.n ? i : s.n;
			add_text(r, (struct str){ s.p + from + 1, i - from - 1 });
			r->all |= memchr(s.p + from, '\\', i - from) != NULL;           /* "\(.)", or a name written otherwise */
			i++;
		} else if (is_name(s.p[i])) {
			struct str word;
			int is_path = i && s.p[i - 1] == '.', is_named = i && s.p[i - 1] == '$';

			while (i < s.n && is_name(s.p[i]))
				i++;
			word = (struct str){ s.p + from, i - from };
			add(r, word);
			if (is_path && is_one_of(word, containers) && !(i + 1 < s.n && s.p[i] == '.' && (is_name(s.p[i + 1]) || s.p[i + 1] == '"')))
				r->all = 1;
			if (is_named && !(i < s.n && s.p[i] == '.'))
				r->all = 1;             /* an event of a pattern as a whole */
			if (!is_path && !is_named && !(word.p[0] >= '0' && word.p[0] <= '9') && !is_one_of(word, known))
				r->all = 1;             /* keys, tostring, contains({…}): of the row that stands there unsaid */
		} else {
			if (s.p[i] == '.' && !(i && s.p[i - 1] >= '0' && s.p[i - 1] <= '9') && !(i + 1 < s.n && (is_name(s.p[i + 1]) || s.p[i + 1] == '"')))
				r->all = 1;             /* the row itself, .[…], .. */
			r->all |= s.p[i] == '[' || s.p[i] == '@' || s.p[i] == '#';
			i++;
		}
	}
}

/* Conditions stand in brackets; outside of them are events, words of patterns, and the fields of `by`, which are labels by their own names
 * unless they lead into something. */
static void
add_pattern(struct reads *r, struct str s)
{
	for (size_t i = 0; i < s.n; ) {
		size_t from = i, depth = 0;

		if (s.p[i] == '"') {
			i = over_quotes(s, i) + 1;
		} else if (s.p[i] == '[') {
			do {
				if (s.p[i] == '"')
					i = over_quotes(s, i);
				else
					depth += (s.p[i] == '[') - (s.p[i] == ']');
				i++;
			} while (i < s.n && depth);
			i = i < s.n ? i : s.n;
			if (i > from + 2)
				add_jq(r, (struct str){ s.p + from + 1, i - from - 2 });
		} else if (is_name(s.p[i]) || s.p[i] == '.') {
			while (i < s.n && (is_name(s.p[i]) || s.p[i] == '.'))
				i++;
			if (memchr(s.p + from, '.', i - from))
				add_text(r, (struct str){ s.p + from, i - from });
		} else {
			i++;
		}
	}
}

/* {{…}} of messages and labels. */
static void
add_template(struct reads *r, struct str s)
{
	static const char *const plain[] = { "alert", "metric", "severity", "state", "status", "since", "timestamp", "value", NULL };
	static const char *const wide[] = { "events", "bindings", NULL };
	const char *from, *end;

	while (s.n && (from = memmem(s.p, s.n, "{{", 2)) && (end = memmem(from, (size_t)(s.p + s.n - from), "}}", 2))) {
		struct str path = str_trim((struct str){ from + 2, (size_t)(end - from) - 2 }), first = { 0 };

		s = (struct str){ end + 2, (size_t)(s.p + s.n - end) - 2 };
		if (path.n && (path.p[0] == '$' || path.p[0] == '.'))
			path.p++, path.n--;
		if (is_one_of(path, plain))
			continue;
		add_text(r, path);
		r->all |= is_one_of(path, containers);
		if (str_cut(&path, '.', &first))
			r->all |= is_one_of(first, wide);
	}
}

/* ---- SQL: names and the words of texts ('$.email', a field that a function is given) */

/* What gives columns that the statement does not name. */
static int
is_wide(struct str word)
{
	static const char *const wide[] = { "properties", "property", "labels", "row", "columns", "pivot", "unpivot", "match_recognize", "alerts", "anomalies", "insights",
		"audit", "matches", NULL };
	char name[32] = "";

	if (is_one_of(word, wide))
		return 1;
	for (size_t i = 0; i < word.n && i < sizeof(name) - 1; i++)
		name[i] = word.p[i] >= 'A' && word.p[i] <= 'Z' ? (char)(word.p[i] | 32) : word.p[i];
	return word.n < sizeof(name) && strcmp(name, "events") != 0 && verbs_find(name) != NULL;       /* events is the table */
}

static void
add_name(struct reads *r, struct str name)
{
	static const char *const said[] = { "select", "from", "where", "group", "order", "having", "limit", "as", "and", "or", "not", "in", "is", "null", "on",
		"join", "union", "case", "when", "then", "else", "distinct", NULL };

	if (!is_one_of(name, said))
		add_text(r, name);
	r->all |= is_wide(name);
}

static void
add_sql(struct reads *r, struct str sql)
{
	static const char *const starts[] = { "select", "distinct", "all", ",", ".", NULL };
	struct token t, was = { 0 }, before = { 0 };
	struct err err = { 0 };
	size_t at = 0;
	int rc;

	while ((rc = token_next(sql, &at, &t, &err)) > 0) {
		if (t.kind == TOKEN_WORD) {
			add_name(r, t.text);
		} else if (t.kind == TOKEN_QUOTED || t.kind == TOKEN_STRING) {
			struct str inner = { t.text.p + 1, t.text.n > 1 ? t.text.n - 2 : 0 };

			add_text(r, inner);
			r->all |= (t.kind == TOKEN_QUOTED && is_wide(inner)) || memchr(inner.p, '\\', inner.n) != NULL;         /* "\u0065mail" in a path */
		} else if (token_is(&t, "*") && (is_one_of(was.text, starts) || (token_is(&was, "(") && !token_is(&before, "count")))) {
			r->all = 1;
		} else if (token_is(&t, "(") && token_is(&was, "events")) {
			r->all = 1;
		}
		before = was;
		was = t;
	}
	r->all |= rc < 0;
}

/* ---- a rule */

/* What a metric of the configuration is counted of. */
static void
add_metric(struct reads *r, const struct config *config, struct str name)
{
	struct json metrics = config ? config_get(config, "analytics", "metrics") : JSON_ABSENT, m;
	struct buf text = { 0 };
	struct str singular = { name.p, name.n && name.p[name.n - 1] == 's' ? name.n - 1 : name.n };

	m = json_get(metrics, name);
	if (m.type == JSON_NONE)
		m = json_get(metrics, singular);
	if (m.type == JSON_OBJECT) {
		struct json where = json_get(m, STR("where")), value = json_get(m, STR("value"));

		if (where.type)
			add_jq(r, json_text(where, &text));
		if (value.type)
			add_text(r, json_text(value, &text));
	}
	buf_release(&text);
}

static struct str
put(struct reads *r, struct arena *arena)
{
	struct buf b = { 0 };
	struct str is;

	buf_byte(&b, '[');
	for (struct map_entry *e = r->all ? NULL : map_first(&r->words); e; e = map_next(&r->words, e)) {
		if (b.n > 1)
			buf_byte(&b, ',');
		json_put_string(&b, e->key);
	}
	buf_lit(&b, r->all ? "\"*\"]" : "]");
	is = (struct str){ arena_dup(arena, b.p, b.n), b.n };
	buf_release(&b);
	return is;
}

static struct str
find(const struct rule *rule, const struct config *config, struct arena *arena)
{
	struct reads r = { .all = 0 };
	struct str rest = rule->metric, by = rule->by, one;
	struct str is;

	if (rule->when.how == RULES_EXPR)
		add_jq(&r, rule->condition);
	if (rule->resolve.how == RULES_EXPR)
		add_jq(&r, rule->resolve_condition);
	if (rule->sql.p)
		add_sql(&r, rule->sql);
	if (rule->pattern.p)
		add_pattern(&r, rule->pattern);
	if (rule->field.p)
		add_field(&r, rule->field);
	if (rule->metric.p) {
		r.all |= !config;               /* what it is of is not known */
		add_metric(&r, config, rule->metric);
		for (int i = 0; str_cut(&rest, '.', &one); i++)         /* NAME.FIELD */
			if (i)
				add_field(&r, one);
	}
	while (by.p && str_cut(&by, ',', &one))
		if (memchr(one.p, '.', one.n))
			add_text(&r, one);
	if (rule->message.p)
		add_template(&r, rule->message);
	for (int i = 0; i < rule->n_labels; i++)
		add_template(&r, rule->labels[i].text);
	is = put(&r, arena);
	map_release(&r.words);
	return is;
}

void
reads_find(struct rules *rules, const struct config *config)
{
	for (int i = 0; i < rules->n; i++)
		rules->rule[i].reads = find(&rules->rule[i], config, rules->arena);
}

void
reads_put_row(struct buf *b, struct str json, struct str reads)
{
	if (!reads.p || json.n < 2) {
		buf_str(b, json);
		return;
	}
	buf_add(b, json.p, json.n - 1);
	buf_lit(b, ",\"reads\":");
	buf_str(b, reads);
	buf_byte(b, '}');
}
