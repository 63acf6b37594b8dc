/* clean.c - rules hang on a tree of keys; each object of the properties that has rules is written anew, member by member. */
#include "event/clean.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>

#include "base/letter.h"
#include "base/map.h"
#include "base/mem.h"
#include "codec/sha256.h"
#include "config/schema.h"
#include "event/regex_priv.h"

enum { KEEP_CASE, LOWER, UPPER };
enum { NO_TYPE, TO_NUMBER, TO_INTEGER, TO_BOOLEAN, TO_TEXT, TO_TIME };
enum { NO_PII, MASK, HASH, DROP };

struct rule {
	int drop, trim, fold, to, pii, ranged;
	struct json standard;   /* the default */
	int fills;              /* also where there is no such key; not the literal a.b, and no default makes an object */
	struct json choice;     /* `enum` */
	double least, most;
	void *regex;
	struct str pattern;
	struct str rename;
};

struct node {
	struct node *next;      /* all of a clean, for its end */
	struct rule *rule;      /* of the key itself; NULL when only keys below have rules */
	struct map below;       /* key → struct node */
};

struct rules {
	int drop, trim;
	struct str rename;
	struct node *root;      /* NULL: no field has rules */
};

struct clean {
	struct map by_name;     /* event → struct rules */
	struct rules *all;      /* of "*" */
	struct node *nodes;
	struct arena *arena;
	struct str salt;
	void **regex;           /* all patterns */
	int n_regex;
	struct buf properties[2], value[2], ids[3], key;
};

/* ---- compiling: the schema of analytics.json has checked the shape already */

static struct str
keep(struct clean *c, struct json text)
{
	struct buf scratch = { 0 };
	struct str t = json_text(text, &scratch);
	struct str mine = { arena_dup(c->arena, t.p ? t.p : "", t.n), t.n };

	buf_release(&scratch);
	return mine;
}

static struct node *
node_new(struct clean *c)
{
	struct node *node = mem_new(sizeof(*node));

	node->next = c->nodes;
	return c->nodes = node;
}

static struct node *
node_below(struct clean *c, struct node *node, struct str key)
{
	int is_new;
	struct map_entry *e = map_put(&node->below, key, &is_new);

	if (is_new)
		e->ptr = node_new(c);
	return e->ptr;
}

/* Which of the words, from 1; 0 for none. */
static int
word(struct json v, const char *const *words)
{
	for (int i = 0; v.type == JSON_STRING && words[i]; i++)
		if (json_text_eq(v, str_of(words[i])))
			return i + 1;
	return 0;
}

static int
rule_read(struct clean *c, struct rule *r, struct json v, struct err *err)
{
	static const char *const cases[] = { "lower", "upper", NULL };
	static const char *const types[] = { "number", "integer", "boolean", "text", "time", NULL };
	static const char *const pii[] = { "mask", "hash", "drop", NULL };
	struct json range = json_get(v, STR("range")), pattern = json_get(v, STR("pattern"));

	r->drop = json_get(v, STR("drop")).type == JSON_TRUE;
	r->trim = json_get(v, STR("trim")).type == JSON_TRUE;
	r->fold = word(json_get(v, STR("case")), cases);
	r->to = word(json_get(v, STR("coerce")), types);
	r->pii = word(json_get(v, STR("pii")), pii);
	r->standard = json_get(v, STR("default"));
	r->fills = r->standard.type != JSON_NONE;
	r->choice = json_get(v, STR("enum"));
	if (range.type == JSON_ARRAY) {
		r->ranged = 1;
		if (!json_double(json_index(range, 0), &r->least))
			r->least = -INFINITY;
		if (!json_double(json_index(range, 1), &r->most))
			r->most = INFINITY;
		if (r->least > r->most)
			return err_set(err, ERR_INPUT, "range: the least is above the most");
	}
	if (pattern.type == JSON_STRING) {
		r->pattern = keep(c, pattern);
		if (!(r->regex = regex_priv.compile(r->pattern, err)))
			return err_at(err, "pattern");
		c->regex = mem_grow(c->regex, (size_t)c->n_regex + 1, sizeof(*c->regex));
		c->regex[c->n_regex++] = r->regex;
	}
	if (json_get(v, STR("rename")).type == JSON_STRING)
		r->rename = keep(c, json_get(v, STR("rename")));
	return 0;
}

