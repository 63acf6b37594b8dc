#include "query/tracks.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/batch.h"

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
	struct cell cell;
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
	cell = cell_of_json(v, scratch);
	if (cell.type == CELL_NULL || cell.type == CELL_TEXT)
		return cell.text;
	buf_clear(scratch);
	cell_put_json(scratch, &cell);
	return buf_get(scratch);
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

/* first[] from how many events each user has, counted in first[user + 1]. */
static void
begin_users(struct tracks *t)
{
	for (size_t u = 0; u < t->users.n; u++)
		t->first[u + 1] += t->first[u];
}

/* Each user's events by time; they mostly are, since chunks and their rows come so. */
static void
sort_users(struct tracks *t)
{
	for (size_t u = 0; u < t->users.n; u++)
		for (size_t i = t->first[u] + 1; i < t->first[u + 1]; i++)
			if (by_time(&t->event[i - 1], &t->event[i]) > 0) {
				qsort(t->event + t->first[u], t->first[u + 1] - t->first[u], sizeof(*t->event), by_time);
				break;
			}
}

void
tracks_sort(struct tracks *t)
{
	size_t users = t->users.n, *at = mem_new((users + 1) * sizeof(*at));
	struct track_event *sorted = mem_grow(NULL, t->n, sizeof(*sorted));

	t->first = mem_new((users + 1) * sizeof(*t->first));
	for (size_t i = 0; i < t->n; i++)
		t->first[t->owner[i] + 1]++;
	begin_users(t);
	memcpy(at, t->first, (users + 1) * sizeof(*at));
	for (size_t i = 0; i < t->n; i++)
		sorted[at[t->owner[i]]++] = t->event[i];
	free(at);
	free(t->event);
	free(t->owner);
	t->event = sorted;
	t->owner = NULL;
	sort_users(t);
}

/* ---- from columns */

enum { NAME, TIME, SEQ, USER, GROUP };

struct store_field
tracks_batch_field(struct str by)
{
	if (str_eq(by, STR("event")))
		return (struct store_field){ .of = FIELD_EVENT };
	if (str_eq(by, STR("user_id")))
		return (struct store_field){ .of = FIELD_USER };
	if (str_eq(by, STR("session_id")))
		return (struct store_field){ .of = FIELD_SESSION };
	if (str_eq(by, STR("id")))
		return (struct store_field){ .of = FIELD_ID };
	if (by.n > 11 && str_starts(by, STR("properties.")))
		by = (struct str){ by.p + 11, by.n - 11 };
	return (struct store_field){ FIELD_REACH, by };
}

/* For each code of a column the number of its text plus 1; 0 for NULL, and for a text that `keep` has not. */
static void
number_codes(const struct column *c, struct map *m, struct str **text, const struct tracks *only, struct buf *numbers)
{
	uint32_t *to;

	buf_clear(numbers);
	to = (uint32_t *)(void *)buf_room(numbers, c->n_values * sizeof(*to));
	for (uint32_t i = 0; i < c->n_values; i++) {
		int wanted = c->value[i].type == CELL_TEXT, k = 0;

		while (wanted && only && k < only->n_keep && !str_eq(only->keep[k], c->value[i].text))
			k++;
		to[i] = wanted && (!only || !only->n_keep || k < only->n_keep) ? number_of(m, text, c->value[i].text) + 1 : 0;
	}
}

/* Groups are told apart by the text of their value, whatever its type. */
static void
number_group_codes(struct tracks *t, const struct column *c, struct buf *numbers)
{
	uint32_t *to;

	buf_clear(numbers);
	to = (uint32_t *)(void *)buf_room(numbers, c->n_values * sizeof(*to));
	for (uint32_t i = 0; i < c->n_values; i++) {
		struct str text = c->value[i].text;

		if (c->value[i].type == CELL_NULL) {
			to[i] = 0;
			continue;
		}
		if (c->value[i].type != CELL_TEXT) {
			buf_clear(&t->scratch);
			cell_put_json(&t->scratch, &c->value[i]);
			text = buf_get(&t->scratch);
		}
		to[i] = number_of(&t->groups, &t->group, text) + 1;
	}
}

static uint32_t
group_of(struct tracks *t, const struct column *c, size_t i, const uint32_t *numbers)
{
	struct cell cell = cell_null();

	if (c->form == COLUMN_CODES)
		return numbers[c->code[i]];
	if (c->form == COLUMN_NULL || (c->valid && !(c->valid[i / 64] >> i % 64 & 1)))
		return 0;
	if (c->form == COLUMN_INTEGER)
		cell = cell_integer(c->integer[i]);
	else
		cell = c->whole && fabs(c->real[i]) < 0x1p63 && c->real[i] == (double)(int64_t)c->real[i] ? cell_integer((int64_t)c->real[i]) : cell_real(c->real[i]);
	buf_clear(&t->scratch);
	cell_put_json(&t->scratch, &cell);
	return number_of(&t->groups, &t->group, buf_get(&t->scratch)) + 1;
}

