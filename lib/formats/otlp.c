/* OpenTelemetry's OTLP as JSON, an object a line, as the collector's file exporter writes it:
 *
 *      {"resourceLogs":[…]}      a record each log record   event: its eventName or attribute event.name, else "log"
 *      {"resourceSpans":[…]}     a record each span         event: the span's name
 *      {"resourceMetrics":[…]}   a record each data point   event: the metric's name
 *
 * Properties: what the record itself says (body, severity, severity_number, trace_id, span_id · parent_span_id, kind, status,
 * duration_ms · type, unit, value, or count, sum, min, max, bounds, buckets, quantiles), then its attributes, then those of
 * the resource it does not have itself, then `scope`. An attribute whose name is taken becomes name_2. The attributes
 * user.id (enduser.id) and session.id also serve as the event's user_id and session_id.
 */
#include <math.h>

#include "base/mem.h"
#include "formats/formats_priv.h"

#define RESOURCE_MOST (256u << 10)      /* bytes of the attributes that are repeated in each record */

enum signal { LOGS, SPANS, METRICS };
static const struct { const char *resources, *scopes, *items; } names[] = {
	{ "resourceLogs", "scopeLogs", "logRecords" },
	{ "resourceSpans", "scopeSpans", "spans" },
	{ "resourceMetrics", "scopeMetrics", "metrics" },
};
static const struct { const char *key, *type; } points[] = { { "gauge", "gauge" }, { "sum", "sum" }, { "histogram", "histogram" },
	{ "exponentialHistogram", "exponential_histogram" }, { "summary", "summary" } };

struct place {                          /* one record's */
	enum signal signal;
	struct json resource, scope, item, point, data;
	const char *type;
};

struct otlp {
	struct formats_state s;
	struct str input;               /* the line; p NULL: a new one is wanted */
	long number;
	struct json_iter top, resources, scopes, items, points;
	int level;                      /* the iterator that is moved next: 0 top … 4 points */
	struct place walk, now;         /* where the iterators are; the record to give */
	int ahead;                      /* walk is a record */
};

static void *
otlp_open(struct in *in, struct err *err)
{
	struct otlp *o = mem_new(sizeof(*o));

	(void)err;
	o->s.in = in;
	return o;
}

/* Move to the next record: 1, or 0 at the line's end. */
static int
advance(struct otlp *o)
{
	struct place *w = &o->walk;

	for (;;)
		switch (o->level) {
		case 0:
			if (!json_next(&o->top))
				return 0;
			for (int i = 0; i < 3; i++)
				if (json_text_eq(o->top.key, str_of(names[i].resources))) {
					w->signal = (enum signal)i;
					o->resources = json_iter(o->top.value);
					o->level = 1;
				}
			break;
		case 1:
			if (!json_next(&o->resources)) {
				o->level = 0;
				break;
			}
			w->resource = json_get(o->resources.value, STR("resource"));
			o->scopes = json_iter(json_get(o->resources.value, str_of(names[w->signal].scopes)));
			o->level = 2;
			break;
		case 2:
			if (!json_next(&o->scopes)) {
				o->level = 1;
				break;
			}
			w->scope = json_get(o->scopes.value, STR("scope"));
			o->items = json_iter(json_get(o->scopes.value, str_of(names[w->signal].items)));
			o->level = 3;
			break;
		case 3:
			if (!json_next(&o->items)) {
				o->level = 2;
				break;
			}
			w->item = w->point = o->items.value;
			if (w->signal != METRICS)
				return 1;
			for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
				w->data = json_get(w->item, str_of(points[i].key));
				if (json_is(w->data, JSON_OBJECT)) {
					w->type = points[i].type;
					o->points = json_iter(json_get(w->data, STR("dataPoints")));
					o->level = 4;
					break;
				}
			}
			break;
		default:
			if (json_next(&o->points)) {
				w->point = o->points.value;
				return 1;
			}
			o->level = 3;
		}
}

