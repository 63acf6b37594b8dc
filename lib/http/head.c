#include "http/head.h"

#include <strings.h>

#include "http/http.h"

#define CHAR_TOKEN  1           /* RFC 9110 tchar: methods and names of headers */
#define CHAR_VALUE  2           /* of a header's value: VCHAR, obs-text, blank, tab */
#define CHAR_TARGET 4           /* VCHAR without what belongs into no URI, and UTF-8 that was not escaped */
#define CHAR_HOST   8           /* letters, digits, ". - _ ~ % : [ ]" and sub-delims */

static const uint8_t chars[256] = {
	['\t'] = CHAR_VALUE, [' '] = CHAR_VALUE, [0x80 ... 0xff] = CHAR_VALUE | CHAR_TARGET,
	['0' ... '9'] = 15, ['A' ... 'Z'] = 15, ['a' ... 'z'] = 15,
	['!'] = 15, ['$'] = 15, ['%'] = 15, ['&'] = 15, ['\''] = 15, ['*'] = 15, ['+'] = 15, ['-'] = 15, ['.'] = 15, ['_'] = 15, ['~'] = 15,
	['('] = 14, [')'] = 14, [','] = 14, [':'] = 14, [';'] = 14, ['='] = 14, ['['] = 14, [']'] = 14,
	['#'] = CHAR_TOKEN | CHAR_VALUE, ['^'] = 7, ['`'] = 7, ['|'] = 7,
	['/'] = 6, ['?'] = 6, ['@'] = 6, ['\\'] = 6, ['{'] = 6, ['}'] = 6, ['"'] = 6, ['<'] = 6, ['>'] = 6,
};

static int
all_are(struct str s, int kind)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(chars[(unsigned char)s.p[i]] & kind))
			return 0;
	return 1;
}

/* A line has ended at `at`, the place of its LF. 1: it was the empty one behind the head; 0; -400. */
static int
line_ends(struct head_scan *scan, struct str text, size_t at)
{
	int empty = at == scan->line + 1;

	if (at == scan->line || text.p[at - 1] != '\r')
		return -400;
	if (empty && scan->lines == 0 && scan->line > 0)
		return -400;                            /* a second empty line in front */
	if (!empty || scan->lines > 0)
		scan->lines++;
	scan->line = at + 1;
	return empty && scan->lines > 0;
}

long
head_scan(struct head_scan *scan, struct str text, size_t most)
{
	size_t within = text.n < most ? text.n : most;

	if (scan->line == 0 && text.n && *text.p != '\r' && !(chars[(unsigned char)*text.p] & CHAR_TOKEN))
		return -400;                            /* TLS, or noise: no need to wait for a line of it */
	while (scan->seen < within) {
		const char *lf = memchr(text.p + scan->seen, '\n', within - scan->seen);
		int rc;

		if (!lf) {
			scan->seen = within;
			break;
		}
		scan->seen = (size_t)(lf - text.p) + 1;
		if ((rc = line_ends(scan, text, scan->seen - 1)) < 0)
			return rc;
		if (rc)
			return (long)scan->seen;
		if (scan->lines > HEAD_FIELDS_MOST + 1)
			return -431;
	}
	if (text.n < most)
		return 0;
	return scan->lines ? -431 : -414;
}

static int
header_line(struct str line, struct str *name, struct str *value)
{
	const char *colon = memchr(line.p, ':', line.n);

	if (!colon || colon == line.p)
		return -1;
	*name = (struct str){ line.p, (size_t)(colon - line.p) };
	*value = (struct str){ colon + 1, line.n - name->n - 1 };
	while (value->n && (*value->p == ' ' || *value->p == '\t'))
		value->p++, value->n--;
	while (value->n && (value->p[value->n - 1] == ' ' || value->p[value->n - 1] == '\t'))
		value->n--;
	return all_are(*name, CHAR_TOKEN) && all_are(*value, CHAR_VALUE) ? 0 : -1;
}

/* "http://host/path", of any scheme that we speak; the authority becomes the host. */
static int
absolute_target(struct head *h, struct str target)
{
	size_t scheme = target.n > 7 && !strncasecmp(target.p, "http://", 7) ? 7 : target.n > 8 && !strncasecmp(target.p, "https://", 8) ? 8 : 0;
	size_t end = scheme;

	while (end < target.n && target.p[end] != '/' && target.p[end] != '?')
		end++;
	h->host = (struct str){ target.p + scheme, end - scheme };
	if (!scheme || !h->host.n)
		return -400;
	h->path = (struct str){ target.p + end, target.n - end };
	return 0;
}

