/* Prometheus' text format and OpenMetrics: a record a sample.
 *
 *      # TYPE http_requests_total counter
 *      http_requests_total{method="post",code="200"} 1027 1395066363000
 *      {"event":"http_requests_total","timestamp":1395066363000,"properties":{"type":"counter","value":1027,
 *       "method":"post","code":"200"}}
 *
 * Samples of a histogram or summary keep their names (…_bucket with `le`, …_sum, …_count). Times are ms in Prometheus' text
 * and s in OpenMetrics, told apart by size. NaN is null; ±Inf, which JSON does not have, the largest number. A label
 * named `type` or `value` becomes type_2, value_2. Exemplars are passed over. Quoted names (`{"my.name",a="b"} 1`) are read.
 */
#include <ctype.h>
#include <math.h>

#include "formats/formats_priv.h"

static const char *const types[] = { NULL, "counter", "gauge", "histogram", "summary", "untyped", "gaugehistogram",
	"stateset", "info", "unknown" };

static int
is_name(struct str s)
{
	if (!s.n || isdigit((unsigned char)s.p[0]))
		return 0;
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_' && s.p[i] != ':')
			return 0;
	return 1;
}

static void
blanks(const char **p, const char *end)
{
	while (*p < end && (**p == ' ' || **p == '\t'))
		(*p)++;
}

static struct str
word(const char **p, const char *end)
{
	const char *from = *p;

	while (*p < end && **p != ' ' && **p != '\t')
		(*p)++;
	return (struct str){ from, (size_t)(*p - from) };
}

static struct str
unescape(struct str text, struct buf *to)       /* \\ \" \n */
{
	if (!text.n || !memchr(text.p, '\\', text.n))
		return text;
	buf_clear(to);
	for (size_t i = 0; i < text.n; i++) {
		char next = i + 1 < text.n ? text.p[i + 1] : 0;

		if (text.p[i] == '\\' && (next == '\\' || next == '"' || next == 'n')) {
			buf_byte(to, next == 'n' ? '\n' : next);
			i++;
		} else
			buf_byte(to, text.p[i]);
	}
	return buf_get(to);
}

/* A text in quotes at *p. 1, or 0. */
static int
quoted(const char **p, const char *end, struct str *to)
{
	const char *q = *p;

	if (q >= end || *q != '"')
		return 0;
	for (to->p = ++q; q < end && *q != '"'; q++)
		q += *q == '\\' && q + 1 < end;
	if (q >= end)
		return 0;
	to->n = (size_t)(q - to->p);
	*p = q + 1;
	return 1;
}

static int
value_of(struct str s, double *v)
{
	struct str t = s;

	*v = 0;
	if (formats_is_plain_number(s))         /* most: its text is taken as it stands */
		return 0;
	if (t.n && (t.p[0] == '+' || t.p[0] == '-'))
		t.p++, t.n--;
	if (t.n == 3 && strncasecmp(t.p, "nan", 3) == 0)
		*v = NAN;
	else if ((t.n == 3 && strncasecmp(t.p, "inf", 3) == 0) || (t.n == 8 && strncasecmp(t.p, "infinity", 8) == 0))
		*v = s.p[0] == '-' ? -INFINITY : INFINITY;
	else
		return str_double(s.n && s.p[0] == '+' ? t : s, v);
	return 0;
}

/* The labels between braces: with `s` they are written, without only looked at. */
static const char *
labels(const char **p, const char *end, struct str *name, struct formats_state *s)
{
	struct str key, value;

	for ((*p)++; ; ) {
		blanks(p, end);
		if (*p < end && **p == '}') {
			(*p)++;
			return NULL;
		}
		if (*p < end && **p == '"') {
			if (!quoted(p, end, &key))
				return "the quote is never closed";
			blanks(p, end);
			if (*p < end && (**p == ',' || **p == '}')) {   /* the metric's name in here */
				if (name->n && !s)
					return "two names";
				*name = key;
				*p += **p == ',';
				continue;
			}
		} else {
			for (key.p = *p; *p < end && (isalnum((unsigned char)**p) || **p == '_' || **p == ':' || **p == '.'); (*p)++)
				;
			key.n = (size_t)(*p - key.p);
			blanks(p, end);
		}
		if (!key.n || *p >= end || **p != '=')
			return "a label is name=\"value\"";
		(*p)++;
		blanks(p, end);
		if (!quoted(p, end, &value))
			return "a label is name=\"value\"";
		if (s) {
			formats_key(s, unescape(key, &s->scratch));
			json_put_string(&s->json, unescape(value, &s->scratch));
		}
		blanks(p, end);
		if (*p < end && **p == ',')
			(*p)++;
		else if (*p >= end || **p != '}')
			return "the labels' } is missing";
	}
}

