#include "event/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "config/schema.h"
#include "event/regex_priv.h"

#define PLAN_MOST (64u << 20)                   /* bytes of a plan */

enum { ACCEPT, REJECT, DROP };

struct rule {
	struct rule *next;      /* all of a plan, for its end */
	struct schema *schema;
	int whole;              /* of the canonical event, not of its properties alone */
};

struct plan {
	struct map by_name;
	struct rule *all;       /* "*": of events without a schema of their own */
	struct rule *rules;
	int unknown;
	struct buf row, text, scratch;
};

static struct rule *
rule_new(struct plan *p, struct json v, struct json root, struct err *err)
{
	struct rule *r = mem_new(sizeof(*r));
	struct json inner = json_get(json_get(v, STR("properties")), STR("properties")), required = json_get(v, STR("required"));
	struct json_iter it;

	r->next = p->rules;
	p->rules = r;
	r->whole = inner.type == JSON_OBJECT;
	for (it = json_iter(required); required.type == JSON_ARRAY && json_next(&it); )
		r->whole |= json_text_eq(it.value, STR("properties"));
	r->schema = schema_new(v, root, &regex_priv, err);
	return r->schema ? r : NULL;
}

/* One schema for every event, not a list of events: its top level has keywords with values that are no schemas. */
static int
is_one_schema(struct json root)
{
	struct json type = json_get(root, STR("type")), required = json_get(root, STR("required"));

	return type.type == JSON_STRING || type.type == JSON_ARRAY || required.type == JSON_ARRAY;
}

static int
is_words_key(struct json key)
{
	static const char *const words[] = { "$schema", "$id", "$defs", "definitions", "title", "description", "version", "unknown", "$comment", NULL };

	for (int i = 0; words[i]; i++)
		if (json_text_eq(key, str_of(words[i])))
			return 1;
	return 0;
}

static int
compile(struct plan *p, struct json root, struct err *err)
{
	struct json events = json_get(root, STR("events")), unknown = json_get(root, STR("unknown"));
	struct json_iter it;

	if (unknown.type) {
		p->unknown = json_text_eq(unknown, STR("accept")) ? ACCEPT : json_text_eq(unknown, STR("reject")) ? REJECT :
		    json_text_eq(unknown, STR("drop")) ? DROP : -1;
		if (p->unknown < 0)
			return err_set(err, ERR_INPUT, "unknown: wants \"accept\", \"reject\" or \"drop\"");
	}
	if (events.type != JSON_OBJECT && is_one_schema(root))
		return (p->all = rule_new(p, root, root, err)) ? 0 : err->code;
	for (it = json_iter(events.type == JSON_OBJECT ? events : root); json_next(&it); ) {
		struct str name = json_text(it.key, &p->scratch);
		struct rule *r;

		if (events.type != JSON_OBJECT && is_words_key(it.key))
			continue;
		if (!(r = rule_new(p, it.value, root, err)))
			return err_at(err, "%.*s", (int)(name.n > 80 ? 80 : name.n), name.p);
		if (str_eq(name, STR("*")))
			p->all = r;
		else
			map_put(&p->by_name, name, NULL)->ptr = r;
	}
	return 0;
}

struct plan *
plan_new(struct str text, const char *name, struct err *err)
{
	struct plan *p = mem_new(sizeof(*p));
	struct json root;

	text = str_unmarked(text);
	if (json_check(text, err)) {
		long line = 1, col = err->col;

		for (const char *s = text.p, *end = text.p + (col > 0 && (size_t)col <= text.n + 1 ? col - 1 : 0);
		    (s = memchr(s, '\n', (size_t)(end - s))); line++)
			col = end - ++s + 1;
		err_at(err, "%s:%ld:%ld", name, line, col);
		goto fail;
	}
	root = json_value(text);
	if (root.type != JSON_OBJECT) {
		err_set(err, ERR_INPUT, "%s: wants an object, {\"events\":{\"NAME\":SCHEMA}}", name);
		goto fail;
	}
	if (compile(p, root, err) == 0)
		return p;
	err_at(err, "%s", name);
fail:
	if (err->code == ERR_INPUT)
		err->code = ERR_USAGE;          /* the plan is wrong, not a row */
	err->col = 0;
	plan_free(p);
	return NULL;
}

struct plan *
plan_open(const char *path, struct err *err)
{
	FILE *f = fopen(path, "re");
	struct buf text = { 0 };
	struct plan *p = NULL;
	size_t n;

	while (f && (n = fread(buf_room(&text, 65536), 1, 65536, f)) > 0 && text.n <= PLAN_MOST)
		text.n += n;
	if (!f || ferror(f))
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	else if (text.n > PLAN_MOST)
		err_set(err, ERR_LIMIT, "%s: is larger than %u MiB", path, PLAN_MOST >> 20);
	else
		p = plan_new(buf_get(&text), path, err);
	if (f)
		fclose(f);
	buf_release(&text);
	return p;
}

void
plan_free(struct plan *p)
{
	struct rule *r, *next;

	if (!p)
		return;
	for (r = p->rules; r; r = next) {
		next = r->next;
		schema_free(r->schema);
		free(r);
	}
	map_release(&p->by_name);
	buf_release(&p->row);
	buf_release(&p->text);
	buf_release(&p->scratch);
	free(p);
}

struct asked {
	struct plan *plan;
	const struct event *event;
};

/* A field that the schema names among the properties may be the event's own. */
static int
own_field(void *self, struct str key, struct json *value)
{
	struct asked *a = self;
	const struct event *e = a->event;
	struct buf *b = &a->plan->text;
	struct str text = { 0 };

	buf_clear(b);
	if (str_eq(key, STR("event")))
		text = e->name;
	else if (str_eq(key, STR("user_id")))
		text = e->user_id;
	else if (str_eq(key, STR("session_id")))
		text = e->session_id;
	else if (str_eq(key, STR("id")))
		text = e->id;
	if (text.p)
		json_put_string(b, text);
	else if (str_eq(key, STR("timestamp")))
		json_put_time(b, e->time);
	else
		return 0;
	*value = json_value(buf_get(b));
	return 1;
}

int
plan_check(struct plan *p, const struct event *e, struct err *err)
{
	struct map_entry *own = map_find(&p->by_name, e->name);
	struct rule *r = own ? own->ptr : p->all;
	struct asked asked = { p, e };
	int rc;

	if (!r)
		return p->unknown == ACCEPT ? 1 : p->unknown == DROP ? 0 :
		    err_set(err, ERR_INPUT, "'%.*s' is not in the plan", (int)(e->name.n > 80 ? 80 : e->name.n), e->name.p);
	if (r->whole) {
		buf_clear(&p->row);
		event_put(&p->row, e);
		rc = schema_check(r->schema, json_value(buf_get(&p->row)), NULL, NULL, err);
	} else
		rc = schema_check(r->schema, json_value(e->properties), own_field, &asked, err);
	return rc ? err_at(err, "%.*s", (int)(e->name.n > 80 ? 80 : e->name.n), e->name.p) : 1;
}
