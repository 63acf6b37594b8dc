#include <stdlib.h>

#include "base/cmd.h"
#include "window/window_priv.h"

/* A metric row's parts, as they stand in it. */
struct metric_row {
	struct str name;
	struct json labels, states, timestamp, value;
	uint64_t count;
};

static int
is_field(struct str key)
{
	static const char *const others[] = { "metric", "timestamp", "window", "labels", "states", "partial", "anomaly" };

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (str_eq(key, str_of(others[i])))
			return 0;
	return 1;
}

/* With -b the key has those labels, without it all that the row has. */
static void
put_labels(const struct window *win, struct json labels, struct buf *key)
{
	struct buf scratch = { 0 };

	if (!win->n_by) {
		if (labels.type == JSON_OBJECT)
			json_put_compact(key, labels);
		else
			buf_lit(key, "{}");
		return;
	}
	buf_byte(key, '{');
	for (int i = 0; i < win->n_by; i++) {
		struct json v = labels.type == JSON_OBJECT ? json_get(labels, win->by[i]) : JSON_ABSENT;

		if (i)
			buf_byte(key, ',');
		json_put_key(key, win->by[i]);
		if (v.type == JSON_NONE || v.type == JSON_NULL)
			buf_lit(key, "null");
		else
			json_put_string(key, v.type == JSON_STRING ? json_text(v, &scratch) : json_raw(v));
	}
	buf_byte(key, '}');
	buf_release(&scratch);
}

/* The state that fits the output's slot, among those of its key: "dd1:… hll1:…". */
static int
take_state(const struct aggregate_slot *slot, union aggregate_state *state, struct json states, struct str key, struct buf *scratch)
{
	struct json v = states.type == JSON_OBJECT ? json_get(states, key) : JSON_ABSENT;
	struct str text, one;

	if (v.type != JSON_STRING)
		return -1;
	text = json_text(v, scratch);
	while (str_cut(&text, ' ', &one))
		if (aggregate_read(slot, state, one) == 0)
			return 0;
	return -1;
}

/* One field of the row into the group. A slot that several outputs read is filled once. */
static int
take_field(struct window *win, const struct metric_row *row, struct group *g, int output, struct json v, int64_t time,
    uint8_t *filled)
{
	const struct aggregate_output *o = &win->metrics.output[output];
	const struct aggregate_slot *slot = &win->metrics.slot[o->slot];
	union aggregate_state *state = &g->state[o->slot];

	g->has[output] = 1;
	if (filled[o->slot])
		return 0;
	filled[o->slot] = 1;
	if (take_state(slot, state, row->states, o->key, &win->scratch) == 0)
		return 0;
	return aggregate_take(o, slot, state, v, row->count, time);
}

static int
read_parts(struct str text, struct metric_row *row, struct buf *scratch, struct err *err)
{
	struct json v = json_value(text), count;
	int64_t n;

	if (json_check(text, err))
		return err->code;
	row->value = v;
	row->labels = json_get(v, STR("labels"));
	row->states = json_get(v, STR("states"));
	row->timestamp = json_get(v, STR("timestamp"));
	row->name = json_text(json_get(v, STR("metric")), scratch);
	if (!row->name.p || !row->name.n)
		return err_set(err, ERR_INPUT, "a metric row whose \"metric\" is no text");
	if (row->timestamp.type == JSON_NONE)
		return err_set(err, ERR_INPUT, "a metric row without a timestamp");
	count = json_get(v, STR("count"));
	row->count = json_int64(count, &n) && n > 0 ? (uint64_t)n : 0;
	return 0;
}

int
window_metric_row(struct window *win, struct str text, struct err *err)
{
	struct metric_row row = { .count = 0 };
	struct json_iter it;
	struct group *g;
	struct str at;
	struct buf decoded = { 0 };
	uint8_t filled[4096] = { 0 };
	int64_t time;
	int lost = 0, rc = -1;

	if (read_parts(text, &row, &win->scratch, err))
		goto out;
	at = json_text(row.timestamp, &decoded);
	if (!at.p || time_parse_rfc3339(at, &time)) {
		err_set(err, ERR_INPUT, "a metric row's timestamp '%.*s' is no RFC 3339 time", (int)row.timestamp.n, row.timestamp.p);
		goto out;
	}
	buf_clear(&win->key);
	buf_add(&win->key, &(uint32_t){ (uint32_t)row.name.n }, 4);
	buf_str(&win->key, row.name);
	put_labels(win, row.labels, &win->key);
	for (it = json_iter(row.value); json_next(&it); ) {     /* first all outputs, so that the group has room for them */
		struct str key = json_text(it.key, &decoded);

		if (is_field(key) && aggregates_by_name(&win->metrics, key) >= (int)sizeof(filled) - 1) {
			err_set(err, ERR_LIMIT, "more than %zu different fields in metric rows", sizeof(filled));
			goto out;
		}
	}
	if (!(g = window_place(win, FROM_METRICS, buf_get(&win->key), time))) {
		rc = 0;
		goto out;
	}
	for (it = json_iter(row.value); json_next(&it); ) {
		struct str key = json_text(it.key, &decoded);

		if (is_field(key) && it.value.type != JSON_NULL &&
		    take_field(win, &row, g, aggregates_by_name(&win->metrics, key), it.value, time, filled))
			lost++;
	}
	if (lost && !win->unmergeable && (win->unmergeable = 1) && !cmd_settings()->quiet)
		cmd_say("metric rows with percentiles, averages or distinct counts but no states: these fields cannot be merged, "
		    "write the rows with at-agg --states");
	rc = window_advance(win, time, err);
out:
	buf_release(&decoded);
	return rc ? (err->code ? err->code : rc) : 0;
}
