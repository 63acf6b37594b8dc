/* The promise of query/funnel.h against brute force: every way to pick steps in order, on small random histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "query/funnel.h"

enum { MOST = 12, USERS = 4 };

struct history {
	int64_t time[MOST];
	int name[MOST], n;
};

static const char *const names[] = { "a", "b", "c", "x" };

/* The most steps that can be done, step k being next, from event i on. Sets *open when an attempt of that length can go on. */
static void
extend(const struct history *h, const struct funnel_spec *s, int k, int i, int64_t start, int64_t last, int64_t end,
    int *best, int *open)
{
	int ended = 0;

	if (k > *best)
		*best = k, *open = 0;
	for (int j = i; j < h->n; j++) {
		if (s->without.p && h->name[j] == 3) {
			ended = 1;
			break;
		}
		if (k == s->steps || !str_eq(str_of(names[h->name[j]]), s->step[k]) || h->time[j] - start > s->within_ms ||
		    (s->each_ms && h->time[j] - last > s->each_ms) || (s->strict && h->time[j] == last))
			continue;
		extend(h, s, k + 1, j + 1, start, h->time[j], end, best, open);
	}
	if (k == *best && k < s->steps && !ended && end - start <= s->within_ms && (!s->each_ms || end - last <= s->each_ms))
		*open = 1;
}

static void
brute(const struct history *h, const struct funnel_spec *s, int64_t end, int *best, int *open)
{
	*best = *open = 0;
	for (int i = 0; i < h->n; i++)
		if (str_eq(str_of(names[h->name[i]]), s->step[0]) && h->time[i] >= s->from && h->time[i] < s->to)
			extend(h, s, 1, i + 1, h->time[i], h->time[i], end, best, open);
}

struct got {
	int64_t users[8], open[8];
	int n;
};

static int
take(void *self, const struct cell *cells, int n, struct err *err)
{
	struct got *got = self;

	(void)err;
	assert_int_equal(n, 7);
	assert_int_equal(cells[0].integer, got->n + 1);
	got->users[got->n] = cells[2].integer;
	got->open[got->n++] = cells[6].integer;
	return 0;
}

static void
random_funnels_agree_with_brute_force(void **state __attribute__((unused)))
{
	(void)state;
	srand(7);
	for (int round = 0; round < 30000; round++) {
		struct funnel_spec spec = { .within_ms = rand() % 12, .each_ms = rand() % 2 ? rand() % 6 : 0, .strict = rand() % 2 };
		struct tracks t = { .n = 0 };
		struct history h[USERS];
		int64_t want_users[8] = { 0 }, want_open[8] = { 0 };
		struct got got = { .n = 0 };
		struct err err = { 0 };

		spec.steps = 1 + rand() % 4;
		for (int k = 0; k < spec.steps; k++)
			spec.step[k] = str_of(names[rand() % 3]);
		if (rand() % 2)
			spec.without = STR("x");
		spec.from = rand() % 3;
		spec.to = spec.from + 1 + rand() % 20;
		for (int u = 0; u < USERS; u++) {
			int64_t now = 0;
			char user[8];

			h[u].n = rand() % MOST;
			snprintf(user, sizeof(user), "u%d", u);
			for (int i = 0; i < h[u].n; i++) {
				h[u].time[i] = now += rand() % 4;
				h[u].name[i] = rand() % 4;
				tracks_add(&t, &(struct event){ .name = str_of(names[h[u].name[i]]), .time = now,
				    .user_id = str_of(user), .properties = STR("{}"), .seq = (uint64_t)(u * MOST + i + 1) });
			}
		}
		tracks_sort(&t);
		for (int u = 0; u < USERS; u++) {
			int best, open;

			brute(&h[u], &spec, t.last, &best, &open);
			for (int k = 0; k < best; k++)
				want_users[k]++;
			if (best)
				want_open[best - 1] += open;
		}
		assert_int_equal(funnel_run(&t, &spec, (struct cell_sink){ take, &got }, &err), 0);
		assert_int_equal(got.n, spec.steps);
		for (int k = 0; k < spec.steps; k++) {
			assert_int_equal(got.users[k], want_users[k]);
			assert_int_equal(got.open[k], want_open[k]);
		}
		tracks_release(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_funnels_agree_with_brute_force) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
