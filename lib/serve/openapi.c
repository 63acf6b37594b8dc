/* openapi.c - the route table as a document, OpenAPI 3.1: what is not in a row is not in it, and the other way round. */
#include "serve/route.h"

#ifndef VERSION
#define VERSION "0"
#endif

static const char head[] = "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"at\",\"version\":\"" VERSION "\","
    "\"description\":\"Real-time analytics: events in, metrics, SQL, funnels, alerts and insights out. Errors are RFC 9457 problems that say how to mend.\","
    "\"license\":{\"name\":\"see LICENSE\"}},\"servers\":[{\"url\":\"/\"}],"
    "\"security\":[{\"key\":[]},{\"bearer\":[]},{\"basic\":[]},{\"session\":[]}],\"paths\":{";

static const char security[] = "\"securitySchemes\":{"
    "\"key\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"},"
    "\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"An API key, or a JWT of the configured issuer.\"},"
    "\"basic\":{\"type\":\"http\",\"scheme\":\"basic\",\"description\":\"The API key as user, no password.\"},"
    "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"at_session\",\"description\":\"Over TLS it is __Host-at_session.\"}},"
    "\"responses\":{\"Problem\":{\"description\":\"What is wrong, and the mend.\",\"headers\":{"
    "\"X-Request-Id\":{\"schema\":{\"type\":\"string\"}},\"Retry-After\":{\"description\":\"With 429 and 503: seconds.\",\"schema\":{\"type\":\"integer\"}}},"
    "\"content\":{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}},";

static const struct { const char *type, *schema; } types[] = {
	{ "string", "{\"type\":\"string\"}" },
	{ "number", "{\"type\":\"number\"}" },
	{ "integer", "{\"type\":\"integer\",\"minimum\":0}" },
	{ "duration", "{\"type\":\"string\",\"pattern\":\"^[0-9]+(ms|s|m|h|d|w)([0-9]+(ms|s|m|h|d|w))*$\",\"examples\":[\"1h\",\"7d\"]}" },
	{ "time", "{\"type\":\"string\",\"examples\":[\"2026-11-23T10:15:30Z\"]}" },
	{ "list", "{\"type\":\"string\",\"examples\":[\"a,b,c\"]}" },
	{ "boolean", "{\"type\":\"boolean\"}" },
};

static void
put_text(struct buf *b, const char *key, const char *text)
{
	json_put_key(b, str_of(key));
	json_put_string(b, str_of(text));
}

static void
put_params(struct buf *b, const struct route *r)
{
	const char *p = r->path;
	int n = 0;

	buf_lit(b, "\"parameters\":[");
	while ((p = strchr(p, '{'))) {
		const char *end = strchr(p, '}');

		buf_lit(b, n++ ? ",{\"name\":" : "{\"name\":");
		json_put_string(b, (struct str){ p + 1, (size_t)(end - p) - 1 });
		buf_lit(b, ",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\",\"minLength\":1}}");
		p = end;
	}
	for (const struct route_param *q = r->params; q && q->name; q++) {
		const char *schema = types[0].schema;

		for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
			if (strcmp(types[i].type, q->type) == 0)
				schema = types[i].schema;
		if (q->required && schema == types[0].schema)
			schema = "{\"type\":\"string\",\"minLength\":1}";
		buf_lit(b, n++ ? ",{" : "{");
		put_text(b, "name", q->name);
		buf_printf(b, ",\"in\":\"query\",\"required\":%s,\"schema\":%s,", q->required ? "true" : "false", schema);
		put_text(b, "description", q->does);
		buf_byte(b, '}');
	}
	for (const struct route_param *q = r->heads; q && q->name; q++) {
		buf_lit(b, n++ ? ",{" : "{");
		put_text(b, "name", q->name);
		buf_lit(b, ",\"in\":\"header\",\"required\":false,\"schema\":{\"type\":\"string\"},");
		put_text(b, "description", q->does);
		buf_byte(b, '}');
	}
	buf_lit(b, "],");
}

