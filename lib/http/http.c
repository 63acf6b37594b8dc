#include "http/http.h"

#include <strings.h>

#include "http/client.h"

int
http_same(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

int
http_is_token_byte(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

int
http_is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http_is_token_byte((unsigned char)s.p[i]))
			return 0;
	return s.n > 0;
}

struct str
http_media(struct str type)
{
	size_t n = 0;

	type = str_trim(type);
	while (n < type.n && type.p[n] != ';' && type.p[n] != ' ' && type.p[n] != '\t')
		n++;
	return (struct str){ type.p, n };
}

void
http_put_encoded(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", s.p[i]))
			buf_byte(b, s.p[i]);
		else
			buf_printf(b, "%%%02X", (unsigned char)s.p[i]);
}

struct str
http_origin(struct str url)
{
	const char *p = memmem(url.p, url.n, "://", 3);
	size_t n = p ? (size_t)(p - url.p) + 3 : url.n;

	while (n < url.n && !strchr("/?#", url.p[n]))
		n++;
	return (struct str){ url.p, n };
}

int
http_has_token(struct str list, const char *token)
{
	struct str item, name;

	while (str_cut(&list, ',', &item)) {
		str_cut(&item, ';', &name);
		if (http_same(str_trim(name), str_of(token)))
			return 1;
	}
	return 0;
}

const char *
http_reason(int status)
{
	switch (status) {
	case 100: return "Continue";
	case 101: return "Switching Protocols";
	case 200: return "OK";
	case 201: return "Created";
	case 202: return "Accepted";
	case 204: return "No Content";
	case 206: return "Partial Content";
	case 301: return "Moved Permanently";
	case 302: return "Found";
	case 303: return "See Other";
	case 304: return "Not Modified";
	case 307: return "Temporary Redirect";
	case 308: return "Permanent Redirect";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 406: return "Not Acceptable";
	case 408: return "Request Timeout";
	case 409: return "Conflict";
	case 410: return "Gone";
	case 411: return "Length Required";
	case 412: return "Precondition Failed";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 415: return "Unsupported Media Type";
	case 417: return "Expectation Failed";
	case 421: return "Misdirected Request";
	case 422: return "Unprocessable Content";
	case 426: return "Upgrade Required";
	case 428: return "Precondition Required";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 502: return "Bad Gateway";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	case 505: return "HTTP Version Not Supported";
	case 507: return "Insufficient Storage";
	}
	return status < 200 ? "Informational" : status < 300 ? "Success" : status < 400 ? "Redirection" : status < 500 ? "Client Error" : "Server Error";
}

/* A text of a form decoded into the arena; -1 for a wrong escape or no room. */
static int
form_decode(struct arena *arena, struct str coded, struct str *plain)
{
	char *to = arena_get(arena, coded.n + 1);
	size_t n = 0;

	if (!to)
		return -1;
	for (size_t i = 0; i < coded.n; i++) {
		char c = coded.p[i];

		if (c == '%') {
			uint32_t byte;

			if (!str_hex(coded.p + i + 1, coded.p + coded.n, 2, &byte))
				return -1;
			c = (char)byte;
			i += 2;
		} else if (c == '+')
			c = ' ';
		to[n++] = c;
	}
	to[n] = 0;
	*plain = (struct str){ to, n };
	return 0;
}

int
http_param(struct arena *arena, struct str form, const char *name, struct str *value)
{
	struct str wanted = str_of(name), item, key;

	*value = (struct str){ 0 };
	while (str_cut(&form, '&', &item)) {
		int has_value = str_cut(&item, '=', &key) && item.p;

		if (!str_eq(key, wanted)) {
			if (!memchr(key.p, '%', key.n) && !memchr(key.p, '+', key.n))
				continue;
			if (form_decode(arena, key, &key) || !str_eq(key, wanted))
				continue;
		}
		return has_value ? form_decode(arena, item, value) : (*value = STR(""), 0);
	}
	return 0;
}

/* ---- of an answer that client.c brought: here, so that who only holds one does not link libcurl */

struct str
http_result_header(const struct http_result *r, const char *name)
{
	struct str rest = buf_get(&r->head), line, key;

	while (str_cut(&rest, '\n', &line))
		if (str_cut(&line, ':', &key) && line.p && http_same(key, str_of(name)))
			return str_trim(line);
	return (struct str){ 0 };
}

void
http_result_release(struct http_result *r)
{
	buf_release(&r->head);
	buf_release(&r->body);
	*r = (struct http_result){ 0 };
}
