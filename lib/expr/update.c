/* Changing a value at paths: `=`, `|=`, `+=` and its kin, `del`. The paths are found on the value as it was, then one after
 * the other is changed in the result, as jq does it.
 *
 * Containers are copied when they are first changed. Those that lie above both this path and the one before are ours
 * already, so `.items[] |= f` over n items copies n of them, not n * n. */
#include "expr/expr_priv.h"

#include <limits.h>
#include <stdlib.h>

typedef int (*path_emit)(void *to, struct expr_run *, const struct expr_value *path, const struct expr_value *at);

/* ---- which paths */

int
expr_is_path(const struct expr_node *x)
{
	switch (x->op) {
	case EXPR_DOT:
	case EXPR_PATH:
	case EXPR_RECURSE:
		return 1;
	case EXPR_INDEX:
		return expr_is_path(x->kid[1]);
	case EXPR_EACH:
		return expr_is_path(x->kid[0]);
	case EXPR_COMMA:
	case EXPR_PIPE:
		for (int i = 0; i < x->n; i++)
			if (!expr_is_path(x->kid[i]))
				return 0;
		return 1;
	case EXPR_SELECT:
		return !x->kid[0]->many;
	case EXPR_IF:
		return !x->kid[0]->many && expr_is_path(x->kid[1]) && expr_is_path(x->kid[2]);
	default:
		return 0;
	}
}

static int
append(struct expr_run *run, const struct expr_value *path, const struct expr_value *key, struct expr_value *out)
{
	struct expr_value *keys = expr_get(run, (path->n + 1) * sizeof(*keys));

	if (!keys)
		return ERR_LIMIT;
	if (path->n)
		memcpy(keys, path->items, path->n * sizeof(*keys));
	keys[path->n] = *key;
	*out = expr_of_items(keys, path->n + 1);
	return expr_charge(run, path->n + 1);
}

static int
step(struct expr_run *run, const struct expr_value *path, const struct expr_value *at, const struct expr_value *key,
    int optional, path_emit emit, void *to)
{
	struct expr_value more, next;
	int rc = expr_index(run, at, key, &next);

	if (rc < 0)
		return rc == ERR_INPUT && optional ? 0 : rc;
	return append(run, path, key, &more) < 0 ? ERR_LIMIT : emit(to, run, &more, &next);
}

static int
each(struct expr_run *run, const struct expr_value *path, const struct expr_value *at, int optional, path_emit emit, void *to)
{
	struct expr_value *items, key, more;
	struct expr_member *m = NULL;
	size_t n;
	int rc;

	if (optional && at->type != JSON_ARRAY && at->type != JSON_OBJECT)
		return 0;
	if ((rc = expr_iterate(run, at, &items, &n)) < 0 || (at->type == JSON_OBJECT && (rc = expr_members(run, at, &m, &n)) < 0))
		return rc;
	for (size_t i = 0; i < n; i++) {
		key = m ? m[i].key : expr_of_number((double)i);
		if (append(run, path, &key, &more) < 0)
			return ERR_LIMIT;
		if ((rc = emit(to, run, &more, &items[i])) != 0)
			return rc;
	}
	return 0;
}

struct then {
	const struct expr_node *x;
	const struct expr_value *path, *at;
	struct expr_value key;
	path_emit emit;
	void *to;
	int depth;
};

static int paths(struct expr_run *, const struct expr_node *, const struct expr_value *path, const struct expr_value *at,
    path_emit, void *to);

static int
then_index(void *to, struct expr_run *run, const struct expr_value *path, const struct expr_value *at)
{
	struct then *t = to;

	return step(run, path, at, &t->key, t->x->optional, t->emit, t->to);
}

static int
then_key(void *to, struct expr_run *run, const struct expr_value *key)
{
	struct then *t = to;

	t->key = *key;
	return paths(run, t->x->kid[1], t->path, t->at, then_index, t);
}

static int
then_each(void *to, struct expr_run *run, const struct expr_value *path, const struct expr_value *at)
{
	struct then *t = to;

	return each(run, path, at, t->x->optional, t->emit, t->to);
}

static int
then_pipe(void *to, struct expr_run *run, const struct expr_value *path, const struct expr_value *at)
{
	struct then *t = to;

	return paths(run, t->x->kid[1], path, at, t->emit, t->to);
}

