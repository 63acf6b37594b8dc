/* Access logs of Apache, nginx and those who write like them:
 *
 *      192.0.2.7 - ann [10/Oct/2000:13:55:36 -0700] "GET /a?b=1 HTTP/1.0" 200 2326 "http://example.com/" "Mozilla/4.08"
 *      %h        %l %u %t                           "%r"                  %>s %b   "%{Referer}i"         "%{User-agent}i"
 *
 *      {"event":"request","timestamp":"2000-10-10T20:55:36.000Z","properties":{"ip":"192.0.2.7","user":"ann","method":"GET",
 *       "path":"/a?b=1","protocol":"HTTP/1.0","status":200,"bytes":2326,"referrer":"http://example.com/","user_agent":"…"}}
 *
 * A `-` is absent, as is an empty text. Apache's `host:port ` in front (vhost_combined) is `vhost`; nginx's third quoted
 * text (its format `main`) is `forwarded_for`; what else follows is `extra`. A request line that is none stays whole as
 * `request`. Escapes of the writers (\" \\ \t \xhh) are undone where UTF-8 comes out.
 *
 * Bound by the copying of about 200 bytes and a look at each (tests/unit/formats.c times it): 105 ns a line.
 */
#include <ctype.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "formats/formats_priv.h"

struct access {
	struct str vhost, ip, ident, user, time, request, status, bytes, referrer, agent, forwarded, extra;
};

static int
is_time(struct str t)                           /* 10/Oct/2000:13:55:36 -0700 */
{
	static const char like[] = "99/Aaa/9999:99:99:99 +9999";

	if (t.n != sizeof(like) - 1)
		return 0;
	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)t.p[i];

		if (like[i] == '9' ? !isdigit(c) : like[i] == 'A' || like[i] == 'a' ? !isalpha(c) :
		    like[i] == '+' ? c != '+' && c != '-' : c != like[i])
			return 0;
	}
	return 1;
}

/* Up to the next blank; 0 at the end. */
static inline int
word(const char **p, const char *end, struct str *to)
{
	const char *from = *p;

	while (*p < end && **p != ' ')
		(*p)++;
	*to = (struct str){ from, (size_t)(*p - from) };
	if (*p < end)
		(*p)++;
	return to->n > 0;
}

/* A text in quotes, where a backslash guards the next byte. */
static inline int
quoted(const char **p, const char *end, struct str *to)
{
	const char *from = *p + 1, *at = from;

	if (*p >= end || **p != '"')
		return 0;
	for (;;) {
		const char *q = memchr(at, '"', (size_t)(end - at));
		int guards = 0;

		if (!q)
			return 0;
		for (const char *b = q; b > from && b[-1] == '\\'; b--)
			guards++;
		at = q + 1;
		if (guards % 2)
			continue;
		*to = (struct str){ from, (size_t)(q - from) };
		*p = at;
		return at == end || *at == ' ';
	}
}

/* The parts of a line. NULL when all is well, else what is wrong, at *col. */
static const char *
parts(struct str line, int combined, struct access *a, long *col)
{
	const char *p = line.p, *end = p + line.n, *close;

	memset(a, 0, sizeof(*a));
#define WRONG(what) return *col = p - line.p + 1, what
	if (!word(&p, end, &a->ip))
		WRONG("a line begins with the address");
	if (!word(&p, end, &a->ident) || !word(&p, end, &a->user))
		WRONG("the user is missing");
	if (p < end && *p != '[') {             /* one word more: vhost_combined, or a user with a blank */
		struct str more;
		const char *at = p;

		if (word(&p, end, &more) && p < end && *p == '[' && memchr(a->ip.p, ':', a->ip.n) &&
		    isdigit((unsigned char)a->ip.p[a->ip.n - 1]) && (a->ident.n > 1 || a->ident.p[0] != '-')) {
			a->vhost = a->ip;
			a->ip = a->ident;
			a->ident = a->user;
			a->user = more;
		} else {
			close = memmem(at, (size_t)(end - at), " [", 2);
			if (!close)
				WRONG("no [time]");
			a->user.n = (size_t)(close - a->user.p);
			p = close + 1;
		}
	}
	if (p >= end || *p != '[')
		WRONG("no [time]");
	a->time.p = ++p;
	a->time.n = 26;
	if (end - p < 28 || p[26] != ']' || p[27] != ' ' || !is_time(a->time))
		WRONG("the time is none, like [10/Oct/2000:13:55:36 -0700]");
	p += 28;
	if (!quoted(&p, end, &a->request))
		WRONG("no request in quotes");
	p++;
	if (p >= end || !word(&p, end, &a->status) || a->status.n > 3 || (!isdigit((unsigned char)a->status.p[0]) && a->status.p[0] != '-'))
		WRONG("no status");
	for (size_t i = 1; i < a->status.n; i++)
		if (!isdigit((unsigned char)a->status.p[i]))
			WRONG("no status");
	if (p >= end || !word(&p, end, &a->bytes) || a->bytes.n > 18)
		WRONG("the number of bytes is missing");
	for (size_t i = 0; i < a->bytes.n; i++)
		if (!isdigit((unsigned char)a->bytes.p[i]) && (a->bytes.n > 1 || a->bytes.p[i] != '-'))
			WRONG("the number of bytes is none");
	if (!combined) {
		if (p < end)
			WRONG("more behind the bytes than the common format has, try combined");
		return NULL;
	}
	if (!quoted(&p, end, &a->referrer))
		WRONG("no referrer in quotes, is it the common format?");
	p++;
	if (!quoted(&p, end, &a->agent))
		WRONG("no user agent in quotes");
	if (p < end)
		p++;
	if (p < end && *p == '"' && quoted(&p, end, &a->forwarded) && p < end)
		p++;
	if (p < end)
		a->extra = (struct str){ p, (size_t)(end - p) };
	return NULL;
}

