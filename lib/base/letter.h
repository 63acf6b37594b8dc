/* letter.h - upper and lower case of any script, the same in every locale.
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

uint32_t letter_take(struct str *);             /* the first character, cut off; the text must not be empty */
void letter_put(struct buf *, uint32_t);        /* as it was taken, or mapped */

#endif
