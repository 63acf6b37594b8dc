/* statsd and DogStatsD:
 *
 *      page.views:1|c|@0.1|#env:prod,beta      {"event":"page.views","properties":{"type":"counter","value":10,
 *                                               "sample_rate":0.1,"env":"prod","beta":true}}
 *      name:value|TYPE, TYPE one of c (counter), g (gauge), ms (timer), h (histogram), d (distribution), s (set), m (meter)
 *
 * A counter's value is divided by its sample rate, as the daemon does, so that sums are right. A gauge with a sign is a step:
 * "step":true. A set's value is text. `a:1:2:3|d` gives three records. DogStatsD's events (`_e{5,4}:title|text`) and service
 * checks (`_sc|name|0`) are events of these names. Tags are properties; a tag named `value` becomes `value_2`.
 */
#include <ctype.h>

#include "base/mem.h"
#include "base/time.h"
#include "formats/formats_priv.h"

struct statsd {
	struct formats_state s;
	struct str line;        /* that more values come of; p NULL: none */
	struct str input;
	struct str values;      /* those still to come */
	long number;
};

static void *
statsd_open(struct in *in, struct err *err)
{
	struct statsd *d = mem_new(sizeof(*d));

	(void)err;
	d->s.in = in;
	return d;
}

static const char *
type_of(struct str t)
{
	static const struct { const char *mark, *name; } types[] = { { "c", "counter" }, { "g", "gauge" }, { "ms", "timer" },
		{ "h", "histogram" }, { "d", "distribution" }, { "s", "set" }, { "m", "meter" } };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (str_eq(t, str_of(types[i].mark)))
			return types[i].name;
	return NULL;
}

static struct str
unsigned_of(struct str s)                       /* without +, and as JSON wants a number: 0.5 for .5 is not mended */
{
	if (s.n > 1 && s.p[0] == '+')
		s.p++, s.n--;
	return s;
}

/* name, values and the part behind the type. NULL, or what is wrong. */
static const char *
parts(struct str line, struct str *name, struct str *values, const char **type, struct str *rest)
{
	const char *bar = memchr(line.p, '|', line.n), *colon = bar ? memchr(line.p, ':', (size_t)(bar - line.p)) : NULL;
	struct str mark;

	if (!colon || colon == line.p || colon + 1 == bar)
		return "no name:value|type";
	*name = (struct str){ line.p, (size_t)(colon - line.p) };
	for (size_t i = 0; i < name->n; i++)
		if ((unsigned char)name->p[i] <= ' ' || strchr("{}\"=", name->p[i]))
			return "no name:value|type";
	*values = (struct str){ colon + 1, (size_t)(bar - colon - 1) };
	*rest = (struct str){ bar + 1, line.n - (size_t)(bar + 1 - line.p) };
	str_cut(rest, '|', &mark);
	if (!(*type = type_of(str_trim(mark))))
		return "the type is none of c, g, ms, h, d, s, m";
	return NULL;
}

static void
put_tags(struct formats_state *s, struct str tags)
{
	struct str tag;

	while (str_cut(&tags, ',', &tag)) {
		const char *colon = tag.n ? memchr(tag.p, ':', tag.n) : NULL;

		if (!tag.n || colon == tag.p)
			continue;
		formats_key(s, (struct str){ tag.p, colon ? (size_t)(colon - tag.p) : tag.n });
		if (colon)
			json_put_string(&s->json, (struct str){ colon + 1, tag.n - (size_t)(colon + 1 - tag.p) });
		else
			buf_lit(&s->json, "true");
	}
}

/* Epoch seconds in a part that begins with `mark`. */
static int64_t
stamp(struct str rest, struct str mark)
{
	struct str part;
	int64_t n, ms = TIME_NONE;

	while (str_cut(&rest, '|', &part))
		if (str_starts(part, mark) && !str_int64((struct str){ part.p + mark.n, part.n - mark.n }, &n) && !time_of_epoch_int(n, &ms))
			return ms;
	return ms;
}

