/* client.h - one HTTP request out (libcurl), for webhooks, key sets and connectors.
 *
 * Addresses that are not public (loopback, private, link-local, multicast, the cloud's metadata) are refused unless allowed; the
 * name is resolved once and the address that was judged is the one connected to; redirects are followed only as far as asked,
 * each judged like the first.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http/http.h"

struct http_call {
	const char *method, *url;
	const struct http_head *heads;
	int n_heads;
	struct str body;                /* p NULL: none */
	int64_t timeout_ms;             /* in all; 0: 10 s */
	size_t most;                    /* bytes of the answer; 0: 1 MiB */
	int redirects;                  /* followed at most */
	int private_too;                /* 1: addresses that are not public are allowed */
};
struct http_result {
	int status;
	struct buf head, body;          /* raw header lines; http_result_release */
};

/* 0 when an answer came, whatever its status; < 0 and the reason. Blocks; from any thread. */
int http_fetch(const struct http_call *, struct http_result *, struct err *);
struct str http_result_header(const struct http_result *, const char *name);
void http_result_release(struct http_result *);

#endif
