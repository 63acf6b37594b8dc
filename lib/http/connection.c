/* A connection from its first byte to its last: epoll tells edges, this file turns the wheel until it would block.
 *
 *      SHAKE ─► HEAD ─► BODY ─► WAIT ─► SEND ──► HEAD …, or LINGER and gone
 *                │                │      ▲ └──► SKIP ─► HEAD
 *                └────────────────┴► STREAM ──► SOCKET
 *
 * One request at a time: what is pipelined behind it stays in the kernel, or in `in` as far as it was read with it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/gz.h"
#include "base/mem.h"
#include "base/time.h"
#include "http/http_priv.h"

#define READS        16                 /* of HTTP_INPUT before others have their turn */
#define STEPS        400                /* from state to state before that: some hundred small requests */
#define RATE_MS      10000              /* a body, an answer must move by the least rate in each such span */
#define LINGER_MS    2000               /* for the client to hear the answer that ends the connection */
#define BOMB_RATIO   250                /* times its packed size that a body may have beyond BOMB_FREE; data is 5 to 50, deflate's most 1032 */
#define BOMB_FREE    (64 << 20)
#define SKIP_MOST    (64 << 10)         /* bytes of an unread body that are worth a kept connection */

/* ---- to and from the wire */

/* > 0; 0 at the end; -1 not now; -2 broken. */
static ssize_t
receive(struct connection *c, void *to, size_t n)
{
	ssize_t got;

	if (c->tls)
		got = tls_read(c->tls, to, n);
	else {
		while ((got = recv(c->fd, to, n, 0)) < 0 && errno == EINTR)
			;
		if (got < 0)
			got = errno == EAGAIN || errno == EWOULDBLOCK ? -1 : -2;
		else if ((size_t)got < n && !c->hung && got)
			c->readable = 0;                /* that was all: the next byte is an edge */
	}
	if (got == -1)
		c->readable = 0;
	if (got > 0) {
		c->moved += got;
		c->server->figures.bytes_in += got;
	}
	return got;
}

/* Send what is in out. 1: all of it; 0: the rest later; -1: broken. */
static int
flush(struct connection *c)
{
	while (c->out_at < c->out.n) {
		const char *from = c->out.p + c->out_at;
		size_t n = c->out.n - c->out_at;
		ssize_t put;

		if (!c->writable)
			return 0;
		if (c->tls)
			put = tls_write(c->tls, from, n);
		else {
			while ((put = send(c->fd, from, n, MSG_NOSIGNAL)) < 0 && errno == EINTR)
				;
			if (put < 0)
				put = errno == EAGAIN || errno == EWOULDBLOCK ? -1 : -2;
		}
		if (put == -1) {
			c->writable = 0;
			return 0;
		}
		if (put < 0)
			return -1;
		c->out_at += (size_t)put;
		c->moved += put;
		c->server->figures.bytes_out += put;
	}
	c->out_at = 0;
	buf_release(&c->out);                           /* answers bring their own memory; who is idle has none */
	return 1;
}

/* ---- its life */
void
http_connection_due_in(struct connection *c, int64_t ms)
{
	c->moved = 0;
	wheel_set(&c->server->wheel, &c->timer, c->server->now + ms);
}

static void
never_due(struct connection *c)
{
	wheel_remove(&c->server->wheel, &c->timer);
}

void
http_connection_new(struct http_server *s, int fd, const char *address, int refused)
{
	struct connection *c = mem_new(sizeof(*c));
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c };

	c->server = s;
	c->fd = fd;
	c->refused = (uint8_t)refused;
	c->state = HEAD;
	snprintf(c->address, sizeof(c->address), "%s", address);
	if ((c->next = s->all))
		c->next->here = &c->next;
	c->here = &s->all;
	s->all = c;
	if (refused)
		s->n_refused++;
	else {
		s->n_connections++;
		s->figures.connections++;
	}
	c->writable = c->readable = 1;
	if (refused) {
		static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

		c->state = SEND;
		buf_add(&c->out, busy, sizeof(busy) - 1);
		http_connection_due_in(c, LINGER_MS);
	} else {
		if (s->tls) {
			c->tls = tls_accept(s->tls, fd);
			c->state = SHAKE;
		}
		http_connection_due_in(c, s->spec.head_ms);
	}
	if ((s->tls && !refused && !c->tls) || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event))
		http_connection_close(c);
	else
		http_connection_work(c);                /* bytes have often come with the connection */
}

