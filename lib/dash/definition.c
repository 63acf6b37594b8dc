#include "dash/definition.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/time.h"
#include "config/config.h"
#include "config/schema.h"

#define FILE_MOST (1 << 20)             /* bytes of a file that may be a definition */
#define MOST      (4u << 20)            /* bytes that one takes in memory */
#define AHEAD_USUAL "12"                /* steps of a forecast, as in the browser */
#define CELLS     100000                /* a position's numbers; larger ones are this */

const char *const definition_types[WIDGET_TYPES] = { "metric_card", "line_chart", "area_chart", "bar_chart", "pie_chart", "table", "funnel_chart", "heatmap",
	"retention", "gauge", "event_feed", "alert_list", "text", "custom" };

/* ---- one dashboard */

static int
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* A text, with the values of variables in place of $name and ${name}. */
static struct str
text_in(struct definition *d, struct json v)
{
	struct str text = json_text_dup(v, d->arena), name;
	struct buf out = {0};

	if (!text.n || !d->n_variables || !memchr(text.p, '$', text.n))
		return text;
	for (size_t i = 0; i < text.n; ) {
		size_t from = i + 1 + (i + 1 < text.n && text.p[i + 1] == '{'), to = from, end;
		const struct variable *var = NULL;

		for (; to < text.n && is_letter(text.p[to]); to++)
			;
		end = to + (from > i + 1);
		name = (struct str){ text.p + from, to - from };
		for (int k = 0; text.p[i] == '$' && k < d->n_variables && end <= text.n && (end == to || text.p[to] == '}'); k++)
			if (str_eq(d->variable[k].name, name))
				var = &d->variable[k];
		if (var)
			buf_str(&out, var->value);
		else
			buf_byte(&out, text.p[i]);
		i = var ? end : i + 1;
	}
	text = (struct str){ arena_dup(d->arena, out.p, out.n), out.n };
	buf_release(&out);
	return text.p ? text : (struct str){ 0 };
}

static struct str
text_of(struct definition *d, struct json object, const char *key)
{
	return text_in(d, json_get(object, str_of(key)));
}

static double
real_of(struct json object, const char *key)
{
	double x;

	return json_double(json_get(object, str_of(key)), &x) ? x : NAN;
}

/* As a text, be it a number. */
static struct str
value_of(struct definition *d, struct json v)
{
	struct str raw = json_raw(v);

	return json_is(v, JSON_STRING) ? json_text_dup(v, d->arena) : json_is(v, JSON_NUMBER) ? (struct str){ arena_dup(d->arena, raw.p, raw.n), raw.n } : STR("");
}

static int
by_threshold(const void *a, const void *b)
{
	double x = ((const struct threshold *)a)->value, y = ((const struct threshold *)b)->value;

	return (x > y) - (x < y);
}

static void
read_thresholds(struct widget *w, struct json list)
{
	for (struct json_iter it = json_iter(list); json_is(list, JSON_ARRAY) && json_next(&it) && w->n_thresholds < DEFINITION_THRESHOLDS; ) {
		struct json level = json_get(it.value, STR("level"));
		struct threshold *t = &w->threshold[w->n_thresholds];

		t->value = real_of(it.value, "value");
		t->level = json_text_eq(level, STR("good")) ? LEVEL_GOOD : json_text_eq(level, STR("warn")) ? LEVEL_WARN : LEVEL_BAD;
		w->n_thresholds += !isnan(t->value);
	}
	qsort(w->threshold, (size_t)w->n_thresholds, sizeof(*w->threshold), by_threshold);
}

/* Their defaults, else the first of their values. */
static void
read_variables(struct definition *d, struct json list)
{
	for (struct json_iter it = json_iter(list); json_is(list, JSON_ARRAY) && json_next(&it) && d->n_variables < DEFINITION_VARIABLES; ) {
		struct json value = json_get(it.value, STR("default"));
		struct variable *v = &d->variable[d->n_variables];

		v->name = value_of(d, json_get(it.value, STR("name")));
		v->value = value_of(d, value.type == JSON_NONE ? json_index(json_get(it.value, STR("values")), 0) : value);
		d->n_variables += v->name.n > 0;
	}
}

static void
read_notes(struct definition *d, struct json list)
{
	struct buf scratch = {0};

	for (struct json_iter it = json_iter(list); json_is(list, JSON_ARRAY) && json_next(&it) && d->n_notes < DEFINITION_NOTES; ) {
		int64_t ms;

		if (time_parse_rfc3339(json_text(json_get(it.value, STR("timestamp")), &scratch), &ms) < 0)
			continue;
		d->note = mem_grow(d->note, (size_t)d->n_notes + 1, sizeof(*d->note));
		d->note[d->n_notes++] = (struct note){ ms, text_of(d, it.value, "text") };
	}
	buf_release(&scratch);
}

static int
number_of(struct json object, const char *key)
{
	int64_t n;

	return !json_int64(json_get(object, str_of(key)), &n) || n < 0 ? 0 : n > CELLS ? CELLS : (int)n;
}

