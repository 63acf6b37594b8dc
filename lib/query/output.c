#include "query/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/width.h"
#include "json/json.h"

#define KEPT_MOST (256u << 20)  /* bytes of rows that are kept for their widths; a larger answer wants ndjson or csv */

const char *const output_names[] = { "table", "box", "json", "ndjson", "csv", "tsv", "markdown", "html", "chart", "vertical", NULL };

struct output {
	struct output_spec spec;
	struct str *column;
	char **key;             /* json: names with _2, _3 */
	int n;
	int64_t rows;
	struct cell *kept;      /* rows side by side, texts in the arena */
	size_t kept_n, kept_cap;
	struct arena *text;
	struct buf scratch;
	int begun;              /* the head is written */
};

/* What one format does: row NULL means the rows are kept and end prints them. */
struct output_way {
	void (*begin)(struct output *);
	void (*row)(struct output *, const struct cell *);
	void (*end)(struct output *);
};

int
output_find(const char *name, struct err *err)
{
	for (int i = 0; output_names[i]; i++)
		if (strcmp(output_names[i], name) == 0)
			return i;
	return err_set(err, ERR_USAGE, "no format '%s', there are table, box, json, ndjson, csv, tsv, markdown, html, chart, vertical", name);
}

/* ---- cells as text */

static int
is_number(const struct cell *c)
{
	return c->type == CELL_INTEGER || c->type == CELL_REAL;
}

static void
put_plain(struct buf *b, const struct cell *c)
{
	if (c->type == CELL_INTEGER)
		json_put_int64(b, c->integer);
	else if (c->type == CELL_REAL)
		json_put_double(b, c->real);
	else if (c->type == CELL_TEXT)
		buf_str(b, c->text);
}

static struct str
shown(struct output *o, const struct cell *c)
{
	struct buf *b = &o->scratch;

	buf_clear(b);
	if (c->type == CELL_TEXT)
		width_put_shown(b, c->text);
	else
		put_plain(b, c);
	return buf_get(b);
}

/* ---- table, box, markdown: widths first */

#define COLUMN_MOST 60          /* cells a column of a table may take on a terminal */

static int *
measure(struct output *o)
{
	int *width = mem_new((size_t)o->n * sizeof(*width) + 1);

	for (int i = 0; i < o->n; i++)
		width[i] = width_of(o->column[i]);
	for (size_t at = 0; at < o->kept_n; at++) {
		int w = width_of(shown(o, &o->kept[at])), i = (int)(at % (size_t)o->n);

		if (w > width[i])
			width[i] = w;
	}
	for (int i = 0; o->spec.width && i < o->n; i++)
		if (width[i] > COLUMN_MOST)
			width[i] = COLUMN_MOST;
	return width;
}

/* Numbers stand at the right: a column of which every value is one (or NULL). */
static int
is_right(const struct output *o, int column)
{
	int numbers = 0;

	for (size_t at = (size_t)column; at < o->kept_n; at += (size_t)o->n) {
		if (o->kept[at].type == CELL_TEXT)
			return 0;
		numbers += is_number(&o->kept[at]);
	}
	return numbers > 0;
}

struct frame { const char *left, *between, *right, *line; };

static void
put_rule(struct output *o, const int *width, struct frame f)
{
	struct buf *b = &o->spec.to->buf;

	buf_lit(b, f.left);
	for (int i = 0; i < o->n; i++) {
		if (i)
			buf_lit(b, f.between);
		width_repeat(b, f.line, width[i] + (f.left[0] ? 2 : 0));
	}
	buf_lit(b, f.right);
	buf_byte(b, '\n');
}

/* Around the name of a column. */
static void
bold(struct output *o, int on)
{
	if (o->spec.color)
		buf_lit(&o->spec.to->buf, on ? "\033[1m" : "\033[0m");
}

static void
put_line(struct output *o, const int *width, const int *right, const struct cell *cells, struct frame f, int is_last_padded)
{
	struct buf *b = &o->spec.to->buf;

	buf_lit(b, f.left);
	for (int i = 0; i < o->n; i++) {
		struct str s = cells ? shown(o, &cells[i]) : o->column[i];

		if (i)
			buf_lit(b, f.between);
		if (!cells)
			bold(o, 1);
		width_put(b, s, i == o->n - 1 && !is_last_padded && !right[i] ? width_of(s) < width[i] ? width_of(s) : width[i] : width[i],
		    right[i], o->spec.ascii);
		if (!cells)
			bold(o, 0);
	}
	buf_lit(b, f.right);
	buf_byte(b, '\n');
	out_row(o->spec.to);
}

