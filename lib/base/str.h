/* str.h - a piece of text that somebody else owns: pointer and length, no final 0. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdint.h>
#include <string.h>

struct str {
	const char *p;          /* NULL: there is none (not the same as empty) */
	size_t      n;          /* bytes */
};

#define STR(literal) ((struct str){ literal, sizeof(literal) - 1 })
#define STR_FMT(s)   (int)(s).n, (s).p          /* for "%.*s" */

static inline struct str
str_of(const char *text)                        /* of a C string; NULL gives none */
{
	return (struct str){ text, text ? strlen(text) : 0 };
}

static inline int
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int str_cmp(struct str a, struct str b);        /* byte order: <0, 0, >0 */
int str_starts(struct str, struct str with);
struct str str_trim(struct str);                /* without ASCII white space at both ends */

/* Cut the next piece up to `sep` off *rest. 1 while there is one, 0 at the end; "a,,b" gives three. */
int str_cut(struct str *rest, char sep, struct str *piece);

/* Whole text as a number. 0, or -1 when it is none, has rest, or does not fit. */
int str_int64(struct str, int64_t *);
int str_double(struct str, double *);           /* decimal only, "." in any locale; no inf, nan or hex */

/* A hexadecimal digit's value, -1: it is none. And just `digits` of them, 8 at most, at p: 1, or 0 when they are not there. */
static inline int
str_hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}
int str_hex(const char *p, const char *end, int digits, uint32_t *value);

/* Check UTF-8 by RFC 3629: shortest forms only, no surrogates, nothing beyond U+10FFFF. The offset of the first wrong byte,
 * or -1 when all is well; letter.h has its characters one at a time. */
long str_utf8_fault(struct str);

/* Behind a byte order mark, where there is one: it says nothing of UTF-8. */
struct str str_unmarked(struct str);

/* A seeded 64-bit hash: the seed is drawn once for each process, so nobody can prepare collisions. */
uint64_t str_hash(struct str);

/* The same with a fixed seed: for sketches and files, the same on every machine for ever. */
uint64_t str_hash_stable(struct str);

/* Damerau distance at most `most`?  For "did you mean". */
int str_near(const char *a, const char *b, int most);

/* The same in search of the nearest of many, the first of those that are as near: when it is, *most becomes one less than its distance. */
int str_nearer(const char *a, const char *b, int *most);

#endif
