/* http.c - a server that answers, for the benchmark and the tests of raw bytes: http ADDRESS [CERT KEY] [WORKERS].
 *
 *   GET /healthz        ok                              POST /api/v1/events  {"accepted":1} for a JSON object, 400 else
 *   GET /openapi.json   4 KiB of JSON                   POST /count          the bytes of a body taken in pieces
 *   GET /slow?ms=N      answered by a thread after N    GET /stream?n=N      N pieces from a thread
 *   POST /echo          the body, and X-Method            /ws, /ws/echo        a WebSocket that echoes
 *   GET /figures        connections and other figures   GET /client          the client's address
 *
 * SIGTERM drains, SIGHUP reads the certificate again. The address goes to stdout.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "http/server.h"
#include "http/socket.h"
#include "json/json.h"

static struct http_server *server;

static void
answer(struct http_request *r, int status, const char *type, struct str body)
{
	static const struct http_head heads[] = { { "X-Content-Type-Options", { "nosniff", 7 } } };

	http_answer(r, &(struct http_answer){ status, type, body, heads, 1, 0 });
}

static void
problem(struct http_request *r, int status)
{
	char text[200];
	static const struct http_head allow = { "Allow", { "GET, POST", 9 } }, who = { "WWW-Authenticate", { "Bearer", 6 } };
	int n = snprintf(text, sizeof(text), "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d}\n", http_reason(status), status);

	http_answer(r, &(struct http_answer){ status, "application/problem+json", { text, (size_t)n }, status == 405 ? &allow : &who,
	    status == 405 || status == 401, 0 });
}

static int64_t
number(struct http_request *r, const char *name)
{
	struct str value;
	int64_t n = 0;

	http_param(http_arena(r), http_query(r), name, &value);
	return str_int64(value, &n) ? 0 : n;
}

static void *
slow(void *self)
{
	struct http_request *r = self;

	usleep((unsigned)number(r, "ms") * 1000);
	answer(r, 200, "text/plain", STR("slow\n"));
	return NULL;
}

static void *
stream(void *self)
{
	struct http_request *r = self;
	int64_t n = number(r, "n"), size = number(r, "size");
	char *piece = mem_new((size_t)size + 32);

	memset(piece, '.', (size_t)size);
	if (http_stream_begin(r, &(struct http_answer){ .status = 200, .type = "text/plain" }) == 0)
		for (int64_t i = 0; i < n; i++) {
			int len = snprintf(piece + size, 32, "piece %lld\n", (long long)i);

			if (http_stream_write(r, (struct str){ piece, (size_t)(size + len) }) < 0)
				break;
		}
	http_stream_end(r);
	free(piece);
	return NULL;
}

static void
thread(void *(*work)(void *), void *self)
{
	pthread_t t;

	pthread_create(&t, NULL, work, self);
	pthread_detach(t);
}

static void
message(void *self __attribute__((unused)), struct http_socket *s, struct str text, int binary)
{
	struct http_message *m;

	if (text.n % 2) {                               /* both ways to send */
		http_socket_send(s, text, binary, 64 << 20);
		return;
	}
	m = http_message_new(text, binary);
	http_socket_give(s, m, 64 << 20);
	http_message_free(m);
}

static int
count(void *self __attribute__((unused)), struct http_request *r, struct str piece)
{
	*(int64_t *)http_user(r) += (int64_t)piece.n;
	return 0;
}

static void
begin(void *self __attribute__((unused)), struct http_request *r)
{
	struct str path = http_path(r);

	http_set_user(r, NULL);
	if (str_eq(path, STR("/count"))) {
		http_set_user(r, mem_new(sizeof(int64_t)));
		http_body_most(r, INT64_MAX);
		http_body_pieces(r, count, NULL);
	} else if (str_eq(path, STR("/coded")))
		http_body_coded(r);
	else if (str_eq(path, STR("/early")))
		problem(r, 401);
}