/* AnyValue. */
static void
put_any(struct formats_state *s, struct json v)
{
	struct json_iter it = json_iter(v);
	struct json inner;
	struct buf text = {0}, *b = &s->json;
	int64_t n;
	int first = 1;

	if (!json_is(v, JSON_OBJECT) || !json_next(&it)) {
		buf_lit(b, "null");
	} else if (json_text_eq(it.key, STR("intValue")) && json_is(it.value, JSON_STRING)) {
		if (str_int64(json_text(it.value, &text), &n) == 0)
			buf_int64(b, n);
		else
			json_put_compact(b, it.value);
	} else if (json_text_eq(it.key, STR("doubleValue")) && json_is(it.value, JSON_STRING)) {
		json_put_double(b, json_text_eq(it.value, STR("Infinity")) ? INFINITY : json_text_eq(it.value, STR("-Infinity")) ? -INFINITY : NAN);
	} else if (json_text_eq(it.key, STR("arrayValue"))) {
		inner = json_get(it.value, STR("values"));
		buf_byte(b, '[');
		if (json_is(inner, JSON_ARRAY))
			for (it = json_iter(inner); json_next(&it); first = 0) {
				if (!first)
					buf_byte(b, ',');
				put_any(s, it.value);
			}
		buf_byte(b, ']');
	} else if (json_text_eq(it.key, STR("kvlistValue"))) {
		inner = json_get(it.value, STR("values"));
		buf_byte(b, '{');
		if (json_is(inner, JSON_ARRAY))
			for (it = json_iter(inner); json_next(&it); ) {
				struct json key = json_get(it.value, STR("key"));

				if (!json_is(key, JSON_STRING))
					continue;
				if (!first)
					buf_byte(b, ',');
				first = 0;
				json_put_compact(b, key);
				buf_byte(b, ':');
				put_any(s, json_get(it.value, STR("value")));
			}
		buf_byte(b, '}');
	} else
		json_put_compact(b, it.value);
	buf_release(&text);
}

static void
put_attributes(struct formats_state *s, struct json list, int only_new)
{
	if (!json_is(list, JSON_ARRAY))
		return;
	for (struct json_iter it = json_iter(list); json_next(&it); ) {
		struct str key = json_text(json_get(it.value, STR("key")), &s->scratch);

		if (!key.p)
			continue;
		if (only_new ? !formats_member(s, key) : (formats_key(s, key), 0))
			continue;
		put_any(s, json_get(it.value, STR("value")));
	}
}

static struct json
attribute(struct json list, struct str name)    /* its text or number; JSON_NONE */
{
	if (json_is(list, JSON_ARRAY))
		for (struct json_iter it = json_iter(list); json_next(&it); )
			if (json_text_eq(json_get(it.value, STR("key")), name)) {
				struct json value = json_get(it.value, STR("value")), text = json_get(value, STR("stringValue"));

				return json_is(text, JSON_NONE) ? json_get(value, STR("intValue")) : text;
			}
	return JSON_ABSENT;
}

/* uint64 as JSON has it: text, or a number. */
static int
integer(struct json v, int64_t *n, struct buf *scratch)
{
	if (json_is(v, JSON_STRING))
		return str_int64(json_text(v, scratch), n) == 0;
	return json_is(v, JSON_NUMBER) && json_int64(v, n);
}

static void
put_integer(struct formats_state *s, const char *key, struct json v)
{
	int64_t n;

	if (!integer(v, &n, &s->scratch))
		return;
	formats_key(s, str_of(key));
	buf_int64(&s->json, n);
}

/* A list of uint64 texts as numbers. */
static void
put_integers(struct formats_state *s, const char *key, struct json list)
{
	int64_t n;
	int first = 1;

	if (!json_is(list, JSON_ARRAY))
		return;
	formats_key(s, str_of(key));
	buf_byte(&s->json, '[');
	for (struct json_iter it = json_iter(list); json_next(&it); first = 0) {
		if (!first)
			buf_byte(&s->json, ',');
		if (integer(it.value, &n, &s->scratch))
			buf_int64(&s->json, n);
		else
			buf_lit(&s->json, "null");
	}
	buf_byte(&s->json, ']');
}

/* A double, which may be the text NaN, Infinity or -Infinity. */
static void
put_double(struct formats_state *s, const char *key, struct json v)
{
	if (json_is(v, JSON_STRING)) {
		formats_key(s, str_of(key));
		json_put_double(&s->json, json_text_eq(v, STR("Infinity")) ? INFINITY : json_text_eq(v, STR("-Infinity")) ? -INFINITY : NAN);
	} else if (json_is(v, JSON_NUMBER))
		formats_value(s, key, v);
}

static void
put_text(struct formats_state *s, const char *key, struct json v)       /* left out when empty */
{
	if (json_is(v, JSON_STRING) && v.n > 2)
		formats_value(s, key, v);
}

