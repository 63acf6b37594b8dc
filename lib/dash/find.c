#include "dash/find.h"

#include <stdlib.h>

#include "base/time.h"

#define CARDS   4
#define METRICS 4
#define DAY_MS  86400000LL

struct search { struct str id; struct definition *found; struct buf *ids; };

static int
look(void *self, struct json dashboard, struct err *err)
{
	struct search *s = self;
	struct buf scratch = {0};
	struct str id = json_text(json_get(dashboard, STR("id")), &scratch);
	int rc = 0;

	if (s->ids && id.p) {
		buf_lit(s->ids, s->ids->n ? ", " : "");
		buf_str(s->ids, id);
	} else if (id.p && str_eq(id, s->id)) {
		s->found = definition_read(dashboard, err);
		rc = err->code ? err->code : 1;
	}
	buf_release(&scratch);
	return rc;
}

struct definition *
find_dashboard(struct data *data, struct str id, struct err *err)
{
	struct search s = { .id = id };

	data_dashboards(data, look, &s, err);
	return s.found;
}

int
find_ids(struct data *data, struct buf *ids, struct err *err)
{
	struct search s = { .ids = ids };

	return data_dashboards(data, look, &s, err);
}

/* ---- made */

struct making {
	struct buf json;
	const char *range;
	int n;
};

static void
begin_widget(struct making *m, const char *type, struct str title)
{
	buf_printf(&m->json, "%s{\"id\":\"w%d\",\"type\":\"%s\",\"timeRange\":\"%s\",\"title\":", m->n ? "," : "", m->n + 1, type, m->range);
	m->n++;
	json_put_string(&m->json, title);
}

static void
add(struct making *m, const char *type, struct str title, const char *key, struct str value)
{
	begin_widget(m, type, title);
	if (key) {
		buf_printf(&m->json, ",\"%s\":", key);
		json_put_string(&m->json, value);
	}
	buf_byte(&m->json, '}');
}

static const char *
range_of(int64_t first, int64_t last, char all[2 * TIME_LEN + 3])
{
	static const struct { const char *text; int64_t ms; } ranges[] = { { "24h", DAY_MS }, { "7d", 7 * DAY_MS }, { "30d", 30 * DAY_MS } };
	int64_t now = time_now();

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (last > now - ranges[i].ms && last <= now)
			return ranges[i].text;
	time_print(first, all);
	memcpy(all + TIME_LEN, "..", 2);
	time_print(last + 1, all + TIME_LEN + 2);
	all[2 * TIME_LEN + 2] = 0;
	return all;
}

static void
make_widgets(struct making *m, const struct answer *a)
{
	int events = 0, metrics = 0;

	for (int i = 0; i < a->rows && events < CARDS; i++)
		if (str_eq(answer_cell(a, i, 0)->text, STR("event"))) {
			add(m, "metric_card", answer_cell(a, i, 1)->text, "metric", answer_cell(a, i, 1)->text);
			events++;
		}
	if (events) {
		add(m, "line_chart", STR("Events"), "query", STR("SELECT TIME_BUCKET(:every, timestamp) AS time, event, COUNT(*) AS n FROM events "
		    "WHERE timestamp >= :from AND timestamp < :to GROUP BY 1, 2 ORDER BY 1, 2"));
		add(m, "bar_chart", STR("Events by name"), "query", STR("SELECT event, COUNT(*) AS n FROM events WHERE timestamp >= :from AND timestamp < :to "
		    "GROUP BY 1 ORDER BY 2 DESC, 1"));
	}
	for (int i = 0; i < a->rows && metrics < METRICS; i++)
		if (str_eq(answer_cell(a, i, 0)->text, STR("metric"))) {
			add(m, "line_chart", answer_cell(a, i, 1)->text, "metric", answer_cell(a, i, 1)->text);
			metrics++;
		}
	if (events)
		add(m, "event_feed", STR("Newest events"), NULL, STR(""));
	if (events || metrics)
		add(m, "alert_list", STR("Alerts"), NULL, STR(""));
	else
		add(m, "text", STR("Nothing here yet"), "text", STR("The store is empty. Events come in with at-ingest, metrics with at-agg -s; this picture follows by itself."));
}

struct definition *
find_made(struct data *data, struct err *err)
{
	static const char sql[] = "SELECT kind, name, \"count\", \"first\", \"last\" FROM schema WHERE kind IN ('event', 'metric') ORDER BY \"count\" DESC, name";
	struct arena *arena = arena_new(64u << 20);
	struct making m = { .range = "24h" };
	struct definition *d = NULL;
	struct answer a;
	int64_t first = TIME_MAX, last = TIME_MIN;
	char all[2 * TIME_LEN + 3];

	if (data_ask(data, sql, NULL, 0, arena, &a, err))
		goto out;
	for (int i = 0; i < a.rows; i++) {
		int64_t from, to;

		if (time_parse_rfc3339(answer_cell(&a, i, 3)->text, &from) == 0 && time_parse_rfc3339(answer_cell(&a, i, 4)->text, &to) == 0) {
			first = from < first ? from : first;
			last = to > last ? to : last;
		}
	}
	if (last > TIME_MIN)
		m.range = range_of(first, last, all);
	buf_lit(&m.json, "{\"id\":\"overview\",\"title\":\"Overview\",\"widgets\":[");
	make_widgets(&m, &a);
	buf_lit(&m.json, "]}");
	d = definition_read(json_value(buf_get(&m.json)), err);
out:
	buf_release(&m.json);
	arena_free(arena);
	return d;
}
