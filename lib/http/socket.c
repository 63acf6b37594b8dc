#include "http/socket.h"

#include <stdlib.h>

#include "base/mem.h"
#include "http/http_priv.h"
#include "http/messages.h"

#define PING_MS      20000
#define MESSAGE_MOST (1u << 20)
#define PONGS_MOST   65536              /* bytes that wait for a peer; with more of them its pings are not answered, which the RFC lets us */
#define CLOSE_MS     2000               /* for the peer's close to come, and for what was sent before ours to go */

struct http_socket {
	struct http_letter mail;        /* first */
	struct http_server *server;
	struct http_socket_spec spec;
	_Atomic int holds;              /* the connection's and the callers' */
	_Atomic int closing;            /* a close was sent, or will be */
	struct outbox *outbox;
	int packs;

	/* the loop's */
	struct connection *connection;  /* NULL: not begun, or over */
	struct messages *in;
	int code;                       /* it was closed with; 0: not yet */
	int over, heard, pings;         /* to be ended when all is sent; bytes came since the last ping; pings without any */
};

/* ---- the handshake */

/* "dGhlIHNhbXBsZSBub25jZQ==": 16 bytes in base64. */
static int
is_key(struct str key)
{
	if (key.n != 24 || key.p[22] != '=' || key.p[23] != '=')
		return 0;
	for (size_t i = 0; i < 22; i++) {
		char c = key.p[i];

		if (!((c | 32) >= 'a' && (c | 32) <= 'z') && !(c >= '0' && c <= '9') && c != '+' && c != '/')
			return 0;
	}
	return 1;
}

/* May the offer "permessage-deflate; …" be taken as we speak it? Each parameter once, of the four, with a right value. */
static int
offer_is_good(struct str offer)
{
	static const char *const names[4] = { "server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits" };
	struct str item, name;
	unsigned seen = 0;

	str_cut(&offer, ';', &name);
	if (!http_same(str_trim(name), STR("permessage-deflate")))
		return 0;
	while (str_cut(&offer, ';', &item)) {
		int which = 0, valued;
		int64_t bits = 0;

		valued = str_cut(&item, '=', &name) && item.p;
		name = str_trim(name);
		while (which < 4 && !http_same(name, str_of(names[which])))
			which++;
		item = str_trim(item);
		if (item.n >= 2 && *item.p == '"' && item.p[item.n - 1] == '"')
			item.p++, item.n -= 2;
		if (which == 4 || seen & 1u << which)
			return 0;
		seen |= 1u << which;
		if (which < 2 ? valued : valued ? !item.n || *item.p == '0' || str_int64(item, &bits) || bits < 8 || bits > 15 : which == 2)
			return 0;
		if (which == 2 && bits < 15)            /* our packer looks back 32 KiB */
			return 0;
	}
	return 1;
}

static int
find_offer(void *self __attribute__((unused)), struct str name, struct str value)
{
	struct str offer;

	if (http_same(name, STR("Sec-WebSocket-Extensions")))
		while (str_cut(&value, ',', &offer))
			if (offer_is_good(offer))
				return 1;
	return 0;
}

static void
refuse(struct http_request *r, int status, const char *why)
{
	static const struct http_head heads[] = { { "Sec-WebSocket-Version", { "13", 2 } }, { "Upgrade", { "websocket", 9 } } };
	const struct http_spec *spec = r->connection ? &r->connection->server->spec : NULL;
	struct buf text = { 0 };

	if (spec && spec->refuse) {             /* it knows the heads that all answers have */
		spec->refuse(spec->self, r, status, why);
		return;
	}
	buf_printf(&text, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}\n", http_reason(status), status, why);
	http_answer(r, &(struct http_answer){ status, "application/problem+json", buf_get(&text), heads, status == 426 ? 2 : 0, 0 });
	buf_release(&text);
}