static int
field_read(struct clean *c, struct rules *rules, struct json key, struct json v, struct err *err)
{
	struct str name = keep(c, key), rest = name, piece;
	struct rule *rule;
	struct node *node;

	if (str_eq(name, STR("event")) || str_eq(name, STR("timestamp")))
		return err_set(err, ERR_INPUT, "%.*s: is no field that can be cleaned, rename or drop the event instead", STR_FMT(name));
	if (!rules->root)
		rules->root = node_new(c);
	rule = arena_get(c->arena, sizeof(*rule));
	memset(rule, 0, sizeof(*rule));
	if (rule_read(c, rule, v, err))
		return err_at(err, "%.*s", STR_FMT(name));
	node_below(c, rules->root, name)->rule = rule;          /* the literal key, then the way into nested objects */
	if (memchr(name.p, '.', name.n)) {
		for (node = rules->root; str_cut(&rest, '.', &piece); )
			node = node_below(c, node, piece);
		node->rule = arena_get(c->arena, sizeof(*rule));
		*node->rule = *rule;
		rule->fills = 0;
	}
	return 0;
}

struct clean *
clean_new(struct json events, struct str salt, struct err *err)
{
	struct clean *c = mem_new(sizeof(*c));
	struct json_iter it, field;

	c->arena = arena_new(0);
	c->salt = salt;
	for (it = json_iter(events); events.type == JSON_OBJECT && json_next(&it); ) {
		struct rules *rules = arena_get(c->arena, sizeof(*rules));
		struct str name = keep(c, it.key);
		struct json fields = json_get(it.value, STR("clean"));

		memset(rules, 0, sizeof(*rules));
		rules->drop = json_get(it.value, STR("drop")).type == JSON_TRUE;
		rules->trim = json_get(it.value, STR("trim")).type == JSON_TRUE;
		if (json_get(it.value, STR("rename")).type == JSON_STRING)
			rules->rename = keep(c, json_get(it.value, STR("rename")));
		if (rules->trim)
			rules->root = node_new(c);
		for (field = json_iter(fields); fields.type == JSON_OBJECT && json_next(&field); )
			if (field_read(c, rules, field.key, field.value, err)) {
				err_at(err, "events.%.*s.clean", (int)(name.n > 80 ? 80 : name.n), name.p);
				clean_free(c);
				return NULL;
			}
		if (str_eq(name, STR("*")))
			c->all = rules;
		else
			map_put(&c->by_name, name, NULL)->ptr = rules;
	}
	return c;
}

void
clean_free(struct clean *c)
{
	struct node *node, *next;

	if (!c)
		return;
	for (node = c->nodes; node; node = next) {
		next = node->next;
		map_release(&node->below);
		free(node);
	}
	for (int i = 0; i < c->n_regex; i++)
		regex_priv.free(c->regex[i]);
	free(c->regex);
	map_release(&c->by_name);
	for (int i = 0; i < 2; i++) {
		buf_release(&c->properties[i]);
		buf_release(&c->value[i]);
	}
	for (int i = 0; i < 3; i++)
		buf_release(&c->ids[i]);
	buf_release(&c->key);
	arena_free(c->arena);
	free(c);
}

static void
put_folded(struct buf *out, struct str text, int fold)
{
	while (text.n) {
		uint32_t c = letter_take(&text);

		letter_put(out, fold == LOWER ? letter_lower(c) : letter_upper(c));
	}
}

/* ---- one value: text is the decoded text of a string or the raw text of anything else */

struct value {
	int type;               /* JSON_NONE: there is none */
	struct str text;
};

static void
put_value(struct buf *out, struct value v)
{
	if (v.type == JSON_STRING)
		json_put_string(out, v.text);
	else
		buf_str(out, v.text);
}

