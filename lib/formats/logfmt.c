/* logfmt: a flat record of what the line says.
 *
 *      ts=2026-11-23T10:15:30Z level=info msg="user signed up" user_id=u1 ms=12.5 ok=true cached
 *      {"ts":"2026-11-23T10:15:30Z","level":"info","msg":"user signed up","user_id":"u1","ms":12.5,"ok":true,"cached":true,
 *       "event":"user signed up"}
 *
 * Numbers without exponent (123e45 may be half of a commit's name), true and false are what they are unless quoted; a key
 * alone is true. The event is `event`, `name` or `type` when the line has one, else `msg` or `message`, else "log".
 */
#include "base/letter.h"
#include "formats/formats_priv.h"

/* A quoted text as Go writes it; as it stood when that gives no UTF-8. */
static struct str
unquote(struct str text, struct buf *to)
{
	if (!text.n || !memchr(text.p, '\\', text.n))
		return text;
	buf_clear(to);
	for (size_t i = 0; i < text.n; i++) {
		static const char from[] = "abfnrtv\"\\/'", is[] = "\a\b\f\n\r\t\v\"\\/'";
		char next = i + 1 < text.n ? text.p[i + 1] : 0;
		int n = next == 'x' ? 2 : next == 'u' ? 4 : next == 'U' ? 8 : 0;
		const char *at;
		uint32_t c, low;

		if (text.p[i] != '\\' || !next) {
			buf_byte(to, text.p[i]);
		} else if ((at = strchr(from, next))) {
			buf_byte(to, is[at - from]);
			i++;
		} else if (n && str_hex(text.p + i + 2, text.p + text.n, n, &c) && c && c < 0x110000) {
			i += 1 + (size_t)n;
			if (c >> 10 == 0x36 && text.n - i > 6 && text.p[i + 1] == '\\' && text.p[i + 2] == 'u' &&
			    str_hex(text.p + i + 3, text.p + text.n, 4, &low) && low >> 10 == 0x37) {
				c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
				i += 6;
			}
			if (n == 2)
				buf_byte(to, (char)c);
			else
				letter_put(to, c);
		} else
			buf_byte(to, text.p[i]);
	}
	return str_utf8_fault(buf_get(to)) < 0 ? buf_get(to) : text;
}

enum { KEY_ALONE, BARE, QUOTED };

/* The next pair of *rest: 1, 0 at the end, -1 and *what. */
static int
pair(struct str *rest, struct str *key, struct str *value, int *kind, const char **what)
{
	const char *p = rest->p, *end = p + rest->n, *from;

	while (p < end && (unsigned char)*p <= ' ')
		p++;
	if (p == end)
		return 0;
	for (from = p; p < end && (unsigned char)*p > ' ' && *p != '=' && *p != '"'; p++)
		;
	*key = (struct str){ from, (size_t)(p - from) };
	*value = (struct str){ p, 0 };
	*kind = KEY_ALONE;
	rest->n = (size_t)(end - p);
	rest->p = p;
	if (!key->n)
		return *what = "here a key must begin", -1;
	if (p < end && *p == '"')
		return *what = "a quote in a key", -1;
	if (p < end && *p == '=') {
		from = ++p;
		*kind = BARE;
		if (p < end && *p == '"') {
			*kind = QUOTED;
			for (from = ++p; p < end && *p != '"'; p++)
				p += *p == '\\' && p + 1 < end;
			if (p >= end)
				return *what = "the quote that opens here is never closed", -1;
		} else
			while (p < end && (unsigned char)*p > ' ')
				p++;
		*value = (struct str){ from, (size_t)(p - from) };
		p += *kind == QUOTED;
		if (p < end && (unsigned char)*p > ' ')
			return *what = "text behind a closing quote", -1;
	}
	rest->p = p;
	rest->n = (size_t)(end - p);
	return 1;
}

static int
next(void *self, struct record *r, struct err *err)
{
	struct formats_state *s = self;
	struct str line, rest, key, value, message = { NULL, 0 };
	const char *what;
	int rc, kind, pairs = 0, named = formats_settings.unnamed, message_kind = BARE;

	if ((rc = formats_line(s, r, &line, err)) != IN_LINE)
		return rc;
	rest = line;
	formats_begin(s);
	while ((rc = pair(&rest, &key, &value, &kind, &what)) > 0) {
		pairs += kind != KEY_ALONE;
		formats_key(s, key);
		if (kind == KEY_ALONE)
			buf_lit(&s->json, "true");
		else if (kind == BARE)
			formats_scalar(s, value);
		else
			json_put_string(&s->json, unquote(value, &s->scratch));
		if (str_eq(key, STR("event")) || str_eq(key, STR("name")) || str_eq(key, STR("type")))
			named = 1;
		else if (!message.n && (str_eq(key, STR("msg")) || str_eq(key, STR("message"))))
			message = value, message_kind = kind;
	}
	if (rc < 0)
		return err_col(err, rest.p - line.p + 1, ERR_INPUT, "%s", what);
	if (!pairs)
		return err_set(err, ERR_INPUT, "no key=value in the line");
	if (!named)
		formats_event(s, !message.n ? STR("log") : message_kind == QUOTED ? unquote(message, &s->scratch) : message);
	formats_end(s, r, 1);
	return IN_LINE;
}

/* More pairs than words alone, and the first is a pair. */
static int
fits(struct str line)
{
	struct str key, value;
	const char *what;
	int rc, kind, pairs = 0, alone = 0;

	while ((rc = pair(&line, &key, &value, &kind, &what)) > 0) {
		if (kind == KEY_ALONE && !pairs)
			return 0;
		if (memchr(key.p, ',', key.n))
			return 0;
		kind == KEY_ALONE ? alone++ : pairs++;
	}
	return rc == 0 && pairs > alone;
}

static int
looks(struct str head, const char *file)
{
	int share = formats_share(head, fits);

	if (formats_named(file, ".logfmt"))
		return 92;
	return share >= 50 ? 75 : 0;
}

const struct format formats_logfmt = {
	"logfmt", "key=value lines", looks, formats_open, next, formats_close
};
