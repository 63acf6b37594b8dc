#include "config/schema.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/time.h"

#define DEEPEST 128                             /* nested schemas, and $ref that lead to $ref */
#define KEYS_MOST 1024                          /* properties that one schema names */

enum { IS_NULL = 1, IS_BOOLEAN = 2, IS_INTEGER = 4, IS_NUMBER = 8, IS_STRING = 16, IS_ARRAY = 32, IS_OBJECT = 64 };

struct node;

struct property {
	struct str key;
	struct node *node;      /* NULL: required, but anything goes */
	int required;
};
struct pattern {
	void *regex;
	struct str text;
	struct node *node;
};
struct list { struct node **node; int n; };

struct node {
	struct node *next;      /* all of a schema, for its end */
	int never;              /* the schema `false` */
	unsigned types;         /* 0: any */
	struct json constant;   /* `const` */
	struct json choice;     /* `enum` */
	struct property *property;
	struct map keys;        /* key → index of property + 1 */
	int n_properties, n_required;
	struct node *others, *names, *items;
	int closed;             /* additionalProperties: false */
	struct pattern *patterns;
	int n_patterns;
	struct pattern pattern;
	double least, most, above, below, step;
	int64_t min_length, max_length, min_items, max_items, min_keys, max_keys;
	int unique;
	struct str unique_key;          /* of objects in an array: not twice the same of it; p NULL: nothing is asked */
	struct str format;
	struct list all, any, one;
	struct node *no, *cond, *then, *otherwise;
	struct str ref;         /* pointer text until it is resolved */
	struct node *to;
};

struct schema {
	struct node *root, *nodes;
	struct arena *arena;
	struct map by_ref;      /* "#/$defs/x" → node */
	struct json document;   /* a copy of the whole text: enum and const borrow from it */
	const struct schema_regex *regex;
};

/* Where the check is: a chain of keys on the stack, written out only when something is wrong. */
struct at {
	const struct at *up;
	struct str key;
	long index;             /* -1: a key */
};

/* ---- words */

static void
put_path(struct buf *b, const struct at *at)
{
	if (!at)
		return;
	put_path(b, at->up);
	if (at->index >= 0)
		buf_printf(b, "[%ld]", at->index);
	else {
		if (b->n)
			buf_byte(b, '.');
		buf_str(b, at->key);
	}
}

static int
fail(struct err *err, const struct at *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int
fail(struct err *err, const struct at *at, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list args;
	char what[300];

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	put_path(&text, at);
	if (text.n > 200)
		text.n = 200;
	err_set(err, ERR_INPUT, "%s%s%s", buf_text(&text), text.n ? ": " : "", what);
	buf_release(&text);
	return ERR_INPUT;
}

#define CLIP 40
#define CHOICE_SHOWN 240                        /* of what may be chosen: the types of widgets, whole */
#define SHOW(v) (int)((v).n > CLIP ? CLIP : (v).n), (v).p, (v).n > CLIP ? "…" : ""

static void
types_text(unsigned types, char out[120])
{
	static const char *const names[] = { "null", "true or false", "an integer", "a number", "text", "an array", "an object" };
	size_t n = 0;

	out[0] = 0;
	for (int i = 0; i < 7; i++)
		if (types & 1u << i)
			n += (size_t)snprintf(out + n, 120 - n, "%s%s", n ? " or " : "", names[i]);
}

/* ---- comparing */

int
schema_equal(struct json a, struct json b)
{
	struct json_iter i, k;
	double x, y;
	int64_t m, n;
	int ma, mb;

	if (a.type != b.type)
		return 0;
	switch (a.type) {
	case JSON_NUMBER:
		ma = json_int64(a, &m), mb = json_int64(b, &n);
		if (ma && mb)
			return m == n;
		return json_double(a, &x) && json_double(b, &y) && x == y;
	case JSON_STRING: {
		struct buf scratch = { 0 };
		int same = json_text_eq(a, json_text(b, &scratch));

		buf_release(&scratch);
		return same;
	}
	case JSON_ARRAY:
		for (i = json_iter(a), k = json_iter(b); json_next(&i); )
			if (!json_next(&k) || !schema_equal(i.value, k.value))
				return 0;
		return !json_next(&k);
	case JSON_OBJECT: {
		struct buf scratch = { 0 };
		long left = 0;
		int same = 1;

		for (k = json_iter(b); json_next(&k); )
			left++;
		for (i = json_iter(a); same && json_next(&i); left--) {
			struct json other = json_get(b, json_text(i.key, &scratch));

			same = other.type && schema_equal(i.value, other);
		}
		buf_release(&scratch);
		return same && left == 0;
	}
	default:
		return 1;
	}
}

static int
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int
is_email(struct str s)
{
	const char *at = s.n ? memchr(s.p, '@', s.n) : NULL;
	size_t local = at ? (size_t)(at - s.p) : 0, domain = at ? s.n - local - 1 : 0;

	if (!local || local > 64 || domain < 1 || domain > 255 || memchr(at + 1, '@', domain))
		return 0;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || strchr("()<>,;:\\\"[]", s.p[i]))
			return 0;
	for (size_t i = 0; i < domain; i++)
		if (at[1 + i] == '.' && (i == 0 || i + 1 == domain || at[i] == '.'))
			return 0;
	return s.p[0] != '.' && at[-1] != '.';
}