static int
then_recurse(void *to, struct expr_run *run, const struct expr_value *path, const struct expr_value *at)
{
	struct then *t = to, deeper = { .emit = t->emit, .to = t->to, .depth = t->depth + 1 };
	int rc = t->emit(t->to, run, path, at);

	if (t->depth > EXPR_DEEP)
		return expr_limit(run, "nesting");
	return rc ? rc : each(run, path, at, 1, then_recurse, &deeper);
}

static int
paths(struct expr_run *run, const struct expr_node *x, const struct expr_value *path, const struct expr_value *at,
    path_emit emit, void *to)
{
	struct then t = { .x = x, .emit = emit, .to = to };
	struct expr_value v, p, key;
	int rc;

	if ((rc = expr_charge(run, 1)) < 0)
		return rc;
	switch (x->op) {
	case EXPR_DOT:
		return emit(to, run, path, at);
	case EXPR_PATH:
		p = *path, v = *at;
		for (int i = 0; i < x->nkeys; i++) {
			key = expr_of_text(x->keys[i]);
			if ((rc = expr_index(run, &v, &key, &v)) < 0 || (rc = append(run, &p, &key, &p)) < 0)
				return rc;
		}
		return emit(to, run, &p, &v);
	case EXPR_INDEX:
		t.path = path, t.at = at;
		return expr_eval(run, x->kid[0], at, then_key, &t);
	case EXPR_EACH:
		return paths(run, x->kid[0], path, at, then_each, &t);
	case EXPR_PIPE:
		return paths(run, x->kid[0], path, at, then_pipe, &t);
	case EXPR_COMMA:
		for (int i = 0; i < x->n; i++)
			if ((rc = paths(run, x->kid[i], path, at, emit, to)) != 0)
				return rc;
		return 0;
	case EXPR_SELECT:
		if ((rc = expr_eval_one(run, x->kid[0], at, &v)) <= 0)
			return rc;
		return expr_true(&v) ? emit(to, run, path, at) : 0;
	case EXPR_IF:
		if ((rc = expr_eval_one(run, x->kid[0], at, &v)) <= 0)
			return rc;
		return paths(run, x->kid[expr_true(&v) ? 1 : 2], path, at, emit, to);
	default:                /* EXPR_RECURSE */
		return then_recurse(&t, run, path, at);
	}
}

/* ---- changing */

struct update {
	const struct expr_node *x;
	const struct expr_value *value; /* of the right side; NULL for |= */
	struct expr_value state;        /* the result so far */
	struct expr_value last;         /* the path before */
	int changed;                    /* last is one */
};

/* The number of keys that this path and the one before begin with in common; -1 when nothing was changed before. */
static int
common(struct expr_run *run, const struct update *u, const struct expr_value *path, int *n)
{
	int same = 1, rc;

	*n = u->changed ? 0 : -1;
	if (!u->changed)
		return 0;
	for (size_t i = 0; i < path->n && i < u->last.n; i++) {
		if ((rc = expr_equal(run, &path->items[i], &u->last.items[i], &same)) < 0)
			return rc;
		if (!same)
			break;
		++*n;
	}
	return 0;
}

/* What a cast to int gives where jq runs. */
static int
as_int(const struct expr_value *key)
{
	double d = expr_number(key);

	return d >= INT_MIN && d <= INT_MAX ? (int)d : INT_MIN;
}

static int
own_list(struct expr_run *run, struct expr_value *v, size_t n)   /* a copy with room for n items, null where new */
{
	struct expr_value *items = NULL, *mine;
	size_t have = 0;
	int rc = v->type == JSON_NULL ? 0 : expr_items(run, v, &items, &have);

	if (rc < 0)
		return rc;
	n = n > have ? n : have;
	if (!(mine = expr_get(run, n * sizeof(*mine))))
		return ERR_LIMIT;
	if (have)
		memcpy(mine, items, have * sizeof(*mine));
	for (size_t i = have; i < n; i++)
		mine[i] = expr_of_type(JSON_NULL);
	*v = expr_of_items(mine, n);
	return expr_charge(run, n / 4);
}

static int
own_map(struct expr_run *run, struct expr_value *v, size_t more)
{
	struct expr_member *m = NULL, *mine;
	size_t have = 0;
	int rc = v->type == JSON_NULL ? 0 : expr_members(run, v, &m, &have);

	if (rc < 0)
		return rc;
	if (!(mine = expr_get(run, (have + more) * sizeof(*mine))))
		return ERR_LIMIT;
	if (have)
		memcpy(mine, m, have * sizeof(*mine));
	*v = expr_of_members(mine, have);
	return expr_charge(run, have / 4);
}

