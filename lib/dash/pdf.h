/* pdf.h - a pen that writes pages of PDF (libharu), in the fonts that every reader has.
 *
 * Letters beyond WinAnsi, which those fonts do not have, are '?'. The same drawing gives the same bytes.
 */
#ifndef DASH_PDF_H
#define DASH_PDF_H

#include "base/buf.h"
#include "base/err.h"
#include "dash/pen.h"

struct pdf;

/* A4, lying; drawn on at `scale` points a point, within its margins. `made`: the date in it, ms. */
struct pdf *pdf_new(struct str title, int64_t made, double scale, struct err *);
void pdf_free(struct pdf *);
struct pen *pdf_pen(struct pdf *);              /* draws on the newest page */
void pdf_page(struct pdf *);                    /* begin one */
double pdf_width(const struct pdf *);           /* of a page, in the pen's points */
double pdf_height(const struct pdf *);

/* The document, whole: 0, or ERR_IO for what went wrong with any of it. */
int pdf_put(struct pdf *, struct buf *, struct err *);

#endif
