/* formats.h - anything into JSON objects: one file a format behind one table.
 *
 * A format takes bytes and gives records: the text of one JSON object each, which event_read then understands (it need not
 * have the event's keys; aliases are the event room's work). For ndjson a record is the line itself, untouched.
 *
 * Text that is no UTF-8, or holds a byte 0, is a bad record; formats_settings.lossy makes U+FFFD of it. What the formats
 * give an event for a name, and where their values go, stands on top of each file and in at-ingest(1).
 */
#ifndef FORMATS_FORMATS_H
#define FORMATS_FORMATS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/in.h"
#include "base/pages.h"
#include "json/json.h"

struct record {                 /* zeros before it is asked for */
	struct str json;        /* one object, borrowed until the next call */
	struct str input;       /* the bytes it was made from, for a reject row */
	struct str header;      /* the line that names what its values are; p NULL: it names them itself */
	long       line;        /* where it began, from 1 */
	int64_t    end;         /* offset of the input behind it: with more == 0, where a later run may go on */
	uint8_t    more;        /* 1: others of the same bytes follow: no place to stop and go on from */
	uint8_t    inside;      /* what format.go_on is to be told by who goes on at `end`: 0 nothing */
	uint8_t    cut;         /* 1: of a bad one: the input ends in the middle of it; it may be whole one day */
	uint8_t    checked;     /* 1: the text was written by us and needs no json_check */
	struct str properties;  /* of json: compact, no key twice, none that means something to an event, and nothing but the
	                         * event's own keys before it (event_read_own); p NULL: not known to be so */
	const struct str *event;/* of json: what these keys say, as event_read_own has it; NULL: not known */
	struct pages *room;     /* of who asks `plain`: json may be written behind what is there, which does not count it; or NULL */
};

struct format {
	const char *name;       /* "combined" */
	const char *does;       /* one line for --help and the page */
	int (*looks)(struct str head, const char *file);        /* 0 no … 100 surely: by the first bytes and the name */
	void *(*open)(struct in *, struct err *);
	int (*next)(void *, struct record *, struct err *);     /* IN_LINE, IN_END, IN_IDLE; ERR_INPUT: this record is bad
	                                                         * (record.input and .line are set), go on; else it is over */
	void (*close)(void *);
	/* For several threads, where a line is a record as a rule; all or none. fork: a state for another thread, of one that has
	 * read records already and outlives it; only `plain` and close are for it. plain: the record of an ordinary line (IN_SLACK
	 * bytes behind it may be read), 1; or 0: `next` is to say what it is. Members that nobody wants (wants NULL: all are) may
	 * be left out there. inside: the state is in a record that goes on in the next line. forget: that record is lost. */
	void *(*fork)(void *, int (*wants)(void *of, struct str key), void *of);
	int (*plain)(void *, struct str line, struct record *);
	int (*inside)(const void *);
	void (*forget)(void *);
	int header;             /* 1: the first line of a file names what follows: whoever goes on in the middle gives it again */
	void (*go_on)(void *, int inside);      /* before the first `next`: the input begins where a record was that said `inside` */
};
extern const struct format *const formats_all[];        /* NULL at the end */

const struct format *formats_find(const char *name, struct err *);      /* NULL and "did you mean" */
const struct format *formats_detect(struct str head, const char *file); /* never NULL: ndjson when nothing fits better */

/* One CloudEvent as the row of an event, appended: what its format makes of it, for who has it already. 0, or ERR_INPUT. */
int formats_cloudevent(struct json, struct buf *row, struct err *);

/* What the command line says to all formats; set before the first `next`. */
struct formats_settings {
	int lossy;              /* --lossy */
	int unnamed;            /* --event NAME is given: names that a format would make up are left out */
	int as_events;          /* only event_read_own reads the records: columns of a table may be put into properties at once */
	const struct zone *zone;/* of log times that have none; NULL: UTC */
};
extern struct formats_settings formats_settings;

#endif
