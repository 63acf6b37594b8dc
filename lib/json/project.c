#include "json/project.h"

#include <stdlib.h>

#include "base/mem.h"
#include "json/json_priv.h"
#include "json/project_priv.h"

struct project *
project_new(void)
{
	struct project *p = mem_new(sizeof(*p));

	p->node = mem_new(sizeof(*p->node));
	p->nodes = 1;
	for (int i = 0; i < PROJECT_KEYS; i++)
		p->keys[i].owner = -1;
	return p;
}

void
project_free(struct project *p)
{
	if (!p)
		return;
	for (int i = 1; i < p->nodes; i++)
		free((char *)p->node[i].key.p);
	for (int i = 0; i < p->fields; i++) {
		free((char *)p->field[i].name.p);
		free(p->field[i].node);
	}
	free(p->node);
	free(p->field);
	free(p);
}

int
project_count(const struct project *p)
{
	return p->fields;
}

/* The child of a node with that key; 0: there is none. */
static int
find_child(const struct project *p, int node, struct str key)
{
	int i;

	for (i = p->node[node].child; i && !str_eq(p->node[i].key, key); i = p->node[i].next)
		;
	return i;
}

int
project_wants(const struct project *p, struct str key)
{
	int properties = find_child(p, 0, STR("properties"));

	for (int i = 0; i < p->fields; i++)
		for (int k = 0; k < p->field[i].n; k++)
			if (p->field[i].node[k] == 0 || p->field[i].node[k] == properties)
				return 1;               /* the whole of them */
	return find_child(p, 0, key) || (properties && find_child(p, properties, key));
}

/* The same, made when there is none. */
static int
child_of(struct project *p, int node, struct str key)
{
	int i = find_child(p, node, key);

	if (i)
		return i;
	for (i = 0; i < PROJECT_KEYS; i++)      /* some may be asked for now */
		p->keys[i].owner = -1;
	p->node = mem_grow(p->node, (size_t)p->nodes + 1, sizeof(*p->node));
	p->node[p->nodes] = (struct project_node){ .key = { mem_dup(key.p, key.n), key.n }, .next = p->node[node].child };
	return p->node[node].child = p->nodes++;
}

/* One more place where a field may be found. */
static void
place(struct project_field *f, int node)
{
	f->node = mem_grow(f->node, (size_t)f->n + 1, sizeof(*f->node));
	f->node[f->n++] = node;
}

/* `a.b.c` below a node: "b.c" in a, then c in b in a. */
static void
reach(struct project *p, struct project_field *f, int node, struct str dotted)
{
	struct str key;

	while (str_cut(&dotted, '.', &key) && dotted.p) {
		node = child_of(p, node, key);
		place(f, child_of(p, node, dotted));
	}
}

static int
add(struct project *p, struct project_field f)
{
	p->field = mem_grow(p->field, (size_t)p->fields + 1, sizeof(*p->field));
	p->field[p->fields] = f;
	return p->fields++;
}

int
project_field(struct project *p, struct str name, struct err *err)
{
	struct project_field f = { .name = name };
	int depth = 1, properties;

	for (int i = 0; i < p->fields; i++)
		if (p->field[i].name.p && str_eq(p->field[i].name, name))
			return i;
	if (p->fields == PROJECT_MOST)
		return err_set(err, ERR_LIMIT, "more than %d fields, name fewer", PROJECT_MOST);
	for (size_t i = 0; i < name.n; i++)
		depth += name.p[i] == '.';
	if (depth >= JSON_DEPTH)
		return err_set(err, ERR_LIMIT, "'%.40s…' reaches %d levels deep, %d is the most", name.p, depth, JSON_DEPTH - 1);
	properties = child_of(p, 0, STR("properties"));
	place(&f, child_of(p, 0, name));
	place(&f, child_of(p, properties, name));
	reach(p, &f, 0, name);
	reach(p, &f, properties, name);
	f.name.p = mem_dup(name.p, name.n);
	return add(p, f);
}

