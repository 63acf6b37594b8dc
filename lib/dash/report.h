/* report.h - a dashboard with words in front: what is worth saying of the period, then what there is to see.
 *
 * The same readings and words give the same bytes.
 */
#ifndef DASH_REPORT_H
#define DASH_REPORT_H

#include "dash/draw.h"

struct report {
	struct drawing drawing;
	const struct str *words;        /* sentences */
	int n_words;
	int width, ascii;               /* of text */
};

enum report_format { REPORT_TEXT, REPORT_MARKDOWN, REPORT_HTML, REPORT_PDF };

/* "text", "markdown", "html", "pdf"; or by the end of a file's name: .txt .md .html .pdf. < 0 with ERR_USAGE. */
int report_find(const char *name, struct err *);
int report_put(const struct report *, enum report_format, struct buf *, struct err *);

#endif
