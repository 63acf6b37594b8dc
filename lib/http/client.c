#include "http/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define CURL_DISABLE_TYPECHECK          /* it is a macro of the name that is defined below */
#include <curl/curl.h>

#include "base/cmd.h"
#include "base/later.h"
#include "base/mem.h"
#include "base/time.h"

/* ---- libcurl, of which these are used: with the thirty libraries that it needs 5 ms to load, and most runs speak to nobody */

#define NAMES(f) f(curl_easy_cleanup) f(curl_easy_getinfo) f(curl_easy_init) f(curl_easy_perform) f(curl_easy_setopt) \
	f(curl_easy_strerror) f(curl_free) f(curl_getdate) f(curl_global_init) f(curl_multi_add_handle) f(curl_multi_cleanup) \
	f(curl_multi_info_read) f(curl_multi_init) f(curl_multi_perform) f(curl_multi_poll) f(curl_multi_remove_handle) \
	f(curl_multi_wakeup) f(curl_slist_append) f(curl_slist_free_all) f(curl_url) f(curl_url_cleanup) f(curl_url_get) f(curl_url_set) \
	f(curl_version_info)
static struct { NAMES(LATER_POINTER) } lib;
static const struct later_symbol symbols[] = { NAMES(LATER_SYMBOL) { 0 } };
#undef curl_easy_getinfo
#undef curl_easy_setopt
#define curl_easy_cleanup        (*lib.curl_easy_cleanup)
#define curl_easy_getinfo        (*lib.curl_easy_getinfo)
#define curl_easy_init           (*lib.curl_easy_init)
#define curl_easy_perform        (*lib.curl_easy_perform)
#define curl_easy_setopt         (*lib.curl_easy_setopt)
#define curl_easy_strerror       (*lib.curl_easy_strerror)
#define curl_free                (*lib.curl_free)
#define curl_getdate             (*lib.curl_getdate)
#define curl_global_init         (*lib.curl_global_init)
#define curl_multi_add_handle    (*lib.curl_multi_add_handle)
#define curl_multi_cleanup       (*lib.curl_multi_cleanup)
#define curl_multi_info_read     (*lib.curl_multi_info_read)
#define curl_multi_init          (*lib.curl_multi_init)
#define curl_multi_perform       (*lib.curl_multi_perform)
#define curl_multi_poll          (*lib.curl_multi_poll)
#define curl_multi_remove_handle (*lib.curl_multi_remove_handle)
#define curl_multi_wakeup        (*lib.curl_multi_wakeup)
#define curl_slist_append        (*lib.curl_slist_append)
#define curl_slist_free_all      (*lib.curl_slist_free_all)
#define curl_url                 (*lib.curl_url)
#define curl_url_cleanup         (*lib.curl_url_cleanup)
#define curl_url_get             (*lib.curl_url_get)
#define curl_url_set             (*lib.curl_url_set)
#define curl_version_info        (*lib.curl_version_info)

