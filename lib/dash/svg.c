#include "dash/svg.h"

#include "base/letter.h"

/* Text of others: escaped, and without what XML does not take. */
static void
put_escaped(struct buf *b, struct str text)
{
	while (text.n) {
		uint32_t c = letter_take(&text);

		if (c == '\t')
			buf_byte(b, ' ');
		else if (c & LETTER_NONE || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfffe || c == 0xffff || (c >= 0x202a && c <= 0x202e) ||
		    (c >= 0x2066 && c <= 0x2069))
			buf_lit(b, "\xef\xbf\xbd");
		else if (c == '<')
			buf_lit(b, "&lt;");
		else if (c == '>')
			buf_lit(b, "&gt;");
		else if (c == '&')
			buf_lit(b, "&amp;");
		else if (c == '"')
			buf_lit(b, "&quot;");
		else
			letter_put(b, c);
	}
}

/* The same bytes for the same picture: one decimal, none where it is 0. */
static void
put_number(struct buf *b, double v)
{
	size_t from = b->n;

	buf_printf(b, "%.1f", v);
	if (b->n - from > 2 && b->p[b->n - 1] == '0')
		b->n -= 2;
	if (b->n - from == 2 && b->p[from] == '-' && b->p[from + 1] == '0') {
		b->n = from;
		buf_byte(b, '0');
	}
}

static void
put_attribute(struct buf *b, const char *name, double v)
{
	buf_printf(b, " %s=\"", name);
	put_number(b, v);
	buf_byte(b, '"');
}

static void
put_rect(struct buf *b, const char *class, double x, double y, double w, double h, int role)
{
	buf_printf(b, "<rect class=\"%s%d\"", class, role);
	put_attribute(b, "x", x), put_attribute(b, "y", y), put_attribute(b, "width", w < 0 ? 0 : w), put_attribute(b, "height", h < 0 ? 0 : h);
	buf_lit(b, *class == 'o' ? " rx=\"6\"/>\n" : "/>\n");
}

static void
rect(struct pen *pen, double x, double y, double w, double h, enum canvas_role role)
{
	put_rect(((struct svg_pen *)pen)->to, "f", x, y, w, h, (int)role);
}

static void
frame(struct pen *pen, double x, double y, double w, double h, enum canvas_role role)
{
	put_rect(((struct svg_pen *)pen)->to, "o", x, y, w, h, (int)role);
}

static void
put_points(struct buf *b, const double *xy, int n)
{
	buf_lit(b, " points=\"");
	for (int i = 0; i < n; i++) {
		buf_lit(b, i ? " " : "");
		put_number(b, xy[2 * i]);
		buf_byte(b, ',');
		put_number(b, xy[2 * i + 1]);
	}
	buf_lit(b, "\"/>\n");
}

static void
line(struct pen *pen, const double *xy, int n, double width, enum canvas_role role)
{
	struct buf *b = ((struct svg_pen *)pen)->to;

	buf_printf(b, "<polyline class=\"s%d\"", (int)role);
	put_attribute(b, "stroke-width", width);
	put_points(b, xy, n);
}

static void
area(struct pen *pen, const double *xy, int n, enum canvas_role role)
{
	struct buf *b = ((struct svg_pen *)pen)->to;

	buf_printf(b, "<polygon class=\"f%d a\"", (int)role);
	put_points(b, xy, n);
}

static void
text(struct pen *pen, double x, double y, enum pen_anchor anchor, double size, int bold, enum canvas_role role, struct str words)
{
	static const char *const anchors[] = { "", " m", " e" };
	struct buf *b = ((struct svg_pen *)pen)->to;

	buf_printf(b, "<text class=\"f%d%s%s\"", (int)role, anchors[anchor], bold ? " b" : "");
	put_attribute(b, "x", x), put_attribute(b, "y", y), put_attribute(b, "font-size", size);
	buf_byte(b, '>');
	put_escaped(b, words);
	buf_lit(b, "</text>\n");
}

struct svg_pen
svg_pen(struct buf *to)
{
	return (struct svg_pen){ { rect, frame, line, area, text }, to };
}

static void
put_colors(struct buf *b, int dark)
{
	for (int i = 0; i < CANVAS_ROLES; i++) {
		if (dark && i >= CANVAS_HEAT)
			continue;
		buf_printf(b, ".f%d{fill:#%06x}", i, canvas_rgb((enum canvas_role)i, dark));
		if (i < CANVAS_HEAT)
			buf_printf(b, ".s%d{stroke:#%06x}", i, canvas_rgb((enum canvas_role)i, dark));
		buf_byte(b, '\n');
	}
	buf_printf(b, ".o%d{stroke:#%06x;fill:#%s}.page{fill:#%s}\n", CANVAS_FRAME, canvas_rgb(CANVAS_FRAME, dark), dark ? "171c24" : "ffffff", dark ? "0f1319" : "f5f7fa");
}

