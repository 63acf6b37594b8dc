#include "dash/report.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/width.h"
#include "dash/chart.h"
#include "dash/page.h"
#include "dash/pdf.h"
#include "dash/picture.h"
#include "query/output.h"

#define ROWS   25                       /* of a table in Markdown */
#define SPARK  24
#define SCALE  0.65                     /* of a PDF's points: 12 columns of the grid across a lying A4 */
#define LINE   17.0
#define TITLE  80                       /* letters of a PDF's title */
#define LETTERS 150                     /* of a line of words in a PDF */

static const struct { const char *name, *end; } formats[] = { [REPORT_TEXT] = { "text", "txt" }, [REPORT_MARKDOWN] = { "markdown", "md" },
	[REPORT_HTML] = { "html", "html" }, [REPORT_PDF] = { "pdf", "pdf" } };

int
report_find(const char *name, struct err *err)
{
	const char *dot = strrchr(name, '.');

	for (int i = 0; i <= REPORT_PDF; i++)
		if (strcmp(name, formats[i].name) == 0 || (dot && strcmp(dot + 1, formats[i].end) == 0))
			return i;
	return err_set(err, ERR_USAGE, "'%.100s' is no form of a report, try text, markdown, html or pdf", name);
}

static struct str
words_of(const struct report *r, int i)
{
	static const struct str none = { "Nothing notable.", 16 };

	return r->n_words ? r->words[i] : none;
}

static int
count_of(const struct report *r)
{
	return r->n_words ? r->n_words : 1;
}

static void
put_moment(struct buf *b, const struct report *r)
{
	const struct period *p = &r->drawing.period;
	struct civil t;

	time_civil(p->at - 1 + (p->zone ? zone_offset(p->zone, p->at) : 0), &t);
	buf_printf(b, "%04d-%02d-%02d %02d:%02d", t.year, t.month, t.day, t.hour, t.minute);
}

/* ---- text */

static void
put_text(const struct report *r, struct buf *to)
{
	struct canvas c;

	for (int i = 0; i < count_of(r); i++) {
		struct buf shown = {0};
		struct str rest, word;
		int column = 2;

		width_put_shown(&shown, words_of(r, i));
		buf_lit(to, r->ascii ? "* " : "• ");
		for (rest = buf_get(&shown); rest.n && str_cut(&rest, ' ', &word); ) {
			int wide = width_of(word);

			if (column > 2 && column + 1 + wide > r->width) {
				buf_lit(to, "\n  ");
				column = 2;
			} else if (column > 2) {
				buf_byte(to, ' ');
				column++;
			}
			buf_str(to, word);
			column += wide;
		}
		buf_byte(to, '\n');
		buf_release(&shown);
	}
	buf_byte(to, '\n');
	draw_dashboard(&c, &r->drawing, r->width, 0, r->ascii, NULL);
	canvas_print(&c, 0, to);
	canvas_release(&c);
}

/* ---- Markdown */

/* Text of others: what has a meaning there is escaped. */
static void
put_escaped(struct buf *b, struct str text)
{
	struct buf shown = {0};

	width_put_shown(&shown, text);
	for (size_t i = 0; i < shown.n; i++) {
		if (strchr("\\`*_[]<>|#&", shown.p[i]))
			buf_byte(b, '\\');
		buf_byte(b, shown.p[i]);
	}
	buf_release(&shown);
}

static void
put_table(struct buf *b, const struct answer *a, const struct zone *zone)
{
	struct buf text = {0};

	buf_byte(b, '|');
	for (int k = 0; k < a->columns; k++) {
		buf_byte(b, ' ');
		put_escaped(b, a->column[k]);
		buf_lit(b, " |");
	}
	buf_lit(b, "\n|");
	for (int k = 0; k < a->columns; k++)
		buf_lit(b, a->rows && answer_cell(a, 0, k)->type != CELL_TEXT ? "---:|" : "---|");
	buf_byte(b, '\n');
	for (int i = 0; i < a->rows && i < ROWS; i++) {
		buf_byte(b, '|');
		for (int k = 0; k < a->columns; k++) {
			buf_clear(&text);
			reading_put_cell(&text, answer_cell(a, i, k), zone);
			buf_byte(b, ' ');
			put_escaped(b, buf_get(&text));
			buf_lit(b, " |");
		}
		buf_byte(b, '\n');
	}
	if (a->rows > ROWS)
		buf_printf(b, "\nand %d more\n", a->rows - ROWS);
	buf_release(&text);
}