static void
ready(void *self __attribute__((unused)), struct http_request *r)
{
	struct str path = http_path(r), method = http_method(r), body = http_body(r), key = http_header(r, "x-api-key");
	struct err err = { 0 };
	int posts = str_eq(method, STR("POST"));
	char text[300];

	if (str_eq(path, STR("/count"))) {
		int n = snprintf(text, sizeof(text), "%lld\n", (long long)*(int64_t *)http_user(r));

		answer(r, 200, "text/plain", (struct str){ text, (size_t)n });
	} else if (str_eq(path, STR("/healthz")))
		str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")) ? answer(r, 200, "text/plain", STR("ok\n")) : problem(r, 405);
	else if (str_eq(path, STR("/api/v1/events")) && posts) {
		struct str type = http_header(r, "content-type");

		if (type.p && !str_starts(type, STR("application/json")))
			problem(r, 415);
		else if (json_check(body, &err) || json_value(body).type != JSON_OBJECT)
			problem(r, 400);
		else if (!memmem(body.p, body.n, "\"event\"", 7))
			problem(r, 422);
		else
			answer(r, 200, "application/json", STR("{\"accepted\":1}\n"));
	} else if (str_eq(path, STR("/api/v1/metrics")))
		key.p ? answer(r, 200, "application/json", STR("{}\n")) : problem(r, 401);
	else if (str_eq(path, STR("/openapi.json"))) {
		struct buf big = { 0 };

		for (int i = 0; i < 400; i++)
			buf_lit(&big, i ? ",\"path\":1" : "{\"x\":1");
		buf_byte(&big, '}');
		answer(r, 200, "application/json", buf_get(&big));
		buf_release(&big);
	} else if (str_eq(path, STR("/echo")) || str_eq(path, STR("/coded")))
		http_answer(r, &(struct http_answer){ 200, "application/octet-stream", body, &(struct http_head){ "X-Method", method }, 1, 0 });
	else if (str_eq(path, STR("/slow")))
		thread(slow, r);
	else if (str_eq(path, STR("/stream")))
		thread(stream, r);
	else if (str_eq(path, STR("/client")))
		answer(r, 200, "text/plain", str_of(http_client(r)));
	else if (str_eq(path, STR("/figures"))) {
		struct http_figures f;
		int n;

		http_server_figures(server, &f);
		n = snprintf(text, sizeof(text), "{\"connections\":%lld,\"requests\":%lld,\"sockets\":%lld,\"refused\":%lld}\n", (long long)f.connections,
		    (long long)f.requests, (long long)f.sockets, (long long)f.refused);
		answer(r, 200, "application/json", (struct str){ text, (size_t)n });
	} else if (str_eq(path, STR("/ws")) || str_eq(path, STR("/ws/echo"))) {
		if (str_eq(path, STR("/ws")) && getenv("NEED_KEY") && !key.p && !http_header(r, "authorization").p)
			problem(r, 401);
		else
			http_socket_open(r, &(struct http_socket_spec){ .message = message, .message_bytes = 16 << 20 });
	} else
		problem(r, 404);
}

static void
done(void *self __attribute__((unused)), struct http_request *r)
{
	free(http_user(r));
}

static void
stop(int signal __attribute__((unused)))
{
	http_server_stop(server);
}

static void
reload(int signal __attribute__((unused)))
{
	struct err err = { 0 };

	if (http_server_reload(server, &err))           /* (a test's server: what is not safe in a handler is safe here, in epoll_wait) */
		dprintf(2, "%s\n", err.text);
}

int
main(int argc, char **argv)
{
	const char *most = getenv("CONNECTIONS"), *head = getenv("HEAD_MS"), *idle = getenv("IDLE_MS"), *each = getenv("EACH_ADDRESS");
	struct http_spec spec = { .listen = argc > 1 ? argv[1] : "127.0.0.1:0", .tls_cert = argc > 3 ? argv[2] : NULL,
	    .tls_key = argc > 3 ? argv[3] : NULL, .connections = most ? atoi(most) : 0, .head_ms = head ? atoi(head) : 0,
	    .idle_ms = idle ? atoi(idle) : 0, .each_address = each ? atoi(each) : 0, .begin = begin, .ready = ready, .done = done };
	int workers = argc == 3 || argc > 4 ? atoi(argv[argc - 1]) : 1, status = 0;
	struct err err = { 0 };

	signal(SIGPIPE, SIG_IGN);
	if (!(server = http_server_new(&spec, &err))) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	signal(SIGHUP, reload);
	printf("%s\n", http_server_address(server));
	fflush(stdout);
	for (int i = 1; i < workers; i++)
		if (fork() == 0)
			break;
	if (http_server_run(server, 30000, &err)) {
		fprintf(stderr, "%s\n", err.text);
		status = 1;
	}
	http_server_free(server);
	return status;
}
