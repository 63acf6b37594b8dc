/* log.c - one JSON object a line on stderr. Lines are gathered and written in blocks; what the query of a request says (it may
 * hold keys) and what headers say is never in it. */
#include <unistd.h>

#include "base/io.h"
#include "serve/serve_priv.h"

#define BLOCK (32u << 10)

/* A line for each request: without printf it is 0.3 µs less. */
static void
put_plain(struct buf *b, const char *key, const char *text)
{
	buf_lit(b, key);
	buf_lit(b, text);
	buf_byte(b, '"');
}

static void
put_thousandths(struct buf *b, int64_t n)
{
	char rest[] = { '.', (char)('0' + n / 100 % 10), (char)('0' + n / 10 % 10), (char)('0' + n % 10) };

	buf_int64(b, n / 1000);
	buf_add(b, rest, sizeof(rest));
}

static void
begin(struct buf *b, const char *level, const char *what)
{
	buf_lit(b, "{\"time\":");
	json_put_time(b, time_wall());
	put_plain(b, ",\"level\":\"", level);
	put_plain(b, ",\"what\":\"", what);
}

static void
flush(struct serve *s)
{
	if (s->log.n)
		io_write(2, s->log.p, s->log.n);
	buf_clear(&s->log);
}

void
serve_log(struct serve *s, const char *level, const char *what, struct str more)
{
	pthread_mutex_lock(&s->log_lock);
	begin(&s->log, level, what);
	if (more.n) {
		buf_byte(&s->log, ',');
		buf_str(&s->log, more);
	}
	buf_lit(&s->log, "}\n");
	flush(s);
	pthread_mutex_unlock(&s->log_lock);
}

/* Text that came from outside and may be no UTF-8. */
static void
put_loose(struct buf *b, struct str text)
{
	if (str_utf8_fault(text) < 0)
		json_put_string(b, text);
	else
		buf_lit(b, "\"?\"");
}

void
serve_log_request(struct serve *s, const struct serve_call *c, int64_t us)
{
	const struct exchange *ex = &c->ex;
	int slow = c->slow[0] && us / 1000 >= c->setup->slow_ms, failed = serve_call_failed(c);
	struct buf *b = &s->log;

	if (!c->setup->log_all && !slow && !failed)
		return;
	pthread_mutex_lock(&s->log_lock);
	begin(b, failed ? "error" : slow ? "warn" : "info", slow ? "slow" : "request");
	put_plain(b, ",\"request\":\"", ex->id);
	if (c->trace[0])
		put_plain(b, ",\"trace\":\"", c->trace);
	buf_lit(b, ",\"method\":");
	put_loose(b, http_method(ex->request));
	buf_lit(b, ",\"path\":");
	put_loose(b, http_path(ex->request));
	buf_lit(b, ",\"status\":");
	buf_int64(b, c->status);
	buf_lit(b, ",\"ms\":");
	put_thousandths(b, us);
	buf_lit(b, ",\"bytes\":");
	buf_int64(b, c->bytes);
	put_plain(b, ",\"client\":\"", http_client(ex->request));
	if (ex->who) {
		buf_lit(b, ",\"tenant\":");
		put_loose(b, ex->who->tenant);
		buf_lit(b, ",\"who\":");
		put_loose(b, ex->who->name);
	}
	if (slow) {
		buf_lit(b, ",\"statement\":");
		put_loose(b, str_of(c->slow));
	}
	buf_lit(b, "}\n");
	if (b->n >= BLOCK || failed || slow)
		flush(s);
	pthread_mutex_unlock(&s->log_lock);
}

void
serve_log_flush(struct serve *s)
{
	pthread_mutex_lock(&s->log_lock);
	flush(s);
	pthread_mutex_unlock(&s->log_lock);
}

/* ---- what fails again and again */

#define AGAIN_MS 500
#define AGAIN_MOST_MS 10000

int
serve_again_is_due(const struct serve_again *a)
{
	return !a->failures || time_mono_ms() >= a->next;
}

void
serve_again_failed(struct serve *s, struct serve_again *a, const char *what, struct str tenant, struct err *err)
{
	uint64_t reason = str_hash(str_of(err->text));
	struct buf more = { 0 };

	a->next = time_mono_ms() + (a->failures < 4 ? AGAIN_MS << a->failures : AGAIN_MOST_MS);
	if (!a->failures++ || reason != a->reason) {
		json_put_key(&more, STR("tenant"));
		json_put_string(&more, tenant);
		buf_byte(&more, ',');
		json_put_key(&more, STR("error"));
		json_put_string(&more, str_of(err->text));
		serve_log(s, "error", what, buf_get(&more));
	}
	a->reason = reason;
	err_clear(err);
	buf_release(&more);
}

void
serve_again_well(struct serve *s, struct serve_again *a, const char *what, struct str tenant)
{
	struct buf more = { 0 };

	if (!a->failures)
		return;
	json_put_key(&more, STR("tenant"));
	json_put_string(&more, tenant);
	buf_printf(&more, ",\"well\":true,\"failures\":%d", a->failures);
	serve_log(s, "info", what, buf_get(&more));
	a->failures = 0;
	buf_release(&more);
}
