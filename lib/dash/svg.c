#include "dash/svg.h"

#include "base/letter.h"

/* Text of others: escaped, and without what XML does not take. */
static void
put_escaped(struct buf *b, struct str text)
{
	while (text.n) {
		uint32_t c = letter_take(&text);

		if (c & LETTER_NONE || (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0xfffe || c == 0xffff || (c >= 0x202a && c <= 0x202e) ||
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
