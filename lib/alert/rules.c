#include "alert/rules.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/dur.h"
#include "base/mem.h"
#include "config/schema.h"
#include "pattern/pattern.h"

#define FIELDS_MOST 8                   /* names in one path */
#define SPAN_MOST   (100 * 366 * 86400000LL)
#define MATCH_MS    300000              /* a match of a pattern is seen so long, without keep_firing_for */

struct rules *
rules_new(int flags)
{
	struct rules *r = mem_new(sizeof(*r));

	r->flags = flags;
	r->arena = arena_new(0);
	return r;
}

void
rules_free(struct rules *r)
{
	if (!r)
		return;
	for (int i = 0; i < r->n; i++) {
		expr_free(r->rule[i].when.expr);
		expr_free(r->rule[i].resolve.expr);
		expr_free(r->rule[i].amount);
	}
	free(r->rule);
	map_release(&r->names);
	schema_free(r->schema);
	arena_free(r->arena);
	free(r);
}

/* ---- texts of a rule */

static struct str
keep(struct rules *r, struct str s)
{
	return (struct str){ arena_dup(r->arena, s.p ? s.p : "", s.n), s.n };
}

/* The member's text in the arena; p NULL when there is none. */
static struct str
text_of(struct rules *r, struct json rule, const char *key)
{
	struct json v = json_get(rule, str_of(key));

	return v.type == JSON_STRING ? json_text_dup(v, r->arena) : (struct str){ 0 };
}

/* A text, or a list of texts with commas between. */
static struct str
list_of(struct rules *r, struct json rule, const char *key)
{
	struct json v = json_get(rule, str_of(key));
	struct buf all = { 0 }, scratch = { 0 };
	struct str list;
	struct json_iter it;

	if (v.type != JSON_ARRAY)
		return text_of(r, rule, key);
	for (it = json_iter(v); json_next(&it); ) {
		if (all.n)
			buf_byte(&all, ',');
		buf_str(&all, json_text(it.value, &scratch));
	}
	list = keep(r, buf_get(&all));
	buf_release(&all);
	buf_release(&scratch);
	return list;
}

static int
span_of(struct rules *r, struct json rule, const char *key, int64_t otherwise, int64_t *ms, struct err *err)
{
	struct str text = text_of(r, rule, key);

	*ms = otherwise;
	if (!text.p || (dur_parse(text, ms, err) == 0 && *ms <= SPAN_MOST))
		return 0;
	return err_set(err, ERR_INPUT, "%s: '%.40s' is no span, try 5m", key, text.p);
}

/* ---- conditions */

static int
take_operator(struct str *s, struct rules_test *t)
{
	static const struct { const char *text; int op; } all[] = { { ">=", RULES_GE }, { "<=", RULES_LE }, { "==", RULES_EQ }, { "!=", RULES_NE },
		{ ">", RULES_GT }, { "<", RULES_LT } };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (str_starts(*s, str_of(all[i].text))) {
			s->p += strlen(all[i].text), s->n -= strlen(all[i].text);
			t->op = all[i].op;
			return 1;
		}
	return 0;
}

static int
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* "> 100" or "value > 100"; with `metric`, "purchases > 100" or "purchases.count > 100", too. 1: it is such a one. */
static int
is_comparison(struct str text, struct rules_test *t, struct str *metric)
{
	struct str rest = str_trim(text), name;
	size_t n = 0;
	double than;

	while (n < rest.n && (is_word(rest.p[n]) || (n && (rest.p[n] == '.' || rest.p[n] == ':'))))
		n++;
	name = (struct str){ rest.p, n };
	if (n && (rest.p[0] >= '0' && rest.p[0] <= '9'))
		return 0;
	rest = str_trim((struct str){ rest.p + n, rest.n - n });
	if (!take_operator(&rest, t) || str_double(str_trim(rest), &than))
		return 0;
	if (n && !str_eq(name, STR("value"))) {
		if (!metric)
			return 0;
		*metric = name;
	}
	t->how = RULES_COMPARE;
	t->than = than;
	return 1;
}

