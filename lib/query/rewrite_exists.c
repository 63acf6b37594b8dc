/* rewrite_exists.c - EXISTS over one column of the query outside, said as IN, which is computed once instead of once for each row.
 *
 *      EXISTS (SELECT 1 FROM events p WHERE p.user_id = e.user_id AND p.event = 'buy')
 *      (e.user_id IS NOT NULL AND e.user_id IN (SELECT p.user_id FROM events p WHERE p.user_id IS NOT NULL AND p.event = 'buy'))
 *
 * Both are 1 or 0 and never NULL, so NOT EXISTS follows. SQLite compares the sides of IN as those of =. Where one column of the same
 * name is besides to be greater (or less) inside than outside, one of the rows inside is so when the greatest is:
 *
 *      EXISTS (SELECT 1 FROM events p WHERE p.user_id = e.user_id AND p.timestamp > e.timestamp)
 *      EXISTS (SELECT 1 FROM (SELECT p.user_id AS at_key, max(p.timestamp) AS at_bound FROM events p WHERE p.user_id IS NOT NULL
 *              AND p.timestamp IS NOT NULL GROUP BY p.user_id) WHERE at_key = e.user_id AND at_bound > e.timestamp)
 *
 * where SQLite makes the table once, with an index. What is not of these forms, one table or (SELECT …) under a name, such comparisons among terms that
 * AND puts together, nothing else from outside, stays as it is.
 */

#include "query/rewrite_priv.h"

struct comparison { struct tok *inside, *inside_last, *outside, *outside_last, *operator; int n; };

struct form {
	struct tok *exists, *select, *from, *close;
	struct str alias;               /* of the table inside */
	struct comparison equal, bound;
	int wants_less;                 /* bound: inside < outside */
	struct tok *limit;
};

static int
is_any(const struct tok *t, const char *const *words)
{
	for (; *words; words++)
		if (rewrite_is(t, *words))
			return 1;
	return 0;
}

/* a.b or a.b.c from t on; its last, or NULL. */
static struct tok *
chain_end(struct tok *t)
{
	struct tok *last = NULL;

	while (rewrite_named(t) && rewrite_is(t->next, ".") && rewrite_named(t->next->next))
		last = t = t->next->next;
	return last;
}

/* Does nothing in first … last name anything outside? `properties.x` is of the table inside. */
static int
all_inside(struct work *w, const struct form *f, struct tok *first, struct tok *last)
{
	for (struct tok *t = first; ; t = t->next) {
		if (rewrite_named(t) && rewrite_is(t->next, ".") && !rewrite_is(t->prev, ".") && !rewrite_same_name(rewrite_bare(w, t), f->alias) &&
		    !rewrite_same_name(rewrite_bare(w, t), STR("properties")))
			return 0;
		if (t == last)
			return 1;
	}
}

/* One term of the WHERE. 0: it is nothing that hinders. */
static int
take_term(struct work *w, struct form *f, struct tok *first, struct tok *last)
{
	static const char *const equals[] = { "=", "==", NULL }, *const orders[] = { "<", "<=", ">", ">=", NULL };
	struct tok *left = chain_end(first), *op = left ? left->next : NULL, *right = op && op != last ? chain_end(op->next) : NULL;
	struct comparison *c;
	int left_in, right_in;

	if (!left || right != last || !(is_any(op, equals) || is_any(op, orders)))
		return !all_inside(w, f, first, last);
	left_in = rewrite_same_name(rewrite_bare(w, first), f->alias);
	right_in = rewrite_same_name(rewrite_bare(w, op->next), f->alias);
	if (left_in == right_in)
		return !all_inside(w, f, first, last);
	c = is_any(op, equals) ? &f->equal : &f->bound;
	if (c->n++)
		return 1;
	c->operator = op;
	c->inside = left_in ? first : op->next;
	c->inside_last = left_in ? left : right;
	c->outside = left_in ? op->next : first;
	c->outside_last = left_in ? right : left;
	if (c == &f->bound) {           /* compared as they are ordered: of one kind */
		f->wants_less = (*op->text.p == '<') == left_in;
		if (!rewrite_same(c->inside->next, c->inside_last, c->outside->next, c->outside_last))
			return 1;
	}
	return rewrite_same_name(rewrite_bare(w, c->outside), STR("properties"));
}

/* The terms between WHERE and the close. 0, or 1 when it is another form. */
static int
take_where(struct work *w, struct form *f, struct tok *where)
{
	static const char *const others[] = { "or", "group", "having", "order", "union", "intersect", "except", "window", "offset", "qualify", "select", NULL };
	struct tok *first = where->next, *t = first;
	int between = 0, cases = 0;

	for (; ; t = t->next) {
		int ends = t == f->close || (rewrite_is(t, "limit") && !cases);

		if (!ends && rewrite_is(t, "(")) {
			t = t->match;
			continue;
		}
		cases += rewrite_is(t, "case");
		if (cases && !ends) {
			cases -= rewrite_is(t, "end");
			continue;
		}
		if (!ends && is_any(t, others))
			return 1;
		between += rewrite_is(t, "between");
		if (rewrite_is(t, "and") && between) {
			between--;
			continue;
		}
		if (!ends && !rewrite_is(t, "and"))
			continue;
		if (t == first || take_term(w, f, first, t->prev))
			return 1;
		if (ends)
			break;
		first = t->next;
	}
	if (t == f->close)
		return 0;
	f->limit = t;                   /* of a number that is not 0 it says nothing */
	return t->next->kind != TOKEN_NUMBER || t->next->text.p[0] == '0' || t->next->next != f->close;
}

