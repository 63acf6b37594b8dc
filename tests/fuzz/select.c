/* Any bytes as a SELECT: an error, or a tree whose spans lie in the text and in each other, in order, so that printing the tree
 * (what lies between the children, and the children) gives the text back. */
#include "query/select.h"
#include "statement.h"

struct printer { struct str sql; struct buf out; size_t at; };

static void print_select(struct printer *, const struct select *);

static void
copy(struct printer *p, size_t to)
{
	if (to < p->at || to > p->sql.n)
		abort();
	buf_add(&p->out, p->sql.p + p->at, to - p->at);
	p->at = to;
}

static void
print_expr(struct printer *p, const struct select_expr *e)
{
	if (!e)
		return;
	if (e->to < e->from || e->height > SELECT_DEPTH)
		abort();
	copy(p, e->from);
	for (int i = 0; i < e->n_args; i++) {
		if (e->arg[i]->to > e->to || e->arg[i]->height >= e->height)
			abort();
		print_expr(p, e->arg[i]);
	}
	print_expr(p, e->filter);
	for (int i = 0; e->over && i < e->over->n_args; i++)
		print_expr(p, e->over->arg[i]);
	if (e->select)
		print_select(p, e->select);
	copy(p, e->to);
}

static void
print_sources(struct printer *p, const struct select_source *s, int n)
{
	for (int i = 0; i < n; i++) {
		copy(p, s[i].from);
		if (s[i].select)
			print_select(p, s[i].select);
		print_sources(p, s[i].inner, s[i].n_inner);
		for (int k = 0; k < s[i].n_args; k++)
			print_expr(p, s[i].arg[k]);
		print_expr(p, s[i].on);
		copy(p, s[i].to);
	}
}

static void
print_core(struct printer *p, const struct select_core *c)
{
	copy(p, c->from);
	for (int i = 0; i < c->n_values; i++)
		print_expr(p, c->value[i]);
	for (int i = 0; i < c->n_items; i++) {
		copy(p, c->item[i].from);
		print_expr(p, c->item[i].expr);
		copy(p, c->item[i].to);
	}
	print_sources(p, c->source, c->n_sources);
	print_expr(p, c->where);
	for (int i = 0; i < c->n_group; i++)
		print_expr(p, c->group[i]);
	print_expr(p, c->having);
	for (int i = 0; i < c->n_windows; i++)
		for (int k = 0; k < c->window[i].n_args; k++)
			print_expr(p, c->window[i].arg[k]);
	copy(p, c->to);
}

static void
print_select(struct printer *p, const struct select *s)
{
	copy(p, s->from);
	for (int i = 0; i < s->n_with; i++) {
		copy(p, s->with[i].from);
		print_select(p, s->with[i].select);
		copy(p, s->with[i].to);
	}
	for (int i = 0; i < s->n_cores; i++)
		print_core(p, &s->core[i]);
	for (int i = 0; i < s->n_order; i++) {
		copy(p, s->order[i].from);
		print_expr(p, s->order[i].expr);
		copy(p, s->order[i].to);
	}
	if (s->limit && s->offset && s->offset->from < s->limit->from)  /* LIMIT offset, limit */
		print_expr(p, s->offset), print_expr(p, s->limit);
	else
		print_expr(p, s->limit), print_expr(p, s->offset);
	copy(p, s->to);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct printer p = { .sql = { (const char *)data, size } };
	struct arena *arena = arena_new(64u << 20);
	struct err err = {0};
	struct select *s = select_parse(p.sql, arena, &err);

	if (!s != !!err.code)
		abort();
	if (s) {
		print_select(&p, s);
		copy(&p, size);
		if (!str_eq(buf_get(&p.out), p.sql))
			abort();
	}
	buf_release(&p.out);
	arena_free(arena);
	return 0;
}
