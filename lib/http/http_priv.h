/* http_priv.h - the server inside: connections on one thread, requests that threads of the caller hold, and the mail between them.
 *
 *      epoll ──► connection ──► request ──► begin, body, ready ──► a thread of the caller
 *        ▲                                                                │ answer, stream, socket, resume
 *        └───────────────── mail (one eventfd write for many) ◄───────────┘
 *
 * A connection belongs to the loop's thread alone. A request, a socket is shared: what other threads change of it is its outbox,
 * under the outbox's lock, and what they want of the loop, under the mail's. An idle connection is 400 bytes: buffers are there only
 * while something is in them.
 */
#ifndef HTTP_PRIV_H
#define HTTP_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "http/frame.h"
#include "http/head.h"
#include "http/outbox.h"
#include "http/server.h"
#include "http/socket.h"
#include "http/tls.h"
#include "http/wheel.h"

#define HTTP_INPUT (64u << 10)          /* bytes read at once, into one buffer of the server's */
#define HTTP_ADDRESS 48                 /* an IPv6 address as text */

/* ---- mail: what other threads want of the loop. A letter is part of what it is about, and is in the post once at a time. */
struct http_letter {
	struct http_letter *next;
	void (*take)(struct http_letter *, unsigned wants);     /* on the loop's thread */
	unsigned wants;
	int posted;
};
int http_post(struct http_server *, struct http_letter *, unsigned wants);       /* 1: it is on its way; 0: it was already */
int http_on_loop(const struct http_server *);

/* ---- a request: made when its head is whole, gone when it is answered and sent, or its client is gone and it is answered. */
enum { WANT_ANSWER = 1, WANT_STREAM = 2, WANT_END = 4, WANT_RESUME = 8 };

struct http_request {
	struct http_letter mail;        /* first: take() finds the request by it */
	struct http_server *server;
	struct connection *connection;  /* the loop's; NULL: gone */
	struct head head;
	struct str path;                /* decoded */
	char client[HTTP_ADDRESS];
	int is_head;
	int64_t began_us;
	_Atomic int gone, cut;
	void *user;
	struct arena *arena;

	/* the body */
	int64_t most, unpacked, packed; /* bound; bytes so far, and before they were unpacked */
	struct gz *gz;
	int looked, coded, guessed;     /* its first byte was; it is wanted as it came; its first byte alone says whether it is gzip */
	int gz_full;                    /* the unpacker may have more without more packed bytes */
	struct buf body;
	int (*piece)(void *, struct http_request *, struct str);
	void *piece_self;
	int is_ready;                   /* ready() was called */

	/* the answer */
	struct buf answer;              /* head and body; behind close_at the value of Connection is put in */
	size_t close_at;
	_Atomic int given;              /* by whatever thread */
	int direct, answered;           /* given within a call of the loop; taken by the loop */
	int status, closes, streams, raw_stream, ended;
	struct outbox *_Atomic outbox;  /* of a stream; made by the thread that begins it */
	struct http_socket *socket;     /* the answer is 101 */
};
struct http_request *http_request_new(struct connection *, struct str head, int lines, int *status, const char **why);
void http_request_free(struct http_request *);
void http_request_build(struct buf *, size_t *close_at, const struct http_answer *, const struct http_request *, int chunked);
void http_request_answered(struct http_request *);      /* its answer is made: the loop takes it */
void http_request_taken(struct http_letter *, unsigned wants);

/* ---- a connection */
enum {
	SHAKE,                          /* TLS begins */
	HEAD,                           /* between requests, or in a head */
	BODY,
	WAIT,                           /* the request is with the caller */
	SEND,                           /* its answer goes out */
	STREAM,                         /* piece by piece */
	SKIP,                           /* answered before its body was read: the rest is thrown away */
	SOCKET,                         /* a WebSocket */
	LINGER,                         /* all is said: until the client has heard it */
};

struct connection {
	struct wheel_item timer;        /* first: a wheel's item is its connection */
	struct connection *next, **here;/* of all; of the dead by next alone */
	struct connection *next_again;
	struct http_server *server;
	struct tls_peer *tls;
	int fd;
	uint8_t state, readable, writable, hung, eof, dead, again, paused, refused, continued, in_head, turning;
	struct buf in, out;
	size_t in_at, out_at;           /* bytes of them that are used, sent */
	struct head_scan scan;
	struct frame frame;
	int64_t began_us;               /* the first byte of the head */
	int64_t moved;                  /* bytes since the timer was set, for the least rate */
	struct http_request *request;
	struct http_socket *socket;
	char address[HTTP_ADDRESS];
};
void http_connection_new(struct http_server *, int fd, const char *address, int refused);
void http_connection_event(struct connection *, uint32_t events);
void http_connection_work(struct connection *);
void http_connection_due(struct connection *);
void http_connection_close(struct connection *);     /* now; what hangs on it is told. It is freed after the turn */
void http_connection_drain(struct connection *);     /* the server stops: end when there is nothing in hand */
void http_connection_answered(struct connection *);  /* its request has its answer */
void http_connection_resume(struct connection *);
void http_connection_due_in(struct connection *, int64_t ms);

/* ---- a socket, as its connection sees it */
void http_socket_start(struct http_socket *, struct connection *);
void http_socket_feed(struct http_socket *, struct str *data);
int http_socket_pump(struct http_socket *);     /* put what waits into the connection's out; 1: something came */
void http_socket_unsent(struct http_socket *, size_t);
int http_socket_over(struct http_socket *);     /* 1: both sides have closed: end the connection when all is sent */
void http_socket_due(struct http_socket *);
void http_socket_drain(struct http_socket *);
void http_socket_lost(struct http_socket *);    /* the connection is no more */
void http_socket_drop(struct http_socket *);    /* it was never started */

/* ---- the server */
#define HTTP_LISTENERS 8
struct http_errand { struct http_letter mail; void (*call)(void *); void *self; };
struct http_every { int64_t ms, next; void (*call)(void *); void *self; };

#define HTTP_BUCKETS 16384u             /* connections by hash of their address */
struct http_counts { _Atomic int32_t n[HTTP_BUCKETS]; };

struct http_server {
	struct http_spec spec;          /* with all its defaults put in */
	int listener[HTTP_LISTENERS], n_listeners;
	char address[80];
	struct tls *tls;

	int epoll, spare;               /* spare: a descriptor to give up when there are no others */
	_Atomic int wake;               /* eventfd; -1 until run */
	_Atomic int stops, running;
	_Atomic int sleeps;             /* the loop waits for something to happen */
	pthread_t loop;
	int64_t now;                    /* ms, monotonic */
	int draining, listening;
	int64_t listen_again;           /* when accept may be tried again; 0: it is on */
	struct wheel wheel;
	struct connection *all, *again, *dead;
	struct http_request *calling;   /* begin, body or ready is called with it */
	int n_connections, n_refused, n_requests;
	int64_t held;                   /* bytes of bodies that are kept */
	struct http_counts *by_address; /* of each process, in memory that they share */
	int n_processes, process, each_address;
	char *input, *plain;            /* HTTP_INPUT each: what was read, what was unpacked of it */

	pthread_mutex_t mail_lock;
	struct http_letter *mail, **mail_end;
	int over;                       /* the loop takes no more errands */
	struct http_every *every;       /* under mail_lock */
	int n_every;

	struct { _Atomic int64_t connections, requests, sockets, refused, bytes_in, bytes_out; } figures;
};
int http_server_count(struct http_server *, const char *address, int more);      /* one more connection from there (1), or one less (-1); < 0: it is one too many,
                                                                         * and not counted */

#endif