static void
put_curves(struct buf *b, const struct reading *v, const struct widget *w)
{
	buf_lit(b, "| | lowest | highest | last | |\n|---|---:|---:|---:|---|\n");
	for (int i = 0; i < v->curves; i++) {
		const struct curve *k = &v->curve[i];
		double low = NAN, high = NAN, last = NAN, few[SPARK];
		int n = v->times < SPARK ? v->times : SPARK;

		chart_range(k->value, v->times, &low, &high);
		for (int t = v->times; t-- > 0 && isnan(last); )
			last = k->value[t];
		for (int t = 0; t < n; t++)
			few[t] = k->value[v->times > SPARK ? (int64_t)t * (v->times - 1) / (SPARK - 1) : t];
		buf_lit(b, "| ");
		put_escaped(b, k->label);
		for (int t = 0; t < 3; t++) {
			buf_lit(b, " | ");
			reading_put_value(b, t == 0 ? low : t == 1 ? high : last, w);
		}
		buf_lit(b, " | ");
		chart_spark(b, few, n, n, 0);
		buf_lit(b, " |\n");
	}
}

static void
put_figure(struct buf *b, const struct reading *v, const struct widget *w)
{
	double change = v->now - v->before;

	buf_lit(b, "**");
	reading_put_value(b, v->now, w);
	buf_lit(b, "**");
	if (isfinite(change) && v->before != 0) {
		buf_printf(b, ", %+.1f%% from ", change / fabs(v->before) * 100);
		reading_put_value(b, v->before, w);
	}
	buf_byte(b, '\n');
}

static void
put_markdown(const struct report *r, struct buf *to)
{
	const struct definition *d = r->drawing.definition;

	buf_lit(to, "# ");
	put_escaped(to, d->title);
	buf_lit(to, "\n\n");
	put_moment(to, r);
	buf_lit(to, "\n\n");
	for (int i = 0; i < count_of(r); i++) {
		buf_lit(to, "* ");
		put_escaped(to, words_of(r, i));
		buf_byte(to, '\n');
	}
	for (int i = 0; i < d->n; i++) {
		const struct widget *w = &d->widget[i];
		const struct reading *v = &r->drawing.readings[i];

		buf_lit(to, "\n## ");
		put_escaped(to, w->title);
		if (w->type != WIDGET_TEXT && w->type != WIDGET_CUSTOM && reading_is_of_range(w)) {
			buf_lit(to, " (");
			put_escaped(to, reading_range_of(w, &r->drawing.period));
			buf_byte(to, ')');
		}
		buf_lit(to, "\n\n");
		if (v->err.code) {
			put_escaped(to, str_of(v->err.text));
			buf_byte(to, '\n');
		} else if (w->type == WIDGET_METRIC_CARD || w->type == WIDGET_GAUGE) {
			put_figure(to, v, w);
		} else if (v->curves) {
			put_curves(to, v, w);
		} else if (v->table.columns && v->table.rows) {
			put_table(to, &v->table, r->drawing.period.zone);
		} else if (w->text.n) {
			put_escaped(to, w->text);
			buf_byte(to, '\n');
		} else {
			buf_lit(to, "nothing\n");
		}
	}
}

/* ---- HTML */

static void
put_html(const struct report *r, struct buf *to)
{
	struct buf words = {0}, shown = {0};

	buf_lit(&words, "<div class=\"words\"><ul>\n");
	for (int i = 0; i < count_of(r); i++) {
		buf_lit(&words, "<li>");
		buf_clear(&shown);
		width_put_shown(&shown, words_of(r, i));
		output_put_html(&words, buf_get(&shown));
		buf_lit(&words, "</li>\n");
	}
	buf_lit(&words, "</ul></div>\n");
	page_put(to, &r->drawing, buf_get(&words));
	buf_release(&words);
	buf_release(&shown);
}

/* ---- PDF */