static void
put_framed(struct output *o, struct frame top, struct frame head, struct frame row, struct frame foot, int padded)
{
	int *width = measure(o), *right = mem_new((size_t)o->n * sizeof(*right) + 1);

	for (int i = 0; i < o->n; i++)
		right[i] = is_right(o, i);
	if (top.line)
		put_rule(o, width, top);
	put_line(o, width, right, NULL, row, padded);
	put_rule(o, width, head);
	for (size_t at = 0; at < o->kept_n; at += (size_t)o->n)
		put_line(o, width, right, o->kept + at, row, padded);
	if (foot.line)
		put_rule(o, width, foot);
	free(width);
	free(right);
}

static void
end_table(struct output *o)
{
	put_framed(o, (struct frame){ 0 }, (struct frame){ "", "  ", "", o->spec.ascii ? "-" : "─" }, (struct frame){ "", "  ", "", NULL },
	    (struct frame){ 0 }, 0);
}

static void
end_box(struct output *o)
{
	if (o->spec.ascii)
		put_framed(o, (struct frame){ "+", "+", "+", "-" }, (struct frame){ "+", "+", "+", "-" }, (struct frame){ "| ", " | ", " |", NULL },
		    (struct frame){ "+", "+", "+", "-" }, 1);
	else
		put_framed(o, (struct frame){ "┌", "┬", "┐", "─" }, (struct frame){ "├", "┼", "┤", "─" },
		    (struct frame){ "│ ", " │ ", " │", NULL }, (struct frame){ "└", "┴", "┘", "─" }, 1);
}

/* GitHub's tables: | within a text is escaped, line breaks become <br>, and data stays data: no HTML, nothing a terminal obeys. */
static void
put_markdown(struct buf *b, const struct cell *c)
{
	struct buf plain = { 0 };

	put_plain(&plain, c);
	for (size_t i = 0; i < plain.n; i++)
		if (plain.p[i] == '|')
			buf_lit(b, "\\|");
		else if (plain.p[i] == '\n')
			buf_lit(b, "<br>");
		else if (plain.p[i] == '<')
			buf_lit(b, "&lt;");
		else if (plain.p[i] == '&')
			buf_lit(b, "&amp;");
		else if (((unsigned char)plain.p[i] < ' ' && plain.p[i] != '\r' && plain.p[i] != '\t') || plain.p[i] == 0x7f)
			buf_printf(b, "\\x%02x", plain.p[i]);
		else if ((unsigned char)plain.p[i] == 0xc2 && i + 1 < plain.n && (unsigned char)plain.p[i + 1] < 0xa0)
			buf_printf(b, "\\x%02x", (unsigned char)plain.p[++i]);
		else if (plain.p[i] != '\r')
			buf_byte(b, plain.p[i]);
	buf_release(&plain);
}

static void
end_markdown(struct output *o)
{
	struct buf *b = &o->spec.to->buf;

	for (int i = 0; i < o->n; i++) {
		struct cell name = cell_text(o->column[i]);

		buf_lit(b, i ? " | " : "| ");
		put_markdown(b, &name);
	}
	buf_lit(b, " |\n");
	for (int i = 0; i < o->n; i++)
		buf_lit(b, is_right(o, i) ? i ? " ---: |" : "| ---: |" : i ? " --- |" : "| --- |");
	buf_byte(b, '\n');
	for (size_t at = 0; at < o->kept_n; at++) {
		buf_lit(b, at % (size_t)o->n ? " | " : "| ");
		put_markdown(b, &o->kept[at]);
		if ((at + 1) % (size_t)o->n == 0) {
			buf_lit(b, " |\n");
			out_row(o->spec.to);
		}
	}
}

/* ---- json, ndjson */

static void
put_json(struct output *o, const struct cell *cells)
{
	struct buf *b = &o->spec.to->buf;

	buf_byte(b, '{');
	for (int i = 0; i < o->n; i++) {
		if (i)
			buf_byte(b, ',');
		json_put_key(b, str_of(o->key[i]));
		if (cells[i].type == CELL_NULL)
			buf_lit(b, "null");
		else if (cells[i].type == CELL_TEXT)
			json_put_string(b, cells[i].text);
		else
			put_plain(b, &cells[i]);
	}
	buf_byte(b, '}');
}