static void
begin_once(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int
begin(struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (later_open(LIBCURL, symbols, err) < 0)
		return err->code;
	pthread_once(&once, begin_once);
	return 0;
}

static const char *
version(void)
{
	struct err err = { 0 };

	return later_open(LIBCURL, symbols, &err) < 0 ? "missing" : curl_version_info(CURLVERSION_NOW)->version;
}
CMD_LIBRARY("libcurl", version())

#define TIMEOUT_MS 10000
#define BODY_MOST  (1u << 20)
#define HEAD_MOST  (64u << 10)

/* ---- which addresses are public: all but these (IANA's special-purpose registries, RFC 6890 and what came after it) */
struct net { unsigned char prefix[16]; int bits; };

static const struct net special4[] = {
	{ { 0 }, 8 }, { { 10 }, 8 }, { { 100, 64 }, 10 }, { { 127 }, 8 }, { { 169, 254 }, 16 }, { { 172, 16 }, 12 }, { { 192, 0, 0 }, 24 },
	{ { 192, 0, 2 }, 24 }, { { 192, 88, 99 }, 24 }, { { 192, 168 }, 16 }, { { 198, 18 }, 15 }, { { 198, 51, 100 }, 24 },
	{ { 203, 0, 113 }, 24 }, { { 224 }, 3 },                /* multicast, reserved, broadcast */
};
static const struct net global6 = { { 0x20 }, 3 };              /* unicast that is routed; of it not: */
static const struct net special6[] = {
	{ { 0x20, 0x01, 0x00, 0x00 }, 23 },                     /* protocol assignments, Teredo among them */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, { { 0x3f, 0xff }, 20 },     /* documentation */
};
static const struct { struct net net; int at; } embeds4[] = {   /* an IPv4 address stands within, and is meant */
	{ { { [10] = 0xff, [11] = 0xff }, 96 }, 12 },           /* ::ffff:a.b.c.d */
	{ { { 0x00, 0x64, 0xff, 0x9b }, 96 }, 12 },             /* NAT64 */
	{ { { 0x20, 0x02 }, 16 }, 2 },                          /* 6to4 */
};

static int
within(const unsigned char *address, const struct net *net)
{
	int whole = net->bits / 8, rest = net->bits % 8;

	return memcmp(address, net->prefix, (size_t)whole) == 0 && (!rest || (address[whole] ^ net->prefix[whole]) >> (8 - rest) == 0);
}

static int
public4(const unsigned char *address)
{
	for (size_t i = 0; i < sizeof(special4) / sizeof(*special4); i++)
		if (within(address, &special4[i]))
			return 0;
	return 1;
}

static int
public6(const unsigned char *address)
{
	for (size_t i = 0; i < sizeof(embeds4) / sizeof(*embeds4); i++)
		if (within(address, &embeds4[i].net))
			return public4(address + embeds4[i].at);
	for (size_t i = 0; i < sizeof(special6) / sizeof(*special6); i++)
		if (within(address, &special6[i]))
			return 0;
	return within(address, &global6);
}

int
http_is_public(const char *text)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, text, address) == 1)
		return public4(address);
	return inet_pton(AF_INET6, text, address) == 1 ? public6(address) : -1;
}

static int
is_public(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return public4((const unsigned char *)&((const struct sockaddr_in *)a)->sin_addr);
	return a->sa_family == AF_INET6 && public6((const unsigned char *)&((const struct sockaddr_in6 *)a)->sin6_addr);
}

/* ---- one exchange */
struct fetch {
	const struct http_call *call;
	struct http_result *result;
	size_t most;
	int refused, too_much;          /* an address; an answer */
	char host[256];                 /* for words */
};

/* libcurl is about to connect to this very address. */
static curl_socket_t
open_socket(void *self, curlsocktype purpose __attribute__((unused)), struct curl_sockaddr *to)
{
	struct fetch *f = self;

	if (!f->call->private_too && !is_public(&to->addr)) {
		f->refused = 1;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t
take_body(char *p, size_t size, size_t n, void *self)
{
	struct fetch *f = self;

	if (f->result->body.n + size * n > f->most) {
		f->too_much = 1;
		return 0;
	}
	buf_add(&f->result->body, p, size * n);
	return size * n;
}

static size_t
take_head(char *p, size_t size, size_t n, void *self)
{
	struct fetch *f = self;

	if (size * n >= 5 && !memcmp(p, "HTTP/", 5)) {
		buf_clear(&f->result->head);            /* a 100 came before it, or a redirect */
		buf_clear(&f->result->body);
	}
	if (f->result->head.n + size * n > HEAD_MOST) {
		f->too_much = 1;
		return 0;
	}
	buf_add(&f->result->head, p, size * n);
	return size * n;
}

static int
has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
			return 1;
	return 0;
}

/* The caller's headers; to a host that is not the one it meant, only what says what the body is. */
static int
heads(const struct http_call *call, int foreign, struct curl_slist **list, struct err *err)
{
	struct buf line = { 0 };
	int rc = 0;

	*list = curl_slist_append(NULL, "Expect:");     /* not a round trip more for a large body */
	for (int i = 0; i < call->n_heads && !rc; i++) {
		const struct http_head *h = &call->heads[i];
		struct str name = str_of(h->name);

		if (foreign && !http_same(name, STR("Content-Type")) && !http_same(name, STR("Accept")) && !http_same(name, STR("User-Agent")))
			continue;
		if (has_control(name) || has_control(h->value) || memchr(name.p, ':', name.n))
			rc = err_set(err, ERR_INPUT, "a header to be sent is none: '%.40s'", h->name);
		buf_clear(&line);
		buf_str(&line, name);
		buf_lit(&line, h->value.n ? ": " : ";");        /* libcurl's way to say: empty */
		buf_str(&line, h->value);
		*list = curl_slist_append(*list, buf_text(&line));
	}
	buf_release(&line);
	return rc;
}

static void
set_method(CURL *curl, const char *method, struct str body)
{
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
	if (!strcmp(method, "HEAD"))
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else if (body.p || !strcmp(method, "POST") || !strcmp(method, "PUT") || !strcmp(method, "PATCH")) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p ? body.p : "");
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	} else {
		curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
		if (strcmp(method, "GET"))
			curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	}
}