/* 0, or the status that it is refused with. */
static int
judge(const struct http_request *r, const char **why)
{
	struct str version = http_header(r, "Sec-WebSocket-Version"), key = http_header(r, "Sec-WebSocket-Key");

	*why = "this is a WebSocket: Upgrade: websocket and Connection: Upgrade are missing";
	if (!http_has_token(http_header(r, "Upgrade"), "websocket") || !http_has_token(http_header(r, "Connection"), "Upgrade"))
		return 426;
	*why = "a WebSocket begins with a GET of HTTP/1.1 without a body";
	if (!str_eq(r->head.method, STR("GET")) || !r->head.minor || r->head.chunked || r->head.length > 0)
		return 400;
	*why = "Sec-WebSocket-Version is not 13";
	if (!str_eq(version, STR("13")))
		return version.p ? 426 : 400;
	*why = "Sec-WebSocket-Key is not 16 bytes in base64";
	return is_key(key) ? 0 : 400;
}

static void taken(struct http_letter *, unsigned wants);

struct http_socket *
http_socket_open(struct http_request *r, const struct http_socket_spec *spec)
{
	struct http_socket *s;
	const char *why;
	char accept[28];
	int status = judge(r, &why);

	if (status) {
		refuse(r, status, why);
		return NULL;
	}
	s = mem_new(sizeof(*s));
	s->server = r->server;
	s->spec = *spec;
	s->spec.protocol = NULL;                        /* the caller's text; it is said here and then never again */
	s->spec.message_bytes = spec->message_bytes ? spec->message_bytes : MESSAGE_MOST;
	s->spec.ping_ms = spec->ping_ms ? spec->ping_ms : PING_MS;
	s->holds = 1;
	s->mail.take = taken;
	s->outbox = outbox_new();
	s->packs = http_each_header(r, find_offer, NULL);
	tls_websocket_accept(http_header(r, "Sec-WebSocket-Key"), accept);
	buf_printf(&r->answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %.28s\r\n", accept);
	if (spec->protocol)
		buf_printf(&r->answer, "Sec-WebSocket-Protocol: %s\r\n", spec->protocol);
	if (s->packs)
		buf_lit(&r->answer, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n");
	buf_lit(&r->answer, "\r\n");
	r->given = 1;
	r->status = 101;
	r->socket = s;
	http_request_answered(r);
	return s;
}

/* ---- the caller's side */
static void
taken(struct http_letter *mail, unsigned wants)
{
	struct http_socket *s = (struct http_socket *)mail;

	if (s->connection) {
		if (wants & WANT_END)
			http_connection_due_in(s->connection, CLOSE_MS);
		http_connection_work(s->connection);
	}
	http_socket_let_go(s);                          /* the letter's hold */
}

/* A letter holds the socket: the caller's hold may end before it is read. */
static void
post(struct http_socket *s, unsigned wants)
{
	s->holds++;
	if (!http_post(s->server, &s->mail, wants))
		s->holds--;                             /* one was on its way already, and holds it */
}

static int
send_frame(struct http_socket *s, struct str frame, size_t most)
{
	int rc = outbox_add(s->outbox, &frame, 1, most, 0);

	if (rc == 0)
		post(s, WANT_STREAM);
	return rc;
}

int
http_socket_send(struct http_socket *s, struct str text, int binary, size_t most)
{
	struct buf frame = { 0 };
	int rc = -1;

	if (s->closing)
		return rc;
	messages_frame(&frame, text, binary, s->packs);
	rc = send_frame(s, buf_get(&frame), most);
	buf_release(&frame);
	return rc;
}

struct http_message { struct buf plain, packed; };

struct http_message *
http_message_new(struct str text, int binary)
{
	struct http_message *m = mem_new(sizeof(*m));

	messages_frame(&m->plain, text, binary, 0);
	messages_frame(&m->packed, text, binary, 1);
	return m;
}

void
http_message_free(struct http_message *m)
{
	if (!m)
		return;
	buf_release(&m->plain);
	buf_release(&m->packed);
	free(m);
}

int
http_socket_give(struct http_socket *s, const struct http_message *m, size_t most)
{
	return send_frame(s, buf_get(s->packs ? &m->packed : &m->plain), most);
}

/* The last frame, unless there was one already. */
static int
send_close(struct http_socket *s, struct str frame)
{
	if (s->closing++)
		return -1;
	return outbox_seal(s->outbox, frame);
}

void
http_socket_close(struct http_socket *s, int code, const char *reason)
{
	struct buf frame = { 0 };

	messages_close(&frame, code, reason);
	if (send_close(s, buf_get(&frame)) == 0)
		post(s, WANT_STREAM | WANT_END);
	buf_release(&frame);
}

void
http_socket_hold(struct http_socket *s)
{
	s->holds++;
}

void
http_socket_let_go(struct http_socket *s)
{
	if (--s->holds)
		return;
	messages_free(s->in);
	outbox_free(s->outbox);
	free(s);
}

/* ---- the connection's side */
static void
on_message(void *self, struct str text, int binary)
{
	struct http_socket *s = self;

	if (s->closing)
		messages_deaf(s->in);
	else if (s->spec.message)
		s->spec.message(s->spec.self, s, text, binary);
}

static void
on_say(void *self, struct str frames, int closes)
{
	struct http_socket *s = self;

	if (closes)
		send_close(s, frames);
	else if (!s->closing)
		outbox_add(s->outbox, &frames, 1, PONGS_MOST, 0);
}

void
http_socket_start(struct http_socket *s, struct connection *c)
{
	s->connection = c;
	s->in = messages_new(s->spec.message_bytes, s->packs, on_message, on_say, s);
	s->server->figures.sockets++;
	http_connection_due_in(c, s->closing ? CLOSE_MS : s->spec.ping_ms);
	if (s->server->draining)
		http_socket_drain(s);
}

void
http_socket_feed(struct http_socket *s, struct str *wire)
{
	int code = messages_feed(s->in, *wire);

	wire->n = 0;
	s->heard = 1;
	if (!code || s->over)
		return;
	s->code = s->code ? s->code : code;
	s->over = 1;
	http_connection_due_in(s->connection, CLOSE_MS);
}

int
http_socket_pump(struct http_socket *s)
{
	return outbox_take(s->outbox, &s->connection->out);
}

void
http_socket_unsent(struct http_socket *s, size_t n)
{
	outbox_unsent(s->outbox, n);
}

int
http_socket_over(struct http_socket *s)
{
	return s->over;
}

void
http_socket_due(struct http_socket *s)
{
	struct buf ping = { 0 };
	struct str frame;

	if (s->heard)
		s->pings = 0;
	if (s->closing || s->pings >= 2) {              /* it had its time to answer */
		http_connection_close(s->connection);
		return;
	}
	messages_ping(&ping);
	frame = buf_get(&ping);
	outbox_add(s->outbox, &frame, 1, PONGS_MOST, 0);
	buf_release(&ping);
	s->pings++;
	s->heard = 0;
	http_connection_due_in(s->connection, s->spec.ping_ms);
}

void
http_socket_drain(struct http_socket *s)
{
	http_socket_close(s, 1001, "the server stops");
}

void
http_socket_lost(struct http_socket *s)
{
	s->connection = NULL;
	s->closing = 1;
	outbox_close(s->outbox);
	s->server->figures.sockets--;
	if (s->spec.closed)
		s->spec.closed(s->spec.self, s, s->code ? s->code : 1006);
	http_socket_let_go(s);
}

void
http_socket_drop(struct http_socket *s)
{
	if (!s)
		return;
	s->closing = 1;
	outbox_close(s->outbox);
	if (s->spec.closed)
		s->spec.closed(s->spec.self, s, 1006);
	http_socket_let_go(s);
}
