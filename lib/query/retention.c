#include "query/retention.h"

#include <stdlib.h>

#include "base/mem.h"

#define DAY    (24LL * 3600 * 1000)
#define MONDAY (4 * DAY)                        /* 1970-01-05 was one: weeks are counted from there */

const char *const retention_columns[] = { "cohort", "size", "period", "users", "rate", "complete", NULL };

/* Buckets are cut in local time; those of whole weeks begin on a Monday. */
static int64_t
origin(const struct retention_spec *spec)
{
	return spec->every_ms % (7 * DAY) == 0 ? MONDAY : 0;
}

int64_t
retention_bucket(const struct retention_spec *spec, int64_t ms)
{
	int64_t local = ms + zone_offset(spec->zone, ms);

	if (spec->months)
		return time_floor_div(time_month(local), spec->months);
	local -= origin(spec);
	return local / spec->every_ms - (local % spec->every_ms < 0);
}

int64_t
retention_begin(const struct retention_spec *spec, int64_t bucket)
{
	if (spec->months)
		return zone_to_utc(spec->zone, time_of_civil(&(struct civil){ .month = (int)(bucket * spec->months) + 1, .day = 1 }));
	return zone_to_utc(spec->zone, bucket * spec->every_ms + origin(spec));
}

struct cohort {
	int64_t bucket, size;
	int64_t *users;                         /* one count a period */
};

struct cohorts {
	struct map index;                       /* bytes of the bucket's number to the place in cohort */
	struct cohort *cohort;
	size_t n;
};

static struct cohort *
cohort_of(struct cohorts *c, int64_t bucket, int periods)
{
	int is_new;
	struct map_entry *e = map_put(&c->index, (struct str){ (const char *)&bucket, sizeof(bucket) }, &is_new);

	if (is_new) {
		if ((c->n & (c->n + 1)) == 0)
			c->cohort = mem_grow(c->cohort, (c->n + 1) * 2, sizeof(*c->cohort));
		c->cohort[c->n] = (struct cohort){ bucket, 0, mem_new((size_t)periods * sizeof(int64_t)) };
		e->num = (int64_t)c->n++;
	}
	return &c->cohort[e->num];
}

static int
is_named(const struct tracks *t, const struct track_event *e, struct str name)
{
	return !name.p || str_eq(t->name[e->name], name);
}

static void
count_user(struct cohorts *c, const struct tracks *t, const struct retention_spec *spec, size_t i, size_t end)
{
	struct cohort *own;
	int64_t counted = -1;

	while (i < end && !is_named(t, &t->event[i], spec->start))
		i++;
	if (i == end || t->event[i].time < spec->from || t->event[i].time >= spec->to)
		return;
	own = cohort_of(c, retention_bucket(spec, t->event[i].time), spec->periods);
	own->size++;
	for (; i < end; i++) {
		int64_t period = retention_bucket(spec, t->event[i].time) - own->bucket;

		if (period >= spec->periods)
			break;
		if (period > counted && is_named(t, &t->event[i], spec->back)) {
			own->users[period]++;
			counted = period;
		}
	}
}

static int
by_bucket(const void *a, const void *b)
{
	const struct cohort *x = a, *y = b;

	return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

static int
put_cohort(const struct tracks *t, const struct retention_spec *spec, const struct cohort *c, struct cell_sink out, struct err *err)
{
	char cohort[TIME_LEN];
	int rc = 0;

	time_print(retention_begin(spec, c->bucket), cohort);
	for (int p = 0; p < spec->periods && rc == 0 && retention_begin(spec, c->bucket + p) <= t->last; p++)
		rc = out.row(out.self, (const struct cell[]){
		    cell_text((struct str){ cohort, TIME_LEN }), cell_integer(c->size), cell_integer(p), cell_integer(c->users[p]),
		    cell_real((double)c->users[p] / (double)c->size),
		    cell_integer(retention_begin(spec, c->bucket + p + 1) <= t->last) }, 6, err);
	return rc;
}

int
retention_run(const struct tracks *t, const struct retention_spec *spec, struct cell_sink out, struct err *err)
{
	struct cohorts c = { .n = 0 };
	int rc = 0;

	for (size_t u = 0; u < t->users.n; u++)
		count_user(&c, t, spec, t->first[u], t->first[u + 1]);
	if (c.n)
		qsort(c.cohort, c.n, sizeof(*c.cohort), by_bucket);
	for (size_t i = 0; i < c.n; i++) {
		if (rc == 0)
			rc = put_cohort(t, spec, &c.cohort[i], out, err);
		free(c.cohort[i].users);
	}
	map_release(&c.index);
	free(c.cohort);
	return rc;
}
