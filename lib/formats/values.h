/* values.h - JSON objects out of a stream that is one value after another, an array of them, or an envelope:
 *
 *      {"a":1} {"a":2}       [{"a":1},{"a":2}]       {"sent":"…","events":[{"a":1},{"a":2}]}
 *
 * Memory is that of the largest object, however long the array. Only the shape is looked at (strings, brackets, commas);
 * what is in an object is checked by who reads it. An object with a key `event` is an event and no envelope. Damage costs
 * what lies up to the end of its line: there reading goes on.
 */
#ifndef FORMATS_VALUES_H
#define FORMATS_VALUES_H

#include "formats/formats.h"

struct values;

/* `envelope`: the key whose array holds the objects; p NULL: none. */
struct values *values_new(struct in *, struct str envelope);
void values_free(struct values *);

/* The next object as record.json (and .input, .line). IN_LINE, IN_END, IN_IDLE, ERR_INPUT, < 0. */
int values_next(struct values *, struct record *, struct err *);

/* The input goes on where another ended behind a record (record.inside): in an array, perhaps. */
void values_go_on(struct values *, int inside);

#endif
