/* data_url.c - answers of at-serve: POST /api/v1/query, GET /api/v1/forecast, GET /api/v1/dashboards; and GET /api/v1/stream, which tells of each commit.
 *
 * Whoever watches has a thread that reads the stream: it says only that something changed, and the answers are asked anew. A stream that
 * ends is opened again, sooner at first than later; while there is none the version is 0, so that the caller asks by the clock. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "crypt/crypt.h"
#include "dash/data_priv.h"
#include "http/client.h"

#define REPLY_MOST (64u << 20)          /* bytes of an answer */
#define REPLY_MS   30000
#define SILENCE_MS 45000                /* without a word the stream is gone: at-serve pings every 15 s */

struct of_url {
	struct data data;
	char *url;
	struct buf key;

	/* the watching thread */
	struct http_follow *follow;     /* NULL: nobody watches */
	pthread_t thread;
	int told;                       /* eventfd */
	atomic_uint_fast64_t changes;
	atomic_int is_open;
	int line_is_event, column;      /* of what the stream says */
};

/* What a problem document says, or else the status. */
static int
refused(const struct http_result *result, struct err *err)
{
	struct buf scratch = {0};
	struct str detail = json_text(json_get(json_value(buf_get(&result->body)), STR("detail")), &scratch);
	int code = result->status == 401 || result->status == 403 ? ERR_DENIED : result->status == 408 ? ERR_CANCEL : result->status < 500 ? ERR_USAGE : ERR_IO;

	if (detail.p)
		err_set(err, code, "%.*s", detail.n > 300 ? 300 : (int)detail.n, detail.p);
	else
		err_set(err, code, "the server answered %d", result->status);
	buf_release(&scratch);
	return err->code;
}

/* The answer as checked JSON. */
static int
call(struct of_url *d, const char *method, const char *path, struct str body, struct http_result *result, struct err *err)
{
	const struct http_head heads[] = { { "Authorization", buf_get(&d->key) }, { "Content-Type", STR("application/json") } };
	struct http_call c = { .method = method, .heads = heads, .n_heads = body.p ? 2 : 1, .body = body, .most = REPLY_MOST, .timeout_ms = REPLY_MS, .private_too = 1 };
	struct buf url = {0};
	int rc;

	buf_printf(&url, "%s%s", d->url, path);
	c.url = buf_text(&url);
	if ((rc = http_fetch(&c, result, err)) == 0 && result->status / 100 != 2)
		rc = refused(result, err);
	else if (rc == 0 && (rc = json_check(buf_get(&result->body), err)))
		rc = err_at(err, "%s is no at-serve", d->url);
	buf_release(&url);
	return rc;
}

static int
take_answer(struct json reply, struct answer_maker *m, struct err *err)
{
	struct json meta = json_get(reply, STR("meta")), data = json_get(reply, STR("data"));
	struct str *names = NULL;
	struct cell *cells = NULL;
	struct buf scratch = {0};
	int n = 0, rc;

	for (struct json_iter it = json_iter(meta); json_next(&it); n++) {
		names = mem_grow(names, (size_t)n + 1, sizeof(*names));
		names[n] = json_text_dup(json_get(it.value, STR("name")), m->arena);
		if (!names[n].p)
			names[n] = STR("");
	}
	if (!json_is(meta, JSON_ARRAY) || !json_is(data, JSON_ARRAY))
		rc = err_set(err, ERR_INPUT, "the server's answer is none of at-serve");
	else
		rc = data_put_columns(m, names, n, err);
	cells = mem_new((size_t)n * sizeof(*cells) + 1);
	for (struct json_iter it = json_iter(data); rc == 0 && json_next(&it); ) {
		int k = 0;

		for (struct json_iter member = json_iter(it.value); json_next(&member); k++) {
			if (k >= n)
				continue;
			if (member.value.type == JSON_STRING)           /* decoded where it lasts */
				cells[k] = cell_text(json_text_dup(member.value, m->arena));
			else
				cells[k] = cell_of_json(member.value, &scratch);
		}
		rc = data_put_row(m, cells, k, err);
	}
	buf_release(&scratch);
	free(names);
	free(cells);
	return rc;
}