static void
row_ndjson(struct output *o, const struct cell *cells)
{
	put_json(o, cells);
	buf_byte(&o->spec.to->buf, '\n');
}

static void
row_json(struct output *o, const struct cell *cells)
{
	buf_lit(&o->spec.to->buf, o->rows ? ",\n" : "[");
	put_json(o, cells);
}

static void
end_json(struct output *o)
{
	buf_lit(&o->spec.to->buf, o->rows ? "]\n" : "[]\n");
}

/* ---- csv (RFC 4180), tsv (tab, newline, return and backslash escaped with a backslash; what then begins with a quote is
 * put in quotes as in CSV, which it would else be read as: at-ingest, DuckDB and spreadsheets do) */

/* Most texts have nothing that is to be quoted, and no number has. */
static void
put_csv(struct output *o, const struct cell *c)
{
	struct buf *b = &o->spec.to->buf;
	struct str s = c->text;
	int quote;

	if (c->type != CELL_TEXT) {
		put_plain(b, c);
		return;
	}
	quote = s.n == 0;               /* an empty text is "", NULL is nothing */
	for (size_t i = 0; i < s.n; i++)
		quote |= s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\n' || s.p[i] == '\r';
	if (quote)
		buf_byte(b, '"');
	if (o->spec.safe_csv && s.n && strchr("=+-@\t\r", s.p[0]))
		buf_byte(b, '\'');
	if (!quote) {
		buf_str(b, s);
		return;
	}
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			buf_byte(b, '"');
		buf_byte(b, s.p[i]);
	}
	buf_byte(b, '"');
}

static void
row_csv(struct output *o, const struct cell *cells)
{
	for (int i = 0; i < o->n; i++) {
		if (i)
			buf_byte(&o->spec.to->buf, ',');
		put_csv(o, &cells[i]);
	}
	buf_byte(&o->spec.to->buf, '\n');
}

static void
row_tsv(struct output *o, const struct cell *cells)
{
	struct buf *b = &o->spec.to->buf;

	for (int i = 0, quote; i < o->n; i++) {
		if (i)
			buf_byte(b, '\t');
		buf_clear(&o->scratch);
		put_plain(&o->scratch, &cells[i]);
		if ((quote = o->scratch.n && o->scratch.p[0] == '"'))
			buf_byte(b, '"');
		for (size_t j = 0; j < o->scratch.n; j++) {
			const char *at = strchr("\tt\nn\rr\\\\", o->scratch.p[j]);

			if (o->scratch.p[j] && at && strchr("\t\n\r\\", o->scratch.p[j])) {
				buf_byte(b, '\\');
				buf_byte(b, at[1]);
			} else {
				if (quote && o->scratch.p[j] == '"')
					buf_byte(b, '"');
				buf_byte(b, o->scratch.p[j]);
			}
		}
		if (quote)
			buf_byte(b, '"');
	}
	buf_byte(b, '\n');
}

/* The names as a row of texts, by the format's own row function. */
static void
begin_names(struct output *o)
{
	struct cell *name = mem_new((size_t)o->n * sizeof(*name) + 1);

	for (int i = 0; i < o->n; i++)
		name[i] = cell_text(o->column[i]);
	(o->spec.format == OUTPUT_CSV ? row_csv : row_tsv)(o, name);
	free(name);
}

/* ---- html: a table that can stand by itself or within a page */

void
output_put_html(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		switch (s.p[i]) {
		case '<': buf_lit(b, "&lt;"); break;
		case '>': buf_lit(b, "&gt;"); break;
		case '&': buf_lit(b, "&amp;"); break;
		case '"': buf_lit(b, "&quot;"); break;
		case '\'': buf_lit(b, "&#39;"); break;
		default: buf_byte(b, s.p[i]);
		}
}

static void
begin_html(struct output *o)
{
	struct buf *b = &o->spec.to->buf;

	buf_lit(b, "<table>\n<thead><tr>");
	for (int i = 0; i < o->n; i++) {
		buf_lit(b, "<th>");
		output_put_html(b, o->column[i]);
		buf_lit(b, "</th>");
	}
	buf_lit(b, "</tr></thead>\n<tbody>\n");
}