static int
find_key(struct expr_run *run, const struct expr_value *map, const struct expr_value *key, size_t *at)
{
	int same = 0, rc;

	for (*at = 0; *at < map->n; ++*at)
		if ((rc = expr_equal(run, &map->members[*at].key, key, &same)) < 0 || same)
			return rc;
	return 0;
}

/* The place of a path in the state, made where it is not there; containers down to depth `ours` may be written to. */
static int
reach(struct expr_run *run, struct expr_value *state, const struct expr_value *path, int ours, struct expr_value **place)
{
	struct expr_value *at = state, ignored;
	int rc;

	for (size_t d = 0; d < path->n; d++) {
		const struct expr_value *key = &path->items[d];
		int mine = (int)d <= ours;

		if ((rc = expr_index(run, at, key, &ignored)) < 0)      /* what cannot be read cannot be written: its words */
			return rc;
		if (key->type == JSON_STRING) {
			size_t i;

			if (!(mine && at->form == EXPR_MAP && at->type == JSON_OBJECT) && (rc = own_map(run, at, 1)) < 0)
				return rc;
			if ((rc = find_key(run, at, key, &i)) < 0)
				return rc;
			if (i == at->n) {
				if (mine && (rc = own_map(run, at, 1)) < 0)
					return rc;
				at->members[at->n++] = (struct expr_member){ *key, expr_of_type(JSON_NULL) };
			}
			at = &at->members[i].value;
		} else if (key->type == JSON_NUMBER) {
			struct expr_value *items;
			size_t n = 0;
			int64_t i = as_int(key);

			if (at->type == JSON_ARRAY && (rc = expr_items(run, at, &items, &n)) < 0)
				return rc;
			if (i < 0)
				i += (int64_t)n;
			if (i < 0)
				return expr_raise(run, "Out of bounds negative array index");
			if ((!(mine && at->form == EXPR_LIST && at->type == JSON_ARRAY) || (size_t)i >= n)
			    && (rc = own_list(run, at, (size_t)i + 1)) < 0)
				return rc;
			at = &at->items[i];
			if (expr_number(key) != (double)as_int(key))    /* .[1.5] reads as null and is written at 1 */
				*at = expr_of_type(JSON_NULL);
		} else {
			return expr_raise(run, "Cannot update field at %s index of %s", expr_kind(key), expr_kind(at));
		}
	}
	*place = at;
	return 0;
}

/* The value at a path of the state; null where there is none. */
static int
look(struct expr_run *run, const struct expr_value *state, const struct expr_value *path, size_t n, struct expr_value *out)
{
	int rc;

	*out = *state;
	for (size_t i = 0; i < n; i++)
		if ((rc = expr_index(run, out, &path->items[i], out)) < 0)
			return rc;
	return 0;
}

static int
remove_at(struct expr_run *run, struct update *u, const struct expr_value *path)
{
	struct expr_value holder, *at, up = *path;
	const struct expr_value *key;
	int rc, ours;

	if (path->n == 0) {
		u->state = expr_of_type(JSON_NULL);
		u->changed = 0;
		return 0;
	}
	key = &path->items[--up.n];
	for (size_t n = 0; n <= up.n; n++) {            /* nothing is made for what is not there */
		if ((rc = look(run, &u->state, path, n, &holder)) < 0)
			return rc;
		if (holder.type == JSON_NULL)
			return 0;
	}
	if ((rc = common(run, u, path, &ours)) < 0 || (rc = reach(run, &u->state, &up, ours, &at)) < 0)
		return rc;
	u->last = up;                                   /* what stood behind has moved */
	u->changed = 1;
	if (at->type == JSON_OBJECT && key->type == JSON_STRING) {
		size_t i;

		if ((rc = own_map(run, at, 0)) < 0 || (rc = find_key(run, at, key, &i)) < 0)
			return rc;
		if (i < at->n) {
			memmove(at->members + i, at->members + i + 1, (at->n - i - 1) * sizeof(*at->members));
			at->n--;
		}
		return 0;
	}
	if (at->type == JSON_ARRAY && key->type == JSON_NUMBER) {
		int64_t i = as_int(key);

		if ((rc = own_list(run, at, 0)) < 0)
			return rc;
		i += i < 0 ? (int64_t)at->n : 0;
		if (i >= 0 && i < (int64_t)at->n) {
			memmove(at->items + i, at->items + i + 1, (at->n - (size_t)i - 1) * sizeof(*at->items));
			at->n--;
		}
		return 0;
	}
	return expr_raise(run, "Cannot delete field at %s index of %s", expr_kind(key), expr_kind(at));
}

