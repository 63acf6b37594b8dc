/* HTTP from both ends: what the reader of heads and chunks takes and what it refuses, deadlines, forms, addresses; and a server in a
 * thread, asked by the client. Raw bytes and hostile clients: tests/fault/http.bats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/gz.h"
#include "base/mem.h"
#include "base/time.h"
#include "http/client.h"
#include "http/frame.h"
#include "http/head.h"
#include "http/messages.h"
#include "http/outbox.h"
#include "http/server.h"
#include "http/wheel.h"

/* ---- heads */

/* 0, or the status that the text is refused with; 1: it has not ended. The same however it is cut. */
static int
judge(struct str text, struct head *h)
{
	static struct head_field room[HEAD_FIELDS_MOST + 4];
	struct head_scan scan = { 0 };
	const char *why = NULL;
	long n = head_scan(&scan, text, 4096);
	int rc;

	for (size_t step = 1; step <= 7; step += 3) {
		struct head_scan slow = { 0 };
		long m = 0;

		for (size_t at = step; m == 0; at += step) {
			m = head_scan(&slow, (struct str){ text.p, at < text.n ? at : text.n }, 4096);
			if (at >= text.n)
				break;
		}
		assert_int_equal(m, n);
		assert_true(n <= 0 || slow.lines == scan.lines);
	}
	if (n <= 0)
		return n < 0 ? (int)-n : 1;
	assert_true(scan.lines <= HEAD_FIELDS_MOST + 4);
	rc = head_parse(h, (struct str){ text.p, (size_t)n }, room, &why);
	assert_true(rc == 0 || why);
	return -rc;
}

static int
status_of(const char *text)
{
	struct head h;

	return judge(str_of(text), &h);
}

#define GET "GET / HTTP/1.1\r\nHost: h\r\n"

