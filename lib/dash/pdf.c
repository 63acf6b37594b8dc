#include "dash/pdf.h"

#include <hpdf.h>
#include <stdlib.h>

#include "base/cmd.h"
#include "base/later.h"
#include "base/letter.h"
#include "base/mem.h"
#include "base/time.h"

/* ---- libharu, of which these are used: it and libpng are loaded with the first page, which few runs draw */

#define NAMES(f) f(HPDF_AddPage) f(HPDF_Free) f(HPDF_GetFont) f(HPDF_GetVersion) f(HPDF_New) f(HPDF_Page_BeginText) \
	f(HPDF_Page_EndText) f(HPDF_Page_Fill) f(HPDF_Page_LineTo) f(HPDF_Page_MoveTo) f(HPDF_Page_Rectangle) f(HPDF_Page_SetFontAndSize) \
	f(HPDF_Page_SetHeight) f(HPDF_Page_SetLineJoin) f(HPDF_Page_SetLineWidth) f(HPDF_Page_SetRGBFill) f(HPDF_Page_SetRGBStroke) \
	f(HPDF_Page_SetWidth) f(HPDF_Page_Stroke) f(HPDF_Page_TextOut) f(HPDF_Page_TextWidth) f(HPDF_ReadFromStream) f(HPDF_ResetStream) \
	f(HPDF_SaveToStream) f(HPDF_SetCompressionMode) f(HPDF_SetInfoAttr) f(HPDF_SetInfoDateAttr)
static struct { NAMES(LATER_POINTER) } lib;
static const struct later_symbol symbols[] = { NAMES(LATER_SYMBOL) { 0 } };
#define HPDF_AddPage             (*lib.HPDF_AddPage)
#define HPDF_Free                (*lib.HPDF_Free)
#define HPDF_GetFont             (*lib.HPDF_GetFont)
#define HPDF_GetVersion          (*lib.HPDF_GetVersion)
#define HPDF_New                 (*lib.HPDF_New)
#define HPDF_Page_BeginText      (*lib.HPDF_Page_BeginText)
#define HPDF_Page_EndText        (*lib.HPDF_Page_EndText)
#define HPDF_Page_Fill           (*lib.HPDF_Page_Fill)
#define HPDF_Page_LineTo         (*lib.HPDF_Page_LineTo)
#define HPDF_Page_MoveTo         (*lib.HPDF_Page_MoveTo)
#define HPDF_Page_Rectangle      (*lib.HPDF_Page_Rectangle)
#define HPDF_Page_SetFontAndSize (*lib.HPDF_Page_SetFontAndSize)
#define HPDF_Page_SetHeight      (*lib.HPDF_Page_SetHeight)
#define HPDF_Page_SetLineJoin    (*lib.HPDF_Page_SetLineJoin)
#define HPDF_Page_SetLineWidth   (*lib.HPDF_Page_SetLineWidth)
#define HPDF_Page_SetRGBFill     (*lib.HPDF_Page_SetRGBFill)
#define HPDF_Page_SetRGBStroke   (*lib.HPDF_Page_SetRGBStroke)
#define HPDF_Page_SetWidth       (*lib.HPDF_Page_SetWidth)
#define HPDF_Page_Stroke         (*lib.HPDF_Page_Stroke)
#define HPDF_Page_TextOut        (*lib.HPDF_Page_TextOut)
#define HPDF_Page_TextWidth      (*lib.HPDF_Page_TextWidth)
#define HPDF_ReadFromStream      (*lib.HPDF_ReadFromStream)
#define HPDF_ResetStream         (*lib.HPDF_ResetStream)
#define HPDF_SaveToStream        (*lib.HPDF_SaveToStream)
#define HPDF_SetCompressionMode  (*lib.HPDF_SetCompressionMode)
#define HPDF_SetInfoAttr         (*lib.HPDF_SetInfoAttr)
#define HPDF_SetInfoDateAttr     (*lib.HPDF_SetInfoDateAttr)