int
project_path(struct project *p, const struct str *keys, int n, struct err *err)
{
	struct project_field f = { .name = { NULL, 0 } };
	int node = 0;

	if (n >= JSON_DEPTH)
		return err_set(err, ERR_LIMIT, "a path of %d keys, %d is the most", n, JSON_DEPTH - 1);
	for (int i = 0; i < n; i++)
		node = child_of(p, node, keys[i]);
	for (int i = 0; i < p->fields; i++)
		if (!p->field[i].name.p && p->field[i].node[0] == node)
			return i;
	if (p->fields == PROJECT_MOST)
		return err_set(err, ERR_LIMIT, "more than %d fields, name fewer", PROJECT_MOST);
	place(&f, node);
	return add(p, f);
}

void
project_forget(struct project *p, int node)
{
	for (int i = p->node[node].child; i; i = p->node[i].next)
		if (p->node[i].row == p->row) {
			project_forget(p, i);
			p->node[i].row = 0;
		}
}

struct project_key *
project_find(struct project *p, int owner, const char *at, struct project_key **expect)
{
	struct json key = { .p = at, .type = JSON_STRING };
	const char *last, *colon;
	struct project_key *k = &p->long_key;
	int node;

	p->wrong = at;
	if (at == p->end || *at != '"' || !(last = json_string_end(at + 1, p->start, p->end, &key.escaped)))
		return NULL;
	key.n = (size_t)(last + 1 - at);
	p->wrong = colon = json_skip_blank(last + 1, p->end);
	if (colon == p->end || *colon != ':')
		return NULL;
	p->at = colon + 1;
	if (key.n < PROJECT_KEY) {
		unsigned place = project_place(at, key.n, owner), i;

		for (i = 0; i < PROJECT_PROBES; i++) {
			k = &p->keys[(place + i) % PROJECT_KEYS];
			if (k->owner == owner && k->len == key.n + 1 && memcmp(k->text, at, key.n) == 0)
				return *expect = k;
			if (k->owner < 0)
				break;
		}
		if (i == PROJECT_PROBES)
			k = &p->keys[place];    /* an older key has to go */
	}
	for (node = p->node[owner].child; node && !json_text_eq(key, p->node[node].key); node = p->node[node].next)
		;
	memset(k, 0, sizeof(*k));
	k->owner = owner;
	k->node = node;
	if (k != &p->long_key) {
		memcpy(k->text, at, key.n);
		k->text[key.n] = ':';
		k->len = (uint16_t)(key.n + 1);
		k->mask = ((uint64_t)1 << k->len) - 1;
		*expect = k;
	}
	return k;
}

int
project_row(struct project *p, struct str row, struct json *out, struct err *err)
{
	const char *from, *at;

	p->row++;
	p->start = row.p;
	p->end = row.p + row.n;
	from = p->wrong = json_skip_blank(p->start, p->end);
	if (from == p->end || *from != '{' || !(at = json_used->walk(p, 0, from)))
		goto wrong;
	p->node[0].value = (struct json){ .p = from, .n = (size_t)(at - from), .type = JSON_OBJECT };
	p->node[0].row = p->row;
	p->wrong = json_skip_blank(at, p->end);
	if (p->wrong < p->end)
		goto wrong;
	for (int i = 0; i < p->fields; i++) {
		const struct project_field *f = &p->field[i];

		out[i] = JSON_ABSENT;
		for (int k = 0; k < f->n; k++)
			if (p->node[f->node[k]].row == p->row) {
				out[i] = p->node[f->node[k]].value;
				break;
			}
	}
	return 0;
wrong:
	for (int i = 0; i < p->fields; i++)
		out[i] = JSON_ABSENT;
	if (p->wrong == p->end)
		return err_col(err, (long)row.n + 1, ERR_INPUT, "not a JSON object: it ends too early");
	return err_col(err, (long)(p->wrong - row.p) + 1, ERR_INPUT, "not a JSON object: wrong at column %ld",
	    (long)(p->wrong - row.p) + 1);
}
