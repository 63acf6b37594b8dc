#include "store/shapes.h"

#include <stdlib.h>

#include "base/mem.h"
#include "codec/varint.h"
#include "json/json.h"

#define VALUES_MOST (1ULL << 28)        /* of all rows together, in what is read: each is several bytes of a row as it came */
#define TRIES 16        /* children that are compared before the next keys are read one by one */

/* ---- writing */

void
shapes_release(struct shapes *s)
{
	free(s->path);
	free(s->edge);
	free(s->shape);
	free(s->found);
	map_release(&s->paths);
	map_release(&s->literals);
	map_release(&s->edges);
	buf_release(&s->scratch);
	*s = (struct shapes){ 0 };
}

void
shapes_clear(struct shapes *s)
{
	s->n_paths = s->n_edges = s->n_shapes = s->n_leaves = s->n_pieces = 0;
	s->raw = SHAPES_NONE;
	map_clear(&s->paths);
	map_clear(&s->literals);
	map_clear(&s->edges);
}

/* The path of a key: found, or made; SHAPES_NONE where it is new and there are enough. */
static uint32_t
add_path(struct shapes *s, uint32_t parent, struct str key)
{
	struct map_entry *e;
	int is_new;

	buf_clear(&s->scratch);
	buf_add(&s->scratch, &parent, sizeof(parent));
	buf_str(&s->scratch, key);
	if (s->n_leaves >= SHAPES_LEAVES_MOST && !map_find(&s->paths, buf_get(&s->scratch)))
		return SHAPES_NONE;
	e = map_put(&s->paths, buf_get(&s->scratch), &is_new);
	if (is_new) {
		if (s->n_paths == s->paths_cap)
			s->path = mem_grow(s->path, s->paths_cap = s->paths_cap ? s->paths_cap * 2 : 64, sizeof(*s->path));
		s->path[s->n_paths] = (struct shapes_path){ .parent = parent, .leaf = SHAPES_NONE,
			.key = { e->key.p + sizeof(parent), e->key.n - sizeof(parent) } };
		e->bits = s->n_paths++;
	}
	return (uint32_t)e->bits;
}

/* The edge from `parent` with that literal: found, or made. opens: how many objects the literal opens. */
static uint32_t
add_edge(struct shapes *s, uint32_t parent, struct str literal, int is_end, uint32_t path, int opens, int depth)
{
	struct map_entry *l = map_put(&s->literals, literal, NULL), *e;
	struct shapes_edge *edge;
	uint32_t key[3] = { parent, 0, 0 };
	int is_new;

	if (!l->bits)
		l->bits = s->literals.n;
	key[1] = (uint32_t)l->bits;
	key[2] = (uint32_t)is_end;
	e = map_put(&s->edges, (struct str){ (char *)key, sizeof(key) }, &is_new);
	if (!is_new)
		return (uint32_t)e->bits;
	if (s->n_edges == s->edges_cap)
		s->edge = mem_grow(s->edge, s->edges_cap = s->edges_cap ? s->edges_cap * 2 : 64, sizeof(*s->edge));
	edge = &s->edge[s->n_edges];
	*edge = (struct shapes_edge){ .parent = parent, .next = s->edge[parent].child, .literal = (uint32_t)l->bits - 1, .path = path,
		.shape = SHAPES_NONE, .leaves = s->edge[parent].leaves + !is_end, .len = (uint32_t)l->key.n, .text = l->key.p, .is_end = (uint8_t)is_end,
		.opens = (uint8_t)opens, .depth = (uint8_t)depth };
	memcpy(edge->head, l->key.p, l->key.n < 16 ? l->key.n : 16);
	memset(edge->mask, 0xff, l->key.n < 16 ? l->key.n : 16);
	if (!is_end && s->path[path].leaf == SHAPES_NONE)
		s->path[path].leaf = (uint32_t)s->n_leaves++;
	s->edge[parent].child = (uint32_t)s->n_edges;
	e->bits = s->n_edges;
	return (uint32_t)s->n_edges++;
}

static void
add_found(struct shapes *s, uint32_t leaf, struct str token)
{
	if (s->n_found == s->found_cap)
		s->found = mem_grow(s->found, s->found_cap = s->found_cap ? s->found_cap * 2 : 64, sizeof(*s->found));
	s->found[s->n_found++] = (struct values_token){ .column = leaf, .token = token };
}

/* Does a path come twice on the way to this edge? */
static int
has_twice(struct shapes *s, uint32_t edge)
{
	s->stamp++;
	for (; edge; edge = s->edge[edge].parent) {
		uint32_t path = s->edge[edge].path;

		for (int up = 0; up <= s->edge[edge].opens; up++, path = s->path[path].parent) {
			if (path == 0)
				break;
			if (s->path[path].seen == s->stamp)
				return 1;
			s->path[path].seen = s->stamp;
		}
	}
	return 0;
}

