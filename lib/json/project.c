#include "json/project.h"

#include <stdlib.h>

#include "base/mem.h"
#include "json/json_priv.h"

/* The keys that are asked for, as a tree: the root is the row, each other node a key of the object above it. */
struct node {
	struct str key;
	int parent, child, next;        /* first child and next sibling, 0 for none (the root is nobody's child) */
	struct json value;              /* of the current row */
};

/* Where a field may be found, the best first. */
struct field {
	struct str name;                /* of a field; {NULL,0} for a path */
	int node[4], n;
};

struct project {
	struct node *node;
	struct field *field;
	int nodes, fields;
	struct buf scratch;
};

struct project *
project_new(void)
{
	struct project *p = mem_new(sizeof(*p));

	p->node = mem_new(sizeof(*p->node));
	p->nodes = 1;
	return p;
}

void
project_free(struct project *p)
{
	if (!p)
		return;
	for (int i = 1; i < p->nodes; i++)
		free((char *)p->node[i].key.p);
	for (int i = 0; i < p->fields; i++)
		free((char *)p->field[i].name.p);
	free(p->node);
	free(p->field);
	buf_release(&p->scratch);
	free(p);
}

int
project_count(const struct project *p)
{
	return p->fields;
}

/* The child of a node with that key, made when there is none. */
static int
child_of(struct project *p, int node, struct str key)
{
	int i;

	for (i = p->node[node].child; i; i = p->node[i].next)
		if (str_eq(p->node[i].key, key))
			return i;
	p->node = mem_grow(p->node, (size_t)p->nodes + 1, sizeof(*p->node));
	p->node[p->nodes] = (struct node){ .key = { mem_dup(key.p, key.n), key.n }, .parent = node, .next = p->node[node].child };
	return p->node[node].child = p->nodes++;
}

static int
descend(struct project *p, int node, struct str dotted)
{
	struct str key;

	while (str_cut(&dotted, '.', &key))
		node = child_of(p, node, key);
	return node;
}

static int
add(struct project *p, struct field f)
{
	p->field = mem_grow(p->field, (size_t)p->fields + 1, sizeof(*p->field));
	p->field[p->fields] = f;
	return p->fields++;
}

int
project_field(struct project *p, struct str name, struct err *err)
{
	struct field f = { .name = name };
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
	f.node[f.n++] = child_of(p, 0, name);
	f.node[f.n++] = child_of(p, properties, name);
	if (depth > 1) {
		f.node[f.n++] = descend(p, 0, name);
		f.node[f.n++] = descend(p, properties, name);
	}
	f.name.p = mem_dup(name.p, name.n);
	return add(p, f);
}

int
project_path(struct project *p, const struct str *keys, int n, struct err *err)
{
	struct field f = { .n = 1 };

	for (int i = 0; i < n; i++)
		f.node[0] = child_of(p, f.node[0], keys[i]);
	for (int i = 0; i < p->fields; i++)
		if (!p->field[i].name.p && p->field[i].node[0] == f.node[0])
			return i;
	if (p->fields == PROJECT_MOST)
		return err_set(err, ERR_LIMIT, "more than %d fields, name fewer", PROJECT_MOST);
	if (n >= JSON_DEPTH)
		return err_set(err, ERR_LIMIT, "a path of %d keys, %d is the most", n, JSON_DEPTH - 1);
	return add(p, f);
}

/* Forget what an earlier one of duplicate keys had. */
static void
forget(struct project *p, int node)
{
	for (int i = p->node[node].child; i; i = p->node[i].next) {
		if (p->node[i].value.type)
			forget(p, i);
		p->node[i].value = JSON_ABSENT;
	}
}

/* Take what is asked for out of an object. NULL, or the first wrong byte. */
static const char *
walk(struct project *p, int node, struct json object)
{
	struct json_iter it = json_iter(object);
	const char *wrong;
	int i;

	p->node[node].value = object;
	forget(p, node);
	while (json_next(&it)) {
		for (i = p->node[node].child; i && !json_text_eq(it.key, p->node[i].key); i = p->node[i].next)
			;
		if (!i)
			continue;
		if (p->node[i].child && it.value.type == JSON_OBJECT) {
			if ((wrong = walk(p, i, it.value)))
				return wrong;
		} else {
			forget(p, i);
			p->node[i].value = it.value;
		}
	}
	return it.fault ? it.p : NULL;
}

int
project_row(struct project *p, struct str row, struct json *out, struct err *err)
{
	struct json object = json_value(row);
	const char *wrong = row.p;

	if (object.type != JSON_OBJECT || (wrong = walk(p, 0, object))) {
		for (int i = 0; i < p->fields; i++)
			out[i] = JSON_ABSENT;
		return err_col(err, (long)(wrong - row.p) + 1, ERR_INPUT, object.type != JSON_OBJECT ?
		    "not one JSON object" : "not valid JSON at column %ld", (long)(wrong - row.p) + 1);
	}
	for (int i = 0; i < p->fields; i++) {
		const struct field *f = &p->field[i];

		out[i] = JSON_ABSENT;
		for (int k = 0; k < f->n && !out[i].type; k++)
			out[i] = p->node[f->node[k]].value;
	}
	return 0;
}
