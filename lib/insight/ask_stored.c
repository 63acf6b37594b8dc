/* ask_stored.c - stored metrics as words of a question: "the average cpu of web-1 yesterday".
 *
 * A metric is a number like a property, and what it is of stands beside the events: its bit in a field's `events` lies behind theirs. So
 * labels are properties of it, filters, groups, periods and orders are read as elsewhere, and only SQL knows that its rows are those of
 * `metrics`. Words that name something of the events mean that.
 *
 * Of a metric with several numbers the one called value, count or sum is meant, or its only one. One that is stored over several windows is
 * left out, as its rows are of the same time again and again.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "insight/ask_priv.h"
#include "store/store.h"

#define SERIES_SEEN 4096                /* whose labels are learnt */
#define LABELS_MOST 32                  /* of a series */

struct stored {
	struct str name, field, window;
	int rank, fields, windows;
};
struct learning {
	struct ask *ask;
	struct stored of[ASK_STORED];
	int n;
	size_t series;
};

static struct str
keep(struct ask *ask, struct str s)
{
	const char *p = arena_dup(ask->arena, s.p ? s.p : "", s.n);

	return (struct str){ p, p ? s.n : 0 };
}

/* Which of a metric's numbers is meant: the lower, the rather. */
static int
rank_of(struct str field)
{
	static const char *const first[] = { "value", "count", "sum", "avg" };
	int i = 0;

	while (i < 4 && !str_eq(field, str_of(first[i])))
		i++;
	return i;
}

static int
field_index(struct ask *ask, struct str name)
{
	for (int i = 0; i < ask->n_fields; i++)
		if (str_eq(ask->field[i].name, name))
			return i;
	return -1;
}

/* The label's field, which events may have as well; -1: there is no room. */
static int
label_field(struct ask *ask, struct str key)
{
	static const char *const columns[] = { "metric", "timestamp", "field", "value", "labels", "event", "user_id", "session_id", "id" };
	int i = field_index(ask, key);

	for (size_t k = 0; k < sizeof(columns) / sizeof(*columns); k++)
		if (str_eq(key, str_of(columns[k])))
			return -1;
	if (i >= 0 || ask->n_fields == ASK_FIELDS || key.n > 80)
		return i;
	return ask_add_field(ask, key);
}

static void
see_labels(struct learning *l, int metric, struct str labels)
{
	struct json all = json_value(labels);
	struct buf key = { 0 }, value = { 0 };
	int n = 0;

	if (!json_is(all, JSON_OBJECT))
		return;
	for (struct json_iter it = json_iter(all); n < LABELS_MOST && json_next(&it); n++) {
		int field = label_field(l->ask, json_text(it.key, &key));
		struct str text;

		if (field < 0 || l->ask->field[field].number || !json_is(it.value, JSON_STRING))
			continue;
		l->ask->field[field].events |= 1ull << (l->ask->n_events + metric);
		text = json_text(it.value, &value);
		if (text.n && text.n <= 80)
			ask_teach_value(l->ask, field, keep(l->ask, text), 1ull << (l->ask->n_events + metric));
	}
	buf_release(&key);
	buf_release(&value);
}

/* Asked of each series whether it is wanted: none is, it is looked at. */
static int
see_series(void *self, const struct store_sample *x)
{
	struct learning *l = self;
	struct stored *of;
	int i = 0;

	if (l->series++ >= SERIES_SEEN)
		return 0;
	while (i < l->n && !str_eq(l->of[i].name, x->metric))
		i++;
	if (i == ASK_STORED || l->ask->n_events + i >= ASK_EVENTS || x->metric.n > 80)
		return 0;
	of = &l->of[i];
	if (i == l->n) {
		*of = (struct stored){ .name = keep(l->ask, x->metric), .field = keep(l->ask, x->field), .window = keep(l->ask, x->window), .rank = rank_of(x->field),
		    .fields = 1, .windows = 1 };
		l->n++;
	}
	if (!str_eq(of->window, x->window))
		of->windows++;
	if (!str_eq(of->field, x->field)) {
		of->fields++;
		if (rank_of(x->field) < of->rank)
			of->field = keep(l->ask, x->field), of->rank = rank_of(x->field);
	}
	see_labels(l, i, x->labels);
	return 0;
}

static int
see_none(void *self, const struct store_sample *x)
{
	(void)self, (void)x;
	return 0;
}

int
ask_learn_stored(struct ask *ask, struct store *store, struct err *err)
{
	struct learning *l = mem_new(sizeof(*l));
	const struct store_match all = { .from = INT64_MIN, .to = INT64_MAX, .wants = see_series, .self = l };
	int rc;

	l->ask = ask;
	rc = store_each_series(store, &all, see_none, NULL, err);
	for (int i = 0; i < l->n && rc == 0; i++) {
		const struct stored *of = &l->of[i];
		int field = of->windows > 1 || (of->fields > 1 && of->rank == 4) || ask->n_fields == ASK_FIELDS ? -1 : ask_add_field(ask, of->name);

		ask->event[ask->n_events + i].name = of->name;
		if (field < 0)
			continue;
		ask->field[field].sql = STR("value");
		ask->field[field].number = ask->field[field].stored = 1;
		ask->field[field].part = of->fields > 1 ? of->field : (struct str){ 0 };
		ask->field[field].role = of->rank == 1 || of->rank == 2 ? ASK_AMOUNT : ASK_PLAIN;
		ask->field[field].events = 1ull << (ask->n_events + i);
	}
	ask->n_stored = l->n;
	free(l);
	return rc;
}