static int
url_ask(struct data *data, const char *sql, const struct query_param *params, int n_params, struct arena *arena, struct answer *answer, struct err *err)
{
	struct of_url *d = (struct of_url *)data;
	struct answer_maker m = { answer, arena, 0 };
	struct http_result result = {0};
	struct buf body = {0};

	buf_lit(&body, "{\"format\":\"json\",\"query\":");
	json_put_string(&body, str_of(sql));
	buf_lit(&body, ",\"parameters\":{");
	for (int i = 0; i < n_params; i++) {
		struct cell value = query_param_cell(&params[i]);

		buf_lit(&body, i ? "," : "");
		json_put_key(&body, params[i].name);
		cell_put_json(&body, &value);           /* typed, as it would be bound here */
	}
	buf_lit(&body, "}}");
	if (call(d, "POST", "/api/v1/query", buf_get(&body), &result, err) == 0)
		take_answer(json_checked(buf_get(&result.body)), &m, err);
	data_put_end(&m);
	buf_release(&body);
	http_result_release(&result);
	return err->code;
}

static int
url_forecast(struct data *data, const struct data_ahead *ahead, struct answer_maker *m, struct err *err)
{
	struct http_result result = {0};
	struct buf path = {0}, scratch = {0};
	char from[TIME_LEN], to[TIME_LEN], every[32];
	struct json rows;

	time_print(ahead->from, from), time_print(ahead->to, to);
	dur_print(ahead->every_ms, every);
	buf_lit(&path, "/api/v1/forecast?metric=");
	http_put_encoded(&path, ahead->metric);
	buf_printf(&path, "&from=%.*s&to=%.*s&interval=%s&horizon=%d", TIME_LEN, from, TIME_LEN, to, every, ahead->steps);
	if (call((struct of_url *)data, "GET", buf_text(&path), (struct str){ 0 }, &result, err) == 0) {
		rows = json_get(json_checked(buf_get(&result.body)), STR("forecast"));
		for (struct json_iter it = json_iter(rows); json_is(rows, JSON_ARRAY) && !err->code && json_next(&it); ) {
			struct str time = json_text(json_get(it.value, STR("timestamp")), &scratch);
			double mean, lower, upper;

			if (time.p && json_double(json_get(it.value, STR("mean")), &mean) && json_double(json_get(it.value, STR("lower")), &lower) && json_double(json_get(it.value, STR("upper")), &upper))
				data_put_step(m, time, mean, lower, upper, err);
		}
	}
	buf_release(&path);
	buf_release(&scratch);
	http_result_release(&result);
	return err->code;
}

static int
url_dashboards(struct data *data, int (*each)(void *, struct json, struct err *), void *self, struct err *err)
{
	struct http_result result = {0};
	int rc = call((struct of_url *)data, "GET", "/api/v1/dashboards", (struct str){ 0 }, &result, err);
	struct json all = rc ? JSON_ABSENT : json_get(json_checked(buf_get(&result.body)), STR("dashboards"));

	for (struct json_iter it = json_iter(all); rc == 0 && json_is(all, JSON_ARRAY) && json_next(&it); )
		rc = each(self, it.value, err);
	http_result_release(&result);
	return rc;
}

/* ---- what is new */

static void
tell(struct of_url *d)
{
	uint64_t one = 1;
	ssize_t n;

	d->changes++;
	n = write(d->told, &one, sizeof(one));
	(void)n;                                /* full: it is told already */
}