struct sample { struct str name, value, time; const char *labels; double v; };

static const char *
parts(struct str line, struct sample *m, const char **at)
{
	const char *p = line.p, *end = p + line.n, *wrong;
	double t;

	memset(m, 0, sizeof(*m));
	blanks(&p, end);
	for (m->name.p = p; p < end && *p != '{' && *p != ' ' && *p != '\t'; p++)
		;
	m->name.n = (size_t)(p - m->name.p);
#define WRONG(what) return *at = p, what
	if (m->name.n && !is_name(m->name))
		WRONG("no metric's name");
	blanks(&p, end);
	if (p < end && *p == '{') {
		m->labels = p;
		if ((wrong = labels(&p, end, &m->name, NULL)))
			WRONG(wrong);
	}
	if (!m->name.n)
		WRONG("no metric's name");
	blanks(&p, end);
	m->value = word(&p, end);
	if (!m->value.n || value_of(m->value, &m->v))
		WRONG("the value is no number");
	blanks(&p, end);
	if (p < end && *p != '#') {
		m->time = word(&p, end);
		if (!formats_is_plain_number(m->time) && str_double(m->time, &t))
			WRONG("the time is no number");
		blanks(&p, end);
	}
	if (p < end && *p != '#')
		WRONG("text behind the sample");
	return NULL;
}

/* # TYPE name type */
static void
comment(struct formats_state *s, struct str line)
{
	const char *p = line.p + 1, *end = line.p + line.n;
	struct str name, type;

	blanks(&p, end);
	if (!str_eq(word(&p, end), STR("TYPE")))
		return;
	blanks(&p, end);
	if (!quoted(&p, end, &name))
		name = word(&p, end);
	blanks(&p, end);
	type = word(&p, end);
	if (s->types.n > 100000)                /* no exposition has so many: somebody plays */
		return;
	for (int i = 1; i < (int)(sizeof(types) / sizeof(types[0])); i++)
		if (str_eq(type, str_of(types[i])))
			map_put(&s->types, name, NULL)->num = i;
}

/* The type of the family that the sample is of. */
static const char *
type_of(const struct formats_state *s, struct str name)
{
	static const char *const endings[] = { "", "_total", "_bucket", "_sum", "_count", "_created", "_info", "_gsum", "_gcount" };
	struct map_entry *e;

	for (size_t i = 0; s->types.n && i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t n = strlen(endings[i]);

		if (name.n > n && memcmp(name.p + name.n - n, endings[i], n) == 0 &&
		    (e = map_find(&s->types, (struct str){ name.p, name.n - n })))
			return types[e->num];
	}
	return NULL;
}

static int
next(void *self, struct record *r, struct err *err)
{
	struct formats_state *s = self;
	struct sample m;
	struct str line, trimmed;
	const char *wrong, *at = NULL, *p;
	double t;
	int rc;

	for (;;) {
		if ((rc = formats_line(s, r, &line, err)) != IN_LINE)
			return rc;
		trimmed = str_trim(line);
		if (!trimmed.n)
			continue;
		if (trimmed.p[0] != '#')
			break;
		comment(s, trimmed);
	}
	if ((wrong = parts(line, &m, &at)))
		return err_col(err, at - line.p + 1, ERR_INPUT, "%s", wrong);
	formats_begin(s);
	formats_event(s, unescape(m.name, &s->scratch));
	if (m.time.n) {
		formats_top(s, "timestamp");
		if (formats_is_number(m.time))
			buf_str(&s->json, m.time);
		else if (!str_double(m.time, &t))
			json_put_double(&s->json, t);
	}
	formats_properties(s);
	formats_text(s, "type", str_of(type_of(s, m.name)));
	formats_key(s, STR("value"));
	if (formats_is_number(m.value) && isfinite(m.v))
		buf_str(&s->json, m.value);
	else
		json_put_double(&s->json, m.v);
	if ((p = m.labels)) {
		struct str name = {0};

		labels(&p, line.p + line.n, &name, s);
	}
	formats_end(s, r, 2);
	return IN_LINE;
}

static int
fits(struct str line)
{
	struct sample m;
	const char *at;

	return str_starts(line, STR("# TYPE ")) || str_starts(line, STR("# HELP ")) || str_starts(line, STR("# EOF")) ||
	    str_starts(line, STR("# UNIT ")) || (line.p[0] != '#' && !parts(line, &m, &at));
}

static int
looks(struct str head, const char *file)
{
	if (formats_share(head, fits) < 60)
		return 0;
	return formats_named(file, ".prom.om") || str_starts(str_trim(head), STR("# ")) ? 94 : 87;
}

const struct format formats_prometheus = {
	"prometheus", "Prometheus text and OpenMetrics", looks, formats_open, next, formats_close
};
