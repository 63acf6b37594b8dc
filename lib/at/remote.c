#include "at/remote.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "crypt/crypt.h"
#include "http/client.h"
#include "json/json.h"

#define TRIES      4
#define FIRST_MS   250                  /* to the second try; doubled for each further one */
#define REPLY_MOST (256u << 20)         /* bytes of an answer */
#define ID_LETTERS 22                   /* 128 bits of chance */

struct remote {
	char *url;
	struct buf key;                 /* the header's value */
	struct buf rows, scratch, id;
	int n;
};

struct remote *
remote_new(const char *url, const char *key, struct err *err)
{
	struct remote *r;

	if (!key || !*key) {
		err_set(err, ERR_USAGE, "%s: a server wants a key as the second argument, made by at-admin key create", url);
		return NULL;
	}
	r = mem_new(sizeof(*r));
	r->url = mem_text(url);
	for (size_t n = strlen(r->url); n && r->url[n - 1] == '/'; )
		r->url[--n] = 0;
	buf_printf(&r->key, "Bearer %s", key);
	return r;
}

void
remote_free(struct remote *r)
{
	if (!r)
		return;
	if (r->key.p)
		crypt_wipe(r->key.p, r->key.n);
	free(r->url);
	buf_release(&r->key);
	buf_release(&r->rows);
	buf_release(&r->scratch);
	buf_release(&r->id);
	free(r);
}

int
remote_waits(const struct remote *r)
{
	return r->n;
}

int
remote_add(struct remote *r, const struct event *e, struct err *err)
{
	struct event copy = *e;

	if (!copy.id.p) {
		buf_clear(&r->id);
		if (crypt_random_text(ID_LETTERS, &r->id, err))
			return err->code;
		copy.id = buf_get(&r->id);
	}
	event_put(&r->rows, &copy);
	buf_byte(&r->rows, '\n');
	r->n++;
	return 0;
}

static void
sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* What a problem document says, or else the status. */
static int
refused(const struct http_result *result, struct err *err)
{
	struct buf scratch = {0};
	struct str detail = json_text(json_get(json_value(buf_get(&result->body)), STR("detail")), &scratch);
	int code = result->status == 400 || result->status == 422 ? ERR_INPUT : result->status == 413 || result->status == 429 ? ERR_LIMIT : ERR_IO;

	if (detail.p)
		err_set(err, code, "the server answered %d: %.*s", result->status, detail.n > 300 ? 300 : (int)detail.n, detail.p);
	else
		err_set(err, code, "the server answered %d", result->status);
	buf_release(&scratch);
	return err->code;
}

/* POST, or GET where there is no body, again while the server is away or busy. */
static int
ask(struct remote *r, const char *path, const char *type, struct str body, struct http_result *result, struct err *err)
{
	const struct http_head heads[] = { { "Authorization", buf_get(&r->key) }, { "Content-Type", str_of(type) } };
	struct http_call call = { .method = body.p ? "POST" : "GET", .heads = heads, .n_heads = body.p ? 2 : 1, .body = body, .most = REPLY_MOST, .timeout_ms = 60000, .private_too = 1 };
	struct buf url = {0};
	int rc = 0;

	buf_printf(&url, "%s%s", r->url, path);
	call.url = buf_text(&url);
	for (int i = 0; i < TRIES; i++) {
		if (i)
			sleep_ms(FIRST_MS << (i - 1));
		err_clear(err);
		http_result_release(result);
		*result = (struct http_result){0};
		if ((rc = http_fetch(&call, result, err)) == 0 && result->status != 429 && result->status < 500)
			break;
	}
	buf_release(&url);
	return rc ? rc : result->status / 100 == 2 ? 0 : refused(result, err);
}

int
remote_commit(struct remote *r, struct err *err)
{
	struct http_result result = {0};
	struct json errors, first;
	int rc;

	if (!r->n)
		return 0;
	rc = ask(r, "/api/v1/events/batch", "application/x-ndjson", buf_get(&r->rows), &result, err);
	if (rc == 0 || rc == ERR_INPUT) {       /* it has judged them */
		buf_clear(&r->rows);
		r->n = 0;
	}
	errors = json_get(json_value(buf_get(&result.body)), STR("errors"));
	if (rc == 0 && json_is(first = json_get(json_index(errors, 0), STR("error")), JSON_STRING)) {
		struct str why = json_text(first, &r->scratch);

		rc = err_set(err, ERR_INPUT, "the server refused an event: %.*s", why.n > 300 ? 300 : (int)why.n, why.p);
	}
	http_result_release(&result);
	return rc;
}

int
remote_query(struct remote *r, const char *sql, int (*row)(void *, const char *, size_t), void *self, struct err *err)
{
	struct http_result result = {0};
	struct buf body = {0};
	struct str rest, line;
	int rc;

	buf_lit(&body, "{\"format\":\"ndjson\",\"query\":");
	json_put_string(&body, str_of(sql));
	buf_byte(&body, '}');
	rc = ask(r, "/api/v1/query", "application/json", buf_get(&body), &result, err);
	rest = buf_get(&result.body);
	while (rc == 0 && rest.n && str_cut(&rest, '\n', &line)) {
		if (!line.n)
			continue;
		buf_clear(&r->scratch);
		buf_str(&r->scratch, line);
		buf_text(&r->scratch);
		if (row(self, r->scratch.p, r->scratch.n))
			rc = err_set(err, ERR_CANCEL, "ended by the caller");
	}
	buf_release(&body);
	http_result_release(&result);
	return rc;
}

int
remote_ask(struct remote *r, const char *path, struct str body, struct buf *json, struct err *err)
{
	struct http_result result = {0};
	int rc = ask(r, path, "application/json", body, &result, err);

	if (rc == 0)
		buf_str(json, buf_get(&result.body));
	buf_text(json);
	http_result_release(&result);
	return rc;
}
