/* letter.h - characters of UTF-8 one at a time, and upper and lower case of any script, the same in every locale.
 *
 * Simple case mapping: one character becomes one. So it is quick, needs no library and keeps the number of characters;
 * ß stays what it is, and Turkish has no rules of its own.
 */
#ifndef BASE_LETTER_H
#define BASE_LETTER_H

#include "base/buf.h"
#include "base/str.h"

#define LETTER_NONE 0x80000000u                 /* set for a byte that begins no UTF-8 character: it stands for itself */

uint32_t letter_lower(uint32_t);
uint32_t letter_upper(uint32_t);
uint32_t letter_fold(uint32_t);                 /* letters that differ in nothing but their case have one fold */

/* The first character, cut off; the text must not be empty. Half of a surrogate pair passes; letter_len takes none. */
uint32_t letter_take(struct str *);
void letter_put(struct buf *, uint32_t);        /* as it was taken, or mapped */
size_t letter_write(uint32_t, char to[4]);      /* the same into the caller's bytes: how many */

/* Bytes of the character at p < end by RFC 3629 (table 3-7 of the Unicode standard); 0: there is none. */
static inline size_t
letter_len(const char *at, const char *end)
{
	const unsigned char *p = (const unsigned char *)at;
	unsigned char a = p[0], low = 0x80, high = 0xbf;
	size_t len;

	if (a < 0x80)
		return 1;
	if (a >= 0xc2 && a <= 0xdf)
		len = 2;
	else if (a >= 0xe0 && a <= 0xef)
		len = 3, low = a == 0xe0 ? 0xa0 : 0x80, high = a == 0xed ? 0x9f : 0xbf;
	else if (a >= 0xf0 && a <= 0xf4)
		len = 4, low = a == 0xf0 ? 0x90 : 0x80, high = a == 0xf4 ? 0x8f : 0xbf;
	else
		return 0;
	if ((size_t)(end - at) < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

#endif