/* A text, or a list of them with commas between. */
static struct str
list_of(struct definition *d, struct json v)
{
	struct buf list = {0}, scratch = {0};
	struct str text = json_text_dup(v, d->arena);

	if (json_is(v, JSON_ARRAY)) {
		for (struct json_iter it = json_iter(v); json_next(&it); ) {
			if (list.n)
				buf_byte(&list, ',');
			buf_str(&list, json_text(it.value, &scratch));
		}
		if (list.n && (text.p = arena_dup(d->arena, list.p, list.n)))
			text.n = list.n;
	}
	buf_release(&list);
	buf_release(&scratch);
	return text;
}

static int
read_widget(struct definition *d, struct json v, struct widget *w, struct err *err)
{
	struct json type = json_get(v, STR("type")), position = json_get(v, STR("position"));
	struct json_iter it;
	int known = 0;

	*w = (struct widget){ .id = text_of(d, v, "id"), .title = text_of(d, v, "title"), .text = text_of(d, v, "text"), .metric = text_of(d, v, "metric"),
		.query = text_of(d, v, "query"), .every = text_of(d, v, "interval"), .range = text_of(d, v, "timeRange"), .by = list_of(d, json_get(v, STR("groupBy"))),
		.event = text_of(d, v, "event"), .start = text_of(d, v, "start"), .back = text_of(d, v, "return"), .within = text_of(d, v, "within"),
		.unit = text_of(d, v, "unit"), .periods = number_of(v, "periods"), .limit = number_of(v, "limit"),
		.decimals = json_get(v, STR("decimals")).type == JSON_NUMBER ? number_of(v, "decimals") : -1, .min = real_of(v, "min"), .max = real_of(v, "max"),
		.stacked = json_get(v, STR("stacked")).type == JSON_TRUE };
	w->ahead = json_get(v, STR("forecast")).type == JSON_TRUE ? STR(AHEAD_USUAL) : text_of(d, v, "forecast");
	if (!w->id.p)
		return err_set(err, ERR_INPUT, "a widget has no id");
	if (!w->title.p)
		w->title = w->id;
	for (int i = 0; i < WIDGET_TYPES && !known; i++)
		if ((known = json_text_eq(type, str_of(definition_types[i]))))
			w->type = (enum widget_type)i;
	if (!known)
		return err_set(err, ERR_INPUT, "widget '%.*s': its type is none of metric_card, line_chart, area_chart, bar_chart, pie_chart, table, funnel_chart, "
		    "heatmap, retention, gauge, event_feed, alert_list, text, custom", w->id.n > 64 ? 64 : (int)w->id.n, w->id.p);
	for (it = json_iter(json_get(v, STR("steps"))); json_next(&it) && w->n_steps < DEFINITION_STEPS; )
		if ((w->steps[w->n_steps] = json_text_dup(it.value, d->arena)).p)
			w->n_steps++;
	if (!w->range.p)
		w->range = d->range;
	if (!w->start.p && w->n_steps > 0)
		w->start = w->steps[0];
	if (!w->back.p && w->n_steps > 1)
		w->back = w->steps[1];
	if (json_is(json_get(v, STR("filters")), JSON_OBJECT)) {
		struct str raw = json_raw(json_get(v, STR("filters")));

		w->filters = (struct str){ arena_dup(d->arena, raw.p, raw.n), raw.n };
	}
	read_thresholds(w, json_get(v, STR("thresholds")));
	if (json_is(position, JSON_OBJECT)) {
		w->x = number_of(position, "x"), w->y = number_of(position, "y"), w->w = number_of(position, "w"), w->h = number_of(position, "h");
		if (w->w < 1 || w->h < 1)
			return err_set(err, ERR_INPUT, "widget '%.*s': position: w and h are 1 or more", w->id.n > 64 ? 64 : (int)w->id.n, w->id.p);
	}
	return 0;
}

/* Grafana's grid has twice the columns: widgets that begin beyond ours, and end within that one, are of one. */
static void
fit_columns(struct definition *d)
{
	int beyond = 0;

	for (int i = 0; i < d->n; i++) {
		beyond |= d->widget[i].x >= DEFINITION_COLUMNS;
		if (d->widget[i].x + d->widget[i].w > 2 * DEFINITION_COLUMNS)
			return;
	}
	for (int i = 0; i < d->n && beyond; i++) {
		struct widget *w = &d->widget[i];
		int end = (w->x + w->w) / 2;

		if (w->w) {
			w->x /= 2;
			w->w = end > w->x ? end - w->x : 1;
		}
	}
}

