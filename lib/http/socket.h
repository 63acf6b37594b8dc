/* socket.h - WebSockets (RFC 6455, permessage-deflate of RFC 7692) on the server's loop.
 *
 * Frames, masks, UTF-8, fragments and close codes are held to the RFC: 1002 for what is no protocol, 1007 for what is no UTF-8,
 * 1009 for a message beyond the bound. Pings are answered; a peer that answers no ping within two of them is gone.
 */
#ifndef HTTP_SOCKET_H
#define HTTP_SOCKET_H

#include "http/server.h"

struct http_socket;

struct http_socket_spec {
	const char *protocol;           /* the subprotocol chosen of those offered; NULL: none */
	size_t message_bytes;           /* most; 0: 1 MiB */
	int64_t ping_ms;                /* 0: 20 s */
	void (*message)(void *self, struct http_socket *, struct str, int binary);      /* on the loop's thread; borrowed */
	void (*closed)(void *self, struct http_socket *, int code);                     /* the last call; the socket is gone behind it */
	void *self;
};

/* In begin() or ready(): answer the request with 101. NULL when it is no proper handshake: it has then been answered (400, 426). */
struct http_socket *http_socket_open(struct http_request *, const struct http_socket_spec *);

/* Send a message; from any thread. 0; 1 when more than `most` bytes wait for the peer and nothing was taken; < 0: it is closed. */
int http_socket_send(struct http_socket *, struct str, int binary, size_t most);

/* The same message for many sockets: framed and packed once. */
struct http_message;
struct http_message *http_message_new(struct str, int binary);
void http_message_free(struct http_message *);
int http_socket_give(struct http_socket *, const struct http_message *, size_t most);    /* as http_socket_send */

void http_socket_close(struct http_socket *, int code, const char *reason);     /* what was sent goes out first, for 2 s at most */

/* The socket stays a valid thing to send to (which then gives < 0) while it is held, also after `closed`. */
void http_socket_hold(struct http_socket *);
void http_socket_let_go(struct http_socket *);

#endif