static int
metric(struct statsd *d, struct record *r, struct err *err)
{
	struct formats_state *s = &d->s;
	struct str line = d->line, name, values, rest, value, part, number;
	const char *type = NULL, *wrong = parts(line, &name, &values, &type, &rest);
	double rate = 1, v = 0;
	int is_set, step;

	if (wrong) {
		d->line.p = NULL;
		return err_set(err, ERR_INPUT, "%s", wrong);
	}
	is_set = strcmp(type, "set") == 0;
	if (!d->values.p)
		d->values = values;
	if (is_set)
		value = d->values, d->values.p = NULL;
	else
		str_cut(&d->values, ':', &value);
	r->more = d->values.p != NULL;
	if (!r->more)
		d->line.p = NULL;
	for (struct str list = rest; str_cut(&list, '|', &part); )
		if (part.n > 1 && part.p[0] == '@' && (str_double((struct str){ part.p + 1, part.n - 1 }, &rate) || !(rate > 0 && rate <= 1)))
			return err_col(err, part.p - line.p + 1, ERR_INPUT, "the sample rate must be above 0 and at most 1");
	number = unsigned_of(value);
	if (!is_set && str_double(number, &v))
		return err_set(err, ERR_INPUT, "the value '%.*s' is no number", (int)(value.n < 40 ? value.n : 40), value.p);
	step = strcmp(type, "gauge") == 0 && (value.p[0] == '+' || value.p[0] == '-');
	formats_begin(s);
	formats_event(s, name);
	formats_time(s, stamp(rest, STR("T")));
	formats_properties(s);
	formats_text(s, "type", str_of(type));
	formats_key(s, STR("value"));
	if (is_set)
		json_put_string(&s->json, value);
	else if (rate < 1 && strcmp(type, "counter") == 0)
		json_put_double(&s->json, v / rate);
	else if (formats_is_number(number))
		buf_str(&s->json, number);
	else
		json_put_double(&s->json, v);
	if (step) {
		formats_key(s, STR("step"));
		buf_lit(&s->json, "true");
	}
	if (rate < 1) {
		formats_key(s, STR("sample_rate"));
		json_put_double(&s->json, rate);
	}
	while (str_cut(&rest, '|', &part))
		if (part.n && part.p[0] == '#')
			put_tags(s, (struct str){ part.p + 1, part.n - 1 });
		else if (part.n > 2 && part.p[0] == 'c' && part.p[1] == ':')
			formats_text(s, "container_id", (struct str){ part.p + 2, part.n - 2 });
	formats_end(s, r, 2);
	return IN_LINE;
}

/* _e{TITLE_BYTES,TEXT_BYTES}:title|text|d:time|h:host|p:priority|t:alert_type|k:key|s:source|#tags */
static int
dog_event(struct formats_state *s, struct str line, struct record *r, struct err *err)
{
	const char *p = line.p + 3, *end = line.p + line.n;
	struct str title, text, rest, part;
	size_t n[2] = {0};

	for (int i = 0; i < 2; i++) {
		while (p < end && isdigit((unsigned char)*p) && n[i] < 1u << 20)
			n[i] = n[i] * 10 + (size_t)(*p++ - '0');
		if (p >= end || *p++ != (i ? '}' : ','))
			return err_set(err, ERR_INPUT, "an event is _e{5,4}:title|text");
	}
	if (p >= end || *p != ':' || (size_t)(end - p - 1) < n[0] + 1 + n[1] || p[1 + n[0]] != '|' || !n[0] ||
	    (p + 2 + n[0] + n[1] < end && p[2 + n[0] + n[1]] != '|'))
		return err_set(err, ERR_INPUT, "the lengths of the event are not those of its title and text");
	title = (struct str){ p + 1, n[0] };
	text = (struct str){ p + 2 + n[0], n[1] };
	rest = (struct str){ text.p + n[1], (size_t)(end - text.p) - n[1] };
	formats_begin(s);
	formats_event(s, title);
	formats_time(s, stamp(rest, STR("d:")));
	formats_properties(s);
	formats_text(s, "type", STR("event"));
	formats_text(s, "text", text);
	while (str_cut(&rest, '|', &part)) {
		struct str v = { part.p + 2, part.n - 2 };

		if (part.n > 1 && part.p[0] == '#')
			put_tags(s, (struct str){ part.p + 1, part.n - 1 });
		else if (part.n > 2 && part.p[1] == ':' && strchr("hptks", part.p[0] ? part.p[0] : 'x'))
			formats_text(s, part.p[0] == 'h' ? "host" : part.p[0] == 'p' ? "priority" : part.p[0] == 't' ? "alert_type" :
			    part.p[0] == 'k' ? "aggregation_key" : "source_type", v);
	}
	formats_end(s, r, 2);
	return IN_LINE;
}

