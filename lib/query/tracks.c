#include "query/tracks.h"

#include <stdlib.h>

#include "base/mem.h"

void
tracks_release(struct tracks *t)
{
	map_release(&t->names);
	map_release(&t->users);
	map_release(&t->groups);
	free(t->name);
	free(t->user);
	free(t->group);
	free(t->event);
	free(t->owner);
	free(t->first);
	buf_release(&t->scratch);
	*t = (struct tracks){ .by = t->by };
}

/* The number of a text, given in the order of first sight. */
static uint32_t
number_of(struct map *m, struct str **text, struct str s)
{
	int is_new;
	struct map_entry *e = map_put(m, s, &is_new);

	if (is_new) {
		e->num = (int64_t)m->n - 1;
		if ((m->n & (m->n - 1)) == 0)           /* at each power of two: room for twice as many */
			*text = mem_grow(*text, m->n * 2, sizeof(**text));
		(*text)[e->num] = e->key;
	}
	return (uint32_t)e->num;
}

/* a.b reaches into nested objects; the literal key comes first. */
static struct json
reach(struct json in, struct str field)
{
	struct json v = json_get(in, field);
	const char *dot = v.type == JSON_NONE ? memchr(field.p, '.', field.n) : NULL;

	if (!dot)
		return v;
	v = json_get(in, (struct str){ field.p, (size_t)(dot - field.p) });
	if (v.type != JSON_OBJECT)
		return JSON_ABSENT;
	return reach(v, (struct str){ dot + 1, field.n - (size_t)(dot + 1 - field.p) });
}

struct str
tracks_field(const struct event *e, struct str field, struct buf *scratch)
{
	struct json v;

	if (str_eq(field, STR("event")))
		return e->name;
	if (str_eq(field, STR("user_id")))
		return e->user_id;
	if (str_eq(field, STR("session_id")))
		return e->session_id;
	if (str_eq(field, STR("id")))
		return e->id;
	if (field.n > 11 && str_starts(field, STR("properties.")))
		field = (struct str){ field.p + 11, field.n - 11 };
	v = reach(json_value(e->properties), field);
	if (v.type == JSON_NONE || v.type == JSON_NULL)
		return (struct str){ NULL, 0 };
	return v.type == JSON_STRING ? json_text(v, scratch) : json_raw(v);
}

void
tracks_add(struct tracks *t, const struct event *e)
{
	struct track_event *to;
	struct str value = { NULL, 0 };

	if (t->n == 0 && t->users.n == 0 && t->last == 0)
		t->last = TIME_NONE;
	if (e->time > t->last)
		t->last = e->time;
	if (!e->user_id.p)
		return;
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 1024;
		t->event = mem_grow(t->event, t->cap, sizeof(*t->event));
		t->owner = mem_grow(t->owner, t->cap, sizeof(*t->owner));
	}
	if (t->by.p)
		value = tracks_field(e, t->by, &t->scratch);
	to = &t->event[t->n];
	*to = (struct track_event){ .time = e->time, .seq = e->seq ? e->seq : t->n + 1 };
	to->name = number_of(&t->names, &t->name, e->name);
	to->group = value.p ? number_of(&t->groups, &t->group, value) + 1 : 0;
	t->owner[t->n++] = number_of(&t->users, &t->user, e->user_id);
}

static int
by_time(const void *a, const void *b)
{
	const struct track_event *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Each user's events side by side by counting, then each user's few by time: linear but for the last step, which mostly
 * finds them in order already. */
void
tracks_sort(struct tracks *t)
{
	size_t users = t->users.n, *at = mem_new((users + 1) * sizeof(*at));
	struct track_event *sorted = mem_grow(NULL, t->n, sizeof(*sorted));

	t->first = mem_new((users + 1) * sizeof(*t->first));
	for (size_t i = 0; i < t->n; i++)
		t->first[t->owner[i] + 1]++;
	for (size_t u = 0; u < users; u++)
		t->first[u + 1] += t->first[u];
	memcpy(at, t->first, (users + 1) * sizeof(*at));
	for (size_t i = 0; i < t->n; i++)
		sorted[at[t->owner[i]]++] = t->event[i];
	for (size_t u = 0; u < users; u++)
		for (size_t i = t->first[u] + 1; i < t->first[u + 1]; i++)
			if (by_time(&sorted[i - 1], &sorted[i]) > 0) {
				qsort(sorted + t->first[u], t->first[u + 1] - t->first[u], sizeof(*sorted), by_time);
				break;
			}
	free(at);
	free(t->event);
	free(t->owner);
	t->event = sorted;
	t->owner = NULL;
}

int
tracks_load(struct tracks *t, struct store *store, const struct store_range *range, struct err *err)
{
	struct store_scan *scan = store_scan_open(store, range, err);
	struct event e;
	int rc;

	if (!scan)
		return err->code;
	while ((rc = store_scan_next(scan, &e, err)) > 0)
		tracks_add(t, &e);
	store_scan_close(scan);
	if (rc == 0)
		tracks_sort(t);
	return rc;
}
