/* live_message.c - what subscribers wish for and get: wishes out of JSON, messages on their way, the text to go on from. */
#include <stdio.h>
#include <stdlib.h>

#include "base/dur.h"
#include "json/cell.h"
#include "serve/live_priv.h"

/* ---- wishes */

static int
read_span(struct json v, const char *what, struct arena *a, int64_t *ms, struct err *err)
{
	struct str text;

	if (v.type == JSON_NONE || v.type == JSON_NULL)
		return 0;
	text = v.type == JSON_STRING ? json_text_dup(v, a) : (struct str){ "", 0 };
	if (dur_parse(text, ms, err) < 0 || *ms <= 0 || *ms > 200LL * 366 * 86400000)
		return err->code = 0, err_set(err, ERR_INPUT, "%s: '%.40s' is no span, try 1m or 24h", what, text.p);
	return 0;
}

/* Of a bucket: months too. */
static int
read_every(struct json v, struct arena *a, struct live_wish *w, struct err *err)
{
	int64_t ms;

	if (v.type == JSON_STRING && metric_every_read(json_text_dup(v, a), &ms, &w->months) == 0 && w->months) {
		w->every_ms = ms;
		return 0;
	}
	return read_span(v, "interval", a, &w->every_ms, err);
}

/* "source,country" or ["source","country"]: each name once, as GET /metrics has it. */
static int
read_by(struct json v, struct arena *a, struct str *by, struct err *err)
{
	static const char wrong[] = "groupBy: names of fields, as \"source,country\" or [\"source\",\"country\"]";
	struct str name[METRIC_BY_MOST];
	struct buf all = { 0 };
	int n = 0;

	if (v.type == JSON_STRING)
		buf_str(&all, json_text_dup(v, a));
	else if (v.type != JSON_ARRAY && v.type != JSON_NONE && v.type != JSON_NULL)
		n = err_set(err, ERR_INPUT, "%s", wrong);
	for (struct json_iter it = json_iter(v); v.type == JSON_ARRAY && n == 0 && json_next(&it); ) {
		if (it.value.type != JSON_STRING)
			n = err_set(err, ERR_INPUT, "%s", wrong);
		if (all.n)
			buf_byte(&all, ',');
		buf_str(&all, json_text_dup(it.value, a));
	}
	if (n == 0 && (n = metric_by_read(buf_get(&all), name, err)) > 0) {
		struct buf each = { 0 };

		metric_by_print(name, n, &each);
		*by = (struct str){ arena_dup(a, each.p, each.n), each.n };
		buf_release(&each);
	}
	buf_release(&all);
	return n < 0 ? n : 0;
}

static int
read_filters(struct json v, struct arena *a, struct live_wish *w, struct err *err)
{
	if (v.type != JSON_NULL && (w->n_filters = metric_filters_read(v, w->filter, a, err)) < 0)
		w->n_filters = 0;
	return err->code;
}

/* What is filtered by is counted by too. */
static int
check_fields(const struct live_wish *w, struct err *err)
{
	struct str name[METRIC_BY_MOST];
	int n = w->kind == LIVE_METRIC && w->by.p ? metric_by_read(w->by, name, err) : 0, most = n + w->n_filters;

	for (int i = 0; i < w->n_filters; i++)
		for (int k = 0; k < n; k++)
			most -= str_eq(name[k], w->filter[i].field);
	return most > METRIC_BY_MOST ? err_set(err, ERR_INPUT, "filters: at most %d, and with groupBy %d", METRIC_FILTERS_MOST, METRIC_BY_MOST) : 0;
}

/* A text, or a number by its digits. */
static int
read_id(struct json v, struct arena *a, struct str *id, struct err *err)
{
	if (v.type == JSON_NUMBER)
		*id = (struct str){ arena_dup(a, json_raw(v).p, json_raw(v).n), json_raw(v).n };
	else
		*id = json_text_dup(v, a);
	if (id->n > 100 || (v.type != JSON_NONE && v.type != JSON_NULL && !id->p)) {
		*id = (struct str){ 0 };
		return err_set(err, ERR_INPUT, "id: a text of 100 bytes at most, or a number");
	}
	return 0;
}

int
live_wish_read(struct json v, struct arena *a, struct live_wish *w, struct err *err)
{
	static const struct { const char *key; enum live_kind kind; } all[] = { { "event", LIVE_EVENTS }, { "metric", LIVE_METRIC },
		{ "anomalies", LIVE_ANOMALIES }, { "alerts", LIVE_ALERTS }, { "changes", LIVE_CHANGES } };
	struct str word = v.type == JSON_STRING ? json_text_dup(v, a) : (struct str){ 0 };
	struct json said = JSON_ABSENT;
	int found = 0;

	*w = (struct live_wish){ .range_ms = 3600000 };
	if (read_id(json_get(v, STR("id")), a, &w->id, err) < 0)        /* first, so that what is wrong with the rest is told under it */
		return err->code;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct json one = json_get(v, str_of(all[i].key));

		if (one.type == JSON_NONE && !(all[i].kind >= LIVE_ANOMALIES && word.p && str_eq(word, str_of(all[i].key))))
			continue;
		w->kind = all[i].kind;
		said = one;
		found++;
	}
	if (found != 1)
		return err_set(err, ERR_INPUT, "subscribe to one of {\"event\":NAME}, {\"metric\":NAME}, \"anomalies\", \"alerts\", \"changes\"");
	if (w->kind == LIVE_EVENTS || w->kind == LIVE_METRIC) {
		w->name = json_text_dup(said, a);
		if (!w->name.p || !w->name.n || w->name.n > EVENT_NAME_MOST)
			return err_set(err, ERR_INPUT, "%s: a name of 1 to %d bytes", w->kind == LIVE_EVENTS ? "event" : "metric", EVENT_NAME_MOST);
	}
	if (read_span(json_get(v, STR("timeRange")), "timeRange", a, &w->range_ms, err) < 0 ||
	    read_every(json_get(v, STR("interval")), a, w, err) < 0 ||
	    read_by(json_get(v, STR("groupBy")), a, &w->by, err) < 0 || read_filters(json_get(v, STR("filters")), a, w, err) < 0 ||
	    check_fields(w, err) < 0)
		return err->code;
	if (w->every_ms && w->range_ms / w->every_ms / (w->months ? 28 * w->months : 1) > 10000)
		return err_set(err, ERR_LIMIT, "timeRange: more than 10000 times the interval");
	w->resume = json_text_dup(json_get(v, STR("resume")), a);
	return 0;
}