/* A look at all events. The first counts each user's, the second puts each event where its user's next one goes: so they never lie
 * in memory twice. */
struct look {
	struct tracks *t;
	struct store *store;
	size_t *next;                   /* second: by user; NULL: the first */
	size_t cap;                     /* first: users that first[] has room for */
	struct buf numbers[3];
	int (*stopped)(void *, struct err *);
	void *self;
};

static void
count_users(struct look *l, size_t n, const struct column *name, const struct column *user)
{
	const uint32_t *name_of = (const uint32_t *)(const void *)l->numbers[0].p, *user_of = (const uint32_t *)(const void *)l->numbers[1].p;
	struct tracks *t = l->t;

	if (t->users.n + 1 > l->cap) {
		size_t was = l->cap;

		l->cap = (t->users.n + 1) * 2;
		t->first = mem_grow(t->first, l->cap, sizeof(*t->first));
		memset(t->first + was, 0, (l->cap - was) * sizeof(*t->first));
	}
	for (size_t i = 0; i < n; i++)
		if (name_of[name->code[i]] && user_of[user->code[i]])
			t->first[user_of[user->code[i]]]++;
}

static int
place_events(struct look *l, struct store_batch *b, const struct column *name, const struct column *user, struct err *err)
{
	const uint32_t *name_of = (const uint32_t *)(const void *)l->numbers[0].p, *user_of = (const uint32_t *)(const void *)l->numbers[1].p;
	struct column time, seq, group = { .form = COLUMN_NULL };
	struct tracks *t = l->t;
	int rc;

	if ((rc = store_batch_column(b, TIME, &time, err)) || (rc = store_batch_column(b, SEQ, &seq, err)) ||
	    (t->by.p && (rc = store_batch_column(b, GROUP, &group, err))))
		return rc;
	if (group.form == COLUMN_CODES)
		number_group_codes(t, &group, &l->numbers[2]);
	for (size_t i = 0; i < b->n; i++) {
		uint32_t n = name_of[name->code[i]], u = user_of[user->code[i]];

		if (!n || !u)
			continue;
		if (l->next[u - 1] >= t->first[u])
			return err_set(err, ERR_CORRUPT, "the store was not held: other events came than were counted");
		t->event[l->next[u - 1]++] = (struct track_event){ time.integer[i], (uint64_t)seq.integer[i], n - 1,
			group.form == COLUMN_NULL ? 0 : group_of(t, &group, i, (const uint32_t *)(const void *)l->numbers[2].p) };
	}
	return 0;
}

static int
look_at(struct look *l, struct store_batch *b, struct err *err)
{
	struct column name, user;
	struct tracks *t = l->t;
	int rc;

	t->last = b->max_time > t->last ? b->max_time : t->last;
	if ((rc = store_batch_column(b, NAME, &name, err)) || (rc = store_batch_column(b, USER, &user, err)) || user.form != COLUMN_CODES)
		return rc;
	number_codes(&name, &t->names, &t->name, t, &l->numbers[0]);
	number_codes(&user, &t->users, &t->user, NULL, &l->numbers[1]);
	if (l->next)
		return place_events(l, b, &name, &user, err);
	t->read += (int64_t)b->n;
	count_users(l, b->n, &name, &user);
	return 0;
}

static int
look(struct look *l, struct err *err)
{
	const struct store_range range = { .from = TIME_MIN, .to = TIME_MAX + 1 };
	const struct store_field fields[] = { { .of = FIELD_EVENT }, { .of = FIELD_TIME }, { .of = FIELD_SEQ }, { .of = FIELD_USER }, tracks_batch_field(l->t->by) };
	struct store_batches *all = store_batches_open(l->store, &range, fields, l->t->by.p ? 5 : 4, err);
	struct store_batch *b = all ? store_batch_open(all, err) : NULL;
	int rc = b ? 0 : err->code;

	while (rc == 0 && (rc = store_batch_next(b, err)) > 0)
		if ((rc = look_at(l, b, err)) == 0 && l->stopped)
			rc = l->stopped(l->self, err);
	store_batch_close(b);
	store_batches_close(all);
	return rc;
}

int
tracks_load(struct tracks *t, struct store *store, int (*stopped)(void *, struct err *), void *self, struct err *err)
{
	struct look l = { .t = t, .store = store, .stopped = stopped, .self = self };
	int rc;

	t->last = TIME_NONE;
	t->first = mem_new((l.cap = 1) * sizeof(*t->first));
	if ((rc = look(&l, err)) == 0) {
		begin_users(t);
		t->n = t->first[t->users.n];
		t->event = mem_grow(NULL, t->n + 1, sizeof(*t->event));
		l.next = mem_dup(t->first, (t->users.n + 1) * sizeof(*l.next));
		rc = look(&l, err);
	}
	for (int i = 0; i < 3; i++)
		buf_release(&l.numbers[i]);
	free(l.next);
	if (rc == 0)
		sort_users(t);
	return rc;
}