/* `.a.b` at the front of s, as jq has it; its names, and the rest. 0: there is none. */
static int
take_path(struct str *s, struct str path[FIELDS_MOST])
{
	struct str rest = *s;
	int n = 0;

	while (rest.n > 1 && rest.p[0] == '.' && is_word(rest.p[1]) && n < FIELDS_MOST) {
		size_t len = 1;

		while (len < rest.n && is_word(rest.p[len]))
			len++;
		path[n++] = (struct str){ rest.p + 1, len - 1 };
		rest.p += len, rest.n -= len;
	}
	if (!n || (rest.n && (rest.p[0] == '[' || rest.p[0] == '.' || rest.p[0] == '?')))
		return 0;
	*s = rest;
	return n;
}

/* Where a text in quotes ends that begins at i; its length when it has no escapes, else -1. */
static size_t
over_text(struct str s, size_t i)
{
	for (i++; i < s.n && s.p[i] != '"'; i++)
		if (s.p[i] == '\\')
			i++;
	return i < s.n ? i : s.n - 1;
}

/* `.metric == "x"` and `.labels.host == "y"` are known before the row is asked. */
static void
pin(struct rules *r, struct rule *rule, struct str piece)
{
	struct str path[FIELDS_MOST];
	int n;

	piece = str_trim(piece);
	n = take_path(&piece, path);
	piece = str_trim(piece);
	if (!n || rule->n_pins == 2 || !str_starts(piece, STR("==")))
		return;
	piece.p += 2, piece.n -= 2;
	piece = str_trim(piece);
	if (piece.n < 2 || piece.p[0] != '"' || over_text(piece, 0) != piece.n - 1 || memchr(piece.p, '\\', piece.n))
		return;
	piece = (struct str){ piece.p + 1, piece.n - 2 };
	if (n == 1 && str_eq(path[0], STR("metric")))
		rule->pin[rule->n_pins++] = (struct rules_pin){ { 0 }, keep(r, piece) };
	else if (n == 2 && str_eq(path[0], STR("labels")))
		rule->pin[rule->n_pins++] = (struct rules_pin){ keep(r, path[1]), keep(r, piece) };
}

static int
is_at(struct str s, size_t i, const char *word)
{
	size_t n = strlen(word);

	return s.n - i >= n && memcmp(s.p + i, word, n) == 0 && (i == 0 || !is_word(s.p[i - 1])) && (i + n == s.n || !is_word(s.p[i + n]));
}

/* What stands on the left of a comparison as the value: a path, or what is reckoned of some, `.errors / .requests`. 1: it is. */
static int
take_value(struct rules *r, struct rule *rule, struct str left)
{
	struct str path[FIELDS_MOST], rest = left;
	int n = take_path(&rest, path);
	struct err ignored = { 0 };
	double number;

	if (n && !str_trim(rest).n) {
		for (int k = 0; k < n; k++)
			rule->path[k] = keep(r, path[k]);
		rule->n_path = n;
		return 1;
	}
	if (!left.n || str_double(left, &number) == 0)
		return 0;
	rule->amount = expr_new(keep(r, left).p, EXPR_NATIVE_ONLY, &ignored);
	return rule->amount != NULL;
}

/* Words behind which a term begins. */
static const char *const operators[] = { "and", "or", "not", "if", "then", "elif", "else", "end" };

/* Is the bracket at i of a function, in whose arguments `.` may be something else? */
static int
is_call(struct str s, size_t i)
{
	size_t from = i;

	while (from && is_word(s.p[from - 1]))
		from--;
	for (size_t k = 0; k < sizeof(operators) / sizeof(*operators); k++)
		if (is_at(s, from, operators[k]))
			return 0;
	return from < i && !is_at(s, from, "select");
}

