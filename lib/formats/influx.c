/* InfluxDB's line protocol:
 *
 *      weather,location=us\ midwest temperature=82,humidity=71i,ok=t,note="a \"b\"" 1465839830100400200
 *      {"event":"weather","timestamp":1465839830100400200,"properties":{"location":"us midwest","temperature":82,
 *       "humidity":71,"ok":true,"note":"a \"b\""}}
 *
 * The time is ns, or µs, ms, s by its size. A field named as a tag becomes name_2. Lines that begin with # are comments.
 */
#include "formats/formats_priv.h"

/* Up to one of `stops` that no backslash guards. */
static struct str
piece(const char **p, const char *end, const char *stops)
{
	const char *from = *p;

	while (*p < end && !(**p && strchr(stops, **p)))
		*p += **p == '\\' && *p + 1 < end ? 2 : 1;
	return (struct str){ from, (size_t)(*p - from) };
}

/* Without the backslashes before the bytes of `guarded`; other backslashes are text. */
static struct str
plain(struct str text, const char *guarded, struct buf *to)
{
	if (!text.n || !memchr(text.p, '\\', text.n))
		return text;
	buf_clear(to);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\\' && i + 1 < text.n && text.p[i + 1] && strchr(guarded, text.p[i + 1]))
			i++;
		buf_byte(to, text.p[i]);
	}
	return buf_get(to);
}

static int
is_boolean(struct str v, const char **is)
{
	static const char *const words[] = { "t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE" };

	for (int i = 0; i < 10; i++)
		if (str_eq(v, str_of(words[i]))) {
			*is = i < 5 ? "true" : "false";
			return 1;
		}
	return 0;
}

/* One line. `s` NULL: only look whether it is one. NULL, or what is wrong, at *at. */
static const char *
walk(struct str line, struct formats_state *s, const char **at)
{
	const char *p = line.p, *end = p + line.n, *is;
	struct str name, key, value, stamp = { NULL, 0 }, tags, fields;
	int64_t ns;
	double number;

	while (end > p && end[-1] == ' ')
		end--;
#define WRONG(what) return *at = p, what
	name = piece(&p, end, ", ");
	if (!name.n || memchr(name.p, '=', name.n))
		WRONG("no measurement");
	tags.p = p;
	while (p < end && *p == ',') {
		p++;
		key = piece(&p, end, ",= ");
		if (!key.n || p >= end || *p != '=')
			WRONG("a tag is key=value");
		p++;
		value = piece(&p, end, ",= ");
		if (!value.n || (p < end && *p == '='))
			WRONG("a tag is key=value");
	}
	tags.n = (size_t)(p - tags.p);
	if (p >= end || *p != ' ')
		WRONG("no fields");
	while (p < end && *p == ' ')
		p++;
	fields.p = p;
	for (;;) {
		key = piece(&p, end, ",= ");
		if (!key.n || p >= end || *p != '=')
			WRONG("a field is key=value");
		p++;
		if (p < end && *p == '"') {
			value.p = p++;
			while (p < end && *p != '"')
				p += *p == '\\' && p + 1 < end ? 2 : 1;
			if (p >= end)
				WRONG("the quote is never closed");
			p++;
		} else {
			value = piece(&p, end, ", ");
			if (value.n > 1 && strchr("iu", value.p[value.n - 1])) {
				value.n--;
				if (!formats_is_number(value) || memchr(value.p, '.', value.n) || value.n > 20 ||
				    (p[-1] == 'u' && value.p[0] == '-'))
					WRONG("the integer is none");
			} else if (!value.n || (!formats_is_plain_number(value) && !is_boolean(value, &is) && str_double(value, &number)))
				WRONG("a field's value is a number, 12i, true or \"text\"");
		}
		if (p >= end || *p == ' ')
			break;
		if (*p != ',')
			WRONG("text behind a field");
		p++;
	}
	fields.n = (size_t)(p - fields.p);
	while (p < end && *p == ' ')
		p++;
	if (p < end) {
		stamp = (struct str){ p, (size_t)(end - p) };
		if (str_int64(stamp, &ns))
			WRONG("the timestamp is no integer");
	}
	if (!s)
		return NULL;

	formats_begin(s);
	formats_event(s, plain(name, ", ", &s->scratch));
	if (stamp.p) {
		formats_top(s, "timestamp");
		buf_int64(&s->json, ns);
	}
	formats_properties(s);
	for (p = tags.p, end = p + tags.n; p < end; ) {
		p++;
		key = piece(&p, end, ",=");
		p++;
		value = piece(&p, end, ",=");
		formats_key(s, plain(key, ",= ", &s->scratch));
		json_put_string(&s->json, plain(value, ",= ", &s->scratch));
	}
	for (p = fields.p, end = p + fields.n; p < end; p++) {
		key = piece(&p, end, ",=");
		p++;
		formats_key(s, plain(key, ",= ", &s->scratch));
		if (*p == '"') {
			for (value.p = ++p; *p != '"'; p++)
				p += *p == '\\';
			value.n = (size_t)(p++ - value.p);
			json_put_string(&s->json, plain(value, "\"\\", &s->scratch));
			continue;
		}
		value = piece(&p, end, ",");
		if (strchr("iu", value.p[value.n - 1]))
			value.n--;
		if (is_boolean(value, &is))
			buf_lit(&s->json, is);
		else if (formats_is_number(value))
			buf_str(&s->json, value);
		else if (!str_double(value, &number))   /* .5, 5. and +5: no JSON */
			json_put_double(&s->json, number);
	}
	return NULL;
}

static int
next(void *self, struct record *r, struct err *err)
{
	struct formats_state *s = self;
	struct str line;
	const char *wrong, *at = NULL;
	int rc;

	do {
		if ((rc = formats_line(s, r, &line, err)) != IN_LINE)
			return rc;
	} while (line.p[0] == '#' || !str_trim(line).n);
	if ((wrong = walk(line, s, &at)))
		return err_col(err, at - line.p + 1, ERR_INPUT, "%s", wrong);
	formats_end(s, r, 2);
	return IN_LINE;
}

static int
fits(struct str line)
{
	const char *at;

	return line.p[0] != '#' && !walk(line, NULL, &at);
}

static int
looks(struct str head, const char *file)
{
	(void)file;
	return formats_share(head, fits) >= 50 ? 86 : 0;
}

const struct format formats_influx = {
	"influx", "InfluxDB line protocol", looks, formats_open, next, formats_close
};
