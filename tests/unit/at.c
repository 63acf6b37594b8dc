/* What the library promises to a program, beyond what the examples show. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "at/at.h"
#include "folder.h"

static const char event[] = "{\"event\":\"a\",\"timestamp\":\"2026-11-23T10:00:00Z\"}";

static int
count(void *self, const char *json, size_t len)
{
	(void)json, (void)len;
	++*(int *)self;
	return 0;
}

struct moving { char from[600], to[600]; };

/* Somebody takes the store away while a statement runs. */
static int
move_away(void *self, const char *json, size_t len)
{
	const struct moving *m = self;

	(void)json, (void)len;
	assert_int_equal(rename(m->from, m->to), 0);
	return 0;
}

static void
a_store_that_went_away_is_told_and_taken_up_again(void **state __attribute__((unused)))
{
	struct moving m;
	struct at *at;
	int rows = 0;

	snprintf(m.from, sizeof(m.from), "%s/store", dir);
	snprintf(m.to, sizeof(m.to), "%s/away", dir);
	at = at_open(m.from, NULL);
	assert_non_null(at);
	assert_int_equal(at_track(at, event, 0), 0);
	assert_int_equal(at_commit(at), 0);
	assert_true(at_query(at, "SELECT 1 AS one", move_away, &m) < 0);
	assert_true(at_track(at, event, 0) < 0 && at_error(at)[0]);
	assert_true(at_metrics(at, "a", NULL, count, &rows) < 0);
	assert_int_equal(rename(m.to, m.from), 0);
	assert_int_equal(at_track(at, event, 0), 0);
	assert_int_equal(at_commit(at), 0);
	assert_int_equal(at_query(at, "SELECT event FROM events", count, &rows), 0);
	assert_int_equal(rows, 2);
	at_close(at);
}

/* ---- a server that does not do well: a reply of the script for each request, and then it is gone */

struct upstream {
	const char *const *script;      /* NULL at its end */
	int listener, asked;
	char body[12][4000];           /* of each request */
	char url[60];
	pthread_t thread;
};

/* A request to the end of its body. */
static void
hear(int peer, char body[4000])
{
	char text[16000], *end = NULL, *length;
	size_t n = 0, want = 0;
	ssize_t got;

	while (!end || strlen(end) < want) {
		assert_true((got = read(peer, text + n, sizeof(text) - 1 - n)) > 0);
		text[n += (size_t)got] = 0;
		if (!end && (end = strstr(text, "\r\n\r\n"))) {
			end += 4;
			length = strcasestr(text, "content-length:");
			want = length ? strtoul(length + 15, NULL, 10) : 0;
		}
	}
	snprintf(body, 4000, "%s", end);
}

static void *
reply(void *self)
{
	struct upstream *u = self;

	for (; u->script[u->asked]; u->asked++) {
		const char *text = u->script[u->asked];
		int peer = accept(u->listener, NULL, NULL);

		hear(peer, u->body[u->asked]);
		assert_int_equal(write(peer, text, strlen(text)), (ssize_t)strlen(text));
		shutdown(peer, SHUT_WR);
		while (read(peer, (char[100]){ 0 }, 100) > 0)
			;
		close(peer);
	}
	return NULL;
}

static void
upstream_begin(struct upstream *u, const char *const *script)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);

	memset(u, 0, sizeof(*u));
	u->script = script;
	u->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(u->listener, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(u->listener, 8), 0);
	assert_int_equal(getsockname(u->listener, (struct sockaddr *)&at, &n), 0);
	snprintf(u->url, sizeof(u->url), "http://127.0.0.1:%d", ntohs(at.sin_port));
	pthread_create(&u->thread, NULL, reply, u);
}

/* Every reply of the script was wanted. */
static void
upstream_end(struct upstream *u)
{
	pthread_join(u->thread, NULL);
	close(u->listener);
}

#define REPLY(status, heads, body) "HTTP/1.1 " status "\r\nConnection: close\r\n" heads "\r\n" body
#define TAKEN REPLY("200 OK", "Content-Type: application/json\r\nContent-Length: 27\r\n", "{\"accepted\":2,\"rejected\":0}")

/* Whatever it answers, until it has taken them the same rows are sent, each with the id that it was given once: a server that took them and could not
 * say so counts them once. */
static void
fault_60_a_server_that_fails_has_each_event_once(void **state __attribute__((unused)))
{
	static const char *const failing[] = { REPLY("500 Internal Server Error", "Content-Length: 2\r\n", "{}"), REPLY("429 Too Many Requests", "Retry-After: 1\r\nContent-Length: 0\r\n", ""),
		REPLY("200 OK", "Content-Type: application/json\r\nContent-Length: 4000\r\n", "{\"accepted\":"), TAKEN, TAKEN, NULL };
	struct upstream u;
	struct at *at;

	upstream_begin(&u, failing);
	at = at_open(u.url, "at_key");
	assert_non_null(at);
	assert_int_equal(at_track(at, event, 0), 0);
	assert_int_equal(at_track(at, event, 0), 0);
	assert_int_equal(at_commit(at), 0);             /* the fourth was well */
	assert_int_equal(at_commit(at), 0);             /* there is nothing left to send */
	assert_int_equal(at_track(at, event, 0), 0);
	assert_int_equal(at_commit(at), 0);
	at_close(at);
	upstream_end(&u);
	assert_int_equal(u.asked, 5);
	assert_non_null(strstr(u.body[0], "\"id\":\""));
	for (int i = 1; i < 4; i++)
		assert_string_equal(u.body[i], u.body[0]);
	assert_null(strstr(u.body[0], u.body[4]));      /* another event, another id */
}

/* What it did not take stays, and goes with the next commit: when it was away for all tries, sent elsewhere without end, or broke each answer off. */
static void
fault_60_what_no_try_could_send_is_sent_with_the_next_commit(void **state __attribute__((unused)))
{
	static const char *const broken = REPLY("200 OK", "Transfer-Encoding: chunked\r\n", "5\r\n{\"ac");
	static const char *const away = REPLY("503 Service Unavailable", "Content-Length: 0\r\n", "");
	static const char *const script[] = { away, away, away, away, REPLY("302 Found", "Location: /api/v1/events/batch\r\nContent-Length: 0\r\n", ""), broken, broken, broken, broken, TAKEN, NULL };
	struct upstream u;
	struct at *at;

	upstream_begin(&u, script);
	at = at_open(u.url, "at_key");
	assert_int_equal(at_track(at, event, 0), 0);
	assert_true(at_commit(at) < 0);
	assert_non_null(strstr(at_error(at), "503"));
	assert_true(at_commit(at) < 0);
	assert_non_null(strstr(at_error(at), "302"));   /* it is not followed: once, and not round and round */
	assert_true(at_commit(at) < 0);
	assert_int_equal(at_commit(at), 0);
	upstream_end(&u);
	for (int i = 1; i < u.asked; i++)
		assert_string_equal(u.body[i], u.body[0]);
	at_close(at);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_store_that_went_away_is_told_and_taken_up_again, folder_set_up, folder_tear_down),
		cmocka_unit_test(fault_60_a_server_that_fails_has_each_event_once),
		cmocka_unit_test(fault_60_what_no_try_could_send_is_sent_with_the_next_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