/* The left side of the first comparison with something other than a text, where `.` is the row. */
static void
find_value(struct rules *r, struct rule *rule, struct str s)
{
	struct { size_t from; int foreign; } term[32] = { { 0, 0 } };
	int depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		struct str rest = { s.p + i, s.n - i };
		struct rules_test t;
		char c = s.p[i];

		for (size_t k = 0; k < sizeof(operators) / sizeof(*operators); k++)
			if (is_at(s, i, operators[k]) && (!i || s.p[i - 1] != '.'))
				term[depth].from = i + strlen(operators[k]);
		if (c == '"') {
			i = over_text(s, i);
		} else if (c == '(' || c == '[' || c == '{') {
			if (++depth == 32)
				return;
			term[depth].from = i + 1, term[depth].foreign = c != '(' || is_call(s, i) || term[depth - 1].foreign;
		} else if (c == ')' || c == ']' || c == '}') {
			if (--depth < 0)
				return;
		} else if (c == ',' || c == ';' || c == '|') {
			term[depth].from = i + 1, term[depth].foreign |= c == '|';
		} else if (take_operator(&rest, &t)) {
			struct str left = str_trim((struct str){ s.p + term[depth].from, i - term[depth].from });

			rest = str_trim(rest);
			if (rest.n && !strchr("\"ntf", rest.p[0]) && !term[depth].foreign && take_value(r, rule, left))
				return;
			term[depth].from = rest.n ? (size_t)(rest.p - s.p) : s.n;
			i = term[depth].from - 1;
		}
	}
}

/* A chain of `… and … and …`, and nothing at its level that binds less: then each part must hold. */
static void
find_pins(struct rules *r, struct rule *rule, struct str s)
{
	static const char *const looser[] = { "or", "as", "if", "then", "reduce", "foreach", "def", "try", "label", "not" };
	size_t from = 0;
	int depth = 0;

	for (int look = 1; look >= 0; look--) {
		from = 0;
		for (size_t i = 0; i < s.n; i++) {
			char c = s.p[i];

			if (c == '"') {
				i = over_text(s, i);
			} else if (c == '(' || c == '[' || c == '{') {
				depth++;
			} else if (c == ')' || c == ']' || c == '}') {
				depth--;
			} else if (depth == 0 && look) {
				if (c == '|' || c == ',' || c == '/' || c == '?' || c == '#')
					return;
				for (size_t k = 0; k < sizeof(looser) / sizeof(*looser); k++)
					if (is_at(s, i, looser[k]))
						return;
			} else if (depth == 0 && is_at(s, i, "and")) {
				pin(r, rule, (struct str){ s.p + from, i - from });
				from = i + 3;
			}
		}
	}
	pin(r, rule, (struct str){ s.p + from, s.n - from });
}

static int
compile(struct rules *r, struct str text, const char *key, struct rules_test *t, struct err *err)
{
	t->how = RULES_EXPR;
	if ((t->expr = expr_new(text.p, r->flags, err)))
		return 0;
	err->code = ERR_INPUT;
	return err_at(err, "%s", key);
}

/* ---- one rule */

static int
row_rule(struct rules *r, struct rule *rule, struct str text, const char *key, struct err *err)
{
	struct str metric = { 0 }, name, field;
	const char *dot;

	if (is_comparison(text, &rule->when, rule->metric.p ? NULL : &metric)) {
		if (metric.p && (dot = memchr(metric.p, '.', metric.n))) {
			name = (struct str){ metric.p, (size_t)(dot - metric.p) };
			field = (struct str){ dot + 1, metric.n - name.n - 1 };
			rule->metric = keep(r, name);
			rule->field = keep(r, field);
		} else if (metric.p) {
			rule->metric = keep(r, metric);
		}
		if (metric.p && str_eq(metric, STR("count")))   /* the count, of any metric */
			rule->field = rule->metric, rule->metric = (struct str){ 0 };
		else if (!rule->metric.p && rule->kind == RULES_ROW)
			return err_set(err, ERR_INPUT, "%s: '%.40s' compares no metric, add \"metric\"", key, text.p);
	} else {
		if (compile(r, text, key, &rule->when, err))
			return err->code;
		find_pins(r, rule, text);
		if (!rule->field.p)
			find_value(r, rule, text);
	}
	if (!rule->metric.p)
		for (int i = 0; i < rule->n_pins; i++)
			if (!rule->pin[i].label.p)
				rule->metric = rule->pin[i].value;
	return 0;
}

