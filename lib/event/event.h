/* event.h - the record everything is about, and how a loose JSON object becomes one.
 *
 *      {"event":"page_view","timestamp":"…","id":"…","user_id":"u1","session_id":"s1","properties":{"page":"/home"}}
 *
 * event_read applies the rules of the rows page (at-rows(5)): aliases, times in s, ms, µs, ns, unknown top-level keys
 * folded into properties (a key already there wins), `userId` in properties serving as user_id.
 */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include "base/buf.h"
#include "base/time.h"
#include "json/json.h"

#define EVENT_NAME_MOST 255                     /* bytes of an event's name */
#define EVENT_ID_MOST   1024                    /* bytes of an id, a user's, a session's */
#define EVENT_KEYS_MOST 16384                   /* keys of a row, and of its properties: an event is no database */

struct event {
	struct str name;        /* decoded UTF-8, 1 to EVENT_NAME_MOST bytes */
	int64_t    time;        /* ms since 1970, TIME_MIN to TIME_MAX */
	int64_t    received;    /* ms since 1970: when it came in */
	struct str id, user_id, session_id;     /* decoded; p NULL when there is none. A number is taken as its text */
	struct str properties;  /* a compact JSON object without duplicate keys, "{}" when there are none */
	uint64_t   seq;         /* order of arrival in the store; 0 before it is stored */
};

/* What event_read needs besides the row; memory of the last event read lives here. */
struct event_reader {
	struct str default_name;        /* --event NAME, for rows that have none; p NULL: such a row is rejected */
	int64_t    now;                 /* arrival time, for rows without a timestamp */
	struct str canonical;           /* of the last event read, when the row is what event_put would write of it; else p NULL */
	struct buf text[4], properties, said;   /* zero-initialised, as are the rest; event_reader_release frees */
	struct event_keys *keys;
};
void event_reader_release(struct event_reader *);

/* One object (already complete JSON text; it is checked whole here) as an event. The event borrows from the row and the
 * reader until the next call. 0, or ERR_INPUT with err->col where the row is wrong. */
int event_read(struct event_reader *, struct str row, struct event *, struct err *);
int event_read_checked(struct event_reader *, struct str row, struct event *, struct err *);    /* the text is known to be valid JSON */

/* The same of a row that a format wrote: `properties`, a piece of the row, is the last member, compact, without a key that
 * comes twice or means something to an event, and is taken as it stands. own: NULL, or what stands before it, in this order and
 * without blanks: the texts of event, timestamp, id, user_id and session_id, pieces of the row in which nothing is escaped (and
 * no byte 0x7f is); p NULL: such a key is not there. */
enum { EVENT_OWN_NAME, EVENT_OWN_TIME, EVENT_OWN_ID, EVENT_OWN_USER, EVENT_OWN_SESSION, EVENT_OWN };
int event_read_own(struct event_reader *, struct str row, struct str properties, const struct str own[EVENT_OWN], struct event *, struct err *);

/* The field that a key of a row or of its properties stands for, "user_id" for "userId"; p NULL: for none. */
struct str event_field_of(struct str key);

/* The keys of a row that stand for a field, the field itself first (i 0), then its aliases in their order; p NULL: there are no more, or
 * it is no field of an event's own. Not of properties, which have no alias. */
struct str event_key_of(struct str field, int i);

/* Is it one of id, user_id and session_id, whose numbers are taken as their text? */
int event_is_id(struct str field);

/* Append the canonical form, no newline: event (when it has a name), timestamp, id, user_id, session_id (those that are there), properties. */
void event_put(struct buf *, const struct event *);

/* Append text with everything that is no UTF-8 (a byte, an escaped lone surrogate) as U+FFFD: what --lossy does to a row. */
void event_put_lossy(struct buf *, struct str text);

#endif