/* _sc|name|status|d:time|h:host|#tags|m:message */
static int
dog_check(struct formats_state *s, struct str line, struct record *r, struct err *err)
{
	static const char *const statuses[] = { "ok", "warning", "critical", "unknown" };
	struct str rest = line, part, name, status;

	str_cut(&rest, '|', &part);
	if (!str_cut(&rest, '|', &name) || !name.n || !str_cut(&rest, '|', &status) || status.n != 1 || status.p[0] < '0' || status.p[0] > '3')
		return err_set(err, ERR_INPUT, "a service check is _sc|name|0, 1, 2 or 3");
	formats_begin(s);
	formats_event(s, name);
	formats_time(s, stamp(rest, STR("d:")));
	formats_properties(s);
	formats_text(s, "type", STR("service_check"));
	formats_key(s, STR("value"));
	buf_str(&s->json, status);
	formats_text(s, "status", str_of(statuses[status.p[0] - '0']));
	while (str_cut(&rest, '|', &part))
		if (part.n > 1 && part.p[0] == '#')
			put_tags(s, (struct str){ part.p + 1, part.n - 1 });
		else if (part.n > 2 && part.p[1] == ':' && (part.p[0] == 'h' || part.p[0] == 'm'))
			formats_text(s, part.p[0] == 'h' ? "host" : "message", (struct str){ part.p + 2, part.n - 2 });
	formats_end(s, r, 2);
	return IN_LINE;
}

static int
next(void *self, struct record *r, struct err *err)
{
	struct statsd *d = self;
	int rc;

	if (d->line.p) {                        /* the next of several values */
		r->input = d->input;
		r->line = d->number;
		r->end = in_offset(d->s.in);
		r->checked = 1;
		r->properties = (struct str){ NULL, 0 };
		return metric(d, r, err);
	}
	if ((rc = formats_line(&d->s, r, &d->line, err)) != IN_LINE) {
		d->line.p = NULL;
		return rc;
	}
	d->values.p = NULL;
	d->input = r->input;
	d->number = r->line;
	if (str_starts(d->line, STR("_e{"))) {
		rc = dog_event(&d->s, d->line, r, err);
		d->line.p = NULL;
		return rc;
	}
	if (str_starts(d->line, STR("_sc|"))) {
		rc = dog_check(&d->s, d->line, r, err);
		d->line.p = NULL;
		return rc;
	}
	return metric(d, r, err);
}

static int
fits(struct str line)
{
	struct str name, values, rest;
	const char *type;

	return str_starts(line, STR("_e{")) || str_starts(line, STR("_sc|")) || !parts(line, &name, &values, &type, &rest);
}

static int
looks(struct str head, const char *file)
{
	(void)file;
	return formats_share(head, fits) >= 50 ? 85 : 0;
}

const struct format formats_statsd = {
	"statsd", "statsd and DogStatsD lines", looks, statsd_open, next, formats_close
};