/* What it judges: one of them, and only what belongs to it. */
static int
read_source(struct rules *r, struct rule *rule, struct json v, struct err *err)
{
	static const struct { const char *key; enum rules_kind kind; } kinds[] = { { "anomaly", RULES_ANOMALY }, { "pattern", RULES_PATTERN }, { "funnel", RULES_FUNNEL }, { "sql", RULES_SQL } };
	struct json anomaly = json_get(v, STR("anomaly"));
	struct str expr = text_of(r, v, "expr"), condition = text_of(r, v, "condition"), resolve = text_of(r, v, "resolve");
	const char *key = expr.p ? "expr" : "condition";
	int n = 0;

	if (expr.p && condition.p)
		return err_set(err, ERR_INPUT, "expr and condition are the same, give one");
	expr = expr.p ? expr : condition;
	rule->condition = expr;
	rule->resolve_condition = resolve;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (json_get(v, str_of(kinds[i].key)).type > JSON_FALSE)
			rule->kind = kinds[i].kind, n++;
	if (n > 1)
		return err_set(err, ERR_INPUT, "a rule has one of anomaly, pattern, funnel, sql");
	rule->pattern = text_of(r, v, "pattern");
	rule->funnel = list_of(r, v, "funnel");
	rule->sql = text_of(r, v, "sql");
	rule->metric = text_of(r, v, "metric");
	rule->field = text_of(r, v, "field");
	rule->by = list_of(r, v, "group_by");
	rule->from_store = rule->kind == RULES_FUNNEL || rule->kind == RULES_SQL || (rule->kind == RULES_ROW && json_get(v, STR("every")).type);
	if (rule->kind == RULES_ROW && !expr.p)
		return err_set(err, ERR_INPUT, rule->metric.p ? "condition: is missing, \"> 100\" is one" : "expr: is missing, \".count > 100\" is one");
	if (rule->kind == RULES_FUNNEL && !expr.p)
		return err_set(err, ERR_INPUT, "condition: is missing: of what share, \"< 0.2\"");
	if (rule->kind == RULES_PATTERN && expr.p)
		return err_set(err, ERR_INPUT, "%s: has no meaning beside pattern, whose events have their own conditions", key);
	if (rule->kind == RULES_PATTERN) {
		struct pattern *p = pattern_new(&(struct pattern_spec){ .text = rule->pattern.p, .name = rule->name.p, .native = r->flags & EXPR_NATIVE_ONLY }, NULL, err);

		if (!p) {
			err->code = ERR_INPUT;
			return err_at(err, "pattern");
		}
		pattern_free(p);
	}
	rule->sensitivity = 0.5;
	if (rule->kind == RULES_ANOMALY && anomaly.type == JSON_OBJECT) {
		json_double(json_get(anomaly, STR("sensitivity")), &rule->sensitivity);
		rule->direction = json_text_eq(json_get(anomaly, STR("direction")), STR("high")) - json_text_eq(json_get(anomaly, STR("direction")), STR("low"));
	}
	if (expr.p && row_rule(r, rule, expr, key, err))
		return err->code;
	if (rule->from_store && rule->kind == RULES_ROW && !rule->metric.p)
		return err_set(err, ERR_INPUT, "every: is of what is asked of the store, add \"metric\"");
	if (rule->metric.p && rule->n_pins == 0)
		rule->pin[rule->n_pins++] = (struct rules_pin){ { 0 }, rule->metric };
	else if (rule->metric.p && rule->n_pins == 1 && rule->pin[0].label.p)
		rule->pin[rule->n_pins++] = (struct rules_pin){ { 0 }, rule->metric };
	if (resolve.p && !is_comparison(resolve, &rule->resolve, NULL) && compile(r, resolve, "resolve", &rule->resolve, err))
		return err->code;
	return 0;
}

static int
read_labels(struct rules *r, struct rule *rule, struct json v)
{
	struct json labels = json_get(v, STR("labels"));
	struct rule_label *all;
	struct json_iter it;
	int n = 0;

	for (it = json_iter(labels); json_next(&it); )
		n++;
	if (!n)
		return 0;
	rule->labels = all = arena_get(r->arena, (size_t)n * sizeof(*all));
	for (it = json_iter(labels); json_next(&it); )
		all[rule->n_labels++] = (struct rule_label){ json_text_dup(it.key, r->arena), json_text_dup(it.value, r->arena) };
	return 0;
}

