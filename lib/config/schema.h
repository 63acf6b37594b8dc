/* schema.h - JSON Schema, the part of it that people write: compiled once, then one walk a value.
 *
 * Keywords (draft 2020-12): type enum const · properties required additionalProperties patternProperties propertyNames
 * minProperties maxProperties · items minItems maxItems uniqueItems · pattern minLength maxLength format (date-time date email uuid
 * uri ipv4) · minimum maximum exclusiveMinimum exclusiveMaximum multipleOf · anyOf oneOf allOf not if then else ·
 * $ref within the document. Words that only describe (title, description, default, examples, $comment, x-…) are passed over.
 * x-unique, a keyword of our own, names a member of an array's objects that no two of them have alike.
 * Any other keyword is an error when it is compiled: a misspelt rule must not pass everything.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include "json/json.h"

struct schema;

/* How `pattern` is matched: the rooms below have no regular expressions, the caller lends its own. */
struct schema_regex {
	void *(*compile)(struct str pattern, struct err *);
	int (*match)(void *compiled, struct str text);  /* 1 somewhere in the text, 0, < 0 on a fault (which counts as no) */
	void (*free)(void *compiled);
};

/* The schema may be a piece of a larger document `root`, which $ref counts from. NULL and the reason, with its path.
 * The text may go away afterwards. regex may be NULL: then `pattern` is an error. */
struct schema *schema_new(struct json schema, struct json root, const struct schema_regex *, struct err *);
void schema_free(struct schema *);

/* Does the value hold to it? 0, or ERR_INPUT: "properties.revenue: wants a number, has \"abc\"".
 * `missing` may be NULL; else it is asked about required keys that the top object does not have (1: it is there elsewhere). */
int schema_check(const struct schema *, struct json value, int (*missing)(void *self, struct str key, struct json *value), void *self, struct err *);

/* Equal as JSON: numbers by value, strings decoded, members in any order. */
int schema_equal(struct json a, struct json b);

/* Is the text of that format? 1, 0; 1 for a format that is not known. */
int schema_format(struct str format, struct str text);

#endif
