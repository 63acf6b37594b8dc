/* exchange.c - from a request's head to its answer: which route, who, may he, how often, with what body. */
#include "serve/exchange.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "auth/audit.h"
#include "base/cmd.h"
#include "base/period.h"
#include "config/schema.h"
#include "serve/given.h"
#include "serve/serve_priv.h"

#define SPARE_MOST 256                  /* calls that are kept for the next requests: 350 KiB */

static const char page_policy[] = "default-src 'none'; frame-ancestors 'none'";

/* ---- answers */

static void
add_head(struct serve_call *c, const char *name, struct str value)
{
	if (c->n_heads < CALL_HEADS)
		c->heads[c->n_heads++] = (struct http_head){ name, value };
}

void
exchange_head(struct exchange *ex, const char *name, struct str value)
{
	struct serve_call *c = serve_call_of(ex);
	char *mine = arena_dup(ex->arena, value.p, value.n);

	if (mine)
		add_head(c, name, (struct str){ mine, value.n });
	if (strcasecmp(name, "Content-Security-Policy") == 0)
		c->is_page = 1;
}

void
exchange_place(struct exchange *ex, const char *collection, struct str id)
{
	struct buf place = { 0 };

	buf_printf(&place, "/api/v1/%s/%.*s", collection, STR_FMT(id));
	exchange_head(ex, "Location", buf_get(&place));
	buf_release(&place);
}

void
exchange_etag(struct exchange *ex, struct str tag)
{
	struct serve_call *c = serve_call_of(ex);

	snprintf(c->etag, sizeof(c->etag), "\"%.*s\"", (int)(tag.n > 32 ? 32 : tag.n), tag.p);
}

/* What every answer carries (ASVS V14, V8): nothing is sniffed, framed, kept or referred to. */
static void
common_heads(struct serve_call *c)
{
	const struct serve *s = c->ex.serve;

	add_head(c, "X-Request-Id", str_of(c->ex.id));
	add_head(c, "X-Content-Type-Options", STR("nosniff"));
	add_head(c, "Referrer-Policy", STR("no-referrer"));
	if (!c->is_page) {
		add_head(c, "Content-Security-Policy", str_of(page_policy));
		add_head(c, "Cache-Control", STR("no-store"));
	}
	if (s->is_tls)
		add_head(c, "Strict-Transport-Security", STR("max-age=31536000"));
	if (c->origin.p) {
		add_head(c, "Access-Control-Allow-Origin", c->setup->any_origin ? STR("*") : c->origin);
		if (!c->setup->any_origin) {
			add_head(c, "Access-Control-Allow-Credentials", STR("true"));
			add_head(c, "Vary", STR("Origin"));
		}
		add_head(c, "Access-Control-Expose-Headers", STR("ETag, X-Request-Id, Retry-After, Location"));
	} else if (c->setup->n_origins && !c->setup->any_origin) {
		add_head(c, "Vary", STR("Origin"));
	}
}

void
exchange_send(struct exchange *ex, int status, const char *type, struct str body)
{
	struct serve_call *c = serve_call_of(ex);
	struct http_answer answer = { .status = status, .type = type, .body = body };

	if (c->etag[0])
		add_head(c, "ETag", str_of(c->etag));
	common_heads(c);
	answer.heads = c->heads;
	answer.n_heads = c->n_heads;
	c->status = status;
	c->bytes = (int64_t)body.n;
	http_answer(ex->request, &answer);      /* behind this the exchange may be gone */
}

/* Is one of the tags in the header this one? Weakly: W/ does not matter. */
static int
names_tag(struct str header, const char *etag)
{
	struct str piece;

	etag += strncmp(etag, "W/", 2) ? 0 : 2;
	while (header.p && str_cut(&header, ',', &piece)) {
		piece = str_trim(piece);
		if (str_starts(piece, STR("W/")))
			piece.p += 2, piece.n -= 2;
		if (str_eq(piece, STR("*")) || str_eq(piece, str_of(etag)))
			return 1;
	}
	return 0;
}

void
exchange_json(struct exchange *ex, int status, struct buf *json)
{
	struct serve_call *c = serve_call_of(ex);

	if (ex->route->keeps && c->version && status == 200)
		serve_kept_put(c, buf_get(json));

	if (status == 200 && (str_eq(http_method(ex->request), STR("GET")) || str_eq(http_method(ex->request), STR("HEAD")))) {
		if (!c->etag[0])        /* weak, where the bytes behind what is said may differ (RFC 9110, 8.8.1) */
			snprintf(c->etag, sizeof(c->etag), "%s\"%016llx\"", ex->said ? "W/" : "",
			    (unsigned long long)str_hash_stable((struct str){ buf_text(json), ex->said ? ex->said : json->n }));
		if (names_tag(http_header(ex->request, "If-None-Match"), c->etag)) {
			exchange_send(ex, 304, NULL, (struct str){ 0 });
			return;
		}
	}
	exchange_send(ex, status, "application/json", buf_get(json));
}

void
exchange_list_begin(struct exchange_list *l, struct exchange *ex, const char *name)
{
	*l = (struct exchange_list){ .ex = ex };
	buf_printf(&l->json, "{\"%s\":[", name);
}

struct buf *
exchange_list_item(struct exchange_list *l)
{
	if (l->n++)
		buf_byte(&l->json, ',');
	return &l->json;
}