/* Scheme, host and port of a URL, as one text that can be compared; and that it is one of ours. */
static int
origin(const char *url, struct buf *to, char host[256], struct err *err)
{
	CURLU *parts = curl_url();
	char *scheme = NULL, *name = NULL, *port = NULL;
	int rc = 0;

	if (!parts || curl_url_set(parts, CURLUPART_URL, url, 0) || curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) ||
	    curl_url_get(parts, CURLUPART_HOST, &name, 0) || curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT))
		rc = err_set(err, ERR_USAGE, "that is no URL, try https://example.com/path");
	else if (strcmp(scheme, "http") && strcmp(scheme, "https"))
		rc = err_set(err, ERR_USAGE, "%.20s: is not spoken here, http and https are", scheme);
	else {
		buf_clear(to);
		buf_printf(to, "%s://%s:%s", scheme, name, port);
		snprintf(host, 256, "%s", name);
	}
	curl_free(scheme);
	curl_free(name);
	curl_free(port);
	curl_url_cleanup(parts);
	return rc;
}

static int
said(struct fetch *f, CURLcode code, const char *text, struct err *err)
{
	if (f->too_much)
		return err_set(err, ERR_LIMIT, "%s: the answer is larger than %zu bytes", f->host, f->most);
	if (f->refused)
		return err_set(err, ERR_INPUT, "%s: its address is not public, refused; allow private addresses where that is meant", f->host);
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return err_set(err, ERR_CANCEL, "%s: no answer before this process had to end", f->host);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return err_set(err, ERR_CANCEL, "%s: no answer in time", f->host);
	return err_set(err, ERR_IO, "%s: %s", f->host, *text ? text : curl_easy_strerror(code));
}

static atomic_int ended;

void
http_client_end(void)
{
	atomic_store(&ended, 1);
}

int
http_client_is_ended(void)
{
	return atomic_load(&ended);
}

/* libcurl asks once a second at the least. */
static int
has_to_end(void *self, curl_off_t to_get, curl_off_t got, curl_off_t to_send, curl_off_t sent)
{
	(void)self, (void)to_get, (void)got, (void)to_send, (void)sent;
	return http_client_is_ended();
}

/* What is the same for each hop. */
static CURL *
prepared(struct fetch *f, char *text)
{
	const char *authorities = getenv("SSL_CERT_FILE");
	CURL *curl = curl_easy_init();

	if (!curl)
		abort();                                /* no memory, as in mem_new */
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, f);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "at/" VERSION);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, has_to_end);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	if (!f->call->private_too)
		curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	if (authorities && *authorities)
		curl_easy_setopt(curl, CURLOPT_CAINFO, authorities);
	return curl;
}

int
http_fetch(const struct http_call *call, struct http_result *result, struct err *err)
{
	struct fetch f = { .call = call, .result = result, .most = call->most ? call->most : BODY_MOST };
	int64_t until = time_mono_ms() + (call->timeout_ms ? call->timeout_ms : TIMEOUT_MS);
	const char *method = call->method;
	struct str body = call->body;
	struct buf first = { 0 }, now = { 0 };
	char text[CURL_ERROR_SIZE] = "", *url, *next;
	struct curl_slist *list = NULL;
	CURL *curl;
	int rc;

	*result = (struct http_result){ 0 };
	if ((rc = begin(err)))
		return rc;
	url = mem_text(call->url);
	curl = prepared(&f, text);
	if ((rc = origin(url, &first, f.host, err)))
		goto out;
	for (int hop = 0; ; hop++) {
		int64_t left = until - time_mono_ms();
		long status = 0;
		CURLcode code;

		if ((rc = origin(url, &now, f.host, err)))
			goto out;
		if (str_starts(buf_get(&first), STR("https:")) && !str_starts(buf_get(&now), STR("https:"))) {
			rc = err_set(err, ERR_INPUT, "%s: a redirect from https to http, refused", f.host);
			goto out;
		}
		curl_slist_free_all(list);
		if ((rc = heads(call, !str_eq(buf_get(&first), buf_get(&now)), &list, err)))
			goto out;
		set_method(curl, method, body);
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
		curl_easy_setopt(curl, CURLOPT_URL, url);
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left > 0 ? left : 1));
		buf_clear(&result->body);
		if ((code = curl_easy_perform(curl))) {
			rc = said(&f, code, text, err);
			goto out;
		}
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		result->status = (int)status;
		next = NULL;
		curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &next);
		if (!next || hop >= call->redirects)
			break;
		if (status == 303 || ((status == 301 || status == 302) && !strcmp(method, "POST"))) {
			method = strcmp(method, "HEAD") ? "GET" : method;
			body = (struct str){ 0 };
		}
		free(url);
		url = mem_text(next);
	}
