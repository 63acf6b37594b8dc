/* shared.c - what a shared link shows: one dashboard, and the answers of its widgets.
 *
 *      token ──► the link's dashboard and maker ──► the widget's own question, with the maker's rights ──► answer
 *
 * Who has the link chooses a period and the length of its steps; metric, fields and statement are the stored widget's, variables have the
 * values that the dashboard gives them. The token comes as Authorization: Bearer, since addresses are written into logs.
 */
#include <stdlib.h>

#include "auth/audit.h"
#include "serve/given.h"
#include "serve/serve_priv.h"

/* Who made the link, as the caller; and its dashboard, into `text`. JSON_NONE: answered. */
static struct json
open_link(struct exchange *ex, struct buf *text)
{
	struct str token = http_header(ex->request, "Authorization"), name;
	struct json all = config_get(ex->config, "dashboards", "dashboards"), one = config_get(ex->config, "dashboards", "");
	struct buf what = { 0 };
	struct json_iter it;
	struct store *store;
	struct err err = { 0 };
	int rc;

	if (token.p && str_starts(token, STR("Bearer ")))
		token.p += 7, token.n -= 7;
	rc = auth_share_check(ex->serve->auth, token, http_client(ex->request), &ex->who, &what, &err);
	name = (struct str){ what.n > 10 ? arena_dup(ex->arena, what.p + 10, what.n - 10) : NULL, what.n > 10 ? what.n - 10 : 0 };
	buf_release(&what);
	if (rc == ERR_LIMIT) {
		exchange_head(ex, "Retry-After", STR("10"));
		exchange_problem(ex, 429, "%s", err.text);
	} else if (rc == ERR_INPUT) {
		exchange_head(ex, "WWW-Authenticate", STR("Bearer realm=\"at\""));
		exchange_problem(ex, 401, "this link is none, or no longer: it was taken back or its time is over");
	} else if (rc < 0) {
		exchange_error(ex, &err);
	} else if (serve_exchange_rate(ex, ex->who->id, serve_call_of(ex)->setup->link_rate, serve_call_of(ex)->setup->link_burst, "link")) {
		return JSON_ABSENT;
	} else if (!principal_may(ex->who, AUTH_READ, "dashboards", name)) {
		exchange_problem(ex, 403, "who made this link may no longer see the dashboard");
	} else {
		if (json_text_eq(json_get(one, STR("id")), name))
			return one;
		for (it = json_iter(all); all.type == JSON_ARRAY && json_next(&it); )
			if (json_text_eq(json_get(it.value, STR("id")), name))
				return it.value;
		if (!(store = exchange_store(ex)))
			return JSON_ABSENT;
		if ((rc = store_get_state(store, "dashboard", name, text, &err)) > 0)
			return json_value(buf_get(text));
		if (rc < 0)
			exchange_error(ex, &err);
		else
			exchange_problem(ex, 404, "the dashboard is gone");
	}
	return JSON_ABSENT;
}

/* Statements, filters and who changed it are not for who only looks. */
static void
put_for_all(struct buf *b, struct json object, int is_widget)
{
	struct buf scratch = { 0 };
	struct json_iter it, w;
	int n = 0, m = 0;

	buf_byte(b, '{');
	for (it = json_iter(object); json_next(&it); ) {
		struct str key = json_text(it.key, &scratch);

		if (is_widget ? str_eq(key, STR("filters")) : str_eq(key, STR("variables")) || given_is_read_only("DashboardRecord", key))
			continue;
		buf_lit(b, n++ ? "," : "");
		json_put_key(b, key);
		if (is_widget && str_eq(key, STR("query"))) {
			buf_lit(b, "\"-\"");
		} else if (!is_widget && str_eq(key, STR("widgets"))) {
			buf_byte(b, '[');
			for (w = json_iter(it.value); it.value.type == JSON_ARRAY && json_next(&w); ) {
				buf_lit(b, m++ ? "," : "");
				put_for_all(b, w.value, 1);
			}
			buf_byte(b, ']');
		} else {
			buf_str(b, json_raw(it.value));
		}
	}
	buf_byte(b, '}');
	buf_release(&scratch);
}