static void
row_html(struct output *o, const struct cell *cells)
{
	struct buf *b = &o->spec.to->buf;

	buf_lit(b, "<tr>");
	for (int i = 0; i < o->n; i++) {
		buf_lit(b, is_number(&cells[i]) ? "<td align=\"right\">" : "<td>");
		output_put_html(b, shown(o, &cells[i]));
		buf_lit(b, "</td>");
	}
	buf_lit(b, "</tr>\n");
}

static void
end_html(struct output *o)
{
	buf_lit(&o->spec.to->buf, "</tbody>\n</table>\n");
}

/* ---- vertical: a line a cell */

static void
row_vertical(struct output *o, const struct cell *cells)
{
	struct buf *b = &o->spec.to->buf;
	int width = 0;

	for (int i = 0; i < o->n; i++)
		width = width_of(o->column[i]) > width ? width_of(o->column[i]) : width;
	if (o->rows)
		buf_byte(b, '\n');
	for (int i = 0; i < o->n; i++) {
		bold(o, 1);
		width_put(b, o->column[i], width, 1, o->spec.ascii);
		bold(o, 0);
		buf_lit(b, ": ");
		buf_str(b, shown(o, &cells[i]));
		buf_byte(b, '\n');
	}
}

/* ---- chart: one bar a row; the first column names it, the first column of numbers is its length */