/* The request can no longer be answered to anybody. */
static void
orphan(struct connection *c)
{
	struct http_request *r = c->request;
	struct http_server *s = c->server;

	if (!r)
		return;
	c->request = NULL;
	r->connection = NULL;
	r->gone = 1;
	if (r->outbox)
		outbox_close(r->outbox);
	if (r->piece && !r->is_ready && !r->given) {
		r->is_ready = 1;
		s->calling = r;
		s->spec.ready(s->spec.self, r);
		s->calling = NULL;
		r->answered = r->direct;
	}
	if (r->answered ? r->streams && !r->ended : r->is_ready || r->given)
		return;                                 /* a thread of the caller has it, or its answer is in the mail */
	if (s->spec.done)
		s->spec.done(s->spec.self, r);
	http_request_free(r);
}

void
http_connection_close(struct connection *c)
{
	struct http_server *s = c->server;

	if (c->dead)
		return;
	c->dead = 1;
	never_due(c);
	for (struct connection **at = &c->server->again; c->again && *at; at = &(*at)->next_again)
		if (*at == c) {
			*at = c->next_again;
			break;
		}
	if (c->socket) {
		struct http_socket *socket = c->socket;

		c->socket = NULL;
		http_socket_lost(socket);
	}
	orphan(c);
	tls_peer_free(c->tls);
	close(c->fd);
	if ((*c->here = c->next))
		c->next->here = c->here;
	if (c->refused)
		s->n_refused--;
	else {
		s->n_connections--;
		s->figures.connections--;
		http_server_count(s, c->address, -1);
	}
	buf_release(&c->in);
	buf_release(&c->out);
	c->next = s->dead;                              /* events of this turn may still name it */
	s->dead = c;
}

/* All is said. The client may still be sending: were the descriptor closed now, it would be told by a reset, and lose the answer. */
static void
linger(struct connection *c)
{
	if (c->eof) {
		http_connection_close(c);
		return;
	}
	if (c->tls)
		tls_bye(c->tls);
	shutdown(c->fd, SHUT_WR);
	buf_release(&c->in);
	c->in_at = 0;
	c->state = LINGER;
	http_connection_due_in(c, LINGER_MS);
}

static void
next_head(struct connection *c)
{
	c->state = HEAD;
	c->in_head = 0;
	c->scan = (struct head_scan){ 0 };
	if (c->in_at == c->in.n) {
		buf_release(&c->in);
		c->in_at = 0;
	}
	http_connection_due_in(c, c->server->spec.idle_ms);
}

/* ---- answers */

/* The answer goes to the wire; is the connection good for another request behind it? */
static void
take_answer(struct connection *c)
{
	struct http_request *r = c->request;
	int rest = !frame_ended(&c->frame);

	r->answered = 1;
	c->paused = 0;
	if (rest && (c->frame.chunked || c->frame.left > SKIP_MOST || (r->head.expects && !c->continued)))
		r->closes = 1;
	if (!r->head.keep || c->server->draining || (r->streams && r->raw_stream))
		r->closes = 1;
	if (r->closes && r->close_at)
		memcpy(r->answer.p + r->close_at, "     close", 10);
	if (c->out.n)
		buf_str(&c->out, buf_get(&r->answer));
	else {
		buf_release(&c->out);
		c->out = r->answer;
		c->out_at = 0;
		r->answer = (struct buf){ 0 };
	}
	c->state = r->streams ? STREAM : SEND;
	http_connection_due_in(c, RATE_MS);
}

