#include "dash/page.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/width.h"
#include "dash/picture.h"
#include "dash/svg.h"
#include "query/output.h"

static const char style[] =
	":root{color-scheme:light dark;--page:#f5f7fa;--card:#fff;--ink:#1f2933;--faint:#5f6b7a;--frame:#c9d1da}\n"
	"@media(prefers-color-scheme:dark){:root{--page:#0f1319;--card:#171c24;--ink:#e6e9ee;--faint:#9aa5b4;--frame:#3a4452}}\n"
	"body{margin:0 auto;padding:1rem;max-width:1400px;background:var(--page);color:var(--ink);font:14px/1.45 system-ui,Helvetica,Arial,sans-serif}\n"
	"h1{font-size:1.4rem;margin:.2rem 0}.when{color:var(--faint);margin:0 0 1rem}\n"
	"main{display:grid;grid-template-columns:repeat(12,1fr);gap:.6rem}\n"
	"figure{margin:0;min-width:0}svg{display:block;width:100%;height:auto}\n"
	"details{font-size:12px;color:var(--faint)}summary{cursor:pointer;padding:.2rem .5rem}\n"
	".rows{overflow:auto;max-height:24rem}table{border-collapse:collapse;color:var(--ink);width:100%}\n"
	"th,td{text-align:left;padding:.15rem .6rem;border-bottom:1px solid var(--frame);unicode-bidi:isolate;white-space:nowrap}\n"
	"td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\n"
	".words{background:var(--card);border:1px solid var(--frame);border-radius:6px;padding:.4rem 1rem;margin-bottom:.8rem}\n"
	"@media(max-width:700px){figure{grid-column:1/-1!important}}\n"
	"@media print{details{display:none}figure{break-inside:avoid}}\n";

/* Text of others: escaped, its control characters shown. */
static void
put_text(struct buf *to, struct str text)
{
	struct buf shown = {0};

	width_put_shown(&shown, text);
	output_put_html(to, buf_get(&shown));
	buf_release(&shown);
}

static int
is_number(const struct answer *a, int column)
{
	for (int i = 0; i < a->rows; i++)
		if (answer_cell(a, i, column)->type == CELL_TEXT)
			return 0;
	return a->rows > 0;
}

static void
put_table(struct buf *to, const struct drawing *d, const struct answer *a)
{
	struct buf text = {0};

	if (!a->columns)
		return;
	buf_lit(to, "<details><summary>Table</summary><div class=\"rows\" tabindex=\"0\"><table><thead><tr>");
	for (int k = 0; k < a->columns; k++) {
		buf_printf(to, "<th%s>", is_number(a, k) ? " class=\"n\"" : "");
		put_text(to, a->column[k]);
		buf_lit(to, "</th>");
	}
	buf_lit(to, "</tr></thead><tbody>\n");
	for (int i = 0; i < a->rows && i < PAGE_ROWS; i++) {
		buf_lit(to, "<tr>");
		for (int k = 0; k < a->columns; k++) {
			buf_clear(&text);
			reading_put_cell(&text, answer_cell(a, i, k), d->period.zone);
			buf_lit(to, answer_cell(a, i, k)->type == CELL_TEXT ? "<td>" : "<td class=\"n\">");
			put_text(to, buf_get(&text));
			buf_lit(to, "</td>");
		}
		buf_lit(to, "</tr>\n");
	}
	buf_lit(to, "</tbody></table></div>");
	if (a->rows > PAGE_ROWS)
		buf_printf(to, "<p>and %d more</p>", a->rows - PAGE_ROWS);
	buf_lit(to, "</details>");
	buf_release(&text);
}

void
page_put(struct buf *to, const struct drawing *d, struct str more)
{
	struct place *place = mem_new((size_t)d->definition->n * sizeof(*place) + 1);
	char when[TIME_LEN];

	layout_page(d->definition, PICTURE_COLUMN, PICTURE_ROW, place);
	time_print(d->period.at - 1, when);
	buf_lit(to, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>");
	put_text(to, d->definition->title);
	buf_lit(to, "</title>\n<style>\n");
	buf_lit(to, style);
	svg_put_style(to);
	buf_lit(to, "</style></head><body>\n<h1>");
	put_text(to, d->definition->title);
	buf_lit(to, "</h1><p class=\"when\">");
	buf_add(to, when, TIME_LEN);
	buf_lit(to, "</p>\n");
	if (more.p)
		buf_str(to, more);
	buf_lit(to, "<main>\n");
	for (int i = 0; i < d->definition->n; i++) {
		struct place p = place[i];
		struct svg_pen pen = svg_pen(to);

		buf_printf(to, "<figure style=\"grid-column:%d/span %d;grid-row:%d/span %d\">", p.x / PICTURE_COLUMN + 1, p.w / PICTURE_COLUMN, p.y / PICTURE_ROW + 1,
		    p.h / PICTURE_ROW);
		svg_begin(to, p.w, p.h, d->definition->widget[i].title, 0);
		p.x = p.y = 0;
		picture_widget(&pen.pen, d, i, p);
		svg_end(to);
		put_table(to, d, &d->readings[i].table);
		buf_lit(to, "</figure>\n");
	}
	buf_lit(to, "</main></body></html>\n");
	free(place);
}
