/* http.h - what the server, its sockets and the client have in common: heads, statuses, forms. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct http_head { const char *name; struct str value; };

const char *http_reason(int status);            /* "Not Found"; for an unknown one the name of its class */

/* The same names of headers and tokens: ASCII letters in any case. */
int http_same(struct str, struct str);

/* "https://host:port" of a URL, as it is written: what stands in front of the path. */
struct str http_origin(struct str url);
void http_put_encoded(struct buf *, struct str);         /* as a part of a URL or a form: %XX for all but letters, digits and - . _ ~ */

/* Could it be a header's name, or a method: a token of RFC 9110? */
int http_is_token_byte(unsigned char);
int http_is_token(struct str);

/* What a Content-Type names, without its parameters, also where somebody forgot the semicolon: "text/plain" of "text/plain; charset=utf-8".
 * Its letters are in any case (http_same). */
struct str http_media(struct str type);

/* Is the token in the list ("keep-alive, Upgrade"), in any case? Parameters behind ';' are not looked at. */
int http_has_token(struct str list, const char *token);

/* A parameter of a query, or of any text of that form: decoded ('+' is a blank) into the arena; p NULL: none. -1 for a wrong %
 * or an arena that is full. */
int http_param(struct arena *, struct str form, const char *name, struct str *value);

#endif