/* A refusal before there is a request, or beside one that a thread has. */
static void
refuse_bare(struct connection *c, int status, const char *why)
{
	struct buf body = { 0 };
	size_t close_at;

	buf_printf(&body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}\n", http_reason(status), status, why);
	http_request_build(&c->out, &close_at, &(struct http_answer){ status, "application/problem+json", buf_get(&body), NULL, 0, 1 }, NULL, 0);
	memcpy(c->out.p + close_at, "     close", 10);
	buf_release(&body);
	c->server->figures.refused++;
	c->state = SEND;
	http_connection_due_in(c, RATE_MS);
}

/* The server refuses a request that was begun. */
static void
refuse(struct connection *c, int status, const char *why)
{
	static const struct http_head packing = { "Accept-Encoding", { "gzip", 4 } }, later = { "Retry-After", { "1", 1 } };
	struct http_request *r = c->request;
	struct http_server *s = c->server;
	struct buf body = { 0 };

	if (r->piece && r->unpacked) {                  /* pieces went out: a thread may have it, and answers it in time */
		orphan(c);
		refuse_bare(c, status, why);
		return;
	}
	s->figures.refused++;
	s->calling = r;
	if (s->spec.refuse)
		s->spec.refuse(s->spec.self, r, status, why);
	if (!r->direct) {
		buf_printf(&body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}\n", http_reason(status), status, why);
		http_answer(r, &(struct http_answer){ status, "application/problem+json", buf_get(&body),
		    status == 415 ? &packing : &later, status == 415 || status == 503, 0 });
		buf_release(&body);
	}
	s->calling = NULL;
	if (status == 400 || status == 408)
		r->closes = 1;                          /* where the body ends is not known any more, or will not be in time */
	take_answer(c);
}

/* The answer is on its way: the next request, or the end. */
static void
sent(struct connection *c)
{
	struct http_request *r = c->request;
	int closes = !r || r->closes;
	struct http_socket *socket = NULL;

	if (r) {
		c->request = NULL;
		r->connection = NULL;
		if (!closes || r->socket)
			socket = r->socket, r->socket = NULL;
		if (c->server->spec.done)
			c->server->spec.done(c->server->spec.self, r);
		http_request_free(r);
	}
	if (socket) {
		c->state = SOCKET;
		c->socket = socket;
		http_socket_start(socket, c);
	} else if (closes)
		linger(c);
	else if (!frame_ended(&c->frame)) {
		c->state = SKIP;
		http_connection_due_in(c, RATE_MS);
	} else
		next_head(c);
}

void
http_connection_answered(struct connection *c)
{
	take_answer(c);
	http_connection_work(c);
}

/* ---- requests */

/* The body is whole: the request is the caller's. */
static void
body_ended(struct connection *c)
{
	struct http_request *r = c->request;
	struct http_server *s = c->server;

	if (r->gz && !gz_whole(r->gz)) {
		refuse(c, 400, "the gzip data of the body ends too early");
		return;
	}
	never_due(c);
	c->state = WAIT;
	r->is_ready = 1;
	if (r->given)
		return;                                 /* by a thread that had its pieces: it is in the mail */
	s->calling = r;
	s->spec.ready(s->spec.self, r);
	s->calling = NULL;
	if (r->direct)
		take_answer(c);
}

/* Bytes of a body, unpacked. 0; 1: no more for now; -1: refused, or answered. */
static int
deliver(struct connection *c, struct str piece)
{
	struct http_request *r = c->request;
	struct http_server *s = c->server;
	int rc;

	if (!piece.n)
		return 0;
	if (r->unpacked + (int64_t)piece.n > r->most) {
		refuse(c, 413, "the body is larger than what is taken here");
		return -1;
	}
	r->unpacked += (int64_t)piece.n;
	if (!r->piece) {
		if (s->held + (int64_t)piece.n > s->spec.memory_bytes) {
			refuse(c, 503, "too many bodies are in memory, come again later");
			return -1;
		}
		s->held += (int64_t)piece.n;
		buf_str(&r->body, piece);
		return 0;
	}
	if (r->given)
		return 0;                               /* by a thread: it wants no more of it */
	s->calling = r;
	rc = r->piece(r->piece_self, r, piece);
	s->calling = NULL;
	if (!r->direct)
		return rc != 0;
	take_answer(c);
	return -1;
}

