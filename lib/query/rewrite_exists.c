/* rewrite_exists.c - EXISTS over one column of the query outside, said as IN, which is computed once instead of once for each row.
 *
 *      EXISTS (SELECT 1 FROM events p WHERE p.user_id = e.user_id AND p.event = 'buy')
 *      (e.user_id IS NOT NULL AND e.user_id IN (SELECT p.user_id FROM events p WHERE p.user_id IS NOT NULL AND p.event = 'buy'))
 *
 * Both are 1 or 0 and never NULL, so NOT EXISTS follows. SQLite compares the sides of IN as those of =. What is not of this form, one
 * table under a name, one such comparison among terms that AND puts together, nothing else from outside, stays as it is.
 */
#include <strings.h>

#include "query/rewrite_priv.h"

struct form {
	struct tok *exists, *select, *from, *close;
	struct str alias;               /* of the table inside */
	struct tok *inside, *inside_last, *outside, *outside_last, *equals;     /* of the comparison */
	int comparisons;
	struct tok *limit;
};

static int
same_name(struct str a, struct str b)
{
	return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

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
		if (rewrite_named(t) && rewrite_is(t->next, ".") && !rewrite_is(t->prev, ".") && !same_name(rewrite_bare(w, t), f->alias) &&
		    !same_name(rewrite_bare(w, t), STR("properties")))
			return 0;
		if (t == last)
			return 1;
	}
}

/* One term of the WHERE. 0: it is nothing that hinders. */
static int
take_term(struct work *w, struct form *f, struct tok *first, struct tok *last)
{
	struct tok *left = chain_end(first), *equals = left ? left->next : NULL, *right = equals && equals != last ? chain_end(equals->next) : NULL;
	int left_in, right_in;

	if (!left || right != last || !(rewrite_is(equals, "=") || rewrite_is(equals, "==")))
		return !all_inside(w, f, first, last);
	left_in = same_name(rewrite_bare(w, first), f->alias);
	right_in = same_name(rewrite_bare(w, equals->next), f->alias);
	if (left_in == right_in)
		return !all_inside(w, f, first, last);
	f->equals = equals;
	f->inside = left_in ? first : equals->next;
	f->inside_last = left_in ? left : right;
	f->outside = left_in ? equals->next : first;
	f->outside_last = left_in ? right : left;
	return f->comparisons++ || same_name(rewrite_bare(w, f->outside), STR("properties"));
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
	if (!rewrite_named(t) || rewrite_is(t, "select"))
		return 0;
	f->alias = rewrite_bare(w, t);
	t = t->next;
	if (rewrite_is(t, "as"))
		t = t->next;
	if (rewrite_named(t) && !rewrite_is(t, "where")) {
		if (t->kind == TOKEN_WORD && token_reserved(t->text))
			return 0;
		f->alias = rewrite_bare(w, t);
		t = t->next;
	}
	return rewrite_is(t, "where") && !take_where(w, f, t) && f->comparisons == 1;
}

static void
say_in(struct work *w, struct form *f)
{
	struct tok *first = rewrite_copy(w, f->outside, f->outside_last, f->exists), *behind;

	rewrite_put(w, f->exists, f->exists, "IS NOT NULL AND");
	rewrite_copy(w, f->outside, f->outside_last, f->exists);
	rewrite_set(w, f->exists, "IN");
	if (f->select->next != f->from)
		rewrite_cut(f->select->next, f->from->prev);
	rewrite_copy(w, f->inside, f->inside_last, f->from);
	behind = f->inside_last->next;
	if (f->equals == behind) {
		behind = f->outside_last->next;
		rewrite_cut(f->equals, f->outside_last);
	} else {
		rewrite_cut(f->outside, f->equals);
	}
	rewrite_put(w, behind, f->inside, "IS NOT NULL");
	if (f->limit)
		rewrite_cut(f->limit, f->close->prev);
	rewrite_wrap(w, first, f->close, "(", ")");
}

void
rewrite_exists(struct work *w)
{
	struct form f;

	for (struct tok *t = w->head.next; t->kind != TOKEN_END && !w->err->code; t = t->next)
		if (take(w, t, &f))
			say_in(w, &f);
}
