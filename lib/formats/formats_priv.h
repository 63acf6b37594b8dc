/* formats_priv.h - what the formats share: lines that are good text, records in the making, guessing.
 *
 * Most formats are "a line, a record": they open with formats_open, and their `next` is formats_line, a cut of the line
 * into borrowed pieces, and a record written from them.
 */
#ifndef FORMATS_PRIV_H
#define FORMATS_PRIV_H

#include "base/map.h"
#include "formats/formats.h"
#include "json/json.h"

#define FORMATS_FEW 24

struct formats_state {
	struct in *in;
	struct buf json;        /* the record in the making */
	struct buf mended;      /* the line after --lossy */
	int    what;            /* is in the line: FORMATS_HIGH and so on */
	struct buf scratch, scratch2;
	struct { uint64_t few[FORMATS_FEW]; int n; struct map many; } keys;     /* those of the record */
	struct map types;       /* prometheus: name → enum */
};
void *formats_open(struct in *, struct err *);
void formats_close(void *);
int formats_is_inside(const void *);            /* never: a line, a record */
void formats_forget(void *);                    /* nothing */

/* The next line that is not empty, good UTF-8 without a byte 0 (or mended), with record.input, .line and .checked set.
 * IN_LINE, IN_END, IN_IDLE, ERR_INPUT, < 0. */
int formats_line(struct formats_state *, struct record *, struct str *line, struct err *);

/* The same in two steps: any line that is not empty (IN_SLACK bytes behind it may be read), and what must be true of it. */
int formats_line_any(struct formats_state *, struct record *, struct str *line, struct err *);
int formats_line_good(struct formats_state *, struct str *line, struct err *);

/* Is the text, in which formats_scan found `what`, good? 0, or ERR_INPUT with the column. --lossy: it is mended into `mended` and *text is that. */
int formats_text_good(struct str *text, int what, struct buf *mended, struct err *);

/* What is in some bytes: one pass, 16 at a time. */
enum { FORMATS_HIGH = 1, FORMATS_ESCAPE = 2, FORMATS_ZERO = 4, FORMATS_QUOTE = 8 };    /* ≥ 0x80; controls, backslash; 0; " */
int formats_scan(const char *p, size_t n);

/* ---- a record:  {"event":…,"timestamp":…,"properties":{…}}   or flat, for formats whose keys are the user's */
void formats_begin(struct formats_state *);                             /* `{` */
void formats_event(struct formats_state *, struct str name);            /* cut to 255 bytes of whole characters */
void formats_time(struct formats_state *, int64_t ms);
void formats_top(struct formats_state *, const char *key);              /* a key of the record itself, and its colon */
void formats_properties(struct formats_state *);                        /* `"properties":{` */
void formats_end(struct formats_state *, struct record *, int open);    /* `open` braces closed; the record is whole */

/* Room for a record of up to n bytes, where the caller of `plain` wants it or in `own`. */
static inline char *
formats_room(struct buf *own, const struct record *r, size_t n)
{
	if (r->room) {
		pages_room(r->room, n);
		return r->room->buf.p + r->room->buf.n;
	}
	buf_clear(own);
	return buf_room(own, n);
}

/* A member's key and colon. `_key`: a name that the record already has becomes name_2. `_member`: 0 when it has it. */
void formats_key(struct formats_state *, struct str key);
int formats_member(struct formats_state *, struct str key);
int formats_is_new(struct formats_state *, struct str key);             /* the record has no such key; now it has */
void formats_text(struct formats_state *, const char *key, struct str value);   /* a member; left out when value.p is NULL */
void formats_value(struct formats_state *, const char *key, struct json value); /* the same, as it is; left out when absent or null */
void formats_members(struct formats_state *, struct json object);       /* all of an object's, null ones too */
void formats_scalar(struct formats_state *, struct str value);          /* a number, true or false as what it is, else text */

int formats_is_number(struct str);                                      /* a JSON number */
int formats_is_plain_number(struct str);                                /* the same without exponent, at most 18 digits before the point */

/* Share (percent) of the head's first lines that `fits` takes; blank ones do not count, nor a last one that may be cut.
 * -1 when there is no line. */
int formats_share(struct str head, int (*fits)(struct str line));
int formats_named(const char *file, const char *endings);              /* ".csv.tsv": does the name end so (or so and .gz)? */
struct str formats_first_line(struct str head);

extern int formats_csv_by_library;      /* csv.c: for tests */
extern const struct format formats_ndjson, formats_json, formats_csv, formats_tsv, formats_combined, formats_common,
    formats_logfmt, formats_syslog, formats_statsd, formats_influx, formats_prometheus, formats_otlp, formats_cloudevents,
    formats_segment, formats_singer;

#endif
