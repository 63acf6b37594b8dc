#include "ingest/metrics.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/time.h"
#include "json/json.h"

#define STAMP 24                        /* bytes of 2026-11-23T10:15:00.000Z */
#define TEXTS_FEW  1000                 /* remembered, */
#define TEXTS_EACH 2                    /* and so many more for each series: rows with a text that is another each time come to no end */

struct field { char *name; size_t n; uint32_t series; };

/* What a row has beside time and numbers: {"metric":"NAME","timestamp":"…"MIDDLE,"field":…} */
struct known {
	struct known *next;             /* that came after it the last time */
	struct str name, middle;
	struct field *field;
	int n;
};

struct metrics {
	uint32_t (*add)(void *, const struct store_sample *);
	void *self;
	struct map series;              /* identity -> number */
	struct map texts;               /* name, 0, middle -> struct known * */
	struct known *last;
	char stamp[STAMP];              /* the one before, and its time */
	int64_t time;
	struct buf key, labels, text;
};

struct metrics *
metrics_new(uint32_t (*add)(void *self, const struct store_sample *), void *self)
{
	struct metrics *m = mem_new(sizeof(*m));

	m->add = add;
	m->self = self;
	return m;
}

void
metrics_forget(struct metrics *m)
{
	for (struct map_entry *e = map_first(&m->texts); e; e = map_next(&m->texts, e)) {
		struct known *k = e->ptr;

		for (int i = 0; i < k->n; i++)
			free(k->field[i].name);
		free(k->field);
		free(k);
	}
	map_clear(&m->texts);
	map_clear(&m->series);
	m->last = NULL;
}

void
metrics_free(struct metrics *m)
{
	if (!m)
		return;
	metrics_forget(m);
	map_release(&m->texts);
	map_release(&m->series);
	buf_release(&m->key);
	buf_release(&m->labels);
	buf_release(&m->text);
	free(m);
}

size_t
metrics_known(const struct metrics *m)
{
	return m->series.n + m->texts.n;
}

/* ---- the short way */

static const double tens[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };

/* A JSON number of at most 15 digits without an exponent; both parts of its quotient are exact then. The end, or NULL. */
static const char *
number(const char *p, const char *end, double *value)
{
	const char *from, *point = NULL;
	uint64_t digits = 0;
	int minus = p < end && *p == '-';

	p += minus;
	for (from = p; p < end && ((unsigned char)(*p - '0') < 10 || (*p == '.' && !point && p > from)); p++)
		if (*p == '.')
			point = p;
		else
			digits = digits * 10 + (uint64_t)(*p - '0');
	if (p == from || p - from > 16 || (p - from == 16 && !point) || p[-1] == '.' || (*from == '0' && p - from > 1 && from[1] != '.'))
		return NULL;
	*value = (double)digits / (point ? tens[p - point - 1] : 1);
	if (minus)
		*value = -*value;
	return p;
}

static int
is_stamp(const char *p)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

	for (int i = 0; i < STAMP; i++)
		if (form[i] == 'd' ? (unsigned char)(p[i] - '0') > 9 : p[i] != form[i])
			return 0;
	return 1;
}

/* Cut a row of the usual form: name, stamp, and the rest behind the stamp's quote. 0, or -1 when it has another. */
static int
cut(struct str row, struct str *name, const char **stamp, struct str *rest)
{
	static const char begin[] = "{\"metric\":\"", then[] = "\",\"timestamp\":\"";
	const char *p = row.p + sizeof(begin) - 1, *end = row.p + row.n, *quote;

	if (row.n < sizeof(begin) + sizeof(then) + STAMP + 4 || memcmp(row.p, begin, sizeof(begin) - 1) || end[-1] != '}')
		return -1;
	if (!(quote = memchr(p, '"', (size_t)(end - p))) || (size_t)(end - quote) < sizeof(then) + STAMP + 1 || memcmp(quote, then, sizeof(then) - 1))
		return -1;
	*name = (struct str){ p, (size_t)(quote - p) };
	*stamp = quote + sizeof(then) - 1;
	if ((*stamp)[STAMP] != '"' || !is_stamp(*stamp))
		return -1;
	*rest = (struct str){ *stamp + STAMP + 1, (size_t)(end - *stamp) - STAMP - 1 };
	return 0;
}

/* Where the middle ends: before the last of the ,"field":NUMBER that the row ends in. */
static size_t
middle_of(struct str rest)
{
	size_t end = rest.n - 1, at = end;              /* the last is the brace */

	for (;;) {
		size_t i = at, from;

		while (i > 0 && strchr("0123456789.-", rest.p[i - 1]) && rest.p[i - 1])
			i--;
		from = i;
		if (from == at || i < 5 || rest.p[i - 1] != ':' || rest.p[i - 2] != '"')
			return at;
		for (i -= 2; i > 0 && rest.p[i - 1] != '"' && rest.p[i - 1] != '\\'; i--)
			;
		if (i < 2 || rest.p[i - 1] != '"' || rest.p[i - 2] != ',')
			return at;
		at = i - 2;
	}
}