/* The same, packed: as much of it as the reader takes. */
static int
deliver_packed(struct connection *c, struct str *packed)
{
	struct http_request *r = c->request;

	for (;;) {
		struct err err = { 0 };
		size_t got = 0;
		size_t had = packed->n;
		int rc = gz_unpack(r->gz, packed, c->server->plain, HTTP_INPUT, &got, &err), did;

		r->packed += (int64_t)(had - packed->n);
		if (!rc && r->unpacked > BOMB_FREE && (r->unpacked - BOMB_FREE) / BOMB_RATIO > r->packed)
			rc = err_set(&err, ERR_LIMIT, "a bomb");
		r->gz_full = !rc && got == HTTP_INPUT;
		if ((did = deliver(c, (struct str){ c->server->plain, got })))
			return did;
		if (rc) {
			refuse(c, err.code == ERR_LIMIT ? 413 : 400, err.code == ERR_LIMIT ? "the gzip data of the body unpacks to too much" :
			    "the body is no gzip data");
			return -1;
		}
		if (!r->gz_full)
			return 0;
	}
}

static void
feed_body(struct connection *c, struct str *wire)
{
	struct http_request *r = c->request;
	struct str part = { 0 };
	int rc;

	c->continued = 1;                               /* it sends without being asked to */
	if (r->gz_full && (rc = deliver_packed(c, &part))) {
		c->paused = rc > 0;
		return;
	}
	while ((rc = frame_next(&c->frame, wire, &part)) == 1) {
		struct str rest = part;

		if (!r->looked) {
			r->looked = 1;
			if (!r->coded && ((r->head.coding == HEAD_GZIP && !r->guessed) || (unsigned char)*part.p == 0x1f))
				r->gz = gz_new();
		}
		if (r->gz)
			rc = deliver_packed(c, &rest);
		else {
			rc = deliver(c, part);
			rest.n = 0;
		}
		if (rc < 0)                             /* what follows is another matter: */
			return;                         /* the frame and the bytes stand where the answer found them */
		frame_take(&c->frame, wire, part.n - rest.n);
		if (rc > 0) {
			c->paused = 1;
			return;
		}
	}
	if (rc < 0)
		refuse(c, -rc, "the body is in no proper chunks");
	else if (rc == 0)
		body_ended(c);
}

/* The head is here: who asks for what? */
static void
begin(struct connection *c, struct str text)
{
	static const struct http_head allow = { "Allow", { "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", 44 } };
	struct http_server *s = c->server;
	const char *why = NULL;
	int status;
	struct http_request *r = http_request_new(c, text, c->scan.lines, &status, &why);

	s->figures.requests++;
	if (!r) {
		refuse_bare(c, status, why);
		return;
	}
	c->request = r;
	c->continued = 0;
	frame_init(&c->frame, r->head.chunked, r->head.length);
	s->calling = r;
	if (r->head.any_target)
		http_answer(r, &(struct http_answer){ .status = 204, .heads = &allow, .n_heads = 1 });
	else
		s->spec.begin(s->spec.self, r);
	s->calling = NULL;
	if (r->direct)
		take_answer(c);
	else if (r->head.coding == HEAD_CODING_UNKNOWN && !r->coded)
		refuse(c, 415, "the body's Content-Encoding is not understood: gzip is");
	else if (r->head.length > r->most)
		refuse(c, 413, "the body is larger than what is taken here");
	else if (frame_ended(&c->frame))
		body_ended(c);
	else {
		c->state = BODY;
		http_connection_due_in(c, RATE_MS);
	}
}

static void
feed_head(struct connection *c, struct str *wire)
{
	struct http_server *s = c->server;
	struct str text = *wire;
	long n;

	if (!c->in_head) {
		c->in_head = 1;
		c->began_us = time_mono_ns() / 1000;
		http_connection_due_in(c, s->spec.head_ms);
	}
	n = head_scan(&c->scan, *wire, (size_t)s->spec.head_bytes);
	if (n < 0)
		refuse_bare(c, (int)-n, n == -400 ? "this is no HTTP/1.1 request" : "the head is larger than what is taken here");
	if (n <= 0)
		return;
	text.n = (size_t)n;
	wire->p += n, wire->n -= (size_t)n;
	begin(c, text);
}