static const char *
version(void)
{
	struct err err = {0};

	return later_open(LIBHPDF, symbols, &err) < 0 ? "missing" : HPDF_GetVersion();
}
CMD_LIBRARY("libharu", version())

#define PAGE_WIDTH  841.89
#define PAGE_HEIGHT 595.28
#define MARGIN      30.0
#define LIGHT       0.25                /* of an area's colour, the rest is white */

struct pdf {
	struct pen pen;                 /* first: a pen is its document */
	HPDF_Doc doc;
	HPDF_Page page;
	HPDF_Font plain, bold;
	double scale;
	HPDF_STATUS failed;             /* the first failure */
};

static void
fail(HPDF_STATUS status, HPDF_STATUS detail, void *self)
{
	struct pdf *p = self;

	(void)detail;
	if (!p->failed)
		p->failed = status;
}

/* Of WinAnsi what is not at its number in Unicode: 0x80 to 0x9f. */
static const uint16_t upper[32] = { 0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0, 0, 0x2018,
	0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178 };

static void
put_winansi(struct buf *b, struct str text)
{
	while (text.n) {
		uint32_t c = letter_take(&text);
		int at = 0;

		if ((c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c < 0x100)) {
			buf_byte(b, (char)c);
			continue;
		}
		while (at < 32 && (upper[at] != c || !c))
			at++;
		buf_byte(b, at < 32 ? (char)(0x80 + at) : '?');
	}
}

/* ---- the pen: from its points, y down, to the page's, y up */

static float
across(const struct pdf *p, double x)
{
	return (float)(MARGIN + x * p->scale);
}

static float
up(const struct pdf *p, double y)
{
	return (float)(PAGE_HEIGHT - MARGIN - y * p->scale);
}

static uint32_t
rgb_of(enum canvas_role role)
{
	return role == CANVAS_ROLES ? 0xffffff : canvas_rgb(role, 0);
}

static void
fill_with(struct pdf *p, enum canvas_role role, double share)
{
	uint32_t rgb = rgb_of(role);
	double part[3];

	for (int i = 0; i < 3; i++)
		part[i] = 1 - share * (1 - (rgb >> (16 - 8 * i) & 255) / 255.0);
	HPDF_Page_SetRGBFill(p->page, (float)part[0], (float)part[1], (float)part[2]);
}

static void
stroke_with(struct pdf *p, enum canvas_role role, double width)
{
	uint32_t rgb = rgb_of(role);

	HPDF_Page_SetRGBStroke(p->page, (float)((rgb >> 16) / 255.0), (float)((rgb >> 8 & 255) / 255.0), (float)((rgb & 255) / 255.0));
	HPDF_Page_SetLineWidth(p->page, (float)(width * p->scale));
	HPDF_Page_SetLineJoin(p->page, HPDF_ROUND_JOIN);
}

static void
rect(struct pen *pen, double x, double y, double w, double h, enum canvas_role role)
{
	struct pdf *p = (struct pdf *)pen;

	if (w <= 0 || h <= 0)
		return;
	fill_with(p, role, 1);
	HPDF_Page_Rectangle(p->page, across(p, x), up(p, y + h), (float)(w * p->scale), (float)(h * p->scale));
	HPDF_Page_Fill(p->page);
}

static void
frame(struct pen *pen, double x, double y, double w, double h, enum canvas_role role)
{
	struct pdf *p = (struct pdf *)pen;

	stroke_with(p, role, 1);
	HPDF_Page_Rectangle(p->page, across(p, x), up(p, y + h), (float)(w * p->scale), (float)(h * p->scale));
	HPDF_Page_Stroke(p->page);
}

static void
go_through(struct pdf *p, const double *xy, int n)
{
	HPDF_Page_MoveTo(p->page, across(p, xy[0]), up(p, xy[1]));
	for (int i = 1; i < n; i++)
		HPDF_Page_LineTo(p->page, across(p, xy[2 * i]), up(p, xy[2 * i + 1]));
}

static void
line(struct pen *pen, const double *xy, int n, double width, enum canvas_role role)
{
	struct pdf *p = (struct pdf *)pen;

	if (n < 2)
		return;
	stroke_with(p, role, width);
	go_through(p, xy, n);
	HPDF_Page_Stroke(p->page);
}