/* A page is full: the next one. */
static double
next_line(struct pdf *p, double y)
{
	if (y + LINE <= pdf_height(p))
		return y + LINE;
	pdf_page(p);
	return LINE;
}

static double
draw_words(const struct report *r, struct pdf *p, double y)
{
	struct pen *pen = pdf_pen(p);

	for (int i = 0; i < count_of(r); i++) {
		struct str rest = words_of(r, i), word;
		struct buf line = {0};
		int first = 1;

		while (rest.n && str_cut(&rest, ' ', &word)) {
			if (word.n > LETTERS)           /* a value of somebody's, no word: its beginning */
				for (word.n = LETTERS; word.n && ((unsigned char)word.p[word.n] & 0xc0) == 0x80; )
					word.n--;
			if (line.n && line.n + 1 + word.n > LETTERS) {
				pen->text(pen, first ? 8 : 20, y, PEN_LEFT, 12, 0, CANVAS_PLAIN, buf_get(&line));
				buf_clear(&line);
				first = 0;
				y = next_line(p, y);
			}
			buf_lit(&line, line.n ? " " : first ? "\xe2\x80\xa2 " : "");
			buf_str(&line, word);
		}
		pen->text(pen, first ? 8 : 20, y, PEN_LEFT, 12, 0, CANVAS_PLAIN, buf_get(&line));
		y = next_line(p, y);
		buf_release(&line);
	}
	return y;
}

struct placed { struct place place; int widget; };

static int
by_height(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	return x->place.y != y->place.y ? (x->place.y > y->place.y) - (x->place.y < y->place.y) : x->widget - y->widget;
}

/* From the top down; what does not fit any more begins the next page. */
static void
draw_widgets(const struct report *r, struct pdf *p, double y)
{
	int n = r->drawing.definition->n;
	struct place *place = mem_new((size_t)n * sizeof(*place) + 1);
	struct placed *placed = mem_new((size_t)n * sizeof(*placed) + 1);
	double top = -y, room = pdf_height(p);

	layout_page(r->drawing.definition, PICTURE_COLUMN, PICTURE_ROW, place);
	for (int i = 0; i < n; i++)
		placed[i] = (struct placed){ place[i], i };
	if (n)
		qsort(placed, (size_t)n, sizeof(*placed), by_height);
	for (int i = 0; i < n; i++) {
		struct place at = placed[i].place;

		if (at.h > room)
			at.h = (int)room;
		if (at.y - top + at.h > room) {
			pdf_page(p);
			top = at.y;
		}
		at.y -= (int)top;
		picture_widget(pdf_pen(p), &r->drawing, placed[i].widget, at);
	}
	free(place);
	free(placed);
}

static int
put_pdf(const struct report *r, struct buf *to, struct err *err)
{
	struct buf when = {0}, title = {0};
	struct pdf *p;
	struct pen *pen;
	int rc;

	width_put(&title, r->drawing.definition->title, width_of(r->drawing.definition->title) < TITLE ? width_of(r->drawing.definition->title) : TITLE, 0, 0);
	if (!(p = pdf_new(buf_get(&title), r->drawing.period.at - 1, SCALE, err))) {
		buf_release(&title);
		return err->code;
	}
	pen = pdf_pen(p);
	put_moment(&when, r);
	pen->text(pen, 8, 24, PEN_LEFT, 20, 1, CANVAS_TITLE, buf_get(&title));
	pen->text(pen, pdf_width(p) - 8, 24, PEN_RIGHT, 11, 0, CANVAS_FAINT, buf_get(&when));
	draw_widgets(r, p, draw_words(r, p, 48));
	rc = pdf_put(p, to, err);
	pdf_free(p);
	buf_release(&when);
	buf_release(&title);
	return rc;
}

int
report_put(const struct report *r, enum report_format format, struct buf *to, struct err *err)
{
	switch (format) {
	case REPORT_TEXT:
		put_text(r, to);
		return 0;
	case REPORT_MARKDOWN:
		put_markdown(r, to);
		return 0;
	case REPORT_HTML:
		put_html(r, to);
		return 0;
	case REPORT_PDF:
		return put_pdf(r, to, err);
	}
	return err_set(err, ERR_USAGE, "no such form of a report");
}