#define GET(of, key) json_get(of, STR(key))

static void
put_log(struct formats_state *s, struct json log)
{
	struct json body = GET(log, "body");

	if (json_is(body, JSON_OBJECT)) {
		formats_key(s, STR("body"));
		put_any(s, body);
	}
	put_text(s, "severity", GET(log, "severityText"));
	put_integer(s, "severity_number", GET(log, "severityNumber"));
	put_text(s, "trace_id", GET(log, "traceId"));
	put_text(s, "span_id", GET(log, "spanId"));
}

static void
put_span(struct formats_state *s, struct json span)
{
	static const char *const kinds[] = { NULL, "internal", "server", "client", "producer", "consumer" };
	static const char *const codes[] = { NULL, "ok", "error" };
	struct json status = GET(span, "status"), list;
	int64_t from, to, n;

	put_text(s, "trace_id", GET(span, "traceId"));
	put_text(s, "span_id", GET(span, "spanId"));
	put_text(s, "parent_span_id", GET(span, "parentSpanId"));
	if (json_int64(GET(span, "kind"), &n) && n > 0 && n < 6)
		formats_text(s, "kind", str_of(kinds[n]));
	if (json_int64(GET(status, "code"), &n) && n > 0 && n < 3)
		formats_text(s, "status", str_of(codes[n]));
	put_text(s, "status_message", GET(status, "message"));
	if (integer(GET(span, "startTimeUnixNano"), &from, &s->scratch) && integer(GET(span, "endTimeUnixNano"), &to, &s->scratch) && to >= from && from >= 0) {
		formats_key(s, STR("duration_ms"));
		json_put_double(&s->json, (double)(to - from) / 1e6);
	}
	if (json_is(list = GET(span, "events"), JSON_ARRAY) && list.n > 2)
		formats_value(s, "events", list);
	if (json_is(list = GET(span, "links"), JSON_ARRAY) && list.n > 2)
		formats_value(s, "links", list);
}

static void
put_point(struct formats_state *s, const struct place *at)
{
	struct json p = at->point, list;
	int64_t n;

	formats_text(s, "type", str_of(at->type));
	put_text(s, "unit", GET(at->item, "unit"));
	if (json_int64(GET(at->data, "aggregationTemporality"), &n) && (n == 1 || n == 2))
		formats_text(s, "temporality", n == 1 ? STR("delta") : STR("cumulative"));
	formats_value(s, "monotonic", GET(at->data, "isMonotonic"));
	put_double(s, "value", GET(p, "asDouble"));
	put_integer(s, "value", GET(p, "asInt"));
	put_integer(s, "count", GET(p, "count"));
	put_double(s, "sum", GET(p, "sum"));
	put_double(s, "min", GET(p, "min"));
	put_double(s, "max", GET(p, "max"));
	formats_value(s, "bounds", GET(p, "explicitBounds"));
	put_integers(s, "buckets", GET(p, "bucketCounts"));
	formats_value(s, "scale", GET(p, "scale"));
	put_integer(s, "zero_count", GET(p, "zeroCount"));
	formats_value(s, "positive", GET(p, "positive"));
	formats_value(s, "negative", GET(p, "negative"));
	if (json_is(list = GET(p, "quantileValues"), JSON_ARRAY)) {
		int first = 1;

		formats_key(s, STR("quantiles"));
		buf_byte(&s->json, '{');
		for (struct json_iter it = json_iter(list); json_next(&it); ) {
			struct json q = GET(it.value, "quantile"), v = GET(it.value, "value");

			if (!json_is(q, JSON_NUMBER) && !json_is(q, JSON_NONE))
				continue;
			buf_lit(&s->json, first ? "\"" : ",\"");
			first = 0;
			buf_str(&s->json, json_is(q, JSON_NONE) ? STR("0") : json_raw(q));
			buf_lit(&s->json, "\":");
			if (json_is(v, JSON_NUMBER))
				buf_str(&s->json, json_raw(v));
			else
				buf_lit(&s->json, json_is(v, JSON_NONE) ? "0" : "null");
		}
		buf_byte(&s->json, '}');
	}
}

static void
put_top(struct formats_state *s, const char *key, struct json v)
{
	if (json_is(v, JSON_STRING) ? v.n == 2 : !json_is(v, JSON_NUMBER))
		return;
	formats_top(s, key);
	json_put_compact(&s->json, v);
}