void
svg_put_style(struct buf *b)
{
	buf_lit(b, "text{font-family:system-ui,Helvetica,Arial,sans-serif}.m{text-anchor:middle}.e{text-anchor:end}.b{font-weight:600}.a{fill-opacity:.22}"
	    "polyline{fill:none;stroke-linejoin:round}");
	buf_printf(b, ".f%d{fill:#fff}\n", CANVAS_ROLES);
	put_colors(b, 0);
	buf_lit(b, "@media(prefers-color-scheme:dark){");
	put_colors(b, 1);
	buf_lit(b, "}\n");
}

void
svg_begin(struct buf *b, double width, double height, struct str title, int is_alone)
{
	buf_lit(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 ");
	put_number(b, width);
	buf_byte(b, ' ');
	put_number(b, height);
	buf_byte(b, '"');
	if (is_alone)
		put_attribute(b, "width", width), put_attribute(b, "height", height);
	buf_lit(b, ">\n");
	if (title.p) {
		buf_lit(b, "<title>");
		put_escaped(b, title);
		buf_lit(b, "</title>\n");
	}
	if (is_alone) {
		buf_lit(b, "<style>");
		svg_put_style(b);
		buf_lit(b, "</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n");
	}
}

void
svg_end(struct buf *b)
{
	buf_lit(b, "</svg>\n");
}

/* ---- a terminal */

#define CELL_W 7.8                      /* of a monospaced letter of 13 points */
#define CELL_H 17.0

/* Cells of one role, side by side, are one text of a given length, so that they stay in their columns in any font. */
static void
put_run(struct buf *b, const struct canvas *c, int from, int to, int y)
{
	int role = canvas_at(c, from, y)->role, blank = 1, plain = 1;
	struct buf words = {0};

	for (int x = from; x < to; x++) {
		const struct canvas_cell *cell = canvas_at(c, x, y);

		const uint32_t letter = !cell->c[0] || (role >= CANVAS_HEAT && cell->c[0] >= 0x2588 && cell->c[0] <= 0x2593) ? ' ' : cell->c[0];

		blank &= letter == ' ';
		plain &= letter < 0x80;
		if (cell->c[0] || !x || !cell[-1].wide)
			letter_put(&words, letter);
		for (int i = 1; i < 3 && cell->c[i]; i++)
			letter_put(&words, cell->c[i]);
	}
	if (role >= CANVAS_HEAT)
		put_rect(b, "f", from * CELL_W, y * CELL_H + 2, (to - from) * CELL_W, CELL_H, role);
	if (!blank) {
		buf_printf(b, "<text class=\"f%d%s\"", role >= CANVAS_HEAT ? role - CANVAS_HEAT > CANVAS_HEATS / 2 ? CANVAS_HEAT : CANVAS_ROLES : role,
		    role == CANVAS_TITLE ? " b" : "");
		put_attribute(b, "x", from * CELL_W), put_attribute(b, "y", (y + 1) * CELL_H - 2);
		if (!plain)
			put_attribute(b, "textLength", (to - from) * CELL_W);
		buf_byte(b, '>');
		put_escaped(b, buf_get(&words));
		buf_lit(b, "</text>\n");
	}
	buf_release(&words);
}

void
svg_put_canvas(struct buf *b, const struct canvas *c, struct str title)
{
	svg_begin(b, c->width * CELL_W + 16, c->height * CELL_H + 20, title, 0);
	buf_lit(b, "<style>text{font:13px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}.b{font-weight:700}\n");
	for (int i = 0; i < CANVAS_ROLES; i++)
		buf_printf(b, ".f%d{fill:#%06x}", i, canvas_rgb((enum canvas_role)i, 1));
	buf_printf(b, ".f%d{fill:#fff}</style>\n<rect width=\"100%%\" height=\"100%%\" rx=\"8\" fill=\"#0f1319\"/><g transform=\"translate(8 6)\">\n", CANVAS_ROLES);
	for (int y = 0; y < c->height; y++)
		for (int from = 0, to; from < c->width; from = to) {
			const struct canvas_cell *cell = canvas_at(c, from, y);

			for (to = from + 1; to < c->width && (canvas_at(c, to, y)->role == cell->role || canvas_at(c, to - 1, y)->wide); to++)
				;
			put_run(b, c, from, to, y);
		}
	buf_lit(b, "</g>");
	svg_end(b);
}
