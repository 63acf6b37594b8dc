#include "query/paths.h"

#include <stdlib.h>

#include "base/mem.h"
#include "query/sessions.h"

const char *const paths_columns[] = { "depth", "from", "to", "users", "count", NULL };

struct step {
	uint32_t depth, from, to;       /* with these as key in the map; names are numbers of the tracks */
	int64_t users, count;
	size_t last_user;               /* the user counted last, plus 1: each is counted once, since users come in turn */
};

struct steps {
	struct map index;               /* bytes of (depth, from, to) to the place in step */
	struct step *step;
	size_t n;
};

static void
count_step(struct steps *s, uint32_t depth, uint32_t from, uint32_t to, size_t user)
{
	const uint32_t key[3] = { depth, from, to };
	int is_new;
	struct map_entry *e = map_put(&s->index, (struct str){ (const char *)key, sizeof(key) }, &is_new);
	struct step *step;

	if (is_new) {
		if ((s->n & (s->n + 1)) == 0)           /* 0, 1, 3, 7, …: room for twice as many */
			s->step = mem_grow(s->step, (s->n + 1) * 2, sizeof(*s->step));
		s->step[s->n] = (struct step){ .depth = depth, .from = from, .to = to };
		e->num = (int64_t)s->n++;
	}
	step = &s->step[e->num];
	step->count++;
	step->users += step->last_user != user + 1;
	step->last_user = user + 1;
}

static int
by_weight(const void *a, const void *b, void *tracks)
{
	const struct step *x = a, *y = b;
	const struct tracks *t = tracks;
	int c;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	c = str_cmp(t->name[x->from], t->name[y->from]);
	return c ? c : str_cmp(t->name[x->to], t->name[y->to]);
}

static void
walk_session(struct steps *s, const struct tracks *t, const struct paths_spec *spec, size_t user, size_t i, size_t end)
{
	while (i < end && spec->from.p && !str_eq(t->name[t->event[i].name], spec->from))
		i++;
	if (i == end || t->event[i].time < spec->since || t->event[i].time >= spec->until)
		return;
	for (int depth = 1; depth <= spec->depth && i + 1 < end; depth++, i++)
		count_step(s, (uint32_t)depth, t->event[i].name, t->event[i + 1].name, user);
}

int
paths_run(const struct tracks *t, const struct paths_spec *spec, struct cell_sink out, struct err *err)
{
	struct steps s = { .n = 0 };
	int rc = 0;

	for (size_t u = 0; u < t->users.n; u++)
		for (size_t i = t->first[u], next; i < t->first[u + 1]; i = next) {
			next = sessions_end(t, i, t->first[u + 1], spec->gap_ms);
			walk_session(&s, t, spec, u, i, next);
		}
	if (s.n)
		qsort_r(s.step, s.n, sizeof(*s.step), by_weight, (void *)t);
	for (size_t i = 0; i < s.n && rc == 0; i++)
		rc = out.row(out.self, (const struct cell[]){
		    cell_integer(s.step[i].depth), cell_text(t->name[s.step[i].from]), cell_text(t->name[s.step[i].to]),
		    cell_integer(s.step[i].users), cell_integer(s.step[i].count) }, 5, err);
	map_release(&s.index);
	free(s.step);
	return rc;
}