static uint32_t
end_shape(struct shapes *s, uint32_t edge, struct str row, int is_raw)
{
	struct shapes_edge *e = &s->edge[edge];

	if (e->shape == SHAPES_NONE) {
		if (s->n_shapes == s->shapes_cap)
			s->shape = mem_grow(s->shape, s->shapes_cap = s->shapes_cap ? s->shapes_cap * 2 : 64, sizeof(*s->shape));
		e->shape = (uint32_t)s->n_shapes++;
		s->shape[e->shape] = (struct shapes_one){ .edge = edge, .sample = row, .raw = !is_raw && has_twice(s, edge) };
		s->n_pieces += e->leaves;
	}
	return e->shape;
}

/* The row as it stands. */
static uint32_t
as_it_stands(struct shapes *s, struct str row)
{
	uint32_t leaf = add_edge(s, 0, (struct str){ "", 0 }, 0, 0, 0, 0);
	uint32_t end = add_edge(s, leaf, (struct str){ "", 0 }, 1, 0, 0, 0);

	s->raw = end_shape(s, end, row, 1);
	s->n_found = 0;
	add_found(s, s->path[0].leaf, row);
	s->shape[s->raw].rows++;
	return s->raw;
}

/* Behind the string that begins at p (a quote), or NULL. */
static inline const char *
string_end(const char *p, const char *end)
{
	const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;

	for (p++; p < end; ) {
		while (end - p >= 8) {
			uint64_t w, quote, back, hit;

			memcpy(&w, p, 8);
			quote = w ^ ones * '"';
			back = w ^ ones * '\\';
			hit = (((quote - ones) & ~quote) | ((back - ones) & ~back)) & highs;
			if (hit) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
				p += __builtin_ctzll(hit) >> 3;         /* the lowest hit is always a true one */
#endif
				break;
			}
			p += 8;
		}
		for (int i = 0; i < 8 && p < end; i++) {
			if (*p == '"')
				return p + 1;
			if (*p == '\\') {
				p += 2;
				break;
			}
			p++;
		}
	}
	return NULL;
}

/* Behind the value at p, or NULL. Not checked whether it is one: it is kept as it stands. */
static const char *
value_end(const char *p, const char *end)
{
	int depth = 0;

	if (p < end && *p == '"')
		return string_end(p, end);
	if (p < end && *p != '{' && *p != '[') {
		const char *from = p;

		while (p < end && *p != ',' && *p != '}' && *p != ']' && *p != '"' && *p != '{' && *p != '[' && *p != ':')
			p++;
		return p > from ? p : NULL;
	}
	while (p < end)
		switch (*p) {
		case '"':
			if (!(p = string_end(p, end)))
				return NULL;
			break;
		case '{': case '[':
			depth++;
			p++;
			break;
		case '}': case ']':
			p++;
			if (--depth == 0)
				return p;
			break;
		default:
			p++;
		}
	return NULL;
}

/* The literal from `from` on, one key after the other: up to the next leaf, or to the end of the row. The edge, or SHAPES_NONE. */
static uint32_t
read_literal(struct shapes *s, uint32_t at, const char *from, const char *end)
{
	const char *p = from;
	uint32_t object = at ? s->path[s->edge[at].path].parent : 0;
	int depth = s->edge[at].depth, opens = 0;

	if (at == 0) {
		if (p == end || *p++ != '{')
			return SHAPES_NONE;
		depth = 1;
		if (p < end && *p == '}')
			goto close;
	} else if (p < end && *p == ',') {
		p++;
	} else {
close:          for (; p < end && *p == '}' && depth; p++)
			depth--, object = s->path[object].parent;
		if (depth == 0)
			return p == end ? add_edge(s, at, (struct str){ from, (size_t)(p - from) }, 1, 0, 0, 0) : SHAPES_NONE;
		if (p == end || *p++ != ',')
			return SHAPES_NONE;
	}
	for (;;) {
		const char *key = p;
		struct json name;
		struct buf text = { 0 };

		if (p == end || *p != '"' || !(p = string_end(p, end)) || p >= end || *p != ':')
			return SHAPES_NONE;
		name = (struct json){ key, (size_t)(p - key), JSON_STRING, memchr(key, '\\', (size_t)(p - key)) != NULL };
		object = add_path(s, object, json_text(name, &text));
		buf_release(&text);
		if (object == SHAPES_NONE)
			return SHAPES_NONE;
		if (++p == end || *p != '{' || p + 1 == end || p[1] == '}' || depth == SHAPES_DEPTH)
			break;
		depth++;
		opens++;
		p++;
	}
	if (s->path[object].leaf == SHAPES_NONE && s->n_leaves >= SHAPES_LEAVES_MOST)
		return SHAPES_NONE;
	return add_edge(s, at, (struct str){ from, (size_t)(p - from) }, 0, object, opens, depth);
}