/* ---- the turn */

/* Give the state what is there; what it does not take stays. */
static void
consume(struct connection *c, struct str *wire)
{
	struct str part;
	int rc;

	switch (c->state) {
	case HEAD:
		feed_head(c, wire);
		break;
	case BODY:
		feed_body(c, wire);
		break;
	case SKIP:
		while ((rc = frame_next(&c->frame, wire, &part)) == 1)
			frame_take(&c->frame, wire, part.n);
		if (rc == 0)
			next_head(c);
		else if (rc < 0)
			linger(c);
		break;
	case SOCKET:
		http_socket_feed(c->socket, wire);
		break;
	case LINGER:
		wire->n = 0;
		break;
	}
}

/* The same, through all states that read on. */
static void
consume_all(struct connection *c, struct str *wire)
{
	size_t had;
	uint8_t state;

	do {
		had = wire->n;
		state = c->state;
		consume(c, wire);
	} while (!c->dead && !c->paused && wire->n && (wire->n < had || c->state != state) && c->state != WAIT && c->state != SEND && c->state != STREAM);
}

static void
ended(struct connection *c)
{
	c->eof = 1;
	http_connection_close(c);                       /* in all states that read: nothing can be answered to half a request */
}

/* Others first. */
static void
again(struct connection *c)
{
	if (c->again)
		return;
	c->again = 1;
	c->next_again = c->server->again;
	c->server->again = c;
}

/* May have read something new, or gone on with what was there: 1 when it is worth another look. */
static int
advance(struct connection *c, int *reads)
{
	struct str rest = { c->in.p + c->in_at, c->in.n - c->in_at };
	size_t had = rest.n;
	uint8_t state = c->state;
	ssize_t got;
	char *to;

	if (rest.n || (state == BODY && (c->request->gz_full || frame_ended(&c->frame)))) {     /* (the reader had asked for a pause) */
		consume_all(c, &rest);
		if (c->dead)
			return 0;
		if (had && c->in.p) {                   /* (it may have been given up) */
			c->in_at = c->in.n - rest.n;
			if (c->in_at == c->in.n) {
				buf_release(&c->in);
				c->in_at = 0;
			}
		}
		if (c->state != state || c->paused)
			return !c->paused;
	}
	if (!c->readable)
		return 0;
	if (++*reads > READS) {
		again(c);
		return 0;
	}
	if (c->in.n) {                                  /* behind what could not be used alone */
		if (c->in_at) {
			memmove(c->in.p, c->in.p + c->in_at, c->in.n - c->in_at);
			c->in.n -= c->in_at;
			c->in_at = 0;
		}
		to = buf_room(&c->in, 4096);
		got = receive(c, to, 4096);
	} else
		got = receive(c, to = c->server->input, HTTP_INPUT);
	if (got == -1)
		return 0;
	if (got <= 0) {
		ended(c);
		return 0;
	}
	if (c->in.n)
		c->in.n += (size_t)got;
	else {
		rest = (struct str){ to, (size_t)got };
		consume_all(c, &rest);
		if (!c->dead && rest.n && c->state != LINGER)
			buf_str(&c->in, rest);
	}
	return !c->dead && !c->paused;
}

/* The answer, or what of it is there. 1: on to the next state. */
static int
send_on(struct connection *c)
{
	struct http_request *r = c->request;
	int rc;

	do {
		if ((rc = flush(c)) < 0) {
			http_connection_close(c);
			return 0;
		}
		if (c->state == STREAM)
			outbox_unsent(r->outbox, c->out.n - c->out_at);
	} while (rc == 1 && c->state == STREAM && outbox_take(r->outbox, &c->out));
	if (rc == 0) {
		if (!c->timer.here)
			http_connection_due_in(c, RATE_MS);
		return 0;
	}
	if (c->state == STREAM && !r->ended) {
		never_due(c);                           /* nothing waits: the span begins with the next piece that does not go out */
		return 0;
	}
	sent(c);
	return !c->dead;
}