/* Each message has one line "event: …"; what it is does not matter, but for the pings, which have none. */
static int
hear(void *self, struct str piece)
{
	static const char word[] = "event:";
	struct of_url *d = self;
	int news = 0;

	d->is_open = 1;
	for (size_t i = 0; i < piece.n; i++)
		if (piece.p[i] == '\n') {
			news |= d->line_is_event && d->column >= (int)sizeof(word) - 1;
			d->column = 0;
			d->line_is_event = 1;
		} else {
			if (d->column < (int)sizeof(word) - 1)
				d->line_is_event &= piece.p[i] == word[d->column++];
		}
	if (news)
		tell(d);
	return 0;
}

static void *
watch(void *self)
{
	static const int wait_ms[] = { 500, 1000, 2000, 5000, 10000 };
	struct of_url *d = self;
	const struct http_head heads[] = { { "Authorization", buf_get(&d->key) }, { "Accept", STR("text/event-stream") } };
	struct buf url = {0};
	int tries = 0, status;

	buf_printf(&url, "%s/api/v1/stream?changes=true", d->url);
	do {
		const struct http_call c = { .method = "GET", .url = buf_text(&url), .heads = heads, .n_heads = 2, .timeout_ms = SILENCE_MS, .private_too = 1 };
		struct err ignore = {0};

		d->column = 0;
		d->line_is_event = 1;
		http_follow(d->follow, &c, hear, d, &status, &ignore);
		if (d->is_open)
			tries = 0;
		if (atomic_exchange(&d->is_open, 0))
			tell(d);                /* the clock begins to count */
		if (status / 100 == 4)          /* it will not: rights, or an older one */
			tries = 4;
	} while (http_follow_wait(d->follow, wait_ms[tries < 4 ? tries++ : 4]));
	buf_release(&url);
	return NULL;
}

/* Signals are the drawing thread's. */
static int
url_watch(struct data *data, struct err *err)
{
	struct of_url *d = (struct of_url *)data;
	sigset_t all, was;
	int rc, mine = -1;

	if (!d->follow) {
		if ((d->told = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
			return err_set(err, ERR_IO, "eventfd: %s", strerror(errno));
		if (!(d->follow = http_follow_new(err))) {
			close(d->told);
			return err->code;
		}
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &was);
		rc = pthread_create(&d->thread, NULL, watch, d);
		pthread_sigmask(SIG_SETMASK, &was, NULL);
		if (rc) {
			http_follow_free(d->follow);
			d->follow = NULL;
			close(d->told);
			return err_set(err, ERR_IO, "no thread to be had");
		}
	}
	if ((mine = fcntl(d->told, F_DUPFD_CLOEXEC, 0)) < 0)
		return err_set(err, ERR_IO, "dup: %s", strerror(errno));
	return mine;
}

static uint64_t
url_version(struct data *data)
{
	struct of_url *d = (struct of_url *)data;

	return d->is_open ? d->changes + 1 : 0;
}

static void
url_free(struct data *data)
{
	struct of_url *d = (struct of_url *)data;

	if (d->follow) {
		http_follow_stop(d->follow);
		pthread_join(d->thread, NULL);
		http_follow_free(d->follow);
		close(d->told);
	}
	crypt_wipe(d->key.p, d->key.n);
	buf_release(&d->key);
	free(d->url);
	free(d);
}

struct data *
data_of_url(const char *url, const char *key, struct err *err)
{
	struct of_url *d;
	size_t n = strlen(url);

	if (strncmp(url, "http://", 7) && strncmp(url, "https://", 8)) {
		err_set(err, ERR_USAGE, "'%.100s' is no http:// or https://", url);
		return NULL;
	}
	if (!key || !*key) {
		err_set(err, ERR_USAGE, "%.100s: at-serve wants a key, made by at-admin key create: put it into AT_KEY", url);
		return NULL;
	}
	d = mem_new(sizeof(*d));
	d->data = (struct data){ .ask = url_ask, .forecast = url_forecast, .dashboards = url_dashboards, .watch = url_watch, .version = url_version, .free = url_free };
	while (n && url[n - 1] == '/')
		n--;
	d->url = mem_dup(url, n);
	buf_printf(&d->key, "Bearer %s", key);
	return &d->data;
}