/* The numbers behind the middle, under the fields that are known. 1, or 0. */
static int
fields(const struct known *k, const char *p, const char *end, struct metrics_row *out)
{
	out->n = k->n;
	for (int i = 0; i < k->n; i++) {
		const struct field *f = &k->field[i];

		if ((size_t)(end - p) < f->n + 5 || p[0] != ',' || p[1] != '"' || memcmp(p + 2, f->name, f->n) || p[f->n + 2] != '"' || p[f->n + 3] != ':')
			return 0;
		if (!(p = number(p + f->n + 4, end, &out->value[i])))
			return 0;
		out->series[i] = f->series;
	}
	return p == end - 1;
}

static int
is_known(const struct known *k, struct str name, struct str rest)
{
	return k && k->name.n == name.n && rest.n > k->middle.n && memcmp(k->middle.p, rest.p, k->middle.n) == 0 &&
	    memcmp(k->name.p, name.p, name.n) == 0;
}

static void
text_key(struct metrics *m, struct str name, struct str middle)
{
	buf_clear(&m->key);
	buf_str(&m->key, name);
	buf_byte(&m->key, 0);
	buf_str(&m->key, middle);
}

int
metrics_quick(struct metrics *m, struct str row, struct metrics_row *out)
{
	struct known *k = m->last ? m->last->next : NULL;
	struct str name, rest;
	const char *stamp;

	if (cut(row, &name, &stamp, &rest))
		return 0;
	if (!is_known(k, name, rest)) {
		struct map_entry *e;

		text_key(m, name, (struct str){ rest.p, middle_of(rest) });
		if (!(e = map_find(&m->texts, buf_get(&m->key))))
			return 0;
		k = e->ptr;
	}
	if (!fields(k, rest.p + k->middle.n, rest.p + rest.n, out))
		return 0;
	if (memcmp(stamp, m->stamp, STAMP)) {
		if (time_parse_rfc3339((struct str){ stamp, STAMP }, &m->time) < 0) {
			m->stamp[0] = 0;
			return 0;
		}
		memcpy(m->stamp, stamp, STAMP);
	}
	out->time = m->time;
	if (m->last)
		m->last->next = k;
	m->last = k;
	return 1;
}

/* ---- the long way */

struct label { struct str key; struct json value; };

