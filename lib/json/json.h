/* json.h - JSON as it stands in its bytes: values are borrowed pieces of the text, nothing is built.
 *
 * A `struct json` says where a value begins, how long it is and of what type; it lives as long as the text. Walking an
 * object costs one pass over its bytes. Strings are decoded only when asked for, numbers read only when asked for, and
 * exactly: an integer that fits is an int64, no digit is lost on the way through.
 *
 * json_check accepts exactly RFC 8259 with UTF-8 (RFC 3629), no lone surrogates, no raw control characters, depth at
 * most JSON_DEPTH. The walkers are safe on any bytes but only mean something on text that json_check accepts.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define JSON_DEPTH 512                          /* nesting that is accepted */

enum json_type { JSON_NONE, JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	const char *p;          /* first byte of the value: a quote, a digit, … */
	size_t      n;          /* bytes up to and with the last: the closing quote or bracket */
	uint8_t     type;       /* enum json_type; JSON_NONE: there is no such value */
	uint8_t     escaped;    /* a string with at least one backslash */
};

#define JSON_ABSENT ((struct json){ 0 })

/* Whole text as one value, blanks around it allowed. 0, or ERR_INPUT with err->col at the first wrong byte. 2.1 GB/s a core on
 * events of 300 bytes (tests/bench/project). */
int json_check(struct str text, struct err *);

/* The value that the text holds, blanks around it skipped; type JSON_NONE when its bytes are plainly none or something
 * stands behind it. Checks no deeper than it must to find the value's end: brackets are counted, not matched by kind. */
struct json json_value(struct str text);

/* The same of text that json_check has accepted, without a pass over it. */
struct json json_checked(struct str text);

/* The value at the front of *rest, which is moved behind it: for concatenated values. JSON_NONE at the end (rest empty)
 * or when the bytes are none or incomplete (rest not empty). */
struct json json_take(struct str *rest);

static inline struct str
json_raw(struct json v)                         /* its bytes as they stand */
{
	return (struct str){ v.p, v.n };
}

static inline int
json_is(struct json v, enum json_type type)
{
	return v.type == type;
}

/* Walk an object or array:  for (it = json_iter(v); json_next(&it); ) … it.key (objects), it.value …
 * Duplicate keys come as they stand; the last one is meant. it.fault is set when the walk ended at wrong bytes. */
struct json_iter {
	const char *p, *start, *end;
	struct json key, value; /* key: a JSON_STRING; JSON_NONE in arrays */
	uint8_t object, started, fault;
};
struct json_iter json_iter(struct json container);
int json_next(struct json_iter *);

/* The member with that (decoded) key, the last when there are several; JSON_NONE when there is none or v is no object. */
struct json json_get(struct json v, struct str key);
struct json json_index(struct json v, int64_t i);       /* array item, negative from the end */

/* The decoded text of a string. Borrowed from the JSON itself when nothing is escaped, else written to scratch (cleared
 * first) and borrowed from there. {NULL,0} when v is no string. */
struct str json_text(struct json v, struct buf *scratch);

/* The same as the caller's own, in the arena. {NULL,0} when v is no string, or the arena is full. */
struct str json_text_dup(struct json v, struct arena *);
int json_text_eq(struct json v, struct str text);       /* decoded equals text, without a copy */

/* Numbers. json_int64: 1 when the literal is an integer that fits (also 1.0 and 1e3), else 0. json_double: correctly
 * rounded in any locale; 1, or 0 when v is no number; beyond the range of a double: ±1.797e308 as jq does. */
int json_int64(struct json v, int64_t *);
int json_double(struct json v, double *);

/* Numbers as digits * 10^exponent. json_decimal: correctly rounded; beyond the range: infinity.
 * json_shortest: the fewest digits that read back as d > 0, of those the nearest; they do not end with 0. */
double json_decimal(uint64_t digits, int64_t exponent);
uint64_t json_shortest(double d, int *exponent);

/* Writing. All append to a buf. */
void json_put_string(struct buf *, struct str text);    /* quoted; escapes ", \, controls, 0x7f as jq does; text is UTF-8 */
void json_put_as_typed(struct buf *, struct str text);  /* the same, but 0x7f as it stands: no text that a row has without escapes changes */
void json_put_key(struct buf *, struct str text);       /* the same and a colon */
void json_put_double(struct buf *, double);             /* the fewest digits that read back the same, written as jq 1.6 does: 0.1,
                                                         * 3, 1e-05, 1e+17; NaN is null, ±inf is ±1.7976931348623157e+308 */
/* The same digits as other programs lay them out; 0 as above. POINT: whole ones below 2^53 as 12.0 (Python, Java). ECMA: an exponent from
 * 1e-7 and 1e+21 on, with no more digits than it needs (JavaScript, Go). */
enum { JSON_DOUBLE_POINT = 1, JSON_DOUBLE_ECMA = 2 };
void json_put_double_as(struct buf *, double, unsigned how);
void json_put_int64(struct buf *, int64_t);
void json_put_compact(struct buf *, struct json);       /* the value's own text without blanks between tokens */
void json_put_members(struct buf *, struct json (*member)[2], int n);   /* n keys and values as an object without blanks, in byte order of the keys as
                                                         * they stand; the list is sorted on the way */
void json_put_time(struct buf *, int64_t ms);           /* "2026-11-23T10:15:30.123Z" with quotes */

/* A further member of an object that has one: a comma, the key and the value. */
void json_put_more_text(struct buf *, const char *key, struct str text);
void json_put_more_double(struct buf *, const char *key, double);
void json_put_more_time(struct buf *, const char *key, int64_t ms);

#endif