struct definition *
definition_read(struct json v, struct err *err)
{
	struct definition *d = mem_new(sizeof(*d));
	struct json widgets = json_get(v, STR("widgets"));

	d->arena = arena_new(MOST);
	read_variables(d, json_get(v, STR("variables")));
	read_notes(d, json_get(v, STR("annotations")));
	d->range = text_of(d, v, "timeRange");
	d->id = text_of(d, v, "id"), d->title = text_of(d, v, "title"), d->description = text_of(d, v, "description");
	if (!d->id.p)
		d->id = STR("dashboard");
	if (!d->title.p)
		d->title = d->id;
	if (!json_is(widgets, JSON_ARRAY))
		err_set(err, ERR_INPUT, "a dashboard has \"widgets\", a list");
	for (struct json_iter it = json_iter(widgets); !err->code && json_next(&it); ) {
		if (d->n == DEFINITION_WIDGETS) {
			err_set(err, ERR_LIMIT, "more than %d widgets", DEFINITION_WIDGETS);
			break;
		}
		d->widget = mem_grow(d->widget, (size_t)d->n + 1, sizeof(*d->widget));
		if (read_widget(d, it.value, &d->widget[d->n], err) == 0)
			d->n++;
	}
	fit_columns(d);
	if (err->code) {
		err_at(err, "dashboard '%.*s'", d->id.n > 64 ? 64 : (int)d->id.n, d->id.p);
		definition_free(d);
		d = NULL;
	}
	return d;
}

void
definition_free(struct definition *d)
{
	if (!d)
		return;
	arena_free(d->arena);
	free(d->widget);
	free(d->note);
	free(d);
}

/* ---- from a file */

/* 1 with the whole of a file that may be a definition: a plain one, not large, that begins with '{'. */
static int
read_file(const char *path, struct buf *to, struct err *err)
{
	struct stat st;
	ssize_t n;
	size_t at = 0;
	int fd, rc = 0;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))       /* who writes to a FIFO would lose his reader when it is closed again */
		return 0;
	if ((fd = io_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)) < 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= FILE_MOST) {
		if ((n = io_read(fd, buf_room(to, (size_t)st.st_size), (size_t)st.st_size)) < 0)
			rc = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
		else
			to->n = (size_t)n;
		for (; at < to->n && strchr(" \t\r\n", to->p[at]); at++)
			;
		rc = rc ? rc : at < to->n && to->p[at] == '{';
	}
	close(fd);
	return rc;
}

/* Is what is no JSON meant as one, and not as a row on each line? Then it says so, or has nothing but the brace on its first line. */
static int
is_meant_whole(struct str text)
{
	struct str rest = str_trim(text), line;

	str_cut(&rest, '\n', &line);
	return str_eq(str_trim(line), STR("{")) || memmem(text.p, text.n, "\"widgets\"", 9) || memmem(text.p, text.n, "\"dashboards\"", 12);
}

/* The fault of a text of several lines, with its line. */
static int
fault_at(const char *path, struct str text, struct err *err)
{
	long line = 1, col = err->col > 0 && (size_t)err->col <= text.n + 1 ? err->col : 1;

	for (const char *p = text.p, *end = text.p + col - 1; (p = memchr(p, '\n', (size_t)(end - p))); line++)
		col = end - ++p + 1;
	return err_at(err, "%s:%ld:%ld", path, line, col);
}

/* Where in the text the value stands that a fault names by its path, "widgets[0].titel: …": the key of a member, an item itself; NULL: nowhere. */
static const char *
place_of(struct json v, const char *path)
{
	const char *at = v.p;

	for (const char *end = strstr(path, ": "); end && path < end; ) {
		size_t n = strcspn(path, ".[:");
		struct json_iter it;
		char *rest;
		int found = 0;

		if (*path == '.')
			path++;
		else if (*path == '[') {
			v = json_index(v, strtol(path + 1, &rest, 10));
			path = *rest == ']' ? rest + 1 : end;
			at = v.type == JSON_NONE ? at : v.p;
		} else {
			for (it = json_iter(v); v.type == JSON_OBJECT && !found && json_next(&it); )
				if ((found = json_text_eq(it.key, (struct str){ path, n })))
					at = it.key.p, v = it.value;
			if (!found)
				return at;
			path += n;
		}
	}
	return at;
}

struct definition *
definition_open(const char *path, struct err *err)
{
	struct definition *d = NULL;
	struct schema *schema = NULL;
	struct buf text = {0};
	struct json v = JSON_ABSENT, of = json_value(str_of(config_schema("dashboards")));
	struct err fault = {0};

	if (read_file(path, &text, err) != 1)
		goto out;
	if (json_check(buf_get(&text), &fault)) {       /* rows, one a line, are no one value */
		if (is_meant_whole(buf_get(&text))) {
			*err = fault;
			fault_at(path, buf_get(&text), err);
		}
		goto out;
	}
	v = json_value(buf_get(&text));
	if (json_get(v, STR("widgets")).type == JSON_NONE && json_get(v, STR("dashboards")).type == JSON_NONE)
		goto out;
	if (!(schema = schema_new(of, of, NULL, err)))
		goto out;
	if (schema_check(schema, v, NULL, NULL, err) < 0) {
		err->col = place_of(v, err->text) - text.p + 1;
		fault_at(path, buf_get(&text), err);
		goto out;
	}
	if (json_get(v, STR("widgets")).type == JSON_NONE)
		v = json_index(json_get(v, STR("dashboards")), 0);
	if (!(d = definition_read(v, err)))
		err_at(err, "%s", path);
out:
	schema_free(schema);
	buf_release(&text);
	return d;
}