void
exchange_list_end(struct exchange_list *l, const struct err *err)
{
	buf_lit(&l->json, "]}");
	if (err->code)
		exchange_error(l->ex, err);
	else
		exchange_json(l->ex, 200, &l->json);
	buf_release(&l->json);
}

void
exchange_none(struct exchange *ex)
{
	exchange_send(ex, 204, NULL, (struct str){ 0 });
}

static void
problem(struct exchange *ex, int status, struct str detail)
{
	struct buf json = { 0 };

	buf_lit(&json, "{\"type\":\"about:blank\",\"title\":");
	json_put_string(&json, str_of(http_reason(status)));
	buf_printf(&json, ",\"status\":%d,\"detail\":", status);
	json_put_string(&json, detail);
	buf_lit(&json, ",\"instance\":");
	json_put_string(&json, http_path(ex->request));
	buf_printf(&json, ",\"request\":\"%s\"}", ex->id);
	serve_call_of(ex)->etag[0] = 0;
	exchange_send(ex, status, "application/problem+json", buf_get(&json));
	buf_release(&json);
}

void
exchange_problem(struct exchange *ex, int status, const char *mend, ...)
{
	struct buf text = { 0 };
	char line[1024];
	va_list ap;

	va_start(ap, mend);
	vsnprintf(line, sizeof(line), mend, ap);
	va_end(ap);
	for (struct str rest = str_of(line); rest.n; ) {         /* what was cut in the middle of a character ends before it */
		long bad = str_utf8_fault(rest);

		buf_add(&text, rest.p, bad < 0 ? rest.n : (size_t)bad);
		if (bad < 0)
			break;
		rest.p += bad + 1, rest.n -= (size_t)bad + 1;
	}
	problem(ex, status, buf_get(&text));
	buf_release(&text);
}

void
serve_reword(struct buf *text)
{
	static const struct { const char *from, *to; } words[] = {
		{ ", give the row \"event\" or use --event NAME", ", give it \"event\"" }, { ", give -P", ", give it in parameters" },
		{ "at-query schema shows what there is", "GET /api/v1/schema shows what there is" }, { "see at-sql(7)", "see the page at-sql" },
		{ "--max-memory allows", "serve.query.memory allows" }, { "--timeout allows", "serve.query.timeout allows" },
		{ "at-query schema lists them", "GET /api/v1/schema lists them" }, { "at-insight explain METRIC", "POST /api/v1/insights" },
		{ "at-insight forecast METRIC", "GET /api/v1/forecast" },
	};
	struct buf said = { 0 };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		const char *at = text->n ? memmem(text->p, text->n, words[i].from, strlen(words[i].from)) : NULL, *behind;

		if (!at)
			continue;
		behind = at + strlen(words[i].from);
		buf_clear(&said);
		buf_add(&said, text->p, (size_t)(at - text->p));
		buf_lit(&said, words[i].to);
		buf_add(&said, behind, (size_t)(text->p + text->n - behind));
		buf_clear(text);
		buf_str(text, buf_get(&said));
	}
	buf_release(&said);
}

void
serve_reword_err(struct err *err)
{
	struct buf text = { 0 };

	buf_lit(&text, err->text);
	serve_reword(&text);
	snprintf(err->text, sizeof(err->text), "%s", buf_text(&text));
	buf_release(&text);
}

void
exchange_stopping(struct exchange *ex)
{
	exchange_head(ex, "Retry-After", STR("5"));
	exchange_problem(ex, 503, "the server is stopping, send it again");
}

void
exchange_error(struct exchange *ex, const struct err *why)
{
	struct err reworded = *why, *err = &reworded;
	struct figures_part *f = figures_part(ex->serve->figures, ex->serve->worker);

	serve_reword_err(err);
	switch (err->code) {
	case ERR_INPUT: case ERR_USAGE:
		exchange_problem(ex, 400, "%s", err->text);
		return;
	case ERR_DENIED:
		exchange_problem(ex, 403, "%s", err->text);
		return;
	case ERR_LIMIT:
		exchange_problem(ex, 422, "%s", err->text);
		return;
	case ERR_CANCEL:
		if (atomic_load_explicit(&serve_halting, memory_order_relaxed)) {
			exchange_stopping(ex);
			return;
		}
		exchange_problem(ex, 408, "it took longer than %lld ms (serve.query.timeout), ask for a shorter timeRange or fewer groups",
		    (long long)serve_call_of(ex)->setup->query_ms);
		return;
	case ERR_CORRUPT:
		serve_log(ex->serve, "error", "store", (struct str){ 0 });
		exchange_problem(ex, 500, "part of the store is damaged, see at-admin verify");
		return;
	default:                                /* paths and reasons of the machine are for its log, not for the caller */
		{
			struct buf more = { 0 };

			json_put_key(&more, STR("error"));
			json_put_string(&more, str_of(err->text));
			buf_printf(&more, ",\"request\":\"%s\"", ex->id);
			serve_log(ex->serve, "error", "failed", buf_get(&more));
			buf_release(&more);
		}
		figures_add(&f->overloaded, 1);
		exchange_head(ex, "Retry-After", STR("2"));
		exchange_problem(ex, 503, err->code == ERR_FULL ? "the server's disk is full, send it again later" : "the store does not answer, send it again");
	}
}

/* ---- answers in pieces */