/* Is this edge what comes at p? The value behind it must be a leaf for it: no object that would be opened. */
static inline int
matches(const struct shapes_edge *e, const char *p, const char *end)
{
	size_t room = (size_t)(end - p);
	uint64_t head[2];

	if (e->len > room)
		return 0;
	if (room >= 16) {
		memcpy(head, p, 16);
		if ((((head[0] & e->mask[0]) ^ e->head[0]) | ((head[1] & e->mask[1]) ^ e->head[1])) != 0 ||
		    (e->len > 16 && memcmp(p + 16, e->text + 16, e->len - 16) != 0))
			return 0;
	} else if (memcmp(p, e->text, e->len) != 0) {
		return 0;
	}
	p += e->len;
	if (e->depth == 0)
		return p == end && e->len;
	return end - p < 2 || *p != '{' || p[1] == '}' || e->depth == SHAPES_DEPTH;
}

/* The root, of edges and of paths. */
static void
begin(struct shapes *s)
{
	if (!s->edge) {
		s->edge = mem_grow(NULL, s->edges_cap = 64, sizeof(*s->edge));
		s->path = mem_grow(NULL, s->paths_cap = 64, sizeof(*s->path));
	}
	s->edge[0] = (struct shapes_edge){ .shape = SHAPES_NONE };
	s->path[0] = (struct shapes_path){ .leaf = SHAPES_NONE };
	s->n_edges = s->n_paths = 1;
	s->raw = SHAPES_NONE;
}

uint32_t
shapes_row(struct shapes *s, struct str row)
{
	const char *p = row.p, *end = p + row.n, *last;
	uint32_t at = 0, child, shape;

	if (s->n_edges == 0)
		begin(s);
	s->n_found = 0;
	for (;;) {
		struct shapes_edge *e = &s->edge[at];
		uint32_t before = 0;
		int tries = TRIES;

		child = e->child;
		while (child && tries && !matches(&s->edge[child], p, end)) {
			before = child;
			child = s->edge[child].next;
			tries--;
		}
		if (!child || !tries) {
			if (s->n_edges >= SHAPES_EDGES_MOST || s->n_pieces >= SHAPES_PIECES_MOST / 2 ||
			    (child = read_literal(s, at, p, end)) == SHAPES_NONE)
				return as_it_stands(s, row);
		} else if (tries < TRIES - 1) {         /* what came lately comes again */
			s->edge[before].next = s->edge[child].next;
			s->edge[child].next = e->child;
			e->child = child;
		}
		e = &s->edge[child];
		p += e->len;
		if (e->depth == 0)
			break;
		if (!(last = value_end(p, end)))
			return as_it_stands(s, row);
		add_found(s, s->path[e->path].leaf, (struct str){ p, (size_t)(last - p) });
		p = last;
		at = child;
	}
	shape = end_shape(s, child, row, 0);
	if (s->shape[shape].raw)
		return as_it_stands(s, row);
	s->shape[shape].rows++;
	return shape;
}

void
shapes_put(const struct shapes *s, struct buf *b)
{
	struct str *literal = mem_grow(NULL, s->literals.n + 1, sizeof(*literal));

	varint_put(b, s->n_paths - 1);
	for (size_t i = 1; i < s->n_paths; i++) {
		varint_put(b, s->path[i].parent);
		varint_put_str(b, s->path[i].key);
	}
	for (struct map_entry *e = map_first(&s->literals); e; e = map_next(&s->literals, e))
		literal[e->bits - 1] = e->key;
	varint_put(b, s->literals.n);
	for (size_t i = 0; i < s->literals.n; i++)
		varint_put_str(b, literal[i]);
	varint_put(b, s->n_edges - 1);
	for (size_t i = 1; i < s->n_edges; i++) {
		varint_put(b, i - s->edge[i].parent);
		varint_put(b, s->edge[i].literal);
		varint_put(b, s->edge[i].is_end ? 0 : s->edge[i].path + 1);
	}
	for (size_t i = 1; i < s->n_edges; i++)         /* an end whose row was taken as it stands has no rows */
		if (s->edge[i].is_end)
			varint_put(b, s->edge[i].shape == SHAPES_NONE ? 0 : s->shape[s->edge[i].shape].rows);
	free(literal);
}

/* ---- reading */

static int
damaged(struct err *err)
{
	return err_set(err, ERR_CORRUPT, "damaged chunk: its shapes cannot be");
}

