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

/* The value of a field at *p, which is moved behind it. NULL, or what is wrong with it. */
static const char *
field_value(const char **p, const char *end)
{
	struct str value;
	const char *is;
	double number;

	if (*p < end && **p == '"') {
		for ((*p)++; *p < end && **p != '"'; )
			*p += **p == '\\' && *p + 1 < end ? 2 : 1;
		if (*p >= end)
			return "the quote is never closed";
		(*p)++;
		return NULL;
	}
	value = piece(p, end, ", ");
	if (value.n > 1 && strchr("iu", value.p[value.n - 1])) {
		value.n--;
		if (!formats_is_number(value) || memchr(value.p, '.', value.n) || value.n > 20 || ((*p)[-1] == 'u' && value.p[0] == '-'))
			return "the integer is none";
	} else if (!value.n || (!formats_is_plain_number(value) && !is_boolean(value, &is) && str_double(value, &number)))
		return "a field's value is a number, 12i, true or \"text\"";
	return NULL;
}

/* A line in its pieces: tags with the comma before each, fields without the first's. stamp.p NULL: there is no time. */
struct point { struct str name, tags, fields, stamp; };

/* Cut and checked. NULL, or what is wrong, at *at. */
static const char *
parts(struct str line, struct point *m, const char **at)
{
	const char *p = line.p, *end = p + line.n, *wrong;
	struct str key, value;
	int64_t ns;

	while (end > p && end[-1] == ' ')
		end--;
#define WRONG(what) return *at = p, what
	m->name = piece(&p, end, ", ");
	if (!m->name.n || memchr(m->name.p, '=', m->name.n))
		WRONG("no measurement");
	for (m->tags.p = p; p < end && *p == ','; ) {
		p++;
		key = piece(&p, end, ",= ");
		if (!key.n || p >= end || *p != '=')
			WRONG("a tag is key=value");
		p++;
		value = piece(&p, end, ",= ");
		if (!value.n || (p < end && *p == '='))
			WRONG("a tag is key=value");
	}
	m->tags.n = (size_t)(p - m->tags.p);
	if (p >= end || *p != ' ')
		WRONG("no fields");
	while (p < end && *p == ' ')
		p++;
	for (m->fields.p = p; ; p++) {
		key = piece(&p, end, ",= ");
		if (!key.n || p >= end || *p != '=')
			WRONG("a field is key=value");
		p++;
		if ((wrong = field_value(&p, end)))
			WRONG(wrong);
		if (p >= end || *p == ' ')
			break;
		if (*p != ',')
			WRONG("text behind a field");
	}
	m->fields.n = (size_t)(p - m->fields.p);
	while (p < end && *p == ' ')
		p++;
	m->stamp = (struct str){ p < end ? p : NULL, (size_t)(end - p) };
	if (m->stamp.p && str_int64(m->stamp, &ns))
		WRONG("the timestamp is no integer");
	return NULL;
}

/* What `parts` took. */
static void
put_tags(struct formats_state *s, struct str tags)
{
	struct str key, value;

	for (const char *p = tags.p, *end = p + tags.n; p < end; ) {
		p++;
		key = piece(&p, end, ",=");
		p++;
		value = piece(&p, end, ",=");
		formats_key(s, plain(key, ",= ", &s->scratch));
		json_put_string(&s->json, plain(value, ",= ", &s->scratch));
	}
}

static void
put_fields(struct formats_state *s, struct str fields)
{
	struct str key, value;
	const char *is;
	double number;

	for (const char *p = fields.p, *end = p + fields.n; p < end; p++) {
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
}

static int
next(void *self, struct record *r, struct err *err)
{
	struct formats_state *s = self;
	struct point m;
	struct str line;
	const char *wrong, *at = NULL;
	int64_t ns;
	int rc;

	do {
		if ((rc = formats_line(s, r, &line, err)) != IN_LINE)
			return rc;
	} while (line.p[0] == '#' || !str_trim(line).n);
	if ((wrong = parts(line, &m, &at)))
		return err_col(err, at - line.p + 1, ERR_INPUT, "%s", wrong);
	formats_begin(s);
	formats_event(s, plain(m.name, ", ", &s->scratch));
	if (m.stamp.p && !str_int64(m.stamp, &ns)) {
		formats_top(s, "timestamp");
		buf_int64(&s->json, ns);
	}
	formats_properties(s);
	put_tags(s, m.tags);
	put_fields(s, m.fields);
	formats_end(s, r, 2);
	return IN_LINE;
}

static int
fits(struct str line)
{
	struct point m;
	const char *at;

	return line.p[0] != '#' && !parts(line, &m, &at);
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