int
exchange_stream(struct exchange *ex, const char *type)
{
	struct serve_call *c = serve_call_of(ex);
	struct http_answer answer = { .status = 200, .type = type };

	common_heads(c);
	answer.heads = c->heads;
	answer.n_heads = c->n_heads;
	c->status = 200;
	c->streaming = 1;
	return http_stream_begin(ex->request, &answer);
}

int
exchange_write(struct exchange *ex, struct str bytes)
{
	serve_call_of(ex)->bytes += (int64_t)bytes.n;
	return http_stream_write(ex->request, bytes);
}

void
exchange_stream_end(struct exchange *ex)
{
	http_stream_end(ex->request);
}

void
exchange_stream_cut(struct exchange *ex)
{
	serve_call_of(ex)->is_cut = 1;
	http_stream_cut(ex->request);
}

/* ---- parameters */

struct str
exchange_param(const struct exchange *ex, const char *name)
{
	struct str value = { 0 };

	if (http_param(ex->arena, ex->params.p ? ex->params : http_query(ex->request), name, &value))
		return (struct str){ 0 };
	return value;
}

struct str
exchange_text(struct exchange *ex, struct json v)
{
	return json_text_dup(v, ex->arena);
}

int
exchange_range(struct exchange *ex, int64_t default_ms, int64_t *from, int64_t *to)
{
	return exchange_period(ex, (struct period_text){ exchange_param(ex, "timeRange"), exchange_param(ex, "from"), exchange_param(ex, "to") }, default_ms, from, to);
}

int
exchange_period(struct exchange *ex, struct period_text text, int64_t default_ms, int64_t *from, int64_t *to)
{
	struct err err = { 0 };

	text.from.p = text.from.n ? text.from.p : NULL;         /* from= says nothing, as timeRange= does */
	text.to.p = text.to.n ? text.to.p : NULL;
	if (period_read(&text, default_ms, ex->serve->spec.zone, from, to, &err))
		exchange_problem(ex, 400, "%s", err.text);
	return err.code;
}

/* ---- the body */

/* The schemas of the routes, compiled once. */
static const struct schema *
schema_of(const char *name, struct err *err)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct map known;
	struct json root = json_value(str_of(route_schemas)), v;
	struct map_entry *e;

	pthread_mutex_lock(&lock);
	e = map_put(&known, str_of(name), NULL);
	if (!e->ptr) {
		v = json_get(json_get(json_get(root, STR("components")), STR("schemas")), str_of(name));
		e->ptr = schema_new(v, root, NULL, err);
	}
	pthread_mutex_unlock(&lock);
	return e->ptr;
}

static int
type_is(struct str type, const char *name)
{
	return http_same(http_media(type), str_of(name));
}

static int
is_json_type(struct str type)
{
	struct str name = http_media(type);

	return !name.n || type_is(type, "application/json") ||
	    (name.n > 17 && http_same((struct str){ name.p, 12 }, STR("application/")) && http_same((struct str){ name.p + name.n - 5, 5 }, STR("+json")));
}

/* Types that clients put on JSON by mistake; of a CloudEvent in headers it is that of its data. */
static int
is_loose_type(const struct exchange *ex, struct str type)
{
	return is_json_type(type) || serve_cloudevent_kind(ex) == CLOUD_HEADERS || type_is(type, "text/plain") || type_is(type, "application/x-www-form-urlencoded") || type_is(type, "application/x-ndjson") ||
	    type_is(type, "application/jsonl") || type_is(type, "application/ndjson") || type_is(type, "application/octet-stream") || type_is(type, "text/json") ||
	    type_is(type, "application/gzip") || type_is(type, "application/x-gzip");
}

int
serve_exchange_schema(const char *name, struct json v, struct err *err)
{
	const struct schema *schema = schema_of(name, err);

	return schema ? schema_check(schema, v, NULL, NULL, err) : err->code;
}

#define NESTED 32                       /* deeper than what any schema names */

/* The name that an object of it has two members of: readers differ in which one they take, and what is kept would go to all of them. JSON_ABSENT: none. */
static struct json
twin(struct json v, int depth, struct buf *scratch)
{
	struct json found = JSON_ABSENT;
	struct map seen = { 0 };

	for (struct json_iter it = json_iter(v); found.type == JSON_NONE && json_next(&it); ) {
		int is_new = 1;

		if (v.type == JSON_OBJECT)
			map_put(&seen, json_text(it.key, scratch), &is_new);
		if (!is_new)
			found = it.key;
		else if (depth && (it.value.type == JSON_OBJECT || it.value.type == JSON_ARRAY))
			found = twin(it.value, depth - 1, scratch);
	}
	map_release(&seen);
	return found;
}

/* A PUT of what a GET gave: it is of this place, and what only the server says is left. 0 or ERR_INPUT. */
static int
take_back(struct exchange *ex, struct err *err)
{
	struct json id = json_get(ex->sent, STR("id")), tenant = json_get(ex->sent, STR("tenant")), version = json_get(ex->sent, STR("version"));
	const char *schema = ex->route->answer;
	struct buf b = { 0 };
	char *kept;
	int64_t n;

	if (ex->sent.type != JSON_OBJECT)
		return 0;
	if (id.type && !json_text_eq(id, ex->segment[0]))
		return err_set(err, ERR_INPUT, "id: is another than the path's; an id stays what it is");
	if (tenant.type && given_is_read_only(schema, STR("tenant")) && !json_text_eq(tenant, ex->who->tenant))
		return err_set(err, ERR_INPUT, "tenant: is another than the one that is asked, name it by X-Tenant");
	if (version.type && given_is_read_only(schema, STR("version")) && !json_int64(version, &n))
		return err_set(err, ERR_INPUT, "version: wants the whole number that was read");
	given_put(&b, schema, ex->sent);
	if ((kept = arena_dup(ex->arena, b.p, b.n)))
		ex->body = json_checked((struct str){ kept, b.n });
	buf_release(&b);
	return kept ? 0 : err_set(err, ERR_INPUT, "the body is larger than any record");
}

