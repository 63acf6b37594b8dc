/* What the formats share; the calls are told in formats_priv.h. */
#include <ctype.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "formats/formats_priv.h"

#define NAME_MOST 255           /* bytes of an event's name */

typedef unsigned char bytes16 __attribute__((vector_size(16)));        /* SSE2, NEON or what the compiler has */

void *
formats_open(struct in *in, struct err *err)
{
	struct formats_state *s = mem_new(sizeof(*s));

	(void)err;
	s->in = in;
	return s;
}

void
formats_close(void *self)
{
	struct formats_state *s = self;

	if (!s)
		return;
	buf_release(&s->json);
	buf_release(&s->mended);
	buf_release(&s->scratch);
	buf_release(&s->scratch2);
	map_release(&s->keys.many);
	map_release(&s->types);
	free(s);
}

int
formats_is_inside(const void *self)
{
	(void)self;
	return 0;
}

void
formats_forget(void *self)
{
	(void)self;
}

static int
any(bytes16 v)
{
	uint64_t half[2];

	memcpy(half, &v, sizeof(half));
	return (half[0] | half[1]) != 0;
}

int
formats_scan(const char *p, size_t n)
{
	bytes16 high = {0}, escape = {0}, zero = {0}, quote = {0}, v;
	char last[16];

	for (size_t at = 0; at < n; at += 16) {
		if (n - at >= 16)
			memcpy(&v, p + at, 16);
		else if (n >= 16)
			memcpy(&v, p + n - 16, 16);
		else {
			memset(last, ' ', sizeof(last));
			memcpy(last, p, n);
			memcpy(&v, last, 16);
		}
		high |= v;
		escape |= (bytes16)((v < 0x20) | (v == '\\') | (v == 0x7f));
		zero |= (bytes16)(v == 0);
		quote |= (bytes16)(v == '"');
	}
	return (any(high & 0x80) ? FORMATS_HIGH : 0) | (any(escape) ? FORMATS_ESCAPE : 0) | (any(zero) ? FORMATS_ZERO : 0) |
	    (any(quote) ? FORMATS_QUOTE : 0);
}

/* A wrong byte at a time becomes U+FFFD, as does a byte 0. */
static void
mend(struct str text, struct buf *to)
{
	static const char instead[] = "\xef\xbf\xbd";

	buf_clear(to);
	for (;;) {
		long bad = str_utf8_fault(text);
		struct str good = { text.p, bad < 0 ? text.n : (size_t)bad }, piece;

		for (int zeros = 0; str_cut(&good, 0, &piece); zeros++) {
			buf_lit(to, zeros ? instead : "");
			buf_str(to, piece);
		}
		if (bad < 0)
			return;
		buf_lit(to, instead);
		text.p += bad + 1, text.n -= (size_t)bad + 1;
	}
}

int
formats_text_good(struct str *text, int what, struct buf *mended, struct err *err)
{
	long bad = what & FORMATS_HIGH ? str_utf8_fault(*text) : -1;
	const char *zero = what & FORMATS_ZERO ? memchr(text->p, 0, text->n) : NULL;

	if (bad < 0 && !zero)
		return 0;
	if (formats_settings.lossy) {
		mend(*text, mended);
		*text = buf_get(mended);
		return 0;
	}
	if (bad >= 0 && (!zero || text->p + bad < zero))
		return err_col(err, bad + 1, ERR_INPUT, "byte 0x%02x is no UTF-8, --lossy would replace it", (unsigned char)text->p[bad]);
	return err_col(err, zero - text->p + 1, ERR_INPUT, "a byte 0 in the text, --lossy would replace it");
}

int
formats_line_any(struct formats_state *s, struct record *r, struct str *line, struct err *err)
{
	int rc;

	do {
		rc = in_line(s->in, line, err);
		r->end = in_offset(s->in);
		if (rc == ERR_LIMIT) {
			r->input = STR("");
			r->line = in_lineno(s->in);
			return err->code = ERR_INPUT;
		}
		if (rc != IN_LINE)
			return rc;
	} while (!line->n);
	r->input = *line;
	r->line = in_lineno(s->in);
	r->checked = 1;
	r->more = 0;
	r->properties = (struct str){ NULL, 0 };
	return IN_LINE;
}

int
formats_line_good(struct formats_state *s, struct str *line, struct err *err)
{
	s->what = formats_scan(line->p, line->n);
	return formats_text_good(line, s->what, &s->mended, err) ? ERR_INPUT : IN_LINE;
}

int
formats_line(struct formats_state *s, struct record *r, struct str *line, struct err *err)
{
	int rc = formats_line_any(s, r, line, err);

	return rc == IN_LINE ? formats_line_good(s, line, err) : rc;
}

void
formats_begin(struct formats_state *s)
{
	buf_clear(&s->json);
	buf_byte(&s->json, '{');
	s->keys.n = 0;
	if (s->keys.many.n)
		map_clear(&s->keys.many);
}

static void
comma(struct formats_state *s)
{
	if (s->json.p[s->json.n - 1] != '{')
		buf_byte(&s->json, ',');
}

void
formats_top(struct formats_state *s, const char *key)
{
	comma(s);
	buf_byte(&s->json, '"');
	buf_lit(&s->json, key);
	buf_add(&s->json, "\":", 2);
}