static int
is_word(struct str s, const char *const *words)
{
	char low[8];

	if (s.n >= sizeof(low))
		return 0;
	for (size_t i = 0; i < s.n; i++)
		low[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
	for (; *words; words++)
		if (str_eq((struct str){ low, s.n }, str_of(*words)))
			return 1;
	return 0;
}

#define CLIP(s) (int)((s).n > 40 ? 40 : (s).n), (s).p

static int
coerce_number(struct value *v, int whole, struct buf *to, struct err *err)
{
	struct str text = str_trim(v->text);
	struct json literal;
	struct err no = { 0 };
	double x;
	int64_t i;

	if (v->type != JSON_STRING && v->type != JSON_NUMBER)
		goto none;
	literal = json_value(text);
	if (literal.type == JSON_NUMBER && literal.n == text.n && json_check(text, &no) == 0) {
		if (!whole) {
			*v = (struct value){ JSON_NUMBER, text };
			return 0;
		}
		if (!json_int64(literal, &i) && !(json_double(literal, &x) && x == floor(x)))
			goto none;
		if (!memchr(text.p, '.', text.n) && !memchr(text.p, 'e', text.n) && !memchr(text.p, 'E', text.n))
			*v = (struct value){ JSON_NUMBER, text };
		else {
			if (json_int64(literal, &i))
				json_put_int64(to, i);
			else
				json_put_double(to, x);
			*v = (struct value){ JSON_NUMBER, buf_get(to) };
		}
		return 0;
	}
	if (str_double(text, &x) || !isfinite(x) || (whole && x != floor(x)))
		goto none;
	json_put_double(to, x);
	*v = (struct value){ JSON_NUMBER, buf_get(to) };
	return 0;
none:
	return err_set(err, ERR_INPUT, "'%.*s' is no %s", CLIP(v->text), whole ? "integer" : "number");
}

static int
coerce(struct value *v, int type, struct buf *to, struct err *err)
{
	static const char *const yes[] = { "true", "yes", "on", "1", "t", "y", NULL };
	static const char *const no[] = { "false", "no", "off", "0", "f", "n", NULL };
	struct json number;
	struct str text;
	int64_t ms, whole;
	double x;

	buf_clear(to);
	switch (type) {
	case TO_NUMBER:
	case TO_INTEGER:
		return coerce_number(v, type == TO_INTEGER, to, err);
	case TO_BOOLEAN:
		if (is_word(str_trim(v->text), yes))
			*v = (struct value){ JSON_TRUE, STR("true") };
		else if (is_word(str_trim(v->text), no))
			*v = (struct value){ JSON_FALSE, STR("false") };
		else
			return err_set(err, ERR_INPUT, "'%.*s' is neither true nor false", CLIP(v->text));
		return 0;
	case TO_TEXT:
		v->type = JSON_STRING;
		return 0;
	default:
		text = str_trim(v->text);
		number = v->type == JSON_NUMBER || v->type == JSON_STRING ? json_value(text) : JSON_ABSENT;
		if (!(v->type == JSON_STRING && time_parse_rfc3339(text, &ms) == 0) &&
		    !(number.type == JSON_NUMBER && number.n == text.n && (json_int64(number, &whole) ? time_of_epoch_int(whole, &ms) == 0 :
		    json_double(number, &x) && time_of_epoch(x, &ms) == 0)))
			return err_set(err, ERR_INPUT, "'%.*s' is no time", CLIP(v->text));
		buf_room(to, TIME_LEN);
		time_print(ms, to->p);
		to->n = TIME_LEN;
		*v = (struct value){ JSON_STRING, buf_get(to) };
		return 0;
	}
}

static int
is_numeric_ip(struct str s)
{
	return schema_format(STR("ipv4"), s);
}

/* Of an address of IPv6 the network that a site is given, 48 bits; an IPv4 address within one as that is. */
static int
put_masked_ip6(struct buf *to, struct str s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ip;

	if (s.n >= sizeof(text) || !memchr(s.p, ':', s.n))
		return 0;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	if (strlen(text) != s.n || inet_pton(AF_INET6, text, &ip) != 1)
		return 0;
	if (IN6_IS_ADDR_V4MAPPED(&ip))
		ip.s6_addr[15] = 0;
	else
		memset(ip.s6_addr + 6, 0, 10);
	buf_str(to, str_of(inet_ntop(AF_INET6, &ip, text, sizeof(text))));
	return 1;
}

/* Keep the shape and no more: u***@example.com, 84.65.138.0, 2001:db8:1::, ************1234. */
static void
mask(struct value *v, struct buf *to)
{
	const char *at = v->text.n ? memchr(v->text.p, '@', v->text.n) : NULL;
	size_t chars = 0, seen = 0;

	buf_clear(to);
	if (v->type != JSON_STRING && v->type != JSON_NUMBER)
		buf_lit(to, "***");
	else if (at && schema_format(STR("email"), v->text)) {
		size_t first = 1;

		while (first < v->text.n && (v->text.p[first] & 0xc0) == 0x80)
			first++;
		buf_add(to, v->text.p, first);
		buf_lit(to, "***");
		buf_add(to, at, v->text.n - (size_t)(at - v->text.p));
	} else if (is_numeric_ip(v->text)) {
		const char *dot = memrchr(v->text.p, '.', v->text.n);

		buf_add(to, v->text.p, (size_t)(dot - v->text.p));
		buf_lit(to, ".0");
	} else if (!put_masked_ip6(to, v->text)) {
		for (size_t i = 0; i < v->text.n; i++)
			chars += (v->text.p[i] & 0xc0) != 0x80;
		for (size_t i = 0; i < v->text.n; i++) {
			seen += (v->text.p[i] & 0xc0) != 0x80;
			if (chars >= 8 && seen + 4 > chars)     /* the last four of a long one are what people recognise */
				buf_byte(to, v->text.p[i]);
			else if ((v->text.p[i] & 0xc0) != 0x80)
				buf_byte(to, '*');
		}
	}
	*v = (struct value){ JSON_STRING, buf_get(to) };
}

static void
pseudonym(const struct clean *c, struct value *v, struct buf *to)
{
	uint8_t sum[SHA256_LEN];

	sha256_hmac(c->salt, v->text, sum);
	buf_clear(to);
	for (int i = 0; i < 16; i++)            /* 128 bits: enough to be unique, short enough to read */
		buf_printf(to, "%02x", sum[i]);
	*v = (struct value){ JSON_STRING, buf_get(to) };
}

static int
is_nothing(struct value v)
{
	return v.type == JSON_NONE || v.type == JSON_NULL || (v.type == JSON_STRING && v.text.n == 0);
}

static struct value
value_of(struct json v, struct buf *scratch)
{
	if (v.type == JSON_STRING)
		return (struct value){ JSON_STRING, json_text(v, scratch) };
	return (struct value){ v.type, json_raw(v) };
}

static int
check_value(const struct rule *r, struct value v, struct err *err)
{
	struct buf text = { 0 };
	double x = 0;
	int rc = 0;

	if (r->choice.type) {
		struct json_iter it;

		put_value(&text, v);
		for (it = json_iter(r->choice); json_next(&it); )
			if (schema_equal(it.value, json_value(buf_get(&text))))
				break;
		if (!it.value.type || !schema_equal(it.value, json_value(buf_get(&text))))
			rc = err_set(err, ERR_INPUT, "'%.*s' is none of %.*s", CLIP(v.text), (int)(r->choice.n > 120 ? 120 : r->choice.n), r->choice.p);
		buf_release(&text);
		if (rc)
			return rc;
	}
	if (r->ranged) {
		if (v.type != JSON_NUMBER || !json_double(json_value(v.text), &x))
			return err_set(err, ERR_INPUT, "wants a number, has '%.*s', try \"coerce\":\"number\"", CLIP(v.text));
		if (x < r->least)
			return err_set(err, ERR_INPUT, "wants at least %.15g, has %.*s", r->least, CLIP(v.text));
		if (x > r->most)
			return err_set(err, ERR_INPUT, "wants at most %.15g, has %.*s", r->most, CLIP(v.text));
	}
	if (r->regex && regex_priv.match(r->regex, v.text) != 1)
		return err_set(err, ERR_INPUT, "'%.*s' does not match %.*s", CLIP(v.text), STR_FMT(r->pattern));
	return 0;
}

/* Where the next step writes: not where the value stands. */
static struct buf *
other(struct clean *c, struct value v)
{
	const struct buf *first = &c->value[0];

	return v.text.p && first->p && v.text.p >= first->p && v.text.p <= first->p + first->cap ? &c->value[1] : &c->value[0];
}

/* The rule's steps in the order of at-config(5). The value lives in c->value until the next. type NONE: take it out. */
static int
apply(struct clean *c, const struct rule *r, int trim, struct value *v, struct err *err)
{
	struct buf *to;
	int rc;

	if (r->drop || r->pii == DROP) {
		v->type = JSON_NONE;
		return 0;
	}
	if (v->type == JSON_STRING && (r->trim || trim))
		v->text = str_trim(v->text);
	if (v->type == JSON_STRING && r->fold) {
		buf_clear(to = other(c, *v));
		put_folded(to, v->text, r->fold);
		v->text = buf_get(to);
	}
	if (is_nothing(*v) && r->standard.type)
		*v = value_of(r->standard, other(c, *v));
	if (v->type == JSON_NONE || v->type == JSON_NULL)
		return 0;
	if (r->to) {
		if (v->type == JSON_STRING && str_trim(v->text).n == 0 && r->to != TO_TEXT) {
			*v = (struct value){ JSON_NULL, STR("null") };
			return 0;
		}
		if ((rc = coerce(v, r->to, other(c, *v), err)))
			return rc;
	}
	if ((rc = check_value(r, *v, err)))
		return rc;
	if (r->pii == MASK)
		mask(v, other(c, *v));
	else if (r->pii == HASH)
		pseudonym(c, v, other(c, *v));
	return 0;
}

/* ---- objects */

static void
put_member(struct buf *out, size_t from, struct str key, struct value v)
{
	if (out->n > from)
		buf_byte(out, ',');
	json_put_key(out, key);
	put_value(out, v);
}

/* A property renamed to user_id, session_id or id becomes that. */
static struct str *
own_field(struct event *e, struct str key, int *slot)
{
	*slot = str_eq(key, STR("user_id")) ? 0 : str_eq(key, STR("session_id")) ? 1 : str_eq(key, STR("id")) ? 2 : -1;
	return *slot == 0 ? &e->user_id : *slot == 1 ? &e->session_id : *slot == 2 ? &e->id : NULL;
}

/* Was such a member written already? The object is not closed yet. */
static int
is_written(struct buf *out, size_t from, struct str key)
{
	size_t n = out->n;
	int there;

	buf_byte(out, '}');
	there = json_get(json_value((struct str){ out->p + from - 1, out->n - from + 1 }), key).type != JSON_NONE;
	out->n = n;
	return there;
}

/* Does the object hold that key when all its rules are done? */
static int
stays(const struct node *all, struct json object, struct str key)
{
	const struct map_entry *e = map_find(&all->below, key);
	const struct rule *r = e ? ((const struct node *)e->ptr)->rule : NULL;

	return json_get(object, key).type != JSON_NONE && !(r && (r->drop || r->pii == DROP || r->rename.p));
}

static int
put_ruled(struct clean *c, const struct node *all, const struct node *node, int trim, struct json object, struct event *top, struct str key,
    struct value v, struct buf *out, size_t from, struct err *err)
{
	const struct rule *r = node->rule;
	struct str *own;
	int rc, slot;

	if ((rc = apply(c, r, trim, &v, err)))
		return err_at(err, "%.*s", (int)(key.n > 80 ? 80 : key.n), key.p);
	if (v.type == JSON_NONE)
		return 0;
	if (!r->rename.p) {
		put_member(out, from, key, v);
		return 0;
	}
	own = top ? own_field(top, r->rename, &slot) : NULL;
	if (own && (v.type == JSON_STRING || v.type == JSON_NUMBER) && v.text.n) {
		if (!own->p && v.text.n <= EVENT_ID_MOST) {
			buf_clear(&c->ids[slot]);
			buf_str(&c->ids[slot], v.text);
			*own = buf_get(&c->ids[slot]);
		}
		return 0;
	}
	if (!stays(all, object, r->rename) && !is_written(out, from, r->rename))        /* a key already there wins */
		put_member(out, from, r->rename, v);
	return 0;
}

/* As it is, but for blanks around its texts, however deep they lie. */
static void
put_trimmed(struct buf *out, struct json v)
{
	struct buf text = { 0 };
	int n = 0;

	if (v.type == JSON_STRING)
		json_put_string(out, str_trim(json_text(v, &text)));
	else if (v.type != JSON_OBJECT && v.type != JSON_ARRAY)
		buf_str(out, json_raw(v));
	else {
		buf_byte(out, v.type == JSON_OBJECT ? '{' : '[');
		for (struct json_iter it = json_iter(v); json_next(&it); ) {
			if (n++)
				buf_byte(out, ',');
			if (v.type == JSON_OBJECT)
				json_put_key(out, json_text(it.key, &text));
			put_trimmed(out, it.value);
		}
		buf_byte(out, v.type == JSON_OBJECT ? '}' : ']');
	}
	buf_release(&text);
}

static int
clean_object(struct clean *c, const struct node *node, int trim, struct json object, struct event *top, struct buf *out, struct err *err)
{
	struct json_iter it;
	struct map_entry *e;
	struct buf scratch = { 0 }, name = { 0 };
	size_t from;
	int rc = 0;

	buf_byte(out, '{');
	from = out->n;
	for (it = json_iter(object); !rc && json_next(&it); ) {
		struct str key = json_text(it.key, &name);
		const struct node *below = (e = map_find(&node->below, key)) ? e->ptr : NULL;

		if (below && below->rule)
			rc = put_ruled(c, node, below, trim, object, top, key, value_of(it.value, &scratch), out, from, err);
		else if (below && it.value.type == JSON_OBJECT) {
			if (out->n > from)
				buf_byte(out, ',');
			json_put_key(out, key);
			if ((rc = clean_object(c, below, trim, it.value, NULL, out, err)))
				err_at(err, "%.*s", (int)(key.n > 80 ? 80 : key.n), key.p);
		} else if (trim) {
			if (out->n > from)
				buf_byte(out, ',');
			json_put_key(out, key);
			put_trimmed(out, it.value);
		} else
			put_member(out, from, key, value_of(it.value, &scratch));
	}
	for (e = map_first(&node->below); e && !rc; e = map_next(&node->below, e)) {
		const struct node *below = e->ptr;
		int slot;

		if (below->rule && below->rule->fills && !json_get(object, e->key).type && !(top && own_field(top, e->key, &slot)) &&
		    !is_written(out, from, e->key))
			rc = put_ruled(c, node, below, trim, object, top, e->key, (struct value){ JSON_NONE, { 0 } }, out, from, err);
	}
	buf_byte(out, '}');
	buf_release(&scratch);
	buf_release(&name);
	return rc;
}

/* The event's own fields that have a rule, and all of them when they are to be trimmed. */
static int
clean_ids(struct clean *c, const struct node *root, int trim, struct event *event, struct err *err)
{
	static const char *const names[] = { "user_id", "session_id", "id" };

	for (int i = 0; i < 3; i++) {
		struct map_entry *e = map_find(&root->below, str_of(names[i]));
		const struct node *node = e ? e->ptr : NULL;
		int slot, rc;
		struct str *own = own_field(event, str_of(names[i]), &slot);
		struct value v = { own->p ? JSON_STRING : JSON_NONE, *own };

		if (!node || !node->rule) {
			*own = trim && own->p ? str_trim(*own) : *own;
			if (!own->n)
				*own = (struct str){ 0 };
			continue;
		}
		if ((rc = apply(c, node->rule, trim, &v, err)))
			return err_at(err, "%s", names[i]);
		if (v.type == JSON_NONE || v.type == JSON_NULL || v.text.n == 0) {
			*own = (struct str){ 0 };
			continue;
		}
		if (v.text.n > EVENT_ID_MOST)
			return err_set(err, ERR_INPUT, "%s: is longer than %d bytes", names[i], EVENT_ID_MOST);
		buf_clear(&c->key);
		buf_str(&c->key, v.text);               /* the value may stand in the very buffer it goes to */
		buf_clear(&c->ids[slot]);
		buf_str(&c->ids[slot], buf_get(&c->key));
		*own = buf_get(&c->ids[slot]);
	}
	return 0;
}

static int
apply_rules(struct clean *c, const struct rules *r, int turn, struct event *e, struct err *err)
{
	int rc;

	if (r->drop)
		return 0;
	if (r->root) {
		struct buf *out = &c->properties[turn];

		if ((rc = clean_ids(c, r->root, r->trim, e, err)))
			return rc;
		buf_clear(out);
		if ((rc = clean_object(c, r->root, r->trim, json_value(e->properties), e, out, err)))
			return rc;
		e->properties = buf_get(out);
	}
	if (r->rename.p)
		e->name = r->rename;
	return 1;
}

int
clean_event(struct clean *c, struct event *e, struct err *err)
{
	struct map_entry *own;
	int rc;

	if (c->all && c->all->trim && !(e->name = str_trim(e->name)).n)
		return err_set(err, ERR_INPUT, "event: is nothing but blanks");
	own = c->by_name.n ? map_find(&c->by_name, e->name) : NULL;
	if (c->all && (rc = apply_rules(c, c->all, 0, e, err)) <= 0)
		return rc;
	return own ? apply_rules(c, own->ptr, 1, e, err) : 1;
}
