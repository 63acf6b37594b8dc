/* json_priv.h - steps over JSON's bytes that the files of this room share. `p` never passes `end`. */
#ifndef JSON_JSON_PRIV_H
#define JSON_JSON_PRIV_H

#include "json/json.h"

static inline int
json_is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const char *
json_skip_blank(const char *p, const char *end)
{
	while (p < end && json_is_blank(*p))
		p++;
	return p;
}

/* A byte that numbers, true, false and null are made of, or would be if they were wrong: what a scalar runs over. */
static inline int
json_is_scalar(char c)
{
	return (c >= '-' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '+';
}

/* From behind the opening quote to the closing one; NULL when there is none. *escaped becomes 1 at a backslash. */
const char *json_string_end(const char *p, const char *end, uint8_t *escaped);

/* From the opening bracket to behind the one that closes it, by counting; NULL when there is none. */
const char *json_container_end(const char *p, const char *end);

/* The value at p, which is no blank; JSON_NONE when there is none. */
struct json json_at(const char *p, const char *end);

/* What the bytes of a scalar are, all of them: enum json_type, JSON_NONE when they are none. */
uint8_t json_scalar_type(const char *p, const char *end);

/* A number's literal by RFC 8259: the end of the longest one at p, or NULL. */
const char *json_number_end(const char *p, const char *end);

#endif