/* ---- filters */

/* A field of an event or of a row with labels: one of its own, else of its properties or labels, a.b inside them. */
static struct json
field_of(struct json row, struct str name)
{
	struct json v = json_get(row, name);
	const char *dot;

	if (v.type == JSON_NONE)
		v = json_get(json_get(row, STR("properties")), name);
	if (v.type == JSON_NONE)
		v = json_get(json_get(row, STR("labels")), name);
	dot = v.type == JSON_NONE ? memchr(name.p, '.', name.n) : NULL;
	if (!dot)
		return v;
	row = field_of(row, (struct str){ name.p, (size_t)(dot - name.p) });
	return row.type == JSON_OBJECT ? field_of(row, (struct str){ dot + 1, name.n - (size_t)(dot + 1 - name.p) }) : JSON_ABSENT;
}

int
live_filters_fit(const struct live_wish *w, struct json row, struct buf *scratch)
{
	for (int i = 0; i < w->n_filters; i++) {
		struct json v = field_of(row, w->filter[i].field);
		struct str text = v.type == JSON_STRING ? json_text(v, scratch) : json_raw(v);

		if (v.type == JSON_NONE || !str_eq(text, w->filter[i].value))
			return 0;
	}
	return 1;
}

/* ---- where one has come to
 *
 * The numbers of event and row, in a cipher of the tenant's: how many there are is not for everybody. Four rounds of Feistel over two
 * halves of 64 bits with a keyed hash (Luby, Rackoff). */

static uint64_t
keyed(const struct live_follower *f, int round, uint64_t half)
{
	char text[40], mask[STORE_MASK_LEN], word[17];

	snprintf(text, sizeof(text), "live %d %016llx", round, (unsigned long long)half);
	store_mask(f->store, str_of(text), mask);
	memcpy(word, mask, 16);
	word[16] = 0;
	return strtoull(word, NULL, 16);
}

void
live_put_resume(const struct live_follower *f, struct buf *to, uint64_t seq, uint64_t row)
{
	uint64_t left = seq, right = row;

	for (int i = 0; i < 4; i++) {
		uint64_t next = left ^ keyed(f, i, right);

		left = right;
		right = next;
	}
	buf_printf(to, "%016llx%016llx", (unsigned long long)left, (unsigned long long)right);
}

int
live_read_resume(const struct live_follower *f, struct str text, uint64_t *seq, uint64_t *row)
{
	char half[2][17] = { "", "" };
	uint64_t left, right;

	if (text.n != 32 || strspn(memcpy(half[0], text.p, 16), "0123456789abcdef") != 16 || strspn(memcpy(half[1], text.p + 16, 16), "0123456789abcdef") != 16)
		return -1;
	left = strtoull(half[0], NULL, 16);
	right = strtoull(half[1], NULL, 16);
	for (int i = 3; i >= 0; i--) {
		uint64_t before = right ^ keyed(f, i, left);

		right = left;
		left = before;
	}
	*seq = left;
	*row = right;
	return 0;
}

/* ---- sending */

void
live_let_go(struct live_subscription *sub)
{
	if (!sub || --sub->users)
		return;
	sub->sink.free(sub->sink.self);
	policy_free(sub->policy);
	arena_free(sub->arena);
	free(sub);
}

void
live_end(struct live_subscription *sub, const char *reason)
{
	if (!atomic_exchange(&sub->over, 1))
		sub->sink.end(sub->sink.self, reason);
}

void
live_shared_release(struct live_shared *s)
{
	if (s->made)
		s->free(s->made);
	*s = (struct live_shared){ 0 };
}

void
live_send(struct live_subscription *sub, const struct live_message *m)
{
	struct live *live = sub->follower->live;
	struct live_message mine = *m;
	struct buf named = { 0 };
	int rc;

	if (sub->over)
		return;
	if (sub->wish.id.p) {
		buf_lit(&named, "{\"id\":");
		json_put_string(&named, sub->wish.id);
		buf_byte(&named, ',');
		buf_add(&named, m->json.p + 1, m->json.n - 1);
		mine.json = buf_get(&named);
		mine.shared = NULL;
	}
	rc = sub->sink.send(sub->sink.self, &mine);
	buf_release(&named);
	if (rc == 0) {
		live->messages++;
	} else if (rc > 0) {
		live->slow++;
		live_end(sub, "slow reader");
	} else {
		sub->over = 1;
	}
}