out:
	if (rc)
		http_result_release(result);
	curl_easy_cleanup(curl);
	curl_slist_free_all(list);
	buf_release(&first);
	buf_release(&now);
	free(url);
	return rc;
}

/* ---- an answer that goes on */

struct http_follow { CURLM *multi; atomic_int stopped; };

struct following {
	CURL *curl;
	int (*take)(void *, struct str);
	void *self;
	int64_t heard_ms;
	int ended;                      /* by `take` */
};

struct http_follow *
http_follow_new(struct err *err)
{
	struct http_follow *f;

	if (begin(err))
		return NULL;
	f = mem_new(sizeof(*f));
	if (!(f->multi = curl_multi_init()))
		abort();                                /* no memory, as in mem_new */
	return f;
}

void
http_follow_free(struct http_follow *f)
{
	if (f)
		curl_multi_cleanup(f->multi);
	free(f);
}

void
http_follow_stop(struct http_follow *f)
{
	f->stopped = 1;
	curl_multi_wakeup(f->multi);
}

int
http_follow_wait(struct http_follow *f, int64_t ms)
{
	int64_t until = time_mono_ms() + ms, left;

	while (!f->stopped && (left = until - time_mono_ms()) > 0)
		curl_multi_poll(f->multi, NULL, 0, (int)(left < 60000 ? left : 60000), NULL);
	return !f->stopped;
}

static size_t
take_piece(char *p, size_t size, size_t n, void *self)
{
	struct following *f = self;
	long status = 0;

	f->heard_ms = time_mono_ms();
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200 && f->take(f->self, (struct str){ p, size * n })) {
		f->ended = 1;
		return 0;
	}
	return size * n;
}

/* Until it is over: what libcurl says of it, CURLE_OPERATION_TIMEDOUT where nothing came for too long. */
static CURLcode
follow(struct http_follow *f, struct following *now, int64_t silence_ms)
{
	CURLcode code = CURLE_OK;
	CURLMsg *m;
	int running = 1, left;

	while (running && !f->stopped) {
		int64_t wait = now->heard_ms + silence_ms - time_mono_ms();

		if (wait <= 0)
			return CURLE_OPERATION_TIMEDOUT;
		if (curl_multi_perform(f->multi, &running) || (running && curl_multi_poll(f->multi, NULL, 0, (int)(wait < 60000 ? wait : 60000), NULL)))
			return CURLE_FAILED_INIT;
	}
	while ((m = curl_multi_info_read(f->multi, &left)))
		if (m->msg == CURLMSG_DONE)
			code = m->data.result;
	return code;
}

