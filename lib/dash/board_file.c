#include "dash/board_priv.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "dash/data_priv.h"

#define ARENA_MOST (256u << 20)         /* bytes of the values of one widget */

/* The dashboard that is made of a board: a chart for each panel of which something is shown, then the lists. */
struct making {
	struct board *b;
	struct buf json;
	struct reading *readings;
	int n, left_out;                /* left_out: panels for which a dashboard has no room */
	int64_t from, to;               /* of all that is shown */
	char range[2 * TIME_LEN + 2];   /* "from/to" */
};

static struct reading *
begin_widget(struct making *m, const char *type, struct str id, struct str title)
{
	struct reading *v;

	buf_printf(&m->json, "%s{\"type\":\"%s\",\"timeRange\":\"%s\",\"id\":", m->n ? "," : "", type, m->range);
	json_put_string(&m->json, id);
	buf_lit(&m->json, ",\"title\":");
	json_put_string(&m->json, title);
	buf_byte(&m->json, '}');
	m->readings = mem_grow(m->readings, (size_t)m->n + 1, sizeof(*m->readings));
	v = &m->readings[m->n++];
	reading_init(v);
	v->from = m->from, v->to = m->to, v->span_ms = m->to - m->from;
	v->arena = arena_new(ARENA_MOST);
	return v;
}

static void *
room(struct reading *v, size_t n, size_t size)
{
	void *p = arena_get(v->arena, n * size + 1);

	if (p)
		memset(p, 0, n * size + 1);
	else
		err_set(&v->err, ERR_LIMIT, "too many values for a file, let there be fewer: --points, --range");
	return p;
}

/* ---- a panel */

/* The times of all its curves, and their least step. */
static int
take_times(struct reading *v, const struct line *line, int lines)
{
	if (!(v->time = room(v, board_values(line, lines), sizeof(*v->time))))
		return v->err.code;
	v->times = board_times(line, lines, v->time);
	for (int i = 1; i < v->times; i++)
		if (!v->every_ms || v->time[i] - v->time[i - 1] < v->every_ms)
			v->every_ms = v->time[i] - v->time[i - 1];
	v->from = v->time[0], v->to = v->time[v->times - 1] + 1;
	v->span_ms = v->to - v->from;
	return (v->mark = room(v, (size_t)v->times, 1)) ? 0 : v->err.code;
}

/* Between two values of its own a curve goes straight on: others have values there, it has none. */
static int
take_curve(struct reading *v, const struct line *l, struct curve *c)
{
	struct buf label = {0};

	reading_put_labels(&label, l->labels);
	c->label = (struct str){ arena_dup(v->arena, label.p, label.n), label.n };
	buf_release(&label);
	if (!c->label.p || !(c->value = room(v, (size_t)v->times, sizeof(*c->value))))
		return v->err.code ? v->err.code : err_set(&v->err, ERR_LIMIT, "too many names for a file");
	for (int i = 0, k = 0; i < v->times; i++) {
		while (k < l->n && l->time[k] < v->time[i])
			k++;
		c->value[i] = NAN;
		if (k < l->n && l->time[k] == v->time[i]) {
			c->value[i] = l->value[k];
			v->mark[i] = (char)(v->mark[i] | (l->mark[k] ? READING_ANOMALY : 0));
		} else if (k > 0 && k < l->n) {
			double part = (double)(v->time[i] - l->time[k - 1]) / (double)(l->time[k] - l->time[k - 1]);

			c->value[i] = l->value[k - 1] * (1 - part) + l->value[k] * part;
		}
	}
	c->total = l->size;
	return 0;
}

/* labels, timestamp, value: exactly what came. */
static void
take_table(struct reading *v, const struct line *line, int lines, struct str field)
{
	const struct str columns[] = { STR("labels"), STR("timestamp"), field };
	struct answer_maker m = { &v->table, v->arena, 0 };
	struct buf label = {0};
	char time[TIME_LEN];
	int rc = data_put_columns(&m, columns, 3, &v->err);

	for (int i = 0; i < lines && rc == 0; i++) {
		buf_clear(&label);
		reading_put_labels(&label, line[i].labels);
		for (int k = 0; k < line[i].n && rc == 0; k++) {
			double value = line[i].value[k];
			int whole = value == (double)(int64_t)fmax(-9e15, fmin(9e15, value));

			time_print(line[i].time[k], time);
			rc = data_put_row(&m, (struct cell[]){ cell_text(buf_get(&label)), cell_text((struct str){ time, TIME_LEN }),
			    whole ? cell_integer((int64_t)value) : cell_real(value) }, 3, &v->err);
		}
	}
	data_put_end(&m);
	buf_release(&label);
}