static int
parse_target(struct head *h, const char **why)
{
	const char *mark;

	*why = "the target is none";
	if (!all_are(h->target, CHAR_TARGET))
		return -400;
	h->path = h->target;
	if (h->target.n == 1 && *h->target.p == '*' && str_eq(h->method, STR("OPTIONS"))) {
		h->any_target = 1;
		return 0;
	}
	if (*h->target.p != '/' && absolute_target(h, h->target))
		return -400;
	if ((mark = memchr(h->path.p, '?', h->path.n))) {
		h->query = (struct str){ mark + 1, h->path.n - (size_t)(mark + 1 - h->path.p) };
		h->path.n = (size_t)(mark - h->path.p);
	}
	if (!h->path.n)
		h->path = STR("/");                     /* "http://host" and "http://host?x" */
	return 0;
}

/* "GET /path HTTP/1.1" */
static int
parse_first(struct head *h, struct str line, const char **why)
{
	const char *blank = memchr(line.p, ' ', line.n), *second;
	struct str version;

	*why = "the request line is none";
	if (!blank || blank == line.p || !(second = memchr(blank + 1, ' ', (size_t)(line.p + line.n - blank - 1))) || second == blank + 1)
		return -400;
	h->method = (struct str){ line.p, (size_t)(blank - line.p) };
	h->target = (struct str){ blank + 1, (size_t)(second - blank - 1) };
	version = (struct str){ second + 1, (size_t)(line.p + line.n - second - 1) };
	if (!all_are(h->method, CHAR_TOKEN))
		return -400;
	if (version.n != 8 || memcmp(version.p, "HTTP/", 5) || version.p[5] < '0' || version.p[5] > '9' || version.p[6] != '.' ||
	    version.p[7] < '0' || version.p[7] > '9')
		return -400;
	if (version.p[5] != '1' || version.p[7] > '1') {       /* (RFC 9110 would take 1.5 for 1.1; others do not, and nobody sends it) */
		*why = "this server speaks HTTP/1.1";
		return -505;
	}
	h->minor = version.p[7] != '0';
	if (h->method.n > HEAD_NAME_MOST || str_eq(h->method, STR("CONNECT"))) {
		*why = "the method is not known here";
		return -501;
	}
	return parse_target(h, why);
}

static int
read_length(struct head *h, struct str value, const char **why)
{
	*why = "Content-Length is given twice";
	if (h->length >= 0)
		return -400;
	*why = "Content-Length is no number";
	if (!value.n)
		return -400;
	h->length = 0;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return -400;
		if (h->length < INT64_MAX / 16)         /* beyond it stays beyond any bound */
			h->length = h->length * 10 + value.p[i] - '0';
	}
	return 0;
}

static int
read_transfer(struct head *h, struct str value, const char **why)
{
	*why = "Transfer-Encoding is given twice";
	if (h->chunked)
		return -400;
	*why = "Transfer-Encoding is not understood: only chunked is";
	if (memchr(value.p, ',', value.n))
		return -400;
	if (!http_same(value, STR("chunked")))
		return -501;
	h->chunked = 1;
	return 0;
}

/* A list may say a name twice with other weights; the first counts. "gzip;q=0" and "*;q=0" are a no. */
static int
takes_gzip(struct str list)
{
	struct str item;

	while (str_cut(&list, ',', &item)) {
		struct str coding;

		str_cut(&item, ';', &coding);
		coding = str_trim(coding);
		if (!http_same(coding, STR("gzip")) && !http_same(coding, STR("x-gzip")) && !str_eq(coding, STR("*")))
			continue;
		item = str_trim(item);
		if (item.n >= 3 && (item.p[0] | 32) == 'q' && item.p[1] == '=' && item.p[2] == '0') {
			for (size_t i = 3; i < item.n; i++)
				if (item.p[i] >= '1' && item.p[i] <= '9')
					return 1;
			return 0;
		}
		return 1;
	}
	return 0;
}

static int
read_coding(struct head *h, struct str value)
{
	if (http_same(value, STR("gzip")) || http_same(value, STR("x-gzip")))
		return h->coding == HEAD_PLAIN ? HEAD_GZIP : HEAD_CODING_UNKNOWN;
	return !value.n || http_same(value, STR("identity")) ? (int)h->coding : HEAD_CODING_UNKNOWN;
}

