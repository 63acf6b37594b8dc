/* server.h - an HTTP/1.1 server: requests in, answers out, sockets for what is live.
 *
 *      connection ──► head ──► begin() ──► body, whole or in pieces ──► ready() ──► answer, now or later, from any thread
 *                                 └─► answer at once (401, 413, …)                     └─► or a WebSocket (socket.h)
 *
 * One thread, the loop's, calls begin, body and ready, which must not wait for anything: what takes time is given to threads of
 * the caller, and the request lives until it is answered. Framing is RFC 9112 to the letter: what two readers could understand
 * differently (both lengths, two lengths, a blank before the colon, a folded line, an odd chunk size) is refused with 400 and the
 * connection ends. Bodies that are gzip, by their header or their first bytes, come unpacked, with a bound on size and ratio.
 * Answers of a kilobyte and more are packed for who asks for it.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdint.h>

#include "base/arena.h"
#include "http/http.h"

struct http_server;
struct http_request;

#define HTTP_LATE_MS 5000                /* for the answers to what a drain's end has ended */

struct http_spec {
	const char *listen;             /* "127.0.0.1:8321", "[::1]:8321"; port 0: any. Sockets that systemd passed (LISTEN_FDS) come first */
	const char *tls_cert, *tls_key; /* PEM files; NULL: no TLS. TLS 1.2 and 1.3 */
	int connections;                /* at once, most; 0: 10,000. One more is answered 503 */
	int each_address;               /* of them from one address, over all processes; 0: no bound */
	int processes;                  /* that will share the sockets; 0: 1 */
	int64_t head_bytes, body_bytes; /* most; 0: 32 KiB, 32 MiB (after unpacking; begin may set another) */
	int64_t head_ms, idle_ms;       /* until a head is whole, between requests; 0: 10 s, 75 s */
	int64_t body_rate;              /* bytes a second a body and an answer must move at, after 10 s; 0: 100 */
	int64_t memory_bytes;           /* of all bodies that are kept at once, most; beyond it 503; 0: 1 GiB */
	void (*begin)(void *self, struct http_request *);       /* the head is here; nothing is known of the body */
	void (*ready)(void *self, struct http_request *);       /* the body is whole, or all its pieces came; not called once answered */
	void (*refuse)(void *self, struct http_request *, int status, const char *why); /* after begin the server itself must refuse it (400,
	                                 * 413, 415, 503): answer it here in words of your own, or do nothing; or NULL */
	void (*done)(void *self, struct http_request *);        /* the last call of each begun request, sent or its client gone: time to log; or NULL */
	void (*late)(void *self);       /* a drain is over, and requests are still in hand: end them, their answers have five seconds more; or NULL */
	void *self;
};

/* Bind and listen. NULL and the reason. Several processes may share the socket: bind before fork, run after it. Free it when run has
 * returned and no thread of the caller holds a request any more. SIGPIPE must be ignored where there is TLS. */
struct http_server *http_server_new(const struct http_spec *, struct err *);
void http_server_free(struct http_server *);
const char *http_server_address(const struct http_server *);    /* "127.0.0.1:8321", with the port that was taken */

/* Serve until http_server_stop, then drain: no new connections, requests in hand are answered (drain_ms at most, and what late() ended within five seconds more), WebSockets are
 * closed with 1001. 0 or < 0. */
int http_server_run(struct http_server *, int64_t drain_ms, struct err *);
void http_server_stop(struct http_server *);    /* from any thread or a signal handler; a second one ends the drain */

/* Let go of the sockets: who holds them for other processes alone calls it when those stop, else callers would wait for an answer in a queue that
 * nobody takes them from. */
void http_server_deaf(struct http_server *);

/* In a process that shares the sockets with others, before it runs: which of them it is, from 0. What one of that number that died had counted is
 * forgotten. */
void http_server_is(struct http_server *, int process);

/* Another bound for connections from one address, from now on. */
void http_server_each_address(struct http_server *, int most);

/* Read certificate and key again; connections that stand keep theirs. When they are wrong the old ones stay. */
int http_server_reload(struct http_server *, struct err *);