static int
first(void *to, struct expr_run *run, const struct expr_value *v)
{
	(void)run;
	*(struct expr_value *)to = *v;
	return EXPR_STOP;
}

static int
change(void *to, struct expr_run *run, const struct expr_value *path, const struct expr_value *unused)
{
	struct update *u = to;
	struct expr_value old, new, *place;
	int rc, ours;

	(void)unused;
	if (u->x->which == EXPR_CONST) {                /* `=` */
		new = *u->value;
	} else {
		if ((rc = look(run, &u->state, path, path->n, &old)) < 0)
			return rc;
		if (u->changed && u->last.n >= path->n)
			u->changed = 0;                 /* what is handed out may be kept: it is not ours any more */
		if (u->x->which == EXPR_ALT) {
			new = expr_true(&old) ? old : *u->value;
		} else if (u->x->which == EXPR_PIPE) {  /* `|=` */
			new.type = JSON_NONE;
			rc = expr_eval(run, u->x->kid[0], &old, first, &new);
			if (rc < 0 && rc != EXPR_STOP)
				return rc;
			if (new.type == JSON_NONE)
				return remove_at(run, u, path);
		} else if ((rc = expr_binary(run, u->x->which, &old, u->value, &new)) < 0) {
			return rc;
		}
	}
	if ((rc = common(run, u, path, &ours)) < 0 || (rc = reach(run, &u->state, path, ours, &place)) < 0)
		return rc;
	*place = new;
	/* the containers above the new value are ours; the value is not */
	u->last = *path;
	u->changed = path->n > 0;
	if (u->changed)
		u->last.n--;
	return 0;
}

int
expr_update(struct expr_run *run, const struct expr_node *x, const struct expr_value *in, const struct expr_value *value,
    struct expr_value *out)
{
	struct update u = { .x = x, .value = value, .state = *in };
	struct expr_value none = expr_of_items(NULL, 0);
	int rc = paths(run, x->kid[1], &none, in, change, &u);

	*out = u.state;
	return rc < 0 ? rc : 1;
}

/* ---- del */

struct gathered { struct expr_value *paths; size_t n, cap; const struct expr_value *in; };

/* Indexes from the end become those from the front, so that paths can be sorted and removed from behind. */
static int
gather(void *to, struct expr_run *run, const struct expr_value *path, const struct expr_value *unused)
{
	struct gathered *g = to;
	struct expr_value at = *g->in, *keys;
	int rc;

	(void)unused;
	if (!(keys = expr_get(run, path->n * sizeof(*keys))))
		return ERR_LIMIT;
	for (size_t i = 0; i < path->n; i++) {
		keys[i] = path->items[i];
		if (at.type == JSON_ARRAY && keys[i].type == JSON_NUMBER) {
			struct expr_value *items;
			double d = expr_number(&keys[i]);
			size_t n;

			if ((rc = expr_items(run, &at, &items, &n)) < 0)
				return rc;
			if (i + 1 == path->n)
				d = as_int(&keys[i]);
			keys[i] = expr_of_number(d < 0 ? d + (double)n : d);
			if (d < 0 && d + (double)n < 0)
				return 0;
		}
		if ((rc = expr_index(run, &at, &path->items[i], &at)) < 0)
			return rc;
	}
	if (g->n == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 8;
		struct expr_value *more = expr_get(run, cap * sizeof(*more));

		if (!more)
			return ERR_LIMIT;
		if (g->n)
			memcpy(more, g->paths, g->n * sizeof(*more));
		g->paths = more, g->cap = cap;
	}
	g->paths[g->n++] = expr_of_items(keys, path->n);
	return 0;
}

int
expr_delete(struct expr_run *run, const struct expr_node *x, const struct expr_value *in, struct expr_value *out)
{
	struct gathered g = { .in = in };
	struct update u = { .x = x, .state = *in };
	struct expr_value none = expr_of_items(NULL, 0), list, *sorted;
	int rc = paths(run, x->kid[0], &none, in, gather, &g), same;

	if (rc < 0)
		return rc;
	list = expr_of_items(g.paths, g.n);
	if ((rc = expr_sorted(run, &list, &sorted)) < 0)
		return rc;
	for (size_t i = g.n; i-- > 0; ) {
		same = 0;
		if (i + 1 < g.n && (rc = expr_equal(run, &sorted[i], &sorted[i + 1], &same)) < 0)
			return rc;
		if (!same && (rc = remove_at(run, &u, &sorted[i])) < 0)
			return rc;
	}
	*out = u.state;
	return 1;
}