void
shapes_read_release(struct shapes_read *r)
{
	free(r->path);
	free(r->shape);
	free(r->piece);
	free(r->leaf_path);
	free(r->leaf_rows);
	*r = (struct shapes_read){ 0 };
}

struct edge { uint32_t parent, leaves, leaf; struct str literal; int is_end; };

static int
take_edges(struct shapes_read *r, struct str *rest, const struct str *literal, size_t n_literals, struct edge *edge, size_t n)
{
	uint64_t up, which, path;

	for (size_t i = 1; i <= n; i++) {
		const struct edge *parent;

		if (varint_take(rest, &up) || varint_take(rest, &which) || varint_take(rest, &path) || up == 0 || up > i ||
		    which >= n_literals || path > r->n_paths)
			return -1;
		parent = &edge[i - up];
		if (parent->is_end)
			return -1;
		edge[i] = (struct edge){ .parent = (uint32_t)(i - up), .literal = literal[which], .is_end = path == 0,
			.leaves = parent->leaves + (path != 0) };
		if (path == 0) {
			r->n_shapes++;
			continue;
		}
		if (r->path[path - 1].leaf == SHAPES_NONE) {
			r->path[path - 1].leaf = (uint32_t)r->n_leaves;
			r->leaf_path[r->n_leaves++] = (uint32_t)path - 1;
		}
		edge[i].leaf = r->path[path - 1].leaf;
	}
	return 0;
}

int
shapes_take(struct shapes_read *r, struct str *rest, uint64_t rows, struct err *err)
{
	uint64_t n, len;
	struct str *literal = NULL;
	struct edge *edge = NULL;
	size_t n_literals, n_edges, at = 0, shape = 0;
	uint64_t sum = 0, values = 0;
	int rc = ERR_CORRUPT;

	shapes_read_release(r);
	if (varint_take(rest, &n) || n > rest->n)
		goto out;
	r->path = mem_grow(NULL, n + 1, sizeof(*r->path));
	r->leaf_path = mem_grow(NULL, n + 1, sizeof(*r->leaf_path));
	r->path[0] = (struct shapes_path){ .leaf = SHAPES_NONE };
	for (r->n_paths = 1; r->n_paths <= n; r->n_paths++) {
		struct shapes_path *p = &r->path[r->n_paths];

		*p = (struct shapes_path){ .leaf = SHAPES_NONE };
		if (varint_take(rest, &len) || len >= r->n_paths || varint_take_str(rest, &p->key))
			goto out;
		p->parent = (uint32_t)len;
	}
	if (varint_take(rest, &n) || n > rest->n)
		goto out;
	n_literals = n;
	literal = mem_grow(NULL, n + 1, sizeof(*literal));
	for (size_t i = 0; i < n_literals; i++)
		if (varint_take_str(rest, &literal[i]))
			goto out;
	if (varint_take(rest, &n) || n > rest->n)
		goto out;
	n_edges = n;
	edge = mem_grow(NULL, n + 1, sizeof(*edge));
	edge[0] = (struct edge){ 0 };
	if (take_edges(r, rest, literal, n_literals, edge, n_edges))
		goto out;
	r->shape = mem_grow(NULL, r->n_shapes + 1, sizeof(*r->shape));
	r->leaf_rows = mem_new((r->n_leaves + 1) * sizeof(*r->leaf_rows));
	for (size_t i = 1; i <= n_edges; i++) {
		if (!edge[i].is_end)
			continue;
		if (varint_take(rest, &n) || n > rows - sum || (edge[i].leaves && n > (VALUES_MOST - values) / edge[i].leaves))
			goto out;
		sum += n;
		values += n * edge[i].leaves;
		r->shape[shape] = (struct shape){ .first = (uint32_t)at, .n = n ? edge[i].leaves : 0, .end = edge[i].literal, .rows = n };
		at += r->shape[shape++].n;
		if (at > SHAPES_PIECES_MOST)
			goto out;
	}
	if (sum != rows)
		goto out;
	r->n_pieces = at;
	r->piece = mem_grow(NULL, at + 1, sizeof(*r->piece));
	shape = 0;
	for (size_t i = 1; i <= n_edges; i++) {
		const struct shape *one;

		if (!edge[i].is_end)
			continue;
		one = &r->shape[shape++];
		at = one->first + one->n;
		for (uint32_t up = edge[i].parent; one->rows && up; up = edge[up].parent) {
			r->piece[--at] = (struct shapes_piece){ edge[up].literal, edge[up].leaf };
			if ((r->leaf_rows[edge[up].leaf] += one->rows) > rows)
				goto out;       /* a leaf twice in a shape */
		}
	}
	rc = 0;
out:
	free(literal);
	free(edge);
	return rc ? damaged(err) : 0;
}