static void
make_panel(struct making *m, const struct panel *p)
{
	int lines, shown;
	struct line *line = board_lines(m->b, p, &lines);
	struct buf title = {0}, id = {0};
	struct reading *v;

	if (lines && m->n >= DEFINITION_WIDGETS - 2) {          /* the events and a word about it have room */
		m->left_out++;
	} else if (lines) {
		board_put_title(&title, p);
		buf_str(&id, p->metric);
		buf_byte(&id, ' ');
		buf_str(&id, p->field);
		v = begin_widget(m, "line_chart", buf_get(&id), buf_get(&title));
		shown = lines < m->b->spec.series ? lines : m->b->spec.series;
		shown = shown < READING_CURVES ? shown : READING_CURVES;
		if (take_times(v, line, shown) == 0 && (v->curve = room(v, (size_t)shown, sizeof(*v->curve)))) {
			while (v->curves < shown && take_curve(v, &line[v->curves], &v->curve[v->curves]) == 0)
				v->curves++;
			v->left_out = lines - v->curves;
			take_table(v, line, lines, p->field);
		}
	}
	buf_release(&title);
	buf_release(&id);
	free(line);
}

/* ---- a list */

static void
make_list(struct making *m, const char *type, const char *title, const struct list *list)
{
	static const struct str columns[] = { { "timestamp", 9 }, { "what", 4 } };
	const struct told *told;
	struct answer_maker make;
	struct reading *v;
	char time[TIME_LEN];
	int at = 0, rc;

	if (!(told = board_told(m->b, list, &at)) || m->n >= DEFINITION_WIDGETS)
		return;
	v = begin_widget(m, type, str_of(title), str_of(title));
	make = (struct answer_maker){ &v->table, v->arena, 0 };
	for (rc = data_put_columns(&make, columns, 2, &v->err); told && rc == 0; told = board_told(m->b, list, &at)) {
		time_print(told->time, time);
		rc = data_put_row(&make, (struct cell[]){ cell_text((struct str){ time, TIME_LEN }), cell_text(str_of(told->text)) }, 2, &v->err);
	}
	data_put_end(&make);
}

/* ---- all of it */

/* The ends of what is shown, for the headings. */
static void
find_range(struct making *m)
{
	m->from = INT64_MAX, m->to = INT64_MIN;
	for (struct panel *p = m->b->first; p; p = p->next) {
		int lines;
		struct line *line = board_lines(m->b, p, &lines);

		for (int i = 0; i < lines; i++) {
			m->from = line[i].time[0] < m->from ? line[i].time[0] : m->from;
			m->to = line[i].time[line[i].n - 1] >= m->to ? line[i].time[line[i].n - 1] + 1 : m->to;
		}
		free(line);
	}
	if (m->from >= m->to)
		m->from = m->b->newest, m->to = m->from + 1;
	time_print(m->from, m->range);
	m->range[TIME_LEN] = '/';
	time_print(m->to, m->range + TIME_LEN + 1);
	m->range[2 * TIME_LEN + 1] = 0;
}

int
board_render(struct board *b, const struct render_format *format, const struct rendering *r, struct buf *to, struct err *err)
{
	struct making m = { .b = b };
	struct drawing d = { .chosen = -1, .is_plain = b->spec.plain, .period = { .zone = b->spec.zone, .filter = buf_get(&b->filter) } };
	struct definition *definition;

	if (format == &render_formats[0]) {
		board_draw(b, r->width, 0, to);
		return 0;
	}
	board_period(b);
	find_range(&m);
	buf_lit(&m.json, "{\"id\":\"rows\",\"title\":\"Rows\",\"widgets\":[");
	make_list(&m, "alert_list", "Alerts", &b->alerts);
	make_list(&m, "table", "Anomalies", &b->anomalies);
	for (struct panel *p = b->first; p; p = p->next)
		make_panel(&m, p);
	make_list(&m, "event_feed", "Events", &b->events);
	if (m.left_out) {
		struct buf words = {0};

		buf_printf(&words, "%d more metrics and fields are not shown here", m.left_out);
		begin_widget(&m, "text", STR("more"), buf_get(&words));
		buf_release(&words);
	}
	buf_lit(&m.json, "]}");
	if ((definition = definition_read(json_value(buf_get(&m.json)), err))) {
		d.definition = definition, d.readings = m.readings;
		d.period.at = b->newest + 1;
		format->put(&d, r, to);
	}
	for (int i = 0; i < m.n; i++)
		reading_release(&m.readings[i]);
	free(m.readings);
	buf_release(&m.json);
	definition_free(definition);
	return err->code;
}