/* What waits for the peer of a socket. 0: the connection is no more. */
static int
socket_on(struct connection *c)
{
	int rc;

	do {
		if ((rc = flush(c)) < 0) {
			http_connection_close(c);
			return 0;
		}
		http_socket_unsent(c->socket, c->out.n - c->out_at);
	} while (rc == 1 && http_socket_pump(c->socket));
	if (rc == 1 && http_socket_over(c->socket)) {
		struct http_socket *socket = c->socket;

		c->socket = NULL;
		http_socket_lost(socket);
		linger(c);
	}
	return !c->dead;
}

void
http_connection_work(struct connection *c)
{
	int reads = 0, steps = 0, rc = 1;

	if (c->dead || c->turning)
		return;
	c->turning = 1;
	while (rc && !c->dead) {
		if (++steps > STEPS) {
			again(c);
			break;
		}
		switch (c->state) {
		case SHAKE:
			if ((rc = tls_shake(c->tls)) < 0) {
				tls_bye(c->tls);
				http_connection_close(c);
			} else if (rc) {
				next_head(c);
				http_connection_due_in(c, c->server->spec.head_ms);
			}
			break;
		case WAIT:
			rc = 0;
			break;
		case SEND:
		case STREAM:
			rc = send_on(c);
			break;
		case SOCKET:
			if (socket_on(c))
				rc = advance(c, &reads);
			break;
		case BODY:
			if (c->paused)
				rc = 0;
			else {
				rc = advance(c, &reads);
				if (!rc && !c->dead && c->state == BODY && c->request->head.expects && !c->continued) {
					c->continued = 1;
					buf_lit(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
					if (flush(c) < 0)
						http_connection_close(c);
				}
			}
			break;
		default:
			rc = advance(c, &reads);
		}
	}
	c->turning = 0;
}

void
http_connection_resume(struct connection *c)
{
	if (!c->paused)
		return;
	c->paused = 0;
	http_connection_due_in(c, RATE_MS);
	http_connection_work(c);
}

void
http_connection_event(struct connection *c, uint32_t events)
{
	if (c->dead)
		return;
	if (events & (EPOLLIN | EPOLLRDHUP))
		c->readable = 1;
	if (events & EPOLLRDHUP)
		c->hung = 1;
	if (events & EPOLLOUT)
		c->writable = 1;
	if (events & (EPOLLERR | EPOLLHUP))             /* both ways are closed, or it was reset */
		http_connection_close(c);
	else
		http_connection_work(c);
}

void
http_connection_due(struct connection *c)
{
	int64_t least = c->server->spec.body_rate * RATE_MS / 1000;

	switch (c->state) {
	case HEAD:
		if (c->in_head && c->in.n) {
			refuse_bare(c, 408, "the head did not come in time");
			http_connection_work(c);
		} else
			http_connection_close(c);
		break;
	case BODY:
	case SKIP:
		if (c->moved >= least)
			http_connection_due_in(c, RATE_MS);
		else if (c->state == BODY && !c->paused) {
			refuse(c, 408, "the body came too slowly");
			http_connection_work(c);
		} else if (c->state == SKIP)
			http_connection_close(c);
		break;
	case SEND:
	case STREAM:
		if (c->moved >= least && !c->refused)
			http_connection_due_in(c, RATE_MS);
		else
			http_connection_close(c);
		break;
	case SOCKET:
		http_socket_due(c->socket);
		http_connection_work(c);                /* (nothing, when that was its end) */
		break;
	default:                                        /* SHAKE, LINGER */
		http_connection_close(c);
	}
}

void
http_connection_drain(struct connection *c)
{
	if (c->state == SOCKET) {
		http_socket_drain(c->socket);
		http_connection_work(c);
	} else if (c->state == SHAKE || (c->state == HEAD && !c->in_head))
		http_connection_close(c);
}
