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
 * `request`. A user agent may be cut, as servers do with long lines. Escapes of the writers (\" \\ \t \xhh) are undone where
 * UTF-8 comes out.
 *
 * Bound by the copying of about 200 bytes and a look at each (tests/unit/formats.c times it): 125 ns a line.
 */
#include <ctype.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "formats/marks_priv.h"

struct access {
	struct str ip, ident, user, time, request, status, bytes, referrer, agent, vhost, forwarded, extra;
	int odd;                /* has more than put_fast writes, or a quote where none should be */
};

static int
is_time(const char *t)                          /* 10/Oct/2000:13:55:36 -0700 */
{
	static const unsigned char digits[] = { 0, 1, 7, 8, 9, 10, 12, 13, 15, 16, 18, 19, 22, 23, 24, 25 };
	unsigned odd = 0;

	for (size_t i = 0; i < sizeof(digits); i++)
		odd |= (unsigned char)(t[digits[i]] - '0') > 9;
	return !odd && t[2] == '/' && t[6] == '/' && t[11] == ':' && t[14] == ':' && t[17] == ':' && t[20] == ' ' &&
	    (t[21] == '+' || t[21] == '-');
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
		if (at != end && *at != ' ')
			return 0;
		*to = (struct str){ from, (size_t)(q - from) };
		*p = at;
		return 1;
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
	a->odd = a->ident.n > 1 || a->ident.p[0] != '-' || memchr(a->ip.p, '"', (size_t)(p - a->ip.p));
	if (p < end && *p != '[') {             /* one word more: vhost_combined, or a user with a blank */
		struct str more;
		const char *at = p;

		a->odd = 1;
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
	if (end - p < 28 || p[26] != ']' || p[27] != ' ' || !is_time(a->time.p))
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
	if (p >= end) {                         /* a line of the common format among them */
		a->odd = 1;
		return NULL;
	}
	if (!quoted(&p, end, &a->referrer))
		WRONG("no referrer in quotes");
	p++;
	if (!quoted(&p, end, &a->agent)) {
		if (p >= end || *p != '"' || p + 1 == end)
			WRONG("no user agent in quotes");
		a->agent = (struct str){ p + 1, (size_t)(end - p - 1) };        /* a line that the server cut, or quotes it let through */
		a->odd = 1;
		p = end;
	}
	p += p < end;
	if (p == end)
		return NULL;
	a->odd = 1;
	if (*p == '"' && quoted(&p, end, &a->forwarded) && p < end)
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

/* What the servers escaped; \xhh as they stood when that gives no UTF-8. */
static struct str
unescape(struct str text, struct buf *to, int bytes)
{
	buf_clear(to);
	for (size_t i = 0; i < text.n; i++) {
		static const char from[] = "nrtvbf", is[] = "\n\r\t\v\b\f";
		char c = text.p[i], next = i + 1 < text.n ? text.p[i + 1] : 0;
		const char *at;
		uint32_t byte;

		if (c != '\\' || !next) {
			buf_byte(to, c);
		} else if (next == '"' || next == '\\') {
			buf_byte(to, next);
			i++;
		} else if ((at = strchr(from, next))) {
			buf_byte(to, is[at - from]);
			i++;
		} else if (bytes && next == 'x' && str_hex(text.p + i + 2, text.p + text.n, 2, &byte) && byte) {
			buf_byte(to, (char)byte);
			i += 3;
		} else
			buf_byte(to, c);
	}
	return bytes && str_utf8_fault(buf_get(to)) >= 0 ? unescape(text, to, 0) : buf_get(to);
}

/* Properties of an ordinary line. */
enum { IP, USER, METHOD, PATH, PROTOCOL, STATUS, BYTES, REFERRER, AGENT, PROPERTIES };
static const char *const names[PROPERTIES] = { "ip", "user", "method", "path", "protocol", "status", "bytes", "referrer", "user_agent" };

struct log {
	struct formats_state s;
	int combined;
	unsigned wanted;                /* bit i: property i is */
	char text[26], printed[26];     /* the last line's time, and as it was written: many lines have the same */
	uint16_t mark[MARKS_ROOM];      /* where the quotes of the line are */
	struct access a;                /* its parts */
};

/* A text in the record. What the servers escape is undone; a text that stood in quotes holds none but guarded ones. */
static void
put(struct log *l, const char *key, struct str value, int was_quoted)
{
	struct buf *b = &l->s.json;

	if (!value.n || (value.n == 1 && value.p[0] == '-'))
		return;
	if (b->p[b->n - 1] != '{')
		buf_byte(b, ',');
	buf_printf(b, "\"%s\":", key);
	json_put_string(b, was_quoted ? unescape(value, &l->s.scratch, 1) : value);
}

static void
put_number(struct buf *b, const char *key, struct str value)
{
	if (!value.n || value.p[0] == '-')
		return;
	while (value.n > 1 && value.p[0] == '0')
		value.p++, value.n--;
	buf_printf(b, "%s\"%s\":%.*s", b->p[b->n - 1] == '{' ? "" : ",", key, STR_FMT(value));
}

/* The ordinary line, in which nothing needs an escape: the same without a check of room for each piece. `end` is that of
 * the line: short values are copied in steps of 16 bytes when so many may be read. */
static inline char *
copy(char *to, struct str value, const char *end)
{
	if (value.n <= 16 && end - value.p >= 16) {
		memcpy(to, value.p, 16);
	} else if (value.n <= 48 && end - value.p >= 48) {
		memcpy(to, value.p, 16);
		memcpy(to + 16, value.p + 16, 16);
		memcpy(to + 32, value.p + 32, 16);
	} else
		memcpy(to, value.p, value.n);
	return to + value.n;
}
#define FAST(i, key, value) \
	do { \
		if (l->wanted >> (i) & 1 && (value).n && ((value).n > 1 || (value).p[0] != '-')) { \
			memcpy(to, ",\"" key "\":\"", sizeof(",\"" key "\":\"") - 1); \
			to = copy(to + sizeof(",\"" key "\":\"") - 1, value, end); \
			*to++ = '"'; \
		} \
	} while (0)
#define FAST_NUMBER(i, key, value) \
	do { \
		if (l->wanted >> (i) & 1 && (value).p[0] != '-') { \
			memcpy(to, ",\"" key "\":", sizeof(",\"" key "\":") - 1); \
			to = copy(to + sizeof(",\"" key "\":") - 1, value, end); \
		} \
	} while (0)

static void
put_fast(struct log *l, const struct access *a, struct str method, struct str path, struct str protocol, struct str line, const char *end)
{
	struct buf *b = &l->s.json;
	char *to = buf_room(b, line.n + 256);

	memcpy(to, "\"ip\":\"", 6);
	to = copy(to + 6, a->ip, end);
	*to++ = '"';
	FAST(USER, "user", a->user);
	FAST(METHOD, "method", method);
	FAST(PATH, "path", path);
	FAST(PROTOCOL, "protocol", protocol);
	FAST_NUMBER(STATUS, "status", a->status);
	FAST_NUMBER(BYTES, "bytes", a->bytes);
	FAST(REFERRER, "referrer", a->referrer);
	FAST(AGENT, "user_agent", a->agent);
	memcpy(to, "}}", 2);
	b->n = (size_t)(to + 2 - b->p);
}

/* The parts of an ordinary line by the places of its quotes; 0 when it is another one, for `parts` to say what it is. */
static int
plain_parts(struct log *l, struct str line, struct access *a)
{
	const uint16_t *q = l->mark;
	const char *p = line.p, *at, *blank;
	unsigned n;
	int what = formats_marks(line, '"', l->mark, &n);

	if ((what & FORMATS_ESCAPE) || n != (l->combined ? 6u : 2u) || q[0] < 36 || (what && str_utf8_fault(line) >= 0))
		return 0;
	/* ADDRESS - USER [TIME] " */
	at = p + q[0] - 30;             /* the blank before the time */
	if (memcmp(at, " [", 2) || memcmp(at + 28, "] ", 2) || (memcmp(l->text, at + 2, sizeof(l->text)) && !is_time(at + 2)) ||
	    !(blank = memchr(p, ' ', (size_t)(at - p))) || blank == p || (blank == p + 1 && *p == '-') || blank + 3 >= at ||
	    memcmp(blank, " - ", 3) || memchr(blank + 3, ' ', (size_t)(at - blank - 3)))
		return 0;
	a->ip = (struct str){ p, (size_t)(blank - p) };
	a->user = (struct str){ blank + 3, (size_t)(at - blank - 3) };
	a->time = (struct str){ at + 2, 26 };
	a->request = (struct str){ p + q[0] + 1, q[1] - q[0] - 1u };
	/* " STATUS BYTES, and then " or the end */
	at = p + q[1] + 1;
	n = (l->combined ? q[2] : (unsigned)line.n + 1) - q[1];
	if (n < 8 || n > 25 || at[0] != ' ' || (unsigned char)(at[1] - '1') > 8 || !isdigit((unsigned char)at[2]) ||
	    !isdigit((unsigned char)at[3]) || at[4] != ' ' || (l->combined && at[n - 2] != ' '))
		return 0;
	a->status = (struct str){ at + 1, 3 };
	a->bytes = (struct str){ at + 5, n - 7 };
	if (a->bytes.n > 1 && *a->bytes.p == '0')
		return 0;
	for (size_t i = 0; i < a->bytes.n; i++)
		if (!isdigit((unsigned char)a->bytes.p[i]) && (a->bytes.n > 1 || a->bytes.p[i] != '-'))
			return 0;
	a->ident = a->vhost = a->forwarded = a->extra = a->referrer = a->agent = (struct str){ NULL, 0 };
	if (!l->combined)
		return 1;
	if (p[q[3] + 1] != ' ' || q[4] != q[3] + 2 || q[5] + 1u != line.n)
		return 0;
	a->referrer = (struct str){ p + q[2] + 1, q[3] - q[2] - 1u };
	a->agent = (struct str){ p + q[4] + 1, q[5] - q[4] - 1u };
	return 1;
}

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
	l->wanted = ~0u;
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

/* The record of the parts. is_plain: plain_parts found them. */
static int
write_record(struct log *l, struct str line, int is_plain, struct record *r, struct err *err)
{
	struct buf *b = &l->s.json;
	struct access *a = &l->a;
	struct str method, path, protocol;
	size_t properties;
	int is_request;

	buf_clear(b);
	if (formats_settings.unnamed)
		buf_add(b, "{\"timestamp\":", 13);
	else
		buf_add(b, "{\"event\":\"request\",\"timestamp\":", 31);
	if (memcmp(l->text, a->time.p, sizeof(l->text)) != 0) {
		size_t at = b->n;

		if (!put_time(b, a->time))
			return err_col(err, a->time.p - line.p + 1, ERR_INPUT, "'%.*s' is no time", STR_FMT(a->time));
		memcpy(l->text, a->time.p, sizeof(l->text));
		memcpy(l->printed, b->p + at, sizeof(l->printed));
	} else
		buf_add(b, l->printed, sizeof(l->printed));
	buf_add(b, ",\"properties\":{", 15);
	properties = b->n - 1;
	is_request = request_line(a->request, &method, &path, &protocol);
	if (is_request && (is_plain || (!(l->s.what & FORMATS_ESCAPE) && !a->odd && (a->ip.n > 1 || a->ip.p[0] != '-') &&
	    (a->status.p[0] != '0') && (a->bytes.p[0] != '0' || a->bytes.n == 1)))) {
		put_fast(l, a, method, path, protocol, line, line.p + line.n + (is_plain ? IN_SLACK : 0));
		goto out;
	}
	put(l, "ip", a->ip, 0);
	put(l, "vhost", a->vhost, 0);
	put(l, "ident", a->ident, 0);
	put(l, "user", a->user, 0);
	if (is_request) {
		put(l, "method", method, 1);
		put(l, "path", path, 1);
		put(l, "protocol", protocol, 1);
	} else
		put(l, "request", a->request, 1);
	put_number(b, "status", a->status);
	put_number(b, "bytes", a->bytes);
	put(l, "referrer", a->referrer, 1);
	put(l, "user_agent", a->agent, 1);
	put(l, "forwarded_for", a->forwarded, 1);
	put(l, "extra", a->extra, 0);
	buf_add(b, "}}", 2);
out:
	r->json = buf_get(b);
	r->properties = (struct str){ b->p + properties, b->n - 1 - properties };
	return IN_LINE;
}

static int
next(void *self, struct record *r, struct err *err)
{
	struct log *l = self;
	struct str line;
	const char *wrong;
	long col;
	int rc, is_plain;

	if ((rc = formats_line_any(&l->s, r, &line, err)) != IN_LINE)
		return rc;
	if (!(is_plain = plain_parts(l, line, &l->a)) && (rc = formats_line_good(&l->s, &line, err)) != IN_LINE)
		return rc;
	if (!is_plain && (wrong = parts(line, l->combined, &l->a, &col)))
		return err_col(err, col, ERR_INPUT, "%s", wrong);
	return write_record(l, line, is_plain, r, err);
}

static int
plain(void *self, struct str line, struct record *r)
{
	struct log *l = self;
	struct err err;

	if (!plain_parts(l, line, &l->a))
		return 0;
	r->input = line;
	r->checked = 1;
	r->more = 0;
	return write_record(l, line, 1, r, &err) == IN_LINE;
}

static void *
another(void *self, int (*wants)(void *of, struct str key), void *of)
{
	struct log *l = open_log(NULL, ((struct log *)self)->combined);

	for (int i = 0; wants && i < PROPERTIES; i++)
		if (!wants(of, str_of(names[i])))
			l->wanted &= ~(1u << i);
	return l;
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

/* Nothing else looks like an access log: where some lines do, it is one with damaged lines. Both formats may stand in one
 * file, as after a change of the server's configuration: then it is combined, which reads both. */
static int
sure(int share)
{
	return share >= 50 ? 96 : share >= 10 ? 60 : 0;
}

static int
looks_combined(struct str head, const char *file)
{
	(void)file;
	return sure(formats_share(head, fits_combined));
}

static int
looks_common(struct str head, const char *file)
{
	int share = formats_share(head, fits_common);

	(void)file;
	return share > 0 && share == formats_share(head, fits_combined) ? sure(share) + 1 : 0;
}

const struct format formats_combined = {
	"combined", "access logs of Apache and nginx", looks_combined, open_combined, next, formats_close, another, plain,
	formats_is_inside, formats_forget
};
const struct format formats_common = {
	"common", "the same without referrer and user agent", looks_common, open_common, next, formats_close, another, plain,
	formats_is_inside, formats_forget
};