/* What the server itself must know of a header. 0, or minus a status. */
static int
read_field(struct head *h, struct str name, struct str value, struct str *host, const char **why)
{
	switch (name.n) {
	case 4:
		if (!http_same(name, STR("Host")))
			break;
		*why = "Host is given twice, or is none";
		if (host->p || !all_are(value, CHAR_HOST))
			return -400;
		*host = value;
		break;
	case 6:
		if (!http_same(name, STR("Expect")))
			break;
		*why = "Expect is not understood: only 100-continue is";
		if (!http_same(value, STR("100-continue")))
			return -417;
		h->expects = 1;
		break;
	case 10:
		if (!http_same(name, STR("Connection")))
			break;
		if (http_has_token(value, "close"))
			h->keep = -1;
		else if (http_has_token(value, "keep-alive") && h->keep == 0)
			h->keep = 1;
		break;
	case 14:
		if (http_same(name, STR("Content-Length")))
			return read_length(h, value, why);
		break;
	case 15:
		if (http_same(name, STR("Accept-Encoding")))
			h->takes_gzip |= takes_gzip(value);
		break;
	case 16:
		if (http_same(name, STR("Content-Encoding")))
			h->coding = read_coding(h, value);
		break;
	case 17:
		if (http_same(name, STR("Transfer-Encoding")))
			return read_transfer(h, value, why);
		break;
	}
	return 0;
}

/* What headers say together. */
static int
judge(struct head *h, struct str host, const char **why)
{
	*why = "Host is missing";
	if (!host.p && h->minor)
		return -400;
	if (!h->host.p)
		h->host = host.p ? host : STR("");
	else if (!all_are(h->host, CHAR_HOST))
		return -400;
	*why = "Content-Length and Transfer-Encoding exclude each other";
	if (h->chunked && h->length >= 0)
		return -400;
	*why = "HTTP/1.0 has no Transfer-Encoding";
	if (h->chunked && !h->minor)
		return -400;
	h->keep = h->minor ? h->keep >= 0 : h->keep > 0;
	h->expects &= h->minor && (h->chunked || h->length > 0);
	return 0;
}

int
head_parse(struct head *h, struct str text, struct head_field *room, const char **why)
{
	struct str rest = text, line, host = { 0 };
	int rc, first = 1;

	*h = (struct head){ .text = text, .length = -1, .field = room };
	if (rest.n >= 2 && rest.p[0] == '\r')
		rest.p += 2, rest.n -= 2;
	while (str_cut(&rest, '\n', &line)) {
		struct str name, value;

		if (!line.n || line.p[--line.n] != '\r') {
			*why = "a line does not end with CR LF";
			return -400;
		}
		if (first) {
			if ((rc = parse_first(h, line, why)))
				return rc;
			first = 0;
			continue;
		}
		if (!line.n)
			break;
		*why = "a header line is none";
		if (header_line(line, &name, &value))
			return -400;
		if ((rc = read_field(h, name, value, &host, why)))
			return rc;
		room[h->n++] = (struct head_field){ (uint32_t)(name.p - text.p), (uint32_t)name.n, (uint32_t)(value.p - text.p), (uint32_t)value.n };
	}
	return judge(h, host, why);
}

struct str
head_get(const struct head *h, const char *name)
{
	struct str wanted = str_of(name);

	for (int i = 0; i < h->n; i++) {
		const struct head_field *f = &h->field[i];

		if (f->name_n == wanted.n && http_same((struct str){ h->text.p + f->name, f->name_n }, wanted))
			return (struct str){ h->text.p + f->value, f->value_n };
	}
	return (struct str){ 0 };
}

/* Is a segment of the path "." or ".."? */
static int
has_dots(struct str path)
{
	struct str piece;

	while (str_cut(&path, '/', &piece))
		if (str_eq(piece, STR(".")) || str_eq(piece, STR("..")))
			return 1;
	return 0;
}

long
head_path(struct str path, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < path.n; i++) {
		uint32_t c = (unsigned char)path.p[i];

		if (c == '%') {
			if (!str_hex(path.p + i + 1, path.p + path.n, 2, &c))
				return -1;
			i += 2;
		}
		if (c == 0)
			return -1;
		to[n++] = (char)c;
	}
	if (!n || *to != '/' || str_utf8_fault((struct str){ to, n }) >= 0 || has_dots((struct str){ to, n }))
		return -1;
	return (long)n;
}