static void
shared(struct exchange *ex)
{
	struct buf text = { 0 }, json = { 0 };
	struct json dashboard = open_link(ex, &text);

	if (dashboard.type == JSON_OBJECT) {
		audit_later(ex->serve->auth, &(struct audit_entry){ .tenant = ex->who->tenant, .who = STR("a shared link"), .from = str_of(http_client(ex->request)),
		    .action = STR("share.open"), .object = ex->who->id, .result = STR("ok"), .request = str_of(ex->id) });
		put_for_all(&json, dashboard, 0);
		exchange_json(ex, 200, &json);
	}
	buf_release(&json);
	buf_release(&text);
}

/* ---- a widget's question */

/* What the dashboard gives the variable of that name; p NULL: there is none. */
static struct str
variable(struct exchange *ex, struct json dashboard, struct str name)
{
	struct json all = json_get(dashboard, STR("variables")), v;
	struct json_iter it, first;

	for (it = json_iter(all); all.type == JSON_ARRAY && json_next(&it); ) {
		if (!json_text_eq(json_get(it.value, STR("name")), name))
			continue;
		v = json_get(it.value, STR("default"));
		first = json_iter(json_get(it.value, STR("values")));
		if (v.type == JSON_NONE && json_get(it.value, STR("values")).type == JSON_ARRAY && json_next(&first))
			v = first.value;
		return v.type == JSON_STRING ? exchange_text(ex, v) : v.type == JSON_NONE ? STR("") : json_raw(v);
	}
	return (struct str){ 0 };
}

static int
is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* $name and ${name} become the variable's value, as on the page. */
static void
put_in(struct exchange *ex, struct json dashboard, struct str text, struct buf *to)
{
	for (size_t i = 0; i < text.n; i++) {
		size_t from = i + 1 + (i + 1 < text.n && text.p[i + 1] == '{'), end = from;
		struct str value;

		while (text.p[i] == '$' && end < text.n && is_name(text.p[end]))
			end++;
		value = end > from ? variable(ex, dashboard, (struct str){ text.p + from, end - from }) : (struct str){ 0 };
		if (!value.p) {
			buf_byte(to, text.p[i]);
			continue;
		}
		buf_str(to, value);
		i = end - 1 + (from > i + 1 && end < text.n && text.p[end] == '}');
	}
}

static void
add_param(struct buf *b, const char *name, struct str value)
{
	if (!value.n)
		return;
	buf_printf(b, "%s%s=", b->n ? "&" : "", name);
	http_put_encoded(b, value);
}

/* A member as a parameter: a text, a list of texts, a number; with variables put in. */
static void
add_member(struct exchange *ex, struct json dashboard, struct json widget, const char *member, const char *name, struct buf *b)
{
	struct json v = json_get(widget, str_of(member));
	struct buf text = { 0 };
	struct json_iter it;

	if (v.type == JSON_STRING) {
		put_in(ex, dashboard, exchange_text(ex, v), &text);
	} else if (v.type == JSON_ARRAY) {
		for (it = json_iter(v); json_next(&it); ) {
			if (text.n)
				buf_byte(&text, ',');
			put_in(ex, dashboard, exchange_text(ex, it.value), &text);
		}
	} else if (v.type != JSON_NONE && v.type != JSON_NULL) {
		put_in(ex, dashboard, json_raw(v), &text);
	}
	add_param(b, name, buf_get(&text));
	buf_release(&text);
}