static int
read_rule(struct rules *r, struct rule *rule, struct json v, struct err *err)
{
	struct json annotations = json_get(v, STR("annotations"));
	struct str no_data = text_of(r, v, "no_data");
	int rc;
	int64_t same;

	rule->name = text_of(r, v, "alert");
	if (!rule->name.p)
		rule->name = text_of(r, v, "name");
	if (!rule->name.p)
		return err_set(err, ERR_INPUT, "alert: is missing: the alert's name");
	rule->id = text_of(r, v, "id");
	if ((rc = read_source(r, rule, v, err)) || (rc = span_of(r, v, "for", 0, &rule->for_ms, err)) ||
	    (rc = span_of(r, v, "keep_firing_for", 0, &rule->keep_ms, err)) || (rc = span_of(r, v, "no_data_after", 0, &rule->stale_ms, err)) ||
	    (rc = span_of(r, v, "every", RULES_EVERY, &rule->every_ms, err)) || (rc = span_of(r, v, "range", RULES_RANGE, &rule->range_ms, err)) ||
	    (rc = span_of(r, v, "within", 0, &rule->within_ms, err)))
		return rc;
	if (!rule->every_ms || !rule->range_ms)
		return err_set(err, ERR_INPUT, "%s: wants a span, \"1m\"", rule->every_ms ? "range" : "every");
	if (rule->kind == RULES_PATTERN && rule->for_ms)
		return err_set(err, ERR_INPUT, "for: has no meaning beside pattern, a match is an instant; keep_firing_for says how long it is seen");
	if (rule->kind == RULES_PATTERN && json_get(v, STR("keep_firing_for")).type == JSON_NONE)
		rule->keep_ms = MATCH_MS;
	if (rule->kind == RULES_ANOMALY && !no_data.p)
		no_data = STR("ok");
	rule->no_data_given = no_data.p != NULL;
	rule->no_data = str_eq(no_data, STR("ok")) ? RULES_OK : str_eq(no_data, STR("alert")) ? RULES_ALERT : RULES_KEEP;
	rule->severity = text_of(r, v, "severity");
	if (!rule->severity.p) {                /* rules of Prometheus have it as a label */
		rule->severity = text_of(r, json_get(v, STR("labels")), "severity");
		if (!rule->severity.n || memmem(rule->severity.p, rule->severity.n, "{{", 2))
			rule->severity = STR("warning");
	}
	rule->message = text_of(r, v, "message");
	if (!rule->message.p)
		rule->message = text_of(r, annotations, json_get(annotations, STR("summary")).type ? "summary" : "description");
	read_labels(r, rule, v);
	rule->sign = (unsigned)str_hash_stable(rule->id.n ? rule->id : json_raw(v));
	same = ++map_put(&r->names, rule->name, NULL)->num;
	if (same == 1) {
		rule->key = rule->name;
	} else {
		struct buf key = { 0 };

		buf_str(&key, rule->name);
		buf_printf(&key, "#%d", (int)same);
		rule->key = keep(r, buf_get(&key));
		buf_release(&key);
	}
	return 0;
}

static int
make_schema(struct rules *r, struct err *err)
{
	struct json root = json_value(str_of(config_schema("analytics")));

	if (!r->schema)
		r->schema = schema_new(json_get(json_get(root, STR("$defs")), STR("rule")), root, NULL, err);
	return r->schema ? 0 : err->code;
}

int
rules_add(struct rules *r, struct json v, struct err *err)
{
	struct rule rule = { 0 };
	int rc;

	if ((rc = make_schema(r, err)) || (rc = schema_check(r->schema, v, NULL, NULL, err)))
		return rc;
	if (json_get(v, STR("enabled")).type == JSON_FALSE)
		return 0;
	if (r->n == RULES_MOST)
		return err_set(err, ERR_LIMIT, "more than %d rules", RULES_MOST);
	if ((rc = read_rule(r, &rule, v, err))) {
		expr_free(rule.when.expr);
		expr_free(rule.resolve.expr);
		expr_free(rule.amount);
		return rc;
	}
	if (r->n == r->cap)
		r->rule = mem_grow(r->rule, (size_t)(r->cap = r->cap ? 2 * r->cap : 16), sizeof(*r->rule));
	r->rule[r->n++] = rule;
	return 0;
}

static int
add_list(struct rules *r, struct json list, const char *where, struct err *err)
{
	struct json_iter it;
	int i = 0, rc = 0;

	for (it = json_iter(list); rc == 0 && json_next(&it); i++)
		if ((rc = rules_add(r, it.value, err)))
			err_at(err, "%s[%d]", where, i);
	return rc;
}