/* "2000-10-10T20:55:36.000Z" with quotes; 0 when the date is none. */
static int
put_time(struct buf *b, struct str t)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil c = {0};
	int month = 0, offset;
	int64_t ms;

#define TWO(at) ((t.p[at] - '0') * 10 + t.p[(at) + 1] - '0')
	while (month < 12 && memcmp(months + 3 * month, t.p + 3, 3) != 0)
		month++;
	c.day = TWO(0);
	c.month = month + 1;
	c.year = TWO(7) * 100 + TWO(9);
	c.hour = TWO(12);
	c.minute = TWO(15);
	c.second = TWO(18);
	if (month == 12 || c.day < 1 || c.day > 31 || c.hour > 23 || c.minute > 59 || c.second > 60)
		return 0;
	offset = TWO(22) * 60 + TWO(24);
	if (offset == 0 && c.day <= 28 && c.second < 60) {      /* as it stands */
		char *to = buf_room(b, 32);

		memcpy(to, "\"yyyy-mm-ddThh:mm:ss.000Z\"", 26);
		memcpy(to + 1, t.p + 7, 4);
		to[6] = (char)('0' + c.month / 10);
		to[7] = (char)('0' + c.month % 10);
		memcpy(to + 9, t.p, 2);
		memcpy(to + 12, t.p + 12, 8);
		b->n += 26;
		return 1;
	}
	ms = time_of_civil(&c) - (t.p[21] == '-' ? -offset : offset) * 60000LL;
	if (ms < TIME_MIN || ms > TIME_MAX)
		return 0;
	json_put_time(b, ms);
	return 1;
}

static int
hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* What the servers escaped; \xhh as they stood when that gives no UTF-8. */
static struct str
unescape(struct str text, struct buf *to, int bytes)
{
	buf_clear(to);
	for (size_t i = 0; i < text.n; i++) {
		static const char from[] = "nrtvbf", is[] = "\n\r\t\v\b\f";
		char c = text.p[i], next = i + 1 < text.n ? text.p[i + 1] : 0;
		const char *at;

		if (c != '\\' || !next) {
			buf_byte(to, c);
		} else if (next == '"' || next == '\\') {
			buf_byte(to, next);
			i++;
		} else if ((at = strchr(from, next))) {
			buf_byte(to, is[at - from]);
			i++;
		} else if (bytes && next == 'x' && i + 3 < text.n && hex(text.p[i + 2]) >= 0 && hex(text.p[i + 3]) >= 0 &&
		    (hex(text.p[i + 2]) || hex(text.p[i + 3]))) {
			buf_byte(to, (char)(hex(text.p[i + 2]) * 16 + hex(text.p[i + 3])));
			i += 3;
		} else
			buf_byte(to, c);
	}
	return bytes && str_utf8_fault(buf_get(to)) >= 0 ? unescape(text, to, 0) : buf_get(to);
}

struct log {
	struct formats_state s;
	int combined;
	int escape;             /* the line has a backslash or a control character */
};

enum kind { NUMBER, QUOTED, BARE };      /* a text that stood in quotes holds none but guarded ones */