/* "get_dashboards_id" of GET /api/v1/dashboards/{id}, "service_get_metrics" of GET /metrics. */
static void
put_operation_id(struct buf *b, const struct route *r)
{
	const char *p = strncmp(r->path, "/api/v1/", 8) == 0 ? r->path + 7 : r->path;

	buf_lit(b, p == r->path ? "\"operationId\":\"service_" : "\"operationId\":\"");
	for (const char *m = r->method; *m; m++)
		buf_byte(b, (char)(*m | 32));
	for (; *p; p++)
		if (*p != '{' && *p != '}')
			buf_byte(b, *p == '/' || *p == '.' ? '_' : *p);
	buf_lit(b, "\",");
}

static void
put_body(struct buf *b, const struct route *r)
{
	if (!r->body)
		return;
	buf_printf(b, "\"requestBody\":{\"required\":true,\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}", r->body);
	if (r->bodies)
		buf_printf(b, ",%s", r->bodies);
	buf_lit(b, "}},");
}

static void
put_problem(struct buf *b, int status)
{
	buf_printf(b, ",\"%d\":{\"$ref\":\"#/components/responses/Problem\"}", status);
}

/* Of a handshake, and what is wrong with one. */
static void
put_socket_responses(struct buf *b, const struct route *r)
{
	buf_lit(b, "\"responses\":{\"101\":{\"description\":\"The WebSocket is open.\"}");
	put_problem(b, 400);
	if (r->greets == 1) {
		put_problem(b, 401);
		put_problem(b, 403);
	}
	put_problem(b, 421);
	put_problem(b, 426);
	put_problem(b, 429);
	buf_lit(b, ",\"default\":{\"$ref\":\"#/components/responses/Problem\"}}");
}

static void
put_responses(struct buf *b, const struct route *r)
{
	int status = r->status ? r->status : 200, is_get = strcmp(r->method, "GET") == 0;

	buf_printf(b, "\"responses\":{\"%d\":{\"description\":", status);
	json_put_string(b, status == 204 ? STR("Done.") : STR("The answer."));
	buf_lit(b, ",\"headers\":{\"X-Request-Id\":{\"schema\":{\"type\":\"string\"}}}");
	if (r->answer && strchr(r->answer, '/')) {
		for (const char *at = r->answer, *comma; at; at = comma ? comma + 1 : NULL) {
			comma = strchr(at, ',');
			buf_printf(b, "%s\"%.*s\":{}", at == r->answer ? ",\"content\":{" : ",", comma ? (int)(comma - at) : (int)strlen(at), at);
		}
		buf_byte(b, '}');
	} else if (r->answer) {
		buf_printf(b, ",\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}%s}", r->answer,
		    strcmp(r->answer, "QueryAnswer") ? "" : ",\"application/x-ndjson\":{},\"text/csv\":{}");
	}
	buf_byte(b, '}');
	if (strcmp(r->method, "PUT") == 0 && r->action == AUTH_WRITE)
		buf_printf(b, ",\"201\":{\"description\":\"Made.\",\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}}}", r->answer);
	if (is_get && r->resource && r->answer && !strchr(r->answer, '/'))
		buf_lit(b, ",\"304\":{\"description\":\"Not changed since the ETag of If-None-Match.\"}");
	if (r->tells)
		buf_lit(b, ",\"503\":{\"description\":\"Not ready, with the reasons.\",\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Ready\"}}}}");
	if (r->params || r->body || r->how == ROUTE_HEAD)
		put_problem(b, 400);
	if (r->resource || strstr(r->path, "/login") || strstr(r->path, "/shared"))
		put_problem(b, 401);
	if (r->resource)
		put_problem(b, 403);
	if (strchr(r->path, '{') || r->resource)
		put_problem(b, 404);
	if (r->resource && !r->body && !is_get)
		put_problem(b, 409);
	if (r->body) {
		static const int more[] = { 409, 413, 415, 422 };

		for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++)
			put_problem(b, more[i]);
	} else if (r->params) {
		put_problem(b, 422);
	}
	if (r->resource) {
		if (strchr(r->path, '{') && !is_get)
			put_problem(b, 412);
		if (r->how == ROUTE_POOL)
			put_problem(b, 408);
		put_problem(b, 429);
		put_problem(b, 503);
	}
	buf_lit(b, ",\"default\":{\"$ref\":\"#/components/responses/Problem\"}}");
}

