/* pages.c - what needs no key: is it well, what it counts, and its documents. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "query/output.h"
#include "serve/serve_priv.h"
#include "store/admin.h"

#define LEAST_FREE (64LL << 20)         /* bytes of the disk below which it is not ready */

#ifndef VERSION
#define VERSION "0"
#endif

/* The pages have no script; their style is a file of their own, so nothing inline is allowed. */
static const char policy[] = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

static const char style[] =
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font:14px/1.5 ui-monospace,monospace}pre{overflow:auto;padding:1rem;border:1px solid #8886;border-radius:6px}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8884}"
    "h2{margin-top:2.5rem}h3{margin:1.5rem 0 .25rem}.m{font-weight:700;margin-right:.5rem}details{margin:.5rem 0}a{color:inherit}\n";

void
serve_page_send(struct exchange *ex, struct buf *html)
{
	exchange_head(ex, "Content-Security-Policy", str_of(policy));
	exchange_send(ex, 200, "text/html; charset=utf-8", buf_get(html));
	buf_release(html);
}

void
serve_page_begin(struct buf *b, const char *title)
{
	buf_printf(b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
	    "<title>%s</title><link rel=\"stylesheet\" href=\"/docs.css\"></head><body><main>\n", title);
}

/* ---- is it well */

static void
healthz(struct exchange *ex)
{
	struct buf json = { 0 };

	buf_printf(&json, "{\"status\":\"ok\",\"uptime\":%lld}", (long long)((time_wall() - ex->serve->began_ms) / 1000));
	exchange_send(ex, 200, "application/json", buf_get(&json));
	buf_release(&json);
}

static void
readyz(struct exchange *ex)
{
	struct serve *s = ex->serve;
	struct buf json = { 0 }, reasons = { 0 };
	struct err err = { 0 };
	struct store *store = serve_store(s, STR("default"), &err);
	struct statvfs disk;
	int n = 0;

	if (!store || !store_version(store))
		buf_lit(&reasons, n++ ? ",\"the store cannot be read\"" : "\"the store cannot be read\"");
	if (statvfs(s->spec.store, &disk) == 0 && (int64_t)disk.f_bavail * (int64_t)disk.f_frsize < LEAST_FREE)
		buf_lit(&reasons, n++ ? ",\"the disk is nearly full\"" : "\"the disk is nearly full\"");
	if (serve_pool_waiting(s->pool) >= serve_call_of(ex)->setup->queue)
		buf_lit(&reasons, n++ ? ",\"too many requests wait\"" : "\"too many requests wait\"");
	if (atomic_load(&serve_halting))
		buf_lit(&reasons, n++ ? ",\"it is stopping\"" : "\"it is stopping\"");
	buf_printf(&json, "{\"status\":\"%s\",\"reasons\":[", n ? "not ready" : "ready");
	buf_str(&json, buf_get(&reasons));
	buf_lit(&json, "]}");
	exchange_send(ex, n ? 503 : 200, "application/json", buf_get(&json));
	buf_release(&json);
	buf_release(&reasons);
}

/* ---- what it counts */

static const char *
route_of(int row, const char **method)
{
	const struct route *r = row < FIGURES_ROUTES - 1 ? route_row(row) : NULL;

	*method = r ? r->method : "-";
	return r ? r->path : "-";
}

struct store_sums { double events, chunks, series, samples, bytes, free, tenants; };

static void
add_store(void *self, struct serve_tenant *t)
{
	struct store_sums *sum = self;
	struct store_stats st;
	struct err err = { 0 };

	sum->tenants++;
	if (store_stats(serve_tenant_store(t), &st, &err))
		return;
	sum->events += (double)st.events;
	sum->chunks += (double)st.chunks;
	sum->series += (double)st.series;
	sum->samples += (double)st.samples;
	sum->bytes += (double)st.bytes_file;
	sum->free += (double)st.bytes_free;
}

static void
process_figures(struct figures_text *b)
{
	long pages = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%ld %ld", &pages, &resident) == 2)
		figures_put_one(b, "process_resident_memory_bytes", "gauge", "Resident memory of this worker.", (double)resident * (double)sysconf(_SC_PAGESIZE));
	if (f)
		fclose(f);
}

static void
metrics(struct exchange *ex)
{
	struct serve *s = ex->serve;
	struct store_sums sum = { 0 };
	struct str accept = http_header(ex->request, "Accept");
	struct figures_text b = { .open = accept.p && memmem(accept.p, accept.n, "openmetrics", 11) != NULL };

	figures_put(s->figures, route_of, &b);
	serve_tenants_each(s, add_store, &sum);
	figures_put_one(&b, "at_store_tenants", "gauge", "Tenants that are open.", sum.tenants);
	figures_put_one(&b, "at_store_events", "gauge", "Events of the open tenants.", sum.events);
	figures_put_one(&b, "at_store_chunks", "gauge", "Chunks of events.", sum.chunks);
	figures_put_one(&b, "at_store_series", "gauge", "Series of samples.", sum.series);
	figures_put_one(&b, "at_store_samples", "gauge", "Samples.", sum.samples);
	figures_put_one(&b, "at_store_bytes", "gauge", "Bytes of the files.", sum.bytes);
	figures_put_one(&b, "at_store_free_bytes", "gauge", "Of them, bytes that are free to be used again.", sum.free);
	process_figures(&b);
	figures_put_one(&b, "process_start_time_seconds", "gauge", "When the server was started.", (double)s->began_ms / 1000);
	buf_printf(&b.text, "# HELP at_build%s The version.\n# TYPE at_build%s %s\nat_build_info{version=\"" VERSION "\"} 1\n", b.open ? "" : "_info",
	    b.open ? "" : "_info", b.open ? "info" : "gauge");
	if (b.open)
		buf_lit(&b.text, "# EOF\n");
	exchange_send(ex, 200, b.open ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8", buf_get(&b.text));
	buf_release(&b.text);
}

/* ---- documents */

/* Both documents follow from the table, so they are made once. */
static struct buf openapi_text, docs_text;
static pthread_once_t documents = PTHREAD_ONCE_INIT;
static void make_docs(struct buf *);

static void
make_documents(void)
{
	route_openapi(&openapi_text);
	make_docs(&docs_text);
}

static void
openapi(struct exchange *ex)
{
	pthread_once(&documents, make_documents);
	exchange_json(ex, 200, &openapi_text);
}

static void
css(struct exchange *ex)
{
	exchange_send(ex, 200, "text/css; charset=utf-8", str_of(style));
}

static void
put_params(struct buf *b, const struct route *r)
{
	if (!r->params || !r->params->name)
		return;
	buf_lit(b, "<table>\n");
	for (const struct route_param *p = r->params; p->name; p++) {
		buf_printf(b, "<tr><td><code>%s</code></td><td>%s%s</td><td>", p->name, p->type, p->required ? ", required" : "");
		output_put_html(b, str_of(p->does));
		buf_lit(b, "</td></tr>\n");
	}
	buf_lit(b, "</table>\n");
}

static void
put_schema(struct buf *b, const char *label, const char *name)
{
	if (name && !strchr(name, '/'))
		buf_printf(b, "<p>%s: <a href=\"#schema-%s\">%s</a></p>\n", label, name, name);
	else if (name)
		buf_printf(b, "<p>%s: <code>%s</code></p>\n", label, name);
}

static void
make_docs(struct buf *to)
{
	struct json all = json_get(json_get(json_value(str_of(route_schemas)), STR("components")), STR("schemas"));
	struct buf b = { 0 }, scratch = { 0 };
	struct json_iter it;

	serve_page_begin(&b, "at: the API");
	buf_lit(&b, "<h1>The API</h1>\n<p>Machines read <a href=\"/openapi.json\">/openapi.json</a>. A request carries its key as "
	    "<code>Authorization: Bearer KEY</code> or <code>X-API-Key: KEY</code>. Errors are <code>application/problem+json</code>; "
	    "<code>detail</code> says how to mend.</p>\n");
	for (int g = 0; route_groups[g]; g++)
		for (const struct route *r = route_groups[g]; r->method; r++) {
			if (r->quiet)
				continue;
			buf_printf(&b, "<h3><span class=\"m\">%s</span><code>%s</code></h3>\n<p>", r->method, r->path);
			output_put_html(&b, str_of(r->does));
			buf_lit(&b, "</p>\n");
			put_params(&b, r);
			put_schema(&b, "Body", r->body);
			put_schema(&b, "Answer", r->answer);
		}
	buf_lit(&b, "<h2>Schemas</h2>\n");
	for (it = json_iter(all); json_next(&it); ) {
		struct str name = json_text(it.key, &scratch);

		buf_printf(&b, "<details id=\"schema-%.*s\"><summary>%.*s</summary><pre>", STR_FMT(name), STR_FMT(name));
		output_put_html(&b, json_raw(it.value));
		buf_lit(&b, "</pre></details>\n");
	}
	buf_lit(&b, "</main></body></html>\n");
	buf_release(&scratch);
	*to = b;
}

static void
docs(struct exchange *ex)
{
	pthread_once(&documents, make_documents);
	exchange_head(ex, "Content-Security-Policy", str_of(policy));
	exchange_send(ex, 200, "text/html; charset=utf-8", buf_get(&docs_text));        /* kept for the next */
}

const struct route route_pages[] = {
	{ "GET", "/healthz", "The process lives.", AUTH_READ, NULL, NULL, NULL, "Health", 200, ROUTE_LOOP, 0, healthz },
	{ "GET", "/readyz", "It can do its work; if not, why.", AUTH_READ, NULL, NULL, NULL, "Ready", 200, ROUTE_POOL, 0, readyz, .tells = 1 },
	{ "GET", "/metrics", "What the service counts of itself, as OpenMetrics.", AUTH_READ, NULL, NULL, NULL, "text/plain,application/openmetrics-text", 200, ROUTE_POOL, 0, metrics },
	{ "GET", "/openapi.json", "This document.", AUTH_READ, NULL, NULL, NULL, "application/json", 200, ROUTE_LOOP, 0, openapi },
	{ "GET", "/docs", "The same for people.", AUTH_READ, NULL, NULL, NULL, "text/html", 200, ROUTE_LOOP, 0, docs },
	{ "GET", "/docs.css", "Its style.", AUTH_READ, NULL, NULL, NULL, "text/css", 200, ROUTE_LOOP, 0, css, .quiet = 1 },
	{ 0 }
};
