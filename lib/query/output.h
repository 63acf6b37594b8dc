/* output.h - an answer as text: a table for people, NDJSON or CSV for the next program.
 *
 * Formats that need to know all rows before the first can be printed (table, box, markdown, chart: widths) keep them, up to
 * a bound; the others write each row as it comes. Control characters of the data never reach a terminal: they are shown as
 * \x1b in table, box, chart and vertical.
 */
#ifndef QUERY_OUTPUT_H
#define QUERY_OUTPUT_H

#include "base/out.h"
#include "json/cell.h"

/* As text of a page or of an attribute's value. */
void output_put_html(struct buf *, struct str);

enum output_format { OUTPUT_TABLE, OUTPUT_BOX, OUTPUT_JSON, OUTPUT_NDJSON, OUTPUT_CSV, OUTPUT_TSV, OUTPUT_MARKDOWN, OUTPUT_HTML,
    OUTPUT_CHART, OUTPUT_VERTICAL, OUTPUT_FORMATS };
extern const char *const output_names[];        /* "table", …; NULL at the end */

/* The format of that name; < 0 with ERR_USAGE. */
int output_find(const char *name, struct err *);

struct output_spec {
	enum output_format format;
	struct out *to;
	int width;              /* columns of the terminal, for charts and for clipping tables; 0: 80 and no clipping */
	int ascii;              /* no characters beyond ASCII in frames and bars */
	int color;              /* names of columns in bold, in table, box and vertical */
	int safe_csv;           /* put ' in front of texts that a spreadsheet would take for a formula (=, +, -, @, tab) */
};

struct output;

/* Column names in order. json and ndjson name a repeated one "x_2", "x_3"; csv and the rest keep it. */
struct output *output_new(const struct output_spec *, const struct str *columns, int n);
int output_row(void *output, const struct cell *, int n, struct err *); /* a cell_sink's row function */

/* What is still to print. 0 or < 0. Frees the output. */
int output_end(struct output *, struct err *);
void output_drop(struct output *);                      /* it failed: nothing is printed that has not been. Frees it */
int64_t output_count(const struct output *);    /* rows so far */

#endif