static void
put_bar(struct output *o, double share, int room)
{
	static const char *const eighth[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	struct buf *b = &o->spec.to->buf;
	int eighths = (int)lround(share * room * 8);

	if (o->spec.ascii) {
		width_repeat(b, "#", (eighths + 4) / 8);
		return;
	}
	width_repeat(b, "█", eighths / 8);
	buf_lit(b, eighth[eighths % 8]);
}

static double
number_in(const struct cell *c)
{
	return c->type == CELL_INTEGER ? (double)c->integer : c->type == CELL_REAL ? c->real : 0;
}

static int
value_column(const struct output *o)
{
	for (int i = o->n > 1; i < o->n; i++)
		if (is_right(o, i))
			return i;
	return -1;
}

static void
end_chart(struct output *o)
{
	int value = value_column(o), name = 0, figure = 0, room, *width;
	double most = 0;
	struct buf *b = &o->spec.to->buf;

	if (value < 0) {                        /* nothing to draw: the rows as they are */
		end_table(o);
		return;
	}
	width = measure(o);
	name = o->n > 1 ? width[0] > 30 ? 30 : width[0] : 0;
	figure = width[value];
	free(width);
	room = (o->spec.width ? o->spec.width : 80) - name - figure - 4;
	room = room < 10 ? 10 : room;
	for (size_t at = 0; at < o->kept_n; at += (size_t)o->n)
		most = fmax(most, fabs(number_in(&o->kept[at + (size_t)value])));
	if (o->n > 1)
		width_put(b, o->column[0], name, 0, o->spec.ascii);
	buf_lit(b, "  ");
	width_put(b, o->column[value], figure, 1, o->spec.ascii);
	buf_byte(b, '\n');
	for (size_t at = 0; at < o->kept_n; at += (size_t)o->n) {
		double v = number_in(&o->kept[at + (size_t)value]);

		if (o->n > 1)
			width_put(b, shown(o, &o->kept[at]), name, 0, o->spec.ascii);
		buf_lit(b, "  ");
		width_put(b, shown(o, &o->kept[at + (size_t)value]), figure, 1, o->spec.ascii);
		if (v != 0)
			buf_lit(b, v < 0 ? " -" : "  ");
		if (most > 0)
			put_bar(o, fabs(v) / most, room);
		buf_byte(b, '\n');
		out_row(o->spec.to);
	}
}

static const struct output_way ways[OUTPUT_FORMATS] = {
	[OUTPUT_TABLE] = { NULL, NULL, end_table },
	[OUTPUT_BOX] = { NULL, NULL, end_box },
	[OUTPUT_JSON] = { NULL, row_json, end_json },
	[OUTPUT_NDJSON] = { NULL, row_ndjson, NULL },
	[OUTPUT_CSV] = { begin_names, row_csv, NULL },
	[OUTPUT_TSV] = { begin_names, row_tsv, NULL },
	[OUTPUT_MARKDOWN] = { NULL, NULL, end_markdown },
	[OUTPUT_HTML] = { begin_html, row_html, end_html },
	[OUTPUT_CHART] = { NULL, NULL, end_chart },
	[OUTPUT_VERTICAL] = { NULL, row_vertical, NULL },
};

/* "n", "n_2", "n_3": the first free name for each repeated one. */
static void
name_keys(struct output *o)
{
	struct map taken = { 0 };

	for (int i = 0; i < o->n; i++)
		map_put(&taken, o->column[i], NULL);
	for (int i = 0; i < o->n; i++) {
		struct buf key = { 0 };
		int is_new = map_find(&taken, o->column[i])->num++ == 0;

		buf_str(&key, o->column[i]);
		for (int k = 2; !is_new; k++) {
			buf_clear(&key);
			buf_str(&key, o->column[i]);
			buf_printf(&key, "_%d", k);
			map_put(&taken, buf_get(&key), &is_new)->num += is_new;
		}
		buf_text(&key);
		o->key[i] = key.p;
	}
	map_release(&taken);
}

static int
for_people(enum output_format format)
{
	return format == OUTPUT_TABLE || format == OUTPUT_BOX || format == OUTPUT_VERTICAL || format == OUTPUT_CHART || format == OUTPUT_HTML;
}

struct output *
output_new(const struct output_spec *spec, const struct str *columns, int n)
{
	struct output *o = mem_new(sizeof(*o));

	o->spec = *spec;
	o->n = n;
	o->column = mem_new((size_t)n * sizeof(*o->column) + 1);
	o->key = mem_new((size_t)n * sizeof(*o->key) + 1);
	o->text = arena_new(KEPT_MOST);
	for (int i = 0; i < n; i++)
		o->column[i] = (struct str){ mem_dup(columns[i].p, columns[i].n), columns[i].n };
	name_keys(o);
	for (int i = 0; i < n && for_people(spec->format); i++) {       /* names are data too: keys of properties */
		struct cell name = cell_text(o->column[i]);
		struct str safe = shown(o, &name);

		free((char *)o->column[i].p);
		o->column[i] = (struct str){ mem_dup(safe.p, safe.n), safe.n };
	}
	return o;
}

/* The head comes with the first row or at the end: what fails before has none. */
static void
begin(struct output *o)
{
	if (!o->begun && ways[o->spec.format].begin)
		ways[o->spec.format].begin(o);
	o->begun = 1;
}

static int
keep(struct output *o, const struct cell *cells, struct err *err)
{
	if (o->kept_n + (size_t)o->n > o->kept_cap)
		o->kept = mem_grow(o->kept, o->kept_cap = (o->kept_cap + (size_t)o->n) * 2, sizeof(*o->kept));
	for (int i = 0; i < o->n; i++) {
		struct cell c = cells[i];

		if (c.type == CELL_TEXT && !(c.text.p = arena_dup(o->text, c.text.p, c.text.n)))
			return err_set(err, ERR_LIMIT, "the answer is too large for -f %s, use ndjson or csv, or LIMIT", output_names[o->spec.format]);
		o->kept[o->kept_n++] = c;
	}
	return 0;
}

int
output_row(void *output, const struct cell *cells, int n, struct err *err)
{
	struct output *o = output;
	int rc = 0;

	(void)n;
	begin(o);
	if (ways[o->spec.format].row)
		ways[o->spec.format].row(o, cells);
	else
		rc = keep(o, cells, err);
	o->rows++;
	out_row(o->spec.to);
	if (rc == 0)
		rc = out_failed(o->spec.to, err);
	return rc;
}

int64_t
output_count(const struct output *o)
{
	return o->rows;
}

void
output_drop(struct output *o)
{
	for (int i = 0; i < o->n; i++) {
		free((char *)o->column[i].p);
		free(o->key[i]);
	}
	free(o->column);
	free(o->key);
	free(o->kept);
	arena_free(o->text);
	buf_release(&o->scratch);
	free(o);
}

int
output_end(struct output *o, struct err *err)
{
	int rc = 0;

	begin(o);
	if (ways[o->spec.format].end)
		ways[o->spec.format].end(o);
	if (o->spec.to->failed)
		rc = out_failed(o->spec.to, err);
	output_drop(o);
	return rc;
}
