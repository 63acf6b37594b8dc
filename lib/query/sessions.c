#include "query/sessions.h"

#include <stdlib.h>

#include "base/mem.h"

const char *const sessions_columns[] = { "user_id", "start", "end", "seconds", "events", "entry", "exit", NULL };

struct session {
	int64_t start;
	struct str user;
	size_t first, end;
};

size_t
sessions_end(const struct tracks *t, size_t i, size_t end, int64_t gap_ms)
{
	for (i++; i < end; i++)
		if (t->event[i].time - t->event[i - 1].time > gap_ms)
			break;
	return i;
}

static int
by_start(const void *a, const void *b)
{
	const struct session *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return str_cmp(x->user, y->user);
}

int
sessions_run(const struct tracks *t, int64_t from, int64_t to, int64_t gap_ms, struct cell_sink out, struct err *err)
{
	struct session *s = NULL;
	size_t n = 0, cap = 0;
	int rc = 0;

	for (size_t u = 0; u < t->users.n; u++)
		for (size_t i = t->first[u], next; i < t->first[u + 1]; i = next) {
			next = sessions_end(t, i, t->first[u + 1], gap_ms);
			if (t->event[i].time < from || t->event[i].time >= to)
				continue;
			if (n == cap)
				s = mem_grow(s, cap = cap ? cap * 2 : 256, sizeof(*s));
			s[n++] = (struct session){ t->event[i].time, t->user[u], i, next };
		}
	if (n)
		qsort(s, n, sizeof(*s), by_start);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct track_event *first = &t->event[s[i].first], *last = &t->event[s[i].end - 1];
		char start[TIME_LEN], end[TIME_LEN];

		time_print(first->time, start);
		time_print(last->time, end);
		rc = out.row(out.self, (const struct cell[]){
		    cell_text(s[i].user), cell_text((struct str){ start, TIME_LEN }), cell_text((struct str){ end, TIME_LEN }),
		    cell_real((double)(last->time - first->time) / 1000), cell_integer((int64_t)(s[i].end - s[i].first)),
		    cell_text(t->name[first->name]), cell_text(t->name[last->name]) }, 7, err);
	}
	free(s);
	return rc;
}
