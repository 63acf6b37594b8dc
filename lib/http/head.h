/* head.h - the head of an HTTP/1.1 request, strictly (RFC 9112): what two readers could understand differently is refused.
 *
 * First head_scan finds where the head ends, piece by piece, each byte looked at once; then head_parse reads it whole. Lines end
 * with CR LF and nothing else; one blank between the parts of the first line; no blank before a colon, no folded line, no control
 * character; one Host, one length at most. The texts stay where they are: a field is four numbers into the head.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define HEAD_FIELDS_MOST 256            /* header lines; a browser sends about 20 */
#define HEAD_NAME_MOST   24             /* bytes of a method; IANA's longest has 17 */

/* What is known of a head that has not ended yet; zero-initialised it is at its beginning. */
struct head_scan {
	size_t seen, line;              /* bytes looked at; where the line began that is being read */
	int lines;                      /* that ended, with the first one and the empty one */
};

/* Where the head ends: > 0 its length, 0 when there must be more bytes, or minus the status it is to be refused with. `text` begins
 * with the head and has grown since the last call. One empty line in front is passed over (RFC 9112, 2.2) and counted in. */
long head_scan(struct head_scan *, struct str text, size_t most);

struct head_field { uint32_t name, name_n, value, value_n; };

enum head_coding { HEAD_PLAIN, HEAD_GZIP, HEAD_CODING_UNKNOWN };

struct head {
	struct str text;
	struct str method, target;
	struct str path, query, host;   /* of the target: path not decoded; query p NULL: no '?'; host: of an absolute target, else of Host */
	int minor;                      /* HTTP/1.minor: 0 or 1 */
	int any_target;                 /* the target is "*" */
	int64_t length;                 /* Content-Length; -1: none */
	int chunked;
	int keep;                       /* the connection may go on after the answer */
	int expects;                    /* 100-continue */
	int takes_gzip;                 /* the answer may be packed */
	enum head_coding coding;        /* of the body */
	int n;
	struct head_field *field;       /* the caller's room, of as many as there were lines */
};

/* 0, or minus the status it is to be refused with (400, 414, 417, 431, 501, 505); *why then says what is wrong. */
int head_parse(struct head *, struct str text, struct head_field *room, const char **why);

/* The first field of that name; p NULL: none. */
struct str head_get(const struct head *, const char *name);

/* The path with its escapes decoded, into room for path.n bytes. The length, or -1: a wrong escape, NUL, no UTF-8, a segment
 * "." or "..", or no '/' in front. */
long head_path(struct str path, char *to);

#endif
