/* records.h - rows from what is no rows: tables, access logs, whatever a format reads.
 *
 * A record of the format becomes the row that at-ingest -n would write of it, by the rules of at-rows(5), with two
 * differences: it need not have an event's name, and nothing is cleansed. For CSV and access logs that happens in several
 * threads, and there only members that the window looks at are written: what nobody asks for is not looked at either.
 */
#ifndef WINDOW_RECORDS_H
#define WINDOW_RECORDS_H

#include "event/rows.h"
#include "formats/formats.h"
#include "window/window.h"

/* Is the file in a format other than rows? By name and first bytes when format is NULL; it is known to be rows when a line of
 * those is an object. NULL: it is rows. */
const struct format *window_records_format(const struct format *, struct in *, const char *file);

/* Read it whole: what window_row does with each row, bad records rejected as `rows` says. 0, or < 0 what ends the reading. */
int window_records(struct window *, const struct format *, struct in *, struct rows *, struct err *);

#endif