int
http_follow(struct http_follow *f, const struct http_call *call, int (*take)(void *self, struct str), void *self, int *status, struct err *err)
{
	struct http_result result = { 0 };
	struct fetch fetch = { .call = call, .result = &result, .most = BODY_MOST };
	struct following now = { .take = take, .self = self, .heard_ms = time_mono_ms() };
	char text[CURL_ERROR_SIZE] = "";
	struct curl_slist *list = NULL;
	struct buf scratch = { 0 };
	CURLcode code;
	long answered = 0;
	int rc;

	*status = 0;
	now.curl = prepared(&fetch, text);
	if ((rc = origin(call->url, &scratch, fetch.host, err)) || (rc = heads(call, 0, &list, err)))
		goto out;
	set_method(now.curl, call->method, call->body);
	curl_easy_setopt(now.curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(now.curl, CURLOPT_URL, call->url);
	curl_easy_setopt(now.curl, CURLOPT_WRITEFUNCTION, take_piece);
	curl_easy_setopt(now.curl, CURLOPT_WRITEDATA, &now);
	curl_multi_add_handle(f->multi, now.curl);
	code = follow(f, &now, call->timeout_ms ? call->timeout_ms : TIMEOUT_MS);
	curl_multi_remove_handle(f->multi, now.curl);
	curl_easy_getinfo(now.curl, CURLINFO_RESPONSE_CODE, &answered);
	*status = (int)answered;
	if (code && !now.ended && !f->stopped)
		rc = said(&fetch, code, text, err);
out:
	curl_easy_cleanup(now.curl);
	curl_slist_free_all(list);
	http_result_release(&result);
	buf_release(&scratch);
	return rc;
}

/* ---- mail */

static size_t
give_text(char *to, size_t size, size_t n, void *self)
{
	struct str *left = self;
	size_t now = left->n < size * n ? left->n : size * n;

	memcpy(to, left->p, now);
	left->p += now, left->n -= now;
	return now;
}

static int
is_here(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

/* The host of an smtp URL, for words and for whether it is here. */
static int
mail_host(const char *url, char host[256], struct err *err)
{
	CURLU *parts = curl_url();
	char *scheme = NULL, *name = NULL;
	int rc = 0;

	if (!parts || curl_url_set(parts, CURLUPART_URL, url, 0) || curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) ||
	    curl_url_get(parts, CURLUPART_HOST, &name, 0) || (strcmp(scheme, "smtp") && strcmp(scheme, "smtps")))
		rc = err_set(err, ERR_USAGE, "that is no mail server, try smtp://mail.example.com:587");
	else
		snprintf(host, 256, "%s", name);
	curl_free(scheme);
	curl_free(name);
	curl_url_cleanup(parts);
	return rc;
}

int
http_mail(const struct http_mail *mail, struct err *err)
{
	const struct http_call call = { .private_too = mail->private_too };
	struct http_result result = { 0 };
	struct fetch f = { .call = &call, .result = &result, .most = BODY_MOST };
	char text[CURL_ERROR_SIZE] = "";
	struct curl_slist *to = NULL;
	struct str left = mail->text;
	long status = 0;
	CURLcode code;
	CURL *curl;
	int rc;

	if ((rc = begin(err)) || (rc = mail_host(mail->url, f.host, err)))
		return rc;
	for (int i = 0; i < mail->n_to; i++) {
		if (has_control(str_of(mail->to[i])))
			rc = err_set(err, ERR_INPUT, "an address to send to is none");
		else
			to = curl_slist_append(to, mail->to[i]);
	}
	curl = prepared(&f, text);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(curl, CURLOPT_URL, mail->url);
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, mail->from);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	if (mail->user)
		curl_easy_setopt(curl, CURLOPT_USERNAME, mail->user);
	if (mail->password)
		curl_easy_setopt(curl, CURLOPT_PASSWORD, mail->password);
	curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)(mail->password && !is_here(f.host) ? CURLUSESSL_ALL : CURLUSESSL_TRY));
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_text);
	curl_easy_setopt(curl, CURLOPT_READDATA, &left);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(mail->timeout_ms ? mail->timeout_ms : TIMEOUT_MS));
	if (rc == 0 && (code = curl_easy_perform(curl))) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		rc = said(&f, code, text, err);
		if (status / 100 == 5)
			rc = err_set(err, ERR_INPUT, "%s: refused the mail with %ld", f.host, status);
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(to);
	http_result_release(&result);
	return rc;
}

int64_t
http_result_retry_ms(const struct http_result *r, int64_t now)
{
	struct str value = http_result_header(r, "Retry-After");
	int64_t seconds, ms = 0;
	struct err err = { 0 };
	char date[64] = "";
	time_t at;

	if (value.n && str_int64(value, &seconds) == 0) {
		ms = seconds > 86400 ? 86400000 : 1000 * seconds;
	} else if (value.n && value.n < sizeof(date)) {
		memcpy(date, value.p, value.n);
		at = begin(&err) ? -1 : curl_getdate(date, NULL);
		ms = at == -1 ? 0 : (int64_t)at * 1000 - now;
	}
	return ms < 0 ? 0 : ms > 86400000 ? 86400000 : ms;
}
