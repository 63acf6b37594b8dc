#include "http/http_priv.h"
void http_socket_start(struct http_socket *s, struct connection *c) { (void)s; (void)c; }
void http_socket_feed(struct http_socket *s, struct str *d) { (void)s; d->n = 0; }
int http_socket_pump(struct http_socket *s) { (void)s; return 0; }
int http_socket_over(struct http_socket *s) { (void)s; return 1; }
void http_socket_due(struct http_socket *s) { (void)s; }
void http_socket_drain(struct http_socket *s) { (void)s; }
void http_socket_lost(struct http_socket *s) { (void)s; }
void http_socket_drop(struct http_socket *s) { (void)s; }
struct http_socket *http_socket_open(struct http_request *r, const struct http_socket_spec *s) { (void)s; http_answer(r, &(struct http_answer){ .status = 501 }); return NULL; }
int http_socket_send(struct http_socket *s, struct str t, int binary, size_t most) { (void)s; (void)t; (void)binary; (void)most; return -1; }
void http_socket_close(struct http_socket *s, int code, const char *reason) { (void)s; (void)code; (void)reason; }
void http_socket_hold(struct http_socket *s) { (void)s; }
void http_socket_let_go(struct http_socket *s) { (void)s; }