static void
add_period(struct exchange *ex, struct json dashboard, struct json widget, struct buf *b)
{
	struct str range = exchange_param(ex, "timeRange"), from = exchange_param(ex, "from"), to = exchange_param(ex, "to");

	if (range.n || from.n) {
		add_param(b, "timeRange", range);
		add_param(b, "from", from);
		add_param(b, "to", to);
	} else if (json_get(widget, STR("timeRange")).type == JSON_STRING) {
		add_member(ex, dashboard, widget, "timeRange", "timeRange", b);
	} else if (json_get(dashboard, STR("timeRange")).type == JSON_STRING) {
		add_param(b, "timeRange", exchange_text(ex, json_get(dashboard, STR("timeRange"))));
	} else {
		add_param(b, "timeRange", STR("24h"));
	}
}

/* The widget's interval, else one that gives about a hundred buckets, as on the page. */
static struct str
every_of(struct exchange *ex, struct json widget, int64_t ms)
{
	static const struct { const char *text; int64_t ms; } spans[] = { { "1s", 1000 }, { "10s", 10000 }, { "1m", 60000 }, { "5m", 300000 }, { "15m", 900000 },
		{ "1h", 3600000 }, { "6h", 6 * 3600000LL }, { "1d", 86400000LL }, { "7d", 7 * 86400000LL } };
	struct str own = exchange_text(ex, json_get(widget, STR("interval")));
	size_t i = 0;

	while (i < sizeof(spans) / sizeof(*spans) - 1 && ms / spans[i].ms > 100)
		i++;
	return own.p ? own : str_of(spans[i].text);
}

/* Variables have no types: what is just how a number is printed is that number, as on the page. */
static void
put_said(struct buf *b, struct str value)
{
	struct cell cell = query_param_cell(&(struct query_param){ .value = value });

	cell_put_json(b, &cell);
}

/* The body of POST /query: the stored statement; the names in it are the period's ends and variables. */
static int
make_query(struct exchange *ex, struct json dashboard, struct json widget)
{
	struct str sql = exchange_text(ex, json_get(widget, STR("query")));
	struct buf b = { 0 };
	struct map seen = { 0 };
	int64_t from, to;
	int n = 0, quote = 0, is_new;

	if (exchange_range(ex, 86400000, &from, &to))
		return -1;
	buf_lit(&b, "{\"query\":");
	buf_str(&b, json_raw(json_get(widget, STR("query"))));
	buf_lit(&b, ",\"parameters\":{");
	for (size_t i = 0; i < sql.n; i++) {
		size_t end = i + 1;
		struct str name, value;

		if (sql.p[i] == '\'')
			quote = !quote;
		if (quote || sql.p[i] != ':' || (i && sql.p[i - 1] == ':'))
			continue;
		while (end < sql.n && is_name(sql.p[end]))
			end++;
		name = (struct str){ sql.p + i + 1, end - i - 1 };
		is_new = 0;
		if (name.n)
			map_put(&seen, name, &is_new);
		if (!is_new)
			continue;
		buf_lit(&b, n++ ? "," : "");
		json_put_key(&b, name);
		if (str_eq(name, STR("from")))
			json_put_time(&b, from);
		else if (str_eq(name, STR("to")))
			json_put_time(&b, to > TIME_MAX ? TIME_MAX : to);
		else if (str_eq(name, STR("before")))
			json_put_time(&b, from - (to - from) < TIME_MIN ? TIME_MIN : from - (to - from));
		else if (str_eq(name, STR("every")))
			json_put_string(&b, every_of(ex, widget, to - from));
		else if ((value = variable(ex, dashboard, name)).p)
			put_said(&b, value);
		else if ((value = exchange_text(ex, json_get(widget, str_eq(name, STR("by")) ? STR("groupBy") : name))).p)
			put_said(&b, value);
		else
			put_said(&b, str_eq(name, STR("limit")) ? STR("100") : STR(""));
	}
	buf_lit(&b, "}}");
	map_release(&seen);
	ex->body = json_value((struct str){ arena_dup(ex->arena, b.p, b.n), b.n });
	buf_release(&b);
	return 0;
}