/* Call it on the loop's thread soon (order kept), or each so many ms until the server is freed. From any thread. < 0: run has ended, or is about
 * to, and it will not be called. */
int http_server_call(struct http_server *, void (*call)(void *), void *);
void http_server_every(struct http_server *, int64_t ms, void (*call)(void *), void *);

/* The loop is at work: what it has to read may be more requests. From any thread. */
int http_server_busy(const struct http_server *);

struct http_figures { int64_t connections, requests, sockets, refused, bytes_in, bytes_out; };
void http_server_figures(struct http_server *, struct http_figures *);

/* ---- a request: all texts are borrowed until it is answered */
struct str http_method(const struct http_request *);    /* "GET" */
struct str http_path(const struct http_request *);      /* decoded, begins with '/', no "." or ".." segments, no NUL, UTF-8 */
struct str http_query(const struct http_request *);     /* as it stands behind '?', "" when there is none */
struct str http_target(const struct http_request *);    /* path and query as they came, for logs and for paths that hold %2F */
struct str http_host(const struct http_request *);      /* of the target, else of the Host header: "h:8321"; "" when there is none */
struct str http_header(const struct http_request *, const char *name);  /* the first of that name in any case; p NULL: none */
int http_each_header(const struct http_request *, int (*each)(void *, struct str name, struct str value), void *);
struct str http_body(const struct http_request *);      /* in ready(): whole and unpacked */
const char *http_client(const struct http_request *);   /* the peer's address, without port: "127.0.0.1" */
int64_t http_began_us(const struct http_request *);     /* monotonic: when its first byte came */
int http_gone(const struct http_request *);             /* 1: the client went away; an answer would be for nobody, but is still owed */
int http_status(const struct http_request *);           /* in done(): of the answer; 0: there was none */
struct arena *http_arena(struct http_request *);        /* ends with the request; for one thread at a time */

void http_set_user(struct http_request *, void *);      /* the caller's own; NULL at first */
void *http_user(const struct http_request *);

/* In begin(): another bound for this body; the body as it came even when its Content-Encoding is none that the server knows (snappy;
 * else 415); gzip by its first bytes alone, since who sends may have forgotten to pack what he says is packed; the body in pieces as they come (unpacked), in constant memory. body() takes the piece and gives 0, or 1 for "no more
 * for now": http_resume asks for more, from any thread. Its request gets ready() also when the client goes away in the
 * middle, or when what follows the first piece is refused: http_gone says so, and it is answered like any other. Refused before a piece
 * came, it is done() without ready(), as all are. */
void http_body_most(struct http_request *, int64_t bytes);
void http_body_coded(struct http_request *);
void http_body_guessed(struct http_request *);
void http_body_pieces(struct http_request *, int (*body)(void *self, struct http_request *, struct str piece), void *self);
void http_resume(struct http_request *);

/* ---- answers: once for each request; within begin() or body(), or, from any thread, behind ready() (and behind the first piece where
 * the body goes in pieces). The texts are copied. */
struct http_answer {
	int status;
	const char *type;               /* "application/json"; NULL: no body */
	struct str body;
	const struct http_head *heads;  /* more headers; a value with a control character is left out whole */
	int n_heads;
	int close;                      /* end the connection after it */
};
void http_answer(struct http_request *, const struct http_answer *);

/* An answer in pieces (chunked; by the connection's end for HTTP/1.0). `write` blocks while more than 1 MiB waits for the client,
 * so it is for threads of the caller; `push` never blocks: 1 when more than `most` bytes wait and nothing was taken (Server-Sent Events).
 * Both < 0 when the client is gone. `end` belongs to every begun answer, or `cut` where it is not whole: the client sees it break off. */
int http_stream_begin(struct http_request *, const struct http_answer *);       /* body: the first piece */
int http_stream_write(struct http_request *, struct str);
int http_stream_push(struct http_request *, struct str, size_t most);
void http_stream_end(struct http_request *);
void http_stream_cut(struct http_request *);

#endif
