#include "query/funnel.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/order.h"

const char *const funnel_columns[] = { "step", "event", "users", "from_start", "from_previous", "median_seconds", "open", NULL };

/* One attempt standing at some step. Attempts share their past: `before` is the same attempt one step earlier. */
struct attempt {
	int64_t start, last;            /* times of its first and its latest step */
	int before;                     /* index in the pool, -1 at the first step */
	uint32_t group;
};

/* The attempts that stand at one step and may still matter, oldest `last` first. One that is older in `last` and not later
 * in `start` than another can do nothing the other cannot, so `start` falls from front to back, and the front is always
 * the one with the most time left: each event costs a constant number of looks, amortized. */
struct stand {
	int *attempt;
	int head, n, cap;
};

struct user_walk {
	const struct tracks *t;
	const struct funnel_spec *spec;
	const uint8_t *is_step;         /* [name * steps + k]: the name is step k */
	const uint8_t *ends;            /* [name]: ends every attempt */
	struct attempt *pool;
	int pool_n, pool_cap;
	struct stand stand[FUNNEL_STEPS];
	int fresh[FUNNEL_STEPS];        /* strict: attempts of the time at hand, which nobody at that time may build on; -1 none */
	int best, best_step;            /* the attempt that came furthest, -1 none; the step it stands at, from 0 */
};

/* What is known of one group of users at one step. */
struct tally {
	int64_t users, open;
	double *seconds;                /* from the step before, of each user */
	size_t n, cap;
};

int
funnel_steps(struct funnel_spec *spec, struct str list, struct err *err)
{
	struct str piece;

	spec->steps = 0;
	while (str_cut(&list, ',', &piece)) {
		piece = str_trim(piece);
		if (!piece.n)
			return err_set(err, ERR_USAGE, "a funnel step without a name, give them as 'signup,purchase'");
		if (spec->steps == FUNNEL_STEPS)
			return err_set(err, ERR_USAGE, "more than %d funnel steps", FUNNEL_STEPS);
		spec->step[spec->steps++] = piece;
	}
	return 0;
}

static int
new_attempt(struct user_walk *w, int64_t start, int64_t last, int before, uint32_t group)
{
	if (w->pool_n == w->pool_cap)
		w->pool = mem_grow(w->pool, (size_t)(w->pool_cap = w->pool_cap ? w->pool_cap * 2 : 256), sizeof(*w->pool));
	w->pool[w->pool_n] = (struct attempt){ start, last, before, group };
	return w->pool_n++;
}

static void
stand_push(struct user_walk *w, int k, int attempt)
{
	struct stand *s = &w->stand[k];

	while (s->n > s->head && w->pool[s->attempt[s->n - 1]].start <= w->pool[attempt].start)
		s->n--;
	if (s->n == s->head)
		s->n = s->head = 0;
	if (s->n == s->cap)
		s->attempt = mem_grow(s->attempt, (size_t)(s->cap = s->cap ? s->cap * 2 : 16), sizeof(*s->attempt));
	s->attempt[s->n++] = attempt;
	if (k > w->best_step || w->best < 0) {
		w->best_step = k;
		w->best = attempt;
	}
}

/* The attempt at step k with most time left that may go on at time t; -1 when there is none. */
static int
stand_front(struct user_walk *w, int k, int64_t t)
{
	struct stand *s = &w->stand[k];

	while (s->head < s->n && w->spec->each_ms && t - w->pool[s->attempt[s->head]].last > w->spec->each_ms)
		s->head++;
	if (s->head == s->n || t - w->pool[s->attempt[s->head]].start > w->spec->within_ms)
		return -1;
	return s->attempt[s->head];
}

/* Strict: what began at an earlier time may be built on from now. */
static void
settle_fresh(struct user_walk *w)
{
	for (int k = 0; k < w->spec->steps; k++)
		if (w->fresh[k] >= 0) {
			stand_push(w, k, w->fresh[k]);
			w->fresh[k] = -1;
		}
}

/* An attempt has reached step k. */
static void
reach_step(struct user_walk *w, int k, int attempt)
{
	if (!w->spec->strict)
		stand_push(w, k, attempt);
	else if (w->fresh[k] < 0 || w->pool[w->fresh[k]].start < w->pool[attempt].start)
		w->fresh[k] = attempt;
}

static void
begin_attempt(struct user_walk *w, const struct track_event *e)
{
	if (w->is_step[(size_t)e->name * (size_t)w->spec->steps] && e->time >= w->spec->from && e->time < w->spec->to)
		reach_step(w, 0, new_attempt(w, e->time, e->time, -1, e->group));
}

/* Later steps first, so that one event serves an attempt once. */
static void
one_event(struct user_walk *w, const struct track_event *e)
{
	const uint8_t *is = w->is_step + (size_t)e->name * (size_t)w->spec->steps;

	for (int k = w->spec->steps - 1; k > 0; k--) {
		int from = is[k] ? stand_front(w, k - 1, e->time) : -1;

		if (from >= 0)
			reach_step(w, k, new_attempt(w, w->pool[from].start, e->time, from, w->pool[from].group));
	}
	begin_attempt(w, e);
}

static void
end_attempts(struct user_walk *w)
{
	for (int k = 0; k < w->spec->steps; k++) {
		w->stand[k].n = w->stand[k].head = 0;
		w->fresh[k] = -1;
	}
}