static void
heads_that_are_none_are_refused(void **state __attribute__((unused)))
{
	static const struct { const char *text; int status; } table[] = {
		{ GET "\r\n", 0 }, { "\r\n" GET "\r\n", 0 }, { "\r\n\r\n" GET "\r\n", 400 }, { GET, 1 }, { "", 1 },
		{ "GET / HTTP/1.0\r\n\r\n", 0 }, { "GET / HTTP/1.1\r\n\r\n", 400 }, { GET "Host: h\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", 0 }, { "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 }, { "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
		{ "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400 }, { "GET /  HTTP/1.1\r\nHost: h\r\n\r\n", 400 }, { "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400 }, { " GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400 }, { "GET /\r\nHost: h\r\n\r\n", 400 },
		{ "GET / HTTP/3.7\r\nHost: h\r\n\r\n", 505 }, { "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505 }, { "GET / http/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET / HTTP/1.10\r\nHost: h\r\n\r\n", 400 }, { "G@T / HTTP/1.1\r\nHost: h\r\n\r\n", 400 }, { "\x16\x03\x01", 400 },
		{ "AAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\nHost: h\r\n\r\n", 501 }, { "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 501 },
		{ "GET http://h:1/x HTTP/1.1\r\nHost: h\r\n\r\n", 0 }, { "GET ftp://h/x HTTP/1.1\r\nHost: h\r\n\r\n", 400 }, { "GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n", 400 }, { "GET http://u@h/x HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 0 }, { "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ GET "X : 1\r\n\r\n", 400 }, { GET "X: 1\r\n y\r\n\r\n", 400 }, { GET "X: a\nY: b\r\n\r\n", 400 }, { GET "X: a\rb\r\n\r\n", 400 },
		{ GET ": 1\r\n\r\n", 400 }, { GET "X\r\n\r\n", 400 }, { GET "X:\r\n\r\n", 0 }, { GET "X: \t \r\n\r\n", 0 }, { GET "X: \x7f\r\n\r\n", 400 },
		{ GET "X: caf\xc3\xa9\r\n\r\n", 0 }, { "GET / HTTP/1.1\nHost: h\n\n", 400 }, { GET "\n", 400 }, { GET "X: 1\r\r\n\r\n", 400 },
		{ GET "Content-Length: 5\r\n\r\n", 0 }, { GET "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400 }, { GET "Content-Length: 5, 5\r\n\r\n", 400 },
		{ GET "Content-Length: +5\r\n\r\n", 400 }, { GET "Content-Length: -1\r\n\r\n", 400 }, { GET "Content-Length:\r\n\r\n", 400 },
		{ GET "Content-Length: 0x5\r\n\r\n", 400 }, { GET "Content-Length: 9999999999999999999999999999\r\n\r\n", 0 },
		{ GET "Transfer-Encoding: chunked\r\n\r\n", 0 }, { GET "Transfer-Encoding: Chunked\r\n\r\n", 0 }, { GET "Transfer-Encoding: xchunked\r\n\r\n", 501 },
		{ GET "Transfer-Encoding: chunked, identity\r\n\r\n", 400 }, { GET "Transfer-Encoding: identity, chunked\r\n\r\n", 400 },
		{ GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400 }, { GET "Transfer-Encoding: \x0b" "chunked\r\n\r\n", 400 },
		{ GET "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400 }, { "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
		{ GET "Expect: 100-continue\r\n\r\n", 0 }, { GET "Expect: tea\r\n\r\n", 417 },
	};
	struct head h;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (status_of(table[i].text) != table[i].status)
			fail_msg("%d, not %d: %.200s", status_of(table[i].text), table[i].status, table[i].text);
	assert_int_equal(judge((struct str){ GET "X: a\0b\r\n\r\n", sizeof(GET) + 10 }, &h), 400);
}

static void
heads_have_a_bound(void **state __attribute__((unused)))
{
	struct buf text = { 0 };
	struct head h;

	buf_lit(&text, "GET /");
	for (int i = 0; i < 5000; i++)
		buf_byte(&text, 'a');
	assert_int_equal(judge(buf_get(&text), &h), 414);
	buf_clear(&text);
	buf_lit(&text, GET "X: ");
	for (int i = 0; i < 5000; i++)
		buf_byte(&text, 'a');
	assert_int_equal(judge(buf_get(&text), &h), 431);
	buf_clear(&text);
	buf_lit(&text, GET);
	for (int i = 0; i < 300; i++)
		buf_lit(&text, "X: 1\r\n");
	buf_lit(&text, "\r\n");
	assert_int_equal(judge(buf_get(&text), &h), 431);
	buf_release(&text);
}

static void
a_head_says_what_it_says(void **state __attribute__((unused)))
{
	struct head h;

	assert_int_equal(judge(STR("POST /a%20b?x=1&y HTTP/1.1\r\nhost: h:80\r\nX:  one \r\nx: two\r\nContent-Length: 12\r\naccept-encoding: br, gzip;q=0.5\r\n\r\n"), &h), 0);
	assert_true(str_eq(h.method, STR("POST")) && str_eq(h.path, STR("/a%20b")) && str_eq(h.query, STR("x=1&y")) && str_eq(h.host, STR("h:80")));
	assert_true(str_eq(head_get(&h, "X"), STR("one")) && !head_get(&h, "Y").p && h.length == 12 && !h.chunked && h.keep && h.takes_gzip);
	assert_int_equal(judge(STR("GET https://other?q HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\nAccept-Encoding: gzip;q=0.0\r\nContent-Encoding: snappy\r\n\r\n"), &h), 0);
	assert_true(str_eq(h.path, STR("/")) && str_eq(h.query, STR("q")) && str_eq(h.host, STR("other")) && !h.keep && !h.takes_gzip && h.coding == HEAD_CODING_UNKNOWN);
	assert_int_equal(judge(STR("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), &h), 0);
	assert_true(h.keep && !h.host.n && !h.minor);
	assert_int_equal(judge(STR("GET / HTTP/1.0\r\n\r\n"), &h), 0);
	assert_true(!h.keep);
}

static void
paths_that_climb_are_none(void **state __attribute__((unused)))
{
	static const char *const bad[] = { "/..", "/../etc/passwd", "/a/../b", "/.", "/a/./b", "/%2e%2e/x", "/%2E./x", "/a%00b", "/%", "/%4", "/%zz", "/\xff", "/%c0%af", "" };
	static const char *const good[][2] = { { "/", "/" }, { "/a%2fb", "/a/b" }, { "/...", "/..." }, { "/%C3%A9", "/\xc3\xa9" }, { "//x", "//x" } };
	char to[100];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(head_path(str_of(bad[i]), to), -1);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		long n = head_path(str_of(good[i][0]), to);

		assert_true(n >= 0 && str_eq((struct str){ to, (size_t)n }, str_of(good[i][1])));
	}
}

/* ---- chunks */

/* The body in the wire's chunks, or -status, or 2: it has not ended. However the wire is cut. */
static int
unchunk(struct str wire, size_t step, struct buf *body)
{
	struct frame f;
	int rc = 2;

	frame_init(&f, 1, -1);
	buf_clear(body);
	for (size_t at = 0; at < wire.n && rc == 2; at += step) {
		struct str part, piece = { wire.p + at, wire.n - at < step ? wire.n - at : step };

		while ((rc = frame_next(&f, &piece, &part)) == 1) {
			size_t used = part.n > 3 ? part.n - 1 : part.n; /* a reader that does not take all */

			buf_add(body, part.p, used);
			frame_take(&f, &piece, used);
		}
	}
	return rc;
}

static void
chunks_are_read_to_the_letter(void **state __attribute__((unused)))
{
	static const struct { const char *wire; int rc; const char *body; } table[] = {
		{ "0\r\n\r\n", 0, "" }, { "5\r\nhello\r\n0\r\n\r\n", 0, "hello" }, { "005\r\nhello\r\n1\r\n!\r\n000\r\n\r\n", 0, "hello!" },
		{ "A;x=\"y;z\"\r\n0123456789\r\n0\r\nX-T: 1\r\nY:\r\n\r\n", 0, "0123456789" }, { "5\r\nhello\r\n0\r\n", 2, NULL }, { "5\r\nhel", 2, NULL },
		{ "0x5\r\nhello\r\n0\r\n\r\n", -400, NULL }, { "-1\r\n\r\n", -400, NULL }, { "\r\n", -400, NULL }, { "5 \r\nhello\r\n0\r\n\r\n", -400, NULL },
		{ " 5\r\nhello\r\n0\r\n\r\n", -400, NULL }, { "5\nhello\n0\n\n", -400, NULL }, { "5\r\nhelloXX0\r\n\r\n", -400, NULL }, { "5\r\nhello\n0\r\n\r\n", -400, NULL },
		{ "ffffffffffffffff\r\nx", -400, NULL }, { "5;\x01\r\nhello\r\n0\r\n\r\n", -400, NULL }, { "5;a\nb\r\nhello\r\n0\r\n\r\n", -400, NULL },
		{ "0\r\nno trailer\r\n\r\n", -400, NULL }, { "0\r\n x: 1\r\n\r\n", -400, NULL }, { "0\r\n: 1\r\n\r\n", -400, NULL },
		{ "0\r\nA: b\r\nTransfer-encoding: chunked\r\n\r\n", -400, NULL }, { "0\r\nContent-Length: 5\r\n\r\n", -400, NULL }, { "0\r\nContent-Lengthy-names-are-fine: 5\r\n\r\n", 0, "" }, { "0\r\nx: 1\n\r\n", -400, NULL }, { ";\r\n", -400, NULL },
		{ "1;x>y\r\na\r\n0\r\n\r\n", -400, NULL }, { "1;x=\"\\\">\";y\r\na\r\n0\r\n\r\n", 0, "a" }, { "1;x=\"\r\na\r\n0\r\n\r\n", -400, NULL },
		{ "1;;x\r\na\r\n0\r\n\r\n", -400, NULL }, { "1;x=\r\na\r\n0\r\n\r\n", -400, NULL }, { "1; x\r\na\r\n0\r\n\r\n", -400, NULL }, { "1;x=y;z\r\na\r\n0\r\n\r\n", 0, "a" },
	};
	struct buf body = { 0 };

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		for (size_t step = 1; step < 9; step++) {
			int rc = unchunk(str_of(table[i].wire), step, &body);

			if (rc != table[i].rc)
				print_message("%s\n", table[i].wire);
			assert_int_equal(rc, table[i].rc);
			assert_true(rc || str_eq(buf_get(&body), str_of(table[i].body)));
		}
	buf_release(&body);
}

/* ---- deadlines */

/* Among a thousand deadlines that move all the time, each is met after its time, by a tick at most, and none is met that was moved away. */
static void
deadlines_are_met_on_time(void **state __attribute__((unused)))
{
	enum { N = 1000 };
	static struct wheel_item item[N];
	struct wheel *w = mem_new(sizeof(*w));
	int64_t now = 123456789, set = 0, met = 0;
	unsigned x = 1;

	wheel_init(w, now);
	for (int round = 0; round < 5000; round++) {
		struct wheel_item *due;
		int wait = wheel_wait(w, now);

		assert_true(set > met ? wait >= 0 : wait == -1);
		for (int i = 0; i < 20; i++) {
			struct wheel_item *it = &item[(x = x * 1664525u + 1013904223u) % N];

			set += !it->here;
			if (x >> 29 == 0 && it->here) {
				wheel_remove(w, it);
				met++;
			} else
				wheel_set(w, it, now + (x >> 8) % (x & 64 ? 200 : 90000));
		}
		now += (x >> 4) % 97 * (round % 50 ? 1 : 300);
		while ((due = wheel_next(w, now))) {
			assert_true(due->due <= now && !due->here);
			met++;
		}
		for (int i = 0; i < N; i++)
			assert_true(!item[i].here || item[i].due > now - WHEEL_TICK);
	}
	for (int i = 0; i < N; i++)
		wheel_remove(w, &item[i]);
	assert_int_equal(wheel_wait(w, now), -1);
	free(w);
}

/* ---- texts */
static void
parameters_are_decoded(void **state __attribute__((unused)))
{
	struct arena *a = arena_new(0);
	struct str v, form = STR("a=1&b=x%20y+z&b=2&&c&d=&%61b=named&e=%zz&f=1%");

	assert_true(http_param(a, form, "a", &v) == 0 && str_eq(v, STR("1")));
	assert_true(http_param(a, form, "b", &v) == 0 && str_eq(v, STR("x y z")));
	assert_true(http_param(a, form, "c", &v) == 0 && v.p && v.n == 0);
	assert_true(http_param(a, form, "d", &v) == 0 && v.p && v.n == 0);
	assert_true(http_param(a, form, "ab", &v) == 0 && str_eq(v, STR("named")));
	assert_true(http_param(a, form, "none", &v) == 0 && !v.p);
	assert_true(http_param(a, form, "e", &v) == -1 && http_param(a, form, "f", &v) == -1);
	assert_true(http_has_token(STR("keep-alive, Upgrade"), "upgrade") && !http_has_token(STR("xupgrade"), "upgrade") && !http_has_token((struct str){ 0 }, "a"));
	arena_free(a);
}

static void
fault_44_which_addresses_are_public(void **state __attribute__((unused)))
{
	static const char *const inside[] = { "127.0.0.1", "127.255.255.255", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254",
		"100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.8", "198.18.0.1", "198.19.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
		"64:ff9b::7f00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "2001::1", "fec0::1", "::127.0.0.1" };
	static const char *const outside[] = { "1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "192.167.255.255", "223.255.255.255",
		"198.17.255.255", "198.20.0.0", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2001:4860:4860::8888", "2002:808:808::1" };

	for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++)
		assert_int_equal(http_is_public(inside[i]), 0);
	for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++)
		assert_int_equal(http_is_public(outside[i]), 1);
	assert_int_equal(http_is_public("example.com"), -1);
}

/* What is packed is what was there, whatever its size; the bound holds. */
static void
raw_deflate_goes_both_ways(void **state __attribute__((unused)))
{
	struct buf text = { 0 }, packed = { 0 }, plain = { 0 };
	struct err err = { 0 };

	for (size_t n = 0; n < 300000; n = n * 2 + 1) {
		buf_clear(&text);
		buf_clear(&packed);
		buf_clear(&plain);
		for (size_t i = 0; i < n; i++)
			buf_byte(&text, (char)(i * i % 251));
		buf_lit(&packed, "kept");
		gz_pack(buf_get(&text), 1, &packed);
		assert_memory_equal(packed.p, "kept", 4);
		assert_int_equal(gz_unpack_raw((struct str){ packed.p + 4, packed.n - 4 }, &plain, n, &err), 0);
		assert_true(str_eq(buf_get(&plain), buf_get(&text)));
		if (n)
			assert_int_equal(gz_unpack_raw((struct str){ packed.p + 4, packed.n - 4 }, &plain, n - 1, &err), ERR_LIMIT);
	}
	assert_int_equal(gz_unpack_raw(STR("\x07 no"), &plain, 1000, &err), ERR_IO);
	buf_release(&text);
	buf_release(&packed);
	buf_release(&plain);
}

/* ---- a server in a thread */
struct site {
	struct http_server *server;
	pthread_t thread;
	char base[100];
	int begun, ended, calls, last_call, ticks, paused;
	struct http_request *held;
	pthread_mutex_t lock;
};

static void *
run(void *self)
{
	struct site *site = self;
	struct err err = { 0 };

	assert_int_equal(http_server_run(site->server, 2000, &err), 0);
	return NULL;
}

static void
say(struct http_request *r, int status, struct str body)
{
	http_answer(r, &(struct http_answer){ .status = status, .type = "text/plain", .body = body });
}

static void *
from_a_thread(void *self)
{
	struct http_request *r = self;

	usleep(20000);
	say(r, 200, STR("from a thread"));
	return NULL;
}

static void *
in_pieces(void *self)
{
	struct http_request *r = self;
	struct buf piece = { 0 };

	for (int i = 0; i < 3000; i++)
		buf_lit(&piece, "0123456789");
	if (http_stream_begin(r, &(struct http_answer){ .status = 200, .type = "text/plain", .body = STR("first ") }) == 0)
		for (int i = 0; i < 200; i++)
			if (http_stream_write(r, buf_get(&piece)) < 0)
				break;
	http_stream_end(r);
	buf_release(&piece);
	return NULL;
}

static void *
resumes(void *self)
{
	usleep(1000);
	http_resume(self);
	return NULL;
}

static void
in_thread(void *(*work)(void *), void *self)
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, work, self), 0);
	pthread_detach(t);
}

static int
piece_by_piece(void *self, struct http_request *r, struct str piece)
{
	struct site *site = self;
	int64_t *sum = http_user(r);

	if (str_eq(http_path(r), STR("/first"))) {      /* a thread answers, whatever is still to come */
		if (!(*sum)++)
			in_thread(from_a_thread, r);
		return 0;
	}
	for (size_t i = 0; i < piece.n; i++)
		*sum += (unsigned char)piece.p[i];
	if (++site->paused % 3)
		return 0;
	in_thread(resumes, r);
	return 1;
}

static void
begin(void *self, struct http_request *r)
{
	struct site *site = self;

	site->begun++;
	if (str_eq(http_path(r), STR("/sum")) || str_eq(http_path(r), STR("/first"))) {
		http_set_user(r, mem_new(sizeof(int64_t)));
		http_body_pieces(r, piece_by_piece, site);
	} else if (str_eq(http_path(r), STR("/small")))
		http_body_most(r, 10);
	else if (str_eq(http_path(r), STR("/denied")))
		say(r, 401, STR("no"));
}

static void
ready(void *self, struct http_request *r)
{
	struct site *site = self;
	struct str path = http_path(r), to;
	struct buf text = { 0 };

	if (str_eq(path, STR("/first")))
		;
	else if (str_eq(path, STR("/thread")))
		in_thread(from_a_thread, r);
	else if (str_eq(path, STR("/pieces")))
		in_thread(in_pieces, r);
	else if (str_eq(path, STR("/hold"))) {
		pthread_mutex_lock(&site->lock);
		site->held = r;
		pthread_mutex_unlock(&site->lock);
	} else if (str_eq(path, STR("/to"))) {
		http_param(http_arena(r), http_query(r), "url", &to);
		http_answer(r, &(struct http_answer){ .status = 302, .heads = &(struct http_head){ "Location", to }, .n_heads = 1 });
	} else if (str_eq(path, STR("/sum"))) {
		buf_int64(&text, *(int64_t *)http_user(r));
		say(r, 200, buf_get(&text));
	} else if (str_eq(path, STR("/evil")))
		http_answer(r, &(struct http_answer){ 200, "text/plain", STR("x"), (struct http_head[]){ { "X-A", STR("a\r\nX-B: b") }, { "X-C", STR("c") } }, 2, 0 });
	else {
		buf_printf(&text, "%.*s %.*s %.*s|%.*s|", STR_FMT(http_method(r)), STR_FMT(path), STR_FMT(http_query(r)), STR_FMT(http_header(r, "x-mine").p ? http_header(r, "x-mine") : STR("")));
		buf_str(&text, http_body(r));
		say(r, 200, buf_get(&text));
	}
	buf_release(&text);
}

static void
done(void *self, struct http_request *r)
{
	struct site *site = self;

	site->ended++;
	free(http_user(r));
}

static struct site *
site_up(const struct http_spec *more)
{
	struct site *site = mem_new(sizeof(*site));
	struct http_spec spec = more ? *more : (struct http_spec){ 0 };
	struct err err = { 0 };

	pthread_mutex_init(&site->lock, NULL);
	spec.listen = "127.0.0.1:0";
	spec.begin = begin;
	spec.ready = ready;
	spec.done = done;
	spec.self = site;
	site->server = http_server_new(&spec, &err);
	assert_non_null(site->server);
	snprintf(site->base, sizeof(site->base), "http://%s", http_server_address(site->server));
	assert_int_equal(pthread_create(&site->thread, NULL, run, site), 0);
	return site;
}

static void
site_down(struct site *site)
{
	http_server_stop(site->server);
	pthread_join(site->thread, NULL);
	http_server_free(site->server);
	assert_int_equal(site->begun, site->ended);     /* each that was begun was done */
	free(site);
}

/* Ask, and expect a status (0: a failure of that code) and what the body begins with. */
static struct err last;
static void
ask(struct site *site, struct http_call call, int status, const char *body)
{
	struct http_result result;
	char url[400];
	int rc;

	snprintf(url, sizeof(url), "%s%s", *call.url == '/' ? site->base : "", call.url);
	call.url = url;
	call.method = call.method ? call.method : "GET";
	last = (struct err){ 0 };
	rc = http_fetch(&call, &result, &last);
	if (status < 0) {
		assert_int_equal(rc, status);
		return;
	}
	if (rc)
		print_message("%s: %s\n", url, last.text);
	assert_int_equal(rc, 0);
	assert_int_equal(result.status, status);
	if (body && !str_starts(buf_get(&result.body), str_of(body)))
		print_message("%s: %.*s\n", url, STR_FMT(buf_get(&result.body)));
	assert_true(!body || str_starts(buf_get(&result.body), str_of(body)));
	http_result_release(&result);
}
#define ASK(site, status, body, ...) ask(site, (struct http_call){ .private_too = 1, __VA_ARGS__ }, status, body)

static void
requests_are_answered(void **state __attribute__((unused)))
{
	struct site *site = site_up(NULL);
	struct buf big = { 0 }, packed = { 0 };
	char sum[40];

	ASK(site, 200, "GET /a b x=1||", .url = "/a%20b?x=1");
	ASK(site, 200, "POST /p |yes|body", .url = "/p", .method = "POST", .body = STR("body"), .heads = &(struct http_head){ "X-Mine", STR("yes") }, .n_heads = 1);
	ASK(site, 200, "", .url = "/", .method = "HEAD");
	ASK(site, 200, "from a thread", .url = "/thread");
	ASK(site, 401, "no", .url = "/denied", .method = "POST", .body = STR("not read"));
	ASK(site, 413, NULL, .url = "/small", .method = "POST", .body = STR("more than ten bytes"));
	ASK(site, 415, NULL, .url = "/p", .method = "POST", .body = STR("x"), .heads = &(struct http_head){ "Content-Encoding", STR("br") }, .n_heads = 1);
	for (int i = 0; i < 500000; i++)
		buf_byte(&big, (char)('a' + i % 7));
	ASK(site, 200, "POST /big ||abcdefgabc", .url = "/big", .method = "POST", .body = buf_get(&big));
	gz_pack(buf_get(&big), 0, &packed);
	ASK(site, 200, "POST /big ||abcdefgabc", .url = "/big", .method = "POST", .body = buf_get(&packed));        /* known by its first byte */
	snprintf(sum, sizeof(sum), "%lld", 500000 / 7 * (7 * 97 + 21LL) + 97 + 98 + 99 + 100);
	ASK(site, 200, sum, .url = "/sum", .method = "POST", .body = buf_get(&big));
	ASK(site, 200, sum, .url = "/sum", .method = "POST", .body = buf_get(&packed));
	for (int i = 0; i < 20; i++)
		ASK(site, 200, "from a thread", .url = "/first", .method = "POST", .body = { big.p, (size_t)1 << i % 19 });
	packed.n -= 5;
	ASK(site, 400, NULL, .url = "/big", .method = "POST", .body = buf_get(&packed));
	ASK(site, 400, NULL, .url = "/sum", .method = "POST", .body = buf_get(&packed));
	ASK(site, 200, "first 0123456789", .url = "/pieces", .most = 10 << 20);
	buf_release(&big);
	buf_release(&packed);
	site_down(site);
}

static void
a_header_cannot_be_split(void **state __attribute__((unused)))
{
	struct site *site = site_up(NULL);
	struct http_result r;
	struct err err = { 0 };
	char url[200];

	snprintf(url, sizeof(url), "%s/evil", site->base);
	assert_int_equal(http_fetch(&(struct http_call){ .method = "GET", .url = url, .private_too = 1 }, &r, &err), 0);
	assert_true(!http_result_header(&r, "X-A").p && !http_result_header(&r, "X-B").p && str_eq(http_result_header(&r, "x-c"), STR("c")));
	assert_true(!http_result_header(&r, "Server").p && http_result_header(&r, "Date").n == 29);     /* no banner */
	http_result_release(&r);
	assert_int_equal(http_fetch(&(struct http_call){ .method = "GET", .url = url, .private_too = 1, .heads = &(struct http_head){ "X", STR("a\nb") }, .n_heads = 1 }, &r, &err), ERR_INPUT);
	site_down(site);
}

static void
fault_44_the_client_goes_nowhere_else(void **state __attribute__((unused)))
{
	struct site *site = site_up(NULL);
	char url[300], host[100];

	ask(site, (struct http_call){ .url = "/" }, ERR_INPUT, NULL);
	assert_non_null(strstr(last.text, "not public"));
	snprintf(host, sizeof(host), "http://localhost%s/", strrchr(site->base, ':'));
	ask(site, (struct http_call){ .url = host }, ERR_INPUT, NULL);
	ask(site, (struct http_call){ .url = "http://[::ffff:127.0.0.1]:1/" }, ERR_INPUT, NULL);
	ask(site, (struct http_call){ .url = "http://0x7f000001/" }, ERR_INPUT, NULL);
	ask(site, (struct http_call){ .url = "http://169.254.169.254/latest/meta-data" }, ERR_INPUT, NULL);
	ASK(site, ERR_USAGE, NULL, .url = "file:///etc/passwd");
	ASK(site, ERR_USAGE, NULL, .url = "gopher://x/");
	/* redirects: counted, judged, without the caller's headers to another host */
	ASK(site, 302, NULL, .url = "/to?url=/there");
	ASK(site, 200, "GET /there |yes|", .url = "/to?url=/there", .redirects = 1, .heads = &(struct http_head){ "X-Mine", STR("yes") }, .n_heads = 1);
	snprintf(url, sizeof(url), "/to?url=%sthere", host);
	ASK(site, 200, "GET /there ||", .url = url, .redirects = 1, .heads = &(struct http_head){ "X-Mine", STR("yes") }, .n_heads = 1);
	ASK(site, 302, NULL, .url = "/to?url=/to%3furl=/to%253furl=/x", .redirects = 2);
	ASK(site, ERR_USAGE, NULL, .url = "/to?url=file:///etc/passwd", .redirects = 1);
	ASK(site, 200, "GET /there ||", .url = "/to?url=/there", .redirects = 1, .method = "POST", .body = STR("x"));
	ASK(site, ERR_LIMIT, NULL, .url = "/pieces", .most = 1000);
	ASK(site, ERR_IO, NULL, .url = "http://127.0.0.1:1/");
	site_down(site);
}

static void
who_never_answers_is_left_when_the_time_is_over(void **state __attribute__((unused)))
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int mute = socket(AF_INET, SOCK_STREAM, 0);
	char url[60];

	assert_int_equal(bind(mute, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(mute, 1), 0);
	assert_int_equal(getsockname(mute, (struct sockaddr *)&at, &n), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(at.sin_port));
	ASK(NULL, ERR_CANCEL, NULL, .url = url, .timeout_ms = 5);
	close(mute);
}

static void
count_call(void *self)
{
	struct site *site = ((void **)self)[0];
	int number = (int)(intptr_t)((void **)self)[1];

	assert_int_equal(number, site->last_call + 1);
	site->last_call = number;
	free(self);
}

static void
tick(void *self)
{
	struct site *site = self;

	pthread_mutex_lock(&site->lock);
	site->ticks++;
	pthread_mutex_unlock(&site->lock);
}

static void
calls_come_in_their_order(void **state __attribute__((unused)))
{
	struct site *site = site_up(NULL);

	http_server_every(site->server, 2, tick, site);
	for (int i = 1; i <= 1000; i++) {
		void **call = mem_new(2 * sizeof(*call));

		call[0] = site;
		call[1] = (void *)(intptr_t)i;
		http_server_call(site->server, count_call, call);
	}
	ASK(site, 200, NULL, .url = "/thread");         /* the loop takes its mail in order: these are done */
	assert_int_equal(site->last_call, 1000);
	for (int ticks = 0; ticks <= 2; usleep(1000)) {
		pthread_mutex_lock(&site->lock);
		ticks = site->ticks;
		pthread_mutex_unlock(&site->lock);
	}
	site_down(site);
}

static void *
ask_to_hold(void *self)
{
	struct site *site = self;

	ASK(site, 200, "held", .url = "/hold");
	return NULL;
}

static struct http_request *
wait_held(struct site *site)
{
	struct http_request *r = NULL;

	while (!r) {
		usleep(1000);
		pthread_mutex_lock(&site->lock);
		r = site->held;
		pthread_mutex_unlock(&site->lock);
	}
	return r;
}

static void
fault_57_a_stopping_server_answers_what_it_has(void **state __attribute__((unused)))
{
	struct site *site = site_up(NULL);
	struct http_call again = { .method = "GET", .url = site->base, .private_too = 1 };
	struct http_request *r;
	struct http_result result;
	pthread_t asker;
	int rc = 0;

	pthread_create(&asker, NULL, ask_to_hold, site);
	r = wait_held(site);
	http_server_stop(site->server);
	while (rc == 0)                                 /* soon nobody new */
		if ((rc = http_fetch(&again, &result, &last)) == 0)
			http_result_release(&result);
	assert_int_equal(rc, ERR_IO);
	say(r, 200, STR("held"));
	pthread_join(asker, NULL);
	site_down(site);
}

struct gone { struct site *site; struct http_follow *follow; };

static int
take_nothing(void *self, struct str piece)
{
	(void)self, (void)piece;
	return 0;
}

static void *
ask_until_stopped(void *self)
{
	struct gone *g = self;
	struct err err = { 0 };
	char url[200];
	int status;

	snprintf(url, sizeof(url), "%s/hold", g->site->base);
	assert_int_equal(http_follow(g->follow, &(struct http_call){ .method = "GET", .url = url, .private_too = 1 }, take_nothing, NULL, &status, &err), 0);
	return NULL;
}

static void
an_answer_to_nobody_is_no_harm(void **state __attribute__((unused)))
{
	struct err err = { 0 };
	struct gone g = { site_up(NULL), http_follow_new(&err) };
	struct http_request *r;
	pthread_t asker;

	assert_non_null(g.follow);
	pthread_create(&asker, NULL, ask_until_stopped, &g);
	r = wait_held(g.site);
	http_follow_stop(g.follow);
	pthread_join(asker, NULL);
	say(r, 200, STR("late"));
	ASK(g.site, 200, NULL, .url = "/");
	http_follow_free(g.follow);
	site_down(g.site);
}

/* A client that goes away in the middle of a stream ends it, and whoever writes it. */
static void
a_stream_ends_with_its_client(void **state __attribute__((unused)))
{
	struct site *site = site_up(NULL);

	for (int i = 0; i < 5; i++)
		ASK(site, ERR_LIMIT, NULL, .url = "/pieces", .most = 100000);
	site_down(site);
}

/* An answer that goes on is had piece by piece, until the other side, who takes it, or somebody else ends it. */
struct follower { struct http_follow *follow; size_t n, most; int stops, status, rc; };

static int
take_some(void *self, struct str piece)
{
	struct follower *f = self;

	f->n += piece.n;
	if (f->stops)
		http_follow_stop(f->follow);
	return f->most && f->n >= f->most;
}

static void
follow_it(struct follower *f, struct site *site, const char *path)
{
	struct err err = { 0 };
	char url[200];

	snprintf(url, sizeof(url), "%s%s", *path == '/' ? site->base : "", path);
	f->follow = http_follow_new(&err);
	assert_non_null(f->follow);
	f->rc = http_follow(f->follow, &(struct http_call){ .method = "GET", .url = url, .private_too = 1 }, take_some, f, &f->status, &err);
	assert_true((f->rc < 0) == (err.code < 0));
	assert_int_equal(http_follow_wait(f->follow, f->stops ? 60000 : 1), !f->stops);
	http_follow_free(f->follow);
}

static void
an_answer_is_followed(void **state __attribute__((unused)))
{
	struct site *site = site_up(NULL);
	struct follower whole = { 0 }, some = { .most = 10 }, stopped = { .stops = 1 }, none = { 0 }, nobody = { 0 };

	follow_it(&whole, site, "/pieces");
	assert_int_equal(whole.rc, 0);
	assert_int_equal(whole.status, 200);
	assert_true(whole.n > 100000);
	follow_it(&some, site, "/pieces");
	assert_int_equal(some.rc, 0);
	assert_true(some.n >= 10 && some.n < whole.n);
	follow_it(&stopped, site, "/pieces");
	assert_int_equal(stopped.rc, 0);
	assert_true(stopped.n < whole.n);
	follow_it(&none, site, "/denied");
	assert_int_equal(none.n, 0);
	assert_int_equal(none.status, 401);
	follow_it(&nobody, site, "http://127.0.0.1:1/");
	assert_int_equal(nobody.rc, ERR_IO);
	site_down(site);
}

static void
what_is_wrong_is_told(void **state __attribute__((unused)))
{
	struct err err = { 0 };
	struct http_server *one = http_server_new(&(struct http_spec){ .listen = "127.0.0.1:0", .begin = begin, .ready = ready }, &err);
	char taken[100];

	assert_non_null(one);
	snprintf(taken, sizeof(taken), "%s", http_server_address(one));
	assert_null(http_server_new(&(struct http_spec){ .listen = taken, .begin = begin, .ready = ready }, &err));
	assert_non_null(strstr(err.text, "another server"));
	for (size_t i = 0; i < 4; i++) {
		static const char *const none[] = { "8321", "127.0.0.1:99999", "::1:80", "nowhere.invalid:1" };

		err_clear(&err);
		assert_null(http_server_new(&(struct http_spec){ .listen = none[i], .begin = begin, .ready = ready }, &err));
		assert_true(err.code < 0);
	}
	err_clear(&err);
	assert_null(http_server_new(&(struct http_spec){ .listen = "127.0.0.1:0", .tls_cert = "/no/cert", .tls_key = "/no/key", .begin = begin, .ready = ready }, &err));
	assert_non_null(strstr(err.text, "/no/cert"));
	http_server_free(one);
}

/* ---- messages */
struct heard { struct buf text; int n, binary; };

static void
hear(void *self, struct str text, int binary)
{
	struct heard *h = self;

	buf_str(&h->text, text);
	h->n++;
	h->binary = binary;
}

static void
no_word(void *self __attribute__((unused)), struct str frames __attribute__((unused)), int closes __attribute__((unused)))
{
	fail_msg("nothing asks for an answer");
}

/* Our own frames, masked as a client's, cut anywhere, come back as what they were. */
static void
messages_survive_any_cut(void **state __attribute__((unused)))
{
	for (int packs = 0; packs < 2; packs++)
		for (size_t step = 1; step < 4000; step = step * 3 + 1) {
			struct heard h = { 0 };
			struct messages *m = messages_new(100000, packs, hear, no_word, &h);
			struct buf plain = { 0 }, wire = { 0 }, frame = { 0 };

			for (size_t n = 0; n < 70000; n = n * 5 + 3) {
				size_t head;

				buf_clear(&frame);
				buf_clear(&wire);
				for (size_t i = 0; i < n; i++)
					buf_byte(&wire, (char)('a' + i % 13));
				buf_str(&plain, buf_get(&wire));
				messages_frame(&frame, buf_get(&wire), n % 2, packs);
				head = (frame.p[1] & 127) < 126 ? 2 : (frame.p[1] & 127) == 126 ? 4 : 10;
				buf_clear(&wire);
				buf_add(&wire, frame.p, head);
				wire.p[1] |= (char)0x80;
				buf_add(&wire, "\x01\x02\x03\x04", 4);
				for (size_t i = head; i < frame.n; i++)
					buf_byte(&wire, frame.p[i] ^ (char)(1 + (i - head) % 4));
				for (size_t at = 0; at < wire.n; at += step)
					assert_int_equal(messages_feed(m, (struct str){ wire.p + at, wire.n - at < step ? wire.n - at : step }), 0);
				assert_int_equal(h.binary, (int)(n % 2));
			}
			assert_true(str_eq(buf_get(&h.text), buf_get(&plain)));
			messages_free(m);
			buf_release(&h.text);
			buf_release(&plain);
			buf_release(&wire);
			buf_release(&frame);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_that_are_none_are_refused),
		cmocka_unit_test(heads_have_a_bound),
		cmocka_unit_test(a_head_says_what_it_says),
		cmocka_unit_test(paths_that_climb_are_none),
		cmocka_unit_test(chunks_are_read_to_the_letter),
		cmocka_unit_test(deadlines_are_met_on_time),
		cmocka_unit_test(parameters_are_decoded),
		cmocka_unit_test(fault_44_which_addresses_are_public),
		cmocka_unit_test(raw_deflate_goes_both_ways),
		cmocka_unit_test(requests_are_answered),
		cmocka_unit_test(a_header_cannot_be_split),
		cmocka_unit_test(fault_44_the_client_goes_nowhere_else),
		cmocka_unit_test(who_never_answers_is_left_when_the_time_is_over),
		cmocka_unit_test(calls_come_in_their_order),
		cmocka_unit_test(fault_57_a_stopping_server_answers_what_it_has),
		cmocka_unit_test(an_answer_to_nobody_is_no_harm),
		cmocka_unit_test(a_stream_ends_with_its_client),
		cmocka_unit_test(an_answer_is_followed),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(messages_survive_any_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
