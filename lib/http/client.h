/* client.h - one HTTP request out (libcurl, loaded with the first), for webhooks, key sets and connectors.
 *
 * Addresses that are not public (loopback, private, link-local, multicast, the cloud's metadata) are refused unless allowed. What is
 * judged is the address that is about to be connected to, so a name that resolves to something else a moment later gains nothing;
 * no proxy of the environment stands between, unless such addresses are allowed. Redirects are followed only as far as asked, each
 * judged like the first, never from https to http, and to another host without the caller's own headers. Certificates are checked
 * against the system's authorities, or those of SSL_CERT_FILE. Errors name the host, never path or query: webhooks have secrets there.
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
	int redirects;                  /* followed at most; the answer is then the last one, be it another redirect */
	int private_too;                /* 1: addresses that are not public are allowed */
};
struct http_result {
	int status;
	struct buf head, body;          /* raw header lines; http_result_release */
};

/* 0 when an answer came, whatever its status; ERR_USAGE: no URL, or not http or https; ERR_INPUT: refused, see above; ERR_LIMIT: an
 * answer larger than `most`; ERR_CANCEL: not in time; ERR_IO. Blocks; from any thread. Bodies that came packed are unpacked. */
int http_fetch(const struct http_call *, struct http_result *, struct err *);
struct str http_result_header(const struct http_result *, const char *name);
int64_t http_result_retry_ms(const struct http_result *, int64_t now);  /* how long it asks to wait, Retry-After in seconds or as a date: a day at most; 0: not */
void http_result_release(struct http_result *);

/* The process is about to end: what is under way, here and below, ends within a second with ERR_CANCEL, and nothing more begins. From any thread. */
void http_client_end(void);
int http_client_is_ended(void);

/* An answer that goes on, as Server-Sent Events do: `take` has each piece of it as it comes, and ends it with other than 0. By the same
 * rules, but without redirects; `timeout_ms` is how long nothing may come, from the beginning on. Blocks until it is over. 0: the other
 * side ended it, or `take` did, or http_follow_stop; *status is the answer's, 0: none came; of another than 200 nothing is taken. < 0: as
 * http_fetch. Once stopped it does not begin again. */
struct http_follow;
struct http_follow *http_follow_new(struct err *);
void http_follow_free(struct http_follow *);
int http_follow(struct http_follow *, const struct http_call *, int (*take)(void *self, struct str), void *self, int *status, struct err *);
void http_follow_stop(struct http_follow *);    /* from any thread */
int http_follow_wait(struct http_follow *, int64_t ms);         /* before another try: 1 when that time is over, 0 when it was stopped */

/* A mail to an SMTP server, by the same rules about addresses and time. TLS where the server offers it; who gives a password wants it, unless
 * the server is on this machine. text: head and body, lines end with CRLF. ERR_INPUT: refused for good (5xx). */
struct http_mail {
	const char *url;                /* smtp://host:587, smtps://host */
	const char *user, *password;    /* NULL: none */
	const char *from;
	const char *const *to;
	int n_to;
	struct str text;
	int64_t timeout_ms;             /* 0: 10 s */
	int private_too;
};
int http_mail(const struct http_mail *, struct err *);

/* Is the address, as text, one that anybody on the internet may have? 1, 0; -1: it is no address. */
int http_is_public(const char *address);

#endif