int
serve_exchange_body(struct serve_call *c, struct str body)
{
	struct exchange *ex = &c->ex;
	struct buf scratch = { 0 };
	struct err err = { 0 };
	struct json twice;

	body = str_unmarked(body);
	if (!body.n) {
		exchange_problem(ex, 400, "the body is empty, send a JSON object");
		return ERR_INPUT;
	}
	if (json_check(body, &err)) {
		exchange_problem(ex, 400, "the body is no JSON, byte %ld: %s", err.col, err.text);
		return ERR_INPUT;
	}
	ex->body = ex->sent = json_checked(body);
	if (!ex->route->body)
		return 0;
	if ((strcmp(ex->route->method, "PUT") == 0 && take_back(ex, &err)) || serve_exchange_schema(ex->route->body, ex->body, &err)) {
		exchange_problem(ex, 422, "%s", err.text);
		return ERR_INPUT;
	}
	if ((twice = twin(ex->sent, NESTED, &scratch)).type != JSON_NONE) {
		struct str name = json_text(twice, &scratch);

		err_set(&err, ERR_INPUT, "%.*s: is there twice", name.n > 60 ? 60 : (int)name.n, name.p);
		exchange_problem(ex, 422, "%s", err.text);
	}
	buf_release(&scratch);
	return err.code;
}

static int check_who(struct serve_call *, int may_wait);
static int check_rate(struct serve_call *);
static int check_may(struct serve_call *);

/* Back on the loop with somebody known. */
static void
go_on(void *self)
{
	struct serve_call *c = self;

	c->ex.route->call(&c->ex);
}

void
serve_exchange_run(struct serve_call *c)
{
	if (c->who_later) {                     /* in a thread of the pool: it may wait for the network */
		c->who_later = 0;
		if (check_who(c, 1) || check_rate(c) || check_may(c))
			return;
		if (c->ex.route->how == ROUTE_LOOP) {
			if (http_server_call(c->ex.serve->http, go_on, c) < 0)
				exchange_stopping(&c->ex);
			return;
		}
	}
	if (c->ex.route->keeps && serve_kept_answer(c))         /* somebody asked the same while this waited */
		return;
	if (c->ex.route->body && !c->ex.route->loose && serve_exchange_body(c, http_body(c->ex.request)))
		return;
	c->ex.route->call(&c->ex);
}

/* ---- the head */

/* Request ids: 128 bits that nobody else has had; not secret. */
static void
make_id(struct serve *s, char out[33])
{
	uint64_t word[2];

	for (int i = 0; i < 2; i++) {           /* splitmix64 (Steele, Lea, Flood) */
		uint64_t z = s->id_seed += 0x9e3779b97f4a7c15;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
		word[i] = z ^ (z >> 31);
	}
	for (int i = 0; i < 32; i++)
		out[i] = "0123456789abcdef"[word[i / 16] >> (4 * (i % 16)) & 15];
	out[32] = 0;
}

/* traceparent: 00-<32 hex>-<16 hex>-<2 hex> (W3C Trace Context). */
static void
read_trace(struct serve_call *c)
{
	struct str t = http_header(c->ex.request, "traceparent");

	if (t.n < 55 || t.p[2] != '-' || t.p[35] != '-' || t.p[52] != '-' || memcmp(t.p, "ff", 2) == 0)
		return;
	for (int i = 3; i < 35; i++)
		if (!strchr("0123456789abcdef", t.p[i]))
			return;
	memcpy(c->trace, t.p + 3, 32);
	c->trace[32] = 0;
}

static int
in_list(struct str what, const struct str *list, int n)
{
	for (int i = 0; i < n; i++)
		if (what.n == list[i].n && strncasecmp(what.p, list[i].p, what.n) == 0)
			return 1;
	return 0;
}

static void
read_origin(struct serve_call *c)
{
	struct str origin = http_header(c->ex.request, "Origin");

	if (origin.p && (c->setup->any_origin || in_list(origin, c->setup->origin, c->setup->n_origins)))
		c->origin = origin;
}

/* 127.x.y.z, or 127.1 as some write it, and no name that begins like it: "127.example.com" may lead anywhere. */
static int
is_own_number(struct str host)
{
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
			return 0;
	return str_starts(host, STR("127."));
}

/* A page of somebody else's whose name was made to lead here (DNS rebinding) names itself in Host. 1: it is one of ours. */
static int
host_is_ours(const struct serve_call *c)
{
	static const struct str local[] = { { "localhost", 9 }, { "127.0.0.1", 9 }, { "[::1]", 5 } };
	struct str host = http_host(c->ex.request);
	const char *colon = host.n ? memrchr(host.p, ':', host.n) : NULL;

	if (!c->ex.serve->is_loopback || !host.n)
		return 1;
	if (colon && !(host.p[host.n - 1] == ']'))
		host.n = (size_t)(colon - host.p);
	if (in_list(host, local, 3) || in_list(host, c->setup->host, c->setup->n_hosts) || is_own_number(host))
		return 1;
	return host.n > 10 && strncasecmp(host.p + host.n - 10, ".localhost", 10) == 0;
}