static int
give(struct otlp *o, const struct place *at, struct record *r, struct err *err)
{
	struct formats_state *s = &o->s;
	struct json attributes = GET(at->point, "attributes"), resource = GET(at->resource, "attributes"), v;
	struct str name = { NULL, 0 };
	int64_t ns;

	if (!json_is(at->point, JSON_OBJECT))
		return err_set(err, ERR_INPUT, "a %s is no object", at->signal == LOGS ? "log record" : at->signal == SPANS ? "span" : "data point");
	if (resource.n > RESOURCE_MOST)
		return err_set(err, ERR_INPUT, "the resource's attributes are larger than %u KiB", RESOURCE_MOST >> 10);
	v = at->signal == LOGS ? GET(at->item, "eventName") : GET(at->item, "name");
	if (at->signal == LOGS && !(json_is(v, JSON_STRING) && v.n > 2))
		v = attribute(attributes, STR("event.name"));
	name = json_text(v, &s->scratch);
	if (!name.n && at->signal != LOGS)
		return err_set(err, ERR_INPUT, "a %s without a name", at->signal == SPANS ? "span" : "metric");
	formats_begin(s);
	if (name.n || !formats_settings.unnamed)
		formats_event(s, name.n ? name : STR("log"));
	v = at->signal == SPANS ? GET(at->point, "startTimeUnixNano") : GET(at->point, "timeUnixNano");
	if ((integer(v, &ns, &s->scratch) && ns > 0) ||
	    (at->signal == LOGS && integer(GET(at->point, "observedTimeUnixNano"), &ns, &s->scratch) && ns > 0)) {
		formats_top(s, "timestamp");
		buf_int64(&s->json, ns);
	}
	v = attribute(attributes, STR("user.id"));
	put_top(s, "user_id", json_is(v, JSON_NONE) ? attribute(attributes, STR("enduser.id")) : v);
	put_top(s, "session_id", attribute(attributes, STR("session.id")));
	formats_properties(s);
	if (at->signal == LOGS)
		put_log(s, at->point);
	else if (at->signal == SPANS)
		put_span(s, at->point);
	else
		put_point(s, at);
	put_attributes(s, attributes, 0);
	put_attributes(s, resource, 1);
	v = GET(at->scope, "name");
	if (json_is(v, JSON_STRING) && v.n > 2 && formats_member(s, STR("scope")))
		json_put_compact(&s->json, v);
	formats_end(s, r, 2);
	return IN_LINE;
}

static int
next(void *self, struct record *r, struct err *err)
{
	struct otlp *o = self;
	struct str line;
	struct json v;
	int rc;

	while (!o->input.p || !o->ahead) {
		if ((rc = formats_line(&o->s, r, &line, err)) != IN_LINE)
			return rc;
		if (!str_trim(line).n)
			continue;
		if ((rc = json_check(line, err)))
			return rc;
		v = json_value(line);
		if (!json_is(v, JSON_OBJECT) || (json_is(GET(v, "resourceLogs"), JSON_NONE) && json_is(GET(v, "resourceSpans"), JSON_NONE) &&
		    json_is(GET(v, "resourceMetrics"), JSON_NONE)))
			return err_set(err, ERR_INPUT, "no resourceLogs, resourceSpans or resourceMetrics: this is no OTLP");
		o->input = r->input;
		o->number = r->line;
		o->top = json_iter(v);
		o->level = 0;
		o->ahead = advance(o);
	}
	r->input = o->input;
	r->line = o->number;
	r->end = in_offset(o->s.in);
	r->checked = 1;
	o->now = o->walk;
	o->ahead = advance(o);
	r->more = (uint8_t)o->ahead;
	if (!o->ahead)
		o->input.p = NULL;
	return give(o, &o->now, r, err);
}

static int
looks(struct str head, const char *file)
{
	struct str line = str_trim(formats_first_line(head));

	(void)file;
	if (line.n > 64)
		line.n = 64;
	return line.n && line.p[0] == '{' && (memmem(line.p, line.n, "\"resourceLogs\"", 14) || memmem(line.p, line.n, "\"resourceSpans\"", 15) ||
	    memmem(line.p, line.n, "\"resourceMetrics\"", 17)) ? 97 : 0;
}

const struct format formats_otlp = {
	"otlp", "OpenTelemetry logs, spans and metrics as OTLP/JSON lines", looks, otlp_open, next, formats_close
};
