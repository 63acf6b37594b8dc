/* reject.h - rows that were refused: counted, shown, kept for a second try.
 *
 *      {"error":"…","source":"FILE","line":17,"input":"the line as it came","header":"a,b"}
 *
 * The header is there for rows that do not name their own values (CSV): a second try needs it.
 * Without a file the first ten are said on stderr as "at-ingest: FILE:LINE:COL: what: 'the line, clipped'".
 */
#ifndef EVENT_REJECT_H
#define EVENT_REJECT_H

#include "base/out.h"

#define REJECT_SHOWN 10
#define REJECT_INPUT_MOST (1u << 20)            /* bytes of the input that a reject row keeps; bytes that are no UTF-8 come as U+FFFD */

struct rejects {
	struct out *to;         /* -r FILE; NULL: shown on stderr */
	long count;
	struct str header;      /* of the rows at hand; p NULL: none */
};

/* Refuse one row: err says why (col within the row when known). Calls cmd_rejected. */
void reject_row(struct rejects *, const char *source, long line, struct str input, const struct err *why);

/* "at-agg: 12 rows rejected" when some were and more than were shown; not with -q. */
void reject_close(struct rejects *);

#endif
