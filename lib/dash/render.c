#include "dash/render.h"

#include <math.h>

#include "base/time.h"
#include "dash/page.h"
#include "dash/picture.h"
#include "dash/svg.h"
#include "query/output.h"

static void
put_text(const struct drawing *d, const struct rendering *r, struct buf *to)
{
	struct canvas c;

	if (d->is_plain) {
		draw_plain(d, to);
		return;
	}
	draw_dashboard(&c, d, r->width, 0, r->ascii, NULL);
	canvas_print(&c, r->colors, to);
	canvas_release(&c);
}

static void
put_terminal(const struct drawing *d, const struct rendering *r, struct buf *to)
{
	struct canvas c;

	draw_dashboard(&c, d, r->width, 0, r->ascii, NULL);
	svg_put_canvas(to, &c, d->definition->title);
	canvas_release(&c);
}

static void
put_svg(const struct drawing *d, const struct rendering *r, struct buf *to)
{
	struct place place[DEFINITION_WIDGETS];
	struct svg_pen pen = svg_pen(to);

	(void)r;
	svg_begin(to, 12 * PICTURE_COLUMN, PICTURE_TOP + layout_page(d->definition, PICTURE_COLUMN, PICTURE_ROW, place), d->definition->title, 1);
	picture_dashboard(&pen.pen, d);
	svg_end(to);
}

static void
put_html(const struct drawing *d, const struct rendering *r, struct buf *to)
{
	(void)r;
	page_put(to, d, (struct str){ 0 });
}

/* ---- values */

static void
put_member(struct buf *to, const char *key, double v)
{
	if (!isfinite(v))
		return;
	buf_printf(to, ",\"%s\":", key);
	json_put_double(to, v);
}

static void
put_rows(struct buf *to, const struct answer *a)
{
	buf_lit(to, ",\"columns\":[");
	for (int k = 0; k < a->columns; k++) {
		buf_lit(to, k ? "," : "");
		json_put_string(to, a->column[k]);
	}
	buf_lit(to, "],\"rows\":[");
	for (int i = 0; i < a->rows; i++) {
		buf_lit(to, i ? ",[" : "[");
		for (int k = 0; k < a->columns; k++) {
			buf_lit(to, k ? "," : "");
			cell_put_json(to, answer_cell(a, i, k));
		}
		buf_byte(to, ']');
	}
	buf_byte(to, ']');
}

static void
put_json(const struct drawing *d, const struct rendering *r, struct buf *to)
{
	(void)r;
	buf_lit(to, "{\"id\":");
	json_put_string(to, d->definition->id);
	buf_lit(to, ",\"title\":");
	json_put_string(to, d->definition->title);
	buf_lit(to, ",\"timestamp\":");
	json_put_time(to, d->period.at - 1);
	buf_lit(to, ",\"widgets\":[");
	for (int i = 0; i < d->definition->n; i++) {
		const struct widget *w = &d->definition->widget[i];
		const struct reading *v = &d->readings[i];

		buf_lit(to, i ? ",\n{\"id\":" : "\n{\"id\":");
		json_put_string(to, w->id);
		buf_printf(to, ",\"type\":\"%s\",\"title\":", definition_types[w->type]);
		json_put_string(to, w->title);
		if (v->to) {
			buf_lit(to, ",\"from\":");
			json_put_time(to, v->from);
			buf_lit(to, ",\"to\":");
			json_put_time(to, v->to);
		}
		put_member(to, "value", v->now);
		put_member(to, "previous", v->before);
		if (v->err.code) {
			buf_lit(to, ",\"error\":");
			json_put_string(to, str_of(v->err.text));
		} else if (w->text.n) {
			buf_lit(to, ",\"text\":");
			json_put_string(to, w->text);
		}
		put_rows(to, &v->table);
		if (v->table.more)
			buf_lit(to, ",\"more\":true");
		buf_byte(to, '}');
	}
	buf_lit(to, "\n]}\n");
}

static int
give(void *to, struct str bytes)
{
	buf_str(to, bytes);
	return 0;
}

/* widget, row, column, value: one shape for all widgets. */
static void
put_csv(const struct drawing *d, const struct rendering *r, struct buf *to)
{
	static const struct str columns[] = { { "widget", 6 }, { "row", 3 }, { "column", 6 }, { "value", 5 } };
	struct out out = { .fd = -1, .name = "the table", .give = give, .self = to };
	const struct output_spec spec = { .format = OUTPUT_CSV, .to = &out, .safe_csv = r->safe_csv };
	struct output *o = output_new(&spec, columns, 4);
	struct err ignore = {0};

	for (int i = 0; i < d->definition->n; i++) {
		const struct answer *a = &d->readings[i].table;

		for (int row = 0; row < a->rows; row++)
			for (int k = 0; k < a->columns; k++)
				output_row(o, (struct cell[]){ cell_text(d->definition->widget[i].id), cell_integer(row + 1), cell_text(a->column[k]), *answer_cell(a, row, k) }, 4,
				    &ignore);
	}
	output_end(o, &ignore);
	out_flush(&out);
	buf_release(&out.buf);
}

const struct render_format render_formats[] = { { "txt", put_text }, { "term.svg", put_terminal }, { "svg", put_svg }, { "html", put_html }, { "json", put_json }, { "csv", put_csv },
	{ NULL, NULL } };

const struct render_format *
render_find(const char *file, struct err *err)
{
	size_t n = strlen(file);

	for (const struct render_format *f = render_formats; f->name; f++) {
		size_t m = strlen(f->name);

		if (n >= m && strcmp(file + n - m, f->name) == 0 && (n == m || file[n - m - 1] == '.'))
			return f;
	}
	err_set(err, ERR_USAGE, "'%.100s' is no kind of file that a dashboard can be, try .txt, .svg, .html, .json or .csv", file);
	return NULL;
}