static void
put_operation(struct buf *b, const struct route *r)
{
	const char *tag = strncmp(r->path, "/api/v1/", 8) == 0 ? r->path + 8 : "service";
	struct buf method = { 0 };

	for (const char *m = r->method; *m; m++)
		buf_byte(&method, (char)(*m | 32));
	json_put_key(b, buf_get(&method));
	buf_release(&method);
	buf_byte(b, '{');
	put_operation_id(b, r);
	put_text(b, "summary", r->does);
	buf_lit(b, ",\"tags\":[");
	json_put_string(b, (struct str){ tag, strcspn(tag, "/") });
	buf_lit(b, "],");
	if (!r->resource || r->greets == 2)
		buf_lit(b, "\"security\":[],");
	else if (r->greets)                     /* or by the first message */
		buf_lit(b, "\"security\":[{\"key\":[]},{\"bearer\":[]},{\"basic\":[]},{\"session\":[]},{}],");
	put_params(b, r);
	put_body(b, r);
	if (r->status == 101)
		put_socket_responses(b, r);
	else
		put_responses(b, r);
	if (r->messages)
		buf_printf(b, ",\"x-messages\":%s", r->messages);
	buf_byte(b, '}');
}

static const struct route *
row_at(int i)
{
	for (int g = 0; route_groups[g]; g++)
		for (const struct route *r = route_groups[g]; r->method; r++)
			if (i-- == 0)
				return r;
	return NULL;
}

/* Answers that end when the caller goes: who tries the operations of `paths` one by one would wait for the end of one. */
static int
is_endless(const struct route *r)
{
	return r->answer && strcmp(r->answer, "text/event-stream") == 0;
}

static int
came_before(int i)
{
	for (int k = 0; k < i; k++)
		if (!row_at(k)->quiet && strcmp(row_at(k)->path, row_at(i)->path) == 0)
			return 1;
	return 0;
}

void
route_openapi(struct buf *b)
{
	const struct route *r, *other;
	struct str schemas = str_of(route_schemas);
	struct json all = json_get(json_get(json_value(schemas), STR("components")), STR("schemas"));
	int paths = 0, streams = 0;

	buf_lit(b, head);
	for (int i = 0; (r = row_at(i)); i++) {
		int n = 0;

		if (r->quiet || is_endless(r) || came_before(i))
			continue;
		if (paths++)
			buf_byte(b, ',');
		json_put_key(b, str_of(r->path));
		buf_byte(b, '{');
		for (int k = i; (other = row_at(k)); k++)
			if (!other->quiet && strcmp(other->path, r->path) == 0) {
				if (n++)
					buf_byte(b, ',');
				put_operation(b, other);
			}
		buf_byte(b, '}');
	}
	buf_lit(b, "},\"x-streams\":{");
	for (int i = 0; (r = row_at(i)); i++) {
		if (r->quiet || !is_endless(r))
			continue;
		if (streams++)
			buf_byte(b, ',');
		json_put_key(b, str_of(r->path));
		buf_byte(b, '{');
		put_operation(b, r);
		buf_byte(b, '}');
	}
	buf_lit(b, "},\"components\":{");
	buf_lit(b, security);
	buf_lit(b, "\"schemas\":");
	json_put_compact(b, all);
	buf_lit(b, "}}");
}