/* `"key":"value"` or a number. `key` is with its quotes and colon and, but for the first, the comma. */
static inline void
put(struct log *l, const char *key, size_t key_n, struct str value, enum kind kind)
{
	struct buf *b = &l->s.json;

	if (!value.n || (value.n == 1 && value.p[0] == '-'))
		return;
	if (b->p[b->n - 1] == '{')
		key++, key_n--;
	buf_add(b, key, key_n);
	if (kind == NUMBER) {
		while (value.n > 1 && value.p[0] == '0')
			value.p++, value.n--;
		buf_str(b, value);
	} else if (kind == BARE)
		json_put_string(b, value);
	else if (__builtin_expect(l->escape, 0))
		json_put_string(b, unescape(value, &l->s.scratch, 1));
	else {
		char *to = buf_room(b, value.n + 2);

		*to = '"';
		memcpy(to + 1, value.p, value.n);
		to[value.n + 1] = '"';
		b->n += value.n + 2;
	}
}
#define PUT(key, value, kind) put(l, ",\"" key "\":", sizeof(",\"" key "\":") - 1, value, kind)

/* METHOD PATH PROTOCOL, or METHOD PATH of HTTP/0.9. */
static int
request_line(struct str line, struct str *method, struct str *path, struct str *protocol)
{
	const char *blank, *end = line.p + line.n, *last;

	for (blank = line.p; blank < end && isalpha((unsigned char)*blank); blank++)
		;
	if (blank == line.p || blank >= end || *blank != ' ' || blank + 1 == end)
		return 0;
	*method = (struct str){ line.p, (size_t)(blank - line.p) };
	for (last = end; last > blank && last[-1] != ' '; last--)
		;
	if (last - 1 > blank && end - last > 5 && memcmp(last, "HTTP/", 5) == 0) {
		*path = (struct str){ blank + 1, (size_t)(last - 1 - blank - 1) };
		*protocol = (struct str){ last, (size_t)(end - last) };
	} else {
		*path = (struct str){ blank + 1, (size_t)(end - blank - 1) };
		*protocol = (struct str){ NULL, 0 };
	}
	return 1;
}

static void *
open_log(struct in *in, int combined)
{
	struct log *l = mem_new(sizeof(*l));

	l->s.in = in;
	l->combined = combined;
	return l;
}

static void *
open_combined(struct in *in, struct err *err)
{
	(void)err;
	return open_log(in, 1);
}

static void *
open_common(struct in *in, struct err *err)
{
	(void)err;
	return open_log(in, 0);
}

static int
next(void *self, struct record *r, struct err *err)
{
	struct log *l = self;
	struct buf *b = &l->s.json;
	struct access a;
	struct str line, method, path, protocol;
	const char *wrong;
	long col;
	int rc;

	if ((rc = formats_line(&l->s, r, &line, err)) != IN_LINE)
		return rc;
	if ((wrong = parts(line, l->combined, &a, &col)))
		return err_col(err, col, ERR_INPUT, "%s", wrong);
	l->escape = formats_scan(line.p, line.n) & FORMATS_ESCAPE;
	buf_clear(b);
	buf_room(b, line.n + 256);
	buf_lit(b, formats_settings.unnamed ? "{\"timestamp\":" : "{\"event\":\"request\",\"timestamp\":");
	if (!put_time(b, a.time))
		return err_col(err, a.time.p - line.p + 1, ERR_INPUT, "'%.*s' is no time", STR_FMT(a.time));
	buf_add(b, ",\"properties\":{", 15);
	PUT("ip", a.ip, BARE);
	PUT("vhost", a.vhost, BARE);
	PUT("ident", a.ident, BARE);
	PUT("user", a.user, BARE);
	if (request_line(a.request, &method, &path, &protocol)) {
		PUT("method", method, QUOTED);
		PUT("path", path, QUOTED);
		PUT("protocol", protocol, QUOTED);
	} else
		PUT("request", a.request, QUOTED);
	PUT("status", a.status, NUMBER);
	PUT("bytes", a.bytes, NUMBER);
	PUT("referrer", a.referrer, QUOTED);
	PUT("user_agent", a.agent, QUOTED);
	PUT("forwarded_for", a.forwarded, QUOTED);
	PUT("extra", a.extra, BARE);
	buf_add(b, "}}", 2);
	r->json = buf_get(b);
	return IN_LINE;
}

static int
fits_combined(struct str line)
{
	struct access a;
	long col;

	return !parts(line, 1, &a, &col);
}

static int
fits_common(struct str line)
{
	struct access a;
	long col;

	return !parts(line, 0, &a, &col);
}

static int
looks_combined(struct str head, const char *file)
{
	(void)file;
	return formats_share(head, fits_combined) >= 50 ? 96 : 0;
}

static int
looks_common(struct str head, const char *file)
{
	(void)file;
	return formats_share(head, fits_common) >= 50 ? 96 : 0;
}

const struct format formats_combined = {
	"combined", "access logs of Apache and nginx", looks_combined, open_combined, next, formats_close
};
const struct format formats_common = {
	"common", "the same without referrer and user agent", looks_common, open_common, next, formats_close
};