static int
is_uuid(struct str s)
{
	if (s.n != 36)
		return 0;
	for (size_t i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s.p[i] != '-' : !is_hex(s.p[i]))
			return 0;
	return 1;
}

static int
is_ipv4(struct str s)
{
	struct str part;
	int64_t x;
	int n = 0;

	while (str_cut(&s, '.', &part)) {
		if (part.n < 1 || part.n > 3 || part.p[0] < '0' || part.p[0] > '9' || str_int64(part, &x) || x > 255 || ++n > 4)
			return 0;
	}
	return n == 4;
}

static int
is_uri(struct str s)
{
	size_t i = 0;

	while (i < s.n && ((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z'))
		i++;
	while (i && i < s.n && s.p[i] != ':' && ((s.p[i] >= '0' && s.p[i] <= '9') || ((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z') || strchr("+-.", s.p[i])))
		i++;
	if (!i || i + 1 >= s.n || s.p[i] != ':')
		return 0;
	for (; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || strchr("<>\"{}|\\^`", s.p[i]))
			return 0;
	return 1;
}

int
schema_format(struct str format, struct str text)
{
	int64_t ms;

	if (str_eq(format, STR("date-time")))
		return text.n > 10 && memchr(text.p, ':', text.n) && time_parse_rfc3339(text, &ms) == 0;
	if (str_eq(format, STR("date")))
		return text.n == 10 && time_parse_rfc3339(text, &ms) == 0;
	if (str_eq(format, STR("email")))
		return is_email(text);
	if (str_eq(format, STR("uuid")))
		return is_uuid(text);
	if (str_eq(format, STR("ipv4")))
		return is_ipv4(text);
	if (str_eq(format, STR("uri")))
		return is_uri(text);
	return 1;
}

/* ---- compiling */

static struct node *compile(struct schema *, struct json, const struct at *, int depth, struct err *);

static struct str
keep(struct schema *s, struct json text)
{
	struct buf scratch = { 0 };
	struct str t = json_text(text, &scratch);
	struct str mine = { arena_dup(s->arena, t.p ? t.p : "", t.n), t.n };

	buf_release(&scratch);
	return mine;
}

static int
want(struct json v, unsigned type, const char *words, const struct at *at, struct err *err)
{
	unsigned is = v.type == JSON_OBJECT ? IS_OBJECT : v.type == JSON_ARRAY ? IS_ARRAY : v.type == JSON_STRING ? IS_STRING :
	    v.type == JSON_NUMBER ? IS_NUMBER : v.type == JSON_TRUE || v.type == JSON_FALSE ? IS_BOOLEAN : IS_NULL;

	return is & type ? 0 : fail(err, at, "wants %s", words);
}

static unsigned
type_of_name(struct json v)
{
	static const char *const names[] = { "null", "boolean", "integer", "number", "string", "array", "object" };

	for (unsigned i = 0; i < 7; i++)
		if (json_text_eq(v, str_of(names[i])))
			return 1u << i;
	return 0;
}

static int
compile_types(struct node *node, struct json v, const struct at *at, struct err *err)
{
	struct json_iter it;
	unsigned type;

	if (v.type == JSON_STRING) {
		node->types = type_of_name(v);
		return node->types ? 0 : fail(err, at, "%.*s%s is no type, try \"string\", \"number\", \"integer\", \"boolean\", \"object\", \"array\" or \"null\"", SHOW(v));
	}
	if (want(v, IS_ARRAY, "the name of a type, or an array of such", at, err))
		return err->code;
	for (it = json_iter(v); json_next(&it); node->types |= type)
		if (!(type = it.value.type == JSON_STRING ? type_of_name(it.value) : 0))
			return fail(err, at, "%.*s%s is no type", SHOW(it.value));
	return 0;
}

static struct property *
property_for(struct schema *s, struct node *node, struct json key, const struct at *at, struct err *err)
{
	int is_new;
	struct str text = keep(s, key);
	struct map_entry *e = map_put(&node->keys, text, &is_new);

	if (is_new) {
		if (node->n_properties == KEYS_MOST) {
			fail(err, at, "names more than %d properties", KEYS_MOST);
			return NULL;
		}
		if ((node->n_properties & (node->n_properties - 1)) == 0)
			node->property = mem_grow(node->property, node->n_properties ? (size_t)node->n_properties * 2 : 4, sizeof(*node->property));
		node->property[node->n_properties++] = (struct property){ .key = text };
		e->num = node->n_properties;
	}
	return &node->property[e->num - 1];
}

static int
compile_list(struct schema *s, struct list *list, struct json v, const struct at *at, int depth, struct err *err)
{
	struct json_iter it;
	long i = 0;

	if (want(v, IS_ARRAY, "an array of schemas", at, err))
		return err->code;
	for (it = json_iter(v); json_next(&it); i++) {
		struct at here = { at, { 0 }, i };
		struct node *node = compile(s, it.value, &here, depth + 1, err);

		if (!node)
			return err->code;
		list->node = mem_grow(list->node, (size_t)list->n + 1, sizeof(*list->node));
		list->node[list->n++] = node;
	}
	return 0;
}

static int
compile_regex(struct schema *s, struct pattern *p, struct str text, const struct at *at, struct err *err)
{
	struct err why = { 0 };

	if (!s->regex)
		return fail(err, at, "patterns cannot be used here");
	if (p->regex)                   /* the keyword twice: the last is meant */
		s->regex->free(p->regex);
	p->text = text;
	if (!(p->regex = s->regex->compile(text, &why)))
		return fail(err, at, "%s", why.text);
	return 0;
}

static int
compile_number(double *to, struct json v, const struct at *at, struct err *err)
{
	return json_double(v, to) ? 0 : fail(err, at, "wants a number");
}

static int
compile_count(int64_t *to, struct json v, const struct at *at, struct err *err)
{
	return json_int64(v, to) && *to >= 0 ? 0 : fail(err, at, "wants a whole number, 0 or more");
}

static int
compile_node(struct schema *s, struct node **to, struct json v, const struct at *at, int depth, struct err *err)
{
	*to = compile(s, v, at, depth + 1, err);
	return *to ? 0 : err->code;
}

static int
compile_properties(struct schema *s, struct node *node, struct json v, const struct at *at, int depth, struct err *err)
{
	struct json_iter it;

	if (want(v, IS_OBJECT, "an object of schemas", at, err))
		return err->code;
	for (it = json_iter(v); json_next(&it); ) {
		struct property *p = property_for(s, node, it.key, at, err);
		struct at here = { at, p ? p->key : STR(""), -1 };
		struct node *child = p ? compile(s, it.value, &here, depth + 1, err) : NULL;

		if (!child)
			return err->code;
		p->node = child;
	}
	return 0;
}

static int
compile_required(struct schema *s, struct node *node, struct json v, const struct at *at, struct err *err)
{
	struct json_iter it;

	if (want(v, IS_ARRAY, "an array of names", at, err))
		return err->code;
	for (it = json_iter(v); json_next(&it); ) {
		struct property *p;

		if (it.value.type != JSON_STRING)
			return fail(err, at, "wants an array of names");
		if (!(p = property_for(s, node, it.value, at, err)))
			return err->code;
		node->n_required += !p->required;
		p->required = 1;
	}
	return 0;
}

static int
compile_patterns(struct schema *s, struct node *node, struct json v, const struct at *at, int depth, struct err *err)
{
	struct json_iter it;

	if (want(v, IS_OBJECT, "an object of schemas", at, err))
		return err->code;
	for (it = json_iter(v); json_next(&it); ) {
		struct pattern p = { 0 };
		struct at here = { at, keep(s, it.key), -1 };

		if (compile_regex(s, &p, here.key, &here, err))
			return err->code;
		node->patterns = mem_grow(node->patterns, (size_t)node->n_patterns + 1, sizeof(p));
		node->patterns[node->n_patterns++] = p;
		if (compile_node(s, &node->patterns[node->n_patterns - 1].node, it.value, &here, depth, err))
			return err->code;
	}
	return 0;
}

static const char *const keywords[] = {
	"type", "const", "enum", "properties", "required", "additionalProperties", "patternProperties", "propertyNames",
	"minProperties", "maxProperties", "items", "minItems", "maxItems", "uniqueItems", "pattern", "minLength", "maxLength",
	"format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "anyOf", "oneOf", "allOf", "not",
	"if", "then", "else", "$ref",
	/* words that only describe */
	"title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "$comment", "$schema",
	"$id", "$anchor", "$defs", "definitions", "contentMediaType", "contentEncoding", NULL
};

static int
compile_keyword(struct schema *s, struct node *node, struct str key, struct json v, const struct at *at, int depth, struct err *err)
{
#define IS(word) str_eq(key, STR(word))
	if (IS("type"))
		return compile_types(node, v, at, err);
	if (IS("const"))
		return node->constant = v, 0;
	if (IS("enum"))
		return want(v, IS_ARRAY, "an array of values", at, err) ? err->code : (node->choice = v, 0);
	if (IS("properties"))
		return compile_properties(s, node, v, at, depth, err);
	if (IS("required"))
		return compile_required(s, node, v, at, err);
	if (IS("additionalProperties")) {
		node->closed = v.type == JSON_FALSE;
		return node->closed ? 0 : compile_node(s, &node->others, v, at, depth, err);
	}
	if (IS("patternProperties"))
		return compile_patterns(s, node, v, at, depth, err);
	if (IS("propertyNames"))
		return compile_node(s, &node->names, v, at, depth, err);
	if (IS("items"))
		return compile_node(s, &node->items, v, at, depth, err);
	if (IS("minProperties") || IS("maxProperties"))
		return compile_count(IS("minProperties") ? &node->min_keys : &node->max_keys, v, at, err);
	if (IS("minItems") || IS("maxItems"))
		return compile_count(IS("minItems") ? &node->min_items : &node->max_items, v, at, err);
	if (IS("minLength") || IS("maxLength"))
		return compile_count(IS("minLength") ? &node->min_length : &node->max_length, v, at, err);
	if (IS("uniqueItems"))
		return want(v, IS_BOOLEAN, "true or false", at, err) ? err->code : (node->unique = v.type == JSON_TRUE, 0);
	if (IS("pattern"))
		return want(v, IS_STRING, "a regular expression", at, err) ? err->code : compile_regex(s, &node->pattern, keep(s, v), at, err);
	if (IS("format"))
		return want(v, IS_STRING, "the name of a format", at, err) ? err->code : (node->format = keep(s, v), 0);
	if (IS("minimum"))
		return compile_number(&node->least, v, at, err);
	if (IS("maximum"))
		return compile_number(&node->most, v, at, err);
	if (IS("exclusiveMinimum"))
		return compile_number(&node->above, v, at, err);
	if (IS("exclusiveMaximum"))
		return compile_number(&node->below, v, at, err);
	if (IS("multipleOf"))
		return compile_number(&node->step, v, at, err) ? err->code : node->step > 0 ? 0 : fail(err, at, "wants a number above 0");
	if (IS("anyOf"))
		return compile_list(s, &node->any, v, at, depth, err);
	if (IS("oneOf"))
		return compile_list(s, &node->one, v, at, depth, err);
	if (IS("allOf"))
		return compile_list(s, &node->all, v, at, depth, err);
	if (IS("not"))
		return compile_node(s, &node->no, v, at, depth, err);
	if (IS("if"))
		return compile_node(s, &node->cond, v, at, depth, err);
	if (IS("then"))
		return compile_node(s, &node->then, v, at, depth, err);
	if (IS("else"))
		return compile_node(s, &node->otherwise, v, at, depth, err);
	if (IS("$ref"))
		return want(v, IS_STRING, "a reference like \"#/$defs/name\"", at, err) ? err->code : (node->ref = keep(s, v), 0);
	if (IS("x-unique"))
		return want(v, IS_STRING, "the name of a member", at, err) ? err->code : (node->unique_key = keep(s, v), 0);
#undef IS
	if (key.n > 2 && key.p[0] == 'x' && key.p[1] == '-')
		return 0;
	for (int i = 0; keywords[i]; i++)
		if (str_eq(key, str_of(keywords[i])))
			return 0;
	for (int i = 0; keywords[i]; i++) {
		char word[32];

		if (key.n < sizeof(word)) {
			memcpy(word, key.p, key.n);
			word[key.n] = 0;
			if (str_near(word, keywords[i], 2))
				return fail(err, at, "no such keyword, did you mean \"%s\"", keywords[i]);
		}
	}
	return fail(err, at, "no such keyword of JSON Schema, or none that is known here");
}

static struct node *
compile(struct schema *s, struct json v, const struct at *at, int depth, struct err *err)
{
	struct node *node;
	struct json_iter it;

	if (depth > DEEPEST) {
		fail(err, at, "schemas nest deeper than %d", DEEPEST);
		return NULL;
	}
	if (v.type != JSON_TRUE && v.type != JSON_FALSE && v.type != JSON_OBJECT) {
		fail(err, at, "wants a schema: an object, true or false");
		return NULL;
	}
	node = mem_new(sizeof(*node));
	node->next = s->nodes;
	s->nodes = node;
	node->never = v.type == JSON_FALSE;
	node->least = node->above = -INFINITY;
	node->most = node->below = INFINITY;
	node->max_length = node->max_items = node->max_keys = INT64_MAX;
	if (v.type != JSON_OBJECT)
		return node;
	for (it = json_iter(v); json_next(&it); ) {
		struct at here = { at, keep(s, it.key), -1 };

		if (compile_keyword(s, node, here.key, it.value, &here, depth, err))
			return NULL;
	}
	return node;
}

/* The piece of the document that a pointer "#/a/b" leads to. */
static struct json
follow(struct schema *s, struct str ref)
{
	struct json v = s->document;
	struct str piece, rest = { ref.p + 1, ref.n - 1 };
	char name[256];

	if (rest.n == 0)
		return v;
	if (rest.p[0] != '/')
		return JSON_ABSENT;
	rest.p++, rest.n--;
	while (str_cut(&rest, '/', &piece)) {
		size_t n = 0;

		for (size_t i = 0; i < piece.n && n < sizeof(name); i++)
			if (piece.p[i] == '~' && i + 1 < piece.n)
				name[n++] = piece.p[++i] == '1' ? '/' : '~';
			else
				name[n++] = piece.p[i];
		v = json_get(v, (struct str){ name, n });
	}
	return v;
}

/* References are followed after all else, so that they may go in circles; what they lead to may hold more of them. */
static int
resolve(struct schema *s, struct err *err)
{
	struct node *node, *stop = NULL;

	while (s->nodes != stop) {
		struct node *first = s->nodes;

		for (node = first; node != stop; node = node->next) {
			struct map_entry *e;
			struct json v;
			int is_new;

			if (!node->ref.p)
				continue;
			if (node->ref.n == 0 || node->ref.p[0] != '#')
				return err_set(err, ERR_INPUT, "$ref '%.*s' leaves the document, use \"#/$defs/…\"", (int)(node->ref.n > 80 ? 80 : node->ref.n), node->ref.p);
			e = map_put(&s->by_ref, node->ref, &is_new);
			if (is_new) {
				v = follow(s, node->ref);
				if (!v.type)
					return err_set(err, ERR_INPUT, "$ref '%.*s' leads nowhere", (int)(node->ref.n > 80 ? 80 : node->ref.n), node->ref.p);
				if (!(e->ptr = compile(s, v, NULL, 0, err)))
					return err_at(err, "%.*s", STR_FMT(node->ref));
			}
			node->to = e->ptr;
		}
		stop = first;
	}
	return 0;
}

struct schema *
schema_new(struct json schema, struct json root, const struct schema_regex *regex, struct err *err)
{
	struct schema *s = mem_new(sizeof(*s));
	struct json whole = root.type ? root : schema, copy = schema;
	char *text = NULL;

	s->arena = arena_new(0);
	s->regex = regex;
	if (whole.p && schema.p >= whole.p && schema.p + schema.n <= whole.p + whole.n) {
		text = arena_dup(s->arena, whole.p, whole.n);
		copy.p = text + (schema.p - whole.p);
		whole.p = text;
	}
	s->document = whole;
	if (text && (s->root = compile(s, copy, NULL, 0, err)) && resolve(s, err) == 0)
		return s;
	if (!err->code)
		err_set(err, ERR_INPUT, "wants a schema: an object, true or false");
	schema_free(s);
	return NULL;
}

void
schema_free(struct schema *s)
{
	struct node *node, *next;

	if (!s)
		return;
	for (node = s->nodes; node; node = next) {
		next = node->next;
		for (int i = 0; i < node->n_patterns; i++)
			if (node->patterns[i].regex)
				s->regex->free(node->patterns[i].regex);
		if (node->pattern.regex)
			s->regex->free(node->pattern.regex);
		free(node->patterns);
		free(node->property);
		free(node->all.node);
		free(node->any.node);
		free(node->one.node);
		map_release(&node->keys);
		free(node);
	}
	map_release(&s->by_ref);
	arena_free(s->arena);
	free(s);
}

/* ---- checking */

struct checking {
	const struct schema *schema;
	int (*missing)(void *self, struct str key, struct json *value);
	void *self;
};

static int check(const struct checking *, const struct node *, struct json, const struct at *, int depth, struct err *);

static unsigned
types_of(struct json v)
{
	double x;

	switch (v.type) {
	case JSON_NULL: return IS_NULL;
	case JSON_TRUE: case JSON_FALSE: return IS_BOOLEAN;
	case JSON_STRING: return IS_STRING;
	case JSON_ARRAY: return IS_ARRAY;
	case JSON_OBJECT: return IS_OBJECT;
	case JSON_NUMBER: return json_double(v, &x) && x == floor(x) ? IS_NUMBER | IS_INTEGER : IS_NUMBER;
	default: return 0;
	}
}

static int
check_number(const struct node *node, struct json v, const struct at *at, struct err *err)
{
	double x;

	if (!json_double(v, &x))
		return 0;
	if (x < node->least)
		return fail(err, at, "wants at least %.15g, has %.*s%s", node->least, SHOW(v));
	if (x > node->most)
		return fail(err, at, "wants at most %.15g, has %.*s%s", node->most, SHOW(v));
	if (x <= node->above)
		return fail(err, at, "wants more than %.15g, has %.*s%s", node->above, SHOW(v));
	if (x >= node->below)
		return fail(err, at, "wants less than %.15g, has %.*s%s", node->below, SHOW(v));
	if (node->step > 0) {
		double times = x / node->step;

		if (fabs(times - nearbyint(times)) > 1e-9 * fmax(1, fabs(times)))
			return fail(err, at, "wants a multiple of %.15g, has %.*s%s", node->step, SHOW(v));
	}
	return 0;
}

static int
check_text(const struct checking *c, const struct node *node, struct json v, const struct at *at, struct err *err)
{
	struct buf scratch = { 0 };
	struct str text = json_text(v, &scratch);
	int64_t length = 0;
	int rc = 0;

	if (node->min_length || node->max_length != INT64_MAX) {
		for (size_t i = 0; i < text.n; i++)
			length += (text.p[i] & 0xc0) != 0x80;
		if (length < node->min_length)
			rc = fail(err, at, "wants at least %lld character%s, has %lld", (long long)node->min_length, node->min_length == 1 ? "" : "s", (long long)length);
		else if (length > node->max_length)
			rc = fail(err, at, "wants at most %lld character%s, has %lld", (long long)node->max_length, node->max_length == 1 ? "" : "s", (long long)length);
	}
	if (!rc && node->pattern.regex && c->schema->regex->match(node->pattern.regex, text) != 1)
		rc = fail(err, at, "%.*s%s does not match %.*s", SHOW(v), STR_FMT(node->pattern.text));
	if (!rc && node->format.p && !schema_format(node->format, text))
		rc = fail(err, at, "%.*s%s is no %.*s", SHOW(v), STR_FMT(node->format));
	buf_release(&scratch);
	return rc;
}

static int
check_array(const struct checking *c, const struct node *node, struct json v, const struct at *at, int depth, struct err *err)
{
	struct json_iter it, other;
	int64_t n = 0;
	int rc;

	for (it = json_iter(v); json_next(&it); n++) {
		struct at here = { at, { 0 }, (long)n };

		if (node->items && (rc = check(c, node->items, it.value, &here, depth + 1, err)))
			return rc;
		if (node->unique) {
			if (n == KEYS_MOST)
				return fail(err, at, "more than %d items, too many to tell whether each is there once", KEYS_MOST);
			for (other = json_iter(v); json_next(&other) && other.value.p != it.value.p; )
				if (schema_equal(other.value, it.value))
					return fail(err, &here, "wants each item once, has %.*s%s again", SHOW(it.value));
		}
		if (node->unique_key.p && n < KEYS_MOST) {
			struct json mine = json_get(it.value, node->unique_key);
			struct at member = { &here, node->unique_key, -1 };

			for (other = json_iter(v); mine.type != JSON_NONE && json_next(&other) && other.value.p != it.value.p; )
				if (schema_equal(json_get(other.value, node->unique_key), mine))
					return fail(err, &member, "wants one that no other item has, has %.*s%s again", SHOW(mine));
		}
	}
	if (n < node->min_items)
		return fail(err, at, "wants at least %lld items, has %lld", (long long)node->min_items, (long long)n);
	if (n > node->max_items)
		return fail(err, at, "wants at most %lld items, has %lld", (long long)node->max_items, (long long)n);
	return 0;
}

/* "…, did you mean x" for a key that a closed object does not know. */
static const char *
near_key(const struct node *node, struct str key)
{
	const char *near = NULL;
	int most = key.n > 4 ? 2 : 1;
	char word[64];

	if (key.n >= sizeof(word))
		return NULL;
	memcpy(word, key.p, key.n);
	word[key.n] = 0;
	for (int i = 0; i < node->n_properties; i++)
		if (str_nearer(word, node->property[i].key.p, &most))
			near = node->property[i].key.p;
	return near;
}

static int
check_member(const struct checking *c, const struct node *node, struct str key, struct json v, uint8_t *seen, const struct at *at, int depth, struct err *err)
{
	struct map_entry *e = node->n_properties ? map_find(&node->keys, key) : NULL;
	struct at here = { at, key, -1 };
	const char *near;
	int known = 0, rc;

	if (e) {
		const struct property *p = &node->property[e->num - 1];

		seen[e->num - 1] = 1;
		known = p->node != NULL;
		if (p->node && (rc = check(c, p->node, v, &here, depth + 1, err)))
			return rc;
	}
	for (int i = 0; i < node->n_patterns; i++)
		if (c->schema->regex->match(node->patterns[i].regex, key) == 1) {
			known = 1;
			if ((rc = check(c, node->patterns[i].node, v, &here, depth + 1, err)))
				return rc;
		}
	if (node->names) {
		struct buf text = { 0 };

		json_put_string(&text, key);
		rc = check(c, node->names, json_value(buf_get(&text)), &here, depth + 1, err);
		buf_release(&text);
		if (rc)
			return rc;
	}
	if (known)
		return 0;
	if (node->closed) {
		near = near_key(node, key);
		return near ? fail(err, &here, "no such key, did you mean \"%s\"", near) : fail(err, &here, "no such key");
	}
	return node->others ? check(c, node->others, v, &here, depth + 1, err) : 0;
}

static int
check_object(const struct checking *c, const struct node *node, struct json v, const struct at *at, int depth, struct err *err)
{
	uint8_t seen[KEYS_MOST];
	struct buf scratch = { 0 };
	struct json_iter it;
	int64_t n = 0;
	int rc = 0;

	if (!node->n_properties && !node->closed && !node->others && !node->n_patterns && !node->names && !node->min_keys && node->max_keys == INT64_MAX)
		return 0;
	memset(seen, 0, (size_t)node->n_properties);
	for (it = json_iter(v); !rc && json_next(&it); n++)
		rc = check_member(c, node, json_text(it.key, &scratch), it.value, seen, at, depth, err);
	for (int i = 0; !rc && i < node->n_properties; i++) {
		const struct property *p = &node->property[i];
		struct at here = { at, p->key, -1 };
		struct json elsewhere;

		if (seen[i])
			continue;
		if (!at && c->missing && c->missing(c->self, p->key, &elsewhere))
			rc = p->node ? check(c, p->node, elsewhere, &here, depth + 1, err) : 0;
		else if (p->required)
			rc = fail(err, at, "\"%.*s\" is required", STR_FMT(p->key));
	}
	if (!rc && n < node->min_keys)
		rc = fail(err, at, "wants at least %lld keys, has %lld", (long long)node->min_keys, (long long)n);
	if (!rc && n > node->max_keys)
		rc = fail(err, at, "wants at most %lld keys, has %lld", (long long)node->max_keys, (long long)n);
	buf_release(&scratch);
	return rc;
}

/* How many of the list hold; the reason of the last that does not is left in why. */
static int
count_holding(const struct checking *c, const struct list *list, struct json v, const struct at *at, int depth, struct err *why)
{
	int n = 0;

	for (int i = 0; i < list->n; i++) {
		struct err one = { 0 };

		if (check(c, list->node[i], v, at, depth + 1, &one) == 0)
			n++;
		else
			*why = one;
	}
	return n;
}

static int
check(const struct checking *c, const struct node *node, struct json v, const struct at *at, int depth, struct err *err)
{
	struct err why = { 0 };
	struct json_iter it;
	unsigned types;
	int rc, n;

	if (depth > DEEPEST * 4)
		return fail(err, at, "nests deeper than the schema can follow");
	if (node->never)
		return fail(err, at, "must not be there");
	if (node->to && (rc = check(c, node->to, v, at, depth + 1, err)))
		return rc;
	types = types_of(v);
	if (node->types && !(node->types & types)) {
		char words[120];

		types_text(node->types, words);
		return fail(err, at, "wants %s, has %.*s%s", words, SHOW(v));
	}
	if (node->constant.type && !schema_equal(node->constant, v))
		return fail(err, at, "wants %.*s%s, has %.*s%s", SHOW(node->constant), SHOW(v));
	if (node->choice.type) {
		int found = 0;

		for (it = json_iter(node->choice); !found && json_next(&it); )
			found = schema_equal(it.value, v);
		if (!found)
			return fail(err, at, "%.*s%s is none of %.*s", SHOW(v), (int)(node->choice.n > CHOICE_SHOWN ? CHOICE_SHOWN : node->choice.n), node->choice.p);
	}
	rc = types & IS_NUMBER ? check_number(node, v, at, err) :
	    types & IS_STRING ? check_text(c, node, v, at, err) :
	    types & IS_ARRAY ? check_array(c, node, v, at, depth, err) :
	    types & IS_OBJECT ? check_object(c, node, v, at, depth, err) : 0;
	if (rc)
		return rc;
	for (int i = 0; i < node->all.n; i++)
		if ((rc = check(c, node->all.node[i], v, at, depth + 1, err)))
			return rc;
	if (node->any.n && count_holding(c, &node->any, v, at, depth, &why) == 0) {
		if (node->any.n == 1)
			return *err = why, why.code;
		return fail(err, at, "fits none of the %d forms it may have (the last: %.200s)", node->any.n, why.text);
	}
	if (node->one.n && (n = count_holding(c, &node->one, v, at, depth, &why)) != 1)
		return n ? fail(err, at, "fits %d of the %d forms, wants exactly one", n, node->one.n) :
		    fail(err, at, "fits none of the %d forms it may have (the last: %.200s)", node->one.n, why.text);
	if (node->no && check(c, node->no, v, at, depth + 1, &why) == 0)
		return fail(err, at, "has a form that is ruled out, %.*s%s", SHOW(v));
	if (node->cond) {
		struct node *next = check(c, node->cond, v, at, depth + 1, &why) == 0 ? node->then : node->otherwise;

		if (next)
			return check(c, next, v, at, depth + 1, err);
	}
	return 0;
}

int
schema_check(const struct schema *s, struct json value, int (*missing)(void *, struct str, struct json *), void *self, struct err *err)
{
	struct checking c = { s, missing, self };

	return check(&c, s->root, value, NULL, 0, err);
}