/* Is it this form? */
static int
take(struct work *w, struct tok *exists, struct form *f)
{
	struct tok *t = exists->next;

	*f = (struct form){ .exists = exists };
	if (!rewrite_is(exists, "exists") || !rewrite_is(t, "(") || !rewrite_is(t->next, "select"))
		return 0;
	f->close = t->match;
	f->select = t->next;
	for (t = f->select->next; t != f->close && !rewrite_is(t, "from"); t = t->next)
		if (rewrite_is(t, "(") || rewrite_is(t, "distinct"))    /* an aggregate of nothing is a row */
			return 0;
	if (t == f->close)
		return 0;
	f->from = t;
	t = t->next;
	if (rewrite_is(t, "(")) {               /* (SELECT …) AS p */
		if (!rewrite_is(t->next, "select"))
			return 0;
		t = t->match;
		f->alias = (struct str){ NULL, 0 };
	} else {
		if (!rewrite_named(t) || rewrite_is(t, "select"))
			return 0;
		f->alias = rewrite_bare(w, t);
	}
	t = t->next;
	if (rewrite_is(t, "as"))
		t = t->next;
	if (rewrite_named(t) && !rewrite_is(t, "where")) {
		if (t->kind == TOKEN_WORD && token_reserved(t->text))
			return 0;
		f->alias = rewrite_bare(w, t);
		t = t->next;
	}
	return rewrite_is(t, "where") && !take_where(w, f, t) && f->equal.n == 1;
}

/* Of a comparison its side inside alone: IS NOT NULL. */
static void
keep_inside(struct work *w, struct comparison *c)
{
	struct tok *behind = c->inside_last->next;

	if (c->operator == behind) {
		behind = c->outside_last->next;
		rewrite_cut(c->operator, c->outside_last);
	} else {
		rewrite_cut(c->outside, c->operator);
	}
	rewrite_put(w, behind, c->inside, "IS NOT NULL");
}

/* What is selected inside does not matter. */
static void
cut_items(struct form *f)
{
	if (f->select->next != f->from)
		rewrite_cut(f->select->next, f->from->prev);
	if (f->limit)
		rewrite_cut(f->limit, f->close->prev);
}

static void
say_in(struct work *w, struct form *f)
{
	struct comparison *c = &f->equal;
	struct tok *first = rewrite_copy(w, c->outside, c->outside_last, f->exists);

	rewrite_put(w, f->exists, f->exists, "IS NOT NULL AND");
	rewrite_copy(w, c->outside, c->outside_last, f->exists);
	rewrite_set(w, f->exists, "IN");
	cut_items(f);
	rewrite_copy(w, c->inside, c->inside_last, f->from);
	keep_inside(w, c);
	rewrite_wrap(w, first, f->close, "(", ")");
}

static void
say_bound(struct work *w, struct form *f)
{
	struct comparison *key = &f->equal, *bound = &f->bound;
	int or_equal = bound->operator->text.n == 2;
	struct tok *last;

	cut_items(f);
	rewrite_copy(w, key->inside, key->inside_last, f->from);
	rewrite_put(w, f->from, f->exists, "AS at_key,");
	last = rewrite_copy(w, bound->inside, bound->inside_last, f->from);
	rewrite_wrap(w, last, f->from->prev, f->wants_less ? "min(" : "max(", ")");
	rewrite_put(w, f->from, f->exists, "AS at_bound");
	rewrite_put(w, f->close, f->exists, "GROUP BY");
	rewrite_copy(w, key->inside, key->inside_last, f->close);
	rewrite_wrap(w, f->select, f->close->prev, "SELECT 1 FROM (", ")");
	rewrite_put(w, f->close, f->exists, "WHERE at_key =");
	rewrite_copy(w, key->outside, key->outside_last, f->close);
	rewrite_put(w, f->close, f->exists, "AND at_bound %s%s", f->wants_less ? "<" : ">", or_equal ? "=" : "");
	rewrite_copy(w, bound->outside, bound->outside_last, f->close);
	keep_inside(w, key);
	keep_inside(w, bound);
}

void
rewrite_exists_at(struct work *w, struct tok *exists)
{
	struct form f;

	if (!take(w, exists, &f))
		return;
	if (f.bound.n)
		say_bound(w, &f);
	else
		say_in(w, &f);
}

void
rewrite_exists(struct work *w)
{
	for (struct tok *t = w->head.next; t->kind != TOKEN_END && !w->err->code; t = t->next)
		rewrite_exists_at(w, t);
}