int
rules_add_all(struct rules *r, struct json v, struct err *err)
{
	struct json groups = json_get(v, STR("groups")), list = json_get(v, STR("rules"));
	struct json_iter it;
	int i = 0, rc = 0;

	if (v.type == JSON_ARRAY)
		return add_list(r, v, "", err);
	if (v.type != JSON_OBJECT)
		return err_set(err, ERR_INPUT, "wants {\"rules\":[…]}");
	if (list.type == JSON_NONE && groups.type == JSON_NONE)
		return rules_add(r, v, err);
	for (it = json_iter(v); json_next(&it); )
		if (!json_text_eq(it.key, STR("rules")) && !json_text_eq(it.key, STR("groups")) && !json_text_eq(it.key, STR("$schema")) && !json_text_eq(it.key, STR("description")))
			return err_set(err, ERR_INPUT, "%.*s: is not known here, beside \"rules\"", (int)(it.key.n > 60 ? 60 : it.key.n), it.key.p);
	if ((list.type && list.type != JSON_ARRAY) || (groups.type && groups.type != JSON_ARRAY))
		return err_set(err, ERR_INPUT, "%s: wants a list", list.type && list.type != JSON_ARRAY ? "rules" : "groups");
	if (list.type)
		rc = add_list(r, list, "rules", err);
	for (it = json_iter(groups); groups.type && rc == 0 && json_next(&it); i++) {
		char where[40];

		snprintf(where, sizeof(where), "groups[%d].rules", i);
		list = json_get(it.value, STR("rules"));
		rc = list.type == JSON_ARRAY ? add_list(r, list, where, err) : err_set(err, ERR_INPUT, "%s: wants a list", where);
	}
	return rc;
}

int
rules_add_file(struct rules *r, const char *path, struct err *err)
{
	struct buf text = { 0 };
	int rc = config_read(path, &text, err);

	if (rc == 0 && (rc = rules_add_all(r, json_value(buf_get(&text)), err)))
		err_at(err, "%s", path);
	if (rc == ERR_INPUT || rc == ERR_LIMIT)
		rc = err->code = ERR_USAGE;
	if (rc)
		err->col = 0;
	buf_release(&text);
	return rc;
}

/* ---- messages */

static void
put_value(struct buf *b, struct json v)
{
	struct buf scratch = { 0 };

	if (v.type == JSON_STRING)
		buf_str(b, json_text(v, &scratch));
	else if (v.type)
		buf_str(b, json_raw(v));
	buf_release(&scratch);
}

static void
put_word(struct buf *b, struct str word, const struct rules_words *w)
{
	const struct { const char *name; struct str is; } words[] = { { "alert", w->alert }, { "metric", w->metric }, { "severity", w->severity }, { "state", w->state },
		{ "status", w->state }, { "since", w->since }, { "timestamp", w->timestamp }, { "value", w->value } };
	struct json v = w->row;
	struct str key;

	word = str_trim(word);
	if (word.n && (word.p[0] == '$' || word.p[0] == '.'))
		word.p++, word.n--;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_eq(word, str_of(words[i].name))) {
			buf_str(b, words[i].is);
			return;
		}
	if (str_starts(word, STR("labels."))) {
		put_value(b, json_get(w->labels, (struct str){ word.p + 7, word.n - 7 }));
		return;
	}
	while (v.type && word.n && str_cut(&word, '.', &key))
		v = json_get(v, key);
	put_value(b, v);
}

void
rules_fill(struct buf *b, struct str text, const struct rules_words *w)
{
	for (size_t i = 0; i < text.n; i++) {
		struct str rest = { text.p + i, text.n - i };
		const char *end;

		if (!str_starts(rest, STR("{{")) || !(end = memmem(rest.p + 2, rest.n - 2, "}}", 2))) {
			buf_byte(b, text.p[i]);
			continue;
		}
		put_word(b, (struct str){ rest.p + 2, (size_t)(end - rest.p) - 2 }, w);
		i = (size_t)(end - text.p) + 1;
	}
}

int
rules_compare(const struct rules_test *t, double v)
{
	switch (t->op) {
	case RULES_GT: return v > t->than;
	case RULES_GE: return v >= t->than;
	case RULES_LT: return v < t->than;
	case RULES_LE: return v <= t->than;
	case RULES_EQ: return v == t->than;
	default: return v != t->than;
	}
}