static int
by_key(const void *a, const void *b)
{
	return str_cmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

/* The labels with their keys in byte order, without blanks. */
static int
put_labels(struct buf *to, struct json labels, struct err *err)
{
	struct label label[METRICS_FIELDS];
	struct arena *arena = arena_new(0);
	struct buf scratch = { 0 };
	int n = 0, rc = 0;

	buf_clear(to);
	for (struct json_iter it = json_iter(labels); rc == 0 && json_next(&it); n++) {
		struct str key = json_text(it.key, &scratch);

		if (n == METRICS_FIELDS)
			rc = err_set(err, ERR_INPUT, "more than %d labels", METRICS_FIELDS);
		else
			label[n] = (struct label){ { arena_dup(arena, key.p, key.n), key.n }, it.value };
	}
	if (rc == 0 && n)
		qsort(label, (size_t)n, sizeof(*label), by_key);
	buf_byte(to, '{');
	for (int i = 0; i < n && rc == 0; i++) {
		if (i && str_eq(label[i].key, label[i - 1].key)) {
			rc = err_set(err, ERR_INPUT, "the label '%.*s' is there twice", (int)(label[i].key.n < 60 ? label[i].key.n : 60), label[i].key.p);
			break;
		}
		if (i)
			buf_byte(to, ',');
		json_put_key(to, label[i].key);
		if (label[i].value.type == JSON_STRING)
			json_put_string(to, json_text(label[i].value, &scratch));
		else
			json_put_compact(to, label[i].value);
	}
	buf_byte(to, '}');
	arena_free(arena);
	buf_release(&scratch);
	return rc;
}

static uint32_t
number_of(struct metrics *m, const struct store_sample *x)
{
	const struct str part[4] = { x->metric, x->labels, x->field, x->window };
	struct map_entry *e;
	int is_new;

	buf_clear(&m->key);
	for (int i = 0; i < 4; i++) {
		uint32_t n = (uint32_t)part[i].n;

		buf_add(&m->key, &n, sizeof(n));
		buf_str(&m->key, part[i]);
	}
	e = map_put(&m->series, buf_get(&m->key), &is_new);
	if (is_new)
		e->num = m->add(m->self, x);
	return (uint32_t)e->num;
}

static int
time_of(struct json row, int64_t now, int64_t *time, struct err *err)
{
	struct json v = json_get(row, STR("timestamp"));
	struct buf scratch = { 0 };
	int64_t whole;
	double any;
	int rc = 0;

	*time = now;
	if (v.type == JSON_STRING)
		rc = time_parse_rfc3339(json_text(v, &scratch), time);
	else if (v.type == JSON_NUMBER)
		rc = json_int64(v, &whole) ? time_of_epoch_int(whole, time) : json_double(v, &any) ? time_of_epoch(any, time) : -1;
	else if (v.type != JSON_NONE && v.type != JSON_NULL)
		rc = -1;
	buf_release(&scratch);
	return rc < 0 ? err_set(err, ERR_INPUT, "%.*s is no time, write \"2026-11-23T10:15:30.123Z\" or a number", (int)(v.n < 60 ? v.n : 60),
	    v.p) : 0;
}

/* Remember what is round time and numbers, when the row has the usual form. */
static void
remember(struct metrics *m, struct str row, const struct metrics_row *got)
{
	struct str name, rest, middle, piece;
	const char *stamp, *p, *end = row.p + row.n;
	struct map_entry *e;
	struct known *k;
	int n = 0, is_new;

	if (cut(row, &name, &stamp, &rest) || memchr(name.p, '\\', name.n) || m->texts.n >= TEXTS_FEW + TEXTS_EACH * m->series.n)
		return;
	middle = (struct str){ rest.p, middle_of(rest) };
	for (p = middle.p + middle.n; p < end - 1; n++) {       /* as many numbers as the row was read to have, so none is before */
		double v;

		if (!(p = memchr(p + 2, '"', (size_t)(end - p - 2))) || !(p = number(p + 2, end, &v)))
			return;
	}
	if (n != got->n)
		return;
	text_key(m, name, middle);
	e = map_put(&m->texts, buf_get(&m->key), &is_new);
	if (!is_new)
		return;
	e->ptr = k = mem_new(sizeof(*k));
	k->name = (struct str){ e->key.p, name.n };
	k->middle = (struct str){ e->key.p + name.n + 1, middle.n };
	k->n = n;
	k->field = mem_new((size_t)n * sizeof(*k->field));
	p = middle.p + middle.n;
	for (int i = 0; i < n; i++) {
		double v;

		piece.p = p + 2;
		piece.n = (size_t)((const char *)memchr(piece.p, '"', (size_t)(end - piece.p)) - piece.p);
		k->field[i] = (struct field){ mem_dup(piece.p, piece.n), piece.n, got->series[i] };
		p = number(piece.p + piece.n + 2, end, &v);
	}
	if (m->last)
		m->last->next = k;
	m->last = k;
}

static int
is_named(struct str key)
{
	return str_eq(key, STR("metric")) || str_eq(key, STR("timestamp")) || str_eq(key, STR("window")) || str_eq(key, STR("labels")) ||
	    str_eq(key, STR("event"));
}

int
metrics_read(struct metrics *m, struct str text, int64_t now, struct metrics_row *out, struct err *err)
{
	static const char event[] = "{\"event\":", key_of[] = "\"metric\"";
	struct json row, metric, labels, window;
	struct buf name = { 0 }, span = { 0 }, key = { 0 };
	struct store_sample x = { 0 };
	int rc = 0;

	if ((text.n > sizeof(event) && memcmp(text.p, event, sizeof(event) - 1) == 0) || !memmem(text.p, text.n, key_of, sizeof(key_of) - 1))
		return 0;                       /* most are no metric rows, and it is not to cost them much */
	row = json_value(text);
	if (row.type != JSON_OBJECT || (metric = json_get(row, STR("metric"))).type != JSON_STRING || json_get(row, STR("event")).type != JSON_NONE)
		return 0;
	labels = json_get(row, STR("labels"));
	if (labels.type != JSON_OBJECT && (json_get(row, STR("name")).type != JSON_NONE || json_get(row, STR("type")).type != JSON_NONE))
		return 0;
	out->n = 0;
	if (json_is(json_get(row, STR("partial")), JSON_TRUE))
		return 1;
	window = json_get(row, STR("window"));
	x.metric = json_text(metric, &name);
	x.window = window.type == JSON_STRING ? json_text(window, &span) : STR("");
	if (x.metric.n == 0 || x.metric.n > 4096)
		rc = err_set(err, ERR_INPUT, "a metric's name has 1 to 4,096 bytes");
	else if (json_get(row, STR("states")).type != JSON_NONE)
		rc = err_set(err, ERR_INPUT, "rows with states are stored by at-agg -s, which merges them");
	if (rc || (rc = time_of(row, now, &out->time, err)) || (rc = put_labels(&m->labels, labels, err)))
		goto out;
	x.labels = buf_get(&m->labels);
	for (struct json_iter it = json_iter(row); json_next(&it); ) {
		double v;

		x.field = json_text(it.key, &key);
		if (it.value.type != JSON_NUMBER || is_named(x.field) || !json_double(it.value, &v))
			continue;
		if (out->n == METRICS_FIELDS) {
			rc = err_set(err, ERR_INPUT, "more than %d numbers in a row", METRICS_FIELDS);
			goto out;
		}
		out->value[out->n] = v;
		out->series[out->n++] = number_of(m, &x);
	}
	if (out->n == 0)
		rc = err_set(err, ERR_INPUT, "a metric row without a number, give it \"value\"");
	else
		remember(m, text, out);
out:
	buf_release(&name);
	buf_release(&span);
	buf_release(&key);
	return rc ? rc : 1;
}