/* Which question a widget asks, and the members of it that say what. */
static const struct question { const char *type, *path, *members[7]; } questions[] = {
	{ "funnel_chart", "/api/v1/funnels", { "steps", "within" } },
	{ "retention", "/api/v1/retention", { "start", "return", "interval", "periods" } },
	{ "event_feed", "/api/v1/events", { "event", "limit" } },
	{ "alert_list", "/api/v1/alerts", { "limit" } },
	{ NULL, "/api/v1/metrics", { "metric", "groupBy", "interval", "filters" } },
};

static void
answer_widget(struct exchange *ex, struct json dashboard, struct json widget)
{
	const struct question *q = questions;
	int is_query = json_get(widget, STR("query")).type == JSON_STRING;
	struct str segment[EXCHANGE_SEGMENTS], interval = exchange_param(ex, "interval");
	struct buf params = { 0 }, allow = { 0 };
	const struct route *route;

	while (q->type && !json_text_eq(json_get(widget, STR("type")), str_of(q->type)))
		q++;
	add_period(ex, dashboard, widget, &params);
	for (int i = 0; !is_query && q->members[i]; i++)
		if (strcmp(q->members[i], "interval") != 0 || !interval.n || q->type)
			add_member(ex, dashboard, widget, q->members[i], q->members[i], &params);
	if (!q->type)
		add_param(&params, "interval", interval);
	route = route_find(is_query ? STR("POST") : STR("GET"), is_query ? STR("/api/v1/query") : str_of(q->path), segment, &allow);
	ex->params = (struct str){ arena_dup(ex->arena, params.p, params.n), params.n };
	buf_release(&params);
	buf_release(&allow);
	if (!is_query && !q->type && json_get(widget, STR("metric")).type != JSON_STRING)
		exchange_problem(ex, 404, "this widget asks nothing");
	else if (!principal_may(ex->who, AUTH_READ, route->resource, (struct str){ 0 }))
		exchange_problem(ex, 403, "who made this link may no longer read:%s", route->resource);
	else if (!is_query || make_query(ex, dashboard, widget) == 0)
		route->call(ex);
}

static void
shared_widget(struct exchange *ex)
{
	struct buf text = { 0 };
	struct json dashboard = open_link(ex, &text), widgets = json_get(dashboard, STR("widgets"));
	struct json_iter it;

	if (dashboard.type != JSON_OBJECT) {
		buf_release(&text);
		return;
	}
	/* the answer ends the exchange, whose arena holds what is still read */
	dashboard = json_value((struct str){ arena_dup(ex->arena, dashboard.p, dashboard.n), dashboard.n });
	buf_release(&text);
	widgets = json_get(dashboard, STR("widgets"));
	for (it = json_iter(widgets); widgets.type == JSON_ARRAY && json_next(&it); )
		if (json_text_eq(json_get(it.value, STR("id")), ex->segment[0])) {
			answer_widget(ex, dashboard, it.value);
			return;
		}
	exchange_problem(ex, 404, "the dashboard has no such widget");
}

static const struct route_param widget_params[] = { { "timeRange", "string", 0, "1h, 7d, today, all, or 2026-11-01/2026-11-08; the widget's own when not given" },
	{ "from", "time", 0, "the beginning, where there is no timeRange" }, { "to", "time", 0, "the end, exclusive" }, { "interval", "string", 0, "length of a bucket" }, { 0 } };

const struct route route_shared[] = {
	{ "GET", "/api/v1/shared", "The dashboard that a shared link shows; the link's token as Authorization: Bearer.", AUTH_READ, NULL, NULL, NULL, "DashboardRecord", 200, ROUTE_POOL, 0, shared },
	{ "GET", "/api/v1/shared/{widget}", "What one of its widgets asks, answered with the rights of who made the link.", AUTH_READ, NULL, widget_params, NULL, "application/json", 200, ROUTE_POOL, 0,
	    shared_widget, .reads = 1 },
	{ 0 }
};