static void
area(struct pen *pen, const double *xy, int n, enum canvas_role role)
{
	struct pdf *p = (struct pdf *)pen;

	if (n < 3)
		return;
	fill_with(p, role, LIGHT);
	go_through(p, xy, n);
	HPDF_Page_Fill(p->page);
}

static void
text(struct pen *pen, double x, double y, enum pen_anchor anchor, double size, int bold, enum canvas_role role, struct str words)
{
	struct pdf *p = (struct pdf *)pen;
	struct buf encoded = {0};
	float wide;

	put_winansi(&encoded, words);
	HPDF_Page_BeginText(p->page);
	HPDF_Page_SetFontAndSize(p->page, bold ? p->bold : p->plain, (float)(size * p->scale));
	fill_with(p, role, 1);
	wide = HPDF_Page_TextWidth(p->page, buf_text(&encoded));
	HPDF_Page_TextOut(p->page, across(p, x) - (anchor == PEN_RIGHT ? wide : anchor == PEN_MIDDLE ? wide / 2 : 0), up(p, y), buf_text(&encoded));
	HPDF_Page_EndText(p->page);
	buf_release(&encoded);
}

/* ---- the document */

struct pdf *
pdf_new(struct str title, int64_t made, double scale, struct err *err)
{
	struct buf encoded = {0};
	struct civil t;
	struct pdf *p;

	if (later_open(LIBHPDF, symbols, err) < 0)
		return NULL;
	p = mem_new(sizeof(*p));
	p->pen = (struct pen){ rect, frame, line, area, text };
	p->scale = scale;
	if (!(p->doc = HPDF_New(fail, p))) {
		free(p);
		err_set(err, ERR_IO, "libharu: no document to be had");
		return NULL;
	}
	HPDF_SetCompressionMode(p->doc, HPDF_COMP_ALL);
	p->plain = HPDF_GetFont(p->doc, "Helvetica", "WinAnsiEncoding");
	p->bold = HPDF_GetFont(p->doc, "Helvetica-Bold", "WinAnsiEncoding");
	put_winansi(&encoded, title);
	HPDF_SetInfoAttr(p->doc, HPDF_INFO_TITLE, buf_text(&encoded));
	time_civil(made, &t);
	HPDF_SetInfoDateAttr(p->doc, HPDF_INFO_CREATION_DATE, (HPDF_Date){ t.year, t.month, t.day, t.hour, t.minute, t.second, 'Z', 0, 0 });
	buf_release(&encoded);
	pdf_page(p);
	return p;
}

void
pdf_free(struct pdf *p)
{
	if (!p)
		return;
	HPDF_Free(p->doc);
	free(p);
}

struct pen *
pdf_pen(struct pdf *p)
{
	return &p->pen;
}

void
pdf_page(struct pdf *p)
{
	p->page = HPDF_AddPage(p->doc);
	HPDF_Page_SetWidth(p->page, (float)PAGE_WIDTH);
	HPDF_Page_SetHeight(p->page, (float)PAGE_HEIGHT);
}

double
pdf_width(const struct pdf *p)
{
	return (PAGE_WIDTH - 2 * MARGIN) / p->scale;
}

double
pdf_height(const struct pdf *p)
{
	return (PAGE_HEIGHT - 2 * MARGIN) / p->scale;
}

int
pdf_put(struct pdf *p, struct buf *to, struct err *err)
{
	HPDF_SaveToStream(p->doc);
	HPDF_ResetStream(p->doc);
	for (HPDF_UINT32 n = 65536; !p->failed && n == 65536; ) {
		HPDF_STATUS rc = HPDF_ReadFromStream(p->doc, (HPDF_BYTE *)buf_room(to, n), &n);

		if (rc == HPDF_STREAM_EOF)
			p->failed = 0;          /* the last piece is the end too */
		to->n += n;
	}
	return p->failed ? err_set(err, ERR_IO, "libharu: error 0x%lx", (unsigned long)p->failed) : 0;
}