void
formats_event(struct formats_state *s, struct str name)
{
	if (name.n > NAME_MOST) {
		name.n = NAME_MOST;
		while (((unsigned char)name.p[name.n] & 0xc0) == 0x80)
			name.n--;
	}
	formats_top(s, "event");
	json_put_string(&s->json, name);
}

void
formats_time(struct formats_state *s, int64_t ms)
{
	if (ms == TIME_NONE)
		return;
	formats_top(s, "timestamp");
	json_put_time(&s->json, ms);
}

void
formats_properties(struct formats_state *s)
{
	formats_top(s, "properties");
	buf_byte(&s->json, '{');
}

void
formats_end(struct formats_state *s, struct record *r, int open)
{
	while (open-- > 0)
		buf_byte(&s->json, '}');
	r->json = buf_get(&s->json);
}

/* 1 when the key is new. A few keys are compared by their hashes alone: 64 bits, seeded, so that two different keys that
 * meet are one in 10^17. */
int
formats_is_new(struct formats_state *s, struct str key)
{
	uint64_t hash = str_hash(key);
	int fresh;

	for (int i = 0; i < s->keys.n; i++)
		if (s->keys.few[i] == hash)
			return 0;
	if (s->keys.n < FORMATS_FEW) {
		s->keys.few[s->keys.n++] = hash;
		return 1;
	}
	map_put_hash(&s->keys.many, key, hash, &fresh);
	return fresh;
}

int
formats_member(struct formats_state *s, struct str key)
{
	if (!formats_is_new(s, key))
		return 0;
	comma(s);
	json_put_key(&s->json, key);
	return 1;
}

void
formats_key(struct formats_state *s, struct str key)
{
	if (formats_member(s, key))
		return;
	for (int i = 2; ; i++) {
		buf_clear(&s->scratch2);
		buf_str(&s->scratch2, key);
		buf_printf(&s->scratch2, "_%d", i);
		if (formats_member(s, buf_get(&s->scratch2)))
			return;
	}
}

void
formats_text(struct formats_state *s, const char *key, struct str value)
{
	if (!value.p)
		return;
	formats_key(s, str_of(key));
	json_put_string(&s->json, value);
}

void
formats_value(struct formats_state *s, const char *key, struct json value)
{
	if (json_is(value, JSON_NONE) || json_is(value, JSON_NULL))
		return;
	formats_key(s, str_of(key));
	json_put_compact(&s->json, value);
}

void
formats_members(struct formats_state *s, struct json object)
{
	if (!json_is(object, JSON_OBJECT))
		return;
	for (struct json_iter it = json_iter(object); json_next(&it); ) {
		formats_key(s, json_text(it.key, &s->scratch));
		json_put_compact(&s->json, it.value);
	}
}

static int
number(struct str s, int *digits, int *exponent)
{
	size_t i = s.n && s.p[0] == '-', from = i;

	*exponent = 0;
	while (i < s.n && isdigit((unsigned char)s.p[i]))
		i++;
	*digits = (int)(i - from < 1000 ? i - from : 1000);
	if (i == from || (s.p[from] == '0' && i - from > 1))
		return 0;
	if (i < s.n && s.p[i] == '.') {
		for (from = ++i; i < s.n && isdigit((unsigned char)s.p[i]); i++)
			;
		if (i == from)
			return 0;
	}
	if (i < s.n && (s.p[i] | 32) == 'e') {
		*exponent = 1;
		i++;
		if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
			i++;
		for (from = i; i < s.n && isdigit((unsigned char)s.p[i]); i++)
			;
		if (i == from)
			return 0;
	}
	return i == s.n;
}

int
formats_is_number(struct str s)
{
	int digits, exponent;

	return number(s, &digits, &exponent);
}

int
formats_is_plain_number(struct str s)
{
	int digits, exponent;

	return number(s, &digits, &exponent) && !exponent && digits <= 18;
}

void
formats_scalar(struct formats_state *s, struct str value)
{
	if (formats_is_plain_number(value) || str_eq(value, STR("true")) || str_eq(value, STR("false")))
		buf_str(&s->json, value);
	else
		json_put_string(&s->json, value);
}

struct str
formats_first_line(struct str head)
{
	struct str line = { head.p, 0 };

	while (str_cut(&head, '\n', &line) && !str_trim(line).n)
		;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

int
formats_share(struct str head, int (*fits)(struct str line))
{
	struct str line;
	int all = 0, good = 0;

	while (all < 20 && str_cut(&head, '\n', &line)) {
		if (!head.p && all)             /* no newline behind it: it may be cut */
			break;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!str_trim(line).n)
			continue;
		all++;
		good += fits(line) != 0;
	}
	return all ? good * 100 / all : -1;
}

int
formats_named(const char *file, const char *endings)
{
	struct str name = str_of(file), list = str_of(endings), end;

	if (name.n > 3 && memcmp(name.p + name.n - 3, ".gz", 3) == 0)
		name.n -= 3;
	list.p++, list.n--;
	while (str_cut(&list, '.', &end))
		if (name.n > end.n && name.p[name.n - end.n - 1] == '.' && str_eq((struct str){ name.p + name.n - end.n, end.n }, end))
			return 1;
	return 0;
}