/* The first of a user's events at or behind a time. */
static size_t
event_from(const struct tracks *t, size_t user, int64_t from)
{
	size_t low = t->first[user], high = t->first[user + 1];

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->event[mid].time < from)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* From the first that may enter to the last that may follow. */
static void
walk_user(struct user_walk *w, size_t user)
{
	int64_t now = TIME_NONE;

	w->pool_n = 0;
	w->best = w->best_step = -1;
	end_attempts(w);
	for (size_t i = event_from(w->t, user, w->spec->from); i < w->t->first[user + 1]; i++) {
		const struct track_event *e = &w->t->event[i];

		if (e->time >= w->spec->to && e->time - w->spec->to >= w->spec->within_ms)
			break;
		if (w->spec->strict && e->time != now)
			settle_fresh(w);
		now = e->time;
		if (w->ends[e->name]) {
			settle_fresh(w);        /* they were reached before this event and count as far as they came */
			end_attempts(w);
			begin_attempt(w, e);    /* what ends an attempt may be what the next one begins with */
		} else {
			one_event(w, e);
		}
	}
	settle_fresh(w);
}

/* Could the user, standing at their best step, still go on after the end of the data? */
static int
is_open(const struct user_walk *w)
{
	const struct stand *s = &w->stand[w->best_step];

	if (w->best_step == w->spec->steps - 1)
		return 0;
	for (int i = s->head; i < s->n; i++) {
		const struct attempt *a = &w->pool[s->attempt[i]];

		if (w->t->last - a->start <= w->spec->within_ms &&
		    (!w->spec->each_ms || w->t->last - a->last <= w->spec->each_ms))
			return 1;
	}
	return 0;
}

static void
tally_user(const struct user_walk *w, struct tally *tally)
{
	tally[w->best_step].open += is_open(w);
	for (int k = w->best_step, a = w->best; k >= 0; k--, a = w->pool[a].before) {
		struct tally *to = &tally[k];

		to->users++;
		if (k == 0)
			break;
		if (to->n == to->cap)
			to->seconds = mem_grow(to->seconds, to->cap = to->cap ? to->cap * 2 : 64, sizeof(*to->seconds));
		to->seconds[to->n++] = (double)(w->pool[a].last - w->pool[w->pool[a].before].last) / 1000;
	}
}

/* The middle one, or the mean of the two in the middle. */
static struct cell
median(struct tally *t)
{
	if (!t->n)
		return cell_null();
	qsort(t->seconds, t->n, sizeof(*t->seconds), order_doubles);
	return cell_real((t->seconds[(t->n - 1) / 2] + t->seconds[t->n / 2]) / 2);
}

static struct cell
share(int64_t of, int64_t whole)
{
	return whole ? cell_real((double)of / (double)whole) : cell_null();
}

static int
put_group(const struct tracks *t, const struct funnel_spec *spec, struct tally *tally, struct str group,
    struct cell_sink out, struct err *err)
{
	int rc = 0;

	for (int k = 0; k < spec->steps && rc == 0; k++) {
		struct cell cells[8] = {
			cell_text(group), cell_integer(k + 1), cell_text(spec->step[k]), cell_integer(tally[k].users),
			share(tally[k].users, tally[0].users), share(tally[k].users, tally[k ? k - 1 : 0].users),
			median(&tally[k]), cell_integer(tally[k].open),
		};

		rc = out.row(out.self, cells + !t->by.p, 7 + !!t->by.p, err);
	}
	return rc;
}

static int
by_text(const void *a, const void *b, void *tracks)
{
	const struct tracks *t = tracks;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	if (!x || !y)                           /* no value comes last */
		return (int)!x - (int)!y;
	return str_cmp(t->group[x - 1], t->group[y - 1]);
}

/* The groups in byte order of their text; those in which nobody began are left out, but for the only one without --by. */
static int
put_all(const struct tracks *t, const struct funnel_spec *spec, struct tally *tally, struct cell_sink out, struct err *err)
{
	size_t groups = t->groups.n + 1, *order = mem_grow(NULL, groups, sizeof(*order));
	int rc = 0;

	for (size_t g = 0; g < groups; g++)
		order[g] = g;
	qsort_r(order, groups, sizeof(*order), by_text, (void *)t);
	for (size_t i = 0; i < groups && rc == 0; i++) {
		struct tally *of = tally + order[i] * (size_t)spec->steps;

		if (of->users || !t->by.p)
			rc = put_group(t, spec, of, order[i] ? t->group[order[i] - 1] : (struct str){ NULL, 0 }, out, err);
	}
	free(order);
	return rc;
}

int
funnel_run(const struct tracks *t, const struct funnel_spec *spec, struct cell_sink out, struct err *err)
{
	size_t names = t->names.n, steps = (size_t)spec->steps, cells = (t->groups.n + 1) * steps;
	uint8_t *is_step = mem_new(names * steps), *ends = mem_new(names);
	struct tally *tally = mem_new(cells * sizeof(*tally));
	struct user_walk w = { .t = t, .spec = spec, .is_step = is_step, .ends = ends };
	int rc;

	for (size_t i = 0; i < names; i++) {
		ends[i] = spec->without.p && str_eq(t->name[i], spec->without);
		for (size_t k = 0; k < steps; k++)
			is_step[i * steps + k] = (uint8_t)str_eq(t->name[i], spec->step[k]);
	}
	for (size_t u = 0; u < t->users.n; u++) {
		walk_user(&w, u);
		if (w.best >= 0)
			tally_user(&w, tally + w.pool[w.best].group * steps);
	}
	rc = put_all(t, spec, tally, out, err);
	for (size_t i = 0; i < cells; i++)
		free(tally[i].seconds);
	for (size_t k = 0; k < steps; k++)
		free(w.stand[k].attempt);
	free(w.pool);
	free(tally);
	free(ends);
	free(is_step);
	return rc;
}
