/* setup.c - the part `serve` of analytics.json, with its defaults. */
#include <stdlib.h>

#include "base/task.h"
#include "serve/serve_priv.h"

/* "64k", "10M" or a number of bytes. */
static int
read_size(struct str text, int64_t *bytes)
{
	static const char units[] = "kMGT";
	int64_t times = 1, n;
	const char *u = text.n ? strchr(units, text.p[text.n - 1]) : NULL;

	if (u && *u) {
		for (const char *p = units; p <= u; p++)
			times *= 1024;
		text.n--;
	}
	if (str_int64(text, &n) || n <= 0 || __builtin_mul_overflow(n, times, bytes))
		return -1;
	return 0;
}

static struct json
value(const struct serve_setup *s, const char *path)
{
	struct buf full = { 0 };
	struct json v;

	buf_printf(&full, "serve.%s", path);
	v = config_get(s->config, "analytics", buf_text(&full));
	buf_release(&full);
	return v;
}

static int
span(const struct serve_setup *s, const char *path, int64_t *ms, struct err *err)
{
	struct buf scratch = { 0 };
	struct json v = value(s, path);
	int rc = 0;

	if (v.type && (rc = dur_parse(json_text(v, &scratch), ms, err)))
		rc = err_at(err, "analytics.json: serve.%s", path);
	buf_release(&scratch);
	return rc;
}

static int
size(const struct serve_setup *s, const char *path, int64_t *bytes, struct err *err)
{
	struct buf scratch = { 0 };
	struct json v = value(s, path);
	struct str text = v.type == JSON_NUMBER ? json_raw(v) : json_text(v, &scratch);
	int rc = 0;

	if (v.type && read_size(text, bytes))
		rc = err_set(err, ERR_USAGE, "analytics.json: serve.%s: wants a size, such as 32M", path);
	buf_release(&scratch);
	return rc;
}

static void
count(const struct serve_setup *s, const char *path, int *n)
{
	int64_t x;

	if (json_int64(value(s, path), &x) && x >= 0 && x < INT32_MAX)
		*n = (int)x;
}

static int
list(struct serve_setup *s, const char *path, struct str *to)
{
	struct json v = value(s, path);
	struct buf scratch = { 0 };
	struct json_iter it;
	int n = 0;

	for (it = json_iter(v); v.type == JSON_ARRAY && n < SERVE_ORIGINS && json_next(&it); n++) {
		struct str text = json_text(it.value, &scratch);

		to[n] = (struct str){ arena_dup(s->texts, text.p, text.n), text.n };
	}
	buf_release(&scratch);
	return n;
}

struct serve_setup *
serve_setup_new(struct config *config, const struct serve_spec *spec, struct err *err)
{
	static atomic_ulong numbers;
	struct serve_setup *s = mem_new(sizeof(*s));
	int cores = task_processors();

	atomic_init(&s->users, 1);
	s->number = atomic_fetch_add(&numbers, 1) + 1;
	s->texts = arena_new(0);
	s->query_ms = 30000;
	s->query_bytes = 1LL << 30;
	s->slow_ms = 1000;
	s->body_bytes = 32 << 20;
	s->drain_ms = 10000;
	s->threads = cores < 2 ? 4 : 2 * cores;        /* one that waits for a disk, a password or a provider holds up no other */
	s->queue = 256;
	s->log_all = 1;
	if (!(s->config = config) || accept_open(&s->accept, s->config, NULL, err) ||
	    span(s, "query.timeout", &s->query_ms, err) || size(s, "query.memory", &s->query_bytes, err) || span(s, "query.slow", &s->slow_ms, err) ||
	    size(s, "body", &s->body_bytes, err) || span(s, "drain", &s->drain_ms, err) ||
	    !(s->holidays = holidays_of_json(config_get(s->config, "analytics", "holidays"), err))) {
		serve_setup_free(s);
		return NULL;
	}
	count(s, "query.threads", &s->threads);
	count(s, "query.queue", &s->queue);
	count(s, "connections", &s->connections);
	count(s, "connectionsPerAddress", &s->each_address);
	s->n_origins = list(s, "cors", s->origin);
	for (int i = 0; i < s->n_origins; i++)
		s->any_origin |= str_eq(s->origin[i], STR("*"));
	s->n_hosts = list(s, "hosts", s->host);
	json_double(value(s, "rate.perSecond"), &s->rate);
	s->burst = s->rate * 2 < 1 ? 1 : s->rate * 2;
	json_double(value(s, "rate.burst"), &s->burst);
	s->link_rate = 20, s->link_burst = 200;         /* a wall of dashboards, and some who look at it */
	if (json_double(value(s, "links.perSecond"), &s->link_rate))
		s->link_burst = s->link_rate * 10;
	json_double(value(s, "links.burst"), &s->link_burst);
	s->link_burst = s->link_burst < 1 ? 1 : s->link_burst;
	s->audit_queries = value(s, "audit.queries").type == JSON_TRUE;
	s->log_all = !spec->quiet && !json_text_eq(value(s, "log"), STR("errors"));
	if (s->threads < 1)
		s->threads = 1;
	return s;
}

struct serve_setup *
serve_setup_use(struct serve_setup *s)
{
	atomic_fetch_add(&s->users, 1);
	return s;
}

void
serve_setup_free(struct serve_setup *s)
{
	if (!s || atomic_fetch_sub(&s->users, 1) != 1)
		return;
	accept_release(&s->accept);
	holidays_free(s->holidays);
	config_close(s->config);
	arena_free(s->texts);
	free(s);
}