/* A page that may use the visitor's session: one that this server itself gave out, or of an origin that is named in the configuration. */
static int
origin_is_ours(const struct serve_call *c)
{
	struct str origin = http_header(c->ex.request, "Origin"), host = http_host(c->ex.request);

	if (in_list(origin, c->setup->origin, c->setup->n_origins))
		return 1;
	for (const struct str scheme[] = { STR("https://"), STR("http://") }, *s = scheme; s < scheme + 2; s++)
		if (origin.p && str_starts(origin, *s))
			return http_same((struct str){ origin.p + s->n, origin.n - s->n }, host);
	return 0;
}

/* A page of somebody else's that makes the visitor's browser do something here (CSRF). The session's cookie does not come along from
 * other sites (SameSite), but it does from other ports of this machine: what changes anything with it, and what makes a session, must come
 * from a page of ours. Who is no browser says nothing of either, and needs to know the cookie. */
static int
is_forged(const struct serve_call *c)
{
	struct http_request *r = c->ex.request;
	struct str method = http_method(r), origin = http_header(r, "Origin"), site = http_header(r, "Sec-Fetch-Site"), path = http_path(r);
	int session = c->ex.who && c->ex.who->kind == AUTH_SESSION, logs_in = str_starts(path, STR("/api/v1/login"));

	if ((!session && !logs_in) || str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")))
		return 0;
	if (origin.p)
		return !origin_is_ours(c);
	return site.p && !str_eq(site, STR("same-origin")) && !str_eq(site, STR("none"));
}

/* curl -d says that any body is a form. So it is taken by its content, but not from a browser, where any page can send one without asking:
 * a browser says where it comes from. Nor with a session. */
static int
is_form_of_a_program(const struct serve_call *c)
{
	struct http_request *r = c->ex.request;

	return type_is(http_header(r, "Content-Type"), "application/x-www-form-urlencoded") && !http_header(r, "Origin").p && !http_header(r, "Sec-Fetch-Site").p &&
	    !http_header(r, "Cookie").p && !(c->ex.who && c->ex.who->kind == AUTH_SESSION);
}

static struct str
cookie(struct str header, struct str name)
{
	struct str piece;

	while (header.p && str_cut(&header, ';', &piece)) {
		piece = str_trim(piece);
		if (piece.n > name.n && str_starts(piece, name) && piece.p[name.n] == '=')
			return (struct str){ piece.p + name.n + 1, piece.n - name.n - 1 };
	}
	return (struct str){ 0 };
}

struct str
serve_exchange_cookie(struct exchange *ex, struct str name)
{
	return cookie(http_header(ex->request, "Cookie"), name);
}

struct str
serve_exchange_session(struct exchange *ex)
{
	return serve_exchange_cookie(ex, ex->serve->is_tls ? STR("__Host-at_session") : STR("at_session"));
}

void
serve_exchange_set_session(struct exchange *ex, struct str secret)
{
	struct buf cookie = { 0 };

	buf_printf(&cookie, "%sat_session=%.*s; Path=/; HttpOnly; SameSite=Strict%s%s", ex->serve->is_tls ? "__Host-" : "", STR_FMT(secret),
	    ex->serve->is_tls ? "; Secure" : "", secret.n ? "" : "; Max-Age=0");
	exchange_head(ex, "Set-Cookie", buf_get(&cookie));
	buf_release(&cookie);
}

/* What came of asking who it is: 0, or answered with 401, 403 or 429. */
static int
told_who(struct serve_call *c, int rc, const struct err *err)
{
	struct figures_part *f = figures_part(c->ex.serve->figures, c->ex.serve->worker);
	struct http_request *r = c->ex.request;
	char wait[24];

	switch (rc) {
	case 0:
		return 0;
	case ERR_LIMIT:
		figures_add(&f->limited, 1);
		snprintf(wait, sizeof(wait), "%ld", err->col > 0 ? err->col : 1);
		exchange_head(&c->ex, "Retry-After", str_of(wait));
		exchange_problem(&c->ex, 429, "%s", err->text);
		break;
	case ERR_DENIED:
		figures_add(&f->forbidden, 1);
		exchange_problem(&c->ex, 403, "%s", err->text);
		break;
	case ERR_INPUT:
		figures_add(&f->unauthorized, 1);
		exchange_head(&c->ex, "WWW-Authenticate", STR("Bearer realm=\"at\""));
		exchange_problem(&c->ex, 401, "%s", http_header(r, "Authorization").p || http_header(r, "X-API-Key").p || http_header(r, "Cookie").p ?
		    err->text : "no credentials, send Authorization: Bearer KEY or X-API-Key: KEY");
		break;
	case ERR_IO:
		if (strstr(err->text, "identity provider")) {
			exchange_head(&c->ex, "Retry-After", STR("2"));
			exchange_problem(&c->ex, 503, "the identity provider does not answer, send it again");
			break;
		}
		/* fallthrough */
	default:
		exchange_error(&c->ex, err);
	}
	return rc;
}

/* Whoever may turn to any tenant may name one that is not there: nothing is made by a name alone. 0, or answered. */
static int
check_tenant(struct serve_call *c)
{
	struct str tenant = c->ex.who->tenant;

	if (serve_tenant_is_there(c->ex.serve, tenant))
		return 0;
	exchange_problem(&c->ex, 404, "there is no tenant '%.*s', POST /api/v1/tenants makes one", tenant.n > 63 ? 63 : (int)tenant.n, tenant.p);
	return ERR_INPUT;
}

struct auth_credentials
serve_exchange_credentials(struct exchange *ex)
{
	struct http_request *r = ex->request;
	struct auth_credentials with = { .authorization = http_header(r, "Authorization"), .key = http_header(r, "X-API-Key"),
		.session = serve_exchange_session(ex), .tenant = http_header(r, "X-Tenant"), .address = http_client(r) };
	struct str tenant;

	if (!with.tenant.n)                     /* a header that says nothing */
		with.tenant.p = NULL;
	if (!with.authorization.p && !with.key.p && http_query(r).n)
		with.key = exchange_param(ex, "api_secret");
	if (!with.tenant.p && ex->route->greets == 1 && (tenant = exchange_param(ex, "tenant")).n)      /* a page's WebSocket has no headers of its own */
		with.tenant = tenant;
	return with;
}

static int
check_who(struct serve_call *c, int may_wait)
{
	struct auth_credentials with = serve_exchange_credentials(&c->ex);
	struct err err = { 0 };
	int rc;

	rc = may_wait ? auth_check(c->ex.serve->auth, &with, &c->ex.who, &err) : auth_check_now(c->ex.serve->auth, &with, &c->ex.who, &err);
	if (rc == 1)
		return c->who_later = 1, 0;
	return rc ? told_who(c, rc, &err) : check_tenant(c);
}

/* Keys of all tenants have ids of their own; a user has as many sessions as he likes, and a provider's tokens say any id. */
void
serve_exchange_caller(const struct exchange *ex, struct buf *to)
{
	const struct principal *who = ex->who;

	if (who->kind == AUTH_KEY && who->id.n) {
		buf_str(to, who->id);
		return;
	}
	buf_lit(to, who->kind == AUTH_SESSION ? "session" : "token");
	buf_byte(to, 0);
	buf_str(to, principal_home(who));
	buf_byte(to, 0);
	buf_str(to, who->name);
}

/* 0, or answered with 429. */
static int
check_rate(struct serve_call *c)
{
	struct buf caller = { 0 };
	int rc;

	if (c->setup->rate <= 0 || c->who_later)        /* who comes later is nobody yet */
		return 0;
	serve_exchange_caller(&c->ex, &caller);
	rc = serve_exchange_rate(&c->ex, buf_get(&caller), c->setup->rate, c->setup->burst, "key");
	buf_release(&caller);
	return rc;
}

int
serve_exchange_rate(struct exchange *ex, struct str who, double per_second, double burst, const char *what)
{
	struct serve *s = ex->serve;
	double wait = rates_take(s->rates, who, per_second, burst, time_mono_ns());
	char seconds[24];

	if (wait <= 0)
		return 0;
	figures_add(&figures_part(s->figures, s->worker)->limited, 1);
	snprintf(seconds, sizeof(seconds), "%.0f", ceil(wait));
	exchange_head(ex, "Retry-After", str_of(seconds));
	exchange_problem(ex, 429, "more than %g requests a second of this %s, slow down", per_second, what);
	return ERR_LIMIT;
}

/* Webhooks send events whole, rules judge all there are, and silences name labels of any alert: who sees a part of the tenant would see the
 * rest by them. */
static int
looks_past(const struct principal *who, const struct route *route)
{
	return who->policy && (strcmp(route->resource, "webhooks") == 0 || strcmp(route->resource, "silences") == 0 ||
	    (strcmp(route->resource, "rules") == 0 && route->action != AUTH_READ));
}

static int
check_may(struct serve_call *c)
{
	return c->who_later ? 0 : serve_exchange_may(&c->ex, c->ex.segment[0]);
}

int
serve_exchange_may(struct exchange *ex, struct str name)
{
	int past = looks_past(ex->who, ex->route);

	if (!past && (ex->route->anyone || principal_may(ex->who, ex->route->action, ex->route->resource, name)))
		return 0;
	figures_add(&figures_part(ex->serve->figures, ex->serve->worker)->forbidden, 1);
	serve_call_of(ex)->is_refused = 1;
	audit_later(ex->serve->auth, &(struct audit_entry){ .tenant = ex->who->tenant, .who = ex->who->name, .from = str_of(http_client(ex->request)),
	    .action = STR("deny"), .object = http_path(ex->request), .result = STR("denied"), .request = str_of(ex->id) });
	exchange_problem(ex, 403, past ? "your roles show a part of the tenant, so they do not allow %s:%s" : "your roles do not allow %s:%s", ex->route->action == AUTH_READ ? "read" : ex->route->action == AUTH_WRITE ? "write" : "admin",
	    ex->route->resource);
	return ERR_INPUT;
}

static int
param_is_good(const struct route_param *p, struct str value, const struct zone *zone)
{
	struct err err = { 0 };
	double real;
	int64_t n;

	if (strcmp(p->type, "integer") == 0)
		return str_int64(value, &n) == 0 && n >= 0;
	if (strcmp(p->type, "number") == 0)
		return str_double(value, &real) == 0;
	if (strcmp(p->type, "duration") == 0)
		return dur_parse(value, &n, &err) == 0;
	if (strcmp(p->type, "time") == 0)
		return time_parse(value, zone, &n, &err) == 0;
	if (strcmp(p->type, "boolean") == 0)
		return str_eq(value, STR("true")) || str_eq(value, STR("false")) || str_eq(value, STR("1")) || str_eq(value, STR("0"));
	return str_utf8_fault(value) < 0 && !memchr(value.p, 0, value.n);
}

static int
check_params(struct serve_call *c)
{
	struct exchange *ex = &c->ex;

	for (const struct route_param *p = ex->route->params; p && p->name; p++) {
		struct str value = { 0 };

		if (http_param(ex->arena, http_query(ex->request), p->name, &value)) {
			exchange_problem(ex, 400, "%s: a %% that two hexadecimal digits do not follow", p->name);
			return ERR_INPUT;
		}
		if (!value.p || !value.n) {
			if (!p->required)
				continue;
			exchange_problem(ex, 400, "%s is missing: %s", p->name, p->does);
			return ERR_INPUT;
		}
		if (!param_is_good(p, value, ex->serve->spec.zone)) {
			exchange_problem(ex, 400, "%s: '%.*s' is no %s: %s", p->name, (int)(value.n > 60 ? 60 : value.n), value.p, p->type, p->does);
			return ERR_INPUT;
		}
	}
	return 0;
}

/* A name that nobody reads is a mistake, "timerange", whose answer would be believed; so is a second value, of which nobody reads either. */
static int
check_names(struct serve_call *c)
{
	struct exchange *ex = &c->ex;
	struct str rest = http_query(ex->request), item, name;
	uint64_t given = 0;

	if (!str_starts(str_of(ex->route->path), STR("/api/v1/")))
		return 0;
	while (rest.n && str_cut(&rest, '&', &item)) {
		const struct route_param *p = ex->route->params;
		struct str value = { 0 };
		int i = 0;

		str_cut(&item, '=', &name);
		if (!name.n)
			continue;
		http_param(ex->arena, name, "api_secret", &value);
		for (; p && p[i].name && !value.p; i++)
			http_param(ex->arena, name, p[i].name, &value);
		if (i && value.p && given & 1ull << (i & 63)) {
			exchange_problem(ex, 400, "%s is given twice", p[i - 1].name);
			return ERR_INPUT;
		}
		given |= i && value.p ? 1ull << (i & 63) : 0;
		if (value.p)
			continue;
		exchange_problem(ex, 400, "no parameter '%.*s' is known here%s", (int)(name.n > 60 ? 60 : name.n), name.p, ex->route->params ? ", /docs has those that are" : "");
		return ERR_INPUT;
	}
	return 0;
}

/* OPTIONS: a browser asks before it sends; it needs no key. */
static void
preflight(struct serve_call *c, struct str allow)
{
	exchange_head(&c->ex, "Allow", allow);
	if (c->origin.p) {
		exchange_head(&c->ex, "Access-Control-Allow-Methods", allow);
		add_head(c, "Access-Control-Allow-Headers", STR("Authorization, Content-Type, Content-Encoding, X-API-Key, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-Tenant, traceparent, tracestate"));
		add_head(c, "Access-Control-Max-Age", STR("600"));
	}
	exchange_none(&c->ex);
}

static int
find_route(struct serve_call *c)
{
	struct exchange *ex = &c->ex;
	struct str method = http_method(ex->request);
	struct buf allow = { 0 };

	ex->route = route_find(method, http_path(ex->request), ex->segment, &allow);
	if (!ex->route && allow.n && str_eq(method, STR("OPTIONS"))) {
		preflight(c, buf_get(&allow));
	} else if (!ex->route && allow.n) {
		exchange_head(ex, "Allow", buf_get(&allow));
		exchange_problem(ex, 405, "this path takes %.*s", (int)(allow.n > 200 ? 200 : allow.n), allow.p);
	} else if (!ex->route) {
		exchange_problem(ex, 404, "there is nothing at this path, /openapi.json has those that are");
	}
	buf_release(&allow);
	return ex->route ? 0 : ERR_INPUT;
}

/* Is it a WebSocket that comes without credentials, and may? Browsers send an Origin, and cannot send a key. */
static int
may_greet(const struct serve_call *c)
{
	struct http_request *r = c->ex.request;

	return c->ex.route->greets && !http_header(r, "Authorization").p && !http_header(r, "X-API-Key").p && !serve_exchange_session((struct exchange *)&c->ex).p &&
	    !exchange_param(&c->ex, "api_secret").p && (c->ex.route->greets == 2 || http_header(r, "Origin").p);
}

/* Calls are large and short-lived: some are kept for the next requests. */
static struct serve_call *
new_call(struct serve *s)
{
	struct serve_call *c = s->spare;

	if (!c)
		return mem_new(sizeof(*c));
	s->spare = c->next;
	s->n_spare--;
	memset(c, 0, offsetof(struct serve_call, heads));
	return c;
}

void
serve_exchange_begin(void *self, struct http_request *r)
{
	struct serve *s = self;
	struct serve_call *c = new_call(s);
	struct exchange *ex = &c->ex;
	const struct route *route;

	ex->request = r;
	ex->arena = http_arena(r);
	ex->serve = s;
	c->began_ns = time_mono_ns();
	c->run = serve_exchange_run;
	c->setup = serve_setup_now(s);
	ex->config = c->setup->config;
	make_id(s, ex->id);
	http_set_user(r, c);
	read_trace(c);
	read_origin(c);
	if (find_route(c))
		return;
	route = ex->route;
	if (route->resource && !may_greet(c) && (check_who(c, 0) || check_rate(c) || check_may(c)))
		return;
	if (route->greets && ex->who && ex->who->kind == AUTH_SESSION && !origin_is_ours(c)) {
		exchange_problem(ex, 403, "this page may not use the session, add its origin to serve.origins in analytics.json");
		return;
	}
	if (is_forged(c)) {
		exchange_problem(ex, 403, "this page may not change anything here, add its origin to serve.cors in analytics.json");
		return;
	}
	if (!host_is_ours(c)) {
		exchange_problem(ex, 421, "this name is not one of this server's, add it to serve.hosts in analytics.json");
		return;
	}
	if (check_names(c) || check_params(c))
		return;
	if (route->body || route->loose) {
		struct str type = http_header(r, "Content-Type");

		if (!(route->loose ? is_loose_type(ex, type) : is_json_type(type) || is_form_of_a_program(c))) {
			exchange_problem(ex, 415, "%.*s is not understood here, send application/json", (int)(type.n > 80 ? 80 : type.n), type.p);
			return;
		}
		if (!route->loose && !type.p && ex->who && ex->who->kind == AUTH_SESSION) {     /* a form of another site has no such type */
			exchange_problem(ex, 415, "send Content-Type: application/json");
			return;
		}
	}
	if (route->loose)
		http_body_guessed(r);
	http_body_most(r, route->body_bytes ? route->body_bytes : c->setup->body_bytes);
	if (route->how == ROUTE_HEAD && c->who_later) {
		auth_check_soon(ex->serve->auth, &(struct auth_credentials){ .authorization = http_header(r, "Authorization"), .address = http_client(r) });
		exchange_head(ex, "Retry-After", STR("1"));
		exchange_problem(ex, 503, "the issuer of this token is being asked, send it again in a second");
	} else if (route->how == ROUTE_HEAD)
		route->call(ex);
}

/* What the server itself refuses is said in the words of all other errors. */
void
serve_exchange_refuse(void *self, struct http_request *r, int status, const char *why)
{
	struct serve_call *c = http_user(r);

	(void)self;
	if (!c)
		return;
	if (status == 503 || status == 429)
		exchange_head(&c->ex, "Retry-After", STR("1"));
	if (status == 426) {
		exchange_head(&c->ex, "Upgrade", STR("websocket"));
		exchange_head(&c->ex, "Sec-WebSocket-Version", STR("13"));
	}
	exchange_problem(&c->ex, status, "%s", why);
}

void
serve_exchange_ready(void *self, struct http_request *r)
{
	struct serve *s = self;
	struct serve_call *c = http_user(r);

	if (!c)
		return;
	if (c->ex.route->how == ROUTE_LOOP && !c->who_later) {
		serve_exchange_run(c);
		return;
	}
	if (c->ex.route->how == ROUTE_HEAD) {
		if (c->ended)
			c->ended(c);
		return;
	}
	if (c->ex.route->keeps && !c->who_later && serve_kept_answer(c))
		return;
	if (serve_pool_give(s->pool, c)) {
		figures_add(&figures_part(s->figures, s->worker)->overloaded, 1);
		exchange_head(&c->ex, "Retry-After", STR("1"));
		exchange_problem(&c->ex, 503, "too many requests wait already, send it again in a second");
	}
}

/* The row's number in the figures: its place in the table. */
static int
row_number(const struct route *route)
{
	int n = 0;

	for (int g = 0; route && route_groups[g]; g++)
		for (const struct route *row = route_groups[g]; row->method; row++, n++)
			if (row == route)
				return n < FIGURES_ROUTES - 1 ? n : FIGURES_ROUTES - 1;
	return FIGURES_ROUTES - 1;
}

void
serve_exchange_done(void *self, struct http_request *r)
{
	struct serve *s = self;
	struct serve_call *c = http_user(r);
	struct figures_part *f = figures_part(s->figures, s->worker);
	int64_t us;
	int row;

	if (!c)
		return;
	us = time_mono_ns() / 1000 - http_began_us(r);
	us = us > 0 ? us : 0;
	row = row_number(c->ex.route);
	if (!c->status)
		c->status = http_status(r);
	if (c->status) {
		figures_add(&f->status[row][c->status / 100 < 6 ? c->status / 100 : 0], 1);
		figures_observe(&f->seconds[row], (double)us / 1e6);
		figures_count_slot(f, time_wall(), serve_call_failed(c));
	}
	serve_log_request(s, c, us);
	serve_asked_tell(c);
	if (c->load && c->drop)
		c->drop(c);
	http_set_user(r, NULL);
	principal_free(c->ex.who);
	serve_setup_free(c->setup);
	buf_release(&c->answer);
	if (s->n_spare == SPARE_MOST) {
		free(c);
		return;
	}
	c->next = s->spare;
	s->spare = c;
	s->n_spare++;
}

void
serve_exchange_spares_free(struct serve *s)
{
	struct serve_call *c;

	while ((c = s->spare)) {
		s->spare = c->next;
		free(c);
	}
	s->n_spare = 0;
}
