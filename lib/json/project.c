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
	p->next_rest = 1024;
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

/* A field that is known by its name; -1: there is none. */
static int
find_field(const struct project *p, struct str name)
{
	for (int i = 0; i < p->fields; i++)
		if (p->field[i].name.p && str_eq(p->field[i].name, name))
			return i;
	return -1;
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
	int depth = 1, properties, known = find_field(p, name);

	if (known >= 0)
		return known;
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
project_first(struct project *p, struct str name, const struct project_place *places, int n, unsigned types, struct err *err)
{
	struct project_field f = { .name = name, .types = types };
	int known = find_field(p, name);

	if (known >= 0)
		return known;
	if (p->fields == PROJECT_MOST)
		return err_set(err, ERR_LIMIT, "more than %d fields, name fewer", PROJECT_MOST);
	for (int i = 0; i < n; i++) {
		int node = child_of(p, 0, places[i].key[0]);

		place(&f, places[i].key[1].p ? child_of(p, node, places[i].key[1]) : node);
	}
	f.name.p = mem_dup(name.p, name.n);
	p->firsts++;
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

/* ---- shapes */

/* The piece from `from` to a value, or (tail) to the row's end. 0: it is too long, or there are too many. */
static int
add_piece(struct project_shape *s, const char *start, size_t from, size_t before, size_t n)
{
	struct project_piece *piece = &s->piece[s->pieces];

	if (!n || n > PROJECT_PIECE || s->pieces == PROJECT_PIECES)
		return 0;
	memset(piece->text, 0, sizeof(piece->text));
	memcpy(piece->text, start + from, n);
	piece->mask = (uint32_t)(((uint64_t)1 << n) - 1);
	piece->n = (uint8_t)n;
	piece->before = (uint8_t)before;
	piece->is_text = n > before;
	piece->is_asked = 0;
	s->pieces++;
	return 1;
}

/* Where the piece to be added next begins. */
static void
place_piece(struct project_shape *s, unsigned quote, long by)
{
	if (s->pieces < PROJECT_PIECES)
		s->piece[s->pieces].quote = (uint16_t)quote, s->piece[s->pieces].by = (int16_t)by;
}

/* Did anybody ask for a key of that name, wherever? Then the walk looks at its value. The quotes around it are the one before and this. */
static int
is_asked(const struct project *p, unsigned quote)
{
	struct json key = { .type = JSON_STRING };

	key.p = p->start + p->index.quote[quote - 1];
	key.n = p->index.quote[quote] + 1u - p->index.quote[quote - 1];
	key.escaped = memchr(key.p, '\\', key.n) != NULL;
	for (int i = 1; i < p->nodes; i++)
		if (json_text_eq(key, p->node[i].key))
			return 1;
	return 0;
}

/* The pieces of a row that was walked and whose quotes are known. 0 when it cannot be told by them. */
static int
find_pieces(const struct project *p, struct project_shape *s)
{
	const struct project_index *x = &p->index;
	const char *start = p->start;
	size_t n = (size_t)(p->end - start), at = 0, from = 0;
	unsigned quote = 0;

	while (at < n) {
		char c = start[at];
		size_t then;

		if (c == '"') {
			if (quote + 1 >= x->quotes || x->quote[quote] != at)
				return 0;
			then = x->quote[quote + 1] + 1u;
			quote += 2;
			if (*json_skip_blank(start + then, p->end) != ':') {    /* else it is a key, and belongs to the piece */
				if (!add_piece(s, start, from, at - from, at + 1 - from))
					return 0;
				place_piece(s, quote - 1, 1);
				from = then;
			}
			at = then;
		} else if (c == '{' || c == '}' || c == ',' || c == ':' || json_is_blank(c)) {
			at++;
		} else {
			for (then = at; then < n && json_is_scalar(start[then]); then++)
				;
			if (then == at || (long)x->quote[quote] - (long)then > PROJECT_PIECE || s->scalars == PROJECT_PIECES)
				return 0;       /* a list, or what nobody looked at */
			s->scalar[s->scalars++] = (uint8_t)s->pieces;
			if (!add_piece(s, start, from, at - from, at - from))
				return 0;
			s->piece[s->pieces - 1].is_asked = quote < 2 || is_asked(p, quote - 1);
			place_piece(s, quote, (long)then - (long)x->quote[quote]);
			from = at = then;
		}
	}
	return quote == x->quotes && add_piece(s, start, from, n - from, n - from);
}

/* Does the row at hand have the field in several places? Which of them is meant is for their values to say. */
static int
is_ambiguous(const struct project *p, const struct project_field *f)
{
	int there = 0;

	for (int k = 0; k < f->n && f->types; k++)
		there += p->node[f->node[k]].row == p->row;
	return there > 1;
}

/* The shape of the row at hand, whose values these are. */
static void
learn(struct project *p, struct project_shape *s, const struct json *out)
{
	memset(s, 0, offsetof(struct project_shape, piece));
	s->quotes = p->index.quotes;
	s->fields = p->fields;
	if (!find_pieces(p, s))
		goto none;
	for (int i = 0; i < p->fields; i++) {
		size_t place = 0;
		int k;

		s->value[i] = -1;
		if (is_ambiguous(p, &p->field[i]))
			goto none;
		if (out[i].type == JSON_NONE)
			continue;
		for (k = 0; k < s->pieces - 1; k++) {
			place = (k ? (size_t)(p->index.quote[s->piece[k].quote] + s->piece[k].by) : 0) + s->piece[k].before;
			if (place == (size_t)(out[i].p - p->start))
				break;
		}
		if (k == s->pieces - 1)         /* an object or a list */
			goto none;
		s->value[i] = (int8_t)k;
	}
	return;
none:
	s->pieces = 0;
}

/* ---- rows */

static inline int
counts(const struct project_field *f, struct json v)
{
	return f->types >> v.type & 1 && (v.type != JSON_STRING || v.n > 2);
}

/* Of project_first's fields, take what does not count. */
static void
drop_others(const struct project *p, struct json *out)
{
	for (int i = 0; i < p->fields; i++)
		if (p->field[i].types && !counts(&p->field[i], out[i]))
			out[i] = JSON_ABSENT;
}

int
project_row(struct project *p, struct str row, struct json *out, struct err *err)
{
	const char *from, *at;

	p->row++;
	p->start = row.p;
	p->end = row.p + row.n;
	p->learn = NULL;
	if (p->rest)
		p->rest--;
	else if (json_used->by_shape && json_used->by_shape(p, out)) {
		if (p->firsts)
			drop_others(p, out);
		return 0;
	}
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
				if (!f->types || counts(f, out[i]))
					break;
			}
	}
	if (p->learn)
		learn(p, p->learn, out);
	if (p->firsts)
		drop_others(p, out);
	return 0;
wrong:
	for (int i = 0; i < p->fields; i++)
		out[i] = JSON_ABSENT;
	if (p->wrong == p->end)
		return err_col(err, (long)row.n + 1, ERR_INPUT, "not a JSON object: it ends too early");
	return err_col(err, (long)(p->wrong - row.p) + 1, ERR_INPUT, "not a JSON object: wrong at column %ld",
	    (long)(p->wrong - row.p) + 1);
}
