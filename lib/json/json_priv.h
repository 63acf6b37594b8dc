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

/* From behind the opening quote to the closing one, in text that begins at start; NULL when there is none. *escaped becomes 1 at a backslash. */
const char *json_string_end(const char *p, const char *start, const char *end, uint8_t *escaped);

/* What the bytes of a scalar are, all of them: enum json_type, JSON_NONE when they are none. */
uint8_t json_scalar_type(const char *p, const char *end);

/* A number's literal by RFC 8259: the end of the longest one at p, or NULL. */
const char *json_number_end(const char *p, const char *end);

/* 10^k as 128 bits, the first of them 1: rounded down for k >= 0 (exact up to 55), up for k < 0. */
#define JSON_POWER_LEAST (-342)
#define JSON_POWER_MOST  324
struct json_power { uint64_t high, low; };
struct json_power json_power(int k);

/* For json_check: from a byte in a string that is no plain character (an escape, a control, a byte beyond ASCII) to behind
 * the escape or the characters beyond ASCII that stand there; NULL with *at and *why when they are wrong. */
const char *json_check_special(const char *p, const char *end, const char **at, const char **why);

/* What is there once for each instruction set. check: the first wrong byte, or NULL when all is well. container_end:
 * from behind an opening bracket to behind the one that closes it, by counting; NULL when there is none. walk: over one
 * object of a row (project_priv.h) from its opening bracket to behind its closing one; NULL when something is wrong. by_shape:
 * NULL, or 1 when the row is one that needs no walk, and its values (project_shape_priv.h). */
struct project;
struct json_variant {
	const char *name;
	const char *(*check)(struct str text, const char **why);
	const char *(*container_end)(const char *p, const char *end);
	const char *(*walk)(struct project *, int node, const char *at);
	int (*by_shape)(struct project *, struct json *out);
};
extern const struct json_variant json_avx512, json_avx2, json_sse2, json_neon, json_portable;

/* Those that this machine can run, the best first, NULL at the end. The first is used; tests choose another. */
const struct json_variant *const *json_variants(void);
void json_use(const struct json_variant *);
extern const struct json_variant *json_used;

#endif
